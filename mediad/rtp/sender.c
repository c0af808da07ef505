/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/rtp/sender.h"

#include <string.h>

void md_sender_init(MdSender *sender, uint32_t ssrc, uint16_t first_seq, uint32_t ts_offset,
                    uint8_t payload_type, uint32_t clock_rate)
{
    memset(sender, 0, sizeof(*sender));
    sender->ssrc = ssrc;
    sender->clock_rate = clock_rate;
    sender->payload_type = payload_type;
    sender->seq = first_seq;
    sender->ts_offset = ts_offset;
}

size_t md_sender_write_header(MdSender *sender, uint8_t buf[MD_RTP_HEADER_LEN], bool marker,
                              uint32_t media_ts, size_t payload_len, int64_t now_us)
{
    uint32_t ts = media_ts + sender->ts_offset;
    size_t len = md_rtp_write_header(buf, sender->payload_type, marker, sender->seq, ts, sender->ssrc);
    sender->seq++;
    sender->last_ts = ts;
    sender->last_us = now_us;
    sender->packets++;
    sender->octets += (uint32_t)payload_len;
    return len;
}

bool md_sender_info(const MdSender *sender, int64_t now_us, int64_t wall_us, MdRtcpSenderInfo *ret)
{
    if (sender->packets == 0)
        return false;
    int64_t run_on = (int64_t)((__int128)(now_us - sender->last_us) * sender->clock_rate / 1000000);
    *ret = (MdRtcpSenderInfo){
        .ntp = md_ntp_from_wall_us(wall_us),
        .rtp_ts = sender->last_ts + (uint32_t)run_on,
        .packets = sender->packets,
        .octets = sender->octets,
    };
    return true;
}
