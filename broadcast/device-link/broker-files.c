/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/device-link/broker-files.h"

#include <signal.h>
#include <string.h>
#include <sys/types.h>
#include "broadcast/device-link/ca.h"
#include "broadcast/link/protocol.h"

#define BY_HAND "# edited by hand"

/* Each device (and another maker's gateway) reads what is for it and writes what is from it; %u is the name in its certificate. */
static const char acl[] = "# Written by mediad at every start.\n"
                          "user " BC_CA_SERVICE_NAME "\n"
                          "topic readwrite " BC_LINK_TOPIC_ROOT "/#\n"
                          "\n"
                          "user " BC_CA_LOOK_NAME "\n"
                          "topic read " BC_LINK_TOPIC_ROOT "/up/#\n"
                          "topic read " BC_LINK_TOPIC_ROOT "/vendor/+/up/#\n"
                          "\n"
                          "pattern read " BC_LINK_TOPIC_ROOT "/down/%u/#\n"
                          "pattern write " BC_LINK_TOPIC_ROOT "/up/%u/#\n"
                          "pattern read " BC_LINK_TOPIC_ROOT "/vendor/%u/down/#\n"
                          "pattern write " BC_LINK_TOPIC_ROOT "/vendor/%u/up/#\n";

static char *configuration(const char *folder, const char *address, uint16_t port)
{
    return g_strdup_printf("# Written by mediad at every start; begin this file with \"" BY_HAND "\" to keep your own.\n"
                           "per_listener_settings false\n"
                           "listener %u%s%s\n"
                           "allow_anonymous false\n"
                           "cafile %s/ca.pem\n"
                           "certfile %s/broker.pem\n"
                           "keyfile %s/broker.key\n"
                           "crlfile %s/crl.pem\n"
                           "require_certificate true\n"
                           "use_identity_as_username true\n"
                           "use_username_as_clientid true\n"
                           "tls_version tlsv1.2\n"
                           "acl_file %s/acl\n"
                           "pid_file %s/mosquitto.pid\n"
                           "persistence true\n"
                           "persistence_location %s/\n"
                           "persistence_file mosquitto.db\n"
                           "autosave_interval 30\n"
                           "persistent_client_expiration 30d\n"
                           "message_size_limit %u\n"
                           "max_packet_size %u\n"
                           "set_tcp_nodelay true\n"
                           "max_inflight_messages 100\n"
                           "max_queued_messages 20000\n"
                           "max_keepalive 600\n"
                           "retain_available true\n"
                           "sys_interval 60\n"
                           "log_type error\n"
                           "log_type warning\n"
                           "log_type notice\n"
                           "connection_messages false\n",
                           (unsigned)port, address ? " " : "", address ? address : "", folder, folder, folder, folder, folder, folder, folder,
                           BC_LINK_MESSAGE_MAX, BC_LINK_MESSAGE_MAX + 1024);
}

bool bc_broker_files_write(const char *folder, const char *address, uint16_t port, GError **error)
{
    g_autofree char *conf_path = g_build_filename(folder, "mosquitto.conf", NULL), *acl_path = g_build_filename(folder, "acl", NULL);
    g_autofree char *former = NULL, *conf = configuration(folder, address, port);
    if (!g_file_set_contents_full(acl_path, acl, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error))
        return false;
    if (g_file_get_contents(conf_path, &former, NULL, NULL) && g_str_has_prefix(former, BY_HAND))
        return true;
    return g_file_set_contents_full(conf_path, conf, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error);
}

bool bc_broker_reload(const char *folder)
{
    g_autofree char *path = g_build_filename(folder, "mosquitto.pid", NULL), *text = NULL, *name = NULL, *what = NULL;
    gint64 pid = g_file_get_contents(path, &text, NULL, NULL) ? g_ascii_strtoll(text, NULL, 10) : 0;
    if (pid <= 1 || pid > G_MAXINT32)
        return false;
    name = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/comm", pid); /* the number may be another program's by now */
    return g_file_get_contents(name, &what, NULL, NULL) && strcmp(g_strchomp(what), "mosquitto") == 0 && kill((pid_t)pid, SIGHUP) == 0;
}
