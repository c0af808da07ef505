/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* What the files of the second factor share: second-factor-secret.c (at rest), second-factor-code.c (a code is used), second-factor-enrol.c (it begins,
 * is renewed and ends), second-factor.c (on the way of a request). Only these include this header. */
#include "mediad/api/private.h"
#include "mediad/api/totp.h"

#define FACTOR_HEADER "X-One-Time-Code"
#define FACTOR_CODE_MAX 64

typedef struct Factor {
    guint8 secret[MD_TOTP_SECRET_BYTES], pending[MD_TOTP_SECRET_BYTES];
    bool enrolled, has_pending;
    int64_t last_step, recovery_left;
} Factor;

/* --- second-factor-secret.c */
/* Reads the key of all secrets once, and makes it where there is none. */
bool md_api_factor_read_key(MdApi *api, GError **error);
char *md_api_factor_seal(MdApi *api, const char *user, const guint8 secret[MD_TOTP_SECRET_BYTES]); /* after the key was read; g_free */
/* False with error: failed. A user without a row: neither enrolled nor pending. Zero it after use. */
bool md_api_factor_load(MdApi *api, const char *user, Factor *ret, GError **error);

/* --- second-factor-code.c */
/* Letters and digits in capitals, without blanks and hyphens: as people type them. */
void md_api_factor_tidy(const char *code, char ret[FACTOR_CODE_MAX]);
char *md_api_factor_recovery_hash(const char *user, const char *tidied); /* g_free */

/* --- second-factor-enrol.c */
void md_api_factor_enrol_routes(MdApi *api);

/* --- second-factor.c */
void md_api_factor_add_unlocked(JsonBuilder *b, int64_t until_us);
/* Schemas: of that member, and of a body with a code. */
#define FACTOR_UNTIL "\"unlocked_until_us\":{\"type\":\"integer\",\"description\":\"wall time, microseconds; 0: one-time codes are asked for\"}"
#define FACTOR_CODE "{\"type\":\"string\",\"minLength\":6,\"maxLength\":63,\"description\":\"six digits, or a recovery code\"}"
#define FACTOR_CODE_BODY "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"code\"],\"properties\":{\"code\":" FACTOR_CODE "}}"
