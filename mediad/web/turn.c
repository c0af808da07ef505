/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/web/turn.h"
#include <string.h>

enum { WHO_MAX = 32, SHA1_BYTES = 20 };

char *md_web_turn_username(const char *who, unsigned lifetime_s, int64_t wall_us)
{
    GString *name = g_string_new(NULL);
    g_string_printf(name, "%" G_GINT64_FORMAT ":", wall_us / G_USEC_PER_SEC + lifetime_s);
    for (unsigned kept = 0; who != NULL && *who != 0 && kept < WHO_MAX; who++)
        if (g_ascii_isalnum(*who) || *who == '-' || *who == '_') {
            g_string_append_c(name, *who);
            kept++;
        }
    return g_string_free(name, FALSE);
}

char *md_web_turn_password(const char *secret, const char *username)
{
    guint8 digest[SHA1_BYTES];
    gsize len = sizeof digest;
    GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA1, (const guchar *)secret, strlen(secret));
    g_hmac_update(hmac, (const guchar *)username, -1);
    g_hmac_get_digest(hmac, digest, &len);
    g_hmac_unref(hmac);
    return g_base64_encode(digest, len);
}

static JsonObject *server_of(const char *const *uris)
{
    JsonObject *server = json_object_new();
    JsonArray *urls = json_array_new();
    for (; *uris != NULL; uris++)
        json_array_add_string_element(urls, *uris);
    json_object_set_array_member(server, "urls", urls);
    return server;
}

JsonArray *md_web_ice_servers(const MdWebTurn *turn, const char *who, int64_t wall_us)
{
    JsonArray *servers = json_array_new();
    if (turn->stun != NULL && *turn->stun != NULL)
        json_array_add_object_element(servers, server_of(turn->stun));
    if (turn->turn == NULL || *turn->turn == NULL || turn->secret == NULL)
        return servers;
    g_autofree char *username = md_web_turn_username(who, turn->lifetime_s, wall_us);
    g_autofree char *password = md_web_turn_password(turn->secret, username);
    JsonObject *server = server_of(turn->turn);
    json_object_set_string_member(server, "username", username);
    json_object_set_string_member(server, "credential", password);
    json_array_add_object_element(servers, server);
    return servers;
}
