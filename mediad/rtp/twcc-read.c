/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>

#include "mediad/rtp/packet.h"
#include "mediad/rtp/twcc.h"

#define FCI_HEADER_LEN 8
#define DELTA_US 250
#define REFERENCE_US 64000

enum { NOT_RECEIVED, SMALL_DELTA, LARGE_DELTA, RESERVED };

static unsigned chunk_len(uint16_t chunk)
{
    return !(chunk & 0x8000) ? chunk & 0x1fff : chunk & 0x4000 ? 7 : 14;
}

static unsigned symbol_at(uint16_t chunk, unsigned i)
{
    if (!(chunk & 0x8000))
        return chunk >> 13 & 3;
    return chunk & 0x4000 ? chunk >> 2 * (6 - i) & 3 : chunk >> (13 - i) & 1;
}

int md_twcc_reader_init(MdTwccReader *reader, const uint8_t *fci, size_t len)
{
    if (len < FCI_HEADER_LEN)
        return -EBADMSG;
    unsigned count = md_get16(fci + 2), told = 0;
    size_t at = FCI_HEADER_LEN, deltas = 0;
    if (count > MD_TWCC_STATUSES_MAX)
        return -EBADMSG;
    while (told < count) {
        if (len - at < 2)
            return -EBADMSG;
        uint16_t chunk = md_get16(fci + at);
        unsigned n = chunk_len(chunk);
        if (n == 0)
            return -EBADMSG;
        for (unsigned i = 0; i < n && told < count; i++, told++) {
            unsigned symbol = symbol_at(chunk, i);
            if (symbol == RESERVED)
                return -EBADMSG;
            deltas += symbol; /* a small one takes a byte, a large one two */
        }
        at += 2;
    }
    if (len - at < deltas)
        return -EBADMSG;
    int64_t reference = (int64_t)(md_get32(fci + 4) >> 8) * REFERENCE_US;
    *reader = (MdTwccReader){.seq = md_get16(fci),
                             .count = fci[7],
                             .left = count,
                             .reference_us = reference,
                             .at_us = reference,
                             .chunk = fci + FCI_HEADER_LEN,
                             .delta = fci + at};
    return 0;
}

bool md_twcc_reader_next(MdTwccReader *reader, MdTwccStatus *ret)
{
    if (reader->left == 0)
        return false;
    uint16_t chunk = md_get16(reader->chunk);
    unsigned symbol = symbol_at(chunk, reader->in_chunk);
    if (symbol == SMALL_DELTA) {
        reader->at_us += *reader->delta * DELTA_US;
    } else if (symbol == LARGE_DELTA) {
        reader->at_us += (int16_t)md_get16(reader->delta) * DELTA_US;
    }
    reader->delta += symbol;
    *ret = (MdTwccStatus){.seq = reader->seq++, .received = symbol != NOT_RECEIVED, .arrival_us = reader->at_us};
    reader->left--;
    if (++reader->in_chunk == chunk_len(chunk)) {
        reader->in_chunk = 0;
        reader->chunk += 2;
    }
    return true;
}
