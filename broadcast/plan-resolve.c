/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Of all that would sound in an area, what does: one pass over the beginnings and ends. */
#include "broadcast/plan-build.h"

typedef struct Sweep {
    BcPlanBuild *build;
    const char *area;
    GPtrArray *active;       /* BcPlanCandidate* that would sound now */
    BcPlanCandidate *heard;  /* which does; NULL silence */
    int64_t since_us;        /* it does from here on */
    GArray *out;             /* BcPlanItem */
} Sweep;

static int compare(const BcPlanCandidate *a, const BcPlanCandidate *b)
{
    const BcPlanItem *x = &a->base->item, *y = &b->base->item;
    BcOrder left = {x->priority, x->authority, x->made_us, (uint64_t)x->start_us}, right = {y->priority, y->authority, y->made_us, (uint64_t)y->start_us};
    int order = bc_order_compare(&left, &right);
    return order ? order : a->base < b->base ? -1 : a->base > b->base;
}

static bool is_dead(const Sweep *sweep, const BcPlanCandidate *c)
{
    return bc_plan_occurrence(sweep->build, c->base->occurrence)->dropped == sweep->build->area_number;
}

/* Two programmes meet and one of them loses. Between classes that is as meant; within one somebody has planned badly. */
static void clash(Sweep *sweep, const BcPlanCandidate *loser, const BcPlanCandidate *winner, int64_t at_us)
{
    const BcPlanItem *l = &loser->base->item, *w = &winner->base->item;
    bool decision = l->priority == BC_PRIORITY && w->priority == BC_PRIORITY && l->authority != w->authority;
    char when[32];
    if (loser->base->occurrence == winner->base->occurrence)
        return;
    bool cut = sweep->heard == loser;
    bc_plan_problem(sweep->build,
                    &(BcProblem){.code = decision ? BC_PROBLEM_COMMUNE_DECIDES : cut ? BC_PROBLEM_CUT_OFF : BC_PROBLEM_HELD_BACK,
                                 .blocks = !decision && l->priority == w->priority, .area = sweep->area, .schedule = l->schedule, .other = w->schedule,
                                 .from_us = at_us, .to_us = MIN(loser->to_us, winner->to_us),
                                 .facts = {.name = l->title, .other_name = w->title, .lost = !l->resume}},
                    "\"%s\" is %s by \"%s\" in %s on %s%s", l->title,
                    cut ? "cut off" : "held back", w->title, sweep->area, bc_plan_when(sweep->build, at_us, when),
                    decision ? ": the commune decides which comes first" : l->resume ? "" : " and does not come back");
}

/* What has sounded up to at_us is written down. */
static void settle(Sweep *sweep, int64_t at_us)
{
    if (!sweep->heard || at_us <= sweep->since_us)
        return;
    BcPlanItem item = sweep->heard->base->item;
    item.skip_us = sweep->since_us - item.start_us;
    item.start_us = sweep->since_us;
    item.end_us = at_us;
    item.quiet_ok |= sweep->heard->released;
    g_array_append_val(sweep->out, item);
}

/* Who is heard from at_us on. */
static void choose(Sweep *sweep, int64_t at_us)
{
    BcPlanCandidate *best = NULL;
    for (unsigned i = sweep->active->len; i-- > 0;) {
        BcPlanCandidate *c = sweep->active->pdata[i];
        if (c->to_us <= at_us || is_dead(sweep, c))
            g_ptr_array_remove_index_fast(sweep->active, i);
        else if (!best || compare(c, best) < 0)
            best = c;
    }
    if (best == sweep->heard)
        return;
    settle(sweep, at_us);
    for (unsigned i = 0; i < sweep->active->len; i++) {
        BcPlanCandidate *c = sweep->active->pdata[i];
        if (c == best || (c != sweep->heard && c->from_us != at_us))
            continue; /* it lost before */
        clash(sweep, c, best, at_us);
        if (!c->base->item.resume)
            bc_plan_occurrence(sweep->build, c->base->occurrence)->dropped = sweep->build->area_number;
    }
    sweep->heard = best;
    sweep->since_us = at_us;
}

/* The newcomer is not heard at once: said when it comes, not when somebody goes. */
static void held_back(Sweep *sweep, BcPlanCandidate *c)
{
    if (!sweep->heard || sweep->heard == c)
        return;
    clash(sweep, c, sweep->heard, c->from_us);
    if (!c->base->item.resume)
        bc_plan_occurrence(sweep->build, c->base->occurrence)->dropped = sweep->build->area_number;
}

/* The next moment at which something of the active ones ends. */
static int64_t next_end(const Sweep *sweep)
{
    int64_t next = INT64_MAX;
    for (unsigned i = 0; i < sweep->active->len; i++)
        next = MIN(next, ((BcPlanCandidate *)sweep->active->pdata[i])->to_us);
    return next;
}

GArray *bc_plan_resolve(BcPlanBuild *build, const char *area)
{
    GArray *all = build->candidates;
    g_autoptr(GPtrArray) active = g_ptr_array_new();
    Sweep sweep = {build, area, active, NULL, 0, g_array_sized_new(FALSE, FALSE, sizeof(BcPlanItem), all->len)};
    for (unsigned i = 0; i < all->len || active->len;) {
        int64_t end = next_end(&sweep);
        BcPlanCandidate *first = i < all->len ? &g_array_index(all, BcPlanCandidate, i) : NULL;
        int64_t at = first ? MIN(first->from_us, end) : end;
        unsigned from = i;
        for (; i < all->len && g_array_index(all, BcPlanCandidate, i).from_us == at; i++)
            g_ptr_array_add(active, &g_array_index(all, BcPlanCandidate, i));
        const BcPlanCandidate *before = sweep.heard;
        choose(&sweep, at);
        for (unsigned k = from; before == sweep.heard && k < i; k++)
            held_back(&sweep, &g_array_index(all, BcPlanCandidate, k));
    }
    return sweep.out;
}
