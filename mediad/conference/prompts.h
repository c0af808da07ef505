/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "mediad/core/log.h"
#include "mediad/core/media.h"

/* Spoken prompts in memory, immutable after loading, and the player that a tick runs. */
typedef enum MdPrompt {
    MD_PROMPT_ENTER_PIN,
    MD_PROMPT_WRONG_PIN,
    MD_PROMPT_LOCKED,
    MD_PROMPT_WELCOME,
    MD_PROMPT_MUTED,
    MD_PROMPT_UNMUTED,
    MD_PROMPT_WAITING_FOR_CHAIR,
    MD_PROMPT_LOBBY,
    MD_PROMPT_ENDED,
    MD_PROMPT_TEST,           /* what the test room says first */
    MD_PROMPT_NOW,            /* "it is" */
    MD_PROMPT_HOURS,
    MD_PROMPT_MINUTES,
    MD_PROMPT_HAND_RAISED,
    MD_PROMPT_HAND_LOWERED,
    MD_PROMPT_FLOOR_GIVEN,
    MD_PROMPT_FLOOR_NEXT,     /* "you are next" */
    MD_PROMPT_FLOOR_ENDED,
    MD_PROMPT_VOTE_OPEN,
    MD_PROMPT_VOTE_COUNTED,
    MD_PROMPT_VOTE_CLOSED,
    MD_PROMPT_NOT_POSSIBLE,
    MD_PROMPT_BEEP,           /* no voice: two short tones of 1 kHz */
    MD_PROMPT_RECORDED,       /* "this meeting is being recorded" */
    MD_PROMPT_STREAMED,       /* "… streamed live" */
    MD_PROMPT_TRIAL,          /* what a site hears whose line is checked */
    MD_PROMPT_NUMBER_0,       /* … 59 */
    MD_PROMPT_MAX = MD_PROMPT_NUMBER_0 + 60,
} MdPrompt;

enum { MD_LANGUAGE_VI, MD_LANGUAGE_EN, MD_LANGUAGE_MAX };
/* "vi", "en"; unknown or NULL: Vietnamese. */
unsigned md_language_from_string(const char *name);

typedef struct MdPrompts MdPrompts;
/* Loads dir/{vi,en}/NAME.wav. What is missing becomes a short tone; how many are missing is logged once. dir NULL: tones only.
 * Never NULL but for want of memory. Control thread. */
MdPrompts *md_prompts_new(const char *dir, const MdLogger *logger);
void md_prompts_free(MdPrompts *prompts);
/* Samples at 48 kHz. Any thread. */
const float *md_prompts_get(const MdPrompts *prompts, unsigned language, unsigned prompt, size_t *ret_samples);
int64_t md_prompts_duration_us(const MdPrompts *prompts, unsigned language, unsigned prompt);

/* A queue of prompts being played. Embedded, zeroed; worker thread. */
#define MD_PLAYER_QUEUE_MAX 16
typedef struct MdPlayer {
    uint8_t queue[MD_PLAYER_QUEUE_MAX];
    unsigned n;
    size_t at;
} MdPlayer;
void md_player_add(MdPlayer *player, const uint8_t *prompts, unsigned n); /* what does not fit is dropped */
/* Adds one tick to pcm; false (pcm untouched) when there is nothing to play. */
bool md_player_tick(MdPlayer *player, const MdPrompts *prompts, unsigned language, float pcm[MD_AUDIO_TICK_SAMPLES]);
