/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /areas and /devices, and what the other parts of the broadcast interface share. */
#include "mediad/api/broadcast-json.h"
#include <math.h>
#include <string.h>

JsonNode *md_api_bc_object(JsonObject *object)
{
    JsonNode *node = json_node_init_object(json_node_alloc(), object);

    json_object_unref(object);
    return node;
}

JsonNode *md_api_bc_list(const char *name, JsonArray *array)
{
    JsonObject *object = json_object_new();

    json_object_set_array_member(object, name, array);
    return md_api_bc_object(object);
}

void md_api_bc_error(MdApiRequest *r, const GError *error)
{
    static const struct {
        int status;
        const char *code, *hint;
    } means[] = {
        [BC_ERROR_INVALID] = {400, "invalid-field", NULL},
        [BC_ERROR_NOT_FOUND] = {404, "not-found", NULL},
        [BC_ERROR_EXISTS] = {409, "exists", NULL},
        [BC_ERROR_IN_USE] = {409, "in-use", NULL},
        [BC_ERROR_LIMIT] = {409, "limit-reached", NULL},
        [BC_ERROR_STATE] = {409, "wrong-state", NULL},
        [BC_ERROR_CONTENT] = {422, "content-refused", "send another recording"},
        [BC_ERROR_FAILED] = {500, "failed", "the log of mediad says more"},
        [BC_ERROR_CHANGED] = {409, "changed", "read it again, then decide"},
        [BC_ERROR_FORBIDDEN] = {403, "forbidden", NULL},
    };

    if (error && error->domain == BC_ERROR && (unsigned)error->code < G_N_ELEMENTS(means))
        md_api_reply_error(r, means[error->code].status, means[error->code].code, error->message, means[error->code].hint);
    else if (error && error->domain == BC_RECURRENCE_ERROR)
        md_api_reply_error(r, 400, "invalid-time", error->message, "local time like 2026-11-23T05:00:00; a rule like FREQ=DAILY (RFC 5545)");
    else
        md_api_reply_store_error(r, error);
}

const char *md_api_bc_text(JsonObject *object, const char *name, const char *fallback)
{
    const char *text = json_object_get_string_member_with_default(object, name, fallback);

    return text && *text ? text : NULL;
}

void md_api_bc_set_text(JsonObject *object, const char *name, const char *value)
{
    json_object_set_string_member(object, name, value ? value : "");
}

BcPriority md_api_bc_priority(JsonObject *object)
{
    return bc_priority_from_string(json_object_get_string_member_with_default(object, "priority", "normal"));
}

int64_t md_api_bc_number(MdApiRequest *r, const char *query, int64_t fallback)
{
    const char *text = md_api_request_query(r, query);

    return text ? g_ascii_strtoll(text, NULL, 10) : fallback;
}

bool md_api_bc_sees_area(const MdApiRequest *r, MdApiBroadcast *a, const char *area)
{
    const char *own = md_api_request_area(r);

    return !*own || (area && bc_areas_contains(bc_broadcast_areas(a->b), own, area));
}

bool md_api_bc_concerned(const MdApiRequest *r, const char *const *areas)
{
    g_autofree char *list = g_strjoinv(",", (char **)areas);

    return md_api_request_concerned(r, list);
}

bool md_api_bc_may(MdApiRequest *r, MdApiBroadcast *a, const char *area)
{
    if (md_api_bc_sees_area(r, a, area))
        return true;
    g_autofree char *message = g_strdup_printf("this account works in area %s only", md_api_request_area(r));
    md_api_reply_error(r, 403, "other-area", message, "ask somebody of the province");
    return false;
}

bool md_api_bc_sees_device(const MdApiRequest *r, MdApiBroadcast *a, const BcDevice *device)
{
    bool vendor = md_api_request_role(r) == MD_API_VENDOR;
    g_autofree char *own = vendor ? g_utf8_casefold(md_api_request_vendor(r), -1) : NULL;
    g_autofree char *make = vendor ? g_utf8_casefold(device->vendor ? device->vendor : "", -1) : NULL;

    return md_api_bc_sees_area(r, a, device->area) && (!vendor || g_str_equal(own, make));
}

bool md_api_bc_may_device(MdApiRequest *r, MdApiBroadcast *a, const BcDevice *device)
{
    if (md_api_bc_sees_device(r, a, device))
        return true;
    if (md_api_request_role(r) == MD_API_VENDOR)
        md_api_reply_error(r, 404, "not-found", "there is no such loudspeaker", "GET /api/v1/devices lists them");
    else
        md_api_bc_may(r, a, device->area);
    return false;
}

bool md_api_bc_may_priority(MdApiRequest *r, BcPriority priority)
{
    return priority != BC_EMERGENCY || (md_api_require_rights(r, MD_API_MAY_ALERT) && md_api_require_fresh(r));
}

const char **md_api_bc_areas(MdApiRequest *r, MdApiBroadcast *a)
{
    JsonArray *array = json_object_get_array_member(md_api_request_body(r), "areas");
    unsigned n = json_array_get_length(array);
    g_autofree const char **codes = g_new0(const char *, n + 1);

    for (unsigned i = 0; i < n; i++) {
        codes[i] = json_array_get_string_element(array, i);
        if (!md_api_bc_may(r, a, codes[i]))
            return NULL;
    }
    return g_steal_pointer(&codes);
}

static void on_changed(const GError *error, void *user)
{
    if (error)
        md_api_bc_error(user, error);
    else
        md_api_reply(user, 204, NULL);
}

/* --- areas --- */

static JsonObject *area_json(const BcArea *area)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "code", area->code);
    md_api_bc_set_text(o, "ident", area->ident);
    json_object_set_string_member(o, "kind", area->kind);
    md_api_bc_set_text(o, "parent", area->parent);
    json_object_set_string_member(o, "name", area->name);
    return o;
}

static void list_areas(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    const char *parent = md_api_request_query(r, "parent"), *under = md_api_request_query(r, "under");
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) found = parent ? bc_areas_children(bc_broadcast_areas(a->b), *parent ? parent : NULL)
                                        : bc_areas_subtree(bc_broadcast_areas(a->b), under);

    for (unsigned i = 0; i < found->len; i++)
        json_array_add_object_element(array, area_json(found->pdata[i]));
    md_api_reply(r, 200, md_api_bc_list("areas", array));
}

static void show_area(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    const BcArea *area = bc_areas_find(bc_broadcast_areas(a->b), md_api_request_param(r, "area"));

    if (area)
        md_api_reply(r, 200, md_api_bc_object(area_json(area)));
    else
        md_api_reply_error(r, 404, "not-found", "there is no such area", "GET /api/v1/areas lists them");
}

static void put_area(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    JsonObject *body = md_api_request_body(r);
    const char *code = md_api_request_param(r, "area"), *parent = md_api_bc_text(body, "parent", NULL);
    BcArea area = {.code = code,
                   .ident = md_api_bc_text(body, "ident", NULL),
                   .kind = md_api_bc_text(body, "kind", "area"),
                   .parent = parent,
                   .name = md_api_bc_text(body, "name", NULL)};
    const BcArea *was = bc_areas_find(bc_broadcast_areas(a->b), code);

    bool stays = was && g_strcmp0(was->parent, parent) == 0;
    /* who takes an area from one place to another works in both: nobody takes his own out of the tree, or another's into his own */
    if ((!was || md_api_bc_may(r, a, was->code)) && (stays || (md_api_bc_may(r, a, parent) && (!was || md_api_bc_may(r, a, was->parent)))))
        bc_areas_put(bc_broadcast_areas(a->b), &area, on_changed, r);
}

static void remove_area(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    const char *code = md_api_request_param(r, "area");

    if (md_api_bc_may(r, a, code))
        bc_areas_remove(bc_broadcast_areas(a->b), code, on_changed, r);
}

/* --- loudspeakers --- */

static JsonArray *volumes_json(const BcDevice *device)
{
    JsonArray *array = json_array_new();

    for (unsigned i = 0; i < device->n_volumes; i++) {
        JsonObject *o = json_object_new();
        json_object_set_int_member(o, "from_min", device->volumes[i].from_min);
        json_object_set_int_member(o, "to_min", device->volumes[i].to_min);
        json_object_set_int_member(o, "volume", device->volumes[i].volume);
        json_array_add_object_element(array, o);
    }
    return array;
}

static JsonObject *device_json(MdApiBroadcast *a, const BcDevice *device)
{
    JsonObject *o = json_object_new();
    JsonArray *codecs = json_array_new();

    json_object_set_string_member(o, "id", device->id);
    json_object_set_string_member(o, "name", device->name);
    json_object_set_string_member(o, "area", device->area);
    if (!isnan(device->latitude)) {
        json_object_set_double_member(o, "latitude", device->latitude);
        json_object_set_double_member(o, "longitude", device->longitude);
    }
    md_api_bc_set_text(o, "vendor", device->vendor);
    json_object_set_string_member(o, "kind", bc_device_kind_to_string(device->kind));
    json_object_set_int_member(o, "volume", device->volume);
    md_api_bc_set_text(o, "model", device->model);
    md_api_bc_set_text(o, "serial", device->serial);
    md_api_bc_set_text(o, "address", device->address);
    md_api_bc_set_text(o, "abilities", device->abilities);
    md_api_bc_set_text(o, "formats", device->formats);
    md_api_bc_set_text(o, "gateway", device->gateway);
    json_object_set_string_member(o, "position", isnan(device->latitude) ? "unknown" : device->position_measured ? "gps" : "configured");
    json_object_set_array_member(o, "volumes", volumes_json(device));
    for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++)
        if (device->codecs & 1u << c)
            json_array_add_string_element(codecs, md_audio_codec_to_string(c));
    json_object_set_array_member(o, "codecs", codecs);
    json_object_set_boolean_member(o, "enabled", device->enabled);
    json_object_set_boolean_member(o, "registered", bc_broadcast_is_registered(a->b, device->id));
    md_api_bc_set_text(o, "outcome", device->outcome);
    json_object_set_int_member(o, "outcome_us", device->outcome_us);
    return o;
}

static void list_devices(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    const char *area = md_api_request_query(r, "area"), *const areas[] = {area, NULL};
    JsonArray *array = json_array_new();
    g_autoptr(GPtrArray) found = bc_devices_in(bc_broadcast_devices(a->b), area ? areas : NULL, false);

    for (unsigned i = 0; i < found->len; i++)
        if (md_api_bc_sees_device(r, a, found->pdata[i]))
            json_array_add_object_element(array, device_json(a, found->pdata[i]));
    md_api_reply(r, 200, md_api_bc_list("devices", array));
}

static const BcDevice *device_of(MdApiRequest *r, MdApiBroadcast *a)
{
    const BcDevice *device = bc_devices_find(bc_broadcast_devices(a->b), md_api_request_param(r, "device"));

    if (!device)
        md_api_reply_error(r, 404, "not-found", "there is no such loudspeaker", "GET /api/v1/devices lists them");
    return device;
}

static void show_device(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    const BcDevice *device = device_of(r, a);

    if (device && md_api_bc_may_device(r, a, device))
        md_api_reply(r, 200, md_api_bc_object(device_json(a, device)));
}

static unsigned codecs_of(JsonArray *names)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < json_array_get_length(names); i++) {
        MdAudioCodec codec = md_audio_codec_from_string(json_array_get_string_element(names, i));
        if (codec != MD_AUDIO_CODEC_NONE)
            mask |= 1u << codec;
    }
    return mask;
}

static void take_volumes(BcDevice *device, JsonArray *array)
{
    device->n_volumes = MIN(json_array_get_length(array), BC_DEVICE_VOLUMES_MAX);
    for (unsigned i = 0; i < device->n_volumes; i++) {
        JsonObject *o = json_array_get_object_element(array, i);
        device->volumes[i] = (BcDeviceVolume){(unsigned)json_object_get_int_member(o, "from_min"), (unsigned)json_object_get_int_member(o, "to_min"),
                                              (unsigned)json_object_get_int_member(o, "volume")};
    }
}

/* What is left out stays as it was. */
static void put_device(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    JsonObject *body = md_api_request_body(r);
    const char *id = md_api_request_param(r, "device");
    const BcDevice *was = bc_devices_find(bc_broadcast_devices(a->b), id);
    BcDevice device = was ? *was : (BcDevice){.latitude = NAN, .longitude = NAN, .volume = 80, .enabled = true};

    device.id = id;
    device.name = md_api_bc_text(body, "name", device.name);
    device.area = md_api_bc_text(body, "area", device.area);
    device.vendor = md_api_bc_text(body, "vendor", device.vendor);
    device.kind = bc_device_kind_from_string(md_api_bc_text(body, "kind", bc_device_kind_to_string(device.kind)));
    device.latitude = json_object_get_double_member_with_default(body, "latitude", device.latitude);
    device.longitude = json_object_get_double_member_with_default(body, "longitude", device.longitude);
    device.volume = (unsigned)json_object_get_int_member_with_default(body, "volume", device.volume);
    device.enabled = json_object_get_boolean_member_with_default(body, "enabled", device.enabled);
    device.model = md_api_bc_text(body, "model", device.model);
    device.serial = md_api_bc_text(body, "serial", device.serial);
    device.address = md_api_bc_text(body, "address", device.address);
    device.abilities = md_api_bc_text(body, "abilities", device.abilities);
    device.formats = md_api_bc_text(body, "formats", device.formats);
    device.gateway = md_api_bc_text(body, "gateway", device.gateway);
    if (json_object_has_member(body, "position"))
        device.position_measured = g_str_equal(json_object_get_string_member(body, "position"), "gps");
    if (json_object_has_member(body, "volumes"))
        take_volumes(&device, json_object_get_array_member(body, "volumes"));
    if (json_object_has_member(body, "codecs"))
        device.codecs = codecs_of(json_object_get_array_member(body, "codecs"));
    if ((was && !md_api_bc_may(r, a, was->area)) || !md_api_bc_may(r, a, device.area))
        return;
    bc_devices_put(bc_broadcast_devices(a->b), &device, on_changed, r);
}

static void remove_device(MdApiRequest *r, void *user)
{
    MdApiBroadcast *a = user;
    const BcDevice *device = device_of(r, a);

    if (device && md_api_bc_may(r, a, device->area))
        bc_devices_remove(bc_broadcast_devices(a->b), device->id, on_changed, r);
}

#define AREA                                                                                                           \
    "{\"type\":\"object\",\"required\":[\"code\",\"kind\",\"name\"],\"properties\":{\"code\":" BC_CODE ",\"ident\":" BC_TEXT ",\"kind\":" BC_TEXT \
    ",\"parent\":" BC_TEXT ",\"name\":" BC_TEXT "}}"
#define CODECS "{\"type\":\"array\",\"maxItems\":8,\"items\":{\"type\":\"string\",\"enum\":[\"opus\",\"G722\",\"PCMA\",\"PCMU\"]}}"
#define DEVICE_KIND "\"kind\":{\"enum\":[\"sip\",\"link\",\"board\",\"gateway\",\"multicast\",\"output\"],\"description\":\"how it is reached\"}"
#define MINUTE "{\"type\":\"integer\",\"minimum\":0,\"maximum\":1439,\"description\":\"after midnight\"}"
#define VOLUME_LIMITS                                                                                                  \
    "{\"type\":\"array\",\"maxItems\":8,\"items\":{\"type\":\"object\",\"required\":[\"from_min\",\"to_min\",\"volume\"],\"properties\":{\"from_min\":" \
    MINUTE ",\"to_min\":" MINUTE ",\"volume\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":100}}}}"
#define DEVICE_MORE                                                                                                    \
    "\"model\":" BC_TEXT ",\"serial\":" BC_TEXT ",\"address\":" BC_TEXT ",\"abilities\":" BC_TEXT ",\"formats\":" BC_TEXT ",\"gateway\":" BC_TEXT \
    ",\"position\":{\"enum\":[\"configured\",\"gps\",\"unknown\"]},\"volumes\":" VOLUME_LIMITS
#define DEVICE_FIELDS                                                                                                  \
    "\"name\":" BC_NAME ",\"area\":" BC_CODE ",\"vendor\":" BC_TEXT "," DEVICE_KIND "," DEVICE_MORE ",\"latitude\":{\"type\":\"number\",\"minimum\":-90,\"maximum\":90}," \
    "\"longitude\":{\"type\":\"number\",\"minimum\":-180,\"maximum\":180},\"volume\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":100}," \
    "\"codecs\":" CODECS ",\"enabled\":" BC_FLAG
#define DEVICE                                                                                                         \
    "{\"type\":\"object\",\"required\":[\"id\",\"name\",\"area\",\"volume\",\"enabled\",\"registered\",\"outcome\"],\"properties\":{\"id\":" BC_CODE \
    "," DEVICE_FIELDS ",\"registered\":" BC_FLAG ",\"outcome\":{\"type\":\"string\",\"description\":\"of the last announcement\"},"     \
    "\"outcome_us\":" BC_TIME "}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/areas", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = list_areas,
     .summary = "The areas: all, those under one, or the children of one.",
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"parent\":" BC_TEXT ",\"under\":" BC_CODE "}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"areas\"],\"properties\":{\"areas\":{\"type\":\"array\",\"items\":" AREA "}}}"},
    {.method = "GET", .path = "/areas/{area}", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = show_area, .summary = "One area.", .response_schema = AREA},
    {.method = "PUT", .path = "/areas/{area}", .rights = MD_API_MAY_PEOPLE, .role = MD_API_OPERATOR, .handler = put_area, .summary = "Add or change an area.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\",\"kind\"],\"properties\":{\"name\":" BC_NAME
                       ",\"kind\":" BC_CODE ",\"parent\":" BC_TEXT ",\"ident\":" BC_TEXT "}}"},
    {.method = "DELETE", .path = "/areas/{area}", .rights = MD_API_MAY_PEOPLE, .role = MD_API_OPERATOR, .handler = remove_area,
     .summary = "Remove an area that has neither areas nor loudspeakers."},
    {.method = "GET", .path = "/devices", .rights = MD_API_MAY_VIEW, .vendor = true, .role = MD_API_VIEWER, .handler = list_devices, .summary = "The loudspeakers of an area, or all.",
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"area\":" BC_CODE "}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"devices\"],\"properties\":{\"devices\":{\"type\":\"array\",\"items\":" DEVICE "}}}"},
    {.method = "GET", .path = "/devices/{device}", .rights = MD_API_MAY_VIEW, .vendor = true, .role = MD_API_VIEWER, .handler = show_device, .summary = "One loudspeaker.",
     .response_schema = DEVICE},
    {.method = "PUT", .path = "/devices/{device}", .rights = MD_API_MAY_DEVICES, .role = MD_API_OPERATOR, .handler = put_device,
     .summary = "Add or change a loudspeaker; the id of one that is rung is the SIP account it signs in with.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" DEVICE_FIELDS "}}"},
    {.method = "DELETE", .path = "/devices/{device}", .rights = MD_API_MAY_DEVICES, .role = MD_API_OPERATOR, .handler = remove_device, .summary = "Remove a loudspeaker."},
};

/* The API goes before the room: nobody listens to its events any more. */
static void let_go(gpointer data)
{
    MdApiBroadcast *a = data;

    bc_broadcast_set_event(a->b, NULL, NULL);
    md_api_set_area_lookup(a->api, NULL, NULL);
    md_api_set_area_tree(a->api, NULL, NULL);
    g_free(a);
}

static MdApiAreaPlace place_of(const char *code, void *user)
{
    MdApiBroadcast *a = user;
    const BcArea *area = bc_areas_find(bc_broadcast_areas(a->b), code);

    return !area ? MD_API_AREA_UNKNOWN : area->parent ? MD_API_AREA_BELOW : MD_API_AREA_ROOT;
}

static bool holds(const char *area, const char *inner, void *user)
{
    MdApiBroadcast *a = user;

    return bc_areas_contains(bc_broadcast_areas(a->b), area, inner);
}

void md_api_add_broadcast(MdApi *api, BcBroadcast *broadcast)
{
    MdApiBroadcast *a = g_new0(MdApiBroadcast, 1);

    *a = (MdApiBroadcast){api, broadcast};
    md_api_own(api, a, let_go);
    md_api_set_area_lookup(api, place_of, a);
    md_api_set_area_tree(api, holds, a);
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), a);
    md_api_add_content(a);
    md_api_add_schedules(a);
    md_api_add_airing(a);
    md_api_add_area_table(a);
    md_api_add_timetable(a);
    md_api_add_quiet(a);
    md_api_add_rehearsal(a);
}
