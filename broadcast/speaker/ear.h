/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/link/protocol.h"

/* Live sound: asks for it, receives RTP (SRTP) by unicast or multicast on a thread of its own, evens out the arrival, conceals what is lost
 * (Opus: recovers it by in-band FEC first). Read by the render thread. */
typedef struct BcEar BcEar;

typedef struct BcEarStats {
    uint64_t packets, refused;   /* refused: did not authenticate, or were no such sound */
    uint64_t lost, recovered;    /* by FEC */
    int64_t delay_us;
} BcEarStats;

/* clock: server time for the asks, any thread. buffer_ms: what the manifest says; the order's own goes before. NULL with error: a codec or
 * key it does not know, or no socket. live is copied. */
BcEar *bc_ear_new(const BcLinkLive *live, const char *device, unsigned buffer_ms, int64_t (*clock)(void *user), void *user, GError **error);
void bc_ear_free(BcEar *ear);    /* says goodbye; blocks for some milliseconds */
const char *bc_ear_occurrence(const BcEar *ear);
/* n (<= 1024) samples at 48 kHz. False: nothing has been heard (yet, or for five seconds): pcm is silence. */
bool bc_ear_read(BcEar *ear, float *pcm, unsigned n);
/* Nothing heard for five seconds since the last packet, or since it was made. */
bool bc_ear_lost(const BcEar *ear);
void bc_ear_stats(BcEar *ear, BcEarStats *ret);
