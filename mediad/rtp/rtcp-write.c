/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/rtp/rtcp.h"

#include <errno.h>
#include <string.h>

#include "mediad/rtp/packet.h"

/* Room for a packet of len bytes (a multiple of 4) with its first word written; NULL when it does not fit. */
static uint8_t *begin_packet(MdRtcpWriter *writer, unsigned count, uint8_t type, size_t len)
{
    if (len > writer->cap - writer->len)
        return NULL;
    uint8_t *p = writer->data + writer->len;
    p[0] = (uint8_t)(0x80 | count);
    p[1] = type;
    md_put16(p + 2, (uint16_t)(len / 4 - 1));
    writer->len += len;
    return p + 4;
}

static void write_reports(uint8_t *p, const MdRtcpReport *reports, unsigned n)
{
    for (unsigned i = 0; i < n; i++, p += 24) {
        const MdRtcpReport *r = &reports[i];
        int32_t lost = r->lost > 0x7fffff ? 0x7fffff : r->lost < -0x800000 ? -0x800000 : r->lost;
        md_put32(p, r->ssrc);
        md_put32(p + 4, (uint32_t)r->fraction_lost << 24 | ((uint32_t)lost & 0xffffff));
        md_put32(p + 8, r->ext_seq);
        md_put32(p + 12, r->jitter);
        md_put32(p + 16, r->lsr);
        md_put32(p + 20, r->dlsr);
    }
}

int md_rtcp_write_sr(MdRtcpWriter *writer, uint32_t ssrc, const MdRtcpSenderInfo *info,
                     const MdRtcpReport *reports, unsigned n)
{
    if (n > 31)
        return -EINVAL;
    uint8_t *p = begin_packet(writer, n, MD_RTCP_SR, 28 + 24u * n);
    if (!p)
        return -ENOBUFS;
    md_put32(p, ssrc);
    md_put32(p + 4, (uint32_t)(info->ntp >> 32));
    md_put32(p + 8, (uint32_t)info->ntp);
    md_put32(p + 12, info->rtp_ts);
    md_put32(p + 16, info->packets);
    md_put32(p + 20, info->octets);
    write_reports(p + 24, reports, n);
    return 0;
}

int md_rtcp_write_rr(MdRtcpWriter *writer, uint32_t ssrc, const MdRtcpReport *reports, unsigned n)
{
    if (n > 31)
        return -EINVAL;
    uint8_t *p = begin_packet(writer, n, MD_RTCP_RR, 8 + 24u * n);
    if (!p)
        return -ENOBUFS;
    md_put32(p, ssrc);
    write_reports(p + 4, reports, n);
    return 0;
}

int md_rtcp_write_cname(MdRtcpWriter *writer, uint32_t ssrc, const char *cname)
{
    size_t len = strlen(cname);
    if (len > 255)
        return -EINVAL;
    /* chunk: SSRC, type, length, text, at least one null */
    size_t chunk = (4 + 2 + len + 1 + 3) & ~(size_t)3;
    uint8_t *p = begin_packet(writer, 1, MD_RTCP_SDES, 4 + chunk);
    if (!p)
        return -ENOBUFS;
    memset(p, 0, chunk);
    md_put32(p, ssrc);
    p[4] = 1;
    p[5] = (uint8_t)len;
    memcpy(p + 6, cname, len);
    return 0;
}

int md_rtcp_write_bye(MdRtcpWriter *writer, uint32_t ssrc)
{
    uint8_t *p = begin_packet(writer, 1, MD_RTCP_BYE, 8);
    if (!p)
        return -ENOBUFS;
    md_put32(p, ssrc);
    return 0;
}

static uint8_t *begin_feedback(MdRtcpWriter *writer, unsigned format, uint8_t type, uint32_t ssrc,
                               uint32_t media_ssrc, size_t fci_len)
{
    uint8_t *p = begin_packet(writer, format, type, 12 + fci_len);
    if (!p)
        return NULL;
    md_put32(p, ssrc);
    md_put32(p + 4, media_ssrc);
    return p + 8;
}

/* How many of seqs fit one PID/BLP pair starting at the first. */
static unsigned nack_pair(const uint16_t *seqs, unsigned n, uint16_t *ret_blp)
{
    uint16_t blp = 0;
    unsigned i = 1;
    for (; i < n; i++) {
        uint16_t d = (uint16_t)(seqs[i] - seqs[0]);
        if (d > 16)
            break;
        if (d > 0)
            blp = (uint16_t)(blp | 1u << (d - 1));
    }
    *ret_blp = blp;
    return i;
}

int md_rtcp_write_nack(MdRtcpWriter *writer, uint32_t ssrc, uint32_t media_ssrc, const uint16_t *seqs,
                       unsigned n)
{
    if (n == 0)
        return -EINVAL;
    uint16_t blp;
    size_t pairs = 0;
    for (unsigned i = 0; i < n; pairs++)
        i += nack_pair(seqs + i, n - i, &blp);
    if (pairs > 1000)
        return -EINVAL;
    uint8_t *p = begin_feedback(writer, 1, MD_RTCP_RTPFB, ssrc, media_ssrc, 4 * pairs);
    if (!p)
        return -ENOBUFS;
    for (unsigned i = 0; i < n; p += 4) {
        unsigned used = nack_pair(seqs + i, n - i, &blp);
        md_put16(p, seqs[i]);
        md_put16(p + 2, blp);
        i += used;
    }
    return 0;
}

int md_rtcp_write_pli(MdRtcpWriter *writer, uint32_t ssrc, uint32_t media_ssrc)
{
    return begin_feedback(writer, 1, MD_RTCP_PSFB, ssrc, media_ssrc, 0) ? 0 : -ENOBUFS;
}

int md_rtcp_write_fir(MdRtcpWriter *writer, uint32_t ssrc, uint32_t media_ssrc, uint8_t fir_seq)
{
    /* RFC 5104 4.3.1.2: the media source of the header is 0, the FCI names it. */
    uint8_t *p = begin_feedback(writer, 4, MD_RTCP_PSFB, ssrc, 0, 8);
    if (!p)
        return -ENOBUFS;
    md_put32(p, media_ssrc);
    md_put32(p + 4, (uint32_t)fir_seq << 24);
    return 0;
}

static int write_limit(MdRtcpWriter *writer, unsigned format, uint32_t ssrc, uint32_t media_ssrc,
                       uint64_t bitrate_bps, uint16_t overhead)
{
    unsigned exponent = 0;
    while (bitrate_bps >> exponent > 0x1ffff)
        exponent++;
    uint8_t *p = begin_feedback(writer, format, MD_RTCP_RTPFB, ssrc, 0, 8);
    if (!p)
        return -ENOBUFS;
    md_put32(p, media_ssrc);
    md_put32(p + 4, exponent << 26 | (uint32_t)(bitrate_bps >> exponent) << 9 | (overhead & 0x1ffu));
    return 0;
}

int md_rtcp_write_tmmbr(MdRtcpWriter *writer, uint32_t ssrc, uint32_t media_ssrc, uint64_t bitrate_bps,
                        uint16_t overhead)
{
    return write_limit(writer, 3, ssrc, media_ssrc, bitrate_bps, overhead);
}

int md_rtcp_write_tmmbn(MdRtcpWriter *writer, uint32_t ssrc, uint32_t media_ssrc, uint64_t bitrate_bps,
                        uint16_t overhead)
{
    return write_limit(writer, 4, ssrc, media_ssrc, bitrate_bps, overhead);
}
