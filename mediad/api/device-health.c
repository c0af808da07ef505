/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What loudspeakers say of themselves, why one is silent, and incidents that took many. */
#include "mediad/api/device-json.h"
#include <math.h>
#include <string.h>

static JsonArray *readings_json(BcDeviceLink *link, const char *id)
{
    g_autoptr(GPtrArray) all = bc_health_of(bc_device_link_health(link), id);
    int64_t now_us = bc_device_link_wall_us(link);
    JsonArray *array = json_array_new();

    for (unsigned i = 0; i < all->len; i++) {
        const BcReading *reading = all->pdata[i];
        const char *why = NULL;
        BcPlausible mark = bc_health_judge(reading, all, now_us, &why);
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "name", reading->name);
        if (reading->number)
            json_object_set_double_member(o, "value", g_ascii_strtod(reading->value, NULL));
        else
            json_object_set_string_member(o, "value", reading->value);
        json_object_set_string_member(o, "source", reading->source ? reading->source : "vendor");
        json_object_set_int_member(o, "at_us", reading->at_us ? reading->at_us : reading->received_us);
        json_object_set_int_member(o, "received_us", reading->received_us);
        json_object_set_int_member(o, "since_us", reading->since_us);
        json_object_set_string_member(o, "plausible", bc_plausible_to_string(mark));
        md_api_bc_set_text(o, "why", why);
        json_array_add_object_element(array, o);
    }
    return array;
}

static void add_state(JsonObject *o, const BcLinkState *state)
{
    md_api_bc_set_text(o, "software", state->software);
    md_api_bc_set_text(o, "abilities", state->abilities);
    md_api_bc_set_text(o, "formats", state->formats);
    md_api_bc_set_text(o, "playing", state->playing);
    json_object_set_int_member(o, "manifest_stored", state->manifest_version);
    json_object_set_int_member(o, "media_wanted", state->media_wanted);
    json_object_set_int_member(o, "media_stored", state->media_stored);
    json_object_set_int_member(o, "boot_us", state->boot_us);
    if (state->clock_offset_us != INT64_MIN)
        json_object_set_int_member(o, "clock_offset_us", state->clock_offset_us);
    if (isfinite(state->clock_drift_ppm))
        json_object_set_double_member(o, "clock_drift_ppm", state->clock_drift_ppm);
}

static void show_health(MdApiRequest *r, void *user)
{
    MdApiDeviceLink *a = user;
    const BcDevice *device = md_api_link_there(r, a) ? md_api_link_device(r, a) : NULL;
    BcLinkSeen seen;

    if (!device)
        return;
    const BcCredential *credential = bc_credentials_find(bc_device_link_credentials(a->link), device->id);
    const BcLinkState *state = bc_device_link_state(a->link, device->id);
    JsonObject *o = json_object_new();
    bc_device_link_seen(a->link, device->id, &seen);
    json_object_set_string_member(o, "device", device->id);
    json_object_set_boolean_member(o, "online", seen.online);
    json_object_set_int_member(o, "seen_us", seen.seen_us);
    json_object_set_int_member(o, "changed_us", seen.changed_us);
    json_object_set_boolean_member(o, "enrolled", credential != NULL);
    json_object_set_int_member(o, "certificate_expires_us", credential ? credential->expires_us : 0);
    json_object_set_int_member(o, "manifest_wanted", seen.manifest_published);
    json_object_set_int_member(o, "volume_wanted", device->volume);
    if (state)
        add_state(o, state);
    json_object_set_array_member(o, "readings", readings_json(a->link, device->id));
    md_api_reply(r, 200, md_api_bc_object(o));
}

/* Is it there: signed in over SIP, connected to the broker. What is neither (a board, a multicast receiver) does not say. */
static bool is_there(MdApiDeviceLink *a, const BcDevice *device, bool *ret_says)
{
    BcLinkSeen seen = {0};

    *ret_says = device->kind == BC_DEVICE_SIP || (device->kind == BC_DEVICE_LINK && a->link);
    if (device->kind == BC_DEVICE_LINK && a->link)
        bc_device_link_seen(a->link, device->id, &seen);
    return seen.online || (device->kind == BC_DEVICE_SIP && bc_broadcast_is_registered(a->broadcast.b, device->id));
}

/* For a table of thousands: whether each is there, and the first cause of those that were or would be silent. */
static void list_states(MdApiRequest *r, void *user)
{
    MdApiDeviceLink *a = user;
    const char *area = md_api_request_query(r, "area"), *const areas[] = {area, NULL};
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) found = bc_devices_in(bc_broadcast_devices(a->broadcast.b), area ? areas : NULL, false);

    for (unsigned i = 0; i < found->len; i++) {
        const BcDevice *device = found->pdata[i];
        bool says, there = is_there(a, device, &says);
        if (!md_api_bc_sees_device(r, &a->broadcast, device))
            continue;
        JsonObject *o = json_object_new();
        g_autoptr(GPtrArray) causes = bc_device_link_why_silent(a->link, device);
        const BcSilence *first = causes->len ? causes->pdata[0] : NULL;
        json_object_set_string_member(o, "device", device->id);
        json_object_set_string_member(o, "there", !says ? "unknown" : there ? "yes" : "no");
        if (device->kind == BC_DEVICE_SIP && device->enabled && !there) {
            json_object_set_string_member(o, "cause", "offline");
            json_object_set_string_member(o, "text", "it has not signed in over SIP");
        } else if (first) {
            json_object_set_string_member(o, "cause", first->cause);
            json_object_set_string_member(o, "text", first->text);
            json_object_set_int_member(o, "since_us", first->since_us);
        }
        json_array_add_object_element(array, o);
    }
    md_api_reply(r, 200, md_api_bc_list("states", array));
}

static void why_silent(MdApiRequest *r, void *user)
{
    MdApiDeviceLink *a = user;
    const BcDevice *device = md_api_link_device(r, a);
    JsonArray *array;

    if (!device)
        return;
    g_autoptr(GPtrArray) causes = bc_device_link_why_silent(a->link, device);
    array = json_array_new();
    for (unsigned i = 0; i < causes->len; i++) {
        const BcSilence *silence = causes->pdata[i];
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "cause", silence->cause);
        json_object_set_string_member(o, "text", silence->text);
        json_object_set_int_member(o, "since_us", silence->since_us);
        json_object_set_boolean_member(o, "sure", silence->sure);
        json_array_add_object_element(array, o);
    }
    md_api_reply(r, 200, md_api_bc_list("causes", array));
}

static void show_log(MdApiRequest *r, void *user)
{
    MdApiDeviceLink *a = user;
    const BcDevice *device = md_api_link_there(r, a) ? md_api_link_device(r, a) : NULL;
    g_autoptr(GError) error = NULL;

    if (!device)
        return;
    g_autofree char *text = bc_device_link_log(a->link, device->id, &error);
    if (text)
        md_api_reply_text(r, 200, "text/plain; charset=utf-8", text);
    else
        md_api_reply_store_error(r, error);
}

static void list_outages(MdApiRequest *r, void *user)
{
    MdApiDeviceLink *a = user;
    JsonArray *array;

    if (!md_api_link_there(r, a))
        return;
    g_autoptr(GPtrArray) all = bc_outages_list(bc_device_link_outages(a->link));
    array = json_array_new();
    for (unsigned i = 0; i < all->len; i++) {
        const BcOutage *outage = all->pdata[i];
        if (!md_api_request_sees(r, g_str_equal(outage->by, "area") ? outage->value : NULL))
            continue;
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "id", outage->id);
        json_object_set_string_member(o, "by", outage->by);
        json_object_set_string_member(o, "value", outage->value);
        json_object_set_int_member(o, "began_us", outage->began_us);
        json_object_set_int_member(o, "ended_us", outage->ended_us);
        json_object_set_int_member(o, "devices", outage->devices);
        json_object_set_int_member(o, "away", outage->away);
        json_array_add_object_element(array, o);
    }
    md_api_reply(r, 200, md_api_bc_list("outages", array));
}

static void show_link(MdApiRequest *r, void *user)
{
    MdApiDeviceLink *a = user;
    BcDeviceLinkStats stats;

    if (!md_api_link_there(r, a))
        return;
    g_autofree char *jwks = bc_device_link_jwks(a->link);
    JsonObject *o = json_object_new();
    bc_device_link_stats(a->link, &stats);
    json_object_set_boolean_member(o, "connected", stats.connected);
    json_object_set_int_member(o, "enrolled", stats.enrolled);
    json_object_set_int_member(o, "online", stats.online);
    json_object_set_int_member(o, "open_commands", bc_commands_open(bc_device_link_commands(a->link)));
    json_object_set_string_member(o, "ca", bc_device_link_ca(a->link));
    json_object_set_member(o, "keys", json_from_string(jwks, NULL));
    md_api_reply(r, 200, md_api_bc_object(o));
}

static void metrics(GString *out, void *user)
{
    BcDeviceLinkStats s;

    bc_device_link_stats(user, &s);
    const struct { const char *name, *kind, *help; uint64_t value; } rows[] = {
        {"mediad_link_connected", "gauge", "1: connected to the broker", s.connected},
        {"mediad_link_devices_enrolled", "gauge", "loudspeakers with a valid certificate", s.enrolled},
        {"mediad_link_certificates_ending", "gauge", "certificates of loudspeakers that end within 30 days", s.ending},
        {"mediad_link_devices_online", "gauge", "loudspeakers connected", s.online},
        {"mediad_link_published_total", "counter", "messages sent to loudspeakers", s.published},
        {"mediad_link_received_total", "counter", "messages from loudspeakers", s.received},
        {"mediad_link_refused_total", "counter", "messages from loudspeakers that were not taken", s.refused},
        {"mediad_link_clock_answers_total", "counter", "clock questions answered", s.clocks},
        {"mediad_link_waiting", "gauge", "messages waiting to be handled", s.waiting},
        {"mediad_link_dropped_total", "counter", "messages that could not be sent", s.dropped},
        {"mediad_link_reconnects_total", "counter", "connections to the broker after the first", s.reconnects},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
        g_string_append_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" G_GUINT64_FORMAT "\n", rows[i].name, rows[i].help, rows[i].name,
                               rows[i].kind, rows[i].name, (guint64)rows[i].value);
}

static char *degraded(void *user)
{
    return bc_device_link_connected(user) ? NULL : g_strdup("no connection to the broker of the loudspeakers");
}

#define READING                                                                                                                           \
    "{\"type\":\"object\",\"required\":[\"name\",\"source\",\"at_us\",\"plausible\",\"why\"],\"properties\":{\"name\":" BC_TEXT ",\"source\":" BC_TEXT \
    ",\"at_us\":" BC_TIME ",\"plausible\":{\"enum\":[\"ok\",\"constant\",\"impossible\",\"swapped\",\"stale\"]},\"why\":" BC_TEXT "}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/link", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = show_link,
     .summary = "The device link: connection, counts, what loudspeakers must trust.", .response_schema = "{\"type\":\"object\",\"required\":[\"connected\"]}"},
    {.method = "GET", .path = "/devices/{device}/health", .rights = MD_API_MAY_VIEW, .vendor = true, .role = MD_API_VIEWER, .handler = show_health,
     .summary = "What a loudspeaker says of itself, each value with its source and whether it can be believed.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"device\",\"online\",\"readings\"],\"properties\":{\"readings\":{\"type\":\"array\",\"items\":" READING "}}}"},
    {.method = "GET", .path = "/devices/{device}/why-silent", .rights = MD_API_MAY_VIEW, .vendor = true, .role = MD_API_VIEWER, .handler = why_silent,
     .summary = "Why a loudspeaker is silent: what speaks for it, the first to look at in front.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"causes\"],\"properties\":{\"causes\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
                        "\"required\":[\"cause\",\"text\",\"since_us\",\"sure\"]}}}}"},
    {.method = "GET", .path = "/device-states", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = list_states,
     .summary = "Every loudspeaker of an area, or all: whether it is there, and the first cause why it was or would be silent.",
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"area\":" BC_TEXT "}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"states\"],\"properties\":{\"states\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
                        "\"required\":[\"device\",\"there\"],\"properties\":{\"device\":" BC_TEXT ",\"there\":{\"enum\":[\"yes\",\"no\",\"unknown\"]},"
                        "\"cause\":" BC_TEXT ",\"text\":" BC_TEXT ",\"since_us\":" BC_TIME "}}}}}"},
    {.method = "GET", .path = "/devices/{device}/log", .role = MD_API_OPERATOR, .rights = MD_API_MAY_DEVICES, .handler = show_log,
     .summary = "The log a loudspeaker has sent (ask for it with the command send-log).", .response_type = "text/plain"},
    {.method = "GET", .path = "/outages", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = list_outages,
     .summary = "Incidents that took many loudspeakers at once, by power, carrier or area.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"outages\"],\"properties\":{\"outages\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
                        "\"required\":[\"id\",\"by\",\"value\",\"began_us\",\"ended_us\",\"devices\",\"away\"]}}}}"},
};

void md_api_add_device_health(MdApiDeviceLink *a)
{
    md_api_add_routes(a->broadcast.api, routes, G_N_ELEMENTS(routes), a);
    if (!a->link)
        return;
    md_api_add_metrics(a->broadcast.api, metrics, a->link);
    md_api_add_degraded_check(a->broadcast.api, degraded, a->link);
}
