/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "tests/unit/leg/pair.h"

/* Two legs over a lossy network in memory, virtual time, and a tap that looks at every packet on the wire. */
/* What the tap saw of each side. */
typedef struct LegsSeen {
    unsigned rtp[MD_LEG_MEDIA_MAX], markers, sr, rr, bye, pli, fir, nack;
    uint32_t octets[MD_LEG_MEDIA_MAX];
    uint32_t ssrc[MD_LEG_MEDIA_MAX];
    uint16_t seq[MD_LEG_MEDIA_MAX];
    uint32_t ts[MD_LEG_MEDIA_MAX], ts_step; /* ts_step: of sound */
    unsigned odd_steps, seq_gaps;
    uint8_t pt[MD_LEG_MEDIA_MAX];
    MdRtcpSenderInfo first_sr, last_sr; /* of sound */
    int64_t first_sr_us, last_sr_us;
    uint8_t last[MD_UDP_PACKET_MAX]; /* last packet of sound */
    size_t last_len;
} LegsSeen;

extern LegsSeen legs_seen[2];
/* Asked by look before it looks; true: the packet gets no further. NULL after start. */
extern bool (*legs_extra)(unsigned from, unsigned media, const uint8_t *data, size_t len);
extern bool legs_keep_back; /* keep lets nothing through */

Pair *legs_start(const PairOptions *options, bool (*tap)(Pair *, unsigned, unsigned, const uint8_t *, size_t));
void legs_end(Pair *pair);
/* Taps. look: for plain sessions only, SRTP would have to be taken off first; keep: the last packet of sound, whatever is in it. */
bool legs_look(Pair *pair, unsigned from, unsigned media, const uint8_t *data, size_t len);
bool legs_keep(Pair *pair, unsigned from, unsigned media, const uint8_t *data, size_t len);

uint64_t legs_stat(const Pair *pair, unsigned side, size_t offset);
#define STAT(pair, side, name) legs_stat(pair, side, offsetof(MdLegStats, name))

/* Each hears the other's tone at that level at least. */
void legs_assert_talking(Pair *pair, float least);
