/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/content.h"
#include "broadcast/plan.h"
#include "broadcast/schedule.h"
#include "broadcast/stage.h"

/* Looks at the timetable, claims what is due, reads the programme and rings for it. Inside this folder only. */
typedef struct BcPlannerOptions {
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
    const MdLogger *logger;
} BcPlannerOptions;

BcPlanner *bc_planner_new(const BcPlannerOptions *options);
void bc_planner_free(BcPlanner *planner);
/* The timetable has changed. */
void bc_planner_look(BcPlanner *planner);
/* What waits for the store or the disk. */
unsigned bc_planner_pending(const BcPlanner *planner);
/* No new announcements from now on. */
void bc_planner_stop(BcPlanner *planner);

/* Reads a programme and rings for it. spec: content, areas … without source; start_wall_us 0: soon. done may be NULL. */
void bc_planner_play(BcPlanner *planner, const BcAnnouncementSpec *spec, unsigned repeats, int64_t gap_us,
                     void (*done)(const char *id, const GError *error, void *user), void *user);
