/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/timers.h"

struct BcTimers {
    const MdClock *clock;
    GSequence *queue; /* of BcTimer*, by (due, order) */
    uint64_t order;
    GSource *source;  /* NULL: driven by hand */
};

static int compare(gconstpointer a, gconstpointer b, gpointer user)
{
    const BcTimer *x = a, *y = b;
    if (x->due_us != y->due_us)
        return x->due_us < y->due_us ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static gboolean on_ready(gpointer user)
{
    bc_timers_run(user);
    return G_SOURCE_CONTINUE;
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer user)
{
    g_source_set_ready_time(source, -1);
    return callback ? callback(user) : G_SOURCE_REMOVE;
}

static GSourceFuncs source_funcs = {.dispatch = dispatch};

BcTimers *bc_timers_new(const MdClock *clock, bool attach)
{
    BcTimers *timers = g_new0(BcTimers, 1);
    timers->clock = clock ? clock : md_clock_system();
    timers->queue = g_sequence_new(NULL);
    if (attach) {
        timers->source = g_source_new(&source_funcs, sizeof(GSource));
        g_source_set_callback(timers->source, on_ready, timers, NULL);
        g_source_attach(timers->source, g_main_context_get_thread_default());
    }
    return timers;
}

void bc_timers_free(BcTimers *timers)
{
    if (!timers)
        return;
    for (GSequenceIter *it = g_sequence_get_begin_iter(timers->queue); !g_sequence_iter_is_end(it);
         it = g_sequence_iter_next(it))
        ((BcTimer *)g_sequence_get(it))->armed_in = NULL;
    if (timers->source) {
        g_source_destroy(timers->source);
        g_source_unref(timers->source);
    }
    g_sequence_free(timers->queue);
    g_free(timers);
}

const MdClock *bc_timers_clock(const BcTimers *timers)
{
    return timers->clock;
}

int64_t bc_timers_next_us(const BcTimers *timers)
{
    GSequenceIter *first = g_sequence_get_begin_iter(timers->queue);
    return g_sequence_iter_is_end(first) ? INT64_MAX : ((BcTimer *)g_sequence_get(first))->due_us;
}

static void rearm_source(BcTimers *timers)
{
    if (!timers->source)
        return;
    int64_t next = bc_timers_next_us(timers);
    if (next == INT64_MAX) {
        g_source_set_ready_time(timers->source, -1);
        return;
    }
    int64_t wait = next - md_clock_now_us(timers->clock);
    g_source_set_ready_time(timers->source, g_get_monotonic_time() + MAX(wait, 0));
}

void bc_timer_cancel(BcTimer *timer)
{
    BcTimers *timers = timer->armed_in;
    if (!timers)
        return;
    GSequenceIter *it = g_sequence_lookup(timers->queue, timer, compare, NULL);
    if (it)
        g_sequence_remove(it);
    timer->armed_in = NULL;
    rearm_source(timers);
}

void bc_timer_at(BcTimers *timers, BcTimer *timer, int64_t due_us, BcTimerFn fn, void *user)
{
    bc_timer_cancel(timer);
    timer->due_us = due_us;
    timer->fn = fn;
    timer->user = user;
    timer->order = ++timers->order;
    timer->armed_in = timers;
    g_sequence_insert_sorted(timers->queue, timer, compare, NULL);
    rearm_source(timers);
}

int64_t bc_timers_run(BcTimers *timers)
{
    int64_t now = md_clock_now_us(timers->clock);
    uint64_t last = timers->order; /* what is armed meanwhile for "now" runs in the next round: no endless loop */
    for (;;) {
        GSequenceIter *first = g_sequence_get_begin_iter(timers->queue);
        if (g_sequence_iter_is_end(first))
            break;
        BcTimer *timer = g_sequence_get(first);
        if (timer->due_us > now || timer->order > last)
            break;
        g_sequence_remove(first);
        timer->armed_in = NULL;
        timer->fn(timer, timer->user);
    }
    rearm_source(timers);
    return bc_timers_next_us(timers);
}
