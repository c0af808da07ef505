/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include "mediasim/options.h"
#include "mediasim/verdict.h"

/* A whole run. Main thread; returns when it is over. NULL + error: it could not even begin. */
SimVerdict *sim_conference_run(const SimOptions *options, GError **error);
SimVerdict *sim_loudspeakers_run(const SimOptions *options, GError **error); /* over SIP */
SimVerdict *sim_province_run(const SimOptions *options, GError **error);     /* over the device link */

/* True once somebody pressed Ctrl-C: runs end early, with a verdict. */
bool sim_interrupted(void);
/* "12.3 s text" on stderr when verbose. */
void sim_say(const SimOptions *options, const char *format, ...) G_GNUC_PRINTF(2, 3);
