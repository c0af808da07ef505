/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Devices are told upward: how they are, every while, and the list of them when it has changed. */
#include "broadcast/exchange/upward-private.h"

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

void bc_upward_on_status(BcTimer *timer, void *user)
{
    BcUpward *u = user;
    g_autoptr(GPtrArray) devices = bc_devices_in(bc_broadcast_devices(u->broadcast), NULL, false);
    g_autoptr(GPtrArray) runs = g_ptr_array_new_with_free_func(free_strv);
    g_autofree char *key = g_strdup_printf("status:%" G_GINT64_FORMAT, bc_broadcast_wall_us(u->broadcast));
    Batch b;
    bc_broadcast_running(u->broadcast, on_run, runs);
    bc_batch_init(&b, u, "status", "statuses", key, true);
    for (unsigned i = 0; i < devices->len; i++)
        bc_batch_add(&b, status_of(u, devices->pdata[i], runs));
    bc_batch_put(&b, NULL, 0, NULL, NULL);
    bc_timer_at(bc_broadcast_timers(u->broadcast), &u->status, bc_upward_now_us(u) + (int64_t)u->o.status_s * G_USEC_PER_SEC, bc_upward_on_status, u);
}

static int64_t hash_text(guint64 hash, const char *text)
{
    for (const char *p = text ? text : ""; *p; p++)
        hash = (hash ^ (guint8)*p) * 1099511628211ull;
    return (int64_t)(hash * 1099511628211ull);
}

void bc_upward_tell_devices(BcUpward *u)
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
        bc_upward_set_text(ours, "model", d->model);
        bc_upward_set_text(ours, "area", d->area);
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
