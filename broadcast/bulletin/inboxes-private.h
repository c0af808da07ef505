/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/bulletin/inboxes.h"
#include "broadcast/bulletin/private.h"

/* Inside this folder only. */
struct BcInboxes { /* g_rc_box: pending writes hold it */
    BcBulletins *bulletins;
    BcBroadcast *broadcast;
    MdStore *store;
    BcInboxesOptions o;
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
BcInboxItem *bc_inboxes_copy(const BcInboxItem *from);
void bc_inboxes_item_free(gpointer item);
bool bc_inboxes_load(BcInboxes *inbox, GError **error);
/* Writes after (taken) over what is there, then tells event (static; NULL nothing) and done. */
void bc_inboxes_write(BcInboxes *inbox, BcInboxItem *after, const char *event, BcDoneFn done, void *user);
/* Removes it for good. */
void bc_inboxes_remove(BcInboxes *inbox, const BcInboxItem *item);
void bc_inboxes_unref(gpointer inbox);
void bc_inboxes_set(const char **slot, const char *text);

/* deliver.c: by themselves */
void bc_inboxes_start(BcInboxes *inbox);
void bc_inboxes_stop(BcInboxes *inbox);
void bc_inboxes_look_soon(BcInboxes *inbox);
/* What a decision means for the timetable; may be done again. */
void bc_inboxes_effect(BcInboxes *inbox, const BcInboxItem *item);
int64_t bc_inboxes_length_us(BcInboxes *inbox, const BcInboxItem *item);
/* Times of both when that one goes first. */
void bc_inboxes_order(BcInboxes *inbox, const BcInboxItem *item, bool above_first, int64_t *ret_above_us, int64_t *ret_own_us);
char *bc_inboxes_local(BcInboxes *inbox, int64_t wall_us);

/* clash.c */
/* The commune's own priority item that would sound during [at, at + length); NULL none. */
const BcSchedule *bc_inboxes_clash(BcInboxes *inbox, const BcInboxItem *item, int64_t at_us, int64_t length_us, int64_t *ret_other_at_us);
/* Where a priority item goes that asks for no time, or for one that is over. */
int64_t bc_inboxes_place(BcInboxes *inbox, const BcInboxItem *item, int64_t asked_us);
/* The same, behind those from above that go before it: of a higher authority, or as high and newer, or about to sound. */
int64_t bc_inboxes_queue(BcInboxes *inbox, const BcInboxItem *item, int64_t at_us);
int64_t bc_inboxes_schedule_length_us(BcInboxes *inbox, const BcSchedule *schedule);
