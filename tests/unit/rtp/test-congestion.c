/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our rate by the peer's feedback, over a line with a narrow place in virtual time: a queue that fills and drains, loss, a change of
 * width. The peer is our own receiver's side of transport-wide congestion control. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "mediad/rtp/congestion.h"
#include "mediad/rtp/packet.h"
#include "mediad/rtp/twcc.h"

#define MAX_BPS 1500000u
#define MIN_BPS 100000u
#define STEP_US 1000
#define BASE_US 30000           /* each way */
#define QUEUE_MAX_US 2000000    /* then it drops */
#define PAYLOAD 1100
#define CLOCK_AHEAD_US 77000000 /* the peer's clock is another */

typedef struct Flight {
    int64_t at_us;
    size_t len;
    uint16_t seq;
    uint8_t data[MD_TWCC_FEEDBACK_MAX];
} Flight;

typedef struct Line {
    MdCongestion *sender;
    MdTwccReceiver receiver;
    GRand *rand;
    GQueue out, back; /* of Flight */
    int64_t now_us, free_us; /* when the narrow place has done with what it has */
    uint32_t capacity_bps, app_bps; /* app: what the media is at most */
    unsigned loss_permille, jitter_us;
    double budget; /* bytes that may be sent now */
    int64_t probe_until_us;
    uint32_t probe_bps;
    double frame_left;
    uint64_t sent_bytes, dropped;
    int64_t queue_us; /* now */
} Line;

static void line_init(Line *line, uint32_t capacity_bps)
{
    memset(line, 0, sizeof *line);
    line->sender = md_congestion_new(MIN_BPS, MAX_BPS);
    md_twcc_receiver_init(&line->receiver);
    line->rand = g_rand_new_with_seed(11);
    g_queue_init(&line->out);
    g_queue_init(&line->back);
    line->now_us = 5000000;
    line->capacity_bps = capacity_bps;
    line->app_bps = MAX_BPS;
}

static void line_clear(Line *line)
{
    md_congestion_free(line->sender);
    g_rand_free(line->rand);
    g_queue_clear_full(&line->out, g_free);
    g_queue_clear_full(&line->back, g_free);
}

static void send_packet(Line *line, size_t len)
{
    uint16_t seq = md_congestion_sent(line->sender, len, line->now_us);
    line->sent_bytes += len;
    int64_t wait = MAX(line->free_us - line->now_us, 0);
    if (wait > QUEUE_MAX_US) {
        line->dropped++;
        return;
    }
    line->free_us = line->now_us + wait + (int64_t)len * 8000000 / line->capacity_bps;
    if ((unsigned)g_rand_int_range(line->rand, 0, 1000) < line->loss_permille)
        return;
    Flight *flight = g_new0(Flight, 1);
    int64_t jitter = line->jitter_us ? g_rand_int_range(line->rand, 0, (int)line->jitter_us) : 0;
    const Flight *last = g_queue_peek_tail(&line->out);
    flight->at_us = line->free_us + BASE_US + jitter;
    if (last && flight->at_us < last->at_us)
        flight->at_us = last->at_us;
    flight->seq = seq;
    g_queue_push_tail(&line->out, flight);
}

/* Pictures of 30 a second, let out over three quarters of their time, as a leg does. */
static void send_media(Line *line)
{
    uint32_t rate = MIN(md_congestion_bps(line->sender), line->app_bps);
    if ((line->now_us / STEP_US) % 33 == 0)
        line->frame_left += rate / 8.0 / 30;
    if ((line->now_us / STEP_US) % 4 == 0 && line->frame_left > 0) {
        for (double now = MAX(rate / 8.0 / 30 / 6, 1); now > 0 && line->frame_left > 0; now -= PAYLOAD) {
            size_t len = (size_t)MIN(line->frame_left, PAYLOAD);
            if (len < 40)
                len = 40;
            send_packet(line, len);
            line->frame_left -= (double)len;
        }
    }
    int64_t until_us;
    if (line->now_us >= line->probe_until_us && md_congestion_probe(line->sender, line->now_us, &line->probe_bps, &until_us))
        line->probe_until_us = until_us;
    if (line->now_us < line->probe_until_us && (line->now_us / STEP_US) % 4 == 0) {
        double bytes = line->probe_bps / 8.0 * 4 / 1000;
        for (; bytes > 0; bytes -= 275)
            send_packet(line, 275);
    }
}

static void step(Line *line)
{
    uint8_t buf[MD_TWCC_FEEDBACK_MAX];
    Flight *flight;
    line->now_us += STEP_US;
    send_media(line);
    while ((flight = g_queue_peek_head(&line->out)) && flight->at_us <= line->now_us) {
        md_twcc_receive(&line->receiver, flight->seq, flight->at_us + CLOCK_AHEAD_US);
        g_free(g_queue_pop_head(&line->out));
    }
    if (line->now_us + CLOCK_AHEAD_US >= line->receiver.due_us)
        for (size_t n; (n = md_twcc_write(&line->receiver, 1, 2, buf, line->now_us + CLOCK_AHEAD_US)) > 0;) {
            Flight *back = g_new0(Flight, 1);
            back->at_us = line->now_us + BASE_US;
            back->len = n;
            memcpy(back->data, buf, n);
            g_queue_push_tail(&line->back, back);
        }
    while ((flight = g_queue_peek_head(&line->back)) && flight->at_us <= line->now_us) {
        size_t padding = flight->data[0] & 0x20 ? flight->data[flight->len - 1] : 0;
        g_assert_cmpint(md_congestion_feedback(line->sender, flight->data + 12, flight->len - 12 - padding, line->now_us), ==, 0);
        g_free(g_queue_pop_head(&line->back));
    }
    line->queue_us = MAX(line->free_us - line->now_us, 0);
}

typedef struct Seen {
    uint32_t least_bps, most_bps; /* the estimate */
    int64_t longest_queue_us;
    double sent_bps;
} Seen;

static Seen run(Line *line, unsigned ms)
{
    Seen seen = {.least_bps = UINT32_MAX};
    uint64_t before = line->sent_bytes;
    for (unsigned i = 0; i < ms; i++) {
        step(line);
        uint32_t bps = md_congestion_bps(line->sender);
        seen.least_bps = MIN(seen.least_bps, bps);
        seen.most_bps = MAX(seen.most_bps, bps);
        seen.longest_queue_us = MAX(seen.longest_queue_us, line->queue_us);
    }
    seen.sent_bps = (double)(line->sent_bytes - before) * 8000 / ms;
    g_test_message("%5u ms to %.1f s: estimate %u..%u, sent %.0f bit/s, queue up to %d ms, now %d ms", ms, (double)line->now_us / 1e6,
                   seen.least_bps, seen.most_bps, seen.sent_bps, (int)(seen.longest_queue_us / 1000), (int)(line->queue_us / 1000));
    return seen;
}

/* A wide line: nothing bounds us, with jitter too. */
static void test_wide(void)
{
    Line line;
    line_init(&line, 3000000);
    line.jitter_us = 15000;
    Seen seen = run(&line, 20000);
    g_assert_cmpuint(seen.least_bps, ==, MAX_BPS);
    line_clear(&line);
}

/* The step of the issue: 3 Mbit/s to 500 kbit/s. Below within 2 s, the queue drains, no swinging, and back up when it widens. */
static void test_step(void)
{
    Line line;
    line_init(&line, 3000000);
    run(&line, 5000);
    line.capacity_bps = 500000;
    run(&line, 2000);
    g_assert_cmpuint(md_congestion_bps(line.sender), <, 500000);
    run(&line, 4000);
    g_assert_cmpint(line.queue_us, <, 100000);
    Seen seen = run(&line, 60000);
    g_assert_cmpuint(seen.least_bps, >, 250000);
    g_assert_cmpuint(seen.most_bps, <, 750000);
    g_assert_cmpfloat(seen.sent_bps, >, 330000); /* the line is used */
    g_assert_cmpfloat(seen.sent_bps, <, 510000);
    g_assert_cmpint(seen.longest_queue_us, <, 400000);
    line.capacity_bps = 3000000;
    run(&line, 30000);
    g_assert_cmpuint(md_congestion_bps(line.sender), ==, MAX_BPS);
    g_assert_cmpuint(run(&line, 20000).least_bps, ==, MAX_BPS);
    line_clear(&line);
}

/* Still pictures need little: the estimate must come back all the same, by probes, so that the next lively one is not poor. */
static void test_probes(void)
{
    Line line;
    MdCongestionStats stats;
    line_init(&line, 3000000);
    run(&line, 3000);
    line.capacity_bps = 300000;
    run(&line, 3000);
    g_assert_cmpuint(md_congestion_bps(line.sender), <, 310000);
    line.capacity_bps = 3000000;
    line.app_bps = 120000;
    run(&line, 25000);
    g_assert_cmpuint(md_congestion_bps(line.sender), ==, MAX_BPS);
    md_congestion_stats(line.sender, &stats);
    g_assert_cmpuint(stats.probes, >, 1);
    /* A line that stays narrow is found narrow: no probe makes it seem wide, and they become rare. */
    line.capacity_bps = 300000;
    line.app_bps = MAX_BPS;
    run(&line, 4000);
    line.app_bps = 120000;
    md_congestion_stats(line.sender, &stats);
    uint64_t before = stats.probes;
    Seen seen = run(&line, 60000);
    md_congestion_stats(line.sender, &stats);
    g_assert_cmpuint(seen.most_bps, <, 450000);
    g_assert_cmpuint(stats.probes - before, >, 1);
    g_assert_cmpuint(stats.probes - before, <, 8);
    g_assert_cmpint(seen.longest_queue_us, <, 250000);
    line_clear(&line);
}

/* Radio lines lose a little all the time: that is no reason to go down. A tenth and more is. */
static void test_loss(void)
{
    Line line;
    line_init(&line, 3000000);
    line.loss_permille = 20;
    MdCongestionStats stats;
    g_assert_cmpuint(run(&line, 30000).least_bps, >, MAX_BPS * 8 / 10);
    md_congestion_stats(line.sender, &stats);
    g_assert_cmpuint(stats.loss_cuts, ==, 0);
    g_assert_cmpuint(stats.lost, >, 40);
    line.loss_permille = 200;
    run(&line, 10000);
    g_assert_cmpuint(md_congestion_bps(line.sender), <, MAX_BPS / 2);
    line.loss_permille = 0;
    run(&line, 30000);
    g_assert_cmpuint(md_congestion_bps(line.sender), ==, MAX_BPS);
    line_clear(&line);
}

/* Feedback of nonsense: about what was never sent, malformed, of a jumping clock. Nothing moves but what has to. */
static void test_nonsense(void)
{
    Line line;
    uint8_t fci[12] = {0, 1, 0, 3, 0, 0, 1, 0, 0xd5, 0x00, 4, 4};
    line_init(&line, 3000000);
    g_assert_cmpint(md_congestion_feedback(line.sender, fci, 11, line.now_us), ==, -EBADMSG); /* a delta is missing */
    g_assert_cmpint(md_congestion_feedback(line.sender, fci, 7, line.now_us), ==, -EBADMSG);
    g_assert_cmpint(md_congestion_feedback(line.sender, (uint8_t[]){0, 1, 0xff, 0xff, 0, 0, 1, 0, 0x1f, 0xff}, 10, line.now_us), ==, -EBADMSG);
    g_assert_cmpint(md_congestion_feedback(line.sender, (uint8_t[]){0, 1, 0, 2, 0, 0, 1, 0, 0, 0}, 10, line.now_us), ==, -EBADMSG); /* a run of 0 */
    for (unsigned i = 0; i < 3000; i++) {
        for (unsigned b = 0; b < 8; b++)
            fci[b] = (uint8_t)g_rand_int_range(line.rand, 0, b == 2 ? 1 : 256);
        fci[3] %= 3;
        md_congestion_feedback(line.sender, fci, sizeof fci, line.now_us += 1000);
    }
    g_assert_cmpuint(md_congestion_bps(line.sender), ==, MAX_BPS);
    run(&line, 10000);
    g_assert_cmpuint(md_congestion_bps(line.sender), >, MAX_BPS / 2);
    md_congestion_set_max(line.sender, 400000);
    g_assert_cmpuint(md_congestion_bps(line.sender), ==, 400000);
    md_congestion_set_max(line.sender, 900000);
    g_assert_cmpuint(md_congestion_bps(line.sender), ==, 900000); /* nothing bounded it */
    line_clear(&line);
    g_assert_null(md_congestion_new(0, 5));
    g_assert_null(md_congestion_new(10, 5));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/congestion/wide", test_wide);
    g_test_add_func("/congestion/step", test_step);
    g_test_add_func("/congestion/probes", test_probes);
    g_test_add_func("/congestion/loss", test_loss);
    g_test_add_func("/congestion/nonsense", test_nonsense);
    return g_test_run();
}
