/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/session-impl.h"

static void session_free(gpointer data)
{
    SgSession *session = data;
    SgLoop *loop = session->sessions->options.loop;
    SgTimer *timers[] = {&session->rel_timer, &session->ring_timer, &session->glare_timer, &session->se_timer};
    char *strings[] = {session->call_id, session->remote_tag, session->local, session->remote, session->target, session->route,
                       session->contact_user, session->verify_host, session->offer_in, session->queued_answer, session->sdp_sent,
                       session->offer_out, session->queued_offer, session->early_sdp, session->last_ack, session->headers, session->username,
                       session->password, session->challenge};

    for (unsigned i = 0; i < G_N_ELEMENTS(timers); i++)
        sg_timer_stop(loop, timers[i]);
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++)
        g_free(strings[i]);
    g_free(session);
}

SgSessions *sg_sessions_new(const SgSessionsOptions *options)
{
    SgSessions *sessions = g_new0(SgSessions, 1);

    sessions->options = *options;
    sessions->next_id = 1;
    sessions->graveyard = g_ptr_array_new_with_free_func(session_free);
    sessions->by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
    sessions->by_tag = g_hash_table_new(sg_str_hash, g_str_equal);
    return sessions;
}

/* The transactions go on without us. */
static void let_go(SgSession *session)
{
    if (session->ctx)
        sg_client_tx_drop(g_steal_pointer(&session->ctx));
    if (session->accepted)
        sg_client_tx_drop(g_steal_pointer(&session->accepted));
    if (session->ok_tx)
        sg_server_tx_confirm(g_steal_pointer(&session->ok_tx));
}

static void forget(SgSession *session)
{
    let_go(session);
    g_hash_table_remove(session->sessions->by_tag, session->local_tag);
    g_hash_table_remove(session->sessions->by_id, &session->id);
    md_stat_set(&session->sessions->options.stats->calls, g_hash_table_size(session->sessions->by_id));
}

void sg_sessions_free(SgSessions *sessions)
{
    GHashTableIter iter;
    gpointer value;

    if (!sessions)
        return;
    g_hash_table_iter_init(&iter, sessions->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        let_go(value);
        session_free(value);
    }
    sg_timer_stop(sessions->options.loop, &sessions->burial);
    g_ptr_array_unref(sessions->graveyard);
    g_hash_table_unref(sessions->by_tag);
    g_hash_table_unref(sessions->by_id);
    g_free(sessions);
}

unsigned sg_sessions_count(const SgSessions *sessions)
{
    return g_hash_table_size(sessions->by_id);
}

void sg_sessions_conn_closed(SgSessions *sessions, uint64_t conn)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, sessions->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        SgSession *session = value;

        if (session->flow.kind != SG_UDP && session->flow.conn == conn)
            session->flow.conn = 0; /* the next request opens a new one to the peer's contact */
    }
}

void sg_sessions_hangup_all(SgSessions *sessions, int code, const char *reason)
{
    GList *all = g_hash_table_get_values(sessions->by_id);

    for (GList *link = all; link; link = link->next) {
        SgSession *session = link->data;

        if (session->state == SG_SESSION_INCOMING)
            sg_session_reject(session, code, reason, "Retry-After: 30\r\n");
        else
            sg_session_hangup(session, reason);
    }
    g_list_free(all);
}

SgSession *sg_session_make(SgSessions *sessions, const SgSessionHandler *handler, void *user)
{
    SgSession *session = g_new0(SgSession, 1);

    session->sessions = sessions;
    session->id = sessions->next_id++;
    session->handler = handler;
    session->user = user;
    session->ask_se_s = sessions->options.session_expires_s;
    session->ask_min_se_s = sessions->options.min_se_s;
    sg_random_hex(session->local_tag, 8);
    g_hash_table_insert(sessions->by_id, &session->id, session);
    g_hash_table_insert(sessions->by_tag, session->local_tag, session);
    md_stat_set(&sessions->options.stats->calls, g_hash_table_size(sessions->by_id));
    return session;
}

static void bury(void *data)
{
    g_ptr_array_set_size(((SgSessions *)data)->graveyard, 0);
}

void sg_session_close(SgSession *session, int code, const char *reason)
{
    const SgSessionHandler *handler = session->handler;

    if (session->state == SG_SESSION_CLOSED)
        return;
    session->state = SG_SESSION_CLOSED;
    if (session->stx) /* an unanswered request dies with the dialog */
        sg_server_tx_reply(g_steal_pointer(&session->stx), 487, NULL, NULL, NULL, NULL);
    if (handler && handler->on_closed)
        handler->on_closed(session, code, reason ? reason : sg_reason(code), session->user);
    forget(session);
    g_ptr_array_add(session->sessions->graveyard, session);
    sg_timer_start(session->sessions->options.loop, &session->sessions->burial, 0, bury, session->sessions);
}

const SgFlow *sg_session_flow(const SgSession *session)
{
    return &session->flow;
}

const struct sip_msg *sg_session_invite(const SgSession *session)
{
    return session->stx ? sg_server_tx_msg(session->stx) : NULL;
}

void sg_session_set_handler(SgSession *session, const SgSessionHandler *handler, void *user)
{
    session->handler = handler;
    session->user = user;
}

void sg_session_emit_sdp(SgSession *session, bool offer, const char *sdp)
{
    if (session->handler && session->handler->on_sdp)
        session->handler->on_sdp(session, offer, sdp, session->user);
}

/* --- dialog --- */

void sg_session_set_target(SgSession *session, const struct sip_msg *msg)
{
    const struct sip_hdr *hdr = sip_msg_hdr(msg, SIP_HDR_CONTACT);
    struct sip_addr addr;

    if (!hdr || sip_addr_decode(&addr, &hdr->val) || addr.auri.l > SG_ACCOUNT_TEXT_MAX * 2)
        return;
    g_free(session->target);
    session->target = sg_pl_dup(&addr.auri);
}

static bool each_route(const struct sip_hdr *hdr, const struct sip_msg *msg, void *arg)
{
    GString *route = arg;

    g_string_append_printf(route, "%s%.*s", route->len ? ", " : "", SG_PL(hdr->val));
    return false;
}

/* Requests: in order; responses: reversed (RFC 3261 12.1). */
void sg_session_set_route(SgSession *session, const struct sip_msg *msg, bool reverse)
{
    GString *route = g_string_new(NULL);

    sip_msg_hdr_apply(msg, !reverse, SIP_HDR_RECORD_ROUTE, each_route, route);
    g_free(session->route);
    session->route = route->len > 0 && route->len < 4096 ? g_strdup(route->str) : NULL;
    g_string_free(route, TRUE);
}

char *sg_session_contact(SgSession *session)
{
    static const char *const suffix[] = {"", ";transport=tcp", ";transport=tls"};
    char host[300];

    sg_txs_host_port(session->sessions->options.txs, &session->flow, host, sizeof(host));
    return g_strdup_printf("<sip:%s@%s%s>", session->contact_user, host, suffix[session->flow.kind]);
}

/* Where requests of this dialog go: back on the flow we know works; a lost connection is replaced by one to the contact. */
static bool ready_flow(SgSession *session)
{
    SgTransportKind kind;
    struct sa address;
    SgFlow flow;
    SgUri uri;

    if (session->flow.kind == SG_UDP || session->flow.conn != 0 || session->flow.listener == UINT_MAX)
        return true; /* where we have connected to we may connect again */
    if (!sg_uri_parse(&uri, session->target) || !sg_uri_address(&uri, &address, &kind) || kind != session->flow.kind)
        return false;
    if (sg_transport_route(session->sessions->options.transport, kind, &address, &flow) < 0)
        return false;
    session->flow = flow;
    return true;
}

char *sg_session_authorization(SgSession *session, const char *method)
{
    SgChallenge challenge;
    char cnonce[17], *value, *line;
    struct pl pl;

    if (!session->challenge)
        return NULL;
    pl_set_str(&pl, session->challenge);
    if (!sg_challenge_parse(&challenge, &pl))
        return NULL;
    sg_random_hex(cnonce, 8);
    value = sg_authorization(&challenge, session->username, session->password, method, session->target, ++session->challenge_count,
                             cnonce);
    line = g_strdup_printf("%s: %s\r\n", session->challenge_proxy ? "Proxy-Authorization" : "Authorization", value);
    g_free(value);
    return line;
}

static bool each_challenge(const struct sip_hdr *hdr, const struct sip_msg *msg, void *arg)
{
    SgChallenge challenge;

    return sg_challenge_parse(&challenge, &hdr->val);
}

/* The first we understand is the one the server likes best. */
static const struct sip_hdr *find_challenge(const struct sip_msg *msg)
{
    return sip_msg_hdr_apply(msg, true, msg->scode == 407 ? SIP_HDR_PROXY_AUTHENTICATE : SIP_HDR_WWW_AUTHENTICATE, each_challenge, NULL);
}

bool sg_session_take_challenge(SgSession *session, const struct sip_msg *msg)
{
    const struct sip_hdr *hdr;

    if (!session->username || session->auth_tries >= 3 || !(hdr = find_challenge(msg)))
        return false;
    session->auth_tries++;
    session->challenge_proxy = msg->scode == 407;
    session->challenge_count = 0;
    g_free(session->challenge);
    session->challenge = sg_pl_dup(&hdr->val);
    return true;
}

static void fill(SgSession *session, SgRequest *request, const char *method, uint32_t seq, char **ret_from, char **ret_route)
{
    *ret_from = g_strdup_printf("%s;tag=%s", session->local, session->local_tag);
    *ret_route = session->route ? g_strdup_printf("Route: %s\r\n", session->route) : NULL;
    *request = (SgRequest){.method = method, .uri = session->target, .routes = *ret_route, .from = *ret_from, .to = session->remote,
                           .call_id = session->call_id, .cseq = seq};
}

SgClientTx *sg_session_send(SgSession *session, const char *method, const char *extra, const char *content_type, const char *body,
                            SgResponseFn fn)
{
    char *from, *route, *authorization = sg_session_authorization(session, method);
    GString *lines = g_string_new(NULL);
    SgRequest request;
    SgClientTx *tx = NULL;

    g_string_append_printf(lines, "User-Agent: %s\r\n%s%s", session->sessions->options.user_agent, authorization ? authorization : "",
                           extra ? extra : "");
    fill(session, &request, method, ++session->local_seq, &from, &route);
    request.extra = lines->str;
    request.content_type = content_type;
    request.body = body;
    if (ready_flow(session))
        tx = sg_client_tx_new(session->sessions->options.txs, &request, &session->flow, session->verify_host, fn, session);
    g_string_free(lines, TRUE);
    g_free(authorization);
    g_free(from);
    g_free(route);
    return tx;
}

void sg_session_send_ack(SgSession *session, uint32_t seq, const char *sdp)
{
    char *from, *route;
    SgRequest request;

    if (!ready_flow(session))
        return;
    fill(session, &request, "ACK", seq, &from, &route);
    request.content_type = "application/sdp";
    request.body = sdp;
    sg_send_once(session->sessions->options.txs, &request, &session->flow);
    session->last_ack_seq = seq;
    g_free(session->last_ack);
    session->last_ack = g_strdup(sdp);
    g_free(from);
    g_free(route);
}

/* A BYE towards a server that signs us in: it outlives its session, and the server may want to see the password once more. */
typedef struct Bye {
    SgTxs *txs;
    SgFlow flow;
    char *uri, *routes, *from, *to, *call_id, *extra, *username, *password, *verify_host;
    uint32_t cseq;
} Bye;

static void bye_free(Bye *bye)
{
    char *strings[] = {bye->uri, bye->routes, bye->from, bye->to, bye->call_id, bye->extra, bye->username, bye->password, bye->verify_host};

    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++)
        g_free(strings[i]);
    g_free(bye);
}

static SgClientTx *bye_send(Bye *bye, const char *authorization, SgResponseFn fn)
{
    char *extra = g_strconcat(bye->extra, authorization, NULL);
    SgRequest request = {.method = "BYE", .uri = bye->uri, .routes = bye->routes, .from = bye->from, .to = bye->to,
                         .call_id = bye->call_id, .cseq = bye->cseq++, .extra = extra};
    SgClientTx *tx = sg_client_tx_new(bye->txs, &request, &bye->flow, bye->verify_host, fn, fn ? bye : NULL);

    g_free(extra);
    return tx;
}

static void on_bye_response(SgClientTx *tx, const struct sip_msg *msg, int code, const SgFlow *flow, void *user)
{
    const struct sip_hdr *hdr;
    SgChallenge challenge;
    Bye *bye = user;

    if (code < 200)
        return;
    hdr = msg && (code == 401 || code == 407) ? find_challenge(msg) : NULL;
    if (hdr && sg_challenge_parse(&challenge, &hdr->val)) {
        char cnonce[17], *value, *line;

        sg_random_hex(cnonce, 8);
        value = sg_authorization(&challenge, bye->username, bye->password, "BYE", bye->uri, 1, cnonce);
        line = g_strdup_printf("%s: %s\r\n", code == 407 ? "Proxy-Authorization" : "Authorization", value);
        bye_send(bye, line, NULL);
        g_free(line);
        g_free(value);
    }
    bye_free(bye);
}

void sg_session_bye(SgSession *session, const char *reason)
{
    char *authorization = sg_session_authorization(session, "BYE"), *why = NULL;
    SgRequest request;
    Bye *bye;

    if (reason && sg_is_line(reason, 128) && !strchr(reason, '"'))
        why = g_strdup_printf("Reason: SIP;cause=200;text=\"%s\"\r\n", reason);
    if (!session->username) {
        sg_session_send(session, "BYE", why, NULL, NULL, NULL);
    } else if (ready_flow(session)) {
        bye = g_new0(Bye, 1);
        fill(session, &request, "BYE", ++session->local_seq, &bye->from, &bye->routes);
        bye->txs = session->sessions->options.txs;
        bye->flow = session->flow;
        bye->uri = g_strdup(request.uri);
        bye->to = g_strdup(request.to);
        bye->call_id = g_strdup(request.call_id);
        bye->cseq = request.cseq;
        bye->extra = g_strdup_printf("User-Agent: %s\r\n%s", session->sessions->options.user_agent, why ? why : "");
        bye->username = g_strdup(session->username);
        bye->password = g_strdup(session->password);
        bye->verify_host = g_strdup(session->verify_host);
        if (!bye_send(bye, authorization, on_bye_response))
            bye_free(bye);
    }
    g_free(authorization);
    g_free(why);
}

void sg_session_hangup(SgSession *session, const char *reason)
{
    switch (session->state) {
    case SG_SESSION_INCOMING:
        sg_session_reject(session, 480, reason, NULL);
        break;
    case SG_SESSION_OUTGOING:
        session->hangup_wanted = true;
        session->hangup_code = 487;
        if (session->ctx) {
            /* the transaction goes on alone; should a 2xx cross our CANCEL, sg_sessions_request sees no dialog: keep it until the end */
            sg_client_tx_cancel(session->ctx);
        } else {
            sg_session_close(session, 487, reason);
        }
        break;
    case SG_SESSION_CONFIRMED:
        sg_session_bye(session, reason);
        sg_session_close(session, 200, reason);
        break;
    case SG_SESSION_CLOSED:
        break;
    }
}

/* --- small requests --- */

void sg_session_dtmf(SgSession *session, char digit, unsigned duration_ms)
{
    char body[64];

    if (session->state != SG_SESSION_CONFIRMED || digit == '\0' || !strchr("0123456789*#ABCD", digit))
        return;
    g_snprintf(body, sizeof(body), "Signal=%c\r\nDuration=%u\r\n", digit, CLAMP(duration_ms, 40, 5000));
    sg_session_send(session, "INFO", NULL, "application/dtmf-relay", body, NULL);
}

void sg_session_request_key_frame(SgSession *session)
{
    int64_t now = sg_now_us();

    if (session->state != SG_SESSION_CONFIRMED || (session->key_frame_us && now - session->key_frame_us < 500000))
        return;
    session->key_frame_us = now;
    sg_session_send(session, "INFO", NULL, "application/media_control+xml",
                    "<?xml version=\"1.0\" encoding=\"utf-8\" ?>\r\n<media_control><vc_primitive><to_encoder><picture_fast_update/>"
                    "</to_encoder></vc_primitive></media_control>\r\n",
                    NULL);
}

/* --- dispatch --- */

bool sg_sessions_request(SgSessions *sessions, const struct sip_msg *msg, const SgFlow *flow)
{
    SgSession *session;
    char tag[17];

    if (!pl_isset(&msg->to.tag) || msg->to.tag.l != 16)
        return false;
    g_snprintf(tag, sizeof(tag), "%.*s", SG_PL(msg->to.tag));
    session = g_hash_table_lookup(sessions->by_tag, tag);
    if (!session || session->state == SG_SESSION_CLOSED || pl_strcmp(&msg->callid, session->call_id) != 0)
        return false;
    if (session->remote_tag && pl_strcmp(&msg->from.tag, session->remote_tag) != 0)
        return false;
    sg_session_in_request(session, msg, flow);
    return true;
}
