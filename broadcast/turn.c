/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the timetable or the API to the stage: the recordings are read, what will be on the air is noted, the loudspeakers are rung. */
#include "broadcast/planner-private.h"

#include <string.h>

#define WORTH_US 3000000 /* with less left nobody is rung any more */
#define SOON_LED_US 300000 /* emergencies with a siren before their words */

typedef struct Sound { /* one recording in memory */
    char *content;
    BcTrack *tracks[MD_AUDIO_CODEC_MAX];
} Sound;

struct BcTurn {
    BcPlanner *planner;
    BcAnnouncementSpec spec; /* strings owned */
    char **areas;
    BcSchedule *schedule;    /* as it was when it became due; NULL: by hand */
    unsigned repeats;
    int64_t gap_us;
    GArray *sounds;          /* Sound: what is read, in order; complete before the first is asked for */
    unsigned loaded;
    int64_t begin_us;        /* wall: goes on after a restart; 0: not yet */
    BcTurnDoneFn done;
    void *user;
};

static const char **strings_of(BcAnnouncementSpec *spec, unsigned i)
{
    const char **const all[] = {&spec->id,      &spec->kind,        &spec->title,      &spec->schedule,
                                &spec->content, &spec->source_name, &spec->created_by, &spec->lead_content};
    return i < G_N_ELEMENTS(all) ? all[i] : NULL;
}

static void want_sound(BcTurn *turn, const char *content)
{
    for (unsigned i = 0; content && i < turn->sounds->len; i++)
        if (g_str_equal(g_array_index(turn->sounds, Sound, i).content, content))
            return;
    Sound sound = {.content = g_strdup(content)};
    if (content)
        g_array_append_val(turn->sounds, sound);
}

/* As the plan numbers them: silence is none. */
static unsigned count_items(const BcSchedule *s)
{
    unsigned n = 0;
    for (unsigned i = 0; s && s->n_items > 1 && i < s->n_items; i++)
        n += s->items[i].kind != BC_ITEM_SILENCE;
    return n ? n * s->repeats : 1;
}

BcTurn *bc_turn_new(BcPlanner *planner, const BcAnnouncementSpec *spec, const BcSchedule *schedule, unsigned repeats, int64_t gap_us,
                    BcTurnDoneFn done, void *user)
{
    BcTurn *turn = g_new0(BcTurn, 1);
    g_autofree char *id = spec->id ? NULL : bc_new_id("a");
    turn->planner = planner;
    turn->spec = *spec;
    if (id)
        turn->spec.id = id;
    turn->areas = g_strdupv((char **)spec->areas);
    turn->spec.areas = (const char *const *)turn->areas;
    for (unsigned i = 0; strings_of(&turn->spec, i); i++)
        *strings_of(&turn->spec, i) = g_strdup(*strings_of(&turn->spec, i));
    turn->schedule = schedule ? bc_schedule_copy(schedule) : NULL;
    turn->repeats = turn->spec.repeats = MAX(repeats, 1);
    turn->gap_us = turn->spec.gap_us = gap_us;
    turn->spec.items = count_items(schedule);
    turn->sounds = g_array_new(FALSE, TRUE, sizeof(Sound));
    want_sound(turn, spec->lead_content);
    if (!schedule)
        want_sound(turn, spec->content);
    for (unsigned i = 0; schedule && i < turn->schedule->n_items; i++) {
        want_sound(turn, turn->schedule->items[i].content);
        want_sound(turn, turn->schedule->items[i].fallback);
    }
    turn->done = done;
    turn->user = user;
    planner->pending++;
    return turn;
}

static void free_turn(BcTurn *turn)
{
    for (unsigned i = 0; strings_of(&turn->spec, i); i++)
        g_free((char *)*strings_of(&turn->spec, i));
    for (unsigned i = 0; i < turn->sounds->len; i++) {
        Sound *sound = &g_array_index(turn->sounds, Sound, i);
        for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++)
            bc_track_unref(sound->tracks[c]);
        g_free(sound->content);
    }
    g_array_unref(turn->sounds);
    bc_source_unref(turn->spec.source);
    bc_schedule_free(turn->schedule);
    g_strfreev(turn->areas);
    turn->planner->pending--;
    g_free(turn);
}

static void tell(BcTurn *turn, const GError *error)
{
    if (turn->done)
        turn->done(error ? NULL : turn->spec.id, error, turn->user);
    turn->done = NULL;
}

void bc_turn_missed(BcTurn *turn, const GError *error)
{
    BcPlanner *planner = turn->planner;
    BcStage *stage = planner->o.stage;
    g_autofree char *areas = g_strjoinv(",", turn->areas);
    int64_t at = turn->spec.start_wall_us ? turn->spec.start_wall_us : bc_stage_wall_us(stage);
    BcRun run = {.id = turn->spec.id, .kind = turn->spec.kind, .title = turn->spec.title, .schedule = turn->spec.schedule,
                 .occurrence_us = turn->spec.occurrence_us, .content = turn->spec.content, .priority = turn->spec.priority,
                 .areas = areas, .start_us = at, .end_us = at, .state = "missed", .reason = error->message,
                 .created_by = turn->spec.created_by};
    if (turn->spec.schedule) {
        bc_play_log_run(stage->o.play_log, &run);
        if (planner->o.logger)
            md_warning(planner->o.logger, "\"%s\" of schedule %s is missed: %s", turn->spec.title, turn->spec.schedule, error->message);
    }
    tell(turn, error);
    free_turn(turn);
}

void bc_turn_drop(BcTurn *turn)
{
    free_turn(turn);
}

void bc_turn_hold(BcTurn *turn)
{
    bc_schedules_hold(turn->planner->o.schedules, turn->spec.schedule, turn->spec.occurrence_us);
}

/* --- the source --- */

static BcTrack *const *tracks_of(const BcTurn *turn, const char *content)
{
    for (unsigned i = 0; content && i < turn->sounds->len; i++)
        if (g_str_equal(g_array_index(turn->sounds, Sound, i).content, content))
            return g_array_index(turn->sounds, Sound, i).tracks;
    return NULL;
}

static bool is_empty(BcTrack *const *tracks)
{
    for (unsigned c = 0; tracks && c < MD_AUDIO_CODEC_MAX; c++)
        if (tracks[c])
            return false;
    return true;
}

/* As the plan reckons it: of a recording that is gone nothing is known. */
static int64_t item_length(const BcTurn *turn, const BcItem *item)
{
    const BcContent *content = item->kind == BC_ITEM_CONTENT ? bc_contents_find(turn->planner->o.contents, item->content) : NULL;
    return item->kind != BC_ITEM_CONTENT ? item->duration_us : content ? content->duration_us : 0;
}

static int64_t round_length(const BcTurn *turn)
{
    int64_t length = 0;
    for (unsigned i = 0; i < turn->schedule->n_items; i++)
        length += item_length(turn, &turn->schedule->items[i]);
    return length;
}

static bool may_be_heard(const BcTurn *turn, const char *content, int64_t at_us, char **ret_why)
{
    const BcPlannerOptions *o = &turn->planner->o;
    return !o->content_ok || o->content_ok(content, at_us, ret_why, o->content_user);
}

/* One round of a schedule's items, which begins at that moment. In place of a recording that may not be heard then there is silence: what
 * follows keeps its place on the clock, here as on the loudspeakers that play by themselves. Returns how many are heard. */
static unsigned add_round(const BcTurn *turn, int64_t at_us, GArray *items)
{
    bool alone = turn->schedule->n_items == 1;
    unsigned heard = 0;
    for (unsigned i = 0; i < turn->schedule->n_items; i++) {
        const BcItem *item = &turn->schedule->items[i];
        int64_t length = item_length(turn, item);
        BcProgrammeItem one = {.duration_us = length, .url = item->url, .silence_max_us = item->silence_max_us};
        one.kind = item->kind == BC_ITEM_CONTENT ? BC_PROGRAMME_STORED : item->kind == BC_ITEM_RELAY ? BC_PROGRAMME_RELAY : BC_PROGRAMME_SILENCE;
        one.tracks = tracks_of(turn, item->content);
        one.fallback = is_empty(tracks_of(turn, item->fallback)) ? NULL : tracks_of(turn, item->fallback);
        if (item->kind == BC_ITEM_CONTENT && (is_empty(one.tracks) || !may_be_heard(turn, item->content, at_us, NULL))) {
            one = (BcProgrammeItem){.kind = BC_PROGRAMME_SILENCE, .duration_us = length};
        } else if (item->kind == BC_ITEM_CONTENT) {
            one.duration_us = 0;
            one.repeats = alone ? turn->repeats : 1;
            one.gap_us = alone ? turn->gap_us : 0;
        }
        at_us += length;
        heard += one.kind != BC_PROGRAMME_SILENCE;
        if (one.kind != BC_PROGRAMME_SILENCE || one.duration_us > 0)
            g_array_append_val(items, one);
    }
    return heard;
}

/* Returns how many are heard. */
static unsigned add_items(const BcTurn *turn, GArray *items)
{
    bool stored = turn->schedule && turn->schedule->n_items == 1 && turn->schedule->items[0].kind == BC_ITEM_CONTENT;
    BcProgrammeItem gap = {.kind = BC_PROGRAMME_SILENCE, .duration_us = turn->gap_us};
    BcProgrammeItem lead = {.kind = BC_PROGRAMME_STORED, .tracks = tracks_of(turn, turn->spec.lead_content)};
    BcProgrammeItem hand = {.kind = BC_PROGRAMME_STORED, .tracks = tracks_of(turn, turn->spec.content), .repeats = turn->repeats,
                            .gap_us = turn->gap_us};
    unsigned heard = 0;
    if (turn->spec.lead_content && !is_empty(lead.tracks)) /* without its lead-in it is still heard */
        g_array_append_val(items, lead);
    if (!turn->schedule) {
        g_array_append_val(items, hand);
        return 1;
    }
    int64_t at = turn->spec.occurrence_us, length = round_length(turn);
    for (unsigned round = 0; round < (stored ? 1 : turn->repeats); round++, at += length + turn->gap_us) {
        if (round && gap.duration_us > 0)
            g_array_append_val(items, gap);
        heard += add_round(turn, at, items);
    }
    return heard;
}

static BcSource *make_source(const BcTurn *turn, int64_t offset_us, GError **error)
{
    const BcStage *stage = turn->planner->o.stage;
    g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(BcProgrammeItem));
    unsigned heard = add_items(turn, items);
    const BcProgrammeItem *first = items->len ? &g_array_index(items, BcProgrammeItem, 0) : NULL;
    if (heard && items->len == 1 && first->kind == BC_PROGRAMME_STORED && !offset_us)
        return bc_source_stored_new(first->tracks, stage->o.frame_ms, first->repeats, first->gap_us);
    if (heard)
        return bc_source_programme_new((const BcProgrammeItem *)items->data, items->len, stage->o.frame_ms, offset_us, &stage->o.relay, error);
    g_set_error(error, BC_ERROR, BC_ERROR_STATE, "none of its recordings may be heard");
    return NULL;
}

/* --- on the air --- */

static void start(BcTurn *turn)
{
    BcPlanner *planner = turn->planner;
    g_autoptr(GError) why = planner->stopping ? g_error_new(BC_ERROR, BC_ERROR_STATE, "mediad stops") : NULL;
    if (planner->stopping) { /* left to the next life: no row in the play log */
        tell(turn, why);
        free_turn(turn);
        return;
    }
    if (!bc_announcement_start(planner->o.stage, &turn->spec, &why)) {
        bc_planner_close_airing(planner, turn->spec.id);
        bc_turn_missed(turn, why);
        return;
    }
    const char *doomed = g_hash_table_lookup(planner->doomed, turn->spec.id);
    if (doomed) { /* devices that kept playing by themselves are told so too */
        g_autofree char *reason = g_strdup(doomed);
        g_hash_table_remove(planner->doomed, turn->spec.id);
        bc_announcement_stop(bc_announcement_find(planner->o.stage, turn->spec.id), reason, false);
    }
    tell(turn, NULL);
    free_turn(turn);
}

static BcAiring describe(const BcTurn *turn, const char *areas, int64_t duration_us)
{
    const BcAnnouncementSpec *s = &turn->spec;
    return (BcAiring){.id = s->id,
                      .kind = s->kind,
                      .title = s->title,
                      .schedule = s->schedule,
                      .occurrence_us = s->occurrence_us,
                      .begin_us = s->start_wall_us,
                      .end_us = s->start_wall_us + duration_us,
                      .content = s->content,
                      .lead_content = s->lead_content,
                      .repeats = turn->repeats,
                      .gap_us = turn->gap_us,
                      .areas = areas,
                      .priority = s->priority,
                      .authority = s->authority,
                      .made_us = s->made_us,
                      .expires_us = s->expires_us,
                      .siren = s->siren,
                      .siren_rounds = s->siren_rounds,
                      .volume = s->volume,
                      .drill = s->drill,
                      .quiet_ok = turn->schedule && turn->schedule->released_by,
                      .drop = turn->schedule && turn->schedule->drop,
                      .created_by = s->created_by};
}

static void refused_by_store(BcTurn *turn, const GError *error)
{
    BcPlanner *planner = turn->planner;
    if (planner->o.logger)
        md_error(planner->o.logger, "cannot note that \"%s\" plays: %s", turn->spec.title, error->message);
    g_hash_table_remove(planner->airings, turn->spec.id);
    tell(turn, error);
    if (turn->spec.schedule)
        bc_schedules_let_go(planner->o.schedules, turn->spec.schedule, turn->spec.occurrence_us);
    free_turn(turn);
    if (!planner->stopping)
        bc_planner_look_in(planner, 5 * G_USEC_PER_SEC);
}

static void on_noted(const GError *error, void *user)
{
    BcTurn *turn = user;
    if (error && g_error_matches(error, BC_ERROR, BC_ERROR_EXISTS)) { /* a former life of ours took it */
        g_hash_table_remove(turn->planner->airings, turn->spec.id);
        tell(turn, error);
        free_turn(turn);
    } else if (error) {
        refused_by_store(turn, error);
    } else {
        start(turn);
    }
}

/* An emergency has begun meanwhile, and is heard even if it might be heard twice; in this life it is not. */
static void on_noted_later(const GError *error, void *user)
{
    BcTurn *turn = user;
    if (error && turn->planner->o.logger)
        md_error(turn->planner->o.logger, "cannot note that \"%s\" plays: %s", turn->spec.title, error->message);
    if (error && turn->spec.schedule)
        bc_schedules_hold(turn->planner->o.schedules, turn->spec.schedule, turn->spec.occurrence_us);
    tell(turn, NULL);
    free_turn(turn);
}

static bool write_airing(MdDb *db, gpointer data, GError **error)
{
    return bc_airing_write(db, data, error);
}

static void note(BcTurn *turn, const BcAiring *airing, BcDoneFn done)
{
    BcPlanner *planner = turn->planner;
    if (turn->spec.schedule)
        bc_schedules_claim(planner->o.schedules, turn->spec.schedule, turn->spec.occurrence_us, "claimed", turn->spec.id, airing,
                           bc_stage_wall_us(planner->o.stage), done, turn);
    else
        bc_write(planner->o.store, write_airing, bc_airing_copy(airing), bc_airing_free, NULL, NULL, NULL, done, turn);
}

/* Everything is in memory: when exactly it begins is known now, and everything else follows from that. */
static void begin(BcTurn *turn)
{
    BcPlanner *planner = turn->planner;
    int64_t now = bc_stage_wall_us(planner->o.stage);
    g_autoptr(GError) why = NULL;
    g_autofree char *areas = g_strjoinv(",", turn->areas);
    bool led = turn->spec.lead_content && turn->spec.priority == BC_EMERGENCY; /* a siren waits for nobody: who answers late hears the rest */
    if (turn->spec.start_wall_us < now)
        turn->spec.start_wall_us = now + (led ? SOON_LED_US : bc_planner_soon_us(planner, turn->spec.priority));
    turn->spec.source = make_source(turn, 0, &why);
    if (!turn->spec.source) {
        bc_turn_missed(turn, why);
        return;
    }
    BcAiring airing = describe(turn, areas, bc_source_duration_us(turn->spec.source));
    g_hash_table_replace(planner->airings, g_strdup(airing.id), bc_airing_copy(&airing));
    if (turn->spec.priority != BC_EMERGENCY) {
        note(turn, &airing, on_noted);
        return;
    }
    if (planner->stopping || !bc_announcement_start(planner->o.stage, &turn->spec, &why)) {
        g_hash_table_remove(planner->airings, airing.id);
        if (!planner->stopping) {
            bc_turn_missed(turn, why);
            return;
        }
        start(turn); /* says that mediad stops */
        return;
    }
    note(turn, &airing, on_noted_later);
}

static void go_on(BcTurn *turn)
{
    BcPlanner *planner = turn->planner;
    int64_t now = bc_stage_wall_us(planner->o.stage);
    g_autoptr(GError) why = NULL;
    turn->spec.start_wall_us = MAX(now, turn->begin_us);
    turn->spec.begin_wall_us = turn->begin_us;
    turn->spec.source = make_source(turn, turn->spec.start_wall_us - turn->begin_us, &why);
    if (turn->spec.source && bc_source_duration_us(turn->spec.source) >= WORTH_US) {
        start(turn);
        return;
    }
    bc_planner_close_airing(planner, turn->spec.id); /* its end has passed; the play log has it as interrupted */
    free_turn(turn);
}

/* --- reading --- */

static void load_next(BcTurn *turn);

static void on_loaded(BcTrack *const tracks[MD_AUDIO_CODEC_MAX], const GError *error, void *user)
{
    BcTurn *turn = user;
    Sound *sound = &g_array_index(turn->sounds, Sound, turn->loaded++);
    bool only = turn->sounds->len == 1 || (!turn->schedule && g_strcmp0(sound->content, turn->spec.lead_content) != 0);
    if (error && only && !turn->planner->stopping) {
        bc_planner_close_airing(turn->planner, turn->spec.id);
        bc_turn_missed(turn, error);
        return;
    }
    if (error && turn->planner->o.logger)
        md_warning(turn->planner->o.logger, "\"%s\" goes without one of its recordings, %.12s…: %s", turn->spec.title, sound->content, error->message);
    for (unsigned c = 0; !error && c < MD_AUDIO_CODEC_MAX; c++)
        sound->tracks[c] = tracks[c] ? bc_track_ref(tracks[c]) : NULL;
    load_next(turn);
}

/* Is this recording of a schedule approved and valid when the programme begins, or by the time it ends? What is not is silence there;
 * the rehearsal has said so. */
static bool is_worth_reading(const BcTurn *turn, const char *content, GError **error)
{
    g_autofree char *text = NULL;
    int64_t at = turn->spec.occurrence_us;
    if (!turn->schedule || may_be_heard(turn, content, at, &text) ||
        may_be_heard(turn, content, at + (round_length(turn) + turn->gap_us) * turn->repeats, NULL))
        return true;
    g_set_error_literal(error, BC_ERROR, BC_ERROR_STATE, text ? text : "it is not approved");
    return false;
}

static void load_next(BcTurn *turn)
{
    BcPlanner *planner = turn->planner;
    g_autoptr(GError) error = NULL;
    if (planner->stopping) {
        start(turn);
        return;
    }
    if (turn->loaded == turn->sounds->len) {
        if (turn->begin_us)
            go_on(turn);
        else
            begin(turn);
        return;
    }
    const char *content = g_array_index(turn->sounds, Sound, turn->loaded).content;
    if (is_worth_reading(turn, content, &error))
        bc_contents_load(planner->o.contents, content, planner->o.stage->o.frame_ms, on_loaded, turn);
    else
        on_loaded(NULL, error, turn);
}

void bc_turn_start(BcTurn *turn)
{
    load_next(turn);
}

void bc_turn_go_on(BcTurn *turn, const BcAiring *airing)
{
    turn->begin_us = airing->begin_us;
    load_next(turn);
}
