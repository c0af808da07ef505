/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "mediad/video/pattern.h"

/* Text and signs drawn into pictures. Rendered by Pango and Cairo once per distinct label and kept; blending
 * is plain pixel work. The only place of the room where GObject is underneath. */

/* A counted, immutable rectangle of colour and opacity, even sides. */
typedef struct MdOverlay {
    _Atomic int refs;
    MdPlanes planes;
    uint8_t *alpha; /* width x height, 0 clear, 255 solid */
    uint8_t data[];
} MdOverlay;
MdOverlay *md_overlay_ref(MdOverlay *overlay);
void md_overlay_unref(MdOverlay *overlay); /* NULL is fine */
/* Blends the overlay, lying at (x, y) even, onto the part of the picture that clip covers. NULL overlay:
 * nothing. */
void md_overlay_blend(const MdOverlay *overlay, unsigned x, unsigned y, const MdPlanes *to,
                      const MdRect *clip);

typedef enum MdLabelStyle {
    MD_LABEL_STRIP,  /* dark translucent strip, text at the left, cut with an ellipsis; the muted sign before
                        it */
    MD_LABEL_NOTICE, /* no ground, text centred, on several lines if needed */
    MD_LABEL_VOICE,  /* as NOTICE with a microphone above */
    MD_LABEL_BANNER, /* dark translucent strip, text centred */
    MD_LABEL_SIGN,   /* red strip, text centred */
    MD_LABEL_STYLE_MAX,
} MdLabelStyle;

#define MD_LABEL_TEXT_MAX 512 /* bytes with the final zero; longer text is cut between characters */

typedef struct MdLabelSpec {
    MdLabelStyle style;
    const char *text;       /* UTF-8; bytes that are not are shown as boxes */
    uint16_t width, height; /* even, of the whole overlay, at most 1920 each */
    uint8_t font_px;        /* size of an em, 4 to 200 */
    bool muted;
} MdLabelSpec;

typedef struct MdLabeler MdLabeler;
/* font: Pango description without size, NULL: "Noto Sans". NULL: no memory. */
MdLabeler *md_labeler_new(const char *font);
void md_labeler_free(MdLabeler *labeler);
/* A new reference, from the store of rendered labels where possible. NULL: bad size or no memory. Any thread
 * (takes a lock). */
MdOverlay *md_labeler_get(MdLabeler *labeler, const MdLabelSpec *spec);

/* Copies UTF-8 cut between characters so that it fits. */
void md_label_copy_text(char *to, size_t size, const char *text);
