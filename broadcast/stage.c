/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/desk.h"

#include <string.h>
#include <unistd.h>
#include "mediad/transport/udp.h"

#define PORT_TRIES 200
#define DSCP_EF 46

/* An even port and its successor on one address. */
static bool open_pair(const BcStageOptions *o, const char *host, int *ret_rtp, int *ret_rtcp, uint16_t *ret_port)
{
    for (unsigned i = 0; i < (o->port ? 1 : PORT_TRIES); i++) {
        uint16_t port = o->port ? o->port : (uint16_t)(g_random_int_range((o->port_min + 1) / 2, (o->port_max + 1) / 2) * 2);
        MdAddr rtp, rtcp;
        if (md_addr_from_host(&rtp, host, port) < 0 || md_addr_from_host(&rtcp, host, (uint16_t)(port + 1)) < 0)
            return false;
        int a = md_udp_open(&rtp, NULL), b = a >= 0 ? md_udp_open(&rtcp, NULL) : -1;
        if (a >= 0 && b >= 0) {
            md_udp_set_buffers(a, 4 << 20, 8 << 20); /* thousands may ask for live sound at once */
            md_udp_set_buffers(b, 65536, 1 << 20);
            md_udp_set_dscp(a, DSCP_EF);
            *ret_rtp = a;
            *ret_rtcp = b;
            *ret_port = port;
            return true;
        }
        if (a >= 0)
            close(a);
    }
    return false;
}

static bool open_sockets(BcStage *stage, GError **error)
{
    stage->rtp_fd = stage->rtcp_fd = stage->rtp_fd6 = stage->rtcp_fd6 = -1;
    bool v4 = stage->local_host && open_pair(&stage->o, stage->local_host, &stage->rtp_fd, &stage->rtcp_fd, &stage->port);
    bool v6 = stage->local_host6 && open_pair(&stage->o, stage->local_host6, &stage->rtp_fd6, &stage->rtcp_fd6, &stage->port6);
    if ((stage->local_host && !v4) || (stage->local_host6 && !v6) || (!v4 && !v6)) {
        g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "broadcast: no pair of UDP ports (%u and the next) can be had on %s",
                    stage->o.port, v4 || !stage->local_host ? stage->local_host6 ? stage->local_host6 : "any address" : stage->local_host);
        return false;
    }
    return true;
}

BcStage *bc_stage_new(const BcStageOptions *options, GError **error)
{
    BcStage *stage = g_new0(BcStage, 1);
    stage->o = *options;
    stage->local_host = g_strdup(options->local_host);
    stage->local_host6 = g_strdup(options->local_host6);
    stage->from_user = g_strdup(options->from_user ? options->from_user : "broadcast");
    const char *host = options->live_host ? options->live_host : options->local_host ? options->local_host : options->local_host6;
    stage->live_host = g_strdup(host);
    if (options->live_group && md_addr_from_string(&stage->live_group, options->live_group) < 0) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "broadcast: \"%s\" is no address and port of a multicast group", options->live_group);
        stage->rtp_fd = stage->rtcp_fd = stage->rtp_fd6 = stage->rtcp_fd6 = -1;
        stage->holders = g_hash_table_new(g_str_hash, g_str_equal);
        stage->running = g_ptr_array_new();
        bc_stage_free(stage);
        return NULL;
    }
    stage->clock = bc_timers_clock(options->timers);
    stage->ringer = bc_ringer_new(options->timers, options->calls_per_s);
    stage->holders = g_hash_table_new(g_str_hash, g_str_equal);
    stage->running = g_ptr_array_new();
    stage->ears = g_ptr_array_new();
    if (!open_sockets(stage, error)) {
        bc_stage_free(stage);
        return NULL;
    }
    stage->desk = bc_desk_new(stage, options->step_workers);
    return stage;
}

void bc_stage_free(BcStage *stage)
{
    if (!stage)
        return;
    for (unsigned i = stage->running->len; i-- > 0;)
        bc_announcement_stop(stage->running->pdata[i], "mediad stops", true);
    while (stage->running->len > 0) {
        for (unsigned i = 0; stage->o.step_workers && i < stage->o.n_workers; i++)
            md_worker_step(stage->o.workers[i]);
        md_mailbox_drain(stage->o.control, 0);
        bc_timers_run(stage->o.timers);
        g_usleep(500);
    }
    bc_desk_free(stage->desk);
    const int fds[] = {stage->rtp_fd, stage->rtcp_fd, stage->rtp_fd6, stage->rtcp_fd6};
    for (unsigned i = 0; i < G_N_ELEMENTS(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    bc_ringer_free(stage->ringer);
    g_hash_table_unref(stage->holders);
    g_ptr_array_unref(stage->running);
    g_ptr_array_unref(stage->ears);
    g_free(stage->local_host);
    g_free(stage->local_host6);
    g_free(stage->from_user);
    g_free(stage->live_host);
    g_free(stage);
}

static void add_totals(BcFanoutTotals *sum, const BcFanoutTotals *one)
{
    sum->frames += one->frames;
    sum->frames_late += one->frames_late;
    sum->packets += one->packets;
    sum->reports += one->reports;
    sum->errors += one->errors;
    sum->skipped += one->skipped;
    sum->busy_us += one->busy_us;
}

void bc_stage_retire_fanout(BcStage *stage, const BcFanout *fanout)
{
    BcFanoutTotals one;
    bc_fanout_totals(fanout, &one);
    add_totals(&stage->totals, &one);
}

void bc_stage_totals(const BcStage *stage, BcFanoutTotals *ret)
{
    *ret = stage->totals;
    for (unsigned i = 0; i < stage->running->len; i++) {
        const BcAnnouncement *a = stage->running->pdata[i];
        BcFanoutTotals one;
        if (!a->fanout)
            continue;
        bc_fanout_totals(a->fanout, &one);
        add_totals(ret, &one);
    }
}

static bool outranks(const BcAnnouncement *a, const BcAnnouncement *b)
{
    return bc_order_compare(&a->order, &b->order) < 0;
}

bool bc_stage_take(BcStage *stage, BcTarget *target, bool *ret_cut)
{
    BcTarget *holder = g_hash_table_lookup(stage->holders, target->device);
    *ret_cut = false;
    const char *why;
    if (holder == target)
        return true;
    if (bc_stage_is_dropped(stage, target) || bc_stage_ask(stage, target, &why) != BC_GUARD_YES)
        return false;
    if (holder && holder->state != BC_TARGET_ENDED && !outranks(target->announcement, holder->announcement))
        return false;
    g_hash_table_replace(stage->holders, target->device, target);
    if (holder) {
        g_autofree char *reason = g_strdup_printf("pre-empted by %s", target->announcement->title);
        *ret_cut = holder->call != NULL;
        bc_target_cut(holder, reason);
    }
    return true;
}

/* Who is next for this loudspeaker, NULL nobody. */
static BcTarget *next_waiting(const BcStage *stage, const char *device)
{
    BcTarget *next = NULL;
    const char *why;
    for (unsigned i = 0; i < stage->running->len; i++) {
        BcAnnouncement *a = stage->running->pdata[i];
        BcTarget *t = a->over ? NULL : g_hash_table_lookup(a->by_device, device);
        if (t && t->state == BC_TARGET_WAITING && (!next || outranks(a, next->announcement)) &&
            !bc_stage_is_dropped(stage, t) && bc_stage_ask(stage, t, &why) == BC_GUARD_YES)
            next = t;
    }
    return next;
}

void bc_stage_release(BcStage *stage, BcTarget *target)
{
    if (g_hash_table_lookup(stage->holders, target->device) != target)
        return;
    g_hash_table_remove(stage->holders, target->device);
    /* one that is too short of time gives up instead of taking it: ask on */
    for (BcTarget *next; !g_hash_table_contains(stage->holders, target->device) && (next = next_waiting(stage, target->device));)
        bc_target_want(next);
}
