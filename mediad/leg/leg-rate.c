/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How much each line of pictures may send: the least of what was agreed, what the peer asks for (TMMBR, REMB) and what the way
 * there carries. That is told by feedback on every packet where the peer sends it (browsers, mediad/rtp/congestion.h; then it
 * goes for all lines together and is shared out), else by the losses in its reports. The room chooses class, frame rate and
 * bit rate of what it sends by MdLegVideoFormat.max alone. Worker. */
#include <string.h>

#include "mediad/leg/leg-private.h"

#define BITRATE_MIN_BPS 100000
#define AUDIO_BPS 48000       /* with headers: what sound takes of the line */
#define LOSS_HIGH 26          /* of 256: about a tenth */
#define LOSS_LOW 5
#define LOSS_OLD_US 10000000
#define USED_US 3000000       /* a line that sent nothing for so long has no share */
#define PROBE_STEP_US 4000
#define PADDING_LEN 255       /* its own count is its last octet (RFC 3550, 5.1) */

/* ---- one line ---- */

static void update(LegVideo *v)
{
    const MdAgreedMedia *agreed = &v->leg->media[v->media].agreed;
    uint32_t limits[] = {v->tmmbr_bps, v->remb_bps, v->loss_bps, v->share_bps};
    v->max = agreed->max;
    for (unsigned i = 0; i < sizeof limits / sizeof *limits; i++)
        if (limits[i] && limits[i] < v->max.bitrate_bps)
            v->max.bitrate_bps = limits[i];
    if (v->max.bitrate_bps < BITRATE_MIN_BPS)
        v->max.bitrate_bps = BITRATE_MIN_BPS;
    md_stat_set(v->stats.target_bps, v->max.bitrate_bps);
}

static uint32_t bounded(uint64_t bitrate_bps)
{
    return bitrate_bps > UINT32_MAX ? UINT32_MAX : (uint32_t)bitrate_bps;
}

void leg_rate_limit(LegVideo *v, MdRtcpKind kind, uint64_t bitrate_bps)
{
    if (kind == MD_RTCP_KIND_TMMBR)
        v->tmmbr_bps = bounded(bitrate_bps);
    else
        v->remb_bps = bounded(bitrate_bps);
    update(v);
}

static bool has_feedback(const MdLeg *leg)
{
    MdCongestionStats stats = {0};
    if (leg->congestion)
        md_congestion_stats(leg->congestion, &stats);
    return stats.feedbacks > 0;
}

/* Heavy loss takes a fifth, a clean report gives a twentieth back. */
void leg_rate_loss(LegVideo *v, uint8_t fraction_lost)
{
    uint32_t agreed = v->leg->media[v->media].agreed.max.bitrate_bps;
    if (has_feedback(v->leg)) /* knows better, and sooner */
        v->loss_bps = 0;
    else if (fraction_lost > LOSS_HIGH) {
        uint32_t now = v->loss_bps ? v->loss_bps : agreed;
        v->loss_bps = now * 4 / 5 > BITRATE_MIN_BPS ? now / 5 * 4 : BITRATE_MIN_BPS;
    } else if (fraction_lost < LOSS_LOW && v->loss_bps) {
        v->loss_bps += v->loss_bps / 20;
        if (v->loss_bps >= agreed)
            v->loss_bps = 0;
    }
    update(v);
}

void leg_rate_rested(LegVideo *v, int64_t now_us)
{
    if (v->media < STREAM || !v->loss_bps || now_us - v->sent_us < LOSS_OLD_US)
        return;
    v->loss_bps = 0;
    update(v);
}

/* ---- the line to a browser ---- */

bool leg_rate_init(MdLeg *leg)
{
    leg->congestion = md_congestion_new(BITRATE_MIN_BPS + AUDIO_BPS, BITRATE_MIN_BPS + AUDIO_BPS);
    return leg->congestion != NULL;
}

/* Among those in use, by what each may have. */
static void share(MdLeg *leg, int64_t now_us)
{
    uint64_t wanted = 0;
    bool used[MD_LEG_MEDIA_MAX] = {false};
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++) {
        const LegVideo *v = leg->pictures[m];
        used[m] = v && leg->media[m].agreed.active && v->sent_us && now_us - v->sent_us < USED_US;
        wanted += used[m] ? leg->media[m].agreed.max.bitrate_bps : 0;
    }
    if (wanted == 0)
        return;
    md_congestion_set_max(leg->congestion, bounded(wanted + AUDIO_BPS));
    uint32_t line = md_congestion_bps(leg->congestion);
    if (leg->remb_bps && leg->remb_bps < line)
        line = leg->remb_bps;
    uint64_t pictures = line > AUDIO_BPS ? line - AUDIO_BPS : 1;
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++) {
        if (!leg->pictures[m])
            continue;
        uint32_t most = leg->media[m].agreed.max.bitrate_bps;
        uint32_t part = bounded(pictures * most / wanted);
        /* One that begins later takes part in the next look. 0 is no bound: of next to nothing a part is still one. */
        leg->pictures[m]->share_bps = pictures >= wanted || !used[m] ? 0 : part ? part : 1;
        update(leg->pictures[m]);
    }
    md_stat_set(&leg->stats.send_estimate_bps, line);
}

void leg_rate_agreed(LegVideo *v)
{
    update(v);
}

void leg_rate_remb(MdLeg *leg, uint64_t bitrate_bps, int64_t now_us)
{
    leg->remb_bps = bounded(bitrate_bps);
    share(leg, now_us);
}

/* Retransmissions' stream takes padding without disturbing anybody's numbers. */
static LegMedia *padded_line(MdLeg *leg)
{
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++)
        if (leg->pictures[m] && leg_can_send(&leg->media[m]) && leg->media[m].agreed.rtx_pt != MD_PT_NONE &&
            leg->media[m].agreed.ext[MD_SDP_EXT_TWCC])
            return &leg->media[m];
    return NULL;
}

static void send_padding(MdLeg *leg, LegMedia *m, int64_t now_us)
{
    uint8_t buf[MD_RTP_HEADER_LEN + PADDING_LEN + LEG_NUMBER_LEN + MD_SRTP_OVERHEAD_MAX];
    size_t header = md_rtp_write_header(buf, m->agreed.rtx_pt, false, m->rtx_seq++, m->sender.last_ts, m->rtx_ssrc);
    buf[0] |= 0x20;
    memset(buf + header, 0, PADDING_LEN - 1);
    buf[header + PADDING_LEN - 1] = PADDING_LEN;
    leg_send_rtp(leg, (unsigned)(m - leg->media), buf, header + PADDING_LEN, sizeof buf);
}

static void probe(MdTimer *timer, int64_t due_us, void *user)
{
    MdLeg *leg = user;
    LegMedia *m = padded_line(leg);
    if (!m || due_us >= leg->probe_until_us)
        return;
    size_t one = MD_RTP_HEADER_LEN + LEG_NUMBER_LEN + PADDING_LEN;
    leg->probe_left += (uint64_t)leg->probe_bps * PROBE_STEP_US / 8000000;
    for (; leg->probe_left >= one; leg->probe_left -= one)
        send_padding(leg, m, due_us);
    md_worker_timer_at(leg->worker, timer, due_us + PROBE_STEP_US, probe, leg);
}

void leg_rate_feedback(MdLeg *leg, const uint8_t *fci, size_t len, int64_t now_us)
{
    MdCongestionStats stats;
    if (!leg->congestion)
        return;
    if (md_congestion_feedback(leg->congestion, fci, len, now_us) < 0) {
        leg_reject(leg);
        return;
    }
    share(leg, now_us);
    md_congestion_stats(leg->congestion, &stats);
    md_stat_set(&leg->stats.send_arrived_bps, stats.received_bps);
    md_stat_set(&leg->stats.send_feedbacks, stats.feedbacks);
    md_stat_set(&leg->stats.send_overuses, stats.overuses + stats.loss_cuts);
    md_stat_set(&leg->stats.send_probes, stats.probes);
    if (!padded_line(leg) || !md_congestion_probe(leg->congestion, now_us, &leg->probe_bps, &leg->probe_until_us))
        return;
    leg->probe_left = 0;
    md_worker_timer_at(leg->worker, &leg->probe_timer, now_us + PROBE_STEP_US, probe, leg);
}

void leg_rate_detach(MdLeg *leg)
{
    md_worker_timer_cancel(leg->worker, &leg->probe_timer);
}
