/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/store/db.h"
#include <stdlib.h>

static int by_number(const void *a, const void *b)
{
    int x = (*(const MdMigration *const *)a)->number, y = (*(const MdMigration *const *)b)->number;

    return (x > y) - (x < y);
}

/* Numbers already applied. A number that this program does not know was written by a newer one: its tables may mean
 * something else by now, so nothing is touched. */
static GHashTable *applied_numbers(MdDb *db, const MdMigration *const *sorted, unsigned n, GError **error)
{
    GError *local = NULL;
    g_autoptr(GHashTable) applied = g_hash_table_new(NULL, NULL);
    g_autoptr(MdRows) rows = md_db_query(db, error, "SELECT number, name FROM md_migrations ORDER BY number", "");

    if (!rows)
        return NULL;
    while (md_rows_next(rows, &local)) {
        int number = (int)md_rows_int(rows, 0);
        bool known = false;
        for (unsigned i = 0; i < n && !known; i++)
            known = sorted[i]->number == number;
        if (!known) {
            g_set_error(error, MD_STORE_ERROR, MD_STORE_ERROR_NEWER,
                        "the database has migration %d (%s), which this version of mediad does not know: "
                        "run the newer mediad, or restore the backup made before the upgrade",
                        number, md_rows_text(rows, 1));
            return NULL;
        }
        g_hash_table_add(applied, GINT_TO_POINTER(number));
    }
    if (local) {
        g_propagate_error(error, local);
        return NULL;
    }
    return g_steal_pointer(&applied);
}

static bool apply_one(MdDb *db, const MdMigration *m, GError **error)
{
    GError *local = NULL;

    if (!db->ops->script(db, db->ops->begin, error))
        return false;
    if (db->ops->script(db, m->sql, &local) &&
        md_db_run(db, &local, "INSERT INTO md_migrations (number, name, applied_us) VALUES ($1, $2, $3)", "isi",
                  (int64_t)m->number, m->name, (int64_t)g_get_real_time()) &&
        db->ops->script(db, "COMMIT", &local))
        return true;
    if (db->ops->in_transaction(db))
        db->ops->script(db, "ROLLBACK", NULL);
    g_propagate_prefixed_error(error, local, "migration %d (%s): ", m->number, m->name);
    return false;
}

bool md_migrations_apply(MdDb *db, const MdMigration *migrations, unsigned n, const MdLogger *logger,
                         GError **error)
{
    g_autofree const MdMigration **sorted = g_new(const MdMigration *, n + 1);

    for (unsigned i = 0; i < n; i++)
        sorted[i] = &migrations[i];
    qsort(sorted, n, sizeof *sorted, by_number);
    for (unsigned i = 1; i < n; i++) {
        if (sorted[i]->number == sorted[i - 1]->number) {
            g_set_error(error, MD_STORE_ERROR, MD_STORE_ERROR_OPEN, "migration number %d is used twice: %s, %s",
                        sorted[i]->number, sorted[i - 1]->name, sorted[i]->name);
            return false;
        }
    }
    if (!db->ops->script(db,
                         "CREATE TABLE IF NOT EXISTS md_migrations (number BIGINT PRIMARY KEY, "
                         "name TEXT NOT NULL, applied_us BIGINT NOT NULL)",
                         error))
        return false;
    g_autoptr(GHashTable) applied = applied_numbers(db, sorted, n, error);
    if (!applied)
        return false;
    for (unsigned i = 0; i < n; i++) {
        if (g_hash_table_contains(applied, GINT_TO_POINTER(sorted[i]->number)))
            continue;
        if (!apply_one(db, sorted[i], error))
            return false;
        md_info(logger, "migration %d (%s) applied", sorted[i]->number, sorted[i]->name);
    }
    return true;
}
