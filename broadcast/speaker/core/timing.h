/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/link/protocol.h"

/* What time it is at the server, from clock questions over the device link (RFC 5905 8). Built on the monotonic clock: the system's
 * wall clock may be stepped by whoever likes. A line is laid through the answers of the last half hour, the quick ones counting far
 * more than the slow ones, so that a loaded line shifts nothing; its slope is the drift. Embedded, pure; one thread at a time.
 * Times are microseconds: mono of CLOCK_MONOTONIC, wall since 1970. */
#define BC_TIMING_SAMPLES 64
#define BC_TIMING_ASKED 4

typedef struct BcTiming {
    struct { int64_t mono_us, offset_us, rtt_us; } samples[BC_TIMING_SAMPLES]; /* offset: server minus mono */
    unsigned n, at;
    int64_t asked_us[BC_TIMING_ASKED]; /* t0 of questions not yet answered */
    unsigned asked_at;
    int64_t base_us;             /* our own clock: mono + base */
    int64_t next_us;             /* mono, of the next question */
    unsigned asked;              /* questions so far */
    unsigned astray;             /* answers one after the other that fit nothing known */
    int64_t ref_us, offset_us;   /* the line: server = mono + offset + drift * (mono - ref) */
    double drift;                /* of the server's clock against ours, as a ratio */
    bool synced, has_drift;
    int64_t error_us;
} BcTiming;

void bc_timing_init(BcTiming *timing, int64_t mono_us, int64_t wall_us);
/* When to ask next (mono); asking: fills *ret with t0. */
int64_t bc_timing_next_us(const BcTiming *timing);
void bc_timing_ask(BcTiming *timing, int64_t mono_us, BcLinkClock *ret);
/* The link is up again: ask soon. */
void bc_timing_hurry(BcTiming *timing, int64_t mono_us);
/* False: not the answer to a question of ours, or implausible; nothing changed then. */
bool bc_timing_answer(BcTiming *timing, const BcLinkClock *answer, int64_t mono_us);

bool bc_timing_synced(const BcTiming *timing);
/* Before the first answer: wall_us as given, the system's clock. */
int64_t bc_timing_server_us(const BcTiming *timing, int64_t mono_us, int64_t wall_us);
/* Our system clock minus the server's; INT64_MIN before the first answer. */
int64_t bc_timing_offset_us(const BcTiming *timing, int64_t mono_us, int64_t wall_us);
/* How much faster than the server's our clock runs, ppm; NAN unknown. */
double bc_timing_drift_ppm(const BcTiming *timing);
/* Half the quickest round trip: how wrong the offset may be at most on a line whose two ways differ. INT64_MAX unknown. */
int64_t bc_timing_error_us(const BcTiming *timing);
