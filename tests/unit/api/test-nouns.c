/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rooms, members, accounts and status over HTTP, with a meeting in virtual time behind them. */
#include "mediad/api/nouns.h"
#include "tests/fixtures/meeting.h"
#include "tests/unit/api/client.h"
#include <string.h>

typedef struct House {
    TestApi t;
    Meeting *meeting;
    SgAccounts *accounts;
    char *admin;
} House;

static void set_up(House *h, gconstpointer data)
{
    GError *error = NULL;
    const MdApiListener listeners[] = {{"https", "127.0.0.1:8443"}};

    test_api_start(&h->t, 0, sg_migrations, sg_n_migrations);
    h->meeting = meeting_new(&(MeetingSpec){.views_max = 1});
    h->accounts = sg_accounts_new(h->t.store, "example.test", NULL, &error);
    g_assert_no_error(error);
    md_api_add_rooms(h->t.api, h->meeting->conference);
    md_api_add_accounts(h->t.api, h->accounts, NULL);
    md_api_add_status(h->t.api, &(MdApiStatus){.conference = h->meeting->conference, .accounts = h->accounts, .workers = 1,
                                               .listeners = listeners, .n_listeners = 1});
    h->admin = test_api_admin(&h->t);
}

static void tear_down(House *h, gconstpointer data)
{
    g_free(h->admin);
    test_api_stop(&h->t);
    sg_accounts_free(h->accounts);
    meeting_free(h->meeting);
}

#define EXPECT(method, path, body, status, code) test_expect(&h->t, method, path, h->admin, body, status, code)

static JsonObject *get(House *h, const char *path, TestReply **ret_reply)
{
    *ret_reply = test_call(&h->t, "GET", path, h->admin, NULL);
    g_assert_cmpuint((*ret_reply)->status, ==, 200);
    return json_node_get_object((*ret_reply)->json);
}

static void test_rooms(House *h, gconstpointer data)
{
    EXPECT("POST", "/rooms", "{'name':'giao-ban','title':'Giao ban tuần','layout':'3x3','pin':'2468'}", 201, NULL);
    EXPECT("POST", "/rooms", "{'name':'giao-ban'}", 409, "room-exists");
    EXPECT("POST", "/rooms", "{'name':'Giao Ban'}", 400, "invalid-field");
    EXPECT("POST", "/rooms", "{'name':'x','pin':'12'}", 400, "invalid-field");
    EXPECT("POST", "/rooms", "{'name':'x','layout':'10x10'}", 400, "invalid-field");
    EXPECT("POST", "/rooms", "{'name':'mot-lan','temporary':true}", 201, NULL);
    g_autoptr(TestReply) list = test_call(&h->t, "GET", "/rooms", h->admin, NULL);
    g_assert_nonnull(strstr(list->text, "\"title\":\"Giao ban tuần\",\"members\":0,\"layout\":\"3x3\",\"locked\":false"));
    EXPECT("PUT", "/rooms/giao-ban/lock", "{'locked':true}", 204, NULL);
    EXPECT("PUT", "/rooms/giao-ban/layout", "{'layout':'1+5'}", 204, NULL);
    g_autoptr(TestReply) reply = NULL;
    JsonObject *room = get(h, "/rooms/giao-ban", &reply);
    g_assert_true(json_object_get_boolean_member(room, "locked"));
    g_assert_cmpstr(json_object_get_string_member(room, "layout"), ==, "1+5");
    EXPECT("PUT", "/rooms/nowhere/lock", "{'locked':true}", 404, "room-not-found");
    EXPECT("GET", "/rooms/nowhere/members", NULL, 404, "room-not-found");
    EXPECT("DELETE", "/rooms/giao-ban", NULL, 204, NULL);
    EXPECT("DELETE", "/rooms/giao-ban", NULL, 404, "room-not-found");
}

/* A room made here is made again after a restart, as it was; one that was removed is not, nor a temporary one. */
static void test_rooms_kept(House *h, gconstpointer data)
{
    EXPECT("POST", "/rooms", "{'name':'giao-ban','title':'Giao ban tuần','layout':'4x4'}", 201, NULL);
    EXPECT("POST", "/rooms", "{'name':'bo','title':'Bỏ'}", 201, NULL);
    EXPECT("POST", "/rooms", "{'name':'mot-lan','temporary':true}", 201, NULL);
    EXPECT("DELETE", "/rooms/bo", NULL, 204, NULL);
    Meeting *second = meeting_new(&(MeetingSpec){0});
    TestApi fresh;
    test_api_start(&fresh, 0, sg_migrations, sg_n_migrations);
    g_autoptr(GPtrArray) none = md_conference_rooms(second->conference);
    g_assert_cmpuint(none->len, ==, 0);
    MdApi *restarted = md_api_new(&(MdApiOptions){.state_dir = h->t.dir}, h->t.store, NULL);
    md_api_add_rooms(restarted, second->conference);
    g_autoptr(GPtrArray) rooms = md_conference_rooms(second->conference);
    g_assert_cmpuint(rooms->len, ==, 1);
    MdRoomInfo info;
    md_room_info(rooms->pdata[0], &info);
    g_assert_cmpstr(info.title, ==, "Giao ban tuần");
    g_assert_cmpint(info.layout, ==, MD_LAYOUT_GRID_4X4);
    md_api_free(restarted);
    test_api_stop(&fresh);
    meeting_free(second);
}

/* What all are shown, and one alone. */
static void test_views(House *h, gconstpointer data)
{
    EXPECT("POST", "/rooms", "{'name':'r'}", 201, NULL);
    meeting_join(h->meeting, "r", "ky-anh", MD_ROLE_CHAIR, "hz=400", NULL);
    meeting_join(h->meeting, "r", "duc-tho", MD_ROLE_SITE, "hz=500", NULL);
    meeting_run_ms(h->meeting, 500);
    MdRoom *room = md_conference_find_room(h->meeting->conference, "r");
    g_autofree char *chair = g_strdup(meeting_member(room, 0)), *site = g_strdup(meeting_member(room, 1));
    g_autofree char *order = g_strdup_printf("{'layout':'2x2','seats':[null,'%s'],'tour_s':10}", site);
    g_autoptr(TestReply) all = NULL, after = NULL, one = NULL, back = NULL, own = NULL;
    EXPECT("PUT", "/rooms/r/layout", order, 204, NULL);
    JsonObject *now = get(h, "/rooms/r/layout", &all);
    JsonArray *seats = json_object_get_array_member(now, "seats");
    g_assert_cmpuint(json_array_get_length(seats), ==, 2);
    g_assert_true(json_array_get_null_element(seats, 0));
    g_assert_cmpstr(json_array_get_string_element(seats, 1), ==, site);
    g_assert_cmpint(json_object_get_int_member(now, "tour_s"), ==, 10);
    g_assert_true(json_object_get_null_member(now, "spotlight"));
    EXPECT("PUT", "/rooms/r/layout", "{'layout':'1+5','tour_s':4}", 400, "invalid-field");
    EXPECT("PUT", "/rooms/r/layout", "{'layout':'1+5','tour_s':301}", 400, "invalid-field");
    EXPECT("PUT", "/rooms/r/layout", "{'layout':'1+5','tour_s':20,'seats':['m999']}", 404, "member-not-found");
    EXPECT("PUT", "/rooms/r/layout", "{'layout':'1+5','seats':[7]}", 400, "invalid-field");
    EXPECT("PUT", "/rooms/r/tour", "{'period_s':3}", 400, "invalid-field");
    now = get(h, "/rooms/r", &after); /* nothing of what was refused has happened */
    g_assert_cmpstr(json_object_get_string_member(now, "layout"), ==, "2x2");
    g_assert_cmpint(json_object_get_int_member(now, "tour_s"), ==, 10);
    g_autofree char *view = g_strdup_printf("/rooms/r/members/%s/view", site), *other = g_strdup_printf("/rooms/r/members/%s/view", chair);
    g_autofree char *wish = g_strdup_printf("{'layout':'single','seats':['%s']}", chair), *path = g_strdup_printf("/rooms/r/members/%s", site);
    EXPECT("PUT", view, wish, 204, NULL);
    g_assert_nonnull(strstr(h->meeting->last_event, "\"by\":\"chair\""));
    JsonObject *is = json_object_get_object_member(get(h, path, &one), "view");
    g_assert_cmpstr(json_object_get_string_member(is, "layout"), ==, "single");
    g_assert_cmpstr(json_object_get_string_member(is, "by"), ==, "chair");
    g_assert_true(json_object_get_boolean_member(is, "shown"));
    g_assert_cmpstr(json_array_get_string_element(json_object_get_array_member(is, "seats"), 0), ==, chair);
    EXPECT("PUT", other, "{'layout':'pip'}", 409, "limit-reached");
    EXPECT("PUT", other, "{'layout':'10x10'}", 400, "invalid-field");
    EXPECT("PUT", "/rooms/r/members/m999/view", "{'layout':'pip'}", 404, "member-not-found");
    EXPECT("DELETE", view, NULL, 204, NULL);
    g_assert_true(json_object_get_null_member(get(h, path, &back), "view"));
    EXPECT("PUT", other, "{'layout':'pip'}", 204, NULL);
    EXPECT("DELETE", "/rooms/r/members/m999/view", NULL, 404, "member-not-found");
}

static void test_members(House *h, gconstpointer data)
{
    EXPECT("POST", "/rooms", "{'name':'r'}", 201, NULL);
    meeting_join(h->meeting, "r", "ky-anh", MD_ROLE_CHAIR, "hz=400", NULL);
    meeting_join(h->meeting, "r", "duc-tho", MD_ROLE_SITE, "hz=500", NULL);
    meeting_run_ms(h->meeting, 1500);
    g_autoptr(TestReply) list = NULL;
    JsonArray *members = json_object_get_array_member(get(h, "/rooms/r/members", &list), "members");
    g_assert_cmpuint(json_array_get_length(members), ==, 2);
    JsonObject *site = NULL;
    for (unsigned i = 0; i < 2; i++)
        if (g_str_equal(json_object_get_string_member(json_array_get_object_element(members, i), "account"), "duc-tho"))
            site = json_array_get_object_element(members, i);
    g_assert_nonnull(site);
    g_assert_cmpstr(json_object_get_string_member(site, "role"), ==, "site");
    g_assert_true(json_object_has_member(json_object_get_object_member(site, "stats"), "audio_jitter_us"));
    g_assert_true(json_object_has_member(json_object_get_object_member(site, "stats"), "video_frozen_ms"));
    g_assert_false(json_object_has_member(json_object_get_object_member(site, "stats"), "audio_in_bps")); /* not measured yet is not 0 */
    g_autofree char *path = g_strdup_printf("/rooms/r/members/%s", json_object_get_string_member(site, "id"));
    EXPECT("PATCH", path, "{'muted':true,'deaf':true,'gain_db':-6.5,'role':'operator','video_muted':true}", 204, NULL);
    g_autoptr(TestReply) one = NULL;
    JsonObject *now = get(h, path, &one);
    g_assert_true(json_object_get_boolean_member(now, "muted") && json_object_get_boolean_member(now, "deaf"));
    g_assert_cmpfloat(json_object_get_double_member(now, "gain_db"), ==, -6.5);
    g_assert_cmpstr(json_object_get_string_member(now, "role"), ==, "operator");
    EXPECT("PATCH", path, "{'gain_db':21}", 400, "invalid-field");
    g_autoptr(TestReply) content = NULL;
    g_assert_true(json_object_get_null_member(get(h, "/rooms/r/content", &content), "content"));
    g_autofree char *present = g_strdup_printf("{'member':'%s'}", json_object_get_string_member(site, "id"));
    EXPECT("POST", "/rooms/r/content/start", present, 409, "wrong-state"); /* sound only */
    EXPECT("POST", "/rooms/r/content/start", "{'member':'m999'}", 404, "member-not-found");
    EXPECT("POST", "/rooms/r/content/stop", NULL, 409, "wrong-state");
    g_autofree char *hand = g_strdup_printf("%s/hand", path);
    g_autoptr(TestReply) raised = NULL, given = NULL, opened = NULL, closed = NULL, roles = NULL;
    EXPECT("PUT", hand, "{'raised':true}", 204, NULL);
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(get(h, "/rooms/r/floor", &raised), "queue")), ==, 1);
    EXPECT("PUT", "/rooms/r/floor/rules", "{'budget_s':120}", 204, NULL);
    EXPECT("POST", "/rooms/r/floor/next", "{}", 204, NULL);
    JsonObject *floor = get(h, "/rooms/r/floor", &given);
    g_assert_cmpstr(json_object_get_string_member(floor, "holder"), ==, json_object_get_string_member(site, "id"));
    g_assert_cmpint(json_object_get_int_member(floor, "left_ms"), <=, 120000);
    EXPECT("POST", "/rooms/r/floor/extend", "{'seconds':60}", 204, NULL);
    EXPECT("POST", "/rooms/r/floor/end", NULL, 204, NULL);
    EXPECT("POST", "/rooms/r/floor/end", NULL, 409, "wrong-state");
    EXPECT("POST", "/rooms/r/floor/give", "{'member':'m999'}", 404, "member-not-found");
    EXPECT("POST", "/rooms/r/votes", "{'question':'Thông qua?','secret':true}", 201, NULL);
    EXPECT("POST", "/rooms/r/votes", "{'question':'Nữa?'}", 409, "wrong-state");
    g_assert_true(json_object_get_boolean_member(get(h, "/rooms/r/votes/v1", &opened), "open"));
    EXPECT("POST", "/rooms/r/votes/v1/close", NULL, 200, NULL);
    g_assert_false(json_object_get_boolean_member(get(h, "/rooms/r/votes/v1", &closed), "open"));
    EXPECT("GET", "/rooms/r/votes/v9", NULL, 404, "vote-not-found");
    EXPECT("PUT", "/rooms/r/spotlight", "{'member':null}", 204, NULL);
    EXPECT("PUT", "/rooms/r/banner", "{'text':'Nghỉ','clock':true}", 204, NULL);
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(get(h, "/roles", &roles), "roles")), ==, MD_ROLE_MAX);
    EXPECT("PATCH", "/rooms/r/members/nobody", "{'muted':true}", 404, "member-not-found");
    EXPECT("GET", "/rooms/r/members/nobody", NULL, 404, "member-not-found");
    EXPECT("PUT", "/rooms/r/mute", "{'muted':false}", 204, NULL);
    EXPECT("PUT", "/rooms/r/mute", "{'muted':true,'except_chair':true}", 204, NULL);
    g_autoptr(TestReply) muted = NULL;
    members = json_object_get_array_member(get(h, "/rooms/r/members", &muted), "members");
    for (unsigned i = 0; i < 2; i++) {
        JsonObject *m = json_array_get_object_element(members, i);
        bool is_chair = g_str_equal(json_object_get_string_member(m, "role"), "chair");
        g_assert_true(json_object_get_boolean_member(m, "muted") == !is_chair);
    }
    EXPECT("DELETE", path, NULL, 204, NULL);
    meeting_run_ms(h->meeting, 1000);
    EXPECT("GET", path, NULL, 404, "member-not-found");
    EXPECT("POST", "/rooms", "{'name':'second'}", 201, NULL);
    meeting_join(h->meeting, "second", "ky-anh", MD_ROLE_SITE, "hz=400", NULL);
    test_check_metrics(&h->t);
    EXPECT("DELETE", "/rooms/second", NULL, 204, NULL);
    meeting_run_ms(h->meeting, 1000);
    g_autoptr(TestReply) metrics = test_call_raw(&h->t, "GET", "/metrics", NULL, NULL, NULL, 0);
    g_assert_nonnull(strstr(metrics->text, "\nmediad_room_members{room=\"r\"} 1\n"));
    g_assert_nonnull(strstr(metrics->text, "mediad_leg_audio_jitter_seconds{room=\"r\",id=\""));
    g_autoptr(TestReply) status = NULL;
    JsonObject *s = get(h, "/status", &status);
    g_assert_cmpint(json_object_get_int_member(s, "members"), ==, 1);
    g_assert_cmpint(json_object_get_int_member(s, "rooms"), ==, 1);
}

/* What a browser in the meeting is told of the others. */
static void test_seen(House *h, gconstpointer data)
{
    MdRoom *room = meeting_room(h->meeting, &(MdRoomSpec){.name = "kin", .lobby = true});
    meeting_join(h->meeting, "kin", "ky-anh", MD_ROLE_CHAIR, "hz=400", NULL);
    meeting_join(h->meeting, "kin", "la", MD_ROLE_GUEST, "hz=500", NULL);
    meeting_run_ms(h->meeting, 1500);
    g_autoptr(JsonArray) all = md_api_member_array(room, true);
    g_autoptr(JsonArray) some = md_api_member_array(room, false);
    g_assert_cmpuint(json_array_get_length(all), ==, 2);
    g_assert_cmpuint(json_array_get_length(some), ==, 1);
    JsonObject *chair = json_array_get_object_element(some, 0);
    g_assert_cmpstr(json_object_get_string_member(chair, "role"), ==, "chair");
    g_assert_false(json_object_has_member(chair, "account") || json_object_has_member(chair, "uri"));
}

static void test_dial(House *h, gconstpointer data)
{
    EXPECT("POST", "/rooms", "{'name':'r'}", 201, NULL);
    EXPECT("POST", "/rooms/r/dials", "{'targets':[]}", 400, "invalid-field");
    EXPECT("POST", "/rooms/r/dials", "{'targets':['ky-anh','sip:x@y.test'],'role':'king'}", 400, "invalid-field");
    EXPECT("POST", "/rooms/r/dials", "{'targets':['ky-anh','duc-tho'],'redial':true}", 204, NULL);
    g_autoptr(TestReply) reply = NULL;
    JsonArray *dials = json_object_get_array_member(get(h, "/rooms/r/dials", &reply), "dials");
    g_assert_cmpuint(json_array_get_length(dials), ==, 2);
    g_assert_cmpstr(json_object_get_string_member(json_array_get_object_element(dials, 0), "target"), ==, "ky-anh");
    EXPECT("DELETE", "/rooms/r/dials/ky-anh", NULL, 204, NULL);
    g_autoptr(TestReply) after = NULL;
    dials = json_object_get_array_member(get(h, "/rooms/r/dials", &after), "dials");
    g_assert_cmpuint(json_array_get_length(dials), ==, 1);
    EXPECT("POST", "/rooms/r/end", NULL, 204, NULL);
}

static void test_accounts(House *h, gconstpointer data)
{
    g_autoptr(TestReply) made =
        test_call(&h->t, "POST", "/accounts", h->admin, "{'name':'ky-anh','display':'Kỳ Anh','kind':'site','role':'chair'}");
    g_assert_cmpuint(made->status, ==, 201);
    g_assert_cmpuint(strlen(test_string(made, "password")), >=, 12);
    g_assert_cmpstr(test_string(made, "security"), ==, "listener");
    EXPECT("POST", "/accounts", "{'name':'ky-anh'}", 409, "account-exists");
    EXPECT("POST", "/accounts", "{'name':'a b'}", 400, "invalid-field");
    EXPECT("POST", "/accounts", "{'name':'loa-1','kind':'loudspeaker','password':'a good one','security':'required'}", 201, NULL);
    g_autoptr(TestReply) all = NULL;
    JsonArray *accounts = json_object_get_array_member(get(h, "/accounts?kind=loudspeaker", &all), "accounts");
    g_assert_cmpuint(json_array_get_length(accounts), ==, 1);
    g_assert_null(strstr(all->text, "password"));
    EXPECT("PATCH", "/accounts/ky-anh", "{'display':'Thị xã Kỳ Anh','disabled':true}", 200, NULL);
    g_autoptr(TestReply) one = NULL;
    JsonObject *account = get(h, "/accounts/ky-anh", &one);
    g_assert_cmpstr(json_object_get_string_member(account, "display"), ==, "Thị xã Kỳ Anh");
    g_assert_cmpstr(json_object_get_string_member(account, "role"), ==, "chair"); /* kept */
    g_assert_true(json_object_get_boolean_member(account, "disabled"));
    g_autoptr(TestReply) reset = test_call(&h->t, "POST", "/accounts/ky-anh/reset", h->admin, "{}");
    g_assert_cmpuint(reset->status, ==, 200);
    g_assert_cmpstr(test_string(reset, "password"), !=, test_string(made, "password"));
    EXPECT("GET", "/registrations", NULL, 200, NULL);
    EXPECT("DELETE", "/accounts/ky-anh", NULL, 204, NULL);
    EXPECT("DELETE", "/accounts/ky-anh", NULL, 404, "account-not-found");
    EXPECT("PATCH", "/accounts/ky-anh", "{}", 404, "account-not-found");
}

static void test_roles(House *h, gconstpointer data)
{
    g_assert_cmpuint(test_check_roles(&h->t), >, 60);
}

static bool run_sql(MdDb *db, gpointer data, GError **error)
{
    return md_db_run(db, error, data, "");
}

#define SQL(text) g_assert_true(md_store_write_sync(h->t.store, run_sql, (gpointer)(text), NULL))

static char *kept_display(House *h)
{
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(h->t.store), NULL, "SELECT display FROM sip_accounts WHERE name = 'ky-anh'", "");

    return md_rows_next(rows, NULL) ? g_strdup(md_rows_text(rows, 0)) : NULL;
}

/* The store refuses (as with a full disk): nobody is told that an account is kept when it is not. */
static void test_accounts_not_kept(House *h, gconstpointer data)
{
    EXPECT("POST", "/accounts", "{'name':'ky-anh','display':'Kỳ Anh','kind':'site'}", 201, NULL);
    SQL("ALTER TABLE sip_accounts RENAME TO away");
    EXPECT("POST", "/accounts", "{'name':'duc-tho','kind':'site'}", 507, "store-failed");
    EXPECT("GET", "/accounts/duc-tho", NULL, 404, "account-not-found"); /* taken back */
    EXPECT("PATCH", "/accounts/ky-anh", "{'display':'Thị xã Kỳ Anh'}", 507, "store-failed");
    EXPECT("POST", "/accounts/ky-anh/reset", "{}", 507, "store-failed");
    EXPECT("DELETE", "/accounts/ky-anh", NULL, 507, "store-failed");
    EXPECT("GET", "/accounts/ky-anh", NULL, 200, NULL);
    SQL("ALTER TABLE away RENAME TO sip_accounts");
    EXPECT("POST", "/accounts", "{'name':'duc-tho','kind':'site'}", 201, NULL);
    EXPECT("PATCH", "/accounts/ky-anh", "{'display':'Thị xã Kỳ Anh'}", 200, NULL); /* the same again is written */
    g_autofree char *display = kept_display(h);
    g_assert_cmpstr(display, ==, "Thị xã Kỳ Anh");
    EXPECT("DELETE", "/accounts/ky-anh", NULL, 204, NULL);
    g_assert_null(kept_display(h));
    /* the change is kept, its trace is not: said as well */
    SQL("ALTER TABLE md_audit RENAME TO away");
    EXPECT("PATCH", "/accounts/duc-tho", "{'display':'Đức Thọ'}", 507, "store-failed");
    SQL("ALTER TABLE away RENAME TO md_audit");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(name, fn) g_test_add("/api/" name, House, NULL, set_up, fn, tear_down)
    CASE("rooms", test_rooms);
    CASE("rooms-kept", test_rooms_kept);
    CASE("members", test_members);
    CASE("views", test_views);
    CASE("seen", test_seen);
    CASE("dial", test_dial);
    CASE("accounts", test_accounts);
    CASE("accounts-not-kept", test_accounts_not_kept);
    CASE("all-roles", test_roles);
    return g_test_run();
}
