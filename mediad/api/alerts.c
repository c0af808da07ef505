/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /alerts, /emergencies and /drills. */
#include "mediad/api/broadcast-json.h"
#include <string.h>
#include <openssl/crypto.h>
#include "broadcast/order.h"

#define KEY_MIN 16
#define CAP_MAX (256u * 1024)

typedef struct Key {
    char *name, *digest;        /* SHA-256 of the key, so that comparing tells nothing of its length */
    BcAlertSource source;
    char **areas, **senders;
} Key;

typedef struct Alerts {
    MdApiBroadcast bc;
    BcAlerts *alerts;
    BcBulletins *bulletins;
    GArray *keys;               /* Key */
} Alerts;

static void reply_alert(const BcAlert *alert, bool duplicate, const GError *error, void *user)
{
    MdApiRequest *r = user;

    if (error) {
        md_api_bc_error(r, error);
        return;
    }
    JsonObject *o = alert ? bc_alert_to_json(alert) : json_object_new();
    json_object_set_boolean_member(o, "duplicate", duplicate);
    md_api_reply(r, duplicate ? 200 : 202, md_api_bc_object(o));
}

/* May this account see or stop it: all of its areas lie in the account's. */
static bool is_mine(MdApiRequest *r, Alerts *a, const BcAlert *alert)
{
    const char *own = md_api_request_area(r);
    g_auto(GStrv) areas = g_strsplit(alert->areas ? alert->areas : "", ",", -1);

    if (!own || !*own)
        return true;
    for (unsigned i = 0; areas[i]; i++)
        if (!bc_areas_contains(bc_broadcast_areas(a->bc.b), own, areas[i]))
            return false;
    return areas[0] != NULL;
}

/* Does it concern this account: one of its areas lies in the account's, or the other way round. */
static bool concerns(MdApiRequest *r, Alerts *a, const BcAlert *alert)
{
    const char *own = md_api_request_area(r);
    const BcAreas *areas = bc_broadcast_areas(a->bc.b);
    g_auto(GStrv) codes = g_strsplit(alert->areas ? alert->areas : "", ",", -1);

    if (!own || !*own)
        return true;
    for (unsigned i = 0; codes[i]; i++)
        if (bc_areas_contains(areas, own, codes[i]) || bc_areas_contains(areas, codes[i], own))
            return true;
    return false;
}

/* --- CAP by HTTP --- */

static const Key *key_of(const Alerts *a, const char *given)
{
    const Key *found = NULL;
    g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, given ? given : "", -1);

    for (unsigned i = 0; i < a->keys->len; i++) {
        const Key *key = &g_array_index(a->keys, Key, i);
        if (CRYPTO_memcmp(key->digest, digest, 64) == 0)
            found = key;
    }
    return given ? found : NULL;
}

static void take_cap(MdApiRequest *r, void *user)
{
    Alerts *a = user;
    const Key *key = key_of(a, md_api_request_header(r, "X-Alert-Key"));
    gsize len;
    const char *text = md_api_request_body_text(r, &len);

    if (!key)
        md_api_reply_error(r, 401, "bad-key", "no source has this key", "send the key of a source as X-Alert-Key (alert.sources, key_file)");
    else
        bc_alerts_take_cap(a->alerts, &key->source, text, len, reply_alert, r);
}

/* --- reading --- */

static void list_alerts(MdApiRequest *r, void *user)
{
    Alerts *a = user;
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) all = bc_alerts_list(a->alerts);
    int64_t limit = md_api_bc_number(r, "limit", 100);

    for (unsigned i = 0; i < all->len && limit > 0; i++) {
        if (!concerns(r, a, all->pdata[i]))
            continue;
        json_array_add_object_element(array, bc_alert_to_json(all->pdata[i]));
        limit--;
    }
    md_api_reply(r, 200, md_api_bc_list("alerts", array));
}

static const BcAlert *alert_of(MdApiRequest *r, Alerts *a)
{
    const BcAlert *alert = bc_alerts_find(a->alerts, md_api_request_param(r, "id"));

    if (alert && concerns(r, a, alert))
        return alert;
    md_api_reply_error(r, 404, "not-found", "there is no such alert", "GET /api/v1/alerts lists them");
    return NULL;
}

static void show_alert(MdApiRequest *r, void *user)
{
    const BcAlert *alert = alert_of(r, user);

    if (alert)
        md_api_reply(r, 200, md_api_bc_object(bc_alert_to_json(alert)));
}

static JsonArray *heard_json(MdApiRequest *r, Alerts *a, const BcAlertReport *report)
{
    JsonArray *array = json_array_new();
    const char *own = md_api_request_area(r);

    for (unsigned i = 0; i < report->heard->len; i++) {
        const BcAlertHeard *row = &g_array_index(report->heard, BcAlertHeard, i);
        JsonObject *o;
        if (own && *own && !bc_areas_contains(bc_broadcast_areas(a->bc.b), own, row->area))
            continue;
        o = json_object_new();
        json_object_set_string_member(o, "device", row->device);
        json_object_set_string_member(o, "area", row->area);
        json_object_set_string_member(o, "outcome", row->outcome);
        md_api_bc_set_text(o, "reason", row->reason);
        json_object_set_int_member(o, "latency_us", row->latency_us);
        json_array_add_object_element(array, o);
    }
    return array;
}

static void report_alert(MdApiRequest *r, void *user)
{
    Alerts *a = user;
    const BcAlert *alert = alert_of(r, a);
    g_autoptr(GError) error = NULL;

    if (!alert)
        return;
    bc_play_log_flush(bc_broadcast_play_log(a->bc.b));
    g_autoptr(BcAlertReport) report = bc_alerts_report(a->alerts, alert, &error);
    if (!report) {
        md_api_bc_error(r, error);
        return;
    }
    JsonObject *o = json_object_new();
    g_autofree char *line = bc_alert_report_line(alert, report);
    json_object_set_string_member(o, "id", alert->id);
    json_object_set_string_member(o, "summary", line);
    json_object_set_int_member(o, "devices", report->devices);
    json_object_set_int_member(o, "reached", report->reached);
    json_object_set_int_member(o, "missed", report->devices - report->reached);
    json_object_set_int_member(o, "p50_us", report->p50_us);
    json_object_set_int_member(o, "p95_us", report->p95_us);
    json_object_set_int_member(o, "worst_us", report->worst_us);
    json_object_set_array_member(o, "loudspeakers", heard_json(r, a, report));
    md_api_reply(r, 200, md_api_bc_object(o));
}

/* --- our own --- */

static void fill(MdApiRequest *r, Alerts *a, BcEmergency *e)
{
    JsonObject *body = md_api_request_body(r);

    e->text = md_api_bc_text(body, "text", NULL);
    e->title = md_api_bc_text(body, "title", NULL);
    e->content = md_api_bc_text(body, "content", NULL);
    e->room = md_api_bc_text(body, "room", NULL);
    e->url = md_api_bc_text(body, "url", NULL);
    e->siren = bc_alert_siren_from_string(json_object_get_string_member_with_default(body, "siren", "urgent"));
    e->siren_rounds = (unsigned)json_object_get_int_member_with_default(body, "rounds", 0);
    e->repeats = (unsigned)json_object_get_int_member_with_default(body, "repeats", 0);
    e->interval_s = (unsigned)json_object_get_int_member_with_default(body, "interval_s", 0);
    e->until_us = json_object_get_int_member_with_default(body, "until_us", 0);
    e->authority = bc_authority_of(bc_broadcast_areas(a->bc.b), md_api_request_area(r));
    e->created_by = md_api_request_user(r);
}

/* What a bulletin holds, its approved version before a newer one: who may press the button may say anything. False: answered. */
static bool fill_bulletin(MdApiRequest *r, Alerts *a, BcEmergency *e)
{
    const char *id = md_api_bc_text(md_api_request_body(r), "bulletin", NULL);
    const BcBulletin *bulletin = id && a->bulletins ? bc_bulletins_find(a->bulletins, id) : NULL;

    if (!id)
        return true;
    if (!bulletin || !md_api_request_concerned(r, bulletin->area)) {
        md_api_reply_error(r, 404, "not-found", "there is no such bulletin", "GET /api/v1/bulletins lists them");
        return false;
    }
    if (e->text || e->content || e->room || e->url) {
        md_api_reply_error(r, 400, "invalid", "give one of \"text\", \"content\", \"room\", \"url\" and \"bulletin\"", NULL);
        return false;
    }
    const BcBulletinFields *f = bulletin->approved ? bulletin->approved : bulletin->now;
    bool recorded = f->content && bc_contents_find(bc_broadcast_contents(a->bc.b), f->content);
    e->title = e->title ? e->title : f->title;
    e->content = recorded ? f->content : NULL;
    e->room = !recorded && f->url && g_str_has_prefix(f->url, "room ") ? f->url + strlen("room ") : NULL;
    e->url = !recorded && !e->room ? f->url : NULL;
    e->text = !recorded && !f->url ? f->text : NULL;
    if (e->content || e->room || e->url || e->text)
        return true;
    md_api_reply_error(r, 409, "nothing-to-say", "this bulletin has neither text nor sound", "add a text to it, or send \"text\"");
    return false;
}

static void start_emergency(MdApiRequest *r, void *user)
{
    Alerts *a = user;
    g_autofree const char **areas = md_api_bc_areas(r, &a->bc);
    BcEmergency e = {.areas = areas};

    if (!areas)
        return;
    fill(r, a, &e);
    if (!fill_bulletin(r, a, &e))
        return;
    if (e.room && md_api_request_area(r)[0])
        md_api_reply_error(r, 403, "other-area", "a meeting belongs to the whole province",
                           "an account without an area may put it on the loudspeakers");
    else if (e.content && !bc_contents_find(bc_broadcast_contents(a->bc.b), e.content))
        md_api_reply_error(r, 404, "not-found", "there is no such recording", "GET /api/v1/content lists them");
    else
        bc_alerts_emergency(a->alerts, &e, reply_alert, r);
}

static void start_drill(MdApiRequest *r, void *user)
{
    Alerts *a = user;
    g_autofree const char **areas = md_api_bc_areas(r, &a->bc);
    BcEmergency e = {.kind = "drill", .areas = areas};

    if (!areas)
        return;
    fill(r, a, &e);
    bc_alerts_emergency(a->alerts, &e, reply_alert, r);
}

static void try_alert(MdApiRequest *r, void *user)
{
    Alerts *a = user;
    const BcAlert *alert = alert_of(r, a);
    g_autofree const char **areas = alert ? md_api_bc_areas(r, &a->bc) : NULL;

    if (areas)
        bc_alerts_try(a->alerts, alert->id, areas, md_api_request_user(r),
                      bc_authority_of(bc_broadcast_areas(a->bc.b), md_api_request_area(r)), reply_alert, r);
}

static void end_alert(MdApiRequest *r, Alerts *a, bool all_clear, const char *words)
{
    const BcAlert *alert = alert_of(r, a);

    if (!alert)
        return;
    if (is_mine(r, a, alert))
        bc_alerts_stop(a->alerts, alert->id, md_api_request_user(r), all_clear, words, reply_alert, r);
    else
        md_api_reply_error(r, 403, "other-area", "it sounds in other areas, too", "ask somebody of the province");
}

static void stop_alert(MdApiRequest *r, void *user)
{
    end_alert(r, user, false, NULL);
}

static void all_clear(MdApiRequest *r, void *user)
{
    end_alert(r, user, true, md_api_bc_text(md_api_request_body(r), "text", NULL));
}

/* --- routes --- */

#define AREA_TEXT "\"areas\":" BC_AREA_LIST ",\"text\":{\"type\":\"string\",\"maxLength\":16000},\"title\":" BC_NAME
#define ALERT                                                                                                                               \
    "{\"type\":\"object\",\"properties\":{\"id\":" BC_CODE ",\"kind\":{\"type\":\"string\",\"enum\":[\"cap\",\"emergency\",\"drill\",\"all-clear\"]}," \
    "\"status\":{\"type\":\"string\"},\"headline\":{\"type\":\"string\"},\"areas\":{\"type\":\"string\",\"description\":\"codes, comma-separated\"}," \
    "\"siren\":{\"type\":\"string\"},\"priority\":" BC_PRIORITIES ",\"state\":{\"type\":\"string\",\"enum\":[\"stored\",\"waiting\",\"sounding\"," \
    "\"done\",\"stopped\",\"superseded\",\"cancelled\",\"expired\"]},\"reason\":{\"type\":\"string\"},\"received_us\":" BC_TIME                     \
    ",\"expires_us\":" BC_TIME ",\"repeats\":" BC_INT ",\"done_rounds\":" BC_INT ",\"duplicate\":" BC_FLAG "}}"
#define REPORT                                                                                                                              \
    "{\"type\":\"object\",\"required\":[\"id\",\"devices\",\"reached\",\"missed\",\"p50_us\",\"p95_us\",\"worst_us\",\"loudspeakers\"],\"properties\":{" \
    "\"id\":" BC_CODE ",\"summary\":{\"type\":\"string\"},\"devices\":" BC_INT ",\"reached\":" BC_INT ",\"missed\":" BC_INT ",\"p50_us\":" BC_INT      \
    ",\"p95_us\":" BC_INT ",\"worst_us\":{\"type\":\"integer\",\"description\":\"microseconds from the alert's coming to the first sound; -1: never\"}," \
    "\"loudspeakers\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"device\":{\"type\":\"string\"},\"area\":{\"type\":\"string\"}," \
    "\"outcome\":{\"type\":\"string\"},\"reason\":{\"type\":\"string\"},\"latency_us\":" BC_INT "}}}}}"

static const MdApiRoute routes[] = {
    {.method = "POST", .path = "/alerts/cap", .role = MD_API_ANYBODY, .handler = take_cap, .text_body = true, .body_max = CAP_MAX,
     .summary = "Hand in a CAP 1.2 message; the header X-Alert-Key carries the key of a source. Answered when it is stored.", .response_schema = ALERT},
    {.method = "GET", .path = "/alerts", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = list_alerts, .query_schema = BC_PAGE, .summary = "Alerts, newest first.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"alerts\"],\"properties\":{\"alerts\":{\"type\":\"array\",\"items\":" ALERT "}}}"},
    {.method = "GET", .path = "/alerts/{id}", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = show_alert, .summary = "One alert.", .response_schema = ALERT},
    {.method = "GET", .path = "/alerts/{id}/report", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = report_alert,
     .summary = "How fast every loudspeaker sounded after the alert came, and which did not.", .response_schema = REPORT},
    {.method = "POST", .path = "/alerts/{id}/stop", .role = MD_API_BROADCASTER, .rights = MD_API_MAY_ALERT, .handler = stop_alert,
     .summary = "Stop an alert everywhere at once.", .response_schema = ALERT},
    {.method = "POST", .path = "/alerts/{id}/try", .role = MD_API_BROADCASTER, .rights = MD_API_MAY_ALERT, .handler = try_alert,
     .summary = "Let a Test message be heard in chosen areas, as a drill.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"areas\"],\"properties\":{\"areas\":" BC_AREA_LIST "}}",
     .response_schema = ALERT},
    {.method = "POST", .path = "/emergencies", .role = MD_API_BROADCASTER, .rights = MD_API_MAY_ALERT, .second_factor = true, .handler = start_emergency,
     .summary = "Emergency at once: siren, then text, a recording, a bulletin, a meeting or a stream; or the siren alone.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"areas\"],\"properties\":{" AREA_TEXT ",\"content\":" BC_CODE
                       ",\"bulletin\":" BC_CODE ",\"room\":" BC_CODE ",\"url\":{\"type\":\"string\",\"maxLength\":1000},\"siren\":{\"type\":\"string\",\"enum\":[\"none\",\"chime\","
                       "\"storm\",\"flood\",\"urgent\"]},\"rounds\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":3},"
                       "\"repeats\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":20},\"interval_s\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":3600},"
                       "\"until_us\":" BC_TIME "}}",
     .response_schema = ALERT},
    {.method = "POST", .path = "/emergencies/{id}/stop", .role = MD_API_BROADCASTER, .rights = MD_API_MAY_ALERT, .handler = stop_alert,
     .summary = "Stop an emergency everywhere at once.", .response_schema = ALERT},
    {.method = "POST", .path = "/emergencies/{id}/all-clear", .role = MD_API_BROADCASTER, .rights = MD_API_MAY_ALERT, .second_factor = true, .handler = all_clear,
     .summary = "Stop it if it still sounds, and sound the all-clear with these words in the same areas.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"text\":{\"type\":\"string\",\"maxLength\":16000}}}",
     .response_schema = ALERT},
    {.method = "POST", .path = "/drills", .role = MD_API_BROADCASTER, .rights = MD_API_MAY_ALERT, .handler = start_drill,
     .summary = "The whole way of an alert at low volume, with the word drill before and after.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"areas\"],\"properties\":{" AREA_TEXT "}}",
     .response_schema = ALERT},
};

static void free_alerts(gpointer data)
{
    Alerts *a = data;

    for (unsigned i = 0; i < a->keys->len; i++) {
        Key *key = &g_array_index(a->keys, Key, i);
        g_free(key->name);
        g_free(key->digest);
        g_strfreev(key->areas);
        g_strfreev(key->senders);
    }
    g_array_unref(a->keys);
    g_free(a);
}

void md_api_add_alerts(MdApi *api, BcBroadcast *broadcast, BcAlerts *alerts, BcBulletins *bulletins, const MdApiAlertKey *keys, unsigned n_keys)
{
    Alerts *a = g_new0(Alerts, 1);

    a->bc = (MdApiBroadcast){.api = api, .b = broadcast};
    a->alerts = alerts;
    a->bulletins = bulletins;
    a->keys = g_array_new(FALSE, FALSE, sizeof(Key));
    for (unsigned i = 0; i < n_keys; i++) {
        if (strlen(keys[i].key) < KEY_MIN)
            continue;
        Key key = {g_strdup(keys[i].source.name), g_compute_checksum_for_string(G_CHECKSUM_SHA256, keys[i].key, -1), keys[i].source,
                   g_strdupv((char **)keys[i].source.areas), g_strdupv((char **)keys[i].source.senders)};
        key.source.name = key.name;
        key.source.areas = (const char *const *)key.areas;
        key.source.senders = (const char *const *)key.senders;
        g_array_append_val(a->keys, key);
    }
    md_api_own(api, a, free_alerts);
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), a);
}
