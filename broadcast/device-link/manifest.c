/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Manifests on their way to devices: retained at the broker, kept in files so that a broker that lost them gets them again. */
#include <glib/gstdio.h>
#include <string.h>
#include "broadcast/device-link/private.h"

#define SETTLE_US (60 * G_USEC_PER_SEC) /* what the broker took so shortly before it died may not be on its disk */

static char *path_of(const BcDeviceLink *link, const char *device)
{
    g_autofree char *name = g_strconcat(device, ".jws", NULL);
    return g_build_filename(link->folder, "manifests", name, NULL);
}

static bool publish(BcDeviceLink *link, BcLinkDevice *device, const char *token, gsize len)
{
    g_autofree char *topic = bc_link_topic("down", device->id, "manifest");
    bool ok = link->connection && bc_connection_publish(link->connection, topic, token, len, 1, true);
    device->manifest_waits = !ok;
    device->manifest_us = bc_device_link_wall_us(link);
    return ok;
}

bool bc_device_link_publish_manifest(BcDeviceLink *link, const BcLinkManifest *manifest, GError **error)
{
    if (!bc_devices_find(link->options.devices, manifest->device)) {
        g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "there is no device %s", manifest->device);
        return false;
    }
    g_autofree char *text = bc_link_manifest_format(manifest);
    g_autofree char *token = bc_jws_sign(link->key, "mediad-manifest", text, strlen(text), error);
    g_autofree char *path = path_of(link, manifest->device);
    gsize len = token ? strlen(token) : 0;
    if (!token || !g_file_set_contents_full(path, token, (gssize)len, G_FILE_SET_CONTENTS_CONSISTENT, 0640, error))
        return false;
    BcLinkDevice *device = bc_link_device(link, manifest->device, true);
    device->manifest_version = manifest->version;
    publish(link, device, token, len);
    return true;
}

void bc_device_link_forget_manifest(BcDeviceLink *link, const char *id)
{
    g_autofree char *topic = bc_link_topic("down", id, "manifest"), *path = path_of(link, id);
    BcLinkDevice *device = bc_link_device(link, id, false);
    if (link->connection)
        bc_connection_publish(link->connection, topic, NULL, 0, 1, true);
    if (device)
        device->manifest_version = 0;
    g_unlink(path);
}

static void repeat(BcDeviceLink *link, BcLinkDevice *device)
{
    g_autofree char *path = path_of(link, device->id), *token = NULL;
    gsize len = 0;
    if (g_file_get_contents(path, &token, &len, NULL))
        publish(link, device, token, len);
    else
        device->manifest_waits = false;
}

void bc_link_manifests_repeat(BcDeviceLink *link)
{
    GHashTableIter it;
    gpointer value;
    g_hash_table_iter_init(&it, link->by_id);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        BcLinkDevice *device = value;
        if (device->manifest_waits || (device->manifest_version && link->down_us && device->manifest_us >= link->down_us - SETTLE_US))
            repeat(link, device);
    }
}

/* It is there and has an older one than was published a good while ago: the broker has lost it. */
void bc_link_manifest_heal(BcDeviceLink *link, BcLinkDevice *device)
{
    if (device->online && device->manifest_version > device->state.manifest_version &&
        bc_device_link_wall_us(link) - device->manifest_us >= SETTLE_US)
        repeat(link, device);
}
