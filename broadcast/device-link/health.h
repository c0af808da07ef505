/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/link/protocol.h"
#include "broadcast/types.h"

/* What loudspeakers say of themselves, each value with its source, its time and how far it can be believed: installed devices send
 * constants, impossible values and swapped lines. Control thread; the judging itself is a pure function. */
typedef struct BcHealth BcHealth;

#define BC_HEALTH_READINGS_MAX 128u /* names per device; further ones are not kept */

typedef enum BcPlausible { BC_PLAUSIBLE_OK, BC_PLAUSIBLE_CONSTANT, BC_PLAUSIBLE_IMPOSSIBLE, BC_PLAUSIBLE_SWAPPED, BC_PLAUSIBLE_STALE,
                           BC_PLAUSIBLE_MAX } BcPlausible;
const char *bc_plausible_to_string(BcPlausible mark);

typedef struct BcReading {  /* strings owned by the health, valid until control returns to the main loop */
    const char *name, *value, *source;  /* source NULL: not said */
    bool number;
    int64_t at_us;          /* as the device says, 0 not said */
    int64_t received_us, since_us; /* wall; since: has had this value */
    int64_t samples;        /* of this value in a row */
} BcReading;

/* all: every reading of the same device (line tests judge one another). *ret_why (may be NULL): static, NULL for ok. */
BcPlausible bc_health_judge(const BcReading *reading, const GPtrArray *all, int64_t now_us, const char **ret_why);

BcHealth *bc_health_new(MdStore *store, GError **error);
void bc_health_free(BcHealth *health); /* what changed is handed to the store */
void bc_health_take(BcHealth *health, const char *device, const BcLinkTelemetry *telemetry, int64_t now_us);
/* By name; unref. Empty: nothing known. */
GPtrArray *bc_health_of(const BcHealth *health, const char *device);
/* NULL: unknown, or not to be believed now. */
const char *bc_health_value(const BcHealth *health, const char *device, const char *name, int64_t now_us);
void bc_health_forget(BcHealth *health, const char *device);
void bc_health_tick(BcHealth *health); /* what changed goes to the store; every 10 s */
