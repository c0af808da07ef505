/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/fanout-private.h"

#include <string.h>
#include "mediad/rtp/rtcp.h"

#define REPORT_US 5000000
#define FIRST_REPORT_US 500000

static void protect_copy(BcFanout *f, BcFanoutSlot *slot, unsigned codec, unsigned plain_len, uint32_t wanted)
{
    unsigned plain = bc_fanout_stream(codec, BC_FANOUT_PLAIN);
    for (unsigned key = 0; key < f->o.n_keys; key++) {
        unsigned stream = bc_fanout_stream(codec, (int)key);
        size_t len = plain_len;
        slot->len[stream] = 0;
        if (!(wanted & 1u << stream))
            continue;
        memcpy(slot->packet[stream], slot->packet[plain], plain_len);
        if (md_srtp_protect_rtp(f->srtp[key], slot->packet[stream], &len, BC_FANOUT_PACKET_MAX) == 0)
            slot->len[stream] = len;
    }
}

/* A loudspeaker that joins late cannot know how often the sequence number went round (RFC 3711, 3.3.1): so it never does.
 * Before it would, the stream goes on under a new SSRC, which under this key was never used. */
static void advance_sequence(BcFanout *f, unsigned c)
{
    if (f->seq[c]++ != UINT16_MAX)
        return;
    f->ssrc[c] += MD_AUDIO_CODEC_MAX * 2;
    f->seq[c] = 1;
    f->sent[c] = f->octets[c] = 0;
    f->begun[c] = false;
}

static void make_packets(BcFanout *f, BcFanoutSlot *slot, const BcFrame *frame, uint32_t wanted)
{
    for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++) {
        unsigned plain = bc_fanout_stream(c, BC_FANOUT_PLAIN);
        slot->len[plain] = 0;
        for (unsigned key = 0; key < f->o.n_keys; key++)
            slot->len[bc_fanout_stream(c, (int)key)] = 0;
        if (frame->len[c] > 0 && frame->len[c] <= MD_AUDIO_PAYLOAD_MAX) {
            md_rtp_write_header(slot->packet[plain], f->o.payload_types[c], !f->begun[c], f->seq[c], f->ts[c], f->ssrc[c]);
            memcpy(slot->packet[plain] + MD_RTP_HEADER_LEN, frame->payload[c], frame->len[c]);
            unsigned len = MD_RTP_HEADER_LEN + (unsigned)frame->len[c];
            slot->len[plain] = len;
            f->begun[c] = true;
            f->sent[c]++;
            f->octets[c] += (uint32_t)frame->len[c];
            protect_copy(f, slot, c, len, wanted);
            advance_sequence(f, c);
        }
        f->ts[c] += md_audio_codec_clock_rate(c) / 1000 * f->o.frame_ms;
    }
}

static void make_reports(BcFanout *f, BcFanoutSlot *slot, uint32_t wanted, int64_t wall_us)
{
    for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++)
        for (int key = -1; key < (int)f->o.n_keys; key++) {
            unsigned stream = bc_fanout_stream(c, key);
            MdRtcpWriter writer;
            slot->report_len[stream] = 0;
            if (!(wanted & 1u << stream) || !f->begun[c])
                continue;
            MdRtcpSenderInfo info = {md_ntp_from_wall_us(wall_us), f->ts[c], f->sent[c], f->octets[c]};
            md_rtcp_writer_init(&writer, slot->reports[stream], BC_FANOUT_REPORT_MAX - MD_SRTP_OVERHEAD_MAX);
            if (md_rtcp_write_sr(&writer, f->ssrc[c], &info, NULL, 0) < 0 || md_rtcp_write_cname(&writer, f->ssrc[c], f->cname) < 0)
                continue;
            size_t len = writer.len;
            if (key < 0 || md_srtp_protect_rtcp(f->srtp[key], slot->reports[stream], &len, BC_FANOUT_REPORT_MAX) == 0)
                slot->report_len[stream] = len;
        }
}

static void on_ended(void *payload, size_t len)
{
    BcFanout *f;
    memcpy(&f, payload, sizeof f);
    if (!f->stopping && f->o.on_end)
        f->o.on_end(f->o.user);
}

static void on_end_retry(MdTimer *timer, int64_t due_us, void *user)
{
    BcFanout *f = user;
    if (md_mailbox_post(f->o.control, on_ended, &f, sizeof f) < 0)
        md_worker_timer_at(f->workers[f->lead], timer, due_us + 10000, on_end_retry, f);
}

static void kick_all(BcFanout *f)
{
    for (unsigned i = 0; i < f->n_shards; i++) {
        BcFanoutShard *shard = &f->shards[i];
        if (i == f->lead)
            continue;
        (void)md_worker_post(shard->worker, bc_fanout_shard_on_kick, &shard, sizeof shard); /* full: the next frame's kick finds this one too */
    }
    if (!f->shards[f->lead].sending)
        bc_fanout_shard_run(&f->shards[f->lead]);
}

static void on_tick(MdTimer *timer, int64_t due_us, void *user)
{
    BcFanout *f = user;
    MdWorker *worker = f->workers[f->lead];
    BcFanoutStats *stats = &f->shards[f->lead].stats;
    uint32_t wanted = atomic_load_explicit(&f->streams_wanted, memory_order_relaxed);
    unsigned codecs = 0;
    for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++)
        codecs |= wanted >> c * BC_FANOUT_VARIANTS & ((1u << BC_FANOUT_VARIANTS) - 1) ? 1u << c : 0;
    BcFrame frame;
    if (!bc_source_pull(f->o.source, codecs, &frame)) {
        f->ended = true;
        on_end_retry(&f->tick, due_us, f);
        return;
    }
    uint64_t head = atomic_load_explicit(&f->head, memory_order_relaxed);
    BcFanoutSlot *slot = &f->ring[head % BC_FANOUT_RING];
    slot->due_us = due_us;
    slot->report = due_us >= f->next_report_us;
    make_packets(f, slot, &frame, wanted);
    if (slot->report) {
        make_reports(f, slot, wanted, md_clock_wall_us(md_clock_system()));
        f->last_report_us = due_us;
        f->next_report_us = due_us + REPORT_US;
    }
    atomic_store_explicit(&f->head, head + 1, memory_order_release);
    md_stat_add(&stats->frames, 1);
    if (md_worker_clock_us(worker) - due_us > f->frame_us / 2)
        md_stat_add(&stats->frames_late, 1);
    md_worker_timer_at(worker, &f->tick, due_us + f->frame_us, on_tick, f);
    kick_all(f);
}

void bc_fanout_lead_on_start(void *payload, size_t len)
{
    struct { BcFanout *f; int64_t start_us; } mail;
    memcpy(&mail, payload, sizeof mail);
    BcFanout *f = mail.f;
    int64_t now = md_worker_now_us(f->workers[f->lead]), at = MAX(mail.start_us, now);
    f->next_report_us = at + FIRST_REPORT_US;
    md_worker_timer_at(f->workers[f->lead], &f->tick, at, on_tick, f);
}
