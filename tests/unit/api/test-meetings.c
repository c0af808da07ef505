/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Meetings, trial, links, attendance and chat over HTTP, with a conference in virtual time behind them. */
#include "mediad/api/nouns.h"
#include "tests/fixtures/meeting.h"
#include "tests/unit/api/client.h"
#include <string.h>

typedef struct House {
    TestApi t;
    Meeting *meeting;
    SgAccounts *accounts;
    MdMeetings *meetings;
    char *admin;
} House;

static void on_event(const char *type, JsonNode *data, void *user)
{
    House *h = user;
    md_api_publish(h->t.api, type, data);
}

static void add_site(House *h, const char *name, const char *display, const char *area)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *password = NULL;
    SgAccount account = {.name = name, .display = display, .role = "site", .area = area, .kind = SG_ACCOUNT_SITE, .security = MD_SECURITY_INVALID};
    g_assert_true(sg_accounts_create(h->accounts, &account, NULL, &password, &error));
}

static void set_up(House *h, gconstpointer data)
{
    GError *error = NULL;
    g_autofree MdMigration *all = g_new(MdMigration, sg_n_migrations + md_meeting_n_migrations);
    memcpy(all, sg_migrations, sg_n_migrations * sizeof *all);
    memcpy(all + sg_n_migrations, md_meeting_migrations, md_meeting_n_migrations * sizeof *all);

    test_api_start(&h->t, 0, all, sg_n_migrations + md_meeting_n_migrations);
    h->meeting = meeting_new(&(MeetingSpec){0});
    h->accounts = sg_accounts_new(h->t.store, "example.test", NULL, &error);
    g_assert_no_error(error);
    h->meetings = md_meetings_new(&(MdMeetingsOptions){.store = h->t.store, .conference = h->meeting->conference, .dialer = &h->meeting->dialer.base,
                                                       .on_event = on_event, .user = h, .clock = &h->meeting->clock.base}, &error);
    g_assert_no_error(error);
    md_api_add_meetings(h->t.api, h->meetings, h->accounts, NULL);
    h->admin = test_api_admin(&h->t);
    add_site(h, "xa-a", "Xã A", "42.1");
    add_site(h, "xa-b", "Xã B", "42.1");
    add_site(h, "xa-c", "Xã C", "18673"); /* where the test's accounts are bound to */
}

static void tear_down(House *h, gconstpointer data)
{
    g_free(h->admin);
    md_meetings_free(h->meetings);
    test_api_stop(&h->t);
    sg_accounts_free(h->accounts);
    meeting_free(h->meeting);
}

#define EXPECT(method, path, body, status, code) test_expect(&h->t, method, path, h->admin, body, status, code)

static char *book(House *h, const char *body)
{
    g_autoptr(TestReply) reply = test_call(&h->t, "POST", "/meetings", h->admin, body);
    g_assert_cmpuint(reply->status, ==, 201);
    return g_strdup(test_string(reply, "id"));
}

static JsonArray *sites_of(const TestReply *reply)
{
    return json_object_get_array_member(json_node_get_object(reply->json), "sites");
}

static void run_s(House *h, unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++) {
        meeting_run_ms(h->meeting, 1000);
        md_meetings_tick(h->meetings);
        for (unsigned k = 0; k < 20; k++) {
            g_usleep(500); /* the store's answers come through the main loop */
            while (g_main_context_iteration(NULL, FALSE))
                ;
        }
    }
}

static void test_booking(House *h, gconstpointer data)
{
    g_autofree char *id = book(h, "{'title':'Giao ban tuần','start':'2026-11-23T08:00','minutes':90,'invite':{'areas':['42.1']},'chair':'root',"
                                  "'agenda':[{'subject':'Báo cáo','who':'Ông A','minutes':10}],'pin':'2468','lobby':true}");
    g_autofree char *path = g_strdup_printf("/meetings/%s", id);
    g_autoptr(TestReply) shown = test_call(&h->t, "GET", path, h->admin, NULL);
    g_assert_cmpuint(shown->status, ==, 200);
    g_assert_cmpstr(test_string(shown, "start"), ==, "2026-11-23T08:00:00+07:00");
    g_assert_cmpstr(test_string(shown, "end"), ==, "2026-11-23T09:30:00+07:00");
    g_assert_cmpstr(test_string(shown, "pin"), ==, "2468");
    g_assert_cmpuint(json_array_get_length(sites_of(shown)), ==, 2);
    g_assert_cmpstr(json_object_get_string_member(json_array_get_object_element(sites_of(shown), 0), "name"), ==, "Xã A");
    EXPECT("POST", "/meetings", "{'title':'x','start':'hôm nay'}", 400, "invalid-field");
    EXPECT("POST", "/meetings", "{'title':'x','start':'2020-01-01T08:00','minutes':60}", 400, "invalid-field");
    EXPECT("POST", "/meetings", "{'title':'x','start':'2026-11-23T08:00','minutes':60,'invite':{'areas':['99']}}", 400, "invalid-field");
    EXPECT("POST", "/meetings", "{'title':'x','start':'2026-11-23T08:00','minutes':60,'invite':{'lists':['không']}}", 400, "invalid-field");
    EXPECT("POST", "/meetings", "{'title':'x','start':'2026-11-23T08:00','minutes':60,'sites':[{'account':'xa-z'}]}", 400, "invalid-field");
    EXPECT("POST", "/meetings", "{'title':'x','start':'2026-11-23T08:00','minutes':60,'chair':'ai-do'}", 400, "invalid-field");
    EXPECT("POST", "/meetings", "{'title':'x'}", 400, "invalid-field");
    /* a change moves it as it is, from the version that was read */
    EXPECT("PATCH", path, "{'version':9,'start':'2026-11-23T10:00'}", 409, "changed");
    g_autoptr(TestReply) moved = test_call(&h->t, "PATCH", path, h->admin, "{'version':1,'start':'2026-11-23T10:00','invite':{'accounts':['xa-c']},'uninvite':['xa-a']}");
    g_assert_cmpuint(moved->status, ==, 200);
    g_assert_cmpstr(test_string(moved, "end"), ==, "2026-11-23T11:30:00+07:00");
    g_assert_cmpuint(json_array_get_length(sites_of(moved)), ==, 2);
    EXPECT("PATCH", path, "{'version':2,'sites':[{'account':'xa-a','role':'observer'},{'account':'sip:bo@example.vn','name':'Bộ'}]}", 200, NULL);
    g_autoptr(TestReply) list = test_call(&h->t, "GET", "/meetings?from=2026-11-23&to=2026-11-24", h->admin, NULL);
    g_assert_nonnull(strstr(list->text, "\"n_sites\":2"));
    g_assert_null(strstr(list->text, "2468"));
    g_autoptr(TestReply) none = test_call(&h->t, "GET", "/meetings?from=2026-11-24&to=2026-11-25", h->admin, NULL);
    g_assert_cmpstr(none->text, ==, "{\"meetings\":[]}");
    g_autofree char *cancel = g_strconcat(path, "/cancel", NULL);
    EXPECT("POST", cancel, "{'because':'bão'}", 200, NULL);
    EXPECT("PATCH", path, "{'version':3,'title':'y'}", 409, "wrong-state");
    EXPECT("GET", "/meetings/h-0", NULL, 404, "meeting-not-found");
}

static void test_clash(House *h, gconstpointer data)
{
    g_autofree char *first = book(h, "{'title':'Giao ban','start':'2026-11-23T08:00','minutes':60,'invite':{'roles':['site']}}");
    g_autoptr(TestReply) reply = test_call(&h->t, "POST", "/meetings", h->admin,
                                           "{'title':'Khác','start':'2026-11-23T08:30','minutes':60,'sites':[{'account':'xa-b'}]}");
    g_assert_cmpuint(reply->status, ==, 409);
    g_assert_cmpstr(test_error_code(reply), ==, "clash");
    g_assert_nonnull(strstr(test_error_message(reply), "Xã B: Giao ban (08:00-09:00 23/11/2026)"));
    JsonArray *clashes = json_object_get_array_member(json_node_get_object(reply->json), "clashes");
    g_assert_cmpuint(json_array_get_length(clashes), ==, 1);
    g_assert_cmpstr(json_object_get_string_member(json_array_get_object_element(clashes, 0), "meeting"), ==, first);
    g_autofree char *forced = book(h, "{'title':'Khác','start':'2026-11-23T08:30','minutes':60,'sites':[{'account':'xa-b'}],'force_because':'gấp'}");
    g_assert_cmpstr(forced, !=, first);
}

static void test_rights(House *h, gconstpointer data)
{
    g_autofree char *viewer = test_api_user(&h->t, h->admin, "chu-toa", "viewer"), *other = test_api_user(&h->t, h->admin, "ai-do", "viewer");
    g_autofree char *id = book(h, "{'title':'Kín','start':'2026-11-23T08:00','minutes':60,'confidential':true,'sites':[{'account':'xa-a'}],'chair':'chu-toa','pin':'2468'}");
    g_autofree char *path = g_strdup_printf("/meetings/%s", id), *links = g_strconcat(path, "/links", NULL), *start = g_strconcat(path, "/start", NULL);
    g_autofree char *sheet = g_strconcat(path, "/attendance", NULL), *trial = g_strconcat(path, "/trial", NULL);
    test_expect(&h->t, "GET", path, other, NULL, 404, "meeting-not-found"); /* of a confidential one only those who take part know */
    test_expect(&h->t, "GET", path, viewer, NULL, 200, NULL);
    test_expect(&h->t, "PATCH", path, viewer, "{'version':1,'title':'x'}", 403, NULL);
    g_autoptr(TestReply) mine = test_call(&h->t, "GET", "/meetings?from=2026-11-23&to=2026-11-24&mine=true", viewer, NULL);
    g_assert_nonnull(strstr(mine->text, id));
    g_autofree char *open = book(h, "{'title':'Mở','start':'2026-11-23T14:00','minutes':60,'sites':[{'account':'xa-c'}],'pin':'1357'}");
    g_autofree char *open_path = g_strdup_printf("/meetings/%s", open), *open_start = g_strconcat(open_path, "/start", NULL);
    g_autofree char *open_sheet = g_strconcat(open_path, "/attendance", NULL), *open_trial = g_strconcat(open_path, "/trial", NULL);
    g_autofree char *open_links = g_strconcat(open_path, "/links", NULL);
    g_autofree char *elsewhere = book(h, "{'title':'Nơi khác','start':'2026-11-23T16:00','minutes':60,'sites':[{'account':'xa-a'}]}");
    g_autofree char *elsewhere_path = g_strdup_printf("/meetings/%s", elsewhere);
    test_expect(&h->t, "GET", elsewhere_path, other, NULL, 404, "meeting-not-found"); /* of another area */
    g_autoptr(TestReply) seen = test_call(&h->t, "GET", open_path, other, NULL);
    g_assert_cmpuint(seen->status, ==, 200);
    g_assert_null(strstr(seen->text, "1357")); /* the PIN is for those who run it */
    test_expect(&h->t, "POST", open_start, other, NULL, 403, "forbidden");
    test_expect(&h->t, "GET", open_sheet, other, NULL, 403, "forbidden");
    test_expect(&h->t, "POST", open_trial, other, "{}", 403, "forbidden");
    test_expect(&h->t, "GET", open_links, other, NULL, 403, "forbidden");
    test_expect(&h->t, "POST", links, viewer, "{'all':true,'invitees':[{'name':'Khách'}]}", 409, "wrong-state"); /* no guests in a confidential one */
    test_expect(&h->t, "POST", links, viewer, "{'all':true}", 201, NULL);
    test_expect(&h->t, "GET", sheet, viewer, NULL, 200, NULL);
    test_expect(&h->t, "POST", trial, viewer, "{'sites':['xa-c']}", 400, "invalid-field");
    test_expect(&h->t, "POST", start, viewer, NULL, 200, NULL);
    test_expect(&h->t, "POST", trial, viewer, "{}", 409, "wrong-state");
    test_check_roles(&h->t);
}

static void test_held(House *h, gconstpointer data)
{
    g_autofree char *id = book(h, "{'title':'Họp ngay','start':'2026-11-22T08:40','minutes':60,'sites':[{'account':'xa-a'},{'account':'xa-c'}],'trial':false}");
    g_autofree char *path = g_strdup_printf("/meetings/%s", id), *start = g_strconcat(path, "/start", NULL), *chat = g_strconcat(path, "/chat", NULL);
    g_autofree char *end = g_strconcat(path, "/end", NULL), *csv = g_strconcat(path, "/attendance.csv", NULL), *html = g_strconcat(path, "/attendance.html", NULL);
    EXPECT("POST", chat, "{'text':'ai nghe không'}", 404, "meeting-not-found"); /* no room yet */
    EXPECT("POST", end, NULL, 409, "wrong-state");
    EXPECT("POST", start, NULL, 200, NULL);
    EXPECT("POST", start, NULL, 409, "wrong-state");
    run_s(h, 3);
    g_assert_cmpuint(h->meeting->dialer.calls->len, ==, 2);
    FakeCall *call = h->meeting->dialer.calls->pdata[0];
    md_call_emit_sdp(call->call, MD_SDP_ANSWER, "hz=400");
    md_call_emit_established(call->call);
    run_s(h, 3);
    EXPECT("POST", chat, "{'text':'Chào các xã'}", 204, NULL);
    EXPECT("POST", chat, "{'text':'Ghi biên bản','to':'secretary'}", 204, NULL);
    EXPECT("POST", chat, "{'text':'x','to':'xa-a'}", 400, "invalid-field");
    EXPECT("POST", end, NULL, 200, NULL);
    run_s(h, 1);
    g_autoptr(TestReply) messages = test_call(&h->t, "GET", chat, h->admin, NULL);
    g_assert_nonnull(strstr(messages->text, "Ghi biên bản"));
    g_autofree char *viewer = test_api_user(&h->t, h->admin, "ai-do", "viewer");
    g_autoptr(TestReply) fewer = test_call(&h->t, "GET", chat, viewer, NULL);
    g_assert_nonnull(strstr(fewer->text, "Chào các xã"));
    g_assert_null(strstr(fewer->text, "Ghi biên bản"));
    g_autoptr(TestReply) table = test_call(&h->t, "GET", csv, h->admin, NULL);
    g_assert_cmpuint(table->status, ==, 200);
    g_assert_nonnull(strstr(table->text, "\"1\",\"Xã A\",\"xa-a\",\"Điểm cầu\",\"Có\",\"Có mặt\",\"08:35:"));
    g_assert_nonnull(strstr(table->text, "\"2\",\"Xã C\",\"xa-c\",\"Điểm cầu\",\"Có\",\"Vắng mặt\""));
    g_assert_nonnull(strstr(soup_message_headers_get_one(table->headers, "Content-Disposition"), "diem-danh-"));
    g_autoptr(TestReply) page = test_call(&h->t, "GET", html, h->admin, NULL);
    g_assert_nonnull(strstr(page->text, "<h1>Danh sách dự họp: Họp ngay</h1>"));
    g_assert_nonnull(strstr(soup_message_headers_get_one(page->headers, "Content-Security-Policy"), "style-src 'unsafe-inline'"));
}

static void test_trial(House *h, gconstpointer data)
{
    g_autofree char *id = book(h, "{'title':'Họp','start':'2026-11-22T20:00','minutes':60,'sites':[{'account':'xa-a'},{'account':'xa-b'}]}");
    g_autofree char *trial = g_strdup_printf("/meetings/%s/trial", id);
    g_autoptr(TestReply) none = test_call(&h->t, "GET", trial, h->admin, NULL);
    g_assert_cmpuint(none->status, ==, 200);
    EXPECT("DELETE", trial, NULL, 409, "wrong-state");
    EXPECT("POST", trial, "{'sites':['xa-a']}", 204, NULL);
    run_s(h, 3);
    g_assert_cmpuint(h->meeting->dialer.calls->len, ==, 1);
    md_call_emit_closed(((FakeCall *)h->meeting->dialer.calls->pdata[0])->call, 603, "Decline");
    run_s(h, 3);
    g_autoptr(TestReply) done = test_call(&h->t, "GET", trial, h->admin, NULL);
    JsonObject *site = json_array_get_object_element(sites_of(done), 0);
    g_assert_cmpuint(json_array_get_length(sites_of(done)), ==, 1);
    g_assert_cmpstr(json_object_get_string_member(site, "grade"), ==, "fail");
    g_assert_cmpstr(json_object_get_string_member(site, "cause"), ==, "refused");
    g_assert_cmpstr(json_object_get_string_member(site, "text"), ==, "Cuộc gọi bị từ chối tại điểm cầu.");
    g_assert_cmpint(json_object_get_int_member(json_object_get_object_member(site, "evidence"), "code"), ==, 603);
    g_assert_false(json_object_get_boolean_member(json_node_get_object(done->json), "running"));
}

static void test_lists_and_links(House *h, gconstpointer data)
{
    EXPECT("PUT", "/site-lists/cum-1", "{'title':'Cụm 1','invite':{'areas':['42.1'],'accounts':['xa-c']}}", 204, NULL);
    EXPECT("PUT", "/site-lists/cum-1", "{'title':'Cụm 1','invite':{}}", 400, "invalid-field");
    EXPECT("PUT", "/site-lists/Cụm", "{'title':'Cụm 1','invite':{'accounts':['xa-c']}}", 400, "invalid-field");
    g_autoptr(TestReply) lists = test_call(&h->t, "GET", "/site-lists", h->admin, NULL);
    g_assert_nonnull(strstr(lists->text, "\"accounts\":[\"xa-c\",\"xa-a\",\"xa-b\"]"));
    g_autofree char *id = book(h, "{'title':'Họp','start':'2026-11-23T20:00','minutes':60,'invite':{'lists':['cum-1']}}");
    g_autofree char *links = g_strdup_printf("/meetings/%s/links", id);
    g_autoptr(TestReply) made = test_call(&h->t, "POST", links, h->admin, "{'all':true,'invitees':[{'name':'Ông Khách'}]}");
    g_assert_cmpuint(made->status, ==, 201);
    JsonArray *array = json_object_get_array_member(json_node_get_object(made->json), "links");
    g_assert_cmpuint(json_array_get_length(array), ==, 4);
    JsonObject *guest = json_array_get_object_element(array, 3);
    g_assert_cmpstr(json_object_get_string_member(guest, "role"), ==, "guest");
    g_assert_true(g_str_has_prefix(json_object_get_string_member(guest, "link"), "/#/join/"));
    g_autofree char *one = g_strdup_printf("%s/%s", links, json_object_get_string_member(guest, "id"));
    g_autoptr(TestReply) later = test_call(&h->t, "GET", links, h->admin, NULL);
    g_assert_null(strstr(later->text, json_object_get_string_member(guest, "code")));
    EXPECT("POST", links, "{'invitees':[{'account':'root','name':'x'}]}", 400, "invalid-field");
    EXPECT("DELETE", one, NULL, 204, NULL);
    EXPECT("DELETE", one, NULL, 404, "meeting-not-found");
    EXPECT("DELETE", "/site-lists/cum-1", NULL, 204, NULL);
    EXPECT("DELETE", "/site-lists/cum-1", NULL, 404, "meeting-not-found");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/api/meetings/booking", House, NULL, set_up, test_booking, tear_down);
    g_test_add("/api/meetings/clash", House, NULL, set_up, test_clash, tear_down);
    g_test_add("/api/meetings/rights", House, NULL, set_up, test_rights, tear_down);
    g_test_add("/api/meetings/held", House, NULL, set_up, test_held, tear_down);
    g_test_add("/api/meetings/trial", House, NULL, set_up, test_trial, tear_down);
    g_test_add("/api/meetings/lists-and-links", House, NULL, set_up, test_lists_and_links, tear_down);
    return g_test_run();
}
