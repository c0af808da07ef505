/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/bulletin/attachment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include <gst/pbutils/pbutils.h>

#define DISCOVER_NS (15 * GST_SECOND)

static const char *const kinds[] = {"image", "audio", "video", "document"};
G_STATIC_ASSERT(G_N_ELEMENTS(kinds) == BC_ATTACHED_MAX);

struct BcAttachments { /* g_rc_box */
    MdStore *store;
    BcAttachmentOptions o;
    char *dir;
    GMainContext *context;
    GHashTable *by_id;
    GThreadPool *pool;
    unsigned pending;
    int64_t bytes; /* of all */
};

typedef struct Job {
    BcAttachments *attachments;
    char *path, *tmp;
    BcAttachment row; /* owned strings; media_type too */
    GError *error;
    BcAttachmentDoneFn done;
    void *user;
} Job;

const char *bc_attachment_kind_to_string(BcAttachmentKind kind)
{
    return (unsigned)kind < BC_ATTACHED_MAX ? kinds[kind] : NULL;
}

static BcAttachmentKind kind_from_string(const char *name)
{
    for (int i = 0; name && i < BC_ATTACHED_MAX; i++)
        if (g_str_equal(kinds[i], name))
            return i;
    return BC_ATTACHED_DOCUMENT;
}

static void clear_row(BcAttachment *a)
{
    const char *const strings[] = {a->id, a->name, a->media_type, a->created_by, a->area};
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++)
        g_free((char *)strings[i]);
}

static void free_row(gpointer data)
{
    clear_row(data);
    g_free(data);
}

static BcAttachment *copy_row(const BcAttachment *from)
{
    BcAttachment *a = g_memdup2(from, sizeof *from);
    const char **strings[] = {&a->id, &a->name, &a->media_type, &a->created_by, &a->area};
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++)
        *strings[i] = g_strdup(*strings[i]);
    return a;
}

static void free_job(Job *job)
{
    clear_row(&job->row);
    g_free(job->path);
    g_free(job->tmp);
    g_clear_error(&job->error);
    g_free(job);
}

static char *path_of(const BcAttachments *attachments, const char *id)
{
    return g_strdup_printf("%s/%.2s/%s", attachments->dir, id, id);
}

/* --- on the thread: what is it, and is it whole? --- */

/* Its head said sound or video: GStreamer looks at the streams in it. Nothing but this file is opened: no kind of playlist passes the head. */
static bool discover(Job *job, GError **error)
{
    int64_t limit_us = job->attachments->o.duration_max_us;
    g_autoptr(GError) why = NULL;
    g_autofree char *uri = g_filename_to_uri(job->path, NULL, NULL);
    gst_init(NULL, NULL);
    g_autoptr(GstDiscoverer) discoverer = uri ? gst_discoverer_new(DISCOVER_NS, &why) : NULL;
    if (!discoverer)
        return bc_refuse(error, BC_ERROR_FAILED, "the file cannot be looked at: %s", why ? why->message : "its name");
    g_autoptr(GstDiscovererInfo) info = gst_discoverer_discover_uri(discoverer, uri, &why);
    GstDiscovererResult result = info ? gst_discoverer_info_get_result(info) : GST_DISCOVERER_ERROR;
    if (result != GST_DISCOVERER_OK)
        return bc_refuse(error, BC_ERROR_CONTENT, "no sound or picture can be read from the file (%s)%s%s", job->row.media_type, why ? ": " : "",
                      result == GST_DISCOVERER_TIMEOUT ? "it takes too long" : why ? why->message : "");
    GList *videos = gst_discoverer_info_get_video_streams(info), *sounds = gst_discoverer_info_get_audio_streams(info);
    const char *type = job->row.media_type;
    job->row.kind = videos && strcmp(type, "audio/mpeg") != 0 && strcmp(type, "audio/flac") != 0 ? BC_ATTACHED_VIDEO : BC_ATTACHED_AUDIO;
    if (videos && job->row.kind == BC_ATTACHED_VIDEO) {
        job->row.width = gst_discoverer_video_info_get_width(videos->data);
        job->row.height = gst_discoverer_video_info_get_height(videos->data);
    }
    bool any = sounds || job->row.kind == BC_ATTACHED_VIDEO;
    gst_discoverer_stream_info_list_free(videos);
    gst_discoverer_stream_info_list_free(sounds);
    job->row.duration_us = (int64_t)(gst_discoverer_info_get_duration(info) / 1000);
    if (!any)
        return bc_refuse(error, BC_ERROR_CONTENT, "there is neither sound nor video in the file (%s)", job->row.media_type);
    if (limit_us && job->row.duration_us > limit_us)
        return bc_refuse(error, BC_ERROR_CONTENT, "the %s lasts %.1f s, at most %.0f s are taken", kinds[job->row.kind], job->row.duration_us / 1e6,
                      limit_us / 1e6);
    return true;
}

static void rename_type(Job *job)
{
    static const struct {
        const char *from, *video, *audio;
    } both[] = {{"audio/ogg", "video/ogg", "audio/ogg"}, {"video/mp4", "video/mp4", "audio/mp4"}, {"video/webm", "video/webm", "audio/webm"},
                {"audio/x-ms-wma", "video/x-ms-wmv", "audio/x-ms-wma"}};
    for (unsigned i = 0; i < G_N_ELEMENTS(both); i++)
        if (g_str_equal(job->row.media_type, both[i].from)) {
            g_free((char *)job->row.media_type);
            job->row.media_type = g_strdup(job->row.kind == BC_ATTACHED_VIDEO ? both[i].video : both[i].audio);
            return;
        }
}

static bool look(Job *job, const uint8_t *data, gsize len, GError **error)
{
    const BcAttachmentOptions *o = &job->attachments->o;
    BcSniff s;
    if (!bc_sniff(data, len, &s, error))
        return false;
    job->row.kind = s.kind;
    job->row.media_type = g_strdup(s.media_type);
    job->row.width = s.width;
    job->row.height = s.height;
    int64_t limit = s.media ? o->media_max_bytes : o->image_max_bytes;
    if ((int64_t)len > limit)
        return bc_refuse(error, BC_ERROR_LIMIT, "the file (%s) has %.1f MiB, at most %.1f are taken", s.media_type, len / 1048576.0, limit / 1048576.0);
    g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, data, len);
    job->row.id = g_steal_pointer(&sum);
    job->row.bytes = (int64_t)len;
    if (!s.media)
        return true;
    if (!discover(job, error))
        return false;
    rename_type(job);
    return true;
}

static bool sync_write(const char *path, const uint8_t *data, gsize len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return false;
    bool ok = true;
    for (gsize at = 0; ok && at < len;) {
        ssize_t n = write(fd, data + at, MIN(len - at, (gsize)1 << 20));
        ok = n > 0 || (n < 0 && errno == EINTR);
        at += n > 0 ? (gsize)n : 0;
    }
    ok = ok && fsync(fd) == 0;
    return close(fd) == 0 && ok;
}

static bool keep(Job *job, const uint8_t *data, gsize len, GError **error)
{
    g_autofree char *path = path_of(job->attachments, job->row.id), *folder = g_path_get_dirname(path);
    g_autofree char *tmp = g_strdup_printf("%s/tmp-%08x%08x", job->attachments->dir, g_random_int(), g_random_int());
    if (g_mkdir_with_parents(folder, 0750) != 0 || !sync_write(tmp, data, len) || g_rename(tmp, path) != 0) {
        bc_refuse(error, BC_ERROR_FAILED, "the file cannot be kept in %s: %s", job->attachments->dir, g_strerror(errno));
        g_unlink(tmp);
        return false;
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    return true;
}

static gboolean on_looked(gpointer data);

static void do_job(gpointer data, gpointer user)
{
    Job *job = data;
    g_autoptr(GMappedFile) file = g_mapped_file_new(job->path, FALSE, NULL);
    if (!file)
        bc_refuse(&job->error, BC_ERROR_FAILED, "the file cannot be read");
    else if (look(job, (const uint8_t *)g_mapped_file_get_contents(file), g_mapped_file_get_length(file), &job->error))
        keep(job, (const uint8_t *)g_mapped_file_get_contents(file), g_mapped_file_get_length(file), &job->error);
    GSource *source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, on_looked, job, NULL);
    g_source_attach(source, job->attachments->context);
    g_source_unref(source);
}

/* --- control --- */

static void clear_attachments(gpointer data)
{
    BcAttachments *attachments = data;
    g_hash_table_unref(attachments->by_id);
    g_main_context_unref(attachments->context);
    g_free(attachments->dir);
}

static void attachments_unref(gpointer attachments)
{
    g_rc_box_release_full(attachments, clear_attachments);
}

static bool write_row(MdDb *db, gpointer data, GError **error)
{
    const BcAttachment *a = data;
    return md_db_run(db, error, "DELETE FROM bc_attachments WHERE id = $1", "s", a->id) &&
           md_db_run(db, error,
                     "INSERT INTO bc_attachments (id, name, media_type, kind, bytes, duration_us, width, height, created_us, created_by, area)"
                     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                     "ssssiiiiiss", a->id, a->name, a->media_type, kinds[a->kind], a->bytes, a->duration_us, a->width, a->height, a->created_us,
                     a->created_by, a->area);
}

static void apply_row(gpointer owner, gpointer data)
{
    BcAttachments *attachments = owner;
    BcAttachment *copy = copy_row(data);
    if (!g_hash_table_contains(attachments->by_id, copy->id))
        attachments->bytes += copy->bytes;
    g_hash_table_replace(attachments->by_id, (char *)copy->id, copy);
}

static void finish(Job *job, const GError *error)
{
    const BcAttachment *found = error ? NULL : bc_attachments_find(job->attachments, job->row.id);
    job->attachments->pending--;
    if (job->done)
        job->done(found, error, job->user);
    free_job(job);
}

static void on_written(const GError *error, void *user)
{
    finish(user, error);
}

static gboolean on_looked(gpointer data)
{
    Job *job = data;
    BcAttachments *attachments = job->attachments;
    if (job->error) {
        finish(job, job->error);
        return G_SOURCE_REMOVE;
    }
    if (bc_attachments_find(attachments, job->row.id)) { /* the same again: nothing is altered */
        finish(job, NULL);
        return G_SOURCE_REMOVE;
    }
    job->row.created_us = md_clock_wall_us(attachments->o.clock);
    bc_write(attachments->store, write_row, copy_row(&job->row), free_row, attachments, attachments_unref, apply_row, on_written, job);
    return G_SOURCE_REMOVE;
}

static bool load(BcAttachments *attachments, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(attachments->store), error,
                                         "SELECT id, name, media_type, kind, bytes, duration_us, width, height, created_us, created_by, area"
                                         " FROM bc_attachments", "");
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure)) {
        BcAttachment a = {.id = md_rows_text(rows, 0), .name = md_rows_text(rows, 1), .media_type = md_rows_text(rows, 2),
                          .kind = kind_from_string(md_rows_text(rows, 3)), .bytes = md_rows_int(rows, 4), .duration_us = md_rows_int(rows, 5),
                          .width = md_rows_int(rows, 6), .height = md_rows_int(rows, 7), .created_us = md_rows_int(rows, 8),
                          .created_by = md_rows_text(rows, 9), .area = md_rows_text(rows, 10)};
        apply_row(attachments, &a);
    }
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure;
}

static void clean(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));)
        if (g_str_has_prefix(name, "tmp-")) {
            g_autofree char *file = g_build_filename(path, name, NULL);
            g_unlink(file);
        }
}

BcAttachments *bc_attachments_new(MdStore *store, const BcAttachmentOptions *options, GError **error)
{
    BcAttachments *attachments = g_rc_box_new0(BcAttachments);
    BcAttachmentOptions *o = &attachments->o;
    *o = *options;
    o->image_max_bytes = o->image_max_bytes ? o->image_max_bytes : 20ll << 20;
    o->media_max_bytes = o->media_max_bytes ? o->media_max_bytes : 512ll << 20;
    o->duration_max_us = o->duration_max_us ? o->duration_max_us : 240ll * 60 * G_USEC_PER_SEC;
    o->clock = o->clock ? o->clock : md_clock_system();
    attachments->store = store;
    attachments->dir = g_strdup(options->dir);
    attachments->context = g_main_context_ref_thread_default();
    attachments->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_row);
    if (!load(attachments, error)) {
        attachments_unref(attachments);
        return NULL;
    }
    clean(attachments->dir);
    attachments->pool = g_thread_pool_new(do_job, NULL, 1, FALSE, NULL);
    return attachments;
}

const BcAttachmentOptions *bc_attachments_limits(const BcAttachments *attachments)
{
    return &attachments->o;
}

void bc_attachments_free(BcAttachments *attachments)
{
    if (!attachments)
        return;
    g_thread_pool_free(attachments->pool, FALSE, TRUE);
    while (attachments->pending)
        g_main_context_iteration(attachments->context, TRUE);
    attachments_unref(attachments);
}

void bc_attachments_add(BcAttachments *attachments, const char *path, const char *name, const char *created_by, const char *area,
                        BcAttachmentDoneFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    if (attachments->pending >= BC_ATTACHMENT_JOBS_MAX)
        bc_refuse(&error, BC_ERROR_LIMIT, "%u files are being looked at already: try again in a minute", BC_ATTACHMENT_JOBS_MAX);
    else if (g_hash_table_size(attachments->by_id) >= BC_ATTACHMENTS_MAX)
        bc_refuse(&error, BC_ERROR_LIMIT, "there are %u attachments already: remove old ones", BC_ATTACHMENTS_MAX);
    else if (attachments->o.total_max_bytes && attachments->bytes > attachments->o.total_max_bytes)
        bc_refuse(&error, BC_ERROR_LIMIT, "the attachments take more than %d GiB already: remove old ones", (int)(attachments->o.total_max_bytes >> 30));
    if (error) {
        if (done)
            done(NULL, error, user);
        return;
    }
    Job *job = g_new0(Job, 1);
    *job = (Job){.attachments = attachments, .path = g_strdup(path), .done = done, .user = user};
    job->row.name = g_strdup(name && bc_text_ok(name, 255) ? name : NULL);
    job->row.created_by = g_strdup(created_by);
    job->row.area = g_strdup(area ? area : "");
    attachments->pending++;
    g_thread_pool_push(attachments->pool, job, NULL);
}

const BcAttachment *bc_attachments_find(const BcAttachments *attachments, const char *id)
{
    return attachments && id ? g_hash_table_lookup(attachments->by_id, id) : NULL;
}

static int newest_first(gconstpointer x, gconstpointer y)
{
    const BcAttachment *a = *(const BcAttachment *const *)x, *b = *(const BcAttachment *const *)y;
    return a->created_us > b->created_us ? -1 : a->created_us < b->created_us ? 1 : strcmp(a->id, b->id);
}

GPtrArray *bc_attachments_list(const BcAttachments *attachments)
{
    GPtrArray *all = bc_table_values(attachments->by_id);
    g_ptr_array_sort(all, newest_first);
    return all;
}

char *bc_attachments_path(const BcAttachments *attachments, const char *id)
{
    return path_of(attachments, id);
}

unsigned bc_attachments_pending(const BcAttachments *attachments)
{
    return attachments->pending;
}

static bool delete_row(MdDb *db, gpointer data, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(db, error, "SELECT COUNT(*) FROM bc_bulletin_attachments WHERE attachment = $1", "s", (const char *)data);
    if (!rows || !md_rows_next(rows, error))
        return false;
    int64_t used = md_rows_int(rows, 0);
    g_clear_pointer(&rows, md_rows_free);
    if (used)
        return bc_refuse(error, BC_ERROR_IN_USE, "%" G_GINT64_FORMAT " versions of bulletins have this attachment", used);
    return md_db_run(db, error, "DELETE FROM bc_attachments WHERE id = $1", "s", (const char *)data);
}

static void forget(gpointer owner, gpointer data)
{
    BcAttachments *attachments = owner;
    const BcAttachment *a = bc_attachments_find(attachments, data);
    g_autofree char *path = path_of(attachments, data);
    g_unlink(path);
    attachments->bytes -= a ? a->bytes : 0;
    g_hash_table_remove(attachments->by_id, data);
}

void bc_attachments_remove(BcAttachments *attachments, const char *id, BcDoneFn done, void *user)
{
    g_autoptr(GError) error = NULL;
    if (bc_attachments_find(attachments, id)) {
        bc_write(attachments->store, delete_row, g_strdup(id), g_free, attachments, attachments_unref, forget, done, user);
        return;
    }
    bc_refuse(&error, BC_ERROR_NOT_FOUND, "there is no such attachment");
    if (done)
        done(error, user);
}
