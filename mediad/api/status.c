/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /status: the house at a glance. */
#include "mediad/api/nouns.h"
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

typedef struct Status {
    MdApiStatus what;
    MdApiListener *listeners;
    int64_t started_us;
} Status;

static int64_t resident_kib(void)
{
    g_autofree char *text = NULL;
    long pages = 0, resident = 0;

    if (!g_file_get_contents("/proc/self/statm", &text, NULL, NULL) || sscanf(text, "%ld %ld", &pages, &resident) != 2)
        return 0;
    return (int64_t)resident * sysconf(_SC_PAGESIZE) / 1024;
}

static int64_t cpu_ms(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

static void count_rooms(MdConference *conference, unsigned *ret_rooms, unsigned *ret_members)
{
    g_autoptr(GPtrArray) rooms = md_conference_rooms(conference);

    *ret_rooms = rooms->len;
    for (unsigned i = 0; i < rooms->len; i++) {
        MdRoomInfo info = {0};
        md_room_info(rooms->pdata[i], &info);
        *ret_members += info.members;
    }
}

static JsonArray *listeners_json(const Status *s)
{
    JsonArray *array = json_array_new();

    for (unsigned i = 0; i < s->what.n_listeners; i++) {
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "kind", s->listeners[i].kind);
        json_object_set_string_member(o, "address", s->listeners[i].address);
        json_array_add_object_element(array, o);
    }
    return array;
}

static void show(MdApiRequest *r, void *user)
{
    const Status *s = user;
    JsonObject *o = json_object_new();
    unsigned rooms = 0, members = 0;

    if (s->what.conference)
        count_rooms(s->what.conference, &rooms, &members);
    json_object_set_string_member(o, "version", MEDIAD_VERSION);
    json_object_set_int_member(o, "uptime_s", (g_get_monotonic_time() - s->started_us) / G_USEC_PER_SEC);
    json_object_set_int_member(o, "workers", s->what.workers);
    json_object_set_int_member(o, "rooms", rooms);
    json_object_set_int_member(o, "members", members);
    json_object_set_int_member(o, "accounts", s->what.accounts ? sg_accounts_count(s->what.accounts) : 0);
    json_object_set_int_member(o, "registrations",
                               s->what.agent ? (gint64)md_stat_get(&sg_agent_stats(s->what.agent)->bindings) : 0);
    json_object_set_int_member(o, "calls", s->what.agent ? (gint64)md_stat_get(&sg_agent_stats(s->what.agent)->calls) : 0);
    json_object_set_int_member(o, "memory_kib", resident_kib());
    json_object_set_int_member(o, "cpu_ms", cpu_ms());
    json_object_set_array_member(o, "listeners", listeners_json(s));
    JsonNode *node = json_node_init_object(json_node_alloc(), o);
    json_object_unref(o);
    md_api_reply(r, 200, node);
}

static void metrics(GString *out, void *user)
{
    const Status *s = user;

    g_string_append_printf(out,
                           "# TYPE mediad_info gauge\nmediad_info{version=\"" MEDIAD_VERSION "\"} 1\n"
                           "# TYPE mediad_uptime_seconds gauge\nmediad_uptime_seconds %" G_GINT64_FORMAT "\n"
                           "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total %.3f\n"
                           "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes %" G_GINT64_FORMAT "\n",
                           (gint64)((g_get_monotonic_time() - s->started_us) / G_USEC_PER_SEC), (double)cpu_ms() / 1000,
                           (gint64)resident_kib() * 1024);
}

#define NUMBER "{\"type\":\"integer\"}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/status", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = show, .summary = "The house at a glance.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"version\",\"uptime_s\",\"workers\",\"rooms\",\"members\",\"accounts\","
                        "\"registrations\",\"calls\",\"listeners\"],\"properties\":{\"version\":{\"type\":\"string\"},"
                        "\"uptime_s\":" NUMBER ",\"workers\":" NUMBER ",\"rooms\":" NUMBER ",\"members\":" NUMBER ",\"accounts\":" NUMBER
                        ",\"registrations\":" NUMBER ",\"calls\":" NUMBER ",\"memory_kib\":" NUMBER ",\"cpu_ms\":" NUMBER ","
                        "\"listeners\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"kind\":{\"type\":\"string\"},"
                        "\"address\":{\"type\":\"string\"}}}}}}"},
};

static void status_free(gpointer data)
{
    Status *s = data;

    for (unsigned i = 0; i < s->what.n_listeners; i++) {
        g_free((char *)s->listeners[i].kind);
        g_free((char *)s->listeners[i].address);
    }
    g_free(s->listeners);
    g_free(s);
}

void md_api_add_status(MdApi *api, const MdApiStatus *status)
{
    Status *s = g_new0(Status, 1);

    s->what = *status;
    s->listeners = g_new0(MdApiListener, status->n_listeners + 1);
    for (unsigned i = 0; i < status->n_listeners; i++)
        s->listeners[i] = (MdApiListener){g_strdup(status->listeners[i].kind), g_strdup(status->listeners[i].address)};
    s->started_us = g_get_monotonic_time();
    md_api_own(api, s, status_free);
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), s);
    md_api_add_metrics(api, metrics, s);
}
