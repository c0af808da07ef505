/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /sources: network addresses that gave offence to the SIP side, with the reasons, and lifting a ban. */
#include "mediad/api/nouns.h"

static JsonObject *source_json(const SgGuardEntry *entry, int64_t now_us)
{
    JsonObject *o = json_object_new();
    JsonObject *offences = json_object_new();

    json_object_set_string_member(o, "source", entry->source);
    json_object_set_boolean_member(o, "banned", entry->banned);
    json_object_set_int_member(o, "banned_for_s", entry->banned ? MAX(0, (entry->banned_until_us - now_us) / G_USEC_PER_SEC) : 0);
    json_object_set_string_member(o, "reason", entry->reason ? entry->reason : "");
    json_object_set_boolean_member(o, "known_device", entry->known_device);
    json_object_set_int_member(o, "connections", entry->connections);
    json_object_set_int_member(o, "dropped", (gint64)entry->dropped);
    for (unsigned i = 0; i < SG_OFFENCE_MAX; i++)
        if (entry->offences[i])
            json_object_set_int_member(offences, sg_guard_offence_to_string(i), (gint64)entry->offences[i]);
    json_object_set_object_member(o, "offences", offences);
    return o;
}

static void list(MdApiRequest *r, void *user)
{
    SgAgent *agent = user;
    JsonArray *array = json_array_new();
    g_autoptr(GArray) all = sg_agent_guard_list(agent);
    int64_t now_us = g_get_monotonic_time();

    for (guint i = 0; i < all->len; i++)
        json_array_add_object_element(array, source_json(&g_array_index(all, SgGuardEntry, i), now_us));
    JsonObject *object = json_object_new();
    json_object_set_array_member(object, "sources", array);
    JsonNode *node = json_node_init_object(json_node_alloc(), object);
    json_object_unref(object);
    md_api_reply(r, 200, node);
}

static void forgive(MdApiRequest *r, void *user)
{
    SgAgent *agent = user;

    if (sg_agent_guard_forgive(agent, json_object_get_string_member(md_api_request_body(r), "source")))
        md_api_reply(r, 204, NULL);
    else
        md_api_reply_error(r, 404, "source-not-found", "no such source is banned", "GET /api/v1/sources lists them as they are written");
}

#define SOURCE "{\"type\":\"string\",\"minLength\":2,\"maxLength\":64}"
static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/sources", .rights = MD_API_MAY_OPERATE, .role = MD_API_OPERATOR, .handler = list,
     .summary = "Network sources that gave offence over SIP, and which are banned, with the reasons.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"sources\"],\"properties\":{\"sources\":{\"type\":\"array\",\"items\":{"
                        "\"type\":\"object\",\"required\":[\"source\",\"banned\",\"reason\",\"known_device\",\"offences\"],\"properties\":{"
                        "\"source\":" SOURCE ",\"banned\":{\"type\":\"boolean\"},\"banned_for_s\":{\"type\":\"integer\"},"
                        "\"reason\":{\"type\":\"string\"},\"known_device\":{\"type\":\"boolean\",\"description\":\"a registered device of "
                        "ours is there: a fault to mend, never banned\"},\"connections\":{\"type\":\"integer\"},"
                        "\"dropped\":{\"type\":\"integer\"},\"offences\":{\"type\":\"object\"}}}}}}"},
    {.method = "POST", .path = "/sources/forgive", .rights = MD_API_MAY_OPERATE, .role = MD_API_OPERATOR, .province = true, .handler = forgive, .summary = "Lift the ban of a source.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"source\"],\"properties\":{\"source\":" SOURCE "}}"},
};

void md_api_add_sources(MdApi *api, SgAgent *agent)
{
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), agent);
}
