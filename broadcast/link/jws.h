/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/* Signatures of everything a loudspeaker obeys: JWS compact serialisation (RFC 7515) with EdDSA over Ed25519 (RFC 8037). The
 * signed text is exactly what is parsed afterwards. Any thread; objects are immutable once made. */

#define BC_LINK_ERROR (bc_link_error_quark())
GQuark bc_link_error_quark(void);
typedef enum BcLinkError {
    BC_LINK_ERROR_FORMAT,     /* not a token, not JSON, a field missing or of the wrong type: the message names it */
    BC_LINK_ERROR_SIGNATURE,  /* the signature does not fit */
    BC_LINK_ERROR_KEY,        /* signed with a key that is not trusted (or not any more) */
    BC_LINK_ERROR_TYPE,       /* signed for another purpose ("typ" differs) */
    BC_LINK_ERROR_LIMIT,      /* longer, or more of something, than protocol.h allows */
    BC_LINK_ERROR_FAILED,     /* disk, randomness */
} BcLinkError;

typedef struct BcKey BcKey;     /* a private key */
/* Reads the PKCS#8 PEM file, or makes a new key there (mode 0600, durable) when it is missing. */
BcKey *bc_key_open(const char *path, GError **error);
BcKey *bc_key_generate(void);
void bc_key_free(BcKey *key);
const char *bc_key_id(const BcKey *key); /* RFC 7638 thumbprint, base64url: "kid" */
char *bc_key_public_jwk(const BcKey *key); /* {"kty":"OKP","crv":"Ed25519","x":…,"kid":…}; g_free */

/* typ: "mediad-manifest", "mediad-command", "mediad-firmware", "mediad-keys": a token for one purpose is refused for another. g_free. */
char *bc_jws_sign(const BcKey *key, const char *typ, const char *payload, gsize len, GError **error);

typedef struct BcTrust BcTrust; /* the public keys somebody believes */
BcTrust *bc_trust_new(const char *jwks, gsize len, GError **error); /* RFC 7517 key set; at most 16 Ed25519 keys count */
void bc_trust_free(BcTrust *trust);
unsigned bc_trust_count(const BcTrust *trust);
/* The payload (NUL-terminated beyond its end) of a token that one of the keys signed for typ (NULL: any purpose). Unref. NULL with BC_LINK_ERROR. */
GBytes *bc_jws_verify(const BcTrust *trust, const char *typ, const char *token, gsize len, GError **error);
