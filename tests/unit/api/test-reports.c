/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reports of the play log, the operations centre's feed, what people report; keys; vendors. */
#include "broadcast/report/feedback.h"
#include "broadcast/report/report.h"
#include "mediad/api/nouns.h"
#include "tests/unit/api/client.h"
#include <string.h>

typedef struct House {
    TestApi t;
    MdWorker *worker;
    MdMailbox *control;
    MdDialer dialer;
    BcBroadcast *broadcast;
    char *admin, *content, *drafted;
} House;

static MdCall *refuse(MdDialer *dialer, const MdDialRequest *request, const MdCallHandler *handler, void *user, GError **error)
{
    g_set_error(error, BC_ERROR, BC_ERROR_FAILED, "nobody is rung in this test");
    return NULL;
}

static bool nobody(MdDialer *dialer, const char *account)
{
    return false;
}

static void draft(const char *area, const char *external, const char *title, const char *text, const char *who, MdApiDraftFn done, void *done_user,
                  void *user)
{
    House *h = user;

    g_free(h->drafted);
    h->drafted = g_strdup_printf("%s|%s|%s|%s", area, title, text, who);
    done("b-1", NULL, done_user);
}

static void set_up(House *h, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    g_autofree MdMigration *all = g_new(MdMigration, bc_n_migrations + bc_n_report_migrations);

    memcpy(all, bc_migrations, bc_n_migrations * sizeof *all);
    memcpy(all + bc_n_migrations, bc_report_migrations, bc_n_report_migrations * sizeof *all);
    test_api_start(&h->t, 0, all, bc_n_migrations + bc_n_report_migrations);
    h->content = g_dir_make_tmp("api-content-XXXXXX", NULL);
    h->dialer = (MdDialer){refuse, nobody, NULL};
    h->worker = md_worker_new(&(MdWorkerOptions){.name = "test", .cpu = -1, .clock = &h->t.clock.base});
    h->control = md_mailbox_new(64);
    h->broadcast = bc_broadcast_new(&(BcBroadcastOptions){.store = h->t.store, .dialer = &h->dialer, .workers = &h->worker, .n_workers = 1,
                                                          .control = h->control, .clock = &h->t.clock.base, .local_host = "127.0.0.1",
                                                          .content_dir = h->content, .security = MD_SECURITY_REQUIRED, .manual = true},
                                    &error);
    g_assert_no_error(error);
    md_api_add_broadcast(h->t.api, h->broadcast);
    md_api_add_reports(h->t.api, h->broadcast, &(MdApiReports){.draft = draft, .user = h});
    h->admin = test_api_admin(&h->t);
}

static void tear_down(House *h, gconstpointer data)
{
    g_free(h->admin);
    md_api_free(g_steal_pointer(&h->t.api)); /* first the API, as main does */
    bc_broadcast_free(h->broadcast);
    test_api_stop(&h->t);
    md_worker_free(h->worker);
    md_mailbox_free(h->control);
    g_autofree char *command = g_strdup_printf("rm -rf %s", h->content);
    g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL);
    g_free(h->content);
    g_free(h->drafted);
}

#define EXPECT(method, path, body, status, code) test_expect(&h->t, method, path, h->admin, body, status, code)
#define DAY INT64_C(1790000000000000) /* the test's clock begins 2026-09-21 14:13:20 UTC */
#define S INT64_C(1000000)

static void tree(House *h)
{
    EXPECT("PUT", "/areas/42", "{'name':'Hà Tĩnh','kind':'province'}", 204, NULL);
    EXPECT("PUT", "/areas/18073", "{'name':'Phường Thành Sen','kind':'commune','parent':'42'}", 204, NULL);
    EXPECT("PUT", "/areas/18673", "{'name':'Xã <Hương Khê>','kind':'commune','parent':'42'}", 204, NULL);
    EXPECT("PUT", "/areas/18073-1", "{'name':'Thôn 1','kind':'village','parent':'18073'}", 204, NULL);
    EXPECT("PUT", "/devices/a", "{'name':'Loa A','area':'18073','vendor':'HTV'}", 204, NULL);
    EXPECT("PUT", "/devices/b", "{'name':'=Loa \\\"B','area':'18073-1','vendor':'Khac'}", 204, NULL);
    EXPECT("PUT", "/devices/c", "{'name':'Loa C','area':'18673'}", 204, NULL);
}

static bool run_sql(MdDb *db, gpointer data, GError **error)
{
    return md_db_run(db, error, data, "");
}

#define SQL(...)                                                                                                       \
    do {                                                                                                               \
        g_autofree char *sql_ = g_strdup_printf(__VA_ARGS__);                                                          \
        g_autoptr(GError) error_ = NULL;                                                                               \
        md_store_write_sync(h->t.store, run_sql, sql_, &error_);                                                       \
        g_assert_no_error(error_);                                                                                     \
    } while (0)

static void announce(House *h, const char *id, int priority, int64_t start_us, int64_t end_us, int drill)
{
    SQL("INSERT INTO bc_announcements (id, kind, title, priority, areas, start_us, end_us, state, devices, played, partial, missed, drill) VALUES "
        "('%s', 'now', 't', %d, '42', %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT ", 'done', 3, 0, 0, 0, %d)",
        id, priority, (gint64)start_us, (gint64)end_us, drill);
}

static void play(House *h, const char *id, const char *device, const char *area, const char *outcome, const char *reason, int64_t from_us, int64_t to_us)
{
    SQL("INSERT INTO bc_plays (announcement, device, area, outcome, reason, from_us, to_us, rings) VALUES ('%s', '%s', '%s', '%s', '%s', %" G_GINT64_FORMAT
        ", %" G_GINT64_FORMAT ", 1)",
        id, device, area, outcome, reason, (gint64)from_us, (gint64)to_us);
}

static void log_of_a_day(House *h)
{
    tree(h);
    announce(h, "n1", BC_NORMAL, DAY, DAY + 600 * S, 0);
    play(h, "n1", "a", "18073", "played", "", DAY + 200000, DAY + 600 * S);
    play(h, "n1", "b", "18073-1", "partial", "joined late", DAY + 300 * S, DAY + 600 * S);
    play(h, "n1", "c", "18673", "missed", "not registered", 0, 0);
    announce(h, "e1", BC_EMERGENCY, DAY + 3600 * S, DAY + 3660 * S, 0);
    play(h, "e1", "a", "18073", "played", "", DAY + 3600 * S + 400000, DAY + 3660 * S);
    play(h, "e1", "b", "18073-1", "missed", "486 Busy Here", 0, 0);
    play(h, "e1", "gone", "18073-1", "missed", "something new", 0, 0); /* a loudspeaker that was removed since */
    play(h, "e1", "c", "18673", "playing", "", DAY + 3601 * S, 0);     /* no result yet */
    announce(h, "d1", BC_EMERGENCY, DAY + 7200 * S, DAY + 7260 * S, 1); /* a drill is counted apart */
    play(h, "d1", "a", "18073", "played", "", DAY + 7200 * S, DAY + 7260 * S);
    announce(h, "old", BC_NORMAL, DAY - 40 * 86400 * S, DAY - 40 * 86400 * S + S, 0);
    play(h, "old", "a", "18073", "played", "", DAY - 40 * 86400 * S, DAY - 40 * 86400 * S + S);
}

static JsonObject *row_of(const TestReply *reply, const char *key)
{
    JsonArray *rows = json_object_get_array_member(json_node_get_object(reply->json), "rows");

    for (unsigned i = 0; i < json_array_get_length(rows); i++) {
        JsonObject *row = json_array_get_object_element(rows, i);
        if (g_str_equal(json_object_get_string_member(row, "key"), key))
            return row;
    }
    return NULL;
}

static gint64 number(JsonObject *row, const char *member)
{
    return json_object_get_int_member(row, member);
}

static TestReply *get(House *h, const char *path, const char *token)
{
    TestReply *reply = test_call(&h->t, "GET", path, token, NULL);

    g_test_message("%s: %u %s", path, reply->status, reply->text);
    g_assert_cmpuint(reply->status, ==, 200);
    return reply;
}

static void test_report(House *h, gconstpointer data)
{
    log_of_a_day(h);
    g_autoptr(TestReply) communes = get(h, "/reports/plays?from=2026-09-21&to=2026-09-21", h->admin);
    JsonObject *sen = row_of(communes, "18073"), *khe = row_of(communes, "18673");
    JsonObject *total = json_object_get_object_member(json_node_get_object(communes->json), "total");
    g_assert_cmpint(number(json_node_get_object(communes->json), "announcements"), ==, 2);
    g_assert_cmpint(number(json_node_get_object(communes->json), "drills"), ==, 1);
    /* the village counts with its commune */
    g_assert_cmpint(number(sen, "devices"), ==, 2);
    g_assert_cmpint(number(sen, "requested"), ==, 5);
    g_assert_cmpint(number(sen, "played"), ==, 2);
    g_assert_cmpint(number(sen, "partial"), ==, 1);
    g_assert_cmpint(number(sen, "missed"), ==, 2);
    g_assert_cmpint(number(sen, "urgent"), ==, 3);
    g_assert_cmpint(number(sen, "urgent_heard"), ==, 1);
    g_assert_cmpint(number(sen, "requested_s"), ==, 600 * 2 + 60 * 3);
    g_assert_cmpint(number(sen, "air_s"), ==, 599 + 300 + 59 + 1); /* 599.8 + 300 + 59.6 */
    g_assert_cmpfloat_with_epsilon(json_object_get_double_member(sen, "share"), 0.6, 1e-9);
    JsonObject *why = json_object_get_object_member(sen, "missed_why");
    g_assert_cmpint(number(why, "late"), ==, 1);
    g_assert_cmpint(number(why, "busy"), ==, 1);
    g_assert_cmpint(number(why, "other"), ==, 1);
    g_assert_cmpint(number(khe, "requested"), ==, 1);
    g_assert_cmpint(number(json_object_get_object_member(khe, "missed_why"), "unreachable"), ==, 1);
    g_assert_cmpint(number(total, "requested"), ==, 6);
    g_assert_cmpint(number(total, "started"), ==, 3); /* 0.2, 0.4 and 300 s after the planned start */
    g_assert_cmpint(number(total, "late_p50_ms"), ==, 400);
    g_assert_cmpint(number(total, "late_p99_ms"), ==, 300000);
    g_autoptr(TestReply) devices = get(h, "/reports/plays?from=2026-09-21&to=2026-09-21&by=device", h->admin);
    g_assert_cmpint(number(row_of(devices, "a"), "played"), ==, 2);
    g_assert_cmpstr(json_object_get_string_member(row_of(devices, "a"), "area"), ==, "Phường Thành Sen");
    g_assert_cmpint(number(row_of(devices, "gone"), "missed"), ==, 1);
    g_autoptr(TestReply) village = get(h, "/reports/plays?from=2026-09-21&to=2026-09-21&area=18073-1", h->admin);
    g_assert_cmpint(number(json_object_get_object_member(json_node_get_object(village->json), "total"), "requested"), ==, 3);
    g_autoptr(TestReply) before = get(h, "/reports/plays?from=2026-09-20&to=2026-09-20", h->admin);
    g_assert_cmpint(number(json_object_get_object_member(json_node_get_object(before->json), "total"), "requested"), ==, 0);
    g_autoptr(TestReply) three = get(h, "/reports/plays?from=2026-09-20&to=2026-09-22", h->admin);
    JsonArray *days = json_object_get_array_member(json_node_get_object(three->json), "days");
    g_assert_cmpuint(json_array_get_length(days), ==, 3);
    for (unsigned i = 0; i < 3; i++) {
        JsonObject *day = json_array_get_object_element(days, i);
        g_assert_cmpint(number(day, "from_us"), ==, number(json_node_get_object(three->json), "from_us") + (gint64)i * 24 * 3600 * G_USEC_PER_SEC);
        g_assert_cmpint(number(day, "requested"), ==, i == 1 ? 6 : 0);
        g_assert_cmpint(number(day, "played"), ==, i == 1 ? 2 : 0);
        g_assert_cmpint(number(day, "partial"), ==, i == 1 ? 1 : 0);
        g_assert_cmpint(number(day, "missed"), ==, i == 1 ? 3 : 0);
    }
    EXPECT("GET", "/reports/plays?from=2026-02-31", NULL, 400, "invalid-query");
    EXPECT("GET", "/reports/plays?from=2026-09-21&to=2026-09-20", NULL, 400, "invalid-field");
    EXPECT("GET", "/reports/plays?from=2026-01-01&to=2026-09-20", NULL, 400, "invalid-field");
    EXPECT("GET", "/reports/plays?area=99", NULL, 404, "not-found");
}

static void test_paper(House *h, gconstpointer data)
{
    log_of_a_day(h);
    g_autoptr(TestReply) csv = get(h, "/reports/plays.csv?from=2026-09-21&to=2026-09-21&by=device&lang=en", h->admin);
    g_auto(GStrv) lines = g_strsplit(csv->text, "\r\n", -1);
    g_assert_true(g_str_has_prefix(lines[0], "\xef\xbb\xbf\"Code\",\"Name\",\"Area\",\"Loudspeakers\",\"Requested\""));
    g_assert_true(g_str_has_prefix(lines[1], "\"a\",\"Loa A\",\"Phường Thành Sen\",1,2,2,0,0,100.0,0,1,1,11,10,"));
    g_assert_true(g_str_has_prefix(lines[2], "\"b\",\"'=Loa \"\"B\",\"Thôn 1\",1,2,0,1,1,50.0,")); /* no formula, quotes doubled */
    g_assert_true(g_str_has_prefix(lines[5], "\"\",\"Total\",\"\",3,6,"));
    g_assert_cmpuint(g_strv_length(lines), ==, 7);
    g_autoptr(TestReply) page = get(h, "/reports/plays.html?from=2026-09-21&to=2026-09-21", h->admin);
    g_assert_nonnull(strstr(page->text, "<h1>Báo cáo phát thanh: Toàn tỉnh</h1>"));
    g_assert_nonnull(strstr(page->text, "Xã &lt;Hương Khê&gt;"));
    g_assert_nonnull(strstr(page->text, "Từ 21/09/2026 đến 21/09/2026"));
    g_assert_nonnull(strstr(page->text, "@media print"));
    g_assert_null(strstr(page->text, "<script"));
    g_assert_nonnull(strstr(soup_message_headers_get_one(page->headers, "Content-Security-Policy"), "default-src 'none'; style-src"));
}

/* An account of a commune sees its own; a vendor the loudspeakers of its make and nothing else. */
static void test_own(House *h, gconstpointer data)
{
    log_of_a_day(h);
    g_autofree char *sen = test_api_user(&h->t, h->admin, "khe", "commune-editor"), *vendor = test_api_user(&h->t, h->admin, "htv", "vendor");
    g_autoptr(TestReply) mine = get(h, "/reports/plays?from=2026-09-21&to=2026-09-21", sen);
    g_assert_cmpint(number(json_object_get_object_member(json_node_get_object(mine->json), "total"), "requested"), ==, 1);
    test_expect(&h->t, "GET", "/reports/plays?area=18073", sen, NULL, 403, "other-area");
    g_autoptr(TestReply) makes = get(h, "/reports/plays?from=2026-09-21&to=2026-09-21&by=device", vendor);
    g_assert_cmpint(number(json_object_get_object_member(json_node_get_object(makes->json), "total"), "requested"), ==, 2);
    g_assert_null(row_of(makes, "b"));
    g_autoptr(TestReply) list = get(h, "/devices", vendor);
    g_assert_nonnull(strstr(list->text, "\"id\":\"a\""));
    g_assert_null(strstr(list->text, "\"id\":\"b\""));
    test_expect(&h->t, "GET", "/devices/a", vendor, NULL, 200, NULL);
    test_expect(&h->t, "GET", "/devices/b", vendor, NULL, 404, "not-found");
    test_expect(&h->t, "GET", "/devices/b/play-log", vendor, NULL, 404, "not-found");
    test_expect(&h->t, "GET", "/areas", vendor, NULL, 403, "not-allowed");
    test_expect(&h->t, "GET", "/feed/operations", vendor, NULL, 401, "not-signed-in");
    /* areas of accounts exist, and lie where the role works */
    EXPECT("POST", "/users", "{'name':'x','role':'viewer','area':'99','password':'correct horse battery'}", 400, "invalid-field");
    EXPECT("POST", "/users", "{'name':'x','role':'commune-editor','area':'42','password':'correct horse battery'}", 400, "invalid-field");
    EXPECT("POST", "/users", "{'name':'x','role':'commune-editor','area':'18073-1','password':'correct horse battery'}", 201, NULL);
}

static TestReply *with_key(House *h, const char *method, const char *path, const char *key, const char *body)
{
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/api/v1%s", h->t.port, path);
    g_autoptr(SoupMessage) message = soup_message_new(method, url);

    soup_message_headers_append(soup_message_get_request_headers(message), "X-Api-Key", key);
    return test_send(&h->t, message, "application/json", body);
}

static char *make_key(House *h, const char *body)
{
    g_autoptr(TestReply) made = test_call(&h->t, "POST", "/keys", h->admin, body);

    g_assert_cmpuint(made->status, ==, 201);
    return g_strdup(test_string(made, "key"));
}

static void test_feed(House *h, gconstpointer data)
{
    log_of_a_day(h);
    g_autofree char *key = make_key(h, "{'name':'ioc','purpose':'feed'}"), *one = make_key(h, "{'name':'sen','purpose':'feed','area':'18073'}");
    g_autoptr(TestReply) all = with_key(h, "GET", "/feed/operations", key, NULL), mine = with_key(h, "GET", "/feed/operations", one, NULL);
    g_assert_cmpuint(all->status, ==, 200);
    JsonObject *devices = json_object_get_object_member(json_node_get_object(all->json), "devices");
    g_assert_cmpint(number(devices, "total"), ==, 3);
    g_assert_cmpint(number(devices, "offline"), ==, 3);
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(json_node_get_object(all->json), "areas")), ==, 3);
    g_assert_cmpint(number(json_object_get_object_member(json_node_get_object(mine->json), "devices"), "total"), ==, 2);
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(json_node_get_object(all->json), "last")), ==, 4);
    test_expect(&h->t, "GET", "/feed/operations", NULL, NULL, 401, "not-signed-in");
    EXPECT("GET", "/feed/operations", NULL, 200, NULL);
    EXPECT("POST", "/keys", "{'name':'ioc','purpose':'feed'}", 409, "conflict");
    EXPECT("DELETE", "/keys/ioc", NULL, 204, NULL);
    g_autoptr(TestReply) ended = with_key(h, "GET", "/feed/operations", key, NULL);
    g_assert_cmpuint(ended->status, ==, 401);
    g_autoptr(TestReply) audit = get(h, "/audit", h->admin);
    g_assert_null(strstr(audit->text, key));
}

static void test_feedback(House *h, gconstpointer data)
{
    static const char give[] = "{\"area\":\"18673\",\"text\":\"Loa đầu xóm rè\",\"name\":\"Bà Lan\",\"phone\":\"0912 345 678\",\"files\":"
                               "[{\"name\":\"anh.jpg\",\"media_type\":\"image/jpeg\",\"base64\":\"aGVsbG8=\"}]}";
    tree(h);
    g_autofree char *key = make_key(h, "{'name':'app','purpose':'feedback'}"), *feed = make_key(h, "{'name':'ioc','purpose':'feed'}");
    g_autofree char *khe = test_api_user(&h->t, h->admin, "khe", "commune-editor");
    EXPECT("POST", "/users", "{'name':'sen','role':'commune-editor','area':'18073','password':'correct horse battery'}", 201, NULL);
    g_autofree char *sen = test_sign_in(&h->t, "sen"), *viewer = test_api_user(&h->t, h->admin, "xem", "viewer");
    g_autoptr(TestReply) given = with_key(h, "POST", "/feedback", key, give), wrong = with_key(h, "POST", "/feedback", feed, give);
    g_assert_cmpuint(given->status, ==, 201);
    g_assert_cmpuint(wrong->status, ==, 401); /* a key is for one purpose */
    g_autofree char *path = g_strdup_printf("/feedback/%s", test_string(given, "id")), *file = g_strconcat(path, "/files/0", NULL);
    g_autofree char *answer = g_strconcat(path, "/answer", NULL), *close = g_strconcat(path, "/close", NULL), *assign = g_strconcat(path, "/assign", NULL);
    g_autofree char *bulletin = g_strconcat(path, "/bulletin", NULL), *no_file = g_strconcat(path, "/files/1", NULL);
    /* in its area, by those who may edit */
    test_expect(&h->t, "GET", path, viewer, NULL, 403, "not-allowed");
    test_expect(&h->t, "GET", path, sen, NULL, 404, "not-found");
    test_expect(&h->t, "POST", answer, sen, "{'text':'x'}", 404, "not-found");
    g_autoptr(TestReply) there = get(h, "/feedback", sen), here = get(h, "/feedback?state=new", khe);
    g_assert_cmpstr(there->text, ==, "{\"feedback\":[]}");
    g_assert_nonnull(strstr(here->text, "Loa đầu xóm rè"));
    g_autoptr(TestReply) picture = get(h, file, khe);
    g_assert_cmpstr(picture->text, ==, "hello");
    g_assert_cmpstr(soup_message_headers_get_content_type(picture->headers, NULL), ==, "image/jpeg");
    test_expect(&h->t, "GET", no_file, khe, NULL, 404, "not-found");
    /* new, assigned, answered, a bulletin, closed */
    test_expect(&h->t, "POST", bulletin, khe, "{'title':'Trả lời'}", 409, "wrong-state");
    test_expect(&h->t, "POST", assign, khe, "{'to':'khe'}", 204, NULL);
    test_expect(&h->t, "POST", answer, khe, "{'text':'Đã sửa loa.'}", 204, NULL);
    g_autoptr(TestReply) made = test_call(&h->t, "POST", bulletin, khe, "{'title':'Trả lời'}");
    g_assert_cmpuint(made->status, ==, 201);
    g_assert_cmpstr(h->drafted, ==, "18673|Trả lời|Đã sửa loa.|khe");
    test_expect(&h->t, "POST", bulletin, khe, "{'title':'Trả lời'}", 409, "exists");
    test_expect(&h->t, "POST", close, khe, "{}", 204, NULL);
    test_expect(&h->t, "POST", answer, khe, "{'text':'Khác'}", 409, "wrong-state");
    g_autoptr(TestReply) done = get(h, path, khe);
    g_assert_cmpstr(test_string(done, "state"), ==, "closed");
    g_assert_cmpstr(test_string(done, "answer"), ==, "Đã sửa loa.");
    g_assert_cmpstr(test_string(done, "answered_by"), ==, "khe");
    g_assert_cmpstr(test_string(done, "assigned"), ==, "khe");
    g_assert_cmpstr(test_string(done, "bulletin"), ==, "b-1");
    /* refused */
    test_expect(&h->t, "POST", "/feedback", NULL, "{'area':'18673','text':'x'}", 401, "not-signed-in");
    test_expect(&h->t, "POST", "/feedback", khe, "{'area':'18073','text':'x'}", 403, "other-area");
    test_expect(&h->t, "POST", "/feedback", khe, "{'area':'99','text':'x'}", 400, "invalid-field");
    test_expect(&h->t, "POST", "/feedback", khe, "{'area':'18673','text':'x','files':[{'name':'a.html','media_type':'text/html','base64':'aGVsbG8='}]}",
                400, "invalid-field");
    test_expect(&h->t, "POST", "/feedback", khe, "{'area':'18673','text':'x','files':[{'name':'a.png','media_type':'image/png','base64':''}]}", 400,
                "invalid-field");
    unsigned taken = 0, refused = 0;
    for (unsigned i = 0; i < 25; i++) {
        g_autoptr(TestReply) more = test_call(&h->t, "POST", "/feedback", khe, "{'area':'18673','text':'x'}");
        taken += more->status == 201;
        refused += more->status == 429;
    }
    g_assert_cmpuint(taken + refused, ==, 25);
    g_assert_cmpuint(refused, >, 4); /* 20 a minute, some were spent above */
    md_virtual_clock_advance(&h->t.clock, 61 * S);
    test_expect(&h->t, "POST", "/feedback", khe, "{'area':'18673','text':'x'}", 201, NULL);
}

static TestReply *import(House *h, const char *token, const char *query, const char *table)
{
    g_autofree char *path = g_strconcat("/api/v1/areas/import", query, NULL);

    return test_call_raw(&h->t, "POST", path, token, "text/csv", table, -1);
}

static void test_area_table(House *h, gconstpointer data)
{
    static const char good[] = "\xef\xbb\xbfparent,code,Name,kind,ident,note\r\n"
                               "18073-1,18073-1-a,\"Tổ \"\"1\"\", đường Phan Đình Phùng\",to-dan-pho,,x\r\n" /* a child of one that changes */
                               "\r\n"
                               "18073,18073-1,Thôn Một,,H42.1\r\n"
                               "18673-9,18673-9-1,Xóm,,\r\n" /* before its parent */
                               "18673,18673-9,\"Thôn\nChín\",,\r\n"
                               "42,18673,Xã <Hương Khê>,commune,\r\n";
    static const char bad[] = "code;name;parent\n18073-2;Thôn 2;18073\n18073-2;Thôn 2;18073\nx y;Thôn 3;18073\n18073-4;Thôn 4;99999\n42;Tỉnh;18073\n";
    tree(h);
    g_autoptr(TestReply) line = import(h, h->admin, "", good);
    g_assert_cmpuint(line->status, ==, 422); /* a line feed in a name */
    g_assert_nonnull(strstr(line->text, "{\"line\":6,"));
    g_auto(GStrv) halves = g_strsplit(good, "\nChín", 2);
    g_autofree char *mended = g_strjoinv(" Chín", halves);
    g_autoptr(TestReply) dry = import(h, h->admin, "?dry_run=true", mended);
    g_assert_cmpstr(dry->text, ==, "{\"dry_run\":true,\"added\":3,\"changed\":1,\"unchanged\":1}");
    EXPECT("GET", "/areas/18673-9", NULL, 404, "not-found");
    g_autoptr(TestReply) done = import(h, h->admin, "", mended);
    g_assert_cmpstr(done->text, ==, "{\"dry_run\":false,\"added\":3,\"changed\":1,\"unchanged\":1}");
    g_autoptr(TestReply) area = get(h, "/areas/18073-1-a", h->admin), changed = get(h, "/areas/18073-1", h->admin);
    g_assert_cmpstr(test_string(area, "name"), ==, "Tổ \"1\", đường Phan Đình Phùng");
    g_assert_cmpstr(test_string(changed, "ident"), ==, "H42.1");
    g_assert_cmpstr(test_string(changed, "code"), ==, "18073-1");
    /* wrong lines are told each by its number, and nothing is kept */
    g_autoptr(TestReply) wrong = import(h, h->admin, "", bad);
    g_assert_cmpuint(wrong->status, ==, 422);
    g_assert_cmpstr(test_error_message(wrong), ==, "4 lines are wrong: nothing was imported");
    for (unsigned n = 3; n <= 6; n++) {
        g_autofree char *told = g_strdup_printf("\"line\":%u,", n);
        g_assert_nonnull(strstr(wrong->text, told));
    }
    EXPECT("GET", "/areas/18073-2", NULL, 404, "not-found");
    static const char *const unreadable[] = {"", "code,name\na,b\n", "code,name,parent\n1,\"a,42\n", "code,name,parent\n1,a\"b,42\n",
                                             "code,name,parent\n1,\"a\"b,42\n", "code,name,parent\n1,\xff,42\n"};
    for (unsigned i = 0; i < G_N_ELEMENTS(unreadable); i++) {
        g_autoptr(TestReply) reply = import(h, h->admin, "", unreadable[i]);
        g_test_message("%s", reply->text);
        g_assert_cmpuint(reply->status, ==, 400);
    }
    /* what goes out comes in again */
    g_autoptr(TestReply) csv = get(h, "/areas.csv", h->admin);
    g_autoptr(TestReply) again = import(h, h->admin, "", csv->text);
    g_assert_cmpstr(again->text, ==, "{\"dry_run\":false,\"added\":0,\"changed\":0,\"unchanged\":7}");
}

static void test_audit_filters(House *h, gconstpointer data)
{
    tree(h);
    g_autofree char *auditor = test_api_user(&h->t, h->admin, "kiem-toan", "auditor"), *viewer = test_api_user(&h->t, h->admin, "xem", "viewer");
    test_expect(&h->t, "GET", "/audit", viewer, NULL, 403, "not-allowed");
    test_expect(&h->t, "PUT", "/areas/42", viewer, "{'name':'x','kind':'province'}", 403, "not-allowed");
    /* the row of a refusal comes after its answer */
    for (unsigned i = 0, seen = 0; i < 500 && !seen; i++) {
        g_autoptr(TestReply) reply = get(h, "/audit?who=xem&failed=true", auditor);
        seen = strstr(reply->text, "\"status\":403") != NULL;
    }
    g_autoptr(TestReply) his = get(h, "/audit?who=xem", auditor), failed = get(h, "/audit?failed=true", auditor), elsewhere = get(h, "/audit?what=areas/18673", auditor);
    test_expect(&h->t, "POST", "/users", h->admin, "{'name':'tong','role':'auditor','password':'correct horse battery'}", 201, NULL);
    g_autofree char *general = test_sign_in(&h->t, "tong");
    g_autoptr(TestReply) areas = get(h, "/audit?what=areas/18673", general);
    g_assert_cmpstr(elsewhere->text, ==, "{\"rows\":[]}"); /* by somebody of the province: not for an auditor of a commune */
    g_autoptr(TestReply) none = get(h, "/audit?to_us=1", auditor), verified = get(h, "/audit/verify", auditor);
    g_assert_nonnull(strstr(his->text, "\"status\":403"));
    g_assert_null(strstr(his->text, "\"who\":\"root\""));
    g_assert_nonnull(strstr(failed->text, "PUT /api/v1/areas/42"));
    g_assert_null(strstr(failed->text, "\"status\":204"));
    g_assert_nonnull(strstr(areas->text, "PUT /api/v1/areas/18673"));
    g_assert_null(strstr(areas->text, "devices"));
    g_assert_cmpstr(none->text, ==, "{\"rows\":[]}");
    g_assert_true(json_object_get_boolean_member(json_node_get_object(verified->json), "intact"));
    g_assert_cmpuint(strlen(test_string(verified, "head")), ==, 64);
}

static void test_roles(House *h, gconstpointer data)
{
    tree(h);
    g_assert_cmpuint(test_check_roles(&h->t), >, 500);
}

static void test_reasons(void)
{
    static const struct {
        const char *reason;
        BcMiss miss;
    } cases[] = {{"not registered", BC_MISS_UNREACHABLE}, {"486 Busy Here", BC_MISS_BUSY}, {"busy here (486)", BC_MISS_BUSY},
                 {"pre-empted by Bão số 5", BC_MISS_PREEMPTED}, {"stopped by lan", BC_MISS_STOPPED}, {"403 Forbidden", BC_MISS_REFUSED},
                 {"joined late", BC_MISS_LATE}, {"12 % of the sound could not be sent to it", BC_MISS_NETWORK},
                 {"the loudspeaker ended the call (0 )", BC_MISS_REFUSED}, {"", BC_MISS_OTHER}, {NULL, BC_MISS_OTHER}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpint(bc_miss_of(cases[i].reason), ==, cases[i].miss);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reports/reasons", test_reasons);
#define CASE(name, fn) g_test_add("/reports/" name, House, NULL, set_up, fn, tear_down)
    CASE("report", test_report);
    CASE("paper", test_paper);
    CASE("own", test_own);
    CASE("feed", test_feed);
    CASE("feedback", test_feedback);
    CASE("area-table", test_area_table);
    CASE("audit-filters", test_audit_filters);
    CASE("roles", test_roles);
    return g_test_run();
}
