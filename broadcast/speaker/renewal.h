/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/* Looking at certificates for their renewal. Any thread. */
#define BC_RENEW_BEFORE_US (60ll * 86400 * 1000000)

typedef struct BcCertificateLife { int64_t from_us, until_us; char serial[64]; } BcCertificateLife; /* wall; serial: upper-case hexadecimal */
/* Of a PEM file; false: it cannot be read. */
bool bc_certificate_life(const char *path, BcCertificateLife *ret);
/* It ends within 60 days, or a third of its life when that is less. */
bool bc_certificate_due(const BcCertificateLife *life, int64_t now_us);
/* NULL: the certificate is signed by that authority (a file), carries this name and the key of that file (PEM), and ends after until_us. Else
 * what is wrong with it, static. */
const char *bc_certificate_fault(const char *certificate, const char *key, const char *ca_file, const char *name, int64_t until_us);
