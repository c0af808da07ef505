/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "mediasim/post-private.h"

#define FORMATS "audio/mpeg,audio/ogg"
#define REPORT_AGAIN_US 30000000
#define WORDS_WITHIN_US 2000000
#define PLACE_MOST_US 5000000    /* what goes on does so at its wall-clock place, give or take this */
#define VERIFIED_MAX 256u        /* commands whose bytes are known */

static void free_report(gpointer data)
{
    BcLinkReport *report = data;
    g_free(report->occurrence);
    g_free(report->sha256);
    g_free(report->state);
    g_free(report->reason);
    g_free(report->level_source);
    g_free(report);
}

static void save(SimPost *post)
{
    if (!post->will_lose_power || !bc_duty_dirty(post->duty))
        return;
    g_free(post->kept);
    post->kept = bc_duty_format(post->duty, sim_post_now_us(post));
}

/* ---------------------------------------------------------------- what is said */

static void say_ack(SimPost *post, const char *command, const char *state, const char *reason)
{
    BcLinkAck ack = {(char *)command, (char *)state, (char *)reason, sim_post_now_us(post)};
    g_autofree char *text = bc_link_ack_format(&ack);
    sim_post_say(post, "ack", text, 1, false);
}

void sim_post_say_state(SimPost *post, bool always)
{
    const BcLinkManifest *manifest = bc_duty_manifest(post->duty);
    const BcDutyNow *now = bc_duty_now(post->duty);
    if (!always && g_strcmp0(now->occurrence, post->playing) == 0)
        return;
    g_free(post->playing);
    post->playing = g_strdup(now->occurrence);
    unsigned stored = 0;
    GHashTableIter it;
    gpointer value;
    g_hash_table_iter_init(&it, post->media);
    while (g_hash_table_iter_next(&it, NULL, &value))
        stored += GPOINTER_TO_INT(value) == 1;
    BcLinkState state = {.online = true, .software = (char *)"mediasim " MEDIAD_VERSION, .abilities = (char *)"content,live,siren",
                         .formats = (char *)FORMATS, .manifest_version = manifest ? manifest->version : 0,
                         .media_wanted = g_hash_table_size(post->media), .media_stored = stored, .playing = post->playing,
                         .clock_offset_us = INT64_MIN, .clock_drift_ppm = bc_timing_drift_ppm(&post->timing),
                         .boot_us = g_get_real_time() - (g_get_monotonic_time() - post->made_us)};
    if (bc_timing_synced(&post->timing))
        state.clock_offset_us = post->skew_us;
    g_autofree char *text = bc_link_state_format(&state);
    sim_post_say(post, "state", text, 1, true);
}

void sim_post_say_reports(SimPost *post, bool again)
{
    int64_t now_us = g_get_monotonic_time();
    if (again || (post->reports->len && now_us - post->sent_us > REPORT_AGAIN_US))
        post->sent_sequence = 0;
    for (;;) {
        BcLinkReports message = {0};
        BcLinkReport batch[BC_LINK_REPORTS_MAX];
        message.reports = batch;
        for (unsigned i = 0; i < post->reports->len && message.n < BC_LINK_REPORTS_MAX; i++) {
            const BcLinkReport *report = post->reports->pdata[i];
            if (report->sequence > post->sent_sequence)
                batch[message.n++] = *report;
        }
        if (!message.n)
            return;
        g_autofree char *text = bc_link_reports_format(&message);
        if (!sim_post_say(post, "report", text, 1, false))
            return;
        post->sent_sequence = batch[message.n - 1].sequence;
        post->sent_us = now_us;
    }
}

static void add(BcLinkTelemetry *telemetry, BcLinkReading *room, const char *name, bool number, const char *value, int64_t at_us)
{
    BcLinkReading *r = &room[telemetry->n++];
    *r = (BcLinkReading){(char *)name, (char *)value, number, (char *)"measured", at_us};
}

/* Honest values move a little; a liar's are impossible, exchanged or never move, as installed devices' are. */
void sim_post_say_telemetry(SimPost *post)
{
    BcLinkReading room[8];
    BcLinkTelemetry telemetry = {room, 0};
    int64_t at_us = sim_post_now_us(post);
    char temperature[16], signal[16];
    if (!bc_timing_synced(&post->timing))
        at_us = 0; /* better no time than a wrong one */
    g_snprintf(temperature, sizeof(temperature), "%.1f", post->lie == SIM_LIE_IMPOSSIBLE ? 999.0
                                                          : post->lie == SIM_LIE_CONSTANT ? 40.0
                                                                                          : 35 + 10 * sim_post_chance(post));
    g_snprintf(signal, sizeof(signal), "%d", post->lie == SIM_LIE_CONSTANT ? -85 : -110 + (int)(40 * sim_post_chance(post)));
    bool swapped = post->lie == SIM_LIE_SWAPPED;
    add(&telemetry, room, "temperature_c", true, temperature, at_us);
    add(&telemetry, room, "signal_dbm", true, signal, at_us);
    add(&telemetry, room, "carrier", false, sim_post_identity(post)->device[0] % 2 ? "Viettel" : "VNPT", at_us);
    add(&telemetry, room, "power", false, "mains", at_us);
    add(&telemetry, room, "left_line", false, "ok", at_us);
    add(&telemetry, room, "right_line", false, swapped ? "open" : "ok", at_us);
    add(&telemetry, room, "left_line_test", false, swapped ? "open" : "ok", at_us);
    add(&telemetry, room, "right_line_test", false, "ok", at_us);
    g_autofree char *text = bc_link_telemetry_format(&telemetry);
    post->told_readings |= sim_post_say(post, "telemetry", text, 1, false);
}

/* ---------------------------------------------------------------- duty */

static bool has_media(const char *sha256, void *user)
{
    SimPost *post = user;
    return GPOINTER_TO_INT(g_hash_table_lookup(post->media, sha256)) == 1;
}

static void on_news(const BcDutyNews *news, void *user)
{
    SimPost *post = user;
    SimLaneStats *stats = &post->lane->stats;
    BcLinkReport *report = g_new0(BcLinkReport, 1);
    *report = (BcLinkReport){.occurrence = g_strdup(news->occurrence), .sha256 = g_strdup(news->sha256), .state = g_strdup(news->state),
                             .reason = g_strdup(news->reason), .from_us = news->from_us, .to_us = news->to_us, .level_dbfs = NAN, .match = NAN,
                             .level_source = g_strdup("none"), .sequence = ++post->sequence};
    g_ptr_array_add(post->reports, report);
    stats->reports++;
    stats->began += strcmp(news->state, "began") == 0;
    stats->cut += strcmp(news->state, "cut") == 0;
    stats->missed += strcmp(news->state, "missed") == 0;
    if (strcmp(news->state, "ended") == 0) {
        stats->ended++;
        g_hash_table_add(post->over, g_strdup(news->occurrence));
    }
}

static bool use_manifest(SimPost *post, const char *text, gsize len, bool stored)
{
    g_autoptr(GError) error = NULL;
    BcLinkManifest manifest = {0};
    gsize n = 0;
    g_autoptr(GBytes) payload = bc_jws_verify(post->lane->options.trust, "mediad-manifest", text, len, &error);
    const char *json = payload ? g_bytes_get_data(payload, &n) : NULL;
    bool ok = json && bc_link_manifest_parse(&manifest, json, n, &error) && bc_duty_set_manifest(post->duty, &manifest, stored, sim_post_now_us(post), &error);
    bc_link_manifest_clear(&manifest);
    if (!ok && !post->lane->stats.first_trouble)
        post->lane->stats.first_trouble = g_strdup_printf("%s refuses a manifest: %s", post->identity->device, error->message);
    if (error && g_error_matches(error, BC_LINK_ERROR, BC_LINK_ERROR_SIGNATURE))
        post->lane->stats.forged++;
    return ok;
}

void sim_post_new_life(SimPost *post)
{
    BcDutyOps ops = {has_media, on_news, post};
    bc_duty_free(post->duty);
    post->duty = bc_duty_new(post->identity->device, &ops);
    post->serial = 0;
    post->sent_sequence = 0;
    if (!post->reports)
        post->reports = g_ptr_array_new_with_free_func(free_report);
    bc_duty_set_clock(post->duty, bc_timing_synced(&post->timing) ? BC_DUTY_CLOCK_SERVER : BC_DUTY_CLOCK_UNKNOWN);
    if (post->manifest)
        use_manifest(post, post->manifest, strlen(post->manifest), true);
    if (post->kept)
        bc_duty_load(post->duty, post->kept, strlen(post->kept), sim_post_now_us(post), NULL);
}

/* ---------------------------------------------------------------- files */

static void want(SimPost *post, const BcLinkMedia *media)
{
    if (media->sha256 && *media->sha256 && !g_hash_table_contains(post->media, media->sha256)) {
        g_hash_table_insert(post->media, g_strdup(media->sha256), GINT_TO_POINTER(2));
        post->lane->stats.media_wanted++;
    }
}

typedef struct Fetched { SimPost *post; char sha256[65]; bool ok; } Fetched;

static void fetched(void *payload, size_t len)
{
    const Fetched *f = payload;
    SimPost *post = f->post;
    if (post->ending)
        return;
    if (f->ok)
        post->lane->stats.media_stored++;
    g_hash_table_insert(post->media, g_strdup(f->sha256), GINT_TO_POINTER(f->ok ? 1 : 3));
    bc_duty_media_changed(post->duty, sim_post_now_us(post));
    sim_post_tick(post);
}

void sim_post_fetched(SimPost *post, const char *sha256, bool ok)
{
    Fetched f = {.post = post, .ok = ok};
    g_strlcpy(f.sha256, sha256, sizeof(f.sha256));
    md_worker_post(post->lane->worker, fetched, &f, sizeof(f));
}

typedef struct Needs { SimPost *post; const char *sha256; const BcLinkMedia *found; } Needs;

static void match(const BcLinkMedia *media, void *user)
{
    Needs *needs = user;
    if (media->sha256 && strcmp(media->sha256, needs->sha256) == 0)
        needs->found = media;
}

static const BcLinkMedia *find_media(SimPost *post, const char *sha256)
{
    Needs needs = {post, sha256, NULL};
    const BcLinkManifest *manifest = bc_duty_manifest(post->duty);
    for (unsigned i = 0; manifest && i < manifest->n_items; i++) {
        match(&manifest->items[i].media, &needs);
        match(&manifest->items[i].fallback, &needs);
    }
    bc_duty_order_media(post->duty, match, &needs);
    return needs.found;
}

/* What is wanted and not there: really fetched by those that do, else there after a while. */
static void on_fetch(MdTimer *timer, int64_t due_us, void *user)
{
    SimPost *post = user;
    const SimLaneOptions *o = &post->lane->options;
    const BcLinkManifest *manifest = bc_duty_manifest(post->duty);
    g_autoptr(GPtrArray) wanted = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter it;
    gpointer key, value;
    g_hash_table_iter_init(&it, post->media);
    while (g_hash_table_iter_next(&it, &key, &value))
        if (GPOINTER_TO_INT(value) == 2)
            g_ptr_array_add(wanted, g_strdup(key));
    for (unsigned i = 0; i < wanted->len; i++) {
        const BcLinkMedia *media = find_media(post, wanted->pdata[i]);
        g_hash_table_insert(post->media, g_strdup(wanted->pdata[i]), GINT_TO_POINTER(4)); /* on its way */
        if (media && post->downloads && o->fetch && manifest)
            o->fetch(post, media, manifest->media_base, post->identity->token, o->user);
        else
            sim_post_fetched(post, wanted->pdata[i], true);
    }
}

static void want_order(const BcLinkMedia *media, void *user)
{
    want(user, media);
}

static void fetch_what_is_wanted(SimPost *post, bool at_once)
{
    const BcLinkManifest *manifest = bc_duty_manifest(post->duty);
    for (unsigned i = 0; manifest && i < manifest->n_items; i++) {
        want(post, &manifest->items[i].media);
        want(post, &manifest->items[i].fallback);
    }
    bc_duty_order_media(post->duty, want_order, post);
    int64_t in_us = at_once ? 0 : (int64_t)(sim_post_chance(post) * (double)post->lane->options.burst_us);
    if (at_once || post->fetch_timer.heap_index == 0)
        md_worker_timer_at(post->lane->worker, &post->fetch_timer, md_worker_clock_us(post->lane->worker) + in_us, on_fetch, post);
}

/* ---------------------------------------------------------------- what is taken */

static SimSounded *sounded(SimLane *lane, const char *occurrence)
{
    SimSounded *s = g_hash_table_lookup(lane->sounded, occurrence);
    if (s)
        return s;
    s = g_new0(SimSounded, 1);
    s->occurrence = g_strdup(occurrence);
    s->late_us = g_array_new(FALSE, FALSE, sizeof(int64_t));
    g_hash_table_insert(lane->sounded, s->occurrence, s);
    return s;
}

/* The same bytes come to thousands: they are verified once. */
static const BcLinkCommand *verified(SimPost *post, const char *text, gsize len, GError **error)
{
    SimLane *lane = post->lane;
    BcLinkCommand *command = g_hash_table_lookup(lane->verified, text);
    gsize n = 0;
    if (command)
        return command;
    g_autoptr(GBytes) payload = bc_jws_verify(lane->options.trust, "mediad-command", text, len, error);
    const char *json = payload ? g_bytes_get_data(payload, &n) : NULL;
    command = g_new0(BcLinkCommand, 1);
    if (!json || !bc_link_command_parse(command, json, n, error)) {
        g_free(command);
        return NULL;
    }
    if (g_hash_table_size(lane->verified) >= VERIFIED_MAX)
        g_hash_table_remove_all(lane->verified);
    g_hash_table_insert(lane->verified, g_strdup(text), command);
    const char *occurrence = command->verb == BC_LINK_LIVE ? command->live.occurrence : command->item.occurrence;
    if (occurrence && (command->verb == BC_LINK_PLAY || command->verb == BC_LINK_ALERT || command->verb == BC_LINK_LIVE)) {
        SimSounded *s = sounded(lane, occurrence);
        s->priority = command->verb == BC_LINK_LIVE ? command->live.priority : command->item.priority;
        s->siren = command->verb == BC_LINK_ALERT;
        s->issued_us = s->issued_us ? s->issued_us : command->issued_us;
    }
    return command;
}

static void take_command(SimPost *post, const char *text, gsize len)
{
    SimLaneStats *stats = &post->lane->stats;
    g_autoptr(GError) error = NULL;
    const BcLinkCommand *command = verified(post, text, len, &error);
    const char *reason = NULL;
    stats->commands++;
    if (!command) {
        stats->forged++;
        return;
    }
    BcDutyVerdict verdict = bc_duty_command(post->duty, command, sim_post_now_us(post), &reason);
    if (verdict == BC_DUTY_REFUSED) {
        stats->refused++;
        say_ack(post, command->id, "refused", reason);
        return;
    }
    if (verdict == BC_DUTY_AGAIN)
        stats->again++;
    else if (!g_hash_table_add(post->obeyed, g_strdup(command->id)))
        stats->obeyed_twice++;
    else
        stats->obeyed++;
    if (verdict == BC_DUTY_OBEYED && (command->verb == BC_LINK_PLAY || command->verb == BC_LINK_ALERT))
        fetch_what_is_wanted(post, true);
    save(post);
    say_ack(post, command->id, "done", NULL);
    sim_post_tick(post);
}

static void take_manifest(SimPost *post, const char *text, gsize len)
{
    const BcLinkManifest *before = bc_duty_manifest(post->duty);
    int64_t version = before ? before->version : 0;
    if (!use_manifest(post, text, len, false)) {
        post->lane->stats.manifests_refused++;
        return;
    }
    post->lane->stats.manifests++;
    bool fresh = bc_duty_manifest(post->duty)->version > version;
    if (fresh) {
        g_free(post->manifest);
        post->manifest = g_strndup(text, len);
        fetch_what_is_wanted(post, false);
        sim_post_say_state(post, true);
    }
    sim_post_tick(post);
}

static void take_receipt(SimPost *post, const char *text, gsize len)
{
    BcLinkReceipt receipt = {0};
    if (!bc_link_receipt_parse(&receipt, text, len, NULL))
        return;
    post->lane->stats.receipts++;
    unsigned n = 0;
    while (n < post->reports->len && ((const BcLinkReport *)post->reports->pdata[n])->sequence <= receipt.sequence)
        n++;
    if (n)
        g_ptr_array_remove_range(post->reports, 0, n);
    bc_link_receipt_clear(&receipt);
}

void sim_post_take(SimPost *post, const char *what, const char *text, gsize len)
{
    if (strcmp(what, "command") == 0)
        take_command(post, text, len);
    else if (strcmp(what, "manifest") == 0)
        take_manifest(post, text, len);
    else if (strcmp(what, "clock") == 0)
        sim_post_take_clock(post, text, len);
    else if (strcmp(what, "receipt") == 0)
        take_receipt(post, text, len);
}

/* ---------------------------------------------------------------- the judge's ear */

/* The device's own words count for little here: what it sounds is held against what was signed. */
static void judge_begin(SimPost *post, const BcDutyNow *now, int64_t now_us)
{
    SimLaneStats *stats = &post->lane->stats;
    SimSounded *s = sounded(post->lane, now->occurrence);
    const BcLinkItem *item = now->item;
    int64_t ends_us = item ? item->expires_us ? item->expires_us : item->start_us ? item->start_us + item->duration_us : 0 : 0;
    if (g_hash_table_contains(post->over, now->occurrence))
        stats->played_twice++;
    if (ends_us && g_get_real_time() >= ends_us + PLACE_MOST_US)
        stats->played_expired++;
    if (now->sound == BC_DUTY_FILE && item && item->start_us && !s->siren) {
        int64_t off_us = ABS(now->origin_us - item->start_us);
        stats->misplaced_most_us = MAX(stats->misplaced_most_us, off_us);
        stats->misplaced += off_us > PLACE_MOST_US;
    }
    if (item && !s->issued_us)
        s->start_us = item->start_us;
    if (item)
        s->priority = item->priority;
    if (!g_hash_table_add(post->heard, g_strdup(now->occurrence)))
        return;
    int64_t wanted_us = s->issued_us ? s->issued_us : s->start_us, late_us = now_us - wanted_us;
    if (wanted_us)
        g_array_append_val(s->late_us, late_us);
}

/* What began or ended is told a little later, not by all at the same moment: first come the words that make others sound. */
static void on_words(MdTimer *timer, int64_t due_us, void *user)
{
    sim_post_say_state(user, false);
    sim_post_say_reports(user, false);
}

void sim_post_look(SimPost *post, int64_t now_us)
{
    const BcDutyNow *now = bc_duty_now(post->duty);
    bool sounding = now->sound == BC_DUTY_SIREN || now->sound == BC_DUTY_FILE || now->sound == BC_DUTY_RELAY || now->sound == BC_DUTY_LIVE;
    if (sounding != post->sounding) {
        if (sounding)
            atomic_fetch_add(&post->lane->sounding, 1);
        else
            atomic_fetch_sub(&post->lane->sounding, 1);
        post->sounding = sounding;
    }
    if (sounding && now->serial != post->serial) {
        int64_t first_us = MAX(now_us, now->origin_us);
        judge_begin(post, now, first_us);
        post->serial = now->serial;
        bc_duty_heard(post->duty, now->serial, first_us);
    }
    if (!now->serial)
        post->serial = 0; /* between siren and words nothing sounds, and the number stays */
    save(post);
    if (!post->words_timer.heap_index && (post->reports->len || g_strcmp0(now->occurrence, post->playing) != 0))
        md_worker_timer_at(post->lane->worker, &post->words_timer,
                           md_worker_clock_us(post->lane->worker) + (int64_t)(sim_post_chance(post) * WORDS_WITHIN_US), on_words, post);
}
