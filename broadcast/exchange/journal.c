/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal's queues: what waits for whom, as it is in the store; who is told; what is old goes. */
#include "broadcast/exchange/journal-private.h"

#define PRUNE_MAX 5000

static const char *const state_names[] = {"queued", "sent", "acknowledged", "failed", "retried", "replayed", "dropped"};

const char *bc_ex_state_to_string(BcExState state)
{
    return state < BC_EX_STATE_MAX ? state_names[state] : NULL;
}

BcExState bc_ex_state_from_string(const char *name)
{
    for (unsigned i = 0; name && i < G_N_ELEMENTS(state_names); i++)
        if (g_str_equal(name, state_names[i]))
            return i;
    return BC_EX_STATE_MAX;
}

typedef struct Listener { void (*fn)(const char *peer, void *user); void *user; } Listener;

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

void bc_ex_journal_unref(gpointer journal)
{
    g_rc_box_release_full(journal, clear_journal);
}

int64_t bc_ex_journal_wall_us(const BcExJournal *journal)
{
    return md_clock_wall_us(bc_timers_clock(journal->timers));
}

Peer *bc_ex_journal_peer(BcExJournal *j, const char *name)
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

Waiting *bc_ex_journal_add(BcExJournal *j, const char *peer_name, const char *id, int64_t sequence, bool droppable)
{
    Peer *peer = bc_ex_journal_peer(j, peer_name);
    Waiting *w = g_new0(Waiting, 1);
    *w = (Waiting){.id = g_strdup(id), .sequence = sequence, .droppable = droppable};
    g_queue_push_tail(droppable ? &peer->droppable : &peer->urgent, w);
    g_hash_table_insert(j->by_id, w->id, w);
    g_hash_table_insert(j->peer_of, g_strdup(id), g_strdup(peer_name));
    peer->stats.waiting++;
    return w;
}

void bc_ex_journal_remove(BcExJournal *j, Waiting *w)
{
    Peer *peer = bc_ex_journal_peer(j, g_hash_table_lookup(j->peer_of, w->id));
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
        Waiting *w = bc_ex_journal_add(j, md_rows_text(rows, 0), md_rows_text(rows, 1), md_rows_int(rows, 2), md_rows_int(rows, 3));
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
    bc_ex_journal_unref(journal);
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

void bc_ex_journal_tell(const BcExJournal *journal, const char *peer)
{
    for (unsigned i = 0; !journal->closed && i < journal->listeners->len; i++) {
        const Listener *l = &g_array_index(journal->listeners, Listener, i);
        l->fn(peer, l->user);
    }
}

void bc_ex_journal_stats(BcExJournal *journal, const char *peer, BcExJournalStats *ret)
{
    *ret = bc_ex_journal_peer(journal, peer)->stats;
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
