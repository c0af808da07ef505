/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /healthz, /readyz, /metrics and the OpenAPI document. */
#include "mediad/api/private.h"
#include <string.h>

typedef struct Metrics {
    MdApiMetricsFn fn;
    void *user;
} Metrics;

typedef struct Ready {
    MdApiReadyFn fn;
    void *user;
    bool degraded; /* it is said, but does not count */
} Ready;

void md_api_add_metrics(MdApi *api, MdApiMetricsFn fn, void *user)
{
    Metrics m = {fn, user};

    g_array_append_val(api->metrics, m);
}

void md_api_add_ready_check(MdApi *api, MdApiReadyFn fn, void *user)
{
    Ready r = {fn, user, false};

    g_array_append_val(api->ready, r);
}

void md_api_add_degraded_check(MdApi *api, MdApiReadyFn fn, void *user)
{
    Ready r = {fn, user, true};

    g_array_append_val(api->ready, r);
}

static void own_metrics(MdApi *api, GString *out)
{
    const MdApiCounters *c = &api->counters;
    const struct {
        const char *name, *kind, *help;
        uint64_t value;
    } rows[] = {
        {"mediad_api_requests_total", "counter", "API requests", c->requests},
        {"mediad_api_client_errors_total", "counter", "API requests refused with 4xx", c->errors_4xx},
        {"mediad_api_server_errors_total", "counter", "API requests failed with 5xx", c->errors_5xx},
        {"mediad_api_rate_limited_total", "counter", "API requests refused by the rate limit", c->refused_rate},
        {"mediad_api_connections_refused_total", "counter", "connections refused by the limit", c->refused_connections},
        {"mediad_api_connections", "gauge", "open HTTP connections", *api->connections},
        {"mediad_api_sign_ins_total", "counter", "successful sign-ins", c->sign_ins},
        {"mediad_api_sign_ins_failed_total", "counter", "refused sign-ins", c->sign_ins_failed},
        {"mediad_api_sessions", "gauge", "signed-in sessions", md_api_sessions_count(api)},
        {"mediad_api_events_total", "counter", "events published", c->events},
        {"mediad_api_subscribers", "gauge", "event subscribers", md_api_events_count(api)},
        {"mediad_api_subscribers_dropped_total", "counter", "event subscribers dropped for slowness", c->subscribers_dropped},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
        g_string_append_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" G_GUINT64_FORMAT "\n", rows[i].name, rows[i].help,
                               rows[i].name, rows[i].kind, rows[i].name, (guint64)rows[i].value);
}

/* A Prometheus on this machine needs no token; from elsewhere a viewer's. */
static bool may_read_metrics(MdApi *api, SoupServerMessage *message)
{
    g_autofree char *source = md_api_source_of(message);
    const char *value =
        soup_message_headers_get_one(soup_server_message_get_request_headers(message), "Authorization");

    if (g_str_equal(source, "::1") || g_str_has_prefix(source, "127."))
        return true;
    return value && g_ascii_strncasecmp(value, "Bearer ", 7) == 0 && md_api_session_find(api, value + 7);
}

static void plain(MdApi *api, SoupServerMessage *message, unsigned status, const char *type, const char *text)
{
    md_api_security_headers(api, message, false);
    soup_server_message_set_status(message, status, NULL);
    soup_server_message_set_response(message, type, SOUP_MEMORY_COPY, text, strlen(text));
}

/* GET or HEAD of that very address (libsoup hands over all that begins so) within the budget of its source? Otherwise answers. */
static bool take(MdApi *api, SoupServerMessage *message, const char *path, const char *own)
{
    const char *method = soup_server_message_get_method(message);
    g_autofree char *source = md_api_source_of(message);

    if (!g_str_equal(method, "GET") && !g_str_equal(method, "HEAD")) {
        plain(api, message, 405, "text/plain", "GET only\n");
        return false;
    }
    if (!md_api_guard_request(api->guard, source, md_clock_now_us(api->clock))) {
        plain(api, message, 429, "text/plain", "too many requests\n");
        return false;
    }
    if (!g_str_equal(path, own)) {
        plain(api, message, 404, "text/plain", "not found\n");
        return false;
    }
    return true;
}

static void metrics(SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query, gpointer user)
{
    MdApi *api = user;

    if (!take(api, message, path, "/metrics"))
        return;
    if (!may_read_metrics(api, message)) {
        plain(api, message, 401, "text/plain", "sign in, or ask from the machine itself\n");
        return;
    }
    g_autoptr(GString) out = g_string_new(NULL);
    own_metrics(api, out);
    for (unsigned i = 0; i < api->metrics->len; i++) {
        const Metrics *m = &g_array_index(api->metrics, Metrics, i);
        m->fn(out, m->user);
    }
    plain(api, message, 200, "text/plain; version=0.0.4; charset=utf-8", out->str);
}

static void healthz(SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query, gpointer user)
{
    if (take(user, message, path, "/healthz"))
        plain(user, message, 200, "text/plain", "ok\n");
}

static void readyz(SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query, gpointer user)
{
    MdApi *api = user;
    g_autoptr(GString) reasons = g_string_new(NULL), degraded = g_string_new("ready\n");

    if (!take(api, message, path, "/readyz"))
        return;
    for (unsigned i = 0; i < api->ready->len; i++) {
        const Ready *r = &g_array_index(api->ready, Ready, i);
        g_autofree char *reason = r->fn(r->user);
        if (reason)
            g_string_append_printf(r->degraded ? degraded : reasons, r->degraded ? "degraded: %s\n" : "%s\n", reason);
    }
    plain(api, message, reasons->len ? 503 : 200, "text/plain; charset=utf-8", reasons->len ? reasons->str : degraded->str);
}

static void openapi(MdApiRequest *r, void *user)
{
    md_api_reply_text(r, 200, "application/json", md_api_openapi(md_api_request_api(r)));
}

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/openapi.json", .role = MD_API_ANYBODY, .handler = openapi, .summary = "This document.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"openapi\",\"info\",\"paths\"]}"},
};

void md_api_health_handlers(MdApi *api)
{
    soup_server_add_handler(api->soup, "/metrics", metrics, api, NULL);
    soup_server_add_handler(api->soup, "/healthz", healthz, api, NULL);
    soup_server_add_handler(api->soup, "/readyz", readyz, api, NULL);
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), NULL);
}
