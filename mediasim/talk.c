/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediasim/talk.h"

#include <math.h>
#include <string.h>

#define TONES 72
#define SYLLABLE_HZ 5.0

int64_t sim_talk_turn_min_us(unsigned talkers)
{
    return SIM_PAUSE_US + SIM_STAGGER_US * (int64_t)talkers + SIM_SETTLE_US + 1000000;
}

int64_t sim_talk_turn(const SimTalk *talk, int64_t now_us, int64_t *ret_into_us)
{
    if (talk->start_us == INT64_MAX || now_us < talk->start_us)
        return -1;
    *ret_into_us = (now_us - talk->start_us) % talk->turn_us;
    return (now_us - talk->start_us) / talk->turn_us;
}

unsigned sim_talk_site(const SimTalk *talk, int64_t turn, unsigned j)
{
    return (unsigned)((turn * talk->talkers + j) % talk->sites);
}

int sim_talk_order(const SimTalk *talk, int64_t turn, unsigned site)
{
    for (unsigned j = 0; j < talk->talkers; j++)
        if (sim_talk_site(talk, turn, j) == site)
            return (int)j;
    return -1;
}

int64_t sim_talk_onset_us(const SimTalk *talk, int64_t turn, unsigned j)
{
    return talk->start_us + turn * talk->turn_us + SIM_PAUSE_US + SIM_STAGGER_US * (int64_t)j;
}

void sim_voice_hz(unsigned site, double *ret_low, double *ret_high)
{
    /* Strides prime to 72: sites that talk together have tones far apart. */
    unsigned low = site * 29 % TONES, high = (site * 31 + site / TONES) % TONES;
    *ret_low = 400 + 20.0 * low;
    *ret_high = 1840 + 20.0 * high;
}

bool sim_voice_fill(SimVoice *voice, const SimTalk *talk, int64_t tick_us, float pcm[MD_AUDIO_TICK_SAMPLES])
{
    memset(pcm, 0, MD_AUDIO_TICK_SAMPLES * sizeof(pcm[0]));
    int64_t into_us;
    int64_t turn = sim_talk_turn(talk, tick_us + MD_AUDIO_TICK_US - 1, &into_us);
    int order = turn < 0 ? -1 : sim_talk_order(talk, turn, voice->site);
    if (order < 0)
        return false;
    int64_t onset_us = sim_talk_onset_us(talk, turn, (unsigned)order);
    int64_t first = onset_us <= tick_us ? 0 : (onset_us - tick_us) * MD_AUDIO_RATE / 1000000;
    if (first >= MD_AUDIO_TICK_SAMPLES)
        return false;
    double hz[2];
    sim_voice_hz(voice->site, &hz[0], &hz[1]);
    for (int64_t i = first; i < MD_AUDIO_TICK_SAMPLES; i++) {
        double t = (double)(tick_us - onset_us) / 1e6 + (double)i / MD_AUDIO_RATE;
        double envelope = 0.85 + 0.15 * cos(2 * M_PI * SYLLABLE_HZ * t);
        double sum = 0;
        for (unsigned k = 0; k < 2; k++) {
            sum += sin(voice->phase[k]);
            voice->phase[k] = fmod(voice->phase[k] + 2 * M_PI * hz[k] / MD_AUDIO_RATE, 2 * M_PI);
        }
        pcm[i] = (float)(SIM_VOICE_AMPLITUDE * envelope * sum);
    }
    return true;
}
