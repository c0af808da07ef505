/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "mediad/rtp/packet.h"

static void test_plain(void)
{
    uint8_t data[32];
    size_t len = md_rtp_write_header(data, 111, true, 0xfffe, 0xdeadbeef, 0x01020304);
    g_assert_cmpuint(len, ==, 12);
    static const uint8_t want[12] = {0x80, 0xef, 0xff, 0xfe, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4};
    g_assert_cmpmem(data, 12, want, 12);
    memcpy(data + len, "hello", 5);
    MdRtpPacket p;
    g_assert_cmpint(md_rtp_parse(data, len + 5, &p), ==, 0);
    g_assert_cmpuint(p.payload_type, ==, 111);
    g_assert_true(p.marker);
    g_assert_cmpuint(p.seq, ==, 0xfffe);
    g_assert_cmphex(p.ts, ==, 0xdeadbeef);
    g_assert_cmphex(p.ssrc, ==, 0x01020304);
    g_assert_cmpmem(p.payload, p.payload_len, "hello", 5);
    g_assert_false(p.has_ext);
    /* An empty payload is lawful. */
    g_assert_cmpint(md_rtp_parse(data, 12, &p), ==, 0);
    g_assert_cmpuint(p.payload_len, ==, 0);
}

static void test_all_parts(void)
{
    static const uint8_t data[] = {0xb2, 0x60, 0x00, 0x01, 0,    0,    0,    9,
                                   0,    0,    0,    7,                            /* P, X, CC 2 */
                                   0,    0,    0,    0x21, 0,    0,    0,    0x22, /* CSRC */
                                   0xbe, 0xde, 0,    2,    0x10, 0xaa, 0x00, 0x31,
                                   0xbb, 0xcc, 0,    0, /* id 1 len 1; id 3 len 2; padding */
                                   'x',  'y',  0,    0,    3};
    MdRtpPacket p;
    g_assert_cmpint(md_rtp_parse(data, sizeof(data), &p), ==, 0);
    g_assert_cmpuint(p.n_csrc, ==, 2);
    g_assert_cmphex(md_rtp_csrc(&p, 0), ==, 0x21);
    g_assert_cmphex(md_rtp_csrc(&p, 1), ==, 0x22);
    g_assert_cmpuint(p.padding_len, ==, 3);
    g_assert_cmpmem(p.payload, p.payload_len, "xy", 2);
    const uint8_t *ext;
    size_t len;
    g_assert_true(md_rtp_find_ext(&p, 1, &ext, &len));
    g_assert_cmpuint(len, ==, 1);
    g_assert_cmphex(ext[0], ==, 0xaa);
    g_assert_true(md_rtp_find_ext(&p, 3, &ext, &len));
    g_assert_cmpuint(len, ==, 2);
    g_assert_cmphex(ext[1], ==, 0xcc);
    g_assert_false(md_rtp_find_ext(&p, 2, &ext, &len));
    g_assert_false(md_rtp_find_ext(&p, 0, &ext, &len));
}

static void test_two_byte_ext(void)
{
    uint8_t data[] = {0x90, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7, 0x10, 0x00, 0, 2, 200, 3, 1, 2, 3, 0, 5, 0};
    MdRtpPacket p;
    const uint8_t *ext;
    size_t len;
    g_assert_cmpint(md_rtp_parse(data, sizeof(data), &p), ==, 0);
    g_assert_true(md_rtp_find_ext(&p, 200, &ext, &len));
    g_assert_cmpuint(len, ==, 3);
    g_assert_true(md_rtp_find_ext(&p, 5, &ext, &len)); /* empty element */
    g_assert_cmpuint(len, ==, 0);
    data[23] = 9; /* element runs past the end */
    g_assert_false(md_rtp_find_ext(&p, 5, &ext, &len));
    data[12] = 0x20; /* some other profile */
    g_assert_cmpint(md_rtp_parse(data, sizeof(data), &p), ==, 0);
    g_assert_false(md_rtp_find_ext(&p, 200, &ext, &len));
}

static void test_refused(void)
{
    static const struct {
        uint8_t data[20];
        size_t len;
        const char *why;
    } rows[] = {
        {{0x80, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0}, 11, "short"},
        {{0x40, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7}, 12, "version 1"},
        {{0x82, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7, 0, 0, 0, 1}, 16, "two CSRC claimed, one there"},
        {{0x90, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7, 0xbe, 0xde, 0}, 15, "extension header cut"},
        {{0x90, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7, 0xbe, 0xde, 0, 2, 1, 2, 3, 4}, 20, "extension body cut"},
        {{0x90, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7, 0xbe, 0xde, 0xff, 0xff, 1, 2, 3, 4}, 20, "extension huge"},
        {{0xa0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7}, 12, "padding without a byte"},
        {{0xa0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7, 0, 0}, 14, "padding 0"},
        {{0xa0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7, 0, 3}, 14, "padding longer than payload"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        MdRtpPacket p = {.seq = 4711};
        g_test_message("%s", rows[i].why);
        g_assert_cmpint(md_rtp_parse(rows[i].data, rows[i].len, &p), ==, -EBADMSG);
        g_assert_cmpuint(p.seq, ==, 4711);
    }
}

static void test_rtcp_mux(void)
{
    static const uint8_t sr[] = {0x80, 200}, pli[] = {0x81, 206}, rtp[] = {0x80, 111},
                         marked[] = {0x80, 0x80 | 96};
    g_assert_true(md_rtp_is_rtcp(sr, 2));
    g_assert_true(md_rtp_is_rtcp(pli, 2));
    g_assert_false(md_rtp_is_rtcp(rtp, 2));
    g_assert_false(md_rtp_is_rtcp(marked, 2));
    g_assert_false(md_rtp_is_rtcp(sr, 1));
    g_assert_cmpint(md_seq_diff(2, 0xfffe), ==, 4);
    g_assert_cmpint(md_seq_diff(0xfffe, 2), ==, -4);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtp/packet/plain", test_plain);
    g_test_add_func("/rtp/packet/all-parts", test_all_parts);
    g_test_add_func("/rtp/packet/two-byte-extension", test_two_byte_ext);
    g_test_add_func("/rtp/packet/refused", test_refused);
    g_test_add_func("/rtp/packet/rtcp-mux", test_rtcp_mux);
    return g_test_run();
}
