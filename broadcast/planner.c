/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/planner.h"
#include "broadcast/sequence.h"

#define LOOK_MAX_US 20000000 /* the wall clock may be set: look at least so often */
#define STORE_RETRY_US 5000000
#define SOON_US 2000000
#define SOON_EMERGENCY_MAX_US 3000000

struct BcPlanner {
    BcPlannerOptions o;
    BcTimer timer;
    unsigned pending;
    bool stopping;
};

typedef struct Play { /* on its way from the timetable or the API to the stage */
    BcPlanner *planner;
    BcAnnouncementSpec spec; /* strings owned */
    char **areas;
    unsigned repeats;
    int64_t gap_us;
    BcTrack *lead[MD_AUDIO_CODEC_MAX];
    bool led;
    void (*done)(const char *id, const GError *error, void *user);
    void *user;
} Play;

static Play *new_play(BcPlanner *planner, const BcAnnouncementSpec *spec, unsigned repeats, int64_t gap_us)
{
    Play *play = g_new0(Play, 1);
    play->planner = planner;
    play->spec = *spec;
    play->areas = g_strdupv((char **)spec->areas);
    play->spec.areas = (const char *const *)play->areas;
    const char **strings[] = {&play->spec.id,          &play->spec.kind,       &play->spec.title,       &play->spec.schedule, &play->spec.content,
                              &play->spec.source_name, &play->spec.created_by, &play->spec.lead_content};
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++)
        *strings[i] = g_strdup(*strings[i]);
    play->repeats = play->spec.repeats = repeats;
    play->gap_us = play->spec.gap_us = gap_us;
    planner->pending++;
    return play;
}

static void free_play(Play *play)
{
    const char *const strings[] = {play->spec.id,          play->spec.kind,       play->spec.title,       play->spec.schedule, play->spec.content,
                                   play->spec.source_name, play->spec.created_by, play->spec.lead_content};
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++)
        g_free((char *)strings[i]);
    for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++)
        bc_track_unref(play->lead[c]);
    g_strfreev(play->areas);
    play->planner->pending--;
    g_free(play);
}

/* It will not be heard: say so in the play log and to whoever asked. */
static void missed(Play *play, const GError *error)
{
    BcStage *stage = play->planner->o.stage;
    g_autofree char *areas = g_strjoinv(",", play->areas);
    int64_t at = play->spec.start_wall_us ? play->spec.start_wall_us : bc_stage_wall_us(stage);
    BcRun run = {.id = play->spec.id, .kind = play->spec.kind, .title = play->spec.title, .schedule = play->spec.schedule,
                 .occurrence_us = play->spec.occurrence_us, .content = play->spec.content, .priority = play->spec.priority,
                 .areas = areas, .start_us = at, .end_us = at, .state = "missed", .reason = error->message,
                 .created_by = play->spec.created_by};
    if (play->spec.schedule) {
        bc_play_log_run(stage->o.play_log, &run);
        if (play->planner->o.logger)
            md_warning(play->planner->o.logger, "bulletin \"%s\" is missed: %s", play->spec.title, error->message);
    }
    if (play->done)
        play->done(NULL, error, play->user);
    free_play(play);
}

/* So long ringing takes: what was set for the answers, and the dialling itself. */
static int64_t lead_us(const BcPlanner *planner)
{
    const BcStage *stage = planner->o.stage;
    return (int64_t)planner->o.lead_s * G_USEC_PER_SEC +
           (int64_t)bc_devices_count(stage->o.devices) * G_USEC_PER_SEC / MAX(stage->o.calls_per_s, 1);
}

static int64_t soon_us(const BcPlanner *planner, BcPriority priority)
{
    int64_t dialling = lead_us(planner) - (int64_t)planner->o.lead_s * G_USEC_PER_SEC;
    int64_t wait = SOON_US + dialling;
    return priority == BC_EMERGENCY ? MIN(wait, SOON_EMERGENCY_MAX_US) : MIN(wait, lead_us(planner));
}

static BcSource *make_source(const Play *play, BcTrack *const tracks[MD_AUDIO_CODEC_MAX], GError **error)
{
    unsigned frame_ms = play->planner->o.stage->o.frame_ms;
    BcProgrammeItem items[] = {{.kind = BC_PROGRAMME_STORED, .tracks = play->lead},
                               {.kind = BC_PROGRAMME_STORED, .tracks = tracks, .repeats = play->repeats, .gap_us = play->gap_us}};
    return play->led ? bc_source_programme_new(items, G_N_ELEMENTS(items), frame_ms, 0, NULL, error)
                     : bc_source_stored_new(tracks, frame_ms, play->repeats, play->gap_us);
}

static void on_loaded(BcTrack *const tracks[MD_AUDIO_CODEC_MAX], const GError *error, void *user)
{
    Play *play = user;
    BcPlanner *planner = play->planner;
    BcStage *stage = planner->o.stage;
    g_autoptr(GError) why = planner->stopping ? g_error_new(BC_ERROR, BC_ERROR_STATE, "mediad stops") : error ? g_error_copy(error) : NULL;
    if (why && planner->stopping) { /* left to the next life: no row in the play log */
        if (play->done)
            play->done(NULL, why, play->user);
        free_play(play);
        return;
    }
    if (why) {
        missed(play, why);
        return;
    }
    g_autoptr(BcSource) source = make_source(play, tracks, &why);
    if (!source) {
        missed(play, why);
        return;
    }
    play->spec.source = source;
    int64_t soonest = bc_stage_wall_us(stage) + soon_us(planner, play->spec.priority);
    if (play->spec.start_wall_us < bc_stage_wall_us(stage))
        play->spec.start_wall_us = soonest;
    BcAnnouncement *a = bc_announcement_start(stage, &play->spec, &why);
    if (!a) {
        missed(play, why);
        return;
    }
    if (play->done)
        play->done(a->id, NULL, play->user);
    free_play(play);
}

/* Without its lead-in it is still heard. */
static void on_lead_loaded(BcTrack *const tracks[MD_AUDIO_CODEC_MAX], const GError *error, void *user)
{
    Play *play = user;
    BcPlanner *planner = play->planner;
    for (unsigned c = 0; !error && c < MD_AUDIO_CODEC_MAX; c++)
        play->lead[c] = tracks[c] ? bc_track_ref(tracks[c]) : NULL;
    play->led = !error;
    if (error && planner->o.logger)
        md_warning(planner->o.logger, "\"%s\" begins without its lead-in: %s", play->spec.title, error->message);
    bc_contents_load(planner->o.contents, play->spec.content, planner->o.stage->o.frame_ms, on_loaded, play);
}

static void load(Play *play)
{
    const BcPlannerOptions *o = &play->planner->o;
    g_autofree char *text = NULL;
    if (play->spec.schedule && o->content_ok && !o->content_ok(play->spec.content, play->spec.occurrence_us, &text, o->content_user)) {
        g_autoptr(GError) why = g_error_new_literal(BC_ERROR, BC_ERROR_STATE, text ? text : "it is not approved");
        missed(play, why);
        return;
    }
    if (play->spec.lead_content) {
        bc_contents_load(play->planner->o.contents, play->spec.lead_content, play->planner->o.stage->o.frame_ms, on_lead_loaded, play);
        return;
    }
    bc_contents_load(play->planner->o.contents, play->spec.content, play->planner->o.stage->o.frame_ms, on_loaded, play);
}

void bc_planner_play(BcPlanner *planner, const BcAnnouncementSpec *spec, unsigned repeats, int64_t gap_us,
                     void (*done)(const char *id, const GError *error, void *user), void *user)
{
    g_autofree char *id = spec->id ? NULL : bc_new_id("a");
    BcAnnouncementSpec own = *spec;
    if (id)
        own.id = id;
    Play *play = new_play(planner, &own, repeats, gap_us);
    play->done = done;
    play->user = user;
    load(play);
}

static void on_look(BcTimer *timer, void *user)
{
    bc_planner_look(user);
}

static void look_in(BcPlanner *planner, int64_t us)
{
    BcTimers *timers = planner->o.stage->o.timers;
    bc_timer_at(timers, &planner->timer, bc_stage_now_us(planner->o.stage) + MIN(us, LOOK_MAX_US), on_look, planner);
}

static void on_claimed(const GError *error, void *user)
{
    Play *play = user;
    BcPlanner *planner = play->planner;
    if (error && g_error_matches(error, BC_ERROR, BC_ERROR_EXISTS)) {
        free_play(play); /* a former life of ours took it */
        return;
    }
    if (error && planner->o.logger)
        md_error(planner->o.logger, "cannot note that \"%s\" plays: %s", play->spec.title, error->message);
    if (error && play->spec.priority != BC_EMERGENCY) { /* an emergency is heard, even if it might be heard twice */
        free_play(play);
        if (!planner->stopping)
            look_in(planner, STORE_RETRY_US);
        return;
    }
    if (error) /* once in this life */
        bc_schedules_hold(planner->o.schedules, play->spec.schedule, play->spec.occurrence_us);
    load(play);
}

static void on_claimed_missed(const GError *error, void *user)
{
    Play *play = user;
    g_autoptr(GError) why = g_error_new(BC_ERROR, BC_ERROR_STATE, "it was too late to begin: mediad was not running, or busy, at its time");
    if (error)
        free_play(play);
    else
        missed(play, why);
}

static int64_t lead_of(const BcSchedule *schedule, void *user)
{
    return lead_us(user);
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
        const BcSchedule *s = bc_schedules_find(schedules, row->schedule);
        g_autofree char *id = bc_new_id("a");
        BcAnnouncementSpec spec = {.id = id, .kind = "schedule", .title = s->name, .schedule = s->id, .occurrence_us = row->at_us,
                                   .content = s->content, .priority = s->priority,
                                   .authority = BC_AUTHORITY_PROVINCE, .areas = s->areas, .start_wall_us = row->at_us,
                                   .created_by = s->created_by};
        Play *play = new_play(planner, &spec, s->repeats, (int64_t)s->gap_s * G_USEC_PER_SEC);
        bc_schedules_claim(schedules, row->schedule, row->at_us, row->too_late ? "missed" : "claimed", id, now,
                           row->too_late ? on_claimed_missed : on_claimed, play);
    }
    int64_t wake = bc_schedules_wake_us(schedules, now, lead_of, planner);
    look_in(planner, wake == INT64_MAX ? LOOK_MAX_US : wake - now + 1000);
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

BcPlan *bc_planner_rehearse(BcPlanner *planner, int64_t from_us, int64_t to_us, const char *draft, GError **error)
{
    BcStage *stage = planner->o.stage;
    BcPlanInput input = {.areas = stage->o.areas, .devices = stage->o.devices, .schedules = planner->o.schedules, .slots = planner->o.slots,
                         .holidays = planner->o.holidays, .quiet = planner->o.quiet, .halts = planner->o.halts, .zone = planner->o.zone,
                         .content = find_content, .user = planner, .draft = draft};
    return bc_plan_new(&input, from_us, to_us, error);
}

BcPlan *bc_planner_plan(BcPlanner *planner, int64_t from_us, int64_t to_us, GError **error)
{
    return bc_planner_rehearse(planner, from_us, to_us, NULL, error);
}

int64_t bc_planner_stop_before_us(const BcPlanner *planner, const char *area)
{
    return bc_halts_before_us(planner->o.halts, area);
}

BcPlanner *bc_planner_new(const BcPlannerOptions *options)
{
    BcPlanner *planner = g_new0(BcPlanner, 1);
    planner->o = *options;
    bc_planner_look(planner);
    return planner;
}

void bc_planner_stop(BcPlanner *planner)
{
    planner->stopping = true;
    bc_timer_cancel(&planner->timer);
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
    g_free(planner);
}
