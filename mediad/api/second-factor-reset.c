/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way back for the only administrator, who has lost telephone and recovery codes: whoever may write to the database of the machine takes the
 * second factor away, and the audit trail says so. */
#include "mediad/api/private.h"

typedef struct Reset {
    const char *user, *who;
    int64_t wall_us;
} Reset;

static bool has(MdDb *db, const char *sql, const char *user, bool *ret, GError **error)
{
    GError *local = NULL;
    g_autoptr(MdRows) rows = md_db_query(db, &local, sql, "s", user);

    *ret = rows && md_rows_next(rows, &local);
    if (local)
        g_propagate_error(error, local);
    return !local;
}

static bool reset(MdDb *db, gpointer data, GError **error)
{
    const Reset *r = data;
    g_autofree char *what = g_strdup_printf("second factor of %s removed on the machine itself", r->user);
    bool known, enrolled;

    if (!has(db, "SELECT 1 FROM md_users WHERE name = $1", r->user, &known, error) ||
        !has(db, "SELECT 1 FROM md_factors WHERE user_name = $1", r->user, &enrolled, error))
        return false;
    if (!known || !enrolled) {
        g_set_error(error, MD_STORE_ERROR, MD_STORE_ERROR_CONSTRAINT, known ? "%s has no second factor" : "there is no account '%s'", r->user);
        return false;
    }
    return md_db_run(db, error, "DELETE FROM md_recovery_codes WHERE user_name = $1", "s", r->user) &&
           md_db_run(db, error, "DELETE FROM md_factors WHERE user_name = $1", "s", r->user) &&
           md_db_run(db, error, "DELETE FROM md_sessions WHERE user_name = $1", "s", r->user) &&
           md_audit_write(db, r->wall_us, r->who, "console", what, "", 200, error);
}

bool md_api_reset_second_factor(MdStore *store, const char *user, const char *who, int64_t wall_us, GError **error)
{
    Reset r = {user, who, wall_us};

    return md_store_write_sync(store, reset, &r, error);
}
