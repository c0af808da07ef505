/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include "broadcast/ingest.h"
#include "broadcast/track.h"

static const char *const names[MD_AUDIO_CODEC_MAX] = {
    [MD_AUDIO_OPUS] = "opus.bct", [MD_AUDIO_G722] = "g722.bct", [MD_AUDIO_PCMA] = "pcma.bct", [MD_AUDIO_PCMU] = "pcmu.bct"};

const char *bc_profile_name(int codec)
{
    return codec >= 0 && codec < MD_AUDIO_CODEC_MAX ? names[codec] : NULL;
}

struct BcProfiles {
    char *folder;
    MdAudioEncoder *encoders[MD_AUDIO_CODEC_MAX];
    BcTrackWriter *tracks[MD_AUDIO_CODEC_MAX];
    float tick[MD_AUDIO_TICK_SAMPLES];
    unsigned filled, frame_ms;
    GstElement *pipeline; /* MP3 and FLAC */
    GstAppSrc *source;
    uint64_t samples;
};

static bool start_files(BcProfiles *p, GError **error)
{
    static const char description[] =
        "appsrc name=source format=time block=true max-bytes=4000000 caps=audio/x-raw,format=F32LE,rate=48000,channels=1,layout=interleaved"
        " ! audioconvert ! audio/x-raw,format=S16LE ! tee name=t"
        " t. ! queue ! lamemp3enc target=bitrate bitrate=96 cbr=true mono=true ! filesink name=mp3"
        " t. ! queue ! flacenc ! filesink name=flac";
    gst_init(NULL, NULL);
    g_autoptr(GError) why = NULL;
    p->pipeline = gst_parse_launch(description, &why);
    if (why) {
        g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "GStreamer cannot write MP3 and FLAC: %s", why->message);
        return false;
    }
    static const char *const sinks[][2] = {{"mp3", BC_PROFILE_MP3}, {"flac", BC_PROFILE_MASTER}};
    for (unsigned i = 0; i < G_N_ELEMENTS(sinks); i++) {
        g_autofree char *path = g_build_filename(p->folder, sinks[i][1], NULL);
        GstElement *sink = gst_bin_get_by_name(GST_BIN(p->pipeline), sinks[i][0]);
        g_object_set(sink, "location", path, NULL);
        gst_object_unref(sink);
    }
    p->source = GST_APP_SRC(gst_bin_get_by_name(GST_BIN(p->pipeline), "source"));
    gst_element_set_state(p->pipeline, GST_STATE_PLAYING);
    return true;
}

BcProfiles *bc_profiles_new(const char *folder, unsigned frame_ms, uint32_t opus_bitrate_bps, GError **error)
{
    BcProfiles *p = g_new0(BcProfiles, 1);
    p->folder = g_strdup(folder);
    p->frame_ms = frame_ms;
    for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++) {
        g_autofree char *path = g_build_filename(folder, names[c], NULL);
        unsigned ptime = c == MD_AUDIO_OPUS ? frame_ms : 20;
        p->encoders[c] = md_audio_encoder_new(&(MdAudioEncoderConfig){
            .codec = c, .ptime_ms = ptime, .bitrate_bps = opus_bitrate_bps, .complexity = 8, .fec = true, .loss_percent = 3, .music = true});
        p->tracks[c] = bc_track_writer_new(path, c, ptime, error);
        if (!p->encoders[c] || !p->tracks[c]) {
            if (error && !*error)
                g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "no %s encoder: %s", md_audio_codec_to_string(c), g_strerror(errno));
            bc_profiles_free(p);
            return NULL;
        }
    }
    if (!start_files(p, error)) {
        bc_profiles_free(p);
        return NULL;
    }
    return p;
}

static bool encode_tick(BcProfiles *p, GError **error)
{
    uint8_t packet[MD_AUDIO_PAYLOAD_MAX];
    for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++) {
        int len = md_audio_encoder_encode(p->encoders[c], p->tick, packet, sizeof packet);
        if (len < 0) {
            g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "encoding %s failed", md_audio_codec_to_string(c));
            return false;
        }
        if (len > 0 && !bc_track_writer_add(p->tracks[c], packet, (size_t)len, error))
            return false;
    }
    p->filled = 0;
    return true;
}

static bool push_files(BcProfiles *p, const float *pcm, size_t n, GError **error)
{
    g_autoptr(GstBus) bus = gst_element_get_bus(p->pipeline);
    g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    if (message) {
        g_autoptr(GError) why = NULL;
        gst_message_parse_error(message, &why, NULL);
        g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "writing MP3 and FLAC failed: %s", why->message);
        return false;
    }
    GstBuffer *buffer = gst_buffer_new_memdup(pcm, n * sizeof *pcm);
    GST_BUFFER_PTS(buffer) = gst_util_uint64_scale(p->samples, GST_SECOND, 48000);
    GST_BUFFER_DURATION(buffer) = gst_util_uint64_scale(n, GST_SECOND, 48000);
    p->samples += n;
    gst_app_src_push_buffer(p->source, buffer); /* a pipeline in error refuses; the bus says why at the next call */
    return true;
}

bool bc_profiles_add(BcProfiles *p, const float *pcm, size_t n, GError **error)
{
    if (n && !push_files(p, pcm, n, error))
        return false;
    while (n > 0) {
        size_t take = MIN(n, MD_AUDIO_TICK_SAMPLES - p->filled);
        memcpy(p->tick + p->filled, pcm, take * sizeof *pcm);
        p->filled += (unsigned)take;
        pcm += take;
        n -= take;
        if (p->filled == MD_AUDIO_TICK_SAMPLES && !encode_tick(p, error))
            return false;
    }
    return true;
}

static bool finish_files(BcProfiles *p, GError **error)
{
    gst_app_src_end_of_stream(p->source);
    g_autoptr(GstBus) bus = gst_element_get_bus(p->pipeline);
    g_autoptr(GstMessage) message = gst_bus_timed_pop_filtered(bus, 120 * GST_SECOND, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
    gst_element_set_state(p->pipeline, GST_STATE_NULL);
    if (message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS)
        return true;
    g_autoptr(GError) why = NULL;
    if (message)
        gst_message_parse_error(message, &why, NULL);
    g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "writing MP3 and FLAC failed: %s", why ? why->message : "it takes too long");
    return false;
}

static bool sync_file(const char *folder, const char *name, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (!ok)
        g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "cannot write %s: %s", path, g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok;
}

bool bc_profiles_finish(BcProfiles *p, GError **error)
{
    bool ok = true;
    unsigned ticks_left = p->frame_ms / MD_AUDIO_TICK_MS; /* the last, partly filled frame is completed with silence */
    while (ok && ticks_left-- > 0) {
        memset(p->tick + p->filled, 0, (MD_AUDIO_TICK_SAMPLES - p->filled) * sizeof *p->tick);
        ok = encode_tick(p, error);
    }
    for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++)
        if (ok)
            ok = bc_track_writer_finish(g_steal_pointer(&p->tracks[c]), error);
    ok = ok && finish_files(p, error) && sync_file(p->folder, BC_PROFILE_MP3, error) && sync_file(p->folder, BC_PROFILE_MASTER, error);
    bc_profiles_free(p);
    return ok;
}

void bc_profiles_free(BcProfiles *p)
{
    if (!p)
        return;
    for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++) {
        md_audio_encoder_free(p->encoders[c]);
        bc_track_writer_free(p->tracks[c]);
    }
    if (p->pipeline) {
        gst_element_set_state(p->pipeline, GST_STATE_NULL);
        gst_clear_object(&p->source);
        gst_object_unref(p->pipeline);
    }
    g_free(p->folder);
    g_free(p);
}
