/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was played is told upward: after the end of a run, once more when loudspeakers report late, and what a former life did not tell. */
#include "broadcast/exchange/upward-private.h"
#include "broadcast/proof.h"

#define PLAYS_MAX 100000u
#define LATE_PLAYS_MAX 2000u

typedef struct Telling { BcUpward *u; char *run; bool late; } Telling;

typedef struct Plays { const BcUpward *u; Batch *batch; const BcRun *run; unsigned late; } Plays;

static void add_play(const BcPlay *play, void *user)
{
    const Plays *p = user;
    const BcRun *run = p->run;
    const BcDevice *device = bc_devices_find(bc_broadcast_devices(p->u->broadcast), play->device);
    JsonObject *ours = json_object_new();
    if (device) {
        bc_upward_device(p->u, device, ours);
        json_object_set_int_member(ours, "volume", device->volume);
    } else {
        bc_upward_set_source(p->u, ours);
        bc_upward_set_dest(p->u, play->area, ours);
        bc_upward_set_text(ours, "device", play->device);
    }
    bc_upward_set_content(p->u, run->content, ours);
    bc_upward_set_text(ours, "bulletin", run->id);
    bc_upward_set_text(ours, "announcement", run->id);
    bc_upward_set_text(ours, "kind", run->content ? "audio" : "live");
    bc_upward_set_text(ours, "priority", bc_priority_to_string(run->priority));
    bc_upward_set_text(ours, "title", run->title);
    json_object_set_int_member(ours, "at", play->from_us ? play->from_us : run->start_us);
    if (play->to_us)
        json_object_set_int_member(ours, "until", play->to_us);
    json_object_set_int_member(ours, "length", play->from_us && play->to_us > play->from_us ? play->to_us - play->from_us : 0);
    json_object_set_int_member(ours, "relay", run->source != NULL);
    bc_upward_set_text(ours, "relay_source", run->source);
    bc_upward_set_text(ours, "outcome", play->outcome);
    bc_upward_set_text(ours, "reason", play->reason);
    bc_batch_add(p->batch, ours);
}

/* A report that came after the end corrects what was told: a message of its own, once for each outcome and end. */
static void add_late(const BcPlay *play, void *user)
{
    Plays *p = user;
    const BcRun *run = p->run;
    if (!play->proof || play->proof->reported_us <= run->end_us || p->late >= LATE_PLAYS_MAX)
        return;
    g_autofree char *key = g_strdup_printf("late:%s:%s:%s:%" G_GINT64_FORMAT, run->id, play->device, play->outcome, play->to_us);
    Batch b;
    bc_batch_init(&b, p->u, "play", "plays", key, false);
    Plays one = {p->u, &b, run, 0};
    add_play(play, &one);
    bc_batch_put(&b, NULL, 0, NULL, NULL);
    p->late++;
}

static void copy_run(const BcRun *run, void *user)
{
    BcUpward *u = ((Telling *)user)->u;
    g_autoptr(GError) error = NULL;
    g_autofree char *key = g_strdup_printf("plays:%s", run->id);
    Batch b;
    bc_batch_init(&b, u, "play", "plays", key, false);
    Plays plays = {u, &b, run, 0};
    bool late = ((Telling *)user)->late;
    if (!bc_play_log_plays(bc_broadcast_play_log(u->broadcast), run->id, NULL, PLAYS_MAX, 0, late ? add_late : add_play, &plays, &error))
        md_warning(&u->logger, "the play log of %s cannot be read: %s", run->id, error->message);
    bc_batch_put(&b, NULL, 0, NULL, NULL);
}

static void on_durable(bool durable, void *user)
{
    Telling *t = user;
    BcUpward *u = t->u;
    if (!u->closed && durable) /* else the next life tells it */
        bc_play_log_runs(bc_broadcast_play_log(u->broadcast), t->run, 0, 1, copy_run, t, NULL);
    g_free(t->run);
    g_free(t);
    bc_upward_let_go(u);
}

void bc_upward_tell_run(BcUpward *u, const char *id, bool late)
{
    Telling *t = g_new0(Telling, 1);
    *t = (Telling){bc_upward_hold(u), g_strdup(id), late};
    bc_play_log_after(bc_broadcast_play_log(u->broadcast), on_durable, t);
}

typedef struct Missed { BcUpward *u; int64_t since_us, oldest_us; unsigned n; } Missed;

static void find_missed(const BcRun *run, void *user)
{
    Missed *m = user;
    m->n++;
    m->oldest_us = run->start_us;
    if (run->start_us >= m->since_us && run->end_us)
        g_hash_table_add(m->u->ended, g_strdup(run->id));
}

/* What ended in a former life and may not have been told: the journal knows what it has. */
void bc_upward_tell_missed(BcUpward *u)
{
    int64_t mark = bc_ex_journal_mark(u->journal, "plays"), wall = bc_broadcast_wall_us(u->broadcast);
    Missed m = {u, mark ? mark : wall - DAY_US, wall + DAY_US, 0};
    for (unsigned n = 0; m.oldest_us > m.since_us && n != m.n && m.n < 20 * RUNS_MAX;) {
        n = m.n;
        bc_play_log_runs(bc_broadcast_play_log(u->broadcast), NULL, m.n ? m.oldest_us : 0, RUNS_MAX, find_missed, &m, NULL);
    }
}
