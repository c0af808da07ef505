/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/bulletin/bulletin.h"

/* What a commune gets from above (Circular 39/2020): a normal bulletin waits until the commune chooses its time; a priority one is placed
 * first, and where it meets the commune's own priority item the commune decides the order within a time, else the one from above goes
 * first; an emergency is played at once and asks nobody. Whole in memory, every change durable before it shows; what a former life
 * began is done to its end. Control thread. */
typedef struct BcInboxes BcInboxes;

typedef enum BcInboxState {
    BC_INBOX_WAITING,    /* normal: the commune has not chosen */
    BC_INBOX_ACCEPTED,   /* it has a time */
    BC_INBOX_DECLINED,
    BC_INBOX_CONFLICT,   /* priority: it meets an item of the commune, who decides before deadline_us */
    BC_INBOX_PLACED,     /* priority: it has a time */
    BC_INBOX_DUE,        /* emergency: about to be played */
    BC_INBOX_PLAYED, BC_INBOX_MISSED, BC_INBOX_EXPIRED, BC_INBOX_WITHDRAWN,
    BC_INBOX_STATE_MAX } BcInboxState;
const char *bc_inboxes_state_to_string(BcInboxState state);

typedef struct BcInboxItem {      /* strings owned by the inbox, valid until control returns to the main loop */
    const char *id;
    const char *bulletin;
    int64_t version;              /* that was delivered */
    const char *area;             /* the commune */
    const char *const *areas;     /* where it is played: the commune, or its villages that were asked */
    BcPriority priority;
    BcInboxState state;
    int64_t at_us;                /* wall: when it sounds, 0 not known */
    const char *schedule;         /* id of the schedule made for it, NULL none */
    const char *other;            /* conflict: the commune's own schedule, NULL none */
    int64_t other_at_us;          /* its occurrence */
    int64_t received_us, deadline_us, remind_us; /* wall; 0 none */
    int64_t seen_us;
    const char *seen_by;
    int64_t decided_us;
    const char *decided_by;       /* NULL: nobody, by default or not yet */
    const char *choice;           /* "above", "own", "accepted", "declined", NULL none */
    bool by_default;
    const char *reason;
} BcInboxItem;

typedef struct BcInboxesOptions {
    unsigned decide_s;            /* time to decide a conflict, 0: 1800 */
    unsigned remind_s;            /* what waits is told again after, 0: 14400 */
    unsigned keep_days;           /* what is dealt with, once its bulletin cannot come again; 0: 365 */
} BcInboxesOptions;

#define BC_INBOX_MAX 200000u

BcInboxes *bc_inboxes_new(BcBulletins *bulletins, MdStore *store, const BcInboxesOptions *options, GError **error);
void bc_inboxes_free(BcInboxes *inbox); /* before bulletins */

const BcInboxItem *bc_inboxes_find(const BcInboxes *inbox, const char *id);
/* Of communes within area (NULL, "": all), newest first; unref. */
GPtrArray *bc_inboxes_list(const BcInboxes *inbox, const char *area);

/* Normal: plays at start_local (in broadcast's zone), in this commune only. */
void bc_inboxes_accept(BcInboxes *inbox, const char *id, const char *start_local, const BcWho *who, BcDoneFn done, void *user);
void bc_inboxes_decline(BcInboxes *inbox, const char *id, const char *reason, const BcWho *who, BcDoneFn done, void *user);
/* Conflict: which goes first. The other follows it. */
void bc_inboxes_decide(BcInboxes *inbox, const char *id, bool above_first, const BcWho *who, BcDoneFn done, void *user);
void bc_inboxes_seen(BcInboxes *inbox, const char *id, const BcWho *who, BcDoneFn done, void *user);

/* Of the nearest area above that has a rule, else the settings. */
typedef struct BcInboxRule {
    unsigned decide_s;            /* 60..86400 */
    unsigned remind_s;            /* 300..604800 */
} BcInboxRule;
BcInboxRule bc_inboxes_rule(const BcInboxes *inbox, const char *area);
void bc_inboxes_set_rule(BcInboxes *inbox, const char *area, const BcInboxRule *rule, BcDoneFn done, void *user);

/* "inbox.arrived", "inbox.conflict", "inbox.reminder", "inbox.decided", "inbox.accepted", "inbox.declined", "inbox.placed", "inbox.played",
 * "inbox.missed", "inbox.expired", "inbox.withdrawn", "inbox.seen". */
typedef void (*BcInboxEventFn)(const char *type, const BcInboxItem *item, void *user);
void bc_inboxes_set_event(BcInboxes *inbox, BcInboxEventFn fn, void *user);

/* The commune (or what ranks like one) an area lies in: NULL above the communes. */
const char *bc_inboxes_commune_of(const BcAreas *areas, const char *area);
unsigned bc_inboxes_pending(const BcInboxes *inbox);
