/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>
#include "mediad/core/clock.h"
#include "mediad/core/log.h"
#include "mediad/core/stats.h"
#include "mediad/leg/call.h"
#include "mediad/store/store.h"
#include "sip/accounts.h"
#include "sip/guard.h"

/* The SIP side of mediad: listeners, registrar, calls in and out. It runs a thread of its own (libre's loop) and knows no rooms:
 * incoming calls go to the router, rooms and broadcasts ring others through the dialer. Every function here is for the
 * control thread. */
typedef struct SgAgent SgAgent;

typedef enum SgTransportKind {
    SG_UDP,
    SG_TCP,
    SG_TLS,
    SG_TRANSPORT_MAX,
    SG_TRANSPORT_INVALID = -1,
} SgTransportKind;
const char *sg_transport_to_string(SgTransportKind kind);           /* "udp", "tcp", "tls" */
SgTransportKind sg_transport_from_string(const char *name);

typedef struct SgListener {
    SgTransportKind transport;
    const char *host;                /* numeric: "0.0.0.0", "::", "192.0.2.1"; IPv6 listeners never take IPv4 */
    uint16_t port;                   /* 0: any (tests; see sg_agent_port) */
    const char *const *trusted;      /* NULL-terminated addresses or CIDR blocks that call without signing in; NULL none */
    unsigned digests;                /* SG_DIGEST_* offered; 0: MD5. Two challenges at once break some devices (baresip 1.0) */
    MdSecurity security;             /* default media policy of calls that come in here */
} SgListener;

typedef struct SgTrunk {             /* outside party that we call with credentials */
    const char *name;
    const char *proxy;               /* sip: or sips: URI every call goes through ("sip:10.0.0.1:5060;transport=tcp") */
    const char *username, *password; /* NULL: no digest */
} SgTrunk;

/* type: "registration.added" | "registration.removed" | "registration.failed" | "registration.fault" | "guard.banned";
 * account may be NULL; detail: short English text with the reason and the address. Control thread. */
typedef void (*SgEventFn)(const char *type, const char *account, const char *detail, void *user);

typedef struct SgAgentOptions {      /* everything is copied */
    const char *domain;              /* our SIP domain, also the digest realm */
    const char *const *aliases;      /* further host parts taken for our own, NULL none. Our own addresses always are */
    const SgListener *listeners;
    unsigned n_listeners;
    const char *advertised_host;     /* host put into Contact and Via instead of the socket's address; NULL */
    const char *tls_certificate, *tls_key; /* PEM files; NULL with a TLS listener: a self-signed pair, new at each start */
    const char *tls_ca;              /* PEM file to check servers we connect to; NULL: the system's */
    bool tls_no_verify;              /* do not check them (tests) */
    const SgTrunk *trunks;
    unsigned n_trunks;
    unsigned expires_min_s, expires_max_s, expires_default_s; /* 0: 60, 7200, 3600 */
    unsigned bindings_max;           /* all accounts together, 0: 100000 */
    unsigned nonce_lifetime_s;       /* 0: 300 */
    unsigned probe_after_s;          /* OPTIONS to a UDP binding silent this long, 0: 120 */
    unsigned session_expires_s;      /* RFC 4028 interval we ask for, 0: 1800 */
    unsigned min_se_s;               /* 0: 90 */
    unsigned calls_max;              /* 0: 12000 */
    unsigned calls_in_max;           /* of these, incoming; 0: 1000 */
    unsigned dials_per_s;            /* INVITEs sent a second at most, 0: 2000 */
    unsigned message_max;            /* bytes of one message, 0: 16384 (at most 65535) */
    unsigned tcp_idle_s;             /* 0: 900 */
    bool allow_guests;               /* INVITEs from other domains need no sign-in: the router sees authenticated == false. At most
                                        a quarter of calls_in_max */
    bool floors;                     /* floor control of content by BFCP (RFC 8855), UDP and TCP */
    uint16_t floor_port;             /* 0: any */
    SgGuardOptions guard;
    SgAccounts *accounts;            /* must outlive the agent */
    MdStore *store;                  /* bindings survive a restart; NULL: they do not */
    MdCallRouterFn router;
    void *router_user;
    SgEventFn on_event;              /* may be NULL */
    void *event_user;
    const MdLogger *logger;          /* copied ("sip"); may be NULL */
} SgAgentOptions;

/* Binds the sockets, loads the bindings, starts the SIP thread. Events and calls are delivered on the GMainContext that is
 * thread-default now. NULL + error (SG_ERROR). */
SgAgent *sg_agent_new(const SgAgentOptions *options, GError **error);
/* New calls get 503 with Retry-After, present ones are ended with BYE; done runs when the last is gone or after timeout_ms. */
void sg_agent_drain(SgAgent *agent, unsigned timeout_ms, void (*done)(void *user), void *user);
/* Stops the thread. Calls still open are closed with 503 first (on_closed runs inside). */
void sg_agent_free(SgAgent *agent);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SgAgent, sg_agent_free)
/* Port really bound for listeners[i]. */
uint16_t sg_agent_port(const SgAgent *agent, unsigned i);
/* Port of floor control, 0: none. */
uint16_t sg_agent_floor_port(const SgAgent *agent);
/* Rings accounts and URIs; lives as long as the agent. */
MdDialer *sg_agent_dialer(SgAgent *agent);

typedef struct SgRegistration {
    char *account;
    char *contact;                   /* its URI */
    char *user_agent;                /* may be "" */
    char *source;                    /* "192.0.2.7:5060" */
    SgTransportKind transport;
    int64_t registered_wall_us;      /* first time */
    int64_t expires_wall_us;
    bool alive;                      /* false: did not answer our OPTIONS; rung last */
} SgRegistration;
void sg_registration_free(SgRegistration *registration);
/* Bindings of one account (NULL: of all), up to a second old: GPtrArray of SgRegistration*, unref the array. */
GPtrArray *sg_agent_registrations(SgAgent *agent, const char *account);
bool sg_agent_is_registered(SgAgent *agent, const char *account);
/* Removes all bindings of the account; its calls go on. */
void sg_agent_unregister(SgAgent *agent, const char *account);

/* GArray of SgGuardEntry; g_array_unref. */
GArray *sg_agent_guard_list(SgAgent *agent);
bool sg_agent_guard_forgive(SgAgent *agent, const char *source);

#define SG_STATS(X) \
    X(messages_received, COUNTER, "SIP messages received") \
    X(messages_sent, COUNTER, "SIP messages sent") \
    X(messages_malformed, COUNTER, "messages that could not be parsed") \
    X(messages_oversize, COUNTER, "messages over the size limit") \
    X(messages_over_rate, COUNTER, "messages dropped: source over its budget") \
    X(messages_banned, COUNTER, "messages dropped: source banned") \
    X(send_errors, COUNTER, "messages the network refused") \
    X(connections, GAUGE, "open TCP and TLS connections") \
    X(connections_refused, COUNTER, "TCP and TLS connections over a limit") \
    X(transactions, GAUGE, "transactions in memory") \
    X(registers, COUNTER, "REGISTER requests accepted") \
    X(challenges, COUNTER, "requests answered with a challenge") \
    X(auth_failures, COUNTER, "wrong user or password") \
    X(auth_replays, COUNTER, "nonce counts seen before") \
    X(auth_stale, COUNTER, "nonces out of date") \
    X(bindings, GAUGE, "bindings in the location table") \
    X(bindings_expired, COUNTER, "bindings that ran out") \
    X(bindings_dead, COUNTER, "bindings that stopped answering") \
    X(calls, GAUGE, "calls in memory") \
    X(calls_in, COUNTER, "incoming calls") \
    X(calls_out, COUNTER, "outgoing calls") \
    X(calls_refused, COUNTER, "incoming calls refused for lack of room") \
    X(calls_established, COUNTER, "calls that were established") \
    X(session_timeouts, COUNTER, "calls ended by the session timer") \
    X(bans, COUNTER, "sources banned")
MD_STATS_STRUCT(SgStats, SG_STATS);
/* Live; any thread. */
const SgStats *sg_agent_stats(const SgAgent *agent);
/* Rows of SgStats, in order (MD_STATS_COUNT(SgStats) of them), for /metrics. */
const MdStatRow *sg_stats_rows(void);
