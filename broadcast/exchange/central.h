/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/exchange/journal.h"
#include "broadcast/exchange/tables.h"

/* The link to the central system (or another one above): what the journal holds goes up, what comes down is made durable, dealt with and
 * confirmed. What the messages are called stands in the tables, how they travel is behind BcExchangeOps. Control thread. */
typedef struct BcCentral BcCentral;
#define BC_EX_CENTRAL "central"

typedef struct BcExCall {        /* strings borrowed during the call of call */
    const char *method;          /* "POST", "GET" */
    const char *path;            /* "/api/login" */
    const char *token;           /* bearer, NULL none */
    const char *id;              /* of the message, NULL none */
    const char *id_header;
    const char *body;            /* JSON, NULL none */
    bool secret;                 /* the body is never logged */
} BcExCall;
/* Once: the HTTP status and the body, or why there was none (status 0). */
typedef void (*BcExAnswerFn)(unsigned status, const char *body, gsize len, const GError *error, void *done_user);
typedef struct BcExchangeOps {
    void (*call)(const BcExCall *call, BcExAnswerFn done, void *done_user, void *user);
    void *user;
} BcExchangeOps;

/* What to do with what comes down; ours: names of the tables (object "bulletin", "stop", "command"). done exactly once: NULL dealt with;
 * BC_ERROR_FAILED and errors of the store: not now, it is tried again for an hour; other errors: never. */
typedef void (*BcExDealtFn)(const GError *error, void *done_user);
typedef struct BcCentralActions {
    void (*take)(const char *object, JsonObject *ours, BcExDealtFn done, void *done_user, void *user);
    void *user;
} BcCentralActions;

typedef struct BcCentralOptions { /* strings are copied */
    BcExJournal *journal;        /* borrowed, must outlive it; its listener is taken */
    BcTimers *timers;
    BcExTables *tables;          /* referenced */
    BcExchangeOps ops;
    BcCentralActions actions;
    char *(*credentials)(char **ret_username, void *user); /* password, both g_free; NULL: there are none, no log-in */
    void *credentials_user;
    unsigned parallel;           /* messages on their way at once: 4 */
    unsigned poll_s;             /* asks for bulletins so often, 0: never */
    uint32_t seed;
    const MdLogger *logger;
} BcCentralOptions;

BcCentral *bc_central_new(const BcCentralOptions *options, GError **error);
void bc_central_free(BcCentral *central);
void bc_central_set_tables(BcCentral *central, BcExTables *tables);

/* A message that came by push or poll, as it is on the wire; object: "bulletin", "stop", "command". id: the sender's, NULL: what it says
 * decides whether it is new. done (may be NULL) when it is durable: then it may be acknowledged. */
typedef void (*BcCentralTakenFn)(const char *id, bool duplicate, const GError *error, void *user);
void bc_central_take(BcCentral *central, const char *object, const char *id, const char *text, gsize len, BcCentralTakenFn done, void *user);
/* Deals with a kept one again (an operator's replay). */
void bc_central_retake(BcCentral *central, const char *id);

typedef struct BcCentralStats {
    bool logged_in;
    const char *fault;           /* the last one; NULL: none since the last success. Valid until control returns to the main loop */
    int64_t last_ok_us;          /* wall */
    uint64_t calls, log_ins;
} BcCentralStats;
void bc_central_stats(const BcCentral *central, BcCentralStats *ret);
unsigned bc_central_pending(const BcCentral *central);
