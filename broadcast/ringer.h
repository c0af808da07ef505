/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/timers.h"
#include "broadcast/types.h"

/* Paces what costs signalling: dialling and hanging up, so many a second over all announcements, the more urgent first. Control
 * thread. */
typedef struct BcRinger BcRinger;
typedef void (*BcRingFn)(void *user);
typedef struct BcRing { /* embedded by its owner, zeroed before use */
    GList link;
    BcRinger *queued;   /* NULL: not waiting */
    unsigned lane;
    BcRingFn fn;
    void *user;
} BcRing;

BcRinger *bc_ringer_new(BcTimers *timers, unsigned per_s);
void bc_ringer_free(BcRinger *ringer);
/* fn(user) runs when it is its turn (never from inside this call). Lanes: the priority, in order of asking. */
void bc_ringer_push(BcRinger *ringer, BcRing *ring, BcPriority lane, BcRingFn fn, void *user);
void bc_ringer_cancel(BcRing *ring);
unsigned bc_ringer_waiting(const BcRinger *ringer);
