/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cairo.h>
#include <stdlib.h>
#include "mediad/video/canvas.h"
#include "video-kit.h"

/* With MEDIAD_TEST_PICTURES set to a folder, tests leave what they drew there as PNG files to be looked at.
 */
static void keep_png(const MdPlanes *p, const char *name)
{
    const char *folder = g_getenv("MEDIAD_TEST_PICTURES");
    if (!folder)
        return;
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, p->width, p->height);
    uint8_t *data = cairo_image_surface_get_data(surface);
    int stride = cairo_image_surface_get_stride(surface);
    for (unsigned y = 0; y < p->height; y++)
        for (unsigned x = 0; x < p->width; x++) {
            int c = 298 * (p->y[(size_t)y * p->stride_y + x] - 16);
            int u = p->u[(size_t)(y / 2) * p->stride_u + x / 2] - 128,
                v = p->v[(size_t)(y / 2) * p->stride_v + x / 2] - 128;
            int r = (c + 409 * v + 128) >> 8, g = (c - 100 * u - 208 * v + 128) >> 8,
                b = (c + 516 * u + 128) >> 8;
            uint32_t pixel = (uint32_t)CLAMP(r, 0, 255) << 16 | (uint32_t)CLAMP(g, 0, 255) << 8 |
                             (uint32_t)CLAMP(b, 0, 255);
            memcpy(data + (size_t)y * stride + x * 4, &pixel, 4);
        }
    cairo_surface_mark_dirty(surface);
    char *path = g_build_filename(folder, name, NULL);
    g_assert_cmpint(cairo_surface_write_to_png(surface, path), ==, CAIRO_STATUS_SUCCESS);
    g_free(path);
    cairo_surface_destroy(surface);
}

static MdOverlay *strip_of(MdLabeler *labeler, const char *text, uint16_t width, gboolean muted)
{
    MdLabelSpec spec = {
        .style = MD_LABEL_STRIP, .text = text, .width = width, .height = 32, .font_px = 21, .muted = muted};
    MdOverlay *overlay = md_labeler_get(labeler, &spec);
    g_assert_nonnull(overlay);
    return overlay;
}

/* Bright pixels in columns [from, to). */
static unsigned ink(const MdOverlay *overlay, unsigned from, unsigned to)
{
    unsigned n = 0;
    for (unsigned y = 0; y < overlay->planes.height; y++)
        for (unsigned x = from; x < to; x++)
            n += overlay->alpha[y * overlay->planes.width + x] > 200 &&
                 overlay->planes.y[y * overlay->planes.stride_y + x] > 128;
    return n;
}

static void test_vietnamese_is_drawn(void)
{
    MdLabeler *labeler = md_labeler_new(NULL);
    MdOverlay *plain = strip_of(labeler, "Ky Anh", 320, FALSE),
              *accents = strip_of(labeler, "Kỳ Anh", 320, FALSE);
    MdOverlay *again = strip_of(labeler, "Kỳ Anh", 320, FALSE), *empty = strip_of(labeler, "", 320, FALSE);
    MdOverlay *long_name =
        strip_of(labeler, "Ủy ban nhân dân thị trấn Thiên Cầm, huyện Cẩm Xuyên", 320, FALSE);
    g_assert_cmpuint(ink(empty, 0, 320), ==, 0);
    g_assert_cmpuint(ink(plain, 0, 120), >, 150);
    g_assert_cmpuint(ink(plain, 160, 320), ==, 0);
    g_assert_cmpuint(ink(accents, 0, 120), >, ink(plain, 0, 120)); /* the grave */
    g_assert_cmpint(memcmp(plain->data, accents->data, 320 * 32), !=, 0);
    g_assert_true(again == accents);                       /* rendered once */
    g_assert_cmpuint(ink(long_name, 240, 312), >, 50);     /* goes to the end ... */
    g_assert_cmpuint(ink(long_name, 314, 320), ==, 0);     /* ... and is cut there with an ellipsis */
    g_assert_cmpuint(plain->alpha[5 * 320 + 300], >, 100); /* the ground is translucent */
    g_assert_cmpuint(plain->alpha[5 * 320 + 300], <, 200);
    MdOverlay *all[] = {plain, accents, again, empty, long_name};
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++)
        md_overlay_unref(all[i]);
    md_labeler_free(labeler);
}

/* Every letter that carries two marks is inside the strip: no ink touches its upper or lower edge. */
static void test_marks_are_not_cut(void)
{
    MdLabeler *labeler = md_labeler_new(NULL);
    MdOverlay *overlay = strip_of(labeler, "ẪỄỖẨỂỔỮỰgyqp", 320, FALSE);
    for (unsigned x = 0; x < 320; x++) {
        g_assert_cmpuint(overlay->alpha[x], <, 220);
        g_assert_cmpuint(overlay->alpha[31 * 320 + x], <, 220);
    }
    md_overlay_unref(overlay);
    md_labeler_free(labeler);
}

static void test_muted_sign(void)
{
    MdLabeler *labeler = md_labeler_new(NULL);
    MdOverlay *heard = strip_of(labeler, "Kỳ Anh", 320, FALSE),
              *muted = strip_of(labeler, "Kỳ Anh", 320, TRUE);
    unsigned red = 0;
    for (unsigned y = 0; y < 16; y++)
        for (unsigned x = 0; x < 18; x++)
            red += muted->planes.v[y * 160 + x] > 180 && muted->alpha[y * 2 * 320 + x * 2] > 200;
    g_assert_cmpuint(red, >, 20);
    for (unsigned y = 0; y < 16; y++)
        for (unsigned x = 0; x < 160; x++)
            g_assert_cmpuint(heard->planes.v[y * 160 + x], <, 140);
    md_overlay_unref(heard);
    md_overlay_unref(muted);
    md_labeler_free(labeler);
}

static void test_bad_text_and_sizes(void)
{
    MdLabeler *labeler = md_labeler_new("Không có phông này");
    char text[2000];
    MdLabelSpec spec = {.style = MD_LABEL_STRIP, .text = text, .width = 100, .height = 20, .font_px = 12};
    memset(text, 0xc3, sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    md_overlay_unref(md_labeler_get(labeler, &spec));
    for (unsigned i = 0; i + 3 < sizeof(text); i += 3)
        memcpy(text + i, "ệ", 3);
    md_overlay_unref(md_labeler_get(labeler, &spec));
    spec.text = NULL;
    md_overlay_unref(md_labeler_get(labeler, &spec));
    spec.width = 101;
    g_assert_null(md_labeler_get(labeler, &spec));
    spec.width = 100, spec.height = 4000;
    g_assert_null(md_labeler_get(labeler, &spec));
    char small[6];
    md_label_copy_text(small, sizeof(small), "aệệệ");
    g_assert_cmpstr(small, ==, "aệ");
    for (unsigned i = 0; i < 600; i++) { /* more labels than are kept */
        spec = (MdLabelSpec){.style = MD_LABEL_NOTICE, .text = text, .width = 64, .height = 20, .font_px = 9};
        g_snprintf(text, sizeof(text), "%u", i);
        MdOverlay *overlay = md_labeler_get(labeler, &spec);
        g_assert_nonnull(overlay);
        md_overlay_unref(overlay);
    }
    md_labeler_free(labeler);
}

static uint64_t ink_of(const MdPlanes *p, const MdRect *rect, int brighter_than)
{
    uint64_t n = 0;
    for (unsigned y = rect->y; y < rect->y + rect->height; y++)
        for (unsigned x = rect->x; x < rect->x + rect->width; x++)
            n += p->y[(size_t)y * p->stride_y + x] > brighter_than;
    return n;
}

static void test_tiles(void)
{
    MdLabeler *labeler = md_labeler_new(NULL);
    MdCanvas *canvas = md_canvas_new(1280, 720, labeler);
    MdPicture *picture = md_picture_new(640, 360);
    static const struct {
        MdTileKind kind;
        const char *name;
        gboolean muted, speaking;
    } tiles[9] = {
        {MD_TILE_PICTURE, "Hà Tĩnh – Trung tâm hành chính", FALSE, TRUE},
        {MD_TILE_PICTURE, "Xã Kỳ Xuân", TRUE, FALSE},
        {MD_TILE_WEAK, "Phường Vũng Áng", FALSE, FALSE},
        {MD_TILE_WAITING, "Xã Hương Khê", FALSE, FALSE},
        {MD_TILE_NO_PICTURE, "Xã Đức Thọ", FALSE, FALSE},
        {MD_TILE_AUDIO_ONLY, "Xã Can Lộc", FALSE, FALSE},
        {MD_TILE_MUTED_VIDEO, "Xã Nghi Xuân", TRUE, FALSE},
        {MD_TILE_AWAY, "Ủy ban nhân dân xã Cẩm Xuyên, tỉnh Hà Tĩnh", FALSE, FALSE},
        {MD_TILE_EMPTY, NULL, FALSE, FALSE},
    };
    g_assert_cmpint(md_canvas_set_layout(canvas, MD_LAYOUT_GRID_3X3, 9), ==, 9);
    md_canvas_set_banner(canvas, "Họp giao ban trực tuyến toàn tỉnh", false, "08:30");
    for (unsigned i = 0; i < 9; i++) {
        md_testpattern_draw(&picture->planes, i, 40);
        MdTile tile = {.kind = tiles[i].kind,
                       .source = i + 1,
                       .serial = i + 1,
                       .picture = picture,
                       .name = tiles[i].name,
                       .muted = tiles[i].muted,
                       .speaking = tiles[i].speaking};
        g_assert_true(md_canvas_draw(canvas, i, &tile));
        g_assert_false(md_canvas_draw(canvas, i, &tile)); /* nothing changed */
        tile.serial += 100;
        g_assert_true(md_canvas_draw(canvas, i, &tile));
    }
    const MdPlanes *planes = md_canvas_planes(canvas);
    keep_png(planes, "tiles.png");
    static const uint8_t with_notice[] = {2, 4, 5, 6, 7};
    for (unsigned i = 0; i < sizeof(with_notice); i++) {
        MdRect middle = *md_canvas_cell(canvas, with_notice[i]);
        middle.y += middle.height / 4, middle.height /= 2;
        g_assert_cmpuint(ink_of(planes, &middle, 200), >, 300); /* white letters */
    }
    MdRect waiting = *md_canvas_cell(canvas, 3);
    waiting.height = waiting.height * 3 / 4;
    g_assert_cmpuint(ink_of(planes, &waiting, 60), ==, 0);
    MdRect banner = {300, 0, 500, 40};
    g_assert_cmpuint(ink_of(planes, &banner, 225), >, 300);
    const MdRect *speaking = md_canvas_cell(canvas, 0);
    g_assert_cmpuint(planes->u[(size_t)(speaking->height / 4) * planes->stride_u], <, 70); /* green */
    md_picture_unref(picture);
    md_canvas_free(canvas);
    md_labeler_free(labeler);
}

static unsigned red_of(const MdPlanes *p, const MdRect *rect)
{
    unsigned n = 0;
    for (unsigned y = rect->y / 2; y < (rect->y + rect->height) / 2u; y++)
        for (unsigned x = rect->x / 2; x < (rect->x + rect->width) / 2u; x++)
            n += p->v[(size_t)y * p->stride_v + x] > 180;
    return n;
}

/* How much of a text's ink is to be seen at these places, in per cent; strange: white where it has none. */
static unsigned match(const MdPlanes *planes, const MdOverlay *overlay, unsigned *ret_strange)
{
    unsigned inked = 0, seen = 0;
    *ret_strange = 0;
    for (unsigned y = 0; y < overlay->planes.height; y++)
        for (unsigned x = 0; x < overlay->planes.width; x++) {
            uint8_t alpha = overlay->alpha[y * overlay->planes.width + x];
            bool white = planes->y[(size_t)y * planes->stride_y + x] > 180;
            inked += alpha > 200;
            seen += alpha > 200 && white;
            *ret_strange += alpha == 0 && white;
        }
    return inked > 0 ? seen * 100 / inked : 0;
}

/* What is written in the middle of the only tile, letter by letter as that text alone. The strip below leaves it some height. */
static bool says(const MdCanvas *canvas, MdLabeler *labeler, const char *text)
{
    const MdPlanes *planes = md_canvas_planes(canvas);
    bool is = false;
    for (uint16_t height = planes->height * 3 / 4; height <= planes->height && !is; height += 2) {
        unsigned strange;
        MdOverlay *alone = md_labeler_get(labeler, &(MdLabelSpec){.style = MD_LABEL_NOTICE, .text = text, .width = planes->width, .height = height,
                                                                  .font_px = (uint8_t)(planes->height / 7)});
        is = match(planes, alone, &strange) >= 98 && strange == 0;
        md_overlay_unref(alone);
    }
    return is;
}

static void test_languages(void)
{
    static const MdTileKind kinds[] = {MD_TILE_NO_PICTURE, MD_TILE_MUTED_VIDEO, MD_TILE_AWAY, MD_TILE_AWAITED};
    MdLabeler *labeler = md_labeler_new(NULL);
    for (unsigned language = 0; language < MD_NOTICE_LANGUAGE_MAX; language++)
        for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
            MdCanvas *canvas = md_canvas_new(640, 360, labeler);
            md_canvas_set_language(canvas, language);
            g_assert_true(md_canvas_draw(canvas, 0, &(MdTile){.kind = kinds[i], .source = 1}));
            for (unsigned other = 0; other < MD_NOTICE_LANGUAGE_MAX; other++)
                for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++)
                    g_assert_cmpint(says(canvas, labeler, md_tile_notice(kinds[k], other)), ==, other == language && k == i);
            md_canvas_free(canvas);
        }
    for (unsigned kind = 0; kind < MD_TILE_KIND_MAX; kind++) /* what is said in one is said in the other */
        g_assert_true((md_tile_notice(kind, MD_NOTICE_VI) == NULL) == (md_tile_notice(kind, MD_NOTICE_EN) == NULL));
    md_labeler_free(labeler);
}

/* "Recording" is a red field with white letters, at the left end of the top edge, and gone when it ends. An awaited seat says so. */
static void test_sign(void)
{
    MdLabeler *labeler = md_labeler_new(NULL);
    MdCanvas *canvas = md_canvas_new(640, 360, labeler);
    MdTile tile = {.kind = MD_TILE_AWAITED, .source = 1, .name = "Xã Kỳ Xuân"};
    const MdRect sign = {0, 0, 60, 20}, beside = {200, 0, 400, 20}, middle = {160, 120, 320, 100};
    md_canvas_set_sign(canvas, "● GHI");
    g_assert_true(md_canvas_draw(canvas, 0, &tile));
    keep_png(md_canvas_planes(canvas), "sign.png");
    g_assert_cmpuint(red_of(md_canvas_planes(canvas), &sign), >, 150);
    g_assert_cmpuint(ink_of(md_canvas_planes(canvas), &sign, 200), >, 30);
    g_assert_cmpuint(red_of(md_canvas_planes(canvas), &beside), ==, 0);
    g_assert_cmpuint(ink_of(md_canvas_planes(canvas), &middle, 200), >, 300); /* "awaited" */
    md_canvas_set_sign(canvas, NULL);
    g_assert_true(md_canvas_draw(canvas, 0, &tile));
    g_assert_cmpuint(red_of(md_canvas_planes(canvas), &sign), ==, 0);
    md_canvas_free(canvas);
    md_labeler_free(labeler);
}

/* A caption is blended once per drawing of a tile: drawing some tiles again does not darken it. */
static void test_caption_is_stable(void)
{
    MdLabeler *labeler = md_labeler_new(NULL);
    MdCanvas *canvas = md_canvas_new(640, 360, labeler), *fresh = md_canvas_new(640, 360, labeler);
    MdPicture *picture = md_picture_new(320, 180);
    md_testpattern_draw(&picture->planes, 1, 1);
    for (unsigned round = 0; round < 5; round++)
        for (unsigned i = 0; i < 4; i++) {
            MdTile tile = {.kind = MD_TILE_PICTURE,
                           .source = i + 1,
                           .serial = i ? 1 : round,
                           .picture = picture,
                           .name = "Hồng Lĩnh"};
            if (i == 0 && round == 0)
                md_canvas_set_layout(canvas, MD_LAYOUT_GRID_2X2, 4),
                    md_canvas_set_layout(fresh, MD_LAYOUT_GRID_2X2, 4);
            md_canvas_set_banner(canvas, "Họp", false, "08:30");
            md_canvas_draw(canvas, i, &tile);
            if (round == 4) {
                md_canvas_set_banner(fresh, "Họp", false, "08:30");
                md_canvas_draw(fresh, i, &tile);
            }
        }
    g_assert_cmpfloat(kit_psnr(md_canvas_planes(canvas), md_canvas_planes(fresh)), ==, 99);
    md_canvas_set_banner(canvas, NULL, false, NULL); /* gone, also where no picture changed */
    md_canvas_set_banner(fresh, NULL, false, NULL);
    MdCanvas *bare = md_canvas_new(640, 360, labeler);
    md_canvas_set_layout(bare, MD_LAYOUT_GRID_2X2, 4);
    for (unsigned i = 0; i < 4; i++) {
        MdTile tile = {.kind = MD_TILE_PICTURE,
                       .source = i + 1,
                       .serial = i ? 1 : 4,
                       .picture = picture,
                       .name = "Hồng Lĩnh"};
        md_canvas_draw(canvas, i, &tile);
        md_canvas_draw(bare, i, &tile);
    }
    g_assert_cmpfloat(kit_psnr(md_canvas_planes(canvas), md_canvas_planes(bare)), ==, 99);
    md_picture_unref(picture);
    md_canvas_free(bare);
    md_canvas_free(canvas);
    md_canvas_free(fresh);
    md_labeler_free(labeler);
}

/* The door: nobody sits there, the text is large in the middle. */
static void test_middle(void)
{
    MdLabeler *labeler = md_labeler_new(NULL);
    MdCanvas *canvas = md_canvas_new(640, 360, labeler);
    MdTile empty = {0};
    MdRect top = {0, 0, 532, 20}, middle = {0, 120, 640, 120};
    md_canvas_set_banner(canvas, "Vui lòng chờ chủ tọa cuộc họp", true, "09:05");
    g_assert_true(md_canvas_draw(canvas, 0, &empty));
    keep_png(md_canvas_planes(canvas), "door.png");
    g_assert_cmpuint(ink_of(md_canvas_planes(canvas), &top, 200), ==, 0);
    g_assert_cmpuint(ink_of(md_canvas_planes(canvas), &middle, 200), >, 800);
    md_canvas_set_banner(canvas, "Vui lòng chờ chủ tọa cuộc họp", false, "09:05");
    g_assert_true(md_canvas_draw(canvas, 0, &empty));
    g_assert_cmpuint(ink_of(md_canvas_planes(canvas), &top, 200), >, 200);
    g_assert_cmpuint(ink_of(md_canvas_planes(canvas), &middle, 200), ==, 0);
    md_canvas_free(canvas);
    md_labeler_free(labeler);
}

static void test_picture_in_picture(void)
{
    MdCanvas *canvas = md_canvas_new(640, 360, NULL);
    MdPicture *white = md_picture_new(320, 180), *grey = md_picture_new(320, 180);
    MdRect whole = {0, 0, 320, 180};
    md_planes_fill(&white->planes, &whole, 230, 128, 128);
    md_planes_fill(&grey->planes, &whole, 100, 128, 128);
    md_canvas_set_layout(canvas, MD_LAYOUT_PIP, 2);
    MdTile big = {.kind = MD_TILE_PICTURE, .source = 1, .serial = 1, .picture = white}, small = big,
           none = {0};
    small.source = 2, small.picture = grey;
    const MdRect *corner = md_canvas_cell(canvas, 1);
    const MdPlanes *p = md_canvas_planes(canvas);
    const uint8_t *inside = p->y + (size_t)(corner->y + 20) * p->stride_y + corner->x + 20;
    for (unsigned i = 0; i < 3; i++, big.serial++) {
        md_canvas_draw(canvas, 0, &big);
        md_canvas_draw(canvas, 1, &small); /* unchanged, but covered by the first */
        g_assert_cmpuint(*inside, ==, 100);
    }
    for (unsigned i = 0; i < 2; i++) {
        md_canvas_draw(canvas, 0, &big);
        md_canvas_draw(canvas, 1, &none);
    }
    g_assert_cmpuint(*inside, ==, 230);
    md_picture_unref(white);
    md_picture_unref(grey);
    md_canvas_free(canvas);
}

static void test_full_range(void)
{
    MdCanvas *canvas = md_canvas_new(320, 180, NULL);
    MdPicture *picture = md_picture_new(320, 180);
    md_planes_fill(&picture->planes, &(MdRect){0, 0, 320, 180}, 255, 255, 0);
    picture->full_range = true;
    md_canvas_draw(canvas, 0,
                   &(MdTile){.kind = MD_TILE_PICTURE, .source = 1, .serial = 1, .picture = picture});
    g_assert_cmpuint(md_canvas_planes(canvas)->y[5], ==, 235);
    g_assert_cmpuint(md_canvas_planes(canvas)->u[5], <=, 240);
    g_assert_cmpuint(md_canvas_planes(canvas)->v[5], >=, 16);
    md_picture_unref(picture);
    md_canvas_free(canvas);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/video/label/vietnamese", test_vietnamese_is_drawn);
    g_test_add_func("/video/label/marks", test_marks_are_not_cut);
    g_test_add_func("/video/label/muted", test_muted_sign);
    g_test_add_func("/video/label/bad", test_bad_text_and_sizes);
    g_test_add_func("/video/label/tiles", test_tiles);
    g_test_add_func("/video/label/languages", test_languages);
    g_test_add_func("/video/label/sign", test_sign);
    g_test_add_func("/video/label/caption", test_caption_is_stable);
    g_test_add_func("/video/label/middle", test_middle);
    g_test_add_func("/video/label/pip", test_picture_in_picture);
    g_test_add_func("/video/label/full-range", test_full_range);
    return g_test_run();
}
