/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The datagram by which a loudspeaker asks for live sound (BcLinkLive host and port): RTP comes back to the address it was sent from, so it
 * passes address translators. Repeated every BC_LIVE_ASK_EVERY_US while the sound is wanted; the sender forgets who has not asked for
 * BC_LIVE_ASK_FORGET_US. RTP never begins like it (its first two bits are 01, RTP's are 10).
 *
 *   0   "MLA1"
 *   4   u8   0 wants it, 1 wants it no longer
 *   5   u8   bytes of the occurrence (1..200)   6 u8 bytes of the device's id (1..64)   7 u8 0
 *   8   u64  server time, microseconds since 1970, big-endian: asks older than BC_LIVE_ASK_AGE_US or repeated ones are to be ignored
 *   16  occurrence, device's id
 *   ..  16 bytes: the first half of HMAC-SHA256 over all before it
 * The HMAC's key is HMAC-SHA256(SRTP master key and salt as in the "inline:" text, decoded; "mediad live ask"): only who got the signed command
 * can ask, and what is on the wire tells nothing about the SRTP key. Without SRTP the master key is empty. Pure; any thread. */
#define BC_LIVE_ASK_MAX 320u
#define BC_LIVE_ASK_EVERY_US 2000000
#define BC_LIVE_ASK_FORGET_US 10000000
#define BC_LIVE_ASK_AGE_US 60000000

typedef struct BcLiveAsk {
    bool bye;
    int64_t at_us;
    char occurrence[201], device[65];
} BcLiveAsk;

/* Bytes written (<= cap, BC_LIVE_ASK_MAX suffices), 0 when something is out of range. srtp: BcLinkLive's text, NULL plain. */
size_t bc_live_ask_format(const BcLiveAsk *ask, const char *srtp, uint8_t *data, size_t cap);
/* False: malformed. The signature is not checked: find the sound by the occurrence first, then check with its key. */
bool bc_live_ask_parse(BcLiveAsk *ret, const uint8_t *data, size_t len);
bool bc_live_ask_verify(const uint8_t *data, size_t len, const char *srtp);
