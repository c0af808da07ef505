/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/rtp/red.h"

#include <errno.h>
#include <string.h>

#include "mediad/rtp/packet.h"

#define HEADER_LEN 4      /* of a block that is not the last */
#define LAST_HEADER_LEN 1

int md_red_parse(const uint8_t *payload, size_t len, MdRedBlock ret[MD_RED_BLOCKS_MAX])
{
    size_t at = 0, bodies = 0;
    unsigned n = 0;
    while (at < len && payload[at] & 0x80) {
        if (len - at < HEADER_LEN || n == MD_RED_BLOCKS_MAX - 1)
            return -EBADMSG;
        uint32_t word = md_get32(payload + at);
        ret[n++] = (MdRedBlock){.payload_type = word >> 24 & 0x7f, .ts_back = word >> 10 & 0x3fff, .len = word & 0x3ff};
        bodies += word & 0x3ff;
        at += HEADER_LEN;
    }
    if (at == len || len - at - LAST_HEADER_LEN < bodies)
        return -EBADMSG;
    uint8_t last = payload[at];
    at += LAST_HEADER_LEN;
    for (unsigned i = 0; i < n; i++) {
        ret[i].data = payload + at;
        at += ret[i].len;
    }
    ret[n++] = (MdRedBlock){.payload_type = last, .data = payload + at, .len = len - at};
    return (int)n;
}

void md_red_sender_reset(MdRedSender *sender)
{
    sender->n = 0;
}

void md_red_sender_add(MdRedSender *sender, uint32_t ts, const uint8_t *frame, size_t len)
{
    if (len > MD_RED_BLOCK_LEN_MAX) { /* what came before it is not next to what comes after it either */
        sender->n = 0;
        return;
    }
    if (sender->n == MD_RED_COPIES_MAX) {
        memmove(&sender->frames[0], &sender->frames[1], (MD_RED_COPIES_MAX - 1) * sizeof sender->frames[0]);
        sender->n--;
    }
    sender->frames[sender->n].ts = ts;
    sender->frames[sender->n].len = (uint16_t)len;
    memcpy(sender->frames[sender->n++].data, frame, len);
}

size_t md_red_write(const MdRedSender *sender, uint8_t payload_type, uint32_t ts, const uint8_t *frame, size_t len,
                    unsigned copies, uint8_t *ret, size_t cap)
{
    unsigned first = sender->n;
    size_t total = LAST_HEADER_LEN + len, most = cap < MD_RED_PAYLOAD_MAX ? cap : MD_RED_PAYLOAD_MAX, at = 0;
    if (total > cap)
        return 0;
    /* The newest first: a receiver counts numbers back without a gap. */
    while (first > 0 && sender->n - first < copies) {
        size_t more = HEADER_LEN + sender->frames[first - 1].len;
        uint32_t back = ts - sender->frames[first - 1].ts;
        if (back == 0 || back > MD_RED_OFFSET_MAX || total + more > most)
            break;
        total += more;
        first--;
    }
    for (unsigned i = first; i < sender->n; i++, at += HEADER_LEN)
        md_put32(ret + at, 0x80000000u | (uint32_t)payload_type << 24 | (ts - sender->frames[i].ts) << 10 | sender->frames[i].len);
    ret[at++] = payload_type;
    for (unsigned i = first; i < sender->n; at += sender->frames[i++].len)
        memcpy(ret + at, sender->frames[i].data, sender->frames[i].len);
    memcpy(ret + at, frame, len);
    return total;
}
