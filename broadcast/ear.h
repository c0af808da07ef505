/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/broadcast.h"

/* Hears what an area hears, for outputs that are no loudspeakers (streams for phones, boards): of all announcements that go to the
 * whole area the one that goes first. Its Opus packets come as plain RTP to a socket of this machine; nothing comes while nothing is on.
 * Control thread; the socket may be read by any one thread. */
typedef struct BcEar BcEar;

/* What is heard has changed. run NULL: nothing; borrowed. It may not sound yet: see run->start_us. */
typedef void (*BcEarFn)(const BcRun *run, void *user);

/* fn may be NULL; else it is called for what is on already before this returns. NULL: BC_ERROR_NOT_FOUND (no such area), FAILED. */
BcEar *bc_ear_new(BcBroadcast *broadcast, const char *area, BcEarFn fn, void *user, GError **error);
/* Only tells what is on, without its sound: no socket. */
BcEar *bc_ear_new_deaf(BcBroadcast *broadcast, const char *area, BcEarFn fn, void *user, GError **error);
void bc_ear_free(BcEar *ear);
/* Non-blocking, takes packets of the announcements' socket only. The ear's. */
int bc_ear_fd(const BcEar *ear);

/* For the stage: something began, sounds now or is over. */
struct BcStage;
void bc_ears_look(struct BcStage *stage);
