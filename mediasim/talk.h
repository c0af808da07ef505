/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "mediad/core/media.h"

/* Who talks when, and with which voice. Pure: the same everywhere for the same start time, so that talkers
 * and judges agree without a word between them. Time is cut into turns; in each, `talkers` sites speak. A
 * turn begins with a silence, then the first talker's sharp onset (which delay is measured by), then the
 * others one after another. */
#define SIM_PAUSE_US 400000   /* silence at the head of a turn */
#define SIM_STAGGER_US 300000 /* between the talkers' onsets */
#define SIM_SETTLE_US 900000  /* after the last onset: mixers' selection and jitter buffers have settled */
#define SIM_VOICE_AMPLITUDE 0.12f /* of each of the two tones */
#define SIM_VOICES 5184           /* distinct pairs */

typedef struct SimTalk {
    unsigned sites, talkers;
    int64_t start_us; /* of turn 0; INT64_MAX: not begun, everybody is silent */
    int64_t turn_us;
} SimTalk;

/* Least turn length for so many talkers. */
int64_t sim_talk_turn_min_us(unsigned talkers);
/* Turn at now, -1 before the start. *ret_into_us: time since it began. */
int64_t sim_talk_turn(const SimTalk *talk, int64_t now_us, int64_t *ret_into_us);
/* Site of talker j (< talkers) in a turn. */
unsigned sim_talk_site(const SimTalk *talk, int64_t turn, unsigned j);
/* Which talker of that turn is this site, or -1. */
int sim_talk_order(const SimTalk *talk, int64_t turn, unsigned site);
/* When talker j of the turn begins to speak. */
int64_t sim_talk_onset_us(const SimTalk *talk, int64_t turn, unsigned j);
/* The two tones of a site: multiples of 20 Hz from 400 to 3260 Hz, no pair twice, within reach of G.711. */
void sim_voice_hz(unsigned site, double *ret_low, double *ret_high);

/* Sound of a site for the tick that begins at tick_us: its voice while it talks (5 Hz syllables), else zeros.
 * True: it is heard somewhere in this tick. */
typedef struct SimVoice {
    unsigned site;
    double phase[2];
} SimVoice;
bool sim_voice_fill(SimVoice *voice, const SimTalk *talk, int64_t tick_us, float pcm[MD_AUDIO_TICK_SAMPLES]);
