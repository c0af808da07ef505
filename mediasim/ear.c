/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediasim/ear.h"

#include <math.h>
#include <string.h>

#include "mediad/audio/tone.h"

/* Shares of SIM_VOICE_AMPLITUDE. Between them it is neither: a codec's distortion stays far below the lower,
 * a voice with gaps above the upper. */
#define HEARD 0.30f
#define ECHO 0.12f
#define ONSET_LEVEL 0.05f /* absolute sample value: half of one tone */
#define GAP_RMS 0.015f    /* a voice has 0.1 */

void sim_ear_init(SimEar *ear, unsigned site, const SimTalk *talk)
{
    memset(ear, 0, sizeof(*ear));
    ear->site = site;
    ear->talk = talk;
    ear->turn = -1;
    ear->delay_min_us = INT64_MAX;
    ear->missing_turn = -1;
}

/* Both tones must be there: one alone is shared with another site. */
static float voice_level(const float *pcm, unsigned n, unsigned site)
{
    double low, high;
    sim_voice_hz(site, &low, &high);
    float a = md_goertzel(pcm, n, low, MD_AUDIO_RATE), b = md_goertzel(pcm, n, high, MD_AUDIO_RATE);
    return (a < b ? a : b) / SIM_VOICE_AMPLITUDE;
}

static void close_turn(SimEar *ear, double hear_min)
{
    const SimTalk *talk = ear->talk;
    if (ear->turn < 0 || ear->now.windows < 3)
        return;
    double wanted = hear_min * ear->now.windows;
    ear->turns++;
    for (unsigned j = 0; j < talk->talkers && j < SIM_EAR_TALKERS_MAX; j++) {
        if (sim_talk_site(talk, ear->turn, j) == ear->site) {
            ear->own_turns++;
            ear->own_echoes += ear->now.own >= 2;
            continue;
        }
        ear->pairs_expected++;
        if (ear->now.heard[j] >= wanted) {
            ear->pairs_heard++;
        } else {
            ear->missing_talker = sim_talk_site(talk, ear->turn, j);
            ear->missing_turn = ear->turn;
        }
    }
    ear->stranger_turns += ear->now.strangers >= 2;
}

static void judge_window(SimEar *ear)
{
    const SimTalk *talk = ear->talk;
    const unsigned n = SIM_EAR_WINDOW_TICKS * MD_AUDIO_TICK_SAMPLES;
    ear->now.windows++;
    for (unsigned j = 0; j < talk->talkers && j < SIM_EAR_TALKERS_MAX; j++) {
        unsigned site = sim_talk_site(talk, ear->turn, j);
        float level = voice_level(ear->window, n, site);
        if (site == ear->site)
            ear->now.own += level > ECHO;
        else
            ear->now.heard[j] += level > HEARD;
        unsigned before = ear->turn > 0 ? sim_talk_site(talk, ear->turn - 1, j) : site;
        if (before != ear->site && sim_talk_order(talk, ear->turn, before) < 0)
            ear->now.strangers += voice_level(ear->window, n, before) > HEARD;
    }
}

/* The first loud sample after the pause. Only where somebody else begins the turn. */
static void find_onset(SimEar *ear, const float *pcm, int64_t tick_us)
{
    int64_t onset_us = sim_talk_onset_us(ear->talk, ear->turn, 0);
    if (ear->onset_seen || sim_talk_site(ear->talk, ear->turn, 0) == ear->site)
        return;
    float peak = 0;
    unsigned first = MD_AUDIO_TICK_SAMPLES;
    for (unsigned i = 0; i < MD_AUDIO_TICK_SAMPLES; i++) {
        float v = fabsf(pcm[i]);
        if (v > peak)
            peak = v;
        if (v > ONSET_LEVEL && first == MD_AUDIO_TICK_SAMPLES)
            first = i;
    }
    if (first == MD_AUDIO_TICK_SAMPLES) {
        if (peak < ONSET_LEVEL / 4)
            ear->quiet_seen = true; /* the turn before has faded out here */
        return;
    }
    if (!ear->quiet_seen)
        return;
    int64_t delay_us = tick_us + (int64_t)first * 1000000 / MD_AUDIO_RATE - onset_us;
    ear->onset_seen = true;
    if (delay_us < 0 || delay_us > 3000000) /* somebody else's noise */
        return;
    ear->delays++;
    ear->delay_sum_us += delay_us;
    ear->delay_last_us = delay_us;
    if (delay_us > ear->delay_max_us)
        ear->delay_max_us = delay_us;
    if (delay_us < ear->delay_min_us)
        ear->delay_min_us = delay_us;
}

static void find_gap(SimEar *ear, const float *pcm)
{
    float sum = 0;
    for (unsigned i = 0; i < MD_AUDIO_TICK_SAMPLES; i++)
        sum += pcm[i] * pcm[i];
    bool gap = sqrtf(sum / MD_AUDIO_TICK_SAMPLES) < GAP_RMS;
    ear->talk_ticks++;
    ear->gap_ticks += gap;
    ear->gaps += gap && !ear->in_gap;
    ear->in_gap = gap;
}

void sim_ear_tick(SimEar *ear, const float pcm[MD_AUDIO_TICK_SAMPLES], int64_t tick_us, double hear_min)
{
    int64_t into_us;
    int64_t turn = sim_talk_turn(ear->talk, tick_us, &into_us);
    if (turn != ear->turn) {
        close_turn(ear, hear_min);
        memset(&ear->now, 0, sizeof(ear->now));
        ear->turn = turn;
        ear->fill = 0;
        ear->onset_seen = ear->quiet_seen = ear->in_gap = false;
    }
    if (turn < 0 || turn >= SIM_EAR_TURNS_MAX)
        return;
    find_onset(ear, pcm, tick_us);
    int64_t steady_us = SIM_PAUSE_US + SIM_STAGGER_US * (int64_t)ear->talk->talkers + SIM_SETTLE_US;
    if (into_us < steady_us)
        return;
    if (ear->talk->talkers > 1 || sim_talk_site(ear->talk, turn, 0) != ear->site)
        find_gap(ear, pcm);
    memcpy(ear->window + (size_t)ear->fill * MD_AUDIO_TICK_SAMPLES, pcm,
           MD_AUDIO_TICK_SAMPLES * sizeof(pcm[0]));
    if (++ear->fill == SIM_EAR_WINDOW_TICKS) {
        ear->fill = 0;
        judge_window(ear);
    }
}
