/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/fanout-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/random.h>

/* --- stopping: the lead first, then every shard after the last kick meant for it --- */

static void on_all_stopped(void *payload, size_t len)
{
    BcFanout *f;
    memcpy(&f, payload, sizeof f);
    if (f->done)
        f->done(f->done_user);
    for (unsigned i = 0; i < f->n_shards; i++) {
        bc_fanout_plan_free(f->shards[i].plan);
        bc_fanout_plan_free(f->shards[i].next);
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
    BcFanoutShard *shard = user;
    BcFanout *f = shard->fanout;
    MdWorker *worker = shard->worker;
    if (md_mailbox_post(f->o.control, on_all_stopped, &f, sizeof f) < 0)
        md_worker_timer_at(worker, timer, due_us + 10000, on_stopped_retry, shard);
}

static void on_stop_shard(void *payload, size_t len)
{
    BcFanoutShard *shard;
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
        BcFanoutShard *shard = &f->shards[i];
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
    if (options->n_workers == 0 || options->n_workers > BC_FANOUT_WORKERS_MAX || options->n_keys > BC_FANOUT_KEYS_MAX) {
        errno = EINVAL;
        return NULL;
    }
    static unsigned turn; /* leads go round the workers; control thread */
    BcFanout *f = calloc(1, sizeof *f + options->n_workers * sizeof(BcFanoutShard));
    if (!f || !(f->ring = calloc(BC_FANOUT_RING, sizeof(BcFanoutSlot)))) {
        free(f);
        return NULL;
    }
    f->o = *options;
    f->n_shards = options->n_workers;
    f->lead = turn++ % f->n_shards;
    f->frame_us = options->frame_ms * 1000;
    f->entries = g_array_new(FALSE, FALSE, sizeof(BcFanoutEntry));
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
        !md_addr_is_set(&to->rtp) || md_addr_port(&to->rtp) == 0 || bc_fanout_socket(f, v6, false) < 0 ||
        to->rtp.len > sizeof(struct sockaddr_in6))
        return 0;
    BcFanoutEntry entry = {++f->last_handle, false, g_new0(_Atomic uint32_t, 1), *to};
    g_ptr_array_add(f->tallies, (gpointer)entry.unsent);
    if (bc_fanout_socket(f, v6, true) < 0)
        entry.to.rtcp.len = 0;
    g_array_append_val(f->entries, entry);
    return entry.handle;
}

static BcFanoutEntry *find_entry(const BcFanout *f, uint32_t handle)
{
    unsigned low = 0, high = f->entries->len; /* handles grow along the array */
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (g_array_index(f->entries, BcFanoutEntry, middle).handle < handle)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < f->entries->len && g_array_index(f->entries, BcFanoutEntry, low).handle == handle;
    return found ? &g_array_index(f->entries, BcFanoutEntry, low) : NULL;
}

void bc_fanout_remove(BcFanout *f, uint32_t handle)
{
    BcFanoutEntry *entry = find_entry(f, handle);
    if (!entry)
        return;
    f->removed += !entry->removed;
    entry->removed = true;
}

uint32_t bc_fanout_unsent(const BcFanout *f, uint32_t handle)
{
    const BcFanoutEntry *entry = find_entry(f, handle);
    return entry ? atomic_load_explicit(entry->unsent, memory_order_relaxed) : 0;
}

static void compact(BcFanout *f)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < f->entries->len; i++)
        if (!g_array_index(f->entries, BcFanoutEntry, i).removed)
            g_array_index(f->entries, BcFanoutEntry, kept++) = g_array_index(f->entries, BcFanoutEntry, i);
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
    g_autofree BcFanoutEntry **sorted = g_new(BcFanoutEntry *, MAX(n, 1));
    uint32_t wanted = 0;
    int result = 0;
    for (unsigned i = 0; i < n; i++) {
        sorted[i] = &g_array_index(f->entries, BcFanoutEntry, i);
        wanted |= 1u << bc_fanout_stream(sorted[i]->to.codec, sorted[i]->to.key);
    }
    qsort(sorted, n, sizeof *sorted, bc_fanout_by_stream);
    atomic_store(&f->streams_wanted, wanted);
    for (unsigned i = 0; i < f->n_shards; i++) {
        unsigned first = (unsigned)((uint64_t)n * i / f->n_shards), end = (unsigned)((uint64_t)n * (i + 1) / f->n_shards);
        BcFanoutShard *shard = &f->shards[i];
        struct { BcFanoutShard *shard; BcFanoutPlan *plan; } mail = {shard, bc_fanout_plan_new(shard->iov, sorted + first, end - first)};
        int r = mail.plan ? md_worker_post(mail.shard->worker, bc_fanout_shard_on_plan, &mail, sizeof mail) : -ENOMEM;
        if (r < 0) {
            bc_fanout_plan_free(mail.plan);
            result = r;
        }
    }
    return result;
}

int bc_fanout_start(BcFanout *f, int64_t start_us)
{
    struct { BcFanout *f; int64_t start_us; } mail = {f, start_us};
    return md_worker_post(f->workers[f->lead], bc_fanout_lead_on_start, &mail, sizeof mail);
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
