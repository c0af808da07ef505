/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How rooms stand, over a restart: fresh ones are found, old ones are gone from the store. Virtual time, a real store. */
#include <glib/gstdio.h>
#include "mediad/meeting/meeting.h"
#include "mediad/meeting/scenes.h"

static const int64_t START_US = INT64_C(1795311300) * 1000000, MINUTE_US = INT64_C(60) * 1000000;

typedef struct Desk {
    char *dir, *path;
    MdStore *store;
    MdVirtualClock clock;
    MdScenes *scenes;
} Desk;

static void begin(Desk *d, int64_t wall_us)
{
    g_autoptr(GError) error = NULL;
    const MdLogger logger = {0};
    d->store = md_store_open(d->path, md_meeting_migrations, md_meeting_n_migrations, NULL, &error);
    g_assert_no_error(error);
    md_virtual_clock_init(&d->clock, 1000000, wall_us);
    d->scenes = md_scenes_new(d->store, &d->clock.base, &logger);
}

static void end(Desk *d)
{
    md_scenes_free(d->scenes);
    md_store_close(d->store);
}

static void expect(Desk *d, const char *room, const char *text)
{
    g_autofree char *found = md_scenes_find(d->scenes, room);
    g_assert_cmpstr(found, ==, text);
}

static unsigned rows(Desk *d)
{
    g_autoptr(GError) error = NULL;
    end(d); /* what is queued is written */
    MdDb *db = md_db_open_file(d->path, &error);
    g_assert_no_error(error);
    MdRows *found = md_db_query(db, &error, "SELECT COUNT(*) FROM md_scenes", "");
    g_assert_true(md_rows_next(found, &error));
    unsigned n = (unsigned)md_rows_int(found, 0);
    md_rows_free(found);
    md_db_close(db);
    return n;
}

static void test_scenes(void)
{
    Desk d = {.dir = g_dir_make_tmp("scenes-XXXXXX", NULL)};
    d.path = g_build_filename(d.dir, "s.sqlite", NULL);
    begin(&d, START_US);
    expect(&d, "giao-ban", NULL);
    md_scenes_put(d.scenes, "giao-ban", "{\"a\":1}");
    md_scenes_put(d.scenes, "giao-ban", "{\"a\":2}");
    md_scenes_put(d.scenes, "hop", "{}");
    md_scenes_put(d.scenes, "xong", "{}");
    md_scenes_put(d.scenes, "xong", NULL);
    md_virtual_clock_advance(&d.clock, 45 * MINUTE_US); /* nothing has changed for long: it is seen all the same */
    md_scenes_tick(d.scenes);
    end(&d);

    begin(&d, START_US + 70 * MINUTE_US);
    expect(&d, "giao-ban", "{\"a\":2}");
    expect(&d, "giao-ban", "{\"a\":2}"); /* until its room says how it stands */
    md_scenes_put(d.scenes, "giao-ban", "{\"a\":2}");
    expect(&d, "giao-ban", NULL);
    expect(&d, "xong", NULL);
    md_virtual_clock_advance(&d.clock, 20 * MINUTE_US);
    md_scenes_tick(d.scenes); /* giao-ban goes on; nobody comes back to hop, which is waited for a while more */
    md_virtual_clock_advance(&d.clock, 11 * MINUTE_US);
    md_scenes_tick(d.scenes);
    expect(&d, "hop", NULL);
    g_assert_cmpuint(rows(&d), ==, 1);

    begin(&d, START_US + 140 * MINUTE_US); /* 39 minutes after giao-ban was seen last */
    expect(&d, "giao-ban", NULL);
    g_assert_cmpuint(rows(&d), ==, 0);
    g_autoptr(GDir) files = g_dir_open(d.dir, 0, NULL);
    for (const char *name; (name = g_dir_read_name(files)) != NULL;) {
        g_autofree char *file = g_build_filename(d.dir, name, NULL);
        g_unlink(file);
    }
    g_rmdir(d.dir);
    g_free(d.path);
    g_free(d.dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/meeting/scenes", test_scenes);
    return g_test_run();
}
