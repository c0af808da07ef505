/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speech.h"

#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include <libsoup/soup.h>

/* Speech by an HTTP service: what is sent, what comes back as a file or as samples, and everything that may go wrong. The service has a
 * thread of its own. */
typedef struct Service {
    GThread *thread;
    GMainContext *context;
    GMainLoop *loop;
    SoupServer *server;
    unsigned port;
    char *said, *elsewhere;
    int ready;
} Service;

static void answer(SoupServer *server, SoupServerMessage *message, const char *path, GHashTable *query, gpointer user)
{
    static const char samples[] = {0x12, 0x34, 0x56, 0x78};
    Service *s = user;
    SoupMessageBody *body = soup_server_message_get_request_body(message);
    g_autoptr(GBytes) bytes = soup_message_body_flatten(body);
    g_free(s->said);
    s->said = g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    soup_server_message_set_status(message, 200, NULL);
    if (g_str_equal(path, "/wav"))
        soup_server_message_set_response(message, "audio/wav", SOUP_MEMORY_STATIC, "RIFF of some kind", 17);
    else if (g_str_equal(path, "/l16"))
        soup_server_message_set_response(message, "audio/L16;rate=22050", SOUP_MEMORY_STATIC, samples, sizeof samples);
    else if (g_str_equal(path, "/pcm"))
        soup_server_message_set_response(message, "audio/pcm; rate=8000", SOUP_MEMORY_STATIC, samples, sizeof samples);
    else if (g_str_equal(path, "/big"))
        soup_server_message_set_response(message, "audio/wav", SOUP_MEMORY_TAKE, g_malloc0(300000), 300000);
    else if (g_str_equal(path, "/nothing"))
        soup_server_message_set_response(message, "audio/wav", SOUP_MEMORY_STATIC, "", 0);
    else if (g_str_equal(path, "/moved"))
        soup_server_message_set_redirect(message, 302, s->elsewhere);
    else if (g_str_equal(path, "/slow"))
        soup_server_message_pause(message);
    else
        soup_server_message_set_status(message, 503, "out of voices");
}

static gboolean is_up(gpointer user)
{
    g_atomic_int_set(&((Service *)user)->ready, 1);
    return G_SOURCE_REMOVE;
}

static gpointer serve(gpointer user)
{
    Service *s = user;
    g_main_context_push_thread_default(s->context);
    s->server = soup_server_new(NULL, NULL);
    soup_server_add_handler(s->server, NULL, answer, s, NULL);
    g_assert_true(soup_server_listen_local(s->server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, NULL));
    GSList *uris = soup_server_get_uris(s->server);
    s->port = (unsigned)g_uri_get_port(uris->data);
    g_slist_free_full(uris, (GDestroyNotify)g_uri_unref);
    s->elsewhere = g_strdup_printf("http://127.0.0.1:%u/wav", s->port);
    g_autoptr(GSource) up = g_idle_source_new();
    g_source_set_callback(up, is_up, s, NULL);
    g_source_attach(up, s->context);
    g_main_loop_run(s->loop);
    soup_server_disconnect(s->server);
    g_object_unref(s->server);
    g_main_context_pop_thread_default(s->context);
    return NULL;
}

static Service service;
static char path[] = "/tmp/bc-speech-http-XXXXXX";

static bool ask(const char *where, const char *text, int64_t time_max_us, int64_t bytes_max, GError **error)
{
    BcIngestProgress progress = {0};
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/%s", service.port, where);
    return bc_speech_make(&(BcSpeechOptions){.url = url, .time_max_us = time_max_us, .bytes_max = bytes_max}, text, path, &progress, error);
}

static void test_file(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *data = NULL;
    gsize len = 0;
    g_assert_true(ask("wav", "Xin chào \"bà con\"", 0, 0, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(service.said, ==, "Xin chào \"bà con\"");
    g_assert_true(g_file_get_contents(path, &data, &len, NULL));
    g_assert_cmpmem(data, len, "RIFF of some kind", 17);
}

/* Raw samples become a WAV: rate and byte order as the type says. */
static void test_samples(void)
{
    static const struct {
        const char *where, *bytes;
        unsigned rate;
    } cases[] = {{"l16", "\x34\x12\x78\x56", 22050}, {"pcm", "\x12\x34\x56\x78", 8000}};
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *data = NULL;
        gsize len = 0;
        g_assert_true(ask(cases[i].where, "x", 0, 0, &error));
        g_assert_true(g_file_get_contents(path, &data, &len, NULL));
        g_assert_cmpuint(len, ==, 48);
        g_assert_cmpmem(data, 4, "RIFF", 4);
        g_assert_cmpuint((uint8_t)data[24] | (uint8_t)data[25] << 8, ==, cases[i].rate);
        g_assert_cmpmem(data + 44, 4, cases[i].bytes, 4);
    }
}

static void test_failures(void)
{
    static const struct {
        const char *where, *word;
        int64_t time_us, bytes;
    } cases[] = {{"broken", "503", 0, 0}, {"moved", "302", 0, 0}, {"nothing", "said nothing", 0, 0}, {"big", "more than", 0, 200000},
                 {"slow", "longer than 1 s", G_USEC_PER_SEC, 0}};
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(ask(cases[i].where, "x", cases[i].time_us, cases[i].bytes, &error));
        g_assert_error(error, BC_ERROR, BC_ERROR_FAILED);
        g_test_message("%s", error->message);
        g_assert_nonnull(strstr(error->message, cases[i].word));
        g_assert_cmpint(g_access(path, F_OK), ==, -1); /* nothing is left behind */
    }
    g_autoptr(GError) error = NULL;
    BcIngestProgress progress = {0};
    g_assert_false(bc_speech_make(&(BcSpeechOptions){.url = "http://127.0.0.1:9/"}, "x", path, &progress, &error));
    g_assert_nonnull(strstr(error->message, "cannot be reached"));
    g_clear_error(&error);
    g_assert_false(bc_speech_make(&(BcSpeechOptions){.url = "no address"}, "x", path, &progress, &error));
    g_assert_nonnull(strstr(error->message, "broadcast.tts_url"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    close(g_mkstemp(path));
    service.context = g_main_context_new();
    service.loop = g_main_loop_new(service.context, FALSE);
    service.thread = g_thread_new("service", serve, &service);
    while (!g_atomic_int_get(&service.ready))
        g_usleep(1000);
    g_test_add_func("/speech-http/file", test_file);
    g_test_add_func("/speech-http/samples", test_samples);
    g_test_add_func("/speech-http/failures", test_failures);
    int status = g_test_run();
    g_main_loop_quit(service.loop);
    g_thread_join(service.thread);
    g_main_loop_unref(service.loop);
    g_main_context_unref(service.context);
    g_free(service.said);
    g_free(service.elsewhere);
    g_unlink(path);
    return status;
}
