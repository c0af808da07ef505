/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /rooms/{room}/content: who presents slides or a screen. */
#include "mediad/api/room-json.h"

JsonNode *md_api_content_json(MdRoom *room)
{
    const char *holder = md_room_content_holder(room);
    if (holder == NULL)
        return json_node_new(JSON_NODE_NULL);
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "member", holder);
    return md_api_take_object(object);
}

static void show(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);

    if (!room)
        return;
    JsonObject *object = json_object_new();
    json_object_set_member(object, "content", md_api_content_json(room));
    md_api_reply(r, 200, md_api_take_object(object));
}

static void start(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    GError *error = NULL;

    if (!room)
        return;
    bool ok = md_room_content_start(room, json_object_get_string_member(md_api_request_body(r), "member"), &error);
    md_api_reply_conference(r, ok, error);
}

static void stop(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    GError *error = NULL;

    if (!room)
        return;
    bool ok = md_room_content_stop(room, NULL, &error);
    md_api_reply_conference(r, ok, error);
}

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/rooms/{room}/content", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = show,
     .summary = "Who presents; null: nobody.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"content\"],\"properties\":{\"content\":" MD_API_CONTENT_SCHEMA "}}"},
    {.method = "POST", .path = "/rooms/{room}/content/start", MD_API_RUN(MD_ACTION_RUN_FLOOR),
     .handler = start, .summary = "Let a member present what its device sends as slides or screen.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"member\"],\"properties\":{"
                       "\"member\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":16,\"description\":\"member id\"}}}"},
    {.method = "POST", .path = "/rooms/{room}/content/stop", MD_API_RUN(MD_ACTION_RUN_FLOOR),
     .handler = stop, .summary = "Take the slides or the screen away from whoever presents."},
};

void md_api_room_content_routes(MdApiRooms *rooms)
{
    md_api_add_routes(rooms->api, routes, G_N_ELEMENTS(routes), rooms);
}
