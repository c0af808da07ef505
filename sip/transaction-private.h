/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* What the files of the transactions share: transaction.c (all of them, answers without one), transaction-server.c, transaction-client.c. Only these
 * include this header. SIP thread. */
#include "sip/transaction.h"
#include "mediad/core/hash.h"

typedef enum { TRYING, PROCEEDING, COMPLETED, CONFIRMED, ACCEPTED } SgTxState;

struct SgTxs {
    SgTxsOptions options;
    GHashTable *servers, *clients; /* key → transaction */
    uint64_t next_branch;
    GString *scratch;
    MdHashKey tag_key, branch_key;
};

/* --- transaction.c */
void sg_txs_count(SgTxs *txs); /* after there is one more or less */
bool sg_txs_full(const SgTxs *txs);

/* --- transaction-server.c */
void sg_server_tx_free(gpointer tx);
void sg_server_request(SgTxs *txs, const struct sip_msg *msg, const SgFlow *flow);

/* --- transaction-client.c */
void sg_client_tx_free(gpointer tx);
void sg_client_txs_abandon(SgTxs *txs); /* each is told that no answer will come; none is freed */
void sg_client_response(SgTxs *txs, const struct sip_msg *msg, const SgFlow *flow);
