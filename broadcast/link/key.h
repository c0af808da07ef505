/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <openssl/evp.h>
#include "broadcast/link/jws.h"

/* Inside this room: what keys are to OpenSSL. */
#define BC_KEY_RAW 32u /* bytes of an Ed25519 public key */

struct BcKey {
    EVP_PKEY *pkey;
    char *id;
    char *x; /* public key, base64url */
};

char *bc_base64url(const void *data, gsize len);
/* Strict RFC 4648 5 without padding; NULL: not that. g_free. */
guchar *bc_base64url_decode(const char *text, gsize len, gsize *ret_len);
/* RFC 7638 thumbprint of an Ed25519 key; g_free. */
char *bc_key_thumbprint(const char *x);
/* The key's point is none of small order (whose signatures fit any text). */
bool bc_key_point_ok(const guchar raw[BC_KEY_RAW]);
