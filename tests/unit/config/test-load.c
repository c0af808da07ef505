/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gstdio.h>
#include <string.h>
#include "config/settings.h"

#define DOMAIN "general: { domain = \"hop.example.vn\"; };\n"

static CfgSettings *good(const char *text)
{
    GError *error = NULL;
    CfgSettings *s = cfg_parse(text, "t.conf", &error);
    g_assert_no_error(error);
    g_assert_nonnull(s);
    return s;
}

/* The whole message, so that file, line, range and advice are all seen. */
static void bad(const char *text, int code, const char *message)
{
    GError *error = NULL;
    g_assert_null(cfg_parse(text, "t.conf", &error));
    g_assert_error(error, CFG_ERROR, code);
    g_assert_cmpstr(error->message, ==, message);
    g_error_free(error);
}

static void test_defaults(void)
{
    g_autoptr(CfgSettings) s = good(DOMAIN);
    g_assert_cmpstr(s->general.domain, ==, "hop.example.vn");
    g_assert_cmpstr(s->general.timezone, ==, "Asia/Ho_Chi_Minh");
    g_assert_cmpstr(s->general.language, ==, "vi");
    g_assert_true(s->general.pin_workers);
    g_assert_cmpint(s->general.picture_nice, ==, 5);
    g_assert_nonnull(s->general.aliases);
    g_assert_null(s->general.aliases[0]);
    g_assert_cmpint(s->log.level, ==, MD_LOG_INFO);
    g_assert_cmpuint(s->sip.n_listeners, ==, 6);
    g_assert_cmpint(s->sip.listeners[2].transport, ==, CFG_TLS);
    g_assert_cmpuint(s->sip.listeners[2].port, ==, 5061);
    g_assert_cmpstr(s->sip.listeners[3].address, ==, "::");
    g_assert_cmpuint(s->sip.listeners[3].n_digests, ==, 1);
    g_assert_cmpint(s->sip.listeners[3].digests[0], ==, CFG_DIGEST_MD5);
    g_assert_cmpint(s->sip.listeners[3].security, ==, MD_SECURITY_PREFERRED);
    g_assert_cmpuint(s->media.n_audio_codecs, ==, 4);
    g_assert_cmpint(s->media.audio_codecs[0], ==, MD_AUDIO_OPUS);
    g_assert_cmpint(s->media.audio_codecs[2], ==, MD_AUDIO_PCMA);
    g_assert_cmpint(s->media.video_codecs[1], ==, MD_VIDEO_VP8);
    g_assert_cmpuint(s->video.n_classes, ==, 3);
    g_assert_cmpuint(s->video.classes[2].width, ==, 640);
    g_assert_cmpstr(s->video.max_class, ==, "720p");
    g_assert_cmpfloat(s->broadcast.loudness_lufs, ==, -16.0);
    g_assert_cmpstr(s->broadcast.tts_command[0], ==, "espeak-ng");
    g_assert_cmpstr(s->broadcast.tts_command[4], ==, "--stdout");
    g_assert_cmpstr(s->api.listen[1], ==, "[::]:8443");
    g_assert_null(s->store.uri);
    g_assert_cmpstr(s->province.name, ==, "Hà Tĩnh");
    g_assert_cmpuint(s->n_rooms + s->n_areas + s->n_sites + s->n_trunks, ==, 0);
    g_assert_null(s->warnings[0]);
    g_assert_null(s->path);
}

static void test_values(void)
{
    g_autoptr(CfgSettings) s = good(
        DOMAIN
        "log: { level = \"Warning\"; topics = ( { topic = \"sip\"; level = \"debug\"; } ); };\n"
        "sip: { t1_ms = 200; allow_guests = true;\n"
        "  listeners = ( { transport = \"tcp\"; address = \"::1\"; port = 0; trusted = [\"10.0.0.0/8\", \"::1\"];\n"
        "                  digests = [\"sha256\", \"md5\"]; security = \"required\"; } ); };\n"
        "areas = ( { code = \"18073\"; name = \"Phường Thành Sen\"; kind = \"phuong\"; lat = 18.3419; lon = 105.9029; },\n"
        "          { code = \"18073.1\"; name = \"Thôn 1\"; kind = \"thon\"; parent = \"18073\"; } );\n"
        "sites = ( { account = \"site-18073\"; name = \"Thành Sen\"; area = \"18073\"; security = \"off\"; },\n"
        "          { account = \"loa-1\"; name = \"Loa\"; kind = \"loudspeaker\"; } );\n"
        "rooms = ( { name = \"giao-ban\"; pin = \"4821\"; dial = [\"*\", \"sip:a@b\"]; } );\n"
        "broadcast: { loudness_lufs = -23; frame_ms = 60; };\n");
    g_assert_cmpint(s->log.level, ==, MD_LOG_WARNING);
    g_assert_cmpstr(s->log.topics[0].topic, ==, "sip");
    g_assert_cmpint(s->log.topics[0].level, ==, MD_LOG_DEBUG);
    g_assert_cmpuint(s->sip.t1_ms, ==, 200);
    g_assert_true(s->sip.allow_guests);
    g_assert_cmpuint(s->sip.n_listeners, ==, 1);
    g_assert_cmpstr(s->sip.listeners[0].trusted[1], ==, "::1");
    g_assert_null(s->sip.listeners[0].trusted[2]);
    g_assert_cmpint(s->sip.listeners[0].digests[0], ==, CFG_DIGEST_SHA256);
    g_assert_cmpfloat_with_epsilon(s->areas[0].lat, 18.3419, 1e-9);
    g_assert_cmpstr(s->areas[1].parent, ==, "18073");
    g_assert_cmpint(s->sites[0].security, ==, MD_SECURITY_OFF);
    g_assert_cmpint(s->sites[1].security, ==, MD_SECURITY_INVALID);
    g_assert_cmpstr(s->sites[1].kind, ==, "loudspeaker");
    g_assert_cmpstr(s->rooms[0].pin, ==, "4821");
    g_assert_cmpstr(s->rooms[0].dial[1], ==, "sip:a@b");
    g_assert_cmpfloat(s->broadcast.loudness_lufs, ==, -23.0);
}

static void test_faults(void)
{
    bad("general: {\n  domain = ;\n};\n", CFG_ERROR_SYNTAX,
        "t.conf:2: syntax error; settings look like \"name = value;\", see mediad.conf(5)");
    bad("", CFG_ERROR_INVALID, "t.conf: general.domain: is missing and has no default; for instance: domain = \"hop.example.vn\";");
    bad(DOMAIN "sip: {\n  t1_ms = 5;\n};\n", CFG_ERROR_INVALID,
        "t.conf:3: sip.t1_ms: must be a whole number, 50 to 5000 milliseconds (default: 500)");
    bad(DOMAIN "sip: { t1_ms = 99999999999L; };\n", CFG_ERROR_INVALID,
        "t.conf:2: sip.t1_ms: must be a whole number, 50 to 5000 milliseconds (default: 500)");
    bad(DOMAIN "sip: { t1_ms = 500.5; };\n", CFG_ERROR_INVALID,
        "t.conf:2: sip.t1_ms: must be a whole number, 50 to 5000 milliseconds (default: 500)");
    bad(DOMAIN "sip: { t1_ms = \"500\"; };\n", CFG_ERROR_INVALID,
        "t.conf:2: sip.t1_ms: must be a whole number, 50 to 5000 milliseconds (default: 500)");
    bad(DOMAIN "sip: { allow_guest = true; };\n", CFG_ERROR_INVALID,
        "t.conf:2: sip.allow_guest: unknown setting; did you mean \"allow_guests\"?");
    bad(DOMAIN "quite_other = 1;\n", CFG_ERROR_INVALID, "t.conf:2: quite_other: unknown setting; see mediad.conf(5)");
    bad(DOMAIN "media: { security = \"prefered\"; };\n", CFG_ERROR_INVALID,
        "t.conf:2: media.security: \"prefered\" is unknown; did you mean \"preferred\"?");
    bad(DOMAIN "media: { security = 1; };\n", CFG_ERROR_INVALID,
        "t.conf:2: media.security: must be one of \"off\", \"preferred\", \"required\" (default: \"preferred\")");
    bad(DOMAIN "media: { audio_codecs = [\"opus\", \"opus\"]; };\n", CFG_ERROR_INVALID,
        "t.conf:2: media.audio_codecs: \"opus\" stands here twice");
    bad(DOMAIN "media: { audio_codecs = []; };\n", CFG_ERROR_INVALID,
        "t.conf:2: media.audio_codecs: must be a list of 1 to 4 of \"opus\", \"g722\", \"pcma\", \"pcmu\" "
        "(default: [\"opus\", \"g722\", \"pcma\", \"pcmu\"])");
    bad(DOMAIN "sip = 5;\n", CFG_ERROR_INVALID, "t.conf:2: sip: must be a group: sip: { ... };");
    bad(DOMAIN "rooms = ( 5 );\n", CFG_ERROR_INVALID, "t.conf:2: rooms[0]: must be a group: { ... }");
    bad(DOMAIN "rooms = (\n {name=\"a\";},\n {name=\"a\";});\n", CFG_ERROR_INVALID,
        "t.conf:4: rooms[1]: name \"a\" stands in this list twice");
    bad(DOMAIN "rooms = ({name=\"Họp\";});\n", CFG_ERROR_INVALID,
        "t.conf:2: rooms[0].name: \"Họp\" must be small letters, digits, \".\", \"_\" and \"-\"");
    bad(DOMAIN "rooms = ({name=\"a\"; pin=\"12x4\";});\n", CFG_ERROR_INVALID, "t.conf:2: rooms[0].pin: must be 4 to 16 digits");
    bad(DOMAIN "rooms = ({name=\"a\"; title=\"\xff\";});\n", CFG_ERROR_INVALID,
        "t.conf:2: rooms[0].title: must be UTF-8 text without control characters");
    /* several at once, in the file's order of the table */
    bad("general: { domain = \"x\"; workers = 65; };\nstore: { uri = \"rel\"; };\n", CFG_ERROR_INVALID,
        "t.conf:1: general.workers: must be a whole number, 0 to 64 threads (default: 0)\n"
        "t.conf:2: store.uri: \"rel\" must be an absolute path or postgresql://...");
}

static void test_many_faults_are_bounded(void)
{
    GString *text = g_string_new(DOMAIN);
    g_autoptr(GError) error = NULL;
    for (int i = 0; i < 100; i++)
        g_string_append_printf(text, "nonsense%d = 1;\n", i);
    g_assert_null(cfg_parse(text->str, "t.conf", &error));
    g_auto(GStrv) lines = g_strsplit(error->message, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 26);
    g_assert_cmpstr(lines[25], ==, "t.conf: and 75 more");
    g_string_free(text, TRUE);
}

static void test_files(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = g_dir_make_tmp("cfg-XXXXXX", NULL);
    g_autofree char *main_path = g_build_filename(dir, "mediad.conf", NULL), *part = g_build_filename(dir, "rooms.conf", NULL);
    g_assert_null(cfg_load(main_path, &error));
    g_assert_error(error, CFG_ERROR, CFG_ERROR_READ);
    g_assert_nonnull(strstr(error->message, main_path));
    g_clear_error(&error);
    g_assert_true(g_file_set_contents(part, "rooms = (\n{ name = \"a\"; pin = \"1234\"; layout = \"3x4\"; });\n", -1, NULL));
    g_assert_true(g_file_set_contents(main_path, DOMAIN "@include \"rooms.conf\"\n", -1, NULL));
    g_assert_null(cfg_load(main_path, &error));
    g_assert_nonnull(strstr(error->message, "rooms.conf:2: rooms[0].layout: \"3x4\" is unknown"));
    g_clear_error(&error);
    g_assert_true(g_file_set_contents(part, "rooms = (\n{ name = \"a\"; pin = \"1234\"; });\n", -1, NULL));
    g_chmod(main_path, 0644);
    CfgSettings *s = cfg_load(main_path, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(s->path, ==, main_path);
    g_assert_cmpstr(s->warnings[0], ==, "the file holds PINs and everybody on this machine can read it: chmod o-r");
    g_assert_true(cfg_ref(s) == s);
    cfg_free(s);
    g_assert_cmpstr(s->rooms[0].name, ==, "a"); /* one reference is left */
    cfg_free(s);
    cfg_free(NULL);
    g_assert_true(g_file_set_contents(main_path, "a\0b", 3, NULL));
    g_assert_null(cfg_load(main_path, &error));
    g_assert_error(error, CFG_ERROR, CFG_ERROR_READ);
    g_unlink(main_path);
    g_unlink(part);
    g_rmdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/load/defaults", test_defaults);
    g_test_add_func("/config/load/values", test_values);
    g_test_add_func("/config/load/faults", test_faults);
    g_test_add_func("/config/load/many-faults-are-bounded", test_many_faults_are_bounded);
    g_test_add_func("/config/load/files", test_files);
    return g_test_run();
}
