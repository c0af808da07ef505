/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The link to loudspeakers as a whole: it is opened, connected to its broker and looked after; what is asked of it. */
#include "broadcast/device-link/service.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include "broadcast/device-link/broker-files.h"
#include "broadcast/device-link/private.h"

/* --- the broker --- */

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
        bc_ejector_step(link->ejector, md_clock_now_us(link->options.clock), bc_link_on_ejected, link);
    if (link->ticks++ % 5 == 0) {
        look_for_silent(link);
        bc_outages_tick(link->outages, now_us);
    }
    if (link->ticks % 10 == 0) {
        bc_health_tick(link->health);
        bc_link_look_for_ending(link, now_us);
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
    bc_credentials_set_changed(link->credentials, bc_link_on_credential, link);
    bc_credentials_set_renewed(link->credentials, bc_link_on_renewed, link);
    return link->connection != NULL;
}

BcDeviceLink *bc_device_link_new(const BcDeviceLinkOptions *options, GError **error)
{
    g_autoptr(BcDeviceLink) link = g_new0(BcDeviceLink, 1);
    copy_options(link, options);
    link->listeners = g_array_new(FALSE, FALSE, sizeof(BcDeviceLinkListener));
    link->outages = bc_outages_new(bc_link_outage_changed, link);
    BcCommandsOps ops = {bc_link_publish_command, bc_link_command_changed, link};
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
