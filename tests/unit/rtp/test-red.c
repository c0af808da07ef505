/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "mediad/rtp/red.h"

/* As RFC 2198, 4 draws it, written by hand. */
static void test_read(void)
{
    static const uint8_t packet[] = {0x80 | 111, 0x1e, 0x00, 0x02, /* 1920 back, 2 long */
                                     0x80 | 111, 0x0f, 0x00, 0x03, /* 960 back, 3 long */
                                     111, 'a', 'b', 'c', 'd', 'e', 'f', 'g'};
    MdRedBlock blocks[MD_RED_BLOCKS_MAX];
    g_assert_cmpint(md_red_parse(packet, sizeof packet, blocks), ==, 3);
    g_assert_cmpuint(blocks[0].ts_back, ==, 1920);
    g_assert_cmpmem(blocks[0].data, blocks[0].len, "ab", 2);
    g_assert_cmpuint(blocks[1].ts_back, ==, 960);
    g_assert_cmpmem(blocks[1].data, blocks[1].len, "cde", 3);
    g_assert_cmpuint(blocks[2].ts_back, ==, 0);
    g_assert_cmpmem(blocks[2].data, blocks[2].len, "fg", 2);
    g_assert_cmpuint(blocks[2].payload_type, ==, 111);
    for (size_t len = 0; len < 14; len++) /* the last block may be empty, no other may be cut */
        g_assert_cmpint(md_red_parse(packet, len, blocks), ==, -EBADMSG);
    g_assert_cmpint(md_red_parse(packet, 14, blocks), ==, 3);
    uint8_t many[4 * 9 + 1] = {0};
    for (unsigned i = 0; i < 9; i++)
        many[4 * i] = 0x80 | 111;
    many[36] = 111;
    g_assert_cmpint(md_red_parse(many, sizeof many, blocks), ==, -EBADMSG);
    g_assert_cmpint(md_red_parse(many + 8, sizeof many - 8, blocks), ==, 8);
}

static void test_write(void)
{
    MdRedSender sender = {0};
    MdRedBlock blocks[MD_RED_BLOCKS_MAX];
    uint8_t out[1400], big[1100] = {0};
    size_t n = md_red_write(&sender, 111, 0, (const uint8_t *)"one", 3, 2, out, sizeof out);
    g_assert_cmpint(md_red_parse(out, n, blocks), ==, 1);
    md_red_sender_add(&sender, 0xfffffc40u, (const uint8_t *)"one", 3); /* over the wrap */
    md_red_sender_add(&sender, 0, (const uint8_t *)"two!", 4);
    n = md_red_write(&sender, 111, 960, (const uint8_t *)"three", 5, 2, out, sizeof out);
    g_assert_cmpuint(n, ==, 4 + 4 + 1 + 12);
    g_assert_cmpint(md_red_parse(out, n, blocks), ==, 3);
    g_assert_cmpuint(blocks[0].ts_back, ==, 1920);
    g_assert_cmpmem(blocks[0].data, blocks[0].len, "one", 3);
    g_assert_cmpmem(blocks[1].data, blocks[1].len, "two!", 4);
    g_assert_cmpmem(blocks[2].data, blocks[2].len, "three", 5);
    n = md_red_write(&sender, 111, 960, (const uint8_t *)"three", 5, 1, out, sizeof out);
    g_assert_cmpint(md_red_parse(out, n, blocks), ==, 2);
    g_assert_cmpmem(blocks[0].data, blocks[0].len, "two!", 4);
    /* too long ago, too much, no room */
    n = md_red_write(&sender, 111, 20000, (const uint8_t *)"x", 1, 2, out, sizeof out);
    g_assert_cmpint(md_red_parse(out, n, blocks), ==, 1);
    md_red_sender_add(&sender, 960, big, 900);
    n = md_red_write(&sender, 111, 1920, big, 600, 2, out, sizeof out);
    g_assert_cmpint(md_red_parse(out, n, blocks), ==, 1);
    g_assert_cmpuint(md_red_write(&sender, 111, 1920, big, 600, 2, out, 600), ==, 0);
    md_red_sender_add(&sender, 1920, big, sizeof big); /* fits no block: the chain breaks */
    n = md_red_write(&sender, 111, 2880, (const uint8_t *)"x", 1, 2, out, sizeof out);
    g_assert_cmpint(md_red_parse(out, n, blocks), ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/red/read", test_read);
    g_test_add_func("/red/write", test_write);
    return g_test_run();
}
