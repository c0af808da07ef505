/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may do what in a meeting: the one table. */
#include "mediad/conference/role.h"
#include <glib.h>

static const char *const roles[MD_ROLE_MAX] = {
    "guest", "observer", "site", "technician", "secretary", "operator", "co-chair", "chair",
};

enum {
    GUEST = 1 << MD_ROLE_GUEST,
    OBSERVER = 1 << MD_ROLE_OBSERVER,
    SITE = 1 << MD_ROLE_SITE,
    TECHNICIAN = 1 << MD_ROLE_TECHNICIAN,
    SECRETARY = 1 << MD_ROLE_SECRETARY,
    OPERATOR = 1 << MD_ROLE_OPERATOR,
    CO_CHAIR = 1 << MD_ROLE_CO_CHAIR,
    CHAIR = 1 << MD_ROLE_CHAIR,
    CHAIRS = CO_CHAIR | CHAIR,
    RUN = OPERATOR | CHAIRS,
    DESK = SECRETARY | RUN,
    STAFF = TECHNICIAN | DESK,
    VOICES = GUEST | SITE | STAFF,
    EVERYBODY = OBSERVER | VOICES,
};

static const struct {
    const char *name;
    unsigned who;
} actions[MD_ACTION_MAX] = {
    [MD_ACTION_BE_HEARD] = {"be-heard", VOICES},
    [MD_ACTION_BE_SHOWN] = {"be-shown", VOICES},
    [MD_ACTION_HAND] = {"hand", VOICES},
    [MD_ACTION_VOTE] = {"vote", SITE | CHAIRS},
    [MD_ACTION_UNMUTE_SELF] = {"unmute-self", VOICES},
    [MD_ACTION_SHARE] = {"share", VOICES},
    [MD_ACTION_CHAT] = {"chat", EVERYBODY},
    [MD_ACTION_OWN_LAYOUT] = {"own-layout", EVERYBODY},
    [MD_ACTION_FREE_ENTRY] = {"free-entry", STAFF},
    [MD_ACTION_PRESIDE] = {"preside", CHAIRS},
    [MD_ACTION_OVER_FLOOR] = {"over-floor", CHAIRS},
    [MD_ACTION_RUN_FLOOR] = {"run-floor", DESK},
    [MD_ACTION_RUN_VOTES] = {"run-votes", DESK},
    [MD_ACTION_MUTE_OTHERS] = {"mute-others", STAFF},
    [MD_ACTION_ADMIT] = {"admit", STAFF},
    [MD_ACTION_KICK] = {"kick", RUN},
    [MD_ACTION_SET_ROLES] = {"set-roles", RUN},
    [MD_ACTION_SET_LAYOUT] = {"set-layout", STAFF},
    [MD_ACTION_PAIRS] = {"pairs", STAFF},
    [MD_ACTION_BANNER] = {"banner", STAFF},
    [MD_ACTION_DIAL] = {"dial", STAFF},
    [MD_ACTION_RECORD] = {"record", DESK},
    [MD_ACTION_READ_SECRETARY] = {"read-secretary", DESK},
    [MD_ACTION_LOCK] = {"lock", RUN},
    [MD_ACTION_END] = {"end", RUN},
};

const char *md_role_to_string(MdRole role)
{
    return (unsigned)role < MD_ROLE_MAX ? roles[role] : NULL;
}

MdRole md_role_from_string(const char *name)
{
    for (int i = 0; name != NULL && i < MD_ROLE_MAX; i++)
        if (g_ascii_strcasecmp(name, roles[i]) == 0)
            return (MdRole)i;
    return MD_ROLE_INVALID;
}

const char *md_action_to_string(MdAction action)
{
    return (unsigned)action < MD_ACTION_MAX ? actions[action].name : NULL;
}

MdAction md_action_from_string(const char *name)
{
    for (int i = 0; name != NULL && i < MD_ACTION_MAX; i++)
        if (g_ascii_strcasecmp(name, actions[i].name) == 0)
            return (MdAction)i;
    return MD_ACTION_INVALID;
}

bool md_role_may(MdRole role, MdAction action)
{
    return (unsigned)role < MD_ROLE_MAX && (unsigned)action < MD_ACTION_MAX && (actions[action].who >> role & 1) != 0;
}
