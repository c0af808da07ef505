/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store thread: writes queue up while a commit waits for the disk and then go together into the next one, so many
 * small durable writes cost one fsync. Each keeps its own savepoint: one that fails takes back only itself. */
#include "mediad/store/db.h"
#include <glib/gstdio.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define BATCH_MAX 256
/* A batch is committed after this long even when more is queued: the first writer should not wait for the rest. */
#define BATCH_MAX_US 50000

typedef struct Job {
    MdStoreFn fn;
    gpointer data;
    GDestroyNotify free_data;
    MdStoreDoneFn done;
    gpointer user;
    GMainContext *context; /* NULL: a sync write, see waiter */
    struct Waiter *waiter;
    bool ok;
    GError *error;
} Job;

typedef struct Waiter {
    GMutex mutex;
    GCond cond;
    bool finished;
} Waiter;

struct MdStore {
    const MdDbOps *ops;  /* immutable */
    MdDb *writer;        /* store thread */
    MdDb *reader;        /* control thread */
    GAsyncQueue *queue;  /* of Job* */
    GThread *thread;
    MdLogger logger;
    _Atomic bool failing; /* how the last batch ended */
    char *temporary_dir; /* ":memory:": removed at close */
};

static Job stop_job;

static void job_free(Job *job)
{
    if (job->context)
        g_main_context_unref(job->context);
    g_clear_error(&job->error);
    g_free(job);
}

static gboolean deliver(gpointer user)
{
    Job *job = user;

    if (job->done)
        job->done(job->ok, job->error, job->data, job->user);
    return G_SOURCE_REMOVE;
}

static void delivered(gpointer user)
{
    Job *job = user;

    if (job->free_data)
        job->free_data(job->data);
    job_free(job);
}

static void job_finish(Job *job)
{
    if (job->waiter) {
        g_mutex_lock(&job->waiter->mutex);
        job->waiter->finished = true;
        g_cond_signal(&job->waiter->cond);
        g_mutex_unlock(&job->waiter->mutex);
        return;
    }
    /* Not g_main_context_invoke: that would run done in this thread while nobody iterates the context. */
    GSource *source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, deliver, job, delivered);
    g_source_attach(source, job->context);
    g_source_unref(source);
}

static void job_fail(Job *job, const GError *error)
{
    job->ok = false;
    if (!job->error)
        job->error = g_error_copy(error);
}

/* One write inside the open transaction. False when the whole transaction is gone. */
static bool job_run(MdStore *store, Job *job)
{
    MdDb *db = store->writer;
    GError *local = NULL;

    if (!store->ops->script(db, "SAVEPOINT one", &job->error))
        return store->ops->in_transaction(db);
    job->ok = job->fn(db, job->data, &local);
    if (job->ok && !store->ops->script(db, "RELEASE SAVEPOINT one", &job->error))
        job->ok = false;
    if (!job->ok) {
        if (local)
            g_propagate_error(&job->error, g_steal_pointer(&local));
        else if (!job->error)
            g_set_error(&job->error, MD_STORE_ERROR, MD_STORE_ERROR_SQL, "the write gave up without a reason");
        if (store->ops->in_transaction(db) &&
            !store->ops->script(db, "ROLLBACK TO SAVEPOINT one; RELEASE SAVEPOINT one", NULL))
            store->ops->script(db, "ROLLBACK", NULL);
    }
    g_clear_error(&local);
    return store->ops->in_transaction(db);
}

static void batch_run(MdStore *store, GPtrArray *batch)
{
    MdDb *db = store->writer;
    GError *error = NULL;
    unsigned ran = 0;
    bool alive = store->ops->script(db, store->ops->begin, &error);
    int64_t until = g_get_monotonic_time() + BATCH_MAX_US;

    while (alive && ran < BATCH_MAX) {
        if (ran == batch->len) {
            Job *more = g_get_monotonic_time() < until ? g_async_queue_try_pop(store->queue) : NULL;
            if (!more)
                break;
            if (more == &stop_job) {
                g_async_queue_push_front(store->queue, more);
                break;
            }
            g_ptr_array_add(batch, more);
        }
        alive = job_run(store, batch->pdata[ran++]);
    }
    if (alive)
        alive = store->ops->script(db, "COMMIT", &error);
    if (!alive) {
        if (store->ops->in_transaction(db))
            store->ops->script(db, "ROLLBACK", NULL);
        if (!error)
            g_set_error(&error, MD_STORE_ERROR, MD_STORE_ERROR_FULL,
                        "the database took back the transaction (disk full?); nothing of it was kept");
        md_error(&store->logger, "%u write(s) lost: %s", batch->len, error->message);
        for (unsigned i = 0; i < batch->len; i++)
            job_fail(batch->pdata[i], error);
    }
    g_clear_error(&error);
    bool full = !alive;
    for (unsigned i = 0; i < batch->len; i++)
        full |= g_error_matches(((Job *)batch->pdata[i])->error, MD_STORE_ERROR, MD_STORE_ERROR_FULL);
    atomic_store(&store->failing, full);
    for (unsigned i = 0; i < batch->len; i++)
        job_finish(batch->pdata[i]);
    g_ptr_array_set_size(batch, 0);
}

static gpointer store_thread(gpointer user)
{
    MdStore *store = user;
    g_autoptr(GPtrArray) batch = g_ptr_array_new();

    for (;;) {
        Job *job = g_async_queue_pop(store->queue);
        if (job == &stop_job)
            return NULL;
        g_ptr_array_add(batch, job);
        batch_run(store, batch);
    }
}

static char *temporary_path(MdStore *store, GError **error)
{
    store->temporary_dir = g_dir_make_tmp("mediad-store-XXXXXX", error);
    return store->temporary_dir ? g_build_filename(store->temporary_dir, "mediad.db", NULL) : NULL;
}

static void temporary_remove(MdStore *store)
{
    static const char *const names[] = {"mediad.db", "mediad.db-wal", "mediad.db-shm"};

    if (!store->temporary_dir)
        return;
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(store->temporary_dir, names[i], NULL);
        g_unlink(path);
    }
    g_rmdir(store->temporary_dir);
    g_free(store->temporary_dir);
}

MdStore *md_store_open(const char *uri, const MdMigration *migrations, unsigned n, const MdLogger *logger,
                       GError **error)
{
    MdStore *store = g_new0(MdStore, 1);
    g_autofree char *path = NULL;

    if (logger)
        store->logger = *logger;
    store->queue = g_async_queue_new();
    store->ops = &md_db_sqlite;
    if (g_str_has_prefix(uri, "postgresql://") || g_str_has_prefix(uri, "postgres://")) {
        g_set_error(error, MD_STORE_ERROR, MD_STORE_ERROR_OPEN,
                    "this build has no PostgreSQL back end: set a file path for SQLite");
        md_store_close(store);
        return NULL;
    }
    path = g_str_equal(uri, ":memory:") ? temporary_path(store, error) : g_strdup(uri);
    if (!path || !(store->writer = store->ops->open(path, false, error)) ||
        !md_migrations_apply(store->writer, migrations, n, &store->logger, error) ||
        !(store->reader = store->ops->open(path, true, error))) {
        md_store_close(store);
        return NULL;
    }
    store->thread = g_thread_new("store", store_thread, store);
    return store;
}

MdDb *md_db_open_file(const char *path, GError **error)
{
    return md_db_sqlite.open(path, true, error);
}

void md_db_close(MdDb *db)
{
    if (db)
        db->ops->close(db);
}

void md_store_close(MdStore *store)
{
    if (!store)
        return;
    if (store->thread) {
        g_async_queue_push(store->queue, &stop_job);
        g_thread_join(store->thread);
    }
    if (store->reader)
        store->ops->close(store->reader);
    if (store->writer)
        store->ops->close(store->writer);
    temporary_remove(store);
    g_async_queue_unref(store->queue);
    g_free(store);
}

void md_store_write(MdStore *store, MdStoreFn fn, gpointer data, GDestroyNotify free_data, MdStoreDoneFn done,
                    gpointer user)
{
    Job *job = g_new0(Job, 1);

    job->fn = fn;
    job->data = data;
    job->free_data = free_data;
    job->done = done;
    job->user = user;
    job->context = g_main_context_ref_thread_default();
    g_async_queue_push(store->queue, job);
}

bool md_store_write_sync(MdStore *store, MdStoreFn fn, gpointer data, GError **error)
{
    Job *job = g_new0(Job, 1);
    Waiter waiter = {.finished = false};

    g_mutex_init(&waiter.mutex);
    g_cond_init(&waiter.cond);
    job->fn = fn;
    job->data = data;
    job->waiter = &waiter;
    g_async_queue_push(store->queue, job);
    g_mutex_lock(&waiter.mutex);
    while (!waiter.finished)
        g_cond_wait(&waiter.cond, &waiter.mutex);
    g_mutex_unlock(&waiter.mutex);
    g_mutex_clear(&waiter.mutex);
    g_cond_clear(&waiter.cond);
    bool ok = job->ok;
    if (job->error)
        g_propagate_error(error, g_steal_pointer(&job->error));
    job_free(job);
    return ok;
}

bool md_store_failing(const MdStore *store)
{
    return atomic_load(&store->failing);
}

MdDb *md_store_reader(MdStore *store)
{
    return store->reader;
}
