/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way of a request: budget → route → sign-in → size, all before a byte of the body is kept; then JSON and schema, then
 * the handler; then, when it changed something, the audit row; then the reply. */
#include "mediad/api/private.h"
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>

MdApiRequest *md_api_request_ref(MdApiRequest *request)
{
    request->refs++;
    return request;
}

void md_api_request_unref(MdApiRequest *r)
{
    if (--r->refs > 0)
        return;
    if (r->api)
        g_hash_table_remove(r->api->requests, r);
    for (unsigned i = 0; i < MD_API_SEGMENTS_MAX; i++)
        g_free(r->params[i]);
    if (r->body_fd >= 0)
        close(r->body_fd);
    if (r->body_path) {
        g_unlink(r->body_path);
        if (r->api)
            r->api->uploads--;
    }
    g_free(r->body_path);
    g_clear_pointer(&r->query, g_hash_table_unref);
    g_clear_pointer(&r->body, g_byte_array_unref);
    g_clear_pointer(&r->json, json_node_unref);
    g_free(r->source);
    g_free(r->path);
    g_free(r->user);
    g_free(r->area);
    g_free(r->vendor);
    g_free(r->session);
    g_free(r->audit_detail);
    g_free(r->csrf);
    g_free(r->one_time_code);
    g_free(r);
}

char *md_api_source_of(SoupServerMessage *message)
{
    GSocketAddress *remote = soup_server_message_get_remote_address(message);

    if (!G_IS_INET_SOCKET_ADDRESS(remote))
        return g_strdup("unknown");
    GInetAddress *inet = g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(remote));
    g_autofree char *text = g_inet_address_to_string(inet);
    return g_strdup(g_str_has_prefix(text, "::ffff:") ? text + 7 : text);
}

void md_api_security_headers(MdApi *api, SoupServerMessage *message, bool is_console)
{
    SoupMessageHeaders *h = soup_server_message_get_response_headers(message);

    soup_message_headers_replace(h, "X-Content-Type-Options", "nosniff");
    soup_message_headers_replace(h, "X-Frame-Options", "DENY");
    soup_message_headers_replace(h, "Referrer-Policy", "no-referrer");
    soup_message_headers_replace(h, "Cross-Origin-Opener-Policy", "same-origin");
    soup_message_headers_replace(h, "Cross-Origin-Resource-Policy", "same-origin");
    soup_message_headers_replace(h, "Content-Security-Policy",
                                 is_console ? "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; "
                                              "style-src 'self' 'unsafe-inline'; connect-src 'self' wss: ws:; "
                                              "object-src 'none'; base-uri 'none'; form-action 'self'; "
                                              "frame-ancestors 'none'"
                                            : "default-src 'none'; frame-ancestors 'none'");
    if (is_console)
        soup_message_headers_replace(h, "Permissions-Policy", "camera=(self), microphone=(self), geolocation=()");
    else
        soup_message_headers_replace(h, "Cache-Control", "no-store");
    if (api->certificate)
        soup_message_headers_replace(h, "Strict-Transport-Security", "max-age=31536000");
}

/* --- handlers --- */

static MdApiRequest *request_new(MdApi *api, SoupServerMessage *message)
{
    MdApiRequest *r = g_new0(MdApiRequest, 1);
    GUri *uri = soup_server_message_get_uri(message);

    r->refs = 1;
    r->api = api;
    r->message = message;
    r->body_fd = -1;
    r->meeting_role = -1;
    g_hash_table_add(api->requests, r);
    r->source = md_api_source_of(message);
    const char *path = g_uri_get_path(uri);
    r->path = g_str_has_prefix(path, MD_API_PREFIX) ? g_strdup(path) : g_strconcat(MD_API_PREFIX, path, NULL);
    r->query = g_uri_get_query(uri) ? soup_form_decode(g_uri_get_query(uri)) : NULL;
    return r;
}

static void message_finished(SoupServerMessage *message, gpointer user)
{
    MdApiRequest *r = user;

    g_object_set_data(G_OBJECT(message), "md-request", NULL);
    if (r->stream)
        md_api_stream_finished(r);
    r->message = NULL; /* the peer went away, or has its answer */
    md_api_request_unref(r);
}

/* A loudspeaker that shows its token has a budget of its own: hundreds stand behind one address of a mobile carrier. */
static bool within_budget(MdApiRequest *r)
{
    MdApi *api = r->api;
    const char *device = api->device_of ? api->device_of(r, api->device_of_user) : NULL;
    int64_t now_us = md_clock_now_us(api->clock);

    return device ? md_api_guard_device(api->guard, device, now_us) : md_api_guard_request(api->guard, r->source, now_us);
}

static void early(SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query, gpointer user)
{
    MdApi *api = user;
    MdApiRequest *r = request_new(api, message);

    g_object_set_data(G_OBJECT(message), "md-request", r);
    g_signal_connect(message, "finished", G_CALLBACK(message_finished), r);
    soup_message_body_set_accumulate(soup_server_message_get_request_body(message), FALSE);
    g_signal_connect(message, "got-chunk", G_CALLBACK(md_api_body_chunk), r);
    api->counters.requests++;
    md_api_security_headers(api, message, false);
    if (!within_budget(r)) {
        api->counters.refused_rate++;
        soup_message_headers_replace(soup_server_message_get_response_headers(message), "Retry-After", "1");
        md_api_reply_error(r, 429, "too-many-requests", "too many requests from this address", "wait a second");
        return;
    }
    if (!md_api_route_find(r, soup_server_message_get_method(message)) || !md_api_request_sign_in(r) || !md_api_body_check_headers(r))
        return;
    md_api_body_open(r);
}

static void hold(MdApiRequest *r)
{
    if (r->replied || !r->message || r->paused)
        return;
    r->paused = true;
    soup_server_message_pause(r->message);
}

static void hand_over(MdApiRequest *r)
{
    if (!r->handed)
        md_api_request_ref(r); /* until it replies */
    r->handed = true;
    r->route->spec->handler(r, r->route->user);
    hold(r);
}

static void handle(SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query, gpointer user)
{
    MdApiRequest *r = g_object_get_data(G_OBJECT(message), "md-request");

    if (!r || r->replied)
        return;
    md_api_request_ref(r);
    if (md_api_check_query(r) && md_api_body_parse(r)) {
        if (r->one_time_code) {
            md_api_request_ref(r);
            r->handed = true;
            md_api_second_factor_check(r, hand_over);
            hold(r);
        } else {
            hand_over(r);
        }
    }
    md_api_request_unref(r);
}

void md_api_install_handlers(MdApi *api)
{
    soup_server_add_early_handler(api->soup, MD_API_PREFIX, early, api, NULL);
    soup_server_add_handler(api->soup, MD_API_PREFIX, handle, api, NULL);
}

void md_api_add_place(MdApi *api, const char *prefix)
{
    soup_server_add_early_handler(api->soup, prefix, early, api, NULL);
    soup_server_add_handler(api->soup, prefix, handle, api, NULL);
}

/* --- what handlers ask --- */

const char *md_api_request_param(const MdApiRequest *r, const char *name)
{
    gsize len = strlen(name);

    for (unsigned i = 0; i < r->route->n_segments; i++) {
        const char *s = r->route->segments[i];
        if (s[0] == '{' && strncmp(s + 1, name, len) == 0 && s[len + 1] == '}')
            return r->params[i];
    }
    return NULL;
}

const char *md_api_request_query(const MdApiRequest *r, const char *name)
{
    return r->query ? g_hash_table_lookup(r->query, name) : NULL;
}

JsonObject *md_api_request_body(const MdApiRequest *r)
{
    return r->json ? json_node_get_object(r->json) : NULL;
}

const char *md_api_request_body_text(const MdApiRequest *r, gsize *ret_len)
{
    gsize len = r->body ? r->body->len : 0;

    if (ret_len)
        *ret_len = len;
    if (!len)
        return "";
    g_byte_array_append(r->body, (const guint8 *)"", 1);
    g_byte_array_set_size(r->body, (guint)len); /* the NUL stays behind the end */
    return (const char *)r->body->data;
}

const char *md_api_request_body_file(const MdApiRequest *r, const char **ret_content_type)
{
    if (ret_content_type)
        *ret_content_type = r->content_type;
    return r->body_path;
}

const char *md_api_request_user(const MdApiRequest *r)
{
    return r->user;
}

unsigned md_api_request_rights(const MdApiRequest *r)
{
    return md_api_role_rights(r->role);
}

MdApiRole md_api_request_role(const MdApiRequest *r)
{
    return r->role;
}

const char *md_api_request_area(const MdApiRequest *r)
{
    return r->area ? r->area : "";
}

const char *md_api_request_vendor(const MdApiRequest *r)
{
    return r->role == MD_API_VENDOR ? r->vendor : NULL;
}

MdApi *md_api_request_api(const MdApiRequest *r)
{
    return r->api;
}

const char *md_api_request_source(const MdApiRequest *r)
{
    return r->source;
}

const char *md_api_request_header(const MdApiRequest *r, const char *name)
{
    return r->message ? soup_message_headers_get_one(soup_server_message_get_request_headers(r->message), name) : NULL;
}

void md_api_request_set_header(MdApiRequest *r, const char *name, const char *value)
{
    if (r->message)
        soup_message_headers_replace(soup_server_message_get_response_headers(r->message), name, value);
}

void md_api_request_keep_secret(MdApiRequest *r)
{
    r->confidential = md_api_request_param(r, "room") != NULL;
}

bool md_api_request_by_meeting(const MdApiRequest *r)
{
    return r->meeting_role >= 0;
}
