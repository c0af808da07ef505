/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Accounts of people and programs that use the API, and the set-up code that makes the first of them. */
#include "mediad/api/private.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>

void md_api_user_free(MdApiUser *user)
{
    if (!user)
        return;
    g_free(user->name);
    g_free(user->area);
    g_free(user->vendor);
    g_free(user->hash);
    g_free(user);
}

static MdApiUser *user_of_row(MdRows *rows)
{
    MdApiUser *user = g_new0(MdApiUser, 1);

    user->name = g_strdup(md_rows_text(rows, 0));
    user->role = md_api_role_from_string(md_rows_text(rows, 1));
    user->area = g_strdup(md_rows_text(rows, 2));
    user->hash = g_strdup(md_rows_text(rows, 3));
    user->disabled = md_rows_int(rows, 4) != 0;
    user->vendor = g_strdup(md_rows_text(rows, 5));
    user->enrolled = md_rows_int(rows, 6) != 0;
    return user;
}

#define USERS                                                                                                          \
    "SELECT name, role, area, hash, disabled, vendor, CASE WHEN f.secret IS NULL THEN 0 ELSE 1 END FROM md_users u "    \
    "LEFT JOIN md_factors f ON f.user_name = u.name "

MdApiUser *md_api_user_load(MdDb *db, const char *name, GError **error)
{
    g_autoptr(MdRows) rows =
        md_db_query(db, error, USERS "WHERE name = $1", "s", name);

    return rows && md_rows_next(rows, error) ? user_of_row(rows) : NULL;
}

static bool count(MdDb *db, const char *sql, int64_t *ret, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(db, error, sql, "");

    if (!rows || !md_rows_next(rows, error))
        return false;
    *ret = md_rows_int(rows, 0);
    return true;
}

/* --- set-up code --- */

static char *code_path(const MdApi *api)
{
    return g_build_filename(api->state_dir, "setup-code", NULL);
}

/* 80 random bits in an alphabet without look-alikes, in groups of four. */
char *md_api_new_code(void)
{
    static const char alphabet[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    GString *code = g_string_new(NULL);

    for (unsigned i = 0; i < 16; i++) {
        if (i && i % 4 == 0)
            g_string_append_c(code, '-');
        g_string_append_c(code, alphabet[randombytes_uniform(sizeof alphabet - 1)]);
    }
    return g_string_free(code, FALSE);
}

bool md_api_users_setup(MdApi *api, GError **error)
{
    int64_t users;
    g_autofree char *path = code_path(api);

    if (!count(md_store_reader(api->store), "SELECT count(*) FROM md_users", &users, error))
        return false;
    if (users > 0) {
        g_unlink(path);
        return true;
    }
    api->setup_code = md_api_new_code();
    g_autofree char *line = g_strconcat(api->setup_code, "\n", NULL);
    if (!g_file_set_contents_full(path, line, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error))
        return false;
    md_notice(&api->logger, "nobody has an account yet: make the first administrator with the set-up code %s "
                            "(also in %s): mediactl setup", api->setup_code, path);
    return true;
}

const char *md_api_setup_code(const MdApi *api)
{
    return api->setup_code;
}

/* --- writing --- */

typedef struct Change {
    MdApiRequest *request;
    enum { SETUP, ADD, UPDATE, DELETE } kind;
    char *name, *role, *area, *vendor, *hash, *disabled; /* UPDATE: NULL keeps */
    int64_t time_us;
    bool found;
} Change;

static void change_free(gpointer data)
{
    Change *c = data;

    g_free(c->name);
    g_free(c->role);
    g_free(c->area);
    g_free(c->vendor);
    g_free(c->hash);
    g_free(c->disabled);
    g_free(c);
}

static bool run_change(MdDb *db, Change *c, GError **error)
{
    if (c->kind == SETUP || c->kind == ADD)
        return md_db_run(db, error,
                         "INSERT INTO md_users (name, role, area, hash, disabled, created_us, vendor) VALUES ($1, $2, $3, $4, 0, $5, $6)",
                         "ssssis", c->name, c->role, c->area ? c->area : "", c->hash, c->time_us, c->vendor ? c->vendor : "");
    if (c->kind == DELETE)
        return md_db_run(db, error, "DELETE FROM md_users WHERE name = $1", "s", c->name);
    return md_db_run(db, error,
                     "UPDATE md_users SET role = COALESCE($2, role), area = COALESCE($3, area), hash = COALESCE($4, hash), "
                     "disabled = COALESCE(CAST($5 AS BIGINT), disabled), vendor = COALESCE($6, vendor) WHERE name = $1",
                     "ssssss", c->name, c->role, c->area, c->hash, c->disabled, c->vendor);
}

static bool apply(MdDb *db, gpointer data, GError **error)
{
    Change *c = data;
    int64_t n;

    if (c->kind == SETUP) {
        if (!count(db, "SELECT count(*) FROM md_users", &n, error))
            return false;
        if (n > 0) {
            g_set_error(error, MD_STORE_ERROR, MD_STORE_ERROR_CONSTRAINT, "set-up was done already");
            return false;
        }
    }
    if (!run_change(db, c, error))
        return false;
    c->found = md_db_changes(db) > 0;
    if (c->kind == UPDATE && !md_db_run(db, error, "DELETE FROM md_sessions WHERE user_name = $1", "s", c->name))
        return false;
    if (!count(db, "SELECT count(*) FROM md_users WHERE role = 'admin' AND disabled = 0", &n, error))
        return false;
    if (n == 0) {
        g_set_error(error, MD_STORE_ERROR, MD_STORE_ERROR_CONSTRAINT,
                    "this is the last administrator: make another one first");
        return false;
    }
    return true;
}

static void add_user_json(JsonBuilder *b, const MdApiUser *user)
{
    json_builder_begin_object(b);
    json_builder_set_member_name(b, "name");
    json_builder_add_string_value(b, user->name);
    json_builder_set_member_name(b, "role");
    json_builder_add_string_value(b, md_api_role_to_string(user->role));
    json_builder_set_member_name(b, "area");
    json_builder_add_string_value(b, user->area);
    if (*user->vendor) {
        json_builder_set_member_name(b, "vendor");
        json_builder_add_string_value(b, user->vendor);
    }
    json_builder_set_member_name(b, "disabled");
    json_builder_add_boolean_value(b, user->disabled);
    json_builder_set_member_name(b, "second_factor");
    json_builder_add_boolean_value(b, user->enrolled);
    json_builder_end_object(b);
}

static void reply_user(MdApiRequest *r, int status, const char *name)
{
    GError *error = NULL;
    g_autoptr(MdApiUser) user = md_api_user_load(md_store_reader(r->api->store), name, &error);

    if (error) {
        md_api_reply_store_error(r, error);
        g_error_free(error);
        return;
    }
    if (!user) {
        md_api_reply_error(r, 404, "user-not-found", "there is no such user", "GET " MD_API_PREFIX "/users lists them");
        return;
    }
    g_autoptr(JsonBuilder) b = json_builder_new();
    add_user_json(b, user);
    md_api_reply(r, status, json_builder_get_root(b));
}

static void applied(bool ok, const GError *error, gpointer data, gpointer user)
{
    Change *c = data;
    MdApiRequest *r = c->request;
    MdApi *api = r->api;

    if (!ok) {
        if (c->kind == ADD && g_error_matches(error, MD_STORE_ERROR, MD_STORE_ERROR_CONSTRAINT))
            md_api_reply_error(r, 409, "user-exists", "that name is taken", "choose another, or PATCH the user");
        else
            md_api_reply_store_error(r, error);
        return;
    }
    if (!c->found) {
        md_api_reply_error(r, 404, "user-not-found", "there is no such user", NULL);
        return;
    }
    if (c->kind == SETUP) {
        g_autofree char *path = code_path(api);
        g_unlink(path);
        g_clear_pointer(&api->setup_code, g_free);
        r->user = g_strdup(c->name);
        md_notice(&api->logger, "set up: %s is the first administrator", c->name);
    }
    if (c->kind == UPDATE || c->kind == DELETE)
        md_api_sessions_drop_user(api, c->name);
    if (c->kind == DELETE)
        md_api_reply(r, 204, NULL);
    else
        reply_user(r, c->kind == UPDATE ? 200 : 201, c->name);
}

static void submit(Change *c)
{
    md_store_write(c->request->api->store, apply, c, change_free, applied, NULL);
}

static void hashed(bool ok, const char *hash, gpointer user)
{
    Change *c = user;

    if (!ok) {
        md_api_reply_error(c->request, 503, "busy", "not enough memory to hash a password", "try again");
        change_free(c);
        return;
    }
    c->hash = g_strdup(hash);
    submit(c);
}

static Change *change_new(MdApiRequest *r, int kind, const char *name)
{
    Change *c = g_new0(Change, 1);

    c->request = r;
    c->kind = kind;
    c->name = g_strdup(name);
    c->time_us = md_clock_wall_us(r->api->clock);
    return c;
}

static void hash_and_submit(Change *c, const char *password)
{
    MdApiRequest *r = c->request;

    if (strcmp(password, c->name) == 0) {
        md_api_reply_error(r, 400, "weak-password", "field 'password': must not be the user name", NULL);
        change_free(c);
    } else if (!md_api_password_hash(r->api->passwords, password, hashed, c)) {
        md_api_reply_error(r, 503, "busy", "too many sign-ins at once", "try again in a few seconds");
        change_free(c);
    }
}

/* --- requests --- */

static bool code_matches(const char *expected, const char *given)
{
    g_autofree char *upper = g_ascii_strup(given, -1);
    g_strstrip(upper);

    return strlen(upper) == strlen(expected) && sodium_memcmp(upper, expected, strlen(expected)) == 0;
}

static void setup(MdApiRequest *r, void *user)
{
    MdApi *api = r->api;
    JsonObject *body = md_api_request_body(r);
    int64_t now_us = md_clock_now_us(api->clock);
    unsigned wait = md_api_guard_sign_in_wait(api->guard, r->source, "set-up", now_us);

    if (!api->setup_code) {
        md_api_reply_error(r, 409, "set-up-done", "set-up was done already", "sign in with an administrator's account");
        return;
    }
    if (wait) {
        g_autofree char *hint = g_strdup_printf("try again in %u s", wait);
        g_clear_pointer(&r->audit_detail, g_free);
        md_api_reply_error(r, 429, "too-many-tries", "too many wrong codes", hint);
        return;
    }
    bool ok = code_matches(api->setup_code, json_object_get_string_member(body, "code"));
    md_api_guard_sign_in_result(api->guard, r->source, "set-up", ok, now_us);
    if (!ok) {
        md_api_reply_error(r, 403, "wrong-code", "the set-up code is wrong",
                           "the daemon's log and the file setup-code in its state directory have it");
        return;
    }
    Change *c = change_new(r, SETUP, json_object_get_string_member(body, "user"));
    c->role = g_strdup("admin");
    hash_and_submit(c, json_object_get_string_member(body, "password"));
}

/* Whether the page of the first account is of any use; a wrong try at POST /setup tells as much. */
static void show_setup(MdApiRequest *r, void *unused)
{
    g_autoptr(JsonBuilder) b = json_builder_new();

    json_builder_begin_object(b);
    json_builder_set_member_name(b, "needed");
    json_builder_add_boolean_value(b, r->api->setup_code != NULL);
    json_builder_end_object(b);
    md_api_reply(r, 200, json_builder_get_root(b));
}

static void list(MdApiRequest *r, void *unused)
{
    GError *error = NULL;
    g_autoptr(JsonBuilder) b = json_builder_new();
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(r->api->store), &error, USERS "ORDER BY name", "");

    json_builder_begin_object(b);
    json_builder_set_member_name(b, "users");
    json_builder_begin_array(b);
    while (rows && md_rows_next(rows, &error)) {
        g_autoptr(MdApiUser) user = user_of_row(rows);
        add_user_json(b, user);
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

/* May an account be what it would be after the change? Replies when not. */
static bool may_be(MdApiRequest *r, const char *role, const char *area, const char *vendor)
{
    const char *problem = md_api_role_bind(r->api, md_api_role_from_string(role), area, vendor);

    if (problem)
        md_api_reply_error(r, 400, "invalid-field", problem, "GET " MD_API_PREFIX "/areas lists the areas; the role decides where it may work");
    return !problem;
}

static void add(MdApiRequest *r, void *user)
{
    JsonObject *body = md_api_request_body(r);
    const char *role = json_object_get_string_member(body, "role"), *area = json_object_get_string_member_with_default(body, "area", ""),
               *vendor = json_object_get_string_member_with_default(body, "vendor", "");

    if (!may_be(r, role, area, vendor))
        return;
    Change *c = change_new(r, ADD, json_object_get_string_member(body, "name"));
    c->role = g_strdup(role);
    c->area = g_strdup(area);
    c->vendor = g_strdup(vendor);
    hash_and_submit(c, json_object_get_string_member(body, "password"));
}

static void get(MdApiRequest *r, void *user)
{
    reply_user(r, 200, md_api_request_param(r, "user"));
}

static void update(MdApiRequest *r, void *user)
{
    JsonObject *body = md_api_request_body(r);
    GError *error = NULL;
    g_autoptr(MdApiUser) was = md_api_user_load(md_store_reader(r->api->store), md_api_request_param(r, "user"), &error);

    g_clear_error(&error); /* the write meets it again */
    const char *role = json_object_get_string_member_with_default(body, "role", NULL);
    bool moved = role || json_object_has_member(body, "area") || json_object_has_member(body, "vendor");
    if (was && moved && !may_be(r, role ? role : md_api_role_to_string(was->role), json_object_get_string_member_with_default(body, "area", was->area),
                                json_object_get_string_member_with_default(body, "vendor", was->vendor)))
        return;
    Change *c = change_new(r, UPDATE, md_api_request_param(r, "user"));
    c->vendor = g_strdup(json_object_get_string_member_with_default(body, "vendor", NULL));
    c->role = g_strdup(json_object_get_string_member_with_default(body, "role", NULL));
    c->area = g_strdup(json_object_get_string_member_with_default(body, "area", NULL));
    if (json_object_has_member(body, "disabled"))
        c->disabled = g_strdup(json_object_get_boolean_member(body, "disabled") ? "1" : "0");
    if (json_object_has_member(body, "password"))
        hash_and_submit(c, json_object_get_string_member(body, "password"));
    else
        submit(c);
}

static void remove_user(MdApiRequest *r, void *user)
{
    submit(change_new(r, DELETE, md_api_request_param(r, "user")));
}

static void old_verified(bool ok, const char *hash, gpointer user)
{
    Change *c = user;
    MdApiRequest *r = c->request;

    md_api_guard_sign_in_result(r->api->guard, r->source, c->name, ok, md_clock_now_us(r->api->clock));
    if (!ok) {
        md_api_reply_error(r, 403, "wrong-password", "field 'old_password': is not the present password", NULL);
        change_free(c);
        return;
    }
    hash_and_submit(c, json_object_get_string_member(md_api_request_body(r), "password"));
}

static void own_password(MdApiRequest *r, void *unused)
{
    MdApi *api = r->api;
    GError *error = NULL;
    g_autoptr(MdApiUser) user = md_api_user_load(md_store_reader(api->store), r->user, &error);
    unsigned wait = md_api_guard_sign_in_wait(api->guard, r->source, r->user, md_clock_now_us(api->clock));

    g_clear_error(&error);
    if (wait) {
        md_api_reply_error(r, 429, "too-many-tries", "too many wrong passwords", "try again later");
        return;
    }
    Change *c = change_new(r, UPDATE, r->user);
    if (!md_api_password_verify(api->passwords, json_object_get_string_member(md_api_request_body(r), "old_password"),
                                user ? user->hash : NULL, old_verified, c)) {
        md_api_reply_error(r, 503, "busy", "too many sign-ins at once", "try again in a few seconds");
        change_free(c);
    }
}

#define NAME "{\"type\":\"string\",\"pattern\":\"^[a-z0-9][a-z0-9._@-]{0,63}$\",\"maxLength\":64}"
#define ROLE                                                                                                           \
    "{\"type\":\"string\",\"enum\":[\"viewer\",\"broadcaster\",\"operator\",\"admin\",\"provincial-editor\",\"provincial-approver\","        \
    "\"commune-editor\",\"commune-approver\",\"auditor\",\"vendor\"]}"
#define VENDOR "{\"type\":\"string\",\"maxLength\":100,\"description\":\"for the role vendor: the name its devices carry\"}"
#define PASSWORD "{\"type\":\"string\",\"minLength\":10,\"maxLength\":256}"
#define AREA "{\"type\":\"string\",\"maxLength\":64,\"description\":\"area the account works in; empty: the whole province\"}"
#define USER                                                                                                           \
    "{\"type\":\"object\",\"required\":[\"name\",\"role\",\"area\",\"disabled\"],\"properties\":{\"name\":{\"type\":\"string\"},"    \
    "\"role\":" ROLE ",\"area\":{\"type\":\"string\"},\"vendor\":" VENDOR ",\"disabled\":{\"type\":\"boolean\"},"             \
    "\"second_factor\":{\"type\":\"boolean\"}}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/setup", .role = MD_API_ANYBODY, .handler = show_setup, .summary = "Whether the first administrator is still to be made.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"needed\"],\"properties\":{\"needed\":{\"type\":\"boolean\"}}}"},
    {.method = "POST", .path = "/setup", .role = MD_API_ANYBODY, .handler = setup,
     .summary = "Make the first administrator with the one-time set-up code.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"code\",\"user\",\"password\"],"
                       "\"properties\":{\"code\":{\"type\":\"string\",\"maxLength\":64},\"user\":" NAME ",\"password\":" PASSWORD "}}",
     .response_schema = USER},
    {.method = "GET", .path = "/users", .role = MD_API_ADMIN, .rights = MD_API_MAY_PEOPLE, .province = true, .handler = list, .summary = "Everybody who may sign in.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"users\"],\"properties\":{\"users\":{\"type\":\"array\",\"items\":" USER "}}}"},
    {.method = "POST", .path = "/users", .role = MD_API_ADMIN, .rights = MD_API_MAY_PEOPLE, .province = true, .second_factor = true, .handler = add, .summary = "Add a user.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\",\"role\",\"password\"],"
                       "\"properties\":{\"name\":" NAME ",\"role\":" ROLE ",\"area\":" AREA ",\"vendor\":" VENDOR ",\"password\":" PASSWORD "}}",
     .response_schema = USER},
    {.method = "GET", .path = "/users/{user}", .role = MD_API_ADMIN, .rights = MD_API_MAY_PEOPLE, .province = true, .handler = get, .summary = "One user.",
     .response_schema = USER},
    {.method = "PATCH", .path = "/users/{user}", .role = MD_API_ADMIN, .rights = MD_API_MAY_PEOPLE, .province = true, .second_factor = true, .handler = update,
     .summary = "Change a user; all sessions of it end.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"role\":" ROLE ",\"area\":" AREA
                       ",\"vendor\":" VENDOR ",\"disabled\":{\"type\":\"boolean\"},\"password\":" PASSWORD "}}",
     .response_schema = USER},
    {.method = "DELETE", .path = "/users/{user}", .role = MD_API_ADMIN, .rights = MD_API_MAY_PEOPLE, .province = true, .second_factor = true, .handler = remove_user, .summary = "Remove a user."},
    {.method = "POST", .path = "/session/password", .role = MD_API_VIEWER, .vendor = true, .handler = own_password,
     .summary = "Change the own password; all own sessions end.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"old_password\",\"password\"],"
                       "\"properties\":{\"old_password\":{\"type\":\"string\",\"maxLength\":256},\"password\":" PASSWORD "}}",
     .response_schema = USER},
};

void md_api_user_routes(MdApi *api)
{
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), NULL);
}
