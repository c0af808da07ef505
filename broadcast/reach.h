/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/device.h"
#include "broadcast/play-log.h"
#include "broadcast/source.h"

/* How an announcement comes to those loudspeakers that are not rung over SIP: whoever drives them (the device link, a vendor's gateway)
 * registers a reach for their kind and says what became of it. Control thread. */

typedef struct BcReachSound {    /* what is to sound; strings borrowed */
    const char *content;         /* SHA-256 of stored content, NULL live */
    int64_t duration_us;         /* with repeats and gaps; INT64_MAX live */
    unsigned repeats;
    int64_t gap_us;
    int siren;                   /* BcSirenPattern before it, 0 none */
    unsigned siren_rounds;
    int64_t expires_us;          /* wall */
    unsigned authority;          /* 0 central, 1 province, 2 commune, 3 village */
    bool in_manifest;            /* scheduled: the devices know it from their manifests and begin by themselves */
    bool drill;
} BcReachSound;

typedef struct BcReachOps {
    /* One announcement begins at run->start_us for these devices (ids). Called once, before its start. */
    void (*begin)(const BcRun *run, const BcReachSound *sound, const char *const *devices, unsigned n, void *user);
    /* It is over before its time. */
    void (*stop)(const BcRun *run, const char *reason, void *user);
    void *user;
} BcReachOps;

/* Each is a step further; none is taken for a later one ("began" is not "heard"). */
typedef enum BcReachState {
    BC_REACH_WANTED, BC_REACH_SENT, BC_REACH_ACKNOWLEDGED, BC_REACH_BEGAN, BC_REACH_ENDED, BC_REACH_PROVED, /* in order */
    BC_REACH_CUT, BC_REACH_MISSED, BC_REACH_REFUSED,
} BcReachState;
const char *bc_reach_state_to_string(BcReachState state);

typedef struct BcReachNews {     /* strings borrowed */
    const char *announcement;    /* its id; or NULL and occurrence */
    const char *schedule;        /* occurrence of a schedule: id and wall time */
    int64_t occurrence_us;
    const char *device;
    BcReachState state;
    int64_t at_us;               /* wall, when that happened */
    int64_t from_us, to_us;      /* sound, 0 unknown */
    const char *reason;
    double level_dbfs, match;    /* NAN unknown */
    const char *level_source;
} BcReachNews;
