/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/core/frame.h"
#include <stdatomic.h>
#include <stdlib.h>

MdFrame *md_frame_new(MdVideoCodec codec, size_t cap)
{
    if (cap == 0 || cap > MD_FRAME_MAX)
        return NULL;
    MdFrame *frame = malloc(sizeof *frame + cap);
    if (!frame)
        return NULL;
    *frame = (MdFrame){.codec = codec, .cap = cap};
    atomic_init(&frame->refs, 1);
    return frame;
}

MdFrame *md_frame_ref(MdFrame *frame)
{
    atomic_fetch_add_explicit(&frame->refs, 1, memory_order_relaxed);
    return frame;
}

void md_frame_unref(MdFrame *frame)
{
    if (frame && atomic_fetch_sub_explicit(&frame->refs, 1, memory_order_acq_rel) == 1)
        free(frame);
}
