/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/exchange/vendor-link.h"
#include <string.h>
#include "broadcast/link/json.h"

#define LOOK_US (2ll * G_USEC_PER_SEC)
#define ID_MAX 200u

typedef struct Gateway {
    char *route;             /* as it was when it last spoke */
    int64_t seen_us;         /* wall */
    bool stays;              /* it has said "link 1": there until its last will says otherwise */
} Gateway;

struct BcVendorLink {        /* g_rc_box: orders are read from the store for it */
    BcVendorLinkOptions o;
    GHashTable *gateways;    /* id -> Gateway, those that are there */
    BcTimer look;
    bool closed;
};

typedef struct Pushing { BcVendorLink *link; char *gateway, *route; } Pushing;

static int64_t wall_us(const BcVendorLink *l)
{
    return bc_ex_journal_wall_us(l->o.journal);
}

static void free_gateway(gpointer data)
{
    g_free(((Gateway *)data)->route);
    g_free(data);
}

static void clear_link(gpointer data)
{
    g_hash_table_unref(((BcVendorLink *)data)->gateways);
}

static const char *id_member(const BcVendorLink *l)
{
    return bc_ex_setting(l->o.tables(l->o.user), "message-member", "MaThongDiep");
}

static bool publish(const BcVendorLink *l, const char *gateway, const char *object, JsonNode *node /* taken */)
{
    g_autofree char *text = json_to_string(node, FALSE);
    json_node_unref(node);
    return l->o.publish(gateway, object, text, strlen(text), l->o.user);
}

/* --- orders --- */

static bool too_long(const BcVendorLink *l, JsonNode *body)
{
    g_autofree char *text = json_to_string(body, FALSE);
    return l->o.message_max && strlen(text) + ID_MAX > l->o.message_max;
}

static void push(BcVendorLink *l, const Pushing *p, JsonObject *order)
{
    const char *id = json_object_get_string_member(order, "id");
    JsonNode *body = json_node_copy(json_object_get_member(order, "body"));
    if (!JSON_NODE_HOLDS_OBJECT(body) || too_long(l, body)) {
        bc_vendors_confirm(l->o.vendors, p->route, id, false, "it is too long for a message of the broker");
        json_node_unref(body);
        return;
    }
    json_object_set_string_member(json_node_get_object(body), id_member(l), id);
    publish(l, p->gateway, json_object_get_string_member(order, "object"), body); /* what does not go out comes again, as what is not confirmed */
}

static void on_orders(JsonArray *orders, void *user)
{
    Pushing *p = user;
    for (unsigned i = 0; !p->link->closed && i < json_array_get_length(orders); i++)
        push(p->link, p, json_array_get_object_element(orders, i));
    json_array_unref(orders);
    g_rc_box_release_full(p->link, clear_link);
    g_free(p->gateway);
    g_free(p->route);
    g_free(p);
}

static void pump(BcVendorLink *l, const char *id, const Gateway *g)
{
    Pushing *p = g_new0(Pushing, 1);
    *p = (Pushing){g_rc_box_acquire(l), g_strdup(id), g_strdup(g->route)};
    bc_vendors_orders(l->o.vendors, g->route, on_orders, p);
}

/* Somebody has put an order: not for the one that waits on the next look. */
static void on_journal(const char *peer, void *user)
{
    BcVendorLink *l = user;
    const char *colon = g_str_has_prefix(peer, "vendor.") ? strrchr(peer, ':') : NULL;
    const Gateway *g = colon ? g_hash_table_lookup(l->gateways, colon + 1) : NULL;
    if (g && g_str_equal(g->route, peer + strlen("vendor.")))
        pump(l, colon + 1, g);
}

static void on_look(BcTimer *timer, void *user)
{
    BcVendorLink *l = user;
    int64_t now = wall_us(l), limit = (int64_t)l->o.status_timeout_s * G_USEC_PER_SEC;
    GHashTableIter it;
    gpointer id, value;
    g_hash_table_iter_init(&it, l->gateways);
    while (g_hash_table_iter_next(&it, &id, &value)) {
        const Gateway *g = value;
        if (!g->stays && now - g->seen_us >= limit)
            g_hash_table_iter_remove(&it);
    }
    g_autofree gpointer *ids = g_hash_table_get_keys_as_array(l->gateways, NULL);
    for (unsigned i = 0; ids[i]; i++)
        pump(l, ids[i], g_hash_table_lookup(l->gateways, ids[i]));
    BcTimers *timers = bc_broadcast_timers(l->o.broadcast);
    bc_timer_at(timers, &l->look, md_clock_now_us(bc_timers_clock(timers)) + LOOK_US, on_look, l);
}

/* --- what gateways say --- */

static void answer(const BcVendorLink *l, const char *gateway, const char *object, const char *id, const char *why)
{
    JsonObject *o = json_object_new();
    json_object_set_int_member(o, "TrangThaiGui", why ? 1 : 0);
    json_object_set_string_member(o, "MoTa", why ? why : "");
    json_object_set_string_member(o, "DoiTuong", object);
    if (id)
        json_object_set_string_member(o, id_member(l), id);
    JsonNode *node = json_node_init_object(json_node_alloc(), o);
    json_object_unref(o);
    publish(l, gateway, "answer", node);
}

/* The id it has given its message, or that of the order it answers; g_free. NULL none. */
static char *id_of(const BcVendorLink *l, JsonNode *node)
{
    JsonNode *member = node && JSON_NODE_HOLDS_OBJECT(node) ? bc_ex_member(json_node_get_object(node), id_member(l)) : NULL;
    if (!member || !JSON_NODE_HOLDS_VALUE(member))
        return NULL;
    GType type = json_node_get_value_type(member);
    char *id = type == G_TYPE_STRING ? json_node_dup_string(member)
               : type == G_TYPE_INT64 ? g_strdup_printf("%" G_GINT64_FORMAT, json_node_get_int(member)) : NULL;
    if (id && strlen(id) <= ID_MAX)
        return id;
    g_free(id);
    return NULL;
}

static const char *confirm(BcVendorLink *l, const char *route, const char *id, const char *text, gsize len)
{
    g_autoptr(JsonObject) ours = bc_ex_read_text(l->o.tables(l->o.user), "answer", text, len, NULL);
    if (!ours || !id)
        return "a confirmation names the order and says 0 (done) or 1 (cannot be done)";
    bool ok = g_strcmp0(bc_ex_text(ours, "state"), "failed") != 0;
    return bc_vendors_confirm(l->o.vendors, route, id, ok, bc_ex_text(ours, "text"))
               ? NULL : "no such order is out: it was confirmed before, or its time is over";
}

static void send_schedules(BcVendorLink *l, const char *gateway, const char *route)
{
    g_autoptr(JsonArray) all = bc_vendors_schedules(l->o.vendors, route);
    for (unsigned i = 0; i < json_array_get_length(all); i++)
        publish(l, gateway, "schedule", json_node_copy(json_array_get_element(all, i)));
}

/* It is there, and what waits for it is due. */
static void saw(BcVendorLink *l, const char *id, const char *route, bool stays)
{
    Gateway *g = g_hash_table_lookup(l->gateways, id);
    bool fresh = !g || (stays && !g->stays) || !g_str_equal(g->route, route);
    if (!g) {
        g = g_new0(Gateway, 1);
        g_hash_table_insert(l->gateways, g_strdup(id), g);
    }
    g_free(g->route);
    g->route = g_strdup(route);
    g->seen_us = wall_us(l);
    g->stays |= stays;
    if (fresh)
        pump(l, id, g);
}

void bc_vendor_link_take(BcVendorLink *l, const char *gateway, const char *object, const char *text, gsize len)
{
    const BcDevice *d = bc_devices_find(bc_broadcast_devices(l->o.broadcast), gateway);
    g_autofree char *route = d ? bc_vendors_route(l->o.vendors, d) : NULL, *trimmed = g_strstrip(g_strndup(text, MIN(len, 8))), *id = NULL;
    g_autoptr(GError) error = NULL;
    const char *colon = route ? strrchr(route, ':') : NULL, *why = NULL;
    if (!colon || !g_str_equal(colon + 1, gateway) || !len) /* withdrawn a moment ago; or a retained message was taken back */
        return;
    if (g_str_equal(object, "link") && g_str_equal(trimmed, "0")) {
        g_hash_table_remove(l->gateways, gateway);
        bc_vendors_saw(l->o.vendors, gateway, false);
        return;
    }
    if (g_str_equal(object, "link")) {
        bc_vendors_saw(l->o.vendors, gateway, true);
        saw(l, gateway, route, true);
        return;
    }
    saw(l, gateway, route, false);
    if (g_str_equal(object, "schedules")) {
        send_schedules(l, gateway, route);
        return;
    }
    g_autoptr(JsonNode) node = len <= BC_EX_MESSAGE_MAX ? bc_json_parse(text, len, 16, NULL) : NULL;
    id = id_of(l, node);
    if (g_str_equal(object, "confirm"))
        why = confirm(l, route, id, text, len);
    else if (!bc_vendors_take(l->o.vendors, route, object, text, len, &error))
        why = error->message;
    answer(l, gateway, object, id, why);
}

/* --- life --- */

BcVendorLink *bc_vendor_link_new(const BcVendorLinkOptions *options)
{
    BcVendorLink *l = g_rc_box_new0(BcVendorLink);
    l->o = *options;
    l->o.status_timeout_s = options->status_timeout_s ? options->status_timeout_s : 180;
    l->gateways = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_gateway);
    bc_ex_journal_listen(l->o.journal, on_journal, l);
    on_look(NULL, l);
    return l;
}

void bc_vendor_link_free(BcVendorLink *l)
{
    if (!l)
        return;
    l->closed = true;
    bc_ex_journal_unlisten(l->o.journal, l);
    bc_timer_cancel(&l->look);
    g_rc_box_release_full(l, clear_link);
}
