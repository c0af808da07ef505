/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/link/protocol.h"

/* Live sound: asks for it, receives RTP (SRTP) by unicast or multicast on a thread of its own, evens out the arrival, conceals what is lost
 * (Opus: recovers it by in-band FEC first). Read by the render thread. */
typedef struct BcTuner BcTuner;

typedef struct BcTunerStats {
    uint64_t packets, refused;   /* refused: did not authenticate, or were no such sound */
    uint64_t lost, recovered;    /* by FEC */
    int64_t delay_us;
    bool lined_up;               /* in step with the neighbours, by the sender's reports */
} BcTunerStats;

/* clock: server time for the asks, any thread. buffer_ms: what the manifest says; the order's own goes before. NULL with error: a codec or
 * key it does not know, or no socket. live is copied. */
BcTuner *bc_tuner_new(const BcLinkLive *live, const char *device, unsigned buffer_ms, int64_t (*clock)(void *user), void *user, GError **error);
void bc_tuner_free(BcTuner *tuner);    /* says goodbye; blocks for some milliseconds */
const char *bc_tuner_occurrence(const BcTuner *tuner);
/* n (<= 960) samples at 48 kHz that sound from server time from_us to to_us. False: nothing has been heard (yet, or for five seconds): pcm is silence. */
bool bc_tuner_read(BcTuner *tuner, int64_t from_us, int64_t to_us, float *pcm, unsigned n);
/* Nothing heard for five seconds since the last packet, or since it was made. */
bool bc_tuner_lost(const BcTuner *tuner);
void bc_tuner_stats(BcTuner *tuner, BcTunerStats *ret);
