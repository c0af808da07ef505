/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "config/table.h"

static const char full[] =
    "general: { domain = \"x.vn\"; aliases = [\"y.vn\"]; };\n"
    "media: { address6 = \"2001:db8::1\"; audio_codecs = [\"pcma\", \"opus\"]; video_codecs = []; };\n"
    "rooms = ( { name = \"a\"; title = \"Họp \\\"kín\\\" \\\\ 1\"; pin = \"12345678\"; chair_pin = \"87654321\"; } );\n"
    "areas = ( { code = \"1\"; name = \"A\"; lat = 18.5; lon = 106.0; } );\n"
    "broadcast: { loudness_lufs = -23.5; };\n";

static void test_round_trip(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CfgSettings) s = cfg_parse(full, "t", &error);
    g_assert_no_error(error);
    g_autofree char *text = cfg_print(s);
    g_autoptr(CfgSettings) again = cfg_parse(text, "printed", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(again->rooms[0].title, ==, "Họp \"kín\" \\ 1");
    g_assert_cmpuint(again->media.n_video_codecs, ==, 0);
    g_autoptr(GPtrArray) changes = cfg_diff(s, again);
    g_autofree char *told = cfg_diff_to_string(changes);
    g_assert_cmpstr(told, ==, "changed: rooms.a.pin, rooms.a.chair_pin"); /* kept back, and nothing else */
    g_autofree char *twice = cfg_print(again);
    g_assert_cmpstr(twice, ==, text);
}

static void test_no_secrets(void)
{
    g_autoptr(CfgSettings) s = cfg_parse(full, "t", NULL);
    g_autofree char *text = cfg_print(s);
    g_assert_null(strstr(text, "12345678"));
    g_assert_null(strstr(text, "87654321"));
}

static const char *value_of(GPtrArray *entries, const char *key, bool *ret_set)
{
    for (unsigned i = 0; i < entries->len; i++) {
        const CfgEntry *entry = entries->pdata[i];
        if (strcmp(entry->key, key) == 0) {
            *ret_set = entry->set;
            return entry->value;
        }
    }
    g_assert_not_reached();
}

/* What is shown over the network: no key, no password in an address. */
static void test_entries_hide(void)
{
    g_autoptr(GError) error = NULL;
    bool set = false;
    g_autoptr(CfgSettings) s = cfg_parse("general = { domain = \"t.vn\"; state_dir = \"/tmp\"; };\n"
                                         "store = { uri = \"postgresql://mediad:mat-khau@db.example.vn/mediad\"; };\n"
                                         "broadcast = { listen_key = \"9f2c7a51e0b84d36\"; tts_url = \"http://ai:a:b@127.0.0.1:5002/api\"; };\n", "t", &error);
    g_assert_no_error(error);
    g_autoptr(GPtrArray) entries = cfg_entries(s);
    g_assert_cmpstr(value_of(entries, "store.uri", &set), ==, "\"postgresql://mediad:***@db.example.vn/mediad\"");
    g_assert_cmpstr(value_of(entries, "broadcast.tts_url", &set), ==, "\"http://ai:***@127.0.0.1:5002/api\"");
    g_assert_null(value_of(entries, "broadcast.listen_key", &set));
    g_assert_true(set);
    g_autofree char *text = cfg_print(s);
    g_assert_null(strstr(text, "9f2c7a51e0b84d36"));
}

/* Every key of the table is explained in what is made from it. */
static void each_key(const CfgSection *section, const char *sample, const char *man)
{
    for (unsigned i = 0; i < section->n_keys; i++) {
        const CfgKey *key = &section->keys[i];
        g_autofree char *line = g_strdup_printf("%s%s", key->name, key->type == CFG_TYPE_GROUP ? ":" : " = ");
        g_assert_nonnull(strstr(sample, line));
        g_assert_nonnull(strcasestr(man, key->name));
        g_assert_cmpuint(strlen(key->help), >=, 5);
        g_assert_true(g_str_has_suffix(key->help, "."));
        if (key->flags & CFG_REQUIRED)
            g_assert_true(key->example && !key->fallback);
        if (key->section)
            each_key(key->section, sample, man);
    }
}

static void test_complete(void)
{
    g_autofree char *sample = cfg_sample(), *man = cfg_man_page();
    each_key(&cfg_root, sample, man);
}

/* The sample is a valid file, and says the defaults: with every comment mark before a setting taken away it means the same. */
static void test_sample_is_true(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *sample = cfg_sample();
    g_autoptr(CfgSettings) plain = cfg_parse(sample, "sample", &error);
    g_assert_no_error(error);
    GString *open = g_string_new(NULL);
    g_auto(GStrv) lines = g_strsplit(sample, "\n", -1);
    for (char **l = lines; *l; l++) {
        const char *text = *l + strspn(*l, " ");
        bool setting = g_regex_match_simple("^# [a-z0-9_]+ = [^(}]*;$", text, 0, 0);
        bool unset = setting && plain && g_regex_match_simple("address|advertised|tls_|listen_key|content_dir|console_dir|uri|tts_url|centres_file|trust_dir|inbox_|broker_host|media_base|live_host|live_group|tables_file|central_|stun_host|relay_host|relay_username|relay_password|turn_secret_file|^# dir ", text, 0, 0);
        bool inner = (*l)[0] == '#';
        g_string_append_printf(open, "%s\n", setting && !unset && !inner ? text + 2 : *l);
    }
    g_autoptr(CfgSettings) opened = cfg_parse(open->str, "opened", &error);
    g_assert_no_error(error);
    g_autoptr(GPtrArray) changes = cfg_diff(plain, opened);
    g_autofree char *told = cfg_diff_to_string(changes);
    g_assert_cmpstr(told, ==, "nothing changed");
    g_string_free(open, TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/print/round-trip", test_round_trip);
    g_test_add_func("/config/print/no-secrets", test_no_secrets);
    g_test_add_func("/config/print/entries-hide", test_entries_hide);
    g_test_add_func("/config/print/complete", test_complete);
    g_test_add_func("/config/print/sample-is-true", test_sample_is_true);
    return g_test_run();
}
