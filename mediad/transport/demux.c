/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/transport/demux.h"

bool md_stun_is_valid(const uint8_t *data, size_t len)
{
    if (len < 20 || data[0] > 3)
        return false;
    size_t body = (size_t)data[2] << 8 | data[3];
    return body % 4 == 0 && body + 20 == len && data[4] == 0x21 && data[5] == 0x12 && data[6] == 0xa4 &&
           data[7] == 0x42;
}

bool md_dtls_is_client_hello(const uint8_t *data, size_t len)
{
    /* record header 13 bytes: type, version, epoch, sequence, length; then handshake header 12 bytes */
    if (len < 25 || data[0] != 22 || data[1] != 0xfe || data[13] != 1)
        return false;
    return data[3] == 0 && data[4] == 0; /* epoch 0: a fresh handshake */
}

MdPacketKind md_demux(const uint8_t *data, size_t len)
{
    if (len < 1)
        return MD_PACKET_INVALID;
    uint8_t first = data[0];
    if (first <= 3)
        return md_stun_is_valid(data, len) ? MD_PACKET_STUN : MD_PACKET_INVALID;
    if (first >= 20 && first <= 63)
        return len >= 13 ? MD_PACKET_DTLS : MD_PACKET_INVALID;
    if (first < 128 || first > 191)
        return MD_PACKET_INVALID;
    /* RTCP packet types 192..223 would be payload types 64..95 with the marker bit: nobody may use those (RFC
     * 5761, 4). */
    if (len >= 8 && data[1] >= 192 && data[1] <= 223)
        return MD_PACKET_RTCP;
    return len >= 12 ? MD_PACKET_RTP : MD_PACKET_INVALID;
}

const char *md_packet_kind_to_string(MdPacketKind kind)
{
    static const char *const names[] = {"invalid", "stun", "dtls", "rtp", "rtcp"};
    return (unsigned)kind < sizeof names / sizeof names[0] ? names[kind] : NULL;
}
