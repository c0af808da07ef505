/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /slots and /holidays: the frame that programmes are put into. */
#include "broadcast/civil.h"
#include "mediad/api/broadcast-json.h"

static const char *const weekdays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static void on_changed(const GError *error, void *user)
{
    if (error)
        md_api_bc_error(user, error);
    else
        md_api_reply(user, 204, NULL);
}

/* --- slots --- */

static JsonObject *slot_json(const BcSlot *slot)
{
    JsonObject *o = json_object_new();
    JsonArray *days = json_array_new();
    g_autofree char *from = bc_format_time(slot->from_s), *to = bc_format_time(slot->to_s);

    for (unsigned i = 0; i < G_N_ELEMENTS(weekdays); i++)
        if (slot->weekdays >> i & 1)
            json_array_add_string_element(days, weekdays[i]);
    json_object_set_string_member(o, "id", slot->id);
    json_object_set_string_member(o, "area", slot->area);
    json_object_set_string_member(o, "name", slot->name);
    json_object_set_string_member(o, "from", from);
    json_object_set_string_member(o, "to", to);
    json_object_set_array_member(o, "weekdays", days);
    return o;
}

static void list_slots(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) all = bc_slots_list(bc_broadcast_slots(a->b));

    for (unsigned i = 0; i < all->len; i++)
        if (md_api_request_concerned(r, ((BcSlot *)all->pdata[i])->area))
            json_array_add_object_element(array, slot_json(all->pdata[i]));
    md_api_reply(r, 200, md_api_bc_list("slots", array));
}

static unsigned weekdays_of(JsonObject *body)
{
    JsonArray *names = json_object_has_member(body, "weekdays") ? json_object_get_array_member(body, "weekdays") : NULL;
    unsigned mask = names ? 0 : BC_WEEKDAYS_ALL;

    for (unsigned i = 0; names && i < json_array_get_length(names); i++)
        for (unsigned k = 0; k < G_N_ELEMENTS(weekdays); k++)
            if (g_str_equal(json_array_get_string_element(names, i), weekdays[k]))
                mask |= 1u << k;
    return mask;
}

static void put_slot(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    JsonObject *body = md_api_request_body(r);
    const char *id = md_api_request_param(r, "slot");
    const BcSlot *was = bc_slots_find(bc_broadcast_slots(a->b), id);
    int from = bc_parse_time(json_object_get_string_member(body, "from")), to = bc_parse_time(json_object_get_string_member(body, "to"));
    BcSlot slot = {id, json_object_get_string_member(body, "area"), json_object_get_string_member(body, "name"), (unsigned)from, (unsigned)to,
                   weekdays_of(body)};

    if ((was && !md_api_bc_may(r, a, was->area)) || !md_api_bc_may(r, a, slot.area))
        return;
    if (from < 0 || to < 0)
        md_api_reply_error(r, 400, "bad-request", "slot: \"from\" and \"to\" are times of the day", "such as 05:00 and 06:00; 24:00 ends a day");
    else
        bc_slots_put(bc_broadcast_slots(a->b), &slot, NULL, on_changed, r);
}

static void remove_slot(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    const BcSlot *slot = bc_slots_find(bc_broadcast_slots(a->b), md_api_request_param(r, "slot"));

    if (!slot)
        md_api_reply_error(r, 404, "not-found", "there is no such slot", "GET /api/v1/slots lists them");
    else if (md_api_bc_may(r, a, slot->area))
        bc_slots_remove(bc_broadcast_slots(a->b), slot->id, on_changed, r);
}

/* --- holidays --- */

static void list_holidays(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) all = bc_holidays_list(bc_broadcast_holidays(a->b));

    for (unsigned i = 0; i < all->len; i++) {
        const BcHoliday *h = all->pdata[i];
        g_autofree char *day = bc_format_day(h->day);
        if (!md_api_request_concerned(r, h->area))
            continue;
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "area", h->area);
        json_object_set_string_member(o, "day", day);
        json_object_set_string_member(o, "name", h->name);
        json_array_add_object_element(array, o);
    }
    md_api_reply(r, 200, md_api_bc_list("holidays", array));
}

static bool day_of(MdApiRequest *r, int32_t *ret_day)
{
    if (bc_parse_day(md_api_request_param(r, "day"), ret_day))
        return true;
    md_api_reply_error(r, 400, "bad-request", "that is no day", "such as 2027-02-06");
    return false;
}

static void put_holiday(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    BcHoliday h = {md_api_request_param(r, "area"), json_object_get_string_member(md_api_request_body(r), "name"), 0};

    if (md_api_bc_may(r, a, h.area) && day_of(r, &h.day))
        bc_holidays_put(bc_broadcast_holidays(a->b), &h, on_changed, r);
}

static void remove_holiday(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    int32_t day;

    if (md_api_bc_may(r, a, md_api_request_param(r, "area")) && day_of(r, &day))
        bc_holidays_remove(bc_broadcast_holidays(a->b), md_api_request_param(r, "area"), day, on_changed, r);
}

#define CLOCK "{\"type\":\"string\",\"pattern\":\"^[0-2][0-9]:[0-5][0-9](:[0-5][0-9])?$\"}"
#define WEEKDAYS "{\"type\":\"array\",\"minItems\":1,\"maxItems\":7,\"items\":{\"type\":\"string\",\"enum\":[\"mon\",\"tue\",\"wed\",\"thu\",\"fri\",\"sat\",\"sun\"]}}"
#define SLOT_FIELDS "\"area\":" BC_CODE ",\"name\":" BC_NAME ",\"from\":" CLOCK ",\"to\":" CLOCK ",\"weekdays\":" WEEKDAYS
#define SLOT "{\"type\":\"object\",\"required\":[\"id\",\"area\",\"name\",\"from\",\"to\",\"weekdays\"],\"properties\":{\"id\":" BC_CODE "," SLOT_FIELDS "}}"
#define HOLIDAY                                                                                                        \
    "{\"type\":\"object\",\"required\":[\"area\",\"day\",\"name\"],\"properties\":{\"area\":" BC_CODE ",\"day\":{\"type\":\"string\"},\"name\":" BC_NAME "}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/slots", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = list_slots, .summary = "The daily windows of programmes.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"slots\"],\"properties\":{\"slots\":{\"type\":\"array\",\"items\":" SLOT "}}}"},
    {.method = "PUT", .path = "/slots/{slot}", .rights = MD_API_MAY_APPROVE, .role = MD_API_OPERATOR, .handler = put_slot,
     .summary = "Add or change a window; one that ends before it begins ends on the next day.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"area\",\"name\",\"from\",\"to\"],\"properties\":{" SLOT_FIELDS "}}"},
    {.method = "DELETE", .path = "/slots/{slot}", .rights = MD_API_MAY_APPROVE, .role = MD_API_OPERATOR, .handler = remove_slot,
     .summary = "Remove a window that no programme is in."},
    {.method = "GET", .path = "/holidays", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = list_holidays, .summary = "The holidays of all areas.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"holidays\"],\"properties\":{\"holidays\":{\"type\":\"array\",\"items\":" HOLIDAY "}}}"},
    {.method = "PUT", .path = "/areas/{area}/holidays/{day}", .rights = MD_API_MAY_APPROVE, .role = MD_API_OPERATOR, .handler = put_holiday,
     .summary = "A day (2027-02-06) is a holiday in an area and below it.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\"],\"properties\":{\"name\":" BC_NAME "}}"},
    {.method = "DELETE", .path = "/areas/{area}/holidays/{day}", .rights = MD_API_MAY_APPROVE, .role = MD_API_OPERATOR, .handler = remove_holiday,
     .summary = "It is a day like any other again."},
};

void md_api_add_timetable(MdApiBroadcast *a)
{
    md_api_add_routes(a->api, routes, G_N_ELEMENTS(routes), a);
}
