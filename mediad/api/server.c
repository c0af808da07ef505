/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Listeners. Connections are accepted here and handed to libsoup, because libsoup's own listeners have no limit on their
 * number and no time-out for those that say nothing. */
#include "mediad/api/private.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#define IDLE_TIMEOUT_S 75 /* a WebSocket's pings are more frequent */

#define HELLO_TIMEOUT_S 10
#define HELLO_LOOK_MS 20
#define HANDSHAKE_TIMEOUT_S 5
#define HANDSHAKES_PER_SOURCE 4

typedef struct Listener {
    MdApi *api;
    GSocketService *service;
    GSocketAddress *address;
    bool tls;
} Listener;

/* One open connection, counted twice; the counters may outlive the api. */
typedef struct Counted {
    unsigned *all;         /* g_rc_box */
    GHashTable *by_source; /* address -> how many */
    char *source;
} Counted;

static unsigned count_source(GHashTable *by_source, const char *source, int change)
{
    unsigned n = GPOINTER_TO_UINT(g_hash_table_lookup(by_source, source)) + (unsigned)change;

    if (change && n)
        g_hash_table_replace(by_source, g_strdup(source), GUINT_TO_POINTER(n));
    else if (change)
        g_hash_table_remove(by_source, source);
    return n;
}

static void connection_gone(gpointer user, GObject *connection)
{
    Counted *c = user;

    (*c->all)--;
    count_source(c->by_source, c->source, -1);
    g_rc_box_release(c->all);
    g_hash_table_unref(c->by_source);
    g_free(c->source);
    g_free(c);
}

static char *source_of(GSocketConnection *connection)
{
    g_autoptr(GSocketAddress) remote = g_socket_connection_get_remote_address(connection, NULL);

    return G_IS_INET_SOCKET_ADDRESS(remote)
               ? g_inet_address_to_string(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(remote)))
               : g_strdup("unknown");
}

GSocket *md_api_message_socket(SoupServerMessage *message)
{
    GSocketAddress *remote = soup_server_message_get_remote_address(message);

    return remote ? g_object_get_data(G_OBJECT(remote), "md-socket") : NULL;
}

bool md_api_message_is_encrypted(SoupServerMessage *message)
{
    GSocketAddress *remote = soup_server_message_get_remote_address(message);

    return remote && g_object_get_data(G_OBJECT(remote), "md-tls") != NULL;
}

static void hand_over(MdApi *api, GSocketConnection *connection, GIOStream *stream)
{
    GSocket *socket = g_socket_connection_get_socket(connection);
    g_autoptr(GSocketAddress) local = g_socket_connection_get_local_address(connection, NULL);
    g_autoptr(GSocketAddress) remote = g_socket_connection_get_remote_address(connection, NULL);
    GError *error = NULL;

    if (!local || !remote)
        return;
    g_socket_set_timeout(socket, IDLE_TIMEOUT_S);
    g_object_set_data_full(G_OBJECT(remote), "md-socket", g_object_ref(socket), g_object_unref);
    if (G_IS_TLS_CONNECTION(stream)) /* libsoup shows its own wrapping of the stream only */
        g_object_set_data(G_OBJECT(remote), "md-tls", GINT_TO_POINTER(1));
    if (!soup_server_accept_iostream(api->soup, stream, local, remote, &error)) {
        md_debug(&api->logger, "connection refused: %s", error->message);
        g_clear_error(&error);
    }
}

/* A TLS connection before libsoup gets it. GLib does each handshake on a thread of a small pool and blocks it while the peer is
 * silent: so none begins before the whole first record has come, it may not last long, and one source has few at a time. */
typedef struct Pending {
    MdApi *api; /* NULL: gone, the handshake's end only frees */
    GSocketConnection *connection;
    GIOStream *tls;
    GCancellable *cancellable;
    GSource *readable;
    char *source;
    int64_t until_us;
    bool shaking;
} Pending;

static void pending_free(gpointer data)
{
    Pending *p = data;

    if (p->readable) {
        g_source_destroy(p->readable);
        g_source_unref(p->readable);
    }
    g_clear_object(&p->tls);
    g_object_unref(p->cancellable);
    g_object_unref(p->connection);
    g_free(p->source);
    g_free(p);
}

static void shaken(GObject *tls, GAsyncResult *result, gpointer user)
{
    Pending *p = user;
    GError *error = NULL;

    if (!g_tls_connection_handshake_finish(G_TLS_CONNECTION(tls), result, &error)) {
        if (p->api)
            md_debug(&p->api->logger, "TLS with %s: %s", p->source, error->message);
        g_clear_error(&error);
    } else if (p->api) {
        hand_over(p->api, p->connection, p->tls);
    }
    if (p->api)
        g_ptr_array_remove_fast(p->api->pending, p);
    pending_free(p);
}

static unsigned shaking_from(const MdApi *api, const char *source)
{
    unsigned n = 0;

    for (guint i = 0; i < api->pending->len; i++) {
        const Pending *p = api->pending->pdata[i];
        n += p->shaking && g_str_equal(p->source, source);
    }
    return n;
}

/* 1: the first record is whole (or is no TLS, which the handshake will say), 0: not yet, -1: closed. */
static int first_record(GSocket *socket)
{
    guint8 bytes[16384 + 5];
    ssize_t n = recv(g_socket_get_fd(socket), bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);

    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    if (bytes[0] != 22)
        return 1;
    return n >= 5 && n >= MIN(5 + bytes[3] * 256 + bytes[4], (int)sizeof bytes);
}

static void watch(Pending *p, bool partly);

/* The first byte wakes us; what is still partial after it stays readable, so it is looked at by the clock. */
static gboolean look(Pending *p, bool by_clock)
{
    MdApi *api = p->api;
    GSocket *socket = g_socket_connection_get_socket(p->connection);
    int state = first_record(socket);
    bool in_time = g_get_monotonic_time() < p->until_us;

    if (in_time && (state == 0 || (state == 1 && shaking_from(api, p->source) >= HANDSHAKES_PER_SOURCE))) {
        if (by_clock)
            return G_SOURCE_CONTINUE;
        g_source_unref(p->readable);
        watch(p, true);
        return G_SOURCE_REMOVE;
    }
    g_source_unref(p->readable);
    p->readable = NULL;
    p->tls = state == 1 ? g_tls_server_connection_new(G_IO_STREAM(p->connection), api->certificate, NULL) : NULL;
    if (!p->tls) {
        g_ptr_array_remove_fast(api->pending, p);
        pending_free(p);
        return G_SOURCE_REMOVE;
    }
    p->shaking = true;
    g_socket_set_timeout(socket, HANDSHAKE_TIMEOUT_S);
    g_tls_connection_handshake_async(G_TLS_CONNECTION(p->tls), G_PRIORITY_DEFAULT, p->cancellable, shaken, p);
    return G_SOURCE_REMOVE;
}

static gboolean on_clock(gpointer user)
{
    return look(user, true);
}

static gboolean on_readable(GSocket *socket, GIOCondition condition, gpointer user)
{
    return look(user, false);
}

static void watch(Pending *p, bool partly)
{
    if (partly) {
        p->readable = g_timeout_source_new(HELLO_LOOK_MS);
        g_source_set_callback(p->readable, on_clock, p, NULL);
    } else {
        GSocket *socket = g_socket_connection_get_socket(p->connection);
        g_socket_set_timeout(socket, HELLO_TIMEOUT_S); /* the source fires then, too */
        p->readable = g_socket_create_source(socket, G_IO_IN, NULL);
        g_source_set_callback(p->readable, G_SOURCE_FUNC(on_readable), p, NULL);
    }
    g_source_attach(p->readable, g_main_context_get_thread_default());
}

static void await_hello(MdApi *api, GSocketConnection *connection)
{
    g_autoptr(GSocketAddress) remote = g_socket_connection_get_remote_address(connection, NULL);

    if (!remote)
        return;
    Pending *p = g_new0(Pending, 1);
    p->api = api;
    p->connection = g_object_ref(connection);
    p->cancellable = g_cancellable_new();
    p->source = g_inet_address_to_string(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(remote)));
    /* a little less than the socket's own time-out, which ends the wait */
    p->until_us = g_get_monotonic_time() + HELLO_TIMEOUT_S * G_USEC_PER_SEC - G_USEC_PER_SEC / 10;
    g_ptr_array_add(api->pending, p);
    watch(p, false);
}

static void forget_pending(MdApi *api)
{
    for (guint i = 0; i < api->pending->len; i++) {
        Pending *p = api->pending->pdata[i];
        p->api = NULL;
        if (p->shaking)
            g_cancellable_cancel(p->cancellable); /* shaken frees it */
        else
            pending_free(p);
    }
    g_ptr_array_set_size(api->pending, 0);
}

static gboolean incoming(GSocketService *service, GSocketConnection *connection, GObject *source, gpointer user)
{
    Listener *l = user;
    MdApi *api = l->api;

    if (*api->connections >= api->connections_max) {
        api->counters.refused_connections++;
        md_warning(&api->logger, "refused a connection: %u are open", *api->connections);
        return TRUE;
    }
    g_autofree char *from = source_of(connection);
    if (count_source(api->by_source, from, 0) >= api->connections_per_source) { /* one alone must not shut out the others */
        api->counters.refused_connections++;
        return TRUE;
    }
    g_socket_set_option(g_socket_connection_get_socket(connection), IPPROTO_TCP, TCP_NODELAY, 1, NULL);
    (*api->connections)++;
    count_source(api->by_source, from, 1);
    Counted *counted = g_new0(Counted, 1);
    *counted = (Counted){g_rc_box_acquire(api->connections), g_hash_table_ref(api->by_source), g_steal_pointer(&from)};
    g_object_weak_ref(G_OBJECT(connection), connection_gone, counted);
    if (l->tls)
        await_hello(api, connection);
    else
        hand_over(api, connection, G_IO_STREAM(connection));
    return TRUE;
}

static void listener_free(gpointer data)
{
    Listener *l = data;

    if (l->service) {
        g_signal_handlers_disconnect_by_data(l->service, l);
        g_socket_service_stop(l->service);
        g_socket_listener_close(G_SOCKET_LISTENER(l->service));
        g_object_unref(l->service);
    }
    g_clear_object(&l->address);
    g_free(l);
}

/* "http://" and "https://" say which; without them allow_http decides for loopback. */
static bool parse_listen(const char *where, bool allow_http, GInetAddress **ret_inet, guint16 *ret_port, bool *ret_plain,
                         GError **error)
{
    bool plain = g_str_has_prefix(where, "http://"), tls = g_str_has_prefix(where, "https://");
    const char *rest = where + (plain ? strlen("http://") : tls ? strlen("https://") : 0);
    g_autoptr(GSocketConnectable) parsed = g_network_address_parse(rest, 8443, NULL);
    g_autoptr(GInetAddress) inet =
        parsed ? g_inet_address_new_from_string(g_network_address_get_hostname(G_NETWORK_ADDRESS(parsed))) : NULL;

    if (!inet) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "listen address \"%s\": write a numeric address and a port, as 0.0.0.0:8443 or [::]:8443", where);
        return false;
    }
    bool loopback = g_inet_address_get_is_loopback(inet);
    if (plain && (!allow_http || !loopback)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "listen address \"%s\": plain HTTP is for loopback only, and only when allowed", where);
        return false;
    }
    *ret_plain = plain || (!tls && allow_http && loopback);
    *ret_port = g_network_address_get_port(G_NETWORK_ADDRESS(parsed));
    *ret_inet = g_steal_pointer(&inet);
    return true;
}

/* Bound and listening. An IPv6 socket never takes IPv4, so that 0.0.0.0 and [::] can stand side by side. */
static GSocket *listening_socket(GInetAddress *inet, guint16 port, GError **error)
{
    GSocketFamily family = g_inet_address_get_family(inet);
    g_autoptr(GSocket) socket = g_socket_new(family, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);
    g_autoptr(GSocketAddress) address = g_inet_socket_address_new(inet, port);

    if (!socket)
        return NULL;
    if (family == G_SOCKET_FAMILY_IPV6)
        g_socket_set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 1, NULL);
    g_socket_set_listen_backlog(socket, 512);
    if (!g_socket_bind(socket, address, TRUE, error) || !g_socket_listen(socket, error))
        return NULL;
    return g_steal_pointer(&socket);
}

static bool listen_one(MdApi *api, const char *where, bool allow_http, GError **error)
{
    g_autoptr(GInetAddress) inet = NULL;
    GError *local = NULL;
    guint16 port;
    bool plain;

    if (!parse_listen(where, allow_http, &inet, &port, &plain, error))
        return false;
    Listener *l = g_new0(Listener, 1);
    g_ptr_array_add(api->listeners, l);
    l->api = api;
    l->tls = !plain;
    g_autoptr(GSocket) socket = listening_socket(inet, port, &local);
    if (!socket && g_inet_address_get_is_any(inet) && g_inet_address_get_family(inet) == G_SOCKET_FAMILY_IPV6 &&
        g_error_matches(local, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED)) {
        md_warning(&api->logger, "%s: this machine has no IPv6; going on without", where);
        g_clear_error(&local);
        return true;
    }
    if (!socket) {
        g_propagate_prefixed_error(error, local, "cannot listen on %s: ", where);
        return false;
    }
    l->address = g_socket_get_local_address(socket, NULL);
    l->service = g_socket_service_new();
    if (!g_socket_listener_add_socket(G_SOCKET_LISTENER(l->service), socket, NULL, error))
        return false;
    g_signal_connect(l->service, "incoming", G_CALLBACK(incoming), l);
    g_socket_service_start(l->service);
    md_notice(&api->logger, "%s on %s, port %u", plain ? "HTTP" : "HTTPS", where,
              g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(l->address)));
    return true;
}

/* libsoup serves one request on a connection that it did not accept itself and closes it without a word: say so, or clients
 * that reuse connections take it for a fault. An upgrade to WebSocket keeps its own. */
static void request_read(SoupServer *server, SoupServerMessage *message, gpointer user)
{
    if (!soup_message_headers_get_one(soup_server_message_get_request_headers(message), "Upgrade"))
        soup_message_headers_replace(soup_server_message_get_response_headers(message), "Connection", "close");
}

bool md_api_listen(MdApi *api, const MdApiOptions *options, GError **error)
{
    bool need_tls = false;

    for (unsigned i = 0; options->listen && options->listen[i]; i++) {
        g_autoptr(GInetAddress) inet = NULL;
        guint16 port;
        bool plain;
        if (!parse_listen(options->listen[i], options->allow_http, &inet, &port, &plain, error))
            return false;
        need_tls |= !plain;
    }
    if (need_tls && !(api->certificate = md_api_certificate(options, &api->logger, error)))
        return false;
    for (unsigned i = 0; options->listen && options->listen[i]; i++)
        if (!listen_one(api, options->listen[i], options->allow_http, error))
            return false;
    g_signal_connect(api->soup, "request-read", G_CALLBACK(request_read), NULL);
    return true;
}

void md_api_unlisten(MdApi *api)
{
    g_ptr_array_set_size(api->listeners, 0);
    forget_pending(api);
}

GPtrArray *md_api_new_listeners(void)
{
    return g_ptr_array_new_with_free_func(listener_free);
}

unsigned md_api_port(const MdApi *api, unsigned i)
{
    if (i >= api->listeners->len)
        return 0;
    const Listener *l = api->listeners->pdata[i];
    return l->address ? g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(l->address)) : 0;
}
