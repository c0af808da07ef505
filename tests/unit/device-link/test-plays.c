/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Announcements: what the link is told, and what comes back. */
#include "tests/unit/device-link/link-rig.h"

static void take_play(const BcPlay *play, void *user)
{
    const BcProof *p = play->proof;
    g_string_append_printf(user, "%s %s: %s%s", play->device, play->outcome, play->reason ? play->reason : "-",
                           p && p->proved_us ? " proved" : "");
    g_string_append(user, ";");
}

static void take_run(const BcRun *run, void *user)
{
    g_string_append_printf(user, "%s %d/%d/%d of %d;", run->state, (int)run->played, (int)run->partial, (int)run->missed, (int)run->devices);
}

static void check_log(Rig *rig, const char *announcement, const char *run, const char *plays)
{
    g_autoptr(GString) text = g_string_new(NULL);
    rig_settle_store(rig);
    g_assert_true(bc_play_log_runs(bc_broadcast_play_log(rig->b), announcement, INT64_MAX, 1, take_run, text, NULL));
    g_assert_cmpstr(text->str, ==, run);
    g_string_truncate(text, 0);
    g_assert_true(bc_play_log_plays(bc_broadcast_play_log(rig->b), announcement, NULL, 100, 0, take_play, text, NULL));
    g_assert_cmpstr(text->str, ==, plays);
}

static void ack(Rig *rig, const char *device, const char *state, const char *reason)
{
    BcLinkAck a = {.command = rig->link.command.id, .state = (char *)state, .reason = (char *)reason, .at_us = rig_wall(rig)};
    for (unsigned i = 0; i < rig->link.n_listeners; i++)
        if (rig->link.listeners[i].ack)
            rig->link.listeners[i].ack(device, &a, rig->link.listeners[i].user);
}

static void report(Rig *rig, const char *device, const char *occurrence, const char *state, int64_t from_us, int64_t to_us, double match, int64_t sequence)
{
    BcLinkReport r = {.occurrence = (char *)occurrence, .state = (char *)state, .from_us = from_us, .to_us = to_us, .level_dbfs = NAN, .match = match,
                      .level_source = (char *)(isnan(match) ? "none" : "loopback"), .sequence = sequence};
    BcLinkReports all = {&r, 1};
    for (unsigned i = 0; i < rig->link.n_listeners; i++)
        if (rig->link.listeners[i].reports)
            rig->link.listeners[i].reports(device, &all, rig->link.listeners[i].user);
}

static void test_occurrence(void)
{
    static const struct { const char *text; bool ok; const char *schedule; int64_t seconds; unsigned item; } cases[] = {
        {"s-1@1795384800", true, "s-1", 1795384800, 0}, {"s-1@1795384800.12", true, "s-1", 1795384800, 12}, {"a-0123", true, NULL, 0, 0},
        {"@5", false, NULL, 0, 0}, {"s@", false, NULL, 0, 0}, {"s@5.", false, NULL, 0, 0}, {"s@5x", false, NULL, 0, 0}, {"", false, NULL, 0, 0},
        {"s@99999999999", false, NULL, 0, 0}, {"s@-5", false, NULL, 0, 0}, {"a b", false, NULL, 0, 0}, {"s@5.99999", false, NULL, 0, 0},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *schedule = NULL;
        int64_t us;
        unsigned item;
        g_assert_cmpint(bc_occurrence_parse(cases[i].text, &schedule, &us, &item), ==, cases[i].ok);
        g_assert_cmpstr(schedule, ==, cases[i].schedule);
        g_assert_cmpint(us, ==, cases[i].seconds * S);
        g_assert_cmpuint(item, ==, cases[i].item);
    }
}

/* An emergency is one command for all; what devices say comes back, receipts follow what is durable; who comes back late is told again. */
static void test_command(void)
{
    Rig rig;
    rig_init(&rig);
    province_put_device(rig.b, &(BcDevice){.id = "d1", .area = "18073", .kind = BC_DEVICE_LINK});
    province_put_device(rig.b, &(BcDevice){.id = "d2", .area = "18073", .kind = BC_DEVICE_LINK});
    province_put_device(rig.b, &(BcDevice){.id = "d3", .area = "18073", .kind = BC_DEVICE_LINK});
    g_autofree char *content = rig_add_content(&rig);
    rig_run_settled(&rig, 2 * S);
    g_string_truncate(rig.link.log, 0);
    BcPlayOptions options = {.content = content, .priority = BC_EMERGENCY, .authority = BC_AUTHORITY_PROVINCE, .siren = BC_SIREN_STORM, .siren_rounds = 2,
                             .title = "Bão", .created_by = "An"};
    int64_t issued = rig_wall(&rig);
    g_autofree char *id = rig_play(&rig, &options);
    rig_check_link(&rig, "alert d1 d2 d3;");
    const BcLinkCommand *c = &rig.link.command;
    g_assert_cmpstr(c->item.occurrence, ==, id);
    g_assert_cmpint(c->siren, ==, BC_SIREN_STORM);
    g_assert_cmpuint(c->siren_rounds, ==, 2);
    g_assert_cmpuint(c->item.priority, ==, 1);
    g_assert_cmpuint(c->item.authority, ==, 1);
    g_assert_cmpint(c->item.start_us - issued, >=, 200000);
    g_assert_cmpint(c->item.start_us - issued, <=, 500000); /* not when calls would have been answered */
    g_autofree char *path = g_strconcat(content, "/programme.mp3", NULL), *file = g_build_filename(rig.dir, "content", content, "programme.mp3", NULL);
    g_autofree char *bytes = NULL;
    gsize len = 0;
    if (!g_file_get_contents(file, &bytes, &len, NULL)) {
        g_autofree char *found = bc_contents_path(bc_broadcast_contents(rig.b), content, "programme.mp3");
        g_assert_true(g_file_get_contents(found, &bytes, &len, NULL));
    }
    g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes, len);
    g_assert_cmpstr(c->item.media.path, ==, path);
    g_assert_cmpstr(c->item.media.sha256, ==, sum);
    g_assert_cmpint(c->item.media.bytes, ==, (int64_t)len);
    rig_run_settled(&rig, S);
    ack(&rig, "d1", "received", NULL);
    ack(&rig, "d2", "refused", "signature");
    report(&rig, "d1", id, "began", issued + S / 2, 0, NAN, 1);
    rig_check_link(&rig, ""); /* not durable yet */
    rig_run_settled(&rig, 7 * S);
    rig_check_link(&rig, "receipt d1 1;");
    report(&rig, "d1", id, "ended", issued + S / 2, issued + 7 * S, 0.9, 2);
    rig_run_settled(&rig, 2 * S);
    rig_check_link(&rig, "receipt d1 2;");
    rig_run_settled(&rig, 30 * S);
    check_log(&rig, id, "done 1/0/2 of 3;", "d1 played: - proved;d2 missed: signature;d3 missed: no report;");
    report(&rig, "d3", id, "ended", issued + S, issued + 7 * S, 0.2, 9); /* hours late, and not like what was meant */
    rig_settle_store(&rig);
    check_log(&rig, id, "done 2/0/1 of 3;", "d1 played: - proved;d2 missed: signature;d3 played: reported late;");
    rig_clear(&rig);
}

/* A loudspeaker that was taken out of the registry while something sounds keeps the word to stop from nobody. */
static void test_stop_without_one(void)
{
    Rig rig;
    int flag = 0;
    rig_init(&rig);
    province_put_device(rig.b, &(BcDevice){.id = "d1", .area = "18073", .kind = BC_DEVICE_LINK});
    province_put_device(rig.b, &(BcDevice){.id = "d2", .area = "18073", .kind = BC_DEVICE_LINK});
    g_autofree char *content = rig_add_content(&rig);
    rig_run_settled(&rig, 2 * S);
    g_string_truncate(rig.link.log, 0);
    BcPlayOptions options = {.content = content, .priority = BC_EMERGENCY, .authority = BC_AUTHORITY_PROVINCE, .title = "Bão", .created_by = "An"};
    g_autofree char *id = rig_play(&rig, &options);
    rig_check_link(&rig, "play d1 d2;");
    rig_run_settled(&rig, S);
    g_string_truncate(rig.link.log, 0);
    bc_devices_remove(bc_broadcast_devices(rig.b), "d2", province_on_done, &flag);
    province_wait(&flag);
    g_assert_true(bc_broadcast_stop(rig.b, id, "An", NULL));
    rig_run_settled(&rig, S / 5);
    rig_check_link(&rig, "stop d1;");
    rig_clear(&rig);
}

static void test_back_again(void)
{
    Rig rig;
    rig_init(&rig);
    province_put_device(rig.b, &(BcDevice){.id = "d1", .area = "18073", .kind = BC_DEVICE_LINK});
    province_put_device(rig.b, &(BcDevice){.id = "d2", .area = "18073", .kind = BC_DEVICE_LINK});
    g_autofree char *content = rig_add_content(&rig);
    rig_run_settled(&rig, 2 * S);
    g_string_truncate(rig.link.log, 0);
    BcPlayOptions options = {.content = content, .priority = BC_EMERGENCY, .authority = BC_AUTHORITY_PROVINCE, .repeats = 10, .title = "Bão"};
    g_autofree char *id = rig_play(&rig, &options);
    rig_check_link(&rig, "play d1 d2;");
    int64_t start = rig.link.command.item.start_us;
    ack(&rig, "d1", "received", NULL);
    rig_run_settled(&rig, 15 * S);
    rig_online(&rig, "d1"); /* has it */
    rig_online(&rig, "d2"); /* was away: joins in at the same place by the clock */
    rig_online(&rig, "d2"); /* not twice in a row */
    rig_check_link(&rig, "play d2;");
    g_assert_cmpint(rig.link.command.item.start_us, ==, start);
    g_assert_cmpstr(rig.link.command.item.occurrence, ==, id);
    ack(&rig, "d2", "received", NULL); /* the second command's id */
    rig_run_settled(&rig, 15 * S);
    rig_online(&rig, "d2");
    rig_check_link(&rig, "");
    g_assert_true(bc_broadcast_stop(rig.b, id, "An", NULL));
    rig_check_link(&rig, "stop d1 d2;");
    g_assert_cmpstr(rig.link.command.occurrence, ==, id);
    rig_online(&rig, "d2"); /* not begun again */
    rig_check_link(&rig, "");
    rig_run_settled(&rig, 25 * S);
    rig.link.broken = true;
    g_autofree char *lost = rig_play(&rig, &options);
    rig_check_link(&rig, "");
    rig_run_settled(&rig, 2 * S);
    check_log(&rig, lost, "ringing 0/0/0 of 2;" /* counted at the end */, "d1 missed: the broker is away;d2 missed: the broker is away;");
    rig_clear(&rig);
}

/* mediad ends in the middle and is back: the same play at the same place on the clock, and what was reported before still counts. */
static void test_restart(void)
{
    Rig rig;
    rig_init(&rig);
    province_put_device(rig.b, &(BcDevice){.id = "d1", .area = "18073", .kind = BC_DEVICE_LINK});
    province_put_device(rig.b, &(BcDevice){.id = "d2", .area = "18073", .kind = BC_DEVICE_LINK});
    g_autofree char *content = rig_add_content(&rig);
    rig_run_settled(&rig, 2 * S);
    g_string_truncate(rig.link.log, 0);
    BcPlayOptions options = {.content = content, .priority = BC_EMERGENCY, .authority = BC_AUTHORITY_PROVINCE, .repeats = 5, .title = "Bão"};
    int64_t issued = rig_wall(&rig);
    g_autofree char *id = rig_play(&rig, &options);
    rig_check_link(&rig, "play d1 d2;");
    int64_t end = rig.link.command.item.start_us + rig.link.command.item.duration_us;
    rig_run_settled(&rig, 4 * S);
    report(&rig, "d1", id, "began", issued + S / 2, 0, NAN, 1);
    report(&rig, "d2", id, "ended", issued + S / 2, issued + 3 * S, 0.9, 1); /* as a device does whose clock is off, say */
    rig_run_settled(&rig, 6 * S);
    rig_check_link(&rig, "receipt d1 1;receipt d2 1;");
    rig_close_room(&rig);
    rig_open_room(&rig);
    rig_run_settled(&rig, 3 * S);
    rig_check_link(&rig, "play d1 d2;");
    g_assert_cmpstr(rig.link.command.item.occurrence, ==, id);
    g_assert_cmpint(llabs(rig.link.command.item.start_us + rig.link.command.item.duration_us - end), <, 3 * S);
    g_assert_cmpint(rig.link.command.item.start_us, <, issued + 4 * S);
    rig_run_settled(&rig, 36 * S);
    report(&rig, "d1", id, "ended", issued + S / 2, end, NAN, 2);
    rig_run_settled(&rig, 30 * S);
    check_log(&rig, id, "done 2/0/0 of 2;", "d1 played: -;d2 played: - proved;");
    BcLatency latency;
    g_assert_true(bc_play_log_latency(bc_broadcast_play_log(rig.b), id, &latency, NULL));
    g_assert_cmpuint(latency.sounded, ==, 2);
    rig_clear(&rig);
}

/* What the broker took just before it died goes out again. */
static void test_broker_died(void)
{
    Rig rig;
    rig_init(&rig);
    province_put_device(rig.b, &(BcDevice){.id = "d1", .area = "18073", .kind = BC_DEVICE_LINK});
    rig_run_settled(&rig, 4 * S);
    rig_check_link(&rig, "manifest d1;");
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned up = 0; up < 2; up++) {
            for (unsigned i = 0; i < rig.link.n_listeners; i++)
                if (rig.link.listeners[i].broker)
                    rig.link.listeners[i].broker(up, rig.link.listeners[i].user);
            rig_run_settled(&rig, 2 * S);
        }
        rig_check_link(&rig, round ? "" : "manifest d1;"); /* later it is on the broker's disk */
        rig_run_settled(&rig, 90 * S);
    }
    rig_clear(&rig);
}

/* Five thousand devices change at once: all get theirs, spread over seconds. */
static void test_many(void)
{
    Rig rig;
    rig_init(&rig);
    g_autoptr(GArray) seed = g_array_new(FALSE, TRUE, sizeof(BcDevice));
    for (unsigned i = 0; i < 5000; i++) {
        char *id = g_strdup_printf("d%04u", i);
        BcDevice d = {.id = id, .name = id, .area = "18073", .kind = BC_DEVICE_LINK, .latitude = NAN, .longitude = NAN, .volume = 50, .enabled = true};
        g_array_append_val(seed, d);
    }
    g_assert_true(bc_devices_seed(bc_broadcast_devices(rig.b), (BcDevice *)seed->data, seed->len, NULL));
    for (unsigned i = 0; i < 10; i++)
        rig_run_settled(&rig, S / 10);
    BcManifestsStats stats;
    bc_manifests_stats(rig.manifests, &stats);
    g_assert_cmpuint(stats.published, >, 0);
    g_assert_cmpuint(stats.published, <=, 700); /* 1000 a second, after half a second */
    rig_run_settled(&rig, 12 * S); /* time goes in steps of 20 ms here: half the pace */
    bc_manifests_stats(rig.manifests, &stats);
    g_assert_cmpuint(stats.published, ==, 5000);
    g_assert_cmpuint(stats.waiting, ==, 0);
    g_autofree char *content = rig_add_content(&rig);
    rig_run_settled(&rig, 2 * S);
    g_string_truncate(rig.link.log, 0);
    BcPlayOptions options = {.content = content, .priority = BC_EMERGENCY, .authority = BC_AUTHORITY_PROVINCE, .title = "Bão"};
    int64_t began = g_get_monotonic_time();
    g_autofree char *id = rig_play(&rig, &options);
    int64_t took = g_get_monotonic_time() - began, sent = rig.link.sent_us - began;
    g_test_message("an emergency to 5000 devices is on its way after %d ms, control is free again after %d ms", (int)(sent / 1000), (int)(took / 1000));
    unsigned told = 0;
    for (const char *at = strchr(rig.link.log->str, ' '); at; at = strchr(at + 1, ' '))
        told++;
    g_assert_cmpuint(told, ==, 5000);
    g_assert_cmpint(took, <, 2 * S); /* generous: other tests run beside this one */
    for (unsigned i = 0; i < seed->len; i++)
        g_free((char *)g_array_index(seed, BcDevice, i).id);
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device-link/occurrence", test_occurrence);
    g_test_add_func("/device-link/command", test_command);
    g_test_add_func("/device-link/stop-without-one", test_stop_without_one);
    g_test_add_func("/device-link/back-again", test_back_again);
    g_test_add_func("/device-link/restart", test_restart);
    g_test_add_func("/device-link/broker-died", test_broker_died);
    g_test_add_func("/device-link/many", test_many);
    return g_test_run();
}
