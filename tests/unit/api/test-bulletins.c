/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bulletins, attachments, the dictionary and the inbox over HTTP: who may do what, and what comes back. Answers are checked against
 * the OpenAPI document as they come. The speech program is a script that writes a tone. */
#include "mediad/api/nouns.h"
#include "tests/unit/api/client.h"
#include <string.h>
#include <glib/gstdio.h>

typedef struct House {
    TestApi t;
    MdWorker *worker;
    MdMailbox *control;
    MdDialer dialer;
    BcBroadcast *broadcast;
    BcAttachments *attachments;
    BcDictionary *dictionary;
    BcBulletins *bulletins;
    BcInboxes *inboxes;
    char *admin, *dir;
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
    static const char script[] = "#!/bin/sh\nn=$(wc -c)\nexec ffmpeg -nostdin -v error -f lavfi -i \"sine=$(( 300 + n )):r=16000:d=1\" -f wav -\n";
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) migrations = g_array_new(FALSE, FALSE, sizeof(MdMigration));
    g_array_append_vals(migrations, bc_migrations, bc_n_migrations);
    g_array_append_vals(migrations, bc_bulletin_migrations, bc_bulletin_n_migrations);
    test_api_start(&h->t, 0, (const MdMigration *)migrations->data, migrations->len);
    h->dir = g_dir_make_tmp("api-bulletins-XXXXXX", NULL);
    g_autofree char *speech = g_build_filename(h->dir, "speak", NULL), *attached = g_build_filename(h->dir, "attached", NULL);
    g_assert_true(g_file_set_contents(speech, script, -1, NULL) && g_chmod(speech, 0700) == 0);
    const char *const command[] = {speech, NULL};
    h->dialer = (MdDialer){refuse, nobody, NULL};
    h->worker = md_worker_new(&(MdWorkerOptions){.name = "test", .cpu = -1, .clock = &h->t.clock.base});
    h->control = md_mailbox_new(64);
    h->broadcast = bc_broadcast_new(&(BcBroadcastOptions){.store = h->t.store, .dialer = &h->dialer, .workers = &h->worker, .n_workers = 1,
                                                          .control = h->control, .clock = &h->t.clock.base, .local_host = "127.0.0.1",
                                                          .content_dir = h->dir, .speech_command = command, .security = MD_SECURITY_REQUIRED,
                                                          .manual = true},
                                    &error);
    g_assert_no_error(error);
    h->attachments = bc_attachments_new(h->t.store, &(BcAttachmentOptions){.dir = attached, .clock = &h->t.clock.base}, &error);
    h->dictionary = bc_dictionary_new(h->t.store, bc_broadcast_areas(h->broadcast), &error);
    h->bulletins = bc_bulletins_new(h->broadcast, h->t.store, &(BcBulletinOptions){.attachments = h->attachments, .dictionary = h->dictionary}, &error);
    h->inboxes = bc_inboxes_new(h->bulletins, h->t.store, NULL, &error);
    g_assert_no_error(error);
    md_api_add_broadcast(h->t.api, h->broadcast);
    md_api_add_bulletins(h->t.api, h->bulletins, h->attachments, h->dictionary, h->inboxes);
    h->admin = test_api_admin(&h->t);
    test_expect(&h->t, "PUT", "/areas/42", h->admin, "{'name':'Hà Tĩnh','kind':'tinh'}", 204, NULL);
    test_expect(&h->t, "PUT", "/areas/18073", h->admin, "{'name':'Thành Sen','kind':'phuong','parent':'42'}", 204, NULL);
    test_expect(&h->t, "PUT", "/areas/18673", h->admin, "{'name':'Kỳ Anh','kind':'xa','parent':'42'}", 204, NULL);
    test_expect(&h->t, "PUT", "/areas/18100", h->admin, "{'name':'Thạch Hà','kind':'xa','parent':'42'}", 204, NULL);
}

static void tear_down(House *h, gconstpointer data)
{
    g_free(h->admin);
    md_api_free(g_steal_pointer(&h->t.api)); /* first the API, as main does */
    bc_inboxes_free(h->inboxes);
    bc_bulletins_free(h->bulletins);
    bc_dictionary_unref(h->dictionary);
    bc_attachments_free(h->attachments);
    bc_broadcast_free(h->broadcast);
    test_api_stop(&h->t);
    md_worker_free(h->worker);
    md_mailbox_free(h->control);
    g_autofree char *command = g_strdup_printf("rm -rf %s", h->dir);
    g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL);
    g_free(h->dir);
}

static char *person(House *h, const char *name, const char *role, const char *area)
{
    g_autofree char *body = g_strdup_printf("{'name':'%s','password':'correct horse battery','role':'%s','area':'%s'}", name, role, area);
    test_expect(&h->t, "POST", "/users", h->admin, body, 201, NULL);
    return test_sign_in(&h->t, name);
}

static int64_t number(const TestReply *reply, const char *member)
{
    return json_object_get_int_member(json_node_get_object(reply->json), member);
}

static TestReply *call(House *h, const char *token, unsigned status, const char *method, const char *body, const char *format, ...) G_GNUC_PRINTF(6, 7);
static TestReply *call(House *h, const char *token, unsigned status, const char *method, const char *body, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *path = g_strdup_vprintf(format, args);
    va_end(args);
    TestReply *reply = test_call(&h->t, method, path, token, body);
    if (reply->status != status)
        g_test_message("%s %s: %u %s", method, path, reply->status, reply->text);
    g_assert_cmpuint(reply->status, ==, status);
    return reply;
}

/* An editor writes and hands in; he cannot approve; somebody with the right can, and not of another commune. */
static void test_review(House *h, gconstpointer data)
{
    g_autofree char *editor = person(h, "bien-tap", "commune-editor", "18100"), *other = person(h, "phuong", "commune-approver", "18073");
    g_autofree char *viewer = person(h, "xem", "viewer", "18100");
    test_expect(&h->t, "POST", "/bulletins", viewer, "{'title':'x'}", 403, NULL);
    test_expect(&h->t, "POST", "/bulletins", editor, "{'title':'x','kind':'poem'}", 400, NULL);
    test_expect(&h->t, "POST", "/bulletins", editor, "{'title':'x','area':'18073'}", 403, "forbidden");
    test_expect(&h->t, "POST", "/bulletins", editor, "{'title':'x','subject':'99'}", 400, "invalid-field");
    g_autoptr(TestReply) made = call(h, editor, 201, "POST", "{'title':'Cắt điện','text':'UBND báo cắt điện','subject':'2'}", "/bulletins");
    const char *id = test_string(made, "id");
    g_assert_cmpstr(test_string(made, "area"), ==, "18100");
    g_assert_cmpint(number(made, "revision"), ==, 1);
    g_autoptr(TestReply) hidden = call(h, other, 404, "GET", NULL, "/bulletins/%s", id);
    g_autoptr(TestReply) changed = call(h, editor, 200, "PUT", "{'revision':1,'title':'Cắt điện','text':'UBND báo cắt điện 8h','subject':'2'}", "/bulletins/%s", id);
    g_assert_cmpint(number(changed, "version"), ==, 2);
    g_autoptr(TestReply) late = call(h, editor, 409, "PUT", "{'revision':1,'title':'Muộn'}", "/bulletins/%s", id);
    g_assert_cmpstr(test_error_code(late), ==, "changed");
    g_assert_nonnull(strstr(test_error_message(late), "edited by bien-tap"));
    g_autoptr(TestReply) sound = call(h, editor, 200, "GET", NULL, "/bulletins/%s/preview", id);
    g_autoptr(TestReply) again = call(h, editor, 200, "GET", NULL, "/bulletins/%s/preview", id);
    g_assert_cmpstr(test_string(sound, "content"), ==, test_string(again, "content"));
    g_autoptr(TestReply) in = call(h, editor, 200, "POST", "{'revision':2}", "/bulletins/%s/submit", id);
    g_assert_cmpstr(test_string(in, "content"), ==, test_string(sound, "content")); /* what was listened to is what is handed in */
    g_autoptr(TestReply) own = call(h, editor, 403, "POST", "{}", "/bulletins/%s/approve", id);
    g_autoptr(TestReply) unread = call(h, h->admin, 428, "POST", "{}", "/bulletins/%s/approve", id);
    g_assert_cmpstr(test_error_code(unread), ==, "revision-needed");
    g_autoptr(TestReply) unread_too = call(h, editor, 428, "PUT", "{'title':'Muộn'}", "/bulletins/%s", id);
    g_autoptr(TestReply) old = call(h, h->admin, 409, "POST", "{'revision':2}", "/bulletins/%s/approve", id);
    g_assert_cmpstr(test_error_code(old), ==, "changed");
    g_autoptr(TestReply) elsewhere = call(h, other, 404, "POST", "{}", "/bulletins/%s/return", id);
    g_autoptr(TestReply) why = call(h, h->admin, 400, "POST", "{}", "/bulletins/%s/return", id);
    g_autoptr(TestReply) back = call(h, h->admin, 200, "POST", "{'reason':'thiếu ngày'}", "/bulletins/%s/return", id);
    g_assert_cmpstr(test_string(back, "state"), ==, "returned");
    g_assert_cmpstr(test_string(back, "reason"), ==, "thiếu ngày");
    g_autoptr(TestReply) early = call(h, editor, 409, "POST", "{'start_local':'2030-01-01T05:00:00'}", "/bulletins/%s/schedule", id);
    g_autoptr(TestReply) history = call(h, editor, 200, "GET", NULL, "/bulletins/%s/history", id);
    g_assert_nonnull(strstr(history->text, "\"note\":\"thiếu ngày\""));
    g_autoptr(TestReply) versions = call(h, editor, 200, "GET", NULL, "/bulletins/%s/versions", id);
    g_assert_nonnull(strstr(versions->text, "UBND báo cắt điện\""));
    g_assert_nonnull(strstr(versions->text, "UBND báo cắt điện 8h\""));
    g_autoptr(TestReply) list = call(h, editor, 200, "GET", NULL, "/bulletins?state=returned");
    g_assert_nonnull(strstr(list->text, id));
    g_autoptr(TestReply) subjects = call(h, editor, 200, "GET", NULL, "/subjects");
    g_assert_nonnull(strstr(subjects->text, "Thông tin đột xuất"));
}

static void test_attachments(House *h, gconstpointer data)
{
    static const uint8_t gif[] = "GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;";
    g_autofree char *editor = person(h, "bien-tap", "commune-editor", "18100");
    g_autoptr(TestReply) image = test_call_raw(&h->t, "POST", "/api/v1/attachments?name=anh.gif", editor, "image/gif", (const char *)gif, sizeof gif - 1);
    g_assert_cmpuint(image->status, ==, 201);
    g_assert_cmpstr(test_string(image, "media_type"), ==, "image/gif");
    g_autoptr(TestReply) bad = test_call_raw(&h->t, "POST", "/api/v1/attachments?name=anh.gif", editor, "image/gif", "\x89PNG\r\n\x1a\n", 8);
    g_assert_cmpuint(bad->status, ==, 422);
    g_assert_nonnull(strstr(test_error_message(bad), "breaks off at byte 8"));
    g_autofree char *body = g_strdup_printf("{'title':'Ảnh','kind':'image','attachments':['%s']}", test_string(image, "id"));
    g_autoptr(TestReply) made = call(h, editor, 201, "POST", body, "/bulletins");
    g_autoptr(TestReply) shown = call(h, h->admin, 200, "GET", NULL, "/bulletins/%s", test_string(made, "id"));
    g_assert_nonnull(strstr(shown->text, "\"name\":\"anh.gif\",\"media_type\":\"image/gif\",\"kind\":\"image\""));
    g_autofree char *other = person(h, "xa-khac", "commune-editor", "18073");
    g_autoptr(TestReply) hidden = call(h, other, 404, "GET", NULL, "/attachments/%s/file", test_string(image, "id"));
    g_autoptr(TestReply) same = test_call_raw(&h->t, "POST", "/api/v1/attachments?name=hinh.gif", other, "image/gif", (const char *)gif, sizeof gif - 1);
    g_assert_cmpuint(same->status, ==, 201);
    g_autoptr(TestReply) theirs = call(h, other, 201, "POST", body, "/bulletins"); /* with the same file, which another uploaded first */
    g_autoptr(TestReply) seen = call(h, other, 200, "GET", NULL, "/attachments/%s/file", test_string(image, "id"));
    g_autoptr(TestReply) limits = call(h, other, 200, "GET", NULL, "/attachments");
    g_assert_nonnull(strstr(limits->text, "\"limits\":{\"image_bytes\":20971520,\"media_bytes\":536870912,"));
    g_autoptr(TestReply) in = call(h, editor, 200, "POST", "{}", "/bulletins/%s/submit", test_string(made, "id"));
    g_autoptr(TestReply) used = call(h, editor, 409, "DELETE", NULL, "/attachments/%s", test_string(image, "id"));
    g_assert_cmpstr(test_error_code(used), ==, "in-use");
    g_autoptr(TestReply) file = call(h, editor, 200, "GET", NULL, "/attachments/%s/file", test_string(image, "id"));
    g_assert_true(g_str_has_prefix(file->text, "GIF89a"));
}

static void test_dictionary(House *h, gconstpointer data)
{
    g_autofree char *editor = person(h, "bien-tap", "commune-editor", "18100");
    test_expect(&h->t, "PUT", "/dictionary/42", editor, "{'written':'UBND','spoken':'x'}", 403, "other-area");
    test_expect(&h->t, "PUT", "/dictionary/42", h->admin, "{'written':'UBND','spoken':'uỷ ban nhân dân'}", 204, NULL);
    test_expect(&h->t, "PUT", "/dictionary/18100", editor, "{'written':'HTX','spoken':'hợp tác xã'}", 204, NULL);
    g_autoptr(TestReply) said = call(h, editor, 200, "POST", "{'text':'ubnd và HTX, 20/11'}", "/dictionary/18100/say");
    g_assert_cmpstr(test_string(said, "said"), ==, "uỷ ban nhân dân và hợp tác xã, 20/11");
    /* the engine of this test speaks a tone of so many Hz as it was given bytes */
    g_autoptr(TestReply) heard = call(h, editor, 200, "POST", "{'text':'ubnd xã'}", "/dictionary/18100/hear");
    g_autoptr(TestReply) meant = call(h, editor, 200, "POST", "{'text':'uỷ ban nhân dân xã','as_is':true}", "/dictionary/18100/hear");
    g_autoptr(TestReply) spelt = call(h, editor, 200, "POST", "{'text':'ubnd xã','as_is':true}", "/dictionary/18100/hear");
    g_assert_cmpuint(heard->len, >, 90000); /* a second of 48 kHz */
    g_assert_cmpmem(heard->text, 4, "RIFF", 4);
    g_assert_cmpmem(heard->text, heard->len, meant->text, meant->len);
    g_assert_true(heard->len != spelt->len || memcmp(heard->text, spelt->text, heard->len) != 0);
    g_autoptr(GString) longest = g_string_new("{'text':'"); /* 300 characters, three bytes each, and the dictionary makes more of them */
    for (unsigned i = 0; i < 50; i++)
        g_string_append(longest, "ubnd ệ");
    g_string_append(longest, "'}");
    g_autoptr(TestReply) whole = call(h, editor, 200, "POST", longest->str, "/dictionary/18100/hear");
    g_assert_cmpmem(whole->text, 4, "RIFF", 4);
    g_autoptr(TestReply) none = call(h, h->admin, 200, "GET", NULL, "/content");
    g_assert_nonnull(strstr(none->text, "\"content\":[]")); /* nothing is kept */
    g_autoptr(TestReply) table = test_call_raw(&h->t, "POST", "/api/v1/dictionary/18100/table", editor, "text/csv", "a,b\nc\n", -1);
    g_assert_cmpuint(table->status, ==, 422);
    g_assert_nonnull(strstr(test_error_message(table), "line 2"));
    g_autoptr(TestReply) worse = test_call_raw(&h->t, "POST", "/api/v1/dictionary/18100/table", editor, "text/csv", "a,b\nc\nd,e,f\n,g\n", -1);
    g_assert_nonnull(strstr(worse->text, "\"problems\":[{\"line\":2,\"code\":\"one-column\""));
    g_assert_nonnull(strstr(worse->text, "{\"line\":3,\"code\":\"more-columns\""));
    g_assert_nonnull(strstr(worse->text, "{\"line\":4,\"code\":\"written-form\""));
    g_autoptr(TestReply) csv = call(h, editor, 200, "GET", NULL, "/dictionary/18100/table");
    g_assert_cmpstr(csv->text, ==, "written,spoken\r\n\"HTX\",\"hợp tác xã\"\r\n");
    test_expect(&h->t, "DELETE", "/dictionary/18100/words/htx", editor, NULL, 204, NULL);
    test_expect(&h->t, "DELETE", "/dictionary/18100/words/htx", editor, NULL, 404, "not-found");
}

static void on_received(const GError *error, void *user)
{
    g_assert_no_error(error);
    *(bool *)user = true;
}

static void test_inbox(House *h, gconstpointer data)
{
    g_autofree char *editor = person(h, "bien-tap", "commune-editor", "18100"), *other = person(h, "phuong", "commune-approver", "18073");
    BcBulletinFields fields = {.kind = BC_BULLETIN_TEXT, .title = "Từ trung ương", .text = "Xin chào"};
    bool done = false;
    bc_bulletins_receive(h->bulletins, BC_FROM_CENTRAL, "tw-1", "42", &fields, "trung-uong", NULL, on_received, &done);
    while (!done || bc_bulletins_pending(h->bulletins) || bc_inboxes_pending(h->inboxes))
        g_main_context_iteration(NULL, FALSE);
    g_autoptr(TestReply) mine = call(h, editor, 200, "GET", NULL, "/inbox");
    JsonArray *items = json_object_get_array_member(json_node_get_object(mine->json), "inbox");
    g_assert_cmpuint(json_array_get_length(items), ==, 1); /* that of the account's commune */
    JsonObject *item = json_array_get_object_element(items, 0);
    const char *id = json_object_get_string_member(item, "id");
    g_assert_cmpstr(json_object_get_string_member(item, "area"), ==, "18100");
    g_assert_cmpstr(json_object_get_string_member(item, "title"), ==, "Từ trung ương");
    g_autoptr(TestReply) all = call(h, h->admin, 200, "GET", NULL, "/inbox");
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(json_node_get_object(all->json), "inbox")), ==, 3);
    g_autoptr(TestReply) not_his = call(h, other, 403, "POST", "{'start_local':'2035-01-01T05:00:00'}", "/inbox/%s/accept", id);
    g_autoptr(TestReply) past = call(h, editor, 400, "POST", "{'start_local':'2001-01-01T05:00:00'}", "/inbox/%s/accept", id);
    g_autoptr(TestReply) taken = call(h, editor, 200, "POST", "{'start_local':'2035-01-01T05:00:00'}", "/inbox/%s/accept", id);
    g_assert_cmpstr(test_string(taken, "state"), ==, "accepted");
    g_assert_cmpstr(test_string(taken, "decided_by"), ==, "bien-tap");
    g_autoptr(TestReply) none = call(h, editor, 200, "GET", NULL, "/inbox/conflicts");
    g_autoptr(TestReply) no_clash = call(h, h->admin, 409, "POST", "{'first':'own'}", "/inbox/conflicts/%s", id);
    test_expect(&h->t, "PUT", "/inbox-rules/18100", h->admin, "{'decide_s':10,'remind_s':600}", 400, NULL);
    test_expect(&h->t, "PUT", "/inbox-rules/18100", h->admin, "{'decide_s':900,'remind_s':600}", 204, NULL);
    g_autoptr(TestReply) rule = call(h, editor, 200, "GET", NULL, "/inbox-rules/18100");
    g_assert_cmpint(number(rule, "decide_s"), ==, 900);
}

static char *upload(House *h, const char *token, const char *name, const char *text)
{
    g_autofree char *path = g_strdup_printf("/api/v1/attachments?name=%s", name);
    g_autoptr(TestReply) reply = test_call_raw(&h->t, "POST", path, token, "text/plain", text, -1);
    g_assert_cmpuint(reply->status, ==, 201);
    return g_strdup(test_string(reply, "id"));
}

/* What is written of an item of that version: its title, and the name of its only file. */
static void expect_item(House *h, const char *token, int64_t version, const char *title, const char *file)
{
    g_autoptr(TestReply) reply = call(h, token, 200, "GET", NULL, "/inbox");
    JsonArray *items = json_object_get_array_member(json_node_get_object(reply->json), "inbox");

    for (unsigned i = 0; i < json_array_get_length(items); i++) {
        JsonObject *item = json_array_get_object_element(items, i);
        if (json_object_get_int_member(item, "version") != version)
            continue;
        JsonArray *files = json_object_get_array_member(item, "files");
        g_assert_cmpuint(json_array_get_length(files), ==, 1);
        g_assert_cmpstr(json_object_get_string_member(json_array_get_object_element(files, 0), "name"), ==, file);
        g_assert_cmpstr(json_object_get_string_member(item, "title"), ==, title);
        return;
    }
    g_error("no item of version %d: %s", (int)version, reply->text);
}

static void review(House *h, const char *editor, const char *id)
{
    g_autoptr(TestReply) in = call(h, editor, 200, "POST", "{}", "/bulletins/%s/submit", id);
    g_autofree char *revision = g_strdup_printf("{'revision':%d}", (int)number(in, "revision"));
    g_autoptr(TestReply) good = call(h, h->admin, 200, "POST", revision, "/bulletins/%s/approve", id);

    while (bc_bulletins_pending(h->bulletins) || bc_inboxes_pending(h->inboxes))
        g_main_context_iteration(NULL, FALSE);
}

/* A commune has what was approved and sent to it, whatever the province writes since, and whatever newer version it gets. */
static void test_sent_version(House *h, gconstpointer data)
{
    g_autofree char *editor = person(h, "tinh", "provincial-editor", ""), *commune = person(h, "xa", "commune-editor", "18100");
    g_autofree char *sent = upload(h, editor, "gui.txt", "Đã duyệt"), *draft = upload(h, editor, "nhap.txt", "Còn viết");
    g_autofree char *first = g_strdup_printf("{'title':'Lịch tiêm','area':'42','text':'Tiêm phòng','attachments':['%s']}", sent);
    g_autoptr(TestReply) made = call(h, editor, 201, "POST", first, "/bulletins");
    const char *id = test_string(made, "id");

    review(h, editor, id);
    expect_item(h, commune, 1, "Lịch tiêm", "gui.txt");
    g_autoptr(TestReply) now = call(h, editor, 200, "GET", NULL, "/bulletins/%s", id);
    g_autofree char *edit = g_strdup_printf("{'revision':%d,'title':'Lịch mới','text':'Tiêm phòng','attachments':['%s']}", (int)number(now, "revision"), draft);
    g_autoptr(TestReply) edited = call(h, editor, 200, "PUT", edit, "/bulletins/%s", id);
    g_assert_cmpint(number(edited, "version"), ==, 2);
    expect_item(h, commune, 1, "Lịch tiêm", "gui.txt");
    g_autoptr(TestReply) file = call(h, commune, 200, "GET", NULL, "/attachments/%s/file", sent);
    g_assert_cmpstr(file->text, ==, "Đã duyệt");
    review(h, editor, id);
    expect_item(h, commune, 1, "Lịch tiêm", "gui.txt"); /* neither of the versions that are in memory any more */
    expect_item(h, commune, 2, "Lịch mới", "nhap.txt");
    g_autoptr(TestReply) old = call(h, commune, 200, "GET", NULL, "/attachments/%s/file", sent);
}

static void test_roles(House *h, gconstpointer data)
{
    g_assert_cmpuint(test_check_roles(&h->t), >, 20);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/api/bulletins/review", House, NULL, set_up, test_review, tear_down);
    g_test_add("/api/bulletins/attachments", House, NULL, set_up, test_attachments, tear_down);
    g_test_add("/api/bulletins/dictionary", House, NULL, set_up, test_dictionary, tear_down);
    g_test_add("/api/bulletins/inbox", House, NULL, set_up, test_inbox, tear_down);
    g_test_add("/api/bulletins/sent-version", House, NULL, set_up, test_sent_version, tear_down);
    g_test_add("/api/bulletins/roles", House, NULL, set_up, test_roles, tear_down);
    return g_test_run();
}
