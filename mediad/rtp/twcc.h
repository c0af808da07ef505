/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Transport-wide congestion control (draft-holmer-rmcat-transport-wide-cc-extensions-01), the receiver's side: every packet of
 * a path carries a number of the path's own; what arrived when goes back to the sender, who judges the line by it. Pure; one
 * thread; no allocation. */
#define MD_TWCC_WINDOW 1024      /* numbers remembered between two reports: more than 100 ms of any line we serve */
#define MD_TWCC_FEEDBACK_MAX 1200
#define MD_TWCC_INTERVAL_US 100000

typedef struct MdTwccReceiver {
    bool any;                    /* something to report */
    bool begun;
    uint16_t next;               /* first number of the next report */
    uint16_t last;               /* highest number received */
    uint8_t count;               /* of the next feedback packet */
    int64_t due_us;              /* INT64_MAX: nothing to say */
    int64_t arrival_us[MD_TWCC_WINDOW]; /* by number modulo window; 0: not received */
} MdTwccReceiver;

void md_twcc_receiver_init(MdTwccReceiver *receiver);
/* A packet numbered seq came at now. */
void md_twcc_receive(MdTwccReceiver *receiver, uint16_t seq, int64_t now_us);
/* Writes the next feedback packet (an RTPFB with FMT 15) about all numbers since the last one: several calls when it does not
 * fit. sender_ssrc: ours, media_ssrc: any of theirs. Returns its length, 0 when there is nothing (more) to report. */
size_t md_twcc_write(MdTwccReceiver *receiver, uint32_t sender_ssrc, uint32_t media_ssrc, uint8_t buf[MD_TWCC_FEEDBACK_MAX],
                     int64_t now_us);

/* ---- reading feedback: what a peer tells of our packets. Pure. ---- */
#define MD_TWCC_STATUSES_MAX 8192 /* of one feedback packet; more is refused */

typedef struct MdTwccReader {
    uint16_t seq;                /* of the next status */
    uint8_t count;               /* feedback packet number */
    unsigned left;               /* statuses */
    int64_t reference_us, at_us; /* on the peer's clock, 24 bits of 64 ms: wraps every 12 days */
    const uint8_t *chunk, *delta;
    unsigned in_chunk;           /* statuses of the present chunk already told */
} MdTwccReader;

typedef struct MdTwccStatus {
    uint16_t seq;
    bool received;
    int64_t arrival_us;          /* on the peer's clock; of those received */
} MdTwccStatus;

#define MD_TWCC_REFERENCE_WRAP_US ((int64_t)1 << 24) * 64000

/* fci: what follows the two SSRCs of the packet; must outlive the reader. Checks all lengths at once. 0, -EBADMSG. */
int md_twcc_reader_init(MdTwccReader *reader, const uint8_t *fci, size_t len);
/* False: that was all. */
bool md_twcc_reader_next(MdTwccReader *reader, MdTwccStatus *ret);
