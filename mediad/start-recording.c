/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings to recordings and live streams of meetings. */
#include "mediad/daemon.h"

/* Its subscribers may fetch it now, or learn why not. */
static void on_changed(const MdRecordingInfo *info, void *user)
{
    MdDaemon *daemon = user;
    if (!daemon->api)
        return;
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "id", info->id);
    json_object_set_string_member(object, "room", info->room);
    json_object_set_string_member(object, "state", md_recording_state_to_string(info->state));
    json_object_set_int_member(object, "duration_us", info->duration_us);
    if (info->problem)
        json_object_set_string_member(object, "problem", info->problem);
    JsonNode *node = json_node_init_object(json_node_alloc(), object);
    json_object_unref(object);
    md_api_publish(daemon->api, "recording.finished", node);
}

void md_recording_event(MdDaemon *daemon, const char *type, const char *room, const char *json)
{
    if (daemon->recordings)
        md_recordings_room_event(daemon->recordings, type, room, json);
    if (daemon->streams)
        md_streams_room_event(daemon->streams, type, room);
}

bool md_start_recording(MdDaemon *daemon, GError **error)
{
    const CfgRecording *from = &daemon->settings->recording;
    g_autofree char *own = g_build_filename(daemon->settings->general.state_dir, "recordings", NULL);
    MdLogger logger = md_logger(daemon->log, "recording");
    MdVideoClass picture = {(uint16_t)((from->height * 16 / 9 + 1) & ~1u), (uint16_t)from->height, 0, from->bitrate_kbps * 1000};
    daemon->room_feeds = md_feeds_new(daemon->conference, &picture);
    MdRecordingsOptions recordings = {.store = daemon->store, .conference = daemon->conference, .feeds = daemon->room_feeds, .dir = from->dir ?: own,
                                      .running_max = from->running_max, .max_hours = from->max_hours, .min_free_mib = from->min_free_mib,
                                      .max_gib = from->max_gib, .retention_days = from->retention_days, .idle_s = from->idle_s,
                                      .logger = &logger, .on_changed = on_changed, .user = daemon};
    MdStreamsOptions streams = {.store = daemon->store, .conference = daemon->conference, .feeds = daemon->room_feeds, .hosts = (const char *const *)from->stream_hosts,
                                .running_max = from->streams_max, .idle_s = from->idle_s, .logger = &logger};
    daemon->recordings = md_recordings_new(&recordings, error);
    daemon->streams = md_streams_new(&streams);
    return daemon->recordings != NULL;
}

void md_stop_recording(MdDaemon *daemon)
{
    g_clear_pointer(&daemon->streams, md_streams_free);
    g_clear_pointer(&daemon->recordings, md_recordings_free);
    g_clear_pointer(&daemon->room_feeds, md_feeds_free);
}
