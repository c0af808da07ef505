/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/store/store.h"

/* What a database back end provides; private to this folder. A connection is used by one thread at a time. */
typedef struct MdParam {
    char type; /* 's', 'i', 'd', 'b' as in store.h */
    union {
        const char *text;
        int64_t integer;
        double real;
        GBytes *blob;
    };
} MdParam;

#define MD_DB_PARAMS_MAX 64

typedef struct MdDbOps {
    /* read_only: a connection that never writes. */
    MdDb *(*open)(const char *uri, bool read_only, GError **error);
    void (*close)(MdDb *db);
    /* Several statements without parameters: migrations, BEGIN, SAVEPOINT … */
    bool (*script)(MdDb *db, const char *sql, GError **error);
    /* Sets db->changes. */
    bool (*run)(MdDb *db, const char *sql, const MdParam *params, unsigned n, GError **error);
    MdRows *(*query)(MdDb *db, const char *sql, const MdParam *params, unsigned n, GError **error);
    /* Is a transaction open? A back end may have rolled it back by itself (disk full). */
    bool (*in_transaction)(MdDb *db);
    const char *begin; /* statement that opens a writing transaction */
    bool (*rows_next)(MdRows *rows, GError **error);
    int64_t (*rows_int)(const MdRows *rows, int column);
    double (*rows_double)(const MdRows *rows, int column);
    const char *(*rows_text)(const MdRows *rows, int column);
    GBytes *(*rows_blob)(const MdRows *rows, int column);
    void (*rows_free)(MdRows *rows);
} MdDbOps;

struct MdDb { /* first member of a back end's connection */
    const MdDbOps *ops;
    int64_t changes;
};

struct MdRows { /* first member of a back end's query */
    const MdDbOps *ops;
};

extern const MdDbOps md_db_sqlite;

/* Applies what is missing of the migrations, in number order, each in its own transaction. */
bool md_migrations_apply(MdDb *db, const MdMigration *migrations, unsigned n, const MdLogger *logger,
                         GError **error);
