/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RTP packets (RFC 3550 5.1): a bounds-checked view over received bytes, and header writing. Pure; any
 * thread. */
#define MD_RTP_HEADER_LEN 12
#define MD_RTP_PACKET_MAX 1500 /* largest datagram we build or keep */

typedef struct MdRtpPacket {
    uint8_t payload_type; /* 0..127 */
    bool marker;
    uint16_t seq;
    uint32_t ts;
    uint32_t ssrc;
    uint8_t n_csrc;
    const uint8_t *csrc; /* n_csrc * 4 bytes, network order */
    bool has_ext;
    uint16_t ext_profile; /* 0xBEDE: one-byte, 0x100x: two-byte element headers (RFC 8285) */
    const uint8_t *ext;   /* extension body, NULL without */
    uint16_t ext_len;     /* bytes */
    const uint8_t *payload;
    size_t payload_len; /* padding already taken off; may be 0 */
    uint8_t padding_len;
} MdRtpPacket;

/* Makes *ret a view into data, which must outlive it. 0, or -EBADMSG (not version 2, or lengths that run past
 * the end); *ret is untouched on failure. */
int md_rtp_parse(const uint8_t *data, size_t len, MdRtpPacket *ret);
/* i < n_csrc. */
uint32_t md_rtp_csrc(const MdRtpPacket *packet, unsigned i);
/* Element id (1..14 one-byte form, 1..255 two-byte form) of an RFC 8285 extension. False: absent or
 * malformed. */
bool md_rtp_find_ext(const MdRtpPacket *packet, uint8_t id, const uint8_t **ret_data, size_t *ret_len);

/* Writes the fixed 12-byte header. Returns MD_RTP_HEADER_LEN. */
size_t md_rtp_write_header(uint8_t buf[MD_RTP_HEADER_LEN], uint8_t payload_type, bool marker, uint16_t seq,
                           uint32_t ts, uint32_t ssrc);

/* RFC 5761 4: is a datagram on a shared port RTCP? (second byte 192..223) */
static inline bool md_rtp_is_rtcp(const uint8_t *data, size_t len)
{
    return len >= 2 && data[1] >= 192 && data[1] <= 223;
}

/* a - b on the 16-bit circle: > 0 when a is newer. */
static inline int16_t md_seq_diff(uint16_t a, uint16_t b)
{
    return (int16_t)(uint16_t)(a - b);
}
static inline int32_t md_ts_diff(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

/* Big-endian bytes; no bounds check. */
static inline uint16_t md_get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t md_get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline void md_put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void md_put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}
