/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /rooms/{room}/channels: interpreters, and who listens to them. */
#include "mediad/api/room-json.h"

static void show(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    if (room)
        md_api_reply(r, 200, md_api_take_list("channels", md_room_channels(room)));
}

static void set(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    GError *error = NULL;
    if (!room)
        return;
    if (md_room_set_channels(room, json_object_get_array_member(md_api_request_body(r), "channels"), &error))
        md_api_reply(r, 200, md_api_take_list("channels", md_room_channels(room)));
    else
        md_api_reply_conference(r, false, error);
}

static void choose(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    GError *error = NULL;
    if (!room)
        return;
    const char *channel = json_object_get_string_member_with_default(md_api_request_body(r), "channel", NULL);
    bool ok = md_room_hear_channel(room, md_api_request_param(r, "member"), channel, &error);
    md_api_reply_conference(r, ok, error);
}

#define IDS(most) "{\"type\":\"array\",\"maxItems\":" most ",\"items\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":16,\"description\":\"member id\"}}"
#define NAME "{\"type\":\"string\",\"minLength\":1,\"maxLength\":40}"
#define FLOOR \
    "{\"type\":\"integer\",\"nullable\":true,\"minimum\":-60,\"maximum\":0,\"description\":\"how much of the floor is heard under the interpreter, dB; null: nothing\"}"
#define CHANNELS(required, more) \
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"channels\"],\"properties\":{\"channels\":{\"type\":\"array\",\"maxItems\":8," \
    "\"items\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":[" required "],\"properties\":{\"name\":" NAME ",\"interpreters\":" IDS("4") \
    ",\"listeners\":" IDS("1000") ",\"floor_db\":" FLOOR more "}}}}}"
#define TOLD CHANNELS("\"name\",\"interpreters\",\"listeners\",\"floor_db\"", ",\"away\":" IDS("1000"))

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/rooms/{room}/channels", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = show,
     .summary = "Channels of interpreters: who speaks into which, who listens; away: whose place is kept.", .response_schema = TOLD},
    {.method = "PUT", .path = "/rooms/{room}/channels", MD_API_RUN(MD_ACTION_PAIRS), .handler = set,
     .summary = "Set all channels of interpreters. Without listeners a channel keeps those it has.",
     .request_schema = CHANNELS("\"name\"", ""), .response_schema = TOLD},
    {.method = "PUT", .path = "/rooms/{room}/members/{member}/channel", MD_API_RUN(MD_ACTION_PAIRS), .handler = choose,
     .summary = "Let a member listen to a channel; null: to the floor.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"channel\"],\"properties\":{\"channel\":{\"type\":\"string\","
                       "\"nullable\":true,\"minLength\":1,\"maxLength\":40}}}"},
};

void md_api_channel_routes(MdApiRooms *rooms)
{
    md_api_add_routes(rooms->api, routes, G_N_ELEMENTS(routes), rooms);
}
