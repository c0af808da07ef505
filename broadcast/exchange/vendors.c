/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/exchange/vendors.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOKENS_MAX 2000u
#define TOKEN_US (86400ll * G_USEC_PER_SEC)
#define AGAIN_US (30ll * G_USEC_PER_SEC)
#define LOOK_US (5ll * G_USEC_PER_SEC)
#define PLAN_US (30ll * G_USEC_PER_SEC)   /* the clock moves on, and not everything that changes says so */
#define LATE_US (2ll * G_USEC_PER_SEC)    /* who could not begin on time does not begin by its schedule any more */

typedef struct Token { char *make; int64_t until_us; } Token;
typedef struct Out { char *id, *peer; int64_t since_us; } Out;            /* an order that was handed out */
typedef struct Seen { int64_t at_us; unsigned volume_told; bool online; } Seen;

typedef struct Ran {         /* devices of one announcement */
    GPtrArray *ordered;      /* told when it began */
    GPtrArray *planned;      /* have it in a schedule they confirmed */
    char *occurrence;        /* its name there, NULL not scheduled */
} Ran;

struct BcVendors {
    BcVendorsOptions o;
    BcBroadcast *broadcast;
    BcExJournal *journal;
    BcExTables *tables;
    MdLogger logger;
    char *media_base;
    GHashTable *tokens, *out, *seen;
    GHashTable *runs;        /* run -> Ran */
    BcVendorSchedules *schedules;
    int64_t born_us, plan_us; /* wall: we began; the plan is looked at again */
    BcTimer look;
    uint64_t orders;
};

static int64_t wall_us(const BcVendors *v)
{
    return bc_ex_journal_wall_us(v->journal);
}

static void free_token(gpointer data)
{
    g_free(((Token *)data)->make);
    g_free(data);
}

static void free_out(gpointer data)
{
    g_free(((Out *)data)->id);
    g_free(((Out *)data)->peer);
    g_free(data);
}

static void free_ran(gpointer data)
{
    Ran *ran = data;
    g_ptr_array_unref(ran->ordered);
    g_ptr_array_unref(ran->planned);
    g_free(ran->occurrence);
    g_free(ran);
}

static char *peer_of(const char *make)
{
    return g_strconcat("vendor.", make, NULL);
}

/* --- orders --- */

static void put_order(BcVendors *v, const char *make, const char *object, const char *key, JsonObject *ours)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *body = bc_ex_write_text(v->tables, object, ours, &error), *peer = peer_of(make);
    if (body)
        bc_ex_journal_put(v->journal, &(BcExPut){peer, object, key, body, true, false}, NULL, NULL);
    else
        md_warning(&v->logger, "an order \"%s\" for %s cannot be written: %s", object, make, error->message);
}

static void news(BcVendors *v, const char *run, const char *device, BcReachState state, int64_t from_us, int64_t to_us, const char *reason)
{
    BcReachNews n = {.announcement = run, .device = device, .state = state, .at_us = wall_us(v), .from_us = from_us, .to_us = to_us, .reason = reason,
                     .level_dbfs = NAN, .match = NAN};
    bc_broadcast_reach_news(v->broadcast, &n);
}

static JsonArray *texts(const GPtrArray *list)
{
    JsonArray *array = json_array_new();
    for (unsigned i = 0; i < list->len; i++)
        json_array_add_string_element(array, list->pdata[i]);
    return array;
}

static JsonObject *play_order(BcVendors *v, const BcRun *run, const BcReachSound *sound, const GPtrArray *devices)
{
    JsonObject *ours = json_object_new();
    int64_t end = sound->duration_us == INT64_MAX ? run->start_us + 12 * 3600ll * G_USEC_PER_SEC : run->start_us + sound->duration_us;
    g_autofree char *url = sound->content ? g_strconcat(v->media_base, sound->content, NULL) : g_strdup(run->source);
    json_object_set_array_member(ours, "devices", texts(devices));
    json_object_set_string_member(ours, "bulletin", run->id);
    json_object_set_string_member(ours, "kind", sound->content ? "audio" : "live");
    json_object_set_string_member(ours, "title", run->title ? run->title : "");
    json_object_set_string_member(ours, "priority", bc_priority_to_string(run->priority));
    json_object_set_string_member(ours, "content", url);
    json_object_set_int_member(ours, "at", run->start_us);
    json_object_set_int_member(ours, "until", sound->expires_us ? MIN(end, sound->expires_us) : end);
    if (sound->content)
        json_object_set_int_member(ours, "length", sound->duration_us);
    if (sound->volume)
        json_object_set_int_member(ours, "volume", sound->volume);
    return ours;
}

char *bc_vendors_route(BcVendors *v, const BcDevice *device)
{
    return bc_vendor_route(v->broadcast, device, v->o.linked, v->o.user);
}

/* make -> GPtrArray of device ids. */
static GHashTable *by_make(BcVendors *v, const char *const *devices, unsigned n)
{
    GHashTable *makes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    for (unsigned i = 0; i < n; i++) {
        const BcDevice *d = bc_devices_find(bc_broadcast_devices(v->broadcast), devices[i]);
        g_autofree char *route = bc_vendors_route(v, d);
        if (!route)
            continue;
        GPtrArray *list = g_hash_table_lookup(makes, route);
        if (!list) {
            list = g_ptr_array_new_with_free_func(g_free);
            g_hash_table_insert(makes, g_strdup(route), list);
        }
        g_ptr_array_add(list, g_strdup(devices[i]));
    }
    return makes;
}

static Ran *find_ran(BcVendors *v, const BcRun *run)
{
    Ran *ran = g_hash_table_lookup(v->runs, run->id);
    if (ran)
        return ran;
    ran = g_new0(Ran, 1);
    *ran = (Ran){g_ptr_array_new_with_free_func(g_free), g_ptr_array_new_with_free_func(g_free),
                 run->schedule ? g_strdup_printf("%s@%" G_GINT64_FORMAT, run->schedule, run->occurrence_us / G_USEC_PER_SEC) : NULL};
    g_hash_table_insert(v->runs, g_strdup(run->id), ran);
    return ran;
}

/* It begins by itself, for it has said that it has a schedule in which this stands; after a restart of ours it has begun already. */
static bool begins_alone(BcVendors *v, const BcRun *run, const BcReachSound *sound, const Ran *ran, const char *device)
{
    bool in_time = wall_us(v) < sound->begin_us + LATE_US || sound->begin_us < v->born_us;
    return sound->in_manifest && in_time && !g_ptr_array_find_with_equal_func(ran->planned, device, g_str_equal, NULL) &&
           bc_vendor_schedules_has(v->schedules, device, run->schedule, run->occurrence_us);
}

static void order_play(BcVendors *v, const BcRun *run, const BcReachSound *sound, const char *const *devices, unsigned n, Ran *ran);

static void begin(const BcRun *run, const BcReachSound *sound, const char *const *devices, unsigned n, void *user)
{
    BcVendors *v = user;
    Ran *ran = find_ran(v, run);
    g_autoptr(GPtrArray) rest = g_ptr_array_new();
    for (unsigned i = 0; i < n; i++) {
        if (!begins_alone(v, run, sound, ran, devices[i])) {
            g_ptr_array_add(rest, (gpointer)devices[i]);
            continue;
        }
        g_ptr_array_add(ran->planned, g_strdup(devices[i]));
        news(v, run->id, devices[i], BC_REACH_SENT, 0, 0, NULL);
        news(v, run->id, devices[i], BC_REACH_ACKNOWLEDGED, 0, 0, NULL);
    }
    if (rest->len)
        order_play(v, run, sound, (const char *const *)rest->pdata, rest->len, ran);
}

static void order_play(BcVendors *v, const BcRun *run, const BcReachSound *sound, const char *const *devices, unsigned n, Ran *ran)
{
    const char *why = sound->content && !v->media_base ? "exchange.media_base is not set"
                      : !sound->content && !(run->source && strstr(run->source, "://")) ? "only recordings and streams reach devices of other makers" : NULL;
    for (unsigned i = 0; i < n; i++) {
        const BcDevice *d = bc_devices_find(bc_broadcast_devices(v->broadcast), devices[i]);
        if (why || !d || !d->vendor)
            news(v, run->id, devices[i], BC_REACH_REFUSED, 0, 0, why ? why : "its make is not set");
    }
    if (why)
        return;
    g_autoptr(GHashTable) makes = by_make(v, devices, n);
    GHashTableIter it;
    gpointer make, list;
    g_hash_table_iter_init(&it, makes);
    while (g_hash_table_iter_next(&it, &make, &list)) {
        g_autoptr(JsonObject) ours = play_order(v, run, sound, list);
        /* begun again after a restart: other devices or another beginning make it another order */
        g_autofree char *key = g_strdup_printf("play:%s:%" G_GINT64_FORMAT ":%s", run->id, run->start_us, (char *)((GPtrArray *)list)->pdata[0]);
        put_order(v, make, "play-now", key, ours);
        for (unsigned i = 0; i < ((GPtrArray *)list)->len; i++)
            g_ptr_array_add(ran->ordered, g_strdup(((GPtrArray *)list)->pdata[i]));
    }
}

/* bulletin: as the devices know it. */
static void order_stop(BcVendors *v, const char *bulletin, const GPtrArray *devices)
{
    g_autoptr(GHashTable) makes = by_make(v, (const char *const *)devices->pdata, devices->len);
    GHashTableIter it;
    gpointer make, list;
    g_hash_table_iter_init(&it, makes);
    while (g_hash_table_iter_next(&it, &make, &list)) {
        g_autoptr(JsonObject) ours = json_object_new();
        g_autofree char *key = g_strdup_printf("stop:%s:%" G_GINT64_FORMAT ":%" G_GUINT64_FORMAT, bulletin, wall_us(v), ++v->orders);
        json_object_set_array_member(ours, "devices", texts(list));
        json_object_set_string_member(ours, "action", "skip");
        json_object_set_string_member(ours, "bulletin", bulletin);
        put_order(v, make, "stop", key, ours);
    }
}

static void stop(const BcRun *run, const char *reason, void *user)
{
    BcVendors *v = user;
    const Ran *ran = g_hash_table_lookup(v->runs, run->id);
    if (!ran)
        return;
    order_stop(v, run->id, ran->ordered);
    if (ran->occurrence)
        order_stop(v, ran->occurrence, ran->planned);
    g_hash_table_remove(v->runs, run->id);
}

bool bc_vendors_order(BcVendors *v, const char *device, const char *object, const char *word, const char *parameter, GError **error)
{
    const BcDevice *d = bc_devices_find(bc_broadcast_devices(v->broadcast), device);
    bool command = g_str_equal(object, "command");
    if (!d || d->kind != BC_DEVICE_GATEWAY || !d->vendor) {
        g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "%s is no device of another maker", device);
        return false;
    }
    if ((!command && !g_str_equal(object, "stop")) || !bc_ex_code(v->tables, object, word)) {
        g_set_error(error, BC_ERROR, BC_ERROR_INVALID, "the tables have no %s \"%s\"", object, word);
        return false;
    }
    g_autoptr(JsonObject) ours = json_object_new();
    g_autoptr(GPtrArray) one = g_ptr_array_new();
    g_autofree char *key = g_strdup_printf("%s:%s:%" G_GINT64_FORMAT ":%" G_GUINT64_FORMAT, object, device, wall_us(v), ++v->orders);
    g_ptr_array_add(one, (gpointer)device);
    json_object_set_array_member(ours, "devices", texts(one));
    json_object_set_string_member(ours, command ? "command" : "action", word);
    if (parameter)
        json_object_set_string_member(ours, command ? "parameter" : "bulletin", parameter);
    g_autofree char *route = bc_vendors_route(v, d);
    put_order(v, route, object, key, ours);
    return true;
}

/* --- handing out --- */

typedef struct Handing { BcVendors *v; char *peer; JsonArray *orders; unsigned left; BcOrdersFn fn; void *user; } Handing;

static void hand_done(Handing *h)
{
    if (--h->left)
        return;
    h->fn(h->orders, h->user);
    g_free(h->peer);
    g_free(h);
}

static bool is_schedule(const BcExMessage *m)
{
    return g_str_has_prefix(m->object, "schedule");
}

static void on_order(const BcExMessage *m, void *user)
{
    Handing *h = user;
    BcVendors *v = h->v;
    g_autoptr(JsonObject) ours = m ? bc_ex_read_text(v->tables, m->object, m->body, strlen(m->body), NULL) : NULL;
    int64_t until = ours ? bc_ex_int(ours, "until", 0) : 0, now = m ? wall_us(v) : 0;
    bool play = m && g_str_equal(m->object, "play-now"), command = m && !play && !is_schedule(m);
    if (m && ours && is_schedule(m) && bc_vendor_schedules_superseded(v->schedules, h->peer + strlen("vendor."), m->object, ours)) {
        bc_ex_journal_answer(v->journal, m->id, BC_EX_OK, "there is a newer one: not handed out");
    } else if (m && ((until && until <= now) || (command && now - m->made_us > AGAIN_US * 20))) {
        bc_ex_journal_answer(v->journal, m->id, BC_EX_OK, "its time was over before it was asked for: not handed out");
    } else if (m) {
        JsonObject *o = json_object_new();
        Out *out = g_new0(Out, 1);
        *out = (Out){g_strdup(m->id), g_strdup(m->peer), now};
        g_hash_table_replace(v->out, out->id, out);
        json_object_set_string_member(o, "id", m->id);
        json_object_set_string_member(o, "object", m->object);
        g_autoptr(JsonNode) body = json_from_string(m->body, NULL);
        json_object_set_member(o, "body", body ? g_steal_pointer(&body) : json_node_new(JSON_NODE_NULL));
        json_array_add_object_element(h->orders, o);
        JsonArray *devices = ours && json_object_has_member(ours, "devices") && play ? json_object_get_array_member(ours, "devices") : NULL;
        for (unsigned i = 0; devices && i < json_array_get_length(devices); i++)
            news(v, bc_ex_text(ours, "bulletin"), json_array_get_string_element(devices, i), BC_REACH_SENT, 0, 0, NULL);
    }
    hand_done(h);
}

void bc_vendors_orders(BcVendors *v, const char *make, BcOrdersFn fn, void *user)
{
    Handing *h = g_new0(Handing, 1);
    *h = (Handing){v, peer_of(make), json_array_new(), 1, fn, user};
    for (unsigned i = 0; i < BC_EX_ORDERS_MAX; i++) {
        h->left++;
        if (!bc_ex_journal_next(v->journal, h->peer, on_order, h)) {
            h->left--;
            break;
        }
    }
    hand_done(h);
}

static void on_confirmed(const BcExMessage *m, void *user)
{
    BcVendors *v = user;
    bool play = g_str_equal(m->object, "play-now"), schedule = g_str_equal(m->object, "schedule");
    g_autoptr(JsonObject) ours = play || schedule ? bc_ex_read_text(v->tables, m->object, m->body, strlen(m->body), NULL) : NULL;
    JsonArray *devices = ours && json_object_has_member(ours, "devices") ? json_object_get_array_member(ours, "devices") : NULL;
    for (unsigned i = 0; devices && i < json_array_get_length(devices); i++) {
        const char *device = json_array_get_string_element(devices, i);
        if (play)
            news(v, bc_ex_text(ours, "bulletin"), device, BC_REACH_ACKNOWLEDGED, 0, 0, NULL);
        else
            bc_vendor_schedules_confirm(v->schedules, device, bc_ex_text(ours, "id"), bc_ex_int(ours, "version", 0), true);
    }
}

bool bc_vendors_confirm(BcVendors *v, const char *make, const char *id, bool ok, const char *text)
{
    g_autofree char *peer = peer_of(make);
    const Out *out = g_hash_table_lookup(v->out, id);
    if (!out || !g_str_equal(out->peer, peer))
        return false;
    if (ok)
        bc_ex_journal_find(v->journal, id, on_confirmed, v, NULL);
    bc_ex_journal_answer(v->journal, id, ok ? BC_EX_OK : BC_EX_REFUSED, text ? text : ok ? "confirmed" : "refused");
    g_hash_table_remove(v->out, id);
    return true;
}

/* --- what devices say --- */

static void reading(BcVendors *v, const char *device, const char *name, const char *value, bool number, int64_t at_us)
{
    if (value && *value && strlen(value) <= 100 && v->o.reading)
        v->o.reading(device, name, value, number, at_us, v->o.user);
}

static void take_status(BcVendors *v, const BcDevice *d, JsonObject *ours)
{
    int64_t at = bc_ex_int(ours, "at", 0), volume = bc_ex_int(ours, "volume", -1);
    const char *connection = bc_ex_text(ours, "connection"), *activity = bc_ex_text(ours, "activity");
    Seen *seen = g_hash_table_lookup(v->seen, d->id);
    reading(v, d->id, "temperature_c", bc_ex_text(ours, "temperature"), true, at);
    reading(v, d->id, "volume", bc_ex_text(ours, "volume"), true, at);
    reading(v, d->id, "power_w", bc_ex_text(ours, "power"), true, at);
    reading(v, d->id, "storage", bc_ex_text(ours, "storage"), false, at);
    reading(v, d->id, "activity", activity, false, at);
    reading(v, d->id, "software", bc_ex_text(ours, "version"), false, at);
    if (connection) { /* "4G,-10dbm" */
        g_auto(GStrv) parts = g_strsplit(connection, ",", 2);
        g_autofree char *dbm = parts[1] ? g_strdup_printf("%d", atoi(parts[1])) : NULL;
        reading(v, d->id, "network", parts[0], false, at);
        reading(v, d->id, "signal_dbm", dbm, true, at);
    }
    /* its volume is another one than is wanted: told once, and again when something else is wanted */
    if (volume >= 0 && volume <= 100 && (unsigned)volume != d->volume && seen->volume_told != d->volume + 1) {
        g_autofree char *wanted = g_strdup_printf("%u", d->volume);
        seen->volume_told = d->volume + 1;
        bc_vendors_order(v, d->id, "command", "volume", wanted, NULL);
    }
}

static void take_play(BcVendors *v, const BcDevice *d, JsonObject *ours)
{
    const char *run = bc_ex_text(ours, "announcement") ? bc_ex_text(ours, "announcement") : bc_ex_text(ours, "bulletin");
    int64_t at = bc_ex_int(ours, "at", wall_us(v)), until = bc_ex_int(ours, "until", 0);
    g_autofree char *schedule = NULL;
    BcReachNews n = {.device = d->id, .state = until > at ? BC_REACH_ENDED : BC_REACH_BEGAN, .at_us = wall_us(v), .from_us = at, .to_us = until,
                     .level_dbfs = NAN, .match = NAN};
    if (bc_vendor_occurrence(run, &schedule, &n.occurrence_us, &n.item))
        n.schedule = schedule;
    else
        n.announcement = run;
    if (run)
        bc_broadcast_reach_news(v->broadcast, &n);
}

void bc_vendors_saw(BcVendors *v, const char *device, bool online)
{
    Seen *seen = g_hash_table_lookup(v->seen, device);
    if (!seen) {
        seen = g_new0(Seen, 1);
        g_hash_table_insert(v->seen, g_strdup(device), seen);
    }
    seen->online = online;
    seen->at_us = wall_us(v);
}

/* A make speaks for all of its devices, a gateway for those that hang on it. */
static bool speaks_for(BcVendors *v, const char *make, const BcDevice *d)
{
    g_autofree char *route = d ? bc_vendors_route(v, d) : NULL;
    return route && (g_strcmp0(d->vendor, make) == 0 || g_str_equal(route, make));
}

static void take_one(BcVendors *v, const char *object, const BcDevice *d, JsonObject *ours)
{
    bc_vendors_saw(v, d->id, !g_str_equal(object, "offline"));
    if (g_str_equal(object, "status") || g_str_equal(object, "older-status"))
        take_status(v, d, ours);
    else if (g_str_equal(object, "play") || (g_str_equal(object, "older-log") && bc_ex_int(ours, "value", 1)))
        take_play(v, d, ours);
    else if (g_str_equal(object, "confirmation"))
        bc_vendor_schedules_confirm(v->schedules, d->id, bc_ex_text(ours, "id"), bc_ex_int(ours, "version", 0),
                                    g_strcmp0(bc_ex_text(ours, "state"), "failed") != 0);
}

bool bc_vendors_take(BcVendors *v, const char *make, const char *object, const char *text, gsize len, GError **error)
{
    static const char *const objects[] = {"status", "older-status", "play", "older-log", "confirmation", "offline", NULL};
    if (!g_strv_contains(objects, object)) {
        g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "\"%s\" is nothing that is taken: status, play, confirmation, offline, older-status, older-log",
                    object);
        return false;
    }
    g_autoptr(GPtrArray) list = bc_ex_read_list(v->tables, g_str_equal(object, "offline") ? "device-head" : object, text, len, error);
    if (!list)
        return false;
    BcDevices *devices = bc_broadcast_devices(v->broadcast);
    for (unsigned i = 0; i < list->len; i++) {
        const char *id = bc_ex_text(list->pdata[i], "device");
        const BcDevice *d = id ? bc_devices_find(devices, id) : NULL;
        if (speaks_for(v, make, d))
            continue;
        g_set_error(error, BC_ERROR, BC_ERROR_NOT_FOUND, "CumLoaID: \"%s\" is no device of %s", id ? id : "", make);
        return false;
    }
    for (unsigned i = 0; i < list->len; i++)
        take_one(v, object, bc_devices_find(devices, bc_ex_text(list->pdata[i], "device")), list->pdata[i]);
    return true;
}

bool bc_vendors_online(BcVendors *v, const char *device)
{
    const Seen *seen = g_hash_table_lookup(v->seen, device);
    return seen && seen->online && wall_us(v) - seen->at_us < (int64_t)v->o.status_timeout_s * G_USEC_PER_SEC;
}

/* --- log-in, life --- */

static gboolean is_over(gpointer key, gpointer value, gpointer user)
{
    return ((Token *)value)->until_us <= *(int64_t *)user;
}

char *bc_vendors_log_in(BcVendors *v, const char *make)
{
    int64_t now = wall_us(v);
    uint8_t random[24];
    g_hash_table_foreach_remove(v->tokens, is_over, &now);
    if (g_hash_table_size(v->tokens) >= TOKENS_MAX || getentropy(random, sizeof random) != 0)
        return NULL;
    g_autoptr(GString) token = g_string_new(NULL);
    for (unsigned i = 0; i < sizeof random; i++)
        g_string_append_printf(token, "%02x", random[i]);
    Token *t = g_new0(Token, 1);
    *t = (Token){g_strdup(make), now + TOKEN_US};
    g_hash_table_replace(v->tokens, g_strdup(token->str), t);
    return g_strdup(token->str);
}

const char *bc_vendors_of_token(BcVendors *v, const char *token)
{
    const Token *t = token ? g_hash_table_lookup(v->tokens, token) : NULL;
    return t && t->until_us > wall_us(v) ? t->make : NULL;
}

/* Orders that nobody confirmed come again, under their id. */
static void on_look(BcTimer *timer, void *user)
{
    BcVendors *v = user;
    GHashTableIter it;
    gpointer value;
    g_hash_table_iter_init(&it, v->out);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        const Out *out = value;
        if (wall_us(v) - out->since_us < AGAIN_US)
            continue;
        bc_ex_journal_answer(v->journal, out->id, BC_EX_UNREACHED, "not confirmed");
        g_hash_table_iter_remove(&it);
    }
    if (wall_us(v) >= v->plan_us) {
        v->plan_us = wall_us(v) + PLAN_US;
        bc_vendor_schedules_look(v->schedules);
    }
    BcTimers *timers = bc_broadcast_timers(v->broadcast);
    bc_timer_at(timers, &v->look, md_clock_now_us(bc_timers_clock(timers)) + LOOK_US, on_look, v);
}

static void on_broadcast(const char *type, const BcRun *run, void *user)
{
    BcVendors *v = user;
    if (g_str_equal(type, "announcement.ended") && run->id)
        g_hash_table_remove(v->runs, run->id);
    else if (g_str_equal(type, "schedule.stored"))
        v->plan_us = 0;
}

BcVendors *bc_vendors_new(const BcVendorsOptions *options)
{
    BcVendors *v = g_new0(BcVendors, 1);
    v->o = *options;
    v->o.status_timeout_s = options->status_timeout_s ? options->status_timeout_s : 180;
    v->broadcast = options->broadcast;
    v->journal = options->journal;
    v->tables = bc_ex_tables_ref(options->tables);
    v->media_base = g_strdup(options->media_base);
    v->logger = options->logger ? md_logger_child(options->logger, "exchange/vendors") : (MdLogger){0};
    v->tokens = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_token);
    v->out = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_out);
    v->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    v->runs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_ran);
    v->schedules = bc_vendor_schedules_new(v->broadcast, v->journal, v->tables, v->media_base, &v->logger);
    bc_vendor_schedules_set_linked(v->schedules, options->linked, options->user);
    v->born_us = wall_us(v);
    BcReachOps ops = {.begin = begin, .stop = stop, .user = v};
    bc_broadcast_set_reach(v->broadcast, BC_DEVICE_GATEWAY, &ops);
    bc_broadcast_add_listener(v->broadcast, on_broadcast, v);
    on_look(NULL, v);
    return v;
}

void bc_vendors_free(BcVendors *v)
{
    if (!v)
        return;
    bc_timer_cancel(&v->look);
    bc_broadcast_remove_listener(v->broadcast, on_broadcast, v);
    bc_broadcast_set_reach(v->broadcast, BC_DEVICE_GATEWAY, NULL);
    bc_vendor_schedules_free(v->schedules);
    bc_ex_tables_unref(v->tables);
    g_hash_table_unref(v->tokens);
    g_hash_table_unref(v->out);
    g_hash_table_unref(v->seen);
    g_hash_table_unref(v->runs);
    g_free(v->media_base);
    g_free(v);
}

void bc_vendors_set_tables(BcVendors *v, BcExTables *tables)
{
    bc_ex_tables_unref(v->tables);
    v->tables = bc_ex_tables_ref(tables);
    bc_vendor_schedules_set_tables(v->schedules, tables);
}

JsonArray *bc_vendors_schedules(BcVendors *v, const char *make)
{
    bc_vendor_schedules_look(v->schedules);
    return bc_vendor_schedules_all(v->schedules, make);
}
