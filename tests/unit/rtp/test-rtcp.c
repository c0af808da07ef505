/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "mediad/rtp/rtcp.h"

static uint8_t buf[2048];
static MdRtcpWriter writer;

static void begin(void)
{
    md_rtcp_writer_init(&writer, buf, sizeof(buf));
}

static void expect_end(MdRtcpReader *r)
{
    MdRtcpItem item;
    g_assert_cmpint(md_rtcp_reader_next(r, &item), ==, 0);
    g_assert_cmpint(md_rtcp_reader_next(r, &item), ==, 0);
}

static void test_compound(void)
{
    MdRtcpReader r;
    MdRtcpItem item;
    MdRtcpSenderInfo info = {0x1122334455667788, 90000, 5, 6000};
    MdRtcpReport reports[2] = {{7, 128, -3, 0x10005, 77, 0xaaaa5555, 65536}, {8, 0, 0x7000000, 9, 0, 0, 0}};
    begin();
    g_assert_cmpint(md_rtcp_write_sr(&writer, 1, &info, reports, 2), ==, 0);
    g_assert_cmpint(md_rtcp_write_cname(&writer, 1, "mediad@example"), ==, 0);
    g_assert_cmpint(md_rtcp_write_pli(&writer, 1, 7), ==, 0);
    g_assert_cmpint(md_rtcp_write_fir(&writer, 1, 7, 200), ==, 0);
    g_assert_cmpint(md_rtcp_write_tmmbr(&writer, 1, 7, 1500000, 40), ==, 0);
    g_assert_cmpint(md_rtcp_write_tmmbn(&writer, 1, 7, 131071, 511), ==, 0);
    g_assert_cmpint(md_rtcp_write_bye(&writer, 1), ==, 0);
    g_assert_cmpuint(writer.len % 4, ==, 0);
    g_assert_cmpint(md_rtcp_reader_init(&r, buf, writer.len), ==, 0);

    g_assert_cmpint(md_rtcp_reader_next(&r, &item), ==, 1);
    g_assert_cmpint(item.kind, ==, MD_RTCP_KIND_SENDER);
    g_assert_cmphex(item.sender.ntp, ==, 0x1122334455667788);
    g_assert_cmpuint(item.sender.rtp_ts, ==, 90000);
    g_assert_cmpuint(item.sender.packets, ==, 5);
    g_assert_cmpuint(item.sender.octets, ==, 6000);
    g_assert_cmpint(md_rtcp_reader_next(&r, &item), ==, 1);
    g_assert_cmpint(item.kind, ==, MD_RTCP_KIND_REPORT);
    g_assert_cmpuint(item.ssrc, ==, 1);
    g_assert_cmpuint(item.report.ssrc, ==, 7);
    g_assert_cmpuint(item.report.fraction_lost, ==, 128);
    g_assert_cmpint(item.report.lost, ==, -3);
    g_assert_cmphex(item.report.ext_seq, ==, 0x10005);
    g_assert_cmpuint(item.report.jitter, ==, 77);
    g_assert_cmphex(item.report.lsr, ==, 0xaaaa5555);
    g_assert_cmpuint(item.report.dlsr, ==, 65536);
    g_assert_cmpint(md_rtcp_reader_next(&r, &item), ==, 1);
    g_assert_cmpint(item.report.lost, ==, 0x7fffff); /* clamped to 24 bits */
    g_assert_cmpint(md_rtcp_reader_next(&r, &item), ==, 1);
    g_assert_cmpint(item.kind, ==, MD_RTCP_KIND_CNAME);
    g_assert_cmpmem(item.text.data, item.text.len, "mediad@example", 14);
    g_assert_cmpint(md_rtcp_reader_next(&r, &item), ==, 1);
    g_assert_cmpint(item.kind, ==, MD_RTCP_KIND_PLI);
    g_assert_cmpuint(item.media_ssrc, ==, 7);
    g_assert_cmpint(md_rtcp_reader_next(&r, &item), ==, 1);
    g_assert_cmpint(item.kind, ==, MD_RTCP_KIND_FIR);
    g_assert_cmpuint(item.media_ssrc, ==, 7);
    g_assert_cmpuint(item.fir_seq, ==, 200);
    g_assert_cmpint(md_rtcp_reader_next(&r, &item), ==, 1);
    g_assert_cmpint(item.kind, ==, MD_RTCP_KIND_TMMBR);
    g_assert_cmpuint(item.media_ssrc, ==, 7);
    g_assert_cmpuint(item.limit.bitrate_bps, ==, 1500000 / 16 * 16);
    g_assert_cmpuint(item.limit.overhead, ==, 40);
    g_assert_cmpint(md_rtcp_reader_next(&r, &item), ==, 1);
    g_assert_cmpint(item.kind, ==, MD_RTCP_KIND_TMMBN);
    g_assert_cmpuint(item.limit.bitrate_bps, ==, 131071);
    g_assert_cmpuint(item.limit.overhead, ==, 511);
    g_assert_cmpint(md_rtcp_reader_next(&r, &item), ==, 1);
    g_assert_cmpint(item.kind, ==, MD_RTCP_KIND_BYE);
    g_assert_cmpuint(item.ssrc, ==, 1);
    expect_end(&r);
}

static void test_nack(void)
{
    static const uint16_t seqs[] = {65530, 65531, 65535, 10, 11, 300};
    MdRtcpReader r;
    MdRtcpItem item;
    begin();
    g_assert_cmpint(md_rtcp_write_nack(&writer, 1, 2, seqs, G_N_ELEMENTS(seqs)), ==, 0);
    g_assert_cmpuint(writer.len, ==, 12 + 3 * 4); /* 65530 .. 10 is one pair: 16 apart; 11; 300 */
    g_assert_cmpint(md_rtcp_reader_init(&r, buf, writer.len), ==, 0);
    uint16_t got[64];
    unsigned n = 0;
    while (md_rtcp_reader_next(&r, &item) == 1) {
        g_assert_cmpint(item.kind, ==, MD_RTCP_KIND_NACK);
        g_assert_cmpuint(item.media_ssrc, ==, 2);
        n += md_rtcp_nack_seqs(&item, got + n);
    }
    g_assert_cmpmem(got, n * sizeof(got[0]), seqs, sizeof(seqs));
}

static void test_remb_and_unknown(void)
{
    static const uint8_t data[] = {
        0x8f, 206,  0,    5,    0, 0, 0, 1, 0, 0, 0, 0, 'R', 'E', 'M', 'B',
        1,    0x0b, 0xff, 0xff, 0, 0, 0, 9,                               /* 262143 << 2 */
        0x80, 207,  0,    1,    0, 0, 0, 1,                               /* XR */
        0x85, 205,  0,    3,    0, 0, 0, 1, 0, 0, 0, 2, 1,   2,   3,   4, /* some RTPFB */
        0x80, 201,  0,    1,    0, 0, 0, 1};                              /* empty RR */
    MdRtcpReader r;
    MdRtcpItem item;
    g_assert_cmpint(md_rtcp_reader_init(&r, data, sizeof(data)), ==, 0);
    g_assert_cmpint(md_rtcp_reader_next(&r, &item), ==, 1);
    g_assert_cmpint(item.kind, ==, MD_RTCP_KIND_REMB);
    g_assert_cmpuint(item.limit.bitrate_bps, ==, 262143u << 2);
    g_assert_cmpint(md_rtcp_reader_next(&r, &item), ==, 1);
    g_assert_cmpint(item.kind, ==, MD_RTCP_KIND_RECEIVER);
    expect_end(&r);
}

static void test_padding_and_items(void)
{
    /* Two chunks, the first with NAME only; then BYE of two with padding. */
    static const uint8_t data[] = {0x82, 202, 0, 5, 0,    0,   0, 1, 2, 1, 'n', 0, 0, 0, 0, 2, 1, 2, 'c', 'd',
                                   3,    0,   0, 0, 0xa2, 203, 0, 3, 0, 0, 0,   1, 0, 0, 0, 2, 0, 0, 0,   4};
    MdRtcpReader r;
    MdRtcpItem item;
    g_assert_cmpint(md_rtcp_reader_init(&r, data, sizeof(data)), ==, 0);
    g_assert_cmpint(md_rtcp_reader_next(&r, &item), ==, 1);
    g_assert_cmpint(item.kind, ==, MD_RTCP_KIND_CNAME);
    g_assert_cmpuint(item.ssrc, ==, 2);
    g_assert_cmpmem(item.text.data, item.text.len, "cd", 2);
    g_assert_cmpint(md_rtcp_reader_next(&r, &item), ==, 1);
    g_assert_cmpint(item.kind, ==, MD_RTCP_KIND_BYE);
    g_assert_cmpuint(item.ssrc, ==, 1);
    g_assert_cmpint(md_rtcp_reader_next(&r, &item), ==, 1);
    g_assert_cmpuint(item.ssrc, ==, 2);
    expect_end(&r);
}

static void test_refused(void)
{
    static const struct {
        uint8_t data[16];
        size_t len;
        bool framing; /* refused at once, else by the reader */
        const char *why;
    } rows[] = {
        {{0x80, 201, 0}, 3, true, "short"},
        {{0x40, 201, 0, 1, 0, 0, 0, 1}, 8, true, "version 1"},
        {{0x80, 201, 0, 2, 0, 0, 0, 1}, 8, true, "length past the end"},
        {{0xa0, 201, 0, 1, 0, 0, 0, 9}, 8, true, "padding longer than the packet"},
        {{0xa0, 201, 0, 1, 0, 0, 0, 4, 0x80, 201, 0, 1, 0, 0, 0, 1}, 16, true, "padding in the middle"},
        {{0x80, 201, 0, 1, 0, 0, 0, 1, 0x80}, 9, true, "rest of one byte"},
        {{0x81, 201, 0, 1, 0, 0, 0, 1}, 8, false, "one block claimed, none there"},
        {{0x80, 200, 0, 1, 0, 0, 0, 1}, 8, false, "SR without its body"},
        {{0x81, 202, 0, 2, 0, 0, 0, 1, 1, 9, 'a', 'b'}, 12, false, "item past the end"},
        {{0x81, 202, 0, 2, 0, 0, 0, 1, 1, 2, 'a', 'b'}, 12, false, "items without an end"},
        {{0x82, 203, 0, 1, 0, 0, 0, 1}, 8, false, "two sources claimed"},
        {{0x81, 206, 0, 1, 0, 0, 0, 1}, 8, false, "feedback without media source"},
        {{0x84, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}, 16, false, "FIR entry cut"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        MdRtcpReader r;
        MdRtcpItem item;
        g_test_message("%s", rows[i].why);
        int first = md_rtcp_reader_init(&r, rows[i].data, rows[i].len);
        g_assert_cmpint(first, ==, rows[i].framing ? -EBADMSG : 0);
        if (first < 0)
            continue;
        int n;
        while ((n = md_rtcp_reader_next(&r, &item)) == 1)
            ;
        g_assert_cmpint(n, ==, -EBADMSG);
    }
}

static void test_full(void)
{
    md_rtcp_writer_init(&writer, buf, 31);
    g_assert_cmpint(md_rtcp_write_rr(&writer, 1, NULL, 0), ==, 0);
    g_assert_cmpint(md_rtcp_write_pli(&writer, 1, 2), ==, 0);
    g_assert_cmpuint(writer.len, ==, 20);
    g_assert_cmpint(md_rtcp_write_pli(&writer, 1, 2), ==, -ENOBUFS);
    g_assert_cmpuint(writer.len, ==, 20);
    g_assert_cmpint(md_rtcp_write_rr(&writer, 1, NULL, 32), ==, -EINVAL);
}

static void test_time(void)
{
    g_assert_cmphex(md_ntp_from_wall_us(0), ==, 2208988800ull << 32);
    for (int64_t t = 1700000000000000; t < 1700000000000000 + 1000; t++)
        g_assert_cmpint(md_ntp_to_wall_us(md_ntp_from_wall_us(t)), ==, t);
    /* SR at T, held 250 ms there, back at T + 320 ms: 70 ms on the way. */
    uint64_t sent = md_ntp_from_wall_us(1700000000123456);
    MdRtcpReport r = {.lsr = md_ntp_mid(sent), .dlsr = 65536 / 4};
    int64_t rtt = md_rtcp_round_trip_us(&r, md_ntp_from_wall_us(1700000000123456 + 320000));
    g_assert_cmpint(ABS(rtt - 70000), <, 50);
    r.dlsr = 65536;
    g_assert_cmpint(md_rtcp_round_trip_us(&r, sent), ==, -1); /* held longer than it was away */
    r.lsr = 0;
    g_assert_cmpint(md_rtcp_round_trip_us(&r, sent), ==, -1);
}

static void test_interval(void)
{
    /* Two members, ample bandwidth: 5 s times 0.5..1.5, over e - 1.5 = 1.21828. */
    g_assert_cmpint(md_rtcp_interval_us(2, 2, true, 64000, 100, false, 0), ==,
                    (int64_t)(2.5e6 / 1.21828182845904523536));
    int64_t high = md_rtcp_interval_us(2, 2, true, 64000, 100, false, UINT32_MAX);
    g_assert_cmpint(ABS(high - (int64_t)(7.5e6 / 1.2182818)), <, 100);
    g_assert_cmpint(md_rtcp_interval_us(2, 2, true, 64000, 100, true, 0), ==,
                    (int64_t)(1.25e6 / 1.21828182845904523536));
    /* A thousand receivers share three quarters of 5 %: 100 * 998 / (400 * 0.75) s. */
    double s = 100 * 998 / 300.0 * 0.5 / 1.21828182845904523536;
    g_assert_cmpint(md_rtcp_interval_us(1000, 2, false, 64000, 100, false, 0), ==, (int64_t)(s * 1e6));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtp/rtcp/compound", test_compound);
    g_test_add_func("/rtp/rtcp/nack", test_nack);
    g_test_add_func("/rtp/rtcp/remb-and-unknown", test_remb_and_unknown);
    g_test_add_func("/rtp/rtcp/padding-and-items", test_padding_and_items);
    g_test_add_func("/rtp/rtcp/refused", test_refused);
    g_test_add_func("/rtp/rtcp/full", test_full);
    g_test_add_func("/rtp/rtcp/time", test_time);
    g_test_add_func("/rtp/rtcp/interval", test_interval);
    return g_test_run();
}
