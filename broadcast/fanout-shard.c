/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/fanout-private.h"

#include <errno.h>
#include <string.h>

#define BEHIND_MAX 5          /* frames; then the worker goes on with the newest */
#define BATCH 96              /* packets in one system call: below 0.4 ms, so that a room's tick on this worker is not late */
#define SPREAD_PERCENT 85     /* of the frame's duration */
#define RETRY_US 500          /* after the socket buffer was full */
#define JOIN_REPORT_US 500000 /* reports because somebody joined: at most so often */

static void on_shard_timer(MdTimer *timer, int64_t due_us, void *user)
{
    bc_fanout_shard_run(user);
}

/* Packets of the plan's destinations from here on stay unsent. */
static void skip(BcFanoutShard *shard, unsigned from, uint64_t frames)
{
    BcFanoutPlan *plan = shard->plan;
    for (unsigned i = from; plan && i < plan->n; i++)
        atomic_fetch_add_explicit(plan->unsent[i], (uint32_t)frames, memory_order_relaxed);
    md_stat_add(&shard->stats.skipped, frames * (plan && plan->n > from ? plan->n - from : 0));
}

/* Takes up the next frame if one is ready: its bytes, and the newest plan. */
static bool begin_frame(BcFanoutShard *shard)
{
    BcFanout *f = shard->fanout;
    uint64_t head = atomic_load_explicit(&f->head, memory_order_acquire);
    if (shard->frame >= head)
        return false;
    if (head - shard->frame > BEHIND_MAX) {
        uint64_t lost = head - 1 - shard->frame;
        skip(shard, 0, lost);
        shard->frame = head - 1;
    }
    if (shard->next) {
        bc_fanout_plan_retire(f, shard->plan);
        shard->plan = shard->next;
        shard->next = NULL;
    }
    BcFanoutSlot *slot = &f->ring[shard->frame % BC_FANOUT_RING];
    for (unsigned i = 0; i < BC_FANOUT_STREAMS; i++)
        shard->iov[i] = (struct iovec){slot->packet[i], slot->len[i]};
    shard->sending = true;
    shard->reporting = false;
    shard->pos = shard->segment = 0;
    shard->began_us = MAX(slot->due_us, md_worker_now_us(shard->worker));
    return true;
}

/* RTP of the frame is out: reports, if this frame carries them, else the next frame. */
static bool next_part(BcFanoutShard *shard)
{
    BcFanoutSlot *slot = &shard->fanout->ring[shard->frame % BC_FANOUT_RING];
    if (shard->plan && slot->report && !shard->reporting) {
        for (unsigned i = 0; i < BC_FANOUT_STREAMS; i++)
            shard->iov[i] = (struct iovec){slot->reports[i], slot->report_len[i]};
        shard->reporting = true;
        shard->pos = shard->segment = 0;
        return true;
    }
    shard->sending = false;
    shard->frame++;
    return begin_frame(shard);
}

/* One system call. True: the buffer is full, try again soon. */
static bool send_batch(BcFanoutShard *shard, const BcFanoutSegment *segment)
{
    BcFanoutPlan *plan = shard->plan;
    struct mmsghdr *messages = shard->reporting ? plan->rtcp : plan->rtp;
    unsigned n = MIN(segment->first + segment->n - shard->pos, BATCH);
    if (shard->iov[segment->stream].iov_len == 0) { /* this codec has nothing in this frame */
        shard->pos = segment->first + segment->n;
        return false;
    }
    int fd = bc_fanout_socket(shard->fanout, segment->v6, shard->reporting && !segment->mux);
    int sent = sendmmsg(fd, messages + shard->pos, n, MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS))
        return true;
    if (sent < 0) { /* the first one is refused: pass it over */
        md_stat_add(&shard->stats.errors, 1);
        if (!shard->reporting)
            atomic_fetch_add_explicit(plan->unsent[shard->pos], 1, memory_order_relaxed);
        sent = 1;
    } else {
        md_stat_add(shard->reporting ? &shard->stats.reports : &shard->stats.packets, (uint64_t)sent);
    }
    shard->pos += (unsigned)sent;
    return false;
}

/* When the next batch is due: the sends are spread evenly over most of the frame. */
static int64_t pace(const BcFanoutShard *shard)
{
    const BcFanoutPlan *plan = shard->plan;
    unsigned total = plan->n + (shard->fanout->ring[shard->frame % BC_FANOUT_RING].report ? plan->n_rtcp : 0);
    unsigned done = shard->pos + (shard->reporting ? plan->n : 0);
    int64_t spread = shard->fanout->frame_us * SPREAD_PERCENT / 100;
    return shard->began_us + spread * done / MAX(total, 1);
}

/* The network took nothing for several frames: what is left of this one would only be late. */
static void give_up_if_behind(BcFanoutShard *shard)
{
    uint64_t head = atomic_load_explicit(&shard->fanout->head, memory_order_acquire);
    if (!shard->sending || !shard->plan || head - shard->frame <= BEHIND_MAX)
        return;
    if (!shard->reporting)
        skip(shard, shard->pos, 1);
    shard->sending = false;
    shard->frame++;
}

void bc_fanout_shard_run(BcFanoutShard *shard)
{
    if (shard->stopped)
        return;
    give_up_if_behind(shard);
    if (!shard->sending && !begin_frame(shard))
        return;
    int64_t began = md_worker_clock_us(shard->worker);
    for (unsigned in_this_run = 0;;) {
        const BcFanoutPlan *plan = shard->plan;
        const BcFanoutSegment *segments = plan ? (shard->reporting ? plan->rtcp_segments : plan->segments) : NULL;
        unsigned n = plan ? (shard->reporting ? plan->n_rtcp_segments : plan->n_segments) : 0;
        while (shard->segment < n && shard->pos >= segments[shard->segment].first + segments[shard->segment].n)
            shard->segment++;
        if (shard->segment >= n) {
            if (!next_part(shard))
                break;
            continue;
        }
        if (in_this_run >= BATCH) { /* back to the loop between batches, even when late: others live on this worker */
            md_worker_timer_at(shard->worker, &shard->timer, pace(shard), on_shard_timer, shard);
            break;
        }
        unsigned before = shard->pos;
        if (send_batch(shard, &segments[shard->segment])) {
            md_worker_timer_at(shard->worker, &shard->timer, md_worker_clock_us(shard->worker) + RETRY_US, on_shard_timer, shard);
            break;
        }
        in_this_run += shard->pos - before;
    }
    md_stat_add(&shard->stats.busy_us, (uint64_t)(md_worker_clock_us(shard->worker) - began));
}

void bc_fanout_shard_on_kick(void *payload, size_t len)
{
    BcFanoutShard *shard;
    memcpy(&shard, payload, sizeof shard);
    if (!shard->sending)
        bc_fanout_shard_run(shard);
}

void bc_fanout_shard_on_plan(void *payload, size_t len)
{
    struct { BcFanoutShard *shard; BcFanoutPlan *plan; } mail;
    memcpy(&mail, payload, sizeof mail);
    BcFanout *f = mail.shard->fanout;
    bc_fanout_plan_retire(f, mail.shard->next);
    mail.shard->next = mail.plan;
    if (mail.shard == &f->shards[f->lead]) /* who joins learns soon where on the clock the sound is */
        f->next_report_us = MIN(f->next_report_us, MAX(f->last_report_us + JOIN_REPORT_US, md_worker_now_us(mail.shard->worker)));
}
