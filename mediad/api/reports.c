/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /reports and /feed: what was asked for and heard in a period, and how things stand now, for the province's operations centre. */
#include "broadcast/report/report.h"
#include <stdio.h>
#include <string.h>
#include "mediad/api/broadcast-json.h"
#include "mediad/api/key.h"
#include "mediad/api/private.h"

typedef struct Reports {
    MdApiBroadcast a;
    MdApiReports with;
} Reports;

typedef enum Form { AS_JSON, AS_CSV, AS_PAGE } Form;

typedef struct Ask {
    MdApiRequest *request;
    MdApiBroadcast a;
    Form form;
} Ask;

static JsonObject *row_json(const BcReportRow *r)
{
    JsonObject *o = json_object_new(), *why = json_object_new();

    json_object_set_string_member(o, "key", r->key);
    json_object_set_string_member(o, "name", r->name);
    json_object_set_string_member(o, "area", r->area);
    json_object_set_int_member(o, "devices", r->devices);
    json_object_set_int_member(o, "requested", (gint64)r->requested);
    json_object_set_int_member(o, "played", (gint64)r->played);
    json_object_set_int_member(o, "partial", (gint64)r->partial);
    json_object_set_int_member(o, "missed", (gint64)r->missed);
    for (unsigned i = 0; i < BC_MISS_MAX; i++)
        if (r->missed_why[i])
            json_object_set_int_member(why, bc_miss_to_string(i), (gint64)r->missed_why[i]);
    json_object_set_object_member(o, "missed_why", why);
    json_object_set_double_member(o, "share", bc_report_share(r));
    json_object_set_int_member(o, "proved", (gint64)r->proved);
    json_object_set_int_member(o, "urgent", (gint64)r->urgent);
    json_object_set_int_member(o, "urgent_heard", (gint64)r->urgent_heard);
    json_object_set_int_member(o, "requested_s", r->requested_us / G_USEC_PER_SEC);
    json_object_set_int_member(o, "air_s", r->air_us / G_USEC_PER_SEC);
    json_object_set_int_member(o, "started", (gint64)r->started);
    json_object_set_int_member(o, "late_p50_ms", r->late_p50_ms);
    json_object_set_int_member(o, "late_p99_ms", r->late_p99_ms);
    return o;
}

static JsonArray *days_json(const BcReport *report)
{
    JsonArray *days = json_array_new();

    for (unsigned i = 0; i < report->n_days; i++) {
        const BcReportDay *day = &report->days[i];
        JsonObject *o = json_object_new();
        json_object_set_int_member(o, "from_us", report->from_us + (gint64)i * 24 * 3600 * G_USEC_PER_SEC);
        json_object_set_int_member(o, "requested", (gint64)day->requested);
        json_object_set_int_member(o, "played", (gint64)day->played);
        json_object_set_int_member(o, "partial", (gint64)day->partial);
        json_object_set_int_member(o, "missed", (gint64)day->missed);
        json_array_add_object_element(days, o);
    }
    return days;
}

static JsonNode *report_json(const BcReport *report)
{
    JsonObject *o = json_object_new();
    JsonArray *rows = json_array_new();

    json_object_set_string_member(o, "title", report->title);
    json_object_set_int_member(o, "from_us", report->from_us);
    json_object_set_int_member(o, "to_us", report->to_us);
    json_object_set_int_member(o, "announcements", (gint64)report->announcements);
    json_object_set_int_member(o, "drills", (gint64)report->drills);
    for (unsigned i = 0; i < report->rows->len; i++)
        json_array_add_object_element(rows, row_json(report->rows->pdata[i]));
    json_object_set_array_member(o, "rows", rows);
    json_object_set_object_member(o, "total", row_json(&report->total));
    json_object_set_array_member(o, "days", days_json(report));
    return md_api_bc_object(o);
}

static void reported(BcReport *taken, const GError *error, void *user)
{
    Ask *ask = user;
    MdApiRequest *r = ask->request;
    g_autoptr(BcReport) report = taken;
    const char *language = md_api_request_query(r, "lang");

    if (error) {
        md_api_bc_error(r, error);
    } else if (ask->form == AS_JSON) {
        md_api_reply(r, 200, report_json(report));
    } else {
        g_autofree char *text = ask->form == AS_CSV ? bc_report_csv(report, language)
                                                    : bc_report_page(report, language, r->api ? bc_broadcast_timezone(ask->a.b) : "UTC");
        if (ask->form == AS_PAGE)
            md_api_reply_page(r, text);
        else
            md_api_reply_text(r, 200, "text/csv; charset=utf-8", text);
    }
    g_free(ask);
}

/* Midnight of a day in the province, days later. */
static GDateTime *midnight(const char *day, GTimeZone *zone, int days)
{
    int y, m, d;

    if (sscanf(day, "%4d-%2d-%2d", &y, &m, &d) != 3)
        return NULL;
    g_autoptr(GDateTime) at = g_date_time_new(zone, y, m, d, 0, 0, 0);
    return at ? g_date_time_add_days(at, days) : NULL;
}

/* from and to are days, both counted; left out: this month until today. */
static bool read_period(MdApiRequest *r, Reports *s, int64_t *ret_from_us, int64_t *ret_to_us)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(bc_broadcast_timezone(s->a.b));
    if (!zone)
        zone = g_time_zone_new_utc();
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(bc_broadcast_wall_us(s->a.b) / G_USEC_PER_SEC);
    g_autoptr(GDateTime) now = g_date_time_to_timezone(utc, zone);
    g_autofree char *first = g_date_time_format(now, "%Y-%m-01"), *today = g_date_time_format(now, "%Y-%m-%d");
    const char *from = md_api_request_query(r, "from"), *to = md_api_request_query(r, "to");
    g_autoptr(GDateTime) begin = midnight(from ? from : first, zone, 0), end = midnight(to ? to : today, zone, 1);

    if (!begin || !end) {
        md_api_reply_error(r, 400, "invalid-query", "from and to are days of the calendar", "write them as 2026-11-01");
        return false;
    }
    *ret_from_us = g_date_time_to_unix(begin) * G_USEC_PER_SEC;
    *ret_to_us = g_date_time_to_unix(end) * G_USEC_PER_SEC;
    return true;
}

static void run(MdApiRequest *r, Reports *s, Form form)
{
    const char *area = md_api_request_query(r, "area"), *own = md_api_request_area(r), *by = md_api_request_query(r, "by");
    BcReportSpec spec = {.store = md_api_store(s->a.api), .areas = bc_broadcast_areas(s->a.b), .devices = bc_broadcast_devices(s->a.b),
                         .under = area ? area : *own ? own : NULL, .vendor = md_api_request_vendor(r),
                         .by = g_strcmp0(by, "device") == 0 ? BC_REPORT_BY_DEVICE : g_strcmp0(by, "area") == 0 ? BC_REPORT_BY_AREA : BC_REPORT_BY_COMMUNE};

    if ((area && !md_api_bc_may(r, &s->a, area)) || !read_period(r, s, &spec.from_us, &spec.to_us))
        return;
    Ask *ask = g_new0(Ask, 1);
    *ask = (Ask){r, s->a, form};
    bc_report_run(&spec, reported, ask);
}

static void as_json(MdApiRequest *r, void *user)
{
    run(r, user, AS_JSON);
}

static void as_csv(MdApiRequest *r, void *user)
{
    run(r, user, AS_CSV);
}

static void as_page(MdApiRequest *r, void *user)
{
    run(r, user, AS_PAGE);
}

/* --- the feed --- */

typedef struct Count {
    const char *area;
    unsigned total, online, off;
} Count;

static bool is_online(Reports *s, const BcDevice *device)
{
    if (device->kind == BC_DEVICE_SIP)
        return bc_broadcast_is_registered(s->a.b, device->id);
    return s->with.online && s->with.online(device->id, s->with.user);
}

static JsonObject *count_json(Reports *s, const Count *c)
{
    const BcArea *area = c->area ? bc_areas_find(bc_broadcast_areas(s->a.b), c->area) : NULL;
    JsonObject *o = json_object_new();

    if (c->area) {
        json_object_set_string_member(o, "area", c->area);
        json_object_set_string_member(o, "name", area ? area->name : "");
    }
    json_object_set_int_member(o, "total", c->total);
    json_object_set_int_member(o, "online", c->online);
    json_object_set_int_member(o, "offline", c->total - c->online - c->off);
    json_object_set_int_member(o, "disabled", c->off);
    return o;
}

static void add_devices(Reports *s, JsonObject *feed, const char *under)
{
    const char *const areas[] = {under, NULL};
    g_autoptr(GPtrArray) devices = bc_devices_in(bc_broadcast_devices(s->a.b), *under ? areas : NULL, false); /* in the order of areas */
    JsonArray *array = json_array_new();
    Count all = {0}, here = {0};

    for (unsigned i = 0; i < devices->len; i++) {
        const BcDevice *device = devices->pdata[i];
        bool online = device->enabled && is_online(s, device);
        if (here.area && !g_str_equal(here.area, device->area)) {
            json_array_add_object_element(array, count_json(s, &here));
            here = (Count){0};
        }
        here.area = device->area;
        here.total++, all.total++;
        here.online += online, all.online += online;
        here.off += !device->enabled, all.off += !device->enabled;
    }
    if (here.area)
        json_array_add_object_element(array, count_json(s, &here));
    json_object_set_object_member(feed, "devices", count_json(s, &all));
    json_object_set_array_member(feed, "areas", array);
}

typedef struct Runs {
    MdApiBroadcast *a;
    const char *under;
    JsonArray *playing, *emergencies;
    JsonArray *last;
} Runs;

static bool concerns(const Runs *runs, const BcRun *run)
{
    g_auto(GStrv) areas = g_strsplit(run->areas, ",", -1);
    const BcAreas *tree = bc_broadcast_areas(runs->a->b);

    for (unsigned i = 0; areas[i]; i++)
        if (!*runs->under || bc_areas_contains(tree, runs->under, areas[i]) || bc_areas_contains(tree, areas[i], runs->under))
            return true;
    return false;
}

static void add_running(const BcRun *run, void *user)
{
    Runs *runs = user;

    if (!concerns(runs, run))
        return;
    json_array_add_object_element(runs->playing, md_api_bc_run(run));
    if (run->priority == BC_EMERGENCY)
        json_array_add_object_element(runs->emergencies, md_api_bc_run(run));
}

static void add_last(const BcRun *run, void *user)
{
    Runs *runs = user;

    if (concerns(runs, run))
        json_array_add_object_element(runs->last, md_api_bc_run(run));
}

static void feed(MdApiRequest *r, void *user)
{
    Reports *s = user;
    g_autofree char *key = NULL, *key_area = NULL;
    g_autoptr(GError) error = NULL;

    bool signed_in = md_api_role_rights(md_api_request_role(r)) & MD_API_MAY_VIEW;
    if (!signed_in && !md_api_request_key(r, "feed", &key, &key_area)) {
        md_api_reply_error(r, 401, "not-signed-in", "this needs a signed-in account, or a key for the feed",
                           "send X-Api-Key; an administrator makes one: POST " MD_API_PREFIX "/keys");
        return;
    }
    Runs runs = {&s->a, signed_in ? md_api_request_area(r) : key_area, json_array_new(), json_array_new(), json_array_new()};
    JsonObject *o = json_object_new();
    json_object_set_int_member(o, "time_us", bc_broadcast_wall_us(s->a.b));
    json_object_set_string_member(o, "area", runs.under);
    add_devices(s, o, runs.under);
    bc_broadcast_running(s->a.b, add_running, &runs);
    bc_play_log_runs(bc_broadcast_play_log(s->a.b), NULL, 0, 20, add_last, &runs, &error);
    json_object_set_array_member(o, "playing", runs.playing);
    json_object_set_array_member(o, "emergencies", runs.emergencies);
    json_object_set_array_member(o, "last", runs.last);
    if (s->with.alerts)
        json_object_set_member(o, "alerts", s->with.alerts(runs.under, s->with.user));
    g_autoptr(JsonNode) node = md_api_bc_object(o);
    if (error)
        md_api_bc_error(r, error);
    else
        md_api_reply(r, 200, g_steal_pointer(&node));
}

#define DAY "{\"type\":\"string\",\"pattern\":\"^[0-9]{4}-[0-9]{2}-[0-9]{2}$\"}"
#define PERIOD                                                                                                         \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"from\":" DAY ",\"to\":" DAY ",\"area\":" BC_CODE                     \
    ",\"by\":{\"type\":\"string\",\"enum\":[\"commune\",\"area\",\"device\"]},\"lang\":{\"type\":\"string\",\"enum\":[\"vi\",\"en\"]}}}"
#define ROW                                                                                                            \
    "{\"type\":\"object\",\"required\":[\"key\",\"name\",\"devices\",\"requested\",\"played\",\"partial\",\"missed\",\"missed_why\",\"share\"],\"properties\":{"      \
    "\"key\":{\"type\":\"string\"},\"name\":{\"type\":\"string\"},\"area\":{\"type\":\"string\"},\"devices\":" BC_INT ",\"requested\":" BC_INT                        \
    ",\"played\":" BC_INT ",\"partial\":" BC_INT ",\"missed\":" BC_INT ",\"missed_why\":{\"type\":\"object\"},\"share\":{\"type\":\"number\"},\"proved\":" BC_INT   \
    ",\"urgent\":" BC_INT ",\"urgent_heard\":" BC_INT ",\"requested_s\":" BC_INT ",\"air_s\":" BC_INT ",\"started\":" BC_INT                         \
    ",\"late_p50_ms\":" BC_INT ",\"late_p99_ms\":" BC_INT "}}"
#define REPORT_DAY                                                                                                     \
    "{\"type\":\"object\",\"required\":[\"from_us\",\"requested\",\"played\",\"partial\",\"missed\"],\"properties\":{\"from_us\":" BC_TIME                \
    ",\"requested\":" BC_INT ",\"played\":" BC_INT ",\"partial\":" BC_INT ",\"missed\":" BC_INT "}}"
#define REPORT                                                                                                         \
    "{\"type\":\"object\",\"required\":[\"rows\",\"total\"],\"properties\":{\"title\":{\"type\":\"string\"},\"from_us\":" BC_TIME ",\"to_us\":" BC_TIME            \
    ",\"announcements\":" BC_INT ",\"drills\":" BC_INT ",\"rows\":{\"type\":\"array\",\"items\":" ROW "},\"total\":" ROW ",\"days\":{\"type\":\"array\",\"items\":" REPORT_DAY "}}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/reports/plays", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .vendor = true, .handler = as_json,
     .query_schema = PERIOD, .response_schema = REPORT,
     .summary = "What was asked for, played, missed and why in a period of days, per commune, area or loudspeaker."},
    {.method = "GET", .path = "/reports/plays.csv", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .vendor = true, .handler = as_csv,
     .query_schema = PERIOD, .response_type = "text/csv", .summary = "The same as a table for spreadsheets."},
    {.method = "GET", .path = "/reports/plays.html", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .vendor = true, .handler = as_page,
     .query_schema = PERIOD, .response_type = "text/html", .summary = "The same as a page to print."},
    {.method = "GET", .path = "/feed/operations", .role = MD_API_ANYBODY, .handler = feed,
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"time_us\",\"devices\",\"areas\",\"playing\",\"emergencies\",\"last\"],\"properties\":{\"time_us\":" BC_TIME
                        ",\"devices\":{\"type\":\"object\"},\"areas\":{\"type\":\"array\"},\"playing\":{\"type\":\"array\"},\"emergencies\":{\"type\":\"array\"},"
                        "\"last\":{\"type\":\"array\"}}}",
     .summary = "How things stand, for the operations centre: with an account that may view, or a key for the feed in X-Api-Key."},
};

void md_api_add_reports(MdApi *api, BcBroadcast *broadcast, const MdApiReports *with)
{
    Reports *s = g_new0(Reports, 1);

    s->a = (MdApiBroadcast){api, broadcast};
    if (with)
        s->with = *with;
    md_api_own(api, s, g_free);
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), s);
    md_api_add_feedback(api, broadcast, &s->with);
}
