/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/link/protocol.h"

/* What the machine itself can measure, read from the kernel: nothing is made up, what cannot be read is left out. sysfs: "/sys", or a
 * test's own folder. Adds to *telemetry (rows allocated for BC_LINK_READINGS_MAX). */
void bc_telemetry_new(BcLinkTelemetry *telemetry);
void bc_telemetry_add(BcLinkTelemetry *telemetry, const char *name, bool number, const char *source, int64_t at_us, const char *format, ...)
    G_GNUC_PRINTF(6, 7);
void bc_telemetry_machine(BcLinkTelemetry *telemetry, const char *sysfs, const char *procfs, const char *state_dir, int64_t at_us);
