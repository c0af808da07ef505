/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* SRTP and SRTCP (RFC 3711, 7714) over libsrtp2. A context belongs to one thread at a time. */
typedef enum MdSrtpSuite {
    MD_SRTP_AEAD_AES_128_GCM,        /* first: cheapest here */
    MD_SRTP_AEAD_AES_256_GCM,
    MD_SRTP_AES_CM_128_HMAC_SHA1_80,
    MD_SRTP_AES_CM_128_HMAC_SHA1_32,
    MD_SRTP_SUITE_MAX,
    MD_SRTP_SUITE_INVALID = -1,
} MdSrtpSuite;

/* Names of the SDES registry (RFC 4568, 7714); NULL out of range. */
const char *md_srtp_suite_to_string(MdSrtpSuite suite);
MdSrtpSuite md_srtp_suite_from_string(const char *name);
/* Master key and salt together, bytes: 28, 44, 30, 30. 0 out of range. */
size_t md_srtp_suite_key_len(MdSrtpSuite suite);
size_t md_srtp_suite_salt_len(MdSrtpSuite suite);

#define MD_SRTP_KEY_MAX 46
#define MD_SRTP_KEY_BASE64_MAX 68     /* with NUL */
#define MD_SRTP_OVERHEAD_MAX 32       /* bytes protect may add: tag 16, SRTCP index 4, spare */

typedef struct MdSrtpKey {            /* key followed by salt */
    MdSrtpSuite suite;
    size_t len;
    uint8_t material[MD_SRTP_KEY_MAX];
} MdSrtpKey;

int md_srtp_key_generate(MdSrtpSuite suite, MdSrtpKey *ret);  /* 0, -EINVAL, -EIO when there is no randomness */
void md_srtp_key_clear(MdSrtpKey *key);                       /* wipes */
bool md_srtp_key_equal(const MdSrtpKey *a, const MdSrtpKey *b);
/* SDES "inline:" text (standard base64 with padding). 0 or -ENOSPC. */
int md_srtp_key_to_base64(const MdSrtpKey *key, char *ret, size_t cap);
/* Exactly the suite's length, with or without padding. 0 or -EINVAL. */
int md_srtp_key_from_base64(MdSrtpSuite suite, const char *text, size_t len, MdSrtpKey *ret);

typedef struct MdSrtp MdSrtp;
typedef enum MdSrtpDirection { MD_SRTP_SEND, MD_SRTP_RECEIVE } MdSrtpDirection;

/* One direction under one master key, any SSRC (receiving: state for the last 32 of them is kept). Sending allows the same packet again (retransmission). One sending
 * context may serve a whole group: protect once, send the bytes to many. NULL with errno. Initialises libsrtp once. */
MdSrtp *md_srtp_new(MdSrtpDirection direction, const MdSrtpKey *key);
void md_srtp_free(MdSrtp *srtp);

/* In place. cap >= *len + MD_SRTP_OVERHEAD_MAX for protect. 0; -EINVAL (no RTP), -ENOSPC, -EBADMSG (does not
 * authenticate), -EALREADY (replayed or too old). On failure *len is as it was and the bytes are of no use. */
int md_srtp_protect_rtp(MdSrtp *srtp, uint8_t *packet, size_t *len, size_t cap);
int md_srtp_protect_rtcp(MdSrtp *srtp, uint8_t *packet, size_t *len, size_t cap);
int md_srtp_unprotect_rtp(MdSrtp *srtp, uint8_t *packet, size_t *len);
int md_srtp_unprotect_rtcp(MdSrtp *srtp, uint8_t *packet, size_t *len);
