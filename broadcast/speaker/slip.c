/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/slip.h"
#include <math.h>

#define PULL_SAMPLES 24000.0     /* differences die away with half a second */
#define PULL_MAX 0.001
#define DEAD_SAMPLES 1.0         /* 20 us: leave the samples as they are */

unsigned bc_slip_plan(BcSlip *slip, double from, double to, unsigned n, int64_t *ret_at)
{
    double off = from - slip->position;
    if (!slip->set || fabs(off) > BC_SLIP_JUMP_SAMPLES) {
        slip->jumps += slip->set;
        slip->position = round(from);
        slip->set = true;
        off = 0;
    }
    double rate = n ? (to - from) / n : 1;
    if (fabs(rate - 1) > 2 * PULL_MAX) /* the clock was set: the next blocks tell */
        rate = 1;
    double pull = fmax(-PULL_MAX, fmin(PULL_MAX, off / PULL_SAMPLES));
    /* whole samples as long as the difference is nothing: no filtering at all then */
    slip->step = fabs(off) < DEAD_SAMPLES && slip->position == floor(slip->position) ? 1 : rate + pull;
    *ret_at = (int64_t)floor(slip->position) - 1;
    return (unsigned)(floor(slip->position + slip->step * n) - floor(slip->position)) + 4;
}

/* Four-point, third-order Hermite. */
static float between(const float *y, float x)
{
    float c1 = 0.5f * (y[2] - y[0]), c2 = y[0] - 2.5f * y[1] + 2 * y[2] - 0.5f * y[3], c3 = 0.5f * (y[3] - y[0]) + 1.5f * (y[1] - y[2]);
    return ((c3 * x + c2) * x + c1) * x + y[1];
}

void bc_slip_make(BcSlip *slip, const float *source, int64_t at, float *pcm, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        double position = slip->position + slip->step * i, whole = floor(position);
        const float *y = source + ((int64_t)whole - 1 - at);
        float part = (float)(position - whole);
        pcm[i] = part == 0 ? y[1] : between(y, part);
    }
    slip->position += slip->step * n;
    if (fabs(slip->position - round(slip->position)) < 1e-9)
        slip->position = round(slip->position);
}
