/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/* Many loudspeakers that go at one time are one incident: told once, by what they have in common. Pure state, no clock of its own.
 * Control thread. */
typedef struct BcOutages BcOutages;

#define BC_OUTAGE_LEAST 5u                          /* fewer are single losses */
#define BC_OUTAGE_WINDOW_US (120ll * G_USEC_PER_SEC)

typedef struct BcOutage {
    const char *id;
    const char *by;          /* "power", "carrier", "area" */
    const char *value;       /* "battery", "VinaPhone", an area's code */
    int64_t began_us, ended_us; /* wall; 0: goes on */
    unsigned devices, away;  /* lost, still lost */
} BcOutage;

/* change: "outage.began", "outage.ended", "device.offline" (one alone: outage NULL, device set). */
typedef void (*BcOutageFn)(const char *change, const BcOutage *outage, const char *device, void *user);

BcOutages *bc_outages_new(BcOutageFn fn, void *user);
void bc_outages_free(BcOutages *outages);
/* carrier, power and area may be NULL. */
void bc_outages_lost(BcOutages *outages, const char *device, const char *carrier, const char *power, const char *area, int64_t now_us);
void bc_outages_back(BcOutages *outages, const char *device, int64_t now_us);
void bc_outages_tick(BcOutages *outages, int64_t now_us);
/* Newest first, ended ones for a day; borrowed BcOutage; unref. */
GPtrArray *bc_outages_list(const BcOutages *outages);
/* The one this device is lost in; NULL none. */
const BcOutage *bc_outages_of(const BcOutages *outages, const char *device);
