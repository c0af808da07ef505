/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/rtp/delay-trend.h"

#include <string.h>

#define BURST_US 5000           /* sent within this: one group */
#define SMOOTHING 0.9
#define GAIN 4.0
#define POINTS_MAX 60           /* the slope weighs more the longer there has been one */
#define THRESHOLD_MS 12.5
#define THRESHOLD_MIN_MS 6.0
#define THRESHOLD_MAX_MS 600.0
#define THRESHOLD_UP 0.0087     /* per millisecond */
#define THRESHOLD_DOWN 0.039
#define THRESHOLD_STEP_MS_MAX 100.0
#define OUTLIER_MS 15.0
#define OVER_US 10000           /* before it counts */
#define BREAK_US 3000000        /* a gap or a step of the peer's clock: begin anew */

void md_delay_trend_init(MdDelayTrend *trend)
{
    memset(trend, 0, sizeof *trend);
    trend->threshold_ms = THRESHOLD_MS;
    trend->over_us = -1;
}

/* Least squares through the points held. Steps of the curve per millisecond. */
static double slope_of(const MdDelayTrend *t)
{
    double mean_x = 0, mean_y = 0, above = 0, below = 0;
    for (unsigned i = 0; i < t->n_points; i++) {
        mean_x += t->x[i] / t->n_points;
        mean_y += t->y[i] / t->n_points;
    }
    for (unsigned i = 0; i < t->n_points; i++) {
        above += (t->x[i] - mean_x) * (t->y[i] - mean_y);
        below += (t->x[i] - mean_x) * (t->x[i] - mean_x);
    }
    return below > 0 ? above / below : 0;
}

static double between(double value, double least, double most)
{
    return value < least ? least : value > most ? most : value;
}

static void adapt_threshold(MdDelayTrend *t, double trend_ms, int64_t now_us)
{
    double size = trend_ms < 0 ? -trend_ms : trend_ms, ms = t->threshold_us ? (double)(now_us - t->threshold_us) / 1000.0 : 0;
    t->threshold_us = now_us;
    if (size > t->threshold_ms + OUTLIER_MS) /* one large jump says nothing of what is usual */
        return;
    double k = size < t->threshold_ms ? THRESHOLD_DOWN : THRESHOLD_UP;
    t->threshold_ms += k * (size - t->threshold_ms) * between(ms, 0, THRESHOLD_STEP_MS_MAX);
    t->threshold_ms = between(t->threshold_ms, THRESHOLD_MIN_MS, THRESHOLD_MAX_MS);
}

static void judge(MdDelayTrend *t, double slope, int64_t sent_step_us, int64_t now_us)
{
    unsigned n = t->n_seen < POINTS_MAX ? t->n_seen : POINTS_MAX;
    double trend_ms = n * slope * GAIN;
    if (t->n_seen < 2) {
        t->use = MD_LINE_NORMAL;
    } else if (trend_ms > t->threshold_ms) {
        t->over_us = t->over_us < 0 ? sent_step_us / 2 : t->over_us + sent_step_us;
        t->over_points++;
        if (t->over_us > OVER_US && t->over_points > 1 && slope >= t->slope_before)
            t->use = MD_LINE_OVERUSED;
    } else {
        t->over_us = -1;
        t->over_points = 0;
        t->use = trend_ms < -t->threshold_ms ? MD_LINE_UNDERUSED : MD_LINE_NORMAL;
    }
    t->slope_before = slope;
    adapt_threshold(t, trend_ms, now_us);
}

static void close_group(MdDelayTrend *t)
{
    int64_t sent = t->now.last_sent_us - t->before.last_sent_us, came = t->now.arrival_us - t->before.arrival_us;
    if (came < 0) /* overtaken: no step of the queue */
        return;
    if (sent > BREAK_US || came > BREAK_US + sent) {
        md_delay_trend_init(t);
        return;
    }
    if (t->n_seen++ == 0)
        t->begun_us = t->now.arrival_us;
    t->delay_ms += (double)(came - sent) / 1000.0;
    t->smooth_ms = SMOOTHING * t->smooth_ms + (1 - SMOOTHING) * t->delay_ms;
    t->x[t->next_point] = (double)(t->now.arrival_us - t->begun_us) / 1000.0;
    t->y[t->next_point] = t->smooth_ms;
    t->next_point = (t->next_point + 1) % MD_DELAY_TREND_POINTS;
    if (t->n_points < MD_DELAY_TREND_POINTS)
        t->n_points++;
    double slope = t->n_points == MD_DELAY_TREND_POINTS ? slope_of(t) : t->slope_before;
    judge(t, slope, sent, t->now.arrival_us);
}

void md_delay_trend_add(MdDelayTrend *t, int64_t sent_us, int64_t arrival_us)
{
    if (t->n_groups == 0) {
        t->now = (MdDelayGroup){sent_us, sent_us, arrival_us};
        t->n_groups = 1;
        return;
    }
    if (sent_us < t->now.first_sent_us)
        return;
    if (sent_us - t->now.first_sent_us <= BURST_US) {
        t->now.last_sent_us = sent_us;
        if (arrival_us > t->now.arrival_us)
            t->now.arrival_us = arrival_us;
        return;
    }
    if (t->n_groups == 2)
        close_group(t);
    if (t->n_groups) { /* not begun anew */
        t->before = t->now;
        t->n_groups = 2;
    } else {
        t->n_groups = 1;
    }
    t->now = (MdDelayGroup){sent_us, sent_us, arrival_us};
}
