/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "mediad/rtp/nack.h"

#define AGE_MAX_US 3000000

typedef struct Sent {
    MdPacketList *list; /* NULL: unused */
    int64_t sent_us, again_us;
    uint32_t wire_ts;
    unsigned i;
    uint16_t seq;
    bool again;
} Sent;

struct MdRtxCache {
    unsigned mask;
    Sent sent[];
};

MdRtxCache *md_rtx_cache_new(unsigned packets)
{
    if (packets == 0)
        packets = 512;
    if (packets > 32768 || (packets & (packets - 1)) != 0)
        return NULL;
    MdRtxCache *cache = calloc(1, sizeof(*cache) + packets * sizeof(cache->sent[0]));
    if (cache)
        cache->mask = packets - 1;
    return cache;
}

void md_rtx_cache_free(MdRtxCache *cache)
{
    if (!cache)
        return;
    for (unsigned i = 0; i <= cache->mask; i++)
        md_packet_list_unref(cache->sent[i].list);
    free(cache);
}

void md_rtx_cache_add(MdRtxCache *cache, uint16_t seq, uint32_t wire_ts, MdPacketList *list, unsigned i,
                      int64_t now_us)
{
    Sent *sent = &cache->sent[seq & cache->mask];
    if (sent->list != list) {
        md_packet_list_unref(sent->list);
        sent->list = md_packet_list_ref(list);
    }
    sent->seq = seq;
    sent->wire_ts = wire_ts;
    sent->i = i;
    sent->sent_us = now_us;
    sent->again = false;
}

bool md_rtx_cache_get(MdRtxCache *cache, uint16_t seq, int64_t now_us, int64_t min_interval_us,
                      MdRtxEntry *ret)
{
    Sent *sent = &cache->sent[seq & cache->mask];
    if (!sent->list || sent->seq != seq || now_us - sent->sent_us > AGE_MAX_US)
        return false;
    if (sent->again && now_us - sent->again_us < min_interval_us)
        return false;
    sent->again = true;
    sent->again_us = now_us;
    *ret = (MdRtxEntry){.seq = seq, .wire_ts = sent->wire_ts, .list = sent->list, .i = sent->i};
    return true;
}

int md_rtx_unwrap(MdRtpPacket *packet, uint32_t original_ssrc, uint8_t original_payload_type)
{
    if (packet->payload_len < MD_RTX_OSN_LEN)
        return -EBADMSG;
    packet->seq = md_get16(packet->payload);
    packet->ssrc = original_ssrc;
    packet->payload_type = original_payload_type;
    packet->payload += MD_RTX_OSN_LEN;
    packet->payload_len -= MD_RTX_OSN_LEN;
    return 0;
}
