/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mediad/rtp/nack.h"

#define SLOTS 256
#define PAYLOAD_MAX 1472
#define TRIES_MAX 10
#define RTT_DEFAULT_US 100000
#define RTT_MIN_US 10000

typedef enum SlotState { SLOT_MISSING, SLOT_STORED, SLOT_DONE } SlotState;

typedef struct Slot {
    int64_t seq;
    SlotState state;
    /* MISSING */
    int64_t noticed_us, asked_us;
    unsigned tries;
    /* STORED: header without its pointers */
    MdRtpPacket packet;
    uint8_t payload[PAYLOAD_MAX];
} Slot;

struct MdReorder {
    bool nack;
    int64_t reordering_us, wait_us;
    bool any;
    int64_t next_seq, highest_seq;
    bool has_direct; /* the packet just put is the next one: handed through uncopied */
    MdRtpPacket direct;
    unsigned lost_pending;
    bool need_key;
    int64_t rtt_us;
    MdReorderStats stats;
    Slot slots[SLOTS];
};

MdReorder *md_reorder_new(const MdReorderOptions *options)
{
    unsigned reordering_ms = options->reordering_ms ? options->reordering_ms : 10;
    unsigned wait_ms = options->wait_max_ms ? options->wait_max_ms : 250;
    if (reordering_ms > 1000 || wait_ms > 5000)
        return NULL;
    MdReorder *reorder = calloc(1, sizeof(*reorder));
    if (!reorder)
        return NULL;
    reorder->nack = options->nack;
    reorder->reordering_us = reordering_ms * 1000;
    reorder->wait_us = (options->nack ? wait_ms : reordering_ms) * 1000;
    md_reorder_reset(reorder);
    return reorder;
}

void md_reorder_free(MdReorder *reorder)
{
    free(reorder);
}

void md_reorder_reset(MdReorder *reorder)
{
    reorder->any = reorder->has_direct = reorder->need_key = false;
    reorder->lost_pending = 0;
    for (unsigned i = 0; i < SLOTS; i++) {
        reorder->slots[i].seq = -1;
        reorder->slots[i].state = SLOT_DONE;
    }
}

static Slot *slot_of(MdReorder *reorder, int64_t seq)
{
    return &reorder->slots[seq & (SLOTS - 1)];
}

static void mark_missing(MdReorder *reorder, int64_t seq, int64_t now_us)
{
    Slot *slot = slot_of(reorder, seq);
    slot->seq = seq;
    slot->state = SLOT_MISSING;
    slot->noticed_us = now_us;
    slot->tries = 0;
}

/* More is outstanding than we hold: start again at seq, with the loss told. */
static void overflow(MdReorder *reorder, int64_t seq)
{
    reorder->stats.overflows++;
    reorder->stats.lost += (uint64_t)(seq - reorder->next_seq);
    reorder->lost_pending += (unsigned)(seq - reorder->next_seq);
    reorder->need_key = true;
    reorder->next_seq = seq;
    reorder->highest_seq = seq - 1;
}

static void store(Slot *slot, int64_t seq, const MdRtpPacket *packet)
{
    slot->seq = seq;
    slot->state = SLOT_STORED;
    slot->packet = *packet;
    slot->packet.payload = slot->payload;
    /* Only the payload is kept: extensions and contributors have been looked at by now. */
    slot->packet.csrc = NULL;
    slot->packet.n_csrc = 0;
    slot->packet.has_ext = false;
    slot->packet.ext = NULL;
    slot->packet.ext_len = 0;
    if (packet->payload_len)
        memcpy(slot->payload, packet->payload, packet->payload_len);
}

int md_reorder_put(MdReorder *reorder, const MdRtpPacket *packet, int64_t now_us)
{
    if (packet->payload_len > PAYLOAD_MAX)
        return -EMSGSIZE;
    if (!reorder->any) {
        reorder->any = true;
        reorder->next_seq = 0x10000 + (int64_t)packet->seq;
        reorder->highest_seq = reorder->next_seq - 1;
    }
    int64_t seq = reorder->highest_seq + md_seq_diff(packet->seq, (uint16_t)reorder->highest_seq);
    Slot *slot = slot_of(reorder, seq);
    reorder->stats.received++;
    reorder->has_direct = false;
    if (slot->seq == seq && slot->state != SLOT_MISSING) {
        reorder->stats.duplicates++;
        return -EALREADY;
    }
    if (seq < reorder->next_seq) {
        reorder->stats.late++;
        return -ETIME;
    }
    if (seq - reorder->next_seq >= SLOTS) {
        overflow(reorder, seq);
    } else {
        for (int64_t s = reorder->highest_seq + 1; s < seq; s++)
            mark_missing(reorder, s, now_us);
    }
    if (slot->seq == seq && slot->state == SLOT_MISSING && slot->tries > 0)
        reorder->stats.recovered++;
    if (seq > reorder->highest_seq)
        reorder->highest_seq = seq;
    if (seq == reorder->next_seq) {
        slot->seq = seq;
        slot->state = SLOT_DONE;
        reorder->direct = *packet;
        reorder->has_direct = true;
    } else {
        store(slot, seq, packet);
    }
    return 0;
}

bool md_reorder_next(MdReorder *reorder, int64_t now_us, MdRtpPacket *ret, unsigned *ret_lost)
{
    if (!reorder->any)
        return false;
    while (reorder->next_seq <= reorder->highest_seq) {
        Slot *slot = slot_of(reorder, reorder->next_seq);
        if (reorder->has_direct || slot->state == SLOT_STORED) {
            *ret = reorder->has_direct ? reorder->direct : slot->packet;
            *ret_lost = reorder->lost_pending;
            reorder->has_direct = false;
            reorder->lost_pending = 0;
            slot->state = SLOT_DONE;
            reorder->next_seq++;
            return true;
        }
        if (slot->state == SLOT_MISSING) {
            if (now_us - slot->noticed_us < reorder->wait_us)
                return false;
            reorder->stats.lost++;
            reorder->lost_pending++;
            reorder->need_key = true;
        }
        reorder
            ->next_seq++; /* given up; its slot stays MISSING so that it counts as late, not as a duplicate */
    }
    return false;
}

static int64_t ask_at_us(const MdReorder *reorder, const Slot *slot)
{
    if (slot->tries == 0)
        return slot->noticed_us + reorder->reordering_us;
    /* A round trip, some room for its jitter, and longer each time. */
    return slot->asked_us + reorder->rtt_us + reorder->rtt_us / 4 + (int64_t)(slot->tries - 1) * 5000;
}

unsigned md_reorder_nacks(MdReorder *reorder, int64_t now_us, int64_t rtt_us, uint16_t *ret_seqs,
                          unsigned max)
{
    unsigned n = 0;
    reorder->rtt_us = rtt_us <= 0 ? RTT_DEFAULT_US : rtt_us < RTT_MIN_US ? RTT_MIN_US : rtt_us;
    if (!reorder->any || !reorder->nack)
        return 0;
    for (int64_t seq = reorder->next_seq; seq <= reorder->highest_seq && n < max; seq++) {
        Slot *slot = slot_of(reorder, seq);
        if (slot->state != SLOT_MISSING || slot->tries >= TRIES_MAX || now_us < ask_at_us(reorder, slot))
            continue;
        slot->tries++;
        slot->asked_us = now_us;
        ret_seqs[n++] = (uint16_t)seq;
    }
    reorder->stats.nacks += n;
    return n;
}

bool md_reorder_take_need_key(MdReorder *reorder)
{
    bool need = reorder->need_key;
    reorder->need_key = false;
    return need;
}

int64_t md_reorder_due_us(const MdReorder *reorder)
{
    int64_t due = INT64_MAX;
    if (!reorder->any)
        return due;
    for (int64_t seq = reorder->next_seq; seq <= reorder->highest_seq; seq++) {
        const Slot *slot = &reorder->slots[seq & (SLOTS - 1)];
        if (slot->state != SLOT_MISSING)
            continue;
        int64_t at = slot->noticed_us + reorder->wait_us;
        if (reorder->nack && slot->tries < TRIES_MAX && ask_at_us(reorder, slot) < at)
            at = ask_at_us(reorder, slot);
        if (at < due)
            due = at;
    }
    return due;
}

void md_reorder_stats(const MdReorder *reorder, MdReorderStats *ret)
{
    *ret = reorder->stats;
}
