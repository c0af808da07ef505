/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediasim/fetcher.h"
#include "mediasim/options.h"
#include "mediasim/post.h"
#include "mediasim/verdict.h"

/* What all loudspeakers of the device link heard together, and what of it falls short. Main thread. */
typedef struct SimLinkTotals {
    unsigned devices, online_most;
    int64_t connected_us, back_us; /* 0: not all of them in time */
    bool storm;
    SimLaneStats stats;
    uint64_t unconfirmed;
    GPtrArray *sounded;            /* of SimSounded, owned */
    const SimFetcherStats *files;  /* NULL none */
} SimLinkTotals;

void sim_link_totals_add(SimLinkTotals *totals, const SimLaneStats *stats);
void sim_link_totals_sounded(SimLinkTotals *totals, const SimSounded *sounded);
void sim_link_totals_clear(SimLinkTotals *totals);
void sim_link_judge(SimLinkTotals *totals, const SimOptions *options, SimVerdict *verdict);
