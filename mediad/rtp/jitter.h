/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/rtp/packet.h"

/* Adaptive audio jitter buffer. Knows sequence numbers, timestamps and arrival times, no codec. The caller
 * keeps a small FIFO of decoded samples, and every 20 ms while it holds less than a tick pulls and decodes
 * into it:
 *
 *     while (fifo_len < 960) {
 *         md_jitter_pull(jitter, now_us, last_tick_was_quiet, &out);
 *         switch (out.action) {
 *         case MD_JITTER_PACKET:  n = decode(out.payload, out.len); break;          // then drop the last
 * out.trim units of it case MD_JITTER_FEC:     n = decode_fec(out.payload, out.len, out.duration); break; //
 * no FEC codec: as CONCEAL case MD_JITTER_CONCEAL: n = conceal(out.duration); break; case MD_JITTER_SILENCE:
 * n = zeros or comfort noise for out.duration; break;
 *         }
 *     }
 *
 * Whatever the decoder yields, push exactly out.duration - out.trim timestamp units of sound. Packets of any
 * duration work.
 *
 * Delay: a packet is played `delay` after the fastest recent packets would have come. The target is the
 * spread of arrival over the last 4 s, within [min, max]. It grows at once when packets come late (the gap is
 * concealed and the packet still played), and comes back to the minimum within 10 s after the line is good
 * again: in silence for free, else by trimming 20 ms at a time. Owner thread only. */
typedef struct MdJitter MdJitter;

typedef struct MdJitterOptions {
    uint32_t clock_rate;     /* RTP clock, Hz: 8000..192000 */
    unsigned min_ms, max_ms; /* 0: 20, 400. min <= max <= 2000 */
} MdJitterOptions;

typedef enum MdJitterAction {
    MD_JITTER_PACKET,  /* decode this */
    MD_JITTER_FEC,     /* the packet before this one is lost: recover it from this one's in-band FEC. This one
                          follows by the next pull */
    MD_JITTER_CONCEAL, /* lost or late: let the decoder conceal */
    MD_JITTER_SILENCE, /* nothing is being sent (DTX, not begun, long outage) */
} MdJitterAction;

typedef struct MdJitterOut {
    MdJitterAction action;
    const uint8_t *payload; /* PACKET, FEC: valid until the next put, pull or reset */
    size_t len;
    uint8_t payload_type;
    bool marker;
    uint32_t ts;
    uint32_t duration; /* timestamp units this yields, > 0 */
    uint32_t trim;     /* PACKET: leave out this many of them (<= duration), to catch up */
} MdJitterOut;

typedef struct MdJitterStats {
    uint64_t received, duplicates, late, overflows; /* packets given; late: came after their turn */
    uint64_t lost; /* packets skipped because they were not there in time (late ones included) */
    uint64_t played, fec, concealed_ticks, silence_ticks; /* by action; ticks of 20 ms */
    uint64_t grown, shrunk, resyncs; /* 20 ms steps put in and taken out, positions set anew */
    int64_t delay_us, target_us;     /* now */
} MdJitterStats;

MdJitter *md_jitter_new(const MdJitterOptions *options); /* NULL: bad options or no memory. About 200 KiB */
void md_jitter_free(MdJitter *jitter);
/* Forget everything but the options (MD_STREAM_RESTART, codec change). Statistics stay. */
void md_jitter_reset(MdJitter *jitter);
void md_jitter_set_clock_rate(MdJitter *jitter, uint32_t clock_rate); /* resets */

/* Copies the payload. duration: timestamp units it decodes to (md_audio_payload_duration), > 0.
 * 0; -EALREADY duplicate; -ETIME too late; -EMSGSIZE; -EINVAL. A payload of at most 2 bytes announces DTX
 * (Opus). */
int md_jitter_put(MdJitter *jitter, const MdRtpPacket *packet, uint32_t duration, int64_t now_us);
/* Would a packet of this number still be of use? Not when it is there, was played, or nothing came at all yet. */
bool md_jitter_misses(const MdJitter *jitter, uint16_t seq);
/* This sequence number carries no sound (telephone-event, comfort noise): it is no loss; time passes as
 * silence. */
int md_jitter_put_silent(MdJitter *jitter, const MdRtpPacket *packet);
/* quiet: the sound just played was near silence, so a change of delay will not be heard. */
void md_jitter_pull(MdJitter *jitter, int64_t now_us, bool quiet, MdJitterOut *ret);
void md_jitter_stats(const MdJitter *jitter, MdJitterStats *ret);
