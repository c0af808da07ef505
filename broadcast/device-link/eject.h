/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdint.h>
#include "broadcast/device-link/ca.h"

/* Ends the sessions of withdrawn devices at the broker. A list of withdrawn certificates keeps a device from connecting and lets one that is
 * connected stay; a client that comes with the same client id takes the place of the one that is there (MQTT 3.1.1, 3.1.4-2), and this is
 * what is done here, with a certificate of the device's name made for the moment. The place is left at once, and nothing is kept of the
 * session. Control thread; the connecting is done beside it. */
typedef struct BcEjector BcEjector;

BcEjector *bc_ejector_new(BcCa *ca, const char *host, uint16_t port); /* ca is borrowed */
void bc_ejector_free(BcEjector *ejector);
/* From the next step on. again: also 4 and 16 seconds later, for a broker that is told of the list by somebody else. Nothing happens when it is
 * called for the same device within ten seconds. now_us: monotonic. */
void bc_ejector_add(BcEjector *ejector, const char *device, bool again, int64_t now_us);
void bc_ejector_remove(BcEjector *ejector, const char *device);
/* Every second: what is due is begun; ejected (may be NULL) is told the names. */
void bc_ejector_step(BcEjector *ejector, int64_t now_us, void (*ejected)(const char *device, const GError *error, void *user), void *user);
