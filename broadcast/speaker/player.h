/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/speaker/core/duty.h"

/* Makes the sound of whatever the desk says, block after block: sample n of every item stands at its server time, so that loudspeakers
 * within earshot agree. Three callers: render (one thread, never waits) and tend (another; opens and closes what takes time) may run at the
 * same time, the desk is only touched by render under the owner's lock. */
#define BC_PLAYER_RATE 48000
#define BC_PLAYER_BLOCK_MAX 960u   /* 20 ms */
#define BC_PLAYER_AHEAD_US 4000000 /* files are opened so long before they sound */

typedef struct BcPlayerOps {
    char *(*media_path)(const char *sha256, void *user);      /* g_free; NULL not there. Thread of tend */
    int64_t (*clock)(void *user);                             /* server time; any thread */
    /* What was made, before it goes out; meant: without the volume. Render thread; NULL none. */
    void (*tap)(const float *pcm, unsigned n, int64_t server_us, const BcDutyNow *now, void *user);
    void *user;
} BcPlayerOps;

typedef struct BcPlayerStats {
    uint64_t underruns;          /* blocks whose file was not decoded in time */
    uint64_t jumps;              /* times the sound was set to its place anew */
    const char *relay_trouble;   /* or NULL */
} BcPlayerStats;

typedef struct BcPlayer BcPlayer;
BcPlayer *bc_player_new(const char *device, const BcPlayerOps *ops);
void bc_player_free(BcPlayer *player);
/* Tests and offline work: render waits for files to be decoded. */
void bc_player_set_patient(BcPlayer *player, bool patient);

/* n (<= BC_PLAYER_BLOCK_MAX) samples that go out from server time from_us to to_us. Ticks the desk and tells it what was heard. */
void bc_player_render(BcPlayer *player, BcDuty *desk, int64_t from_us, int64_t to_us, float *pcm, unsigned n);
/* Some times a second: opens what will be needed, lets go what is over. The caller holds the desk's lock for look, not for tend. */
void bc_player_look(BcPlayer *player, const BcDuty *desk, int64_t now_us);
void bc_player_tend(BcPlayer *player, int64_t now_us);
void bc_player_stats(BcPlayer *player, BcPlayerStats *ret);
/* A live sound came or went: for bc_duty_live_lost. False: no live sound is asked for. */
bool bc_player_live(BcPlayer *player, char **ret_occurrence, bool *ret_lost);
