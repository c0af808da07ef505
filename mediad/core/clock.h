/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdint.h>
#include <stdatomic.h>

/* Time is an argument: whoever needs "now" gets it as int64 microseconds of one monotonic clock, or holds an
 * MdClock. Wall time appears only at the edges (schedules, logs, RTCP sender reports). Thread: any. */
typedef struct MdClock MdClock;
struct MdClock {
    int64_t (*now_us)(const MdClock *clock);      /* monotonic */
    int64_t (*wall_now_us)(const MdClock *clock); /* since 1970-01-01 UTC */
};

static inline int64_t md_clock_now_us(const MdClock *clock)
{
    return clock->now_us(clock);
}

static inline int64_t md_clock_wall_us(const MdClock *clock)
{
    return clock->wall_now_us(clock);
}

/* The machine's clock (CLOCK_MONOTONIC, CLOCK_REALTIME). Never NULL, static. */
const MdClock *md_clock_system(void);

/* A clock the test moves. wall = monotonic + wall_offset_us. */
typedef struct MdVirtualClock {
    MdClock base;
    _Atomic int64_t us;
    _Atomic int64_t wall_offset_us;
} MdVirtualClock;

void md_virtual_clock_init(MdVirtualClock *clock, int64_t start_us, int64_t wall_us);
void md_virtual_clock_advance(MdVirtualClock *clock, int64_t by_us);
