/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/alert/drill.h"

#include "broadcast/order.h"
#include "broadcast/recurrence.h"

#define LOOK_MAX_US (60ll * G_USEC_PER_SEC) /* the wall clock may be set */
#define LATE_US (5ll * 60 * G_USEC_PER_SEC)

typedef struct Plan {
    char *name, *text;
    char **areas;
    BcRecurrence *recurrence;
    int64_t next_us;
} Plan;

struct BcDrills {
    BcAlerts *alerts;
    BcTimers *timers;
    BcTimer timer;
    GArray *plans; /* Plan */
    MdLogger logger;
};

static void clear_plan(gpointer data)
{
    Plan *plan = data;
    g_free(plan->name);
    g_free(plan->text);
    g_strfreev(plan->areas);
    bc_recurrence_free(plan->recurrence);
}

static int64_t wall_us(const BcDrills *drills)
{
    return md_clock_wall_us(bc_timers_clock(drills->timers));
}

int64_t bc_drills_next_us(const BcDrills *drills)
{
    int64_t next = INT64_MAX;
    for (unsigned i = 0; i < drills->plans->len; i++)
        next = MIN(next, g_array_index(drills->plans, Plan, i).next_us);
    return next;
}

typedef struct Asked {
    MdLogger logger;
    char *name;
} Asked;

static void on_begun(const BcAlert *alert, bool duplicate, const GError *error, void *user)
{
    Asked *asked = user;
    if (error)
        md_error(&asked->logger, "the drill %s cannot begin: %s", asked->name, error->message);
    g_free(asked->name);
    g_free(asked);
}

static void begin(BcDrills *drills, const Plan *plan)
{
    Asked *asked = g_new0(Asked, 1);
    *asked = (Asked){drills->logger, g_strdup(plan->name)};
    g_autofree char *identifier = g_strdup_printf("drill-%s", plan->name);
    BcEmergency drill = {.kind = "drill", .areas = (const char *const *)plan->areas, .text = plan->text, .identifier = identifier,
                         .sent_us = plan->next_us, .authority = BC_AUTHORITY_PROVINCE, .created_by = "calendar"};
    bc_alerts_emergency(drills->alerts, &drill, on_begun, asked);
}

static void on_look(BcTimer *timer, void *user)
{
    BcDrills *drills = user;
    int64_t now = wall_us(drills);
    for (unsigned i = 0; i < drills->plans->len; i++) {
        Plan *plan = &g_array_index(drills->plans, Plan, i);
        if (plan->next_us > now)
            continue;
        if (now - plan->next_us <= LATE_US)
            begin(drills, plan);
        plan->next_us = bc_recurrence_next(plan->recurrence, now);
    }
    int64_t next = bc_drills_next_us(drills);
    int64_t in = next == INT64_MAX ? LOOK_MAX_US : CLAMP(next - now, 0, LOOK_MAX_US);
    bc_timer_at(drills->timers, timer, md_clock_now_us(bc_timers_clock(drills->timers)) + in, on_look, drills);
}

BcDrills *bc_drills_new(BcAlerts *alerts, BcTimers *timers, const BcDrillPlan *plans, unsigned n, const MdLogger *logger, GError **error)
{
    BcDrills *drills = g_new0(BcDrills, 1);
    drills->alerts = alerts;
    drills->timers = timers;
    drills->logger = logger ? md_logger_child(logger, "alert/drill") : (MdLogger){0};
    drills->plans = g_array_new(FALSE, FALSE, sizeof(Plan));
    g_array_set_clear_func(drills->plans, clear_plan);
    for (unsigned i = 0; i < MIN(n, BC_DRILLS_MAX); i++) {
        BcRecurrence *recurrence = bc_recurrence_new(plans[i].start_local, plans[i].zone, plans[i].rule, NULL, error);
        if (!recurrence) {
            g_prefix_error(error, "drill %s: ", plans[i].name);
            bc_drills_free(drills);
            return NULL;
        }
        Plan plan = {g_strdup(plans[i].name), g_strdup(plans[i].text), g_strdupv((char **)plans[i].areas), recurrence,
                     bc_recurrence_next(recurrence, wall_us(drills))};
        g_array_append_val(drills->plans, plan);
    }
    on_look(&drills->timer, drills);
    return drills;
}

void bc_drills_free(BcDrills *drills)
{
    if (!drills)
        return;
    bc_timer_cancel(&drills->timer);
    g_array_unref(drills->plans);
    g_free(drills);
}
