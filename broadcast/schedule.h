/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/recurrence.h"
#include "broadcast/types.h"

/* Which programme plays where and when. What is due is a pure function of time; an occurrence is claimed in the store before
 * anything rings, so that no restart plays it twice. Control thread. */
typedef struct BcSchedules BcSchedules;

/* A programme is a list of these, one after the other. */
typedef enum BcItemKind { BC_ITEM_CONTENT, BC_ITEM_RELAY, BC_ITEM_SILENCE, BC_ITEM_KIND_MAX } BcItemKind;
const char *bc_item_kind_to_string(BcItemKind kind); /* "content", "relay", "silence" */
BcItemKind bc_item_kind_from_string(const char *name); /* BC_ITEM_KIND_MAX: unknown */
typedef struct BcItem {
    BcItemKind kind;
    const char *content;    /* SHA-256 */
    const char *url;        /* relay: an HTTP stream on a host of the allow list */
    const char *fallback;   /* relay: content that is heard while the stream fails or is silent; NULL: silence */
    int64_t duration_us;    /* relay, silence: 1 s .. 12 h; content: ignored, it has its own */
    int64_t silence_max_us; /* relay: silent so long counts as failed; 0: 10 s */
} BcItem;
#define BC_ITEMS_MAX 50u
#define BC_ITEM_DURATION_MAX_US (12ll * 3600 * G_USEC_PER_SEC)
#define BC_EXDATES_MAX 400u

/* On the days of bc_holidays in an area. */
typedef enum BcHolidayPolicy { BC_HOLIDAY_PLAY, BC_HOLIDAY_SKIP, BC_HOLIDAY_ONLY, BC_HOLIDAY_POLICY_MAX } BcHolidayPolicy;
const char *bc_holiday_policy_to_string(BcHolidayPolicy policy); /* "play", "skip", "only" */
BcHolidayPolicy bc_holiday_policy_from_string(const char *name);

typedef struct BcSchedule { /* strings owned by the registry, valid until control returns to the main loop */
    const char *id;         /* NULL on the way in: a new one is made */
    const char *name;
    const char *content;    /* SHA-256: shorthand for one item; filled in when there is exactly one and it is content, else NULL */
    const char *const *areas; /* codes, NULL-terminated, 1..500 */
    const char *start_local; /* "2026-11-23T05:00:00" in zone */
    const char *zone;
    const char *rule;       /* RFC 5545, NULL once */
    const char *until_local; /* NULL none */
    BcPriority priority;
    unsigned repeats;       /* 1..10 */
    unsigned gap_s;         /* 0..300 between repeats */
    unsigned grace_s;       /* 0..86400: how late it may still begin */
    bool enabled;
    int64_t changed_us;     /* wall time of the last change: nothing before it is due */
    const char *created_by;
    /* 0 and NULL are what programmes were before they had these */
    const BcItem *items;    /* NULL: content alone */
    unsigned n_items;
    const char *slot;       /* id, NULL none: on that slot's days only */
    const char *const *exdates; /* "2026-12-24" (the whole day) or "2026-12-24T05:00:00" in zone; NULL none */
    BcHolidayPolicy holidays;
    bool drop;              /* cut off, it does not come back; else it goes on at its wall-clock place */
    unsigned volume;        /* 1..100, 0: as the hour says */
    int64_t expires_us;     /* wall: silent from then on; 0 never */
    const char *owner;      /* area whose programme it is, NULL: the whole province's */
    bool central;           /* comes from the central system: above the province */
    bool draft;             /* not published: never plays */
    const char *changed_by; /* who gave it its present form */
    const char *released_by; /* a second person who lets it sound in quiet hours, NULL nobody; another form needs another release */
    const char *published_by, *forced; /* forced: the reason given for publishing in spite of problems, NULL none */
} BcSchedule;

typedef struct BcDue {
    const char *schedule;   /* id */
    int64_t at_us;          /* wall time it was meant for */
    bool too_late;          /* beyond its grace: to be claimed as missed */
} BcDue;

#define BC_SCHEDULES_MAX 20000u
#define BC_SCHEDULE_LOOK_BACK_US (24ll * 3600 * G_USEC_PER_SEC)

struct BcAiring;
BcSchedules *bc_schedules_new(MdStore *store, int64_t now_wall_us, GError **error);
void bc_schedules_unref(BcSchedules *schedules);

const BcSchedule *bc_schedules_find(const BcSchedules *schedules, const char *id);
GPtrArray *bc_schedules_list(const BcSchedules *schedules); /* in id order; unref */
/* Inserts or changes. Refused: bad fields, or it would never happen after now. ret_id (may be NULL) is set at once: g_free. */
void bc_schedules_put(BcSchedules *schedules, const BcSchedule *schedule, int64_t now_wall_us, char **ret_id, BcDoneFn done, void *user);
void bc_schedules_remove(BcSchedules *schedules, const char *id, BcDoneFn done, void *user);
/* Occurrences in [from, to) as int64_t, without the exdates, whether it is published, enabled or not. At most max. Unref. NULL: no
 * such schedule. */
GArray *bc_schedules_between(BcSchedules *schedules, const char *id, int64_t from_wall_us, int64_t to_wall_us, unsigned max);
/* The same of a programme that need not be stored. NULL: its start, zone or rule is bad. */
GArray *bc_schedule_expand(const BcSchedule *schedule, int64_t from_wall_us, int64_t to_wall_us, unsigned max, GError **error);
/* Grows with every change. */
unsigned bc_schedules_version(const BcSchedules *schedules);

/* What is unclaimed and due: up to lead(schedule) after now, back to BC_SCHEDULE_LOOK_BACK_US before it. */
typedef int64_t (*BcLeadFn)(const BcSchedule *schedule, void *user);
GArray *bc_schedules_due(BcSchedules *schedules, int64_t now_wall_us, BcLeadFn lead, void *user); /* of BcDue, by time; unref */
/* Wall time at which bc_schedules_due will have something new; INT64_MAX never. */
int64_t bc_schedules_wake_us(BcSchedules *schedules, int64_t now_wall_us, BcLeadFn lead, void *user);
/* Next occurrence after now, INT64_MAX none. */
int64_t bc_schedules_next_us(const BcSchedules *schedules, const char *id, int64_t now_wall_us);

/* Marks an occurrence as taken in this life only: it is being worked on, or the store would not note it. */
void bc_schedules_hold(BcSchedules *schedules, const char *id, int64_t at_us);
/* It is due again. */
void bc_schedules_let_go(BcSchedules *schedules, const char *id, int64_t at_us);
/* Marks an occurrence as taken: at once in memory, durably before done. state: "claimed", "missed". airing (may be NULL) is
 * written with it, in one transaction. EXISTS: it was taken
 * before (by a former life of this process). On other errors it is due again. */
void bc_schedules_claim(BcSchedules *schedules, const char *id, int64_t at_us, const char *state, const char *announcement,
                        const struct BcAiring *airing, int64_t now_wall_us, BcDoneFn done, void *user);
