/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/core/frame.h"

/* One coded picture cut into RTP payloads. Each payload is a few bytes of its own and a slice of the frame's
 * data, so that all receivers (and their retransmission caches) share one packetisation and no byte is copied
 * before the send buffer. Counted, immutable. */
#define MD_SLICE_PREFIX_MAX 8
typedef struct MdPayloadSlice {
    uint32_t offset, len;                /* of frame->data */
    uint8_t prefix[MD_SLICE_PREFIX_MAX]; /* payload descriptor, FU header … */
    uint8_t prefix_len;
    bool marker; /* last of the picture */
} MdPayloadSlice;

typedef struct MdPacketList {
    _Atomic int refs;
    MdFrame *frame; /* referenced */
    uint8_t mode;   /* H.264 packetization-mode */
    uint16_t max_payload;
    unsigned n;
    MdPayloadSlice slices[];
} MdPacketList;

/* mode: H.264 packetization-mode 0 or 1 (RFC 6184 6.2, 6.3); ignored for VP8. max_payload: 64..1460 bytes.
 * Refs 1, or NULL with errno: EMSGSIZE (mode 0 and a NAL unit longer than max_payload), EBADMSG (no start
 * code, empty), EINVAL, ENOMEM. */
MdPacketList *md_packetise(MdFrame *frame, uint8_t mode, uint16_t max_payload);
MdPacketList *md_packet_list_ref(MdPacketList *list);
void md_packet_list_unref(MdPacketList *list); /* NULL is fine */
static inline size_t md_slice_len(const MdPayloadSlice *slice)
{
    return (size_t)slice->prefix_len + slice->len;
}
/* Copies payload i to out (at least md_slice_len). Returns its length. */
size_t md_packet_list_copy(const MdPacketList *list, unsigned i, uint8_t *out);

/* Remembers the last few packetisations so that the legs of one worker share them. Owner thread only. */
#define MD_PACKETISER_SLOTS 8
typedef struct MdPacketiser {
    MdPacketList *slots[MD_PACKETISER_SLOTS];
    unsigned next;
} MdPacketiser;
void md_packetiser_init(MdPacketiser *packetiser);
void md_packetiser_clear(MdPacketiser *packetiser);
/* As md_packetise, but finds an existing one. Borrowed: valid until MD_PACKETISER_SLOTS further misses; ref
 * to keep. */
MdPacketList *md_packetiser_get(MdPacketiser *packetiser, MdFrame *frame, uint8_t mode, uint16_t max_payload);
