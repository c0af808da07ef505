/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>

/* What a member of a meeting is, and what that lets it do: one table in role.c, asked by keys, buttons and API alike. */
typedef enum MdRole { /* in order of power */
    MD_ROLE_GUEST,
    MD_ROLE_OBSERVER,   /* hears and sees; never heard, never shown */
    MD_ROLE_SITE,
    MD_ROLE_TECHNICIAN,
    MD_ROLE_SECRETARY,
    MD_ROLE_OPERATOR,
    MD_ROLE_CO_CHAIR,
    MD_ROLE_CHAIR,
    MD_ROLE_MAX,
    MD_ROLE_INVALID = -1,
} MdRole;

/* "guest", "observer", "site", "technician", "secretary", "operator", "co-chair", "chair". Any thread. */
const char *md_role_to_string(MdRole role);
MdRole md_role_from_string(const char *name); /* any case; INVALID: no such role */

typedef enum MdAction {
    MD_ACTION_BE_HEARD,
    MD_ACTION_BE_SHOWN,
    MD_ACTION_HAND,          /* raise and lower its own */
    MD_ACTION_VOTE,
    MD_ACTION_UNMUTE_SELF,
    MD_ACTION_SHARE,         /* content */
    MD_ACTION_CHAT,
    MD_ACTION_OWN_LAYOUT,    /* choose what itself is sent */
    MD_ACTION_FREE_ENTRY,    /* no PIN, no lobby, past a lock */
    MD_ACTION_PRESIDE,       /* whom a waiting room waits for */
    MD_ACTION_OVER_FLOOR,    /* its microphone stays on while another has the floor */
    MD_ACTION_RUN_FLOOR,     /* give, next, end, extend, reorder, lower others' hands */
    MD_ACTION_RUN_VOTES,     /* open, close */
    MD_ACTION_MUTE_OTHERS,
    MD_ACTION_ADMIT,
    MD_ACTION_KICK,
    MD_ACTION_SET_ROLES,     /* up to its own */
    MD_ACTION_SET_LAYOUT,    /* of all, of one */
    MD_ACTION_PAIRS,         /* interpreters */
    MD_ACTION_BANNER,
    MD_ACTION_DIAL,
    MD_ACTION_RECORD,
    MD_ACTION_READ_SECRETARY, /* chat addressed to the secretary */
    MD_ACTION_LOCK,
    MD_ACTION_END,
    MD_ACTION_MAX,
    MD_ACTION_INVALID = -1,
} MdAction;

const char *md_action_to_string(MdAction action); /* "hand", "run-floor" … */
MdAction md_action_from_string(const char *name);
bool md_role_may(MdRole role, MdAction action);
