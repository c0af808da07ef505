/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The certificate from the settings, or a self-signed one made at the first start so that nothing ever runs without TLS. */
#include "mediad/api/private.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#define VALID_DAYS 825

static bool add_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = extension && X509_add_ext(cert, extension, -1);

    X509_EXTENSION_free(extension);
    return ok;
}

static X509 *self_sign(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    uint64_t serial;
    g_autofree char *names = g_strdup_printf("DNS:%s,DNS:localhost,IP:127.0.0.1,IP:::1", g_get_host_name());

    RAND_bytes((unsigned char *)&serial, sizeof serial);
    bool ok = cert && X509_set_version(cert, 2) &&
              ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) &&
              X509_gmtime_adj(X509_getm_notBefore(cert), -3600) &&
              X509_gmtime_adj(X509_getm_notAfter(cert), VALID_DAYS * 86400L) && X509_set_pubkey(cert, key) &&
              X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
                                         (const unsigned char *)g_get_host_name(), -1, -1, 0) &&
              X509_set_issuer_name(cert, X509_get_subject_name(cert)) &&
              add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
              add_extension(cert, NID_ext_key_usage, "serverAuth") &&
              (add_extension(cert, NID_subject_alt_name, names) ||
               add_extension(cert, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1")) &&
              X509_sign(cert, key, EVP_sha256());
    if (ok)
        return cert;
    X509_free(cert);
    return NULL;
}

static bool write_pem(const char *path, mode_t mode, EVP_PKEY *key, X509 *cert)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

    if (!f) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool ok = key ? PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) : PEM_write_X509(f, cert);
    return fclose(f) == 0 && ok;
}

static bool make_pair(const char *cert_path, const char *key_path, GError **error)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key ? self_sign(key) : NULL;
    bool ok = false;

    g_unlink(cert_path);
    g_unlink(key_path);
    if (!cert)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "cannot make a self-signed certificate");
    else if (!write_pem(key_path, 0600, key, NULL) || !write_pem(cert_path, 0644, NULL, cert))
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "cannot write %s: %s", cert_path, g_strerror(errno));
    else
        ok = true;
    X509_free(cert);
    EVP_PKEY_free(key);
    return ok;
}

GTlsCertificate *md_api_certificate(const MdApiOptions *options, const MdLogger *logger, GError **error)
{
    if (options->tls_certificate)
        return g_tls_certificate_new_from_files(
            options->tls_certificate, options->tls_key ? options->tls_key : options->tls_certificate, error);
    g_autofree char *cert_path = g_build_filename(options->state_dir, "https-cert.pem", NULL);
    g_autofree char *key_path = g_build_filename(options->state_dir, "https-key.pem", NULL);
    if (!g_file_test(cert_path, G_FILE_TEST_EXISTS) || !g_file_test(key_path, G_FILE_TEST_EXISTS)) {
        if (!make_pair(cert_path, key_path, error))
            return NULL;
        md_notice(logger, "no certificate is set, browsers will warn of the one made here (%s): set api.tls_certificate and api.tls_key", cert_path);
    }
    return g_tls_certificate_new_from_files(cert_path, key_path, error);
}
