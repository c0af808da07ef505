/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/alert/chain.h"

#include <string.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include "broadcast/alert/signature.h"
#include "broadcast/alert/xml.h"

#define DSIG_NS "http://www.w3.org/2000/09/xmldsig#"
#define DER_MAX 16384u
#define ONLY "only:"

struct BcAuthority {
    X509_STORE *store;
    GPtrArray *only; /* common names; empty: all */
};

void bc_authority_free(BcAuthority *a)
{
    if (!a)
        return;
    X509_STORE_free(a->store);
    g_ptr_array_unref(a->only);
    g_free(a);
}

static GPtrArray *names_before(const char *pem)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_auto(GStrv) lines = g_strsplit(pem, "\n", -1);
    for (unsigned i = 0; lines[i] && !g_str_has_prefix(lines[i], "-----BEGIN"); i++)
        if (g_str_has_prefix(lines[i], ONLY))
            g_ptr_array_add(names, g_strstrip(g_strdup(lines[i] + strlen(ONLY))));
    return names;
}

BcAuthority *bc_authority_new(const char *pem, gsize len, const char **ret_fault)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    X509 *x509 = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    X509_STORE *store = X509_STORE_new();
    BcAuthority *a = NULL;
    *ret_fault = !x509 ? "cannot be read"
                 : X509_check_ca(x509) != 1 ? "is no certificate of an authority"
                 : X509_cmp_current_time(X509_get0_notAfter(x509)) < 0 ? "has expired"
                 : !store || !X509_STORE_add_cert(store, x509) ? "cannot be used" : NULL;
    if (!*ret_fault) {
        X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN); /* one in the middle may be pinned */
        a = g_new0(BcAuthority, 1);
        *a = (BcAuthority){store, names_before(pem)};
    } else {
        X509_STORE_free(store);
    }
    X509_free(x509);
    BIO_free(bio);
    return a;
}

static void add_certificate(STACK_OF(X509) *all, const xmlNode *node)
{
    xmlChar *text = xmlNodeGetContent(node);
    gsize len = 0;
    g_autofree guchar *der = text && strlen((const char *)text) <= DER_MAX * 2 ? g_base64_decode((const char *)text, &len) : NULL;
    const unsigned char *at = der;
    X509 *x509 = len && len <= DER_MAX ? d2i_X509(NULL, &at, (long)len) : NULL;
    xmlFree(text);
    if (x509 && !sk_X509_push(all, x509))
        X509_free(x509);
}

/* As the message brings them, in whichever order. */
static STACK_OF(X509) *brought(const xmlNode *signature)
{
    STACK_OF(X509) *all = sk_X509_new_null();
    const xmlNode *info = bc_xml_child(signature, DSIG_NS, "KeyInfo");
    for (const xmlNode *data = info ? info->children : NULL; all && data; data = data->next)
        for (const xmlNode *one = bc_xml_is(data, DSIG_NS, "X509Data") ? data->children : NULL; one; one = one->next)
            if (bc_xml_is(one, DSIG_NS, "X509Certificate") && sk_X509_num(all) < (int)BC_SIGNER_CHAIN_MAX)
                add_certificate(all, one);
    return all;
}

static char *common_name(const X509 *x509)
{
    char name[256];
    int len = X509_NAME_get_text_by_NID(X509_get_subject_name(x509), NID_commonName, name, sizeof name);
    return len > 0 && (size_t)len == strlen(name) && g_utf8_validate(name, -1, NULL) ? g_strdup(name) : NULL;
}

static bool vouches(const BcAuthority *a, X509 *x509, STACK_OF(X509) *others)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    bool usable = X509_check_ca(x509) == 0 && (X509_get_key_usage(x509) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION));
    bool ok = usable && ctx && X509_STORE_CTX_init(ctx, a->store, x509, others) && X509_verify_cert(ctx) == 1;
    X509_STORE_CTX_free(ctx);
    return ok;
}

static char *to_pem(X509 *x509)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL, *text = NULL;
    if (bio && PEM_write_bio_X509(bio, x509)) {
        long len = BIO_get_mem_data(bio, &data);
        text = g_strndup(data, (gsize)len);
    }
    BIO_free(bio);
    return text;
}

GPtrArray *bc_authority_find(const BcAuthority *a, const xmlNode *signature, GPtrArray **ret_names)
{
    GPtrArray *found = g_ptr_array_new_with_free_func(g_free);
    STACK_OF(X509) *all = brought(signature);
    *ret_names = g_ptr_array_new_with_free_func(g_free);
    for (int i = 0; all && i < sk_X509_num(all); i++) {
        X509 *x509 = sk_X509_value(all, i);
        g_autofree char *name = common_name(x509), *pem = NULL;
        bool named = name && (!a->only->len || g_ptr_array_find_with_equal_func(a->only, name, g_str_equal, NULL));
        if (!named || !vouches(a, x509, all) || !(pem = to_pem(x509)))
            continue;
        g_ptr_array_add(found, g_steal_pointer(&pem));
        g_ptr_array_add(*ret_names, g_steal_pointer(&name));
    }
    sk_X509_pop_free(all, X509_free);
    return found;
}
