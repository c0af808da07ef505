/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/proof.h"
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include "broadcast/speaker/keep.h"

#define STEP_US 20000
#define STEPS 6000u                /* two minutes */
#define STEPS_MIN 25u
#define LATE_STEPS 25u             /* half a second: buffers of the card and the way through the air */
#define FLOOR 1e-6f

typedef struct Row {               /* loudness over time: sum of squares and count of each step */
    float sum[STEPS];
    uint16_t n[STEPS];
} Row;

struct BcProof {
    BcProofKind kind;
    bool microphone;
    GMutex lock;
    uint64_t serial;
    int64_t from_us;             /* of step 0 */
    Row meant, heard;
    GstElement *pipeline, *sink;
    int fd;
    _Atomic bool ending;
    GThread *thread;
};

double bc_proof_likeness(const float *meant, const float *heard, unsigned n, unsigned max_late)
{
    double best = NAN;
    for (unsigned late = 0; late <= max_late && late + STEPS_MIN <= n; late++) {
        unsigned count = n - late;
        double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
        for (unsigned i = 0; i < count; i++) {
            double a = meant[i], b = heard[i + late];
            sa += a;
            sb += b;
            saa += a * a;
            sbb += b * b;
            sab += a * b;
        }
        double va = saa - sa * sa / count, vb = sbb - sb * sb / count;
        if (va < 1e-9 * count || vb < 1e-9 * count)
            continue;
        double r = (sab - sa * sb / count) / sqrt(va * vb);
        if (isnan(best) || r > best)
            best = r;
    }
    return isnan(best) ? best : fmax(0, best);
}

/* Under the lock. */
static void add(BcProof *proof, Row *row, const float *pcm, unsigned n, int64_t mono_us)
{
    for (unsigned i = 0; i < n; i++) {
        int64_t step = (mono_us + (int64_t)i * 1000 / 48 - proof->from_us) / STEP_US;
        if (mono_us < proof->from_us || step >= STEPS)
            continue;
        row->sum[step] += pcm[i] * pcm[i];
        row->n[step]++;
    }
}

void bc_proof_begin(BcProof *proof, uint64_t serial)
{
    g_mutex_lock(&proof->lock);
    proof->serial = serial;
    proof->from_us = 0;
    g_mutex_unlock(&proof->lock);
}

void bc_proof_meant(BcProof *proof, uint64_t serial, const float *pcm, unsigned n, int64_t mono_us)
{
    g_mutex_lock(&proof->lock);
    if (proof->serial != serial || !proof->from_us) {
        proof->serial = serial;
        proof->from_us = mono_us;
        memset(&proof->meant, 0, sizeof(proof->meant));
        memset(&proof->heard, 0, sizeof(proof->heard));
    }
    add(proof, &proof->meant, pcm, n, mono_us);
    g_mutex_unlock(&proof->lock);
}

void bc_proof_heard(BcProof *proof, const float *pcm, unsigned n, int64_t mono_us)
{
    g_mutex_lock(&proof->lock);
    if (proof->from_us)
        add(proof, &proof->heard, pcm, n, mono_us);
    g_mutex_unlock(&proof->lock);
}

static float loudness(const Row *row, unsigned i)
{
    return row->n[i] ? 10 * log10f(row->sum[i] / row->n[i] + FLOOR) + 60 : 0; /* dB above the floor */
}

void bc_proof_verdict(BcProof *proof, uint64_t serial, double *ret_level_dbfs, double *ret_match)
{
    *ret_level_dbfs = *ret_match = NAN;
    g_mutex_lock(&proof->lock);
    unsigned n = 0, heard_n = 0;
    double sum = 0;
    if (proof->serial == serial && proof->from_us && proof->kind != BC_PROOF_NONE)
        while (n < STEPS && proof->meant.n[n])
            n++;
    float *a = g_new(float, n + 1), *b = g_new(float, n + 1);
    for (unsigned i = 0; i < n; i++) {
        a[i] = loudness(&proof->meant, i);
        b[i] = loudness(&proof->heard, i);
        sum += proof->heard.sum[i];
        heard_n += proof->heard.n[i];
    }
    g_mutex_unlock(&proof->lock);
    if (heard_n) {
        *ret_level_dbfs = sum > 0 ? fmax(-120, 10 * log10(sum / heard_n)) : -120;
        double match = bc_proof_likeness(a, b, n, proof->kind == BC_PROOF_OUTPUT ? 0 : LATE_STEPS);
        *ret_match = isnan(match) ? match : fmin(1, match);
    }
    g_free(a);
    g_free(b);
}

const char *bc_proof_source(const BcProof *proof)
{
    return proof->kind == BC_PROOF_NONE ? "none" : proof->microphone ? "microphone" : "loopback";
}

/* ---------------------------------------------------------------- listening */

static GstFlowReturn on_sample(GstAppSink *sink, gpointer user)
{
    BcProof *proof = user;
    g_autoptr(GstSample) sample = gst_app_sink_pull_sample(sink);
    GstMapInfo map;
    GstBuffer *buffer = sample ? gst_sample_get_buffer(sample) : NULL;
    if (buffer && gst_buffer_map(buffer, &map, GST_MAP_READ)) {
        unsigned n = (unsigned)(map.size / sizeof(float));
        int64_t end_us = g_get_monotonic_time();
        bc_proof_heard(proof, (const float *)map.data, n, end_us - (int64_t)n * 1000 / 48);
        gst_buffer_unmap(buffer, &map);
    }
    return GST_FLOW_OK;
}

static bool open_card(BcProof *proof, const char *device, GError **error)
{
    GstElement *source = gst_element_factory_make(proof->kind == BC_PROOF_ALSA ? "alsasrc" : "pulsesrc", NULL),
        *convert = gst_element_factory_make("audioconvert", NULL), *resample = gst_element_factory_make("audioresample", NULL);
    proof->sink = gst_element_factory_make("appsink", NULL);
    if (!source || !convert || !resample || !proof->sink) {
        g_set_error(error, BC_KEEP_ERROR, BC_KEEP_ERROR_MISSING, "GStreamer has no alsasrc or pulsesrc");
        return false;
    }
    g_autoptr(GstCaps) caps = gst_caps_from_string("audio/x-raw,format=F32LE,layout=interleaved,rate=48000,channels=1");
    static GstAppSinkCallbacks callbacks = {.new_sample = on_sample};
    g_object_set(proof->sink, "caps", caps, "sync", FALSE, "max-buffers", 10, "drop", TRUE, NULL);
    gst_app_sink_set_callbacks(GST_APP_SINK(proof->sink), &callbacks, proof, NULL);
    if (device)
        g_object_set(source, "device", device, NULL);
    proof->pipeline = gst_pipeline_new(NULL);
    gst_bin_add_many(GST_BIN(proof->pipeline), source, convert, resample, proof->sink, NULL);
    gst_element_link_many(source, convert, resample, proof->sink, NULL);
    if (gst_element_set_state(proof->pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE)
        return true;
    g_set_error(error, BC_KEEP_ERROR, BC_KEEP_ERROR_FAILED, "the microphone %s cannot be opened", device ? device : "(default)");
    return false;
}

static gpointer read_thread(gpointer user)
{
    BcProof *proof = user;
    while (!proof->ending) {
        struct pollfd poll_fd = {.fd = proof->fd, .events = POLLIN};
        int16_t block[480];
        float pcm[480];
        if (poll(&poll_fd, 1, 100) <= 0)
            continue;
        ssize_t bytes = read(proof->fd, block, sizeof(block));
        if (bytes <= 0) {
            g_usleep(10000);
            continue;
        }
        unsigned n = (unsigned)bytes / 2;
        for (unsigned i = 0; i < n; i++)
            pcm[i] = (float)block[i] / 32768;
        bc_proof_heard(proof, pcm, n, g_get_monotonic_time() - (int64_t)n * 1000 / 48);
    }
    return NULL;
}

BcProof *bc_proof_new(BcProofKind kind, const char *device, bool microphone, GError **error)
{
    BcProof *proof = g_new0(BcProof, 1);
    proof->kind = kind;
    proof->microphone = microphone;
    proof->fd = -1;
    g_mutex_init(&proof->lock);
    bool ok = true;
    if (kind == BC_PROOF_ALSA || kind == BC_PROOF_PULSE)
        ok = open_card(proof, device, error);
    else if (kind == BC_PROOF_FILE) {
        proof->fd = open(device, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        ok = proof->fd >= 0;
        if (ok)
            proof->thread = g_thread_new("proof", read_thread, proof);
        else
            g_set_error(error, BC_KEEP_ERROR, BC_KEEP_ERROR_FAILED, "cannot read %s", device);
    }
    if (ok)
        return proof;
    bc_proof_free(proof);
    return NULL;
}

void bc_proof_free(BcProof *proof)
{
    if (!proof)
        return;
    proof->ending = true;
    if (proof->thread)
        g_thread_join(proof->thread);
    if (proof->fd >= 0)
        close(proof->fd);
    if (proof->pipeline) {
        gst_element_set_state(proof->pipeline, GST_STATE_NULL);
        gst_object_unref(proof->pipeline);
    }
    g_mutex_clear(&proof->lock);
    g_free(proof);
}
