/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /schedules: what is heard when. */
#include "mediad/api/broadcast-json.h"

static JsonObject *schedule_json(MdApiBroadcast *a, const BcSchedule *s)
{
    JsonObject *o = json_object_new();
    JsonArray *areas = json_array_new();
    int64_t next = bc_schedules_next_us(bc_broadcast_schedules(a->b), s->id, bc_broadcast_wall_us(a->b));

    for (unsigned i = 0; s->areas[i]; i++)
        json_array_add_string_element(areas, s->areas[i]);
    json_object_set_string_member(o, "id", s->id);
    json_object_set_string_member(o, "name", s->name);
    json_object_set_string_member(o, "content", s->content);
    json_object_set_array_member(o, "areas", areas);
    json_object_set_string_member(o, "start_local", s->start_local);
    json_object_set_string_member(o, "zone", s->zone);
    md_api_bc_set_text(o, "rule", s->rule);
    md_api_bc_set_text(o, "until_local", s->until_local);
    json_object_set_string_member(o, "priority", bc_priority_to_string(s->priority));
    json_object_set_int_member(o, "repeats", s->repeats);
    json_object_set_int_member(o, "gap_s", s->gap_s);
    json_object_set_int_member(o, "grace_s", s->grace_s);
    json_object_set_boolean_member(o, "enabled", s->enabled);
    json_object_set_int_member(o, "next_us", next == INT64_MAX ? 0 : next);
    md_api_bc_set_text(o, "created_by", s->created_by);
    return o;
}

static void list_schedules(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) all = bc_schedules_list(bc_broadcast_schedules(a->b));

    for (unsigned i = 0; i < all->len; i++)
        json_array_add_object_element(array, schedule_json(a, all->pdata[i]));
    md_api_reply(r, 200, md_api_bc_list("schedules", array));
}

static const BcSchedule *schedule_of(MdApiRequest *r, MdApiBroadcast *a)
{
    const BcSchedule *schedule = bc_schedules_find(bc_broadcast_schedules(a->b), md_api_request_param(r, "schedule"));

    if (!schedule)
        md_api_reply_error(r, 404, "not-found", "there is no such schedule", "GET /api/v1/schedules lists them");
    return schedule;
}

static void show_schedule(MdApiRequest *r, void *user)
{
    const BcSchedule *schedule = schedule_of(r, user);

    if (schedule)
        md_api_reply(r, 200, md_api_bc_object(schedule_json(user, schedule)));
}

typedef struct Put {
    MdApiRequest *request;
    MdApiBroadcast a; /* a copy: the answer may come after the API has gone */
    char *id;
    int status;
} Put;

static void on_put(const GError *error, void *user)
{
    Put *put = user;
    const BcSchedule *schedule = error ? NULL : bc_schedules_find(bc_broadcast_schedules(put->a.b), put->id);

    if (schedule)
        md_api_reply(put->request, put->status, md_api_bc_object(schedule_json(&put->a, schedule)));
    else
        md_api_bc_error(put->request, error);
    g_free(put->id);
    g_free(put);
}

static void put(MdApiRequest *r, MdApiBroadcast *a, const char *id, int status)
{
    JsonObject *body = md_api_request_body(r);
    g_autofree const char **areas = md_api_bc_areas(r, a);

    if (!areas || !md_api_bc_may_priority(r, md_api_bc_priority(body)))
        return;
    BcSchedule schedule = {.id = id,
                           .name = json_object_get_string_member(body, "name"),
                           .content = json_object_get_string_member(body, "content"),
                           .areas = areas,
                           .start_local = json_object_get_string_member(body, "start_local"),
                           .zone = md_api_bc_text(body, "zone", NULL),
                           .rule = md_api_bc_text(body, "rule", NULL),
                           .until_local = md_api_bc_text(body, "until_local", NULL),
                           .priority = md_api_bc_priority(body),
                           .repeats = (unsigned)json_object_get_int_member_with_default(body, "repeats", 1),
                           .gap_s = (unsigned)json_object_get_int_member_with_default(body, "gap_s", 2),
                           .grace_s = (unsigned)json_object_get_int_member_with_default(body, "grace_s", 60),
                           .enabled = json_object_get_boolean_member_with_default(body, "enabled", TRUE),
                           .created_by = md_api_request_user(r)};
    Put *state = g_new0(Put, 1);
    *state = (Put){r, *a, NULL, status};
    bc_broadcast_put_schedule(a->b, &schedule, &state->id, on_put, state);
}

static void add_schedule(MdApiRequest *r, void *user)
{
    put(r, user, NULL, 201);
}

/* Whoever may not work in all the areas of a schedule may not touch it. */
static bool may_touch(MdApiRequest *r, MdApiBroadcast *a, const BcSchedule *schedule)
{
    for (unsigned i = 0; schedule->areas[i]; i++)
        if (!md_api_bc_may(r, a, schedule->areas[i]))
            return false;
    return true;
}

static void change_schedule(MdApiRequest *r, void *user)
{
    const BcSchedule *schedule = schedule_of(r, user);

    if (schedule && may_touch(r, user, schedule))
        put(r, user, schedule->id, 200);
}

static void on_changed(const GError *error, void *user)
{
    if (error)
        md_api_bc_error(user, error);
    else
        md_api_reply(user, 204, NULL);
}

static void remove_schedule(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    const BcSchedule *schedule = schedule_of(r, a);

    if (schedule && may_touch(r, a, schedule))
        bc_schedules_remove(bc_broadcast_schedules(a->b), schedule->id, on_changed, r);
}

#define SHA256 "{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{64}$\"}"
#define LOCAL_TIME "{\"type\":\"string\",\"maxLength\":32,\"description\":\"civil time in the schedule's zone: 2026-11-23T05:00:00\"}"
#define SCHEDULE_FIELDS                                                                                                \
    "\"name\":" BC_NAME ",\"content\":" SHA256 ",\"areas\":" BC_AREA_LIST ",\"start_local\":" LOCAL_TIME ",\"zone\":" BC_TEXT           \
    ",\"rule\":{\"type\":\"string\",\"maxLength\":512,\"description\":\"RFC 5545 recurrence rule, at most 288 times a day; MINUTELY (every 5 or more) and HOURLY take BYDAY, BYHOUR" \
    " and (HOURLY) BYMINUTE alone; left out: once\"},\"until_local\":" LOCAL_TIME \
    ",\"priority\":" BC_PRIORITIES ",\"repeats\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10},"                               \
    "\"gap_s\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":300},\"grace_s\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":86400," \
    "\"description\":\"so many seconds late it may still begin\"},\"enabled\":" BC_FLAG
#define SCHEDULE_BODY                                                                                                  \
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\",\"content\",\"areas\",\"start_local\"],\"properties\":{" SCHEDULE_FIELDS "}}"
#define SCHEDULE                                                                                                       \
    "{\"type\":\"object\",\"required\":[\"id\",\"name\",\"content\",\"areas\",\"start_local\",\"zone\",\"priority\",\"enabled\",\"next_us\"]," \
    "\"properties\":{\"id\":" BC_CODE "," SCHEDULE_FIELDS ",\"next_us\":" BC_TIME ",\"created_by\":{\"type\":\"string\"}}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/schedules", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = list_schedules, .summary = "What is scheduled.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"schedules\"],\"properties\":{\"schedules\":{\"type\":\"array\",\"items\":" SCHEDULE "}}}"},
    {.method = "POST", .path = "/schedules", .rights = MD_API_MAY_AIR, .role = MD_API_BROADCASTER, .handler = add_schedule,
     .summary = "Play a recording in areas, once or by a recurrence rule.", .request_schema = SCHEDULE_BODY, .response_schema = SCHEDULE},
    {.method = "GET", .path = "/schedules/{schedule}", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = show_schedule, .summary = "One schedule.",
     .response_schema = SCHEDULE},
    {.method = "PUT", .path = "/schedules/{schedule}", .rights = MD_API_MAY_AIR, .role = MD_API_BROADCASTER, .handler = change_schedule, .summary = "Replace a schedule.",
     .request_schema = SCHEDULE_BODY, .response_schema = SCHEDULE},
    {.method = "DELETE", .path = "/schedules/{schedule}", .rights = MD_API_MAY_AIR, .role = MD_API_BROADCASTER, .handler = remove_schedule,
     .summary = "Cancel a schedule; what is on the air goes on."},
};

void md_api_add_schedules(MdApiBroadcast *a)
{
    md_api_add_routes(a->api, routes, G_N_ELEMENTS(routes), a);
}
