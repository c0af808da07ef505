/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/auth.h"
#include "sip/message.h"

static void check_response(const char *value, SgAlgorithm algorithm, const char *realm, const char *password, const char *method,
                           const char *expected)
{
    SgCredentials credentials;
    SgHashHex ha1, got;
    struct pl pl, m;

    pl_set_str(&pl, value);
    pl_set_str(&m, method);
    g_assert_true(sg_credentials_parse(&credentials, &pl));
    g_assert_cmpint(credentials.algorithm, ==, algorithm);
    sg_ha1(algorithm, "Mufasa", realm, password, ha1);
    sg_digest_expect(&credentials, &m, ha1, got);
    g_assert_cmpstr(got, ==, expected);
    g_assert_true(sg_digest_equal(&credentials.response, got));
    got[5] ^= 1;
    g_assert_false(sg_digest_equal(&credentials.response, got));
}

#define RFC7616 \
    "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", " \
    "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, "

/* RFC 7616 3.9.1 and RFC 2617 3.5 */
static void test_vectors(void)
{
    check_response(RFC7616 "algorithm=MD5, response=\"8ca523f5e9506fed4657c9700eebdbec\"", SG_ALGORITHM_MD5, "http-auth@example.org",
                   "Circle of Life", "GET", "8ca523f5e9506fed4657c9700eebdbec");
    check_response(RFC7616 "algorithm=SHA-256, response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\"",
                   SG_ALGORITHM_SHA256, "http-auth@example.org", "Circle of Life", "GET",
                   "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    check_response("Digest username=\"Mufasa\",realm=\"testrealm@host.com\",nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\","
                   "uri=\"/dir/index.html\",qop=auth,nc=00000001,cnonce=\"0a4f113b\",response=\"6629FAE49393a05397450978507c4ef1\","
                   "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
                   SG_ALGORITHM_MD5, "testrealm@host.com", "Circle Of Life", "GET", "6629fae49393a05397450978507c4ef1");
}

static void test_refused(void)
{
    static const char *const bad[] = {
        "", "Basic abc", "Digest", "Digest username=\"x\"", RFC7616, RFC7616 "response=\"00\", algorithm=SHA-512",
        "Digest username=\"a\", realm=\"b\", uri=\"c\", nonce=\"d\", nc=0000001, cnonce=\"e\", qop=auth, response=\"f\"",
        "Digest username=\"a\", realm=\"b\", uri=\"c\", nonce=\"d\", nc=00000000, cnonce=\"e\", qop=auth, response=\"f\"",
        "Digest username=\"a\", realm=\"b\", uri=\"c\", nonce=\"d\", nc=0000000g, cnonce=\"e\", qop=auth, response=\"f\"",
        "Digest username=\"a\", realm=\"b\", uri=\"c\", nonce=\"d\", nc=00000001, cnonce=\"e\", qop=auth-int, response=\"f\"",
        "Digest username=\"a\", realm=\"b\", uri=\"c\", nonce=\"d\", response=\"f\"", "Digest username=\"a, realm=\"b",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        SgCredentials credentials;
        struct pl pl;

        pl_set_str(&pl, bad[i]);
        g_assert_false(sg_credentials_parse(&credentials, &pl));
    }
}

/* What we write as a client must be what we accept as a server, for both algorithms. */
static void test_round_trip(void)
{
    static const char *const challenges[] = {"Digest realm=\"hatinh.test\", nonce=\"n1\", qop=\"auth-int, auth\", algorithm=SHA-256, stale=TRUE",
                                             "Digest realm=\"hatinh.test\",nonce=\"n1\",qop=auth"};

    for (unsigned i = 0; i < G_N_ELEMENTS(challenges); i++) {
        SgChallenge challenge;
        SgCredentials credentials;
        SgHashHex ha1, expected;
        struct pl pl, method;
        char *value;

        pl_set_str(&pl, challenges[i]);
        g_assert_true(sg_challenge_parse(&challenge, &pl));
        g_assert_true(challenge.stale == (i == 0));
        value = sg_authorization(&challenge, "thon1", "mật khẩu", "INVITE", "sip:x@y", 17, "cn");
        pl_set_str(&pl, value);
        pl_set_str(&method, "INVITE");
        g_assert_true(sg_credentials_parse(&credentials, &pl));
        g_assert_cmpuint(credentials.count, ==, 17);
        sg_ha1(credentials.algorithm, "thon1", "hatinh.test", "mật khẩu", ha1);
        sg_digest_expect(&credentials, &method, ha1, expected);
        g_assert_true(sg_digest_equal(&credentials.response, expected));
        g_free(value);
    }
}

static void test_nonce(void)
{
    SgNonces *nonces = sg_nonces_new(300, 16);
    char text[SG_NONCE_LEN + 1], next[SG_NONCE_LEN + 1];
    struct sa source, other;
    struct pl pl;
    uint64_t id, next_id;

    sa_set_str(&source, "192.0.2.7", 5060);
    sa_set_str(&other, "192.0.2.8", 5060);
    sg_nonce_make(nonces, &source, 1000, text);
    sg_nonce_make(nonces, &source, 1000, next);
    g_assert_cmpstr(text, !=, next);
    pl_set_str(&pl, text);
    g_assert_cmpint(sg_nonce_check(nonces, &source, &pl, 2000, &id), ==, SG_NONCE_VALID);
    sa_set_port(&source, 999); /* a NAT may change the port */
    g_assert_cmpint(sg_nonce_check(nonces, &source, &pl, 300000000, &id), ==, SG_NONCE_VALID);
    g_assert_cmpint(sg_nonce_check(nonces, &source, &pl, 300002000, &id), ==, SG_NONCE_OLD);
    g_assert_cmpint(sg_nonce_check(nonces, &other, &pl, 2000, &id), ==, SG_NONCE_FOREIGN);
    text[0] = text[0] == '0' ? '1' : '0';
    g_assert_cmpint(sg_nonce_check(nonces, &source, &pl, 2000, &id), ==, SG_NONCE_FOREIGN);
    pl_set_str(&pl, "short");
    g_assert_cmpint(sg_nonce_check(nonces, &source, &pl, 2000, &id), ==, SG_NONCE_FOREIGN);
    pl_set_str(&pl, next);
    g_assert_cmpint(sg_nonce_check(nonces, &source, &pl, 2000, &next_id), ==, SG_NONCE_VALID);
    g_assert_cmpuint(next_id, ==, id + 1);
    sg_nonces_free(nonces);
}

static void test_count(void)
{
    SgNonces *nonces = sg_nonces_new(300, 16);

    g_assert_cmpint(sg_nonce_count(nonces, 5, 1, 111), ==, SG_COUNT_FRESH);
    g_assert_cmpint(sg_nonce_count(nonces, 5, 1, 111), ==, SG_COUNT_REPEATED);
    g_assert_cmpint(sg_nonce_count(nonces, 5, 1, 112), ==, SG_COUNT_REPLAYED);
    g_assert_cmpint(sg_nonce_count(nonces, 5, 4, 113), ==, SG_COUNT_FRESH);
    g_assert_cmpint(sg_nonce_count(nonces, 5, 2, 114), ==, SG_COUNT_FRESH); /* overtaken on the way */
    g_assert_cmpint(sg_nonce_count(nonces, 5, 2, 114), ==, SG_COUNT_REPLAYED);
    g_assert_cmpint(sg_nonce_count(nonces, 5, 1, 111), ==, SG_COUNT_REPLAYED);
    g_assert_cmpint(sg_nonce_count(nonces, 5, 200, 115), ==, SG_COUNT_FRESH);
    g_assert_cmpint(sg_nonce_count(nonces, 5, 130, 116), ==, SG_COUNT_REPLAYED); /* too far behind to be known */
    g_assert_cmpint(sg_nonce_count(nonces, 21, 1, 117), ==, SG_COUNT_FRESH);     /* the same slot, younger */
    g_assert_cmpint(sg_nonce_count(nonces, 5, 201, 118), ==, SG_COUNT_REPLAYED); /* forgotten */
    sg_nonces_free(nonces);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sip/digest/vectors", test_vectors);
    g_test_add_func("/sip/digest/refused", test_refused);
    g_test_add_func("/sip/digest/round-trip", test_round_trip);
    g_test_add_func("/sip/nonce/source-and-age", test_nonce);
    g_test_add_func("/sip/nonce/count", test_count);
    return g_test_run();
}
