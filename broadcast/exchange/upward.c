/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/exchange/upward.h"
#include <string.h>
#include "broadcast/civil.h"
#include "broadcast/exchange/central.h"
#include "broadcast/proof.h"

#define LOOK_US (10ll * G_USEC_PER_SEC)
#define DAY_US (86400ll * G_USEC_PER_SEC)
#define DAYS_AHEAD 30
#define RUNS_MAX 5000u
#define PLAYS_MAX 100000u
#define SCHEDULES_AT_ONCE 50u
#define LATE_PLAYS_MAX 2000u

/* Loudspeakers that were away tell later what they played: looked for again so long after the end. */
static const int64_t late_after_us[] = {120ll * G_USEC_PER_SEC, 900ll * G_USEC_PER_SEC, 3600ll * G_USEC_PER_SEC, 6 * 3600ll * G_USEC_PER_SEC, DAY_US};

typedef struct Late { int64_t told_us; unsigned stage; } Late;

struct BcUpward {            /* g_rc_box */
    BcUpwardOptions o;
    BcBroadcast *broadcast;
    BcExJournal *journal;
    BcExTables *tables;
    MdLogger logger;
    char *area, *media_base;
    GTimeZone *zone;
    BcTimer look, status;
    GHashTable *schedules;   /* id -> int64_t*: changed_us that was told */
    GHashTable *ended;       /* set of ids of runs to be told */
    GHashTable *late;        /* id of a run that was told -> Late */
    unsigned seen_version;
    bool schedules_seen, telling, closed;
    int64_t devices_hash;
    unsigned pending;
};

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

static BcUpward *hold(BcUpward *u)
{
    u->pending++;
    return g_rc_box_acquire(u);
}

static void let_go(BcUpward *u)
{
    u->pending--;
    unref_upward(u);
}

static int64_t now_us(const BcUpward *u)
{
    return md_clock_now_us(bc_timers_clock(bc_broadcast_timers(u->broadcast)));
}

static void set_text(JsonObject *ours, const char *name, const char *value)
{
    if (value && *value && !json_object_has_member(ours, name))
        json_object_set_string_member(ours, name, value);
}

static const BcArea *root_area(const BcUpward *u)
{
    BcAreas *areas = bc_broadcast_areas(u->broadcast);
    if (u->area)
        return bc_areas_find(areas, u->area);
    g_autoptr(GPtrArray) roots = bc_areas_children(areas, NULL);
    return roots->len ? roots->pdata[0] : NULL;
}

static const char *ident(const BcArea *area)
{
    return area->ident && *area->ident ? area->ident : area->code;
}

static void set_source(const BcUpward *u, JsonObject *ours)
{
    const BcArea *root = root_area(u);
    if (root) {
        set_text(ours, "source", ident(root));
        set_text(ours, "source_name", root->name);
    }
}

static void set_dest(const BcUpward *u, const char *code, JsonObject *ours)
{
    const BcArea *area = code ? bc_areas_find(bc_broadcast_areas(u->broadcast), code) : NULL;
    if (area) {
        set_text(ours, "dest", ident(area));
        set_text(ours, "dest_name", area->name);
    }
}

void bc_upward_device(const BcUpward *u, const BcDevice *device, JsonObject *ours)
{
    set_source(u, ours);
    set_dest(u, device->area, ours);
    set_text(ours, "device", device->id);
    set_text(ours, "name", device->name);
    set_text(ours, "device_kind", device->kind == BC_DEVICE_BOARD ? "Bảng tin điện tử công cộng" : "Cụm loa truyền thanh");
    set_text(ours, "vendor", device->vendor);
    set_text(ours, "vendor_name", device->vendor);
    if (device->latitude == device->latitude && device->longitude == device->longitude) {
        json_object_set_double_member(ours, "latitude", device->latitude);
        json_object_set_double_member(ours, "longitude", device->longitude);
    }
}

static void set_content(const BcUpward *u, const char *content, JsonObject *ours)
{
    if (!content)
        return;
    g_autofree char *url = g_strconcat(u->media_base ? u->media_base : "", content, NULL);
    set_text(ours, "content", url);
    if (u->o.bulletin)
        u->o.bulletin(content, ours, u->o.user);
    set_text(ours, "bulletin", content);
}

/* --- batches --- */

typedef struct Batch {
    const BcUpward *u;
    const char *one, *many, *key;  /* objects; key: of the whole */
    bool droppable;
    JsonArray *items;
    GArray *puts;                  /* BcExPut; strings in texts */
    GPtrArray *texts;
} Batch;

static void batch_init(Batch *b, const BcUpward *u, const char *one, const char *many, const char *key, bool droppable)
{
    *b = (Batch){u, one, many, key, droppable, json_array_new(), g_array_new(FALSE, FALSE, sizeof(BcExPut)), g_ptr_array_new_with_free_func(g_free)};
}

static void batch_cut(Batch *b)
{
    g_autoptr(GError) error = NULL;
    bool single = b->u->o.batch == 1;
    if (!json_array_get_length(b->items))
        return;
    g_autoptr(JsonObject) ours = NULL;
    if (single) {
        ours = json_object_ref(json_array_get_object_element(b->items, 0));
        json_array_unref(b->items);
    } else {
        ours = json_object_new();
        json_object_set_array_member(ours, "items", b->items);
    }
    b->items = json_array_new();
    char *body = bc_ex_write_text(b->u->tables, single ? b->one : b->many, ours, &error);
    if (!body) {
        md_warning(&b->u->logger, "a message \"%s\" cannot be written: %s", single ? b->one : b->many, error->message);
        return;
    }
    char *key = g_strdup_printf("%s:%u", b->key, b->puts->len);
    BcExPut put = {BC_EX_CENTRAL, single ? b->one : b->many, key, body, true, b->droppable};
    g_array_append_val(b->puts, put);
    g_ptr_array_add(b->texts, body);
    g_ptr_array_add(b->texts, key);
}

static void batch_add(Batch *b, JsonObject *ours /* taken */)
{
    json_array_add_object_element(b->items, ours);
    if (json_array_get_length(b->items) >= b->u->o.batch)
        batch_cut(b);
}

static void batch_put(Batch *b, const char *mark, int64_t value, BcDoneFn done, void *user)
{
    batch_cut(b);
    bc_ex_journal_put_many(b->u->journal, (const BcExPut *)b->puts->data, b->puts->len, mark, value, done, user);
    json_array_unref(b->items);
    g_array_unref(b->puts);
    g_ptr_array_unref(b->texts);
}

/* --- statuses and the list of devices --- */

static void on_run(const BcRun *run, void *user)
{
    if (g_str_equal(run->state, "playing"))
        g_ptr_array_add(user, g_strsplit(run->areas ? run->areas : "", ",", -1));
}

static bool sounds(const BcUpward *u, const GPtrArray *runs, const char *area)
{
    for (unsigned i = 0; i < runs->len; i++)
        for (char **code = runs->pdata[i]; *code; code++)
            if (bc_areas_contains(bc_broadcast_areas(u->broadcast), *code, area))
                return true;
    return false;
}

static void free_strv(gpointer data)
{
    g_strfreev(data);
}

static JsonObject *status_of(const BcUpward *u, const BcDevice *device, const GPtrArray *runs)
{
    JsonObject *ours = json_object_new();
    bool online = u->o.online && u->o.online(device->id, u->o.user);
    bc_upward_device(u, device, ours);
    json_object_set_int_member(ours, "volume", device->volume);
    json_object_set_string_member(ours, "activity", online && sounds(u, runs, device->area) ? "playing" : "stopped");
    json_object_set_int_member(ours, "at", bc_broadcast_wall_us(u->broadcast));
    json_object_set_int_member(ours, "online", online);
    if (u->o.status)
        u->o.status(device->id, ours, u->o.user);
    return ours;
}

static void on_status(BcTimer *timer, void *user)
{
    BcUpward *u = user;
    g_autoptr(GPtrArray) devices = bc_devices_in(bc_broadcast_devices(u->broadcast), NULL, false);
    g_autoptr(GPtrArray) runs = g_ptr_array_new_with_free_func(free_strv);
    g_autofree char *key = g_strdup_printf("status:%" G_GINT64_FORMAT, bc_broadcast_wall_us(u->broadcast));
    Batch b;
    bc_broadcast_running(u->broadcast, on_run, runs);
    batch_init(&b, u, "status", "statuses", key, true);
    for (unsigned i = 0; i < devices->len; i++)
        batch_add(&b, status_of(u, devices->pdata[i], runs));
    batch_put(&b, NULL, 0, NULL, NULL);
    bc_timer_at(bc_broadcast_timers(u->broadcast), &u->status, now_us(u) + (int64_t)u->o.status_s * G_USEC_PER_SEC, on_status, u);
}

static int64_t hash_text(guint64 hash, const char *text)
{
    for (const char *p = text ? text : ""; *p; p++)
        hash = (hash ^ (guint8)*p) * 1099511628211ull;
    return (int64_t)(hash * 1099511628211ull);
}

static void tell_devices(BcUpward *u)
{
    g_autoptr(GPtrArray) devices = bc_devices_in(bc_broadcast_devices(u->broadcast), NULL, false);
    int64_t hash = (int64_t)14695981039346656037ull;
    for (unsigned i = 0; i < devices->len; i++) {
        const BcDevice *d = devices->pdata[i];
        g_autofree char *text = g_strdup_printf("%s\001%s\001%s\001%s\001%s\001%d\001%.6f\001%.6f", d->id, d->name, d->area, d->vendor ? d->vendor : "",
                                                d->model ? d->model : "", d->enabled, d->latitude, d->longitude);
        hash = hash_text((guint64)hash, text);
    }
    if (hash == u->devices_hash || !devices->len)
        return;
    u->devices_hash = hash;
    g_autofree char *key = g_strdup_printf("devices:%" G_GINT64_FORMAT, bc_broadcast_wall_us(u->broadcast));
    JsonArray *items = json_array_new();
    for (unsigned i = 0; i < MIN(devices->len, BC_EX_LIST_MAX); i++) {
        const BcDevice *d = devices->pdata[i];
        JsonObject *ours = json_object_new();
        bc_upward_device(u, d, ours);
        set_text(ours, "model", d->model);
        set_text(ours, "area", d->area);
        json_object_set_int_member(ours, "enabled", d->enabled);
        json_array_add_object_element(items, ours);
    }
    g_autoptr(JsonObject) ours = json_object_new();
    json_object_set_array_member(ours, "items", items);
    g_autoptr(GError) error = NULL;
    g_autofree char *body = bc_ex_write_text(u->tables, "devices", ours, &error);
    if (!body)
        md_warning(&u->logger, "the list of devices cannot be written: %s", error->message);
    else
        bc_ex_journal_put_many(u->journal, &(BcExPut){BC_EX_CENTRAL, "devices", key, body, true, false}, 1, "devices", hash, NULL, NULL);
}

/* --- plays --- */

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
        set_source(p->u, ours);
        set_dest(p->u, play->area, ours);
        set_text(ours, "device", play->device);
    }
    set_content(p->u, run->content, ours);
    set_text(ours, "bulletin", run->id);
    set_text(ours, "announcement", run->id);
    set_text(ours, "kind", run->content ? "audio" : "live");
    set_text(ours, "priority", bc_priority_to_string(run->priority));
    set_text(ours, "title", run->title);
    json_object_set_int_member(ours, "at", play->from_us ? play->from_us : run->start_us);
    if (play->to_us)
        json_object_set_int_member(ours, "until", play->to_us);
    json_object_set_int_member(ours, "length", play->from_us && play->to_us > play->from_us ? play->to_us - play->from_us : 0);
    json_object_set_int_member(ours, "relay", run->source != NULL);
    set_text(ours, "relay_source", run->source);
    set_text(ours, "outcome", play->outcome);
    set_text(ours, "reason", play->reason);
    batch_add(p->batch, ours);
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
    batch_init(&b, p->u, "play", "plays", key, false);
    Plays one = {p->u, &b, run, 0};
    add_play(play, &one);
    batch_put(&b, NULL, 0, NULL, NULL);
    p->late++;
}

static void copy_run(const BcRun *run, void *user)
{
    BcUpward *u = ((Telling *)user)->u;
    g_autoptr(GError) error = NULL;
    g_autofree char *key = g_strdup_printf("plays:%s", run->id);
    Batch b;
    batch_init(&b, u, "play", "plays", key, false);
    Plays plays = {u, &b, run, 0};
    bool late = ((Telling *)user)->late;
    if (!bc_play_log_plays(bc_broadcast_play_log(u->broadcast), run->id, NULL, PLAYS_MAX, 0, late ? add_late : add_play, &plays, &error))
        md_warning(&u->logger, "the play log of %s cannot be read: %s", run->id, error->message);
    batch_put(&b, NULL, 0, NULL, NULL);
}

static void on_durable(bool durable, void *user)
{
    Telling *t = user;
    BcUpward *u = t->u;
    if (!u->closed && durable) /* else the next life tells it */
        bc_play_log_runs(bc_broadcast_play_log(u->broadcast), t->run, 0, 1, copy_run, t, NULL);
    g_free(t->run);
    g_free(t);
    let_go(u);
}

static void tell_run(BcUpward *u, const char *id, bool late)
{
    Telling *t = g_new0(Telling, 1);
    *t = (Telling){hold(u), g_strdup(id), late};
    bc_play_log_after(bc_broadcast_play_log(u->broadcast), on_durable, t);
}

static void on_broadcast(const char *type, const BcRun *run, void *user)
{
    BcUpward *u = user;
    if (g_str_equal(type, "announcement.ended") && run->id)
        g_hash_table_add(u->ended, g_strdup(run->id));
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
static void tell_missed(BcUpward *u)
{
    int64_t mark = bc_ex_journal_mark(u->journal, "plays"), wall = bc_broadcast_wall_us(u->broadcast);
    Missed m = {u, mark ? mark : wall - DAY_US, wall + DAY_US, 0};
    for (unsigned n = 0; m.oldest_us > m.since_us && n != m.n && m.n < 20 * RUNS_MAX;) {
        n = m.n;
        bc_play_log_runs(bc_broadcast_play_log(u->broadcast), NULL, m.n ? m.oldest_us : 0, RUNS_MAX, find_missed, &m, NULL);
    }
}

/* --- the timetable --- */

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
        set_dest(u, codes[i], o);
        set_text(o, "dest", codes[i]);
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
    set_content(u, content, o);
    set_text(o, "content", url);
    set_text(o, "id", bc_ex_text(o, "bulletin") ? bc_ex_text(o, "bulletin") : s->id);
    set_text(o, "kind", content ? "audio" : "relay");
    set_text(o, "title", c ? c->title : s->name);
    set_text(o, "priority", bc_priority_to_string(s->priority));
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
    set_source(u, ours);
    set_dest(u, s->owner ? s->owner : s->areas ? s->areas[0] : NULL, ours);
    set_text(ours, "id", s->id);
    set_text(ours, "name", s->name);
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
    set_source(u, ours);
    set_text(ours, "id", id);
    if (s) {
        set_text(ours, "name", s->name);
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

static void tell_schedules(BcUpward *u)
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

/* --- the day's figures --- */

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
static void tell_figures(BcUpward *u)
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
    set_source(u, ours);
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

/* --- life --- */

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
        tell_run(u, id, true);
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
        tell_run(u, id, false);
        g_hash_table_iter_remove(&it);
    }
    tell_late(u);
    tell_devices(u);
    tell_schedules(u);
    tell_figures(u);
    /* everything that began more than a day ago has been told; what is younger is looked at again after a restart */
    int64_t wall = bc_broadcast_wall_us(u->broadcast);
    if (!g_hash_table_size(u->ended) && wall - bc_ex_journal_mark(u->journal, "plays") > DAY_US + DAY_US / 24)
        bc_ex_journal_put_many(u->journal, NULL, 0, "plays", wall - DAY_US, NULL, NULL);
    bc_timer_at(bc_broadcast_timers(u->broadcast), &u->look, now_us(u) + (g_hash_table_size(u->ended) ? G_USEC_PER_SEC : LOOK_US), on_look, u);
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
    tell_missed(u);
    bc_broadcast_add_listener(u->broadcast, on_broadcast, u);
    BcTimers *timers = bc_broadcast_timers(u->broadcast);
    bc_timer_at(timers, &u->look, now_us(u) + G_USEC_PER_SEC, on_look, u);
    if (u->o.status_s)
        bc_timer_at(timers, &u->status, now_us(u) + 2 * G_USEC_PER_SEC, on_status, u);
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
