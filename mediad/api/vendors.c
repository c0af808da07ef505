/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /exchange/vendor: devices of other makers and their gateways, in the words they know (docs/exchange.md). */
#include "mediad/api/broadcast-json.h"
#include <string.h>
#include "mediad/api/key.h"

typedef struct Vendors {
    MdApiBroadcast bc;
    BcVendors *vendors;
    BcExTables *(*tables)(void *user);
    void *user;
} Vendors;

/* The answer devices know: 0 accepted, 1 failed and why. */
static void answer(MdApiRequest *r, int status, const char *why, JsonNode *content /* taken, may be NULL */)
{
    JsonObject *o = json_object_new();

    json_object_set_int_member(o, "TrangThaiGui", why ? 1 : 0);
    json_object_set_string_member(o, "MoTa", why ? why : "");
    if (content)
        json_object_set_member(o, "NoiDung", content);
    md_api_reply(r, status, md_api_bc_object(o));
}

static void log_in(MdApiRequest *r, void *user)
{
    Vendors *v = user;
    g_autofree char *name = NULL, *area = NULL;
    gsize len;
    const char *text = md_api_request_body_text(r, &len);
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) ours = bc_ex_read_text(v->tables(v->user), "login", text, len, &error);
    const char *make = ours ? bc_ex_text(ours, "username") : NULL;

    if (!ours) {
        answer(r, 400, error->message, NULL);
        return;
    }
    if (!make || !md_api_check_key(r, bc_ex_text(ours, "password"), "vendor", &name, &area) || !g_str_equal(name, make)) {
        answer(r, 401, "no make has this name and key", NULL);
        return;
    }
    g_autofree char *token = bc_vendors_log_in(v->vendors, make);
    if (!token) {
        answer(r, 503, "too many log-ins", NULL);
        return;
    }
    JsonObject *content = json_object_new();
    json_object_set_string_member(content, "Token", token);
    answer(r, 200, NULL, md_api_bc_object(content));
}

/* The make that speaks; NULL: answered. g_free. */
static char *make_of(MdApiRequest *r, Vendors *v)
{
    const char *header = md_api_request_header(r, "Authorization");
    const char *make = header && g_ascii_strncasecmp(header, "Bearer ", 7) == 0 ? bc_vendors_of_token(v->vendors, header + 7) : NULL;
    g_autofree char *area = NULL;
    char *name = NULL;

    if (make)
        return g_strdup(make);
    if (md_api_request_key(r, "vendor", &name, &area))
        return name;
    answer(r, 401, "log in anew: the token is not known (any more)", NULL);
    return NULL;
}

static void take(MdApiRequest *r, void *user)
{
    Vendors *v = user;
    g_autofree char *make = make_of(r, v);
    g_autoptr(GError) error = NULL;
    gsize len;
    const char *text = md_api_request_body_text(r, &len);

    if (!make)
        return;
    if (bc_vendors_take(v->vendors, make, md_api_request_param(r, "object"), text, len, &error))
        answer(r, 200, NULL, NULL);
    else
        answer(r, error->code == BC_ERROR_NOT_FOUND ? 404 : 400, error->message, NULL);
}

static void on_orders(JsonArray *orders, void *user)
{
    JsonNode *node = json_node_init_array(json_node_alloc(), orders);

    json_array_unref(orders);
    answer(user, 200, NULL, node);
}

static void orders(MdApiRequest *r, void *user)
{
    Vendors *v = user;
    g_autofree char *make = make_of(r, v);

    if (make)
        bc_vendors_orders(v->vendors, make, on_orders, r);
}

static void schedules(MdApiRequest *r, void *user)
{
    Vendors *v = user;
    g_autofree char *make = make_of(r, v);

    if (make)
        on_orders(bc_vendors_schedules(v->vendors, make), r);
}

static void confirm(MdApiRequest *r, void *user)
{
    Vendors *v = user;
    g_autofree char *make = make_of(r, v);
    gsize len;
    const char *text = md_api_request_body_text(r, &len);
    g_autoptr(JsonObject) ours = make && len ? bc_ex_read_text(v->tables(v->user), "answer", text, len, NULL) : NULL;
    bool ok = !ours || g_strcmp0(bc_ex_text(ours, "state"), "failed") != 0;

    if (!make)
        return;
    if (bc_vendors_confirm(v->vendors, make, md_api_request_param(r, "id"), ok, ours ? bc_ex_text(ours, "text") : NULL))
        answer(r, 200, NULL, NULL);
    else
        answer(r, 404, "no such order is out: it was confirmed before, or its time is over", NULL);
}

/* Whoever knows the hash and may hear it now. Players of these devices send no credentials. */
static void media(MdApiRequest *r, void *user)
{
    Vendors *v = user;
    const char *id = md_api_request_param(r, "id");
    const BcContent *content = bc_contents_find(bc_broadcast_contents(v->bc.b), id);
    g_autofree char *why = NULL;

    if (!content || !bc_broadcast_content_ok(v->bc.b, id, bc_broadcast_wall_us(v->bc.b), &why)) {
        md_api_reply_error(r, 404, "not-found", "there is no such recording, or it may not be heard now", "orders name the recordings to be fetched");
        return;
    }
    g_autofree char *path = bc_contents_path(bc_broadcast_contents(v->bc.b), id, "programme.mp3");
    md_api_reply_file(r, path, "audio/mpeg", id);
}

static void order(MdApiRequest *r, void *user)
{
    Vendors *v = user;
    JsonObject *body = md_api_request_body(r);
    const BcDevice *device = bc_devices_find(bc_broadcast_devices(v->bc.b), md_api_request_param(r, "device"));
    g_autoptr(GError) error = NULL;

    if (!device)
        md_api_reply_error(r, 404, "not-found", "there is no such device", "GET /api/v1/devices lists them");
    else if (!md_api_bc_may_device(r, &v->bc, device))
        return;
    else if (bc_vendors_order(v->vendors, device->id, md_api_bc_text(body, "object", "stop"), md_api_bc_text(body, "word", ""),
                              md_api_bc_text(body, "parameter", NULL), &error))
        md_api_reply(r, 202, NULL);
    else
        md_api_bc_error(r, error);
}

#define ANSWER "{\"type\":\"object\",\"properties\":{\"TrangThaiGui\":" BC_INT ",\"MoTa\":{\"type\":\"string\"},\"NoiDung\":{}}}"

static const MdApiRoute routes[] = {
    {.method = "POST", .path = "/exchange/vendor/login", .role = MD_API_ANYBODY, .handler = log_in, .text_body = true,
     .summary = "A make's gateway or device logs in: its name, and its key as the password.", .response_schema = ANSWER},
    {.method = "GET", .path = "/exchange/vendor/orders", .role = MD_API_ANYBODY, .handler = orders,
     .summary = "Orders that wait for this make's devices; they come again until they are confirmed.", .response_schema = ANSWER},
    {.method = "GET", .path = "/exchange/vendor/schedules", .role = MD_API_ANYBODY, .handler = schedules,
     .summary = "What this make's devices have to play in the coming days, whole, one schedule for each area.", .response_schema = ANSWER},
    {.method = "POST", .path = "/exchange/vendor/orders/{id}/confirm", .role = MD_API_ANYBODY, .handler = confirm, .text_body = true,
     .summary = "An order has come to the device (TrangThaiGui 0), or cannot be done (1).", .response_schema = ANSWER},
    {.method = "POST", .path = "/exchange/vendor/messages/{object}", .role = MD_API_ANYBODY, .handler = take, .text_body = true, .body_max = 1024 * 1024,
     .summary = "What devices of this make say: status, play, confirmation, offline, older-status, older-log; one or a list.", .response_schema = ANSWER},
    {.method = "GET", .path = "/exchange/media/{id}", .role = MD_API_ANYBODY, .handler = media, .summary = "A recording, for players of other makers.",
     .response_type = "audio/mpeg"},
    {.method = "POST", .path = "/exchange/devices/{device}/orders", .role = MD_API_OPERATOR, .rights = MD_API_MAY_DEVICES, .handler = order,
     .summary = "Tell a device of another maker to stop, skip, pause or resume, or its volume.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"object\",\"word\"],\"properties\":{\"object\":{\"type\":"
                       "\"string\",\"enum\":[\"stop\",\"command\"]},\"word\":" BC_CODE ",\"parameter\":" BC_TEXT "}}"},
};

void md_api_add_vendors(MdApi *api, BcBroadcast *broadcast, BcVendors *vendors, BcExTables *(*tables)(void *user), void *user)
{
    Vendors *v = g_new0(Vendors, 1);

    *v = (Vendors){{api, broadcast}, vendors, tables, user};
    md_api_own(api, v, g_free);
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), v);
}
