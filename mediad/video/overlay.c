/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <libyuv.h>

#include "mediad/video/label.h"

MdOverlay *md_overlay_ref(MdOverlay *overlay)
{
    atomic_fetch_add_explicit(&overlay->refs, 1, memory_order_relaxed);
    return overlay;
}

void md_overlay_unref(MdOverlay *overlay)
{
    if (overlay && atomic_fetch_sub_explicit(&overlay->refs, 1, memory_order_acq_rel) == 1)
        free(overlay);
}

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

void md_overlay_blend(const MdOverlay *overlay, unsigned x, unsigned y, const MdPlanes *to,
                      const MdRect *clip)
{
    if (!overlay)
        return;
    const MdPlanes *from = &overlay->planes;
    unsigned x0 = larger(x, clip->x),
             x1 = smaller(x + from->width, smaller(clip->x + clip->width, to->width));
    unsigned y0 = larger(y, clip->y),
             y1 = smaller(y + from->height, smaller(clip->y + clip->height, to->height));
    if (x0 >= x1 || y0 >= y1)
        return;
    unsigned fx = x0 - x, fy = y0 - y;
    uint8_t *dy = to->y + (size_t)y0 * to->stride_y + x0;
    uint8_t *du = to->u + (size_t)(y0 / 2) * to->stride_u + x0 / 2;
    uint8_t *dv = to->v + (size_t)(y0 / 2) * to->stride_v + x0 / 2;
    I420Blend(from->y + (size_t)fy * from->stride_y + fx, from->stride_y,
              from->u + (size_t)(fy / 2) * from->stride_u + fx / 2, from->stride_u,
              from->v + (size_t)(fy / 2) * from->stride_v + fx / 2, from->stride_v, dy, to->stride_y, du,
              to->stride_u, dv, to->stride_v, overlay->alpha + (size_t)fy * from->width + fx, from->width, dy,
              to->stride_y, du, to->stride_u, dv, to->stride_v, (int)(x1 - x0), (int)(y1 - y0));
}

void md_label_copy_text(char *to, size_t size, const char *text)
{
    size_t len = text ? strlen(text) : 0;
    if (len >= size) {
        len = size - 1;
        while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--;
    }
    if (len)
        memcpy(to, text, len);
    to[len] = 0;
}
