/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What devices last said of themselves, over restarts of mediad, and their coming and going. */
#include <string.h>
#include "broadcast/device-link/private.h"

#define BUDGET_PER_S 20u  /* messages of one device in the long run … */
#define BUDGET_BURST 1000u /* … and at once: what it has kept while it was away */

typedef struct Row { char *device, *state; bool online; int64_t seen_us, changed_us; } Row;

static void free_device(gpointer data)
{
    BcLinkDevice *device = data;
    bc_link_state_clear(&device->state);
    g_free(device->id);
    g_free(device);
}

BcLinkDevice *bc_link_device(BcDeviceLink *link, const char *id, bool make)
{
    BcLinkDevice *device = g_hash_table_lookup(link->by_id, id);
    if (device || !make)
        return device;
    device = g_new0(BcLinkDevice, 1);
    device->id = g_strdup(id);
    device->state.clock_offset_us = INT64_MIN;
    device->missing_report = INT64_MAX;
    md_bucket_init(&device->budget, BUDGET_PER_S, BUDGET_BURST, md_clock_now_us(link->options.clock));
    g_hash_table_insert(link->by_id, device->id, device);
    return device;
}

bool bc_link_states_load(BcDeviceLink *link, GError **error)
{
    link->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_device);
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(link->options.store), error,
                                         "SELECT device, state, online, seen_us, changed_us FROM bc_link_states", "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        const char *text = md_rows_text(rows, 1);
        BcLinkDevice *device = bc_link_device(link, md_rows_text(rows, 0), true);
        device->known = bc_link_state_parse(&device->state, text, strlen(text), NULL);
        device->online = md_rows_int(rows, 2) != 0;
        device->seen_us = md_rows_int(rows, 3);
        device->changed_us = md_rows_int(rows, 4);
        link->online += device->online;
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}

static void clear_row(gpointer data)
{
    Row *row = data;
    g_free(row->device);
    g_free(row->state);
}

static bool write_rows(MdDb *db, gpointer data, GError **error)
{
    const GArray *rows = data;
    for (unsigned i = 0; i < rows->len; i++) {
        const Row *r = &g_array_index(rows, Row, i);
        if (!md_db_run(db, error, "DELETE FROM bc_link_states WHERE device = $1", "s", r->device) ||
            !md_db_run(db, error, "INSERT INTO bc_link_states (device, state, online, seen_us, changed_us) VALUES ($1, $2, $3, $4, $5)",
                       "ssiii", r->device, r->state, (int64_t)r->online, r->seen_us, r->changed_us))
            return false;
    }
    return true;
}

static void unref_rows(gpointer data)
{
    g_array_unref(data);
}

void bc_link_states_save(BcDeviceLink *link)
{
    GArray *rows = g_array_new(FALSE, FALSE, sizeof(Row));
    GHashTableIter it;
    gpointer value;
    g_array_set_clear_func(rows, clear_row);
    g_hash_table_iter_init(&it, link->by_id);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        BcLinkDevice *device = value;
        if (!device->dirty)
            continue;
        device->dirty = false;
        Row row = {g_strdup(device->id), bc_link_state_format(&device->state), device->online, device->seen_us, device->changed_us};
        g_array_append_val(rows, row);
    }
    if (rows->len)
        md_store_write(link->options.store, write_rows, rows, unref_rows, NULL, NULL);
    else
        g_array_unref(rows);
}

void bc_link_set_online(BcDeviceLink *link, BcLinkDevice *device, bool online)
{
    int64_t now_us = bc_device_link_wall_us(link);
    if (device->online == online)
        return;
    const BcDevice *registered = bc_devices_find(link->options.devices, device->id);
    device->online = online;
    device->changed_us = now_us;
    device->dirty = true;
    link->online += online ? 1u : -1u;
    if (online)
        bc_outages_back(link->outages, device->id, now_us);
    else
        bc_outages_lost(link->outages, device->id, bc_health_value(link->health, device->id, "carrier", now_us),
                        bc_health_value(link->health, device->id, "power", now_us), registered ? registered->area : NULL, now_us);
}
