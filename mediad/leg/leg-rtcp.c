/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reports of one leg, on its worker: SR/RR with CNAME by the interval of RFC 3550, feedback in, goodbye. */
#include <errno.h>
#include <string.h>

#include "mediad/leg/leg-private.h"

#define AUDIO_SESSION_BPS 64000
#define VIDEO_SESSION_BPS 1000000
#define INTERVAL_MAX_US 5000000 /* loss reports steer the sender: five seconds at most */

static uint32_t next_random(MdLeg *leg)
{
    uint32_t x = leg->random; /* xorshift: only spreads reports in time */
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return leg->random = x;
}

/* ---- out ---- */

void leg_rtcp_begin(MdLeg *leg, unsigned media, MdRtcpWriter *writer, uint8_t *buf, size_t cap,
                    int64_t now_us)
{
    LegMedia *m = &leg->media[media];
    md_rtcp_writer_init(writer, buf, cap);
    md_rtcp_write_rr(writer, m->sender.ssrc, NULL, 0);
    md_rtcp_write_cname(writer, m->sender.ssrc, leg->cname);
}

/* One, or the layers of simulcast. */
static unsigned lines_in(const MdLeg *leg, unsigned media)
{
    return leg->pictures[media] ? MAX(leg->pictures[media]->n_in, 1u) : 1;
}

static void report(MdLeg *leg, unsigned media, bool bye, int64_t now_us)
{
    LegMedia *m = &leg->media[media];
    uint8_t buf[MD_RTP_PACKET_MAX + MD_SRTP_OVERHEAD_MAX];
    MdRtcpWriter writer;
    MdRtcpReport blocks[MD_LEG_LAYERS_MAX];
    MdRtcpSenderInfo info;
    md_rtcp_writer_init(&writer, buf, MD_RTP_PACKET_MAX);
    unsigned n = 0;
    for (unsigned i = 0; i < lines_in(leg, media); i++)
        n += md_stream_report(leg_receive_stream(leg, media, i), now_us, &blocks[n]);
    bool sent = m->sender.packets != m->packets_reported;
    m->packets_reported = m->sender.packets;
    if (sent && md_sender_info(&m->sender, now_us, now_us + leg->wall_offset_us, &info))
        md_rtcp_write_sr(&writer, m->sender.ssrc, &info, blocks, n);
    else
        md_rtcp_write_rr(&writer, m->sender.ssrc, blocks, n);
    md_rtcp_write_cname(&writer, m->sender.ssrc, leg->cname);
    if (bye)
        md_rtcp_write_bye(&writer, m->sender.ssrc);
    m->rtcp_size = (m->rtcp_size * 15 + (unsigned)writer.len) / 16;
    leg_send_rtcp(leg, media, buf, writer.len, sizeof buf);
}

static void schedule(MdLeg *leg, unsigned media, bool initial, int64_t now_us)
{
    LegMedia *m = &leg->media[media];
    bool we_sent = m->sender.packets != m->packets_reported;
    int64_t interval =
        md_rtcp_interval_us(2, 2, we_sent, media == AUDIO ? AUDIO_SESSION_BPS : VIDEO_SESSION_BPS,
                            m->rtcp_size, initial, next_random(leg));
    m->rtcp_due_us = now_us + (interval < INTERVAL_MAX_US ? interval : INTERVAL_MAX_US);
}

static void rearm(MdLeg *leg);

static void due(MdTimer *timer, int64_t due_us, void *user)
{
    MdLeg *leg = user;
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++)
        if (leg->media[m].rtcp_due_us <= due_us) {
            report(leg, m, false, due_us);
            schedule(leg, m, false, due_us);
        }
    rearm(leg);
}

static void rearm(MdLeg *leg)
{
    int64_t at = INT64_MAX;
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++)
        at = MIN(at, leg->media[m].rtcp_due_us);
    if (at == INT64_MAX)
        md_worker_timer_cancel(leg->worker, &leg->rtcp_timer);
    else
        md_worker_timer_at(leg->worker, &leg->rtcp_timer, at, due, leg);
}

void leg_rtcp_agreed(MdLeg *leg, unsigned media, int64_t now_us)
{
    LegMedia *m = &leg->media[media];
    if (!m->agreed.active)
        m->rtcp_due_us = INT64_MAX;
    else if (m->rtcp_due_us == INT64_MAX)
        schedule(leg, media, true, now_us);
    rearm(leg);
}

void leg_rtcp_bye(MdLeg *leg, unsigned media, int64_t now_us)
{
    if (leg->media[media].agreed.active && leg->media[media].sender.packets)
        report(leg, media, true, now_us);
}

/* ---- in ---- */

static void take_report(MdLeg *leg, unsigned media, const MdRtcpReport *block, int64_t now_us)
{
    if (block->ssrc != leg->media[media].sender.ssrc)
        return;
    int64_t rtt_us = md_rtcp_round_trip_us(block, md_ntp_from_wall_us(now_us + leg->wall_offset_us));
    if (rtt_us >= 0) {
        leg->round_trip_us = rtt_us;
        md_stat_set(&leg->stats.round_trip_us, (uint64_t)rtt_us);
    }
    uint64_t permille = block->fraction_lost * 1000u / 256;
    LegVideo *pictures = leg->pictures[media];
    if (pictures) {
        md_stat_set(pictures->stats.remote_loss_permille, permille);
        leg_rate_loss(pictures, block->fraction_lost);
    } else {
        md_stat_set(&leg->stats.remote_loss_permille, permille);
        leg_audio_loss(leg, (unsigned)permille, now_us);
    }
}

static void take_fir(LegVideo *pictures, const MdRtcpItem *item, int64_t now_us)
{
    LegMedia *m = &pictures->leg->media[pictures->media];
    if (item->fir_seq == m->fir_seq_seen)
        return; /* a repetition of one already served (RFC 5104, 4.3.1.2) */
    m->fir_seq_seen = item->fir_seq;
    leg_video_key_asked(pictures, now_us);
}

static void take_nack(LegVideo *pictures, const MdRtcpItem *item, int64_t now_us)
{
    uint16_t seqs[MD_RTCP_NACK_SEQS];
    unsigned n = md_rtcp_nack_seqs(item, seqs);
    leg_video_nack(pictures, seqs, n, now_us);
}

/* What we hold ourselves to (RFC 5104, 4.2.2): there is one receiver, so its request is the bound. */
static void answer_tmmbr(LegVideo *pictures, const MdRtcpItem *item, int64_t now_us)
{
    MdLeg *leg = pictures->leg;
    unsigned media = pictures->media;
    uint8_t buf[MD_RTP_PACKET_MAX + MD_SRTP_OVERHEAD_MAX];
    MdRtcpWriter writer;
    leg_rate_limit(pictures, MD_RTCP_KIND_TMMBR, item->limit.bitrate_bps);
    leg_rtcp_begin(leg, media, &writer, buf, MD_RTP_PACKET_MAX, now_us);
    md_rtcp_write_tmmbn(&writer, leg->media[media].sender.ssrc, item->ssrc, item->limit.bitrate_bps,
                        item->limit.overhead);
    leg_send_rtcp(leg, media, buf, writer.len, sizeof buf);
}

static void take_video_feedback(LegVideo *pictures, const MdRtcpItem *item, int64_t now_us)
{
    const MdSender *sender = &pictures->leg->media[pictures->media].sender;
    /* A request names the stream it is about; some devices leave it 0, and there is only one. */
    bool ours = item->media_ssrc == sender->ssrc || item->media_ssrc == 0;
    switch (item->kind) {
    case MD_RTCP_KIND_NACK:
        if (ours)
            take_nack(pictures, item, now_us);
        break;
    case MD_RTCP_KIND_PLI:
        if (ours)
            leg_video_key_asked(pictures, now_us);
        break;
    case MD_RTCP_KIND_FIR:
        if (ours)
            take_fir(pictures, item, now_us);
        break;
    case MD_RTCP_KIND_TMMBR:
        if (ours)
            answer_tmmbr(pictures, item, now_us);
        break;
    case MD_RTCP_KIND_REMB:
        leg_rate_limit(pictures, MD_RTCP_KIND_REMB, item->limit.bitrate_bps);
        break;
    default:
        break;
    }
}

/* What goes for the whole path, whatever line it came by. */
static bool take_path_feedback(MdLeg *leg, const MdRtcpItem *item, int64_t now_us)
{
    if (item->kind == MD_RTCP_KIND_TWCC)
        leg_rate_feedback(leg, item->fci.data, item->fci.len, now_us);
    else if (item->kind == MD_RTCP_KIND_REMB)
        leg_rate_remb(leg, item->limit.bitrate_bps, now_us);
    else
        return false;
    return true;
}

void leg_rtcp_receive(MdLeg *leg, unsigned media, const uint8_t *data, size_t len, int64_t now_us)
{
    MdRtcpReader reader;
    MdRtcpItem item;
    if (md_rtcp_reader_init(&reader, data, len) < 0) {
        leg_reject(leg);
        return;
    }
    int rc;
    while ((rc = md_rtcp_reader_next(&reader, &item)) > 0) {
        if (leg->browser && take_path_feedback(leg, &item, now_us))
            continue;
        if (leg->browser && (media = leg_bundle_line(leg, &item)) == MD_LEG_MEDIA_MAX)
            continue;
        switch (item.kind) {
        case MD_RTCP_KIND_SENDER:
            for (unsigned i = 0; i < lines_in(leg, media); i++)
                md_stream_sender_report(leg_receive_stream(leg, media, i), item.ssrc, item.sender.ntp, now_us);
            break;
        case MD_RTCP_KIND_REPORT:
            take_report(leg, media, &item.report, now_us);
            break;
        case MD_RTCP_KIND_BYE:
            for (unsigned i = 0; i < lines_in(leg, media); i++)
                md_stream_bye(leg_receive_stream(leg, media, i), item.ssrc);
            break;
        default:
            if (leg->pictures[media])
                take_video_feedback(leg->pictures[media], &item, now_us);
        }
    }
    if (rc < 0)
        leg_reject(leg);
}
