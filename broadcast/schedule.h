/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/recurrence.h"
#include "broadcast/types.h"

/* Which programme plays where and when. What is due is a pure function of time; an occurrence is claimed in the store before
 * anything rings, so that no restart plays it twice. Control thread. */
typedef struct BcSchedules BcSchedules;

typedef struct BcSchedule { /* strings owned by the registry, valid until control returns to the main loop */
    const char *id;         /* NULL on the way in: a new one is made */
    const char *name;
    const char *content;    /* SHA-256 */
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
} BcSchedule;

typedef struct BcDue {
    const char *schedule;   /* id */
    int64_t at_us;          /* wall time it was meant for */
    bool too_late;          /* beyond its grace: to be claimed as missed */
} BcDue;

#define BC_SCHEDULES_MAX 20000u
#define BC_SCHEDULE_LOOK_BACK_US (24ll * 3600 * G_USEC_PER_SEC)

BcSchedules *bc_schedules_new(MdStore *store, int64_t now_wall_us, GError **error);
void bc_schedules_unref(BcSchedules *schedules);

const BcSchedule *bc_schedules_find(const BcSchedules *schedules, const char *id);
GPtrArray *bc_schedules_list(const BcSchedules *schedules); /* in id order; unref */
/* Inserts or changes. Refused: bad fields, or it would never happen after now. ret_id (may be NULL) is set at once: g_free. */
void bc_schedules_put(BcSchedules *schedules, const BcSchedule *schedule, int64_t now_wall_us, char **ret_id, BcDoneFn done, void *user);
void bc_schedules_remove(BcSchedules *schedules, const char *id, BcDoneFn done, void *user);

/* What is unclaimed and due: up to lead(schedule) after now, back to BC_SCHEDULE_LOOK_BACK_US before it. */
typedef int64_t (*BcLeadFn)(const BcSchedule *schedule, void *user);
GArray *bc_schedules_due(BcSchedules *schedules, int64_t now_wall_us, BcLeadFn lead, void *user); /* of BcDue, by time; unref */
/* Wall time at which bc_schedules_due will have something new; INT64_MAX never. */
int64_t bc_schedules_wake_us(BcSchedules *schedules, int64_t now_wall_us, BcLeadFn lead, void *user);
/* Next occurrence after now, INT64_MAX none. */
int64_t bc_schedules_next_us(const BcSchedules *schedules, const char *id, int64_t now_wall_us);

/* Marks an occurrence as taken for the rest of this life only: the store would not note it. */
void bc_schedules_hold(BcSchedules *schedules, const char *id, int64_t at_us);
/* Marks an occurrence as taken: at once in memory, durably before done. state: "claimed", "missed". EXISTS: it was taken
 * before (by a former life of this process). On other errors it is due again. */
void bc_schedules_claim(BcSchedules *schedules, const char *id, int64_t at_us, const char *state, const char *announcement,
                        int64_t now_wall_us, BcDoneFn done, void *user);
