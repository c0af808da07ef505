/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /rehearsal: a coming span as it would be heard, and what is wrong with it. */
#include "mediad/api/broadcast-json.h"

#define DAY_US (86400ll * G_USEC_PER_SEC)
#define ITEMS_MAX 20000u

static JsonObject *item_json(const BcPlanItem *item)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "occurrence", item->occurrence);
    json_object_set_string_member(o, "schedule", item->schedule);
    json_object_set_string_member(o, "title", item->title);
    json_object_set_string_member(o, "kind", item->kind);
    md_api_bc_set_text(o, "content", item->content);
    md_api_bc_set_text(o, "url", item->url);
    json_object_set_int_member(o, "start_us", item->start_us);
    json_object_set_int_member(o, "end_us", item->end_us);
    json_object_set_int_member(o, "skip_us", item->skip_us);
    json_object_set_string_member(o, "priority", bc_priority_to_string(item->priority));
    json_object_set_int_member(o, "authority", item->authority);
    return o;
}

/* What the programme meets: another programme, a slot, a recording. */
static const char *other_kind(const BcProblem *problem)
{
    switch (problem->kind) {
    case BC_PROBLEM_CLASH:
    case BC_PROBLEM_DECISION:
        return "schedule";
    case BC_PROBLEM_TOO_LONG:
    case BC_PROBLEM_DEAD_AIR:
        return "slot";
    case BC_PROBLEM_MISSING:
        return "content";
    default:
        return NULL;
    }
}

static JsonObject *facts_json(const BcProblem *problem)
{
    const BcProblemFacts *facts = &problem->facts;
    const struct {
        const char *name, *value;
    } texts[] = {{"name", facts->name}, {"other_name", facts->other_name}, {"why", facts->why}, {"zone", facts->zone}};
    JsonObject *o = json_object_new();

    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        if (texts[i].value)
            json_object_set_string_member(o, texts[i].name, texts[i].value);
    if (facts->length_us)
        json_object_set_int_member(o, "length_us", facts->length_us);
    if (facts->until_us)
        json_object_set_int_member(o, "until_us", facts->until_us);
    if (facts->lost)
        json_object_set_boolean_member(o, "lost", true);
    return o;
}

JsonObject *md_api_bc_problem(MdApiBroadcast *a, const BcProblem *problem)
{
    const BcArea *area = problem->area ? bc_areas_find(bc_broadcast_areas(a->b), problem->area) : NULL;
    const char *other = other_kind(problem);
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "kind", bc_problem_to_string(problem->kind));
    json_object_set_string_member(o, "code", bc_problem_code_to_string(problem->code));
    json_object_set_boolean_member(o, "blocks", problem->blocks);
    md_api_bc_set_text(o, "area", problem->area);
    md_api_bc_set_text(o, "area_name", area ? area->name : NULL);
    md_api_bc_set_text(o, "schedule", problem->schedule);
    md_api_bc_set_text(o, "other", problem->other);
    if (other)
        json_object_set_string_member(o, "other_kind", other);
    json_object_set_int_member(o, "from_us", problem->from_us);
    json_object_set_int_member(o, "to_us", problem->to_us);
    json_object_set_int_member(o, "times", problem->times);
    json_object_set_object_member(o, "params", facts_json(problem));
    json_object_set_string_member(o, "mend", bc_problem_mend(problem->code));
    json_object_set_string_member(o, "text", problem->text);
    return o;
}

/* Concerns the area: lies in it, or above it. */
static bool concerns(MdApiBroadcast *a, const BcProblem *problem, const char *area)
{
    const BcAreas *areas = bc_broadcast_areas(a->b);

    return !area || !problem->area || bc_areas_contains(areas, area, problem->area) || bc_areas_contains(areas, problem->area, area);
}

static JsonArray *problems_json(MdApiBroadcast *a, const BcPlan *plan, const char *area)
{
    JsonArray *array = json_array_new();
    unsigned n;
    const BcProblem *all = bc_plan_problems(plan, &n);

    for (unsigned i = 0; i < n; i++)
        if (concerns(a, &all[i], area))
            json_array_add_object_element(array, md_api_bc_problem(a, &all[i]));
    return array;
}

/* Timelines of the area and of everything below it that hears something else than the area above. */
static JsonArray *timelines_json(MdApiBroadcast *a, const BcPlan *plan, const char *area, bool *ret_cut)
{
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) areas = bc_areas_subtree(bc_broadcast_areas(a->b), area);
    unsigned written = 0;

    for (unsigned i = 0; i < areas->len; i++) {
        const BcArea *one = areas->pdata[i];
        unsigned n, n_above;
        const BcPlanItem *items = bc_plan_items(plan, one->code, &n);
        bool same = one->parent && g_strcmp0(one->code, area) != 0 && bc_plan_items(plan, one->parent, &n_above) == items && n;
        if (same)
            continue;
        if (written + n > ITEMS_MAX) {
            *ret_cut = true;
            break;
        }
        JsonObject *o = json_object_new();
        JsonArray *list = json_array_new();
        for (unsigned k = 0; k < n; k++)
            json_array_add_object_element(list, item_json(&items[k]));
        written += n;
        json_object_set_string_member(o, "area", one->code);
        json_object_set_array_member(o, "items", list);
        json_array_add_object_element(array, o);
    }
    return array;
}

static void rehearse(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    const char *own = md_api_request_area(r), *area = md_api_request_query(r, "area");
    int64_t from = md_api_bc_number(r, "from_us", 0), days = md_api_bc_number(r, "days", 7);
    const char *draft = md_api_request_query(r, "draft");
    g_autoptr(GError) error = NULL;
    bool cut = false;

    area = area ? area : *own ? own : NULL;
    if (area && !bc_areas_find(bc_broadcast_areas(a->b), area)) {
        md_api_reply_error(r, 404, "not-found", "there is no such area", "GET /api/v1/areas lists them");
        return;
    }
    if (area && !md_api_request_concerned(r, area)) {
        md_api_bc_may(r, a, area);
        return;
    }
    area = area && !md_api_bc_sees_area(r, a, area) ? own : area; /* of one above: one's own part of it */
    from = from ? from : bc_broadcast_wall_us(a->b);
    g_autoptr(BcPlan) plan = bc_planner_rehearse(bc_broadcast_planner(a->b), from, from + days * DAY_US, draft, &error);
    if (!plan) {
        md_api_bc_error(r, error);
        return;
    }
    JsonObject *o = json_object_new();
    json_object_set_int_member(o, "from_us", from);
    json_object_set_int_member(o, "to_us", from + days * DAY_US);
    json_object_set_array_member(o, "problems", problems_json(a, plan, area));
    json_object_set_array_member(o, "timelines", timelines_json(a, plan, area, &cut));
    json_object_set_boolean_member(o, "cut", cut);
    md_api_reply(r, 200, md_api_bc_object(o));
}

#define ITEM                                                                                                           \
    "{\"type\":\"object\",\"required\":[\"occurrence\",\"schedule\",\"title\",\"kind\",\"start_us\",\"end_us\"],\"properties\":{\"occurrence\":{\"type\":\"string\"}," \
    "\"schedule\":" BC_CODE ",\"title\":{\"type\":\"string\"},\"kind\":{\"type\":\"string\"},\"content\":{\"type\":\"string\"},\"url\":{\"type\":\"string\"}," \
    "\"start_us\":" BC_TIME ",\"end_us\":" BC_TIME ",\"skip_us\":{\"type\":\"integer\",\"description\":\"sounds from here in the item\"},\"priority\":" BC_PRIORITIES \
    ",\"authority\":" BC_INT "}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/rehearsal", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = rehearse,
     .summary = "What would be heard in an area and below it from a moment (now) on for some days (7), and what is wrong with it. A village that hears what its"
                " commune hears is not said again.",
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"area\":" BC_CODE ",\"from_us\":{\"type\":\"integer\",\"minimum\":0},"
                     "\"days\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":31},\"draft\":" BC_CODE "}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"from_us\",\"to_us\",\"problems\",\"timelines\"],\"properties\":{\"from_us\":" BC_TIME ",\"to_us\":" BC_TIME
                        ",\"problems\":{\"type\":\"array\",\"items\":" BC_PROBLEM "},\"timelines\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
                        "\"area\":" BC_CODE ",\"items\":{\"type\":\"array\",\"items\":" ITEM "}}}},\"cut\":{\"type\":\"boolean\",\"description\":\"more than can be said at"
                        " once: ask for a smaller area\"}}}"},
};

void md_api_add_rehearsal(MdApiBroadcast *a)
{
    md_api_add_routes(a->api, routes, G_N_ELEMENTS(routes), a);
}
