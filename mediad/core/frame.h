/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "mediad/core/media.h"

/* One encoded picture (an access unit): H.264 as Annex B with start codes, VP8 as one frame.
 * Counted, immutable once shared; may cross threads. Made off the audio tick (malloc inside). */
typedef struct MdFrame MdFrame;
struct MdFrame {
    _Atomic int refs;
    MdVideoCodec codec;
    bool key;          /* decodable without earlier frames (IDR with SPS/PPS, VP8 key frame) */
    bool damaged;      /* packets were missing inside */
    uint32_t rtp_ts;   /* 90 kHz, as received or to be sent */
    int64_t time_us;   /* monotonic: capture (ours) or arrival of the first packet (received) */
    size_t len;
    size_t cap;
    uint8_t data[];
};

/* Returns a frame with refs 1, len 0, or NULL (cap 0 or above MD_FRAME_MAX, or no memory). */
#define MD_FRAME_MAX (4u * 1024 * 1024)
MdFrame *md_frame_new(MdVideoCodec codec, size_t cap);
MdFrame *md_frame_ref(MdFrame *frame);
void md_frame_unref(MdFrame *frame); /* NULL is fine */
