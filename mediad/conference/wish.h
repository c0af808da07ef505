/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>
#include "mediad/video/layout.h"

/* What somebody wishes to see: a layout, and who sits where in it. Of a room, or of one member. Control thread. */
typedef struct MdRoom MdRoom;
typedef struct MdMember MdMember;

/* A place that is one party's, while it is away, too. One for each party of a room, whoever wished for it: counted. */
typedef struct MdPin {
    unsigned refs;
    uint32_t member;           /* the number it had last */
    char *identity, *name;
    char *target;              /* on the dial list, NULL */
    uint32_t source;           /* its tile while it is away */
    bool in_composer;          /* that tile is there */
    bool dropped;              /* sent out by the chair: its place is anybody's */
} MdPin;

typedef struct MdWish {
    bool set;
    MdLayoutKind layout;
    GPtrArray *seats;          /* MdPin* in the order of the layout's seats, NULL: a seat for anybody; NULL: all are */
} MdWish;

/* seats: member ids, "" for anybody's, NULL-terminated; NULL none. Members that left may keep the place they have. False: as it was. */
bool md_wish_set(MdRoom *room, MdWish *wish, MdLayoutKind layout, const char *const *seats, GError **error);
void md_wish_clear(MdRoom *room, MdWish *wish);
void md_wish_copy(MdWish *to, const MdWish *from); /* to is empty */
bool md_wish_equal(const MdWish *a, const MdWish *b); /* both are set */
JsonArray *md_wish_seats(const MdWish *wish);      /* new: ids and nulls */

/* Whose place it is, is here again; or has been sent out for good. */
void md_pins_enter(MdMember *member);
void md_pins_drop(MdMember *member);
/* Tiles for those who are away and have a place. During md_room_video_update. */
void md_pins_update_sources(MdRoom *room);
/* What its seat shows: its picture, the tile of whom we ring, or one that says that it is awaited. 0: nothing. */
uint32_t md_pin_source(const MdRoom *room, const MdPin *pin);
void md_pin_free(gpointer pin);

/* For after a restart, and from before it (false: nothing usable was kept). */
typedef struct MdKeepWriter MdKeepWriter;
JsonObject *md_wish_keep(MdKeepWriter *writer, const MdWish *wish); /* new */
bool md_wish_load(MdRoom *room, MdWish *wish, JsonObject *object);
