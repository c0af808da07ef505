/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "mediad/transport/demux.h"

static void test_first_byte(void)
{
    uint8_t packet[64] = {0};
    packet[1] = 96;
    for (unsigned b = 0; b < 256; b++) {
        packet[0] = (uint8_t)b;
        MdPacketKind want = b >= 20 && b <= 63     ? MD_PACKET_DTLS
                            : b >= 128 && b <= 191 ? MD_PACKET_RTP
                                                   : MD_PACKET_INVALID; /* 0..3: no cookie */
        g_assert_cmpint(md_demux(packet, sizeof packet), ==, want);
    }
    packet[0] = 0x80;
    for (unsigned pt = 0; pt < 256; pt++) {
        packet[1] = (uint8_t)pt;
        g_assert_cmpint(md_demux(packet, sizeof packet), ==,
                        pt >= 192 && pt <= 223 ? MD_PACKET_RTCP : MD_PACKET_RTP);
    }
}

static void test_short(void)
{
    static const struct {
        uint8_t first, second;
        size_t least;
        MdPacketKind kind;
    } cases[] = {
        {0x80, 96, 12, MD_PACKET_RTP}, {0x80, 200, 8, MD_PACKET_RTCP}, {22, 0xfe, 13, MD_PACKET_DTLS}};
    for (unsigned c = 0; c < G_N_ELEMENTS(cases); c++)
        for (size_t len = 0; len < 20; len++) {
            g_autofree uint8_t *exact = g_malloc0(len + 1); /* sanitizers see a read past len */
            uint8_t packet[32] = {cases[c].first, cases[c].second};
            memcpy(exact, packet, len);
            g_assert_cmpint(md_demux(exact, len), ==,
                            len >= cases[c].least ? cases[c].kind : MD_PACKET_INVALID);
        }
    g_assert_cmpstr(md_packet_kind_to_string(MD_PACKET_DTLS), ==, "dtls");
    g_assert_null(md_packet_kind_to_string((MdPacketKind)99));
}

static void test_stun(void)
{
    uint8_t stun[28] = {0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42};
    g_assert_cmpint(md_demux(stun, sizeof stun), ==, MD_PACKET_STUN);
    g_assert_cmpint(md_demux(stun, sizeof stun - 1), ==, MD_PACKET_INVALID);
    for (unsigned i = 2; i < 8; i++) { /* each byte of length and cookie counts */
        uint8_t bad[28];
        memcpy(bad, stun, sizeof bad);
        bad[i] ^= 1;
        g_assert_cmpint(md_demux(bad, sizeof bad), ==, MD_PACKET_INVALID);
    }
    stun[0] = 4;
    g_assert_false(md_stun_is_valid(stun, sizeof stun));
}

static void test_client_hello(void)
{
    uint8_t record[40] = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 27, 1};
    g_assert_true(md_dtls_is_client_hello(record, sizeof record));
    g_assert_false(md_dtls_is_client_hello(record, 24));
    record[4] = 1; /* encrypted epoch */
    g_assert_false(md_dtls_is_client_hello(record, sizeof record));
    record[4] = 0;
    record[13] = 2; /* ServerHello */
    g_assert_false(md_dtls_is_client_hello(record, sizeof record));
    record[13] = 1;
    record[0] = 21;
    g_assert_false(md_dtls_is_client_hello(record, sizeof record));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/demux/first-byte", test_first_byte);
    g_test_add_func("/demux/short", test_short);
    g_test_add_func("/demux/stun", test_stun);
    g_test_add_func("/demux/client-hello", test_client_hello);
    return g_test_run();
}
