/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The inner loops of mixing, in plain C and for AVX2; chosen once by what the processor can do. Pure, any thread.
 * dst may equal a source but may not overlap it otherwise. */
typedef struct MdKernels {
    const char *name;
    /* dst[i] = src[i] * gain, the gain going straight from `from` (before the first sample) to `to` (at the last) */
    void (*scale)(float *dst, const float *src, unsigned n, float from, float to);
    void (*add)(float *dst, const float *src, unsigned n);                 /* dst += src */
    void (*subtract)(float *dst, const float *a, const float *b, unsigned n); /* dst = a - b */
    float (*energy)(const float *src, unsigned n);                         /* sum of squares */
    float (*peak)(const float *src, unsigned n);                           /* largest magnitude */
} MdKernels;

/* Never NULL. */
const MdKernels *md_kernels(void);
extern const MdKernels md_kernels_c;
/* NULL when this processor (or build) has no AVX2. */
const MdKernels *md_kernels_avx2(void);
