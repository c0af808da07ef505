/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/rtp/packet.h"
#include "mediad/rtp/packetise.h"

/* Video loss repair (RFC 4585 generic NACK, RFC 4588). Owner thread only; no allocation after _new. */

/* --- receive side: puts packets back in order, waits for what is missing, says what to ask for --- */
typedef struct MdReorder MdReorder;

typedef struct MdReorderOptions {
    bool nack;              /* the peer retransmits: wait for it. Off: only reordering_us is waited */
    unsigned reordering_ms; /* before a gap is believed, 0: 10 */
    unsigned wait_max_ms;   /* longest a gap may hold up what follows, 0: 250 */
} MdReorderOptions;

typedef struct MdReorderStats {
    uint64_t received, duplicates, late, recovered, lost, nacks, overflows;
} MdReorderStats;

MdReorder *md_reorder_new(const MdReorderOptions *options); /* about 400 KiB */
void md_reorder_free(MdReorder *reorder);
void md_reorder_reset(MdReorder *reorder);
/* Every packet of the stream (retransmissions too). packet's payload is copied only when it has to wait.
 * 0; -EALREADY duplicate; -ETIME given up already; -EMSGSIZE. Then call md_reorder_next until it returns
 * false. */
int md_reorder_put(MdReorder *reorder, const MdRtpPacket *packet, int64_t now_us);
/* Next packet in order. *ret and its payload are valid until the next call. ret_lost: packets missing just
 * before it (given up). */
bool md_reorder_next(MdReorder *reorder, int64_t now_us, MdRtpPacket *ret, unsigned *ret_lost);
/* Sequence numbers to NACK now, ascending; call at least every 10-20 ms. rtt_us: last known, <= 0 unknown
 * (100 ms is taken). Each is asked for again after about a round trip, at most 10 times. */
unsigned md_reorder_nacks(MdReorder *reorder, int64_t now_us, int64_t rtt_us, uint16_t *ret_seqs,
                          unsigned max);
/* True once after something was given up: ask for a key frame. */
bool md_reorder_take_need_key(MdReorder *reorder);
/* When to call md_reorder_next/_nacks even if nothing arrives; INT64_MAX: no gap. */
int64_t md_reorder_due_us(const MdReorder *reorder);
void md_reorder_stats(const MdReorder *reorder, MdReorderStats *ret);

/* --- send side: the last packets sent, by reference to their frames --- */
typedef struct MdRtxCache MdRtxCache;
MdRtxCache *md_rtx_cache_new(unsigned packets /* power of two, 0: 512 */);
void md_rtx_cache_free(MdRtxCache *cache);
/* Remember packet i of list as sent under seq. Holds a reference on the list; the oldest entry is dropped. */
void md_rtx_cache_add(MdRtxCache *cache, uint16_t seq, uint32_t wire_ts, MdPacketList *list, unsigned i,
                      int64_t now_us);
typedef struct MdRtxEntry {
    uint16_t seq;
    uint32_t wire_ts;
    MdPacketList *list; /* borrowed until the next add */
    unsigned i;
} MdRtxEntry;
/* True: send it again (same header fields; libsrtp needs allow_repeat_tx). False: unknown, older than 3 s, or
 * sent less than min_interval_us ago (a NACK crossing its answer). */
bool md_rtx_cache_get(MdRtxCache *cache, uint16_t seq, int64_t now_us, int64_t min_interval_us,
                      MdRtxEntry *ret);

/* RFC 4588: an RTX payload is the original sequence number and the original payload. */
#define MD_RTX_OSN_LEN 2
static inline void md_rtx_write_osn(uint8_t out[MD_RTX_OSN_LEN], uint16_t original_seq)
{
    md_put16(out, original_seq);
}
/* Turns a received RTX packet's view into the original's. 0 or -EBADMSG. */
int md_rtx_unwrap(MdRtpPacket *packet, uint32_t original_ssrc, uint8_t original_payload_type);
