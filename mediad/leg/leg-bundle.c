/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All lines of a browser come over one path (RFC 9143): line 0 carries the DTLS association and the SRTP contexts of all, and
 * packets find their line by SSRC, by the mid and rid they bring, or by a payload type that only one line has. */
#include <errno.h>
#include <string.h>

#include "mediad/leg/leg-private.h"
#include "mediad/transport/demux.h"

static LegSource *find_source(MdLeg *leg, uint32_t ssrc)
{
    for (unsigned i = 0; i < leg->n_sources; i++)
        if (leg->sources[i].ssrc == ssrc)
            return &leg->sources[i];
    return NULL;
}

static bool ext_is(const MdRtpPacket *packet, uint8_t id, const char *text)
{
    const uint8_t *data;
    size_t len;
    return id && md_rtp_find_ext(packet, id, &data, &len) && len == strlen(text) && memcmp(data, text, len) == 0;
}

static bool receives(const MdAgreedMedia *agreed, uint8_t pt)
{
    if (!agreed->active || agreed->n_receive == 0)
        return false;
    for (unsigned i = 0; i < agreed->n_receive; i++)
        if (agreed->receive[i].pt == pt)
            return true;
    return pt == agreed->dtmf_receive_pt || pt == agreed->cn_receive_pt || pt == agreed->rtx_pt || pt == agreed->red_pt;
}

static bool announced(const MdAgreedMedia *agreed, uint32_t ssrc)
{
    for (unsigned i = 0; i < agreed->n_ssrcs; i++)
        if (agreed->ssrcs[i] == ssrc)
            return true;
    return false;
}

/* -1: cannot be told. */
static int line_of(const MdLeg *leg, const MdRtpPacket *packet)
{
    int by_number = -1, n = 0;
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++) {
        const MdAgreedMedia *agreed = &leg->media[m].agreed;
        if (!receives(agreed, packet->payload_type))
            continue;
        if (ext_is(packet, agreed->ext[MD_SDP_EXT_MID], agreed->mid) || announced(agreed, packet->ssrc))
            return (int)m;
        by_number = (int)m;
        n++;
    }
    return n == 1 ? by_number : -1;
}

/* Which layer of a line's simulcast; 0 without, -1 not told yet. */
static int layer_of(const MdAgreedMedia *agreed, const MdRtpPacket *packet)
{
    for (unsigned i = 0; i < agreed->n_rids; i++)
        if (ext_is(packet, agreed->ext[MD_SDP_EXT_RID], agreed->rids[i]) ||
            ext_is(packet, agreed->ext[MD_SDP_EXT_REPAIRED_RID], agreed->rids[i]))
            return (int)i;
    return agreed->n_rids ? -1 : 0;
}

static LegSource *learn(MdLeg *leg, const MdRtpPacket *packet)
{
    int media = line_of(leg, packet);
    int layer = media < 0 ? -1 : layer_of(&leg->media[media].agreed, packet);
    if (layer < 0)
        return NULL;
    if (leg->n_sources < LEG_SOURCES_MAX)
        leg->n_sources++;
    LegSource *source = &leg->sources[leg->next_source++ % LEG_SOURCES_MAX];
    *source = (LegSource){.ssrc = packet->ssrc, .media = (uint8_t)media, .layer = (uint8_t)layer};
    source->rtx = packet->payload_type == leg->media[media].agreed.rtx_pt;
    return source;
}

void leg_bundle_forget(MdLeg *leg, unsigned media)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < leg->n_sources; i++)
        if (leg->sources[i].media != media)
            leg->sources[kept++] = leg->sources[i];
    leg->n_sources = leg->next_source = kept;
}

/* What came when, told ten times a second: the browser finds out by it what the line carries. */
static void note_arrival(MdLeg *leg, const MdRtpPacket *packet, int64_t now_us)
{
    const uint8_t *data;
    size_t len = 0;
    unsigned m = 0;
    while (m < MD_LEG_MEDIA_MAX - 1 && !(leg->media[m].agreed.active && leg->media[m].agreed.ext[MD_SDP_EXT_TWCC]))
        m++;
    const MdAgreedMedia *agreed = &leg->media[m].agreed;
    if (!agreed->active || !agreed->ext[MD_SDP_EXT_TWCC] ||
        !md_rtp_find_ext(packet, agreed->ext[MD_SDP_EXT_TWCC], &data, &len) || len != 2)
        return;
    md_twcc_receive(leg->twcc, md_get16(data), now_us);
    if (now_us < leg->twcc->due_us)
        return;
    uint8_t report[MD_TWCC_FEEDBACK_MAX], buf[MD_RTP_PACKET_MAX + MD_SRTP_OVERHEAD_MAX];
    for (size_t n; (n = md_twcc_write(leg->twcc, leg->media[m].sender.ssrc, packet->ssrc, report, now_us)) > 0;) {
        MdRtcpWriter writer;
        md_rtcp_writer_init(&writer, buf, MD_RTP_PACKET_MAX);
        if (!agreed->rtcp_rsize) /* RFC 5506: alone only where that was agreed */
            leg_rtcp_begin(leg, m, &writer, buf, MD_RTP_PACKET_MAX, now_us);
        memcpy(buf + writer.len, report, n);
        leg_send_rtcp(leg, m, buf, writer.len + n, sizeof buf);
    }
}

static void receive_rtp(MdLeg *leg, const uint8_t *data, size_t len, int64_t now_us)
{
    MdRtpPacket packet;
    if (md_rtp_parse(data, len, &packet) < 0) {
        leg_reject(leg);
        return;
    }
    note_arrival(leg, &packet, now_us);
    LegSource *source = find_source(leg, packet.ssrc);
    if (!source && !(source = learn(leg, &packet))) {
        leg_reject(leg);
        return;
    }
    LegVideo *pictures = leg->pictures[source->media];
    if (packet.payload_len == 0) /* padding, sent to find out what the line carries */
        return;
    if (!source->rtx)
        leg_receive_rtp(leg, source->media, source->layer, &packet, now_us);
    else if (pictures)
        leg_receive_repaired(pictures, source->layer, &packet, now_us);
}

void leg_bundle_take(MdLeg *leg, bool rtcp, const uint8_t *data, size_t len, int64_t now_us)
{
    if (rtcp)
        leg_rtcp_receive(leg, 0, data, len, now_us);
    else
        receive_rtp(leg, data, len, now_us);
}

static void receive_secured(MdLeg *leg, bool rtcp, uint8_t *data, size_t len, int64_t now_us)
{
    MdSrtp *srtp = leg->media[0].receive;
    if (!srtp) /* the peer may have its keys a moment before our worker has them */
        return;
    int rc = rtcp ? md_srtp_unprotect_rtcp(srtp, data, &len) : md_srtp_unprotect_rtp(srtp, data, &len);
    if (rc < 0) {
        if (rc != -EALREADY)
            leg_reject(leg);
        return;
    }
    leg_bundle_take(leg, rtcp, data, len, now_us);
}

void leg_bundle_receive(MdLeg *leg, const MdAddr *from, uint8_t *data, size_t len, int64_t now_us)
{
    LegMedia *carrier = &leg->media[0];
    MdPacketKind kind = md_demux(data, len);
    if (md_addr_is_set(from) && !md_addr_equal(&carrier->part[0].remote, from)) {
        carrier->part[0].remote = *from;
        leg_tell_remote(leg, from);
    }
    if (kind == MD_PACKET_RTP || kind == MD_PACKET_RTCP)
        receive_secured(leg, kind == MD_PACKET_RTCP, data, len, now_us);
    else if (kind == MD_PACKET_DTLS && carrier->dtls)
        leg_dtls_forward(leg, carrier, from, data, len);
    else
        leg_reject(leg);
}

unsigned leg_bundle_line(const MdLeg *leg, const MdRtcpItem *item)
{
    uint32_t ours = item->kind == MD_RTCP_KIND_REPORT ? item->report.ssrc : item->media_ssrc;
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++)
        if (leg->media[m].agreed.active && leg->media[m].sender.ssrc == ours)
            return m;
    for (unsigned i = 0; i < leg->n_sources; i++)
        if (leg->sources[i].ssrc == item->ssrc)
            return leg->sources[i].media;
    return MD_LEG_MEDIA_MAX;
}
