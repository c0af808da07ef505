/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the inbox does by itself: delivery, deadlines, reminders, and the schedules that follow. Everything is read off the items'
 * states, so that a new life takes up what a former one left. */
#include "broadcast/bulletin/inboxes-private.h"

#include <string.h>

#define LOOK_MAX_US (30 * G_USEC_PER_SEC)
#define SOON_US (60ll * G_USEC_PER_SEC)
#define LATE_US (3600ll * G_USEC_PER_SEC)    /* an emergency so old has been overtaken by what came since */
#define LEAD_US (30 * G_USEC_PER_SEC)      /* a decision must be there so long before the first sound */
#define BETWEEN_US (2 * G_USEC_PER_SEC)
#define GRACE_S 600
#define REMOVE_MAX 200u                    /* at one look */
#define RETRY_US (5 * G_USEC_PER_SEC)

/* --- areas --- */

static bool is_commune(const BcAreas *areas, const BcArea *area)
{
    static const char *const kinds[] = {"commune", "ward", "township", "xa", "phuong", "thi-tran", "dac-khu", NULL};
    static const char *const larger[] = {"district", "huyen", "quan", "thi-xa", "thanh-pho", NULL};
    if (g_strv_contains(kinds, area->kind))
        return true;
    const BcArea *parent = area->parent ? bc_areas_find(areas, area->parent) : NULL;
    return parent && !parent->parent && !g_strv_contains(larger, area->kind);
}

const char *bc_inboxes_commune_of(const BcAreas *areas, const char *code)
{
    const char *found = NULL;
    for (const BcArea *at = code ? bc_areas_find(areas, code) : NULL; at; at = at->parent ? bc_areas_find(areas, at->parent) : NULL)
        if (is_commune(areas, at))
            found = at->code; /* the outermost */
    return found;
}

static void add_area(GHashTable *communes, const char *commune, const char *area)
{
    GPtrArray *list = g_hash_table_lookup(communes, commune);
    if (!list) {
        list = g_ptr_array_new();
        g_hash_table_insert(communes, (char *)commune, list);
    }
    g_ptr_array_add(list, (char *)area);
}

/* commune -> what of it was asked */
static GHashTable *addressees(BcInboxes *inbox, const BcBulletin *bulletin)
{
    const BcAreas *areas = bc_broadcast_areas(inbox->broadcast);
    GHashTable *communes = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
    for (unsigned i = 0; bulletin->approved->areas[i]; i++) {
        const BcArea *asked = bc_areas_find(areas, bulletin->approved->areas[i]);
        const char *commune = asked ? bc_inboxes_commune_of(areas, asked->code) : NULL;
        g_autoptr(GPtrArray) below = asked && !commune ? bc_areas_subtree(areas, asked->code) : NULL;
        bool own_level = commune && bc_areas_contains(areas, commune, bulletin->area);
        if (commune && (!own_level || bulletin->approved->priority == BC_EMERGENCY)) /* its own emergencies sound the same way */
            add_area(communes, commune, asked->code);
        for (unsigned k = 0; below && k < below->len; k++) {
            const BcArea *area = below->pdata[k];
            const char *own = bc_inboxes_commune_of(areas, area->code);
            if (own && g_str_equal(own, area->code))
                add_area(communes, area->code, area->code);
        }
    }
    return communes;
}

/* --- delivery --- */

static void set_conflict_or_place(BcInboxes *inbox, BcInboxItem *item, int64_t now, int64_t asked_us)
{
    g_autofree char *schedule = g_strconcat("s-", item->id, NULL);
    item->at_us = bc_inboxes_queue(inbox, item, bc_inboxes_place(inbox, item, asked_us));
    const BcSchedule *other = bc_inboxes_clash(inbox, item, item->at_us, bc_inboxes_length_us(inbox, item), &item->other_at_us);
    bc_inboxes_set(&item->schedule, schedule);
    if (!other) {
        item->state = BC_INBOX_PLACED;
        return;
    }
    item->state = BC_INBOX_CONFLICT;
    bc_inboxes_set(&item->other, other->id);
    int64_t first = MIN(item->at_us, item->other_at_us) - LEAD_US;
    item->deadline_us = MAX(MIN(now + bc_inboxes_rule(inbox, item->area).decide_s * G_USEC_PER_SEC, first), now);
    item->remind_us = now + (item->deadline_us - now) / 2;
}

static const char *deliver_one(BcInboxes *inbox, const BcBulletin *bulletin, BcInboxItem *item, int64_t now)
{
    if (item->priority == BC_EMERGENCY) {
        item->state = BC_INBOX_DUE;
        item->at_us = now;
    } else if (item->priority == BC_PRIORITY) {
        set_conflict_or_place(inbox, item, now, MAX(bulletin->approved->asked_us, bulletin->approved->from_us));
    } else {
        item->state = BC_INBOX_WAITING;
        item->remind_us = now + bc_inboxes_rule(inbox, item->area).remind_s * G_USEC_PER_SEC;
        item->deadline_us = bulletin->approved->to_us;
    }
    return item->state == BC_INBOX_CONFLICT ? "inbox.conflict" : "inbox.arrived";
}

/* A newer version takes the place of what an older one left. */
static void retire_older(BcInboxes *inbox, const BcBulletin *bulletin, const char *commune)
{
    g_autoptr(GPtrArray) all = bc_table_values(inbox->by_id);
    for (unsigned i = 0; i < all->len; i++) {
        const BcInboxItem *item = all->pdata[i];
        if (item->version >= bulletin->approved_version || strcmp(item->bulletin, bulletin->id) != 0 || strcmp(item->area, commune) != 0 ||
            item->state >= BC_INBOX_DUE || item->state == BC_INBOX_DECLINED || g_hash_table_contains(inbox->busy, item->id))
            continue;
        BcInboxItem *after = bc_inboxes_copy(item);
        after->state = BC_INBOX_WITHDRAWN;
        bc_inboxes_set(&after->reason, "a newer version came");
        bc_inboxes_write(inbox, after, "inbox.withdrawn", NULL, NULL);
    }
}

static void deliver(BcInboxes *inbox, const BcBulletin *bulletin)
{
    g_autoptr(GHashTable) communes = addressees(inbox, bulletin);
    int64_t now = bc_broadcast_wall_us(inbox->broadcast);
    g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(communes), (GCompareFunc)strcmp);
    for (GList *at = names; at; at = at->next) {
        const char *commune = at->data;
        GPtrArray *list = g_hash_table_lookup(communes, commune);
        g_autofree char *key = g_strdup_printf("%s/%" G_GINT64_FORMAT "/%s", bulletin->id, bulletin->approved_version, commune);
        g_autofree char *name = g_compute_checksum_for_string(G_CHECKSUM_SHA256, key, -1);
        g_autofree char *id = g_strdup_printf("i-%.20s", name); /* the same delivery is the same item, in whichever life it happens */
        if (g_hash_table_contains(inbox->by_key, key) || g_hash_table_contains(inbox->busy, id) || g_hash_table_size(inbox->by_id) >= BC_INBOX_MAX)
            continue;
        g_ptr_array_add(list, NULL);
        BcInboxItem item = {.id = id, .bulletin = bulletin->id, .version = bulletin->approved_version, .area = commune,
                            .areas = (const char *const *)list->pdata, .priority = bulletin->approved->priority, .received_us = now};
        BcInboxItem *after = bc_inboxes_copy(&item);
        const char *event = deliver_one(inbox, bulletin, after, now);
        retire_older(inbox, bulletin, commune);
        bc_inboxes_write(inbox, after, event, NULL, NULL);
    }
}

/* --- emergencies --- */

typedef struct Sounding {
    BcInboxes *inbox;
    char *key, *bulletin;
    int64_t version;
} Sounding;

static void on_started(const char *id, const GError *error, void *user)
{
    Sounding *s = user;
    BcInboxes *inbox = s->inbox;
    inbox->pending--;
    if (error)
        g_hash_table_remove(inbox->playing, s->key); /* the next look tries again */
    g_autoptr(GPtrArray) all = bc_table_values(inbox->by_id);
    for (unsigned i = 0; !error && i < all->len; i++) {
        const BcInboxItem *item = all->pdata[i];
        if (item->state != BC_INBOX_DUE || item->version != s->version || strcmp(item->bulletin, s->bulletin) != 0)
            continue;
        BcInboxItem *after = bc_inboxes_copy(item);
        after->state = BC_INBOX_PLAYED;
        bc_inboxes_write(inbox, after, "inbox.played", NULL, NULL);
    }
    g_free(s->key);
    g_free(s->bulletin);
    g_free(s);
    bc_inboxes_unref(inbox);
}

/* Once for all its areas: not through the communes. */
static void sound(BcInboxes *inbox, const BcBulletin *bulletin)
{
    g_autofree char *key = g_strdup_printf("%s/%" G_GINT64_FORMAT, bulletin->id, bulletin->approved_version);
    const BcBulletinFields *f = bulletin->approved;
    if (!f->content || !g_hash_table_add(inbox->playing, g_strdup(key)))
        return;
    Sounding *s = g_new0(Sounding, 1);
    *s = (Sounding){g_rc_box_acquire(inbox), g_steal_pointer(&key), g_strdup(bulletin->id), bulletin->approved_version};
    inbox->pending++;
    BcPlayOptions options = {.content = f->content, .areas = f->areas, .priority = BC_EMERGENCY, .repeats = 3, .expires_us = f->to_us,
                             .authority = bulletin->origin == BC_FROM_CENTRAL ? BC_AUTHORITY_CENTRAL
                                                                              : bc_authority_of(bc_broadcast_areas(inbox->broadcast), bulletin->area),
                             .title = f->title, .created_by = bulletin->approved_by};
    bc_broadcast_play_options(inbox->broadcast, &options, on_started, s);
}

typedef struct Sought {
    const char *content;
    int64_t since_us;
    bool found;
} Sought;

static void look_for(const BcRun *run, void *user)
{
    Sought *s = user;
    s->found |= run->priority == BC_EMERGENCY && !g_strcmp0(run->content, s->content) && MAX(run->issued_us, run->start_us) >= s->since_us;
}

/* Did a former life begin it, and end before it could say so here? What was begun goes on by itself. */
static bool has_sounded(BcInboxes *inbox, const BcInboxItem *item, const BcBulletin *bulletin)
{
    Sought sought = {bulletin->approved->content, item->received_us, false};
    g_autofree char *key = g_strdup_printf("%s/%" G_GINT64_FORMAT, item->bulletin, item->version);
    if (!sought.content || g_hash_table_contains(inbox->playing, key)) /* it is being begun: on_started says so */
        return false;
    bc_broadcast_running(inbox->broadcast, look_for, &sought);
    if (!sought.found)
        bc_play_log_runs(bc_broadcast_play_log(inbox->broadcast), NULL, 0, 200, look_for, &sought, NULL);
    return sought.found;
}

/* --- what follows a decision --- */

int64_t bc_inboxes_length_us(BcInboxes *inbox, const BcInboxItem *item)
{
    const BcBulletin *bulletin = bc_bulletins_find(inbox->bulletins, item->bulletin);
    const BcContent *content = bulletin && bulletin->approved
                                   ? bc_contents_find(bc_broadcast_contents(inbox->broadcast), bulletin->approved->content) : NULL;
    return content ? content->duration_us : 0;
}

void bc_inboxes_order(BcInboxes *inbox, const BcInboxItem *item, bool above_first, int64_t *ret_above_us, int64_t *ret_own_us)
{
    const BcSchedule *other = bc_schedules_find(bc_broadcast_schedules(inbox->broadcast), item->other);
    int64_t own_length = other ? bc_inboxes_schedule_length_us(inbox, other) : 0, length = bc_inboxes_length_us(inbox, item);
    int64_t second = G_USEC_PER_SEC; /* schedules know whole seconds */
    *ret_above_us = item->at_us;
    *ret_own_us = item->other_at_us;
    if (!other)
        return;
    if (above_first)
        *ret_own_us = MAX(item->other_at_us, (item->at_us + length + BETWEEN_US + second - 1) / second * second);
    else
        *ret_above_us = (MAX(item->at_us, item->other_at_us + own_length + BETWEEN_US) + second - 1) / second * second;
}

char *bc_inboxes_local(BcInboxes *inbox, int64_t wall_us)
{
    return bc_bulletins_local_time(inbox->bulletins, wall_us);
}

static void on_effect(const GError *error, void *user)
{
    BcInboxes *inbox = user;
    inbox->pending--;
    bc_inboxes_unref(inbox);
}

static void put_schedule(BcInboxes *inbox, const BcSchedule *schedule)
{
    inbox->pending++;
    bc_broadcast_put_schedule(inbox->broadcast, schedule, NULL, on_effect, g_rc_box_acquire(inbox));
}

/* The commune's item that waits for the other: this one occurrence of it, later. */
static void move_own(BcInboxes *inbox, const BcInboxItem *item, int64_t to_us)
{
    BcSchedules *schedules = bc_broadcast_schedules(inbox->broadcast);
    const BcSchedule *own = bc_schedules_find(schedules, item->other);
    g_autoptr(GArray) there = own ? bc_schedules_between(schedules, own->id, item->other_at_us, item->other_at_us + 1, 1) : NULL;
    g_autofree char *id = g_strdup_printf("s-%s-own", item->id), *start = bc_inboxes_local(inbox, to_us);
    g_autofree char *was = bc_inboxes_local(inbox, item->other_at_us);
    if (!own || item->other_at_us <= bc_broadcast_wall_us(inbox->broadcast) || to_us == item->other_at_us || to_us <= bc_broadcast_wall_us(inbox->broadcast))
        return;
    BcSchedule moved = *own;
    moved.start_local = start;
    if (!own->rule && there->len) {
        put_schedule(inbox, &moved);
    } else if (own->rule) {
        unsigned n = own->exdates ? g_strv_length((char **)own->exdates) : 0;
        g_autofree const char **exdates = g_new0(const char *, n + 2);
        BcSchedule rest = *own;
        for (unsigned i = 0; i < n; i++)
            exdates[i] = own->exdates[i];
        exdates[n] = was;
        rest.exdates = exdates;
        moved.id = id;
        moved.rule = moved.until_local = NULL;
        moved.exdates = NULL;
        if (!bc_schedules_find(schedules, id))
            put_schedule(inbox, &moved);
        if (there->len)
            put_schedule(inbox, &rest);
    }
}

void bc_inboxes_effect(BcInboxes *inbox, const BcInboxItem *item)
{
    const BcBulletin *bulletin = bc_bulletins_find(inbox->bulletins, item->bulletin);
    const BcBulletinFields *f = bulletin ? bulletin->approved : NULL;
    BcSchedules *schedules = bc_broadcast_schedules(inbox->broadcast);
    bool set = item->state == BC_INBOX_ACCEPTED || item->state == BC_INBOX_PLACED;
    if ((item->state == BC_INBOX_WITHDRAWN || item->state == BC_INBOX_CONFLICT || item->state == BC_INBOX_DECLINED) && item->schedule && bc_schedules_find(schedules, item->schedule)) {
        inbox->pending++;
        bc_schedules_remove(schedules, item->schedule, on_effect, g_rc_box_acquire(inbox));
    }
    if (!set || !f || !f->content || item->at_us <= bc_broadcast_wall_us(inbox->broadcast))
        return;
    const BcSchedule *there = bc_schedules_find(schedules, item->schedule);
    g_autofree char *start = bc_inboxes_local(inbox, item->at_us);
    if (!there || (item->state == BC_INBOX_PLACED && g_strcmp0(there->start_local, start) != 0)) {
        BcSchedule s = {.id = item->schedule, .name = f->title, .content = f->content, .areas = item->areas, .start_local = start,
                        .priority = item->priority, .repeats = 1, .grace_s = GRACE_S, .enabled = true, .expires_us = f->to_us,
                        .created_by = item->decided_by ? item->decided_by : bulletin->approved_by, .owner = bulletin->area,
                        .central = bulletin->origin == BC_FROM_CENTRAL};
        put_schedule(inbox, &s);
    }
    if (item->other && !g_strcmp0(item->choice, "above")) {
        int64_t above_us, own_us;
        bc_inboxes_order(inbox, item, true, &above_us, &own_us);
        move_own(inbox, item, own_us);
    }
}

/* --- time goes on --- */

static void change(BcInboxes *inbox, const BcInboxItem *item, BcInboxState state, const char *event, const char *reason)
{
    BcInboxItem *after = bc_inboxes_copy(item);
    after->state = state;
    after->deadline_us = after->remind_us = 0;
    if (reason)
        bc_inboxes_set(&after->reason, reason);
    bc_inboxes_write(inbox, after, event, NULL, NULL);
}

/* Its own time is over: the next that is good, where it may meet something else of the commune. */
static void place_again(BcInboxes *inbox, BcInboxItem *item)
{
    int64_t other_at_us = 0;
    item->at_us = bc_inboxes_queue(inbox, item, bc_inboxes_place(inbox, item, 0));
    const BcSchedule *other = bc_inboxes_clash(inbox, item, item->at_us, bc_inboxes_length_us(inbox, item), &other_at_us);
    bc_inboxes_set(&item->other, other ? other->id : NULL);
    item->other_at_us = other ? other_at_us : 0;
}

/* Nobody decided in time: the higher level goes first. */
static void decide_by_default(BcInboxes *inbox, const BcInboxItem *item, int64_t now)
{
    BcInboxItem *after = bc_inboxes_copy(item);
    after->state = BC_INBOX_PLACED;
    after->decided_us = now;
    after->by_default = true;
    after->deadline_us = after->remind_us = 0;
    bc_inboxes_set(&after->choice, "above");
    if (after->other_at_us <= now) { /* mediad was not there at that time: what is over is not moved */
        bc_inboxes_set(&after->other, NULL);
        after->other_at_us = 0;
    }
    if (after->at_us <= now)
        place_again(inbox, after);
    bc_inboxes_write(inbox, after, "inbox.decided", NULL, NULL);
}

static void remind(BcInboxes *inbox, const BcInboxItem *item, int64_t now)
{
    BcInboxItem *after = bc_inboxes_copy(item);
    after->remind_us = item->state == BC_INBOX_CONFLICT ? 0 : now + bc_inboxes_rule(inbox, item->area).remind_s * G_USEC_PER_SEC;
    bc_inboxes_write(inbox, after, "inbox.reminder", NULL, NULL);
}

/* The commune planned something of its own over what was placed. */
static bool meets_later(BcInboxes *inbox, const BcInboxItem *item, int64_t now)
{
    int64_t other_at = 0;
    if (item->priority != BC_PRIORITY || item->choice || item->at_us - LEAD_US <= now)
        return false;
    const BcSchedule *other = bc_inboxes_clash(inbox, item, item->at_us, bc_inboxes_length_us(inbox, item), &other_at);
    if (!other)
        return false;
    BcInboxItem *after = bc_inboxes_copy(item);
    set_conflict_or_place(inbox, after, now, item->at_us);
    if (after->state == BC_INBOX_CONFLICT) {
        bc_inboxes_write(inbox, after, "inbox.conflict", NULL, NULL);
        return true;
    }
    bc_inboxes_item_free(after);
    return false;
}

/* Another one from above came that goes before it at the same time. */
static bool yields(BcInboxes *inbox, const BcInboxItem *item, int64_t now)
{
    if (item->state != BC_INBOX_PLACED || item->priority != BC_PRIORITY || item->choice || item->at_us <= now + SOON_US ||
        bc_inboxes_queue(inbox, item, item->at_us) == item->at_us)
        return false;
    BcInboxItem *after = bc_inboxes_copy(item);
    set_conflict_or_place(inbox, after, now, item->at_us);
    bc_inboxes_write(inbox, after, after->state == BC_INBOX_CONFLICT ? "inbox.conflict" : "inbox.moved", NULL, NULL);
    return true;
}

static void follow(BcInboxes *inbox, const BcInboxItem *item, int64_t now)
{
    const BcBulletin *bulletin = bc_bulletins_find(inbox->bulletins, item->bulletin);
    const BcBulletinFields *f = bulletin ? bulletin->approved : NULL;
    bool open = item->state == BC_INBOX_WAITING || item->state == BC_INBOX_CONFLICT || item->state == BC_INBOX_DUE;
    bool set = item->state == BC_INBOX_ACCEPTED || item->state == BC_INBOX_PLACED;
    bool gone = !f || bulletin->state == BC_BULLETIN_WITHDRAWN || bulletin->state == BC_BULLETIN_ARCHIVED;
    if (!open && !set)
        return;
    if (gone)
        change(inbox, item, BC_INBOX_WITHDRAWN, "inbox.withdrawn", "its sender took it back");
    else if (open && f->to_us && f->to_us <= now)
        change(inbox, item, BC_INBOX_EXPIRED, "inbox.expired", "its validity is over");
    else if (item->state == BC_INBOX_DUE && item->at_us + LATE_US <= now)
        change(inbox, item, BC_INBOX_MISSED, "inbox.missed", "mediad could not play it for an hour: it must be sent again if it still holds");
    else if (item->state == BC_INBOX_DUE && has_sounded(inbox, item, bulletin))
        change(inbox, item, BC_INBOX_PLAYED, "inbox.played", NULL);
    else if (item->state == BC_INBOX_DUE)
        sound(inbox, bulletin);
    else if (item->state == BC_INBOX_CONFLICT && item->deadline_us <= now)
        decide_by_default(inbox, item, now);
    else if (open && item->remind_us && item->remind_us <= now)
        remind(inbox, item, now);
    else if (set && item->at_us + (GRACE_S + 60) * G_USEC_PER_SEC <= now)
        change(inbox, item, BC_INBOX_MISSED, "inbox.missed", "it was not heard at its time");
    else if (set && !meets_later(inbox, item, now) && !yields(inbox, item, now))
        bc_inboxes_effect(inbox, item);
}

static void on_look(BcTimer *timer, void *user);

static void look_in(BcInboxes *inbox, int64_t us)
{
    BcTimers *timers = bc_broadcast_timers(inbox->broadcast);
    bc_timer_at(timers, &inbox->timer, md_clock_now_us(bc_timers_clock(timers)) + us, on_look, inbox);
}

void bc_inboxes_look_soon(BcInboxes *inbox)
{
    look_in(inbox, 0);
}

/* May it come to an inbox (again)? */
static bool is_live(const BcBulletin *b, int64_t now)
{
    bool gone = b->state == BC_BULLETIN_WITHDRAWN || b->state == BC_BULLETIN_ARCHIVED || b->state == BC_BULLETIN_EXPIRED;
    return b->approved && !gone && (!b->approved->to_us || b->approved->to_us > now);
}

/* Dealt with long ago, and its bulletin (or that version of it) does not come again: else it would be delivered once more. */
static bool is_old(BcInboxes *inbox, const BcInboxItem *item, int64_t now)
{
    bool open = item->state == BC_INBOX_WAITING || item->state == BC_INBOX_CONFLICT || item->state == BC_INBOX_DUE || item->state == BC_INBOX_ACCEPTED ||
                item->state == BC_INBOX_PLACED;
    const BcBulletin *bulletin = bc_bulletins_find(inbox->bulletins, item->bulletin);
    int64_t last = MAX(MAX(item->received_us, item->decided_us), MAX(item->at_us, item->seen_us));
    return !open && last + (int64_t)inbox->o.keep_days * 86400 * G_USEC_PER_SEC <= now &&
           (!bulletin || !is_live(bulletin, now) || bulletin->approved_version != item->version);
}

/* What was approved in a former life, and not delivered in it. */
static void deliver_missing(BcInboxes *inbox)
{
    g_autoptr(GPtrArray) all = bc_bulletins_list(inbox->bulletins);
    int64_t now = bc_broadcast_wall_us(inbox->broadcast);
    for (unsigned i = 0; i < all->len; i++) {
        const BcBulletin *b = all->pdata[i];
        if (is_live(b, now))
            deliver(inbox, b);
    }
}

static void on_look(BcTimer *timer, void *user)
{
    BcInboxes *inbox = user;
    int64_t now = bc_broadcast_wall_us(inbox->broadcast), next = now + LOOK_MAX_US;
    g_autoptr(GPtrArray) all = bc_table_values(inbox->by_id);
    for (unsigned i = 0, removed = 0; i < all->len; i++) {
        const BcInboxItem *item = all->pdata[i];
        bool busy = g_hash_table_contains(inbox->busy, item->id);
        if (!busy && removed < REMOVE_MAX && is_old(inbox, item, now)) {
            bc_inboxes_remove(inbox, item);
            removed++;
            continue;
        }
        if (!busy)
            follow(inbox, item, now);
        bool waits = item->state == BC_INBOX_WAITING || item->state == BC_INBOX_CONFLICT;
        if (waits && item->deadline_us > now)
            next = MIN(next, item->deadline_us);
        if (waits && item->remind_us > now)
            next = MIN(next, item->remind_us);
        if (item->state == BC_INBOX_DUE)
            next = MIN(next, now + RETRY_US);
    }
    look_in(inbox, MAX(next - now, 1000));
}

static void on_bulletin(const char *type, const BcBulletin *bulletin, void *user)
{
    BcInboxes *inbox = user;
    if (g_str_equal(type, "bulletin.approved"))
        deliver(inbox, bulletin);
    else if (g_str_equal(type, "bulletin.withdrawn"))
        bc_inboxes_look_soon(inbox);
}

static void on_broadcast(const char *type, const BcRun *run, void *user)
{
    BcInboxes *inbox = user;
    if (g_str_equal(type, "schedule.stored"))
        bc_inboxes_look_soon(inbox);
    if (!run->schedule || !g_str_equal(type, "announcement.playing") || !g_str_has_prefix(run->schedule, "s-i-"))
        return;
    const BcInboxItem *item = bc_inboxes_find(inbox, run->schedule + strlen("s-"));
    if (item && (item->state == BC_INBOX_ACCEPTED || item->state == BC_INBOX_PLACED))
        change(inbox, item, BC_INBOX_PLAYED, "inbox.played", NULL);
}

void bc_inboxes_start(BcInboxes *inbox)
{
    bc_bulletins_add_listener(inbox->bulletins, on_bulletin, inbox);
    bc_broadcast_add_listener(inbox->broadcast, on_broadcast, inbox);
    deliver_missing(inbox);
    look_in(inbox, 0);
}

void bc_inboxes_stop(BcInboxes *inbox)
{
    bc_timer_cancel(&inbox->timer);
    bc_bulletins_remove_listener(inbox->bulletins, on_bulletin, inbox);
    bc_broadcast_remove_listener(inbox->broadcast, on_broadcast, inbox);
}
