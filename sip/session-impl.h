/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "sip/digest.h"
#include "sip/session.h"

/* Inside of a session; only the session-*.c files include this. */
typedef enum SgSessionState {
    SG_SESSION_INCOMING,     /* INVITE unanswered */
    SG_SESSION_OUTGOING,     /* INVITE sent */
    SG_SESSION_CONFIRMED,
    SG_SESSION_CLOSED,       /* reported; waits for its turn to be freed */
} SgSessionState;

typedef enum SgOfferKind { SG_OFFER_NONE, SG_OFFER_INITIAL, SG_OFFER_REINVITE, SG_OFFER_UPDATE } SgOfferKind;

struct SgSessions {
    SgSessionsOptions options;
    GHashTable *by_id;       /* owns */
    GHashTable *by_tag;      /* our tag → session */
    GPtrArray *graveyard;    /* closed, freed from the loop: callers up the stack may still hold them */
    SgTimer burial;
    uint64_t next_id;
};

struct SgSession {
    SgSessions *sessions;
    uint64_t id;
    const SgSessionHandler *handler;
    void *user;
    SgSessionState state;
    bool incoming;
    /* dialog */
    char *call_id, *remote_tag;
    char local_tag[17];
    char *local, *remote;    /* From and To values of our requests; remote with its tag once known */
    char *target, *route;    /* Route header value or NULL */
    char *contact_user, *verify_host;
    uint32_t local_seq, remote_seq;
    SgFlow flow;
    /* the peer's offer */
    SgServerTx *stx;         /* INVITE or UPDATE waiting for our answer */
    bool stx_update, late;   /* late: it brought no SDP, ours is the offer */
    char *offer_in;          /* until sg_session_begin */
    SgServerTx *ok_tx;       /* 2xx waiting for its ACK */
    uint32_t ok_seq;
    bool answer_due;         /* the ACK must bring an answer */
    /* reliable provisional answers */
    bool rel_wanted, rel_pending, rel_sdp;
    uint32_t rseq, rel_invite_seq;
    SgTimer rel_timer;
    int64_t rel_interval_us, rel_since_us;
    char *queued_answer;
    /* our offer */
    SgClientTx *ctx;
    SgClientTx *accepted;    /* INVITE whose 2xx may come again */
    SgOfferKind ctx_kind;
    uint32_t ctx_seq;
    char *sdp_sent;          /* description of ours that holds, or was sent first */
    char *offer_out;         /* the one a re-INVITE under way proposes */
    char *queued_offer, *early_sdp;
    bool our_late;           /* our INVITE had no SDP: the 2xx brings an offer, our ACK the answer */
    uint32_t ack_due_seq;    /* that ACK, 0 none */
    bool refresh;            /* the request in flight only refreshes the session timer */
    char *last_ack;          /* body of the ACK, to repeat it */
    uint32_t last_ack_seq;
    char *headers;           /* extra lines of the INVITE */
    bool hangup_wanted;
    int hangup_code;
    SgTimer ring_timer, glare_timer;
    /* digest towards trunks */
    char *username, *password, *challenge;
    bool challenge_proxy;
    uint32_t challenge_count;
    unsigned auth_tries;
    /* session timer */
    unsigned se_s, ask_se_s, ask_min_se_s;
    bool we_refresh, peer_update;
    SgTimer se_timer;
    int64_t key_frame_us;
};

/* session.c */
SgSession *sg_session_make(SgSessions *sessions, const SgSessionHandler *handler, void *user);
void sg_session_close(SgSession *session, int code, const char *reason);
void sg_session_set_target(SgSession *session, const struct sip_msg *msg);
void sg_session_set_route(SgSession *session, const struct sip_msg *msg, bool reverse);
/* Sends a request inside the dialog. extra and sdp may be NULL. */
SgClientTx *sg_session_send(SgSession *session, const char *method, const char *extra, const char *content_type, const char *body,
                            SgResponseFn fn);
void sg_session_send_ack(SgSession *session, uint32_t seq, const char *sdp);
char *sg_session_contact(SgSession *session);
char *sg_session_authorization(SgSession *session, const char *method);
/* Takes a challenge from a 401 or 407: true when a new try makes sense. */
bool sg_session_take_challenge(SgSession *session, const struct sip_msg *msg);
void sg_session_emit_sdp(SgSession *session, bool offer, const char *sdp);
void sg_session_bye(SgSession *session, const char *reason);

/* session-in.c */
void sg_session_in_request(SgSession *session, const struct sip_msg *msg, const SgFlow *flow);
/* session-out.c */
void sg_session_out_offer(SgSession *session, const char *sdp, bool refresh);
/* session-timer.c */
bool sg_session_timer_check(SgSession *session, const struct sip_msg *msg, const SgFlow *flow);
void sg_session_timer_from_request(SgSession *session, const struct sip_msg *msg);
void sg_session_timer_from_response(SgSession *session, const struct sip_msg *msg);
void sg_session_timer_headers(const SgSession *session, GString *extra, bool response, const struct sip_msg *msg);
void sg_session_timer_start(SgSession *session);
