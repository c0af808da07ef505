/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sign-in: a bearer token of 256 random bits per session, which a browser keeps as a cookie (cookie.c). Only its SHA-256 is kept, here and in the store: a stolen database
 * signs nobody in. A session slides: each use moves its end. */
#include "mediad/api/private.h"
#include <sodium.h>
#include <string.h>

#define PER_USER_MAX 64

struct MdApiSessions {
    GHashTable *by_hash; /* → MdApiSession */
    int64_t lifetime_us;
};

static void session_free(gpointer data)
{
    MdApiSession *s = data;

    g_free(s->hash);
    g_free(s->user);
    g_free(s->area);
    g_free(s->vendor);
    g_free(s);
}

MdApiSessions *md_api_sessions_new(MdApi *api, GError **error)
{
    MdApiSessions *sessions = g_new0(MdApiSessions, 1);
    GError *local = NULL;

    sessions->by_hash = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, session_free);
    sessions->lifetime_us = (int64_t)api->session_lifetime_s * G_USEC_PER_SEC;
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(api->store), &local,
                                         "SELECT s.hash, s.user_name, s.expires_us, u.role, u.area, u.vendor, CASE WHEN f.secret IS NULL THEN 0 ELSE 1 END FROM md_sessions s "
                                         "JOIN md_users u ON u.name = s.user_name LEFT JOIN md_factors f ON f.user_name = u.name "
                                         "WHERE u.disabled = 0 AND s.expires_us > $1",
                                         "i", md_clock_wall_us(api->clock));
    while (rows && md_rows_next(rows, &local)) {
        MdApiSession *s = g_new0(MdApiSession, 1);
        s->hash = g_strdup(md_rows_text(rows, 0));
        s->user = g_strdup(md_rows_text(rows, 1));
        s->expires_us = s->written_us = md_rows_int(rows, 2);
        s->role = md_api_role_from_string(md_rows_text(rows, 3));
        s->area = g_strdup(md_rows_text(rows, 4));
        s->vendor = g_strdup(md_rows_text(rows, 5));
        s->must_enrol = !md_rows_int(rows, 6) && md_api_factor_required(api, s->role);
        g_hash_table_insert(sessions->by_hash, s->hash, s);
    }
    if (local) {
        g_propagate_error(error, local);
        md_api_sessions_free(sessions);
        return NULL;
    }
    return sessions;
}

void md_api_sessions_free(MdApiSessions *sessions)
{
    if (!sessions)
        return;
    g_hash_table_unref(sessions->by_hash);
    g_free(sessions);
}

unsigned md_api_sessions_count(const MdApi *api)
{
    return g_hash_table_size(api->sessions->by_hash);
}

/* --- the store's side --- */

typedef struct Write {
    MdApiRequest *request;
    char *hash, *user, *token;
    MdApiUser *account;
    int64_t created_us, expires_us;
    bool inserted; /* false: the account was changed meanwhile */
    bool with_code; /* a one-time code came with the password, and was right */
} Write;

static void write_free(gpointer data)
{
    Write *w = data;

    g_free(w->hash);
    g_free(w->user);
    if (w->token)
        sodium_memzero(w->token, strlen(w->token));
    g_free(w->token);
    md_api_user_free(w->account);
    g_free(w);
}

static bool write_insert(MdDb *db, gpointer data, GError **error)
{
    Write *w = data;

    return md_db_run(db, error, "DELETE FROM md_sessions WHERE expires_us <= $1", "i", w->created_us) &&
           md_db_run(db, error,
                     "INSERT INTO md_sessions (hash, user_name, created_us, expires_us) SELECT $1, name, CAST($2 AS BIGINT),"
                     " CAST($3 AS BIGINT) FROM md_users WHERE name = $4 AND hash = $5 AND role = $6 AND area = $7 AND vendor = $8 AND disabled = 0",
                     "siisssss", w->hash, w->created_us, w->expires_us, w->user, w->account->hash,
                     md_api_role_to_string(w->account->role), w->account->area, w->account->vendor) &&
           ((w->inserted = md_db_changes(db) > 0) || true);
}

static bool write_extend(MdDb *db, gpointer data, GError **error)
{
    Write *w = data;

    return md_db_run(db, error, "UPDATE md_sessions SET expires_us = $1 WHERE hash = $2", "is", w->expires_us, w->hash);
}

static bool write_delete(MdDb *db, gpointer data, GError **error)
{
    Write *w = data;

    return md_db_run(db, error, "DELETE FROM md_sessions WHERE hash = $1", "s", w->hash);
}

const MdApiSession *md_api_session_find(MdApi *api, const char *token)
{
    if (strlen(token) > 128)
        return NULL;
    g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, token, -1);
    MdApiSession *s = g_hash_table_lookup(api->sessions->by_hash, hash);
    int64_t now_us = md_clock_wall_us(api->clock);

    if (!s)
        return NULL;
    if (s->expires_us <= now_us) {
        g_hash_table_remove(api->sessions->by_hash, hash);
        return NULL;
    }
    s->expires_us = now_us + api->sessions->lifetime_us;
    if (s->expires_us - s->written_us > api->sessions->lifetime_us / 8) {
        Write *w = g_new0(Write, 1);
        w->hash = g_strdup(hash);
        w->expires_us = s->written_us = s->expires_us;
        md_store_write(api->store, write_extend, w, write_free, NULL, NULL);
    }
    return s;
}

MdApiSession *md_api_session_by_hash(MdApi *api, const char *hash)
{
    return hash ? g_hash_table_lookup(api->sessions->by_hash, hash) : NULL;
}

int64_t md_api_session_unlock(MdApi *api, const char *hash)
{
    MdApiSession *s = md_api_session_by_hash(api, hash);

    if (!s)
        return 0;
    s->must_enrol = false;
    s->unlocked_us = md_clock_wall_us(api->clock) + (int64_t)MD_API_UNLOCKED_S * G_USEC_PER_SEC;
    return s->unlocked_us;
}

bool md_api_session_alive(MdApi *api, const char *hash)
{
    const MdApiSession *s = g_hash_table_lookup(api->sessions->by_hash, hash);

    return s && s->expires_us > md_clock_wall_us(api->clock);
}

static gboolean is_of_user(gpointer key, gpointer value, gpointer user)
{
    return g_str_equal(((MdApiSession *)value)->user, user);
}

void md_api_sessions_drop_user(MdApi *api, const char *user)
{
    g_hash_table_foreach_remove(api->sessions->by_hash, is_of_user, (gpointer)user);
    md_api_events_recheck(api);
}

/* Makes room: what has ended goes, then the user's own oldest. False: full of other people's. */
static bool make_room(MdApi *api, const char *user)
{
    MdApiSessions *sessions = api->sessions;
    GHashTableIter iter;
    gpointer value;
    unsigned own = 0;
    MdApiSession *oldest = NULL;
    int64_t now_us = md_clock_wall_us(api->clock);

    g_hash_table_iter_init(&iter, sessions->by_hash);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        MdApiSession *s = value;
        if (s->expires_us <= now_us) {
            g_hash_table_iter_remove(&iter);
            continue;
        }
        if (!g_str_equal(s->user, user))
            continue;
        own++;
        if (!oldest || s->expires_us < oldest->expires_us)
            oldest = s;
    }
    if (own < PER_USER_MAX && g_hash_table_size(sessions->by_hash) < api->sessions_max)
        return true;
    if (!oldest)
        return false;
    Write *w = g_new0(Write, 1);
    w->hash = g_strdup(oldest->hash);
    g_hash_table_remove(sessions->by_hash, w->hash);
    md_store_write(api->store, write_delete, w, write_free, NULL, NULL);
    return true;
}

/* --- requests --- */

static JsonNode *session_json(const char *token, const char *csrf, const char *user, MdApiRole role, const char *area, const char *vendor, int64_t expires_us)
{
    g_autofree char *text = md_api_rights_to_string(md_api_role_rights(role));
    g_auto(GStrv) rights = g_strsplit(text, ",", -1);
    g_autoptr(JsonBuilder) b = json_builder_new();

    json_builder_begin_object(b);
    if (token) {
        json_builder_set_member_name(b, "token");
        json_builder_add_string_value(b, token);
    }
    if (csrf) {
        json_builder_set_member_name(b, "csrf");
        json_builder_add_string_value(b, csrf);
    }
    json_builder_set_member_name(b, "user");
    json_builder_add_string_value(b, user);
    json_builder_set_member_name(b, "role");
    json_builder_add_string_value(b, md_api_role_to_string(role));
    json_builder_set_member_name(b, "area");
    json_builder_add_string_value(b, area);
    if (vendor && *vendor) {
        json_builder_set_member_name(b, "vendor");
        json_builder_add_string_value(b, vendor);
    }
    json_builder_set_member_name(b, "rights");
    json_builder_begin_array(b);
    for (unsigned i = 0; rights[i]; i++)
        json_builder_add_string_value(b, rights[i]);
    json_builder_end_array(b);
    json_builder_set_member_name(b, "expires_us");
    json_builder_add_int_value(b, expires_us);
    json_builder_end_object(b);
    return json_builder_get_root(b);
}

static void refuse_sign_in(MdApiRequest *r)
{
    r->api->counters.sign_ins_failed++;
    md_notice(&r->api->logger, "sign-in refused for \"%.64s\" from %s",
              json_object_get_string_member(md_api_request_body(r), "user"), r->source);
    md_api_reply_error(r, 401, "wrong-password", "user or password is wrong", "an administrator can set a new password");
}

static void inserted(bool ok, const GError *error, gpointer data, gpointer user)
{
    Write *w = data;
    MdApiRequest *r = w->request;
    MdApi *api = r->api;

    if (!ok) {
        md_api_reply_store_error(r, error);
        return;
    }
    if (!w->inserted) {
        refuse_sign_in(r);
        return;
    }
    MdApiSession *s = g_new0(MdApiSession, 1);
    s->hash = g_strdup(w->hash);
    s->user = g_strdup(w->user);
    s->area = g_strdup(w->account->area);
    s->vendor = g_strdup(w->account->vendor);
    s->role = w->account->role;
    s->must_enrol = !w->account->enrolled && md_api_factor_required(api, s->role);
    s->expires_us = s->written_us = w->expires_us;
    g_hash_table_insert(api->sessions->by_hash, s->hash, s);
    if (w->with_code)
        md_api_session_unlock(api, s->hash);
    api->counters.sign_ins++;
    r->user = g_strdup(w->user);
    bool cookie = json_object_get_boolean_member_with_default(md_api_request_body(r), "cookie", false);
    g_autofree char *csrf = cookie ? md_api_csrf_of(w->token) : NULL;
    if (cookie)
        md_api_set_cookie(r, w->token);
    md_api_reply(r, 201, session_json(cookie ? NULL : w->token, csrf, s->user, s->role, s->area, s->vendor, s->expires_us));
}

static void begin_session(Write *w)
{
    MdApiRequest *r = w->request;
    MdApi *api = r->api;
    unsigned char random[32];
    char token[64];

    if (!make_room(api, w->user)) {
        md_api_reply_error(r, 503, "too-many-sessions", "too many people are signed in", "try again later");
        write_free(w);
        return;
    }
    randombytes_buf(random, sizeof random);
    sodium_bin2base64(token, sizeof token, random, sizeof random, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    w->token = g_strdup(token);
    w->hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, token, -1);
    w->created_us = md_clock_wall_us(api->clock);
    w->expires_us = w->created_us + api->sessions->lifetime_us;
    md_store_write(api->store, write_insert, w, write_free, inserted, NULL);
}

static void code_checked(MdApiRequest *r, MdFactorResult result, const GError *error, gpointer data)
{
    Write *w = data;

    if (result != MD_FACTOR_RIGHT || !r->api || r->api->closing) {
        if (r->api)
            r->api->counters.sign_ins_failed++;
        md_api_factor_refuse(r, w->user, result, error);
        write_free(w);
        return;
    }
    w->with_code = true;
    begin_session(w);
}

static void verified(bool ok, const char *hash, gpointer user)
{
    Write *w = user;
    MdApiRequest *r = w->request;
    MdApi *api = r->api;
    GError *error = NULL;

    /* a change of the account while the hash was worked on counts */
    g_autoptr(MdApiUser) now = ok ? md_api_user_load(md_store_reader(api->store), w->user, &error) : NULL;
    g_clear_error(&error);
    if (!now || now->disabled || g_strcmp0(now->hash, w->account->hash) != 0) {
        refuse_sign_in(r);
        write_free(w);
        return;
    }
    md_api_user_free(w->account);
    w->account = g_steal_pointer(&now); /* role and area as they are now, and as they must still be when the session is written */
    md_api_guard_sign_in_result(api->guard, r->source, w->user, true, md_clock_now_us(api->clock));
    const char *code = json_object_get_string_member_with_default(md_api_request_body(r), "one_time_code", NULL);
    if (w->account->enrolled && !code) {
        md_api_reply_error(r, 401, "second-factor-needed", "this account signs in with a one-time code too",
                           "send it as \"one_time_code\" beside user and password");
        write_free(w);
    } else if (w->account->enrolled) {
        md_api_factor_verify(r, w->user, code, code_checked, w);
    } else {
        begin_session(w);
    }
}

static void create(MdApiRequest *r, void *user)
{
    MdApi *api = r->api;
    JsonObject *body = md_api_request_body(r);
    const char *name = json_object_get_string_member(body, "user");
    int64_t now_us = md_clock_now_us(api->clock);
    unsigned wait = md_api_guard_sign_in_wait(api->guard, r->source, name, now_us);
    GError *error = NULL;

    if (wait) {
        g_autofree char *hint = g_strdup_printf("try again in %u s", wait);
        g_autofree char *seconds = g_strdup_printf("%u", wait);
        soup_message_headers_replace(soup_server_message_get_response_headers(r->message), "Retry-After", seconds);
        g_clear_pointer(&r->audit_detail, g_free);
        md_api_reply_error(r, 429, "too-many-tries", "too many wrong passwords", hint);
        return;
    }
    /* counted as failed until it proves right, so that many at once do not slip through */
    md_api_guard_sign_in_result(api->guard, r->source, name, false, now_us);
    Write *w = g_new0(Write, 1);
    w->request = r;
    w->user = g_strdup(name);
    w->account = md_api_user_load(md_store_reader(api->store), name, &error);
    if (error) {
        md_api_reply_store_error(r, error);
        g_error_free(error);
        write_free(w);
        return;
    }
    if (!md_api_password_verify(api->passwords, json_object_get_string_member(body, "password"),
                                w->account ? w->account->hash : NULL, verified, w)) {
        md_api_reply_error(r, 503, "busy", "too many sign-ins at once", "try again in a few seconds");
        write_free(w);
    }
}

static void who_am_i(MdApiRequest *r, void *user)
{
    const MdApiSession *s = md_api_session_by_hash(r->api, r->session);

    md_api_reply(r, 200, session_json(NULL, r->csrf, r->user, r->role, r->area, r->vendor, s ? s->expires_us : 0));
}

static void deleted(bool ok, const GError *error, gpointer data, gpointer user)
{
    Write *w = data;

    if (ok)
        md_api_reply(w->request, 204, NULL);
    else
        md_api_reply_store_error(w->request, error);
}

static void delete_own(MdApiRequest *r, void *user)
{
    Write *w = g_new0(Write, 1);

    w->request = r;
    w->hash = g_strdup(r->session);
    g_hash_table_remove(r->api->sessions->by_hash, w->hash);
    if (r->csrf)
        md_api_set_cookie(r, NULL);
    md_api_events_recheck(r->api);
    md_store_write(r->api->store, write_delete, w, write_free, deleted, NULL);
}

#define SESSION_FIELDS                                                                                                 \
    "\"csrf\":{\"type\":\"string\",\"description\":\"signed in by cookie: to be shown as X-CSRF-Token with everything but GET\"}," \
    "\"user\":{\"type\":\"string\"},\"role\":{\"type\":\"string\"},\"vendor\":{\"type\":\"string\"}," \
    "\"rights\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}," \
    "\"area\":{\"type\":\"string\"},\"expires_us\":{\"type\":\"integer\",\"description\":\"wall time, microseconds\"}"

static const MdApiRoute routes[] = {
    {.method = "POST", .path = "/session", .role = MD_API_ANYBODY, .handler = create,
     .summary = "Sign in; the token goes into the Authorization header of everything else. For browsers: into a cookie that no page can read.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"user\",\"password\"],\"properties\":{"
                       "\"user\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":64},"
                       "\"password\":{\"type\":\"string\",\"maxLength\":256},"
                       "\"one_time_code\":{\"type\":\"string\",\"minLength\":6,\"maxLength\":63,\"description\":\"for accounts with a second factor\"},"
                       "\"cookie\":{\"type\":\"boolean\",\"description\":\"true: no token in the answer, but a cookie, and csrf\"}}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"user\",\"role\",\"expires_us\"],\"properties\":{"
                        "\"token\":{\"type\":\"string\"}," SESSION_FIELDS "}}"},
    {.method = "GET", .path = "/session", .role = MD_API_VIEWER, .vendor = true, .handler = who_am_i,
     .summary = "Who is signed in with this token.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"user\",\"role\"],\"properties\":{" SESSION_FIELDS "}}"},
    {.method = "DELETE", .path = "/session", .role = MD_API_VIEWER, .vendor = true, .handler = delete_own, .summary = "Sign out."},
};

void md_api_session_routes(MdApi *api)
{
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), NULL);
}
