/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Does a queue on the way grow? Packets that left together (a burst) are taken as one; how much longer each group was on
 * its way than the one before adds up to a curve, and the slope of a straight line through its last points says whether
 * the queue fills, drains or stands (draft-ietf-rmcat-gcc-02, 4, 5; the line in place of its filter). Pure; one thread. */
#define MD_DELAY_TREND_POINTS 20

typedef enum MdLineUse { MD_LINE_NORMAL, MD_LINE_UNDERUSED, MD_LINE_OVERUSED } MdLineUse;

typedef struct MdDelayGroup {
    int64_t first_sent_us, last_sent_us, arrival_us;
} MdDelayGroup;

typedef struct MdDelayTrend {
    unsigned n_groups;           /* 0, 1, 2: how many of the two below are there */
    MdDelayGroup before, now;
    int64_t begun_us;            /* arrival of the first point */
    double delay_ms, smooth_ms;  /* added up, and its running mean */
    unsigned n_points, next_point, n_seen;
    double x[MD_DELAY_TREND_POINTS], y[MD_DELAY_TREND_POINTS];
    double threshold_ms;         /* moves with what is usual on this line */
    int64_t threshold_us;
    double slope_before;
    int64_t over_us;             /* how long it has looked like overuse, sender's time; -1: it does not */
    unsigned over_points;
    MdLineUse use;
} MdDelayTrend;

void md_delay_trend_init(MdDelayTrend *trend);
/* A packet sent at sent_us (our clock) came at arrival_us (the peer's clock). In order of sending. */
void md_delay_trend_add(MdDelayTrend *trend, int64_t sent_us, int64_t arrival_us);
