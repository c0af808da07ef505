/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <glib.h>

/* A new P-256 key (every TLS library knows it) and a request in the device's name, PEM both; g_free. */
bool bc_enrol_request(const char *device, char **ret_key, char **ret_request);

/* Makes this device's key, asks the server for a certificate with a one-time code, and keeps what it gets (state_dir/identity, 0600), each
 * file durably, the one that makes the device enrolled (link.json) last. Blocking. ca_file: who vouches for the server, NULL the system's.
 *
 *   POST URL/api/v1/link/enrol {"device", "code", "csr": PKCS#10 as PEM}
 *   201 or 200 {"certificate": PEM, "ca": PEM, "token", "keys": JWKS object, "broker": {"host", "port"}, "media_base"} */
bool bc_enrol(const char *url, const char *device, const char *code, const char *ca_file, const char *state_dir, GError **error);
