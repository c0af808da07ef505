/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings to alerts; and what a running meeting hears of them. */
#include <string.h>
#include "broadcast/alert/air.h"
#include "broadcast/alert/drill.h"
#include "broadcast/alert/feed.h"
#include "broadcast/alert/inbox.h"
#include "mediad/api/nouns.h"
#include "mediad/daemon.h"

#define IN_FORCE_MAX 200u

static BcAlertSource source_of(const CfgAlertSource *from)
{
    return (BcAlertSource){.name = from->name, .signature = (BcSignaturePolicy)from->signature, .authority = (unsigned)from->authority,
                           .areas = (const char *const *)from->areas, .senders = (const char *const *)from->senders};
}

/* A banner for every meeting that is on: who shows its room shows it. */
static void show_banner(MdDaemon *daemon, const BcAlert *alert)
{
    g_autoptr(GPtrArray) rooms = md_conference_rooms(daemon->conference);
    for (unsigned i = 0; i < rooms->len; i++) {
        JsonObject *o = json_object_new();
        JsonNode *node = json_node_init_object(json_node_alloc(), o);
        MdRoomInfo room;
        md_room_info(rooms->pdata[i], &room);
        json_object_set_string_member(o, "room", room.name);
        json_object_set_string_member(o, "alert", alert->id);
        json_object_set_string_member(o, "headline", alert->headline ? alert->headline : "");
        json_object_set_string_member(o, "areas", alert->areas ? alert->areas : "");
        json_object_set_int_member(o, "expires_us", alert->expires_us);
        json_object_unref(o);
        md_api_publish_to(daemon->api, "room.banner", node, MD_API_TELL_CONCERNED, alert->areas);
    }
}

static void on_event(const char *type, const BcAlert *alert, void *user)
{
    MdDaemon *daemon = user;
    bool banner = g_str_equal(type, "alert.banner");
    if (!daemon->api || (banner && !daemon->settings->alert.banner))
        return;
    JsonObject *o = bc_alert_to_json(alert);
    JsonNode *node = json_node_init_object(json_node_alloc(), o);
    json_object_unref(o);
    md_api_publish_to(daemon->api, type, node, MD_API_TELL_CONCERNED, alert->areas);
    if (banner)
        show_banner(daemon, alert);
}

static GArray *rules_of(const CfgAlert *from)
{
    GArray *rules = g_array_new(FALSE, FALSE, sizeof(BcSirenRule));
    for (unsigned i = 0; i < from->n_sirens; i++) {
        const CfgAlertSiren *s = &from->sirens[i];
        BcSirenRule rule = {s->event, s->severity, s->urgency, s->certainty, s->siren, s->rounds, s->priority, s->repeats, s->interval_s};
        g_array_append_val(rules, rule);
    }
    return rules;
}

static bool open_alerts(MdDaemon *daemon, const MdLogger *logger, GError **error)
{
    const CfgAlert *from = &daemon->settings->alert;
    g_autoptr(GArray) rules = rules_of(from);
    BcAlertOptions options = {.store = daemon->store,
                              .timers = bc_broadcast_timers(daemon->broadcast),
                              .areas = bc_broadcast_areas(daemon->broadcast),
                              .devices = bc_broadcast_devices(daemon->broadcast),
                              .play_log = bc_broadcast_play_log(daemon->broadcast),
                              .languages = (const char *const *)from->languages,
                              .geocode_names = (const char *const *)from->geocode_names,
                              .centres_file = from->centres_file,
                              .trust_dir = from->trust_dir,
                              .rules = (const BcSirenRule *)rules->data,
                              .n_rules = rules->len,
                              .default_expires_us = (int64_t)from->default_expires_min * 60 * G_USEC_PER_SEC,
                              .max_us = (int64_t)from->max_hours * 3600 * G_USEC_PER_SEC,
                              .any_scope = from->any_scope,
                              .all_clear = from->all_clear,
                              .all_clear_words = from->all_clear_text,
                              .attention_words = from->attention_text,
                              .drill_volume = from->drill_volume,
                              .logger = logger};
    bc_alert_air_ops(daemon->alert_air, &options.ops);
    daemon->alerts = bc_alerts_new(&options, error);
    for (unsigned i = 0; daemon->alerts && i < daemon->settings->n_areas; i++) {
        const CfgArea *area = &daemon->settings->areas[i];
        if (area->lat != 0 || area->lon != 0)
            bc_alerts_put_centre(daemon->alerts, area->code, (BcCapPoint){area->lat, area->lon});
    }
    return daemon->alerts != NULL;
}

static bool open_api(MdDaemon *daemon, GError **error)
{
    const CfgAlert *from = &daemon->settings->alert;
    g_autoptr(GArray) keys = g_array_new(FALSE, FALSE, sizeof(MdApiAlertKey));
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < from->n_sources; i++) {
        char *key = from->sources[i].key_file ? cfg_read_secret(from->sources[i].key_file, error) : NULL;
        if (from->sources[i].key_file && (!key || strlen(key) < 16)) {
            if (key)
                g_set_error(error, MD_DAEMON_ERROR, 0, "%s: the key of alert source %s needs 16 bytes at least", from->sources[i].key_file,
                            from->sources[i].name);
            g_free(key);
            return false;
        }
        if (!key)
            continue;
        g_ptr_array_add(texts, key);
        MdApiAlertKey entry = {key, source_of(&from->sources[i])};
        g_array_append_val(keys, entry);
    }
    if (daemon->api)
        md_api_add_alerts(daemon->api, daemon->broadcast, daemon->alerts, daemon->bulletins, (const MdApiAlertKey *)keys->data, keys->len);
    return true;
}

static bool open_feeds(MdDaemon *daemon, const MdLogger *logger, GError **error)
{
    const CfgAlert *from = &daemon->settings->alert;
    daemon->feeds = g_ptr_array_new_with_free_func((GDestroyNotify)bc_feed_free);
    for (unsigned i = 0; i < from->n_sources; i++) {
        const CfgAlertSource *s = &from->sources[i];
        BcFeedOptions options = {.url = s->feed_url, .poll_s = s->poll_s, .hosts = (const char *const *)from->feed_hosts,
                                 .source = source_of(s), .alerts = daemon->alerts, .timers = bc_broadcast_timers(daemon->broadcast),
                                 .logger = logger};
        BcFeed *feed = s->feed_url ? bc_feed_new(&options, error) : NULL;
        if (s->feed_url && !feed)
            return false;
        if (feed)
            g_ptr_array_add(daemon->feeds, feed);
    }
    return true;
}

static bool open_inbox(MdDaemon *daemon, const MdLogger *logger, GError **error)
{
    const CfgAlert *from = &daemon->settings->alert;
    for (unsigned i = 0; from->inbox_dir && i < from->n_sources; i++) {
        if (g_strcmp0(from->sources[i].name, from->inbox_source) != 0)
            continue;
        BcInboxOptions options = {from->inbox_dir, source_of(&from->sources[i]), daemon->alerts, bc_broadcast_timers(daemon->broadcast), logger};
        daemon->alert_inbox = bc_inbox_new(&options, error);
        return daemon->alert_inbox != NULL;
    }
    if (from->inbox_dir)
        g_set_error(error, MD_DAEMON_ERROR, 0, "alert.inbox_source must name one of alert.sources for alert.inbox_dir to be looked at");
    return !from->inbox_dir;
}

static bool open_drills(MdDaemon *daemon, const MdLogger *logger, GError **error)
{
    const CfgAlert *from = &daemon->settings->alert;
    g_autoptr(GArray) plans = g_array_new(FALSE, FALSE, sizeof(BcDrillPlan));
    for (unsigned i = 0; i < from->n_drills; i++) {
        const CfgAlertDrill *d = &from->drills[i];
        BcDrillPlan plan = {d->name, (const char *const *)d->areas, d->start, d->rule, daemon->settings->general.timezone, d->text};
        g_array_append_val(plans, plan);
    }
    daemon->drills = bc_drills_new(daemon->alerts, bc_broadcast_timers(daemon->broadcast), (const BcDrillPlan *)plans->data, plans->len, logger,
                                   error);
    return daemon->drills != NULL;
}

/* An alert is for many areas and spoken once: the province's spellings hold. */
static char *pronounce(const char *text, void *user)
{
    const MdDaemon *daemon = user;
    g_autoptr(GPtrArray) all = bc_areas_subtree(bc_broadcast_areas(daemon->broadcast), NULL);
    for (unsigned i = 0; i < all->len; i++)
        if (!((const BcArea *)all->pdata[i])->parent)
            return bc_dictionary_apply(daemon->dictionary, ((const BcArea *)all->pdata[i])->code, text);
    return NULL;
}

static bool concerns(const BcAreas *areas, const char *under, const BcAlert *alert)
{
    g_auto(GStrv) codes = g_strsplit(alert->areas ? alert->areas : "", ",", -1);
    for (unsigned i = 0; codes[i] && *under; i++)
        if (bc_areas_contains(areas, under, codes[i]) || bc_areas_contains(areas, codes[i], under))
            return true;
    return !*under;
}

JsonNode *md_alerts_in_force(const char *area, void *user)
{
    const MdDaemon *daemon = user;
    JsonArray *array = json_array_new();
    JsonNode *node = json_node_init_array(json_node_alloc(), array);
    g_autoptr(GPtrArray) all = daemon->alerts ? bc_alerts_list(daemon->alerts) : g_ptr_array_new();
    int64_t now = bc_broadcast_wall_us(daemon->broadcast);
    for (unsigned i = 0; i < all->len && json_array_get_length(array) < IN_FORCE_MAX; i++) {
        const BcAlert *alert = all->pdata[i];
        bool holds = alert->state == BC_ALERT_WAITING || alert->state == BC_ALERT_SOUNDING || alert->state == BC_ALERT_DONE;
        if (holds && alert->expires_us > now && concerns(bc_broadcast_areas(daemon->broadcast), area ? area : "", alert))
            json_array_add_object_element(array, bc_alert_to_json(alert));
    }
    json_array_unref(array);
    return node;
}

bool md_start_alert(MdDaemon *daemon, GError **error)
{
    const CfgAlert *from = &daemon->settings->alert;
    MdLogger logger = md_logger(daemon->log, "broadcast");
    const char *ready[] = {from->attention_text, "!Diễn tập. Đây là diễn tập.", NULL};
    BcAlertAirOptions air = {.broadcast = daemon->broadcast, .quiet_lufs = from->drill_loudness_lufs, .ready = ready,
                             .event = on_event, .pronounce = pronounce, .user = daemon, .logger = &logger};
    daemon->alert_air = bc_alert_air_new(&air);
    if (!open_alerts(daemon, &logger, error) || !open_api(daemon, error) || !open_feeds(daemon, &logger, error) ||
        !open_inbox(daemon, &logger, error) || !open_drills(daemon, &logger, error))
        return false;
    bc_broadcast_add_listener(daemon->broadcast, bc_alerts_on_broadcast, daemon->alerts);
    bc_alerts_resume(daemon->alerts);
    bc_alert_air_prepare(daemon->alert_air);
    return true;
}

void md_quiesce_alert(MdDaemon *daemon)
{
    g_clear_pointer(&daemon->drills, bc_drills_free);
    g_clear_pointer(&daemon->feeds, g_ptr_array_unref);
    g_clear_pointer(&daemon->alert_inbox, bc_inbox_free);
    if (daemon->alerts)
        bc_alerts_quiesce(daemon->alerts);
}

void md_stop_alert(MdDaemon *daemon)
{
    md_quiesce_alert(daemon);
    if (daemon->alerts)
        bc_broadcast_remove_listener(daemon->broadcast, bc_alerts_on_broadcast, daemon->alerts);
    g_clear_pointer(&daemon->alerts, bc_alerts_free);
    g_clear_pointer(&daemon->alert_air, bc_alert_air_free);
}
