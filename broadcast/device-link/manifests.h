/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/broadcast.h"
#include "broadcast/device-link/media.h"
#include "broadcast/device-link/service.h"

/* The coming days of every device of the link, signed and retained at the broker. A device gets a new version only when what it should do
 * has changed; versions only grow, over restarts too, and are in the store before they are published. What changes for thousands at once
 * goes out at a measured pace. Control thread. */
typedef struct BcManifests BcManifests;

typedef struct BcManifestsOptions {
    MdStore *store;
    BcBroadcast *broadcast;
    BcDeviceLink *link;
    BcMedia *media;
    unsigned days;                  /* ahead, 1..14; 0: 3 */
    unsigned live_buffer_ms;        /* 0: 400 */
    unsigned per_s;                 /* manifests published a second, 0: 1000 */
    const MdLogger *logger;
} BcManifestsOptions;

BcManifests *bc_manifests_new(const BcManifestsOptions *options, GError **error);
void bc_manifests_free(BcManifests *manifests);
/* Something that manifests are made of may have changed: looks within a second. */
void bc_manifests_look(BcManifests *manifests);

typedef struct BcManifestsStats {
    uint64_t published;  /* in this life */
    unsigned devices, waiting /* to be published */;
} BcManifestsStats;
void bc_manifests_stats(const BcManifests *manifests, BcManifestsStats *ret);
/* Version last published for device; 0 none. */
int64_t bc_manifests_version(const BcManifests *manifests, const char *device);
/* Version of the manifest device was given last, if it holds this occurrence ("SCHEDULE@SECONDS"); 0 not (yet). *ret_us: wall, when. */
int64_t bc_manifests_told(const BcManifests *manifests, const char *device, const char *occurrence, int64_t *ret_us);
