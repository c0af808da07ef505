/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/device-link/service.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include "broadcast/device-link/broker-files.h"
#include "broadcast/device-link/private.h"

#define SCOLD_US (60 * G_USEC_PER_SEC)

/* --- what goes out --- */

static bool publish_command(const char *device, const char *token, gsize len, void *user)
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

static void command_changed(const char *command, const char *device, const char *state, const char *reason, void *user)
{
    BcDeviceLink *link = user;
    JsonObject *o = json_object_new();
    json_object_set_string_member(o, "command", command);
    json_object_set_string_member(o, "device", device);
    json_object_set_string_member(o, "state", state);
    json_object_set_string_member(o, "reason", reason ? reason : "");
    tell(link, "command.changed", o);
}

static void outage_changed(const char *change, const BcOutage *outage, const char *device, void *user)
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
        md_warning(&link->logger, "%s: %u loudspeakers by %s %s", change, outage->devices, outage->by, outage->value);
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

/* --- what comes in --- */

static void take_state(BcDeviceLink *link, BcLinkDevice *device, BcLinkState *state)
{
    bool online = state->online;
    if (online || !device->known) { /* the last will says nothing but that: what was known stays */
        bc_link_state_clear(&device->state);
        device->state = *state;
        memset(state, 0, sizeof *state);
    } else {
        device->state.online = false;
    }
    device->known = device->dirty = true;
    bc_link_set_online(link, device, online);
    for (unsigned i = 0; i < link->listeners->len; i++) {
        const BcDeviceLinkListener *l = &g_array_index(link->listeners, BcDeviceLinkListener, i);
        if (l->state)
            l->state(device->id, &device->state, l->user);
    }
    if (online)
        bc_commands_repeat_to(link->commands, device->id, bc_device_link_wall_us(link));
}

static void take_ack(BcDeviceLink *link, const char *device, const BcLinkAck *ack)
{
    bc_commands_ack(link->commands, device, ack, bc_device_link_wall_us(link));
    for (unsigned i = 0; i < link->listeners->len; i++) {
        const BcDeviceLinkListener *l = &g_array_index(link->listeners, BcDeviceLinkListener, i);
        if (l->ack)
            l->ack(device, ack, l->user);
    }
}

static int64_t least_sequence(const BcLinkReports *reports)
{
    int64_t least = INT64_MAX;
    for (unsigned i = 0; i < reports->n; i++)
        least = MIN(least, reports->reports[i].sequence);
    return least;
}

/* What is not taken now has no receipt, and nothing after it either, until the device has sent it again. */
static void miss_reports(BcLinkDevice *device, const char *text, gsize len)
{
    BcLinkReports reports;
    if (!bc_link_reports_parse(&reports, text, len, NULL))
        return;
    device->missing_report = MIN(device->missing_report, least_sequence(&reports));
    bc_link_reports_clear(&reports);
}

static void take_reports(BcDeviceLink *link, const char *device, const BcLinkReports *reports)
{
    for (unsigned i = 0; i < link->listeners->len; i++) {
        const BcDeviceLinkListener *l = &g_array_index(link->listeners, BcDeviceLinkListener, i);
        if (l->reports)
            l->reports(device, reports, l->user);
    }
}

static void on_renewed(const char *device, const BcEnrolled *renewed, const GError *error, void *user)
{
    BcDeviceLink *link = user;
    g_autofree char *topic = bc_link_topic("down", device, "certificate");
    BcLinkCertificate answer = {.reason = (char *)(renewed ? NULL : error ? error->message : "it could not be made")};
    if (renewed)
        answer = (BcLinkCertificate){(char *)renewed->certificate, (char *)renewed->serial, renewed->expires_us, NULL};
    g_autofree char *text = bc_link_certificate_format(&answer);
    if (link->connection)
        bc_connection_publish(link->connection, topic, text, strlen(text), 1, false);
    if (renewed)
        md_notice(&link->logger, "%s has got a new certificate, %s", device, renewed->serial);
    else
        md_warning(&link->logger, "%s gets no new certificate: %s", device, answer.reason);
}

/* Who may write here has its present certificate. */
static void take_renewal(BcDeviceLink *link, const char *device, const BcLinkRenewal *renewal)
{
    if (link->options.broker_plain)
        return;
    if (renewal->in_use)
        bc_credentials_in_use(link->credentials, device, renewal->in_use, bc_device_link_wall_us(link));
    if (renewal->csr)
        bc_credentials_renew(link->credentials, device, renewal->csr, strlen(renewal->csr), link->options.certificate_days,
                             bc_device_link_wall_us(link));
}

/* Once a day: devices renew by themselves, these did not. */
static void look_for_ending(BcDeviceLink *link, int64_t now_us)
{
    unsigned n = bc_credentials_ending(link->credentials, now_us + BC_LINK_ENDING_US);
    if (!n || (link->ending_told_us && now_us - link->ending_told_us < 86400ll * G_USEC_PER_SEC))
        return;
    link->ending_told_us = now_us;
    md_warning(&link->logger, "%u certificates of devices end within 30 days and were not renewed by their devices: see why-silent", n);
}

static bool take_what(BcDeviceLink *link, BcLinkDevice *device, const char *what, const char *text, gsize len, GError **error)
{
    union { BcLinkRenewal renewal; BcLinkState state; BcLinkAck ack; BcLinkReports reports; BcLinkTelemetry telemetry; BcLinkLog log; } m;
    int64_t now_us = bc_device_link_wall_us(link);
    if (strcmp(what, "state") == 0) {
        if (!bc_link_state_parse(&m.state, text, len, error))
            return false;
        take_state(link, device, &m.state);
        bc_link_state_clear(&m.state);
    } else if (strcmp(what, "ack") == 0) {
        if (!bc_link_ack_parse(&m.ack, text, len, error))
            return false;
        take_ack(link, device->id, &m.ack);
        bc_link_ack_clear(&m.ack);
    } else if (strcmp(what, "report") == 0) {
        if (!bc_link_reports_parse(&m.reports, text, len, error))
            return false;
        if (least_sequence(&m.reports) <= device->missing_report)
            device->missing_report = INT64_MAX;
        take_reports(link, device->id, &m.reports);
        bc_link_reports_clear(&m.reports);
    } else if (strcmp(what, "telemetry") == 0) {
        if (!bc_link_telemetry_parse(&m.telemetry, text, len, error))
            return false;
        bc_health_take(link->health, device->id, &m.telemetry, now_us);
        bc_link_telemetry_clear(&m.telemetry);
    } else if (strcmp(what, "renew") == 0) {
        if (!bc_link_renewal_parse(&m.renewal, text, len, error))
            return false;
        take_renewal(link, device->id, &m.renewal);
        bc_link_renewal_clear(&m.renewal);
    } else if (strcmp(what, "log") == 0) {
        if (!bc_link_log_parse(&m.log, text, len, error))
            return false;
        bc_device_log_take(link->options.store, device->id, &m.log, now_us, link->options.log_max_bytes);
        bc_link_log_clear(&m.log);
    }
    return true;
}

/* Its certificate is withdrawn, its connection may be there yet: it is ended. One that has a new certificate may come at any moment. */
static void on_credential(const char *id, bool former, bool now, void *user)
{
    BcDeviceLink *link = user;
    BcLinkDevice *device = bc_link_device(link, id, false);
    if (link->ejector && now)
        bc_ejector_remove(link->ejector, id);
    if (link->ejector && former)
        bc_ejector_add(link->ejector, id, !now, md_clock_now_us(link->options.clock));
    if (!device || !device->online || now)
        return;
    device->state.online = false;
    bc_link_set_online(link, device, false);
}

static void on_ejected(const char *id, const GError *error, void *user)
{
    BcDeviceLink *link = user;
    g_autofree char *topic = bc_link_topic("up", id, "state");
    if (error)
        md_warning(&link->logger, "%s is withdrawn, its connection cannot be ended: %s", id, error->message);
    else
        md_notice(&link->logger, "a former certificate of %s is withdrawn: its connection to the broker, if any, is being ended", id);
    if (link->connection && !bc_credentials_find(link->credentials, id))
        bc_connection_publish(link->connection, topic, "", 0, 1, true); /* what it last said is not kept */
}

/* The broker lets a device write its own topics only; whether it is still ours is known here alone. */
static const char *stranger(BcDeviceLink *link, const char *id)
{
    const BcDevice *device = bc_devices_find(link->options.devices, id);
    return !device            ? "not in the registry"
           : !device->enabled ? "disabled"
           : !link->options.broker_plain && !bc_credentials_find(link->credentials, id) ? "not enrolled, or its certificate is withdrawn"
                                                                                       : NULL;
}

/* One line a minute for each device: a mad one must not fill the log. */
static void scold(BcDeviceLink *link, BcLinkDevice *device, const char *what, const char *why)
{
    int64_t now_us = md_clock_now_us(link->options.clock);
    if (device->scolded_us && now_us - device->scolded_us < SCOLD_US)
        return;
    device->scolded_us = MAX(now_us, 1);
    md_warning(&link->logger, "%s from %s is not taken: %s (its next such messages are not told for a minute)", what, device->id, why);
}

static void take_vendor(BcDeviceLink *link, const char *topic, const void *data, gsize len)
{
    g_autofree char *id = NULL, *object = NULL;
    if (!bc_link_vendor_topic_parse(topic, &id, &object))
        return;
    const BcDevice *gateway = bc_devices_find(link->options.devices, id);
    const char *why = stranger(link, id);
    if (!why && (gateway->kind != BC_DEVICE_GATEWAY || !gateway->vendor))
        why = "no gateway of another maker";
    if (why) {
        link->refused++;
        md_warning(&link->logger, "%s of the vendor's gateway %s is ignored: %s", object, id, why);
        return;
    }
    BcLinkDevice *device = bc_link_device(link, id, true);
    if (!md_bucket_take(&device->budget, 1, md_clock_now_us(link->options.clock))) {
        link->refused++;
        scold(link, device, object, "it sends too much");
        return;
    }
    device->seen_us = bc_device_link_wall_us(link);
    for (unsigned i = 0; i < link->listeners->len; i++) {
        const BcDeviceLinkListener *l = &g_array_index(link->listeners, BcDeviceLinkListener, i);
        if (l->vendor)
            l->vendor(id, object, data, len, l->user);
    }
}

void bc_device_link_take(BcDeviceLink *link, const char *topic, const void *data, gsize len)
{
    if (g_str_has_prefix(topic, BC_LINK_TOPIC_ROOT "/vendor/")) {
        take_vendor(link, topic, data, len);
        return;
    }
    g_autofree char *id = NULL;
    const char *what = NULL;
    g_autoptr(GError) error = NULL;
    if (!bc_link_topic_parse(topic, &id, &what) || !what || !g_str_has_prefix(topic, BC_LINK_TOPIC_ROOT "/up/"))
        return;
    const char *why = stranger(link, id);
    if (why) {
        link->refused++;
        md_warning(&link->logger, "%s from %s is ignored: %s", what, id, why);
        if (len && link->ejector && !bc_credentials_find(link->credentials, id))
            bc_ejector_add(link->ejector, id, false, md_clock_now_us(link->options.clock));
        return;
    }
    if (len == 0)
        return; /* a retained message was taken back */
    BcLinkDevice *device = bc_link_device(link, id, true);
    if (!md_bucket_take(&device->budget, 1, md_clock_now_us(link->options.clock))) {
        link->refused++;
        if (strcmp(what, "report") == 0)
            miss_reports(device, data, len);
        scold(link, device, what, "it sends too much");
        return;
    }
    if (!take_what(link, device, what, data, len, &error)) {
        link->refused++;
        scold(link, device, what, error->message);
        return;
    }
    if (strcmp(what, "state") != 0 || device->online) {
        device->seen_us = bc_device_link_wall_us(link);
        device->dirty = true;
    }
}

static void on_message(const char *topic, const void *data, gsize len, void *user)
{
    bc_device_link_take(user, topic, data, len);
}

/* Signed by the key they believe, before anything that the new one has signed; and once the former is taken away, so that nobody believes it any
 * more, by the new one. */
static void tell_keys(BcDeviceLink *link)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *jwks = bc_device_link_jwks(link), *token = NULL;
    g_autoptr(GPtrArray) all = bc_devices_in(link->options.devices, NULL, false);
    if (link->keys_version <= 1 || link->keys_told || !link->connection)
        return;
    token = bc_jws_sign(link->former ? link->former : link->key, "mediad-keys", jwks, strlen(jwks), &error);
    for (unsigned i = 0; token && i < all->len; i++) {
        const BcDevice *device = all->pdata[i];
        g_autofree char *topic = bc_link_topic("down", device->id, "keys");
        if (device->kind == BC_DEVICE_LINK)
            bc_connection_publish(link->connection, topic, token, strlen(token), 1, true);
    }
    link->keys_told = token != NULL;
    if (!token)
        md_error(&link->logger, "the new keys could not be signed: %s", error->message);
}

static void on_change(bool connected, const char *why, void *user)
{
    BcDeviceLink *link = user;
    if (connected) {
        link->heard_from_us = bc_device_link_wall_us(link); /* the time before says nothing about the devices */
        md_notice(&link->logger, "connected to the broker %s:%u", link->broker_host, link->options.broker_port);
        tell_keys(link);
        bc_commands_repeat(link->commands, bc_device_link_wall_us(link));
        link->down_us = 0;
        link->told_down = false;
    } else if (!link->told_down) {
        link->down_us = bc_device_link_wall_us(link);
        link->told_down = true;
        md_error(&link->logger, "no connection to the broker %s:%u: %s; loudspeakers play by their manifests, commands wait", link->broker_host,
                 link->options.broker_port, why ? why : "");
    }
    for (unsigned i = 0; i < link->listeners->len; i++) {
        const BcDeviceLinkListener *l = &g_array_index(link->listeners, BcDeviceLinkListener, i);
        if (l->broker)
            l->broker(connected, l->user);
    }
}

/* --- time --- */

/* Silent for too long: the broker's last will may have been lost with the broker. */
static void look_for_silent(BcDeviceLink *link)
{
    int64_t now_us = bc_device_link_wall_us(link), limit_us = (int64_t)link->options.status_timeout_s * G_USEC_PER_SEC;
    GHashTableIter it;
    gpointer value;
    if (link->connection && !bc_connection_up(link->connection))
        return; /* nobody can be heard: that says nothing about them */
    g_hash_table_iter_init(&it, link->by_id);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        BcLinkDevice *device = value;
        if (!device->online || now_us - MAX(device->seen_us, link->heard_from_us) < limit_us)
            continue;
        device->state.online = false;
        bc_link_set_online(link, device, false);
        for (unsigned i = 0; i < link->listeners->len; i++) {
            const BcDeviceLinkListener *l = &g_array_index(link->listeners, BcDeviceLinkListener, i);
            if (l->state)
                l->state(device->id, &device->state, l->user);
        }
    }
}

void bc_device_link_take_broker(BcDeviceLink *link, bool connected)
{
    on_change(connected, connected ? NULL : "gone", link);
}

void bc_device_link_step(BcDeviceLink *link)
{
    int64_t now_us = bc_device_link_wall_us(link);
    bc_commands_tick(link->commands, now_us);
    if (link->ejector && bc_device_link_connected(link))
        bc_ejector_step(link->ejector, md_clock_now_us(link->options.clock), on_ejected, link);
    if (link->ticks++ % 5 == 0) {
        look_for_silent(link);
        bc_outages_tick(link->outages, now_us);
    }
    if (link->ticks % 10 == 0) {
        bc_health_tick(link->health);
        look_for_ending(link, now_us);
        bc_link_states_save(link);
    }
}

static gboolean on_second(gpointer user)
{
    bc_device_link_step(user);
    return G_SOURCE_CONTINUE;
}

/* --- life --- */

static void copy_options(BcDeviceLink *link, const BcDeviceLinkOptions *options)
{
    BcDeviceLinkOptions *o = &link->options;
    *o = *options;
    o->clock = o->clock ? o->clock : md_clock_system();
    o->broker_port = o->broker_port ? o->broker_port : 8883;
    o->advertised_port = o->advertised_port ? o->advertised_port : o->broker_port;
    o->status_timeout_s = o->status_timeout_s ? o->status_timeout_s : 180;
    o->code_lifetime_s = o->code_lifetime_s ? o->code_lifetime_s : 86400;
    o->certificate_days = o->certificate_days ? o->certificate_days : 825;
    o->command_timeout_s = o->command_timeout_s ? o->command_timeout_s : 30;
    o->log_max_bytes = o->log_max_bytes ? o->log_max_bytes : 1 << 20;
    o->state_dir = link->state_dir = g_strdup(o->state_dir);
    o->broker_host = link->broker_host = g_strdup(o->broker_host);
    o->advertised_host = link->advertised_host = g_strdup(o->advertised_host ? o->advertised_host : o->broker_host);
    o->media_base = link->media_base = g_strdup(o->media_base);
    o->zone = link->zone = g_strdup(o->zone);
    link->logger = o->logger ? *o->logger : (MdLogger){0};
    o->logger = &link->logger;
    g_rc_box_acquire(o->areas);
    g_rc_box_acquire(o->devices);
}

/* The set has a version that grows with each change, kept beside the keys: a device takes no former set for a new one. */
static bool open_keys(BcDeviceLink *link, GError **error)
{
    g_autofree char *path = g_build_filename(link->folder, "keys.jwks", NULL), *before = NULL;
    g_autofree char *jwk = bc_key_public_jwk(link->key), *former = link->former ? bc_key_public_jwk(link->former) : NULL;
    g_autofree char *keys = g_strdup_printf("\"keys\":[%s%s%s]}", jwk, former ? "," : "", former ? former : "");
    gint64 version = 0;
    if (g_file_get_contents(path, &before, NULL, NULL) && g_str_has_prefix(before, "{\"version\":"))
        version = g_ascii_strtoll(before + strlen("{\"version\":"), NULL, 10);
    bool same = version > 0 && g_str_has_suffix(before, keys);
    if (!same) /* a folder from before there were versions, or put back from a backup: the clock makes it newer all the same */
        version = version || former ? MAX(version + 1, bc_device_link_wall_us(link) / G_USEC_PER_SEC) : 1;
    link->keys_version = version;
    link->jwks = g_strdup_printf("{\"version\":%" G_GINT64_FORMAT ",%s", version, keys);
    return same || g_file_set_contents_full(path, link->jwks, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0640, error);
}

static bool open_folder(BcDeviceLink *link, GError **error)
{
    g_autofree char *key = NULL, *broker = NULL, *former = NULL;
    const char *hosts[] = {link->advertised_host, link->broker_host, NULL};
    if (!hosts[0])
        hosts[0] = "localhost";
    link->folder = g_build_filename(link->state_dir, "link", NULL);
    broker = g_build_filename(link->folder, "broker", NULL);
    key = g_build_filename(link->folder, "signing.pem", NULL);
    if (g_mkdir_with_parents(broker, 0750) != 0) {
        g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "device link: cannot make the folder %s: %s", broker, g_strerror(errno));
        return false;
    }
    former = g_build_filename(link->folder, "signing-former.pem", NULL);
    if (g_file_test(former, G_FILE_TEST_EXISTS) && !(link->former = bc_key_open(former, error)))
        return false;
    link->key = bc_key_open(key, error);
    link->ca = link->key && open_keys(link, error) ? bc_ca_open(link->folder, hosts, error) : NULL;
    link->credentials = link->ca ? bc_credentials_new(link->options.store, link->ca, error) : NULL;
    return link->credentials && bc_broker_files_write(broker, NULL, link->options.broker_port, error);
}

static bool connect_broker(BcDeviceLink *link, GError **error)
{
    if (!link->broker_host)
        return true;
    g_autofree char *ca = g_build_filename(link->folder, "ca.pem", NULL), *certificate = g_build_filename(link->folder, "service.pem", NULL);
    g_autofree char *key = g_build_filename(link->folder, "service.key", NULL);
    BcConnectionOptions options = {.host = link->broker_host, .port = link->options.broker_port, .plain = link->options.broker_plain,
                                   .ca = ca, .certificate = certificate, .key = key, .on_message = on_message, .on_change = on_change,
                                   .user = link, .clock = link->options.clock, .logger = &link->logger};
    link->connection = bc_connection_new(&options, error);
    if (!link->options.broker_plain)
        link->ejector = bc_ejector_new(link->ca, link->broker_host, link->options.broker_port);
    bc_credentials_set_changed(link->credentials, on_credential, link);
    bc_credentials_set_renewed(link->credentials, on_renewed, link);
    return link->connection != NULL;
}

BcDeviceLink *bc_device_link_new(const BcDeviceLinkOptions *options, GError **error)
{
    g_autoptr(BcDeviceLink) link = g_new0(BcDeviceLink, 1);
    copy_options(link, options);
    link->listeners = g_array_new(FALSE, FALSE, sizeof(BcDeviceLinkListener));
    link->outages = bc_outages_new(outage_changed, link);
    BcCommandsOps ops = {publish_command, command_changed, link};
    if (!open_folder(link, error) || !bc_link_states_load(link, error) || !(link->health = bc_health_new(options->store, error)) ||
        !(link->commands = bc_commands_new(options->store, link->key, &ops, (int64_t)link->options.command_timeout_s * G_USEC_PER_SEC, bc_device_link_wall_us(link), error)) ||
        !connect_broker(link, error))
        return NULL;
    link->timer = g_timeout_add_seconds(1, on_second, link);
    return g_steal_pointer(&link);
}

void bc_device_link_free(BcDeviceLink *link)
{
    if (!link)
        return;
    g_clear_handle_id(&link->timer, g_source_remove);
    bc_connection_free(link->connection);
    bc_ejector_free(link->ejector);
    if (link->credentials) {
        bc_credentials_set_changed(link->credentials, NULL, NULL);
        bc_credentials_set_renewed(link->credentials, NULL, NULL);
    }
    if (link->by_id)
        bc_link_states_save(link);
    bc_commands_free(link->commands);
    bc_health_free(link->health);
    bc_outages_free(link->outages);
    bc_credentials_unref(link->credentials);
    bc_ca_free(link->ca);
    bc_key_free(link->key);
    bc_key_free(link->former);
    g_clear_pointer(&link->by_id, g_hash_table_unref);
    g_array_unref(link->listeners);
    bc_devices_unref(link->options.devices);
    bc_areas_unref(link->options.areas);
    g_free(link->state_dir);
    g_free(link->broker_host);
    g_free(link->advertised_host);
    g_free(link->media_base);
    g_free(link->zone);
    g_free(link->folder);
    g_free(link->jwks);
    g_free(link);
}

void bc_device_link_set_event(BcDeviceLink *link, void (*on_event)(const char *type, const char *json, void *user), void *user)
{
    link->options.on_event = on_event;
    link->options.user = user;
}

/* --- what is asked --- */

const BcKey *bc_device_link_key(const BcDeviceLink *link)
{
    return link->key;
}

char *bc_device_link_jwks(const BcDeviceLink *link)
{
    return g_strdup(link->jwks);
}

const char *bc_device_link_media_base(const BcDeviceLink *link)
{
    return link->media_base;
}

bool bc_device_link_connected(const BcDeviceLink *link)
{
    return link->connection && bc_connection_up(link->connection);
}

const char *bc_device_link_token_owner(BcDeviceLink *link, const char *token)
{
    const char *id = bc_credentials_token_owner(link->credentials, token);
    const BcDevice *device = id ? bc_devices_find(link->options.devices, id) : NULL;
    return device && device->enabled ? id : NULL;
}

void bc_device_link_listen(BcDeviceLink *link, const BcDeviceLinkListener *listener)
{
    g_array_append_val(link->listeners, *listener);
}

void bc_device_link_unlisten(BcDeviceLink *link, void *user)
{
    for (unsigned i = link->listeners->len; i-- > 0;)
        if (g_array_index(link->listeners, BcDeviceLinkListener, i).user == user)
            g_array_remove_index(link->listeners, i);
}

const BcLinkState *bc_device_link_state(BcDeviceLink *link, const char *id)
{
    const BcLinkDevice *device = bc_link_device(link, id, false);
    return device && device->known ? &device->state : NULL;
}

bool bc_device_link_online(BcDeviceLink *link, const char *id)
{
    const BcLinkDevice *device = bc_link_device(link, id, false);
    return device && device->online;
}

void bc_device_link_seen(BcDeviceLink *link, const char *id, BcLinkSeen *ret)
{
    const BcLinkDevice *device = bc_link_device(link, id, false);
    *ret = device ? (BcLinkSeen){device->online, device->seen_us, device->changed_us, device->manifest_version, device->manifest_us}
                  : (BcLinkSeen){0};
}

BcCredentials *bc_device_link_credentials(BcDeviceLink *link)
{
    return link->credentials;
}

BcCommands *bc_device_link_commands(BcDeviceLink *link)
{
    return link->commands;
}

BcHealth *bc_device_link_health(BcDeviceLink *link)
{
    return link->health;
}

BcOutages *bc_device_link_outages(BcDeviceLink *link)
{
    return link->outages;
}

BcDevices *bc_device_link_devices(BcDeviceLink *link)
{
    return link->options.devices;
}

const BcDeviceLinkOptions *bc_device_link_options(const BcDeviceLink *link)
{
    return &link->options;
}

const char *bc_device_link_ca(const BcDeviceLink *link)
{
    return bc_ca_pem(link->ca);
}

int64_t bc_device_link_wall_us(const BcDeviceLink *link)
{
    return md_clock_wall_us(link->options.clock);
}

char *bc_device_link_log(BcDeviceLink *link, const char *device, GError **error)
{
    return bc_device_log_read(link->options.store, device, error);
}

void bc_device_link_stats(BcDeviceLink *link, BcDeviceLinkStats *ret)
{
    BcConnectionStats c = {0};
    if (link->connection)
        bc_connection_stats(link->connection, &c);
    *ret = (BcDeviceLinkStats){.connected = bc_device_link_connected(link), .enrolled = bc_credentials_count(link->credentials),
                                 .ending = bc_credentials_ending(link->credentials, bc_device_link_wall_us(link) + BC_LINK_ENDING_US),
                               .online = link->online, .published = c.published, .received = c.received, .refused = link->refused,
                               .clocks = c.clocks, .waiting = c.waiting, .dropped = c.dropped, .reconnects = c.reconnects};
}
