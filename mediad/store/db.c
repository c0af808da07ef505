/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/store/db.h"
#include <string.h>

G_DEFINE_QUARK(md-store-error-quark, md_store_error)

static bool collect(MdParam params[MD_DB_PARAMS_MAX], unsigned *ret_n, const char *types, va_list args,
                    GError **error)
{
    unsigned n = 0;

    for (const char *t = types ? types : ""; *t; t++, n++) {
        if (n == MD_DB_PARAMS_MAX) {
            g_set_error(error, MD_STORE_ERROR, MD_STORE_ERROR_SQL, "more than %u parameters in one statement",
                        MD_DB_PARAMS_MAX);
            return false;
        }
        params[n].type = *t;
        switch (*t) {
        case 's':
            params[n].text = va_arg(args, const char *);
            break;
        case 'i':
            params[n].integer = va_arg(args, int64_t);
            break;
        case 'd':
            params[n].real = va_arg(args, double);
            break;
        case 'b':
            params[n].blob = va_arg(args, GBytes *);
            break;
        default:
            g_set_error(error, MD_STORE_ERROR, MD_STORE_ERROR_SQL, "unknown parameter type '%c' in \"%s\"", *t,
                        types);
            return false;
        }
    }
    *ret_n = n;
    return true;
}

bool md_db_run(MdDb *db, GError **error, const char *sql, const char *types, ...)
{
    MdParam params[MD_DB_PARAMS_MAX];
    unsigned n = 0;
    va_list args;

    va_start(args, types);
    bool ok = collect(params, &n, types, args, error);
    va_end(args);
    return ok && db->ops->run(db, sql, params, n, error);
}

int64_t md_db_changes(const MdDb *db)
{
    return db->changes;
}

MdRows *md_db_query(MdDb *db, GError **error, const char *sql, const char *types, ...)
{
    MdParam params[MD_DB_PARAMS_MAX];
    unsigned n = 0;
    va_list args;

    va_start(args, types);
    bool ok = collect(params, &n, types, args, error);
    va_end(args);
    return ok ? db->ops->query(db, sql, params, n, error) : NULL;
}

bool md_rows_next(MdRows *rows, GError **error)
{
    return rows->ops->rows_next(rows, error);
}

int64_t md_rows_int(const MdRows *rows, int column)
{
    return rows->ops->rows_int(rows, column);
}

double md_rows_double(const MdRows *rows, int column)
{
    return rows->ops->rows_double(rows, column);
}

const char *md_rows_text(const MdRows *rows, int column)
{
    return rows->ops->rows_text(rows, column);
}

GBytes *md_rows_blob(const MdRows *rows, int column)
{
    return rows->ops->rows_blob(rows, column);
}

void md_rows_free(MdRows *rows)
{
    if (rows)
        rows->ops->rows_free(rows);
}
