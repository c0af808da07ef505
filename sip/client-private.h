/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* What the files of the client share: client.c (the stack), client-ua.c (user agents that sign in), client-call.c (their calls). Only these include
 * this header. */
#include "sip/session.h"
#include "sip/client.h"

struct SgUa {
    SgClient *client;
    char *account, *password, *domain, *display, *server_uri;
    SgUaCallbacks callbacks;
    void *user;
    unsigned expires_s;
    bool no_register, secure;
    SgTransportKind transport;
    struct sa server;
    char *server_host;
    /* SIP thread */
    SgFlow flow;
    char call_id[33], tag[17];
    uint32_t cseq;
    bool registering, again, leaving; /* again: asked for while one was under way */
    unsigned tries;
    int64_t since_us;
    SgTimer timer;
};

struct SgUaCall {
    SgUa *ua;
    uint64_t id;
    void *user;         /* atomic pointer */
    SgSession *session; /* SIP thread */
    bool incoming, offered_late;
    char *sdp;          /* the last description we sent */
};

struct SgClient {
    SgLoop *loop;
    char *local_host, *user_agent;
    unsigned registers_per_s;
    MdLogger logger;
    uint64_t next_call; /* atomic */
    int n_uas;          /* atomic */
    /* SIP thread */
    SgStats stats;
    SgTransport *transport;
    SgTxs *txs;
    SgSessions *sessions;
    GPtrArray *all;     /* of SgUa, owns */
    GHashTable *uas;    /* account → the latest SgUa of that name: incoming calls go there */
    GHashTable *calls;  /* id → SgUaCall, owns */
    GQueue waiting;     /* of SgUa: REGISTERs paced */
    SgTimer tick;
    double credit;
    int64_t tick_us;
};

/* --- client-ua.c, SIP thread */
bool sg_ua_ready_flow(SgUa *ua); /* false: no way to its server */
void sg_ua_register_in(SgUa *ua, double seconds);
void sg_ua_free(gpointer ua);

/* --- client-call.c, SIP thread */
void sg_ua_call_free(gpointer call);
void sg_ua_call_accept(SgUa *ua, const struct sip_msg *msg, const SgFlow *flow); /* an INVITE */
