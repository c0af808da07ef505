/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The real mediad as an operator meets it: options, exit codes, what it says of a settings file, reload, stop. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <glib/gstdio.h>
#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include "config/settings.h"

static char *dir, *conf;

static void write_settings(const char *more)
{
    g_autofree char *text = g_strdup_printf(
        "general: { domain = \"test.example\"; state_dir = \"%s\"; workers = 1; picture_threads = 1; pin_workers = false; };\n"
        "sip: { listeners = ( { transport = \"udp\"; address = \"127.0.0.1\"; port = 0; },\n"
        "                     { transport = \"tcp\"; address = \"127.0.0.1\"; port = 0; } ); };\n"
        "media: { address4 = \"127.0.0.1\"; address6 = \"::1\"; port_min = 20300; port_max = 20399; };\n"
        "api: { listen = [\"127.0.0.1:0\"]; };\n%s\n", dir, more);
    g_assert_true(g_file_set_contents(conf, text, -1, NULL));
    g_chmod(conf, 0600);
}

typedef struct Result {
    int code;
    char *out, *err;
} Result;

static void result_clear(Result *r)
{
    g_free(r->out);
    g_free(r->err);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Result, result_clear)

static Result run(const char *one, ...)
{
    Result r = {0};
    int status;
    va_list args;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_ptr_array_add(argv, (char *)g_getenv("MEDIAD"));
    va_start(args, one);
    for (const char *a = one; a; a = va_arg(args, const char *))
        g_ptr_array_add(argv, (char *)a);
    va_end(args);
    g_ptr_array_add(argv, NULL);
    g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_DEFAULT, NULL, NULL, &r.out, &r.err, &status, &error);
    g_assert_no_error(error);
    g_assert_true(WIFEXITED(status));
    r.code = WEXITSTATUS(status);
    return r;
}

static void test_usage(void)
{
    g_auto(Result) version = run("--version", NULL);
    g_assert_cmpint(version.code, ==, 0);
    g_assert_cmpstr(version.out, ==, "mediad " MEDIAD_VERSION "\n");
    g_auto(Result) nothing = run(NULL);
    g_assert_cmpint(nothing.code, ==, 2);
    g_assert_nonnull(strstr(nothing.err, "--config"));
    g_auto(Result) wrong = run("--confg", "x", NULL);
    g_assert_cmpint(wrong.code, ==, 2);
    g_assert_nonnull(strstr(wrong.err, "--confg"));
    g_auto(Result) absent = run("--config", "/nowhere/mediad.conf", NULL);
    g_assert_cmpint(absent.code, ==, 1);
    g_assert_nonnull(strstr(absent.err, "/nowhere/mediad.conf"));
}

static void test_check(void)
{
    write_settings("");
    g_auto(Result) good = run("--config", conf, "--check", NULL);
    g_assert_cmpint(good.code, ==, 0);
    write_settings("log: {\n  levle = \"debug\";\n};\nmedia2 = 1;");
    g_auto(Result) bad = run("--config", conf, "--check", NULL);
    g_assert_cmpint(bad.code, ==, 1);
    g_autofree char *first = g_strdup_printf("%s:7: log.levle: unknown setting; did you mean \"level\"?", conf);
    g_assert_nonnull(strstr(bad.err, first));
    g_assert_nonnull(strstr(bad.err, ":9: media2: unknown setting; did you mean \"media\"?"));
    for (unsigned i = 0; i < 2; i++) {
        const char *name = i ? "hatinh.conf" : "mediad.conf";
        g_autofree char *sample = g_build_filename(g_getenv("MEDIAD_SOURCE_ROOT"), "deploy", "samples", name, NULL);
        g_auto(Result) r = run("--config", sample, "--check", NULL);
        g_assert_cmpstr(r.err, ==, "");
        g_assert_cmpint(r.code, ==, 0);
    }
}

static void test_print_config(void)
{
    write_settings("rooms = ( { name = \"a\"; pin = \"918273\"; } );");
    g_auto(Result) r = run("--config", conf, "--print-config", NULL);
    g_assert_cmpint(r.code, ==, 0);
    g_assert_null(strstr(r.out, "918273"));
    g_autoptr(GError) error = NULL;
    g_autoptr(CfgSettings) given = cfg_load(conf, &error);
    g_assert_no_error(error);
    g_autoptr(CfgSettings) printed = cfg_parse(r.out, "printed", &error);
    g_assert_no_error(error);
    g_autoptr(GPtrArray) changes = cfg_diff(given, printed);
    g_autofree char *told = cfg_diff_to_string(changes);
    g_assert_cmpstr(told, ==, "changed: rooms.a.pin");
}

static void test_reset_second_factor(void)
{
    g_autofree char *database = g_build_filename(dir, "mediad.sqlite", NULL);
    write_settings("");
    g_auto(Result) r = run("--config", conf, "--reset-second-factor", "root", NULL);
    g_assert_cmpint(r.code, ==, 1);
    g_assert_nonnull(strstr(r.err, "there is no database"));
    g_assert_false(g_file_test(database, G_FILE_TEST_EXISTS));
}

/* --- the running daemon, followed by its log --- */

typedef struct Daemon {
    GPid pid;
    GDataInputStream *log;
} Daemon;

static Daemon daemon_start(void)
{
    Daemon d;
    int err;
    const char *argv[] = {g_getenv("MEDIAD"), "--config", conf, NULL};
    g_autoptr(GError) error = NULL;
    g_spawn_async_with_pipes(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, &d.pid,
                             NULL, NULL, &err, &error);
    g_assert_no_error(error);
    g_autoptr(GInputStream) stream = g_unix_input_stream_new(err, TRUE);
    d.log = g_data_input_stream_new(stream);
    return d;
}

/* Reads on until a line holds text; the harness' limit ends a wait in vain. */
static void await(Daemon *d, const char *text)
{
    for (;;) {
        g_autofree char *line = g_data_input_stream_read_line(d->log, NULL, NULL, NULL);
        if (!line)
            g_error("mediad ended before it said \"%s\"", text);
        g_test_message("%s", line);
        if (strstr(line, text))
            return;
    }
}

static int daemon_stop(Daemon *d)
{
    int status;
    kill(d->pid, SIGTERM);
    await(d, "has stopped");
    for (;;) { /* its sanitizer's words, if any */
        g_autofree char *line = g_data_input_stream_read_line(d->log, NULL, NULL, NULL);
        if (!line)
            break;
        g_test_message("%s", line);
    }
    while (waitpid(d->pid, &status, 0) < 0 && errno == EINTR)
        ;
    g_clear_object(&d->log);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void test_reload(void)
{
    write_settings("");
    Daemon d = daemon_start();
    await(&d, "is ready");
    write_settings("log: { level = \"debug\"; };\nrooms = ( { name = \"moi\"; title = \"Phòng mới\"; } );\nsip2: {};");
    kill(d.pid, SIGHUP);
    await(&d, "sip2: unknown setting");
    write_settings("log: { level = \"notice\"; };\nrooms = ( { name = \"moi\"; title = \"Phòng mới\"; } );\n"
                   "conference: { rooms_max = 7; };");
    kill(d.pid, SIGHUP);
    await(&d, "settings reloaded: changed: log.level, rooms.moi (new); needs a restart: conference.rooms_max");
    kill(d.pid, SIGHUP);
    await(&d, "settings reloaded: nothing changed");
    g_assert_cmpint(daemon_stop(&d), ==, 0);
}

/* What was kept at the first start is there at the second one. */
static void test_stop_and_start(void)
{
    write_settings("sites = ( { account = \"site-1\"; name = \"Một\"; } );");
    for (int i = 0; i < 2; i++) {
        Daemon d = daemon_start();
        await(&d, "is ready");
        g_assert_cmpint(daemon_stop(&d), ==, 0);
        g_autofree char *credentials = g_build_filename(dir, "credentials.csv", NULL);
        g_autofree char *text = NULL;
        g_assert_true(g_file_get_contents(credentials, &text, NULL, NULL));
        g_assert_true(g_regex_match_simple("^site-1,test\\.example,[^,\n]{12,}\n$", text, 0, 0)); /* made once */
        GStatBuf st;
        g_assert_cmpint(g_stat(credentials, &st), ==, 0);
        g_assert_cmpint(st.st_mode & 0777, ==, 0600);
    }
    g_auto(Result) r = run("--config", conf, "--reset-second-factor", "nobody", NULL);
    g_assert_cmpint(r.code, ==, 1);
    g_assert_nonnull(strstr(r.err, "there is no account 'nobody'")); /* its database opens, and has nobody */
}

static void remove_tree(const char *path)
{
    g_autoptr(GDir) entries = g_dir_open(path, 0, NULL);
    for (const char *name; entries && (name = g_dir_read_name(entries));) {
        g_autofree char *full = g_build_filename(path, name, NULL);
        remove_tree(full);
    }
    g_remove(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("mediad-XXXXXX", NULL);
    conf = g_build_filename(dir, "mediad.conf", NULL);
    g_test_add_func("/daemon/command-line/usage", test_usage);
    g_test_add_func("/daemon/command-line/check", test_check);
    g_test_add_func("/daemon/command-line/print-config", test_print_config);
    g_test_add_func("/daemon/command-line/reset-second-factor", test_reset_second_factor);
    g_test_add_func("/daemon/command-line/reload", test_reload);
    g_test_add_func("/daemon/command-line/stop-and-start", test_stop_and_start);
    int result = g_test_run();
    remove_tree(dir);
    g_free(conf);
    g_free(dir);
    return result;
}
