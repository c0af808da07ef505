/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A line of pictures of one leg (the camera's, the content's, or another's), on its worker: frames -> paced packets. What comes in:
 * leg-receive.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mediad/leg/leg-private.h"

#define MAX_PAYLOAD 1200 /* fits an Ethernet frame with IPv6, SRTP and a tunnel's header */
#define KEY_INTERVAL_US 500000
#define TICK_US 20000
#define TICK_PHASE_US 18500 /* one wake-up for all legs, after the rooms' ticks */
#define PACE_STEP_US 4000
#define PACE_AT_ONCE 3      /* packets of a small picture go out together: not more, a room has many legs */
#define PICTURE_MIN_US 1000 /* between the times of two pictures */
#define RTX_PER_WINDOW 100  /* retransmissions a leg may cause in 500 ms */
#define RTX_WINDOW_US 500000
#define RTX_INTERVAL_MIN_US 20000

#define COUNT_INTO(name, kind) .name = &leg->stats.kind##_##name,
#define STATS_OF(kind, loss)                                                                                 \
    (LegVideoStats)                                                                                          \
    {                                                                                                        \
        LEG_VIDEO_STATS(COUNT_INTO, kind).remote_loss_permille = &leg->stats.loss                             \
    }

#define COUNT_NOWHERE(name, kind) .name = &v->unused,

static void count_sent_only(LegVideo *v)
{
    MdLegStats *stats = &v->leg->stats;
    v->stats = (LegVideoStats){LEG_VIDEO_STATS(COUNT_NOWHERE, )};
    v->stats.packets_sent = &stats->streams_packets_sent;
    v->stats.packets_retransmitted = &stats->streams_packets_retransmitted;
    v->stats.bytes_sent = &stats->streams_bytes_sent;
    v->stats.key_requests_received = &stats->streams_key_requests_received;
    v->stats.remote_loss_permille = &stats->remote_streams_loss_permille;
}

LegVideo *leg_video_new(MdLeg *leg, unsigned media)
{
    LegVideo *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    v->leg = leg;
    v->media = media;
    v->cache = md_rtx_cache_new(0);
    bool ok = v->cache && (media >= STREAM || leg_receive_init(v));
    if (media >= STREAM)
        count_sent_only(v);
    else
        v->stats = media == CONTENT ? STATS_OF(content, remote_content_loss_permille)
                                    : STATS_OF(video, remote_video_loss_permille);
    MdStat *layers[MD_LEG_LAYERS_MAX] = {&leg->stats.video_layer1_bytes_received, &leg->stats.video_layer2_bytes_received,
                                         &leg->stats.video_layer3_bytes_received, &leg->stats.video_layer4_bytes_received};
    memcpy(v->layer_bytes, layers, sizeof layers);
    md_key_requests_init(&v->asked, KEY_INTERVAL_US, 0);
    if (ok)
        return v;
    leg_video_free(v);
    return NULL;
}

void leg_video_free(LegVideo *v)
{
    if (!v)
        return;
    for (unsigned i = 0; i < v->n_queue; i++)
        md_packet_list_unref(v->queue[i].list);
    leg_receive_clear(v);
    md_rtx_cache_free(v->cache);
    free(v);
}

static void pop(LegVideo *v)
{
    md_packet_list_unref(v->queue[0].list);
    memmove(v->queue, v->queue + 1, --v->n_queue * sizeof *v->queue);
}

void leg_video_agreed(LegVideo *v, const MdAgreedMedia *before, int64_t now_us)
{
    MdLeg *leg = v->leg;
    LegMedia *m = &leg->media[v->media];
    const MdAgreedMedia *now = &m->agreed;
    /* Pictures on their way are in the old codec: under the new number they would be nonsense. */
    while (v->n_queue && (!now->active || now->codec != before->codec))
        pop(v);
    if (!now->active)
        return;
    m->sender.payload_type = now->send_pt;
    if (!before->active || before->codec != now->codec)
        v->tmmbr_bps = v->remb_bps = v->loss_bps = 0;
    leg_receive_agreed(v, before);
    v->frame_interval_us = 1000000 / (now->max.fps ? now->max.fps : 15);
    leg_rate_agreed(v);
    /* The other side starts over: it needs a key frame, and so do we when it resumes. */
    if (leg->attached && (now->direction & MD_SDP_SEND) &&
        (!before->active || !(before->direction & MD_SDP_SEND)))
        leg_video_key_asked(v, now_us);
    if ((now->direction & MD_SDP_RECV) && before->active && !(before->direction & MD_SDP_RECV)) {
        leg_receive_forget(v);
        if (leg->attached)
            leg_receive_ask_key(v, now_us);
    }
}

static void format_of(const MdLeg *leg, unsigned media, MdLegVideoFormat *ret)
{
    const LegMedia *m = &leg->media[media];
    *ret = (MdLegVideoFormat){.codec = (MdVideoCodec)m->agreed.codec};
    if (!leg->pictures[media])
        return;
    ret->sending = leg_can_send(m);
    ret->receiving = m->agreed.active && (m->agreed.direction & MD_SDP_RECV);
    ret->h264_packetization_mode = m->agreed.h264_mode;
    ret->h264_rank = m->agreed.h264_rank;
    ret->max = leg->pictures[media]->max;
    leg_receive_layers(leg->pictures[media], ret);
}

void md_leg_video_format(const MdLeg *leg, MdLegVideoFormat *ret)
{
    format_of(leg, VIDEO, ret);
}

void md_leg_content_format(const MdLeg *leg, MdLegVideoFormat *ret)
{
    format_of(leg, CONTENT, ret);
}

void md_leg_stream_format(const MdLeg *leg, unsigned stream, MdLegVideoFormat *ret)
{
    *ret = (MdLegVideoFormat){0};
    if (stream < MD_LEG_STREAMS_MAX && leg->pictures[STREAM + stream])
        format_of(leg, STREAM + stream, ret);
}

/* ---- key frames ---- */

static void pass_key_request(LegVideo *v)
{
    MdLeg *leg = v->leg;
    if (!leg->sink)
        return;
    if (v->media == VIDEO && leg->sink->on_key_frame_request)
        leg->sink->on_key_frame_request(leg, leg->user);
    if (v->media == CONTENT && leg->sink->on_content_key_frame_request)
        leg->sink->on_content_key_frame_request(leg, leg->user);
    if (v->media >= STREAM && leg->sink->on_stream_key_frame_request)
        leg->sink->on_stream_key_frame_request(leg, v->media - STREAM, leg->user);
}

void leg_video_key_asked(LegVideo *v, int64_t now_us)
{
    md_stat_add(v->stats.key_requests_received, 1);
    if (md_key_requests_ask(&v->asked, now_us))
        pass_key_request(v);
}

static void tick(MdTimer *timer, int64_t due_us, void *user)
{
    LegVideo *v = user;
    leg_receive_tick(v, due_us);
    if (md_key_requests_due(&v->asked, due_us))
        pass_key_request(v);
    leg_rate_rested(v, due_us);
    md_worker_timer_at(v->leg->worker, timer, due_us + TICK_US, tick, v);
}

void leg_video_attach(LegVideo *v, int64_t now_us)
{
    int64_t grid_us = now_us - now_us % TICK_US + TICK_PHASE_US;
    md_worker_timer_at(v->leg->worker, &v->tick_timer, grid_us > now_us ? grid_us : grid_us + TICK_US, tick,
                       v);
}

void leg_video_detach(LegVideo *v)
{
    md_worker_timer_cancel(v->leg->worker, &v->pace_timer);
    md_worker_timer_cancel(v->leg->worker, &v->tick_timer);
}

/* ---- out ---- */

static int send_slice(LegVideo *v, MdPacketList *list, unsigned i, uint32_t media_ts, int64_t now_us)
{
    MdLeg *leg = v->leg;
    LegMedia *m = &leg->media[v->media];
    uint8_t buf[MD_RTP_PACKET_MAX + MD_SRTP_OVERHEAD_MAX];
    const MdPayloadSlice *slice = &list->slices[i];
    size_t len = md_slice_len(slice);
    uint16_t seq = m->sender.seq;
    /* Reports tie the timestamp to when the picture was taken, not to when its last packet was let go: lip
     * sync. */
    size_t header =
        md_sender_write_header(&m->sender, buf, slice->marker, media_ts, len, list->frame->time_us);
    md_packet_list_copy(list, i, buf + header);
    md_rtx_cache_add(v->cache, seq, m->sender.last_ts, list, i, now_us);
    md_stat_add(v->stats.packets_sent, 1);
    md_stat_add(v->stats.bytes_sent, len);
    return leg_send_rtp(leg, v->media, buf, header + len, sizeof buf);
}

static bool send_some(LegVideo *v, LegPaced *paced, unsigned n, int64_t now_us)
{
    for (; n > 0 && paced->next < paced->list->n; n--)
        send_slice(v, paced->list, paced->next++, paced->ts, now_us);
    return paced->next == paced->list->n;
}

static void pace(MdTimer *timer, int64_t due_us, void *user)
{
    LegVideo *v = user;
    MdLeg *leg = v->leg;
    if (!leg_can_send(&leg->media[v->media]))
        while (v->n_queue)
            pop(v);
    if (v->n_queue && send_some(v, &v->queue[0], v->queue[0].per_step, due_us))
        pop(v);
    if (v->n_queue)
        md_worker_timer_at(leg->worker, timer, due_us + PACE_STEP_US, pace, v);
}

static void enqueue(LegVideo *v, MdPacketList *list, uint32_t media_ts, int64_t now_us)
{
    if (v->n_queue == LEG_PACE_QUEUE) { /* behind by that many pictures: order matters more than pace */
        send_some(v, &v->queue[0], UINT32_MAX, now_us);
        pop(v);
    }
    /* All of it within three quarters of the frame interval. */
    unsigned steps = (unsigned)(v->frame_interval_us * 3 / 4 / PACE_STEP_US);
    unsigned per_step = steps ? (list->n + steps - 1) / steps : list->n;
    bool first = v->n_queue == 0;
    v->queue[v->n_queue++] = (LegPaced){list, 0, media_ts, per_step > PACE_AT_ONCE ? per_step : PACE_AT_ONCE};
    if (!first)
        return;
    if (send_some(v, &v->queue[0], v->queue[0].per_step, now_us))
        pop(v);
    else
        md_worker_timer_at(v->leg->worker, &v->pace_timer, now_us + PACE_STEP_US, pace, v);
}

static int send_frame(LegVideo *v, const MdFrame *frame, int64_t now_us)
{
    if (!v)
        return -ENOTCONN;
    MdLeg *leg = v->leg;
    LegMedia *m = &leg->media[v->media];
    if (!leg_can_send(m))
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
    v->sent_us = now_us;
    enqueue(v, list, (uint32_t)((time_us - v->base_us) * 9 / 100), now_us);
    return 0;
}

int md_leg_send_video(MdLeg *leg, const MdFrame *frame, int64_t now_us)
{
    return send_frame(leg->pictures[VIDEO], frame, now_us);
}

int md_leg_send_content(MdLeg *leg, const MdFrame *frame, int64_t now_us)
{
    return send_frame(leg->pictures[CONTENT], frame, now_us);
}

int md_leg_send_stream(MdLeg *leg, unsigned stream, const MdFrame *frame, int64_t now_us)
{
    return stream < MD_LEG_STREAMS_MAX ? send_frame(leg->pictures[STREAM + stream], frame, now_us) : -EINVAL;
}

/* ---- repair for the peer ---- */

static void retransmit(LegVideo *v, const MdRtxEntry *entry)
{
    MdLeg *leg = v->leg;
    LegMedia *m = &leg->media[v->media];
    uint8_t buf[MD_RTP_PACKET_MAX + MD_SRTP_OVERHEAD_MAX];
    const MdPayloadSlice *slice = &entry->list->slices[entry->i];
    bool rtx = m->bundled && m->agreed.rtx_pt != MD_PT_NONE;
    size_t header = md_rtp_write_header(buf, rtx ? m->agreed.rtx_pt : m->sender.payload_type, slice->marker,
                                        rtx ? m->rtx_seq++ : entry->seq, entry->wire_ts,
                                        rtx ? m->rtx_ssrc : m->sender.ssrc);
    if (rtx) {
        md_rtx_write_osn(buf + header, entry->seq);
        header += MD_RTX_OSN_LEN;
    }
    size_t len = md_packet_list_copy(entry->list, entry->i, buf + header);
    if (leg_send_rtp(leg, v->media, buf, header + len, sizeof buf) == 0)
        md_stat_add(v->stats.packets_retransmitted, 1);
}

void leg_video_nack(LegVideo *v, const uint16_t *seqs, unsigned n, int64_t now_us)
{
    MdLeg *leg = v->leg;
    if (!leg_can_send(&leg->media[v->media]))
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
            (int)entry.list->frame->codec != leg->media[v->media].agreed.codec) /* of before a change of codec */
            continue;
        v->rtx_in_window++;
        retransmit(v, &entry);
    }
}
