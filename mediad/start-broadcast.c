/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings to broadcast, and the one place where a meeting's sound meets the loudspeakers. */
#include "mediad/daemon.h"

static bool add_tap(const char *room, BcTapFn fn, void *tap_user, void *user, GError **error)
{
    MdDaemon *daemon = user;
    MdRoom *found = md_conference_find_room(daemon->conference, room);
    if (!found) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_NOT_FOUND, "there is no room '%s'", room);
        return false;
    }
    return md_room_add_tap(found, fn, tap_user, error);
}

static void remove_tap(const char *room, BcTapFn fn, void *tap_user, void (*done)(void *tap_user), void *user)
{
    MdDaemon *daemon = user;
    md_conference_remove_tap(daemon->conference, room, fn, tap_user, done);
}

bool md_start_broadcast(MdDaemon *daemon, GError **error)
{
    const CfgSettings *settings = daemon->settings;
    const CfgBroadcast *from = &settings->broadcast;
    MdLogger logger = md_logger(daemon->log, "broadcast");
    g_autofree char *content_dir =
        from->content_dir ? g_strdup(from->content_dir) : g_build_filename(settings->general.state_dir, "content", NULL);
    MdAudioCodec codecs[MD_AUDIO_CODEC_MAX];
    unsigned n_codecs = MIN(from->n_codecs, G_N_ELEMENTS(codecs));
    for (unsigned i = 0; i < n_codecs; i++)
        codecs[i] = from->codecs[i];
    BcTapOps tap = {add_tap, remove_tap, daemon};
    BcBroadcastOptions options = {
        .store = daemon->store,
        .dialer = sg_agent_dialer(daemon->agent),
        .workers = daemon->workers,
        .n_workers = daemon->n_workers,
        .control = daemon->mailbox,
        .local_host = daemon->local_host,
        .local_host6 = daemon->local_host6,
        .port = from->port,
        .port_min = settings->media.port_min,
        .port_max = settings->media.port_max,
        .content_dir = content_dir,
        .speech_command = (const char *const *)from->tts_command,
        .speech_url = from->tts_url,
        .speech_timeout_s = from->tts_timeout_s,
        .loudness_lufs = from->loudness_lufs,
        .true_peak_dbtp = from->true_peak_dbtp,
        .upload_max_bytes = (int64_t)from->upload_max_mib << 20,
        .content_max_bytes = (int64_t)from->content_max_gib << 30,
        .duration_max_us = (int64_t)from->duration_max_min * 60 * G_USEC_PER_SEC,
        .frame_ms = from->frame_ms,
        .codecs = codecs,
        .n_codecs = n_codecs,
        .opus_bitrate_bps = from->opus_bitrate_kbps * 1000,
        .security = from->security,
        .ring_timeout_s = from->ring_timeout_s,
        .calls_per_s = from->calls_per_s,
        .two_way = from->two_way,
        .lead_s = from->lead_s,
        .live_max = from->live_max,
        .quiet_hours = from->quiet_hours,
        .live_hosts = (const char *const *)from->live_hosts,
        .relay_hosts = (const char *const *)from->relay_hosts,
        .timezone = settings->general.timezone,
        .live_host = settings->link.live_host ? settings->link.live_host : settings->link.advertised_host,
        .live_group = settings->link.live_group,
        .live_loss_percent = settings->link.live_loss_percent,
        .tap = &tap,
        .logger = &logger,
    };
    daemon->broadcast = bc_broadcast_new(&options, error);
    return daemon->broadcast != NULL;
}
