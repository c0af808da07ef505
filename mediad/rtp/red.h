/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Redundant audio (RFC 2198): a packet that brings the frames before it once more, so that one lost is no loss to the ear. Pure; one
 * thread; no allocation. */
#define MD_RED_BLOCKS_MAX 8        /* read of one packet; more is refused */
#define MD_RED_COPIES_MAX 2        /* frames sent once more */
#define MD_RED_BLOCK_LEN_MAX 1023  /* ten bits */
#define MD_RED_OFFSET_MAX 16383    /* fourteen bits of timestamp units */
#define MD_RED_PAYLOAD_MAX 1200    /* of what we write */

typedef struct MdRedBlock {
    uint8_t payload_type;
    uint32_t ts_back;              /* how much earlier than the packet's timestamp, units; 0: the last one, the packet's own */
    const uint8_t *data;           /* of the payload that was read */
    size_t len;                    /* may be 0 */
} MdRedBlock;

/* The blocks in order, the packet's own last. Their number (>= 1), or -EBADMSG. */
int md_red_parse(const uint8_t *payload, size_t len, MdRedBlock ret[MD_RED_BLOCKS_MAX]);

typedef struct MdRedSender {       /* the last frames sent */
    unsigned n;
    struct {
        uint32_t ts;
        uint16_t len;
        uint8_t data[MD_RED_BLOCK_LEN_MAX];
    } frames[MD_RED_COPIES_MAX];   /* oldest first */
} MdRedSender;

void md_red_sender_reset(MdRedSender *sender);
/* Writes a payload of the frame with up to `copies` of those before it; those that are too long, too old or too much are left out.
 * payload_type: of the blocks. Returns its length (len + 1 at least), 0: does not fit in cap. */
size_t md_red_write(const MdRedSender *sender, uint8_t payload_type, uint32_t ts, const uint8_t *frame, size_t len,
                    unsigned copies, uint8_t *ret, size_t cap);
/* The frame was sent, in whatever form: the next ones may repeat it. */
void md_red_sender_add(MdRedSender *sender, uint32_t ts, const uint8_t *frame, size_t len);
