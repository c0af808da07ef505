/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/video/layout.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum { SIDE_MIN_WIDTH = 64, SIDE_MIN_HEIGHT = 48, SIDE_MAX = 4096 };

/* "9x8" is nine rows of eight columns: on 1280x720 its tiles are 160x80, so that a 640x360 picture with a
 * ninth of its height cut away still scales by exactly 1/4 (libyuv's fast path); nine columns would give
 * 142x90. */
static const struct {
    const char *name;
    uint8_t columns, rows; /* of the underlying grid */
    uint8_t large;         /* side of the large tile in grid units, 0: none */
} kinds[MD_LAYOUT_KIND_MAX] = {
    [MD_LAYOUT_AUTO] = {"auto", 0, 0, 0},    [MD_LAYOUT_SINGLE] = {"single", 1, 1, 0},
    [MD_LAYOUT_1P5] = {"1+5", 3, 3, 2},      [MD_LAYOUT_1P7] = {"1+7", 4, 4, 3},
    [MD_LAYOUT_GRID_2X2] = {"2x2", 2, 2, 0}, [MD_LAYOUT_GRID_3X3] = {"3x3", 3, 3, 0},
    [MD_LAYOUT_GRID_4X4] = {"4x4", 4, 4, 0}, [MD_LAYOUT_GRID_5X5] = {"5x5", 5, 5, 0},
    [MD_LAYOUT_GRID_6X6] = {"6x6", 6, 6, 0}, [MD_LAYOUT_GRID_7X7] = {"7x7", 7, 7, 0},
    [MD_LAYOUT_GRID_8X8] = {"8x8", 8, 8, 0}, [MD_LAYOUT_GRID_9X8] = {"9x8", 8, 9, 0},
    [MD_LAYOUT_PIP] = {"pip", 0, 0, 0},
};

const char *md_layout_to_string(MdLayoutKind kind)
{
    return kind >= 0 && kind < MD_LAYOUT_KIND_MAX ? kinds[kind].name : NULL;
}

MdLayoutKind md_layout_from_string(const char *name)
{
    if (!name)
        return MD_LAYOUT_KIND_INVALID;
    for (int i = 0; i < MD_LAYOUT_KIND_MAX; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return (MdLayoutKind)i;
    return MD_LAYOUT_KIND_INVALID;
}

MdLayoutKind md_layout_resolve(MdLayoutKind kind, unsigned want)
{
    if (kind != MD_LAYOUT_AUTO)
        return kind;
    if (want <= 1)
        return MD_LAYOUT_SINGLE;
    for (int i = MD_LAYOUT_GRID_2X2; i < MD_LAYOUT_GRID_9X8; i++)
        if ((unsigned)kinds[i].columns * kinds[i].rows >= want)
            return (MdLayoutKind)i;
    return MD_LAYOUT_GRID_9X8;
}

unsigned md_layout_seats(MdLayoutKind kind, unsigned want)
{
    kind = md_layout_resolve(kind, want);
    if (kind < 0 || kind >= MD_LAYOUT_KIND_MAX)
        return 0;
    if (kind == MD_LAYOUT_PIP)
        return 2;
    unsigned all = (unsigned)kinds[kind].columns * kinds[kind].rows, large = kinds[kind].large;
    return large ? all - large * large + 1 : all;
}

/* The i-th of n+1 lines across size pixels, on an even pixel because chroma has half the resolution. */
static uint16_t line_at(unsigned i, unsigned n, unsigned size)
{
    return (uint16_t)((size * i / n + 1) & ~1u);
}

static MdRect grid_rect(unsigned columns, unsigned rows, unsigned column, unsigned row, unsigned span,
                        uint16_t width, uint16_t height)
{
    uint16_t x = line_at(column, columns, width), y = line_at(row, rows, height);
    return (MdRect){
        .x = x,
        .y = y,
        .width = (uint16_t)(line_at(column + span, columns, width) - x),
        .height = (uint16_t)(line_at(row + span, rows, height) - y),
    };
}

static int pip_cells(uint16_t width, uint16_t height, MdRect *cells)
{
    uint16_t margin = (uint16_t)(width / 40 & ~1);
    MdRect corner = {.width = (uint16_t)(width / 4 & ~1), .height = (uint16_t)(height / 4 & ~1)};
    corner.x = (uint16_t)(width - margin - corner.width);
    corner.y = (uint16_t)(height - margin - corner.height);
    cells[0] = (MdRect){0, 0, width, height};
    cells[1] = corner;
    return 2;
}

int md_layout_cells(MdLayoutKind kind, unsigned want, uint16_t width, uint16_t height,
                    MdRect cells[MD_LAYOUT_CELLS_MAX])
{
    if (kind < 0 || kind >= MD_LAYOUT_KIND_MAX || width < SIDE_MIN_WIDTH || height < SIDE_MIN_HEIGHT ||
        width > SIDE_MAX || height > SIDE_MAX || (width & 1) || (height & 1))
        return -EINVAL;
    kind = md_layout_resolve(kind, want);
    if (kind == MD_LAYOUT_PIP)
        return pip_cells(width, height, cells);

    unsigned columns = kinds[kind].columns, rows = kinds[kind].rows, large = kinds[kind].large;
    int n = 0;
    if (large)
        cells[n++] = grid_rect(columns, rows, 0, 0, large, width, height);
    /* the large tile first, then the right-hand column downwards, then the bottom row (or the plain grid row
     * by row) */
    for (unsigned row = 0; row < rows; row++)
        for (unsigned column = row < large ? large : 0; column < columns; column++)
            cells[n++] = grid_rect(columns, rows, column, row, 1, width, height);
    return n;
}
