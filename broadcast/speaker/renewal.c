/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/speaker/renewal.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static int64_t wall_of(const ASN1_TIME *time)
{
    struct tm tm;
    return time && ASN1_TIME_to_tm(time, &tm) ? (int64_t)timegm(&tm) * 1000000 : 0;
}

static X509 *load(const char *path)
{
    FILE *file = fopen(path, "re");
    X509 *certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    if (file)
        fclose(file);
    return certificate;
}

bool bc_certificate_life(const char *path, BcCertificateLife *ret)
{
    X509 *certificate = load(path);
    BIGNUM *number = certificate ? ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL) : NULL;
    char *hex = number ? BN_bn2hex(number) : NULL;
    if (hex) {
        *ret = (BcCertificateLife){wall_of(X509_get0_notBefore(certificate)), wall_of(X509_get0_notAfter(certificate)), ""};
        g_strlcpy(ret->serial, hex, sizeof ret->serial);
    }
    bool ok = hex && ret->until_us > ret->from_us;
    OPENSSL_free(hex);
    BN_free(number);
    X509_free(certificate);
    return ok;
}

bool bc_certificate_due(const BcCertificateLife *life, int64_t now_us)
{
    return life->until_us - now_us < MIN(BC_RENEW_BEFORE_US, (life->until_us - life->from_us) / 3);
}

static bool has_name(X509 *certificate, const char *name)
{
    char found[128];
    int len = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, found, sizeof found);
    return len >= 0 && (size_t)len == strlen(name) && strcmp(found, name) == 0;
}

const char *bc_certificate_fault(const char *certificate, const char *key, const char *ca_file, const char *name, int64_t until_us)
{
    BIO *bio = BIO_new_mem_buf(certificate, -1), *key_bio = BIO_new_mem_buf(key, -1);
    X509 *new = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL, *ca = load(ca_file);
    EVP_PKEY *own = key_bio ? PEM_read_bio_PrivateKey(key_bio, NULL, NULL, (void *)"") : NULL;
    const char *fault = !new ? "it cannot be read"
                        : !ca || X509_verify(new, X509_get0_pubkey(ca)) != 1 ? "our authority has not signed it"
                        : !own || X509_check_private_key(new, own) != 1      ? "it is for another key"
                        : !has_name(new, name)                               ? "it is for another device"
                        : wall_of(X509_get0_notAfter(new)) <= until_us       ? "it ends no later than the present one" : NULL;
    EVP_PKEY_free(own);
    X509_free(ca);
    X509_free(new);
    BIO_free(key_bio);
    BIO_free(bio);
    return fault;
}
