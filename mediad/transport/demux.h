/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a datagram on a media port is: by its first byte (RFC 7983, 7), RTP and RTCP told apart by the payload type
 * (RFC 5761, 4). Pure. */
typedef enum MdPacketKind {
    MD_PACKET_INVALID,  /* too short or none of the below */
    MD_PACKET_STUN,
    MD_PACKET_DTLS,
    MD_PACKET_RTP,
    MD_PACKET_RTCP,
} MdPacketKind;

MdPacketKind md_demux(const uint8_t *data, size_t len);
const char *md_packet_kind_to_string(MdPacketKind kind);
/* A complete STUN header (RFC 8489, 5): magic cookie, length that fits. */
bool md_stun_is_valid(const uint8_t *data, size_t len);
/* A DTLS record that begins a handshake with ClientHello (RFC 6347, 4.1, 4.2.1). */
bool md_dtls_is_client_hello(const uint8_t *data, size_t len);
