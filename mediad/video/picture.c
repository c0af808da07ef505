/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/video/picture.h"

#include <stdlib.h>
#include <libyuv.h>

enum { ROW_ALIGN = 64 };

static int round_up(int value)
{
    return (value + ROW_ALIGN - 1) & ~(ROW_ALIGN - 1);
}

MdPicture *md_picture_new(uint16_t width, uint16_t height)
{
    if (!width || !height || (width & 1) || (height & 1) || width > MD_PICTURE_SIDE_MAX ||
        height > MD_PICTURE_SIDE_MAX || (unsigned)width * height > MD_PICTURE_PIXELS_MAX)
        return NULL;
    int stride = round_up(width), half = round_up(width / 2);
    size_t luma = (size_t)stride * height, chroma = (size_t)half * (height / 2);
    uint8_t *data = aligned_alloc(ROW_ALIGN, (luma + 2 * chroma + ROW_ALIGN - 1) / ROW_ALIGN * ROW_ALIGN);
    if (!data)
        return NULL;
    MdPlanes planes = {
        .y = data,
        .u = data + luma,
        .v = data + luma + chroma,
        .stride_y = stride,
        .stride_u = half,
        .stride_v = half,
        .width = width,
        .height = height,
    };
    MdPicture *picture = md_picture_wrap(&planes, free, data);
    if (!picture) {
        free(data);
        return NULL;
    }
    md_planes_fill(&planes, &(MdRect){0, 0, width, height}, 16, 128, 128);
    return picture;
}

MdPicture *md_picture_wrap(const MdPlanes *planes, void (*release)(void *owner), void *owner)
{
    MdPicture *picture = malloc(sizeof(*picture));
    if (!picture)
        return NULL;
    *picture = (MdPicture){.planes = *planes, .release = release, .owner = owner};
    atomic_init(&picture->refs, 1);
    return picture;
}

MdPicture *md_picture_ref(MdPicture *picture)
{
    atomic_fetch_add_explicit(&picture->refs, 1, memory_order_relaxed);
    return picture;
}

void md_picture_unref(MdPicture *picture)
{
    if (!picture || atomic_fetch_sub_explicit(&picture->refs, 1, memory_order_acq_rel) != 1)
        return;
    picture->release(picture->owner);
    free(picture);
}

void md_planes_fill(const MdPlanes *planes, const MdRect *rect, uint8_t y, uint8_t u, uint8_t v)
{
    int x0 = rect->x & ~1, y0 = rect->y & ~1, width = rect->width & ~1, height = rect->height & ~1;
    if (width > 0 && height > 0)
        I420Rect(planes->y, planes->stride_y, planes->u, planes->stride_u, planes->v, planes->stride_v, x0,
                 y0, width, height, y, u, v);
}

static void limit_plane(uint8_t *plane, int stride, unsigned width, unsigned height, const uint8_t table[256])
{
    for (unsigned y = 0; y < height; y++, plane += stride)
        for (unsigned x = 0; x < width; x++)
            plane[x] = table[plane[x]];
}

void md_planes_limit_range(const MdPlanes *planes, const MdRect *rect)
{
    uint8_t luma[256], chroma[256];
    for (int i = 0; i < 256; i++) {
        luma[i] = (uint8_t)(16 + (i * 219 + 127) / 255);
        chroma[i] = (uint8_t)(128 + ((i - 128) * 224) / 255);
    }
    unsigned x = rect->x / 2, y = rect->y / 2, width = rect->width / 2, height = rect->height / 2;
    limit_plane(planes->y + (size_t)rect->y * planes->stride_y + rect->x, planes->stride_y, rect->width,
                rect->height, luma);
    limit_plane(planes->u + (size_t)y * planes->stride_u + x, planes->stride_u, width, height, chroma);
    limit_plane(planes->v + (size_t)y * planes->stride_v + x, planes->stride_v, width, height, chroma);
}
