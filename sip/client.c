/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/session.h"
#include "sip/client.h"
#include "sip/digest.h"
#include "sip/tls.h"

#define TICK_US 5000
#define RETRY_S 5
#define UAS_MAX 100000

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

/* --- registering --- */

static void send_register(SgUa *ua, const char *authorization);

static bool ready_flow(SgUa *ua)
{
    SgFlow flow;

    if (ua->flow.conn != 0 || (ua->transport == SG_UDP && sa_isset(&ua->flow.remote, SA_ADDR)))
        return true;
    if (sg_transport_route(ua->client->transport, ua->transport, &ua->server, &flow) < 0)
        return false;
    flow.conn = 0; /* every device has a connection of its own */
    ua->flow = flow;
    return true;
}

static void report(SgUa *ua, int code)
{
    if (ua->callbacks.on_registered)
        ua->callbacks.on_registered(ua, code, (double)(sg_now_us() - ua->since_us) / 1000, ua->user);
}

static void start_register(SgUa *ua)
{
    if (ua->registering) {
        ua->again = true;
        return;
    }
    ua->registering = true;
    ua->tries = 0;
    ua->since_us = sg_now_us();
    send_register(ua, NULL);
}

static void on_timer(void *data)
{
    start_register(data);
}

static void again_in(SgUa *ua, double seconds)
{
    sg_timer_start(ua->client->loop, &ua->timer, (int64_t)(seconds * G_USEC_PER_SEC), on_timer, ua);
}

static void register_done(SgUa *ua, int code)
{
    ua->registering = false;
    if (ua->again) {
        ua->again = false;
        start_register(ua);
    } else if (code == 200 && !ua->leaving) {
        again_in(ua, ua->expires_s * 0.8);
    } else if ((code == 0 || code >= 500) && !ua->leaving) {
        again_in(ua, RETRY_S * g_random_double_range(0.8, 1.4));
    }
    report(ua, code);
}

static bool each_challenge(const struct sip_hdr *hdr, const struct sip_msg *msg, void *arg)
{
    return sg_challenge_parse(arg, &hdr->val);
}

static bool answer_challenge(SgUa *ua, const struct sip_msg *msg)
{
    bool proxy = msg->scode == 407;
    SgChallenge challenge;
    char cnonce[17], *value, *line, *uri;

    if (ua->tries++ >= 2 || !ua->password ||
        !sip_msg_hdr_apply(msg, true, proxy ? SIP_HDR_PROXY_AUTHENTICATE : SIP_HDR_WWW_AUTHENTICATE, each_challenge, &challenge))
        return false;
    if (ua->tries > 1 && !challenge.stale)
        return false; /* the password is wrong: saying it again helps nobody */
    sg_random_hex(cnonce, 8);
    uri = g_strdup_printf("sip:%s", ua->domain);
    value = sg_authorization(&challenge, ua->account, ua->password, "REGISTER", uri, 1, cnonce);
    line = g_strdup_printf("%s: %s\r\n", proxy ? "Proxy-Authorization" : "Authorization", value);
    send_register(ua, line);
    g_free(line);
    g_free(value);
    g_free(uri);
    return true;
}

static void on_register_response(SgClientTx *tx, const struct sip_msg *msg, int code, const SgFlow *flow, void *user)
{
    SgUa *ua = user;
    const struct sip_hdr *hdr;
    uint32_t seconds;

    if (code < 200)
        return;
    if (!msg) {
        ua->flow.conn = 0;
        register_done(ua, 0);
        return;
    }
    if ((code == 401 || code == 407) && answer_challenge(ua, msg))
        return;
    if (code == 423 && ua->tries++ < 3 && (hdr = sip_msg_hdr(msg, SIP_HDR_MIN_EXPIRES)) && sg_pl_u32(&hdr->val, &seconds)) {
        ua->expires_s = CLAMP(seconds, 1, 86400);
        ua->tries = 0;
        send_register(ua, NULL);
        return;
    }
    register_done(ua, code);
}

static void send_register(SgUa *ua, const char *authorization)
{
    static const char *const suffix[] = {"", ";transport=tcp", ";transport=tls"};
    char *uri = g_strdup_printf("sip:%s", ua->domain), host[300], *from, *to, *extra;
    SgRequest request;
    bool sent = false;

    if (ready_flow(ua)) {
        sg_txs_host_port(ua->client->txs, &ua->flow, host, sizeof(host));
        from = g_strdup_printf("<sip:%s@%s>;tag=%s", ua->account, ua->domain, ua->tag);
        to = g_strdup_printf("<sip:%s@%s>", ua->account, ua->domain);
        extra = g_strdup_printf("Contact: <sip:%s@%s%s>\r\nExpires: %u\r\nUser-Agent: %s\r\n%s", ua->account, host, suffix[ua->transport],
                                ua->leaving ? 0 : ua->expires_s, ua->client->user_agent, authorization ? authorization : "");
        request = (SgRequest){.method = "REGISTER", .uri = uri, .from = from, .to = to, .call_id = ua->call_id, .cseq = ++ua->cseq,
                              .extra = extra};
        sent = sg_client_tx_new(ua->client->txs, &request, &ua->flow, ua->server_host, on_register_response, ua) != NULL;
        g_free(from);
        g_free(to);
        g_free(extra);
    }
    g_free(uri);
    if (!sent)
        register_done(ua, 0);
}

static void on_tick(void *data)
{
    SgClient *client = data;
    int64_t now = sg_now_us();
    double rate = client->registers_per_s;

    client->credit = MIN(client->credit + rate * (double)(now - client->tick_us) / G_USEC_PER_SEC, MAX(rate / 20, 1));
    client->tick_us = now;
    while (client->credit >= 1 && !g_queue_is_empty(&client->waiting)) {
        client->credit--;
        start_register(g_queue_pop_head(&client->waiting));
    }
    if (!g_queue_is_empty(&client->waiting))
        sg_timer_start(client->loop, &client->tick, TICK_US, on_tick, client);
}

static void add_on_thread(void *data)
{
    SgUa *ua = data;
    SgClient *client = ua->client;

    g_ptr_array_add(client->all, ua);
    g_hash_table_replace(client->uas, ua->account, ua);
    if (ua->no_register)
        return;
    g_queue_push_tail(&client->waiting, ua);
    if (client->tick.index == 0)
        on_tick(client);
}

static void ua_free(gpointer data)
{
    SgUa *ua = data;

    if (ua->client->loop)
        sg_timer_stop(ua->client->loop, &ua->timer);
    g_free(ua->account);
    g_free(ua->password);
    g_free(ua->domain);
    g_free(ua->display);
    g_free(ua->server_uri);
    g_free(ua->server_host);
    g_free(ua);
}

SgUa *sg_client_ua_add(SgClient *client, const SgUaOptions *options, const SgUaCallbacks *callbacks, void *user, GError **error)
{
    SgTransportKind kind;
    SgUri uri;
    SgUa *ua;

    if (!sg_account_name_is_valid(options->account) || !options->server || !sg_uri_parse(&uri, options->server) ||
        g_atomic_int_get(&client->n_uas) >= UAS_MAX) {
        g_set_error(error, SG_ERROR, SG_ERROR_INVALID, "user agent '%s': bad account or server address",
                    options->account ? options->account : "");
        return NULL;
    }
    ua = g_new0(SgUa, 1);
    ua->client = client;
    if (!sg_uri_address(&uri, &ua->server, &kind)) {
        g_set_error(error, SG_ERROR, SG_ERROR_INVALID, "server '%s': the host must be numeric", options->server);
        ua_free(ua);
        return NULL;
    }
    ua->transport = uri.transport == SG_TRANSPORT_INVALID ? options->transport : uri.transport;
    if (ua->transport == SG_TLS && uri.port == 0)
        sa_set_port(&ua->server, SIP_PORT_TLS);
    ua->account = g_strdup(options->account);
    ua->password = g_strdup(options->password);
    if (options->domain)
        ua->domain = g_strdup(options->domain);
    else /* an IPv6 address stands in brackets in a URI */
        ua->domain = g_strdup_printf(strchr(uri.host, ':') && uri.host[0] != '[' ? "[%s]" : "%s", uri.host);
    ua->display = g_strdup(options->display ? options->display : "");
    ua->server_host = g_strdup(uri.host);
    ua->callbacks = *callbacks;
    ua->user = user;
    ua->expires_s = options->expires_s ? options->expires_s : 600;
    ua->no_register = options->no_register;
    ua->cseq = 1;
    sg_random_hex(ua->call_id, 16);
    sg_random_hex(ua->tag, 8);
    g_atomic_int_inc(&client->n_uas);
    sg_loop_post(client->loop, add_on_thread, ua);
    return ua;
}

void *sg_ua_user(const SgUa *ua)
{
    return ua->user;
}

const char *sg_ua_account(const SgUa *ua)
{
    return ua->account;
}

static void leave_on_thread(void *data)
{
    SgUa *ua = data;

    ua->leaving = true;
    sg_timer_stop(ua->client->loop, &ua->timer);
    start_register(ua);
}

void sg_ua_unregister(SgUa *ua)
{
    sg_loop_post(ua->client->loop, leave_on_thread, ua);
}

/* --- calls: what the session reports --- */

static void call_free(gpointer data)
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

    if (ready_flow(ua)) {
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

/* --- the stack --- */

static void on_invite(SgClient *client, const struct sip_msg *msg, const SgFlow *flow)
{
    char *user = sg_pl_dup(&msg->uri.user);
    SgUa *ua = g_hash_table_lookup(client->uas, user);
    SgSession *session;
    SgUaCall *call;

    g_free(user);
    if (!ua) {
        sg_reply(client->txs, msg, flow, 404, NULL, NULL);
        return;
    }
    session = sg_session_accept(client->sessions, msg, flow, &first_handler, NULL);
    if (!session)
        return;
    call = call_new(ua, NULL);
    call->incoming = true;
    call->session = session;
    g_hash_table_insert(client->calls, &call->id, call);
    sg_session_set_handler(session, &first_handler, call);
    sg_session_begin(session);
}

static void on_request(const struct sip_msg *msg, const SgFlow *flow, void *user)
{
    SgClient *client = user;

    if (sg_sessions_request(client->sessions, msg, flow) || pl_strcmp(&msg->met, "ACK") == 0)
        return;
    if (pl_isset(&msg->to.tag))
        sg_reply(client->txs, msg, flow, 481, NULL, NULL);
    else if (pl_strcmp(&msg->met, "INVITE") == 0)
        on_invite(client, msg, flow);
    else if (pl_strcmp(&msg->met, "OPTIONS") == 0)
        sg_reply(client->txs, msg, flow, 200, NULL, "Allow: " SG_ALLOW "\r\n");
    else
        sg_reply(client->txs, msg, flow, 405, NULL, "Allow: " SG_ALLOW "\r\n");
}

static void on_message(const struct sip_msg *msg, const SgFlow *flow, void *user)
{
    sg_txs_message(((SgClient *)user)->txs, msg, flow);
}

static void on_conn_closed(uint64_t conn, void *user)
{
    SgClient *client = user;

    sg_txs_conn_closed(client->txs, conn);
    sg_sessions_conn_closed(client->sessions, conn);
    for (unsigned i = 0; i < client->all->len; i++) {
        SgUa *ua = client->all->pdata[i];

        if (ua->flow.conn != conn)
            continue;
        ua->flow.conn = 0;
        if (!ua->no_register && !ua->leaving)
            again_in(ua, g_random_double_range(0.5, 2));
    }
}

typedef struct Start {
    SgClient *client;
    SSL_CTX *tls;
    uint16_t port;
    GError *error;
} Start;

static void start_on_thread(void *data)
{
    Start *start = data;
    SgClient *client = start->client;

    client->transport = sg_transport_new(&(SgTransportOptions){
        .loop = client->loop, .tls_client = start->tls, .stats = &client->stats, .message_max = 65535, .tcp_idle_s = 3600,
        .logger = &client->logger, .on_message = on_message, .on_closed = on_conn_closed, .user = client});
    client->txs = sg_txs_new(&(SgTxsOptions){.loop = client->loop, .transport = client->transport, .stats = &client->stats, .max = 400000,
                                             .on_request = on_request, .user = client});
    client->sessions = sg_sessions_new(&(SgSessionsOptions){.loop = client->loop, .transport = client->transport, .txs = client->txs,
                                                            .stats = &client->stats, .session_expires_s = 1800, .min_se_s = 90,
                                                            .user_agent = client->user_agent});
    client->uas = g_hash_table_new(g_str_hash, g_str_equal);
    client->all = g_ptr_array_new_with_free_func(ua_free);
    client->calls = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, call_free);
    g_queue_init(&client->waiting);
    client->tick_us = sg_now_us();
    sg_transport_listen(client->transport, 0, SG_UDP, client->local_host, start->port, NULL, &start->port, &start->error);
}

SgClient *sg_client_new(const SgClientOptions *options, GError **error)
{
    SgClient *client = g_new0(SgClient, 1);
    Start start = {.client = client, .port = options->local_port};

    client->local_host = g_strdup(options->local_host ? options->local_host : "127.0.0.1");
    client->user_agent = g_strdup(options->user_agent ? options->user_agent : "mediasim");
    client->registers_per_s = options->registers_per_s ? options->registers_per_s : 1000;
    if (options->logger)
        client->logger = md_logger_child(options->logger, "client");
    start.tls = sg_tls_client(NULL, options->tls_verify, error);
    client->loop = start.tls ? sg_loop_new("sip-client", error) : NULL;
    if (!client->loop) {
        sg_client_free(client);
        return NULL;
    }
    sg_loop_call(client->loop, start_on_thread, &start);
    if (start.error) {
        g_propagate_error(error, start.error);
        sg_client_free(client);
        return NULL;
    }
    return client;
}

static void stop_on_thread(void *data)
{
    SgClient *client = data;

    for (unsigned i = 0; i < client->all->len; i++) {
        SgUa *ua = client->all->pdata[i];

        ua->callbacks = (SgUaCallbacks){0};
        ua->leaving = true;
        ua->again = false;
    }
    sg_timer_stop(client->loop, &client->tick);
    g_queue_clear(&client->waiting);
    sg_sessions_free(client->sessions);
    sg_txs_free(client->txs);
    g_hash_table_unref(client->calls);
    g_hash_table_unref(client->uas);
    g_ptr_array_unref(client->all);
    sg_transport_free(client->transport);
}

void sg_client_free(SgClient *client)
{
    if (!client)
        return;
    if (client->loop) {
        if (client->transport)
            sg_loop_call(client->loop, stop_on_thread, client);
        sg_loop_free(client->loop);
    }
    g_free(client->local_host);
    g_free(client->user_agent);
    g_free(client);
}
