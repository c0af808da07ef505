/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/rtp/packet.h"

/* telephone-event (RFC 4733). Owner thread only. */
typedef struct MdDtmfEvent {
    char digit; /* 0-9 * # A-D, '!' flash */
    unsigned duration_ms;
} MdDtmfEvent;

/* --- receive: one event per key press, whatever is lost or repeated --- */
typedef struct MdDtmfReceiver {
    uint32_t clock_rate;
    bool active;   /* a key is down */
    bool has_last; /* last_ts is of an event already reported */
    uint8_t event;
    uint32_t start_ts, last_ts, last_end_ts;
    uint32_t duration;     /* timestamp units, of all segments */
    uint32_t segment_base; /* of segments already over (long events) */
    int64_t last_us;
} MdDtmfReceiver;
void md_dtmf_receiver_init(MdDtmfReceiver *receiver, uint32_t clock_rate);
/* A telephone-event packet. Writes finished events (0..2: a new key may also end one whose end was lost).
 * Malformed: -EBADMSG; events that are no key are passed over. */
#define MD_DTMF_EVENTS_MAX 2
int md_dtmf_receive(MdDtmfReceiver *receiver, const MdRtpPacket *packet, int64_t now_us,
                    MdDtmfEvent ret[MD_DTMF_EVENTS_MAX]);
/* Call every tick: ends a key whose end packets were all lost (nothing for 120 ms). True: *ret. */
bool md_dtmf_poll(MdDtmfReceiver *receiver, int64_t now_us, MdDtmfEvent *ret);

/* --- send: md_dtmf_sender_next once per 20 ms tick --- */
typedef struct MdDtmfSender {
    uint32_t clock_rate;
    uint8_t event, volume, ends_left;
    bool active, first;
    uint32_t start_ts, total, elapsed;
} MdDtmfSender;
void md_dtmf_sender_init(MdDtmfSender *sender, uint32_t clock_rate);
/* duration 40..6000 ms. 0, -EINVAL (no such key, out of range), -EBUSY (one is being sent). media_ts: of the
 * tick it starts in. */
int md_dtmf_sender_start(MdDtmfSender *sender, char digit, unsigned duration_ms, uint32_t media_ts);
/* True: send out[4] with *ret_ts and *ret_marker instead of sound in this tick. The end goes out three times
 * in consecutive ticks. */
bool md_dtmf_sender_next(MdDtmfSender *sender, uint8_t out[4], uint32_t *ret_ts, bool *ret_marker);
