/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>
#include "mediad/core/log.h"
#include "sip/sip.h"

/* Many user agents in one process on one SIP thread: simulators and tests. Functions: any thread (they post to the client's SIP thread)
 * unless said otherwise. Callbacks: the client's SIP thread; they must not block. */
typedef struct SgClient SgClient;
typedef struct SgUa SgUa;            /* one registering device; lives until the client is freed */
typedef struct SgUaCall SgUaCall;    /* one call of a device; valid from dial/on_incoming until on_closed has returned */

typedef struct SgClientOptions {
    const char *local_host;          /* numeric address to bind; NULL: "127.0.0.1" */
    uint16_t local_port;             /* UDP port, 0: any */
    const char *user_agent;          /* NULL: "mediasim" */
    bool tls_verify;                 /* check the server's certificate against the system's; default no */
    unsigned registers_per_s;        /* pace of REGISTERs, 0: 1000 */
    const MdLogger *logger;
} SgClientOptions;

SgClient *sg_client_new(const SgClientOptions *options, GError **error);
/* Drops everything without a word to the server (like a power cut); unregister and hang up first when that matters. Not from a callback. */
void sg_client_free(SgClient *client);

typedef struct SgUaCallbacks {       /* each may be NULL */
    /* code 200: registered, ms after sg_client_ua_add or the refresh; else the final failure (0: no answer). */
    void (*on_registered)(SgUa *ua, int code, double ms, void *user);
    /* A call came. sdp: its offer, NULL when it brought none (then answer with an offer). Reply with sg_ua_call_answer (now or
     * later, any thread) or sg_ua_call_reject. headers: text of the whole request's header, for Answer-Mode and the like. */
    void (*on_incoming)(SgUa *ua, SgUaCall *call, const char *sdp, const char *headers, void *user);
    void (*on_ringing)(SgUaCall *call, int code, void *user);
    /* The answer to our offer (INVITE or re-INVITE). */
    void (*on_answer)(SgUaCall *call, const char *sdp, void *user);
    /* A later offer (re-INVITE, UPDATE): reply with sg_ua_call_answer. NULL callback: answered with the last SDP we sent. */
    void (*on_offer)(SgUaCall *call, const char *sdp, void *user);
    void (*on_established)(SgUaCall *call, void *user);
    void (*on_key_frame_request)(SgUaCall *call, void *user);
    void (*on_dtmf)(SgUaCall *call, char digit, unsigned duration_ms, void *user);
    /* Last event of the call. code 200: normal BYE. */
    void (*on_closed)(SgUaCall *call, int code, const char *reason, void *user);
} SgUaCallbacks;

typedef struct SgUaOptions {         /* copied */
    const char *account;
    const char *password;
    const char *server;              /* "sip:127.0.0.1:5060", "sips:[::1]:5061", ";transport=tcp" */
    const char *domain;              /* host part of our address of record; NULL: the server's host */
    const char *display;             /* may be NULL */
    SgTransportKind transport;       /* TCP and TLS: one connection per device */
    unsigned expires_s;              /* 0: 600 */
    bool no_register;                /* only calls (on_registered never runs) */
} SgUaOptions;

/* NULL + error when the options are wrong. Registers at once and keeps it fresh. */
SgUa *sg_client_ua_add(SgClient *client, const SgUaOptions *options, const SgUaCallbacks *callbacks, void *user, GError **error);
void *sg_ua_user(const SgUa *ua);
const char *sg_ua_account(const SgUa *ua);
/* Takes its bindings back; on_registered reports code 200 for it too. */
void sg_ua_unregister(SgUa *ua);
/* Rings target ("giao-ban" = sip:giao-ban@domain, or a whole URI). sdp: our offer, NULL: a late offer (our answer is then asked by on_offer).
 * call_user: see sg_ua_call_user. */
SgUaCall *sg_ua_invite(SgUa *ua, const char *target, const char *sdp, void *call_user);
SgUa *sg_ua_call_ua(const SgUaCall *call);
void *sg_ua_call_user(const SgUaCall *call);
void sg_ua_call_set_user(SgUaCall *call, void *call_user);
void sg_ua_call_ring(SgUaCall *call);                               /* 180 */
void sg_ua_call_answer(SgUaCall *call, const char *sdp);
void sg_ua_call_reject(SgUaCall *call, int code);
void sg_ua_call_offer(SgUaCall *call, const char *sdp);             /* re-INVITE */
void sg_ua_call_dtmf(SgUaCall *call, char digit, unsigned duration_ms); /* INFO */
void sg_ua_call_request_key_frame(SgUaCall *call);                  /* INFO */
void sg_ua_call_hangup(SgUaCall *call);                             /* BYE or CANCEL */
