/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "sip/re-api.h"
#include <glib.h>

/* HTTP digest for SIP, qop=auth only: RFC 3261 22, RFC 7616, RFC 8760 (MD5 and SHA-256). Pure; thread: any. */
typedef enum SgAlgorithm { SG_ALGORITHM_MD5, SG_ALGORITHM_SHA256, SG_ALGORITHM_MAX } SgAlgorithm;

#define SG_HASH_HEX_MAX 64
typedef char SgHashHex[SG_HASH_HEX_MAX + 1]; /* lower case, NUL at the end */

typedef struct SgCredentials {       /* Authorization; slices of the message */
    struct pl username, realm, nonce, uri, response, cnonce, nc, qop;
    SgAlgorithm algorithm;
    uint32_t count;                  /* nc as a number */
} SgCredentials;
/* False: not "Digest", a required field is missing or wrong, an algorithm or qop we do not do. */
bool sg_credentials_parse(SgCredentials *credentials, const struct pl *value);

typedef struct SgChallenge {         /* WWW-Authenticate, Proxy-Authenticate; slices */
    struct pl realm, nonce, opaque;
    SgAlgorithm algorithm;
    bool qop_auth;                   /* else the old form without qop */
    bool stale;
} SgChallenge;
bool sg_challenge_parse(SgChallenge *challenge, const struct pl *value);

const char *sg_algorithm_to_string(SgAlgorithm algorithm); /* "MD5", "SHA-256" */
/* H(name:realm:password) */
void sg_ha1(SgAlgorithm algorithm, const char *name, const char *realm, const char *password, SgHashHex ret);
/* The response a holder of ha1 gives for these credentials. */
void sg_digest_expect(const SgCredentials *credentials, const struct pl *method, const char *ha1, SgHashHex ret);
/* Same length and content, in a time that does not depend on where they differ. Hexadecimal, case ignored in given. */
bool sg_digest_equal(const struct pl *given, const char *expected);
/* Value of our Authorization header. count: 1 for a nonce's first use. */
char *sg_authorization(const SgChallenge *challenge, const char *name, const char *password, const char *method,
                       const char *uri, uint32_t count, const char *cnonce);
