/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/rtp/twcc.h"

#include <string.h>

#include "mediad/rtp/packet.h"
#include "mediad/rtp/rtcp.h"

#define FMT_TRANSPORT_CC 15
#define HEADER_LEN 20         /* RTCP header, two SSRCs, base and count, reference time and number */
#define DELTA_US 250
#define REFERENCE_US 64000
#define CHUNK_SYMBOLS 7       /* of a vector of two-bit symbols */
#define REORDERED_MAX 512     /* numbers a packet may be late and still count */

enum { NOT_RECEIVED, SMALL_DELTA, LARGE_DELTA };

void md_twcc_receiver_init(MdTwccReceiver *r)
{
    memset(r, 0, sizeof *r);
    r->due_us = INT64_MAX;
}

static int64_t *slot(MdTwccReceiver *r, uint16_t seq)
{
    return &r->arrival_us[seq % MD_TWCC_WINDOW];
}

/* A jump over the whole window: what was not reported is past caring about. */
static void start_over(MdTwccReceiver *r, uint16_t seq)
{
    memset(r->arrival_us, 0, sizeof r->arrival_us);
    r->next = r->last = seq;
    r->begun = true;
}

void md_twcc_receive(MdTwccReceiver *r, uint16_t seq, int64_t now_us)
{
    int ahead = md_seq_diff(seq, r->next);
    if (!r->begun || ahead >= MD_TWCC_WINDOW || ahead < -REORDERED_MAX)
        start_over(r, seq);
    else if (ahead < 0) /* was reported as missing: the sender has done with it */
        return;
    if (md_seq_diff(seq, r->last) > 0)
        r->last = seq;
    if (*slot(r, seq) == 0)
        *slot(r, seq) = now_us > 0 ? now_us : 1;
    if (!r->any)
        r->due_us = now_us + MD_TWCC_INTERVAL_US;
    r->any = true;
}

/* How a packet is told: its symbol, and the step from the one before in quarters of a millisecond. -1: not tellable. */
static int symbol_of(int64_t arrival_us, int64_t *before, int *ret_delta)
{
    if (arrival_us == 0)
        return NOT_RECEIVED;
    int64_t delta = (arrival_us - *before) / DELTA_US;
    if (arrival_us < *before && (arrival_us - *before) % DELTA_US)
        delta--;
    if (delta < INT16_MIN || delta > INT16_MAX)
        return -1;
    *before += delta * DELTA_US;
    *ret_delta = (int)delta;
    return delta >= 0 && delta <= 255 ? SMALL_DELTA : LARGE_DELTA;
}

size_t md_twcc_write(MdTwccReceiver *r, uint32_t sender_ssrc, uint32_t media_ssrc, uint8_t buf[MD_TWCC_FEEDBACK_MAX],
                     int64_t now_us)
{
    uint8_t deltas[2 * MD_TWCC_WINDOW];
    uint16_t chunks[MD_TWCC_WINDOW / CHUNK_SYMBOLS + 2];
    unsigned n_chunks = 0, n_deltas = 0, n = 0;
    if (!r->any)
        return 0;
    uint16_t seq = r->next;
    while (*slot(r, seq) == 0 && seq != r->last) /* the time begins with something that came */
        seq++;
    int64_t reference = *slot(r, seq) / REFERENCE_US, before = reference * REFERENCE_US;
    for (seq = r->next; md_seq_diff(seq, r->last) <= 0; seq++, n++) {
        int delta = 0, symbol = symbol_of(*slot(r, seq), &before, &delta);
        if (n % CHUNK_SYMBOLS == 0) {
            if (HEADER_LEN + 2 * (n_chunks + 1) + n_deltas + 2 * CHUNK_SYMBOLS + 4 > MD_TWCC_FEEDBACK_MAX)
                break;
            chunks[n_chunks++] = 0xc000;
        }
        if (symbol < 0) /* the next packet takes a new reference */
            break;
        chunks[n_chunks - 1] |= (uint16_t)(symbol << 2 * (CHUNK_SYMBOLS - 1 - n % CHUNK_SYMBOLS));
        if (symbol == SMALL_DELTA)
            deltas[n_deltas++] = (uint8_t)delta;
        else if (symbol == LARGE_DELTA) {
            md_put16(deltas + n_deltas, (uint16_t)(int16_t)delta);
            n_deltas += 2;
        }
        *slot(r, seq) = 0;
    }
    n_chunks = (n + CHUNK_SYMBOLS - 1) / CHUNK_SYMBOLS;
    size_t len = HEADER_LEN + 2 * n_chunks + n_deltas, padding = (4 - len % 4) % 4;
    buf[0] = (uint8_t)(0x80 | (padding ? 0x20 : 0) | FMT_TRANSPORT_CC);
    buf[1] = MD_RTCP_RTPFB;
    md_put16(buf + 2, (uint16_t)((len + padding) / 4 - 1));
    md_put32(buf + 4, sender_ssrc);
    md_put32(buf + 8, media_ssrc);
    md_put16(buf + 12, r->next);
    md_put16(buf + 14, (uint16_t)n);
    md_put32(buf + 16, (uint32_t)(reference & 0xffffff) << 8 | r->count++);
    for (unsigned i = 0; i < n_chunks; i++)
        md_put16(buf + HEADER_LEN + 2 * i, chunks[i]);
    memcpy(buf + HEADER_LEN + 2 * n_chunks, deltas, n_deltas);
    memset(buf + len, 0, padding);
    if (padding)
        buf[len + padding - 1] = (uint8_t)padding;
    r->next = seq;
    r->any = md_seq_diff(seq, r->last) <= 0;
    r->due_us = r->any ? now_us : INT64_MAX;
    return len + padding;
}
