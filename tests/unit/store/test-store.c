/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/store/store.h"
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const MdMigration migrations[] = {
    {2, "sites", "CREATE TABLE sites (name TEXT PRIMARY KEY, room TEXT REFERENCES rooms(name), level REAL, picture BLOB);"
                 "CREATE INDEX sites_room ON sites (room);"},
    {1, "rooms", "CREATE TABLE rooms (name TEXT PRIMARY KEY, seats BIGINT NOT NULL CHECK (seats > 0))"},
};

typedef struct Fixture {
    char *dir, *path;
    MdStore *store;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
    GError *error = NULL;

    f->dir = g_dir_make_tmp("store-XXXXXX", &error);
    g_assert_no_error(error);
    f->path = g_build_filename(f->dir, "mediad.db", NULL);
    f->store = md_store_open(f->path, migrations, G_N_ELEMENTS(migrations), NULL, &error);
    g_assert_no_error(error);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};

    md_store_close(f->store);
    for (unsigned i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *path = g_strconcat(f->path, suffixes[i], NULL);
        g_unlink(path);
    }
    g_assert_cmpint(g_rmdir(f->dir), ==, 0);
    g_free(f->path);
    g_free(f->dir);
}

static bool add_room(MdDb *db, gpointer data, GError **error)
{
    return md_db_run(db, error, "INSERT INTO rooms (name, seats) VALUES ($1, $2)", "si", (const char *)data,
                     (int64_t)70);
}

static int64_t count(MdStore *store, const char *sql)
{
    GError *error = NULL;
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(store), &error, sql, "");

    g_assert_no_error(error);
    g_assert_true(md_rows_next(rows, &error));
    return md_rows_int(rows, 0);
}

static bool add_site(MdDb *db, gpointer data, GError **error)
{
    g_autoptr(GBytes) picture = g_bytes_new("\0\1\2\xff", 4);

    /* $2 before $1, and one used twice: numbers count, not the order of appearance */
    if (!md_db_run(db, error,
                   "INSERT INTO sites (room, name, level, picture) SELECT $2, $1, $3, $4 WHERE $1 IS NOT NULL",
                   "ssdb", "Cẩm Xuyên", "giao-ban", -23.5, picture))
        return false;
    g_assert_cmpint(md_db_changes(db), ==, 1);
    if (!md_db_run(db, error, "INSERT INTO sites (name, room, level, picture) VALUES ($1, $2, 0, $3)", "ssb",
                   "Đức Thọ", NULL, NULL))
        return false;
    return md_db_run(db, error, "UPDATE sites SET level = 1 WHERE name = $1", "s", "nobody") &&
           md_db_changes(db) == 0;
}

static void test_values(Fixture *f, gconstpointer data)
{
    GError *error = NULL;

    g_assert_true(md_store_write_sync(f->store, add_room, (gpointer)"giao-ban", &error));
    g_assert_true(md_store_write_sync(f->store, add_site, NULL, &error));
    g_assert_no_error(error);
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(f->store), &error,
                                         "SELECT name, room, level, picture FROM sites ORDER BY name", "");
    g_assert_true(md_rows_next(rows, &error));
    g_assert_cmpstr(md_rows_text(rows, 0), ==, "Cẩm Xuyên");
    g_assert_cmpstr(md_rows_text(rows, 1), ==, "giao-ban");
    g_assert_cmpfloat(md_rows_double(rows, 2), ==, -23.5);
    g_autoptr(GBytes) picture = md_rows_blob(rows, 3);
    gsize size;
    const char *bytes = g_bytes_get_data(picture, &size);
    g_assert_cmpmem(bytes, size, "\0\1\2\xff", 4);
    g_assert_true(md_rows_next(rows, &error));
    g_assert_cmpstr(md_rows_text(rows, 0), ==, "Đức Thọ");
    g_assert_null(md_rows_text(rows, 1));
    g_assert_null(md_rows_blob(rows, 3));
    g_assert_false(md_rows_next(rows, &error));
    g_assert_no_error(error);
    struct stat st;
    g_assert_cmpint(g_stat(f->path, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 0777, ==, 0600);
}

static bool bad_sql(MdDb *db, gpointer data, GError **error)
{
    return md_db_run(db, error, "INSERT INTO nowhere VALUES (1)", "");
}

static bool no_seats(MdDb *db, gpointer data, GError **error)
{
    return add_room(db, (gpointer)"kept?", error) &&
           md_db_run(db, error, "INSERT INTO rooms (name, seats) VALUES ('none', $1)", "i", (int64_t)0);
}

static bool orphan(MdDb *db, gpointer data, GError **error)
{
    return md_db_run(db, error, "INSERT INTO sites (name, room) VALUES ('x', 'no such room')", "");
}

static void test_errors(Fixture *f, gconstpointer data)
{
    GError *error = NULL;

    g_assert_false(md_store_write_sync(f->store, bad_sql, NULL, &error));
    g_assert_error(error, MD_STORE_ERROR, MD_STORE_ERROR_SQL);
    g_assert_nonnull(strstr(error->message, "nowhere"));
    g_clear_error(&error);
    g_assert_false(md_store_write_sync(f->store, no_seats, NULL, &error));
    g_assert_error(error, MD_STORE_ERROR, MD_STORE_ERROR_CONSTRAINT);
    g_clear_error(&error);
    g_assert_false(md_store_write_sync(f->store, orphan, NULL, &error));
    g_assert_error(error, MD_STORE_ERROR, MD_STORE_ERROR_CONSTRAINT);
    g_clear_error(&error);
    g_assert_cmpint(count(f->store, "SELECT count(*) FROM rooms"), ==, 0);
    /* control's connection cannot write */
    g_assert_false(add_room(md_store_reader(f->store), (gpointer)"sneaky", &error));
    g_assert_nonnull(error);
    g_clear_error(&error);
    g_assert_null(md_db_query(md_store_reader(f->store), &error, "SELEKT", ""));
    g_assert_error(error, MD_STORE_ERROR, MD_STORE_ERROR_SQL);
    g_clear_error(&error);
}

typedef struct Batch {
    GMainContext *context;
    GThread *thread;
    MdStore *store;
    unsigned done, failed, freed;
} Batch;

static Batch batch;

static bool sometimes_fails(MdDb *db, gpointer data, GError **error)
{
    g_autofree char *name = g_strdup_printf("room-%03u", GPOINTER_TO_UINT(data));

    if (!add_room(db, name, error))
        return false;
    return GPOINTER_TO_UINT(data) % 7 != 3 || bad_sql(db, NULL, error);
}

static void count_freed(gpointer data)
{
    batch.freed++;
}

static void count_done(bool ok, const GError *error, gpointer data, gpointer user)
{
    g_autofree char *sql = g_strdup_printf("SELECT count(*) FROM rooms WHERE name = 'room-%03u'",
                                           GPOINTER_TO_UINT(data));

    g_assert_true(g_thread_self() == batch.thread);
    g_assert_true(user == &batch);
    g_assert_true(ok == (error == NULL));
    g_assert_true(ok == (GPOINTER_TO_UINT(data) % 7 != 3));
    g_assert_cmpint(count(batch.store, sql), ==, ok); /* committed before done is called */
    g_assert_cmpuint(batch.freed, ==, batch.done);    /* data still there */
    batch.done++;
    batch.failed += !ok;
}

/* Queued writes share commits, yet one that fails takes back only its own rows. */
static void test_batch(Fixture *f, gconstpointer data)
{
    batch = (Batch){.thread = g_thread_self(), .store = f->store};
    for (unsigned i = 0; i < 700; i++)
        md_store_write(f->store, sometimes_fails, GUINT_TO_POINTER(i), count_freed, count_done, &batch);
    while (batch.freed < 700)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(batch.done, ==, 700);
    g_assert_cmpuint(batch.failed, ==, 100);
    g_assert_cmpint(count(f->store, "SELECT count(*) FROM rooms"), ==, 600);
}

static void test_close_finishes(Fixture *f, gconstpointer data)
{
    GError *error = NULL;

    for (unsigned i = 0; i < 50; i++)
        md_store_write(f->store, sometimes_fails, GUINT_TO_POINTER(i), NULL, NULL, NULL);
    md_store_close(f->store);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    f->store = md_store_open(f->path, migrations, G_N_ELEMENTS(migrations), NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpint(count(f->store, "SELECT count(*) FROM rooms"), ==, 43);
}

static void test_migrations(Fixture *f, gconstpointer data)
{
    static const MdMigration broken[] = {{1, "rooms", ""}, {2, "sites", ""}, {9, "half", "CREATE TABLE half (x BIGINT); BROKEN"}};
    static const MdMigration twice[] = {{1, "rooms", ""}, {2, "sites", ""}, {2, "again", ""}};
    static const MdMigration more[] = {{1, "rooms", ""}, {2, "sites", ""}, {9, "third", "CREATE TABLE third (x BIGINT)"}};
    GError *error = NULL;

    g_assert_cmpint(count(f->store, "SELECT count(*) FROM md_migrations"), ==, 2);
    g_clear_pointer(&f->store, md_store_close);
    g_assert_null(md_store_open(f->path, migrations, 1, NULL, &error));
    g_assert_error(error, MD_STORE_ERROR, MD_STORE_ERROR_NEWER);
    g_assert_nonnull(strstr(error->message, "migration 1 (rooms)"));
    g_clear_error(&error);
    g_assert_null(md_store_open(f->path, twice, 3, NULL, &error));
    g_assert_error(error, MD_STORE_ERROR, MD_STORE_ERROR_OPEN);
    g_clear_error(&error);
    g_assert_null(md_store_open(f->path, broken, 3, NULL, &error));
    g_assert_nonnull(strstr(error->message, "migration 9 (half)"));
    g_clear_error(&error);
    f->store = md_store_open(f->path, more, 3, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpint(count(f->store, "SELECT count(*) FROM third"), ==, 0);
    g_assert_null(md_db_query(md_store_reader(f->store), &error, "SELECT * FROM half", ""));
    g_clear_error(&error);
}

static void test_cannot_open(void)
{
    GError *error = NULL;

    g_assert_null(md_store_open("/proc/no/such/folder/mediad.db", NULL, 0, NULL, &error));
    g_assert_error(error, MD_STORE_ERROR, MD_STORE_ERROR_OPEN);
    g_assert_nonnull(strstr(error->message, "/proc/no/such/folder"));
    g_clear_error(&error);
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("store-XXXXXX", &path, &error);
    g_assert_cmpint(write(fd, "this is no database, only a text long enough to be read as one........................", 80), ==, 80);
    close(fd);
    g_assert_null(md_store_open(path, NULL, 0, NULL, &error));
    g_assert_error(error, MD_STORE_ERROR, MD_STORE_ERROR_OPEN);
    g_clear_error(&error);
    g_unlink(path);
}

static unsigned in_flight;

static void tell(bool ok, const GError *error, gpointer data, gpointer user)
{
    uint32_t number = GPOINTER_TO_UINT(data);

    g_assert_true(ok);
    in_flight--;
    if (write(GPOINTER_TO_INT(user), &number, sizeof number) != sizeof number)
        _exit(3);
}

static bool add_numbered(MdDb *db, gpointer data, GError **error)
{
    return md_db_run(db, error, "INSERT INTO rooms (name, seats) VALUES ('r' || $1, $1)", "i",
                     (int64_t)GPOINTER_TO_UINT(data));
}

/* The child that is going to be killed: eight writes in flight, tells each acknowledged one. */
static int crash_child(const char *path, int out)
{
    GError *error = NULL;
    MdStore *store = md_store_open(path, migrations, G_N_ELEMENTS(migrations), NULL, &error);

    g_assert_no_error(error);
    for (unsigned i = 1; i < 1000000; i++) {
        md_store_write(store, add_numbered, GUINT_TO_POINTER(i), NULL, tell, GINT_TO_POINTER(out));
        for (in_flight++; in_flight >= 8;)
            g_main_context_iteration(NULL, TRUE);
    }
    return 0;
}

static const char *self;

static void test_crash(Fixture *f, gconstpointer data)
{
    GError *error = NULL;
    uint32_t number, acknowledged = 0;
    int out;
    GPid pid;

    g_clear_pointer(&f->store, md_store_close);
    char *argv[] = {(char *)self, (char *)"--crash-child", f->path, NULL};
    g_assert_true(g_spawn_async_with_pipes(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, NULL, &out,
                                           NULL, &error));
    g_autoptr(GArray) seen = g_array_new(FALSE, FALSE, sizeof number);
    while (acknowledged < 300 && read(out, &number, sizeof number) == sizeof number) {
        g_array_append_val(seen, number);
        acknowledged++;
    }
    g_assert_cmpuint(acknowledged, ==, 300);
    kill(pid, SIGKILL);
    while (read(out, &number, sizeof number) == sizeof number)
        g_array_append_val(seen, number);
    int status;
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close(out);
    f->store = md_store_open(f->path, migrations, G_N_ELEMENTS(migrations), NULL, &error);
    g_assert_no_error(error);
    for (unsigned i = 0; i < seen->len; i++) {
        g_autofree char *sql = g_strdup_printf("SELECT count(*) FROM rooms WHERE name = 'r%u'",
                                               g_array_index(seen, uint32_t, i));
        g_assert_cmpint(count(f->store, sql), ==, 1);
    }
    g_test_message("%u acknowledged writes all there after SIGKILL", seen->len);
}

static void test_memory(void)
{
    GError *error = NULL;
    MdStore *store = md_store_open(":memory:", migrations, G_N_ELEMENTS(migrations), NULL, &error);

    g_assert_no_error(error);
    g_assert_true(md_store_write_sync(store, add_room, (gpointer)"a", &error));
    g_assert_cmpint(count(store, "SELECT count(*) FROM rooms"), ==, 1);
    md_store_close(store);
}

static bool limit_pages(MdDb *db, gpointer data, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(db, error, data, "");

    return rows && md_rows_next(rows, error);
}

static bool add_much(MdDb *db, gpointer data, GError **error)
{
    g_autofree char *much = g_strnfill(1000000, 'x');

    return md_db_run(db, error, "INSERT INTO rooms (name, seats) VALUES ($1, 1)", "s", much);
}

/* No room: the write is refused, the store says that it fails, and stops saying so with the next write that is kept. */
static void test_full(Fixture *f, gconstpointer data)
{
    GError *error = NULL;

    g_assert_false(md_store_failing(f->store));
    g_assert_true(md_store_write_sync(f->store, limit_pages, (gpointer)"PRAGMA max_page_count = 50", &error));
    g_assert_false(md_store_write_sync(f->store, add_much, NULL, &error));
    g_assert_error(error, MD_STORE_ERROR, MD_STORE_ERROR_FULL);
    g_clear_error(&error);
    g_assert_true(md_store_failing(f->store));
    g_assert_true(md_store_write_sync(f->store, limit_pages, (gpointer)"PRAGMA max_page_count = 100000", &error));
    g_assert_true(md_store_write_sync(f->store, add_much, NULL, &error));
    g_assert_no_error(error);
    g_assert_false(md_store_failing(f->store));
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc == 3 && g_str_equal(argv[1], "--crash-child"))
        return crash_child(argv[2], STDOUT_FILENO);
    g_test_init(&argc, &argv, NULL);
#define CASE(name, fn) g_test_add("/store/" name, Fixture, NULL, set_up, fn, tear_down)
    CASE("values", test_values);
    CASE("errors", test_errors);
    CASE("batch", test_batch);
    CASE("close-finishes", test_close_finishes);
    CASE("migrations", test_migrations);
    CASE("full", test_full);
    CASE("crash", test_crash);
    g_test_add_func("/store/cannot-open", test_cannot_open);
    g_test_add_func("/store/memory", test_memory);
    return g_test_run();
}
