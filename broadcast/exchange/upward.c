/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is told upward and when: what changes is looked at every while, what has ended is told and looked at again. */
#include "broadcast/exchange/upward-private.h"
#include <string.h>

#define LOOK_US (10ll * G_USEC_PER_SEC)

/* Loudspeakers that were away tell later what they played: looked for again so long after the end. */
static const int64_t late_after_us[] = {120ll * G_USEC_PER_SEC, 900ll * G_USEC_PER_SEC, 3600ll * G_USEC_PER_SEC, 6 * 3600ll * G_USEC_PER_SEC, DAY_US};

typedef struct Late { int64_t told_us; unsigned stage; } Late;

static void clear_upward(gpointer data)
{
    BcUpward *u = data;
    bc_ex_tables_unref(u->tables);
    g_hash_table_unref(u->schedules);
    g_hash_table_unref(u->ended);
    g_hash_table_unref(u->late);
    g_time_zone_unref(u->zone);
    g_free(u->area);
    g_free(u->media_base);
}

static void unref_upward(BcUpward *u)
{
    g_rc_box_release_full(u, clear_upward);
}

BcUpward *bc_upward_hold(BcUpward *u)
{
    u->pending++;
    return g_rc_box_acquire(u);
}

void bc_upward_let_go(BcUpward *u)
{
    u->pending--;
    unref_upward(u);
}

int64_t bc_upward_now_us(const BcUpward *u)
{
    return md_clock_now_us(bc_timers_clock(bc_broadcast_timers(u->broadcast)));
}

static void on_broadcast(const char *type, const BcRun *run, void *user)
{
    BcUpward *u = user;
    if (g_str_equal(type, "announcement.ended") && run->id)
        g_hash_table_add(u->ended, g_strdup(run->id));
}

static void tell_late(BcUpward *u)
{
    int64_t wall = bc_broadcast_wall_us(u->broadcast);
    GHashTableIter it;
    gpointer id, value;
    g_hash_table_iter_init(&it, u->late);
    while (g_hash_table_iter_next(&it, &id, &value)) {
        Late *late = value;
        if (wall - late->told_us < late_after_us[late->stage])
            continue;
        bc_upward_tell_run(u, id, true);
        if (++late->stage == G_N_ELEMENTS(late_after_us))
            g_hash_table_iter_remove(&it);
    }
}

static void on_look(BcTimer *timer, void *user)
{
    BcUpward *u = user;
    GHashTableIter it;
    gpointer id;
    g_hash_table_iter_init(&it, u->ended);
    unsigned runs = 0;
    while (g_hash_table_iter_next(&it, &id, NULL) && runs++ < 100) {
        Late *late = g_new0(Late, 1);
        late->told_us = bc_broadcast_wall_us(u->broadcast);
        g_hash_table_replace(u->late, g_strdup(id), late);
        bc_upward_tell_run(u, id, false);
        g_hash_table_iter_remove(&it);
    }
    tell_late(u);
    bc_upward_tell_devices(u);
    bc_upward_tell_schedules(u);
    bc_upward_tell_figures(u);
    /* everything that began more than a day ago has been told; what is younger is looked at again after a restart */
    int64_t wall = bc_broadcast_wall_us(u->broadcast);
    if (!g_hash_table_size(u->ended) && wall - bc_ex_journal_mark(u->journal, "plays") > DAY_US + DAY_US / 24)
        bc_ex_journal_put_many(u->journal, NULL, 0, "plays", wall - DAY_US, NULL, NULL);
    bc_timer_at(bc_broadcast_timers(u->broadcast), &u->look, bc_upward_now_us(u) + (g_hash_table_size(u->ended) ? G_USEC_PER_SEC : LOOK_US), on_look, u);
}

static bool load_marks(BcUpward *u, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(u->o.store), error,
                                         "SELECT name, value FROM bc_exchange_marks WHERE name LIKE 'schedule:%' AND value > 0", "");
    while (rows && md_rows_next(rows, NULL)) {
        int64_t value = md_rows_int(rows, 1);
        g_hash_table_replace(u->schedules, g_strdup(md_rows_text(rows, 0) + strlen("schedule:")), g_memdup2(&value, sizeof value));
    }
    u->devices_hash = bc_ex_journal_mark(u->journal, "devices");
    return rows != NULL;
}

BcUpward *bc_upward_new(const BcUpwardOptions *options, GError **error)
{
    BcUpward *u = g_rc_box_new0(BcUpward);
    u->o = *options;
    u->o.batch = CLAMP(options->batch, 1, BC_EX_BATCH_MAX);
    u->broadcast = options->broadcast;
    u->journal = options->journal;
    u->tables = bc_ex_tables_ref(options->tables);
    u->area = g_strdup(options->area);
    u->media_base = g_strdup(options->media_base);
    u->logger = options->logger ? md_logger_child(options->logger, "exchange/upward") : (MdLogger){0};
    u->zone = g_time_zone_new_identifier(bc_broadcast_timezone(u->broadcast));
    if (!u->zone)
        u->zone = g_time_zone_new_utc();
    u->schedules = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    u->ended = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    u->late = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    if (!load_marks(u, error)) {
        bc_upward_free(u);
        return NULL;
    }
    bc_upward_tell_missed(u);
    bc_broadcast_add_listener(u->broadcast, on_broadcast, u);
    BcTimers *timers = bc_broadcast_timers(u->broadcast);
    bc_timer_at(timers, &u->look, bc_upward_now_us(u) + G_USEC_PER_SEC, on_look, u);
    if (u->o.status_s)
        bc_timer_at(timers, &u->status, bc_upward_now_us(u) + 2 * G_USEC_PER_SEC, bc_upward_on_status, u);
    return u;
}

void bc_upward_free(BcUpward *upward)
{
    if (!upward)
        return;
    upward->closed = true;
    bc_timer_cancel(&upward->look);
    bc_timer_cancel(&upward->status);
    bc_broadcast_remove_listener(upward->broadcast, on_broadcast, upward);
    unref_upward(upward);
}

void bc_upward_set_tables(BcUpward *upward, BcExTables *tables)
{
    bc_ex_tables_unref(upward->tables);
    upward->tables = bc_ex_tables_ref(tables);
}

unsigned bc_upward_pending(const BcUpward *upward)
{
    return upward->pending;
}
