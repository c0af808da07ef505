/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/api/key.h"
#include "mediad/api/private.h"
#include <string.h>
#include <glib/gstdio.h>

const MdMigration md_api_migrations[] = {
    {100, "api users",
     "CREATE TABLE md_users (name TEXT PRIMARY KEY, role TEXT NOT NULL "
     "CHECK (role IN ('viewer', 'broadcaster', 'operator', 'admin')), area TEXT NOT NULL DEFAULT '', hash TEXT NOT NULL, "
     "disabled BIGINT NOT NULL DEFAULT 0, created_us BIGINT NOT NULL)"},
    {101, "api sessions",
     "CREATE TABLE md_sessions (hash TEXT PRIMARY KEY, user_name TEXT NOT NULL REFERENCES md_users (name) ON DELETE CASCADE, "
     "created_us BIGINT NOT NULL, expires_us BIGINT NOT NULL);"
     "CREATE INDEX md_sessions_user ON md_sessions (user_name)"},
    {102, "audit trail",
     "CREATE TABLE md_audit (number BIGINT PRIMARY KEY, time_us BIGINT NOT NULL, who TEXT NOT NULL, source TEXT NOT NULL, "
     "what TEXT NOT NULL, detail TEXT NOT NULL, status BIGINT NOT NULL, hash TEXT NOT NULL)"},
    {103, "rooms made by the api", "CREATE TABLE md_rooms (name TEXT PRIMARY KEY, spec TEXT NOT NULL)"},
    /* the roles are no longer listed in the table; SQLite changes a check only with the table */
    {110, "roles and vendors",
     "CREATE TABLE md_sessions_kept AS SELECT hash, user_name, created_us, expires_us FROM md_sessions;"
     "DROP TABLE md_sessions;"
     "ALTER TABLE md_users RENAME TO md_users_kept;"
     "CREATE TABLE md_users (name TEXT PRIMARY KEY, role TEXT NOT NULL, area TEXT NOT NULL DEFAULT '', vendor TEXT NOT NULL DEFAULT '', "
     "hash TEXT NOT NULL, disabled BIGINT NOT NULL DEFAULT 0, created_us BIGINT NOT NULL);"
     "INSERT INTO md_users (name, role, area, hash, disabled, created_us) SELECT name, role, area, hash, disabled, created_us FROM md_users_kept;"
     "DROP TABLE md_users_kept;"
     "CREATE TABLE md_sessions (hash TEXT PRIMARY KEY, user_name TEXT NOT NULL REFERENCES md_users (name) ON DELETE CASCADE, "
     "created_us BIGINT NOT NULL, expires_us BIGINT NOT NULL);"
     "CREATE INDEX md_sessions_user ON md_sessions (user_name);"
     "INSERT INTO md_sessions (hash, user_name, created_us, expires_us) SELECT hash, user_name, created_us, expires_us FROM md_sessions_kept;"
     "DROP TABLE md_sessions_kept"},
    {111, "second factors",
     "CREATE TABLE md_factors (user_name TEXT PRIMARY KEY REFERENCES md_users (name) ON DELETE CASCADE, secret TEXT, pending TEXT, "
     "last_step BIGINT NOT NULL DEFAULT 0, created_us BIGINT NOT NULL);"
     "CREATE TABLE md_recovery_codes (hash TEXT PRIMARY KEY, user_name TEXT NOT NULL REFERENCES md_users (name) ON DELETE CASCADE);"
     "CREATE INDEX md_recovery_codes_user ON md_recovery_codes (user_name)"},
    {112, "keys of programs",
     "CREATE TABLE md_keys (name TEXT PRIMARY KEY, purpose TEXT NOT NULL, area TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, created_us BIGINT NOT NULL)"},
};
const unsigned md_api_n_migrations = G_N_ELEMENTS(md_api_migrations);

typedef struct Owned {
    gpointer data;
    GDestroyNotify free_data;
} Owned;

void md_api_own(MdApi *api, gpointer data, GDestroyNotify free_data)
{
    Owned owned = {data, free_data};

    g_array_append_val(api->owned, owned);
}

MdStore *md_api_store(const MdApi *api)
{
    return api->store;
}

const MdLogger *md_api_logger(const MdApi *api)
{
    return &api->logger;
}

static void copy_options(MdApi *api, const MdApiOptions *options)
{
    if (options->logger)
        api->logger = *options->logger;
    api->clock = options->clock ? options->clock : md_clock_system();
    api->state_dir = g_strdup(options->state_dir);
    api->console_dir = g_strdup(options->console_dir);
    api->second_factor_roles = g_strdupv((char **)options->second_factor_roles);
    api->issuer = g_strdup(options->issuer ? options->issuer : "mediad");
    api->connections_max = options->connections_max ? options->connections_max : 2000;
    api->upload_max = options->upload_max_bytes;
    api->connections_per_source =
        options->connections_per_source ? options->connections_per_source : MAX(api->connections_max / 4, 1);
    api->sessions_max = options->sessions_max ? options->sessions_max : 10000;
    api->websockets_max = options->websockets_max ? options->websockets_max : 500;
    api->session_lifetime_s = options->session_lifetime_s ? options->session_lifetime_s : 12 * 3600;
}

/* Uploads that a crash left behind. */
static void remove_stale_uploads(const MdApi *api)
{
    g_autoptr(GDir) dir = g_dir_open(api->state_dir, 0, NULL);

    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *path = g_build_filename(api->state_dir, name, NULL);
        if (g_str_has_prefix(name, MD_API_UPLOAD_PREFIX))
            g_unlink(path);
    }
}

MdApi *md_api_new(const MdApiOptions *options, MdStore *store, GError **error)
{
    MdApi *api = g_new0(MdApi, 1);

    copy_options(api, options);
    api->store = store;
    api->connections = g_rc_box_new0(unsigned);
    api->by_source = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    api->listeners = md_api_new_listeners();
    api->pending = g_ptr_array_new();
    api->metrics = g_array_new(FALSE, FALSE, 2 * sizeof(void *));
    api->ready = g_array_new(FALSE, FALSE, 3 * sizeof(void *));
    api->requests = g_hash_table_new(NULL, NULL);
    api->owned = g_array_new(FALSE, FALSE, sizeof(Owned));
    api->guard = md_api_guard_new(options->requests_per_s);
    api->soup = soup_server_new("server-header", "mediad", "raw-paths", TRUE, NULL);
    if (g_mkdir_with_parents(api->state_dir, 0700) != 0 || !(api->passwords = md_api_passwords_new())) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "cannot use the state directory %s", api->state_dir);
        goto fail;
    }
    remove_stale_uploads(api);
    if (!(api->sessions = md_api_sessions_new(api, error)) || !md_api_users_setup(api, error))
        goto fail;
    soup_server_add_handler(api->soup, NULL, md_api_console_handler, api, NULL);
    md_api_install_handlers(api);
    md_api_health_handlers(api);
    md_api_session_routes(api);
    md_api_user_routes(api);
    md_api_audit_routes(api);
    md_api_second_factor_routes(api);
    md_api_key_routes(api);
    api->events = md_api_events_new(api);
    if (md_api_listen(api, options, error))
        return api;
fail:
    md_api_free(api);
    return NULL;
}

static bool nothing(MdDb *db, gpointer data, GError **error)
{
    return true;
}

static void passed(bool ok, const GError *error, gpointer data, gpointer user)
{
    *(bool *)user = true;
}

/* Runs the main context until every write begun so far has told its end: those ends use what is freed next. */
static void settle(MdApi *api)
{
    bool done = false;

    md_store_write(api->store, nothing, NULL, NULL, passed, &done);
    while (!done)
        g_main_context_iteration(NULL, TRUE);
}

static bool any_waiting(MdApi *api)
{
    GHashTableIter iter;
    gpointer request;

    g_hash_table_iter_init(&iter, api->requests);
    while (g_hash_table_iter_next(&iter, &request, NULL))
        if (((MdApiRequest *)request)->message)
            return true;
    return false;
}

/* Those who wait for a handler are told that it is over, and get half a second to hear it. */
static void dismiss_waiting(MdApi *api)
{
    static const char text[] = "{\"error\":{\"code\":\"stopping\",\"message\":\"the server stops\"}}";
    int64_t until_us = g_get_monotonic_time() + G_USEC_PER_SEC / 2;
    g_autoptr(GList) all = g_hash_table_get_keys(api->requests);

    for (GList *l = all; l; l = l->next) {
        MdApiRequest *r = l->data;
        if (r->stream)
            md_api_stream_close(r->stream);
        if (!r->message || !r->paused || r->replied)
            continue;
        r->paused = false;
        soup_server_message_set_status(r->message, 503, NULL);
        soup_server_message_set_response(r->message, "application/json", SOUP_MEMORY_STATIC, text, strlen(text));
        soup_server_message_unpause(r->message);
    }
    while (any_waiting(api) && g_get_monotonic_time() < until_us)
        if (!g_main_context_iteration(NULL, FALSE))
            g_usleep(1000);
}

/* Whoever still works on a request may answer it later: into the void. */
static void orphan_requests(MdApi *api)
{
    GHashTableIter iter;
    gpointer request;

    g_hash_table_iter_init(&iter, api->requests);
    while (g_hash_table_iter_next(&iter, &request, NULL))
        ((MdApiRequest *)request)->api = NULL;
    g_hash_table_unref(api->requests);
}

void md_api_free(MdApi *api)
{
    if (!api)
        return;
    api->closing = true;
    md_api_unlisten(api);
    dismiss_waiting(api);
    md_api_sockets_end(api);
    soup_server_disconnect(api->soup);
    md_api_passwords_free(api->passwords);
    settle(api);
    settle(api); /* an end may have begun one more write */
    orphan_requests(api);
    for (guint i = api->owned->len; i-- > 0;) {
        Owned *owned = &g_array_index(api->owned, Owned, i);
        owned->free_data(owned->data);
    }
    g_array_unref(api->owned);
    md_api_events_free(api->events);
    md_api_sockets_free(api->sockets);
    g_object_unref(api->soup);
    g_clear_object(&api->certificate);
    g_clear_pointer(&api->routes, g_ptr_array_unref);
    g_ptr_array_unref(api->listeners);
    g_ptr_array_unref(api->pending);
    g_array_unref(api->metrics);
    g_array_unref(api->ready);
    md_api_guard_free(api->guard);
    md_api_sessions_free(api->sessions);
    g_rc_box_release(api->connections);
    g_hash_table_unref(api->by_source);
    g_free(api->setup_code);
    g_free(api->openapi);
    g_free(api->state_dir);
    g_free(api->console_dir);
    g_strfreev(api->second_factor_roles);
    g_free(api->issuer);
    g_free(api->factor_key);
    g_free(api);
}
