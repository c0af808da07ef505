/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/* When something happens: once, or by an RFC 5545 recurrence rule, counted in the civil time of a time zone (a bulletin at
 * 05:00 stays at 05:00 whatever the zone's offset does). Pure functions of time. Any one thread at a time. */
typedef struct BcRecurrence BcRecurrence;

#define BC_RECURRENCE_ERROR (bc_recurrence_error_quark())
GQuark bc_recurrence_error_quark(void);
typedef enum BcRecurrenceError { BC_RECURRENCE_ERROR_START, BC_RECURRENCE_ERROR_ZONE, BC_RECURRENCE_ERROR_RULE } BcRecurrenceError;

/* start_local: "2026-11-23T05:00:00" (seconds may be left out) in zone. rule: "FREQ=DAILY;…" or NULL/"" for once; SECONDLY is
 * refused, MINUTELY needs INTERVAL >= 5; MINUTELY and HOURLY take BYDAY, BYHOUR and (HOURLY) BYMINUTE alone; at most 288 a day. Of
 * MONTHLY, YEARLY and COUNT rules the first 400,000 occurrences count, others have no end. until_local: last moment, same form, or NULL. */
BcRecurrence *bc_recurrence_new(const char *start_local, const char *zone, const char *rule, const char *until_local,
                                GError **error);
void bc_recurrence_free(BcRecurrence *recurrence);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BcRecurrence, bc_recurrence_free)

/* First occurrence strictly after after_wall_us (microseconds since 1970 UTC); INT64_MAX: there is none. Cheap when asked in
 * growing order. */
int64_t bc_recurrence_next(BcRecurrence *recurrence, int64_t after_wall_us);
/* Occurrences in [from, to), at most max of them, as int64_t in a GArray. */
GArray *bc_recurrence_between(BcRecurrence *recurrence, int64_t from_wall_us, int64_t to_wall_us, unsigned max);

/* Civil time text in zone to microseconds since 1970 UTC; false with error on bad text or zone. */
bool bc_local_to_wall(const char *local, const char *zone, int64_t *ret_wall_us, GError **error);
/* "2026-11-23T05:00:00+07:00"; g_free. zone unknown: UTC. */
char *bc_wall_to_iso(int64_t wall_us, const char *zone);
