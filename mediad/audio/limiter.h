/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Soft limiter: keeps a mix of several loud talkers below full scale by turning it down for a moment instead of clipping.
 * Looks at a whole tick before it lets it out; what still comes above the knee is bent, never cut. Embedded, pure. */
#define MD_LIMITER_KNEE 0.9f
typedef struct MdLimiter {
    float gain; /* 0 and 1: at rest */
} MdLimiter;
void md_limiter_tick(MdLimiter *limiter, float *pcm, unsigned n);
