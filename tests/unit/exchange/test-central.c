/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/exchange/central.h"
#include <string.h>
#include <glib/gstdio.h>

/* The journal and the connector on a clock turned by hand, against a peer that keeps what it was sent by message id. */
#define S ((int64_t)1000000)
#define T0 (1795377600 * S)

typedef struct Pending { BcExAnswerFn done; void *user; unsigned status; char *body; } Pending;

typedef struct Rig {
    char *dir;
    MdVirtualClock clock;
    BcTimers *timers;
    MdStore *store;
    BcExTables *tables;
    BcExJournal *journal;
    BcCentral *central;
    GQueue answers;       /* Pending: given at the next step */
    GHashTable *got;      /* id -> body, as the peer keeps it */
    GPtrArray *order;     /* bodies, first time only */
    unsigned logins, taken, repeats;
    unsigned fail;        /* answers so many calls with 503 */
    char *token;
    GRand *rand;
} Rig;

static void answer(Rig *rig, BcExAnswerFn done, void *user, unsigned status, const char *body)
{
    Pending *p = g_new0(Pending, 1);
    *p = (Pending){done, user, status, g_strdup(body)};
    g_queue_push_tail(&rig->answers, p);
}

static void on_call(const BcExCall *call, BcExAnswerFn done, void *done_user, void *user)
{
    Rig *rig = user;
    if (rig->fail) {
        rig->fail--;
        answer(rig, done, done_user, 503, "");
    } else if (g_str_equal(call->path, "/api/login")) {
        g_assert_cmpstr(call->body, ==, "{\"Username\":\"u\",\"Password\":\"p\"}");
        g_free(rig->token);
        rig->token = g_strdup_printf("t%u", ++rig->logins);
        g_autofree char *body = g_strdup_printf("{\"trangthaigui\":\"0\",\"NoiDung\":{\"token\":\"%s\"}}", rig->token);
        answer(rig, done, done_user, 200, body);
    } else if (g_strcmp0(call->token, rig->token) != 0) {
        answer(rig, done, done_user, 401, "{\"TrangThaiGui\":1}");
    } else {
        const char *known = g_hash_table_lookup(rig->got, call->id);
        g_assert_true(!known || g_str_equal(known, call->body)); /* the same id is the same message */
        rig->repeats += known != NULL;
        if (!known) {
            g_hash_table_insert(rig->got, g_strdup(call->id), g_strdup(call->body));
            g_ptr_array_add(rig->order, g_strdup(call->body));
        }
        answer(rig, done, done_user, 200, "{\"TrangThaiGui\":0}");
    }
}

static void take(const char *object, JsonObject *ours, BcExDealtFn done, void *done_user, void *user)
{
    Rig *rig = user;
    rig->taken++;
    g_assert_cmpstr(bc_ex_text(ours, "id"), ==, "777");
    g_assert_cmpstr(bc_ex_text(ours, "priority"), ==, "priority");
    done(NULL, done_user);
}

static char *credentials(char **ret_username, void *user)
{
    *ret_username = g_strdup("u");
    return g_strdup("p");
}

static void open_rig(Rig *rig)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(rig->dir, "x.sqlite", NULL);
    rig->timers = bc_timers_new(&rig->clock.base, false);
    rig->store = md_store_open(path, bc_exchange_migrations, bc_exchange_n_migrations, NULL, &error);
    g_assert_no_error(error);
    rig->journal = bc_ex_journal_new(rig->store, rig->timers, &(BcExJournalOptions){.droppable_max = 5, .seed = 7}, &error);
    g_assert_no_error(error);
    rig->central = bc_central_new(&(BcCentralOptions){.journal = rig->journal, .timers = rig->timers, .tables = rig->tables, .ops = {on_call, rig},
                                                      .actions = {take, rig}, .credentials = credentials, .seed = 7}, &error);
    g_assert_no_error(error);
}

static void give_answers(Rig *rig, bool lost)
{
    for (Pending *p; (p = g_queue_pop_head(&rig->answers));) {
        g_autoptr(GError) error = lost ? g_error_new(G_IO_ERROR, G_IO_ERROR_CANCELLED, "gone") : NULL;
        p->done(lost ? 0 : p->status, lost ? "" : p->body, lost ? 0 : strlen(p->body), error, p->user);
        g_free(p->body);
        g_free(p);
    }
}

static void close_rig(Rig *rig)
{
    bc_central_free(rig->central);
    bc_ex_journal_free(rig->journal);
    give_answers(rig, true);
    md_store_close(rig->store);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    bc_timers_free(rig->timers);
}

static void settle(Rig *rig)
{
    do {
        while (g_main_context_iteration(NULL, FALSE))
            ;
    } while (bc_ex_journal_pending(rig->journal) && (g_main_context_iteration(NULL, TRUE), true));
}

static void step(Rig *rig, int64_t by_us)
{
    md_virtual_clock_advance(&rig->clock, by_us);
    bc_timers_run(rig->timers);
    settle(rig);
    give_answers(rig, false);
    settle(rig);
}

static void rig_init(Rig *rig)
{
    g_autoptr(GError) error = NULL;
    *rig = (Rig){.dir = g_dir_make_tmp("exchange-XXXXXX", NULL), .got = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
                 .order = g_ptr_array_new_with_free_func(g_free), .rand = g_rand_new_with_seed(20)};
    md_virtual_clock_init(&rig->clock, 1000 * S, T0);
    rig->tables = bc_ex_tables_load(EXCHANGE_TABLES, &error);
    g_assert_no_error(error);
    open_rig(rig);
}

static void rig_clear(Rig *rig)
{
    close_rig(rig);
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", rig->dir);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    bc_ex_tables_unref(rig->tables);
    g_hash_table_unref(rig->got);
    g_ptr_array_unref(rig->order);
    g_rand_free(rig->rand);
    g_free(rig->token);
    g_free(rig->dir);
}

static void put(Rig *rig, const char *object, unsigned n, bool droppable)
{
    g_autofree char *key = g_strdup_printf("%s:%u", object, n), *body = g_strdup_printf("{\"n\":%u}", n);
    bc_ex_journal_put(rig->journal, &(BcExPut){BC_EX_CENTRAL, object, key, body, true, droppable}, NULL, NULL);
}

static void test_back_off_and_log_in(void)
{
    Rig rig;
    BcExJournalStats s;
    rig_init(&rig);
    rig.fail = 3;
    put(&rig, "plays", 1, false);
    put(&rig, "plays", 1, false); /* the same once more */
    for (unsigned i = 0; i < 40; i++)
        step(&rig, S);
    g_assert_cmpuint(rig.order->len, ==, 1);
    g_assert_cmpuint(rig.logins, ==, 1);
    g_clear_pointer(&rig.token, g_free); /* the peer forgets its tokens */
    put(&rig, "plays", 2, false);
    for (unsigned i = 0; i < 40; i++)
        step(&rig, S);
    g_assert_cmpuint(rig.order->len, ==, 2);
    g_assert_cmpuint(rig.logins, ==, 2);
    bc_ex_journal_stats(rig.journal, BC_EX_CENTRAL, &s);
    g_assert_cmpuint(s.waiting, ==, 0);
    g_assert_cmpuint(s.duplicates, ==, 1);
    g_assert_cmpuint(s.acknowledged, ==, 2);
    rig_clear(&rig);
}

static void test_old_statuses_are_dropped(void)
{
    Rig rig;
    BcExJournalStats s;
    rig_init(&rig);
    rig.fail = 1000000;
    for (unsigned i = 0; i < 20; i++) {
        put(&rig, "statuses", i, true);
        put(&rig, "plays", 100 + i, false);
        step(&rig, 60 * S);
    }
    bc_ex_journal_stats(rig.journal, BC_EX_CENTRAL, &s);
    g_assert_cmpuint(s.dropped, ==, 15);
    g_assert_cmpuint(s.waiting, ==, 25);
    rig.fail = 0;
    for (unsigned i = 0; i < 400; i++)
        step(&rig, 2 * S);
    g_assert_cmpuint(rig.order->len, ==, 25);
    for (unsigned i = 15; i < 20; i++) {
        g_autofree char *body = g_strdup_printf("{\"n\":%u}", i);
        g_assert_true(g_ptr_array_find_with_equal_func(rig.order, body, g_str_equal, NULL));
    }
    rig_clear(&rig);
}

/* Ended at seeded instants, with answers on their way that never come: everything comes once as new. */
static void test_ends_at_any_instant(void)
{
    Rig rig;
    rig_init(&rig);
    for (unsigned i = 0; i < 60; i++) {
        put(&rig, "plays", i, false);
        settle(&rig); /* it is durable: whoever put it may count on it */
        unsigned what = g_rand_int_range(rig.rand, 0, 4);
        md_virtual_clock_advance(&rig.clock, g_rand_int_range(rig.rand, 1, 3000) * 1000);
        bc_timers_run(rig.timers);
        if (what >= 1)
            settle(&rig);
        if (what >= 2)
            give_answers(&rig, false);
        if (what != 3) {
            close_rig(&rig);
            open_rig(&rig);
        }
    }
    for (unsigned i = 0; i < 600; i++)
        step(&rig, S);
    g_assert_cmpuint(rig.order->len, ==, 60);
    g_assert_cmpuint(g_hash_table_size(rig.got), ==, 60);
    g_assert_cmpuint(rig.repeats, >, 0); /* else nothing was cut off in the middle */
    rig_clear(&rig);
}

static void on_taken(const char *id, bool duplicate, const GError *error, void *user)
{
    unsigned *counts = user;
    g_assert_no_error(error);
    counts[duplicate]++;
}

static void test_bulletin_down_once(void)
{
    static const char text[] = "{\"NguonId\":\"TW\",\"bantinid\":777,\"LoaiBanTin\":1,\"MucDoUuTien\":\" 02\",\"TieuDe\":\"A\",\"LaLung\":{\"a\":[1]}}";
    Rig rig;
    unsigned counts[2] = {0};
    rig_init(&rig);
    for (unsigned i = 0; i < 3; i++) {
        bc_central_take(rig.central, "bulletin", i < 2 ? "m-1" : NULL, text, strlen(text), on_taken, counts);
        settle(&rig);
        if (i == 1) {
            close_rig(&rig);
            open_rig(&rig);
        }
    }
    for (unsigned i = 0; i < 20; i++)
        step(&rig, S);
    g_assert_cmpuint(counts[0], ==, 2); /* by its id, and without one */
    g_assert_cmpuint(counts[1], ==, 1);
    g_assert_cmpuint(rig.taken, ==, 2);
    g_assert_cmpuint(rig.order->len, ==, 2);
    g_assert_cmpstr(rig.order->pdata[0], ==, "{\"BanTinID\":\"777\",\"LoaiThongDiep\":\"bulletin\",\"TrangThaiGui\":0,\"MoTa\":\"\"}");
    rig_clear(&rig);
}

static void test_tables_say_where(void)
{
    static const struct { const char *text, *fault; } cases[] = {
        {"code,a,b\n", "t.csv:1: a code needs a list"},
        {"field,status,wrong,X,string\n", "t.csv:1: status has no field \"wrong\""},
        {"#,x\nfield,status,volume,AmLuong,text\n", "t.csv:2: the type is \"text\""},
        {"field,status,activity,T,string,nothing\n", "t.csv:1: there is no code list \"nothing\""},
        {"field,devices,items,L,list,devices\nfield,device,,,include,devices\n", "holds itself"},
        {"path,central,login,api\n", "t.csv:1: the path of login begins with a /"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(bc_ex_tables_parse(cases[i].text, strlen(cases[i].text), "t.csv", &error));
        g_assert_nonnull(strstr(error->message, cases[i].fault));
    }
}

static void test_units(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(BcExTables) tables = bc_ex_tables_load(EXCHANGE_TABLES, &error);
    static const char text[] = "{\"BanTinID\":5,\"LoaiBanTin\":\"3\",\"MucDoUuTien\":1,\"TieuDe\":\"T\",\"ThoiLuong\":\"01:02:03\",\"NgayKetThuc\":\"1720000000\","
                               "\"TacGia\":{\"TenDayDu\":\"Lan\"},\"DanhSachNgayPhat\":[{\"TimNgayPhat\":\"05-02-2026\",\"ThoiDiemPhat\":{\"ThoiGianBatDau\":1720000000}}]}";
    g_assert_no_error(error);
    g_autoptr(JsonObject) ours = bc_ex_read_text(tables, "bulletin", text, strlen(text), &error);
    g_assert_no_error(error);
    g_assert_cmpint(bc_ex_int(ours, "length", 0), ==, 3723 * S);
    g_assert_cmpint(bc_ex_int(ours, "valid_to", 0), ==, 1720000000 * S);
    g_assert_cmpstr(bc_ex_text(ours, "author"), ==, "Lan");
    g_assert_cmpstr(bc_ex_text(ours, "priority"), ==, "emergency");
    g_autofree char *back = bc_ex_write_text(tables, "bulletin", ours, &error);
    g_assert_no_error(error);
    g_assert_nonnull(strstr(back, "\"ThoiLuong\":\"01:02:03\""));
    g_assert_nonnull(strstr(back, "\"TimNgayPhat\":\"05-02-2026\",\"ThoiDiemPhat\":[{\"ThoiGianBatDau\":1720000000}]"));
    g_assert_null(bc_ex_read_text(tables, "bulletin", "{\"BanTinID\":1}", 14, &error));
    g_assert_cmpstr(error->message, ==, "bulletin.kind: LoaiBanTin is missing");
    g_clear_error(&error);
    static const char late[] = "{\"BanTinID\":5,\"LoaiBanTin\":\"3\",\"MucDoUuTien\":1,\"TieuDe\":\"T\",\"NgayKetThuc\":1e300}"; /* more than an int64_t of microseconds */
    g_assert_null(bc_ex_read_text(tables, "bulletin", late, strlen(late), &error));
    g_assert_cmpstr(error->message, ==, "bulletin.valid_to: no time in epoch seconds");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/exchange/back-off-and-log-in", test_back_off_and_log_in);
    g_test_add_func("/exchange/old-statuses-are-dropped", test_old_statuses_are_dropped);
    g_test_add_func("/exchange/ends-at-any-instant", test_ends_at_any_instant);
    g_test_add_func("/exchange/bulletin-down-once", test_bulletin_down_once);
    g_test_add_func("/exchange/tables-say-where", test_tables_say_where);
    g_test_add_func("/exchange/units", test_units);
    return g_test_run();
}
