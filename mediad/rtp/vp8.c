/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/rtp/vp8.h"

#include <errno.h>

#include "mediad/rtp/packet.h"

int md_vp8_parse_descriptor(const uint8_t *payload, size_t len, MdVp8Descriptor *ret)
{
    if (len < 2)
        return -EBADMSG;
    MdVp8Descriptor d = {
        .non_reference = payload[0] & 0x20,
        .partition = payload[0] & 0x07,
        .picture_id = -1,
        .tl0_pic_idx = -1,
        .tid = -1,
    };
    d.start = (payload[0] & 0x10) && d.partition == 0;
    size_t pos = 1;
    if (payload[0] & 0x80) {
        uint8_t x = payload[pos++];
        if (x & 0x80) {
            if (pos >= len)
                return -EBADMSG;
            if (payload[pos] & 0x80) {
                if (pos + 1 >= len)
                    return -EBADMSG;
                d.picture_id = md_get16(payload + pos) & 0x7fff;
                pos += 2;
            } else {
                d.picture_id = payload[pos++];
            }
        }
        if (x & 0x40) {
            if (pos >= len)
                return -EBADMSG;
            d.tl0_pic_idx = payload[pos++];
        }
        if (x & 0x30) { /* T or K: one byte for both */
            if (pos >= len)
                return -EBADMSG;
            if (x & 0x20)
                d.tid = (int8_t)(payload[pos] >> 6);
            pos++;
        }
    }
    if (pos >= len)
        return -EBADMSG;
    d.len = (uint8_t)pos;
    *ret = d;
    return 0;
}

size_t md_vp8_write_descriptor(uint8_t out[4], bool start, int32_t picture_id)
{
    out[0] = start ? 0x10 : 0;
    if (picture_id < 0)
        return 1;
    out[0] |= 0x80;
    out[1] = 0x80;
    md_put16(out + 2, (uint16_t)(0x8000 | (picture_id & 0x7fff)));
    return 4;
}

bool md_vp8_inspect(const uint8_t *frame, size_t len, bool *ret_key, uint16_t *ret_width,
                    uint16_t *ret_height)
{
    if (len < 3)
        return false;
    bool key = !(frame[0] & 1);
    uint16_t width = 0, height = 0;
    if (key) {
        if (len < 10 || frame[3] != 0x9d || frame[4] != 0x01 || frame[5] != 0x2a)
            return false;
        width = (uint16_t)((frame[6] | frame[7] << 8) & 0x3fff);
        height = (uint16_t)((frame[8] | frame[9] << 8) & 0x3fff);
    }
    *ret_key = key;
    *ret_width = width;
    *ret_height = height;
    return true;
}
