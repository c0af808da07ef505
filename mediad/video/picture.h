/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "mediad/video/pattern.h"

/* The largest picture taken in or made: 1080p in either direction. */
#define MD_PICTURE_SIDE_MAX 1920
#define MD_PICTURE_PIXELS_MAX (1920 * 1088)

/* A counted I420 picture: its own memory, or a decoder's (no copy is made). Immutable once shared; any
 * thread. */
typedef struct MdPicture {
    _Atomic int refs;
    MdPlanes planes;
    bool full_range; /* luma 0..255 instead of 16..235 */
    int64_t time_us; /* monotonic, of the encoded frame */
    uint32_t rtp_ts;
    void (*release)(void *owner); /* private: gives the memory back */
    void *owner;
} MdPicture;

/* Black, refs 1. NULL: odd, zero, above the limits, or no memory. */
MdPicture *md_picture_new(uint16_t width, uint16_t height);
/* Around memory of somebody else; release(owner) runs with the last reference. NULL: no memory (release not
 * called). */
MdPicture *md_picture_wrap(const MdPlanes *planes, void (*release)(void *owner), void *owner);
MdPicture *md_picture_ref(MdPicture *picture);
void md_picture_unref(MdPicture *picture); /* NULL is fine */

/* Paints a rectangle (clipped to even pixels, must lie inside). */
void md_planes_fill(const MdPlanes *planes, const MdRect *rect, uint8_t y, uint8_t u, uint8_t v);
/* Full-range samples of a rectangle become limited range, in place. */
void md_planes_limit_range(const MdPlanes *planes, const MdRect *rect);
