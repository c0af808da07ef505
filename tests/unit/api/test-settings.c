/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /settings over HTTP, with a real file behind it. */
#include "mediad/api/nouns.h"
#include "tests/unit/api/client.h"
#include <glib/gstdio.h>
#include <string.h>

typedef struct House {
    TestApi t;
    char *admin, *path;
    CfgSettings *started, *current;
} House;

static void write_file(House *h, const char *text)
{
    g_autofree char *all = g_strconcat("general: {\n  domain = \"example.vn\";\n};\n", text, NULL);
    g_assert_true(g_file_set_contents(h->path, all, -1, NULL));
    g_chmod(h->path, 0600);
}

static const CfgSettings *current(void *user)
{
    return ((House *)user)->current;
}

static const CfgSettings *started(void *user)
{
    return ((House *)user)->started;
}

static bool take(void *user, GPtrArray **ret_changes, char **ret_problem, GError **error)
{
    House *h = user;
    CfgSettings *settings = cfg_load(h->path, error);

    if (!settings)
        return false;
    *ret_changes = cfg_diff(h->current, settings);
    *ret_problem = settings->conference.loudest == 5 ? g_strdup("loudest is odd") : NULL;
    cfg_free(h->current);
    h->current = settings;
    return true;
}

static void set_up(House *h, gconstpointer data)
{
    test_api_start(&h->t, 0, NULL, 0);
    h->path = g_build_filename(h->t.dir, "mediad.conf", NULL);
    write_file(h, "sip: { t1_ms = 400; };\nrooms = ( { name = \"giao-ban\"; pin = \"2468\"; } );\n");
    h->started = cfg_load(h->path, NULL);
    h->current = cfg_ref(h->started);
    md_api_add_settings(h->t.api, &(MdApiSettings){current, started, take, h});
    h->admin = test_api_admin(&h->t);
}

static void tear_down(House *h, gconstpointer data)
{
    g_remove(h->path);
    test_api_stop(&h->t);
    cfg_free(h->started);
    cfg_free(h->current);
    g_free(h->path);
    g_free(h->admin);
}

static JsonObject *find(const TestReply *reply, const char *key)
{
    JsonArray *all = json_object_get_array_member(json_node_get_object(reply->json), "settings");

    for (unsigned i = 0; i < json_array_get_length(all); i++) {
        JsonObject *o = json_array_get_object_element(all, i);
        if (g_str_equal(json_object_get_string_member(o, "key"), key))
            return o;
    }
    g_error("no setting %s", key);
}

static void test_show(House *h, gconstpointer data)
{
    g_autoptr(TestReply) reply = test_call(&h->t, "GET", "/settings", h->admin, NULL);
    g_assert_cmpuint(reply->status, ==, 200);
    JsonObject *t1 = find(reply, "sip.t1_ms"), *idle = find(reply, "sip.tcp_idle_s"), *rooms = find(reply, "rooms");
    g_assert_cmpstr(json_object_get_string_member(t1, "value"), ==, "400");
    g_assert_cmpstr(json_object_get_string_member(t1, "default"), ==, "500");
    g_autofree char *from = g_strconcat(h->path, ":4", NULL);
    const char *told = json_object_get_string_member(t1, "from");
    g_assert_true(g_str_has_suffix(told, ":4") && g_str_has_prefix(from, h->t.dir));
    g_assert_false(json_object_has_member(idle, "from"));
    g_assert_true(strlen(json_object_get_string_member(idle, "help")) > 10);
    g_assert_nonnull(strstr(json_object_get_string_member(rooms, "value"), "giao-ban"));
    g_assert_null(strstr(reply->text, "2468")); /* no PIN, nowhere */
    g_assert_false(json_object_get_boolean_member(t1, "changed"));
}

static void test_check(House *h, gconstpointer data)
{
    write_file(h, "sip: { t1_ms = 5;\n bindigs_max = 3; };\n");
    g_autoptr(TestReply) reply = test_call(&h->t, "POST", "/settings/check", h->admin, NULL);
    g_assert_cmpuint(reply->status, ==, 200);
    JsonObject *o = json_node_get_object(reply->json);
    JsonArray *faults = json_object_get_array_member(o, "faults");
    g_assert_false(json_object_get_boolean_member(o, "fine"));
    g_assert_cmpuint(json_array_get_length(faults), ==, 2);
    JsonObject *unknown = json_array_get_object_element(faults, 0), *range = json_array_get_object_element(faults, 1);
    g_assert_cmpstr(json_object_get_string_member(unknown, "key"), ==, "sip.bindigs_max");
    g_assert_cmpint(json_object_get_int_member(unknown, "line"), ==, 5);
    g_assert_nonnull(strstr(json_object_get_string_member(unknown, "text"), "did you mean \"bindings_max\"?"));
    g_assert_cmpstr(json_object_get_string_member(range, "key"), ==, "sip.t1_ms");
    g_assert_cmpint(json_object_get_int_member(range, "line"), ==, 4);
    test_expect(&h->t, "POST", "/settings/reload", h->admin, NULL, 409, "settings-faulty");
    g_assert_cmpuint(h->current->sip.t1_ms, ==, 400); /* nothing was taken over */
    write_file(h, "sip: { t1_ms = = 5; };\n");
    g_autoptr(TestReply) syntax = test_call(&h->t, "POST", "/settings/check", h->admin, NULL);
    JsonObject *only = json_array_get_object_element(json_object_get_array_member(json_node_get_object(syntax->json), "faults"), 0);
    g_assert_cmpint(json_object_get_int_member(only, "line"), ==, 4);
    g_assert_true(g_str_has_suffix(json_object_get_string_member(only, "file"), ".conf"));
    g_assert_false(json_object_has_member(only, "key"));
    g_assert_nonnull(strstr(json_object_get_string_member(only, "text"), "settings look like"));
    g_remove(h->path);
    g_autoptr(TestReply) gone = test_call(&h->t, "POST", "/settings/check", h->admin, NULL);
    g_assert_cmpuint(gone->status, ==, 200);
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(json_node_get_object(gone->json), "faults")), ==, 1);
}

static void test_reload(House *h, gconstpointer data)
{
    write_file(h, "sip: { t1_ms = 300; };\nvideo: { font = \"Sans\"; };\n");
    g_autoptr(TestReply) looked = test_call(&h->t, "POST", "/settings/check", h->admin, NULL);
    g_assert_nonnull(strstr(looked->text, "{\"key\":\"sip.t1_ms\",\"kind\":\"changed\",\"restart\":true}"));
    g_assert_cmpuint(h->current->sip.t1_ms, ==, 400);
    g_autoptr(TestReply) reply = test_call(&h->t, "POST", "/settings/reload", h->admin, NULL);
    g_assert_cmpuint(reply->status, ==, 200);
    g_assert_nonnull(strstr(reply->text, "{\"key\":\"rooms.giao-ban\",\"kind\":\"removed\",\"restart\":false}"));
    g_assert_cmpuint(h->current->sip.t1_ms, ==, 300);
    /* what waits for the next start is not yet in force, and says so */
    g_autoptr(TestReply) after = test_call(&h->t, "GET", "/settings", h->admin, NULL);
    JsonObject *t1 = find(after, "sip.t1_ms"), *font = find(after, "video.font");
    g_assert_cmpstr(json_object_get_string_member(t1, "value"), ==, "400");
    g_assert_cmpstr(json_object_get_string_member(t1, "next"), ==, "300");
    g_assert_true(json_object_get_boolean_member(t1, "waits"));
    g_assert_cmpstr(json_object_get_string_member(font, "value"), ==, "\"Sans\"");
    g_assert_true(json_object_get_boolean_member(font, "changed") && !json_object_get_boolean_member(font, "waits"));
    write_file(h, "conference: { loudest = 5; };\n");
    g_autoptr(TestReply) odd = test_call(&h->t, "POST", "/settings/reload", h->admin, NULL);
    g_assert_cmpstr(test_string(odd, "problem"), ==, "loudest is odd");
}

static void test_rights(House *h, gconstpointer data)
{
    static const char *const roles[] = {"operator", "auditor", "viewer", "provincial-approver"};
    g_assert_cmpuint(test_check_roles(&h->t), >, 20);
    for (unsigned i = 0; i < G_N_ELEMENTS(roles); i++) {
        g_autofree char *token = test_api_user(&h->t, h->admin, roles[i], roles[i]);
        test_expect(&h->t, "GET", "/settings", token, NULL, 403, "not-allowed");
        test_expect(&h->t, "POST", "/settings/check", token, NULL, 403, "not-allowed");
        test_expect(&h->t, "POST", "/settings/reload", token, NULL, 403, "not-allowed");
    }
}

static void test_second_factor(House *h, gconstpointer data)
{
    md_virtual_clock_advance(&h->t.clock, 2ll * MD_API_UNLOCKED_S * G_USEC_PER_SEC);
    test_expect(&h->t, "POST", "/settings/check", h->admin, NULL, 200, NULL);
    test_expect(&h->t, "POST", "/settings/reload", h->admin, NULL, 403, "second-factor-needed");
    test_unlock(&h->t, "root", h->admin);
    test_expect(&h->t, "POST", "/settings/reload", h->admin, NULL, 200, NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add("/api/settings/" name, House, NULL, set_up, fn, tear_down)
    ADD("show", test_show);
    ADD("check", test_check);
    ADD("reload", test_reload);
    ADD("rights", test_rights);
    ADD("second-factor", test_second_factor);
    return g_test_run();
}
