/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "mediad/transport/demux.h"

static void test_kinds(void)
{
    static const struct {
        uint8_t bytes[28];
        size_t len;
        MdPacketKind want;
    } cases[] = {
        {{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, 20, MD_PACKET_STUN},
        {{0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42}, 28, MD_PACKET_STUN},
        {{0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42}, 20, MD_PACKET_INVALID}, /* shorter than it says */
        {{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x43}, 20, MD_PACKET_INVALID}, /* no cookie */
        {{22, 0xfe, 0xfd}, 13, MD_PACKET_DTLS},
        {{22, 0xfe, 0xfd}, 12, MD_PACKET_INVALID},
        {{63, 0xfe, 0xfd}, 13, MD_PACKET_DTLS},
        {{64}, 20, MD_PACKET_INVALID},
        {{0x80, 96}, 12, MD_PACKET_RTP},
        {{0x80, 96}, 11, MD_PACKET_INVALID},
        {{0x80, 0x80 | 96}, 12, MD_PACKET_RTP},
        {{0x80, 200}, 8, MD_PACKET_RTCP},
        {{0x80, 200}, 7, MD_PACKET_INVALID},
        {{0xbf, 223}, 12, MD_PACKET_RTCP},
        {{0xbf, 224}, 12, MD_PACKET_RTP},
        {{192, 96}, 12, MD_PACKET_INVALID},
        {{0}, 0, MD_PACKET_INVALID},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpstr(md_packet_kind_to_string(md_demux(cases[i].bytes, cases[i].len)), ==, md_packet_kind_to_string(cases[i].want));
}

static void test_client_hello(void)
{
    uint8_t hello[40] = {22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 27, 1};
    g_assert_true(md_dtls_is_client_hello(hello, sizeof hello));
    g_assert_false(md_dtls_is_client_hello(hello, 24));
    hello[13] = 2; /* ServerHello */
    g_assert_false(md_dtls_is_client_hello(hello, sizeof hello));
    hello[13] = 1;
    hello[4] = 1; /* encrypted epoch */
    g_assert_false(md_dtls_is_client_hello(hello, sizeof hello));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/demux/kinds", test_kinds);
    g_test_add_func("/demux/client-hello", test_client_hello);
    return g_test_run();
}
