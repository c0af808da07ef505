/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>

/* Whether this build works on this machine: signatures, sirens, the desk, GStreamer's plug-ins. Prints a line for each; touches nothing. */
bool bc_self_test(void);
