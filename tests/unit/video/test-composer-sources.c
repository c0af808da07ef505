/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sources that stall, come damaged or too fast, or change, and the key frames asked of them. */
#include "tests/unit/video/studio.h"

static void test_key_requests_are_merged(void)
{
    static const uint32_t cells[] = {1};
    Studio *studio = studio_new(1, 320, 180);
    studio_view(studio, MD_LAYOUT_SINGLE, 1, cells);
    studio_output(studio, 1, MD_VIDEO_H264, 640, 360, 15);
    studio_run(studio, 10, -1);
    g_assert_cmpuint(studio->screens[1].keys, ==, 1);
    for (unsigned i = 0; i < 30; i++) { /* two seconds of many impatient receivers */
        for (unsigned j = 0; j < 20; j++)
            md_composer_request_key(studio->composer, 1);
        md_composer_request_key(studio->composer, 77); /* unknown: nothing */
        studio_run(studio, 1, -1);
    }
    g_assert_cmpuint(studio->screens[1].keys, >=, 4);
    g_assert_cmpuint(studio->screens[1].keys, <=, 5);
    studio_run(studio, 20, -1);
    unsigned keys = studio->screens[1].keys;
    md_composer_request_key(studio->composer, 1);
    studio_run(studio, 1, -1);
    g_assert_cmpuint(studio->screens[1].keys, ==, keys + 1); /* at once when there was none for a while */
    g_assert_true(studio->screens[1].last->key);
    studio_free(studio);
}

static double cell_mean(Studio *studio, const MdRect *rect)
{
    const MdPlanes *p = &studio->screens[1].picture->planes;
    uint64_t sum = 0;
    for (unsigned y = rect->y; y < rect->y + rect->height / 4u; y++)
        for (unsigned x = rect->x; x < rect->x + rect->width; x++)
            sum += p->y[(size_t)y * p->stride_y + x];
    return (double)sum / (rect->width * (rect->height / 4u));
}

/* One bad line spoils one tile only. */
static void test_stalled_source(void)
{
    static const uint32_t cells[] = {1, 2, 3, 4};
    MdRect rects[MD_LAYOUT_CELLS_MAX];
    uint64_t decoded, stalls, frozen;
    Studio *studio = studio_new(4, 640, 360);
    studio_view(studio, MD_LAYOUT_GRID_2X2, 4, cells);
    studio_output(studio, 1, MD_VIDEO_H264, 1280, 720, 15);
    md_layout_cells(MD_LAYOUT_GRID_2X2, 4, 1280, 720, rects);
    studio_run(studio, 6, -1);
    double bright = cell_mean(studio, &rects[1]);
    studio_run(studio, 40, 1); /* 2.7 s: the last picture stands */
    g_assert_cmpint(studio_seen(studio, 1, MD_LAYOUT_GRID_2X2, 4, 1, NULL), ==, 2);
    g_assert_cmpfloat(cell_mean(studio, &rects[1]), >, bright * .9);
    studio_run(studio, 20, 1);
    g_assert_cmpfloat(cell_mean(studio, &rects[1]), <, bright * .6); /* dimmed */
    for (unsigned i = 0; i < 4; i++)
        if (i != 1)
            studio_check_cell(studio, MD_LAYOUT_GRID_2X2, 4, i, i, 24);
    g_assert_true(md_composer_source_stats(studio->composer, 2, &decoded, &stalls, &frozen));
    g_assert_cmpuint(stalls, ==, 1);
    g_assert_cmpuint(frozen, >=, 3900);
    g_assert_cmpuint(frozen, <=, 4100);
    g_assert_true(md_composer_source_stats(studio->composer, 1, &decoded, &stalls, &frozen));
    g_assert_cmpuint(stalls + frozen, ==, 0);
    studio_run(studio, 4, -1);
    studio_check_cell(studio, MD_LAYOUT_GRID_2X2, 4, 1, 1, 22); /* it is back */
    g_assert_true(md_composer_source_stats(studio->composer, 2, &decoded, &stalls, &frozen));
    g_assert_cmpuint(stalls, ==, 1);
    studio_free(studio);
}

static void test_damaged_frames_recover(void)
{
    static const uint32_t cells[] = {1, 2};
    Studio *studio = studio_new(2, 640, 360);
    studio_view(studio, MD_LAYOUT_GRID_2X2, 2, cells);
    studio_output(studio, 1, MD_VIDEO_H264, 640, 360, 15);
    studio_run(studio, 12, -1);
    unsigned asked = studio->need_keys[1];
    MdFrame *frame = kit_camera_shoot(&studio->cameras[0], FALSE, md_clock_now_us(&studio->clock.base));
    frame->damaged = true;
    frame->len = frame->len / 2;
    g_assert_cmpint(md_composer_push(studio->composer, 1, frame), ==, 0);
    md_frame_unref(frame);
    studio_run(studio, 1, 0);
    g_assert_cmpuint(studio->need_keys[1], ==, asked + 1);
    studio_run(studio, 4, -1);
    studio_check_cell(studio, MD_LAYOUT_GRID_2X2, 2, 0, 0, 22);
    studio_check_cell(studio, MD_LAYOUT_GRID_2X2, 2, 1, 1, 22);
    studio_free(studio);
}

static void test_need_key_is_merged(void)
{
    static const uint32_t cells[] = {1};
    Studio *studio = studio_new(1, 320, 180);
    studio->answers_keys = FALSE;
    studio_view(studio, MD_LAYOUT_SINGLE, 1, cells);
    studio_output(studio, 1, MD_VIDEO_H264, 640, 360, 15);
    md_frame_unref(kit_camera_shoot(&studio->cameras[0], FALSE, 0)); /* the key frame never arrives */
    studio_run(studio, 27, -1);                                      /* 1.8 s */
    g_assert_cmpuint(studio->need_keys[1], ==, 4);
    g_assert_cmpint(studio->least_gap_us, >=, 500000);
    g_assert_cmpuint(studio_stats_of(studio).frames_decoded, ==, 0);
    studio_free(studio);
}

static void test_queue_overflow(void)
{
    static const uint32_t cells[] = {1};
    Studio *studio = studio_new(1, 320, 180);
    studio_view(studio, MD_LAYOUT_SINGLE, 1, cells);
    studio_output(studio, 1, MD_VIDEO_H264, 640, 360, 15);
    studio_run(studio, 12, -1);
    unsigned taken = 0, refused = 0;
    for (unsigned i = 0; i < 50; i++) { /* the pool does not get to it */
        int r = studio_push(studio, 0);
        g_assert_true(r == 0 || r == -EAGAIN);
        taken += r == 0;
        refused += r < 0;
        g_assert_true(!refused || r < 0); /* once full, everything is dropped up to a key frame */
    }
    g_assert_cmpuint(taken, ==, 32);
    md_composer_tick(studio->composer, md_clock_now_us(&studio->clock.base));
    g_assert_cmpint(studio_push(studio, 0), ==, 0); /* was asked for: a key frame */
    studio_run(studio, 2, -1);
    studio_check_cell(studio, MD_LAYOUT_SINGLE, 1, 0, 0, 22);
    g_assert_cmpuint(studio_stats_of(studio).decode_errors, ==, 0);
    g_assert_cmpint(md_composer_push(studio->composer, 5, studio->screens[1].last), ==, -ENOENT);
    studio_free(studio);
}

/* The same source goes on with another size, another codec, an odd size. */
static void test_switching_streams(void)
{
    static const uint32_t cells[] = {1};
    static const struct {
        MdVideoCodec codec;
        uint16_t width, height;
    } streams[] = {{MD_VIDEO_H264, 640, 360},
                   {MD_VIDEO_VP8, 320, 240},
                   {MD_VIDEO_H264, 1280, 720},
                   {MD_VIDEO_VP8, 352, 288},
                   {MD_VIDEO_H264, 176, 144}};
    Studio *studio = studio_new(1, 640, 360);
    studio_view(studio, MD_LAYOUT_SINGLE, 1, cells);
    studio_output(studio, 1, MD_VIDEO_VP8, 640, 360, 15);
    for (unsigned i = 0; i < G_N_ELEMENTS(streams); i++) {
        kit_camera_clear(&studio->cameras[0]);
        studio->cameras[0] = kit_camera(streams[i].codec, streams[i].width, streams[i].height, 1);
        studio_run(studio, 5, -1);
        studio_check_cell(studio, MD_LAYOUT_SINGLE, 1, 0, 0, 22);
    }
    g_assert_cmpuint(studio_stats_of(studio).decode_errors, ==, 0);
    studio_free(studio);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/video/composer/key-requests", test_key_requests_are_merged);
    g_test_add_func("/video/composer/stalled", test_stalled_source);
    g_test_add_func("/video/composer/damaged", test_damaged_frames_recover);
    g_test_add_func("/video/composer/need-key", test_need_key_is_merged);
    g_test_add_func("/video/composer/overflow", test_queue_overflow);
    g_test_add_func("/video/composer/switching", test_switching_streams);
    return g_test_run();
}
