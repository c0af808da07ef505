/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What may sound where at this very moment, whatever was planned: asked again every second, by the wall clock as it is then. */
#include "broadcast/ear.h"
#include "broadcast/planner-private.h"

#include <string.h>

#define GUARD_US 1000000

static BcGuardAnswer ask_day(const BcPlanner *planner, const BcSchedule *s, const char *area, int64_t at_us)
{
    if (s->holidays == BC_HOLIDAY_PLAY)
        return BC_GUARD_YES;
    bool holiday = bc_holidays_find(planner->o.holidays, area, bc_civil(planner->zone, at_us).day) != NULL;
    return holiday == (s->holidays == BC_HOLIDAY_ONLY) ? BC_GUARD_YES : BC_GUARD_NEVER;
}

static BcGuardAnswer ask(const BcAnnouncement *a, const char *area, const char **ret_why, void *user)
{
    const BcPlanner *planner = user;
    const BcAiring *airing = g_hash_table_lookup(planner->airings, a->id);
    const BcSchedule *s = bc_schedules_find(planner->o.schedules, a->schedule);
    int64_t began_us = a->schedule ? a->occurrence_us : MIN(airing ? airing->begin_us : a->start_wall_us, a->order.made_us); /* ordered before the stop */
    *ret_why = "everything was stopped there";
    if (bc_halts_before_us(planner->o.halts, area) > began_us)
        return BC_GUARD_NEVER;
    *ret_why = "not on this day there";
    if (s && ask_day(planner, s, area, a->occurrence_us) == BC_GUARD_NEVER)
        return BC_GUARD_NEVER;
    *ret_why = "quiet hours";
    if ((a->priority == BC_EMERGENCY && !a->drill) || (airing && airing->quiet_ok))
        return BC_GUARD_YES;
    if (!bc_quiet_at(planner->o.quiet, area, MAX(a->start_wall_us, bc_stage_wall_us(planner->o.stage))))
        return BC_GUARD_YES;
    return a->drop || a->drill ? BC_GUARD_NEVER : BC_GUARD_LATER; /* a drill does not go on in the morning */
}

/* Looked at minute by minute: quiet hours and their releases go by whole ones, or nearly. */
static bool is_free(const char *area, int64_t from_us, int64_t to_us, bool *ret_leave, void *user)
{
    const BcPlanner *planner = user;
    BcQuietHours hours = bc_quiet_hours(planner->o.quiet, area, NULL);
    unsigned left;
    for (int64_t at = from_us; at < to_us; at += MAX(1, MIN(60 * G_USEC_PER_SEC, to_us - 1 - at))) {
        if (bc_quiet_at(planner->o.quiet, area, at))
            return false;
        *ret_leave |= bc_quiet_is(&hours, (unsigned)bc_civil(planner->zone, at).second, &left);
    }
    return true;
}

bool bc_guard_day(const BcPlanner *planner, const BcSchedule *s, int64_t at_us)
{
    const BcSlot *slot = bc_slots_find(planner->o.slots, s->slot);
    BcCivil civil = bc_civil(planner->zone, at_us);
    unsigned left;
    if (slot && !(slot->weekdays >> civil.weekday & 1) && !bc_slot_is_open(slot, civil.weekday, (unsigned)civil.second, &left))
        return false;
    if (s->holidays == BC_HOLIDAY_PLAY)
        return true;
    for (unsigned i = 0; s->areas[i]; i++) {
        g_autoptr(GPtrArray) below = bc_areas_subtree(planner->o.stage->o.areas, s->areas[i]);
        for (unsigned k = 0; k < below->len; k++)
            if (ask_day(planner, s, ((BcArea *)below->pdata[k])->code, at_us) == BC_GUARD_YES)
                return true;
    }
    return false;
}

static void on_guard(BcTimer *timer, void *user)
{
    BcPlanner *planner = user;
    BcStage *stage = planner->o.stage;
    bc_halts_set_clock(planner->o.halts, bc_stage_wall_us(stage));
    bc_stage_recheck(stage);
    bc_timer_at(stage->o.timers, timer, bc_stage_now_us(stage) + GUARD_US, on_guard, planner);
}

void bc_guard_init(BcPlanner *planner)
{
    BcStage *stage = planner->o.stage;
    bc_halts_set_clock(planner->o.halts, bc_stage_wall_us(stage));
    bc_stage_set_guard(stage, ask, is_free, planner);
    bc_timer_at(stage->o.timers, &planner->guard, bc_stage_now_us(stage) + GUARD_US, on_guard, planner);
}

void bc_guard_clear(BcPlanner *planner)
{
    bc_timer_cancel(&planner->guard);
}

/* --- stop-all --- */

typedef struct Stop {
    BcPlanner *planner;
    char *area, *reason;
    unsigned stopped;
    void (*done)(unsigned stopped, const GError *error, void *user);
    void *user;
} Stop;

static void on_stopped(const GError *error, void *user)
{
    Stop *stop = user;
    BcPlanner *planner = stop->planner;
    stop->stopped += bc_stage_stop_area(planner->o.stage, stop->area, stop->reason); /* what began while that was written */
    planner->pending--;
    bc_ears_look(planner->o.stage);
    if (planner->o.on_stopped)
        planner->o.on_stopped(stop->area, planner->o.stopped_user);
    if (stop->done)
        stop->done(stop->stopped, error, stop->user);
    g_free(stop->area);
    g_free(stop->reason);
    g_free(stop);
}

void bc_planner_stop_area(BcPlanner *planner, const char *area, const char *who, void (*done)(unsigned, const GError *, void *), void *user)
{
    Stop *stop = g_new0(Stop, 1);
    *stop = (Stop){planner, g_strdup(area), g_strdup_printf("everything in %s was stopped by %s", area, who ? who : "nobody"), 0, done, user};
    planner->pending++;
    stop->stopped = bc_stage_stop_area(planner->o.stage, area, stop->reason); /* silence does not wait for the disk */
    bc_halts_put(planner->o.halts, area, bc_stage_wall_us(planner->o.stage) + 1, on_stopped, stop);
}
