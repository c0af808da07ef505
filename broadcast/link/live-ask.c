/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/link/live-ask.h"
#include <glib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define HEAD 16u
#define TAG 16u
#define OCCURRENCE_MAX 200u
#define DEVICE_MAX 64u
static const char label[] = "mediad live ask";

/* "AEAD_AES_128_GCM inline:BASE64[|…]": the key and salt. */
static guchar *master_key(const char *srtp, gsize *ret_len)
{
    const char *inline_at = srtp ? strstr(srtp, "inline:") : NULL;
    *ret_len = 0;
    if (!inline_at)
        return NULL;
    inline_at += strlen("inline:");
    g_autofree char *text = g_strndup(inline_at, strcspn(inline_at, "| "));
    return g_base64_decode(text, ret_len);
}

static bool tag(const uint8_t *data, size_t len, const char *srtp, uint8_t ret[TAG])
{
    uint8_t key[EVP_MAX_MD_SIZE], digest[EVP_MAX_MD_SIZE];
    unsigned key_len = 0, digest_len = 0;
    gsize master_len;
    guchar *master = master_key(srtp, &master_len);
    bool ok = HMAC(EVP_sha256(), master ? (const void *)master : "", (int)master_len, (const uint8_t *)label, strlen(label), key, &key_len) &&
        HMAC(EVP_sha256(), key, (int)key_len, data, len, digest, &digest_len) && digest_len >= TAG;
    if (ok)
        memcpy(ret, digest, TAG);
    if (master)
        OPENSSL_cleanse(master, master_len);
    OPENSSL_cleanse(key, sizeof(key));
    g_free(master);
    return ok;
}

size_t bc_live_ask_format(const BcLiveAsk *ask, const char *srtp, uint8_t *data, size_t cap)
{
    size_t occurrence = strnlen(ask->occurrence, sizeof(ask->occurrence)), device = strnlen(ask->device, sizeof(ask->device));
    size_t len = HEAD + occurrence + device;
    if (!occurrence || occurrence > OCCURRENCE_MAX || !device || device > DEVICE_MAX || cap < len + TAG)
        return 0;
    memcpy(data, "MLA1", 4);
    data[4] = ask->bye;
    data[5] = (uint8_t)occurrence;
    data[6] = (uint8_t)device;
    data[7] = 0;
    for (unsigned i = 0; i < 8; i++)
        data[8 + i] = (uint8_t)((uint64_t)ask->at_us >> (56 - 8 * i));
    memcpy(data + HEAD, ask->occurrence, occurrence);
    memcpy(data + HEAD + occurrence, ask->device, device);
    return tag(data, len, srtp, data + len) ? len + TAG : 0;
}

bool bc_live_ask_parse(BcLiveAsk *ret, const uint8_t *data, size_t len)
{
    if (len < HEAD + TAG || memcmp(data, "MLA1", 4) || data[4] > 1 || data[7])
        return false;
    size_t occurrence = data[5], device = data[6];
    if (!occurrence || occurrence > OCCURRENCE_MAX || !device || device > DEVICE_MAX || len != HEAD + occurrence + device + TAG ||
        memchr(data + HEAD, 0, occurrence + device))
        return false;
    memset(ret, 0, sizeof(*ret));
    ret->bye = data[4];
    uint64_t at = 0;
    for (unsigned i = 0; i < 8; i++)
        at = at << 8 | data[8 + i];
    ret->at_us = (int64_t)at;
    memcpy(ret->occurrence, data + HEAD, occurrence);
    memcpy(ret->device, data + HEAD + occurrence, device);
    return true;
}

bool bc_live_ask_verify(const uint8_t *data, size_t len, const char *srtp)
{
    uint8_t want[TAG];
    return len >= HEAD + TAG && tag(data, len - TAG, srtp, want) && CRYPTO_memcmp(want, data + len - TAG, TAG) == 0;
}
