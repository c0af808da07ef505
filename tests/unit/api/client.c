/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/api/client.h"
#include <glib/gstdio.h>
#include <liboath/oath.h>
#include <string.h>

void test_api_start(TestApi *t, unsigned requests_per_s, const MdMigration *extra, unsigned n_extra)
{
    static const char *const listen[] = {"http://127.0.0.1:0", "https://127.0.0.1:0", "[::1]:0", NULL};
    GError *error = NULL;
    g_autofree MdMigration *all = g_new(MdMigration, md_api_n_migrations + n_extra);

    *t = (TestApi){0};
    memcpy(all, md_api_migrations, md_api_n_migrations * sizeof *all);
    if (n_extra)
        memcpy(all + md_api_n_migrations, extra, n_extra * sizeof *all);
    t->dir = g_dir_make_tmp("api-XXXXXX", &error);
    g_assert_no_error(error);
    t->store = md_store_open(":memory:", all, md_api_n_migrations + n_extra, NULL, &error);
    g_assert_no_error(error);
    md_virtual_clock_init(&t->clock, 1000000, 1790000000LL * 1000000);
    MdApiOptions options = {
        .listen = listen,
        .allow_http = true,
        .state_dir = t->dir,
        .console_dir = g_getenv("TEST_CONSOLE_DIR"),
        .session_lifetime_s = 3600,
        .websockets_max = 3,
        .clock = &t->clock.base,
        .requests_per_s = requests_per_s ? requests_per_s : 1000000,
    };
    t->api = md_api_new(&options, t->store, &error);
    g_assert_no_error(error);
    t->port = md_api_port(t->api, 0);
    t->tls_port = md_api_port(t->api, 1);
    t->session = soup_session_new_with_options("max-conns-per-host", 8, NULL);
}

void test_api_stop(TestApi *t)
{
    static const char *const files[] = {"setup-code", "https-cert.pem", "https-key.pem", "second-factor.key"};

    g_clear_object(&t->session);
    md_api_free(t->api);
    md_store_close(t->store);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    for (unsigned i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_build_filename(t->dir, files[i], NULL);
        g_unlink(path);
    }
    g_assert_cmpint(g_rmdir(t->dir), ==, 0); /* nothing else was left there */
    g_free(t->dir);
    g_clear_pointer(&t->document, json_node_unref);
    g_clear_pointer(&t->secrets, g_hash_table_unref);
}

typedef struct Wait {
    bool done;
    GBytes *bytes;
    GError *error;
} Wait;

static void finished(GObject *source, GAsyncResult *result, gpointer user)
{
    Wait *wait = user;

    wait->bytes = soup_session_send_and_read_finish(SOUP_SESSION(source), result, &wait->error);
    wait->done = true;
}

static TestReply *send_bytes(TestApi *t, SoupMessage *message, const char *type, GBytes *bytes)
{
    Wait wait = {0};

    if (bytes)
        soup_message_set_request_body_from_bytes(message, type, bytes);
    soup_session_send_and_read_async(t->session, message, G_PRIORITY_DEFAULT, NULL, finished, &wait);
    while (!wait.done)
        g_main_context_iteration(NULL, TRUE);
    TestReply *reply = g_new0(TestReply, 1);
    if (wait.error)
        g_test_message("%s %s: %s", soup_message_get_method(message), g_uri_get_path(soup_message_get_uri(message)), wait.error->message);
    g_assert_no_error(wait.error);
    reply->status = soup_message_get_status(message);
    reply->headers = soup_message_headers_ref(soup_message_get_response_headers(message));
    gsize size;
    const char *data = g_bytes_get_data(wait.bytes, &size);
    reply->text = g_malloc0(size + 1);
    memcpy(reply->text, data ? data : "", size);
    reply->len = size;
    g_bytes_unref(wait.bytes);
    if (g_strcmp0(soup_message_headers_get_content_type(reply->headers, NULL), "application/json") == 0)
        reply->json = md_json_parse(reply->text, size, NULL);
    return reply;
}

TestReply *test_send(TestApi *t, SoupMessage *message, const char *type, const char *body)
{
    g_autoptr(GBytes) bytes = body ? g_bytes_new(body, strlen(body)) : NULL;

    return send_bytes(t, message, type, bytes);
}

TestReply *test_call_raw(TestApi *t, const char *method, const char *url_path, const char *token, const char *type,
                         const char *body, gssize len)
{
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u%s", t->port, url_path);
    g_autoptr(SoupMessage) message = soup_message_new(method, url);
    g_autoptr(GBytes) bytes = body ? g_bytes_new(body, len < 0 ? strlen(body) : (gsize)len) : NULL;

    g_assert_nonnull(message);
    if (token) {
        g_autofree char *value = g_strconcat("Bearer ", token, NULL);
        soup_message_headers_append(soup_message_get_request_headers(message), "Authorization", value);
    }
    return send_bytes(t, message, type, bytes);
}

/* The documented operation for a call: literal segments before parameters. */
static JsonObject *operation_of(TestApi *t, const char *method, const char *path)
{
    g_autofree char *lower = g_ascii_strdown(method, -1);
    g_autofree char *bare = g_strndup(path, strcspn(path, "?"));
    g_auto(GStrv) have = g_strsplit(bare, "/", -1);
    JsonObject *paths = json_object_get_object_member(json_node_get_object(t->document), "paths");
    g_autoptr(GList) names = json_object_get_members(paths);
    JsonObject *best = NULL;
    int best_literals = -1;

    for (GList *l = names; l; l = l->next) {
        g_auto(GStrv) want = g_strsplit(l->data, "/", -1);
        JsonObject *item = json_object_get_object_member(paths, l->data);
        int literals = 0;
        if (g_strv_length(want) != g_strv_length(have) || !json_object_has_member(item, lower))
            continue;
        for (unsigned i = 0; want[i]; i++) {
            if (g_str_equal(want[i], have[i]))
                literals++;
            else if (want[i][0] != '{')
                literals = -1000;
        }
        if (literals > best_literals) {
            best_literals = literals;
            best = json_object_get_object_member(item, lower);
        }
    }
    return best;
}

static void check_reply(TestApi *t, const char *method, const char *path, const TestReply *reply)
{
    JsonObject *operation = operation_of(t, method, path);
    GError *error = NULL;
    JsonNode *schema = NULL;

    g_assert_nonnull(operation);
    JsonObject *responses = json_object_get_object_member(operation, "responses");
    if (reply->status >= 300) {
        JsonObject *components = json_object_get_object_member(json_node_get_object(t->document), "components");
        schema = json_object_get_member(json_object_get_object_member(components, "schemas"), "Error");
    } else if (reply->status == 204) {
        g_assert_true(json_object_has_member(responses, "204"));
        g_assert_cmpstr(reply->text, ==, "");
        return;
    } else {
        g_assert_true(json_object_has_member(responses, "2XX"));
        JsonObject *content =
            json_object_get_object_member(json_object_get_object_member(responses, "2XX"), "content");
        if (!json_object_has_member(content, "application/json"))
            return;
        schema = json_object_get_member(json_object_get_object_member(content, "application/json"), "schema");
    }
    g_autofree char *text = json_to_string(schema, FALSE);
    MdSchema *compiled = md_schema_new(text, &error);
    g_assert_no_error(error);
    g_assert_nonnull(reply->json);
    md_schema_check(compiled, reply->json, &error);
    if (error)
        g_test_message("%s %s: %s", method, path, reply->text);
    g_assert_no_error(error);
    md_schema_free(compiled);
}

TestReply *test_call(TestApi *t, const char *method, const char *path, const char *token, const char *body)
{
    g_autofree char *full = g_strconcat("/api/v1", path, NULL);
    g_autofree char *json = body ? g_strdelimit(g_strdup(body), "'", '"') : NULL;

    if (!t->document) {
        g_autoptr(TestReply) document = test_call_raw(t, "GET", "/api/v1/openapi.json", NULL, NULL, NULL, 0);
        g_assert_cmpuint(document->status, ==, 200);
        t->document = json_node_ref(document->json);
    }
    TestReply *reply = test_call_raw(t, method, full, token, "application/json", json, -1);
    check_reply(t, method, full, reply);
    return reply;
}

void test_expect(TestApi *t, const char *method, const char *path, const char *token, const char *body, unsigned status,
                 const char *code)
{
    g_autoptr(TestReply) reply = test_call(t, method, path, token, body);

    if (reply->status != status)
        g_test_message("%s %s %s: %u %s", method, path, body ? body : "", reply->status, reply->text);
    g_assert_cmpuint(reply->status, ==, status);
    if (code)
        g_assert_cmpstr(test_error_code(reply), ==, code);
}

const char *test_string(const TestReply *reply, const char *member)
{
    return json_object_get_string_member(json_node_get_object(reply->json), member);
}

static JsonObject *error_of(const TestReply *reply)
{
    return json_object_get_object_member(json_node_get_object(reply->json), "error");
}

const char *test_error_code(const TestReply *reply)
{
    return json_object_get_string_member(error_of(reply), "code");
}

const char *test_error_message(const TestReply *reply)
{
    return json_object_get_string_member(error_of(reply), "message");
}

void test_reply_free(TestReply *reply)
{
    soup_message_headers_unref(reply->headers);
    g_clear_pointer(&reply->json, json_node_unref);
    g_free(reply->text);
    g_free(reply);
}

char *test_code(TestApi *t, const char *name)
{
    gsize size;
    const char *secret = g_bytes_get_data(g_hash_table_lookup(t->secrets, name), &size);
    char code[7];

    g_assert_cmpint(oath_totp_generate(secret, size, md_clock_wall_us(&t->clock.base) / G_USEC_PER_SEC, 30, 0, 6, code), ==, OATH_OK);
    return g_strdup(code);
}

/* A code works once: the next is that of the next step. */
char *test_next_code(TestApi *t, const char *name)
{
    md_virtual_clock_advance(&t->clock, INT64_C(30) * G_USEC_PER_SEC);
    return test_code(t, name);
}

void test_learn_secret(TestApi *t, const char *name, const char *base32)
{
    char *secret;
    size_t size;

    g_assert_cmpint(oath_base32_decode(base32, strspn(base32, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), &secret, &size), ==, OATH_OK);
    if (!t->secrets)
        t->secrets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
    g_hash_table_insert(t->secrets, g_strdup(name), g_bytes_new(secret, size));
    free(secret);
}

void test_enrol(TestApi *t, const char *name, const char *token)
{
    g_autoptr(TestReply) begun = test_call(t, "POST", "/session/second-factor/enrol", token, "{'password':'correct horse battery'}");

    g_assert_cmpuint(begun->status, ==, 201);
    test_learn_secret(t, name, test_string(begun, "secret"));
    g_autofree char *code = test_code(t, name);
    g_autofree char *body = g_strdup_printf("{'code':'%s'}", code);
    test_expect(t, "POST", "/session/second-factor/confirm", token, body, 200, NULL);
}

void test_unlock(TestApi *t, const char *name, const char *token)
{
    g_autofree char *code = test_next_code(t, name);
    g_autofree char *body = g_strdup_printf("{'code':'%s'}", code);

    test_expect(t, "POST", "/session/second-factor", token, body, 200, NULL);
}

char *test_sign_in(TestApi *t, const char *name)
{
    bool with_code = t->secrets && g_hash_table_contains(t->secrets, name);
    g_autofree char *code = with_code ? test_next_code(t, name) : NULL;
    g_autofree char *body = g_strdup_printf("{'user':'%s','password':'correct horse battery'%s%s%s}", name, with_code ? ",'one_time_code':'" : "",
                                            with_code ? code : "", with_code ? "'" : "");
    g_autoptr(TestReply) reply = test_call(t, "POST", "/session", NULL, body);

    if (reply->status != 201)
        g_test_message("%s", reply->text);
    g_assert_cmpuint(reply->status, ==, 201);
    return g_strdup(test_string(reply, "token"));
}

char *test_api_admin_plain(TestApi *t)
{
    g_autofree char *body = g_strdup_printf("{'code':'%s','user':'root','password':'correct horse battery'}",
                                            md_api_setup_code(t->api));

    test_expect(t, "POST", "/setup", NULL, body, 201, NULL);
    return test_sign_in(t, "root");
}

char *test_api_admin(TestApi *t)
{
    char *token = test_api_admin_plain(t);

    test_enrol(t, "root", token);
    return token;
}

static char *add_user(TestApi *t, const char *admin, const char *name, const char *role, const char *area, const char *vendor)
{
    g_autofree char *body = g_strdup_printf("{'name':'%s','role':'%s','password':'correct horse battery','area':'%s','vendor':'%s'}", name, role,
                                            area, vendor);

    test_expect(t, "POST", "/users", admin, body, 201, NULL);
    return test_sign_in(t, name);
}

char *test_api_user(TestApi *t, const char *admin, const char *name, const char *role)
{
    bool vendor = g_str_equal(role, "vendor"), provincial = g_str_has_prefix(role, "provincial-");

    return add_user(t, admin, name, role, vendor || provincial ? "" : "18673", vendor ? "HTV" : "");
}

/* What each role may, told a second time: the API's table is held against this one. */
static const struct Expected {
    const char *role, *rights;
    unsigned level;
} expected[MD_API_ROLE_MAX] = {
    {"anybody", "", 0},
    {"viewer", "view", 1},
    {"broadcaster", "view,edit,air", 2},
    {"operator", "view,edit,approve,air,alert,devices,operate", 3},
    {"admin", "view,edit,approve,air,alert,devices,audit,people,operate,vendor", 4},
    {"provincial-editor", "view,edit", 1},
    {"provincial-approver", "view,edit,approve,air,alert", 1},
    {"commune-editor", "view,edit", 1},
    {"commune-approver", "view,edit,approve,air,alert", 1},
    {"auditor", "view,audit", 1},
    {"vendor", "vendor", 0},
};

static unsigned level_of(const char *role)
{
    for (unsigned i = 0; i < MD_API_ROLE_MAX; i++)
        if (g_str_equal(role, expected[i].role))
            return expected[i].level;
    g_assert_not_reached();
}

static bool expect_may(const struct Expected *e, JsonObject *operation)
{
    const char *rights = json_object_get_string_member_with_default(operation, "x-rights", NULL);
    g_auto(GStrv) need = g_strsplit(rights ? rights : "", ",", -1), have = g_strsplit(e->rights, ",", -1);

    if (g_str_equal(e->role, "vendor") && json_object_has_member(operation, "x-vendor"))
        return true;
    if (!rights)
        return e->level >= level_of(json_object_get_string_member(operation, "x-least-role"));
    for (unsigned i = 0; need[i]; i++)
        if (!g_strv_contains((const char *const *)have, need[i]))
            return false;
    return true;
}

/* A call that is let in but does nothing: it carries a parameter or a body that is refused before the handler sees it. */
static void check_pair(TestApi *t, const char *method, const char *path, JsonObject *operation, const struct Expected *e, const char *token)
{
    static const char big[5000] = {0};
    bool json = json_object_has_member(operation, "requestBody"), province = json_object_has_member(operation, "x-province-only");
    bool bound = g_strv_contains((const char *const[]){"viewer", "broadcaster", "operator", "admin", "commune-editor", "commune-approver", "auditor",
                                                       NULL}, e->role);
    g_autofree char *marked = g_strconcat(path, "?no-such-parameter=1", NULL);
    g_autoptr(TestReply) reply = json ? test_call_raw(t, method, marked, token, "text/plain", "{}", 2)
                                      : test_call_raw(t, method, marked, token, "application/json", big, sizeof big);
    const char *code = reply->json && reply->status >= 400 ? test_error_code(reply) : "";

    g_test_message("%s %s %s: %u %s", e->role, method, path, reply->status, code);
    if (!expect_may(e, operation)) {
        g_assert_cmpuint(reply->status, ==, token ? 403 : 401);
        g_assert_cmpstr(code, ==, token ? "not-allowed" : "not-signed-in");
    } else if (province && bound) {
        g_assert_cmpuint(reply->status, ==, 403);
        g_assert_cmpstr(code, ==, "other-area");
    } else if (token && json_object_has_member(operation, "x-second-factor")) {
        g_assert_cmpstr(code, ==, "second-factor-missing");
    } else if (g_str_equal(json_object_get_string_member(operation, "x-least-role"), "anybody") && g_str_equal(code, "bad-key")) {
        g_assert_cmpuint(reply->status, ==, 401); /* it asks for a key of its own, not for an account */
    } else {
        g_assert_cmpuint(reply->status, !=, 401);
        g_assert_cmpuint(reply->status, !=, 403);
        g_assert_cmpuint(reply->status, >=, 400); /* nothing was done */
        g_assert_cmpuint(reply->status, <, 500);
    }
}

unsigned test_check_roles(TestApi *t)
{
    g_autofree char *admin = md_api_setup_code(t->api) ? test_api_admin(t) : test_sign_in(t, "root");
    char *tokens[MD_API_ROLE_MAX] = {NULL};
    JsonObject *paths = json_object_get_object_member(json_node_get_object(t->document), "paths");
    g_autoptr(GList) names = json_object_get_members(paths);
    unsigned checked = 0;

    for (unsigned i = 1; i < MD_API_ROLE_MAX; i++) {
        g_autofree char *name = g_strdup_printf("r-%s", expected[i].role);
        g_assert_cmpint(md_api_role_from_string(expected[i].role), ==, i);
        tokens[i] = test_api_user(t, admin, name, expected[i].role);
    }
    for (GList *l = names; l; l = l->next) {
        JsonObject *item = json_object_get_object_member(paths, l->data);
        g_autoptr(GList) methods = json_object_get_members(item);
        for (GList *m = methods; m; m = m->next) {
            g_autofree char *method = g_ascii_strup(m->data, -1);
            for (unsigned i = 0; i < MD_API_ROLE_MAX; i++, checked++)
                check_pair(t, method, l->data, json_object_get_object_member(item, m->data), &expected[i], tokens[i]);
        }
    }
    for (unsigned i = 0; i < MD_API_ROLE_MAX; i++)
        g_free(tokens[i]);
    return checked;
}

void test_check_metrics(TestApi *t)
{
    g_autoptr(TestReply) reply = test_call_raw(t, "GET", "/metrics", NULL, NULL, NULL, 0);
    g_auto(GStrv) lines = g_strsplit(reply->text, "\n", -1);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree char *family = g_strdup("");

    g_assert_cmpuint(reply->status, ==, 200);
    g_assert_true(g_str_has_suffix(reply->text, "\n"));
    for (unsigned i = 0; lines[i] && *lines[i]; i++) {
        char *end;
        if (g_str_has_prefix(lines[i], "# TYPE ")) {
            g_auto(GStrv) words = g_strsplit(lines[i], " ", -1);
            g_free(family);
            family = g_strdup(words[2]);
            g_assert_true(g_strv_contains((const char *const[]){"counter", "gauge", NULL}, words[3]));
            if (!g_hash_table_add(seen, g_strdup(family)))
                g_error("%s is a family twice", family);
        }
        if (*lines[i] == '#')
            continue;
        g_autofree char *name = g_strndup(lines[i], strcspn(lines[i], "{ "));
        if (!g_str_equal(name, family))
            g_error("%s stands in the family %s", name, family);
        g_autofree char *series = g_strndup(lines[i], (gsize)(strrchr(lines[i], ' ') - lines[i]));
        g_assert_true(g_str_equal(series, name) || g_hash_table_add(seen, g_strdup(series)));
        g_ascii_strtod(strrchr(lines[i], ' ') + 1, &end);
        g_assert_cmpstr(end, ==, "");
    }
    g_assert_cmpuint(g_hash_table_size(seen), >, 10);
}
