/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/area.h"

#include <string.h>

struct BcAreas { /* g_rc_box */
    MdStore *store;
    GHashTable *by_code; /* code -> BcArea*, owned */
};

static void free_area(gpointer data)
{
    BcArea *area = data;
    g_free((char *)area->code);
    g_free((char *)area->ident);
    g_free((char *)area->kind);
    g_free((char *)area->parent);
    g_free((char *)area->name);
    g_free(area);
}

static BcArea *copy_area(const BcArea *area)
{
    BcArea *copy = g_new0(BcArea, 1);
    copy->code = g_strdup(area->code);
    copy->ident = area->ident && *area->ident ? g_strdup(area->ident) : NULL;
    copy->kind = g_strdup(area->kind);
    copy->parent = area->parent && *area->parent ? g_strdup(area->parent) : NULL;
    copy->name = g_strdup(area->name);
    return copy;
}

static void clear_areas(gpointer data)
{
    g_clear_pointer(&((BcAreas *)data)->by_code, g_hash_table_unref);
}

void bc_areas_unref(BcAreas *areas)
{
    if (areas)
        g_rc_box_release_full(areas, clear_areas);
}

BcAreas *bc_areas_new(MdStore *store, GError **error)
{
    g_autoptr(BcAreas) areas = g_rc_box_new0(BcAreas);
    areas->store = store;
    areas->by_code = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_area);
    g_autoptr(MdRows) rows =
        md_db_query(md_store_reader(store), error, "SELECT code, ident, kind, parent, name FROM bc_areas", "");
    if (!rows)
        return NULL;
    GError *failure = NULL;
    while (md_rows_next(rows, &failure)) {
        BcArea *area = copy_area(&(BcArea){md_rows_text(rows, 0), md_rows_text(rows, 1), md_rows_text(rows, 2),
                                           md_rows_text(rows, 3), md_rows_text(rows, 4)});
        g_hash_table_replace(areas->by_code, (char *)area->code, area);
    }
    if (failure) {
        g_propagate_error(error, failure);
        return NULL;
    }
    return g_steal_pointer(&areas);
}

unsigned bc_areas_count(const BcAreas *areas)
{
    return g_hash_table_size(areas->by_code);
}

const BcArea *bc_areas_find(const BcAreas *areas, const char *code)
{
    return code ? g_hash_table_lookup(areas->by_code, code) : NULL;
}

static int by_code(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const BcArea *const *)a)->code, (*(const BcArea *const *)b)->code);
}

GPtrArray *bc_areas_children(const BcAreas *areas, const char *parent)
{
    GPtrArray *found = g_ptr_array_new();
    GHashTableIter it;
    gpointer value;
    g_hash_table_iter_init(&it, areas->by_code);
    while (g_hash_table_iter_next(&it, NULL, &value))
        if (g_strcmp0(((BcArea *)value)->parent, parent) == 0)
            g_ptr_array_add(found, value);
    g_ptr_array_sort(found, by_code);
    return found;
}

bool bc_areas_contains(const BcAreas *areas, const char *ancestor, const char *code)
{
    for (unsigned depth = 0; code && depth <= BC_AREA_DEPTH_MAX; depth++) {
        if (g_strcmp0(code, ancestor) == 0)
            return true;
        const BcArea *area = bc_areas_find(areas, code);
        code = area ? area->parent : NULL;
    }
    return false;
}

GPtrArray *bc_areas_subtree(const BcAreas *areas, const char *code)
{
    GPtrArray *found = g_ptr_array_new();
    GHashTableIter it;
    gpointer value;
    g_hash_table_iter_init(&it, areas->by_code);
    while (g_hash_table_iter_next(&it, NULL, &value))
        if (!code || bc_areas_contains(areas, code, ((BcArea *)value)->code))
            g_ptr_array_add(found, value);
    g_ptr_array_sort(found, by_code);
    return found;
}

static unsigned depth_of(const BcAreas *areas, const char *code)
{
    unsigned depth = 0;
    while (code && depth <= BC_AREA_DEPTH_MAX) {
        const BcArea *area = bc_areas_find(areas, code);
        code = area ? area->parent : NULL;
        depth++;
    }
    return depth;
}

static unsigned height_of(const BcAreas *areas, const char *code)
{
    unsigned own = depth_of(areas, code), deepest = own;
    g_autoptr(GPtrArray) below = bc_areas_subtree(areas, code);
    for (unsigned i = 0; i < below->len; i++)
        deepest = MAX(deepest, depth_of(areas, ((BcArea *)below->pdata[i])->code));
    return deepest - own;
}

static bool check_fields(const BcArea *area, GError **error)
{
    const char *bad = !bc_code_ok(area->code, 32)                                   ? "code"
                      : !bc_code_ok(area->kind, 32)                                 ? "kind"
                      : !bc_text_ok(area->name, 200)                                ? "name"
                      : area->ident && *area->ident && !bc_code_ok(area->ident, 64) ? "ident"
                      : area->parent && *area->parent && !bc_code_ok(area->parent, 32) ? "parent"
                                                                                       : NULL;
    if (bad)
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "area: \"%s\" is missing, too long or has characters that are not allowed", bad);
    return !bad;
}

static bool check_place(const BcAreas *areas, const BcArea *area, GError **error)
{
    bool known = bc_areas_find(areas, area->code) != NULL;
    if (!known && bc_areas_count(areas) >= BC_AREAS_MAX) {
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "there are %u areas already, the most there may be", BC_AREAS_MAX);
        return false;
    }
    if (!area->parent || !*area->parent)
        return true;
    if (!bc_areas_find(areas, area->parent)) {
        g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "area %s: there is no parent area %s", area->code, area->parent);
        return false;
    }
    if (known && bc_areas_contains(areas, area->code, area->parent)) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "area %s cannot be put below itself (%s)", area->code, area->parent);
        return false;
    }
    if (depth_of(areas, area->parent) + 1 + (known ? height_of(areas, area->code) : 0) > BC_AREA_DEPTH_MAX) {
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "area %s would be deeper than %u levels", area->code, BC_AREA_DEPTH_MAX);
        return false;
    }
    return true;
}

static bool write_area(MdDb *db, gpointer data, GError **error)
{
    const BcArea *a = data;
    if (!md_db_run(db, error, "UPDATE bc_areas SET ident = $1, kind = $2, parent = $3, name = $4 WHERE code = $5", "sssss",
                   a->ident, a->kind, a->parent, a->name, a->code))
        return false;
    return md_db_changes(db) > 0 ||
           md_db_run(db, error, "INSERT INTO bc_areas (code, ident, kind, parent, name) VALUES ($1, $2, $3, $4, $5)", "sssss",
                     a->code, a->ident, a->kind, a->parent, a->name);
}

static void apply_area(gpointer owner, gpointer data)
{
    BcAreas *areas = owner;
    BcArea *area = copy_area(data);
    g_hash_table_replace(areas->by_code, (char *)area->code, area);
}

void bc_areas_put(BcAreas *areas, const BcArea *area, BcDoneFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    if (!check_fields(area, &error) || !check_place(areas, area, &error)) {
        if (done)
            done(error, user);
        return;
    }
    bc_write(areas->store, write_area, copy_area(area), free_area, areas, (GDestroyNotify)bc_areas_unref, apply_area, done, user);
}

static bool delete_area(MdDb *db, gpointer data, GError **error)
{
    const char *code = data;
    g_autoptr(MdRows) rows = md_db_query(db, error,
                                         "SELECT (SELECT COUNT(*) FROM bc_areas WHERE parent = $1),"
                                         " (SELECT COUNT(*) FROM bc_devices WHERE area = $2)",
                                         "ss", code, code);
    if (!rows || !md_rows_next(rows, error))
        return false;
    int64_t children = md_rows_int(rows, 0), devices = md_rows_int(rows, 1);
    g_clear_pointer(&rows, md_rows_free);
    if (children || devices) {
        g_set_error(error, BC_ERROR, BC_ERROR_IN_USE,
                    "area %s still has %" G_GINT64_FORMAT " areas and %" G_GINT64_FORMAT " loudspeakers", code, children, devices);
        return false;
    }
    return md_db_run(db, error, "DELETE FROM bc_areas WHERE code = $1", "s", code);
}

static void forget_area(gpointer owner, gpointer data)
{
    g_hash_table_remove(((BcAreas *)owner)->by_code, data);
}

void bc_areas_remove(BcAreas *areas, const char *code, BcDoneFn done, void *user)
{
    if (!bc_areas_find(areas, code)) {
        g_autoptr(GError) error = g_error_new(BC_ERROR, BC_ERROR_NOT_FOUND, "there is no area %s", code ? code : "");
        if (done)
            done(error, user);
        return;
    }
    bc_write(areas->store, delete_area, g_strdup(code), g_free, areas, (GDestroyNotify)bc_areas_unref, forget_area, done, user);
}

static bool write_seed(MdDb *db, gpointer data, GError **error)
{
    GPtrArray *missing = data;
    for (unsigned i = 0; i < missing->len; i++)
        if (!write_area(db, missing->pdata[i], error))
            return false;
    return true;
}

bool bc_areas_seed(BcAreas *areas, const BcArea *seed, unsigned n, GError **error)
{
    g_autoptr(GPtrArray) missing = g_ptr_array_new_with_free_func(free_area);
    g_autoptr(GPtrArray) trial = g_ptr_array_new(); /* codes put into the tree to check their children */
    bool ok = true;
    for (bool progress = true; ok && progress && missing->len < n;) { /* parents may come after their children */
        progress = false;
        for (unsigned i = 0; ok && i < n; i++) {
            const char *parent = seed[i].parent && *seed[i].parent ? seed[i].parent : NULL;
            if ((seed[i].code && bc_areas_find(areas, seed[i].code)) || (parent && !bc_areas_find(areas, parent)))
                continue;
            ok = check_fields(&seed[i], error) && check_place(areas, &seed[i], error);
            if (!ok)
                break;
            g_ptr_array_add(missing, copy_area(&seed[i]));
            apply_area(areas, (gpointer)&seed[i]);
            g_ptr_array_add(trial, (gpointer)seed[i].code);
            progress = true;
        }
    }
    for (unsigned i = 0; ok && i < n; i++)
        if (!bc_areas_find(areas, seed[i].code)) {
            g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "area %s: there is no parent area %s", seed[i].code, seed[i].parent);
            ok = false;
        }
    ok = ok && (missing->len == 0 || md_store_write_sync(areas->store, write_seed, missing, error));
    for (unsigned i = 0; !ok && i < trial->len; i++)
        g_hash_table_remove(areas->by_code, trial->pdata[i]);
    return ok;
}

/* --- many at once --- */

static bool same_text(const char *a, const char *b)
{
    return g_strcmp0(a && *a ? a : NULL, b && *b ? b : NULL) == 0;
}

typedef struct Trial {
    BcAreas *areas;
    GPtrArray *put, *before; /* of BcArea*: what was put into the tree, and what stood there (NULL: nothing) */
} Trial;

static void trial_put(Trial *trial, const BcArea *area)
{
    const BcArea *was = bc_areas_find(trial->areas, area->code);
    g_ptr_array_add(trial->before, was ? copy_area(was) : NULL);
    g_ptr_array_add(trial->put, copy_area(area));
    apply_area(trial->areas, (gpointer)area);
}

static void trial_undo(Trial *trial)
{
    for (unsigned i = trial->put->len; i-- > 0;) {
        const BcArea *before = trial->before->pdata[i], *put = trial->put->pdata[i];
        if (before)
            apply_area(trial->areas, (gpointer)before);
        else
            g_hash_table_remove(trial->areas->by_code, put->code);
    }
    for (unsigned i = 0; i < trial->before->len; i++)
        if (trial->before->pdata[i])
            free_area(trial->before->pdata[i]);
    g_ptr_array_unref(trial->before);
}

/* Puts one into the tree, or says why not. Its parent is there, or will never be. */
static bool try_one(Trial *trial, const BcArea *area, BcAreasCounts *counts, GError **error)
{
    const BcArea *was = bc_areas_find(trial->areas, area->code);
    bool moved = !was || !same_text(was->parent, area->parent);
    if (!check_fields(area, error) || (moved && !check_place(trial->areas, area, error)))
        return false;
    if (was && !moved && same_text(was->name, area->name) && same_text(was->kind, area->kind) && same_text(was->ident, area->ident)) {
        counts->same++;
        return true;
    }
    counts->changed += was != NULL;
    counts->added += !was;
    trial_put(trial, area);
    return true;
}

static void apply_many(gpointer owner, gpointer data)
{
    GPtrArray *list = data;
    for (unsigned i = 0; i < list->len; i++)
        apply_area(owner, list->pdata[i]);
}

static bool note_twice(const BcArea *list, unsigned n, bool *done, BcAreaProblemFn problem, void *user)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    bool ok = true;
    for (unsigned i = 0; i < n; i++) {
        if (!list[i].code || g_hash_table_add(seen, (gpointer)list[i].code))
            continue;
        problem(i, "this code stands twice in the table", user);
        done[i] = true;
        ok = false;
    }
    return ok;
}

bool bc_areas_put_many(BcAreas *areas, const BcArea *list, unsigned n, bool dry, BcAreasCounts *ret, BcAreaProblemFn problem, BcDoneFn done, void *user)
{
    Trial trial = {areas, g_ptr_array_new_with_free_func(free_area), g_ptr_array_new()};
    g_autofree bool *settled = g_new0(bool, n + 1);
    bool ok = note_twice(list, n, settled, problem, user);

    *ret = (BcAreasCounts){0};
    for (bool progress = true, last = false; progress || !last;) { /* parents may come after their children; what is left then has none */
        last = !progress;
        progress = false;
        for (unsigned i = 0; i < n; i++) {
            g_autoptr(GError) error = NULL;
            bool waits = !last && list[i].parent && *list[i].parent && !bc_areas_find(areas, list[i].parent);
            if (settled[i] || waits)
                continue;
            settled[i] = progress = true;
            if (!try_one(&trial, &list[i], ret, &error)) {
                problem(i, error->message, user);
                ok = false;
            }
        }
    }
    trial_undo(&trial);
    if (!ok || dry)
        g_ptr_array_unref(trial.put);
    else
        bc_write(areas->store, write_seed, trial.put, (GDestroyNotify)g_ptr_array_unref, areas, (GDestroyNotify)bc_areas_unref, apply_many, done, user);
    return ok;
}
