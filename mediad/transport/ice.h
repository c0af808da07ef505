/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "mediad/core/log.h"
#include "mediad/core/mailbox.h"
#include "mediad/core/worker.h"
#include "mediad/transport/addr.h"

/* Full ICE (RFC 8445) for browsers' legs, by libnice: one thread with its own main context serves all sessions. A session is
 * one path (one component, BUNDLE and rtcp-mux on top): host, server-reflexive and relayed candidates, trickle (RFC 8838),
 * restart, consent (RFC 7675). Packets from addresses that no check has proved never come out of here.
 *
 * Control makes, steers and ends sessions; what happens is told on control. Packets go to the worker by a bounded ring and
 * leave the worker straight through the checked pair's socket, or, when relayed, by a ring through the ICE thread. */
typedef struct MdIceService MdIceService;
typedef struct MdIce MdIce;

#define MD_ICE_CANDIDATE_MAX 512      /* characters of a candidate line */
#define MD_ICE_REMOTE_CANDIDATES 32   /* of a peer and generation; more are refused */
#define MD_ICE_LOCAL_HOSTS_MAX 16
#define MD_ICE_RELAYS_MAX 4
#define MD_ICE_PACKET_MAX 1500
#define MD_ICE_CREDENTIAL_MAX 256     /* RFC 8445, 5.3 */

typedef enum MdIceRelayKind { MD_ICE_TURN_UDP, MD_ICE_TURN_TCP, MD_ICE_TURN_TLS } MdIceRelayKind;

typedef struct MdIceRelay {           /* our own allocation on a TURN server (RFC 8656) */
    MdIceRelayKind kind;
    const char *host;                 /* numeric */
    uint16_t port;                    /* 0: 3478, TLS 5349 */
    const char *username, *password;
} MdIceRelay;

typedef struct MdIceServiceOptions {  /* strings copied */
    const char *const *local_hosts;   /* numeric, those to gather on; none: every address of the machine but loopback */
    unsigned n_local_hosts;
    uint16_t min_port, max_port;      /* 0: the kernel's choice */
    const char *stun_host;            /* numeric; NULL: no server-reflexive candidates but what a relay tells; not asked when there are relays */
    uint16_t stun_port;               /* 0: 3478 */
    const MdIceRelay *relays;
    unsigned n_relays;
    unsigned max_sessions;            /* 0: 256 */
    MdMailbox *control;               /* drained by the control thread; outlives the service */
    const MdLogger *logger;           /* copied; NULL: silent */
} MdIceServiceOptions;

/* Starts the thread. NULL with errno. */
MdIceService *md_ice_service_new(const MdIceServiceOptions *options);
/* After every session was closed, before the workers they were on are freed: the thread posts to them. Joins it; NULL is fine. */
void md_ice_service_free(MdIceService *service);
unsigned md_ice_service_sessions(MdIceService *service); /* any thread */

typedef enum MdIceState {
    MD_ICE_NEW,
    MD_ICE_CONNECTED, /* a pair is selected (told again for each one) */
    MD_ICE_LOST,      /* every pair failed, or consent ran out */
} MdIceState;

typedef struct MdIceOptions {
    MdIceService *service;
    MdWorker *worker;                 /* where packets are wanted; outlives the service */
    bool controlling;                 /* we made the first offer */
    /* Control. A candidate of ours as in SDP without "a=" ("candidate:…"); "" when gathering is over. */
    void (*on_candidate)(MdIce *ice, const char *line, void *user);
    void (*on_state)(MdIce *ice, MdIceState state, void *user);
    void *user;
    /* Worker. data may be overwritten. from: the far end of the selected pair. Nothing comes before md_ice_attach. */
    void (*on_packet)(const MdAddr *from, uint8_t *data, size_t len, void *packet_user);
    void *packet_user;
} MdIceOptions;

/* Control. Gathering begins at once. NULL with errno: EAGAIN (too many sessions), ENOMEM. */
MdIce *md_ice_new(const MdIceOptions *options);
/* Control. No callback on control comes from here on. The session ends (and is freed) when control has closed and the worker
 * has detached it, in either order; both must happen, once each. */
void md_ice_close(MdIce *ice);

/* Control. Ours, of the present generation; valid until md_ice_restart. */
const char *md_ice_ufrag(const MdIce *ice);
const char *md_ice_password(const MdIce *ice);
/* Control. The peer's. 0, -EINVAL. */
int md_ice_set_remote(MdIce *ice, const char *ufrag, const char *password);
/* Control. One candidate of the peer's, "" for the end. 0; -EINVAL (malformed), -ENOSPC (too many of this generation).
 * What we cannot use (names, TCP, other components) counts as taken. */
int md_ice_add_remote(MdIce *ice, const char *line);
/* Control. New credentials of ours (RFC 8445, 9); the pair in use goes on until checks prove another. Set the remote
 * ones anew after it. 0, -EIO (no randomness). */
int md_ice_restart(MdIce *ice);

/* Worker. Packets flow between these two. After _detach the session must not be used there any more. */
void md_ice_attach(MdIce *ice);
void md_ice_detach(MdIce *ice);
/* Worker. 0; -ENOTCONN (no checked pair), -EAGAIN (full), -EMSGSIZE. */
int md_ice_send(MdIce *ice, const uint8_t *data, size_t len);
/* Control (DTLS): the same, by way of the ICE thread. 0, -ENOBUFS, -EMSGSIZE. */
int md_ice_send_control(MdIce *ice, const uint8_t *data, size_t len);

/* Is this a candidate line that parses ("candidate:…", RFC 8839, 5.1)? *ret_usable: UDP, component 1, numeric address.
 * Pure. */
bool md_ice_candidate_check(const char *line, bool *ret_usable);
