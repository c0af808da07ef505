/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/audio/plc.h"
#include <string.h>

enum {
    HISTORY_MS = 40,
    PERIOD_MIN_US = 2500,
    PERIOD_MAX_MS = 15,
    WINDOW_MS = 10,
    FULL_MS = 10,
    SILENT_MS = 100,
    BLEND_MS = 4
};

static unsigned ms(const MdPlc *plc, unsigned milliseconds)
{
    return plc->rate / 1000 * milliseconds;
}

void md_plc_init(MdPlc *plc, unsigned rate)
{
    memset(plc, 0, sizeof *plc);
    plc->rate = rate;
}

static void remember(MdPlc *plc, const float *pcm, unsigned n)
{
    unsigned len = ms(plc, HISTORY_MS);
    if (n >= len) {
        memcpy(plc->history, pcm + n - len, len * sizeof *pcm);
        return;
    }
    memmove(plc->history, plc->history + n, (len - n) * sizeof *pcm);
    memcpy(plc->history + len - n, pcm, n * sizeof *pcm);
}

/* The lag whose samples are most like the newest ones (normalized correlation, coarse step for speed). */
static unsigned find_period(const MdPlc *plc)
{
    unsigned len = ms(plc, HISTORY_MS), window = ms(plc, WINDOW_MS);
    const float *newest = plc->history + len - window;
    unsigned best = ms(plc, PERIOD_MAX_MS);
    float best_score = 0;
    for (unsigned lag = plc->rate / 1000 * PERIOD_MIN_US / 1000; lag <= ms(plc, PERIOD_MAX_MS); lag++) {
        float dot = 0, energy = 1e-9f;
        for (unsigned i = 0; i < window; i += 2) {
            float past = newest[(int)i - (int)lag];
            dot += newest[i] * past;
            energy += past * past;
        }
        float score = dot > 0 ? dot * dot / energy : 0;
        if (score > best_score) {
            best_score = score;
            best = lag;
        }
    }
    return best;
}

static void begin(MdPlc *plc)
{
    unsigned len = ms(plc, HISTORY_MS), lag = find_period(plc), fade = lag / 4;
    plc->period_len = lag;
    plc->period_at = 0;
    memcpy(plc->period, plc->history + len - lag, lag * sizeof *plc->period);
    /* The end of the period leads into its own start without a step. */
    for (unsigned i = 0; i < fade; i++) {
        float w = (float)(i + 1) / (float)(fade + 1);
        float before = plc->history[len - 2 * lag + (lag - fade) + i];
        plc->period[lag - fade + i] = plc->period[lag - fade + i] * (1 - w) + before * w;
    }
}

static float next_sample(MdPlc *plc)
{
    unsigned full = ms(plc, FULL_MS), silent = ms(plc, SILENT_MS);
    float gain = 1;
    if (plc->lost_samples >= silent)
        return 0;
    if (plc->lost_samples > full)
        gain = 1 - (float)(plc->lost_samples - full) / (float)(silent - full);
    float out = plc->period[plc->period_at] * gain;
    plc->period_at = plc->period_at + 1 < plc->period_len ? plc->period_at + 1 : 0;
    plc->lost_samples++;
    return out;
}

void md_plc_conceal(MdPlc *plc, float *pcm, unsigned n)
{
    if (plc->lost_samples == 0)
        begin(plc);
    for (unsigned i = 0; i < n; i++)
        pcm[i] = next_sample(plc);
}

void md_plc_good(MdPlc *plc, float *pcm, unsigned n)
{
    if (plc->lost_samples > 0) {
        unsigned blend = ms(plc, BLEND_MS) < n ? ms(plc, BLEND_MS) : n;
        for (unsigned i = 0; i < blend; i++) {
            float w = (float)(i + 1) / (float)(blend + 1);
            pcm[i] = pcm[i] * w + next_sample(plc) * (1 - w);
        }
        plc->lost_samples = 0;
    }
    remember(plc, pcm, n);
}
