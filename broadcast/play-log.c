/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/play-log.h"

#include <stdlib.h>
#include <string.h>
#include "broadcast/play-rows.h"

#define FLUSH_US 1000000
#define RETRY_US 5000000
#define CLAIMS_FREED_US (24ll * 3600 * G_USEC_PER_SEC) /* as far as the timetable looks back */
#define KEPT_MAX 200 /* transactions that could not be written and are tried again; then the oldest is lost */

typedef struct News {
    BcReachNews news;
    int64_t received_us;
} News;

typedef struct After {
    BcPlayLogAfterFn fn;
    void *user;
} After;

typedef struct Rows { /* everything of one transaction; strings in one chunk */
    GStringChunk *strings;
    GArray *runs, *plays, *news; /* BcRun, BcPlay, News */
    GArray *after;               /* After */
    GPtrArray *proofs;           /* of plays, NULL where there is none */
    bool again; /* was refused before: what has ended meanwhile is not overwritten */
    GHashTable *latest; /* "announcement\ndevice" -> index + 1 in plays: an open row is overwritten, not appended */
} Rows;

struct BcPlayLog { /* g_rc_box: a pending write holds it */
    MdStore *store;
    BcTimers *timers;
    BcTimer timer;
    Rows *rows;
    GQueue kept;       /* Rows* that the store refused */
    bool closed;
};

typedef struct Batch {
    BcPlayLog *log;
    Rows *rows;
} Batch;

static void tell_after(Rows *rows, bool durable)
{
    for (unsigned i = 0; i < rows->after->len; i++) {
        const After *after = &g_array_index(rows->after, After, i);
        after->fn(durable, after->user);
    }
    g_array_set_size(rows->after, 0);
}

static void free_rows(gpointer data)
{
    Rows *rows = data;
    tell_after(rows, false);
    g_string_chunk_free(rows->strings);
    g_array_unref(rows->runs);
    g_array_unref(rows->plays);
    g_array_unref(rows->news);
    g_array_unref(rows->after);
    g_ptr_array_unref(rows->proofs);
    g_hash_table_unref(rows->latest);
    g_free(rows);
}

static Rows *new_rows(void)
{
    Rows *rows = g_new0(Rows, 1);
    rows->strings = g_string_chunk_new(4096);
    rows->runs = g_array_new(FALSE, FALSE, sizeof(BcRun));
    rows->plays = g_array_new(FALSE, FALSE, sizeof(BcPlay));
    rows->news = g_array_new(FALSE, FALSE, sizeof(News));
    rows->after = g_array_new(FALSE, FALSE, sizeof(After));
    rows->proofs = g_ptr_array_new_with_free_func(g_free);
    rows->latest = g_hash_table_new(g_str_hash, g_str_equal);
    return rows;
}

/* What a former life took on and never sounded is free again: the timetable plays it if its grace allows, and otherwise notes it as
 * missed. "playing" is written at the first sound, and mediad's own end is noted as "interrupted". What did sound stays taken. */
static bool mark_interrupted(MdDb *db, gpointer data, GError **error)
{
    const int64_t *since_us = data;
    return md_db_run(db, error,
                     "DELETE FROM bc_claims WHERE state = 'claimed' AND occurrence_us >= $1 AND NOT EXISTS (SELECT 1 FROM"
                     " bc_announcements a WHERE a.id = bc_claims.announcement AND a.state <> 'ringing'"
                     " AND NOT (a.state = 'interrupted' AND a.end_us > 0 AND a.end_us <= a.start_us))"
                     " AND NOT EXISTS (SELECT 1 FROM bc_airings g WHERE g.id = bc_claims.announcement)", /* those go on: planner */
                     "i", *since_us) &&
           md_db_run(db, error,
                     "UPDATE bc_plays SET from_us = 0 WHERE outcome IN ('waiting', 'ringing', 'playing') AND announcement IN"
                     " (SELECT id FROM bc_announcements WHERE state = 'ringing')",
                     "") &&
           md_db_run(db, error,
                     "UPDATE bc_plays SET outcome = CASE WHEN from_us > 0 THEN 'partial' ELSE 'missed' END, reason = 'mediad stopped'"
                     " WHERE outcome IN ('waiting', 'ringing', 'playing')",
                     "") &&
           md_db_run(db, error,
                     "UPDATE bc_announcements SET reason = CASE WHEN state = 'ringing' THEN 'mediad stopped before it began'"
                     " ELSE 'mediad stopped' END, state = 'interrupted' WHERE state IN ('ringing', 'playing')",
                     "");
}

static void clear_log(gpointer data)
{
    BcPlayLog *log = data;
    free_rows(log->rows);
    g_queue_clear_full(&log->kept, free_rows);
}

BcPlayLog *bc_play_log_new(MdStore *store, BcTimers *timers, GError **error)
{
    int64_t since_us = md_clock_wall_us(bc_timers_clock(timers)) - CLAIMS_FREED_US;
    if (!md_store_write_sync(store, mark_interrupted, &since_us, error))
        return NULL;
    BcPlayLog *log = g_rc_box_new0(BcPlayLog);
    g_queue_init(&log->kept);
    log->store = store;
    log->timers = timers;
    log->rows = new_rows();
    return log;
}

void bc_play_log_free(BcPlayLog *log)
{
    if (!log)
        return;
    bc_play_log_flush(log);
    log->closed = true;
    bc_timer_cancel(&log->timer);
    g_rc_box_release_full(log, clear_log);
}

static void on_timer(BcTimer *timer, void *user)
{
    bc_play_log_flush(user);
}

static void wake(BcPlayLog *log)
{
    if (!log->timer.armed_in)
        bc_timer_at(log->timers, &log->timer, md_clock_now_us(bc_timers_clock(log->timers)) + FLUSH_US, on_timer, log);
}

static const char *keep(Rows *rows, const char *text)
{
    return text ? g_string_chunk_insert_const(rows->strings, text) : NULL;
}

void bc_play_log_run(BcPlayLog *log, const BcRun *run)
{
    BcRun copy = *run;
    const char **strings[] = {&copy.id,     &copy.kind,  &copy.title, &copy.schedule, &copy.content,
                              &copy.source, &copy.areas, &copy.state, &copy.reason,   &copy.created_by};
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++)
        *strings[i] = keep(log->rows, *strings[i]);
    g_array_append_val(log->rows->runs, copy);
    wake(log);
}

void bc_play_log_play(BcPlayLog *log, const BcPlay *play)
{
    Rows *rows = log->rows;
    BcPlay copy = *play;
    const char **strings[] = {&copy.announcement, &copy.device, &copy.area, &copy.outcome, &copy.reason, &copy.codec};
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++)
        *strings[i] = keep(rows, *strings[i]);
    g_autofree char *key = g_strconcat(play->announcement, "\n", play->device, NULL);
    unsigned at = GPOINTER_TO_UINT(g_hash_table_lookup(rows->latest, key));
    BcProof *proof = copy.proof ? g_memdup2(copy.proof, sizeof *copy.proof) : NULL;
    copy.proof = proof;
    if (at) {
        g_array_index(rows->plays, BcPlay, at - 1) = copy;
        g_free(rows->proofs->pdata[at - 1]);
        rows->proofs->pdata[at - 1] = proof;
    } else {
        g_ptr_array_add(rows->proofs, proof);
        g_array_append_val(rows->plays, copy);
        g_hash_table_insert(rows->latest, g_string_chunk_insert(rows->strings, key), GUINT_TO_POINTER(rows->plays->len));
    }
    wake(log);
}

void bc_play_log_news(BcPlayLog *log, const BcReachNews *news, int64_t received_us)
{
    Rows *rows = log->rows;
    News row = {*news, received_us};
    const char **strings[] = {&row.news.announcement, &row.news.schedule, &row.news.device, &row.news.reason, &row.news.level_source};
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++)
        *strings[i] = keep(rows, *strings[i]);
    g_array_append_val(rows->news, row);
    wake(log);
}

void bc_play_log_after(BcPlayLog *log, BcPlayLogAfterFn fn, void *user)
{
    After after = {fn, user};
    g_array_append_val(log->rows->after, after);
    wake(log);
}

static bool write_batch(MdDb *db, gpointer data, GError **error)
{
    Rows *rows = ((Batch *)data)->rows;
    g_autoptr(GHashTable) touched = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (unsigned i = 0; i < rows->runs->len; i++)
        if (!bc_play_rows_write_run(db, &g_array_index(rows->runs, BcRun, i), rows->again, error) ||
            !bc_play_rows_reported(db, &g_array_index(rows->runs, BcRun, i), touched, error))
            return false;
    for (unsigned i = 0; i < rows->plays->len; i++)
        if (!bc_play_rows_write_play(db, &g_array_index(rows->plays, BcPlay, i), rows->again, error))
            return false;
    for (unsigned i = 0; i < rows->news->len; i++) {
        const News *row = &g_array_index(rows->news, News, i);
        if (!bc_play_rows_apply_news(db, &row->news, row->received_us, touched, error))
            return false;
    }
    GHashTableIter it;
    gpointer id;
    g_hash_table_iter_init(&it, touched);
    while (g_hash_table_iter_next(&it, &id, NULL))
        if (!bc_play_rows_recount(db, id, error))
            return false;
    return true;
}

static void free_batch(gpointer data)
{
    Batch *batch = data;
    if (batch->rows)
        free_rows(batch->rows);
    g_rc_box_release_full(batch->log, clear_log);
    g_free(batch);
}

/* The disk is full, the database is gone: the rows wait for better times. */
static void on_written(bool ok, const GError *error, gpointer data, gpointer user)
{
    Batch *batch = data;
    BcPlayLog *log = batch->log;
    if (ok || log->closed)
        tell_after(batch->rows, ok && !log->closed);
    if (ok || log->closed)
        return;
    batch->rows->again = true;
    g_queue_push_tail(&log->kept, g_steal_pointer(&batch->rows));
    if (log->kept.length > KEPT_MAX)
        free_rows(g_queue_pop_head(&log->kept));
    bc_timer_at(log->timers, &log->timer, md_clock_now_us(bc_timers_clock(log->timers)) + RETRY_US, on_timer, log);
}

static void write_out(BcPlayLog *log, Rows *rows)
{
    Batch *batch = g_new0(Batch, 1);
    *batch = (Batch){g_rc_box_acquire(log), rows};
    md_store_write(log->store, write_batch, batch, free_batch, on_written, NULL);
}

void bc_play_log_flush(BcPlayLog *log)
{
    bc_timer_cancel(&log->timer);
    for (unsigned n = log->kept.length; n > 0; n--) /* older rows first: a later row of the same play replaces them */
        write_out(log, g_queue_pop_head(&log->kept));
    if (log->rows->runs->len + log->rows->plays->len + log->rows->news->len + log->rows->after->len == 0)
        return;
    write_out(log, g_steal_pointer(&log->rows));
    log->rows = new_rows();
}

bool bc_play_log_runs(BcPlayLog *log, const char *id, int64_t before_us, unsigned limit, BcRunFn fn, void *user, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(log->store), error,
                                         "SELECT " BC_RUN_COLUMNS " FROM bc_announcements"
                                         " WHERE start_us < $1 AND ($2 = '' OR id = $3) ORDER BY start_us DESC, id LIMIT $4",
                                         "issi", before_us ? before_us : INT64_MAX, id ? id : "", id ? id : "", (int64_t)limit);
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        BcRun r;
        bc_play_rows_read_run(rows, &r);
        fn(&r, user);
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}

bool bc_play_log_plays(BcPlayLog *log, const char *announcement, const char *device, unsigned limit, unsigned offset, BcPlayFn fn,
                       void *user, GError **error)
{
    static const char by_announcement[] =
        "SELECT " BC_PLAY_COLUMNS " FROM bc_plays p WHERE p.announcement = $1 ORDER BY p.area, p.device LIMIT $2 OFFSET $3";
    static const char by_device[] = "SELECT " BC_PLAY_COLUMNS " FROM bc_plays p JOIN bc_announcements a ON a.id = p.announcement"
                                    " WHERE p.device = $1 ORDER BY a.start_us DESC LIMIT $2 OFFSET $3";
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(log->store), error, announcement ? by_announcement : by_device, "sii",
                                         announcement ? announcement : device, (int64_t)limit, (int64_t)offset);
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        BcPlay p;
        BcProof proof;
        bc_play_rows_read(rows, &p, &proof);
        fn(&p, user);
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* The smallest value that at least so many permille do not exceed. */
static int64_t quantile(const GArray *sorted, unsigned permille)
{
    unsigned rank = (unsigned)(((uint64_t)sorted->len * permille + 999) / 1000);
    return sorted->len ? g_array_index(sorted, int64_t, MAX(rank, 1) - 1) : 0;
}

bool bc_play_log_latency(BcPlayLog *log, const char *announcement, BcLatency *ret, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(log->store), error,
                                         "SELECT a.issued_us, p.from_us, p.device FROM bc_announcements a LEFT JOIN bc_plays p"
                                         " ON p.announcement = a.id WHERE a.id = $1",
                                         "s", announcement);
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(int64_t));
    GError *failure = NULL;
    bool found = false;
    *ret = (BcLatency){0};
    while (rows && md_rows_next(rows, &failure)) {
        int64_t issued = md_rows_int(rows, 0), from = md_rows_int(rows, 1), us = MAX(0, from - issued);
        found = true;
        if (!md_rows_text(rows, 2))
            continue;
        if (!from || !issued) {
            ret->silent++;
            continue;
        }
        if (us >= ret->worst_us) {
            ret->worst_us = us;
            g_strlcpy(ret->worst_device, md_rows_text(rows, 2), sizeof ret->worst_device);
        }
        g_array_append_val(all, us);
    }
    if (failure)
        g_propagate_error(error, failure);
    else if (rows && !found)
        g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "there is no announcement %s in the play log", announcement);
    if (all->len > 0)
        qsort(all->data, all->len, sizeof(int64_t), by_size);
    ret->sounded = all->len;
    ret->p50_us = quantile(all, 500);
    ret->p95_us = quantile(all, 950);
    ret->p99_us = quantile(all, 990);
    return rows && !failure && found;
}
