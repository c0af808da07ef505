/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/sequence.h"

#include <string.h>

#define LOOK_US 250000

typedef struct Part {
    BcProgrammeKind kind;
    uint64_t first, frames;             /* in the programme */
    BcTrack *tracks[MD_AUDIO_CODEC_MAX]; /* stored, or what stands in for the relay */
    unsigned track_frames, gap_frames, repeats;
    BcRelay *relay;
    bool opened;                        /* control */
} Part;

typedef struct Sequence {
    /* immutable */
    unsigned frame_ms, n, relays;
    Part *parts;
    uint64_t frames, first;             /* all; where we join */
    uint8_t silence[MD_AUDIO_CODEC_MAX][MD_AUDIO_PAYLOAD_MAX];
    size_t silence_len[MD_AUDIO_CODEC_MAX];
    BcTimers *timers;
    /* control */
    BcTimer look;
    /* pulling worker */
    unsigned at;
    uint64_t stood_in;                  /* frames of the fallback since it took over */
    bool standing_in;
    /* shared */
    _Atomic uint64_t frame;             /* next to be pulled */
} Sequence;

static void free_sequence(void *self)
{
    Sequence *q = self;
    bc_timer_cancel(&q->look);
    for (unsigned i = 0; i < q->n; i++) {
        bc_relay_free(q->parts[i].relay);
        for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++)
            bc_track_unref(q->parts[i].tracks[c]);
    }
    g_free(q->parts);
    g_free(q);
}

/* --- worker --- */

/* One frame of a part's tracks, silence where they have none. */
static void give_track(const Sequence *q, const Part *part, uint64_t at, unsigned mask, BcFrame *ret)
{
    for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++) {
        if (!(mask & 1u << c))
            continue;
        if (part->tracks[c] && at < part->tracks[c]->n_packets) {
            ret->payload[c] = bc_track_packet(part->tracks[c], (unsigned)at, &ret->len[c]);
        } else {
            ret->payload[c] = q->silence[c];
            ret->len[c] = q->silence_len[c];
        }
    }
}

static void give_stored(const Sequence *q, const Part *part, uint64_t at, unsigned mask, BcFrame *ret)
{
    uint64_t period = (uint64_t)part->track_frames + part->gap_frames;
    give_track(q, part, at / period < part->repeats ? at % period : UINT64_MAX, mask, ret);
}

/* The station, or what stands in for it. One frame of silence lies at each change, so that no half wave meets another. */
static void give_relay(Sequence *q, const Part *part, unsigned mask, BcFrame *ret)
{
    bool stand_in = !bc_relay_is_good(part->relay);
    if (stand_in != q->standing_in) {
        q->standing_in = stand_in;
        q->stood_in = 0;
        give_track(q, part, UINT64_MAX, mask, ret);
    } else if (stand_in) {
        give_track(q, part, part->track_frames ? q->stood_in++ % part->track_frames : UINT64_MAX, mask, ret);
    } else if (!bc_source_pull(bc_relay_source(part->relay), mask, ret)) {
        give_track(q, part, UINT64_MAX, mask, ret);
    }
}

static bool pull(void *self, unsigned mask, BcFrame *ret)
{
    Sequence *q = self;
    uint64_t frame = atomic_load_explicit(&q->frame, memory_order_relaxed);
    while (q->at < q->n && frame >= q->parts[q->at].first + q->parts[q->at].frames) {
        q->at++;
        q->standing_in = false;
    }
    if (q->at >= q->n)
        return false;
    const Part *part = &q->parts[q->at];
    if (part->kind == BC_PROGRAMME_RELAY)
        give_relay(q, part, mask, ret);
    else if (part->kind == BC_PROGRAMME_STORED)
        give_stored(q, part, frame - part->first, mask, ret);
    else
        give_track(q, part, UINT64_MAX, mask, ret);
    atomic_store_explicit(&q->frame, frame + 1, memory_order_relaxed);
    return true;
}

static const BcSourceOps ops = {pull, free_sequence};

/* --- control --- */

/* Stations are connected shortly before their turn and let go after it. */
static void on_look(BcTimer *timer, void *user)
{
    Sequence *q = user;
    uint64_t frame = atomic_load_explicit(&q->frame, memory_order_relaxed);
    uint64_t ahead = (uint64_t)(BC_RELAY_AHEAD_US / 1000 / q->frame_ms);
    bool more = false;
    for (unsigned i = 0; i < q->n; i++) {
        Part *part = &q->parts[i];
        if (!part->relay)
            continue;
        if (frame >= part->first + part->frames) {
            bc_relay_close(part->relay);
            continue;
        }
        more = true;
        if (!part->opened && frame + ahead >= part->first) {
            part->opened = true;
            bc_relay_open(part->relay);
        }
    }
    if (more)
        bc_timer_at(q->timers, timer, md_clock_now_us(bc_timers_clock(q->timers)) + LOOK_US, on_look, q);
}

static void take_tracks(Part *part, BcTrack *const *tracks)
{
    for (unsigned c = 0; tracks && c < MD_AUDIO_CODEC_MAX; c++)
        if (tracks[c]) {
            part->tracks[c] = bc_track_ref(tracks[c]);
            part->track_frames = MAX(part->track_frames, tracks[c]->n_packets);
        }
}

static bool bad_item(unsigned i, GError **error, const char *why)
{
    g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "item %u of the programme %s", i + 1, why);
    return false;
}

static bool fill_part(Sequence *q, unsigned i, const BcProgrammeItem *item, const BcRelayContext *relay, GError **error)
{
    Part *part = &q->parts[i];
    int64_t frame_us = q->frame_ms * 1000;
    part->kind = item->kind;
    part->first = q->frames;
    part->repeats = CLAMP(item->repeats, 1, 1000);
    if (item->duration_us < 0 || item->duration_us > BC_PROGRAMME_MAX_US || item->gap_us < 0 || item->gap_us > BC_PROGRAMME_MAX_US)
        return bad_item(i, error, "lasts longer than a day, or less than nothing");
    part->frames = (uint64_t)(item->duration_us / frame_us);
    part->gap_frames = (unsigned)(item->gap_us / frame_us);
    take_tracks(part, item->kind == BC_PROGRAMME_STORED ? item->tracks : item->kind == BC_PROGRAMME_RELAY ? item->fallback : NULL);
    if (item->kind == BC_PROGRAMME_STORED) {
        if (!part->track_frames)
            return bad_item(i, error, "has no sound");
        if (!part->frames)
            part->frames = (uint64_t)part->track_frames * part->repeats + (uint64_t)part->gap_frames * (part->repeats - 1);
    } else if (!part->frames) {
        return bad_item(i, error, "needs a duration");
    }
    if (item->kind == BC_PROGRAMME_RELAY) {
        if (!relay || !relay->timers || ++q->relays > BC_PROGRAMME_RELAYS_MAX)
            return bad_item(i, error, relay ? "is one station too many" : "is a station, and none can be relayed here");
        part->relay = bc_relay_new(relay, item->url, q->frame_ms, item->silence_max_us, error);
        if (!part->relay)
            return false;
        q->timers = relay->timers;
    }
    q->frames += part->frames;
    return true;
}

/* What every item can give: stored ones only in the codecs they were stored in. */
static unsigned common_codecs(const Sequence *q)
{
    unsigned all = (1u << MD_AUDIO_CODEC_MAX) - 1;
    for (unsigned i = 0; i < q->n; i++) {
        unsigned has = 0;
        for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++)
            has |= q->parts[i].tracks[c] ? 1u << c : 0;
        all &= has ? has : all;
    }
    return all;
}

BcSource *bc_source_programme_new(const BcProgrammeItem *items, unsigned n, unsigned frame_ms, int64_t start_offset_us,
                                  const BcRelayContext *relay, GError **error)
{
    if (n == 0 || n > BC_PROGRAMME_ITEMS_MAX) {
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "a programme has 1 to %u items", BC_PROGRAMME_ITEMS_MAX);
        return NULL;
    }
    Sequence *q = g_new0(Sequence, 1);
    q->frame_ms = frame_ms;
    q->parts = g_new0(Part, n);
    q->n = n;
    bool ok = true;
    for (unsigned i = 0; ok && i < n; i++)
        ok = fill_part(q, i, &items[i], relay, error);
    q->first = (uint64_t)MAX(start_offset_us, 0) / (frame_ms * 1000);
    if (ok && q->frames * frame_ms * 1000 > (uint64_t)BC_PROGRAMME_MAX_US) {
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "the programme lasts longer than a day");
        ok = false;
    } else if (ok && q->first >= q->frames) {
        g_set_error(error, BC_ERROR, BC_ERROR_STATE, "nothing of the programme is left");
        ok = false;
    }
    if (!ok) {
        free_sequence(q);
        return NULL;
    }
    for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++)
        q->silence_len[c] = bc_source_make_silence(c, frame_ms, q->silence[c]);
    atomic_store(&q->frame, q->first);
    if (q->relays)
        on_look(&q->look, q);
    return bc_source_custom_new(&ops, q, common_codecs(q), (int64_t)(q->frames - q->first) * frame_ms * 1000);
}
