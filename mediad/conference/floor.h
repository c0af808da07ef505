/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "mediad/conference/role.h"

/* Who speaks, who wants to, and whose microphone that closes. Pure: knows no room, no clock and no main loop; time is an argument
 * (monotonic microseconds, never going back), parties are numbers. Mutes are kept here in two layers: what was asked for, and what
 * the floor makes of it while somebody has it, so that its end leaves every microphone as it was asked for last. */
typedef struct MdFloor MdFloor;

typedef struct MdFloorRules {
    int64_t budget_us;         /* speaking time of one turn, 0: no limit */
    int64_t warn_us;           /* the speaker is warned so long before its end, 0: never */
    int64_t grace_us;          /* who drops out keeps its place for so long */
    bool auto_next;            /* the clock's end gives the floor to the next one by itself */
} MdFloorRules;
#define MD_FLOOR_BUDGET_MAX_US (INT64_C(4) * 3600 * 1000000)
#define MD_FLOOR_GRACE_MAX_US (INT64_C(600) * 1000000)

typedef enum MdFloorEventKind {
    MD_FLOOR_RAISED,
    MD_FLOOR_LOWERED,
    MD_FLOOR_REORDERED,        /* party 0 */
    MD_FLOOR_GIVEN,            /* us: its time, 0 no limit */
    MD_FLOOR_NEXT,             /* this one is next: told once each time it comes to be */
    MD_FLOOR_WARNED,           /* us: what is left */
    MD_FLOOR_EXTENDED,         /* us: what is left now */
    MD_FLOOR_AWAY,             /* holder or in the queue, and gone for now; us: how long its place is kept */
    MD_FLOOR_BACK,
    MD_FLOOR_ENDED,            /* us: how long it had the floor, its absences left out */
    MD_FLOOR_EVENT_MAX,
} MdFloorEventKind;
const char *md_floor_event_to_string(MdFloorEventKind kind); /* "raised" … */

typedef enum MdFloorReason {
    MD_FLOOR_NO_REASON,
    MD_FLOOR_BY_CHAIR,
    MD_FLOOR_BY_CLOCK,
    MD_FLOOR_DONE,             /* itself */
    MD_FLOOR_PASSED_ON,        /* given to another */
    MD_FLOOR_LEFT,             /* and did not come back in time */
    MD_FLOOR_ROLE,             /* it may not speak any more */
    MD_FLOOR_CHAIR_LOST,       /* nobody is left who could end it */
    MD_FLOOR_REASON_MAX,
} MdFloorReason;
const char *md_floor_reason_to_string(MdFloorReason reason); /* "chair", "clock" … */

typedef struct MdFloorEvent {
    MdFloorEventKind kind;
    MdFloorReason reason;      /* of LOWERED and ENDED */
    uint32_t party;
    int64_t us;
} MdFloorEvent;
/* From inside the calls below; must not call them. */
typedef void (*MdFloorFn)(const MdFloorEvent *event, void *user);

MdFloor *md_floor_new(const MdFloorRules *rules, MdFloorFn on_event, void *user);
void md_floor_free(MdFloor *floor);
void md_floor_set_rules(MdFloor *floor, const MdFloorRules *rules); /* of turns that begin from now on; out of range: clamped */
const MdFloorRules *md_floor_rules(const MdFloor *floor);

/* --- who is here. All return 0 or -errno: -ENOENT no such party, -EEXIST, -ENOMEM ------------------------------------- */
int md_floor_join(MdFloor *floor, uint32_t party, MdRole role, bool muted, int64_t now_us); /* party > 0 */
/* It dropped out: without a place it is forgotten, with one kept for the grace time. keep false: forgotten at once. */
int md_floor_leave(MdFloor *floor, uint32_t party, bool keep, int64_t now_us);
/* One whose place is kept comes back, as party (the same number, or a new one), with what it was asked to be before. -EINVAL: old
 * is not away. */
int md_floor_back(MdFloor *floor, uint32_t old, uint32_t party, int64_t now_us);
int md_floor_set_role(MdFloor *floor, uint32_t party, MdRole role, int64_t now_us);
/* An order to it alone: holds beyond the floor, and against it. */
int md_floor_set_muted(MdFloor *floor, uint32_t party, bool muted);
/* Its microphone is closed now, whyever. Unknown: true. */
bool md_floor_is_muted(const MdFloor *floor, uint32_t party);
/* The floor has closed (or opened) it; it comes out as asked afterwards. */
bool md_floor_is_floor_muted(const MdFloor *floor, uint32_t party);
/* Stands outside: neither silenced nor opened (an interpreter). */
bool md_floor_asked_muted(const MdFloor *floor, uint32_t party); /* by order, whatever the floor does; false: no such party */
int md_floor_set_aside(MdFloor *floor, uint32_t party, bool aside);

/* --- hands. Further: -EPERM its role does not let it; -EALREADY as it is already; -EBUSY it has the floor -------------- */
int md_floor_raise(MdFloor *floor, uint32_t party, int64_t now_us);
int md_floor_lower(MdFloor *floor, uint32_t party, MdFloorReason reason /* DONE: itself, BY_CHAIR */, int64_t now_us);
/* To place 0..: behind those before it. */
int md_floor_move(MdFloor *floor, uint32_t party, unsigned place, int64_t now_us);
void md_floor_lower_all(MdFloor *floor, int64_t now_us);

/* --- the floor. -EINVAL: nobody has it, or nobody waits ---------------------------------------------------------------- */
/* From whoever has it to party, in the queue or not. budget_us < 0: by the rules; 0: no limit. -EPERM, -EALREADY it has it, -EAGAIN away. */
int md_floor_give(MdFloor *floor, uint32_t party, int64_t budget_us, int64_t now_us);
/* To the first in the queue who is here. */
int md_floor_give_next(MdFloor *floor, int64_t budget_us, int64_t now_us);
int md_floor_end(MdFloor *floor, MdFloorReason reason, int64_t now_us);
int md_floor_extend(MdFloor *floor, int64_t by_us /* > 0 */, int64_t now_us); /* -EINVAL: no time limit, too */
/* Somebody from outside runs the floor: its chair is not lost while nobody of its chairs is here. */
void md_floor_attend(MdFloor *floor);
/* What is due: ends, warnings, places kept long enough. */
void md_floor_tick(MdFloor *floor, int64_t now_us);

/* --- as it stands -------------------------------------------------------------------------------------------------------- */
uint32_t md_floor_holder(const MdFloor *floor); /* 0: nobody */
bool md_floor_is_away(const MdFloor *floor, uint32_t party);
int64_t md_floor_since_us(const MdFloor *floor);
int64_t md_floor_budget_us(const MdFloor *floor); /* with its extensions, 0: no limit */
/* Of the holder's time, 0 when it is over or there is none; stands still while the holder is away. */
int64_t md_floor_left_us(const MdFloor *floor, int64_t now_us);
unsigned md_floor_queue(const MdFloor *floor, const uint32_t **ret_parties); /* valid until the next call that changes */
int md_floor_place(const MdFloor *floor, uint32_t party);                    /* 0.., -1 not in the queue */
int64_t md_floor_raised_us(const MdFloor *floor, uint32_t party);            /* 0: not in the queue */
