/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* What the files of upward share: upward.c (what is told when), upward-message.c (how), upward-devices.c, upward-plays.c, upward-schedules.c,
 * upward-figures.c (what). Only these include this header. */
#include "broadcast/civil.h"
#include "broadcast/exchange/central.h"
#include "broadcast/exchange/upward.h"

#define DAY_US (86400ll * G_USEC_PER_SEC)
#define RUNS_MAX 5000u

struct BcUpward {            /* g_rc_box */
    BcUpwardOptions o;
    BcBroadcast *broadcast;
    BcExJournal *journal;
    BcExTables *tables;
    MdLogger logger;
    char *area, *media_base;
    GTimeZone *zone;
    BcTimer look, status;
    GHashTable *schedules;   /* id -> int64_t*: changed_us that was told */
    GHashTable *ended;       /* set of ids of runs to be told */
    GHashTable *late;        /* id of a run that was told -> Late */
    unsigned seen_version;
    bool schedules_seen, telling, closed;
    int64_t devices_hash;
    unsigned pending;
};

/* --- upward.c */
BcUpward *bc_upward_hold(BcUpward *u);
void bc_upward_let_go(BcUpward *u);
int64_t bc_upward_now_us(const BcUpward *u);

/* --- upward-message.c: fields, where they are not there already and there is something to say */
void bc_upward_set_text(JsonObject *ours, const char *name, const char *value);
void bc_upward_set_source(const BcUpward *u, JsonObject *ours);
void bc_upward_set_dest(const BcUpward *u, const char *code, JsonObject *ours);
void bc_upward_set_content(const BcUpward *u, const char *content, JsonObject *ours);

typedef struct Batch {
    const BcUpward *u;
    const char *one, *many, *key;  /* objects; key: of the whole */
    bool droppable;
    JsonArray *items;
    GArray *puts;                  /* BcExPut; strings in texts */
    GPtrArray *texts;
} Batch;
void bc_batch_init(Batch *b, const BcUpward *u, const char *one, const char *many, const char *key, bool droppable);
void bc_batch_add(Batch *b, JsonObject *ours /* taken */);
void bc_batch_put(Batch *b, const char *mark, int64_t value, BcDoneFn done, void *user); /* b is done with */

/* --- upward-devices.c */
void bc_upward_on_status(BcTimer *timer, void *u);
void bc_upward_tell_devices(BcUpward *u);

/* --- upward-plays.c */
void bc_upward_tell_run(BcUpward *u, const char *id, bool late);
void bc_upward_tell_missed(BcUpward *u);

/* --- upward-schedules.c */
void bc_upward_tell_schedules(BcUpward *u);

/* --- upward-figures.c */
void bc_upward_tell_figures(BcUpward *u);
