/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speech-http.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <libsoup/soup.h>
#include "broadcast/chime.h"

#define PART 65536
#define POLL_MS 50

typedef struct Fetch { /* one way through, in this thread's own main context */
    const char *url, *path;
    int64_t deadline_us, bytes_max, bytes;
    BcIngestProgress *progress;
    GCancellable *cancellable;
    GMainLoop *loop;
    SoupMessage *message;
    GInputStream *stream;
    FILE *out;
    uint32_t rate;          /* of raw samples, 0: a file */
    bool big_endian, timed_out;
    uint8_t buffer[PART];
    GError *error;
} Fetch;

static void end(Fetch *f, GError *error /* taken */)
{
    if (!f->error)
        f->error = error;
    else
        g_clear_error(&error);
    g_main_loop_quit(f->loop);
}

static GError *failure(const Fetch *f, const char *format, ...) G_GNUC_PRINTF(2, 3);
static GError *failure(const Fetch *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    return g_error_new(BC_ERROR, BC_ERROR_FAILED, "the speech service %s", text);
}

static gboolean on_poll(gpointer user)
{
    Fetch *f = user;
    f->timed_out = g_get_monotonic_time() > f->deadline_us;
    if (f->timed_out || atomic_load(&f->progress->cancel))
        g_cancellable_cancel(f->cancellable);
    return G_SOURCE_CONTINUE;
}

/* audio/L16;rate=22050 and audio/pcm;rate=22050 */
static void read_type(Fetch *f)
{
    g_autoptr(GHashTable) parameters = NULL;
    const char *type = soup_message_headers_get_content_type(soup_message_get_response_headers(f->message), &parameters);
    f->big_endian = type && !g_ascii_strcasecmp(type, "audio/l16");
    if (!type || (!f->big_endian && g_ascii_strcasecmp(type, "audio/pcm")))
        return;
    const char *rate = parameters ? g_hash_table_lookup(parameters, "rate") : NULL;
    guint64 hz = rate ? g_ascii_strtoull(rate, NULL, 10) : 16000;
    f->rate = (uint32_t)CLAMP(hz, 8000, 96000);
}

static bool keep(Fetch *f, gsize n)
{
    for (gsize i = 0; f->big_endian && i + 1 < n; i += 2) {
        uint8_t high = f->buffer[i];
        f->buffer[i] = f->buffer[i + 1];
        f->buffer[i + 1] = high;
    }
    f->bytes += (int64_t)n;
    return fwrite(f->buffer, 1, n, f->out) == n;
}

static void on_read(GObject *source, GAsyncResult *result, gpointer user)
{
    Fetch *f = user;
    g_autoptr(GError) error = NULL;
    gsize n = 0;
    if (!g_input_stream_read_all_finish(G_INPUT_STREAM(source), result, &n, &error))
        end(f, failure(f, "broke off: %s", error->message));
    else if (f->bytes + (int64_t)n > f->bytes_max)
        end(f, failure(f, "sent more than %d MiB", (int)(f->bytes_max >> 20)));
    else if (n && !keep(f, n))
        end(f, failure(f, "spoke, but %s cannot be written: %s", f->path, g_strerror(errno)));
    else if (n < sizeof f->buffer)
        end(f, f->bytes ? NULL : failure(f, "said nothing"));
    else
        g_input_stream_read_all_async(f->stream, f->buffer, sizeof f->buffer, G_PRIORITY_DEFAULT, f->cancellable, on_read, f);
}

static void on_sent(GObject *source, GAsyncResult *result, gpointer user)
{
    Fetch *f = user;
    g_autoptr(GError) error = NULL;
    uint8_t header[44] = {0};
    f->stream = soup_session_send_finish(SOUP_SESSION(source), result, &error);
    if (!f->stream) {
        end(f, failure(f, "cannot be reached: %s", error->message));
        return;
    }
    if (soup_message_get_status(f->message) != 200) {
        end(f, failure(f, "answered %u %s", soup_message_get_status(f->message), soup_message_get_reason_phrase(f->message)));
        return;
    }
    read_type(f);
    if (f->rate && fwrite(header, 1, sizeof header, f->out) != sizeof header)
        end(f, failure(f, "spoke, but %s cannot be written: %s", f->path, g_strerror(errno)));
    else
        g_input_stream_read_all_async(f->stream, f->buffer, sizeof f->buffer, G_PRIORITY_DEFAULT, f->cancellable, on_read, f);
}

static void run(Fetch *f, const char *text)
{
    GMainContext *context = g_main_context_new();
    g_main_context_push_thread_default(context);
    f->loop = g_main_loop_new(context, FALSE);
    f->cancellable = g_cancellable_new();
    SoupSession *session = soup_session_new();
    g_autoptr(GBytes) body = g_bytes_new(text, strlen(text));
    soup_message_set_flags(f->message, SOUP_MESSAGE_NO_REDIRECT);
    soup_message_set_request_body_from_bytes(f->message, "text/plain; charset=utf-8", body);
    g_autoptr(GSource) poll = g_timeout_source_new(POLL_MS);
    g_source_set_callback(poll, on_poll, f, NULL);
    g_source_attach(poll, context);
    soup_session_send_async(session, f->message, G_PRIORITY_DEFAULT, f->cancellable, on_sent, f);
    g_main_loop_run(f->loop);
    g_source_destroy(poll);
    g_clear_object(&f->stream);
    soup_session_abort(session);
    g_object_unref(session);
    while (g_main_context_iteration(context, FALSE))
        continue;
    g_main_loop_unref(f->loop);
    g_object_unref(f->cancellable);
    g_main_context_pop_thread_default(context);
    g_main_context_unref(context);
}

static void complete(Fetch *f)
{
    uint8_t header[44];
    bc_wav_header(header, f->rate, (uint32_t)f->bytes);
    bool ok = !f->rate || (fseek(f->out, 0, SEEK_SET) == 0 && fwrite(header, 1, sizeof header, f->out) == sizeof header);
    if ((fclose(f->out) != 0 || !ok) && !f->error)
        f->error = failure(f, "spoke, but %s cannot be written: %s", f->path, g_strerror(errno));
}

bool bc_speech_fetch(const char *url, const char *text, const char *path, int64_t time_max_us, int64_t bytes_max, BcIngestProgress *progress,
                     GError **error)
{
    g_autoptr(SoupMessage) message = soup_message_new("POST", url);
    if (!message) {
        g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "%s is no address of a speech service (broadcast.tts_url)", url);
        return false;
    }
    g_autofree Fetch *f = g_new0(Fetch, 1);
    *f = (Fetch){.url = url, .path = path, .deadline_us = g_get_monotonic_time() + time_max_us, .bytes_max = bytes_max, .progress = progress,
                 .message = message, .out = fopen(path, "w+be")};
    if (!f->out) {
        g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "cannot write %s: %s", path, g_strerror(errno));
        return false;
    }
    run(f, text);
    complete(f);
    if (!f->error)
        return true;
    remove(path);
    if (atomic_load(&progress->cancel))
        g_set_error_literal(error, BC_ERROR, BC_ERROR_STATE, "cancelled");
    else if (f->timed_out)
        g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "the speech service took longer than %d s", (int)(time_max_us / G_USEC_PER_SEC));
    else
        g_propagate_error(error, g_error_copy(f->error));
    g_clear_error(&f->error);
    return false;
}
