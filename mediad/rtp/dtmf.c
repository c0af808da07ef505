/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/rtp/dtmf.h"

#include <errno.h>
#include <string.h>

static const char keys[] = "0123456789*#ABCD!";
#define N_KEYS 17
#define LOST_END_US 120000
#define END_REPEATS 3
#define SEGMENT_MAX 0xffffu

void md_dtmf_receiver_init(MdDtmfReceiver *receiver, uint32_t clock_rate)
{
    *receiver = (MdDtmfReceiver){.clock_rate = clock_rate ? clock_rate : 8000};
}

static void finish(MdDtmfReceiver *receiver, MdDtmfEvent *ret)
{
    ret->digit = keys[receiver->event];
    ret->duration_ms = (unsigned)((uint64_t)receiver->duration * 1000 / receiver->clock_rate);
    receiver->active = false;
    receiver->has_last = true;
    receiver->last_ts = receiver->start_ts;
    receiver->last_end_ts = receiver->start_ts + receiver->duration;
}

/* RFC 4733 2.5.1.3: an event longer than the duration field goes on in a new segment that starts where the
 * last ended. */
static bool continues(const MdDtmfReceiver *receiver, uint8_t event, uint32_t ts)
{
    return receiver->active && event == receiver->event && ts == receiver->segment_base + SEGMENT_MAX;
}

int md_dtmf_receive(MdDtmfReceiver *receiver, const MdRtpPacket *packet, int64_t now_us,
                    MdDtmfEvent ret[MD_DTMF_EVENTS_MAX])
{
    if (packet->payload_len < 4)
        return -EBADMSG;
    uint8_t event = packet->payload[0];
    bool end = packet->payload[1] & 0x80;
    uint32_t duration = md_get16(packet->payload + 2);
    int n = 0;
    if (event >= N_KEYS)
        return 0;
    /* Repeats of an end already told, or packets of it that come late. */
    if (receiver->has_last && !receiver->active && md_ts_diff(packet->ts, receiver->last_end_ts) < 0 &&
        md_ts_diff(packet->ts, receiver->last_ts) >= 0)
        return 0;
    if (receiver->has_last && packet->ts == receiver->last_ts)
        return 0;
    if (receiver->active && packet->ts != receiver->segment_base) {
        if (continues(receiver, event, packet->ts)) {
            receiver->segment_base = packet->ts;
        } else if (md_ts_diff(packet->ts, receiver->segment_base) < 0) {
            return 0; /* old */
        } else {
            finish(receiver, &ret[n++]);
        }
    }
    if (!receiver->active) {
        receiver->active = true;
        receiver->event = event;
        receiver->start_ts = receiver->segment_base = packet->ts;
        receiver->duration = 0;
    } else if (event != receiver->event) {
        return -EBADMSG;
    }
    uint32_t total = receiver->segment_base - receiver->start_ts + duration;
    if (total > receiver->duration)
        receiver->duration = total;
    receiver->last_us = now_us;
    if (end)
        finish(receiver, &ret[n++]);
    return n;
}

bool md_dtmf_poll(MdDtmfReceiver *receiver, int64_t now_us, MdDtmfEvent *ret)
{
    if (!receiver->active || now_us - receiver->last_us < LOST_END_US)
        return false;
    finish(receiver, ret);
    return true;
}

void md_dtmf_sender_init(MdDtmfSender *sender, uint32_t clock_rate)
{
    *sender = (MdDtmfSender){.clock_rate = clock_rate ? clock_rate : 8000, .volume = 10};
}

int md_dtmf_sender_start(MdDtmfSender *sender, char digit, unsigned duration_ms, uint32_t media_ts)
{
    char upper = digit >= 'a' && digit <= 'd' ? (char)(digit - 'a' + 'A') : digit;
    const char *key = upper ? strchr(keys, upper) : NULL;
    uint64_t total = (uint64_t)duration_ms * sender->clock_rate / 1000;
    if (!key || duration_ms < 40 || duration_ms > 6000)
        return -EINVAL;
    if (sender->active)
        return -EBUSY;
    /* At 48 kHz the field holds 1.36 s: a longer press is cut to one segment. */
    sender->total = total > SEGMENT_MAX ? SEGMENT_MAX : (uint32_t)total;
    sender->event = (uint8_t)(key - keys);
    sender->start_ts = media_ts;
    sender->elapsed = 0;
    sender->ends_left = END_REPEATS;
    sender->active = sender->first = true;
    return 0;
}

bool md_dtmf_sender_next(MdDtmfSender *sender, uint8_t out[4], uint32_t *ret_ts, bool *ret_marker)
{
    if (!sender->active)
        return false;
    sender->elapsed += sender->clock_rate / 50;
    if (sender->elapsed > sender->total)
        sender->elapsed = sender->total;
    bool end = sender->elapsed == sender->total;
    out[0] = sender->event;
    out[1] = (uint8_t)((end ? 0x80 : 0) | (sender->volume & 0x3f));
    md_put16(out + 2, (uint16_t)sender->elapsed);
    *ret_ts = sender->start_ts;
    *ret_marker = sender->first;
    sender->first = false;
    if (end && --sender->ends_left == 0)
        sender->active = false;
    return true;
}
