/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/device.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct BcDevices { /* g_rc_box */
    MdStore *store;
    BcAreas *areas;
    GHashTable *by_id; /* id -> BcDevice*, owned */
};

static const char *const kinds[] = {"sip", "link", "board", "gateway", "multicast", "output"};
G_STATIC_ASSERT(G_N_ELEMENTS(kinds) == BC_DEVICE_KIND_MAX);

const char *bc_device_kind_to_string(BcDeviceKind kind)
{
    return (unsigned)kind < BC_DEVICE_KIND_MAX ? kinds[kind] : NULL;
}

BcDeviceKind bc_device_kind_from_string(const char *name)
{
    unsigned kind = 0;
    while (kind < BC_DEVICE_KIND_MAX && g_strcmp0(name, kinds[kind]) != 0)
        kind++;
    return kind;
}

/* The further texts, in the order of their columns. */
static const struct { const char *name; gsize offset; } texts[] = {
    {"model", offsetof(BcDevice, model)},         {"serial", offsetof(BcDevice, serial)},   {"address", offsetof(BcDevice, address)},
    {"abilities", offsetof(BcDevice, abilities)}, {"formats", offsetof(BcDevice, formats)}, {"gateway", offsetof(BcDevice, gateway)},
};

static const char **text_of(const BcDevice *device, unsigned i)
{
    return (const char **)(void *)((char *)device + texts[i].offset);
}

static void free_device(gpointer data)
{
    BcDevice *device = data;
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free((char *)*text_of(device, i));
    g_free((char *)device->id);
    g_free((char *)device->name);
    g_free((char *)device->area);
    g_free((char *)device->vendor);
    g_free((char *)device->outcome);
    g_free(device);
}

static BcDevice *copy_device(const BcDevice *device)
{
    BcDevice *copy = g_new0(BcDevice, 1);
    *copy = *device;
    copy->id = g_strdup(device->id);
    copy->name = g_strdup(device->name);
    copy->area = g_strdup(device->area);
    copy->vendor = device->vendor && *device->vendor ? g_strdup(device->vendor) : NULL;
    copy->outcome = g_strdup(device->outcome);
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        const char *text = *text_of(device, i);
        *text_of(copy, i) = text && *text ? g_strdup(text) : NULL;
    }
    return copy;
}

static void clear_devices(gpointer data)
{
    BcDevices *devices = data;
    g_clear_pointer(&devices->by_id, g_hash_table_unref);
    g_clear_pointer(&devices->areas, bc_areas_unref);
}

void bc_devices_unref(BcDevices *devices)
{
    if (devices)
        g_rc_box_release_full(devices, clear_devices);
}

static double angle(const MdRows *rows, int column)
{
    return md_rows_text(rows, column) ? md_rows_double(rows, column) : NAN;
}

/* "1260-360=40,…" */
static char *volumes_text(const BcDevice *device)
{
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < device->n_volumes; i++)
        g_string_append_printf(text, "%s%u-%u=%u", i ? "," : "", device->volumes[i].from_min, device->volumes[i].to_min,
                               device->volumes[i].volume);
    return g_string_free(text, FALSE);
}

static void read_volumes(BcDevice *device, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    for (unsigned i = 0; parts[i] && device->n_volumes < BC_DEVICE_VOLUMES_MAX; i++) {
        BcDeviceVolume *v = &device->volumes[device->n_volumes];
        if (sscanf(parts[i], "%u-%u=%u", &v->from_min, &v->to_min, &v->volume) == 3)
            device->n_volumes++;
    }
}

unsigned bc_device_volume_at(const BcDevice *device, unsigned volume, unsigned minute)
{
    for (unsigned i = 0; i < device->n_volumes; i++) {
        const BcDeviceVolume *v = &device->volumes[i];
        bool in = v->from_min <= v->to_min ? minute >= v->from_min && minute < v->to_min : minute >= v->from_min || minute < v->to_min;
        if (in)
            volume = MIN(volume, v->volume);
    }
    return volume;
}

BcDevices *bc_devices_new(MdStore *store, BcAreas *areas, GError **error)
{
    g_autoptr(BcDevices) devices = g_rc_box_new0(BcDevices);
    devices->store = store;
    devices->areas = g_rc_box_acquire(areas);
    devices->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_device);
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(store), error,
                                         "SELECT id, name, area, latitude, longitude, vendor, volume, codecs, enabled, outcome,"
                                         " outcome_us, kind, model, serial, address, abilities, formats, gateway,"
                                         " position_measured, volumes FROM bc_devices",
                                         "");
    if (!rows)
        return NULL;
    GError *failure = NULL;
    while (md_rows_next(rows, &failure)) {
        BcDevice *device = g_new0(BcDevice, 1);
        device->id = g_strdup(md_rows_text(rows, 0));
        device->name = g_strdup(md_rows_text(rows, 1));
        device->area = g_strdup(md_rows_text(rows, 2));
        device->latitude = angle(rows, 3);
        device->longitude = angle(rows, 4);
        device->vendor = g_strdup(md_rows_text(rows, 5));
        device->volume = (unsigned)md_rows_int(rows, 6);
        device->codecs = (unsigned)md_rows_int(rows, 7);
        device->enabled = md_rows_int(rows, 8) != 0;
        device->outcome = g_strdup(md_rows_text(rows, 9));
        device->outcome_us = md_rows_int(rows, 10);
        device->kind = bc_device_kind_from_string(md_rows_text(rows, 11));
        for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
            *text_of(device, i) = g_strdup(md_rows_text(rows, 12 + (int)i));
        device->position_measured = md_rows_int(rows, 18) != 0;
        read_volumes(device, md_rows_text(rows, 19));
        g_hash_table_replace(devices->by_id, (char *)device->id, device);
    }
    if (failure) {
        g_propagate_error(error, failure);
        return NULL;
    }
    return g_steal_pointer(&devices);
}

unsigned bc_devices_count(const BcDevices *devices)
{
    return g_hash_table_size(devices->by_id);
}

const BcDevice *bc_devices_find(const BcDevices *devices, const char *id)
{
    return id ? g_hash_table_lookup(devices->by_id, id) : NULL;
}

static int by_place(gconstpointer a, gconstpointer b)
{
    const BcDevice *x = *(const BcDevice *const *)a, *y = *(const BcDevice *const *)b;
    int order = strcmp(x->area, y->area);
    return order ? order : strcmp(x->id, y->id);
}

GPtrArray *bc_devices_in(const BcDevices *devices, const char *const *wanted, bool enabled_only)
{
    GPtrArray *found = g_ptr_array_new();
    g_autoptr(GHashTable) answers = g_hash_table_new(g_str_hash, g_str_equal); /* area -> 1 in, 2 out: few areas, many devices */
    GHashTableIter it;
    gpointer value;
    g_hash_table_iter_init(&it, devices->by_id);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        const BcDevice *device = value;
        if (enabled_only && !device->enabled)
            continue;
        int answer = GPOINTER_TO_INT(g_hash_table_lookup(answers, device->area));
        if (!answer) {
            answer = wanted ? 2 : 1;
            for (unsigned i = 0; wanted && wanted[i] && answer == 2; i++)
                if (bc_areas_contains(devices->areas, wanted[i], device->area))
                    answer = 1;
            g_hash_table_insert(answers, (char *)device->area, GINT_TO_POINTER(answer));
        }
        if (answer == 1)
            g_ptr_array_add(found, value);
    }
    g_ptr_array_sort(found, by_place);
    return found;
}

/* NULL: nothing is wrong with them. */
static const char *bad_more(const BcDevices *devices, const BcDevice *d)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        const char *text = *text_of(d, i);
        if (text && *text && !bc_text_ok(text, 200))
            return texts[i].name;
    }
    const BcDevice *gateway = d->gateway && *d->gateway ? bc_devices_find(devices, d->gateway) : NULL;
    if (d->gateway && *d->gateway && (!gateway || gateway->kind != BC_DEVICE_GATEWAY))
        return "gateway";
    for (unsigned i = 0; i < d->n_volumes; i++)
        if (d->n_volumes > BC_DEVICE_VOLUMES_MAX || d->volumes[i].from_min > 1439 || d->volumes[i].to_min > 1439 || d->volumes[i].volume > 100)
            return "volumes";
    return NULL;
}

static bool check_device(const BcDevices *devices, const BcDevice *d, GError **error)
{
    const char *bad = !bc_code_ok(d->id, 64)                                                   ? "id"
                      : !bc_text_ok(d->name, 200)                                              ? "name"
                      : d->vendor && *d->vendor && !bc_text_ok(d->vendor, 100)                 ? "vendor"
                      : (unsigned)d->kind >= BC_DEVICE_KIND_MAX                                ? "kind"
                      : d->volume > 100                                                        ? "volume"
                      : d->codecs >= 1u << MD_AUDIO_CODEC_MAX                                  ? "codecs"
                      : !isnan(d->latitude) && !(d->latitude >= -90 && d->latitude <= 90)      ? "latitude"
                      : !isnan(d->longitude) && !(d->longitude >= -180 && d->longitude <= 180) ? "longitude"
                      : isnan(d->latitude) != isnan(d->longitude)                              ? "latitude"
                                                                                               : bad_more(devices, d);
    if (bad) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "loudspeaker: \"%s\" is missing, too long or out of range", bad);
        return false;
    }
    if (!bc_areas_find(devices->areas, d->area)) {
        g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "loudspeaker %s: there is no area %s", d->id, d->area ? d->area : "");
        return false;
    }
    if (!bc_devices_find(devices, d->id) && bc_devices_count(devices) >= BC_DEVICES_MAX) {
        g_set_error(error, BC_ERROR, BC_ERROR_LIMIT, "there are %u loudspeakers already, the most there may be", BC_DEVICES_MAX);
        return false;
    }
    return true;
}

static bool write_position(MdDb *db, const BcDevice *d, GError **error)
{
    if (isnan(d->latitude))
        return md_db_run(db, error, "UPDATE bc_devices SET latitude = NULL, longitude = NULL WHERE id = $1", "s", d->id);
    return md_db_run(db, error, "UPDATE bc_devices SET latitude = $1, longitude = $2 WHERE id = $3", "dds", d->latitude,
                     d->longitude, d->id);
}

static bool write_more(MdDb *db, const BcDevice *d, GError **error)
{
    g_autofree char *volumes = volumes_text(d);
    return md_db_run(db, error,
                     "UPDATE bc_devices SET model = $1, serial = $2, address = $3, abilities = $4, formats = $5, gateway = $6,"
                     " position_measured = $7, volumes = $8 WHERE id = $9",
                     "ssssssiss", d->model, d->serial, d->address, d->abilities, d->formats, d->gateway, (int64_t)d->position_measured,
                     volumes, d->id);
}

static bool write_device(MdDb *db, gpointer data, GError **error)
{
    const BcDevice *d = data;
    if (!md_db_run(db, error,
                   "UPDATE bc_devices SET name = $1, area = $2, vendor = $3, volume = $4, codecs = $5, enabled = $6, kind = $7 WHERE id = $8",
                   "sssiiiss", d->name, d->area, d->vendor, (int64_t)d->volume, (int64_t)d->codecs, (int64_t)d->enabled, kinds[d->kind],
                   d->id))
        return false;
    if (md_db_changes(db) == 0 &&
        !md_db_run(db, error,
                   "INSERT INTO bc_devices (id, name, area, vendor, volume, codecs, enabled, kind) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                   "ssssiiis", d->id, d->name, d->area, d->vendor, (int64_t)d->volume, (int64_t)d->codecs, (int64_t)d->enabled,
                   kinds[d->kind]))
        return false;
    return write_more(db, d, error) && write_position(db, d, error);
}

static void apply_device(gpointer owner, gpointer data)
{
    BcDevices *devices = owner;
    BcDevice *device = copy_device(data);
    const BcDevice *old = bc_devices_find(devices, device->id);
    g_free((char *)device->outcome);
    device->outcome = g_strdup(old ? old->outcome : NULL); /* not the caller's to change */
    device->outcome_us = old ? old->outcome_us : 0;
    g_hash_table_replace(devices->by_id, (char *)device->id, device);
}

void bc_devices_put(BcDevices *devices, const BcDevice *device, BcDoneFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    if (!check_device(devices, device, &error)) {
        if (done)
            done(error, user);
        return;
    }
    bc_write(devices->store, write_device, copy_device(device), free_device, devices, (GDestroyNotify)bc_devices_unref,
             apply_device, done, user);
}

static bool delete_device(MdDb *db, gpointer data, GError **error)
{
    return md_db_run(db, error, "DELETE FROM bc_devices WHERE id = $1", "s", (const char *)data);
}

static void forget_device(gpointer owner, gpointer data)
{
    g_hash_table_remove(((BcDevices *)owner)->by_id, data);
}

void bc_devices_remove(BcDevices *devices, const char *id, BcDoneFn done, void *user)
{
    if (!bc_devices_find(devices, id)) {
        g_autoptr(GError) error = g_error_new(BC_ERROR, BC_ERROR_NOT_FOUND, "there is no loudspeaker %s", id ? id : "");
        if (done)
            done(error, user);
        return;
    }
    bc_write(devices->store, delete_device, g_strdup(id), g_free, devices, (GDestroyNotify)bc_devices_unref, forget_device, done, user);
}

static bool write_seed(MdDb *db, gpointer data, GError **error)
{
    GPtrArray *missing = data;
    for (unsigned i = 0; i < missing->len; i++)
        if (!write_device(db, missing->pdata[i], error))
            return false;
    return true;
}

bool bc_devices_seed(BcDevices *devices, const BcDevice *seed, unsigned n, GError **error)
{
    g_autoptr(GPtrArray) missing = g_ptr_array_new_with_free_func(free_device);
    for (unsigned i = 0; i < n; i++) {
        if (bc_devices_find(devices, seed[i].id))
            continue;
        if (!check_device(devices, &seed[i], error))
            return false;
        g_ptr_array_add(missing, copy_device(&seed[i]));
    }
    if (missing->len && !md_store_write_sync(devices->store, write_seed, missing, error))
        return false;
    for (unsigned i = 0; i < missing->len; i++)
        apply_device(devices, missing->pdata[i]);
    return true;
}

void bc_devices_set_outcome(BcDevices *devices, const char *id, const char *outcome, int64_t wall_us)
{
    BcDevice *device = g_hash_table_lookup(devices->by_id, id);
    if (!device)
        return;
    g_free((char *)device->outcome);
    device->outcome = g_strdup(outcome);
    device->outcome_us = wall_us;
}
