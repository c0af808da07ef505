/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/schedule-row.h"

#include <string.h>
#include "broadcast/airing.h"

#define TIMES_MAX 1000 /* of one schedule, kept ahead: rules make at most 288 a day */

typedef struct Item {
    BcSchedule *s;
    BcRecurrence *recurrence;
    BcRecurrence *ahead;       /* for whoever looks far ahead: the walk of recurrence is not disturbed; NULL: nobody has yet */
    GArray *excluded;          /* Span: the exdates */
    GArray *times;             /* int64_t: occurrences from from_us on, see fill; NULL: not asked yet */
    int64_t from_us, beyond_us; /* beyond: the first that is not in times */
} Item;

typedef struct Span {
    int64_t from_us, to_us;
} Span;

typedef struct Claim {
    char *schedule, *state, *announcement;
    int64_t at_us, now_us;
    BcAiring *airing;
    BcSchedules *owner;
    BcDoneFn done;
    void *user;
} Claim;

struct BcSchedules { /* g_rc_box */
    MdStore *store;
    GHashTable *by_id;  /* id -> Item*, owned */
    GHashTable *claims; /* "id@us" of the look-back window */
    unsigned version;
};

static void free_item(gpointer data)
{
    Item *item = data;
    if (!item)
        return;
    bc_schedule_free(item->s);
    bc_recurrence_free(item->recurrence);
    bc_recurrence_free(item->ahead);
    g_clear_pointer(&item->excluded, g_array_unref);
    g_clear_pointer(&item->times, g_array_unref);
    g_free(item);
}

static Item *new_item(const BcSchedule *s, GError **error)
{
    BcRecurrence *recurrence = bc_recurrence_new(s->start_local, s->zone, s->rule, s->until_local, error);
    if (!recurrence)
        return NULL;
    Item *item = g_new0(Item, 1);
    item->s = bc_schedule_copy(s);
    item->recurrence = recurrence;
    item->excluded = g_array_new(FALSE, FALSE, sizeof(Span));
    for (unsigned i = 0; s->exdates && s->exdates[i]; i++) {
        Span span;
        if (bc_exdate_span(s->exdates[i], s->zone, &span.from_us, &span.to_us, NULL))
            g_array_append_val(item->excluded, span);
    }
    return item;
}

static bool is_excluded(const Item *item, int64_t at_us)
{
    for (unsigned i = 0; i < item->excluded->len; i++) {
        const Span *span = &g_array_index(item->excluded, Span, i);
        if (at_us >= span->from_us && at_us < span->to_us)
            return true;
    }
    return false;
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

static void take_row(const BcSchedule *s, void *user)
{
    BcSchedules *schedules = user;
    Item *item = new_item(s, NULL);
    if (item) /* a zone that has vanished from the system: the row stays, nothing plays by it */
        g_hash_table_replace(schedules->by_id, (char *)item->s->id, item);
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
    if (!bc_schedule_read(md_store_reader(store), take_row, schedules, error) || !load_claims(schedules, now_us, error)) {
        bc_schedules_unref(schedules);
        return NULL;
    }
    return schedules;
}

const BcSchedule *bc_schedules_find(const BcSchedules *schedules, const char *id)
{
    const Item *item = id ? g_hash_table_lookup(schedules->by_id, id) : NULL;
    return item ? item->s : NULL;
}

unsigned bc_schedules_version(const BcSchedules *schedules)
{
    return schedules->version;
}

static int by_id(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const BcSchedule *const *)a)->id, (*(const BcSchedule *const *)b)->id);
}

GPtrArray *bc_schedules_list(const BcSchedules *schedules)
{
    GPtrArray *all = bc_table_values(schedules->by_id);
    for (unsigned i = 0; i < all->len; i++)
        all->pdata[i] = ((Item *)all->pdata[i])->s;
    g_ptr_array_sort(all, by_id);
    return all;
}

static bool write_schedule(MdDb *db, gpointer data, GError **error)
{
    return bc_schedule_write(db, ((Item *)data)->s, error);
}

static void apply_schedule(gpointer owner, gpointer data)
{
    BcSchedules *schedules = owner;
    Item *item = new_item(((Item *)data)->s, NULL);
    schedules->version++;
    if (item)
        g_hash_table_replace(schedules->by_id, (char *)item->s->id, item);
}

void bc_schedules_put(BcSchedules *schedules, const BcSchedule *schedule, int64_t now_us, char **ret_id, BcDoneFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *made = schedule->id ? NULL : bc_new_id("s");
    BcSchedule s = *schedule;
    if (made)
        s.id = made;
    s.changed_us = now_us;
    Item *item = NULL;
    if (!bc_schedules_find(schedules, s.id) && g_hash_table_size(schedules->by_id) >= BC_SCHEDULES_MAX)
        error = g_error_new(BC_ERROR, BC_ERROR_LIMIT, "there are %u schedules already: remove old ones", BC_SCHEDULES_MAX);
    else if (bc_schedule_check(&s, &error))
        item = new_item(&s, &error);
    if (item && s.enabled && bc_recurrence_next(item->recurrence, now_us) == INT64_MAX)
        error = g_error_new(BC_ERROR, BC_ERROR_INVALID, "schedule: it would never play: start (and until) are in the past");
    if (item && s.expires_us && s.expires_us <= now_us)
        error = error ? error : g_error_new(BC_ERROR, BC_ERROR_INVALID, "schedule: \"expires_us\" is in the past");
    if (error) {
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
    return bc_schedule_delete(db, data, error);
}

static void forget_schedule(gpointer owner, gpointer data)
{
    ((BcSchedules *)owner)->version++;
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

/* Published, and meant to play. */
static bool is_on(const Item *item)
{
    return item->s->enabled && !item->s->draft;
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
        if (item->beyond_us >= from_us && !is_excluded(item, item->beyond_us))
            g_array_append_val(item->times, item->beyond_us);
        item->beyond_us = bc_recurrence_next(item->recurrence, item->beyond_us);
    }
}

/* The one that is next is taken out: the next one that is not. */
static int64_t beyond(Item *item, int64_t after_us)
{
    int64_t at = MAX(after_us, item->beyond_us);
    if (!item->ahead)
        item->ahead = bc_recurrence_new(item->s->start_local, item->s->zone, item->s->rule, item->s->until_local, NULL);
    do
        at = at == INT64_MAX || !item->ahead ? INT64_MAX : bc_recurrence_next(item->ahead, at);
    while (at != INT64_MAX && is_excluded(item, at));
    return at;
}

/* First occurrence after that moment. */
static int64_t next_after(Item *item, int64_t after_us)
{
    if (!item->times || after_us < item->from_us - 1 || item->beyond_us <= after_us)
        fill(item, MAX(after_us - BC_SCHEDULE_LOOK_BACK_US, item->s->changed_us), after_us + 1);
    for (unsigned i = 0; i < item->times->len; i++)
        if (g_array_index(item->times, int64_t, i) > after_us)
            return g_array_index(item->times, int64_t, i);
    return item->beyond_us > after_us && !is_excluded(item, item->beyond_us) ? item->beyond_us : beyond(item, after_us);
}

GArray *bc_schedules_due(BcSchedules *schedules, int64_t now_us, BcLeadFn lead, void *user)
{
    GArray *due = g_array_new(FALSE, FALSE, sizeof(BcDue));
    GHashTableIter it;
    gpointer value;
    g_hash_table_iter_init(&it, schedules->by_id);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        Item *item = value;
        if (!is_on(item))
            continue;
        int64_t from = MAX(now_us - BC_SCHEDULE_LOOK_BACK_US, item->s->changed_us), to = now_us + lead(item->s, user);
        fill(item, from, to + 1);
        for (unsigned i = 0; i < item->times->len && g_array_index(item->times, int64_t, i) <= to; i++) {
            int64_t at = g_array_index(item->times, int64_t, i);
            g_autofree char *key = claim_key(item->s->id, at);
            BcDue row = {item->s->id, at, at < now_us - (int64_t)item->s->grace_s * G_USEC_PER_SEC};
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
        int64_t ahead = lead(item->s, user);
        int64_t next = is_on(item) ? next_after(item, MAX(now_us + ahead, item->s->changed_us - 1)) : INT64_MAX;
        if (next != INT64_MAX)
            wake = MIN(wake, MAX(next - ahead, now_us));
    }
    return wake;
}

static void take_out(const Item *item, GArray *times)
{
    for (unsigned i = item->excluded->len ? times->len : 0; i-- > 0;)
        if (is_excluded(item, g_array_index(times, int64_t, i)))
            g_array_remove_index(times, i);
}

GArray *bc_schedule_expand(const BcSchedule *schedule, int64_t from_us, int64_t to_us, unsigned max, GError **error)
{
    Item *item = new_item(schedule, error);
    GArray *found = item ? bc_recurrence_between(item->recurrence, from_us, to_us, max) : NULL;
    if (found)
        take_out(item, found);
    free_item(item);
    return found;
}

GArray *bc_schedules_between(BcSchedules *schedules, const char *id, int64_t from_us, int64_t to_us, unsigned max)
{
    Item *item = id ? g_hash_table_lookup(schedules->by_id, id) : NULL;
    if (item && !item->ahead)
        item->ahead = bc_recurrence_new(item->s->start_local, item->s->zone, item->s->rule, item->s->until_local, NULL);
    GArray *found = item && item->ahead ? bc_recurrence_between(item->ahead, from_us, to_us, max) : NULL;
    if (found)
        take_out(item, found);
    return found;
}

int64_t bc_schedules_next_us(const BcSchedules *schedules, const char *id, int64_t now_us)
{
    Item *item = id ? g_hash_table_lookup(schedules->by_id, id) : NULL;
    return item && is_on(item) ? next_after(item, now_us) : INT64_MAX;
}

static bool write_claim(MdDb *db, gpointer data, GError **error)
{
    const Claim *c = data;
    return md_db_run(db, error,
                     "INSERT INTO bc_claims (schedule, occurrence_us, claimed_us, state, announcement) VALUES ($1, $2, $3, $4, $5)",
                     "siiss", c->schedule, c->at_us, c->now_us, c->state, c->announcement) &&
           (!c->airing || bc_airing_write(db, c->airing, error));
}

static void free_claim(gpointer data)
{
    Claim *claim = data;
    g_free(claim->schedule);
    g_free(claim->state);
    g_free(claim->announcement);
    bc_airing_free(claim->airing);
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

void bc_schedules_let_go(BcSchedules *schedules, const char *id, int64_t at_us)
{
    g_autofree char *key = claim_key(id, at_us);
    g_hash_table_remove(schedules->claims, key);
}

void bc_schedules_claim(BcSchedules *schedules, const char *id, int64_t at_us, const char *state, const char *announcement,
                        const BcAiring *airing, int64_t now_us, BcDoneFn done, void *user)
{
    Claim *claim = g_new0(Claim, 1);
    *claim = (Claim){g_strdup(id), g_strdup(state), g_strdup(announcement), at_us, now_us,
                     airing ? bc_airing_copy(airing) : NULL, g_rc_box_acquire(schedules), done, user};
    g_hash_table_add(schedules->claims, claim_key(id, at_us));
    /* data must outlive the done callback: bc_write frees it after that */
    bc_write(schedules->store, write_claim, claim, free_claim, NULL, NULL, NULL, on_claimed, claim);
}
