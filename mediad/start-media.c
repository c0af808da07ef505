/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses, ports, workers and the picture pool. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "mediad/daemon.h"

/* The address the kernel would send from towards the outside: nothing is sent. NULL: no route of that family. */
static char *address_by_route(int family)
{
    struct sockaddr_storage to = {0}, from = {0};
    socklen_t size = sizeof from, to_size;
    if (family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)&to;
        *in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(9)};
        inet_pton(AF_INET, "192.0.2.1", &in->sin_addr);
        to_size = sizeof *in;
    } else {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&to;
        *in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(9)};
        inet_pton(AF_INET6, "2001:db8::1", &in6->sin6_addr);
        to_size = sizeof *in6;
    }
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return NULL;
    char text[INET6_ADDRSTRLEN] = "";
    if (connect(fd, (struct sockaddr *)&to, to_size) == 0 && getsockname(fd, (struct sockaddr *)&from, &size) == 0) {
        const void *bytes = family == AF_INET ? (const void *)&((struct sockaddr_in *)&from)->sin_addr
                                              : (const void *)&((struct sockaddr_in6 *)&from)->sin6_addr;
        inet_ntop(family, bytes, text, sizeof text);
    }
    close(fd);
    return *text ? g_strdup(text) : NULL;
}

static void find_addresses(MdDaemon *daemon)
{
    const CfgMedia *media = &daemon->settings->media;
    daemon->local_host = media->address4 ? g_strdup(media->address4) : address_by_route(AF_INET);
    daemon->local_host6 = media->address6 ? g_strdup(media->address6) : address_by_route(AF_INET6);
    if (!daemon->local_host && !daemon->local_host6)
        daemon->local_host = g_strdup("127.0.0.1");
    md_info(&daemon->logger, "media addresses: %s, %s", daemon->local_host ?: "no IPv4", daemon->local_host6 ?: "no IPv6");
}

static bool start_workers(MdDaemon *daemon, GError **error)
{
    const CfgGeneral *general = &daemon->settings->general;
    unsigned cores = g_get_num_processors(), n = general->workers ? general->workers : cores;
    n = CLAMP(n, 1, MD_DAEMON_WORKERS_MAX);
    for (unsigned i = 0; i < n; i++) {
        char name[16];
        g_snprintf(name, sizeof name, "media-%u", i);
        MdWorkerOptions options = {.name = name, .cpu = general->pin_workers ? (int)(i % cores) : -1, .nice = -10};
        MdWorker *worker = md_worker_new(&options);
        int result = worker ? md_worker_start(worker) : -errno;
        if (result < 0) {
            g_set_error(error, MD_DAEMON_ERROR, 0, "cannot start media worker %u: %s", i, g_strerror(-result));
            md_worker_free(worker);
            return false;
        }
        daemon->workers[daemon->n_workers++] = worker;
    }
    return true;
}

static bool start_ice(MdDaemon *daemon, GError **error)
{
    const CfgSettings *settings = daemon->settings;
    const CfgIce *ice = &settings->ice;
    g_autofree char *password = NULL;
    const char *hosts[2];
    unsigned n_hosts = 0;
    if (ice->relay_host && ice->relay_password_file && !(password = cfg_read_secret(ice->relay_password_file, error)))
        return false;
    if (settings->media.address4)
        hosts[n_hosts++] = settings->media.address4;
    if (settings->media.address6)
        hosts[n_hosts++] = settings->media.address6;
    MdIceRelay relay = {.kind = (MdIceRelayKind)ice->relay_transport,
                        .host = ice->relay_host,
                        .port = (uint16_t)ice->relay_port,
                        .username = ice->relay_username,
                        .password = password};
    const MdLogger logger = md_logger_child(&daemon->logger, "ice");
    MdIceServiceOptions options = {.local_hosts = hosts,
                                   .n_local_hosts = n_hosts,
                                   .min_port = (uint16_t)settings->media.port_min,
                                   .max_port = (uint16_t)settings->media.port_max,
                                   .stun_host = ice->stun_host,
                                   .stun_port = (uint16_t)ice->stun_port,
                                   .relays = &relay,
                                   .n_relays = ice->relay_host ? 1 : 0,
                                   .max_sessions = ice->sessions_max,
                                   .control = daemon->mailbox,
                                   .logger = &logger};
    daemon->ice = md_ice_service_new(&options);
    if (!daemon->ice)
        g_set_error(error, MD_DAEMON_ERROR, 0, "cannot start ICE: %s", g_strerror(errno));
    if (password)
        memset(password, 0, strlen(password));
    return daemon->ice != NULL;
}

bool md_start_media(MdDaemon *daemon, GError **error)
{
    const CfgSettings *settings = daemon->settings;
    find_addresses(daemon);
    MdPortPoolOptions ports = {.min_port = settings->media.port_min, .max_port = settings->media.port_max, .dscp = 46};
    daemon->ports = md_port_pool_new(&ports);
    if (!daemon->ports) {
        g_set_error(error, MD_DAEMON_ERROR, 0, "media.port_min %u to media.port_max %u holds no pair of ports",
                    settings->media.port_min, settings->media.port_max);
        return false;
    }
    daemon->dtls = md_dtls_identity_new();
    if (!daemon->dtls) {
        g_set_error_literal(error, MD_DAEMON_ERROR, 0, "cannot make the DTLS certificate");
        return false;
    }
    if (!start_workers(daemon, error) || !start_ice(daemon, error))
        return false;
    daemon->pictures = md_picture_pool_new(settings->general.picture_threads, settings->general.picture_nice);
    if (!daemon->pictures) {
        g_set_error(error, MD_DAEMON_ERROR, 0, "cannot start the picture threads: %s", g_strerror(errno));
        return false;
    }
    return true;
}
