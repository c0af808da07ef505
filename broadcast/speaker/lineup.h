/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/core/media.h"
#include "mediad/rtp/packet.h"

/* Live sound in step with the neighbours: once a sender report has told which moment of the server's clock a time stamp belongs to, each sample
 * sounds a fixed delay after that moment, on every loudspeaker alike. What is not there by then is recovered by in-band FEC or concealed. No
 * sockets, no clock; one thread at a time. */
#define BC_LINEUP_ALLOWANCE_MS 250u /* what a loudspeaker may need between making a sample and its sounding, the same everywhere */

typedef struct BcLineup BcLineup;
/* delay_ms: for the network, beyond the allowance. NULL: no such codec. */
BcLineup *bc_lineup_new(MdAudioCodec codec, unsigned delay_ms);
void bc_lineup_free(BcLineup *lineup);
void bc_lineup_reset(BcLineup *lineup);
/* duration: timestamp units of the payload, > 0. Copied; too long ones are lost. */
void bc_lineup_put(BcLineup *lineup, const MdRtpPacket *packet, uint32_t duration);
/* From a sender report: ts was due to be sent at server_us. */
void bc_lineup_map(BcLineup *lineup, uint32_t ts, int64_t server_us);
/* n (<= 960) samples that sound from server time from_us to to_us. False: it cannot be kept in step (no report yet, our clock is wrong, or
 * too much comes too late); pcm is silence. */
bool bc_lineup_read(BcLineup *lineup, int64_t from_us, int64_t to_us, float *pcm, unsigned n);

typedef struct BcLineupStats { uint64_t lost, recovered, late; } BcLineupStats;
void bc_lineup_stats(const BcLineup *lineup, BcLineupStats *ret);
