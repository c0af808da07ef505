/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/api/client.h"
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

static void set_up(TestApi *t, gconstpointer data)
{
    test_api_start(t, GPOINTER_TO_UINT(data), NULL, 0);
}

static void tear_down(TestApi *t, gconstpointer data)
{
    test_api_stop(t);
}

static void test_setup(TestApi *t, gconstpointer data)
{
    g_autofree char *path = g_build_filename(t->dir, "setup-code", NULL);
    g_autofree char *code = g_strdup(md_api_setup_code(t->api));
    g_autofree char *file = NULL;
    struct stat st;

    g_assert_true(g_file_get_contents(path, &file, NULL, NULL));
    g_assert_cmpstr(g_strchomp(file), ==, code);
    g_assert_cmpint(g_stat(path, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 0777, ==, 0600);
    g_autoptr(TestReply) before = test_call(t, "GET", "/setup", NULL, NULL);
    g_assert_cmpint(before->status, ==, 200);
    g_assert_true(json_object_get_boolean_member(json_node_get_object(before->json), "needed"));
    test_expect(t, "POST", "/setup", NULL, "{'code':'AAAA-AAAA-AAAA-AAAA','user':'root','password':'correct horse battery'}",
                403, "wrong-code");
    g_autofree char *weak = g_strdup_printf("{'code':'%s','user':'root','password':'too short'}", code);
    g_autoptr(TestReply) reply = test_call(t, "POST", "/setup", NULL, weak);
    g_assert_cmpuint(reply->status, ==, 400);
    g_assert_cmpstr(test_error_message(reply), ==, "field 'password': must have at least 10 characters, has 9");
    g_autofree char *same = g_strdup_printf("{'code':'%s','user':'rootrootroot','password':'rootrootroot'}", code);
    test_expect(t, "POST", "/setup", NULL, same, 400, "weak-password");
    g_autofree char *token = test_api_admin(t);
    g_assert_null(md_api_setup_code(t->api));
    g_autoptr(TestReply) after = test_call(t, "GET", "/setup", NULL, NULL);
    g_assert_false(json_object_get_boolean_member(json_node_get_object(after->json), "needed"));
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_autofree char *again = g_strdup_printf("{'code':'%s','user':'root2','password':'correct horse battery'}", code);
    test_expect(t, "POST", "/setup", NULL, again, 409, "set-up-done");
    g_autoptr(TestReply) me = test_call(t, "GET", "/session", token, NULL);
    g_assert_cmpstr(test_string(me, "user"), ==, "root");
    g_assert_cmpstr(test_string(me, "role"), ==, "admin");
}

static void test_sessions(TestApi *t, gconstpointer data)
{
    g_autofree char *token = test_api_admin_plain(t);
    g_autofree char *sql = NULL;

    g_assert_cmpuint(strlen(token), ==, 43); /* 256 bits */
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(t->store), NULL, "SELECT hash FROM md_sessions", "");
    g_assert_true(md_rows_next(rows, NULL));
    g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, token, -1);
    g_assert_cmpstr(md_rows_text(rows, 0), ==, hash); /* never the token itself */
    test_expect(t, "GET", "/session", NULL, NULL, 401, "not-signed-in");
    test_expect(t, "GET", "/session", "AAAA", NULL, 401, "not-signed-in");
    test_expect(t, "GET", "/users", token, NULL, 200, NULL);
    /* each use moves the end; after a whole lifetime without use it is over */
    for (unsigned i = 0; i < 3; i++) {
        md_virtual_clock_advance(&t->clock, INT64_C(3000) * G_USEC_PER_SEC);
        test_expect(t, "GET", "/session", token, NULL, 200, NULL);
    }
    md_virtual_clock_advance(&t->clock, INT64_C(3601) * G_USEC_PER_SEC);
    test_expect(t, "GET", "/session", token, NULL, 401, "not-signed-in");
    g_autoptr(TestReply) again =
        test_call(t, "POST", "/session", NULL, "{'user':'root','password':'correct horse battery'}");
    g_assert_cmpuint(again->status, ==, 201);
    const char *second = test_string(again, "token");
    test_expect(t, "DELETE", "/session", second, NULL, 204, NULL);
    test_expect(t, "GET", "/session", second, NULL, 401, "not-signed-in");
}

static void test_restart(TestApi *t, gconstpointer data)
{
    g_autofree char *token = test_api_admin(t);
    GError *error = NULL;
    MdApiOptions options = {.listen = (const char *const[]){"http://127.0.0.1:0", NULL}, .allow_http = true,
                            .state_dir = t->dir, .session_lifetime_s = 3600, .clock = &t->clock.base};

    g_autofree char *stale = g_build_filename(t->dir, "upload-Xy12Z9", NULL);
    g_assert_true(g_file_set_contents(stale, "half a recording", -1, NULL));
    md_api_free(t->api);
    t->api = md_api_new(&options, t->store, &error);
    g_assert_no_error(error);
    g_assert_false(g_file_test(stale, G_FILE_TEST_EXISTS));
    t->port = md_api_port(t->api, 0);
    test_expect(t, "GET", "/session", token, NULL, 200, NULL);
    g_assert_null(md_api_setup_code(t->api));
    g_autoptr(TestReply) after = test_call(t, "GET", "/setup", NULL, NULL);
    g_assert_false(json_object_get_boolean_member(json_node_get_object(after->json), "needed"));
}

/* One address takes its share of connections and no more; a closed one makes room. */
static void test_connections(TestApi *t, gconstpointer data)
{
    MdApiOptions options = {.listen = (const char *const[]){"http://127.0.0.1:0", NULL}, .allow_http = true, .state_dir = t->dir,
                            .clock = &t->clock.base, .connections_per_source = 3};
    g_autoptr(GSocketClient) client = g_socket_client_new();
    GSocketConnection *open[4];
    char byte;

    md_api_free(t->api);
    t->api = md_api_new(&options, t->store, NULL);
    t->port = md_api_port(t->api, 0);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 4; i++) {
            open[i] = g_socket_client_connect_to_host(client, "127.0.0.1", (guint16)t->port, NULL, NULL);
            g_assert_nonnull(open[i]);
            g_socket_set_timeout(g_socket_connection_get_socket(open[i]), 5);
            for (unsigned n = 0; n < 20; n++)
                g_main_context_iteration(NULL, FALSE);
        }
        g_assert_cmpint(g_socket_receive(g_socket_connection_get_socket(open[3]), &byte, 1, NULL, NULL), ==, 0); /* closed */
        g_socket_set_blocking(g_socket_connection_get_socket(open[2]), FALSE);
        g_autoptr(GError) error = NULL;
        g_assert_cmpint(g_socket_receive(g_socket_connection_get_socket(open[2]), &byte, 1, NULL, &error), ==, -1); /* waits for us */
        g_assert_error(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
        for (unsigned i = 0; i < 4; i++) {
            g_io_stream_close(G_IO_STREAM(open[i]), NULL, NULL);
            g_object_unref(open[i]);
        }
        for (unsigned n = 0; n < 100; n++)
            g_main_context_iteration(NULL, FALSE);
    }
}

static void test_users(TestApi *t, gconstpointer data)
{
    g_autofree char *admin = test_api_admin(t);
    g_autofree char *viewer = test_api_user(t, admin, "lan", "viewer");

    test_expect(t, "POST", "/users", admin, "{'name':'lan','role':'admin','password':'correct horse battery'}", 409,
                "user-exists");
    test_expect(t, "POST", "/users", admin, "{'name':'Lan!','role':'admin','password':'correct horse battery'}", 400,
                "invalid-field");
    test_expect(t, "GET", "/users/lan", viewer, NULL, 403, "not-allowed");
    g_autoptr(TestReply) list = test_call(t, "GET", "/users", admin, NULL);
    g_assert_cmpstr(list->text, ==,
                    "{\"users\":[{\"name\":\"lan\",\"role\":\"viewer\",\"area\":\"18673\",\"disabled\":false,\"second_factor\":false},"
                    "{\"name\":\"root\",\"role\":\"admin\",\"area\":\"\",\"disabled\":false,\"second_factor\":true}]}");
    /* a change of rights ends the sessions */
    test_expect(t, "PATCH", "/users/lan", admin, "{'role':'operator'}", 200, NULL);
    test_expect(t, "GET", "/session", viewer, NULL, 401, "not-signed-in");
    test_expect(t, "PATCH", "/users/lan", admin, "{'disabled':true}", 200, NULL);
    test_expect(t, "POST", "/session", NULL, "{'user':'lan','password':'correct horse battery'}", 401, "wrong-password");
    test_expect(t, "PATCH", "/users/lan", admin, "{'disabled':false,'password':'another good one'}", 200, NULL);
    test_expect(t, "POST", "/session", NULL, "{'user':'lan','password':'another good one'}", 201, NULL);
    test_expect(t, "PATCH", "/users/nobody", admin, "{'disabled':false}", 404, "user-not-found");
    /* never without an administrator */
    test_expect(t, "PATCH", "/users/root", admin, "{'role':'viewer'}", 409, "conflict");
    test_expect(t, "PATCH", "/users/root", admin, "{'disabled':true}", 409, "conflict");
    test_expect(t, "DELETE", "/users/root", admin, NULL, 409, "conflict");
    test_expect(t, "GET", "/session", admin, NULL, 200, NULL);
    test_expect(t, "DELETE", "/users/lan", admin, NULL, 204, NULL);
    test_expect(t, "DELETE", "/users/lan", admin, NULL, 404, "user-not-found");
    test_expect(t, "POST", "/session/password", admin,
                "{'old_password':'wrong','password':'a new long one'}", 403, "wrong-password");
    test_expect(t, "POST", "/session/password", admin,
                "{'old_password':'correct horse battery','password':'a new long one'}", 200, NULL);
    test_expect(t, "POST", "/session", NULL, "{'user':'root','password':'a new long one'}", 401, "second-factor-needed"); /* not wrong-password */
}

typedef struct Parallel {
    GBytes *bytes;
    bool done;
} Parallel;

static void parallel_done(GObject *source, GAsyncResult *result, gpointer user)
{
    Parallel *p = user;

    p->bytes = soup_session_send_and_read_finish(SOUP_SESSION(source), result, NULL);
    p->done = true;
}

static SoupMessage *parallel(TestApi *t, const char *path, const char *type, const char *body, gsize len, Parallel *p)
{
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/api/v1%s", t->port, path);
    SoupMessage *message = soup_message_new("POST", url);
    g_autoptr(GBytes) bytes = g_bytes_new(body, len);

    soup_message_set_request_body_from_bytes(message, type, bytes);
    soup_session_send_and_read_async(t->session, message, G_PRIORITY_DEFAULT, NULL, parallel_done, p);
    return message;
}

/* Demoted while the password is being checked: the session has the new rights, or there is none. */
static void test_demoted_meanwhile(TestApi *t, gconstpointer data)
{
    static const char body[] = "{\"user\":\"lan\",\"password\":\"correct horse battery\"}";
    g_autofree char *admin = test_api_admin(t);
    g_autofree char *before = test_api_user(t, admin, "lan", "operator");

    for (unsigned i = 0; i < 4; i++) {
        Parallel p = {0};
        test_expect(t, "PATCH", "/users/lan", admin, "{'role':'operator','area':''}", 200, NULL);
        g_autoptr(SoupMessage) message = parallel(t, "/session", "application/json", body, strlen(body), &p);
        for (unsigned n = 0; n < 20 * i; n++)
            g_main_context_iteration(NULL, FALSE);
        test_expect(t, "PATCH", "/users/lan", admin, "{'role':'viewer','area':'18673'}", 200, NULL);
        while (!p.done)
            g_main_context_iteration(NULL, TRUE);
        g_autoptr(JsonNode) node = md_json_parse(g_bytes_get_data(p.bytes, NULL), g_bytes_get_size(p.bytes), NULL);
        if (soup_message_get_status(message) == 201) {
            g_autoptr(TestReply) me = test_call(t, "GET", "/session", json_object_get_string_member(json_node_get_object(node), "token"), NULL);
            if (me->status != 401) {
                g_assert_cmpstr(test_string(me, "role"), ==, "viewer");
                g_assert_cmpstr(test_string(me, "area"), ==, "18673");
            }
        }
        g_bytes_unref(p.bytes);
    }
}

static void test_back_off(TestApi *t, gconstpointer data)
{
    g_autofree char *admin = test_api_admin_plain(t);

    for (unsigned i = 0; i < 5; i++)
        test_expect(t, "POST", "/session", NULL, "{'user':'root','password':'no'}", 401, "wrong-password");
    g_autoptr(TestReply) reply =
        test_call(t, "POST", "/session", NULL, "{'user':'root','password':'correct horse battery'}");
    g_assert_cmpuint(reply->status, ==, 429);
    g_assert_cmpstr(soup_message_headers_get_one(reply->headers, "Retry-After"), ==, "1");
    test_expect(t, "GET", "/session", admin, NULL, 200, NULL); /* those inside are not disturbed */
    md_virtual_clock_advance(&t->clock, 1 * G_USEC_PER_SEC);
    test_expect(t, "POST", "/session", NULL, "{'user':'nobody','password':'no'}", 401, "wrong-password");
    md_virtual_clock_advance(&t->clock, 1 * G_USEC_PER_SEC);
    test_expect(t, "POST", "/session", NULL, "{'user':'root','password':'correct horse battery'}", 429, "too-many-tries");
    md_virtual_clock_advance(&t->clock, 1 * G_USEC_PER_SEC);
    test_expect(t, "POST", "/session", NULL, "{'user':'root','password':'correct horse battery'}", 201, NULL);
    test_expect(t, "POST", "/session", NULL, "{'user':'root','password':'no'}", 401, "wrong-password"); /* forgiven */
}

static void test_roles(TestApi *t, gconstpointer data)
{
    g_assert_cmpuint(test_check_roles(t), >, 15);
}

static void test_bad_requests(TestApi *t, gconstpointer data)
{
    g_autofree char *admin = test_api_admin(t);
    g_autofree char *large = g_strnfill(70000, ' ');
    g_autoptr(TestReply) bad = test_call_raw(t, "POST", "/api/v1/users", admin, "application/json", "{\"name\":", -1);
    g_assert_cmpuint(bad->status, ==, 400);
    g_assert_cmpstr(test_error_code(bad), ==, "bad-json");
    g_autoptr(TestReply) array = test_call_raw(t, "POST", "/api/v1/users", admin, "application/json", "[]", -1);
    g_assert_cmpstr(test_error_code(array), ==, "bad-json");
    g_autoptr(TestReply) form = test_call_raw(t, "POST", "/api/v1/users", admin, "text/plain", "{}", -1);
    g_assert_cmpuint(form->status, ==, 415);
    g_autoptr(TestReply) none = test_call_raw(t, "POST", "/api/v1/users", admin, NULL, NULL, 0);
    g_assert_cmpuint(none->status, ==, 415);
    g_autoptr(TestReply) big = test_call_raw(t, "POST", "/api/v1/users", admin, "application/json", large, -1);
    g_assert_cmpuint(big->status, ==, 413);
    g_autoptr(TestReply) where = test_call_raw(t, "GET", "/api/v1/nowhere", admin, NULL, NULL, 0);
    g_assert_cmpuint(where->status, ==, 404);
    g_assert_cmpstr(test_error_code(where), ==, "no-such-address");
    g_autoptr(TestReply) method = test_call_raw(t, "PUT", "/api/v1/users", admin, "application/json", "{}", -1);
    g_assert_cmpuint(method->status, ==, 405);
    g_assert_nonnull(strstr(soup_message_headers_get_one(method->headers, "Allow"), "POST"));
    g_autoptr(TestReply) nul = test_call_raw(t, "GET", "/api/v1/users/a%00b", admin, NULL, NULL, 0);
    g_assert_cmpuint(nul->status, ==, 400);
    test_expect(t, "GET", "/audit?limit=0", admin, NULL, 400, "invalid-query");
    test_expect(t, "GET", "/audit?limit=ten", admin, NULL, 400, "invalid-query");
    test_expect(t, "GET", "/audit?colour=1", admin, NULL, 400, "invalid-query");
    test_expect(t, "GET", "/users/%C4%90%E1%BB%A9c", admin, NULL, 404, "user-not-found");
    /* and the server still stands */
    test_expect(t, "GET", "/session", admin, NULL, 200, NULL);
}

static void test_audit(TestApi *t, gconstpointer data)
{
    g_autofree char *admin = test_api_admin(t);
    g_autofree char *viewer = test_api_user(t, admin, "lan", "viewer");

    test_expect(t, "DELETE", "/users/lan", viewer, NULL, 403, "not-allowed");
    test_expect(t, "DELETE", "/users/lan", admin, NULL, 204, NULL);
    g_autoptr(TestReply) list = test_call(t, "GET", "/audit?limit=3", admin, NULL);
    g_autoptr(TestReply) all = test_call(t, "GET", "/audit", admin, NULL);
    JsonArray *rows = json_object_get_array_member(json_node_get_object(list->json), "rows");
    g_assert_cmpuint(json_array_get_length(rows), ==, 3);
    JsonObject *first = json_array_get_object_element(rows, 0);
    g_assert_cmpstr(json_object_get_string_member(first, "who"), ==, "root");
    g_assert_cmpstr(json_object_get_string_member(first, "what"), ==, "DELETE /api/v1/users/lan");
    g_assert_cmpint(json_object_get_int_member(first, "status"), ==, 204);
    g_assert_cmpstr(json_object_get_string_member(first, "source"), ==, "127.0.0.1");
    JsonObject *second = json_array_get_object_element(rows, 1);
    g_assert_cmpstr(json_object_get_string_member(second, "who"), ==, "lan");
    g_assert_cmpint(json_object_get_int_member(second, "status"), ==, 403);
    g_assert_null(strstr(all->text, "horse"));
    g_assert_nonnull(strstr(all->text, "***"));
    g_autoptr(TestReply) good = test_call(t, "GET", "/audit/verify", admin, NULL);
    g_assert_true(json_object_get_boolean_member(json_node_get_object(good->json), "intact"));
    g_assert_cmpint(json_object_get_int_member(json_node_get_object(good->json), "rows"), ==, 8);
}

/* What is asked for is noted, what only its owner may know is not. */
static void test_audit_secrets(void)
{
    static const char *const pairs[][2] = {
        {"{\"url\":\"rtmp://live.example.vn:1935/app/khoa-bi-mat\"}", "{\"url\":\"rtmp://live.example.vn:1935/***\"}"},
        {"{\"url\":\"srt://live.example.vn:9000?passphrase=khoa-bi-mat\"}", "{\"url\":\"srt://live.example.vn:9000/***\"}"},
        {"{\"url\":\"http://ten:khoa@10.0.0.1\"}", "{\"url\":\"http://***@10.0.0.1\"}"},
        {"{\"url\":\"khoa-bi-mat\"}", "{\"url\":\"***\"}"},
        {"{\"list\":[{\"pin\":\"1234\",\"title\":\"a\"}]}", "{\"list\":[{\"pin\":\"***\",\"title\":\"a\"}]}"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_autoptr(JsonNode) body = json_from_string(pairs[i][0], NULL);
        g_autofree char *detail = md_api_audit_detail(body);
        g_assert_cmpstr(detail, ==, pairs[i][1]);
    }
}

static bool tamper(MdDb *db, gpointer data, GError **error)
{
    return md_db_run(db, error, data, "");
}

static void test_audit_tampered(TestApi *t, gconstpointer data)
{
    g_autofree char *admin = test_api_admin(t);
    GError *error = NULL;

    g_free(test_api_user(t, admin, "lan", "viewer"));
    g_assert_true(md_audit_verify(md_store_reader(t->store), NULL, &error));
    g_assert_true(md_store_write_sync(t->store, tamper,
                                      (gpointer) "UPDATE md_audit SET who = 'somebody' WHERE number = 2", NULL));
    g_assert_false(md_audit_verify(md_store_reader(t->store), NULL, &error));
    g_assert_cmpstr(error->message, ==, "audit row 2 was changed, or the one before it");
    g_clear_error(&error);
    g_assert_true(md_store_write_sync(t->store, tamper, (gpointer) "DELETE FROM md_audit WHERE number = 2", NULL));
    g_assert_false(md_audit_verify(md_store_reader(t->store), NULL, &error));
    g_assert_cmpstr(error->message, ==, "audit row 2 is missing");
    g_clear_error(&error);
}

static void test_rate(TestApi *t, gconstpointer data)
{
    unsigned refused = 0;

    for (unsigned i = 0; i < 50; i++) {
        g_autoptr(TestReply) reply = test_call_raw(t, "GET", "/api/v1/session", NULL, NULL, NULL, 0);
        refused += reply->status == 429;
    }
    g_assert_cmpuint(refused, ==, 10); /* 10 a second, bursts of 40 */
    md_virtual_clock_advance(&t->clock, G_USEC_PER_SEC / 5);
    for (unsigned i = 0; i < 3; i++) {
        g_autoptr(TestReply) reply = test_call_raw(t, "GET", "/healthz", NULL, NULL, NULL, 0);
        g_assert_cmpuint(reply->status, ==, i < 2 ? 200 : 429);
    }
}

static char *not_yet(void *user)
{
    return *(bool *)user ? NULL : g_strdup("SIP: no listener");
}

static void one_metric(GString *out, void *user)
{
    g_string_append(out, "mediad_test 7\n");
}

/* libsoup hands over all that begins as an address: nothing but the address itself is served. */
static void test_prefixes(TestApi *t, gconstpointer data)
{
    static const char *const not_there[] = {"/healthzz", "/healthz/x", "/readyz/abc", "/readyzz", "/metricsx", "/metrics/x", "/api/v1/events/x", "/api/v1/eventsx",
                                            "/api/v1/openapi.jsonx", "/api/v1openapi.json", "/api/v1x/openapi.json"};
    for (unsigned i = 0; i < G_N_ELEMENTS(not_there); i++) {
        g_autoptr(TestReply) reply = test_call_raw(t, "GET", not_there[i], NULL, NULL, NULL, 0);
        g_assert_cmpint(reply->status, ==, 404);
    }
    g_autoptr(TestReply) there = test_call_raw(t, "GET", "/api/v1/openapi.json", NULL, NULL, NULL, 0);
    g_assert_cmpint(there->status, ==, 200);
}

static void test_health(TestApi *t, gconstpointer data)
{
    bool ready = false;

    md_api_add_ready_check(t->api, not_yet, &ready);
    md_api_add_metrics(t->api, one_metric, NULL);
    g_autoptr(TestReply) health = test_call_raw(t, "GET", "/healthz", NULL, NULL, NULL, 0);
    g_assert_cmpuint(health->status, ==, 200);
    g_autoptr(TestReply) no = test_call_raw(t, "GET", "/readyz", NULL, NULL, NULL, 0);
    g_assert_cmpuint(no->status, ==, 503);
    g_assert_cmpstr(no->text, ==, "SIP: no listener\n");
    ready = true;
    g_autoptr(TestReply) yes = test_call_raw(t, "GET", "/readyz", NULL, NULL, NULL, 0);
    g_assert_cmpuint(yes->status, ==, 200);
    g_autoptr(TestReply) metrics = test_call_raw(t, "GET", "/metrics", NULL, NULL, NULL, 0);
    g_assert_nonnull(strstr(metrics->text, "\nmediad_test 7\n"));
    g_assert_nonnull(strstr(metrics->text, "# TYPE mediad_api_requests_total counter\nmediad_api_requests_total "));
    g_assert_cmpstr(soup_message_headers_get_one(metrics->headers, "X-Content-Type-Options"), ==, "nosniff");
}

/* The document's structure, and that it holds every operation it should. */
static void test_openapi(TestApi *t, gconstpointer data)
{
    g_autoptr(TestReply) reply = test_call(t, "GET", "/openapi.json", NULL, NULL);
    JsonObject *root = json_node_get_object(reply->json);
    JsonObject *paths = json_object_get_object_member(root, "paths");
    g_autoptr(GList) names = json_object_get_members(paths);
    g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);

    g_assert_cmpstr(json_object_get_string_member(root, "openapi"), ==, "3.0.3");
    for (GList *l = names; l; l = l->next) {
        JsonObject *item = json_object_get_object_member(paths, l->data);
        g_autoptr(GList) methods = json_object_get_members(item);
        g_assert_true(g_str_has_prefix(l->data, "/api/v1/"));
        for (GList *m = methods; m; m = m->next) {
            JsonObject *operation = json_object_get_object_member(item, m->data);
            unsigned want = 0, have = 0;
            g_assert_true(g_strv_contains((const char *const[]){"get", "post", "put", "patch", "delete", NULL}, m->data));
            g_assert_true(g_hash_table_add(ids, (gpointer)json_object_get_string_member(operation, "operationId")));
            g_assert_true(g_str_has_suffix(json_object_get_string_member(operation, "summary"), "."));
            g_assert_true(json_object_has_member(json_object_get_object_member(operation, "responses"), "default"));
            for (const char *p = l->data; *p; p++)
                want += *p == '{';
            JsonArray *parameters = json_object_has_member(operation, "parameters")
                                        ? json_object_get_array_member(operation, "parameters")
                                        : NULL;
            for (unsigned i = 0; parameters && i < json_array_get_length(parameters); i++) {
                JsonObject *p = json_array_get_object_element(parameters, i);
                g_assert_true(json_object_has_member(p, "schema"));
                have += g_str_equal(json_object_get_string_member(p, "in"), "path");
            }
            g_assert_cmpuint(have, ==, want);
        }
    }
    g_assert_true(json_object_has_member(json_object_get_object_member(paths, "/api/v1/users/{user}"), "patch"));
}

/* --- raw bodies and late replies --- */

static const MdApiRoute upload_routes[];
static MdApiRequest *kept;

static void upload(MdApiRequest *r, void *user)
{
    const char *type;
    g_autofree char *text = NULL;
    gsize size;

    g_assert_true(g_file_get_contents(md_api_request_body_file(r, &type), &text, &size, NULL));
    g_assert_cmpstr(type, ==, "audio/mpeg");
    g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)text, size);
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "sha256", sum);
    json_object_set_string_member(object, "file", md_api_request_body_file(r, NULL));
    JsonNode *node = json_node_init_object(json_node_alloc(), object);
    json_object_unref(object);
    md_api_reply(r, 201, node);
}

static void keep(MdApiRequest *r, void *user)
{
    kept = r;
}

static GPtrArray *held;

static void hold(MdApiRequest *r, void *user)
{
    g_ptr_array_add(held, r);
}

static const MdApiRoute upload_routes[] = {
    {.method = "POST", .path = "/upload", .role = MD_API_ANYBODY, .handler = upload, .summary = "Upload.", .raw_body = true,
     .body_max = 1000000, .response_schema = "{\"type\":\"object\",\"required\":[\"sha256\"]}"},
    {.method = "POST", .path = "/hold", .role = MD_API_ANYBODY, .handler = hold, .summary = "Hold.", .raw_body = true,
     .body_max = 1000000, .response_schema = "{\"type\":\"object\"}"},
    {.method = "GET", .path = "/late", .role = MD_API_ANYBODY, .handler = keep, .summary = "Late.",
     .response_schema = "{\"type\":\"object\"}"},
};

static void test_upload(TestApi *t, gconstpointer data)
{
    g_autofree char *body = g_malloc(1000001);

    md_api_add_routes(t->api, upload_routes, G_N_ELEMENTS(upload_routes), NULL);
    for (unsigned i = 0; i <= 1000000; i++)
        body[i] = (char)(i * 7 + i / 256);
    g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)body, 1000000);
    g_autoptr(TestReply) good = test_call_raw(t, "POST", "/api/v1/upload", NULL, "audio/mpeg", body, 1000000);
    g_assert_cmpuint(good->status, ==, 201);
    g_assert_cmpstr(test_string(good, "sha256"), ==, sum);
    g_assert_false(g_file_test(test_string(good, "file"), G_FILE_TEST_EXISTS)); /* gone with the reply */
    g_autoptr(TestReply) large = test_call_raw(t, "POST", "/api/v1/upload", NULL, "audio/mpeg", body, 1000001);
    g_assert_cmpuint(large->status, ==, 413);
}

/* Each upload may fill the disk up to its limit: only a few at one time, and as long as they are worked on. */
static void test_uploads_at_once(TestApi *t, gconstpointer data)
{
    Parallel p[4] = {0};
    SoupMessage *messages[4];

    md_api_add_routes(t->api, upload_routes, G_N_ELEMENTS(upload_routes), NULL);
    held = g_ptr_array_new();
    for (unsigned i = 0; i < G_N_ELEMENTS(p); i++)
        messages[i] = parallel(t, "/hold", "audio/mpeg", "abc", 3, &p[i]);
    while (held->len < G_N_ELEMENTS(p))
        g_main_context_iteration(NULL, TRUE);
    g_autoptr(TestReply) refused = test_call_raw(t, "POST", "/api/v1/upload", NULL, "audio/mpeg", "abc", 3);
    g_assert_cmpuint(refused->status, ==, 503);
    g_assert_cmpstr(test_error_code(refused), ==, "busy");
    for (unsigned i = 0; i < G_N_ELEMENTS(p); i++)
        md_api_reply_text(held->pdata[i], 200, "application/json", "{}");
    for (unsigned i = 0; i < G_N_ELEMENTS(p); i++) {
        while (!p[i].done)
            g_main_context_iteration(NULL, TRUE);
        g_assert_cmpuint(soup_message_get_status(messages[i]), ==, 200);
        g_bytes_unref(p[i].bytes);
        g_object_unref(messages[i]);
    }
    g_ptr_array_unref(held);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_autoptr(TestReply) taken = test_call_raw(t, "POST", "/api/v1/upload", NULL, "audio/mpeg", "abc", 3);
    g_assert_cmpuint(taken->status, ==, 201);
}

static gboolean stop_waiting(gpointer user)
{
    g_cancellable_cancel(user);
    return G_SOURCE_REMOVE;
}

static void aborted(GObject *source, GAsyncResult *result, gpointer user)
{
    g_autoptr(GBytes) bytes = soup_session_send_and_read_finish(SOUP_SESSION(source), result, NULL);

    *(bool *)user = true;
}

/* The client goes away before the handler replies: the reply is dropped without harm. */
static void test_late(TestApi *t, gconstpointer data)
{
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/api/v1/late", t->port);
    g_autoptr(SoupMessage) message = soup_message_new("GET", url);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    bool done = false;

    md_api_add_routes(t->api, upload_routes, G_N_ELEMENTS(upload_routes), NULL);
    soup_session_send_and_read_async(t->session, message, G_PRIORITY_DEFAULT, cancellable, aborted, &done);
    while (!kept)
        g_main_context_iteration(NULL, TRUE);
    g_idle_add(stop_waiting, cancellable);
    while (!done)
        g_main_context_iteration(NULL, TRUE);
    for (unsigned i = 0; i < 20; i++)
        g_main_context_iteration(NULL, FALSE);
    md_api_reply_text(g_steal_pointer(&kept), 200, "application/json", "{}");
    g_autoptr(TestReply) health = test_call_raw(t, "GET", "/healthz", NULL, NULL, NULL, 0);
    g_assert_cmpuint(health->status, ==, 200);
}

/* The api goes first: a handler that answers afterwards does no harm. */
static void test_orphan(TestApi *t, gconstpointer data)
{
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/api/v1/late", t->port);
    g_autoptr(SoupMessage) message = soup_message_new("GET", url);
    bool done = false;

    md_api_add_routes(t->api, upload_routes, G_N_ELEMENTS(upload_routes), NULL);
    soup_session_send_and_read_async(t->session, message, G_PRIORITY_DEFAULT, NULL, aborted, &done);
    while (!kept)
        g_main_context_iteration(NULL, TRUE);
    g_clear_pointer(&t->api, md_api_free);
    while (!done)
        g_main_context_iteration(NULL, TRUE);
    md_api_reply_error(g_steal_pointer(&kept), 500, "late", "too late", NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(name, fn, rate) g_test_add("/api/" name, TestApi, GUINT_TO_POINTER(rate), set_up, fn, tear_down)
    CASE("setup", test_setup, 0);
    CASE("sessions", test_sessions, 0);
    CASE("restart", test_restart, 0);
    CASE("connections", test_connections, 0);
    CASE("users", test_users, 0);
    CASE("demoted-meanwhile", test_demoted_meanwhile, 0);
    CASE("back-off", test_back_off, 0);
    CASE("roles", test_roles, 0);
    CASE("bad-requests", test_bad_requests, 0);
    CASE("audit", test_audit, 0);
    g_test_add_func("/api/audit-secrets", test_audit_secrets);
    CASE("audit-tampered", test_audit_tampered, 0);
    CASE("rate", test_rate, 10);
    CASE("health", test_health, 0);
    CASE("prefixes", test_prefixes, 0);
    CASE("openapi", test_openapi, 0);
    CASE("upload", test_upload, 0);
    CASE("uploads-at-once", test_uploads_at_once, 0);
    CASE("late", test_late, 0);
    CASE("orphan", test_orphan, 0);
    return g_test_run();
}
