/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /recordings: meetings on disk. */
#include "mediad/api/recording-json.h"
#include "mediad/api/room-json.h"

void md_api_recording_error(MdApiRequest *r, const GError *error)
{
    static const struct {
        int status;
        const char *code;
    } means[] = {
        [MD_CONFERENCE_ERROR_EXISTS] = {409, "already-running"}, [MD_CONFERENCE_ERROR_NOT_FOUND] = {404, "not-found"},
        [MD_CONFERENCE_ERROR_INVALID] = {400, "invalid-field"},  [MD_CONFERENCE_ERROR_LIMIT] = {409, "limit-reached"},
        [MD_CONFERENCE_ERROR_STATE] = {409, "wrong-state"},
    };
    if (error->domain == MD_CONFERENCE_ERROR && (unsigned)error->code < G_N_ELEMENTS(means))
        md_api_reply_error(r, means[error->code].status, means[error->code].code, error->message, NULL);
    else if (error->domain == MD_STORE_ERROR)
        md_api_reply_store_error(r, error);
    else
        md_api_reply_error(r, 500, "failed", error->message, NULL);
}

static void set_text(JsonObject *o, const char *name, const char *text)
{
    if (text)
        json_object_set_string_member(o, name, text);
}

static JsonObject *recording_json(const MdRecordingInfo *info)
{
    JsonObject *o = json_object_new();
    JsonArray *chapters = json_array_new();
    json_object_set_string_member(o, "id", info->id);
    json_object_set_string_member(o, "room", info->room);
    json_object_set_string_member(o, "title", info->title);
    json_object_set_string_member(o, "state", md_recording_state_to_string(info->state));
    json_object_set_int_member(o, "started_us", info->started_us);
    json_object_set_int_member(o, "ended_us", info->ended_us);
    json_object_set_int_member(o, "duration_us", info->duration_us);
    json_object_set_int_member(o, "bytes", info->bytes);
    set_text(o, "sha256", info->sha256);
    set_text(o, "problem", info->problem);
    set_text(o, "created_by", info->created_by);
    for (unsigned i = 0; i < info->n_chapters; i++) {
        JsonObject *c = json_object_new();
        json_object_set_int_member(c, "start_us", info->chapters[i].start_us);
        json_object_set_string_member(c, "title", info->chapters[i].title);
        json_array_add_object_element(chapters, c);
    }
    json_object_set_array_member(o, "chapters", chapters);
    return o;
}

static void list(MdApiRequest *r, void *user)
{
    MdApiRecordings *a = user;
    const char *room = md_api_request_query(r, "room");
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) all = md_recordings_list(a->recordings);
    for (guint i = 0; i < all->len; i++) {
        const MdRecordingInfo *info = all->pdata[i];
        bool shown = !md_api_request_by_meeting(r) || info->state == MD_RECORDING_RUNNING;
        if (shown && (!room || g_ascii_strcasecmp(room, info->room) == 0))
            json_array_add_object_element(array, recording_json(info));
    }
    md_api_reply(r, 200, md_api_take_list("recordings", array));
}

static bool recording_of(MdApiRequest *r, MdApiRecordings *a, MdRecordingInfo *ret)
{
    if (md_recordings_find(a->recordings, md_api_request_param(r, "recording"), ret))
        return true;
    md_api_reply_error(r, 404, "not-found", "there is no such recording", "GET /api/v1/recordings lists them");
    return false;
}

/* The meeting whose recording is named: those who run it may end what was begun in it. */
static const char *room_of(const MdApiRequest *r, void *user)
{
    MdApiRecordings *a = user;
    MdRecordingInfo info;
    bool running = md_recordings_find(a->recordings, md_api_request_param(r, "recording"), &info) && info.state == MD_RECORDING_RUNNING;
    return running ? info.room : NULL; /* what another meeting in the same room left behind is not theirs */
}

static const char *asked_room(const MdApiRequest *r, void *user)
{
    return md_api_request_query(r, "room");
}

static void show(MdApiRequest *r, void *user)
{
    MdRecordingInfo info;
    if (recording_of(r, user, &info))
        md_api_reply(r, 200, md_api_take_object(recording_json(&info)));
}

static void on_started(const MdRecordingInfo *info, const GError *error, void *user)
{
    if (info)
        md_api_reply(user, 201, md_api_take_object(recording_json(info)));
    else
        md_api_recording_error(user, error);
}

static void start(MdApiRequest *r, void *user)
{
    MdApiRecordings *a = user;
    md_recordings_start(a->recordings, md_api_request_param(r, "room"), md_api_request_user(r), on_started, r);
}

static void stop(MdApiRequest *r, void *user)
{
    MdApiRecordings *a = user;
    g_autoptr(GError) error = NULL;
    MdRecordingInfo info;
    if (!md_recordings_stop(a->recordings, md_api_request_param(r, "recording"), &error))
        md_api_recording_error(r, error);
    else if (recording_of(r, a, &info))
        md_api_reply(r, 202, md_api_take_object(recording_json(&info)));
}

static void mark(MdApiRequest *r, void *user)
{
    MdApiRecordings *a = user;
    g_autoptr(GError) error = NULL;
    const char *title = json_object_get_string_member(md_api_request_body(r), "title");
    if (md_recordings_mark(a->recordings, md_api_request_param(r, "recording"), title, &error))
        md_api_reply(r, 204, NULL);
    else
        md_api_recording_error(r, error);
}

/* Named as people would look for it. */
static void get_file(MdApiRequest *r, void *user)
{
    MdApiRecordings *a = user;
    MdRecordingInfo info;
    if (!recording_of(r, a, &info))
        return;
    g_autofree char *path = md_recordings_path(a->recordings, info.id);
    if (!path) {
        md_api_reply_error(r, 409, "wrong-state", "the recording has no file (yet)", "wait for the event recording.finished");
        return;
    }
    g_autoptr(GDateTime) began = g_date_time_new_from_unix_local(info.started_us / G_USEC_PER_SEC);
    g_autofree char *when = began ? g_date_time_format(began, "%Y%m%d-%H%M") : g_strdup("0");
    g_autofree char *name = g_strdup_printf("attachment; filename=\"%s-%s.mp4\"", info.room, when);
    if (!md_api_request_query(r, "inline"))
        md_api_request_set_header(r, "Content-Disposition", name);
    md_api_reply_file(r, path, "video/mp4", info.sha256);
}

static void on_removed(const GError *error, void *user)
{
    if (error)
        md_api_recording_error(user, error);
    else
        md_api_reply(user, 204, NULL);
}

static void remove_recording(MdApiRequest *r, void *user)
{
    MdApiRecordings *a = user;
    md_recordings_remove(a->recordings, md_api_request_param(r, "recording"), on_removed, r);
}

static void metrics(GString *out, void *user)
{
    MdApiRecordings *a = user;
    unsigned running = 0, failed = 0, waiting = 0;
    gint64 bytes = 0;
    g_autoptr(GPtrArray) all = md_recordings_list(a->recordings), streams = md_streams_list(a->streams, NULL);
    for (guint i = 0; i < all->len; i++) {
        const MdRecordingInfo *info = all->pdata[i];
        running += info->state == MD_RECORDING_RUNNING;
        failed += info->state == MD_RECORDING_FAILED;
        bytes += info->bytes;
    }
    for (guint i = 0; i < streams->len; i++)
        waiting += ((const MdStreamInfo *)streams->pdata[i])->state == MD_STREAM_WAITING;
    g_string_append_printf(out,
                           "# HELP mediad_recordings recordings of meetings\n# TYPE mediad_recordings gauge\n"
                           "mediad_recordings{state=\"running\"} %u\nmediad_recordings{state=\"failed\"} %u\n"
                           "# HELP mediad_recordings_bytes size of all recordings\n# TYPE mediad_recordings_bytes gauge\n"
                           "mediad_recordings_bytes %" G_GINT64_FORMAT "\n"
                           "# HELP mediad_streams live streams of meetings\n# TYPE mediad_streams gauge\n"
                           "mediad_streams{state=\"running\"} %u\nmediad_streams{state=\"waiting\"} %u\n",
                           running, failed, bytes, streams->len - waiting, waiting);
}

#define TEXT "{\"type\":\"string\"}"
#define INT "{\"type\":\"integer\"}"
#define RECORDING                                                                                                                          \
    "{\"type\":\"object\",\"required\":[\"id\",\"room\",\"title\",\"state\",\"started_us\",\"duration_us\",\"bytes\",\"chapters\"],"                 \
    "\"properties\":{\"id\":" TEXT ",\"room\":" TEXT ",\"title\":" TEXT ",\"state\":{\"type\":\"string\",\"enum\":[\"running\",\"finishing\","         \
    "\"finished\",\"failed\",\"empty\"]},\"started_us\":" INT ",\"ended_us\":" INT ",\"duration_us\":" INT ",\"bytes\":" INT ",\"sha256\":" TEXT              \
    ",\"problem\":" TEXT ",\"created_by\":" TEXT ",\"chapters\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"              \
    "\"start_us\":" INT ",\"title\":" TEXT "}}}}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/recordings", MD_API_RUN(MD_ACTION_RECORD), .meeting_room = asked_room, .handler = list,
     .summary = "Recordings of meetings, newest first.",
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"room\":{\"type\":\"string\",\"maxLength\":64}}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"recordings\"],\"properties\":{\"recordings\":{\"type\":\"array\",\"items\":" RECORDING "}}}"},
    {.method = "POST", .path = "/rooms/{room}/recordings", MD_API_RUN(MD_ACTION_RECORD), .handler = start,
     .summary = "Record the meeting from now on; everybody in it is told.", .response_schema = RECORDING},
    {.method = "GET", .path = "/recordings/{recording}", MD_API_RUN(MD_ACTION_RECORD), .meeting_room = room_of, .handler = show,
     .summary = "One recording.", .response_schema = RECORDING},
    {.method = "POST", .path = "/recordings/{recording}/stop", MD_API_RUN(MD_ACTION_RECORD), .meeting_room = room_of, .handler = stop,
     .summary = "End a recording; its file is there when it is finished (event recording.finished).", .response_schema = RECORDING},
    {.method = "POST", .path = "/recordings/{recording}/chapters", MD_API_RUN(MD_ACTION_RECORD), .meeting_room = room_of, .handler = mark,
     .summary = "A chapter begins now; changes of the floor make chapters by themselves.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"title\"],\"properties\":{\"title\":{\"type\":\"string\","
                       "\"minLength\":1,\"maxLength\":200}}}"},
    {.method = "GET", .path = "/recordings/{recording}/file", .rights = MD_API_MAY_OPERATE, .role = MD_API_OPERATOR, .province = true, .handler = get_file,
     .summary = "The recording itself (MP4); byte ranges are answered. inline: to be played, not saved.", .response_type = "video/mp4",
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"inline\":{\"type\":\"string\",\"maxLength\":8}}}"},
    {.method = "DELETE", .path = "/recordings/{recording}", .rights = MD_API_MAY_OPERATE, .role = MD_API_OPERATOR, .province = true, .second_factor = true,
     .handler = remove_recording, .summary = "Delete a recording for good."},
};

void md_api_add_recordings(MdApi *api, MdRecordings *recordings, MdStreams *streams, MdConference *conference)
{
    MdApiRecordings *a = g_new0(MdApiRecordings, 1);
    *a = (MdApiRecordings){api, recordings, streams, conference};
    md_api_own(api, a, g_free);
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), a);
    md_api_stream_routes(a);
    md_api_add_metrics(api, metrics, a);
}
