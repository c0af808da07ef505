/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "mediad/rtp/sender.h"
#include "mediad/rtp/stream.h"

static MdStreamVerdict feed(MdStream *s, uint32_t ssrc, uint16_t seq, uint32_t ts, int64_t now_us,
                            uint64_t *ext)
{
    MdRtpPacket p = {.ssrc = ssrc, .seq = seq, .ts = ts};
    return md_stream_receive(s, &p, now_us, ext);
}

static void test_wrap(void)
{
    MdStream s;
    uint64_t first = 0, ext = 0;
    md_stream_init(&s, 8000, 1);
    g_assert_cmpint(feed(&s, 1, 65530, 0, 0, &first), ==, MD_STREAM_RESTART);
    for (int i = 1; i < 200000; i++) {
        g_assert_cmpint(feed(&s, 1, (uint16_t)(65530 + i), (uint32_t)i * 160, i * 20000ll, &ext), ==,
                        MD_STREAM_OK);
        g_assert_cmpuint(ext, ==, first + (uint64_t)i);
    }
    /* One that comes late belongs to its own place, below a wrap too. */
    g_assert_cmpint(feed(&s, 1, (uint16_t)(65530 + 199990), 0, 0, &ext), ==, MD_STREAM_OK);
    g_assert_cmpuint(ext, ==, first + 199990);
    g_assert_cmpuint(md_stream_lost(&s), ==, 0);
}

static void test_late_below_first(void)
{
    MdStream s;
    uint64_t first = 0, ext = 0;
    md_stream_init(&s, 8000, 1);
    feed(&s, 1, 3, 0, 0, &first);
    g_assert_cmpint(feed(&s, 1, 65534, 0, 10, &ext), ==, MD_STREAM_OK);
    g_assert_cmpuint(first - ext, ==, 5);
}

static void test_probation(void)
{
    MdStream s;
    md_stream_init(&s, 8000, 2);
    g_assert_cmpint(feed(&s, 1, 10, 0, 0, NULL), ==, MD_STREAM_WAIT);
    g_assert_cmpint(feed(&s, 1, 12, 0, 0, NULL), ==, MD_STREAM_WAIT); /* not in order */
    g_assert_cmpint(feed(&s, 2, 13, 0, 0, NULL), ==, MD_STREAM_WAIT); /* somebody else */
    g_assert_cmpint(feed(&s, 1, 13, 0, 0, NULL), ==, MD_STREAM_WAIT);
    g_assert_cmpint(feed(&s, 1, 14, 0, 0, NULL), ==, MD_STREAM_RESTART);
    g_assert_cmpint(feed(&s, 1, 15, 0, 0, NULL), ==, MD_STREAM_OK);
    MdRtcpReport r;
    g_assert_true(md_stream_report(&s, 0, &r));
    g_assert_cmpuint(r.ext_seq, ==, 15);
    g_assert_cmpint(r.lost, ==, 0);
}

static void test_restart(void)
{
    MdStream s;
    uint64_t ext;
    md_stream_init(&s, 8000, 1);
    feed(&s, 1, 100, 0, 0, NULL);
    feed(&s, 1, 103, 0, 0, NULL); /* two lost */
    /* A single wild packet is dropped ... */
    g_assert_cmpint(feed(&s, 1, 40000, 0, 0, NULL), ==, MD_STREAM_WAIT);
    g_assert_cmpint(feed(&s, 1, 104, 0, 0, NULL), ==, MD_STREAM_OK);
    /* ... and does not make the next wild one count as its follower, unless it is. */
    g_assert_cmpint(feed(&s, 1, 40001, 0, 0, NULL), ==, MD_STREAM_WAIT);
    g_assert_cmpint(feed(&s, 1, 40002, 0, 0, &ext), ==, MD_STREAM_RESTART);
    g_assert_cmpuint(ext & 0xffff, ==, 40002);
    g_assert_cmpuint(md_stream_lost(&s), ==, 2); /* losses before the restart are remembered */
    /* Loss of up to 3000 packets is loss. */
    g_assert_cmpint(feed(&s, 1, 42000, 0, 0, NULL), ==, MD_STREAM_OK);
    g_assert_cmpuint(md_stream_lost(&s), ==, 2 + 1997);
}

static void test_ssrc_change(void)
{
    MdStream s;
    md_stream_init(&s, 8000, 1);
    feed(&s, 1, 1, 0, 0, NULL);
    /* A rival while the first still talks: no hopping. */
    for (int i = 0; i < 50; i++) {
        g_assert_cmpint(feed(&s, 1, (uint16_t)(2 + i), 0, i * 20000, NULL), ==, MD_STREAM_OK);
        g_assert_cmpint(feed(&s, 2, (uint16_t)(700 + i), 0, i * 20000 + 1, NULL), ==, MD_STREAM_WAIT);
    }
    /* The first falls silent: after eight in order (one of them was above) the second is it, though less than
     * a second went by. */
    unsigned dropped = 0;
    int64_t now = 51 * 20000;
    uint16_t seq = 750;
    while (feed(&s, 2, seq++, 0, now, NULL) == MD_STREAM_WAIT)
        dropped++;
    g_assert_cmpuint(dropped, ==, 6);
    g_assert_cmpuint(s.ssrc, ==, 2);
    /* Long silence, then a third: at once. */
    g_assert_cmpint(feed(&s, 3, 9, 0, now + 2000000, NULL), ==, MD_STREAM_RESTART);
    /* BYE, then a fourth: at once. */
    md_stream_bye(&s, 3);
    g_assert_cmpint(feed(&s, 4, 77, 0, now + 2000001, NULL), ==, MD_STREAM_RESTART);
    g_assert_cmpint(feed(&s, 4, 78, 0, now + 2020001, NULL), ==, MD_STREAM_OK);
}

static void test_report(void)
{
    MdStream s;
    MdRtcpReport r;
    md_stream_init(&s, 8000, 1);
    g_assert_false(md_stream_report(&s, 0, &r));
    for (int i = 0; i < 100; i++)
        if (i % 4 != 1) /* a quarter lost */
            feed(&s, 9, (uint16_t)i, (uint32_t)i * 160, i * 20000, NULL);
    md_stream_sender_report(&s, 8, 0x1111222233334444, 5); /* not ours */
    md_stream_sender_report(&s, 9, 0x0000aaaabbbbcccc, 2000000);
    g_assert_true(md_stream_report(&s, 2500000, &r));
    g_assert_cmpuint(r.ssrc, ==, 9);
    g_assert_cmpint(r.lost, ==, 25);
    g_assert_cmpuint(r.fraction_lost, ==, 64);
    g_assert_cmpuint(r.ext_seq, ==, 99);
    g_assert_cmphex(r.lsr, ==, 0xaaaabbbb);
    g_assert_cmpuint(r.dlsr, ==, 32768);
    g_assert_cmpuint(r.jitter, ==, 0);
    /* Next interval without loss: fraction 0, sum stays. */
    for (int i = 100; i < 150; i++)
        feed(&s, 9, (uint16_t)i, (uint32_t)i * 160, i * 20000, NULL);
    g_assert_true(md_stream_report(&s, 3000000, &r));
    g_assert_cmpuint(r.fraction_lost, ==, 0);
    g_assert_cmpint(r.lost, ==, 25);
    /* Duplicates make the sum of an interval negative: clamped at 0 for the fraction. */
    feed(&s, 9, 149, 149 * 160, 3000000, NULL);
    g_assert_true(md_stream_report(&s, 3000000, &r));
    g_assert_cmpuint(r.fraction_lost, ==, 0);
    g_assert_cmpint(r.lost, ==, 24);
}

static void test_jitter(void)
{
    MdStream s;
    md_stream_init(&s, 8000, 1);
    /* Alternately 0 and 8 ms late: |D| = 64 units each time, the estimate converges to 64. */
    for (int i = 0; i < 400; i++)
        feed(&s, 9, (uint16_t)i, (uint32_t)i * 160 + 0xffffff00u, i * 20000 + (i & 1) * 8000, NULL);
    g_assert_cmpint(md_stream_jitter_us(&s), >=, 7500);
    g_assert_cmpint(md_stream_jitter_us(&s), <=, 8000);
    /* A new timestamp base far away is no jitter. */
    int64_t before = md_stream_jitter_us(&s);
    feed(&s, 9, 400, 0x40000000, 400 * 20000, NULL);
    g_assert_cmpint(md_stream_jitter_us(&s), ==, before);
}

static void test_sender(void)
{
    MdSender sender;
    MdRtcpSenderInfo info;
    uint8_t h[12];
    MdRtpPacket p;
    md_sender_init(&sender, 0xabcd, 65535, 0xffffff00, 8, 8000);
    g_assert_false(md_sender_info(&sender, 0, 0, &info));
    md_sender_write_header(&sender, h, true, 0, 160, 1000000);
    g_assert_cmpint(md_rtp_parse(h, 12, &p), ==, 0);
    g_assert_cmpuint(p.seq, ==, 65535);
    g_assert_cmphex(p.ts, ==, 0xffffff00);
    md_sender_write_header(&sender, h, false, 320, 160, 1040000);
    g_assert_cmpint(md_rtp_parse(h, 12, &p), ==, 0);
    g_assert_cmpuint(p.seq, ==, 0);
    g_assert_cmphex(p.ts, ==, 0x40);
    g_assert_cmpuint(p.payload_type, ==, 8);
    g_assert_true(md_sender_info(&sender, 1540000, 0, &info));
    g_assert_cmphex(info.rtp_ts, ==, 0x40 + 4000); /* half a second on */
    g_assert_cmpuint(info.packets, ==, 2);
    g_assert_cmpuint(info.octets, ==, 320);
    g_assert_cmpuint(info.ntp >> 32, ==, 2208988800u);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtp/stream/wrap", test_wrap);
    g_test_add_func("/rtp/stream/late-below-first", test_late_below_first);
    g_test_add_func("/rtp/stream/probation", test_probation);
    g_test_add_func("/rtp/stream/restart", test_restart);
    g_test_add_func("/rtp/stream/ssrc-change", test_ssrc_change);
    g_test_add_func("/rtp/stream/report", test_report);
    g_test_add_func("/rtp/stream/jitter", test_jitter);
    g_test_add_func("/rtp/stream/sender", test_sender);
    return g_test_run();
}
