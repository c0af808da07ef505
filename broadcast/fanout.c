/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/fanout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/random.h>
#include "mediad/rtp/packet.h"
#include "mediad/rtp/rtcp.h"

#define WORKERS_MAX 64
#define RING 16               /* frames kept for workers that are behind */
#define BEHIND_MAX 5          /* frames; then the worker goes on with the newest */
#define BATCH 96              /* packets in one system call: below 0.4 ms, so that a room's tick on this worker is not late */
#define SPREAD_PERCENT 85     /* of the frame's duration */
#define REPORT_US 5000000
#define FIRST_REPORT_US 500000
#define JOIN_REPORT_US 500000  /* reports because somebody joined: at most so often */
#define RETRY_US 500          /* after the socket buffer was full */
#define VARIANTS (BC_FANOUT_KEYS_MAX + 1) /* each key, and plain */
#define STREAMS (MD_AUDIO_CODEC_MAX * VARIANTS)
#define PACKET_MAX (MD_AUDIO_PAYLOAD_MAX + MD_RTP_HEADER_LEN + MD_SRTP_OVERHEAD_MAX)
#define REPORT_MAX 200

/* One frame, ready to be sent: by stream = codec * VARIANTS + (plain ? 0 : 1 + key). */
typedef struct Slot {
    int64_t due_us;
    bool report;
    size_t len[STREAMS], report_len[STREAMS];
    uint8_t packet[STREAMS][PACKET_MAX];
    uint8_t reports[STREAMS][REPORT_MAX];
} Slot;

typedef struct Segment { /* neighbours in msgs that get the same bytes through the same socket */
    unsigned first, n;
    uint8_t stream;
    bool v6, mux; /* mux: reports go through the RTP socket (RFC 5761) */
} Segment;

typedef struct Plan { /* one worker's destinations; only msg_len changes in it */
    struct mmsghdr *rtp, *rtcp; /* same order; rtcp has n_rtcp of them */
    struct sockaddr_in6 *names, *rtcp_names;
    _Atomic uint32_t **unsent;  /* by destination, in the order of rtp */
    Segment segments[STREAMS * 4], rtcp_segments[STREAMS * 4];
    unsigned n_segments, n_rtcp_segments, n, n_rtcp;
} Plan;

typedef struct Shard {
    /* immutable */
    BcFanout *fanout;
    MdWorker *worker;
    /* worker */
    MdTimer timer;
    Plan *plan, *next;
    uint64_t frame;         /* being sent, or to be sent next */
    bool sending, reporting;
    unsigned pos, segment;
    int64_t began_us;
    struct iovec iov[STREAMS];
    bool stopped;
    BcFanoutStats stats;
} Shard;

typedef struct Entry {
    uint32_t handle;
    bool removed; /* taken out by the next commit */
    _Atomic uint32_t *unsent; /* packets that never left; the fan-out's */
    BcDestination to;
} Entry;

struct BcFanout {
    /* immutable */
    BcFanoutOptions o;
    MdWorker *workers[WORKERS_MAX];
    unsigned n_shards, lead;
    char cname[64];
    int64_t frame_us;
    /* control */
    GArray *entries;        /* of Entry, in order of adding */
    GPtrArray *tallies;     /* of _Atomic uint32_t, one an entry: plans of the workers point to them */
    unsigned removed;
    uint32_t last_handle;
    void (*done)(void *user);
    void *done_user;
    bool stopping;
    /* lead worker */
    MdTimer tick;
    int64_t next_report_us, last_report_us;
    uint16_t seq[MD_AUDIO_CODEC_MAX];
    uint32_t ts[MD_AUDIO_CODEC_MAX], ssrc[MD_AUDIO_CODEC_MAX], sent[MD_AUDIO_CODEC_MAX], octets[MD_AUDIO_CODEC_MAX];
    bool begun[MD_AUDIO_CODEC_MAX];
    MdSrtp *srtp[BC_FANOUT_KEYS_MAX];
    bool ended;
    unsigned stop_next;     /* shard to be told next that it is over */
    /* shared */
    _Atomic uint64_t head;  /* frames ready in the ring */
    _Atomic uint32_t streams_wanted;
    _Atomic unsigned shards_left;
    Slot *ring;
    Shard shards[];
};

static unsigned stream_of(MdAudioCodec codec, int key)
{
    return (unsigned)codec * VARIANTS + (unsigned)(key + 1);
}

/* --- plans: built on control, owned by a worker, freed on control --- */

static void free_plan(Plan *plan)
{
    if (!plan)
        return;
    free(plan->rtp);
    free(plan->rtcp);
    free(plan->names);
    free(plan->unsent);
    free(plan->rtcp_names);
    free(plan);
}

static void on_plan_retired(void *payload, size_t len)
{
    Plan *plan;
    memcpy(&plan, payload, sizeof plan);
    free_plan(plan);
}

static void put_message(struct mmsghdr *message, struct sockaddr_in6 *name, const MdAddr *to, struct iovec *iov)
{
    memcpy(name, &to->ss, to->len);
    *message = (struct mmsghdr){.msg_hdr = {.msg_name = name, .msg_namelen = to->len, .msg_iov = iov, .msg_iovlen = 1}};
}

static void extend(Segment *segments, unsigned *n_segments, unsigned at, unsigned stream, bool v6, bool mux)
{
    Segment *last = *n_segments ? &segments[*n_segments - 1] : NULL;
    if (last && last->stream == stream && last->v6 == v6 && last->mux == mux)
        last->n++;
    else
        segments[(*n_segments)++] = (Segment){at, 1, (uint8_t)stream, v6, mux};
}

static bool is_mux(const BcDestination *to)
{
    return md_addr_equal(&to->rtp, &to->rtcp);
}

static int by_stream(const void *a, const void *b)
{
    const Entry *x = *(const Entry *const *)a, *y = *(const Entry *const *)b;
    int order = (int)stream_of(x->to.codec, x->to.key) - (int)stream_of(y->to.codec, y->to.key);
    if (!order)
        order = x->to.rtp.ss.ss_family - y->to.rtp.ss.ss_family;
    if (!order)
        order = is_mux(&x->to) - is_mux(&y->to); /* few segments: one a system call at least */
    return order ? order : x < y ? -1 : x > y; /* entries lie in one array: stable */
}

static Plan *build_plan(Shard *shard, Entry *const *entries, unsigned n)
{
    Plan *plan = calloc(1, sizeof *plan);
    bool ok = plan && (plan->rtp = calloc(MAX(n, 1), sizeof *plan->rtp)) && (plan->rtcp = calloc(MAX(n, 1), sizeof *plan->rtcp)) &&
              (plan->names = calloc(MAX(n, 1), sizeof *plan->names)) &&
              (plan->unsent = calloc(MAX(n, 1), sizeof *plan->unsent)) &&
              (plan->rtcp_names = calloc(MAX(n, 1), sizeof *plan->rtcp_names));
    if (!ok) {
        free_plan(plan);
        return NULL;
    }
    for (unsigned i = 0; i < n; i++) {
        const BcDestination *to = &entries[i]->to;
        plan->unsent[i] = entries[i]->unsent;
        unsigned stream = stream_of(to->codec, to->key);
        bool v6 = to->rtp.ss.ss_family == AF_INET6;
        put_message(&plan->rtp[plan->n], &plan->names[plan->n], &to->rtp, &shard->iov[stream]);
        extend(plan->segments, &plan->n_segments, plan->n++, stream, v6, false);
        if (!md_addr_is_set(&to->rtcp) || to->rtcp.ss.ss_family != to->rtp.ss.ss_family)
            continue;
        put_message(&plan->rtcp[plan->n_rtcp], &plan->rtcp_names[plan->n_rtcp], &to->rtcp, &shard->iov[stream]);
        extend(plan->rtcp_segments, &plan->n_rtcp_segments, plan->n_rtcp++, stream, v6, is_mux(to));
    }
    return plan;
}

/* --- a shard: sends what the lead made to its own destinations --- */

static void run_shard(Shard *shard);

static void on_shard_timer(MdTimer *timer, int64_t due_us, void *user)
{
    run_shard(user);
}

static void retire(Shard *shard, Plan *plan)
{
    if (plan && md_mailbox_post(shard->fanout->o.control, on_plan_retired, &plan, sizeof plan) < 0)
        free_plan(plan); /* control does not listen: rather a slow free here than a leak */
}

/* Packets of the plan's destinations from here on stay unsent. */
static void skip(Shard *shard, unsigned from, uint64_t frames)
{
    Plan *plan = shard->plan;
    for (unsigned i = from; plan && i < plan->n; i++)
        atomic_fetch_add_explicit(plan->unsent[i], (uint32_t)frames, memory_order_relaxed);
    md_stat_add(&shard->stats.skipped, frames * (plan && plan->n > from ? plan->n - from : 0));
}

/* Takes up the next frame if one is ready: its bytes, and the newest plan. */
static bool begin_frame(Shard *shard)
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
        retire(shard, shard->plan);
        shard->plan = shard->next;
        shard->next = NULL;
    }
    Slot *slot = &f->ring[shard->frame % RING];
    for (unsigned i = 0; i < STREAMS; i++)
        shard->iov[i] = (struct iovec){slot->packet[i], slot->len[i]};
    shard->sending = true;
    shard->reporting = false;
    shard->pos = shard->segment = 0;
    shard->began_us = MAX(slot->due_us, md_worker_now_us(shard->worker));
    return true;
}

/* RTP of the frame is out: reports, if this frame carries them, else the next frame. */
static bool next_part(Shard *shard)
{
    Slot *slot = &shard->fanout->ring[shard->frame % RING];
    if (shard->plan && slot->report && !shard->reporting) {
        for (unsigned i = 0; i < STREAMS; i++)
            shard->iov[i] = (struct iovec){slot->reports[i], slot->report_len[i]};
        shard->reporting = true;
        shard->pos = shard->segment = 0;
        return true;
    }
    shard->sending = false;
    shard->frame++;
    return begin_frame(shard);
}

static int socket_for(const BcFanout *f, bool v6, bool rtcp)
{
    return v6 ? rtcp ? f->o.rtcp_fd6 : f->o.rtp_fd6 : rtcp ? f->o.rtcp_fd : f->o.rtp_fd;
}

/* One system call. True: the buffer is full, try again soon. */
static bool send_batch(Shard *shard, const Segment *segment)
{
    Plan *plan = shard->plan;
    struct mmsghdr *messages = shard->reporting ? plan->rtcp : plan->rtp;
    unsigned n = MIN(segment->first + segment->n - shard->pos, BATCH);
    if (shard->iov[segment->stream].iov_len == 0) { /* this codec has nothing in this frame */
        shard->pos = segment->first + segment->n;
        return false;
    }
    int fd = socket_for(shard->fanout, segment->v6, shard->reporting && !segment->mux);
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
static int64_t pace(const Shard *shard)
{
    const Plan *plan = shard->plan;
    unsigned total = plan->n + (shard->fanout->ring[shard->frame % RING].report ? plan->n_rtcp : 0);
    unsigned done = shard->pos + (shard->reporting ? plan->n : 0);
    int64_t spread = shard->fanout->frame_us * SPREAD_PERCENT / 100;
    return shard->began_us + spread * done / MAX(total, 1);
}

/* The network took nothing for several frames: what is left of this one would only be late. */
static void give_up_if_behind(Shard *shard)
{
    uint64_t head = atomic_load_explicit(&shard->fanout->head, memory_order_acquire);
    if (!shard->sending || !shard->plan || head - shard->frame <= BEHIND_MAX)
        return;
    if (!shard->reporting)
        skip(shard, shard->pos, 1);
    shard->sending = false;
    shard->frame++;
}

static void run_shard(Shard *shard)
{
    if (shard->stopped)
        return;
    give_up_if_behind(shard);
    if (!shard->sending && !begin_frame(shard))
        return;
    int64_t began = md_worker_clock_us(shard->worker);
    for (unsigned in_this_run = 0;;) {
        const Plan *plan = shard->plan;
        const Segment *segments = plan ? (shard->reporting ? plan->rtcp_segments : plan->segments) : NULL;
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

static void on_kick(void *payload, size_t len)
{
    Shard *shard;
    memcpy(&shard, payload, sizeof shard);
    if (!shard->sending)
        run_shard(shard);
}

static void on_new_plan(void *payload, size_t len)
{
    struct { Shard *shard; Plan *plan; } mail;
    memcpy(&mail, payload, sizeof mail);
    retire(mail.shard, mail.shard->next);
    mail.shard->next = mail.plan;
    BcFanout *f = mail.shard->fanout;
    if (mail.shard == &f->shards[f->lead]) /* who joins learns soon where on the clock the sound is */
        f->next_report_us = MIN(f->next_report_us, MAX(f->last_report_us + JOIN_REPORT_US, md_worker_now_us(mail.shard->worker)));
}

/* --- the lead: makes frames --- */

static void protect_copy(BcFanout *f, Slot *slot, unsigned codec, unsigned plain_len, uint32_t wanted)
{
    unsigned plain = stream_of(codec, BC_FANOUT_PLAIN);
    for (unsigned key = 0; key < f->o.n_keys; key++) {
        unsigned stream = stream_of(codec, (int)key);
        size_t len = plain_len;
        slot->len[stream] = 0;
        if (!(wanted & 1u << stream))
            continue;
        memcpy(slot->packet[stream], slot->packet[plain], plain_len);
        if (md_srtp_protect_rtp(f->srtp[key], slot->packet[stream], &len, PACKET_MAX) == 0)
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

static void make_packets(BcFanout *f, Slot *slot, const BcFrame *frame, uint32_t wanted)
{
    for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++) {
        unsigned plain = stream_of(c, BC_FANOUT_PLAIN);
        slot->len[plain] = 0;
        for (unsigned key = 0; key < f->o.n_keys; key++)
            slot->len[stream_of(c, (int)key)] = 0;
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

static void make_reports(BcFanout *f, Slot *slot, uint32_t wanted, int64_t wall_us)
{
    for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++)
        for (int key = -1; key < (int)f->o.n_keys; key++) {
            unsigned stream = stream_of(c, key);
            MdRtcpWriter writer;
            slot->report_len[stream] = 0;
            if (!(wanted & 1u << stream) || !f->begun[c])
                continue;
            MdRtcpSenderInfo info = {md_ntp_from_wall_us(wall_us), f->ts[c], f->sent[c], f->octets[c]};
            md_rtcp_writer_init(&writer, slot->reports[stream], REPORT_MAX - MD_SRTP_OVERHEAD_MAX);
            if (md_rtcp_write_sr(&writer, f->ssrc[c], &info, NULL, 0) < 0 || md_rtcp_write_cname(&writer, f->ssrc[c], f->cname) < 0)
                continue;
            size_t len = writer.len;
            if (key < 0 || md_srtp_protect_rtcp(f->srtp[key], slot->reports[stream], &len, REPORT_MAX) == 0)
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

static void on_tick(MdTimer *timer, int64_t due_us, void *user);

static void kick_all(BcFanout *f)
{
    for (unsigned i = 0; i < f->n_shards; i++) {
        Shard *shard = &f->shards[i];
        if (i == f->lead)
            continue;
        (void)md_worker_post(shard->worker, on_kick, &shard, sizeof shard); /* full: the next frame's kick finds this one too */
    }
    if (!f->shards[f->lead].sending)
        run_shard(&f->shards[f->lead]);
}

static void on_end_retry(MdTimer *timer, int64_t due_us, void *user)
{
    BcFanout *f = user;
    if (md_mailbox_post(f->o.control, on_ended, &f, sizeof f) < 0)
        md_worker_timer_at(f->workers[f->lead], timer, due_us + 10000, on_end_retry, f);
}

static void on_tick(MdTimer *timer, int64_t due_us, void *user)
{
    BcFanout *f = user;
    MdWorker *worker = f->workers[f->lead];
    BcFanoutStats *stats = &f->shards[f->lead].stats;
    uint32_t wanted = atomic_load_explicit(&f->streams_wanted, memory_order_relaxed);
    unsigned codecs = 0;
    for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++)
        codecs |= wanted >> c * VARIANTS & ((1u << VARIANTS) - 1) ? 1u << c : 0;
    BcFrame frame;
    if (!bc_source_pull(f->o.source, codecs, &frame)) {
        f->ended = true;
        on_end_retry(&f->tick, due_us, f);
        return;
    }
    uint64_t head = atomic_load_explicit(&f->head, memory_order_relaxed);
    Slot *slot = &f->ring[head % RING];
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

static void on_start(void *payload, size_t len)
{
    struct { BcFanout *f; int64_t start_us; } mail;
    memcpy(&mail, payload, sizeof mail);
    BcFanout *f = mail.f;
    int64_t now = md_worker_now_us(f->workers[f->lead]), at = MAX(mail.start_us, now);
    f->next_report_us = at + FIRST_REPORT_US;
    md_worker_timer_at(f->workers[f->lead], &f->tick, at, on_tick, f);
}

/* --- stopping: the lead first, then every shard after the last kick meant for it --- */

static void on_all_stopped(void *payload, size_t len)
{
    BcFanout *f;
    memcpy(&f, payload, sizeof f);
    if (f->done)
        f->done(f->done_user);
    for (unsigned i = 0; i < f->n_shards; i++) {
        free_plan(f->shards[i].plan);
        free_plan(f->shards[i].next);
    }
    for (unsigned i = 0; i < BC_FANOUT_KEYS_MAX; i++)
        md_srtp_free(f->srtp[i]);
    bc_source_unref(f->o.source);
    g_array_unref(f->entries);
    g_ptr_array_unref(f->tallies);
    free(f->ring);
    free(f);
}

static void on_stopped_retry(MdTimer *timer, int64_t due_us, void *user)
{
    Shard *shard = user;
    BcFanout *f = shard->fanout;
    MdWorker *worker = shard->worker;
    if (md_mailbox_post(f->o.control, on_all_stopped, &f, sizeof f) < 0)
        md_worker_timer_at(worker, timer, due_us + 10000, on_stopped_retry, shard);
}

static void on_stop_shard(void *payload, size_t len)
{
    Shard *shard;
    memcpy(&shard, payload, sizeof shard);
    shard->stopped = true;
    md_worker_timer_cancel(shard->worker, &shard->timer);
    if (atomic_fetch_sub(&shard->fanout->shards_left, 1) == 1)
        on_stopped_retry(&shard->timer, md_worker_now_us(shard->worker), shard);
}

static void on_stop_forward(MdTimer *timer, int64_t due_us, void *user)
{
    BcFanout *f = user;
    MdWorker *lead = f->workers[f->lead];
    while (f->stop_next < f->n_shards) {
        unsigned i = f->stop_next;
        Shard *shard = &f->shards[i];
        bool last = i + 1 == f->n_shards;
        if (md_worker_post(shard->worker, on_stop_shard, &shard, sizeof shard) < 0) {
            md_worker_timer_at(lead, timer, due_us + 1000, on_stop_forward, f);
            return;
        }
        if (last) /* f may be gone already */
            return;
        f->stop_next++;
    }
}

static void on_stop(void *payload, size_t len)
{
    BcFanout *f;
    memcpy(&f, payload, sizeof f);
    md_worker_timer_cancel(f->workers[f->lead], &f->tick);
    on_stop_forward(&f->tick, md_worker_now_us(f->workers[f->lead]), f);
}

/* --- control --- */

static void randomise(BcFanout *f)
{
    for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++) {
        uint32_t r[3] = {g_random_int(), g_random_int(), g_random_int()};
        (void)!getrandom(r, sizeof r, 0);
        /* the codec in the low bits keeps them apart: one key serves all codecs, so an SSRC must never be there twice */
        f->ssrc[c] = (r[0] & ~7u) | c;
        f->seq[c] = (uint16_t)(r[1] & 0x0fff);
        f->ts[c] = r[2];
    }
}

BcFanout *bc_fanout_new(const BcFanoutOptions *options)
{
    if (options->n_workers == 0 || options->n_workers > WORKERS_MAX || options->n_keys > BC_FANOUT_KEYS_MAX) {
        errno = EINVAL;
        return NULL;
    }
    static unsigned turn; /* leads go round the workers; control thread */
    BcFanout *f = calloc(1, sizeof *f + options->n_workers * sizeof(Shard));
    if (!f || !(f->ring = calloc(RING, sizeof(Slot)))) {
        free(f);
        return NULL;
    }
    f->o = *options;
    f->n_shards = options->n_workers;
    f->lead = turn++ % f->n_shards;
    f->frame_us = options->frame_ms * 1000;
    f->entries = g_array_new(FALSE, FALSE, sizeof(Entry));
    f->tallies = g_ptr_array_new_with_free_func(g_free);
    g_strlcpy(f->cname, options->cname ? options->cname : "mediad", sizeof f->cname);
    bc_source_ref(f->o.source);
    atomic_store(&f->shards_left, f->n_shards);
    randomise(f);
    for (unsigned i = 0; i < f->n_shards; i++) {
        f->workers[i] = options->workers[i];
        f->shards[i].fanout = f;
        f->shards[i].worker = options->workers[i];
    }
    for (unsigned i = 0; i < options->n_keys; i++)
        if (!(f->srtp[i] = md_srtp_new(MD_SRTP_SEND, &options->keys[i]))) {
            int why = errno;
            f->done = NULL;
            on_all_stopped(&f, sizeof f);
            errno = why;
            return NULL;
        }
    f->o.workers = f->workers;
    f->o.keys = NULL;
    return f;
}

uint32_t bc_fanout_add(BcFanout *f, const BcDestination *to)
{
    bool v6 = to->rtp.ss.ss_family == AF_INET6;
    if (to->codec < 0 || to->codec >= MD_AUDIO_CODEC_MAX || to->key < BC_FANOUT_PLAIN || to->key >= (int)f->o.n_keys ||
        !md_addr_is_set(&to->rtp) || md_addr_port(&to->rtp) == 0 || socket_for(f, v6, false) < 0 ||
        to->rtp.len > sizeof(struct sockaddr_in6))
        return 0;
    Entry entry = {++f->last_handle, false, g_new0(_Atomic uint32_t, 1), *to};
    g_ptr_array_add(f->tallies, (gpointer)entry.unsent);
    if (socket_for(f, v6, true) < 0)
        entry.to.rtcp.len = 0;
    g_array_append_val(f->entries, entry);
    return entry.handle;
}

static Entry *find_entry(const BcFanout *f, uint32_t handle)
{
    unsigned low = 0, high = f->entries->len; /* handles grow along the array */
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (g_array_index(f->entries, Entry, middle).handle < handle)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < f->entries->len && g_array_index(f->entries, Entry, low).handle == handle;
    return found ? &g_array_index(f->entries, Entry, low) : NULL;
}

void bc_fanout_remove(BcFanout *f, uint32_t handle)
{
    Entry *entry = find_entry(f, handle);
    if (!entry)
        return;
    f->removed += !entry->removed;
    entry->removed = true;
}

uint32_t bc_fanout_unsent(const BcFanout *f, uint32_t handle)
{
    const Entry *entry = find_entry(f, handle);
    return entry ? atomic_load_explicit(entry->unsent, memory_order_relaxed) : 0;
}

static void compact(BcFanout *f)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < f->entries->len; i++)
        if (!g_array_index(f->entries, Entry, i).removed)
            g_array_index(f->entries, Entry, kept++) = g_array_index(f->entries, Entry, i);
    g_array_set_size(f->entries, kept);
    f->removed = 0;
}

unsigned bc_fanout_count(const BcFanout *f)
{
    return f->entries->len - f->removed;
}

int bc_fanout_commit(BcFanout *f)
{
    if (f->removed)
        compact(f);
    unsigned n = f->entries->len;
    g_autofree Entry **sorted = g_new(Entry *, MAX(n, 1));
    uint32_t wanted = 0;
    int result = 0;
    for (unsigned i = 0; i < n; i++) {
        sorted[i] = &g_array_index(f->entries, Entry, i);
        wanted |= 1u << stream_of(sorted[i]->to.codec, sorted[i]->to.key);
    }
    qsort(sorted, n, sizeof *sorted, by_stream);
    atomic_store(&f->streams_wanted, wanted);
    for (unsigned i = 0; i < f->n_shards; i++) {
        unsigned first = (unsigned)((uint64_t)n * i / f->n_shards), end = (unsigned)((uint64_t)n * (i + 1) / f->n_shards);
        struct { Shard *shard; Plan *plan; } mail = {&f->shards[i], build_plan(&f->shards[i], sorted + first, end - first)};
        int r = mail.plan ? md_worker_post(mail.shard->worker, on_new_plan, &mail, sizeof mail) : -ENOMEM;
        if (r < 0) {
            free_plan(mail.plan);
            result = r;
        }
    }
    return result;
}

int bc_fanout_start(BcFanout *f, int64_t start_us)
{
    struct { BcFanout *f; int64_t start_us; } mail = {f, start_us};
    return md_worker_post(f->workers[f->lead], on_start, &mail, sizeof mail);
}

void bc_fanout_stop(BcFanout *f, void (*done)(void *user), void *user)
{
    f->stopping = true;
    f->done = done;
    f->done_user = user;
    while (md_worker_post(f->workers[f->lead], on_stop, &f, sizeof f) < 0)
        g_usleep(1000); /* a worker with 8192 letters waiting: rare, and this letter must not be lost */
}

void bc_fanout_totals(const BcFanout *f, BcFanoutTotals *ret)
{
    memset(ret, 0, sizeof *ret);
    for (unsigned i = 0; i < f->n_shards; i++) {
        const BcFanoutStats *s = &f->shards[i].stats;
        ret->frames += md_stat_get(&s->frames);
        ret->frames_late += md_stat_get(&s->frames_late);
        ret->packets += md_stat_get(&s->packets);
        ret->reports += md_stat_get(&s->reports);
        ret->errors += md_stat_get(&s->errors);
        ret->skipped += md_stat_get(&s->skipped);
        ret->busy_us += md_stat_get(&s->busy_us);
    }
}
