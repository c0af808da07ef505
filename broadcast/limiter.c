/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/limiter.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <glib.h>

#define TAPS 16       /* a phase */
#define HALF (TAPS / 2)
#define AHEAD 240u    /* samples of look-ahead: 5 ms */
#define RING 512u     /* above AHEAD + TAPS, a power of two */
#define RELEASE (1.0 / (0.15 * 48000)) /* 150 ms */

struct BcLimiter {
    double ceiling;
    float taps[3][TAPS];  /* 1/4, 1/2, 3/4 of the way between two samples */
    float x[RING];        /* input, by absolute index */
    uint64_t n;           /* samples taken */
    uint64_t flushed;     /* zeros pushed at the end */
    double min[RING];     /* smoothed minima, for the running mean */
    double sum, release;
    struct { uint64_t at; double need; } deque[RING];
    unsigned head, count;
};

BcLimiter *bc_limiter_new(double ceiling_dbtp)
{
    BcLimiter *l = g_new0(BcLimiter, 1);
    l->ceiling = pow(10, ceiling_dbtp / 20);
    l->release = 1;
    for (unsigned p = 0; p < 3; p++) {
        double sum = 0;
        for (int k = 0; k < TAPS; k++) {
            double t = k - (HALF - 1) - (p + 1) / 4.0;
            double w = cos(G_PI * t / (TAPS + 1));
            double v = fabs(t) < 1e-9 ? 1 : sin(G_PI * t) / (G_PI * t) * w * w;
            l->taps[p][k] = (float)v;
            sum += v;
        }
        for (int k = 0; k < TAPS; k++)
            l->taps[p][k] /= (float)sum;
    }
    for (unsigned i = 0; i < RING; i++)
        l->min[i] = 1;
    l->sum = AHEAD;
    return l;
}

void bc_limiter_free(BcLimiter *limiter)
{
    g_free(limiter);
}

/* Highest level at sample m and on the way to the next one; needs HALF samples after m. */
static double peak_at(const BcLimiter *l, uint64_t m)
{
    float window[TAPS];
    for (unsigned k = 0; k < TAPS; k++)
        window[k] = l->x[(m + RING - (HALF - 1) + k) % RING];
    float peak = fabsf(window[HALF - 1]);
    for (unsigned p = 0; p < 3; p++) {
        float sum = 0;
        for (unsigned k = 0; k < TAPS; k++)
            sum += window[k] * l->taps[p][k];
        peak = fmaxf(peak, fabsf(sum));
    }
    return peak;
}

/* Least gain needed in (m - AHEAD, m]: a deque of growing needs. */
static double window_min(BcLimiter *l, uint64_t m, double need)
{
    while (l->count && l->deque[(l->head + l->count - 1) % RING].need >= need)
        l->count--;
    unsigned at = (l->head + l->count++) % RING;
    l->deque[at].at = m;
    l->deque[at].need = need;
    while (l->deque[l->head].at + AHEAD <= m) {
        l->head = (l->head + 1) % RING;
        l->count--;
    }
    return l->deque[l->head].need;
}

/* Takes one sample; true when *ret is the next one out. */
static int push(BcLimiter *l, float x, float *ret)
{
    l->x[l->n++ % RING] = x;
    if (l->n <= HALF)
        return 0;
    uint64_t m = l->n - 1 - HALF;
    double peak = peak_at(l, m);
    double least = window_min(l, m, peak > l->ceiling ? l->ceiling / peak : 1);
    l->release = fmin(least, l->release + (1 - l->release) * RELEASE);
    l->sum += l->release - l->min[(m + RING - AHEAD) % RING];
    l->min[m % RING] = l->release;
    if (m + 1 < AHEAD)
        return 0;
    /* every minimum in the mean saw this sample, so the mean is never above what the sample needs */
    *ret = (float)(l->x[(m + 1 - AHEAD) % RING] * (l->sum / AHEAD));
    return 1;
}

size_t bc_limiter_process(BcLimiter *l, const float *in, size_t n, double gain, float *out)
{
    size_t made = 0;
    for (size_t i = 0; i < n; i++)
        made += (size_t)push(l, (float)(in[i] * gain), out + made);
    return made;
}

size_t bc_limiter_flush(BcLimiter *l, float *out, size_t cap)
{
    size_t made = 0;
    while (made < cap && l->flushed < AHEAD + HALF - 1) {
        made += (size_t)push(l, 0, out + made);
        l->flushed++;
    }
    return made;
}
