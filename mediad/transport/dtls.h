/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "mediad/transport/srtp.h"

/* DTLS-SRTP (RFC 5763, 5764). The identity is one self-signed ECDSA P-256 certificate per process; the peer's is
 * trusted by the fingerprint in its session description and nothing else. Thread: the identity any after it is made,
 * an association the one that owns it (control: handshakes cost milliseconds and never run in a tick). */
typedef struct MdDtlsIdentity MdDtlsIdentity;
typedef struct MdDtls MdDtls;

#define MD_DTLS_FINGERPRINT_MAX 160 /* "sha-512 " + 64 * 3, cut at what we make and take: SHA-256 needs 104 */

MdDtlsIdentity *md_dtls_identity_new(void);                  /* NULL with errno */
void md_dtls_identity_free(MdDtlsIdentity *identity);        /* after every association */
/* "sha-256 AB:CD:…" for a=fingerprint. Lives as long as the identity. */
const char *md_dtls_identity_fingerprint(const MdDtlsIdentity *identity);

typedef enum MdDtlsState {
    MD_DTLS_NEW,
    MD_DTLS_HANDSHAKE,
    MD_DTLS_CONNECTED,   /* fingerprint checked, keys ready */
    MD_DTLS_FAILED,      /* fingerprint differs, no common profile, alert, gave up */
    MD_DTLS_CLOSED,      /* close_notify from the peer */
} MdDtlsState;

/* Send one datagram; len <= 1200. Called from within the functions below. */
typedef void (*MdDtlsSendFn)(const uint8_t *data, size_t len, void *user);

typedef struct MdDtlsOptions {
    const MdDtlsIdentity *identity;
    bool active;                     /* a=setup:active: we send the ClientHello */
    const char *peer_fingerprint;    /* "sha-256 AB:…" (hash name in any case); copied */
    unsigned first_timeout_ms;       /* retransmission timer, doubles each time; 0: 250 */
    MdDtlsSendFn send;
    void *user;
} MdDtlsOptions;

MdDtls *md_dtls_new(const MdDtlsOptions *options);           /* NULL with errno; EINVAL: unknown fingerprint hash */
void md_dtls_free(MdDtls *dtls);                             /* says close_notify when connected */
/* Active side: sends the ClientHello. Passive: waits. 0 or -EPROTO. */
int md_dtls_start(MdDtls *dtls);
/* One datagram from the peer. At most 2,000 datagrams per association before it is connected. 0, -EPROTO when the
 * association has failed, -E2BIG. */
int md_dtls_input(MdDtls *dtls, const uint8_t *data, size_t len);
/* Milliseconds until md_dtls_timeout wants to be called, -1: no timer runs. */
int md_dtls_timeout_ms(const MdDtls *dtls);
/* Retransmits what is due. 0, or -EPROTO when the association has given up. */
int md_dtls_timeout(MdDtls *dtls);
MdDtlsState md_dtls_state(const MdDtls *dtls);
/* When CONNECTED: our sending key and the peer's. 0 or -ENOTCONN. */
int md_dtls_keys(const MdDtls *dtls, MdSrtpKey *ret_send, MdSrtpKey *ret_receive);
/* "handshake failed: …", for the log; "" when fine. */
const char *md_dtls_error(const MdDtls *dtls);
/* Is text a fingerprint we can check (sha-256, sha-384, sha-512; SHA-1 is refused)? */
bool md_dtls_fingerprint_is_valid(const char *text);
