/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/video/canvas.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mediad/video/scale.h"

enum {
    LABEL_TILE_MIN_HEIGHT = 32, /* smaller tiles carry no text */
};

typedef struct Cell {
    MdRect rect;
    bool drawn;                /* false: draw whatever comes */
    MdTile shown;              /* picture and name are not kept */
    MdOverlay *notice, *strip; /* rendered for shown: a moving picture costs no look-up */
} Cell;

typedef struct Caption {
    char text[MD_LABEL_TEXT_MAX];
    MdOverlay *overlay;
    MdRect rect;
} Caption;

struct MdCanvas {
    MdPicture *picture;
    MdLabeler *labeler;
    MdNoticeLanguage language;
    MdScaler scaler;
    MdLayoutKind layout;
    unsigned n_cells;
    Cell cells[MD_LAYOUT_CELLS_MAX];
    Caption banner, clock, sign;
};

static const char *const notices[MD_NOTICE_LANGUAGE_MAX][MD_TILE_KIND_MAX] = {
    [MD_NOTICE_VI] = {
        [MD_TILE_WEAK] = "Đường truyền yếu",
        [MD_TILE_NO_PICTURE] = "Chưa có hình",
        [MD_TILE_MUTED_VIDEO] = "Đã tắt hình",
        [MD_TILE_AWAY] = "Đang gọi lại",
        [MD_TILE_AWAITED] = "Đang chờ",
    },
    [MD_NOTICE_EN] = {
        [MD_TILE_WEAK] = "Weak line",
        [MD_TILE_NO_PICTURE] = "No picture yet",
        [MD_TILE_MUTED_VIDEO] = "Picture off",
        [MD_TILE_AWAY] = "Calling again",
        [MD_TILE_AWAITED] = "Awaited",
    },
};

const char *md_tile_notice(MdTileKind kind, MdNoticeLanguage language)
{
    return notices[language][kind];
}

void md_canvas_set_language(MdCanvas *canvas, MdNoticeLanguage language)
{
    canvas->language = language;
}

MdCanvas *md_canvas_new(uint16_t width, uint16_t height, MdLabeler *labeler)
{
    MdCanvas *canvas = calloc(1, sizeof(*canvas));
    if (!canvas)
        return NULL;
    canvas->picture = md_picture_new(width, height);
    canvas->labeler = labeler;
    if (!canvas->picture || md_canvas_set_layout(canvas, MD_LAYOUT_SINGLE, 1) < 0) {
        md_canvas_free(canvas);
        return NULL;
    }
    return canvas;
}

static void forget_text(Cell *cell)
{
    md_overlay_unref(cell->notice);
    md_overlay_unref(cell->strip);
    cell->notice = cell->strip = NULL;
}

void md_canvas_free(MdCanvas *canvas)
{
    if (!canvas)
        return;
    for (unsigned i = 0; i < MD_LAYOUT_CELLS_MAX; i++)
        forget_text(&canvas->cells[i]);
    md_overlay_unref(canvas->banner.overlay);
    md_overlay_unref(canvas->clock.overlay);
    md_overlay_unref(canvas->sign.overlay);
    md_picture_unref(canvas->picture);
    md_scaler_clear(&canvas->scaler);
    free(canvas);
}

int md_canvas_set_layout(MdCanvas *canvas, MdLayoutKind kind, unsigned want)
{
    MdRect rects[MD_LAYOUT_CELLS_MAX];
    const MdPlanes *planes = &canvas->picture->planes;
    kind = md_layout_resolve(kind, want);
    int n = md_layout_cells(kind, want, planes->width, planes->height, rects);
    if (n < 0)
        return n;
    canvas->layout = kind;
    canvas->n_cells = (unsigned)n;
    for (int i = 0; i < n; i++) {
        forget_text(&canvas->cells[i]);
        canvas->cells[i] = (Cell){.rect = rects[i]};
    }
    return n;
}

unsigned md_canvas_n_cells(const MdCanvas *canvas)
{
    return canvas->n_cells;
}

const MdPlanes *md_canvas_planes(const MdCanvas *canvas)
{
    return &canvas->picture->planes;
}

const MdRect *md_canvas_cell(const MdCanvas *canvas, unsigned index)
{
    return &canvas->cells[index].rect;
}

static bool meet(const MdRect *a, const MdRect *b)
{
    return a->x < b->x + b->width && b->x < a->x + a->width && a->y < b->y + b->height &&
           b->y < a->y + a->height;
}

static uint8_t font_for(unsigned strip_height)
{
    unsigned px = strip_height * 68 / 100; /* Vietnamese stacks accents: a line is 1.36 em high */
    return (uint8_t)(px < 6 ? 6 : px > 200 ? 200 : px);
}

static void touch_tiles(MdCanvas *canvas, const MdRect *rect)
{
    for (unsigned i = 0; i < canvas->n_cells; i++)
        if (meet(&canvas->cells[i].rect, rect))
            canvas->cells[i].drawn = false;
}

static void set_caption(MdCanvas *canvas, Caption *caption, const char *text, MdLabelStyle style,
                        uint8_t font_px, const MdRect *rect)
{
    text = text ? text : "";
    if (strcmp(caption->text, text) == 0 && memcmp(&caption->rect, rect, sizeof(*rect)) == 0)
        return;
    touch_tiles(canvas, &caption->rect);
    touch_tiles(canvas, rect);
    md_label_copy_text(caption->text, sizeof(caption->text), text);
    md_overlay_unref(caption->overlay);
    caption->overlay = NULL;
    caption->rect = *rect;
    MdLabelSpec spec = {.style = style,
                        .text = caption->text,
                        .width = rect->width,
                        .height = rect->height,
                        .font_px = font_px};
    if (caption->text[0] && canvas->labeler)
        caption->overlay = md_labeler_get(canvas->labeler, &spec);
}

void md_canvas_set_banner(MdCanvas *canvas, const char *banner, bool in_the_middle, const char *clock)
{
    const MdPlanes *planes = &canvas->picture->planes;
    uint16_t height = (uint16_t)(planes->height / 18 & ~1), clock_width = (uint16_t)(height * 3);
    if (height < 12)
        height = 12, clock_width = 36;
    uint16_t left = (uint16_t)(planes->width - clock_width), third = (uint16_t)(planes->height / 3 & ~1);
    unsigned large = planes->height / 14u;
    if (in_the_middle)
        set_caption(canvas, &canvas->banner, banner, MD_LABEL_NOTICE, (uint8_t)(large < 8 ? 8 : large),
                    &(MdRect){0, third, planes->width, third});
    else
        set_caption(canvas, &canvas->banner, banner, MD_LABEL_BANNER, font_for(height),
                    &(MdRect){0, 0, left, height});
    set_caption(canvas, &canvas->clock, clock, MD_LABEL_BANNER, font_for(height),
                &(MdRect){left, 0, clock_width, height});
}

void md_canvas_set_sign(MdCanvas *canvas, const char *sign)
{
    const MdPlanes *planes = &canvas->picture->planes;
    uint16_t height = (uint16_t)(planes->height / 18 & ~1), chars = 0;
    if (height < 12)
        height = 12;
    uint8_t font = font_for(height);
    for (const char *p = sign ? sign : ""; *p; p++)
        chars += ((unsigned char)*p & 0xc0) != 0x80;
    unsigned width = chars * font * 3u / 4 + 2u * font;
    if (width > planes->width)
        width = planes->width;
    set_caption(canvas, &canvas->sign, sign, MD_LABEL_SIGN, font, &(MdRect){0, 0, (uint16_t)(width & ~1u), height});
}

static void draw_ground(MdCanvas *canvas, const MdRect *rect, const MdTile *tile)
{
    if (tile->kind == MD_TILE_EMPTY)
        md_planes_fill(&canvas->picture->planes, rect, 24, 128, 128);
    else
        md_planes_fill(&canvas->picture->planes, rect, 44, 136, 122);
}

/* The parts of rect that inner (relative to rect) does not cover become black. */
static void draw_bars(MdCanvas *canvas, const MdRect *rect, const MdRect *inner)
{
    const MdPlanes *planes = &canvas->picture->planes;
    uint16_t right = (uint16_t)(inner->x + inner->width), below = (uint16_t)(inner->y + inner->height);
    MdRect bars[4] = {
        {rect->x, rect->y, rect->width, inner->y},
        {rect->x, (uint16_t)(rect->y + below), rect->width, (uint16_t)(rect->height - below)},
        {rect->x, rect->y, inner->x, rect->height},
        {(uint16_t)(rect->x + right), rect->y, (uint16_t)(rect->width - right), rect->height},
    };
    for (unsigned i = 0; i < 4; i++)
        md_planes_fill(planes, &bars[i], 16, 128, 128);
}

static void dim_plane(uint8_t *plane, int stride, unsigned width, unsigned height, int zero)
{
    for (unsigned y = 0; y < height; y++, plane += stride)
        for (unsigned x = 0; x < width; x++)
            plane[x] = (uint8_t)(zero + ((plane[x] - zero) * 3 >> 3));
}

static void dim(const MdPlanes *p, const MdRect *rect)
{
    unsigned x = rect->x / 2, y = rect->y / 2, width = rect->width / 2, height = rect->height / 2;
    dim_plane(p->y + (size_t)rect->y * p->stride_y + rect->x, p->stride_y, rect->width, rect->height, 16);
    dim_plane(p->u + (size_t)y * p->stride_u + x, p->stride_u, width, height, 128);
    dim_plane(p->v + (size_t)y * p->stride_v + x, p->stride_v, width, height, 128);
}

static bool draw_picture(MdCanvas *canvas, const MdRect *rect, const MdTile *tile)
{
    const MdPlanes *planes = &canvas->picture->planes;
    const MdPicture *picture = tile->picture;
    MdFit fit = (tile->whole ? md_fit_whole : md_fit)(picture->planes.width, picture->planes.height, rect->width,
                                                      rect->height);
    MdRect target = {(uint16_t)(rect->x + fit.tile.x), (uint16_t)(rect->y + fit.tile.y), fit.tile.width,
                     fit.tile.height};
    if (md_scale(&canvas->scaler, &picture->planes, &fit.source, planes, &target) < 0)
        return false;
    draw_bars(canvas, rect, &fit.tile);
    if (picture->full_range)
        md_planes_limit_range(planes, &target);
    return true;
}

static uint16_t strip_height(const MdRect *rect)
{
    unsigned height = (rect->height * 9u / 100 + 8) & ~1u;
    return (uint16_t)(height < 12 ? 12 : height > 40 ? 40 : height);
}

static void render_text(MdCanvas *canvas, Cell *cell, const MdTile *tile)
{
    const MdRect *rect = &cell->rect;
    forget_text(cell);
    if (!canvas->labeler || rect->height < LABEL_TILE_MIN_HEIGHT || tile->kind == MD_TILE_EMPTY)
        return;
    uint16_t strip = strip_height(rect);
    bool voice = tile->kind == MD_TILE_AUDIO_ONLY;
    const char *notice = voice ? tile->name : md_tile_notice(tile->kind, canvas->language);
    MdLabelSpec centre = {
        .style = voice ? MD_LABEL_VOICE : MD_LABEL_NOTICE,
        .text = notice,
        .width = rect->width,
        .height = (uint16_t)(rect->height - strip),
        .font_px = (uint8_t)(rect->height / 7 < 8    ? 8
                             : rect->height / 7 > 56 ? 56
                                                     : rect->height / 7),
        .muted = tile->muted,
    };
    if (voice || (notice && notice[0]))
        cell->notice = md_labeler_get(canvas->labeler, &centre);
    MdLabelSpec name = {
        .style = MD_LABEL_STRIP,
        .text = tile->name,
        .width = rect->width,
        .height = strip,
        .font_px = font_for(strip),
        .muted = tile->muted,
    };
    if (!voice && ((tile->name && tile->name[0]) || tile->muted))
        cell->strip = md_labeler_get(canvas->labeler, &name);
}

/* The frame of who speaks: even, at least two lines. */
static uint16_t border_of(const MdRect *rect)
{
    unsigned t = rect->height / 30u & ~1u;
    return (uint16_t)(t < 2 ? 2 : t > 6 ? 6 : t);
}

static void draw_text(MdCanvas *canvas, Cell *cell, const MdTile *tile)
{
    const MdRect *rect = &cell->rect;
    const MdTile *shown = &cell->shown;
    if (!cell->drawn || shown->kind != tile->kind || shown->source != tile->source ||
        shown->name_version != tile->name_version || shown->muted != tile->muted)
        render_text(canvas, cell, tile);
    md_overlay_blend(cell->notice, rect->x, rect->y, &canvas->picture->planes, rect);
    unsigned frame = tile->speaking ? border_of(rect) : 0; /* stands below the name, not over it */
    if (cell->strip)
        md_overlay_blend(cell->strip, rect->x,
                         (unsigned)(rect->y + rect->height - cell->strip->planes.height - frame),
                         &canvas->picture->planes, rect);
}

static void draw_border(MdCanvas *canvas, const MdRect *rect)
{
    const MdPlanes *planes = &canvas->picture->planes;
    uint16_t thick = border_of(rect);
    MdRect sides[4] = {
        {rect->x, rect->y, rect->width, thick},
        {rect->x, (uint16_t)(rect->y + rect->height - thick), rect->width, thick},
        {rect->x, rect->y, thick, rect->height},
        {(uint16_t)(rect->x + rect->width - thick), rect->y, thick, rect->height},
    };
    for (unsigned i = 0; i < 4; i++)
        md_planes_fill(planes, &sides[i], 170, 60, 60); /* a clear green */
}

static bool same(const MdTile *a, const MdTile *b)
{
    return a->kind == b->kind && a->source == b->source && a->serial == b->serial &&
           a->name_version == b->name_version && a->muted == b->muted && a->speaking == b->speaking;
}

bool md_canvas_draw(MdCanvas *canvas, unsigned index, const MdTile *tile)
{
    if (index >= canvas->n_cells)
        return false;
    Cell *cell = &canvas->cells[index];
    if (cell->drawn && same(&cell->shown, tile))
        return false;
    if (canvas->layout == MD_LAYOUT_PIP && index == 1 && tile->kind == MD_TILE_EMPTY) {
        if (!cell->drawn || cell->shown.kind != MD_TILE_EMPTY)
            canvas->cells[0].drawn = false; /* uncover it at the next tick */
        cell->shown = *tile;
        cell->drawn = true;
        return false;
    }
    bool shows = (tile->kind == MD_TILE_PICTURE || tile->kind == MD_TILE_WEAK) && tile->picture;
    if (!shows || !draw_picture(canvas, &cell->rect, tile))
        draw_ground(canvas, &cell->rect, tile);
    else if (tile->kind == MD_TILE_WEAK)
        dim(&canvas->picture->planes, &cell->rect);
    draw_text(canvas, cell, tile);
    if (tile->speaking)
        draw_border(canvas, &cell->rect);
    md_overlay_blend(canvas->banner.overlay, canvas->banner.rect.x, canvas->banner.rect.y,
                     &canvas->picture->planes, &cell->rect);
    md_overlay_blend(canvas->clock.overlay, canvas->clock.rect.x, canvas->clock.rect.y,
                     &canvas->picture->planes, &cell->rect);
    md_overlay_blend(canvas->sign.overlay, canvas->sign.rect.x, canvas->sign.rect.y,
                     &canvas->picture->planes, &cell->rect);
    cell->shown = *tile;
    cell->shown.picture = NULL;
    cell->shown.name = NULL;
    cell->drawn = true;
    if (canvas->layout == MD_LAYOUT_PIP && index == 0 && canvas->cells[1].shown.kind != MD_TILE_EMPTY)
        canvas->cells[1].drawn = false; /* lies on top of the first */
    return true;
}
