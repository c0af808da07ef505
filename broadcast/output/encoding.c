/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/output/encoding.h"

#include <sys/socket.h>
#include <string.h>
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include "broadcast/ear.h"
#include "mediad/audio/codec.h"
#include "mediad/rtp/packet.h"

#define TICK_US 20000
#define TICKS_PER_BUFFER 4
#define STORE_SAMPLES 48000        /* one second of decoded sound */
#define DELAY_SAMPLES (48 * 100)   /* gathered before it is heard, against late packets */
#define LATE_MAX_US 1000000        /* the machine stood still: go on from now */
#define BATCH_US 200000
#define QUEUE_MAX_BYTES (48000 * 2 * 2) /* two seconds wait for the encoder at most */

struct BcEncoding { /* g_atomic_rc_box */
    /* control */
    BcEar *ear;
    GstElement *pipeline;
    BcEncodingFn fn;
    void *user;
    bool closed;
    GMainContext *context;
    /* pace thread, under pace.lock */
    MdAudioDecoder *decoder;
    GstAppSrc *source;
    float store[STORE_SAMPLES];
    unsigned first, filled;
    bool flowing;
    uint32_t ssrc;
    uint16_t seq;
    bool begun;
    int16_t buffer[MD_AUDIO_TICK_SAMPLES * TICKS_PER_BUFFER];
    unsigned ticks;
    uint64_t samples;
    /* encoder's thread */
    GByteArray *batch;
    int64_t batch_us;
};

static struct Pace {
    GMutex lock;
    GPtrArray *feeds;
    GThread *thread;
    GCond changed;
    bool stop;
} pace;

static void clear_feed(gpointer data)
{
    BcEncoding *f = data;
    md_audio_decoder_free(f->decoder);
    g_byte_array_unref(f->batch);
    g_main_context_unref(f->context);
}

/* --- the pace thread --- */

static void keep(BcEncoding *f, const float *pcm, unsigned n)
{
    for (unsigned i = 0; i < n && f->filled < STORE_SAMPLES; i++)
        f->store[(f->first + f->filled++) % STORE_SAMPLES] = pcm[i];
}

/* One packet; up to five lost before it are concealed. */
static void hear(BcEncoding *f, const uint8_t *data, size_t len)
{
    static float pcm[MD_AUDIO_PACKET_SAMPLES_MAX]; /* pace thread */
    MdRtpPacket packet;
    if (md_rtp_parse(data, len, &packet) < 0 || packet.payload_len == 0)
        return;
    bool follows = f->begun && packet.ssrc == f->ssrc;
    int16_t gap = (int16_t)(packet.seq - f->seq);
    if (follows && gap <= 0)
        return;
    if (!follows)
        md_audio_decoder_reset(f->decoder);
    int samples = md_audio_packet_samples(MD_AUDIO_OPUS, packet.payload, packet.payload_len);
    for (int lost = 1; follows && lost < MIN(gap, 6) && samples > 0; lost++)
        keep(f, pcm, (unsigned)MAX(0, md_audio_decoder_conceal(f->decoder, pcm, (unsigned)samples)));
    f->begun = true;
    f->ssrc = packet.ssrc;
    f->seq = packet.seq;
    int n = md_audio_decoder_decode(f->decoder, packet.payload, packet.payload_len, pcm, MD_AUDIO_PACKET_SAMPLES_MAX);
    keep(f, pcm, (unsigned)MAX(0, n));
}

static void give(BcEncoding *f)
{
    GstBuffer *buffer = gst_buffer_new_memdup(f->buffer, sizeof f->buffer);
    GST_BUFFER_PTS(buffer) = gst_util_uint64_scale(f->samples, GST_SECOND, MD_AUDIO_RATE);
    GST_BUFFER_DURATION(buffer) = gst_util_uint64_scale(G_N_ELEMENTS(f->buffer), GST_SECOND, MD_AUDIO_RATE);
    f->samples += G_N_ELEMENTS(f->buffer);
    f->ticks = 0;
    if (gst_app_src_get_current_level_bytes(f->source) > QUEUE_MAX_BYTES)
        gst_buffer_unref(buffer); /* the encoder does not keep up: a gap */
    else
        gst_app_src_push_buffer(f->source, buffer);
}

/* 20 ms: sound if there is enough of it, else silence. */
static void tick(BcEncoding *f)
{
    int16_t *to = f->buffer + f->ticks * MD_AUDIO_TICK_SAMPLES;
    bool begins = !f->flowing && f->filled >= DELAY_SAMPLES;
    f->flowing = (f->flowing || begins) && f->filled >= MD_AUDIO_TICK_SAMPLES;
    for (unsigned i = 0; i < MD_AUDIO_TICK_SAMPLES; i++) {
        float sample = 0;
        if (f->flowing) {
            sample = f->store[f->first] * (begins ? (float)i / MD_AUDIO_TICK_SAMPLES : 1);
            f->first = (f->first + 1) % STORE_SAMPLES;
            f->filled--;
        }
        to[i] = (int16_t)(CLAMP(sample, -1.0f, 1.0f) * 32767);
    }
    if (!f->flowing && f->filled < MD_AUDIO_TICK_SAMPLES) /* what is left of the last packet is no sound of its own */
        f->filled = 0;
    if (++f->ticks == TICKS_PER_BUFFER)
        give(f);
}

static void read_all(BcEncoding *f)
{
    static uint8_t packet[2048]; /* pace thread */
    for (unsigned i = 0; i < 50; i++) {
        ssize_t n = recv(bc_ear_fd(f->ear), packet, sizeof packet, MSG_DONTWAIT);
        if (n < 0)
            break;
        hear(f, packet, (size_t)n);
    }
}

static gpointer keep_pace(gpointer unused)
{
    int64_t due = g_get_monotonic_time();
    g_mutex_lock(&pace.lock);
    while (!pace.stop) {
        if (g_get_monotonic_time() - due > LATE_MAX_US)
            due = g_get_monotonic_time();
        for (unsigned i = 0; i < pace.feeds->len; i++) {
            read_all(pace.feeds->pdata[i]);
            tick(pace.feeds->pdata[i]);
        }
        due += TICK_US;
        while (!pace.stop && g_cond_wait_until(&pace.changed, &pace.lock, due))
            ;
    }
    g_mutex_unlock(&pace.lock);
    return NULL;
}

static void pace_add(BcEncoding *f)
{
    g_mutex_lock(&pace.lock);
    if (!pace.feeds)
        pace.feeds = g_ptr_array_new();
    g_ptr_array_add(pace.feeds, f);
    bool first = pace.feeds->len == 1;
    pace.stop = false;
    g_mutex_unlock(&pace.lock);
    if (first)
        pace.thread = g_thread_new("outputs", keep_pace, NULL);
}

/* Not while another feed is being added: control thread both. */
static void pace_remove(BcEncoding *f)
{
    g_mutex_lock(&pace.lock);
    g_ptr_array_remove(pace.feeds, f);
    pace.stop = pace.feeds->len == 0;
    g_cond_broadcast(&pace.changed);
    bool last = pace.stop;
    g_mutex_unlock(&pace.lock);
    if (last)
        g_thread_join(g_steal_pointer(&pace.thread));
}

/* --- coded sound, from the encoder's thread to control --- */

typedef struct Parcel {
    BcEncoding *feed;
    GBytes *bytes;
} Parcel;

static gboolean deliver(gpointer data)
{
    Parcel *parcel = data;
    if (!parcel->feed->closed)
        parcel->feed->fn(parcel->bytes, parcel->feed->user);
    return G_SOURCE_REMOVE;
}

static void free_parcel(gpointer data)
{
    Parcel *parcel = data;
    g_bytes_unref(parcel->bytes);
    g_atomic_rc_box_release_full(parcel->feed, clear_feed);
    g_free(parcel);
}

static GstFlowReturn on_sample(GstAppSink *sink, gpointer user)
{
    BcEncoding *f = user;
    g_autoptr(GstSample) sample = gst_app_sink_pull_sample(sink);
    GstBuffer *buffer = sample ? gst_sample_get_buffer(sample) : NULL;
    GstMapInfo map;
    if (!buffer || !gst_buffer_map(buffer, &map, GST_MAP_READ))
        return GST_FLOW_OK;
    g_byte_array_append(f->batch, map.data, (guint)map.size);
    gst_buffer_unmap(buffer, &map);
    int64_t now = g_get_monotonic_time();
    if (now - f->batch_us < BATCH_US)
        return GST_FLOW_OK;
    Parcel *parcel = g_new0(Parcel, 1);
    *parcel = (Parcel){g_atomic_rc_box_acquire(f), g_byte_array_free_to_bytes(f->batch)};
    f->batch = g_byte_array_new();
    f->batch_us = now;
    g_main_context_invoke_full(f->context, G_PRIORITY_DEFAULT, deliver, parcel, free_parcel);
    return GST_FLOW_OK;
}

static bool make_pipeline(BcEncoding *f, BcEncodingFormat format, unsigned bitrate_kbps, GError **error)
{
    static const char *const formats[] = {
        [BC_ENCODING_MP3] = "lamemp3enc target=bitrate bitrate=%u cbr=true mono=true ! audio/mpeg,layer=3",
        [BC_ENCODING_AAC] = "avenc_aac bitrate=%u000 ! aacparse ! audio/mpeg,mpegversion=4,stream-format=adts"};
    g_autofree char *encoder = g_strdup_printf(formats[format], bitrate_kbps);
    g_autofree char *text = g_strdup_printf("appsrc name=source is-live=true format=time caps=audio/x-raw,format=S16LE,rate=48000,"
                                            "channels=1,layout=interleaved ! audioconvert ! %s ! appsink name=sink sync=false "
                                            "max-buffers=1000", encoder);
    g_autoptr(GError) why = NULL;
    gst_init(NULL, NULL);
    f->pipeline = gst_parse_launch(text, &why);
    if (why || !f->pipeline) {
        g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "no encoder for this stream: %s", why ? why->message : "GStreamer fails");
        return false;
    }
    f->source = GST_APP_SRC(gst_bin_get_by_name(GST_BIN(f->pipeline), "source"));
    g_autoptr(GstElement) sink = gst_bin_get_by_name(GST_BIN(f->pipeline), "sink");
    GstAppSinkCallbacks callbacks = {.new_sample = on_sample};
    gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, f, NULL);
    if (gst_element_set_state(f->pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE)
        return true;
    g_autoptr(GstBus) bus = gst_element_get_bus(f->pipeline);
    g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    if (message)
        gst_message_parse_error(message, &why, NULL);
    g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "the encoder of this stream does not start: %s", why ? why->message : "GStreamer fails");
    return false;
}

BcEncoding *bc_encoding_new(BcBroadcast *broadcast, const char *area, BcEncodingFormat format, unsigned bitrate_kbps, unsigned ahead_ms, BcEncodingFn fn,
                    void *user, GError **error)
{
    BcEncoding *f = g_atomic_rc_box_new0(BcEncoding);
    f->fn = fn;
    f->user = user;
    f->context = g_main_context_ref_thread_default();
    f->batch = g_byte_array_new();
    f->batch_us = g_get_monotonic_time() - BATCH_US;
    f->decoder = md_audio_decoder_new(MD_AUDIO_OPUS);
    f->ear = bc_ear_new(broadcast, area, NULL, NULL, error);
    if (!f->ear || !make_pipeline(f, format, bitrate_kbps, error)) {
        bc_encoding_free(f);
        return NULL;
    }
    for (unsigned i = 0; i < ahead_ms * 1000 / TICK_US; i++)
        tick(f);
    pace_add(f);
    return f;
}

void bc_encoding_free(BcEncoding *f)
{
    if (!f)
        return;
    f->closed = true;
    if (pace.thread)
        pace_remove(f);
    if (f->pipeline)
        gst_element_set_state(f->pipeline, GST_STATE_NULL);
    g_clear_pointer((GstElement **)&f->source, gst_object_unref);
    g_clear_pointer(&f->pipeline, gst_object_unref);
    g_clear_pointer(&f->ear, bc_ear_free);
    g_atomic_rc_box_release_full(f, clear_feed);
}
