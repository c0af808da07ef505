/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/conference/conference.h"

/* A target on a room's dial list: one that is rung, is in, or was given up. Inside this folder; control thread. */
typedef struct MdMember MdMember;

typedef struct MdDial {
    MdRoom *room;
    char *target;
    MdRole role;
    bool redial, forgotten;
    bool away;                 /* not registered at the last attempt */
    bool plain;                /* refused an offer with content: gets none with it any more */
    MdDialState state;
    unsigned attempts;
    int64_t next_us, down_since_us;
    int64_t up_us;             /* when it came in last */
    int last_code;
    MdMember *member;          /* while calling or up */
    uint32_t source;           /* its tile while it is away */
    bool in_composer;
} MdDial;

void md_dial_free(MdDial *dial);
void md_dial_tick(MdRoom *room, int64_t now_us);
/* Somebody calls in by itself: an entry for it is its own from now on, and it is no longer rung. */
void md_dial_adopt(MdMember *member);
void md_dial_member_up(MdMember *member);
void md_dial_member_gone(MdMember *member, int code);
void md_dial_forget(MdRoom *room, MdDial *dial);
MdDial *md_dial_list(MdRoom *room, const char *target, MdRole role, bool redial); /* not rung: a new one is as if it had been given up */
