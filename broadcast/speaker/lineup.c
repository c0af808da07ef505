/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/lineup.h"
#include <glib.h>
#include <string.h>
#include "broadcast/speaker/slip.h"
#include "mediad/audio/codec.h"

#define SLOTS 128u                 /* two and a half seconds of 20 ms */
#define WINDOW 16384u              /* decoded samples at hand */
#define BLOCK_MAX 960u
#define FAR_SAMPLES (2 * 48000)    /* so far from any packet: our clock, or the report, is wrong */
#define CONCEAL_MAX 5u             /* frames, then silence */
#define JUDGE_PACKETS 100u
#define LATE_MAX 30u               /* of them: the line needs more delay than was agreed */
#define UNFIT_US 10000000

typedef struct Slot {
    bool full;
    uint16_t seq;
    uint16_t len;
    int64_t at;                  /* of its first sample, 48 kHz since the first packet's epoch */
    unsigned samples;
    uint8_t payload[MD_AUDIO_PAYLOAD_MAX];
} Slot;

struct BcLineup {
    MdAudioDecoder *decoder;
    unsigned scale;              /* 48 kHz samples per timestamp unit */
    int64_t delay_us;
    Slot slots[SLOTS];
    bool begun;
    uint32_t last_ts;            /* newest, for extending */
    int64_t last_at, newest_end;
    bool mapped;
    int64_t map_us, map_at;
    uint32_t map_ts;
    bool map_waits;              /* a report came before any packet */
    /* decoding */
    bool decoding, reading;
    int64_t read_at;             /* what has been asked for up to now */
    uint16_t next_seq;
    unsigned frame, concealed;
    float window[WINDOW];
    int64_t window_at;           /* of window[0] */
    unsigned window_n;
    BcSlip slip;
    unsigned judged, judged_late;
    int64_t unfit_until_us;
    BcLineupStats stats;
};

BcLineup *bc_lineup_new(MdAudioCodec codec, unsigned delay_ms)
{
    uint32_t rate = md_audio_codec_clock_rate(codec);
    MdAudioDecoder *decoder = rate ? md_audio_decoder_new(codec) : NULL;
    if (!decoder)
        return NULL;
    BcLineup *lineup = g_new0(BcLineup, 1);
    lineup->decoder = decoder;
    lineup->scale = 48000 / rate;
    lineup->delay_us = (int64_t)(delay_ms + BC_LINEUP_ALLOWANCE_MS) * 1000;
    lineup->frame = 960;
    return lineup;
}

void bc_lineup_free(BcLineup *lineup)
{
    if (!lineup)
        return;
    md_audio_decoder_free(lineup->decoder);
    g_free(lineup);
}

void bc_lineup_reset(BcLineup *lineup)
{
    for (unsigned i = 0; i < SLOTS; i++)
        lineup->slots[i].full = false;
    lineup->begun = lineup->mapped = lineup->map_waits = lineup->decoding = lineup->reading = lineup->slip.set = false;
    md_audio_decoder_reset(lineup->decoder);
}

static int64_t place_of(const BcLineup *lineup, uint32_t ts)
{
    return lineup->last_at + (int64_t)md_ts_diff(ts, lineup->last_ts) * lineup->scale;
}

void bc_lineup_put(BcLineup *lineup, const MdRtpPacket *packet, uint32_t duration)
{
    Slot *slot = &lineup->slots[packet->seq % SLOTS];
    if (packet->payload_len > sizeof(slot->payload))
        return;
    if (!lineup->begun) {
        lineup->begun = true;
        lineup->last_at = 0;
        lineup->last_ts = packet->ts;
        if (lineup->map_waits)
            bc_lineup_map(lineup, lineup->map_ts, lineup->map_us);
    }
    int64_t at = place_of(lineup, packet->ts);
    *slot = (Slot){.full = true, .seq = packet->seq, .len = (uint16_t)packet->payload_len, .at = at, .samples = duration * lineup->scale};
    memcpy(slot->payload, packet->payload, packet->payload_len);
    if (at > lineup->last_at) {
        lineup->last_at = at;
        lineup->last_ts = packet->ts;
    }
    lineup->newest_end = MAX(lineup->newest_end, at + slot->samples);
    bool late = lineup->reading && at + slot->samples <= lineup->read_at;
    lineup->stats.late += late;
    lineup->judged_late += late;
    if (++lineup->judged >= JUDGE_PACKETS) {
        if (lineup->judged_late > LATE_MAX)
            lineup->unfit_until_us = -1; /* the next read dates it */
        lineup->judged = lineup->judged_late = 0;
    }
}

void bc_lineup_map(BcLineup *lineup, uint32_t ts, int64_t server_us)
{
    lineup->map_us = server_us;
    lineup->map_ts = ts;
    lineup->map_waits = !lineup->begun;
    if (!lineup->begun)
        return;
    lineup->map_at = place_of(lineup, ts);
    lineup->mapped = true;
}

/* ---------------------------------------------------------------- decoding */

static Slot *slot_of(BcLineup *lineup, uint16_t seq)
{
    Slot *slot = &lineup->slots[seq % SLOTS];
    return slot->full && slot->seq == seq ? slot : NULL;
}

/* The first packet that still matters from there on. */
static Slot *earliest(BcLineup *lineup, int64_t at)
{
    Slot *found = NULL;
    for (unsigned i = 0; i < SLOTS; i++) {
        Slot *slot = &lineup->slots[i];
        if (slot->full && slot->at + slot->samples > at && (!found || slot->at < found->at))
            found = slot;
    }
    return found;
}

static int64_t decoded_end(const BcLineup *lineup)
{
    return lineup->window_at + lineup->window_n;
}

/* Room for n more samples: the oldest go. */
static float *room(BcLineup *lineup, unsigned n)
{
    if (lineup->window_n + n > WINDOW) {
        unsigned drop = lineup->window_n + n - WINDOW;
        memmove(lineup->window, lineup->window + drop, (lineup->window_n - drop) * sizeof(float));
        lineup->window_n -= drop;
        lineup->window_at += drop;
    }
    return lineup->window + lineup->window_n;
}

static void add_silence(BcLineup *lineup, unsigned n)
{
    memset(room(lineup, n), 0, n * sizeof(float));
    lineup->window_n += n;
}

static void add_concealed(BcLineup *lineup)
{
    float *pcm = room(lineup, lineup->frame);
    if (lineup->concealed++ >= CONCEAL_MAX || md_audio_decoder_conceal(lineup->decoder, pcm, lineup->frame) < 0)
        memset(pcm, 0, lineup->frame * sizeof(float));
    lineup->window_n += lineup->frame;
}

static void add_packet(BcLineup *lineup, const Slot *slot)
{
    static _Thread_local float pcm[MD_AUDIO_PACKET_SAMPLES_MAX];
    int64_t gap = slot->at - decoded_end(lineup);
    if (gap > 0)
        add_silence(lineup, (unsigned)MIN(gap, 4800));
    int made = md_audio_decoder_decode(lineup->decoder, slot->payload, slot->len, pcm, MD_AUDIO_PACKET_SAMPLES_MAX);
    int64_t skip = decoded_end(lineup) - slot->at;
    if (made > 0 && skip < made && skip >= 0) {
        unsigned n = (unsigned)(made - skip);
        memcpy(room(lineup, n), pcm + skip, n * sizeof(float));
        lineup->window_n += n;
        lineup->frame = (unsigned)made;
    }
    lineup->concealed = 0;
}

static void add_lost(BcLineup *lineup, const Slot *behind)
{
    unsigned n = lineup->frame;
    lineup->stats.lost++;
    if (behind->seq == (uint16_t)(lineup->next_seq + 1) && behind->at - decoded_end(lineup) == n) {
        float *pcm = room(lineup, n);
        if (md_audio_decoder_decode_fec(lineup->decoder, behind->payload, behind->len, pcm, n) == (int)n) {
            lineup->window_n += n;
            lineup->stats.recovered++;
            return;
        }
    }
    add_concealed(lineup);
}

/* One step further. */
static void decode_more(BcLineup *lineup)
{
    Slot *slot = slot_of(lineup, lineup->next_seq), *behind;
    if (slot) {
        if (slot->at + slot->samples > decoded_end(lineup))
            add_packet(lineup, slot);
        lineup->next_seq++;
        return;
    }
    behind = earliest(lineup, decoded_end(lineup));
    if (!behind)
        add_concealed(lineup); /* nothing has come: the place moves on, what comes later is late */
    else if (md_seq_diff(behind->seq, lineup->next_seq) < 0 || md_seq_diff(behind->seq, lineup->next_seq) > (int)SLOTS / 2)
        lineup->next_seq = behind->seq;
    else {
        if (behind->at > decoded_end(lineup))
            add_lost(lineup, behind);
        lineup->next_seq++;
    }
}

static bool begin_at(BcLineup *lineup, int64_t at)
{
    Slot *first = earliest(lineup, at);
    if (!first)
        return false;
    lineup->decoding = true;
    lineup->next_seq = first->seq;
    lineup->window_at = at;
    lineup->window_n = 0;
    lineup->concealed = 0;
    md_audio_decoder_reset(lineup->decoder);
    return true;
}

static bool fit(BcLineup *lineup, int64_t at, int64_t now_us)
{
    if (lineup->unfit_until_us < 0)
        lineup->unfit_until_us = now_us + UNFIT_US;
    return lineup->mapped && now_us >= lineup->unfit_until_us && at < lineup->newest_end + FAR_SAMPLES && at > lineup->newest_end - FAR_SAMPLES;
}

bool bc_lineup_read(BcLineup *lineup, int64_t from_us, int64_t to_us, float *pcm, unsigned n)
{
    float source[BC_SLIP_NEED_MAX];
    int64_t at;
    memset(pcm, 0, n * sizeof(float));
    double from = (double)lineup->map_at + (double)(from_us - lineup->delay_us - lineup->map_us) * 0.048;
    if (n > BLOCK_MAX || !fit(lineup, (int64_t)from, from_us)) {
        lineup->decoding = lineup->reading = lineup->slip.set = false;
        return false;
    }
    unsigned need = bc_slip_plan(&lineup->slip, from, from + (double)(to_us - from_us) * 0.048, n, &at);
    lineup->reading = true;
    lineup->read_at = at + need;
    if ((!lineup->decoding || at < lineup->window_at || at > decoded_end(lineup) + 4800) && !begin_at(lineup, at)) {
        bc_slip_make(&lineup->slip, memset(source, 0, sizeof(source)), at, pcm, n);
        return true;
    }
    for (unsigned guard = 0; decoded_end(lineup) < at + need && guard < 256; guard++)
        decode_more(lineup);
    memset(source, 0, sizeof(source));
    for (unsigned i = 0; i < need; i++) {
        int64_t k = at + i - lineup->window_at;
        if (k >= 0 && k < lineup->window_n)
            source[i] = lineup->window[k];
    }
    bc_slip_make(&lineup->slip, source, at, pcm, n);
    return true;
}

void bc_lineup_stats(const BcLineup *lineup, BcLineupStats *ret)
{
    *ret = lineup->stats;
}
