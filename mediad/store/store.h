/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>
#include "mediad/core/log.h"

/* State at rest. One store thread makes every write in a short transaction; control reads through its own read-only connection.
 * SQL is the common part of SQLite and PostgreSQL; parameters are $1, $2 … (both understand them). */
typedef struct MdStore MdStore;
typedef struct MdDb MdDb;     /* one connection */
typedef struct MdRows MdRows; /* one running query */

#define MD_STORE_ERROR (md_store_error_quark())
GQuark md_store_error_quark(void);
typedef enum MdStoreError { MD_STORE_ERROR_OPEN, MD_STORE_ERROR_SQL, MD_STORE_ERROR_CONSTRAINT, MD_STORE_ERROR_FULL,
                            MD_STORE_ERROR_NEWER /* the database was written by a newer mediad */ } MdStoreError;

/* One numbered migration; sql may hold several statements. Numbers are unique in the whole program and never reused. */
typedef struct MdMigration {
    int number;
    const char *name;
    const char *sql;
} MdMigration;

/* Opens (creates) the database, applies what is missing in order, each in its transaction, and starts the thread.
 * uri: a file path for SQLite, "postgresql://…" for PostgreSQL. migrations: every room's, merged by main. */
MdStore *md_store_open(const char *uri, const MdMigration *migrations, unsigned n, const MdLogger *logger, GError **error);
void md_store_close(MdStore *store); /* finishes queued writes first */

/* Runs fn on the store thread inside one transaction: true commits, false (with error set) rolls back. done, if any, runs on the
 * GMainContext that was thread-default when calling, after the commit is durable. data is freed there too. */
typedef bool (*MdStoreFn)(MdDb *db, gpointer data, GError **error);
typedef void (*MdStoreDoneFn)(bool ok, const GError *error, gpointer data, gpointer user);
void md_store_write(MdStore *store, MdStoreFn fn, gpointer data, GDestroyNotify free_data, MdStoreDoneFn done, gpointer user);
/* The same, waiting for the commit: at start-up and in tests only. */
bool md_store_write_sync(MdStore *store, MdStoreFn fn, gpointer data, GError **error);
/* The store refused the last write for want of room, or lost its transaction. Any thread. */
bool md_store_failing(const MdStore *store);
/* A read-only connection of its own to a SQLite file, also of a store that is closed or was copied: for tools. Closed by md_db_close. */
MdDb *md_db_open_file(const char *path, GError **error);
void md_db_close(MdDb *db);
/* Control thread's read-only connection. */
MdDb *md_store_reader(MdStore *store);

/* types: one letter a parameter: 's' const char* (NULL = NULL), 'i' int64_t, 'd' double, 'b' GBytes* (NULL = NULL). */
bool md_db_run(MdDb *db, GError **error, const char *sql, const char *types, ...);
/* Rows changed by the last md_db_run. */
int64_t md_db_changes(const MdDb *db);
MdRows *md_db_query(MdDb *db, GError **error, const char *sql, const char *types, ...);
bool md_rows_next(MdRows *rows, GError **error); /* false at the end or on an error (then *error set) */
int64_t md_rows_int(const MdRows *rows, int column);
double md_rows_double(const MdRows *rows, int column);
const char *md_rows_text(const MdRows *rows, int column); /* NULL for NULL; valid until the next md_rows_next */
GBytes *md_rows_blob(const MdRows *rows, int column);
void md_rows_free(MdRows *rows);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdRows, md_rows_free)
