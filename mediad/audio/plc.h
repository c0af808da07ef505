/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>

/* Loss concealment for waveform codecs (the idea of G.711 Appendix I): repeats the last pitch period, fading out, and
 * cross-fades into the sound that comes back. Works at the codec's own rate. Embedded, no allocation. */
#define MD_PLC_RATE_MAX 16000
#define MD_PLC_HISTORY_MAX (MD_PLC_RATE_MAX * 40 / 1000)
#define MD_PLC_PERIOD_MAX (MD_PLC_RATE_MAX * 15 / 1000)
typedef struct MdPlc {
    unsigned rate;
    float history[MD_PLC_HISTORY_MAX]; /* newest last */
    float period[MD_PLC_PERIOD_MAX];   /* while concealing: what is repeated */
    unsigned period_len, period_at;
    unsigned lost_samples;             /* since the last good sample; 0: not concealing */
} MdPlc;

/* rate: 8000 or 16000 Hz. */
void md_plc_init(MdPlc *plc, unsigned rate);
/* Good samples, in place: blends the first 4 ms with the concealment when samples were missing before. */
void md_plc_good(MdPlc *plc, float *pcm, unsigned n);
/* Makes n samples of what is missing. */
void md_plc_conceal(MdPlc *plc, float *pcm, unsigned n);
