/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/leg/leg.h"
#include "mediad/rtp/packetise.h"
#include "mediasim/eye.h"

/* A site's pictures: a loop of coded test pictures carrying the site's id and their number, encoded and cut
 * into packets once. Immutable; shared by threads. */
typedef struct SimClip {
    MdPacketList *pictures[SIM_LOOP_FRAMES]; /* the first is a key frame */
} SimClip;

/* 0 or -errno. Some 2 ms of work for each of the 30 pictures at 360p. */
int sim_clip_make(SimClip *clip, uint16_t id, const MdVideoClass *video);
void sim_clip_clear(SimClip *clip);
