/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Areas, loudspeakers, content, schedules, live and the play log over HTTP, with a real broadcast room behind them whose
 * loudspeakers are not registered. Answers are checked against the OpenAPI document as they come. */
#include "mediad/api/nouns.h"
#include "tests/unit/api/client.h"
#include <string.h>

typedef struct House {
    TestApi t;
    MdWorker *worker;
    MdMailbox *control;
    MdDialer dialer;
    BcBroadcast *broadcast;
    char *admin, *content;
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

static void set_up(House *h, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    test_api_start(&h->t, 0, bc_migrations, bc_n_migrations);
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
    md_api_add_device_link(h->t.api, h->broadcast, NULL); /* no link, no alerts: their routes and who may call them are there */
    md_api_add_alerts(h->t.api, h->broadcast, NULL, NULL, NULL, 0);
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
}

#define EXPECT(method, path, body, status, code) test_expect(&h->t, method, path, h->admin, body, status, code)

static TestReply *get(House *h, const char *path)
{
    TestReply *reply = test_call(&h->t, "GET", path, h->admin, NULL);
    g_assert_cmpuint(reply->status, ==, 200);
    return reply;
}

static void tree(House *h)
{
    EXPECT("PUT", "/areas/42", "{'name':'Hà Tĩnh','kind':'province','ident':'H27'}", 204, NULL);
    EXPECT("PUT", "/areas/18073", "{'name':'Phường Thành Sen','kind':'commune','parent':'42'}", 204, NULL);
    EXPECT("PUT", "/areas/18100", "{'name':'Xã Thạch Hà','kind':'commune','parent':'42'}", 204, NULL);
}

static void test_areas_and_devices(House *h, gconstpointer data)
{
    tree(h);
    EXPECT("PUT", "/areas/1", "{'name':'x','kind':'village','parent':'99'}", 404, "not-found");
    EXPECT("PUT", "/areas/42", "{'name':'x','kind':'village','parent':'18073'}", 400, "invalid-field");
    EXPECT("PUT", "/areas/7", "{'kind':'village'}", 400, "invalid-field");
    EXPECT("DELETE", "/areas/42", NULL, 409, "in-use");
    EXPECT("PUT", "/devices/loa-1", "{'name':'Loa nhà văn hóa','area':'18073','latitude':18.34,'longitude':105.9,'codecs':['opus','PCMA']}", 204, NULL);
    EXPECT("PUT", "/devices/loa-1", "{'volume':55}", 204, NULL);
    EXPECT("PUT", "/devices/loa-2", "{'name':'x','area':'99'}", 404, "not-found");
    EXPECT("PUT", "/devices/loa-2", "{'name':'x','area':'42','volume':101}", 400, "invalid-field");
    g_autoptr(TestReply) one = get(h, "/devices/loa-1");
    g_assert_nonnull(strstr(one->text, "\"name\":\"Loa nhà văn hóa\""));
    g_assert_nonnull(strstr(one->text, "\"volume\":55"));
    g_assert_nonnull(strstr(one->text, "\"codecs\":[\"opus\",\"PCMA\"]"));
    g_assert_nonnull(strstr(one->text, "\"registered\":false"));
    g_autoptr(TestReply) here = get(h, "/devices?area=42"), there = get(h, "/devices?area=18100");
    g_assert_nonnull(strstr(here->text, "loa-1"));
    g_assert_null(strstr(there->text, "loa-1"));
    g_autoptr(TestReply) children = get(h, "/areas?parent=42");
    g_assert_nonnull(strstr(children->text, "Phường Thành Sen"));
    g_assert_null(strstr(children->text, "H27"));
    EXPECT("DELETE", "/devices/loa-1", NULL, 204, NULL);
    EXPECT("GET", "/devices/loa-1", NULL, 404, "not-found");
    EXPECT("DELETE", "/areas/18073", NULL, 204, NULL);
}

/* A second of tone as a WAV file in memory. */
static GByteArray *tone_wav(double amplitude)
{
    static const uint8_t header[44] = {'R', 'I', 'F', 'F', 0x24, 0x77, 1, 0,    'W', 'A',  'V', 'E', 'f', 'm', 't', ' ', 16, 0, 0, 0, 1, 0,
                                       1,   0,   0x80, 0xbb, 0, 0, 0, 0x77, 1, 0, 2,   0,    16,  0,   'd', 'a', 't', 'a', 0,  0x77, 1, 0};
    GByteArray *wav = g_byte_array_new();
    g_byte_array_append(wav, header, sizeof header);
    for (unsigned i = 0; i < 48000; i++) {
        int16_t sample = GINT16_TO_LE((int16_t)(amplitude * ((i / 50) % 2 ? 1 : -1)));
        g_byte_array_append(wav, (const uint8_t *)&sample, sizeof sample);
    }
    return wav;
}

static char *add_content(House *h)
{
    GByteArray *wav = tone_wav(6000);
    g_autoptr(TestReply) reply = test_call_raw(&h->t, "POST", "/api/v1/content?title=B%E1%BA%A3n%20tin&name=a.wav", h->admin, "audio/wav",
                                               (const char *)wav->data, wav->len);
    g_byte_array_unref(wav);
    g_assert_cmpuint(reply->status, ==, 201);
    g_assert_cmpstr(test_string(reply, "title"), ==, "Bản tin");
    return g_strdup(test_string(reply, "id"));
}

static void test_content(House *h, gconstpointer data)
{
    g_autofree char *id = add_content(h);
    g_assert_cmpuint(strlen(id), ==, 64);
    g_autofree char *path = g_strdup_printf("/content/%s", id), *sound = g_strdup_printf("/api/v1/content/%s/sound", id);
    g_autoptr(TestReply) one = get(h, path);
    g_assert_nonnull(strstr(one->text, "\"duration_us\":1000000"));
    g_autoptr(TestReply) mp3 = test_call_raw(&h->t, "GET", sound, h->admin, NULL, NULL, 0);
    g_assert_cmpuint(mp3->status, ==, 200);
    g_assert_cmpstr(soup_message_headers_get_content_type(mp3->headers, NULL), ==, "audio/mpeg");
    GByteArray *silence = tone_wav(0);
    g_autoptr(TestReply) refused = test_call_raw(&h->t, "POST", "/api/v1/content?title=x", h->admin, "audio/wav", (const char *)silence->data,
                                                 silence->len);
    g_byte_array_unref(silence);
    g_assert_cmpuint(refused->status, ==, 422);
    g_assert_nonnull(strstr(test_error_message(refused), "silent"));
    g_autoptr(TestReply) spoken = test_call(&h->t, "POST", "/content/speech", h->admin, "{'title':'Tin nói','text':'Xin chào bà con.'}");
    g_assert_cmpuint(spoken->status, ==, 201);
    g_assert_cmpstr(test_string(spoken, "text"), ==, "Xin chào bà con.");
    g_autoptr(TestReply) jobs = get(h, "/content-jobs");
    g_assert_nonnull(strstr(jobs->text, "\"jobs\":[]"));
    EXPECT("DELETE", "/content-jobs/99", NULL, 404, "not-found");
    EXPECT("DELETE", path, NULL, 204, NULL);
    EXPECT("GET", path, NULL, 404, "not-found");
}

static void test_schedules(House *h, gconstpointer data)
{
    tree(h);
    g_autofree char *id = add_content(h);
    g_autofree char *body = g_strdup_printf("{'name':'Sáng','content':'%s','areas':['18073'],'start_local':'2030-01-01T05:00:00',"
                                            "'rule':'FREQ=DAILY','priority':'priority'}", id);
    g_autofree char *bad_rule = g_strdup_printf("{'name':'x','content':'%s','areas':['42'],'start_local':'2030-01-01T05:00:00','rule':'daily'}", id);
    g_autofree char *past = g_strdup_printf("{'name':'x','content':'%s','areas':['42'],'start_local':'2001-01-01T05:00:00'}", id);
    g_autoptr(TestReply) made = test_call(&h->t, "POST", "/schedules", h->admin, body);
    g_assert_cmpuint(made->status, ==, 201);
    g_assert_nonnull(strstr(made->text, "\"next_us\":1893448800000000")); /* 2029-12-31T22:00Z */
    g_assert_cmpstr(test_string(made, "zone"), ==, "Asia/Ho_Chi_Minh");
    EXPECT("POST", "/schedules", bad_rule, 400, "invalid-time");
    EXPECT("POST", "/schedules", past, 400, "invalid-field");
    g_autofree char *content = g_strdup_printf("/content/%s", id), *path = g_strdup_printf("/schedules/%s", test_string(made, "id"));
    EXPECT("DELETE", content, NULL, 409, "in-use");
    g_autofree char *changed = g_strdup_printf("{'name':'Chiều','content':'%s','areas':['18100'],'start_local':'2030-01-01T17:00:00'}", id);
    EXPECT("PUT", path, changed, 200, NULL);
    g_autoptr(TestReply) list = get(h, "/schedules");
    g_assert_nonnull(strstr(list->text, "\"name\":\"Chiều\""));
    g_assert_null(strstr(list->text, "Sáng"));
    EXPECT("DELETE", path, NULL, 204, NULL);
    EXPECT("DELETE", path, NULL, 404, "not-found");
}

/* What stands against it, as a page can tell it: which, where, when, what to do. */
static void assert_problem(const TestReply *refused)
{
    JsonArray *problems = json_object_get_array_member(json_node_get_object(refused->json), "problems");
    g_assert_cmpuint(json_array_get_length(problems), ==, 1);
    JsonObject *one = json_array_get_object_element(problems, 0), *params = json_object_get_object_member(one, "params");
    g_assert_cmpstr(json_object_get_string_member(one, "kind"), ==, "quiet");
    g_assert_cmpstr(json_object_get_string_member(one, "code"), ==, "quiet-silent");
    g_assert_true(json_object_get_boolean_member(one, "blocks"));
    g_assert_cmpstr(json_object_get_string_member(one, "area"), ==, "18073");
    g_assert_nonnull(strstr(json_object_get_string_member(one, "area_name"), "Thành Sen"));
    g_assert_cmpstr(json_object_get_string_member(one, "schedule"), ==, "new");
    g_assert_cmpint(json_object_get_int_member(one, "from_us"), ==, 1893528900000000); /* the first is a holiday */
    g_assert_cmpint(json_object_get_int_member(one, "times"), >, 1);
    g_assert_cmpstr(json_object_get_string_member(params, "name"), ==, "Tiếp âm");
    g_assert_cmpint(json_object_get_int_member(params, "until_us"), ==, 1893535200000000);
    g_assert_nonnull(strstr(json_object_get_string_member(one, "mend"), "quiet hours"));
}

/* A relay set to 03:15: refused, unless somebody gives a reason; a second person may release it. Slots, holidays, the rehearsal, stop-all. */
static void test_timetable(House *h, gconstpointer data)
{
    tree(h);
    EXPECT("PUT", "/slots/sang", "{'area':'42','name':'Sáng','from':'05:00','to':'06:00','weekdays':['mon','sat']}", 204, NULL);
    EXPECT("PUT", "/slots/bad", "{'area':'42','name':'x','from':'05:00','to':'29:00'}", 400, NULL);
    EXPECT("PUT", "/areas/18073/holidays/2030-01-01", "{'name':'Tết dương lịch'}", 204, NULL);
    EXPECT("PUT", "/areas/18073/holidays/2030-02-30", "{'name':'x'}", 400, NULL);
    EXPECT("PUT", "/areas/42/quiet-hours", "{'hours':'21:30-05:00'}", 204, NULL);
    EXPECT("PUT", "/areas/42/quiet-hours", "{'hours':'late'}", 400, NULL);
    g_autoptr(TestReply) hours = get(h, "/areas/18073/quiet-hours"), slots = get(h, "/slots");
    g_assert_cmpstr(test_string(hours, "hours"), ==, "21:30-05:00");
    g_assert_cmpstr(test_string(hours, "from"), ==, "42");
    g_assert_nonnull(strstr(slots->text, "\"weekdays\":[\"mon\",\"sat\"]"));
    g_autofree char *id = add_content(h);
    g_autofree char *night = g_strdup_printf("{'name':'Tiếp âm','items':[{'kind':'content','content':'%s'},{'kind':'silence','duration_s':5},"
                                             "{'kind':'content','content':'%s'}],'areas':['18073'],'start_local':'2030-01-01T03:15:00',"
                                             "'rule':'FREQ=DAILY','holidays':'skip','cut':'drop'", id, id);
    g_autofree char *open = g_strconcat(night, "}", NULL), *draft = g_strconcat(night, ",'draft':true}", NULL);
    g_autofree char *forced = g_strconcat(night, ",'reason':'đo thử'}", NULL);
    g_autoptr(TestReply) refused = test_call(&h->t, "POST", "/schedules", h->admin, open);
    g_assert_cmpuint(refused->status, ==, 409);
    g_assert_cmpstr(test_error_code(refused), ==, "problems");
    g_assert_nonnull(strstr(test_error_message(refused), "quiet hours"));
    assert_problem(refused);
    g_autoptr(TestReply) made = test_call(&h->t, "POST", "/schedules", h->admin, draft);
    g_assert_cmpuint(made->status, ==, 201);
    g_autofree char *path = g_strdup_printf("/schedules/%s", test_string(made, "id")), *publish = g_strconcat(path, "/publish", NULL);
    g_autofree char *release = g_strconcat(path, "/quiet-release", NULL);
    g_autofree char *rehearsal = g_strdup_printf("/rehearsal?area=18073&from_us=1893344400000000&days=3&draft=%s", test_string(made, "id"));
    g_autoptr(TestReply) week = get(h, rehearsal);
    g_assert_nonnull(strstr(week->text, "\"kind\":\"quiet\""));
    g_assert_null(strstr(week->text, "\"occurrence\""));
    EXPECT("POST", publish, "{}", 409, "problems");
    EXPECT("POST", release, "{}", 409, "own-work");
    EXPECT("POST", "/users", "{'name':'second','role':'operator','password':'correct horse battery'}", 201, NULL);
    g_autofree char *second = test_sign_in(&h->t, "second");
    test_expect(&h->t, "PUT", "/areas/18073/quiet-hours", second, "{'hours':'none'}", 403, "not-allowed"); /* nor by having none */
    test_expect(&h->t, "POST", release, second, "{}", 403, "second-factor-missing");
    test_enrol(&h->t, "second", second);
    test_expect(&h->t, "POST", release, second, "{}", 200, NULL);
    g_autoptr(TestReply) again = get(h, rehearsal);
    g_assert_null(strstr(again->text, "\"kind\":\"quiet\""));
    g_assert_nonnull(strstr(again->text, "\"occurrence\"")); /* on the second and third: the first is a holiday */
    g_assert_null(strstr(again->text, "\"start_us\":1893442500000000"));
    g_assert_nonnull(strstr(again->text, "\"start_us\":1893528900000000"));
    EXPECT("POST", publish, "{}", 200, NULL);
    g_autoptr(TestReply) changed = test_call(&h->t, "PUT", path, h->admin, forced); /* another form: released no more */
    g_assert_cmpuint(changed->status, ==, 200);
    g_assert_cmpstr(test_string(changed, "forced"), ==, "đo thử");
    g_assert_cmpstr(test_string(changed, "released_by"), ==, "");
    EXPECT("POST", "/areas/18073/stop-all", NULL, 200, NULL);
    EXPECT("POST", "/areas/99/stop-all", NULL, 404, "not-found");
}

/* Somebody of one commune reaches its loudspeakers only. */
static void test_own_area(House *h, gconstpointer data)
{
    tree(h);
    EXPECT("POST", "/users", "{'name':'thanh-sen','role':'commune-approver','password':'correct horse battery','area':'18073'}", 201, NULL);
    EXPECT("POST", "/users", "{'name':'loa','role':'broadcaster','password':'correct horse battery','area':'18073'}", 201, NULL);
    g_autofree char *token = test_sign_in(&h->t, "thanh-sen"), *id = add_content(h), *plain = test_sign_in(&h->t, "loa");
    g_autofree char *there = g_strdup_printf("{'content':'%s','areas':['18100']}", id), *above = g_strdup_printf("{'content':'%s','areas':['42']}", id);
    g_autofree char *here = g_strdup_printf("{'content':'%s','areas':['18073'],'priority':'emergency'}", id);
    test_expect(&h->t, "POST", "/announcements", token, there, 403, "other-area");
    test_expect(&h->t, "POST", "/announcements", token, above, 403, "other-area");
    /* an emergency: not by whoever may only broadcast, and with a second factor */
    test_expect(&h->t, "POST", "/announcements", plain, here, 403, "not-allowed");
    test_expect(&h->t, "POST", "/announcements", token, here, 403, "second-factor-missing");
    test_enrol(&h->t, "thanh-sen", token);
    g_autoptr(TestReply) started = test_call(&h->t, "POST", "/announcements", token, here);
    g_assert_cmpuint(started->status, ==, 201);
    g_autoptr(TestReply) live = get(h, "/live");
    g_assert_nonnull(strstr(live->text, "\"priority\":\"emergency\""));
    EXPECT("POST", "/live", "{'areas':['42'],'url':'file:///etc/passwd'}", 400, "invalid-field");
    EXPECT("POST", "/live", "{'areas':['42'],'room':'giao-ban'}", 500, "failed"); /* no rooms are plugged in here */
    test_expect(&h->t, "POST", "/live", token, "{'areas':['18073'],'room':'giao-ban'}", 403, "other-area"); /* no ears in meetings */
    g_autofree char *theirs = g_strdup_printf("/content/%s", id);
    test_expect(&h->t, "DELETE", theirs, token, NULL, 403, "other-area");
    g_autoptr(TestReply) spoken = test_call(&h->t, "POST", "/content/speech", token, "{'title':'Tin','text':'Xin chào.'}");
    g_autofree char *mine = g_strdup_printf("/content/%s", test_string(spoken, "id"));
    test_expect(&h->t, "DELETE", mine, token, NULL, 204, NULL);
    g_autoptr(TestReply) everywhere = test_call(&h->t, "POST", "/announcements", h->admin, above);
    g_autofree char *own = g_strdup_printf("/announcements/%s", test_string(started, "id"));
    g_autofree char *other = g_strdup_printf("/announcements/%s", test_string(everywhere, "id"));
    test_expect(&h->t, "DELETE", other, token, NULL, 403, "other-area");
    test_expect(&h->t, "DELETE", own, plain, NULL, 403, "not-allowed"); /* an emergency is not his to stop */
    test_expect(&h->t, "DELETE", own, token, NULL, 204, NULL);
    test_expect(&h->t, "DELETE", own, token, NULL, 404, "not-found");
    /* asking hands what waits to the store thread; it shows once it is durable, however busy the disk is */
    bool shown = false;
    for (int i = 0; i < 500 && !shown; i++) {
        g_autoptr(TestReply) log = get(h, "/play-log?limit=10");
        shown = strstr(log->text, "\"reason\":\"stopped by thanh-sen\"") != NULL;
    }
    g_assert_true(shown);
    g_autofree char *plays = g_strdup_printf("/play-log/%s", test_string(started, "id"));
    g_autoptr(TestReply) none = get(h, plays);
    g_assert_nonnull(strstr(none->text, "\"plays\":[]"));
}

static unsigned n_of(TestApi *t, const char *path, const char *token, const char *name)
{
    g_autoptr(TestReply) reply = test_call(t, "GET", path, token, NULL);

    g_assert_cmpuint(reply->status, ==, 200);
    return json_array_get_length(json_object_get_array_member(json_node_get_object(reply->json), name));
}

static void wait_logged(House *h, unsigned n)
{
    for (int i = 0; i < 500 && n_of(&h->t, "/play-log", h->admin, "announcements") < n; i++)
        g_main_context_iteration(NULL, FALSE);
    g_assert_cmpuint(n_of(&h->t, "/play-log", h->admin, "announcements"), ==, n);
}

/* What sounds and is planned elsewhere is not for the eyes of those bound to an area; what reaches them from above is. */
static void test_own_eyes(House *h, gconstpointer data)
{
    tree(h);
    EXPECT("POST", "/users", "{'name':'lan','role':'commune-approver','password':'correct horse battery','area':'18073'}", 201, NULL);
    EXPECT("PUT", "/devices/loa-1", "{'name':'Loa','area':'18100','vendor':'HTV'}", 204, NULL);
    g_autofree char *token = test_sign_in(&h->t, "lan"), *id = add_content(h);
    const char *areas[] = {"18073", "18100", "42"};
    char *runs[3];

    for (unsigned i = 0; i < 3; i++) {
        g_autofree char *now = g_strdup_printf("{'content':'%s','areas':['%s']}", id, areas[i]);
        g_autofree char *later = g_strdup_printf("{'name':'Tin','content':'%s','areas':['%s'],'start_local':'2029-12-31T17:00:00','reason':'thử'}", id, areas[i]);
        g_autofree char *slot = g_strdup_printf("/slots/khung-%u", i), *holiday = g_strdup_printf("/areas/%s/holidays/2030-01-01", areas[i]);
        g_autofree char *window = g_strdup_printf("{'area':'%s','name':'Sáng','from':'05:00','to':'06:00'}", areas[i]);
        g_autoptr(TestReply) run = test_call(&h->t, "POST", "/announcements", h->admin, now);
        g_assert_cmpuint(run->status, ==, 201);
        runs[i] = g_strdup(test_string(run, "id"));
        g_autoptr(TestReply) schedule = test_call(&h->t, "POST", "/schedules", h->admin, later);
        g_assert_cmpuint(schedule->status, ==, 201);
        g_autofree char *path = g_strdup_printf("/schedules/%s", test_string(schedule, "id"));
        test_expect(&h->t, "GET", path, token, NULL, i == 1 ? 404 : 200, i == 1 ? "not-found" : NULL);
        EXPECT("PUT", slot, window, 204, NULL);
        EXPECT("PUT", holiday, "{'name':'Tết'}", 204, NULL);
    }
    static const char *const lists[][2] = {{"/live", "live"}, {"/schedules", "schedules"}, {"/slots", "slots"}, {"/holidays", "holidays"},
                                           {"/play-log", "announcements"}};
    wait_logged(h, 3);
    for (unsigned i = 0; i < G_N_ELEMENTS(lists); i++) {
        g_test_message("%s", lists[i][0]);
        g_assert_cmpuint(n_of(&h->t, lists[i][0], h->admin, lists[i][1]), ==, 3);
        g_assert_cmpuint(n_of(&h->t, lists[i][0], token, lists[i][1]), ==, 2);
    }
    g_assert_cmpuint(n_of(&h->t, "/play-log?limit=1", token, "announcements"), ==, 1);
    for (unsigned i = 0; i < 3; i++) {
        g_autofree char *plays = g_strdup_printf("/play-log/%s", runs[i]);
        g_autofree char *latency = g_strconcat(plays, "/latency", NULL);
        test_expect(&h->t, "GET", plays, token, NULL, i == 1 ? 404 : 200, i == 1 ? "not-found" : NULL);
        test_expect(&h->t, "GET", latency, token, NULL, i == 1 ? 404 : 200, i == 1 ? "not-found" : NULL);
        g_free(runs[i]);
    }
    test_expect(&h->t, "GET", "/rehearsal?area=18100", token, NULL, 403, "other-area");
    test_expect(&h->t, "GET", "/rehearsal?area=42", token, NULL, 200, NULL);
    test_expect(&h->t, "GET", "/devices/loa-1/why-silent", token, NULL, 403, "other-area");
}

/* An administrator of one commune does not take a piece of another into it, nor his own out of the province. */
static void test_own_tree(House *h, gconstpointer data)
{
    tree(h);
    EXPECT("PUT", "/areas/18100-1", "{'name':'Thôn Một','kind':'thon','parent':'18100'}", 204, NULL);
    EXPECT("POST", "/users", "{'name':'binh','role':'admin','password':'correct horse battery','area':'18073'}", 201, NULL);
    g_autofree char *token = test_sign_in(&h->t, "binh");
    static const char stolen[] = "code,name,parent,kind\n18073-1,Tổ 1,18073,to\n18100-1,Thôn Một,18073,thon\n";
    static const char own[] = "code,name,parent,kind\n18073-2,Tổ 2,18073-1,to\n18073-1,Tổ 1,18073,to\n18073,Phường Thành Sen,42,commune\n";

    test_expect(&h->t, "PUT", "/areas/18100-1", token, "{'name':'Thôn Một','kind':'thon','parent':'18073'}", 403, "other-area");
    test_expect(&h->t, "PUT", "/areas/18073", token, "{'name':'Phường Thành Sen','kind':'commune'}", 403, "other-area");
    test_expect(&h->t, "PUT", "/areas/18073", token, "{'name':'Phường Thành Sen','kind':'commune','parent':'18100'}", 403, "other-area");
    test_expect(&h->t, "PUT", "/areas/18073", token, "{'name':'Thành Sen','kind':'commune','parent':'42'}", 204, NULL);
    g_autoptr(TestReply) refused = test_call_raw(&h->t, "POST", "/api/v1/areas/import", token, "text/csv", stolen, sizeof stolen - 1);
    g_assert_cmpuint(refused->status, ==, 422);
    g_assert_nonnull(strstr(refused->text, "this area lies elsewhere"));
    g_autoptr(TestReply) taken = test_call_raw(&h->t, "POST", "/api/v1/areas/import", token, "text/csv", own, sizeof own - 1);
    g_assert_cmpstr(taken->status == 200 ? "" : taken->text, ==, "");
    g_autoptr(TestReply) still = get(h, "/areas/18100-1");
    g_assert_cmpstr(test_string(still, "parent"), ==, "18100");
}

static void test_roles_and_figures(House *h, gconstpointer data)
{
    tree(h);
    EXPECT("PUT", "/areas/18673", "{'name':'Xã Hương Khê','kind':'commune','parent':'42'}", 204, NULL);
    g_assert_cmpuint(test_check_roles(&h->t), >, 500);
    g_autoptr(TestReply) metrics = test_call_raw(&h->t, "GET", "/metrics", NULL, NULL, NULL, 0);
    g_assert_nonnull(strstr(metrics->text, "\nmediad_broadcast_announcements 0\n"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/api/broadcast/areas-devices", House, NULL, set_up, test_areas_and_devices, tear_down);
    g_test_add("/api/broadcast/content", House, NULL, set_up, test_content, tear_down);
    g_test_add("/api/broadcast/schedules", House, NULL, set_up, test_schedules, tear_down);
    g_test_add("/api/broadcast/timetable", House, NULL, set_up, test_timetable, tear_down);
    g_test_add("/api/broadcast/own-area", House, NULL, set_up, test_own_area, tear_down);
    g_test_add("/api/broadcast/own-eyes", House, NULL, set_up, test_own_eyes, tear_down);
    g_test_add("/api/broadcast/own-tree", House, NULL, set_up, test_own_tree, tear_down);
    g_test_add("/api/broadcast/roles", House, NULL, set_up, test_roles_and_figures, tear_down);
    return g_test_run();
}
