/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/alert/signature.h"

#include <string.h>
#include <time.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <xmlsec/xmlsec.h>
#include <xmlsec/crypto.h>
#include <xmlsec/errors.h>
#include <xmlsec/templates.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmltree.h>
#include "broadcast/alert/chain.h"
#include "broadcast/alert/xml.h"

#define DSIG_NS "http://www.w3.org/2000/09/xmldsig#"

typedef struct Signer {
    char *name;
    xmlSecKey *key;           /* NULL: an authority */
    BcAuthority *authority;
} Signer;

struct BcSigners {
    GPtrArray *all; /* Signer */
};

static void no_noise(const char *file, int line, const char *function, const char *object, const char *subject, int reason, const char *text)
{
}

static gpointer init_once(gpointer data)
{
    xmlInitParser();
    bool ok = xmlSecInit() >= 0 && xmlSecCryptoAppInit(NULL) >= 0 && xmlSecCryptoInit() >= 0;
    xmlSecErrorsSetCallback(no_noise); /* xmlSecInit sets its own */
    return GINT_TO_POINTER(ok ? 1 : 2);
}

static bool init(GError **error)
{
    static GOnce once = G_ONCE_INIT;
    if (GPOINTER_TO_INT(g_once(&once, init_once, NULL)) == 1)
        return true;
    g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "the XML signature library does not start");
    return false;
}

static void free_signer(gpointer data)
{
    Signer *signer = data;
    if (signer->key)
        xmlSecKeyDestroy(signer->key);
    bc_authority_free(signer->authority);
    g_free(signer->name);
    g_free(signer);
}

/* NULL: it is fine now. */
static const char *certificate_fault(const char *pem, gsize len)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    X509 *x509 = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    const char *fault = !x509                                                     ? "cannot be read"
                        : X509_cmp_current_time(X509_get0_notBefore(x509)) > 0 ? "is not valid yet"
                        : X509_cmp_current_time(X509_get0_notAfter(x509)) < 0  ? "has expired"
                                                                               : NULL;
    X509_free(x509);
    BIO_free(bio);
    return fault;
}

static xmlSecKey *load_key(const char *pem, gsize len, bool certificate)
{
    return xmlSecCryptoAppKeyLoadMemory((const xmlSecByte *)pem, (xmlSecSize)len, certificate ? xmlSecKeyDataFormatCertPem : xmlSecKeyDataFormatPem, NULL,
                                        NULL, NULL);
}

/* NULL with a warning. */
static Signer *load_signer(const char *dir, const char *file, char **ret_warning)
{
    g_autofree char *path = g_build_filename(dir, file, NULL);
    g_autofree char *pem = NULL;
    gsize len = 0;
    g_autoptr(GError) error = NULL;
    if (!g_file_get_contents(path, &pem, &len, &error)) {
        *ret_warning = g_strdup(error->message);
        return NULL;
    }
    bool certificate = strstr(pem, "BEGIN CERTIFICATE") != NULL, above = g_str_has_suffix(file, ".ca.pem"), private = strstr(pem, "PRIVATE KEY") != NULL;
    const char *fault = private       ? "is a private key: only public keys and certificates belong here"
                        : certificate ? certificate_fault(pem, len)
                                      : NULL;
    BcAuthority *authority = above && !fault ? bc_authority_new(pem, len, &fault) : NULL;
    xmlSecKey *key = fault || above ? NULL : load_key(pem, len, certificate);
    if (!key && !authority) {
        *ret_warning = g_strdup_printf("%s %s", path, fault ? fault : "is neither a certificate nor a public key (PEM)");
        return NULL;
    }
    Signer *signer = g_new0(Signer, 1);
    signer->name = g_strndup(file, strlen(file) - strlen(above ? ".ca.pem" : ".pem"));
    signer->authority = authority;
    signer->key = key;
    return signer;
}

static int by_name(gconstpointer a, gconstpointer b)
{
    return strcmp((*(Signer *const *)a)->name, (*(Signer *const *)b)->name);
}

BcSigners *bc_signers_new(const char *dir, char ***ret_warnings, GError **error)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    if (!init(error))
        return NULL;
    g_autoptr(GDir) open = dir ? g_dir_open(dir, 0, error) : NULL;
    if (dir && !open)
        return NULL;
    BcSigners *signers = g_new0(BcSigners, 1);
    signers->all = g_ptr_array_new_with_free_func(free_signer);
    for (const char *file = open ? g_dir_read_name(open) : NULL; file; file = g_dir_read_name(open)) {
        char *warning = NULL;
        if (!g_str_has_suffix(file, ".pem"))
            continue;
        Signer *signer = signers->all->len < BC_SIGNERS_MAX ? load_signer(dir, file, &warning) : NULL;
        if (signer)
            g_ptr_array_add(signers->all, signer);
        else
            g_ptr_array_add(warnings, warning ? warning : g_strdup_printf("%s: more than %u keys", file, BC_SIGNERS_MAX));
    }
    g_ptr_array_sort(signers->all, by_name);
    g_ptr_array_add(warnings, NULL);
    if (ret_warnings)
        *ret_warnings = (char **)g_ptr_array_free(g_steal_pointer(&warnings), FALSE);
    return signers;
}

void bc_signers_free(BcSigners *signers)
{
    if (!signers)
        return;
    g_ptr_array_unref(signers->all);
    g_free(signers);
}

unsigned bc_signers_count(const BcSigners *signers)
{
    return signers ? signers->all->len : 0;
}

static unsigned count_signatures(const xmlNode *node)
{
    unsigned n = bc_xml_is(node, DSIG_NS, "Signature");
    for (const xmlNode *child = node->children; child; child = child->next)
        if (child->type == XML_ELEMENT_NODE)
            n += count_signatures(child);
    return n;
}

/* The <Signature> if the message has the one shape that is believed; *ret_none: there is no signature at all. */
static xmlNode *find_signature(xmlDoc *doc, bool *ret_none, GError **error)
{
    const xmlNode *root = xmlDocGetRootElement(doc);
    unsigned n = count_signatures(root);
    *ret_none = n == 0;
    if (n == 0)
        return NULL;
    const xmlNode *signature = bc_xml_child(root, DSIG_NS, "Signature");
    const xmlNode *info = bc_xml_child(signature, DSIG_NS, "SignedInfo"), *reference = bc_xml_child(info, DSIG_NS, "Reference");
    const char *fault = n > 1 || !signature      ? "one <Signature> is believed, as a child of <alert>"
                        : !info || !reference    ? "<SignedInfo> with a <Reference> is missing in the signature"
                                                 : NULL;
    for (const xmlNode *next = reference ? reference->next : NULL; next && !fault; next = next->next)
        if (next->type == XML_ELEMENT_NODE)
            fault = "the signature must have one <Reference>";
    xmlChar *uri = reference ? xmlGetNoNsProp(reference, BAD_CAST "URI") : NULL;
    if (!fault && (!uri || *uri))
        fault = "the signature must be of the whole message: <Reference URI=\"\">";
    xmlFree(uri);
    if (fault)
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "%s", fault);
    return fault ? NULL : (xmlNode *)signature;
}

static bool allow(xmlSecDSigCtx *ctx)
{
    xmlSecTransformId reference[] = {xmlSecTransformEnvelopedId, xmlSecTransformInclC14NId, xmlSecTransformExclC14NId,
                                     xmlSecTransformInclC14N11Id, xmlSecTransformSha256Id, xmlSecTransformSha384Id, xmlSecTransformSha512Id};
    xmlSecTransformId signature[] = {xmlSecTransformInclC14NId, xmlSecTransformExclC14NId, xmlSecTransformInclC14N11Id,
                                     xmlSecTransformRsaSha256Id, xmlSecTransformRsaSha384Id, xmlSecTransformRsaSha512Id,
                                     xmlSecTransformEcdsaSha256Id, xmlSecTransformEcdsaSha384Id, xmlSecTransformEcdsaSha512Id};
    for (unsigned i = 0; i < G_N_ELEMENTS(reference); i++)
        if (xmlSecDSigCtxEnableReferenceTransform(ctx, reference[i]) < 0)
            return false;
    for (unsigned i = 0; i < G_N_ELEMENTS(signature); i++)
        if (xmlSecDSigCtxEnableSignatureTransform(ctx, signature[i]) < 0)
            return false;
    ctx->enabledReferenceUris = xmlSecTransformUriTypeEmpty;
    ctx->flags = XMLSEC_DSIG_FLAGS_STORE_SIGNEDINFO_REFERENCES;
    return true;
}

/* Has the one reference the enveloped transform and covers the document? xmlsec computed it over that; without it the digest would
 * never fit. */
static bool verify_with(const char *text, gsize len, const xmlSecKey *key)
{
    bool none = false, good = false;
    g_autoptr(xmlDoc) doc = bc_xml_read(text, len, NULL); /* verifying leaves marks in the tree: a fresh one for each key */
    xmlNode *signature = doc ? find_signature(doc, &none, NULL) : NULL;
    xmlSecDSigCtx *ctx = signature ? xmlSecDSigCtxCreate(NULL) : NULL;
    if (!ctx)
        return false;
    ctx->signKey = xmlSecKeyDuplicate((xmlSecKey *)key);
    if (ctx->signKey && allow(ctx) && xmlSecDSigCtxVerify(ctx, signature) >= 0)
        good = ctx->status == xmlSecDSigStatusSucceeded && xmlSecPtrListGetSize(&ctx->signedInfoReferences) == 1;
    xmlSecDSigCtxDestroy(ctx);
    return good;
}

/* By a certificate that the message brings; its common name, g_free. NULL: none fits. */
static char *verify_by(const char *text, gsize len, const xmlNode *signature, const BcAuthority *authority)
{
    g_autoptr(GPtrArray) names = NULL, found = bc_authority_find(authority, signature, &names);
    char *name = NULL;
    for (unsigned i = 0; i < found->len && !name; i++) {
        xmlSecKey *key = load_key(found->pdata[i], strlen(found->pdata[i]), true);
        if (key && verify_with(text, len, key))
            name = g_strdup(names->pdata[i]);
        if (key)
            xmlSecKeyDestroy(key);
    }
    return name;
}

BcSignature bc_signature_check(const BcSigners *signers, const char *text, gsize len, char **ret_signer, GError **error)
{
    g_autoptr(xmlDoc) doc = bc_xml_read(text, len, error);
    bool none = false;
    if (!doc)
        return BC_SIGNATURE_BAD;
    const xmlNode *signature = find_signature(doc, &none, error);
    if (!signature)
        return none ? BC_SIGNATURE_NONE : BC_SIGNATURE_BAD;
    for (unsigned i = 0; i < bc_signers_count(signers); i++) {
        const Signer *signer = signers->all->pdata[i];
        g_autofree char *name = signer->authority ? verify_by(text, len, signature, signer->authority) : NULL;
        if (signer->authority ? !name : !verify_with(text, len, signer->key))
            continue;
        if (ret_signer)
            *ret_signer = name ? g_strdup_printf("%s (%s)", signer->name, name) : g_strdup(signer->name);
        return BC_SIGNATURE_GOOD;
    }
    g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "the signature fits none of the %u trusted keys", bc_signers_count(signers));
    return BC_SIGNATURE_BAD;
}
