/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/schedule-row.h"

#include <string.h>

static const char *const item_kinds[BC_ITEM_KIND_MAX] = {"content", "relay", "silence"};
static const char *const policies[BC_HOLIDAY_POLICY_MAX] = {"play", "skip", "only"};

const char *bc_item_kind_to_string(BcItemKind kind)
{
    return kind < BC_ITEM_KIND_MAX ? item_kinds[kind] : NULL;
}

BcItemKind bc_item_kind_from_string(const char *name)
{
    unsigned i = 0;
    while (i < BC_ITEM_KIND_MAX && g_strcmp0(name, item_kinds[i]) != 0)
        i++;
    return (BcItemKind)i;
}

const char *bc_holiday_policy_to_string(BcHolidayPolicy policy)
{
    return policy < BC_HOLIDAY_POLICY_MAX ? policies[policy] : NULL;
}

BcHolidayPolicy bc_holiday_policy_from_string(const char *name)
{
    unsigned i = 0;
    while (i < BC_HOLIDAY_POLICY_MAX && g_strcmp0(name, policies[i]) != 0)
        i++;
    return (BcHolidayPolicy)i;
}

/* --- in memory --- */

static char *dup_filled(const char *text)
{
    return text && *text ? g_strdup(text) : NULL;
}

static const char **strings_of(BcSchedule *s, unsigned i)
{
    const char **const all[] = {&s->id,       &s->name,  &s->content,    &s->start_local, &s->zone,         &s->rule,  &s->until_local,
                                &s->created_by, &s->slot, &s->owner, &s->changed_by,  &s->released_by, &s->published_by, &s->forced};
    return i < G_N_ELEMENTS(all) ? all[i] : NULL;
}

static BcItem *copy_items(const BcSchedule *s, unsigned *ret_n)
{
    BcItem one = {.kind = BC_ITEM_CONTENT, .content = s->content};
    const BcItem *from = s->n_items ? s->items : &one;
    *ret_n = s->n_items ? s->n_items : 1;
    BcItem *items = g_new0(BcItem, *ret_n);
    for (unsigned i = 0; i < *ret_n; i++) {
        items[i] = from[i];
        items[i].content = dup_filled(from[i].content);
        items[i].url = dup_filled(from[i].url);
        items[i].fallback = dup_filled(from[i].fallback);
    }
    return items;
}

BcSchedule *bc_schedule_copy(const BcSchedule *schedule)
{
    BcSchedule *s = g_new0(BcSchedule, 1);
    *s = *schedule;
    s->items = copy_items(schedule, &s->n_items);
    if (schedule->n_items)
        s->content = schedule->n_items == 1 && schedule->items[0].kind == BC_ITEM_CONTENT ? schedule->items[0].content : NULL;
    for (unsigned i = 0; strings_of(s, i); i++)
        *strings_of(s, i) = dup_filled(*strings_of(s, i));
    s->areas = (const char *const *)g_strdupv((char **)schedule->areas);
    bool exdates = schedule->exdates && schedule->exdates[0];
    s->exdates = exdates ? (const char *const *)g_strdupv((char **)schedule->exdates) : NULL;
    return s;
}

void bc_schedule_free(gpointer data)
{
    BcSchedule *s = data;
    if (!s)
        return;
    for (unsigned i = 0; strings_of(s, i); i++)
        g_free((char *)*strings_of(s, i));
    for (unsigned i = 0; i < s->n_items; i++) {
        g_free((char *)s->items[i].content);
        g_free((char *)s->items[i].url);
        g_free((char *)s->items[i].fallback);
    }
    g_free((BcItem *)s->items);
    g_strfreev((char **)s->areas);
    g_strfreev((char **)s->exdates);
    g_free(s);
}

/* --- what is allowed --- */

static bool content_ok(const char *content)
{
    return content && strlen(content) == 64 && bc_code_ok(content, 64);
}

static const char *check_item(const BcItem *item)
{
    bool timed = item->kind != BC_ITEM_CONTENT;
    if (item->kind >= BC_ITEM_KIND_MAX)
        return "kind";
    if (item->kind == BC_ITEM_CONTENT ? !content_ok(item->content) : item->content != NULL)
        return "content";
    if (item->kind == BC_ITEM_RELAY ? !item->url || !bc_text_ok(item->url, 1000) : item->url != NULL)
        return "url";
    if (item->fallback && (item->kind != BC_ITEM_RELAY || !content_ok(item->fallback)))
        return "fallback";
    if (timed && (item->duration_us < G_USEC_PER_SEC || item->duration_us > BC_ITEM_DURATION_MAX_US))
        return "duration_s";
    if (item->silence_max_us < 0 || item->silence_max_us > 600ll * G_USEC_PER_SEC)
        return "silence_max_s";
    return NULL;
}

static bool check_items(const BcSchedule *s, GError **error)
{
    if (s->n_items > BC_ITEMS_MAX) {
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "schedule: %u items, more than %u: make two programmes of it", s->n_items, BC_ITEMS_MAX);
        return false;
    }
    for (unsigned i = 0; i < s->n_items; i++) {
        const char *bad = check_item(&s->items[i]);
        if (bad) {
            g_set_error(error, BC_ERROR, BC_ERROR_INVALID,
                        "schedule: \"%s\" of item %u is missing, out of range or does not belong to its kind", bad, i + 1);
            return false;
        }
    }
    return true;
}

bool bc_exdate_span(const char *exdate, const char *zone, int64_t *ret_from_us, int64_t *ret_to_us, GError **error)
{
    bool day = exdate && strlen(exdate) == 10;
    g_autofree char *from = day ? g_strconcat(exdate, "T00:00:00", NULL) : g_strdup(exdate);
    if (!bc_local_to_wall(from, zone, ret_from_us, error)) {
        g_prefix_error(error, "exdate: ");
        return false;
    }
    *ret_to_us = *ret_from_us + G_USEC_PER_SEC;
    if (!day)
        return true;
    g_autoptr(GTimeZone) tz = g_time_zone_new_identifier(zone);
    g_autoptr(GDateTime) start = tz ? g_date_time_new_from_iso8601(from, tz) : NULL;
    g_autoptr(GDateTime) next = start ? g_date_time_add_days(start, 1) : NULL;
    *ret_to_us = next ? g_date_time_to_unix(next) * G_USEC_PER_SEC : *ret_from_us + 86400ll * G_USEC_PER_SEC;
    return true;
}

static bool check_exdates(const BcSchedule *s, GError **error)
{
    unsigned n = s->exdates ? g_strv_length((char **)s->exdates) : 0;
    int64_t from, to;
    if (n > BC_EXDATES_MAX) {
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "schedule: %u exdates, more than %u: remove those that are over", n, BC_EXDATES_MAX);
        return false;
    }
    for (unsigned i = 0; i < n; i++)
        if (!bc_exdate_span(s->exdates[i], s->zone, &from, &to, error))
            return false;
    return true;
}

bool bc_schedule_check(const BcSchedule *s, GError **error)
{
    unsigned areas = s->areas ? g_strv_length((char **)s->areas) : 0;
    bool codes = areas >= 1 && areas <= 500;
    for (unsigned i = 0; codes && i < areas; i++)
        codes = bc_code_ok(s->areas[i], 32);
    const char *bad = s->id && !bc_code_ok(s->id, 64)                                ? "id"
                      : !bc_text_ok(s->name, 200)                                    ? "name"
                      : !s->n_items && !content_ok(s->content)                       ? "content"
                      : !codes                                                       ? "areas"
                      : s->priority < BC_EMERGENCY || s->priority >= BC_PRIORITY_MAX ? "priority"
                      : s->repeats < 1 || s->repeats > 10                            ? "repeats"
                      : s->gap_s > 7200                                              ? "gap_s"
                      : s->grace_s > 86400                                           ? "grace_s"
                      : s->holidays >= BC_HOLIDAY_POLICY_MAX                         ? "holidays"
                      : s->volume > 100                                              ? "volume"
                      : s->expires_us < 0                                            ? "expires_us"
                      : s->slot && *s->slot && !bc_code_ok(s->slot, 64)              ? "slot"
                      : s->owner && *s->owner && !bc_code_ok(s->owner, 32)           ? "owner"
                      : s->forced && *s->forced && !bc_text_ok(s->forced, 500)       ? "reason"
                                                                                     : NULL;
    if (bad) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "schedule: \"%s\" is missing or out of range", bad);
        return false;
    }
    return check_items(s, error) && check_exdates(s, error);
}

/* --- in the store --- */

static bool known(MdDb *db, const char *sql, const char *what, const char *id, GError **error)
{
    g_autoptr(MdRows) rows = id && *id ? md_db_query(db, error, sql, "s", id) : NULL;
    if (!id || !*id)
        return true;
    if (!rows || !md_rows_next(rows, error))
        return false;
    if (md_rows_int(rows, 0) > 0)
        return true;
    g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "schedule: there is no %s %s", what, id);
    return false;
}

static bool names_known(MdDb *db, const BcSchedule *s, GError **error)
{
    for (unsigned i = 0; i < s->n_items; i++)
        if (!known(db, "SELECT COUNT(*) FROM bc_content WHERE id = $1", "recording", s->items[i].content, error) ||
            !known(db, "SELECT COUNT(*) FROM bc_content WHERE id = $1", "recording", s->items[i].fallback, error))
            return false;
    return known(db, "SELECT COUNT(*) FROM bc_slots WHERE id = $1", "slot", s->slot, error) &&
           known(db, "SELECT COUNT(*) FROM bc_areas WHERE code = $1", "area", s->owner, error);
}

bool bc_schedule_delete(MdDb *db, const char *id, GError **error)
{
    return md_db_run(db, error, "DELETE FROM bc_schedule_items WHERE schedule = $1", "s", id) &&
           md_db_run(db, error, "DELETE FROM bc_schedules WHERE id = $1", "s", id);
}

bool bc_schedule_write(MdDb *db, const BcSchedule *s, GError **error)
{
    g_autofree char *areas = g_strjoinv(",", (char **)s->areas);
    g_autofree char *exdates = s->exdates ? g_strjoinv(",", (char **)s->exdates) : NULL;
    bool ok = names_known(db, s, error) && bc_schedule_delete(db, s->id, error) &&
              md_db_run(db, error,
                        "INSERT INTO bc_schedules (id, name, content, areas, start_local, zone, rule, until_local, priority, repeats,"
                        " gap_s, grace_s, enabled, created_us, created_by, slot, exdates, holidays, cut, volume, expires_us, owner,"
                        " central, draft, changed_by, released_by, published_by, forced)"
                        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,"
                        " $23, $24, $25, $26, $27, $28)",
                        "ssssssssiiiiiissssiiisiissss", s->id, s->name, s->content ? s->content : "", areas, s->start_local, s->zone,
                        s->rule, s->until_local, (int64_t)s->priority, (int64_t)s->repeats, (int64_t)s->gap_s, (int64_t)s->grace_s,
                        (int64_t)s->enabled, s->changed_us, s->created_by, s->slot, exdates, bc_holiday_policy_to_string(s->holidays),
                        (int64_t)s->drop, (int64_t)s->volume, s->expires_us, s->owner, (int64_t)s->central, (int64_t)s->draft,
                        s->changed_by, s->released_by, s->published_by, s->forced);
    for (unsigned i = 0; ok && i < s->n_items; i++) {
        const BcItem *item = &s->items[i];
        ok = md_db_run(db, error,
                       "INSERT INTO bc_schedule_items (schedule, n, kind, content, url, fallback, duration_us, silence_max_us)"
                       " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                       "sissssii", s->id, (int64_t)i, bc_item_kind_to_string(item->kind), item->content, item->url, item->fallback,
                       item->duration_us, item->silence_max_us);
    }
    return ok;
}

/* Items of every programme, by its id: GArray of BcItem with strings of their own. */
static void free_items(gpointer data)
{
    GArray *items = data;
    for (unsigned i = 0; i < items->len; i++) {
        g_free((char *)g_array_index(items, BcItem, i).content);
        g_free((char *)g_array_index(items, BcItem, i).url);
        g_free((char *)g_array_index(items, BcItem, i).fallback);
    }
    g_array_unref(items);
}

static GHashTable *read_items(MdDb *db, GError **error)
{
    g_autoptr(GHashTable) all = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_items);
    g_autoptr(MdRows) rows = md_db_query(db, error,
                                         "SELECT schedule, kind, content, url, fallback, duration_us, silence_max_us"
                                         " FROM bc_schedule_items ORDER BY schedule, n", "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        GArray *items = g_hash_table_lookup(all, md_rows_text(rows, 0));
        BcItem item = {bc_item_kind_from_string(md_rows_text(rows, 1)), g_strdup(md_rows_text(rows, 2)), g_strdup(md_rows_text(rows, 3)),
                       g_strdup(md_rows_text(rows, 4)), md_rows_int(rows, 5), md_rows_int(rows, 6)};
        if (!items) {
            items = g_array_new(FALSE, FALSE, sizeof(BcItem));
            g_hash_table_insert(all, g_strdup(md_rows_text(rows, 0)), items);
        }
        g_array_append_val(items, item);
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure ? g_steal_pointer(&all) : NULL;
}

static void read_row(MdRows *rows, GHashTable *all_items, void (*fn)(const BcSchedule *, void *), void *user)
{
    g_auto(GStrv) areas = g_strsplit(md_rows_text(rows, 3), ",", -1);
    const char *excluded = md_rows_text(rows, 16);
    g_auto(GStrv) exdates = excluded && *excluded ? g_strsplit(excluded, ",", -1) : NULL;
    GArray *items = g_hash_table_lookup(all_items, md_rows_text(rows, 0));
    BcSchedule s = {.id = md_rows_text(rows, 0),
                    .name = md_rows_text(rows, 1),
                    .content = md_rows_text(rows, 2),
                    .areas = (const char *const *)areas,
                    .start_local = md_rows_text(rows, 4),
                    .zone = md_rows_text(rows, 5),
                    .rule = md_rows_text(rows, 6),
                    .until_local = md_rows_text(rows, 7),
                    .priority = (BcPriority)md_rows_int(rows, 8),
                    .repeats = (unsigned)md_rows_int(rows, 9),
                    .gap_s = (unsigned)md_rows_int(rows, 10),
                    .grace_s = (unsigned)md_rows_int(rows, 11),
                    .enabled = md_rows_int(rows, 12) != 0,
                    .changed_us = md_rows_int(rows, 13),
                    .created_by = md_rows_text(rows, 14),
                    .items = items ? (const BcItem *)items->data : NULL,
                    .n_items = items ? items->len : 0,
                    .slot = md_rows_text(rows, 15),
                    .exdates = (const char *const *)exdates,
                    .holidays = bc_holiday_policy_from_string(md_rows_text(rows, 17)),
                    .drop = md_rows_int(rows, 18) != 0,
                    .volume = (unsigned)md_rows_int(rows, 19),
                    .expires_us = md_rows_int(rows, 20),
                    .owner = md_rows_text(rows, 21),
                    .central = md_rows_int(rows, 22) != 0,
                    .draft = md_rows_int(rows, 23) != 0,
                    .changed_by = md_rows_text(rows, 24),
                    .released_by = md_rows_text(rows, 25),
                    .published_by = md_rows_text(rows, 26),
                    .forced = md_rows_text(rows, 27)};
    fn(&s, user);
}

bool bc_schedule_read(MdDb *db, void (*fn)(const BcSchedule *schedule, void *user), void *user, GError **error)
{
    g_autoptr(GHashTable) items = read_items(db, error);
    g_autoptr(MdRows) rows =
        items ? md_db_query(db, error,
                            "SELECT id, name, content, areas, start_local, zone, rule, until_local, priority, repeats, gap_s, grace_s,"
                            " enabled, created_us, created_by, slot, exdates, holidays, cut, volume, expires_us, owner, central, draft,"
                            " changed_by, released_by, published_by, forced FROM bc_schedules", "")
              : NULL;
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure))
        read_row(rows, items, fn, user);
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}
