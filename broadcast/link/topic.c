/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/link/protocol.h"

#include <string.h>

char *bc_link_topic(const char *direction, const char *device, const char *what)
{
    return g_strjoin("/", BC_LINK_TOPIC_ROOT, direction, device, what, NULL);
}

static bool device_ok(const char *id)
{
    gsize len = strlen(id);
    for (const char *p = id; *p; p++)
        if (!g_ascii_isalnum(*p) && !strchr("._-", *p))
            return false;
    return len && len <= 64 && strcmp(id, ".") != 0 && strcmp(id, "..") != 0;
}

bool bc_link_topic_parse(const char *topic, char **ret_device, const char **ret_what)
{
    static const char *const down[] = {"keys", "manifest", "command", "clock", "receipt", "certificate", NULL};
    static const char *const up[] = {"state", "clock", "ack", "telemetry", "report", "log", "renew", NULL};
    const char *root = BC_LINK_TOPIC_ROOT "/";
    if (strlen(topic) > 256 || !g_str_has_prefix(topic, root))
        return false;
    g_auto(GStrv) parts = g_strsplit(topic + strlen(root), "/", 4);
    if (g_strv_length(parts) != 3 || !device_ok(parts[1]))
        return false;
    const char *const *words = strcmp(parts[0], "down") == 0 ? down : strcmp(parts[0], "up") == 0 ? up : NULL;
    if (!words)
        return false;
    const char *what = NULL;
    for (; *words && !what; words++)
        what = strcmp(*words, parts[2]) == 0 ? *words : NULL;
    *ret_device = g_strdup(parts[1]);
    *ret_what = what;
    return true;
}

char *bc_link_vendor_topic(const char *gateway, const char *direction, const char *object)
{
    return g_strjoin("/", BC_LINK_TOPIC_ROOT, "vendor", gateway, direction, object, NULL);
}

bool bc_link_vendor_topic_parse(const char *topic, char **ret_gateway, char **ret_object)
{
    const char *root = BC_LINK_TOPIC_ROOT "/vendor/";
    if (strlen(topic) > 256 || !g_str_has_prefix(topic, root))
        return false;
    g_auto(GStrv) parts = g_strsplit(topic + strlen(root), "/", 4);
    if (g_strv_length(parts) != 3 || strcmp(parts[1], "up") != 0 || !device_ok(parts[0]) || !device_ok(parts[2]))
        return false;
    *ret_gateway = g_strdup(parts[0]);
    *ret_object = g_strdup(parts[2]);
    return true;
}
