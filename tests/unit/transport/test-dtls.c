/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>

#include "mediad/transport/demux.h"
#include "mediad/transport/dtls.h"

/* Two associations back to back: datagrams wait in a queue, some are dropped by number. */
typedef struct Side {
    struct Side *other;
    MdDtls *dtls;
    MdDtlsIdentity *identity;
    GQueue in;
    unsigned sent, *lose; /* lose: numbers of datagrams never delivered, 0-ended (first is 1) */
} Side;

static void on_send(const uint8_t *data, size_t len, void *user)
{
    Side *side = user;
    g_assert_cmpuint(len, <=, 1200);
    g_assert_cmpint(md_demux(data, len), ==, MD_PACKET_DTLS);
    side->sent++;
    for (unsigned *n = side->lose; n && *n; n++)
        if (*n == side->sent)
            return;
    g_queue_push_tail(&side->other->in, g_bytes_new(data, len));
}

static void make(Side side[2], bool wrong_fingerprint)
{
    for (unsigned i = 0; i < 2; i++) {
        side[i] = (Side){.other = &side[!i], .identity = md_dtls_identity_new()};
        g_assert_nonnull(side[i].identity);
        g_queue_init(&side[i].in);
    }
    for (unsigned i = 0; i < 2; i++) {
        MdDtlsOptions options = {.identity = side[i].identity,
                                 .active = i == 0,
                                 .first_timeout_ms = 1,
                                 .send = on_send,
                                 .user = &side[i],
                                 .peer_fingerprint = md_dtls_identity_fingerprint(
                                     side[wrong_fingerprint && i == 0 ? 0 : !i].identity)};
        side[i].dtls = md_dtls_new(&options);
        g_assert_nonnull(side[i].dtls);
        g_assert_cmpint(md_dtls_state(side[i].dtls), ==, MD_DTLS_NEW);
    }
}

static void pump(Side side[2])
{
    for (bool moved = true; moved;) {
        moved = false;
        for (unsigned i = 0; i < 2; i++) {
            g_autoptr(GBytes) bytes = g_queue_pop_head(&side[i].in);
            if (!bytes)
                continue;
            gsize len;
            const uint8_t *data = g_bytes_get_data(bytes, &len);
            md_dtls_input(side[i].dtls, data, len);
            moved = true;
        }
    }
}

static bool both(const Side side[2], MdDtlsState state)
{
    return md_dtls_state(side[0].dtls) == state && md_dtls_state(side[1].dtls) == state;
}

/* OpenSSL's retransmission timer is its own and runs in real milliseconds (1, 2, 4 … here): wait for it, not
 * by it. */
static void shake(Side side[2])
{
    g_assert_cmpint(md_dtls_start(side[1].dtls), ==, 0);
    g_assert_cmpint(md_dtls_start(side[0].dtls), ==, 0);
    pump(side);
    for (unsigned i = 0; i < 2000 && !both(side, MD_DTLS_CONNECTED); i++) {
        for (unsigned s = 0; s < 2; s++)
            if (md_dtls_timeout_ms(side[s].dtls) == 0)
                md_dtls_timeout(side[s].dtls);
        pump(side);
        g_usleep(500);
    }
}

static void finish(Side side[2])
{
    for (unsigned i = 0; i < 2; i++) {
        md_dtls_free(side[i].dtls);
        g_queue_clear_full(&side[!i].in, (GDestroyNotify)g_bytes_unref);
    }
    for (unsigned i = 0; i < 2; i++) {
        g_queue_clear_full(&side[i].in, (GDestroyNotify)g_bytes_unref);
        md_dtls_identity_free(side[i].identity);
    }
}

static void assert_keys_fit(Side side[2])
{
    MdSrtpKey out[2], in[2];
    for (unsigned i = 0; i < 2; i++)
        g_assert_cmpint(md_dtls_keys(side[i].dtls, &out[i], &in[i]), ==, 0);
    g_assert_true(md_srtp_key_equal(&out[0], &in[1]));
    g_assert_true(md_srtp_key_equal(&out[1], &in[0]));
    g_assert_false(md_srtp_key_equal(&out[0], &out[1]));
    g_assert_cmpint(out[0].suite, ==, MD_SRTP_AEAD_AES_128_GCM);
    g_assert_cmpuint(out[0].len, ==, 28);
}

static void test_handshake(void)
{
    Side side[2];
    MdSrtpKey a, b;
    make(side, false);
    g_assert_cmpint(md_dtls_keys(side[0].dtls, &a, &b), ==, -ENOTCONN);
    g_assert_cmpint(md_dtls_timeout_ms(side[0].dtls), ==, -1);
    g_assert_cmpint(md_dtls_start(side[0].dtls), ==, 0);
    g_assert_cmpint(md_dtls_state(side[0].dtls), ==, MD_DTLS_HANDSHAKE);
    g_assert_cmpint(md_dtls_timeout_ms(side[0].dtls), >=, 0);
    pump(side);
    g_assert_true(both(side, MD_DTLS_CONNECTED));
    g_assert_cmpint(md_dtls_timeout_ms(side[0].dtls), ==, -1);
    g_assert_cmpstr(md_dtls_error(side[0].dtls), ==, "");
    assert_keys_fit(side);
    /* goodbye is heard */
    md_dtls_free(side[0].dtls);
    side[0].dtls = NULL;
    g_autoptr(GBytes) alert = g_queue_pop_head(&side[1].in);
    g_assert_nonnull(alert);
    gsize len;
    const uint8_t *data = g_bytes_get_data(alert, &len);
    g_assert_cmpint(md_dtls_input(side[1].dtls, data, len), ==, 0);
    g_assert_cmpint(md_dtls_state(side[1].dtls), ==, MD_DTLS_CLOSED);
    finish(side);
}

/* Whatever single datagram is lost, and a few pairs, the handshake comes through. */
static void test_loss(void)
{
    for (unsigned first = 1; first <= 5; first++)
        for (unsigned who = 0; who < 2; who++) {
            Side side[2];
            unsigned lose[] = {first, first + 1, 0};
            make(side, false);
            side[who].lose = lose;
            shake(side);
            g_assert_true(both(side, MD_DTLS_CONNECTED));
            assert_keys_fit(side);
            finish(side);
        }
}

static void test_wrong_fingerprint(void)
{
    Side side[2];
    MdSrtpKey a, b;
    make(side, true); /* the active side expects somebody else */
    g_assert_cmpint(md_dtls_start(side[0].dtls), ==, 0);
    pump(side);
    g_assert_cmpint(md_dtls_state(side[0].dtls), ==, MD_DTLS_FAILED);
    g_assert_nonnull(strstr(md_dtls_error(side[0].dtls), "fingerprint"));
    g_assert_cmpint(md_dtls_keys(side[0].dtls, &a, &b), ==, -ENOTCONN);
    g_assert_cmpint(md_dtls_input(side[0].dtls, (const uint8_t *)"", 0), ==, -EPROTO);
    finish(side);
}

typedef struct Foreign { /* a bare OpenSSL client */
    SSL *ssl;
    BIO *in, *out;
} Foreign;

static void to_foreign(const uint8_t *data, size_t len, void *user)
{
    Foreign *foreign = user;
    g_assert_cmpint(BIO_write(foreign->in, data, (int)len), ==, (int)len);
}

/* A peer without use_srtp, or with none of our profiles, is refused: there would be no key. */
static void test_no_common_profile(void)
{
    static const char *const profiles[] = {NULL, "SRTP_AES128_CM_SHA1_32", "SRTP_AEAD_AES_256_GCM"};
    for (unsigned p = 0; p < G_N_ELEMENTS(profiles); p++) {
        bool good = p == 2;
        MdDtlsIdentity *identity = md_dtls_identity_new();
        SSL_CTX *ctx = SSL_CTX_new(DTLS_method());
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509 *cert = X509_new();
        uint8_t digest[32];
        GString *fingerprint = g_string_new("sha-256 ");
        ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
        X509_gmtime_adj(X509_getm_notBefore(cert), 0);
        X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
        X509_set_pubkey(cert, key);
        g_assert_cmpint(X509_sign(cert, key, EVP_sha256()), >, 0);
        X509_digest(cert, EVP_sha256(), digest, NULL);
        for (unsigned i = 0; i < 32; i++)
            g_string_append_printf(fingerprint, i ? ":%02X" : "%02X", digest[i]);
        SSL_CTX_use_certificate(ctx, cert);
        SSL_CTX_use_PrivateKey(ctx, key);
        if (profiles[p])
            g_assert_cmpint(SSL_CTX_set_tlsext_use_srtp(ctx, profiles[p]), ==, 0);
        Foreign foreign = {SSL_new(ctx), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem())};
        BIO_set_mem_eof_return(foreign.in, -1);
        SSL_set_bio(foreign.ssl, foreign.in, foreign.out);
        SSL_set_options(foreign.ssl, SSL_OP_NO_QUERY_MTU);
        SSL_set_mtu(foreign.ssl, 1200);
        SSL_set_connect_state(foreign.ssl);
        MdDtlsOptions options = {
            .identity = identity, .peer_fingerprint = fingerprint->str, .send = to_foreign, .user = &foreign};
        MdDtls *dtls = md_dtls_new(&options);
        for (unsigned i = 0; i < 6; i++) {
            uint8_t flight[8192];
            SSL_do_handshake(foreign.ssl);
            int n = BIO_read(foreign.out, flight, sizeof flight);
            if (n > 0)
                md_dtls_input(dtls, flight, (size_t)n);
        }
        g_assert_cmpint(md_dtls_state(dtls), ==, good ? MD_DTLS_CONNECTED : MD_DTLS_FAILED);
        if (good) {
            MdSrtpKey send, receive;
            g_assert_cmpint(md_dtls_keys(dtls, &send, &receive), ==, 0);
            g_assert_cmpint(send.suite, ==, MD_SRTP_AEAD_AES_256_GCM);
        }
        md_dtls_free(dtls);
        SSL_free(foreign.ssl);
        X509_free(cert);
        EVP_PKEY_free(key);
        SSL_CTX_free(ctx);
        g_string_free(fingerprint, TRUE);
        md_dtls_identity_free(identity);
    }
}

static void test_garbage(void)
{
    Side side[2];
    uint8_t junk[1500];
    make(side, false);
    uint32_t seed = 1;
    for (unsigned i = 0; i < 500; i++) {
        size_t len = 1 + i * 3 % sizeof junk;
        for (size_t at = 0; at < len; at++)
            junk[at] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
        junk[0] = (uint8_t)(20 + i % 6);
        if (i % 2 && len > 13) {
            memcpy(junk + 1, (uint8_t[]){0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0}, 9);
            junk[11] = (uint8_t)((len - 13) >> 8);
            junk[12] = (uint8_t)(len - 13);
        }
        md_dtls_input(side[1].dtls, junk, len);
        if (md_dtls_state(side[1].dtls) == MD_DTLS_FAILED)
            break;
    }
    g_assert_cmpint(md_dtls_state(side[1].dtls), !=, MD_DTLS_CONNECTED);
    finish(side);
}

static void test_flood(void)
{
    Side side[2];
    make(side, false);
    int rc = 0;
    unsigned taken = 0;
    /* records of an epoch that has not begun are passed over without an error */
    static const uint8_t record[14] = {0x16, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 'x'};
    for (unsigned i = 0; i < 3000 && rc == 0; i++, taken += rc == 0)
        rc = md_dtls_input(side[1].dtls, record, sizeof record);
    g_assert_cmpint(rc, ==, -E2BIG);
    g_assert_cmpuint(taken, ==, 2000);
    finish(side);
}

static void test_fingerprints(void)
{
    static const char *const bad[] = {"",
                                      "sha-256",
                                      "sha-256 ",
                                      "sha-256 AB:CD",
                                      "sha-1 AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01",
                                      "md5 AB",
                                      NULL};
    MdDtlsIdentity *identity = md_dtls_identity_new();
    const char *ours = md_dtls_identity_fingerprint(identity);
    g_assert_true(md_dtls_fingerprint_is_valid(ours));
    g_assert_cmpuint(strlen(ours), ==, 8 + 32 * 3 - 1);
    g_autofree char *lower = g_ascii_strdown(ours, -1), *upper = g_ascii_strup(ours, -1);
    g_assert_true(md_dtls_fingerprint_is_valid(lower));
    g_assert_true(md_dtls_fingerprint_is_valid(upper));
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(md_dtls_fingerprint_is_valid(bad[i]));
    for (size_t at = 8; ours[at]; at++) { /* every character of it counts */
        g_autofree char *changed = g_strdup(ours);
        changed[at] = 'g';
        g_assert_false(md_dtls_fingerprint_is_valid(changed));
    }
    g_autofree char *longer = g_strconcat(ours, ":AB", NULL), *huge = g_strnfill(5000, 'A');
    g_autofree char *huge_hash = g_strconcat("sha-256 ", huge, NULL);
    g_assert_false(md_dtls_fingerprint_is_valid(longer));
    g_assert_false(md_dtls_fingerprint_is_valid(huge_hash));
    MdDtlsOptions options = {.identity = identity, .peer_fingerprint = "sha-1 AB", .send = on_send};
    g_assert_null(md_dtls_new(&options));
    g_assert_cmpint(errno, ==, EINVAL);
    md_dtls_identity_free(identity);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dtls/handshake", test_handshake);
    g_test_add_func("/dtls/loss", test_loss);
    g_test_add_func("/dtls/wrong-fingerprint", test_wrong_fingerprint);
    g_test_add_func("/dtls/no-common-profile", test_no_common_profile);
    g_test_add_func("/dtls/garbage", test_garbage);
    g_test_add_func("/dtls/flood", test_flood);
    g_test_add_func("/dtls/fingerprints", test_fingerprints);
    return g_test_run();
}
