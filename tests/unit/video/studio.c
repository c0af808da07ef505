/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/video/studio.h"

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

Studio *studio_new(unsigned n_cameras, uint16_t width, uint16_t height)
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

void studio_free(Studio *studio)
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

int studio_push(Studio *studio, unsigned camera)
{
    gboolean key = studio->answers_keys && studio->key_asked[camera + 1];
    MdFrame *frame = kit_camera_shoot(&studio->cameras[camera], key, md_clock_now_us(&studio->clock.base));
    if (key)
        studio->key_asked[camera + 1] = FALSE;
    int r = md_composer_push(studio->composer, camera + 1, frame);
    md_frame_unref(frame);
    return r;
}

void studio_run(Studio *studio, unsigned ticks, int silent)
{
    for (unsigned t = 0; t < ticks; t++) {
        for (unsigned i = 0; i < studio->n_cameras; i++)
            if ((int)i != silent)
                studio_push(studio, i);
        md_virtual_clock_advance(&studio->clock, PERIOD_US);
        md_composer_tick(studio->composer, md_clock_now_us(&studio->clock.base));
    }
}

void studio_view(Studio *studio, MdLayoutKind layout, unsigned n, const uint32_t *cells)
{
    MdScene scene = {.layout = layout, .n_cells = n, .cells = cells};
    g_assert_cmpint(md_composer_set_view(studio->composer, 1, &scene), ==, 0);
}

void studio_output(Studio *studio, uint32_t output, MdVideoCodec codec, uint16_t width,
                          uint16_t height, uint8_t fps)
{
    MdComposerOutput spec = {
        .view = 1, .codec = codec, .width = width, .height = height, .fps = fps, .bitrate_bps = 2000000};
    g_assert_cmpint(md_composer_add_output(studio->composer, output, &spec), ==, 0);
}

int studio_seen(Studio *studio, unsigned output, MdLayoutKind layout, unsigned want, unsigned cell,
                uint16_t *ret_counter)
{
    MdRect rects[MD_LAYOUT_CELLS_MAX];
    const MdPlanes *planes = &studio->screens[output].picture->planes;
    uint16_t id;
    g_assert_cmpint(md_layout_cells(layout, want, planes->width, planes->height, rects), >, (int)cell);
    return md_pattern_read(planes, &rects[cell], 0, 0, &id, ret_counter) ? id : -1;
}

MdComposerStats studio_stats_of(Studio *studio)
{
    MdComposerStats stats;
    md_composer_stats(studio->composer, &stats);
    return stats;
}

void studio_check_cell(Studio *studio, MdLayoutKind layout, unsigned want, unsigned cell, unsigned camera,
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
