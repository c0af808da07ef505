/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gstdio.h>
#include "config/settings.h"

static CfgSettings *parse(const char *log)
{
    GError *error = NULL;
    g_autofree char *text = g_strdup_printf("general: { domain = \"x\"; }; log: { %s };", log);
    CfgSettings *s = cfg_parse(text, "t", &error);
    g_assert_no_error(error);
    return s;
}

static void test_log(void)
{
    MdLog *log = md_log_new();
    MdLogger sip = md_logger(log, "sip/guard"), api = md_logger(log, "api");
    g_autoptr(CfgSettings) a = parse("level = \"notice\"; topics = ( { topic = \"sip\"; level = \"debug\"; } );");
    g_autoptr(CfgSettings) b = parse("topics = ( { topic = \"api\"; level = \"error\"; } );");
    cfg_apply_log(a, NULL, log);
    g_assert_true(md_log_enabled(&sip, MD_LOG_DEBUG));
    g_assert_true(md_log_enabled(&api, MD_LOG_NOTICE));
    g_assert_false(md_log_enabled(&api, MD_LOG_INFO));
    cfg_apply_log(b, a, log);
    g_assert_false(md_log_enabled(&sip, MD_LOG_DEBUG));
    g_assert_true(md_log_enabled(&sip, MD_LOG_INFO));
    g_assert_false(md_log_enabled(&api, MD_LOG_WARNING));
    md_log_free(log);
}

static void test_secret(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = g_dir_make_tmp("secret-XXXXXX", NULL), *path = g_build_filename(dir, "p", NULL);
    g_assert_null(cfg_read_secret(path, &error));
    g_assert_error(error, CFG_ERROR, CFG_ERROR_READ);
    g_clear_error(&error);
    g_assert_true(g_file_set_contents(path, "mật khẩu 1\r\nmore\n", -1, NULL));
    g_autofree char *secret = cfg_read_secret(path, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(secret, ==, "mật khẩu 1");
    g_assert_true(g_file_set_contents(path, "\nmore\n", -1, NULL));
    g_assert_null(cfg_read_secret(path, &error));
    g_assert_error(error, CFG_ERROR, CFG_ERROR_READ);
    g_unlink(path);
    g_rmdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/apply/log", test_log);
    g_test_add_func("/config/apply/secret", test_secret);
    return g_test_run();
}
