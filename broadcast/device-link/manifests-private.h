/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* What the files of the manifests share: manifests.c (when they are looked at and told), manifests-content.c (what is in them), manifests-version.c
 * (under which number). Only these include this header. */
#include "broadcast/device-link/manifests.h"

#define DAY_US (86400ll * G_USEC_PER_SEC)

typedef struct Entry { /* one device */
    char *device;
    int64_t version, made_us;
    int64_t told_us;     /* wall: published in this life, 0 not yet */
    unsigned heals;      /* told again without effect */
    char print[65];      /* of what it was last told */
    char next[65];       /* of what it is to be told */
    bool waiting;        /* to be published */
    bool writing;        /* its new version is on its way to the store */
    bool seen;           /* still in the registry */
} Entry;

typedef struct Area { /* what all devices of an area share, while one look lasts */
    GArray *items;       /* BcLinkItem, owned strings */
    GHashTable *carried; /* set of "SCHEDULE@SECONDS", owned: the occurrences they are of */
    GChecksum *sum;
} Area;

struct BcManifests { /* g_rc_box: a pending write holds it */
    BcManifestsOptions o;
    BcTimers *timers;
    BcTimer look, pace;
    GHashTable *entries; /* device -> Entry*, owned */
    GQueue waiting;      /* Entry* */
    GHashTable *areas;   /* code -> Area*, of the plan below */
    Area *nothing;       /* what one hears that is switched off */
    int64_t down_us;     /* wall: the broker went away */
    int64_t epoch;       /* grows every RENEW_DAYS */
    uint64_t published;
    bool closed;
};

/* --- manifests.c */
void bc_manifests_enqueue(BcManifests *m, Entry *entry); /* to be published */
Entry *bc_manifests_entry(BcManifests *m, const char *device); /* made when it is new */
void bc_manifests_unref(gpointer manifests);

/* --- manifests-content.c */
Area *bc_manifests_area(BcManifests *m, const BcPlan *plan, const char *code, int64_t now_us);
void bc_manifests_area_free(gpointer area);
/* Everything but version and times of making. Strings are borrowed: never cleared. */
void bc_manifests_fill(BcManifests *m, BcLinkManifest *ret, const BcDevice *device, const Area *area);
void bc_manifests_print(const BcManifests *m, const BcLinkManifest *manifest, const Area *area, char ret[65]);

/* --- manifests-version.c */
typedef struct Version {
    char *device;
    int64_t version, made_us;
    char print[65];
} Version;
GArray *bc_manifests_versions(void); /* of Version */
void bc_manifests_store(BcManifests *m, GArray *versions /* taken */);
bool bc_manifests_read_versions(BcManifests *m, GError **error);
