/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/link/siren.h"
#include <math.h>

#define FADE_SAMPLES (BC_SIREN_RATE / 50) /* 20 ms: no clicks */

typedef struct Pattern {
    unsigned blasts, rounds_max;
    unsigned blast_s, gap_s;
    float amplitude;
} Pattern;

static const Pattern patterns[BC_SIREN_MAX] = {
    [BC_SIREN_CHIME] = {1, 1, 2, 0, 0.35f},
    [BC_SIREN_STORM] = {3, 3, 20, 10, 0.7f},
    [BC_SIREN_FLOOD] = {2, 2, 10, 10, 0.7f},
    [BC_SIREN_URGENT] = {5, 3, 30, 5, 0.7f},
    [BC_SIREN_DRILL] = {1, 1, 10, 0, 0.05f},
    [BC_SIREN_ALL_CLEAR] = {1, 1, 20, 0, 0.5f},
};

static const Pattern *pattern_of(BcSirenPattern pattern)
{
    return pattern > BC_SIREN_NONE && pattern < BC_SIREN_MAX ? &patterns[pattern] : NULL;
}

unsigned bc_siren_rounds(BcSirenPattern pattern, unsigned rounds)
{
    const Pattern *p = pattern_of(pattern);
    if (!p)
        return 0;
    return rounds < 1 ? 1 : rounds > p->rounds_max ? p->rounds_max : rounds;
}

/* Blasts of all rounds stand in one row: the gap between rounds is the one between blasts. */
static int64_t blasts_in_all(const Pattern *p, BcSirenPattern pattern, unsigned rounds)
{
    return (int64_t)p->blasts * bc_siren_rounds(pattern, rounds);
}

int64_t bc_siren_duration_us(BcSirenPattern pattern, unsigned rounds)
{
    const Pattern *p = pattern_of(pattern);
    if (!p)
        return 0;
    int64_t blasts = blasts_in_all(p, pattern, rounds);
    return (blasts * p->blast_s + (blasts - 1) * p->gap_s) * 1000000;
}

/* A tone whose pitch swings between low and high: the phase is the integral of the pitch, in closed form. It begins low. */
static double wail(double t, double low, double high, double sweep_s)
{
    double middle = (low + high) / 2, swing = (high - low) / 2, w = 2 * M_PI / sweep_s;
    double phase = 2 * M_PI * (middle * t - swing * sin(w * t) / w);
    return (sin(phase) + 0.3 * sin(3 * phase)) / 1.3;
}

/* Both tones hold whole periods in half a second, so they meet at zero. */
static double two_tones(double t)
{
    double phase = 2 * M_PI * (fmod(t, 1.0) < 0.5 ? 500 : 750) * t;
    return (sin(phase) + 0.3 * sin(3 * phase)) / 1.3;
}

static double beeps(double t)
{
    double in = fmod(t, 2.0);
    if (in >= 0.25)
        in -= 0.35;
    if (in < 0 || in >= 0.2)
        return 0;
    double edge = fmin(1.0, fmin(in, 0.2 - in) / 0.02);
    return edge * sin(2 * M_PI * 880 * in);
}

static double chime(double t)
{
    static const double hz[] = {783.99, 659.26, 523.25};
    double sum = 0;
    for (unsigned i = 0; i < 3; i++) {
        double in = t - 0.45 * i;
        if (in >= 0)
            sum += fmin(1.0, in / 0.005) * exp(-3.0 * in) * sin(2 * M_PI * hz[i] * in);
    }
    return sum;
}

static double voice(BcSirenPattern pattern, double t)
{
    switch (pattern) {
    case BC_SIREN_CHIME:
        return chime(t);
    case BC_SIREN_STORM:
        return wail(t, 400, 800, 4);
    case BC_SIREN_FLOOD:
        return two_tones(t);
    case BC_SIREN_URGENT:
        return wail(t, 600, 1200, 1);
    case BC_SIREN_DRILL:
        return beeps(t);
    case BC_SIREN_ALL_CLEAR:
        return sin(2 * M_PI * 440 * t);
    case BC_SIREN_NONE:
    case BC_SIREN_MAX:
        break;
    }
    return 0;
}

float bc_siren_sample(BcSirenPattern pattern, unsigned rounds, int64_t n)
{
    const Pattern *p = pattern_of(pattern);
    if (!p || n < 0)
        return 0;
    int64_t blast = (int64_t)p->blast_s * BC_SIREN_RATE, cycle = blast + (int64_t)p->gap_s * BC_SIREN_RATE;
    int64_t in = n % cycle;
    if (n / cycle >= blasts_in_all(p, pattern, rounds) || in >= blast)
        return 0;
    int64_t edge = in < blast - 1 - in ? in : blast - 1 - in;
    double fade = edge < FADE_SAMPLES ? (double)edge / FADE_SAMPLES : 1.0;
    return (float)(p->amplitude * fade * voice(pattern, (double)in / BC_SIREN_RATE));
}

void bc_siren_render(BcSirenPattern pattern, unsigned rounds, int64_t from, float *pcm, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        pcm[i] = bc_siren_sample(pattern, rounds, from + i);
}
