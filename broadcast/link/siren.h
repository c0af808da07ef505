/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdint.h>
#include "broadcast/link/protocol.h"

/* What sirens and chimes sound like, by calculation: every loudspeaker that makes them itself and mediad, which renders them for
 * loudspeakers that are rung, yield the same samples. A pure function of pattern and place, so that a loudspeaker may join in the
 * middle and stays in step with its neighbours. Mono at 48 kHz, full scale +-1.0. Any thread; no allocation.
 *
 *   storm   3 blasts of 20 s, 10 s apart; a round is repeated up to 3 times     slow wail, 400..800 Hz, 4 s a sweep
 *   flood   2 blasts of 10 s, 10 s apart, up to 2 rounds                        two tones in turn, 500 and 750 Hz, half a second each
 *   urgent  5 blasts of 30 s, 5 s apart, up to 3 rounds                         quick wail, 600..1200 Hz, 1 s a sweep
 *   drill   soft pairs of beeps for 10 s, one round                             880 Hz at -26 dBFS
 *   all clear  one steady tone of 20 s                                          440 Hz
 *   chime   2 s lead-in, one round                                              G5 E5 C5, dying away
 * Rounds follow each other after the pattern's own gap. */
#define BC_SIREN_RATE 48000

/* Rounds beyond what the pattern allows count as its most, 0 as 1. 0 for BC_SIREN_NONE and what is no pattern. */
unsigned bc_siren_rounds(BcSirenPattern pattern, unsigned rounds);
/* Length of the whole, from the first sample to the last one that sounds. */
int64_t bc_siren_duration_us(BcSirenPattern pattern, unsigned rounds);
/* Sample n from the beginning; 0 before it, in gaps and behind the end. */
float bc_siren_sample(BcSirenPattern pattern, unsigned rounds, int64_t n);
/* Samples from .. from + n of it. */
void bc_siren_render(BcSirenPattern pattern, unsigned rounds, int64_t from, float *pcm, unsigned n);
