/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediasim/fetcher.h"

#include <libsoup/soup.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 30u

typedef struct Job {
    SimFetcher *fetcher;
    char *url, *token, *sha256, *etag;
    int64_t bytes, had, asked_us;
    unsigned tries;
    GChecksum *sum;
    SoupMessage *message;
    SimFetchedFn done;
    void *user;
} Job;

struct SimFetcher {
    GThread *thread;
    GMainContext *context;
    GMainLoop *loop;
    GTlsDatabase *database;
    SoupSession *session;
    GCancellable *cancel;
    GQueue waiting;
    unsigned flying, at_once;
    SimFetcherStats stats;
};

static void free_job(gpointer data)
{
    Job *job = data;
    g_clear_object(&job->message);
    g_checksum_free(job->sum);
    g_free(job->url);
    g_free(job->token);
    g_free(job->sha256);
    g_free(job->etag);
    g_free(job);
}

static void ask_part(Job *job);

static void next_jobs(SimFetcher *fetcher)
{
    while (fetcher->flying < fetcher->at_once && fetcher->waiting.length) {
        Job *job = g_queue_pop_head(&fetcher->waiting);
        fetcher->flying++;
        ask_part(job);
    }
}

static void finish(Job *job, const char *failure)
{
    SimFetcher *fetcher = job->fetcher;
    if (!failure && strcmp(g_checksum_get_string(job->sum), job->sha256) != 0)
        failure = "what came has another hash";
    if (failure) {
        fetcher->stats.failed++;
        if (!fetcher->stats.first_failure)
            fetcher->stats.first_failure = g_strdup_printf("%s: %s", job->url, failure);
    } else {
        int64_t took_us = g_get_monotonic_time() - job->asked_us;
        fetcher->stats.whole++;
        g_array_append_val(fetcher->stats.took_us, took_us);
    }
    if (!g_cancellable_is_cancelled(fetcher->cancel))
        job->done(job->sha256, !failure, job->user);
    free_job(job);
    fetcher->flying--;
    next_jobs(fetcher);
}

static gboolean ask_again(gpointer user)
{
    ask_part(user);
    return G_SOURCE_REMOVE;
}

static void pause_job(Job *job, unsigned seconds)
{
    g_autoptr(GSource) source = g_timeout_source_new_seconds(seconds);
    g_source_set_callback(source, ask_again, job, NULL);
    g_source_attach(source, job->fetcher->context);
}

static void on_part(GObject *source, GAsyncResult *result, gpointer user)
{
    Job *job = user;
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = soup_session_send_and_read_finish(SOUP_SESSION(source), result, &error);
    guint status = bytes ? soup_message_get_status(job->message) : 0;
    SoupMessageHeaders *headers = soup_message_get_response_headers(job->message);
    if ((status == 429 || status == 503) && ++job->tries < TRIES && !g_cancellable_is_cancelled(job->fetcher->cancel)) {
        const char *after = soup_message_headers_get_one(headers, "Retry-After");
        pause_job(job, after ? (unsigned)CLAMP(atoi(after), 1, 5) : 1);
        return;
    }
    if (status != 206) {
        g_autofree char *text = g_strdup_printf("the answer is %u", status);
        finish(job, error ? error->message : text);
        return;
    }
    gsize len = g_bytes_get_size(bytes);
    g_checksum_update(job->sum, g_bytes_get_data(bytes, NULL), (gssize)len);
    job->had += (int64_t)len;
    job->fetcher->stats.bytes += len;
    if (!job->etag)
        job->etag = g_strdup(soup_message_headers_get_one(headers, "ETag"));
    if (job->had >= job->bytes || len == 0)
        finish(job, job->had == job->bytes ? NULL : "its length is another");
    else
        ask_part(job);
}

/* The first half, and then from there on, as after a broken transfer. */
static void ask_part(Job *job)
{
    g_clear_object(&job->message);
    job->message = soup_message_new("GET", job->url);
    if (!job->message) {
        finish(job, "no address");
        return;
    }
    SoupMessageHeaders *headers = soup_message_get_request_headers(job->message);
    g_autofree char *bearer = g_strconcat("Bearer ", job->token, NULL);
    soup_message_headers_replace(headers, "Authorization", bearer);
    soup_message_headers_set_range(headers, job->had, job->had ? -1 : MAX(job->bytes / 2, 1) - 1);
    if (job->etag)
        soup_message_headers_replace(headers, "If-Range", job->etag);
    soup_session_send_and_read_async(job->fetcher->session, job->message, G_PRIORITY_DEFAULT, job->fetcher->cancel, on_part, job);
}

static gpointer run(gpointer user)
{
    SimFetcher *fetcher = user;
    g_main_context_push_thread_default(fetcher->context);
    fetcher->session = soup_session_new_with_options("timeout", 60, "max-conns-per-host", (int)fetcher->at_once, "max-conns", (int)fetcher->at_once, NULL);
    if (fetcher->database)
        soup_session_set_tls_database(fetcher->session, fetcher->database);
    g_main_loop_run(fetcher->loop);
    g_cancellable_cancel(fetcher->cancel);
    g_queue_clear_full(&fetcher->waiting, free_job);
    while (fetcher->flying)
        g_main_context_iteration(fetcher->context, TRUE);
    g_clear_object(&fetcher->session);
    g_main_context_pop_thread_default(fetcher->context);
    return NULL;
}

SimFetcher *sim_fetcher_new(const char *ca, unsigned at_once, GError **error)
{
    g_autoptr(GTlsDatabase) database = ca ? g_tls_file_database_new(ca, error) : NULL;
    if (ca && !database)
        return NULL;
    SimFetcher *fetcher = g_new0(SimFetcher, 1);
    fetcher->database = g_steal_pointer(&database);
    fetcher->context = g_main_context_new();
    fetcher->loop = g_main_loop_new(fetcher->context, FALSE);
    fetcher->cancel = g_cancellable_new();
    fetcher->at_once = at_once;
    fetcher->stats.took_us = g_array_new(FALSE, FALSE, sizeof(int64_t));
    fetcher->thread = g_thread_new("fetcher", run, fetcher);
    return fetcher;
}

static gboolean add_job(gpointer user)
{
    Job *job = user;
    SimFetcher *fetcher = job->fetcher;
    fetcher->stats.wanted++;
    job->asked_us = g_get_monotonic_time();
    g_queue_push_tail(&fetcher->waiting, job);
    next_jobs(fetcher);
    return G_SOURCE_REMOVE;
}

void sim_fetcher_ask(SimFetcher *fetcher, const char *url, const char *token, const char *sha256, int64_t bytes, SimFetchedFn done, void *user)
{
    Job *job = g_new0(Job, 1);
    *job = (Job){.fetcher = fetcher, .url = g_strdup(url), .token = g_strdup(token), .sha256 = g_strdup(sha256), .bytes = bytes,
                 .sum = g_checksum_new(G_CHECKSUM_SHA256), .done = done, .user = user};
    g_autoptr(GSource) source = g_idle_source_new();
    g_source_set_callback(source, add_job, job, NULL);
    g_source_attach(source, fetcher->context);
}

const SimFetcherStats *sim_fetcher_end(SimFetcher *fetcher)
{
    if (fetcher->thread) {
        g_main_loop_quit(fetcher->loop);
        g_thread_join(g_steal_pointer(&fetcher->thread));
    }
    return &fetcher->stats;
}

void sim_fetcher_free(SimFetcher *fetcher)
{
    if (!fetcher)
        return;
    sim_fetcher_end(fetcher);
    g_main_loop_unref(fetcher->loop);
    g_main_context_unref(fetcher->context);
    g_object_unref(fetcher->cancel);
    g_clear_object(&fetcher->database);
    g_array_unref(fetcher->stats.took_us);
    g_free(fetcher->stats.first_failure);
    g_free(fetcher);
}
