/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "sip/transport.h"

/* Transactions (RFC 3261 17 with RFC 6026), bounded in number. SIP thread. */
typedef struct SgTxs SgTxs;
typedef struct SgServerTx SgServerTx;
typedef struct SgClientTx SgClientTx;

#define SG_T1_US 500000
#define SG_T2_US 4000000
#define SG_T4_US 5000000
#define SG_64T1_US (64 * SG_T1_US)

typedef struct SgTxsOptions {
    SgLoop *loop;
    SgTransport *transport;
    SgStats *stats;
    unsigned max;                /* transactions in memory */
    const char *advertised_host; /* for Via, NULL: the local address; borrowed */
    /* A request that belongs to no transaction yet; also ACKs of 2xx. */
    void (*on_request)(const struct sip_msg *msg, const SgFlow *flow, void *user);
    void *user;
} SgTxsOptions;

SgTxs *sg_txs_new(const SgTxsOptions *options);
void sg_txs_free(SgTxs *txs);
/* Requests of ours with that method that wait for their final answer. */
unsigned sg_txs_waiting(const SgTxs *txs, const char *method);
void sg_txs_message(SgTxs *txs, const struct sip_msg *msg, const SgFlow *flow);
void sg_txs_conn_closed(SgTxs *txs, uint64_t conn);
/* Our host:port for Via and Contact on this flow. */
void sg_txs_host_port(const SgTxs *txs, const SgFlow *flow, char *out, size_t size);

/* An answer without a transaction: nothing is kept. The To tag depends on the request only. extra: header lines. */
void sg_reply(SgTxs *txs, const struct sip_msg *msg, const SgFlow *flow, int code, const char *reason, const char *extra);

/* on_cancel may be NULL. NULL: too many; already answered 503. */
SgServerTx *sg_server_tx_new(SgTxs *txs, const struct sip_msg *msg, const SgFlow *flow, void (*on_cancel)(SgServerTx *tx, void *user),
                             void *user);
/* Valid until the final reply. */
const struct sip_msg *sg_server_tx_msg(const SgServerTx *tx);
const SgFlow *sg_server_tx_flow(const SgServerTx *tx);
/* Tag put into To when the request had none. Set before the first reply; default random. */
void sg_server_tx_set_tag(SgServerTx *tx, const char *tag);
/* After a final reply the transaction is on its own: forget the pointer. */
void sg_server_tx_reply(SgServerTx *tx, int code, const char *reason, const char *extra, const char *content_type, const char *body);

/* The last answer again (a reliable provisional one whose PRACK is missing). */
void sg_server_tx_resend(SgServerTx *tx);
/* INVITE, before its 2xx: the transaction then repeats the 2xx and stays valid until sg_server_tx_confirm (the ACK came, or nobody cares
 * any more) or until on_unacked has run. */
void sg_server_tx_watch_ack(SgServerTx *tx, void (*on_unacked)(void *user), void *user);
void sg_server_tx_confirm(SgServerTx *tx);

/* msg NULL: no answer came; code is 408 (time-out) or 503 (network). After a final code the pointer is dead, except for the 2xx of an
 * INVITE, which may come again until sg_client_tx_drop, or until code 0 says that the transaction ends. */
typedef void (*SgResponseFn)(SgClientTx *tx, const struct sip_msg *msg, int code, const SgFlow *flow, void *user);
/* *flow: conn is filled in when a connection is opened. NULL: too many. fn never runs from inside. */
SgClientTx *sg_client_tx_new(SgTxs *txs, const SgRequest *request, SgFlow *flow, const char *verify_host, SgResponseFn fn, void *user);
/* INVITE: CANCEL now, or when the first provisional answer allows it. fn still reports the end (487). */
void sg_client_tx_cancel(SgClientTx *tx);
/* fn runs no more; the transaction ends by itself. */
void sg_client_tx_drop(SgClientTx *tx);
/* A request outside transactions: the ACK of a 2xx. */
int sg_send_once(SgTxs *txs, const SgRequest *request, SgFlow *flow);

/* Keyed hash for tables whose keys peers choose. */
guint sg_str_hash(gconstpointer text);
