/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/broadcast-private.h"

#include "broadcast/schedule-row.h"
#include "broadcast/stream-source.h"

typedef struct Put {
    BcBroadcast *b;
    char *id;
    BcDoneFn done;
    void *user;
} Put;

static void on_put(const GError *error, void *user)
{
    Put *put = user;
    put->b->pending--;
    if (!error) {
        bc_planner_look(put->b->planner);
        bc_broadcast_tell(put->b, "schedule.stored", &(BcRun){.kind = "schedule", .schedule = put->id});
    }
    if (put->done)
        put->done(error, put->user);
    g_free(put->id);
    g_free(put);
}

static bool relays_allowed(BcBroadcast *b, const BcSchedule *s, GError **error)
{
    for (unsigned i = 0; i < s->n_items; i++)
        if (s->items[i].kind == BC_ITEM_RELAY && s->items[i].url &&
            (!bc_stream_check_url(s->items[i].url, error) ||
             !bc_url_allowed(s->items[i].url, (const char *const *)b->relay_hosts, "broadcast.relay_hosts", error)))
            return false;
    return true;
}

BcObjections *bc_broadcast_objections(BcBroadcast *b, const BcSchedule *schedule)
{
    BcSchedule s = *schedule;
    if (!s.zone)
        s.zone = b->timezone;
    s.repeats = MAX(s.repeats, 1);
    s.draft = false;
    s.changed_us = bc_broadcast_wall_us(b);
    if (!s.id)
        s.id = "new";
    return bc_schedule_check(&s, NULL) ? bc_planner_objections(b->planner, &s) : NULL;
}

void bc_broadcast_put_schedule(BcBroadcast *b, const BcSchedule *schedule, char **ret_id, BcDoneFn done, void *user)
{
    BcSchedule s = *schedule;
    g_autoptr(GError) error = NULL;
    if (!s.zone)
        s.zone = b->timezone;
    if (!s.repeats)
        s.repeats = 1;
    if (!bc_broadcast_areas_known(b, s.areas, &error) || !relays_allowed(b, &s, &error)) {
        if (done)
            done(error, user);
        return;
    }
    Put *put = g_new0(Put, 1);
    g_autofree char *id = s.id ? NULL : bc_new_id("s");
    if (id)
        s.id = id;
    *put = (Put){b, g_strdup(s.id), done, user};
    b->pending++;
    bc_schedules_put(b->schedules, &s, bc_broadcast_wall_us(b), ret_id, on_put, put);
}
