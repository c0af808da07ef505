/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Accounts that run a meeting without the right to operate all of them: by what they are in the meeting that is running. */
#include "mediad/api/private.h"
#include "mediad/api/room-json.h"

typedef struct MeetingRights {
    MdConference *conference;
    MdApiBookedFn booked; /* NULL: no bookings */
    void *user;
} MeetingRights;

/* As its member inside counts, else what the booking says of it. */
static MdRole role_of(const MeetingRights *rights, MdRoom *room, const char *name, const char *account)
{
    MdRole role = md_room_role_of(room, account);
    return role != MD_ROLE_INVALID || !rights->booked ? role : rights->booked(name, account, rights->user);
}

static bool allows(MdApiRequest *r, const char *room_name, int action, char **ret_why, void *user)
{
    const MeetingRights *rights = user;
    g_autoptr(GError) error = NULL;
    MdRoom *room = room_name ? md_conference_find_room(rights->conference, room_name) : NULL;
    if (!room)
        return false;
    const MdRoomActor actor = {r->user, role_of(rights, room, room_name, r->user)};
    if (md_room_may_as(room, &actor, (MdAction)action, NULL, MD_ROLE_INVALID, &error)) {
        r->meeting_role = actor.role;
        return true;
    }
    *ret_why = g_strdup(error->message);
    return false;
}

bool md_api_room_lets(MdApiRequest *r, MdRoom *room, MdAction action, const char *target, MdRole given)
{
    GError *error = NULL;
    if (r->meeting_role < 0 || md_room_may_as(room, &(MdRoomActor){r->user, (MdRole)r->meeting_role}, action, target, given, &error))
        return true;
    md_api_reply_conference(r, false, error);
    return false;
}

JsonArray *md_api_may_array(MdRole role)
{
    JsonArray *may = json_array_new();
    for (int action = 0; action < MD_ACTION_MAX; action++)
        if (md_role_may(role, (MdAction)action))
            json_array_add_string_element(may, md_action_to_string((MdAction)action));
    return may;
}

static const char *name_of(int action)
{
    return md_action_to_string((MdAction)action);
}

static void show(MdApiRequest *r, void *user)
{
    const MeetingRights *rights = user;
    const char *name = md_api_request_param(r, "room");
    MdRoom *room = md_conference_find_room(rights->conference, name);
    if (!room) {
        md_api_reply_error(r, 404, "room-not-found", "there is no such room", "GET /api/v1/rooms lists them");
        return;
    }
    MdRole role = role_of(rights, room, name, r->user);
    bool operates = (md_api_request_rights(r) & MD_API_MAY_OPERATE) && !*md_api_request_area(r);
    JsonObject *o = json_object_new();
    if (role == MD_ROLE_INVALID)
        json_object_set_null_member(o, "role");
    else
        json_object_set_string_member(o, "role", md_role_to_string(role));
    json_object_set_boolean_member(o, "operator", operates);
    json_object_set_array_member(o, "may", md_api_may_array(operates ? MD_ROLE_CHAIR : role));
    md_api_reply(r, 200, md_api_take_object(o));
}

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/rooms/{room}/may", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = show,
     .summary = "What this account may do in the room: by its right to operate, or by its role in the running meeting.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"role\",\"operator\",\"may\"],\"properties\":{\"role\":{\"type\":\"string\",\"nullable\":true},"
                        "\"operator\":{\"type\":\"boolean\"},\"may\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}"},
};

void md_api_add_meeting_rights(MdApi *api, MdConference *conference, MdApiBookedFn booked, void *user)
{
    MeetingRights *rights = g_new0(MeetingRights, 1);
    *rights = (MeetingRights){conference, booked, user};
    md_api_own(api, rights, g_free);
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), rights);
    api->meeting_fn = allows;
    api->meeting_right = name_of;
    api->meeting_user = rights;
}
