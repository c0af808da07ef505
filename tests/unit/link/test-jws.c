/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signatures: the vectors of RFC 8037 Appendix A, and everything that must not pass. */
#include <glib/gstdio.h>
#include <string.h>
#include "broadcast/link/jws.h"
#include "broadcast/link/protocol.h"

/* RFC 8037 A.1 (as PKCS#8), A.2, A.3, A.4 */
#define PEM "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n"
#define X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define THUMBPRINT "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
#define TOKEN                                                                                                                  \
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."                                                                \
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

static BcTrust *trust_of(const char *jwk)
{
    g_autofree char *set = g_strdup_printf("{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQ\"},%s],\"more\":1}", jwk);
    g_autoptr(GError) error = NULL;
    BcTrust *trust = bc_trust_new(set, strlen(set), &error);
    g_assert_no_error(error);
    return trust;
}

static void assert_refused(const BcTrust *trust, const char *typ, const char *token, BcLinkError code)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(bc_jws_verify(trust, typ, token, strlen(token), &error));
    g_assert_error(error, BC_LINK_ERROR, (int)code);
    g_assert_cmpuint(strlen(error->message), >, 5);
}

static void test_rfc8037(void)
{
    g_autofree char *folder = g_dir_make_tmp("jws-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "key.pem", NULL);
    g_autoptr(GError) error = NULL;
    g_assert_true(g_file_set_contents(path, PEM, -1, &error));
    BcKey *key = bc_key_open(path, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(bc_key_id(key), ==, THUMBPRINT);
    g_autofree char *jwk = bc_key_public_jwk(key);
    g_assert_nonnull(strstr(jwk, "\"" X "\""));
    BcTrust *trust = trust_of("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" X "\"}");
    g_assert_cmpuint(bc_trust_count(trust), ==, 1);
    g_autoptr(GBytes) payload = bc_jws_verify(trust, NULL, TOKEN, strlen(TOKEN), &error);
    g_assert_no_error(error);
    g_assert_cmpmem(g_bytes_get_data(payload, NULL), g_bytes_get_size(payload), "Example of Ed25519 signing", 26);
    assert_refused(trust, "mediad-command", TOKEN, BC_LINK_ERROR_TYPE);
    bc_trust_free(trust);
    bc_key_free(key);
    g_unlink(path);
    g_rmdir(folder);
}

static void test_round_trip(void)
{
    BcKey *key = bc_key_generate(), *other = bc_key_generate();
    g_autofree char *jwk = bc_key_public_jwk(key), *other_jwk = bc_key_public_jwk(other);
    BcTrust *trust = trust_of(jwk), *foreign = trust_of(other_jwk);
    g_autoptr(GError) error = NULL;
    const char *text = "{\"tên\":\"loa\"}";
    g_autofree char *token = bc_jws_sign(key, "mediad-command", text, strlen(text), &error);
    g_assert_no_error(error);
    g_autoptr(GBytes) payload = bc_jws_verify(trust, "mediad-command", token, strlen(token), &error);
    g_assert_no_error(error);
    g_assert_cmpstr(g_bytes_get_data(payload, NULL), ==, text);
    assert_refused(trust, "mediad-manifest", token, BC_LINK_ERROR_TYPE);
    assert_refused(foreign, "mediad-command", token, BC_LINK_ERROR_KEY);
    bc_trust_free(foreign);
    bc_trust_free(trust);
    bc_key_free(other);
    bc_key_free(key);
}

/* Every single changed byte of a token is refused. */
static void test_tampered(void)
{
    BcKey *key = bc_key_generate();
    g_autofree char *jwk = bc_key_public_jwk(key);
    BcTrust *trust = trust_of(jwk);
    g_autofree char *token = bc_jws_sign(key, "mediad-command", "{\"id\":\"1\"}", 10, NULL);
    for (gsize i = 0; token[i]; i++) {
        char was = token[i];
        token[i] = was == 'A' ? 'B' : 'A';
        g_assert_null(bc_jws_verify(trust, "mediad-command", token, strlen(token), NULL));
        token[i] = '\0'; /* cut short there */
        g_assert_null(bc_jws_verify(trust, "mediad-command", token, strlen(token), NULL));
        token[i] = was;
    }
    g_autoptr(GBytes) whole = bc_jws_verify(trust, "mediad-command", token, strlen(token), NULL);
    g_assert_nonnull(whole);
    bc_trust_free(trust);
    bc_key_free(key);
}

static char *with_header(const char *header)
{
    g_autofree char *head = g_base64_encode((const guchar *)header, strlen(header));
    head[strcspn(head, "=")] = '\0';
    g_strdelimit(head, "+", '-');
    g_strdelimit(head, "/", '_');
    return g_strconcat(head, strchr(TOKEN, '.'), NULL);
}

static void test_headers(void)
{
    static const struct { const char *header; BcLinkError code; } cases[] = {
        {"{\"alg\":\"none\"}", BC_LINK_ERROR_FORMAT},
        {"{\"alg\":\"HS256\"}", BC_LINK_ERROR_FORMAT},
        {"{\"alg\":\"EdDSA\",\"crit\":[\"b64\"],\"b64\":false}", BC_LINK_ERROR_FORMAT},
        {"{\"alg\":\"EdDSA\",\"kid\":\"somebody else\"}", BC_LINK_ERROR_KEY},
        {"{\"alg\":\"EdDSA\",\"jwk\":{\"kty\":\"OKP\"}}", BC_LINK_ERROR_SIGNATURE}, /* keys in tokens are not believed */
        {"[]", BC_LINK_ERROR_FORMAT},
        {"", BC_LINK_ERROR_FORMAT},
    };
    BcTrust *trust = trust_of("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" X "\"}");
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *token = with_header(cases[i].header);
        assert_refused(trust, NULL, token, cases[i].code);
    }
    assert_refused(trust, NULL, "", BC_LINK_ERROR_FORMAT);
    assert_refused(trust, NULL, "..", BC_LINK_ERROR_FORMAT);
    assert_refused(trust, NULL, TOKEN ".x", BC_LINK_ERROR_FORMAT);
    assert_refused(trust, NULL, TOKEN "=", BC_LINK_ERROR_FORMAT);
    g_autofree char *huge = g_strnfill(BC_LINK_MESSAGE_MAX + 1, 'A');
    assert_refused(trust, NULL, huge, BC_LINK_ERROR_LIMIT);
    bc_trust_free(trust);
}

/* Key sets: other kinds are stepped over, points of small order (which "sign" anything) are no keys, 16 count. */
static void test_sets(void)
{
    static const char *const bad[] = {
        "{\"keys\":[]}", "{}", "[]", "", "{\"keys\":{}}", "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" X "\"}]}",
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}",
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}",
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQ\"}]}", "{\"keys\":[7,null,{\"kty\":1}]}"};
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(bc_trust_new(bad[i], strlen(bad[i]), &error));
        g_assert_error(error, BC_LINK_ERROR, BC_LINK_ERROR_FORMAT);
    }
    g_autoptr(GString) many = g_string_new("{\"keys\":[");
    for (unsigned i = 0; i < 20; i++) {
        BcKey *key = bc_key_generate();
        g_autofree char *jwk = bc_key_public_jwk(key);
        g_string_append_printf(many, "%s%s", i ? "," : "", jwk);
        bc_key_free(key);
    }
    g_string_append(many, "]}");
    BcTrust *trust = bc_trust_new(many->str, many->len, NULL);
    g_assert_cmpuint(bc_trust_count(trust), ==, 16);
    bc_trust_free(trust);
}

static void test_files(void)
{
    g_autofree char *folder = g_dir_make_tmp("jws-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "signing.pem", NULL);
    g_autoptr(GError) error = NULL;
    BcKey *made = bc_key_open(path, &error);
    g_assert_no_error(error);
    GStatBuf info;
    g_assert_cmpint(g_stat(path, &info), ==, 0);
    g_assert_cmpuint(info.st_mode & 0777, ==, 0600);
    BcKey *again = bc_key_open(path, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(bc_key_id(made), ==, bc_key_id(again));
    bc_key_free(again);
    bc_key_free(made);
    g_assert_true(g_file_set_contents(path, "no key", -1, NULL));
    g_assert_null(bc_key_open(path, &error)); /* never overwritten */
    g_assert_error(error, BC_LINK_ERROR, BC_LINK_ERROR_FAILED);
    g_unlink(path);
    g_rmdir(folder);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/link/jws/rfc8037", test_rfc8037);
    g_test_add_func("/link/jws/round-trip", test_round_trip);
    g_test_add_func("/link/jws/tampered", test_tampered);
    g_test_add_func("/link/jws/headers", test_headers);
    g_test_add_func("/link/jws/key-sets", test_sets);
    g_test_add_func("/link/jws/key-files", test_files);
    return g_test_run();
}
