/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/* The outcome of a run: figures in groups, and what fell short. Printed as a table or as JSON. Main thread.
 */
typedef struct SimVerdict SimVerdict;

SimVerdict *sim_verdict_new(const char *scenario);
void sim_verdict_free(SimVerdict *verdict);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SimVerdict, sim_verdict_free)

/* The figures that follow belong to this group ("audio"); a group is begun once. */
void sim_verdict_group(SimVerdict *verdict, const char *name);
/* key: JSON name; unit is shown in the table behind the value ("ms", "%", ""). */
void sim_verdict_int(SimVerdict *verdict, const char *key, int64_t value, const char *unit);
void sim_verdict_double(SimVerdict *verdict, const char *key, double value, const char *unit);
void sim_verdict_text(SimVerdict *verdict, const char *key, const char *value);
/* Something fell short: one sentence. */
void sim_verdict_fail(SimVerdict *verdict, const char *format, ...) G_GNUC_PRINTF(2, 3);
bool sim_verdict_passed(const SimVerdict *verdict);
/* g_free. */
char *sim_verdict_to_table(const SimVerdict *verdict);
char *sim_verdict_to_json(const SimVerdict *verdict);
