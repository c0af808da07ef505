/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures of one leg, on its worker: packets -> order and repair -> access units, and frames -> paced
 * packets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mediad/leg/leg-private.h"

#define MAX_PAYLOAD 1200 /* fits an Ethernet frame with IPv6, SRTP and a tunnel's header */
#define KEY_INTERVAL_US 500000
#define KEY_RETRY_US 1000000
#define TICK_US 20000
#define TICK_PHASE_US 18500 /* one wake-up for all legs, after the rooms' ticks */
#define PACE_STEP_US 4000
#define PACE_AT_ONCE 3      /* packets of a small picture go out together: not more, a room has many legs */
#define PICTURE_MIN_US 1000 /* between the times of two pictures */
#define RTX_PER_WINDOW 100  /* retransmissions a leg may cause in 500 ms */
#define RTX_WINDOW_US 500000
#define RTX_INTERVAL_MIN_US 20000
#define NACKS_MAX 64
#define BITRATE_MIN_BPS 100000
#define LOSS_HIGH 26 /* of 256: about a tenth */
#define LOSS_LOW 5

bool leg_video_init(MdLeg *leg)
{
    LegVideo *v = leg->video = calloc(1, sizeof *v);
    if (!v)
        return false;
    MdReorderOptions repaired = {.nack = true}, ordered = {.nack = false};
    v->codec = -1;
    v->reorders[0] = md_reorder_new(&ordered);
    v->reorders[1] = md_reorder_new(&repaired);
    v->reorder = v->reorders[0];
    v->cache = md_rtx_cache_new(0);
    for (unsigned i = 0; i < MD_VIDEO_CODEC_MAX; i++)
        if (!(v->depacketisers[i] = md_depacketiser_new((MdVideoCodec)i)))
            return false;
    md_key_gate_init(&v->gate);
    md_key_requests_init(&v->ask, KEY_INTERVAL_US, KEY_RETRY_US);
    md_key_requests_init(&v->asked, KEY_INTERVAL_US, 0);
    return v->reorders[0] && v->reorders[1] && v->cache;
}

void leg_video_clear(MdLeg *leg)
{
    LegVideo *v = leg->video;
    if (!v)
        return;
    for (unsigned i = 0; i < v->n_queue; i++)
        md_packet_list_unref(v->queue[i].list);
    for (unsigned i = 0; i < MD_VIDEO_CODEC_MAX; i++)
        md_depacketiser_free(v->depacketisers[i]);
    md_reorder_free(v->reorders[0]);
    md_reorder_free(v->reorders[1]);
    md_rtx_cache_free(v->cache);
    free(v);
    leg->video = NULL;
}

/* ---- what the peer can take ---- */

static void update_max(MdLeg *leg)
{
    LegVideo *v = leg->video;
    const MdAgreedMedia *agreed = &leg->media[VIDEO].agreed;
    uint32_t limits[] = {v->tmmbr_bps, v->remb_bps, v->congestion_bps};
    v->max = agreed->max;
    for (unsigned i = 0; i < sizeof limits / sizeof *limits; i++)
        if (limits[i] && limits[i] < v->max.bitrate_bps)
            v->max.bitrate_bps = limits[i];
    if (v->max.bitrate_bps < BITRATE_MIN_BPS)
        v->max.bitrate_bps = BITRATE_MIN_BPS;
}

void leg_video_limit(MdLeg *leg, MdRtcpKind kind, uint64_t bitrate_bps)
{
    uint32_t bps = bitrate_bps > UINT32_MAX ? UINT32_MAX : (uint32_t)bitrate_bps;
    if (kind == MD_RTCP_KIND_TMMBR)
        leg->video->tmmbr_bps = bps;
    else
        leg->video->remb_bps = bps;
    update_max(leg);
}

/* Heavy loss takes a fifth, a clean report gives a twentieth back. */
void leg_video_loss(MdLeg *leg, uint8_t fraction_lost)
{
    LegVideo *v = leg->video;
    uint32_t agreed = leg->media[VIDEO].agreed.max.bitrate_bps;
    if (fraction_lost > LOSS_HIGH) {
        uint32_t now = v->congestion_bps ? v->congestion_bps : agreed;
        v->congestion_bps = now * 4 / 5 > BITRATE_MIN_BPS ? now / 5 * 4 : BITRATE_MIN_BPS;
    } else if (fraction_lost < LOSS_LOW && v->congestion_bps) {
        v->congestion_bps += v->congestion_bps / 20;
        if (v->congestion_bps >= agreed)
            v->congestion_bps = 0;
    }
    update_max(leg);
}

/* What the description said of the stream is true of every stream of it. */
static void tell_parameter_sets(MdLeg *leg)
{
    const MdAgreedMedia *agreed = &leg->media[VIDEO].agreed;
    for (unsigned i = 0; i < agreed->n_parameter_sets; i++)
        md_depacketiser_add_parameter_set(leg->video->depacketisers[MD_VIDEO_H264],
                                          agreed->parameter_sets[i].data, agreed->parameter_sets[i].len);
}

void leg_video_forget(MdLeg *leg)
{
    LegVideo *v = leg->video;
    md_reorder_reset(v->reorder);
    for (unsigned i = 0; i < MD_VIDEO_CODEC_MAX; i++)
        md_depacketiser_reset(v->depacketisers[i]);
    tell_parameter_sets(leg);
    md_key_gate_close(&v->gate);
}

static void pop(LegVideo *v)
{
    md_packet_list_unref(v->queue[0].list);
    memmove(v->queue, v->queue + 1, --v->n_queue * sizeof *v->queue);
}

void leg_video_agreed(MdLeg *leg, const MdAgreedMedia *before, int64_t now_us)
{
    LegVideo *v = leg->video;
    LegMedia *m = &leg->media[VIDEO];
    const MdAgreedMedia *now = &m->agreed;
    /* Pictures on their way are in the old codec: under the new number they would be nonsense. */
    while (v->n_queue && (!now->active || now->codec != before->codec))
        pop(v);
    if (!now->active)
        return;
    m->sender.payload_type = now->send_pt;
    MdReorder *wanted = v->reorders[(now->feedback & MD_SDP_FB_NACK) != 0];
    if (wanted != v->reorder) {
        v->reorder = wanted;
        md_reorder_reset(v->reorder);
    }
    if (!before->active || before->codec != now->codec) {
        v->tmmbr_bps = v->remb_bps = v->congestion_bps = 0;
        md_key_gate_close(&v->gate);
    }
    tell_parameter_sets(leg);
    v->frame_interval_us = 1000000 / (now->max.fps ? now->max.fps : 15);
    update_max(leg);
    /* The other side starts over: it needs a key frame, and so do we when it resumes. */
    if (leg->attached && (now->direction & MD_SDP_SEND) &&
        (!before->active || !(before->direction & MD_SDP_SEND)))
        leg_video_key_asked(leg, now_us);
    if ((now->direction & MD_SDP_RECV) && before->active && !(before->direction & MD_SDP_RECV)) {
        leg_video_forget(leg);
        if (leg->attached)
            md_leg_request_key_frame(leg, now_us);
    }
}

void md_leg_video_format(const MdLeg *leg, MdLegVideoFormat *ret)
{
    const LegMedia *m = &leg->media[VIDEO];
    *ret = (MdLegVideoFormat){.codec = (MdVideoCodec)m->agreed.codec};
    if (!leg->video)
        return;
    ret->sending = leg_can_send(m);
    ret->receiving = m->agreed.active && (m->agreed.direction & MD_SDP_RECV);
    ret->h264_packetization_mode = m->agreed.h264_mode;
    ret->max = leg->video->max;
}

/* ---- key frames ---- */

static void ask_for_key(MdLeg *leg, int64_t now_us)
{
    LegMedia *m = &leg->media[VIDEO];
    uint8_t buf[MD_RTP_PACKET_MAX + MD_SRTP_OVERHEAD_MAX];
    MdRtcpWriter writer;
    if (!m->agreed.active || !m->stream.active)
        return;
    leg_rtcp_begin(leg, VIDEO, &writer, buf, MD_RTP_PACKET_MAX, now_us);
    bool fir_only = (m->agreed.feedback & MD_SDP_FB_FIR) && !(m->agreed.feedback & MD_SDP_FB_PLI);
    int rc = fir_only ? md_rtcp_write_fir(&writer, m->sender.ssrc, m->stream.ssrc, ++m->fir_seq_sent)
                      : md_rtcp_write_pli(&writer, m->sender.ssrc, m->stream.ssrc);
    if (rc == 0 && leg_send_rtcp(leg, VIDEO, buf, writer.len, sizeof buf) == 0)
        md_stat_add(&leg->stats.video_key_requests_sent, 1);
}

void md_leg_request_key_frame(MdLeg *leg, int64_t now_us)
{
    if (leg->video && md_key_requests_ask(&leg->video->ask, now_us))
        ask_for_key(leg, now_us);
}

static void pass_key_request(MdLeg *leg)
{
    if (leg->sink && leg->sink->on_key_frame_request)
        leg->sink->on_key_frame_request(leg, leg->user);
}

void leg_video_key_asked(MdLeg *leg, int64_t now_us)
{
    md_stat_add(&leg->stats.video_key_requests_received, 1);
    if (md_key_requests_ask(&leg->video->asked, now_us))
        pass_key_request(leg);
}

/* ---- in ---- */

static void deliver(MdLeg *leg, MdFrame *frame, int64_t now_us)
{
    LegVideo *v = leg->video;
    const MdAgreedMedia *agreed = &leg->media[VIDEO].agreed;
    md_stat_add(&leg->stats.video_frames_received, 1);
    if (frame->damaged)
        md_stat_add(&leg->stats.video_frames_damaged, 1);
    if (frame->key)
        md_key_requests_satisfied(&v->ask, now_us);
    bool pass = md_key_gate_pass(&v->gate, frame);
    if (!pass)
        md_leg_request_key_frame(leg, now_us);
    /* A sender that cannot be asked would stay frozen until its own next key frame: its decoder has to cope.
     */
    bool askable = agreed->feedback & (MD_SDP_FB_PLI | MD_SDP_FB_FIR);
    if ((pass || (!askable && v->seen_key)) && leg->sink && leg->sink->on_video)
        leg->sink->on_video(leg, frame, leg->user);
    v->seen_key |= frame->key;
}

static int codec_of(const MdAgreedMedia *agreed, uint8_t pt)
{
    for (unsigned i = 0; i < agreed->n_receive; i++)
        if (agreed->receive[i].pt == pt)
            return agreed->receive[i].codec;
    return -1;
}

static void send_nacks(MdLeg *leg, int64_t now_us)
{
    LegVideo *v = leg->video;
    LegMedia *m = &leg->media[VIDEO];
    uint16_t seqs[NACKS_MAX];
    if (!(m->agreed.feedback & MD_SDP_FB_NACK))
        return;
    unsigned n = md_reorder_nacks(v->reorder, now_us, leg->round_trip_us, seqs, NACKS_MAX);
    if (n == 0)
        return;
    uint8_t buf[MD_RTP_PACKET_MAX + MD_SRTP_OVERHEAD_MAX];
    MdRtcpWriter writer;
    leg_rtcp_begin(leg, VIDEO, &writer, buf, MD_RTP_PACKET_MAX, now_us);
    if (md_rtcp_write_nack(&writer, m->sender.ssrc, m->stream.ssrc, seqs, n) == 0 &&
        leg_send_rtcp(leg, VIDEO, buf, writer.len, sizeof buf) == 0)
        md_stat_add(&leg->stats.video_nacks_sent, 1);
}

static void drain(MdLeg *leg, int64_t now_us)
{
    LegVideo *v = leg->video;
    MdRtpPacket packet;
    unsigned lost = 0;
    while (md_reorder_next(v->reorder, now_us, &packet, &lost)) {
        int codec = codec_of(&leg->media[VIDEO].agreed, packet.payload_type);
        if (codec < 0)
            continue;
        if (codec != v->codec) {
            v->codec = codec;
            md_depacketiser_reset(v->depacketisers[codec]);
            tell_parameter_sets(leg);
            md_key_gate_close(&v->gate);
        }
        md_stat_add(&leg->stats.video_packets_lost, lost);
        MdDepacketiser *depacketiser = v->depacketisers[codec];
        if (md_depacketiser_push(depacketiser, &packet, lost, now_us) < 0)
            leg_reject(leg);
        MdFrame *frame;
        while ((frame = md_depacketiser_take(depacketiser))) {
            deliver(leg, frame, now_us);
            md_frame_unref(frame);
        }
    }
    if (md_reorder_take_need_key(v->reorder))
        md_leg_request_key_frame(leg, now_us);
    send_nacks(leg, now_us);
}

static void tick(MdTimer *timer, int64_t due_us, void *user)
{
    MdLeg *leg = user;
    LegVideo *v = leg->video;
    if (md_reorder_due_us(v->reorder) <= due_us)
        drain(leg, due_us);
    if (md_key_requests_due(&v->ask, due_us))
        ask_for_key(leg, due_us);
    if (md_key_requests_due(&v->asked, due_us))
        pass_key_request(leg);
    md_worker_timer_at(leg->worker, timer, due_us + TICK_US, tick, leg);
}

void leg_video_attach(MdLeg *leg, int64_t now_us)
{
    int64_t grid_us = now_us - now_us % TICK_US + TICK_PHASE_US;
    if (leg->video)
        md_worker_timer_at(leg->worker, &leg->video->tick_timer,
                           grid_us > now_us ? grid_us : grid_us + TICK_US, tick, leg);
}

void leg_video_receive(MdLeg *leg, const MdRtpPacket *packet, MdStreamVerdict verdict, int64_t now_us)
{
    LegVideo *v = leg->video;
    if (!v)
        return;
    md_stat_add(&leg->stats.video_packets_received, 1);
    md_stat_add(&leg->stats.video_bytes_received, packet->payload_len);
    md_stat_set(&leg->stats.video_jitter_us, (uint64_t)md_stream_jitter_us(&leg->media[VIDEO].stream));
    if (verdict == MD_STREAM_RESTART)
        leg_video_forget(leg);
    if (md_reorder_put(v->reorder, packet, now_us) == -EMSGSIZE)
        leg_reject(leg);
    drain(leg, now_us);
}

/* ---- out ---- */

static int send_slice(MdLeg *leg, MdPacketList *list, unsigned i, uint32_t media_ts, int64_t now_us)
{
    LegMedia *m = &leg->media[VIDEO];
    uint8_t buf[MD_RTP_PACKET_MAX + MD_SRTP_OVERHEAD_MAX];
    const MdPayloadSlice *slice = &list->slices[i];
    size_t len = md_slice_len(slice);
    uint16_t seq = m->sender.seq;
    /* Reports tie the timestamp to when the picture was taken, not to when its last packet was let go: lip
     * sync. */
    size_t header =
        md_sender_write_header(&m->sender, buf, slice->marker, media_ts, len, list->frame->time_us);
    md_packet_list_copy(list, i, buf + header);
    md_rtx_cache_add(leg->video->cache, seq, m->sender.last_ts, list, i, now_us);
    md_stat_add(&leg->stats.video_packets_sent, 1);
    md_stat_add(&leg->stats.video_bytes_sent, len);
    return leg_send_rtp(leg, VIDEO, buf, header + len, sizeof buf);
}

static bool send_some(MdLeg *leg, LegPaced *paced, unsigned n, int64_t now_us)
{
    for (; n > 0 && paced->next < paced->list->n; n--)
        send_slice(leg, paced->list, paced->next++, paced->ts, now_us);
    return paced->next == paced->list->n;
}

static void pace(MdTimer *timer, int64_t due_us, void *user)
{
    MdLeg *leg = user;
    LegVideo *v = leg->video;
    if (!leg_can_send(&leg->media[VIDEO]))
        while (v->n_queue)
            pop(v);
    if (v->n_queue && send_some(leg, &v->queue[0], v->queue[0].per_step, due_us))
        pop(v);
    if (v->n_queue)
        md_worker_timer_at(leg->worker, timer, due_us + PACE_STEP_US, pace, leg);
}

static void enqueue(MdLeg *leg, MdPacketList *list, uint32_t media_ts, int64_t now_us)
{
    LegVideo *v = leg->video;
    if (v->n_queue == LEG_PACE_QUEUE) { /* behind by that many pictures: order matters more than pace */
        send_some(leg, &v->queue[0], UINT32_MAX, now_us);
        pop(v);
    }
    /* All of it within three quarters of the frame interval. */
    unsigned steps = (unsigned)(v->frame_interval_us * 3 / 4 / PACE_STEP_US);
    unsigned per_step = steps ? (list->n + steps - 1) / steps : list->n;
    bool first = v->n_queue == 0;
    v->queue[v->n_queue++] = (LegPaced){list, 0, media_ts, per_step > PACE_AT_ONCE ? per_step : PACE_AT_ONCE};
    if (!first)
        return;
    if (send_some(leg, &v->queue[0], v->queue[0].per_step, now_us))
        pop(v);
    else
        md_worker_timer_at(leg->worker, &v->pace_timer, now_us + PACE_STEP_US, pace, leg);
}

int md_leg_send_video(MdLeg *leg, const MdFrame *frame, int64_t now_us)
{
    LegVideo *v = leg->video;
    LegMedia *m = &leg->media[VIDEO];
    if (!v || !leg_can_send(m))
        return -ENOTCONN;
    if ((int)frame->codec != m->agreed.codec)
        return -EINVAL;
    if (!v->sent_before) {
        v->base_us = frame->time_us;
        v->last_us = frame->time_us - PICTURE_MIN_US;
        v->sent_before = true;
    }
    /* Another output may be a little behind the one before: the timestamp never steps back or stands still.
     */
    int64_t time_us = MAX(frame->time_us, v->last_us + PICTURE_MIN_US);
    /* The list takes a reference; the frame itself is never written. */
    MdFrame *shared = (MdFrame *)frame;
    uint8_t mode = m->agreed.h264_mode;
    MdPacketList *list = leg->packetiser ? md_packetiser_get(leg->packetiser, shared, mode, MAX_PAYLOAD)
                                         : md_packetise(shared, mode, MAX_PAYLOAD);
    if (!list)
        return -EMSGSIZE;
    if (leg->packetiser)
        md_packet_list_ref(list);
    if (frame->key)
        md_key_requests_satisfied(&v->asked, now_us);
    v->last_us = time_us;
    enqueue(leg, list, (uint32_t)((time_us - v->base_us) * 9 / 100), now_us);
    return 0;
}

/* ---- repair for the peer ---- */

static void retransmit(MdLeg *leg, const MdRtxEntry *entry)
{
    LegMedia *m = &leg->media[VIDEO];
    uint8_t buf[MD_RTP_PACKET_MAX + MD_SRTP_OVERHEAD_MAX];
    const MdPayloadSlice *slice = &entry->list->slices[entry->i];
    size_t header = md_rtp_write_header(buf, m->sender.payload_type, slice->marker, entry->seq,
                                        entry->wire_ts, m->sender.ssrc);
    size_t len = md_packet_list_copy(entry->list, entry->i, buf + header);
    if (leg_send_rtp(leg, VIDEO, buf, header + len, sizeof buf) == 0)
        md_stat_add(&leg->stats.video_packets_retransmitted, 1);
}

void leg_video_nack(MdLeg *leg, const uint16_t *seqs, unsigned n, int64_t now_us)
{
    LegVideo *v = leg->video;
    if (!leg_can_send(&leg->media[VIDEO]))
        return;
    if (now_us - v->rtx_window_us >= RTX_WINDOW_US) {
        v->rtx_window_us = now_us;
        v->rtx_in_window = 0;
    }
    int64_t interval =
        leg->round_trip_us / 2 > RTX_INTERVAL_MIN_US ? leg->round_trip_us / 2 : RTX_INTERVAL_MIN_US;
    for (unsigned i = 0; i < n && v->rtx_in_window < RTX_PER_WINDOW; i++) {
        MdRtxEntry entry;
        if (!md_rtx_cache_get(v->cache, seqs[i], now_us, interval, &entry) ||
            (int)entry.list->frame->codec != leg->media[VIDEO].agreed.codec) /* of before a change of codec */
            continue;
        v->rtx_in_window++;
        retransmit(leg, &entry);
    }
}
