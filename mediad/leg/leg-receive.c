/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What comes in on a line of pictures, on the leg's worker: packets -> order and repair -> access units. A browser may send the same
 * picture in several sizes at once (layers of simulcast, RFC 8853), each a stream of its own: those that somebody has a use for are put
 * together side by side, one of them is the line's picture; the rest are only counted. */
#include <errno.h>

#include "mediad/leg/leg-private.h"

#define KEY_INTERVAL_US 500000
#define KEY_RETRY_US 1000000
#define NACKS_MAX 64
#define LAYER_SILENT_US 1500000

G_STATIC_ASSERT(MD_LEG_LAYERS_MAX == MD_SDP_RIDS_MAX);

static bool init_one(LegReceiver *in, LegVideo *v, unsigned layer)
{
    static const MdReorderOptions repaired = {.nack = true};
    bool ok = (in->reorder = md_reorder_new(&repaired)) != NULL;
    in->video = v;
    in->layer = (uint8_t)layer;
    in->codec = -1;
    in->stream = layer > 0 ? &in->layer_stream : &v->leg->media[v->media].stream;
    md_stream_init(&in->layer_stream, 90000, 1);
    md_key_gate_init(&in->gate);
    md_key_requests_init(&in->ask, KEY_INTERVAL_US, KEY_RETRY_US);
    for (unsigned i = 0; i < MD_VIDEO_CODEC_MAX; i++)
        ok = ok && (in->depacketisers[i] = md_depacketiser_new((MdVideoCodec)i));
    return ok;
}

bool leg_receive_init(LegVideo *v)
{
    static const MdReorderOptions ordered = {.nack = false};
    bool ok = true;
    v->n_in = v->leg->browser && v->media == VIDEO ? MD_LEG_LAYERS_MAX : 1;
    for (unsigned i = 0; i < v->n_in; i++)
        ok = init_one(&v->in[i], v, i) && ok;
    v->unrepaired = md_reorder_new(&ordered);
    return ok && v->unrepaired;
}

void leg_receive_clear(LegVideo *v)
{
    for (unsigned k = 0; k < v->n_in; k++) {
        for (unsigned i = 0; i < MD_VIDEO_CODEC_MAX; i++)
            md_depacketiser_free(v->in[k].depacketisers[i]);
        md_reorder_free(v->in[k].reorder);
    }
    md_reorder_free(v->unrepaired);
}

static const MdAgreedMedia *agreed_of(const LegVideo *v)
{
    return &v->leg->media[v->media].agreed;
}

/* Whether it is one of several. */
static bool is_layered(const LegVideo *v)
{
    return v->n_in > 1 && agreed_of(v)->n_rids > 0;
}

/* What the description said of the stream is true of every stream of it. */
static void tell_parameter_sets(LegReceiver *in)
{
    const MdAgreedMedia *agreed = agreed_of(in->video);
    for (unsigned i = 0; i < agreed->n_parameter_sets; i++)
        md_depacketiser_add_parameter_set(in->depacketisers[MD_VIDEO_H264], agreed->parameter_sets[i].data, agreed->parameter_sets[i].len);
}

static void forget(LegReceiver *in)
{
    md_reorder_reset(in->reorder);
    for (unsigned i = 0; i < MD_VIDEO_CODEC_MAX; i++)
        md_depacketiser_reset(in->depacketisers[i]);
    tell_parameter_sets(in);
    md_key_gate_close(&in->gate);
}

void leg_receive_forget(LegVideo *v)
{
    for (unsigned i = 0; i < v->n_in; i++)
        forget(&v->in[i]);
}

void leg_receive_agreed(LegVideo *v, const MdAgreedMedia *before)
{
    const MdAgreedMedia *now = agreed_of(v);
    bool repair = now->feedback & MD_SDP_FB_NACK, was = !v->unrepaired_in_use;
    for (unsigned i = 0; i < v->n_in; i++) {
        LegReceiver *in = &v->in[i];
        if (!before->active || before->codec != now->codec)
            md_key_gate_close(&in->gate);
        if (!before->active && i > 0)
            md_stream_bye(in->stream, in->stream->ssrc);
        tell_parameter_sets(in);
    }
    if (v->n_in > 0 && repair != was) {
        MdReorder *other = v->unrepaired;
        v->unrepaired = v->in[0].reorder;
        v->in[0].reorder = other;
        v->unrepaired_in_use = !repair;
        md_reorder_reset(other);
    }
    if (v->shown >= MAX(now->n_rids, 1u))
        v->shown = v->wanted = 0;
}

/* ---- key frames ---- */

static void ask_for_key(LegReceiver *in, int64_t now_us)
{
    LegVideo *v = in->video;
    LegMedia *m = &v->leg->media[v->media];
    uint8_t buf[MD_RTP_PACKET_MAX + MD_SRTP_OVERHEAD_MAX];
    MdRtcpWriter writer;
    if (!m->agreed.active || !in->stream->active)
        return;
    leg_rtcp_begin(v->leg, v->media, &writer, buf, MD_RTP_PACKET_MAX, now_us);
    bool fir_only = (m->agreed.feedback & MD_SDP_FB_FIR) && !(m->agreed.feedback & MD_SDP_FB_PLI);
    int rc = fir_only ? md_rtcp_write_fir(&writer, m->sender.ssrc, in->stream->ssrc, ++m->fir_seq_sent)
                      : md_rtcp_write_pli(&writer, m->sender.ssrc, in->stream->ssrc);
    if (rc == 0 && leg_send_rtcp(v->leg, v->media, buf, writer.len, sizeof buf) == 0)
        md_stat_add(v->stats.key_requests_sent, 1);
}

static void ask_key(LegReceiver *in, int64_t now_us)
{
    if (md_key_requests_ask(&in->ask, now_us))
        ask_for_key(in, now_us);
}

void leg_receive_ask_key(LegVideo *v, int64_t now_us)
{
    if (v && v->n_in > 0)
        ask_key(&v->in[v->shown], now_us);
}

void md_leg_request_key_frame(MdLeg *leg, int64_t now_us)
{
    leg_receive_ask_key(leg->pictures[VIDEO], now_us);
}

void md_leg_request_content_key_frame(MdLeg *leg, int64_t now_us)
{
    leg_receive_ask_key(leg->pictures[CONTENT], now_us);
}

void md_leg_request_layer_key_frame(MdLeg *leg, unsigned layer, int64_t now_us)
{
    LegVideo *v = leg->pictures[VIDEO];
    if (v && layer < v->n_in)
        ask_key(&v->in[layer], now_us);
}

/* ---- pictures ---- */

/* The line's picture changes over to the wanted layer where its key frame is. */
static void pass_frame(LegReceiver *in, MdFrame *frame, int64_t now_us)
{
    LegVideo *v = in->video;
    MdLeg *leg = v->leg;
    if (!leg->sink)
        return;
    if (in->layer == v->wanted && frame->key)
        v->shown = in->layer;
    else if (in->layer == v->wanted && in->layer != v->shown)
        ask_key(in, now_us);
    if (v->media == CONTENT) {
        if (leg->sink->on_content)
            leg->sink->on_content(leg, frame, leg->user);
        return;
    }
    if (in->layer == v->shown && leg->sink->on_video)
        leg->sink->on_video(leg, frame, leg->user);
    if (leg->sink->on_layer)
        leg->sink->on_layer(leg, in->layer, frame, leg->user);
}

static void deliver(LegReceiver *in, MdFrame *frame, int64_t now_us)
{
    LegVideo *v = in->video;
    if (in->layer == v->shown) {
        md_stat_add(v->stats.frames_received, 1);
        md_stat_add(v->stats.frames_damaged, frame->damaged);
    }
    if (frame->key)
        md_key_requests_satisfied(&in->ask, now_us);
    bool pass = md_key_gate_pass(&in->gate, frame);
    if (!pass)
        ask_key(in, now_us);
    /* A sender that cannot be asked would stay frozen until its own next key frame: its decoder has to cope. */
    bool askable = agreed_of(v)->feedback & (MD_SDP_FB_PLI | MD_SDP_FB_FIR);
    if (pass || (!askable && in->seen_key))
        pass_frame(in, frame, now_us);
    in->seen_key |= frame->key;
}

static int codec_of(const MdAgreedMedia *agreed, uint8_t pt)
{
    for (unsigned i = 0; i < agreed->n_receive; i++)
        if (agreed->receive[i].pt == pt)
            return agreed->receive[i].codec;
    return -1;
}

static void send_nacks(LegReceiver *in, int64_t now_us)
{
    LegVideo *v = in->video;
    MdLeg *leg = v->leg;
    LegMedia *m = &leg->media[v->media];
    uint16_t seqs[NACKS_MAX];
    if (!(m->agreed.feedback & MD_SDP_FB_NACK))
        return;
    unsigned n = md_reorder_nacks(in->reorder, now_us, leg->round_trip_us, seqs, NACKS_MAX);
    if (n == 0)
        return;
    uint8_t buf[MD_RTP_PACKET_MAX + MD_SRTP_OVERHEAD_MAX];
    MdRtcpWriter writer;
    leg_rtcp_begin(leg, v->media, &writer, buf, MD_RTP_PACKET_MAX, now_us);
    if (md_rtcp_write_nack(&writer, m->sender.ssrc, in->stream->ssrc, seqs, n) == 0 &&
        leg_send_rtcp(leg, v->media, buf, writer.len, sizeof buf) == 0)
        md_stat_add(v->stats.nacks_sent, 1);
}

static void drain(LegReceiver *in, int64_t now_us)
{
    LegVideo *v = in->video;
    MdRtpPacket packet;
    unsigned lost = 0;
    while (md_reorder_next(in->reorder, now_us, &packet, &lost)) {
        int codec = codec_of(agreed_of(v), packet.payload_type);
        if (codec < 0)
            continue;
        if (codec != in->codec) {
            in->codec = codec;
            md_depacketiser_reset(in->depacketisers[codec]);
            tell_parameter_sets(in);
            md_key_gate_close(&in->gate);
        }
        if (in->layer == v->shown)
            md_stat_add(v->stats.packets_lost, lost);
        MdDepacketiser *depacketiser = in->depacketisers[codec];
        if (md_depacketiser_push(depacketiser, &packet, lost, now_us) < 0)
            leg_reject(v->leg);
        MdFrame *frame;
        while ((frame = md_depacketiser_take(depacketiser))) {
            deliver(in, frame, now_us);
            md_frame_unref(frame);
        }
    }
    if (md_reorder_take_need_key(in->reorder))
        ask_key(in, now_us);
    send_nacks(in, now_us);
}

/* ---- layers ---- */

static bool is_heard(const LegReceiver *in, int64_t now_us)
{
    return in->seen_us != 0 && now_us - in->seen_us <= LAYER_SILENT_US;
}

/* The smallest layer that serves; layers are named from small to large, each half as high as the next (what pages of ours do).
 * One that has fallen silent is not waited for: browsers stop layers that the line does not carry. */
static unsigned choose_layer(const LegVideo *v, int64_t now_us)
{
    unsigned n = agreed_of(v)->n_rids, best = v->shown;
    bool found = false;
    for (unsigned i = 0; i < n; i++) {
        if (!is_heard(&v->in[i], now_us))
            continue;
        best = i;
        found = true;
        if (md_leg_layer_serves(agreed_of(v)->max.height, n, i, v->need_height))
            break;
    }
    return found ? best : v->shown;
}

/* Is it put together, for the line's own picture or for who wants it as it is? One that begins to be starts at a key frame. */
static bool is_taken(LegReceiver *in, int64_t now_us)
{
    LegVideo *v = in->video;
    if (!is_layered(v))
        return in->taken = true;
    v->wanted = (uint8_t)choose_layer(v, now_us);
    bool taken = in->layer == v->wanted || in->layer == v->shown || (v->also_wanted >> in->layer & 1);
    if (taken && !in->taken)
        forget(in);
    return in->taken = taken;
}

void md_leg_want_video(MdLeg *leg, uint16_t height)
{
    if (leg->pictures[VIDEO])
        leg->pictures[VIDEO]->need_height = height;
}

void md_leg_want_layers(MdLeg *leg, unsigned layers)
{
    if (leg->pictures[VIDEO])
        leg->pictures[VIDEO]->also_wanted = (uint8_t)layers;
}

void leg_receive_layers(const LegVideo *v, MdLegVideoFormat *ret)
{
    ret->layers = is_layered(v) ? (uint8_t)agreed_of(v)->n_rids : 0;
    ret->layers_heard = is_layered(v) ? v->heard : 0;
}

MdStream *leg_receive_stream(MdLeg *leg, unsigned media, unsigned layer)
{
    LegVideo *v = leg->pictures[media];
    return v && layer < v->n_in ? v->in[layer].stream : &leg->media[media].stream;
}

bool leg_receive_repaired(LegVideo *v, unsigned layer, MdRtpPacket *packet, int64_t now_us)
{
    LegReceiver *in = layer < v->n_in ? &v->in[layer] : NULL;
    const MdAgreedMedia *agreed = agreed_of(v);
    if (!in || !in->taken || !in->stream->active || !agreed->n_receive || !(agreed->direction & MD_SDP_RECV) ||
        md_rtx_unwrap(packet, in->stream->ssrc, agreed->receive[0].pt) < 0)
        return false;
    leg_video_receive(v, layer, packet, MD_STREAM_OK, now_us);
    return true;
}

void leg_video_receive(LegVideo *v, unsigned layer, const MdRtpPacket *packet, MdStreamVerdict verdict, int64_t now_us)
{
    if (layer >= v->n_in)
        return;
    LegReceiver *in = &v->in[layer];
    in->seen_us = now_us;
    v->heard |= (uint8_t)(1u << in->layer);
    if (is_layered(v))
        md_stat_add(v->layer_bytes[in->layer], packet->payload_len);
    if (!is_taken(in, now_us))
        return;
    if (in->layer == v->shown) {
        md_stat_add(v->stats.packets_received, 1);
        md_stat_add(v->stats.bytes_received, packet->payload_len);
        md_stat_set(v->stats.jitter_us, (uint64_t)md_stream_jitter_us(in->stream));
    }
    if (verdict == MD_STREAM_RESTART)
        forget(in);
    if (md_reorder_put(in->reorder, packet, now_us) == -EMSGSIZE)
        leg_reject(v->leg);
    drain(in, now_us);
}

void leg_receive_tick(LegVideo *v, int64_t now_us)
{
    v->heard = 0;
    for (unsigned i = 0; i < v->n_in; i++) {
        LegReceiver *in = &v->in[i];
        v->heard |= (uint8_t)(is_heard(in, now_us) << i);
        if (!in->taken)
            continue;
        if (md_reorder_due_us(in->reorder) <= now_us)
            drain(in, now_us);
        if (md_key_requests_due(&in->ask, now_us))
            ask_for_key(in, now_us);
    }
}
