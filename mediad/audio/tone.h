/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdint.h>

/* Sines, their detection, and comfort noise. Embedded, pure. */
typedef struct MdTone {
    double phase, step; /* radians */
    float amplitude;
} MdTone;
/* amplitude: 1.0 is full scale. */
void md_tone_init(MdTone *tone, double hz, unsigned rate, float amplitude);
void md_tone_fill(MdTone *tone, float *pcm, unsigned n);

/* Amplitude of the sine of hz in pcm (1.0 for a full-scale sine), by the Goertzel algorithm. Exact when n / rate holds a
 * whole number of periods; otherwise neighbours leak in as with a rectangular window. */
float md_goertzel(const float *pcm, unsigned n, double hz, unsigned rate);

/* Low-passed noise at a given level: what a quiet room sounds like, so that a line does not seem dead. */
typedef struct MdComfortNoise {
    uint32_t seed;
    float state;
} MdComfortNoise;
void md_comfort_noise_init(MdComfortNoise *noise, uint32_t seed);
/* Adds noise of level_dbov (RMS) to pcm. */
void md_comfort_noise_add(MdComfortNoise *noise, float *pcm, unsigned n, float level_dbov);
