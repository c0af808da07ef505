/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Running a meeting from a browser that is in it: what its role lets it do, over the join socket. */
#include <string.h>
#include "mediad/web-door.h"

typedef struct Asked {       /* an act under way, and who waits for its answer */
    MdDaemon *daemon;
    MdCall *call;            /* a reference */
    char *act;
    JsonNode *id;            /* the asker's number, NULL none */
    JsonObject *result;
} Asked;

static void asked_free(Asked *asked)
{
    md_call_unref(asked->call);
    g_clear_pointer(&asked->id, json_node_unref);
    json_object_unref(asked->result);
    g_free(asked->act);
    g_free(asked);
}

static const char *why(const GError *error)
{
    static const char *const words[] = {
        [MD_CONFERENCE_ERROR_EXISTS] = "wrong-state", [MD_CONFERENCE_ERROR_NOT_FOUND] = "not-found", [MD_CONFERENCE_ERROR_INVALID] = "invalid",
        [MD_CONFERENCE_ERROR_LIMIT] = "limit",        [MD_CONFERENCE_ERROR_STATE] = "wrong-state",   [MD_CONFERENCE_ERROR_DENIED] = "denied",
    };
    bool known = error->domain == MD_CONFERENCE_ERROR && (unsigned)error->code < G_N_ELEMENTS(words);
    return known ? words[error->code] : "failed";
}

/* error NULL: it is done. Takes asked. */
static void answer(Asked *asked, const GError *error)
{
    JsonObject *object = asked->result;
    json_object_set_string_member(object, "type", error ? "error" : "done");
    json_object_set_string_member(object, "act", asked->act);
    if (asked->id)
        json_object_set_member(object, "id", json_node_copy(asked->id));
    if (error) {
        json_object_set_string_member(object, "code", "not-done");
        json_object_set_string_member(object, "of", "act");
        json_object_set_string_member(object, "why", why(error));
        json_object_set_string_member(object, "message", error->message);
    }
    if (asked->daemon->web_door)
        md_web_tell(asked->daemon->web_door->web, asked->call, object);
    asked_free(asked);
}

/* --- what leaves the room: not the conference's own ---------------------------------------------------------------------- */

static bool text_of(JsonObject *fields, const char *name, unsigned max, const char **ret, GError **error)
{
    JsonNode *node = json_object_get_member(fields, name);
    *ret = NULL;
    if (!node || JSON_NODE_HOLDS_NULL(node))
        return true;
    const char *said = JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : "";
    *ret = said;
    if (*said && g_utf8_strlen(said, -1) <= max)
        return true;
    g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID, "\"%s\" must be a text of 1 to %u characters", name, max);
    return false;
}

static void on_started(const MdRecordingInfo *info, const GError *error, void *user)
{
    Asked *asked = user;
    if (info)
        json_object_set_string_member(asked->result, "recording", info->id);
    answer(asked, error);
}

/* The one named, or else the one that runs in this room. NULL: error set. */
static char *recording_of(MdDaemon *daemon, const char *room, JsonObject *fields, GError **error)
{
    const char *named;
    if (!text_of(fields, "recording", 64, &named, error))
        return NULL;
    g_autoptr(GPtrArray) all = md_recordings_list(daemon->recordings);
    for (guint i = 0; i < all->len; i++) {
        const MdRecordingInfo *info = all->pdata[i];
        if (info->state == MD_RECORDING_RUNNING && g_str_equal(info->room, room) && (!named || g_str_equal(info->id, named)))
            return g_strdup(info->id);
    }
    g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE, "the meeting is not being recorded");
    return NULL;
}

static bool record_stop(Asked *asked, const char *room, JsonObject *fields, GError **error)
{
    g_autofree char *id = recording_of(asked->daemon, room, fields, error);
    return id && md_recordings_stop(asked->daemon->recordings, id, error);
}

static bool record_chapter(Asked *asked, const char *room, JsonObject *fields, GError **error)
{
    const char *title;
    if (!text_of(fields, "title", 200, &title, error))
        return false;
    g_autofree char *id = recording_of(asked->daemon, room, fields, error);
    return id && md_recordings_mark(asked->daemon->recordings, id, title ? title : "", error);
}

static bool stream_start(Asked *asked, const char *room, JsonObject *fields, GError **error)
{
    const char *url, *by = md_call_info(asked->call)->account;
    if (!text_of(fields, "url", 1024, &url, error))
        return false;
    const char *id = md_streams_start(asked->daemon->streams, room, url, by ? by : "", error);
    if (id)
        json_object_set_string_member(asked->result, "stream", id);
    return id != NULL;
}

static bool stream_stop(Asked *asked, const char *room, JsonObject *fields, GError **error)
{
    const char *named;
    if (!text_of(fields, "stream", 64, &named, error))
        return false;
    g_autoptr(GPtrArray) all = md_streams_list(asked->daemon->streams, room);
    for (guint i = 0; i < all->len; i++) {
        const MdStreamInfo *info = all->pdata[i];
        if (!named || g_str_equal(info->id, named))
            return md_streams_stop(asked->daemon->streams, info->id, error);
    }
    g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE, "the meeting is not being streamed");
    return false;
}

static const struct {
    const char *name;
    bool (*fn)(Asked *asked, const char *room, JsonObject *fields, GError **error);
} outward[] = {
    {"record-stop", record_stop},
    {"record-chapter", record_chapter},
    {"stream-start", stream_start},
    {"stream-stop", stream_stop},
};

/* --- the way of an act ---------------------------------------------------------------------------------------------------- */

/* As with the API, whatever changes something is in the audit trail; of a confidential meeting only that, not what. */
static void audit(const Asked *asked, MdRoom *room, const char *member, const MdWebFrame *frame, const GError *error)
{
    MdRoomInfo info;
    const MdCallInfo *who = md_call_info(asked->call);
    md_room_info(room, &info);
    g_autofree char *name = who->account ? g_strdup(who->account) : g_strdup_printf("%s (%s)", who->from_display, member);
    g_autofree char *what = info.confidential ? g_strdup_printf("ACT /rooms/%s", info.name) : g_strdup_printf("ACT /rooms/%s %s", info.name, asked->act);
    g_autofree char *detail = info.confidential || error ? NULL : md_api_audit_detail(frame->root); /* what was refused may be long, and often */
    if (error && !who->account) /* strangers do not fill the disk */
        return;
    bool denied = error && g_error_matches(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_DENIED);
    md_audit_append(asked->daemon->api, name, who->peer_host, what, detail, !error ? 200 : denied ? 403 : 409, NULL, NULL);
}

static bool is_outward(const char *act, unsigned *ret)
{
    for (*ret = 0; *ret < G_N_ELEMENTS(outward); ++*ret)
        if (strcmp(outward[*ret].name, act) == 0)
            return true;
    return strcmp(act, "record-start") == 0;
}

static bool do_act(Asked *asked, MdRoom *room, const char *member, JsonObject *fields, GError **error)
{
    unsigned at;
    MdRoomInfo info;
    md_room_info(room, &info);
    const MdRoomActor actor = {member, md_room_member_role(room, member)};
    if (!is_outward(asked->act, &at))
        return md_room_may(room, member, MD_ACTION_CHAT, error) && md_room_act(room, &actor, asked->act, fields, asked->result, error);
    if (!md_room_may(room, member, MD_ACTION_RECORD, error))
        return false;
    return at == G_N_ELEMENTS(outward) || outward[at].fn(asked, info.name, fields, error);
}

void md_web_act(MdDaemon *daemon, MdCall *call, MdRoom *room, const char *member, const MdWebFrame *frame)
{
    g_autoptr(GError) error = NULL;
    JsonNode *id = json_object_get_member(frame->object, "id");
    bool number = id && JSON_NODE_HOLDS_VALUE(id) && json_node_get_value_type(id) == G_TYPE_INT64;
    Asked *asked = g_new0(Asked, 1);
    *asked = (Asked){.daemon = daemon, .call = md_call_ref(call), .act = g_strdup(frame->act), .id = number ? json_node_copy(id) : NULL,
                     .result = json_object_new()};
    bool ok = do_act(asked, room, member, frame->object, &error);
    audit(asked, room, member, frame, error);
    if (ok && strcmp(asked->act, "record-start") == 0) {
        const char *by = md_call_info(call)->account;
        md_recordings_start(daemon->recordings, md_call_info(call)->to_user, by ? by : md_call_info(call)->from_display, on_started, asked);
        return;
    }
    answer(asked, ok ? NULL : error);
}
