/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/rtp/congestion.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mediad/rtp/delay-trend.h"
#include "mediad/rtp/packet.h"
#include "mediad/rtp/twcc.h"

#define SENT_MAX 2048            /* packets remembered: a second of 20 Mbit/s */
#define SENT_AGE_US 5000000      /* feedback on older ones is not believed */
#define RATE_BUCKETS 25
#define RATE_BUCKET_US 20000
#define RATE_SHORT 10            /* buckets: what came last, when the line has just become narrower */
#define RATE_PACKETS_MIN 3
#define CUT 0.85                 /* of what arrives, when a queue grows */
#define CUT_DEEP 0.65            /* when it is long already: it has to empty */
#define QUEUE_SOME_US 20000      /* less is no queue: a machine was busy, and has caught up */
#define QUEUE_LONG_US 150000
#define DELAY_WINDOW_US 10000000 /* the least delay of the last one or two of these is that of an empty line */
#define GROW_PER_S 0.08          /* far from the rate at which it last grew */
#define GROW_NEAR_BPS 24000      /* a second, near it */
#define NEAR 0.15                /* what "near" is, of that rate */
#define LIMITED 1.5              /* sending less than a target's third part less says nothing of more */
#define DRAIN_US 400000          /* after a cut the queue needs this to empty */
#define CUT_INTERVAL_US 200000   /* and a round trip, as long as that is: no cut can have shown yet */
#define LOSS_WINDOW_US 1000000
#define LOSS_PACKETS_MIN 20
#define LOSS_HIGH 100            /* permille: cut */
#define LOSS_LOW 50              /* below: grow */
#define PROBE_US 40000
#define PROBE_FACTOR 2
#define PROBE_PACKETS_MIN 5
#define PROBE_HUSH_US 600000     /* until its queue has gone */
#define PROBE_QUIET_US 3000000   /* after a cut */
#define PROBE_NEXT_US 1000000    /* after one that raised the rate */
#define PROBE_FIRST_US 5000000   /* after one that did not; doubles up to */
#define PROBE_WAIT_MAX_US 40000000

typedef enum SentState { SENT_UNKNOWN, SENT_LOST, SENT_RECEIVED } SentState;

typedef struct Sent {
    int64_t sent_us; /* 0: nothing here */
    uint16_t seq, len;
    uint8_t state;
    bool probe;
} Sent;

typedef struct Probe { /* the packets of one */
    int64_t until_us; /* 0: none going */
    int64_t first_sent_us, last_sent_us, first_arrival_us, last_arrival_us;
    unsigned sent, received;
    uint64_t sent_bytes, received_bytes, first_bytes;
} Probe;

struct MdCongestion {
    uint32_t min_bps, max_bps, target_bps;
    uint16_t next;
    Sent sent[SENT_MAX];
    MdDelayTrend trend;
    /* the peer's clock, made to go on over its wraps */
    bool clock_known;
    int64_t wire_us, clock_us;
    /* what arrived when */
    int64_t bucket, first_bucket; /* number of the newest and the first; -1: nothing yet */
    uint32_t bytes[RATE_BUCKETS];
    unsigned arrived;
    /* the rate at which a queue grew, and how much that varies; 0: not known */
    double edge_bps, edge_spread;
    int64_t changed_us, cut_us;
    /* one way, by two clocks: only differences say something */
    int64_t delay_us, delay_min_us[2], delay_window_us;
    bool bounded; /* the line has ever said less than max */
    /* loss */
    int64_t loss_since_us;
    unsigned told, missing;
    Probe probe;
    int64_t probe_due_us, probe_wait_us, probe_hush_us;
    MdCongestionStats stats;
};

MdCongestion *md_congestion_new(uint32_t min_bps, uint32_t max_bps)
{
    if (min_bps == 0 || min_bps > max_bps)
        return NULL;
    MdCongestion *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->min_bps = min_bps;
    c->max_bps = c->target_bps = max_bps;
    c->bucket = c->first_bucket = -1;
    c->probe_wait_us = PROBE_FIRST_US;
    md_delay_trend_init(&c->trend);
    return c;
}

void md_congestion_free(MdCongestion *c)
{
    free(c);
}

void md_congestion_set_max(MdCongestion *c, uint32_t max_bps)
{
    c->max_bps = max_bps > c->min_bps ? max_bps : c->min_bps;
    if (!c->bounded || c->target_bps > c->max_bps)
        c->target_bps = c->max_bps;
}

static void set_target(MdCongestion *c, double bps)
{
    c->target_bps = bps < c->min_bps ? c->min_bps : bps > c->max_bps ? c->max_bps : (uint32_t)bps;
    c->bounded = c->target_bps < c->max_bps;
}

/* ---- sent ---- */

uint16_t md_congestion_sent(MdCongestion *c, size_t len, int64_t now_us)
{
    bool probe = now_us < c->probe.until_us;
    c->sent[c->next % SENT_MAX] = (Sent){.sent_us = now_us > 0 ? now_us : 1, .seq = c->next, .len = (uint16_t)len, .probe = probe};
    if (probe) {
        if (c->probe.sent++ == 0)
            c->probe.first_sent_us = now_us;
        c->probe.last_sent_us = now_us;
        c->probe.sent_bytes += len;
    }
    return c->next++;
}

/* ---- what arrives ---- */

static void count_arrival(MdCongestion *c, int64_t arrival_us, unsigned len)
{
    int64_t bucket = arrival_us / RATE_BUCKET_US;
    if (c->bucket < 0 || bucket - c->bucket >= RATE_BUCKETS || bucket <= c->bucket - RATE_BUCKETS) {
        memset(c->bytes, 0, sizeof c->bytes);
        c->bucket = c->first_bucket = bucket;
        c->arrived = 0;
    }
    while (c->bucket < bucket)
        c->bytes[++c->bucket % RATE_BUCKETS] = 0;
    c->bytes[bucket % RATE_BUCKETS] += len;
    c->arrived++;
}

/* Over the last buckets (at most RATE_BUCKETS). 0: too little came to tell. */
static uint32_t received_bps(const MdCongestion *c, int64_t buckets)
{
    int64_t span = c->bucket - c->first_bucket + 1;
    uint64_t sum = 0;
    if (span > buckets)
        span = buckets;
    if (c->bucket < 0 || c->arrived < RATE_PACKETS_MIN || span < RATE_BUCKETS / 5)
        return 0;
    for (int64_t i = 0; i < span; i++)
        sum += c->bytes[(c->bucket - i) % RATE_BUCKETS];
    return (uint32_t)(sum * 8000000u / (uint64_t)(span * RATE_BUCKET_US));
}

/* The reference time's 24 bits come round every 12 days. */
static int64_t run_on(MdCongestion *c, int64_t reference_us)
{
    if (!c->clock_known) {
        c->clock_known = true;
        c->clock_us = MD_TWCC_REFERENCE_WRAP_US; /* what came a little before is no negative time */
    } else {
        int64_t step = reference_us - c->wire_us;
        if (step > MD_TWCC_REFERENCE_WRAP_US / 2)
            step -= MD_TWCC_REFERENCE_WRAP_US;
        else if (step < -MD_TWCC_REFERENCE_WRAP_US / 2)
            step += MD_TWCC_REFERENCE_WRAP_US;
        c->clock_us += step;
        if (c->clock_us < MD_TWCC_REFERENCE_WRAP_US / 2)
            c->clock_us += MD_TWCC_REFERENCE_WRAP_US; /* a clock that only steps back */
    }
    c->wire_us = reference_us;
    return c->clock_us;
}

static void watch_delay(MdCongestion *c, int64_t delay_us, int64_t now_us)
{
    if (c->delay_window_us == 0 || now_us - c->delay_window_us > DELAY_WINDOW_US) {
        c->delay_min_us[1] = c->delay_window_us ? c->delay_min_us[0] : INT64_MAX;
        c->delay_min_us[0] = INT64_MAX;
        c->delay_window_us = now_us;
    }
    c->delay_us = delay_us;
    if (delay_us < c->delay_min_us[0])
        c->delay_min_us[0] = delay_us;
}

static int64_t queue_us(const MdCongestion *c)
{
    int64_t least = c->delay_min_us[0] < c->delay_min_us[1] ? c->delay_min_us[0] : c->delay_min_us[1];
    return c->delay_window_us ? c->delay_us - least : 0;
}

static void take_probe_packet(MdCongestion *c, const Sent *sent, int64_t arrival_us)
{
    Probe *p = &c->probe;
    if (p->received++ == 0 || arrival_us < p->first_arrival_us) {
        p->first_arrival_us = arrival_us;
        p->first_bytes = sent->len;
    }
    if (arrival_us > p->last_arrival_us)
        p->last_arrival_us = arrival_us;
    p->received_bytes += sent->len;
}

static void take_status(MdCongestion *c, const MdTwccStatus *status, int64_t arrival_us, int64_t now_us)
{
    Sent *sent = &c->sent[status->seq % SENT_MAX];
    if (sent->seq != status->seq || !sent->sent_us || now_us - sent->sent_us > SENT_AGE_US || sent->state == SENT_RECEIVED)
        return;
    if (!status->received) {
        c->missing += sent->state == SENT_UNKNOWN;
        c->told += sent->state == SENT_UNKNOWN;
        c->stats.lost += sent->state == SENT_UNKNOWN;
        sent->state = SENT_LOST;
        return;
    }
    if (sent->state == SENT_LOST && c->missing) /* it only came late */
        c->missing--;
    c->told += sent->state == SENT_UNKNOWN;
    sent->state = SENT_RECEIVED;
    count_arrival(c, arrival_us, sent->len);
    watch_delay(c, arrival_us - sent->sent_us, now_us);
    md_delay_trend_add(&c->trend, sent->sent_us, arrival_us);
    if (sent->probe)
        take_probe_packet(c, sent, arrival_us);
    if (c->stats.round_trip_us == 0 || now_us - sent->sent_us < c->stats.round_trip_us)
        c->stats.round_trip_us = now_us - sent->sent_us;
}

/* ---- what follows from it ---- */

static void learn_edge(MdCongestion *c, double bps)
{
    if (c->edge_bps == 0 || bps < c->edge_bps * (1 - 3 * NEAR) || bps > c->edge_bps * (1 + 3 * NEAR))
        c->edge_bps = bps; /* another line than before */
    else
        c->edge_bps += 0.3 * (bps - c->edge_bps);
}

static void cut(MdCongestion *c, double bps, int64_t now_us)
{
    if (bps < c->target_bps)
        set_target(c, bps);
    c->cut_us = c->changed_us = now_us;
    c->probe = (Probe){0};
    c->probe_due_us = now_us + (c->probe_wait_us > PROBE_QUIET_US ? c->probe_wait_us : PROBE_QUIET_US);
}

static void grow(MdCongestion *c, uint32_t received, int64_t now_us)
{
    double s = (double)(now_us - c->changed_us) / 1e6, target = c->target_bps;
    if (s > 1)
        s = 1;
    /* When much less is sent than could be, its going well says nothing of more. */
    if (target > LIMITED * received + 10000)
        return;
    if (c->edge_bps > 0 && received > c->edge_bps * (1 + 3 * NEAR))
        c->edge_bps = 0;
    bool near = c->edge_bps > 0 && target > c->edge_bps * (1 - NEAR);
    target += near ? GROW_NEAR_BPS * s : target * GROW_PER_S * s;
    set_target(c, target);
}

static void judge_loss(MdCongestion *c, int64_t now_us)
{
    if (c->loss_since_us == 0)
        c->loss_since_us = now_us;
    if (now_us - c->loss_since_us < LOSS_WINDOW_US || c->told < LOSS_PACKETS_MIN)
        return;
    uint32_t permille = c->missing * 1000 / c->told;
    c->stats.loss_permille = permille;
    c->told = c->missing = 0;
    c->loss_since_us = now_us;
    if (permille <= LOSS_HIGH)
        return;
    c->stats.loss_cuts++;
    cut(c, c->target_bps * (1 - 0.5 * permille / 1000.0), now_us);
}

static void end_probe(MdCongestion *c, int64_t now_us)
{
    Probe *p = &c->probe;
    int64_t sent_us = p->last_sent_us - p->first_sent_us, came_us = p->last_arrival_us - p->first_arrival_us;
    bool raised = false;
    if (p->received >= PROBE_PACKETS_MIN && p->received * 5 >= p->sent * 4 && sent_us > 0 && came_us > 0 &&
        c->trend.use != MD_LINE_OVERUSED) {
        double bytes = (double)(p->received_bytes - p->first_bytes) * 8e6;
        double bps = bytes / (double)came_us, out = (double)p->sent_bytes * 8e6 / (double)(sent_us + 1);
        /* what came as fast as it was sent found no end of the line; else that is the line, and not all of it is ours */
        bps = bps >= 0.9 * out ? out : bps;
        raised = CUT * bps > c->target_bps * 1.05;
        if (raised) {
            set_target(c, CUT * bps);
            c->edge_bps = 0;
            c->changed_us = now_us;
        }
    }
    c->probe_wait_us = raised ? PROBE_FIRST_US : c->probe_wait_us * 2;
    if (c->probe_wait_us > PROBE_WAIT_MAX_US)
        c->probe_wait_us = PROBE_WAIT_MAX_US;
    c->probe_due_us = now_us + (raised ? PROBE_NEXT_US : c->probe_wait_us);
    *p = (Probe){0};
}

static void judge_queue(MdCongestion *c, uint32_t received, int64_t now_us)
{
    uint32_t last = received_bps(c, RATE_SHORT);
    int64_t trip_us = c->stats.round_trip_us < CUT_INTERVAL_US ? c->stats.round_trip_us : CUT_INTERVAL_US;
    bool long_queue = queue_us(c) > QUEUE_LONG_US;
    if (last && last < received)
        received = last;
    /* A little of it after a probe is the probe's own. */
    if (queue_us(c) < QUEUE_SOME_US || !received || now_us - c->cut_us < CUT_INTERVAL_US + trip_us || (!long_queue && now_us < c->probe_hush_us))
        return;
    learn_edge(c, received);
    c->stats.overuses++;
    cut(c, (long_queue ? CUT_DEEP : CUT) * received, now_us);
}

static void adapt(MdCongestion *c, int64_t now_us)
{
    uint32_t received = received_bps(c, RATE_BUCKETS);
    c->stats.received_bps = received;
    judge_loss(c, now_us);
    if (c->trend.use == MD_LINE_OVERUSED) {
        judge_queue(c, received, now_us);
    } else if (c->trend.use == MD_LINE_NORMAL && now_us - c->cut_us > DRAIN_US && c->stats.loss_permille < LOSS_LOW) {
        grow(c, received, now_us);
    }
    c->changed_us = now_us;
}

int md_congestion_feedback(MdCongestion *c, const uint8_t *fci, size_t len, int64_t now_us)
{
    MdTwccReader reader;
    MdTwccStatus status;
    int rc = md_twcc_reader_init(&reader, fci, len);
    if (rc < 0)
        return rc;
    int64_t shift_us = run_on(c, reader.reference_us) - reader.reference_us;
    c->stats.round_trip_us = 0;
    while (md_twcc_reader_next(&reader, &status))
        take_status(c, &status, status.arrival_us + shift_us, now_us);
    c->stats.feedbacks++;
    adapt(c, now_us);
    if (c->probe.until_us && now_us > c->probe.until_us + PROBE_US + 2 * c->stats.round_trip_us)
        end_probe(c, now_us);
    return 0;
}

uint32_t md_congestion_bps(const MdCongestion *c)
{
    return c->target_bps;
}

bool md_congestion_probe(MdCongestion *c, int64_t now_us, uint32_t *ret_bps, int64_t *ret_until_us)
{
    if (!c->bounded || c->probe.until_us || now_us < c->probe_due_us || c->stats.feedbacks == 0 ||
        c->trend.use == MD_LINE_OVERUSED || c->stats.loss_permille >= LOSS_LOW)
        return false;
    uint64_t bps = (uint64_t)c->target_bps * PROBE_FACTOR;
    *ret_bps = bps < c->max_bps + c->max_bps / 4 ? (uint32_t)bps : c->max_bps + c->max_bps / 4;
    c->probe = (Probe){.until_us = now_us + PROBE_US, .last_arrival_us = INT64_MIN};
    *ret_until_us = c->probe.until_us;
    c->probe_hush_us = now_us + PROBE_HUSH_US;
    c->stats.probes++;
    return true;
}

void md_congestion_stats(const MdCongestion *c, MdCongestionStats *ret)
{
    *ret = c->stats;
}
