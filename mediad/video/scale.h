/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stddef.h>
#include "mediad/video/pattern.h"

/* How a picture meets a tile. Pure functions; thread: any. */

typedef struct MdFit {
    MdRect source; /* part of the picture that is shown, even */
    MdRect tile;   /* where it goes, relative to the tile, even */
} MdFit;

/* A picture of nearly the tile's shape (3 %) fills it; up to an eighth of a side is cut away to fill it (a
 * 640x360 picture in 160x80: 640x320, exactly 1/4); beyond that black bars stay. All sides at least 2. */
MdFit md_fit(unsigned width, unsigned height, unsigned tile_width, unsigned tile_height);
/* The same with nothing cut away. */
MdFit md_fit_whole(unsigned width, unsigned height, unsigned tile_width, unsigned tile_height);

/* Scratch for two-step scaling, grown when needed; zero to start, one per thread of use. */
typedef struct MdScaler {
    uint8_t *scratch;
    size_t size;
} MdScaler;
void md_scaler_clear(MdScaler *scaler);

/* Scales a part of from into a part of to (which may be whole pictures). Exact 1/1, 1/2 and 1/4 take the fast
 * paths; what lies between 1/2 and 1/4 goes by way of an exact half, what is smaller through a box filter. 0,
 * -EINVAL (rectangle outside its picture, or empty), -ENOMEM. */
int md_scale(MdScaler *scaler, const MdPlanes *from, const MdRect *source, const MdPlanes *to,
             const MdRect *target);
