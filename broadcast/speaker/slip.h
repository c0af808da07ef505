/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Keeps a sound in step with the server's clock: which of its samples, between which, belong to a block. Small differences are
 * made up by reading slightly faster or slower (at most one in a thousand, not heard), large ones by a jump. Embedded, pure. */
#define BC_SLIP_BLOCK_MAX 1024u
#define BC_SLIP_NEED_MAX (BC_SLIP_BLOCK_MAX + 8u)
#define BC_SLIP_JUMP_SAMPLES 480   /* 10 ms: what neighbours may differ by */

typedef struct BcSlip {
    double position;             /* of the next sample to be made */
    double step;                 /* of the block being made */
    bool set;
    unsigned jumps;
} BcSlip;

/* from, to: places in the sound, in samples, where the server's clock puts the block's begin and end; n <= BC_SLIP_BLOCK_MAX samples are
 * made. Returns how many source samples are needed, from *ret_at on (may be negative). */
unsigned bc_slip_plan(BcSlip *slip, double from, double to, unsigned n, int64_t *ret_at);
/* Makes the block of what was planned (samples from ret_at on). */
void bc_slip_make(BcSlip *slip, const float *source, int64_t at, float *pcm, unsigned n);
