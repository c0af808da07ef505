/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A manifest on its way to its device: retained at the broker. Who makes them (manifests.c) makes one anew when the broker has lost it. */
#include "broadcast/device-link/service.h"

#include <string.h>
#include "broadcast/device-link/private.h"

void bc_device_link_want_manifest(BcDeviceLink *link, const char *id, int64_t version, int64_t at_us)
{
    BcLinkDevice *device = bc_link_device(link, id, true);
    device->manifest_version = version;
    device->manifest_us = at_us;
}

bool bc_device_link_publish_manifest(BcDeviceLink *link, const BcLinkManifest *manifest, GError **error)
{
    g_autofree char *text = bc_link_manifest_format(manifest), *topic = bc_link_topic("down", manifest->device, "manifest");
    g_autofree char *token = bc_jws_sign(link->key, "mediad-manifest", text, strlen(text), error);
    if (!token)
        return false;
    bc_device_link_want_manifest(link, manifest->device, manifest->version, bc_device_link_wall_us(link));
    if (!link->connection || !bc_connection_publish(link->connection, topic, token, strlen(token), 1, true)) {
        g_set_error_literal(error, BC_ERROR, BC_ERROR_FAILED, "the broker is away, or too much is on its way to it");
        return false;
    }
    return true;
}
