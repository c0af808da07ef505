/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/audio/tone.h"
#include <math.h>

void md_tone_init(MdTone *tone, double hz, unsigned rate, float amplitude)
{
    tone->phase = 0;
    tone->step = 2 * M_PI * hz / rate;
    tone->amplitude = amplitude;
}

void md_tone_fill(MdTone *tone, float *pcm, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        pcm[i] = tone->amplitude * (float)sin(tone->phase);
        tone->phase += tone->step;
        if (tone->phase > 2 * M_PI)
            tone->phase -= 2 * M_PI;
    }
}

float md_goertzel(const float *pcm, unsigned n, double hz, unsigned rate)
{
    double w = 2 * M_PI * hz / rate, k = 2 * cos(w), s1 = 0, s2 = 0;
    for (unsigned i = 0; i < n; i++) {
        double s = pcm[i] + k * s1 - s2;
        s2 = s1;
        s1 = s;
    }
    double power = s1 * s1 + s2 * s2 - k * s1 * s2;
    return n > 0 ? (float)(2 * sqrt(power > 0 ? power : 0) / n) : 0;
}

void md_comfort_noise_init(MdComfortNoise *noise, uint32_t seed)
{
    noise->seed = seed != 0 ? seed : 1;
    noise->state = 0;
}

void md_comfort_noise_add(MdComfortNoise *noise, float *pcm, unsigned n, float level_dbov)
{
    /* White noise uniform in +-1 has RMS 1/sqrt(3); a one-pole low-pass with factor a leaves sqrt((1-a)/(1+a)) of it. */
    const float a = 0.85f;
    float gain = powf(10.0f, level_dbov / 20.0f) * sqrtf(3.0f) * sqrtf((1 + a) / (1 - a));
    for (unsigned i = 0; i < n; i++) {
        noise->seed = noise->seed * 1664525u + 1013904223u;
        float white = (float)(int32_t)noise->seed / 2147483648.0f;
        noise->state = a * noise->state + (1 - a) * white;
        pcm[i] += gain * noise->state;
    }
}
