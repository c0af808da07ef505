/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /streams: meetings going out live; /rooms/{room}/live: the same for the console, as HLS. */
#include <string.h>
#include "mediad/api/recording-json.h"
#include "mediad/api/room-json.h"

static JsonObject *stream_json(const MdStreamInfo *info)
{
    JsonObject *o = json_object_new();
    json_object_set_string_member(o, "id", info->id);
    json_object_set_string_member(o, "room", info->room);
    json_object_set_string_member(o, "kind", md_stream_kind_to_string(info->kind));
    json_object_set_string_member(o, "state", md_stream_state_to_string(info->state));
    if (info->target)
        json_object_set_string_member(o, "target", info->target);
    json_object_set_int_member(o, "started_us", info->started_us);
    json_object_set_int_member(o, "duration_us", info->duration_us);
    json_object_set_int_member(o, "attempts", info->attempts);
    if (info->problem)
        json_object_set_string_member(o, "problem", info->problem);
    if (info->created_by)
        json_object_set_string_member(o, "created_by", info->created_by);
    return o;
}

static void list_of(MdApiRequest *r, MdApiRecordings *a, const char *room)
{
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) all = md_streams_list(a->streams, room);
    for (guint i = 0; i < all->len; i++)
        json_array_add_object_element(array, stream_json(all->pdata[i]));
    md_api_reply(r, 200, md_api_take_list("streams", array));
}

static void list(MdApiRequest *r, void *user)
{
    list_of(r, user, NULL);
}

static void start(MdApiRequest *r, void *user)
{
    MdApiRecordings *a = user;
    g_autoptr(GError) error = NULL;
    MdStreamInfo info;
    const char *url = json_object_get_string_member_with_default(md_api_request_body(r), "url", NULL);
    const char *id = md_streams_start(a->streams, md_api_request_param(r, "room"), url, md_api_request_user(r), &error);
    if (id && md_streams_find(a->streams, id, &info))
        md_api_reply(r, 201, md_api_take_object(stream_json(&info)));
    else
        md_api_recording_error(r, error);
}

static const char *room_of(const MdApiRequest *r, void *user)
{
    MdApiRecordings *a = user;
    MdStreamInfo info;
    return md_streams_find(a->streams, md_api_request_param(r, "stream"), &info) ? info.room : NULL;
}

static void stop(MdApiRequest *r, void *user)
{
    MdApiRecordings *a = user;
    g_autoptr(GError) error = NULL;
    if (md_streams_stop(a->streams, md_api_request_param(r, "stream"), &error))
        md_api_reply(r, 204, NULL);
    else
        md_api_recording_error(r, error);
}

static void get_live(MdApiRequest *r, void *user)
{
    MdApiRecordings *a = user;
    const char *room = md_api_request_param(r, "room"), *file = md_api_request_param(r, "file");
    md_api_request_set_header(r, "Cache-Control", "no-cache");
    if (strcmp(file, "index.m3u8") == 0) {
        g_autofree char *playlist = md_streams_playlist(a->streams, room);
        if (playlist)
            md_api_reply_text(r, 200, "application/vnd.apple.mpegurl", playlist);
        else
            md_api_reply_error(r, 404, "no-stream", "the meeting is not streamed for the console, or has only just begun to be",
                               "POST /api/v1/rooms/ROOM/streams begins a stream; its first pieces take some seconds");
        return;
    }
    char *end = NULL;
    guint64 sequence = g_ascii_isdigit(*file) ? g_ascii_strtoull(file, &end, 10) : 0;
    GBytes *segment = end && strcmp(end, ".ts") == 0 ? md_streams_segment(a->streams, room, sequence) : NULL;
    if (segment) {
        md_api_request_set_header(r, "Cache-Control", "private, max-age=30");
        md_api_reply_bytes(r, 200, "video/mp2t", segment);
    } else {
        md_api_reply_error(r, 404, "no-such-segment", "that piece is not there, or not any more", "read index.m3u8 again");
    }
}

#define TEXT "{\"type\":\"string\"}"
#define INT "{\"type\":\"integer\"}"
#define STREAM                                                                                                                             \
    "{\"type\":\"object\",\"required\":[\"id\",\"room\",\"kind\",\"state\",\"started_us\"],\"properties\":{\"id\":" TEXT ",\"room\":" TEXT              \
    ",\"kind\":{\"type\":\"string\",\"enum\":[\"hls\",\"rtmp\",\"srt\"]},\"state\":{\"type\":\"string\",\"enum\":[\"running\",\"waiting\"]},"         \
    "\"target\":" TEXT ",\"started_us\":" INT ",\"duration_us\":" INT ",\"attempts\":" INT ",\"problem\":" TEXT ",\"created_by\":" TEXT "}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/streams", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .province = true, .handler = list,
     .summary = "Meetings that go out live; stream keys are not told.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"streams\"],\"properties\":{\"streams\":{\"type\":\"array\",\"items\":" STREAM "}}}"},
    {.method = "POST", .path = "/rooms/{room}/streams", MD_API_RUN(MD_ACTION_RECORD), .handler = start,
     .summary = "Stream the meeting from now on: to an allowed RTMP or SRT address, or without url for the console (HLS); everybody in it is told.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"url\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":1024,"
                       "\"description\":\"rtmp://, rtmps:// or srt://\"}}}",
     .response_schema = STREAM},
    {.method = "DELETE", .path = "/streams/{stream}", MD_API_RUN(MD_ACTION_RECORD), .meeting_room = room_of, .handler = stop,
     .summary = "End a stream."},
    {.method = "GET", .path = "/rooms/{room}/live/{file}", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .province = true, .handler = get_live,
     .summary = "The meeting as HTTP Live Streaming: index.m3u8 and the pieces it names.", .response_type = "application/vnd.apple.mpegurl"},
};

void md_api_stream_routes(MdApiRecordings *a)
{
    md_api_add_routes(a->api, routes, G_N_ELEMENTS(routes), a);
}
