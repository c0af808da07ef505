/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The floor as a machine of its own: hands, whose turn it is, its clock, and which microphones that closes. */
#include "mediad/conference/floor.h"
#include <errno.h>
#include <glib.h>

typedef struct Party {
    uint32_t id;
    MdRole role;
    bool muted;          /* as asked */
    bool released;       /* an order since the floor was given counts for more than the floor */
    bool aside;
    bool away;
    int64_t away_us;     /* since */
    int64_t raised_us;
} Party;

struct MdFloor {
    MdFloorRules rules;
    MdFloorFn on_event;
    void *user;
    GArray *parties;     /* Party */
    GArray *queue;       /* uint32_t */
    uint32_t holder;
    uint32_t told;       /* was told last that it is next */
    int64_t since_us, budget_us, deadline_us; /* deadline 0: none */
    int64_t absent_us;   /* of the holder in this turn */
    bool warned;
    bool chair_lost;
    int64_t chair_lost_us;
};

static const char *const events[MD_FLOOR_EVENT_MAX] = {
    "raised", "lowered", "reordered", "given", "next", "warned", "extended", "away", "back", "ended",
};
static const char *const reasons[MD_FLOOR_REASON_MAX] = {
    "", "chair", "clock", "done", "passed-on", "left", "role", "chair-lost",
};

const char *md_floor_event_to_string(MdFloorEventKind kind)
{
    return (unsigned)kind < MD_FLOOR_EVENT_MAX ? events[kind] : NULL;
}

const char *md_floor_reason_to_string(MdFloorReason reason)
{
    return (unsigned)reason < MD_FLOOR_REASON_MAX ? reasons[reason] : NULL;
}

MdFloor *md_floor_new(const MdFloorRules *rules, MdFloorFn on_event, void *user)
{
    MdFloor *floor = g_new0(MdFloor, 1);
    floor->on_event = on_event;
    floor->user = user;
    floor->parties = g_array_new(FALSE, TRUE, sizeof(Party));
    floor->queue = g_array_new(FALSE, TRUE, sizeof(uint32_t));
    md_floor_set_rules(floor, rules);
    return floor;
}

void md_floor_free(MdFloor *floor)
{
    if (floor == NULL)
        return;
    g_array_unref(floor->parties);
    g_array_unref(floor->queue);
    g_free(floor);
}

void md_floor_set_rules(MdFloor *floor, const MdFloorRules *rules)
{
    floor->rules = *rules;
    floor->rules.budget_us = CLAMP(rules->budget_us, 0, MD_FLOOR_BUDGET_MAX_US);
    floor->rules.warn_us = CLAMP(rules->warn_us, 0, MD_FLOOR_BUDGET_MAX_US);
    floor->rules.grace_us = CLAMP(rules->grace_us, 0, MD_FLOOR_GRACE_MAX_US);
}

const MdFloorRules *md_floor_rules(const MdFloor *floor)
{
    return &floor->rules;
}

static void tell(MdFloor *floor, MdFloorEventKind kind, uint32_t party, MdFloorReason reason, int64_t us)
{
    const MdFloorEvent event = {.kind = kind, .reason = reason, .party = party, .us = us};
    if (floor->on_event != NULL)
        floor->on_event(&event, floor->user);
}

static Party *find(const MdFloor *floor, uint32_t id)
{
    for (guint i = 0; i < floor->parties->len; i++) {
        Party *party = &g_array_index(floor->parties, Party, i);
        if (party->id == id)
            return party;
    }
    return NULL;
}

static uint32_t queued(const MdFloor *floor, unsigned place)
{
    return g_array_index(floor->queue, uint32_t, place);
}

int md_floor_place(const MdFloor *floor, uint32_t party)
{
    for (guint i = 0; i < floor->queue->len; i++)
        if (queued(floor, i) == party)
            return (int)i;
    return -1;
}

static uint32_t first_here(const MdFloor *floor)
{
    for (guint i = 0; i < floor->queue->len; i++)
        if (!find(floor, queued(floor, i))->away)
            return queued(floor, i);
    return 0;
}

/* While somebody speaks, the one behind it gets ready. */
static void tell_next(MdFloor *floor)
{
    uint32_t next = floor->holder != 0 ? first_here(floor) : 0;
    if (next == floor->told)
        return;
    floor->told = next;
    if (next != 0)
        tell(floor, MD_FLOOR_NEXT, next, MD_FLOOR_NO_REASON, 0);
}

static void unqueue(MdFloor *floor, uint32_t id)
{
    int place = md_floor_place(floor, id);
    if (place >= 0)
        g_array_remove_index(floor->queue, (guint)place);
    Party *party = find(floor, id);
    if (party != NULL)
        party->raised_us = 0;
}

static void forget(MdFloor *floor, uint32_t id)
{
    for (guint i = 0; i < floor->parties->len; i++)
        if (g_array_index(floor->parties, Party, i).id == id) {
            g_array_remove_index(floor->parties, i);
            return;
        }
}

static void release_nobody(MdFloor *floor)
{
    for (guint i = 0; i < floor->parties->len; i++)
        g_array_index(floor->parties, Party, i).released = false;
}

/* Nobody has the floor any more; a holder that is away has lost its place with it. */
static void end_turn(MdFloor *floor, MdFloorReason reason, int64_t now_us)
{
    uint32_t id = floor->holder;
    const Party *party = find(floor, id);
    bool away = party->away;
    int64_t until_us = away ? party->away_us : now_us;
    int64_t spoken_us = until_us - floor->since_us - floor->absent_us;
    floor->holder = floor->told = 0;
    floor->deadline_us = 0;
    release_nobody(floor);
    if (away)
        forget(floor, id);
    tell(floor, MD_FLOOR_ENDED, id, reason, MAX(spoken_us, 0));
}

/* --- its chairs ------------------------------------------------------------------------------------------------------- */

static void look_for_chair(MdFloor *floor, bool had_one, int64_t now_us)
{
    bool has = false;
    for (guint i = 0; i < floor->parties->len && !has; i++) {
        const Party *party = &g_array_index(floor->parties, Party, i);
        has = !party->away && md_role_may(party->role, MD_ACTION_RUN_FLOOR);
    }
    if (has) {
        floor->chair_lost = false;
    } else if (had_one && !floor->chair_lost) {
        floor->chair_lost = true;
        floor->chair_lost_us = now_us;
    }
}

void md_floor_attend(MdFloor *floor)
{
    floor->chair_lost = false;
}

/* --- who is here ------------------------------------------------------------------------------------------------------ */

int md_floor_join(MdFloor *floor, uint32_t id, MdRole role, bool muted, int64_t now_us)
{
    if (id == 0)
        return -EINVAL;
    if (find(floor, id) != NULL)
        return -EEXIST;
    Party party = {.id = id, .role = role, .muted = muted};
    g_array_append_val(floor->parties, party);
    look_for_chair(floor, false, now_us);
    return 0;
}

static bool ran_it(const Party *party)
{
    return !party->away && md_role_may(party->role, MD_ACTION_RUN_FLOOR);
}

int md_floor_leave(MdFloor *floor, uint32_t id, bool keep, int64_t now_us)
{
    Party *party = find(floor, id);
    if (party == NULL)
        return -ENOENT;
    bool holds = floor->holder == id, waits = md_floor_place(floor, id) >= 0, ran = ran_it(party);
    if (keep && party->away)
        return 0;
    if (keep && floor->rules.grace_us > 0 && (holds || waits)) {
        party->away = true;
        party->away_us = now_us;
        tell(floor, MD_FLOOR_AWAY, id, MD_FLOOR_NO_REASON, floor->rules.grace_us);
        tell_next(floor);
    } else {
        if (holds)
            end_turn(floor, MD_FLOOR_LEFT, now_us);
        if (waits) {
            unqueue(floor, id);
            tell(floor, MD_FLOOR_LOWERED, id, MD_FLOOR_LEFT, 0);
        }
        forget(floor, id);
        tell_next(floor);
    }
    look_for_chair(floor, ran, now_us);
    return 0;
}

int md_floor_back(MdFloor *floor, uint32_t old, uint32_t id, int64_t now_us)
{
    Party *party = find(floor, old);
    if (party == NULL)
        return -ENOENT;
    if (!party->away || id == 0)
        return -EINVAL;
    if (id != old && find(floor, id) != NULL)
        return -EEXIST;
    int place = md_floor_place(floor, old);
    if (place >= 0)
        g_array_index(floor->queue, uint32_t, place) = id;
    if (floor->holder == old) {
        int64_t absent_us = now_us - party->away_us;
        floor->holder = id;
        floor->absent_us += absent_us;
        if (floor->deadline_us != 0)
            floor->deadline_us += absent_us;
    }
    if (floor->told == old)
        floor->told = id;
    party->id = id;
    party->away = false;
    tell(floor, MD_FLOOR_BACK, id, MD_FLOOR_NO_REASON, 0);
    tell_next(floor);
    look_for_chair(floor, false, now_us);
    return 0;
}

int md_floor_set_role(MdFloor *floor, uint32_t id, MdRole role, int64_t now_us)
{
    Party *party = find(floor, id);
    if (party == NULL)
        return -ENOENT;
    bool ran = ran_it(party);
    party->role = role;
    if (md_floor_place(floor, id) >= 0 && !md_role_may(role, MD_ACTION_HAND)) {
        bool away = party->away;
        unqueue(floor, id);
        tell(floor, MD_FLOOR_LOWERED, id, MD_FLOOR_ROLE, 0);
        if (away)
            forget(floor, id);
    }
    if (floor->holder == id && !md_role_may(role, MD_ACTION_BE_HEARD))
        end_turn(floor, MD_FLOOR_ROLE, now_us);
    tell_next(floor);
    look_for_chair(floor, ran, now_us);
    return 0;
}

int md_floor_set_muted(MdFloor *floor, uint32_t id, bool muted)
{
    Party *party = find(floor, id);
    if (party == NULL)
        return -ENOENT;
    party->muted = muted;
    party->released = floor->holder != 0;
    return 0;
}

bool md_floor_asked_muted(const MdFloor *floor, uint32_t id)
{
    const Party *party = find(floor, id);
    return party != NULL && party->muted;
}

int md_floor_set_aside(MdFloor *floor, uint32_t id, bool aside)
{
    Party *party = find(floor, id);
    if (party == NULL)
        return -ENOENT;
    party->aside = aside;
    return 0;
}

static bool is_floors(const MdFloor *floor, const Party *party)
{
    if (floor->holder == 0 || party->released)
        return false;
    return party->id == floor->holder || (!party->aside && !md_role_may(party->role, MD_ACTION_OVER_FLOOR));
}

bool md_floor_is_muted(const MdFloor *floor, uint32_t id)
{
    const Party *party = find(floor, id);
    if (party == NULL)
        return true;
    return is_floors(floor, party) ? id != floor->holder : party->muted;
}

bool md_floor_is_floor_muted(const MdFloor *floor, uint32_t id)
{
    const Party *party = find(floor, id);
    return party != NULL && is_floors(floor, party);
}

/* --- hands ------------------------------------------------------------------------------------------------------------ */

int md_floor_raise(MdFloor *floor, uint32_t id, int64_t now_us)
{
    Party *party = find(floor, id);
    if (party == NULL || (party->away && md_floor_place(floor, id) < 0))
        return -ENOENT;
    if (!md_role_may(party->role, MD_ACTION_HAND))
        return -EPERM;
    if (floor->holder == id)
        return -EBUSY;
    if (md_floor_place(floor, id) >= 0)
        return -EALREADY;
    g_array_append_val(floor->queue, id);
    party->raised_us = now_us;
    tell(floor, MD_FLOOR_RAISED, id, MD_FLOOR_NO_REASON, 0);
    tell_next(floor);
    return 0;
}

int md_floor_lower(MdFloor *floor, uint32_t id, MdFloorReason reason, int64_t now_us)
{
    const Party *party = find(floor, id);
    if (party == NULL)
        return -ENOENT;
    if (md_floor_place(floor, id) < 0)
        return -EALREADY;
    bool away = party->away;
    unqueue(floor, id);
    if (away)
        forget(floor, id);
    tell(floor, MD_FLOOR_LOWERED, id, reason, 0);
    tell_next(floor);
    return 0;
}

void md_floor_lower_all(MdFloor *floor, int64_t now_us)
{
    while (floor->queue->len > 0) /* from the end: nobody is told that it is next on the way */
        md_floor_lower(floor, queued(floor, floor->queue->len - 1), MD_FLOOR_BY_CHAIR, now_us);
}

int md_floor_move(MdFloor *floor, uint32_t id, unsigned place, int64_t now_us)
{
    if (find(floor, id) == NULL)
        return -ENOENT;
    int at = md_floor_place(floor, id);
    if (at < 0)
        return -EALREADY;
    place = MIN(place, floor->queue->len - 1);
    if (place == (unsigned)at)
        return 0;
    g_array_remove_index(floor->queue, (guint)at);
    g_array_insert_val(floor->queue, place, id);
    tell(floor, MD_FLOOR_REORDERED, 0, MD_FLOOR_NO_REASON, 0);
    tell_next(floor);
    return 0;
}

/* --- the floor -------------------------------------------------------------------------------------------------------- */

int md_floor_give(MdFloor *floor, uint32_t id, int64_t budget_us, int64_t now_us)
{
    const Party *party = find(floor, id);
    if (party == NULL)
        return -ENOENT;
    if (!md_role_may(party->role, MD_ACTION_BE_HEARD))
        return -EPERM;
    if (floor->holder == id)
        return -EALREADY;
    if (party->away)
        return -EAGAIN;
    if (floor->holder != 0)
        end_turn(floor, MD_FLOOR_PASSED_ON, now_us);
    unqueue(floor, id);
    release_nobody(floor);
    floor->holder = id;
    floor->since_us = now_us;
    floor->budget_us = budget_us < 0 ? floor->rules.budget_us : MIN(budget_us, MD_FLOOR_BUDGET_MAX_US);
    floor->deadline_us = floor->budget_us > 0 ? now_us + floor->budget_us : 0;
    floor->absent_us = 0;
    floor->warned = false;
    tell(floor, MD_FLOOR_GIVEN, id, MD_FLOOR_NO_REASON, floor->budget_us);
    tell_next(floor);
    return 0;
}

int md_floor_give_next(MdFloor *floor, int64_t budget_us, int64_t now_us)
{
    uint32_t next = first_here(floor);
    return next != 0 ? md_floor_give(floor, next, budget_us, now_us) : -EINVAL;
}

int md_floor_end(MdFloor *floor, MdFloorReason reason, int64_t now_us)
{
    if (floor->holder == 0)
        return -EINVAL;
    end_turn(floor, reason, now_us);
    return 0;
}

int md_floor_extend(MdFloor *floor, int64_t by_us, int64_t now_us)
{
    if (floor->holder == 0 || floor->deadline_us == 0 || by_us <= 0)
        return -EINVAL;
    by_us = MIN(by_us, MD_FLOOR_BUDGET_MAX_US - floor->budget_us);
    floor->deadline_us += by_us;
    floor->budget_us += by_us;
    int64_t left_us = md_floor_left_us(floor, now_us);
    if (left_us > floor->rules.warn_us)
        floor->warned = false;
    tell(floor, MD_FLOOR_EXTENDED, floor->holder, MD_FLOOR_NO_REASON, left_us);
    return 0;
}

/* --- time ------------------------------------------------------------------------------------------------------------- */

static void give_up_absent(MdFloor *floor, int64_t now_us)
{
    for (guint i = floor->parties->len; i-- > 0;) {
        const Party *party = &g_array_index(floor->parties, Party, i);
        uint32_t id = party->id;
        if (!party->away || now_us - party->away_us < floor->rules.grace_us)
            continue;
        if (floor->holder == id) {
            end_turn(floor, MD_FLOOR_LEFT, now_us); /* forgets it */
        } else {
            unqueue(floor, id);
            forget(floor, id);
            tell(floor, MD_FLOOR_LOWERED, id, MD_FLOOR_LEFT, 0);
        }
    }
}

void md_floor_tick(MdFloor *floor, int64_t now_us)
{
    give_up_absent(floor, now_us);
    const Party *party = floor->holder != 0 ? find(floor, floor->holder) : NULL;
    if (party != NULL && !party->away && floor->deadline_us != 0) {
        int64_t left_us = floor->deadline_us - now_us;
        if (left_us <= 0) {
            end_turn(floor, MD_FLOOR_BY_CLOCK, now_us);
            if (floor->rules.auto_next)
                md_floor_give_next(floor, -1, now_us);
        } else if (left_us <= floor->rules.warn_us && !floor->warned) {
            floor->warned = true;
            tell(floor, MD_FLOOR_WARNED, floor->holder, MD_FLOOR_NO_REASON, left_us);
        }
    }
    /* Without a clock nobody would ever open the microphones again. */
    if (floor->holder != 0 && floor->deadline_us == 0 && floor->chair_lost &&
        now_us - floor->chair_lost_us >= floor->rules.grace_us)
        end_turn(floor, MD_FLOOR_CHAIR_LOST, now_us);
}

/* --- as it stands ----------------------------------------------------------------------------------------------------- */

uint32_t md_floor_holder(const MdFloor *floor)
{
    return floor->holder;
}

bool md_floor_is_away(const MdFloor *floor, uint32_t id)
{
    const Party *party = find(floor, id);
    return party != NULL && party->away;
}

int64_t md_floor_since_us(const MdFloor *floor)
{
    return floor->holder != 0 ? floor->since_us : 0;
}

int64_t md_floor_budget_us(const MdFloor *floor)
{
    return floor->holder != 0 ? floor->budget_us : 0;
}

int64_t md_floor_left_us(const MdFloor *floor, int64_t now_us)
{
    if (floor->holder == 0 || floor->deadline_us == 0)
        return 0;
    const Party *party = find(floor, floor->holder);
    int64_t left_us = floor->deadline_us - (party->away ? party->away_us : now_us);
    return MAX(left_us, 0);
}

unsigned md_floor_queue(const MdFloor *floor, const uint32_t **ret_parties)
{
    *ret_parties = (const uint32_t *)(const void *)floor->queue->data;
    return floor->queue->len;
}

int64_t md_floor_raised_us(const MdFloor *floor, uint32_t id)
{
    const Party *party = find(floor, id);
    return party != NULL ? party->raised_us : 0;
}
