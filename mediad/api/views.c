/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is seen: the layout and seats of all, the tour, and pictures of members' own. */
#include "mediad/api/room-json.h"
#include <string.h>

/* Ids, "" where the request has null; free the array alone. NULL: none given. */
static const char **seats_of(JsonObject *body)
{
    JsonArray *array = json_object_has_member(body, "seats") ? json_object_get_array_member(body, "seats") : NULL;
    unsigned n = array ? json_array_get_length(array) : 0;
    const char **seats = array ? g_new0(const char *, n + 1) : NULL;

    for (unsigned i = 0; i < n; i++)
        seats[i] = json_array_get_null_element(array, i) ? "" : json_array_get_string_element(array, i);
    return seats;
}

static MdLayoutKind layout_of(JsonObject *body)
{
    return md_layout_from_string(json_object_get_string_member(body, "layout"));
}

void md_api_room_view_members(JsonObject *o, MdRoom *room, const MdRoomInfo *info)
{
    json_object_set_string_member(o, "layout", md_layout_to_string(info->layout));
    json_object_set_array_member(o, "seats", md_room_seats(room));
    json_object_set_int_member(o, "tour_s", info->tour_s);
    if (info->spotlight)
        json_object_set_string_member(o, "spotlight", info->spotlight);
    else
        json_object_set_null_member(o, "spotlight");
}

static void show_layout(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    MdRoomInfo info = {0};

    if (!room)
        return;
    JsonObject *o = json_object_new();
    md_room_info(room, &info);
    md_api_room_view_members(o, room, &info);
    md_api_reply(r, 200, md_api_take_object(o));
}

/* All of it or nothing. */
static bool change_layout(MdRoom *room, JsonObject *body, GError **error)
{
    MdRoomInfo before = {0};
    g_autofree const char **seats = seats_of(body);

    md_room_info(room, &before);
    bool tour = json_object_has_member(body, "tour_s");
    if (tour && !md_room_set_tour(room, (unsigned)json_object_get_int_member(body, "tour_s"), error))
        return false;
    if (md_room_set_layout(room, layout_of(body), seats, error))
        return true;
    if (tour)
        md_room_set_tour(room, before.tour_s, NULL);
    return false;
}

static void layout(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    GError *error = NULL;

    if (!room)
        return;
    bool ok = change_layout(room, md_api_request_body(r), &error);
    md_api_reply_conference(r, ok, error);
}

static void tour(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    GError *error = NULL;

    if (!room)
        return;
    bool ok = md_room_set_tour(room, (unsigned)json_object_get_int_member(md_api_request_body(r), "period_s"), &error);
    md_api_reply_conference(r, ok, error);
}

static void set_view(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    JsonObject *body = md_api_request_body(r);
    GError *error = NULL;

    if (!room)
        return;
    g_autofree const char **seats = seats_of(body);
    bool ok = md_room_set_view(room, md_api_request_param(r, "member"), true, layout_of(body), seats, &error);
    md_api_reply_conference(r, ok, error);
}

static void clear_view(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    GError *error = NULL;

    if (!room)
        return;
    bool ok = md_room_clear_view(room, md_api_request_param(r, "member"), true, &error);
    md_api_reply_conference(r, ok, error);
}

#define SEE .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER
#define RUN MD_API_RUN(MD_ACTION_SET_LAYOUT)
#define OBJECT(required, fields) "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[" required "],\"properties\":{" fields "}}"
#define LAYOUT "\"layout\":" MD_API_LAYOUT_SCHEMA
#define SEATS "\"seats\":" MD_API_SEATS_SCHEMA
#define TOUR(name) "\"" name "\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":300,\"description\":\"seconds, 5 to 300; 0: no tour\"}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/rooms/{room}/layout", SEE, .handler = show_layout, .summary = "The picture of all: layout, seats, tour, spotlight.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"layout\",\"seats\",\"tour_s\",\"spotlight\"],\"properties\":{" LAYOUT "," SEATS
                        "," TOUR("tour_s") ",\"spotlight\":{\"type\":\"string\",\"nullable\":true}}}"},
    {.method = "PUT", .path = "/rooms/{room}/layout", RUN, .handler = layout,
     .summary = "Choose the layout of the composed picture, who sits where, and the tour.",
     .request_schema = OBJECT("\"layout\"", LAYOUT "," SEATS "," TOUR("tour_s"))},
    {.method = "PUT", .path = "/rooms/{room}/tour", RUN, .handler = tour, .summary = "Show the sites in turn; 0 ends the tour.",
     .request_schema = OBJECT("\"period_s\"", TOUR("period_s"))},
    {.method = "PUT", .path = "/rooms/{room}/members/{member}/view", RUN, .handler = set_view,
     .summary = "Choose what one member is sent. It counts for more than what the member chooses itself.",
     .request_schema = OBJECT("\"layout\"", LAYOUT "," SEATS)},
    {.method = "DELETE", .path = "/rooms/{room}/members/{member}/view", RUN, .handler = clear_view,
     .summary = "Send a member the picture of all again."},
};

void md_api_view_routes(MdApiRooms *rooms)
{
    md_api_add_routes(rooms->api, routes, G_N_ELEMENTS(routes), rooms);
}
