/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/core/frame.h"
#include "mediad/video/picture.h"

/* One encode (libavcodec: libx264 constrained baseline, libvpx VP8 realtime; one thread, no delay, no
 * B-frames). One thread at a time, any thread. Rate control counts frames, so a skipped frame only lowers the
 * rate. */
typedef struct MdEncoder MdEncoder;

#define MD_ENCODER_BITRATE_MIN 32000
#define MD_ENCODER_BITRATE_MAX 20000000

typedef struct MdEncoderOptions {
    MdVideoCodec codec;
    uint16_t width, height; /* even, 64x48 to 1920x1088 */
    uint8_t fps;            /* 1 to 60 */
    uint32_t bitrate_bps;   /* MIN to MAX above; at most that and half a second's worth in one burst */
    uint16_t max_payload;   /* > 0: H.264 slices at most this long (packetization-mode 0), 200 to 65535 */
} MdEncoderOptions;

bool md_encoder_options_valid(const MdEncoderOptions *options);
/* 0, -EINVAL (out of range), -ENOTSUP (no such encoder), -ENOMEM. */
int md_encoder_new(const MdEncoderOptions *options, MdEncoder **ret);
void md_encoder_free(MdEncoder *encoder); /* NULL is fine */

/* Encodes the picture (of exactly the size asked for). key: this one must be decodable alone (IDR with SPS
 * and PPS, VP8 key frame). *ret_frame: a new frame, its time_us and rtp_ts are the caller's to set; NULL when
 * the encoder dropped it. 0, -EINVAL (wrong size), -EIO (the encoder failed), -ENOMEM. */
int md_encoder_encode(MdEncoder *encoder, const MdPlanes *picture, bool key, MdFrame **ret_frame);

/* From the next frame on (VP8: which then is a key frame). 0, -EINVAL, or as md_encoder_new: then only free
 * is allowed. */
int md_encoder_set_bitrate(MdEncoder *encoder, uint32_t bitrate_bps);
