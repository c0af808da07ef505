/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/api/totp.h"
#include <liboath/oath.h>
#include <sodium.h>
#include <string.h>

bool md_totp_generate(const uint8_t *secret, size_t size, int64_t step, unsigned digits, char *ret)
{
    return step >= 0 && oath_init() == OATH_OK &&
           oath_hotp_generate((const char *)secret, size, (uint64_t)step, digits, false, OATH_HOTP_DYNAMIC_TRUNCATION, ret) == OATH_OK;
}

int64_t md_totp_match(const uint8_t *secret, size_t size, int64_t now_s, int64_t last_step, const char *code)
{
    int64_t now = now_s / MD_TOTP_STEP_S, found = -1;
    char expected[MD_TOTP_DIGITS + 1];

    if (strlen(code) != MD_TOTP_DIGITS)
        return -1;
    for (int64_t step = now - MD_TOTP_WINDOW; step <= now + MD_TOTP_WINDOW; step++) /* always all: the time tells nothing */
        if (md_totp_generate(secret, size, step, MD_TOTP_DIGITS, expected) && sodium_memcmp(expected, code, MD_TOTP_DIGITS) == 0 &&
            step > last_step && found < 0)
            found = step;
    return found;
}

char *md_totp_base32(const uint8_t *secret, size_t size)
{
    char *text = NULL;

    if (oath_base32_encode((const char *)secret, size, &text, NULL) != OATH_OK)
        return NULL;
    text[strcspn(text, "=")] = '\0';
    return text;
}
