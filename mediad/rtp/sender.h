/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/rtp/packet.h"
#include "mediad/rtp/rtcp.h"

/* Send side of one SSRC: numbering and what its sender reports say. Owner thread only. */
typedef struct MdSender {
    uint32_t ssrc;
    uint32_t clock_rate;      /* Hz */
    uint8_t payload_type;     /* may be changed between packets */
    uint16_t seq;             /* of the next packet */
    uint32_t ts_offset;       /* random: added to every media timestamp */
    uint32_t last_ts;         /* on the wire, of the last packet */
    int64_t last_us;          /* when that media was due */
    uint32_t packets, octets; /* as in sender reports: modulo 2^32 */
} MdSender;

/* ssrc, first_seq, ts_offset: random (RFC 3550 5.1). With SRTP keep first_seq below 2^15 (RFC 3711 3.3.1). */
void md_sender_init(MdSender *sender, uint32_t ssrc, uint16_t first_seq, uint32_t ts_offset,
                    uint8_t payload_type, uint32_t clock_rate);
/* Writes the header of the next packet carrying payload_len bytes sampled at media_ts (ts_offset is added)
 * and counts it. Returns its length. */
size_t md_sender_write_header(MdSender *sender, uint8_t buf[MD_RTP_HEADER_LEN], bool marker,
                              uint32_t media_ts, size_t payload_len, int64_t now_us);
/* For a sender report at now: RTP time runs on from the last packet (RFC 3550 6.4.1). False: nothing sent
 * yet. */
bool md_sender_info(const MdSender *sender, int64_t now_us, int64_t wall_us, MdRtcpSenderInfo *ret);
