/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "mediasim/talk.h"

/* One site's ear: judges what this site hears against who talks. Pure; feed it every 20 ms tick. */
#define SIM_EAR_WINDOW_TICKS 10
#define SIM_EAR_TURNS_MAX 4096 /* turns told apart; later ones are not judged */
#define SIM_EAR_TALKERS_MAX 8

typedef struct SimEarTurn {              /* of one turn, closed when the next begins */
    uint16_t windows;                    /* judged windows of 200 ms */
    uint16_t heard[SIM_EAR_TALKERS_MAX]; /* windows in which talker j was there */
    uint16_t own;                        /* windows with our own voice in it, though we talked */
    uint16_t strangers;                  /* windows with a voice of the turn before (should be silent) */
} SimEarTurn;

typedef struct SimEar {
    unsigned site;
    const SimTalk *talk;
    /* present turn */
    int64_t turn;
    SimEarTurn now;
    bool onset_seen, quiet_seen;
    unsigned fill; /* ticks in window */
    float window[SIM_EAR_WINDOW_TICKS * MD_AUDIO_TICK_SAMPLES];
    bool in_gap;
    /* sums */
    uint64_t turns;
    uint64_t pairs_expected, pairs_heard; /* (turn, talker) couples */
    uint64_t own_turns, own_echoes;       /* turns we talked in; in which we heard ourselves */
    uint64_t stranger_turns;
    uint64_t gaps; /* runs of missing sound while somebody talked */
    uint64_t gap_ticks, talk_ticks;
    uint64_t delays;
    int64_t delay_sum_us, delay_max_us, delay_min_us, delay_last_us;
    unsigned missing_talker; /* last one not heard, for the report */
    int64_t missing_turn;
} SimEar;

void sim_ear_init(SimEar *ear, unsigned site, const SimTalk *talk);
/* pcm is played from tick_us on. hear_min: share of windows a talker must be in (0.8). */
void sim_ear_tick(SimEar *ear, const float pcm[MD_AUDIO_TICK_SAMPLES], int64_t tick_us, double hear_min);
