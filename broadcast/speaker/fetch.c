/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/fetch.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "broadcast/speaker/keep.h"

#define PIECE 65536
#define TIMEOUT_S 20
#define RETRY_FIRST_US 1000000
#define RETRY_MAX_US 60000000
#define FULL_RETRY_US 60000000
#define BYTES_MAX (G_GINT64_CONSTANT(2) * 1024 * 1024 * 1024)

typedef struct Job {             /* one file on its way */
    BcFetch *fetch;
    GCancellable *cancellable;
    char sha256[65];
    SoupMessage *message;
    GInputStream *stream;
    int fd;
    int64_t have, expect;        /* expect 0: unknown */
    guchar piece[PIECE];
} Job;

struct BcFetch {
    BcFetchOptions options;
    char *base, *token;
    SoupSession *session;
    Job *job;
    guint timer;
    int64_t retry_us;
};

static void start(BcFetch *fetch);

static gboolean on_timer(gpointer user)
{
    BcFetch *fetch = user;
    fetch->timer = 0;
    start(fetch);
    return G_SOURCE_REMOVE;
}

static void start_in(BcFetch *fetch, int64_t us)
{
    if (!fetch->timer)
        fetch->timer = g_timeout_add((guint)(us / 1000), on_timer, fetch);
}

static void free_job(Job *job)
{
    if (job->fd >= 0)
        close(job->fd);
    g_clear_object(&job->stream);
    g_clear_object(&job->message);
    g_object_unref(job->cancellable);
    g_free(job);
}

/* Ends the job; NULL what: all is well. */
static void done(Job *job, const char *what, int64_t put_off_us)
{
    BcFetch *fetch = job->fetch;
    g_autofree char *sha256 = g_strdup(job->sha256);
    if (!fetch) { /* let go meanwhile */
        free_job(job);
        return;
    }
    fetch->job = NULL;
    free_job(job);
    if (!what) {
        fetch->retry_us = 0;
        fetch->options.arrived(sha256, fetch->options.user);
        start_in(fetch, 0);
        return;
    }
    fetch->retry_us = CLAMP(fetch->retry_us * 2, RETRY_FIRST_US, RETRY_MAX_US);
    int64_t pause_us = put_off_us ? put_off_us : fetch->retry_us;
    bc_shelf_put_off(fetch->options.shelf, sha256, fetch->options.clock(fetch->options.user) + pause_us);
    fetch->options.trouble(sha256, what, fetch->options.user);
    start_in(fetch, 100000);              /* another file may do better */
}

static void finish(Job *job)
{
    g_autoptr(GError) error = NULL;
    close(job->fd);
    job->fd = -1;
    if (bc_shelf_accept(job->fetch->options.shelf, job->sha256, &error))
        done(job, NULL, 0);
    else
        done(job, error->message, g_error_matches(error, BC_KEEP_ERROR, BC_KEEP_ERROR_FULL) ? FULL_RETRY_US : 0);
}

static bool write_piece(Job *job, gsize n)
{
    for (gsize at = 0; at < n;) {
        ssize_t wrote = write(job->fd, job->piece + at, n - at);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return false;
        at += (gsize)wrote;
    }
    job->have += (int64_t)n;
    return true;
}

static void on_piece(GObject *object, GAsyncResult *result, gpointer user)
{
    Job *job = user;
    g_autoptr(GError) error = NULL;
    gssize n = g_input_stream_read_finish(G_INPUT_STREAM(object), result, &error);
    if (!job->fetch || n < 0) {
        done(job, n < 0 ? error->message : "", 0);
        return;
    }
    if (n == 0) {
        if (job->expect && job->have < job->expect)
            done(job, "the connection ended too soon", 0);
        else
            finish(job);
        return;
    }
    if (job->have + n > (job->expect ? job->expect : BYTES_MAX)) {
        g_autofree char *part = bc_shelf_part_path(job->fetch->options.shelf, job->sha256);
        g_unlink(part);
        done(job, "the file is longer than it should be", RETRY_MAX_US);
        return;
    }
    if (!write_piece(job, (gsize)n)) {
        bool full = errno == ENOSPC || errno == EDQUOT;
        bc_shelf_make_room(job->fetch->options.shelf, INT64_MAX / 4); /* whatever is not wanted goes */
        done(job, full ? "the disk is full" : g_strerror(errno), full ? FULL_RETRY_US : 0);
        return;
    }
    g_input_stream_read_async(job->stream, job->piece, PIECE, G_PRIORITY_LOW, job->cancellable, on_piece, job);
}

/* Where the answer begins, and that it is the file that was asked for. NULL: good. */
static const char *check_answer(Job *job)
{
    SoupMessageHeaders *headers = soup_message_get_response_headers(job->message);
    goffset from = 0, to = 0, whole = 0;
    guint status = soup_message_get_status(job->message);
    if (status == SOUP_STATUS_PARTIAL_CONTENT) {
        if (!soup_message_headers_get_content_range(headers, &from, &to, &whole) || from != job->have)
            return "the server answers with another part of the file";
        return NULL;
    }
    if (status == SOUP_STATUS_OK) {
        if (job->have && (ftruncate(job->fd, 0) < 0 || lseek(job->fd, 0, SEEK_SET) < 0))
            return "the part cannot be begun anew";
        job->have = 0;
        return NULL;
    }
    if (status == SOUP_STATUS_REQUESTED_RANGE_NOT_SATISFIABLE && (ftruncate(job->fd, 0) < 0 || lseek(job->fd, 0, SEEK_SET) < 0))
        return "the part cannot be begun anew";
    return soup_message_get_reason_phrase(job->message) ? soup_message_get_reason_phrase(job->message) : "the server refuses it";
}

/* How long the server wants to be left alone; 0: it does not say. */
static int64_t retry_after_us(Job *job)
{
    const char *text = soup_message_headers_get_one(soup_message_get_response_headers(job->message), "Retry-After");
    gint64 seconds = text ? g_ascii_strtoll(text, NULL, 10) : 0;
    return CLAMP(seconds, 0, 3600) * 1000000;
}

static void on_answer(GObject *object, GAsyncResult *result, gpointer user)
{
    Job *job = user;
    g_autoptr(GError) error = NULL;
    job->stream = soup_session_send_finish(SOUP_SESSION(object), result, &error);
    if (!job->fetch || !job->stream) {
        done(job, error ? error->message : "", 0);
        return;
    }
    const char *wrong = check_answer(job);
    if (wrong)
        done(job, wrong, retry_after_us(job));
    else
        g_input_stream_read_async(job->stream, job->piece, PIECE, G_PRIORITY_LOW, job->cancellable, on_piece, job);
}

static bool open_part(Job *job)
{
    g_autofree char *part = bc_shelf_part_path(job->fetch->options.shelf, job->sha256);
    job->fd = open(part, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    job->have = job->fd >= 0 ? lseek(job->fd, 0, SEEK_END) : -1;
    return job->have >= 0;
}

static void begin(BcFetch *fetch, const BcShelfWant *want)
{
    Job *job = g_new0(Job, 1);
    g_autofree char *url = g_strconcat(fetch->base, want->media.path, NULL);
    job->fetch = fetch;
    job->fd = -1;
    job->cancellable = g_cancellable_new();
    job->expect = want->media.bytes;
    g_strlcpy(job->sha256, want->media.sha256, sizeof(job->sha256));
    fetch->job = job;
    if (!bc_shelf_make_room(fetch->options.shelf, MAX(want->media.bytes - bc_shelf_part_bytes(fetch->options.shelf, job->sha256), 0))) {
        done(job, "there is no room for it", FULL_RETRY_US);
        return;
    }
    if (!open_part(job)) {
        done(job, g_strerror(errno), errno == ENOSPC ? FULL_RETRY_US : 0);
        return;
    }
    if (job->expect && job->have == job->expect) { /* complete when the power went */
        finish(job);
        return;
    }
    if (job->expect && job->have > job->expect && ftruncate(job->fd, 0) == 0)
        job->have = lseek(job->fd, 0, SEEK_SET);
    job->message = soup_message_new(SOUP_METHOD_GET, url);
    if (!job->message) {
        done(job, "its address is none", RETRY_MAX_US);
        return;
    }
    if (job->have > 0)
        soup_message_headers_set_range(soup_message_get_request_headers(job->message), job->have, -1);
    if (fetch->token) {
        g_autofree char *bearer = g_strconcat("Bearer ", fetch->token, NULL);
        soup_message_headers_replace(soup_message_get_request_headers(job->message), "Authorization", bearer);
    }
    soup_session_send_async(fetch->session, job->message, G_PRIORITY_LOW, job->cancellable, on_answer, job);
}

static void start(BcFetch *fetch)
{
    if (fetch->job || !fetch->base)
        return;
    int64_t now_us = fetch->options.clock(fetch->options.user);
    const BcShelfWant *want = bc_shelf_next(fetch->options.shelf, now_us);
    if (want)
        begin(fetch, want);
    else {
        unsigned stored;
        if (bc_shelf_wanted(fetch->options.shelf, &stored) > stored)
            start_in(fetch, RETRY_FIRST_US); /* put off */
    }
}

BcFetch *bc_fetch_new(const BcFetchOptions *options, GError **error)
{
    g_autoptr(GTlsDatabase) database = options->ca_file ? g_tls_file_database_new(options->ca_file, error) : NULL;
    if (options->ca_file && !database)
        return NULL;
    BcFetch *fetch = g_new0(BcFetch, 1);
    fetch->options = *options;
    fetch->token = g_strdup(options->token);
    fetch->session = soup_session_new_with_options("timeout", TIMEOUT_S, "idle-timeout", TIMEOUT_S, "user-agent", "speakerd/" MEDIAD_VERSION,
        "max-conns", 2, "proxy-resolver", NULL, NULL);
    if (database)
        soup_session_set_tls_database(fetch->session, database);
    return fetch;
}

void bc_fetch_free(BcFetch *fetch)
{
    if (!fetch)
        return;
    if (fetch->timer)
        g_source_remove(fetch->timer);
    if (fetch->job) {
        fetch->job->fetch = NULL;
        g_cancellable_cancel(fetch->job->cancellable); /* its callback frees it */
    }
    soup_session_abort(fetch->session);
    g_object_unref(fetch->session);
    g_free(fetch->base);
    g_free(fetch->token);
    g_free(fetch);
}

void bc_fetch_set_base(BcFetch *fetch, const char *media_base)
{
    g_free(fetch->base);
    fetch->base = g_strdup(media_base);
}

void bc_fetch_go(BcFetch *fetch)
{
    const BcShelfWant *want = bc_shelf_next(fetch->options.shelf, fetch->options.clock(fetch->options.user));
    if (fetch->job && want && want->due_us == 0 && strcmp(want->media.sha256, fetch->job->sha256))
        g_cancellable_cancel(fetch->job->cancellable); /* what is to sound at once goes first; the other one goes on later */
    g_clear_handle_id(&fetch->timer, g_source_remove);
    start_in(fetch, 0);
}
