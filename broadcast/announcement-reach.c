/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of an announcement that is for devices which are told and report by themselves. */
#include "broadcast/announcement-reach.h"

#include <string.h>

#define REPORT_WAIT_US 20000000 /* devices say within seconds how it ended, those that are connected */

#define RELEASED_MAX_US (12ll * 3600 * G_USEC_PER_SEC) /* no release lasts longer */

/* Devices keep the quiet hours by themselves; what two people have released is said with the order, if that holds to its end. */
static bool is_released(const BcAnnouncement *a)
{
    const BcStage *stage = a->stage;
    int64_t left = bc_announcement_left_us(a), from = MAX(a->start_wall_us, bc_stage_wall_us(stage));
    int64_t to = from + (left == INT64_MAX ? 1 : MIN(left, RELEASED_MAX_US + 1)); /* live: mediad takes the sound away in time */
    g_autoptr(GHashTable) asked = g_hash_table_new(g_str_hash, g_str_equal);
    bool released = false;
    for (unsigned i = 0; stage->released && !a->schedule && i < a->n_targets; i++) {
        const BcTarget *t = &a->targets[i];
        if (t->way != BC_BY_REACH || t->state != BC_TARGET_QUEUED || !g_hash_table_add(asked, t->area))
            continue;
        if (!stage->released(t->area, from, to, &released, stage->guard_user))
            return false; /* one order for all: safe for all */
    }
    return released;
}

static void fill_sound(const BcAnnouncement *a, BcReachSound *ret, BcReachLive *live)
{
    const BcStage *stage = a->stage;
    bool group = md_addr_is_set(&a->group);
    int64_t duration = bc_source_duration_us(a->source);
    *live = (BcReachLive){.host = stage->live_host,
                          .port = stage->local_host ? stage->port : stage->port6,
                          .codec = md_audio_codec_to_string(a->codecs[0].codec),
                          .payload_type = a->codecs[0].payload_type,
                          .frame_ms = stage->o.frame_ms,
                          .srtp = *a->srtp ? a->srtp : NULL,
                          .multicast = group};
    if (group)
        live->port = md_addr_port(&a->group);
    *ret = (BcReachSound){.content = a->content,
                          .duration_us = duration == INT64_MAX ? INT64_MAX : duration + a->start_wall_us - a->begin_us,
                          .begin_us = a->begin_us,
                          .repeats = MAX(a->repeats, 1),
                          .gap_us = a->gap_us,
                          .siren = a->siren,
                          .siren_rounds = a->siren_rounds,
                          .expires_us = a->expires_us,
                          .authority = a->order.authority,
                          .in_manifest = a->schedule != NULL,
                          .drill = a->drill,
                          .quiet_ok = a->priority != BC_EMERGENCY && is_released(a),
                          .volume = a->volume,
                          .order = a->order,
                          .issued_us = a->issued_us,
                          .live = a->content || a->schedule ? NULL : live};
}

/* Live sound for one LAN: a group of its own for each announcement, so that keys do not mix. */
static void open_group(BcAnnouncement *a)
{
    BcStage *stage = a->stage;
    uint16_t port = md_addr_port(&stage->live_group);
    if (!md_addr_is_set(&stage->live_group) || md_addr_is_set(&a->group) || a->content || a->schedule)
        return;
    for (unsigned i = 0; i < stage->running->len;) { /* the first free pair of ports */
        const BcAnnouncement *other = stage->running->pdata[i++];
        if (other != a && md_addr_is_set(&other->group) && md_addr_port(&other->group) == port) {
            port += 2;
            i = 0;
        }
    }
    a->group = stage->live_group;
    md_addr_set_port(&a->group, port);
    BcDestination to = {.rtp = a->group, .rtcp = a->group, .codec = a->codecs[0].codec, .key = a->n_keys ? 0 : BC_FANOUT_PLAIN};
    a->group_handle = bc_fanout_add(a->fanout, &to);
    if (!a->group_handle)
        a->group.len = 0; /* no socket of its family: everybody asks */
    bc_announcement_commit_soon(a);
}

void bc_announcement_tell(BcAnnouncement *a)
{
    g_autofree const char **devices = g_new(const char *, MAX(a->n_targets, 1));
    char group[MD_ADDR_TEXT_MAX];
    BcReachSound sound;
    BcReachLive live;
    BcRun run;
    bc_announcement_run(a, &run);
    open_group(a);
    fill_sound(a, &sound, &live);
    a->leave |= sound.quiet_ok;
    if (live.multicast)
        live.host = md_addr_host(&a->group, group, sizeof group);
    for (unsigned kind = 0; kind < BC_DEVICE_KIND_MAX; kind++) {
        const BcReachOps *ops = &a->stage->reach[kind];
        unsigned n = 0;
        for (unsigned i = 0; ops->begin && i < a->n_targets; i++) {
            BcTarget *t = &a->targets[i];
            if (t->way != BC_BY_REACH || t->kind != (BcDeviceKind)kind || t->state != BC_TARGET_QUEUED)
                continue;
            t->state = BC_TARGET_TOLD;
            t->told = true;
            devices[n++] = t->device;
        }
        if (n)
            ops->begin(&run, &sound, devices, n, ops->user);
    }
}

static void on_tell(BcTimer *timer, void *user)
{
    bc_announcement_tell(user);
}

void bc_announcement_tell_soon(BcAnnouncement *a)
{
    if (!a->tell.armed_in && !a->over)
        bc_timer_at(a->stage->o.timers, &a->tell, bc_stage_now_us(a->stage), on_tell, a);
}

/* Is a device still to say how it ended? */
static bool reports_open(const BcAnnouncement *a)
{
    for (unsigned i = 0; i < a->n_targets; i++) {
        const BcTarget *t = &a->targets[i];
        if (t->way == BC_BY_REACH && !t->settled && !bc_proof_settled(&t->proof, a->items))
            return true;
    }
    return false;
}

/* What was not reported by now counts as missed; a report that comes later corrects it. */
void bc_announcement_reports_due(BcAnnouncement *a)
{
    for (unsigned i = 0; i < a->n_targets; i++)
        bc_target_settle(&a->targets[i]);
    BcRun run;
    bc_announcement_run(a, &run);
    bc_play_log_run(a->stage->o.play_log, &run);
    if (a->stage->o.on_event)
        a->stage->o.on_event("announcement.reported", a, a->stage->o.user);
    bc_announcement_settle(a);
}

static void on_reports_due(BcTimer *timer, void *user)
{
    bc_announcement_reports_due(user);
}

void bc_announcement_await_reports(BcAnnouncement *a)
{
    if (reports_open(a))
        bc_timer_at(a->stage->o.timers, &a->reports, bc_stage_now_us(a->stage) + REPORT_WAIT_US, on_reports_due, a);
}

void bc_announcement_reported(BcAnnouncement *a)
{
    if (a->reports.armed_in && !reports_open(a))
        bc_timer_at(a->stage->o.timers, &a->reports, bc_stage_now_us(a->stage), on_reports_due, a);
}

void bc_announcement_stop_reach(BcAnnouncement *a, const char *reason)
{
    bool told[BC_DEVICE_KIND_MAX] = {false};
    for (unsigned i = 0; i < a->n_targets; i++)
        told[a->targets[i].kind] |= a->targets[i].way == BC_BY_REACH && (a->targets[i].told || a->schedule);
    BcRun run;
    bc_announcement_run(a, &run);
    for (unsigned kind = 0; kind < BC_DEVICE_KIND_MAX; kind++)
        if (told[kind] && a->stage->reach[kind].stop)
            a->stage->reach[kind].stop(&run, reason, a->stage->reach[kind].user);
}

void bc_announcement_hush(BcAnnouncement *a, const char *reason, const GPtrArray *targets)
{
    g_autofree const char **devices = g_new(const char *, targets->len + 1);
    BcRun run;
    bc_announcement_run(a, &run);
    for (unsigned kind = 0; kind < BC_DEVICE_KIND_MAX; kind++) {
        const BcReachOps *ops = &a->stage->reach[kind];
        unsigned n = 0;
        for (unsigned i = 0; ops->hush && i < targets->len; i++) {
            const BcTarget *t = targets->pdata[i];
            if (t->way == BC_BY_REACH && t->kind == (BcDeviceKind)kind && (t->told || a->schedule))
                devices[n++] = t->device;
        }
        if (n)
            ops->hush(&run, reason, devices, n, ops->user);
    }
}

/* A former life has heard this of it already. */
static void take_proof(const BcPlay *play, void *user)
{
    BcAnnouncement *a = user;
    BcTarget *t = g_hash_table_lookup(a->by_device, play->device);
    if (!t || !play->proof || t->way != BC_BY_REACH)
        return;
    t->proof = *play->proof;
    t->from_us = t->proof.from_us;
    t->to_us = t->proof.to_us;
}

void bc_announcement_restore(BcAnnouncement *a)
{
    (void)bc_play_log_plays(a->stage->o.play_log, a->id, NULL, BC_DEVICES_MAX, 0, take_proof, a, NULL); /* lost: it sounds all the same */
}
