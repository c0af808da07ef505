/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/core/frame.h"
#include "mediad/rtp/packet.h"

/* RTP payloads in order -> MdFrames (H.264 RFC 6184: single NAL, STAP-A, FU-A; VP8 RFC 7741). H.264 key
 * frames always leave here with SPS and PPS in front (cached ones are added). Owner thread only. */
typedef struct MdDepacketiser MdDepacketiser;

typedef struct MdDepacketiserStats {
    uint64_t frames, frames_damaged, malformed, oversized;
} MdDepacketiserStats;

MdDepacketiser *md_depacketiser_new(MdVideoCodec codec); /* NULL: no such codec, no memory */
void md_depacketiser_free(MdDepacketiser *depacketiser);
void md_depacketiser_reset(
    MdDepacketiser *depacketiser); /* new SSRC: drops the picture in work and cached parameter sets */
/* H.264 SPS/PPS from the session description (sprop-parameter-sets, decoded from base64), one NAL unit
 * without start code. 0 or -EBADMSG. */
int md_depacketiser_add_parameter_set(MdDepacketiser *depacketiser, const uint8_t *nal, size_t len);
/* Packets in sequence order (md_reorder_next). lost: how many are missing just before this one. arrival_us
 * becomes the frame's time. 0, -EBADMSG (payload malformed; the picture is marked damaged), -EMSGSIZE
 * (picture above MD_FRAME_MAX; dropped). */
int md_depacketiser_push(MdDepacketiser *depacketiser, const MdRtpPacket *packet, unsigned lost,
                         int64_t arrival_us);
/* Complete pictures after a push, oldest first; the caller owns the reference. NULL: none. Up to 2 per push;
 * those not taken are dropped. */
MdFrame *md_depacketiser_take(MdDepacketiser *depacketiser);
void md_depacketiser_stats(const MdDepacketiser *depacketiser, MdDepacketiserStats *ret);

/* Drop until key: after a loss nothing but a key frame helps a decoder. */
typedef struct MdKeyGate {
    bool open; /* false: waiting for a key frame */
} MdKeyGate;
static inline void md_key_gate_init(MdKeyGate *gate)
{
    gate->open = false;
}
static inline void md_key_gate_close(MdKeyGate *gate)
{
    gate->open = false;
}
/* True: pass the frame on. False: drop it and ask for a key frame. */
static inline bool md_key_gate_pass(MdKeyGate *gate, const MdFrame *frame)
{
    if (frame->damaged)
        gate->open = false;
    else if (frame->key)
        gate->open = true;
    return gate->open;
}
