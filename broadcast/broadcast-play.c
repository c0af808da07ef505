/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/broadcast-private.h"

#include "broadcast/stream-source.h"

#define BC_GAP_MAX_US (7200ll * G_USEC_PER_SEC)

/* Only an emergency, and what two people have released, begins in quiet hours; the guard looks again while it sounds. */
static bool hours_allow(BcBroadcast *b, const BcPlayOptions *o, GError **error)
{
    int64_t at = MAX(o->start_wall_us, bc_broadcast_wall_us(b));
    if (o->priority == BC_EMERGENCY && !o->drill)
        return true;
    for (unsigned i = 0; o->areas[i]; i++)
        if (bc_quiet_at(b->quiet_hours, o->areas[i], at)) {
            BcQuietHours hours = bc_quiet_hours(b->quiet_hours, o->areas[i], NULL);
            g_autofree char *text = bc_quiet_format(&hours);
            g_set_error(error, BC_ERROR, BC_ERROR_STATE,
                        "it is quiet in %s (%s): only an emergency sounds there now, or what a second person has released", o->areas[i], text);
            return false;
        }
    return true;
}

static bool check_play(BcBroadcast *b, const BcPlayOptions *o, GError **error)
{
    bool sound = bc_contents_find(b->contents, o->content) && (!o->lead_content || bc_contents_find(b->contents, o->lead_content));
    int64_t wall = bc_broadcast_wall_us(b);
    g_autofree char *why = NULL;
    if (sound && o->priority != BC_EMERGENCY && !bc_broadcast_content_ok(b, o->content, wall, &why))
        g_set_error_literal(error, BC_ERROR, BC_ERROR_STATE, why);
    else if (!sound)
        g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "there is no such recording");
    else if (o->repeats > 10 || o->priority < BC_EMERGENCY || o->priority >= BC_PRIORITY_MAX || (o->title && !bc_text_ok(o->title, 200)))
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "\"repeats\", \"priority\" or \"title\" is out of range");
    else if (o->gap_us < 0 || o->gap_us > BC_GAP_MAX_US || o->authority > BC_AUTHORITY_VILLAGE || o->siren < 0 || o->siren_rounds > 3 ||
             o->volume > 100)
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "\"gap\", \"authority\", \"siren\", \"rounds\" or \"volume\" is out of range");
    else if (o->start_wall_us > wall + BC_PLAY_AHEAD_MAX_US)
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "\"start_us\" is more than %d s ahead: make a schedule for it",
                    (int)(BC_PLAY_AHEAD_MAX_US / G_USEC_PER_SEC));
    else if (o->expires_us && o->expires_us <= MAX(wall, o->start_wall_us))
        g_set_error(error, BC_ERROR, BC_ERROR_STATE, "it expires before it could begin");
    else
        return bc_broadcast_areas_known(b, o->areas, error) && hours_allow(b, o, error);
    return false;
}

void bc_broadcast_play_options(BcBroadcast *b, const BcPlayOptions *o, BcStartedFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    if (!check_play(b, o, &error)) {
        if (done)
            done(NULL, error, user);
        return;
    }
    BcAnnouncementSpec spec = {.kind = "now",
                               .title = o->title ? o->title : bc_contents_find(b->contents, o->content)->title,
                               .content = o->content,
                               .priority = o->priority,
                               .authority = o->authority,
                               .areas = o->areas,
                               .start_wall_us = o->start_wall_us,
                               .lead_content = o->lead_content,
                               .siren = o->siren,
                               .siren_rounds = o->siren_rounds,
                               .volume = o->volume,
                               .expires_us = o->expires_us,
                               .made_us = o->made_us,
                               .drill = o->drill,
                               .created_by = o->created_by};
    bc_planner_play(b->planner, &spec, MAX(o->repeats, 1), o->gap_us ? o->gap_us : 2 * G_USEC_PER_SEC, done, user);
}

void bc_broadcast_play(BcBroadcast *b, const char *content, const char *const *areas, BcPriority priority, unsigned repeats,
                       int64_t start_wall_us, const char *title, const char *created_by, BcStartedFn done, void *user)
{
    BcPlayOptions options = {.content = content, .areas = areas, .priority = priority, .authority = BC_AUTHORITY_PROVINCE,
                             .repeats = repeats, .start_wall_us = start_wall_us, .title = title, .created_by = created_by};
    bc_broadcast_play_options(b, &options, done, user);
}

bool bc_broadcast_live_again(BcBroadcast *b, const BcAiring *a)
{
    g_auto(GStrv) areas = g_strsplit(a->areas, ",", -1);
    g_autoptr(GError) error = NULL;
    BcLiveSpec spec = {.id = a->id, .url = a->source, .areas = (const char *const *)areas, .priority = a->priority, .authority = a->authority,
                       .expires_us = a->expires_us, .begin_us = a->begin_us, .made_us = a->made_us, .title = a->title,
                       .created_by = a->created_by, .tap = &b->tap, .pending = &b->pending};
    if (bc_url_allowed(a->source, (const char *const *)b->live_hosts, "broadcast.live_hosts", &error) && bc_live_start(b->stage, &spec, &error))
        return true;
    md_warning(&b->logger, "\"%s\" does not go on live: %s", a->title, error->message);
    return false;
}

char *bc_broadcast_begin_live(BcBroadcast *b, const BcPlayOptions *o, GError **error)
{
    if (b->quiet) {
        g_set_error(error, BC_ERROR, BC_ERROR_STATE, "mediad stops");
        return NULL;
    }
    if (!bc_broadcast_areas_known(b, o->areas, error))
        return NULL;
    bool fields = !o->room != !o->url && o->priority >= BC_EMERGENCY && o->priority < BC_PRIORITY_MAX &&
                  (!o->title || bc_text_ok(o->title, 200)) && o->authority <= BC_AUTHORITY_VILLAGE;
    if (!fields) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "give either \"room\" or \"url\", and a known \"priority\"");
        return NULL;
    }
    if (o->url && (!bc_stream_check_url(o->url, error) ||
                   !bc_url_allowed(o->url, (const char *const *)b->live_hosts, "broadcast.live_hosts", error)))
        return NULL;
    if (!hours_allow(b, o, error))
        return NULL;
    BcLiveSpec spec = {.room = o->room,
                       .url = o->url,
                       .areas = o->areas,
                       .priority = o->priority,
                       .authority = o->authority,
                       .expires_us = o->expires_us,
                       .made_us = o->made_us,
                       .title = o->title ? o->title : o->room ? o->room : o->url,
                       .created_by = o->created_by,
                       .tap = &b->tap,
                       .pending = &b->pending};
    BcAnnouncement *a = bc_live_start(b->stage, &spec, error);
    if (a && o->url)
        bc_planner_note_live(b->planner, &(BcAiring){.id = a->id, .kind = "live", .title = a->title, .begin_us = a->start_wall_us, .end_us = INT64_MAX,
                                                     .repeats = 1, .areas = a->areas, .priority = a->priority, .authority = a->order.authority,
                                                     .made_us = a->order.made_us, .expires_us = a->expires_us, .created_by = a->created_by,
                                                     .source = o->url});
    return a ? g_strdup(a->id) : NULL;
}

char *bc_broadcast_live(BcBroadcast *b, const char *room, const char *url, const char *const *areas, BcPriority priority,
                        const char *title, const char *created_by, GError **error)
{
    BcPlayOptions options = {.room = room, .url = url, .areas = areas, .priority = priority, .authority = BC_AUTHORITY_PROVINCE,
                             .title = title, .created_by = created_by};
    return bc_broadcast_begin_live(b, &options, error);
}

void bc_broadcast_stop_area(BcBroadcast *b, const char *area, const char *who, BcStopFn done, void *user)
{
    bc_planner_stop_area(b->planner, area, who, done, user);
}

bool bc_broadcast_stop(BcBroadcast *b, const char *id, const char *who, GError **error)
{
    BcAnnouncement *a = bc_announcement_find(b->stage, id);
    g_autofree char *reason = who ? g_strdup_printf("stopped by %s", who) : g_strdup("stopped");
    if (!a && bc_planner_doom(b->planner, id, reason))
        return true;
    if (!a || a->over) {
        g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "no announcement %s is on", id ? id : "");
        return false;
    }
    bc_announcement_stop(a, reason, false);
    return true;
}

bool bc_broadcast_goes_on(const BcBroadcast *b, const char *id)
{
    BcAnnouncement *a = id ? bc_announcement_find(b->stage, id) : NULL;
    return a ? !a->over : bc_planner_goes_on(b->planner, id);
}
