/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/content.h"
#include "broadcast/plan.h"
#include "broadcast/schedule.h"
#include "broadcast/stage.h"

/* Looks at the timetable, reads what is due, notes that it is on the air and rings for it. Inside this folder only. */
typedef struct BcPlannerOptions {
    MdStore *store;
    BcStage *stage;
    BcSchedules *schedules;
    BcContents *contents;
    BcSlots *slots;
    BcHolidays *holidays;
    BcQuiet *quiet;
    BcHalts *halts;
    const char *zone;
    unsigned lead_s;
    bool (*content_ok)(const char *content, int64_t at_wall_us, char **ret_why, void *user); /* NULL: everything may sound */
    void *content_user;
    void (*on_stopped)(const char *area, void *user); /* stop-all; may be NULL */
    void *stopped_user;
    bool (*live)(const struct BcAiring *airing, void *user); /* begins again what a former life relayed; false: it cannot; may be NULL */
    void *live_user;
    const MdLogger *logger;
} BcPlannerOptions;

/* What a former life had on the air goes on. NULL: the store. */
BcPlanner *bc_planner_new(const BcPlannerOptions *options, GError **error);
void bc_planner_free(BcPlanner *planner);
/* A live stream is on the air: noted, so that the next life goes on with it. */
void bc_planner_note_live(BcPlanner *planner, const struct BcAiring *airing);
/* The timetable has changed. */
void bc_planner_look(BcPlanner *planner);
/* What waits for the store or the disk. */
unsigned bc_planner_pending(const BcPlanner *planner);
/* No new announcements from now on. */
void bc_planner_stop(BcPlanner *planner);

/* An announcement is over; mediad's own end leaves it open for the next life. */
void bc_planner_ended(BcPlanner *planner, const char *id, bool for_good);
/* It is on, or was in a former life and goes on as soon as it is read. */
bool bc_planner_goes_on(const BcPlanner *planner, const char *id);
/* What has not gone on yet is stopped the moment it does; false: there is no such thing. */
bool bc_planner_doom(BcPlanner *planner, const char *id, const char *reason);
/* Silence in area and below it at once; what had begun before does not come back, not in the next life either. done: how many
 * announcements that were, and whether the store knows (error: it sounds no more, but a restart might bring it back). */
void bc_planner_stop_area(BcPlanner *planner, const char *area, const char *who,
                          void (*done)(unsigned stopped, const GError *error, void *user), void *user);

/* Reads a programme and rings for it. spec: content, areas … without source; start_wall_us 0: soon. done may be NULL. */
void bc_planner_play(BcPlanner *planner, const BcAnnouncementSpec *spec, unsigned repeats, int64_t gap_us,
                     void (*done)(const char *id, const GError *error, void *user), void *user);
