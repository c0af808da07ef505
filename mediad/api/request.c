/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way of a request: budget → route → sign-in → size, all before a byte of the body is kept; then JSON and schema, then
 * the handler; then, when it changed something, the audit row; then the reply. */
#include "mediad/api/private.h"
#include <errno.h>
#include <fcntl.h>
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

/* --- routes --- */

static void route_free(gpointer data)
{
    Route *route = data;

    g_strfreev(route->segments);
    md_schema_free(route->request);
    md_schema_free(route->query);
    md_schema_free(route->response);
    g_free(route);
}

static MdSchema *route_schema(const MdApiRoute *spec, const char *what, const char *text)
{
    GError *error = NULL;

    if (!text)
        return NULL;
    MdSchema *schema = md_schema_new(text, &error);
    if (!schema)
        g_error("%s %s: %s schema: %s", spec->method, spec->path, what, error->message);
    return schema;
}

void md_api_add_routes(MdApi *api, const MdApiRoute *routes, unsigned n, void *user)
{
    if (!api->routes)
        api->routes = g_ptr_array_new_with_free_func(route_free);
    for (unsigned i = 0; i < n; i++) {
        Route *route = g_new0(Route, 1);
        route->spec = &routes[i];
        route->user = user;
        route->segments = g_strsplit(routes[i].path + 1, "/", -1);
        route->n_segments = g_strv_length(route->segments);
        if (route->n_segments > MD_API_SEGMENTS_MAX)
            g_error("%s: too many segments", routes[i].path);
        route->request = route_schema(&routes[i], "request", routes[i].request_schema);
        route->query = route_schema(&routes[i], "query", routes[i].query_schema);
        route->response = route_schema(&routes[i], "response", routes[i].response_schema);
        g_ptr_array_add(api->routes, route);
    }
    g_clear_pointer(&api->openapi, g_free);
}

/* How many segments match literally, -1: not this route. */
static int route_score(const Route *route, char **segments, unsigned n)
{
    int score = 0;

    if (route->n_segments != n)
        return -1;
    for (unsigned i = 0; i < n; i++) {
        if (route->segments[i][0] == '{') {
            if (segments[i][0] == '\0')
                return -1;
            continue;
        }
        if (!g_str_equal(route->segments[i], segments[i]))
            return -1;
        score += 1 << (MD_API_SEGMENTS_MAX - i); /* an earlier literal weighs more */
    }
    return score;
}

/* Sets request->route and params. Otherwise replies: 404, or 405 with Allow. */
static bool find_route(MdApiRequest *r, const char *method)
{
    const char *rest = r->path + strlen(MD_API_PREFIX);
    g_auto(GStrv) segments = g_strsplit(*rest == '/' ? rest + 1 : rest, "/", MD_API_SEGMENTS_MAX + 1);
    unsigned n = g_strv_length(segments);
    g_autoptr(GString) allow = g_string_new(NULL);
    int best = -1;

    for (unsigned i = 0; r->api->routes && i < r->api->routes->len; i++) {
        const Route *route = r->api->routes->pdata[i];
        int score = route_score(route, segments, n);
        if (score < 0)
            continue;
        if (!g_str_equal(route->spec->method, method)) {
            g_string_append_printf(allow, "%s%s", allow->len ? ", " : "", route->spec->method);
        } else if (score > best) {
            best = score;
            r->route = route;
        }
    }
    if (!r->route && allow->len) {
        soup_message_headers_replace(soup_server_message_get_response_headers(r->message), "Allow", allow->str);
        md_api_reply_error(r, 405, "method-not-allowed", "this address does not take that method", allow->str);
        return false;
    }
    if (!r->route) {
        md_api_reply_error(r, 404, "no-such-address", "there is nothing at this address",
                           "see " MD_API_PREFIX "/openapi.json for all addresses");
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        if (r->route->segments[i][0] != '{')
            continue;
        r->params[i] = g_uri_unescape_string(segments[i], NULL);
        if (!r->params[i] || !g_utf8_validate(r->params[i], -1, NULL) || strlen(r->params[i]) > 256) {
            md_api_reply_error(r, 400, "bad-address", "a part of the address is not valid text", NULL);
            return false;
        }
    }
    return true;
}

/* --- sign-in --- */

static void refuse_role(MdApiRequest *r, unsigned rights, const char *in_meeting)
{
    g_autofree char *lacking = md_api_rights_to_string(rights & ~md_api_role_rights(r->role));
    const char *least = md_api_role_to_string(r->route->spec->role);
    g_autofree char *hint = g_strdup_printf("%s is a %s; this needs %s %s%s%s%s", r->user, md_api_role_to_string(r->role),
                                            rights ? "the right to" : "a", rights ? lacking : least, in_meeting ? ", or a role in the meeting (" : "",
                                            in_meeting ? in_meeting : "", in_meeting ? ")" : "");

    md_api_reply_error(r, 403, "not-allowed", "this account may not do that", hint);
}

bool md_api_require_rights(MdApiRequest *r, unsigned rights)
{
    if ((md_api_role_rights(r->role) & rights) == rights)
        return true;
    refuse_role(r, rights, NULL);
    return false;
}

/* Its role in the running meeting stands in for the right to run them all. */
static bool by_meeting(MdApiRequest *r, char **ret_why)
{
    const MdApiRoute *spec = r->route->spec;

    if (!spec->in_meeting || !r->user || r->role == MD_API_VENDOR || !r->api->meeting_fn)
        return false;
    const char *room = spec->meeting_room ? spec->meeting_room(r, r->route->user) : md_api_request_param(r, "room");
    return r->api->meeting_fn(r, room, spec->in_meeting - MD_API_IN_MEETING(0), ret_why, r->api->meeting_user);
}

static bool sign_in(MdApiRequest *r)
{
    const MdApiRoute *spec = r->route->spec;
    bool cookie, forged;
    g_autofree char *token = md_api_credential_of(r->api, r->message, &cookie, &forged);
    const MdApiSession *session = token && !forged ? md_api_session_find(r->api, token) : NULL;

    if (session) {
        r->user = g_strdup(session->user);
        r->area = g_strdup(session->area);
        r->vendor = g_strdup(session->vendor);
        r->session = g_strdup(session->hash);
        r->role = session->role;
        r->csrf = cookie ? md_api_csrf_of(token) : NULL;
    }
    if (forged && spec->role != MD_API_ANYBODY) {
        md_api_reply_error(r, 403, "forged", "this did not come from a page of this console",
                           "reload the page; programs send \"Authorization: Bearer TOKEN\" instead of a cookie");
        return false;
    }
    g_autofree char *lacking = NULL;
    bool other_area = spec->province && r->area && r->area[0];
    if ((!md_api_role_may(r->role, spec) || other_area) && by_meeting(r, &lacking))
        return md_api_second_factor_early(r, session);
    if (!md_api_role_may(r->role, spec)) {
        if (session) {
            refuse_role(r, spec->rights, lacking);
            return false;
        }
        soup_message_headers_replace(soup_server_message_get_response_headers(r->message), "WWW-Authenticate",
                                     "Bearer realm=\"mediad\"");
        md_api_reply_error(r, 401, "not-signed-in",
                           token ? "the session has ended" : "this needs a signed-in account",
                           "sign in with POST " MD_API_PREFIX "/session and send \"Authorization: Bearer TOKEN\"");
        return false;
    }
    if (other_area) {
        g_autofree char *hint = g_strdup_printf("%s works in area %s; this concerns the whole province%s%s%s", r->user, r->area,
                                                lacking ? ", or those who run the meeting (" : "", lacking ? lacking : "", lacking ? ")" : "");
        md_api_reply_error(r, 403, "other-area", "this account works in one area only", hint);
        return false;
    }
    return md_api_second_factor_early(r, session);
}

/* --- body --- */

static bool body_open(MdApiRequest *r)
{
    GError *error = NULL;

    if (!r->route->spec->raw_body) {
        r->body = g_byte_array_new();
        return true;
    }
    if (r->api->uploads >= MD_API_UPLOADS_MAX) {
        soup_message_headers_replace(soup_server_message_get_response_headers(r->message), "Retry-After", "30");
        md_api_reply_error(r, 503, "busy", "too many recordings are being sent at once", "try again when one of them is in");
        return false;
    }
    r->body_path = g_build_filename(r->api->state_dir, MD_API_UPLOAD_PREFIX "XXXXXX", NULL);
    r->body_fd = g_mkstemp_full(r->body_path, O_RDWR | O_CLOEXEC, 0600);
    if (r->body_fd >= 0) {
        r->api->uploads++;
        return true;
    }
    g_set_error(&error, G_FILE_ERROR, 0, "%s", g_strerror(errno));
    md_error(&r->api->logger, "cannot make %s: %s", r->body_path, error->message);
    g_error_free(error);
    g_clear_pointer(&r->body_path, g_free);
    md_api_reply_error(r, 507, "no-space", "the upload cannot be stored", "free space in the state directory");
    return false;
}

static void reply_too_large(MdApiRequest *r)
{
    g_autofree char *hint = g_strdup_printf("at most %" G_GSIZE_FORMAT " bytes are taken here", r->body_max);

    md_api_reply_error(r, 413, "too-large", "the request body is too large", hint);
}

static void got_chunk(SoupServerMessage *message, GBytes *chunk, gpointer user)
{
    MdApiRequest *r = user;
    gsize size;
    const guint8 *bytes = g_bytes_get_data(chunk, &size);

    if (r->body_failed || r->replied)
        return;
    r->body_got += size;
    if (r->body_got > r->body_max) {
        r->body_failed = true;
        reply_too_large(r);
        return;
    }
    if (r->body) {
        g_byte_array_append(r->body, bytes, (guint)size);
        return;
    }
    while (size > 0) {
        ssize_t n = write(r->body_fd, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            r->body_failed = true;
            md_error(&r->api->logger, "upload: %s", g_strerror(errno));
            md_api_reply_error(r, 507, "no-space", "the upload cannot be stored", "free space in the state directory");
            return;
        }
        bytes += n;
        size -= (gsize)n;
    }
}

/* A page of another origin can make a browser send a form, but not this content type. */
static bool check_headers(MdApiRequest *r)
{
    SoupMessageHeaders *h = soup_server_message_get_request_headers(r->message);
    const MdApiRoute *spec = r->route->spec;

    r->body_max = spec->request_schema || spec->raw_body || spec->text_body ? spec->body_max ? spec->body_max : MD_API_BODY_DEFAULT : 4096;
    if (spec->raw_body && r->api->upload_max)
        r->body_max = MIN(r->body_max, r->api->upload_max);
    r->content_type = soup_message_headers_get_content_type(h, NULL);
    if (soup_message_headers_get_encoding(h) == SOUP_ENCODING_CONTENT_LENGTH &&
        soup_message_headers_get_content_length(h) > (goffset)r->body_max) {
        reply_too_large(r);
        return false;
    }
    if (spec->request_schema && (!r->content_type || g_strcmp0(r->content_type, "application/json") != 0)) {
        md_api_reply_error(r, 415, "not-json", "the request body must be JSON", "send Content-Type: application/json");
        return false;
    }
    return true;
}

static bool check_query(MdApiRequest *r)
{
    GHashTableIter iter;
    gpointer key, value;
    GError *error = NULL;

    if (!r->route->query)
        return true;
    JsonObject *rules = json_object_get_object_member(json_node_get_object(md_schema_root(r->route->query)), "properties");
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, json_object_new());
    if (r->query)
        g_hash_table_iter_init(&iter, r->query);
    while (r->query && g_hash_table_iter_next(&iter, &key, &value)) {
        JsonObject *rule = json_object_has_member(rules, key) ? json_object_get_object_member(rules, key) : NULL;
        const char *type = rule ? json_object_get_string_member_with_default(rule, "type", "string") : "string";
        gint64 number;
        if (g_str_equal(type, "integer") && g_ascii_string_to_signed(value, 10, G_MININT64, G_MAXINT64, &number, NULL))
            json_object_set_int_member(json_node_get_object(node), key, number);
        else if (g_str_equal(type, "boolean") && (g_str_equal(value, "true") || g_str_equal(value, "false")))
            json_object_set_boolean_member(json_node_get_object(node), key, g_str_equal(value, "true"));
        else
            json_object_set_string_member(json_node_get_object(node), key, value);
    }
    if (md_schema_check(r->route->query, node, &error))
        return true;
    g_autofree char *message = g_strdup_printf("query: %s", error->message);
    md_api_reply_error(r, 400, "invalid-query", message, NULL);
    g_error_free(error);
    return false;
}

static bool parse_body(MdApiRequest *r)
{
    GError *error = NULL;

    if (!r->route->request)
        return true;
    r->json = md_json_parse((const char *)r->body->data, r->body->len, &error);
    if (!r->json) {
        md_api_reply_error(r, 400, "bad-json", error->message, "send one JSON object in UTF-8");
        g_error_free(error);
        return false;
    }
    if (!JSON_NODE_HOLDS_OBJECT(r->json)) {
        md_api_reply_error(r, 400, "bad-json", "the body must be a JSON object", NULL);
        return false;
    }
    if (!md_schema_check(r->route->request, r->json, &error)) {
        md_api_reply_error(r, 400, "invalid-field", error->message,
                           "see " MD_API_PREFIX "/openapi.json for what is allowed");
        g_error_free(error);
        return false;
    }
    r->audit_detail = md_api_audit_detail(r->json);
    return true;
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
    g_signal_connect(message, "got-chunk", G_CALLBACK(got_chunk), r);
    api->counters.requests++;
    md_api_security_headers(api, message, false);
    if (!within_budget(r)) {
        api->counters.refused_rate++;
        soup_message_headers_replace(soup_server_message_get_response_headers(message), "Retry-After", "1");
        md_api_reply_error(r, 429, "too-many-requests", "too many requests from this address", "wait a second");
        return;
    }
    if (!find_route(r, soup_server_message_get_method(message)) || !sign_in(r) || !check_headers(r))
        return;
    body_open(r);
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
    if (check_query(r) && parse_body(r)) {
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
