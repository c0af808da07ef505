/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Routes: the table of what there is, and which of it a request asks for. */
#include "mediad/api/private.h"
#include <string.h>

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
bool md_api_route_find(MdApiRequest *r, const char *method)
{
    const char *rest = r->path + strlen(MD_API_PREFIX);
    g_auto(GStrv) segments = g_strsplit(*rest == '/' ? rest + 1 : rest, "/", MD_API_SEGMENTS_MAX + 1);
    unsigned n = g_strv_length(segments);
    g_autoptr(GString) allow = g_string_new(NULL);
    int best = -1;

    bool ours = !*rest || *rest == '/'; /* libsoup takes /api/v1rooms for something of /api/v1 */
    for (unsigned i = 0; ours && r->api->routes && i < r->api->routes->len; i++) {
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
