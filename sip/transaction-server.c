/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Server transactions (RFC 3261 17.2, 6026): a request that was repeated gets the answer it got before. */
#include "sip/transaction-private.h"

struct SgServerTx {
    SgTxs *txs;
    char *key;
    struct sip_msg *msg; /* until the final reply */
    SgFlow flow;
    bool invite;
    SgTxState state;
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

void sg_server_tx_free(gpointer data)
{
    SgServerTx *tx = data;

    sg_timer_stop(tx->txs->options.loop, &tx->retransmit);
    sg_timer_stop(tx->txs->options.loop, &tx->end);
    mem_deref(tx->msg);
    g_free(tx->response);
    g_free(tx->key);
    g_free(tx);
}

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
    sg_txs_count(txs);
}

SgServerTx *sg_server_tx_new(SgTxs *txs, const struct sip_msg *msg, const SgFlow *flow, void (*on_cancel)(SgServerTx *tx, void *user),
                             void *user)
{
    SgServerTx *tx;
    char method[33];

    if (sg_txs_full(txs)) {
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
    sg_txs_count(txs);
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

void sg_server_request(SgTxs *txs, const struct sip_msg *msg, const SgFlow *flow)
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
