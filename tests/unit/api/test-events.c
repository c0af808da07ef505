/* SPDX-License-Identifier: GPL-3.0-or-later */
/* WebSocket events, the console's files, TLS and hostile connections. */
#include "tests/unit/api/client.h"
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct Site {
    TestApi t;
    char *console;
} Site;

static void write_file(const char *dir, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void set_up(Site *s, gconstpointer data)
{
    g_autofree char *assets = NULL, *hidden = NULL, *link = NULL;

    s->console = g_dir_make_tmp("console-XXXXXX", NULL);
    assets = g_build_filename(s->console, "assets", NULL);
    hidden = g_build_filename(s->console, ".secret", NULL);
    link = g_build_filename(s->console, "passwd.txt", NULL);
    g_assert_cmpint(g_mkdir(assets, 0700), ==, 0);
    g_assert_cmpint(symlink("/etc/passwd", link), ==, 0);
    write_file(s->console, "index.html", "<!doctype html><title>Hà Tĩnh</title>");
    write_file(s->console, "assets/app.js", "console.log(1)");
    write_file(s->console, ".secret", "hidden");
    g_setenv("TEST_CONSOLE_DIR", s->console, TRUE);
    test_api_start(&s->t, 0, NULL, 0);
}

static void tear_down(Site *s, gconstpointer data)
{
    static const char *const names[] = {"index.html", "assets/app.js", ".secret", "passwd.txt", "assets", ""};

    test_api_stop(&s->t);
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(s->console, names[i], NULL);
        g_remove(path);
    }
    g_unsetenv("TEST_CONSOLE_DIR");
    g_free(s->console);
}

/* --- events --- */

typedef struct Subscriber {
    SoupWebsocketConnection *connection;
    GPtrArray *lines;
    bool done;
    int close_code;
} Subscriber;

static void on_message(SoupWebsocketConnection *connection, gint type, GBytes *bytes, gpointer user)
{
    gsize size;
    const char *text = g_bytes_get_data(bytes, &size);

    g_ptr_array_add(((Subscriber *)user)->lines, g_strndup(text, size));
}

static void on_closed(SoupWebsocketConnection *connection, gpointer user)
{
    ((Subscriber *)user)->close_code = soup_websocket_connection_get_close_code(connection);
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer user)
{
    Subscriber *s = user;

    s->connection = soup_session_websocket_connect_finish(SOUP_SESSION(source), result, NULL);
    if (s->connection) {
        g_signal_connect(s->connection, "message", G_CALLBACK(on_message), s);
        g_signal_connect(s->connection, "closed", G_CALLBACK(on_closed), s);
    }
    s->done = true;
}

static void subscribe(TestApi *t, Subscriber *s, const char *token)
{
    g_autofree char *url = g_strdup_printf("ws://127.0.0.1:%u/api/v1/events", t->port);
    g_autoptr(SoupMessage) message = soup_message_new("GET", url);
    g_autofree char *proto = token ? g_strconcat("mediad.token.", token, NULL) : NULL;
    char *protocols[] = {(char *)"mediad.events", proto, NULL};

    *s = (Subscriber){.lines = g_ptr_array_new_with_free_func(g_free)};
    soup_session_websocket_connect_async(t->session, message, NULL, protocols, G_PRIORITY_DEFAULT, NULL, on_connected, s);
    while (!s->done)
        g_main_context_iteration(NULL, TRUE);
    g_assert_nonnull(s->connection);
}

static void wait_lines(Subscriber *s, unsigned n)
{
    while (s->lines->len < n && !s->close_code)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(s->lines->len, ==, n);
}

static void wait_closed(Subscriber *s, int code)
{
    while (!s->close_code)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(s->close_code, ==, code);
}

static void unsubscribe(Subscriber *s)
{
    g_signal_handlers_disconnect_by_data(s->connection, s);
    g_object_unref(s->connection);
    g_ptr_array_unref(s->lines);
}

static JsonNode *object_of(const char *name, const char *value)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, name, value);
    JsonNode *node = json_node_init_object(json_node_alloc(), object);

    json_object_unref(object);
    return node;
}

static void test_events(Site *site, gconstpointer data)
{
    TestApi *t = &site->t;
    g_autofree char *admin = test_api_admin(t), *viewer = test_api_user(t, admin, "lan", "viewer");
    Subscriber a, v;

    subscribe(t, &a, admin);
    subscribe(t, &v, NULL); /* signs in by its first message */
    g_autofree char *first = g_strdup_printf("{\"token\":\"%s\"}", viewer);
    md_api_publish(t->api, "room.created", object_of("room", "unseen")); /* not signed in yet */
    soup_websocket_connection_send_text(v.connection, first);
    wait_lines(&v, 1);
    g_assert_cmpstr(v.lines->pdata[0], ==, "{\"type\":\"hello\",\"data\":{\"version\":\"" MEDIAD_VERSION "\"}}");
    md_api_publish(t->api, "user.changed", object_of("user", "lan")); /* administrators only */
    md_api_publish(t->api, "member.joined", object_of("room", "giao-ban"));
    wait_lines(&v, 2);
    g_assert_cmpstr(v.lines->pdata[1], ==,
                    "{\"type\":\"member.joined\",\"time\":\"2026-09-21T14:13:20Z\",\"data\":{\"room\":\"giao-ban\"}}");
    wait_lines(&a, 4);
    g_assert_nonnull(strstr(a.lines->pdata[2], "user.changed"));
    /* with the session goes the subscription */
    test_expect(t, "DELETE", "/session", viewer, NULL, 204, NULL);
    wait_closed(&v, 4401);
    test_expect(t, "GET", "/session", admin, NULL, 200, NULL);
    g_assert_cmpint(a.close_code, ==, 0);
    unsubscribe(&a);
    unsubscribe(&v);
}

static bool holds(const char *area, const char *inner, void *user)
{
    return g_str_has_prefix(inner, area); /* "18673" in "18", "18673-1" in "18673" */
}

/* Who works in an area is told of what happens there and of what reaches it, not of others' doings; a vendor of nothing. */
static void test_events_area(Site *site, gconstpointer data)
{
    TestApi *t = &site->t;
    g_autofree char *admin = test_api_admin(t), *commune = test_api_user(t, admin, "lan", "commune-editor"); /* of 18673 */
    g_autofree char *vendor = test_api_user(t, admin, "htv", "vendor");
    Subscriber a, c, v;

    md_api_set_area_tree(t->api, holds, NULL);
    subscribe(t, &v, vendor);
    wait_closed(&v, 4401);
    subscribe(t, &a, admin);
    subscribe(t, &c, commune);
    wait_lines(&a, 1);
    wait_lines(&c, 1);
    static const struct { MdApiTell tell; const char *areas; bool heard; } cases[] = {
        {MD_API_TELL_CONCERNED, "18100", false}, {MD_API_TELL_CONCERNED, "18100,18", true}, {MD_API_TELL_CONCERNED, "18673-1", true},
        {MD_API_TELL_CONCERNED, "", true},       {MD_API_TELL_WITHIN, "18", false},         {MD_API_TELL_WITHIN, "18673-1", true},
        {MD_API_TELL_WITHIN, NULL, false},       {MD_API_TELL_WITHIN, "18673", true},       {MD_API_TELL_EVERYBODY, NULL, true},
    };
    unsigned heard = 1;
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *type = g_strdup_printf("case.%u.", i);
        md_api_publish_to(t->api, type, object_of("n", "x"), cases[i].tell, cases[i].areas);
        heard += cases[i].heard;
    }
    wait_lines(&a, 1 + G_N_ELEMENTS(cases));
    wait_lines(&c, heard);
    for (unsigned i = 0, at = 1; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *type = g_strdup_printf("case.%u.", i);
        if (cases[i].heard)
            g_assert_nonnull(strstr(c.lines->pdata[at++], type));
    }
    unsubscribe(&a);
    unsubscribe(&c);
    unsubscribe(&v);
}

static void test_events_refused(Site *site, gconstpointer data)
{
    Subscriber wrong, garbage;
    Subscriber many[4];
    g_autofree char *admin = test_api_admin(&site->t);

    subscribe(&site->t, &wrong, "AAAA");
    wait_closed(&wrong, 4401);
    subscribe(&site->t, &garbage, NULL);
    soup_websocket_connection_send_text(garbage.connection, "{\"token\":[[[[");
    wait_closed(&garbage, 4401);
    for (unsigned i = 0; i < 4; i++) { /* three at most, says the fixture */
        subscribe(&site->t, &many[i], admin);
        if (i < 3)
            wait_lines(&many[i], 1);
        else
            wait_closed(&many[i], 4429);
    }
    for (unsigned i = 0; i < 4; i++)
        unsubscribe(&many[i]);
    unsubscribe(&wrong);
    unsubscribe(&garbage);
}

/* A subscriber that reads nothing loses its place; nobody waits for it. */
static void test_slow(Site *site, gconstpointer data)
{
    TestApi *t = &site->t;
    g_autofree char *admin = test_api_admin(t);
    g_autofree char *text = g_strnfill(60000, 'x');
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketConnection) raw = g_socket_client_connect_to_host(client, "127.0.0.1", (guint16)t->port, NULL, NULL);
    g_autofree char *request = g_strdup_printf(
        "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer %s\r\n\r\n", admin);
    Subscriber good;
    unsigned sent = 0;

    g_assert_true(g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(raw)), request, strlen(request), NULL, NULL, NULL));
    subscribe(t, &good, admin);
    wait_lines(&good, 1);
    for (bool dropped = false; !dropped && sent < 2000; sent++) {
        g_autoptr(TestReply) metrics = NULL;
        md_api_publish(t->api, "test", object_of("text", text));
        wait_lines(&good, 2 + sent);
        if (sent % 50 == 49) {
            metrics = test_call_raw(t, "GET", "/metrics", NULL, NULL, NULL, 0);
            dropped = strstr(metrics->text, "\nmediad_api_subscribers_dropped_total 1\n") != NULL;
        }
    }
    g_assert_cmpuint(sent, <, 2000);
    g_assert_cmpint(good.close_code, ==, 0);
    unsubscribe(&good);
}

/* --- console --- */

/* Sends text as it is and returns what comes back until the other side closes. */
static char *raw_exchange(TestApi *t, const char *text, gsize len)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketConnection) c = g_socket_client_connect_to_host(client, "127.0.0.1", (guint16)t->port, NULL, NULL);
    GSocket *socket = g_socket_connection_get_socket(c);
    GString *got = g_string_new(NULL);
    gsize sent = 0;

    g_socket_set_blocking(socket, FALSE);
    for (;;) {
        char buffer[4096];
        gssize n;
        g_autoptr(GError) error = NULL;
        if (sent < len && (n = g_socket_send(socket, text + sent, MIN(len - sent, 65536), NULL, &error)) > 0)
            sent += (gsize)n;
        g_clear_error(&error);
        n = g_socket_receive(socket, buffer, sizeof buffer, NULL, &error);
        if (n > 0)
            g_string_append_len(got, buffer, n);
        else if (n == 0 || !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
            break;
        g_main_context_iteration(NULL, FALSE);
    }
    return g_string_free(got, FALSE);
}

static void test_console(Site *site, gconstpointer data)
{
    static const char *const refused[] = {"/../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/.secret",
                                          "/passwd.txt", "/assets/", "/assets\\app.js", "/no.js", "/a%00.js", "//etc/passwd.x"};
    g_autoptr(TestReply) index = test_call_raw(&site->t, "GET", "/", NULL, NULL, NULL, 0);
    g_assert_cmpuint(index->status, ==, 200);
    g_assert_cmpstr(index->text, ==, "<!doctype html><title>Hà Tĩnh</title>");
    g_assert_nonnull(strstr(soup_message_headers_get_one(index->headers, "Content-Security-Policy"), "default-src 'self'"));
    /* scripts from here alone, none inside of a page */
    const char *policy = soup_message_headers_get_one(index->headers, "Content-Security-Policy");
    g_assert_null(strstr(policy, "script-src"));
    g_assert_null(strstr(policy, "default-src 'self' 'unsafe"));
    g_assert_null(strstr(policy, "unsafe-eval"));
    g_assert_nonnull(strstr(policy, "object-src 'none'; base-uri 'none'"));
    g_autoptr(TestReply) script = test_call_raw(&site->t, "GET", "/assets/app.js", NULL, NULL, NULL, 0);
    g_assert_cmpstr(soup_message_headers_get_one(script->headers, "Content-Type"), ==, "text/javascript; charset=utf-8");
    g_assert_nonnull(soup_message_headers_get_one(script->headers, "ETag"));
    g_autoptr(TestReply) page = test_call_raw(&site->t, "GET", "/rooms/giao-ban", NULL, NULL, NULL, 0);
    g_assert_cmpstr(page->text, ==, index->text); /* the console routes by itself */
    for (unsigned i = 0; i < G_N_ELEMENTS(refused); i++) {
        /* as bytes: a client would mend some of them */
        g_autofree char *request = g_strdup_printf("GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", refused[i]);
        g_autofree char *reply = raw_exchange(&site->t, request, strlen(request));
        g_test_message("%s: %.20s", refused[i], reply);
        if (!strstr(reply, "Hà Tĩnh")) /* the console's own page is a fair answer to any address without a dot */
            g_assert_true(strstr(reply, " 404 ") || strstr(reply, " 400 "));
        g_assert_null(strstr(reply, "root:"));
        g_assert_null(strstr(reply, "hidden"));
    }
    g_autoptr(TestReply) post = test_call_raw(&site->t, "POST", "/", NULL, "text/plain", "x", 1);
    g_assert_cmpuint(post->status, ==, 405);
}

/* --- connections --- */

static void test_hostile(Site *site, gconstpointer data)
{
    g_autofree char *huge = g_strnfill(300000, 'a');
    g_autofree char *header = g_strconcat("GET /api/v1/session HTTP/1.0\r\nX-Long: ", huge, "\r\n\r\n", NULL);
    g_autofree char *long_header = raw_exchange(&site->t, header, strlen(header));
    g_assert_false(g_str_has_prefix(long_header, "HTTP/1.0 200"));
    g_autofree char *garbage = raw_exchange(&site->t, "\x16\x03\x01\r\n\r\n\r\n", 9);
    g_assert_false(g_str_has_prefix(garbage, "HTTP/1.1 200"));
    static const char chunked[] = "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
                                  "Transfer-Encoding: chunked\r\n\r\n10000\r\n";
    g_autofree char *body = g_strnfill(65536, ' ');
    g_autofree char *bomb = g_strconcat(chunked, body, "\r\n10000\r\n", body, "\r\n0\r\n\r\n", NULL);
    g_autofree char *refused = raw_exchange(&site->t, bomb, strlen(bomb));
    g_assert_nonnull(strstr(refused, " 413 "));
    g_autoptr(TestReply) health = test_call_raw(&site->t, "GET", "/healthz", NULL, NULL, NULL, 0);
    g_assert_cmpuint(health->status, ==, 200);
}

static gboolean any_certificate(SoupMessage *message, GTlsCertificate *certificate, GTlsCertificateFlags flags, gpointer user)
{
    g_assert_true(flags & G_TLS_CERTIFICATE_UNKNOWN_CA);
    g_assert_false(flags & (G_TLS_CERTIFICATE_BAD_IDENTITY | G_TLS_CERTIFICATE_EXPIRED | G_TLS_CERTIFICATE_NOT_ACTIVATED));
    *(bool *)user = true;
    return TRUE;
}

static void got(GObject *source, GAsyncResult *result, gpointer user)
{
    g_autoptr(GBytes) bytes = soup_session_send_and_read_finish(SOUP_SESSION(source), result, NULL);

    g_assert_nonnull(bytes);
    *(GBytes **)user = g_bytes_ref(bytes);
}

/* Sixty connections that say nothing, and sixty that begin a handshake and stop, hold nobody up. */
static void test_silent(Site *site, gconstpointer data)
{
    static const guint8 part[] = {22, 3, 1, 2, 0, 1, 0, 1};
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GPtrArray) silent = g_ptr_array_new_with_free_func(g_object_unref);
    g_autofree char *url = g_strdup_printf("https://127.0.0.1:%u/healthz", site->t.tls_port);
    g_autoptr(SoupMessage) message = soup_message_new("GET", url);
    g_autoptr(GBytes) bytes = NULL;
    bool asked = false;
    int64_t begun_us = g_get_monotonic_time();

    for (unsigned i = 0; i < 120; i++) {
        GSocketConnection *c = g_socket_client_connect_to_host(client, "127.0.0.1", (guint16)site->t.tls_port, NULL, NULL);
        g_assert_nonnull(c);
        if (i % 2)
            g_assert_cmpint(g_socket_send(g_socket_connection_get_socket(c), (const char *)part, sizeof part, NULL, NULL), ==, sizeof part);
        g_ptr_array_add(silent, c);
        g_main_context_iteration(NULL, FALSE);
    }
    g_signal_connect(message, "accept-certificate", G_CALLBACK(any_certificate), &asked);
    soup_session_send_and_read_async(site->t.session, message, G_PRIORITY_DEFAULT, NULL, got, &bytes);
    while (!bytes)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(asked);
    g_assert_cmpint(g_get_monotonic_time() - begun_us, <, 9 * G_USEC_PER_SEC);
}

/* Sockets of the server's port that are open or half closed (01 ESTABLISHED, 08 CLOSE_WAIT). */
static unsigned open_sockets(unsigned port)
{
    g_autofree char *text = NULL;
    unsigned n = 0;

    g_assert_true(g_file_get_contents("/proc/net/tcp", &text, NULL, NULL));
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        unsigned local, state;
        if (sscanf(*line, " %*u: %*x:%x %*x:%*x %x", &local, &state) == 2 && local == port)
            n += state == 0x01 || state == 0x08;
    }
    return n;
}

static void test_tls(Site *site, gconstpointer data)
{
    TestApi *t = &site->t;
    g_autofree char *url = g_strdup_printf("https://127.0.0.1:%u/healthz", t->tls_port);
    g_autofree char *key = g_build_filename(t->dir, "https-key.pem", NULL);
    g_autofree char *v6 = g_strdup_printf("http://[::1]:%u/healthz", md_api_port(t->api, 2));
    g_autoptr(SoupMessage) message = soup_message_new("GET", url);
    g_autoptr(SoupMessage) over_v6 = soup_message_new("GET", v6);
    g_autoptr(GBytes) bytes = NULL;
    g_autoptr(GBytes) bytes6 = NULL;
    bool asked = false;
    GStatBuf st;

    g_assert_cmpint(g_stat(key, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 0777, ==, 0600);
    g_signal_connect(message, "accept-certificate", G_CALLBACK(any_certificate), &asked);
    soup_session_send_and_read_async(t->session, message, G_PRIORITY_DEFAULT, NULL, got, &bytes);
    while (!bytes)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(asked);
    g_assert_cmpmem(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), "ok\n", 3);
    g_assert_nonnull(soup_message_headers_get_one(soup_message_get_response_headers(message), "Strict-Transport-Security"));
    soup_session_send_and_read_async(t->session, over_v6, G_PRIORITY_DEFAULT, NULL, got, &bytes6);
    while (!bytes6)
        g_main_context_iteration(NULL, TRUE);
    /* an answered connection costs nothing afterwards */
    int64_t until_us = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    while (open_sockets(t->tls_port) > 0) {
        g_assert_cmpint(g_get_monotonic_time(), <, until_us);
        g_main_context_iteration(NULL, FALSE);
    }
}

static void test_listen_errors(void)
{
    static const struct {
        const char *listen;
        bool allow_http;
        const char *message;
    } cases[] = {
        {"http://127.0.0.1:0", false, "plain HTTP is for loopback only, and only when allowed"},
        {"http://0.0.0.0:0", true, "plain HTTP is for loopback only, and only when allowed"},
        {"localhost:0", true, "write a numeric address and a port"},
    };
    g_autofree char *dir = g_dir_make_tmp("api-XXXXXX", NULL);
    MdStore *store = md_store_open(":memory:", md_api_migrations, md_api_n_migrations, NULL, NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        GError *error = NULL;
        g_assert_null(md_api_new(&(MdApiOptions){.listen = (const char *const[]){cases[i].listen, NULL}, .state_dir = dir,
                                                 .allow_http = cases[i].allow_http}, store, &error));
        g_assert_nonnull(strstr(error->message, cases[i].message));
        g_error_free(error);
    }
    md_store_close(store);
    static const char *const files[] = {"setup-code", "https-cert.pem", "https-key.pem", ""};
    for (unsigned i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_build_filename(dir, files[i], NULL);
        g_remove(path);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(name, fn) g_test_add("/api/" name, Site, NULL, set_up, fn, tear_down)
    CASE("events", test_events);
    CASE("events-area", test_events_area);
    CASE("events-refused", test_events_refused);
    CASE("slow-subscriber", test_slow);
    CASE("console", test_console);
    CASE("hostile", test_hostile);
    CASE("tls", test_tls);
    CASE("silent", test_silent);
    g_test_add_func("/api/listen-errors", test_listen_errors);
    return g_test_run();
}
