/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/rtp/jitter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Terms. offset = arrival time - media time of a packet; base = the smallest offset of the last 4 s (the
 * fastest packets); delay = what the play position adds to base. A packet whose offset - base is above the
 * delay comes too late. */
#define SLOTS 128
#define PAYLOAD_MAX 1472
#define BUCKETS 8
#define BUCKET_US 500000
#define TICK_US 20000
#define MARGIN_US 5000          /* target above the observed spread */
#define CONCEAL_MAX_TICKS 6     /* then it is an outage: silence */
#define RESYNC_US 1000000       /* offsets beyond max + this: the sender's timestamps have a new base */
#define ADJUST_QUIET_US 40000   /* between two steps nobody hears */
#define ADJUST_SPEECH_US 200000 /* between two steps in speech, when the excess is small */
#define GROW_US 60000
#define LEAST_PULLS                                                                                          \
    8 /* packets over which the least delay is taken: pulls of odd packet times differ by up to a tick */

typedef enum SlotState { SLOT_EMPTY, SLOT_PACKET, SLOT_SILENT, SLOT_DONE } SlotState;

typedef struct Slot {
    int64_t seq;
    int64_t ts;
    uint32_t wire_ts;
    uint32_t duration;
    uint16_t len;
    uint8_t payload_type;
    bool marker;
    SlotState state;
    uint8_t payload[PAYLOAD_MAX];
} Slot;

typedef struct Bucket {
    int64_t min_us, max_us;
    unsigned packets, late;
} Bucket;

struct MdJitter {
    /* immutable between resets */
    uint32_t clock_rate;
    int64_t tick; /* timestamp units */
    int64_t min_us, max_us;
    /* numbering */
    bool any;
    int64_t highest_seq, next_seq;
    int64_t highest_ts;
    unsigned stored; /* slots in state PACKET */
    /* play position */
    bool playing; /* false: waiting for a talk spurt's start time */
    bool begun;   /* something was played since the reset */
    bool dtx;     /* the last thing played announced silence */
    int64_t play_ts;
    int64_t credit; /* timestamp units concealed ahead of the position, while waiting for a late packet */
    unsigned conceal_run; /* ticks */
    /* delay control */
    Bucket buckets[BUCKETS];
    unsigned bucket;
    int64_t bucket_us;
    int64_t base_us, spread_us;
    unsigned late_recent;
    int64_t delay_min_us; /* least delay of the last pulls since an adjustment */
    unsigned pulls;
    int64_t adjusted_us;
    MdJitterStats stats;
    Slot slots[SLOTS];
};

MdJitter *md_jitter_new(const MdJitterOptions *options)
{
    unsigned min_ms = options->min_ms ? options->min_ms : 20;
    unsigned max_ms = options->max_ms ? options->max_ms : 400;
    if (options->clock_rate < 8000 || options->clock_rate > 192000 || min_ms > max_ms || max_ms > 2000)
        return NULL;
    MdJitter *jitter = calloc(1, sizeof(*jitter));
    if (!jitter)
        return NULL;
    jitter->min_us = min_ms * 1000;
    jitter->max_us = max_ms * 1000;
    md_jitter_set_clock_rate(jitter, options->clock_rate);
    return jitter;
}

void md_jitter_free(MdJitter *jitter)
{
    free(jitter);
}

void md_jitter_set_clock_rate(MdJitter *jitter, uint32_t clock_rate)
{
    jitter->clock_rate = clock_rate;
    jitter->tick = clock_rate / (1000000 / TICK_US);
    md_jitter_reset(jitter);
}

static void clear_window(MdJitter *jitter)
{
    memset(jitter->buckets, 0, sizeof(jitter->buckets));
    jitter->bucket = 0;
    jitter->bucket_us = INT64_MIN;
    jitter->base_us = jitter->spread_us = 0;
    jitter->late_recent = 0;
}

static void note_adjustment(MdJitter *jitter, int64_t now_us)
{
    jitter->delay_min_us = INT64_MAX;
    jitter->pulls = 0;
    jitter->adjusted_us = now_us;
}

void md_jitter_reset(MdJitter *jitter)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        jitter->slots[i].state = SLOT_EMPTY;
        jitter->slots[i].seq = -1;
    }
    jitter->any = jitter->playing = jitter->begun = jitter->dtx = false;
    jitter->stored = jitter->conceal_run = 0;
    jitter->credit = 0;
    clear_window(jitter);
    note_adjustment(jitter, INT64_MIN / 2);
}

static int64_t to_us(const MdJitter *jitter, int64_t ts)
{
    int64_t s = ts / jitter->clock_rate, rest = ts % jitter->clock_rate;
    return s * 1000000 + rest * 1000000 / jitter->clock_rate;
}

static Slot *slot_of(MdJitter *jitter, int64_t seq)
{
    return &jitter->slots[seq & (SLOTS - 1)];
}

static SlotState state_of(MdJitter *jitter, int64_t seq)
{
    const Slot *slot = slot_of(jitter, seq);
    return slot->seq == seq ? slot->state : SLOT_EMPTY;
}

static void release(MdJitter *jitter, int64_t seq)
{
    Slot *slot = slot_of(jitter, seq);
    if (slot->seq == seq && slot->state == SLOT_PACKET)
        jitter->stored--;
    if (slot->seq == seq && slot->state != SLOT_EMPTY)
        slot->state = SLOT_DONE;
}

/* First packet to play; NULL when the buffer is empty. */
static Slot *find_head(MdJitter *jitter)
{
    if (jitter->stored == 0)
        return NULL;
    for (int64_t seq = jitter->next_seq; seq <= jitter->highest_seq; seq++)
        if (state_of(jitter, seq) == SLOT_PACKET)
            return slot_of(jitter, seq);
    return NULL;
}

/* Moves the position up to seq; what never came before it is lost. */
static void advance_to(MdJitter *jitter, int64_t seq)
{
    if (seq - jitter->next_seq > SLOTS) { /* a long jump: all that is held lies before seq or on it */
        unsigned held = jitter->stored;
        for (unsigned i = 0; i < SLOTS; i++)
            if (jitter->slots[i].seq < seq)
                release(jitter, jitter->slots[i].seq);
        jitter->stats.lost += (uint64_t)(seq - jitter->next_seq) - (held - jitter->stored);
        jitter->next_seq = seq;
        return;
    }
    for (; jitter->next_seq < seq; jitter->next_seq++) {
        if (state_of(jitter, jitter->next_seq) == SLOT_EMPTY)
            jitter->stats.lost++;
        release(jitter, jitter->next_seq);
    }
}

static int64_t target_us(const MdJitter *jitter)
{
    int64_t target = jitter->spread_us + MARGIN_US;
    return target < jitter->min_us ? jitter->min_us : target > jitter->max_us ? jitter->max_us : target;
}

static int64_t delay_us(const MdJitter *jitter, int64_t now_us)
{
    return now_us - to_us(jitter, jitter->play_ts) - jitter->base_us;
}

/* One burst in 4 s is an accident: it is ridden out by waiting, not kept in the delay. Two or more, or
 * packets lost to lateness, are jitter. */
static void measure_window(MdJitter *jitter)
{
    int64_t base = INT64_MAX, first = INT64_MIN, second = INT64_MIN;
    unsigned late = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        const Bucket *b = &jitter->buckets[i];
        if (!b->packets)
            continue;
        if (b->min_us < base)
            base = b->min_us;
        if (b->max_us > first) {
            second = first;
            first = b->max_us;
        } else if (b->max_us > second) {
            second = b->max_us;
        }
        late += b->late;
    }
    if (base == INT64_MAX)
        return;
    jitter->base_us = base;
    jitter->late_recent = late;
    jitter->spread_us = (second == INT64_MIN || late >= 2 ? first : second) - base;
}

static void observe(MdJitter *jitter, int64_t offset_us, bool late, int64_t now_us)
{
    if (jitter->bucket_us == INT64_MIN) {
        jitter->bucket_us = now_us;
    } else if (now_us - jitter->bucket_us >= BUCKET_US) {
        int64_t steps = (now_us - jitter->bucket_us) / BUCKET_US;
        jitter->bucket_us += steps * BUCKET_US;
        for (int64_t i = 0; i < steps && i < BUCKETS; i++) {
            jitter->bucket = (jitter->bucket + 1) % BUCKETS;
            jitter->buckets[jitter->bucket] = (Bucket){0};
        }
    }
    Bucket *b = &jitter->buckets[jitter->bucket];
    if (!b->packets || offset_us < b->min_us)
        b->min_us = offset_us;
    if (!b->packets || offset_us > b->max_us)
        b->max_us = offset_us;
    b->packets++;
    b->late += late;
    measure_window(jitter);
}

static bool window_is_empty(const MdJitter *jitter)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        if (jitter->buckets[i].packets)
            return false;
    return true;
}

/* The sender's timestamps have jumped: everything held is of the old base. */
static void resync(MdJitter *jitter, int64_t seq)
{
    advance_to(jitter, seq);
    clear_window(jitter);
    jitter->playing = false;
    jitter->credit = 0;
    jitter->stats.resyncs++;
}

/* Numbers a new packet. Returns its slot, or NULL with *ret_error. */
static Slot *accept(MdJitter *jitter, const MdRtpPacket *packet, int64_t now_us, int *ret_error)
{
    if (!jitter->any) {
        jitter->any = true;
        jitter->next_seq = jitter->highest_seq = 0x10000 + (int64_t)packet->seq;
        jitter->highest_ts = ((int64_t)1 << 33) + packet->ts;
    }
    int64_t seq = jitter->highest_seq + md_seq_diff(packet->seq, (uint16_t)jitter->highest_seq);
    int64_t ts = jitter->highest_ts + md_ts_diff(packet->ts, (uint32_t)jitter->highest_ts);
    jitter->stats.received++;
    if (state_of(jitter, seq) != SLOT_EMPTY) {
        jitter->stats.duplicates++;
        *ret_error = -EALREADY;
        return NULL;
    }
    /* Before anything was played, an earlier packet still may become the first. */
    if (seq < jitter->next_seq && !jitter->begun && jitter->highest_seq - seq < SLOTS)
        jitter->next_seq = seq;
    bool late = seq < jitter->next_seq;
    int64_t offset_us = now_us - to_us(jitter, ts);
    int64_t from_base = offset_us - jitter->base_us;
    if (seq >= jitter->highest_seq && !window_is_empty(jitter) &&
        (from_base > jitter->max_us + RESYNC_US || from_base < -(jitter->max_us + RESYNC_US)))
        resync(jitter, seq);
    if (late && from_base > jitter->max_us + RESYNC_US) /* a straggler says nothing of the line */
        jitter->stats.late++;
    else
        observe(jitter, offset_us, late, now_us);
    if (late) {
        jitter->stats.late += from_base <= jitter->max_us + RESYNC_US;
        *ret_error = -ETIME;
        return NULL;
    }
    if (seq - jitter->next_seq >= SLOTS) {
        jitter->stats.overflows++;
        advance_to(jitter, seq - SLOTS + 1);
        jitter->playing = false;
        jitter->credit = 0;
    }
    if (seq >= jitter->highest_seq) {
        jitter->highest_seq = seq;
        jitter->highest_ts = ts;
    }
    Slot *slot = slot_of(jitter, seq);
    slot->seq = seq;
    slot->ts = ts;
    slot->wire_ts = packet->ts;
    slot->payload_type = packet->payload_type;
    slot->marker = packet->marker;
    return slot;
}

int md_jitter_put(MdJitter *jitter, const MdRtpPacket *packet, uint32_t duration, int64_t now_us)
{
    if (packet->payload_len > PAYLOAD_MAX)
        return -EMSGSIZE;
    if (duration == 0 || duration > jitter->clock_rate)
        return -EINVAL;
    int error = 0;
    Slot *slot = accept(jitter, packet, now_us, &error);
    if (!slot)
        return error;
    slot->state = SLOT_PACKET;
    slot->duration = duration;
    slot->len = (uint16_t)packet->payload_len;
    memcpy(slot->payload, packet->payload, packet->payload_len);
    jitter->stored++;
    return 0;
}

bool md_jitter_misses(const MdJitter *jitter, uint16_t number)
{
    int64_t seq = jitter->highest_seq + md_seq_diff(number, (uint16_t)jitter->highest_seq);
    const Slot *slot = &jitter->slots[seq & (SLOTS - 1)];
    return jitter->any && jitter->highest_seq - seq < SLOTS && (slot->seq != seq || slot->state == SLOT_EMPTY);
}

int md_jitter_put_silent(MdJitter *jitter, const MdRtpPacket *packet)
{
    /* Its timestamp may stand still (telephone-event) or lie in a gap: it must not move the window. */
    if (!jitter->any)
        return 0;
    int64_t seq = jitter->highest_seq + md_seq_diff(packet->seq, (uint16_t)jitter->highest_seq);
    jitter->stats.received++;
    if (state_of(jitter, seq) != SLOT_EMPTY) {
        jitter->stats.duplicates++;
        return -EALREADY;
    }
    if (seq < jitter->next_seq)
        return -ETIME;
    if (seq - jitter->next_seq >= SLOTS) {
        advance_to(jitter, seq - SLOTS + 1);
        jitter->playing = false;
    }
    if (seq > jitter->highest_seq)
        jitter->highest_seq = seq;
    Slot *slot = slot_of(jitter, seq);
    slot->seq = seq;
    slot->state = SLOT_SILENT;
    return 0;
}

static void give_silence(MdJitter *jitter, MdJitterOut *ret)
{
    jitter->stats.silence_ticks++;
    *ret = (MdJitterOut){.action = MD_JITTER_SILENCE, .duration = (uint32_t)jitter->tick};
}

static void give_conceal(MdJitter *jitter, int64_t duration, MdJitterOut *ret)
{
    jitter->stats.concealed_ticks++;
    *ret = (MdJitterOut){.action = MD_JITTER_CONCEAL, .duration = (uint32_t)duration};
}

static void give_slot(MdJitterAction action, const Slot *slot, int64_t duration, MdJitterOut *ret)
{
    *ret = (MdJitterOut){
        .action = action,
        .payload = slot->payload,
        .len = slot->len,
        .payload_type = slot->payload_type,
        .marker = slot->marker,
        .ts = slot->wire_ts,
        .duration = (uint32_t)duration,
    };
}

/* The bound: whatever happened, nobody listens more than max behind. */
static void enforce_max(MdJitter *jitter, int64_t now_us)
{
    if (delay_us(jitter, now_us) <= jitter->max_us + TICK_US)
        return;
    Slot *head;
    while (delay_us(jitter, now_us) > target_us(jitter) && (head = find_head(jitter))) {
        int64_t seq = head->seq;
        jitter->play_ts = head->ts + head->duration;
        advance_to(jitter, seq + 1);
        jitter->stats.shrunk += (uint64_t)((head->duration + jitter->tick - 1) / jitter->tick);
        jitter->credit = 0;
        note_adjustment(jitter, now_us);
    }
}

/* In silence the position is free: the spurt begins target after its fastest possible arrival. */
static bool start_spurt(MdJitter *jitter, const Slot *head, int64_t now_us)
{
    int64_t wait_us = jitter->base_us + to_us(jitter, head->ts) + target_us(jitter) - now_us;
    if (wait_us > 0 && wait_us <= jitter->max_us + RESYNC_US)
        return false;
    if (jitter->begun)
        advance_to(jitter, head->seq);
    else
        jitter->next_seq = head->seq;
    jitter->playing = jitter->begun = true;
    jitter->play_ts = head->ts;
    jitter->credit = 0;
    jitter->conceal_run = 0;
    note_adjustment(jitter, now_us);
    return true;
}

static void stop_playing(MdJitter *jitter)
{
    jitter->playing = false;
    jitter->credit = 0;
    jitter->conceal_run = 0;
}

/* Nothing there: late, lost, or no more sent. The position stays, so that a late packet is still played (and
 * the delay has grown). */
static void underrun(MdJitter *jitter, MdJitterOut *ret)
{
    if (jitter->dtx || jitter->conceal_run >= CONCEAL_MAX_TICKS) {
        stop_playing(jitter);
        give_silence(jitter, ret);
        return;
    }
    jitter->conceal_run++;
    jitter->credit += jitter->tick;
    give_conceal(jitter, jitter->tick, ret);
}

/* Packets before head are missing and their time has come. True: *ret; false: look again. */
static bool bridge_loss(MdJitter *jitter, const Slot *head, int64_t gap, unsigned missing, MdJitterOut *ret)
{
    int64_t sound = (int64_t)missing * head->duration; /* the rest of the gap is silence */
    if (jitter->conceal_run >= CONCEAL_MAX_TICKS || gap > sound + jitter->tick) {
        advance_to(jitter, head->seq);
        stop_playing(jitter);
        return false;
    }
    bool adjacent = state_of(jitter, head->seq - 1) == SLOT_EMPTY;
    if (adjacent && gap <= head->duration) {
        advance_to(jitter, head->seq);
        jitter->play_ts = head->ts;
        jitter->stats.fec++;
        give_slot(MD_JITTER_FEC, head, gap, ret);
        return true;
    }
    int64_t step = gap < jitter->tick ? gap : jitter->tick;
    jitter->conceal_run++;
    jitter->play_ts += step;
    /* Whose time is over is given up; the others may still come. */
    int64_t left = (gap - step + head->duration - 1) / head->duration;
    if (head->seq - left > jitter->next_seq)
        advance_to(jitter, head->seq - left);
    give_conceal(jitter, step, ret);
    return true;
}

static int64_t shrink_interval_us(int64_t excess_us, bool quiet)
{
    if (quiet)
        return ADJUST_QUIET_US;
    /* The larger the excess the quicker, so that any bad period is over within seconds. */
    int64_t interval = (int64_t)2000000 * TICK_US / excess_us;
    return interval < ADJUST_QUIET_US    ? ADJUST_QUIET_US
           : interval > ADJUST_SPEECH_US ? ADJUST_SPEECH_US
                                         : interval;
}

/* head is due. True: a tick is put in before it. */
static bool grow(MdJitter *jitter, int64_t now_us, bool quiet, MdJitterOut *ret)
{
    int64_t target = target_us(jitter), least = jitter->delay_min_us;
    bool wanted =
        (jitter->late_recent >= 2 && least < target - MARGIN_US) || (quiet && least <= target - TICK_US / 2);
    if (!wanted || least + TICK_US > jitter->max_us || now_us - jitter->adjusted_us < GROW_US)
        return false;
    jitter->stats.grown++;
    note_adjustment(jitter, now_us);
    give_conceal(jitter, jitter->tick, ret);
    return true;
}

static void play(MdJitter *jitter, Slot *head, int64_t now_us, bool quiet, MdJitterOut *ret)
{
    int64_t excess = jitter->delay_min_us - target_us(jitter);
    give_slot(MD_JITTER_PACKET, head, head->duration, ret);
    if (jitter->pulls >= 3 && excess >= TICK_US &&
        now_us - jitter->adjusted_us >= shrink_interval_us(excess, quiet)) {
        ret->trim = (uint32_t)jitter->tick < head->duration ? (uint32_t)jitter->tick : head->duration;
        jitter->stats.shrunk++;
        note_adjustment(jitter, now_us);
    }
    jitter->stats.grown += (uint64_t)(jitter->credit / jitter->tick);
    if (jitter->credit)
        note_adjustment(jitter, jitter->adjusted_us);
    jitter->credit = 0;
    jitter->conceal_run = 0;
    jitter->dtx = head->len <= 2;
    jitter->play_ts = head->ts + head->duration;
    jitter->stats.played++;
    advance_to(jitter, head->seq + 1);
}

static void note_delay(MdJitter *jitter, int64_t delay)
{
    if (jitter->pulls == LEAST_PULLS) {
        jitter->pulls = 0;
        jitter->delay_min_us = INT64_MAX;
    }
    if (delay < jitter->delay_min_us)
        jitter->delay_min_us = delay;
    jitter->pulls++;
    jitter->stats.delay_us = delay;
}

void md_jitter_pull(MdJitter *jitter, int64_t now_us, bool quiet, MdJitterOut *ret)
{
    if (jitter->playing)
        enforce_max(jitter, now_us);
    for (;;) {
        while (jitter->begun && jitter->next_seq <= jitter->highest_seq &&
               state_of(jitter, jitter->next_seq) == SLOT_SILENT) {
            jitter->dtx = true;
            advance_to(jitter, jitter->next_seq + 1);
        }
        Slot *head = find_head(jitter);
        if (!jitter->playing && (!head || !start_spurt(jitter, head, now_us))) {
            give_silence(jitter, ret);
            return;
        }
        if (!head) {
            underrun(jitter, ret);
            return;
        }
        int64_t gap = head->ts - jitter->play_ts;
        if (gap > 0 && jitter->credit > 0) { /* already concealed while waiting */
            int64_t used = gap < jitter->credit ? gap : jitter->credit;
            jitter->play_ts += used;
            jitter->credit -= used;
            gap -= used;
        }
        unsigned missing = 0;
        for (int64_t seq = jitter->next_seq; seq < head->seq; seq++)
            missing += state_of(jitter, seq) == SLOT_EMPTY;
        if (missing > 0 && gap > 0) {
            if (bridge_loss(jitter, head, gap, missing, ret))
                return;
            continue;
        }
        if (gap >= jitter->tick / 4) { /* nothing is missing: the sender was silent */
            stop_playing(jitter);
            continue;
        }
        note_delay(jitter, delay_us(jitter, now_us));
        if (!grow(jitter, now_us, quiet, ret))
            play(jitter, head, now_us, quiet, ret);
        return;
    }
}

void md_jitter_stats(const MdJitter *jitter, MdJitterStats *ret)
{
    *ret = jitter->stats;
    ret->target_us = target_us(jitter);
}
