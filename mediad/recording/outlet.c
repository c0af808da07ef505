/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/recording/outlet.h"
#include <stdatomic.h>
#include <string.h>
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>

enum { WAITING_MAX = 12 * 1024 * 1024, END_PATIENCE_S = 5, SILENCE_MAX_TICKS = 50 * 600, SOUND_BPS = 96000 };
static const int64_t GAP_US = 30000;           /* ticks further apart than this lack some between them */
static const int64_t SOUND_ALONE_US = 5000000; /* no picture for so long at the beginning: the sound goes first */

struct MdOutlet {
    MdOutletSpec spec;
    GstElement *pipeline;
    GstAppSrc *picture, *sound;
    guint watch, patience;
    bool ending, failed;
    void (*done)(void *user);
    void *done_user;
    /* the feeding thread */
    int64_t begin_us, next_us, picture_us; /* begin -1: not yet; next -1: no sound yet */
    int64_t first_sound_us;
    _Atomic int64_t duration_us;
    _Atomic bool overrun;
    _Atomic bool refused; /* on_bytes wants no more */
};

G_DEFINE_QUARK(md - outlet - error - quark, md_outlet_error)

/* --- out -------------------------------------------------------------------------------------------------------------- */

static GstFlowReturn on_sample(GstAppSink *sink, gpointer user)
{
    MdOutlet *outlet = user;
    g_autoptr(GstSample) sample = gst_app_sink_pull_sample(sink);
    GstBuffer *buffer = sample ? gst_sample_get_buffer(sample) : NULL;
    GstMapInfo map;
    if (!buffer || !gst_buffer_map(buffer, &map, GST_MAP_READ))
        return GST_FLOW_OK;
    bool key = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    int64_t time_us = GST_BUFFER_PTS_IS_VALID(buffer) ? (int64_t)(GST_BUFFER_PTS(buffer) / 1000) : -1;
    bool wanted = outlet->spec.on_bytes(map.data, map.size, key, time_us, outlet->spec.user);
    gst_buffer_unmap(buffer, &map);
    if (wanted)
        return GST_FLOW_OK;
    atomic_store(&outlet->refused, true);
    return GST_FLOW_ERROR;
}

static void ended(MdOutlet *outlet)
{
    void (*done)(void *user) = g_steal_pointer(&outlet->done);
    g_clear_handle_id(&outlet->patience, g_source_remove);
    if (done)
        done(outlet->done_user);
}

static void fail(MdOutlet *outlet, const char *why)
{
    if (outlet->ending) {
        ended(outlet);
    } else if (!outlet->failed) {
        outlet->failed = true;
        outlet->spec.on_failed(why, outlet->spec.user);
    }
}

static gboolean on_message(GstBus *bus, GstMessage *message, gpointer user)
{
    MdOutlet *outlet = user;
    g_autoptr(GError) why = NULL;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) {
        if (outlet->ending)
            ended(outlet);
        else
            fail(outlet, "the other side has ended it");
    } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        gst_message_parse_error(message, &why, NULL);
        fail(outlet, atomic_load(&outlet->refused) ? "it could not be written" : why->message);
    } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_APPLICATION) {
        fail(outlet, "the other side takes it too slowly");
    }
    return G_SOURCE_CONTINUE;
}

static char *tail(const MdOutletSpec *spec)
{
    static const char *const muxers[MD_OUTLET_KIND_MAX] = {
        [MD_OUTLET_MP4] = "mp4mux name=m fragment-duration=1000 ! appsink name=out sync=false max-buffers=0",
        [MD_OUTLET_TS] = "mpegtsmux name=m ! appsink name=out sync=false max-buffers=0",
        [MD_OUTLET_RTMP] = "flvmux name=m streamable=true latency=0 ! rtmp2sink name=net sync=false async-connect=true",
        [MD_OUTLET_SRT] = "mpegtsmux name=m alignment=7 ! srtsink name=net sync=false wait-for-connection=false",
    };
    const char *parse = spec->kind == MD_OUTLET_TS || spec->kind == MD_OUTLET_SRT ? "h264parse config-interval=-1" : "h264parse";
    g_autofree char *picture = g_strdup_printf("appsrc name=picture format=time max-bytes=0 caps=video/x-h264,stream-format=byte-stream,"
                                               "alignment=au ! %s ! m.", parse);
    return g_strdup_printf("%s %s appsrc name=sound format=time max-bytes=0 caps=audio/x-raw,format=S16LE,rate=48000,channels=1,"
                           "layout=interleaved ! audioconvert ! avenc_aac bitrate=%u ! aacparse ! m.",
                           muxers[spec->kind], spec->pictures ? picture : "", spec->sound_bps ? spec->sound_bps : SOUND_BPS);
}

static bool start(MdOutlet *outlet, GError **error)
{
    g_autoptr(GstElement) out = gst_bin_get_by_name(GST_BIN(outlet->pipeline), "out");
    g_autoptr(GstElement) net = gst_bin_get_by_name(GST_BIN(outlet->pipeline), "net");
    if (out) {
        GstAppSinkCallbacks callbacks = {.new_sample = on_sample};
        gst_app_sink_set_callbacks(GST_APP_SINK(out), &callbacks, outlet, NULL);
    }
    if (net)
        g_object_set(net, outlet->spec.kind == MD_OUTLET_SRT ? "uri" : "location", outlet->spec.url, NULL);
    outlet->picture = GST_APP_SRC(gst_bin_get_by_name(GST_BIN(outlet->pipeline), "picture"));
    outlet->sound = GST_APP_SRC(gst_bin_get_by_name(GST_BIN(outlet->pipeline), "sound"));
    g_autoptr(GstBus) bus = gst_element_get_bus(outlet->pipeline);
    if (gst_element_set_state(outlet->pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
        g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
        g_autoptr(GError) why = NULL;
        if (message)
            gst_message_parse_error(message, &why, NULL);
        g_set_error(error, MD_OUTLET_ERROR, 0, "it does not start: %s", why ? why->message : "GStreamer fails");
        return false;
    }
    outlet->watch = gst_bus_add_watch(bus, on_message, outlet);
    return true;
}

MdOutlet *md_outlet_new(const MdOutletSpec *spec, GError **error)
{
    g_autoptr(GError) why = NULL;
    gst_init(NULL, NULL);
    MdOutlet *outlet = g_new0(MdOutlet, 1);
    outlet->spec = *spec;
    outlet->spec.url = g_strdup(spec->url);
    outlet->begin_us = outlet->next_us = outlet->picture_us = outlet->first_sound_us = -1;
    g_autofree char *text = tail(spec);
    outlet->pipeline = gst_parse_launch(text, &why);
    if (why || !outlet->pipeline)
        g_set_error(error, MD_OUTLET_ERROR, 0, "GStreamer lacks something: %s", why ? why->message : "unknown");
    else if (start(outlet, error))
        return outlet;
    md_outlet_free(outlet);
    return NULL;
}

/* --- in --------------------------------------------------------------------------------------------------------------- */

static bool has_room(MdOutlet *outlet, GstAppSrc *source)
{
    if (atomic_load(&outlet->overrun))
        return false;
    if (gst_app_src_get_current_level_bytes(source) < WAITING_MAX)
        return true;
    atomic_store(&outlet->overrun, true);
    gst_element_post_message(outlet->pipeline,
                             gst_message_new_application(GST_OBJECT(outlet->pipeline), gst_structure_new_empty("overrun")));
    return false;
}

static void push(MdOutlet *outlet, GstAppSrc *source, GstBuffer *buffer, int64_t at_us, int64_t length_us)
{
    GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = (GstClockTime)at_us * 1000;
    if (length_us)
        GST_BUFFER_DURATION(buffer) = (GstClockTime)length_us * 1000;
    gst_app_src_push_buffer(source, buffer);
    if (at_us + length_us > atomic_load(&outlet->duration_us))
        atomic_store(&outlet->duration_us, at_us + length_us);
}

static void drop_frame(gpointer frame)
{
    md_frame_unref(frame);
}

void md_outlet_picture(MdOutlet *outlet, MdFrame *frame)
{
    if (!outlet->picture || (outlet->picture_us < 0 && !frame->key) || !has_room(outlet, outlet->picture))
        return;
    if (outlet->begin_us < 0)
        outlet->begin_us = frame->time_us;
    int64_t at_us = frame->time_us - outlet->begin_us;
    if (at_us <= outlet->picture_us) /* two encoders meet where one takes over from the other */
        at_us = outlet->picture_us + 1000;
    outlet->picture_us = MAX(at_us, 0);
    GstBuffer *buffer = gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, frame->data, frame->len, 0, frame->len, md_frame_ref(frame), drop_frame);
    if (!frame->key)
        GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    push(outlet, outlet->picture, buffer, outlet->picture_us, 0);
}

static void push_sound(MdOutlet *outlet, const float *pcm)
{
    int16_t samples[MD_AUDIO_TICK_SAMPLES] = {0};
    for (unsigned i = 0; pcm && i < MD_AUDIO_TICK_SAMPLES; i++)
        samples[i] = (int16_t)(CLAMP(pcm[i], -1.0f, 1.0f) * 32767);
    push(outlet, outlet->sound, gst_buffer_new_memdup(samples, sizeof samples), outlet->next_us, MD_AUDIO_TICK_US);
    outlet->next_us += MD_AUDIO_TICK_US;
}

void md_outlet_sound(MdOutlet *outlet, const float pcm[MD_AUDIO_TICK_SAMPLES], int64_t time_us)
{
    if (outlet->first_sound_us < 0)
        outlet->first_sound_us = time_us;
    bool alone = !outlet->picture || time_us - outlet->first_sound_us > SOUND_ALONE_US;
    if (outlet->begin_us < 0 && alone)
        outlet->begin_us = time_us;
    if (outlet->begin_us < 0 || time_us < outlet->begin_us || !has_room(outlet, outlet->sound))
        return;
    int64_t at_us = time_us - outlet->begin_us;
    if (outlet->next_us < 0) { /* the first sound lies within a tick of the first picture */
        outlet->next_us = at_us;
    }
    for (unsigned n = 0; at_us - outlet->next_us >= GAP_US && n < SILENCE_MAX_TICKS; n++)
        push_sound(outlet, NULL);
    if (at_us - outlet->next_us >= GAP_US)
        outlet->next_us = at_us;
    push_sound(outlet, pcm);
}

int64_t md_outlet_duration_us(const MdOutlet *outlet)
{
    return atomic_load(&outlet->duration_us);
}

/* --- the end ---------------------------------------------------------------------------------------------------------- */

static gboolean out_of_patience(gpointer user)
{
    MdOutlet *outlet = user;
    outlet->patience = 0;
    ended(outlet);
    return G_SOURCE_REMOVE;
}

void md_outlet_end(MdOutlet *outlet, void (*done)(void *user), void *user)
{
    outlet->ending = true;
    outlet->done = done;
    outlet->done_user = user;
    outlet->patience = g_timeout_add_seconds(outlet->failed ? 0 : END_PATIENCE_S, out_of_patience, outlet);
    if (outlet->picture)
        gst_app_src_end_of_stream(outlet->picture);
    gst_app_src_end_of_stream(outlet->sound);
}

void md_outlet_free(MdOutlet *outlet)
{
    if (!outlet)
        return;
    g_clear_handle_id(&outlet->patience, g_source_remove);
    if (outlet->pipeline)
        gst_element_set_state(outlet->pipeline, GST_STATE_NULL);
    g_clear_handle_id(&outlet->watch, g_source_remove);
    gst_clear_object((GstObject **)&outlet->picture);
    gst_clear_object((GstObject **)&outlet->sound);
    gst_clear_object((GstObject **)&outlet->pipeline);
    g_free((char *)(uintptr_t)outlet->spec.url);
    g_free(outlet);
}
