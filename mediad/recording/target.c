/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a meeting may be sent. */
#include "mediad/recording/streams.h"
#include <string.h>

enum { URL_MAX = 1024 };

static bool refuse(GError **error, const char *why)
{
    g_set_error_literal(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID, why);
    return false;
}

static bool is_allowed(const char *host, int port, const char *const *hosts)
{
    g_autofree char *lower = g_ascii_strdown(host, -1), *with_port = g_strdup_printf("%s:%d", lower, port);
    for (; hosts && *hosts; hosts++) {
        g_autofree char *pattern = g_ascii_strdown(*hosts, -1);
        const char *colon = strrchr(pattern, ':');
        bool names_port = colon && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1) && strchr(pattern, ':') == colon;
        if (g_pattern_match_simple(pattern, names_port ? with_port : lower))
            return true;
    }
    return false;
}

/* Nothing that makes us listen, or that changes more than how it is sent. */
static bool check_query(const char *query, GError **error)
{
    static const char *const known[] = {"streamid", "latency", "passphrase", "pbkeylen", "mode"};
    g_autoptr(GError) why = NULL;
    g_autoptr(GHashTable) table = query ? g_uri_parse_params(query, -1, "&", G_URI_PARAMS_NONE, &why) : NULL;
    GHashTableIter iter;
    gpointer key, value;
    if (why)
        return refuse(error, "what follows the ? of the address cannot be read");
    if (!table)
        return true;
    g_hash_table_iter_init(&iter, table);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        bool found = false;
        for (unsigned i = 0; i < G_N_ELEMENTS(known); i++)
            found = found || strcmp(key, known[i]) == 0;
        if (!found || (strcmp(key, "mode") == 0 && strcmp(value, "caller") != 0))
            return refuse(error, "an srt: address may have streamid, latency, passphrase, pbkeylen and mode=caller behind the ?");
    }
    return true;
}

/* The last part of an RTMP address and all that follows a ? are secrets. */
static char *without_secrets(GUri *uri)
{
    const char *path = g_uri_get_path(uri), *slash = strrchr(path, '/');
    int kept = slash && slash != path ? (int)(slash - path) : 0;
    const char *host = g_uri_get_host(uri);
    return g_strdup_printf(strchr(host, ':') ? "%s://[%s]:%d%.*s" : "%s://%s:%d%.*s", g_uri_get_scheme(uri), host, g_uri_get_port(uri), kept, path);
}

bool md_stream_target_check(const char *url, const char *const *hosts, MdStreamKind *ret_kind, char **ret_shown, GError **error)
{
    g_autoptr(GUri) parsed = strlen(url) <= URL_MAX ? g_uri_parse(url, G_URI_FLAGS_HAS_PASSWORD | G_URI_FLAGS_ENCODED, NULL) : NULL;
    const char *scheme = parsed ? g_uri_get_scheme(parsed) : "";
    bool rtmp = strcmp(scheme, "rtmp") == 0 || strcmp(scheme, "rtmps") == 0, srt = strcmp(scheme, "srt") == 0;
    if (!rtmp && !srt)
        return refuse(error, "streams go to rtmp://, rtmps:// and srt:// addresses of at most 1024 characters");
    const char *host = g_uri_get_host(parsed);
    int port = g_uri_get_port(parsed) > 0 ? g_uri_get_port(parsed) : rtmp ? (scheme[4] ? 443 : 1935) : 0;
    if (!host || !*host || port <= 0)
        return refuse(error, srt ? "an srt: address names a host and a port: srt://live.example.vn:9000" : "the address names no host");
    if (g_uri_get_userinfo(parsed))
        return refuse(error, "put no name and password into the address: broadcasters give a stream key, the last part of the path");
    if (rtmp && !strchr(g_uri_get_path(parsed) + (g_uri_get_path(parsed)[0] == '/'), '/'))
        return refuse(error, "an RTMP address ends in an application and a stream key: rtmp://live.example.vn/app/key");
    if (srt && !check_query(g_uri_get_query(parsed), error))
        return false;
    if (!is_allowed(host, port, hosts)) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID, "streams may not be sent to %s:%d: the settings do not name it (recording.stream_hosts)",
                    host, port);
        return false;
    }
    g_autoptr(GUri) full = g_uri_build(G_URI_FLAGS_ENCODED, scheme, NULL, host, port, g_uri_get_path(parsed), g_uri_get_query(parsed), NULL);
    *ret_kind = rtmp ? MD_STREAM_RTMP : MD_STREAM_SRT;
    if (ret_shown)
        *ret_shown = without_secrets(full);
    return true;
}
