/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The OpenAPI 3.0 document, made from the routes: what is served is what is documented. */
#include "mediad/api/private.h"
#include "mediad/api/socket.h"
#include <string.h>

static void set_text(JsonObject *object, const char *name, const char *text)
{
    json_object_set_string_member(object, name, text);
}

static JsonObject *sub(JsonObject *object, const char *name)
{
    if (!json_object_has_member(object, name))
        json_object_set_object_member(object, name, json_object_new());
    return json_object_get_object_member(object, name);
}

static void set_content(JsonObject *where, const char *type, JsonNode *schema)
{
    JsonObject *media = sub(sub(where, "content"), type);

    if (schema)
        json_object_set_member(media, "schema", json_node_copy(schema));
    else
        set_text(sub(media, "schema"), "type", "string");
}

static void set_binary(JsonObject *body)
{
    JsonObject *schema = sub(sub(sub(body, "content"), "application/octet-stream"), "schema");

    set_text(schema, "type", "string");
    set_text(schema, "format", "binary");
}

/* "getRoomsRoomMembers" */
static char *operation_id(const MdApiRoute *spec)
{
    GString *id = g_string_new(NULL);
    bool upper = true;

    for (const char *p = spec->method; *p; p++)
        g_string_append_c(id, g_ascii_tolower(*p));
    for (const char *p = spec->path; *p; p++) {
        if (!g_ascii_isalnum(*p)) {
            upper = true;
            continue;
        }
        g_string_append_c(id, upper ? g_ascii_toupper(*p) : *p);
        upper = false;
    }
    return g_string_free(id, FALSE);
}

static void add_parameter(JsonArray *parameters, const char *name, const char *in, JsonNode *schema)
{
    JsonObject *parameter = json_object_new();

    set_text(parameter, "name", name);
    set_text(parameter, "in", in);
    if (g_str_equal(in, "path"))
        json_object_set_boolean_member(parameter, "required", TRUE);
    if (schema)
        json_object_set_member(parameter, "schema", json_node_copy(schema));
    else
        set_text(sub(parameter, "schema"), "type", "string");
    json_array_add_object_element(parameters, parameter);
}

static void add_parameters(JsonObject *operation, const Route *route)
{
    JsonArray *parameters = json_array_new();

    for (unsigned i = 0; i < route->n_segments; i++) {
        if (route->segments[i][0] != '{')
            continue;
        g_autofree char *name = g_strndup(route->segments[i] + 1, strlen(route->segments[i]) - 2);
        add_parameter(parameters, name, "path", NULL);
    }
    if (route->query) {
        JsonObject *properties =
            json_object_get_object_member(json_node_get_object(md_schema_root(route->query)), "properties");
        g_autoptr(GList) names = json_object_get_members(properties);
        for (GList *l = names; l; l = l->next)
            add_parameter(parameters, l->data, "query", json_object_get_member(properties, l->data));
    }
    if (json_array_get_length(parameters) > 0)
        json_object_set_array_member(operation, "parameters", parameters);
    else
        json_array_unref(parameters);
}

/* A refusal that says more than others. */
static void add_refusal(JsonObject *responses, const MdApiRoute *spec)
{
    g_autofree char *status = g_strdup_printf("%d", spec->refusal_status);
    JsonObject *refusal = sub(responses, status), *error = json_object_new();
    JsonArray *both = json_array_new();

    set_text(refusal, "description", "Refused, with a list of what stands against it.");
    set_text(error, "$ref", "#/components/schemas/Error");
    json_array_add_object_element(both, error);
    json_array_add_element(both, json_from_string(spec->refusal_schema, NULL));
    json_object_set_array_member(sub(sub(sub(refusal, "content"), "application/json"), "schema"), "allOf", both);
}

static void add_responses(JsonObject *operation, const Route *route)
{
    JsonObject *responses = sub(operation, "responses");
    bool typed = route->response || route->spec->response_type;
    JsonObject *good = sub(responses, typed ? "2XX" : "204");
    JsonObject *bad = sub(responses, "default");

    set_text(good, "description", typed ? "Done." : "Done, nothing to say.");
    if (typed)
        set_content(good, route->spec->response_type ? route->spec->response_type : "application/json",
                    route->response ? md_schema_root(route->response) : NULL);
    if (route->spec->refusal_status)
        add_refusal(responses, route->spec);
    set_text(bad, "description", "Refused or failed.");
    set_text(sub(sub(sub(bad, "content"), "application/json"), "schema"), "$ref", "#/components/schemas/Error");
}

static void add_route(const MdApi *api, JsonObject *paths, const Route *route)
{
    g_autofree char *path = g_strconcat(MD_API_PREFIX, route->spec->path, NULL);
    g_autofree char *method = g_ascii_strdown(route->spec->method, -1);
    g_autofree char *id = operation_id(route->spec);
    JsonObject *operation = sub(sub(paths, path), method);
    JsonArray *tags = json_array_new();

    json_array_add_string_element(tags, route->segments[0]);
    json_object_set_array_member(operation, "tags", tags);
    set_text(operation, "operationId", id);
    set_text(operation, "summary", route->spec->summary);
    set_text(operation, "x-least-role", md_api_role_to_string(route->spec->role));
    if (route->spec->rights) {
        g_autofree char *rights = md_api_rights_to_string(route->spec->rights);
        set_text(operation, "x-rights", rights);
    }
    if (route->spec->second_factor)
        json_object_set_boolean_member(operation, "x-second-factor", TRUE);
    if (route->spec->vendor)
        json_object_set_boolean_member(operation, "x-vendor", TRUE);
    if (route->spec->province)
        json_object_set_boolean_member(operation, "x-province-only", TRUE);
    if (route->spec->in_meeting && api->meeting_right) /* or this of the account's role in the running meeting */
        set_text(operation, "x-meeting-right", api->meeting_right(route->spec->in_meeting - MD_API_IN_MEETING(0)));
    if (route->spec->role == MD_API_ANYBODY && !route->spec->rights)
        json_object_set_array_member(operation, "security", json_array_new());
    add_parameters(operation, route);
    if (route->request || route->spec->raw_body || route->spec->text_body) {
        JsonObject *body = sub(operation, "requestBody");
        json_object_set_boolean_member(body, "required", TRUE);
        if (route->request)
            set_content(body, "application/json", md_schema_root(route->request));
        else
            set_binary(body);
    }
    add_responses(operation, route);
}

/* OpenAPI knows no WebSockets: the handshake is an operation, what is said after it is told in words. */
void md_api_openapi_socket(JsonObject *paths, const MdApiSocketPlace *place)
{
    const MdApiRoute as_route = {.method = "GET", .path = place->path};
    g_autofree char *path = g_strconcat(MD_API_PREFIX, place->path, NULL), *id = operation_id(&as_route);
    JsonObject *operation = sub(sub(paths, path), "get"), *responses = sub(operation, "responses");
    JsonArray *tags = json_array_new();

    json_array_add_string_element(tags, place->path + 1);
    json_object_set_array_member(operation, "tags", tags);
    set_text(operation, "operationId", id);
    set_text(operation, "summary", place->summary);
    set_text(operation, "x-websocket-protocol", place->protocol);
    set_text(operation, "x-least-role", md_api_role_to_string(place->guests ? MD_API_ANYBODY : MD_API_VIEWER));
    if (place->guests)
        json_object_set_array_member(operation, "security", json_array_new());
    set_text(sub(responses, "101"), "description", "The WebSocket is open; text frames follow.");
    set_text(sub(responses, "default"), "description", "Refused: no WebSocket handshake, not signed in (401), too many (429, 503).");
}

static void add_components(JsonObject *root)
{
    static const char error_schema[] =
        "{\"type\":\"object\",\"required\":[\"error\"],\"properties\":{\"error\":{\"type\":\"object\","
        "\"required\":[\"code\",\"message\"],\"properties\":{\"code\":{\"type\":\"string\"},"
        "\"message\":{\"type\":\"string\"},\"hint\":{\"type\":\"string\"}}}}}";
    JsonObject *components = sub(root, "components");
    JsonObject *scheme = sub(sub(components, "securitySchemes"), "token");
    JsonArray *security = json_array_new();
    JsonObject *one = json_object_new();

    set_text(scheme, "type", "http");
    set_text(scheme, "scheme", "bearer");
    json_object_set_member(sub(components, "schemas"), "Error", json_from_string(error_schema, NULL));
    json_object_set_array_member(one, "token", json_array_new());
    json_array_add_object_element(security, one);
    json_object_set_array_member(root, "security", security);
}

const char *md_api_openapi(MdApi *api)
{
    if (api->openapi)
        return api->openapi;
    JsonObject *root = json_object_new();
    JsonObject *info = sub(root, "info");

    set_text(root, "openapi", "3.0.3");
    set_text(info, "title", "mediad");
    set_text(info, "version", MEDIAD_VERSION);
    set_text(info, "description",
             "Conferences and broadcasts of one province. Errors say what is wrong and how to mend it. Events: WebSocket at "
             MD_API_PREFIX "/events.");
    set_text(sub(info, "license"), "name", "GPL-3.0-or-later");
    JsonObject *paths = sub(root, "paths");
    for (unsigned i = 0; i < api->routes->len; i++)
        add_route(api, paths, api->routes->pdata[i]);
    md_api_sockets_describe(api, paths);
    add_components(root);
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), root);
    json_object_unref(root);
    api->openapi = md_json_to_text(node, false);
    return api->openapi;
}
