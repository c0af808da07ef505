/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/video/label.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <pango/pangocairo.h>

enum {
    STORE_SIZE = 256, /* a room of 72 tiles on two canvases, and the tour's next page */
    SIDE_MAX = 1920,
    GROUND_ALPHA = 150,
};

typedef struct StoredLabel {
    char text[MD_LABEL_TEXT_MAX];
    MdLabelSpec spec; /* text points nowhere */
    MdOverlay *overlay;
    uint64_t used;
} StoredLabel;

struct MdLabeler {
    pthread_mutex_t lock;
    PangoFontMap *fonts;
    PangoContext *context;
    PangoFontDescription *font;
    StoredLabel *store;
    uint64_t uses;
};

MdLabeler *md_labeler_new(const char *font)
{
    MdLabeler *labeler = calloc(1, sizeof(*labeler));
    StoredLabel *store = calloc(STORE_SIZE, sizeof(*store));
    if (!labeler || !store) {
        free(labeler);
        free(store);
        return NULL;
    }
    pthread_mutex_init(&labeler->lock, NULL);
    labeler->store = store;
    labeler->fonts = pango_cairo_font_map_new();
    labeler->context = pango_font_map_create_context(labeler->fonts);
    labeler->font = pango_font_description_from_string(font ? font : "Noto Sans");
    return labeler;
}

void md_labeler_free(MdLabeler *labeler)
{
    if (!labeler)
        return;
    for (unsigned i = 0; i < STORE_SIZE; i++)
        md_overlay_unref(labeler->store[i].overlay);
    pango_font_description_free(labeler->font);
    g_object_unref(labeler->context);
    g_object_unref(labeler->fonts);
    pthread_mutex_destroy(&labeler->lock);
    free(labeler->store);
    free(labeler);
}

/* A microphone in a box of the given size; muted: red and struck through. */
static void draw_microphone(cairo_t *cr, double x, double y, double size, bool muted)
{
    double w = size * .34, top = y + size * .08, middle = x + size / 2, bottom = y + size * .56;
    cairo_save(cr);
    if (muted)
        cairo_set_source_rgb(cr, 1, .32, .28);
    else
        cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_set_line_width(cr, size * .09);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    cairo_new_sub_path(cr);
    cairo_arc(cr, middle, top + w / 2, w / 2, G_PI, 2 * G_PI);
    cairo_arc(cr, middle, bottom - w / 2, w / 2, 0, G_PI);
    cairo_close_path(cr);
    cairo_fill(cr);
    cairo_new_sub_path(cr);
    cairo_arc(cr, middle, y + size * .45, size * .29, .1 * G_PI, .9 * G_PI);
    cairo_move_to(cr, middle, y + size * .74);
    cairo_line_to(cr, middle, y + size * .92);
    cairo_stroke(cr);
    if (muted) {
        cairo_move_to(cr, x + size * .14, y + size * .1);
        cairo_line_to(cr, x + size * .86, y + size * .9);
        cairo_stroke(cr);
    }
    cairo_restore(cr);
}

static PangoLayout *layout_of(MdLabeler *labeler, const MdLabelSpec *spec, const char *text)
{
    PangoLayout *layout = pango_layout_new(labeler->context);
    pango_font_description_set_absolute_size(labeler->font, (double)spec->font_px * PANGO_SCALE);
    pango_layout_set_font_description(layout, labeler->font);
    char *valid = g_utf8_make_valid(text, -1);
    pango_layout_set_text(layout, valid, -1);
    g_free(valid);
    pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
    return layout;
}

static void draw_line(MdLabeler *labeler, cairo_t *cr, const MdLabelSpec *spec, const char *text)
{
    double left = spec->font_px * .4, right = spec->width - spec->font_px * .4;
    if (spec->style == MD_LABEL_SIGN)
        cairo_set_source_rgba(cr, .78, .05, .05, .92);
    else
        cairo_set_source_rgba(cr, 0, 0, 0, GROUND_ALPHA / 255.);
    cairo_paint(cr);
    if (spec->muted) {
        double size = spec->height * .86;
        draw_microphone(cr, left - size * .1, spec->height * .07, size, true);
        left += size;
    }
    PangoLayout *layout = layout_of(labeler, spec, text);
    pango_layout_set_single_paragraph_mode(layout, TRUE);
    pango_layout_set_width(layout, right > left ? (int)((right - left) * PANGO_SCALE) : 0);
    if (spec->style == MD_LABEL_BANNER || spec->style == MD_LABEL_SIGN)
        pango_layout_set_alignment(layout, PANGO_ALIGN_CENTER);
    int height;
    pango_layout_get_pixel_size(layout, NULL, &height);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_move_to(cr, left, (spec->height - height) / 2.);
    pango_cairo_show_layout(cr, layout);
    g_object_unref(layout);
}

static void draw_notice(MdLabeler *labeler, cairo_t *cr, const MdLabelSpec *spec, const char *text)
{
    double margin = spec->font_px * .3, sign = spec->style == MD_LABEL_VOICE ? spec->font_px * 2.2 : 0;
    double room = spec->height - sign;
    PangoLayout *layout = layout_of(labeler, spec, text);
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_width(layout, (int)((spec->width - 2 * margin) * PANGO_SCALE));
    pango_layout_set_height(layout, room > spec->font_px ? (int)(room * PANGO_SCALE) : 0);
    pango_layout_set_alignment(layout, PANGO_ALIGN_CENTER);
    int height;
    pango_layout_get_pixel_size(layout, NULL, &height);
    double top = (spec->height - height - sign) / 2;
    if (sign > 0)
        draw_microphone(cr, (spec->width - sign) / 2, top, sign, spec->muted);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_move_to(cr, margin, top + sign);
    pango_cairo_show_layout(cr, layout);
    g_object_unref(layout);
}

static uint8_t clip(int value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* Cairo's pre-multiplied ARGB into I420 (BT.601, limited range) with its opacity beside it. Chroma is the
 * mean of the covered pixels of each 2x2. */
static void convert(const uint8_t *argb, int stride, MdOverlay *overlay)
{
    const MdPlanes *p = &overlay->planes;
    for (unsigned y = 0; y < p->height; y += 2)
        for (unsigned x = 0; x < p->width; x += 2) {
            int sum_u = 0, sum_v = 0, weight = 0;
            for (unsigned i = 0; i < 4; i++) {
                unsigned px = x + (i & 1), py = y + (i >> 1);
                uint32_t pixel;
                memcpy(&pixel, argb + (size_t)py * stride + (size_t)px * 4, 4);
                int a = (int)(pixel >> 24), r = pixel >> 16 & 255, g = pixel >> 8 & 255, b = pixel & 255;
                if (a)
                    r = r * 255 / a, g = g * 255 / a, b = b * 255 / a;
                overlay->alpha[(size_t)py * p->width + px] = (uint8_t)a;
                p->y[(size_t)py * p->stride_y + px] = clip(16 + (66 * r + 129 * g + 25 * b + 128) / 256);
                sum_u += a * (-38 * r - 74 * g + 112 * b);
                sum_v += a * (112 * r - 94 * g - 18 * b);
                weight += a;
            }
            p->u[(size_t)(y / 2) * p->stride_u + x / 2] = weight ? clip(128 + sum_u / weight / 256) : 128;
            p->v[(size_t)(y / 2) * p->stride_v + x / 2] = weight ? clip(128 + sum_v / weight / 256) : 128;
        }
}

static MdOverlay *render(MdLabeler *labeler, const MdLabelSpec *spec, const char *text)
{
    size_t pixels = (size_t)spec->width * spec->height;
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, spec->width, spec->height);
    MdOverlay *overlay = malloc(sizeof(*overlay) + pixels * 5 / 2);
    if (overlay && cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS) {
        atomic_init(&overlay->refs, 1);
        overlay->planes = md_planes_of(overlay->data, spec->width, spec->height);
        overlay->alpha = overlay->data + pixels * 3 / 2;
        cairo_t *cr = cairo_create(surface);
        if (spec->style == MD_LABEL_STRIP || spec->style == MD_LABEL_BANNER || spec->style == MD_LABEL_SIGN)
            draw_line(labeler, cr, spec, text);
        else
            draw_notice(labeler, cr, spec, text);
        cairo_destroy(cr);
        cairo_surface_flush(surface);
        convert(cairo_image_surface_get_data(surface), cairo_image_surface_get_stride(surface), overlay);
    } else {
        free(overlay);
        overlay = NULL;
    }
    cairo_surface_destroy(surface);
    return overlay;
}

static bool same(const StoredLabel *stored, const MdLabelSpec *spec, const char *text)
{
    return stored->overlay && stored->spec.style == spec->style && stored->spec.width == spec->width &&
           stored->spec.height == spec->height && stored->spec.font_px == spec->font_px &&
           stored->spec.muted == spec->muted && strcmp(stored->text, text) == 0;
}

/* The stored label, or the place of the one unused for longest. */
static StoredLabel *place_for(MdLabeler *labeler, const MdLabelSpec *spec, const char *text)
{
    StoredLabel *oldest = &labeler->store[0];
    for (unsigned i = 0; i < STORE_SIZE; i++) {
        if (same(&labeler->store[i], spec, text))
            return &labeler->store[i];
        if (labeler->store[i].used < oldest->used)
            oldest = &labeler->store[i];
    }
    md_overlay_unref(oldest->overlay);
    oldest->overlay = NULL;
    return oldest;
}

MdOverlay *md_labeler_get(MdLabeler *labeler, const MdLabelSpec *spec)
{
    if (!spec->width || !spec->height || (spec->width | spec->height) & 1 || spec->width > SIDE_MAX ||
        spec->height > SIDE_MAX || spec->font_px < 4 || spec->font_px > 200 ||
        spec->style >= MD_LABEL_STYLE_MAX)
        return NULL;
    char text[MD_LABEL_TEXT_MAX];
    md_label_copy_text(text, sizeof(text), spec->text);
    pthread_mutex_lock(&labeler->lock);
    StoredLabel *stored = place_for(labeler, spec, text);
    if (!stored->overlay && (stored->overlay = render(labeler, spec, text))) {
        stored->spec = *spec;
        stored->spec.text = NULL;
        memcpy(stored->text, text, sizeof(text));
    }
    stored->used = ++labeler->uses;
    MdOverlay *overlay = stored->overlay ? md_overlay_ref(stored->overlay) : NULL;
    pthread_mutex_unlock(&labeler->lock);
    return overlay;
}
