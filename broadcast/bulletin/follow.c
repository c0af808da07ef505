/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What follows by itself: a bulletin is scheduled when a schedule plays it, played when it has sounded, expired when its time is over;
 * schedules follow the approved version. Everything here may be done again after a restart: it is read off what is stored. */
#include "broadcast/bulletin/private.h"

#include <string.h>

#define RECONCILE_US (60 * G_USEC_PER_SEC)
#define TRIES_MAX 20u

static void on_look(BcTimer *timer, void *user);

static void look_at(BcBulletins *b, int64_t in_us)
{
    BcTimers *timers = bc_broadcast_timers(b->broadcast);
    if (!b->stopping)
        bc_timer_at(timers, &b->timer, md_clock_now_us(bc_timers_clock(timers)) + in_us, on_look, b);
}

/* by itself: a race with a person's change is lost without a word; the next look tries again. */
static void move(BcBulletins *b, const BcBulletin *bulletin, BcBulletinState to, const char *what, const char *note)
{
    BcChange *c = bc_change_new(b, bulletin, what, NULL, note, NULL, NULL);
    c->after->state = to;
    bc_change_write(c);
}

/* --- schedules --- */

static bool over(const BcBulletin *bulletin, int64_t now_us)
{
    return bulletin->state == BC_BULLETIN_WITHDRAWN || bulletin->state == BC_BULLETIN_ARCHIVED || bulletin->state == BC_BULLETIN_EXPIRED ||
           (bulletin->approved && bulletin->approved->to_us && bulletin->approved->to_us <= now_us);
}

static void on_written(const GError *error, void *user)
{
    BcBulletins *b = user;
    b->pending--;
    bc_bulletins_unref(b);
}

/* A programme of this recording alone goes with its bulletin; in a longer one the item is silent. */
static void follow_item(BcBulletins *b, const BcSchedule *s, unsigned i, const BcBulletin *bulletin, int64_t now)
{
    BcSchedules *schedules = bc_broadcast_schedules(b->broadcast);
    const char *content = bulletin->approved ? bulletin->approved->content : NULL;
    if (over(bulletin, now)) {
        if (s->n_items > 1)
            return;
        b->pending++;
        bc_schedules_remove(schedules, s->id, on_written, g_rc_box_acquire(b));
    } else if (content && !g_str_equal(content, s->items[i].content) && bc_schedules_next_us(schedules, s->id, now) != INT64_MAX) {
        g_autofree BcItem *items = g_memdup2(s->items, s->n_items * sizeof *items);
        BcSchedule moved = *s;
        items[i].content = content;
        moved.items = items;
        moved.content = NULL;
        b->pending++;
        bc_broadcast_put_schedule(b->broadcast, &moved, NULL, on_written, g_rc_box_acquire(b));
    }
}

/* Which bulletins have something to come? */
static GHashTable *scheduled(BcBulletins *b, int64_t now)
{
    GHashTable *set = g_hash_table_new(g_str_hash, g_str_equal);
    BcSchedules *schedules = bc_broadcast_schedules(b->broadcast);
    g_autoptr(GPtrArray) all = bc_schedules_list(schedules);
    for (unsigned i = 0; i < all->len; i++) {
        const BcSchedule *s = all->pdata[i];
        bool coming = s->enabled && !s->draft && bc_schedules_next_us(schedules, s->id, now) != INT64_MAX;
        bool inbox = g_str_has_prefix(s->id, "s-i-"); /* made and unmade there */
        for (unsigned k = 0; k < s->n_items; k++) {
            const BcBulletin *bulletin = s->items[k].content ? bc_bulletins_of_content(b, s->items[k].content) : NULL;
            if (!bulletin)
                continue;
            if (coming && bulletin->approved && !g_strcmp0(bulletin->approved->content, s->items[k].content))
                g_hash_table_add(set, (char *)bulletin->id);
            if (!inbox)
                follow_item(b, s, k, bulletin, now);
        }
    }
    return set;
}

static bool expires(const BcBulletin *bulletin, int64_t now)
{
    int64_t to = bulletin->approved ? MAX(bulletin->approved->to_us, bulletin->now->to_us) : bulletin->now->to_us;
    bool open = bulletin->state <= BC_BULLETIN_SCHEDULED;
    bool endless = !bulletin->now->to_us || (bulletin->approved && !bulletin->approved->to_us);
    return open && !endless && to <= now;
}

static void follow(BcBulletins *b, const BcBulletin *bulletin, GHashTable *set, int64_t now)
{
    if (expires(bulletin, now) && bulletin->runs)
        move(b, bulletin, BC_BULLETIN_PLAYED, "expired", "its validity is over");
    else if (expires(bulletin, now))
        move(b, bulletin, BC_BULLETIN_EXPIRED, "expired", "its validity is over");
    else if (set && (bulletin->state == BC_BULLETIN_APPROVED || bulletin->state == BC_BULLETIN_PLAYED) && g_hash_table_contains(set, bulletin->id))
        move(b, bulletin, BC_BULLETIN_SCHEDULED, "scheduled", NULL);
    else if (set && bulletin->state == BC_BULLETIN_SCHEDULED && !g_hash_table_contains(set, bulletin->id))
        move(b, bulletin, bulletin->runs ? BC_BULLETIN_PLAYED : BC_BULLETIN_APPROVED, bulletin->runs ? "played" : "unscheduled",
             bulletin->runs ? "nothing more is to come" : NULL);
}

static void on_look(BcTimer *timer, void *user)
{
    BcBulletins *b = user;
    int64_t now = bc_bulletins_wall_us(b);
    bool schedules = b->reconcile || now - b->reconciled_us >= RECONCILE_US || now < b->reconciled_us;
    g_autoptr(GHashTable) set = schedules ? scheduled(b, now) : NULL;
    g_autoptr(GPtrArray) all = bc_table_values(b->by_id);
    for (unsigned i = 0; i < all->len; i++)
        follow(b, all->pdata[i], set, now);
    if (schedules)
        b->reconciled_us = now;
    b->reconcile = false;
    look_at(b, b->o.look_us);
}

/* --- what is heard --- */

typedef struct Played {
    BcBulletins *b;
    char *id, *note, *key;
    int64_t start_us;
    unsigned tries;
} Played;

static void note_played(Played *p);

static void on_noted(const GError *error, void *user)
{
    Played *p = user;
    BcBulletins *b = p->b;
    bool again = error && error->domain == BC_ERROR && error->code == BC_ERROR_CHANGED; /* somebody changed it at the same moment */
    if (again && ++p->tries < TRIES_MAX && !b->stopping) {
        note_played(p);
        return;
    }
    g_hash_table_remove(b->counting, p->key);
    g_free(p->id);
    g_free(p->note);
    g_free(p->key);
    g_free(p);
    bc_bulletins_unref(b);
}

static void note_played(Played *p)
{
    const BcBulletin *bulletin = bc_bulletins_find(p->b, p->id);
    BcChange *c = bc_change_new(p->b, bulletin, "played", NULL, p->note, on_noted, p);
    c->after->runs++;
    c->after->played_us = p->start_us;
    if (bulletin->state == BC_BULLETIN_APPROVED || bulletin->state == BC_BULLETIN_SCHEDULED)
        c->after->state = BC_BULLETIN_PLAYED; /* scheduled again, when more is to come, by the next look */
    bc_change_write(c);
}

/* What goes on after a restart, or after something more urgent, is the same announcement still. */
static void count_run(BcBulletins *b, const BcBulletin *bulletin, const BcRun *run)
{
    g_autofree char *note = g_strdup_printf("announcement %s", run->id), *key = g_strdup_printf("%s %s", bulletin->id, run->id);
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(b->store), NULL,
                                         "SELECT 1 FROM bc_bulletin_steps WHERE bulletin = $1 AND what = 'played' AND note = $2", "ss",
                                         bulletin->id, note);
    if ((rows && md_rows_next(rows, NULL)) || g_hash_table_contains(b->counting, key))
        return;
    Played *p = g_new0(Played, 1);
    *p = (Played){g_rc_box_acquire(b), g_strdup(bulletin->id), g_steal_pointer(&note), g_steal_pointer(&key), run->start_us, 0};
    g_hash_table_add(b->counting, g_strdup(p->key));
    b->reconcile = true;
    note_played(p);
}

static void on_broadcast(const char *type, const BcRun *run, void *user)
{
    BcBulletins *b = user;
    const BcBulletin *bulletin = bc_bulletins_of_content(b, run->content);
    if (g_str_equal(type, "schedule.stored") || g_str_equal(type, "announcement.ended")) {
        b->reconcile = true;
        look_at(b, 0);
    }
    if (bulletin && g_str_equal(type, "announcement.playing"))
        count_run(b, bulletin, run);
}

static void on_bulletin(const char *type, const BcBulletin *bulletin, void *user)
{
    BcBulletins *b = user;
    b->reconcile = true;
    look_at(b, 0);
}

void bc_bulletins_follow_start(BcBulletins *b)
{
    bc_broadcast_add_listener(b->broadcast, on_broadcast, b);
    bc_bulletins_add_listener(b, on_bulletin, b);
    b->reconcile = true;
    look_at(b, 0);
}

void bc_bulletins_follow_stop(BcBulletins *b)
{
    bc_timer_cancel(&b->timer);
    bc_broadcast_remove_listener(b->broadcast, on_broadcast, b);
    bc_bulletins_remove_listener(b, on_bulletin, b);
}

/* --- by hand --- */

typedef struct Scheduling {
    BcBulletins *b;
    BcDoneFn done;
    void *user;
} Scheduling;

static void on_scheduled(const GError *error, void *user)
{
    Scheduling *s = user;
    s->b->pending--;
    if (s->done)
        s->done(error, s->user);
    bc_bulletins_unref(s->b);
    g_free(s);
}

char *bc_bulletins_local_time(BcBulletins *b, int64_t wall_us)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(bc_broadcast_timezone(b->broadcast));
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(wall_us / G_USEC_PER_SEC);
    g_autoptr(GDateTime) at = zone && utc ? g_date_time_to_timezone(utc, zone) : NULL;
    return at ? g_date_time_format(at, "%Y-%m-%dT%H:%M:%S") : NULL;
}

static bool may_schedule(BcBulletins *b, const BcBulletin *bulletin, int64_t revision, const char *const *areas, const BcWho *who, GError **error)
{
    if (!bulletin)
        g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "there is no such bulletin");
    else if (!bc_bulletins_revision_ok(b, bulletin, revision, error))
        return false;
    else if (!bulletin->approved)
        g_set_error(error, BC_ERROR, BC_ERROR_STATE, "bulletin %s is %s: it must be approved before it is scheduled", bulletin->id,
                    bc_bulletin_state_to_string(bulletin->state));
    else if (over(bulletin, bc_bulletins_wall_us(b)))
        g_set_error(error, BC_ERROR, BC_ERROR_STATE, "bulletin %s is over (%s): it cannot be scheduled", bulletin->id,
                    bc_bulletin_state_to_string(bulletin->state));
    else if (!bulletin->approved->content)
        g_set_error(error, BC_ERROR, BC_ERROR_STATE, "bulletin %s has no sound: loudspeakers cannot play it", bulletin->id);
    for (unsigned i = 0; error && !*error && areas[i]; i++) {
        bool asked = false;
        for (unsigned j = 0; bulletin->approved->areas[j]; j++)
            asked |= bc_areas_contains(bc_broadcast_areas(b->broadcast), bulletin->approved->areas[j], areas[i]);
        if (!asked)
            g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "bulletin %s was not approved for area %s", bulletin->id, areas[i]);
        else if (!bc_who_may(b, who, areas[i]))
            g_set_error(error, BC_ERROR, BC_ERROR_FORBIDDEN, "%s works in area %s, not in %s", who->name, who->area, areas[i]);
    }
    return !*error;
}

void bc_bulletins_schedule(BcBulletins *b, const char *id, int64_t revision, const BcBulletinWhen *when, const BcWho *who,
                           char **ret_schedule, BcDoneFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    const BcBulletin *bulletin = bc_bulletins_find(b, id);
    const char *const *areas = when->areas && when->areas[0] ? when->areas : bulletin && bulletin->approved ? bulletin->approved->areas : NULL;
    static const char *const none[] = {NULL};
    if (!may_schedule(b, bulletin, revision, areas ? areas : none, who, &error)) {
        done(error, user);
        return;
    }
    const BcBulletinFields *f = bulletin->approved;
    g_autofree char *until = f->to_us ? bc_bulletins_local_time(b, f->to_us - G_USEC_PER_SEC) : NULL;
    g_autofree char *name = g_strndup(f->title, 200);
    BcSchedule s = {.name = name, .content = f->content, .areas = areas, .start_local = when->start_local, .rule = when->rule,
                    .until_local = until, .priority = f->priority == BC_EMERGENCY ? BC_PRIORITY : f->priority, .repeats = MAX(when->repeats, 1),
                    .gap_s = when->gap_s, .grace_s = when->grace_s, .enabled = true, .created_by = who->name,
                    .owner = bulletin->area, .central = bulletin->origin == BC_FROM_CENTRAL, .expires_us = f->to_us};
    Scheduling *state = g_new0(Scheduling, 1);
    *state = (Scheduling){g_rc_box_acquire(b), done, user};
    b->pending++;
    bc_broadcast_put_schedule(b->broadcast, &s, ret_schedule, on_scheduled, state);
}
