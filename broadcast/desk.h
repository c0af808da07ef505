/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/stage.h"

/* Where devices ask for live sound: the socket the sound leaves by. Who asks with the announcement's key, and is one of its
 * loudspeakers, is sent to at the address it asked from (which passes address translators) until it stops asking or another announcement
 * takes it. docs/loudspeaker-live.md. Inside this folder only; control thread. */
typedef struct BcDesk BcDesk;

/* Reads by itself from the main loop; with manual only when polled. */
BcDesk *bc_desk_new(BcStage *stage, bool manual);
void bc_desk_free(BcDesk *desk);
/* Takes what has come in. */
void bc_desk_poll(BcDesk *desk);

typedef struct BcDeskStats {
    uint64_t asks, refused; /* refused: not understood, unknown, too old, wrongly signed */
    unsigned sent_to;       /* devices that get live sound now */
} BcDeskStats;
void bc_desk_stats(const BcDesk *desk, BcDeskStats *ret);
