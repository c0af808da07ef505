/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules for texts, and rules between settings, each with one text that breaks it. */
#include <string.h>
#include "config/settings.h"

#define DOMAIN "general: { domain = \"x.vn\"; };\n"

static const struct {
    const char *text, *complaint;
} cases[] = {
    {"sip: { expires_min_s = 3600; expires_max_s = 3600; expires_default_s = 60; };", "t:2: sip.expires_default_s: 60 must lie between"},
    {"sip: { session_expires_s = 90; min_se_s = 100; };", "t:2: sip.session_expires_s: 90 must not be below"},
    {"sip: { calls_max = 10; calls_in_max = 11; };", "t:2: sip.calls_in_max: 11 must not exceed"},
    {"sip: { calls_max = 10; };", "t:2: sip.calls_in_max: 1000 must not exceed"},
    {"sip: { tls_key = \"/k\"; };", "sip.tls_key: certificate and key go together"},
    {"sip: { listeners = ( { port = 5060; }, { port = 5060; transport = \"tcp\"; },\n { port = 5060; transport = \"tls\"; } ); };",
     "t:3: sip.listeners[2].port: 5060 is taken"},
    {"media: { port_min = 10001; port_max = 20000; };", "t:2: media.port_min: 10001 must be even"},
    {"media: { port_min = 10000; port_max = 10002; };", "t:2: media.port_max: 10002 must be at least media.port_min + 3 (10003)"},
    {"media: { jitter_min_ms = 300; jitter_max_ms = 200; };", "media.jitter_max_ms: 200 must not be below"},
    {"media: { address4 = \"::1\"; };", "t:2: media.address4: \"::1\" must be a numeric IPv4 address"},
    {"media: { address4 = \"10.0.0.256\"; };", "must be a numeric IPv4 address"},
    {"media: { address6 = \"[::1]\"; };", "must be a numeric IPv6 address, without brackets"},
    {"video: { max_class = \"480p\"; };", "video.max_class: \"480p\" is none of video.classes"},
    {"video: { classes = ( { name = \"720p\"; width = 1281; } ); };", "video.classes[0].width: 1281 x 720: width and height must be even"},
    {"broadcast: { frame_ms = 30; };", "broadcast.frame_ms: 30 must be 20, 40 or 60"},
    {"broadcast: { port = 5; };", "broadcast.port: 5 must be even"},
    {"broadcast: { loudness_lufs = -40.0; };", "broadcast.loudness_lufs: must be a number, -31 to -5 LUFS"},
    {"api: { allow_http = true; };", "api.allow_http: plain HTTP is for loopback only, but api.listen has \"0.0.0.0:8443\""},
    {"api: { listen = [\"localhost:80\"]; };", "api.listen: \"localhost:80\" must be an address and port"},
    {"api: { listen = [\"::1:80\"]; };", "must be an address and port"},
    {"api: { listen = [\"[::1]:65536\"]; };", "must be an address and port"},
    {"api: { tls_certificate = \"/c\"; };", "api.tls_certificate: certificate and key go together"},
    {"areas = ( { code = \"1\"; name = \"A\"; parent = \"2\"; }, { code = \"2\"; name = \"B\"; } );",
     "areas[0].parent: no area \"2\" was named before this one"},
    {"sites = ( { account = \"a\"; name = \"A\"; area = \"9\"; } );", "sites[0].area: there is no area \"9\""},
    {"sites = ( { account = \"a b\"; name = \"A\"; } );", "sites[0].account: \"a b\" must be letters, digits"},
    {"sites = ( { account = \"giao-ban\"; name = \"A\"; } ); rooms = ( { name = \"giao-ban\"; } );",
     "rooms[0].name: \"giao-ban\" is an account under sites already"},
    {"rooms = ( { name = \"echo\"; } );", "must be other than echo and test"},
    {"rooms = ( { name = \"a\"; pin = \"1111\"; chair_pin = \"1111\"; } );", "rooms[0].chair_pin: must differ from pin"},
    {"rooms = ( { name = \"a\"; pin = \"123\"; } );", "rooms[0].pin: must be text of 4 to 16 bytes"},
    {"rooms = ( { name = \"a\"; dial = [\"a b\"]; } );", "rooms[0].dial: \"a b\" must be an account, a SIP address or \"*\""},
    {"trunks = ( { name = \"t\"; proxy = \"10.0.0.1\"; } );", "trunks[0].proxy: \"10.0.0.1\" must be a SIP address"},
    {"trunks = ( { name = \"t\"; proxy = \"sip:a\"; username = \"u\"; } );", "trunks[0].username: username and password_file go together"},
    {"conference: { redial_first_s = 100; redial_max_s = 50; };", "conference.redial_max_s: 50 must not be below"},
    {"sip: { listeners = ( { address = \"localhost\"; } ); };", "must be a numeric IPv4 or IPv6 address"},
    {"sip: { listeners = ( { trusted = [\"10.0.0.0/33\"]; } ); };", "must be a numeric address or a block"},
    {"sip: { listeners = ( { trusted = [\"::/129\"]; } ); };", "must be a numeric address or a block"},
    {"sip: { listeners = (); };", "sip.listeners: must be a list of 1 to 64 groups"},
    {"store: { uri = \"http://x\"; };", "must be an absolute path or postgresql://"},
    {"log: { topics = ( { topic = \"a b\"; } ); };", "must be a path such as"},
};

static void test_each_rule(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = g_strconcat(DOMAIN, cases[i].text, "\n", NULL);
        CfgSettings *s = cfg_parse(text, "t", &error);
        g_test_message("%s\n-> %s", cases[i].text, error ? error->message : "accepted");
        g_assert_null(s);
        g_assert_error(error, CFG_ERROR, CFG_ERROR_INVALID);
        g_assert_nonnull(strstr(error->message, cases[i].complaint));
        g_assert_null(strchr(error->message, '\n')); /* one cause, one line */
    }
}

static void test_timezone(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(cfg_parse("general: { domain = \"x\"; timezone = \"Asia/Vinh\"; };", "t", &error));
    g_assert_nonnull(strstr(error->message, "\"Asia/Vinh\" must be a time zone name such as \"Asia/Ho_Chi_Minh\""));
}

static void test_lawful_but_unwise(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CfgSettings) s = cfg_parse(DOMAIN "sip: { listeners = ( { trusted = [\"0.0.0.0/0\"]; } ); };\n"
                                                "rooms = ( { name = \"a\"; wait_for_chair = true; } );", "t", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(g_strv_length(s->warnings), ==, 2);
    g_assert_true(g_str_has_prefix(s->warnings[0], "sip.listeners[0].trusted: everybody is trusted here"));
    g_assert_true(g_str_has_prefix(s->warnings[1], "rooms[0]"));
}

/* The same port is fine on different addresses, and for UDP beside TCP. */
static void test_ports_may_be_shared(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CfgSettings) s = cfg_parse(DOMAIN
        "sip: { listeners = ( { port = 5060; }, { port = 5060; transport = \"tcp\"; }, { address = \"::\"; },\n"
        "  { port = 0; address = \"::\"; }, { port = 0; address = \"::\"; } ); };\n"
        "api: { listen = [\"127.0.0.1:0\", \"[::1]:0\"]; allow_http = true; };\n", "t", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(s->sip.n_listeners, ==, 5);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/check/each-rule", test_each_rule);
    g_test_add_func("/config/check/timezone", test_timezone);
    g_test_add_func("/config/check/lawful-but-unwise", test_lawful_but_unwise);
    g_test_add_func("/config/check/ports-may-be-shared", test_ports_may_be_shared);
    return g_test_run();
}
