/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The second factor: one-time codes by time (RFC 6238) from a telephone, and recovery codes for the day it is lost. The secrets are
 * in the store encrypted under a key in the state folder: neither alone makes a code. A code is used once: the step it was for is
 * written before what it allows is done. */
#include "mediad/api/private.h"
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include "mediad/api/totp.h"

#define HEADER "X-One-Time-Code"
#define KEY_BYTES crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
#define RECOVERY_CODES 10
#define CODE_MAX 64

typedef struct Factor {
    guint8 secret[MD_TOTP_SECRET_BYTES], pending[MD_TOTP_SECRET_BYTES];
    bool enrolled, has_pending;
    int64_t last_step, recovery_left;
} Factor;

/* --- secrets at rest --- */

static bool read_key(MdApi *api, GError **error)
{
    g_autofree char *path = g_build_filename(api->state_dir, "second-factor.key", NULL);
    g_autofree char *bytes = NULL;
    gsize size = 0;

    if (api->factor_key)
        return true;
    GError *local = NULL;
    if (!g_file_get_contents(path, &bytes, &size, &local)) {
        if (!g_error_matches(local, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
            g_propagate_error(error, local);
            return false;
        }
        g_error_free(local);
        bytes = g_malloc(size = KEY_BYTES);
        randombytes_buf(bytes, size);
        if (!g_file_set_contents_full(path, bytes, (gssize)size, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error))
            return false;
    }
    if (size != KEY_BYTES) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s is not the key it should be: put back the one of this database", path);
        return false;
    }
    api->factor_key = g_memdup2(bytes, KEY_BYTES);
    sodium_memzero(bytes, size);
    return true;
}

/* The account's name is sealed in: a secret moved to another row opens nothing. */
static char *seal(MdApi *api, const char *user, const guint8 secret[MD_TOTP_SECRET_BYTES])
{
    guint8 box[NONCE_BYTES + MD_TOTP_SECRET_BYTES + TAG_BYTES];

    randombytes_buf(box, NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(box + NONCE_BYTES, NULL, secret, MD_TOTP_SECRET_BYTES, (const guint8 *)user, strlen(user),
                                               NULL, box, api->factor_key);
    return g_base64_encode(box, sizeof box);
}

static bool unseal(MdApi *api, const char *user, const char *text, guint8 ret[MD_TOTP_SECRET_BYTES], GError **error)
{
    gsize size = 0;
    g_autofree guint8 *box = g_base64_decode(text, &size);

    if (size == NONCE_BYTES + MD_TOTP_SECRET_BYTES + TAG_BYTES &&
        crypto_aead_xchacha20poly1305_ietf_decrypt(ret, NULL, NULL, box + NONCE_BYTES, size - NONCE_BYTES, (const guint8 *)user,
                                                   strlen(user), box, api->factor_key) == 0)
        return true;
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                "the second factor of %s does not open with second-factor.key: put back the key of this database", user);
    return false;
}

/* False with error: failed. A user without a row: neither enrolled nor pending. */
static bool load(MdApi *api, const char *user, Factor *ret, GError **error)
{
    GError *local = NULL;

    *ret = (Factor){0};
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(api->store), error,
                                         "SELECT secret, pending, last_step, (SELECT count(*) FROM md_recovery_codes c WHERE c.user_name = "
                                         "f.user_name) FROM md_factors f WHERE user_name = $1",
                                         "s", user);
    if (!rows)
        return false;
    if (!md_rows_next(rows, &local)) {
        if (local)
            g_propagate_error(error, local);
        return !local;
    }
    const char *secret = md_rows_text(rows, 0), *pending = md_rows_text(rows, 1);
    ret->enrolled = secret != NULL;
    ret->has_pending = pending != NULL;
    ret->last_step = md_rows_int(rows, 2);
    ret->recovery_left = md_rows_int(rows, 3);
    return read_key(api, error) && (!secret || unseal(api, user, secret, ret->secret, error)) &&
           (!pending || unseal(api, user, pending, ret->pending, error));
}

bool md_api_factor_enrolled(MdApi *api, const char *user)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(api->store), NULL, "SELECT 1 FROM md_factors WHERE user_name = $1 AND secret IS NOT NULL",
                                         "s", user);

    return rows && md_rows_next(rows, NULL);
}

bool md_api_factor_required(const MdApi *api, MdApiRole role)
{
    return api->second_factor_roles && g_strv_contains((const char *const *)api->second_factor_roles, md_api_role_to_string(role));
}

/* --- using a code --- */

typedef struct Use {
    MdApiRequest *request;
    char *user, *recovery; /* recovery: hash; NULL: a code by time */
    int64_t step;
    bool fresh;            /* nobody used it before */
    MdFactorFn fn;
    gpointer data;
} Use;

static void use_free(gpointer data)
{
    Use *use = data;

    g_free(use->user);
    g_free(use->recovery);
    g_free(use);
}

static bool write_use(MdDb *db, gpointer data, GError **error)
{
    Use *use = data;
    bool ok = use->recovery ? md_db_run(db, error, "DELETE FROM md_recovery_codes WHERE hash = $1 AND user_name = $2", "ss", use->recovery, use->user)
                            : md_db_run(db, error, "UPDATE md_factors SET last_step = $2 WHERE user_name = $1 AND last_step < $2", "si",
                                        use->user, use->step);

    use->fresh = ok && md_db_changes(db) > 0;
    return ok;
}

static void used(bool ok, const GError *error, gpointer data, gpointer user)
{
    Use *use = data;
    MdApi *api = use->request->api;

    if (ok && use->fresh && api)
        md_api_guard_code_result(api->guard, use->user, true, md_clock_now_us(api->clock));
    use->fn(use->request, !ok ? MD_FACTOR_FAILED : use->fresh ? MD_FACTOR_RIGHT : MD_FACTOR_WRONG, error, use->data);
}

/* Letters and digits in capitals, without blanks and hyphens: as people type them. */
static void tidy(const char *code, char ret[CODE_MAX])
{
    unsigned n = 0;

    for (; *code && n < CODE_MAX - 1; code++)
        if (g_ascii_isalnum(*code))
            ret[n++] = g_ascii_toupper(*code);
    ret[n] = '\0';
}

static char *recovery_hash(const char *user, const char *tidied)
{
    g_autofree char *text = g_strconcat(user, ":", tidied, NULL);

    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}

void md_api_factor_verify(MdApiRequest *r, const char *user, const char *code, MdFactorFn fn, gpointer data)
{
    MdApi *api = r->api;
    int64_t now_us = md_clock_now_us(api->clock);
    char tidied[CODE_MAX];
    Factor factor;
    GError *error = NULL;

    if (md_api_guard_code_wait(api->guard, user, now_us)) {
        fn(r, MD_FACTOR_WAIT, NULL, data);
        return;
    }
    if (!load(api, user, &factor, &error)) {
        fn(r, MD_FACTOR_FAILED, error, data);
        g_error_free(error);
        return;
    }
    if (!factor.enrolled) {
        fn(r, MD_FACTOR_NONE, NULL, data);
        return;
    }
    /* counted as failed until it proves right, so that many at once do not slip through */
    md_api_guard_code_result(api->guard, user, false, now_us);
    tidy(code, tidied);
    Use *use = g_new0(Use, 1);
    *use = (Use){r, g_strdup(user), NULL, -1, false, fn, data};
    if (strlen(tidied) > MD_TOTP_DIGITS)
        use->recovery = recovery_hash(user, tidied);
    else
        use->step = md_totp_match(factor.secret, sizeof factor.secret, md_clock_wall_us(api->clock) / G_USEC_PER_SEC, factor.last_step, tidied);
    sodium_memzero(&factor, sizeof factor);
    if (!use->recovery && use->step < 0) {
        use_free(use);
        fn(r, MD_FACTOR_WRONG, NULL, data);
        return;
    }
    md_store_write(api->store, write_use, use, use_free, used, NULL);
}

void md_api_factor_refuse(MdApiRequest *r, const char *user, MdFactorResult result, const GError *error)
{
    if (!r->api) {
        md_api_reply_error(r, 503, "stopping", "the server stops", NULL);
        return;
    }
    if (result == MD_FACTOR_WAIT) {
        unsigned wait = md_api_guard_code_wait(r->api->guard, user, md_clock_now_us(r->api->clock));
        g_autofree char *hint = g_strdup_printf("try again in %u s", MAX(wait, 1));
        md_api_reply_error(r, 429, "too-many-tries", "too many wrong one-time codes", hint);
    } else if (result == MD_FACTOR_NONE) {
        md_api_reply_error(r, 403, "second-factor-missing", "this needs a second factor, and the account has none yet",
                           "enrol: POST " MD_API_PREFIX "/session/second-factor/enrol with the password, then confirm with a code");
    } else if (result == MD_FACTOR_FAILED) {
        md_error(&r->api->logger, "second factor of %s: %s", user, error ? error->message : "unknown");
        md_api_reply_error(r, 500, "store-failed", "the second factor cannot be checked; the log says why", NULL);
    } else {
        md_notice(&r->api->logger, "a wrong one-time code for %s from %s", user, r->source);
        md_api_reply_error(r, 403, "wrong-one-time-code", "the one-time code is wrong, old or used",
                           "each code works once: wait for the next; is the telephone's clock right?");
    }
}

/* --- on the way of a request --- */

static void refuse_unfresh(MdApiRequest *r, bool enrolled)
{
    if (!enrolled)
        md_api_factor_refuse(r, r->user, MD_FACTOR_NONE, NULL);
    else
        md_api_reply_error(r, 403, "second-factor-needed", "this needs a one-time code",
                           "send it in the header " HEADER ", or once for the next minutes to POST " MD_API_PREFIX "/session/second-factor");
}

/* A code that comes with a request is checked whether the route asks for one or not: its handler may. */
bool md_api_second_factor_early(MdApiRequest *r, const MdApiSession *session)
{
    const MdApiRoute *spec = r->route->spec;
    const char *code = soup_message_headers_get_one(soup_server_message_get_request_headers(r->message), HEADER);

    if (!session)
        return true;
    if (session->must_enrol && !g_str_has_prefix(spec->path, "/session")) {
        md_api_factor_refuse(r, r->user, MD_FACTOR_NONE, NULL);
        return false;
    }
    r->fresh = session->unlocked_us > md_clock_wall_us(r->api->clock);
    if (r->fresh || (!spec->second_factor && !code))
        return true;
    bool enrolled = md_api_factor_enrolled(r->api, r->user);
    if (spec->second_factor && (!enrolled || !code || !*code)) {
        refuse_unfresh(r, enrolled);
        return false;
    }
    if (enrolled)
        r->one_time_code = g_strndup(code, CODE_MAX);
    return true;
}

bool md_api_request_fresh(const MdApiRequest *r)
{
    return r->fresh;
}

bool md_api_require_fresh(MdApiRequest *r)
{
    if (!r->fresh)
        refuse_unfresh(r, md_api_factor_enrolled(r->api, r->user));
    return r->fresh;
}

static void header_checked(MdApiRequest *r, MdFactorResult result, const GError *error, gpointer data)
{
    void (*go)(MdApiRequest *) = (void (*)(MdApiRequest *))data;

    if (result != MD_FACTOR_RIGHT)
        md_api_factor_refuse(r, r->user, result, error);
    else if (!r->message || !r->api || r->api->closing)
        md_api_reply_error(r, 503, "stopping", "whoever asked has gone, or the server stops", NULL);
    else {
        r->fresh = true;
        go(r);
    }
}

void md_api_second_factor_check(MdApiRequest *r, void (*go)(MdApiRequest *request))
{
    md_api_factor_verify(r, r->user, r->one_time_code, header_checked, (gpointer)go);
}

/* --- enrolling --- */

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
    if (!read_key(api, &error)) {
        md_api_factor_refuse(r, e->user, MD_FACTOR_FAILED, error);
        g_error_free(error);
        enrol_free(e);
        return;
    }
    randombytes_buf(secret, sizeof secret);
    e->pending = seal(api, e->user, secret);
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
        char tidied[CODE_MAX];
        tidy(e->codes[i], tidied);
        g_autofree char *hash = recovery_hash(e->user, tidied);
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

static void add_unlocked(JsonBuilder *b, int64_t until_us)
{
    json_builder_set_member_name(b, "unlocked_until_us");
    json_builder_add_int_value(b, until_us);
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
    add_unlocked(b, until_us);
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
    char tidied[CODE_MAX];
    Factor factor;
    GError *error = NULL;

    if (md_api_guard_code_wait(api->guard, r->user, now_us)) {
        md_api_factor_refuse(r, r->user, MD_FACTOR_WAIT, NULL);
        return;
    }
    if (!load(api, r->user, &factor, &error)) {
        md_api_factor_refuse(r, r->user, MD_FACTOR_FAILED, error);
        g_error_free(error);
        return;
    }
    if (!factor.has_pending) {
        md_api_reply_error(r, 409, "wrong-state", "there is nothing to confirm", "enrol first: POST " MD_API_PREFIX "/session/second-factor/enrol");
        return;
    }
    md_api_guard_code_result(api->guard, r->user, false, now_us);
    tidy(json_object_get_string_member(md_api_request_body(r), "code"), tidied);
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

static void unlocked(MdApiRequest *r, MdFactorResult result, const GError *error, gpointer data)
{
    if (result != MD_FACTOR_RIGHT || !r->api) {
        md_api_factor_refuse(r, r->user, result, error);
        return;
    }
    g_autoptr(JsonBuilder) b = json_builder_new();
    json_builder_begin_object(b);
    add_unlocked(b, md_api_session_unlock(r->api, r->session));
    json_builder_end_object(b);
    md_api_reply(r, 200, json_builder_get_root(b));
}

static void unlock(MdApiRequest *r, void *unused)
{
    md_api_factor_verify(r, r->user, json_object_get_string_member(md_api_request_body(r), "code"), unlocked, NULL);
}

static void show(MdApiRequest *r, void *unused)
{
    const MdApiSession *session = md_api_session_by_hash(r->api, r->session);
    Factor factor;
    GError *error = NULL;
    g_autoptr(JsonBuilder) b = json_builder_new();

    if (!load(r->api, r->user, &factor, &error)) {
        md_api_factor_refuse(r, r->user, MD_FACTOR_FAILED, error);
        g_error_free(error);
        return;
    }
    json_builder_begin_object(b);
    json_builder_set_member_name(b, "enrolled");
    json_builder_add_boolean_value(b, factor.enrolled);
    json_builder_set_member_name(b, "required");
    json_builder_add_boolean_value(b, md_api_factor_required(r->api, r->role));
    json_builder_set_member_name(b, "recovery_codes_left");
    json_builder_add_int_value(b, factor.recovery_left);
    add_unlocked(b, session && session->unlocked_us > md_clock_wall_us(r->api->clock) ? session->unlocked_us : 0);
    json_builder_end_object(b);
    sodium_memzero(&factor, sizeof factor);
    md_api_reply(r, 200, json_builder_get_root(b));
}

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

#define CODE "{\"type\":\"string\",\"minLength\":6,\"maxLength\":63,\"description\":\"six digits, or a recovery code\"}"
#define UNTIL "\"unlocked_until_us\":{\"type\":\"integer\",\"description\":\"wall time, microseconds; 0: one-time codes are asked for\"}"
#define CODE_BODY "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"code\"],\"properties\":{\"code\":" CODE "}}"
#define CODES                                                                                                          \
    "{\"type\":\"object\",\"required\":[\"recovery_codes\"],\"properties\":{\"recovery_codes\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}," UNTIL "}}"

static const MdApiRoute routes[] = {
    {.method = "GET", .path = "/session/second-factor", .role = MD_API_VIEWER, .vendor = true, .handler = show,
     .summary = "Whether this account has a second factor, and until when this session does without codes.",
     .response_schema = "{\"type\":\"object\",\"required\":[\"enrolled\"],\"properties\":{\"enrolled\":{\"type\":\"boolean\"},\"required\":{\"type\":\"boolean\"},"
                        "\"recovery_codes_left\":{\"type\":\"integer\"}," UNTIL "}}"},
    {.method = "POST", .path = "/session/second-factor", .role = MD_API_VIEWER, .vendor = true, .handler = unlock,
     .summary = "Give a one-time code: for five minutes this session does without the header X-One-Time-Code.", .request_schema = CODE_BODY,
     .response_schema = "{\"type\":\"object\",\"required\":[\"unlocked_until_us\"],\"properties\":{" UNTIL "}}"},
    {.method = "POST", .path = "/session/second-factor/enrol", .role = MD_API_VIEWER, .vendor = true, .handler = enrol,
     .summary = "Begin to use one-time codes: the secret for the telephone, shown this once; it counts after a code of it was confirmed.",
     .request_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"password\"],\"properties\":{"
                       "\"password\":{\"type\":\"string\",\"maxLength\":256}}}",
     .response_schema = "{\"type\":\"object\",\"required\":[\"secret\",\"uri\"],\"properties\":{\"secret\":{\"type\":\"string\",\"description\":\"base 32\"},"
                        "\"uri\":{\"type\":\"string\",\"description\":\"otpauth://, for a picture code\"}}}"},
    {.method = "POST", .path = "/session/second-factor/confirm", .role = MD_API_VIEWER, .vendor = true, .handler = confirm,
     .summary = "Confirm the enrolment with a code; answers the recovery codes, shown this once.", .request_schema = CODE_BODY, .response_schema = CODES},
    {.method = "POST", .path = "/session/second-factor/recovery-codes", .role = MD_API_VIEWER, .vendor = true, .second_factor = true,
     .handler = new_codes, .summary = "New recovery codes; the old ones end.", .response_schema = CODES},
    {.method = "DELETE", .path = "/users/{user}/second-factor", .rights = MD_API_MAY_PEOPLE, .role = MD_API_ADMIN, .province = true,
     .second_factor = true, .handler = remove_of_user, .summary = "Remove somebody's second factor, who lost it; all sessions of theirs end."},
};

void md_api_second_factor_routes(MdApi *api)
{
    md_api_add_routes(api, routes, G_N_ELEMENTS(routes), NULL);
}
