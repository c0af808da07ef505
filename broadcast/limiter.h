/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stddef.h>

/* A look-ahead true-peak limiter for 48 kHz mono: peaks between samples are found by fourfold interpolation (as ITU-R BS.1770
 * annex 2 does), the gain is down before the peak arrives and comes back slowly. One thread at a time. */
typedef struct BcLimiter BcLimiter;

BcLimiter *bc_limiter_new(double ceiling_dbtp);
void bc_limiter_free(BcLimiter *limiter);
/* Input is multiplied by gain first. Writes at most n samples to out (fewer at the beginning: the look-ahead); out may be in. */
size_t bc_limiter_process(BcLimiter *limiter, const float *in, size_t n, double gain, float *out);
/* At the end: what is still inside, at most cap samples; 0 when all is out. */
size_t bc_limiter_flush(BcLimiter *limiter, float *out, size_t cap);
