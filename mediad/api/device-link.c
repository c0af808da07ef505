/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /link: enrolment of loudspeakers and commands to them. */
#include "mediad/api/device-json.h"
#include "mediad/api/private.h"
#include <string.h>

#define TARGETS_MAX 10000u
#define BULK 20u /* more loudspeakers than this at once want a one-time code */

bool md_api_link_there(MdApiRequest *r, MdApiDeviceLink *a)
{
    if (!a->link)
        md_api_reply_error(r, 409, "no-device-link", "no device link is set up", "set link.broker_host and start mediad anew");
    return a->link != NULL;
}

const BcDevice *md_api_link_device(MdApiRequest *r, MdApiDeviceLink *a)
{
    const BcDevice *device = bc_devices_find(bc_broadcast_devices(a->broadcast.b), md_api_request_param(r, "device"));

    if (!device) {
        md_api_reply_error(r, 404, "not-found", "there is no such loudspeaker", "GET /api/v1/devices lists them");
        return NULL;
    }
    return md_api_bc_may_device(r, &a->broadcast, device) ? device : NULL;
}

/* --- enrolment --- */

typedef struct Codes {
    MdApiRequest *request;
    GPtrArray *devices; /* ids, owned */
    JsonArray *codes;
    int64_t expires_us;
    unsigned next;
    bool one;
    BcDeviceLink *link;
} Codes;

static void next_code(Codes *c);

static void end_codes(Codes *c)
{
    g_ptr_array_unref(c->devices);
    json_array_unref(c->codes);
    g_free(c);
}

static void on_code(const char *code, const GError *error, void *user)
{
    Codes *c = user;

    if (!code) {
        md_api_bc_error(c->request, error);
        end_codes(c);
        return;
    }
    JsonObject *o = json_object_new();
    json_object_set_string_member(o, "device", c->devices->pdata[c->next]);
    json_object_set_string_member(o, "code", code);
    json_object_set_int_member(o, "expires_us", c->expires_us);
    json_array_add_object_element(c->codes, o);
    c->next++;
    next_code(c);
}

static void next_code(Codes *c)
{
    if (c->next < c->devices->len) {
        bc_credentials_make_code(bc_device_link_credentials(c->link), c->devices->pdata[c->next], md_api_request_user(c->request),
                                 c->expires_us, on_code, c);
        return;
    }
    if (c->one)
        md_api_reply(c->request, 201, md_api_bc_object(json_object_ref(json_array_get_object_element(c->codes, 0))));
    else
        md_api_reply(c->request, 201, md_api_bc_list("codes", json_array_ref(c->codes)));
    end_codes(c);
}

static Codes *new_codes(MdApiRequest *r, MdApiDeviceLink *a, bool one)
{
    Codes *c = g_new0(Codes, 1);

    *c = (Codes){r, g_ptr_array_new_with_free_func(g_free), json_array_new(), 0, 0, one, a->link};
    c->expires_us = bc_device_link_wall_us(a->link) + (int64_t)bc_device_link_options(a->link)->code_lifetime_s * G_USEC_PER_SEC;
    return c;
}

static void make_code(MdApiRequest *r, void *user)
{
    MdApiDeviceLink *a = user;
    const BcDevice *device = md_api_link_there(r, a) ? md_api_link_device(r, a) : NULL;

    if (!device)
        return;
    Codes *c = new_codes(r, a, true);
    g_ptr_array_add(c->devices, g_strdup(device->id));
    next_code(c);
}

static void make_codes(MdApiRequest *r, void *user)
{
    MdApiDeviceLink *a = user;
    g_autofree const char **areas = md_api_link_there(r, a) ? md_api_bc_areas(r, &a->broadcast) : NULL;

    if (!areas)
        return;
    bool all = json_object_get_boolean_member_with_default(md_api_request_body(r), "enrolled_too", false);
    g_autoptr(GPtrArray) found = bc_devices_in(bc_broadcast_devices(a->broadcast.b), areas, true);
    Codes *c = new_codes(r, a, false);
    for (unsigned i = 0; i < found->len && c->devices->len < 10000; i++) {
        const BcDevice *device = found->pdata[i];
        if (device->kind == BC_DEVICE_LINK && (all || !bc_credentials_find(bc_device_link_credentials(a->link), device->id)))
            g_ptr_array_add(c->devices, g_strdup(device->id));
    }
    next_code(c);
}

static void on_withdrawn(const GError *error, void *user)
{
    if (error)
        md_api_bc_error(user, error);
    else
        md_api_reply(user, 204, NULL);
}

static void withdraw(MdApiRequest *r, void *user)
{
    MdApiDeviceLink *a = user;
    const BcDevice *device = md_api_link_there(r, a) ? md_api_link_device(r, a) : NULL;

    if (device)
        bc_credentials_withdraw(bc_device_link_credentials(a->link), device->id, bc_device_link_wall_us(a->link), on_withdrawn, r);
}

typedef struct Enrol {
    MdApiRequest *request;
    MdApiDeviceLink *a;
    char *device;
} Enrol;

static void on_enrolled(const BcEnrolled *enrolled, const GError *error, void *user)
{
    g_autofree Enrol *e = user;
    g_autofree char *device = e->device;
    MdApiRequest *r = e->request;

    md_api_guard_sign_in_result(r->api->guard, r->source, device, enrolled != NULL, md_clock_now_us(r->api->clock));
    if (!enrolled) {
        if (error && error->domain == BC_ERROR && error->code == BC_ERROR_NOT_FOUND)
            md_api_reply_error(r, 403, "wrong-code", error->message, "ask the operator for a new code");
        else
            md_api_bc_error(r, error);
        return;
    }
    const BcDeviceLinkOptions *options = bc_device_link_options(e->a->link);
    g_autofree char *jwks = bc_device_link_jwks(e->a->link);
    JsonObject *o = json_object_new(), *broker = json_object_new();
    json_object_set_string_member(o, "device", device);
    json_object_set_string_member(o, "certificate", enrolled->certificate);
    json_object_set_int_member(o, "certificate_expires_ms", enrolled->expires_us / 1000);
    json_object_set_string_member(o, "ca", bc_device_link_ca(e->a->link));
    json_object_set_string_member(broker, "host", options->advertised_host ? options->advertised_host : "");
    json_object_set_int_member(broker, "port", options->advertised_port);
    json_object_set_object_member(o, "broker", broker);
    json_object_set_member(o, "keys", json_from_string(jwks, NULL));
    json_object_set_string_member(o, "token", enrolled->token);
    json_object_set_string_member(o, "media_base", options->media_base ? options->media_base : "");
    json_object_set_int_member(o, "time_ms", bc_device_link_wall_us(e->a->link) / 1000);
    md_api_reply(r, 201, md_api_bc_object(o));
}

/* Loudspeakers of the link, and gateways of other makers. */
static bool may_enrol(const BcDevice *device)
{
    return device->kind == BC_DEVICE_LINK || (device->kind == BC_DEVICE_GATEWAY && device->vendor);
}

/* No sign-in: the code is what is known. Wrong ones are counted like wrong passwords. */
static void enrol(MdApiRequest *r, void *user)
{
    MdApiDeviceLink *a = user;
    JsonObject *body = md_api_request_body(r);
    const char *id = json_object_get_string_member(body, "device");
    const char *csr = json_object_get_string_member_with_default(body, json_object_has_member(body, "csr") ? "csr" : "request", "");
    unsigned wait_s = md_api_guard_sign_in_wait(r->api->guard, r->source, id, md_clock_now_us(r->api->clock));
    const BcDevice *device = bc_devices_find(bc_broadcast_devices(a->broadcast.b), id);

    if (!md_api_link_there(r, a))
        return;
    if (wait_s) {
        g_autofree char *text = g_strdup_printf("too many wrong codes: wait %u s", wait_s);
        md_api_reply_error(r, 429, "too-many-attempts", text, "then try again with the right code");
        return;
    }
    if (!device || !device->enabled || !may_enrol(device)) { /* as if the code were wrong: who exists is not told */
        md_api_guard_sign_in_result(r->api->guard, r->source, id, false, md_clock_now_us(r->api->clock));
        md_api_reply_error(r, 403, "wrong-code", "the code is wrong, used or expired", "ask the operator for a new code");
        return;
    }
    Enrol *e = g_new0(Enrol, 1);
    *e = (Enrol){r, a, g_strdup(id)};
    bc_credentials_enrol(bc_device_link_credentials(a->link), id, json_object_get_string_member(body, "code"), csr, strlen(csr),
                         bc_device_link_options(a->link)->certificate_days, bc_device_link_wall_us(a->link), on_enrolled, e);
}

/* --- commands --- */

/* Ids of "devices" and of the link devices in "areas" that the account may command. NULL: replied. */
static GPtrArray *targets_of(MdApiRequest *r, MdApiDeviceLink *a)
{
    JsonObject *body = md_api_request_body(r);
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    JsonArray *devices = json_object_has_member(body, "devices") ? json_object_get_array_member(body, "devices") : NULL;
    for (unsigned i = 0; devices && i < json_array_get_length(devices); i++) {
        const char *id = json_array_get_string_element(devices, i);
        const BcDevice *device = bc_devices_find(bc_broadcast_devices(a->broadcast.b), id);
        if (!device || device->kind != BC_DEVICE_LINK) {
            g_autofree char *text = g_strdup_printf("there is no loudspeaker %s on the device link", id);
            md_api_reply_error(r, 404, "not-found", text, "GET /api/v1/devices lists them");
            return NULL;
        }
        if (!md_api_bc_may_device(r, &a->broadcast, device))
            return NULL;
        g_ptr_array_add(ids, g_strdup(id));
    }
    if (json_object_has_member(body, "areas")) {
        g_autofree const char **areas = md_api_bc_areas(r, &a->broadcast);
        if (!areas)
            return NULL;
        g_autoptr(GPtrArray) found = bc_devices_in(bc_broadcast_devices(a->broadcast.b), areas, true);
        for (unsigned i = 0; i < found->len; i++) {
            const BcDevice *device = found->pdata[i];
            if (device->kind == BC_DEVICE_LINK && md_api_bc_sees_device(r, &a->broadcast, device))
                g_ptr_array_add(ids, g_strdup(device->id));
        }
    }
    if (ids->len == 0)
        md_api_reply_error(r, 400, "no-devices", "there is no loudspeaker of the device link among these", "name devices or areas");
    return ids->len ? g_steal_pointer(&ids) : NULL;
}

/* What operators send; bulletins, alerts and live sound go by their own ways, with their own rules. */
static BcLinkVerb verb_of(const char *name)
{
    static const BcLinkVerb verbs[] = {BC_LINK_VOLUME,   BC_LINK_RESTART,   BC_LINK_FETCH, BC_LINK_SEND_LOG,
                                       BC_LINK_FIRMWARE, BC_LINK_LINE_TEST, BC_LINK_BLANK};
    for (unsigned i = 0; i < G_N_ELEMENTS(verbs); i++)
        if (strcmp(bc_link_verb_to_string(verbs[i]), name) == 0)
            return verbs[i];
    return BC_LINK_VERB_MAX;
}

static bool add_firmware(BcDeviceLink *link, JsonObject *body, BcLinkCommand *command, char **ret_notice, GError **error)
{
    JsonObject *o = json_object_has_member(body, "firmware") ? json_object_get_object_member(body, "firmware") : NULL;
    if (!o) {
        g_set_error_literal(error, BC_ERROR, BC_ERROR_INVALID, "firmware: url, product, version, sha256 and bytes are missing");
        return false;
    }
    BcLinkFirmware firmware = {.product = (char *)json_object_get_string_member(o, "product"),
                               .version = (char *)json_object_get_string_member(o, "version"),
                               .sha256 = (char *)json_object_get_string_member(o, "sha256"),
                               .bytes = json_object_get_int_member(o, "bytes"),
                               .issued_us = bc_device_link_wall_us(link)};
    *ret_notice = bc_device_link_sign_firmware(link, &firmware, error);
    command->firmware_url = (char *)json_object_get_string_member(o, "url");
    command->firmware_sha256 = firmware.sha256;
    command->firmware_version = firmware.version;
    command->firmware_notice = *ret_notice;
    return *ret_notice != NULL;
}

typedef struct Sent { MdApiRequest *request; JsonObject *reply; } Sent;

static void on_kept(const GError *error, void *user)
{
    g_autofree Sent *sent = user;

    if (error) /* it is on its way all the same: that is what counts, and the log has it */
        md_warning(md_api_logger(sent->request->api), "a command could not be written down: %s", error->message);
    md_api_reply(sent->request, 202, md_api_bc_object(sent->reply));
}

/* The registry has to know it too: the next list a loudspeaker gets carries the registry's volume, and that goes before an older command. */
static void keep_volume(MdApiDeviceLink *a, const GPtrArray *ids, unsigned volume)
{
    BcDevices *devices = bc_broadcast_devices(a->broadcast.b);
    for (unsigned i = 0; i < ids->len; i++) {
        const BcDevice *device = bc_devices_find(devices, ids->pdata[i]);
        if (!device || device->volume == volume)
            continue;
        BcDevice changed = *device;
        changed.volume = volume;
        bc_devices_put(devices, &changed, NULL, NULL);
    }
}

static void send_command(MdApiRequest *r, void *user)
{
    MdApiDeviceLink *a = user;
    JsonObject *body = md_api_request_body(r);
    g_autoptr(GError) error = NULL;
    g_autofree char *id = NULL, *notice = NULL;
    BcLinkCommand command = {.verb = verb_of(json_object_get_string_member(body, "verb")),
                             .volume = (int)json_object_get_int_member_with_default(body, "volume", -1)};

    g_autoptr(GPtrArray) ids = md_api_link_there(r, a) ? targets_of(r, a) : NULL;
    if (!ids || ((ids->len > BULK || command.verb == BC_LINK_FIRMWARE) && !md_api_require_fresh(r)))
        return;
    if (json_object_has_member(body, "expires_s"))
        command.expires_us = bc_device_link_wall_us(a->link) + json_object_get_int_member(body, "expires_s") * G_USEC_PER_SEC;
    if ((command.verb == BC_LINK_FIRMWARE && !add_firmware(a->link, body, &command, &notice, &error)) ||
        !bc_device_link_send(a->link, &command, (const char *const *)ids->pdata, ids->len, md_api_request_user(r), &id, &error)) {
        if (error->domain == BC_LINK_ERROR)
            md_api_reply_error(r, 400, "invalid-field", error->message, NULL);
        else
            md_api_bc_error(r, error);
        return;
    }
    if (command.verb == BC_LINK_VOLUME)
        keep_volume(a, ids, (unsigned)command.volume);
    JsonObject *o = json_object_new();
    json_object_set_string_member(o, "id", id);
    json_object_set_int_member(o, "devices", ids->len);
    json_object_set_boolean_member(o, "connected", bc_device_link_connected(a->link));
    Sent *sent = g_new0(Sent, 1);
    *sent = (Sent){r, o};
    bc_commands_flush(bc_device_link_commands(a->link), on_kept, sent);
}

static void add_command(const BcCommandRow *row, void *user)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "id", row->id);
    json_object_set_string_member(o, "verb", row->verb);
    md_api_bc_set_text(o, "who", row->who);
    json_object_set_member(o, "body", json_from_string(row->body, NULL));
    json_object_set_int_member(o, "issued_us", row->issued_us);
    json_object_set_int_member(o, "expires_us", row->expires_us);
    json_object_set_int_member(o, "devices", row->devices);
    json_object_set_int_member(o, "sent", row->sent);
    json_object_set_int_member(o, "received", row->received);
    json_object_set_int_member(o, "done", row->done);
    json_object_set_int_member(o, "refused", row->refused);
    json_object_set_int_member(o, "timed_out", row->timed_out);
    json_array_add_object_element(user, o);
}

typedef struct SeenCommands {
    MdApiRequest *request;
    MdApiDeviceLink *a;
    JsonArray *array;
    bool found;
} SeenCommands;

static void look_at_target(const BcTargetRow *row, void *user)
{
    SeenCommands *seen = user;
    const BcDevice *device = bc_devices_find(bc_broadcast_devices(seen->a->broadcast.b), row->device);

    seen->found |= device && md_api_bc_sees_device(seen->request, &seen->a->broadcast, device);
}

/* Accounts bound to an area see those that went to a loudspeaker of theirs. */
static void add_seen_command(const BcCommandRow *row, void *user)
{
    SeenCommands *seen = user;

    seen->found = !md_api_request_area(seen->request)[0];
    if (!seen->found)
        bc_commands_targets(bc_device_link_commands(seen->a->link), row->id, TARGETS_MAX, 0, look_at_target, seen, NULL);
    if (seen->found)
        add_command(row, seen->array);
}

static void list_commands(MdApiRequest *r, void *user)
{
    MdApiDeviceLink *a = user;
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonArray) array = json_array_new();
    SeenCommands seen = {r, a, array, false};

    if (!md_api_link_there(r, a))
        return;
    if (bc_commands_list(bc_device_link_commands(a->link), NULL, (unsigned)md_api_bc_number(r, "limit", 100), add_seen_command, &seen, &error))
        md_api_reply(r, 200, md_api_bc_list("commands", json_array_ref(array)));
    else
        md_api_reply_store_error(r, error);
}

typedef struct Targets { MdApiRequest *request; MdApiDeviceLink *a; JsonArray *array; } Targets;

static void add_target(const BcTargetRow *row, void *user)
{
    Targets *t = user;
    const BcDevice *device = bc_devices_find(bc_broadcast_devices(t->a->broadcast.b), row->device);
    JsonObject *o;

    if (device ? !md_api_bc_sees_device(t->request, &t->a->broadcast, device) : md_api_request_area(t->request)[0] != '\0')
        return;
    o = json_object_new();
    json_object_set_string_member(o, "device", row->device);
    json_object_set_string_member(o, "state", row->state);
    md_api_bc_set_text(o, "reason", row->reason);
    json_object_set_int_member(o, "at_us", row->at_us);
    json_array_add_object_element(t->array, o);
}

static void show_command(MdApiRequest *r, void *user)
{
    MdApiDeviceLink *a = user;
    const char *id = md_api_request_param(r, "command");
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonArray) rows = json_array_new(), targets = json_array_new();
    Targets t = {r, a, targets};

    if (!md_api_link_there(r, a))
        return;
    if (!bc_commands_list(bc_device_link_commands(a->link), id, 1, add_command, rows, &error) ||
        !bc_commands_targets(bc_device_link_commands(a->link), id, (unsigned)md_api_bc_number(r, "limit", 1000),
                             (unsigned)md_api_bc_number(r, "offset", 0), add_target, &t, &error)) {
        md_api_reply_store_error(r, error);
        return;
    }
    if (!json_array_get_length(rows)) {
        md_api_reply_error(r, 404, "not-found", "there is no such command", "a new one shows within a second");
        return;
    }
    if (md_api_request_area(r)[0] && !json_array_get_length(targets)) { /* for none of his: as if there were none */
        md_api_reply_error(r, 404, "not-found", "there is no such command", "a new one shows within a second");
        return;
    }
    JsonObject *o = json_object_ref(json_array_get_object_element(rows, 0));
    json_object_set_array_member(o, "targets", json_array_ref(targets));
    md_api_reply(r, 200, md_api_bc_object(o));
}

#define CODE "{\"type\":\"object\",\"required\":[\"device\",\"code\",\"expires_us\"],\"properties\":{\"device\":" BC_CODE ",\"code\":" BC_TEXT ",\"expires_us\":" BC_TIME "}}"
#define REQUEST "{\"type\":\"string\",\"minLength\":64,\"maxLength\":16384,\"description\":\"PKCS#10, PEM; either name\"}"
#define DEVICES "{\"type\":\"array\",\"minItems\":1,\"maxItems\":10000,\"items\":" BC_CODE "}"
#define FIRMWARE                                                                                                                          \
    "{\"type\":\"object\",\"required\":[\"url\",\"product\",\"version\",\"sha256\",\"bytes\"],\"properties\":{\"url\":{\"type\":\"string\",\"maxLength\":1000}," \
    "\"product\":" BC_CODE ",\"version\":" BC_CODE ",\"sha256\":{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{64}$\"},\"bytes\":{\"type\":\"integer\",\"minimum\":1}}}"
#define COMMAND "{\"type\":\"object\",\"required\":[\"id\",\"verb\",\"devices\",\"sent\",\"received\",\"done\",\"refused\",\"timed_out\"]}"

static const MdApiRoute routes[] = {
    {.method = "POST", .path = "/devices/{device}/enrol-code", .role = MD_API_OPERATOR, .rights = MD_API_MAY_DEVICES, .handler = make_code,
     .summary = "A one-time code with which this loudspeaker gets its certificate; a former code no longer counts.", .response_schema = CODE},
    {.method = "POST", .path = "/link/enrol-codes", .role = MD_API_OPERATOR, .rights = MD_API_MAY_DEVICES, .handler = make_codes,
     .summary = "Codes for every loudspeaker of the device link in these areas that has no certificate yet.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"areas\"],\"properties\":{\"areas\":" BC_AREA_LIST
                       ",\"enrolled_too\":" BC_FLAG "}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"codes\"],\"properties\":{\"codes\":{\"type\":\"array\",\"items\":" CODE "}}}"},
    {.method = "DELETE", .path = "/devices/{device}/credential", .role = MD_API_OPERATOR, .rights = MD_API_MAY_DEVICES, .handler = withdraw,
     .summary = "Withdraw a loudspeaker's certificate, token and code."},
    {.method = "POST", .path = "/link/enrol", .role = MD_API_ANYBODY, .handler = enrol,
     .summary = "A loudspeaker's first call: its code and a certificate request (PKCS#10, PEM) for a certificate.",
     .request_schema = "{\"type\":\"object\",\"required\":[\"device\",\"code\"],\"properties\":{\"device\":" BC_CODE
                       ",\"code\":{\"type\":\"string\",\"minLength\":8,\"maxLength\":40},\"csr\":" REQUEST ",\"request\":" REQUEST "}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"device\",\"certificate\",\"ca\",\"broker\",\"keys\",\"token\",\"media_base\"]}"},
    {.method = "POST", .path = "/link/commands", .role = MD_API_OPERATOR, .rights = MD_API_MAY_DEVICES, .handler = send_command,
     .summary = "A command to loudspeakers; firmware and more than 20 at once want a one-time code.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"verb\"],\"properties\":{\"verb\":{\"enum\":[\"volume\","
                       "\"restart\",\"fetch\",\"send-log\",\"firmware\",\"line-test\",\"blank\"]},\"devices\":" DEVICES ",\"areas\":" BC_AREA_LIST
                       ",\"volume\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":100},\"expires_s\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":604800},"
                       "\"firmware\":" FIRMWARE "}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"id\",\"devices\",\"connected\"]}"},
    {.method = "GET", .path = "/link/commands", .role = MD_API_OPERATOR, .rights = MD_API_MAY_DEVICES, .handler = list_commands,
     .summary = "Commands to loudspeakers, newest first, with how many answered what.",
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000}}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"commands\"],\"properties\":{\"commands\":{\"type\":\"array\",\"items\":" COMMAND "}}}"},
    {.method = "GET", .path = "/link/commands/{command}", .role = MD_API_OPERATOR, .rights = MD_API_MAY_DEVICES, .handler = show_command,
     .summary = "One command and each loudspeaker's answer.", .query_schema = BC_PAGE, .response_schema = COMMAND},
};

/* Where it happened: the area of its device, or the one a loss of many was told by. NULL: concerns those of the whole province. */
static char *area_of(MdApiDeviceLink *a, JsonNode *node)
{
    JsonObject *o = node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    const char *id = o ? json_object_get_string_member_with_default(o, "device", NULL) : NULL;
    const BcDevice *device = id ? bc_devices_find(bc_broadcast_devices(a->broadcast.b), id) : NULL;
    bool by_area = o && g_str_equal(json_object_get_string_member_with_default(o, "by", ""), "area");

    return g_strdup(device ? device->area : by_area ? json_object_get_string_member_with_default(o, "value", NULL) : NULL);
}

static void on_event(const char *type, const char *json, void *user)
{
    MdApiDeviceLink *a = user;
    JsonNode *node = json_from_string(json, NULL);
    g_autofree char *area = area_of(a, node);

    md_api_publish_to(a->broadcast.api, type, node, MD_API_TELL_WITHIN, area);
}

static void let_go(gpointer data)
{
    MdApiDeviceLink *a = data;

    if (a->link)
        bc_device_link_set_event(a->link, NULL, NULL);
    g_free(a);
}

void md_api_add_device_link(MdApi *api, BcBroadcast *broadcast, BcDeviceLink *link)
{
    MdApiDeviceLink *a = g_new0(MdApiDeviceLink, 1);

    *a = (MdApiDeviceLink){{api, broadcast}, link};
    md_api_own(api, a, let_go);
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), a);
    md_api_add_device_health(a);
    if (link)
        bc_device_link_set_event(link, on_event, a);
}
