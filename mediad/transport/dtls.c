/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/transport/dtls.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/srtp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>

#define MTU 1200
#define DATAGRAMS_MAX 2000
#define FIRST_TIMEOUT_DEFAULT_MS 250
#define TIMEOUT_MAX_US 4000000u
#define PROFILES "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM"
#define CERTIFICATE_DAYS 3650

struct MdDtlsIdentity {
    SSL_CTX *ctx;
    BIO_METHOD *bio;
    char fingerprint[MD_DTLS_FINGERPRINT_MAX];
};

struct MdDtls {
    MdDtlsOptions options;
    char peer_fingerprint[200];
    SSL *ssl;
    MdDtlsState state;
    const uint8_t *in; /* the datagram being read */
    size_t in_len;
    unsigned datagrams;
    bool verified;
    MdSrtpKey send_key, receive_key;
    char error[160];
};

/* ---- fingerprints ---- */

static const EVP_MD *hash_of(const char *text, size_t *ret_name_len)
{
    static const struct {
        const char *name;
        const EVP_MD *(*md)(void);
    } hashes[] = {{"sha-256 ", EVP_sha256}, {"sha-384 ", EVP_sha384}, {"sha-512 ", EVP_sha512}};
    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++)
        if (strncasecmp(text, hashes[i].name, strlen(hashes[i].name)) == 0) {
            *ret_name_len = strlen(hashes[i].name);
            return hashes[i].md();
        }
    return NULL;
}

static bool parse_hex(const char *text, uint8_t *ret, size_t len)
{
    for (size_t i = 0; i < len; i++, text += 3) {
        if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) ||
            text[2] != (i + 1 < len ? ':' : '\0'))
            return false;
        ret[i] = (uint8_t)strtoul((char[3]){text[0], text[1], 0}, NULL, 16);
    }
    return true;
}

/* Text of a=fingerprint to hash and bytes. */
static const EVP_MD *parse_fingerprint(const char *text, uint8_t ret[EVP_MAX_MD_SIZE])
{
    size_t name_len;
    const EVP_MD *md = text ? hash_of(text, &name_len) : NULL;
    if (!md || strnlen(text, 200) >= 200)
        return NULL;
    char hex[200];
    size_t n = 0;
    for (const char *p = text + name_len; *p && *p != '\r' && *p != '\n'; p++)
        hex[n++] = *p;
    while (n && hex[n - 1] == ' ')
        n--;
    hex[n] = 0;
    return n == (size_t)EVP_MD_get_size(md) * 3 - 1 && parse_hex(hex, ret, (size_t)EVP_MD_get_size(md))
               ? md
               : NULL;
}

bool md_dtls_fingerprint_is_valid(const char *text)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    return parse_fingerprint(text, digest) != NULL;
}

static bool certificate_matches(X509 *cert, const char *fingerprint)
{
    uint8_t want[EVP_MAX_MD_SIZE], have[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    const EVP_MD *md = parse_fingerprint(fingerprint, want);
    return md && X509_digest(cert, md, have, &len) == 1 && CRYPTO_memcmp(want, have, len) == 0;
}

/* ---- BIO: one read is one datagram, one write is one datagram ---- */

static int bio_write(BIO *bio, const char *data, int len)
{
    MdDtls *dtls = BIO_get_data(bio);
    if (len > 0)
        dtls->options.send((const uint8_t *)data, (size_t)len, dtls->options.user);
    return len;
}

static int bio_read(BIO *bio, char *data, int len)
{
    MdDtls *dtls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!dtls->in) {
        BIO_set_retry_read(bio);
        return -1;
    }
    int n = dtls->in_len < (size_t)len ? (int)dtls->in_len : len;
    memcpy(data, dtls->in, (size_t)n);
    dtls->in = NULL;
    return n;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    switch (cmd) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return MTU;
    default:
        return 0;
    }
}

/* ---- identity ---- */

static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    uint64_t serial = 0;
    if (!cert || RAND_bytes((unsigned char *)&serial, sizeof serial) != 1) {
        X509_free(cert);
        return NULL;
    }
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -86400); /* a peer's clock may be behind */
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * CERTIFICATE_DAYS);
    X509_NAME *name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"mediad", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    if (X509_set_pubkey(cert, key) != 1 || X509_sign(cert, key, EVP_sha256()) == 0) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

/* The chain means nothing here: the handshake goes through and the fingerprint decides. */
static int accept_any(int ok, X509_STORE_CTX *store)
{
    return 1;
}

static bool write_fingerprint(X509 *cert, char *ret, size_t cap)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (X509_digest(cert, EVP_sha256(), digest, &len) != 1)
        return false;
    size_t at = (size_t)snprintf(ret, cap, "sha-256 ");
    for (unsigned i = 0; i < len; i++)
        at += (size_t)snprintf(ret + at, cap - at, i ? ":%02X" : "%02X", digest[i]);
    return true;
}

static bool set_up_context(MdDtlsIdentity *identity)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key ? make_certificate(key) : NULL;
    identity->ctx = SSL_CTX_new(DTLS_method());
    bool ok = cert && identity->ctx && SSL_CTX_set_min_proto_version(identity->ctx, DTLS1_2_VERSION) == 1 &&
              SSL_CTX_use_certificate(identity->ctx, cert) == 1 &&
              SSL_CTX_use_PrivateKey(identity->ctx, key) == 1 &&
              SSL_CTX_set_tlsext_use_srtp(identity->ctx, PROFILES) == 0 && /* 0 is success here */
              write_fingerprint(cert, identity->fingerprint, sizeof identity->fingerprint);
    X509_free(cert);
    EVP_PKEY_free(key);
    if (!ok)
        return false;
    SSL_CTX_set_verify(identity->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_any);
    SSL_CTX_set_session_cache_mode(identity->ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(identity->ctx, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_read_ahead(identity->ctx, 1);
    identity->bio = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "mediad dtls");
    return identity->bio && BIO_meth_set_write(identity->bio, bio_write) &&
           BIO_meth_set_read(identity->bio, bio_read) && BIO_meth_set_ctrl(identity->bio, bio_ctrl);
}

MdDtlsIdentity *md_dtls_identity_new(void)
{
    MdDtlsIdentity *identity = calloc(1, sizeof *identity);
    if (identity && !set_up_context(identity)) {
        ERR_clear_error();
        md_dtls_identity_free(identity);
        errno = EIO;
        return NULL;
    }
    return identity;
}

void md_dtls_identity_free(MdDtlsIdentity *identity)
{
    if (!identity)
        return;
    SSL_CTX_free(identity->ctx);
    BIO_meth_free(identity->bio);
    free(identity);
}

const char *md_dtls_identity_fingerprint(const MdDtlsIdentity *identity)
{
    return identity->fingerprint;
}

/* ---- association ---- */

/* OpenSSL counts in its own real time; only the lengths are ours: doubling from the first, at most 4 s. */
static unsigned next_timeout_us(SSL *ssl, unsigned before_us)
{
    const MdDtls *dtls = SSL_get_app_data(ssl);
    if (before_us == 0)
        return dtls->options.first_timeout_ms * 1000;
    return before_us * 2 < TIMEOUT_MAX_US ? before_us * 2 : TIMEOUT_MAX_US;
}

MdDtls *md_dtls_new(const MdDtlsOptions *options)
{
    if (!md_dtls_fingerprint_is_valid(options->peer_fingerprint)) {
        errno = EINVAL;
        return NULL;
    }
    MdDtls *dtls = calloc(1, sizeof *dtls);
    BIO *bio = dtls ? BIO_new(options->identity->bio) : NULL;
    if (bio)
        dtls->ssl = SSL_new(options->identity->ctx);
    if (!bio || !dtls->ssl) {
        BIO_free(bio);
        free(dtls);
        errno = ENOMEM;
        return NULL;
    }
    dtls->options = *options;
    if (!dtls->options.first_timeout_ms)
        dtls->options.first_timeout_ms = FIRST_TIMEOUT_DEFAULT_MS;
    snprintf(dtls->peer_fingerprint, sizeof dtls->peer_fingerprint, "%s", options->peer_fingerprint);
    dtls->options.peer_fingerprint = dtls->peer_fingerprint;
    BIO_set_data(bio, dtls);
    BIO_set_init(bio, 1);
    SSL_set_bio(dtls->ssl, bio, bio);
    SSL_set_app_data(dtls->ssl, dtls);
    SSL_set_mtu(dtls->ssl, MTU);
    DTLS_set_timer_cb(dtls->ssl, next_timeout_us);
    if (options->active)
        SSL_set_connect_state(dtls->ssl);
    else
        SSL_set_accept_state(dtls->ssl);
    return dtls;
}

void md_dtls_free(MdDtls *dtls)
{
    if (!dtls)
        return;
    if (dtls->state == MD_DTLS_CONNECTED)
        SSL_shutdown(dtls->ssl);
    SSL_free(dtls->ssl);
    ERR_clear_error();
    OPENSSL_cleanse(dtls, sizeof *dtls);
    free(dtls);
}

static int fail(MdDtls *dtls, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    char detail[100] = "";
    if (code)
        ERR_error_string_n(code, detail, sizeof detail);
    ERR_clear_error();
    snprintf(dtls->error, sizeof dtls->error, code ? "%s: %s" : "%s", what, detail);
    dtls->state = MD_DTLS_FAILED;
    return -EPROTO;
}

static MdSrtpSuite agreed_suite(const SSL *ssl)
{
    const SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile((SSL *)(uintptr_t)ssl);
    switch (profile ? profile->id : 0) {
    case SRTP_AES128_CM_SHA1_80:
        return MD_SRTP_AES_CM_128_HMAC_SHA1_80;
    case SRTP_AES128_CM_SHA1_32:
        return MD_SRTP_AES_CM_128_HMAC_SHA1_32;
    case SRTP_AEAD_AES_128_GCM:
        return MD_SRTP_AEAD_AES_128_GCM;
    case SRTP_AEAD_AES_256_GCM:
        return MD_SRTP_AEAD_AES_256_GCM;
    default:
        return MD_SRTP_SUITE_INVALID;
    }
}

/* RFC 5764, 4.2: client key, server key, client salt, server salt. */
static int export_keys(MdDtls *dtls)
{
    MdSrtpSuite suite = agreed_suite(dtls->ssl);
    if (suite == MD_SRTP_SUITE_INVALID)
        return fail(dtls, "no common SRTP profile");
    size_t salt = md_srtp_suite_salt_len(suite), len = md_srtp_suite_key_len(suite), key = len - salt;
    uint8_t out[2 * MD_SRTP_KEY_MAX];
    static const char label[] = "EXTRACTOR-dtls_srtp";
    if (SSL_export_keying_material(dtls->ssl, out, 2 * len, label, sizeof label - 1, NULL, 0, 0) != 1)
        return fail(dtls, "no keying material");
    MdSrtpKey client = {.suite = suite, .len = len}, server = client;
    memcpy(client.material, out, key);
    memcpy(server.material, out + key, key);
    memcpy(client.material + key, out + 2 * key, salt);
    memcpy(server.material + key, out + 2 * key + salt, salt);
    dtls->send_key = dtls->options.active ? client : server;
    dtls->receive_key = dtls->options.active ? server : client;
    OPENSSL_cleanse(out, sizeof out);
    return 0;
}

static int finish(MdDtls *dtls)
{
    X509 *cert = SSL_get1_peer_certificate(dtls->ssl);
    bool same = cert && certificate_matches(cert, dtls->peer_fingerprint);
    X509_free(cert);
    if (!same)
        return fail(dtls, "the certificate does not have the fingerprint of the session description");
    if (export_keys(dtls) < 0)
        return -EPROTO;
    dtls->state = MD_DTLS_CONNECTED;
    return 0;
}

static int advance(MdDtls *dtls)
{
    ERR_clear_error();
    if (dtls->state == MD_DTLS_CONNECTED) { /* alerts, a repeated last flight */
        uint8_t sink[256];
        int n = SSL_read(dtls->ssl, sink, sizeof sink);
        if (n <= 0 && SSL_get_error(dtls->ssl, n) == SSL_ERROR_ZERO_RETURN)
            dtls->state = MD_DTLS_CLOSED;
        ERR_clear_error();
        return 0;
    }
    dtls->state = MD_DTLS_HANDSHAKE;
    int rc = SSL_do_handshake(dtls->ssl);
    if (rc == 1)
        return finish(dtls);
    int err = SSL_get_error(dtls->ssl, rc);
    return err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE ? 0 : fail(dtls, "handshake failed");
}

int md_dtls_start(MdDtls *dtls)
{
    return dtls->options.active ? advance(dtls) : 0;
}

int md_dtls_input(MdDtls *dtls, const uint8_t *data, size_t len)
{
    if (dtls->state == MD_DTLS_FAILED)
        return -EPROTO;
    if (dtls->state == MD_DTLS_CLOSED)
        return 0;
    if (dtls->state != MD_DTLS_CONNECTED && ++dtls->datagrams > DATAGRAMS_MAX)
        return -E2BIG;
    dtls->in = data;
    dtls->in_len = len;
    int rc = advance(dtls);
    dtls->in = NULL;
    return rc;
}

int md_dtls_timeout_ms(const MdDtls *dtls)
{
    struct timeval left;
    if (dtls->state != MD_DTLS_HANDSHAKE || !DTLSv1_get_timeout(dtls->ssl, &left))
        return -1;
    return (int)(left.tv_sec * 1000 + (left.tv_usec + 999) / 1000);
}

int md_dtls_timeout(MdDtls *dtls)
{
    if (dtls->state != MD_DTLS_HANDSHAKE)
        return 0;
    ERR_clear_error();
    return DTLSv1_handle_timeout(dtls->ssl) < 0 ? fail(dtls, "no answer to the handshake") : 0;
}

MdDtlsState md_dtls_state(const MdDtls *dtls)
{
    return dtls->state;
}

int md_dtls_keys(const MdDtls *dtls, MdSrtpKey *ret_send, MdSrtpKey *ret_receive)
{
    if (dtls->state != MD_DTLS_CONNECTED)
        return -ENOTCONN;
    *ret_send = dtls->send_key;
    *ret_receive = dtls->receive_key;
    return 0;
}

const char *md_dtls_error(const MdDtls *dtls)
{
    return dtls->error;
}
