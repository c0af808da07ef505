/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>
#include "mediad/video/pattern.h"
#include "mediad/video/scale.h"

typedef struct Canvas {
    uint8_t *data;
    MdPlanes planes;
} Canvas;

static Canvas canvas_make(uint16_t width, uint16_t height, int luma)
{
    Canvas canvas = {.data = g_malloc((size_t)width * height * 3 / 2)};
    memset(canvas.data, luma, (size_t)width * height);
    memset(canvas.data + (size_t)width * height, 128, (size_t)width * height / 2);
    canvas.planes = md_planes_of(canvas.data, width, height);
    return canvas;
}

static void check_through(uint16_t width, uint16_t height, MdRect tile, gboolean shape_known)
{
    Canvas source = canvas_make(width, height, 90), target = canvas_make(320, 240, 16);
    MdScaler scaler = {0};
    for (unsigned i = 0; i < 40; i++) {
        uint16_t id = (uint16_t)(i * 26 % 1024), counter = (uint16_t)(i * 421 % 16384), got_id = 0,
                 got_counter = 0;
        md_pattern_draw(&source.planes, id, counter);
        MdFit fit = md_fit(width, height, tile.width, tile.height);
        MdRect place = {(uint16_t)(tile.x + fit.tile.x), (uint16_t)(tile.y + fit.tile.y), fit.tile.width,
                        fit.tile.height};
        g_assert_cmpint(md_scale(&scaler, &source.planes, &fit.source, &target.planes, &place), ==, 0);
        g_assert_true(md_pattern_read(&target.planes, &tile, shape_known ? width : 0,
                                      shape_known ? height : 0, &got_id, &got_counter));
        g_assert_cmpuint(got_id, ==, id);
        g_assert_cmpuint(got_counter, ==, counter);
    }
    md_scaler_clear(&scaler);
    g_free(source.data);
    g_free(target.data);
}

static void test_scaled(void)
{
    check_through(640, 360, (MdRect){20, 10, 160, 90}, FALSE);
    check_through(640, 360, (MdRect){20, 10, 160, 80}, FALSE); /* cropped */
    check_through(640, 360, (MdRect){20, 10, 80, 44}, FALSE);  /* smallest */
    check_through(640, 360, (MdRect){6, 4, 142, 90}, FALSE);   /* cropped sideways */
    check_through(352, 288, (MdRect){6, 4, 160, 90}, FALSE);   /* bars */
    check_through(640, 480, (MdRect){6, 4, 182, 102}, FALSE);
    check_through(1280, 720, (MdRect){6, 4, 182, 102}, TRUE);
    check_through(360, 640, (MdRect){6, 4, 160, 200}, TRUE);
    check_through(320, 180, (MdRect){0, 0, 320, 180}, TRUE); /* not scaled */
}

static void test_nothing_there(void)
{
    GRand *rand = g_rand_new_with_seed(7);
    Canvas canvas = canvas_make(320, 180, 16);
    MdRect whole = {0, 0, 320, 180}, outside = {200, 0, 320, 180};
    uint16_t id = 77;
    g_assert_false(md_pattern_read(&canvas.planes, &whole, 0, 0, &id, NULL));
    g_assert_false(md_pattern_read(&canvas.planes, &outside, 0, 0, &id, NULL));
    for (unsigned round = 0; round < 300; round++) {
        unsigned side = 4 + round % 40; /* random chequers of many sizes */
        for (unsigned y = 0; y < 180; y++)
            for (unsigned x = 0; x < 320; x++)
                canvas.data[y * 320 + x] =
                    (x / side * 7919u + y / side * 104729u + round * 31u) * 2654435761u >> 24;
        for (unsigned i = 0; i < 500; i++)
            canvas.data[g_rand_int_range(rand, 0, 320 * 180)] = (uint8_t)g_rand_int_range(rand, 0, 256);
        g_assert_false(md_pattern_read(&canvas.planes, &whole, 0, 0, &id, NULL));
    }
    g_assert_cmpuint(id, ==, 77); /* untouched */
    g_free(canvas.data);
    g_rand_free(rand);
}

static void test_one_field_wrong(void)
{
    Canvas canvas = canvas_make(640, 360, 16);
    MdRect whole = {0, 0, 640, 360};
    md_pattern_draw(&canvas.planes, 321, 1234);
    g_assert_true(md_pattern_read(&canvas.planes, &whole, 0, 0, NULL, NULL));
    for (unsigned y = 40; y < 92; y++)
        for (unsigned x = 45; x < 103; x++)
            canvas.data[y * 640 + x] = 250 - canvas.data[y * 640 + x];
    g_assert_false(md_pattern_read(&canvas.planes, &whole, 0, 0, NULL, NULL));
    g_free(canvas.data);
}

static void test_fit(void)
{
    MdFit fit = md_fit(640, 360, 160, 80);
    g_assert_cmpuint(fit.source.height, ==, 320);
    g_assert_cmpuint(fit.source.y, ==, 20);
    g_assert_cmpuint(fit.tile.width, ==, 160);
    fit = md_fit(640, 360, 182, 102);
    g_assert_cmpuint(fit.source.width, ==, 640);
    g_assert_cmpuint(fit.tile.width, ==, 182);
    fit = md_fit(640, 480, 160, 90);
    g_assert_cmpuint(fit.tile.width, ==, 120);
    g_assert_cmpuint(fit.tile.x, ==, 20);
    for (unsigned w = 1; w < 60; w += 3)
        for (unsigned h = 1; h < 60; h += 3)
            for (unsigned t = 2; t < 60; t += 6) {
                fit = md_fit(w, h, t, 62 - t);
                g_assert_cmpuint(fit.tile.x + fit.tile.width, <=, t);
                g_assert_cmpuint(fit.tile.y + fit.tile.height, <=, 62 - t);
                g_assert_cmpuint(fit.source.x + fit.source.width, <=, MAX(w, 2));
                g_assert_cmpuint(fit.source.y + fit.source.height, <=, MAX(h, 2));
                g_assert_cmpuint(
                    MIN(MIN(fit.tile.width, fit.tile.height), MIN(fit.source.width, fit.source.height)), >=,
                    2);
            }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/video/pattern/scaled", test_scaled);
    g_test_add_func("/video/pattern/nothing-there", test_nothing_there);
    g_test_add_func("/video/pattern/one-field-wrong", test_one_field_wrong);
    g_test_add_func("/video/pattern/fit", test_fit);
    return g_test_run();
}
