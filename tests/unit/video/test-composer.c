/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the composer draws and codes, and for whom. */
#include "tests/unit/video/studio.h"

static void test_everybody_in_place(void)
{
    uint32_t cells[70];
    for (unsigned i = 0; i < 70; i++)
        cells[i] = (i * 37 + 11) % 70 + 1;
    Studio *studio = studio_new(70, 320, 180);
    studio_view(studio, MD_LAYOUT_AUTO, 70, cells);
    studio_output(studio, 1, MD_VIDEO_H264, 1280, 720, 15);
    studio_run(studio, 5, -1);
    for (unsigned i = 0; i < 70; i++) {
        uint16_t counter;
        g_assert_cmpint(studio_seen(studio, 1, MD_LAYOUT_AUTO, 70, i, &counter), ==, (int)cells[i]);
        g_assert_cmpuint(counter, ==, studio->cameras[cells[i] - 1].n - 1); /* the newest picture */
    }
    g_assert_cmpuint(studio_stats_of(studio).frames_decoded, ==, 70 * 5);
    studio_free(studio);
}

static void test_scene_change(void)
{
    static const uint32_t first[] = {1, 2, 3, 4}, second[] = {4, 3, 0, 1, 2, 6};
    Studio *studio = studio_new(6, 640, 360);
    studio_view(studio, MD_LAYOUT_GRID_2X2, 4, first);
    studio_output(studio, 1, MD_VIDEO_H264, 1280, 720, 15);
    studio_run(studio, 6, -1);
    for (unsigned i = 0; i < 4; i++)
        studio_check_cell(studio, MD_LAYOUT_GRID_2X2, 4, i, first[i] - 1, 24);
    g_assert_cmpuint(studio->need_keys[5], ==, 0); /* nobody sees 5 and 6: they are not asked for anything */

    studio_view(studio, MD_LAYOUT_1P5, 6, second);
    studio_run(studio, 6, -1);
    for (unsigned i = 0; i < 6; i++)
        if (second[i])
            studio_check_cell(studio, MD_LAYOUT_1P5, 6, i, second[i] - 1, 22);
    g_assert_cmpint(studio_seen(studio, 1, MD_LAYOUT_1P5, 6, 2, NULL), ==, -1); /* the empty seat */
    g_assert_cmpuint(studio->need_keys[6], >=, 1);
    g_assert_cmpuint(studio->screens[1].keys, ==, 1); /* a new scene needs no key frame */
    studio_free(studio);
}

static void test_unseen_is_not_decoded(void)
{
    static const uint32_t cells[] = {2};
    uint16_t width, height;
    uint64_t decoded, stalls, frozen;
    Studio *studio = studio_new(3, 320, 180);
    studio_view(studio, MD_LAYOUT_SINGLE, 1, cells);
    studio_run(studio, 5, -1); /* a view without outputs is seen by nobody */
    g_assert_cmpuint(studio_stats_of(studio).frames_decoded, ==, 0);
    g_assert_true(md_composer_source_need(studio->composer, 2, &width, &height));
    g_assert_cmpuint(width, ==, 0);
    g_assert_cmpuint(studio_stats_of(studio).frames_dropped, ==, 15);
    studio_output(studio, 1, MD_VIDEO_H264, 640, 360, 15);
    studio_run(studio, 6, -1);
    g_assert_true(md_composer_source_need(studio->composer, 2, &width, &height));
    g_assert_cmpuint(width, ==, 640);
    g_assert_cmpuint(height, ==, 360);
    g_assert_true(md_composer_source_stats(studio->composer, 2, &decoded, &stalls, &frozen));
    g_assert_cmpuint(decoded, >=, 5);
    g_assert_cmpuint(studio_stats_of(studio).frames_decoded, ==, decoded);
    g_assert_false(md_composer_source_stats(studio->composer, 99, &decoded, &stalls, &frozen));
    uint64_t moved = 0;
    int luma = -1;
    g_assert_true(md_composer_source_look(studio->composer, 2, &moved, &luma));
    g_assert_cmpuint(moved, ==, decoded - 1); /* each coded picture differs from the one before */
    g_assert_cmpint(luma, >, 16);
    g_assert_cmpint(luma, <, 235);
    g_assert_true(md_composer_source_look(studio->composer, 1, &moved, &luma)); /* seen by nobody */
    g_assert_cmpuint(moved, ==, 0);
    g_assert_cmpint(luma, ==, -1);
    g_assert_false(md_composer_source_look(studio->composer, 99, &moved, &luma));
    md_composer_remove_output(studio->composer, 1);
    uint64_t before = studio_stats_of(studio).frames_decoded;
    studio_run(studio, 3, -1);
    g_assert_cmpuint(studio_stats_of(studio).frames_decoded, ==, before);
    studio_free(studio);
}

static void test_only_changed_tiles_are_drawn(void)
{
    static const uint32_t cells[] = {1, 2, 3, 4};
    Studio *studio = studio_new(4, 320, 180);
    studio_view(studio, MD_LAYOUT_GRID_2X2, 4, cells);
    studio_output(studio, 1, MD_VIDEO_H264, 640, 360, 15);
    studio_run(studio, 4, -1);
    uint64_t before = studio_stats_of(studio).tiles_drawn, composed = studio_stats_of(studio).frames_composed;
    for (unsigned i = 0; i < 10; i++) { /* only the third sends */
        studio_push(studio, 2);
        md_virtual_clock_advance(&studio->clock, PERIOD_US);
        md_composer_tick(studio->composer, md_clock_now_us(&studio->clock.base));
    }
    g_assert_cmpuint(studio_stats_of(studio).tiles_drawn - before, ==, 10);
    g_assert_cmpuint(studio_stats_of(studio).frames_composed - composed, ==, 10);
    md_composer_set_source_state(studio->composer, 1, MD_SOURCE_LIVE, TRUE, FALSE);
    md_composer_set_label(studio->composer, 2, "Cẩm Xuyên");
    studio_run(studio, 0, -1);
    md_virtual_clock_advance(&studio->clock, PERIOD_US);
    md_composer_tick(studio->composer, md_clock_now_us(&studio->clock.base));
    g_assert_cmpuint(studio_stats_of(studio).tiles_drawn - before, ==, 12);
    studio_free(studio);
}

/* Nothing moves: the output goes down to two pictures a second, and up again at once. */
static void test_quiet_canvas(void)
{
    static const uint32_t cells[] = {1};
    Studio *studio = studio_new(1, 320, 180);
    studio_view(studio, MD_LAYOUT_SINGLE, 1, cells);
    studio_output(studio, 1, MD_VIDEO_H264, 640, 360, 15);
    studio_run(studio, 15, -1);
    g_assert_cmpuint(studio->screens[1].frames, ==, 15);
    uint64_t late = studio_stats_of(studio).ticks_late;
    md_composer_set_source_state(studio->composer, 1, MD_SOURCE_MUTED_VIDEO, FALSE, FALSE);
    studio_run(studio, 20, 0);
    unsigned before = studio->screens[1].frames;
    studio_run(studio, 75, 0);
    g_assert_cmpuint(studio->screens[1].frames - before, >=, 8);
    g_assert_cmpuint(studio->screens[1].frames - before, <=, 11);
    before = studio->screens[1].frames;
    md_composer_set_source_state(studio->composer, 1, MD_SOURCE_LIVE, FALSE, FALSE);
    studio_run(studio, 3, -1);
    g_assert_cmpuint(studio->screens[1].frames - before, ==, 3);
    g_assert_cmpuint(studio_stats_of(studio).ticks_late, ==, late);
    studio_free(studio);
}

static void test_several_outputs(void)
{
    static const uint32_t cells[] = {1, 2, 3};
    Studio *studio = studio_new(3, 640, 360);
    studio_view(studio, MD_LAYOUT_GRID_2X2, 3, cells);
    studio_output(studio, 1, MD_VIDEO_H264, 1280, 720, 15);
    studio_output(studio, 2, MD_VIDEO_VP8, 1280, 720, 15);
    studio_output(studio, 3, MD_VIDEO_H264, 1280, 720, 5);
    studio_output(studio, 4, MD_VIDEO_H264, 640, 360, 15);
    studio_run(studio, 30, -1);
    g_assert_cmpuint(studio->screens[1].frames, ==, 30);
    g_assert_cmpuint(studio->screens[2].frames, ==, 30);
    g_assert_cmpuint(studio->screens[3].frames, >=, 10);
    g_assert_cmpuint(studio->screens[3].frames, <=, 11);
    g_assert_cmpuint(studio_stats_of(studio).frames_composed, ==,
                     60); /* two sizes: each canvas once per tick, however many encodes */
    for (unsigned output = 1; output <= 4; output++)
        for (unsigned i = 0; i < 3; i++)
            g_assert_cmpint(studio_seen(studio, output, MD_LAYOUT_GRID_2X2, 3, i, NULL), ==, (int)cells[i]);
    md_composer_remove_output(studio->composer, 2);
    unsigned frames = studio->screens[2].frames;
    studio_run(studio, 3, -1);
    g_assert_cmpuint(studio->screens[2].frames, ==, frames);
    g_assert_cmpuint(studio->screens[1].frames, ==, 33);
    studio_free(studio);
}

/* Many tiles: the half-size canvas is made from the large one, drawing no tile of its own, and comes alone
 * when that one goes. */
static void test_half_size(void)
{
    uint32_t cells[30];
    for (unsigned i = 0; i < 30; i++)
        cells[i] = 30 - i;
    Studio *studio = studio_new(30, 320, 180);
    studio_view(studio, MD_LAYOUT_AUTO, 30, cells);
    studio_output(studio, 1, MD_VIDEO_H264, 1280, 720, 15);
    studio_output(studio, 2, MD_VIDEO_H264, 640, 360, 15);
    studio_run(studio, 5, -1);
    uint64_t before = studio_stats_of(studio).tiles_drawn;
    unsigned frames = studio->screens[2].frames;
    studio_run(studio, 10, -1);
    g_assert_cmpuint(studio_stats_of(studio).tiles_drawn - before, ==, 300);
    g_assert_cmpuint(studio->screens[2].frames - frames, ==, 10);
    for (unsigned i = 0; i < 30; i++)
        g_assert_cmpint(studio_seen(studio, 2, MD_LAYOUT_AUTO, 30, i, NULL), ==, (int)cells[i]);
    md_composer_remove_output(studio->composer, 1);
    studio_run(studio, 5, -1);
    g_assert_cmpuint(studio_stats_of(studio).tiles_drawn - before, ==,
                     300 + 36 + 4 * 30); /* once the empty seats too */
    for (unsigned i = 0; i < 30; i++)
        g_assert_cmpint(studio_seen(studio, 2, MD_LAYOUT_AUTO, 30, i, NULL), ==, (int)cells[i]);
    studio_output(studio, 3, MD_VIDEO_H264, 1280, 720, 15); /* and back */
    studio_view(studio, MD_LAYOUT_AUTO, 29, cells + 1);
    studio_run(studio, 5, -1);
    for (unsigned output = 2; output <= 3; output++)
        for (unsigned i = 0; i < 29; i++)
            g_assert_cmpint(studio_seen(studio, output, MD_LAYOUT_AUTO, 29, i, NULL), ==, (int)cells[i + 1]);
    studio_free(studio);
}

/* Three sizes in a row, each half of the one before: the smallest goes on moving as well. */
static void test_three_sizes(void)
{
    uint32_t cells[30];
    for (unsigned i = 0; i < 30; i++)
        cells[i] = i + 1;
    Studio *studio = studio_new(30, 320, 180);
    studio_view(studio, MD_LAYOUT_AUTO, 30, cells);
    studio_output(studio, 1, MD_VIDEO_H264, 1280, 720, 15);
    studio_output(studio, 2, MD_VIDEO_H264, 640, 360, 15);
    studio_output(studio, 3, MD_VIDEO_H264, 320, 180, 15);
    studio_run(studio, 5, -1);
    for (unsigned round = 0; round < 3; round++) {
        MdPicture *before = md_picture_ref(studio->screens[3].picture);
        unsigned frames = studio->screens[3].frames;
        uint64_t drawn = studio_stats_of(studio).tiles_drawn;
        /* everybody moves one seat on: seen in all three */
        uint32_t first = cells[0];
        memmove(cells, cells + 1, 29 * sizeof cells[0]);
        cells[29] = first;
        studio_view(studio, MD_LAYOUT_AUTO, 30, cells);
        studio_run(studio, 8, -1);
        g_assert_cmpuint(studio->screens[3].frames - frames, ==, 8);
        g_assert_cmpuint(studio_stats_of(studio).tiles_drawn - drawn, <=, 8 * 30 + 36); /* only the largest is drawn */
        const MdPlanes *small = &studio->screens[3].picture->planes, *large = &studio->screens[2].picture->planes;
        unsigned moved = 0, wrong = 0;
        for (unsigned y = 2; y < 180; y += 4)
            for (unsigned x = 2; x < 320; x += 4) {
                int now = small->y[y * (unsigned)small->stride_y + x];
                int was = before->planes.y[y * (unsigned)before->planes.stride_y + x];
                int sum = 0;
                for (unsigned k = 0; k < 4; k++)
                    sum += large->y[(2 * y + k / 2) * (unsigned)large->stride_y + 2 * x + k % 2];
                moved += abs(now - was) > 40;
                wrong += abs(now - sum / 4) > 60;
            }
        g_assert_cmpuint(moved, >, 100);
        g_assert_cmpuint(wrong, <, 180); /* of 3600: it is the larger one's half, of now */
        md_picture_unref(before);
    }
    md_composer_remove_output(studio->composer, 2); /* no half to take any more: drawn for its own size */
    studio_run(studio, 5, -1);
    uint64_t drawn = studio_stats_of(studio).tiles_drawn;
    studio_run(studio, 5, -1);
    g_assert_cmpuint(studio_stats_of(studio).tiles_drawn - drawn, ==, 2 * 5 * 30);
    studio_free(studio);
}

static void test_refusals(void)
{
    Studio *studio = studio_new(1, 320, 180);
    MdComposerOutput spec = {
        .view = 1, .codec = MD_VIDEO_H264, .width = 641, .height = 360, .fps = 15, .bitrate_bps = 500000};
    MdScene scene = {.layout = MD_LAYOUT_KIND_INVALID};
    g_assert_cmpint(md_composer_add_output(studio->composer, 1, &spec), ==, -EINVAL);
    spec.width = 640;
    g_assert_cmpint(md_composer_add_output(studio->composer, 0, &spec), ==, -EINVAL);
    g_assert_cmpint(md_composer_add_output(studio->composer, 1, &spec), ==, 0);
    g_assert_cmpint(md_composer_add_output(studio->composer, 1, &spec), ==, -EEXIST);
    g_assert_cmpint(md_composer_set_output_bitrate(studio->composer, 1, 1), ==, -EINVAL);
    g_assert_cmpint(md_composer_set_output_bitrate(studio->composer, 1, 400000), ==, 0);
    g_assert_cmpint(md_composer_set_output_bitrate(studio->composer, 9, 400000), ==, -ENOENT);
    g_assert_cmpint(md_composer_set_view(studio->composer, 1, &scene), ==, -EINVAL);
    g_assert_cmpint(md_composer_add_source(studio->composer, 0, "x"), ==, -EINVAL);
    g_assert_cmpint(md_composer_add_source(studio->composer, 1, "x"), ==, -EEXIST);
    int r = 0;
    unsigned added = 0;
    for (uint32_t id = 100; id < 1000 && r == 0; id++, added++)
        r = md_composer_add_source(studio->composer, id, "x");
    g_assert_cmpint(r, ==, -ENOSPC);
    md_composer_remove_source(studio->composer, 100);
    md_composer_tick(studio->composer, md_clock_now_us(&studio->clock.base));
    g_assert_cmpint(md_composer_add_source(studio->composer, 100, "x"), ==, 0);
    studio_run(studio, 2, -1); /* an output without a view shows an empty canvas */
    g_assert_cmpuint(studio->screens[1].frames, ==, 3);
    studio_free(studio);
}

static void test_leaving_and_coming(void)
{
    static const uint32_t cells[] = {1, 2};
    Studio *studio = studio_new(2, 640, 360);
    studio_view(studio, MD_LAYOUT_GRID_2X2, 2, cells);
    studio_output(studio, 1, MD_VIDEO_H264, 640, 360, 15);
    studio_run(studio, 5, -1);
    g_assert_cmpint(studio_seen(studio, 1, MD_LAYOUT_GRID_2X2, 2, 0, NULL), ==, 1);
    md_composer_remove_source(studio->composer, 1);
    studio_run(studio, 5, -1);
    g_assert_cmpint(studio_seen(studio, 1, MD_LAYOUT_GRID_2X2, 2, 0, NULL), ==, -1);
    g_assert_cmpint(studio_seen(studio, 1, MD_LAYOUT_GRID_2X2, 2, 1, NULL), ==, 2);
    g_assert_cmpint(md_composer_add_source(studio->composer, 1, "Hà Tĩnh"), ==, 0);
    studio_run(studio, 5, -1);
    g_assert_cmpint(studio_seen(studio, 1, MD_LAYOUT_GRID_2X2, 2, 0, NULL), ==, 1);
    md_composer_remove_view(studio->composer, 1);
    studio_run(studio, 3, -1);
    g_assert_cmpint(studio_seen(studio, 1, MD_LAYOUT_GRID_2X2, 2, 0, NULL), ==, -1);
    studio_free(studio);
}

static void test_test_source(void)
{
    static const uint32_t cells[] = {9};
    Studio *studio = studio_new(0, 0, 0);
    g_assert_cmpint(md_composer_add_test_source(studio->composer, 9, "Phòng thử"), ==, 0);
    studio_view(studio, MD_LAYOUT_SINGLE, 1, cells);
    studio_output(studio, 1, MD_VIDEO_H264, 640, 360, 15);
    MdPicture *expected = md_picture_new(640, 360);
    MdRect upper = {0, 0, 640, 300};
    for (unsigned i = 0; i < 20; i++) {
        studio_run(studio, 1, -1);
        md_testpattern_draw(&expected->planes, 0, (uint32_t)(md_clock_now_us(&studio->clock.base) / 66666));
        if (i > 3)
            g_assert_cmpfloat(
                kit_psnr_part(&studio->screens[1].picture->planes, &upper, &expected->planes, &upper), >, 30);
    }
    g_assert_cmpuint(studio->screens[1].frames, ==, 20);
    g_assert_cmpuint(studio->need_keys[9], ==, 0);
    md_picture_unref(expected);
    studio_free(studio);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/video/composer/in-place", test_everybody_in_place);
    g_test_add_func("/video/composer/scene-change", test_scene_change);
    g_test_add_func("/video/composer/unseen", test_unseen_is_not_decoded);
    g_test_add_func("/video/composer/changed-tiles", test_only_changed_tiles_are_drawn);
    g_test_add_func("/video/composer/quiet", test_quiet_canvas);
    g_test_add_func("/video/composer/outputs", test_several_outputs);
    g_test_add_func("/video/composer/half-size", test_half_size);
    g_test_add_func("/video/composer/three-sizes", test_three_sizes);
    g_test_add_func("/video/composer/refusals", test_refusals);
    g_test_add_func("/video/composer/leaving", test_leaving_and_coming);
    g_test_add_func("/video/composer/test-source", test_test_source);
    return g_test_run();
}
