/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/plan.h"

#include <string.h>
#include "broadcast/plan-build.h"

#define OCCURRENCES_MAX 20000 /* of one programme in one plan: 288 a day for 62 days are fewer */
#define DAY_US (86400ll * G_USEC_PER_SEC)

const char *bc_plan_keep(BcPlan *plan, const char *text)
{
    return text ? g_string_chunk_insert_const(plan->strings, text) : NULL;
}

static void unref_items(gpointer items)
{
    g_array_unref(items);
}

static BcPlan *new_plan(void)
{
    BcPlan *plan = g_new0(BcPlan, 1);
    plan->strings = g_string_chunk_new(65536);
    plan->by_area = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, unref_items);
    plan->problems = g_array_new(FALSE, FALSE, sizeof(BcProblem));
    plan->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return plan;
}

void bc_plan_free(BcPlan *plan)
{
    if (!plan)
        return;
    g_hash_table_unref(plan->by_area);
    g_hash_table_unref(plan->seen);
    g_array_unref(plan->problems);
    g_string_chunk_free(plan->strings);
    g_free(plan);
}

const BcPlanItem *bc_plan_items(const BcPlan *plan, const char *area, unsigned *ret_n)
{
    const GArray *items = area ? g_hash_table_lookup(plan->by_area, area) : NULL;
    *ret_n = items ? items->len : 0;
    return items ? (const BcPlanItem *)items->data : NULL;
}

const BcProblem *bc_plan_problems(const BcPlan *plan, unsigned *ret_n)
{
    *ret_n = plan->problems->len;
    return (const BcProblem *)plan->problems->data;
}

unsigned bc_plan_authority(const BcAreas *areas, const BcSchedule *s)
{
    return s->central ? BC_AUTHORITY_CENTRAL : bc_authority_of(areas, s->owner);
}

/* --- every programme's occurrences --- */

/* Items of one round with their lengths; a recording that is not there sounds for no time. */
static int64_t item_length(BcPlanBuild *build, const BcSchedule *s, const BcItem *item, int64_t at_us, bool *ret_heard)
{
    BcPlanContent content = {0};
    *ret_heard = true;
    if (item->kind != BC_ITEM_CONTENT)
        return item->duration_us;
    if (!build->in->content(item->content, at_us, &content, build->in->user)) {
        bc_plan_problem(build,
                        &(BcProblem){.code = BC_PROBLEM_CONTENT_GONE, .blocks = true, .area = s->owner, .schedule = s->id, .other = item->content,
                                     .from_us = at_us, .to_us = at_us, .facts = {.name = s->name}},
                        "\"%s\" names a recording that is gone: %.12s…", s->name, item->content);
        *ret_heard = false;
        return 0;
    }
    g_autofree char *refused = content.refused;
    *ret_heard = !refused;
    if (!refused)
        return content.duration_us;
    char when[32];
    bc_plan_problem(build,
                    &(BcProblem){.code = BC_PROBLEM_CONTENT_REFUSED, .blocks = true, .area = s->owner, .schedule = s->id, .other = item->content,
                                 .from_us = at_us, .to_us = at_us + content.duration_us, .facts = {.name = s->name, .why = refused}},
                    "\"%s\" on %s: its recording %.12s… may not be heard: %s", s->name, bc_plan_when(build, at_us, when), item->content,
                    refused);
    return content.duration_us;
}

static int64_t round_length(BcPlanBuild *build, const BcSchedule *s)
{
    int64_t length = 0;
    bool heard;
    for (unsigned i = 0; i < s->n_items; i++)
        length += item_length(build, s, &s->items[i], 0, &heard);
    return length;
}

static const char *occurrence_id(BcPlanBuild *build, const BcSchedule *s, int64_t at_us, unsigned n, bool alone)
{
    char id[128];
    if (alone)
        g_snprintf(id, sizeof id, "%s@%" G_GINT64_FORMAT, s->id, at_us / G_USEC_PER_SEC);
    else
        g_snprintf(id, sizeof id, "%s@%" G_GINT64_FORMAT ".%u", s->id, at_us / G_USEC_PER_SEC, n);
    return g_string_chunk_insert(build->plan->strings, id);
}

/* alone: one item, whose repeats stay together; else every item of every round is one. */
static void add_items(BcPlanBuild *build, const BcPlanProgramme *p, const BcPlanItem *like, int64_t at_us, unsigned occurrence)
{
    const BcSchedule *s = p->s;
    bool alone = s->n_items == 1;
    int64_t at = at_us, gap = (int64_t)s->gap_s * G_USEC_PER_SEC;
    for (unsigned round = 0, n = 0; round < (alone ? 1 : s->repeats); round++, at += gap)
        for (unsigned i = 0; i < s->n_items; n += s->items[i].kind != BC_ITEM_SILENCE, i++) {
            bool heard;
            int64_t one = item_length(build, s, &s->items[i], at, &heard);
            int64_t length = alone ? one * s->repeats + gap * (s->repeats - 1) : one;
            BcPlanBase base = {like[i], occurrence};
            base.item.start_us = at;
            base.item.end_us = s->expires_us ? MIN(at + length, s->expires_us) : at + length;
            at += length;
            if (!heard || base.item.end_us <= base.item.start_us || s->items[i].kind == BC_ITEM_SILENCE)
                continue;
            base.item.occurrence = occurrence_id(build, s, at_us, n, alone);
            g_array_append_val(build->base, base);
        }
}

static BcPlanItem *item_templates(BcPlanBuild *build, const BcPlanProgramme *p)
{
    const BcSchedule *s = p->s;
    BcPlanItem *like = g_new0(BcPlanItem, s->n_items);
    for (unsigned i = 0; i < s->n_items; i++) {
        const BcItem *item = &s->items[i];
        like[i] = (BcPlanItem){.schedule = bc_plan_keep(build->plan, s->id),
                               .title = bc_plan_keep(build->plan, s->name),
                               .kind = bc_item_kind_to_string(item->kind),
                               .content = bc_plan_keep(build->plan, item->content),
                               .url = bc_plan_keep(build->plan, item->url),
                               .fallback = bc_plan_keep(build->plan, item->fallback),
                               .silence_max_us = item->silence_max_us,
                               .expires_us = s->expires_us,
                               .grace_us = (int64_t)s->grace_s * G_USEC_PER_SEC,
                               .priority = s->priority,
                               .authority = p->authority,
                               .made_us = s->changed_us,
                               .repeats = s->n_items == 1 ? s->repeats : 1,
                               .gap_us = s->n_items == 1 ? (int64_t)s->gap_s * G_USEC_PER_SEC : 0,
                               .resume = !s->drop,
                               .volume = s->volume ? (int)s->volume : -1,
                               .quiet_ok = s->released_by != NULL};
    }
    return like;
}

static void add_occurrences(BcPlanBuild *build, BcPlanProgramme *p)
{
    const BcSchedule *s = p->s;
    int64_t gaps = (int64_t)s->gap_s * (s->repeats - 1) * G_USEC_PER_SEC, since = MAX(build->from_us, s->changed_us);
    p->length_us = round_length(build, s) * s->repeats + gaps;
    p->first = build->occurrences->len;
    int64_t from = MAX(build->from_us - p->length_us, s->changed_us);
    g_autoptr(GArray) times = s == build->candidate ? bc_schedule_expand(s, from, build->to_us, OCCURRENCES_MAX, NULL)
                                                    : bc_schedules_between(build->in->schedules, s->id, from, build->to_us, OCCURRENCES_MAX);
    g_autofree BcPlanItem *like = item_templates(build, p);
    for (unsigned i = 0; times && i < times->len; i++) {
        int64_t at = g_array_index(times, int64_t, i);
        BcCivil civil = bc_civil(build->zone, at);
        unsigned left;
        bool closed = p->slot && !bc_slot_is_open(p->slot, civil.weekday, (unsigned)civil.second, &left) &&
                      (p->slot->weekdays >> civil.weekday & 1) == 0;
        if (closed || at + p->length_us <= since || (s->expires_us && at >= s->expires_us))
            continue;
        BcPlanOccurrence o = {build->programmes->len, at, at + p->length_us, build->base->len, 0, civil.day, 0};
        add_items(build, p, like, at, build->occurrences->len);
        o.n = build->base->len - o.first;
        g_array_append_val(build->occurrences, o);
    }
    p->n = build->occurrences->len - p->first;
}

static void name_areas(BcPlanBuild *build, const BcSchedule *s, unsigned programme)
{
    for (unsigned i = 0; s->areas[i]; i++) {
        bool below = false; /* of another area that it names */
        for (unsigned k = 0; s->areas[k] && !below; k++)
            below = (k < i || !g_str_equal(s->areas[k], s->areas[i])) && k != i && bc_areas_contains(build->in->areas, s->areas[k], s->areas[i]);
        if (below)
            continue;
        GArray *list = g_hash_table_lookup(build->by_area, s->areas[i]);
        if (!list) {
            list = g_array_new(FALSE, FALSE, sizeof(unsigned));
            g_hash_table_insert(build->by_area, (char *)s->areas[i], list);
        }
        g_array_append_val(list, programme);
    }
}

static void add_programmes(BcPlanBuild *build)
{
    g_autoptr(GPtrArray) all = bc_schedules_list(build->in->schedules);
    if (build->candidate)
        g_ptr_array_add(all, build->candidate);
    for (unsigned i = 0; i < all->len; i++) {
        const BcSchedule *s = all->pdata[i];
        bool wanted = s->enabled && (!s->draft || g_strcmp0(build->in->draft, s->id) == 0);
        if (build->candidate)
            wanted = s == build->candidate || (wanted && !g_str_equal(s->id, build->candidate->id));
        if (!wanted)
            continue;
        BcPlanProgramme p = {.s = s, .slot = bc_slots_find(build->in->slots, s->slot), .authority = bc_plan_authority(build->in->areas, s)};
        add_occurrences(build, &p);
        name_areas(build, s, build->programmes->len);
        g_array_append_val(build->programmes, p);
    }
}

/* --- area by area --- */

/* Quiet hours of an area as spans, those that two people released taken out. */
static void cut_out(GArray *spans, int64_t from_us, int64_t to_us)
{
    for (unsigned i = spans->len; i-- > 0;) {
        BcPlanSpan s = g_array_index(spans, BcPlanSpan, i), after = {to_us, s.to_us};
        if (s.to_us <= from_us || s.from_us >= to_us)
            continue;
        g_array_remove_index(spans, i);
        if (after.from_us < after.to_us)
            g_array_insert_val(spans, i, after);
        if (s.from_us < from_us) {
            BcPlanSpan before = {s.from_us, from_us};
            g_array_insert_val(spans, i, before);
        }
    }
}

static GArray *quiet_spans(BcPlanBuild *build, const char *area)
{
    BcQuietHours hours = bc_quiet_hours(build->in->quiet, area, NULL);
    g_autofree char *key = bc_quiet_format(&hours);
    bool released = false;
    for (unsigned i = 0; i < build->releases->len && !released; i++) {
        const BcQuietRelease *r = build->releases->pdata[i];
        for (unsigned k = 0; r->released_by && r->areas[k]; k++)
            released |= bc_areas_contains(build->in->areas, r->areas[k], area);
    }
    GArray *spans = released ? NULL : g_hash_table_lookup(build->quiet, key);
    if (spans)
        return g_array_ref(spans);
    spans = g_array_new(FALSE, FALSE, sizeof(BcPlanSpan));
    int32_t first = bc_civil(build->zone, build->from_us).day - 1, last = bc_civil(build->zone, build->to_us).day + 1;
    for (int32_t day = first; day <= last && hours.from_s != hours.to_s; day++) {
        int32_t to = (int32_t)hours.to_s + (hours.to_s <= hours.from_s ? 86400 : 0);
        BcPlanSpan span = {bc_civil_to_wall(build->zone, day, (int32_t)hours.from_s), bc_civil_to_wall(build->zone, day, to)};
        g_array_append_val(spans, span);
    }
    for (unsigned i = 0; released && i < build->releases->len; i++) {
        const BcQuietRelease *r = build->releases->pdata[i];
        for (unsigned k = 0; r->released_by && r->areas[k]; k++)
            if (bc_areas_contains(build->in->areas, r->areas[k], area))
                cut_out(spans, r->from_us, r->to_us);
    }
    if (!released)
        g_hash_table_insert(build->quiet, g_steal_pointer(&key), g_array_ref(spans));
    return spans;
}

/* Two people have let something sound there in that span. */
static bool is_released(const BcPlanBuild *build, const char *area, int64_t from_us, int64_t to_us)
{
    for (unsigned i = 0; i < build->releases->len; i++) {
        const BcQuietRelease *r = build->releases->pdata[i];
        for (unsigned k = 0; r->released_by && r->from_us < to_us && r->to_us > from_us && r->areas[k]; k++)
            if (bc_areas_contains(build->in->areas, r->areas[k], area))
                return true;
    }
    return false;
}

static void quiet_problem(BcPlanBuild *build, const char *area, const BcPlanBase *base, const BcPlanSpan *span)
{
    char when[32], until[32];
    const BcPlanItem *item = &base->item;
    bool wakes = item->priority == BC_EMERGENCY;
    bc_plan_problem(build,
                    &(BcProblem){.code = wakes ? BC_PROBLEM_QUIET_WAKES : BC_PROBLEM_QUIET_SILENT, .blocks = true, .area = area,
                                 .schedule = item->schedule, .from_us = MAX(item->start_us, span->from_us),
                                 .to_us = MIN(item->end_us, span->to_us), .facts = {.name = item->title, .until_us = span->to_us}},
                    "\"%s\" on %s would sound in the quiet hours of %s, which last until %s: %s",
                    item->title, bc_plan_when(build, item->start_us, when), area, bc_plan_when(build, span->to_us, until),
                    wakes ? "it is an emergency, and wakes everybody" : "it is silent then");
}

static void add_candidate(BcPlanBuild *build, const char *area, const BcPlanBase *base, int64_t from_us, int64_t to_us)
{
    BcPlanCandidate c = {MAX(from_us, build->from_us), MIN(to_us, build->to_us), base, is_released(build, area, from_us, to_us)};
    if (c.from_us < c.to_us)
        g_array_append_val(build->candidates, c);
}

/* An item outside the quiet hours: in pieces, if it comes back after being cut. spans are in order. False: its programme was cut for good. */
static bool add_quietly(BcPlanBuild *build, const char *area, const BcPlanBase *base, const GArray *spans)
{
    int64_t from = base->item.start_us, to = base->item.end_us;
    bool guarded = base->item.priority != BC_EMERGENCY, cut = false;
    for (unsigned i = 0; !base->item.quiet_ok && i < spans->len && from < to; i++) {
        const BcPlanSpan *span = &g_array_index(spans, BcPlanSpan, i);
        if (span->to_us <= from)
            continue;
        if (span->from_us >= to)
            break;
        quiet_problem(build, area, base, span);
        if (!guarded)
            break;
        cut = true;
        if (span->from_us > from)
            add_candidate(build, area, base, from, span->from_us);
        from = base->item.resume ? span->to_us : to;
    }
    if (from < to)
        add_candidate(build, area, base, from, to);
    return !cut || base->item.resume;
}

static bool day_allows(const BcPlanBuild *build, const BcSchedule *s, const char *area, int32_t day)
{
    if (s->holidays == BC_HOLIDAY_PLAY)
        return true;
    bool holiday = bc_holidays_find(build->in->holidays, area, day) != NULL;
    return holiday == (s->holidays == BC_HOLIDAY_ONLY);
}

static int by_start(gconstpointer a, gconstpointer b)
{
    const BcPlanCandidate *x = a, *y = b;
    return x->from_us != y->from_us ? (x->from_us < y->from_us ? -1 : 1) : x->base < y->base ? -1 : x->base > y->base;
}

static GArray *timeline(BcPlanBuild *build, const char *area, const GArray *heard)
{
    g_autoptr(GArray) spans = quiet_spans(build, area);
    int64_t stopped_us = bc_halts_before_us(build->in->halts, area);
    g_array_set_size(build->candidates, 0);
    build->area_number++;
    for (unsigned i = 0; i < heard->len; i++) {
        const BcPlanProgramme *p = bc_plan_programme(build, g_array_index(heard, unsigned, i));
        for (unsigned k = p->first; k < p->first + p->n; k++) {
            const BcPlanOccurrence *o = bc_plan_occurrence(build, k);
            if (o->at_us < stopped_us || !day_allows(build, p->s, area, o->day))
                continue;
            for (unsigned n = o->first; n < o->first + o->n; n++)
                if (!add_quietly(build, area, &g_array_index(build->base, BcPlanBase, n), spans))
                    break;
        }
    }
    g_array_sort(build->candidates, by_start);
    return bc_plan_resolve(build, area);
}

/* An area that has nothing of its own hears what the area above hears. */
static void walk(BcPlanBuild *build, const char *code, const GArray *above, GArray *items_above)
{
    const GPtrArray *below = g_hash_table_lookup(build->children, code);
    for (unsigned i = 0; below && i < below->len; i++) {
        const BcArea *area = below->pdata[i];
        const GArray *named = g_hash_table_lookup(build->by_area, area->code);
        bool own = !items_above || named || bc_quiet_own(build->in->quiet, area->code) || bc_halts_own(build->in->halts, area->code) ||
                   bc_holidays_own(build->in->holidays, area->code) || g_hash_table_contains(build->release_areas, area->code);
        g_autoptr(GArray) heard = g_array_copy((GArray *)above);
        if (named)
            g_array_append_vals(heard, named->data, named->len);
        g_autoptr(GArray) items = own ? timeline(build, area->code, heard) : g_array_ref(items_above);
        g_hash_table_insert(build->plan->by_area, (char *)bc_plan_keep(build->plan, area->code), g_array_ref(items));
        bc_plan_check_slots(build, area->code, items);
        walk(build, area->code, heard, items);
    }
}

static void add_to_list(GHashTable *lists, const char *key, gpointer value)
{
    GPtrArray *list = g_hash_table_lookup(lists, key);
    if (!list) {
        list = g_ptr_array_new();
        g_hash_table_insert(lists, (char *)key, list);
    }
    g_ptr_array_add(list, value);
}

static void find_children(BcPlanBuild *build)
{
    g_autoptr(GPtrArray) all = bc_areas_subtree(build->in->areas, NULL);
    for (unsigned i = 0; i < all->len; i++) {
        const BcArea *area = all->pdata[i];
        add_to_list(build->children, area->parent ? area->parent : "", (gpointer)area);
    }
}

static void open_build(BcPlanBuild *build)
{
    build->zone = g_time_zone_new_identifier(build->in->zone);
    build->candidate = build->in->candidate ? bc_schedule_copy(build->in->candidate) : NULL;
    build->programmes = g_array_new(FALSE, FALSE, sizeof(BcPlanProgramme));
    build->occurrences = g_array_new(FALSE, FALSE, sizeof(BcPlanOccurrence));
    build->base = g_array_new(FALSE, FALSE, sizeof(BcPlanBase));
    build->candidates = g_array_new(FALSE, FALSE, sizeof(BcPlanCandidate));
    build->by_area = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, unref_items);
    build->children = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
    build->quiet = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unref_items);
    build->releases = bc_quiet_releases(build->in->quiet, build->from_us);
    build->release_areas = g_hash_table_new(g_str_hash, g_str_equal);
    for (unsigned i = 0; i < build->releases->len; i++) {
        const BcQuietRelease *r = build->releases->pdata[i];
        for (unsigned k = 0; r->areas[k]; k++)
            g_hash_table_add(build->release_areas, (char *)r->areas[k]);
    }
    build->slots = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
    g_autoptr(GPtrArray) slots = bc_slots_list(build->in->slots);
    for (unsigned i = 0; i < slots->len; i++)
        add_to_list(build->slots, ((BcSlot *)slots->pdata[i])->area, slots->pdata[i]);
}

static void close_build(BcPlanBuild *build)
{
    g_clear_pointer(&build->zone, g_time_zone_unref);
    g_array_unref(build->programmes);
    g_array_unref(build->occurrences);
    g_array_unref(build->base);
    g_array_unref(build->candidates);
    g_hash_table_unref(build->by_area);
    g_hash_table_unref(build->children);
    g_hash_table_unref(build->quiet);
    g_hash_table_unref(build->release_areas);
    g_hash_table_unref(build->slots);
    g_ptr_array_unref(build->releases);
    bc_schedule_free(build->candidate);
}

static void count_problems(BcPlan *plan)
{
    for (unsigned i = 0; i < plan->problems->len; i++) {
        BcProblem *problem = &g_array_index(plan->problems, BcProblem, i);
        unsigned more = problem->times - 1;
        g_autofree char *text = more ? g_strdup_printf("%s (and %u more times)", problem->text, more) : NULL;
        if (text)
            problem->text = g_string_chunk_insert(plan->strings, text);
    }
}

BcPlan *bc_plan_new(const BcPlanInput *input, int64_t from_us, int64_t to_us, GError **error)
{
    if (from_us < 0 || to_us <= from_us || to_us - from_us > BC_PLAN_SPAN_MAX_US) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "a plan goes from a moment to a later one, at most %d days on",
                    (int)(BC_PLAN_SPAN_MAX_US / DAY_US));
        return NULL;
    }
    BcPlanBuild build = {.in = input, .plan = new_plan(), .from_us = from_us, .to_us = to_us};
    open_build(&build);
    find_children(&build);
    add_programmes(&build);
    bc_plan_check_programmes(&build);
    g_autoptr(GArray) none = g_array_new(FALSE, FALSE, sizeof(unsigned));
    walk(&build, "", none, NULL);
    count_problems(build.plan);
    close_build(&build);
    return build.plan;
}
