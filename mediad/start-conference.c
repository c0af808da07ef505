/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings to conference. */
#include <string.h>
#include "mediad/daemon.h"

/* To the browsers in the room, and to those who look on. */
static void tell(const MdEvent *event, void *user)
{
    MdDaemon *daemon = user;
    md_web_event(daemon, event);
    if (daemon->api && !event->inside)
        md_api_publish_text(daemon->api, event->type, event->data);
}

/* Of a confidential meeting: to the browsers in it, and nowhere else. */
static void on_inside(const char *type, const char *room, const char *member, const char *json_object, void *user)
{
    MdDaemon *daemon = user;
    md_event_feed_put(daemon->events, &(MdEvent){type, room, member, json_object, true});
}

static void on_event(const char *type, const char *room, const char *member, const char *json_object, void *user)
{
    MdDaemon *daemon = user;
    if (daemon->meetings) /* attendance counts every one of them, as it comes */
        md_meetings_room_event(daemon->meetings, type, room, member, json_object);
    md_recording_event(daemon, type, room, json_object);
    md_event_feed_put(daemon->events, &(MdEvent){type, room, member, json_object, false});
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
    return md_scenes_find(daemon->scenes, room);
}

static bool speaks_english(const MdDaemon *daemon)
{
    return strcmp(daemon->settings->general.language, "en") == 0;
}

void md_reload_conference(MdDaemon *daemon)
{
    md_conference_set_english(daemon->conference, speaks_english(daemon));
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
        .english = speaks_english(daemon),
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
    daemon->events = md_event_feed_new(true, tell, daemon);
    daemon->conference = md_conference_new(&options);
    return daemon->conference != NULL;
}
