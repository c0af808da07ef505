/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A manifest's versions: in the store before they are told, never the same one twice. */
#include "broadcast/device-link/manifests-private.h"

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
        bc_manifests_enqueue(m, entry);
    }
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
    bc_manifests_unref(m);
}

void bc_manifests_store(BcManifests *m, GArray *versions /* taken */)
{
    if (versions->len == 0) {
        g_array_unref(versions);
        return;
    }
    Written *written = g_new0(Written, 1);
    *written = (Written){g_rc_box_acquire(m), g_array_ref(versions)};
    bc_write(m->o.store, write_versions, versions, unref_versions, m, bc_manifests_unref, apply_versions, on_written, written);
}

GArray *bc_manifests_versions(void)
{
    GArray *versions = g_array_new(FALSE, FALSE, sizeof(Version));
    g_array_set_clear_func(versions, clear_version);
    return versions;
}

bool bc_manifests_read_versions(BcManifests *m, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(m->o.store), error, "SELECT device, version, print, made_us FROM bc_manifests", "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        Entry *entry = bc_manifests_entry(m, md_rows_text(rows, 0));
        entry->version = md_rows_int(rows, 1);
        g_strlcpy(entry->print, md_rows_text(rows, 2), sizeof entry->print);
        entry->made_us = md_rows_int(rows, 3);
        bc_device_link_want_manifest(m->o.link, entry->device, entry->version, entry->made_us);
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}
