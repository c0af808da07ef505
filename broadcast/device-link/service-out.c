/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the link sends to loudspeakers and vendors' gateways: commands, receipts, signed texts; and what it tells of them in here. */
#include "broadcast/device-link/service.h"

#include <json-glib/json-glib.h>
#include <string.h>
#include "broadcast/device-link/private.h"

bool bc_link_publish_command(const char *device, const char *token, gsize len, void *user)
{
    BcDeviceLink *link = user;
    g_autofree char *topic = bc_link_topic("down", device, "command");
    if (!link->options.broker_plain && !bc_credentials_find(link->credentials, device))
        return false; /* withdrawn, yet connected perhaps: it learns no keys of live sound any more */
    return link->connection && bc_connection_publish(link->connection, topic, token, len, 1, false);
}

bool bc_device_link_publish_vendor(BcDeviceLink *link, const char *gateway, const char *object, const char *text, gsize len)
{
    g_autofree char *topic = bc_link_vendor_topic(gateway, "down", object);
    if (len > BC_LINK_MESSAGE_MAX || (!link->options.broker_plain && !bc_credentials_find(link->credentials, gateway)))
        return false;
    return link->connection && bc_connection_publish(link->connection, topic, text, len, 1, false);
}

static void tell(BcDeviceLink *link, const char *type, JsonObject *object)
{
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
    json_object_unref(object);
    if (!link->options.on_event)
        return;
    g_autofree char *text = json_to_string(node, FALSE);
    link->options.on_event(type, text, link->options.user);
}

void bc_link_command_changed(const char *command, const char *device, const char *state, const char *reason, void *user)
{
    BcDeviceLink *link = user;
    JsonObject *o = json_object_new();
    json_object_set_string_member(o, "command", command);
    json_object_set_string_member(o, "device", device);
    json_object_set_string_member(o, "state", state);
    json_object_set_string_member(o, "reason", reason ? reason : "");
    tell(link, "command.changed", o);
}

void bc_link_outage_changed(const char *change, const BcOutage *outage, const char *device, void *user)
{
    BcDeviceLink *link = user;
    JsonObject *o = json_object_new();
    if (outage) {
        json_object_set_string_member(o, "id", outage->id);
        json_object_set_string_member(o, "by", outage->by);
        json_object_set_string_member(o, "value", outage->value);
        json_object_set_int_member(o, "devices", outage->devices);
        json_object_set_int_member(o, "began_us", outage->began_us);
        json_object_set_int_member(o, "ended_us", outage->ended_us);
        const BcArea *area = strcmp(outage->by, "area") == 0 ? bc_areas_find(link->options.areas, outage->value) : NULL;
        bool over = outage->ended_us != 0;
        md_logf(&link->logger, over ? MD_LOG_NOTICE : MD_LOG_WARNING, "%s: %u loudspeakers %s: they share the %s %s%s%s%s", change, outage->devices,
                over ? "are back" : "went silent together", outage->by, outage->value, area ? " (" : "", area ? area->name : "", area ? ")" : "");
    } else {
        json_object_set_string_member(o, "device", device);
    }
    tell(link, change, o);
}

bool bc_device_link_send(BcDeviceLink *link, const BcLinkCommand *command, const char *const *devices, unsigned n, const char *who,
                         char **ret_id, GError **error)
{
    g_autofree char *made = command->id ? NULL : bc_new_id("c");
    BcLinkCommand whole = *command;
    int64_t timeout_us = (int64_t)link->options.command_timeout_s * G_USEC_PER_SEC;
    for (unsigned i = 0; i < n; i++)
        if (!bc_devices_find(link->options.devices, devices[i])) {
            g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "there is no device %s", devices[i]);
            return false;
        }
    if (n == 0 || n > BC_DEVICES_MAX || (unsigned)command->verb >= BC_LINK_VERB_MAX) {
        g_set_error_literal(error, BC_ERROR, BC_ERROR_INVALID, n ? "a command nobody knows, or too many devices" : "a command for no device");
        return false;
    }
    if (made)
        whole.id = made;
    if (!whole.issued_us)
        whole.issued_us = bc_device_link_wall_us(link);
    if (!whole.expires_us)
        whole.expires_us = whole.issued_us + timeout_us;
    g_autofree char *text = bc_link_command_format(&whole);
    BcLinkCommand checked; /* a mistake is found here, not on a pole */
    if (!bc_link_command_parse(&checked, text, strlen(text), error))
        return false;
    bc_link_command_clear(&checked);
    if (!bc_commands_send(link->commands, &whole, devices, n, who, timeout_us, error))
        return false;
    if (ret_id)
        *ret_id = g_strdup(whole.id);
    return true;
}

int64_t bc_link_receipt_upto(BcDeviceLink *link, const char *id, int64_t sequence)
{
    const BcLinkDevice *device = bc_link_device(link, id, false);
    return device && device->missing_report <= sequence ? device->missing_report - 1 : sequence;
}

void bc_device_link_receipt(BcDeviceLink *link, const char *device, int64_t sequence)
{
    BcLinkReceipt receipt = {bc_link_receipt_upto(link, device, sequence)};
    g_autofree char *topic = bc_link_topic("down", device, "receipt"), *text = bc_link_receipt_format(&receipt);
    if (link->connection)
        bc_connection_publish(link->connection, topic, text, strlen(text), 1, false);
}

char *bc_device_link_sign_firmware(BcDeviceLink *link, const BcLinkFirmware *firmware, GError **error)
{
    g_autofree char *text = bc_link_firmware_format(firmware);
    return bc_jws_sign(link->key, "mediad-firmware", text, strlen(text), error);
}
