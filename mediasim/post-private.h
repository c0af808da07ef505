/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediasim/post.h"

/* Inside post*.c only. */
struct SimPost {
    SimLane *lane;
    const SimIdentity *identity;
    uint64_t random;
    /* the line */
    struct mosquitto *mosq;
    MdWatch watch;
    uint32_t events;
    char *pattern;
    bool will_lose_power, known, on_line, greeted, connecting, deaf, dark, hurry, ending, in_callback;
    int64_t retry_us;
    MdTimer line_timer, shut_timer, deaf_timer, misc_timer, clock_timer, tick_timer, trouble_timer, fetch_timer, words_timer;
    /* its clock */
    int64_t made_us, skew_us;
    double drift;
    BcTiming timing;
    /* what it does */
    BcDuty *duty;
    char *kept, *manifest;       /* what is on its disk: the duty's state and the signed manifest */
    GHashTable *media;           /* sha256 -> 1 it is there, 2 it is being fetched */
    GPtrArray *reports;          /* of BcLinkReport, not yet confirmed */
    int64_t sequence, sent_sequence, sent_us;
    uint64_t serial;
    bool sounding, told_readings, downloads;
    char *playing;
    SimLie lie;
    int64_t next_readings_us;    /* by its own clock */
    /* what it has heard, for the judge */
    GHashTable *over, *obeyed, *heard; /* occurrences ended; commands obeyed; occurrences that sounded */
};

double sim_post_chance(SimPost *post);      /* 0..1 */
int64_t sim_post_now_us(const SimPost *post); /* the server's time, as far as it knows */
void sim_post_flush(SimPost *post);
void sim_post_cut(SimPost *post, bool hurry);
void sim_post_free(SimPost *post);
bool sim_post_say(SimPost *post, const char *what, const char *text, int qos, bool retain);
void sim_post_ask_clock(SimPost *post);
void sim_post_take_clock(SimPost *post, const char *text, gsize len);
/* post-duty.c */
void sim_post_new_life(SimPost *post);      /* from what is kept */
void sim_post_tick(SimPost *post);
void sim_post_look(SimPost *post, int64_t now_us); /* what sounds now: checks it and tells it */
void sim_post_take(SimPost *post, const char *what, const char *text, gsize len);
void sim_post_say_state(SimPost *post, bool always);
void sim_post_say_reports(SimPost *post, bool again);
void sim_post_say_telemetry(SimPost *post);
