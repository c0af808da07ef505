/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/bulletin/inbox.h"
#include "broadcast/bulletin/private.h"

/* Inside this folder only. */
struct BcInbox { /* g_rc_box: pending writes hold it */
    BcBulletins *bulletins;
    BcBroadcast *broadcast;
    MdStore *store;
    BcInboxOptions o;
    GHashTable *by_id;
    GHashTable *by_key;     /* "BULLETIN/VERSION/COMMUNE" -> item, borrowed */
    GHashTable *rules;      /* area -> BcInboxRule* */
    GHashTable *playing;    /* bulletin/version of emergencies that were handed over in this life */
    GHashTable *busy;       /* ids with a write under way */
    BcInboxEventFn on_event;
    void *event_user;
    BcTimer timer;
    unsigned pending;
    bool stopping;
};

/* row.c's like */
BcInboxItem *bc_inbox_copy(const BcInboxItem *from);
void bc_inbox_item_free(gpointer item);
bool bc_inbox_load(BcInbox *inbox, GError **error);
/* Writes after (taken) over what is there, then tells event (static; NULL nothing) and done. */
void bc_inbox_write(BcInbox *inbox, BcInboxItem *after, const char *event, BcDoneFn done, void *user);
void bc_inbox_unref(gpointer inbox);
void bc_inbox_set(const char **slot, const char *text);

/* deliver.c: by themselves */
void bc_inbox_start(BcInbox *inbox);
void bc_inbox_stop(BcInbox *inbox);
void bc_inbox_look_soon(BcInbox *inbox);
/* What a decision means for the timetable; may be done again. */
void bc_inbox_effect(BcInbox *inbox, const BcInboxItem *item);
int64_t bc_inbox_length_us(BcInbox *inbox, const BcInboxItem *item);
/* Times of both when that one goes first. */
void bc_inbox_order(BcInbox *inbox, const BcInboxItem *item, bool above_first, int64_t *ret_above_us, int64_t *ret_own_us);
char *bc_inbox_local(BcInbox *inbox, int64_t wall_us);

/* clash.c */
/* The commune's own priority item that would sound during [at, at + length); NULL none. */
const BcSchedule *bc_inbox_clash(BcInbox *inbox, const BcInboxItem *item, int64_t at_us, int64_t length_us, int64_t *ret_other_at_us);
/* Where a priority item goes that asks for no time, or for one that is over. */
int64_t bc_inbox_place(BcInbox *inbox, const BcInboxItem *item, int64_t asked_us);
int64_t bc_inbox_schedule_length_us(BcInbox *inbox, const BcSchedule *schedule);
