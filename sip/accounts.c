/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/re-api.h"
#include "sip/snapshot.h"
#include <openssl/rand.h>

#define ACCOUNTS_MAX 100000
#define PASSWORD_CHARS 20 /* of 32: 100 bits */

typedef struct Row {
    SgAccount account; /* strings owned */
    SgHashHex ha1[SG_ALGORITHM_MAX];
    bool unsaved; /* the store refused the last change */
} Row;

struct SgAccounts {
    MdStore *store;
    char *realm;
    MdLogger logger;
    GTree *rows; /* name → Row */
    void (*changed)(void *user);
    void *changed_user;
    guint changed_source;
    GHashTable *saves;  /* set of Save*: on their way to the disk */
    struct Save *last;  /* that of the latest change, NULL: it needed none */
};

typedef struct Save {
    SgAccounts *accounts; /* NULL: it went first */
    MdLogger logger;
    enum { SAVE_NEW, SAVE_CHANGE, SAVE_DELETE } kind;
    char *name;
    char *realm;
    Row *row;             /* a copy; of a deleted one itself */
    void (*done)(const GError *error, void *user);
    void *user;
} Save;

const MdMigration sg_migrations[] = {
    {200, "sip accounts",
     "CREATE TABLE sip_accounts (name TEXT PRIMARY KEY, display TEXT NOT NULL, role TEXT NOT NULL, area TEXT NOT NULL,"
     " kind TEXT NOT NULL, security TEXT NOT NULL, digests BIGINT NOT NULL, bindings_max BIGINT NOT NULL,"
     " disabled BIGINT NOT NULL, realm TEXT NOT NULL, ha1_md5 TEXT NOT NULL, ha1_sha256 TEXT NOT NULL);"},
    {201, "sip bindings",
     "CREATE TABLE sip_bindings (account TEXT NOT NULL, binding TEXT NOT NULL, contact TEXT NOT NULL, path TEXT NOT NULL,"
     " call_id TEXT NOT NULL, cseq BIGINT NOT NULL, user_agent TEXT NOT NULL, transport TEXT NOT NULL, host TEXT NOT NULL,"
     " port BIGINT NOT NULL, registered_us BIGINT NOT NULL, expires_us BIGINT NOT NULL, PRIMARY KEY (account, binding));"},
};
const unsigned sg_n_migrations = G_N_ELEMENTS(sg_migrations);

G_DEFINE_QUARK(sg-error-quark, sg_error)

const char *sg_account_kind_to_string(SgAccountKind kind)
{
    static const char *const names[] = {"site", "loudspeaker", "operator", "trunk"};

    return kind >= 0 && kind < SG_ACCOUNT_KIND_MAX ? names[kind] : NULL;
}

SgAccountKind sg_account_kind_from_string(const char *name)
{
    for (int i = 0; name && i < SG_ACCOUNT_KIND_MAX; i++)
        if (strcmp(name, sg_account_kind_to_string(i)) == 0)
            return i;
    return SG_ACCOUNT_KIND_INVALID;
}

bool sg_account_name_is_valid(const char *name)
{
    size_t len = name ? strlen(name) : 0;

    if (len == 0 || len > SG_ACCOUNT_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!g_ascii_isalnum(name[i]) && !strchr("._+-", name[i]))
            return false;
    return true;
}

static void row_free(gpointer data)
{
    Row *row = data;

    g_free((char *)row->account.name);
    g_free((char *)row->account.display);
    g_free((char *)row->account.role);
    g_free((char *)row->account.area);
    g_free(row);
}

static void row_set(Row *row, const SgAccount *account)
{
    Row old = *row;

    row->account = *account;
    row->account.name = g_strdup(account->name);
    row->account.display = g_strdup(account->display ? account->display : "");
    row->account.role = g_strdup(account->role ? account->role : "");
    row->account.area = g_strdup(account->area ? account->area : "");
    if (account->bindings_max == 0)
        row->account.bindings_max = SG_ACCOUNT_BINDINGS_DEFAULT;
    g_free((char *)old.account.name);
    g_free((char *)old.account.display);
    g_free((char *)old.account.role);
    g_free((char *)old.account.area);
}

static bool text_ok(const char *text)
{
    return !text || (strlen(text) <= SG_ACCOUNT_TEXT_MAX && g_utf8_validate(text, -1, NULL) && !strpbrk(text, "\r\n\""));
}

static bool check(const SgAccount *account, GError **error)
{
    const char *bad = NULL;

    if (!sg_account_name_is_valid(account->name))
        bad = "the name must be 1 to 64 letters, digits or . _ + -";
    else if (!text_ok(account->display) || !text_ok(account->role) || !text_ok(account->area))
        bad = "display, role and area must be UTF-8 of at most 256 bytes, one line, without quotes";
    else if (account->kind < 0 || account->kind >= SG_ACCOUNT_KIND_MAX)
        bad = "the kind must be site, loudspeaker, operator or trunk";
    else if (account->security < MD_SECURITY_INVALID || account->security >= MD_SECURITY_MAX)
        bad = "no such media security";
    else if (account->digests & ~(unsigned)SG_DIGEST_ANY)
        bad = "no such digest algorithm";
    else if (account->bindings_max > SG_ACCOUNT_BINDINGS_MAX)
        bad = "at most 50 devices on one account";
    if (bad)
        g_set_error(error, SG_ERROR, SG_ERROR_INVALID, "account '%.64s': %s", account->name ? account->name : "", bad);
    return !bad;
}

/* --- the store --- */

static bool save_row(MdDb *db, gpointer data, GError **error)
{
    const Save *save = data;
    const Row *row = save->row;
    const SgAccount *a = &row->account;
    const char *security = a->security == MD_SECURITY_INVALID ? "" : md_security_to_string(a->security);

    if (save->kind == SAVE_DELETE)
        return md_db_run(db, error, "DELETE FROM sip_accounts WHERE name = $1", "s", save->name) &&
               md_db_run(db, error, "DELETE FROM sip_bindings WHERE account = $1", "s", save->name);
    return md_db_run(db, error,
                     "INSERT INTO sip_accounts (name, display, role, area, kind, security, digests, bindings_max, disabled, realm,"
                     " ha1_md5, ha1_sha256) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
                     " ON CONFLICT (name) DO UPDATE SET display = excluded.display, role = excluded.role, area = excluded.area,"
                     " kind = excluded.kind, security = excluded.security, digests = excluded.digests,"
                     " bindings_max = excluded.bindings_max, disabled = excluded.disabled, realm = excluded.realm,"
                     " ha1_md5 = excluded.ha1_md5, ha1_sha256 = excluded.ha1_sha256",
                     "ssssssiiisss", a->name, a->display, a->role, a->area, sg_account_kind_to_string(a->kind), security,
                     (int64_t)a->digests, (int64_t)a->bindings_max, (int64_t)a->disabled, save->realm, row->ha1[SG_ALGORITHM_MD5],
                     row->ha1[SG_ALGORITHM_SHA256]);
}

static void save_free(gpointer data)
{
    Save *save = data;

    if (save->accounts) {
        g_hash_table_remove(save->accounts->saves, save);
        if (save->accounts->last == save)
            save->accounts->last = NULL;
    }
    if (save->row)
        row_free(save->row);
    g_free(save->name);
    g_free(save->realm);
    g_free(save);
}

static void changed(SgAccounts *accounts);

/* The store refused: what was made is taken back, what was removed is there again; a change stays in force, and is written the next
 * time somebody asks for it. */
static void take_back(SgAccounts *accounts, Save *save)
{
    Row *row = g_tree_lookup(accounts->rows, save->name), *removed;

    if (save->kind == SAVE_DELETE && !row) {
        removed = g_steal_pointer(&save->row);
        g_tree_insert(accounts->rows, (gpointer)removed->account.name, removed);
    } else if (save->kind == SAVE_NEW && row) {
        g_tree_remove(accounts->rows, save->name);
    } else if (row) {
        row->unsaved = true;
    }
    changed(accounts);
}

static void on_saved(bool ok, const GError *error, gpointer data, gpointer unused)
{
    Save *save = data;
    g_autoptr(GError) failure = NULL;

    if (!ok) {
        md_error(&save->logger, "account %s could not be saved: %s", save->name, error->message);
        g_set_error(&failure, SG_ERROR, SG_ERROR_STORE, "account '%s': %s; the store says: %s", save->name,
                    save->kind == SAVE_NEW      ? "it could not be kept and was taken back"
                    : save->kind == SAVE_DELETE ? "it could not be removed"
                                                : "the change is in force, but lost at the next start",
                    error->message);
        if (save->accounts)
            take_back(save->accounts, save);
    }
    if (save->done)
        save->done(failure, save->user);
}

/* row: taken. */
static void save_later(SgAccounts *accounts, int kind, Row *row)
{
    Save *save = g_new0(Save, 1);

    *save = (Save){.accounts = accounts, .logger = accounts->logger, .kind = kind, .name = g_strdup(row->account.name),
                   .realm = g_strdup(accounts->realm), .row = row};
    g_hash_table_add(accounts->saves, save);
    accounts->last = save;
    md_store_write(accounts->store, save_row, save, save_free, on_saved, NULL);
}

static void save(SgAccounts *accounts, Row *row, int kind)
{
    Row *copy;

    row->unsaved = false;
    if (!accounts->store)
        return;
    copy = g_new0(Row, 1);
    memcpy(copy->ha1, row->ha1, sizeof(copy->ha1));
    row_set(copy, &row->account);
    save_later(accounts, kind, copy);
}

void sg_accounts_when_saved(SgAccounts *accounts, void (*done)(const GError *error, void *user), void *user)
{
    if (accounts->last) {
        accounts->last->done = done;
        accounts->last->user = user;
        accounts->last = NULL;
    } else {
        done(NULL, user);
    }
}

static bool load(SgAccounts *accounts, GError **error)
{
    GError *failure = NULL;
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(accounts->store), &failure,
                                         "SELECT name, display, role, area, kind, security, digests, bindings_max, disabled, realm,"
                                         " ha1_md5, ha1_sha256 FROM sip_accounts", "");

    while (rows && md_rows_next(rows, &failure)) {
        Row *row = g_new0(Row, 1);
        SgAccount account = {
            .name = md_rows_text(rows, 0), .display = md_rows_text(rows, 1), .role = md_rows_text(rows, 2),
            .area = md_rows_text(rows, 3), .kind = sg_account_kind_from_string(md_rows_text(rows, 4)),
            .security = md_security_from_string(md_rows_text(rows, 5)), .digests = (unsigned)md_rows_int(rows, 6),
            .bindings_max = (unsigned)md_rows_int(rows, 7), .disabled = md_rows_int(rows, 8) != 0,
        };

        row_set(row, &account);
        g_strlcpy(row->ha1[SG_ALGORITHM_MD5], md_rows_text(rows, 10), sizeof(SgHashHex));
        g_strlcpy(row->ha1[SG_ALGORITHM_SHA256], md_rows_text(rows, 11), sizeof(SgHashHex));
        if (strcmp(md_rows_text(rows, 9), accounts->realm) != 0)
            md_warning(&accounts->logger, "account %s was made for the domain %s: it needs a new password (mediactl accounts reset)", account.name,
                       md_rows_text(rows, 9));
        g_tree_insert(accounts->rows, (gpointer)row->account.name, row);
    }
    if (!failure)
        return true;
    g_set_error(error, SG_ERROR, SG_ERROR_STORE, "cannot read the SIP accounts: %s", failure->message);
    g_error_free(failure);
    return false;
}

static gint compare_names(gconstpointer a, gconstpointer b, gpointer unused)
{
    return strcmp(a, b);
}

SgAccounts *sg_accounts_new(MdStore *store, const char *realm, const MdLogger *logger, GError **error)
{
    SgAccounts *accounts = g_new0(SgAccounts, 1);

    accounts->store = store;
    accounts->realm = g_strdup(realm);
    if (logger)
        accounts->logger = md_logger_child(logger, "accounts");
    accounts->rows = g_tree_new_full(compare_names, NULL, NULL, row_free);
    accounts->saves = g_hash_table_new(NULL, NULL);
    if (store && !load(accounts, error)) {
        sg_accounts_free(accounts);
        return NULL;
    }
    return accounts;
}

void sg_accounts_free(SgAccounts *accounts)
{
    GHashTableIter iter;
    gpointer one;

    if (!accounts)
        return;
    if (accounts->changed_source)
        g_source_remove(accounts->changed_source);
    g_hash_table_iter_init(&iter, accounts->saves);
    while (g_hash_table_iter_next(&iter, &one, NULL))
        ((Save *)one)->accounts = NULL;
    g_hash_table_unref(accounts->saves);
    g_tree_unref(accounts->rows);
    g_free(accounts->realm);
    g_free(accounts);
}

/* --- changes --- */

static gboolean tell_changed(gpointer data)
{
    SgAccounts *accounts = data;

    accounts->changed_source = 0;
    if (accounts->changed)
        accounts->changed(accounts->changed_user);
    return G_SOURCE_REMOVE;
}

static void changed(SgAccounts *accounts)
{
    GSource *source;

    if (!accounts->changed || accounts->changed_source)
        return;
    source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, tell_changed, accounts, NULL);
    accounts->changed_source = g_source_attach(source, g_main_context_get_thread_default());
    g_source_unref(source);
}

void sg_accounts_set_changed(SgAccounts *accounts, void (*fn)(void *user), void *user)
{
    accounts->changed = fn;
    accounts->changed_user = user;
}

static char *random_password(void)
{
    static const char letters[] = "abcdefghjkmnpqrstuvwxyz23456789AB"; /* nothing that looks like something else */
    uint8_t bytes[PASSWORD_CHARS];
    char *password = g_malloc0(PASSWORD_CHARS + 1);

    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        g_error("no randomness from OpenSSL");
    for (unsigned i = 0; i < PASSWORD_CHARS; i++)
        password[i] = letters[bytes[i] & 31];
    return password;
}

static bool set_password(SgAccounts *accounts, Row *row, const char *password, char **ret_password, GError **error)
{
    char *made = NULL;
    size_t len = password ? strlen(password) : 0;

    if (password && (len < SG_PASSWORD_MIN || len > SG_PASSWORD_MAX || strpbrk(password, "\r\n"))) {
        g_set_error(error, SG_ERROR, SG_ERROR_INVALID, "account '%s': a password has 8 to 128 bytes on one line", row->account.name);
        return false;
    }
    if (!password)
        password = made = random_password();
    for (int i = 0; i < SG_ALGORITHM_MAX; i++)
        sg_ha1(i, row->account.name, accounts->realm, password, row->ha1[i]);
    if (ret_password)
        *ret_password = made;
    else
        g_free(made);
    return true;
}

static Row *find(const SgAccounts *accounts, const char *name, GError **error)
{
    Row *row = name ? g_tree_lookup(accounts->rows, name) : NULL;

    if (!row)
        g_set_error(error, SG_ERROR, SG_ERROR_NOT_FOUND, "no SIP account '%.64s'", name ? name : "");
    return row;
}

bool sg_accounts_create(SgAccounts *accounts, const SgAccount *account, const char *password, char **ret_password, GError **error)
{
    Row *row;

    accounts->last = NULL;
    if (!check(account, error))
        return false;
    if (g_tree_lookup(accounts->rows, account->name)) {
        g_set_error(error, SG_ERROR, SG_ERROR_EXISTS, "the SIP account '%s' is there already", account->name);
        return false;
    }
    if (g_tree_nnodes(accounts->rows) >= ACCOUNTS_MAX) {
        g_set_error(error, SG_ERROR, SG_ERROR_LIMIT, "no more than %d SIP accounts", ACCOUNTS_MAX);
        return false;
    }
    row = g_new0(Row, 1);
    row_set(row, account);
    if (!set_password(accounts, row, password, ret_password, error)) {
        row_free(row);
        return false;
    }
    g_tree_insert(accounts->rows, (gpointer)row->account.name, row);
    save(accounts, row, SAVE_NEW);
    changed(accounts);
    return true;
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool differs(const SgAccount *a, const SgAccount *b)
{
    return !same_text(a->display, b->display) || !same_text(a->role, b->role) || !same_text(a->area, b->area) ||
           a->kind != b->kind || a->security != b->security || a->digests != b->digests || a->disabled != b->disabled ||
           a->bindings_max != (b->bindings_max ? b->bindings_max : SG_ACCOUNT_BINDINGS_DEFAULT);
}

bool sg_accounts_update(SgAccounts *accounts, const SgAccount *account, GError **error)
{
    Row *row;

    accounts->last = NULL;
    if (!check(account, error) || !(row = find(accounts, account->name, error)))
        return false;
    if (!row->unsaved && !differs(&row->account, account))
        return true;
    /* the tree's key is the row's own name: take it out while the strings change */
    g_tree_steal(accounts->rows, row->account.name);
    row_set(row, account);
    g_tree_insert(accounts->rows, (gpointer)row->account.name, row);
    save(accounts, row, SAVE_CHANGE);
    changed(accounts);
    return true;
}

bool sg_accounts_ensure(SgAccounts *accounts, const SgAccount *account, char **ret_password, GError **error)
{
    *ret_password = NULL;
    if (account->name && g_tree_lookup(accounts->rows, account->name))
        return sg_accounts_update(accounts, account, error);
    return sg_accounts_create(accounts, account, NULL, ret_password, error);
}

bool sg_accounts_reset(SgAccounts *accounts, const char *name, const char *password, char **ret_password, GError **error)
{
    Row *row = find(accounts, name, error);

    accounts->last = NULL;
    if (!row || !set_password(accounts, row, password, ret_password, error))
        return false;
    save(accounts, row, SAVE_CHANGE);
    changed(accounts);
    return true;
}

bool sg_accounts_delete(SgAccounts *accounts, const char *name, GError **error)
{
    Row *row = find(accounts, name, error);

    accounts->last = NULL;
    if (!row)
        return false;
    g_tree_steal(accounts->rows, name);
    if (accounts->store)
        save_later(accounts, SAVE_DELETE, row);
    else
        row_free(row);
    changed(accounts);
    return true;
}

const SgAccount *sg_accounts_find(const SgAccounts *accounts, const char *name)
{
    Row *row = name ? g_tree_lookup(accounts->rows, name) : NULL;

    return row ? &row->account : NULL;
}

static gboolean collect(gpointer key, gpointer value, gpointer user)
{
    g_ptr_array_add(user, &((Row *)value)->account);
    return FALSE;
}

GPtrArray *sg_accounts_list(const SgAccounts *accounts)
{
    GPtrArray *list = g_ptr_array_new();

    g_tree_foreach(accounts->rows, collect, list);
    return list;
}

static gboolean add_to_snapshot(gpointer key, gpointer value, gpointer user)
{
    const Row *row = value;
    SgCredential credential = {.name = (char *)row->account.name, .digests = row->account.digests,
                               .bindings_max = row->account.bindings_max, .kind = row->account.kind,
                               .security = row->account.security, .disabled = row->account.disabled};

    memcpy(credential.ha1, row->ha1, sizeof(credential.ha1));
    sg_snapshot_add(user, &credential);
    return FALSE;
}

SgSnapshot *sg_accounts_snapshot(const SgAccounts *accounts)
{
    SgSnapshot *snapshot = sg_snapshot_new();

    g_tree_foreach(accounts->rows, add_to_snapshot, snapshot);
    return snapshot;
}

const char *sg_accounts_realm(const SgAccounts *accounts)
{
    return accounts->realm;
}

unsigned sg_accounts_count(const SgAccounts *accounts)
{
    return (unsigned)g_tree_nnodes(accounts->rows);
}
