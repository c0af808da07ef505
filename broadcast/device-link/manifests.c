/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/device-link/manifests.h"

#include <string.h>

#define LOOK_US 30000000        /* the clock moves on, and not everything that changes says so */
#define SOON_US 500000          /* changes come in bunches */
#define PACE_US 10000
#define RETRY_US 5000000
#define SETTLE_US 60000000      /* what the broker took so shortly before it died may not be on its disk; a device has its own so long after it came */
#define HEALS_MAX 6u            /* told again after 1, 2, 4 … 64 minutes */
#define DAY_US (86400ll * G_USEC_PER_SEC)
#define TAIL_US (6ll * 3600 * G_USEC_PER_SEC) /* what began yesterday may still sound */
#define RENEW_DAYS 7            /* also what does not change is said anew so often, before it is no longer valid */
#define WRITE_MAX 500u          /* devices in one transaction */

typedef struct Entry { /* one device */
    char *device;
    int64_t version, made_us;
    int64_t told_us;     /* wall: published in this life, 0 not yet */
    unsigned heals;      /* told again without effect */
    char print[65];      /* of what it was last told */
    char next[65];       /* of what it is to be told */
    bool waiting;        /* to be published */
    bool writing;        /* its new version is on its way to the store */
    bool seen;           /* still in the registry */
} Entry;

typedef struct Area { /* what all devices of an area share, while one look lasts */
    GArray *items;       /* BcLinkItem, owned strings */
    GHashTable *carried; /* set of "SCHEDULE@SECONDS", owned: the occurrences they are of */
    GChecksum *sum;
} Area;

struct BcManifests { /* g_rc_box: a pending write holds it */
    BcManifestsOptions o;
    BcTimers *timers;
    BcTimer look, pace;
    GHashTable *entries; /* device -> Entry*, owned */
    GQueue waiting;      /* Entry* */
    GHashTable *areas;   /* code -> Area*, of the plan below */
    Area *nothing;       /* what one hears that is switched off */
    int64_t down_us;     /* wall: the broker went away */
    int64_t epoch;       /* grows every RENEW_DAYS */
    uint64_t published;
    bool closed;
};

static void free_entry(gpointer data)
{
    Entry *entry = data;
    g_free(entry->device);
    g_free(entry);
}

static void clear_item(gpointer data)
{
    BcLinkItem *item = data;
    BcLinkMedia *files[] = {&item->media, &item->fallback};
    for (unsigned i = 0; i < G_N_ELEMENTS(files); i++) {
        g_free(files[i]->sha256);
        g_free(files[i]->path);
        g_free(files[i]->media_type);
    }
    g_free(item->occurrence);
    g_free(item->title);
    g_free(item->relay_url);
}

static void free_area(gpointer data)
{
    Area *area = data;
    g_array_unref(area->items);
    g_hash_table_unref(area->carried);
    g_checksum_free(area->sum);
    g_free(area);
}

/* --- what an area hears --- */

static bool fill_media(BcManifests *m, BcLinkMedia *ret, const char *content)
{
    const BcMediaFile *file = content ? bc_media_find(m->o.media, content, false) : NULL;
    *ret = (BcLinkMedia){.sha256 = g_strdup(file ? file->sha256 : ""),
                         .path = file ? bc_media_path(content) : g_strdup(""),
                         .media_type = g_strdup(file ? BC_MEDIA_TYPE : ""),
                         .bytes = file ? file->bytes : 0};
    return file || !content;
}

/* The devices decide by themselves what cuts off what (broadcast/order.h): they get each item whole, at its place by the clock. */
static bool fill_item(BcManifests *m, BcLinkItem *ret, const BcPlanItem *from)
{
    *ret = (BcLinkItem){.kind = g_str_equal(from->kind, "relay") ? BC_LINK_RELAY : g_str_equal(from->kind, "silence") ? BC_LINK_SILENCE : BC_LINK_CONTENT,
                        .occurrence = g_strdup(from->occurrence),
                        .title = g_strdup(from->title),
                        .start_us = from->start_us - from->skip_us,
                        .duration_us = from->end_us - from->start_us + from->skip_us,
                        .expires_us = from->expires_us,
                        .grace_us = from->grace_us,
                        .priority = from->priority,
                        .authority = from->authority,
                        .made_us = from->made_us,
                        .repeats = MAX(from->repeats, 1),
                        .gap_us = from->gap_us,
                        .resume = from->resume,
                        .quiet_ok = from->quiet_ok,
                        .volume = from->volume,
                        .relay_url = g_strdup(from->url),
                        .silence_max_us = from->silence_max_us};
    bool main = fill_media(m, &ret->media, ret->kind == BC_LINK_CONTENT ? from->content : NULL);
    return fill_media(m, &ret->fallback, from->fallback) && main;
}

static void add_print(GChecksum *sum, const BcLinkItem *i)
{
    g_autofree char *text = g_strdup_printf("%d|%s|%s|%" G_GINT64_FORMAT "|%" G_GINT64_FORMAT "|%" G_GINT64_FORMAT "|%" G_GINT64_FORMAT "|%u|%u|%" G_GINT64_FORMAT
                                            "|%u|%" G_GINT64_FORMAT "|%d|%d|%d|%s|%s|%s|%s|%" G_GINT64_FORMAT "\n",
                                            i->kind, i->occurrence, i->title, i->start_us, i->duration_us, i->expires_us, i->grace_us, i->priority,
                                            i->authority, i->made_us, i->repeats, i->gap_us, i->resume, i->quiet_ok, i->volume, i->media.sha256,
                                            i->media.path, i->relay_url ? i->relay_url : "", i->fallback.sha256, i->silence_max_us);
    g_checksum_update(sum, (const guchar *)text, -1);
}

/* Pieces of one item that the plan has cut up belong together again. */
static bool join(GArray *items, GHashTable *by_occurrence, const BcPlanItem *from)
{
    unsigned at = GPOINTER_TO_UINT(g_hash_table_lookup(by_occurrence, from->occurrence));
    if (!at)
        return false;
    BcLinkItem *item = &g_array_index(items, BcLinkItem, at - 1);
    item->duration_us = MAX(item->duration_us, from->end_us - item->start_us);
    item->quiet_ok &= from->quiet_ok; /* what lies between the pieces may be quiet */
    return true;
}

static Area *make_area(BcManifests *m, const BcPlan *plan, const char *code, int64_t now_us)
{
    Area *area = g_new0(Area, 1);
    g_autoptr(GHashTable) by_occurrence = g_hash_table_new(g_str_hash, g_str_equal);
    unsigned n = 0, over = 0;
    const BcPlanItem *items = bc_plan_items(plan, code, &n);
    area->items = g_array_new(FALSE, FALSE, sizeof(BcLinkItem));
    g_array_set_clear_func(area->items, clear_item);
    area->carried = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    area->sum = g_checksum_new(G_CHECKSUM_SHA256);
    for (unsigned i = 0; i < n; i++) {
        if (join(area->items, by_occurrence, &items[i]))
            continue;
        if (area->items->len >= BC_LINK_ITEMS_MAX) {
            over++;
            continue;
        }
        BcLinkItem item;
        if (!fill_item(m, &item, &items[i])) { /* comes with the file; bc_media's on_ready looks again */
            clear_item(&item);
            continue;
        }
        g_array_append_val(area->items, item);
        const char *at = strchr(item.occurrence, '@'), *dot = at ? strchr(at, '.') : NULL;
        g_hash_table_add(area->carried, dot ? g_strndup(item.occurrence, (gsize)(dot - item.occurrence)) : g_strdup(item.occurrence));
        g_hash_table_insert(by_occurrence, (char *)items[i].occurrence, GUINT_TO_POINTER(area->items->len));
    }
    if (over && m->o.logger)
        md_warning(m->o.logger, "area %s: %u items of the coming days do not fit into the manifest yet (at most %u); they follow day by day", code, over,
                   BC_LINK_ITEMS_MAX);
    for (unsigned i = 0; i < area->items->len; i++)
        add_print(area->sum, &g_array_index(area->items, BcLinkItem, i));
    return area;
}

/* --- one device's manifest --- */

static void fill_areas(BcManifests *m, BcLinkManifest *ret, const char *code)
{
    const BcArea *area = bc_areas_find(bc_broadcast_areas(m->o.broadcast), code);
    for (unsigned n = 0; area && n < BC_LINK_AREAS_MAX; n++) {
        ret->areas[n] = (char *)area->code;
        area = area->parent ? bc_areas_find(bc_broadcast_areas(m->o.broadcast), area->parent) : NULL;
    }
}

/* Everything but version and times of making. Strings are borrowed: never cleared. */
static void fill_manifest(BcManifests *m, BcLinkManifest *ret, const BcDevice *device, const Area *area)
{
    BcQuietHours quiet = bc_quiet_hours(bc_broadcast_quiet(m->o.broadcast), device->area, NULL);
    *ret = (BcLinkManifest){.device = (char *)device->id,
                            .zone = (char *)bc_broadcast_timezone(m->o.broadcast),
                            .media_base = (char *)bc_device_link_media_base(m->o.link),
                            .volume = device->volume,
                            .stop_before_us = bc_planner_stop_before_us(bc_broadcast_planner(m->o.broadcast), device->area),
                            .live_buffer_ms = m->o.live_buffer_ms,
                            .items = (BcLinkItem *)area->items->data,
                            .n_items = area->items->len};
    if (quiet.from_s != quiet.to_s) { /* in whole minutes, never less than meant */
        unsigned from = quiet.from_s / 60, to = (quiet.to_s + 59) / 60 % 1440;
        ret->quiet[ret->n_quiet++] = (BcLinkWindow){.from_min = from, .to_min = from == to ? (from + 720) % 1440 : to};
        if (from == to) /* all day: a window that ends where it begins is none */
            ret->quiet[ret->n_quiet++] = (BcLinkWindow){.from_min = (from + 720) % 1440, .to_min = to};
    }
    for (; ret->n_volumes < MIN(device->n_volumes, BC_LINK_WINDOWS_MAX); ret->n_volumes++)
        ret->volumes[ret->n_volumes] = (BcLinkWindow){device->volumes[ret->n_volumes].from_min, device->volumes[ret->n_volumes].to_min,
                                                      device->volumes[ret->n_volumes].volume};
    fill_areas(m, ret, device->area);
}

static void print_of(const BcManifests *m, const BcLinkManifest *manifest, const Area *area, char ret[65])
{
    g_autoptr(GChecksum) sum = g_checksum_copy(area->sum);
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(text, "%" G_GINT64_FORMAT "|%s|%s|%s|%u|%" G_GINT64_FORMAT "|%u|", m->epoch, manifest->device, manifest->zone, manifest->media_base ? manifest->media_base : "",
                           manifest->volume, manifest->stop_before_us, manifest->live_buffer_ms);
    for (unsigned i = 0; manifest->areas[i]; i++)
        g_string_append_printf(text, "%s,", manifest->areas[i]);
    for (unsigned i = 0; i < manifest->n_quiet; i++)
        g_string_append_printf(text, "|q%u-%u", manifest->quiet[i].from_min, manifest->quiet[i].to_min);
    for (unsigned i = 0; i < manifest->n_volumes; i++)
        g_string_append_printf(text, "|v%u-%u=%u", manifest->volumes[i].from_min, manifest->volumes[i].to_min, manifest->volumes[i].volume);
    g_checksum_update(sum, (const guchar *)text->str, (gssize)text->len);
    g_strlcpy(ret, g_checksum_get_string(sum), 65);
}

/* --- publishing --- */

static void on_pace(BcTimer *timer, void *user);

static void wake(BcManifests *m, int64_t us)
{
    if (!m->pace.armed_in && !m->closed)
        bc_timer_at(m->timers, &m->pace, md_clock_now_us(bc_timers_clock(m->timers)) + us, on_pace, m);
}

static void enqueue(BcManifests *m, Entry *entry)
{
    if (entry->waiting || entry->writing)
        return;
    entry->waiting = true;
    g_queue_push_tail(&m->waiting, entry);
    wake(m, 0);
}

static const Area *area_of(BcManifests *m, const BcDevice *device)
{
    return device->enabled ? g_hash_table_lookup(m->areas, device->area) : m->nothing;
}

/* One that is too long for a message goes without its last days: they follow as the first ones pass. false: the broker is away. */
static bool put_out(BcManifests *m, BcLinkManifest *manifest)
{
    unsigned whole = manifest->n_items;
    for (;;) {
        g_autoptr(GError) error = NULL;
        if (bc_device_link_publish_manifest(m->o.link, manifest, &error))
            break;
        bool long_ = g_error_matches(error, BC_LINK_ERROR, BC_LINK_ERROR_LIMIT) && manifest->n_items;
        if (!long_) {
            if (m->o.logger)
                md_warning(m->o.logger, "the manifest of %s cannot be published: %s", manifest->device, error->message);
            return false;
        }
        manifest->n_items -= (manifest->n_items + 3) / 4;
    }
    if (manifest->n_items < whole && m->o.logger)
        md_warning(m->o.logger, "the manifest of %s is too long: it has %u of %u items, the later ones follow", manifest->device, manifest->n_items, whole);
    return true;
}

/* Its present content under its present version; false: not now. */
static bool publish(BcManifests *m, Entry *entry)
{
    const BcDevice *device = bc_devices_find(bc_broadcast_devices(m->o.broadcast), entry->device);
    const Area *area = device ? area_of(m, device) : NULL;
    BcLinkManifest manifest;
    char print[65];
    if (!area)
        return true;
    fill_manifest(m, &manifest, device, area);
    print_of(m, &manifest, area, print);
    if (!g_str_equal(print, entry->print)) { /* it changed again while its version was stored */
        bc_manifests_look(m);
        return true;
    }
    manifest.version = entry->version;
    manifest.issued_us = bc_broadcast_wall_us(m->o.broadcast);
    manifest.valid_until_us = manifest.issued_us + (int64_t)(m->o.days + 2 * RENEW_DAYS) * DAY_US;
    if (!put_out(m, &manifest))
        return false;
    entry->told_us = manifest.issued_us;
    m->published++;
    return true;
}

static void on_pace(BcTimer *timer, void *user)
{
    BcManifests *m = user;
    unsigned n = MAX(1, (unsigned)((uint64_t)m->o.per_s * PACE_US / G_USEC_PER_SEC));
    for (; n > 0 && m->waiting.length; n--) {
        Entry *entry = g_queue_pop_head(&m->waiting);
        entry->waiting = false;
        if (publish(m, entry))
            continue;
        enqueue(m, entry); /* the broker is away: it comes back */
        bc_timer_at(m->timers, &m->pace, md_clock_now_us(bc_timers_clock(m->timers)) + RETRY_US, on_pace, m);
        return;
    }
    if (m->waiting.length)
        wake(m, PACE_US);
}

/* --- versions --- */

typedef struct Version {
    char *device;
    int64_t version, made_us;
    char print[65];
} Version;

static void clear_version(gpointer data)
{
    g_free(((Version *)data)->device);
}

static bool write_versions(MdDb *db, gpointer data, GError **error)
{
    const GArray *versions = data;
    for (unsigned i = 0; i < versions->len; i++) {
        const Version *v = &g_array_index(versions, Version, i);
        if (!md_db_run(db, error, "DELETE FROM bc_manifests WHERE device = $1", "s", v->device) ||
            (v->version && !md_db_run(db, error, "INSERT INTO bc_manifests (device, version, print, made_us) VALUES ($1, $2, $3, $4)", "sisi",
                                      v->device, v->version, v->print, v->made_us)))
            return false;
    }
    return true;
}

static void apply_versions(gpointer owner, gpointer data)
{
    BcManifests *m = owner;
    const GArray *versions = data;
    for (unsigned i = 0; i < versions->len && !m->closed; i++) {
        const Version *v = &g_array_index(versions, Version, i);
        Entry *entry = g_hash_table_lookup(m->entries, v->device);
        if (!entry || !v->version)
            continue;
        entry->writing = false;
        entry->version = v->version;
        entry->made_us = v->made_us;
        g_strlcpy(entry->print, v->print, sizeof entry->print);
        enqueue(m, entry);
    }
}

static void free_manifests(gpointer data)
{
    BcManifests *m = data;
    g_hash_table_unref(m->entries);
    g_hash_table_unref(m->areas);
    free_area(m->nothing);
    g_queue_clear(&m->waiting);
}

static void unref_manifests(gpointer data)
{
    g_rc_box_release_full(data, free_manifests);
}

static void unref_versions(gpointer data)
{
    g_array_unref(data);
}

typedef struct Written {
    BcManifests *m;
    GArray *versions;
} Written;

static void on_written(const GError *error, void *user)
{
    Written *written = user;
    BcManifests *m = written->m;
    for (unsigned i = 0; error && i < written->versions->len; i++) { /* nothing is published that might get its version twice */
        Entry *entry = g_hash_table_lookup(m->entries, g_array_index(written->versions, Version, i).device);
        if (entry)
            entry->writing = false; /* looked at again soon */
    }
    if (error && !m->closed && m->o.logger)
        md_error(m->o.logger, "new manifests wait for the store: %s", error->message);
    g_array_unref(written->versions);
    g_free(written);
    unref_manifests(m);
}

static void store(BcManifests *m, GArray *versions /* taken */)
{
    if (versions->len == 0) {
        g_array_unref(versions);
        return;
    }
    Written *written = g_new0(Written, 1);
    *written = (Written){g_rc_box_acquire(m), g_array_ref(versions)};
    bc_write(m->o.store, write_versions, versions, unref_versions, m, unref_manifests, apply_versions, on_written, written);
}

static GArray *new_versions(void)
{
    GArray *versions = g_array_new(FALSE, FALSE, sizeof(Version));
    g_array_set_clear_func(versions, clear_version);
    return versions;
}

/* --- looking --- */

static Entry *entry_of(BcManifests *m, const char *device)
{
    Entry *entry = g_hash_table_lookup(m->entries, device);
    if (entry)
        return entry;
    entry = g_new0(Entry, 1);
    entry->device = g_strdup(device);
    g_hash_table_insert(m->entries, entry->device, entry);
    return entry;
}

/* Has what it should do changed? Then its next version goes to the store. */
static void compare(BcManifests *m, const BcDevice *device, const Area *area, GArray **versions, int64_t now_us)
{
    Entry *entry = entry_of(m, device->id);
    BcLinkManifest manifest;
    entry->seen = true;
    if (entry->writing)
        return;
    fill_manifest(m, &manifest, device, area);
    print_of(m, &manifest, area, entry->next);
    if (g_str_equal(entry->next, entry->print))
        return;
    /* the clock in it lets versions grow even when the store is an older copy */
    Version version = {.device = g_strdup(device->id), .version = MAX(entry->version + 1, now_us / G_USEC_PER_SEC), .made_us = now_us};
    g_strlcpy(version.print, entry->next, sizeof version.print);
    entry->writing = true;
    g_array_append_val(*versions, version);
    if ((*versions)->len >= WRITE_MAX) {
        store(m, *versions);
        *versions = new_versions();
    }
}

/* Devices that are gone, or are reached otherwise now, obey nothing old: an empty manifest stays at the broker for them. */
static void forget_gone(BcManifests *m, GArray *versions, int64_t now_us)
{
    GHashTableIter it;
    gpointer value;
    g_hash_table_iter_init(&it, m->entries);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        Entry *entry = value;
        bool gone = !entry->seen;
        entry->seen = false;
        if (!gone || entry->writing)
            continue;
        BcLinkManifest none = {.device = entry->device,
                               .zone = (char *)bc_broadcast_timezone(m->o.broadcast),
                               .version = MAX(entry->version + 1, now_us / G_USEC_PER_SEC),
                               .issued_us = now_us,
                               .valid_until_us = now_us + 2 * RENEW_DAYS * DAY_US,
                               .stop_before_us = now_us,
                               .live_buffer_ms = m->o.live_buffer_ms};
        if (!put_out(m, &none))
            continue; /* the broker is away: at the next look */
        if (entry->waiting)
            g_queue_remove(&m->waiting, entry);
        Version row = {.device = g_strdup(entry->device)};
        g_array_append_val(versions, row);
        g_hash_table_iter_remove(&it);
    }
}

/* A device that is there long enough and still has an older one: it was stored but not published when mediad died, or the broker has lost it. */
static void heal(BcManifests *m, int64_t now_us)
{
    GHashTableIter it;
    gpointer value;
    g_hash_table_iter_init(&it, m->entries);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        Entry *entry = value;
        const BcLinkState *state = bc_device_link_state(m->o.link, entry->device);
        BcLinkSeen seen;
        if (!state || !state->online || state->manifest_version >= entry->version || entry->writing || entry->waiting) {
            entry->heals = state && state->manifest_version >= entry->version ? 0 : entry->heals;
            continue;
        }
        bc_device_link_seen(m->o.link, entry->device, &seen);
        if (now_us - MAX(entry->told_us, seen.changed_us) < (int64_t)SETTLE_US << entry->heals)
            continue;
        entry->heals = MIN(entry->heals + 1, HEALS_MAX);
        enqueue(m, entry);
    }
}

/* What the broker was given just before it died goes to it again. */
static void on_broker(bool connected, void *user)
{
    BcManifests *m = user;
    GHashTableIter it;
    gpointer value;
    if (!connected) {
        m->down_us = bc_broadcast_wall_us(m->o.broadcast);
        return;
    }
    g_hash_table_iter_init(&it, m->entries);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        Entry *entry = value;
        if (m->down_us && entry->told_us && entry->told_us >= m->down_us - SETTLE_US)
            enqueue(m, entry);
    }
    m->down_us = 0;
}

static void on_look(BcTimer *timer, void *user)
{
    BcManifests *m = user;
    int64_t now = bc_broadcast_wall_us(m->o.broadcast), from = (now - TAIL_US) / DAY_US * DAY_US; /* moves once a day: so do the manifests */
    g_autoptr(GError) error = NULL;
    g_autoptr(BcPlan) plan = bc_planner_plan(bc_broadcast_planner(m->o.broadcast), from, from + (int64_t)(m->o.days + 1) * DAY_US, &error);
    bc_timer_at(m->timers, &m->look, md_clock_now_us(bc_timers_clock(m->timers)) + LOOK_US, on_look, m);
    if (!plan) {
        if (m->o.logger)
            md_error(m->o.logger, "manifests stay as they are: %s", error->message);
        return;
    }
    g_hash_table_remove_all(m->areas);
    m->epoch = from / (RENEW_DAYS * DAY_US);
    GArray *versions = new_versions();
    g_autoptr(GPtrArray) devices = bc_devices_in(bc_broadcast_devices(m->o.broadcast), NULL, false);
    for (unsigned i = 0; i < devices->len; i++) {
        const BcDevice *device = devices->pdata[i];
        if (device->kind != BC_DEVICE_LINK)
            continue;
        if (device->enabled && !g_hash_table_contains(m->areas, device->area))
            g_hash_table_insert(m->areas, g_strdup(device->area), make_area(m, plan, device->area, now));
        compare(m, device, area_of(m, device), &versions, now);
    }
    forget_gone(m, versions, now);
    store(m, versions);
    heal(m, now);
}

void bc_manifests_look(BcManifests *m)
{
    int64_t at = md_clock_now_us(bc_timers_clock(m->timers)) + SOON_US;
    if (!m->closed && (!m->look.armed_in || m->look.due_us > at))
        bc_timer_at(m->timers, &m->look, at, on_look, m);
}

static void on_change(const char *type, const BcRun *run, void *user)
{
    if (!g_str_has_prefix(type, "announcement."))
        bc_manifests_look(user);
}

static bool read_versions(BcManifests *m, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(m->o.store), error, "SELECT device, version, print, made_us FROM bc_manifests", "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        Entry *entry = entry_of(m, md_rows_text(rows, 0));
        entry->version = md_rows_int(rows, 1);
        g_strlcpy(entry->print, md_rows_text(rows, 2), sizeof entry->print);
        entry->made_us = md_rows_int(rows, 3);
        bc_device_link_want_manifest(m->o.link, entry->device, entry->version, entry->made_us);
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}

BcManifests *bc_manifests_new(const BcManifestsOptions *options, GError **error)
{
    BcManifests *m = g_rc_box_new0(BcManifests);
    m->o = *options;
    m->o.days = options->days ? MIN(options->days, 14) : 3;
    m->o.live_buffer_ms = options->live_buffer_ms ? options->live_buffer_ms : 400;
    m->o.per_s = options->per_s ? options->per_s : 1000;
    m->timers = bc_broadcast_timers(options->broadcast);
    m->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_entry);
    m->areas = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_area);
    m->nothing = g_new0(Area, 1);
    m->nothing->items = g_array_new(FALSE, FALSE, sizeof(BcLinkItem));
    m->nothing->carried = g_hash_table_new(g_str_hash, g_str_equal);
    m->nothing->sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_queue_init(&m->waiting);
    if (!read_versions(m, error)) {
        unref_manifests(m);
        return NULL;
    }
    BcDeviceLinkListener listener = {.broker = on_broker, .user = m};
    bc_broadcast_add_listener(m->o.broadcast, on_change, m);
    bc_device_link_listen(m->o.link, &listener);
    bc_manifests_look(m);
    return m;
}

void bc_manifests_free(BcManifests *m)
{
    if (!m)
        return;
    m->closed = true;
    bc_timer_cancel(&m->look);
    bc_timer_cancel(&m->pace);
    bc_broadcast_remove_listener(m->o.broadcast, on_change, m);
    bc_device_link_unlisten(m->o.link, m);
    unref_manifests(m);
}

void bc_manifests_stats(const BcManifests *m, BcManifestsStats *ret)
{
    *ret = (BcManifestsStats){m->published, g_hash_table_size(m->entries), m->waiting.length};
}

int64_t bc_manifests_version(const BcManifests *m, const char *device)
{
    const Entry *entry = g_hash_table_lookup(m->entries, device);
    return entry ? entry->version : 0;
}

int64_t bc_manifests_told(const BcManifests *m, const char *id, const char *occurrence, int64_t *ret_us)
{
    const BcDevice *device = bc_devices_find(bc_broadcast_devices(m->o.broadcast), id);
    const Entry *entry = g_hash_table_lookup(m->entries, id);
    const Area *area = device && device->area ? g_hash_table_lookup(m->areas, device->area) : NULL;
    if (!area || !entry || entry->waiting || entry->writing || !g_hash_table_contains(area->carried, occurrence))
        return 0;
    *ret_us = entry->told_us ? entry->told_us : entry->made_us;
    return entry->version;
}
