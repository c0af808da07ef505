/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /rooms/{room}/floor, hands, votes, roles: running a meeting from outside. */
#include "mediad/api/room-json.h"
#include <string.h>

static void show_floor(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    if (room)
        md_api_reply(r, 200, md_api_take_object(md_room_floor(room)));
}

static void hand(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    GError *error = NULL;
    if (!room)
        return;
    bool ok = md_room_raise_hand(room, md_api_request_param(r, "member"), json_object_get_boolean_member(md_api_request_body(r), "raised"), &error);
    md_api_reply_conference(r, ok, error);
}

static int budget_of(MdApiRequest *r)
{
    JsonObject *body = md_api_request_body(r);
    return body ? (int)json_object_get_int_member_with_default(body, "budget_s", -1) : -1;
}

static void give(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    GError *error = NULL;
    if (!room)
        return;
    bool ok = md_room_floor_give(room, json_object_get_string_member(md_api_request_body(r), "member"), budget_of(r), &error);
    md_api_reply_conference(r, ok, error);
}

static void next(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    GError *error = NULL;
    if (!room)
        return;
    bool ok = md_room_floor_next(room, budget_of(r), &error);
    md_api_reply_conference(r, ok, error);
}

static void end(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    GError *error = NULL;
    if (!room)
        return;
    bool ok = md_room_floor_end(room, &error);
    md_api_reply_conference(r, ok, error);
}

static void extend(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    GError *error = NULL;
    if (!room)
        return;
    bool ok = md_room_floor_extend(room, (unsigned)json_object_get_int_member(md_api_request_body(r), "seconds"), &error);
    md_api_reply_conference(r, ok, error);
}

static void move(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    GError *error = NULL;
    if (!room)
        return;
    unsigned place = (unsigned)json_object_get_int_member(md_api_request_body(r), "place");
    bool ok = md_room_floor_move(room, md_api_request_param(r, "member"), place, &error);
    md_api_reply_conference(r, ok, error);
}

static void lower_all(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    GError *error = NULL;
    if (!room)
        return;
    bool ok = md_room_floor_lower_all(room, &error);
    md_api_reply_conference(r, ok, error);
}

static void set_seconds(JsonObject *body, const char *name, int64_t *us)
{
    if (json_object_has_member(body, name))
        *us = json_object_get_int_member(body, name) * G_USEC_PER_SEC;
}

static void set_rules(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    GError *error = NULL;
    if (!room)
        return;
    JsonObject *body = md_api_request_body(r);
    MdFloorRules rules = *md_room_floor_rules(room);
    set_seconds(body, "budget_s", &rules.budget_us);
    set_seconds(body, "warn_s", &rules.warn_us);
    set_seconds(body, "grace_s", &rules.grace_us);
    rules.auto_next = json_object_get_boolean_member_with_default(body, "auto_next", rules.auto_next);
    bool ok = md_room_set_floor_rules(room, &rules, &error);
    md_api_reply_conference(r, ok, error);
}

/* --- votes ------------------------------------------------------------------------------------------------------------ */

static void list_votes(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    if (room)
        md_api_reply(r, 200, md_api_take_list("votes", md_room_votes(room)));
}

static void refuse(MdApiRequest *r, GError *error, const char *not_found)
{
    if (g_error_matches(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_NOT_FOUND)) {
        md_api_reply_error(r, 404, not_found, error->message, NULL);
        g_error_free(error);
    } else {
        md_api_reply_conference(r, false, error);
    }
}

static void show_vote(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    GError *error = NULL;
    if (!room)
        return;
    JsonObject *vote = md_room_vote(room, md_api_request_param(r, "vote"), &error);
    if (vote)
        md_api_reply(r, 200, md_api_take_object(vote));
    else
        refuse(r, error, "vote-not-found");
}

static void open_vote(MdApiRequest *r, void *user)
{
    static const char *const vi[] = {"Đồng ý", "Không đồng ý", "Ý kiến khác", NULL};
    MdRoom *room = md_api_room_of(r, user);
    const char *choices[MD_VOTE_CHOICES_MAX + 1] = {NULL};
    GError *error = NULL;
    g_autofree char *id = NULL;
    if (!room)
        return;
    JsonObject *body = md_api_request_body(r);
    JsonArray *given = json_object_has_member(body, "choices") ? json_object_get_array_member(body, "choices") : NULL;
    for (unsigned i = 0; given && i < MIN(json_array_get_length(given), MD_VOTE_CHOICES_MAX); i++)
        choices[i] = json_array_get_string_element(given, i);
    MdVoteSpec spec = {.question = json_object_get_string_member(body, "question"),
                       .choices = given ? choices : vi,
                       .secret = json_object_get_boolean_member_with_default(body, "secret", FALSE),
                       .quorum = (unsigned)json_object_get_int_member_with_default(body, "quorum", 0),
                       .ends_us = json_object_get_int_member_with_default(body, "seconds", 0) * G_USEC_PER_SEC};
    if (md_room_vote_open(room, &spec, &id, &error))
        md_api_reply(r, 201, md_api_take_object(md_room_vote(room, id, NULL)));
    else
        refuse(r, error, "vote-not-found");
}

static void close_vote(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    const char *id = md_api_request_param(r, "vote");
    GError *error = NULL;
    if (!room)
        return;
    if (md_room_vote_close(room, id, &error))
        md_api_reply(r, 200, md_api_take_object(md_room_vote(room, id, NULL)));
    else
        refuse(r, error, "vote-not-found");
}

static void spotlight(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    GError *error = NULL;
    if (!room)
        return;
    bool ok = md_room_set_spotlight(room, json_object_get_string_member_with_default(md_api_request_body(r), "member", NULL), &error);
    md_api_reply_conference(r, ok, error);
}

static void banner(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    GError *error = NULL;
    if (!room)
        return;
    JsonObject *body = md_api_request_body(r);
    bool ok = md_room_set_banner(room, json_object_get_string_member_with_default(body, "text", NULL),
                                 json_object_get_boolean_member_with_default(body, "clock", FALSE),
                                 (unsigned)json_object_get_int_member_with_default(body, "seconds", 0), &error);
    md_api_reply_conference(r, ok, error);
}

/* What each role may do, for pages that show only the buttons that work. */
static void list_roles(MdApiRequest *r, void *user)
{
    JsonArray *array = json_array_new();
    for (int role = 0; role < MD_ROLE_MAX; role++) {
        JsonObject *one = json_object_new();
        json_object_set_string_member(one, "role", md_role_to_string((MdRole)role));
        json_object_set_array_member(one, "may", md_api_may_array((MdRole)role));
        json_array_add_object_element(array, one);
    }
    md_api_reply(r, 200, md_api_take_list("roles", array));
}

#define OBJECT(required, fields) "{\"type\":\"object\",\"additionalProperties\":false," required "\"properties\":{" fields "}}"
#define BUDGET "\"budget_s\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":14400,\"description\":\"0: no limit; absent: by the rules\"}"
#define ID "{\"type\":\"string\",\"minLength\":1,\"maxLength\":16}"
#define FLOOR \
    "{\"type\":\"object\",\"required\":[\"holder\",\"queue\",\"rules\"],\"properties\":{\"holder\":{\"type\":\"string\",\"nullable\":true}," \
    "\"deadline_ms\":{\"type\":\"integer\",\"nullable\":true},\"left_ms\":{\"type\":\"integer\",\"nullable\":true}," \
    "\"queue\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},\"rules\":{\"type\":\"object\"}}}"
#define VOTE \
    "{\"type\":\"object\",\"required\":[\"id\",\"question\",\"secret\",\"open\",\"choices\",\"cast\"],\"properties\":{\"id\":{\"type\":\"string\"}," \
    "\"question\":{\"type\":\"string\"},\"secret\":{\"type\":\"boolean\"},\"open\":{\"type\":\"boolean\"},\"cast\":{\"type\":\"integer\"}," \
    "\"winner\":{\"type\":\"integer\",\"nullable\":true},\"choices\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}}}}"
#define SEE .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER
#define RUN MD_API_RUN(MD_ACTION_RUN_FLOOR)
#define VOTES MD_API_RUN(MD_ACTION_RUN_VOTES)

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/roles", SEE, .handler = list_roles, .summary = "What each role may do in a meeting.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"roles\"],\"properties\":{\"roles\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}}}}"},
    {.method = "GET", .path = "/rooms/{room}/floor", SEE, .handler = show_floor, .summary = "Who speaks, for how long, and who waits.",
     .response_schema = FLOOR},
    {.method = "PUT", .path = "/rooms/{room}/members/{member}/hand", RUN, .handler = hand, .summary = "Raise or lower a member's hand.",
     .request_schema = OBJECT("\"required\":[\"raised\"],", "\"raised\":{\"type\":\"boolean\"}")},
    {.method = "POST", .path = "/rooms/{room}/floor/give", RUN, .handler = give,
     .summary = "Give the floor: others are muted by it, the speaker goes large.",
     .request_schema = OBJECT("\"required\":[\"member\"],", "\"member\":" ID "," BUDGET)},
    {.method = "POST", .path = "/rooms/{room}/floor/next", RUN, .handler = next, .summary = "Give the floor to the first in the queue.",
     .request_schema = OBJECT("", BUDGET)},
    {.method = "POST", .path = "/rooms/{room}/floor/end", RUN, .handler = end, .summary = "End the floor; microphones are as they were."},
    {.method = "POST", .path = "/rooms/{room}/floor/extend", RUN, .handler = extend, .summary = "More speaking time.",
     .request_schema = OBJECT("\"required\":[\"seconds\"],", "\"seconds\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":3600}")},
    {.method = "PUT", .path = "/rooms/{room}/floor/queue/{member}", RUN, .handler = move, .summary = "Move a member in the queue.",
     .request_schema = OBJECT("\"required\":[\"place\"],", "\"place\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":999}")},
    {.method = "DELETE", .path = "/rooms/{room}/floor/queue", RUN, .handler = lower_all, .summary = "Lower all hands."},
    {.method = "PUT", .path = "/rooms/{room}/floor/rules", RUN, .handler = set_rules, .summary = "Speaking time, warning, grace time.",
     .request_schema = OBJECT("", "\"budget_s\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":14400},\"warn_s\":{\"type\":\"integer\",\"minimum\":0,"
                                  "\"maximum\":14400},\"grace_s\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":600},\"auto_next\":{\"type\":\"boolean\"}")},
    {.method = "PUT", .path = "/rooms/{room}/spotlight", MD_API_RUN(MD_ACTION_SET_LAYOUT), .handler = spotlight,
     .summary = "Show a member large to all, whoever speaks; null: nobody.",
     .request_schema = OBJECT("\"required\":[\"member\"],", "\"member\":{\"type\":\"string\",\"nullable\":true,\"maxLength\":16}")},
    {.method = "PUT", .path = "/rooms/{room}/banner", MD_API_RUN(MD_ACTION_BANNER), .handler = banner, .summary = "A line of text and the clock in everybody's picture.",
     .request_schema = OBJECT("", "\"text\":{\"type\":\"string\",\"nullable\":true,\"maxLength\":200},\"clock\":{\"type\":\"boolean\"},"
                                  "\"seconds\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":86400,\"description\":\"0: until changed\"}")},
    {.method = "GET", .path = "/rooms/{room}/votes", SEE, .handler = list_votes, .summary = "Votes of the meeting, the newest last.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"votes\"],\"properties\":{\"votes\":{\"type\":\"array\",\"items\":" VOTE "}}}"},
    {.method = "POST", .path = "/rooms/{room}/votes", VOTES, .handler = open_vote,
     .summary = "Open a vote. Of a secret one only counts, and who has voted, are ever told.",
     .request_schema = OBJECT("\"required\":[\"question\"],",
                              "\"question\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":300},\"choices\":{\"type\":\"array\",\"minItems\":2,"
                              "\"maxItems\":9,\"items\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":80}},\"secret\":{\"type\":\"boolean\"},"
                              "\"quorum\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000},\"seconds\":{\"type\":\"integer\",\"minimum\":0,"
                              "\"maximum\":14400,\"description\":\"closes by itself, 0: by hand\"}"),
     .response_schema = VOTE},
    {.method = "GET", .path = "/rooms/{room}/votes/{vote}", SEE, .handler = show_vote, .summary = "One vote.", .response_schema = VOTE},
    {.method = "POST", .path = "/rooms/{room}/votes/{vote}/close", VOTES, .handler = close_vote, .summary = "Close a vote; the result.",
     .response_schema = VOTE},
};

void md_api_floor_routes(MdApiRooms *rooms)
{
    md_api_add_routes(rooms->api, routes, G_N_ELEMENTS(routes), rooms);
}
