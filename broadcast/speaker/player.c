/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/player.h"
#include <math.h>
#include <string.h>
#include "broadcast/link/siren.h"
#include "broadcast/speaker/tuner.h"
#include "broadcast/speaker/station.h"
#include "broadcast/speaker/slip.h"
#include "broadcast/speaker/tape.h"

#define DECKS 4u
#define LATE_SAMPLES (2 * BC_PLAYER_RATE) /* a deck so far from its place is opened anew */
#define DECLICK 0.985f             /* what was cut off dies away with a millisecond or so */
#define LINE_TEST_HZ 1000.0
#define LINE_TEST_AMPLITUDE 0.1f

typedef struct Deck {            /* a file that sounds or soon will */
    char sha256[65];
    int64_t origin_us;           /* server time of its sample 0 */
    int64_t used_us;             /* last looked at */
    BcTape *tape;
} Deck;

typedef struct Wish {            /* what render lacks */
    char sha256[65];
    int64_t origin_us;           /* 0: nothing */
} Wish;

struct BcPlayer {
    BcPlayerOps ops;
    char *device;
    bool patient;
    GMutex lock;                 /* decks, wishes, relay, ear: held for moments */
    Deck decks[DECKS];
    Wish wishes[DECKS];
    BcStation *relay;
    char *relay_occurrence;
    BcTuner *tuner;
    BcLinkCommand want;          /* wanted live sound and relay: copies (look -> tend) */
    char *want_relay_url, *want_relay_occurrence;
    int64_t want_relay_silence_us;
    unsigned want_buffer_ms;
    bool want_live;
    BcLinkMedia want_fallback;
    int64_t fallback_origin_us;
    BcPlayerStats stats;
    /* render */
    BcSlip slip;
    uint64_t serial;
    BcDutySound sound;
    int64_t cycle_us;            /* origin of the cycle that sounds */
    float gain, last, click;
    bool broken;                 /* the file that should sound cannot be decoded */
    float source[BC_SLIP_NEED_MAX];
};

BcPlayer *bc_player_new(const char *device, const BcPlayerOps *ops)
{
    BcPlayer *player = g_new0(BcPlayer, 1);
    player->ops = *ops;
    player->device = g_strdup(device);
    g_mutex_init(&player->lock);
    return player;
}

void bc_player_free(BcPlayer *player)
{
    if (!player)
        return;
    for (unsigned i = 0; i < DECKS; i++)
        bc_tape_free(player->decks[i].tape);
    bc_station_free(player->relay);
    bc_tuner_free(player->tuner);
    bc_link_command_clear(&player->want);
    g_free(player->relay_occurrence);
    g_free(player->want_relay_url);
    g_free(player->want_relay_occurrence);
    g_mutex_clear(&player->lock);
    g_free(player->device);
    g_free(player);
}

void bc_player_set_patient(BcPlayer *player, bool patient)
{
    player->patient = patient;
}

/* ---------------------------------------------------------------- decks */

static Deck *find_deck(BcPlayer *player, const char *sha256, int64_t origin_us)
{
    for (unsigned i = 0; i < DECKS; i++)
        if (player->decks[i].tape && player->decks[i].origin_us == origin_us && !strcmp(player->decks[i].sha256, sha256))
            return &player->decks[i];
    return NULL;
}

static void wish(BcPlayer *player, const char *sha256, int64_t origin_us, int64_t now_us)
{
    Deck *deck = find_deck(player, sha256, origin_us);
    Wish *spare = NULL;
    if (deck) {
        deck->used_us = now_us;
        return;
    }
    for (unsigned i = 0; i < DECKS; i++) {
        Wish *w = &player->wishes[i];
        if (w->origin_us == origin_us && !strcmp(w->sha256, sha256))
            return;
        if (!w->origin_us)
            spare = w;
    }
    if (spare) {
        g_strlcpy(spare->sha256, sha256, sizeof(spare->sha256));
        spare->origin_us = origin_us;
    }
}

/* Which cycle of a repeated item stands at t, and how long one is. */
static int64_t cycle_of(const BcLinkItem *item, int64_t t_us, int64_t origin_us, int64_t *ret_length_us)
{
    unsigned repeats = MAX(item->repeats, 1);
    int64_t length_us = (item->duration_us - (int64_t)(repeats - 1) * item->gap_us) / repeats, whole_us = length_us + item->gap_us;
    *ret_length_us = MAX(length_us, 0);
    if (repeats == 1 || whole_us <= 0 || t_us < origin_us)
        return origin_us;
    return origin_us + MIN((t_us - origin_us) / whole_us, (int64_t)repeats - 1) * whole_us;
}

static void wish_item(BcPlayer *player, const BcLinkItem *item, int64_t origin_us, int64_t now_us)
{
    int64_t length_us;
    if (item->kind != BC_LINK_CONTENT || !item->media.sha256 || !*item->media.sha256)
        return;
    int64_t cycle_us = cycle_of(item, now_us, origin_us, &length_us);
    wish(player, item->media.sha256, cycle_us, now_us);
    int64_t next_us = cycle_of(item, now_us + BC_PLAYER_AHEAD_US, origin_us, &length_us);
    if (next_us != cycle_us)
        wish(player, item->media.sha256, next_us, now_us);
}

static void want_live(BcPlayer *player, const BcDuty *desk, int64_t now_us)
{
    const BcLinkLive *live = bc_duty_live_wanted(desk, now_us);
    if (live && player->want_live && !g_strcmp0(live->occurrence, player->want.live.occurrence))
        return;
    bc_link_command_clear(&player->want);
    memset(&player->want, 0, sizeof(player->want));
    player->want_live = false;
    if (!live)
        return;
    BcLinkCommand shell = {.id = (char *)"x", .verb = BC_LINK_LIVE, .expires_us = 1000, .live = *live, .volume = -1};
    g_autofree char *text = bc_link_command_format(&shell);
    player->want_live = bc_link_command_parse(&player->want, text, strlen(text), NULL);
    player->want_buffer_ms = bc_duty_manifest(desk) ? bc_duty_manifest(desk)->live_buffer_ms : 0;
}

static void want_relay(BcPlayer *player, const BcDutyNow *now, const BcLinkItem *next, int64_t now_us)
{
    const BcLinkItem *item = now->sound == BC_DUTY_RELAY ? now->item : next && next->kind == BC_LINK_RELAY ? next : NULL;
    if (!item || !item->relay_url) {
        g_clear_pointer(&player->want_relay_url, g_free);
        g_clear_pointer(&player->want_relay_occurrence, g_free);
        return;
    }
    if (now->sound == BC_DUTY_RELAY && now->item->fallback.sha256 && *now->item->fallback.sha256) {
        wish(player, now->item->fallback.sha256, player->fallback_origin_us ? player->fallback_origin_us : now->origin_us, now_us);
    }
    if (!g_strcmp0(player->want_relay_occurrence, item->occurrence))
        return;
    g_free(player->want_relay_url);
    g_free(player->want_relay_occurrence);
    player->want_relay_url = g_strdup(item->relay_url);
    player->want_relay_occurrence = g_strdup(item->occurrence);
    player->want_relay_silence_us = item->silence_max_us;
    player->fallback_origin_us = 0;
}

void bc_player_look(BcPlayer *player, const BcDuty *desk, int64_t now_us)
{
    const BcDutyNow *now = bc_duty_now(desk);
    int64_t origin_us = 0;
    const BcLinkItem *next = bc_duty_next(desk, now_us, BC_PLAYER_AHEAD_US, &origin_us);
    g_mutex_lock(&player->lock);
    if (now->sound == BC_DUTY_FILE)
        wish_item(player, now->item, now->origin_us, now_us);
    if (next)
        wish_item(player, next, origin_us, MAX(now_us, origin_us));
    want_relay(player, now, next, now_us);
    want_live(player, desk, now_us);
    g_mutex_unlock(&player->lock);
}

/* Opens one wish; the longest unused deck makes room. */
static void grant(BcPlayer *player, const Wish *w, int64_t now_us)
{
    g_autofree char *path = player->ops.media_path(w->sha256, player->ops.user);
    if (!path)
        return;
    /* decoding takes a moment: begin a little behind what is due by then */
    int64_t from = (now_us - w->origin_us) * BC_PLAYER_RATE / 1000000;
    BcTape *tape = bc_tape_open(path, from > BC_PLAYER_RATE / 2 ? from : 0), *old;
    g_mutex_lock(&player->lock);
    Deck *deck = &player->decks[0];
    for (unsigned i = 1; i < DECKS; i++)
        if (!player->decks[i].tape || (deck->tape && player->decks[i].used_us < deck->used_us))
            deck = &player->decks[i];
    old = deck->tape;
    *deck = (Deck){.origin_us = w->origin_us, .used_us = now_us, .tape = tape};
    g_strlcpy(deck->sha256, w->sha256, sizeof(deck->sha256));
    g_mutex_unlock(&player->lock);
    bc_tape_free(old);
}

static void tend_relay(BcPlayer *player, int64_t now_us)
{
    BcStation *old = NULL, *mine;
    g_mutex_lock(&player->lock);
    if (player->relay && g_strcmp0(player->relay_occurrence, player->want_relay_occurrence)) {
        old = g_steal_pointer(&player->relay);
        g_clear_pointer(&player->relay_occurrence, g_free);
    }
    if (!player->relay && player->want_relay_url) {
        player->relay = bc_station_new(player->want_relay_url, player->want_relay_silence_us);
        player->relay_occurrence = g_strdup(player->want_relay_occurrence);
    }
    mine = player->relay; /* freed by this thread only */
    g_mutex_unlock(&player->lock);
    bc_station_free(old);
    if (mine)
        bc_station_tend(mine, now_us);
}

static void tend_tuner(BcPlayer *player)
{
    BcTuner *old = NULL;
    g_mutex_lock(&player->lock);
    if (player->tuner && (!player->want_live || strcmp(bc_tuner_occurrence(player->tuner), player->want.live.occurrence)))
        old = g_steal_pointer(&player->tuner);
    if (!player->tuner && player->want_live)
        player->tuner = bc_tuner_new(&player->want.live, player->device, player->want_buffer_ms, player->ops.clock, player->ops.user, NULL);
    g_mutex_unlock(&player->lock);
    bc_tuner_free(old);
}

void bc_player_tend(BcPlayer *player, int64_t now_us)
{
    Wish wishes[DECKS];
    BcTape *done[DECKS] = {0};
    g_mutex_lock(&player->lock);
    memcpy(wishes, player->wishes, sizeof(wishes));
    memset(player->wishes, 0, sizeof(player->wishes));
    for (unsigned i = 0; i < DECKS; i++)
        if (player->decks[i].tape && now_us - player->decks[i].used_us > BC_PLAYER_AHEAD_US)
            done[i] = g_steal_pointer(&player->decks[i].tape);
    g_mutex_unlock(&player->lock);
    for (unsigned i = 0; i < DECKS; i++) {
        bc_tape_free(done[i]);
        if (wishes[i].origin_us)
            grant(player, &wishes[i], now_us);
    }
    tend_relay(player, now_us);
    tend_tuner(player);
}

bool bc_player_live(BcPlayer *player, char **ret_occurrence, bool *ret_lost)
{
    g_mutex_lock(&player->lock);
    bool there = player->tuner != NULL;
    if (there) {
        *ret_occurrence = g_strdup(bc_tuner_occurrence(player->tuner));
        *ret_lost = bc_tuner_lost(player->tuner);
    }
    g_mutex_unlock(&player->lock);
    return there;
}

void bc_player_stats(BcPlayer *player, BcPlayerStats *ret)
{
    g_mutex_lock(&player->lock);
    *ret = player->stats;
    ret->jumps = player->slip.jumps;
    ret->relay_trouble = player->relay ? bc_station_trouble(player->relay) : NULL;
    g_mutex_unlock(&player->lock);
}

/* ---------------------------------------------------------------- render */

static double samples_since(int64_t t_us, int64_t origin_us)
{
    return (double)(t_us - origin_us) * BC_PLAYER_RATE / 1e6;
}

static bool render_siren(BcPlayer *player, const BcDutyNow *now, int64_t from_us, int64_t to_us, float *pcm, unsigned n)
{
    int64_t at;
    unsigned need = bc_slip_plan(&player->slip, samples_since(from_us, now->origin_us), samples_since(to_us, now->origin_us), n, &at);
    bc_siren_render(now->siren, now->siren_rounds, at, player->source, need);
    bc_slip_make(&player->slip, player->source, at, pcm, n);
    return true;
}

static bool render_line_test(BcPlayer *player, const BcDutyNow *now, int64_t from_us, int64_t to_us, float *pcm, unsigned n)
{
    int64_t at;
    unsigned need = bc_slip_plan(&player->slip, samples_since(from_us, now->origin_us), samples_since(to_us, now->origin_us), n, &at);
    for (unsigned i = 0; i < need; i++)
        player->source[i] = LINE_TEST_AMPLITUDE * sinf((float)(2 * M_PI * LINE_TEST_HZ / BC_PLAYER_RATE * (double)((at + i) % 48)));
    bc_slip_make(&player->slip, player->source, at, pcm, n);
    return true;
}

/* The file whose sample 0 stands at origin. False: nothing of it was there. */
static bool render_deck(BcPlayer *player, const char *sha256, int64_t origin_us, int64_t from_us, int64_t to_us, float *pcm, unsigned n)
{
    int64_t at;
    unsigned need = bc_slip_plan(&player->slip, samples_since(from_us, origin_us), samples_since(to_us, origin_us), n, &at);
    unsigned skip = at < 0 ? (unsigned)MIN(-at, (int64_t)need) : 0, have = 0; /* the first sample has none before it */
    memset(player->source, 0, sizeof(player->source));
    g_mutex_lock(&player->lock);
    Deck *deck = find_deck(player, sha256, origin_us);
    if (deck) {
        deck->used_us = from_us;
        player->broken = bc_tape_error(deck->tape) != NULL;
        have = bc_tape_get(deck->tape, at + skip, player->source + skip, need - skip, player->patient ? 2000000 : 0);
        if (!have && at + skip < bc_tape_end(deck->tape)) {
            player->stats.underruns++;
            int64_t behind = at - bc_tape_head(deck->tape);
            if (bc_tape_head(deck->tape) > 0 && behind > LATE_SAMPLES)
                deck->used_us = 0; /* the decoder never catches up: open it anew at the right place */
        }
    } else
        wish(player, sha256, origin_us, from_us);
    g_mutex_unlock(&player->lock);
    bc_slip_make(&player->slip, player->source, at, pcm, n);
    return have > 0;
}

static bool render_file(BcPlayer *player, const BcDutyNow *now, int64_t from_us, int64_t to_us, float *pcm, unsigned n)
{
    int64_t length_us, cycle_us = cycle_of(now->item, from_us, now->origin_us, &length_us);
    if (cycle_us != player->cycle_us) {
        player->cycle_us = cycle_us;
        player->slip.set = false;
    }
    memset(pcm, 0, n * sizeof(float));
    if (from_us - cycle_us >= length_us) /* the gap */
        return true;
    return render_deck(player, now->item->media.sha256, cycle_us, from_us, to_us, pcm, n);
}

/* The station, else what stands in for it from the moment it failed, over and over. */
static bool render_relay(BcPlayer *player, const BcDutyNow *now, int64_t from_us, int64_t to_us, float *pcm, unsigned n)
{
    const char *sha256 = now->item->fallback.sha256;
    bool heard = false;
    memset(pcm, 0, n * sizeof(float));
    g_mutex_lock(&player->lock);
    if (player->relay && !g_strcmp0(player->relay_occurrence, now->occurrence))
        heard = bc_station_read(player->relay, pcm, n, from_us);
    if (heard)
        player->fallback_origin_us = 0;
    else if (!player->fallback_origin_us && player->relay && g_strcmp0(bc_station_trouble(player->relay), "the stream is being opened")) {
        player->fallback_origin_us = from_us;
        player->slip.set = false;
    }
    int64_t origin_us = player->fallback_origin_us;
    if (!heard && origin_us && sha256 && *sha256) {
        Deck *deck = find_deck(player, sha256, origin_us);
        int64_t end = deck ? bc_tape_end(deck->tape) : INT64_MAX;
        if (end != INT64_MAX && end > 0 && samples_since(from_us, origin_us) >= (double)end) {
            player->fallback_origin_us = origin_us = from_us + 200000; /* again from its beginning; the deck is opened meanwhile */
            player->slip.set = false;
        }
    }
    g_mutex_unlock(&player->lock);
    if (heard || !origin_us || !sha256 || !*sha256 || from_us < origin_us)
        return heard;
    return render_deck(player, sha256, origin_us, from_us, to_us, pcm, n);
}

static bool render_live(BcPlayer *player, const BcDutyNow *now, int64_t from_us, int64_t to_us, float *pcm, unsigned n)
{
    bool heard = false;
    memset(pcm, 0, n * sizeof(float));
    g_mutex_lock(&player->lock);
    if (player->tuner && !strcmp(bc_tuner_occurrence(player->tuner), now->occurrence))
        heard = bc_tuner_read(player->tuner, from_us, to_us, pcm, n);
    g_mutex_unlock(&player->lock);
    return heard;
}

static bool render_sound(BcPlayer *player, const BcDutyNow *now, int64_t from_us, int64_t to_us, float *pcm, unsigned n)
{
    switch (now->sound) {
    case BC_DUTY_SIREN:
        return render_siren(player, now, from_us, to_us, pcm, n);
    case BC_DUTY_LINE_TEST:
        return render_line_test(player, now, from_us, to_us, pcm, n);
    case BC_DUTY_FILE:
        return render_file(player, now, from_us, to_us, pcm, n);
    case BC_DUTY_RELAY:
        return render_relay(player, now, from_us, to_us, pcm, n);
    case BC_DUTY_LIVE:
        return render_live(player, now, from_us, to_us, pcm, n);
    case BC_DUTY_NOTHING:
    case BC_DUTY_SILENCE:
        break;
    }
    memset(pcm, 0, n * sizeof(float));
    return false;
}

/* Volume without steps; what was cut off dies away instead of clicking. */
static void finish_block(BcPlayer *player, const BcDutyNow *now, bool changed, float *pcm, unsigned n)
{
    float aim = now->sound == BC_DUTY_NOTHING ? 0 : powf((float)now->volume / 100, 2);
    if (changed) {
        player->gain = aim;
        player->click = player->last - pcm[0] * aim;
    }
    for (unsigned i = 0; i < n; i++) {
        player->gain += (aim - player->gain) * 0.002f;
        float y = pcm[i] * player->gain + player->click;
        player->click *= DECLICK;
        if (fabsf(player->click) < 1e-5f)
            player->click = 0;
        pcm[i] = y > 1 ? 1 : y < -1 ? -1 : y;
    }
    if (n)
        player->last = pcm[n - 1];
}

static void render_part(BcPlayer *player, BcDuty *desk, int64_t from_us, int64_t to_us, float *pcm, unsigned n)
{
    const BcDutyNow *now = bc_duty_now(desk);
    bool changed = now->serial != player->serial || now->sound != player->sound;
    if (changed) {
        player->serial = now->serial;
        player->sound = now->sound;
        player->slip.set = false;
        player->cycle_us = 0;
    }
    player->broken = false;
    bool heard = render_sound(player, now, from_us, to_us, pcm, n);
    if (player->ops.tap)
        player->ops.tap(pcm, n, from_us, now, player->ops.user);
    finish_block(player, now, changed, pcm, n);
    if (heard)
        bc_duty_heard(desk, now->serial, from_us);
    else if (player->broken && now->sound == BC_DUTY_FILE)
        bc_duty_failed(desk, now->serial, "the file cannot be decoded", to_us);
}

void bc_player_render(BcPlayer *player, BcDuty *desk, int64_t from_us, int64_t to_us, float *pcm, unsigned n)
{
    double us_per_sample = n ? (double)(to_us - from_us) / n : 1;
    if (us_per_sample <= 0)
        us_per_sample = 1e6 / BC_PLAYER_RATE;
    for (unsigned made = 0; made < n;) {
        int64_t at_us = from_us + (int64_t)llround(made * us_per_sample);
        int64_t next_us = bc_duty_tick(desk, at_us);
        unsigned part = n - made;
        double until = ceil((double)(next_us - at_us) / us_per_sample);
        if (until < part)
            part = until < 1 ? 1 : (unsigned)until;
        render_part(player, desk, at_us, from_us + (int64_t)llround((made + part) * us_per_sample), pcm + made, part);
        made += part;
    }
}
