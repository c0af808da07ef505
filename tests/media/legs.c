/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/media/legs.h"

#include <string.h>

LegsSeen legs_seen[2];
bool (*legs_extra)(unsigned from, unsigned media, const uint8_t *data, size_t len);
bool legs_keep_back;

static void see_rtp(LegsSeen *s, unsigned media, const uint8_t *data, size_t len)
{
    MdRtpPacket packet;
    g_assert_cmpint(md_rtp_parse(data, len, &packet), ==, 0);
    if (media == AUDIO) {
        s->markers += packet.marker;
        memcpy(s->last, data, len);
        s->last_len = len;
        if (s->rtp[AUDIO] && s->ssrc[AUDIO] == packet.ssrc && s->pt[AUDIO] == packet.payload_type &&
            s->ts_step)
            s->odd_steps += packet.ts - s->ts[AUDIO] != s->ts_step;
    }
    if (s->rtp[media] && s->ssrc[media] == packet.ssrc)
        s->seq_gaps += (uint16_t)(s->seq[media] + 1) != packet.seq;
    s->rtp[media]++;
    s->octets[media] += (uint32_t)packet.payload_len;
    s->ssrc[media] = packet.ssrc;
    s->seq[media] = packet.seq;
    s->ts[media] = packet.ts;
    s->pt[media] = packet.payload_type;
}

static void see_rtcp(Pair *pair, LegsSeen *s, unsigned media, const uint8_t *data, size_t len)
{
    MdRtcpReader reader;
    MdRtcpItem item;
    g_assert_cmpint(md_rtcp_reader_init(&reader, data, len), ==, 0);
    int rc;
    while ((rc = md_rtcp_reader_next(&reader, &item)) > 0) {
        s->rr += item.kind == MD_RTCP_KIND_RECEIVER;
        s->bye += item.kind == MD_RTCP_KIND_BYE;
        s->pli += item.kind == MD_RTCP_KIND_PLI;
        s->fir += item.kind == MD_RTCP_KIND_FIR;
        s->nack += item.kind == MD_RTCP_KIND_NACK;
        if (item.kind != MD_RTCP_KIND_SENDER || media != AUDIO)
            continue;
        s->last_sr = item.sender;
        s->last_sr_us = md_clock_now_us(&pair->clock.base);
        if (!s->sr++) {
            s->first_sr = item.sender;
            s->first_sr_us = s->last_sr_us;
        }
        if (item.sender.packets != s->rtp[AUDIO] || item.sender.octets != s->octets[AUDIO])
            g_error("a sender report of %u packets, %u octets after %u, %u", item.sender.packets,
                    item.sender.octets, s->rtp[AUDIO], s->octets[AUDIO]);
    }
    g_assert_cmpint(rc, ==, 0);
}

bool legs_look(Pair *pair, unsigned from, unsigned media, const uint8_t *data, size_t len)
{
    if (legs_extra && legs_extra(from, media, data, len))
        return true;
    if (md_rtp_is_rtcp(data, len))
        see_rtcp(pair, &legs_seen[from], media, data, len);
    else
        see_rtp(&legs_seen[from], media, data, len);
    return false;
}

bool legs_keep(Pair *pair, unsigned from, unsigned media, const uint8_t *data, size_t len)
{
    LegsSeen *s = &legs_seen[from];
    if (media == AUDIO && !md_rtp_is_rtcp(data, len)) {
        memcpy(s->last, data, len);
        s->last_len = len;
        s->ssrc[AUDIO] = md_get32(data + 8);
        return legs_keep_back;
    }
    return false;
}

Pair *legs_start(const PairOptions *options,
                   bool (*tap)(Pair *, unsigned, unsigned, const uint8_t *, size_t))
{
    Pair *pair = g_new(Pair, 1);
    memset(legs_seen, 0, sizeof legs_seen);
    legs_extra = NULL;
    pair_init(pair, options);
    pair->tap = tap;
    return pair;
}

void legs_end(Pair *pair)
{
    pair_clear(pair);
    g_free(pair);
}

uint64_t legs_stat(const Pair *pair, unsigned side, size_t offset)
{
    return md_stat_get((const MdStat *)((const char *)md_leg_stats(pair->side[side].leg) + offset));
}

void legs_assert_talking(Pair *pair, float least)
{
    g_assert_cmpfloat(pair_heard(pair, 0, 1000), >, least);
    g_assert_cmpfloat(pair_heard(pair, 1, 400), >, least);
}
