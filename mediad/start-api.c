/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings to the API, and what each room offers on it. */
#include <string.h>
#include <gio/gio.h>
#include "mediad/api/nouns.h"
#include "mediad/daemon.h"

/* "sip-udp 0.0.0.0:5060" … for the status page. */
static MdApiListener *list_listeners(MdDaemon *daemon, GPtrArray *texts, unsigned *ret_n)
{
    const CfgSettings *settings = daemon->settings;
    unsigned n_https = g_strv_length(settings->api.listen ?: (char *[]){NULL}), n = 0;
    MdApiListener *listeners = g_new0(MdApiListener, settings->sip.n_listeners + n_https);
    for (unsigned i = 0; i < settings->sip.n_listeners; i++) {
        const CfgListener *from = &settings->sip.listeners[i];
        const char *format = strchr(from->address, ':') ? "[%s]:%u" : "%s:%u";
        char *address = g_strdup_printf(format, from->address, (unsigned)sg_agent_port(daemon->agent, i));
        g_ptr_array_add(texts, address);
        listeners[n++] = (MdApiListener){from->transport == CFG_TLS   ? "sip-tls"
                                         : from->transport == CFG_TCP ? "sip-tcp"
                                                                      : "sip-udp",
                                         address};
    }
    for (unsigned i = 0; i < n_https; i++)
        listeners[n++] = (MdApiListener){settings->api.allow_http ? "http" : "https", settings->api.listen[i]};
    *ret_n = n;
    return listeners;
}

/* A port that can be taken is one nobody listens on. port 0: not one of this run's. */
static bool is_free(const CfgListener *listener, uint16_t port)
{
    g_autoptr(GSocketAddress) address = port ? g_inet_socket_address_new_from_string(listener->address, port) : NULL;
    if (!address)
        return false;
    bool udp = listener->transport == CFG_UDP;
    g_autoptr(GSocket) socket = g_socket_new(g_socket_address_get_family(address), udp ? G_SOCKET_TYPE_DATAGRAM : G_SOCKET_TYPE_STREAM,
                                             udp ? G_SOCKET_PROTOCOL_UDP : G_SOCKET_PROTOCOL_TCP, NULL);
    return socket && g_socket_bind(socket, address, FALSE, NULL);
}

static char *not_ready(void *user)
{
    const MdDaemon *daemon = user;
    for (unsigned i = 0; i < daemon->settings->sip.n_listeners; i++)
        if (is_free(&daemon->settings->sip.listeners[i], sg_agent_port(daemon->agent, i)))
            return g_strdup_printf("SIP no longer listens on %s port %u: look for its fault in the log",
                                   daemon->settings->sip.listeners[i].address, (unsigned)sg_agent_port(daemon->agent, i));
    return daemon->draining                   ? g_strdup("mediad is ending")
           : md_store_failing(daemon->store) ? g_strdup("the store refuses writes: look at the disk")
                                              : NULL;
}

static MdRole booked_role(const char *room, const char *account, void *user)
{
    const MdDaemon *daemon = user;
    return daemon->meetings ? md_meetings_role_of(daemon->meetings, room, account) : MD_ROLE_INVALID;
}

static const CfgSettings *current_settings(void *user)
{
    return ((const MdDaemon *)user)->settings;
}

static const CfgSettings *started_settings(void *user)
{
    return ((const MdDaemon *)user)->started;
}

static bool take_settings(void *user, GPtrArray **ret_changes, char **ret_problem, GError **error)
{
    return md_daemon_take_settings(user, ret_changes, ret_problem, error);
}

bool md_start_api(MdDaemon *daemon, GError **error)
{
    const CfgSettings *settings = daemon->settings;
    const CfgApi *api = &settings->api;
    if (!api->listen || !api->listen[0])
        return true;
    MdLogger logger = md_logger(daemon->log, "api");
    g_autoptr(GPtrArray) roles = g_ptr_array_new();
    for (unsigned i = 0; i < api->n_second_factor_roles; i++)
        g_ptr_array_add(roles, (gpointer)md_api_role_to_string(api->second_factor_roles[i] + 1));
    g_ptr_array_add(roles, NULL);
    MdApiOptions options = {
        .second_factor_roles = (const char *const *)roles->pdata,
        .issuer = settings->general.domain,
        .listen = (const char *const *)api->listen,
        .tls_certificate = api->tls_certificate,
        .tls_key = api->tls_key,
        .allow_http = api->allow_http,
        .console_dir = api->console_dir,
        .state_dir = settings->general.state_dir,
        .sessions_max = api->sessions_max,
        .websockets_max = api->websockets_max,
        .session_lifetime_s = api->session_lifetime_s,
        .upload_max_bytes = (gsize)settings->broadcast.upload_max_mib << 20,
        .logger = &logger,
    };
    daemon->api = md_api_new(&options, daemon->store, error);
    if (!daemon->api)
        return false;
    md_api_add_rooms(daemon->api, daemon->conference);
    md_api_add_recordings(daemon->api, daemon->recordings, daemon->streams, daemon->conference);
    md_api_add_accounts(daemon->api, daemon->accounts, daemon->agent);
    md_api_add_sources(daemon->api, daemon->agent);
    md_api_add_broadcast(daemon->api, daemon->broadcast);
    md_start_reports(daemon);
    md_api_add_meeting_rights(daemon->api, daemon->conference, booked_role, daemon);
    md_api_add_meetings(daemon->api, daemon->meetings, daemon->accounts, daemon->broadcast);
    md_api_add_bulletins(daemon->api, daemon->bulletins, daemon->attachments, daemon->dictionary, daemon->inboxes);
    if (!md_start_outputs(daemon, error) || !md_start_boards(daemon, error))
        return false;
    md_api_add_device_link(daemon->api, daemon->broadcast, daemon->device_link);
    if (daemon->device_link)
        md_api_add_link_media(daemon->api, daemon->broadcast, daemon->device_link, daemon->link_media);
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    unsigned n = 0;
    g_autofree MdApiListener *listeners = list_listeners(daemon, texts, &n);
    MdApiStatus status = {.conference = daemon->conference, .accounts = daemon->accounts, .agent = daemon->agent,
                          .workers = daemon->n_workers, .listeners = listeners, .n_listeners = n};
    md_api_add_status(daemon->api, &status);
    md_api_add_settings(daemon->api, &(MdApiSettings){current_settings, started_settings, take_settings, daemon});
    md_api_add_ready_check(daemon->api, not_ready, daemon);
    return true;
}
