/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests of the peer: the first INVITE, re-INVITE, UPDATE, PRACK, ACK, INFO, BYE. */
#include "sip/session-impl.h"

#define ANSWER_US (180 * G_USEC_PER_SEC)

static bool each_unknown_require(const struct sip_hdr *hdr, const struct sip_msg *msg, void *arg)
{
    return pl_strcasecmp(&hdr->val, "100rel") != 0 && pl_strcasecmp(&hdr->val, "timer") != 0;
}

/* Extensions, body type, session interval: answers and returns false when it will not do. */
static bool acceptable(SgSessions *sessions, SgSession *session, const struct sip_msg *msg, const SgFlow *flow)
{
    const struct sip_hdr *unknown = sip_msg_hdr_apply(msg, true, SIP_HDR_REQUIRE, each_unknown_require, NULL);
    SgTxs *txs = sessions->options.txs;

    if (unknown) {
        char *extra = g_strdup_printf("Unsupported: %.*s\r\n", (int)MIN(unknown->val.l, 64), unknown->val.p);

        sg_reply(txs, msg, flow, 420, NULL, extra);
        g_free(extra);
        return false;
    }
    if (mbuf_get_left(msg->mb) > 0 && !msg_ctype_cmp(&msg->ctyp, "application", "sdp")) {
        sg_reply(txs, msg, flow, 415, NULL, "Accept: application/sdp\r\n");
        return false;
    }
    return sg_session_timer_check(session, msg, flow);
}

static void on_cancel(SgServerTx *tx, void *user)
{
    SgSession *session = user;

    if (session->stx != tx)
        return;
    session->stx = NULL;
    sg_server_tx_reply(tx, 487, NULL, NULL, NULL, NULL);
    if (session->state == SG_SESSION_INCOMING)
        sg_session_close(session, 487, "cancelled");
}

static void take_offer(SgSession *session, const struct sip_msg *msg, SgServerTx *tx, bool update)
{
    session->stx = tx;
    session->stx_update = update;
    g_free(session->offer_in);
    session->offer_in = sg_body_dup(msg);
    session->late = session->offer_in == NULL;
    session->rel_wanted = sg_has_token(msg, SIP_HDR_REQUIRE, "100rel");
    session->rel_sdp = false;
    sg_session_timer_from_request(session, msg);
}

/* Whoever should answer does not: the caller may be gone long ago without a word. */
static void on_unanswered(void *data)
{
    SgSession *session = data;

    if (session->state == SG_SESSION_INCOMING)
        sg_session_reject(session, 480, "nobody answered", NULL);
}

SgSession *sg_session_accept(SgSessions *sessions, const struct sip_msg *msg, const SgFlow *flow, const SgSessionHandler *handler,
                             void *user)
{
    SgSession *session = sg_session_make(sessions, handler, user);
    SgServerTx *tx = NULL;

    session->incoming = true;
    session->state = SG_SESSION_INCOMING;
    session->flow = *flow;
    sg_session_set_target(session, msg);
    if (!session->target)
        sg_reply(sessions->options.txs, msg, flow, 400, "Missing Contact", NULL);
    else if (acceptable(sessions, session, msg, flow))
        tx = sg_server_tx_new(sessions->options.txs, msg, flow, on_cancel, session);
    if (!tx) {
        session->handler = NULL;
        sg_session_close(session, 0, NULL);
        return NULL;
    }
    session->flow = *sg_server_tx_flow(tx);
    sg_server_tx_set_tag(tx, session->local_tag);
    session->call_id = sg_pl_dup(&msg->callid);
    session->remote_tag = sg_pl_dup(&msg->from.tag);
    session->remote = sg_pl_dup(&msg->from.val);
    session->local = sg_pl_dup(&msg->to.val);
    session->contact_user = pl_isset(&msg->uri.user) ? sg_pl_dup(&msg->uri.user) : g_strdup("mediad");
    session->remote_seq = msg->cseq.num;
    session->local_seq = g_random_int_range(1, 100000);
    sg_session_set_route(session, msg, false);
    take_offer(session, msg, tx, false);
    sg_server_tx_reply(tx, 100, NULL, NULL, NULL, NULL);
    sg_timer_start(sessions->options.loop, &session->ring_timer, ANSWER_US, on_unanswered, session);
    return session;
}

void sg_session_begin(SgSession *session)
{
    char *offer = g_steal_pointer(&session->offer_in);

    sg_session_emit_sdp(session, true, offer);
    g_free(offer);
}

/* --- our answers --- */

static char *answer_headers(SgSession *session, bool final)
{
    GString *extra = g_string_new(NULL);
    char *contact = sg_session_contact(session);

    g_string_append_printf(extra, "Contact: %s\r\nAllow: " SG_ALLOW "\r\nSupported: timer, 100rel\r\n", contact);
    if (final)
        sg_session_timer_headers(session, extra, true, sg_server_tx_msg(session->stx));
    g_free(contact);
    return g_string_free(extra, FALSE);
}

static void on_rel_timer(void *data)
{
    SgSession *session = data;

    if (!session->rel_pending || !session->stx)
        return;
    if (sg_now_us() - session->rel_since_us >= SG_64T1_US) {
        sg_session_reject(session, 504, "no PRACK", NULL);
        return;
    }
    sg_server_tx_resend(session->stx);
    session->rel_interval_us *= 2;
    sg_timer_start(session->sessions->options.loop, &session->rel_timer, session->rel_interval_us, on_rel_timer, session);
}

static void progress_reliably(SgSession *session, int code, const char *reason, const char *headers, const char *sdp)
{
    char *extra;

    session->rseq = session->rseq ? session->rseq + 1 : (uint32_t)g_random_int_range(1, 1 << 30);
    extra = g_strdup_printf("%sRequire: 100rel\r\nRSeq: %u\r\n", headers, session->rseq);
    session->rel_pending = true;
    session->rel_sdp = sdp != NULL;
    session->rel_invite_seq = sg_server_tx_msg(session->stx)->cseq.num;
    session->rel_interval_us = SG_T1_US;
    session->rel_since_us = sg_now_us();
    sg_server_tx_reply(session->stx, code, reason, extra, "application/sdp", sdp);
    sg_timer_start(session->sessions->options.loop, &session->rel_timer, SG_T1_US, on_rel_timer, session);
    g_free(extra);
}

void sg_session_progress(SgSession *session, int code, const char *reason, const char *sdp)
{
    char *headers;

    if (!session->stx || session->stx_update || session->state != SG_SESSION_INCOMING || code <= 100 || code >= 200)
        return;
    if (session->rel_pending)
        return; /* one at a time; this one is only news */
    headers = answer_headers(session, false);
    if (session->rel_wanted)
        progress_reliably(session, code, reason, headers, sdp);
    else
        sg_server_tx_reply(session->stx, code, reason, headers, "application/sdp", sdp);
    g_free(headers);
    if (sdp) {
        g_free(session->sdp_sent);
        session->sdp_sent = g_strdup(sdp);
    }
}

static void on_unacked(void *user)
{
    SgSession *session = user;

    session->ok_tx = NULL;
    sg_session_bye(session, "no ACK");
    sg_session_close(session, 408, "no ACK");
}

static void say_ok(SgSession *session, const char *sdp)
{
    SgServerTx *tx = session->stx;
    char *extra = answer_headers(session, true);
    bool update = session->stx_update;

    if (!update) {
        session->ok_tx = tx;
        session->ok_seq = sg_server_tx_msg(tx)->cseq.num;
        session->answer_due = session->late && sdp != NULL && !session->rel_sdp;
        sg_server_tx_watch_ack(tx, on_unacked, session);
    }
    session->stx = NULL;
    /* what a reliable provisional answer has said is not said again (RFC 3262 5) */
    sg_server_tx_reply(tx, 200, NULL, extra, "application/sdp", session->rel_sdp ? NULL : sdp);
    g_free(extra);
    session->state = SG_SESSION_CONFIRMED;
    sg_timer_stop(session->sessions->options.loop, &session->ring_timer);
    sg_session_timer_start(session);
}

void sg_session_answer(SgSession *session, const char *sdp)
{
    if (session->our_late && session->ack_due_seq) { /* the peer's 2xx brought the offer: our ACK is the answer */
        uint32_t seq = session->ack_due_seq;

        session->ack_due_seq = 0;
        session->our_late = false;
        g_free(session->sdp_sent);
        session->sdp_sent = g_strdup(sdp);
        sg_session_send_ack(session, seq, sdp);
        if (session->handler && session->handler->on_established)
            session->handler->on_established(session, session->user);
        return;
    }
    if (!session->stx)
        return;
    if (session->rel_pending) {
        g_free(session->queued_answer);
        session->queued_answer = g_strdup(sdp);
        return;
    }
    if (sdp && sdp != session->sdp_sent) {
        g_free(session->sdp_sent);
        session->sdp_sent = g_strdup(sdp);
    }
    say_ok(session, sdp);
}

void sg_session_reject(SgSession *session, int code, const char *reason, const char *headers)
{
    if (reason && !sg_is_line(reason, 128))
        reason = NULL;
    if (session->stx) {
        SgServerTx *tx = g_steal_pointer(&session->stx);

        session->rel_pending = false;
        sg_timer_stop(session->sessions->options.loop, &session->rel_timer);
        sg_server_tx_reply(tx, code < 300 || code > 699 ? 480 : code, reason, headers, NULL, NULL);
    }
    if (session->state == SG_SESSION_INCOMING)
        sg_session_close(session, code, reason);
}

/* --- requests inside the dialog --- */

static void reply_empty(SgSession *session, const struct sip_msg *msg, const SgFlow *flow, int code, const char *extra)
{
    SgServerTx *tx = sg_server_tx_new(session->sessions->options.txs, msg, flow, NULL, NULL);

    if (tx)
        sg_server_tx_reply(tx, code, NULL, extra, NULL, NULL);
}

static void on_ack(SgSession *session, const struct sip_msg *msg)
{
    char *sdp;

    if (!session->ok_tx || msg->cseq.num != session->ok_seq)
        return;
    sg_server_tx_confirm(g_steal_pointer(&session->ok_tx));
    sdp = sg_body_dup(msg);
    if (session->answer_due) {
        session->answer_due = false;
        if (!sdp) {
            sg_session_bye(session, "the ACK brought no answer");
            sg_session_close(session, 400, "the ACK brought no answer");
            return;
        }
        sg_session_emit_sdp(session, false, sdp);
    }
    g_free(sdp);
    if (session->state == SG_SESSION_CONFIRMED && session->handler && session->handler->on_established)
        session->handler->on_established(session, session->user);
    if (session->state == SG_SESSION_CONFIRMED && session->queued_offer && !session->ctx)
        sg_session_out_offer(session, NULL, false);
}

static void on_prack(SgSession *session, const struct sip_msg *msg, const SgFlow *flow)
{
    const struct sip_hdr *hdr = sip_msg_hdr(msg, SIP_HDR_RACK);
    char want[64], *sdp, *answer;

    g_snprintf(want, sizeof(want), "%u %u INVITE", session->rseq, session->rel_invite_seq);
    if (!session->rel_pending || !hdr || pl_strcasecmp(&hdr->val, want) != 0) {
        reply_empty(session, msg, flow, 481, NULL);
        return;
    }
    sdp = sg_body_dup(msg);
    if (sdp && !(session->late && session->rel_sdp)) { /* a second offer before the first is through: not with us */
        g_free(sdp);
        reply_empty(session, msg, flow, 488, NULL);
        return;
    }
    session->rel_pending = false;
    sg_timer_stop(session->sessions->options.loop, &session->rel_timer);
    reply_empty(session, msg, flow, 200, NULL);
    if (sdp)
        sg_session_emit_sdp(session, false, sdp);
    g_free(sdp);
    answer = g_steal_pointer(&session->queued_answer);
    if (answer && session->state == SG_SESSION_INCOMING)
        sg_session_answer(session, answer);
    g_free(answer);
}

/* An UPDATE without an offer refreshes the session timer and the target, even while an INVITE waits. */
static void on_refresh(SgSession *session, const struct sip_msg *msg, const SgFlow *flow)
{
    GString *extra = g_string_new(NULL);
    char *contact = sg_session_contact(session);

    sg_session_set_target(session, msg);
    g_string_append_printf(extra, "Contact: %s\r\nAllow: " SG_ALLOW "\r\nSupported: timer, 100rel\r\n", contact);
    if (session->state == SG_SESSION_CONFIRMED) {
        sg_session_timer_from_request(session, msg);
        sg_session_timer_headers(session, extra, true, msg);
        sg_session_timer_start(session);
    }
    reply_empty(session, msg, flow, 200, extra->str);
    g_string_free(extra, TRUE);
    g_free(contact);
}

static void on_reinvite(SgSession *session, const struct sip_msg *msg, const SgFlow *flow, bool update)
{
    SgTxs *txs = session->sessions->options.txs;
    bool offer = mbuf_get_left(msg->mb) > 0 || !update;
    SgServerTx *tx;

    if (offer && (session->stx || session->ok_tx)) { /* RFC 3311 5.2, RFC 3261 14.2 */
        sg_reply(txs, msg, flow, update && session->state == SG_SESSION_INCOMING ? 491 : 500, NULL, "Retry-After: 2\r\n");
        return;
    }
    if (offer && (session->ctx || session->ack_due_seq)) {
        sg_reply(txs, msg, flow, 491, NULL, NULL); /* glare (RFC 3261 14.2) */
        return;
    }
    if (!acceptable(session->sessions, session, msg, flow))
        return;
    if (!offer) {
        on_refresh(session, msg, flow);
        return;
    }
    tx = sg_server_tx_new(txs, msg, flow, update ? NULL : on_cancel, session);
    if (!tx)
        return;
    sg_server_tx_set_tag(tx, session->local_tag);
    sg_session_set_target(session, msg);
    take_offer(session, msg, tx, update);
    if (!update)
        sg_server_tx_reply(tx, 100, NULL, NULL, NULL, NULL);
    sg_session_begin(session);
}

static void read_dtmf(SgSession *session, const char *body, bool relay)
{
    const char *p = relay ? strcasestr(body, "Signal=") : body, *d = relay ? strcasestr(body, "Duration=") : NULL;
    unsigned duration_ms = d ? (unsigned)CLAMP(g_ascii_strtoull(d + 9, NULL, 10), 40, 5000) : 160;

    if (!p)
        return;
    if (relay)
        p += 7;
    while (*p == ' ')
        p++;
    if (g_ascii_isdigit(*p) && g_ascii_isdigit(p[1])) { /* "10" and "11" stand for star and hash in RFC 2833's numbering */
        unsigned number = (unsigned)g_ascii_strtoull(p, NULL, 10);

        if (number > 15 || !session->handler || !session->handler->on_dtmf)
            return;
        session->handler->on_dtmf(session, "0123456789*#ABCD"[number], duration_ms, session->user);
        return;
    }
    if (*p && strchr("0123456789*#ABCD", g_ascii_toupper(*p)) && session->handler && session->handler->on_dtmf)
        session->handler->on_dtmf(session, g_ascii_toupper(*p), duration_ms, session->user);
}

static void on_info(SgSession *session, const struct sip_msg *msg, const SgFlow *flow)
{
    bool relay = msg_ctype_cmp(&msg->ctyp, "application", "dtmf-relay"), plain = msg_ctype_cmp(&msg->ctyp, "application", "dtmf");
    bool picture = msg_ctype_cmp(&msg->ctyp, "application", "media_control+xml");
    char *body = sg_body_dup(msg);

    if (body && !relay && !plain && !picture) {
        reply_empty(session, msg, flow, 415, "Accept: application/dtmf-relay, application/dtmf, application/media_control+xml\r\n");
    } else {
        reply_empty(session, msg, flow, 200, NULL);
        if (body && picture && strstr(body, "picture_fast_update") && session->handler && session->handler->on_key_frame_request)
            session->handler->on_key_frame_request(session, session->user);
        else if (body && !picture)
            read_dtmf(session, body, relay);
    }
    g_free(body);
}

static void on_bye(SgSession *session, const struct sip_msg *msg, const SgFlow *flow)
{
    reply_empty(session, msg, flow, 200, NULL);
    sg_session_close(session, 200, "hung up");
}

void sg_session_in_request(SgSession *session, const struct sip_msg *msg, const SgFlow *flow)
{
    SgTxs *txs = session->sessions->options.txs;

    if (pl_strcmp(&msg->met, "ACK") == 0) {
        on_ack(session, msg);
        return;
    }
    if (session->remote_seq && msg->cseq.num <= session->remote_seq) { /* RFC 3261 12.2.2 */
        sg_transport_offend(session->sessions->options.transport, flow, SG_OFFENCE_OUT_OF_ORDER, "a request inside a call");
        sg_reply(txs, msg, flow, 500, "Out of Order", NULL);
        return;
    }
    session->remote_seq = msg->cseq.num;
    session->flow = *flow;
    sg_response_address(&session->flow.remote, msg, flow);
    if (pl_strcmp(&msg->met, "BYE") == 0)
        on_bye(session, msg, flow);
    else if (pl_strcmp(&msg->met, "INVITE") == 0)
        on_reinvite(session, msg, flow, false);
    else if (pl_strcmp(&msg->met, "UPDATE") == 0)
        on_reinvite(session, msg, flow, true);
    else if (pl_strcmp(&msg->met, "PRACK") == 0)
        on_prack(session, msg, flow);
    else if (pl_strcmp(&msg->met, "INFO") == 0)
        on_info(session, msg, flow);
    else if (pl_strcmp(&msg->met, "OPTIONS") == 0)
        reply_empty(session, msg, flow, 200, "Allow: " SG_ALLOW "\r\nAccept: application/sdp\r\n");
    else if (pl_strcmp(&msg->met, "SUBSCRIBE") == 0 || pl_strcmp(&msg->met, "NOTIFY") == 0)
        reply_empty(session, msg, flow, 489, "Allow-Events: \r\n");
    else
        reply_empty(session, msg, flow, 405, "Allow: " SG_ALLOW "\r\n");
}
