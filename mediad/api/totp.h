/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One-time codes by time (RFC 6238, HMAC-SHA-1, steps of 30 s from 1970): pure functions. */
#define MD_TOTP_STEP_S 30
#define MD_TOTP_DIGITS 6
#define MD_TOTP_SECRET_BYTES 20
#define MD_TOTP_WINDOW 1 /* steps a phone's clock may be ahead or behind */

/* digits 6..8; ret has room for digits + 1. False: liboath refused. */
bool md_totp_generate(const uint8_t *secret, size_t size, int64_t step, unsigned digits, char *ret);
/* The step (> last_step) within the window around now_s whose code this is; -1: none, or one that was used before. */
int64_t md_totp_match(const uint8_t *secret, size_t size, int64_t now_s, int64_t last_step, const char *code);
/* secret as applications for phones take it (RFC 4648 base 32 without padding). free(). NULL: no memory. */
char *md_totp_base32(const uint8_t *secret, size_t size);
