/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/airing.h"
#include "broadcast/planner.h"
#include "broadcast/schedule-row.h"
#include "broadcast/sequence.h"

/* Shared by planner.c (what is due), turn.c (from there to the stage) and guard.c (quiet hours, stop-all). */
struct BcPlanner {
    BcPlannerOptions o;
    BcTimer timer, guard, live;
    GPtrArray *streams;  /* ids of live sound that is to go on, once all is in place */
    unsigned pending;
    bool stopping;
    GTimeZone *zone;
    GHashTable *airings; /* id -> BcAiring*: what is on, or about to be */
    GHashTable *doomed;  /* id -> reason: stopped before it could go on after a restart */
};

typedef struct BcTurn BcTurn;
typedef void (*BcTurnDoneFn)(const char *id, const GError *error, void *user);

/* A play on its way: strings and items are copied. schedule NULL: by hand, spec.content with its lead-in. */
BcTurn *bc_turn_new(BcPlanner *planner, const BcAnnouncementSpec *spec, const BcSchedule *schedule, unsigned repeats, int64_t gap_us,
                    BcTurnDoneFn done, void *user);
/* Reads what it needs, notes in the store that it is on the air, rings. Of a schedule: its occurrence is held already. */
void bc_turn_start(BcTurn *turn);
/* The same for what a former life had on the air: nothing is noted anew, the sound begins at its wall-clock place. */
void bc_turn_go_on(BcTurn *turn, const BcAiring *airing);
/* It will not be heard: the play log says so, and whoever asked is told. Frees it. */
void bc_turn_missed(BcTurn *turn, const GError *error);

/* Of a schedule: frees it without a word; its occurrence is taken in this life. */
void bc_turn_drop(BcTurn *turn);
void bc_turn_hold(BcTurn *turn);

/* So long ringing takes: what was set for the answers, and the dialling itself. */
int64_t bc_planner_lead_us(const BcPlanner *planner);
int64_t bc_planner_soon_us(const BcPlanner *planner, BcPriority priority);
void bc_planner_look_in(BcPlanner *planner, int64_t us);
/* The store forgets that it is on the air. */
void bc_planner_close_airing(BcPlanner *planner, const char *id);

/* Takes its place before the stage. */
void bc_guard_init(BcPlanner *planner);
void bc_guard_clear(BcPlanner *planner);
/* May a schedule's occurrence be heard anywhere it names on that day? */
bool bc_guard_day(const BcPlanner *planner, const BcSchedule *schedule, int64_t at_us);
