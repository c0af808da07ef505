/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/device-link/health.h"

#include <math.h>
#include <string.h>

#define CONSTANT_SAMPLES 60
#define CONSTANT_US (6ll * 3600 * G_USEC_PER_SEC)
#define FUTURE_US (300 * G_USEC_PER_SEC)
#define STALE_US (1800 * G_USEC_PER_SEC)

static const char *const marks[BC_PLAUSIBLE_MAX] = {"ok", "constant", "impossible", "swapped", "stale"};

/* What physics and the networks allow, and what never stands still in a working device. */
static const struct {
    const char *name;
    double low, high;
    bool varies;
} ranges[] = {
    {"temperature_c", -30, 110, true}, {"signal_dbm", -140, -20, true}, {"supply_v", 0, 300, true},  {"battery_v", 0, 60, true},
    {"battery_percent", 0, 100, false}, {"volume", 0, 100, false},      {"power_w", 0, 1000, false}, {"humidity_percent", 0, 100, true},
    {"disk_free_bytes", 0, 1e15, false}, {"signal_bars", 0, 5, false},  {"uptime_s", 0, 3.2e9, true},
};

typedef struct Kept {
    BcReading reading;
    bool dirty;
} Kept;

struct BcHealth {
    MdStore *store;
    GHashTable *by_device; /* id (owned) -> table of name -> Kept */
};

typedef struct Row { char *device, *name, *value, *source; bool number; int64_t at_us, received_us, since_us, samples; } Row;

const char *bc_plausible_to_string(BcPlausible mark)
{
    return (unsigned)mark < BC_PLAUSIBLE_MAX ? marks[mark] : "unknown";
}

static const char *value_of(const GPtrArray *all, const char *name)
{
    for (unsigned i = 0; all && i < all->len; i++)
        if (strcmp(((const BcReading *)all->pdata[i])->name, name) == 0)
            return ((const BcReading *)all->pdata[i])->value;
    return NULL;
}

/* A test of one side found what the reading says of the other. */
static bool lines_swapped(const BcReading *r, const GPtrArray *all)
{
    if (strcmp(r->name, "left_line") != 0 && strcmp(r->name, "right_line") != 0)
        return false;
    const char *left = value_of(all, "left_line"), *right = value_of(all, "right_line");
    const char *left_test = value_of(all, "left_line_test"), *right_test = value_of(all, "right_line_test");
    return left && right && left_test && right_test && strcmp(left, right) != 0 && strcmp(left, right_test) == 0 &&
           strcmp(right, left_test) == 0;
}

static const char *impossible(const BcReading *r, int64_t now_us)
{
    if (!*r->value)
        return "empty";
    if (r->at_us > now_us + FUTURE_US)
        return "its time lies in the future";
    for (unsigned i = 0; i < G_N_ELEMENTS(ranges); i++) {
        if (strcmp(ranges[i].name, r->name) != 0)
            continue;
        char *end = NULL;
        double value = g_ascii_strtod(r->value, &end); /* vendors send numbers as text */
        if (end == r->value || *end)
            return "not a number";
        return value >= ranges[i].low && value <= ranges[i].high ? NULL : "outside of what can be";
    }
    return NULL;
}

static bool should_vary(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(ranges); i++)
        if (strcmp(ranges[i].name, name) == 0)
            return ranges[i].varies;
    return false;
}

BcPlausible bc_health_judge(const BcReading *r, const GPtrArray *all, int64_t now_us, const char **ret_why)
{
    BcPlausible mark = BC_PLAUSIBLE_OK;
    const char *why = impossible(r, now_us);
    if (why) {
        mark = BC_PLAUSIBLE_IMPOSSIBLE;
    } else if (lines_swapped(r, all)) {
        mark = BC_PLAUSIBLE_SWAPPED;
        why = "the line test says the opposite: left and right are exchanged";
    } else if (now_us - r->received_us > STALE_US || (r->at_us && r->received_us - r->at_us > STALE_US)) {
        mark = BC_PLAUSIBLE_STALE;
        why = "older than half an hour";
    } else if (should_vary(r->name) && r->samples >= CONSTANT_SAMPLES && r->received_us - r->since_us >= CONSTANT_US) {
        mark = BC_PLAUSIBLE_CONSTANT;
        why = "has not moved for hours: most likely not measured";
    }
    if (ret_why)
        *ret_why = why;
    return mark;
}

static void free_kept(gpointer data)
{
    Kept *kept = data;
    g_free((char *)kept->reading.name);
    g_free((char *)kept->reading.value);
    g_free((char *)kept->reading.source);
    g_free(kept);
}

static GHashTable *table_of(BcHealth *health, const char *device)
{
    GHashTable *table = g_hash_table_lookup(health->by_device, device);
    if (!table) {
        table = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_kept);
        g_hash_table_insert(health->by_device, g_strdup(device), table);
    }
    return table;
}

BcHealth *bc_health_new(MdStore *store, GError **error)
{
    BcHealth *health = g_new0(BcHealth, 1);
    health->store = store;
    health->by_device = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_hash_table_unref);
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(store), error,
                                         "SELECT device, name, value, number, source, at_us, received_us, since_us, samples"
                                         " FROM bc_link_readings", "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        Kept *kept = g_new0(Kept, 1);
        kept->reading = (BcReading){g_strdup(md_rows_text(rows, 1)), g_strdup(md_rows_text(rows, 2)), g_strdup(md_rows_text(rows, 4)),
                                    md_rows_int(rows, 3) != 0, md_rows_int(rows, 5), md_rows_int(rows, 6), md_rows_int(rows, 7),
                                    md_rows_int(rows, 8)};
        g_hash_table_replace(table_of(health, md_rows_text(rows, 0)), (char *)kept->reading.name, kept);
    }
    if (rows && !failure)
        return health;
    if (failure)
        g_propagate_error(error, failure);
    g_hash_table_unref(health->by_device);
    g_free(health);
    return NULL;
}

void bc_health_take(BcHealth *health, const char *device, const BcLinkTelemetry *telemetry, int64_t now_us)
{
    GHashTable *table = table_of(health, device);
    for (unsigned i = 0; i < telemetry->n; i++) {
        const BcLinkReading *from = &telemetry->readings[i];
        Kept *kept = g_hash_table_lookup(table, from->name);
        if (!kept) {
            if (g_hash_table_size(table) >= BC_HEALTH_READINGS_MAX)
                continue;
            kept = g_new0(Kept, 1);
            kept->reading.name = g_strdup(from->name);
            g_hash_table_insert(table, (char *)kept->reading.name, kept);
        }
        BcReading *r = &kept->reading;
        if (g_strcmp0(r->value, from->text) != 0) {
            g_free((char *)r->value);
            r->value = g_strdup(from->text);
            r->since_us = now_us;
            r->samples = 0;
        }
        g_free((char *)r->source);
        r->source = g_strdup(from->source);
        r->number = from->number;
        r->at_us = from->at_us;
        r->received_us = now_us;
        r->samples++;
        kept->dirty = true;
    }
}

static int by_name(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const BcReading *const *)a)->name, (*(const BcReading *const *)b)->name);
}

GPtrArray *bc_health_of(const BcHealth *health, const char *device)
{
    GPtrArray *all = g_ptr_array_new();
    GHashTable *table = g_hash_table_lookup(health->by_device, device);
    GHashTableIter it;
    gpointer value;
    if (table) {
        g_hash_table_iter_init(&it, table);
        while (g_hash_table_iter_next(&it, NULL, &value))
            g_ptr_array_add(all, &((Kept *)value)->reading);
        g_ptr_array_sort(all, by_name);
    }
    return all;
}

const char *bc_health_value(const BcHealth *health, const char *device, const char *name, int64_t now_us)
{
    g_autoptr(GPtrArray) all = bc_health_of(health, device);
    for (unsigned i = 0; i < all->len; i++) {
        const BcReading *r = all->pdata[i];
        if (strcmp(r->name, name) != 0)
            continue;
        BcPlausible mark = bc_health_judge(r, all, now_us, NULL);
        return mark == BC_PLAUSIBLE_OK || mark == BC_PLAUSIBLE_STALE ? r->value : NULL;
    }
    return NULL;
}

static void clear_row(gpointer data)
{
    Row *row = data;
    g_free(row->device);
    g_free(row->name);
    g_free(row->value);
    g_free(row->source);
}

static bool write_rows(MdDb *db, gpointer data, GError **error)
{
    const GArray *rows = data;
    for (unsigned i = 0; i < rows->len; i++) {
        const Row *r = &g_array_index(rows, Row, i);
        if (!md_db_run(db, error, "DELETE FROM bc_link_readings WHERE device = $1 AND name = $2", "ss", r->device, r->name) ||
            !md_db_run(db, error,
                       "INSERT INTO bc_link_readings (device, name, value, number, source, at_us, received_us, since_us, samples)"
                       " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                       "sssisiiii", r->device, r->name, r->value, (int64_t)r->number, r->source, r->at_us, r->received_us, r->since_us,
                       r->samples))
            return false;
    }
    return true;
}

static void unref_rows(gpointer data)
{
    g_array_unref(data);
}

void bc_health_tick(BcHealth *health)
{
    GArray *rows = g_array_new(FALSE, FALSE, sizeof(Row));
    g_array_set_clear_func(rows, clear_row);
    GHashTableIter it, each;
    gpointer device, table, value;
    g_hash_table_iter_init(&it, health->by_device);
    while (g_hash_table_iter_next(&it, &device, &table)) {
        g_hash_table_iter_init(&each, table);
        while (g_hash_table_iter_next(&each, NULL, &value)) {
            Kept *kept = value;
            const BcReading *r = &kept->reading;
            if (!kept->dirty)
                continue;
            kept->dirty = false;
            Row row = {g_strdup(device), g_strdup(r->name), g_strdup(r->value), g_strdup(r->source), r->number,
                       r->at_us,         r->received_us,    r->since_us,        r->samples};
            g_array_append_val(rows, row);
        }
    }
    if (rows->len)
        md_store_write(health->store, write_rows, rows, unref_rows, NULL, NULL);
    else
        g_array_unref(rows);
}

void bc_health_free(BcHealth *health)
{
    if (!health)
        return;
    bc_health_tick(health);
    g_hash_table_unref(health->by_device);
    g_free(health);
}

static bool delete_rows(MdDb *db, gpointer data, GError **error)
{
    return md_db_run(db, error, "DELETE FROM bc_link_readings WHERE device = $1", "s", (const char *)data);
}

void bc_health_forget(BcHealth *health, const char *device)
{
    if (g_hash_table_remove(health->by_device, device))
        md_store_write(health->store, delete_rows, g_strdup(device), g_free, NULL, NULL);
}
