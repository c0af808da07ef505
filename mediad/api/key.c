/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys for programs that have no account: one use each. Only their SHA-256 is kept. They come in the header X-Api-Key. */
#include "mediad/api/key.h"
#include <sodium.h>
#include <string.h>
#include "mediad/api/private.h"

#define KEYS_MAX 200

typedef struct Change {
    MdApiRequest *request;
    char *name, *purpose, *area, *key, *hash;
    int64_t now_us;
    bool found;
} Change;

static void change_free(gpointer data)
{
    Change *c = data;

    g_free(c->name);
    g_free(c->purpose);
    g_free(c->area);
    if (c->key)
        sodium_memzero(c->key, strlen(c->key));
    g_free(c->key);
    g_free(c->hash);
    g_free(c);
}

bool md_api_request_key(MdApiRequest *r, const char *purpose, char **ret_name, char **ret_area)
{
    const char *key = r->message ? soup_message_headers_get_one(soup_server_message_get_request_headers(r->message), "X-Api-Key") : NULL;

    return md_api_check_key(r, key, purpose, ret_name, ret_area);
}

bool md_api_check_key(MdApiRequest *r, const char *key, const char *purpose, char **ret_name, char **ret_area)
{
    if (!key || strlen(key) > 128)
        return false;
    g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, key, -1);
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(r->api->store), NULL, "SELECT name, area FROM md_keys WHERE hash = $1 AND purpose = $2", "ss",
                                         hash, purpose);
    if (!rows || !md_rows_next(rows, NULL))
        return false;
    *ret_name = g_strdup(md_rows_text(rows, 0));
    *ret_area = g_strdup(md_rows_text(rows, 1));
    if (!r->user)
        r->user = g_strdup_printf("key:%s", *ret_name); /* for the audit trail */
    return true;
}

static bool write_add(MdDb *db, gpointer data, GError **error)
{
    Change *c = data;
    g_autoptr(MdRows) rows = md_db_query(db, error, "SELECT COUNT(*) FROM md_keys", "");

    if (!rows || !md_rows_next(rows, error))
        return false;
    if (md_rows_int(rows, 0) >= KEYS_MAX) {
        g_set_error(error, MD_STORE_ERROR, MD_STORE_ERROR_CONSTRAINT, "there are %d keys already: remove one that is not used", KEYS_MAX);
        return false;
    }
    g_clear_pointer(&rows, md_rows_free);
    return md_db_run(db, error, "INSERT INTO md_keys (name, purpose, area, hash, created_us) VALUES ($1, $2, $3, $4, $5)", "ssssi", c->name, c->purpose,
                     c->area, c->hash, c->now_us);
}

static void added(bool ok, const GError *error, gpointer data, gpointer user)
{
    Change *c = data;

    if (!ok) {
        md_api_reply_store_error(c->request, error);
        return;
    }
    g_autoptr(JsonBuilder) b = json_builder_new();
    json_builder_begin_object(b);
    json_builder_set_member_name(b, "name");
    json_builder_add_string_value(b, c->name);
    json_builder_set_member_name(b, "key");
    json_builder_add_string_value(b, c->key);
    json_builder_end_object(b);
    md_api_reply(c->request, 201, json_builder_get_root(b));
}

static void add(MdApiRequest *r, void *user)
{
    JsonObject *body = md_api_request_body(r);
    unsigned char random[32];
    char key[64];

    const char *problem = md_api_role_bind(r->api, MD_API_VIEWER, json_object_get_string_member_with_default(body, "area", ""), NULL);
    if (problem) {
        md_api_reply_error(r, 400, "invalid-field", problem, "GET " MD_API_PREFIX "/areas lists the areas");
        return;
    }
    randombytes_buf(random, sizeof random);
    sodium_bin2base64(key, sizeof key, random, sizeof random, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    Change *c = g_new0(Change, 1);
    c->request = r;
    c->name = g_strdup(json_object_get_string_member(body, "name"));
    c->purpose = g_strdup(json_object_get_string_member(body, "purpose"));
    c->area = g_strdup(json_object_get_string_member_with_default(body, "area", ""));
    c->key = g_strdup(key);
    c->hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, key, -1);
    c->now_us = md_clock_wall_us(r->api->clock);
    md_store_write(r->api->store, write_add, c, change_free, added, NULL);
}

static void list(MdApiRequest *r, void *user)
{
    static const char *const names[] = {"name", "purpose", "area", "created_us"};
    GError *error = NULL;
    g_autoptr(JsonBuilder) b = json_builder_new();
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(r->api->store), &error, "SELECT name, purpose, area, created_us FROM md_keys ORDER BY name", "");

    json_builder_begin_object(b);
    json_builder_set_member_name(b, "keys");
    json_builder_begin_array(b);
    while (rows && md_rows_next(rows, &error)) {
        json_builder_begin_object(b);
        for (int i = 0; i < 4; i++) {
            json_builder_set_member_name(b, names[i]);
            if (i < 3)
                json_builder_add_string_value(b, md_rows_text(rows, i));
            else
                json_builder_add_int_value(b, md_rows_int(rows, i));
        }
        json_builder_end_object(b);
    }
    json_builder_end_array(b);
    json_builder_end_object(b);
    if (error)
        md_api_reply_store_error(r, error);
    else
        md_api_reply(r, 200, json_builder_get_root(b));
    g_clear_error(&error);
}

static bool write_remove(MdDb *db, gpointer data, GError **error)
{
    Change *c = data;
    bool ok = md_db_run(db, error, "DELETE FROM md_keys WHERE name = $1", "s", c->name);

    c->found = md_db_changes(db) > 0;
    return ok;
}

static void removed(bool ok, const GError *error, gpointer data, gpointer user)
{
    Change *c = data;

    if (!ok)
        md_api_reply_store_error(c->request, error);
    else if (c->found)
        md_api_reply(c->request, 204, NULL);
    else
        md_api_reply_error(c->request, 404, "not-found", "there is no such key", "GET " MD_API_PREFIX "/keys lists them");
}

static void remove_key(MdApiRequest *r, void *user)
{
    Change *c = g_new0(Change, 1);

    c->request = r;
    c->name = g_strdup(md_api_request_param(r, "key"));
    md_store_write(r->api->store, write_remove, c, change_free, removed, NULL);
}

#define PURPOSE "{\"type\":\"string\",\"enum\":[\"feed\",\"feedback\",\"central\",\"vendor\"]}"
#define NAME "{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9._-]{1,64}$\"}"
#define AREA "{\"type\":\"string\",\"maxLength\":64,\"description\":\"what it concerns; empty: the whole province\"}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/keys", .rights = MD_API_MAY_PEOPLE, .role = MD_API_ADMIN, .province = true, .handler = list,
     .summary = "Keys of programs that read the feed or hand in what people report.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"keys\"],\"properties\":{\"keys\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
                        "\"name\":" NAME ",\"purpose\":" PURPOSE ",\"area\":" AREA ",\"created_us\":{\"type\":\"integer\"}}}}}}"},
    {.method = "POST", .path = "/keys", .rights = MD_API_MAY_PEOPLE, .role = MD_API_ADMIN, .province = true, .second_factor = true, .handler = add,
     .summary = "Make a key; it is shown this once.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\",\"purpose\"],\"properties\":{\"name\":" NAME ",\"purpose\":"
                       PURPOSE ",\"area\":" AREA "}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"name\",\"key\"],\"properties\":{\"name\":" NAME ",\"key\":{\"type\":\"string\"}}}"},
    {.method = "DELETE", .path = "/keys/{key}", .rights = MD_API_MAY_PEOPLE, .role = MD_API_ADMIN, .province = true, .second_factor = true,
     .handler = remove_key, .summary = "Remove a key: whoever has it is shut out."},
};

void md_api_key_routes(MdApi *api)
{
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), NULL);
}
