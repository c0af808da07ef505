/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/video/testpattern.h"

#include <string.h>

#include "mediad/video/picture.h"

/* 75 % bars, BT.601 limited range: white, yellow, cyan, green, magenta, red, blue */
static const uint8_t bars[7][3] = {{180, 128, 128}, {162, 44, 142}, {131, 156, 44}, {112, 72, 58},
                                   {84, 184, 198},  {65, 100, 212}, {35, 212, 114}};

static unsigned triangle(unsigned value, unsigned span)
{
    value %= 2 * span + 1;
    return value <= span ? value : 2 * span - value;
}

static void draw_ramp(const MdPlanes *p, unsigned top, uint32_t seed, uint32_t frame)
{
    for (unsigned y = top; y < p->height; y++) {
        uint8_t *row = p->y + (size_t)y * p->stride_y;
        for (unsigned x = 0; x < p->width; x++)
            row[x] = (uint8_t)(16 + (x * 219 / p->width + frame * 2 + seed * 31) % 220);
    }
    for (unsigned y = top / 2; y < p->height / 2u; y++) {
        memset(p->u + (size_t)y * p->stride_u, 128, p->width / 2);
        memset(p->v + (size_t)y * p->stride_v, 128, p->width / 2);
    }
}

/* 4x4 grains from a counter hash: something to code even where nothing else moves, like a camera's noise. */
static void draw_grain(const MdPlanes *p, uint32_t seed, uint32_t frame)
{
    for (unsigned y = 0; y + 4 <= p->height; y += 8)
        for (unsigned x = (y >> 3 & 1) * 8; x + 4 <= p->width; x += 16) {
            uint32_t h = (x * 2654435761u ^ y * 2246822519u ^ (frame / 2 + seed * 97) * 3266489917u);
            h ^= h >> 15;
            int delta = (int)(h * 668265263u >> 29) - 4;
            uint8_t *at = p->y + (size_t)y * p->stride_y + x;
            for (unsigned i = 0; i < 4; i++)
                for (unsigned j = 0; j < 4; j++)
                    at[(size_t)i * p->stride_y + j] = (uint8_t)(at[(size_t)i * p->stride_y + j] + delta);
        }
}

void md_testpattern_draw(const MdPlanes *p, uint32_t seed, uint32_t frame)
{
    unsigned bottom = p->height * 3u / 4 & ~1u;
    for (unsigned i = 0; i < 7; i++) {
        const uint8_t *c = bars[(i + seed) % 7];
        unsigned x0 = p->width * i / 7 & ~1u, x1 = i == 6 ? p->width : p->width * (i + 1) / 7 & ~1u;
        md_planes_fill(p, &(MdRect){(uint16_t)x0, 0, (uint16_t)(x1 - x0), (uint16_t)bottom}, c[0], c[1],
                       c[2]);
    }
    draw_ramp(p, bottom, seed, frame);
    unsigned side = p->height / 5u & ~1u;
    unsigned x = triangle((frame + seed * 13) * (p->width / 80u + 2), p->width - side) & ~1u;
    unsigned y = triangle((frame + seed * 7) * (p->height / 90u + 2), p->height - side) & ~1u;
    md_planes_fill(p, &(MdRect){(uint16_t)x, (uint16_t)y, (uint16_t)side, (uint16_t)side}, 210,
                   (uint8_t)(64 + seed * 37 % 128), (uint8_t)(64 + seed * 59 % 128));
    unsigned line = frame * 4 % p->width & ~1u;
    md_planes_fill(p, &(MdRect){(uint16_t)line, 0, 2, p->height}, 235, 128, 128);
    draw_grain(p, seed, frame);
}
