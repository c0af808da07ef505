/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/planner-private.h"

#define LOOK_MAX_US 20000000 /* the wall clock may be set: look at least so often */
#define SOON_US 2000000
#define SOON_EMERGENCY_MAX_US 3000000

int64_t bc_planner_lead_us(const BcPlanner *planner)
{
    const BcStage *stage = planner->o.stage;
    return (int64_t)planner->o.lead_s * G_USEC_PER_SEC +
           (int64_t)bc_devices_count(stage->o.devices) * G_USEC_PER_SEC / MAX(stage->o.calls_per_s, 1);
}

int64_t bc_planner_soon_us(const BcPlanner *planner, BcPriority priority)
{
    int64_t dialling = bc_planner_lead_us(planner) - (int64_t)planner->o.lead_s * G_USEC_PER_SEC;
    int64_t wait = SOON_US + dialling;
    return priority == BC_EMERGENCY ? MIN(wait, SOON_EMERGENCY_MAX_US) : MIN(wait, bc_planner_lead_us(planner));
}

void bc_planner_play(BcPlanner *planner, const BcAnnouncementSpec *spec, unsigned repeats, int64_t gap_us,
                     void (*done)(const char *id, const GError *error, void *user), void *user)
{
    BcAnnouncementSpec own = *spec;
    if (!own.made_us)
        own.made_us = bc_stage_wall_us(planner->o.stage);
    bc_turn_start(bc_turn_new(planner, &own, NULL, repeats, gap_us, done, user));
}

/* --- what is due --- */

static void on_look(BcTimer *timer, void *user)
{
    bc_planner_look(user);
}

void bc_planner_look_in(BcPlanner *planner, int64_t us)
{
    BcTimers *timers = planner->o.stage->o.timers;
    bc_timer_at(timers, &planner->timer, bc_stage_now_us(planner->o.stage) + MIN(us, LOOK_MAX_US), on_look, planner);
}

static void on_claimed_missed(const GError *error, void *user)
{
    if (error && g_error_matches(error, BC_ERROR, BC_ERROR_EXISTS)) { /* a former life of ours played it */
        bc_turn_drop(user);
        return;
    }
    if (error) /* said once, not every time we look while the disk is full */
        bc_turn_hold(user);
    g_autoptr(GError) why = g_error_new(BC_ERROR, BC_ERROR_STATE, "it was too late to begin: mediad was not running, or busy, at its time");
    bc_turn_missed(user, why);
}

/* As many as the plan has occurrences of: what loudspeakers report one by one. */
static unsigned items_of(const BcSchedule *s)
{
    unsigned heard = 0;
    for (unsigned i = 0; i < s->n_items; i++)
        heard += s->items[i].kind != BC_ITEM_SILENCE;
    return s->n_items > 1 ? MAX(heard * MAX(s->repeats, 1), 1) : 1;
}

static BcAnnouncementSpec spec_of(const BcPlanner *planner, const BcSchedule *s, int64_t at_us)
{
    return (BcAnnouncementSpec){.kind = "schedule",
                                .title = s->name,
                                .schedule = s->id,
                                .occurrence_us = at_us,
                                .content = s->content,
                                .priority = s->priority,
                                .authority = bc_plan_authority(planner->o.stage->o.areas, s),
                                .made_us = s->changed_us,
                                .items = items_of(s),
                                .areas = s->areas,
                                .start_wall_us = at_us,
                                .expires_us = s->expires_us,
                                .volume = s->volume,
                                .drop = s->drop,
                                .created_by = s->created_by};
}

static void take(BcPlanner *planner, const BcSchedule *s, const BcDue *due, int64_t now_us)
{
    BcAnnouncementSpec spec = spec_of(planner, s, due->at_us);
    bc_schedules_hold(planner->o.schedules, s->id, due->at_us);
    if (!bc_guard_day(planner, s, due->at_us) || (s->expires_us && s->expires_us <= MAX(now_us, due->at_us)))
        return; /* not on this day, or no longer: as planned */
    BcTurn *turn = bc_turn_new(planner, &spec, s, s->repeats, (int64_t)s->gap_s * G_USEC_PER_SEC, NULL, NULL);
    if (due->too_late)
        bc_schedules_claim(planner->o.schedules, s->id, due->at_us, "missed", NULL, NULL, now_us, on_claimed_missed, turn);
    else
        bc_turn_start(turn);
}

static int64_t lead_of(const BcSchedule *schedule, void *user)
{
    return bc_planner_lead_us(user);
}

void bc_planner_look(BcPlanner *planner)
{
    BcSchedules *schedules = planner->o.schedules;
    int64_t now = bc_stage_wall_us(planner->o.stage);
    if (planner->stopping)
        return;
    g_autoptr(GArray) due = bc_schedules_due(schedules, now, lead_of, planner);
    for (unsigned i = 0; i < due->len; i++) {
        const BcDue *row = &g_array_index(due, BcDue, i);
        take(planner, bc_schedules_find(schedules, row->schedule), row, now);
    }
    int64_t wake = bc_schedules_wake_us(schedules, now, lead_of, planner);
    bc_planner_look_in(planner, wake == INT64_MAX ? LOOK_MAX_US : wake - now + 1000);
}

/* --- what is planned --- */

static bool find_content(const char *id, int64_t at_us, BcPlanContent *ret, void *user)
{
    const BcPlannerOptions *o = &((BcPlanner *)user)->o;
    const BcContent *content = bc_contents_find(o->contents, id);
    *ret = (BcPlanContent){.duration_us = content ? content->duration_us : 0};
    if (content && at_us && o->content_ok && !o->content_ok(id, at_us, &ret->refused, o->content_user) && !ret->refused)
        ret->refused = g_strdup("it is not approved");
    return content != NULL;
}

static BcPlanInput input_of(BcPlanner *planner)
{
    BcStage *stage = planner->o.stage;
    return (BcPlanInput){.areas = stage->o.areas, .devices = stage->o.devices, .schedules = planner->o.schedules, .slots = planner->o.slots,
                         .holidays = planner->o.holidays, .quiet = planner->o.quiet, .halts = planner->o.halts, .zone = planner->o.zone,
                         .content = find_content, .user = planner};
}

BcPlan *bc_planner_rehearse(BcPlanner *planner, int64_t from_us, int64_t to_us, const char *draft, GError **error)
{
    BcPlanInput input = input_of(planner);
    input.draft = draft;
    return bc_plan_new(&input, from_us, to_us, error);
}

void bc_objections_free(BcObjections *objections)
{
    if (!objections)
        return;
    g_ptr_array_unref(objections->problems);
    bc_plan_free(objections->plan);
    g_free(objections);
}

char *bc_objections_to_text(const BcObjections *objections)
{
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < objections->problems->len; i++)
        g_string_append_printf(text, "%s%s", i ? "\n" : "", ((const BcProblem *)objections->problems->pdata[i])->text);
    return g_string_free(text, FALSE);
}

BcObjections *bc_planner_objections(BcPlanner *planner, const BcSchedule *candidate)
{
    int64_t now = bc_stage_wall_us(planner->o.stage), week = 7 * 86400ll * G_USEC_PER_SEC;
    BcPlanInput input = input_of(planner);
    g_autoptr(GArray) times = bc_schedule_expand(candidate, now, INT64_MAX, 1, NULL);
    if (!times || !times->len)
        return NULL; /* what is wrong with it is said when it is stored */
    int64_t from = g_array_index(times, int64_t, 0) - 3600ll * G_USEC_PER_SEC;
    input.candidate = candidate;
    g_autoptr(BcPlan) plan = bc_plan_new(&input, from, from + week, NULL);
    g_autoptr(GPtrArray) against = g_ptr_array_new();
    unsigned n = 0;
    const BcProblem *problems = plan ? bc_plan_problems(plan, &n) : NULL;
    for (unsigned i = 0; i < n; i++)
        if (problems[i].blocks && (g_strcmp0(problems[i].schedule, candidate->id) == 0 || g_strcmp0(problems[i].other, candidate->id) == 0))
            g_ptr_array_add(against, (gpointer)&problems[i]);
    if (!against->len)
        return NULL;
    BcObjections *objections = g_new(BcObjections, 1);
    *objections = (BcObjections){g_steal_pointer(&plan), g_steal_pointer(&against)};
    return objections;
}

BcPlan *bc_planner_plan(BcPlanner *planner, int64_t from_us, int64_t to_us, GError **error)
{
    return bc_planner_rehearse(planner, from_us, to_us, NULL, error);
}

int64_t bc_planner_stop_before_us(const BcPlanner *planner, const char *area)
{
    return bc_halts_before_us(planner->o.halts, area);
}

/* --- what is on the air --- */

typedef struct Closing {
    BcPlanner *planner;
    char *id;
} Closing;

static bool close_airing(MdDb *db, gpointer data, GError **error)
{
    return bc_airing_close(db, ((Closing *)data)->id, error);
}

static void on_closed(const GError *error, void *user)
{
    Closing *closing = user;
    BcPlanner *planner = closing->planner;
    planner->pending--;
    if (error && planner->o.logger)
        md_error(planner->o.logger, "cannot note that announcement %s is over, it may be taken up again after a restart: %s", closing->id, error->message);
    g_free(closing->id);
    g_free(closing);
}

void bc_planner_close_airing(BcPlanner *planner, const char *id)
{
    if (!g_hash_table_contains(planner->airings, id))
        return;
    Closing *closing = g_new0(Closing, 1);
    *closing = (Closing){planner, g_strdup(id)};
    g_hash_table_remove(planner->airings, id);
    g_hash_table_remove(planner->doomed, id);
    planner->pending++;
    bc_write(planner->o.store, close_airing, closing, NULL, NULL, NULL, NULL, on_closed, closing);
}

void bc_planner_ended(BcPlanner *planner, const char *id, bool for_good)
{
    if (for_good)
        bc_planner_close_airing(planner, id);
    else
        g_hash_table_remove(planner->airings, id);
}

bool bc_planner_goes_on(const BcPlanner *planner, const char *id)
{
    return id && g_hash_table_contains(planner->airings, id);
}

bool bc_planner_doom(BcPlanner *planner, const char *id, const char *reason)
{
    if (!bc_planner_goes_on(planner, id))
        return false;
    g_hash_table_replace(planner->doomed, g_strdup(id), g_strdup(reason));
    return true;
}

static void go_on(BcPlanner *planner, const BcAiring *a)
{
    const BcSchedule *s = bc_schedules_find(planner->o.schedules, a->schedule);
    int64_t now = bc_stage_wall_us(planner->o.stage);
    g_auto(GStrv) areas = g_strsplit(a->areas, ",", -1);
    g_hash_table_replace(planner->airings, g_strdup(a->id), bc_airing_copy(a));
    if (a->source && a->end_us > now && (!a->expires_us || a->expires_us > now)) {
        g_ptr_array_add(planner->streams, g_strdup(a->id));
        return;
    }
    bool changed = a->source || (a->schedule && (!s || s->changed_us != a->made_us || !s->enabled || s->draft));
    if (a->end_us <= now || (a->expires_us && a->expires_us <= now) || changed || (a->drop && a->begin_us < now)) {
        bc_planner_close_airing(planner, a->id);
        return;
    }
    BcAnnouncementSpec spec = {.id = a->id,
                               .kind = a->kind,
                               .title = a->title,
                               .schedule = a->schedule,
                               .occurrence_us = a->occurrence_us,
                               .content = a->content,
                               .priority = a->priority,
                               .authority = a->authority,
                               .made_us = a->made_us,
                               .items = s ? items_of(s) : 1,
                               .areas = (const char *const *)areas,
                               .lead_content = a->lead_content,
                               .siren = a->siren,
                               .siren_rounds = a->siren_rounds,
                               .volume = a->volume,
                               .expires_us = a->expires_us,
                               .drill = a->drill,
                               .drop = a->drop,
                               .created_by = a->created_by};
    bc_turn_go_on(bc_turn_new(planner, &spec, s, a->repeats, a->gap_us, NULL, NULL), a);
}

/* From the main loop: whoever drives devices has registered by then. */
static void on_live(BcTimer *timer, void *user)
{
    BcPlanner *planner = user;
    for (unsigned i = 0; i < planner->streams->len; i++) {
        const char *id = planner->streams->pdata[i];
        const BcAiring *airing = g_hash_table_lookup(planner->airings, id);
        if (airing && (!planner->o.live || !planner->o.live(airing, planner->o.live_user)))
            bc_planner_close_airing(planner, id);
    }
    g_ptr_array_set_size(planner->streams, 0);
}

static void on_live_noted(const GError *error, void *user)
{
    BcPlanner *planner = user;
    planner->pending--;
    if (error && planner->o.logger)
        md_error(planner->o.logger, "cannot note what is relayed live, it will not come back after a restart: %s", error->message);
}

static bool write_live(MdDb *db, gpointer data, GError **error)
{
    return bc_airing_write(db, data, error);
}

void bc_planner_note_live(BcPlanner *planner, const BcAiring *airing)
{
    g_hash_table_replace(planner->airings, g_strdup(airing->id), bc_airing_copy(airing));
    planner->pending++;
    bc_write(planner->o.store, write_live, bc_airing_copy(airing), bc_airing_free, NULL, NULL, NULL, on_live_noted, planner);
}

BcPlanner *bc_planner_new(const BcPlannerOptions *options, GError **error)
{
    g_autoptr(GPtrArray) open = bc_airings_read(md_store_reader(options->store), error);
    if (!open)
        return NULL;
    BcPlanner *planner = g_new0(BcPlanner, 1);
    planner->o = *options;
    planner->zone = g_time_zone_new_identifier(options->zone);
    if (!planner->zone)
        planner->zone = g_time_zone_new_utc();
    planner->airings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, bc_airing_free);
    planner->doomed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    planner->streams = g_ptr_array_new_with_free_func(g_free);
    bc_guard_init(planner);
    for (unsigned i = 0; i < open->len; i++)
        go_on(planner, open->pdata[i]);
    if (planner->streams->len)
        bc_timer_at(options->stage->o.timers, &planner->live, bc_stage_now_us(options->stage) + 1, on_live, planner);
    bc_planner_look(planner);
    return planner;
}

void bc_planner_stop(BcPlanner *planner)
{
    planner->stopping = true;
    bc_timer_cancel(&planner->live);
    bc_timer_cancel(&planner->timer);
    bc_guard_clear(planner);
}

unsigned bc_planner_pending(const BcPlanner *planner)
{
    return planner->pending;
}

void bc_planner_free(BcPlanner *planner)
{
    if (!planner)
        return;
    bc_timer_cancel(&planner->timer);
    bc_guard_clear(planner);
    bc_timer_cancel(&planner->live);
    g_ptr_array_unref(planner->streams);
    g_hash_table_unref(planner->airings);
    g_hash_table_unref(planner->doomed);
    g_time_zone_unref(planner->zone);
    g_free(planner);
}
