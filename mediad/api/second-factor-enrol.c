/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A second factor begins (a secret for the telephone, confirmed by a code of it), gets new recovery codes for the day the telephone is lost, and is
 * taken away by an administrator. */
#include "mediad/api/second-factor.h"
#include <sodium.h>
#include <string.h>

#define RECOVERY_CODES 10

typedef struct Enrol {
    MdApiRequest *request;
    char *user, *pending, *secret; /* secret: base 32, for the answer */
    char *codes[RECOVERY_CODES];
    int64_t step, now_us;
    bool found;
} Enrol;

static void enrol_free(gpointer data)
{
    Enrol *e = data;

    g_free(e->user);
    g_free(e->pending);
    if (e->secret)
        sodium_memzero(e->secret, strlen(e->secret));
    g_free(e->secret);
    for (unsigned i = 0; i < RECOVERY_CODES; i++)
        g_free(e->codes[i]);
    g_free(e);
}

static bool write_pending(MdDb *db, gpointer data, GError **error)
{
    Enrol *e = data;

    return md_db_run(db, error, "INSERT INTO md_factors (user_name, created_us) VALUES ($1, $2) ON CONFLICT (user_name) DO NOTHING", "si",
                     e->user, e->now_us) &&
           md_db_run(db, error, "UPDATE md_factors SET pending = $2 WHERE user_name = $1", "ss", e->user, e->pending);
}

static void pending_written(bool ok, const GError *error, gpointer data, gpointer user)
{
    Enrol *e = data;
    MdApiRequest *r = e->request;

    if (!ok || !r->api) {
        md_api_reply_store_error(r, error);
        return;
    }
    g_autofree char *label = g_uri_escape_string(e->user, NULL, FALSE), *issuer = g_uri_escape_string(r->api->issuer, NULL, FALSE);
    g_autofree char *uri = g_strdup_printf("otpauth://totp/%s:%s?secret=%s&issuer=%s&algorithm=SHA1&digits=%d&period=%d", issuer, label, e->secret,
                                           issuer, MD_TOTP_DIGITS, MD_TOTP_STEP_S);
    g_autoptr(JsonBuilder) b = json_builder_new();
    json_builder_begin_object(b);
    json_builder_set_member_name(b, "secret");
    json_builder_add_string_value(b, e->secret);
    json_builder_set_member_name(b, "uri");
    json_builder_add_string_value(b, uri);
    json_builder_end_object(b);
    md_api_reply(r, 201, json_builder_get_root(b));
}

static void password_checked(bool ok, const char *hash, gpointer user)
{
    Enrol *e = user;
    MdApiRequest *r = e->request;
    MdApi *api = r->api;
    guint8 secret[MD_TOTP_SECRET_BYTES];
    GError *error = NULL;

    md_api_guard_sign_in_result(api->guard, r->source, e->user, ok, md_clock_now_us(api->clock));
    if (!ok) {
        md_api_reply_error(r, 403, "wrong-password", "field 'password': is not the present password", NULL);
        enrol_free(e);
        return;
    }
    if (!md_api_factor_read_key(api, &error)) {
        md_api_factor_refuse(r, e->user, MD_FACTOR_FAILED, error);
        g_error_free(error);
        enrol_free(e);
        return;
    }
    randombytes_buf(secret, sizeof secret);
    e->pending = md_api_factor_seal(api, e->user, secret);
    char *text = md_totp_base32(secret, sizeof secret);
    e->secret = g_strdup(text);
    if (text)
        sodium_memzero(text, strlen(text));
    free(text);
    sodium_memzero(secret, sizeof secret);
    md_store_write(api->store, write_pending, e, enrol_free, pending_written, NULL);
}

static Enrol *enrol_new(MdApiRequest *r)
{
    Enrol *e = g_new0(Enrol, 1);

    e->request = r;
    e->user = g_strdup(r->user);
    e->now_us = md_clock_wall_us(r->api->clock);
    return e;
}

/* With the password, so that a token somebody left lying about does not take the account. */
static void enrol(MdApiRequest *r, void *unused)
{
    MdApi *api = r->api;
    const MdApiSession *session = md_api_session_by_hash(api, r->session);
    GError *error = NULL;
    g_autoptr(MdApiUser) user = md_api_user_load(md_store_reader(api->store), r->user, &error);

    if (error || !user) {
        md_api_reply_store_error(r, error);
        g_clear_error(&error);
        return;
    }
    if (user->enrolled && (!session || session->unlocked_us <= md_clock_wall_us(api->clock))) {
        md_api_reply_error(r, 403, "second-factor-needed", "there is a second factor already: a code of it must come first",
                           "POST " MD_API_PREFIX "/session/second-factor, or have an administrator remove it");
        return;
    }
    if (md_api_guard_sign_in_wait(api->guard, r->source, r->user, md_clock_now_us(api->clock))) {
        md_api_reply_error(r, 429, "too-many-tries", "too many wrong passwords", "try again later");
        return;
    }
    Enrol *e = enrol_new(r);
    if (!md_api_password_verify(api->passwords, json_object_get_string_member(md_api_request_body(r), "password"), user->hash,
                                password_checked, e)) {
        md_api_reply_error(r, 503, "busy", "too many sign-ins at once", "try again in a few seconds");
        enrol_free(e);
    }
}

static bool write_codes(MdDb *db, Enrol *e, GError **error)
{
    if (!md_db_run(db, error, "DELETE FROM md_recovery_codes WHERE user_name = $1", "s", e->user))
        return false;
    for (unsigned i = 0; i < RECOVERY_CODES; i++) {
        char tidied[FACTOR_CODE_MAX];
        md_api_factor_tidy(e->codes[i], tidied);
        g_autofree char *hash = md_api_factor_recovery_hash(e->user, tidied);
        if (!md_db_run(db, error, "INSERT INTO md_recovery_codes (hash, user_name) VALUES ($1, $2)", "ss", hash, e->user))
            return false;
    }
    return true;
}

static bool write_confirmed(MdDb *db, gpointer data, GError **error)
{
    Enrol *e = data;

    if (!md_db_run(db, error, "UPDATE md_factors SET secret = pending, pending = NULL, last_step = $2 WHERE user_name = $1 AND pending = $3", "sis",
                   e->user, e->step, e->pending))
        return false;
    e->found = md_db_changes(db) > 0;
    return !e->found || write_codes(db, e, error);
}

static void reply_codes(MdApiRequest *r, Enrol *e, int64_t until_us)
{
    g_autoptr(JsonBuilder) b = json_builder_new();

    json_builder_begin_object(b);
    json_builder_set_member_name(b, "recovery_codes");
    json_builder_begin_array(b);
    for (unsigned i = 0; i < RECOVERY_CODES; i++)
        json_builder_add_string_value(b, e->codes[i]);
    json_builder_end_array(b);
    md_api_factor_add_unlocked(b, until_us);
    json_builder_end_object(b);
    md_api_reply(r, 200, json_builder_get_root(b));
}

static void confirmed(bool ok, const GError *error, gpointer data, gpointer user)
{
    Enrol *e = data;
    MdApiRequest *r = e->request;

    if (!ok || !r->api) {
        md_api_reply_store_error(r, error);
        return;
    }
    if (!e->found) {
        md_api_reply_error(r, 409, "conflict", "another enrolment began meanwhile", "confirm that one, or begin again");
        return;
    }
    md_api_guard_code_result(r->api->guard, e->user, true, md_clock_now_us(r->api->clock));
    md_notice(&r->api->logger, "%s has a second factor from now on", e->user);
    reply_codes(r, e, md_api_session_unlock(r->api, r->session));
}

static void confirm(MdApiRequest *r, void *unused)
{
    MdApi *api = r->api;
    int64_t now_us = md_clock_now_us(api->clock);
    char tidied[FACTOR_CODE_MAX];
    Factor factor;
    GError *error = NULL;

    if (md_api_guard_code_wait(api->guard, r->user, now_us)) {
        md_api_factor_refuse(r, r->user, MD_FACTOR_WAIT, NULL);
        return;
    }
    if (!md_api_factor_load(api, r->user, &factor, &error)) {
        md_api_factor_refuse(r, r->user, MD_FACTOR_FAILED, error);
        g_error_free(error);
        return;
    }
    if (!factor.has_pending) {
        md_api_reply_error(r, 409, "wrong-state", "there is nothing to confirm", "enrol first: POST " MD_API_PREFIX "/session/second-factor/enrol");
        return;
    }
    md_api_guard_code_result(api->guard, r->user, false, now_us);
    md_api_factor_tidy(json_object_get_string_member(md_api_request_body(r), "code"), tidied);
    int64_t step = md_totp_match(factor.pending, sizeof factor.pending, md_clock_wall_us(api->clock) / G_USEC_PER_SEC, -1, tidied);
    sodium_memzero(&factor, sizeof factor);
    if (step < 0) {
        md_api_factor_refuse(r, r->user, MD_FACTOR_WRONG, NULL);
        return;
    }
    Enrol *e = enrol_new(r);
    e->step = step;
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(api->store), NULL, "SELECT pending FROM md_factors WHERE user_name = $1", "s", r->user);
    e->pending = g_strdup(rows && md_rows_next(rows, NULL) && md_rows_text(rows, 0) ? md_rows_text(rows, 0) : "");
    for (unsigned i = 0; i < RECOVERY_CODES; i++)
        e->codes[i] = md_api_new_code();
    md_store_write(api->store, write_confirmed, e, enrol_free, confirmed, NULL);
}

/* --- afterwards --- */

static bool write_new_codes(MdDb *db, gpointer data, GError **error)
{
    return write_codes(db, data, error);
}

static void new_codes_written(bool ok, const GError *error, gpointer data, gpointer user)
{
    Enrol *e = data;
    MdApiRequest *r = e->request;
    const MdApiSession *session = r->api ? md_api_session_by_hash(r->api, r->session) : NULL;

    if (ok)
        reply_codes(r, e, session ? session->unlocked_us : 0);
    else
        md_api_reply_store_error(r, error);
}

static void new_codes(MdApiRequest *r, void *unused)
{
    Enrol *e = enrol_new(r);

    for (unsigned i = 0; i < RECOVERY_CODES; i++)
        e->codes[i] = md_api_new_code();
    md_store_write(r->api->store, write_new_codes, e, enrol_free, new_codes_written, NULL);
}

static bool write_removed(MdDb *db, gpointer data, GError **error)
{
    Enrol *e = data;
    bool ok = md_db_run(db, error, "DELETE FROM md_recovery_codes WHERE user_name = $1", "s", e->user) &&
              md_db_run(db, error, "DELETE FROM md_factors WHERE user_name = $1", "s", e->user);

    e->found = ok && md_db_changes(db) > 0;
    return ok && md_db_run(db, error, "DELETE FROM md_sessions WHERE user_name = $1", "s", e->user);
}

static void removed(bool ok, const GError *error, gpointer data, gpointer user)
{
    Enrol *e = data;
    MdApiRequest *r = e->request;

    if (!ok || !r->api) {
        md_api_reply_store_error(r, error);
        return;
    }
    md_api_sessions_drop_user(r->api, e->user);
    if (e->found)
        md_api_reply(r, 204, NULL);
    else
        md_api_reply_error(r, 404, "not-found", "that account has no second factor", NULL);
}

/* Somebody lost telephone and recovery codes: an administrator lets them begin anew. */
static void remove_of_user(MdApiRequest *r, void *unused)
{
    Enrol *e = enrol_new(r);

    g_free(e->user);
    e->user = g_strdup(md_api_request_param(r, "user"));
    md_store_write(r->api->store, write_removed, e, enrol_free, removed, NULL);
}

#define CODES \
    "{\"type\":\"object\",\"required\":[\"recovery_codes\"],\"properties\":{\"recovery_codes\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}," FACTOR_UNTIL "}}"

static const MdApiRoute routes[] = {
    {.method = "POST", .path = "/session/second-factor/enrol", .role = MD_API_VIEWER, .vendor = true, .handler = enrol,
     .summary = "Begin to use one-time codes: the secret for the telephone, shown this once; it counts after a code of it was confirmed.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"password\"],\"properties\":{"
                       "\"password\":{\"type\":\"string\",\"maxLength\":256}}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"secret\",\"uri\"],\"properties\":{\"secret\":{\"type\":\"string\",\"description\":\"base 32\"},"
                        "\"uri\":{\"type\":\"string\",\"description\":\"otpauth://, for a picture code\"}}}"},
    {.method = "POST", .path = "/session/second-factor/confirm", .role = MD_API_VIEWER, .vendor = true, .handler = confirm,
     .summary = "Confirm the enrolment with a code; answers the recovery codes, shown this once.", .request_schema = FACTOR_CODE_BODY, .response_schema = CODES},
    {.method = "POST", .path = "/session/second-factor/recovery-codes", .role = MD_API_VIEWER, .vendor = true, .second_factor = true,
     .handler = new_codes, .summary = "New recovery codes; the old ones end.", .response_schema = CODES},
    {.method = "DELETE", .path = "/users/{user}/second-factor", .rights = MD_API_MAY_PEOPLE, .role = MD_API_ADMIN, .province = true,
     .second_factor = true, .handler = remove_of_user, .summary = "Remove somebody's second factor, who lost it; all sessions of theirs end."},
};

void md_api_factor_enrol_routes(MdApi *api)
{
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), NULL);
}
