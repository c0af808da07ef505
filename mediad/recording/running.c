/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One recording while it runs, and how it is finished. Control thread, but for what GStreamer writes. */
#include "mediad/recording/private.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>

static const int64_t SHORT_US = G_USEC_PER_SEC; /* the first fragment of a file has yet to be written */
static const int64_t SYNC_US = 2 * G_USEC_PER_SEC; /* a power cut takes no more than this */

char *md_recording_part(const MdRecording *r)
{
    g_autofree char *name = g_strconcat(r->id, ".part.mp4", NULL);
    return g_build_filename(r->all->dir, name, NULL);
}

char *md_recording_file(const MdRecording *r)
{
    g_autofree char *name = g_strconcat(r->sha256, ".mp4", NULL);
    return g_build_filename(r->all->dir, name, NULL);
}

void md_recording_info(const MdRecording *r, MdRecordingInfo *ret)
{
    bool runs = r->state == MD_RECORDING_RUNNING && r->outlet;
    *ret = (MdRecordingInfo){.id = r->id, .room = r->room, .title = r->title, .created_by = r->created_by, .state = r->state,
                             .started_us = r->started_us, .ended_us = r->ended_us,
                             .duration_us = runs ? md_outlet_duration_us(r->outlet) : r->duration_us,
                             .bytes = runs ? atomic_load(&r->written) : r->bytes, .sha256 = *r->sha256 ? r->sha256 : NULL,
                             .problem = r->problem, .chapters = (const MdChapter *)(void *)r->chapters->data, .n_chapters = r->chapters->len};
}

void md_recording_tell(MdRecording *r)
{
    MdRecordingInfo info;
    md_recording_info(r, &info);
    if (r->all->options.on_changed && !r->all->closing)
        r->all->options.on_changed(&info, r->all->options.user);
}

/* --- what is written -------------------------------------------------------------------------------------------------- */

static bool on_bytes(const uint8_t *bytes, size_t len, bool key, int64_t time_us, void *user)
{
    MdRecording *r = user;
    for (size_t done = 0; done < len;) {
        ssize_t n = write(r->fd, bytes + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            atomic_store(&r->write_error, n < 0 ? errno : EIO);
            return false;
        }
        done += (size_t)n;
    }
    atomic_fetch_add(&r->written, (int64_t)len);
    int64_t now_us = g_get_monotonic_time();
    if (now_us - r->synced_us >= SYNC_US) {
        r->synced_us = now_us;
        if (fdatasync(r->fd) != 0 && errno != EINVAL && errno != ENOSYS) {
            atomic_store(&r->write_error, errno);
            return false;
        }
    }
    return true;
}

static void on_failed(const char *why, void *user)
{
    MdRecording *r = user;
    int code = atomic_load(&r->write_error);
    md_recording_end(r, code ? g_strerror(code) : why);
}

bool md_recording_begin(MdRecording *r, GError **error)
{
    g_autofree char *part = md_recording_part(r);
    r->feed = md_feed_get(r->all->options.feeds, r->room, error);
    if (!r->feed)
        return false;
    r->fd = g_open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (r->fd < 0) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE, "no file can be made in %s: %s", r->all->dir, g_strerror(errno));
        return false;
    }
    MdOutletSpec spec = {.kind = MD_OUTLET_MP4, .pictures = md_feed_has_pictures(r->feed), .on_bytes = on_bytes, .on_failed = on_failed, .user = r};
    r->synced_us = g_get_monotonic_time();
    r->outlet = md_outlet_new(&spec, error);
    if (!r->outlet)
        return false;
    md_feed_add(r->feed, r->outlet);
    return true;
}

/* --- the end ---------------------------------------------------------------------------------------------------------- */

static void close_file(MdRecording *r)
{
    g_clear_pointer(&r->outlet, md_outlet_free);
    g_clear_pointer(&r->feed, md_feed_unref);
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
}

void md_recording_abandon(MdRecording *r)
{
    if (r->feed && r->outlet)
        md_feed_remove(r->feed, r->outlet);
    close_file(r);
}

static void on_ended(void *user)
{
    MdRecording *r = user;
    r->bytes = atomic_load(&r->written);
    close_file(r);
    r->all->pending--;
    if (!r->all->closing) /* else the next start does it */
        md_recording_finish(r);
}

void md_recording_end(MdRecording *r, const char *problem)
{
    MdRoom *room = md_conference_find_room(r->all->options.conference, r->room);
    if (r->state != MD_RECORDING_RUNNING || !r->outlet)
        return;
    r->duration_us = md_outlet_duration_us(r->outlet);
    r->ended_us = g_get_real_time();
    r->state = MD_RECORDING_FINISHING;
    if (problem && !r->problem)
        r->problem = g_strdup(problem);
    if (problem)
        md_warning(&r->all->logger, "recording %s of %s ends: %s", r->id, r->room, problem);
    md_feed_remove(r->feed, r->outlet);
    if (r->ready && room)
        md_room_mark(room, MD_ROOM_MARK_RECORDED, false, r->id);
    r->all->pending++;
    md_recording_save(r, NULL);
    md_outlet_end(r->outlet, on_ended, r);
}

typedef struct Finish {
    MdRecordings *all;
    MdRecording *recording;
    char *part, *temporary, *dir;
    GArray *chapters;
    MdFinished result;
} Finish;

static void finish_free(gpointer data)
{
    Finish *f = data;
    g_free(f->part);
    g_free(f->temporary);
    g_free(f->dir);
    for (guint i = 0; i < f->chapters->len; i++)
        g_free(g_array_index(f->chapters, MdChapter, i).title);
    g_array_unref(f->chapters);
    g_free(f);
}

/* A rename lasts once its folder is on the disk. */
static void sync_folder(const char *dir)
{
    int fd = g_open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

static void finish_work(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    Finish *f = data;
    GError *error = NULL;
    if (!md_finish(f->part, f->temporary, (const MdChapter *)(void *)f->chapters->data, f->chapters->len, &f->all->cancel, &f->result, &error)) {
        g_task_return_error(task, error);
        return;
    }
    g_autofree char *name = g_strconcat(f->result.sha256, ".mp4", NULL);
    g_autofree char *to = g_build_filename(f->dir, name, NULL);
    if (g_rename(f->temporary, to) != 0)
        g_task_return_new_error(task, MD_FINISH_ERROR, MD_FINISH_ERROR_WRITE, "%s", g_strerror(errno));
    else
        g_task_return_boolean(task, TRUE);
    sync_folder(f->dir);
}

static void finish_saved(bool ok, const GError *error, gpointer data, gpointer user)
{
    MdRecording *r = user;
    g_autofree char *part = md_recording_part(r);
    if (!ok)
        return; /* the next start does it again */
    if (r->state == MD_RECORDING_FINISHED || r->state == MD_RECORDING_EMPTY || r->bytes == 0)
        g_unlink(part);
    md_recording_tell(r);
}

static void finish_done(GObject *source, GAsyncResult *result, gpointer user)
{
    Finish *f = user;
    MdRecording *r = f->recording;
    g_autoptr(GError) error = NULL;
    r->all->pending--;
    if (g_task_propagate_boolean(G_TASK(result), &error)) {
        r->state = MD_RECORDING_FINISHED;
        r->duration_us = f->result.duration_us;
        r->bytes = f->result.bytes;
        g_strlcpy(r->sha256, f->result.sha256, sizeof r->sha256);
        if (r->ended_us == 0)
            r->ended_us = r->started_us + r->duration_us;
        md_notice(&r->all->logger, "recording %s of %s is finished: %.1f s, %.1f MB", r->id, r->room, (double)r->duration_us / 1e6,
                  (double)r->bytes / 1e6);
    } else if (g_error_matches(error, MD_FINISH_ERROR, MD_FINISH_ERROR_CANCELLED)) {
        return;
    } else if (g_error_matches(error, MD_FINISH_ERROR, MD_FINISH_ERROR_EMPTY) && r->duration_us < SHORT_US && !r->problem) {
        r->state = MD_RECORDING_EMPTY;
        r->problem = g_strdup("it ended before anything was recorded");
        md_notice(&r->all->logger, "recording %s of %s is empty: it ended within a second of its beginning", r->id, r->room);
    } else {
        md_error(&r->all->logger, "recording %s of %s cannot be finished: %s", r->id, r->room, error->message);
        r->state = MD_RECORDING_FAILED;
        g_free(r->problem);
        r->problem = g_strdup(error->message);
    }
    md_recording_save(r, finish_saved);
}

void md_recording_finish(MdRecording *r)
{
    Finish *f = g_new0(Finish, 1);
    g_autofree char *name = g_strconcat(r->id, ".new.mp4", NULL);
    f->all = r->all;
    f->recording = r;
    f->part = md_recording_part(r);
    f->temporary = g_build_filename(r->all->dir, name, NULL);
    f->dir = g_strdup(r->all->dir);
    f->chapters = g_array_new(FALSE, TRUE, sizeof(MdChapter));
    for (guint i = 0; i < r->chapters->len; i++) {
        const MdChapter *from = &g_array_index(r->chapters, MdChapter, i);
        MdChapter copy = {from->start_us, g_strdup(from->title)};
        g_array_append_val(f->chapters, copy);
    }
    r->state = MD_RECORDING_FINISHING;
    r->all->pending++;
    g_autoptr(GTask) task = g_task_new(NULL, NULL, finish_done, f); /* f lives as long as the task */
    g_task_set_task_data(task, f, finish_free);
    g_task_run_in_thread(task, finish_work);
}

/* --- what happens meanwhile ------------------------------------------------------------------------------------------- */

bool md_recording_chapter(MdRecording *r, const char *title)
{
    MdChapter chapter = {r->outlet ? md_outlet_duration_us(r->outlet) : 0, NULL};
    MdChapter *last = r->chapters->len ? &g_array_index(r->chapters, MdChapter, r->chapters->len - 1) : NULL;
    if (r->chapters->len >= MD_CHAPTERS_MAX)
        return false;
    g_autofree char *valid = g_utf8_make_valid(title, -1);
    char *kept = g_utf8_strlen(valid, -1) > MD_CHAPTER_TITLE_MAX ? g_utf8_substring(valid, 0, MD_CHAPTER_TITLE_MAX) : g_strdup(valid);
    if (last && chapter.start_us - last->start_us < G_USEC_PER_SEC) { /* one after the other: the later says what it is */
        g_free(last->title);
        last->title = kept;
    } else {
        chapter.title = kept;
        g_array_append_val(r->chapters, chapter);
    }
    if (r->ready)
        md_recording_save(r, NULL);
    return true;
}

void md_recording_watch(MdRecording *r, int64_t free_bytes)
{
    const MdRecordingsOptions *o = &r->all->options;
    MdRoom *room = md_conference_find_room(o->conference, r->room);
    int64_t now_us = g_get_monotonic_time();
    MdRoomInfo info = {0};
    if (r->state != MD_RECORDING_RUNNING || !r->outlet)
        return;
    if (room)
        md_room_info(room, &info);
    if (info.members > 0)
        r->empty_since_us = 0;
    else if (r->empty_since_us == 0)
        r->empty_since_us = now_us;
    g_autofree char *full = g_strdup_printf("less than %u MiB are free on the disk", o->min_free_mib);
    if (!room)
        md_recording_end(r, NULL);
    else if (free_bytes >= 0 && free_bytes < (int64_t)o->min_free_mib << 20)
        md_recording_end(r, full);
    else if (o->max_hours && md_outlet_duration_us(r->outlet) > o->max_hours * INT64_C(3600) * G_USEC_PER_SEC)
        md_recording_end(r, "it is as long as recording.max_hours allows");
    else if (r->empty_since_us && now_us - r->empty_since_us > (o->idle_s ? o->idle_s : 60) * G_USEC_PER_SEC)
        md_recording_end(r, NULL);
}
