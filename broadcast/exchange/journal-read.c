/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal is read: all of it, one message, what came and was not dealt with. */
#include "broadcast/exchange/journal-private.h"

#define COLUMNS "sequence, id, peer, up, object, dedupe, state, tries, next_us, droppable, answer, made_us, changed_us"

static void fill(MdRows *rows, BcExMessage *m)
{
    *m = (BcExMessage){.sequence = md_rows_int(rows, 0), .id = md_rows_text(rows, 1), .peer = md_rows_text(rows, 2), .up = md_rows_int(rows, 3),
                       .object = md_rows_text(rows, 4), .key = md_rows_text(rows, 5), .state = bc_ex_state_from_string(md_rows_text(rows, 6)),
                       .tries = md_rows_int(rows, 7), .next_us = md_rows_int(rows, 8), .droppable = md_rows_int(rows, 9),
                       .answer = md_rows_text(rows, 10), .made_us = md_rows_int(rows, 11), .changed_us = md_rows_int(rows, 12)};
}

static bool walk(MdRows *rows, bool with_body, void (*fn)(const BcExMessage *, void *), void *user, GError **error)
{
    g_autoptr(GError) fault = NULL;
    while (rows && md_rows_next(rows, &fault)) {
        BcExMessage m;
        fill(rows, &m);
        m.body = with_body ? md_rows_text(rows, 13) : NULL;
        fn(&m, user);
    }
    if (fault)
        g_propagate_error(error, g_steal_pointer(&fault));
    return rows && !(error && *error);
}

bool bc_ex_journal_list(BcExJournal *journal, const char *peer, const char *state, int64_t before, unsigned limit, void (*fn)(const BcExMessage *, void *),
                        void *user, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(journal->store), error,
                                         "SELECT " COLUMNS " FROM bc_exchange WHERE ($1 = '' OR peer = $1) AND ($2 = '' OR state = $2) AND sequence < $3"
                                         " ORDER BY sequence DESC LIMIT $4",
                                         "ssii", peer ? peer : "", state ? state : "", before > 0 ? before : INT64_MAX, (int64_t)limit);
    return walk(rows, false, fn, user, error);
}

bool bc_ex_journal_find(BcExJournal *journal, const char *id, void (*fn)(const BcExMessage *, void *), void *user, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(journal->store), error, "SELECT " COLUMNS ", body FROM bc_exchange WHERE id = $1", "s", id);
    return walk(rows, true, fn, user, error);
}

bool bc_ex_journal_find_key(BcExJournal *journal, const char *peer, bool up, const char *key, void (*fn)(const BcExMessage *, void *), void *user,
                            GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(journal->store), error, "SELECT " COLUMNS ", body FROM bc_exchange"
                                         " WHERE peer = $1 AND up = $2 AND dedupe = $3", "sis", peer, (int64_t)up, key);
    return walk(rows, true, fn, user, error);
}

bool bc_ex_journal_open(BcExJournal *journal, void (*fn)(const BcExMessage *, void *), void *user, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(journal->store), error, "SELECT " COLUMNS ", body FROM bc_exchange"
                                         " WHERE up = 0 AND state IN ('queued', 'replayed') ORDER BY sequence", "");
    return walk(rows, true, fn, user, error);
}

int64_t bc_ex_journal_mark(BcExJournal *journal, const char *mark)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(journal->store), NULL, "SELECT value FROM bc_exchange_marks WHERE name = $1", "s", mark);
    return rows && md_rows_next(rows, NULL) ? md_rows_int(rows, 0) : 0;
}
