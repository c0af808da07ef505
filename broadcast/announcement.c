/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/ear.h"
#include "broadcast/announcement-reach.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COMMIT_US 60000   /* answers are gathered so long before the workers get a new plan */
#define LINGER_US 1000000 /* the last sound still lies in the loudspeakers' buffers when the last packet is out */
#define OPUS_TYPE 111

static void free_offer(gpointer data)
{
    BcOffer *offer = data;
    g_free(offer->sdp);
    g_strfreev(offer->headers);
    g_free(offer);
}

static uint8_t payload_type(MdAudioCodec codec)
{
    static const uint8_t types[MD_AUDIO_CODEC_MAX] = {
        [MD_AUDIO_OPUS] = OPUS_TYPE, [MD_AUDIO_G722] = 9, [MD_AUDIO_PCMA] = 8, [MD_AUDIO_PCMU] = 0};
    return types[codec];
}

void bc_announcement_run(const BcAnnouncement *a, BcRun *ret)
{
    *ret = (BcRun){.id = a->id, .kind = a->kind, .title = a->title, .schedule = a->schedule, .occurrence_us = a->occurrence_us,
                   .content = a->content, .source = a->source_name, .priority = a->priority, .areas = a->areas,
                   .start_us = a->start_wall_us, .end_us = a->end_wall_us, .state = a->state, .reason = a->reason,
                   .devices = a->n_targets, .created_by = a->created_by, .issued_us = a->issued_us, .authority = a->order.authority,
                   .drill = a->drill, .items = a->items};
    for (unsigned i = 0; i < a->n_targets; i++) {
        const char *outcome = bc_target_outcome(&a->targets[i]);
        ret->played += g_str_equal(outcome, "played");
        ret->partial += g_str_equal(outcome, "partial");
        ret->missed += g_str_equal(outcome, "missed");
        ret->playing += g_str_equal(outcome, "playing");
        ret->ringing += g_str_equal(outcome, "ringing");
    }
}

static void tell(BcAnnouncement *a, const char *type)
{
    BcRun run;
    bc_announcement_run(a, &run);
    bc_play_log_run(a->stage->o.play_log, &run);
    if (a->stage->o.on_event)
        a->stage->o.on_event(type, a, a->stage->o.user);
    bc_ears_look(a->stage);
}

int64_t bc_announcement_left_us(const BcAnnouncement *a)
{
    int64_t duration = bc_source_duration_us(a->source);
    if (a->over)
        return 0;
    return duration == INT64_MAX ? INT64_MAX : MAX(0, a->start_us + duration - bc_stage_now_us(a->stage));
}

static void on_commit(BcTimer *timer, void *user)
{
    BcAnnouncement *a = user;
    if (a->fanout && bc_fanout_commit(a->fanout) < 0)
        bc_announcement_commit_soon(a);
}

void bc_announcement_commit_soon(BcAnnouncement *a)
{
    if (!a->commit.armed_in && !a->over)
        bc_timer_at(a->stage->o.timers, &a->commit, bc_stage_now_us(a->stage) + COMMIT_US, on_commit, a);
}

/* --- the end --- */

static void free_announcement(BcAnnouncement *a)
{
    for (unsigned i = 0; i < a->n_targets; i++)
        bc_target_clear(&a->targets[i]);
    BcTimer *timers[] = {&a->commit, &a->start, &a->finish, &a->expire, &a->tell, &a->reports, &a->settle};
    for (unsigned i = 0; i < G_N_ELEMENTS(timers); i++)
        bc_timer_cancel(timers[i]);
    for (unsigned i = 0; i < G_N_ELEMENTS(a->keys); i++)
        md_srtp_key_clear(&a->keys[i]);
    g_clear_pointer(&a->by_device, g_hash_table_unref);
    g_clear_pointer(&a->offers, g_hash_table_unref);
    g_clear_pointer(&a->source, bc_source_unref);
    g_free(a->targets);
    char *strings[] = {a->id, a->kind, a->title, a->schedule, a->content, a->source_name, a->areas, a->created_by, a->reason};
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++)
        g_free(strings[i]);
    g_free(a);
}

static void on_settled(BcTimer *timer, void *user)
{
    BcAnnouncement *a = user;
    g_ptr_array_remove(a->stage->running, a);
    if (a->on_closed)
        a->on_closed(a->user);
    free_announcement(a);
}

/* When the last call and the last worker have let go; from a fresh stack, for callers up there still use it. */
void bc_announcement_settle(BcAnnouncement *a)
{
    if (a->over && a->fanout_gone && a->hanging_up == 0 && !a->reports.armed_in && !a->settle.armed_in)
        bc_timer_at(a->stage->o.timers, &a->settle, bc_stage_now_us(a->stage), on_settled, a);
}

void bc_announcement_hung_up(BcAnnouncement *a)
{
    if (a->hanging_up)
        a->hanging_up--;
    bc_announcement_settle(a);
}

static void on_fanout_gone(void *user)
{
    BcAnnouncement *a = user;
    a->fanout_gone = true;
    bc_announcement_settle(a);
}

static void finish(BcAnnouncement *a, const char *state, const char *reason, bool now)
{
    if (a->over)
        return;
    a->over = true;
    a->state = state;
    g_free(a->reason);
    a->reason = g_strdup(reason);
    a->end_wall_us = bc_stage_wall_us(a->stage);
    bc_timer_cancel(&a->commit);
    bc_timer_cancel(&a->start);
    bc_timer_cancel(&a->finish);
    bc_timer_cancel(&a->expire);
    bc_timer_cancel(&a->tell);
    if (reason && !now) /* what mediad's own end interrupts goes on at the devices that know it */
        bc_announcement_stop_reach(a, reason);
    for (unsigned i = 0; i < a->n_targets; i++)
        bc_target_tally(&a->targets[i]);
    BcFanout *fanout = g_steal_pointer(&a->fanout);
    for (unsigned i = 0; i < a->n_targets; i++)
        bc_target_end(&a->targets[i], reason, now);
    bc_stage_retire_fanout(a->stage, fanout);
    bc_fanout_stop(fanout, on_fanout_gone, a);
    if (!now)
        bc_announcement_await_reports(a);
    tell(a, "announcement.ended");
}

static void on_finish(BcTimer *timer, void *user)
{
    finish(user, "done", NULL, false);
}

static void on_source_end(void *user)
{
    BcAnnouncement *a = user;
    if (!a->over)
        bc_timer_at(a->stage->o.timers, &a->finish, bc_stage_now_us(a->stage) + LINGER_US, on_finish, a);
    bc_ears_look(a->stage);
}

static void on_expire(BcTimer *timer, void *user)
{
    finish(user, "stopped", "it has expired", false);
}

void bc_announcement_stop(BcAnnouncement *a, const char *reason, bool now)
{
    finish(a, now ? "interrupted" : "stopped", reason, now);
    if (now && a->reports.armed_in) {
        bc_timer_cancel(&a->reports);
        bc_announcement_reports_due(a);
    }
    if (now) /* also what was being hung up at leisure */
        for (unsigned i = 0; i < a->n_targets; i++)
            if (a->targets[i].ring.queued) {
                BcRing *ring = &a->targets[i].ring;
                bc_ringer_cancel(ring);
                ring->fn(ring->user);
            }
}

BcAnnouncement *bc_announcement_find(BcStage *stage, const char *id)
{
    for (unsigned i = 0; id && i < stage->running->len; i++)
        if (g_str_equal(((BcAnnouncement *)stage->running->pdata[i])->id, id))
            return stage->running->pdata[i];
    return NULL;
}

/* --- what is offered --- */

static char **make_headers(const BcAnnouncement *a, const char *host)
{
    static const char *const priorities[] = {[BC_EMERGENCY] = "emergency", [BC_PRIORITY] = "urgent", [BC_NORMAL] = "normal"};
    const char *open = strchr(host, ':') ? "[" : "", *close = *open ? "]" : "";
    GPtrArray *lines = g_ptr_array_new();
    g_ptr_array_add(lines, g_strdup("Answer-Mode: Auto")); /* RFC 5373 */
    if (a->priority == BC_EMERGENCY)
        g_ptr_array_add(lines, g_strdup("Priv-Answer-Mode: Auto"));
    g_ptr_array_add(lines, g_strdup_printf("Call-Info: <sip:%s@%s%s%s>;answer-after=0", a->stage->from_user, open, host, close));
    g_ptr_array_add(lines, g_strdup_printf("Alert-Info: <http://%s%s%s/>;info=alert-autoanswer;delay=0", open, host, close));
    g_ptr_array_add(lines, g_strdup_printf("Priority: %s", priorities[a->priority]));
    g_ptr_array_add(lines, NULL);
    return (char **)g_ptr_array_free(lines, FALSE);
}

/* The address we are known by to this loudspeaker; g_free. *ret_port: where we send from. */
static char *host_for(const BcAnnouncement *a, const BcTarget *target, uint16_t *ret_port)
{
    BcStage *stage = a->stage;
    MdDialer *dialer = stage->o.dialer;
    char *host = dialer->local_host_for ? dialer->local_host_for(dialer, target->device) : NULL;
    bool v6 = host ? strchr(host, ':') != NULL : !stage->local_host;
    if (!host || (v6 ? stage->rtp_fd6 : stage->rtp_fd) < 0) {
        g_free(host);
        v6 = !stage->local_host;
        host = g_strdup(v6 ? stage->local_host6 : stage->local_host);
    }
    *ret_port = v6 ? stage->port6 : stage->port;
    return host;
}

/* Tag of the crypto line of this suite, 0 none: an answer has to name it (RFC 4568, 5.1.3). */
static unsigned crypto_tag(const char *sdp, const char *suite)
{
    for (const char *line = strstr(sdp, "a=crypto:"); line; line = strstr(line + 1, "a=crypto:")) {
        char *end;
        unsigned long tag = strtoul(line + strlen("a=crypto:"), &end, 10);
        if (*end == ' ' && g_str_has_prefix(end + 1, suite) && tag > 0 && tag < 1000)
            return (unsigned)tag;
    }
    return 0;
}

/* The description says a=sendonly, which is what we mean; some loudspeakers take that for hold. */
static char *both_ways(const BcStage *stage, char *sdp /* taken */)
{
    g_auto(GStrv) parts = sdp && stage->o.two_way ? g_strsplit(sdp, "a=sendonly", 2) : NULL;
    if (!parts || !parts[1])
        return sdp;
    g_free(sdp);
    return g_strjoinv("a=sendrecv", parts);
}

char *bc_announcement_answer(BcAnnouncement *a, const BcTarget *target, const char *offer, MdAnnounceAnswer *ret, bool *ret_parsed,
                             GError **error)
{
    MdAnnounceCodec codec = {target->codec, payload_type(target->codec)};
    const MdSrtpKey *key = target->key >= 0 ? &a->keys[target->key] : NULL;
    MdAnnounceOffer ours = a->offer;
    uint16_t port;
    g_autofree char *host = host_for(a, target, &port);
    ours.local_host = host;
    ours.local_port = port;
    ours.codecs = &codec;
    ours.n_codecs = 1;
    ours.keys = &key;
    ours.n_keys = key ? 1 : 0;
    ours.security = !key ? MD_SECURITY_OFF : strstr(offer, "RTP/SAVP") ? MD_SECURITY_REQUIRED : MD_SECURITY_PREFERRED;
    unsigned tag = key ? crypto_tag(offer, md_srtp_suite_to_string(key->suite)) : 1;
    if (!tag) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "it asks for another encryption");
        return NULL;
    }
    *ret_parsed = tag == 1 && md_announce_parse_answer(&ours, offer, ret, NULL);
    g_autofree char *sdp = both_ways(a->stage, md_announce_create_offer(&ours, error));
    if (!sdp || tag == 1)
        return g_steal_pointer(&sdp);
    g_auto(GStrv) parts = g_strsplit(sdp, "a=crypto:1 ", 2);
    return g_strdup_printf("%sa=crypto:%u %s", parts[0], tag, parts[1]);
}

const BcOffer *bc_announcement_offer(BcAnnouncement *a, const BcTarget *target, GError **error)
{
    uint16_t port;
    g_autofree char *host = host_for(a, target, &port);
    g_autofree char *key = g_strdup_printf("%s|%u", host, target->codecs);
    BcOffer *offer = g_hash_table_lookup(a->offers, key);
    if (offer)
        return offer;
    MdAnnounceCodec codecs[MD_AUDIO_CODEC_MAX];
    MdAnnounceOffer description = a->offer;
    description.local_host = host;
    description.local_port = port;
    description.codecs = codecs;
    description.n_codecs = 0;
    for (unsigned i = 0; i < a->n_codecs; i++)
        if (!target->codecs || target->codecs & 1u << a->codecs[i].codec)
            codecs[description.n_codecs++] = a->codecs[i];
    if (description.n_codecs == 0) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "it plays none of the codecs of this announcement");
        return NULL;
    }
    char *sdp = both_ways(a->stage, md_announce_create_offer(&description, error));
    if (!sdp)
        return NULL;
    offer = g_new0(BcOffer, 1);
    offer->sdp = sdp;
    offer->headers = make_headers(a, host);
    g_hash_table_replace(a->offers, g_steal_pointer(&key), offer);
    return offer;
}

/* --- the beginning --- */

static bool make_keys(BcAnnouncement *a, GError **error)
{
    static const MdSrtpSuite suites[] = {MD_SRTP_AEAD_AES_128_GCM, MD_SRTP_AES_CM_128_HMAC_SHA1_80};
    a->n_keys = a->stage->o.security == MD_SECURITY_OFF ? 0 : G_N_ELEMENTS(suites);
    for (unsigned i = 0; i < a->n_keys; i++) {
        if (md_srtp_key_generate(suites[i], &a->keys[i]) < 0) {
            g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "no randomness for the announcement's key");
            return false;
        }
        a->key_list[i] = &a->keys[i];
    }
    char text[MD_SRTP_KEY_BASE64_MAX];
    if (a->n_keys && md_srtp_key_to_base64(&a->keys[0], text, sizeof text) == 0)
        g_snprintf(a->srtp, sizeof a->srtp, "%s inline:%s", md_srtp_suite_to_string(a->keys[0].suite), text);
    return true;
}

static bool make_offer(BcAnnouncement *a, GError **error)
{
    unsigned have = bc_source_codecs(a->source);
    for (unsigned i = 0; i < a->stage->o.n_codecs; i++) {
        MdAudioCodec codec = a->stage->o.codecs[i];
        if (have & 1u << codec)
            a->codecs[a->n_codecs++] = (MdAnnounceCodec){codec, payload_type(codec)};
    }
    if (a->n_codecs == 0) {
        g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "the programme has none of the configured codecs");
        return false;
    }
    a->offer = (MdAnnounceOffer){.local_host = a->stage->local_host ? a->stage->local_host : a->stage->local_host6,
                                 .local_port = a->stage->local_host ? a->stage->port : a->stage->port6,
                                 .codecs = a->codecs,
                                 .n_codecs = a->n_codecs,
                                 .ptime_ms = a->stage->o.frame_ms,
                                 .opus_bitrate_bps = a->stage->o.opus_bitrate_bps,
                                 .security = a->stage->o.security,
                                 .keys = a->key_list,
                                 .n_keys = a->n_keys,
                                 .session_id = (uint64_t)bc_stage_wall_us(a->stage),
                                 .session_version = 1,
                                 .session_name = "bulletin"};
    a->offers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_offer);
    return true;
}

static bool make_fanout(BcAnnouncement *a, GError **error)
{
    BcStage *stage = a->stage;
    BcFanoutOptions options = {.workers = stage->o.workers,
                               .n_workers = stage->o.n_workers,
                               .control = stage->o.control,
                               .source = a->source,
                               .frame_ms = stage->o.frame_ms,
                               .keys = a->keys,
                               .n_keys = a->n_keys,
                               .rtp_fd = stage->rtp_fd,
                               .rtcp_fd = stage->rtcp_fd,
                               .rtp_fd6 = stage->rtp_fd6,
                               .rtcp_fd6 = stage->rtcp_fd6,
                               .cname = a->id,
                               .on_end = on_source_end,
                               .user = a};
    for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++)
        options.payload_types[c] = payload_type(c);
    a->fanout = bc_fanout_new(&options);
    if (!a->fanout || bc_fanout_start(a->fanout, a->start_us) < 0) {
        g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "cannot set up the fan-out: %s", g_strerror(errno));
        return false;
    }
    return true;
}

static bool find_targets(BcAnnouncement *a, const char *const *areas, GError **error)
{
    for (unsigned i = 0; areas && areas[i]; i++)
        if (!bc_areas_find(a->stage->o.areas, areas[i])) {
            g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "there is no area %s", areas[i]);
            return false;
        }
    g_autoptr(GPtrArray) devices = bc_devices_in(a->stage->o.devices, areas, true);
    a->targets = g_new0(BcTarget, MAX(devices->len, 1));
    a->by_device = g_hash_table_new(g_str_hash, g_str_equal);
    for (unsigned i = 0; i < devices->len; i++) {
        const BcDevice *device = devices->pdata[i];
        BcTarget *target = &a->targets[a->n_targets];
        if (device->kind == BC_DEVICE_BOARD && !a->stage->reach[BC_DEVICE_BOARD].begin)
            continue; /* shows its own plan; nobody counts on it to sound */
        bc_target_init(target, a, device);
        g_hash_table_insert(a->by_device, target->device, target);
        a->n_targets++;
    }
    return true;
}

static void on_start(BcTimer *timer, void *user)
{
    BcAnnouncement *a = user;
    a->state = "playing";
    tell(a, "announcement.playing");
    bc_play_log_flush(a->stage->o.play_log); /* what sounds must not sound again after a crash */
}

static BcAnnouncement *copy_spec(BcStage *stage, const BcAnnouncementSpec *spec)
{
    BcAnnouncement *a = g_new0(BcAnnouncement, 1);
    int64_t now = bc_stage_now_us(stage), wall = bc_stage_wall_us(stage);
    a->stage = stage;
    a->id = spec->id ? g_strdup(spec->id) : bc_new_id("a");
    a->kind = g_strdup(spec->kind);
    a->title = g_strdup(spec->title);
    a->schedule = g_strdup(spec->schedule);
    a->content = g_strdup(spec->content);
    a->source_name = g_strdup(spec->source_name);
    a->areas = g_strjoinv(",", (char **)spec->areas);
    a->created_by = g_strdup(spec->created_by);
    a->occurrence_us = spec->occurrence_us;
    a->priority = spec->priority;
    a->source = bc_source_ref(spec->source);
    a->start_wall_us = MAX(spec->start_wall_us, wall);
    a->start_us = now + a->start_wall_us - wall;
    a->on_closed = spec->on_closed;
    a->user = spec->user;
    a->expires_us = spec->expires_us;
    a->begin_us = spec->begin_wall_us ? MIN(spec->begin_wall_us, a->start_wall_us) : a->start_wall_us;
    a->issued_us = spec->schedule ? a->start_wall_us : spec->begin_wall_us ? a->begin_us : wall;
    a->items = CLAMP(spec->items, 1, BC_PROOF_ITEMS_MAX);
    a->repeats = spec->repeats;
    a->gap_us = spec->gap_us;
    a->drop = spec->drop;
    a->siren = spec->siren;
    a->siren_rounds = spec->siren_rounds;
    a->volume = spec->volume;
    a->drill = spec->drill;
    a->state = "ringing";
    a->order = (BcOrder){spec->priority, spec->authority, spec->made_us ? spec->made_us : wall, ++stage->last_order};
    return a;
}

BcAnnouncement *bc_announcement_start(BcStage *stage, const BcAnnouncementSpec *spec, GError **error)
{
    unsigned running = 0;
    for (unsigned i = 0; i < stage->running->len; i++)
        running += !((BcAnnouncement *)stage->running->pdata[i])->over;
    if (running >= stage->o.running_max && spec->priority != BC_EMERGENCY) {
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "%u announcements are on already, the most at one time", running);
        return NULL;
    }
    if (spec->expires_us && spec->expires_us <= MAX(bc_stage_wall_us(stage), spec->start_wall_us)) {
        g_set_error(error, BC_ERROR, BC_ERROR_STATE, "it had expired before it could begin");
        return NULL;
    }
    BcAnnouncement *a = copy_spec(stage, spec);
    if (!find_targets(a, spec->areas, error) || !make_keys(a, error) || !make_offer(a, error) || !make_fanout(a, error)) {
        if (a->fanout)
            bc_fanout_stop(a->fanout, NULL, NULL);
        free_announcement(a);
        return NULL;
    }
    if (spec->begin_wall_us)
        bc_announcement_restore(a);
    g_ptr_array_add(stage->running, a);
    bc_timer_at(stage->o.timers, &a->start, a->start_us, on_start, a);
    if (a->expires_us)
        bc_timer_at(stage->o.timers, &a->expire, bc_stage_now_us(stage) + a->expires_us - bc_stage_wall_us(stage), on_expire, a);
    tell(a, "announcement.ringing");
    for (unsigned i = 0; i < a->n_targets; i++) /* first those that only need to be told: rows and calls can wait */
        if (a->targets[i].way != BC_BY_CALL)
            bc_target_want(&a->targets[i]);
    if (a->tell.armed_in) {
        bc_timer_cancel(&a->tell);
        bc_announcement_tell(a);
    }
    for (unsigned i = 0; i < a->n_targets; i++) {
        if (a->targets[i].way == BC_BY_CALL)
            bc_target_want(&a->targets[i]);
        else if (a->targets[i].way == BC_BY_REACH)
            bc_target_log(&a->targets[i]);
    }
    return a;
}
