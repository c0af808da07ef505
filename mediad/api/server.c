/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Listeners. Connections are accepted here and handed to libsoup, because libsoup's own listeners have no limit on their
 * number and no time-out for those that say nothing. */
#include "mediad/api/private.h"
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#define IDLE_TIMEOUT_S 75 /* a WebSocket's pings are more frequent */

typedef struct Listener {
    MdApi *api;
    GSocketService *service;
    GSocketAddress *address;
    bool tls;
} Listener;

static void connection_gone(gpointer user, GObject *connection)
{
    unsigned *connections = user;

    (*connections)--;
    g_rc_box_release(connections);
}

GSocket *md_api_message_socket(SoupServerMessage *message)
{
    GSocketAddress *remote = soup_server_message_get_remote_address(message);

    return remote ? g_object_get_data(G_OBJECT(remote), "md-socket") : NULL;
}

static gboolean incoming(GSocketService *service, GSocketConnection *connection, GObject *source, gpointer user)
{
    Listener *l = user;
    MdApi *api = l->api;
    GError *error = NULL;

    if (*api->connections >= api->connections_max) {
        api->counters.refused_connections++;
        md_warning(&api->logger, "refused a connection: %u are open", *api->connections);
        return TRUE;
    }
    GSocket *socket = g_socket_connection_get_socket(connection);
    g_socket_set_timeout(socket, IDLE_TIMEOUT_S);
    g_socket_set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
    g_autoptr(GSocketAddress) local = g_socket_connection_get_local_address(connection, NULL);
    g_autoptr(GSocketAddress) remote = g_socket_connection_get_remote_address(connection, NULL);
    if (!local || !remote)
        return TRUE;
    g_object_set_data_full(G_OBJECT(remote), "md-socket", g_object_ref(socket), g_object_unref);
    g_autoptr(GIOStream) stream = G_IO_STREAM(g_object_ref(connection));
    if (l->tls) {
        GIOStream *tls = g_tls_server_connection_new(G_IO_STREAM(connection), api->certificate, &error);
        if (!tls) {
            md_debug(&api->logger, "TLS: %s", error->message);
            g_clear_error(&error);
            return TRUE;
        }
        g_object_unref(stream);
        stream = tls;
    }
    (*api->connections)++;
    g_object_weak_ref(G_OBJECT(connection), connection_gone, g_rc_box_acquire(api->connections));
    if (!soup_server_accept_iostream(api->soup, stream, local, remote, &error)) {
        md_debug(&api->logger, "connection refused: %s", error->message);
        g_clear_error(&error);
    }
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
    return true;
}

void md_api_unlisten(MdApi *api)
{
    g_ptr_array_set_size(api->listeners, 0);
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
