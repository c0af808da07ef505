/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/rtp/packet.h"

#include <errno.h>

int md_rtp_parse(const uint8_t *data, size_t len, MdRtpPacket *ret)
{
    if (len < MD_RTP_HEADER_LEN || data[0] >> 6 != 2)
        return -EBADMSG;
    MdRtpPacket packet = {
        .payload_type = data[1] & 0x7f,
        .marker = data[1] >> 7,
        .seq = md_get16(data + 2),
        .ts = md_get32(data + 4),
        .ssrc = md_get32(data + 8),
        .n_csrc = data[0] & 0x0f,
        .csrc = data + MD_RTP_HEADER_LEN,
        .has_ext = data[0] & 0x10,
    };
    size_t pos = MD_RTP_HEADER_LEN + 4u * packet.n_csrc;
    if (pos > len)
        return -EBADMSG;
    if (packet.has_ext) {
        if (len - pos < 4)
            return -EBADMSG;
        packet.ext_profile = md_get16(data + pos);
        size_t ext_len = 4u * md_get16(data + pos + 2);
        pos += 4;
        if (ext_len > len - pos || ext_len > UINT16_MAX)
            return -EBADMSG;
        packet.ext = data + pos;
        packet.ext_len = (uint16_t)ext_len;
        pos += ext_len;
    }
    size_t padding = 0;
    if (data[0] & 0x20) {
        if (pos == len)
            return -EBADMSG;
        padding = data[len - 1];
        if (padding == 0 || padding > len - pos)
            return -EBADMSG;
    }
    packet.payload = data + pos;
    packet.payload_len = len - pos - padding;
    packet.padding_len = (uint8_t)padding;
    *ret = packet;
    return 0;
}

uint32_t md_rtp_csrc(const MdRtpPacket *packet, unsigned i)
{
    return md_get32(packet->csrc + 4u * i);
}

bool md_rtp_find_ext(const MdRtpPacket *packet, uint8_t id, const uint8_t **ret_data, size_t *ret_len)
{
    bool one_byte = packet->ext_profile == 0xbede;
    if (!packet->has_ext || id == 0 || (!one_byte && packet->ext_profile >> 4 != 0x100))
        return false;
    const uint8_t *p = packet->ext, *end = p + packet->ext_len;
    while (p < end) {
        if (*p == 0) { /* padding */
            p++;
            continue;
        }
        uint8_t found;
        size_t len;
        if (one_byte) {
            found = *p >> 4;
            len = (*p & 0x0fu) + 1u;
            p++;
            if (found == 15) /* RFC 8285 4.2: stop */
                return false;
        } else {
            if (end - p < 2)
                return false;
            found = p[0];
            len = p[1];
            p += 2;
        }
        if (len > (size_t)(end - p))
            return false;
        if (found == id) {
            *ret_data = p;
            *ret_len = len;
            return true;
        }
        p += len;
    }
    return false;
}

size_t md_rtp_write_header(uint8_t buf[MD_RTP_HEADER_LEN], uint8_t payload_type, bool marker, uint16_t seq,
                           uint32_t ts, uint32_t ssrc)
{
    buf[0] = 0x80;
    buf[1] = (uint8_t)((marker ? 0x80 : 0) | (payload_type & 0x7f));
    md_put16(buf + 2, seq);
    md_put32(buf + 4, ts);
    md_put32(buf + 8, ssrc);
    return MD_RTP_HEADER_LEN;
}
