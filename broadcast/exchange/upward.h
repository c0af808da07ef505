/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/broadcast.h"
#include "broadcast/exchange/journal.h"
#include "broadcast/exchange/tables.h"

/* What the province tells the system above it: its devices, how they are, what is planned and cancelled, what was played, the day's
 * figures. Watches broadcast and puts messages into the journal; what was told and what not is remembered there, over restarts. Control
 * thread. */
typedef struct BcUpward BcUpward;

#define BC_EX_BATCH_MAX 500u

typedef struct BcUpwardOptions { /* strings are copied */
    BcBroadcast *broadcast;
    BcExJournal *journal;
    MdStore *store;
    BcExTables *tables;
    const char *area;            /* the province's code: NULL: the first root */
    const char *media_base;      /* before the id of a recording in messages; NULL: the id alone */
    unsigned status_s;           /* 60; 0: no statuses */
    unsigned batch;              /* devices or plays in one message, 1..BC_EX_BATCH_MAX; 1: the plain object, without a list around it */
    bool (*online)(const char *device, void *user);
    /* Adds what is known of a recording's bulletin to a play or an item: bulletin, kind, subject, summary, author. May be NULL. */
    void (*bulletin)(const char *content, JsonObject *ours, void *user);
    /* Adds measured values to a status: version, temperature, connection, playing. May be NULL. */
    void (*status)(const char *device, JsonObject *ours, void *user);
    void *user;
    const MdLogger *logger;
} BcUpwardOptions;

BcUpward *bc_upward_new(const BcUpwardOptions *options, GError **error);
void bc_upward_free(BcUpward *upward);
void bc_upward_set_tables(BcUpward *upward, BcExTables *tables);
/* Fills in source, dest, device, name, vendor of a device. */
void bc_upward_device(const BcUpward *upward, const BcDevice *device, JsonObject *ours);
/* A schedule's programme for the days from from_us on, as "schedule" with our names; NULL: it plays nothing there. For vendors, too. */
JsonObject *bc_upward_schedule(const BcUpward *upward, const BcSchedule *schedule, int64_t from_us, int64_t to_us);
unsigned bc_upward_pending(const BcUpward *upward);
