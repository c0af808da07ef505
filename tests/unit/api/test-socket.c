/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A WebSocket of another room: who gets in, what bounds it, and that its owner hears of every end. */
#include "mediad/api/json.h"
#include "mediad/api/socket.h"
#include "tests/unit/api/client.h"
#include <string.h>

typedef struct Desk {
    TestApi t;
    char *token;
    MdApiSocket *last;
    unsigned opened, closed, signed_out;
    GString *said;
} Desk;

static void on_open(MdApiSocket *socket, void *user)
{
    Desk *d = user;

    d->opened++;
    d->last = socket;
    md_api_socket_set_data(socket, d);
    g_assert_true(md_api_socket_data(socket) == d);
    g_assert_cmpstr(md_api_socket_source(socket), ==, "127.0.0.1");
    g_assert_false(md_api_socket_secure(socket));
}

static void on_text(MdApiSocket *socket, const char *text, gsize len, void *user)
{
    Desk *d = user;

    g_string_append_len(d->said, text, (gssize)len);
    if (strcmp(text, "close") == 0)
        md_api_socket_close(socket, 4000, "as you wish");
    else
        md_api_socket_send(socket, md_api_socket_user(socket) ? md_api_socket_user(socket) : "guest");
}

static void on_end(MdApiSocket *socket, bool signed_out, void *user)
{
    Desk *d = user;

    d->closed++;
    d->signed_out += signed_out;
}

static const MdApiSocketPlace open_place = {.path = "/desk", .protocol = "test.1", .summary = "A test.", .guests = true, .connections_max = 4, .per_source_max = 3,
                                            .message_max = 1000, .on_open = on_open, .on_text = on_text, .on_closed = on_end};
static const MdApiSocketPlace closed_place = {.path = "/closed", .protocol = "test.1", .summary = "Another test.", .on_open = on_open, .on_text = on_text, .on_closed = on_end};

static void set_up(Desk *d, gconstpointer data)
{
    test_api_start(&d->t, 0, NULL, 0);
    d->token = test_api_admin_plain(&d->t);
    d->said = g_string_new(NULL);
    md_api_add_socket(d->t.api, &open_place, d);
    md_api_add_socket(d->t.api, &closed_place, d);
}

static void tear_down(Desk *d, gconstpointer data)
{
    test_api_stop(&d->t);
    g_assert_cmpuint(d->closed, <=, d->opened);
    g_string_free(d->said, TRUE);
    g_free(d->token);
}

typedef struct Client {
    SoupWebsocketConnection *connection;
    SoupMessage *message;
    unsigned status;
    bool done;
    int close_code;
    char *text;
} Client;

static void on_connected(GObject *source, GAsyncResult *result, gpointer user)
{
    Client *c = user;

    c->connection = soup_session_websocket_connect_finish(SOUP_SESSION(source), result, NULL);
    c->status = soup_message_get_status(c->message);
    c->done = true;
}

static void on_message(SoupWebsocketConnection *connection, gint type, GBytes *bytes, gpointer user)
{
    Client *c = user;
    gsize size;
    const char *text = g_bytes_get_data(bytes, &size);

    g_free(c->text);
    c->text = g_strndup(text, size);
}

static void on_closed(SoupWebsocketConnection *connection, gpointer user)
{
    unsigned code = soup_websocket_connection_get_close_code(connection);

    ((Client *)user)->close_code = code ? (int)code : 1006; /* without a word */
}

static Client *dial(Desk *d, const char *path, const char *token, const char *origin)
{
    g_autofree char *url = g_strdup_printf("ws://127.0.0.1:%u/api/v1%s", d->t.port, path);
    g_autofree char *second = token ? g_strconcat("mediad.token.", token, NULL) : NULL;
    char *protocols[] = {(char *)"test.1", second, NULL};
    Client *c = g_new0(Client, 1);

    c->message = soup_message_new("GET", url);
    soup_session_websocket_connect_async(d->t.session, c->message, origin, protocols, G_PRIORITY_DEFAULT, NULL, on_connected, c);
    while (!c->done)
        g_main_context_iteration(NULL, TRUE);
    if (c->connection) {
        g_signal_connect(c->connection, "message", G_CALLBACK(on_message), c);
        g_signal_connect(c->connection, "closed", G_CALLBACK(on_closed), c);
    }
    return c;
}

static void hang_up(Client *c)
{
    if (c->connection) {
        g_signal_handlers_disconnect_by_data(c->connection, c);
        if (soup_websocket_connection_get_state(c->connection) == SOUP_WEBSOCKET_STATE_OPEN)
            soup_websocket_connection_close(c->connection, 1000, NULL);
        g_object_unref(c->connection);
    }
    g_object_unref(c->message);
    g_free(c->text);
    g_free(c);
}

static const char *say(Client *c, const char *text)
{
    g_clear_pointer(&c->text, g_free);
    soup_websocket_connection_send_text(c->connection, text);
    while (!c->text && !c->close_code)
        g_main_context_iteration(NULL, TRUE);
    return c->text;
}

static void wait_closed(Client *c, int code)
{
    while (!c->close_code)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(c->close_code, ==, code);
}

static void refused(Desk *d, const char *path, const char *token, const char *origin, unsigned status)
{
    unsigned opened = d->opened;
    Client *c = dial(d, path, token, origin);

    g_assert_null(c->connection);
    g_assert_cmpuint(c->status, ==, status);
    g_assert_cmpuint(d->opened, ==, opened);
    hang_up(c);
}

static void on_sent(GObject *source, GAsyncResult *result, gpointer user)
{
    g_autoptr(GInputStream) stream = soup_session_send_finish(SOUP_SESSION(source), result, NULL);

    g_assert_nonnull(stream);
    *(bool *)user = true;
}

static unsigned plain_get(Desk *d, const char *path)
{
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/api/v1%s", d->t.port, path);
    g_autoptr(SoupMessage) message = soup_message_new("GET", url);
    bool done = false;

    soup_session_send_async(d->t.session, message, G_PRIORITY_DEFAULT, NULL, on_sent, &done);
    while (!done)
        g_main_context_iteration(NULL, TRUE);
    return soup_message_get_status(message);
}

static void test_who(Desk *d, gconstpointer data)
{
    g_autofree char *own = g_strdup_printf("http://127.0.0.1:%u", d->t.port);
    g_autofree char *other = g_strdup_printf("http://127.0.0.1:%u", d->t.port + 1);
    Client *guest = dial(d, "/desk", NULL, own), *known = dial(d, "/closed", d->token, NULL);

    g_assert_cmpstr(say(guest, "a"), ==, "guest");
    g_assert_cmpstr(say(known, "b"), ==, "root");
    g_assert_cmpuint(md_api_socket_rights(d->last) & MD_API_MAY_OPERATE, !=, 0);
    g_assert_cmpstr(md_api_socket_area(d->last), ==, "");
    refused(d, "/closed", NULL, NULL, 401);
    refused(d, "/closed", "nonsense", NULL, 401);
    refused(d, "/desk", "nonsense", NULL, 401); /* it believes itself signed in: told at once */
    refused(d, "/desk", NULL, "http://evil.example", 403);
    refused(d, "/desk", NULL, other, 403);
    g_assert_cmpuint(plain_get(d, "/desk"), ==, 426);
    g_assert_cmpuint(plain_get(d, "/deskx"), ==, 404);
    refused(d, "/deskx", NULL, NULL, 404); /* libsoup hands over all that begins so */
    refused(d, "/desk/x", d->token, NULL, 404);
    g_assert_null(say(guest, "close"));
    g_assert_cmpint(guest->close_code, ==, 4000);
    g_assert_cmpuint(d->closed, ==, 0);
    hang_up(guest);
    hang_up(known);
    while (d->closed < 1)
        g_main_context_iteration(NULL, TRUE);
}

static void test_limits(Desk *d, gconstpointer data)
{
    Client *c[3];

    for (unsigned i = 0; i < G_N_ELEMENTS(c); i++) {
        c[i] = dial(d, "/desk", NULL, NULL);
        g_assert_nonnull(c[i]->connection);
    }
    refused(d, "/desk", NULL, NULL, 429);
    g_autofree char *large = g_strnfill(1001, 'x');
    g_assert_null(say(c[0], large));
    g_assert_cmpint(c[0]->close_code, ==, 1006);
    g_autoptr(GBytes) bytes = g_bytes_new_static("x", 1);
    soup_websocket_connection_send_message(c[1]->connection, SOUP_WEBSOCKET_DATA_BINARY, bytes);
    wait_closed(c[1], 1003);
    while (d->closed < 2)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(d->said->len, ==, 0);
    hang_up(c[0]);
    c[0] = dial(d, "/desk", NULL, NULL);
    g_assert_cmpstr(say(c[0], "here"), ==, "guest");
    for (unsigned i = 0; i < G_N_ELEMENTS(c); i++)
        hang_up(c[i]);
}

static void test_ends(Desk *d, gconstpointer data)
{
    Client *guest = dial(d, "/desk", NULL, NULL), *known = dial(d, "/desk", d->token, NULL);

    g_assert_cmpstr(say(known, "b"), ==, "root");
    test_expect(&d->t, "DELETE", "/session", d->token, NULL, 204, NULL);
    wait_closed(known, 4401);
    g_assert_cmpuint(d->closed, ==, 1);
    g_assert_cmpuint(d->signed_out, ==, 1);
    md_api_end_sockets(d->t.api, &open_place);
    g_assert_cmpuint(d->closed, ==, 2);
    wait_closed(guest, 1001);
    refused(d, "/desk", NULL, NULL, 503);
    hang_up(guest);
    hang_up(known);
}

/* Whoever reads the API's description learns of it. */
static void test_described(Desk *d, gconstpointer data)
{
    g_autoptr(TestReply) reply = test_call(&d->t, "GET", "/openapi.json", NULL, NULL);
    JsonObject *paths = json_object_get_object_member(json_node_get_object(reply->json), "paths");
    JsonObject *open = json_object_get_object_member(json_object_get_object_member(paths, "/api/v1/desk"), "get");
    JsonObject *closed = json_object_get_object_member(json_object_get_object_member(paths, "/api/v1/closed"), "get");

    g_assert_cmpstr(json_object_get_string_member(open, "operationId"), ==, "getDesk");
    g_assert_cmpstr(json_object_get_string_member(open, "summary"), ==, "A test.");
    g_assert_cmpstr(json_object_get_string_member(open, "x-websocket-protocol"), ==, "test.1");
    g_assert_cmpstr(json_object_get_string_member(open, "x-least-role"), ==, "anybody");
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(open, "security")), ==, 0);
    g_assert_true(json_object_has_member(json_object_get_object_member(open, "responses"), "101"));
    g_assert_true(json_object_has_member(json_object_get_object_member(open, "responses"), "default"));
    g_assert_cmpstr(json_object_get_string_member(closed, "x-least-role"), ==, "viewer");
    g_assert_false(json_object_has_member(closed, "security"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(name, fn) g_test_add("/socket/" name, Desk, NULL, set_up, fn, tear_down)
    CASE("who", test_who);
    CASE("limits", test_limits);
    CASE("ends", test_ends);
    CASE("described", test_described);
    return g_test_run();
}
