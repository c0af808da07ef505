/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "mediad/video/layout.h"

/* Coded pictures: who sent this picture, and which of its frames is it? A block pattern of black and white
 * fields holds an id, a frame counter and a check sum; it survives H.264 and scaling down to a tile 80 pixels
 * wide. The pattern lies in the upper middle of the picture, clear of labels and borders. Simulators and
 * tests draw and read it. Pure functions. */

#define MD_PATTERN_ID_MAX 1023
#define MD_PATTERN_COUNTER_MASK 0x3fff /* the counter wraps at 16384 */

/* Planes of an I420 picture; data is written by the draw functions only. */
typedef struct MdPlanes {
    uint8_t *y, *u, *v;
    int stride_y, stride_u, stride_v;
    uint16_t width, height;
} MdPlanes;

/* Planes of a contiguous I420 buffer of width*height*3/2 bytes (both even). */
MdPlanes md_planes_of(uint8_t *data, uint16_t width, uint16_t height);

/* Draws the fields over whatever is there (only their area is touched: about a half of the picture). Picture
 * at least 80x44. */
void md_pattern_draw(const MdPlanes *picture, uint16_t id, uint16_t counter);

/* Looks for a pattern in a rectangle (a tile) of a picture. source_width x source_height: shape of the
 * picture that was sent (needed because a tile of another shape shows it cropped or with bars); 0 x 0: tries
 * 16:9, 4:3 and 11:9. false: none there, or unreadable. ret_* may be NULL and stay untouched on false. */
bool md_pattern_read(const MdPlanes *picture, const MdRect *tile, unsigned source_width,
                     unsigned source_height, uint16_t *ret_id, uint16_t *ret_counter);
