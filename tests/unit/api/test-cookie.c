/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A browser's session: the cookie no page can read, what a forged request gets, the WebSocket of a page of ours and of another's. */
#include "mediad/api/json.h"
#include "tests/unit/api/client.h"
#include <string.h>

typedef struct Browser {
    TestApi t;
    char *cookie, *csrf; /* as they go out */
} Browser;

static TestReply *ask(TestApi *t, const char *method, const char *path, const char *cookie, const char *csrf, const char *body)
{
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/api/v1%s", t->port, path);
    g_autoptr(SoupMessage) message = soup_message_new(method, url);
    SoupMessageHeaders *h = soup_message_get_request_headers(message);

    if (cookie)
        soup_message_headers_append(h, "Cookie", cookie);
    if (csrf)
        soup_message_headers_append(h, "X-CSRF-Token", csrf);
    return test_send(t, message, body ? "application/json" : NULL, body);
}

static void set_up(Browser *b, gconstpointer data)
{
    test_api_start(&b->t, 0, NULL, 0);
    g_autofree char *token = test_api_admin_plain(&b->t);
    g_autoptr(TestReply) reply = ask(&b->t, "POST", "/session", NULL, NULL,
                                     "{\"user\":\"root\",\"password\":\"correct horse battery\",\"cookie\":true}");

    g_assert_cmpuint(reply->status, ==, 201);
    g_assert_null(strstr(reply->text, "token"));
    const char *set = soup_message_headers_get_list(reply->headers, "Set-Cookie");
    g_assert_nonnull(set);
    g_assert_nonnull(strstr(set, "; HttpOnly"));
    g_assert_nonnull(strstr(set, "; SameSite=Strict"));
    g_assert_nonnull(strstr(set, "; Path=/"));
    b->cookie = g_strndup(set, strcspn(set, ";"));
    b->csrf = g_strdup(test_string(reply, "csrf"));
    g_assert_null(strstr(b->cookie, b->csrf)); /* the one does not tell the other */
}

static void tear_down(Browser *b, gconstpointer data)
{
    test_api_stop(&b->t);
    g_free(b->cookie);
    g_free(b->csrf);
}

static void expect(Browser *b, const char *method, const char *path, const char *cookie, const char *csrf, const char *body, unsigned status,
                   const char *code)
{
    g_autoptr(TestReply) reply = ask(&b->t, method, path, cookie, csrf, body);

    g_assert_cmpuint(reply->status, ==, status);
    if (code)
        g_assert_cmpstr(test_error_code(reply), ==, code);
}

#define PASSWORD "{\"old_password\":\"correct horse battery\",\"password\":\"correct horse battery 2\"}"

static void test_forgery(Browser *b, gconstpointer data)
{
    g_autofree char *wrong = g_strdup(b->csrf);
    wrong[0] = wrong[0] == '0' ? '1' : '0';
    g_autofree char *among = g_strconcat("a=b; ", b->cookie, "; mediadx=1", NULL);

    /* reading needs the cookie alone, and tells the page its value again after a reload */
    g_autoptr(TestReply) me = ask(&b->t, "GET", "/session", among, NULL, NULL);
    g_assert_cmpuint(me->status, ==, 200);
    g_assert_cmpstr(test_string(me, "csrf"), ==, b->csrf);
    expect(b, "GET", "/session", NULL, b->csrf, NULL, 401, "not-signed-in");
    expect(b, "GET", "/session", "mediad=", NULL, NULL, 401, "not-signed-in");
    expect(b, "GET", "/session", "mediad=abc", NULL, NULL, 401, "not-signed-in");
    /* changing needs both */
    expect(b, "POST", "/session/password", b->cookie, NULL, PASSWORD, 403, "forged");
    expect(b, "POST", "/session/password", b->cookie, "", PASSWORD, 403, "forged");
    expect(b, "POST", "/session/password", b->cookie, wrong, PASSWORD, 403, "forged");
    expect(b, "DELETE", "/session", b->cookie, NULL, NULL, 403, "forged");
    expect(b, "DELETE", "/session", b->cookie, b->csrf, NULL, 204, NULL);
    expect(b, "GET", "/session", b->cookie, NULL, NULL, 401, "not-signed-in");
}

/* An old cookie must not stand in the way of signing in; signing out makes the browser forget it. */
static void test_again(Browser *b, gconstpointer data)
{
    expect(b, "POST", "/session", b->cookie, NULL, "{\"user\":\"root\",\"password\":\"correct horse battery\",\"cookie\":true}", 201, NULL);
    g_autoptr(TestReply) out = ask(&b->t, "DELETE", "/session", b->cookie, b->csrf, NULL);
    g_assert_cmpuint(out->status, ==, 204);
    g_assert_nonnull(strstr(soup_message_headers_get_list(out->headers, "Set-Cookie"), "Max-Age=0"));
    /* a script gets its token as ever, and no cookie */
    g_autoptr(TestReply) script = ask(&b->t, "POST", "/session", NULL, NULL, "{\"user\":\"root\",\"password\":\"correct horse battery\"}");
    g_assert_cmpuint(script->status, ==, 201);
    g_assert_nonnull(test_string(script, "token"));
    g_assert_null(soup_message_headers_get_list(script->headers, "Set-Cookie"));
}

typedef struct Socket {
    SoupWebsocketConnection *connection;
    bool done;
    int close_code;
    char *text;
} Socket;

static void on_connected(GObject *source, GAsyncResult *result, gpointer user)
{
    Socket *s = user;

    s->connection = soup_session_websocket_connect_finish(SOUP_SESSION(source), result, NULL);
    s->done = true;
}

static void on_message(SoupWebsocketConnection *connection, gint type, GBytes *bytes, gpointer user)
{
    gsize size;
    const char *text = g_bytes_get_data(bytes, &size);

    ((Socket *)user)->text = g_strndup(text, size);
}

static void on_closed(SoupWebsocketConnection *connection, gpointer user)
{
    ((Socket *)user)->close_code = soup_websocket_connection_get_close_code(connection);
}

/* The first word of a WebSocket with that origin, NULL: none, it was closed. */
static char *hello(Browser *b, const char *origin)
{
    static char *protocols[] = {(char *)"mediad.events", NULL};
    g_autofree char *url = g_strdup_printf("ws://127.0.0.1:%u/api/v1/events", b->t.port);
    g_autoptr(SoupMessage) message = soup_message_new("GET", url);
    Socket s = {0};

    soup_message_headers_append(soup_message_get_request_headers(message), "Cookie", b->cookie);
    soup_session_websocket_connect_async(b->t.session, message, origin, protocols, G_PRIORITY_DEFAULT, NULL, on_connected, &s);
    while (!s.done)
        g_main_context_iteration(NULL, TRUE);
    g_assert_nonnull(s.connection);
    g_signal_connect(s.connection, "message", G_CALLBACK(on_message), &s);
    g_signal_connect(s.connection, "closed", G_CALLBACK(on_closed), &s);
    if (!origin || !strstr(origin, "127.0.0.1")) /* says who it is by a message or not at all: an empty one ends the wait */
        soup_websocket_connection_send_text(s.connection, "{}");
    while (!s.text && !s.close_code)
        g_main_context_iteration(NULL, TRUE);
    if (s.close_code)
        g_assert_cmpint(s.close_code, ==, 4401);
    g_signal_handlers_disconnect_by_data(s.connection, &s);
    g_object_unref(s.connection);
    return s.text;
}

static void test_websocket(Browser *b, gconstpointer data)
{
    g_autofree char *own = g_strdup_printf("http://127.0.0.1:%u", b->t.port);
    g_autofree char *other_port = g_strdup_printf("http://127.0.0.2:%u", b->t.port);
    g_autofree char *text = hello(b, own);

    g_assert_nonnull(strstr(text, "hello"));
    g_assert_null(hello(b, "http://evil.example"));
    g_assert_null(hello(b, other_port));
    g_assert_null(hello(b, NULL));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(name, fn) g_test_add("/cookie/" name, Browser, NULL, set_up, fn, tear_down)
    CASE("forgery", test_forgery);
    CASE("again", test_again);
    CASE("websocket", test_websocket);
    return g_test_run();
}
