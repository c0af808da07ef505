/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages are handed out to be sent, answered, tried again later, settled, replayed by hand. */
#include "broadcast/exchange/journal-private.h"
#include <string.h>

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
    bc_ex_journal_unref(j);
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
        bc_ex_journal_peer(j, g_hash_table_lookup(j->peer_of, c->id))->stats.on_their_way--;
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
    Peer *peer = bc_ex_journal_peer(journal, peer_name);
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
    Peer *peer = bc_ex_journal_peer(journal, g_hash_table_lookup(journal->peer_of, id));
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
        bc_ex_journal_remove(journal, w);
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
    Peer *peer = bc_ex_journal_peer(journal, peer_name);
    int64_t due = INT64_MAX;
    for (GList *link = peer->urgent.head; link; link = link->next)
        if (!((Waiting *)link->data)->on_its_way)
            due = MIN(due, ((Waiting *)link->data)->next_us);
    for (GList *link = peer->droppable.head; link; link = link->next)
        if (!((Waiting *)link->data)->on_its_way)
            due = MIN(due, ((Waiting *)link->data)->next_us);
    return due;
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
        w = bc_ex_journal_add(journal, found.peer, id, found.sequence, found.droppable);
    if (w) {
        w->next_us = c->now_us;
        w->tries = 1; /* the next one is a further try of the same message */
    }
    c->tries = 1;
    change(journal, c);
    bc_ex_journal_tell(journal, found.peer);
    g_free(found.peer);
}
