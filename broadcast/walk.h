/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>
#include <libical/ical.h>

/* Recurrence rules whose periods are all of one length (WEEKLY, HOURLY, MINUTELY, and DAILY by days of the week, months and times), worked
 * out by plain counting: libical 3.0 gets weeks with INTERVAL and steps within the day wrong. In floating civil seconds since 1970.
 * Inside this folder only. */
typedef struct BcWalk BcWalk;

/* NULL: the rule is not one of these. */
BcWalk *bc_walk_new(const struct icalrecurrencetype *rule, struct icaltimetype start);
void bc_walk_free(BcWalk *walk);
/* The first occurrence strictly after after_s; INT64_MAX: there is none. Cheap when asked in growing order. */
int64_t bc_walk_next(BcWalk *walk, int64_t after_s);

/* A BY part of a rule as libical keeps it: how many values it has; whether one of them is this (a part that is not there allows all). */
unsigned bc_by_count(const short *by);
bool bc_by_has(const short *by, int value);
