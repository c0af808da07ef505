/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/rtp/h264.h"

#include <errno.h>
#include <string.h>

/* Position of the next 00 00 01 at or after pos, or len. */
static size_t find_start_code(const uint8_t *data, size_t len, size_t pos)
{
    while (pos + 3 <= len) {
        const uint8_t *one = memchr(data + pos + 2, 1, len - pos - 2);
        if (!one)
            return len;
        size_t at = (size_t)(one - data) - 2;
        if (data[at] == 0 && data[at + 1] == 0)
            return at;
        pos = at + 1;
    }
    return len;
}

bool md_h264_next_nal(const uint8_t *data, size_t len, size_t *pos, MdNal *ret)
{
    for (;;) {
        size_t start = find_start_code(data, len, *pos);
        if (start == len) {
            *pos = len;
            return false;
        }
        start += 3;
        size_t end = find_start_code(data, len, start);
        *pos = end;
        while (end > start && data[end - 1] == 0)
            end--;
        if (end > start) {
            *ret = (MdNal){data + start, end - start};
            return true;
        }
    }
}

typedef struct Bits {
    const uint8_t *data;
    size_t len, pos; /* bits */
} Bits;

/* Exp-Golomb ue(v), -1 past the end or above 2^16. Emulation prevention cannot occur in the few bits read
 * here but for large first_mb, which is skipped over right as it cannot hold two zero bytes. */
static int32_t read_ue(Bits *bits)
{
    unsigned zeros = 0;
    while (bits->pos < bits->len && !(bits->data[bits->pos >> 3] >> (7 - (bits->pos & 7)) & 1)) {
        bits->pos++;
        if (++zeros > 16)
            return -1;
    }
    if (bits->pos + zeros + 1 > bits->len)
        return -1;
    uint32_t value = 0;
    for (unsigned i = 0; i <= zeros; i++, bits->pos++)
        value = value << 1 | (bits->data[bits->pos >> 3] >> (7 - (bits->pos & 7)) & 1);
    return (int32_t)value - 1;
}

int md_h264_slice_type(const MdNal *nal)
{
    Bits bits = {nal->data, 8 * nal->len, 8};
    int32_t first_mb = read_ue(&bits);
    int32_t type = first_mb < 0 ? -1 : read_ue(&bits);
    return type < 0 || type > 9 ? -EBADMSG : type;
}

int md_h264_parameter_set_id(const MdNal *nal)
{
    bool sps = md_nal_type(nal) == MD_NAL_SPS;
    Bits bits = {nal->data, 8 * nal->len, sps ? 32 : 8}; /* an SPS has profile, constraints and level first */
    int32_t id = read_ue(&bits);
    return id < 0 || id > (sps ? 31 : 255) ? -EBADMSG : id;
}

void md_h264_inspect(const uint8_t *data, size_t len, MdH264Info *ret)
{
    *ret = (MdH264Info){0};
    size_t pos = 0;
    MdNal nal;
    while (md_h264_next_nal(data, len, &pos, &nal)) {
        uint8_t type = md_nal_type(&nal);
        if (type == MD_NAL_SPS)
            ret->sps = true;
        else if (type == MD_NAL_PPS)
            ret->pps = true;
        else if (type == MD_NAL_IDR || type == MD_NAL_SLICE) {
            if (!ret->slices) {
                int slice = md_h264_slice_type(&nal);
                ret->intra = slice == 2 || slice == 7;
            }
            ret->slices = true;
            ret->idr |= type == MD_NAL_IDR;
        }
    }
}
