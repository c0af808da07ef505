/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Silences libavcodec's own log lines (one switch for the whole process; first call only): errors are
 * returned, and what the wire brings must not be able to fill the journal. Some of its messages carry no
 * context that could be silenced alone. Any thread. */
void md_quiet_libavcodec(void);
