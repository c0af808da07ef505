/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/reach.h"

/* What is known of one play at one loudspeaker that reports by itself: gathered from news that may come in any order, twice and
 * hours late. Merging is commutative and idempotent, so the result does not depend on how the network behaved. Pure. */
typedef struct BcProof {
    int64_t wanted_us, sent_us, acked_us, from_us, to_us, proved_us, reported_us; /* wall, 0: not yet */
    uint64_t ended, cut, missed, refused; /* bit per item of a programme; a single bulletin is item 0 */
    int64_t level_mdb;       /* thousandths of dBFS, BC_PROOF_NO_LEVEL: not measured */
    int64_t match_permille;  /* -1: not measured */
    int64_t reason_us;
    char level_source[16], reason[200];
} BcProof;
#define BC_PROOF_NO_LEVEL INT64_MIN
#define BC_PROOF_ITEMS_MAX 63u

void bc_proof_init(BcProof *proof, int64_t wanted_us);
/* received_us: wall, ours. False: it says nothing new. */
bool bc_proof_merge(BcProof *proof, const BcReachNews *news, int64_t received_us);

/* "waiting", "playing", "played", "partial", "missed". items: of the run, at least 1. over: the run has ended and reports were waited
 * for, so what is open is settled: "missed: no report", "partial: its end was not reported". *ret_reason: NULL, or in proof or static. */
const char *bc_proof_outcome(const BcProof *proof, unsigned items, bool over, const char **ret_reason);
/* No more news is needed: every item has ended, was cut, missed or refused. */
bool bc_proof_settled(const BcProof *proof, unsigned items);
