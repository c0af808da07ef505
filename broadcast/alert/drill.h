/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/alert/alert.h"

/* Drills by the calendar: every first Saturday, say. One that falls into a time when mediad does not run is left out: nobody wants a
 * drill late. Each occurrence is sounded once, whatever restarts come. Control thread. */
typedef struct BcDrills BcDrills;
typedef struct BcDrillPlan {      /* copied */
    const char *name;             /* told in the log; unique */
    const char *const *areas;
    const char *start_local;      /* first one: "2026-12-05T09:00:00" */
    const char *rule;             /* RFC 5545: "FREQ=MONTHLY;BYDAY=1SA"; NULL once */
    const char *zone;
    const char *text;             /* NULL: built in */
} BcDrillPlan;
#define BC_DRILLS_MAX 64u

/* NULL with error: the plan's name and what is wrong with its time or rule. */
BcDrills *bc_drills_new(BcAlerts *alerts, BcTimers *timers, const BcDrillPlan *plans, unsigned n, const MdLogger *logger, GError **error);
void bc_drills_free(BcDrills *drills);
int64_t bc_drills_next_us(const BcDrills *drills); /* wall time of the next of all; INT64_MAX none */
