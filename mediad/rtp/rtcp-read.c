/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/rtp/rtcp.h"

#include <errno.h>
#include <string.h>

#include "mediad/rtp/packet.h"

#define SENDER_INFO_LEN 20
#define REPORT_LEN 24

int md_rtcp_reader_init(MdRtcpReader *reader, const uint8_t *data, size_t len)
{
    if (len < 4)
        return -EBADMSG;
    for (size_t pos = 0; pos < len;) {
        if (len - pos < 4 || data[pos] >> 6 != 2)
            return -EBADMSG;
        size_t packet_len = 4u * (md_get16(data + pos + 2) + 1u);
        if (packet_len > len - pos)
            return -EBADMSG;
        if (data[pos] & 0x20) {
            /* Padding stands only in the last packet (RFC 3550 6.4.1). */
            uint8_t padding = data[pos + packet_len - 1];
            if (pos + packet_len != len || padding == 0 || padding > packet_len - 4)
                return -EBADMSG;
        }
        pos += packet_len;
    }
    *reader = (MdRtcpReader){.data = data, .len = len};
    return 0;
}

static size_t min_body(uint8_t packet_type)
{
    switch (packet_type) {
    case MD_RTCP_SR:
        return 4 + SENDER_INFO_LEN;
    case MD_RTCP_RR:
        return 4;
    case MD_RTCP_RTPFB:
    case MD_RTCP_PSFB:
        return 8;
    default:
        return 0;
    }
}

/* Steps into the next packet of the compound. 1: an item came with it; 0: none yet; -EBADMSG. */
static int enter_packet(MdRtcpReader *reader, MdRtcpItem *ret)
{
    const uint8_t *packet = reader->data + reader->pos;
    size_t packet_len = 4u * (md_get16(packet + 2) + 1u);
    reader->pos += packet_len;
    reader->packet_type = packet[1];
    reader->count = packet[0] & 0x1f;
    reader->end = packet + packet_len;
    if (packet[0] & 0x20)
        reader->end -= reader->end[-1];
    reader->item = packet + 4;
    size_t body = (size_t)(reader->end - reader->item);
    if (body < min_body(reader->packet_type))
        return -EBADMSG;
    if (min_body(reader->packet_type) >= 4)
        reader->ssrc = md_get32(reader->item);
    switch (reader->packet_type) {
    case MD_RTCP_SR:
        *ret = (MdRtcpItem){.kind = MD_RTCP_KIND_SENDER, .ssrc = reader->ssrc};
        ret->sender.ntp = (uint64_t)md_get32(reader->item + 4) << 32 | md_get32(reader->item + 8);
        ret->sender.rtp_ts = md_get32(reader->item + 12);
        ret->sender.packets = md_get32(reader->item + 16);
        ret->sender.octets = md_get32(reader->item + 20);
        reader->item += 4 + SENDER_INFO_LEN;
        break;
    case MD_RTCP_RR:
        *ret = (MdRtcpItem){.kind = MD_RTCP_KIND_RECEIVER, .ssrc = reader->ssrc};
        reader->item += 4;
        break;
    case MD_RTCP_RTPFB:
    case MD_RTCP_PSFB:
        reader->media_ssrc = md_get32(reader->item + 4);
        reader->item += 8;
        if (reader->packet_type == MD_RTCP_PSFB && reader->count == 1) {
            *ret = (MdRtcpItem){
                .kind = MD_RTCP_KIND_PLI, .ssrc = reader->ssrc, .media_ssrc = reader->media_ssrc};
            reader->count = 0;
            return 1;
        }
        return 0;
    default:
        return 0;
    }
    if ((size_t)(reader->end - reader->item) < (size_t)REPORT_LEN * reader->count)
        return -EBADMSG;
    return 1;
}

static int next_report(MdRtcpReader *reader, MdRtcpItem *ret)
{
    if (reader->count == 0)
        return 0;
    const uint8_t *p = reader->item;
    uint32_t lost = md_get32(p + 4) & 0xffffff;
    *ret = (MdRtcpItem){.kind = MD_RTCP_KIND_REPORT, .ssrc = reader->ssrc};
    ret->report = (MdRtcpReport){
        .ssrc = md_get32(p),
        .fraction_lost = p[4],
        .lost = lost & 0x800000 ? (int32_t)lost - 0x1000000 : (int32_t)lost,
        .ext_seq = md_get32(p + 8),
        .jitter = md_get32(p + 12),
        .lsr = md_get32(p + 16),
        .dlsr = md_get32(p + 20),
    };
    reader->item += REPORT_LEN;
    reader->count--;
    return 1;
}

/* One chunk: SSRC, items until a null octet, padded to four bytes. Only CNAME is told. */
static int next_cname(MdRtcpReader *reader, MdRtcpItem *ret)
{
    while (reader->count > 0) {
        reader->count--;
        const uint8_t *chunk = reader->item, *p = chunk;
        bool found = false;
        if (reader->end - p < 4)
            return -EBADMSG;
        uint32_t ssrc = md_get32(p);
        for (p += 4;;) {
            if (p == reader->end)
                return -EBADMSG;
            uint8_t type = *p++;
            if (type == 0)
                break;
            if (p == reader->end || *p > reader->end - p - 1)
                return -EBADMSG;
            if (type == 1 && !found) {
                found = true;
                *ret = (MdRtcpItem){.kind = MD_RTCP_KIND_CNAME, .ssrc = ssrc};
                ret->text.data = (const char *)p + 1;
                ret->text.len = *p;
            }
            p += 1 + *p;
        }
        size_t used = ((size_t)(p - chunk) + 3u) & ~(size_t)3u;
        if (used > (size_t)(reader->end - chunk))
            return -EBADMSG;
        reader->item = chunk + used;
        if (found)
            return 1;
    }
    return 0;
}

static int next_bye(MdRtcpReader *reader, MdRtcpItem *ret)
{
    if (reader->count == 0)
        return 0;
    if (reader->end - reader->item < 4)
        return -EBADMSG;
    *ret = (MdRtcpItem){.kind = MD_RTCP_KIND_BYE, .ssrc = md_get32(reader->item)};
    reader->item += 4;
    reader->count--;
    return 1;
}

/* RFC 5104 4.2.1.1: SSRC, 6 bits exponent, 17 bits mantissa, 9 bits overhead. */
static void read_limit(const uint8_t *p, MdRtcpItem *ret)
{
    uint32_t word = md_get32(p + 4);
    unsigned exponent = word >> 26;
    uint64_t mantissa = word >> 9 & 0x1ffff;
    ret->media_ssrc = md_get32(p);
    ret->limit.bitrate_bps = exponent > 46 ? UINT64_MAX : mantissa << exponent;
    ret->limit.overhead = word & 0x1ff;
}

static int next_feedback(MdRtcpReader *reader, MdRtcpItem *ret)
{
    const uint8_t *p = reader->item;
    size_t left = (size_t)(reader->end - p);
    MdRtcpItem item = {.ssrc = reader->ssrc, .media_ssrc = reader->media_ssrc};
    if (reader->packet_type == MD_RTCP_RTPFB && reader->count == 1) {
        if (left < 4)
            return left ? -EBADMSG : 0;
        item.kind = MD_RTCP_KIND_NACK;
        item.nack.pid = md_get16(p);
        item.nack.blp = md_get16(p + 2);
        reader->item += 4;
    } else if (reader->packet_type == MD_RTCP_RTPFB && (reader->count == 3 || reader->count == 4)) {
        if (left < 8)
            return left ? -EBADMSG : 0;
        item.kind = reader->count == 3 ? MD_RTCP_KIND_TMMBR : MD_RTCP_KIND_TMMBN;
        read_limit(p, &item);
        reader->item += 8;
    } else if (reader->packet_type == MD_RTCP_RTPFB && reader->count == 15) {
        if (left == 0)
            return 0;
        item.kind = MD_RTCP_KIND_TWCC;
        item.fci.data = p;
        item.fci.len = left;
        reader->item = reader->end;
    } else if (reader->packet_type == MD_RTCP_PSFB && reader->count == 4) {
        if (left < 8)
            return left ? -EBADMSG : 0;
        item.kind = MD_RTCP_KIND_FIR;
        item.media_ssrc = md_get32(p);
        item.fir_seq = p[4];
        reader->item += 8;
    } else if (reader->packet_type == MD_RTCP_PSFB && reader->count == 15 && left >= 8 &&
               !memcmp(p, "REMB", 4)) {
        uint32_t word = md_get32(p + 4);
        unsigned exponent = word >> 18 & 0x3f;
        item.kind = MD_RTCP_KIND_REMB;
        item.limit.bitrate_bps = exponent > 45 ? UINT64_MAX : (uint64_t)(word & 0x3ffff) << exponent;
        reader->item = reader->end;
    } else {
        return 0;
    }
    *ret = item;
    return 1;
}

static int next_item(MdRtcpReader *reader, MdRtcpItem *ret)
{
    switch (reader->packet_type) {
    case MD_RTCP_SR:
    case MD_RTCP_RR:
        return next_report(reader, ret);
    case MD_RTCP_SDES:
        return next_cname(reader, ret);
    case MD_RTCP_BYE:
        return next_bye(reader, ret);
    case MD_RTCP_RTPFB:
    case MD_RTCP_PSFB:
        return next_feedback(reader, ret);
    default:
        return 0;
    }
}

int md_rtcp_reader_next(MdRtcpReader *reader, MdRtcpItem *ret)
{
    for (;;) {
        int r = reader->packet_type ? next_item(reader, ret) : 0;
        if (r != 0)
            return r;
        reader->packet_type = 0;
        if (reader->pos >= reader->len)
            return 0;
        r = enter_packet(reader, ret);
        if (r != 0)
            return r;
    }
}

unsigned md_rtcp_nack_seqs(const MdRtcpItem *item, uint16_t ret_seqs[MD_RTCP_NACK_SEQS])
{
    unsigned n = 0;
    ret_seqs[n++] = item->nack.pid;
    for (unsigned i = 0; i < 16; i++)
        if (item->nack.blp >> i & 1)
            ret_seqs[n++] = (uint16_t)(item->nack.pid + 1 + i);
    return n;
}
