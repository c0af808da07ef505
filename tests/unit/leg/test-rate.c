/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How much a leg sends to a browser: over a line that becomes narrow and wide again, by the other leg's transport-wide feedback. */
#include <string.h>

#include "pair.h"
#include "tests/fixtures/coded-picture.h"

#define WIDE_BPS 3000000
#define NARROW_BPS 500000
#define PICTURE_MS 40

static char *with_retransmission(char *sdp)
{
    sdp = strstr(sdp, " 97 98 99") ? pair_replace(sdp, " 97 98 99", " 99 100") : sdp;
    return pair_replace(sdp, "a=rtpmap:99 VP8/90000\r\n", "a=rtpmap:99 VP8/90000\r\na=rtpmap:100 rtx/90000\r\na=fmtp:100 apt=99\r\n");
}

static Pair *start(void)
{
    PairOptions options = {.video = true, .dtls = true, .browser = true, .offer_dtls = true};
    Pair *pair = g_new(Pair, 1);
    pair_init(pair, &options);
    pair_reinvite(pair, with_retransmission);
    pair_handshake(pair);
    g_assert_true(pair->side[1].leg->media[VIDEO].keyed);
    return pair;
}

static void end(Pair *pair)
{
    pair_clear(pair);
    g_free(pair);
}

static uint32_t allowed_bps(const Pair *pair)
{
    MdLegVideoFormat format;
    md_leg_video_format(pair->side[1].leg, &format);
    return format.max.bitrate_bps;
}

/* Pictures of what is allowed, at most most_bps. */
static void run(Pair *pair, unsigned ms, uint32_t most_bps, int64_t *ret_longest_us)
{
    static unsigned n;
    *ret_longest_us = 0;
    for (unsigned t = 0; t < ms; t += PICTURE_MS) {
        int64_t now_us = md_clock_now_us(&pair->clock.base);
        size_t len = MIN(allowed_bps(pair), most_bps) / 8 * PICTURE_MS / 1000;
        MdFrame *frame = coded_vp8(n++, t == 0, len, now_us);
        md_leg_send_video(pair->side[1].leg, frame, now_us);
        md_frame_unref(frame);
        pair_run(pair, PICTURE_MS);
        *ret_longest_us = MAX(*ret_longest_us, pair->queue_us);
    }
    g_test_message("after %u ms: allowed %u, estimate %u, arrived %u, queue up to %d ms, now %d ms", ms, allowed_bps(pair),
                   (unsigned)md_stat_get(&md_leg_stats(pair->side[1].leg)->send_estimate_bps),
                   (unsigned)md_stat_get(&md_leg_stats(pair->side[1].leg)->send_arrived_bps), (int)(*ret_longest_us / 1000),
                   (int)(pair->queue_us / 1000));
}

static void test_narrow(void)
{
    Pair *pair = start();
    const MdLegStats *stats = md_leg_stats(pair->side[1].leg);
    int64_t longest;
    uint32_t agreed = allowed_bps(pair);
    pair->narrow_bps = WIDE_BPS;
    run(pair, 10000, UINT32_MAX, &longest);
    g_assert_cmpuint(md_stat_get(&stats->send_feedbacks), >, 50);
    g_assert_cmpuint(allowed_bps(pair), ==, agreed);
    g_assert_cmpuint(md_stat_get(&stats->send_estimate_bps), >=, agreed);
    g_assert_cmpuint(md_stat_get(&stats->send_arrived_bps), >, agreed * 8 / 10);
    pair->narrow_bps = NARROW_BPS;
    run(pair, 2000, UINT32_MAX, &longest);
    g_assert_cmpuint(allowed_bps(pair), <, NARROW_BPS);
    g_assert_cmpuint(md_stat_get(&stats->video_target_bps), ==, allowed_bps(pair));
    run(pair, 3000, UINT32_MAX, &longest);
    g_assert_cmpint(pair->queue_us, <, 100000);
    run(pair, 20000, UINT32_MAX, &longest);
    g_assert_cmpint(longest, <, 400000);
    g_assert_cmpuint(allowed_bps(pair), >, NARROW_BPS / 2);
    g_assert_cmpfloat(pair_heard(pair, 0, 1000), >, 0.25f); /* and sound goes through all the time */
    pair->narrow_bps = WIDE_BPS;
    run(pair, 30000, UINT32_MAX, &longest);
    g_assert_cmpuint(allowed_bps(pair), ==, agreed);
    end(pair);
}

static uint64_t sent_of(const MdLegStats *stats)
{
    return md_stat_get(&stats->video_packets_sent) + md_stat_get(&stats->video_packets_retransmitted);
}

/* Still pictures take little: what the line carries is found out by padding. It disturbs nobody. */
static void test_probes(void)
{
    Pair *pair = start();
    const MdLegStats *stats = md_leg_stats(pair->side[1].leg), *theirs = md_leg_stats(pair->side[0].leg);
    int64_t longest;
    uint32_t agreed = allowed_bps(pair);
    pair->narrow_bps = NARROW_BPS;
    run(pair, 4000, UINT32_MAX, &longest);
    g_assert_cmpuint(allowed_bps(pair), <, NARROW_BPS);
    run(pair, 2000, 150000, &longest); /* what is late comes in */
    pair->narrow_bps = WIDE_BPS;
    run(pair, 1000, 150000, &longest);
    unsigned damaged = pair->side[0].damaged;
    uint64_t rejected = md_stat_get(&theirs->packets_rejected), lost = md_stat_get(&theirs->video_packets_lost);
    uint64_t sent = sent_of(stats), received = md_stat_get(&theirs->video_packets_received);
    run(pair, 30000, 150000, &longest);
    g_assert_cmpuint(allowed_bps(pair), ==, agreed);
    g_assert_cmpuint(md_stat_get(&stats->send_probes), >, 1);
    sent = sent_of(stats) - sent;
    received = md_stat_get(&theirs->video_packets_received) - received;
    g_assert_cmpuint(received, >, sent - 10); /* some are on their way */
    g_assert_cmpuint(received, <, sent + 10); /* padding is none of them */
    g_assert_cmpuint(md_stat_get(&theirs->packets_rejected), ==, rejected);
    g_assert_cmpuint(md_stat_get(&theirs->video_packets_lost), ==, lost);
    g_assert_cmpuint(pair->side[0].damaged, ==, damaged);
    end(pair);
}

/* A browser's own word on its line (REMB) bounds all lines together; reports' losses count only where there is no better. */
static void test_remb(void)
{
    Pair *pair = start();
    int64_t longest;
    uint32_t agreed = allowed_bps(pair);
    run(pair, 2000, UINT32_MAX, &longest);
    leg_rate_remb(pair->side[1].leg, 348000, md_clock_now_us(&pair->clock.base));
    g_assert_cmpuint(allowed_bps(pair), ==, 300000);
    leg_rate_remb(pair->side[1].leg, UINT64_MAX, md_clock_now_us(&pair->clock.base));
    g_assert_cmpuint(allowed_bps(pair), ==, agreed);
    leg_rate_loss(pair->side[1].leg->pictures[VIDEO], 100);
    g_assert_cmpuint(allowed_bps(pair), ==, agreed);
    end(pair);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rate/narrow", test_narrow);
    g_test_add_func("/rate/probes", test_probes);
    g_test_add_func("/rate/remb", test_remb);
    return g_test_run();
}
