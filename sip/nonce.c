/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/nonce.h"
#include <glib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define MAC_BYTES 16
#define WINDOW 64

typedef struct Slot {
    uint64_t id;          /* 0: free */
    uint64_t seen;        /* bit n: count highest - n was used */
    uint64_t fingerprint; /* of the message that used highest */
    uint32_t highest;
} Slot;

struct SgNonces {
    EVP_MD_CTX *inner, *outer, *work; /* HMAC-SHA-256 with both pads already hashed */
    EVP_MD *sha256;
    int64_t lifetime_us;
    uint64_t next_id;
    unsigned mask;
    Slot *slots;
};

SgNonces *sg_nonces_new(unsigned lifetime_s, unsigned slots)
{
    SgNonces *nonces = g_new0(SgNonces, 1);
    uint8_t key[64], pad[64];

    if (slots == 0)
        slots = 262144;
    g_assert((slots & (slots - 1)) == 0);
    nonces->lifetime_us = (int64_t)lifetime_s * 1000000;
    nonces->mask = slots - 1;
    nonces->slots = g_new0(Slot, slots);
    nonces->next_id = 1;
    nonces->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    nonces->inner = EVP_MD_CTX_new();
    nonces->outer = EVP_MD_CTX_new();
    nonces->work = EVP_MD_CTX_new();
    if (RAND_bytes(key, sizeof(key)) != 1 || !nonces->sha256)
        g_error("no randomness or SHA-256 from OpenSSL");
    for (int i = 0; i < 64; i++)
        pad[i] = key[i] ^ 0x36;
    EVP_DigestInit_ex2(nonces->inner, nonces->sha256, NULL);
    EVP_DigestUpdate(nonces->inner, pad, sizeof(pad));
    for (int i = 0; i < 64; i++)
        pad[i] = key[i] ^ 0x5c;
    EVP_DigestInit_ex2(nonces->outer, nonces->sha256, NULL);
    EVP_DigestUpdate(nonces->outer, pad, sizeof(pad));
    OPENSSL_cleanse(key, sizeof(key));
    OPENSSL_cleanse(pad, sizeof(pad));
    return nonces;
}

void sg_nonces_free(SgNonces *nonces)
{
    if (!nonces)
        return;
    EVP_MD_CTX_free(nonces->inner);
    EVP_MD_CTX_free(nonces->outer);
    EVP_MD_CTX_free(nonces->work);
    EVP_MD_free(nonces->sha256);
    g_free(nonces->slots);
    g_free(nonces);
}

static void mac(SgNonces *nonces, const uint8_t head[16], const struct sa *source, uint8_t ret[MAC_BYTES])
{
    uint8_t digest[EVP_MAX_MD_SIZE], address[16];
    unsigned len;

    memset(address, 0, sizeof(address));
    if (sa_af(source) == AF_INET6) {
        sa_in6(source, address);
    } else {
        uint32_t v4 = sa_in(source);

        memcpy(address, &v4, 4);
    }
    EVP_MD_CTX_copy_ex(nonces->work, nonces->inner);
    EVP_DigestUpdate(nonces->work, head, 16);
    EVP_DigestUpdate(nonces->work, address, sizeof(address));
    EVP_DigestFinal_ex(nonces->work, digest, &len);
    EVP_MD_CTX_copy_ex(nonces->work, nonces->outer);
    EVP_DigestUpdate(nonces->work, digest, len);
    EVP_DigestFinal_ex(nonces->work, digest, &len);
    memcpy(ret, digest, MAC_BYTES);
}

void sg_nonce_make(SgNonces *nonces, const struct sa *source, int64_t now_us, char ret[SG_NONCE_LEN + 1])
{
    static const char hex[] = "0123456789abcdef";
    uint64_t id = nonces->next_id++;
    uint8_t bytes[SG_NONCE_LEN / 2];

    memcpy(bytes, &id, 8);
    memcpy(bytes + 8, &now_us, 8);
    mac(nonces, bytes, source, bytes + 16);
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        ret[i * 2] = hex[bytes[i] >> 4];
        ret[i * 2 + 1] = hex[bytes[i] & 15];
    }
    ret[SG_NONCE_LEN] = '\0';
}

SgNonceState sg_nonce_check(SgNonces *nonces, const struct sa *source, const struct pl *nonce, int64_t now_us, uint64_t *ret_id)
{
    uint8_t bytes[SG_NONCE_LEN / 2], expected[MAC_BYTES];
    int64_t made_us;

    if (nonce->l != SG_NONCE_LEN)
        return SG_NONCE_FOREIGN;
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        int high = g_ascii_xdigit_value(nonce->p[i * 2]), low = g_ascii_xdigit_value(nonce->p[i * 2 + 1]);

        if (high < 0 || low < 0)
            return SG_NONCE_FOREIGN;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    mac(nonces, bytes, source, expected);
    if (CRYPTO_memcmp(expected, bytes + 16, MAC_BYTES) != 0)
        return SG_NONCE_FOREIGN;
    memcpy(ret_id, bytes, 8);
    memcpy(&made_us, bytes + 8, 8);
    return now_us - made_us > nonces->lifetime_us ? SG_NONCE_OLD : SG_NONCE_VALID;
}

SgCountState sg_nonce_count(SgNonces *nonces, uint64_t id, uint32_t count, uint64_t fingerprint)
{
    Slot *slot = &nonces->slots[id & nonces->mask];
    uint32_t behind;

    /* ids only grow: a younger nonce in the slot means that this one's counts were forgotten */
    if (slot->id > id)
        return SG_COUNT_REPLAYED;
    if (slot->id < id) {
        *slot = (Slot){.id = id, .seen = 1, .fingerprint = fingerprint, .highest = count};
        return SG_COUNT_FRESH;
    }
    if (count > slot->highest) {
        uint32_t ahead = count - slot->highest;

        slot->seen = ahead >= WINDOW ? 1 : slot->seen << ahead | 1;
        slot->highest = count;
        slot->fingerprint = fingerprint;
        return SG_COUNT_FRESH;
    }
    behind = slot->highest - count;
    if (behind == 0)
        return slot->fingerprint == fingerprint ? SG_COUNT_REPEATED : SG_COUNT_REPLAYED;
    if (behind >= WINDOW || (slot->seen >> behind & 1))
        return SG_COUNT_REPLAYED;
    slot->seen |= (uint64_t)1 << behind;
    return SG_COUNT_FRESH;
}
