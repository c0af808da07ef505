/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/meeting/scenes.h"

enum { SEEN_S = 60 };

struct MdScenes {
    MdStore *store;
    const MdClock *clock;
    MdLogger logger;
    GHashTable *waiting;       /* room → text from before the restart */
    GHashTable *running;       /* a set of rooms that are in the store */
    int64_t read_us;           /* wall time */
    guint timer;
};

/* What is written: one room's text, or that these were seen. */
typedef struct Change {
    char *room, *text;         /* text NULL: away with it */
    GPtrArray *rooms;          /* seen; else NULL */
    int64_t seen_us;
    MdLogger logger;
} Change;

static void free_change(gpointer data)
{
    Change *change = data;
    g_free(change->room);
    g_free(change->text);
    if (change->rooms)
        g_ptr_array_unref(change->rooms);
    g_free(change);
}

static bool write_change(MdDb *db, gpointer data, GError **error)
{
    const Change *c = data;
    for (guint i = 0; c->rooms && i < c->rooms->len; i++)
        if (!md_db_run(db, error, "UPDATE md_scenes SET seen_us = $1 WHERE room = $2", "is", c->seen_us, (const char *)c->rooms->pdata[i]))
            return false;
    if (c->rooms)
        return true;
    if (!c->text)
        return md_db_run(db, error, "DELETE FROM md_scenes WHERE room = $1", "s", c->room);
    return md_db_run(db, error, "INSERT INTO md_scenes (room, scene, seen_us) VALUES ($1, $2, $3) ON CONFLICT (room) DO UPDATE SET scene = $2, seen_us = $3",
                     "ssi", c->room, c->text, c->seen_us);
}

static void written(bool ok, const GError *error, gpointer data, gpointer user)
{
    const Change *c = data;
    if (!ok)
        md_warning(&c->logger, "the floor, roles and mutes of %s are not written: %s; after a restart they would be found as they were before",
                   c->room ? c->room : "a room", error->message);
}

static void write_one(MdScenes *scenes, const char *room, const char *text)
{
    Change *c = g_new0(Change, 1);
    *c = (Change){.room = g_strdup(room), .text = g_strdup(text), .seen_us = md_clock_wall_us(scenes->clock), .logger = scenes->logger};
    md_store_write(scenes->store, write_change, c, free_change, written, NULL);
}

static void read_all(MdScenes *scenes)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(scenes->store), &error, "SELECT room, scene, seen_us FROM md_scenes", "");
    scenes->read_us = md_clock_wall_us(scenes->clock);
    while (rows && md_rows_next(rows, &error)) {
        if (scenes->read_us - md_rows_int(rows, 2) < MD_SCENES_OLD_US)
            g_hash_table_replace(scenes->waiting, g_strdup(md_rows_text(rows, 0)), g_strdup(md_rows_text(rows, 1)));
        else
            write_one(scenes, md_rows_text(rows, 0), NULL);
    }
    if (error)
        md_error(&scenes->logger, "floor, roles and mutes from before the restart cannot be read: %s; running meetings begin with those of their booking", error->message);
}

static gboolean on_timer(gpointer user)
{
    md_scenes_tick(user);
    return G_SOURCE_CONTINUE;
}

MdScenes *md_scenes_new(MdStore *store, const MdClock *clock, const MdLogger *logger)
{
    MdScenes *scenes = g_new0(MdScenes, 1);
    scenes->store = store;
    scenes->clock = clock ? clock : md_clock_system();
    scenes->logger = *logger;
    scenes->waiting = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    scenes->running = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    read_all(scenes);
    if (!clock)
        scenes->timer = g_timeout_add_seconds(SEEN_S, on_timer, scenes);
    return scenes;
}

void md_scenes_free(MdScenes *scenes)
{
    if (!scenes)
        return;
    g_clear_handle_id(&scenes->timer, g_source_remove);
    g_hash_table_unref(scenes->waiting);
    g_hash_table_unref(scenes->running);
    g_free(scenes);
}

void md_scenes_put(MdScenes *scenes, const char *room, const char *text)
{
    g_hash_table_remove(scenes->waiting, room);
    if (text)
        g_hash_table_add(scenes->running, g_strdup(room));
    else
        g_hash_table_remove(scenes->running, room);
    write_one(scenes, room, text);
}

char *md_scenes_find(const MdScenes *scenes, const char *room)
{
    return g_strdup(g_hash_table_lookup(scenes->waiting, room));
}

void md_scenes_tick(MdScenes *scenes)
{
    GHashTableIter iter;
    gpointer room;
    int64_t now_us = md_clock_wall_us(scenes->clock);
    if (g_hash_table_size(scenes->running) > 0) {
        Change *c = g_new0(Change, 1);
        *c = (Change){.rooms = g_ptr_array_new_with_free_func(g_free), .seen_us = now_us, .logger = scenes->logger};
        g_hash_table_iter_init(&iter, scenes->running);
        while (g_hash_table_iter_next(&iter, &room, NULL))
            g_ptr_array_add(c->rooms, g_strdup(room));
        md_store_write(scenes->store, write_change, c, free_change, written, NULL);
    }
    if (now_us - scenes->read_us < MD_SCENES_OLD_US)
        return;
    g_hash_table_iter_init(&iter, scenes->waiting);
    while (g_hash_table_iter_next(&iter, &room, NULL)) {
        write_one(scenes, room, NULL);
        g_hash_table_iter_remove(&iter);
    }
}
