/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/video/label.h"
#include "mediad/video/layout.h"
#include "mediad/video/picture.h"

/* One picture made of tiles. A tile is drawn only when what it shows has changed. One thread at a time. */

typedef enum MdTileKind {
    MD_TILE_EMPTY,
    MD_TILE_PICTURE,
    MD_TILE_WEAK,       /* last good picture, dimmed, with «Đường truyền yếu» */
    MD_TILE_WAITING,    /* no picture yet, too early to complain */
    MD_TILE_NO_PICTURE, /* none came */
    MD_TILE_AUDIO_ONLY,
    MD_TILE_MUTED_VIDEO,
    MD_TILE_AWAY,
    MD_TILE_AWAITED,
    MD_TILE_KIND_MAX,
} MdTileKind;

typedef struct MdTile {
    MdTileKind kind;
    uint32_t source; /* with serial and name_version: what the tile shows; equal means nothing to draw */
    uint64_t serial; /* of the picture */
    uint32_t name_version;
    bool muted, speaking;
    bool whole;               /* no part of the picture may be cut away */
    const MdPicture *picture; /* borrowed for the call; may be NULL */
    const char *name;         /* borrowed for the call; may be NULL */
} MdTile;

/* Of what is written in tiles instead of a picture. */
typedef enum MdNoticeLanguage { MD_NOTICE_VI, MD_NOTICE_EN, MD_NOTICE_LANGUAGE_MAX } MdNoticeLanguage;
const char *md_tile_notice(MdTileKind kind, MdNoticeLanguage language); /* NULL: none */

typedef struct MdCanvas MdCanvas;
/* labeler: borrowed, may be NULL (no text). NULL: bad size or no memory. */
MdCanvas *md_canvas_new(uint16_t width, uint16_t height, MdLabeler *labeler);
void md_canvas_set_language(MdCanvas *canvas, MdNoticeLanguage language); /* before the first tile; Vietnamese else */
void md_canvas_free(MdCanvas *canvas);
/* Everything will be drawn anew. Returns the number of cells, or -EINVAL. */
int md_canvas_set_layout(MdCanvas *canvas, MdLayoutKind kind, unsigned want);
unsigned md_canvas_n_cells(const MdCanvas *canvas);
/* Text over the top edge, or large in the middle (a canvas nobody sits on), and at the right end of the top
 * edge (NULL or "": none). Only when they change are the tiles beneath drawn anew. Call before the tiles of a
 * tick. */
void md_canvas_set_banner(MdCanvas *canvas, const char *banner, bool in_the_middle, const char *clock);
/* A red sign at the left end of the top edge, above the banner (NULL or "": none). When and how: as the banner. */
void md_canvas_set_sign(MdCanvas *canvas, const char *sign);
/* Cell index in order 0, 1, 2 ...; true: drawn. */
bool md_canvas_draw(MdCanvas *canvas, unsigned index, const MdTile *tile);
const MdPlanes *md_canvas_planes(const MdCanvas *canvas);
const MdRect *md_canvas_cell(const MdCanvas *canvas, unsigned index);
