/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is wrong with a plan: said once per programme, in sentences. */
#include <stdarg.h>
#include <string.h>
#include "broadcast/plan-build.h"

#define DEAD_AIR_US (30ll * G_USEC_PER_SEC)

static const char *const kinds[BC_PROBLEM_MAX] = {"clash", "dead-air", "missing", "too-long", "quiet", "time-zone", "no-device", "decision"};

static const struct {
    BcProblemKind kind;
    const char *name, *mend;
} codes[BC_PROBLEM_CODE_MAX] = {
    [BC_PROBLEM_CUT_OFF] = {BC_PROBLEM_CLASH, "cut-off", "move one of the two, or make it shorter"},
    [BC_PROBLEM_HELD_BACK] = {BC_PROBLEM_CLASH, "held-back", "move one of the two, or make the other shorter"},
    [BC_PROBLEM_COMMUNE_DECIDES] = {BC_PROBLEM_DECISION, "commune-decides", "the commune chooses in its inbox; or move one of the two"},
    [BC_PROBLEM_SILENT_SLOT] = {BC_PROBLEM_DEAD_AIR, "silent-slot", "put something into the gap, or make the slot shorter"},
    [BC_PROBLEM_CONTENT_GONE] = {BC_PROBLEM_MISSING, "content-gone", "choose another recording"},
    [BC_PROBLEM_CONTENT_REFUSED] = {BC_PROBLEM_MISSING, "content-refused", "have the recording's bulletin approved, or choose another recording"},
    [BC_PROBLEM_OUTSIDE_SLOT] = {BC_PROBLEM_TOO_LONG, "outside-slot", "move it into its slot, or take it out of the slot"},
    [BC_PROBLEM_BEYOND_SLOT] = {BC_PROBLEM_TOO_LONG, "beyond-slot", "make it shorter, let it begin earlier, or make the slot longer"},
    [BC_PROBLEM_QUIET_SILENT] = {BC_PROBLEM_QUIET, "quiet-silent", "move it out of the quiet hours, or have another person release it for them"},
    [BC_PROBLEM_QUIET_WAKES] = {BC_PROBLEM_QUIET, "quiet-wakes", "move it out of the quiet hours, or make it no emergency"},
    [BC_PROBLEM_OTHER_ZONE] = {BC_PROBLEM_TIME_ZONE, "other-zone", "give the time in the province's own zone"},
    [BC_PROBLEM_CLOCKS_CHANGE] = {BC_PROBLEM_TIME_ZONE, "clocks-change", "give the time in the province's own zone"},
    [BC_PROBLEM_NOBODY_HEARS] = {BC_PROBLEM_NO_DEVICE, "nobody-hears", "leave this area out, or register a loudspeaker in it"},
};

const char *bc_problem_to_string(BcProblemKind kind)
{
    return kind < BC_PROBLEM_MAX ? kinds[kind] : NULL;
}

const char *bc_problem_code_to_string(BcProblemCode code)
{
    return codes[code].name;
}

const char *bc_problem_mend(BcProblemCode code)
{
    return codes[code].mend;
}

const char *bc_plan_when(const BcPlanBuild *build, int64_t wall_us, char *buffer)
{
    BcCivil civil = bc_civil(build->zone, wall_us);
    g_autofree char *day = bc_format_day(civil.day);
    g_autofree char *time = bc_format_time((unsigned)civil.second);
    g_snprintf(buffer, 32, "%s %s", day, time);
    return buffer;
}

static BcProblem keep_problem(BcPlan *plan, const BcProblem *found, const char *text)
{
    BcProblem p = *found;
    p.kind = codes[found->code].kind;
    p.times = 1;
    p.text = g_string_chunk_insert(plan->strings, text);
    const char **ids[] = {&p.area, &p.schedule, &p.other, &p.facts.name, &p.facts.other_name, &p.facts.why, &p.facts.zone};
    for (unsigned i = 0; i < G_N_ELEMENTS(ids); i++)
        *ids[i] = bc_plan_keep(plan, *ids[i]);
    return p;
}

void bc_plan_problem(BcPlanBuild *build, const BcProblem *found, const char *format, ...)
{
    BcPlan *plan = build->plan;
    char key[256];
    g_snprintf(key, sizeof key, "%d %s %s %s", (int)codes[found->code].kind, found->schedule ? found->schedule : "", found->other ? found->other : "",
               found->schedule || !found->area ? "" : found->area);
    unsigned at = GPOINTER_TO_UINT(g_hash_table_lookup(plan->seen, key));
    if (at) {
        BcProblem *before = &g_array_index(plan->problems, BcProblem, at - 1);
        before->times++;
        before->blocks |= found->blocks;
        return;
    }
    if (plan->problems->len >= BC_PLAN_PROBLEMS_MAX)
        return;
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    BcProblem problem = keep_problem(plan, found, text);
    g_array_append_val(plan->problems, problem);
    g_hash_table_insert(plan->seen, g_strdup(key), GUINT_TO_POINTER(plan->problems->len));
}

static void check_slot(BcPlanBuild *build, const BcPlanProgramme *p)
{
    char when[32];
    for (unsigned i = p->first; p->slot && i < p->first + p->n; i++) {
        const BcPlanOccurrence *o = bc_plan_occurrence(build, i);
        BcCivil civil = bc_civil(build->zone, o->at_us);
        unsigned left = 0;
        if (!bc_slot_is_open(p->slot, civil.weekday, (unsigned)civil.second, &left)) {
            bc_plan_problem(build,
                            &(BcProblem){.code = BC_PROBLEM_OUTSIDE_SLOT, .blocks = true, .area = p->slot->area, .schedule = p->s->id, .other = p->slot->id,
                                         .from_us = o->at_us, .to_us = o->end_us, .facts = {.name = p->s->name, .other_name = p->slot->name}},
                            "\"%s\" begins on %s outside its slot \"%s\"", p->s->name, bc_plan_when(build, o->at_us, when), p->slot->name);
            continue;
        }
        int64_t over = o->end_us - o->at_us - (int64_t)left * G_USEC_PER_SEC;
        if (over > 0)
            bc_plan_problem(build,
                            &(BcProblem){.code = BC_PROBLEM_BEYOND_SLOT, .blocks = true, .area = p->slot->area, .schedule = p->s->id, .other = p->slot->id,
                                         .from_us = o->end_us - over, .to_us = o->end_us,
                                         .facts = {.name = p->s->name, .other_name = p->slot->name, .length_us = over}},
                            "\"%s\" on %s is %d s too long for its slot \"%s\"", p->s->name, bc_plan_when(build, o->at_us, when),
                            (int)(over / G_USEC_PER_SEC) + (over % G_USEC_PER_SEC != 0), p->slot->name);
    }
}

/* A programme whose clock is not the province's. */
static void check_zone(BcPlanBuild *build, const BcPlanProgramme *p)
{
    if (g_str_equal(p->s->zone, build->in->zone) || !p->n)
        return;
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(p->s->zone);
    const BcPlanOccurrence *first = bc_plan_occurrence(build, p->first), *last = bc_plan_occurrence(build, p->first + p->n - 1);
    char when[32];
    if (!zone)
        return;
    BcCivil there = bc_civil(zone, first->at_us), here = bc_civil(build->zone, first->at_us);
    BcCivil there_later = bc_civil(zone, last->at_us), here_later = bc_civil(build->zone, last->at_us);
    int shift = (there.day - here.day) * 86400 + there.second - here.second;
    int shift_later = (there_later.day - here_later.day) * 86400 + there_later.second - here_later.second;
    if (shift)
        bc_plan_problem(build,
                        &(BcProblem){.code = BC_PROBLEM_OTHER_ZONE, .area = p->s->owner, .schedule = p->s->id, .from_us = first->at_us,
                                     .to_us = first->end_us, .facts = {.name = p->s->name, .zone = p->s->zone}},
                        "\"%s\" counts in the time of %s: it begins here on %s", p->s->name, p->s->zone, bc_plan_when(build, first->at_us, when));
    if (shift != shift_later)
        bc_plan_problem(build,
                        &(BcProblem){.code = BC_PROBLEM_CLOCKS_CHANGE, .area = p->s->owner, .schedule = p->s->id, .other = "shift",
                                     .from_us = last->at_us, .to_us = last->end_us,
                                     .facts = {.name = p->s->name, .zone = p->s->zone, .length_us = (shift - shift_later) * G_USEC_PER_SEC}},
                        "the clocks of %s change in between: \"%s\" begins here %d min %s by %s", p->s->zone, p->s->name,
                        ABS(shift_later - shift) / 60, shift_later > shift ? "earlier" : "later", bc_plan_when(build, last->at_us, when));
}

/* Areas with a loudspeaker in them or below. */
static GHashTable *areas_with_devices(const BcPlanInput *in)
{
    GHashTable *with = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) devices = bc_devices_in(in->devices, NULL, true);
    for (unsigned i = 0; i < devices->len; i++)
        for (const BcArea *a = bc_areas_find(in->areas, ((BcDevice *)devices->pdata[i])->area); a && g_hash_table_add(with, (char *)a->code);)
            a = bc_areas_find(in->areas, a->parent);
    return with;
}

void bc_plan_check_programmes(BcPlanBuild *build)
{
    g_autoptr(GHashTable) with = build->in->devices ? areas_with_devices(build->in) : NULL;
    for (unsigned i = 0; i < build->programmes->len; i++) {
        const BcPlanProgramme *p = bc_plan_programme(build, i);
        check_slot(build, p);
        check_zone(build, p);
        for (unsigned k = 0; with && p->n && p->s->areas[k]; k++)
            if (!g_hash_table_contains(with, p->s->areas[k]))
                bc_plan_problem(build,
                                &(BcProblem){.code = BC_PROBLEM_NOBODY_HEARS, .area = p->s->areas[k], .schedule = p->s->id, .other = p->s->areas[k],
                                             .from_us = bc_plan_occurrence(build, p->first)->at_us,
                                             .to_us = bc_plan_occurrence(build, p->first)->end_us, .facts = {.name = p->s->name}},
                                "nobody hears \"%s\" in %s: there is no loudspeaker", p->s->name, p->s->areas[k]);
    }
}

static void dead_air(BcPlanBuild *build, const BcSlot *slot, const GArray *items, int64_t from_us, int64_t to_us)
{
    int64_t least = build->in->dead_air_us ? build->in->dead_air_us : DEAD_AIR_US, at = from_us;
    char when[32];
    for (unsigned i = 0; i <= items->len && at < to_us; i++) {
        const BcPlanItem *item = i < items->len ? &g_array_index(items, BcPlanItem, i) : NULL;
        int64_t begins = item ? MIN(item->start_us, to_us) : to_us;
        if (begins - at >= least)
            bc_plan_problem(build,
                            &(BcProblem){.code = BC_PROBLEM_SILENT_SLOT, .area = slot->area, .other = slot->id, .from_us = at, .to_us = begins,
                                         .facts = {.other_name = slot->name, .length_us = begins - at}},
                            "slot \"%s\": %d s of silence from %s on", slot->name, (int)((begins - at) / G_USEC_PER_SEC), bc_plan_when(build, at, when));
        at = item ? MAX(at, item->end_us) : to_us;
    }
}

void bc_plan_check_slots(BcPlanBuild *build, const char *area, const GArray *items)
{
    const GPtrArray *slots = g_hash_table_lookup(build->slots, area);
    int32_t first = bc_civil(build->zone, build->from_us).day, last = bc_civil(build->zone, build->to_us - 1).day;
    for (unsigned i = 0; slots && i < slots->len; i++) {
        const BcSlot *slot = slots->pdata[i];
        for (int32_t day = first; day <= last; day++) {
            int64_t from = bc_civil_to_wall(build->zone, day, (int32_t)slot->from_s);
            int64_t to = bc_civil_to_wall(build->zone, day, (int32_t)(slot->from_s + bc_slot_length_s(slot)));
            if (slot->weekdays >> bc_weekday(day) & 1 && from >= build->from_us && to <= build->to_us)
                dead_air(build, slot, items, from, to);
        }
    }
}
