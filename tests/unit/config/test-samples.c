/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The committed files are what the table makes. */
#include <string.h>
#include "config/settings.h"

static char *committed(const char *path)
{
    g_autofree char *full = g_build_filename(g_getenv("MEDIAD_SOURCE_ROOT"), path, NULL);
    char *text = NULL;
    g_autoptr(GError) error = NULL;
    g_file_get_contents(full, &text, NULL, &error);
    g_assert_no_error(error);
    return text;
}

static void same(const char *path, char *made)
{
    g_autofree char *text = committed(path);
    if (strcmp(text, made) != 0)
        g_test_message("%s differs from the table: make it anew with build/config/cfg-tool", path);
    g_assert_true(strcmp(text, made) == 0);
    g_free(made);
}

static void test_sample(void)
{
    same("deploy/samples/mediad.conf", cfg_sample());
}

static void test_man_page(void)
{
    same("man/mediad.conf.5", cfg_man_page());
}

static void test_hatinh(void)
{
    g_autofree char *path = g_build_filename(g_getenv("MEDIAD_SOURCE_ROOT"), "deploy/samples/hatinh.conf", NULL);
    g_autofree char *csv = g_build_filename(g_getenv("MEDIAD_SOURCE_ROOT"), "deploy/samples/data/hatinh_communes.csv", NULL);
    g_autofree char *tool = g_build_filename(g_getenv("G_TEST_BUILDDIR"), "..", "config", "cfg-tool", NULL);
    g_autoptr(GError) error = NULL;
    char *made = NULL;
    int status = 1;
    const char *argv[] = {tool, "hatinh", csv, NULL};
    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &made, NULL, &status, &error);
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 0);
    same("deploy/samples/hatinh.conf", made);
    g_autoptr(CfgSettings) s = cfg_load(path, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(s->province.code, ==, "42");
    g_assert_cmpuint(s->n_areas, ==, 69);
    g_assert_cmpuint(s->n_sites, ==, 70); /* the communes and the province */
    unsigned wards = 0;
    for (unsigned i = 0; i < s->n_areas; i++) {
        const CfgArea *a = &s->areas[i];
        wards += strcmp(a->kind, "phuong") == 0;
        g_assert_true(a->lat > 17.8 && a->lat < 18.8 && a->lon > 105.0 && a->lon < 106.6);
        g_assert_true(g_str_has_prefix(a->name, strcmp(a->kind, "phuong") == 0 ? "Phường " : "Xã "));
        g_assert_cmpstr(s->sites[i + 1].area, ==, a->code);
        g_assert_cmpstr(s->sites[i + 1].name, ==, a->name);
    }
    g_assert_cmpuint(wards, ==, 9);
    g_assert_cmpstr(s->sites[1].account, ==, "site-18073");
    g_assert_cmpstr(s->rooms[0].name, ==, "giao-ban");
    g_assert_null(s->rooms[0].pin);
    g_assert_null(s->warnings[0]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/samples/sample", test_sample);
    g_test_add_func("/config/samples/man-page", test_man_page);
    g_test_add_func("/config/samples/hatinh", test_hatinh);
    return g_test_run();
}
