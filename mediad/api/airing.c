/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /live, /announcements and /play-log: what is heard now, and what was. */
#include "mediad/api/broadcast-json.h"
#include "broadcast/proof.h"
#include <string.h>

#define SEEN_MAX 20000u

JsonObject *md_api_bc_run(const BcRun *run)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "id", run->id);
    json_object_set_string_member(o, "kind", run->kind);
    json_object_set_string_member(o, "title", run->title);
    md_api_bc_set_text(o, "schedule", run->schedule);
    json_object_set_int_member(o, "occurrence_us", run->occurrence_us);
    md_api_bc_set_text(o, "content", run->content);
    md_api_bc_set_text(o, "source", run->source);
    json_object_set_string_member(o, "priority", bc_priority_to_string(run->priority));
    json_object_set_string_member(o, "areas", run->areas);
    json_object_set_int_member(o, "start_us", run->start_us);
    json_object_set_int_member(o, "end_us", run->end_us);
    json_object_set_string_member(o, "state", run->state);
    md_api_bc_set_text(o, "reason", run->reason);
    json_object_set_int_member(o, "devices", run->devices);
    json_object_set_int_member(o, "ringing", run->ringing);
    json_object_set_int_member(o, "playing", run->playing);
    json_object_set_int_member(o, "played", run->played);
    json_object_set_int_member(o, "partial", run->partial);
    json_object_set_int_member(o, "missed", run->missed);
    md_api_bc_set_text(o, "created_by", run->created_by);
    json_object_set_int_member(o, "issued_us", run->issued_us);
    json_object_set_int_member(o, "authority", run->authority);
    json_object_set_boolean_member(o, "drill", run->drill);
    return o;
}

static void add_run(const BcRun *run, void *user)
{
    json_array_add_object_element(user, md_api_bc_run(run));
}

/* What sounds in the account's area, or in one it lies in. */
typedef struct Seen {
    MdApiRequest *r;
    JsonArray *array;
    unsigned wanted, looked;
} Seen;

static void add_seen(const BcRun *run, void *user)
{
    Seen *seen = user;

    seen->looked++;
    if (md_api_request_concerned(seen->r, run->areas) && json_array_get_length(seen->array) < seen->wanted)
        add_run(run, seen->array);
}

static void list_live(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    Seen seen = {r, json_array_new(), G_MAXUINT, 0};

    bc_broadcast_running(a->b, add_seen, &seen);
    md_api_reply(r, 200, md_api_bc_list("live", seen.array));
}

static void reply_id(MdApiRequest *r, const char *id)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "id", id);
    md_api_reply(r, 201, md_api_bc_object(o));
}

static void start_live(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    JsonObject *body = md_api_request_body(r);
    g_autofree const char **areas = md_api_bc_areas(r, a);
    g_autoptr(GError) error = NULL;

    if (!areas || !md_api_bc_may_priority(r, md_api_bc_priority(body)))
        return;
    if (md_api_request_area(r)[0] && md_api_bc_text(body, "room", NULL)) {
        md_api_reply_error(r, 403, "other-area", "a meeting belongs to the whole province",
                           "an account without an area may put it on the loudspeakers");
        return;
    }
    BcPlayOptions options = {.room = md_api_bc_text(body, "room", NULL),
                             .url = md_api_bc_text(body, "url", NULL),
                             .areas = areas,
                             .priority = md_api_bc_priority(body),
                             .authority = bc_authority_of(bc_broadcast_areas(a->b), md_api_request_area(r)),
                             .title = md_api_bc_text(body, "title", NULL),
                             .created_by = md_api_request_user(r)};
    g_autofree char *id = bc_broadcast_begin_live(a->b, &options, &error);
    if (id)
        reply_id(r, id);
    else if (error && error->domain != BC_ERROR) /* what the rooms say */
        md_api_reply_error(r, 404, "not-found", error->message, NULL);
    else
        md_api_bc_error(r, error);
}

static void on_started(const char *id, const GError *error, void *user)
{
    if (error)
        md_api_bc_error(user, error);
    else
        reply_id(user, id);
}

static void start_announcement(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    JsonObject *body = md_api_request_body(r);
    g_autofree const char **areas = md_api_bc_areas(r, a);

    if (!areas || !md_api_bc_may_priority(r, md_api_bc_priority(body)))
        return;
    BcPlayOptions options = {.content = json_object_get_string_member(body, "content"),
                             .areas = areas,
                             .priority = md_api_bc_priority(body),
                             .authority = bc_authority_of(bc_broadcast_areas(a->b), md_api_request_area(r)),
                             .repeats = (unsigned)json_object_get_int_member_with_default(body, "repeats", 1),
                             .start_wall_us = json_object_get_int_member_with_default(body, "start_us", 0),
                             .title = md_api_bc_text(body, "title", NULL),
                             .created_by = md_api_request_user(r)};
    bc_broadcast_play_options(a->b, &options, on_started, r);
}

typedef struct Mine { /* does an account with an area of its own reach all of a running announcement's areas? */
    MdApiRequest *r;
    MdApiBroadcast *a;
    const char *id;
    bool found, refused;
} Mine;

static void look(const BcRun *run, void *user)
{
    Mine *mine = user;

    if (!g_str_equal(run->id, mine->id))
        return;
    mine->found = true;
    g_auto(GStrv) areas = g_strsplit(run->areas, ",", -1);
    for (unsigned i = 0; areas[i] && !mine->refused; i++)
        mine->refused = !md_api_bc_may(mine->r, mine->a, areas[i]);
    if (!mine->refused && run->priority == BC_EMERGENCY)
        mine->refused = !md_api_require_rights(mine->r, MD_API_MAY_ALERT);
}

/* It sounds no more; a restart must not bring it back either. */
static void on_stop_noted(const GError *error, void *user)
{
    if (error)
        md_api_reply_store_error(user, error);
    else
        md_api_reply(user, 204, NULL);
}

static void stop(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    Mine mine = {r, a, md_api_request_param(r, "id"), false, false};
    g_autoptr(GError) error = NULL;

    bc_broadcast_running(a->b, look, &mine);
    if (mine.refused)
        return;
    if (bc_broadcast_stop(a->b, mine.id, md_api_request_user(r), &error))
        bc_broadcast_sync(a->b, on_stop_noted, r);
    else
        md_api_bc_error(r, error);
}

/* --- the play log --- */

static void list_runs(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    int64_t before_us = md_api_bc_number(r, "before_us", 0);
    Seen seen = {r, NULL, (unsigned)md_api_bc_number(r, "limit", 50), 0};
    g_autoptr(GError) error = NULL;
    bool more = true;

    bc_play_log_flush(bc_broadcast_play_log(a->b));
    for (unsigned limit = seen.wanted; more; limit = MIN(limit * 8, SEEN_MAX)) { /* what others heard is passed over, not for ever */
        g_clear_pointer(&seen.array, json_array_unref);
        seen.array = json_array_new();
        seen.looked = 0;
        if (!bc_play_log_runs(bc_broadcast_play_log(a->b), NULL, before_us, limit, add_seen, &seen, &error)) {
            json_array_unref(seen.array);
            md_api_bc_error(r, error);
            return;
        }
        more = seen.looked == limit && limit < SEEN_MAX && json_array_get_length(seen.array) < seen.wanted;
    }
    md_api_reply(r, 200, md_api_bc_list("announcements", seen.array));
}

/* What a device that reports by itself has said, each step with its own time; 0: not (yet). */
static JsonObject *proof_json(const BcProof *p)
{
    JsonObject *o = json_object_new();
    const struct { const char *name; int64_t us; } times[] = {{"wanted_us", p->wanted_us}, {"sent_us", p->sent_us}, {"acked_us", p->acked_us},
                                                              {"began_us", p->from_us}, {"ended_us", p->ended ? p->to_us : 0}, {"proved_us", p->proved_us},
                                                              {"reported_us", p->reported_us}};

    for (unsigned i = 0; i < G_N_ELEMENTS(times); i++)
        json_object_set_int_member(o, times[i].name, times[i].us);
    if (p->level_mdb != BC_PROOF_NO_LEVEL)
        json_object_set_double_member(o, "level_dbfs", (double)p->level_mdb / 1000);
    if (p->match_permille >= 0)
        json_object_set_double_member(o, "match", (double)p->match_permille / 1000);
    md_api_bc_set_text(o, "level_source", *p->level_source ? p->level_source : NULL);
    return o;
}

typedef struct Plays {
    MdApiRequest *r;
    MdApiBroadcast *a;
    JsonArray *array;
    bool all; /* the device was looked at already */
} Plays;

static void add_play(const BcPlay *play, void *user)
{
    Plays *plays = user;
    JsonObject *o;

    if (!plays->all && !md_api_bc_sees_area(plays->r, plays->a, play->area))
        return;
    o = json_object_new();
    json_object_set_string_member(o, "announcement", play->announcement);
    json_object_set_string_member(o, "device", play->device);
    json_object_set_string_member(o, "area", play->area);
    json_object_set_string_member(o, "outcome", play->outcome);
    md_api_bc_set_text(o, "reason", play->reason);
    json_object_set_int_member(o, "rang_us", play->rang_us);
    json_object_set_int_member(o, "answered_us", play->answered_us);
    json_object_set_int_member(o, "from_us", play->from_us);
    json_object_set_int_member(o, "to_us", play->to_us);
    json_object_set_int_member(o, "rings", play->rings);
    md_api_bc_set_text(o, "codec", play->codec);
    if (play->proof)
        json_object_set_object_member(o, "reported", proof_json(play->proof));
    json_array_add_object_element(plays->array, o);
}

static void reply_plays(MdApiRequest *r, MdApiBroadcast *a, const char *announcement, const char *device)
{
    JsonArray *array = json_array_new();
    Plays plays = {r, a, array, device != NULL};
    g_autoptr(GError) error = NULL;

    bc_play_log_flush(bc_broadcast_play_log(a->b));
    if (bc_play_log_plays(bc_broadcast_play_log(a->b), announcement, device, (unsigned)md_api_bc_number(r, "limit", 1000),
                          (unsigned)md_api_bc_number(r, "offset", 0), add_play, &plays, &error)) {
        md_api_reply(r, 200, md_api_bc_list("plays", array));
        return;
    }
    json_array_unref(array);
    md_api_bc_error(r, error);
}

static void note_concerned(const BcRun *run, void *user)
{
    Seen *seen = user;

    seen->looked += md_api_request_concerned(seen->r, run->areas);
}

/* To an account bound to an area an announcement elsewhere is as if there were none. */
static bool may_see_run(MdApiRequest *r, MdApiBroadcast *a)
{
    Seen seen = {.r = r};
    g_autoptr(GError) error = NULL;

    if (!md_api_request_area(r)[0])
        return true;
    bc_play_log_flush(bc_broadcast_play_log(a->b));
    if (!bc_play_log_runs(bc_broadcast_play_log(a->b), md_api_request_param(r, "id"), 0, 1, note_concerned, &seen, &error))
        md_api_bc_error(r, error);
    else if (!seen.looked)
        md_api_reply_error(r, 404, "not-found", "there is no such announcement", "GET /api/v1/play-log lists them");
    return seen.looked > 0;
}

static void list_plays(MdApiRequest *r, void *user)
{
    if (may_see_run(r, user))
        reply_plays(r, user, md_api_request_param(r, "id"), NULL);
}

static void list_device_plays(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    const BcDevice *device = bc_devices_find(bc_broadcast_devices(a->b), md_api_request_param(r, "device"));

    /* of one that was removed the log goes on: for those who see the whole province */
    if (!device && (md_api_request_area(r)[0] || md_api_request_role(r) == MD_API_VENDOR))
        md_api_reply_error(r, 404, "not-found", "there is no such loudspeaker", "GET /api/v1/devices lists them");
    else if (!device || md_api_bc_may_device(r, a, device))
        reply_plays(r, user, NULL, md_api_request_param(r, "device"));
}

static void show_latency(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    BcPlayLog *log = bc_broadcast_play_log(a->b);
    BcLatency latency;
    g_autoptr(GError) error = NULL;

    if (!may_see_run(r, a))
        return;
    bc_play_log_flush(log);
    if (!bc_play_log_latency(log, md_api_request_param(r, "id"), &latency, &error)) {
        md_api_bc_error(r, error);
        return;
    }
    JsonObject *o = json_object_new();
    json_object_set_int_member(o, "sounded", latency.sounded);
    json_object_set_int_member(o, "silent", latency.silent);
    json_object_set_int_member(o, "p50_us", latency.p50_us);
    json_object_set_int_member(o, "p95_us", latency.p95_us);
    json_object_set_int_member(o, "p99_us", latency.p99_us);
    json_object_set_int_member(o, "worst_us", latency.worst_us);
    md_api_bc_set_text(o, "worst_device", latency.sounded ? latency.worst_device : NULL);
    md_api_reply(r, 200, md_api_bc_object(o));
}

/* --- events and figures --- */

static void on_event(const char *type, const BcRun *run, void *user)
{
    MdApiBroadcast *a = user;

    md_api_publish_to(a->api, type, md_api_bc_object(md_api_bc_run(run)), MD_API_TELL_CONCERNED, run->areas);
}

static void figure(GString *out, const char *name, const char *kind, const char *help, uint64_t value)
{
    g_string_append_printf(out, "# HELP mediad_broadcast_%s %s\n# TYPE mediad_broadcast_%s %s\nmediad_broadcast_%s %" G_GUINT64_FORMAT "\n", name,
                           help, name, kind, name, (guint64)value);
}

static void metrics(GString *out, void *user)
{
    MdApiBroadcast *a = user;
    BcBroadcastStats s;

    bc_broadcast_stats(a->b, &s);
    figure(out, "announcements", "gauge", "announcements on now", s.running);
    figure(out, "loudspeakers", "gauge", "loudspeakers in the registry", s.devices);
    figure(out, "loudspeakers_held", "gauge", "loudspeakers rung or playing now", s.held);
    figure(out, "calls_waiting", "gauge", "calls and hang-ups waiting for their turn", s.ringing);
    figure(out, "packets_total", "counter", "RTP packets sent to loudspeakers", s.packets);
    figure(out, "reports_total", "counter", "RTCP reports sent to loudspeakers", s.reports);
    figure(out, "packet_errors_total", "counter", "packets the network stack refused", s.errors);
    figure(out, "packets_skipped_total", "counter", "packets not sent because a worker was too far behind", s.skipped);
    figure(out, "frames_total", "counter", "frames given out", s.frames);
    figure(out, "frames_late_total", "counter", "frames made more than half a frame late", s.frames_late);
}

#define RUN                                                                                                            \
    "{\"type\":\"object\",\"required\":[\"id\",\"kind\",\"title\",\"priority\",\"areas\",\"start_us\",\"state\",\"devices\",\"played\",\"partial\",\"missed\"]," \
    "\"properties\":{\"id\":" BC_CODE ",\"kind\":{\"type\":\"string\",\"enum\":[\"schedule\",\"live\",\"now\"]},\"title\":{\"type\":\"string\"},"      \
    "\"schedule\":{\"type\":\"string\"},\"occurrence_us\":" BC_TIME ",\"content\":{\"type\":\"string\"},\"source\":{\"type\":\"string\"},"            \
    "\"priority\":" BC_PRIORITIES ",\"areas\":{\"type\":\"string\",\"description\":\"codes, comma-separated\"},\"start_us\":" BC_TIME              \
    ",\"end_us\":" BC_TIME ",\"state\":{\"type\":\"string\",\"enum\":[\"ringing\",\"playing\",\"done\",\"stopped\",\"missed\",\"interrupted\"]},"     \
    "\"reason\":{\"type\":\"string\"},\"devices\":" BC_INT ",\"ringing\":" BC_INT ",\"playing\":" BC_INT ",\"played\":" BC_INT ",\"partial\":" BC_INT \
    ",\"missed\":" BC_INT ",\"created_by\":{\"type\":\"string\"},\"issued_us\":" BC_TIME ",\"authority\":{\"type\":\"integer\",\"description\":"   \
    "\"0 central, 1 province, 2 commune, 3 village\"},\"drill\":" BC_FLAG "}}"
#define PLAY                                                                                                           \
    "{\"type\":\"object\",\"required\":[\"announcement\",\"device\",\"area\",\"outcome\",\"reason\",\"rings\"],\"properties\":{\"announcement\":" BC_CODE \
    ",\"device\":" BC_CODE ",\"area\":{\"type\":\"string\"},\"outcome\":{\"type\":\"string\",\"enum\":[\"waiting\",\"ringing\",\"playing\",\"played\"," \
    "\"partial\",\"missed\"]},\"reason\":{\"type\":\"string\"},\"rang_us\":" BC_TIME ",\"answered_us\":" BC_TIME ",\"from_us\":" BC_TIME              \
    ",\"to_us\":" BC_TIME ",\"rings\":" BC_INT ",\"codec\":{\"type\":\"string\"},\"reported\":{\"type\":\"object\",\"description\":\"what a device that"  \
    " reports by itself has said; each step has its own time, none is taken for a later one\",\"properties\":{\"wanted_us\":" BC_TIME              \
    ",\"sent_us\":" BC_TIME ",\"acked_us\":" BC_TIME ",\"began_us\":" BC_TIME ",\"ended_us\":" BC_TIME ",\"proved_us\":" BC_TIME                   \
    ",\"reported_us\":" BC_TIME ",\"level_dbfs\":{\"type\":\"number\"},\"match\":{\"type\":\"number\"},\"level_source\":{\"type\":\"string\"}}}}}"
#define ID "{\"type\":\"object\",\"required\":[\"id\"],\"properties\":{\"id\":" BC_CODE "}}"
#define PLAYS "{\"type\":\"object\",\"required\":[\"plays\"],\"properties\":{\"plays\":{\"type\":\"array\",\"items\":" PLAY "}}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/live", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = list_live, .summary = "What is on the loudspeakers now.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"live\"],\"properties\":{\"live\":{\"type\":\"array\",\"items\":" RUN "}}}"},
    {.method = "POST", .path = "/live", .rights = MD_API_MAY_AIR, .role = MD_API_BROADCASTER, .handler = start_live,
     .summary = "Put a meeting or an HTTP stream on the loudspeakers of areas until it is stopped; a meeting: not by accounts bound to an area.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"areas\"],\"properties\":{\"areas\":" BC_AREA_LIST
                       ",\"room\":" BC_CODE ",\"url\":{\"type\":\"string\",\"maxLength\":1000},\"title\":" BC_NAME ",\"priority\":" BC_PRIORITIES "}}",
     .response_schema = ID},
    {.method = "DELETE", .path = "/live/{id}", .rights = MD_API_MAY_AIR, .role = MD_API_BROADCASTER, .handler = stop, .summary = "Stop what is on."},
    {.method = "POST", .path = "/announcements", .rights = MD_API_MAY_AIR, .role = MD_API_BROADCASTER, .handler = start_announcement,
     .summary = "Play a recording in areas now, or at a moment.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"content\",\"areas\"],\"properties\":{\"content\":" BC_CODE
                       ",\"areas\":" BC_AREA_LIST ",\"priority\":" BC_PRIORITIES ",\"repeats\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10},"
                       "\"start_us\":{\"type\":\"integer\",\"minimum\":0,\"description\":\"microseconds since 1970-01-01 UTC, at most 60 s ahead"
                       " (the loudspeakers are rung at once; later: make a schedule); left out: as soon as they can have answered\"},\"title\":" BC_NAME "}}",
     .response_schema = ID},
    {.method = "DELETE", .path = "/announcements/{id}", .rights = MD_API_MAY_AIR, .role = MD_API_BROADCASTER, .handler = stop, .summary = "Stop an announcement."},
    {.method = "GET", .path = "/play-log", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = list_runs, .summary = "What was broadcast, newest first.",
     .query_schema = BC_PAGE,
     .response_schema = "{\"type\":\"object\",\"required\":[\"announcements\"],\"properties\":{\"announcements\":{\"type\":\"array\",\"items\":" RUN "}}}"},
    {.method = "GET", .path = "/play-log/{id}", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = list_plays, .query_schema = BC_PAGE,
     .summary = "How every loudspeaker of one announcement did.", .response_schema = PLAYS},
    {.method = "GET", .path = "/play-log/{id}/latency", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = show_latency,
     .summary = "From the order to the first sound, over all loudspeakers of one announcement.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"sounded\",\"silent\",\"p50_us\",\"p95_us\",\"p99_us\",\"worst_us\"],\"properties\":{\"sounded\":"
                        BC_INT ",\"silent\":" BC_INT ",\"p50_us\":" BC_INT ",\"p95_us\":" BC_INT ",\"p99_us\":" BC_INT ",\"worst_us\":" BC_INT
                        ",\"worst_device\":{\"type\":\"string\"}}}"},
    {.method = "GET", .path = "/devices/{device}/play-log", .rights = MD_API_MAY_VIEW, .vendor = true, .role = MD_API_VIEWER, .handler = list_device_plays, .query_schema = BC_PAGE,
     .summary = "What one loudspeaker played or missed, newest first.", .response_schema = PLAYS},
};

void md_api_add_airing(MdApiBroadcast *a)
{
    md_api_add_routes(a->api, routes, G_N_ELEMENTS(routes), a);
    md_api_add_metrics(a->api, metrics, a);
    bc_broadcast_set_event(a->b, on_event, a);
}
