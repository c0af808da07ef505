/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/* mosquitto.conf and acl in folder (where ca.pem, broker.pem, broker.key and crl.pem are), for a broker that listens on port, address NULL:
 * everywhere. A mosquitto.conf there that says it is edited by hand stays. */
bool bc_broker_files_write(const char *folder, const char *address, uint16_t port, GError **error);
/* Has the broker of that folder read its certificates, its list of withdrawn ones and its rules anew (SIGHUP; nobody loses the connection).
 * false: it does not run here, or as another user: then its unit or its operator does it. */
bool bc_broker_reload(const char *folder);
