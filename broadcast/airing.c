/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/airing.h"

static const char **strings_of(BcAiring *a, unsigned i)
{
    const char **const all[] = {&a->id, &a->kind, &a->title, &a->schedule, &a->content, &a->lead_content, &a->areas, &a->created_by, &a->source};
    return i < G_N_ELEMENTS(all) ? all[i] : NULL;
}

BcAiring *bc_airing_copy(const BcAiring *airing)
{
    BcAiring *a = g_memdup2(airing, sizeof *airing);
    for (unsigned i = 0; strings_of(a, i); i++)
        *strings_of(a, i) = g_strdup(*strings_of(a, i));
    return a;
}

void bc_airing_free(gpointer data)
{
    BcAiring *a = data;
    for (unsigned i = 0; a && strings_of(a, i); i++)
        g_free((char *)*strings_of(a, i));
    g_free(a);
}

bool bc_airing_write(MdDb *db, const BcAiring *a, GError **error)
{
    return md_db_run(db, error, "DELETE FROM bc_airings WHERE id = $1", "s", a->id) &&
           md_db_run(db, error,
                     "INSERT INTO bc_airings (id, kind, title, schedule, occurrence_us, begin_us, end_us, content, lead_content, repeats,"
                     " gap_us, areas, priority, authority, made_us, expires_us, siren, siren_rounds, volume, drill, quiet_ok, cut, created_by, source)"
                     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)",
                     "ssssiiissiisiiiiiiiiiiss", a->id, a->kind, a->title, a->schedule, a->occurrence_us, a->begin_us, a->end_us, a->content,
                     a->lead_content, (int64_t)a->repeats, a->gap_us, a->areas, (int64_t)a->priority, (int64_t)a->authority, a->made_us,
                     a->expires_us, (int64_t)a->siren, (int64_t)a->siren_rounds, (int64_t)a->volume, (int64_t)a->drill, (int64_t)a->quiet_ok,
                     (int64_t)a->drop, a->created_by, a->source);
}

bool bc_airing_close(MdDb *db, const char *id, GError **error)
{
    return md_db_run(db, error, "UPDATE bc_claims SET state = 'done' WHERE announcement = $1", "s", id) &&
           md_db_run(db, error, "DELETE FROM bc_airings WHERE id = $1", "s", id);
}

GPtrArray *bc_airings_read(MdDb *db, GError **error)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(bc_airing_free);
    g_autoptr(MdRows) rows =
        md_db_query(db, error,
                    "SELECT id, kind, title, schedule, occurrence_us, begin_us, end_us, content, lead_content, repeats, gap_us, areas, priority,"
                    " authority, made_us, expires_us, siren, siren_rounds, volume, drill, quiet_ok, cut, created_by, source FROM bc_airings"
                    " ORDER BY priority, begin_us, id", "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        BcAiring a = {md_rows_text(rows, 0), md_rows_text(rows, 1), md_rows_text(rows, 2), md_rows_text(rows, 3), md_rows_int(rows, 4),
                      md_rows_int(rows, 5), md_rows_int(rows, 6), md_rows_text(rows, 7), md_rows_text(rows, 8), (unsigned)md_rows_int(rows, 9),
                      md_rows_int(rows, 10), md_rows_text(rows, 11), (BcPriority)md_rows_int(rows, 12), (unsigned)md_rows_int(rows, 13),
                      md_rows_int(rows, 14), md_rows_int(rows, 15), (int)md_rows_int(rows, 16), (unsigned)md_rows_int(rows, 17),
                      (unsigned)md_rows_int(rows, 18), md_rows_int(rows, 19) != 0, md_rows_int(rows, 20) != 0, md_rows_int(rows, 21) != 0,
                      md_rows_text(rows, 22), md_rows_text(rows, 23)};
        g_ptr_array_add(all, bc_airing_copy(&a));
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure ? g_steal_pointer(&all) : NULL;
}
