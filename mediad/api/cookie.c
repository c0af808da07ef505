/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a request carries its session: scripts in the Authorization header, browsers in a cookie that no page can read (HttpOnly) and
 * that no other site's page makes them send (SameSite=Strict). A cookie alone changes nothing: what changes something must also show the
 * value for X-CSRF-Token, which only a page of ours can have been told, and a WebSocket must come from a page of ours. */
#include "mediad/api/private.h"
#include <sodium.h>
#include <string.h>

#define TOKEN_PROTOCOL "mediad.token." /* browsers cannot add headers to a WebSocket, but a sub-protocol */

/* The prefix makes browsers refuse the cookie unless it is Secure, for this host alone and for every path: RFC 6265bis 4.1.3.2. */
#define NAME_TLS "__Host-mediad"
#define NAME_PLAIN "mediad" /* plain HTTP, loopback only */
#define CSRF_HEADER "X-CSRF-Token"
#define TOKEN_MAX 128

static const char *cookie_name(const MdApi *api)
{
    return api->certificate ? NAME_TLS : NAME_PLAIN;
}

static char *cookie_of(const MdApi *api, SoupServerMessage *message)
{
    const char *header = soup_message_headers_get_list(soup_server_message_get_request_headers(message), "Cookie");
    const char *name = cookie_name(api);
    gsize len = strlen(name);
    g_auto(GStrv) parts = g_strsplit(header ? header : "", ";", 32);

    for (unsigned i = 0; parts[i]; i++) {
        const char *part = g_strstrip(parts[i]);
        if (strncmp(part, name, len) == 0 && part[len] == '=' && part[len + 1] && strlen(part + len + 1) <= TOKEN_MAX)
            return g_strdup(part + len + 1);
    }
    return NULL;
}

static char *bearer_of(SoupServerMessage *message)
{
    const char *value = soup_message_headers_get_one(soup_server_message_get_request_headers(message), "Authorization");

    if (!value || g_ascii_strncasecmp(value, "Bearer ", 7) != 0)
        return NULL;
    for (value += 7; *value == ' ';)
        value++;
    return g_strdup(value);
}

char *md_api_csrf_of(const char *token)
{
    g_autofree char *text = g_strconcat("mediad csrf ", token, NULL);

    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}

static bool shows_csrf(SoupServerMessage *message, const char *token)
{
    const char *shown = soup_message_headers_get_one(soup_server_message_get_request_headers(message), CSRF_HEADER);
    g_autofree char *wanted = md_api_csrf_of(token);

    return shown && strlen(shown) == strlen(wanted) && sodium_memcmp(shown, wanted, strlen(wanted)) == 0;
}

char *md_api_credential_of(const MdApi *api, SoupServerMessage *message, bool *ret_cookie, bool *ret_forged)
{
    const char *method = soup_server_message_get_method(message);
    char *token = bearer_of(message);

    *ret_cookie = *ret_forged = false;
    if (token || !(token = cookie_of(api, message)))
        return token;
    *ret_cookie = true;
    *ret_forged = !g_str_equal(method, "GET") && !g_str_equal(method, "HEAD") && !shows_csrf(message, token);
    return token;
}

/* Browsers say of every WebSocket which page opened it, and the same-origin rule does not hold for it: so the page's host and
 * port must be those it was asked of. */
static char *websocket_cookie(const MdApi *api, SoupServerMessage *message)
{
    SoupMessageHeaders *h = soup_server_message_get_request_headers(message);
    const char *origin = soup_message_headers_get_one(h, "Origin"), *host = soup_message_headers_get_one(h, "Host");
    const char *rest = origin ? strstr(origin, "://") : NULL;

    if (!rest || !host || g_ascii_strcasecmp(rest + 3, host) != 0)
        return NULL;
    return cookie_of(api, message);
}

char *md_api_websocket_token(const MdApi *api, SoupServerMessage *message)
{
    SoupMessageHeaders *h = soup_server_message_get_request_headers(message);
    const char *authorization = soup_message_headers_get_one(h, "Authorization");
    const char *protocols = soup_message_headers_get_list(h, "Sec-WebSocket-Protocol");
    g_auto(GStrv) parts = g_strsplit(protocols ? protocols : "", ",", 8);

    if (authorization && g_ascii_strncasecmp(authorization, "Bearer ", 7) == 0)
        return g_strdup(authorization + 7);
    for (unsigned i = 0; parts[i]; i++)
        if (g_str_has_prefix(g_strstrip(parts[i]), TOKEN_PROTOCOL))
            return g_strdup(parts[i] + strlen(TOKEN_PROTOCOL));
    return websocket_cookie(api, message);
}

void md_api_set_cookie(MdApiRequest *r, const char *token)
{
    g_autofree char *value = g_strdup_printf("%s=%s; Path=/; HttpOnly; SameSite=Strict%s%s", cookie_name(r->api), token ? token : "",
                                             r->api->certificate ? "; Secure" : "", token ? "" : "; Max-Age=0");

    md_api_request_set_header(r, "Set-Cookie", value);
}
