/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/device-link/media.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (256u * 1024)

struct BcMedia { /* g_rc_box: a reading thread's task and a pending write hold it */
    MdStore *store;
    BcContents *contents;
    GHashTable *files;   /* content -> BcMediaFile*, owned */
    GHashTable *reading; /* content, owned */
    void (*on_ready)(void *user);
    void *user;
    const MdLogger *logger;
};

typedef struct Row {
    char *content;
    BcMediaFile file;
} Row;

static void free_row(gpointer data)
{
    Row *row = data;
    g_free(row->content);
    g_free(row);
}

static void clear_media(gpointer data)
{
    BcMedia *media = data;
    g_hash_table_unref(media->files);
    g_hash_table_unref(media->reading);
}

static void unref_media(gpointer media)
{
    g_rc_box_release_full(media, clear_media);
}

static bool read_rows(BcMedia *media, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(media->store), error, "SELECT content, sha256, bytes FROM bc_media", "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        BcMediaFile *file = g_new0(BcMediaFile, 1);
        g_strlcpy(file->sha256, md_rows_text(rows, 1), sizeof file->sha256);
        file->bytes = md_rows_int(rows, 2);
        g_hash_table_replace(media->files, g_strdup(md_rows_text(rows, 0)), file);
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}

BcMedia *bc_media_new(MdStore *store, BcContents *contents, void (*on_ready)(void *user), void *user, const MdLogger *logger, GError **error)
{
    BcMedia *media = g_rc_box_new0(BcMedia);
    *media = (BcMedia){.store = store, .contents = contents, .on_ready = on_ready, .user = user, .logger = logger};
    media->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    media->reading = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (read_rows(media, error))
        return media;
    unref_media(media);
    return NULL;
}

void bc_media_free(BcMedia *media)
{
    if (!media)
        return;
    media->on_ready = NULL;
    unref_media(media);
}

const BcMediaFile *bc_media_known(const BcMedia *media, const char *content)
{
    return content ? g_hash_table_lookup(media->files, content) : NULL;
}

char *bc_media_path(const char *content)
{
    return g_strconcat(content, "/" BC_MEDIA_PROFILE, NULL);
}

/* 0 or -errno; the file is small beside what the machine reads in a second. */
static int read_file(const char *path, BcMediaFile *ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree uint8_t *piece = g_malloc(PIECE);
    ssize_t n;
    ret->bytes = 0;
    while ((n = read(fd, piece, PIECE)) > 0) {
        g_checksum_update(sum, piece, n);
        ret->bytes += n;
    }
    int why = n < 0 ? -errno : 0;
    close(fd);
    g_strlcpy(ret->sha256, g_checksum_get_string(sum), sizeof ret->sha256);
    return why;
}

static bool write_row(MdDb *db, gpointer data, GError **error)
{
    const Row *row = data;
    return md_db_run(db, error, "DELETE FROM bc_media WHERE content = $1", "s", row->content) &&
           md_db_run(db, error, "INSERT INTO bc_media (content, sha256, bytes) VALUES ($1, $2, $3)", "ssi", row->content, row->file.sha256,
                     row->file.bytes);
}

/* Known from now on; that it is in the store too only saves reading it again. */
static const BcMediaFile *keep(BcMedia *media, const char *content, const BcMediaFile *file)
{
    Row *row = g_new0(Row, 1);
    *row = (Row){g_strdup(content), *file};
    BcMediaFile *kept = g_memdup2(file, sizeof *file);
    g_hash_table_replace(media->files, g_strdup(content), kept);
    bc_write(media->store, write_row, row, free_row, NULL, NULL, NULL, NULL, NULL);
    return kept;
}

typedef struct Job {
    char *content, *path;
    BcMediaFile file;
} Job;

static void free_job(gpointer data)
{
    Job *job = data;
    g_free(job->content);
    g_free(job->path);
    g_free(job);
}

static void run_job(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    Job *job = data;
    int why = read_file(job->path, &job->file);
    if (why < 0)
        g_task_return_new_error(task, BC_ERROR, BC_ERROR_FAILED, "%s: %s", job->path, g_strerror(-why));
    else
        g_task_return_boolean(task, TRUE);
}

static void on_read(GObject *source, GAsyncResult *result, gpointer user)
{
    BcMedia *media = user;
    Job *job = g_task_get_task_data(G_TASK(result));
    g_autoptr(GError) error = NULL;
    if (g_task_propagate_boolean(G_TASK(result), &error)) {
        g_hash_table_remove(media->reading, job->content);
        keep(media, job->content, &job->file);
        if (media->on_ready)
            media->on_ready(media->user);
    } else if (media->logger) { /* stays among those being read: not tried again and again */
        md_warning(media->logger, "recording %.12s… cannot be read, no loudspeaker can fetch it until mediad is restarted: %s", job->content, error->message);
    }
    unref_media(media);
}

const BcMediaFile *bc_media_find(BcMedia *media, const char *content, bool urgent)
{
    const BcMediaFile *known = content ? g_hash_table_lookup(media->files, content) : NULL;
    if (known || !content || !bc_contents_find(media->contents, content))
        return known;
    g_autofree char *path = bc_contents_path(media->contents, content, BC_MEDIA_PROFILE);
    struct stat st;
    BcMediaFile file;
    if (urgent && stat(path, &st) == 0 && st.st_size <= BC_MEDIA_URGENT_MAX)
        return read_file(path, &file) < 0 ? NULL : keep(media, content, &file);
    if (g_hash_table_contains(media->reading, content))
        return NULL;
    g_hash_table_add(media->reading, g_strdup(content));
    Job *job = g_new0(Job, 1);
    *job = (Job){.content = g_strdup(content), .path = g_steal_pointer(&path)};
    GTask *task = g_task_new(NULL, NULL, on_read, g_rc_box_acquire(media));
    g_task_set_task_data(task, job, free_job);
    g_task_run_in_thread(task, run_job);
    g_object_unref(task);
    return NULL;
}
