/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All transactions of a stack: what they share, answers that need none, and which of them a message belongs to. */
#include "sip/transaction-private.h"

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

void sg_txs_count(SgTxs *txs)
{
    md_stat_set(&txs->options.stats->transactions, g_hash_table_size(txs->servers) + g_hash_table_size(txs->clients));
}

bool sg_txs_full(const SgTxs *txs)
{
    return g_hash_table_size(txs->servers) + g_hash_table_size(txs->clients) >= txs->options.max;
}

SgTxs *sg_txs_new(const SgTxsOptions *options)
{
    SgTxs *txs = g_new0(SgTxs, 1);

    txs->options = *options;
    txs->servers = g_hash_table_new_full(sg_str_hash, g_str_equal, NULL, sg_server_tx_free);
    txs->clients = g_hash_table_new_full(sg_str_hash, g_str_equal, NULL, sg_client_tx_free);
    txs->scratch = g_string_sized_new(2048);
    txs->tag_key = md_hash_key_random();
    txs->branch_key = md_hash_key_random();
    return txs;
}

void sg_txs_free(SgTxs *txs)
{
    if (!txs)
        return;
    sg_client_txs_abandon(txs);
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

void sg_txs_message(SgTxs *txs, const struct sip_msg *msg, const SgFlow *flow)
{
    if (msg->req)
        sg_server_request(txs, msg, flow);
    else
        sg_client_response(txs, msg, flow);
}
