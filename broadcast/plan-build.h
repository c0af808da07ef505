/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/civil.h"
#include "broadcast/order.h"
#include "broadcast/plan.h"
#include "broadcast/schedule-row.h"

/* A plan while it is worked out: every programme's occurrences once, then who hears what, area by area from the top of the tree.
 * Shared by plan.c, plan-resolve.c and plan-check.c. */
typedef struct BcPlanProgramme {
    const BcSchedule *s;
    const BcSlot *slot;
    unsigned authority;
    int64_t length_us;       /* all items, repeats and gaps */
    unsigned first, n;       /* occurrences */
} BcPlanProgramme;

typedef struct BcPlanOccurrence {
    unsigned programme;
    int64_t at_us, end_us;
    unsigned first, n;       /* items */
    int32_t day;             /* civil, in the province's zone */
    unsigned dropped;        /* number of the area in which it was cut off for good */
} BcPlanOccurrence;

typedef struct BcPlanBase {  /* an item of an occurrence before anything is in its way */
    BcPlanItem item;
    unsigned occurrence;
} BcPlanBase;

typedef struct BcPlanSpan {
    int64_t from_us, to_us;
} BcPlanSpan;

typedef struct BcPlanCandidate { /* what would sound in an area if it were alone */
    int64_t from_us, to_us;
    const BcPlanBase *base;
    bool released;           /* some of it in hours that two people have released */
} BcPlanCandidate;

typedef struct BcPlanBuild {
    const BcPlanInput *in;
    BcSchedule *candidate;   /* a copy of the input's */
    BcPlan *plan;
    int64_t from_us, to_us;
    GTimeZone *zone;
    GArray *programmes;      /* BcPlanProgramme */
    GArray *occurrences;     /* BcPlanOccurrence */
    GArray *base;            /* BcPlanBase; complete before anybody points into it */
    GHashTable *by_area;     /* code -> GArray of unsigned: programmes that name it */
    GHashTable *children;    /* code or "" -> GPtrArray of BcArea* */
    GHashTable *quiet;       /* hours as text -> GArray of BcPlanSpan */
    GPtrArray *releases;     /* of quiet hours */
    GHashTable *release_areas; /* set of codes they name */
    GHashTable *slots;       /* area code -> GPtrArray of BcSlot* */
    GArray *candidates;
    unsigned area_number;
} BcPlanBuild;

struct BcPlan {
    GStringChunk *strings;
    GHashTable *by_area;     /* code -> GArray of BcPlanItem, counted */
    GArray *problems;        /* BcProblem */
    GHashTable *seen;        /* "kind schedule other area" -> index + 1 */
};

static inline BcPlanProgramme *bc_plan_programme(const BcPlanBuild *build, unsigned i)
{
    return &g_array_index(build->programmes, BcPlanProgramme, i);
}
static inline BcPlanOccurrence *bc_plan_occurrence(const BcPlanBuild *build, unsigned i)
{
    return &g_array_index(build->occurrences, BcPlanOccurrence, i);
}
const char *bc_plan_keep(BcPlan *plan, const char *text);
/* Noted once for (kind, schedule, other); found (code, blocks, ids, times, facts) and format's sentence are those of the first time.
 * Strings are copied. */
void bc_plan_problem(BcPlanBuild *build, const BcProblem *found, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* "2026-11-23 05:00" in the province's zone. The buffer is the caller's, 32 bytes. */
const char *bc_plan_when(const BcPlanBuild *build, int64_t wall_us, char *buffer);

/* Makes one timeline of build->candidates: GArray of BcPlanItem. */
GArray *bc_plan_resolve(BcPlanBuild *build, const char *area);
/* Problems that do not depend on an area's timeline; and those of the slots of an area, whose timeline that is. */
void bc_plan_check_programmes(BcPlanBuild *build);
void bc_plan_check_slots(BcPlanBuild *build, const char *area, const GArray *items);
