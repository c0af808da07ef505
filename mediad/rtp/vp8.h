/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* VP8 payload descriptor (RFC 7741 4.2). Pure. */
typedef struct MdVp8Descriptor {
    bool non_reference; /* N */
    bool start;         /* S and PID 0: first bytes of the frame */
    uint8_t partition;
    int32_t picture_id;  /* -1: absent; 7 or 15 bits */
    int16_t tl0_pic_idx; /* -1: absent */
    int8_t tid;          /* -1: absent */
    uint8_t len;         /* bytes of the descriptor */
} MdVp8Descriptor;
/* 0, or -EBADMSG (runs past the end, or no payload behind it). */
int md_vp8_parse_descriptor(const uint8_t *payload, size_t len, MdVp8Descriptor *ret);
/* A descriptor of ours: picture_id < 0: none, else 15 bits are written. Returns its length (1 or 4). */
size_t md_vp8_write_descriptor(uint8_t out[4], bool start, int32_t picture_id);
/* A whole frame's first bytes: key frame? and its size (0 unless key). False: too short or broken start code.
 */
bool md_vp8_inspect(const uint8_t *frame, size_t len, bool *ret_key, uint16_t *ret_width,
                    uint16_t *ret_height);
