/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/desk.h"

#include <glib-unix.h>
#include "broadcast/link/live-ask.h"
#include "mediad/transport/udp.h"

#define POLL_MAX 512u   /* datagrams at one go; the rest after other things had their turn */
#define SWEEP_US 2000000

struct BcDesk {
    BcStage *stage;
    GSource *sources[2];
    BcTimer sweep;
    uint64_t asks, refused;
};

/* The live announcement it asks for, if it may: cheap things first, the signature last. */
static BcTarget *admit(BcDesk *desk, const BcLiveAsk *ask, const uint8_t *data, size_t len)
{
    BcAnnouncement *a = bc_announcement_find(desk->stage, ask->occurrence);
    BcTarget *t = a && !a->over && a->fanout && !a->content && !a->schedule ? g_hash_table_lookup(a->by_device, ask->device) : NULL;
    int64_t age = bc_stage_wall_us(desk->stage) - ask->at_us;
    if (!t || t->way != BC_BY_REACH || !t->told || ABS(age) > BC_LIVE_ASK_AGE_US || ask->at_us <= t->asked_at_us)
        return NULL;
    return bc_live_ask_verify(data, len, *a->srtp ? a->srtp : NULL) ? t : NULL;
}

static void on_sweep(BcTimer *timer, void *user)
{
    BcDesk *desk = user;
    BcStage *stage = desk->stage;
    int64_t now = bc_stage_now_us(stage);
    bool any = false;
    for (unsigned i = 0; i < stage->running->len; i++) {
        BcAnnouncement *a = stage->running->pdata[i];
        for (unsigned k = 0; !a->over && k < a->n_targets; k++) {
            BcTarget *t = &a->targets[k];
            if (t->way != BC_BY_REACH || !t->handle)
                continue;
            if (now - t->asked_us > BC_LIVE_ASK_FORGET_US)
                bc_target_send_to(t, NULL);
            any |= t->handle != 0;
        }
    }
    if (any)
        bc_timer_at(stage->o.timers, timer, now + SWEEP_US, on_sweep, desk);
}

static void take(BcDesk *desk, const uint8_t *data, size_t len, const MdAddr *from)
{
    BcLiveAsk ask;
    BcTarget *t = bc_live_ask_parse(&ask, data, len) ? admit(desk, &ask, data, len) : NULL;
    if (!t) {
        desk->refused++;
        return;
    }
    desk->asks++;
    t->asked_at_us = ask.at_us;
    t->asked_us = bc_stage_now_us(desk->stage);
    bool sounds = t->state == BC_TARGET_TOLD; /* not while something more urgent has the device */
    bc_target_send_to(t, ask.bye || !sounds ? NULL : from);
    if (!desk->sweep.armed_in)
        bc_timer_at(desk->stage->o.timers, &desk->sweep, t->asked_us + SWEEP_US, on_sweep, desk);
}

static void poll_socket(BcDesk *desk, int fd)
{
    uint8_t data[MD_UDP_PACKET_MAX];
    MdAddr from;
    for (unsigned i = 0; fd >= 0 && i < POLL_MAX; i++) {
        int n = md_udp_receive(fd, &from, data, sizeof data);
        if (n == -EAGAIN)
            return;
        if (n >= 0)
            take(desk, data, (size_t)n, &from);
    }
}

void bc_desk_poll(BcDesk *desk)
{
    poll_socket(desk, desk->stage->rtp_fd);
    poll_socket(desk, desk->stage->rtp_fd6);
}

static gboolean on_readable(int fd, GIOCondition condition, gpointer user)
{
    poll_socket(user, fd);
    return G_SOURCE_CONTINUE;
}

BcDesk *bc_desk_new(BcStage *stage, bool manual)
{
    BcDesk *desk = g_new0(BcDesk, 1);
    const int fds[] = {stage->rtp_fd, stage->rtp_fd6};
    desk->stage = stage;
    for (unsigned i = 0; !manual && i < G_N_ELEMENTS(fds); i++) {
        if (fds[i] < 0)
            continue;
        desk->sources[i] = g_unix_fd_source_new(fds[i], G_IO_IN);
        g_source_set_callback(desk->sources[i], G_SOURCE_FUNC(on_readable), desk, NULL);
        g_source_attach(desk->sources[i], g_main_context_get_thread_default());
    }
    return desk;
}

void bc_desk_free(BcDesk *desk)
{
    if (!desk)
        return;
    bc_timer_cancel(&desk->sweep);
    for (unsigned i = 0; i < G_N_ELEMENTS(desk->sources); i++) {
        if (desk->sources[i])
            g_source_destroy(desk->sources[i]);
        g_clear_pointer(&desk->sources[i], g_source_unref);
    }
    g_free(desk);
}

void bc_desk_stats(const BcDesk *desk, BcDeskStats *ret)
{
    *ret = (BcDeskStats){.asks = desk->asks, .refused = desk->refused};
    for (unsigned i = 0; i < desk->stage->running->len; i++) {
        const BcAnnouncement *a = desk->stage->running->pdata[i];
        for (unsigned k = 0; !a->over && k < a->n_targets; k++)
            ret->sent_to += a->targets[k].way == BC_BY_REACH && a->targets[k].handle != 0;
    }
}
