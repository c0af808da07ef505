/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The messages: what is written is read again the same, unknown fields pass, limits and wrong types are named. */
#include <math.h>
#include <string.h>
#include "broadcast/link/protocol.h"

#define SHA "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static void test_manifest(void)
{
    static char areas[][8] = {"18073", "42"};
    BcLinkItem items[2] = {
        {.kind = BC_LINK_CONTENT, .occurrence = (char *)"s-1@1700000000", .title = (char *)"Bản tin \"sáng\" \\ 5 giờ",
         .start_us = 1700000000000000, .duration_us = 61500000, .priority = 3, .authority = 2, .made_us = 1699999999123000,
         .repeats = 2, .gap_us = 1500000, .grace_us = 120000000, .volume = -1, .resume = true, .quiet_ok = true,
         .media = {(char *)SHA, (char *)SHA "/programme.mp3", (char *)"audio/mpeg", 123456}},
        {.kind = BC_LINK_RELAY, .occurrence = (char *)"s-2@1700003600.1", .start_us = 1700003600000000, .duration_us = 1800000000,
         .priority = 2, .authority = 1, .repeats = 1, .volume = 55, .relay_url = (char *)"https://vov.example/live",
         .silence_max_us = 20000000, .fallback = {(char *)SHA, (char *)"a/b.mp3", (char *)"audio/mpeg", 7}}};
    BcLinkManifest m = {.device = (char *)"loa-1", .version = 7, .issued_us = 1700000000001000, .valid_until_us = 1700600000000000,
                        .zone = (char *)"Asia/Ho_Chi_Minh", .areas = {areas[0], areas[1]}, .media_base = (char *)"https://h:8443/m/",
                        .volume = 70, .volumes = {{1260, 300, 30}}, .n_volumes = 1, .quiet = {{1290, 300, 0}, {690, 810, 0}},
                        .n_quiet = 2, .stop_before_us = 1690000000000000, .live_buffer_ms = 200, .items = items, .n_items = 2};
    g_autofree char *text = bc_link_manifest_format(&m);
    BcLinkManifest r;
    g_autoptr(GError) error = NULL;
    g_assert_true(bc_link_manifest_parse(&r, text, strlen(text), &error));
    g_assert_no_error(error);
    g_assert_cmpstr(r.device, ==, "loa-1");
    g_assert_cmpint(r.version, ==, 7);
    g_assert_cmpint(r.issued_us, ==, m.issued_us);
    g_assert_cmpint(r.stop_before_us, ==, m.stop_before_us);
    g_assert_cmpstr(r.areas[1], ==, "42");
    g_assert_null(r.areas[2]);
    g_assert_cmpuint(r.n_quiet, ==, 2);
    g_assert_cmpuint(r.quiet[1].from_min, ==, 690);
    g_assert_cmpuint(r.volumes[0].volume, ==, 30);
    g_assert_cmpstr(r.items[0].title, ==, items[0].title);
    g_assert_cmpint(r.items[0].gap_us, ==, 1500000);
    g_assert_cmpint(r.items[0].media.bytes, ==, 123456);
    g_assert_cmpstr(r.items[0].fallback.sha256, ==, "");
    g_assert_true(r.items[0].resume && r.items[0].quiet_ok && !r.items[1].quiet_ok);
    g_assert_cmpint(r.items[0].volume, ==, -1);
    g_assert_cmpint(r.items[1].kind, ==, BC_LINK_RELAY);
    g_assert_cmpint(r.items[1].volume, ==, 55);
    g_assert_cmpstr(r.items[1].fallback.path, ==, "a/b.mp3");
    g_autofree char *again = bc_link_manifest_format(&r);
    g_assert_cmpstr(again, ==, text);
    bc_link_manifest_clear(&r);
    g_assert_null(r.items);
    g_assert_null(r.device);
}

static void check_command(const BcLinkCommand *c, BcLinkCommand *ret)
{
    g_autofree char *text = bc_link_command_format(c);
    g_autoptr(GError) error = NULL;
    bc_link_command_parse(ret, text, strlen(text), &error);
    g_assert_no_error(error);
    g_assert_cmpint(ret->verb, ==, c->verb);
    g_autofree char *again = bc_link_command_format(ret);
    g_assert_cmpstr(again, ==, text);
}

static void test_commands(void)
{
    BcLinkCommand r, c = {.id = (char *)"c-1", .issued_us = 1700000000000000, .expires_us = 1700000060000000, .volume = -1};
    c.verb = BC_LINK_ALERT;
    c.siren = BC_SIREN_STORM;
    c.siren_rounds = 3;
    c.areas[0] = (char *)"42";
    c.item = (BcLinkItem){.occurrence = (char *)"a-1", .priority = 1, .repeats = 3, .volume = 90, .media = {.sha256 = (char *)SHA}};
    check_command(&c, &r);
    g_assert_cmpint(r.siren, ==, BC_SIREN_STORM);
    g_assert_cmpuint(r.item.repeats, ==, 3);
    g_assert_cmpstr(r.areas[0], ==, "42");
    bc_link_command_clear(&r);
    memset(&c.item, 0, sizeof c.item);
    c.siren = BC_SIREN_NONE;
    c.verb = BC_LINK_LIVE;
    c.live = (BcLinkLive){.occurrence = (char *)"l-1", .host = (char *)"239.1.2.3", .port = 20000, .multicast = true, .priority = 2,
                          .codec = (char *)"opus", .payload_type = 96, .frame_ms = 20, .expires_us = 1700003600000000};
    check_command(&c, &r);
    g_assert_true(r.live.multicast);
    g_assert_cmpuint(r.live.port, ==, 20000);
    g_assert_null(r.live.srtp);
    bc_link_command_clear(&r);
    memset(&c.live, 0, sizeof c.live);
    c.verb = BC_LINK_VOLUME;
    c.volume = 0;
    check_command(&c, &r);
    g_assert_cmpint(r.volume, ==, 0);
    bc_link_command_clear(&r);
    for (int verb = 0; verb < BC_LINK_VERB_MAX; verb++)
        for (int other = 0; other < verb; other++)
            g_assert_cmpstr(bc_link_verb_to_string(verb), !=, bc_link_verb_to_string(other));
}

static void refuse_command(const char *text, BcLinkError code, const char *field)
{
    BcLinkCommand c = {.id = (char *)"untouched"};
    g_autoptr(GError) error = NULL;
    g_assert_false(bc_link_command_parse(&c, text, strlen(text), &error));
    g_assert_error(error, BC_LINK_ERROR, (int)code);
    if (!strstr(error->message, field))
        g_error("\"%s\" does not name %s", error->message, field);
    g_assert_cmpstr(c.id, ==, "untouched");
}

#define HEAD "\"id\":\"c-1\",\"issued_ms\":1,\"expires_ms\":2"
static void test_refused(void)
{
    refuse_command("{\"verb\":\"play\"," HEAD "}", BC_LINK_ERROR_FORMAT, "item: is missing");
    refuse_command("{\"verb\":\"live\"," HEAD ",\"live\":{\"occurrence\":\"x\"}}", BC_LINK_ERROR_FORMAT, "live.host");
    refuse_command("{\"verb\":\"stop\"," HEAD "}", BC_LINK_ERROR_FORMAT, "occurrence");
    refuse_command("{\"verb\":\"volume\"," HEAD "}", BC_LINK_ERROR_FORMAT, "volume");
    refuse_command("{\"verb\":\"volume\"," HEAD ",\"volume\":101}", BC_LINK_ERROR_LIMIT, "volume: 101");
    refuse_command("{\"verb\":\"volume\"," HEAD ",\"volume\":\"1\"}", BC_LINK_ERROR_FORMAT, "volume: not a number");
    refuse_command("{\"verb\":\"volume\"," HEAD ",\"volume\":1.5}", BC_LINK_ERROR_FORMAT, "volume: not an integer");
    refuse_command("{\"verb\":\"firmware\"," HEAD "}", BC_LINK_ERROR_FORMAT, "firmware_url");
    refuse_command("{\"verb\":7," HEAD "}", BC_LINK_ERROR_FORMAT, "verb");
    refuse_command("{\"verb\":\"restart\",\"id\":\"c\",\"issued_ms\":5,\"expires_ms\":5}", BC_LINK_ERROR_FORMAT, "expires_ms");
    refuse_command("{\"verb\":\"restart\",\"id\":\"../x\",\"issued_ms\":5,\"expires_ms\":6}", BC_LINK_ERROR_FORMAT, "id:");
    refuse_command("{\"verb\":\"play\"," HEAD
                   ",\"item\":{\"kind\":\"content\",\"occurrence\":\"o\",\"priority\":1,\"authority\":0,\"media\":{\"path\":\"../../etc/shadow\"}}}",
                   BC_LINK_ERROR_FORMAT, "item.media.path");
    refuse_command("{\"verb\":\"restart\"," HEAD ",}", BC_LINK_ERROR_FORMAT, "line 1");
    refuse_command("/* x */ {}", BC_LINK_ERROR_FORMAT, "line 1");
    refuse_command("[]", BC_LINK_ERROR_FORMAT, "object");
    g_autofree char *deep = g_strnfill(100000, '[');
    refuse_command(deep, BC_LINK_ERROR_FORMAT, "deep");
    g_autofree char *huge = g_strnfill(BC_LINK_MESSAGE_MAX + 1, ' ');
    refuse_command(huge, BC_LINK_ERROR_LIMIT, "bytes");
}

/* What a newer mediad may say: fields nobody knows, null for absent, a verb and a siren from later. */
static void test_tolerant(void)
{
    const char *text = "{\"verb\":\"dance\"," HEAD ",\"new\":{\"a\":[1,2,{\"b\":null}]},\"occurrence\":null,\"siren\":\"tsunami\",\"volume\":3e1}";
    BcLinkCommand c;
    g_autoptr(GError) error = NULL;
    bc_link_command_parse(&c, text, strlen(text), &error);
    g_assert_no_error(error);
    g_assert_cmpint(c.verb, ==, BC_LINK_VERB_MAX);
    g_assert_cmpint(c.siren, ==, BC_SIREN_MAX);
    g_assert_cmpint(c.volume, ==, 30);
    g_assert_null(c.occurrence);
    g_assert_cmpstr(bc_link_verb_to_string(c.verb), ==, "unknown");
    bc_link_command_clear(&c);
}

static void test_limits(void)
{
    g_autoptr(GString) text = g_string_new("{\"reports\":[");
    for (unsigned i = 0; i <= BC_LINK_REPORTS_MAX; i++)
        g_string_append_printf(text, "%s{\"occurrence\":\"o\",\"state\":\"ended\",\"sequence\":%u}", i ? "," : "", i);
    g_string_append(text, "]}");
    BcLinkReports reports;
    g_autoptr(GError) error = NULL;
    g_assert_false(bc_link_reports_parse(&reports, text->str, text->len, &error));
    g_assert_error(error, BC_LINK_ERROR, BC_LINK_ERROR_LIMIT);
    g_assert_nonnull(strstr(error->message, "101 entries, at most 100"));
    g_clear_error(&error);
    const char *order = "{\"device\":\"d\",\"version\":1,\"issued_ms\":1,\"valid_until_ms\":2,\"zone\":\"UTC\",\"volume\":1,\"items\":["
                        "{\"kind\":\"silence\",\"occurrence\":\"a\",\"priority\":3,\"authority\":1,\"start_ms\":9},"
                        "{\"kind\":\"silence\",\"occurrence\":\"b\",\"priority\":3,\"authority\":1,\"start_ms\":8}]}";
    BcLinkManifest m;
    g_assert_false(bc_link_manifest_parse(&m, order, strlen(order), &error));
    g_assert_nonnull(strstr(error->message, "items[1].start_ms"));
    g_clear_error(&error);
    g_autofree char *title = g_strnfill(BC_LINK_TEXT_MAX + 1, 'x');
    g_autofree char *ack = g_strdup_printf("{\"command\":\"c\",\"state\":\"done\",\"reason\":\"%s\"}", title);
    BcLinkAck a;
    g_assert_false(bc_link_ack_parse(&a, ack, strlen(ack), &error));
    g_assert_error(error, BC_LINK_ERROR, BC_LINK_ERROR_LIMIT);
}

static void test_reports(void)
{
    BcLinkReport rows[2] = {{.occurrence = (char *)"s@1.0", .sha256 = (char *)SHA, .state = (char *)"ended", .from_us = 1700000000000000,
                             .to_us = 1700000061500000, .level_dbfs = -17.25, .level_source = (char *)"loopback", .match = 0.875,
                             .sequence = 12},
                            {.occurrence = (char *)"s@2", .sha256 = (char *)"", .state = (char *)"missed",
                             .reason = (char *)"mất điện", .level_dbfs = NAN, .match = NAN, .sequence = 13}};
    BcLinkReports r, reports = {rows, 2};
    g_autofree char *text = bc_link_reports_format(&reports);
    g_autoptr(GError) error = NULL;
    bc_link_reports_parse(&r, text, strlen(text), &error);
    g_assert_no_error(error);
    g_assert_cmpuint(r.n, ==, 2);
    g_assert_cmpfloat(r.reports[0].level_dbfs, ==, -17.25);
    g_assert_cmpfloat(r.reports[0].match, ==, 0.875);
    g_assert_true(isnan(r.reports[1].level_dbfs) && isnan(r.reports[1].match));
    g_assert_cmpstr(r.reports[1].reason, ==, "mất điện");
    g_assert_cmpstr(r.reports[1].sha256, ==, "");
    g_assert_cmpint(r.reports[0].to_us, ==, 1700000061500000);
    bc_link_reports_clear(&r);
}

static void test_telemetry(void)
{
    const char *text = "{\"readings\":[{\"name\":\"temperature_c\",\"value\":41.5,\"source\":\"measured\",\"at_ms\":1700000000000},"
                       "{\"name\":\"power\",\"value\":\"mains\"},{\"name\":\"left_line\",\"value\":true},{\"name\":\"n\",\"value\":-10}]}";
    BcLinkTelemetry t;
    g_autoptr(GError) error = NULL;
    bc_link_telemetry_parse(&t, text, strlen(text), &error);
    g_assert_no_error(error);
    g_assert_cmpuint(t.n, ==, 4);
    g_assert_cmpstr(t.readings[0].text, ==, "41.5");
    g_assert_true(t.readings[0].number);
    g_assert_cmpint(t.readings[0].at_us, ==, 1700000000000000);
    g_assert_false(t.readings[1].number);
    g_assert_cmpstr(t.readings[2].text, ==, "true");
    g_assert_cmpstr(t.readings[3].text, ==, "-10");
    g_autofree char *again = bc_link_telemetry_format(&t);
    g_assert_nonnull(strstr(again, "\"value\":41.5,"));
    g_assert_nonnull(strstr(again, "\"value\":\"mains\""));
    bc_link_telemetry_clear(&t);
}

static void test_state(void)
{
    const char *will = "{\"online\":false}";
    BcLinkState r, s = {.online = true, .software = (char *)"speakerd 0.1.0", .abilities = (char *)"content,live", .manifest_version = 9,
                        .media_wanted = 5, .media_stored = 3, .playing = (char *)"s@1", .clock_offset_us = -1234,
                        .clock_drift_ppm = 12.5, .boot_us = 1700000000000000};
    g_autoptr(GError) error = NULL;
    bc_link_state_parse(&r, will, strlen(will), &error);
    g_assert_no_error(error);
    g_assert_false(r.online);
    g_assert_cmpint(r.clock_offset_us, ==, INT64_MIN);
    g_assert_true(isnan(r.clock_drift_ppm));
    g_assert_null(r.playing);
    g_autofree char *will_again = bc_link_state_format(&r);
    g_assert_cmpstr(will_again, ==, will);
    bc_link_state_clear(&r);
    g_autofree char *text = bc_link_state_format(&s);
    bc_link_state_parse(&r, text, strlen(text), &error);
    g_assert_no_error(error);
    g_assert_cmpint(r.clock_offset_us, ==, -1234);
    g_assert_cmpfloat(r.clock_drift_ppm, ==, 12.5);
    g_assert_cmpstr(r.playing, ==, "s@1");
    g_assert_cmpuint(r.media_stored, ==, 3);
    bc_link_state_clear(&r);
}

static void test_small(void)
{
    g_autoptr(GError) error = NULL;
    BcLinkClock c, clock = {1700000000123456, 1700000000223456, 1700000000223556};
    g_autofree char *text = bc_link_clock_format(&clock);
    g_assert_true(bc_link_clock_parse(&c, text, strlen(text), &error));
    g_assert_cmpint(c.t0_us, ==, clock.t0_us);
    g_assert_cmpint(c.t2_us, ==, clock.t2_us);
    BcLinkLog l, log = {.command = (char *)"c-1", .part = 1, .parts = 3, .text = (char *)"a\n\tb\n"};
    g_autofree char *log_text = bc_link_log_format(&log);
    g_assert_true(bc_link_log_parse(&l, log_text, strlen(log_text), &error));
    g_assert_cmpstr(l.text, ==, "a\n\tb\n");
    g_assert_cmpuint(l.parts, ==, 3);
    bc_link_log_clear(&l);
    BcLinkFirmware f, firmware = {(char *)"speakerd-arm64", (char *)"1.2.3", (char *)SHA, 5000000, 1700000000000000};
    g_autofree char *firmware_text = bc_link_firmware_format(&firmware);
    g_assert_true(bc_link_firmware_parse(&f, firmware_text, strlen(firmware_text), &error));
    g_assert_cmpstr(f.version, ==, "1.2.3");
    bc_link_firmware_clear(&f);
}

static void test_topics(void)
{
    g_autofree char *topic = bc_link_topic("down", "loa-1", "command");
    g_assert_cmpstr(topic, ==, "mediad/1/down/loa-1/command");
    g_autofree char *device = NULL;
    const char *what = NULL;
    g_assert_true(bc_link_topic_parse(topic, &device, &what));
    g_assert_cmpstr(device, ==, "loa-1");
    g_assert_cmpstr(what, ==, "command");
    g_clear_pointer(&device, g_free);
    g_assert_true(bc_link_topic_parse("mediad/1/up/x/later", &device, &what));
    g_assert_null(what);
    g_clear_pointer(&device, g_free);
    static const char *const bad[] = {"", "mediad/1/up/x", "mediad/1/up/x/state/y", "mediad/2/up/x/state", "mediad/1/side/x/state",
                                      "mediad/1/up/../state", "mediad/1/up//state", "mediad/1/up/+/state", "mediad/1/up/a b/state"};
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(bc_link_topic_parse(bad[i], &device, &what));

    g_autofree char *vendor = bc_link_vendor_topic("gw-1", "down", "play-now"), *gateway = NULL, *object = NULL;
    g_assert_cmpstr(vendor, ==, "mediad/1/vendor/gw-1/down/play-now");
    static const char *const worse[] = {"mediad/1/vendor/gw-1/down/play-now", "mediad/1/vendor/gw-1/up", "mediad/1/vendor/gw-1/up/a/b", "mediad/1/vendor//up/a",
                                        "mediad/1/vendor/../up/a", "mediad/1/vendor/gw 1/up/a", "mediad/1/vendor/gw-1/up/+", "mediad/1/up/gw-1/state"};
    for (unsigned i = 0; i < G_N_ELEMENTS(worse); i++)
        g_assert_false(bc_link_vendor_topic_parse(worse[i], &gateway, &object));
    g_assert_true(bc_link_vendor_topic_parse("mediad/1/vendor/gw-1/up/status", &gateway, &object));
    g_assert_cmpstr(gateway, ==, "gw-1");
    g_assert_cmpstr(object, ==, "status");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/link/protocol/manifest", test_manifest);
    g_test_add_func("/link/protocol/commands", test_commands);
    g_test_add_func("/link/protocol/refused", test_refused);
    g_test_add_func("/link/protocol/tolerant", test_tolerant);
    g_test_add_func("/link/protocol/limits", test_limits);
    g_test_add_func("/link/protocol/reports", test_reports);
    g_test_add_func("/link/protocol/telemetry", test_telemetry);
    g_test_add_func("/link/protocol/state", test_state);
    g_test_add_func("/link/protocol/small", test_small);
    g_test_add_func("/link/protocol/topics", test_topics);
    return g_test_run();
}
