/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/core/clock.h"
#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t system_now(const MdClock *clock)
{
    return read_us(CLOCK_MONOTONIC);
}

static int64_t system_wall(const MdClock *clock)
{
    return read_us(CLOCK_REALTIME);
}

const MdClock *md_clock_system(void)
{
    static const MdClock clock = {system_now, system_wall};
    return &clock;
}

static int64_t virtual_now(const MdClock *clock)
{
    return atomic_load(&((const MdVirtualClock *)clock)->us);
}

static int64_t virtual_wall(const MdClock *clock)
{
    const MdVirtualClock *v = (const MdVirtualClock *)clock;
    return atomic_load(&v->us) + atomic_load(&v->wall_offset_us);
}

void md_virtual_clock_init(MdVirtualClock *clock, int64_t start_us, int64_t wall_us)
{
    clock->base.now_us = virtual_now;
    clock->base.wall_now_us = virtual_wall;
    atomic_store(&clock->us, start_us);
    atomic_store(&clock->wall_offset_us, wall_us - start_us);
}

void md_virtual_clock_advance(MdVirtualClock *clock, int64_t by_us)
{
    atomic_fetch_add(&clock->us, by_us);
}
