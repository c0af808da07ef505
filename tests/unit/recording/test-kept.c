/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is kept of streams over a restart: the addresses, as long as somebody may come back to them. */
#include <glib/gstdio.h>
#include "mediad/recording/recording.h"
#include "mediad/recording/streams-kept.h"

static bool nothing(MdDb *db, gpointer data, GError **error)
{
    return true;
}

/* Writes go in order: those before it are in the store. */
static guint left(MdStore *store, const MdLogger *logger)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(md_store_write_sync(store, nothing, NULL, &error));
    g_autoptr(GPtrArray) kept = md_streams_load(store, logger);
    return kept->len;
}

static void test_kept(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = g_dir_make_tmp("kept-XXXXXX", &error);
    g_autofree char *path = g_build_filename(dir, "s.sqlite", NULL);
    const MdLogger logger = {0};
    MdStore *store = md_store_open(path, md_recording_migrations, md_recording_n_migrations, NULL, &error);
    g_assert_no_error(error);
    md_streams_keep(store, "giao-ban", NULL, "lan", &logger);
    md_streams_keep(store, "giao-ban", "rtmp://live.example.vn/app/key", "lan", &logger);
    md_streams_keep(store, "hop", NULL, "lan", &logger);
    md_streams_keep(store, "hop", NULL, "minh", &logger); /* the same one */
    g_assert_cmpuint(left(store, &logger), ==, 3);
    md_streams_forget(store, "giao-ban", NULL, &logger);
    g_assert_cmpuint(left(store, &logger), ==, 2);
    g_autoptr(GPtrArray) kept = md_streams_load(store, &logger);
    md_streams_give_up(kept, store, &logger);
    g_assert_cmpuint(kept->len, ==, 0);
    g_assert_cmpuint(left(store, &logger), ==, 0);
    md_store_close(store);
    g_autoptr(GDir) files = g_dir_open(dir, 0, NULL);
    for (const char *name; (name = g_dir_read_name(files)) != NULL;) {
        g_autofree char *file = g_build_filename(dir, name, NULL);
        g_unlink(file);
    }
    g_rmdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/recording/kept", test_kept);
    return g_test_run();
}
