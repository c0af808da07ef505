/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/exchange/journal.h"
#include <string.h>
#include "mediad/core/log.h"

#define PRUNE_MAX 5000
#define COLUMNS "sequence, id, peer, up, object, dedupe, state, tries, next_us, droppable, answer, made_us, changed_us"

static const char *const state_names[] = {"queued", "sent", "acknowledged", "failed", "retried", "replayed", "dropped"};

const char *bc_ex_state_to_string(BcExState state)
{
    return state < BC_EX_STATE_MAX ? state_names[state] : NULL;
}

static BcExState state_of(const char *name)
{
    for (unsigned i = 0; name && i < G_N_ELEMENTS(state_names); i++)
        if (g_str_equal(name, state_names[i]))
            return i;
    return BC_EX_STATE_MAX;
}

typedef struct Waiting {   /* an up message that is not settled; owned by its peer's queues */
    char *id;
    int64_t sequence, next_us, tries;
    bool droppable, on_its_way, replayed;
} Waiting;

typedef struct Peer {
    GQueue urgent, droppable;  /* of Waiting, by sequence */
    BcExJournalStats stats;
} Peer;

typedef struct Listener { void (*fn)(const char *peer, void *user); void *user; } Listener;

struct BcExJournal {       /* g_rc_box: writes under way hold it */
    MdStore *store;
    BcTimers *timers;
    MdLogger logger;
    BcExJournalOptions o;
    GHashTable *peers;     /* name -> Peer */
    GHashTable *by_id;     /* id -> Waiting, borrowed */
    GHashTable *peer_of;   /* id -> peer's name (owned), for those in by_id */
    GRand *rand;
    int64_t sequence;      /* the last one given */
    GArray *listeners;     /* Listener */
    unsigned pending;
    bool closed;
};

static void free_waiting(gpointer data)
{
    Waiting *w = data;
    g_free(w->id);
    g_free(w);
}

static void free_peer(gpointer data)
{
    Peer *peer = data;
    g_queue_clear_full(&peer->urgent, free_waiting);
    g_queue_clear_full(&peer->droppable, free_waiting);
    g_free(peer);
}

static void clear_journal(gpointer data)
{
    BcExJournal *j = data;
    g_hash_table_unref(j->by_id);
    g_hash_table_unref(j->peer_of);
    g_hash_table_unref(j->peers);
    g_rand_free(j->rand);
    g_array_unref(j->listeners);
}

static void unref_journal(gpointer journal)
{
    g_rc_box_release_full(journal, clear_journal);
}

int64_t bc_ex_journal_wall_us(const BcExJournal *journal)
{
    return md_clock_wall_us(bc_timers_clock(journal->timers));
}

static Peer *peer_of(BcExJournal *j, const char *name)
{
    Peer *peer = g_hash_table_lookup(j->peers, name);
    if (!peer) {
        peer = g_new0(Peer, 1);
        g_queue_init(&peer->urgent);
        g_queue_init(&peer->droppable);
        g_hash_table_insert(j->peers, g_strdup(name), peer);
    }
    return peer;
}

static Waiting *add_waiting(BcExJournal *j, const char *peer_name, const char *id, int64_t sequence, bool droppable)
{
    Peer *peer = peer_of(j, peer_name);
    Waiting *w = g_new0(Waiting, 1);
    *w = (Waiting){.id = g_strdup(id), .sequence = sequence, .droppable = droppable};
    g_queue_push_tail(droppable ? &peer->droppable : &peer->urgent, w);
    g_hash_table_insert(j->by_id, w->id, w);
    g_hash_table_insert(j->peer_of, g_strdup(id), g_strdup(peer_name));
    peer->stats.waiting++;
    return w;
}

static void remove_waiting(BcExJournal *j, Waiting *w)
{
    Peer *peer = peer_of(j, g_hash_table_lookup(j->peer_of, w->id));
    peer->stats.waiting--;
    peer->stats.on_their_way -= w->on_its_way;
    g_queue_remove(w->droppable ? &peer->droppable : &peer->urgent, w);
    g_hash_table_remove(j->by_id, w->id);
    g_hash_table_remove(j->peer_of, w->id);
    free_waiting(w);
}

static bool load(BcExJournal *j, GError **error)
{
    MdDb *db = md_store_reader(j->store);
    g_autoptr(MdRows) last = md_db_query(db, error, "SELECT MAX(sequence) FROM bc_exchange", "");
    if (!last)
        return false;
    j->sequence = md_rows_next(last, NULL) ? md_rows_int(last, 0) : 0;
    g_autoptr(MdRows) rows = md_db_query(db, error,
                                         "SELECT peer, id, sequence, droppable, tries, next_us, state FROM bc_exchange WHERE up = 1 AND"
                                         " (state IN ('queued', 'sent', 'retried', 'replayed') OR (state = 'failed' AND next_us > 0)) ORDER BY sequence",
                                         "");
    while (rows && md_rows_next(rows, error)) {
        Waiting *w = add_waiting(j, md_rows_text(rows, 0), md_rows_text(rows, 1), md_rows_int(rows, 2), md_rows_int(rows, 3));
        w->tries = md_rows_int(rows, 4);
        w->next_us = md_rows_int(rows, 5);
    }
    return rows && !(error && *error);
}

BcExJournal *bc_ex_journal_new(MdStore *store, BcTimers *timers, const BcExJournalOptions *options, GError **error)
{
    BcExJournal *j = g_rc_box_new0(BcExJournal);
    j->store = store;
    j->timers = timers;
    j->o = *options;
    j->o.droppable_max = options->droppable_max ? options->droppable_max : 2000;
    j->o.days = options->days ? options->days : 30;
    j->o.retry_first_s = options->retry_first_s ? options->retry_first_s : 2;
    j->o.retry_max_s = options->retry_max_s ? options->retry_max_s : 300;
    j->logger = options->logger ? md_logger_child(options->logger, "exchange") : (MdLogger){0};
    j->rand = options->seed ? g_rand_new_with_seed(options->seed) : g_rand_new();
    j->listeners = g_array_new(FALSE, FALSE, sizeof(Listener));
    j->peers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_peer);
    j->by_id = g_hash_table_new(g_str_hash, g_str_equal);
    j->peer_of = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GError) fault = NULL;
    if (load(j, &fault))
        return j;
    g_propagate_error(error, g_steal_pointer(&fault));
    bc_ex_journal_free(j);
    return NULL;
}

void bc_ex_journal_free(BcExJournal *journal)
{
    if (!journal)
        return;
    journal->closed = true;
    unref_journal(journal);
}

void bc_ex_journal_listen(BcExJournal *journal, void (*fn)(const char *peer, void *user), void *user)
{
    Listener listener = {fn, user};
    g_array_append_val(journal->listeners, listener);
}

void bc_ex_journal_unlisten(BcExJournal *journal, void *user)
{
    for (unsigned i = journal->listeners->len; i-- > 0;)
        if (g_array_index(journal->listeners, Listener, i).user == user)
            g_array_remove_index(journal->listeners, i);
}

static void tell(const BcExJournal *journal, const char *peer)
{
    for (unsigned i = 0; !journal->closed && i < journal->listeners->len; i++) {
        const Listener *l = &g_array_index(journal->listeners, Listener, i);
        l->fn(peer, l->user);
    }
}

/* --- putting --- */

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
        row->state = state_of(md_rows_text(known, 1));
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
        remove_waiting(j, w);
    }
}

static void on_put(const GError *error, void *user)
{
    Putting *p = user;
    BcExJournal *j = p->journal;
    j->pending--;
    for (unsigned i = 0; !error && !j->closed && i < p->n; i++) {
        Row *row = &p->rows[i];
        Peer *peer = peer_of(j, row->peer);
        peer->stats.duplicates += row->duplicate;
        if (row->duplicate || !row->up)
            continue;
        add_waiting(j, row->peer, row->id, row->sequence, row->droppable);
        drop_oldest(j, peer);
    }
    if (p->one)
        p->one(error ? NULL : p->rows[0].id, p->rows[0].duplicate, p->rows[0].state, error, p->user);
    if (p->done)
        p->done(error, p->user);
    if (!error && p->n)
        tell(j, p->rows[0].peer);
    free_putting(p);
    unref_journal(j);
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

int64_t bc_ex_journal_mark(BcExJournal *journal, const char *mark)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(journal->store), NULL, "SELECT value FROM bc_exchange_marks WHERE name = $1", "s", mark);
    return rows && md_rows_next(rows, NULL) ? md_rows_int(rows, 0) : 0;
}

/* --- changing --- */

typedef struct Change {
    BcExJournal *journal;
    char *id, *answer;
    BcExState state;
    int64_t tries, next_us, now_us;
    bool in_flight;           /* next: hand it out */
    BcExNextFn next;
    BcDoneFn done;
    void *user;
} Change;

static void free_change(Change *c)
{
    BcExJournal *j = c->journal;
    g_free(c->id);
    g_free(c->answer);
    g_free(c);
    unref_journal(j);
}

static bool write_change(MdDb *db, gpointer data, GError **error)
{
    const Change *c = data;
    return md_db_run(db, error,
                     "UPDATE bc_exchange SET state = $2, tries = $3, next_us = $4, answer = COALESCE($5, answer), changed_us = $6 WHERE id = $1", "ssiisi",
                     c->id, bc_ex_state_to_string(c->state), c->tries, c->next_us, c->answer, c->now_us);
}

static Change *new_change(BcExJournal *j, const char *id, BcExState state, const char *answer)
{
    Change *c = g_new0(Change, 1);
    c->journal = g_rc_box_acquire(j);
    c->id = g_strdup(id);
    c->state = state;
    c->now_us = bc_ex_journal_wall_us(j);
    if (answer) {
        g_autofree char *valid = g_utf8_make_valid(answer, (gssize)MIN(strlen(answer), BC_EX_ANSWER_MAX));
        c->answer = g_steal_pointer(&valid);
    }
    j->pending++;
    return c;
}

static bool hand_out(BcExJournal *j, const Change *c)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(j->store), NULL, "SELECT peer, object, dedupe, body, sequence, made_us FROM bc_exchange"
                                         " WHERE id = $1", "s", c->id);
    if (!rows || !md_rows_next(rows, NULL))
        return false;
    BcExMessage m = {.id = c->id, .peer = md_rows_text(rows, 0), .object = md_rows_text(rows, 1), .key = md_rows_text(rows, 2),
                     .body = md_rows_text(rows, 3), .sequence = md_rows_int(rows, 4), .made_us = md_rows_int(rows, 5), .up = true,
                     .state = c->state, .tries = c->tries, .changed_us = c->now_us};
    c->next(&m, c->user);
    return true;
}

static void on_next(const GError *error, void *user)
{
    Change *c = user;
    BcExJournal *j = c->journal;
    Waiting *w = j->closed ? NULL : g_hash_table_lookup(j->by_id, c->id);
    j->pending--;
    if (w && (error || !hand_out(j, c))) { /* the disk is full: it stays where it is */
        w->on_its_way = false;
        peer_of(j, g_hash_table_lookup(j->peer_of, c->id))->stats.on_their_way--;
        w->next_us = c->now_us + (int64_t)j->o.retry_max_s * G_USEC_PER_SEC;
        w = NULL;
    }
    if (!w) /* or the journal is closed: whoever asked lets go of what he holds */
        c->next(NULL, c->user);
    free_change(c);
}

static Waiting *first_due(GQueue *queue, int64_t now_us)
{
    for (GList *link = queue->head; link; link = link->next) {
        Waiting *w = link->data;
        if (!w->on_its_way && w->next_us <= now_us)
            return w;
    }
    return NULL;
}

bool bc_ex_journal_next(BcExJournal *journal, const char *peer_name, BcExNextFn fn, void *user)
{
    Peer *peer = peer_of(journal, peer_name);
    int64_t now_us = bc_ex_journal_wall_us(journal);
    Waiting *w = first_due(&peer->urgent, now_us);
    if (!w)
        w = first_due(&peer->droppable, now_us);
    if (!w)
        return false;
    w->on_its_way = true;
    w->tries++;
    peer->stats.on_their_way++;
    Change *c = new_change(journal, w->id, w->tries > 1 ? BC_EX_RETRIED : BC_EX_SENT, NULL);
    c->tries = w->tries;
    c->next_us = now_us;
    c->next = fn;
    c->user = user;
    bc_write(journal->store, write_change, c, NULL, NULL, NULL, NULL, on_next, c);
    return true;
}

static void on_changed(const GError *error, void *user)
{
    Change *c = user;
    c->journal->pending--;
    if (error && !c->journal->closed)
        md_warning(&c->journal->logger, "message %s: its state could not be noted: %s", c->id, error->message);
    if (c->done)
        c->done(error, c->user);
    free_change(c);
}

static void change(BcExJournal *j, Change *c)
{
    bc_write(j->store, write_change, c, NULL, NULL, NULL, NULL, on_changed, c);
}

static int64_t back_off_us(BcExJournal *j, int64_t tries)
{
    int64_t s = j->o.retry_first_s;
    for (int64_t i = 1; i < tries && s < j->o.retry_max_s; i++)
        s *= 2;
    return (int64_t)((double)MIN(s, j->o.retry_max_s) * G_USEC_PER_SEC * g_rand_double_range(j->rand, 0.75, 1.25));
}

void bc_ex_journal_answer(BcExJournal *journal, const char *id, BcExResult result, const char *answer)
{
    Waiting *w = g_hash_table_lookup(journal->by_id, id);
    if (!w)
        return;
    Peer *peer = peer_of(journal, g_hash_table_lookup(journal->peer_of, id));
    Change *c = new_change(journal, id, result == BC_EX_OK ? BC_EX_ACKNOWLEDGED : BC_EX_FAILED, answer);
    bool give_up = result == BC_EX_REFUSED && w->tries >= BC_EX_TRIES_MAX;
    c->tries = w->tries;
    c->next_us = result == BC_EX_OK || give_up ? 0 : c->now_us + back_off_us(journal, w->tries);
    peer->stats.acknowledged += result == BC_EX_OK;
    peer->stats.failed += result != BC_EX_OK;
    peer->stats.given_up += give_up;
    if (give_up)
        md_warning(&journal->logger, "message %s was refused %" G_GINT64_FORMAT " times and is given up: %s", id, w->tries, answer ? answer : "no reason");
    if (result == BC_EX_OK || give_up) {
        remove_waiting(journal, w);
    } else {
        w->on_its_way = false;
        w->next_us = c->next_us;
        peer->stats.on_their_way--;
    }
    change(journal, c);
}

void bc_ex_journal_settle(BcExJournal *journal, const char *id, bool ok, const char *answer, BcDoneFn done, void *user)
{
    Change *c = new_change(journal, id, ok ? BC_EX_ACKNOWLEDGED : BC_EX_FAILED, answer);
    c->tries = 1;
    c->done = done;
    c->user = user;
    change(journal, c);
}

int64_t bc_ex_journal_due_us(BcExJournal *journal, const char *peer_name)
{
    Peer *peer = peer_of(journal, peer_name);
    int64_t due = INT64_MAX;
    for (GList *link = peer->urgent.head; link; link = link->next)
        if (!((Waiting *)link->data)->on_its_way)
            due = MIN(due, ((Waiting *)link->data)->next_us);
    for (GList *link = peer->droppable.head; link; link = link->next)
        if (!((Waiting *)link->data)->on_its_way)
            due = MIN(due, ((Waiting *)link->data)->next_us);
    return due;
}

/* --- by hand, reading --- */

static void fill(MdRows *rows, BcExMessage *m)
{
    *m = (BcExMessage){.sequence = md_rows_int(rows, 0), .id = md_rows_text(rows, 1), .peer = md_rows_text(rows, 2), .up = md_rows_int(rows, 3),
                       .object = md_rows_text(rows, 4), .key = md_rows_text(rows, 5), .state = state_of(md_rows_text(rows, 6)),
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

typedef struct Found { bool found, up, droppable; int64_t sequence; char *peer; } Found;

static void on_found(const BcExMessage *m, void *user)
{
    Found *found = user;
    g_free(found->peer);
    *found = (Found){true, m->up, m->droppable, m->sequence, g_strdup(m->peer)};
}

void bc_ex_journal_replay(BcExJournal *journal, const char *id, BcDoneFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    Found found = {0};
    Waiting *w = g_hash_table_lookup(journal->by_id, id);
    if (!bc_ex_journal_find(journal, id, on_found, &found, &error) || !found.found) {
        if (!error)
            g_set_error(&error, BC_ERROR, BC_ERROR_NOT_FOUND, "there is no message \"%s\" in the journal", id);
    } else if (w && w->on_its_way) {
        g_set_error(&error, BC_ERROR, BC_ERROR_STATE, "the message is on its way");
    }
    if (error) {
        g_free(found.peer);
        done(error, user);
        return;
    }
    Change *c = new_change(journal, id, BC_EX_REPLAYED, NULL);
    c->next_us = c->now_us;
    c->done = done;
    c->user = user;
    if (found.up && !w)
        w = add_waiting(journal, found.peer, id, found.sequence, found.droppable);
    if (w) {
        w->next_us = c->now_us;
        w->tries = 1; /* the next one is a further try of the same message */
    }
    c->tries = 1;
    change(journal, c);
    tell(journal, found.peer);
    g_free(found.peer);
}

void bc_ex_journal_stats(BcExJournal *journal, const char *peer, BcExJournalStats *ret)
{
    *ret = peer_of(journal, peer)->stats;
}

unsigned bc_ex_journal_pending(const BcExJournal *journal)
{
    return journal->pending;
}

typedef struct Prune { int64_t before_us, status_before_us; } Prune;

static bool write_prune(MdDb *db, gpointer data, GError **error)
{
    const Prune *p = data;
    return md_db_run(db, error,
                     "DELETE FROM bc_exchange WHERE sequence IN (SELECT sequence FROM bc_exchange WHERE (state IN ('acknowledged', 'dropped') AND"
                     " (changed_us < $1 OR (droppable = 1 AND changed_us < $2))) OR (state = 'failed' AND next_us = 0 AND changed_us < $1) LIMIT $3)",
                     "iii", p->before_us, p->status_before_us, (int64_t)PRUNE_MAX);
}

void bc_ex_journal_prune(BcExJournal *journal)
{
    Prune *p = g_new0(Prune, 1);
    int64_t now_us = bc_ex_journal_wall_us(journal), day = 86400ll * G_USEC_PER_SEC;
    *p = (Prune){now_us - journal->o.days * day, now_us - day};
    bc_write(journal->store, write_prune, p, g_free, NULL, NULL, NULL, NULL, NULL);
}
