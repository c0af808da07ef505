/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/area.h"
#include "broadcast/content.h"
#include "broadcast/device.h"
#include "broadcast/halt.h"
#include "broadcast/holiday.h"
#include "broadcast/quiet.h"
#include "broadcast/schedule.h"
#include "broadcast/slot.h"

/* What sounds where in a span of time, before it happens: a pure function of the timetable, the areas, quiet hours, holidays and the
 * clock. Manifests, boards, the rehearsal and the exchange with other systems are all read off it. Worked out once per set of
 * schedules that an area hears and shared by the loudspeakers in it. Control thread (or any one thread on a snapshot). */
typedef struct BcPlan BcPlan;

typedef struct BcPlanItem {      /* strings live as long as the plan */
    const char *occurrence;      /* "SCHEDULE@EPOCHSECONDS" and ".N" for the N-th sounding item of a programme of several, from 0, rounds counted on */
    const char *schedule, *title;
    const char *kind;            /* "content", "relay", "silence" */
    const char *content;         /* SHA-256, NULL none */
    const char *url;             /* relay */
    const char *fallback;        /* content, NULL none */
    int64_t silence_max_us;
    int64_t start_us, end_us;    /* wall, with repeats and gaps; after quiet hours and expiry were applied */
    int64_t skip_us;             /* sounds from here in the item: cut off before, goes on at its wall-clock place */
    int64_t expires_us, grace_us;
    BcPriority priority;
    unsigned authority;          /* 0 central, 1 province, 2 commune, 3 village: of the schedule's owner */
    int64_t made_us;
    unsigned repeats;
    int64_t gap_us;
    bool resume;
    int volume;                  /* -1: as the hour says */
    bool quiet_ok;               /* two people have let it sound in quiet hours */
} BcPlanItem;

typedef enum BcProblemKind {
    BC_PROBLEM_CLASH, BC_PROBLEM_DEAD_AIR, BC_PROBLEM_MISSING /* content gone, expired or not approved */, BC_PROBLEM_TOO_LONG /* beyond its slot */,
    BC_PROBLEM_QUIET, BC_PROBLEM_TIME_ZONE, BC_PROBLEM_NO_DEVICE, BC_PROBLEM_DECISION /* two priority items: the commune decides */,
    BC_PROBLEM_MAX } BcProblemKind;
const char *bc_problem_to_string(BcProblemKind kind);
typedef enum BcProblemCode {     /* what exactly; each belongs to one kind */
    BC_PROBLEM_CUT_OFF, BC_PROBLEM_HELD_BACK /* begins later */, BC_PROBLEM_COMMUNE_DECIDES, BC_PROBLEM_SILENT_SLOT, BC_PROBLEM_CONTENT_GONE,
    BC_PROBLEM_CONTENT_REFUSED, BC_PROBLEM_OUTSIDE_SLOT, BC_PROBLEM_BEYOND_SLOT, BC_PROBLEM_QUIET_SILENT, BC_PROBLEM_QUIET_WAKES,
    BC_PROBLEM_OTHER_ZONE, BC_PROBLEM_CLOCKS_CHANGE, BC_PROBLEM_NOBODY_HEARS, BC_PROBLEM_CODE_MAX } BcProblemCode;
const char *bc_problem_code_to_string(BcProblemCode code); /* "held-back" */
const char *bc_problem_mend(BcProblemCode code);           /* English: what to do about it */

/* What is said of it; unset: NULL, 0. Names are those at the time of the plan. */
typedef struct BcProblemFacts {
    const char *name;            /* of the programme */
    const char *other_name;      /* of the programme or slot it meets */
    const char *why;             /* English: why a recording may not be heard */
    const char *zone;            /* a programme's own time zone */
    int64_t length_us;           /* too long by, silent for, clocks moved by (may be negative) */
    int64_t until_us;            /* wall: quiet hours last until */
    bool lost;                   /* what is cut off or held back does not come back */
} BcProblemFacts;

typedef struct BcProblem {
    BcProblemKind kind;
    BcProblemCode code;
    bool blocks;                 /* publishing needs a reason then */
    const char *area, *schedule, *other; /* ids; may be NULL */
    int64_t from_us, to_us;      /* of the first time */
    unsigned times;              /* how often it was met */
    BcProblemFacts facts;
    const char *text;            /* English sentence with names and times */
} BcProblem;

/* What the plan has to know of a recording; approval is the business of whoever answers. */
typedef struct BcPlanContent {
    int64_t duration_us;
    char *refused;               /* why it may not be heard then ("it is not approved"): g_free; NULL: it may */
} BcPlanContent;
/* at_wall_us 0: only how long it is. false: there is no such recording. */
typedef bool (*BcPlanContentFn)(const char *content, int64_t at_wall_us, BcPlanContent *ret, void *user);

typedef struct BcPlanInput {
    BcAreas *areas;
    BcDevices *devices;          /* NULL: BC_PROBLEM_NO_DEVICE is not looked for */
    BcSchedules *schedules;
    BcSlots *slots;
    BcHolidays *holidays;
    BcQuiet *quiet;
    BcHalts *halts;
    const char *zone;            /* of slots, quiet hours and holidays */
    BcPlanContentFn content;
    void *user;
    const char *draft;           /* a programme that counts as published here: would it do? NULL none */
    const BcSchedule *candidate; /* the same for one that is not stored, in place of the one with its id; NULL none */
    int64_t dead_air_us;         /* silence in a slot that is worth a problem; 0: 30 s */
} BcPlanInput;
#define BC_PLAN_SPAN_MAX_US (62ll * 86400 * G_USEC_PER_SEC)
#define BC_PLAN_PROBLEMS_MAX 5000u
/* INVALID: the span. */
BcPlan *bc_plan_new(const BcPlanInput *input, int64_t from_wall_us, int64_t to_wall_us, GError **error);
/* 0 for what comes from the central system, else that of its owner. */
unsigned bc_plan_authority(const BcAreas *areas, const BcSchedule *schedule);

/* Wanted by: manifests, boards, exchange. areas as in the tree; NULL with error only when the span makes no sense. */
typedef struct BcPlanner BcPlanner;
BcPlan *bc_planner_plan(BcPlanner *planner, int64_t from_wall_us, int64_t to_wall_us, GError **error);
/* The same, with a draft (its id, may be NULL) as though it were published. */
BcPlan *bc_planner_rehearse(BcPlanner *planner, int64_t from_wall_us, int64_t to_wall_us, const char *draft, GError **error);
void bc_plan_free(BcPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BcPlan, bc_plan_free)

/* What stands against publishing a programme. */
typedef struct BcObjections {
    BcPlan *plan;                /* has their strings */
    GPtrArray *problems;         /* const BcProblem*, one at least */
} BcObjections;
void bc_objections_free(BcObjections *objections);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BcObjections, bc_objections_free)
char *bc_objections_to_text(const BcObjections *objections); /* their sentences, one a line; g_free */
/* Would this programme (id set; stored or not) do in the week from its next occurrence on? NULL: it would. */
BcObjections *bc_planner_objections(BcPlanner *planner, const BcSchedule *candidate);
/* What began before that moment (wall) in area or above it was stopped for good: manifests carry it. 0 never. */
int64_t bc_planner_stop_before_us(const BcPlanner *planner, const char *area);
/* By start, already resolved: nothing overlaps. Shared by areas that hear the same; borrowed; n 0: silence. */
const BcPlanItem *bc_plan_items(const BcPlan *plan, const char *area, unsigned *ret_n);
const BcProblem *bc_plan_problems(const BcPlan *plan, unsigned *ret_n);
