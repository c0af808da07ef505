/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/core/timing.h"
#include <math.h>
#include <string.h>

#define ROUND_TRIP_MAX_US 5000000
#define WINDOW_US (G_GINT64_CONSTANT(1800) * 1000000)
#define DRIFT_SPAN_US (G_GINT64_CONSTANT(120) * 1000000) /* a slope needs some length */
#define DRIFT_MAX 500e-6          /* no crystal is worse */
#define FLOOR_US 1000             /* round trips that close together are alike */
#define ASTRAY_US 50000           /* a clock was stepped: the server's, or ours while asleep */
#define ASTRAY_MAX 3

void bc_timing_init(BcTiming *timing, int64_t mono_us, int64_t wall_us)
{
    memset(timing, 0, sizeof(*timing));
    timing->base_us = wall_us - mono_us;
    timing->next_us = mono_us;
    timing->error_us = INT64_MAX;
}

int64_t bc_timing_next_us(const BcTiming *timing)
{
    return timing->next_us;
}

/* Eight quickly, then ever rarer. */
static int64_t pause_us(unsigned asked)
{
    return asked < 8 ? 250000 : asked < 24 ? 8000000 : 32000000;
}

void bc_timing_ask(BcTiming *timing, int64_t mono_us, BcLinkClock *ret)
{
    *ret = (BcLinkClock){.t0_us = mono_us + timing->base_us};
    timing->asked_us[timing->asked_at++ % BC_TIMING_ASKED] = ret->t0_us;
    timing->next_us = mono_us + pause_us(timing->asked++);
}

void bc_timing_hurry(BcTiming *timing, int64_t mono_us)
{
    timing->asked = 0;
    timing->next_us = mono_us;
}

static bool asked_this(BcTiming *timing, int64_t t0_us)
{
    for (unsigned i = 0; i < BC_TIMING_ASKED; i++) {
        if (t0_us && timing->asked_us[i] == t0_us) {
            timing->asked_us[i] = 0;
            return true;
        }
    }
    return false;
}

static int64_t quickest(const BcTiming *timing)
{
    int64_t least_us = INT64_MAX;
    for (unsigned i = 0; i < timing->n; i++)
        if (timing->samples[i].rtt_us < least_us)
            least_us = timing->samples[i].rtt_us;
    return least_us;
}

/* Weighted least squares; the origin lies at the newest sample, where the answer is wanted. */
static void lay_line(BcTiming *timing, int64_t now_us)
{
    int64_t least_us = quickest(timing), oldest_us = now_us, first_us = timing->samples[timing->at].offset_us;
    double w = 0, wx = 0, wy = 0, wxx = 0, wxy = 0;
    for (unsigned i = 0; i < timing->n; i++) {
        if (now_us - timing->samples[i].mono_us > WINDOW_US)
            continue;
        double slow = (double)(timing->samples[i].rtt_us - least_us + FLOOR_US) / FLOOR_US, weight = 1 / (slow * slow);
        double x = (double)(timing->samples[i].mono_us - now_us), y = (double)(timing->samples[i].offset_us - first_us);
        w += weight;
        wx += weight * x;
        wy += weight * y;
        wxx += weight * x * x;
        wxy += weight * x * y;
        if (timing->samples[i].mono_us < oldest_us)
            oldest_us = timing->samples[i].mono_us;
    }
    double spread = w * wxx - wx * wx;
    if (now_us - oldest_us >= DRIFT_SPAN_US && spread > 0) {
        timing->drift = fmax(-DRIFT_MAX, fmin(DRIFT_MAX, (w * wxy - wx * wy) / spread));
        timing->has_drift = true;
    }
    timing->ref_us = now_us;
    timing->offset_us = first_us + (int64_t)llround((wy - timing->drift * wx) / w);
    timing->error_us = least_us / 2;
    timing->synced = true;
}

static int64_t offset_at(const BcTiming *timing, int64_t mono_us)
{
    return timing->offset_us + (int64_t)llround(timing->drift * (double)(mono_us - timing->ref_us));
}

bool bc_timing_answer(BcTiming *timing, const BcLinkClock *answer, int64_t mono_us)
{
    if (!asked_this(timing, answer->t0_us) || answer->t2_us < answer->t1_us)
        return false;
    int64_t t0_us = answer->t0_us - timing->base_us;
    int64_t rtt_us = (mono_us - t0_us) - (answer->t2_us - answer->t1_us);
    if (mono_us < t0_us || mono_us - t0_us > ROUND_TRIP_MAX_US || rtt_us < 0)
        return false;
    int64_t offset_us = ((answer->t1_us - t0_us) + (answer->t2_us - mono_us)) / 2;
    if (timing->synced && llabs(offset_us - offset_at(timing, mono_us)) > rtt_us / 2 + ASTRAY_US) {
        if (++timing->astray < ASTRAY_MAX)
            return false;
        timing->n = timing->at = 0; /* a step is believed when it stays */
        timing->drift = 0;
        timing->has_drift = false;
    }
    timing->astray = 0;
    timing->at = timing->n ? (timing->at + 1) % BC_TIMING_SAMPLES : 0;
    if (timing->n < BC_TIMING_SAMPLES)
        timing->n++;
    timing->samples[timing->at].mono_us = mono_us;
    timing->samples[timing->at].offset_us = offset_us;
    timing->samples[timing->at].rtt_us = rtt_us;
    lay_line(timing, mono_us);
    return true;
}

bool bc_timing_synced(const BcTiming *timing)
{
    return timing->synced;
}

int64_t bc_timing_server_us(const BcTiming *timing, int64_t mono_us, int64_t wall_us)
{
    return timing->synced ? mono_us + offset_at(timing, mono_us) : wall_us;
}

int64_t bc_timing_offset_us(const BcTiming *timing, int64_t mono_us, int64_t wall_us)
{
    return timing->synced ? wall_us - bc_timing_server_us(timing, mono_us, wall_us) : INT64_MIN;
}

double bc_timing_drift_ppm(const BcTiming *timing)
{
    return timing->has_drift ? -timing->drift * 1e6 : NAN;
}

int64_t bc_timing_error_us(const BcTiming *timing)
{
    return timing->error_us;
}
