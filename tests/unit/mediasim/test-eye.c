/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "mediad/video/decoder.h"
#include "mediad/video/encoder.h"
#include "mediad/video/scale.h"
#include "mediasim/eye.h"

enum { W = 1280, H = 720 };

typedef struct Scene {
    unsigned sites;
    MdLayoutKind layout;
    MdPicture *picture, *source;
    MdScaler scaler;
    MdRect cells[MD_LAYOUT_CELLS_MAX];
    unsigned n_cells;
    uint16_t ids[MD_LAYOUT_CELLS_MAX]; /* by seat, 0 empty */
    SimCamera *cameras;
    SimEye eye;
} Scene;

static void scene_init(Scene *s, unsigned sites, MdLayoutKind layout)
{
    memset(s, 0, sizeof(*s));
    s->sites = sites;
    s->layout = layout;
    s->picture = md_picture_new(W, H);
    s->source = md_picture_new(640, 360);
    int n = md_layout_cells(layout, sites, W, H, s->cells);
    g_assert_cmpint(n, >=, (int)MIN(sites, 2));
    s->n_cells = (unsigned)n;
    for (unsigned i = 0; i < sites && i < s->n_cells; i++)
        s->ids[i] = (uint16_t)(i + 1);
    s->cameras = g_new0(SimCamera, sites);
    sim_eye_init(&s->eye, sites, s->cameras,
                 &(SimEyeLimits){.frozen_us = 1000000, .source_width = 640, .source_height = 360});
}

static void scene_clear(Scene *s)
{
    md_picture_unref(s->picture);
    md_picture_unref(s->source);
    md_scaler_clear(&s->scaler);
    g_free(s->cameras);
}

/* Shows frame number n of everybody (of frozen_seat: number 3 for ever); seen `delay` later. */
static void show(Scene *s, unsigned n, int64_t now_us, int64_t delay_us, int frozen_seat)
{
    MdPlanes *p = &s->picture->planes;
    md_planes_fill(p, &(MdRect){0, 0, W, H}, 90, 128, 128);
    for (unsigned i = 0; i < s->sites; i++)
        atomic_store(&s->cameras[i].sent_us[n % SIM_LOOP_FRAMES], now_us - delay_us);
    for (unsigned i = 0; i < s->n_cells; i++) {
        const MdRect *c = &s->cells[i];
        if (s->ids[i] == 0)
            continue;
        /* As the composer does it. */
        md_pattern_draw(&s->source->planes, s->ids[i],
                        (uint16_t)((int)i == frozen_seat ? 3 : n % SIM_LOOP_FRAMES));
        MdFit fit = md_fit(640, 360, c->width, c->height);
        MdRect target = {(uint16_t)(c->x + fit.tile.x), (uint16_t)(c->y + fit.tile.y), fit.tile.width,
                         fit.tile.height};
        g_assert_cmpint(md_scale(&s->scaler, &s->source->planes, &fit.source, p, &target), ==, 0);
    }
    sim_eye_look(&s->eye, p, now_us);
}

static void show_seconds(Scene *s, unsigned from, unsigned n, int frozen_seat)
{
    for (unsigned i = from; i < from + n; i++)
        show(s, i, 10000000 + (int64_t)i * 66667, 150000, frozen_seat);
}

static bool is_fine(const Scene *s)
{
    unsigned first;
    const SimEye *e = &s->eye;
    return e->tiles_right == e->tiles_expected && !e->doubles && !e->moved && !e->strangers && !e->freezes &&
           !e->unreadable && sim_eye_never_seen(e, &first) == 0;
}

static void test_layouts(void)
{
    static const struct {
        unsigned sites;
        MdLayoutKind layout;
    } rows[] = {
        {1, MD_LAYOUT_SINGLE},    {4, MD_LAYOUT_GRID_2X2},  {7, MD_LAYOUT_GRID_3X3},
        {16, MD_LAYOUT_GRID_4X4}, {20, MD_LAYOUT_GRID_5X5}, {49, MD_LAYOUT_GRID_7X7},
        {64, MD_LAYOUT_GRID_8X8}, {70, MD_LAYOUT_GRID_9X8}, {6, MD_LAYOUT_1P5},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        Scene s;
        scene_init(&s, rows[i].sites, rows[i].layout);
        show_seconds(&s, 0, 10, -1);
        g_test_message("%u sites in %s, found %s", rows[i].sites, md_layout_to_string(rows[i].layout),
                       md_layout_to_string(s.eye.layout));
        g_assert_true(is_fine(&s));
        g_assert_cmpuint(s.eye.tiles_right, ==, 10 * rows[i].sites);
        g_assert_cmpint(s.eye.delay_min_us, ==, 150000);
        g_assert_cmpint(s.eye.delay_max_us, ==, 150000);
        scene_clear(&s);
    }
}

static void test_swapped_while_running(void)
{
    Scene s;
    scene_init(&s, 9, MD_LAYOUT_GRID_3X3);
    show_seconds(&s, 0, 10, -1);
    s.ids[2] = 6;
    s.ids[5] = 3;
    show_seconds(&s, 10, 10, -1);
    g_assert_false(is_fine(&s));
    g_assert_cmpuint(s.eye.moved, ==, 2);
    scene_clear(&s);
}

static void test_swapped_from_the_start(void)
{
    Scene s;
    uint16_t expected[9];
    scene_init(&s, 9, MD_LAYOUT_GRID_3X3);
    for (unsigned i = 0; i < 9; i++)
        expected[i] = (uint16_t)(i + 1);
    s.eye.expected = expected;
    s.eye.n_expected = 9;
    show_seconds(&s, 0, 5, -1);
    g_assert_true(is_fine(&s));
    s.ids[0] = 2;
    s.ids[1] = 1;
    show_seconds(&s, 5, 5, -1);
    g_assert_false(is_fine(&s));
    g_assert_cmpuint(s.eye.strangers, ==, 10);
    scene_clear(&s);
}

static void test_missing_tile(void)
{
    Scene s;
    unsigned first = 0;
    scene_init(&s, 16, MD_LAYOUT_GRID_4X4);
    s.ids[7] = 0;
    show_seconds(&s, 0, 10, -1);
    g_assert_false(is_fine(&s));
    g_assert_cmpuint(s.eye.tiles_right, ==, 150);
    g_assert_cmpuint(sim_eye_never_seen(&s.eye, &first), ==, 1);
    g_assert_cmpuint(first, ==, 7);
    scene_clear(&s);
}

static void test_double_and_stranger(void)
{
    Scene s;
    scene_init(&s, 9, MD_LAYOUT_GRID_3X3);
    s.ids[4] = 1;
    s.ids[8] = 700;
    show_seconds(&s, 0, 10, -1);
    g_assert_cmpuint(s.eye.doubles, ==, 10);
    g_assert_cmpuint(s.eye.strangers, ==, 10);
    g_assert_false(is_fine(&s));
    scene_clear(&s);
}

static void test_frozen(void)
{
    Scene s;
    scene_init(&s, 9, MD_LAYOUT_GRID_3X3);
    show_seconds(&s, 0, 60, 5);
    g_assert_cmpuint(s.eye.freezes, ==, 1);
    g_assert_cmpuint(s.eye.tiles_right, ==, s.eye.tiles_expected); /* still his picture: but it stands */
    scene_clear(&s);
}

static void test_black(void)
{
    Scene s;
    scene_init(&s, 9, MD_LAYOUT_GRID_3X3);
    memset(s.ids, 0, sizeof(s.ids));
    show_seconds(&s, 0, 5, -1);
    g_assert_cmpuint(s.eye.unreadable, ==, 5);
    g_assert_false(is_fine(&s));
    scene_clear(&s);
}

/* Seventy tiles of 80 px through x264 at the composite's bitrate: still all read. */
static void test_coded(void)
{
    Scene s;
    MdEncoder *encoder;
    MdDecoder *decoder = md_decoder_new(MD_VIDEO_H264);
    MdEncoderOptions options = {
        .codec = MD_VIDEO_H264, .width = W, .height = H, .fps = 15, .bitrate_bps = 1500000};
    g_assert_cmpint(md_encoder_new(&options, &encoder), ==, 0);
    scene_init(&s, 70, MD_LAYOUT_GRID_9X8);
    SimEye coded;
    sim_eye_init(&coded, 70, s.cameras, &s.eye.limits);
    for (unsigned i = 0; i < 30; i++) {
        int64_t now = 10000000 + (int64_t)i * 66667;
        MdFrame *frame;
        MdPicture *out = NULL;
        show(&s, i, now, 150000, -1);
        g_assert_cmpint(md_encoder_encode(encoder, &s.picture->planes, i == 0, &frame), ==, 0);
        g_assert_nonnull(frame);
        g_assert_cmpint(md_decoder_decode(decoder, frame, now, &out), ==, 0);
        if (out)
            sim_eye_look(&coded, &out->planes, now);
        md_picture_unref(out);
        md_frame_unref(frame);
    }
    g_assert_cmpuint(coded.pictures, >=, 29);
    g_assert_cmpuint(coded.doubles + coded.moved + coded.strangers + coded.unreadable, ==, 0);
    g_assert_cmpuint(coded.tiles_right * 100, >=, coded.tiles_expected * 97);
    md_encoder_free(encoder);
    md_decoder_free(decoder);
    scene_clear(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mediasim/eye/layouts", test_layouts);
    g_test_add_func("/mediasim/eye/swapped-while-running", test_swapped_while_running);
    g_test_add_func("/mediasim/eye/swapped-from-the-start", test_swapped_from_the_start);
    g_test_add_func("/mediasim/eye/missing-tile", test_missing_tile);
    g_test_add_func("/mediasim/eye/double-and-stranger", test_double_and_stranger);
    g_test_add_func("/mediasim/eye/frozen", test_frozen);
    g_test_add_func("/mediasim/eye/black", test_black);
    g_test_add_func("/mediasim/eye/coded", test_coded);
    return g_test_run();
}
