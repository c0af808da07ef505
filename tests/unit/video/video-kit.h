/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <glib.h>
#include <math.h>
#include <string.h>
#include "mediad/video/composer.h"
#include "mediad/video/decoder.h"
#include "mediad/video/encoder.h"
#include "mediad/video/testpattern.h"

/* Shared by this room's tests. */

static inline double kit_psnr_part(const MdPlanes *a, const MdRect *ra, const MdPlanes *b, const MdRect *rb)
{
    uint64_t sum = 0;
    for (unsigned y = 0; y < ra->height; y++)
        for (unsigned x = 0; x < ra->width; x++) {
            int d = a->y[(size_t)(ra->y + y) * a->stride_y + ra->x + x] -
                    b->y[(size_t)(rb->y + y) * b->stride_y + rb->x + x];
            sum += (uint64_t)(d * d);
        }
    return sum ? 10 * log10(255. * 255. * ra->width * ra->height / (double)sum) : 99;
}

static inline double kit_psnr(const MdPlanes *a, const MdPlanes *b)
{
    MdRect whole = {0, 0, a->width, a->height};
    return kit_psnr_part(a, &whole, b, &whole);
}

/* A camera: test picture number n with a coded pattern, encoded. */
typedef struct Camera {
    MdEncoder *encoder;
    MdPicture *picture;
    uint16_t id;
    uint32_t n;
    MdVideoCodec codec;
} Camera;

static inline Camera kit_camera(MdVideoCodec codec, uint16_t width, uint16_t height, uint16_t id)
{
    Camera camera = {.id = id, .codec = codec, .picture = md_picture_new(width, height)};
    MdEncoderOptions options = {
        .codec = codec, .width = width, .height = height, .fps = 15, .bitrate_bps = 600000};
    g_assert_cmpint(md_encoder_new(&options, &camera.encoder), ==, 0);
    return camera;
}

static inline void kit_camera_clear(Camera *camera)
{
    md_encoder_free(camera->encoder);
    md_picture_unref(camera->picture);
}

static inline void kit_camera_draw(Camera *camera)
{
    md_testpattern_draw(&camera->picture->planes, camera->id, camera->n);
    md_pattern_draw(&camera->picture->planes, camera->id, (uint16_t)(camera->n & MD_PATTERN_COUNTER_MASK));
    camera->n++;
}

static inline MdFrame *kit_camera_shoot(Camera *camera, gboolean key, int64_t time_us)
{
    MdFrame *frame = NULL;
    kit_camera_draw(camera);
    g_assert_cmpint(md_encoder_encode(camera->encoder, &camera->picture->planes, key, &frame), ==, 0);
    g_assert_nonnull(frame);
    frame->time_us = time_us;
    frame->rtp_ts = (uint32_t)(time_us * 9 / 100);
    return frame;
}
