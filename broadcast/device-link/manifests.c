/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Manifests: what a device is to do is looked at again when anything changes; what is new is published, at a pace, and again where it was lost. */
#include "broadcast/device-link/manifests-private.h"

#include <string.h>

#define LOOK_US 30000000        /* the clock moves on, and not everything that changes says so */
#define SOON_US 500000          /* changes come in bunches */
#define PACE_US 10000
#define RETRY_US 5000000
#define SETTLE_US 60000000      /* what the broker took so shortly before it died may not be on its disk; a device has its own so long after it came */
#define HEALS_MAX 6u            /* told again after 1, 2, 4 … 64 minutes */
#define TAIL_US (6ll * 3600 * G_USEC_PER_SEC) /* what began yesterday may still sound */
#define RENEW_DAYS 7            /* also what does not change is said anew so often, before it is no longer valid */
#define WRITE_MAX 500u          /* devices in one transaction */

static void free_entry(gpointer data)
{
    Entry *entry = data;
    g_free(entry->device);
    g_free(entry);
}

/* --- publishing --- */

static void on_pace(BcTimer *timer, void *user);

static void wake(BcManifests *m, int64_t us)
{
    if (!m->pace.armed_in && !m->closed)
        bc_timer_at(m->timers, &m->pace, md_clock_now_us(bc_timers_clock(m->timers)) + us, on_pace, m);
}

void bc_manifests_enqueue(BcManifests *m, Entry *entry)
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
                md_warning(m->o.logger, "the timetable (manifest) of %s is not sent now: %s", manifest->device, error->message);
            return false;
        }
        manifest->n_items -= (manifest->n_items + 3) / 4;
    }
    if (manifest->n_items < whole && m->o.logger)
        md_warning(m->o.logger, "the timetable (manifest) of %s is too long for one message: it has the first %u of %u items, the later ones follow day by day", manifest->device, manifest->n_items, whole);
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
    bc_manifests_fill(m, &manifest, device, area);
    bc_manifests_print(m, &manifest, area, print);
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
        bc_manifests_enqueue(m, entry); /* the broker is away: it comes back */
        bc_timer_at(m->timers, &m->pace, md_clock_now_us(bc_timers_clock(m->timers)) + RETRY_US, on_pace, m);
        return;
    }
    if (m->waiting.length)
        wake(m, PACE_US);
}

/* --- looking --- */

Entry *bc_manifests_entry(BcManifests *m, const char *device)
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
    Entry *entry = bc_manifests_entry(m, device->id);
    BcLinkManifest manifest;
    entry->seen = true;
    if (entry->writing)
        return;
    bc_manifests_fill(m, &manifest, device, area);
    bc_manifests_print(m, &manifest, area, entry->next);
    if (g_str_equal(entry->next, entry->print))
        return;
    /* the clock in it lets versions grow even when the store is an older copy */
    Version version = {.device = g_strdup(device->id), .version = MAX(entry->version + 1, now_us / G_USEC_PER_SEC), .made_us = now_us};
    g_strlcpy(version.print, entry->next, sizeof version.print);
    entry->writing = true;
    g_array_append_val(*versions, version);
    if ((*versions)->len >= WRITE_MAX) {
        bc_manifests_store(m, *versions);
        *versions = bc_manifests_versions();
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
        bc_manifests_enqueue(m, entry);
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
            bc_manifests_enqueue(m, entry);
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
    GArray *versions = bc_manifests_versions();
    g_autoptr(GPtrArray) devices = bc_devices_in(bc_broadcast_devices(m->o.broadcast), NULL, false);
    for (unsigned i = 0; i < devices->len; i++) {
        const BcDevice *device = devices->pdata[i];
        if (device->kind != BC_DEVICE_LINK)
            continue;
        if (device->enabled && !g_hash_table_contains(m->areas, device->area))
            g_hash_table_insert(m->areas, g_strdup(device->area), bc_manifests_area(m, plan, device->area, now));
        compare(m, device, area_of(m, device), &versions, now);
    }
    forget_gone(m, versions, now);
    bc_manifests_store(m, versions);
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

/* --- life --- */

static void free_manifests(gpointer data)
{
    BcManifests *m = data;
    g_hash_table_unref(m->entries);
    g_hash_table_unref(m->areas);
    bc_manifests_area_free(m->nothing);
    g_queue_clear(&m->waiting);
}

void bc_manifests_unref(gpointer data)
{
    g_rc_box_release_full(data, free_manifests);
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
    m->areas = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, bc_manifests_area_free);
    m->nothing = g_new0(Area, 1);
    m->nothing->items = g_array_new(FALSE, FALSE, sizeof(BcLinkItem));
    m->nothing->carried = g_hash_table_new(g_str_hash, g_str_equal);
    m->nothing->sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_queue_init(&m->waiting);
    if (!bc_manifests_read_versions(m, error)) {
        bc_manifests_unref(m);
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
    bc_manifests_unref(m);
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
