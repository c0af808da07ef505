/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/api/private.h"
#include <string.h>

#define DETAIL_MAX 1024
#define SEARCHED_MAX 50000 /* rows looked through for an account that sees only some of them */

typedef struct Row {
    MdApi *api;
    int64_t time_us;
    char *who, *source, *what, *detail;
    int64_t status;
    void (*done)(bool ok, gpointer user);
    gpointer user;
} Row;

static void row_free(gpointer data)
{
    Row *row = data;

    g_free(row->who);
    g_free(row->source);
    g_free(row->what);
    g_free(row->detail);
    g_free(row);
}

static void feed(GChecksum *sum, const char *text)
{
    g_autofree char *length = g_strdup_printf("%zu:", strlen(text));

    g_checksum_update(sum, (const guchar *)length, -1);
    g_checksum_update(sum, (const guchar *)text, -1);
}

/* Every field with its length, so that no two rows give the same bytes. */
static char *row_hash(const char *previous, int64_t number, int64_t time_us, const char *who, const char *source,
                      const char *what, const char *detail, int64_t status)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree char *numbers = g_strdup_printf("%" G_GINT64_FORMAT ",%" G_GINT64_FORMAT ",%" G_GINT64_FORMAT,
                                               (gint64)number, (gint64)time_us, (gint64)status);

    feed(sum, previous);
    feed(sum, numbers);
    feed(sum, who);
    feed(sum, source);
    feed(sum, what);
    feed(sum, detail);
    return g_strdup(g_checksum_get_string(sum));
}

bool md_audit_write(MdDb *db, int64_t time_us, const char *who, const char *source, const char *what, const char *detail, int64_t status, GError **error)
{
    GError *local = NULL;
    g_autoptr(MdRows) last = md_db_query(db, error, "SELECT number, hash FROM md_audit ORDER BY number DESC LIMIT 1", "");
    int64_t number = 1;
    g_autofree char *previous = NULL;

    if (!last)
        return false;
    if (md_rows_next(last, &local)) {
        number = md_rows_int(last, 0) + 1;
        previous = g_strdup(md_rows_text(last, 1));
    }
    if (local) {
        g_propagate_error(error, local);
        return false;
    }
    g_clear_pointer(&last, md_rows_free);
    g_autofree char *hash = row_hash(previous ? previous : "", number, time_us, who, source, what, detail, status);
    return md_db_run(db, error,
                     "INSERT INTO md_audit (number, time_us, who, source, what, detail, status, hash) "
                     "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                     "iissssis", number, time_us, who, source, what, detail, status, hash);
}

static bool append(MdDb *db, gpointer data, GError **error)
{
    const Row *row = data;

    return md_audit_write(db, row->time_us, row->who, row->source, row->what, row->detail, row->status, error);
}

static void appended(bool ok, const GError *error, gpointer data, gpointer user)
{
    Row *row = data;

    if (!ok)
        md_error(user, "audit: \"%s\" by %s could not be written: %s", row->what, row->who, error->message);
    if (row->done)
        row->done(ok, row->user);
}

void md_audit_append(MdApi *api, const char *who, const char *source, const char *what, const char *detail, int status,
                     void (*done)(bool ok, gpointer user), gpointer user)
{
    Row *row = g_new0(Row, 1);

    row->api = api;
    row->time_us = md_clock_wall_us(api->clock);
    row->who = g_strdup(who ? who : "-");
    row->source = g_strdup(source ? source : "");
    row->what = g_strdup(what);
    row->detail = g_utf8_make_valid(detail ? detail : "", -1);
    if (strlen(row->detail) > DETAIL_MAX)
        *g_utf8_find_prev_char(row->detail, row->detail + DETAIL_MAX + 1) = '\0';
    row->status = status;
    row->done = done;
    row->user = user;
    md_store_write(api->store, append, row, row_free, appended, &api->logger);
}

bool md_audit_verify_to(MdDb *db, int64_t *ret_rows, char **ret_head, GError **error)
{
    GError *local = NULL;
    int64_t expected = 1;
    g_autofree char *previous = g_strdup("");
    g_autoptr(MdRows) rows = md_db_query(
        db, error, "SELECT number, time_us, who, source, what, detail, status, hash FROM md_audit ORDER BY number", "");

    if (!rows)
        return false;
    while (md_rows_next(rows, &local)) {
        int64_t number = md_rows_int(rows, 0);
        if (number != expected) {
            g_set_error(error, MD_STORE_ERROR, MD_STORE_ERROR_CONSTRAINT,
                        "audit row %" G_GINT64_FORMAT " is missing", (gint64)expected);
            return false;
        }
        g_autofree char *hash = row_hash(previous, number, md_rows_int(rows, 1), md_rows_text(rows, 2),
                                         md_rows_text(rows, 3), md_rows_text(rows, 4), md_rows_text(rows, 5),
                                         md_rows_int(rows, 6));
        if (g_strcmp0(hash, md_rows_text(rows, 7)) != 0) {
            g_set_error(error, MD_STORE_ERROR, MD_STORE_ERROR_CONSTRAINT,
                        "audit row %" G_GINT64_FORMAT " was changed, or the one before it", (gint64)number);
            return false;
        }
        g_free(previous);
        previous = g_steal_pointer(&hash);
        expected++;
    }
    if (local) {
        g_propagate_error(error, local);
        return false;
    }
    if (ret_rows)
        *ret_rows = expected - 1;
    if (ret_head)
        *ret_head = g_steal_pointer(&previous);
    return true;
}

bool md_audit_verify(MdDb *db, int64_t *ret_rows, GError **error)
{
    return md_audit_verify_to(db, ret_rows, NULL, error);
}

/* --- what goes into the detail --- */

static JsonNode *without_secrets(JsonNode *node);

/* What comes after the host is left out: broadcasters' keys are the last part of the address. */
static char *address_alone(const char *url)
{
    const char *sign = strstr(url, "://"), *host = sign ? sign + 3 : url;
    size_t len = strcspn(host, "/?#");
    const char *at = g_strrstr_len(host, (gssize)len, "@");

    if (!sign)
        return g_strdup("***");
    return g_strdup_printf("%.*s%s%.*s%s", (int)(host - url), url, at ? "***" : "", (int)(host + len - (at ? at : host)), at ? at : host,
                           host[len] ? "/***" : "");
}

static void copy_member(JsonObject *object, const char *name, JsonNode *node, gpointer user)
{
    static const char *const secrets[] = {"password", "old_password", "pin", "chair_pin", "code", "one_time_code", "token", "secret", "key", "base64", "phone"};
    JsonObject *copy = user;

    for (unsigned i = 0; i < G_N_ELEMENTS(secrets); i++) {
        if (g_str_equal(name, secrets[i])) {
            json_object_set_string_member(copy, name, "***");
            return;
        }
    }
    if (g_str_equal(name, "url") && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING) {
        g_autofree char *told = address_alone(json_node_get_string(node));
        json_object_set_string_member(copy, name, told);
        return;
    }
    json_object_set_member(copy, name, without_secrets(node));
}

static void copy_element(JsonArray *array, guint at, JsonNode *node, gpointer user)
{
    json_array_add_element(user, without_secrets(node));
}

static JsonNode *without_secrets(JsonNode *node)
{
    if (JSON_NODE_HOLDS_OBJECT(node)) {
        JsonObject *copy = json_object_new();
        json_object_foreach_member(json_node_get_object(node), copy_member, copy);
        JsonNode *made = json_node_init_object(json_node_alloc(), copy);
        json_object_unref(copy);
        return made;
    }
    if (JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *copy = json_array_new();
        json_array_foreach_element(json_node_get_array(node), copy_element, copy);
        JsonNode *made = json_node_init_array(json_node_alloc(), copy);
        json_array_unref(copy);
        return made;
    }
    return json_node_copy(node);
}

char *md_api_audit_detail(JsonNode *body)
{
    g_autoptr(JsonNode) copy = without_secrets(body);

    return md_json_to_text(copy, false);
}

/* --- reading it --- */

/* Accounts in the area of whoever asks: of others' acts he sees nothing. NULL: he sees the whole province. */
static GHashTable *neighbours(MdApiRequest *r, GError **error)
{
    if (!r->area || !*r->area)
        return NULL;
    GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(r->api->store), error, "SELECT name, area FROM md_users", "");

    while (rows && md_rows_next(rows, error))
        if (md_api_request_sees(r, md_rows_text(rows, 1)))
            g_hash_table_add(names, g_strdup(md_rows_text(rows, 0)));
    return names;
}

static void list(MdApiRequest *r, void *user)
{
    MdApi *api = md_api_request_api(r);
    const char *before = md_api_request_query(r, "before"), *limit = md_api_request_query(r, "limit");
    const char *from = md_api_request_query(r, "from_us"), *to = md_api_request_query(r, "to_us"), *part = md_api_request_query(r, "what");
    const char *failed = md_api_request_query(r, "failed");
    GError *error = NULL;
    g_autoptr(GHashTable) seen = neighbours(r, &error);
    if (error) {
        md_api_reply_store_error(r, error);
        g_error_free(error);
        return;
    }
    int64_t wanted = limit ? g_ascii_strtoll(limit, NULL, 10) : 100;
    g_autoptr(JsonBuilder) b = json_builder_new();
    g_autoptr(MdRows) rows = md_db_query(
        md_store_reader(api->store), &error,
        "SELECT number, time_us, who, source, what, detail, status FROM md_audit WHERE number < $1 AND time_us >= $3 AND time_us < $4 "
        "AND (CAST($5 AS TEXT) IS NULL OR who = $5) AND (CAST($6 AS TEXT) IS NULL OR source = $6) AND status >= $7 "
        "AND (CAST($8 AS TEXT) IS NULL OR REPLACE(what, $8, '') <> what) ORDER BY number DESC LIMIT $2",
        "iiiissis", before ? (int64_t)g_ascii_strtoll(before, NULL, 10) : (int64_t)G_MAXINT64,
        seen ? (int64_t)SEARCHED_MAX : wanted, from ? (int64_t)g_ascii_strtoll(from, NULL, 10) : (int64_t)0,
        to ? (int64_t)g_ascii_strtoll(to, NULL, 10) : (int64_t)G_MAXINT64, md_api_request_query(r, "who"), md_api_request_query(r, "source"),
        g_strcmp0(failed, "true") == 0 ? (int64_t)400 : (int64_t)0, part && *part ? part : NULL);

    json_builder_begin_object(b);
    json_builder_set_member_name(b, "rows");
    json_builder_begin_array(b);
    while (wanted > 0 && rows && md_rows_next(rows, &error)) {
        if (seen && !g_hash_table_contains(seen, md_rows_text(rows, 2)))
            continue;
        wanted--;
        static const char *const names[] = {"number", "time_us", "who", "source", "what", "detail", "status"};
        json_builder_begin_object(b);
        for (int i = 0; i < (int)G_N_ELEMENTS(names); i++) {
            json_builder_set_member_name(b, names[i]);
            if (i < 2 || i == 6)
                json_builder_add_int_value(b, md_rows_int(rows, i));
            else
                json_builder_add_string_value(b, md_rows_text(rows, i));
        }
        json_builder_end_object(b);
    }
    json_builder_end_array(b);
    json_builder_end_object(b);
    if (error) {
        md_api_reply_store_error(r, error);
        g_error_free(error);
        return;
    }
    md_api_reply(r, 200, json_builder_get_root(b));
}

typedef struct Verify {
    MdApiRequest *request;
    int64_t rows;
    char *head;
    GError *problem;
} Verify;

static void verify_free(gpointer data)
{
    g_clear_error(&((Verify *)data)->problem);
    g_free(((Verify *)data)->head);
    g_free(data);
}

static bool verify_chain(MdDb *db, gpointer data, GError **error)
{
    Verify *v = data;

    md_audit_verify_to(db, &v->rows, &v->head, &v->problem);
    return true;
}

static void verified(bool ok, const GError *error, gpointer data, gpointer user)
{
    Verify *v = data;
    MdApiRequest *r = v->request;

    if (!ok) {
        md_api_reply_store_error(r, error);
        return;
    }
    g_autoptr(JsonBuilder) b = json_builder_new();
    json_builder_begin_object(b);
    json_builder_set_member_name(b, "intact");
    json_builder_add_boolean_value(b, v->problem == NULL);
    json_builder_set_member_name(b, "rows");
    json_builder_add_int_value(b, v->rows);
    if (v->head) {
        json_builder_set_member_name(b, "head");
        json_builder_add_string_value(b, v->head);
    }
    if (v->problem) {
        json_builder_set_member_name(b, "problem");
        json_builder_add_string_value(b, v->problem->message);
        if (r->api)
            md_error(&r->api->logger, "audit trail: %s", v->problem->message);
    }
    json_builder_end_object(b);
    md_api_reply(r, 200, json_builder_get_root(b));
}

/* On the store's thread: years of rows take seconds, and calls go on meanwhile. */
static void verify(MdApiRequest *r, void *user)
{
    Verify *v = g_new0(Verify, 1);

    v->request = r;
    md_store_write(md_api_request_api(r)->store, verify_chain, v, verify_free, verified, NULL);
}

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/audit", .rights = MD_API_MAY_AUDIT, .role = MD_API_ADMIN, .handler = list,
     .summary = "Who changed what, newest first.",
     .query_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
                     "\"before\":{\"type\":\"integer\",\"minimum\":1,\"description\":\"only rows with a smaller number\"},"
                     "\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000},\"who\":{\"type\":\"string\",\"maxLength\":128},"
                     "\"source\":{\"type\":\"string\",\"maxLength\":64},\"what\":{\"type\":\"string\",\"maxLength\":200,\"description\":\"a part of it\"},"
                     "\"failed\":{\"type\":\"boolean\",\"description\":\"only what was refused or failed\"},"
                     "\"from_us\":{\"type\":\"integer\",\"minimum\":0},\"to_us\":{\"type\":\"integer\",\"minimum\":0}}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"rows\"],\"properties\":{\"rows\":{\"type\":\"array\",\"items\":{"
                        "\"type\":\"object\",\"required\":[\"number\",\"time_us\",\"who\",\"what\",\"status\"],\"properties\":{"
                        "\"number\":{\"type\":\"integer\"},\"time_us\":{\"type\":\"integer\"},\"who\":{\"type\":\"string\"},"
                        "\"source\":{\"type\":\"string\"},\"what\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"},"
                        "\"status\":{\"type\":\"integer\"}}}}}}"},
    {.method = "GET", .path = "/audit/verify", .rights = MD_API_MAY_AUDIT, .role = MD_API_ADMIN, .handler = verify,
     .summary = "Check the hash chain of the audit trail from its first row.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"intact\",\"rows\"],\"properties\":{\"intact\":{\"type\":\"boolean\"},"
                        "\"rows\":{\"type\":\"integer\"},\"head\":{\"type\":\"string\",\"description\":\"hash of the last row: note it, and rows cut off the end show\"},\"problem\":{\"type\":\"string\"}}}"},
};

void md_api_audit_routes(MdApi *api)
{
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), NULL);
}
