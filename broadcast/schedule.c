/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/schedule.h"

#include <string.h>

#define TIMES_MAX 1000 /* of one schedule, kept ahead: rules make at most 288 a day */

typedef struct Item {
    BcSchedule s; /* first */
    char **areas;
    BcRecurrence *recurrence;
    GArray *times;             /* int64_t: occurrences from from_us on, see fill; NULL: not asked yet */
    int64_t from_us, beyond_us; /* beyond: the first that is not in times */
} Item;

typedef struct Claim {
    char *schedule, *state, *announcement;
    int64_t at_us, now_us;
    BcSchedules *owner;
    BcDoneFn done;
    void *user;
} Claim;

struct BcSchedules { /* g_rc_box */
    MdStore *store;
    GHashTable *by_id;  /* id -> Item*, owned */
    GHashTable *claims; /* "id@us" of the look-back window */
};

static void free_item(gpointer data)
{
    Item *item = data;
    const char *const strings[] = {item->s.id,   item->s.name, item->s.content,     item->s.start_local,
                                   item->s.zone, item->s.rule, item->s.until_local, item->s.created_by};
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++)
        g_free((char *)strings[i]);
    g_strfreev(item->areas);
    bc_recurrence_free(item->recurrence);
    g_clear_pointer(&item->times, g_array_unref);
    g_free(item);
}

static const char *filled(const char *text)
{
    return text && *text ? text : NULL;
}

static Item *new_item(const BcSchedule *s, GError **error)
{
    BcRecurrence *recurrence = bc_recurrence_new(s->start_local, s->zone, s->rule, s->until_local, error);
    if (!recurrence)
        return NULL;
    Item *item = g_new0(Item, 1);
    item->s = *s;
    item->areas = g_strdupv((char **)s->areas);
    item->recurrence = recurrence;
    item->s.areas = (const char *const *)item->areas;
    item->s.id = g_strdup(s->id);
    item->s.name = g_strdup(s->name);
    item->s.content = g_strdup(s->content);
    item->s.start_local = g_strdup(s->start_local);
    item->s.zone = g_strdup(s->zone);
    item->s.rule = g_strdup(filled(s->rule));
    item->s.until_local = g_strdup(filled(s->until_local));
    item->s.created_by = g_strdup(s->created_by);
    return item;
}

static char *claim_key(const char *id, int64_t at_us)
{
    return g_strdup_printf("%s@%" G_GINT64_FORMAT, id, at_us);
}

static void clear_schedules(gpointer data)
{
    g_hash_table_unref(((BcSchedules *)data)->by_id);
    g_hash_table_unref(((BcSchedules *)data)->claims);
}

void bc_schedules_unref(BcSchedules *schedules)
{
    if (schedules)
        g_rc_box_release_full(schedules, clear_schedules);
}

static bool load_schedules(BcSchedules *schedules, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(schedules->store), error,
                                         "SELECT id, name, content, areas, start_local, zone, rule, until_local, priority, repeats,"
                                         " gap_s, grace_s, enabled, created_us, created_by FROM bc_schedules",
                                         "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        g_auto(GStrv) areas = g_strsplit(md_rows_text(rows, 3), ",", -1);
        BcSchedule s = {md_rows_text(rows, 0),
                        md_rows_text(rows, 1),
                        md_rows_text(rows, 2),
                        (const char *const *)areas,
                        md_rows_text(rows, 4),
                        md_rows_text(rows, 5),
                        md_rows_text(rows, 6),
                        md_rows_text(rows, 7),
                        (BcPriority)md_rows_int(rows, 8),
                        (unsigned)md_rows_int(rows, 9),
                        (unsigned)md_rows_int(rows, 10),
                        (unsigned)md_rows_int(rows, 11),
                        md_rows_int(rows, 12) != 0,
                        md_rows_int(rows, 13),
                        md_rows_text(rows, 14)};
        Item *item = new_item(&s, NULL);
        if (item) /* a zone that has vanished from the system: the row stays, nothing plays by it */
            g_hash_table_replace(schedules->by_id, (char *)item->s.id, item);
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}

static bool load_claims(BcSchedules *schedules, int64_t now_us, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(schedules->store), error,
                                         "SELECT schedule, occurrence_us FROM bc_claims WHERE occurrence_us >= $1", "i",
                                         now_us - 2 * BC_SCHEDULE_LOOK_BACK_US);
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure))
        g_hash_table_add(schedules->claims, claim_key(md_rows_text(rows, 0), md_rows_int(rows, 1)));
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}

BcSchedules *bc_schedules_new(MdStore *store, int64_t now_us, GError **error)
{
    BcSchedules *schedules = g_rc_box_new0(BcSchedules);
    schedules->store = store;
    schedules->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_item);
    schedules->claims = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (!load_schedules(schedules, error) || !load_claims(schedules, now_us, error)) {
        bc_schedules_unref(schedules);
        return NULL;
    }
    return schedules;
}

const BcSchedule *bc_schedules_find(const BcSchedules *schedules, const char *id)
{
    return id ? g_hash_table_lookup(schedules->by_id, id) : NULL;
}

static int by_id(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const BcSchedule *const *)a)->id, (*(const BcSchedule *const *)b)->id);
}

GPtrArray *bc_schedules_list(const BcSchedules *schedules)
{
    GPtrArray *all = bc_table_values(schedules->by_id);
    g_ptr_array_sort(all, by_id);
    return all;
}

static bool check(const BcSchedules *schedules, const BcSchedule *s, GError **error)
{
    unsigned areas = s->areas ? g_strv_length((char **)s->areas) : 0;
    bool codes = areas >= 1 && areas <= 500;
    for (unsigned i = 0; codes && i < areas; i++)
        codes = bc_code_ok(s->areas[i], 32);
    const char *bad = s->id && !bc_code_ok(s->id, 64)                                    ? "id"
                      : !bc_text_ok(s->name, 200)                                        ? "name"
                      : !s->content || strlen(s->content) != 64 || !bc_code_ok(s->content, 64) ? "content"
                      : !codes                                                           ? "areas"
                      : s->priority < BC_EMERGENCY || s->priority >= BC_PRIORITY_MAX     ? "priority"
                      : s->repeats < 1 || s->repeats > 10                                ? "repeats"
                      : s->gap_s > 300                                                   ? "gap_s"
                      : s->grace_s > 86400                                               ? "grace_s"
                                                                                         : NULL;
    if (bad) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "schedule: \"%s\" is missing or out of range", bad);
        return false;
    }
    if (!bc_schedules_find(schedules, s->id) && g_hash_table_size(schedules->by_id) >= BC_SCHEDULES_MAX) {
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "there are %u schedules already: remove old ones", BC_SCHEDULES_MAX);
        return false;
    }
    return true;
}

static bool write_schedule(MdDb *db, gpointer data, GError **error)
{
    const BcSchedule *s = data;
    g_autofree char *areas = g_strjoinv(",", (char **)s->areas);
    g_autoptr(MdRows) rows = md_db_query(db, error, "SELECT COUNT(*) FROM bc_content WHERE id = $1", "s", s->content);
    if (!rows || !md_rows_next(rows, error))
        return false;
    bool known = md_rows_int(rows, 0) > 0;
    g_clear_pointer(&rows, md_rows_free);
    if (!known) {
        g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "schedule: there is no recording %s", s->content);
        return false;
    }
    return md_db_run(db, error, "DELETE FROM bc_schedules WHERE id = $1", "s", s->id) &&
           md_db_run(db, error,
                     "INSERT INTO bc_schedules (id, name, content, areas, start_local, zone, rule, until_local, priority, repeats,"
                     " gap_s, grace_s, enabled, created_us, created_by)"
                     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
                     "ssssssssiiiiiis", s->id, s->name, s->content, areas, s->start_local, s->zone, s->rule, s->until_local,
                     (int64_t)s->priority, (int64_t)s->repeats, (int64_t)s->gap_s, (int64_t)s->grace_s, (int64_t)s->enabled,
                     s->changed_us, s->created_by);
}

static void apply_schedule(gpointer owner, gpointer data)
{
    Item *item = new_item(data, NULL);
    if (item)
        g_hash_table_replace(((BcSchedules *)owner)->by_id, (char *)item->s.id, item);
}

void bc_schedules_put(BcSchedules *schedules, const BcSchedule *schedule, int64_t now_us, char **ret_id, BcDoneFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *made = schedule->id ? NULL : bc_new_id("s");
    BcSchedule s = *schedule;
    if (made)
        s.id = made;
    s.changed_us = now_us;
    Item *item = check(schedules, &s, &error) ? new_item(&s, &error) : NULL;
    if (item && s.enabled && bc_recurrence_next(item->recurrence, now_us) == INT64_MAX)
        error = g_error_new(BC_ERROR, BC_ERROR_INVALID, "schedule: it would never play: start (and until) are in the past");
    if (error) {
        if (item)
            free_item(item);
        if (done)
            done(error, user);
        return;
    }
    if (ret_id)
        *ret_id = g_strdup(s.id);
    bc_write(schedules->store, write_schedule, item, free_item, schedules, (GDestroyNotify)bc_schedules_unref, apply_schedule, done, user);
}

static bool delete_schedule(MdDb *db, gpointer data, GError **error)
{
    return md_db_run(db, error, "DELETE FROM bc_schedules WHERE id = $1", "s", (const char *)data);
}

static void forget_schedule(gpointer owner, gpointer data)
{
    g_hash_table_remove(((BcSchedules *)owner)->by_id, data);
}

void bc_schedules_remove(BcSchedules *schedules, const char *id, BcDoneFn done, void *user)
{
    if (!bc_schedules_find(schedules, id)) {
        g_autoptr(GError) error = g_error_new(BC_ERROR, BC_ERROR_NOT_FOUND, "there is no schedule %s", id ? id : "");
        if (done)
            done(error, user);
        return;
    }
    bc_write(schedules->store, delete_schedule, g_strdup(id), g_free, schedules, (GDestroyNotify)bc_schedules_unref, forget_schedule,
             done, user);
}

static int by_time(gconstpointer a, gconstpointer b)
{
    const BcDue *x = a, *y = b;
    return x->at_us < y->at_us ? -1 : x->at_us > y->at_us;
}

/* times has every occurrence in [from, to), and perhaps more. Time goes on, so the rule is walked forward alone and once; only a
 * clock set back starts it anew. */
static void fill(Item *item, int64_t from_us, int64_t to_us)
{
    unsigned gone = 0;
    if (!item->times || from_us < item->from_us) {
        g_clear_pointer(&item->times, g_array_unref);
        item->times = g_array_new(FALSE, FALSE, sizeof(int64_t));
        item->beyond_us = bc_recurrence_next(item->recurrence, from_us - 1);
    }
    item->from_us = from_us;
    while (gone < item->times->len && g_array_index(item->times, int64_t, gone) < from_us)
        gone++;
    if (gone)
        g_array_remove_range(item->times, 0, gone);
    while (item->beyond_us < to_us && item->times->len < TIMES_MAX) {
        if (item->beyond_us >= from_us)
            g_array_append_val(item->times, item->beyond_us);
        item->beyond_us = bc_recurrence_next(item->recurrence, item->beyond_us);
    }
}

/* First occurrence after that moment. */
static int64_t next_after(Item *item, int64_t after_us)
{
    if (!item->times || after_us < item->from_us - 1 || item->beyond_us <= after_us)
        fill(item, MAX(after_us - BC_SCHEDULE_LOOK_BACK_US, item->s.changed_us), after_us + 1);
    for (unsigned i = 0; i < item->times->len; i++)
        if (g_array_index(item->times, int64_t, i) > after_us)
            return g_array_index(item->times, int64_t, i);
    return item->beyond_us > after_us ? item->beyond_us : INT64_MAX;
}

GArray *bc_schedules_due(BcSchedules *schedules, int64_t now_us, BcLeadFn lead, void *user)
{
    GArray *due = g_array_new(FALSE, FALSE, sizeof(BcDue));
    GHashTableIter it;
    gpointer value;
    g_hash_table_iter_init(&it, schedules->by_id);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        Item *item = value;
        if (!item->s.enabled)
            continue;
        int64_t from = MAX(now_us - BC_SCHEDULE_LOOK_BACK_US, item->s.changed_us), to = now_us + lead(&item->s, user);
        fill(item, from, to + 1);
        for (unsigned i = 0; i < item->times->len && g_array_index(item->times, int64_t, i) <= to; i++) {
            int64_t at = g_array_index(item->times, int64_t, i);
            g_autofree char *key = claim_key(item->s.id, at);
            BcDue row = {item->s.id, at, at < now_us - (int64_t)item->s.grace_s * G_USEC_PER_SEC};
            if (!g_hash_table_contains(schedules->claims, key))
                g_array_append_val(due, row);
        }
    }
    g_array_sort(due, by_time);
    return due;
}

int64_t bc_schedules_wake_us(BcSchedules *schedules, int64_t now_us, BcLeadFn lead, void *user)
{
    int64_t wake = INT64_MAX;
    GHashTableIter it;
    gpointer value;
    g_hash_table_iter_init(&it, schedules->by_id);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        Item *item = value;
        int64_t ahead = lead(&item->s, user);
        int64_t next = item->s.enabled ? next_after(item, MAX(now_us + ahead, item->s.changed_us - 1)) : INT64_MAX;
        if (next != INT64_MAX)
            wake = MIN(wake, MAX(next - ahead, now_us));
    }
    return wake;
}

int64_t bc_schedules_next_us(const BcSchedules *schedules, const char *id, int64_t now_us)
{
    Item *item = id ? g_hash_table_lookup(schedules->by_id, id) : NULL;
    return item && item->s.enabled ? next_after(item, now_us) : INT64_MAX;
}

static bool write_claim(MdDb *db, gpointer data, GError **error)
{
    const Claim *c = data;
    return md_db_run(db, error,
                     "INSERT INTO bc_claims (schedule, occurrence_us, claimed_us, state, announcement) VALUES ($1, $2, $3, $4, $5)",
                     "siiss", c->schedule, c->at_us, c->now_us, c->state, c->announcement);
}

static void free_claim(gpointer data)
{
    Claim *claim = data;
    g_free(claim->schedule);
    g_free(claim->state);
    g_free(claim->announcement);
    bc_schedules_unref(claim->owner);
    g_free(claim);
}

static void on_claimed(const GError *error, void *user)
{
    Claim *claim = user;
    bool taken = error && g_error_matches(error, MD_STORE_ERROR, MD_STORE_ERROR_CONSTRAINT);
    if (error && !taken) {
        g_autofree char *key = claim_key(claim->schedule, claim->at_us);
        g_hash_table_remove(claim->owner->claims, key);
    }
    g_autoptr(GError) exists = taken ? g_error_new(BC_ERROR, BC_ERROR_EXISTS, "this occurrence was played or missed before") : NULL;
    if (claim->done)
        claim->done(taken ? exists : error, claim->user);
}

void bc_schedules_hold(BcSchedules *schedules, const char *id, int64_t at_us)
{
    g_hash_table_add(schedules->claims, claim_key(id, at_us));
}

void bc_schedules_claim(BcSchedules *schedules, const char *id, int64_t at_us, const char *state, const char *announcement,
                        int64_t now_us, BcDoneFn done, void *user)
{
    Claim *claim = g_new0(Claim, 1);
    *claim = (Claim){g_strdup(id), g_strdup(state), g_strdup(announcement), at_us, now_us, g_rc_box_acquire(schedules), done, user};
    g_hash_table_add(schedules->claims, claim_key(id, at_us));
    /* data must outlive the done callback: bc_write frees it after that */
    bc_write(schedules->store, write_claim, claim, free_claim, NULL, NULL, NULL, on_claimed, claim);
}
