/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/output/hls.h"

#include <string.h>

/* An ADTS header and n bytes behind it. */
static size_t make_frame(uint8_t *p, size_t n)
{
    size_t len = n + 7;
    memset(p, 0x55, len);
    p[0] = 0xff;
    p[1] = 0xf1;
    p[2] = 0x4c;
    p[3] = (uint8_t)(0x40 | len >> 11);
    p[4] = (uint8_t)(len >> 3);
    p[5] = (uint8_t)(len << 5 | 0x1f);
    p[6] = 0xfc;
    return len;
}

static void add_frames(BcHls *hls, unsigned n)
{
    uint8_t frame[300];
    for (unsigned i = 0; i < n; i++)
        g_assert_true(bc_hls_add(hls, frame, make_frame(frame, 150 + i % 50)));
}

static void test_frames(void)
{
    uint8_t p[300];
    size_t len = make_frame(p, 200);
    g_assert_cmpuint(bc_adts_frame(p, sizeof p), ==, len);
    g_assert_cmpuint(bc_adts_frame(p, len - 1), ==, 0);
    g_assert_cmpuint(bc_adts_frame(p, 3), ==, 0);
    p[1] = 0xfd; /* layer III */
    g_assert_cmpuint(bc_adts_frame(p, sizeof p), ==, 0);
    BcHls *hls = bc_hls_new(0);
    g_assert_false(bc_hls_add(hls, p, sizeof p));
    bc_hls_free(hls);
}

/* Whole segments only, a window that slides, each piece begins with its time. */
static void test_window(void)
{
    BcHls *hls = bc_hls_new(7000);
    add_frames(hls, BC_HLS_SEGMENT_FRAMES - 1);
    g_assert_cmpuint(bc_hls_count(hls), ==, 0);
    add_frames(hls, 1);
    g_assert_cmpuint(bc_hls_count(hls), ==, 1);
    g_autofree char *one = bc_hls_playlist(hls, "key=a%26b");
    g_assert_cmpstr(one, ==, "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7000\n"
                             "#EXTINF:2.005,\n7000.aac?key=a%26b\n");
    add_frames(hls, BC_HLS_SEGMENT_FRAMES * 8);
    g_assert_cmpuint(bc_hls_count(hls), ==, BC_HLS_SEGMENTS);
    g_autofree char *later = bc_hls_playlist(hls, NULL);
    g_assert_nonnull(strstr(later, "MEDIA-SEQUENCE:7003\n#EXTINF:2.005,\n7003.aac\n"));
    g_assert_true(g_str_has_suffix(later, "7008.aac\n"));
    g_assert_null(bc_hls_segment(hls, 7002));
    g_assert_null(bc_hls_segment(hls, 7009));
    for (uint64_t i = 7003; i < 7009; i++) {
        gsize len;
        const uint8_t *p = g_bytes_get_data(bc_hls_segment(hls, i), &len);
        g_assert_cmpmem(p, 3, "ID3", 3);
        size_t tag = 10 + p[9];
        uint64_t time = 0;
        for (unsigned b = 0; b < 8; b++)
            time = time << 8 | p[tag - 8 + b];
        g_assert_cmpuint(time, ==, (i - 7000) * BC_HLS_SEGMENT_FRAMES * 1024 * 90000 / 48000);
        unsigned frames = 0;
        for (size_t at = tag; at < len; frames++)
            at += bc_adts_frame(p + at, len - at);
        g_assert_cmpuint(frames, ==, BC_HLS_SEGMENT_FRAMES);
    }
    bc_hls_free(hls);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/broadcast/hls/frames", test_frames);
    g_test_add_func("/broadcast/hls/window", test_window);
    return g_test_run();
}
