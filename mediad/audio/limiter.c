/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/audio/limiter.h"
#include <math.h>
#include "mediad/audio/kernels.h"

enum { ATTACK_SAMPLES = 48 };
static const float RELEASE = 1.06f; /* about 0.5 dB a tick */

/* Above the knee the slope falls smoothly, never reaching 1. */
static float bend(float x)
{
    const float room = 1.0f - MD_LIMITER_KNEE;
    float over = fabsf(x) - MD_LIMITER_KNEE;
    if (over <= 0)
        return x;
    return copysignf(MD_LIMITER_KNEE + room * over / (over + room), x);
}

void md_limiter_tick(MdLimiter *limiter, float *pcm, unsigned n)
{
    const MdKernels *k = md_kernels();
    float from = limiter->gain > 0 ? limiter->gain : 1;
    float peak = k->peak(pcm, n);
    if (from == 1 && peak <= MD_LIMITER_KNEE)
        return;
    float allowed = peak > MD_LIMITER_KNEE ? MD_LIMITER_KNEE / peak : 1;
    float to = fminf(fminf(from * RELEASE, 1), allowed);
    unsigned ramp = to < from && n > ATTACK_SAMPLES ? ATTACK_SAMPLES : n;
    k->scale(pcm, pcm, ramp, from, to);
    k->scale(pcm + ramp, pcm + ramp, n - ramp, to, to);
    limiter->gain = to;
    if (peak * from > MD_LIMITER_KNEE)
        for (unsigned i = 0; i < ramp; i++)
            pcm[i] = bend(pcm[i]);
}
