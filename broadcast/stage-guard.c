/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The stage asks somebody whether a loudspeaker may sound at all: before it is taken, and again and again while it sounds. */
#include "broadcast/ear.h"
#include "broadcast/stage.h"

void bc_stage_set_guard(BcStage *stage, BcGuardFn fn, BcReleasedFn released, void *user)
{
    stage->guard = fn;
    stage->released = released;
    stage->guard_user = user;
}

BcGuardAnswer bc_stage_ask_area(const BcStage *stage, const BcAnnouncement *a, const char *area, const char **ret_why)
{
    *ret_why = NULL;
    return stage->guard ? stage->guard(a, area, ret_why, stage->guard_user) : BC_GUARD_YES;
}

BcGuardAnswer bc_stage_ask(const BcStage *stage, const BcTarget *target, const char **ret_why)
{
    return bc_stage_ask_area(stage, target->announcement, target->area, ret_why);
}

bool bc_stage_is_dropped(const BcStage *stage, const BcTarget *target)
{
    const BcAnnouncement *a = target->announcement;
    return a->drop && target->state == BC_TARGET_WAITING && bc_stage_wall_us(stage) > a->start_wall_us;
}

/* Few areas, many loudspeakers: each area is asked for once. */
static BcGuardAnswer ask_once(const BcStage *stage, const BcTarget *target, GHashTable *answers, GHashTable *reasons, const char **ret_why)
{
    gpointer known;
    if (g_hash_table_lookup_extended(answers, target->area, NULL, &known)) {
        *ret_why = g_hash_table_lookup(reasons, target->area);
        return (BcGuardAnswer)GPOINTER_TO_INT(known);
    }
    BcGuardAnswer answer = bc_stage_ask(stage, target, ret_why);
    g_hash_table_insert(answers, target->area, GINT_TO_POINTER(answer));
    g_hash_table_insert(reasons, target->area, (gpointer)*ret_why);
    return answer;
}

/* hushed: gets those whose devices have to be told. */
static void obey(BcStage *stage, BcTarget *t, BcGuardAnswer answer, const char *why, GPtrArray *hushed)
{
    if (answer == BC_GUARD_NEVER) {
        g_ptr_array_add(hushed, t);
        bc_target_end(t, why, false);
        return;
    }
    if (answer == BC_GUARD_LATER) {
        if (t->state != BC_TARGET_WAITING) {
            if (!stage->reach[t->kind].decides || t->announcement->leave) /* the others know the quiet hours by themselves */
                g_ptr_array_add(hushed, t);
            bc_target_cut(t, why);
            bc_stage_release(stage, t);
        } else if (g_strcmp0(t->reason, why) != 0) {
            g_free(t->reason);
            t->reason = g_strdup(why);
            bc_target_log(t);
        }
        return;
    }
    const BcTarget *holder = g_hash_table_lookup(stage->holders, t->device);
    if (t->state == BC_TARGET_WAITING && (!holder || bc_order_compare(&t->announcement->order, &holder->announcement->order) < 0))
        bc_target_want(t);
}

static void recheck(BcStage *stage, BcAnnouncement *a)
{
    g_autoptr(GHashTable) answers = g_hash_table_new(g_str_hash, g_str_equal), reasons = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) hushed = g_ptr_array_new();
    const char *why, *hushed_why = NULL;
    for (unsigned k = 0; !a->over && k < a->n_targets; k++) {
        BcTarget *t = &a->targets[k];
        if (t->state == BC_TARGET_ENDED)
            continue;
        BcGuardAnswer answer = ask_once(stage, t, answers, reasons, &why);
        if (bc_stage_is_dropped(stage, t)) {
            bc_target_end(t, t->reason ? t->reason : "cut off by another programme", false);
            continue;
        }
        unsigned before = hushed->len;
        obey(stage, t, answer, why, hushed);
        hushed_why = hushed->len > before ? why : hushed_why;
    }
    if (hushed->len)
        bc_announcement_hush(a, hushed_why, hushed);
}

void bc_stage_recheck(BcStage *stage)
{
    int64_t wall = bc_stage_wall_us(stage);
    for (unsigned i = stage->running->len; stage->guard && i-- > 0;) {
        BcAnnouncement *a = stage->running->pdata[i];
        if (!a->over && a->expires_us && a->expires_us <= wall) /* its timer knows nothing of a clock that was set */
            bc_announcement_stop(a, "it has expired", false);
        recheck(stage, a);
    }
    bc_ears_look(stage);
}

unsigned bc_stage_stop_area(BcStage *stage, const char *area, const char *reason)
{
    unsigned stopped = 0;
    for (unsigned i = stage->running->len; i-- > 0;) {
        BcAnnouncement *a = stage->running->pdata[i];
        unsigned inside = 0, outside = 0;
        for (unsigned k = 0; !a->over && k < a->n_targets; k++)
            if (a->targets[k].state != BC_TARGET_ENDED)
                *(bc_areas_contains(stage->o.areas, area, a->targets[k].area) ? &inside : &outside) += 1;
        stopped += inside > 0;
        if (inside && !outside) {
            bc_announcement_stop(a, reason, false);
            continue;
        }
        g_autoptr(GPtrArray) hushed = g_ptr_array_new();
        for (unsigned k = 0; inside && !a->over && k < a->n_targets; k++)
            if (a->targets[k].state != BC_TARGET_ENDED && bc_areas_contains(stage->o.areas, area, a->targets[k].area)) {
                g_ptr_array_add(hushed, &a->targets[k]);
                bc_target_end(&a->targets[k], reason, false);
            }
        if (hushed->len)
            bc_announcement_hush(a, reason, hushed);
    }
    return stopped;
}
