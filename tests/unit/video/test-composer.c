/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include "mediad/video/scale.h"
#include "video-kit.h"

#define PERIOD_US 66666

/* A composer under a virtual clock, its cameras and one watching decoder per output. */
typedef struct Studio {
    MdVirtualClock clock;
    MdComposer *composer;
    Camera cameras[80];
    unsigned n_cameras;
    unsigned need_keys[80];
    int64_t last_need_key_us[80], least_gap_us;
    gboolean answers_keys; /* cameras send a key frame when asked */
    gboolean key_asked[80];
    struct {
        MdDecoder *decoder;
        MdPicture *picture;
        unsigned frames, keys;
        MdFrame *last;
    } screens[8];
} Studio;

static void on_frame(uint32_t output, MdFrame *frame, void *user)
{
    Studio *studio = user;
    MdPicture *picture = NULL;
    g_assert_cmpuint(output, <, 8);
    if (!studio->screens[output].decoder)
        studio->screens[output].decoder = md_decoder_new(frame->codec);
    g_assert_cmpint(md_decoder_decode(studio->screens[output].decoder, frame, 0, &picture), ==, 0);
    g_assert_nonnull(picture);
    md_picture_unref(studio->screens[output].picture);
    studio->screens[output].picture = picture;
    studio->screens[output].frames++;
    studio->screens[output].keys += frame->key;
    md_frame_unref(studio->screens[output].last);
    studio->screens[output].last = md_frame_ref(frame);
}

static void on_need_key(uint32_t source, void *user)
{
    Studio *studio = user;
    int64_t now = md_clock_now_us(&studio->clock.base);
    g_assert_cmpuint(source, <, 80);
    if (studio->need_keys[source] && now - studio->last_need_key_us[source] < studio->least_gap_us)
        studio->least_gap_us = now - studio->last_need_key_us[source];
    studio->last_need_key_us[source] = now;
    studio->need_keys[source]++;
    studio->key_asked[source] = TRUE;
}

static Studio *studio_new(unsigned n_cameras, uint16_t width, uint16_t height)
{
    Studio *studio = g_new0(Studio, 1);
    md_virtual_clock_init(&studio->clock, 1000000, 1700000000000000);
    MdComposerOptions options = {
        .clock = &studio->clock.base, .events = {on_frame, on_need_key}, .user = studio};
    studio->composer = md_composer_new(&options);
    studio->answers_keys = TRUE;
    studio->least_gap_us = INT64_MAX;
    studio->n_cameras = n_cameras;
    for (unsigned i = 0; i < n_cameras; i++) {
        char label[32];
        studio->cameras[i] = kit_camera(MD_VIDEO_H264, width, height, (uint16_t)(i + 1));
        g_snprintf(label, sizeof(label), "Điểm cầu %u", i + 1);
        g_assert_cmpint(md_composer_add_source(studio->composer, i + 1, label), ==, 0);
    }
    return studio;
}

static void studio_free(Studio *studio)
{
    md_composer_free(studio->composer);
    for (unsigned i = 0; i < studio->n_cameras; i++)
        kit_camera_clear(&studio->cameras[i]);
    for (unsigned i = 0; i < 8; i++) {
        md_decoder_free(studio->screens[i].decoder);
        md_picture_unref(studio->screens[i].picture);
        md_frame_unref(studio->screens[i].last);
    }
    g_free(studio);
}

static int studio_push(Studio *studio, unsigned camera)
{
    gboolean key = studio->answers_keys && studio->key_asked[camera + 1];
    MdFrame *frame = kit_camera_shoot(&studio->cameras[camera], key, md_clock_now_us(&studio->clock.base));
    if (key)
        studio->key_asked[camera + 1] = FALSE;
    int r = md_composer_push(studio->composer, camera + 1, frame);
    md_frame_unref(frame);
    return r;
}

/* Everybody sends one picture (but the silent one), then a tick. */
static void studio_run(Studio *studio, unsigned ticks, int silent)
{
    for (unsigned t = 0; t < ticks; t++) {
        for (unsigned i = 0; i < studio->n_cameras; i++)
            if ((int)i != silent)
                studio_push(studio, i);
        md_virtual_clock_advance(&studio->clock, PERIOD_US);
        md_composer_tick(studio->composer, md_clock_now_us(&studio->clock.base));
    }
}

static void studio_view(Studio *studio, MdLayoutKind layout, unsigned n, const uint32_t *cells)
{
    MdScene scene = {.layout = layout, .n_cells = n, .cells = cells};
    g_assert_cmpint(md_composer_set_view(studio->composer, 1, &scene), ==, 0);
}

static void studio_output(Studio *studio, uint32_t output, MdVideoCodec codec, uint16_t width,
                          uint16_t height, uint8_t fps)
{
    MdComposerOutput spec = {
        .view = 1, .codec = codec, .width = width, .height = height, .fps = fps, .bitrate_bps = 2000000};
    g_assert_cmpint(md_composer_add_output(studio->composer, output, &spec), ==, 0);
}

/* Which camera does a cell of an output show? -1: none can be read. */
static int seen(Studio *studio, unsigned output, MdLayoutKind layout, unsigned want, unsigned cell,
                uint16_t *ret_counter)
{
    MdRect rects[MD_LAYOUT_CELLS_MAX];
    const MdPlanes *planes = &studio->screens[output].picture->planes;
    uint16_t id;
    g_assert_cmpint(md_layout_cells(layout, want, planes->width, planes->height, rects), >, (int)cell);
    return md_pattern_read(planes, &rects[cell], 0, 0, &id, ret_counter) ? id : -1;
}

static MdComposerStats stats_of(Studio *studio)
{
    MdComposerStats stats;
    md_composer_stats(studio->composer, &stats);
    return stats;
}

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
        g_assert_cmpint(seen(studio, 1, MD_LAYOUT_AUTO, 70, i, &counter), ==, (int)cells[i]);
        g_assert_cmpuint(counter, ==, studio->cameras[cells[i] - 1].n - 1); /* the newest picture */
    }
    g_assert_cmpuint(stats_of(studio).frames_decoded, ==, 70 * 5);
    studio_free(studio);
}

/* Each cell against the picture that should be there, scaled by the same rule. */
static void check_cell(Studio *studio, MdLayoutKind layout, unsigned want, unsigned cell, unsigned camera,
                       double want_db)
{
    MdRect rects[MD_LAYOUT_CELLS_MAX];
    const MdPlanes *seen_planes = &studio->screens[1].picture->planes;
    g_assert_cmpint(md_layout_cells(layout, want, seen_planes->width, seen_planes->height, rects), >,
                    (int)cell);
    MdPicture *expected = md_picture_new(rects[cell].width, rects[cell].height);
    const MdPlanes *sent = &studio->cameras[camera].picture->planes;
    MdFit fit = md_fit(sent->width, sent->height, rects[cell].width, rects[cell].height);
    MdScaler scaler = {0};
    g_assert_cmpint(md_scale(&scaler, sent, &fit.source, &expected->planes, &fit.tile), ==, 0);
    /* above the name strip */
    MdRect upper = rects[cell], all = {0, 0, rects[cell].width, 0};
    upper.height = all.height = (uint16_t)(rects[cell].height * 3 / 4);
    double db = kit_psnr_part(seen_planes, &upper, &expected->planes, &all);
    g_assert_cmpfloat(db, >, want_db);
    md_scaler_clear(&scaler);
    md_picture_unref(expected);
}

static void test_scene_change(void)
{
    static const uint32_t first[] = {1, 2, 3, 4}, second[] = {4, 3, 0, 1, 2, 6};
    Studio *studio = studio_new(6, 640, 360);
    studio_view(studio, MD_LAYOUT_GRID_2X2, 4, first);
    studio_output(studio, 1, MD_VIDEO_H264, 1280, 720, 15);
    studio_run(studio, 6, -1);
    for (unsigned i = 0; i < 4; i++)
        check_cell(studio, MD_LAYOUT_GRID_2X2, 4, i, first[i] - 1, 24);
    g_assert_cmpuint(studio->need_keys[5], ==, 0); /* nobody sees 5 and 6: they are not asked for anything */

    studio_view(studio, MD_LAYOUT_1P5, 6, second);
    studio_run(studio, 6, -1);
    for (unsigned i = 0; i < 6; i++)
        if (second[i])
            check_cell(studio, MD_LAYOUT_1P5, 6, i, second[i] - 1, 22);
    g_assert_cmpint(seen(studio, 1, MD_LAYOUT_1P5, 6, 2, NULL), ==, -1); /* the empty seat */
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
    g_assert_cmpuint(stats_of(studio).frames_decoded, ==, 0);
    g_assert_true(md_composer_source_need(studio->composer, 2, &width, &height));
    g_assert_cmpuint(width, ==, 0);
    g_assert_cmpuint(stats_of(studio).frames_dropped, ==, 15);
    studio_output(studio, 1, MD_VIDEO_H264, 640, 360, 15);
    studio_run(studio, 6, -1);
    g_assert_true(md_composer_source_need(studio->composer, 2, &width, &height));
    g_assert_cmpuint(width, ==, 640);
    g_assert_cmpuint(height, ==, 360);
    g_assert_true(md_composer_source_stats(studio->composer, 2, &decoded, &stalls, &frozen));
    g_assert_cmpuint(decoded, >=, 5);
    g_assert_cmpuint(stats_of(studio).frames_decoded, ==, decoded);
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
    uint64_t before = stats_of(studio).frames_decoded;
    studio_run(studio, 3, -1);
    g_assert_cmpuint(stats_of(studio).frames_decoded, ==, before);
    studio_free(studio);
}

static void test_only_changed_tiles_are_drawn(void)
{
    static const uint32_t cells[] = {1, 2, 3, 4};
    Studio *studio = studio_new(4, 320, 180);
    studio_view(studio, MD_LAYOUT_GRID_2X2, 4, cells);
    studio_output(studio, 1, MD_VIDEO_H264, 640, 360, 15);
    studio_run(studio, 4, -1);
    uint64_t before = stats_of(studio).tiles_drawn, composed = stats_of(studio).frames_composed;
    for (unsigned i = 0; i < 10; i++) { /* only the third sends */
        studio_push(studio, 2);
        md_virtual_clock_advance(&studio->clock, PERIOD_US);
        md_composer_tick(studio->composer, md_clock_now_us(&studio->clock.base));
    }
    g_assert_cmpuint(stats_of(studio).tiles_drawn - before, ==, 10);
    g_assert_cmpuint(stats_of(studio).frames_composed - composed, ==, 10);
    md_composer_set_source_state(studio->composer, 1, MD_SOURCE_LIVE, TRUE, FALSE);
    md_composer_set_label(studio->composer, 2, "Cẩm Xuyên");
    studio_run(studio, 0, -1);
    md_virtual_clock_advance(&studio->clock, PERIOD_US);
    md_composer_tick(studio->composer, md_clock_now_us(&studio->clock.base));
    g_assert_cmpuint(stats_of(studio).tiles_drawn - before, ==, 12);
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
    uint64_t late = stats_of(studio).ticks_late;
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
    g_assert_cmpuint(stats_of(studio).ticks_late, ==, late);
    studio_free(studio);
}

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
    g_assert_cmpint(seen(studio, 1, MD_LAYOUT_GRID_2X2, 4, 1, NULL), ==, 2);
    g_assert_cmpfloat(cell_mean(studio, &rects[1]), >, bright * .9);
    studio_run(studio, 20, 1);
    g_assert_cmpfloat(cell_mean(studio, &rects[1]), <, bright * .6); /* dimmed */
    for (unsigned i = 0; i < 4; i++)
        if (i != 1)
            check_cell(studio, MD_LAYOUT_GRID_2X2, 4, i, i, 24);
    g_assert_true(md_composer_source_stats(studio->composer, 2, &decoded, &stalls, &frozen));
    g_assert_cmpuint(stalls, ==, 1);
    g_assert_cmpuint(frozen, >=, 3900);
    g_assert_cmpuint(frozen, <=, 4100);
    g_assert_true(md_composer_source_stats(studio->composer, 1, &decoded, &stalls, &frozen));
    g_assert_cmpuint(stalls + frozen, ==, 0);
    studio_run(studio, 4, -1);
    check_cell(studio, MD_LAYOUT_GRID_2X2, 4, 1, 1, 22); /* it is back */
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
    check_cell(studio, MD_LAYOUT_GRID_2X2, 2, 0, 0, 22);
    check_cell(studio, MD_LAYOUT_GRID_2X2, 2, 1, 1, 22);
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
    g_assert_cmpuint(stats_of(studio).frames_decoded, ==, 0);
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
    check_cell(studio, MD_LAYOUT_SINGLE, 1, 0, 0, 22);
    g_assert_cmpuint(stats_of(studio).decode_errors, ==, 0);
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
        check_cell(studio, MD_LAYOUT_SINGLE, 1, 0, 0, 22);
    }
    g_assert_cmpuint(stats_of(studio).decode_errors, ==, 0);
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
    g_assert_cmpuint(stats_of(studio).frames_composed, ==,
                     60); /* two sizes: each canvas once per tick, however many encodes */
    for (unsigned output = 1; output <= 4; output++)
        for (unsigned i = 0; i < 3; i++)
            g_assert_cmpint(seen(studio, output, MD_LAYOUT_GRID_2X2, 3, i, NULL), ==, (int)cells[i]);
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
    uint64_t before = stats_of(studio).tiles_drawn;
    unsigned frames = studio->screens[2].frames;
    studio_run(studio, 10, -1);
    g_assert_cmpuint(stats_of(studio).tiles_drawn - before, ==, 300);
    g_assert_cmpuint(studio->screens[2].frames - frames, ==, 10);
    for (unsigned i = 0; i < 30; i++)
        g_assert_cmpint(seen(studio, 2, MD_LAYOUT_AUTO, 30, i, NULL), ==, (int)cells[i]);
    md_composer_remove_output(studio->composer, 1);
    studio_run(studio, 5, -1);
    g_assert_cmpuint(stats_of(studio).tiles_drawn - before, ==,
                     300 + 36 + 4 * 30); /* once the empty seats too */
    for (unsigned i = 0; i < 30; i++)
        g_assert_cmpint(seen(studio, 2, MD_LAYOUT_AUTO, 30, i, NULL), ==, (int)cells[i]);
    studio_output(studio, 3, MD_VIDEO_H264, 1280, 720, 15); /* and back */
    studio_view(studio, MD_LAYOUT_AUTO, 29, cells + 1);
    studio_run(studio, 5, -1);
    for (unsigned output = 2; output <= 3; output++)
        for (unsigned i = 0; i < 29; i++)
            g_assert_cmpint(seen(studio, output, MD_LAYOUT_AUTO, 29, i, NULL), ==, (int)cells[i + 1]);
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
        uint64_t drawn = stats_of(studio).tiles_drawn;
        /* everybody moves one seat on: seen in all three */
        uint32_t first = cells[0];
        memmove(cells, cells + 1, 29 * sizeof cells[0]);
        cells[29] = first;
        studio_view(studio, MD_LAYOUT_AUTO, 30, cells);
        studio_run(studio, 8, -1);
        g_assert_cmpuint(studio->screens[3].frames - frames, ==, 8);
        g_assert_cmpuint(stats_of(studio).tiles_drawn - drawn, <=, 8 * 30 + 36); /* only the largest is drawn */
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
    uint64_t drawn = stats_of(studio).tiles_drawn;
    studio_run(studio, 5, -1);
    g_assert_cmpuint(stats_of(studio).tiles_drawn - drawn, ==, 2 * 5 * 30);
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
    g_assert_cmpint(seen(studio, 1, MD_LAYOUT_GRID_2X2, 2, 0, NULL), ==, 1);
    md_composer_remove_source(studio->composer, 1);
    studio_run(studio, 5, -1);
    g_assert_cmpint(seen(studio, 1, MD_LAYOUT_GRID_2X2, 2, 0, NULL), ==, -1);
    g_assert_cmpint(seen(studio, 1, MD_LAYOUT_GRID_2X2, 2, 1, NULL), ==, 2);
    g_assert_cmpint(md_composer_add_source(studio->composer, 1, "Hà Tĩnh"), ==, 0);
    studio_run(studio, 5, -1);
    g_assert_cmpint(seen(studio, 1, MD_LAYOUT_GRID_2X2, 2, 0, NULL), ==, 1);
    md_composer_remove_view(studio->composer, 1);
    studio_run(studio, 3, -1);
    g_assert_cmpint(seen(studio, 1, MD_LAYOUT_GRID_2X2, 2, 0, NULL), ==, -1);
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
    g_test_add_func("/video/composer/key-requests", test_key_requests_are_merged);
    g_test_add_func("/video/composer/stalled", test_stalled_source);
    g_test_add_func("/video/composer/damaged", test_damaged_frames_recover);
    g_test_add_func("/video/composer/need-key", test_need_key_is_merged);
    g_test_add_func("/video/composer/overflow", test_queue_overflow);
    g_test_add_func("/video/composer/switching", test_switching_streams);
    g_test_add_func("/video/composer/outputs", test_several_outputs);
    g_test_add_func("/video/composer/half-size", test_half_size);
    g_test_add_func("/video/composer/three-sizes", test_three_sizes);
    g_test_add_func("/video/composer/refusals", test_refusals);
    g_test_add_func("/video/composer/leaving", test_leaving_and_coming);
    g_test_add_func("/video/composer/test-source", test_test_source);
    return g_test_run();
}
