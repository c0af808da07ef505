/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <glib.h>

/* The small certificate authority of the device link: P-256 keys in one folder. It names mediad itself, the broker and each loudspeaker;
 * nobody else believes it. Control thread. */
typedef struct BcCa BcCa;

#define BC_CA_SERVICE_NAME "mediad-service" /* mediad's own user at the broker: no device may be called so */
#define BC_CA_LOOK_NAME "mediad-look"       /* who may read what devices say, with Mosquitto's own clients: neither this */
#define BC_CA_REQUEST_MAX 16384u            /* bytes of a certificate request */

/* Makes what is missing or ends within 30 days: ca.pem, ca.key (never made anew while one is there), service.pem and .key, look.pem and .key,
 * broker/broker.pem and .key naming hosts (NULL-terminated; names or addresses). */
BcCa *bc_ca_open(const char *folder, const char *const *hosts, GError **error);
void bc_ca_free(BcCa *ca);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BcCa, bc_ca_free)

const char *bc_ca_folder(const BcCa *ca);
const char *bc_ca_pem(const BcCa *ca); /* the authority's own certificate */
/* A device's certificate (PEM; g_free) from its PKCS#10 request, of which the key alone counts: EC, Ed25519 or RSA from 2048 bits on, with a
 * fitting signature. *ret_serial: upper-case hex; g_free. */
char *bc_ca_issue(BcCa *ca, const char *device, const char *request, gsize len, unsigned days, char **ret_serial, GError **error);
/* A certificate of one day in the name of anybody, with its key, both in PEM (g_free): to take a place at the broker, not to keep. */
bool bc_ca_borrow(BcCa *ca, const char *name, char **ret_certificate, char **ret_key, GError **error);
/* The list of withdrawn serials at broker/crl.pem, replaced in one step, and read by the broker at once when it runs here. Left as it is when
 * it names the same already. */
bool bc_ca_write_crl(BcCa *ca, const char *const *serials, unsigned n, GError **error);
