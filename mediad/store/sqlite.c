/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SQLite behind MdDbOps. WAL with synchronous=FULL: a commit is on the disk when it returns. */
#include "mediad/store/db.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sqlite3.h>

#define STATEMENTS_CACHED 64

typedef struct Db {
    MdDb base;
    sqlite3 *sqlite;
    GHashTable *idle; /* SQL text → prepared statement not in use */
} Db;

typedef struct Rows {
    MdRows base;
    Db *db;
    sqlite3_stmt *stmt;
} Rows;

static MdStoreError error_code(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_CONSTRAINT:
        return MD_STORE_ERROR_CONSTRAINT;
    case SQLITE_FULL:
    case SQLITE_TOOBIG:
        return MD_STORE_ERROR_FULL;
    case SQLITE_CANTOPEN:
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_READONLY:
        return MD_STORE_ERROR_OPEN;
    default:
        return MD_STORE_ERROR_SQL;
    }
}

static void set_error(Db *db, int rc, const char *what, GError **error)
{
    g_set_error(error, MD_STORE_ERROR, error_code(rc), "%s: %s", what, sqlite3_errmsg(db->sqlite));
}

static bool script(MdDb *base, const char *sql, GError **error)
{
    Db *db = (Db *)base;
    int rc = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);

    if (rc != SQLITE_OK) {
        set_error(db, rc, sql, error);
        return false;
    }
    return true;
}

static void finalize(gpointer stmt)
{
    sqlite3_finalize(stmt);
}

static void db_close(MdDb *base)
{
    Db *db = (Db *)base;

    g_hash_table_unref(db->idle);
    sqlite3_close_v2(db->sqlite);
    g_free(db);
}

static MdDb *db_open(const char *uri, bool read_only, GError **error)
{
    if (!read_only) {
        /* Password hashes live here: made for the owner only; -wal and -shm take over the mode. */
        int fd = open(uri, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0) {
            g_set_error(error, MD_STORE_ERROR, MD_STORE_ERROR_OPEN, "%s: %s", uri, g_strerror(errno));
            return NULL;
        }
        close(fd);
    }
    Db *db = g_new0(Db, 1);
    db->base.ops = &md_db_sqlite;
    db->idle = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, finalize);
    int flags = SQLITE_OPEN_NOMUTEX | (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
    int rc = sqlite3_open_v2(uri, &db->sqlite, flags, NULL);
    if (rc != SQLITE_OK) {
        g_set_error(error, MD_STORE_ERROR, MD_STORE_ERROR_OPEN, "%s: %s", uri,
                    db->sqlite ? sqlite3_errmsg(db->sqlite) : "out of memory");
        db_close(&db->base);
        return NULL;
    }
    sqlite3_extended_result_codes(db->sqlite, 1);
    sqlite3_busy_timeout(db->sqlite, 5000);
    const char *pragmas = read_only ? "PRAGMA query_only=ON; PRAGMA foreign_keys=ON;"
                                    : "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
                                      "PRAGMA trusted_schema=OFF;";
    GError *local = NULL;
    if (!script(&db->base, pragmas, &local)) {
        g_set_error(error, MD_STORE_ERROR, MD_STORE_ERROR_OPEN, "%s: %s", uri, local->message);
        g_error_free(local);
        db_close(&db->base);
        return NULL;
    }
    return &db->base;
}

/* A statement leaves the cache while it runs, so that the same SQL may run nested. */
static sqlite3_stmt *prepare(Db *db, const char *sql, const MdParam *params, unsigned n, GError **error)
{
    gpointer key = NULL, value = NULL;
    sqlite3_stmt *stmt = NULL;

    if (g_hash_table_steal_extended(db->idle, sql, &key, &value)) {
        g_free(key);
        stmt = value;
    } else {
        int rc = sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
        if (rc != SQLITE_OK || !stmt) {
            set_error(db, rc, sql, error);
            return NULL;
        }
    }
    int rc = SQLITE_OK;
    for (unsigned i = 0; i < n && rc == SQLITE_OK; i++) {
        char name[16];
        g_snprintf(name, sizeof name, "$%u", i + 1);
        int at = sqlite3_bind_parameter_index(stmt, name);
        if (at == 0)
            continue; /* $n not used by this statement */
        switch (params[i].type) {
        case 's':
            rc = params[i].text ? sqlite3_bind_text(stmt, at, params[i].text, -1, SQLITE_TRANSIENT)
                                : sqlite3_bind_null(stmt, at);
            break;
        case 'i':
            rc = sqlite3_bind_int64(stmt, at, params[i].integer);
            break;
        case 'd':
            rc = sqlite3_bind_double(stmt, at, params[i].real);
            break;
        case 'b':
            if (params[i].blob) {
                gsize size;
                const void *bytes = g_bytes_get_data(params[i].blob, &size);
                rc = sqlite3_bind_blob64(stmt, at, bytes ? bytes : "", size, SQLITE_TRANSIENT);
            } else {
                rc = sqlite3_bind_null(stmt, at);
            }
            break;
        }
    }
    if (rc != SQLITE_OK) {
        set_error(db, rc, sql, error);
        sqlite3_finalize(stmt);
        return NULL;
    }
    return stmt;
}

static void give_back(Db *db, sqlite3_stmt *stmt)
{
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    const char *sql = sqlite3_sql(stmt);
    if (g_hash_table_size(db->idle) >= STATEMENTS_CACHED || g_hash_table_contains(db->idle, sql))
        sqlite3_finalize(stmt);
    else
        g_hash_table_insert(db->idle, g_strdup(sql), stmt);
}

static bool run(MdDb *base, const char *sql, const MdParam *params, unsigned n, GError **error)
{
    Db *db = (Db *)base;
    sqlite3_stmt *stmt = prepare(db, sql, params, n, error);

    if (!stmt)
        return false;
    int rc;
    do {
        rc = sqlite3_step(stmt);
    } while (rc == SQLITE_ROW);
    bool ok = rc == SQLITE_DONE;
    if (ok)
        base->changes = sqlite3_changes64(db->sqlite);
    else
        set_error(db, rc, sql, error);
    give_back(db, stmt);
    return ok;
}

static MdRows *query(MdDb *base, const char *sql, const MdParam *params, unsigned n, GError **error)
{
    Db *db = (Db *)base;
    sqlite3_stmt *stmt = prepare(db, sql, params, n, error);

    if (!stmt)
        return NULL;
    Rows *rows = g_new0(Rows, 1);
    rows->base.ops = &md_db_sqlite;
    rows->db = db;
    rows->stmt = stmt;
    return &rows->base;
}

static bool rows_next(MdRows *base, GError **error)
{
    Rows *rows = (Rows *)base;
    int rc = sqlite3_step(rows->stmt);

    if (rc == SQLITE_ROW)
        return true;
    if (rc != SQLITE_DONE)
        set_error(rows->db, rc, sqlite3_sql(rows->stmt), error);
    return false;
}

static int64_t rows_int(const MdRows *base, int column)
{
    return sqlite3_column_int64(((const Rows *)base)->stmt, column);
}

static double rows_double(const MdRows *base, int column)
{
    return sqlite3_column_double(((const Rows *)base)->stmt, column);
}

static const char *rows_text(const MdRows *base, int column)
{
    return (const char *)sqlite3_column_text(((const Rows *)base)->stmt, column);
}

static GBytes *rows_blob(const MdRows *base, int column)
{
    sqlite3_stmt *stmt = ((const Rows *)base)->stmt;

    if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
        return NULL;
    const void *bytes = sqlite3_column_blob(stmt, column);
    return g_bytes_new(bytes, (gsize)sqlite3_column_bytes(stmt, column));
}

static void rows_free(MdRows *base)
{
    Rows *rows = (Rows *)base;

    give_back(rows->db, rows->stmt);
    g_free(rows);
}

static bool in_transaction(MdDb *base)
{
    return !sqlite3_get_autocommit(((Db *)base)->sqlite);
}

const MdDbOps md_db_sqlite = {
    .open = db_open,
    .close = db_close,
    .script = script,
    .run = run,
    .query = query,
    .in_transaction = in_transaction,
    .begin = "BEGIN IMMEDIATE",
    .rows_next = rows_next,
    .rows_int = rows_int,
    .rows_double = rows_double,
    .rows_text = rows_text,
    .rows_blob = rows_blob,
    .rows_free = rows_free,
};
