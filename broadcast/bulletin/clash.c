/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where what comes from above meets what the commune has planned itself. */
#include "broadcast/bulletin/inboxes-private.h"

#include <string.h>

#define SOON_US (60 * G_USEC_PER_SEC)
#define DAY_US (86400ll * G_USEC_PER_SEC)
#define MET_MAX 64u

int64_t bc_inboxes_schedule_length_us(BcInboxes *inbox, const BcSchedule *s)
{
    BcContents *contents = bc_broadcast_contents(inbox->broadcast);
    int64_t once = 0;
    for (unsigned i = 0; i < s->n_items; i++) {
        const BcContent *content = s->items[i].kind == BC_ITEM_CONTENT ? bc_contents_find(contents, s->items[i].content) : NULL;
        once += content ? content->duration_us : s->items[i].kind == BC_ITEM_CONTENT ? 0 : s->items[i].duration_us;
    }
    return once * s->repeats + (int64_t)(s->repeats - 1) * s->gap_s * G_USEC_PER_SEC;
}

static bool ours(const char *schedule)
{
    return g_str_has_prefix(schedule, "s-i-");
}

static bool is_within(const BcAreas *areas, const char *area, const char *const *codes)
{
    for (unsigned i = 0; codes[i]; i++)
        if (!bc_areas_contains(areas, area, codes[i]))
            return false;
    return true;
}

const BcSchedule *bc_inboxes_clash(BcInboxes *inbox, const BcInboxItem *item, int64_t at_us, int64_t length_us, int64_t *ret_other_at_us)
{
    BcSchedules *schedules = bc_broadcast_schedules(inbox->broadcast);
    const BcAreas *areas = bc_broadcast_areas(inbox->broadcast);
    g_autoptr(GPtrArray) all = bc_schedules_list(schedules);
    const BcSchedule *found = NULL;
    for (unsigned i = 0; i < all->len; i++) {
        const BcSchedule *s = all->pdata[i];
        if (s->priority != BC_PRIORITY || !s->enabled || s->draft || ours(s->id) || !is_within(areas, item->area, s->areas))
            continue;
        int64_t length = bc_inboxes_schedule_length_us(inbox, s);
        g_autoptr(GArray) times = bc_schedules_between(schedules, s->id, at_us - length + 1, at_us + length_us, MET_MAX);
        for (unsigned k = 0; times && k < times->len; k++) {
            int64_t t = g_array_index(times, int64_t, k);
            if (t + length > at_us && t < at_us + length_us && (!found || t < *ret_other_at_us)) {
                found = s;
                *ret_other_at_us = t;
            }
        }
    }
    return found;
}

/* The start of the commune's next programme of its own within a day. */
static int64_t next_programme(BcInboxes *inbox, const BcInboxItem *item, int64_t after_us)
{
    BcSchedules *schedules = bc_broadcast_schedules(inbox->broadcast);
    const BcAreas *areas = bc_broadcast_areas(inbox->broadcast);
    g_autoptr(GPtrArray) all = bc_schedules_list(schedules);
    int64_t soonest = INT64_MAX;
    for (unsigned i = 0; i < all->len; i++) {
        const BcSchedule *s = all->pdata[i];
        if (s->enabled && !s->draft && !ours(s->id) && is_within(areas, item->area, s->areas))
            soonest = MIN(soonest, bc_schedules_next_us(schedules, s->id, after_us));
    }
    return soonest <= after_us + DAY_US ? soonest : INT64_MAX;
}

int64_t bc_inboxes_place(BcInboxes *inbox, const BcInboxItem *item, int64_t asked_us)
{
    int64_t soon = bc_broadcast_wall_us(inbox->broadcast) + SOON_US;
    if (asked_us >= soon)
        return asked_us;
    int64_t programme = asked_us ? INT64_MAX : next_programme(inbox, item, soon);
    if (programme != INT64_MAX)
        return programme;
    int64_t at = (soon / G_USEC_PER_SEC + 1) * G_USEC_PER_SEC;
    for (unsigned minute = 0; minute < 1440 && bc_quiet_at(bc_broadcast_quiet(inbox->broadcast), item->area, at); minute++)
        at = (at / (60 * G_USEC_PER_SEC) + 1) * 60 * G_USEC_PER_SEC;
    return at;
}

/* --- several from above at one time --- */

static unsigned rank(BcInboxes *inbox, const BcInboxItem *item)
{
    const BcBulletin *bulletin = bc_bulletins_find(inbox->bulletins, item->bulletin);
    return bulletin && bulletin->origin == BC_FROM_CENTRAL ? 0 : 1;
}

/* A strict order, so that no two yield to each other. */
static bool goes_before(BcInboxes *inbox, const BcInboxItem *a, const BcInboxItem *b, int64_t now)
{
    bool a_fixed = a->choice || a->state == BC_INBOX_PLAYED || a->at_us <= now + SOON_US;
    if (a_fixed)
        return true;
    unsigned of_a = rank(inbox, a), of_b = rank(inbox, b);
    if (of_a != of_b)
        return of_a < of_b;
    return a->received_us != b->received_us ? a->received_us > b->received_us : strcmp(a->id, b->id) < 0;
}

int64_t bc_inboxes_queue(BcInboxes *inbox, const BcInboxItem *item, int64_t at_us)
{
    const BcBulletin *bulletin = bc_bulletins_find(inbox->bulletins, item->bulletin);
    int64_t length = bc_inboxes_length_us(inbox, item), now = bc_broadcast_wall_us(inbox->broadcast), second = G_USEC_PER_SEC, at = at_us;
    int64_t to = bulletin && bulletin->approved ? bulletin->approved->to_us : 0;
    g_autoptr(GPtrArray) all = bc_table_values(inbox->by_id);
    unsigned seen = 0;
    for (unsigned i = 0; i < all->len && seen < MET_MAX; i++) {
        const BcInboxItem *other = all->pdata[i];
        bool placed = other->state == BC_INBOX_PLACED || other->state == BC_INBOX_CONFLICT || other->state == BC_INBOX_PLAYED;
        if (!placed || other->priority != BC_PRIORITY || strcmp(other->area, item->area) != 0 || !strcmp(other->bulletin, item->bulletin) ||
            other->at_us >= at + length)
            continue;
        int64_t end = other->at_us + bc_inboxes_length_us(inbox, other) + 2 * second;
        if (end <= at || !goes_before(inbox, other, item, now))
            continue;
        at = (end + second - 1) / second * second;
        seen++;
        i = (unsigned)-1; /* from the first again: the new place may meet another */
    }
    return to && at >= to ? at_us : at;
}
