/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/exchange/vendor-schedules.h"
#include <string.h>
#include "broadcast/civil.h"

#define VERSIONS_MAX 6u      /* of one schedule kept in memory; older ones are read again when a device says it has them */

typedef struct Version {
    int64_t version;
    GHashTable *carried;     /* "SCHEDULE@SECONDS" -> what it says of it */
} Version;

typedef struct Given {       /* to one make in one area */
    char *make, *area, *sum; /* sum: of the body without its version; NULL nothing is in force */
    char *body;
    int64_t version;         /* of the newest one, cancelled ones too; 0: never given */
    GQueue versions;         /* Version, newest first */
} Given;

struct BcVendorSchedules {
    BcBroadcast *broadcast;
    BcExJournal *journal;
    BcExTables *tables;
    MdLogger logger;
    char *media_base;
    GTimeZone *zone;
    BcVendorLinked linked;
    void *linked_user;
    GHashTable *given;       /* "MAKE/AREA" -> Given */
    GHashTable *confirmed;   /* device -> int64_t version, 0 none */
};

static void free_version(gpointer data)
{
    g_hash_table_unref(((Version *)data)->carried);
    g_free(data);
}

static void free_given(gpointer data)
{
    Given *g = data;
    g_queue_clear_full(&g->versions, free_version);
    g_free(g->make);
    g_free(g->area);
    g_free(g->sum);
    g_free(g->body);
    g_free(g);
}

char *bc_vendor_route(BcBroadcast *broadcast, const BcDevice *device, BcVendorLinked linked, void *user)
{
    if (!device || device->kind != BC_DEVICE_GATEWAY || !device->vendor)
        return NULL;
    const BcDevice *gateway = linked && linked(device->id, user) ? device : NULL;
    if (!gateway && linked && device->gateway && linked(device->gateway, user))
        gateway = bc_devices_find(bc_broadcast_devices(broadcast), device->gateway);
    return gateway && gateway->enabled && g_strcmp0(gateway->vendor, device->vendor) == 0 ? g_strconcat(device->vendor, ":", gateway->id, NULL)
                                                                                          : g_strdup(device->vendor);
}

static char *id_of(const char *area)
{
    return g_strconcat("area-", area, NULL);
}

bool bc_vendor_occurrence(const char *bulletin, char **ret_schedule, int64_t *ret_occurrence_us, unsigned *ret_item)
{
    const char *at = bulletin ? strrchr(bulletin, '@') : NULL;
    char *end = NULL;
    int64_t seconds = at && g_ascii_isdigit(at[1]) ? g_ascii_strtoll(at + 1, &end, 10) : 0;
    uint64_t item = end && *end == '.' && g_ascii_isdigit(end[1]) ? g_ascii_strtoull(end + 1, &end, 10) : 0;
    if (!end || *end || at == bulletin || seconds <= 0 || seconds > INT64_MAX / G_USEC_PER_SEC || item > UINT16_MAX)
        return false;
    *ret_schedule = g_strndup(bulletin, (gsize)(at - bulletin));
    *ret_occurrence_us = seconds * G_USEC_PER_SEC;
    *ret_item = (unsigned)item;
    return true;
}

/* --- what stands in one version --- */

static char *occurrence_of(const char *bulletin)
{
    const char *at = strrchr(bulletin, '@'), *dot = at ? strchr(at, '.') : NULL;
    return dot ? g_strndup(bulletin, (gsize)(dot - bulletin)) : g_strdup(bulletin);
}

static GHashTable *carried_by(const BcVendorSchedules *s, const char *body)
{
    GHashTable *carried = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(JsonObject) ours = bc_ex_read_text(s->tables, "schedule", body, strlen(body), NULL);
    JsonArray *items = ours && json_object_has_member(ours, "items") ? json_object_get_array_member(ours, "items") : NULL;
    for (unsigned i = 0; items && i < json_array_get_length(items); i++) {
        JsonNode *node = json_array_get_element(items, i);
        g_autofree char *key = occurrence_of(bc_ex_text(json_node_get_object(node), "id")), *text = json_to_string(node, FALSE);
        const char *before = g_hash_table_lookup(carried, key);
        char *all = g_strconcat(before ? before : "", text, NULL);
        g_hash_table_replace(carried, g_steal_pointer(&key), all);
    }
    return carried;
}

static Version *add_version(const BcVendorSchedules *s, Given *g, int64_t version, const char *body)
{
    Version *v = g_new0(Version, 1);
    *v = (Version){version, carried_by(s, body)};
    if (g->versions.length >= VERSIONS_MAX)
        free_version(g_queue_pop_tail(&g->versions));
    if (version == g->version)
        g_queue_push_head(&g->versions, v);
    else
        g_queue_push_tail(&g->versions, v);
    return v;
}

static char *key_of(const char *area, int64_t version)
{
    return g_strdup_printf("schedule:%s:%" G_GINT64_FORMAT, area, version);
}

static void copy_body(const BcExMessage *m, void *user)
{
    char **body = user;
    *body = g_str_equal(m->object, "schedule") ? g_strdup(m->body) : NULL;
}

static char *read_body(const BcVendorSchedules *s, const Given *g, int64_t version)
{
    g_autofree char *key = key_of(g->area, version), *peer = g_strconcat("vendor.", g->make, NULL);
    char *body = NULL;
    bc_ex_journal_find_key(s->journal, peer, true, key, copy_body, &body, NULL);
    return body;
}

static const Version *find_version(const BcVendorSchedules *s, Given *g, int64_t version)
{
    for (GList *link = g->versions.head; link; link = link->next)
        if (((Version *)link->data)->version == version)
            return link->data;
    g_autofree char *body = version > 0 && version <= g->version ? read_body(s, g, version) : NULL;
    return body ? add_version(s, g, version, body) : NULL;
}

static char *sum_of(JsonObject *ours, const BcVendorSchedules *s)
{
    json_object_set_int_member(ours, "version", 0);
    g_autofree char *body = bc_ex_write_text(s->tables, "schedule", ours, NULL);
    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, body ? body : "", -1);
}

/* As a former life left it. */
static Given *find_given(const BcVendorSchedules *s, const char *make, const char *area)
{
    g_autofree char *name = g_strconcat(make, "/", area, NULL), *mark = g_strconcat("vendor-schedule:", name, NULL);
    Given *g = g_hash_table_lookup(s->given, name);
    if (g)
        return g;
    g = g_new0(Given, 1);
    *g = (Given){.make = g_strdup(make), .area = g_strdup(area), .version = bc_ex_journal_mark(s->journal, mark), .versions = G_QUEUE_INIT};
    g_hash_table_insert(s->given, g_steal_pointer(&name), g);
    g->body = g->version ? read_body(s, g, g->version) : NULL;
    g_autoptr(JsonObject) ours = g->body ? bc_ex_read_text(s->tables, "schedule", g->body, strlen(g->body), NULL) : NULL;
    g->sum = ours ? sum_of(ours, s) : NULL;
    return g;
}

/* --- making one --- */

/* Upward: whole seconds are all they know, nothing is to be cut off and nothing to overlap. */
static int64_t whole(int64_t us)
{
    return (us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC * G_USEC_PER_SEC;
}

static void add_time(JsonArray *times, int64_t begin_us, int64_t end_us)
{
    JsonObject *o = json_object_new();
    json_object_set_int_member(o, "begin", whole(begin_us));
    json_object_set_int_member(o, "end", whole(end_us));
    json_array_add_object_element(times, o);
}

/* Every repeat is a time of its own: these devices know of none. */
static JsonArray *days_of(const BcVendorSchedules *s, const BcPlanItem *item, int64_t once_us)
{
    JsonArray *days = json_array_new(), *times = NULL;
    int32_t last = INT32_MIN;
    int64_t at = item->start_us;
    for (unsigned i = 0; i < MAX(item->repeats, 1) && at < item->end_us; i++) {
        int32_t day = bc_civil(s->zone, at).day;
        if (day != last) {
            g_autofree char *text = bc_format_day(day);
            JsonObject *o = json_object_new();
            times = json_array_new();
            json_object_set_string_member(o, "day", text);
            json_object_set_array_member(o, "times", times);
            json_array_add_object_element(days, o);
            last = day;
        }
        bool once = item->repeats <= 1 || once_us <= 0;
        add_time(times, at, once ? item->end_us : MIN(at + once_us, item->end_us));
        at = once ? item->end_us : at + once_us + item->gap_us;
    }
    return days;
}

static JsonObject *item_of(const BcVendorSchedules *s, const BcPlanItem *item)
{
    const BcContent *c = item->content ? bc_contents_find(bc_broadcast_contents(s->broadcast), item->content) : NULL;
    g_autofree char *url = c ? g_strconcat(s->media_base, c->id, NULL) : g_strdup(item->url);
    JsonObject *o = json_object_new();
    json_object_set_string_member(o, "id", item->occurrence);
    json_object_set_string_member(o, "kind", c ? "audio" : "relay");
    json_object_set_string_member(o, "priority", bc_priority_to_string(item->priority));
    json_object_set_string_member(o, "title", item->title ? item->title : "");
    json_object_set_string_member(o, "content", url);
    json_object_set_int_member(o, "length", whole(c ? c->duration_us : item->end_us - item->start_us));
    if (item->volume > 0)
        json_object_set_int_member(o, "volume", item->volume);
    json_object_set_array_member(o, "days", days_of(s, item, c ? c->duration_us : 0));
    return o;
}

static bool is_silence(const BcPlanItem *item)
{
    return g_str_equal(item->kind, "silence");
}

/* A device that cannot go on in the middle or find the sound is ordered when the time has come. */
static bool cannot(const BcVendorSchedules *s, const BcPlanItem *item)
{
    if (item->skip_us)
        return true;
    if (item->content)
        return !s->media_base || !bc_contents_find(bc_broadcast_contents(s->broadcast), item->content);
    return !is_silence(item) && !(item->url && strstr(item->url, "://"));
}

/* A programme of several items is given whole or not at all. */
static JsonArray *items_of(const BcVendorSchedules *s, const BcPlan *plan, const char *area)
{
    g_autoptr(GHashTable) without = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    JsonArray *items = json_array_new();
    unsigned n = 0;
    const BcPlanItem *all = bc_plan_items(plan, area, &n);
    for (unsigned i = 0; i < n; i++)
        if (cannot(s, &all[i]) || i >= BC_VENDOR_ITEMS_MAX)
            g_hash_table_add(without, occurrence_of(all[i].occurrence));
    for (unsigned i = 0; i < MIN(n, BC_VENDOR_ITEMS_MAX); i++) {
        g_autofree char *key = occurrence_of(all[i].occurrence);
        if (!is_silence(&all[i]) && !g_hash_table_contains(without, key))
            json_array_add_object_element(items, item_of(s, &all[i]));
    }
    return items;
}

static JsonArray *texts(const GPtrArray *list)
{
    JsonArray *array = json_array_new();
    for (unsigned i = 0; i < list->len; i++)
        json_array_add_string_element(array, list->pdata[i]);
    return array;
}

static void set_area(JsonObject *o, const BcArea *area, const char *id, const char *name)
{
    json_object_set_string_member(o, id, area->ident && *area->ident ? area->ident : area->code);
    json_object_set_string_member(o, name, area->name ? area->name : "");
}

static JsonObject *head_of(const BcVendorSchedules *s, const Given *g, const GPtrArray *devices)
{
    BcAreas *areas = bc_broadcast_areas(s->broadcast);
    g_autoptr(GPtrArray) roots = bc_areas_children(areas, NULL);
    const BcArea *area = bc_areas_find(areas, g->area);
    g_autofree char *id = id_of(g->area), *name = g_strconcat("Lịch phát ", area && area->name ? area->name : g->area, NULL);
    JsonObject *o = json_object_new();
    JsonArray *list = json_array_new();
    if (roots->len)
        set_area(o, roots->pdata[0], "source", "source_name");
    if (area) {
        JsonObject *one = json_object_new();
        set_area(o, area, "dest", "dest_name");
        set_area(one, area, "dest", "dest_name");
        json_array_add_object_element(list, one);
    }
    json_object_set_array_member(o, "areas", list);
    json_object_set_array_member(o, "devices", texts(devices));
    json_object_set_string_member(o, "id", id);
    json_object_set_string_member(o, "name", name);
    return o;
}

static void put(BcVendorSchedules *s, Given *g, const char *object, JsonObject *ours, char *sum /* taken */)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *mine = sum;
    int64_t version = MAX(g->version + 1, bc_ex_journal_wall_us(s->journal) / G_USEC_PER_SEC);
    json_object_set_int_member(ours, "version", version);
    char *body = bc_ex_write_text(s->tables, object, ours, &error);
    if (!body) {
        md_warning(&s->logger, "\"%s\" of %s for %s cannot be written: %s", object, g->area, g->make, error->message);
        return;
    }
    g_autofree char *key = key_of(g->area, version), *peer = g_strconcat("vendor.", g->make, NULL);
    g_autofree char *mark = g_strdup_printf("vendor-schedule:%s/%s", g->make, g->area);
    bc_ex_journal_put_many(s->journal, &(BcExPut){peer, object, key, body, true, false}, 1, mark, version, NULL, NULL);
    g_free(g->sum);
    g_free(g->body);
    g->version = version;
    g->sum = g_steal_pointer(&mine);
    g->body = g->sum ? body : NULL;
    if (g->sum)
        add_version(s, g, version, body);
    else
        g_free(body);
}

static void look_at(BcVendorSchedules *s, Given *g, const BcPlan *plan, const GPtrArray *devices)
{
    g_autoptr(JsonObject) ours = head_of(s, g, devices);
    JsonArray *items = devices->len ? items_of(s, plan, g->area) : json_array_new();
    unsigned n = json_array_get_length(items);
    json_object_set_array_member(ours, "items", items);
    g_autofree char *sum = n ? sum_of(ours, s) : NULL;
    if (n && g_strcmp0(sum, g->sum) != 0)
        put(s, g, "schedule", ours, g_steal_pointer(&sum));
    else if (!n && g->sum)
        put(s, g, "schedule-cancelled", ours, NULL);
}

/* "MAKE/AREA" -> ids of its devices. */
static GHashTable *groups(const BcVendorSchedules *s)
{
    GHashTable *all = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    g_autoptr(GPtrArray) devices = bc_devices_in(bc_broadcast_devices(s->broadcast), NULL, true);
    for (unsigned i = 0; i < devices->len; i++) {
        const BcDevice *d = devices->pdata[i];
        if (d->kind != BC_DEVICE_GATEWAY || !d->vendor || !d->area)
            continue;
        g_autofree char *route = bc_vendor_route(s->broadcast, d, s->linked, s->linked_user);
        const Given *g = find_given(s, route, d->area);
        g_autofree char *name = g_strconcat(g->make, "/", g->area, NULL);
        GPtrArray *list = g_hash_table_lookup(all, name);
        if (!list) {
            list = g_ptr_array_new();
            g_hash_table_insert(all, g_steal_pointer(&name), list);
        }
        g_ptr_array_add(list, (gpointer)d->id);
    }
    return all;
}

static int by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void bc_vendor_schedules_look(BcVendorSchedules *s)
{
    g_autoptr(GHashTable) all = groups(s);
    g_autoptr(GPtrArray) nobody = g_ptr_array_new();
    g_autoptr(GError) error = NULL;
    if (!g_hash_table_size(s->given))
        return;
    int32_t today = bc_civil(s->zone, bc_broadcast_wall_us(s->broadcast)).day;
    g_autoptr(BcPlan) plan = bc_planner_plan(bc_broadcast_planner(s->broadcast), bc_civil_to_wall(s->zone, today, 0),
                                             bc_civil_to_wall(s->zone, today + BC_VENDOR_SCHEDULE_DAYS, 0), &error);
    if (!plan) {
        md_warning(&s->logger, "the schedules of other makers cannot be worked out: %s", error->message);
        return;
    }
    GHashTableIter it;
    gpointer name, value;
    g_hash_table_iter_init(&it, s->given);
    while (g_hash_table_iter_next(&it, &name, &value)) {
        GPtrArray *devices = g_hash_table_lookup(all, name);
        if (devices)
            g_ptr_array_sort(devices, by_name);
        look_at(s, value, plan, devices ? devices : nobody);
    }
}

/* --- being asked --- */

JsonArray *bc_vendor_schedules_all(BcVendorSchedules *s, const char *make)
{
    JsonArray *all = json_array_new();
    GHashTableIter it;
    gpointer value;
    g_hash_table_iter_init(&it, s->given);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        const Given *g = value;
        JsonNode *node = g->body && g_str_equal(g->make, make) ? json_from_string(g->body, NULL) : NULL;
        if (node)
            json_array_add_element(all, node);
    }
    return all;
}

bool bc_vendor_schedules_superseded(BcVendorSchedules *s, const char *make, const char *object, JsonObject *ours)
{
    const char *id = bc_ex_text(ours, "id");
    g_autofree char *name = id && g_str_has_prefix(id, "area-") ? g_strconcat(make, "/", id + strlen("area-"), NULL) : NULL;
    const Given *g = name ? g_hash_table_lookup(s->given, name) : NULL;
    return g && (g_str_equal(object, "schedule") ? bc_ex_int(ours, "version", 0) != g->version : g->sum != NULL);
}

static char *mark_of(const char *device)
{
    return g_strconcat("vendor-confirmed:", device, NULL);
}

static int64_t confirmed_by(BcVendorSchedules *s, const char *device)
{
    const int64_t *known = g_hash_table_lookup(s->confirmed, device);
    if (known)
        return *known;
    g_autofree char *mark = mark_of(device);
    int64_t version = bc_ex_journal_mark(s->journal, mark);
    g_hash_table_insert(s->confirmed, g_strdup(device), g_memdup2(&version, sizeof version));
    return version;
}

static Given *given_to(const BcVendorSchedules *s, const char *device)
{
    const BcDevice *d = bc_devices_find(bc_broadcast_devices(s->broadcast), device);
    g_autofree char *route = d && d->area ? bc_vendor_route(s->broadcast, d, s->linked, s->linked_user) : NULL;
    return route ? find_given(s, route, d->area) : NULL;
}

void bc_vendor_schedules_confirm(BcVendorSchedules *s, const char *device, const char *id, int64_t version, bool ok)
{
    Given *g = given_to(s, device);
    g_autofree char *own = g ? id_of(g->area) : NULL;
    if (!g || g_strcmp0(own, id) != 0 || !find_version(s, g, version))
        return;
    int64_t before = confirmed_by(s, device), now = ok ? MAX(version, before) : version >= before ? 0 : before;
    if (now == before)
        return;
    g_autofree char *mark = mark_of(device);
    g_hash_table_replace(s->confirmed, g_strdup(device), g_memdup2(&now, sizeof now));
    bc_ex_journal_put_many(s->journal, NULL, 0, mark, now, NULL, NULL);
}

bool bc_vendor_schedules_has(BcVendorSchedules *s, const char *device, const char *schedule, int64_t occurrence_us)
{
    Given *g = given_to(s, device);
    const Version *newest = g && g->sum ? find_version(s, g, g->version) : NULL, *theirs = newest ? find_version(s, g, confirmed_by(s, device)) : NULL;
    if (!theirs)
        return false;
    g_autofree char *key = g_strdup_printf("%s@%" G_GINT64_FORMAT, schedule, occurrence_us / G_USEC_PER_SEC);
    const char *wanted = g_hash_table_lookup(newest->carried, key);
    return wanted && g_strcmp0(wanted, g_hash_table_lookup(theirs->carried, key)) == 0;
}

/* --- life --- */

BcVendorSchedules *bc_vendor_schedules_new(BcBroadcast *broadcast, BcExJournal *journal, BcExTables *tables, const char *media_base,
                                           const MdLogger *logger)
{
    BcVendorSchedules *s = g_new0(BcVendorSchedules, 1);
    s->broadcast = broadcast;
    s->journal = journal;
    s->tables = bc_ex_tables_ref(tables);
    s->media_base = g_strdup(media_base);
    s->logger = *logger;
    s->zone = g_time_zone_new_identifier(bc_broadcast_timezone(broadcast));
    if (!s->zone)
        s->zone = g_time_zone_new_utc();
    s->given = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_given);
    s->confirmed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return s;
}

void bc_vendor_schedules_free(BcVendorSchedules *s)
{
    if (!s)
        return;
    bc_ex_tables_unref(s->tables);
    g_hash_table_unref(s->given);
    g_hash_table_unref(s->confirmed);
    g_time_zone_unref(s->zone);
    g_free(s->media_base);
    g_free(s);
}

void bc_vendor_schedules_set_linked(BcVendorSchedules *s, BcVendorLinked linked, void *user)
{
    s->linked = linked;
    s->linked_user = user;
}

void bc_vendor_schedules_set_tables(BcVendorSchedules *s, BcExTables *tables)
{
    bc_ex_tables_unref(s->tables);
    s->tables = bc_ex_tables_ref(tables);
}
