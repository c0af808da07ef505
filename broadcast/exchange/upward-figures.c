/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The day's figures are told upward. */
#include "broadcast/exchange/upward-private.h"

typedef struct Figures { int64_t from_us, to_us, oldest_us, announcements, requested, played, partial, missed, urgent, air_us; unsigned n; } Figures;

static void count_run(const BcRun *run, void *user)
{
    Figures *f = user;
    f->n++;
    f->oldest_us = run->start_us;
    if (run->start_us < f->from_us || run->start_us >= f->to_us || run->drill)
        return;
    f->announcements++;
    f->requested += run->devices;
    f->played += run->played;
    f->partial += run->partial;
    f->missed += run->missed;
    f->urgent += run->priority == BC_EMERGENCY;
    f->air_us += run->end_us > run->start_us ? run->end_us - run->start_us : 0;
}

/* Once a day, of the day before, an hour after midnight: late reports have come by then. */
void bc_upward_tell_figures(BcUpward *u)
{
    int64_t wall = bc_broadcast_wall_us(u->broadcast);
    BcCivil now = bc_civil(u->zone, wall);
    if (now.second < 3600 || bc_ex_journal_mark(u->journal, "statistics") >= now.day)
        return;
    Figures f = {.from_us = bc_civil_to_wall(u->zone, now.day - 1, 0), .to_us = bc_civil_to_wall(u->zone, now.day, 0)};
    f.oldest_us = f.to_us;
    for (unsigned n = UINT_MAX; f.oldest_us > f.from_us && n != f.n && f.n < 20 * RUNS_MAX;) {
        n = f.n;
        bc_play_log_runs(bc_broadcast_play_log(u->broadcast), NULL, f.oldest_us, RUNS_MAX, count_run, &f, NULL);
    }
    g_autoptr(GPtrArray) devices = bc_devices_in(bc_broadcast_devices(u->broadcast), NULL, true);
    g_autoptr(JsonObject) ours = json_object_new();
    unsigned online = 0;
    for (unsigned i = 0; u->o.online && i < devices->len; i++)
        online += u->o.online(((BcDevice *)devices->pdata[i])->id, u->o.user);
    bc_upward_set_source(u, ours);
    const struct { const char *name; int64_t value; } values[] = {
        {"from", f.from_us}, {"to", f.to_us}, {"devices", devices->len}, {"online", online}, {"announcements", f.announcements},
        {"requested", f.requested}, {"played", f.played}, {"partial", f.partial}, {"missed", f.missed}, {"urgent", f.urgent},
        {"seconds", f.air_us / G_USEC_PER_SEC}};
    for (unsigned i = 0; i < G_N_ELEMENTS(values); i++)
        json_object_set_int_member(ours, values[i].name, values[i].value);
    g_autofree char *body = bc_ex_write_text(u->tables, "statistics", ours, NULL);
    g_autofree char *key = g_strdup_printf("statistics:%d", now.day);
    if (body)
        bc_ex_journal_put_many(u->journal, &(BcExPut){BC_EX_CENTRAL, "statistics", key, body, true, false}, 1, "statistics", now.day, NULL, NULL);
}
