/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/device-link/ca.h"
#include "broadcast/device-link/broker-files.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>
#include "broadcast/types.h"

#define CA_DAYS 7300
#define OWN_DAYS 825
#define RENEW_DAYS 30
#define CRL_DAYS 3650 /* an old list must not lock everybody out */

struct BcCa {
    char *folder;
    char *pem;
    EVP_PKEY *key;
    X509 *certificate;
};

static bool fail(GError **error, const char *what, const char *path)
{
    g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "device link: %s %s: %s", what, path, errno ? g_strerror(errno) : "not readable");
    return false;
}

/* Whole or not at all. */
static bool save(const char *path, mode_t mode, BIO *bio, GError **error)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    g_autofree char *fresh = g_strdup_printf("%s.new", path);
    g_unlink(fresh);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return fail(error, "cannot write", path);
    bool ok = len > 0 && write(fd, data, (size_t)len) == len && fsync(fd) == 0;
    ok = close(fd) == 0 && ok && g_rename(fresh, path) == 0;
    if (!ok) {
        fail(error, "cannot write", path);
        g_unlink(fresh);
    }
    return ok;
}

static bool save_key(const char *path, EVP_PKEY *key, GError **error)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) && save(path, 0600, bio, error);
    BIO_free(bio);
    return ok;
}

static bool save_certificate(const char *path, X509 *certificate, GError **error)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = PEM_write_bio_X509(bio, certificate) && save(path, 0644, bio, error);
    BIO_free(bio);
    return ok;
}

static X509 *load_certificate(const char *path)
{
    FILE *file = fopen(path, "re");
    X509 *certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    if (file)
        fclose(file);
    return certificate;
}

static EVP_PKEY *load_key(const char *path)
{
    FILE *file = fopen(path, "re");
    EVP_PKEY *key = file ? PEM_read_PrivateKey(file, NULL, NULL, (void *)"") : NULL;
    if (file)
        fclose(file);
    return key;
}

static char *to_pem(X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL, *text = NULL;
    if (PEM_write_bio_X509(bio, certificate)) {
        long len = BIO_get_mem_data(bio, &data);
        text = g_strndup(data, (gsize)len);
    }
    BIO_free(bio);
    return text;
}

static bool extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool ok = extension && X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return ok;
}

/* 127 random bits: never zero, never negative, never twice. */
static bool set_serial(X509 *certificate)
{
    guchar random[16];
    if (RAND_bytes(random, sizeof random) != 1)
        return false;
    random[0] = (random[0] & 0x3f) | 0x40;
    BIGNUM *number = BN_bin2bn(random, sizeof random, NULL);
    bool ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return ok;
}

static X509 *draft(const char *name, EVP_PKEY *key, unsigned days)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = certificate ? X509_get_subject_name(certificate) : NULL;
    if (certificate && X509_set_version(certificate, 2) && set_serial(certificate) &&
        X509_gmtime_adj(X509_getm_notBefore(certificate), -86400) && /* devices without a battery clock */
        X509_time_adj_ex(X509_getm_notAfter(certificate), (int)days, 0, NULL) && X509_set_pubkey(certificate, key) &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const guchar *)name, -1, -1, 0))
        return certificate;
    X509_free(certificate);
    return NULL;
}

static X509 *sign(const BcCa *ca, const char *name, EVP_PKEY *key, unsigned days, const char *use, const char *names)
{
    X509 *certificate = draft(name, key, days);
    bool ok = certificate && X509_set_issuer_name(certificate, X509_get_subject_name(ca->certificate)) &&
              extend(certificate, ca->certificate, NID_basic_constraints, "critical,CA:FALSE") &&
              extend(certificate, ca->certificate, NID_key_usage, "critical,digitalSignature") &&
              extend(certificate, ca->certificate, NID_ext_key_usage, use) &&
              extend(certificate, ca->certificate, NID_subject_key_identifier, "hash") &&
              extend(certificate, ca->certificate, NID_authority_key_identifier, "keyid:always") &&
              (!names || extend(certificate, ca->certificate, NID_subject_alt_name, names)) &&
              X509_sign(certificate, ca->key, EVP_sha256());
    if (ok)
        return certificate;
    X509_free(certificate);
    return NULL;
}

static bool make_authority(BcCa *ca, const char *certificate_path, const char *key_path, GError **error)
{
    ca->key = EVP_EC_gen("P-256");
    ca->certificate = ca->key ? draft("mediad device link", ca->key, CA_DAYS) : NULL;
    bool ok = ca->certificate && X509_set_issuer_name(ca->certificate, X509_get_subject_name(ca->certificate)) &&
              extend(ca->certificate, ca->certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
              extend(ca->certificate, ca->certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
              extend(ca->certificate, ca->certificate, NID_subject_key_identifier, "hash") &&
              X509_sign(ca->certificate, ca->key, EVP_sha256());
    if (!ok) {
        g_set_error_literal(error, BC_ERROR, BC_ERROR_FAILED, "device link: the certificate authority could not be made");
        return false;
    }
    return save_key(key_path, ca->key, error) && save_certificate(certificate_path, ca->certificate, error);
}

/* A key without its certificate, or the other way, is damage: making a new authority would lock every loudspeaker out. */
static bool open_authority(BcCa *ca, GError **error)
{
    g_autofree char *certificate_path = g_build_filename(ca->folder, "ca.pem", NULL);
    g_autofree char *key_path = g_build_filename(ca->folder, "ca.key", NULL);
    bool have_key = g_file_test(key_path, G_FILE_TEST_EXISTS), have = g_file_test(certificate_path, G_FILE_TEST_EXISTS);
    if (!have_key && !have) {
        if (!make_authority(ca, certificate_path, key_path, error))
            return false;
    } else {
        ca->key = load_key(key_path);
        ca->certificate = load_certificate(certificate_path);
        if (!ca->key || !ca->certificate || X509_check_private_key(ca->certificate, ca->key) != 1) {
            g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "device link: %s and %s do not fit together; put both back from the backup",
                        certificate_path, key_path);
            return false;
        }
    }
    ca->pem = to_pem(ca->certificate);
    return ca->pem != NULL;
}

static char *alternative_names(const char *const *hosts)
{
    g_autoptr(GString) names = g_string_new("DNS:localhost,IP:127.0.0.1,IP:::1");
    for (; hosts && *hosts; hosts++)
        if (strspn(*hosts, "0123456789abcdefABCDEFghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ.:-_") == strlen(*hosts) && **hosts &&
            strcmp(*hosts, "localhost") != 0)
            g_string_append_printf(names, ",%s:%s", g_hostname_is_ip_address(*hosts) ? "IP" : "DNS", *hosts);
    return g_string_free(g_steal_pointer(&names), FALSE);
}

static bool names_fit(X509 *certificate, const char *const *hosts)
{
    for (; hosts && *hosts; hosts++)
        if (X509_check_host(certificate, *hosts, 0, 0, NULL) != 1 && X509_check_ip_asc(certificate, *hosts, 0) != 1)
            return false;
    return true;
}

/* For mediad or the broker; kept while it is good for a month and names what it must. */
static bool ensure_own(const BcCa *ca, const char *folder, const char *noun, const char *name, const char *use, const char *const *hosts,
                       GError **error)
{
    g_autofree char *certificate_name = g_strconcat(noun, ".pem", NULL), *key_name = g_strconcat(noun, ".key", NULL);
    g_autofree char *certificate_path = g_build_filename(folder, certificate_name, NULL);
    g_autofree char *key_path = g_build_filename(folder, key_name, NULL);
    X509 *old = load_certificate(certificate_path);
    EVP_PKEY *key = load_key(key_path);
    int days = 0, seconds = 0;
    bool good = old && key && X509_check_private_key(old, key) == 1 && X509_verify(old, ca->key) == 1 && names_fit(old, hosts) &&
                ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(old)) && days >= RENEW_DAYS;
    X509_free(old);
    EVP_PKEY_free(key);
    if (good)
        return true;
    g_autofree char *names = hosts ? alternative_names(hosts) : NULL;
    key = EVP_EC_gen("P-256");
    X509 *certificate = key ? sign(ca, name, key, OWN_DAYS, use, names) : NULL;
    bool ok = false;
    if (!certificate)
        g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "device link: no certificate could be made for %s (%s)", noun, names ? names : name);
    else
        ok = save_key(key_path, key, error) && save_certificate(certificate_path, certificate, error);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return ok;
}

static bool put_ca(const BcCa *ca, const char *broker, GError **error)
{
    g_autofree char *path = g_build_filename(broker, "ca.pem", NULL);
    return save_certificate(path, ca->certificate, error);
}

BcCa *bc_ca_open(const char *folder, const char *const *hosts, GError **error)
{
    static const char *const none[] = {NULL};
    g_autoptr(BcCa) ca = g_new0(BcCa, 1);
    ca->folder = g_strdup(folder);
    g_autofree char *broker = g_build_filename(folder, "broker", NULL);
    errno = 0;
    if (g_mkdir_with_parents(broker, 0750) != 0) {
        fail(error, "cannot make the folder", broker);
        return NULL;
    }
    if (open_authority(ca, error) && put_ca(ca, broker, error) &&
        ensure_own(ca, folder, "service", BC_CA_SERVICE_NAME, "clientAuth", NULL, error) &&
        ensure_own(ca, folder, "look", BC_CA_LOOK_NAME, "clientAuth", NULL, error) &&
        ensure_own(ca, broker, "broker", "mediad broker", "serverAuth", hosts ? hosts : none, error))
        return g_steal_pointer(&ca);
    return NULL;
}

void bc_ca_free(BcCa *ca)
{
    if (!ca)
        return;
    EVP_PKEY_free(ca->key);
    X509_free(ca->certificate);
    g_free(ca->folder);
    g_free(ca->pem);
    g_free(ca);
}

const char *bc_ca_folder(const BcCa *ca)
{
    return ca->folder;
}

const char *bc_ca_pem(const BcCa *ca)
{
    return ca->pem;
}

static bool key_good(EVP_PKEY *key)
{
    int id = key ? EVP_PKEY_get_base_id(key) : 0;
    return id == EVP_PKEY_ED25519 || (id == EVP_PKEY_EC && EVP_PKEY_get_bits(key) >= 256 && EVP_PKEY_get_bits(key) <= 521) ||
           (id == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) >= 2048 && EVP_PKEY_get_bits(key) <= 4096);
}

char *bc_ca_issue(BcCa *ca, const char *device, const char *request, gsize len, unsigned days, char **ret_serial, GError **error)
{
    BIO *bio = len && len <= BC_CA_REQUEST_MAX ? BIO_new_mem_buf(request, (int)len) : NULL;
    X509_REQ *csr = bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, (void *)"") : NULL;
    EVP_PKEY *key = csr ? X509_REQ_get0_pubkey(csr) : NULL;
    char *pem = NULL;
    if (!csr || !key_good(key) || X509_REQ_verify(csr, key) != 1) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "csr: %s",
                    !csr             ? "not a PKCS#10 certificate request in PEM"
                    : !key_good(key) ? "its key must be EC from 256 bits, Ed25519 or RSA of 2048 to 4096 bits"
                                     : "its signature does not fit its key");
    } else {
        X509 *certificate = sign(ca, device, key, days, "clientAuth", NULL);
        if (certificate) {
            BIGNUM *number = ASN1_INTEGER_to_BN(X509_get_serialNumber(certificate), NULL);
            char *hex = BN_bn2hex(number);
            *ret_serial = g_strdup(hex);
            OPENSSL_free(hex);
            BN_free(number);
            pem = to_pem(certificate);
        } else {
            g_set_error_literal(error, BC_ERROR, BC_ERROR_FAILED, "the certificate could not be made");
        }
        X509_free(certificate);
    }
    X509_REQ_free(csr);
    BIO_free(bio);
    return pem;
}

bool bc_ca_borrow(BcCa *ca, const char *name, char **ret_certificate, char **ret_key, GError **error)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key ? sign(ca, name, key, 1, "clientAuth", NULL) : NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = certificate && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    if (ok) {
        char *data = NULL;
        long len = BIO_get_mem_data(bio, &data);
        *ret_key = g_strndup(data, (gsize)len);
        *ret_certificate = to_pem(certificate);
    } else {
        g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "device link: no certificate could be made for %s", name);
    }
    BIO_free(bio);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return ok;
}

static bool add_revoked(X509_CRL *crl, const char *serial, ASN1_TIME *now)
{
    BIGNUM *number = NULL;
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_INTEGER *integer = BN_hex2bn(&number, serial) ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
    bool ok = revoked && integer && X509_REVOKED_set_serialNumber(revoked, integer) && X509_REVOKED_set_revocationDate(revoked, now) &&
              X509_CRL_add0_revoked(crl, revoked);
    if (!ok)
        X509_REVOKED_free(revoked);
    ASN1_INTEGER_free(integer);
    BN_free(number);
    return ok;
}

/* Does the list there, still signed by this authority, name just these? */
static bool crl_same(const BcCa *ca, const char *path, const char *const *serials, unsigned n)
{
    FILE *file = fopen(path, "re");
    X509_CRL *crl = file ? PEM_read_X509_CRL(file, NULL, NULL, NULL) : NULL;
    STACK_OF(X509_REVOKED) *rows = crl ? X509_CRL_get_REVOKED(crl) : NULL;
    bool same = crl && X509_CRL_verify(crl, ca->key) == 1 && X509_cmp_time(X509_CRL_get0_nextUpdate(crl), NULL) > 0 &&
                (rows ? sk_X509_REVOKED_num(rows) : 0) == (int)n;
    for (unsigned i = 0; same && i < n; i++) {
        BIGNUM *number = NULL;
        ASN1_INTEGER *serial = BN_hex2bn(&number, serials[i]) ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
        X509_REVOKED *found = NULL;
        same = serial && X509_CRL_get0_by_serial(crl, &found, serial) > 0;
        ASN1_INTEGER_free(serial);
        BN_free(number);
    }
    X509_CRL_free(crl);
    if (file)
        fclose(file);
    return same;
}

bool bc_ca_write_crl(BcCa *ca, const char *const *serials, unsigned n, GError **error)
{
    g_autofree char *broker = g_build_filename(ca->folder, "broker", NULL), *path = g_build_filename(broker, "crl.pem", NULL);
    if (crl_same(ca, path, serials, n))
        return true;
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *now = X509_gmtime_adj(NULL, -60), *next = X509_time_adj_ex(NULL, CRL_DAYS, 0, NULL);
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = crl && now && next && X509_CRL_set_version(crl, 1) &&
              X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->certificate)) && X509_CRL_set1_lastUpdate(crl, now) &&
              X509_CRL_set1_nextUpdate(crl, next);
    for (unsigned i = 0; ok && i < n; i++)
        ok = add_revoked(crl, serials[i], now);
    ok = ok && X509_CRL_sort(crl) && X509_CRL_sign(crl, ca->key, EVP_sha256()) && PEM_write_bio_X509_CRL(bio, crl);
    if (ok) {
        ok = save(path, 0644, bio, error);
        if (ok)
            bc_broker_reload(broker);
    } else {
        g_set_error_literal(error, BC_ERROR, BC_ERROR_FAILED, "device link: the list of withdrawn certificates could not be made");
    }
    BIO_free(bio);
    ASN1_TIME_free(now);
    ASN1_TIME_free(next);
    X509_CRL_free(crl);
    return ok;
}
