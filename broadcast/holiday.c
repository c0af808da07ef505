/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/holiday.h"

#include <string.h>
#include "broadcast/civil.h"

struct BcHolidays { /* g_rc_box */
    MdStore *store;
    BcAreas *areas;
    GHashTable *all;    /* BcHoliday*, owned, by (area, day) */
    GHashTable *having; /* area code -> number of days of its own */
};

static unsigned hash_holiday(gconstpointer data)
{
    const BcHoliday *h = data;
    return g_str_hash(h->area) * 31 + (unsigned)h->day;
}

static gboolean same_holiday(gconstpointer a, gconstpointer b)
{
    const BcHoliday *x = a, *y = b;
    return x->day == y->day && g_str_equal(x->area, y->area);
}

static void free_holiday(gpointer data)
{
    BcHoliday *h = data;
    g_free((char *)h->area);
    g_free((char *)h->name);
    g_free(h);
}

static BcHoliday *copy_holiday(const BcHoliday *h)
{
    BcHoliday *copy = g_new0(BcHoliday, 1);
    *copy = (BcHoliday){g_strdup(h->area), g_strdup(h->name), h->day};
    return copy;
}

static void clear_holidays(gpointer data)
{
    BcHolidays *holidays = data;
    g_hash_table_unref(holidays->all);
    g_hash_table_unref(holidays->having);
    bc_areas_unref(holidays->areas);
}

void bc_holidays_unref(BcHolidays *holidays)
{
    if (holidays)
        g_rc_box_release_full(holidays, clear_holidays);
}

static void count(BcHolidays *holidays, const char *area, int by)
{
    int n = GPOINTER_TO_INT(g_hash_table_lookup(holidays->having, area)) + by;
    if (n > 0)
        g_hash_table_replace(holidays->having, g_strdup(area), GINT_TO_POINTER(n));
    else
        g_hash_table_remove(holidays->having, area);
}

static void add(BcHolidays *holidays, const BcHoliday *h)
{
    if (!g_hash_table_contains(holidays->all, h))
        count(holidays, h->area, 1);
    BcHoliday *copy = copy_holiday(h);
    g_hash_table_replace(holidays->all, copy, copy);
}

BcHolidays *bc_holidays_new(MdStore *store, BcAreas *areas, GError **error)
{
    g_autoptr(BcHolidays) holidays = g_rc_box_new0(BcHolidays);
    holidays->store = store;
    holidays->areas = g_rc_box_acquire(areas);
    holidays->all = g_hash_table_new_full(hash_holiday, same_holiday, NULL, free_holiday);
    holidays->having = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(store), error, "SELECT area, day, name FROM bc_holidays", "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        BcHoliday h = {md_rows_text(rows, 0), md_rows_text(rows, 2), 0};
        if (bc_parse_day(md_rows_text(rows, 1), &h.day))
            add(holidays, &h);
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure ? g_steal_pointer(&holidays) : NULL;
}

static int by_day(gconstpointer a, gconstpointer b)
{
    const BcHoliday *x = *(const BcHoliday *const *)a, *y = *(const BcHoliday *const *)b;
    return x->day != y->day ? (x->day < y->day ? -1 : 1) : strcmp(x->area, y->area);
}

GPtrArray *bc_holidays_list(const BcHolidays *holidays)
{
    GPtrArray *all = bc_table_values(holidays->all);
    g_ptr_array_sort(all, by_day);
    return all;
}

const BcHoliday *bc_holidays_find(const BcHolidays *holidays, const char *area, int32_t day)
{
    for (unsigned depth = 0; area && depth <= BC_AREA_DEPTH_MAX && g_hash_table_size(holidays->all); depth++) {
        const BcHoliday *found = g_hash_table_lookup(holidays->all, &(BcHoliday){.area = area, .day = day});
        if (found)
            return found;
        const BcArea *above = bc_areas_find(holidays->areas, area);
        area = above ? above->parent : NULL;
    }
    return NULL;
}

bool bc_holidays_own(const BcHolidays *holidays, const char *area)
{
    return g_hash_table_contains(holidays->having, area);
}

static bool delete_row(MdDb *db, gpointer data, GError **error)
{
    const BcHoliday *h = data;
    g_autofree char *day = bc_format_day(h->day);
    return md_db_run(db, error, "DELETE FROM bc_holidays WHERE area = $1 AND day = $2", "ss", h->area, day);
}

static bool write_row(MdDb *db, gpointer data, GError **error)
{
    const BcHoliday *h = data;
    g_autofree char *day = bc_format_day(h->day);
    return delete_row(db, data, error) &&
           md_db_run(db, error, "INSERT INTO bc_holidays (area, day, name) VALUES ($1, $2, $3)", "sss", h->area, day, h->name);
}

static void apply_put(gpointer owner, gpointer data)
{
    add(owner, data);
}

static void apply_remove(gpointer owner, gpointer data)
{
    BcHolidays *holidays = owner;
    const BcHoliday *h = data;
    if (g_hash_table_contains(holidays->all, h)) {
        count(holidays, h->area, -1);
        g_hash_table_remove(holidays->all, h);
    }
}

void bc_holidays_put(BcHolidays *holidays, const BcHoliday *h, BcDoneFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    if (!bc_areas_find(holidays->areas, h->area))
        error = g_error_new(BC_ERROR, BC_ERROR_NOT_FOUND, "holiday: there is no area %s", h->area ? h->area : "");
    else if (!bc_text_ok(h->name, 200))
        error = g_error_new(BC_ERROR, BC_ERROR_INVALID, "holiday: \"name\" is missing or too long");
    else if (!g_hash_table_contains(holidays->all, h) && g_hash_table_size(holidays->all) >= BC_HOLIDAYS_MAX)
        error = g_error_new(BC_ERROR, BC_ERROR_LIMIT, "there are %u holidays already: remove those that are over", BC_HOLIDAYS_MAX);
    if (!error)
        bc_write(holidays->store, write_row, copy_holiday(h), free_holiday, holidays, (GDestroyNotify)bc_holidays_unref, apply_put, done, user);
    else if (done)
        done(error, user);
}

void bc_holidays_remove(BcHolidays *holidays, const char *area, int32_t day, BcDoneFn done, void *user)
{
    BcHoliday key = {.area = area ? area : "", .name = "", .day = day};
    g_autoptr(GError) error = NULL;
    if (g_hash_table_contains(holidays->all, &key)) {
        bc_write(holidays->store, delete_row, copy_holiday(&key), free_holiday, holidays, (GDestroyNotify)bc_holidays_unref, apply_remove, done,
                 user);
        return;
    }
    error = g_error_new(BC_ERROR, BC_ERROR_NOT_FOUND, "area %s has no such holiday of its own", key.area);
    if (done)
        done(error, user);
}
