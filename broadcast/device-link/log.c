/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/device-link/log.h"

#include <string.h>

typedef struct Piece {
    char *device, *command, *text;
    int64_t part, now_us, max_bytes;
} Piece;

static void free_piece(gpointer data)
{
    Piece *piece = data;
    g_free(piece->device);
    g_free(piece->command);
    g_free(piece->text);
    g_free(piece);
}

static bool total(MdDb *db, const char *device, int64_t *ret_bytes, int64_t *ret_oldest_us, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(db, error, "SELECT COALESCE(SUM(bytes), 0), COALESCE(MIN(received_us), 0) FROM bc_link_logs"
                                                    " WHERE device = $1", "s", device);
    GError *failure = NULL;
    if (!rows || !md_rows_next(rows, &failure)) {
        if (failure)
            g_propagate_error(error, failure);
        return false;
    }
    *ret_bytes = md_rows_int(rows, 0);
    *ret_oldest_us = md_rows_int(rows, 1);
    return true;
}

static bool write_piece(MdDb *db, gpointer data, GError **error)
{
    const Piece *p = data;
    int64_t bytes = 0, oldest_us = 0;
    if (!md_db_run(db, error, "INSERT INTO bc_link_logs (device, received_us, command, part, bytes, body) VALUES ($1, $2, $3, $4, $5, $6)",
                   "sisiis", p->device, p->now_us, p->command, p->part, (int64_t)strlen(p->text), p->text))
        return false;
    while (total(db, p->device, &bytes, &oldest_us, error)) {
        if (bytes <= p->max_bytes || oldest_us == p->now_us)
            return true;
        if (!md_db_run(db, error, "DELETE FROM bc_link_logs WHERE device = $1 AND received_us = $2", "si", p->device, oldest_us))
            return false;
    }
    return false;
}

void bc_device_log_take(MdStore *store, const char *device, const BcLinkLog *log, int64_t now_us, int64_t max_bytes)
{
    Piece *piece = g_new0(Piece, 1);
    *piece = (Piece){g_strdup(device), g_strdup(log->command), g_strdup(log->text), log->part, now_us, max_bytes};
    md_store_write(store, write_piece, piece, free_piece, NULL, NULL);
}

char *bc_device_log_read(MdStore *store, const char *device, GError **error)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(store), error,
                                         "SELECT body FROM bc_link_logs WHERE device = $1 ORDER BY received_us, part", "s", device);
    g_autoptr(GString) text = g_string_new(NULL);
    GError *failure = NULL;
    while (rows && md_rows_next(rows, &failure))
        g_string_append(text, md_rows_text(rows, 0));
    if (failure)
        g_propagate_error(error, failure);
    return rows && !failure ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}
