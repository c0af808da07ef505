/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <glib.h>

/* What one network source may cost us, decided before a message is parsed, a transaction made or a password checked.
 * Sources are IPv4 addresses and IPv6 /64 prefixes. A ban needs proof that the source owns its address (TCP, TLS or a
 * challenge answered from it), so that nobody can have a commune banned by forging UDP. Time is an argument.
 * Thread: the SIP thread; sg_guard_list from any. */
typedef struct SgGuard SgGuard;

typedef struct SgGuardOptions {
    unsigned rate_per_s;             /* messages a second and source, 0: 500; each device registered from there adds 4 */
    unsigned burst;                  /* 0: 2000 (a commune behind one address after a power cut); each registered device adds 20 */
    unsigned sources_max;            /* table size, 0: 65536; the longest idle ones are forgotten first */
    unsigned connections_per_source; /* 0: 200 */
    unsigned connections_max;        /* 0: 20000 */
    unsigned bad_passwords;          /* proven failures within window_s before a ban, 0: 20 */
    unsigned window_s;               /* 0: 600 */
    unsigned ban_s;                  /* 0: 600 */
} SgGuardOptions;

typedef enum SgGuardVerdict { SG_GUARD_PASS, SG_GUARD_OVER_RATE, SG_GUARD_BANNED } SgGuardVerdict;
typedef enum SgGuardOffence {
    SG_OFFENCE_MALFORMED,
    SG_OFFENCE_OVERSIZE,
    SG_OFFENCE_OUT_OF_ORDER,
    SG_OFFENCE_BAD_PASSWORD,
    SG_OFFENCE_OVER_RATE,
    SG_OFFENCE_CONNECTIONS,
    SG_OFFENCE_MAX,
} SgGuardOffence;
const char *sg_guard_offence_to_string(SgGuardOffence offence);

typedef struct SgGuardEntry {        /* for the API */
    char source[INET6_ADDRSTRLEN + 4]; /* "192.0.2.7", "2001:db8::/64" */
    const char *reason;              /* last offence, static text */
    uint64_t offences[SG_OFFENCE_MAX];
    uint64_t dropped;                /* messages refused */
    unsigned connections;
    bool known_device;               /* a live registration comes from there: reported as a fault, never banned */
    bool banned;
    int64_t banned_until_us;         /* monotonic */
} SgGuardEntry;

SgGuard *sg_guard_new(const SgGuardOptions *options);
void sg_guard_free(SgGuard *guard);
/* One message or chunk of a stream from this source. */
SgGuardVerdict sg_guard_message(SgGuard *guard, const struct sockaddr *source, int64_t now_us);
/* May it open one more TCP or TLS connection? That costs as much of its budget as ten messages. Pair every true with sg_guard_disconnect. */
bool sg_guard_connect(SgGuard *guard, const struct sockaddr *source, int64_t now_us);
void sg_guard_disconnect(SgGuard *guard, const struct sockaddr *source);
/* Note an offence. proven: the source showed that it owns its address. Returns true when a log line is due (at most one per
 * source and ten seconds). *ret_banned (may be NULL): a ban began now. */
bool sg_guard_offend(SgGuard *guard, const struct sockaddr *source, SgGuardOffence offence, bool proven, int64_t now_us,
                     bool *ret_banned);
/* A device registered from (or its last registration left) this source. */
void sg_guard_set_known(SgGuard *guard, const struct sockaddr *source, bool known, int64_t now_us);
/* Lift a ban; source text as in SgGuardEntry. */
bool sg_guard_forgive(SgGuard *guard, const char *source);
/* Sources with offences: a GArray of SgGuardEntry, g_array_unref. */
GArray *sg_guard_list(SgGuard *guard, int64_t now_us);
