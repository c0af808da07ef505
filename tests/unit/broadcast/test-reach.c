/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Devices that are told and report by themselves: what they are told, what the play log makes of their words. */
#include "tests/unit/broadcast/reach-rig.h"

static void say(Rig *rig, const char *announcement, const char *device, BcReachState state, int64_t from_us, int64_t to_us)
{
    BcReachNews n = rig_news(announcement, device, state, to_us ? to_us : from_us ? from_us : rig_wall(rig));
    n.from_us = from_us;
    n.to_us = to_us;
    bc_broadcast_reach_news(rig->b, &n);
}

static bool barrier(MdDb *db, gpointer data, GError **error)
{
    return true;
}

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

static void settle_store(Rig *rig)
{
    bc_play_log_flush(bc_broadcast_play_log(rig->b));
    md_store_write_sync(rig->store, barrier, NULL, NULL);
}

static void check_log(Rig *rig, const char *announcement, const char *run, const char *plays)
{
    g_autoptr(GString) text = g_string_new(NULL);
    settle_store(rig);
    g_assert_true(bc_play_log_runs(bc_broadcast_play_log(rig->b), announcement, INT64_MAX, 1, take_run, text, NULL));
    g_assert_cmpstr(text->str, ==, run);
    g_string_truncate(text, 0);
    g_assert_true(bc_play_log_plays(bc_broadcast_play_log(rig->b), announcement, NULL, 100, 0, take_play, text, NULL));
    g_assert_cmpstr(text->str, ==, plays);
}

/* Told once for all; each device's own words; who says nothing is missed, and corrected hours later. */
static void test_reports(void)
{
    Rig rig;
    rig_init(&rig);
    for (char name[3] = "d1"; name[1] <= '5'; name[1]++)
        province_put_device(rig.b, &(BcDevice){.id = name, .area = "18073", .kind = BC_DEVICE_LINK});
    province_put_device(rig.b, &(BcDevice){.id = "output", .area = "18073", .kind = BC_DEVICE_OUTPUT}); /* nothing drives these here */
    province_put_device(rig.b, &(BcDevice){.id = "board", .area = "18073", .kind = BC_DEVICE_BOARD});   /* nobody counts on its sound */
    g_autofree char *content = province_add_content(rig.b, rig.dir, "Bản tin");
    BcPlayOptions options = {.content = content, .priority = BC_EMERGENCY, .authority = BC_AUTHORITY_COMMUNE, .siren = 2, .siren_rounds = 1,
                             .repeats = 2, .title = "Bão", .volume = 30, .drill = true};
    int64_t issued = rig_wall(&rig);
    g_autofree char *id = rig_play(&rig, &options);
    rig_check_told(&rig, "begin Bão d1 d2 d3 d4 d5;");
    g_assert_cmpstr(rig.run, ==, id);
    g_assert_cmpint(rig.sound.siren, ==, 2);
    g_assert_cmpuint(rig.sound.authority, ==, BC_AUTHORITY_COMMUNE);
    g_assert_cmpuint(rig.sound.volume, ==, 30);
    g_assert_cmpuint(rig.sound.repeats, ==, 2);
    g_assert_true(rig.sound.drill);
    g_assert_false(rig.sound.in_manifest);
    g_assert_null(rig.sound.live);
    g_assert_cmpint(llabs(rig.sound.duration_us - 14 * S), <, S / 2);
    rig_run_for(&rig, S);
    say(&rig, id, "d1", BC_REACH_BEGAN, issued + S / 2, 0);
    say(&rig, id, "d2", BC_REACH_BEGAN, issued + S, 0);
    say(&rig, id, "d4", BC_REACH_REFUSED, 0, 0);
    say(&rig, id, "nobody", BC_REACH_BEGAN, issued, 0); /* not one of ours */
    rig_run_for(&rig, 17 * S);
    say(&rig, id, "d1", BC_REACH_ENDED, issued + S / 2, issued + 14 * S);
    say(&rig, id, "d1", BC_REACH_PROVED, issued + S / 2, issued + 14 * S);
    check_log(&rig, id, "done 0/0/2 of 6;" /* counted when all have spoken, or should have */, "d1 played: - proved;d2 playing: -;d3 waiting: -;d4 missed: refused by the device;d5 waiting: -;"
              "output missed: nothing here drives devices of this kind;");
    rig_run_for(&rig, 25 * S);
    check_log(&rig, id, "done 1/1/4 of 6;", "d1 played: - proved;d2 partial: its end was not reported;d3 missed: no report;"
              "d4 missed: refused by the device;d5 missed: no report;output missed: nothing here drives devices of this kind;");
    rig_run_for(&rig, 3600 * S / 100);
    for (unsigned twice = 0; twice < 2; twice++) {
        say(&rig, id, "d3", BC_REACH_ENDED, issued + 3 * S, issued + 14 * S);
        say(&rig, id, "d2", BC_REACH_ENDED, issued + S, issued + 14 * S);
        say(&rig, id, "d3", BC_REACH_BEGAN, issued + 3 * S, 0);
    }
    check_log(&rig, id, "done 3/0/3 of 6;", "d1 played: - proved;d2 played: reported late;d3 played: reported late;"
              "d4 missed: refused by the device;d5 missed: no report;output missed: nothing here drives devices of this kind;");
    BcLatency latency;
    g_assert_true(bc_play_log_latency(bc_broadcast_play_log(rig.b), id, &latency, NULL));
    g_assert_cmpuint(latency.sounded, ==, 3);
    g_assert_cmpuint(latency.silent, ==, 3);
    g_assert_cmpint(latency.p50_us, ==, S);
    g_assert_cmpint(latency.p95_us, ==, 3 * S);
    g_assert_cmpint(latency.worst_us, ==, 3 * S);
    g_assert_cmpstr(latency.worst_device, ==, "d3");
    rig_check_told(&rig, "");
    rig_clear(&rig);
}

/* An emergency takes devices from a normal bulletin; the devices of the link take it up again by themselves, a gateway is told again. */
static void test_pre_emption(void)
{
    Rig rig;
    rig_init(&rig);
    province_put_device(rig.b, &(BcDevice){.id = "g", .area = "18073", .kind = BC_DEVICE_GATEWAY});
    province_put_device(rig.b, &(BcDevice){.id = "l", .area = "18073", .kind = BC_DEVICE_LINK});
    g_autofree char *content = province_add_content(rig.b, rig.dir, "Bản tin");
    BcPlayOptions options = {.content = content, .priority = BC_NORMAL, .authority = BC_AUTHORITY_COMMUNE, .repeats = 10, .title = "Thường"};
    g_autofree char *normal = rig_play(&rig, &options);
    rig_check_told(&rig, "begin Thường l;begin Thường g;");
    rig_run_for(&rig, 5 * S);
    options.title = "Ưu tiên thấp hơn";
    options.authority = BC_AUTHORITY_VILLAGE;
    options.repeats = 1;
    g_autofree char *lower = rig_play(&rig, &options);
    rig_check_told(&rig, ""); /* waits for its turn */
    options.title = "Bão";
    options.priority = BC_EMERGENCY;
    g_autofree char *storm = rig_play(&rig, &options);
    rig_check_told(&rig, "begin Bão l;begin Bão g;");
    rig_run_for(&rig, 15 * S);
    rig_check_told(&rig, "begin Thường g;");
    g_assert_true(bc_broadcast_stop(rig.b, normal, "An", NULL));
    rig_check_told(&rig, "stop Thường stopped by An;stop Thường stopped by An;"); /* once a kind */
    rig_run_for(&rig, 30 * S);
    check_log(&rig, lower, "done 0/0/2 of 2;", "g missed: held by another announcement;l missed: held by another announcement;");
    rig_clear(&rig);
}

static char *schedule(Rig *rig, const char *content, const char *start)
{
    static const char *const areas[] = {"18073", NULL};
    char *id = NULL;
    int flag = 0;
    bc_broadcast_put_schedule(rig->b, &(BcSchedule){.name = "Bản tin sáng", .content = content, .areas = areas, .start_local = start,
                                                    .priority = BC_NORMAL, .grace_s = 10, .enabled = true},
                              &id, province_on_done, &flag);
    province_wait(&flag);
    return id;
}

static void find_id(const BcRun *run, void *user)
{
    g_free(*(char **)user);
    *(char **)user = g_strdup(run->id);
}

/* A scheduled bulletin is known from the manifest; reports name its occurrence. mediad was away: the reports make the run. */
static void test_schedule(void)
{
    Rig rig;
    rig_init(&rig);
    province_put_device(rig.b, &(BcDevice){.id = "d1", .area = "18073", .kind = BC_DEVICE_LINK});
    province_put_device(rig.b, &(BcDevice){.id = "d2", .area = "18073", .kind = BC_DEVICE_LINK});
    g_autofree char *content = province_add_content(rig.b, rig.dir, "Bản tin"), *id = schedule(&rig, content, "2026-11-23T05:00"), *run = NULL;
    md_virtual_clock_advance(&rig.clock, 3580 * S);
    rig_run_for(&rig, 21 * S);
    rig_check_told(&rig, "begin Bản tin sáng d1 d2;");
    g_assert_true(rig.sound.in_manifest);
    BcReachNews n = {.schedule = id, .occurrence_us = T0, .device = "d1", .state = BC_REACH_ENDED, .at_us = T0 + 6 * S, .from_us = T0,
                     .to_us = T0 + 6 * S, .level_dbfs = NAN, .match = NAN};
    rig_run_for(&rig, 7 * S);
    bc_broadcast_reach_news(rig.b, &n);
    rig_run_for(&rig, 30 * S);
    bc_broadcast_running(rig.b, find_id, &run);
    g_assert_null(run);
    settle_store(&rig);
    bc_play_log_runs(bc_broadcast_play_log(rig.b), NULL, 0, 1, find_id, &run, NULL);
    check_log(&rig, run, "done 1/0/1 of 2;", "d1 played: -;d2 missed: no report;");
    /* the next morning mediad is away, and both devices play; one says so before mediad has looked at its timetable, one later */
    g_autofree char *next = schedule(&rig, content, "2026-11-24T05:00"), *made = NULL;
    rig_close_room(&rig);
    md_virtual_clock_advance(&rig.clock, 24 * 3600 * S);
    rig_open_room(&rig);
    n.schedule = next;
    n.occurrence_us = n.from_us = T0 + 24 * 3600 * S;
    n.to_us = n.at_us = n.from_us + 6 * S;
    for (unsigned i = 0; i < 2; i++) {
        n.device = i ? "d2" : "d1";
        bc_broadcast_reach_news(rig.b, &n);
        rig_run_for(&rig, 2 * S);
        settle_store(&rig);
    }
    bc_play_log_runs(bc_broadcast_play_log(rig.b), NULL, INT64_MAX, 1, find_id, &made, NULL);
    check_log(&rig, made, "done 2/0/0 of 2;", "d1 played: reported late;d2 played: reported late;");
    n.schedule = "s-unknown";
    bc_broadcast_reach_news(rig.b, &n);
    settle_store(&rig); /* nothing comes of it */
    g_assert_false(md_store_failing(rig.store));
    rig_clear(&rig);
}

static void list_run(const BcRun *run, void *user)
{
    g_string_append_printf(user, "%s %d/%d/%d;", run->state, (int)run->played, (int)run->partial, (int)run->missed);
}

static void check_runs(Rig *rig, const char *expected)
{
    g_autoptr(GString) text = g_string_new(NULL);
    settle_store(rig);
    g_assert_true(bc_play_log_runs(bc_broadcast_play_log(rig->b), NULL, INT64_MAX, 10, list_run, text, NULL));
    g_assert_cmpstr(text->str, ==, expected);
}

/* A loudspeaker reports an occurrence before its time, and before the announcement begins: one occurrence is one run. */
static void test_one_run(void)
{
    Rig rig;
    rig_init(&rig);
    province_put_device(rig.b, &(BcDevice){.id = "d1", .area = "18073", .kind = BC_DEVICE_LINK});
    province_put_device(rig.b, &(BcDevice){.id = "d2", .area = "18073", .kind = BC_DEVICE_LINK});
    province_put_device(rig.b, &(BcDevice){.id = "d3", .area = "18073", .kind = BC_DEVICE_LINK});
    g_autofree char *content = province_add_content(rig.b, rig.dir, "Bản tin"), *id = schedule(&rig, content, "2026-11-23T05:00"), *run = NULL;
    BcReachNews n = {.schedule = id, .occurrence_us = T0, .device = "d1", .state = BC_REACH_MISSED, .reason = "clock unknown", .at_us = T0 + 99 * S,
                     .level_dbfs = NAN, .match = NAN};
    bc_broadcast_reach_news(rig.b, &n); /* an hour before its time */
    check_runs(&rig, "");
    rig_close_room(&rig);
    md_virtual_clock_advance(&rig.clock, 3602 * S);
    rig_open_room(&rig); /* two seconds late: within its grace, but the reports are there first */
    bc_broadcast_reach_news(rig.b, &n);
    n = (BcReachNews){.schedule = id, .occurrence_us = T0, .device = "d2", .state = BC_REACH_ENDED, .at_us = T0 + S, .from_us = T0, .to_us = T0 + S,
                      .level_dbfs = NAN, .match = NAN};
    bc_broadcast_reach_news(rig.b, &n);
    check_runs(&rig, "done 1/0/1;");
    rig_run_for(&rig, 3 * S);
    rig_check_told(&rig, "begin Bản tin sáng d1 d2 d3;");
    check_runs(&rig, "playing 0/0/0;");
    n = (BcReachNews){.schedule = id, .occurrence_us = T0, .device = "d3", .state = BC_REACH_ENDED, .at_us = T0 + 6 * S, .from_us = T0,
                      .to_us = T0 + 6 * S, .level_dbfs = NAN, .match = NAN};
    rig_run_for(&rig, 6 * S);
    bc_broadcast_reach_news(rig.b, &n);
    rig_run_for(&rig, 30 * S);
    bc_play_log_runs(bc_broadcast_play_log(rig.b), NULL, INT64_MAX, 1, find_id, &run, NULL);
    check_runs(&rig, "done 2/0/1;");
    check_log(&rig, run, "done 2/0/1 of 3;", "d1 missed: no report;d2 played: reported late;d3 played: -;");
    rig_clear(&rig);
}

/* A programme of two recordings with silence between is played when both have ended, in whatever order the reports come. */
static void test_programme(void)
{
    static const char *const areas[] = {"18073", NULL};
    Rig rig;
    rig_init(&rig);
    province_put_device(rig.b, &(BcDevice){.id = "d1", .area = "18073", .kind = BC_DEVICE_LINK});
    province_put_device(rig.b, &(BcDevice){.id = "d2", .area = "18073", .kind = BC_DEVICE_LINK});
    g_autofree char *content = province_add_content(rig.b, rig.dir, "Bản tin"), *id = NULL, *run = NULL;
    BcItem items[] = {{.kind = BC_ITEM_CONTENT, .content = content}, {.kind = BC_ITEM_SILENCE, .duration_us = 2 * S}, {.kind = BC_ITEM_CONTENT, .content = content}};
    int flag = 0;
    bc_broadcast_put_schedule(rig.b, &(BcSchedule){.name = "Chương trình", .areas = areas, .start_local = "2026-11-23T05:00", .priority = BC_NORMAL,
                                                   .grace_s = 10, .enabled = true, .items = items, .n_items = 3},
                              &id, province_on_done, &flag);
    province_wait(&flag);
    md_virtual_clock_advance(&rig.clock, 3580 * S);
    rig_run_for(&rig, 37 * S);
    for (unsigned i = 0; i < 3; i++) { /* d1: second item, first item; d2: the second alone */
        BcReachNews n = {.schedule = id, .occurrence_us = T0, .device = i < 2 ? "d1" : "d2", .item = i == 1 ? 0 : 1, .state = BC_REACH_ENDED,
                         .at_us = T0 + 14 * S, .from_us = T0 + (i == 1 ? 0 : 8) * S, .to_us = T0 + (i == 1 ? 6 : 14) * S, .level_dbfs = NAN, .match = NAN};
        bc_broadcast_reach_news(rig.b, &n);
    }
    rig_run_for(&rig, 30 * S);
    settle_store(&rig);
    bc_play_log_runs(bc_broadcast_play_log(rig.b), NULL, INT64_MAX, 1, find_id, &run, NULL);
    check_log(&rig, run, "done 1/1/0 of 2;", "d1 played: -;d2 partial: its end was not reported;");
    rig_clear(&rig);
}

static unsigned drain(Rig *rig)
{
    uint8_t data[2048];
    MdAddr from;
    unsigned n = 0;
    while (md_udp_receive(rig->group_fd, &from, data, sizeof data) > 0)
        n++;
    return n;
}

/* A group of the LAN gets its packets once, however many loudspeakers listen, and gives way to an emergency like all others. */
static void test_fixed(void)
{
    Rig rig;
    rig_init(&rig);
    province_put_device(rig.b, &(BcDevice){.id = "m1", .area = "18073", .kind = BC_DEVICE_MULTICAST});
    province_put_device(rig.b, &(BcDevice){.id = "m2", .area = "18073", .kind = BC_DEVICE_MULTICAST});
    province_put_device(rig.b, &(BcDevice){.id = "nowhere", .area = "18073", .kind = BC_DEVICE_MULTICAST});
    g_autofree char *content = province_add_content(rig.b, rig.dir, "Bản tin");
    BcPlayOptions options = {.content = content, .priority = BC_NORMAL, .authority = BC_AUTHORITY_PROVINCE, .title = "Thường"};
    g_autofree char *id = rig_play(&rig, &options);
    unsigned packets = 0;
    for (unsigned i = 0; i < 120; i++) {
        rig_run_for(&rig, S / 10);
        packets += drain(&rig);
    }
    g_assert_cmpuint(packets, >=, 150); /* 6 s of 40 ms, once */
    g_assert_cmpuint(packets, <=, 152);
    check_log(&rig, id, "done 2/0/1 of 3;", "m1 played: -;m2 played: -;nowhere missed: it has no group;");
    rig_clear(&rig);
}

/* One area of several falls silent: the devices there are told, the others go on. What decides by itself knows the quiet hours; a vendor's
 * gateway does not. */
static void test_hush(void)
{
    Rig rig;
    rig_init(&rig);
    province_put_area(rig.b, "18100", "42");
    province_put_device(rig.b, &(BcDevice){.id = "l1", .area = "18073", .kind = BC_DEVICE_LINK});
    province_put_device(rig.b, &(BcDevice){.id = "l2", .area = "18100", .kind = BC_DEVICE_LINK});
    province_put_device(rig.b, &(BcDevice){.id = "g1", .area = "18073", .kind = BC_DEVICE_GATEWAY});
    province_put_device(rig.b, &(BcDevice){.id = "g2", .area = "18100", .kind = BC_DEVICE_GATEWAY});
    g_autofree char *content = province_add_content(rig.b, rig.dir, "Bản tin");
    BcPlayOptions options = {.content = content, .priority = BC_NORMAL, .repeats = 10, .gap_us = 60 * S, .title = "Thường"};
    g_autofree char *id = rig_play(&rig, &options);
    rig_check_told(&rig, "begin Thường l1 l2;begin Thường g1 g2;");
    rig_run_for(&rig, 5 * S);
    int stopped = 0;
    bc_broadcast_stop_area(rig.b, "18100", "An", rig_on_area_stopped, &stopped);
    rig_check_told(&rig, "hush Thường l2: everything in 18100 was stopped by An;hush Thường g2: everything in 18100 was stopped by An;");
    province_wait(&stopped);
    g_assert_cmpint(stopped, ==, 1);
    rig_set_quiet(&rig, "18073", 4 * 3600, 4 * 3600 + 120);
    rig_run_for(&rig, 3 * S);
    rig_check_told(&rig, "hush Thường g1: quiet hours;");
    rig_run_for(&rig, 120 * S);
    rig_check_told(&rig, "begin Thường g1;"); /* and nothing in the area that was stopped */
    g_assert_true(bc_broadcast_stop(rig.b, id, "An", NULL));
    rig_check_told(&rig, "stop Thường stopped by An;stop Thường stopped by An;");
    /* a drill counts as an emergency for who goes first, not at night: and it does not come back in the morning */
    options = (BcPlayOptions){.content = content, .priority = BC_EMERGENCY, .drill = true, .repeats = 10, .gap_us = 60 * S, .title = "Diễn tập"};
    g_autofree char *drill = rig_play(&rig, &options);
    rig_run_for(&rig, 5 * S);
    rig_check_told(&rig, "begin Diễn tập l1 l2;begin Diễn tập g1 g2;");
    rig_set_quiet(&rig, "18073", 4 * 3600, 4 * 3600 + 240);
    rig_run_for(&rig, 300 * S);
    rig_check_told(&rig, "hush Diễn tập l1: quiet hours;hush Diễn tập g1: quiet hours;");
    rig_clear(&rig);
}

static void release(Rig *rig, const char *area, int64_t us)
{
    const char *const areas[] = {area, NULL};
    g_autofree char *id = NULL;
    int asked = 0, done = 0;
    bc_quiet_ask(bc_broadcast_quiet(rig->b), &(BcQuietRelease){.areas = areas, .from_us = rig_wall(rig), .to_us = rig_wall(rig) + us, .reason = "lũ", .asked_by = "a"},
                 rig_wall(rig), &id, province_on_done, &asked);
    province_wait(&asked);
    bc_quiet_release(bc_broadcast_quiet(rig->b), id, "b", rig_wall(rig), province_on_done, &done);
    province_wait(&done);
}

/* What two people have released is said with the order, if the leave lasts to its end: the devices keep the quiet hours by themselves. */
static void test_released(void)
{
    Rig rig;
    rig_init(&rig);
    province_put_area(rig.b, "18100", "42");
    province_put_device(rig.b, &(BcDevice){.id = "l1", .area = "18073", .kind = BC_DEVICE_LINK});
    province_put_device(rig.b, &(BcDevice){.id = "l2", .area = "18100", .kind = BC_DEVICE_LINK});
    rig_set_quiet(&rig, "18073", 3600, 18000);
    g_autofree char *content = province_add_content(rig.b, rig.dir, "Bản tin");
    release(&rig, "18073", 60 * S);
    BcPlayOptions options = {.content = content, .priority = BC_NORMAL, .repeats = 1, .title = "Ngắn"};
    g_autofree char *brief = rig_play(&rig, &options);
    rig_check_told(&rig, "begin Ngắn l1 l2;");
    g_assert_true(rig.sound.quiet_ok);
    rig_run_for(&rig, 15 * S);
    options.repeats = 10;
    options.gap_us = 20 * S;
    options.title = "Dài";
    g_autofree char *whole = rig_play(&rig, &options);
    rig_check_told(&rig, "begin Dài l1 l2;");
    g_assert_false(rig.sound.quiet_ok); /* lasts longer than the leave */
    g_assert_true(bc_broadcast_stop(rig.b, whole, "An", NULL));
    rig_run_for(&rig, 60 * S);
    rig_check_told(&rig, "stop Dài stopped by An;");
    options.repeats = 1;
    options.title = "Nơi kia";
    g_autofree char *other = rig_play(&rig, &options);
    rig_check_told(&rig, "begin Nơi kia l2;");
    g_assert_false(rig.sound.quiet_ok); /* nobody's leave is needed there */
    rig_clear(&rig);
}

/* The clock is wrong at first, and is set: what has expired ends, and a stop pressed on the wrong day stops nothing for good. */
static void test_clock_set(void)
{
    Rig rig;
    rig_init(&rig);
    province_put_device(rig.b, &(BcDevice){.id = "l1", .area = "18073", .kind = BC_DEVICE_LINK});
    g_autofree char *content = province_add_content(rig.b, rig.dir, "Bản tin");
    BcPlayOptions options = {.content = content, .priority = BC_NORMAL, .repeats = 10, .gap_us = 60 * S, .title = "Thường"};
    options.expires_us = rig_wall(&rig) + 3600 * S;
    g_autofree char *id = rig_play(&rig, &options);
    rig_run_for(&rig, 5 * S);
    rig_check_told(&rig, "begin Thường l1;");
    rig.clock.wall_offset_us += 2 * 3600 * S;
    rig_run_for(&rig, 2 * S);
    rig_check_told(&rig, "stop Thường it has expired;");
    int stopped = 0;
    rig.clock.wall_offset_us += 1000 * 86400 * S;
    bc_broadcast_stop_area(rig.b, "42", "An", rig_on_area_stopped, &stopped);
    rig_run_for(&rig, 2 * S);
    rig.clock.wall_offset_us -= 1000 * 86400 * S;
    rig_run_for(&rig, 2 * S);
    options.expires_us = 0;
    g_autofree char *again = rig_play(&rig, &options);
    rig_run_for(&rig, 5 * S);
    rig_check_told(&rig, "begin Thường l1;");
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/broadcast/reach/reports", test_reports);
    g_test_add_func("/broadcast/reach/pre-emption", test_pre_emption);
    g_test_add_func("/broadcast/reach/schedule", test_schedule);
    g_test_add_func("/broadcast/reach/one-run", test_one_run);
    g_test_add_func("/broadcast/reach/programme", test_programme);
    g_test_add_func("/broadcast/reach/fixed", test_fixed);
    g_test_add_func("/broadcast/reach/hush", test_hush);
    g_test_add_func("/broadcast/reach/released", test_released);
    g_test_add_func("/broadcast/reach/clock-set", test_clock_set);
    return g_test_run();
}
