/* SPDX-License-Identifier: GPL-3.0-or-later */
/* WebSockets of other rooms: who may open one, and what keeps it within bounds. What they say is not read here. */
#include "mediad/api/socket.h"
#include "mediad/api/private.h"
#include <string.h>

#define SILENT_DEFAULT_S 50
#define PINGS 3 /* in the time one may be silent */
#define CONNECTIONS_DEFAULT 500
#define PER_SOURCE_DEFAULT 100
#define MESSAGE_DEFAULT (64 * 1024)
#define BACKLOG_DEFAULT (1024 * 1024)
#define AGENT_MAX 256

typedef struct Place {
    MdApi *api;
    const MdApiSocketPlace *spec;
    void *user;
    GPtrArray *sockets; /* MdApiSocket* */
    guint timer;
    int64_t swept_us;
    bool ended;
} Place;

struct MdApiSockets {
    MdApi *api;
    GPtrArray *places;
};

struct MdApiSocket {
    Place *place;
    SoupWebsocketConnection *connection;
    GSocket *socket;
    char *source, *agent, *user, *area, *session; /* session: hash of the token */
    MdApiRole role;
    bool secure;
    gsize backlog;
    int64_t heard_us;
    GSource *slow; /* it is about to be dropped */
    void *data;
};

static void socket_free(gpointer data)
{
    MdApiSocket *s = data;

    if (s->slow) {
        g_source_destroy(s->slow);
        g_source_unref(s->slow);
    }
    g_signal_handlers_disconnect_by_data(s->connection, s);
    g_object_unref(s->connection);
    g_clear_object(&s->socket);
    g_free(s->source);
    g_free(s->agent);
    g_free(s->user);
    g_free(s->area);
    g_free(s->session);
    g_free(s);
}

static void let_go(SoupWebsocketConnection *connection, gpointer user)
{
    g_signal_handlers_disconnect_by_func(connection, let_go, user);
    g_object_unref(connection);
}

/* Keeps the connection until its close handshake is over; at_once: the other side does not read, it would not see it. */
static void finish(MdApiSocket *s, unsigned code, const char *why, bool at_once)
{
    g_signal_handlers_disconnect_by_data(s->connection, s);
    if (soup_websocket_connection_get_state(s->connection) == SOUP_WEBSOCKET_STATE_OPEN) {
        g_signal_connect(g_object_ref(s->connection), "closed", G_CALLBACK(let_go), NULL);
        soup_websocket_connection_close(s->connection, (gushort)code, why);
    }
    if (at_once && s->socket)
        g_socket_shutdown(s->socket, TRUE, TRUE, NULL);
    g_ptr_array_remove_fast(s->place->sockets, s);
}

/* The same, and its owner is told first. */
static void drop(MdApiSocket *s, unsigned code, const char *why, bool at_once, bool signed_out)
{
    Place *place = s->place;

    g_signal_handlers_disconnect_by_data(s->connection, s);
    place->spec->on_closed(s, signed_out, place->user);
    finish(s, code, why, at_once);
}

static void on_message(SoupWebsocketConnection *connection, gint type, GBytes *bytes, gpointer user)
{
    MdApiSocket *s = user;
    gsize len;
    const char *text = g_bytes_get_data(bytes, &len);

    s->heard_us = g_get_monotonic_time();
    if (type == SOUP_WEBSOCKET_DATA_TEXT && text)
        s->place->spec->on_text(s, text, len, s->place->user);
    else
        drop(s, 1003, "text only", false, false);
}

static void on_closed(SoupWebsocketConnection *connection, gpointer user)
{
    MdApiSocket *s = user;

    drop(s, 1000, NULL, false, false);
}

static void on_pong(SoupWebsocketConnection *connection, GBytes *bytes, gpointer user)
{
    MdApiSocket *s = user;

    s->heard_us = g_get_monotonic_time();
}

static int64_t silent_s(const Place *place)
{
    return place->spec->silent_s ? place->spec->silent_s : SILENT_DEFAULT_S;
}

static int64_t ping_s(const Place *place)
{
    return MAX(silent_s(place) / PINGS, 1);
}

/* --- the door --- */

/* A page of another site may open a WebSocket to us, and browsers say which: it is refused. Programs name no origin. */
static bool is_foreign(SoupServerMessage *message)
{
    SoupMessageHeaders *h = soup_server_message_get_request_headers(message);
    const char *origin = soup_message_headers_get_one(h, "Origin"), *host = soup_message_headers_get_one(h, "Host");
    const char *rest = origin ? strstr(origin, "://") : NULL;

    return origin && (!rest || !host || g_ascii_strcasecmp(rest + 3, host) != 0);
}

static unsigned from_source(const Place *place, const char *source)
{
    unsigned n = 0;

    for (unsigned i = 0; i < place->sockets->len; i++)
        n += md_api_same_source(((const MdApiSocket *)place->sockets->pdata[i])->source, source);
    return n;
}

static void refuse(SoupServerMessage *message, int status, const char *code, const char *text)
{
    g_autofree char *body = g_strdup_printf("{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n", code, text);

    soup_server_message_set_response(message, "application/json", SOUP_MEMORY_COPY, body, strlen(body));
    soup_server_message_set_status(message, (guint)status, NULL);
}

/* Before the handshake; what gets an answer here gets no WebSocket. */
static void at_the_door(SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query, gpointer user)
{
    Place *place = user;
    MdApi *api = place->api;
    const MdApiSocketPlace *spec = place->spec;
    g_autofree char *source = md_api_source_of(message);
    g_autofree char *token = md_api_websocket_token(api, message);

    md_api_security_headers(api, message, false);
    if (!md_api_guard_request(api->guard, source, md_clock_now_us(api->clock))) {
        api->counters.refused_rate++;
        refuse(message, 429, "too-many-requests", "too many requests from this address: try again in some seconds");
    } else if (!g_str_equal(path + strlen(MD_API_PREFIX), spec->path)) { /* libsoup hands over all that begins so */
        refuse(message, 404, "no-such-address", "there is nothing at this address");
    } else if (is_foreign(message)) {
        refuse(message, 403, "foreign-origin", "a page of another site may not open this");
    } else if (place->ended || api->closing || place->sockets->len >= (spec->connections_max ? spec->connections_max : CONNECTIONS_DEFAULT)) {
        refuse(message, 503, "too-many-connections", "the server takes no more of these now: try again later");
    } else if (from_source(place, source) >= (spec->per_source_max ? spec->per_source_max : PER_SOURCE_DEFAULT)) {
        refuse(message, 429, "too-many-connections", "too many connections from this address");
    } else if (token ? !md_api_session_find(api, token) : !spec->guests) {
        refuse(message, 401, "not-signed-in", "sign in anew: the session is over or unknown");
    } else if (!soup_message_headers_header_contains(soup_server_message_get_request_headers(message), "Upgrade", "websocket")) {
        soup_message_headers_replace(soup_server_message_get_response_headers(message), "Upgrade", "websocket");
        refuse(message, 426, "websocket-only", "this address speaks WebSocket only");
    }
}

static void identify(MdApiSocket *s, const char *token)
{
    const MdApiSession *session = token ? md_api_session_find(s->place->api, token) : NULL;

    s->role = MD_API_ANYBODY;
    if (session && !session->must_enrol) {
        s->user = g_strdup(session->user);
        s->session = g_strdup(session->hash);
        s->role = session->role;
    }
    s->area = g_strdup(s->user ? session->area : "");
}

static void connected(SoupServer *soup, SoupServerMessage *message, const char *path, SoupWebsocketConnection *connection, gpointer user)
{
    Place *place = user;
    MdApi *api = place->api;
    g_autofree char *token = md_api_websocket_token(api, message);
    const char *agent = soup_message_headers_get_one(soup_server_message_get_request_headers(message), "User-Agent");
    MdApiSocket *s = g_new0(MdApiSocket, 1);

    s->place = place;
    s->connection = g_object_ref(connection);
    s->socket = md_api_message_socket(message);
    if (s->socket)
        g_object_ref(s->socket);
    s->source = md_api_source_of(message);
    s->secure = md_api_message_is_encrypted(message);
    g_autofree char *clean = g_utf8_make_valid(agent ? agent : "", -1);
    s->agent = g_utf8_substring(clean, 0, MIN(g_utf8_strlen(clean, -1), AGENT_MAX));
    s->heard_us = g_get_monotonic_time();
    identify(s, token);
    g_ptr_array_add(place->sockets, s);
    soup_websocket_connection_set_max_incoming_payload_size(connection, place->spec->message_max ? place->spec->message_max : MESSAGE_DEFAULT);
    soup_websocket_connection_set_keepalive_interval(connection, (guint)ping_s(place));
    g_signal_connect(connection, "message", G_CALLBACK(on_message), s);
    g_signal_connect(connection, "closed", G_CALLBACK(on_closed), s);
    g_signal_connect(connection, "pong", G_CALLBACK(on_pong), s);
    if (place->ended || api->closing)
        finish(s, 1001, "the server is ending", false);
    else
        place->spec->on_open(s, place->user);
}

/* --- all of them --- */

static void recheck(Place *place, int64_t silent_since_us)
{
    for (unsigned i = place->sockets->len; i-- > 0;) {
        if (i >= place->sockets->len) /* one's end may have been another's */
            continue;
        MdApiSocket *s = place->sockets->pdata[i];
        if (s->session && !md_api_session_alive(place->api, s->session))
            drop(s, 4401, "signed out", false, true);
        else if (s->heard_us < silent_since_us)
            drop(s, 1001, "no answer to pings", true, false);
    }
}

void md_api_sockets_recheck(MdApi *api)
{
    for (unsigned i = 0; api->sockets && i < api->sockets->places->len; i++)
        recheck(api->sockets->places->pdata[i], G_MININT64);
}

static gboolean sweep(gpointer user)
{
    Place *place = user;
    int64_t now_us = g_get_monotonic_time();
    bool late = now_us - place->swept_us > 2 * ping_s(place) * G_USEC_PER_SEC; /* it is us who were silent: what they said is still unread */

    place->swept_us = now_us;
    recheck(place, late ? G_MININT64 : now_us - silent_s(place) * G_USEC_PER_SEC);
    return G_SOURCE_CONTINUE;
}

static void place_free(gpointer data)
{
    Place *place = data;

    g_source_remove(place->timer);
    g_ptr_array_unref(place->sockets);
    g_free(place);
}

static MdApiSockets *sockets_of(MdApi *api)
{
    if (!api->sockets) {
        api->sockets = g_new0(MdApiSockets, 1);
        api->sockets->api = api;
        api->sockets->places = g_ptr_array_new_with_free_func(place_free);
    }
    return api->sockets;
}

void md_api_add_socket(MdApi *api, const MdApiSocketPlace *spec, void *user)
{
    g_autofree char *path = g_strconcat(MD_API_PREFIX, spec->path, NULL);
    char *protocols[] = {(char *)(uintptr_t)spec->protocol, NULL};
    Place *place = g_new0(Place, 1);

    place->api = api;
    place->spec = spec;
    place->user = user;
    place->sockets = g_ptr_array_new_with_free_func(socket_free);
    place->swept_us = g_get_monotonic_time();
    place->timer = g_timeout_add_seconds((guint)ping_s(place), sweep, place);
    g_ptr_array_add(sockets_of(api)->places, place);
    g_clear_pointer(&api->openapi, g_free); /* it is described from now on */
    soup_server_add_handler(api->soup, path, at_the_door, place, NULL);
    soup_server_add_websocket_handler(api->soup, path, NULL, protocols, connected, place, NULL);
}

void md_api_sockets_describe(MdApi *api, JsonObject *paths)
{
    for (unsigned i = 0; api->sockets && i < api->sockets->places->len; i++)
        md_api_openapi_socket(paths, ((const Place *)api->sockets->places->pdata[i])->spec);
}

static void end_place(Place *place)
{
    place->ended = true;
    while (place->sockets->len)
        drop(place->sockets->pdata[place->sockets->len - 1], 1001, "the server is ending", false, false);
}

void md_api_end_sockets(MdApi *api, const MdApiSocketPlace *spec)
{
    for (unsigned i = 0; api->sockets && i < api->sockets->places->len; i++)
        if (((Place *)api->sockets->places->pdata[i])->spec == spec)
            end_place(api->sockets->places->pdata[i]);
}

void md_api_sockets_end(MdApi *api)
{
    for (unsigned i = 0; api->sockets && i < api->sockets->places->len; i++)
        end_place(api->sockets->places->pdata[i]);
}

void md_api_sockets_free(MdApiSockets *sockets)
{
    if (!sockets)
        return;
    g_ptr_array_unref(sockets->places);
    g_free(sockets);
}

/* --- one of them --- */

static gboolean too_slow(gpointer user)
{
    MdApiSocket *s = user;

    s->place->api->counters.subscribers_dropped++;
    drop(s, 1008, "too slow", true, false);
    return G_SOURCE_REMOVE;
}

void md_api_socket_send(MdApiSocket *s, const char *text)
{
    gsize max = s->place->spec->backlog_max ? s->place->spec->backlog_max : BACKLOG_DEFAULT;

    if (soup_websocket_connection_get_state(s->connection) != SOUP_WEBSOCKET_STATE_OPEN || s->backlog > max)
        return;
    /* libsoup queues without end and does not tell how much: what is given while the socket is full is counted here */
    if (s->socket && !g_socket_condition_check(s->socket, G_IO_OUT))
        s->backlog += strlen(text);
    else
        s->backlog = 0;
    if (s->backlog <= max) {
        soup_websocket_connection_send_text(s->connection, text);
        return;
    }
    /* not from under the sender's feet */
    s->slow = g_idle_source_new();
    g_source_set_callback(s->slow, too_slow, s, NULL);
    g_source_attach(s->slow, g_main_context_get_thread_default());
}

void md_api_socket_close(MdApiSocket *s, unsigned code, const char *reason)
{
    finish(s, code, reason, false);
}

void md_api_socket_set_data(MdApiSocket *s, void *data)
{
    s->data = data;
}

void *md_api_socket_data(const MdApiSocket *s)
{
    return s->data;
}

const char *md_api_socket_user(const MdApiSocket *s)
{
    return s->user;
}

unsigned md_api_socket_rights(const MdApiSocket *s)
{
    return s->user ? md_api_role_rights(s->role) : 0;
}

const char *md_api_socket_area(const MdApiSocket *s)
{
    return s->area;
}

const char *md_api_socket_source(const MdApiSocket *s)
{
    return s->source;
}

const char *md_api_socket_agent(const MdApiSocket *s)
{
    return s->agent;
}

bool md_api_socket_secure(const MdApiSocket *s)
{
    return s->secure;
}
