/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The timetable is told upward: a schedule's programme for the days ahead when it has changed, and that it is cancelled. */
#include "broadcast/exchange/upward-private.h"

#define DAYS_AHEAD 30
#define SCHEDULES_AT_ONCE 50u

static JsonArray *days_of(const BcUpward *u, const GArray *times, int64_t duration_us)
{
    JsonArray *days = json_array_new();
    JsonArray *at = NULL;
    int32_t last = INT32_MIN;
    for (unsigned i = 0; i < times->len; i++) {
        int64_t begin = g_array_index(times, int64_t, i);
        int32_t day = bc_civil(u->zone, begin).day;
        if (day != last) {
            g_autofree char *text = bc_format_day(day);
            JsonObject *o = json_object_new();
            at = json_array_new();
            json_object_set_string_member(o, "day", text);
            json_object_set_array_member(o, "times", at);
            json_array_add_object_element(days, o);
            last = day;
        }
        JsonObject *o = json_object_new();
        json_object_set_int_member(o, "begin", begin);
        json_object_set_int_member(o, "end", begin + duration_us);
        json_array_add_object_element(at, o);
    }
    return days;
}

static JsonArray *areas_of(const BcUpward *u, const char *const *codes)
{
    JsonArray *list = json_array_new();
    for (unsigned i = 0; codes && codes[i]; i++) {
        JsonObject *o = json_object_new();
        bc_upward_set_dest(u, codes[i], o);
        bc_upward_set_text(o, "dest", codes[i]);
        json_array_add_object_element(list, o);
    }
    return list;
}

/* offset: of the item in its programme. Returns its length. */
static int64_t add_item(const BcUpward *u, const BcSchedule *s, const char *content, const char *url, int64_t duration_us, const GArray *times, int64_t offset,
                        JsonArray *items)
{
    const BcContent *c = content ? bc_contents_find(bc_broadcast_contents(u->broadcast), content) : NULL;
    int64_t length = c ? c->duration_us : duration_us;
    if (c)
        length = length * MAX(s->repeats, 1) + (int64_t)(MAX(s->repeats, 1) - 1) * s->gap_s * G_USEC_PER_SEC;
    g_autoptr(GArray) shifted = g_array_new(FALSE, FALSE, sizeof(int64_t));
    for (unsigned i = 0; i < times->len; i++) {
        int64_t at = g_array_index(times, int64_t, i) + offset;
        g_array_append_val(shifted, at);
    }
    JsonObject *o = json_object_new();
    bc_upward_set_content(u, content, o);
    bc_upward_set_text(o, "content", url);
    bc_upward_set_text(o, "id", bc_ex_text(o, "bulletin") ? bc_ex_text(o, "bulletin") : s->id);
    bc_upward_set_text(o, "kind", content ? "audio" : "relay");
    bc_upward_set_text(o, "title", c ? c->title : s->name);
    bc_upward_set_text(o, "priority", bc_priority_to_string(s->priority));
    json_object_set_int_member(o, "length", length);
    if (s->volume)
        json_object_set_int_member(o, "volume", s->volume);
    json_object_set_array_member(o, "days", days_of(u, shifted, length));
    json_array_add_object_element(items, o);
    return length;
}

JsonObject *bc_upward_schedule(const BcUpward *u, const BcSchedule *s, int64_t from_us, int64_t to_us)
{
    g_autoptr(GArray) times = bc_schedules_between(bc_broadcast_schedules(u->broadcast), s->id, from_us, to_us, 1000);
    if (!times || !times->len || s->draft || !s->enabled)
        return NULL;
    JsonObject *ours = json_object_new();
    JsonArray *items = json_array_new();
    int64_t offset = 0;
    bc_upward_set_source(u, ours);
    bc_upward_set_dest(u, s->owner ? s->owner : s->areas ? s->areas[0] : NULL, ours);
    bc_upward_set_text(ours, "id", s->id);
    bc_upward_set_text(ours, "name", s->name);
    json_object_set_int_member(ours, "version", s->changed_us / 1000);
    json_object_set_array_member(ours, "areas", areas_of(u, s->areas));
    for (unsigned i = 0; i < s->n_items; i++) {
        const BcItem *item = &s->items[i];
        if (item->kind == BC_ITEM_SILENCE)
            offset += item->duration_us;
        else
            offset += add_item(u, s, item->content, item->url, item->duration_us, times, offset, items);
    }
    if (!s->items)
        add_item(u, s, s->content, NULL, 0, times, 0, items);
    json_object_set_array_member(ours, "items", items);
    return ours;
}

static void put_schedule(BcUpward *u, const char *id, int64_t changed_us, const char *object, JsonObject *ours)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *body = bc_ex_write_text(u->tables, object, ours, &error);
    g_autofree char *key = g_strdup_printf("%s:%s:%" G_GINT64_FORMAT, object, id, changed_us);
    g_autofree char *mark = g_strconcat("schedule:", id, NULL);
    bool cancelled = g_str_equal(object, "schedule-cancelled");
    if (!body) {
        md_warning(&u->logger, "schedule %s cannot be told: %s", id, error->message);
        return;
    }
    bc_ex_journal_put_many(u->journal, &(BcExPut){BC_EX_CENTRAL, object, key, body, true, false}, 1, mark, cancelled ? 0 : changed_us, NULL, NULL);
}

static void tell_cancelled(BcUpward *u, const char *id, int64_t changed_us)
{
    g_autoptr(JsonObject) ours = json_object_new();
    const BcSchedule *s = bc_schedules_find(bc_broadcast_schedules(u->broadcast), id);
    bc_upward_set_source(u, ours);
    bc_upward_set_text(ours, "id", id);
    if (s) {
        bc_upward_set_text(ours, "name", s->name);
        json_object_set_array_member(ours, "areas", areas_of(u, s->areas));
    }
    put_schedule(u, id, changed_us, "schedule-cancelled", ours);
}

/* true: something was told. */
static bool tell_schedule(BcUpward *u, const BcSchedule *s, int64_t wall_us)
{
    const int64_t *told = g_hash_table_lookup(u->schedules, s->id);
    if (told && *told == s->changed_us)
        return false;
    g_autoptr(JsonObject) ours = bc_upward_schedule(u, s, wall_us, wall_us + DAYS_AHEAD * DAY_US);
    if (!ours)
        return false;
    g_hash_table_replace(u->schedules, g_strdup(s->id), g_memdup2(&s->changed_us, sizeof s->changed_us));
    put_schedule(u, s->id, s->changed_us, "schedule", ours);
    return true;
}

void bc_upward_tell_schedules(BcUpward *u)
{
    BcSchedules *schedules = bc_broadcast_schedules(u->broadcast);
    g_autoptr(GPtrArray) all = bc_schedules_list(schedules);
    unsigned n = 0, version = bc_schedules_version(schedules);
    int64_t wall = bc_broadcast_wall_us(u->broadcast);
    if (u->schedules_seen && version == u->seen_version)
        return;
    for (unsigned i = 0; i < all->len && n < SCHEDULES_AT_ONCE; i++)
        n += tell_schedule(u, all->pdata[i], wall);
    GHashTableIter it;
    gpointer id, changed;
    g_hash_table_iter_init(&it, u->schedules);
    while (g_hash_table_iter_next(&it, &id, &changed)) {
        const BcSchedule *s = bc_schedules_find(schedules, id);
        if (s && !s->draft && s->enabled)
            continue;
        tell_cancelled(u, id, *(int64_t *)changed);
        g_hash_table_iter_remove(&it);
    }
    u->schedules_seen = n < SCHEDULES_AT_ONCE;
    u->seen_version = version;
}
