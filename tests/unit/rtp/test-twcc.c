/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "mediad/rtp/packet.h"
#include "mediad/rtp/rtcp.h"
#include "mediad/rtp/twcc.h"

/* A reader written from the draft, beside the writer's way of thinking: arrival by number, -1 not received. */
static unsigned read_feedback(const uint8_t *data, size_t len, uint16_t *ret_base, int64_t ret_us[MD_TWCC_WINDOW])
{
    MdRtcpReader reader;
    g_assert_cmpint(md_rtcp_reader_init(&reader, data, len), ==, 0);
    g_assert_cmpuint(data[0] & 0x1f, ==, 15);
    g_assert_cmpuint(data[1], ==, 205);
    unsigned count = md_get16(data + 14), n = 0;
    int64_t at = (int64_t)(md_get32(data + 16) >> 8) * 64000;
    uint8_t symbol[MD_TWCC_WINDOW + 14];
    const uint8_t *p = data + 20, *end = data + len;
    *ret_base = md_get16(data + 12);
    while (n < count) {
        uint16_t chunk = md_get16(p);
        p += 2;
        if (!(chunk & 0x8000))
            for (unsigned run = chunk & 0x1fff; run && n < count; run--)
                symbol[n++] = chunk >> 13 & 3;
        else if (chunk & 0x4000)
            for (int i = 6; i >= 0; i--)
                symbol[n++] = chunk >> 2 * i & 3;
        else
            for (int i = 13; i >= 0; i--)
                symbol[n++] = chunk >> i & 1;
    }
    for (unsigned i = 0; i < count; i++) {
        g_assert_true(p <= end);
        ret_us[i] = -1;
        if (symbol[i] == 1)
            at += *p++ * 250;
        else if (symbol[i] == 2) {
            at += (int16_t)md_get16(p) * 250;
            p += 2;
        } else
            continue;
        ret_us[i] = at;
    }
    g_assert_true(p <= end && end - p < 4);
    return count;
}

static void test_arrivals(void)
{
    MdTwccReceiver *r = g_new(MdTwccReceiver, 1);
    uint8_t buf[MD_TWCC_FEEDBACK_MAX];
    int64_t told[MD_TWCC_WINDOW], came[100], t = 5000000;
    uint16_t base, first = 65500; /* over the wrap */
    GRand *rand = g_rand_new_with_seed(4);
    md_twcc_receiver_init(r);
    g_assert_cmpuint(md_twcc_write(r, 1, 2, buf, t), ==, 0);
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 100; i++) {
            t += g_rand_int_range(rand, 0, i % 30 == 7 ? 200000 : 3000);
            came[i] = i && i < 99 && g_rand_int_range(rand, 0, 10) == 0 ? -1 : t;
        }
        for (unsigned i = 0; i + 1 < 100; i += 2) { /* pairs come the wrong way round */
            int64_t swap = came[i];
            if (i && i < 98 && came[i] >= 0 && came[i + 1] >= 0) {
                came[i] = came[i + 1];
                came[i + 1] = swap;
            }
        }
        for (unsigned i = 0; i < 100; i++)
            if (came[i] >= 0)
                md_twcc_receive(r, (uint16_t)(first + i), came[i]);
        g_assert_cmpint(r->due_us, ==, came[0] + MD_TWCC_INTERVAL_US);
        size_t len = md_twcc_write(r, 0x11223344, 0x55667788, buf, t);
        g_assert_cmpuint(len, >, 0);
        g_assert_cmpuint(md_get32(buf + 4), ==, 0x11223344);
        g_assert_cmpuint(read_feedback(buf, len, &base, told), ==, 100);
        g_assert_cmpuint(base, ==, first);
        g_assert_cmpuint(buf[19], ==, round);
        for (unsigned i = 0; i < 100; i++) {
            g_assert_true((came[i] < 0) == (told[i] < 0));
            if (came[i] >= 0)
                g_assert_cmpint(ABS(told[i] - came[i]), <=, 250);
        }
        g_assert_cmpuint(md_twcc_write(r, 1, 2, buf, t), ==, 0);
        first = (uint16_t)(first + 100);
    }
    g_rand_free(rand);
    g_free(r);
}

/* More than a packet holds goes in several, none forgotten; a jump begins anew; a long pause takes a new reference. */
static void test_limits(void)
{
    MdTwccReceiver *r = g_new(MdTwccReceiver, 1);
    uint8_t buf[MD_TWCC_FEEDBACK_MAX];
    int64_t told[MD_TWCC_WINDOW], t = 1000000;
    uint16_t base, expected = 0;
    unsigned total = 0, packets = 0;
    md_twcc_receiver_init(r);
    for (unsigned i = 0; i < 1000; i++)
        md_twcc_receive(r, (uint16_t)i, t += 100000); /* two bytes each */
    for (size_t len; (len = md_twcc_write(r, 1, 2, buf, t)) > 0; packets++) {
        g_assert_cmpuint(len, <=, sizeof buf);
        unsigned n = read_feedback(buf, len, &base, told);
        g_assert_cmpuint(base, ==, expected);
        expected = (uint16_t)(expected + n);
        total += n;
    }
    g_assert_cmpuint(total, ==, 1000);
    g_assert_cmpuint(packets, ==, 2);
    md_twcc_receive(r, 1000, t);
    md_twcc_receive(r, 1001, t + 60000000); /* no delta reaches so far */
    size_t len = md_twcc_write(r, 1, 2, buf, t);
    g_assert_cmpuint(read_feedback(buf, len, &base, told), ==, 1);
    len = md_twcc_write(r, 1, 2, buf, t);
    g_assert_cmpuint(read_feedback(buf, len, &base, told), ==, 1);
    g_assert_cmpint(ABS(told[0] - t - 60000000), <=, 250);
    md_twcc_receive(r, 30000, t + 61000000); /* the sender begins somewhere else */
    len = md_twcc_write(r, 1, 2, buf, t);
    g_assert_cmpuint(read_feedback(buf, len, &base, told), ==, 1);
    g_assert_cmpuint(base, ==, 30000);
    md_twcc_receive(r, 29999, t + 61000000); /* told as missing before */
    g_assert_cmpuint(md_twcc_write(r, 1, 2, buf, t), ==, 0);
    g_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/twcc/arrivals", test_arrivals);
    g_test_add_func("/twcc/limits", test_limits);
    return g_test_run();
}
