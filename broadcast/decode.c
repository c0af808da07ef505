/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/decode.h"

#include <string.h>
#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#define STALL_US (15ll * G_USEC_PER_SEC) /* no sound for so long: the file plays with us */
#define POLL_NS (100 * GST_MSECOND)

typedef struct Decode {
    GstElement *pipeline, *convert;
    GstAppSink *sink;
    char *media_type;
    gint linked, complete; /* atomic: set by streaming threads */
} Decode;

/* GstAutoplugSelectResult is not in an installed header. */
enum { SELECT_TRY = 0, SELECT_SKIP = 2 };

/* A file may not make us open something else: no playlists, manifests or session descriptions. Pictures are of no use here. */
static int on_autoplug_select(GstElement *bin, GstPad *pad, GstCaps *caps, GstElementFactory *factory, gpointer user)
{
    static const char *const denied[] = {"hls", "dash", "mss", "sdp", "rtsp", "rtmp", "playlist", "smooth", "uri", "http", NULL};
    const char *name = gst_plugin_feature_get_name(GST_PLUGIN_FEATURE(factory));
    const char *class = gst_element_factory_get_metadata(factory, GST_ELEMENT_METADATA_KLASS);
    if (class && (strstr(class, "Adaptive") || strstr(class, "Source") || strstr(class, "Network") || strstr(class, "Video") ||
                  strstr(class, "Hardware")))
        return SELECT_SKIP;
    for (unsigned i = 0; denied[i]; i++)
        if (strstr(name, denied[i]))
            return SELECT_SKIP;
    return SELECT_TRY;
}

static void on_pad_added(GstElement *bin, GstPad *pad, gpointer user)
{
    Decode *d = user;
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
    const char *name = caps && gst_caps_get_size(caps) ? gst_structure_get_name(gst_caps_get_structure(caps, 0)) : "";
    if (!g_str_has_prefix(name, "audio/x-raw"))
        return;
    g_autoptr(GstPad) sink = gst_element_get_static_pad(d->convert, "sink");
    if (!gst_pad_is_linked(sink) && gst_pad_link(pad, sink) == GST_PAD_LINK_OK) /* the first sound track */
        g_atomic_int_set(&d->linked, 1);
}

static void on_no_more_pads(GstElement *bin, gpointer user)
{
    g_atomic_int_set(&((Decode *)user)->complete, 1);
}

static void on_have_type(GstElement *typefind, guint probability, GstCaps *caps, gpointer user)
{
    Decode *d = user;
    if (!d->media_type && gst_caps_get_size(caps))
        d->media_type = g_strdup(gst_structure_get_name(gst_caps_get_structure(caps, 0)));
}

static bool build(Decode *d, const char *path, GError **error)
{
    d->pipeline = gst_pipeline_new(NULL);
    GstElement *source = gst_element_factory_make("filesrc", NULL), *decode = gst_element_factory_make("decodebin", NULL);
    GstElement *resample = gst_element_factory_make("audioresample", NULL), *sink = gst_element_factory_make("appsink", NULL);
    d->convert = gst_element_factory_make("audioconvert", NULL);
    if (!source || !decode || !d->convert || !resample || !sink) {
        g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "GStreamer's base plugins are not installed");
        return false; /* what was made is leaked once: the installation is broken */
    }
    g_autoptr(GstCaps) pcm = gst_caps_from_string("audio/x-raw,format=F32LE,rate=48000,channels=1,layout=interleaved");
    g_autoptr(GstCaps) wanted = gst_caps_from_string("audio/x-raw(ANY)");
    g_object_set(source, "location", path, NULL);
    g_object_set(decode, "caps", wanted, "expose-all-streams", FALSE, NULL);
    g_object_set(sink, "caps", pcm, "sync", FALSE, "max-buffers", 16u, NULL);
    d->sink = GST_APP_SINK(sink);
    gst_bin_add_many(GST_BIN(d->pipeline), source, decode, d->convert, resample, sink, NULL);
    gst_element_link(source, decode);
    gst_element_link_many(d->convert, resample, sink, NULL);
    g_signal_connect(decode, "autoplug-select", G_CALLBACK(on_autoplug_select), NULL);
    g_signal_connect(decode, "pad-added", G_CALLBACK(on_pad_added), d);
    g_signal_connect(decode, "no-more-pads", G_CALLBACK(on_no_more_pads), d);
    GstElement *typefind = gst_bin_get_by_name(GST_BIN(decode), "typefind");
    if (typefind) {
        g_signal_connect(typefind, "have-type", G_CALLBACK(on_have_type), d);
        gst_object_unref(typefind);
    }
    return true;
}

/* false with error when the pipeline reported one. */
static bool check_bus(Decode *d, bool any_sound, GError **error)
{
    g_autoptr(GstBus) bus = gst_element_get_bus(d->pipeline);
    g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    if (!message)
        return true;
    g_autoptr(GError) why = NULL;
    gst_message_parse_error(message, &why, NULL);
    g_set_error(error, BC_ERROR, BC_ERROR_CONTENT, any_sound ? "the file breaks off (%s): %s" : "no sound can be decoded from the file (%s): %s",
                d->media_type ? d->media_type : "unknown type", why->message);
    return false;
}

static bool give(GstSample *sample, BcDecodeSinkFn sink, void *user, bool *any, GError **error)
{
    GstMapInfo map;
    GstBuffer *buffer = gst_sample_get_buffer(sample);
    if (!buffer || !gst_buffer_map(buffer, &map, GST_MAP_READ))
        return true;
    *any |= map.size > 0;
    bool ok = sink((const float *)(const void *)map.data, map.size / sizeof(float), user, error);
    gst_buffer_unmap(buffer, &map);
    return ok;
}

static bool refuse(GError **error, int code, const char *why)
{
    g_set_error_literal(error, BC_ERROR, code, why);
    return false;
}

static bool pull_all(Decode *d, int64_t time_max_us, BcIngestProgress *progress, BcDecodeSinkFn sink, void *user, GError **error)
{
    int64_t began = g_get_monotonic_time(), last = began;
    bool any = false;
    for (;;) {
        g_autoptr(GstSample) sample = gst_app_sink_try_pull_sample(d->sink, POLL_NS);
        int64_t now = g_get_monotonic_time();
        if (atomic_load(&progress->cancel))
            return refuse(error, BC_ERROR_STATE, "cancelled");
        if (sample) {
            if (!give(sample, sink, user, &any, error))
                return false;
            last = now;
        } else if (!check_bus(d, any, error)) {
            return false;
        } else if (gst_app_sink_is_eos(d->sink)) {
            return true;
        } else if (g_atomic_int_get(&d->complete) && !g_atomic_int_get(&d->linked)) {
            return refuse(error, BC_ERROR_CONTENT, "the file has no sound track");
        } else if (now - last > STALL_US) {
            return refuse(error, BC_ERROR_CONTENT, "decoding came to a stand: the file is damaged or hostile");
        }
        if (now - began > time_max_us)
            return refuse(error, BC_ERROR_CONTENT, "decoding takes too long: the file is damaged or hostile");
    }
}

bool bc_decode_file(const char *path, int64_t time_max_us, BcIngestProgress *progress, BcDecodeSinkFn sink, void *user,
                    char media_type[64], GError **error)
{
    Decode d = {0};
    gst_init(NULL, NULL);
    if (!build(&d, path, error))
        return false;
    gst_element_set_state(d.pipeline, GST_STATE_PLAYING);
    bool ok = pull_all(&d, time_max_us, progress, sink, user, error);
    gst_element_set_state(d.pipeline, GST_STATE_NULL); /* joins the streaming threads: d is ours again */
    g_strlcpy(media_type, d.media_type ? d.media_type : "", 64);
    g_free(d.media_type);
    gst_object_unref(d.pipeline);
    return ok;
}
