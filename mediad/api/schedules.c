/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /schedules: what is heard when. */
#include "mediad/api/broadcast-json.h"
#include "mediad/api/json.h"
#include <string.h>

static JsonArray *items_json(const BcSchedule *s)
{
    JsonArray *array = json_array_new();

    for (unsigned i = 0; i < s->n_items; i++) {
        const BcItem *item = &s->items[i];
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "kind", bc_item_kind_to_string(item->kind));
        if (item->content)
            json_object_set_string_member(o, "content", item->content);
        if (item->url)
            json_object_set_string_member(o, "url", item->url);
        if (item->fallback)
            json_object_set_string_member(o, "fallback", item->fallback);
        if (item->kind != BC_ITEM_CONTENT)
            json_object_set_int_member(o, "duration_s", item->duration_us / G_USEC_PER_SEC);
        if (item->silence_max_us)
            json_object_set_int_member(o, "silence_max_s", item->silence_max_us / G_USEC_PER_SEC);
        json_array_add_object_element(array, o);
    }
    return array;
}

static void set_programme(JsonObject *o, const BcSchedule *s)
{
    JsonArray *exdates = json_array_new();

    for (unsigned i = 0; s->exdates && s->exdates[i]; i++)
        json_array_add_string_element(exdates, s->exdates[i]);
    json_object_set_array_member(o, "items", items_json(s));
    md_api_bc_set_text(o, "slot", s->slot);
    json_object_set_array_member(o, "exdates", exdates);
    json_object_set_string_member(o, "holidays", bc_holiday_policy_to_string(s->holidays));
    json_object_set_string_member(o, "cut", s->drop ? "drop" : "resume");
    json_object_set_int_member(o, "volume", s->volume);
    json_object_set_int_member(o, "expires_us", s->expires_us);
    md_api_bc_set_text(o, "owner", s->owner);
    json_object_set_boolean_member(o, "draft", s->draft);
    md_api_bc_set_text(o, "changed_by", s->changed_by);
    md_api_bc_set_text(o, "released_by", s->released_by);
    md_api_bc_set_text(o, "published_by", s->published_by);
    md_api_bc_set_text(o, "forced", s->forced);
}

static JsonObject *schedule_json(MdApiBroadcast *a, const BcSchedule *s)
{
    JsonObject *o = json_object_new();
    JsonArray *areas = json_array_new();
    int64_t next = bc_schedules_next_us(bc_broadcast_schedules(a->b), s->id, bc_broadcast_wall_us(a->b));

    for (unsigned i = 0; s->areas[i]; i++)
        json_array_add_string_element(areas, s->areas[i]);
    json_object_set_string_member(o, "id", s->id);
    json_object_set_string_member(o, "name", s->name);
    md_api_bc_set_text(o, "content", s->content);
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
    set_programme(o, s);
    return o;
}

static void list_schedules(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) all = bc_schedules_list(bc_broadcast_schedules(a->b));

    for (unsigned i = 0; i < all->len; i++)
        if (md_api_bc_concerned(r, ((BcSchedule *)all->pdata[i])->areas))
            json_array_add_object_element(array, schedule_json(a, all->pdata[i]));
    md_api_reply(r, 200, md_api_bc_list("schedules", array));
}

static const BcSchedule *schedule_of(MdApiRequest *r, MdApiBroadcast *a)
{
    const BcSchedule *schedule = bc_schedules_find(bc_broadcast_schedules(a->b), md_api_request_param(r, "schedule"));

    if (schedule && md_api_bc_concerned(r, schedule->areas))
        return schedule;
    md_api_reply_error(r, 404, "not-found", "there is no such schedule", "GET /api/v1/schedules lists them");
    return NULL;
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

static int64_t seconds(JsonObject *o, const char *name)
{
    return json_object_get_int_member_with_default(o, name, 0) * G_USEC_PER_SEC;
}

/* Borrowing from the body. */
static BcItem *items_of(JsonObject *body, unsigned *ret_n)
{
    JsonArray *array = json_object_has_member(body, "items") ? json_object_get_array_member(body, "items") : NULL;
    BcItem *items = array ? g_new0(BcItem, json_array_get_length(array)) : NULL;

    *ret_n = array ? json_array_get_length(array) : 0;
    for (unsigned i = 0; i < *ret_n; i++) {
        JsonObject *o = json_array_get_object_element(array, i);
        items[i] = (BcItem){bc_item_kind_from_string(json_object_get_string_member(o, "kind")), md_api_bc_text(o, "content", NULL),
                            md_api_bc_text(o, "url", NULL), md_api_bc_text(o, "fallback", NULL), seconds(o, "duration_s"),
                            seconds(o, "silence_max_s")};
    }
    return items;
}

/* What stands against publishing it is answered, unless somebody gives a reason to do it all the same. */
static bool may_publish(MdApiRequest *r, MdApiBroadcast *a, const BcSchedule *s)
{
    g_autoptr(BcObjections) objections = s->enabled && !s->forced ? bc_broadcast_objections(a->b, s) : NULL;

    if (!objections)
        return true;
    g_autofree char *text = bc_objections_to_text(objections);
    JsonObject *o = json_object_new(), *error = json_object_new();
    JsonArray *array = json_array_new();
    json_object_set_string_member(error, "code", "problems");
    json_object_set_string_member(error, "message", text);
    json_object_set_string_member(error, "hint",
                                  "mend them, or give a \"reason\" to publish it in spite of them; GET /api/v1/rehearsal shows the whole week");
    for (unsigned i = 0; i < objections->problems->len; i++)
        json_array_add_object_element(array, md_api_bc_problem(a, objections->problems->pdata[i]));
    json_object_set_object_member(o, "error", error);
    json_object_set_array_member(o, "problems", array);
    md_api_reply(r, 409, md_api_bc_object(o));
    return false;
}

static bool read_schedule(MdApiRequest *r, MdApiBroadcast *a, const char *id, BcSchedule *ret)
{
    JsonObject *body = md_api_request_body(r);
    const BcSchedule *was = bc_schedules_find(bc_broadcast_schedules(a->b), id);
    const char *area = md_api_request_area(r), *me = md_api_request_user(r);
    bool draft = json_object_get_boolean_member_with_default(body, "draft", FALSE);

    *ret = (BcSchedule){.id = id,
                        .name = json_object_get_string_member(body, "name"),
                        .content = md_api_bc_text(body, "content", NULL),
                        .start_local = json_object_get_string_member(body, "start_local"),
                        .zone = md_api_bc_text(body, "zone", NULL),
                        .rule = md_api_bc_text(body, "rule", NULL),
                        .until_local = md_api_bc_text(body, "until_local", NULL),
                        .priority = md_api_bc_priority(body),
                        .repeats = (unsigned)json_object_get_int_member_with_default(body, "repeats", 1),
                        .gap_s = (unsigned)json_object_get_int_member_with_default(body, "gap_s", 2),
                        .grace_s = (unsigned)json_object_get_int_member_with_default(body, "grace_s", 60),
                        .enabled = json_object_get_boolean_member_with_default(body, "enabled", TRUE),
                        .created_by = was ? was->created_by : me,
                        .slot = md_api_bc_text(body, "slot", NULL),
                        .holidays = bc_holiday_policy_from_string(json_object_get_string_member_with_default(body, "holidays", "play")),
                        .drop = g_str_equal(json_object_get_string_member_with_default(body, "cut", "resume"), "drop"),
                        .volume = (unsigned)json_object_get_int_member_with_default(body, "volume", 0),
                        .expires_us = json_object_get_int_member_with_default(body, "expires_us", 0),
                        .owner = was ? was->owner : *area ? area : NULL,
                        .central = was && was->central,
                        .draft = draft,
                        .changed_by = me,
                        .published_by = draft ? NULL : me,
                        .forced = draft ? NULL : md_api_bc_text(body, "reason", NULL)};
    bool editing = draft && (!was || was->draft); /* touches nothing that is heard */
    return md_api_bc_may_priority(r, ret->priority) && (editing || md_api_require_rights(r, MD_API_MAY_AIR));
}

static void put(MdApiRequest *r, MdApiBroadcast *a, const char *id, int status)
{
    JsonObject *body = md_api_request_body(r);
    g_autofree const char **areas = md_api_bc_areas(r, a);
    g_autofree const char **exdates = areas ? md_json_texts(body, "exdates") : NULL;
    BcSchedule schedule;
    unsigned n_items;
    g_autofree BcItem *items = areas ? items_of(body, &n_items) : NULL;

    if (!areas || !read_schedule(r, a, id, &schedule))
        return;
    schedule.areas = areas;
    schedule.exdates = exdates[0] ? (const char *const *)exdates : NULL;
    schedule.items = items;
    schedule.n_items = n_items;
    if (!schedule.draft && !may_publish(r, a, &schedule))
        return;
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

/* The form it has, put again with something added. */
static void put_again(MdApiRequest *r, MdApiBroadcast *a, const BcSchedule *schedule)
{
    Put *state = g_new0(Put, 1);

    *state = (Put){r, *a, NULL, 200};
    bc_broadcast_put_schedule(a->b, schedule, &state->id, on_put, state);
}

static void publish(MdApiRequest *r, void *user)
{
    const BcSchedule *was = schedule_of(r, user);

    if (!was || !may_touch(r, user, was) || !md_api_bc_may_priority(r, was->priority))
        return;
    BcSchedule s = *was;
    s.draft = false;
    s.published_by = md_api_request_user(r);
    s.forced = md_api_bc_text(md_api_request_body(r), "reason", NULL);
    if (may_publish(r, user, &s))
        put_again(r, user, &s);
}

static void release(MdApiRequest *r, void *user)
{
    const BcSchedule *was = schedule_of(r, user);
    const char *me = md_api_request_user(r);

    if (!was || !may_touch(r, user, was))
        return;
    const char *author = was->changed_by ? was->changed_by : was->created_by;
    if (!author || g_strcmp0(author, me) == 0) {
        md_api_reply_error(r, 409, "own-work", "whoever gave a programme its form cannot release it for the quiet hours",
                           "another person with the right to approve must");
        return;
    }
    if (!md_api_require_fresh(r))
        return;
    BcSchedule s = *was;
    s.released_by = me;
    put_again(r, user, &s);
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
#define SHA256_OR_NONE "{\"type\":\"string\",\"pattern\":\"^([0-9a-f]{64})?$\"}"
#define LOCAL_TIME "{\"type\":\"string\",\"maxLength\":32,\"description\":\"civil time in the schedule's zone: 2026-11-23T05:00:00\"}"
#define ITEM                                                                                                           \
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"kind\"],\"properties\":{\"kind\":{\"type\":\"string\",\"enum\":" \
    "[\"content\",\"relay\",\"silence\"]},\"content\":" SHA256 ",\"url\":{\"type\":\"string\",\"maxLength\":1000},\"fallback\":" SHA256     \
    ",\"duration_s\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":43200},\"silence_max_s\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":600}}}"
#define REASON "{\"type\":\"string\",\"minLength\":1,\"maxLength\":500,\"description\":\"why it is published in spite of its problems\"}"
#define SCHEDULE_FIELDS                                                                                                \
    "\"name\":" BC_NAME ",\"content\":" SHA256_OR_NONE ",\"areas\":" BC_AREA_LIST ",\"start_local\":" LOCAL_TIME ",\"zone\":" BC_TEXT           \
    ",\"rule\":{\"type\":\"string\",\"maxLength\":512,\"description\":\"RFC 5545 recurrence rule, at most 288 times a day; MINUTELY (every 5 or more) and HOURLY take BYDAY, BYHOUR" \
    " and (HOURLY) BYMINUTE alone; left out: once\"},\"until_local\":" LOCAL_TIME \
    ",\"priority\":" BC_PRIORITIES ",\"repeats\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10},"                               \
    "\"gap_s\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":7200},\"grace_s\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":86400," \
    "\"description\":\"so many seconds late it may still begin\"},\"enabled\":" BC_FLAG                                   \
    ",\"items\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":50,\"items\":" ITEM                                               \
    ",\"description\":\"one after the other; content alone is short for one\"},\"slot\":{\"type\":\"string\",\"maxLength\":64},"      \
    "\"exdates\":{\"type\":\"array\",\"maxItems\":400,\"items\":{\"type\":\"string\",\"maxLength\":32},\"description\":"            \
    "\"2026-12-24, or one occurrence: 2026-12-24T05:00:00\"},\"holidays\":{\"type\":\"string\",\"enum\":[\"play\",\"skip\",\"only\"]}," \
    "\"cut\":{\"type\":\"string\",\"enum\":[\"resume\",\"drop\"],\"description\":\"what becomes of it when something more urgent takes the loudspeakers\"}," \
    "\"volume\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":100,\"description\":\"0: as the hour says\"},\"expires_us\":" BC_TIME     \
    ",\"draft\":" BC_FLAG
#define SCHEDULE_BODY                                                                                                  \
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\",\"areas\",\"start_local\"],\"properties\":{" SCHEDULE_FIELDS ",\"reason\":" REASON "}}"
#define SCHEDULE                                                                                                       \
    "{\"type\":\"object\",\"required\":[\"id\",\"name\",\"content\",\"areas\",\"start_local\",\"zone\",\"priority\",\"enabled\",\"next_us\"]," \
    "\"properties\":{\"id\":" BC_CODE "," SCHEDULE_FIELDS ",\"next_us\":" BC_TIME ",\"created_by\":{\"type\":\"string\"},"         \
    "\"owner\":{\"type\":\"string\"},\"changed_by\":{\"type\":\"string\"},\"released_by\":{\"type\":\"string\",\"description\":\"who lets it sound in quiet hours\"}," \
    "\"published_by\":{\"type\":\"string\"},\"forced\":{\"type\":\"string\"}}}"

#define PROBLEMS                                                                                                       \
    .refusal_status = 409, .refusal_schema = "{\"type\":\"object\",\"properties\":{\"problems\":{\"type\":\"array\",\"description\":"  \
                                             "\"with the error's code problems\",\"items\":" BC_PROBLEM "}}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/schedules", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = list_schedules, .summary = "What is scheduled.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"schedules\"],\"properties\":{\"schedules\":{\"type\":\"array\",\"items\":" SCHEDULE "}}}"},
    {.method = "POST", .path = "/schedules", .rights = MD_API_MAY_EDIT, .role = MD_API_BROADCASTER, .handler = add_schedule,
     .summary = "A programme for areas, once or by a recurrence rule: a draft, or published at once if nothing stands against it.", .request_schema = SCHEDULE_BODY, .response_schema = SCHEDULE, PROBLEMS},
    {.method = "GET", .path = "/schedules/{schedule}", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = show_schedule, .summary = "One schedule.",
     .response_schema = SCHEDULE},
    {.method = "PUT", .path = "/schedules/{schedule}", .rights = MD_API_MAY_EDIT, .role = MD_API_BROADCASTER, .handler = change_schedule, .summary = "Replace a schedule.",
     .request_schema = SCHEDULE_BODY, .response_schema = SCHEDULE, PROBLEMS},
    {.method = "DELETE", .path = "/schedules/{schedule}", .rights = MD_API_MAY_AIR, .role = MD_API_BROADCASTER, .handler = remove_schedule,
     .summary = "Cancel a schedule; what is on the air goes on."},
    {.method = "POST", .path = "/schedules/{schedule}/publish", .rights = MD_API_MAY_APPROVE, .role = MD_API_OPERATOR, .handler = publish,
     .summary = "Publish a draft: refused (409) with what stands against it, unless a reason is given.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"reason\":" REASON "}}", .response_schema = SCHEDULE, PROBLEMS},
    {.method = "POST", .path = "/schedules/{schedule}/quiet-release", .rights = MD_API_MAY_APPROVE, .role = MD_API_OPERATOR, .handler = release,
     .summary = "Let a programme sound in quiet hours: by another person than gave it its form, with a one-time code.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"reason\":" REASON "}}", .response_schema = SCHEDULE},
};

void md_api_add_schedules(MdApiBroadcast *a)
{
    md_api_add_routes(a->api, routes, G_N_ELEMENTS(routes), a);
}
