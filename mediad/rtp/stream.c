/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/rtp/stream.h"

#include <string.h>

/* RFC 3550 A.1. A jump forward of less than MAX_DROPOUT is loss; a packet at most MAX_MISORDER behind is
 * late; anything between is a restart once a second packet proves it. */
#define MAX_DROPOUT 3000
#define MAX_MISORDER 100
#define NO_BAD_SEQ 0x10000u
/* While the current SSRC still talks, another one must prove itself by more packets in order: two senders at
 * once must not make us hop. */
#define RIVAL_SEQUENTIAL 8
#define ALIVE_US 1000000

void md_stream_init(MdStream *stream, uint32_t clock_rate, uint8_t min_sequential)
{
    memset(stream, 0, sizeof(*stream));
    stream->clock_rate = clock_rate ? clock_rate : 8000;
    stream->min_sequential = min_sequential ? min_sequential : 1;
    stream->bad_seq = NO_BAD_SEQ;
}

static void start_run(MdStream *stream, uint32_t ssrc, uint16_t seq)
{
    if (stream->active)
        stream->lost_before = md_stream_lost(stream);
    if (!stream->active || stream->ssrc != ssrc) {
        stream->last_sr_mid = 0;
        stream->last_sr_us = 0;
    }
    stream->active = true;
    stream->ssrc = ssrc;
    /* One cycle of head room, so that packets older than the first have a number too. */
    stream->ext_seq = 0x10000u + seq;
    stream->base_seq = stream->ext_seq;
    stream->bad_seq = NO_BAD_SEQ;
    stream->received = 0;
    stream->expected_prior = 0;
    stream->received_prior = 0;
    stream->has_transit = false;
    stream->jitter_q4 = 0;
    stream->candidate_left = 0;
}

/* Another SSRC than the active one (or none is active). True: it is proven now. */
static bool try_candidate(MdStream *stream, const MdRtpPacket *packet, int64_t now_us)
{
    uint8_t wanted = stream->min_sequential;
    if (stream->active && now_us - stream->last_us < ALIVE_US && wanted < RIVAL_SEQUENTIAL)
        wanted = RIVAL_SEQUENTIAL;
    if (stream->candidate_left && stream->candidate_ssrc == packet->ssrc &&
        (uint16_t)(stream->candidate_seq + 1) == packet->seq) {
        stream->candidate_left--;
    } else {
        stream->candidate_ssrc = packet->ssrc;
        stream->candidate_left = wanted - 1;
    }
    stream->candidate_seq = packet->seq;
    if (stream->candidate_left == 0)
        return true;
    return false;
}

static void count_packet(MdStream *stream, const MdRtpPacket *packet, int64_t now_us)
{
    stream->received++;
    stream->received_total++;
    stream->last_us = now_us;
    /* A.8 on the circle of 32-bit timestamps: only differences of transit times matter. */
    int64_t arrival = (int64_t)((__int128)now_us * stream->clock_rate / 1000000);
    int64_t transit = (int64_t)(uint32_t)((uint32_t)arrival - packet->ts);
    if (stream->has_transit) {
        int32_t d = (int32_t)(uint32_t)(transit - stream->transit);
        uint32_t magnitude = d < 0 ? (uint32_t) - (int64_t)d : (uint32_t)d;
        /* A jump of more than 10 s is a new timestamp base, no jitter. */
        if (magnitude < 10u * stream->clock_rate)
            stream->jitter_q4 += magnitude - ((stream->jitter_q4 + 8) >> 4);
    }
    stream->transit = transit;
    stream->has_transit = true;
}

MdStreamVerdict md_stream_receive(MdStream *stream, const MdRtpPacket *packet, int64_t now_us,
                                  uint64_t *ret_ext_seq)
{
    MdStreamVerdict verdict = MD_STREAM_OK;
    if (!stream->active || packet->ssrc != stream->ssrc) {
        if (!try_candidate(stream, packet, now_us))
            return MD_STREAM_WAIT;
        start_run(stream, packet->ssrc, packet->seq);
        verdict = MD_STREAM_RESTART;
    } else {
        stream->candidate_left = 0;
        uint16_t ahead = (uint16_t)(packet->seq - (uint16_t)stream->ext_seq);
        if (ahead < MAX_DROPOUT) {
            stream->ext_seq += ahead;
            stream->bad_seq = NO_BAD_SEQ;
        } else if (ahead <= 0x10000u - MAX_MISORDER) {
            if (packet->seq != stream->bad_seq) {
                stream->bad_seq = (uint16_t)(packet->seq + 1);
                return MD_STREAM_WAIT;
            }
            start_run(stream, packet->ssrc, packet->seq);
            verdict = MD_STREAM_RESTART;
        }
    }
    count_packet(stream, packet, now_us);
    if (ret_ext_seq)
        *ret_ext_seq =
            stream->ext_seq + (uint64_t)(int64_t)md_seq_diff(packet->seq, (uint16_t)stream->ext_seq);
    return verdict;
}

void md_stream_sender_report(MdStream *stream, uint32_t ssrc, uint64_t ntp, int64_t now_us)
{
    if (!stream->active || ssrc != stream->ssrc)
        return;
    stream->last_sr_mid = (uint32_t)(ntp >> 16);
    stream->last_sr_us = now_us;
}

void md_stream_bye(MdStream *stream, uint32_t ssrc)
{
    if (!stream->active || ssrc != stream->ssrc)
        return;
    stream->lost_before = md_stream_lost(stream);
    stream->active = false;
    stream->candidate_left = 0;
    stream->received = 0;
    stream->base_seq = stream->ext_seq + 1;
}

static uint64_t expected_packets(const MdStream *stream)
{
    return stream->active ? stream->ext_seq - stream->base_seq + 1 : 0;
}

uint64_t md_stream_lost(const MdStream *stream)
{
    uint64_t expected = expected_packets(stream);
    return stream->lost_before + (expected > stream->received ? expected - stream->received : 0);
}

bool md_stream_report(MdStream *stream, int64_t now_us, MdRtcpReport *ret)
{
    if (!stream->active)
        return false;
    uint64_t expected = expected_packets(stream);
    int64_t expected_now = (int64_t)(expected - stream->expected_prior);
    int64_t received_now = (int64_t)(stream->received - stream->received_prior);
    int64_t lost_now = expected_now - received_now;
    int64_t lost = (int64_t)expected - (int64_t)stream->received;
    stream->expected_prior = expected;
    stream->received_prior = stream->received;
    uint32_t dlsr = 0;
    if (stream->last_sr_mid) {
        __int128 ticks = (__int128)(now_us - stream->last_sr_us) * 65536 / 1000000;
        dlsr = ticks > UINT32_MAX ? UINT32_MAX : ticks < 0 ? 0 : (uint32_t)ticks;
    }
    int64_t fraction = expected_now > 0 && lost_now > 0 ? (lost_now << 8) / expected_now : 0;
    *ret = (MdRtcpReport){
        .ssrc = stream->ssrc,
        .fraction_lost = (uint8_t)(fraction > 255 ? 255 : fraction),
        .lost = (int32_t)(lost > 0x7fffff    ? 0x7fffff
                          : lost < -0x800000 ? -0x800000
                                             : lost),
        .ext_seq = (uint32_t)(stream->ext_seq - 0x10000u),
        .jitter = stream->jitter_q4 >> 4,
        .lsr = stream->last_sr_mid,
        .dlsr = dlsr,
    };
    return true;
}

int64_t md_stream_jitter_us(const MdStream *stream)
{
    return (int64_t)(stream->jitter_q4 >> 4) * 1000000 / stream->clock_rate;
}
