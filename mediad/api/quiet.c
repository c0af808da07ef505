/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Quiet hours, their release by two people, and "stop everything here". */
#include "mediad/api/broadcast-json.h"

static void on_changed(const GError *error, void *user)
{
    if (error)
        md_api_bc_error(user, error);
    else
        md_api_reply(user, 204, NULL);
}

static void show_hours(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    const char *area = md_api_request_param(r, "area"), *from = NULL;
    BcQuietHours hours = bc_quiet_hours(bc_broadcast_quiet(a->b), area, &from);
    g_autofree char *text = bc_quiet_format(&hours);
    JsonObject *o;

    if (!bc_areas_find(bc_broadcast_areas(a->b), area)) {
        md_api_reply_error(r, 404, "not-found", "there is no such area", "GET /api/v1/areas lists them");
        return;
    }
    o = json_object_new();
    json_object_set_string_member(o, "area", area);
    json_object_set_string_member(o, "hours", text);
    md_api_bc_set_text(o, "from", from);
    json_object_set_boolean_member(o, "quiet", bc_quiet_at(bc_broadcast_quiet(a->b), area, bc_broadcast_wall_us(a->b)));
    md_api_reply(r, 200, md_api_bc_object(o));
}

static void put_hours(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    BcQuietHours hours;

    if (!md_api_bc_may(r, a, md_api_request_param(r, "area")))
        return;
    if (bc_quiet_parse(json_object_get_string_member(md_api_request_body(r), "hours"), &hours))
        bc_quiet_put(bc_broadcast_quiet(a->b), md_api_request_param(r, "area"), &hours, on_changed, r);
    else
        md_api_reply_error(r, 400, "bad-request", "quiet hours: \"hours\" are two times of the day", "such as 21:30-05:00; none: there are none");
}

static void remove_hours(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;

    if (md_api_bc_may(r, a, md_api_request_param(r, "area")))
        bc_quiet_put(bc_broadcast_quiet(a->b), md_api_request_param(r, "area"), NULL, on_changed, r);
}

/* --- releases --- */

static JsonObject *release_json(const BcQuietRelease *release)
{
    JsonObject *o = json_object_new();
    JsonArray *areas = json_array_new();

    for (unsigned i = 0; release->areas[i]; i++)
        json_array_add_string_element(areas, release->areas[i]);
    json_object_set_string_member(o, "id", release->id);
    json_object_set_array_member(o, "areas", areas);
    json_object_set_int_member(o, "from_us", release->from_us);
    json_object_set_int_member(o, "to_us", release->to_us);
    json_object_set_string_member(o, "reason", release->reason);
    json_object_set_string_member(o, "asked_by", release->asked_by);
    json_object_set_int_member(o, "asked_us", release->asked_us);
    md_api_bc_set_text(o, "released_by", release->released_by);
    json_object_set_int_member(o, "released_us", release->released_us);
    return o;
}

static void list_releases(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) all = bc_quiet_releases(bc_broadcast_quiet(a->b), bc_broadcast_wall_us(a->b));

    for (unsigned i = 0; i < all->len; i++)
        if (md_api_bc_concerned(r, ((BcQuietRelease *)all->pdata[i])->areas))
            json_array_add_object_element(array, release_json(all->pdata[i]));
    md_api_reply(r, 200, md_api_bc_list("releases", array));
}

typedef struct Asked {
    MdApiRequest *request;
    char *id;
} Asked;

static void on_asked(const GError *error, void *user)
{
    Asked *asked = user;

    if (error) {
        md_api_bc_error(asked->request, error);
    } else {
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "id", asked->id);
        md_api_reply(asked->request, 201, md_api_bc_object(o));
    }
    g_free(asked->id);
    g_free(asked);
}

static void ask_release(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    JsonObject *body = md_api_request_body(r);
    g_autofree const char **areas = md_api_bc_areas(r, a);

    if (!areas)
        return;
    BcQuietRelease wish = {.areas = areas,
                           .from_us = json_object_get_int_member(body, "from_us"),
                           .to_us = json_object_get_int_member(body, "to_us"),
                           .reason = json_object_get_string_member(body, "reason"),
                           .asked_by = md_api_request_user(r)};
    Asked *asked = g_new0(Asked, 1);
    asked->request = r;
    bc_quiet_ask(bc_broadcast_quiet(a->b), &wish, bc_broadcast_wall_us(a->b), &asked->id, on_asked, asked);
}

static void release(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    int64_t now = bc_broadcast_wall_us(a->b);
    g_autoptr(GPtrArray) all = bc_quiet_releases(bc_broadcast_quiet(a->b), now);
    const char *id = md_api_request_param(r, "release");

    for (unsigned i = 0; i < all->len; i++) {
        const BcQuietRelease *one = all->pdata[i];
        for (unsigned k = 0; g_str_equal(one->id, id) && one->areas[k]; k++)
            if (!md_api_bc_may(r, a, one->areas[k]))
                return;
    }
    if (md_api_require_fresh(r))
        bc_quiet_release(bc_broadcast_quiet(a->b), id, md_api_request_user(r), now, on_changed, r);
}

/* --- stop-all --- */

static void on_stopped(unsigned stopped, const GError *error, void *user)
{
    if (error) {
        md_api_bc_error(user, error);
        return;
    }
    JsonObject *o = json_object_new();
    json_object_set_int_member(o, "stopped", stopped);
    md_api_reply(user, 200, md_api_bc_object(o));
}

static void stop_all(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    const char *area = md_api_request_param(r, "area");

    if (!md_api_bc_may(r, a, area))
        return;
    if (!bc_areas_find(bc_broadcast_areas(a->b), area))
        md_api_reply_error(r, 404, "not-found", "there is no such area", "GET /api/v1/areas lists them");
    else if (!(md_api_request_rights(r) & (MD_API_MAY_AIR | MD_API_MAY_ALERT)))
        md_api_require_rights(r, MD_API_MAY_ALERT);
    else
        bc_broadcast_stop_area(a->b, area, md_api_request_user(r), on_stopped, r);
}

#define HOURS "{\"type\":\"string\",\"maxLength\":17,\"description\":\"21:30-05:00, or none\"}"
#define WHY "{\"type\":\"string\",\"minLength\":1,\"maxLength\":500}"
#define RELEASE                                                                                                        \
    "{\"type\":\"object\",\"required\":[\"id\",\"areas\",\"from_us\",\"to_us\",\"reason\",\"asked_by\"],\"properties\":{\"id\":" BC_CODE ",\"areas\":" BC_AREA_LIST \
    ",\"from_us\":" BC_TIME ",\"to_us\":" BC_TIME ",\"reason\":" WHY ",\"asked_by\":{\"type\":\"string\"},\"asked_us\":" BC_TIME               \
    ",\"released_by\":{\"type\":\"string\",\"description\":\"empty: waits for a second person\"},\"released_us\":" BC_TIME "}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/areas/{area}/quiet-hours", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = show_hours,
     .summary = "When an area is quiet, and which area says so (empty: the province's setting).",
     .response_schema = "{\"type\":\"object\",\"required\":[\"area\",\"hours\",\"quiet\"],\"properties\":{\"area\":" BC_CODE ",\"hours\":" HOURS
                        ",\"from\":{\"type\":\"string\"},\"quiet\":" BC_FLAG "}}"},
    {.method = "PUT", .path = "/areas/{area}/quiet-hours", .rights = MD_API_MAY_PEOPLE, .second_factor = true, .role = MD_API_ADMIN, .handler = put_hours,
     .summary = "Quiet hours of its own. By an administrator: who may broadcast does not take them away alone.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"hours\"],\"properties\":{\"hours\":" HOURS "}}"},
    {.method = "DELETE", .path = "/areas/{area}/quiet-hours", .rights = MD_API_MAY_PEOPLE, .second_factor = true, .role = MD_API_ADMIN, .handler = remove_hours,
     .summary = "Those from above again."},
    {.method = "GET", .path = "/quiet-releases", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = list_releases,
     .summary = "Spans in which quiet hours are, or shall be, let go.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"releases\"],\"properties\":{\"releases\":{\"type\":\"array\",\"items\":" RELEASE "}}}"},
    {.method = "POST", .path = "/quiet-releases", .rights = MD_API_MAY_AIR, .role = MD_API_BROADCASTER, .handler = ask_release,
     .summary = "Ask for quiet hours to be let go for a span of at most 12 hours; another person has to release it.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"areas\",\"from_us\",\"to_us\",\"reason\"],\"properties\":{\"areas\":" BC_AREA_LIST
                       ",\"from_us\":" BC_INT ",\"to_us\":" BC_INT ",\"reason\":" WHY "}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"id\"],\"properties\":{\"id\":" BC_CODE "}}"},
    {.method = "POST", .path = "/quiet-releases/{release}/release", .rights = MD_API_MAY_APPROVE, .role = MD_API_OPERATOR, .handler = release,
     .summary = "Release it; not by the one who asked, and with a one-time code."},
    {.method = "POST", .path = "/areas/{area}/stop-all", .rights = MD_API_MAY_VIEW, .second_factor = true, .role = MD_API_BROADCASTER, .handler = stop_all,
     .summary = "Silence: everything that sounds in the area ends now, emergencies too, and does not come back. Needs the right to air or to alert.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"stopped\"],\"properties\":{\"stopped\":" BC_INT "}}"},
};

void md_api_add_quiet(MdApiBroadcast *a)
{
    md_api_add_routes(a->api, routes, G_N_ELEMENTS(routes), a);
}
