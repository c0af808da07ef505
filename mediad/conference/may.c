/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may do what in a meeting: asked by keys, buttons, the join socket and the API alike. Control thread. */
#include "mediad/conference/private.h"
#include <string.h>

static bool refuse(const MdRoomActor *actor, MdAction action, GError **error)
{
    g_autoptr(GString) who = g_string_new(NULL);
    for (int role = 0; role < MD_ROLE_MAX; role++)
        if (md_role_may((MdRole)role, action))
            g_string_append_printf(who, "%s%s", who->len > 0 ? ", " : "", md_role_to_string((MdRole)role));
    const char *is = md_role_to_string(actor->role);
    g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_DENIED, "%s is %s: \"%s\" is for %s", actor->who,
                is != NULL ? is : "nobody in this meeting", md_action_to_string(action), who->str);
    return false;
}

/* What changes another's place in the meeting for good. */
static bool reaches_up(MdAction action)
{
    return action == MD_ACTION_KICK || action == MD_ACTION_SET_ROLES;
}

bool md_room_may_as(MdRoom *room, const MdRoomActor *actor, MdAction action, const char *target, MdRole given, GError **error)
{
    const MdMember *other = target != NULL ? md_room_member(room, target, error) : NULL;
    if (target != NULL && other == NULL)
        return false;
    if (!md_role_may(actor->role, action))
        return refuse(actor, action, error);
    if (other != NULL && reaches_up(action) && other->role > actor->role) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_DENIED, "%s is %s: that is above %s, who is %s", target,
                    md_role_to_string(other->role), actor->who, md_role_to_string(actor->role));
        return false;
    }
    if (given != MD_ROLE_INVALID && given > actor->role) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_DENIED, "%s is %s and gives no role above that", actor->who,
                    md_role_to_string(actor->role));
        return false;
    }
    return true;
}

bool md_room_may(MdRoom *room, const char *id, MdAction action, GError **error)
{
    const MdMember *member = md_room_member(room, id, error);
    if (member == NULL)
        return false;
    if (!md_member_sees(member)) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE, "member %s is still at the door", id);
        return false;
    }
    return md_room_may_as(room, &(MdRoomActor){id, member->role}, action, NULL, MD_ROLE_INVALID, error);
}

MdRole md_room_role_of(MdRoom *room, const char *account)
{
    MdRole most = MD_ROLE_INVALID;
    for (guint i = 0; account != NULL && i < room->members->len; i++) {
        const MdMember *member = g_ptr_array_index(room->members, i);
        if (md_member_sees(member) && g_strcmp0(member->account, account) == 0 && member->role > most)
            most = member->role;
    }
    return most;
}

MdRole md_room_member_role(MdRoom *room, const char *id)
{
    const MdMember *member = md_room_member(room, id, NULL);
    return member != NULL ? member->role : MD_ROLE_GUEST;
}
