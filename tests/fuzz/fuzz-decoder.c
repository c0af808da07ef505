/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include "mediad/video/canvas.h"
#include "mediad/video/decoder.h"
#include "tests/fuzz/fuzz.h"

enum { FRAMES_MAX = 12 };

/* Pictures must lie within the limits and every sample of them must be readable: each is drawn into a tile.
 */
static void show(MdCanvas *canvas, const MdPicture *picture, unsigned serial)
{
    const MdPlanes *p = &picture->planes;
    if (!p->width || !p->height || (p->width | p->height) & 1 || p->width > MD_PICTURE_SIDE_MAX ||
        p->height > MD_PICTURE_SIDE_MAX || p->width * p->height > MD_PICTURE_PIXELS_MAX)
        abort();
    MdTile tile = {.kind = MD_TILE_PICTURE, .source = 1, .serial = serial, .picture = picture};
    md_canvas_draw(canvas, 0, &tile);
}

/* First byte: codec. Then frames: length (2 bytes, little end first), flags (1 key, 2 damaged), data. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    MdVideoCodec codec = data[0] & 1 ? MD_VIDEO_VP8 : MD_VIDEO_H264;
    MdDecoder *decoder = md_decoder_new(codec);
    MdCanvas *canvas = md_canvas_new(160, 90, NULL);
    if (!decoder || !canvas)
        abort();
    size_t at = 1;
    for (unsigned i = 0; i < FRAMES_MAX && at + 3 < size; i++) {
        size_t len = data[at] | (size_t)data[at + 1] << 8, left = size - at - 3;
        uint8_t flags = data[at + 2];
        len = len > left ? left : len;
        MdFrame *frame = md_frame_new(codec, len ? len : 1);
        if (!frame)
            abort();
        memcpy(frame->data, data + at + 3, len);
        frame->len = len;
        frame->key = flags & 1;
        frame->damaged = flags & 2;
        MdPicture *picture = NULL;
        int r = md_decoder_decode(decoder, frame, (int64_t)i * 600000, &picture);
        if (picture && r == 0)
            show(canvas, picture, i + 1);
        else if (picture)
            abort(); /* a refusal gives no picture */
        md_picture_unref(picture);
        md_frame_unref(frame);
        at += 3 + len;
    }
    md_canvas_free(canvas);
    md_decoder_free(decoder);
    return 0;
}
