/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/output.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>

#define BLOCK_US 10000
#define RATE 48000
#define FLUSH_BLOCKS 25            /* a file's header is made true four times a second */
#define REOPEN_US 5000000
#define BEHIND_US 500000           /* the machine slept: begin anew instead of catching up */

struct BcOutput {
    BcOutputOptions options;
    char *device;
    GThread *thread;
    _Atomic bool ending;
    _Atomic int64_t first_us, beat_us;
    _Atomic uint64_t late;
    GMutex lock;
    char *error;                 /* under lock */
    /* output thread */
    FILE *file;
    uint32_t file_samples;
    GstElement *pipeline, *source;
    int64_t base_us;             /* monotonic time of the pipeline's zero */
    int64_t closed_us;           /* when the sound card failed */
};

static void say_error(BcOutput *output, const char *text)
{
    g_mutex_lock(&output->lock);
    g_free(output->error);
    output->error = g_strdup(text);
    g_mutex_unlock(&output->lock);
}

/* ---------------------------------------------------------------- WAV */

static void put32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static bool write_header(BcOutput *output)
{
    uint8_t h[44] = "RIFF....WAVEfmt \20\0\0\0\1\0\1\0";
    put32(h + 4, 36 + output->file_samples * 2);
    put32(h + 24, RATE);
    put32(h + 28, RATE * 2);
    h[32] = 2;
    h[34] = 16;
    memcpy(h + 36, "data", 4);
    put32(h + 40, output->file_samples * 2);
    return fseek(output->file, 0, SEEK_SET) == 0 && fwrite(h, sizeof(h), 1, output->file) == 1 && fseek(output->file, 0, SEEK_END) == 0;
}

static void write_file(BcOutput *output, const float *pcm, unsigned n)
{
    int16_t block[BC_OUTPUT_BLOCK];
    for (unsigned i = 0; i < n; i++)
        block[i] = (int16_t)(pcm[i] * 32767.0f);
    if (output->file_samples > UINT32_MAX / 2 - 1000000 || fwrite(block, sizeof(*block), n, output->file) != n) {
        say_error(output, "the sound file cannot be written any further");
        return;
    }
    output->file_samples += n;
    if (output->file_samples % (FLUSH_BLOCKS * BC_OUTPUT_BLOCK) == 0) {
        write_header(output);
        fflush(output->file);
    }
}

static bool open_file(BcOutput *output, GError **error)
{
    output->file = fopen(output->device, "w+be");
    if (output->file && write_header(output) && fflush(output->file) == 0)
        return true;
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "cannot write %s: %s", output->device, g_strerror(errno));
    return false;
}

/* ---------------------------------------------------------------- sound card */

static void close_card(BcOutput *output)
{
    if (!output->pipeline)
        return;
    gst_element_set_state(output->pipeline, GST_STATE_NULL);
    g_clear_pointer(&output->pipeline, gst_object_unref);
    output->source = NULL;
}

static bool open_card(BcOutput *output, GError **error)
{
    bool alsa = output->options.kind == BC_OUTPUT_ALSA;
    GstElement *sink = gst_element_factory_make(alsa ? "alsasink" : "pulsesink", NULL), *convert = gst_element_factory_make("audioconvert", NULL),
        *resample = gst_element_factory_make("audioresample", NULL);
    output->source = gst_element_factory_make("appsrc", NULL);
    if (!sink || !convert || !resample || !output->source) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "GStreamer has no %s", alsa ? "alsasink" : "pulsesink");
        return false;
    }
    g_autoptr(GstCaps) caps = gst_caps_from_string("audio/x-raw,format=F32LE,layout=interleaved,rate=48000,channels=1");
    g_object_set(output->source, "caps", caps, "format", GST_FORMAT_TIME, "is-live", TRUE, "max-bytes", (guint64)RATE * 4 * 3, "block", FALSE, NULL);
    /* our clock leads, the card's crystal follows by single corrections below what is heard */
    g_object_set(sink, "provide-clock", FALSE, "buffer-time", (gint64)output->options.latency_ms * 500, "latency-time", (gint64)BLOCK_US,
        "drift-tolerance", (gint64)5000, "alignment-threshold", (guint64)5 * GST_MSECOND, NULL);
    if (output->device)
        g_object_set(sink, "device", output->device, NULL);
    output->pipeline = gst_pipeline_new(NULL);
    gst_bin_add_many(GST_BIN(output->pipeline), output->source, convert, resample, sink, NULL);
    gst_element_link_many(output->source, convert, resample, sink, NULL);
    g_autoptr(GstClock) clock = gst_system_clock_obtain();
    g_object_set(clock, "clock-type", GST_CLOCK_TYPE_MONOTONIC, NULL);
    gst_pipeline_use_clock(GST_PIPELINE(output->pipeline), clock);
    gst_pipeline_set_latency(GST_PIPELINE(output->pipeline), 0);
    output->base_us = g_get_monotonic_time();
    gst_element_set_start_time(output->pipeline, GST_CLOCK_TIME_NONE);
    gst_element_set_base_time(output->pipeline, (GstClockTime)output->base_us * 1000);
    if (gst_element_set_state(output->pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE)
        return true;
    close_card(output);
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_IO, "the sound card %s cannot be opened", output->device ? output->device : "(default)");
    return false;
}

static void watch_card(BcOutput *output, int64_t now_us)
{
    if (!output->pipeline) {
        if (now_us - output->closed_us > REOPEN_US) {
            output->closed_us = now_us;
            if (open_card(output, NULL))
                say_error(output, NULL);
        }
        return;
    }
    g_autoptr(GstBus) bus = gst_element_get_bus(output->pipeline);
    g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    if (!message)
        return;
    g_autoptr(GError) error = NULL;
    gst_message_parse_error(message, &error, NULL);
    say_error(output, error->message);
    close_card(output);
    output->closed_us = now_us;
}

static void write_card(BcOutput *output, const float *pcm, unsigned n, int64_t mono_us)
{
    if (!output->pipeline || mono_us < output->base_us)
        return;
    GstBuffer *buffer = gst_buffer_new_memdup(pcm, n * sizeof(float));
    GST_BUFFER_PTS(buffer) = (GstClockTime)(mono_us - output->base_us) * 1000;
    GST_BUFFER_DURATION(buffer) = gst_util_uint64_scale(n, GST_SECOND, RATE);
    gst_app_src_push_buffer(GST_APP_SRC(output->source), buffer);
}

/* ---------------------------------------------------------------- thread */

static void sleep_until(int64_t mono_us)
{
    struct timespec at = {.tv_sec = mono_us / 1000000, .tv_nsec = mono_us % 1000000 * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        ;
}

static gpointer output_thread(gpointer user)
{
    BcOutput *output = user;
    float pcm[BC_OUTPUT_BLOCK];
    int64_t lead_us = bc_output_latency_us(output), next_us = output->first_us;
    while (!output->ending) {
        sleep_until(next_us - lead_us);
        int64_t now_us = g_get_monotonic_time();
        if (now_us > next_us)
            output->late++;
        if (now_us > next_us + BEHIND_US && output->options.kind != BC_OUTPUT_FILE)
            next_us = now_us + lead_us; /* a file keeps its time line: it catches up */
        output->options.render(pcm, BC_OUTPUT_BLOCK, next_us + (int64_t)output->options.offset_ms * 1000, output->options.user);
        if (output->file)
            write_file(output, pcm, BC_OUTPUT_BLOCK);
        else if (output->options.kind >= BC_OUTPUT_ALSA) {
            write_card(output, pcm, BC_OUTPUT_BLOCK, next_us);
            watch_card(output, now_us);
        }
        output->beat_us = now_us;
        next_us += BLOCK_US;
    }
    return NULL;
}

BcOutput *bc_output_new(const BcOutputOptions *options, GError **error)
{
    BcOutput *output = g_new0(BcOutput, 1);
    output->options = *options;
    output->device = g_strdup(options->device);
    output->beat_us = g_get_monotonic_time();
    g_mutex_init(&output->lock);
    if (options->kind == BC_OUTPUT_FILE && !open_file(output, error)) {
        bc_output_free(output);
        return NULL;
    }
    if (options->kind >= BC_OUTPUT_ALSA) {
        g_autoptr(GError) trouble = NULL;
        if (!open_card(output, &trouble)) { /* it may be plugged in later: the rest of the device works */
            say_error(output, trouble->message);
            output->closed_us = g_get_monotonic_time();
        }
    }
    output->first_us = g_get_monotonic_time() + bc_output_latency_us(output);
    output->thread = g_thread_new("output", output_thread, output);
    return output;
}

void bc_output_free(BcOutput *output)
{
    if (!output)
        return;
    output->ending = true;
    if (output->thread)
        g_thread_join(output->thread);
    if (output->file) {
        write_header(output);
        fclose(output->file);
    }
    close_card(output);
    g_mutex_clear(&output->lock);
    g_free(output->error);
    g_free(output->device);
    g_free(output);
}

int64_t bc_output_latency_us(const BcOutput *output)
{
    return (int64_t)output->options.latency_ms * 1000;
}

uint64_t bc_output_late(const BcOutput *output)
{
    return output->late;
}

int64_t bc_output_first_us(const BcOutput *output)
{
    return output->first_us;
}

int64_t bc_output_beat_us(const BcOutput *output)
{
    return output->beat_us;
}

char *bc_output_error(BcOutput *output)
{
    g_mutex_lock(&output->lock);
    char *error = g_strdup(output->error);
    g_mutex_unlock(&output->lock);
    return error;
}
