/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/area.h"

/* Daily windows in which programmes are heard ("sáng", 05:00-06:00), each owned by an area. Whole in memory, every change durable
 * first. Control thread. Counted (g_rc_box). */
typedef struct BcSlots BcSlots;

typedef struct BcSlot {   /* strings owned by the registry, valid until control returns to the main loop */
    const char *id;       /* [A-Za-z0-9._-]{1,64}; NULL on the way in: a new one is made */
    const char *area;     /* code: heard there and below */
    const char *name;
    unsigned from_s, to_s; /* of the day in the province's zone, 0..86399 and 1..86400; to <= from: ends on the next day */
    unsigned weekdays;    /* bits: 1 Monday .. 64 Sunday, of the day it begins; 127 every day */
} BcSlot;

#define BC_SLOTS_MAX 2000u
#define BC_WEEKDAYS_ALL 127u

BcSlots *bc_slots_new(MdStore *store, BcAreas *areas, GError **error);
void bc_slots_unref(BcSlots *slots);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BcSlots, bc_slots_unref)
const BcSlot *bc_slots_find(const BcSlots *slots, const char *id);
GPtrArray *bc_slots_list(const BcSlots *slots); /* in (area, from, id) order; unref */
/* ret_id (may be NULL) is set at once: g_free. */
void bc_slots_put(BcSlots *slots, const BcSlot *slot, char **ret_id, BcDoneFn done, void *user);
/* IN_USE while a programme names it. */
void bc_slots_remove(BcSlots *slots, const char *id, BcDoneFn done, void *user);
/* Length in seconds, 1..86400. */
unsigned bc_slot_length_s(const BcSlot *slot);
/* Is the window open on that weekday (0 Monday) at that second of the day? *ret_left_s: seconds until it closes. */
bool bc_slot_is_open(const BcSlot *slot, unsigned weekday, unsigned second, unsigned *ret_left_s);
