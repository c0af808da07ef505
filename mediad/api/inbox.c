/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /inbox: what a commune got from above, and what it decides about it. */
#include "mediad/api/bulletin-json.h"
#include <string.h>

typedef struct Shown {
    const MdApiBulletins *b;
    JsonObject *o;
} Shown;

static void add_fields(const Shown *shown, const BcBulletinFields *f)
{
    json_object_set_string_member(shown->o, "title", f && f->title ? f->title : "");
    json_object_set_array_member(shown->o, "files", md_api_files_json(shown->b, f ? f->attachments : NULL));
}

static void add_version(const BcBulletinVersion *version, void *user)
{
    add_fields(user, &version->fields);
}

/* What the version that was sent holds: those above may be at work on a newer one, which is nobody's business here yet. */
static void add_sent(const MdApiBulletins *b, const BcInboxItem *i, const BcBulletin *bulletin, JsonObject *o)
{
    Shown shown = {b, o};

    if (bulletin && bulletin->approved && bulletin->approved_version == i->version)
        add_fields(&shown, bulletin->approved);
    else if (!bc_bulletins_version(b->bulletins, i->bulletin, i->version, add_version, &shown, NULL))
        add_fields(&shown, NULL);
}

JsonObject *md_api_inbox_json(const MdApiBulletins *b, const BcInboxItem *i)
{
    const BcBulletin *bulletin = bc_bulletins_find(b->bulletins, i->bulletin);
    const BcSchedule *other = i->other ? bc_schedules_find(bc_broadcast_schedules(b->bc.b), i->other) : NULL;
    JsonObject *o = json_object_new();
    JsonArray *areas = json_array_new();

    for (unsigned n = 0; i->areas[n]; n++)
        json_array_add_string_element(areas, i->areas[n]);
    json_object_set_string_member(o, "id", i->id);
    json_object_set_string_member(o, "bulletin", i->bulletin);
    add_sent(b, i, bulletin, o);
    json_object_set_string_member(o, "origin", bulletin ? bc_bulletin_origin_to_string(bulletin->origin) : "");
    json_object_set_int_member(o, "version", i->version);
    json_object_set_string_member(o, "area", i->area);
    json_object_set_array_member(o, "areas", areas);
    json_object_set_string_member(o, "priority", bc_priority_to_string(i->priority));
    json_object_set_string_member(o, "state", bc_inboxes_state_to_string(i->state));
    json_object_set_int_member(o, "at_us", i->at_us);
    md_api_bc_set_text(o, "schedule", i->schedule);
    md_api_bc_set_text(o, "other", i->other);
    md_api_bc_set_text(o, "other_title", other ? other->name : NULL);
    json_object_set_int_member(o, "other_at_us", i->other_at_us);
    json_object_set_int_member(o, "received_us", i->received_us);
    json_object_set_int_member(o, "deadline_us", i->deadline_us);
    json_object_set_int_member(o, "seen_us", i->seen_us);
    md_api_bc_set_text(o, "seen_by", i->seen_by);
    json_object_set_int_member(o, "decided_us", i->decided_us);
    md_api_bc_set_text(o, "decided_by", i->decided_by);
    md_api_bc_set_text(o, "choice", i->choice);
    json_object_set_boolean_member(o, "by_default", i->by_default);
    md_api_bc_set_text(o, "reason", i->reason);
    return o;
}

static void reply_list(MdApiRequest *r, MdApiBulletins *b, const char *name, const char *state)
{
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) all = bc_inboxes_list(b->inboxes, md_api_request_area(r));
    const char *area = md_api_request_query(r, "area"), *seen = md_api_request_query(r, "unseen");
    int64_t limit = md_api_bc_number(r, "limit", 200);

    for (unsigned i = 0; i < all->len && limit > 0; i++) {
        const BcInboxItem *item = all->pdata[i];
        if ((state && !g_str_equal(state, bc_inboxes_state_to_string(item->state))) || (seen && item->seen_us) ||
            (area && !bc_areas_contains(bc_broadcast_areas(b->bc.b), area, item->area)))
            continue;
        json_array_add_object_element(array, md_api_inbox_json(b, item));
        limit--;
    }
    md_api_reply(r, 200, md_api_bc_list(name, array));
}

static void list(MdApiRequest *r, void *user)
{
    reply_list(r, user, "inbox", md_api_request_query(r, "state"));
}

static void list_conflicts(MdApiRequest *r, void *user)
{
    reply_list(r, user, "conflicts", "conflict");
}

typedef struct Reply {
    MdApiRequest *r;
    MdApiBulletins *b;
    char *id;
} Reply;

static void on_done(const GError *error, void *user)
{
    Reply *reply = user;
    const BcInboxItem *item = error || !md_api_request_api(reply->r) ? NULL : bc_inboxes_find(reply->b->inboxes, reply->id);

    if (item)
        md_api_reply(reply->r, 200, md_api_bc_object(md_api_inbox_json(reply->b, item)));
    else
        md_api_bc_error(reply->r, error);
    g_free(reply->id);
    g_free(reply);
}

static Reply *new_reply(MdApiRequest *r, MdApiBulletins *b)
{
    Reply *reply = g_new0(Reply, 1);

    *reply = (Reply){r, b, g_strdup(md_api_request_param(r, "item"))};
    return reply;
}

static void accept_item(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    BcWho who = md_api_who(r);

    bc_inboxes_accept(b->inboxes, md_api_request_param(r, "item"), json_object_get_string_member(md_api_request_body(r), "start_local"), &who,
                      on_done, new_reply(r, b));
}

static void decline(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    BcWho who = md_api_who(r);

    bc_inboxes_decline(b->inboxes, md_api_request_param(r, "item"), json_object_get_string_member(md_api_request_body(r), "reason"), &who, on_done,
                       new_reply(r, b));
}

static void decide(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    BcWho who = md_api_who(r);
    bool above = g_str_equal(json_object_get_string_member(md_api_request_body(r), "first"), "above");

    bc_inboxes_decide(b->inboxes, md_api_request_param(r, "item"), above, &who, on_done, new_reply(r, b));
}

static void seen(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    BcWho who = md_api_who(r);

    bc_inboxes_seen(b->inboxes, md_api_request_param(r, "item"), &who, on_done, new_reply(r, b));
}

static void show_rule(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    BcInboxRule rule = bc_inboxes_rule(b->inboxes, md_api_request_param(r, "area"));
    JsonObject *o = json_object_new();

    json_object_set_int_member(o, "decide_s", rule.decide_s);
    json_object_set_int_member(o, "remind_s", rule.remind_s);
    md_api_reply(r, 200, md_api_bc_object(o));
}

static void put_rule(MdApiRequest *r, void *user)
{
    MdApiBulletins *b = user;
    JsonObject *body = md_api_request_body(r);
    BcInboxRule rule = {(unsigned)json_object_get_int_member(body, "decide_s"), (unsigned)json_object_get_int_member(body, "remind_s")};

    if (md_api_bc_may(r, &b->bc, md_api_request_param(r, "area")))
        bc_inboxes_set_rule(b->inboxes, md_api_request_param(r, "area"), &rule, md_api_bc_done, r);
}

#define STRING "{\"type\":\"string\"}"
#define ITEM                                                                                                                            \
    "{\"type\":\"object\",\"required\":[\"id\",\"bulletin\",\"area\",\"priority\",\"state\"],\"properties\":{\"id\":" BC_CODE ",\"bulletin\":" BC_CODE \
    ",\"title\":" STRING ",\"origin\":" STRING ",\"version\":" BC_INT ",\"area\":" BC_CODE ",\"areas\":" BC_AREA_LIST ",\"priority\":" BC_PRIORITIES \
    ",\"state\":" STRING ",\"at_us\":" BC_TIME ",\"schedule\":" STRING ",\"other\":" STRING ",\"other_title\":" STRING ",\"other_at_us\":"    \
    BC_TIME ",\"received_us\":" BC_TIME ",\"deadline_us\":" BC_TIME ",\"seen_us\":" BC_TIME ",\"seen_by\":" STRING ",\"decided_us\":" BC_TIME \
    ",\"files\":{\"type\":\"array\",\"items\":" BC_ATTACHMENT_JSON "},\"decided_by\":" STRING ",\"choice\":" STRING ",\"by_default\":" BC_FLAG ",\"reason\":" STRING "}}"
#define LIST_OF(name) "{\"type\":\"object\",\"required\":[\"" name "\"],\"properties\":{\"" name "\":{\"type\":\"array\",\"items\":" ITEM "}}}"
#define QUERY                                                                                                                           \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"state\":" BC_TEXT ",\"area\":" BC_CODE                             \
    ",\"unseen\":{\"type\":\"string\",\"maxLength\":5},\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000}}}"
#define ONE_TEXT(name, max)                                                                                                             \
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"" name "\"],\"properties\":{\"" name "\":{\"type\":\"string\",\"maxLength\":" max "}}}"
#define RULE                                                                                                                            \
    "{\"type\":\"object\",\"required\":[\"decide_s\",\"remind_s\"],\"properties\":{\"decide_s\":{\"type\":\"integer\",\"minimum\":60,\"maximum\":86400}," \
    "\"remind_s\":{\"type\":\"integer\",\"minimum\":300,\"maximum\":604800}}}"
#define MAY(what) .role = MD_API_VIEWER, .rights = MD_API_MAY_##what

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/inbox", MAY(VIEW), .handler = list, .summary = "What the communes of the account's area got from above, newest first.",
     .query_schema = QUERY, .response_schema = LIST_OF("inbox")},
    {.method = "GET", .path = "/inbox/conflicts", MAY(VIEW), .handler = list_conflicts, .summary = "What waits for the commune to say who goes first.",
     .query_schema = QUERY, .response_schema = LIST_OF("conflicts")},
    {.method = "POST", .path = "/inbox/conflicts/{item}", MAY(APPROVE), .handler = decide,
     .summary = "Which goes first, the bulletin from above or the commune's own; the other follows it.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"first\"],\"properties\":{\"first\":{\"type\":\"string\",\"enum\":[\"above\",\"own\"]}}}",
     .response_schema = ITEM},
    {.method = "POST", .path = "/inbox/{item}/accept", MAY(EDIT), .handler = accept_item, .summary = "Play a normal bulletin here at a time of the commune's choice.",
     .request_schema = ONE_TEXT("start_local", "32"), .response_schema = ITEM},
    {.method = "POST", .path = "/inbox/{item}/decline", MAY(APPROVE), .handler = decline, .summary = "Do not play a normal bulletin here, with a reason.",
     .request_schema = ONE_TEXT("reason", "1000"), .response_schema = ITEM},
    {.method = "POST", .path = "/inbox/{item}/seen", MAY(VIEW), .handler = seen, .summary = "Note that it was seen.", .response_schema = ITEM},
    {.method = "GET", .path = "/inbox-rules/{area}", MAY(VIEW), .handler = show_rule, .summary = "How long an area's communes have to decide.",
     .response_schema = RULE},
    {.method = "PUT", .path = "/inbox-rules/{area}", MAY(PEOPLE), .handler = put_rule, .summary = "Set how long an area's communes have to decide.",
     .request_schema = RULE},
};

void md_api_add_inbox(MdApiBulletins *b)
{
    md_api_add_routes(b->bc.api, routes, G_N_ELEMENTS(routes), b);
}
