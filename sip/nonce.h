/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "sip/re-api.h"

/* Nonces that prove themselves: id, time and a MAC over both and the source's address, so that nothing is stored until a
 * password was right. Then a bounded table keeps the highest nonce count seen (RFC 7616 3.4.5). Time is an argument.
 * Thread: one. */
typedef struct SgNonces SgNonces;

#define SG_NONCE_LEN 64

/* slots: nonces in use at once, a power of two; 0: 262144. */
SgNonces *sg_nonces_new(unsigned lifetime_s, unsigned slots);
void sg_nonces_free(SgNonces *nonces);
void sg_nonce_make(SgNonces *nonces, const struct sa *source, int64_t now_us, char ret[SG_NONCE_LEN + 1]);

typedef enum SgNonceState {
    SG_NONCE_VALID,
    SG_NONCE_OLD,      /* ours, for this source, but past its life */
    SG_NONCE_FOREIGN,  /* not ours, or given to somebody else */
} SgNonceState;
SgNonceState sg_nonce_check(SgNonces *nonces, const struct sa *source, const struct pl *nonce, int64_t now_us, uint64_t *ret_id);

typedef enum SgCountState {
    SG_COUNT_FRESH,
    SG_COUNT_REPEATED, /* the very message that used this count: a retransmission */
    SG_COUNT_REPLAYED, /* used before, too far behind, or forgotten */
} SgCountState;
/* Only after the password was right. fingerprint: of the message, to tell a retransmission. */
SgCountState sg_nonce_count(SgNonces *nonces, uint64_t id, uint32_t count, uint64_t fingerprint);
