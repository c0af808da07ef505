/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Where tiles lie on a canvas: pure geometry. */
typedef enum MdLayoutKind {
    MD_LAYOUT_AUTO,     /* smallest of the grids that seats everybody; 1 = single */
    MD_LAYOUT_SINGLE,
    MD_LAYOUT_1P5,      /* one large, five small (a 3x3 grid with a 2x2 large tile) */
    MD_LAYOUT_1P7,      /* one large, seven small (4x4 grid, 3x3 large) */
    MD_LAYOUT_GRID_2X2, MD_LAYOUT_GRID_3X3, MD_LAYOUT_GRID_4X4, MD_LAYOUT_GRID_5X5, MD_LAYOUT_GRID_6X6,
    MD_LAYOUT_GRID_7X7, MD_LAYOUT_GRID_8X8, MD_LAYOUT_GRID_9X8, /* 9X8: nine rows of eight */
    MD_LAYOUT_PIP,      /* first fills the canvas, second in a corner */
    MD_LAYOUT_KIND_MAX,
    MD_LAYOUT_KIND_INVALID = -1,
} MdLayoutKind;

#define MD_LAYOUT_CELLS_MAX 72

typedef struct MdRect { /* pixels, even */
    uint16_t x, y, width, height;
} MdRect;

/* "auto", "single", "1+5", "1+7", "2x2" ... "9x8", "pip" */
const char *md_layout_to_string(MdLayoutKind kind);
MdLayoutKind md_layout_from_string(const char *name);
/* Fills cells for a canvas of width x height. want: how many seats are asked for (decides AUTO). Returns how many cells there
 * are (>= 1), or -EINVAL (odd or tiny canvas, bad kind). */
int md_layout_cells(MdLayoutKind kind, unsigned want, uint16_t width, uint16_t height, MdRect cells[MD_LAYOUT_CELLS_MAX]);

/* AUTO: the kind chosen for want seats; any other kind: itself. */
MdLayoutKind md_layout_resolve(MdLayoutKind kind, unsigned want);
/* How many cells md_layout_cells will make; 0: bad kind. */
unsigned md_layout_seats(MdLayoutKind kind, unsigned want);
