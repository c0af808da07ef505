/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/alert/signature.h"

#include <string.h>
#include <glib/gstdio.h>

/* Signatures made by the xmlsec1 tool with keys made by openssl, and the ways in which a signature can be made to say what nobody
 * signed. */
static char *dir;

#define TRANSFORM "<Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>"
#define SIGNATURE(uri, transforms, method)                                                                                          \
    "<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><SignedInfo>"                                                          \
    "<CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>"                                               \
    "<SignatureMethod Algorithm=\"" method "\"/><Reference URI=\"" uri "\"><Transforms>" transforms "</Transforms>"                \
    "<DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><DigestValue/></Reference></SignedInfo><SignatureValue/></Signature>"
#define RSA "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
#define BODY "<alert xmlns=\"urn:x\"><note Id=\"n\">go now</note>%s</alert>"

static void run(const char *format, ...) G_GNUC_PRINTF(1, 2);
static void run(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *command = g_strdup_vprintf(format, args);
    va_end(args);
    g_autoptr(GError) error = NULL;
    g_autofree char *out = NULL, *err = NULL;
    int status = 0;
    g_spawn_command_line_sync(command, &out, &err, &status, &error);
    g_assert_no_error(error);
    if (status != 0)
        g_error("%s: %s", command, err);
}

static void put(const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static char *get(const char *name)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    return text;
}

static void make_key(const char *name)
{
    run("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=%s -keyout %s/%s.key -out %s/%s.crt", name, dir, name, dir, name);
}

/* The template signed with the key. */
static char *sign(const char *template, const char *key)
{
    put("template.xml", template);
    run("xmlsec1 --sign --id-attr:Id note --privkey-pem %s/%s.key --output %s/signed.xml %s/template.xml", dir, key, dir, dir);
    return get("signed.xml");
}

static BcSigners *trust(const char *name)
{
    g_autofree char *trusted = g_build_filename(dir, "trust", NULL);
    g_autofree char *certificate = g_strdup_printf("%s.crt", name);
    g_autofree char *pem = get(certificate);
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) warnings = NULL;
    g_mkdir_with_parents(trusted, 0700);
    put("trust/mot.pem", pem);
    put("trust/hong.pem", "nothing");
    BcSigners *signers = bc_signers_new(trusted, &warnings, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(bc_signers_count(signers), ==, 1);
    g_assert_nonnull(strstr(warnings[0], "hong.pem"));
    return signers;
}

static void expect(const BcSigners *signers, const char *text, BcSignature want, const char *says)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *signer = NULL;
    BcSignature got = bc_signature_check(signers, text, strlen(text), &signer, &error);
    if (got != want || (want == BC_SIGNATURE_BAD && !strstr(error->message, says)))
        g_error("%d instead of %d (%s) for %.200s", got, want, error ? error->message : "", text);
    g_assert_cmpstr(signer, ==, want == BC_SIGNATURE_GOOD ? "mot" : NULL);
}

static char *replace(const char *text, const char *from, const char *to)
{
    g_auto(GStrv) parts = g_strsplit(text, from, -1);
    g_assert_cmpuint(g_strv_length(parts), >, 1);
    return g_strjoinv(to, parts);
}

static void test_signed(void)
{
    BcSigners *signers = trust("a");
    g_autofree char *template = g_strdup_printf(BODY, SIGNATURE("", TRANSFORM, RSA));
    g_autofree char *plain = g_strdup_printf(BODY, "");
    g_autofree char *good = sign(template, "a");
    expect(signers, good, BC_SIGNATURE_GOOD, NULL);
    expect(signers, plain, BC_SIGNATURE_NONE, NULL);
    g_autofree char *changed = replace(good, "go now", "stay"), *added = replace(good, "</alert>", "<x/></alert>");
    expect(signers, changed, BC_SIGNATURE_BAD, "none of the 1 trusted keys");
    expect(signers, added, BC_SIGNATURE_BAD, "none of the 1 trusted keys");
    g_autofree char *other = sign(template, "b");
    expect(signers, other, BC_SIGNATURE_BAD, "none of the 1 trusted keys");
    expect(NULL, good, BC_SIGNATURE_BAD, "none of the 0 trusted keys");
    bc_signers_free(signers);
}

/* A true signature of a part, put where the whole is believed. */
static void test_wrapped(void)
{
    BcSigners *signers = trust("a");
    g_autofree char *part = g_strdup_printf(BODY, SIGNATURE("#n", "<Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>", RSA));
    g_autofree char *of_part = sign(part, "a");
    expect(signers, of_part, BC_SIGNATURE_BAD, "of the whole message");
    g_autofree char *template = g_strdup_printf(BODY, SIGNATURE("", TRANSFORM, RSA));
    g_autofree char *good = sign(template, "a");
    const char *at = strstr(good, "<alert");
    g_autofree char *inside = g_strdup_printf("<alert xmlns=\"urn:x\"><note>giả</note>%s</alert>", at);
    expect(signers, inside, BC_SIGNATURE_BAD, "child of <alert>");
    g_autofree char *twice = replace(good, "</alert>", "<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\"/></alert>");
    expect(signers, twice, BC_SIGNATURE_BAD, "one <Signature>");
    g_autofree char *two = replace(good, "</SignedInfo>", "<Reference URI=\"\"/></SignedInfo>");
    expect(signers, two, BC_SIGNATURE_BAD, "one <Reference>");
    g_autofree char *outside = replace(good, "URI=\"\"", "URI=\"http://127.0.0.1/x\"");
    expect(signers, outside, BC_SIGNATURE_BAD, "of the whole message");
    g_autofree char *cut = g_strdup_printf(BODY, SIGNATURE("", TRANSFORM "<Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\">"
                                                                     "<XPath>self::text()</XPath></Transform>", RSA));
    g_autofree char *nothing = sign(cut, "a"); /* covers whatever the expression says */
    expect(signers, nothing, BC_SIGNATURE_BAD, "trusted keys");
    g_autofree char *doctype = replace(good, "<alert", "<!DOCTYPE alert [<!ATTLIST note Id ID #IMPLIED>]><alert");
    expect(signers, doctype, BC_SIGNATURE_BAD, "DOCTYPE");
    bc_signers_free(signers);
}

static void test_weak(void)
{
    BcSigners *signers = trust("a");
    g_autofree char *sha1 = g_strdup_printf(BODY, SIGNATURE("", TRANSFORM, "http://www.w3.org/2000/09/xmldsig#rsa-sha1"));
    g_autofree char *weak = sign(sha1, "a");
    expect(signers, weak, BC_SIGNATURE_BAD, "trusted keys");
    bc_signers_free(signers);
}

/* Certificates that an authority made: brought by the message, for the names it is trusted with. */
static void test_authority(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *trusted = g_build_filename(dir, "authorities", NULL);
    put("leaf.ext", "keyUsage=critical,digitalSignature\nbasicConstraints=critical,CA:FALSE\n");
    put("no.ext", "keyUsage=critical,keyEncipherment\nbasicConstraints=critical,CA:FALSE\n");
    put("mid.ext", "keyUsage=critical,keyCertSign\nbasicConstraints=critical,CA:TRUE\n");
    const struct { const char *name, *issuer, *ext; } made[] = {{"giua", "a", "mid"}, {"kttv", "giua", "leaf"}, {"khac", "giua", "leaf"}, {"la", "b", "leaf"}, {"ma", "a", "no"}};
    for (unsigned i = 0; i < G_N_ELEMENTS(made); i++) {
        run("openssl req -newkey rsa:2048 -nodes -subj /CN=%s -keyout %s/%s.key -out %s/%s.csr", made[i].name, dir, made[i].name, dir, made[i].name);
        run("openssl x509 -req -in %s/%s.csr -CA %s/%s.crt -CAkey %s/%s.key -CAcreateserial -days 2 -extfile %s/%s.ext -out %s/%s.crt", dir, made[i].name, dir,
            made[i].issuer, dir, made[i].issuer, dir, made[i].ext, dir, made[i].name);
    }
    g_autofree char *ca = get("a.crt"), *only = g_strdup_printf("only: kttv\nonly: ma\n%s", ca), *leaf = get("kttv.crt");
    g_mkdir_with_parents(trusted, 0700);
    put("authorities/nha-nuoc.ca.pem", only);
    put("authorities/la-thuong.ca.pem", leaf);
    g_auto(GStrv) warnings = NULL;
    BcSigners *signers = bc_signers_new(trusted, &warnings, &error);
    g_assert_no_error(error);
    g_assert_nonnull(strstr(warnings[0], "is no certificate of an authority"));
    g_autofree char *bare = g_strdup_printf(BODY, SIGNATURE("", TRANSFORM, RSA));
    g_autofree char *template = replace(bare, "</Signature>", "<KeyInfo><X509Data/></KeyInfo></Signature>");
    put("template.xml", template);
    static const struct { const char *key, *with, *signer; } cases[] = {{"kttv", ",%s/giua.crt", "nha-nuoc (kttv)"}, {"kttv", "", NULL}, {"khac", ",%s/giua.crt", NULL},
                                                                       {"la", "", NULL}, {"ma", "", NULL}};
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *more = *cases[i].with ? g_strdup_printf(",%s/giua.crt", dir) : g_strdup("");
        run("xmlsec1 --sign --privkey-pem %s/%s.key,%s/%s.crt%s --output %s/signed.xml %s/template.xml", dir, cases[i].key, dir, cases[i].key, more, dir, dir);
        g_autofree char *text = get("signed.xml"), *signer = NULL;
        g_autoptr(GError) why = NULL;
        g_assert_nonnull(strstr(text, "X509Certificate"));
        g_assert_cmpint(bc_signature_check(signers, text, strlen(text), &signer, &why), ==, cases[i].signer ? BC_SIGNATURE_GOOD : BC_SIGNATURE_BAD);
        g_assert_cmpstr(signer, ==, cases[i].signer);
        if (!cases[i].signer)
            continue;
        g_autofree char *changed = replace(text, "go now", "stay"), *none = NULL;
        g_assert_cmpint(bc_signature_check(signers, changed, strlen(changed), &none, NULL), ==, BC_SIGNATURE_BAD);
    }
    bc_signers_free(signers);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("bc-signature-XXXXXX", NULL);
    make_key("a");
    make_key("b");
    g_test_add_func("/alert/signature/signed", test_signed);
    g_test_add_func("/alert/signature/wrapped", test_wrapped);
    g_test_add_func("/alert/signature/authority", test_authority);
    g_test_add_func("/alert/signature/weak", test_weak);
    int failed = g_test_run();
    run("rm -rf %s", dir);
    g_free(dir);
    return failed;
}
