/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "mediad/leg/leg-private.h"
#include "mediad/transport/demux.h"

#define AUDIO_READS 1 /* datagrams taken per wake-up: an empty read costs as much as a packet */
#define VIDEO_READS 16

void leg_reject(MdLeg *leg)
{
    md_stat_add(&leg->stats.packets_rejected, 1);
}

/* ---- out ---- */

static bool media_has_target(const LegMedia *media)
{
    return md_addr_is_set(&media->part[0].remote) && !md_addr_is_any(&media->part[0].remote);
}

bool leg_can_send(const LegMedia *media)
{
    return media->agreed.active && media->keyed && (media->agreed.direction & MD_SDP_SEND) &&
           (media->bundled || media_has_target(media));
}

static int send_datagram(MdLeg *leg, unsigned media, bool rtcp, const uint8_t *data, size_t len)
{
    LegMedia *m = &leg->media[media];
    bool own_port = rtcp && !m->agreed.rtcp_mux;
    const MdAddr *to = &m->part[own_port].remote;
    if (leg->ice)
        return md_ice_send(leg->ice, data, len);
    if (leg->transport.send)
        return leg->transport.send(leg->transport.user, media, own_port, to, data, len);
    return md_udp_send(own_port ? m->ports.rtcp_fd : m->ports.rtp_fd, to, data, len);
}

/* The number of the path's own, as the only element of the one-byte form (RFC 8285, 4.2): after the fixed header, for ours name no
 * contributors. */
static size_t number_packet(MdLeg *leg, unsigned media, uint8_t *buf, size_t len, size_t cap)
{
    uint8_t id = leg->media[media].agreed.ext[MD_SDP_EXT_TWCC];
    if (!leg->congestion || id == 0 || len + LEG_NUMBER_LEN + MD_SRTP_OVERHEAD_MAX > cap)
        return len;
    uint8_t *at = buf + MD_RTP_HEADER_LEN;
    memmove(at + LEG_NUMBER_LEN, at, len - MD_RTP_HEADER_LEN);
    len += LEG_NUMBER_LEN;
    buf[0] |= 0x10;
    md_put16(at, 0xbede);
    md_put16(at + 2, 1);
    at[4] = (uint8_t)(id << 4 | 1);
    md_put16(at + 5, md_congestion_sent(leg->congestion, len, md_worker_clock_us(leg->worker)));
    at[7] = 0;
    return len;
}

int leg_send_rtp(MdLeg *leg, unsigned media, uint8_t *buf, size_t len, size_t cap)
{
    len = number_packet(leg, media, buf, len, cap);
    MdSrtp *srtp = leg_carrier(leg, &leg->media[media])->send;
    if (srtp) {
        int rc = md_srtp_protect_rtp(srtp, buf, &len, cap);
        if (rc < 0)
            return rc;
    }
    return send_datagram(leg, media, false, buf, len);
}

int leg_send_rtcp(MdLeg *leg, unsigned media, uint8_t *buf, size_t len, size_t cap)
{
    LegMedia *m = &leg->media[media];
    const MdAddr *to = &m->part[!m->agreed.rtcp_mux].remote;
    /* Reports flow on hold too (RFC 3264, 5.1), but not to nowhere and not in the clear when keys are still
     * missing. */
    if (!m->agreed.active || !m->keyed || (!m->bundled && (md_addr_port(to) == 0 || md_addr_is_any(to))))
        return -ENOTCONN;
    MdSrtp *srtp = leg_carrier(leg, m)->send;
    if (srtp) {
        int rc = md_srtp_protect_rtcp(srtp, buf, &len, cap);
        if (rc < 0)
            return rc;
    }
    return send_datagram(leg, media, true, buf, len);
}

/* ---- in ---- */

void leg_latch(MdLeg *leg, unsigned media, unsigned part, const MdAddr *to)
{
    LegMedia *m = &leg->media[media];
    m->part[part].remote = *to;
    m->part[part].latched = true;
    if (media == AUDIO && part == 0)
        leg_tell_remote(leg, to);
}

/* A sequence lock over plain words: the writer never waits, a reader that met it looks again. */
void leg_tell_remote(MdLeg *leg, const MdAddr *to)
{
    char host[MD_ADDR_TEXT_MAX];
    uint64_t words[3] = {0, 0, (uint64_t)md_addr_port(to) << 8 | (to->len ? to->ss.ss_family : 0)};
    unsigned char bytes[16] = {0};
    inet_pton(to->ss.ss_family == AF_INET6 ? AF_INET6 : AF_INET, md_addr_host(to, host, sizeof host), bytes);
    memcpy(words, bytes, sizeof bytes);
    unsigned generation = atomic_load_explicit(&leg->remote_generation, memory_order_relaxed);
    atomic_store(&leg->remote_generation, generation + 1);
    for (unsigned i = 0; i < 3; i++)
        atomic_store(&leg->remote_told[i], words[i]);
    atomic_store(&leg->remote_generation, generation + 2);
}

bool leg_told_remote(const MdLeg *leg, MdAddr *ret)
{
    uint64_t words[3];
    unsigned before, after;
    do {
        before = atomic_load(&leg->remote_generation);
        for (unsigned i = 0; i < 3; i++)
            words[i] = atomic_load(&leg->remote_told[i]);
        after = atomic_load(&leg->remote_generation);
    } while (before != after || before % 2);
    char host[MD_ADDR_TEXT_MAX];
    int family = (int)(words[2] & 0xff);
    return before && family && inet_ntop(family, words, host, sizeof host) &&
           md_addr_from_host(ret, host, (uint16_t)(words[2] >> 8)) == 0;
}

typedef enum SourceVerdict { SOURCE_BAD, SOURCE_KNOWN, SOURCE_LATCH_IF_AUTHENTIC } SourceVerdict;

/* May packets from here count? The described (or latched) address always; another one once, when SRTP will
 * prove it or, for plain RTP, when it is the host that signed in. */
static SourceVerdict judge_source(const MdLeg *leg, const LegMedia *m, const LegPart *part,
                                  const MdAddr *from)
{
    if (md_addr_equal(&part->remote, from))
        return SOURCE_KNOWN;
    if (part->latched)
        return SOURCE_BAD;
    if (m->agreed.security != MD_AGREED_PLAIN)
        return SOURCE_LATCH_IF_AUTHENTIC;
    return leg->has_peer && md_addr_host_equal(&leg->peer, from) ? SOURCE_LATCH_IF_AUTHENTIC : SOURCE_BAD;
}

static bool is_expected_pt(const MdAgreedMedia *agreed, uint8_t pt)
{
    for (unsigned i = 0; i < agreed->n_receive; i++)
        if (agreed->receive[i].pt == pt)
            return true;
    return pt == agreed->dtmf_receive_pt || pt == agreed->cn_receive_pt || pt == agreed->red_pt;
}

void leg_receive_rtp(MdLeg *leg, unsigned media, unsigned layer, const MdRtpPacket *packet, int64_t now_us)
{
    LegMedia *m = &leg->media[media];
    if (!is_expected_pt(&m->agreed, packet->payload_type)) {
        leg_reject(leg);
        return;
    }
    /* On hold what still flies in is nobody's fault: counted, so that reports show no loss, but not used. */
    MdStreamVerdict verdict = md_stream_receive(leg_receive_stream(leg, media, layer), packet, now_us, NULL);
    if (verdict == MD_STREAM_WAIT || !(m->agreed.direction & MD_SDP_RECV))
        return;
    if (media == AUDIO)
        leg_audio_receive(leg, packet, verdict, now_us);
    else if (leg->pictures[media])
        leg_video_receive(leg->pictures[media], layer, packet, verdict, now_us);
}

static void receive_rtp(MdLeg *leg, unsigned media, const uint8_t *data, size_t len, int64_t now_us)
{
    MdRtpPacket packet;
    if (md_rtp_parse(data, len, &packet) < 0)
        leg_reject(leg);
    else
        leg_receive_rtp(leg, media, 0, &packet, now_us);
}

static void receive_media(MdLeg *leg, unsigned media, bool rtcp_port, bool rtcp, const MdAddr *from,
                          uint8_t *data, size_t len, int64_t now_us)
{
    LegMedia *m = &leg->media[media];
    unsigned at = rtcp_port && !m->agreed.rtcp_mux;
    SourceVerdict source = judge_source(leg, m, &m->part[at], from);
    bool waiting = m->agreed.security != MD_AGREED_PLAIN && !m->receive;
    if (source == SOURCE_BAD || waiting) {
        /* the peer may have its keys a moment before our worker has them */
        if (source != SOURCE_KNOWN)
            leg_reject(leg);
        return;
    }
    if (m->receive) {
        int rc = rtcp ? md_srtp_unprotect_rtcp(m->receive, data, &len)
                      : md_srtp_unprotect_rtp(m->receive, data, &len);
        if (rc < 0) {
            /* a copy from the right place is the network's doing, and sorted out silently */
            if (rc != -EALREADY || source != SOURCE_KNOWN)
                leg_reject(leg);
            return;
        }
    } else if (source != SOURCE_KNOWN) { /* plain: at least it must be a packet that we agreed on */
        MdRtpPacket packet;
        if (!rtcp &&
            (md_rtp_parse(data, len, &packet) < 0 || !is_expected_pt(&m->agreed, packet.payload_type))) {
            leg_reject(leg);
            return;
        }
    }
    /* The described address, once heard from, is as good as learnt: nobody else gets in until a new
     * description. */
    if (source == SOURCE_LATCH_IF_AUTHENTIC)
        leg_latch(leg, media, at, from);
    else
        m->part[at].latched = true;
    if (rtcp)
        leg_rtcp_receive(leg, media, data, len, now_us);
    else
        receive_rtp(leg, media, data, len, now_us);
}

/* Handshakes come from where media will: the described or latched address, or the host that signed in. */
static bool dtls_source_ok(const MdLeg *leg, const LegMedia *m, const MdAddr *from)
{
    return md_addr_equal(&m->part[0].remote, from) ||
           (!m->part[0].latched && leg->has_peer && md_addr_host_equal(&leg->peer, from));
}

void md_leg_receive(MdLeg *leg, unsigned media, bool rtcp_port, const MdAddr *from, uint8_t *data, size_t len,
                    int64_t now_us)
{
    LegMedia *m = &leg->media[media];
    MdPacketKind kind = md_demux(data, len);
    if (leg->browser) {
        leg_bundle_receive(leg, from, data, len, now_us);
        return;
    }
    if (!m->agreed.active) {
        leg_reject(leg);
        return;
    }
    switch (kind) {
    case MD_PACKET_RTP:
    case MD_PACKET_RTCP:
        if (kind == MD_PACKET_RTP && rtcp_port)
            leg_reject(leg);
        else
            receive_media(leg, media, rtcp_port, kind == MD_PACKET_RTCP, from, data, len, now_us);
        return;
    case MD_PACKET_DTLS:
        if (rtcp_port || !m->dtls || !dtls_source_ok(leg, m, from))
            leg_reject(leg);
        else
            leg_dtls_forward(leg, m, from, data, len);
        return;
    default:
        leg_reject(leg);
    }
}

/* ---- sockets ---- */

static void readable(MdWatch *watch, uint32_t events, void *user)
{
    MdLeg *leg = user;
    uint8_t buf[MD_UDP_PACKET_MAX];
    MdAddr from;
    unsigned media = 0;
    while (watch != &leg->media[media].watch[0] && watch != &leg->media[media].watch[1])
        media++;
    bool rtcp_port = watch == &leg->media[media].watch[1];
    int64_t now_us = md_worker_clock_us(leg->worker);
    for (int i = 0; i < (media == AUDIO ? AUDIO_READS : VIDEO_READS); i++) {
        int n = md_udp_receive(watch->fd, &from, buf, sizeof buf);
        if (n == -EMSGSIZE) {
            leg_reject(leg);
            continue;
        }
        if (n < 0)
            return;
        if (n > 0)
            md_leg_receive(leg, media, rtcp_port, &from, buf, (size_t)n, now_us);
    }
}

int leg_watch_sockets(MdLeg *leg, unsigned media)
{
    LegMedia *m = &leg->media[media];
    int fds[2] = {m->ports.rtp_fd, m->ports.rtcp_fd};
    for (unsigned i = 0; i < 2 && fds[0] >= 0; i++) {
        int rc = md_worker_watch(leg->worker, &m->watch[i], fds[i], EPOLLIN, readable, leg);
        if (rc < 0)
            return rc;
    }
    return 0;
}

void leg_unwatch_sockets(MdLeg *leg)
{
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++)
        for (unsigned i = 0; i < 2; i++)
            if (leg->media[m].watch[i].active)
                md_worker_unwatch(leg->worker, &leg->media[m].watch[i]);
}
