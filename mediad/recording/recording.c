/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All recordings: what may begin, what goes, what the last run left. Control thread. */
#include "mediad/recording/private.h"
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <openssl/rand.h>

enum { TICK_S = 2, RUNNING_MAX = 8, CLOSE_PATIENCE_S = 10, ID_BYTES = 8 };
static const int64_t EXPIRE_EVERY_US = 3600 * (int64_t)G_USEC_PER_SEC, DAY_US = 86400 * (int64_t)G_USEC_PER_SEC;

static int64_t free_bytes(const MdRecordings *all)
{
    struct statvfs fs;
    return statvfs(all->dir, &fs) == 0 ? (int64_t)fs.f_bavail * (int64_t)fs.f_frsize : -1;
}

static MdRecording *find(MdRecordings *all, const char *id, GError **error)
{
    for (guint i = 0; i < all->list->len; i++) {
        MdRecording *r = all->list->pdata[i];
        if (r->ready && strcmp(r->id, id) == 0)
            return r;
    }
    g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_NOT_FOUND, "there is no recording '%.40s'", id);
    return NULL;
}

/* --- going ------------------------------------------------------------------------------------------------------------ */

typedef struct Removal {
    MdRecordings *all;
    MdRecording *recording;
    void (*done)(const GError *error, void *user);
    void *user;
} Removal;

static void removed(bool ok, const GError *error, gpointer data, gpointer user)
{
    Removal *removal = user;
    MdRecording *r = removal->recording;
    removal->all->pending--;
    if (ok) {
        g_autofree char *file = md_recording_file(r), *part = md_recording_part(r);
        if (*r->sha256)
            g_unlink(file);
        g_unlink(part);
        g_ptr_array_remove(removal->all->list, r);
    }
    if (removal->done)
        removal->done(error, removal->user);
    g_free(removal);
}

static void remove_now(MdRecording *r, void (*done)(const GError *error, void *user), void *user)
{
    Removal *removal = g_new0(Removal, 1);
    *removal = (Removal){r->all, r, done, user};
    r->all->pending++;
    md_recording_delete(r, removed, removal);
}

void md_recordings_remove(MdRecordings *all, const char *id, void (*done)(const GError *error, void *user), void *user)
{
    g_autoptr(GError) error = NULL;
    MdRecording *r = find(all, id, &error);
    if (r && (r->state == MD_RECORDING_RUNNING || r->state == MD_RECORDING_FINISHING))
        g_set_error(&error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE, "the recording %s", r->state == MD_RECORDING_RUNNING ? "runs: stop it first" : "is being finished");
    if (error)
        done(error, user);
    else
        remove_now(r, done, user);
}

static void expire(MdRecordings *all)
{
    int64_t before_us = g_get_real_time() - all->options.retention_days * DAY_US;
    for (guint i = 0; all->options.retention_days && i < all->list->len; i++) {
        MdRecording *r = all->list->pdata[i];
        bool rests = r->state == MD_RECORDING_FINISHED || r->state == MD_RECORDING_FAILED || r->state == MD_RECORDING_EMPTY;
        if (rests && r->started_us < before_us) {
            md_notice(&all->logger, "recording %s of %s is older than %u days: it goes", r->id, r->room, all->options.retention_days);
            remove_now(r, NULL, NULL);
        }
    }
}

static gboolean on_tick(gpointer user)
{
    MdRecordings *all = user;
    int64_t room = free_bytes(all), now_us = g_get_monotonic_time();
    for (guint i = 0; i < all->list->len; i++)
        md_recording_watch(all->list->pdata[i], room);
    if (now_us - all->expired_us > EXPIRE_EVERY_US) {
        all->expired_us = now_us;
        expire(all);
    }
    return G_SOURCE_CONTINUE;
}

/* --- coming ----------------------------------------------------------------------------------------------------------- */

/* What the last run left: broken off where it stopped, or not finished in time. */
static void mend(MdRecordings *all)
{
    for (guint i = 0; i < all->list->len; i++) {
        MdRecording *r = all->list->pdata[i];
        g_autofree char *part = md_recording_part(r);
        bool running = r->state == MD_RECORDING_RUNNING;
        if (!running && r->state != MD_RECORDING_FINISHING)
            continue;
        md_notice(&all->logger, "recording %s of %s was left %s by the last run: it is being mended", r->id, r->room,
                  running ? "running" : "unfinished");
        if (running && !r->problem)
            r->problem = g_strdup("mediad stopped in the middle of it; the last seconds may be missing");
        md_recording_finish(r);
    }
}

MdRecordings *md_recordings_new(const MdRecordingsOptions *options, GError **error)
{
    MdRecordings *all = g_new0(MdRecordings, 1);
    all->options = *options;
    all->logger = options->logger ? *options->logger : (MdLogger){0};
    all->dir = g_strdup(options->dir);
    all->list = g_ptr_array_new_with_free_func((GDestroyNotify)md_recording_free);
    if (g_mkdir_with_parents(all->dir, 0750) != 0) {
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE, "cannot make the folder for recordings %s: %s", all->dir, g_strerror(errno));
    } else if (md_recording_load(all, error)) {
        mend(all);
        all->tick = g_timeout_add_seconds(TICK_S, on_tick, all);
        return all;
    }
    g_ptr_array_unref(all->list);
    g_free(all->dir);
    g_free(all);
    return NULL;
}

void md_recordings_free(MdRecordings *all)
{
    if (!all)
        return;
    all->closing = true;
    g_atomic_int_set(&all->cancel, 1);
    g_clear_handle_id(&all->tick, g_source_remove);
    for (guint i = 0; i < all->list->len; i++)
        md_recording_end(all->list->pdata[i], NULL);
    int64_t until_us = g_get_monotonic_time() + CLOSE_PATIENCE_S * G_USEC_PER_SEC;
    while (all->pending > 0 && g_get_monotonic_time() < until_us) {
        g_main_context_iteration(NULL, FALSE);
        g_usleep(1000);
    }
    if (all->pending > 0) {
        md_error(&all->logger, "%u recordings do not come to rest: their memory is left", all->pending);
        return;
    }
    g_ptr_array_unref(all->list);
    g_free(all->dir);
    g_free(all);
}

static bool may_start(MdRecordings *all, MdRoom *room, GError **error)
{
    const MdRecordingsOptions *o = &all->options;
    MdRoomInfo info;
    unsigned running = 0;
    int64_t kept = 0, room_left = free_bytes(all);
    if (!md_room_may_leave(room, error))
        return false;
    md_room_info(room, &info);
    for (guint i = 0; i < all->list->len; i++) {
        const MdRecording *r = all->list->pdata[i];
        running += r->state == MD_RECORDING_RUNNING;
        kept += r->bytes;
        if (r->state == MD_RECORDING_RUNNING && strcmp(r->room, info.name) == 0) {
            g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_EXISTS, "the meeting is being recorded already: %s", r->id);
            return false;
        }
    }
    if (running >= (o->running_max ? o->running_max : RUNNING_MAX))
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_LIMIT, "%u recordings run, more are not allowed (recording.running_max)", running);
    else if (room_left >= 0 && room_left < (int64_t)o->min_free_mib << 20)
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_LIMIT, "less than %u MiB are free on the disk (recording.min_free_mib)", o->min_free_mib);
    else if (o->max_gib && kept >= (int64_t)o->max_gib << 30)
        g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_LIMIT, "the recordings fill the %u GiB they may (recording.max_gib): delete some", o->max_gib);
    else
        return true;
    return false;
}

static void refused(MdRecording *r, const GError *error)
{
    MdRecordingDoneFn done = r->done;
    void *user = r->user;
    done(NULL, error, user);
    g_ptr_array_remove(r->all->list, r);
}

static void begun(bool ok, const GError *error, gpointer data, gpointer user)
{
    MdRecording *r = user;
    MdRecordingInfo info;
    g_autoptr(GError) why = NULL;
    if (!ok) {
        refused(r, error);
        return;
    }
    MdRoom *room = md_conference_find_room(r->all->options.conference, r->room);
    if (!r->all->closing && room && md_recording_begin(r, &why)) {
        r->ready = true;
        md_notice(&r->all->logger, "recording %s of %s begins, asked by %s", r->id, r->room, r->created_by ? r->created_by : "the meeting");
        md_room_mark(room, MD_ROOM_MARK_RECORDED, true, r->id);
        md_recording_info(r, &info);
        r->done(&info, NULL, r->user);
        return;
    }
    if (!why)
        g_set_error(&why, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_NOT_FOUND, "the meeting has ended meanwhile");
    r->done(NULL, why, r->user);
    md_recording_abandon(r);
    r->state = MD_RECORDING_FAILED;
    remove_now(r, NULL, NULL);
}

void md_recordings_start(MdRecordings *all, const char *name, const char *by, MdRecordingDoneFn done, void *user)
{
    MdRoom *room = md_conference_find_room(all->options.conference, name);
    g_autoptr(GError) error = NULL;
    uint8_t random[ID_BYTES];
    MdRoomInfo info;
    if (!room)
        g_set_error(&error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_NOT_FOUND, "there is no room '%s'", name);
    if (!room || !may_start(all, room, &error)) {
        done(NULL, error, user);
        return;
    }
    md_room_info(room, &info);
    RAND_bytes(random, sizeof random);
    GString *id = g_string_new("r");
    for (unsigned i = 0; i < sizeof random; i++)
        g_string_append_printf(id, "%02x", random[i]);
    MdRecording *r = md_recording_new(all);
    r->id = g_string_free(id, FALSE);
    r->room = g_strdup(info.name);
    r->title = g_strdup(info.title);
    r->created_by = g_strdup(by);
    r->started_us = g_get_real_time();
    r->done = done;
    r->user = user;
    md_recording_chapter(r, info.title);
    g_ptr_array_add(all->list, r);
    md_recording_save(r, begun);
}

/* --- what is asked ---------------------------------------------------------------------------------------------------- */

static bool is_running(const MdRecording *r, GError **error)
{
    if (r->state == MD_RECORDING_RUNNING && r->outlet)
        return true;
    g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE, "the recording does not run: it is %s", md_recording_state_to_string(r->state));
    return false;
}

bool md_recordings_stop(MdRecordings *all, const char *id, GError **error)
{
    MdRecording *r = find(all, id, error);
    if (!r || !is_running(r, error))
        return false;
    md_recording_end(r, NULL);
    return true;
}

bool md_recordings_mark(MdRecordings *all, const char *id, const char *title, GError **error)
{
    MdRecording *r = find(all, id, error);
    if (!r || !is_running(r, error))
        return false;
    if (md_recording_chapter(r, title))
        return true;
    g_set_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_LIMIT, "a recording has at most %d chapters", MD_CHAPTERS_MAX);
    return false;
}

GPtrArray *md_recordings_list(MdRecordings *all)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
    for (guint i = all->list->len; i-- > 0;) {
        const MdRecording *r = all->list->pdata[i];
        if (!r->ready)
            continue;
        MdRecordingInfo *info = g_new0(MdRecordingInfo, 1);
        md_recording_info(r, info);
        g_ptr_array_add(list, info);
    }
    return list;
}

bool md_recordings_find(MdRecordings *all, const char *id, MdRecordingInfo *ret)
{
    const MdRecording *r = find(all, id, NULL);
    if (r)
        md_recording_info(r, ret);
    return r != NULL;
}

char *md_recordings_path(MdRecordings *all, const char *id)
{
    const MdRecording *r = find(all, id, NULL);
    return r && r->state == MD_RECORDING_FINISHED ? md_recording_file(r) : NULL;
}

/* Who has the floor is what a chapter is called after. */
static void note_floor(MdRecording *r, const char *type, const char *json)
{
    g_autoptr(JsonNode) node = json ? json_from_string(json, NULL) : NULL;
    JsonObject *o = node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    const char *name = o ? json_object_get_string_member_with_default(o, "name", NULL) : NULL;
    if (strcmp(type, "floor.given") == 0 && name)
        md_recording_chapter(r, name);
    else if (strcmp(type, "floor.ended") == 0)
        md_recording_chapter(r, r->title);
}

void md_recordings_room_event(MdRecordings *all, const char *type, const char *room, const char *json)
{
    bool over = strcmp(type, "room.ended") == 0, floor = g_str_has_prefix(type, "floor.");
    for (guint i = 0; room && (over || floor) && i < all->list->len; i++) {
        MdRecording *r = all->list->pdata[i];
        if (r->state != MD_RECORDING_RUNNING || !r->outlet || strcmp(r->room, room) != 0)
            continue;
        if (over)
            md_recording_end(r, NULL);
        else
            note_floor(r, type, json);
    }
}
