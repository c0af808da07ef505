/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our INVITEs, re-INVITEs and UPDATEs. */
#include "sip/session-impl.h"

static void on_response(SgClientTx *tx, const struct sip_msg *msg, int code, const SgFlow *flow, void *user);

static char *invite_headers(SgSession *session)
{
    GString *extra = g_string_new(NULL);
    char *contact = sg_session_contact(session);

    g_string_append_printf(extra, "Contact: %s\r\nAllow: " SG_ALLOW "\r\n", contact);
    sg_session_timer_headers(session, extra, false, NULL);
    if (session->headers && session->state == SG_SESSION_OUTGOING)
        g_string_append(extra, session->headers);
    g_free(contact);
    return g_string_free(extra, FALSE);
}

static bool send_offer(SgSession *session, SgOfferKind kind, const char *sdp)
{
    char *extra = invite_headers(session);

    session->ctx_kind = kind;
    session->ctx = sg_session_send(session, kind == SG_OFFER_UPDATE ? "UPDATE" : "INVITE", extra, sdp ? "application/sdp" : NULL, sdp,
                                   on_response);
    session->ctx_seq = session->local_seq;
    g_free(extra);
    return session->ctx != NULL;
}

/* --- the first INVITE --- */

static void on_ring_timeout(void *data)
{
    SgSession *session = data;

    if (session->state != SG_SESSION_OUTGOING)
        return;
    session->hangup_wanted = true;
    session->hangup_code = 408;
    if (session->ctx)
        sg_client_tx_cancel(session->ctx);
    else
        sg_session_close(session, 408, "no answer");
}

SgSession *sg_session_dial(SgSessions *sessions, const SgDial *dial, const SgSessionHandler *handler, void *user)
{
    SgSession *session = sg_session_make(sessions, handler, user);
    char id[33];

    sg_random_hex(id, 16);
    session->state = SG_SESSION_OUTGOING;
    session->flow = dial->flow;
    session->call_id = g_strdup(id);
    session->target = g_strdup(dial->uri);
    session->route = g_strdup(dial->route);
    session->local = g_strdup(dial->from);
    session->remote = g_strdup(dial->to);
    session->contact_user = g_strdup(dial->contact_user);
    session->verify_host = g_strdup(dial->verify_host);
    session->headers = g_strdup(dial->headers);
    session->username = g_strdup(dial->username);
    session->password = g_strdup(dial->password ? dial->password : "");
    session->sdp_sent = g_strdup(dial->sdp);
    session->our_late = dial->sdp == NULL;
    session->local_seq = (uint32_t)g_random_int_range(1, 100000);
    if (!send_offer(session, SG_OFFER_INITIAL, dial->sdp)) {
        session->handler = NULL;
        sg_session_close(session, 503, NULL);
        return NULL;
    }
    sg_timer_start(sessions->options.loop, &session->ring_timer, (int64_t)(dial->ring_timeout_ms ? dial->ring_timeout_ms : 60000) * 1000,
                   on_ring_timeout, session);
    return session;
}

static void on_provisional(SgSession *session, const struct sip_msg *msg)
{
    if (session->ctx_kind != SG_OFFER_INITIAL || msg->scode == 100 || session->hangup_wanted)
        return;
    if (mbuf_get_left(msg->mb) > 0 && msg_ctype_cmp(&msg->ctyp, "application", "sdp")) {
        g_free(session->early_sdp); /* some servers do not say it again in the 200 */
        session->early_sdp = sg_body_dup(msg);
    }
    if (session->handler && session->handler->on_ringing)
        session->handler->on_ringing(session, msg->scode, session->user);
}

static void set_dialog(SgSession *session, const struct sip_msg *msg)
{
    g_free(session->remote_tag);
    session->remote_tag = sg_pl_dup(&msg->to.tag);
    g_free(session->remote);
    session->remote = sg_pl_dup(&msg->to.val);
    sg_session_set_route(session, msg, true);
    sg_session_set_target(session, msg);
}

static void established(SgSession *session)
{
    if (session->state == SG_SESSION_CONFIRMED && session->handler && session->handler->on_established)
        session->handler->on_established(session, session->user);
}

static void on_invite_ok(SgSession *session, const struct sip_msg *msg)
{
    char *sdp = msg_ctype_cmp(&msg->ctyp, "application", "sdp") ? sg_body_dup(msg) : NULL;

    sg_timer_stop(session->sessions->options.loop, &session->ring_timer);
    set_dialog(session, msg);
    session->state = SG_SESSION_CONFIRMED;
    sg_session_timer_from_response(session, msg);
    if (session->hangup_wanted || (!sdp && !session->early_sdp)) {
        const char *why = session->hangup_wanted ? "cancelled" : "no answer in the 200";

        sg_session_send_ack(session, session->ctx_seq, NULL);
        sg_session_bye(session, why);
        sg_session_close(session, session->hangup_wanted ? session->hangup_code : 488, why);
        g_free(sdp);
        return;
    }
    sg_session_timer_start(session);
    if (session->our_late) {
        session->ack_due_seq = session->ctx_seq;
        sg_session_emit_sdp(session, true, sdp ? sdp : session->early_sdp);
    } else {
        sg_session_send_ack(session, session->ctx_seq, NULL);
        sg_session_emit_sdp(session, false, sdp ? sdp : session->early_sdp);
        established(session);
    }
    g_free(sdp);
}

/* --- later offers --- */

static void on_glare_over(void *data)
{
    SgSession *session = data;

    if (session->state != SG_SESSION_CONFIRMED || session->ctx)
        return;
    if (session->stx || session->ok_tx)
        sg_timer_start(session->sessions->options.loop, &session->glare_timer, G_USEC_PER_SEC, on_glare_over, session);
    else
        sg_session_out_offer(session, NULL, session->refresh);
}

static void on_later_ok(SgSession *session, const struct sip_msg *msg)
{
    char *sdp = msg_ctype_cmp(&msg->ctyp, "application", "sdp") ? sg_body_dup(msg) : NULL;
    bool refresh = session->refresh;

    sg_session_set_target(session, msg);
    sg_session_timer_from_response(session, msg);
    sg_session_timer_start(session);
    if (session->ctx_kind == SG_OFFER_REINVITE)
        sg_session_send_ack(session, session->ctx_seq, NULL);
    session->refresh = false;
    if (session->offer_out) {
        g_free(session->sdp_sent);
        session->sdp_sent = g_steal_pointer(&session->offer_out);
    }
    if (sdp && !refresh)
        sg_session_emit_sdp(session, false, sdp);
    g_free(sdp);
    if (session->queued_offer && session->state == SG_SESSION_CONFIRMED && !session->ctx)
        sg_session_out_offer(session, NULL, false);
}

void sg_session_out_offer(SgSession *session, const char *sdp, bool refresh)
{
    if (sdp) {
        g_free(session->queued_offer);
        session->queued_offer = g_strdup(sdp);
    }
    if (session->state != SG_SESSION_CONFIRMED || session->ctx || session->stx || session->ok_tx || session->ack_due_seq)
        return; /* whatever is under way comes back here when it ends */
    session->refresh = refresh && !session->queued_offer;
    g_free(session->offer_out);
    session->offer_out = g_steal_pointer(&session->queued_offer);
    if (session->refresh && session->peer_update)
        send_offer(session, SG_OFFER_UPDATE, NULL);
    else
        send_offer(session, SG_OFFER_REINVITE, session->offer_out ? session->offer_out : session->sdp_sent);
    if (session->ctx)
        return;
    if (refresh) /* no way to ask whether the peer is still there, and nobody asks again */
        sg_session_close(session, 503, "no way to refresh the session");
    else /* the call goes on; the offer with the next exchange, at the latest the refresh */
        session->queued_offer = g_steal_pointer(&session->offer_out);
}

void sg_session_offer(SgSession *session, const char *sdp)
{
    sg_session_out_offer(session, sdp, false);
}

static void retry(SgSession *session)
{
    if (session->ctx_kind == SG_OFFER_UPDATE)
        send_offer(session, SG_OFFER_UPDATE, NULL);
    else
        send_offer(session, session->ctx_kind, session->our_late ? NULL : session->offer_out ? session->offer_out : session->sdp_sent);
    if (!session->ctx)
        sg_session_close(session, 503, NULL);
}

/* True when the request was sent again in a form the peer should like. */
static bool mend(SgSession *session, const struct sip_msg *msg)
{
    const struct sip_hdr *min_se;
    uint32_t s;

    if (session->hangup_wanted)
        return false;
    if (msg->scode == 401 || msg->scode == 407) {
        if (!sg_session_take_challenge(session, msg))
            return false;
        retry(session);
        return true;
    }
    if (msg->scode == 422 && (min_se = sip_msg_hdr(msg, SIP_HDR_MIN_SE)) && sg_pl_u32(&min_se->val, &s) && s > session->ask_min_se_s &&
        s <= 86400) {
        session->ask_min_se_s = s;
        session->ask_se_s = MAX(session->ask_se_s, s);
        session->se_s = MAX(session->se_s, s);
        retry(session);
        return true;
    }
    return false;
}

static void on_later_failed(SgSession *session, int code)
{
    bool ours = !session->incoming; /* RFC 3261 14.1: the owner of the Call-ID waits longer */
    bool refresh = session->refresh;

    if (code == 491) {
        int64_t wait = ours ? g_random_int_range(2100, 4000) : g_random_int_range(0, 2000);

        if (!session->queued_offer)
            session->queued_offer = g_steal_pointer(&session->offer_out);
        sg_timer_start(session->sessions->options.loop, &session->glare_timer, wait * 1000, on_glare_over, session);
        return;
    }
    session->refresh = false;
    g_clear_pointer(&session->offer_out, g_free);
    if (code == 481 || code == 408 || code == 503) {
        sg_session_bye(session, NULL);
        sg_session_close(session, code == 503 ? 503 : 408, "the other side is gone");
        return;
    }
    if (refresh && session->ctx_kind == SG_OFFER_UPDATE && (code == 405 || code == 501)) {
        session->peer_update = false;
        sg_session_out_offer(session, NULL, true);
        return;
    }
    if (refresh)
        sg_session_timer_start(session);
    /* the offer was refused: what held before goes on (RFC 3261 14.1) */
}

/* A proxy on the way has forked our INVITE and somebody else picks up too: thank you, no (RFC 3261 13.2.2.4). */
static void decline_second(SgSession *session, const struct sip_msg *msg)
{
    char *remote = g_steal_pointer(&session->remote), *tag = g_steal_pointer(&session->remote_tag);
    char *target = g_strdup(session->target), *route = g_steal_pointer(&session->route);
    char *last_ack = g_steal_pointer(&session->last_ack);
    uint32_t last_ack_seq = session->last_ack_seq;

    set_dialog(session, msg);
    sg_session_send_ack(session, msg->cseq.num, NULL);
    sg_session_bye(session, "answered elsewhere");
    g_free(session->remote);
    g_free(session->remote_tag);
    g_free(session->target);
    g_free(session->route);
    g_free(session->last_ack);
    session->remote = remote;
    session->remote_tag = tag;
    session->target = target;
    session->route = route;
    session->last_ack = last_ack;
    session->last_ack_seq = last_ack_seq;
}

/* The 2xx again: our ACK was lost. */
static void repeat_ack(SgSession *session, const struct sip_msg *msg)
{
    char *sdp;

    if (pl_strcmp(&msg->to.tag, session->remote_tag ? session->remote_tag : "") != 0) {
        decline_second(session, msg);
    } else if (session->last_ack_seq == msg->cseq.num) {
        sdp = g_strdup(session->last_ack);
        sg_session_send_ack(session, msg->cseq.num, sdp);
        g_free(sdp);
    }
}

static void on_response(SgClientTx *tx, const struct sip_msg *msg, int code, const SgFlow *flow, void *user)
{
    SgSession *session = user;

    if (code == 0) {
        if (session->accepted == tx)
            session->accepted = NULL;
        return;
    }
    if (code < 200) {
        on_provisional(session, msg);
        return;
    }
    if (code < 300 && session->ctx != tx) {
        repeat_ack(session, msg);
        return;
    }
    session->ctx = NULL;
    if (code < 300 && session->ctx_kind != SG_OFFER_UPDATE) {
        if (session->accepted)
            sg_client_tx_drop(session->accepted);
        session->accepted = tx;
    }
    if (msg)
        session->flow = *flow;
    if (code < 300)
        session->auth_tries = 0; /* a nonce that grows old during the call is no wrong password */
    if (code < 300 && session->ctx_kind == SG_OFFER_INITIAL)
        on_invite_ok(session, msg);
    else if (code < 300)
        on_later_ok(session, msg);
    else if (msg && mend(session, msg))
        return;
    else if (session->ctx_kind == SG_OFFER_INITIAL) {
        char *reason = msg ? sg_pl_dup(&msg->reason) : NULL;

        sg_session_close(session, session->hangup_wanted && session->hangup_code == 408 ? 408 : code, reason);
        g_free(reason);
    } else {
        on_later_failed(session, code);
    }
}
