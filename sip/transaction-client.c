/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Client transactions (RFC 3261 17.1, 6026): a request is repeated until it is answered, or nobody answers. */
#include "sip/transaction-private.h"

struct SgClientTx {
    SgTxs *txs;
    char *key, *branch, *method;
    char *uri, *routes, *from, *to, *call_id; /* INVITE only: for CANCEL and ACK */
    uint32_t cseq;
    SgFlow flow;
    bool invite, cancelled, cancel_sent;
    SgTxState state;
    char *data;
    size_t len;
    int64_t interval_us;
    int fail_code;
    SgTimer retransmit, end;
    SgResponseFn fn;
    void *user;
};

void sg_client_tx_free(gpointer data)
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

static void client_end(void *data)
{
    SgClientTx *tx = data;
    SgTxs *txs = tx->txs;

    if (tx->state == ACCEPTED && tx->fn)
        tx->fn(tx, NULL, 0, &tx->flow, tx->user);
    g_hash_table_remove(txs->clients, tx->key);
    sg_txs_count(txs);
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
    sg_txs_count(txs);
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

    if (sg_txs_full(txs))
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

void sg_client_response(SgTxs *txs, const struct sip_msg *msg, const SgFlow *flow)
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

void sg_client_txs_abandon(SgTxs *txs)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, txs->clients);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        SgClientTx *tx = value;

        if (tx->fn) /* it may hold something that must be freed */
            tx->fn(tx, NULL, 503, &tx->flow, tx->user);
    }
}
