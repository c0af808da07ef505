/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/tls.h"
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include "sip/accounts.h"

static SSL_CTX *fail(SSL_CTX *context, GError **error, const char *what)
{
    unsigned long code = ERR_get_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    g_set_error(error, SG_ERROR, SG_ERROR_NETWORK, "TLS: %s: %s", what, reason ? reason : "failed");
    ERR_clear_error();
    SSL_CTX_free(context);
    return NULL;
}

static SSL_CTX *new_context(const SSL_METHOD *method)
{
    SSL_CTX *context = SSL_CTX_new(method);

    if (!context)
        return NULL;
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    return context;
}

static bool self_sign(SSL_CTX *context, const char *common_name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_NAME *name;
    uint64_t serial;
    bool ok = false;

    if (!key || !certificate || RAND_bytes((unsigned char *)&serial, sizeof(serial)) != 1)
        goto out;
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 10L * 365 * 24 * 3600);
    X509_set_pubkey(certificate, key);
    name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    ok = X509_sign(certificate, key, EVP_sha256()) > 0 && SSL_CTX_use_certificate(context, certificate) == 1 &&
         SSL_CTX_use_PrivateKey(context, key) == 1;
out:
    X509_free(certificate);
    EVP_PKEY_free(key);
    return ok;
}

SSL_CTX *sg_tls_server(const char *certificate, const char *key, const char *common_name, GError **error)
{
    SSL_CTX *context = new_context(TLS_server_method());

    if (!context)
        return fail(NULL, error, "no context");
    if (!certificate && !key)
        return self_sign(context, common_name) ? context : fail(context, error, "self-signed certificate");
    if (!certificate || SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
        return fail(context, error, certificate ? certificate : "no certificate file");
    if (!key || SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        return fail(context, error, key ? key : "no key file");
    if (SSL_CTX_check_private_key(context) != 1)
        return fail(context, error, "the key does not belong to the certificate");
    return context;
}

SSL_CTX *sg_tls_client(const char *ca, bool verify, GError **error)
{
    SSL_CTX *context = new_context(TLS_client_method());

    if (!context)
        return fail(NULL, error, "no context");
    if (!verify)
        return context;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (ca ? SSL_CTX_load_verify_locations(context, ca, NULL) != 1 : SSL_CTX_set_default_verify_paths(context) != 1)
        return fail(context, error, ca ? ca : "the system's certificates");
    return context;
}
