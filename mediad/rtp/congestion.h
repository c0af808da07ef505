/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the line to a peer carries, judged by the peer's transport-wide feedback: every packet of ours gets a number of the
 * path's own, the peer tells when each came. When packets come ever later behind each other, a queue builds up somewhere and
 * the rate falls below what arrives; when many are lost it falls too; else it rises, fast by probes (a few tens of
 * milliseconds at twice the rate), slowly near the rate at which the queue last grew. In the spirit of
 * draft-ietf-rmcat-gcc-02, with a straight line through the last delays as filter. Pure: time is an argument; one thread; no
 * allocation but in _new, about 70 KiB. */
typedef struct MdCongestion MdCongestion;

typedef struct MdCongestionStats {
    uint64_t feedbacks;    /* taken */
    uint64_t lost;         /* packets that the peer says it never got */
    uint64_t overuses;     /* times the rate was taken down because a queue grew */
    uint64_t loss_cuts;    /* the same for loss */
    uint64_t probes;       /* begun */
    uint32_t received_bps; /* what arrived over the last half second */
    uint32_t loss_permille;
    int64_t round_trip_us; /* from sending to feedback, the least of the last one; 0 not known */
} MdCongestionStats;

/* Rates in bits per second of RTP packets as they go to the network. min_bps <= max_bps; it begins at max_bps: what was agreed
 * counts until the line says otherwise. NULL: no memory or bad rates. */
MdCongestion *md_congestion_new(uint32_t min_bps, uint32_t max_bps);
void md_congestion_free(MdCongestion *congestion);
/* What is wanted at most has changed. A rate that nothing had bounded goes along. */
void md_congestion_set_max(MdCongestion *congestion, uint32_t max_bps);

/* A packet of len bytes leaves now; returns its number. */
uint16_t md_congestion_sent(MdCongestion *congestion, size_t len, int64_t now_us);
/* A feedback packet's inside (see md_twcc_reader_init) came. 0, -EBADMSG (nothing changed). */
int md_congestion_feedback(MdCongestion *congestion, const uint8_t *fci, size_t len, int64_t now_us);
/* What to send at most. max_bps until the first feedback. */
uint32_t md_congestion_bps(const MdCongestion *congestion);

/* Should more than the media be sent, to find out whether the line has become wider? True: yes, *ret_bps in all until
 * *ret_until_us (padding counts as any packet does); ask again after each feedback. */
bool md_congestion_probe(MdCongestion *congestion, int64_t now_us, uint32_t *ret_bps, int64_t *ret_until_us);
void md_congestion_stats(const MdCongestion *congestion, MdCongestionStats *ret);
