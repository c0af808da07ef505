/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recordings in the store. */
#include "mediad/recording/private.h"
#include <string.h>
#include <json-glib/json-glib.h>

/* Times are microseconds, of the day since 1970 UTC; chapters is a JSON list of {"start_us", "title"}. */
const MdMigration md_recording_migrations[] = {
    {430, "recordings of meetings",
     "CREATE TABLE md_recordings (id TEXT PRIMARY KEY, room TEXT NOT NULL, title TEXT NOT NULL, state TEXT NOT NULL, created_by TEXT,"
     " started_us BIGINT NOT NULL, ended_us BIGINT NOT NULL, duration_us BIGINT NOT NULL, bytes BIGINT NOT NULL, sha256 TEXT,"
     " problem TEXT, chapters TEXT NOT NULL);"},
    {431, "live streams go on after a restart",
     "CREATE TABLE md_streams (room TEXT NOT NULL, url TEXT NOT NULL, created_by TEXT, time_us BIGINT NOT NULL, PRIMARY KEY (room, url));"},
};
const unsigned md_recording_n_migrations = G_N_ELEMENTS(md_recording_migrations);

static const char *const states[MD_RECORDING_STATE_MAX] = {"running", "finishing", "finished", "failed", "empty"};

const char *md_recording_state_to_string(MdRecordingState state)
{
    return (unsigned)state < MD_RECORDING_STATE_MAX ? states[state] : NULL;
}

static void clear_chapter(gpointer chapter)
{
    g_free(((MdChapter *)chapter)->title);
}

MdRecording *md_recording_new(MdRecordings *all)
{
    MdRecording *r = g_new0(MdRecording, 1);
    r->all = all;
    r->fd = -1;
    r->chapters = g_array_new(FALSE, TRUE, sizeof(MdChapter));
    g_array_set_clear_func(r->chapters, clear_chapter);
    return r;
}

void md_recording_free(MdRecording *r)
{
    g_array_unref(r->chapters);
    g_free(r->id);
    g_free(r->room);
    g_free(r->title);
    g_free(r->created_by);
    g_free(r->problem);
    g_free(r);
}

static char *chapters_text(const MdRecording *r)
{
    g_autoptr(JsonNode) node = json_node_init_array(json_node_alloc(), NULL);
    g_autoptr(JsonArray) array = json_array_new();
    for (guint i = 0; i < r->chapters->len; i++) {
        const MdChapter *c = &g_array_index(r->chapters, MdChapter, i);
        JsonObject *o = json_object_new();
        json_object_set_int_member(o, "start_us", c->start_us);
        json_object_set_string_member(o, "title", c->title);
        json_array_add_object_element(array, o);
    }
    json_node_set_array(node, array);
    return json_to_string(node, FALSE);
}

static void read_chapters(MdRecording *r, const char *text)
{
    g_autoptr(JsonNode) node = text ? json_from_string(text, NULL) : NULL;
    JsonArray *array = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    for (guint i = 0; array && i < json_array_get_length(array) && i < MD_CHAPTERS_MAX; i++) {
        JsonObject *o = json_array_get_object_element(array, i);
        MdChapter chapter = {json_object_get_int_member(o, "start_us"), g_strdup(json_object_get_string_member(o, "title"))};
        g_array_append_val(r->chapters, chapter);
    }
}

bool md_recording_load(MdRecordings *all, GError **error)
{
    GError *local = NULL;
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(all->options.store), &local,
                                         "SELECT id, room, title, state, created_by, started_us, ended_us, duration_us, bytes, sha256, problem,"
                                         " chapters FROM md_recordings ORDER BY started_us, id", "");
    while (rows && md_rows_next(rows, &local)) {
        MdRecording *r = md_recording_new(all);
        r->id = g_strdup(md_rows_text(rows, 0));
        r->room = g_strdup(md_rows_text(rows, 1));
        r->title = g_strdup(md_rows_text(rows, 2));
        r->state = MD_RECORDING_RUNNING;
        for (unsigned i = 0; i < MD_RECORDING_STATE_MAX; i++)
            if (g_strcmp0(md_rows_text(rows, 3), states[i]) == 0)
                r->state = i;
        r->created_by = g_strdup(md_rows_text(rows, 4));
        r->started_us = md_rows_int(rows, 5);
        r->ended_us = md_rows_int(rows, 6);
        r->duration_us = md_rows_int(rows, 7);
        r->bytes = md_rows_int(rows, 8);
        g_strlcpy(r->sha256, md_rows_text(rows, 9) ? md_rows_text(rows, 9) : "", sizeof r->sha256);
        r->problem = g_strdup(md_rows_text(rows, 10));
        read_chapters(r, md_rows_text(rows, 11));
        r->ready = true;
        g_ptr_array_add(all->list, r);
    }
    if (local)
        g_propagate_error(error, local);
    return local == NULL;
}

typedef struct Row {
    MdRecordings *all;
    MdStoreDoneFn done;
    char *id, *room, *title, *created_by, *sha256, *problem, *chapters;
    const char *state;
    int64_t started_us, ended_us, duration_us, bytes;
} Row;

static void row_free(gpointer data)
{
    Row *row = data;
    char *texts[] = {row->id, row->room, row->title, row->created_by, row->sha256, row->problem, row->chapters};
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(texts[i]);
    g_free(row);
}

static bool write_row(MdDb *db, gpointer data, GError **error)
{
    const Row *row = data;
    return md_db_run(db, error,
                     "INSERT INTO md_recordings (id, room, title, state, created_by, started_us, ended_us, duration_us, bytes, sha256, problem,"
                     " chapters) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (id) DO UPDATE SET state = $4,"
                     " ended_us = $7, duration_us = $8, bytes = $9, sha256 = $10, problem = $11, chapters = $12",
                     "sssssiiiisss", row->id, row->room, row->title, row->state, row->created_by, row->started_us, row->ended_us,
                     row->duration_us, row->bytes, row->sha256, row->problem, row->chapters);
}

static void saved(bool ok, const GError *error, gpointer data, gpointer user)
{
    Row *row = data;
    row->all->pending--;
    if (!ok)
        md_error(&row->all->logger, "recording %s cannot be noted: %s", row->id, error->message);
    if (row->done)
        row->done(ok, error, NULL, user);
}

void md_recording_save(MdRecording *r, MdStoreDoneFn done)
{
    Row *row = g_new0(Row, 1);
    *row = (Row){.all = r->all, .done = done, .id = g_strdup(r->id), .room = g_strdup(r->room), .title = g_strdup(r->title), .created_by = g_strdup(r->created_by),
                 .sha256 = *r->sha256 ? g_strdup(r->sha256) : NULL, .problem = g_strdup(r->problem), .chapters = chapters_text(r),
                 .state = states[r->state], .started_us = r->started_us, .ended_us = r->ended_us, .duration_us = r->duration_us,
                 .bytes = r->bytes};
    r->all->pending++;
    md_store_write(r->all->options.store, write_row, row, row_free, saved, r);
}

static bool delete_row(MdDb *db, gpointer data, GError **error)
{
    return md_db_run(db, error, "DELETE FROM md_recordings WHERE id = $1", "s", (const char *)data);
}

void md_recording_delete(MdRecording *r, MdStoreDoneFn done, void *user)
{
    md_store_write(r->all->options.store, delete_row, g_strdup(r->id), g_free, done, user);
}
