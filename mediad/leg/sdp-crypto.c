/* SPDX-License-Identifier: GPL-3.0-or-later */
/* a=crypto (RFC 4568). */
#include "mediad/leg/sdp-private.h"

#include <string.h>

/* Lifetime is only checked for form: our keys live as long as the call, far below 2^48 packets, and a peer's
 * limit below 2^31 SRTCP packets cannot be reached in a call either. */
static bool crypto_lifetime_ok(const char *text, size_t len)
{
    if (len == 0 || len > 20)
        return false;
    if (len > 2 && text[0] == '2' && text[1] == '^') {
        text += 2;
        len -= 2;
    }
    return strspn(text, "0123456789") >= len;
}

bool md_sdp_parse_crypto(const char *value, MdSdpCrypto *ret)
{
    if (strlen(value) > 512)
        return false;
    g_auto(GStrv) part = g_strsplit_set(value, " \t", 8);
    guint64 tag;
    if (g_strv_length(part) < 3 || !g_ascii_string_to_unsigned(part[0], 10, 0, 999999999, &tag, NULL))
        return false;
    MdSrtpSuite suite = md_srtp_suite_from_string(part[1]);
    if (suite == MD_SRTP_SUITE_INVALID || g_ascii_strncasecmp(part[2], "inline:", 7) != 0 ||
        strchr(part[2], ';'))
        return false;
    for (char **session = part + 3; *session; session++) /* parameters that change the packets: not ours */
        if (g_str_has_prefix(*session, "UNENCRYPTED_") || g_str_has_prefix(*session, "UNAUTHENTICATED_") ||
            g_str_has_prefix(*session, "KDR=") || g_str_has_prefix(*session, "FEC_"))
            return false;
    const char *key = part[2] + 7, *bar = strchr(key, '|');
    size_t key_len = bar ? (size_t)(bar - key) : strlen(key);
    while (bar) {
        const char *field = bar + 1;
        bar = strchr(field, '|');
        size_t len = bar ? (size_t)(bar - field) : strlen(field);
        if (memchr(field, ':', len)) /* MKI: every packet would carry it */
            return false;
        if (!crypto_lifetime_ok(field, len))
            return false;
    }
    MdSdpCrypto crypto = {.tag = (unsigned)tag};
    if (md_srtp_key_from_base64(suite, key, key_len, &crypto.key) < 0)
        return false;
    *ret = crypto;
    return true;
}
