/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What comes with a request: its size and type before a byte is kept, its body into memory or a file, then query and JSON against the schemas. */
#include "mediad/api/private.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>

bool md_api_body_open(MdApiRequest *r)
{
    GError *error = NULL;

    if (!r->route->spec->raw_body) {
        r->body = g_byte_array_new();
        return true;
    }
    if (r->api->uploads >= MD_API_UPLOADS_MAX) {
        soup_message_headers_replace(soup_server_message_get_response_headers(r->message), "Retry-After", "30");
        md_api_reply_error(r, 503, "busy", "too many recordings are being sent at once", "try again when one of them is in");
        return false;
    }
    r->body_path = g_build_filename(r->api->state_dir, MD_API_UPLOAD_PREFIX "XXXXXX", NULL);
    r->body_fd = g_mkstemp_full(r->body_path, O_RDWR | O_CLOEXEC, 0600);
    if (r->body_fd >= 0) {
        r->api->uploads++;
        return true;
    }
    g_set_error(&error, G_FILE_ERROR, 0, "%s", g_strerror(errno));
    md_error(&r->api->logger, "cannot make %s: %s", r->body_path, error->message);
    g_error_free(error);
    g_clear_pointer(&r->body_path, g_free);
    md_api_reply_error(r, 507, "no-space", "the upload cannot be stored", "free space in the state directory");
    return false;
}

static void reply_too_large(MdApiRequest *r)
{
    g_autofree char *hint = g_strdup_printf("at most %" G_GSIZE_FORMAT " bytes are taken here", r->body_max);

    md_api_reply_error(r, 413, "too-large", "the request body is too large", hint);
}

void md_api_body_chunk(SoupServerMessage *message, GBytes *chunk, gpointer user)
{
    MdApiRequest *r = user;
    gsize size;
    const guint8 *bytes = g_bytes_get_data(chunk, &size);

    if (r->body_failed || r->replied)
        return;
    r->body_got += size;
    if (r->body_got > r->body_max) {
        r->body_failed = true;
        reply_too_large(r);
        return;
    }
    if (r->body) {
        g_byte_array_append(r->body, bytes, (guint)size);
        return;
    }
    while (size > 0) {
        ssize_t n = write(r->body_fd, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            r->body_failed = true;
            md_error(&r->api->logger, "an upload to %s cannot be written: %s", r->body_path, g_strerror(errno));
            md_api_reply_error(r, 507, "no-space", "the upload cannot be stored", "free space in the state directory");
            return;
        }
        bytes += n;
        size -= (gsize)n;
    }
}

/* A page of another origin can make a browser send a form, but not this content type. */
bool md_api_body_check_headers(MdApiRequest *r)
{
    SoupMessageHeaders *h = soup_server_message_get_request_headers(r->message);
    const MdApiRoute *spec = r->route->spec;

    r->body_max = spec->request_schema || spec->raw_body || spec->text_body ? spec->body_max ? spec->body_max : MD_API_BODY_DEFAULT : 4096;
    if (spec->raw_body && r->api->upload_max)
        r->body_max = MIN(r->body_max, r->api->upload_max);
    r->content_type = soup_message_headers_get_content_type(h, NULL);
    if (soup_message_headers_get_encoding(h) == SOUP_ENCODING_CONTENT_LENGTH &&
        soup_message_headers_get_content_length(h) > (goffset)r->body_max) {
        reply_too_large(r);
        return false;
    }
    if (spec->request_schema && (!r->content_type || g_strcmp0(r->content_type, "application/json") != 0)) {
        md_api_reply_error(r, 415, "not-json", "the request body must be JSON", "send Content-Type: application/json");
        return false;
    }
    return true;
}

bool md_api_check_query(MdApiRequest *r)
{
    GHashTableIter iter;
    gpointer key, value;
    GError *error = NULL;

    if (!r->route->query)
        return true;
    JsonObject *rules = json_object_get_object_member(json_node_get_object(md_schema_root(r->route->query)), "properties");
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, json_object_new());
    if (r->query)
        g_hash_table_iter_init(&iter, r->query);
    while (r->query && g_hash_table_iter_next(&iter, &key, &value)) {
        JsonObject *rule = json_object_has_member(rules, key) ? json_object_get_object_member(rules, key) : NULL;
        const char *type = rule ? json_object_get_string_member_with_default(rule, "type", "string") : "string";
        gint64 number;
        if (g_str_equal(type, "integer") && g_ascii_string_to_signed(value, 10, G_MININT64, G_MAXINT64, &number, NULL))
            json_object_set_int_member(json_node_get_object(node), key, number);
        else if (g_str_equal(type, "boolean") && (g_str_equal(value, "true") || g_str_equal(value, "false")))
            json_object_set_boolean_member(json_node_get_object(node), key, g_str_equal(value, "true"));
        else
            json_object_set_string_member(json_node_get_object(node), key, value);
    }
    if (md_schema_check(r->route->query, node, &error))
        return true;
    g_autofree char *message = g_strdup_printf("query: %s", error->message);
    md_api_reply_error(r, 400, "invalid-query", message, NULL);
    g_error_free(error);
    return false;
}

bool md_api_body_parse(MdApiRequest *r)
{
    GError *error = NULL;

    if (!r->route->request)
        return true;
    r->json = md_json_parse((const char *)r->body->data, r->body->len, &error);
    if (!r->json) {
        md_api_reply_error(r, 400, "bad-json", error->message, "send one JSON object in UTF-8");
        g_error_free(error);
        return false;
    }
    if (!JSON_NODE_HOLDS_OBJECT(r->json)) {
        md_api_reply_error(r, 400, "bad-json", "the body must be a JSON object", NULL);
        return false;
    }
    if (!md_schema_check(r->route->request, r->json, &error)) {
        md_api_reply_error(r, 400, "invalid-field", error->message,
                           "see " MD_API_PREFIX "/openapi.json for what is allowed");
        g_error_free(error);
        return false;
    }
    r->audit_detail = md_api_audit_detail(r->json);
    return true;
}
