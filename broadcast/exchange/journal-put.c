/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages are put into the journal: durable, each once, the oldest that may be dropped make room. */
#include "broadcast/exchange/journal-private.h"

typedef struct Row {
    char *id, *peer, *object, *key, *body;
    int64_t sequence;
    bool up, droppable, duplicate;
    BcExState state;
} Row;

typedef struct Putting {
    BcExJournal *journal;
    Row *rows;
    unsigned n;
    char *mark;
    int64_t value, now_us;
    BcExPutFn one;
    BcDoneFn done;
    void *user;
} Putting;

static void free_putting(gpointer data)
{
    Putting *p = data;
    for (unsigned i = 0; i < p->n; i++) {
        g_free(p->rows[i].id);
        g_free(p->rows[i].peer);
        g_free(p->rows[i].object);
        g_free(p->rows[i].key);
        g_free(p->rows[i].body);
    }
    g_free(p->rows);
    g_free(p->mark);
    g_free(p);
}

static bool write_row(MdDb *db, const Putting *p, Row *row, GError **error)
{
    g_autoptr(MdRows) known = md_db_query(db, error, "SELECT id, state FROM bc_exchange WHERE peer = $1 AND up = $2 AND dedupe = $3", "sis", row->peer,
                                          (int64_t)row->up, row->key);
    if (!known)
        return false;
    if (md_rows_next(known, NULL)) {
        g_free(row->id);
        row->id = g_strdup(md_rows_text(known, 0));
        row->state = bc_ex_state_from_string(md_rows_text(known, 1));
        row->duplicate = true;
        return true;
    }
    return md_db_run(db, error,
                     "INSERT INTO bc_exchange (sequence, id, peer, up, object, dedupe, body, state, tries, next_us, droppable, made_us, changed_us)"
                     " VALUES ($1, $2, $3, $4, $5, $6, $7, 'queued', 0, $8, $9, $8, $8)",
                     "ississsii", row->sequence, row->id, row->peer, (int64_t)row->up, row->object, row->key, row->body, p->now_us,
                     (int64_t)row->droppable);
}

static bool write_put(MdDb *db, gpointer data, GError **error)
{
    Putting *p = data;
    for (unsigned i = 0; i < p->n; i++)
        if (!write_row(db, p, &p->rows[i], error))
            return false;
    return !p->mark || md_db_run(db, error,
                                 "INSERT INTO bc_exchange_marks (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2", "si",
                                 p->mark, p->value);
}

static bool write_drop(MdDb *db, gpointer data, GError **error)
{
    return md_db_run(db, error, "UPDATE bc_exchange SET state = 'dropped', body = '' WHERE id = $1", "s", (const char *)data);
}

/* Too many statuses wait: the oldest tell the least. */
static void drop_oldest(BcExJournal *j, Peer *peer)
{
    while (g_queue_get_length(&peer->droppable) > j->o.droppable_max) {
        GList *link = peer->droppable.head;
        while (link && ((Waiting *)link->data)->on_its_way)
            link = link->next;
        if (!link)
            return;
        Waiting *w = link->data;
        bc_write(j->store, write_drop, g_strdup(w->id), g_free, NULL, NULL, NULL, NULL, NULL);
        peer->stats.dropped++;
        bc_ex_journal_remove(j, w);
    }
}

static void on_put(const GError *error, void *user)
{
    Putting *p = user;
    BcExJournal *j = p->journal;
    j->pending--;
    for (unsigned i = 0; !error && !j->closed && i < p->n; i++) {
        Row *row = &p->rows[i];
        Peer *peer = bc_ex_journal_peer(j, row->peer);
        peer->stats.duplicates += row->duplicate;
        if (row->duplicate || !row->up)
            continue;
        bc_ex_journal_add(j, row->peer, row->id, row->sequence, row->droppable);
        drop_oldest(j, peer);
    }
    if (p->one)
        p->one(error ? NULL : p->rows[0].id, p->rows[0].duplicate, p->rows[0].state, error, p->user);
    if (p->done)
        p->done(error, p->user);
    if (!error && p->n)
        bc_ex_journal_tell(j, p->rows[0].peer);
    free_putting(p);
    bc_ex_journal_unref(j);
}

static Putting *new_putting(BcExJournal *j, const BcExPut *puts, unsigned n)
{
    Putting *p = g_new0(Putting, 1);
    p->journal = g_rc_box_acquire(j);
    p->rows = g_new0(Row, n);
    p->n = n;
    p->now_us = bc_ex_journal_wall_us(j);
    for (unsigned i = 0; i < n; i++) {
        const BcExPut *put = &puts[i];
        g_autofree char *random = bc_new_id("x");
        p->rows[i] = (Row){.peer = g_strdup(put->peer), .object = g_strdup(put->object), .key = g_strdup(put->key), .body = g_strdup(put->body),
                           .sequence = ++j->sequence, .up = put->up, .droppable = put->droppable};
        /* the sequence makes it unique, chance keeps it so when a database is put back from a backup */
        p->rows[i].id = g_strdup_printf("%s-%" G_GINT64_FORMAT, random, p->rows[i].sequence);
    }
    j->pending++;
    return p;
}

static void start_put(BcExJournal *j, Putting *p)
{
    bc_write(j->store, write_put, p, NULL, NULL, NULL, NULL, on_put, p);
}

void bc_ex_journal_put(BcExJournal *journal, const BcExPut *put, BcExPutFn done, void *user)
{
    Putting *p = new_putting(journal, put, 1);
    p->one = done;
    p->user = user;
    start_put(journal, p);
}

void bc_ex_journal_put_many(BcExJournal *journal, const BcExPut *puts, unsigned n, const char *mark, int64_t value, BcDoneFn done, void *user)
{
    Putting *p = new_putting(journal, puts, n);
    p->mark = g_strdup(mark);
    p->value = value;
    p->done = done;
    p->user = user;
    start_put(journal, p);
}
