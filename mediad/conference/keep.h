/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>
#include "mediad/conference/role.h"

/* What outlives a restart of mediad: how a room stands, as text (keep.c writes it, keep-load.c reads it), and those who were inside before and
 * are not back yet. Members' numbers mean nothing after a restart: whoever has a place is a party here, known by who it is. Control thread. */
typedef struct MdRoom MdRoom;
typedef struct MdMember MdMember;
typedef struct MdCallInfo MdCallInfo;

#define MD_KEEP_BACK_US (INT64_C(30) * 60 * 1000000) /* so long one that was inside finds its place again */

typedef struct MdKept {
    uint32_t id;               /* a number of its own in this run: nobody else's */
    char *identity, *name;     /* as md_member_identity; of its tile */
    char *target, *uri, *seat; /* on the dial list; as it called; of its browser: NULL where there is none */
    bool inside;               /* else only a place of it is known */
    bool proven;               /* its identity is an account's */
    MdRole role, came;         /* that it had; that it came with */
    bool muted, self_muted, deaf, hidden, self_hidden;
    double gain_db;
} MdKept;

typedef struct MdKeep {
    GPtrArray *kept;           /* MdKept*, not back yet */
    int64_t kept_until_us;
    JsonArray *dials;          /* NULL; to be rung at */
    int64_t dial_us;
    bool rung;                 /* somebody was rung, in this run or the one before */
    int64_t due_us;            /* written then, 0: nothing has changed */
    char *told;                /* as it was written last, NULL nothing */
} MdKeep;

void md_keep_init(MdRoom *room);
void md_keep_clear(MdRoom *room);
void md_keep_touch(MdRoom *room, const char *event); /* something has changed */
void md_keep_tick(MdRoom *room, int64_t now_us);
void md_keep_now(MdRoom *room);                      /* writes what is to be written soon */
bool md_keep_undial(MdRoom *room, const char *target); /* true: it was about to be rung again */
void md_keep_reset(MdRoom *room);                    /* the meeting is over */
void md_keep_forget(MdRoom *room);                   /* so is the room */
void md_keep_load(MdRoom *room, const char *text);   /* of a room just made */
void md_keep_claim(MdRoom *room, const char *text);  /* it is this room's, to be written anew or taken away */

/* Was inside before the restart, as one whose word is not taken for it (an account, its own browser): it comes in again past PIN, lobby and lock. */
bool md_keep_expects(const MdRoom *room, const MdCallInfo *info);
/* It comes in: as it was. True: it was somebody's place; then md_keep_tell says what differs from a newcomer. */
bool md_keep_enter(MdMember *member);
void md_keep_tell(const MdMember *member);
void md_keep_mute_all(MdRoom *room, bool mute, bool except_chair); /* those who are not back yet, too */

/* --- for those who have something to keep --- */
typedef struct MdKeepWriter MdKeepWriter;
struct MdKeepWriter {
    MdRoom *room;
    JsonArray *parties;
    GArray *ids;               /* uint32_t, in the same order */
};
/* The place of a party in the list; added if it is not there. */
unsigned md_keep_party(MdKeepWriter *writer, uint32_t id, const char *identity, const char *name, const char *target);
/* The party at that place of all that were read; NULL: no such. */
const MdKept *md_keep_at(const GPtrArray *parties, JsonNode *place);
/* Members of the wanted kind; anything else is as if it were not there. */
const char *md_keep_text(JsonObject *o, const char *name);
int64_t md_keep_number(JsonObject *o, const char *name, int64_t otherwise);
bool md_keep_flag(JsonObject *o, const char *name);
JsonArray *md_keep_list(JsonObject *o, const char *name);       /* borrowed, NULL */
JsonObject *md_keep_object(JsonArray *array, guint i);          /* borrowed, NULL */
