/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <glib.h>

/* What mediad makes of what a loudspeaker says of itself: GET /devices/ID/health. Main thread, blocking. */
typedef struct SimAsk SimAsk;
/* token_file: a session's bearer token; ca: who vouches for https, NULL the system's. */
SimAsk *sim_ask_new(const char *url, const char *token_file, const char *ca, GError **error);
void sim_ask_free(SimAsk *ask);
/* Whether one of the device's readings carries that mark ("impossible", "swapped", "constant"); mark NULL: any of these. */
bool sim_ask_marked(SimAsk *ask, const char *device, const char *mark, bool *ret_marked, GError **error);
