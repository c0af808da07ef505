/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/exchange/vendors.h"

#include <math.h>
#include <string.h>
#include "broadcast/exchange/vendor-schedules.h"
#include "tests/fixtures/province.h"

/* Devices of other makers and what they have to play, on a clock turned by hand. */
#define S ((int64_t)1000000)
#define T0 (1795384800 * S) /* 2026-11-23 05:00 in Hà Tĩnh */

typedef struct Rig {
    MdVirtualClock clock;
    MdWorker *worker;
    MdMailbox *control;
    MdDialer dialer;
    char *dir;
    MdStore *store;
    BcBroadcast *b;
    BcExTables *tables;
    BcExJournal *journal;
    BcVendors *vendors;
    MdMigration *migrations;
} Rig;

static MdCall *no_dial(MdDialer *dialer, const MdDialRequest *request, const MdCallHandler *handler, void *user, GError **error)
{
    g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "nobody is rung here");
    return NULL;
}

static void open_rig(Rig *rig)
{
    g_autofree char *path = g_build_filename(rig->dir, "a.sqlite", NULL), *content = g_build_filename(rig->dir, "content", NULL);
    g_autoptr(GError) error = NULL;
    rig->store = md_store_open(path, rig->migrations, bc_n_migrations + bc_exchange_n_migrations, NULL, &error);
    g_assert_no_error(error);
    rig->b = bc_broadcast_new(&(BcBroadcastOptions){.store = rig->store, .dialer = &rig->dialer, .workers = &rig->worker, .n_workers = 1,
                                                    .control = rig->control, .clock = &rig->clock.base, .local_host = "127.0.0.1",
                                                    .content_dir = content, .frame_ms = 40, .security = MD_SECURITY_REQUIRED, .manual = true},
                              &error);
    g_assert_no_error(error);
    rig->journal = bc_ex_journal_new(rig->store, bc_broadcast_timers(rig->b), &(BcExJournalOptions){.seed = 7}, &error);
    g_assert_no_error(error);
    rig->vendors = bc_vendors_new(&(BcVendorsOptions){.broadcast = rig->b, .journal = rig->journal, .tables = rig->tables,
                                                      .media_base = "http://x/media/"});
}

static void close_rig(Rig *rig)
{
    bc_vendors_free(rig->vendors);
    bc_broadcast_free(rig->b);
    bc_ex_journal_free(rig->journal);
    md_store_close(rig->store);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void put_device(Rig *rig, const char *id, const char *make)
{
    province_put_device(rig->b, &(BcDevice){.id = id, .area = "18073", .kind = BC_DEVICE_GATEWAY, .vendor = make});
}

static void rig_init(Rig *rig)
{
    g_autoptr(GError) error = NULL;
    *rig = (Rig){.dialer = {no_dial}, .dir = g_dir_make_tmp("vendors-XXXXXX", NULL)};
    rig->migrations = g_new0(MdMigration, bc_n_migrations + bc_exchange_n_migrations);
    memcpy(rig->migrations, bc_migrations, bc_n_migrations * sizeof(MdMigration));
    memcpy(rig->migrations + bc_n_migrations, bc_exchange_migrations, bc_exchange_n_migrations * sizeof(MdMigration));
    md_virtual_clock_init(&rig->clock, 100 * S, T0 - 3600 * S);
    rig->worker = md_worker_new(&(MdWorkerOptions){.name = "test", .cpu = -1, .clock = &rig->clock.base});
    rig->control = md_mailbox_new(4096);
    rig->tables = bc_ex_tables_load(EXCHANGE_TABLES, &error);
    g_assert_no_error(error);
    open_rig(rig);
    province_put_area(rig->b, "42", NULL);
    province_put_area(rig->b, "18073", "42");
    put_device(rig, "imei-1", "A");
    put_device(rig, "imei-2", "B");
}

static void rig_clear(Rig *rig)
{
    close_rig(rig);
    md_worker_free(rig->worker);
    md_mailbox_free(rig->control);
    bc_ex_tables_unref(rig->tables);
    g_autofree char *command = g_strdup_printf("rm -rf %s", rig->dir);
    g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL);
    g_free(rig->dir);
    g_free(rig->migrations);
}

static void run_for(Rig *rig, int64_t us)
{
    int64_t until = md_clock_wall_us(&rig->clock.base) + us;
    do {
        bc_broadcast_step(rig->b);
        while (bc_broadcast_pending(rig->b) || bc_ex_journal_pending(rig->journal))
            g_main_context_iteration(NULL, TRUE);
        while (g_main_context_iteration(NULL, FALSE))
            ;
        for (unsigned i = 0; i < 3; i++)
            md_worker_step(rig->worker);
        md_mailbox_drain(rig->control, 0);
        md_virtual_clock_advance(&rig->clock, 20000);
    } while (md_clock_wall_us(&rig->clock.base) < until);
}

static void on_orders(JsonArray *orders, void *user)
{
    *(JsonArray **)user = orders;
}

/* The body of the make's next order of this name, confirmed or not; NULL none. Others are confirmed and forgotten. */
static JsonObject *next_order(Rig *rig, const char *make, const char *object, bool confirm)
{
    JsonArray *orders = NULL;
    JsonObject *body = NULL;
    bc_vendors_orders(rig->vendors, make, on_orders, &orders);
    while (!orders)
        g_main_context_iteration(NULL, TRUE);
    for (unsigned i = 0; i < json_array_get_length(orders); i++) {
        JsonObject *o = json_array_get_object_element(orders, i);
        bool wanted = g_str_equal(json_object_get_string_member(o, "object"), object);
        if (wanted && !body)
            body = json_object_ref(json_object_get_object_member(o, "body"));
        if (!wanted || confirm)
            g_assert_true(bc_vendors_confirm(rig->vendors, make, json_object_get_string_member(o, "id"), true, NULL));
    }
    json_array_unref(orders);
    run_for(rig, 40000);
    return body;
}

static char *put_schedule(Rig *rig, const char *content, const char *start, unsigned repeats)
{
    static const char *const areas[] = {"18073", NULL};
    char *id = NULL;
    int flag = 0;
    bc_broadcast_put_schedule(rig->b, &(BcSchedule){.name = "Bản tin sáng", .content = content, .areas = areas, .start_local = start,
                                                    .priority = BC_NORMAL, .grace_s = 10, .repeats = repeats, .gap_s = 4, .enabled = true},
                              &id, province_on_done, &flag);
    province_wait(&flag);
    return id;
}

static void take(Rig *rig, const char *make, const char *object, char *text /* taken */)
{
    g_autoptr(GError) error = NULL;
    bc_vendors_take(rig->vendors, make, object, text, strlen(text), &error);
    g_assert_no_error(error);
    g_free(text);
}

static void find_id(const BcRun *run, void *user)
{
    g_free(*(char **)user);
    *(char **)user = g_strdup(run->id);
}

static void note_play(const BcPlay *play, void *user)
{
    g_string_append_printf(user, "%s %s;", play->device, play->outcome);
}

static bool barrier(MdDb *db, gpointer data, GError **error)
{
    return true;
}

static void check_last_run(Rig *rig, const char *expected)
{
    g_autofree char *run = NULL;
    g_autoptr(GString) plays = g_string_new(NULL);
    bc_play_log_flush(bc_broadcast_play_log(rig->b));
    md_store_write_sync(rig->store, barrier, NULL, NULL);
    bc_play_log_runs(bc_broadcast_play_log(rig->b), NULL, 0, 1, find_id, &run, NULL);
    g_assert_nonnull(run);
    g_assert_true(bc_play_log_plays(bc_broadcast_play_log(rig->b), run, NULL, 10, 0, note_play, plays, NULL));
    g_assert_cmpstr(plays->str, ==, expected);
}

/* Who has confirmed plays by itself, over a restart, and is not ordered besides; who has not is ordered when the time has come. */
static void test_confirmed_is_not_ordered(void)
{
    Rig rig;
    rig_init(&rig);
    g_autofree char *content = province_add_content(rig.b, rig.dir, "Bản tin"), *id = put_schedule(&rig, content, "2026-11-23T05:00", 2);
    g_autofree char *bulletin = g_strdup_printf("%s@%" G_GINT64_FORMAT, id, T0 / S);
    run_for(&rig, 6 * S);
    g_autoptr(JsonObject) a = next_order(&rig, "A", "schedule", true), b = next_order(&rig, "B", "schedule", false);
    g_assert_nonnull(a);
    g_assert_nonnull(b);
    g_assert_cmpstr(json_object_get_string_member(a, "LichPhatID"), ==, "area-18073");
    g_assert_cmpint(json_object_get_int_member(a, "PhienBan"), >, 0);
    JsonArray *items = json_object_get_array_member(a, "DanhSachBanTin");
    g_assert_cmpuint(json_array_get_length(items), ==, 1);
    JsonObject *item = json_array_get_object_element(items, 0);
    g_assert_cmpstr(json_object_get_string_member(item, "BanTinID"), ==, bulletin);
    g_assert_cmpstr(json_object_get_string_member(item, "ThoiLuong"), ==, "00:00:06");
    g_assert_true(g_str_has_suffix(json_object_get_string_member(item, "NoiDung"), content));
    JsonObject *day = json_array_get_object_element(json_object_get_array_member(item, "DanhSachNgayPhat"), 0);
    g_assert_cmpstr(json_object_get_string_member(day, "TimNgayPhat"), ==, "23-11-2026");
    JsonArray *times = json_object_get_array_member(day, "ThoiDiemPhat");
    g_assert_cmpuint(json_array_get_length(times), ==, 2); /* every repeat is a time of its own */
    g_assert_cmpint(json_object_get_int_member(json_array_get_object_element(times, 0), "ThoiGianBatDau"), ==, T0 / S);
    g_assert_cmpint(json_object_get_int_member(json_array_get_object_element(times, 1), "ThoiGianBatDau"), ==, T0 / S + 10);
    g_assert_cmpint(json_object_get_int_member(json_array_get_object_element(times, 1), "ThoiGianKetThuc"), ==, T0 / S + 16);

    close_rig(&rig);
    open_rig(&rig);
    run_for(&rig, 40 * S);
    g_assert_null(next_order(&rig, "A", "schedule", true)); /* nothing has changed */
    md_virtual_clock_advance(&rig.clock, T0 - 5 * S - md_clock_wall_us(&rig.clock.base));
    run_for(&rig, 7 * S);
    g_assert_null(next_order(&rig, "A", "play-now", true));
    g_autoptr(JsonObject) now = next_order(&rig, "B", "play-now", true);
    g_assert_nonnull(now);
    take(&rig, "A", "play", g_strdup_printf("{\"CumLoaID\":\"imei-1\",\"BanTinID\":\"%s\",\"ThoiDiemBatDau\":%" G_GINT64_FORMAT ",\"ThoiDiemKetThuc\":%"
                                            G_GINT64_FORMAT "}", bulletin, T0 / S, T0 / S + 16));
    run_for(&rig, 60 * S);
    check_last_run(&rig, "imei-1 played;imei-2 missed;");
    rig_clear(&rig);
}

/* A change is a new whole list; what was confirmed before says nothing of what stands differently now; confirmations by message need
 * the version. */
static void test_versions(void)
{
    Rig rig;
    rig_init(&rig);
    g_autofree char *content = province_add_content(rig.b, rig.dir, "Bản tin"), *first = put_schedule(&rig, content, "2026-11-23T05:00", 1);
    run_for(&rig, 6 * S);
    g_autoptr(JsonObject) one = next_order(&rig, "A", "schedule", true);
    g_autofree char *second = put_schedule(&rig, content, "2026-11-24T05:30", 1);
    run_for(&rig, 6 * S);
    g_autoptr(JsonArray) asked = bc_vendors_schedules(rig.vendors, "A");
    g_autoptr(JsonObject) two = next_order(&rig, "A", "schedule", false);
    int64_t version = json_object_get_int_member(two, "PhienBan");
    g_assert_cmpint(version, >, json_object_get_int_member(one, "PhienBan"));
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(two, "DanhSachBanTin")), ==, 2);
    g_assert_cmpuint(json_array_get_length(asked), ==, 1);
    g_assert_cmpint(json_object_get_int_member(json_array_get_object_element(asked, 0), "PhienBan"), ==, version);
    BcVendorSchedules *s = bc_vendor_schedules_new(rig.b, rig.journal, rig.tables, "http://x/media/", &(MdLogger){0});
    g_assert_true(bc_vendor_schedules_has(s, "imei-1", first, T0));
    g_assert_false(bc_vendor_schedules_has(s, "imei-1", second, T0 + 88200 * S));
    bc_vendor_schedules_free(s);
    for (unsigned i = 0; i < 3; i++) { /* without a version, with one nobody gave out, with the right one */
        take(&rig, "A", "confirmation", i == 0 ? g_strdup("{\"CumLoaID\":\"imei-1\",\"LichPhatID\":\"area-18073\",\"TrangThaiGui\":0}")
             : g_strdup_printf("{\"CumLoaID\":\"imei-1\",\"LichPhatID\":\"area-18073\",\"TrangThaiGui\":0,\"PhienBan\":%" G_GINT64_FORMAT "}",
                               i == 1 ? version + 5 : version));
        run_for(&rig, 40000);
        s = bc_vendor_schedules_new(rig.b, rig.journal, rig.tables, "http://x/media/", &(MdLogger){0});
        g_assert_true(bc_vendor_schedules_has(s, "imei-1", second, T0 + 88200 * S) == (i == 2));
        g_assert_false(bc_vendor_schedules_has(s, "imei-2", first, T0));
        bc_vendor_schedules_free(s);
    }
    rig_clear(&rig);
}

/* Nothing is left: that is said, and what was not fetched yet is not handed out any more. */
static void test_cancelled(void)
{
    Rig rig;
    rig_init(&rig);
    g_autofree char *content = province_add_content(rig.b, rig.dir, "Bản tin"), *id = put_schedule(&rig, content, "2026-11-23T05:00", 1);
    int flag = 0;
    run_for(&rig, 6 * S);
    g_autoptr(JsonObject) given = next_order(&rig, "A", "schedule", true);
    g_assert_nonnull(given);
    bc_schedules_remove(bc_broadcast_schedules(rig.b), id, province_on_done, &flag);
    province_wait(&flag);
    run_for(&rig, 40 * S);
    g_autoptr(JsonObject) cancelled = next_order(&rig, "A", "schedule-cancelled", true);
    g_assert_nonnull(cancelled);
    g_assert_cmpstr(json_object_get_string_member(cancelled, "LichPhatID"), ==, "area-18073");
    g_assert_null(next_order(&rig, "B", "schedule", true)); /* it had not asked for it */
    g_autoptr(JsonArray) asked = bc_vendors_schedules(rig.vendors, "A");
    g_assert_cmpuint(json_array_get_length(asked), ==, 0);
    rig_clear(&rig);
}

static void test_names_of_occurrences(void)
{
    static const struct { const char *text; bool ok; unsigned item; } cases[] = {
        {"s-1@1795384800", true, 0}, {"s@1@1795384800.12", true, 12}, {"s-1@", false, 0}, {"@5", false, 0}, {"s-1@5.", false, 0},
        {"s-1@5x", false, 0}, {"s-1@99999999999999999999", false, 0}, {"s-1@-5", false, 0}, {"r-77", false, 0}, {NULL, false, 0}};
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *schedule = NULL;
        int64_t at = 0;
        unsigned item = 0;
        g_assert_true(bc_vendor_occurrence(cases[i].text, &schedule, &at, &item) == cases[i].ok);
        g_assert_cmpuint(item, ==, cases[i].item);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vendors/confirmed-is-not-ordered", test_confirmed_is_not_ordered);
    g_test_add_func("/vendors/versions", test_versions);
    g_test_add_func("/vendors/cancelled", test_cancelled);
    g_test_add_func("/vendors/names-of-occurrences", test_names_of_occurrences);
    return g_test_run();
}
