/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server side of the device link without a broker: messages are put in as from it, time is moved. */
#include <math.h>
#include <string.h>
#include <glib/gstdio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include "broadcast/device-link/migrations.h"
#include "broadcast/device-link/service.h"
#include "broadcast/device-link/broker-files.h"
#include "broadcast/device-link/ca.h"
#include "broadcast/device-link/connection.h"
#include "mediad/core/bucket.h"
#include "broadcast/device-link/private.h"
#include "broadcast/link/key.h"

#define START_US 1764000000000000
#define S G_USEC_PER_SEC

typedef struct Fixture {
    char *folder;
    MdStore *store;
    BcAreas *areas;
    BcDevices *devices;
    BcDeviceLink *link;
    MdVirtualClock clock;
    GString *events;
    unsigned acks, reports;
    bool online;
    bool waiting;
} Fixture;

static void on_event(const char *type, const char *json, void *user)
{
    Fixture *f = user;
    g_string_append_printf(f->events, "%s %s\n", type, json);
}

static void on_state(const char *device, const BcLinkState *state, void *user)
{
    ((Fixture *)user)->online = state->online;
}

static void on_ack(const char *device, const BcLinkAck *ack, void *user)
{
    ((Fixture *)user)->acks++;
}

static void on_reports(const char *device, const BcLinkReports *reports, void *user)
{
    ((Fixture *)user)->reports += reports->n;
}

static void open_link(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    BcDeviceLinkOptions options = {.store = f->store, .areas = f->areas, .devices = f->devices, .clock = &f->clock.base,
                                   .state_dir = f->folder, .broker_plain = true, .advertised_host = "loa.example.vn",
                                   .command_timeout_s = 30, .log_max_bytes = 100, .on_event = on_event, .user = f};
    f->link = bc_device_link_new(&options, &error);
    g_assert_no_error(error);
    BcDeviceLinkListener listener = {.state = on_state, .ack = on_ack, .reports = on_reports, .user = f};
    bc_device_link_listen(f->link, &listener);
}

static void set_up(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    f->folder = g_dir_make_tmp("device-link-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(f->folder, "test.sqlite", NULL);
    g_autoptr(GArray) migrations = g_array_new(FALSE, FALSE, sizeof(MdMigration));
    g_array_append_vals(migrations, bc_migrations, bc_n_migrations);
    g_array_append_vals(migrations, bc_device_link_migrations, bc_n_device_link_migrations);
    f->store = md_store_open(path, (const MdMigration *)migrations->data, migrations->len, NULL, &error);
    g_assert_no_error(error);
    md_virtual_clock_init(&f->clock, 0, START_US);
    f->areas = bc_areas_new(f->store, &error);
    BcArea areas[] = {{.code = "42", .kind = "tinh", .name = "Hà Tĩnh"}, {.code = "18073", .kind = "phuong", .parent = "42", .name = "A"},
                      {.code = "18100", .kind = "xa", .parent = "42", .name = "B"}};
    g_assert_true(bc_areas_seed(f->areas, areas, G_N_ELEMENTS(areas), &error));
    f->devices = bc_devices_new(f->store, f->areas, &error);
    BcDevice devices[20];
    char names[20][8];
    for (unsigned i = 0; i < G_N_ELEMENTS(devices); i++) {
        g_snprintf(names[i], sizeof names[i], "loa-%u", i);
        devices[i] = (BcDevice){.id = names[i], .name = "Loa", .area = i < 10 ? "18073" : "18100", .latitude = NAN, .longitude = NAN,
                                .kind = BC_DEVICE_LINK, .volume = 80, .enabled = true};
    }
    g_assert_true(bc_devices_seed(f->devices, devices, G_N_ELEMENTS(devices), &error));
    f->events = g_string_new(NULL);
    open_link(f);
}

static void remove_all(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        remove_all(child);
    }
    g_remove(path);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    bc_device_link_free(f->link);
    bc_devices_unref(f->devices);
    bc_areas_unref(f->areas);
    md_store_close(f->store);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_string_free(f->events, TRUE);
    remove_all(f->folder);
    g_free(f->folder);
}

static void say(Fixture *f, const char *device, const char *what, const char *text)
{
    g_autofree char *topic = bc_link_topic("up", device, what);
    bc_device_link_take(f->link, topic, text, strlen(text));
}

static void later(Fixture *f, int64_t us)
{
    for (; us > 0; us -= S) {
        md_virtual_clock_advance(&f->clock, MIN(us, S));
        bc_device_link_step(f->link);
    }
}

/* --- the service --- */

static void test_messages(Fixture *f, gconstpointer data)
{
    BcDeviceLinkStats stats;
    say(f, "loa-1", "state", "{\"online\":true,\"software\":\"x\",\"manifest_version\":3}");
    g_assert_true(f->online && bc_device_link_online(f->link, "loa-1"));
    say(f, "loa-1", "report", "{\"reports\":[{\"occurrence\":\"a\",\"state\":\"ended\",\"sequence\":1},{\"occurrence\":\"b\",\"state\":\"missed\",\"sequence\":2}]}");
    g_assert_cmpuint(f->reports, ==, 2);
    say(f, "loa-1", "state", "{\"online\":false}"); /* the last will: what it was is kept */
    g_assert_false(f->online);
    g_assert_cmpstr(bc_device_link_state(f->link, "loa-1")->software, ==, "x");
    say(f, "stranger", "state", "{\"online\":true}");
    say(f, "loa-1", "report", "{\"reports\":7}");
    bc_device_link_stats(f->link, &stats);
    g_assert_cmpuint(stats.refused, ==, 2);
    g_assert_null(bc_device_link_state(f->link, "stranger"));
    g_assert_cmpuint(stats.online, ==, 0);
}

/* One that has gone mad is held to a budget; the others are heard. */
static void test_flood(Fixture *f, gconstpointer data)
{
    BcDeviceLinkStats stats;
    for (unsigned i = 0; i < 5000; i++)
        say(f, "loa-1", "ack", "{\"command\":\"c\",\"state\":\"done\"}");
    bc_device_link_stats(f->link, &stats);
    g_assert_cmpuint(f->acks, ==, 1000);
    g_assert_cmpuint(stats.refused, ==, 4000);
    say(f, "loa-2", "ack", "{\"command\":\"c\",\"state\":\"done\"}");
    g_assert_cmpuint(f->acks, ==, 1001);
    later(f, 2 * S);
    for (unsigned i = 0; i < 100; i++)
        say(f, "loa-1", "ack", "{\"command\":\"c\",\"state\":\"done\"}");
    g_assert_cmpuint(f->acks, ==, 1041);
}

/* A report that was not taken is not receipted with a later one: the device would forget it. */
static void test_missing_report(Fixture *f, gconstpointer data)
{
#define REPORT(n) "{\"reports\":[{\"occurrence\":\"a-1\",\"state\":\"began\",\"from_ms\":1764000000000,\"sequence\":" #n "}]}"
    say(f, "loa-1", "report", REPORT(4));
    g_assert_cmpuint(f->reports, ==, 1);
    for (unsigned i = 0; i < 1000; i++)
        say(f, "loa-1", "ack", "{\"command\":\"c\",\"state\":\"done\"}");
    say(f, "loa-1", "report", REPORT(5));
    g_assert_cmpuint(f->reports, ==, 1);
    later(f, 2 * S);
    say(f, "loa-1", "report", REPORT(6));
    g_assert_cmpuint(f->reports, ==, 2);
    g_assert_cmpint(bc_link_receipt_upto(f->link, "loa-1", 6), ==, 4);
    g_assert_cmpint(bc_link_receipt_upto(f->link, "loa-2", 6), ==, 6);
    say(f, "loa-1", "report", REPORT(5)); /* it sends what has no receipt once more */
    say(f, "loa-1", "report", REPORT(6));
    g_assert_cmpint(bc_link_receipt_upto(f->link, "loa-1", 6), ==, 6);
}

static void test_silent_is_gone(Fixture *f, gconstpointer data)
{
    say(f, "loa-2", "state", "{\"online\":true}");
    later(f, 170 * S);
    g_assert_true(bc_device_link_online(f->link, "loa-2"));
    say(f, "loa-2", "telemetry", "{\"readings\":[{\"name\":\"volume\",\"value\":80}]}");
    later(f, 170 * S);
    g_assert_true(bc_device_link_online(f->link, "loa-2"));
    later(f, 20 * S);
    g_assert_false(bc_device_link_online(f->link, "loa-2"));
}



static void note_target(const BcTargetRow *row, void *user)
{
    GString *text = user;
    g_string_append_printf(text, "%s=%s(%s) ", row->device, row->state, row->reason ? row->reason : "");
}

static void on_flushed(const GError *error, void *user)
{
    g_assert_no_error(error);
    *(bool *)user = true;
}

static char *targets(Fixture *f, const char *id)
{
    GString *text = g_string_new(NULL);
    bool done = false;
    bc_commands_flush(bc_device_link_commands(f->link), on_flushed, &done);
    while (!done)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(bc_commands_targets(bc_device_link_commands(f->link), id, 10, 0, note_target, text, NULL));
    return g_string_free(text, FALSE);
}

static void test_commands(Fixture *f, gconstpointer data)
{
    const char *devices[] = {"loa-1", "loa-2", "loa-3"};
    BcLinkCommand command = {.verb = BC_LINK_VOLUME, .volume = 30};
    g_autofree char *id = NULL;
    g_autoptr(GError) error = NULL;
    g_assert_true(bc_device_link_send(f->link, &command, devices, 3, "op", &id, &error));
    g_autofree char *ack = g_strdup_printf("{\"command\":\"%s\",\"state\":\"received\"}", id);
    g_autofree char *done = g_strdup_printf("{\"command\":\"%s\",\"state\":\"done\"}", id);
    g_autofree char *refused = g_strdup_printf("{\"command\":\"%s\",\"state\":\"refused\",\"reason\":\"area\"}", id);
    say(f, "loa-1", "ack", ack);
    say(f, "loa-1", "ack", done);
    say(f, "loa-1", "ack", ack);     /* never backwards */
    say(f, "loa-2", "ack", refused);
    say(f, "loa-4", "ack", done);    /* nobody asked it */
    g_assert_cmpuint(f->acks, ==, 5);
    g_autofree char *before = targets(f, id);
    g_assert_cmpstr(before, ==, "loa-1=done() loa-2=refused(area) loa-3=sent() ");
    later(f, 31 * S);
    g_autofree char *after = targets(f, id);
    g_assert_cmpstr(after, ==, "loa-1=done() loa-2=refused(area) loa-3=timed-out(no answer) ");
    say(f, "loa-3", "ack", done);
    g_autofree char *late = targets(f, id);
    g_assert_nonnull(strstr(late, "loa-3=done()"));
    later(f, 2 * S);
    g_assert_cmpuint(bc_commands_open(bc_device_link_commands(f->link)), ==, 0);
    g_assert_nonnull(strstr(f->events->str, "command.changed"));
    const char *unknown[] = {"nobody"};
    g_assert_false(bc_device_link_send(f->link, &command, unknown, 1, "op", NULL, &error));
    g_assert_error(error, BC_ERROR, BC_ERROR_NOT_FOUND);
    g_clear_error(&error);
    command.volume = -1;
    g_assert_false(bc_device_link_send(f->link, &command, devices, 3, "op", NULL, &error));
    g_assert_error(error, BC_LINK_ERROR, BC_LINK_ERROR_FORMAT);
}

static bool has_cause(Fixture *f, const char *device, const char *cause)
{
    g_autoptr(GPtrArray) causes = bc_device_link_why_silent(f->link, bc_devices_find(f->devices, device));
    for (unsigned i = 0; i < causes->len; i++)
        if (strcmp(((BcSilence *)causes->pdata[i])->cause, cause) == 0)
            return true;
    return false;
}

static void test_why_silent(Fixture *f, gconstpointer data)
{
    g_assert_true(has_cause(f, "loa-5", "offline"));
    BcLinkManifest manifest = {.device = (char *)"loa-5", .version = 9, .issued_us = START_US, .valid_until_us = START_US + S,
                               .zone = (char *)"UTC"};
    g_assert_false(bc_device_link_publish_manifest(f->link, &manifest, NULL)); /* no broker: wanted all the same */
    say(f, "loa-5", "state", "{\"online\":true,\"manifest_version\":8,\"media_wanted\":4,\"media_stored\":1,\"clock_offset_us\":-9000000}");
    g_assert_true(has_cause(f, "loa-5", "no-schedule") && has_cause(f, "loa-5", "no-media") && has_cause(f, "loa-5", "clock"));
    g_assert_false(has_cause(f, "loa-5", "offline"));
    say(f, "loa-5", "state", "{\"online\":true,\"manifest_version\":9,\"media_wanted\":4,\"media_stored\":4}");
    g_assert_false(has_cause(f, "loa-5", "no-schedule") || has_cause(f, "loa-5", "no-media") || has_cause(f, "loa-5", "clock"));
    say(f, "loa-5", "telemetry", "{\"readings\":[{\"name\":\"volume\",\"value\":0},{\"name\":\"amplifier\",\"value\":\"fault\"},"
                                 "{\"name\":\"left_line\",\"value\":\"open\"},{\"name\":\"power\",\"value\":\"battery\"},{\"name\":\"signal_dbm\",\"value\":-115}]}");
    g_assert_true(has_cause(f, "loa-5", "volume") && has_cause(f, "loa-5", "amplifier") && has_cause(f, "loa-5", "line-open"));
    int64_t said_us = md_clock_wall_us(&f->clock.base);
    md_virtual_clock_advance(&f->clock, 60 * G_USEC_PER_SEC);
    g_autoptr(GPtrArray) causes = bc_device_link_why_silent(f->link, bc_devices_find(f->devices, "loa-5"));
    unsigned told = 0;
    for (unsigned i = 0; i < causes->len; i++) { /* since it said so, not since somebody asks */
        const BcSilence *silence = causes->pdata[i];
        if (strcmp(silence->cause, "volume") != 0 && strcmp(silence->cause, "amplifier") != 0 && strcmp(silence->cause, "line-open") != 0)
            continue;
        told++;
        g_assert_cmpint(silence->since_us, ==, said_us);
    }
    g_assert_cmpuint(told, ==, 3);
    g_assert_false(has_cause(f, "loa-5", "no-power"));
    say(f, "loa-5", "state", "{\"online\":false}");
    g_assert_true(has_cause(f, "loa-5", "no-power") && has_cause(f, "loa-5", "no-signal") && has_cause(f, "loa-5", "offline"));
    bc_devices_set_outcome(f->devices, "loa-5", "missed: pre-empted by a-1", START_US);
    g_assert_true(has_cause(f, "loa-5", "pre-empted"));
}

/* Twelve of one carrier go within a minute: one incident, told once, ended once; a single loss beside it is a single loss. */
static void test_outage(Fixture *f, gconstpointer data)
{
    for (unsigned i = 0; i < 20; i++) {
        g_autofree char *id = g_strdup_printf("loa-%u", i);
        say(f, id, "state", "{\"online\":true}");
        say(f, id, "telemetry", i % 20 < 12 ? "{\"readings\":[{\"name\":\"carrier\",\"value\":\"VinaPhone\"},{\"name\":\"power\",\"value\":\"mains\"}]}"
                                            : "{\"readings\":[{\"name\":\"carrier\",\"value\":\"Viettel\"}]}");
    }
    g_string_truncate(f->events, 0);
    for (unsigned i = 0; i < 12; i++) {
        g_autofree char *id = g_strdup_printf("loa-%u", i);
        say(f, id, "state", "{\"online\":false}");
        later(f, 3 * S);
    }
    say(f, "loa-15", "state", "{\"online\":false}");
    later(f, 130 * S);
    g_auto(GStrv) lines = g_strsplit(f->events->str, "outage.began", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 2);
    g_assert_nonnull(strstr(f->events->str, "\"by\":\"carrier\",\"value\":\"VinaPhone\""));
    g_autoptr(GPtrArray) list = bc_outages_list(bc_device_link_outages(f->link));
    g_assert_cmpuint(list->len, ==, 1);
    g_assert_cmpuint(((BcOutage *)list->pdata[0])->devices, ==, 12);
    g_assert_true(has_cause(f, "loa-3", "outage") && !has_cause(f, "loa-15", "outage"));
    g_assert_nonnull(strstr(f->events->str, "device.offline {\"device\":\"loa-15\"}"));
    g_assert_null(strstr(f->events->str, "device.offline {\"device\":\"loa-3\"}"));
    for (unsigned i = 0; i < 12; i++) {
        g_autofree char *id = g_strdup_printf("loa-%u", i);
        g_assert_null(strstr(f->events->str, "outage.ended"));
        say(f, id, "state", "{\"online\":true}");
    }
    g_assert_nonnull(strstr(f->events->str, "outage.ended"));
}

/* --- credentials --- */

static void on_code(const char *code, const GError *error, void *user)
{
    g_assert_no_error(error);
    *(char **)user = g_strdup(code);
}

typedef struct Got { bool done; char *serial, *token; int code; } Got;

static void on_enrolled(const BcEnrolled *enrolled, const GError *error, void *user)
{
    Got *got = user;
    got->done = true;
    got->code = error ? error->code : -1;
    got->serial = enrolled ? g_strdup(enrolled->serial) : NULL;
    got->token = enrolled ? g_strdup(enrolled->token) : NULL;
}

static char *request_of(EVP_PKEY *key)
{
    X509_REQ *csr = X509_REQ_new();
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    X509_REQ_set_pubkey(csr, key);
    X509_REQ_sign(csr, key, EVP_sha256());
    PEM_write_bio_X509_REQ(bio, csr);
    long len = BIO_get_mem_data(bio, &data);
    char *text = g_strndup(data, (gsize)len);
    BIO_free(bio);
    X509_REQ_free(csr);
    return text;
}

static Got enrol(Fixture *f, const char *device, const char *code, const char *request)
{
    Got got = {0};
    bc_credentials_enrol(bc_device_link_credentials(f->link), device, code, request, strlen(request), 10, md_clock_wall_us(&f->clock.base),
                         on_enrolled, &got);
    while (!got.done)
        g_main_context_iteration(NULL, TRUE);
    return got;
}

static char *code_for(Fixture *f, const char *device, int64_t lives_us)
{
    char *code = NULL;
    bc_credentials_make_code(bc_device_link_credentials(f->link), device, "op", md_clock_wall_us(&f->clock.base) + lives_us, on_code, &code);
    while (!code)
        g_main_context_iteration(NULL, TRUE);
    return code;
}

static void test_enrolment(Fixture *f, gconstpointer data)
{
    EVP_PKEY *key = EVP_EC_gen("P-256"), *weak = EVP_RSA_gen(1024);
    g_autofree char *request = request_of(key), *weak_request = request_of(weak);
    g_autofree char *code = code_for(f, "loa-1", 60 * S), *lower = g_ascii_strdown(code, -1);
    g_assert_cmpint(enrol(f, "loa-1", code, "no request").code, ==, BC_ERROR_INVALID);
    g_assert_cmpint(enrol(f, "loa-1", code, weak_request).code, ==, BC_ERROR_INVALID);
    g_assert_cmpint(enrol(f, "loa-2", code, request).code, ==, BC_ERROR_NOT_FOUND);
    g_assert_cmpint(enrol(f, BC_CA_SERVICE_NAME, code, request).code, ==, BC_ERROR_NOT_FOUND);
    Got first = enrol(f, "loa-1", lower, request); /* letter case is for people */
    g_assert_cmpint(first.code, ==, -1);
    g_assert_cmpint(enrol(f, "loa-1", code, request).code, ==, BC_ERROR_NOT_FOUND); /* once */
    g_assert_cmpstr(bc_device_link_token_owner(f->link, first.token), ==, "loa-1");
    g_assert_null(bc_device_link_token_owner(f->link, "x"));
    g_autofree char *old = code_for(f, "loa-1", 60 * S);
    md_virtual_clock_advance(&f->clock, 61 * S);
    g_assert_cmpint(enrol(f, "loa-1", old, request).code, ==, BC_ERROR_NOT_FOUND); /* too late */
    g_autofree char *again = code_for(f, "loa-1", 60 * S);
    Got second = enrol(f, "loa-1", again, request);
    g_assert_cmpint(second.code, ==, -1);
    g_assert_null(bc_device_link_token_owner(f->link, first.token));
    g_assert_cmpstr(first.serial, !=, second.serial);
    bc_device_link_free(f->link); /* all of it survives a restart */
    open_link(f);
    g_assert_null(bc_device_link_token_owner(f->link, first.token));
    g_assert_cmpstr(bc_device_link_token_owner(f->link, second.token), ==, "loa-1");
    g_assert_cmpstr(bc_credentials_find(bc_device_link_credentials(f->link), "loa-1")->serial, ==, second.serial);
    g_free(first.serial);
    g_free(first.token);
    g_free(second.serial);
    g_free(second.token);
    EVP_PKEY_free(key);
    EVP_PKEY_free(weak);
}

static void test_restart(Fixture *f, gconstpointer data)
{
    g_autofree char *kid = g_strdup(bc_key_id(bc_device_link_key(f->link)));
    const char *devices[] = {"loa-1"};
    BcLinkCommand command = {.verb = BC_LINK_RESTART, .volume = -1};
    g_autofree char *id = NULL;
    say(f, "loa-1", "state", "{\"online\":true,\"software\":\"x\"}");
    say(f, "loa-1", "telemetry", "{\"readings\":[{\"name\":\"temperature_c\",\"value\":41.5}]}");
    say(f, "loa-1", "log", "{\"text\":\"0123456789012345678901234567890123456789012345678901234567890123456789\\n\"}");
    md_virtual_clock_advance(&f->clock, S);
    say(f, "loa-1", "log", "{\"text\":\"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz\\n\"}");
    g_assert_true(bc_device_link_send(f->link, &command, devices, 1, "op", &id, NULL));
    bc_device_link_free(f->link);
    open_link(f);
    g_assert_cmpstr(bc_key_id(bc_device_link_key(f->link)), ==, kid);
    g_assert_cmpstr(bc_device_link_state(f->link, "loa-1")->software, ==, "x");
    g_assert_cmpstr(bc_health_value(bc_device_link_health(f->link), "loa-1", "temperature_c", md_clock_wall_us(&f->clock.base)), ==, "41.5");
    g_autofree char *log = bc_device_link_log(f->link, "loa-1", NULL);
    g_assert_cmpstr(log, ==, "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz\n"); /* 100 bytes are kept */
    g_autofree char *after = targets(f, id);
    g_assert_cmpstr(after, ==, "loa-1=sent() "); /* not too late: it goes out again when the broker is there */
    g_autofree char *done = g_strdup_printf("{\"command\":\"%s\",\"state\":\"done\"}", id);
    say(f, "loa-1", "ack", done);
    g_autofree char *told = targets(f, id);
    g_assert_cmpstr(told, ==, "loa-1=done() ");
    g_autofree char *late = NULL;
    BcLinkCommand play = {.verb = BC_LINK_PLAY, .volume = -1, .expires_us = md_clock_wall_us(&f->clock.base) + 600 * S,
                          .item = {.occurrence = (char *)"a-1", .title = (char *)"x", .priority = 3, .repeats = 1, .duration_us = S, .volume = -1,
                                   .media = {(char *)"", (char *)"", (char *)"", 0}, .kind = BC_LINK_SILENCE}};
    g_assert_true(bc_device_link_send(f->link, &command, devices, 1, "op", &late, NULL));
    g_autofree char *sound = NULL;
    g_assert_true(bc_device_link_send(f->link, &play, devices, 1, "op", &sound, NULL));
    bc_device_link_free(f->link);
    md_virtual_clock_advance(&f->clock, 40 * S);
    open_link(f);
    g_autofree char *over = targets(f, late), *silent = targets(f, sound);
    g_assert_cmpstr(over, ==, "loa-1=timed-out(mediad was restarted) "); /* too late */
    g_assert_cmpstr(silent, ==, "loa-1=timed-out(mediad was restarted) "); /* sound is told anew by who plays it, or not at all */
}

typedef struct Wire { GString *text; } Wire;

static bool on_wire(const char *device, const char *token, gsize len, void *user)
{
    Wire *wire = user;
    g_auto(GStrv) parts = g_strsplit(token, ".", 3);
    gsize n = 0;
    g_autofree guchar *json = bc_base64url_decode(parts[1], strlen(parts[1]), &n);
    BcLinkCommand command;
    g_assert_true(bc_link_command_parse(&command, (const char *)json, n, NULL));
    g_string_append_printf(wire->text, "%s:%s ", device, command.id);
    bc_link_command_clear(&command);
    return true;
}

/* Whoever has not answered is told again, in the order of giving, when it or the broker comes back, until it is too late; one who has is not. */
static void test_again(Fixture *f, gconstpointer data)
{
    Wire wire = {g_string_new(NULL)};
    g_autoptr(GError) error = NULL;
    const char *both[] = {"loa-1", "loa-2"};
    BcCommandsOps ops = {.publish = on_wire, .user = &wire};
    BcCommands *commands = bc_commands_new(f->store, bc_device_link_key(f->link), &ops, 30 * S, START_US, &error);
    g_assert_no_error(error);
    for (unsigned i = 0; i < 8; i++) {
        g_autofree char *id = g_strdup_printf("c-%u", 8 - i);
        BcLinkCommand command = {.id = id, .verb = BC_LINK_VOLUME, .volume = 30, .issued_us = START_US + i, .expires_us = START_US + 120 * S};
        g_assert_true(bc_commands_send(commands, &command, both, 2, "op", 30 * S, &error));
    }
    for (unsigned i = 1; i <= 6; i++) {
        g_autofree char *id = g_strdup_printf("c-%u", i);
        bc_commands_ack(commands, "loa-1", &(BcLinkAck){.command = id, .state = (char *)"done"}, START_US + S);
    }
    g_string_truncate(wire.text, 0);
    bc_commands_repeat_to(commands, "loa-1", START_US + 5 * S);
    g_assert_cmpstr(wire.text->str, ==, ""); /* told a moment ago */
    bc_commands_tick(commands, START_US + 40 * S);
    bc_commands_repeat_to(commands, "loa-1", START_US + 40 * S);
    g_assert_cmpstr(wire.text->str, ==, "loa-1:c-8 loa-1:c-7 ");
    g_string_truncate(wire.text, 0);
    bc_commands_repeat_to(commands, "loa-2", START_US + 41 * S);
    g_assert_cmpstr(wire.text->str, ==, "loa-2:c-8 loa-2:c-7 loa-2:c-6 loa-2:c-5 loa-2:c-4 loa-2:c-3 loa-2:c-2 loa-2:c-1 ");
    bc_commands_free(commands);
    commands = bc_commands_new(f->store, bc_device_link_key(f->link), &ops, 30 * S, START_US + 60 * S, &error); /* mediad died */
    g_assert_no_error(error);
    g_string_truncate(wire.text, 0);
    bc_commands_repeat_to(commands, "loa-1", START_US + 61 * S);
    g_assert_cmpstr(wire.text->str, ==, "loa-1:c-8 loa-1:c-7 ");
    g_string_truncate(wire.text, 0);
    bc_commands_repeat(commands, START_US + 121 * S);
    g_assert_cmpstr(wire.text->str, ==, ""); /* too late */
    bc_commands_free(commands);
    g_string_free(wire.text, TRUE);
}

/* The time without a broker says nothing about the loudspeakers: no false alarm for a province when it comes back. */
static void test_broker_was_away(Fixture *f, gconstpointer data)
{
    say(f, "loa-2", "state", "{\"online\":true}");
    bc_device_link_take_broker(f->link, false);
    md_virtual_clock_advance(&f->clock, (int64_t)3600 * S);
    bc_device_link_take_broker(f->link, true);
    later(f, 100 * S);
    g_assert_true(bc_device_link_online(f->link, "loa-2"));
    later(f, 100 * S);
    g_assert_false(bc_device_link_online(f->link, "loa-2"));
}

static void note_error(const GError *error, void *user)
{
    *(int *)user = error ? error->code : -1;
}

static int put(Fixture *f, const BcDevice *device)
{
    int code = -2;
    bc_devices_put(f->devices, device, note_error, &code);
    while (code == -2)
        g_main_context_iteration(NULL, TRUE);
    return code;
}

/* What the registry knows besides: kept over restarts, volume limits by hour, gateways that are there. */
static void test_registry(Fixture *f, gconstpointer data)
{
    BcDevice gateway = {.id = "cong-1", .name = "Cổng", .area = "42", .kind = BC_DEVICE_GATEWAY, .latitude = NAN, .longitude = NAN, .enabled = true};
    BcDevice device = {.id = "loa-x", .name = "Loa X", .area = "18073", .kind = BC_DEVICE_LINK, .latitude = 18.3, .longitude = 105.9,
                       .volume = 80, .enabled = true, .model = "M-2", .serial = "0042", .gateway = "cong-1", .position_measured = true,
                       .volumes = {{1260, 360, 30}, {690, 810, 50}}, .n_volumes = 2};
    g_assert_cmpint(put(f, &device), ==, BC_ERROR_INVALID); /* no such gateway */
    g_assert_cmpint(put(f, &gateway), ==, -1);
    g_assert_cmpint(put(f, &device), ==, -1);
    g_autoptr(BcDevices) again = bc_devices_new(f->store, f->areas, NULL);
    const BcDevice *read = bc_devices_find(again, "loa-x");
    g_assert_cmpstr(read->serial, ==, "0042");
    g_assert_cmpstr(read->gateway, ==, "cong-1");
    g_assert_null(read->address);
    g_assert_true(read->position_measured);
    g_assert_cmpuint(bc_device_volume_at(read, 80, 600), ==, 80);
    g_assert_cmpuint(bc_device_volume_at(read, 80, 1300), ==, 30);
    g_assert_cmpuint(bc_device_volume_at(read, 80, 100), ==, 30);
    g_assert_cmpuint(bc_device_volume_at(read, 20, 100), ==, 20);
    g_assert_cmpuint(bc_device_volume_at(read, 80, 700), ==, 50);
    device.volumes[1].volume = 101;
    g_assert_cmpint(put(f, &device), ==, BC_ERROR_INVALID);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add("/device-link/" name, Fixture, NULL, set_up, fn, tear_down)
    ADD("messages", test_messages);
    ADD("flood", test_flood);
    ADD("silent-is-gone", test_silent_is_gone);
    ADD("commands", test_commands);
    ADD("why-silent", test_why_silent);
    ADD("outage", test_outage);
    ADD("enrolment", test_enrolment);
    ADD("restart", test_restart);
    ADD("again", test_again);
    ADD("missing-report", test_missing_report);
    ADD("broker-was-away", test_broker_was_away);
    ADD("registry", test_registry);
    return g_test_run();
}
