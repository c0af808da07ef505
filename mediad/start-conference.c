/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings to conference. */
#include <string.h>
#include "mediad/daemon.h"

static JsonNode *data_of(const char *room, const char *member, const char *json_object)
{
    JsonNode *node = json_object ? json_from_string(json_object, NULL) : NULL;
    if (!node || !JSON_NODE_HOLDS_OBJECT(node)) {
        g_clear_pointer(&node, json_node_unref);
        JsonObject *empty = json_object_new();
        node = json_node_init_object(json_node_alloc(), empty);
        json_object_unref(empty);
    }
    JsonObject *object = json_node_get_object(node);
    if (room)
        json_object_set_string_member(object, "room", room);
    if (member)
        json_object_set_string_member(object, "member", member);
    return node;
}

/* Of a confidential meeting: to the browsers in it, and nowhere else. */
static void on_inside(const char *type, const char *room, const char *member, const char *json_object, void *user)
{
    g_autoptr(JsonNode) node = data_of(room, member, json_object);
    md_web_event(user, type, room, member, json_node_get_object(node));
}

static void on_event(const char *type, const char *room, const char *member, const char *json_object, void *user)
{
    MdDaemon *daemon = user;
    if (daemon->meetings)
        md_meetings_room_event(daemon->meetings, type, room, member, json_object);
    md_recording_event(daemon, type, room, json_object);
    if (!daemon->api)
        return;
    JsonNode *node = data_of(room, member, json_object);
    md_web_event(daemon, type, room, member, json_node_get_object(node));
    md_api_publish(daemon->api, type, node);
}

/* Tiles carry the names people know, whatever an endpoint calls itself. */
static char *label_for(const char *account, void *user)
{
    MdDaemon *daemon = user;
    const SgAccount *found = account ? sg_accounts_find(daemon->accounts, account) : NULL;
    return found && *found->display ? g_strdup(found->display) : NULL;
}

static MdVideoClass largest_class(const CfgVideo *video)
{
    for (unsigned i = 0; i < video->n_classes; i++) {
        const CfgVideoClass *from = &video->classes[i];
        if (g_strcmp0(from->name, video->max_class) == 0)
            return (MdVideoClass){from->width, from->height, from->fps, from->bitrate_kbps * 1000};
    }
    return (MdVideoClass){1280, 720, 15, 1500000};
}

static void on_scene(const char *room, const char *text, void *user)
{
    MdDaemon *daemon = user;
    md_scenes_put(daemon->scenes, room, text);
}

static char *scene_for(const char *room, void *user)
{
    MdDaemon *daemon = user;
    return md_scenes_take(daemon->scenes, room);
}

bool md_start_conference(MdDaemon *daemon, GError **error)
{
    const CfgSettings *settings = daemon->settings;
    MdLogger logger = md_logger(daemon->log, "conference");
    MdAudioCodec audio[MD_AUDIO_CODEC_MAX];
    MdVideoCodec video[MD_VIDEO_CODEC_MAX];
    unsigned n_audio = MIN(settings->media.n_audio_codecs, G_N_ELEMENTS(audio));
    unsigned n_video = MIN(settings->media.n_video_codecs, G_N_ELEMENTS(video));
    for (unsigned i = 0; i < n_audio; i++)
        audio[i] = settings->media.audio_codecs[i];
    for (unsigned i = 0; i < n_video; i++)
        video[i] = settings->media.video_codecs[i];
    MdConferenceOptions options = {
        .workers = daemon->workers,
        .n_workers = daemon->n_workers,
        .control = daemon->mailbox,
        .pictures = n_video ? daemon->pictures : NULL,
        .ports = daemon->ports,
        .dtls = daemon->dtls,
        .ice = daemon->ice,
        .dialer = sg_agent_dialer(daemon->agent),
        .local_host = daemon->local_host,
        .local_host6 = daemon->local_host6,
        .prompt_dir = settings->conference.prompt_dir,
        .audio_codecs = audio,
        .n_audio_codecs = n_audio,
        .video_codecs = video,
        .n_video_codecs = n_video,
        .video_max = largest_class(&settings->video),
        .jitter_min_ms = settings->media.jitter_min_ms,
        .jitter_max_ms = settings->media.jitter_max_ms,
        .redial_first_s = settings->conference.redial_first_s,
        .redial_max_s = settings->conference.redial_max_s,
        .redial_give_up_s = settings->conference.redial_give_up_s,
        .rooms_max = settings->conference.rooms_max,
        .views_max = settings->conference.views_max,
        .create_on_call = settings->conference.create_on_call,
        .content = settings->conference.content,
        .forward_max = settings->conference.forward_max,
        .floor_port = sg_agent_floor_port(daemon->agent),
        .offer_content = settings->conference.content && settings->conference.offer_content,
        .label_for = label_for,
        .on_event = on_event,
        .on_inside = on_inside,
        .on_scene = on_scene,
        .scene_for = scene_for,
        .user = daemon,
        .logger = &logger,
    };
    daemon->scenes = md_scenes_new(daemon->store, NULL, &logger);
    daemon->conference = md_conference_new(&options);
    return daemon->conference != NULL;
}
