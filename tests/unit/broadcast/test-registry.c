/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/device.h"

#include <math.h>
#include <string.h>
#include <glib/gstdio.h>

/* Areas and loudspeakers: the tree's rules, resolution, and that everything is there again after a restart. */
typedef struct Rig {
    char *path;
    MdStore *store;
    BcAreas *areas;
    BcDevices *devices;
} Rig;

static void open_rig(Rig *rig)
{
    g_autoptr(GError) error = NULL;
    rig->store = md_store_open(rig->path, bc_migrations, bc_n_migrations, NULL, &error);
    g_assert_no_error(error);
    rig->areas = bc_areas_new(rig->store, &error);
    g_assert_no_error(error);
    rig->devices = bc_devices_new(rig->store, rig->areas, &error);
    g_assert_no_error(error);
}

static void close_rig(Rig *rig)
{
    bc_devices_unref(rig->devices);
    bc_areas_unref(rig->areas);
    md_store_close(rig->store);
}

static void rig_init(Rig *rig)
{
    g_autofree char *dir = g_dir_make_tmp("bc-registry-XXXXXX", NULL);
    rig->path = g_build_filename(dir, "db", NULL);
    open_rig(rig);
}

static void rig_clear(Rig *rig)
{
    close_rig(rig);
    g_autofree char *dir = g_path_get_dirname(rig->path);
    g_autofree char *command = g_strdup_printf("rm -rf %s", dir);
    g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL);
    g_free(rig->path);
}

typedef struct Answer {
    bool done;
    int code; /* BcError, -1: fine */
} Answer;

static void on_done(const GError *error, void *user)
{
    Answer *answer = user;
    answer->done = true;
    answer->code = error ? error->domain == BC_ERROR ? error->code : 100 : -1;
}

static int wait_answer(Answer *answer)
{
    while (!answer->done)
        g_main_context_iteration(NULL, TRUE);
    return answer->code;
}

static int put_area(Rig *rig, const char *code, const char *parent, const char *name)
{
    Answer answer = {0};
    bc_areas_put(rig->areas, &(BcArea){.code = code, .kind = "commune", .parent = parent, .name = name}, on_done, &answer);
    return wait_answer(&answer);
}

static int remove_area(Rig *rig, const char *code)
{
    Answer answer = {0};
    bc_areas_remove(rig->areas, code, on_done, &answer);
    return wait_answer(&answer);
}

static int put_device(Rig *rig, const BcDevice *device)
{
    Answer answer = {0};
    bc_devices_put(rig->devices, device, on_done, &answer);
    return wait_answer(&answer);
}

static BcDevice device(const char *id, const char *area)
{
    return (BcDevice){.id = id, .name = id, .area = area, .latitude = NAN, .longitude = NAN, .volume = 50, .enabled = true};
}

/* Children before parents, several levels, and nothing edited is overwritten at the next start. */
static void test_seed(void)
{
    static const BcArea seed[] = {
        {.code = "18073.1", .kind = "village", .parent = "18073", .name = "Thôn 1"},
        {.code = "18073", .kind = "commune", .parent = "42", .name = "Phường Thành Sen"},
        {.code = "42", .ident = "H27", .kind = "province", .name = "Hà Tĩnh"},
    };
    static const BcArea orphan[] = {{.code = "1", .kind = "commune", .parent = "99", .name = "x"}};
    static const BcArea twice[] = {{.code = "5", .kind = "commune", .parent = "42", .name = "Năm"},
                                   {.code = "6", .kind = "commune", .parent = "nowhere", .name = "x"}};
    Rig rig;
    rig_init(&rig);
    g_autoptr(GError) error = NULL;
    g_assert_true(bc_areas_seed(rig.areas, seed, G_N_ELEMENTS(seed), &error));
    g_assert_no_error(error);
    g_assert_cmpuint(bc_areas_count(rig.areas), ==, 3);
    g_assert_cmpint(put_area(&rig, "18073", "42", "Tên mới"), ==, -1);
    close_rig(&rig);
    open_rig(&rig);
    g_assert_true(bc_areas_seed(rig.areas, seed, G_N_ELEMENTS(seed), &error));
    g_assert_cmpuint(bc_areas_count(rig.areas), ==, 3);
    g_assert_cmpstr(bc_areas_find(rig.areas, "18073")->name, ==, "Tên mới");
    g_assert_cmpstr(bc_areas_find(rig.areas, "42")->ident, ==, "H27");
    g_assert_true(bc_areas_contains(rig.areas, "42", "18073.1"));
    g_assert_false(bc_areas_contains(rig.areas, "18073.1", "42"));
    g_assert_false(bc_areas_seed(rig.areas, orphan, 1, &error));
    g_assert_error(error, BC_ERROR, BC_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_false(bc_areas_seed(rig.areas, twice, 2, &error)); /* all or nothing */
    g_assert_null(bc_areas_find(rig.areas, "5"));
    rig_clear(&rig);
}

static void test_tree_rules(void)
{
    Rig rig;
    rig_init(&rig);
    g_assert_cmpint(put_area(&rig, "a", NULL, "A"), ==, -1);
    g_assert_cmpint(put_area(&rig, "b", "a", "B"), ==, -1);
    g_assert_cmpint(put_area(&rig, "c", "b", "C"), ==, -1);
    g_assert_cmpint(put_area(&rig, "a", "c", "A"), ==, BC_ERROR_INVALID);  /* a cycle */
    g_assert_cmpint(put_area(&rig, "a", "a", "A"), ==, BC_ERROR_INVALID);
    g_assert_cmpint(put_area(&rig, "d", "x", "D"), ==, BC_ERROR_NOT_FOUND);
    g_assert_cmpint(put_area(&rig, "bad code", NULL, "x"), ==, BC_ERROR_INVALID);
    g_assert_cmpint(put_area(&rig, "..", NULL, "x"), ==, BC_ERROR_INVALID);
    g_assert_cmpint(put_area(&rig, "e", NULL, "two\nlines"), ==, BC_ERROR_INVALID);
    g_assert_cmpint(put_area(&rig, "e", NULL, "\xff"), ==, BC_ERROR_INVALID);
    char parent[8] = "c", code[8];
    int last = -1;
    for (unsigned i = 4; i <= BC_AREA_DEPTH_MAX + 1; i++) {
        g_snprintf(code, sizeof code, "n%u", i);
        last = put_area(&rig, code, parent, "x");
        if (i <= BC_AREA_DEPTH_MAX)
            g_assert_cmpint(last, ==, -1);
        g_strlcpy(parent, code, sizeof parent);
    }
    g_assert_cmpint(last, ==, BC_ERROR_LIMIT); /* too deep */
    g_assert_cmpint(put_area(&rig, "top", NULL, "x"), ==, -1);
    g_assert_cmpint(put_area(&rig, "a", "top", "x"), ==, BC_ERROR_LIMIT); /* its whole branch would be too deep */
    g_assert_cmpint(remove_area(&rig, "b"), ==, BC_ERROR_IN_USE);
    g_assert_cmpint(remove_area(&rig, "nothing"), ==, BC_ERROR_NOT_FOUND);
    g_assert_cmpint(remove_area(&rig, "n16"), ==, -1);
    g_autoptr(GPtrArray) roots = bc_areas_children(rig.areas, NULL);
    g_assert_cmpuint(roots->len, ==, 2);
    rig_clear(&rig);
}

static void check_resolved(Rig *rig, const char *const *areas, bool enabled_only, const char *expected)
{
    g_autoptr(GPtrArray) found = bc_devices_in(rig->devices, areas, enabled_only);
    g_autoptr(GString) text = g_string_new(NULL);
    for (unsigned i = 0; i < found->len; i++)
        g_string_append_printf(text, "%s ", ((BcDevice *)found->pdata[i])->id);
    g_assert_cmpstr(text->str, ==, expected);
}

static void test_devices(void)
{
    Rig rig;
    rig_init(&rig);
    put_area(&rig, "42", NULL, "Tỉnh");
    put_area(&rig, "1", "42", "Một");
    put_area(&rig, "2", "42", "Hai");
    put_area(&rig, "1.1", "1", "Thôn");
    BcDevice d = device("z", "1.1");
    d.latitude = 18.3, d.longitude = 105.9, d.vendor = "Hãng A", d.codecs = 1u << MD_AUDIO_OPUS;
    d.kind = BC_DEVICE_GATEWAY;
    g_assert_cmpint(put_device(&rig, &d), ==, -1);
    d = device("b", "1");
    g_assert_cmpint(put_device(&rig, &d), ==, -1);
    d = device("a", "2");
    g_assert_cmpint(put_device(&rig, &d), ==, -1);
    d = device("off", "2");
    d.enabled = false;
    g_assert_cmpint(put_device(&rig, &d), ==, -1);
    for (unsigned round = 0; round < 2; round++) { /* the same after a restart */
        check_resolved(&rig, NULL, true, "b z a ");
        check_resolved(&rig, (const char *const[]){"1", NULL}, true, "b z ");
        check_resolved(&rig, (const char *const[]){"1.1", "1", "1.1", NULL}, true, "b z "); /* once each, however often named */
        check_resolved(&rig, (const char *const[]){"2", NULL}, false, "a off ");
        check_resolved(&rig, (const char *const[]){"2", NULL}, true, "a ");
        check_resolved(&rig, (const char *const[]){"nowhere", NULL}, true, "");
        const BcDevice *z = bc_devices_find(rig.devices, "z");
        g_assert_cmpfloat(z->latitude, ==, 18.3);
        g_assert_cmpstr(z->vendor, ==, "Hãng A");
        g_assert_cmpint(z->kind, ==, BC_DEVICE_GATEWAY);
        g_assert_cmpuint(z->codecs, ==, 1u << MD_AUDIO_OPUS);
        g_assert_true(isnan(bc_devices_find(rig.devices, "a")->latitude));
        close_rig(&rig);
        open_rig(&rig);
    }
    d = device("bad id", "1");
    g_assert_cmpint(put_device(&rig, &d), ==, BC_ERROR_INVALID);
    d = device("x", "99");
    g_assert_cmpint(put_device(&rig, &d), ==, BC_ERROR_NOT_FOUND);
    d = device("x", "1");
    d.volume = 101;
    g_assert_cmpint(put_device(&rig, &d), ==, BC_ERROR_INVALID);
    d = device("x", "1");
    d.latitude = 91, d.longitude = 0;
    g_assert_cmpint(put_device(&rig, &d), ==, BC_ERROR_INVALID);
    g_assert_cmpint(remove_area(&rig, "2"), ==, BC_ERROR_IN_USE);
    bc_devices_set_outcome(rig.devices, "z", "missed: busy", 5);
    d = device("z", "2");
    d.outcome = "played"; /* not the caller's to set */
    g_assert_cmpint(put_device(&rig, &d), ==, -1);
    g_assert_cmpstr(bc_devices_find(rig.devices, "z")->outcome, ==, "missed: busy");
    g_assert_cmpstr(bc_devices_find(rig.devices, "z")->area, ==, "2");
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/broadcast/registry/seed", test_seed);
    g_test_add_func("/broadcast/registry/tree", test_tree_rules);
    g_test_add_func("/broadcast/registry/devices", test_devices);
    return g_test_run();
}
