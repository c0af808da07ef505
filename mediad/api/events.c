/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /api/v1/events: a WebSocket that tells what happens. The token comes as sub-protocol "mediad.token.TOKEN" beside
 * "mediad.events" (browsers cannot set headers), as Authorization header, as the console's cookie, or as first message {"token":"…"}. */
#include "mediad/api/private.h"
#include <string.h>

#define PROTOCOL "mediad.events"
#define TOKEN_WAIT_S 5
#define PING_S 20
#define PONG_MAX_US (65 * G_USEC_PER_SEC)
#define BACKLOG_MAX (1024 * 1024)

typedef struct Subscriber {
    MdApi *api;
    SoupWebsocketConnection *connection;
    GSocket *socket;
    char *session, *area; /* session: hash; NULL: not signed in yet */
    MdApiRole role;
    gsize backlog;      /* bytes given while the socket took none */
    int64_t pong_us;
    guint token_timer;
} Subscriber;

struct MdApiEvents {
    MdApi *api;
    GPtrArray *subscribers;
    guint timer;
};

static void subscriber_free(gpointer data)
{
    Subscriber *s = data;

    if (s->token_timer)
        g_source_remove(s->token_timer);
    g_signal_handlers_disconnect_by_data(s->connection, s);
    g_object_unref(s->connection);
    g_clear_object(&s->socket);
    g_free(s->session);
    g_free(s->area);
    g_free(s);
}

static void let_go(SoupWebsocketConnection *connection, gpointer user)
{
    g_signal_handlers_disconnect_by_func(connection, let_go, user);
    g_object_unref(connection);
}

/* Keeps the connection until its close handshake is over (libsoup gives that five seconds). */
static void close_gently(SoupWebsocketConnection *connection, int code, const char *why)
{
    if (soup_websocket_connection_get_state(connection) != SOUP_WEBSOCKET_STATE_OPEN)
        return;
    g_signal_connect(g_object_ref(connection), "closed", G_CALLBACK(let_go), NULL);
    soup_websocket_connection_close(connection, (gushort)code, why);
}

/* Closes politely; the close frame of one that does not read waits in vain, so its stream is closed too. */
static void drop(Subscriber *s, int code, const char *why, bool at_once)
{
    MdApiEvents *events = s->api->events;

    g_signal_handlers_disconnect_by_data(s->connection, s); /* closing may tell at once that it is closed */
    close_gently(s->connection, code, why);
    if (at_once && s->socket)
        g_socket_shutdown(s->socket, TRUE, TRUE, NULL);
    g_ptr_array_remove_fast(events->subscribers, s);
}

static void send_text(Subscriber *s, const char *text)
{
    if (soup_websocket_connection_get_state(s->connection) == SOUP_WEBSOCKET_STATE_OPEN)
        soup_websocket_connection_send_text(s->connection, text);
}

static bool subscriber_sign_in(Subscriber *s, const char *token)
{
    const MdApiSession *session = md_api_session_find(s->api, token);

    if (!session || !(md_api_role_rights(session->role) & MD_API_MAY_VIEW) || session->must_enrol)
        return false;
    s->session = g_strdup(session->hash);
    s->area = g_strdup(session->area);
    s->role = session->role;
    if (s->token_timer)
        g_source_remove(s->token_timer);
    s->token_timer = 0;
    send_text(s, "{\"type\":\"hello\",\"data\":{\"version\":\"" MEDIAD_VERSION "\"}}");
    return true;
}

static void on_message(SoupWebsocketConnection *connection, gint type, GBytes *bytes, gpointer user)
{
    Subscriber *s = user;
    gsize size;
    const char *text = g_bytes_get_data(bytes, &size);

    if (s->session)
        return; /* nothing to say in this direction yet */
    g_autoptr(JsonNode) node = type == SOUP_WEBSOCKET_DATA_TEXT ? md_json_parse(text, size, NULL) : NULL;
    JsonNode *token = node && JSON_NODE_HOLDS_OBJECT(node) ? json_object_get_member(json_node_get_object(node), "token")
                                                           : NULL;
    if (!token || !JSON_NODE_HOLDS_VALUE(token) || json_node_get_value_type(token) != G_TYPE_STRING ||
        !subscriber_sign_in(s, json_node_get_string(token)))
        drop(s, 4401, "not signed in", false);
}

static void on_closed(SoupWebsocketConnection *connection, gpointer user)
{
    Subscriber *s = user;

    g_ptr_array_remove_fast(s->api->events->subscribers, s);
}

static void on_pong(SoupWebsocketConnection *connection, GBytes *bytes, gpointer user)
{
    Subscriber *s = user;

    s->pong_us = g_get_monotonic_time();
}

static gboolean token_late(gpointer user)
{
    Subscriber *s = user;

    s->token_timer = 0;
    drop(s, 4401, "not signed in", false);
    return G_SOURCE_REMOVE;
}

static void connected(SoupServer *soup, SoupServerMessage *message, const char *path,
                      SoupWebsocketConnection *connection, gpointer user)
{
    MdApi *api = user;
    MdApiEvents *events = api->events;
    g_autofree char *source = md_api_source_of(message);
    g_autofree char *token = md_api_websocket_token(api, message);

    if (events->subscribers->len >= api->websockets_max ||
        !md_api_guard_request(api->guard, source, md_clock_now_us(api->clock))) {
        close_gently(connection, 4429, "too many subscribers");
        return;
    }
    Subscriber *s = g_new0(Subscriber, 1);
    s->api = api;
    s->connection = g_object_ref(connection);
    s->socket = md_api_message_socket(message);
    if (s->socket)
        g_object_ref(s->socket);
    s->pong_us = g_get_monotonic_time();
    g_ptr_array_add(events->subscribers, s);
    soup_websocket_connection_set_max_incoming_payload_size(connection, 4096);
    soup_websocket_connection_set_keepalive_interval(connection, PING_S);
    g_signal_connect(connection, "message", G_CALLBACK(on_message), s);
    g_signal_connect(connection, "closed", G_CALLBACK(on_closed), s);
    g_signal_connect(connection, "pong", G_CALLBACK(on_pong), s);
    if (token && !subscriber_sign_in(s, token))
        drop(s, 4401, "not signed in", false);
    else if (!token)
        s->token_timer = g_timeout_add_seconds(TOKEN_WAIT_S, token_late, s);
}

/* Before the handshake: libsoup hands over all that begins so. What gets an answer here gets no WebSocket. */
static void at_the_door(SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query, gpointer user)
{
    static const char NOTHING[] = "{\"error\":{\"code\":\"no-such-address\",\"message\":\"there is nothing at this address\"}}\n";
    bool upgrades = soup_message_headers_header_contains(soup_server_message_get_request_headers(message), "Upgrade", "websocket");

    if (g_str_equal(path, MD_API_PREFIX "/events") && upgrades)
        return;
    md_api_security_headers(user, message, false);
    soup_server_message_set_response(message, "application/json", SOUP_MEMORY_STATIC, NOTHING, sizeof NOTHING - 1);
    soup_server_message_set_status(message, 404, NULL);
}

void md_api_events_recheck(MdApi *api)
{
    GPtrArray *all = api->events ? api->events->subscribers : NULL;

    for (unsigned i = all ? all->len : 0; i-- > 0;) {
        Subscriber *s = all->pdata[i];
        if (s->session && !md_api_session_alive(api, s->session))
            drop(s, 4401, "signed out", false);
    }
    md_api_sockets_recheck(api);
}

static gboolean sweep(gpointer user)
{
    MdApiEvents *events = user;
    int64_t now_us = g_get_monotonic_time();

    md_api_events_recheck(events->api);
    for (unsigned i = events->subscribers->len; i-- > 0;) {
        Subscriber *s = events->subscribers->pdata[i];
        if (now_us - s->pong_us > PONG_MAX_US)
            drop(s, 1001, "no answer to pings", true);
    }
    return G_SOURCE_CONTINUE;
}

/* Who did what on the accounts is for administrators; what happens elsewhere is not for those bound to an area. */
static bool may_see(const Subscriber *s, const char *type, MdApiTell tell, const char *areas)
{
    return s->session && (s->role == MD_API_ADMIN || !(g_str_has_prefix(type, "user.") || g_str_has_prefix(type, "audit."))) &&
           md_api_area_told(s->api, s->area, tell, areas);
}

static void send_to(MdApi *api, Subscriber *s, const char *text, gsize size)
{
    /* libsoup queues without end and does not tell how much: what is given while the socket is full is counted here */
    if (s->socket && !g_socket_condition_check(s->socket, G_IO_OUT))
        s->backlog += size;
    else
        s->backlog = 0;
    if (s->backlog <= BACKLOG_MAX) {
        send_text(s, text);
        return;
    }
    api->counters.subscribers_dropped++;
    md_notice(&api->logger, "a console page that does not keep up with the events is let go (it comes back by itself): its line is slow, or its computer sleeps");
    drop(s, 1008, "too slow", true);
}

/* Written when the first one is to have it, then the same bytes for all. */
static void publish(MdApi *api, const char *type, const char *data, MdApiTell tell, const char *areas)
{
    g_autofree char *text = NULL;
    gsize size = 0;

    api->counters.events++;
    for (unsigned i = api->events->subscribers->len; i-- > 0;) {
        Subscriber *s = api->events->subscribers->pdata[i];
        if (!may_see(s, type, tell, areas))
            continue;
        if (!text) {
            g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc(md_clock_wall_us(api->clock) / G_USEC_PER_SEC);
            g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
            text = g_strdup_printf("{\"type\":\"%s\",\"time\":\"%s\",\"data\":%s}", type, time, data);
            size = strlen(text);
        }
        send_to(api, s, text, size);
    }
}

void md_api_publish_text(MdApi *api, const char *type, const char *data)
{
    publish(api, type, data, MD_API_TELL_EVERYBODY, NULL);
}

void md_api_publish(MdApi *api, const char *type, JsonNode *data)
{
    md_api_publish_to(api, type, data, MD_API_TELL_EVERYBODY, NULL);
}

void md_api_publish_to(MdApi *api, const char *type, JsonNode *data, MdApiTell tell, const char *areas)
{
    g_autofree char *text = data ? md_json_to_text(data, false) : g_strdup("{}");

    publish(api, type, g_strchomp(text), tell, areas);
    g_clear_pointer(&data, json_node_unref);
}

MdApiEvents *md_api_events_new(MdApi *api)
{
    static char *protocols[] = {(char *)PROTOCOL, NULL};
    MdApiEvents *events = g_new0(MdApiEvents, 1);

    events->api = api;
    events->subscribers = g_ptr_array_new_with_free_func(subscriber_free);
    events->timer = g_timeout_add_seconds(PING_S, sweep, events);
    soup_server_add_handler(api->soup, MD_API_PREFIX "/events", at_the_door, api, NULL);
    soup_server_add_websocket_handler(api->soup, MD_API_PREFIX "/events", NULL, protocols, connected, api, NULL);
    return events;
}

void md_api_events_free(MdApiEvents *events)
{
    if (!events)
        return;
    g_source_remove(events->timer);
    g_ptr_array_unref(events->subscribers);
    g_free(events);
}

unsigned md_api_events_count(const MdApi *api)
{
    return api->events->subscribers->len;
}
