/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/plan.h"
#include "broadcast/order.h"

#include <math.h>
#include <string.h>
#include <glib/gstdio.h>

/* The plan as a pure function: a province with two communes and a village; recordings whose first hex digit is their length in
 * minutes. Times are civil ones of Hà Tĩnh. */
#define S ((int64_t)1000000)
#define ZONE "Asia/Ho_Chi_Minh"

typedef struct Rig {
    char *dir;
    MdStore *store;
    BcAreas *areas;
    BcDevices *devices;
    BcSchedules *schedules;
    BcSlots *slots;
    BcHolidays *holidays;
    BcQuiet *quiet;
    BcHalts *halts;
    const char *refused; /* recording that is not approved */
    BcPlan *plan;
    int64_t now_us;
} Rig;

static int64_t at(const char *local)
{
    int64_t us = 0;
    g_assert_true(bc_local_to_wall(local, ZONE, &us, NULL));
    return us;
}

static void on_done(const GError *error, void *user)
{
    if (error)
        g_test_message("%s", error->message);
    *(int *)user = error ? -1 : 1;
}

static int wait_flag(const int *flag)
{
    while (!*flag)
        g_main_context_iteration(NULL, TRUE);
    return *flag;
}

static char *recording(unsigned minutes)
{
    return g_strdup_printf("%x%063d", minutes, 0);
}

static bool add_recordings(MdDb *db, gpointer data, GError **error)
{
    for (unsigned i = 1; i < 16; i++) {
        g_autofree char *id = recording(i);
        if (!md_db_run(db, error, "INSERT INTO bc_content (id, title, source_bytes, duration_us, loudness_in, loudness, true_peak, gain_db,"
                                  " clipped_permille, created_us) VALUES ($1, 'x', 1, $2, 0, 0, 0, 0, 0, 0)", "si", id, i * 60 * S))
            return false;
    }
    return true;
}

static bool content(const char *id, int64_t at_us, BcPlanContent *ret, void *user)
{
    Rig *rig = user;
    char digit[2] = {id[0], 0};
    *ret = (BcPlanContent){.duration_us = (int64_t)g_ascii_strtoull(digit, NULL, 16) * 60 * S};
    if (at_us && rig->refused && g_str_equal(id, rig->refused))
        ret->refused = g_strdup("it is not approved");
    return ret->duration_us > 0;
}

static void put_area(Rig *rig, const char *code, const char *kind, const char *parent)
{
    int flag = 0;
    bc_areas_put(rig->areas, &(BcArea){.code = code, .kind = kind, .parent = parent, .name = code}, on_done, &flag);
    g_assert_cmpint(wait_flag(&flag), ==, 1);
}

static void put_device(Rig *rig, const char *id, const char *area)
{
    int flag = 0;
    bc_devices_put(rig->devices, &(BcDevice){.id = id, .name = id, .area = area, .latitude = NAN, .longitude = NAN, .volume = 80, .enabled = true},
                   on_done, &flag);
    g_assert_cmpint(wait_flag(&flag), ==, 1);
}

static void rig_init(Rig *rig, const char *quiet)
{
    *rig = (Rig){.dir = g_dir_make_tmp("bc-plan-XXXXXX", NULL), .now_us = at("2026-11-20T12:00:00")};
    g_autofree char *path = g_build_filename(rig->dir, "a.sqlite", NULL);
    g_autoptr(GError) error = NULL;
    BcQuietHours hours;
    rig->store = md_store_open(path, bc_migrations, bc_n_migrations, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(md_store_write_sync(rig->store, add_recordings, NULL, &error));
    g_assert_true(bc_quiet_parse(quiet, &hours));
    rig->areas = bc_areas_new(rig->store, &error);
    rig->devices = bc_devices_new(rig->store, rig->areas, &error);
    rig->schedules = bc_schedules_new(rig->store, rig->now_us, &error);
    rig->slots = bc_slots_new(rig->store, rig->areas, &error);
    rig->holidays = bc_holidays_new(rig->store, rig->areas, &error);
    rig->quiet = bc_quiet_new(rig->store, rig->areas, &hours, ZONE, rig->now_us, &error);
    rig->halts = bc_halts_new(rig->store, rig->areas, &error);
    g_assert_no_error(error);
    put_area(rig, "42", "province", NULL);
    put_area(rig, "18073", "commune", "42");
    put_area(rig, "18100", "commune", "42");
    put_area(rig, "v1", "village", "18073");
    put_device(rig, "d1", "v1");
    put_device(rig, "d2", "18100");
}

static void rig_clear(Rig *rig)
{
    bc_plan_free(rig->plan);
    bc_halts_unref(rig->halts);
    bc_quiet_unref(rig->quiet);
    bc_holidays_unref(rig->holidays);
    bc_slots_unref(rig->slots);
    bc_schedules_unref(rig->schedules);
    bc_devices_unref(rig->devices);
    bc_areas_unref(rig->areas);
    md_store_close(rig->store);
    static const char *const files[] = {"a.sqlite", "a.sqlite-wal", "a.sqlite-shm"};
    for (unsigned i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_build_filename(rig->dir, files[i], NULL);
        g_unlink(path);
    }
    g_rmdir(rig->dir);
    g_free(rig->dir);
}

/* A daily programme of one recording, made one second after the one before; like fills in the rest. */
static void put(Rig *rig, const char *id, const char *area, const char *start, unsigned minutes, const BcSchedule *like)
{
    g_autofree char *sha = recording(minutes);
    const char *const areas[] = {area, NULL};
    BcSchedule s = *like;
    int flag = 0;
    s.id = s.name = id;
    s.areas = areas;
    s.start_local = start;
    s.zone = like->zone ? like->zone : ZONE;
    s.content = like->n_items ? NULL : sha;
    s.priority = like->priority ? like->priority : BC_NORMAL;
    s.repeats = MAX(like->repeats, 1);
    s.enabled = true;
    rig->now_us += S;
    bc_schedules_put(rig->schedules, &s, rig->now_us, NULL, on_done, &flag);
    g_assert_cmpint(wait_flag(&flag), ==, 1);
}

static void plan_with(Rig *rig, const char *from, const char *to, const char *draft)
{
    g_autoptr(GError) error = NULL;
    BcPlanInput input = {.areas = rig->areas, .devices = rig->devices, .schedules = rig->schedules, .slots = rig->slots, .holidays = rig->holidays,
                         .quiet = rig->quiet, .halts = rig->halts, .zone = ZONE, .content = content, .user = rig, .draft = draft};
    bc_plan_free(rig->plan);
    rig->plan = bc_plan_new(&input, at(from), at(to), &error);
    g_assert_no_error(error);
}

static void plan(Rig *rig, const char *from, const char *to)
{
    plan_with(rig, from, to, NULL);
}

/* "a 05:00-05:10+3;" : title, from, to, minutes skipped. */
static void expect(Rig *rig, const char *area, const char *expected)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(ZONE);
    unsigned n;
    const BcPlanItem *items = bc_plan_items(rig->plan, area, &n);
    for (unsigned i = 0; i < n; i++) {
        BcCivil from = bc_civil(zone, items[i].start_us), to = bc_civil(zone, items[i].end_us);
        g_string_append_printf(text, "%s %02d:%02d-%02d:%02d", items[i].title, from.second / 3600, from.second / 60 % 60, to.second / 3600,
                               to.second / 60 % 60);
        if (items[i].skip_us)
            g_string_append_printf(text, "+%d", (int)(items[i].skip_us / 60 / S));
        g_string_append_c(text, ';');
        g_assert_true(i == 0 || items[i].start_us >= items[i - 1].end_us);
    }
    g_assert_cmpstr(text->str, ==, expected);
}

static const BcProblem *problem(Rig *rig, BcProblemKind kind)
{
    unsigned n;
    const BcProblem *all = bc_plan_problems(rig->plan, &n);
    for (unsigned i = 0; i < n; i++)
        if (all[i].kind == kind)
            return &all[i];
    return NULL;
}

static unsigned n_problems(Rig *rig)
{
    unsigned n;
    const BcProblem *all = bc_plan_problems(rig->plan, &n);
    for (unsigned i = 0; i < n; i++)
        g_test_message("%s: %s", bc_problem_to_string(all[i].kind), all[i].text);
    return n;
}

/* Emergency over priority over normal, then the higher authority, then the newest; what was cut goes on at its wall-clock place or is
 * dropped. */
static void test_order(void)
{
    Rig rig;
    rig_init(&rig, "none");
    put(&rig, "normal", "18073", "2026-11-23T05:00", 15, &(BcSchedule){.owner = "18073"});
    put(&rig, "urgent", "18073", "2026-11-23T05:05", 2, &(BcSchedule){.owner = "18073", .priority = BC_PRIORITY});
    put(&rig, "storm", "42", "2026-11-23T05:06", 3, &(BcSchedule){.owner = "42", .priority = BC_EMERGENCY});
    plan(&rig, "2026-11-23T00:00", "2026-11-24T00:00");
    expect(&rig, "18073", "normal 05:00-05:05;urgent 05:05-05:06;storm 05:06-05:09;normal 05:09-05:15+9;");
    expect(&rig, "v1", "normal 05:00-05:05;urgent 05:05-05:06;storm 05:06-05:09;normal 05:09-05:15+9;");
    expect(&rig, "18100", "storm 05:06-05:09;");
    g_assert_nonnull(problem(&rig, BC_PROBLEM_CLASH));
    g_assert_false(problem(&rig, BC_PROBLEM_CLASH)->blocks); /* between classes: as meant */

    put(&rig, "normal", "18073", "2026-11-23T05:00", 15, &(BcSchedule){.owner = "18073", .drop = true});
    plan(&rig, "2026-11-23T00:00", "2026-11-24T00:00");
    expect(&rig, "18073", "normal 05:00-05:05;urgent 05:05-05:06;storm 05:06-05:09;");
    rig_clear(&rig);

    rig_init(&rig, "none");
    put(&rig, "province", "42", "2026-11-23T05:02", 2, &(BcSchedule){.owner = "42"});
    put(&rig, "commune", "18073", "2026-11-23T05:00", 5, &(BcSchedule){.owner = "18073"});
    put(&rig, "village", "v1", "2026-11-23T05:00", 6, &(BcSchedule){.owner = "v1"});
    put(&rig, "newer", "18073", "2026-11-23T05:01", 9, &(BcSchedule){.owner = "18073"});
    plan(&rig, "2026-11-23T00:00", "2026-11-24T00:00");
    expect(&rig, "v1", "commune 05:00-05:01;newer 05:01-05:02;province 05:02-05:04;newer 05:04-05:10+3;");
    expect(&rig, "18073", "commune 05:00-05:01;newer 05:01-05:02;province 05:02-05:04;newer 05:04-05:10+3;");
    g_assert_true(problem(&rig, BC_PROBLEM_CLASH)->blocks);
    for (unsigned i = 0; i < BC_PROBLEM_CODE_MAX; i++) {
        g_assert_nonnull(bc_problem_code_to_string((BcProblemCode)i));
        g_assert_nonnull(bc_problem_mend((BcProblemCode)i));
    }
    rig_clear(&rig);
}

/* Programmes of several items, repeats, relays; a span that begins in the middle. */
static void test_items(void)
{
    Rig rig;
    rig_init(&rig, "none");
    g_autofree char *two = recording(2), *three = recording(3);
    const BcItem items[] = {{.kind = BC_ITEM_CONTENT, .content = two},
                            {.kind = BC_ITEM_SILENCE, .duration_us = 60 * S},
                            {.kind = BC_ITEM_RELAY, .url = "http://radio/vov1", .fallback = three, .duration_us = 600 * S}};
    put(&rig, "p", "42", "2026-11-23T05:00", 0, &(BcSchedule){.items = items, .n_items = 3, .repeats = 2, .gap_s = 60, .rule = "FREQ=DAILY"});
    put(&rig, "r", "42", "2026-11-23T06:00", 3, &(BcSchedule){.repeats = 3, .gap_s = 30});
    plan(&rig, "2026-11-23T00:00", "2026-11-24T00:00");
    expect(&rig, "42", "p 05:00-05:02;p 05:03-05:13;p 05:14-05:16;p 05:17-05:27;r 06:00-06:10;");
    unsigned n;
    const BcPlanItem *all = bc_plan_items(rig.plan, "42", &n);
    g_assert_cmpstr(all[0].occurrence, ==, "p@1795384800.0");
    g_assert_cmpstr(all[1].occurrence, ==, "p@1795384800.1");
    g_assert_cmpstr(all[3].occurrence, ==, "p@1795384800.3");
    g_assert_cmpstr(all[1].kind, ==, "relay");
    g_assert_cmpstr(all[1].fallback, ==, three);
    g_assert_cmpstr(all[4].occurrence, ==, "r@1795388400");
    g_assert_cmpuint(all[4].repeats, ==, 3);
    g_assert_cmpint(all[4].gap_us, ==, 30 * S);
    g_assert_cmpint(all[4].volume, ==, -1);
    plan(&rig, "2026-11-24T05:05", "2026-11-24T05:15");
    expect(&rig, "18100", "p 05:05-05:13+2;p 05:14-05:15;");
    rig_clear(&rig);
}

/* 5 December 2025, Trung Lộc: a technician set the relay of the national radio to the wrong time, and every loudspeaker sounded at 03:15. */
static void test_quiet(void)
{
    Rig rig;
    rig_init(&rig, "21:30-05:00");
    const BcItem relay[] = {{.kind = BC_ITEM_RELAY, .url = "http://radio/vov1", .duration_us = 1800 * S}};
    put(&rig, "relay", "42", "2026-11-23T03:15", 0, &(BcSchedule){.items = relay, .n_items = 1, .rule = "FREQ=DAILY"});
    plan(&rig, "2026-11-23T00:00", "2026-11-26T00:00");
    expect(&rig, "v1", "");
    g_assert_nonnull(problem(&rig, BC_PROBLEM_QUIET));
    g_assert_true(problem(&rig, BC_PROBLEM_QUIET)->blocks);
    g_assert_nonnull(strstr(problem(&rig, BC_PROBLEM_QUIET)->text, "2026-11-23 03:15"));
    put(&rig, "relay", "42", "2026-11-23T03:15", 0, &(BcSchedule){.items = relay, .n_items = 1, .released_by = "second"});
    plan(&rig, "2026-11-23T00:00", "2026-11-24T00:00");
    expect(&rig, "v1", "relay 03:15-03:45;");
    put(&rig, "relay", "42", "2026-11-23T03:15", 0, &(BcSchedule){.items = relay, .n_items = 1, .priority = BC_EMERGENCY});
    plan(&rig, "2026-11-23T00:00", "2026-11-24T00:00");
    expect(&rig, "v1", "relay 03:15-03:45;");
    /* into and out of the quiet hours */
    put(&rig, "relay", "42", "2026-11-23T04:50", 0, &(BcSchedule){.items = relay, .n_items = 1});
    put(&rig, "late", "18073", "2026-11-23T21:25", 15, &(BcSchedule){.owner = "18073"});
    put(&rig, "early", "18100", "2026-11-23T04:55", 15, &(BcSchedule){.owner = "18100", .drop = true});
    plan(&rig, "2026-11-23T00:00", "2026-11-24T00:00");
    expect(&rig, "18073", "relay 05:00-05:20+10;late 21:25-21:30;");
    expect(&rig, "18100", "relay 05:00-05:20+10;");
    /* a commune of fishermen gets up at four */
    int flag = 0;
    bc_quiet_put(rig.quiet, "18073", &(BcQuietHours){22 * 3600, 4 * 3600}, on_done, &flag);
    g_assert_cmpint(wait_flag(&flag), ==, 1);
    plan(&rig, "2026-11-23T00:00", "2026-11-24T00:00");
    expect(&rig, "v1", "relay 04:50-05:20;late 21:25-21:40;");
    expect(&rig, "18100", "relay 05:00-05:20+10;");
    /* one night is released by two people, not by one */
    const char *const areas[] = {"18100", NULL};
    g_autofree char *id = NULL;
    flag = 0;
    bc_quiet_ask(rig.quiet, &(BcQuietRelease){.areas = areas, .from_us = at("2026-11-23T04:00"), .to_us = at("2026-11-23T05:00"), .reason = "lũ",
                                              .asked_by = "a"}, rig.now_us, &id, on_done, &flag);
    g_assert_cmpint(wait_flag(&flag), ==, 1);
    plan(&rig, "2026-11-23T00:00", "2026-11-24T00:00");
    expect(&rig, "18100", "relay 05:00-05:20+10;");
    flag = 0;
    bc_quiet_release(rig.quiet, id, "a", rig.now_us, on_done, &flag);
    g_assert_cmpint(wait_flag(&flag), ==, -1);
    flag = 0;
    bc_quiet_release(rig.quiet, id, "b", rig.now_us, on_done, &flag);
    g_assert_cmpint(wait_flag(&flag), ==, 1);
    plan(&rig, "2026-11-23T00:00", "2026-11-24T00:00");
    expect(&rig, "18100", "relay 04:50-05:20;"); /* the province's; the commune's is dropped */
    rig_clear(&rig);
}

/* A programme that does not come back is cut whole, not item by item; what two people have released is marked so, for devices that keep the
 * quiet hours by themselves; an emergency planned into the night has to be meant. */
static void test_quiet_programmes(void)
{
    Rig rig;
    rig_init(&rig, "21:30-05:00");
    g_autofree char *ten = recording(10);
    const BcItem items[] = {{.kind = BC_ITEM_CONTENT, .content = ten}, {.kind = BC_ITEM_CONTENT, .content = ten}, {.kind = BC_ITEM_CONTENT, .content = ten}};
    put(&rig, "dropped", "18073", "2026-11-23T04:45", 0, &(BcSchedule){.items = items, .n_items = 3, .drop = true});
    put(&rig, "resumed", "18100", "2026-11-23T04:45", 0, &(BcSchedule){.items = items, .n_items = 3});
    plan(&rig, "2026-11-23T00:00", "2026-11-24T00:00");
    expect(&rig, "18073", "");
    expect(&rig, "18100", "resumed 05:00-05:05+5;resumed 05:05-05:15;");
    const char *const areas[] = {"18100", NULL};
    g_autofree char *id = NULL;
    int flag = 0, second = 0;
    bc_quiet_ask(rig.quiet, &(BcQuietRelease){.areas = areas, .from_us = at("2026-11-23T04:00"), .to_us = at("2026-11-23T04:58"), .reason = "lũ",
                                              .asked_by = "a"}, rig.now_us, &id, on_done, &flag);
    g_assert_cmpint(wait_flag(&flag), ==, 1);
    bc_quiet_release(rig.quiet, id, "b", rig.now_us, on_done, &second);
    g_assert_cmpint(wait_flag(&second), ==, 1);
    plan(&rig, "2026-11-23T00:00", "2026-11-24T00:00");
    expect(&rig, "18100", "resumed 04:45-04:55;resumed 04:55-04:58;resumed 05:00-05:05+5;resumed 05:05-05:15;");
    unsigned n;
    const BcPlanItem *all = bc_plan_items(rig.plan, "18100", &n);
    g_assert_true(all[0].quiet_ok && all[1].quiet_ok && !all[2].quiet_ok && !all[3].quiet_ok);
    rig_clear(&rig);

    rig_init(&rig, "21:30-05:00");
    put(&rig, "night", "18073", "2026-11-23T03:15", 5, &(BcSchedule){.priority = BC_EMERGENCY});
    plan(&rig, "2026-11-23T00:00", "2026-11-24T00:00");
    expect(&rig, "18073", "night 03:15-03:20;");
    g_assert_true(problem(&rig, BC_PROBLEM_QUIET)->blocks); /* publishing needs a reason */
    g_assert_nonnull(strstr(problem(&rig, BC_PROBLEM_QUIET)->text, "emergency"));
    rig_clear(&rig);
}

/* Holidays, exdates, slots (one of them over midnight), validity, stop-all. */
static void test_days(void)
{
    Rig rig;
    rig_init(&rig, "none");
    const char *const exdates[] = {"2026-11-24", "2026-11-25T05:00:00", NULL};
    int flag = 0, day = 0, slot = 0;
    int32_t fourth = 0;
    g_assert_true(bc_parse_day("2026-11-26", &fourth));
    put(&rig, "d", "42", "2026-11-23T05:00", 1, &(BcSchedule){.rule = "FREQ=DAILY", .exdates = exdates, .holidays = BC_HOLIDAY_SKIP});
    put(&rig, "only", "42", "2026-11-23T07:00", 1, &(BcSchedule){.rule = "FREQ=DAILY", .holidays = BC_HOLIDAY_ONLY});
    bc_holidays_put(rig.holidays, &(BcHoliday){"18073", "Lễ hội", fourth}, on_done, &day);
    g_assert_cmpint(wait_flag(&day), ==, 1);
    plan(&rig, "2026-11-23T00:00", "2026-11-28T00:00");
    expect(&rig, "18100", "d 05:00-05:01;d 05:00-05:01;d 05:00-05:01;"); /* 23, 26, 27 */
    expect(&rig, "v1", "d 05:00-05:01;only 07:00-07:01;d 05:00-05:01;"); /* 23, 26 a holiday, 27 */

    bc_slots_put(rig.slots, &(BcSlot){.id = "night", .area = "18100", .name = "đêm", .from_s = 23 * 3600 + 1800, .to_s = 1800, .weekdays = 1}, NULL, on_done,
                 &slot);
    g_assert_cmpint(wait_flag(&slot), ==, 1);
    put(&rig, "d", "18100", "2026-11-23T23:40", 10, &(BcSchedule){.rule = "FREQ=DAILY", .slot = "night"});
    put(&rig, "long", "18100", "2026-11-23T23:50", 15, &(BcSchedule){.slot = "night", .repeats = 3});
    plan(&rig, "2026-11-23T00:00", "2026-11-28T00:00");
    expect(&rig, "18100", "d 23:40-23:50;long 23:50-00:35;"); /* Mondays alone */
    g_assert_nonnull(problem(&rig, BC_PROBLEM_TOO_LONG));
    g_assert_nonnull(strstr(problem(&rig, BC_PROBLEM_TOO_LONG)->text, "300 s too long"));
    g_assert_cmpint(problem(&rig, BC_PROBLEM_TOO_LONG)->code, ==, BC_PROBLEM_BEYOND_SLOT);
    g_assert_cmpint(problem(&rig, BC_PROBLEM_TOO_LONG)->facts.length_us, ==, 300 * G_USEC_PER_SEC);
    g_assert_cmpstr(problem(&rig, BC_PROBLEM_TOO_LONG)->facts.other_name, ==, "đêm");
    g_assert_cmpint(problem(&rig, BC_PROBLEM_DEAD_AIR)->from_us, ==, at("2026-11-23T23:30"));
    g_assert_cmpint(problem(&rig, BC_PROBLEM_DEAD_AIR)->to_us, ==, at("2026-11-23T23:40"));

    put(&rig, "long", "42", "2026-11-24T09:00", 10, &(BcSchedule){.expires_us = at("2026-11-25T09:04"), .rule = "FREQ=DAILY"});
    bc_halts_put(rig.halts, "18073", at("2026-11-24T09:05"), on_done, &flag);
    g_assert_cmpint(wait_flag(&flag), ==, 1);
    plan(&rig, "2026-11-24T00:00", "2026-11-28T00:00");
    expect(&rig, "18100", "long 09:00-09:10;long 09:00-09:04;");
    expect(&rig, "v1", "long 09:00-09:04;only 07:00-07:01;");
    rig_clear(&rig);
}

/* What the rehearsal finds. */
static void test_problems(void)
{
    Rig rig;
    rig_init(&rig, "none");
    g_autofree char *seven = recording(7);
    put_area(&rig, "empty", "commune", "42");
    put(&rig, "fine", "42", "2026-11-23T05:00", 1, &(BcSchedule){.rule = "FREQ=DAILY"});
    plan(&rig, "2026-11-23T00:00", "2026-11-24T00:00");
    g_assert_cmpuint(n_problems(&rig), ==, 0);
    rig.refused = seven;
    put(&rig, "unapproved", "18073", "2026-11-23T06:00", 7, &(BcSchedule){0});
    put(&rig, "nobody", "empty", "2026-11-23T07:00", 1, &(BcSchedule){0});
    put(&rig, "abroad", "18100", "2026-11-23T05:30", 1, &(BcSchedule){.zone = "Europe/Paris", .rule = "FREQ=DAILY"});
    put(&rig, "ours", "18073", "2026-11-23T08:00", 5, &(BcSchedule){.priority = BC_PRIORITY, .owner = "18073"});
    put(&rig, "theirs", "42", "2026-11-23T08:02", 2, &(BcSchedule){.priority = BC_PRIORITY, .owner = "42"});
    put(&rig, "draft", "18073", "2026-11-23T05:00", 2, &(BcSchedule){.draft = true, .owner = "18073"});
    plan(&rig, "2026-11-23T00:00", "2026-11-24T00:00");
    expect(&rig, "v1", "fine 05:00-05:01;ours 08:00-08:02;theirs 08:02-08:04;ours 08:04-08:05+4;");
    expect(&rig, "18100", "fine 05:00-05:01;theirs 08:02-08:04;abroad 11:30-11:31;");
    g_assert_nonnull(strstr(problem(&rig, BC_PROBLEM_MISSING)->text, "it is not approved"));
    g_assert_true(problem(&rig, BC_PROBLEM_MISSING)->blocks);
    g_assert_cmpstr(bc_problem_code_to_string(problem(&rig, BC_PROBLEM_MISSING)->code), ==, "content-refused");
    g_assert_cmpstr(problem(&rig, BC_PROBLEM_MISSING)->facts.why, ==, "it is not approved");
    g_assert_cmpstr(problem(&rig, BC_PROBLEM_NO_DEVICE)->area, ==, "empty");
    g_assert_nonnull(strstr(problem(&rig, BC_PROBLEM_TIME_ZONE)->text, "2026-11-23 11:30"));
    g_assert_cmpstr(problem(&rig, BC_PROBLEM_DECISION)->schedule, ==, "ours");
    g_assert_cmpstr(problem(&rig, BC_PROBLEM_DECISION)->other, ==, "theirs");
    g_assert_cmpstr(problem(&rig, BC_PROBLEM_DECISION)->facts.other_name, ==, "theirs");
    g_assert_cmpint(problem(&rig, BC_PROBLEM_DECISION)->code, ==, BC_PROBLEM_COMMUNE_DECIDES);
    g_assert_null(problem(&rig, BC_PROBLEM_CLASH));
    plan_with(&rig, "2026-11-23T00:00", "2026-11-24T00:00", "draft");
    g_assert_nonnull(problem(&rig, BC_PROBLEM_CLASH));
    g_assert_null(bc_plan_new(&(BcPlanInput){0}, 10, 10, NULL));
    rig_clear(&rig);
}

static int winner(BcOrder a, BcOrder b)
{
    int order = bc_order_compare(&a, &b);
    g_assert_cmpint(bc_order_compare(&b, &a), ==, -order);
    return order;
}

/* Emergency, priority, normal; then the higher authority; then the newer. */
static void test_rank(void)
{
    g_assert_cmpint(winner((BcOrder){BC_EMERGENCY, BC_AUTHORITY_VILLAGE, 1, 1}, (BcOrder){BC_PRIORITY, BC_AUTHORITY_CENTRAL, 9, 9}), <, 0);
    g_assert_cmpint(winner((BcOrder){BC_NORMAL, BC_AUTHORITY_PROVINCE, 1, 1}, (BcOrder){BC_NORMAL, BC_AUTHORITY_COMMUNE, 9, 9}), <, 0);
    g_assert_cmpint(winner((BcOrder){BC_NORMAL, BC_AUTHORITY_COMMUNE, 9, 1}, (BcOrder){BC_NORMAL, BC_AUTHORITY_COMMUNE, 8, 2}), <, 0);
    g_assert_cmpint(winner((BcOrder){BC_NORMAL, BC_AUTHORITY_COMMUNE, 9, 2}, (BcOrder){BC_NORMAL, BC_AUTHORITY_COMMUNE, 9, 1}), <, 0);
    g_assert_cmpint(winner((BcOrder){BC_NORMAL, BC_AUTHORITY_COMMUNE, 9, 1}, (BcOrder){BC_NORMAL, BC_AUTHORITY_COMMUNE, 9, 1}), ==, 0);
}

/* Whose word it is: by the kind of the area, else by its depth. */
static void test_authority(void)
{
    Rig rig;
    rig_init(&rig, "none");
    put_area(&rig, "t1", "to-dan-pho", "18073");
    g_assert_cmpuint(bc_authority_of(rig.areas, NULL), ==, BC_AUTHORITY_PROVINCE);
    g_assert_cmpuint(bc_authority_of(rig.areas, "42"), ==, BC_AUTHORITY_PROVINCE);
    g_assert_cmpuint(bc_authority_of(rig.areas, "18073"), ==, BC_AUTHORITY_COMMUNE);
    g_assert_cmpuint(bc_authority_of(rig.areas, "t1"), ==, BC_AUTHORITY_VILLAGE);
    g_assert_cmpuint(bc_plan_authority(rig.areas, &(BcSchedule){.owner = "18073", .central = true}), ==, BC_AUTHORITY_CENTRAL);
    rig_clear(&rig);
}

typedef struct Wish { /* a programme of the random timetable, in minutes from 05:00 */
    char id[8];
    const char *area;
    unsigned from, minutes;
    BcOrder order;
} Wish;

/* Who is heard in that minute, by looking at every programme there is. */
static const Wish *heard_at(Rig *rig, const Wish *wishes, unsigned n, const char *area, unsigned minute)
{
    const Wish *best = NULL;
    for (unsigned i = 0; i < n; i++) {
        const Wish *w = &wishes[i];
        bool on = minute >= w->from && minute < w->from + w->minutes && bc_areas_contains(rig->areas, w->area, area);
        bool quiet = minute >= 40 && minute < 55 && w->order.priority != BC_EMERGENCY;
        if (on && !quiet && (!best || bc_order_compare(&w->order, &best->order) < 0))
            best = w;
    }
    return best;
}

/* Seeded timetables, every minute of every area against the plain rule. */
static void test_random(void)
{
    static const char *const areas[] = {"42", "18073", "18100", "v1"};
    static const unsigned authorities[] = {1, 2, 2, 3};
    g_autoptr(GRand) rand = g_rand_new_with_seed(4242);
    for (unsigned round = 0; round < 8; round++) {
        Rig rig;
        Wish wishes[30];
        rig_init(&rig, "05:40-05:55");
        for (unsigned i = 0; i < G_N_ELEMENTS(wishes); i++) {
            Wish *w = &wishes[i];
            unsigned where = (unsigned)g_rand_int_range(rand, 0, 4);
            *w = (Wish){.area = areas[where], .from = (unsigned)g_rand_int_range(rand, 0, 90), .minutes = (unsigned)g_rand_int_range(rand, 1, 16)};
            w->order = (BcOrder){(BcPriority)g_rand_int_range(rand, 1, 4), authorities[where], i, 0};
            g_snprintf(w->id, sizeof w->id, "r%u", i);
            g_autofree char *start = g_strdup_printf("2026-11-23T%02u:%02u", 5 + w->from / 60, w->from % 60);
            put(&rig, w->id, w->area, start, w->minutes, &(BcSchedule){.owner = w->area, .priority = w->order.priority});
        }
        plan(&rig, "2026-11-23T00:00", "2026-11-24T00:00");
        for (unsigned a = 0; a < G_N_ELEMENTS(areas); a++) {
            unsigned n, k = 0;
            const BcPlanItem *items = bc_plan_items(rig.plan, areas[a], &n);
            for (unsigned minute = 0; minute < 120; minute++) {
                int64_t now = at("2026-11-23T05:00") + minute * 60 * S + 30 * S;
                const Wish *wish = heard_at(&rig, wishes, G_N_ELEMENTS(wishes), areas[a], minute);
                while (k < n && items[k].end_us <= now)
                    k++;
                const BcPlanItem *item = k < n && items[k].start_us <= now ? &items[k] : NULL;
                g_assert_cmpstr(item ? item->schedule : "", ==, wish ? wish->id : "");
                g_assert_true(!item || item->start_us - item->skip_us == at("2026-11-23T05:00") + wish->from * 60 * S);
            }
        }
        rig_clear(&rig);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/broadcast/plan/order", test_order);
    g_test_add_func("/broadcast/plan/items", test_items);
    g_test_add_func("/broadcast/plan/quiet", test_quiet);
    g_test_add_func("/broadcast/plan/quiet-programmes", test_quiet_programmes);
    g_test_add_func("/broadcast/plan/days", test_days);
    g_test_add_func("/broadcast/plan/problems", test_problems);
    g_test_add_func("/broadcast/plan/rank", test_rank);
    g_test_add_func("/broadcast/plan/authority", test_authority);
    g_test_add_func("/broadcast/plan/random", test_random);
    return g_test_run();
}
