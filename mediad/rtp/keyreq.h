/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Key-frame requests merged and rate-limited; the same object serves requests we send (retry until the key
 * frame comes) and requests we get (retry 0: just pass at most one per interval, none lost). Owner thread
 * only. */
typedef struct MdKeyRequests {
    int64_t interval_us; /* least time between two that pass */
    int64_t retry_us;    /* 0: none */
    int64_t last_us;     /* of the last that passed */
    bool ever, pending, waiting;
    unsigned tries;
    uint64_t asked, passed;
} MdKeyRequests;

void md_key_requests_init(MdKeyRequests *requests, int64_t interval_us, int64_t retry_us);
/* Somebody wants a key frame. True: pass it on now. False: merged into one that was or will be passed (see
 * _due). */
bool md_key_requests_ask(MdKeyRequests *requests, int64_t now_us);
/* Call regularly: true when a merged request, or a retry of an unanswered one (at most 10, doubling), is to
 * be passed on now. */
bool md_key_requests_due(MdKeyRequests *requests, int64_t now_us);
/* A key frame came (or went out): whoever waited has it. */
void md_key_requests_satisfied(MdKeyRequests *requests, int64_t now_us);
