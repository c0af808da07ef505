/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /rooms/{room}/members: one party of a meeting. */
#include "mediad/api/room-json.h"
#include <string.h>

static JsonObject *media_json(const MdLegSummary *media)
{
    JsonObject *o = json_object_new();
    const char *audio = media->audio_codec >= 0 ? md_audio_codec_to_string(media->audio_codec) : NULL;
    const char *video = media->video_codec >= 0 ? md_video_codec_to_string(media->video_codec) : NULL;
    const char *content = media->content_codec >= 0 ? md_video_codec_to_string(media->content_codec) : NULL;

    json_object_set_string_member(o, "audio", audio ? audio : "none");
    json_object_set_string_member(o, "video", video ? video : "none");
    json_object_set_string_member(o, "content", content ? content : "none");
    json_object_set_string_member(o, "security", media->security ? media->security : "none");
    json_object_set_string_member(o, "remote", media->remote);
    return o;
}

/* What everybody in the room may know. */
static JsonObject *person_json(MdRoom *room, const MdMemberInfo *m)
{
    JsonObject *o = json_object_new();
    JsonObject *view = md_room_view(room, m->id);

    json_object_set_string_member(o, "id", m->id);
    json_object_set_string_member(o, "name", m->name ? m->name : "");
    json_object_set_string_member(o, "role", md_role_to_string(m->role));
    json_object_set_boolean_member(o, "muted", m->muted);
    json_object_set_boolean_member(o, "self_muted", m->self_muted);
    json_object_set_boolean_member(o, "floor_muted", m->floor_muted);
    json_object_set_boolean_member(o, "hand", m->hand);
    json_object_set_boolean_member(o, "floor", m->floor);
    json_object_set_boolean_member(o, "deaf", m->deaf);
    json_object_set_boolean_member(o, "video_muted", m->video_muted);
    json_object_set_boolean_member(o, "self_video_muted", m->self_video_muted);
    json_object_set_boolean_member(o, "in_lobby", m->in_lobby);
    json_object_set_boolean_member(o, "talking", m->talking);
    json_object_set_boolean_member(o, "away", m->away);
    json_object_set_boolean_member(o, "browser", m->browser);
    if (m->channel)
        json_object_set_string_member(o, "channel", m->channel);
    if (m->interprets)
        json_object_set_string_member(o, "interprets", m->interprets);
    json_object_set_double_member(o, "gain_db", m->gain_db);
    json_object_set_int_member(o, "joined_us", m->joined_wall_us);
    if (view)
        json_object_set_object_member(o, "view", view);
    else
        json_object_set_null_member(o, "view");
    return o;
}

static JsonObject *party_json(MdRoom *room, const MdMemberInfo *m)
{
    JsonObject *o = person_json(room, m);

    json_object_set_string_member(o, "uri", m->uri ? m->uri : "");
    if (m->account)
        json_object_set_string_member(o, "account", m->account);
    json_object_set_object_member(o, "media", media_json(&m->media));
    return o;
}

static JsonObject *member_json(MdApiRooms *rooms, MdRoom *room, const MdMemberInfo *m)
{
    JsonObject *o = party_json(room, m);

    json_object_set_object_member(o, "stats", md_api_leg_stats_json(rooms, m));
    return o;
}

JsonArray *md_api_member_array(MdRoom *room, bool everything)
{
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) all = md_room_members(room);

    for (unsigned i = 0; i < all->len; i++)
        if (everything)
            json_array_add_object_element(array, party_json(room, all->pdata[i]));
        else if (!((const MdMemberInfo *)all->pdata[i])->in_lobby) /* who waits outside is for those to know who let in */
            json_array_add_object_element(array, person_json(room, all->pdata[i]));
    return array;
}

static void list(MdApiRequest *r, void *user)
{
    MdApiRooms *rooms = user;
    MdRoom *room = md_api_room_of(r, rooms);

    if (!room)
        return;
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) all = md_room_members(room);
    for (unsigned i = 0; i < all->len; i++)
        json_array_add_object_element(array, member_json(rooms, room, all->pdata[i]));
    md_api_reply(r, 200, md_api_take_list("members", array));
}

static void refuse_unknown(MdApiRequest *r)
{
    md_api_reply_error(r, 404, "member-not-found", "there is no such member in the room",
                       "GET /api/v1/rooms/ROOM/members lists their ids");
}

static void show(MdApiRequest *r, void *user)
{
    MdApiRooms *rooms = user;
    MdRoom *room = md_api_room_of(r, rooms);

    if (!room)
        return;
    g_autoptr(GPtrArray) all = md_room_members(room);
    for (unsigned i = 0; i < all->len; i++) {
        const MdMemberInfo *m = all->pdata[i];
        if (g_str_equal(m->id, md_api_request_param(r, "member"))) {
            md_api_reply(r, 200, md_api_take_object(member_json(rooms, room, m)));
            return;
        }
    }
    refuse_unknown(r);
}

static void history(MdApiRequest *r, void *user)
{
    MdApiRooms *rooms = user;
    MdRoom *room = md_api_room_of(r, rooms);
    MdRoomInfo info = {0};

    if (!room)
        return;
    md_room_info(room, &info);
    g_autoptr(GPtrArray) all = md_room_members(room);
    for (unsigned i = 0; i < all->len; i++) {
        const MdMemberInfo *m = all->pdata[i];
        if (g_str_equal(m->id, md_api_request_param(r, "member"))) {
            JsonNode *reply = md_api_take_list("points", md_api_legs_history(rooms->legs, info.name, m->id));
            json_object_set_int_member(json_node_get_object(reply), "period_s", 10);
            md_api_reply(r, 200, reply);
            return;
        }
    }
    refuse_unknown(r);
}

/* One field after the other; the schema has checked their values, so only the member itself can be wrong. */
static bool change(MdRoom *room, const char *id, JsonObject *body, GError **error)
{
    const char *role = json_object_get_string_member_with_default(body, "role", NULL);

    if (json_object_has_member(body, "muted") &&
        !md_room_mute_member(room, id, json_object_get_boolean_member(body, "muted"), error))
        return false;
    if (json_object_has_member(body, "video_muted") &&
        !md_room_mute_video(room, id, json_object_get_boolean_member(body, "video_muted"), error))
        return false;
    if (json_object_has_member(body, "deaf") &&
        !md_room_set_deaf(room, id, json_object_get_boolean_member(body, "deaf"), error))
        return false;
    if (json_object_has_member(body, "gain_db") &&
        !md_room_set_gain(room, id, json_object_get_double_member(body, "gain_db"), error))
        return false;
    return !role || md_room_set_role(room, id, md_role_from_string(role), error);
}

static void update(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    GError *error = NULL;
    const char *role = json_object_get_string_member_with_default(md_api_request_body(r), "role", NULL);

    if (!room || (role && !md_api_room_lets(r, room, MD_ACTION_SET_ROLES, md_api_request_param(r, "member"), md_role_from_string(role))))
        return;
    bool ok = change(room, md_api_request_param(r, "member"), md_api_request_body(r), &error);
    md_api_reply_conference(r, ok, error);
}

static void admit(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    GError *error = NULL;

    if (!room)
        return;
    bool ok = md_room_admit(room, md_api_request_param(r, "member"), &error);
    md_api_reply_conference(r, ok, error);
}

static void kick(MdApiRequest *r, void *user)
{
    MdRoom *room = md_api_room_of(r, user);
    GError *error = NULL;

    if (!room || !md_api_room_lets(r, room, MD_ACTION_KICK, md_api_request_param(r, "member"), MD_ROLE_INVALID))
        return;
    bool ok = md_room_kick(room, md_api_request_param(r, "member"), &error);
    md_api_reply_conference(r, ok, error);
}

#define FLAG "{\"type\":\"boolean\"}"
#define TEXT "{\"type\":\"string\"}"
#define ROLE "{\"type\":\"string\",\"enum\":[\"guest\",\"observer\",\"site\",\"technician\",\"secretary\",\"operator\",\"co-chair\",\"chair\"]}"
#define VIEW                                                                                                           \
    "{\"type\":\"object\",\"nullable\":true,\"description\":\"what it is sent, null: the picture of all\",\"required\":[\"layout\",\"seats\","     \
    "\"by\",\"shown\"],\"properties\":{\"layout\":" MD_API_LAYOUT_SCHEMA ",\"seats\":" MD_API_SEATS_SCHEMA                    \
    ",\"by\":{\"type\":\"string\",\"enum\":[\"self\",\"chair\"]},\"shown\":" FLAG ",\"why\":{\"type\":\"string\",\"enum\":[\"limit\",\"load\"]}}}"
#define MEMBER                                                                                                         \
    "{\"type\":\"object\",\"required\":[\"id\",\"name\",\"role\",\"muted\",\"media\",\"stats\"],\"properties\":{\"id\":" TEXT     \
    ",\"name\":" TEXT ",\"uri\":" TEXT ",\"account\":" TEXT ",\"role\":" ROLE ",\"muted\":" FLAG ",\"self_muted\":" FLAG ",\"deaf\":" FLAG \
    ",\"away\":" FLAG ",\"browser\":" FLAG ",\"video_muted\":" FLAG ",\"self_video_muted\":" FLAG ",\"channel\":" TEXT ",\"interprets\":" TEXT ",\"in_lobby\":" FLAG ",\"talking\":" FLAG ",\"gain_db\":{\"type\":\"number\"},"                 \
    "\"joined_us\":{\"type\":\"integer\"},\"view\":" VIEW ",\"media\":{\"type\":\"object\",\"properties\":{\"audio\":" TEXT ",\"video\":" TEXT ",\"content\":" TEXT \
    ",\"security\":" TEXT ",\"remote\":" TEXT "}},\"stats\":" MD_API_LEG_STATS_SCHEMA "}}"

#define NUMBER "{\"type\":\"number\"}"
#define POINT                                                                                                          \
    "{\"type\":\"object\",\"required\":[\"time_us\"],\"properties\":{\"time_us\":{\"type\":\"integer\"},\"in_bps\":" NUMBER ",\"out_bps\":" NUMBER \
    ",\"audio_in_bps\":" NUMBER ",\"audio_out_bps\":" NUMBER ",\"sent_loss_percent\":" NUMBER                                                  \
    ",\"audio_loss_percent\":" NUMBER ",\"video_loss_percent\":" NUMBER ",\"audio_jitter_us\":" NUMBER ",\"round_trip_us\":" NUMBER              \
    ",\"video_frozen_ms\":" NUMBER "}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/rooms/{room}/members", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = list,
     .summary = "Who is in the room, with the statistics of each.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"members\"],\"properties\":{\"members\":{\"type\":\"array\",\"items\":" MEMBER "}}}"},
    {.method = "GET", .path = "/rooms/{room}/members/{member}", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = show,
     .summary = "One member, with statistics.", .response_schema = MEMBER},
    {.method = "GET", .path = "/rooms/{room}/members/{member}/history", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = history,
     .summary = "Its line over the last hour, a point each ten seconds, oldest first: mean rates, the worst of loss, jitter and delay, time its picture stood.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"period_s\",\"points\"],\"properties\":{\"period_s\":" NUMBER
                        ",\"points\":{\"type\":\"array\",\"items\":" POINT "}}}"},
    {.method = "PATCH", .path = "/rooms/{room}/members/{member}", MD_API_RUN(MD_ACTION_MUTE_OTHERS), .handler = update,
     .summary = "Mute, deafen, hide, turn up or down, or give another role.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"muted\":" FLAG ",\"deaf\":" FLAG
                       ",\"video_muted\":" FLAG ",\"gain_db\":{\"type\":\"number\",\"minimum\":-40,\"maximum\":20},\"role\":" ROLE "}}"},
    {.method = "POST", .path = "/rooms/{room}/members/{member}/admit", MD_API_RUN(MD_ACTION_ADMIT), .handler = admit,
     .summary = "Let a member in from the lobby."},
    {.method = "DELETE", .path = "/rooms/{room}/members/{member}", MD_API_RUN(MD_ACTION_KICK), .handler = kick,
     .summary = "Send a member out."},
};

void md_api_member_routes(MdApiRooms *rooms)
{
    md_api_add_routes(rooms->api, routes, G_N_ELEMENTS(routes), rooms);
}
