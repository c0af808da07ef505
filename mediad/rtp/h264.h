/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* H.264 byte streams (Annex B) and NAL units: what packetising and key detection need to know. Pure. */
enum {
    MD_NAL_SLICE = 1,
    MD_NAL_IDR = 5,
    MD_NAL_SEI = 6,
    MD_NAL_SPS = 7,
    MD_NAL_PPS = 8,
    MD_NAL_AUD = 9,
    MD_NAL_STAP_A = 24,
    MD_NAL_FU_A = 28
};

typedef struct MdNal {
    const uint8_t *data; /* header byte first, no start code */
    size_t len;          /* > 0; trailing zeros taken off */
} MdNal;
static inline uint8_t md_nal_type(const MdNal *nal)
{
    return nal->data[0] & 0x1f;
}
/* Next NAL unit at or after *pos in an Annex B stream. False: none left. */
bool md_h264_next_nal(const uint8_t *data, size_t len, size_t *pos, MdNal *ret);
/* What an Annex B access unit holds. */
typedef struct MdH264Info {
    bool sps, pps, idr, slices, intra; /* intra: its first slice is an I slice */
} MdH264Info;
void md_h264_inspect(const uint8_t *data, size_t len, MdH264Info *ret);
/* A slice NAL's type 0..9 (2, 7 = I), -EBADMSG. */
int md_h264_slice_type(const MdNal *nal);
/* seq_parameter_set_id / pic_parameter_set_id of an SPS or PPS NAL, or -EBADMSG. */
int md_h264_parameter_set_id(const MdNal *nal);
