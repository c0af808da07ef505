/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/rtp/packet.h"
#include "mediad/rtp/rtcp.h"

/* Receive side of one media line: follows one SSRC at a time (RFC 3550 A.1 sequence checks, A.3 loss, A.8
 * jitter) and notices when the sender restarts or changes its SSRC. Owner thread only. */
typedef enum MdStreamVerdict {
    MD_STREAM_OK,      /* use it */
    MD_STREAM_WAIT,    /* on probation or an unproven jump: drop it */
    MD_STREAM_RESTART, /* use it, after resetting whatever is keyed by sequence or timestamp (jitter buffer,
                          depacketiser) */
} MdStreamVerdict;

typedef struct MdStream {
    uint32_t clock_rate;    /* Hz, immutable */
    uint8_t min_sequential; /* packets in order before an SSRC is believed: 1 when authenticated, else 2 */
    bool active;            /* an SSRC was accepted */
    uint32_t ssrc;
    /* the rest is private */
    uint64_t ext_seq; /* highest, with cycles in the upper bits */
    uint64_t base_seq;
    uint32_t bad_seq; /* next sequence number that would prove a restart; > 0xffff: none */
    uint32_t candidate_ssrc;
    uint16_t candidate_seq;
    uint8_t candidate_left; /* 0: no candidate */
    bool probation;
    uint64_t received; /* since base_seq */
    uint64_t expected_prior, received_prior;
    uint64_t received_total, lost_before; /* over restarts */
    int64_t transit;
    bool has_transit;
    uint32_t jitter_q4;   /* timestamp units * 16 */
    uint32_t last_sr_mid; /* middle 32 bits of the last SR's NTP time, 0 none */
    int64_t last_sr_us;
    int64_t last_us; /* arrival of the last good packet */
} MdStream;

/* clock_rate in Hz (> 0). min_sequential: see above. */
void md_stream_init(MdStream *stream, uint32_t clock_rate, uint8_t min_sequential);
/* Call for every packet of the line after authentication. ret_ext_seq (may be NULL): sequence number extended
 * over wraps, comparable within one SSRC run; written unless WAIT. Duplicates and old packets are OK (buffers
 * sort them out). */
MdStreamVerdict md_stream_receive(MdStream *stream, const MdRtpPacket *packet, int64_t now_us,
                                  uint64_t *ret_ext_seq);
/* A sender report of this SSRC arrived. Others are ignored. */
void md_stream_sender_report(MdStream *stream, uint32_t ssrc, uint64_t ntp, int64_t now_us);
/* A BYE for our SSRC: the next SSRC is believed at once. */
void md_stream_bye(MdStream *stream, uint32_t ssrc);
/* Fills the report block for our next RR/SR and closes the interval. False: nothing received yet, nothing
 * written. */
bool md_stream_report(MdStream *stream, int64_t now_us, MdRtcpReport *ret);
/* Expected minus received so far, never below 0 (a duplicate hides one loss, RFC 3550 A.3). */
uint64_t md_stream_lost(const MdStream *stream);
int64_t md_stream_jitter_us(const MdStream *stream);
