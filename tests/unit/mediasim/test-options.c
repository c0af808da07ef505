/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "mediasim/options.h"
#include "mediasim/verdict.h"
#include "sip/client.h"

static bool parse(SimOptions *o, GError **error, const char *line)
{
    g_auto(GStrv) argv = NULL;
    int argc;
    g_autofree char *whole = g_strconcat("mediasim ", line, NULL);
    g_assert_true(g_shell_parse_argv(whole, &argc, &argv, NULL));
    /* GOption takes words out of the vector: give it one it may change. */
    g_autofree char **copy = g_memdup2(argv, sizeof(char *) * ((size_t)argc + 1));
    return sim_options_parse(o, argc, copy, error);
}

static char *accounts_path;

static void test_good(void)
{
    g_auto(SimOptions) o;
    g_autofree char *line = g_strdup_printf(
        "conference --server 127.0.0.1:20600 --transport tcp --sites 2 --room giao-ban --accounts %s "
        "--video 720p30 --loss 2.5 --delay 40 --jitter 10 --security off --seconds 60 --json",
        accounts_path);
    g_autoptr(GError) error = NULL;
    parse(&o, &error, line);
    g_assert_no_error(error);
    g_assert_cmpstr(o.server_uri, ==, "sip:127.0.0.1:20600;transport=tcp");
    g_assert_cmpint(o.transport, ==, SG_TCP);
    g_assert_cmpstr(o.local_host, ==, "127.0.0.1");
    g_assert_cmpuint(o.accounts->len, ==, 4);
    g_assert_cmpstr(g_array_index(o.accounts, SimAccount, 0).name, ==, "xa-dong-loc");
    g_assert_cmpstr(g_array_index(o.accounts, SimAccount, 0).password, ==, "mot hai ba");
    g_assert_cmpstr(g_array_index(o.accounts, SimAccount, 1).password, ==, "bon");
    g_assert_cmpuint(o.send_class.width, ==, 1280);
    g_assert_cmpuint(o.send_class.fps, ==, 30);
    g_assert_cmpfloat_with_epsilon(o.loss, 0.025, 1e-9);
    g_assert_cmpint(o.delay_us, ==, 40000);
    g_assert_cmpint(o.security, ==, MD_SECURITY_OFF);
    g_assert_cmpuint(o.talkers, ==, 2); /* not more than sites */
    g_assert_true(o.json);
}

static void test_generated(void)
{
    g_auto(SimOptions) o;
    g_autofree char *line = g_strdup_printf(
        "loudspeakers --server [::1]:5060 --count 20 --password-file %s --account-prefix loa-xa-7- "
        "--planned 2026-11-22T05:00:00.500+07:00",
        accounts_path);
    g_autoptr(GError) error = NULL;
    parse(&o, &error, line);
    g_assert_no_error(error);
    g_assert_true(o.loudspeakers);
    g_assert_cmpstr(o.local_host, ==, "::1");
    g_assert_cmpstr(o.server_uri, ==, "sip:[::1]:5060;transport=udp");
    g_assert_cmpstr(g_array_index(o.accounts, SimAccount, 19).name, ==, "loa-xa-7-20");
    g_assert_cmpint(o.planned_wall_us, ==, 1795298400500000);
    g_assert_cmpint(o.security, ==, MD_SECURITY_REQUIRED);
}

static void test_credentials(void)
{
    g_auto(SimOptions) o;
    g_autofree char *line = g_strdup_printf(
        "loudspeakers --server 127.0.0.1:5060 --count 1 --accounts %s --account-prefix loa-", accounts_path);
    g_autoptr(GError) error = NULL;
    parse(&o, &error, line);
    g_assert_no_error(error);
    g_assert_cmpuint(o.accounts->len, ==, 1);
    g_assert_cmpstr(g_array_index(o.accounts, SimAccount, 0).name, ==, "loa-9");
    g_assert_cmpstr(g_array_index(o.accounts, SimAccount, 0).password, ==, "sau:bay");
}

static void test_refused(void)
{
    static const char *const rows[] = {
        "",
        "meeting",
        "conference",
        "conference --server 127.0.0.1:5060",
        "conference --server host.example:5060 --sites 2 --room a",
        "conference --server 192.0.2.1:5060 --sites 2 --room a", /* which of our addresses? */
        "conference --server 127.0.0.1:5060 --sites 0 --room a",
        "conference --server 127.0.0.1:5060 --sites 501 --room a",
        "conference --server 127.0.0.1:5060 --sites 2",
        "conference --server 127.0.0.1:5060 --sites 2 --room a --talkers 5",
        "conference --server 127.0.0.1:5060 --sites 2 --room a --video 361x",
        "conference --server 127.0.0.1:5060 --sites 2 --room a --security much",
        "conference --server 127.0.0.1:5060 --sites 2 --room a --loss 60",
        "conference --server 127.0.0.1:5060 --sites 9 --room a", /* four accounts only */
        "conference --server 127.0.0.1:5060 --sites 2 --room a --media-ports 5000-5003",
        "conference --server 127.0.0.1:5060 --sites 2 --room a --turn 1000",
        "conference --server 127.0.0.1:5060 --sites 2 --room a what",
        "conference --server 127.0.0.1:5060 --sites 2 --room a --planned now",
        "loudspeakers --server 127.0.0.1:5060 --count 3 --planned tomorrow",
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(SimOptions) o;
        g_autoptr(GError) error = NULL;
        bool scenario =
            g_str_has_prefix(rows[i], "conference ") || g_str_has_prefix(rows[i], "loudspeakers ");
        g_autofree char *line =
            scenario ? g_strconcat(rows[i], " --accounts ", accounts_path, NULL) : g_strdup(rows[i]);
        g_test_message("%s", line);
        g_assert_false(parse(&o, &error, line));
        g_assert_nonnull(error);
        g_assert_cmpuint(strlen(error->message), >, 10);
    }
}

static void test_classes(void)
{
    MdVideoClass c;
    g_assert_true(sim_video_class_parse("360p15", &c));
    g_assert_cmpuint(c.width, ==, 640);
    g_assert_cmpuint(c.bitrate_bps, ==, 500000);
    g_assert_true(sim_video_class_parse("180p15", &c));
    g_assert_cmpuint(c.width, ==, 320);
    g_assert_true(sim_video_class_parse("1080p30", &c));
    g_assert_cmpuint(c.width, ==, 1920);
    g_assert_false(sim_video_class_parse("360", &c));
    g_assert_false(sim_video_class_parse("360p15x", &c));
    g_assert_false(sim_video_class_parse("2160p30", &c));
}

static void test_verdict(void)
{
    g_autoptr(SimVerdict) v = sim_verdict_new("conference");
    sim_verdict_group(v, "sound");
    sim_verdict_double(v, "gap_time", 1.0 / 3, "%");
    sim_verdict_int(v, "gaps", 7, "");
    sim_verdict_group(v, "pictures");
    sim_verdict_text(v, "layout", "9x8");
    g_assert_true(sim_verdict_passed(v));
    sim_verdict_fail(v, "gaps: %d", 7);
    g_assert_false(sim_verdict_passed(v));
    g_autofree char *json = sim_verdict_to_json(v);
    g_autofree char *table = sim_verdict_to_table(v);
    g_autoptr(JsonNode) root = json_from_string(json, NULL);
    JsonObject *object = json_node_get_object(root);
    g_assert_false(json_object_get_boolean_member(object, "passed"));
    g_assert_cmpint(json_object_get_int_member(json_object_get_object_member(object, "sound"), "gaps"), ==,
                    7);
    g_assert_cmpfloat(
        json_object_get_double_member(json_object_get_object_member(object, "sound"), "gap_time"), ==, 0.333);
    g_assert_cmpstr(
        json_object_get_string_member(json_object_get_object_member(object, "pictures"), "layout"), ==,
        "9x8");
    g_assert_cmpstr(json_array_get_string_element(json_object_get_array_member(object, "failures"), 0), ==,
                    "gaps: 7");
    g_assert_nonnull(strstr(table, "FELL SHORT gaps: 7\n"));
    g_assert_nonnull(strstr(table, "conference: failed"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    int fd = g_file_open_tmp("mediasim-accounts-XXXXXX", &accounts_path, NULL);
    g_assert_cmpint(fd, >=, 0);
    g_close(fd, NULL);
    g_assert_true(g_file_set_contents(
        accounts_path,
        "# sites\nxa-dong-loc mot hai ba\nxa-can-loc:bon\n\nxa-thach-ha\tnam\nloa-9,hop.example.vn,sau:bay\n",
        -1, NULL));
    g_test_add_func("/mediasim/options/good", test_good);
    g_test_add_func("/mediasim/options/generated", test_generated);
    g_test_add_func("/mediasim/options/credentials", test_credentials);
    g_test_add_func("/mediasim/options/refused", test_refused);
    g_test_add_func("/mediasim/options/classes", test_classes);
    g_test_add_func("/mediasim/verdict", test_verdict);
    int r = g_test_run();
    g_unlink(accounts_path);
    g_free(accounts_path);
    return r;
}
