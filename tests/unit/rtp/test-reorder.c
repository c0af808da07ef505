/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "mediad/rtp/nack.h"

static MdReorder *reorder_new(bool nack)
{
    MdReorderOptions options = {.nack = nack};
    return md_reorder_new(&options);
}

static int put(MdReorder *r, uint16_t seq, int64_t now_us)
{
    uint8_t payload[4];
    md_put32(payload, seq * 3u);
    MdRtpPacket p = {.seq = seq, .payload = payload, .payload_len = 4, .marker = seq & 1};
    int e = md_reorder_put(r, &p, now_us);
    return e;
}

/* Everything that may leave now, as "5 6 +2 9 " (+n: n lost before). */
static char *drain(MdReorder *r, int64_t now_us)
{
    GString *s = g_string_new(NULL);
    MdRtpPacket p;
    unsigned lost;
    while (md_reorder_next(r, now_us, &p, &lost)) {
        if (lost)
            g_string_append_printf(s, "+%u ", lost);
        g_string_append_printf(s, "%u ", p.seq);
        g_assert_cmpuint(p.payload_len, ==, 4);
        g_assert_cmpint(p.marker, ==, p.seq & 1);
    }
    return g_string_free(s, FALSE);
}

static void expect(MdReorder *r, int64_t now_us, const char *want)
{
    g_autofree char *got = drain(r, now_us);
    g_assert_cmpstr(got, ==, want);
}

static unsigned nacks(MdReorder *r, int64_t now_us, int64_t rtt_us, const char *want)
{
    uint16_t seqs[64];
    unsigned n = md_reorder_nacks(r, now_us, rtt_us, seqs, 64);
    GString *s = g_string_new(NULL);
    for (unsigned i = 0; i < n; i++)
        g_string_append_printf(s, "%u ", seqs[i]);
    g_assert_cmpstr(s->str, ==, want);
    g_string_free(s, TRUE);
    return n;
}

static void test_in_order(void)
{
    MdReorder *r = reorder_new(true);
    for (unsigned i = 0; i < 200000; i++) {
        MdRtpPacket p;
        unsigned lost = 9;
        g_assert_cmpint(put(r, (uint16_t)(65000 + i), i), ==, 0);
        g_assert_true(md_reorder_next(r, i, &p, &lost));
        g_assert_cmpuint(p.seq, ==, (uint16_t)(65000 + i));
        g_assert_cmpuint(lost, ==, 0);
        g_assert_false(md_reorder_next(r, i, &p, &lost));
    }
    g_assert_cmpint(md_reorder_due_us(r), ==, INT64_MAX);
    md_reorder_free(r);
}

static void test_reordered(void)
{
    MdReorder *r = reorder_new(true);
    put(r, 65534, 0);
    expect(r, 0, "65534 ");
    put(r, 0, 1000);
    expect(r, 1000, "");
    nacks(r, 5000, 50000, ""); /* within the reordering tolerance: no NACK */
    put(r, 65535, 6000);
    expect(r, 6000, "65535 0 ");
    g_assert_cmpint(put(r, 0, 7000), ==, -EALREADY);
    g_assert_cmpint(put(r, 65535, 7000), ==, -EALREADY);
    md_reorder_free(r);
}

static void test_nack_and_recovery(void)
{
    MdReorder *r = reorder_new(true);
    MdReorderStats stats;
    put(r, 10, 0);
    expect(r, 0, "10 ");
    put(r, 13, 1000);
    expect(r, 1000, "");
    g_assert_cmpint(md_reorder_due_us(r), ==, 11000);
    nacks(r, 10999, 40000, "");
    nacks(r, 11000, 40000, "11 12 ");
    nacks(r, 40000, 40000, ""); /* not before a round trip and a quarter */
    put(r, 12, 45000);
    expect(r, 45000, "");
    nacks(r, 61000, 40000, "11 ");
    put(r, 14, 70000);
    put(r, 11, 90000);
    expect(r, 90000, "11 12 13 14 ");
    g_assert_false(md_reorder_take_need_key(r));
    md_reorder_stats(r, &stats);
    g_assert_cmpuint(stats.recovered, ==, 2);
    g_assert_cmpuint(stats.nacks, ==, 3);
    g_assert_cmpuint(stats.lost, ==, 0);
    md_reorder_free(r);
}

static void test_give_up(void)
{
    MdReorder *r = reorder_new(true);
    put(r, 10, 0);
    expect(r, 0, "10 ");
    put(r, 12, 1000);
    put(r, 15, 100000);
    unsigned asked = 0;
    for (int64_t t = 1000; t < 251000; t += 5000) {
        uint16_t seqs[8];
        asked += md_reorder_nacks(r, t, 10000, seqs, 8);
        expect(r, t, "");
    }
    g_assert_cmpuint(asked, <=, 3 * 10);
    g_assert_cmpuint(asked, >=, 15);
    expect(r, 251000, "+1 12 "); /* 11 after 250 ms; 13 and 14 have their own time */
    g_assert_true(md_reorder_take_need_key(r));
    g_assert_false(md_reorder_take_need_key(r));
    expect(r, 350000, "+2 15 ");
    g_assert_true(md_reorder_take_need_key(r));
    g_assert_cmpint(put(r, 13, 360000), ==, -ETIME);
    md_reorder_free(r);
}

static void test_without_nack(void)
{
    MdReorder *r = reorder_new(false);
    put(r, 1, 0);
    put(r, 1, 0);
    expect(r, 0, "");
    md_reorder_free(r);
    r = reorder_new(false);
    put(r, 1, 0);
    expect(r, 0, "1 ");
    put(r, 3, 1000);
    expect(r, 10999, "");
    nacks(r, 10999, 10000, "");
    expect(r, 11000, "+1 3 ");
    md_reorder_free(r);
}

static void test_overflow(void)
{
    MdReorder *r = reorder_new(true);
    put(r, 1, 0);
    expect(r, 0, "1 ");
    for (unsigned i = 3; i < 3 + 254; i++)
        put(r, (uint16_t)i, 1000);
    expect(r, 1000, "");
    put(r, 600, 2000);
    expect(r, 2000, "+598 600 ");
    g_assert_true(md_reorder_take_need_key(r));
    put(r, 601, 2000);
    expect(r, 2000, "601 ");
    md_reorder_free(r);
}

/* Random loss and reordering with a peer that retransmits: everything leaves once, in order, and the sum adds
 * up. */
static void test_random(void)
{
    for (guint32 seed = 0; seed < 30; seed++) {
        g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
        MdReorder *r = reorder_new(true);
        GArray *flights = g_array_new(FALSE, FALSE, sizeof(int64_t) * 2);
        int64_t last = -1;
        uint64_t delivered = 0, lost_sum = 0;
        const unsigned total = 3000;
        for (int64_t now = 0; now < (int64_t)total * 2000 + 1000000; now += 1000) {
            if (now % 2000 == 0 && now / 2000 < total && (now == 0 || g_rand_int_range(rand, 0, 100) >= 10)) {
                int64_t f[2] = {now + (now ? g_rand_int_range(rand, 10000, 25000) : 10000), now / 2000};
                g_array_append_val(flights, f);
            }
            for (guint i = 0; i < flights->len;) {
                int64_t *f = (int64_t *)(void *)(flights->data + i * 16);
                if (f[0] <= now) {
                    put(r, (uint16_t)f[1], now);
                    g_array_remove_index(flights, i);
                    MdRtpPacket p;
                    unsigned lost;
                    while (md_reorder_next(r, now, &p, &lost)) {
                        g_assert_cmpint((int64_t)p.seq, ==, last + 1 + lost);
                        last = p.seq;
                        delivered++;
                        lost_sum += lost;
                    }
                } else {
                    i++;
                }
            }
            uint16_t seqs[64];
            unsigned n = md_reorder_nacks(r, now, 40000, seqs, 64);
            for (unsigned i = 0; i < n; i++) {
                int64_t f[2] = {now + 40000, seqs[i]};
                if (g_rand_int_range(rand, 0, 100) >= 10)
                    g_array_append_val(flights, f);
            }
        }
        MdReorderStats stats;
        md_reorder_stats(r, &stats);
        g_assert_cmpuint(delivered + lost_sum, >=, total - 5);
        g_assert_cmpuint(lost_sum, ==, stats.lost);
        g_assert_cmpuint(stats.lost, <, 10); /* 10 % of each of about five tries */
        g_assert_cmpuint(stats.recovered, >, 200);
        g_array_unref(flights);
        md_reorder_free(r);
    }
}

static void test_rtx(void)
{
    MdFrame *frame = md_frame_new(MD_VIDEO_VP8, 3000);
    memset(frame->data, 7, 3000);
    frame->len = 3000;
    MdPacketList *list = md_packetise(frame, 0, 1000);
    g_assert_nonnull(list);
    MdRtxCache *cache = md_rtx_cache_new(16);
    MdRtxEntry e;
    g_assert_null(md_rtx_cache_new(100));
    for (unsigned i = 0; i < list->n; i++)
        md_rtx_cache_add(cache, (uint16_t)(65534 + i), 90000, list, i, 1000);
    md_frame_unref(frame);
    md_packet_list_unref(list);
    g_assert_true(md_rtx_cache_get(cache, 0, 2000, 20000, &e));
    g_assert_cmpuint(e.i, ==, 2);
    g_assert_cmpuint(e.wire_ts, ==, 90000);
    uint8_t out[1000];
    g_assert_cmpuint(md_packet_list_copy(e.list, e.i, out), >, 700);
    g_assert_cmpuint(out[100], ==, 7);
    g_assert_false(md_rtx_cache_get(cache, 0, 12000, 20000, &e)); /* its answer is on the way */
    g_assert_true(md_rtx_cache_get(cache, 0, 22000, 20000, &e));
    g_assert_false(md_rtx_cache_get(cache, 16, 22000, 20000, &e));  /* same place, another number */
    g_assert_false(md_rtx_cache_get(cache, 65534, 3100000, 0, &e)); /* too old */
    md_rtx_cache_free(cache);

    uint8_t payload[5];
    md_rtx_write_osn(payload, 4711);
    memcpy(payload + 2, "abc", 3);
    MdRtpPacket p = {.seq = 9, .ssrc = 2, .payload_type = 97, .payload = payload, .payload_len = 5};
    g_assert_cmpint(md_rtx_unwrap(&p, 1, 96), ==, 0);
    g_assert_cmpuint(p.seq, ==, 4711);
    g_assert_cmpuint(p.ssrc, ==, 1);
    g_assert_cmpmem(p.payload, p.payload_len, "abc", 3);
    p.payload_len = 1;
    g_assert_cmpint(md_rtx_unwrap(&p, 1, 96), ==, -EBADMSG);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtp/reorder/in-order", test_in_order);
    g_test_add_func("/rtp/reorder/reordered", test_reordered);
    g_test_add_func("/rtp/reorder/nack-and-recovery", test_nack_and_recovery);
    g_test_add_func("/rtp/reorder/give-up", test_give_up);
    g_test_add_func("/rtp/reorder/without-nack", test_without_nack);
    g_test_add_func("/rtp/reorder/overflow", test_overflow);
    g_test_add_func("/rtp/reorder/random", test_random);
    g_test_add_func("/rtp/reorder/rtx", test_rtx);
    return g_test_run();
}
