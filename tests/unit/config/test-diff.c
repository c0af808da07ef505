/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/settings.h"

static CfgSettings *parse(const char *text)
{
    GError *error = NULL;
    g_autofree char *all = g_strconcat("general: { domain = \"x.vn\"; };\n", text, NULL);
    CfgSettings *s = cfg_parse(all, "t", &error);
    g_assert_no_error(error);
    return s;
}

static void expect(const char *before, const char *after, const char *told)
{
    g_autoptr(CfgSettings) a = parse(before);
    g_autoptr(CfgSettings) b = parse(after);
    g_autoptr(GPtrArray) changes = cfg_diff(a, b);
    g_autofree char *text = cfg_diff_to_string(changes);
    g_assert_cmpstr(text, ==, told);
}

static void test_diff(void)
{
    expect("", "", "nothing changed");
    expect("", "media: { security = \"off\"; };", "changed: media.security");
    expect("", "sip: { t1_ms = 100; };", "needs a restart: sip.t1_ms");
    expect("", "sip: { t1_ms = 100; allow_guests = true; };\nvideo: { font = \"Sans\"; };",
           "changed: video.font; needs a restart: sip.t1_ms, sip.allow_guests");
    expect("media: { audio_codecs = [\"opus\"]; };", "media: { audio_codecs = [\"opus\", \"pcma\"]; };", "changed: media.audio_codecs");
    expect("", "broadcast: { tts_command = [\"say\"]; };", "changed: broadcast.tts_command");
    /* elements are known by name, wherever they stand */
    expect("rooms = ( { name = \"a\"; }, { name = \"b\"; title = \"B\"; } );", "rooms = ( { name = \"b\"; title = \"B\"; }, { name = \"a\"; } );",
           "nothing changed");
    expect("rooms = ( { name = \"a\"; }, { name = \"b\"; } );", "rooms = ( { name = \"c\"; }, { name = \"b\"; pin = \"1234\"; } );",
           "changed: rooms.a (gone), rooms.c (new), rooms.b.pin");
    expect("sip: { listeners = ( { port = 1; } ); };", "sip: { listeners = ( { port = 2; }, { port = 3; } ); };",
           "needs a restart: sip.listeners.0.port, sip.listeners.1 (new)");
}

static void test_kinds(void)
{
    g_autoptr(CfgSettings) a = parse("areas = ( { code = \"1\"; name = \"A\"; } );");
    g_autoptr(CfgSettings) b = parse("api: { session_lifetime_s = 600; };");
    g_autoptr(GPtrArray) changes = cfg_diff(a, b);
    g_assert_cmpuint(changes->len, ==, 2);
    const CfgChange *gone = changes->pdata[0], *changed = changes->pdata[1];
    g_assert_cmpstr(gone->key, ==, "areas.1");
    g_assert_cmpint(gone->kind, ==, CFG_REMOVED);
    g_assert_false(gone->restart);
    g_assert_cmpstr(changed->key, ==, "api.session_lifetime_s");
    g_assert_cmpint(changed->kind, ==, CFG_CHANGED);
    g_assert_true(changed->restart);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/diff/diff", test_diff);
    g_test_add_func("/config/diff/kinds", test_kinds);
    return g_test_run();
}
