/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/device-link/credential.h"

#include <openssl/rand.h>
#include <string.h>

#define CODE_LETTERS "ABCDEFGHJKMNPQRSTUVWXYZ23456789" /* none that look alike */
#define CODE_LENGTH 16u                                /* 79 bits */
#define TOKEN_BYTES 32u
#define RENEW_PAUSE_US (600 * G_USEC_PER_SEC)
#define FORMER_MAX 8u

typedef struct Entry {
    BcCredential credential;
    char *token_hash;
    GPtrArray *former;     /* serials made before it that count until it is used, oldest first; NULL none */
    bool renewing;
} Entry;

struct BcCredentials { /* g_rc_box */
    MdStore *store;
    BcCa *ca;
    GHashTable *by_device; /* device -> Entry, owned */
    GHashTable *by_token;  /* hash -> Entry, borrowed */
    GHashTable *revoked;   /* serials */
    BcCredentialChangedFn changed;
    void *changed_user;
    BcRenewedFn renewed;
    void *renewed_user;
};

static void free_entry(gpointer data)
{
    Entry *entry = data;
    g_free((char *)entry->credential.device);
    g_free((char *)entry->credential.serial);
    g_free(entry->token_hash);
    g_clear_pointer(&entry->former, g_ptr_array_unref);
    g_free(entry);
}

static void clear_credentials(gpointer data)
{
    BcCredentials *c = data;
    g_clear_pointer(&c->by_token, g_hash_table_unref);
    g_clear_pointer(&c->by_device, g_hash_table_unref);
    g_clear_pointer(&c->revoked, g_hash_table_unref);
}

void bc_credentials_unref(BcCredentials *c)
{
    if (c)
        g_rc_box_release_full(c, clear_credentials);
}

static bool reserved(const char *device)
{
    return g_ascii_strcasecmp(device, BC_CA_SERVICE_NAME) == 0 || g_ascii_strcasecmp(device, BC_CA_LOOK_NAME) == 0;
}

static char *hash_of(const char *secret)
{
    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, secret, -1);
}

static void forget(BcCredentials *c, const char *device)
{
    Entry *entry = g_hash_table_lookup(c->by_device, device);
    if (!entry)
        return;
    g_hash_table_add(c->revoked, g_strdup(entry->credential.serial));
    for (unsigned i = 0; entry->former && i < entry->former->len; i++)
        g_hash_table_add(c->revoked, g_strdup(entry->former->pdata[i]));
    g_hash_table_remove(c->by_token, entry->token_hash);
    g_hash_table_remove(c->by_device, device);
}

static void keep(BcCredentials *c, Entry *entry)
{
    g_hash_table_replace(c->by_device, (char *)entry->credential.device, entry);
    g_hash_table_replace(c->by_token, entry->token_hash, entry);
}

/* A newer one of the same device: the one that is known becomes a former one. */
static void keep_newer(BcCredentials *c, const char *device, char *serial /* taken */, int64_t issued_us, int64_t expires_us)
{
    Entry *entry = g_hash_table_lookup(c->by_device, device);
    if (!entry->former)
        entry->former = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(entry->former, (char *)entry->credential.serial);
    entry->credential.serial = serial;
    entry->credential.issued_us = issued_us;
    entry->credential.expires_us = expires_us;
}

static bool write_crl(BcCredentials *c, GError **error)
{
    unsigned n = 0;
    g_autofree const char **serials = (const char **)g_hash_table_get_keys_as_array(c->revoked, &n);
    return bc_ca_write_crl(c->ca, serials, n, error);
}

BcCredentials *bc_credentials_new(MdStore *store, BcCa *ca, GError **error)
{
    g_autoptr(BcCredentials) c = g_rc_box_new0(BcCredentials);
    c->store = store;
    c->ca = ca;
    c->by_device = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_entry);
    c->by_token = g_hash_table_new(g_str_hash, g_str_equal);
    c->revoked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(store), error,
                                         "SELECT device, serial, token_hash, issued_us, expires_us, revoked_us FROM bc_link_credentials"
                                         " ORDER BY issued_us", "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        if (md_rows_int(rows, 5)) {
            g_hash_table_add(c->revoked, g_strdup(md_rows_text(rows, 1)));
            continue;
        }
        if (g_hash_table_contains(c->by_device, md_rows_text(rows, 0))) {
            keep_newer(c, md_rows_text(rows, 0), g_strdup(md_rows_text(rows, 1)), md_rows_int(rows, 3), md_rows_int(rows, 4));
            continue;
        }
        Entry *entry = g_new0(Entry, 1);
        entry->credential = (BcCredential){g_strdup(md_rows_text(rows, 0)), g_strdup(md_rows_text(rows, 1)), md_rows_int(rows, 3),
                                           md_rows_int(rows, 4)};
        entry->token_hash = g_strdup(md_rows_text(rows, 2));
        keep(c, entry);
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure && write_crl(c, error) ? g_steal_pointer(&c) : NULL;
}

unsigned bc_credentials_count(const BcCredentials *c)
{
    return g_hash_table_size(c->by_device);
}

const BcCredential *bc_credentials_find(const BcCredentials *c, const char *device)
{
    const Entry *entry = g_hash_table_lookup(c->by_device, device);
    return entry ? &entry->credential : NULL;
}

const char *bc_credentials_token_owner(const BcCredentials *c, const char *token)
{
    if (!token || strlen(token) > 128)
        return NULL;
    g_autofree char *hash = hash_of(token);
    const Entry *entry = g_hash_table_lookup(c->by_token, hash);
    return entry ? entry->credential.device : NULL;
}

/* --- codes --- */

typedef struct Code {
    char *device, *who, *code, *hash;
    int64_t expires_us;
    BcCodeFn done;
    void *user;
} Code;

static void free_code(gpointer data)
{
    Code *code = data;
    g_free(code->device);
    g_free(code->who);
    g_free(code->code);
    g_free(code->hash);
    g_free(code);
}

/* Case, blanks and dashes are for people. */
static char *plain_code(const char *text)
{
    g_autoptr(GString) plain = g_string_new(NULL);
    for (; *text && plain->len <= CODE_LENGTH; text++)
        if (g_ascii_isalnum(*text))
            g_string_append_c(plain, g_ascii_toupper(*text));
    return g_string_free(g_steal_pointer(&plain), FALSE);
}

static char *new_code(void)
{
    g_autoptr(GString) code = g_string_new(NULL);
    while (code->len < CODE_LENGTH + 3) {
        guchar byte;
        if (RAND_bytes(&byte, 1) != 1)
            return NULL;
        if (byte >= 256 / (sizeof CODE_LETTERS - 1) * (sizeof CODE_LETTERS - 1))
            continue;
        if (code->len % 5 == 4)
            g_string_append_c(code, '-');
        g_string_append_c(code, CODE_LETTERS[byte % (sizeof CODE_LETTERS - 1)]);
    }
    return g_string_free(g_steal_pointer(&code), FALSE);
}

static bool write_code(MdDb *db, gpointer data, GError **error)
{
    const Code *code = data;
    return md_db_run(db, error, "DELETE FROM bc_link_codes WHERE device = $1", "s", code->device) &&
           md_db_run(db, error, "INSERT INTO bc_link_codes (device, hash, made_by, expires_us) VALUES ($1, $2, $3, $4)", "sssi",
                     code->device, code->hash, code->who, code->expires_us);
}

static void code_written(bool ok, const GError *error, gpointer data, gpointer user)
{
    Code *code = data;
    code->done(ok ? code->code : NULL, error, code->user);
}

void bc_credentials_make_code(BcCredentials *c, const char *device, const char *who, int64_t expires_us, BcCodeFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = new_code();
    if (!bc_code_ok(device, 64) || reserved(device) || !text) {
        g_set_error(&error, BC_ERROR, BC_ERROR_INVALID, "a device of the link cannot be called %s", device);
        done(NULL, error, user);
        return;
    }
    g_autofree char *plain = plain_code(text);
    Code *code = g_new0(Code, 1);
    *code = (Code){g_strdup(device), g_strdup(who), g_strdup(text), hash_of(plain), expires_us, done, user};
    md_store_write(c->store, write_code, code, free_code, code_written, NULL);
}

/* --- enrolment --- */

typedef struct Enrol {
    char *device, *hash, *certificate, *token, *token_hash, *serial;
    int64_t now_us, expires_us;
    BcCredentials *owner;
    BcEnrolledFn done;
    void *user;
} Enrol;

static void free_enrol(gpointer data)
{
    Enrol *e = data;
    g_free(e->device);
    g_free(e->hash);
    g_free(e->certificate);
    g_free(e->token);
    g_free(e->token_hash);
    g_free(e->serial);
    bc_credentials_unref(e->owner);
    g_free(e);
}

static bool write_enrol(MdDb *db, gpointer data, GError **error)
{
    const Enrol *e = data;
    if (!md_db_run(db, error, "DELETE FROM bc_link_codes WHERE device = $1 AND hash = $2 AND expires_us > $3", "ssi", e->device, e->hash,
                   e->now_us))
        return false;
    if (md_db_changes(db) != 1) {
        g_set_error_literal(error, BC_ERROR, BC_ERROR_NOT_FOUND, "the code is wrong, used or expired");
        return false;
    }
    return md_db_run(db, error, "UPDATE bc_link_credentials SET revoked_us = $1 WHERE device = $2 AND revoked_us = 0", "is", e->now_us,
                     e->device) &&
           md_db_run(db, error,
                     "INSERT INTO bc_link_credentials (serial, device, token_hash, issued_us, expires_us, revoked_us)"
                     " VALUES ($1, $2, $3, $4, $5, 0)",
                     "sssii", e->serial, e->device, e->token_hash, e->now_us, e->expires_us);
}

/* The list of withdrawn certificates is written first to disk, then the device is told: a list that cannot be written is said, not hidden. */
static void enrol_written(bool ok, const GError *error, gpointer data, gpointer user)
{
    Enrol *e = data;
    g_autoptr(GError) failure = NULL;
    if (ok) {
        Entry *entry = g_new0(Entry, 1);
        bool former = bc_credentials_find(e->owner, e->device) != NULL;
        forget(e->owner, e->device);
        entry->credential = (BcCredential){g_strdup(e->device), g_strdup(e->serial), e->now_us, e->expires_us};
        entry->token_hash = g_strdup(e->token_hash);
        keep(e->owner, entry);
        ok = !former || write_crl(e->owner, &failure); /* the broker starts anew for each list: not for nothing */
        if (e->owner->changed)
            e->owner->changed(e->device, former, true, e->owner->changed_user);
    }
    BcEnrolled enrolled = {e->certificate, e->token, e->serial, e->expires_us};
    e->done(ok ? &enrolled : NULL, failure ? failure : error, e->user);
}

void bc_credentials_enrol(BcCredentials *c, const char *device, const char *code, const char *request, gsize len, unsigned days,
                          int64_t now_us, BcEnrolledFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    guchar random[TOKEN_BYTES];
    Enrol *e = g_new0(Enrol, 1);
    e->device = g_strdup(device);
    e->owner = g_rc_box_acquire(c);
    if (!bc_code_ok(device, 64) || reserved(device))
        g_set_error_literal(&error, BC_ERROR, BC_ERROR_NOT_FOUND, "the code is wrong, used or expired");
    else
        e->certificate = bc_ca_issue(c->ca, device, request, len, days, &e->serial, &error);
    if (!e->certificate || RAND_bytes(random, sizeof random) != 1) {
        done(NULL, error, user);
        free_enrol(e);
        return;
    }
    g_autofree char *plain = plain_code(code);
    GString *token = g_string_new(NULL);
    for (unsigned i = 0; i < sizeof random; i++)
        g_string_append_printf(token, "%02x", random[i]);
    e->token = g_string_free(token, FALSE);
    e->token_hash = hash_of(e->token);
    e->hash = hash_of(plain);
    e->now_us = now_us;
    e->expires_us = now_us + (int64_t)days * 86400 * G_USEC_PER_SEC;
    e->done = done;
    e->user = user;
    md_store_write(c->store, write_enrol, e, free_enrol, enrol_written, NULL);
}

/* --- renewal --- */

typedef struct Renew {
    char *device, *certificate, *serial;
    int64_t now_us, expires_us;
    BcCredentials *owner;
} Renew;

static void free_renew(gpointer data)
{
    Renew *r = data;
    g_free(r->device);
    g_free(r->certificate);
    g_free(r->serial);
    bc_credentials_unref(r->owner);
    g_free(r);
}

static void answer_renewal(const BcCredentials *c, const char *device, const BcEnrolled *renewed, const GError *error)
{
    if (c->renewed)
        c->renewed(device, renewed, error, c->renewed_user);
}

static bool write_renew(MdDb *db, gpointer data, GError **error)
{
    const Renew *r = data;
    bool ok = md_db_run(db, error, "INSERT INTO bc_link_credentials (serial, device, token_hash, issued_us, expires_us, revoked_us)"
                                   " SELECT $1, device, token_hash, CAST($2 AS BIGINT), CAST($3 AS BIGINT), 0 FROM bc_link_credentials"
                                   " WHERE device = $4 AND revoked_us = 0 ORDER BY issued_us DESC LIMIT 1",
                        "siis", r->serial, r->now_us, r->expires_us, r->device);
    if (ok && md_db_changes(db) != 1) {
        g_set_error_literal(error, BC_ERROR, BC_ERROR_NOT_FOUND, "its certificate was withdrawn meanwhile");
        return false;
    }
    return ok;
}

static void renew_written(bool ok, const GError *error, gpointer data, gpointer user)
{
    Renew *r = data;
    Entry *entry = g_hash_table_lookup(r->owner->by_device, r->device);
    if (entry)
        entry->renewing = false;
    if (ok && entry)
        keep_newer(r->owner, r->device, g_strdup(r->serial), r->now_us, r->expires_us);
    BcEnrolled renewed = {r->certificate, NULL, r->serial, r->expires_us};
    answer_renewal(r->owner, r->device, ok && entry ? &renewed : NULL, error);
}

void bc_credentials_renew(BcCredentials *c, const char *device, const char *request, gsize len, unsigned days, int64_t now_us)
{
    g_autoptr(GError) error = NULL;
    Entry *entry = g_hash_table_lookup(c->by_device, device);
    char *serial = NULL, *certificate = NULL;
    if (!entry)
        g_set_error_literal(&error, BC_ERROR, BC_ERROR_NOT_FOUND, "it has no certificate: it has to be enrolled");
    else if (entry->renewing || (entry->former && (now_us - entry->credential.issued_us < RENEW_PAUSE_US || entry->former->len >= FORMER_MAX)))
        g_set_error(&error, BC_ERROR, BC_ERROR_LIMIT, entry->former && entry->former->len >= FORMER_MAX
                    ? "too many certificates were made that it never said to use: it has to be enrolled anew"
                    : "it has got one within the last ten minutes: use that, or ask later");
    else
        certificate = bc_ca_issue(c->ca, device, request, len, days, &serial, &error);
    if (!certificate) {
        answer_renewal(c, device, NULL, error);
        return;
    }
    Renew *r = g_new0(Renew, 1);
    *r = (Renew){g_strdup(device), certificate, serial, now_us, now_us + (int64_t)days * 86400 * G_USEC_PER_SEC, g_rc_box_acquire(c)};
    entry->renewing = true;
    md_store_write(c->store, write_renew, r, free_renew, renew_written, NULL);
}

void bc_credentials_set_renewed(BcCredentials *c, BcRenewedFn renewed, void *user)
{
    c->renewed = renewed;
    c->renewed_user = user;
}

static bool write_in_use(MdDb *db, gpointer data, GError **error)
{
    const Renew *r = data;
    return md_db_run(db, error, "UPDATE bc_link_credentials SET revoked_us = $1 WHERE device = $2 AND revoked_us = 0 AND serial <> $3 AND issued_us <="
                                " (SELECT n.issued_us FROM bc_link_credentials n WHERE n.serial = $3)",
                     "iss", r->now_us, r->device, r->serial);
}

static void in_use_written(bool ok, const GError *error, gpointer data, gpointer user)
{
    const Renew *r = data;
    Entry *entry = g_hash_table_lookup(r->owner->by_device, r->device);
    unsigned i = 0;
    if (!ok || !entry || !entry->former)
        return;
    bool newest = g_str_equal(entry->credential.serial, r->serial);
    bool known = newest || g_ptr_array_find_with_equal_func(entry->former, r->serial, g_str_equal, &i);
    for (unsigned n = newest ? entry->former->len : i; known && n; n--) {
        g_hash_table_add(r->owner->revoked, g_strdup(entry->former->pdata[0]));
        g_ptr_array_remove_index(entry->former, 0);
    }
    write_crl(r->owner, NULL); /* what cannot be written now is written at the next change or start */
    if (!entry->former->len)
        g_clear_pointer(&entry->former, g_ptr_array_unref);
}

void bc_credentials_in_use(BcCredentials *c, const char *device, const char *serial, int64_t now_us)
{
    const Entry *entry = g_hash_table_lookup(c->by_device, device);
    if (!entry || !entry->former)
        return;
    bool known = g_str_equal(entry->credential.serial, serial);
    for (unsigned i = 0; i < entry->former->len; i++)
        known |= g_str_equal(entry->former->pdata[i], serial);
    if (!known)
        return;
    Renew *r = g_new0(Renew, 1);
    *r = (Renew){g_strdup(device), NULL, g_strdup(serial), now_us, 0, g_rc_box_acquire(c)};
    md_store_write(c->store, write_in_use, r, free_renew, in_use_written, NULL);
}

unsigned bc_credentials_ending(const BcCredentials *c, int64_t before_us)
{
    GHashTableIter it;
    gpointer value;
    unsigned n = 0;
    g_hash_table_iter_init(&it, c->by_device);
    while (g_hash_table_iter_next(&it, NULL, &value))
        n += ((const Entry *)value)->credential.expires_us < before_us;
    return n;
}

/* --- withdrawing --- */

typedef struct Withdraw {
    char *device;
    int64_t now_us;
} Withdraw;

static void free_withdraw(gpointer data)
{
    Withdraw *w = data;
    g_free(w->device);
    g_free(w);
}

static bool write_withdraw(MdDb *db, gpointer data, GError **error)
{
    const Withdraw *w = data;
    return md_db_run(db, error, "UPDATE bc_link_credentials SET revoked_us = $1 WHERE device = $2 AND revoked_us = 0", "is", w->now_us,
                     w->device) &&
           md_db_run(db, error, "DELETE FROM bc_link_codes WHERE device = $1", "s", w->device);
}

static void apply_withdraw(gpointer owner, gpointer data)
{
    BcCredentials *c = owner;
    const char *device = ((Withdraw *)data)->device;
    forget(c, device);
    write_crl(c, NULL); /* what cannot be written now is written at the next change or start */
    if (c->changed)
        c->changed(device, true, false, c->changed_user);
}

void bc_credentials_set_changed(BcCredentials *c, BcCredentialChangedFn changed, void *user)
{
    c->changed = changed;
    c->changed_user = user;
}

void bc_credentials_withdraw(BcCredentials *c, const char *device, int64_t now_us, BcDoneFn done, void *user)
{
    Withdraw *w = g_new0(Withdraw, 1);
    *w = (Withdraw){g_strdup(device), now_us};
    bc_write(c->store, write_withdraw, w, free_withdraw, c, (GDestroyNotify)bc_credentials_unref, apply_withdraw, done, user);
}
