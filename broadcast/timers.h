/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <glib.h>
#include "mediad/core/clock.h"

/* Timers of the control thread, on a clock that tests can turn by hand. Control thread only. Deadlines are monotonic
 * microseconds. With attach the earliest deadline is also a GSource of the thread-default context; without it
 * bc_timers_run is called by the test after it moved the clock. */
typedef struct BcTimers BcTimers;
typedef struct BcTimer BcTimer;
typedef void (*BcTimerFn)(BcTimer *timer, void *user);

struct BcTimer { /* embedded by its owner, zeroed before use */
    int64_t due_us;
    BcTimerFn fn;
    void *user;
    BcTimers *armed_in; /* NULL: not armed */
    uint64_t order;
};

BcTimers *bc_timers_new(const MdClock *clock, bool attach);
void bc_timers_free(BcTimers *timers); /* disarms what is left */
const MdClock *bc_timers_clock(const BcTimers *timers);
/* (Re)arms; equal deadlines run in the order they were armed. */
void bc_timer_at(BcTimers *timers, BcTimer *timer, int64_t due_us, BcTimerFn fn, void *user);
void bc_timer_cancel(BcTimer *timer);
/* Runs everything due by the clock; INT64_MAX when nothing is armed, else the next deadline. */
int64_t bc_timers_run(BcTimers *timers);
int64_t bc_timers_next_us(const BcTimers *timers);
