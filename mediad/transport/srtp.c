/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/transport/srtp.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>

/* Retransmissions and reordering reach back further than libsrtp's default of 128 packets at video rates. */
#define REPLAY_WINDOW 1024

static const struct {
    const char *name;
    size_t key_len, salt_len; /* bytes */
    void (*set_rtp)(srtp_crypto_policy_t *);
    void (*set_rtcp)(srtp_crypto_policy_t *);
} suites[MD_SRTP_SUITE_MAX] = {
    [MD_SRTP_AEAD_AES_128_GCM] = {"AEAD_AES_128_GCM", 16, 12, srtp_crypto_policy_set_aes_gcm_128_16_auth,
                                  srtp_crypto_policy_set_aes_gcm_128_16_auth},
    [MD_SRTP_AEAD_AES_256_GCM] = {"AEAD_AES_256_GCM", 32, 12, srtp_crypto_policy_set_aes_gcm_256_16_auth,
                                  srtp_crypto_policy_set_aes_gcm_256_16_auth},
    [MD_SRTP_AES_CM_128_HMAC_SHA1_80] = {"AES_CM_128_HMAC_SHA1_80", 16, 14,
                                         srtp_crypto_policy_set_rtp_default,
                                         srtp_crypto_policy_set_rtp_default},
    /* RFC 4568, 6.2.2: SRTCP keeps the 80-bit tag */
    [MD_SRTP_AES_CM_128_HMAC_SHA1_32] = {"AES_CM_128_HMAC_SHA1_32", 16, 14,
                                         srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
                                         srtp_crypto_policy_set_rtp_default},
};

/* libsrtp keeps state for every SSRC that ever authenticated; a peer that changes it with each packet must
 * not fill our memory. The one that was new longest ago goes. */
#define STREAMS_MAX 32

struct MdSrtp {
    srtp_t session;
    uint32_t streams[STREAMS_MAX]; /* receiving: network order as read */
    unsigned n_streams, oldest, last;
};

static pthread_once_t srtp_once = PTHREAD_ONCE_INIT;
static srtp_err_status_t srtp_init_status;

static void init_library(void)
{
    srtp_init_status = srtp_init();
}

static bool suite_ok(MdSrtpSuite suite)
{
    return (int)suite >= 0 && suite < MD_SRTP_SUITE_MAX;
}

const char *md_srtp_suite_to_string(MdSrtpSuite suite)
{
    return suite_ok(suite) ? suites[suite].name : NULL;
}

MdSrtpSuite md_srtp_suite_from_string(const char *name)
{
    for (int i = 0; name && i < MD_SRTP_SUITE_MAX; i++)
        if (strcmp(suites[i].name, name) == 0)
            return (MdSrtpSuite)i;
    return MD_SRTP_SUITE_INVALID;
}

size_t md_srtp_suite_key_len(MdSrtpSuite suite)
{
    return suite_ok(suite) ? suites[suite].key_len + suites[suite].salt_len : 0;
}

size_t md_srtp_suite_salt_len(MdSrtpSuite suite)
{
    return suite_ok(suite) ? suites[suite].salt_len : 0;
}

int md_srtp_key_generate(MdSrtpSuite suite, MdSrtpKey *ret)
{
    if (!suite_ok(suite))
        return -EINVAL;
    MdSrtpKey key = {.suite = suite, .len = md_srtp_suite_key_len(suite)};
    if (RAND_bytes(key.material, (int)key.len) != 1)
        return -EIO;
    *ret = key;
    return 0;
}

void md_srtp_key_clear(MdSrtpKey *key)
{
    OPENSSL_cleanse(key, sizeof *key);
    key->suite = MD_SRTP_SUITE_INVALID;
}

bool md_srtp_key_equal(const MdSrtpKey *a, const MdSrtpKey *b)
{
    return a->suite == b->suite && a->len == b->len && CRYPTO_memcmp(a->material, b->material, a->len) == 0;
}

int md_srtp_key_to_base64(const MdSrtpKey *key, char *ret, size_t cap)
{
    unsigned char text[MD_SRTP_KEY_BASE64_MAX];
    int n = EVP_EncodeBlock(text, key->material, (int)key->len);
    if (n < 0 || (size_t)n >= cap)
        return -ENOSPC;
    memcpy(ret, text, (size_t)n + 1);
    return 0;
}

int md_srtp_key_from_base64(MdSrtpSuite suite, const char *text, size_t len, MdSrtpKey *ret)
{
    size_t want = md_srtp_suite_key_len(suite), full = (want + 2) / 3 * 4;
    unsigned char padded[MD_SRTP_KEY_BASE64_MAX], out[MD_SRTP_KEY_BASE64_MAX];
    while (len && text[len - 1] == '=')
        len--;
    if (want == 0 || len != (want * 8 + 5) / 6)
        return -EINVAL;
    memset(padded, '=', full);
    memcpy(padded, text, len);
    for (size_t i = 0; i < len; i++) /* EVP_DecodeBlock is lenient about white space */
        if (!((text[i] | 32) >= 'a' && (text[i] | 32) <= 'z') && !(text[i] >= '0' && text[i] <= '9') &&
            text[i] != '+' && text[i] != '/')
            return -EINVAL;
    int n = EVP_DecodeBlock(out, padded, (int)full);
    if (n < 0 || (size_t)n < want)
        return -EINVAL;
    *ret = (MdSrtpKey){.suite = suite, .len = want};
    memcpy(ret->material, out, want);
    OPENSSL_cleanse(out, sizeof out);
    return 0;
}

MdSrtp *md_srtp_new(MdSrtpDirection direction, const MdSrtpKey *key)
{
    if (!suite_ok(key->suite) || key->len != md_srtp_suite_key_len(key->suite)) {
        errno = EINVAL;
        return NULL;
    }
    pthread_once(&srtp_once, init_library);
    MdSrtp *srtp = srtp_init_status == srtp_err_status_ok ? calloc(1, sizeof *srtp) : NULL;
    if (!srtp) {
        errno = ENOMEM;
        return NULL;
    }
    uint8_t material[MD_SRTP_KEY_MAX + 16] = {0}; /* libsrtp may read a whole salt block */
    memcpy(material, key->material, key->len);
    srtp_policy_t policy = {
        .key = material, .window_size = REPLAY_WINDOW, .allow_repeat_tx = direction == MD_SRTP_SEND};
    suites[key->suite].set_rtp(&policy.rtp);
    suites[key->suite].set_rtcp(&policy.rtcp);
    policy.ssrc.type = direction == MD_SRTP_SEND ? ssrc_any_outbound : ssrc_any_inbound;
    srtp_err_status_t status = srtp_create(&srtp->session, &policy);
    OPENSSL_cleanse(material, sizeof material);
    if (status != srtp_err_status_ok) {
        free(srtp);
        errno = status == srtp_err_status_alloc_fail ? ENOMEM : EINVAL;
        return NULL;
    }
    return srtp;
}

void md_srtp_free(MdSrtp *srtp)
{
    if (!srtp)
        return;
    srtp_dealloc(srtp->session);
    free(srtp);
}

static int result(srtp_err_status_t status, size_t *len, const int *n)
{
    switch (status) {
    case srtp_err_status_ok:
        *len = (size_t)*n;
        return 0;
    case srtp_err_status_replay_fail:
    case srtp_err_status_replay_old:
        return -EALREADY;
    case srtp_err_status_bad_param:
    case srtp_err_status_parse_err:
        return -EINVAL;
    default:
        return -EBADMSG;
    }
}

static void note_stream(MdSrtp *srtp, const uint8_t *at)
{
    uint32_t ssrc = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    if (srtp->n_streams && srtp->streams[srtp->last] == ssrc)
        return;
    unsigned i = 0;
    while (i < srtp->n_streams && srtp->streams[i] != ssrc)
        i++;
    if (i == STREAMS_MAX) {
        i = srtp->oldest;
        srtp->oldest = (i + 1) % STREAMS_MAX;
        srtp_remove_stream(srtp->session, srtp->streams[i]);
    } else if (i == srtp->n_streams)
        srtp->n_streams++;
    srtp->streams[i] = ssrc;
    srtp->last = i;
}

int md_srtp_protect_rtp(MdSrtp *srtp, uint8_t *packet, size_t *len, size_t cap)
{
    if (*len < 12 || cap < *len + MD_SRTP_OVERHEAD_MAX)
        return *len < 12 ? -EINVAL : -ENOSPC;
    int n = (int)*len;
    return result(srtp_protect(srtp->session, packet, &n), len, &n);
}

int md_srtp_protect_rtcp(MdSrtp *srtp, uint8_t *packet, size_t *len, size_t cap)
{
    if (*len < 8 || cap < *len + MD_SRTP_OVERHEAD_MAX)
        return *len < 8 ? -EINVAL : -ENOSPC;
    int n = (int)*len;
    return result(srtp_protect_rtcp(srtp->session, packet, &n), len, &n);
}

int md_srtp_unprotect_rtp(MdSrtp *srtp, uint8_t *packet, size_t *len)
{
    if (*len < 12)
        return -EINVAL;
    int n = (int)*len;
    int rc = result(srtp_unprotect(srtp->session, packet, &n), len, &n);
    if (rc == 0)
        note_stream(srtp, packet + 8);
    return rc;
}

int md_srtp_unprotect_rtcp(MdSrtp *srtp, uint8_t *packet, size_t *len)
{
    if (*len < 8)
        return -EINVAL;
    int n = (int)*len;
    int rc = result(srtp_unprotect_rtcp(srtp->session, packet, &n), len, &n);
    if (rc == 0)
        note_stream(srtp, packet + 4);
    return rc;
}
