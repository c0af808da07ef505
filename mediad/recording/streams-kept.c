/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Streams that run, in the store: one whose meeting goes on after a restart begins again when somebody is back in it. */
#include "mediad/recording/streams-kept.h"

static const int64_t OLD_US = 12 * 3600 * (int64_t)G_USEC_PER_SEC; /* nobody waits for that meeting any more */

typedef struct Kept {
    char *room, *url, *by;
    int64_t time_us;
    MdLogger logger;
} Kept;

static void kept_free(gpointer data)
{
    Kept *k = data;
    g_free(k->room);
    g_free(k->url);
    g_free(k->by);
    g_free(k);
}

static bool write_row(MdDb *db, gpointer data, GError **error)
{
    const Kept *k = data;
    return md_db_run(db, error,
                     "INSERT INTO md_streams (room, url, created_by, time_us) VALUES ($1, $2, $3, $4)"
                     " ON CONFLICT (room, url) DO UPDATE SET created_by = $3, time_us = $4",
                     "sssi", k->room, k->url, k->by, k->time_us);
}

static bool delete_row(MdDb *db, gpointer data, GError **error)
{
    const Kept *k = data;
    return md_db_run(db, error, "DELETE FROM md_streams WHERE room = $1 AND url = $2", "ss", k->room, k->url);
}

static void written(bool ok, const GError *error, gpointer data, gpointer user)
{
    const Kept *k = data;
    if (!ok)
        md_error(&k->logger, "a stream of %s is not noted: %s; it would not begin again after a restart", k->room, error->message);
}

static void write_kept(MdStore *store, MdStoreFn fn, const char *room, const char *url, const char *by, const MdLogger *logger)
{
    if (!store)
        return;
    Kept *k = g_new0(Kept, 1);
    *k = (Kept){g_strdup(room), g_strdup(url ? url : ""), g_strdup(by), g_get_real_time(), *logger};
    md_store_write(store, fn, k, kept_free, written, NULL);
}

void md_streams_keep(MdStore *store, const char *room, const char *url, const char *by, const MdLogger *logger)
{
    write_kept(store, write_row, room, url, by, logger);
}

void md_streams_forget(MdStore *store, const char *room, const char *url, const MdLogger *logger)
{
    write_kept(store, delete_row, room, url, NULL, logger);
}

GPtrArray *md_streams_load(MdStore *store, const MdLogger *logger)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(kept_free);
    g_autoptr(GError) error = NULL;
    g_autoptr(MdRows) rows = store ? md_db_query(md_store_reader(store), &error, "SELECT room, url, created_by, time_us FROM md_streams ORDER BY time_us", "") : NULL;
    while (rows && md_rows_next(rows, &error)) {
        Kept *k = g_new0(Kept, 1);
        *k = (Kept){g_strdup(md_rows_text(rows, 0)), g_strdup(md_rows_text(rows, 1)), g_strdup(md_rows_text(rows, 2)), md_rows_int(rows, 3), *logger};
        if (g_get_real_time() - k->time_us < OLD_US) {
            g_ptr_array_add(list, k);
        } else {
            md_streams_forget(store, k->room, k->url, logger);
            kept_free(k);
        }
    }
    if (error)
        md_error(logger, "streams that ran before cannot be read: %s", error->message);
    return list;
}

void md_streams_give_up(GPtrArray *kept, MdStore *store, const MdLogger *logger)
{
    for (guint i = 0; i < kept->len; i++) {
        const Kept *k = kept->pdata[i];
        md_notice(logger, "nobody is back in %s: its stream that ran before does not go on", k->room);
        md_streams_forget(store, k->room, k->url, logger);
    }
    g_ptr_array_set_size(kept, 0);
}

void md_streams_resume(MdStreams *streams, GPtrArray *kept, const char *room, MdStore *store, const MdLogger *logger)
{
    for (guint i = kept->len; i-- > 0;) {
        Kept *k = kept->pdata[i];
        if (g_ascii_strcasecmp(k->room, room) != 0)
            continue;
        g_autoptr(GError) error = NULL;
        g_ptr_array_steal_index(kept, i);
        md_notice(logger, "the stream of %s that ran before goes on", room);
        if (!md_streams_start(streams, room, *k->url ? k->url : NULL, k->by, &error)) {
            md_warning(logger, "the stream of %s does not go on: %s", room, error->message);
            if (!g_error_matches(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_EXISTS)) /* else somebody was quicker */
                md_streams_forget(store, k->room, k->url, logger);
        }
        kept_free(k);
    }
}
