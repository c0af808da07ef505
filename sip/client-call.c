/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls of the client's user agents: what their sessions report, what their users ask. */
#include "sip/client-private.h"

/* --- calls: what the session reports --- */

void sg_ua_call_free(gpointer data)
{
    SgUaCall *call = data;

    g_free(call->sdp);
    g_free(call);
}

static void on_sdp(SgSession *session, bool offer, const char *sdp, void *user)
{
    SgUaCall *call = user;
    const SgUaCallbacks *callbacks = &call->ua->callbacks;

    if (!offer) {
        if (callbacks->on_answer)
            callbacks->on_answer(call, sdp, call->ua->user);
    } else if (callbacks->on_offer) {
        callbacks->on_offer(call, sdp, call->ua->user);
    } else if (call->sdp) {
        sg_session_answer(session, call->sdp);
    } else {
        sg_session_reject(session, 488, NULL, NULL);
    }
}

static void on_first_sdp(SgSession *session, bool offer, const char *sdp, void *user)
{
    SgUaCall *call = user;
    const struct sip_msg *msg = sg_session_invite(session);
    char *headers;

    if (!call->ua->callbacks.on_incoming || !msg) {
        sg_session_reject(session, 480, NULL, NULL);
        return;
    }
    headers = g_strndup((const char *)msg->mb->buf, msg->mb->pos);
    call->ua->callbacks.on_incoming(call->ua, call, sdp, headers, call->ua->user);
    g_free(headers);
}

static void on_ringing(SgSession *session, int code, void *user)
{
    SgUaCall *call = user;

    if (call->ua->callbacks.on_ringing)
        call->ua->callbacks.on_ringing(call, code, call->ua->user);
}

static void on_established(SgSession *session, void *user)
{
    SgUaCall *call = user;

    if (call->ua->callbacks.on_established)
        call->ua->callbacks.on_established(call, call->ua->user);
}

static void on_dtmf(SgSession *session, char digit, unsigned duration_ms, void *user)
{
    SgUaCall *call = user;

    if (call->ua->callbacks.on_dtmf)
        call->ua->callbacks.on_dtmf(call, digit, duration_ms, call->ua->user);
}

static void on_key_frame_request(SgSession *session, void *user)
{
    SgUaCall *call = user;

    if (call->ua->callbacks.on_key_frame_request)
        call->ua->callbacks.on_key_frame_request(call, call->ua->user);
}

static void on_closed(SgSession *session, int code, const char *reason, void *user)
{
    SgUaCall *call = user;

    call->session = NULL;
    if (call->ua->callbacks.on_closed)
        call->ua->callbacks.on_closed(call, code, reason, call->ua->user);
    g_hash_table_remove(call->ua->client->calls, &call->id);
}

static const SgSessionHandler handler = {
    .on_sdp = on_sdp, .on_ringing = on_ringing, .on_established = on_established, .on_dtmf = on_dtmf,
    .on_key_frame_request = on_key_frame_request, .on_closed = on_closed,
};
static const SgSessionHandler first_handler = {.on_sdp = on_first_sdp, .on_closed = on_closed};

/* --- calls: what the user asks --- */

typedef enum { DIAL, RING, ANSWER, REJECT, OFFER, DTMF, KEY_FRAME, HANGUP } OrderKind;

typedef struct Order {
    OrderKind kind;
    SgClient *client;
    uint64_t id;
    SgUaCall *call; /* DIAL only */
    char *text;     /* SDP; DIAL: the target */
    char *sdp;      /* DIAL */
    int code;
    char digit;
} Order;

static bool start_call(SgUaCall *call, const char *target, const char *sdp)
{
    SgUa *ua = call->ua;
    char *uri = strchr(target, ':') ? g_strdup(target) : g_strdup_printf("sip:%s@%s", target, ua->domain);
    char *from = ua->display[0] ? g_strdup_printf("\"%s\" <sip:%s@%s>", ua->display, ua->account, ua->domain)
                                : g_strdup_printf("<sip:%s@%s>", ua->account, ua->domain);
    char *to = g_strdup_printf("<%s>", uri);
    bool ok = false;

    if (sg_ua_ready_flow(ua)) {
        SgDial dial = {.uri = uri, .flow = ua->flow, .verify_host = ua->server_host, .from = from, .to = to, .contact_user = ua->account,
                       .sdp = sdp, .username = ua->password ? ua->account : NULL, .password = ua->password, .ring_timeout_ms = 180000};

        call->session = sg_session_dial(ua->client->sessions, &dial, &handler, call);
        ok = call->session != NULL;
        if (ok && ua->transport != SG_UDP)
            ua->flow = *sg_session_flow(call->session);
    }
    g_free(uri);
    g_free(from);
    g_free(to);
    return ok;
}

static void obey(const Order *order, SgUaCall *call)
{
    if ((order->kind == ANSWER || order->kind == OFFER) && order->text) {
        g_free(call->sdp);
        call->sdp = g_strdup(order->text);
    }
    switch (order->kind) {
    case RING:
        sg_session_progress(call->session, 180, NULL, NULL);
        break;
    case ANSWER:
        sg_session_set_handler(call->session, &handler, call);
        sg_session_answer(call->session, order->text);
        break;
    case REJECT:
        sg_session_reject(call->session, order->code, NULL, NULL);
        break;
    case OFFER:
        sg_session_offer(call->session, order->text);
        break;
    case DTMF:
        sg_session_dtmf(call->session, order->digit, (unsigned)order->code);
        break;
    case KEY_FRAME:
        sg_session_request_key_frame(call->session);
        break;
    case HANGUP:
        sg_session_hangup(call->session, NULL);
        break;
    case DIAL:
        break;
    }
}

static void run_order(void *data)
{
    Order *order = data;
    SgUaCall *call;

    if (order->kind == DIAL) {
        g_hash_table_insert(order->client->calls, &order->call->id, order->call);
        order->call->sdp = g_strdup(order->sdp);
        if (!start_call(order->call, order->text, order->sdp))
            on_closed(NULL, 503, "no way to the server", order->call);
    } else {
        call = g_hash_table_lookup(order->client->calls, &order->id);
        if (call && call->session)
            obey(order, call);
    }
    g_free(order->text);
    g_free(order->sdp);
    g_free(order);
}

static void give(SgUaCall *call, Order order)
{
    order.client = call->ua->client;
    order.id = call->id;
    sg_loop_post(order.client->loop, run_order, g_memdup2(&order, sizeof(order)));
}

static SgUaCall *call_new(SgUa *ua, void *user)
{
    SgUaCall *call = g_new0(SgUaCall, 1);

    call->ua = ua;
    call->user = user;
    call->id = __atomic_add_fetch(&ua->client->next_call, 1, __ATOMIC_RELAXED);
    return call;
}

SgUaCall *sg_ua_invite(SgUa *ua, const char *target, const char *sdp, void *call_user)
{
    SgUaCall *call = call_new(ua, call_user);

    give(call, (Order){.kind = DIAL, .call = call, .text = g_strdup(target), .sdp = g_strdup(sdp)});
    return call;
}

SgUa *sg_ua_call_ua(const SgUaCall *call)
{
    return call->ua;
}

void *sg_ua_call_user(const SgUaCall *call)
{
    return __atomic_load_n(&call->user, __ATOMIC_SEQ_CST);
}

void sg_ua_call_set_user(SgUaCall *call, void *call_user)
{
    g_atomic_pointer_set(&call->user, call_user);
}

void sg_ua_call_ring(SgUaCall *call)
{
    give(call, (Order){.kind = RING});
}

void sg_ua_call_answer(SgUaCall *call, const char *sdp)
{
    give(call, (Order){.kind = ANSWER, .text = g_strdup(sdp)});
}

void sg_ua_call_reject(SgUaCall *call, int code)
{
    give(call, (Order){.kind = REJECT, .code = code});
}

void sg_ua_call_offer(SgUaCall *call, const char *sdp)
{
    give(call, (Order){.kind = OFFER, .text = g_strdup(sdp)});
}

void sg_ua_call_dtmf(SgUaCall *call, char digit, unsigned duration_ms)
{
    give(call, (Order){.kind = DTMF, .digit = digit, .code = (int)duration_ms});
}

void sg_ua_call_request_key_frame(SgUaCall *call)
{
    give(call, (Order){.kind = KEY_FRAME});
}

void sg_ua_call_hangup(SgUaCall *call)
{
    give(call, (Order){.kind = HANGUP});
}

void sg_ua_call_accept(SgUa *ua, const struct sip_msg *msg, const SgFlow *flow)
{
    SgClient *client = ua->client;
    SgSession *session = sg_session_accept(client->sessions, msg, flow, &first_handler, NULL);
    SgUaCall *call;

    if (!session)
        return;
    call = call_new(ua, NULL);
    call->incoming = true;
    call->session = session;
    g_hash_table_insert(client->calls, &call->id, call);
    sg_session_set_handler(session, &first_handler, call);
    sg_session_begin(session);
}
