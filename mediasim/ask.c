/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediasim/ask.h"

#include <libsoup/soup.h>
#include <string.h>
#include "broadcast/link/json.h"

#define TRIES 30u

struct SimAsk {
    SoupSession *session;
    char *url, *bearer;
};

SimAsk *sim_ask_new(const char *url, const char *token_file, const char *ca, GError **error)
{
    g_autofree char *token = NULL;
    g_autoptr(GTlsDatabase) database = NULL;
    if (!g_file_get_contents(token_file, &token, NULL, error) || (ca && !(database = g_tls_file_database_new(ca, error))))
        return NULL;
    SimAsk *ask = g_new0(SimAsk, 1);
    ask->session = soup_session_new_with_options("timeout", 30, NULL);
    if (database)
        soup_session_set_tls_database(ask->session, database);
    ask->bearer = g_strconcat("Bearer ", g_strstrip(token), NULL);
    ask->url = g_strconcat(url, g_str_has_suffix(url, "/") ? "" : "/", "api/v1/", NULL);
    return ask;
}

void sim_ask_free(SimAsk *ask)
{
    if (!ask)
        return;
    g_object_unref(ask->session);
    g_free(ask->url);
    g_free(ask->bearer);
    g_free(ask);
}

static GBytes *get(SimAsk *ask, const char *path, GError **error)
{
    g_autofree char *address = g_strconcat(ask->url, path, NULL);
    for (unsigned tries = 0; tries < TRIES; tries++) {
        g_autoptr(SoupMessage) message = soup_message_new("GET", address);
        if (!message)
            break;
        soup_message_headers_replace(soup_message_get_request_headers(message), "Authorization", ask->bearer);
        g_autoptr(GBytes) bytes = soup_session_send_and_read(ask->session, message, NULL, error);
        guint status = bytes ? soup_message_get_status(message) : 0;
        if (status == 200)
            return g_steal_pointer(&bytes);
        if (!bytes)
            return NULL;
        if (status != 429) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: the server says %u", path, status);
            return NULL;
        }
        g_usleep(G_USEC_PER_SEC); /* too many questions */
    }
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY, "%s: no answer", path);
    return NULL;
}

bool sim_ask_marked(SimAsk *ask, const char *device, const char *mark, bool *ret_marked, GError **error)
{
    g_autofree char *path = g_strdup_printf("devices/%s/health", device);
    g_autoptr(GBytes) bytes = get(ask, path, error);
    gsize len = 0;
    const char *text = bytes ? g_bytes_get_data(bytes, &len) : NULL;
    g_autoptr(JsonObject) o = text ? bc_json_parse_object(text, len, error) : NULL;
    if (!o)
        return false;
    JsonArray *readings = json_object_has_member(o, "readings") ? json_object_get_array_member(o, "readings") : NULL;
    *ret_marked = false;
    for (unsigned i = 0; readings && i < json_array_get_length(readings); i++) {
        const char *said = json_object_get_string_member_with_default(json_array_get_object_element(readings, i), "plausible", "ok");
        *ret_marked |= mark ? strcmp(said, mark) == 0 : strcmp(said, "ok") != 0 && strcmp(said, "stale") != 0;
    }
    return true;
}
