/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "sip/transaction.h"

/* INVITE sessions with their dialog: RFC 3261 12-15, 3262 (100rel), 3264's order of offers, 3311 (UPDATE), 4028 (timers), 5168 and DTMF in
 * INFO. libre's sipsess knows neither UPDATE, 100rel, session timers nor SHA-256. SIP thread. */
typedef struct SgSessions SgSessions;
typedef struct SgSession SgSession;

typedef struct SgSessionHandler {    /* each may be NULL */
    void (*on_sdp)(SgSession *session, bool offer, const char *sdp, void *user);
    void (*on_ringing)(SgSession *session, int code, void *user);
    void (*on_established)(SgSession *session, void *user);
    void (*on_dtmf)(SgSession *session, char digit, unsigned duration_ms, void *user);
    void (*on_key_frame_request)(SgSession *session, void *user);
    /* Last. The session is gone after it. */
    void (*on_closed)(SgSession *session, int code, const char *reason, void *user);
} SgSessionHandler;

typedef struct SgSessionsOptions {
    SgLoop *loop;
    SgTransport *transport;
    SgTxs *txs;
    SgStats *stats;
    unsigned session_expires_s, min_se_s;
    const char *user_agent;          /* borrowed */
} SgSessionsOptions;

SgSessions *sg_sessions_new(const SgSessionsOptions *options);
/* Closes what is left without a word. */
void sg_sessions_free(SgSessions *sessions);
unsigned sg_sessions_count(const SgSessions *sessions);
void sg_sessions_conn_closed(SgSessions *sessions, uint64_t conn);
/* BYE, CANCEL or refuse everything. */
void sg_sessions_hangup_all(SgSessions *sessions, int code, const char *reason);

/* A request with a To tag, or an ACK: true when it was dealt with. */
bool sg_sessions_request(SgSessions *sessions, const struct sip_msg *msg, const SgFlow *flow);
/* A new INVITE, already allowed. Answers 100; the offer is then reported by sg_session_begin. NULL: refused and answered. */
SgSession *sg_session_accept(SgSessions *sessions, const struct sip_msg *msg, const SgFlow *flow, const SgSessionHandler *handler,
                             void *user);
/* Reports the INVITE's offer (or its absence) to the handler. */
void sg_session_begin(SgSession *session);

typedef struct SgDial {
    const char *uri;                 /* Request-URI */
    const char *route;               /* Route header value, NULL none */
    SgFlow flow;
    const char *verify_host;         /* name in the server's certificate, NULL */
    const char *from, *to;           /* header values without tag */
    const char *contact_user;
    const char *sdp;                 /* NULL: late offer */
    const char *headers;             /* "Name: value\r\n" lines, NULL */
    const char *username, *password; /* NULL: no digest */
    unsigned ring_timeout_ms;
} SgDial;
/* NULL: too many transactions. Nothing is reported from inside. */
SgSession *sg_session_dial(SgSessions *sessions, const SgDial *dial, const SgSessionHandler *handler, void *user);

const SgFlow *sg_session_flow(const SgSession *session);
/* The INVITE while it is unanswered, else NULL. */
const struct sip_msg *sg_session_invite(const SgSession *session);
void sg_session_set_handler(SgSession *session, const SgSessionHandler *handler, void *user);
void sg_session_progress(SgSession *session, int code, const char *reason, const char *sdp);
void sg_session_answer(SgSession *session, const char *sdp);
/* headers: extra lines with CRLF, NULL */
void sg_session_reject(SgSession *session, int code, const char *reason, const char *headers);
void sg_session_offer(SgSession *session, const char *sdp);
void sg_session_hangup(SgSession *session, const char *reason);
void sg_session_dtmf(SgSession *session, char digit, unsigned duration_ms);
void sg_session_request_key_frame(SgSession *session);

#define SG_ALLOW "INVITE, ACK, CANCEL, BYE, UPDATE, PRACK, INFO, OPTIONS"
