/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/transaction.h"
#include "mediad/core/hash.h"

typedef enum { TRYING, PROCEEDING, COMPLETED, CONFIRMED, ACCEPTED } State;

struct SgTxs {
    SgTxsOptions options;
    GHashTable *servers, *clients; /* key → transaction */
    uint64_t next_branch;
    GString *scratch;
    MdHashKey tag_key, branch_key;
};

struct SgServerTx {
    SgTxs *txs;
    char *key;
    struct sip_msg *msg; /* until the final reply */
    SgFlow flow;
    bool invite;
    State state;
    char tag[17];
    char *response;
    size_t response_len;
    int64_t interval_us;
    SgTimer retransmit, end;
    void (*on_cancel)(SgServerTx *tx, void *user);
    void *user;
    void (*on_unacked)(void *user);
    void *unacked_user;
};

struct SgClientTx {
    SgTxs *txs;
    char *key, *branch, *method;
    char *uri, *routes, *from, *to, *call_id; /* INVITE only: for CANCEL and ACK */
    uint32_t cseq;
    SgFlow flow;
    bool invite, cancelled, cancel_sent;
    State state;
    char *data;
    size_t len;
    int64_t interval_us;
    int fail_code;
    SgTimer retransmit, end;
    SgResponseFn fn;
    void *user;
};

static MdHashKey table_key;

guint sg_str_hash(gconstpointer text)
{
    static gsize once;

    if (g_once_init_enter(&once)) {
        table_key = md_hash_key_random();
        g_once_init_leave(&once, 1);
    }
    return (guint)md_hash(table_key, text, strlen(text));
}

static void count(SgTxs *txs)
{
    md_stat_set(&txs->options.stats->transactions, g_hash_table_size(txs->servers) + g_hash_table_size(txs->clients));
}

static bool full(const SgTxs *txs)
{
    return g_hash_table_size(txs->servers) + g_hash_table_size(txs->clients) >= txs->options.max;
}

static void server_free(gpointer data)
{
    SgServerTx *tx = data;

    sg_timer_stop(tx->txs->options.loop, &tx->retransmit);
    sg_timer_stop(tx->txs->options.loop, &tx->end);
    mem_deref(tx->msg);
    g_free(tx->response);
    g_free(tx->key);
    g_free(tx);
}

static void client_free(gpointer data)
{
    SgClientTx *tx = data;

    sg_timer_stop(tx->txs->options.loop, &tx->retransmit);
    sg_timer_stop(tx->txs->options.loop, &tx->end);
    g_free(tx->key);
    g_free(tx->branch);
    g_free(tx->method);
    g_free(tx->uri);
    g_free(tx->routes);
    g_free(tx->from);
    g_free(tx->to);
    g_free(tx->call_id);
    g_free(tx->data);
    g_free(tx);
}

SgTxs *sg_txs_new(const SgTxsOptions *options)
{
    SgTxs *txs = g_new0(SgTxs, 1);

    txs->options = *options;
    txs->servers = g_hash_table_new_full(sg_str_hash, g_str_equal, NULL, server_free);
    txs->clients = g_hash_table_new_full(sg_str_hash, g_str_equal, NULL, client_free);
    txs->scratch = g_string_sized_new(2048);
    txs->tag_key = md_hash_key_random();
    txs->branch_key = md_hash_key_random();
    return txs;
}

void sg_txs_free(SgTxs *txs)
{
    GHashTableIter iter;
    gpointer value;

    if (!txs)
        return;
    g_hash_table_iter_init(&iter, txs->clients);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        SgClientTx *tx = value;

        if (tx->fn) /* it may hold something that must be freed */
            tx->fn(tx, NULL, 503, &tx->flow, tx->user);
    }
    g_hash_table_unref(txs->servers);
    g_hash_table_unref(txs->clients);
    g_string_free(txs->scratch, TRUE);
    g_free(txs);
}

void sg_txs_host_port(const SgTxs *txs, const SgFlow *flow, char *out, size_t size)
{
    struct sa local = flow->local;
    uint16_t port = sg_transport_port(txs->options.transport, flow->kind, sa_af(&local));

    /* a connection we opened has a port of its own, but nobody can call us there */
    if (flow->kind != SG_UDP && port)
        sa_set_port(&local, port);
    if (txs->options.advertised_host && port)
        g_snprintf(out, size, strchr(txs->options.advertised_host, ':') ? "[%s]:%u" : "%s:%u", txs->options.advertised_host,
                   sa_port(&local));
    else
        sg_host_port(out, size, &local);
}

/* --- answers --- */

static void send_response(SgTxs *txs, const struct sip_msg *msg, const SgFlow *flow, const char *data, size_t len)
{
    SgFlow back = *flow;

    if (msg)
        sg_response_address(&back.remote, msg, flow);
    sg_transport_send(txs->options.transport, &back, NULL, data, len);
}

void sg_reply(SgTxs *txs, const struct sip_msg *msg, const SgFlow *flow, int code, const char *reason, const char *extra)
{
    char tag[17];
    uint64_t hash = md_hash(txs->tag_key, msg->callid.p, msg->callid.l);

    hash ^= msg->from.tag.l ? md_hash(txs->tag_key, msg->from.tag.p, msg->from.tag.l) * 31 : 0;
    g_snprintf(tag, sizeof(tag), "%016" PRIx64, hash);
    g_string_truncate(txs->scratch, 0);
    sg_write_response(txs->scratch, msg, flow, code, reason, tag, extra, NULL, NULL);
    send_response(txs, msg, flow, txs->scratch->str, txs->scratch->len);
}

/* --- server transactions --- */

static char *server_key(const struct sip_msg *msg, const char *method)
{
    static const char cookie[] = "z9hG4bK";
    const struct pl *branch = &msg->via.branch;

    if (branch->l > 7 && memcmp(branch->p, cookie, 7) == 0)
        return g_strdup_printf("%.*s %.*s %s", SG_PL(*branch), SG_PL(msg->via.sentby), method);
    /* an RFC 2543 device */
    return g_strdup_printf("%.*s %.*s %u %.*s %s", SG_PL(msg->callid), SG_PL(msg->from.tag), msg->cseq.num, SG_PL(msg->via.sentby), method);
}

static void server_end(void *data)
{
    SgServerTx *tx = data;
    SgTxs *txs = tx->txs;
    void (*on_unacked)(void *user) = tx->on_unacked;

    tx->on_unacked = NULL;
    if (on_unacked)
        on_unacked(tx->unacked_user);
    g_hash_table_remove(txs->servers, tx->key);
    count(txs);
}

SgServerTx *sg_server_tx_new(SgTxs *txs, const struct sip_msg *msg, const SgFlow *flow, void (*on_cancel)(SgServerTx *tx, void *user),
                             void *user)
{
    SgServerTx *tx;
    char method[33];

    if (full(txs)) {
        sg_reply(txs, msg, flow, 503, NULL, "Retry-After: 10\r\n");
        return NULL;
    }
    g_snprintf(method, sizeof(method), "%.*s", SG_PL(msg->met));
    tx = g_new0(SgServerTx, 1);
    tx->txs = txs;
    tx->key = server_key(msg, method);
    tx->msg = mem_ref((void *)msg);
    tx->flow = *flow;
    sg_response_address(&tx->flow.remote, msg, flow);
    tx->invite = strcmp(method, "INVITE") == 0;
    tx->on_cancel = on_cancel;
    tx->user = user;
    sg_random_hex(tx->tag, 8);
    g_hash_table_insert(txs->servers, tx->key, tx);
    count(txs);
    return tx;
}

const struct sip_msg *sg_server_tx_msg(const SgServerTx *tx)
{
    return tx->msg;
}

const SgFlow *sg_server_tx_flow(const SgServerTx *tx)
{
    return &tx->flow;
}

void sg_server_tx_set_tag(SgServerTx *tx, const char *tag)
{
    g_strlcpy(tx->tag, tag, sizeof(tx->tag));
}

void sg_server_tx_resend(SgServerTx *tx)
{
    if (tx->response)
        sg_transport_send(tx->txs->options.transport, &tx->flow, NULL, tx->response, tx->response_len);
}

static void server_retransmit(void *data)
{
    SgServerTx *tx = data;

    sg_server_tx_resend(tx);
    tx->interval_us = MIN(tx->interval_us * 2, SG_T2_US);
    sg_timer_start(tx->txs->options.loop, &tx->retransmit, tx->interval_us, server_retransmit, tx);
}

static void server_finish(SgServerTx *tx, int code)
{
    SgLoop *loop = tx->txs->options.loop;
    bool datagram = tx->flow.kind == SG_UDP;

    tx->on_cancel = NULL;
    tx->user = NULL;
    tx->msg = mem_deref(tx->msg);
    if (tx->invite && code < 300) {
        tx->state = ACCEPTED; /* swallows repeated INVITEs */
        if (tx->on_unacked) {
            tx->interval_us = SG_T1_US;
            sg_timer_start(loop, &tx->retransmit, SG_T1_US, server_retransmit, tx);
        }
        sg_timer_start(loop, &tx->end, SG_64T1_US, server_end, tx);
        return;
    }
    tx->state = COMPLETED;
    if (tx->invite && datagram) {
        tx->interval_us = SG_T1_US;
        sg_timer_start(loop, &tx->retransmit, SG_T1_US, server_retransmit, tx);
    }
    sg_timer_start(loop, &tx->end, tx->invite || datagram ? SG_64T1_US : 0, server_end, tx);
}

void sg_server_tx_reply(SgServerTx *tx, int code, const char *reason, const char *extra, const char *content_type, const char *body)
{
    GString *out = g_string_sized_new(1024);

    if (!tx->msg) { /* answered already */
        g_string_free(out, TRUE);
        return;
    }
    sg_write_response(out, tx->msg, &tx->flow, code, reason, code > 100 ? tx->tag : NULL, extra, content_type, body);
    g_free(tx->response);
    tx->response_len = out->len;
    tx->response = g_string_free(out, FALSE);
    tx->state = PROCEEDING;
    sg_server_tx_resend(tx);
    if (code >= 200)
        server_finish(tx, code);
}

void sg_server_tx_watch_ack(SgServerTx *tx, void (*on_unacked)(void *user), void *user)
{
    tx->on_unacked = on_unacked;
    tx->unacked_user = user;
}

void sg_server_tx_confirm(SgServerTx *tx)
{
    tx->on_unacked = NULL;
    sg_timer_stop(tx->txs->options.loop, &tx->retransmit);
}

static void server_again(SgServerTx *tx)
{
    if (tx->state != CONFIRMED && tx->state != ACCEPTED)
        sg_server_tx_resend(tx);
}

static bool server_ack(SgTxs *txs, const struct sip_msg *msg)
{
    char *key = server_key(msg, "INVITE");
    SgServerTx *tx = g_hash_table_lookup(txs->servers, key);

    g_free(key);
    if (!tx || tx->state == ACCEPTED)
        return false;
    if (tx->state == COMPLETED) {
        tx->state = CONFIRMED;
        sg_timer_stop(txs->options.loop, &tx->retransmit);
        sg_timer_start(txs->options.loop, &tx->end, tx->flow.kind == SG_UDP ? SG_T4_US : 0, server_end, tx);
    }
    return true;
}

static void server_cancel(SgTxs *txs, const struct sip_msg *msg, const SgFlow *flow)
{
    char *key = server_key(msg, "INVITE");
    SgServerTx *tx = g_hash_table_lookup(txs->servers, key);

    g_free(key);
    if (!tx) {
        sg_reply(txs, msg, flow, 481, NULL, NULL);
        return;
    }
    sg_reply(txs, msg, flow, 200, NULL, NULL);
    if (tx->msg && tx->on_cancel)
        tx->on_cancel(tx, tx->user);
}

static void on_request(SgTxs *txs, const struct sip_msg *msg, const SgFlow *flow)
{
    SgServerTx *tx = NULL;
    char method[33], *key;

    if (pl_strcmp(&msg->met, "ACK") == 0) {
        if (!server_ack(txs, msg))
            txs->options.on_request(msg, flow, txs->options.user);
        return;
    }
    if (pl_strcmp(&msg->met, "CANCEL") == 0) {
        server_cancel(txs, msg, flow);
        return;
    }
    if (pl_strcmp(&msg->met, "REGISTER") != 0) { /* those are answered without a transaction */
        g_snprintf(method, sizeof(method), "%.*s", SG_PL(msg->met));
        key = server_key(msg, method);
        tx = g_hash_table_lookup(txs->servers, key);
        g_free(key);
    }
    if (tx)
        server_again(tx);
    else
        txs->options.on_request(msg, flow, txs->options.user);
}

/* --- client transactions --- */

static void client_end(void *data)
{
    SgClientTx *tx = data;
    SgTxs *txs = tx->txs;

    if (tx->state == ACCEPTED && tx->fn)
        tx->fn(tx, NULL, 0, &tx->flow, tx->user);
    g_hash_table_remove(txs->clients, tx->key);
    count(txs);
}

/* No answer will come. */
static void client_fail(SgClientTx *tx, int code)
{
    SgResponseFn fn = tx->fn;
    void *user = tx->user;

    tx->fn = NULL;
    if (fn)
        fn(tx, NULL, code, &tx->flow, user);
    client_end(tx);
}

static void client_timeout(void *data)
{
    client_fail(data, 408);
}

static void client_broken(void *data)
{
    client_fail(data, 503);
}

static void client_retransmit(void *data)
{
    SgClientTx *tx = data;

    sg_transport_send(tx->txs->options.transport, &tx->flow, NULL, tx->data, tx->len);
    tx->interval_us *= 2;
    if (!tx->invite)
        tx->interval_us = tx->state == PROCEEDING ? SG_T2_US : MIN(tx->interval_us, SG_T2_US);
    sg_timer_start(tx->txs->options.loop, &tx->retransmit, tx->interval_us, client_retransmit, tx);
}

static char *write_request(SgTxs *txs, const SgRequest *request, const SgFlow *flow, const char *branch, size_t *ret_len)
{
    GString *out = g_string_sized_new(1024);
    char via[300];

    sg_txs_host_port(txs, flow, via, sizeof(via));
    sg_write_request(out, request, flow->kind, via, branch);
    *ret_len = out->len;
    return g_string_free(out, FALSE);
}

static SgClientTx *client_start(SgTxs *txs, const SgRequest *request, SgFlow *flow, const char *verify_host, const char *branch,
                                SgResponseFn fn, void *user)
{
    SgClientTx *tx = g_new0(SgClientTx, 1);
    int err;

    tx->txs = txs;
    tx->branch = g_strdup(branch);
    tx->method = g_strdup(request->method);
    tx->key = g_strdup_printf("%s %s", branch, request->method);
    tx->invite = strcmp(request->method, "INVITE") == 0;
    tx->fn = fn;
    tx->user = user;
    tx->data = write_request(txs, request, flow, branch, &tx->len);
    if (tx->invite) {
        tx->uri = g_strdup(request->uri);
        tx->routes = g_strdup(request->routes);
        tx->from = g_strdup(request->from);
        tx->to = g_strdup(request->to);
        tx->call_id = g_strdup(request->call_id);
        tx->cseq = request->cseq;
    }
    g_hash_table_insert(txs->clients, tx->key, tx);
    count(txs);
    err = sg_transport_send(txs->options.transport, flow, verify_host, tx->data, tx->len);
    tx->flow = *flow;
    if (err < 0 && err != -EAGAIN && err != -ENOBUFS) { /* a full socket buffer is a lost datagram */
        sg_timer_start(txs->options.loop, &tx->end, 0, client_broken, tx);
        return tx;
    }
    tx->interval_us = SG_T1_US;
    if (flow->kind == SG_UDP)
        sg_timer_start(txs->options.loop, &tx->retransmit, SG_T1_US, client_retransmit, tx);
    sg_timer_start(txs->options.loop, &tx->end, SG_64T1_US, client_timeout, tx);
    return tx;
}

/* Answers are matched by the branch: one who has seen some of our requests must not be able to name the branch of another. */
static void make_branch(SgTxs *txs, char out[64])
{
    uint64_t number = txs->next_branch++;

    g_snprintf(out, 64, "z9hG4bK%016" PRIx64 "%" PRIx64, md_hash(txs->branch_key, &number, sizeof(number)), number);
}

SgClientTx *sg_client_tx_new(SgTxs *txs, const SgRequest *request, SgFlow *flow, const char *verify_host, SgResponseFn fn, void *user)
{
    char branch[64];

    if (full(txs))
        return NULL;
    make_branch(txs, branch);
    return client_start(txs, request, flow, verify_host, branch, fn, user);
}

int sg_send_once(SgTxs *txs, const SgRequest *request, SgFlow *flow)
{
    char branch[64], *data;
    size_t len;
    int err;

    make_branch(txs, branch);
    data = write_request(txs, request, flow, branch, &len);
    err = sg_transport_send(txs->options.transport, flow, NULL, data, len);
    g_free(data);
    return err;
}

static void send_cancel(SgClientTx *tx)
{
    SgRequest request = {.method = "CANCEL", .uri = tx->uri, .routes = tx->routes, .from = tx->from, .to = tx->to,
                         .call_id = tx->call_id, .cseq = tx->cseq};

    if (tx->cancel_sent)
        return;
    tx->cancel_sent = true;
    client_start(tx->txs, &request, &tx->flow, NULL, tx->branch, NULL, NULL);
    /* RFC 3261 9.1: the peer may never answer the INVITE */
    sg_timer_start(tx->txs->options.loop, &tx->end, SG_64T1_US, client_timeout, tx);
}

void sg_client_tx_cancel(SgClientTx *tx)
{
    tx->cancelled = true;
    if (tx->state == PROCEEDING)
        send_cancel(tx);
}

void sg_client_tx_drop(SgClientTx *tx)
{
    tx->fn = NULL;
    tx->user = NULL;
    if (tx->invite && (tx->state == TRYING || tx->state == PROCEEDING))
        sg_client_tx_cancel(tx); /* it would wait for ever for somebody to answer */
}

static void ack_failure(SgClientTx *tx, const struct sip_msg *msg)
{
    char *to = sg_pl_dup(&msg->to.val);
    SgRequest request = {.method = "ACK", .uri = tx->uri, .routes = tx->routes, .from = tx->from, .to = to,
                         .call_id = tx->call_id, .cseq = tx->cseq};
    size_t len;
    char *data = write_request(tx->txs, &request, &tx->flow, tx->branch, &len);

    sg_transport_send(tx->txs->options.transport, &tx->flow, NULL, data, len);
    g_free(data);
    g_free(to);
}

static void client_final(SgClientTx *tx, const struct sip_msg *msg, const SgFlow *flow)
{
    SgLoop *loop = tx->txs->options.loop;
    SgResponseFn fn = tx->fn;
    void *user = tx->user;
    int64_t wait = tx->flow.kind != SG_UDP ? 0 : tx->invite ? SG_64T1_US : SG_T4_US;

    sg_timer_stop(loop, &tx->retransmit);
    if (tx->invite && msg->scode < 300) {
        if (tx->state != ACCEPTED)
            sg_timer_start(loop, &tx->end, SG_64T1_US, client_end, tx);
        tx->state = ACCEPTED;
    } else {
        if (tx->invite)
            ack_failure(tx, msg);
        tx->state = COMPLETED;
        tx->fn = NULL;
        sg_timer_start(loop, &tx->end, wait, client_end, tx);
    }
    if (fn)
        fn(tx, msg, msg->scode, flow, user);
}

static void on_response(SgTxs *txs, const struct sip_msg *msg, const SgFlow *flow)
{
    char *key = g_strdup_printf("%.*s %.*s", SG_PL(msg->via.branch), SG_PL(msg->cseq.met));
    SgClientTx *tx = g_hash_table_lookup(txs->clients, key);

    g_free(key);
    if (!tx || msg->scode < 100 || msg->scode > 699)
        return;
    if (tx->state == COMPLETED) {
        if (tx->invite && msg->scode >= 300)
            ack_failure(tx, msg);
        return;
    }
    if (tx->state == ACCEPTED && (msg->scode < 200 || msg->scode >= 300))
        return;
    if (msg->scode >= 200) {
        client_final(tx, msg, flow);
        return;
    }
    if (tx->state == TRYING) {
        tx->state = PROCEEDING;
        if (tx->invite) { /* from here on the session's ring time decides */
            sg_timer_stop(txs->options.loop, &tx->retransmit);
            sg_timer_stop(txs->options.loop, &tx->end);
        }
    }
    if (tx->cancelled)
        send_cancel(tx);
    if (tx->fn)
        tx->fn(tx, msg, msg->scode, flow, tx->user);
}

unsigned sg_txs_waiting(const SgTxs *txs, const char *method)
{
    GHashTableIter iter;
    unsigned waiting = 0;
    gpointer value;

    g_hash_table_iter_init(&iter, txs->clients);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const SgClientTx *tx = value;

        waiting += (tx->state == TRYING || tx->state == PROCEEDING) && strcmp(tx->method, method) == 0;
    }
    return waiting;
}

void sg_txs_message(SgTxs *txs, const struct sip_msg *msg, const SgFlow *flow)
{
    if (msg->req)
        on_request(txs, msg, flow);
    else
        on_response(txs, msg, flow);
}

void sg_txs_conn_closed(SgTxs *txs, uint64_t conn)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, txs->clients);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        SgClientTx *tx = value;

        /* the callback may start others: let the timer do it */
        if (tx->flow.conn == conn && (tx->state == TRYING || tx->state == PROCEEDING))
            sg_timer_start(txs->options.loop, &tx->end, 0, client_broken, tx);
    }
}
