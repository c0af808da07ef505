/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/ringer.h"

#define SLOT_US 20000

struct BcRinger {
    BcTimers *timers;
    BcTimer timer;
    double per_slot, tokens;
    GQueue lanes[BC_PRIORITY_MAX];
};

BcRinger *bc_ringer_new(BcTimers *timers, unsigned per_s)
{
    BcRinger *ringer = g_new0(BcRinger, 1);
    ringer->timers = timers;
    ringer->per_slot = MAX(per_s, 1) * (SLOT_US / 1e6);
    for (unsigned i = 0; i < BC_PRIORITY_MAX; i++)
        g_queue_init(&ringer->lanes[i]);
    return ringer;
}

void bc_ringer_free(BcRinger *ringer)
{
    if (!ringer)
        return;
    for (unsigned i = 0; i < BC_PRIORITY_MAX; i++)
        while (ringer->lanes[i].head)
            bc_ringer_cancel(ringer->lanes[i].head->data);
    bc_timer_cancel(&ringer->timer);
    g_free(ringer);
}

unsigned bc_ringer_waiting(const BcRinger *ringer)
{
    unsigned n = 0;
    for (unsigned i = 0; i < BC_PRIORITY_MAX; i++)
        n += ringer->lanes[i].length;
    return n;
}

void bc_ringer_cancel(BcRing *ring)
{
    if (!ring->queued)
        return;
    g_queue_unlink(&ring->queued->lanes[ring->lane], &ring->link);
    ring->queued = NULL;
}

static void on_slot(BcTimer *timer, void *user)
{
    BcRinger *ringer = user;
    ringer->tokens = MIN(ringer->tokens + ringer->per_slot, MAX(ringer->per_slot, 1) + 1);
    for (unsigned lane = 0; lane < BC_PRIORITY_MAX && ringer->tokens >= 1;) {
        GList *first = ringer->lanes[lane].head;
        if (!first) {
            lane++;
            continue;
        }
        BcRing *ring = first->data;
        bc_ringer_cancel(ring);
        ringer->tokens -= 1;
        ring->fn(ring->user);
    }
    if (bc_ringer_waiting(ringer))
        bc_timer_at(ringer->timers, timer, md_clock_now_us(bc_timers_clock(ringer->timers)) + SLOT_US, on_slot, ringer);
}

void bc_ringer_push(BcRinger *ringer, BcRing *ring, BcPriority lane, BcRingFn fn, void *user)
{
    bc_ringer_cancel(ring);
    ring->link = (GList){.data = ring};
    ring->queued = ringer;
    ring->lane = lane;
    ring->fn = fn;
    ring->user = user;
    g_queue_push_tail_link(&ringer->lanes[lane], &ring->link);
    if (!ringer->timer.armed_in)
        bc_timer_at(ringer->timers, &ringer->timer, md_clock_now_us(bc_timers_clock(ringer->timers)), on_slot, ringer);
}
