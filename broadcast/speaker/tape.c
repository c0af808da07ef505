/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/tape.h"
#include <string.h>
#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#define WINDOW (BC_TAPE_GET_MAX + 16)
#define SINK_BUFFERS 48            /* MP3: 26 ms each */
#define OPEN_MAX (10 * GST_SECOND)

struct BcTape {
    GstElement *pipeline, *sink;
    GThread *opener;
    int64_t from;
    bool stream;
    /* opener writes once, then the reader reads */
    _Atomic bool ready;
    _Atomic(const char *) error;
    /* reader */
    char *error_text;
    GstSample *sample;           /* being read */
    int64_t sample_at;           /* number of its first frame */
    int64_t next_at;             /* number of the frame behind all pulled */
    int64_t end;
    float window[WINDOW];        /* what was given last, for looking back */
    int64_t window_at;
    unsigned window_n;
};

static void seek_and_play(BcTape *tape)
{
    if (gst_element_get_state(tape->pipeline, NULL, NULL, OPEN_MAX) == GST_STATE_CHANGE_FAILURE) {
        tape->error = "cannot be decoded";
        return;
    }
    if (tape->from > 0) {
        gint64 to = gst_util_uint64_scale(tape->from, GST_SECOND, BC_TAPE_RATE);
        if (!gst_element_seek_simple(tape->pipeline, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, to)) {
            tape->error = "cannot be read from the middle";
            return;
        }
        gst_element_get_state(tape->pipeline, NULL, NULL, OPEN_MAX);
    }
    tape->ready = true;
    gst_element_set_state(tape->pipeline, GST_STATE_PLAYING);
}

static gpointer open_thread(gpointer user)
{
    BcTape *tape = user;
    if (gst_element_set_state(tape->pipeline, tape->stream ? GST_STATE_PLAYING : GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE)
        tape->error = "cannot be opened";
    else if (tape->stream)
        tape->ready = true;
    else
        seek_and_play(tape);
    return NULL;
}

static void link_pad(GstElement *element, GstPad *pad, gpointer user)
{
    g_autoptr(GstPad) sink = gst_element_get_static_pad(user, "sink");
    g_autoptr(GstCaps) caps = gst_pad_query_caps(pad, NULL);
    const char *name = gst_caps_get_size(caps) ? gst_structure_get_name(gst_caps_get_structure(caps, 0)) : "";
    if (g_str_has_prefix(name, "audio/") && !gst_pad_is_linked(sink))
        gst_pad_link(pad, sink);
}

/* Pictures in a file's tags are left alone: only sound is decoded. */
static gboolean want_stream(GstElement *bin, GstPad *pad, GstCaps *caps, gpointer user)
{
    const char *name = gst_caps_get_size(caps) ? gst_structure_get_name(gst_caps_get_structure(caps, 0)) : "";
    return !g_str_has_prefix(name, "video/x-raw") && !g_str_has_prefix(name, "image/");
}

static BcTape *tape_new(GstElement *source, bool stream, int64_t from)
{
    BcTape *tape = g_new0(BcTape, 1);
    tape->stream = stream;
    tape->from = from;
    tape->end = INT64_MAX;
    tape->next_at = -1;
    tape->pipeline = gst_pipeline_new(NULL);
    GstElement *decoder = stream ? source : gst_element_factory_make("decodebin", NULL);
    GstElement *convert = gst_element_factory_make("audioconvert", NULL), *resample = gst_element_factory_make("audioresample", NULL);
    tape->sink = gst_element_factory_make("appsink", NULL);
    if (!source || !decoder || !convert || !resample || !tape->sink) {
        tape->error = "a GStreamer plug-in is missing: decodebin, uridecodebin, audioconvert, audioresample, appsink";
        return tape;
    }
    g_autoptr(GstCaps) caps = gst_caps_from_string("audio/x-raw,format=F32LE,layout=interleaved,rate=48000,channels=1");
    g_object_set(tape->sink, "caps", caps, "sync", FALSE, "max-buffers", SINK_BUFFERS, "wait-on-eos", FALSE, NULL);
    gst_bin_add_many(GST_BIN(tape->pipeline), convert, resample, tape->sink, decoder, NULL);
    if (!stream) {
        gst_bin_add(GST_BIN(tape->pipeline), source);
        gst_element_link(source, decoder);
    }
    gst_element_link_many(convert, resample, tape->sink, NULL);
    g_signal_connect(decoder, "pad-added", G_CALLBACK(link_pad), convert);
    g_signal_connect(decoder, "autoplug-continue", G_CALLBACK(want_stream), NULL);
    tape->opener = g_thread_new("tape", open_thread, tape);
    return tape;
}

BcTape *bc_tape_open(const char *path, int64_t from_sample)
{
    GstElement *source = gst_element_factory_make("filesrc", NULL);
    if (source)
        g_object_set(source, "location", path, NULL);
    return tape_new(source, false, MAX(from_sample, 0));
}

BcTape *bc_tape_open_stream(const char *url)
{
    GstElement *source = gst_element_factory_make("uridecodebin", NULL);
    if (source)
        g_object_set(source, "uri", url, "buffer-size", 262144, NULL);
    return tape_new(source, true, 0);
}

static _Atomic unsigned ending;     /* streams on their way out */

static gpointer end_thread(gpointer user)
{
    BcTape *tape = user;
    if (tape->opener)
        g_thread_join(tape->opener);
    gst_element_set_state(tape->pipeline, GST_STATE_NULL);
    g_clear_pointer(&tape->sample, gst_sample_unref);
    gst_object_unref(tape->pipeline);
    g_free(tape->error_text);
    g_free(tape);
    ending--;
    return NULL;
}

void bc_tape_free(BcTape *tape)
{
    if (!tape)
        return;
    ending++;
    if (tape->stream) /* a server that does not answer keeps its opener waiting: nobody else shall */
        g_thread_unref(g_thread_new("tape-end", end_thread, tape));
    else
        end_thread(tape);
}

void bc_tape_wait(int64_t most_us)
{
    for (int64_t until_us = g_get_monotonic_time() + most_us; ending && g_get_monotonic_time() < until_us;)
        g_usleep(10000);
}

static void look_for_errors(BcTape *tape)
{
    if (tape->error)
        return;
    g_autoptr(GstBus) bus = gst_element_get_bus(tape->pipeline);
    g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    if (!message)
        return;
    g_autoptr(GError) error = NULL;
    gst_message_parse_error(message, &error, NULL);
    tape->error_text = g_strdup(error ? error->message : "decoder failed");
    tape->error = tape->error_text;
}

static unsigned frames_of(GstSample *sample)
{
    return (unsigned)(gst_buffer_get_size(gst_sample_get_buffer(sample)) / sizeof(float));
}

/* The next decoded piece. Frames are numbered by their time stamps after a seek and counted from then on. */
static bool pull(BcTape *tape, int64_t wait_us)
{
    g_clear_pointer(&tape->sample, gst_sample_unref);
    tape->sample = gst_app_sink_try_pull_sample(GST_APP_SINK(tape->sink), (GstClockTime)wait_us * 1000);
    if (!tape->sample) {
        look_for_errors(tape);
        if (gst_app_sink_is_eos(GST_APP_SINK(tape->sink)) && tape->next_at >= 0)
            tape->end = tape->next_at;
        else if (gst_app_sink_is_eos(GST_APP_SINK(tape->sink)) && !tape->error)
            tape->error = "there is no sound in it";
        return false;
    }
    if (tape->next_at < 0) {
        GstClockTime pts = GST_BUFFER_PTS(gst_sample_get_buffer(tape->sample));
        tape->next_at = tape->stream || !GST_CLOCK_TIME_IS_VALID(pts) ? 0 :
            (int64_t)gst_util_uint64_scale_round(pts, BC_TAPE_RATE, GST_SECOND);
    }
    tape->sample_at = tape->next_at;
    tape->next_at += frames_of(tape->sample);
    return true;
}

/* Copies what a piece holds of at .. at + n. */
static void copy_from(const float *piece, int64_t piece_at, unsigned piece_n, int64_t at, float *pcm, unsigned n, unsigned *have)
{
    int64_t from = at + *have;
    if (from < piece_at || from >= piece_at + piece_n)
        return;
    unsigned count = (unsigned)MIN(piece_at + piece_n - from, (int64_t)n - *have);
    memcpy(pcm + *have, piece + (from - piece_at), count * sizeof(float));
    *have += count;
}

static void copy_sample(BcTape *tape, int64_t at, float *pcm, unsigned n, unsigned *have)
{
    GstMapInfo map;
    if (!tape->sample || !gst_buffer_map(gst_sample_get_buffer(tape->sample), &map, GST_MAP_READ))
        return;
    copy_from((const float *)map.data, tape->sample_at, (unsigned)(map.size / sizeof(float)), at, pcm, n, have);
    gst_buffer_unmap(gst_sample_get_buffer(tape->sample), &map);
}

unsigned bc_tape_get(BcTape *tape, int64_t at, float *pcm, unsigned n, int64_t wait_us)
{
    unsigned have = 0;
    int64_t until_us = g_get_monotonic_time() + wait_us;
    memset(pcm, 0, n * sizeof(float));
    while (!tape->ready && !tape->error && g_get_monotonic_time() < until_us)
        g_usleep(1000);
    if (!tape->ready || n > BC_TAPE_GET_MAX)
        return 0;
    copy_from(tape->window, tape->window_at, tape->window_n, at, pcm, n, &have);
    while (have < n) {
        copy_sample(tape, at, pcm, n, &have);
        if (have == n || (tape->sample && tape->sample_at > at + have) || (tape->next_at >= 0 && tape->next_at > at + have))
            break;
        int64_t left_us = until_us - g_get_monotonic_time();
        if (!pull(tape, MAX(left_us, 0)))
            break;
    }
    if (have) {
        tape->window_n = MIN(have, WINDOW);
        tape->window_at = at + have - tape->window_n;
        memcpy(tape->window, pcm + have - tape->window_n, tape->window_n * sizeof(float));
    }
    return have;
}

int64_t bc_tape_head(const BcTape *tape)
{
    return MAX(tape->next_at, 0);
}

int64_t bc_tape_end(const BcTape *tape)
{
    return tape->end;
}

const char *bc_tape_error(const BcTape *tape)
{
    return tape->error;
}
