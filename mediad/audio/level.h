/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>

/* Loudness of a tick and whether somebody speaks. Pure. */
#define MD_LEVEL_SILENCE_DBOV (-127.0f)

/* RMS in dB below overload (RFC 6465 scale: 0 a full-scale square wave, -3.01 a full-scale sine), -127..0. */
float md_level_dbov(const float *pcm, unsigned n);
float md_db_to_gain(float db);

/* Speech or not, from levels of successive 20 ms ticks: louder than a slowly tracked noise floor, with a hangover so that
 * pauses between words do not flicker. Embedded. */
typedef struct MdVad {
    float floor_dbov;
    unsigned hangover_ticks;
    bool voiced;
} MdVad;
void md_vad_init(MdVad *vad);
bool md_vad_tick(MdVad *vad, float level_dbov);
