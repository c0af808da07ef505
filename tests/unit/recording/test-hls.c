/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/recording/hls.h"
#include <string.h>

static void add(MdHls *hls, char byte, bool key, int64_t ms)
{
    char bytes[188];
    memset(bytes, byte, sizeof bytes);
    md_hls_add(hls, (const uint8_t *)bytes, sizeof bytes, key, ms < 0 ? -1 : ms * 1000);
}

static void test_cuts_at_key_frames(void)
{
    MdHls *hls = md_hls_new(7);
    add(hls, 'x', false, 0); /* nobody could begin with this */
    g_assert_null(md_hls_playlist(hls));
    add(hls, 'a', true, 100);
    add(hls, 'a', false, 1000);
    add(hls, 'a', true, 1100); /* too short to cut */
    add(hls, 'a', false, -1);
    add(hls, 'b', true, 2350);
    g_assert_cmpuint(md_hls_count(hls), ==, 1);
    g_autofree char *list = md_hls_playlist(hls);
    g_assert_cmpstr(list, ==, "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:3\n#EXT-X-MEDIA-SEQUENCE:7\n"
                              "#EXTINF:2.250,\n7.ts\n");
    GBytes *piece = md_hls_segment(hls, 7);
    gsize len;
    const char *bytes = g_bytes_get_data(piece, &len);
    g_assert_cmpuint(len, ==, 4 * 188);
    g_assert_true(bytes[0] == 'a' && bytes[len - 1] == 'a');
    g_assert_null(md_hls_segment(hls, 8));
    g_assert_null(md_hls_segment(hls, 6));
    md_hls_free(hls);
}

static void test_forgets(void)
{
    MdHls *hls = md_hls_new(0);
    for (unsigned i = 0; i <= 20; i++)
        add(hls, 'a', true, i * 2000);
    g_assert_cmpuint(md_hls_count(hls), ==, MD_HLS_SEGMENTS);
    g_autofree char *list = md_hls_playlist(hls);
    g_assert_nonnull(strstr(list, "#EXT-X-MEDIA-SEQUENCE:14\n"));
    g_assert_nonnull(strstr(list, "\n19.ts\n"));
    g_assert_nonnull(md_hls_segment(hls, 8)); /* whoever read the list before may still fetch it */
    g_assert_null(md_hls_segment(hls, 7));
    md_hls_free(hls);
}

static void test_break(void)
{
    MdHls *hls = md_hls_new(0);
    add(hls, 'a', true, 0);
    add(hls, 'a', true, 2000);
    add(hls, 'a', false, 2500);
    md_hls_break(hls);
    add(hls, 'b', false, 10);
    add(hls, 'b', true, 20);
    add(hls, 'b', true, 2020);
    g_autofree char *list = md_hls_playlist(hls);
    g_assert_nonnull(strstr(list, "#EXTINF:2.000,\n0.ts\n#EXTINF:0.500,\n1.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:2.000,\n2.ts\n"));
    for (unsigned i = 2; i < 10; i++)
        add(hls, 'b', true, 20 + i * 2000);
    g_autofree char *later = md_hls_playlist(hls);
    g_assert_nonnull(strstr(later, "#EXT-X-DISCONTINUITY-SEQUENCE:1\n"));
    g_assert_null(strstr(later, "#EXT-X-DISCONTINUITY\n"));
    md_hls_free(hls);
}

static void test_no_key_frame(void)
{
    MdHls *hls = md_hls_new(0);
    add(hls, 'a', true, 0);
    for (unsigned i = 1; i < 200; i++)
        add(hls, 'a', false, i * 100);
    g_assert_cmpuint(md_hls_count(hls), ==, 0); /* nothing grows without end */
    add(hls, 'b', true, 30000);
    add(hls, 'b', true, 32000);
    g_autofree char *list = md_hls_playlist(hls);
    g_assert_nonnull(strstr(list, "#EXTINF:2.000,\n0.ts\n"));
    md_hls_free(hls);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/recording/hls/cuts-at-key-frames", test_cuts_at_key_frames);
    g_test_add_func("/recording/hls/forgets", test_forgets);
    g_test_add_func("/recording/hls/break", test_break);
    g_test_add_func("/recording/hls/no-key-frame", test_no_key_frame);
    return g_test_run();
}
