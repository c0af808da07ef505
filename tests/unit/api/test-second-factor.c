/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One-time codes: the standard's figures, drift, replay, lock-out, recovery, and what they guard. */
#include "mediad/api/totp.h"
#include "tests/unit/api/client.h"
#include <string.h>

static void set_up(TestApi *t, gconstpointer data)
{
    test_api_start(t, 0, NULL, 0);
}

static void tear_down(TestApi *t, gconstpointer data)
{
    test_api_stop(t);
}

/* RFC 6238, appendix B, the column of SHA-1: eight digits. */
static void test_vectors(void)
{
    static const struct {
        int64_t time_s;
        const char *code;
    } vectors[] = {{59, "94287082"},         {1111111109, "07081804"}, {1111111111, "14050471"},
                   {1234567890, "89005924"}, {2000000000, "69279037"}, {20000000000, "65353130"}};
    static const uint8_t secret[] = "12345678901234567890";
    char code[9];

    for (unsigned i = 0; i < G_N_ELEMENTS(vectors); i++) {
        g_assert_true(md_totp_generate(secret, 20, vectors[i].time_s / MD_TOTP_STEP_S, 8, code));
        g_assert_cmpstr(code, ==, vectors[i].code);
        /* six digits are the last six */
        g_assert_cmpint(md_totp_match(secret, 20, vectors[i].time_s, -1, vectors[i].code + 2), ==, vectors[i].time_s / MD_TOTP_STEP_S);
    }
}

static void test_window(void)
{
    static const uint8_t secret[] = "12345678901234567890";
    const int64_t now = 1234567890, step = now / 30;
    char code[7];

    for (int64_t drift = -3; drift <= 3; drift++) {
        g_assert_true(md_totp_generate(secret, 20, step + drift, 6, code));
        g_assert_cmpint(md_totp_match(secret, 20, now, -1, code), ==, drift >= -1 && drift <= 1 ? step + drift : -1);
        g_assert_cmpint(md_totp_match(secret, 20, now, step + drift, code), ==, -1);     /* used */
        g_assert_cmpint(md_totp_match(secret, 20, now, step + 1, code), ==, -1);         /* older than one that was used */
    }
    g_assert_cmpint(md_totp_match(secret, 20, now, -1, ""), ==, -1);
    g_assert_cmpint(md_totp_match(secret, 20, now, -1, "0059244"), ==, -1);
    g_assert_cmpint(md_totp_match(secret, 20, 0, -1, "755224"), ==, 0); /* RFC 4226: the first; no step before 1970 */
}

static unsigned unlock(TestApi *t, const char *token, const char *code)
{
    g_autofree char *body = g_strdup_printf("{'code':'%s'}", code);
    g_autoptr(TestReply) reply = test_call(t, "POST", "/session/second-factor", token, body);

    return reply->status;
}

#define ADD "{'name':'lan','role':'viewer','password':'correct horse battery'}"

static void test_enrolment(TestApi *t, gconstpointer data)
{
    g_autofree char *token = test_api_admin_plain(t);
    g_autofree char *before = NULL;

    /* nothing that needs it goes without; who one is and enrolling do */
    test_expect(t, "POST", "/users", token, ADD, 403, "second-factor-missing");
    test_expect(t, "POST", "/session/second-factor/confirm", token, "{'code':'123456'}", 409, "wrong-state");
    test_expect(t, "POST", "/session/second-factor", token, "{'code':'123456'}", 403, "second-factor-missing");
    test_expect(t, "POST", "/session/second-factor/enrol", token, "{'password':'wrong'}", 403, "wrong-password");
    g_autoptr(TestReply) begun = test_call(t, "POST", "/session/second-factor/enrol", token, "{'password':'correct horse battery'}");
    g_assert_cmpuint(strlen(test_string(begun, "secret")), ==, 32); /* 160 bits */
    g_autofree char *uri = g_strdup_printf("otpauth://totp/mediad:root?secret=%s&issuer=mediad&algorithm=SHA1&digits=6&period=30",
                                           test_string(begun, "secret"));
    g_assert_cmpstr(test_string(begun, "uri"), ==, uri);
    test_expect(t, "POST", "/users", token, ADD, 403, "second-factor-missing"); /* not yet confirmed */
    test_expect(t, "POST", "/session/second-factor/confirm", token, "{'code':'000000'}", 403, "wrong-one-time-code");
    test_learn_secret(t, "root", test_string(begun, "secret"));
    before = test_code(t, "root");
    g_autofree char *body = g_strdup_printf("{'code':'%s'}", before);
    g_autoptr(TestReply) done = test_call(t, "POST", "/session/second-factor/confirm", token, body);
    g_assert_cmpuint(done->status, ==, 200);
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(json_node_get_object(done->json), "recovery_codes")), ==, 10);
    test_expect(t, "POST", "/users", token, ADD, 201, NULL); /* unlocked by the confirmation */
    /* neither secret nor codes are told again, and the store has neither in clear */
    g_autoptr(TestReply) show = test_call(t, "GET", "/session/second-factor", token, NULL);
    g_assert_true(json_object_get_boolean_member(json_node_get_object(show->json), "enrolled"));
    g_assert_null(strstr(show->text, test_string(begun, "secret")));
    g_autoptr(MdRows) rows = md_db_query(md_store_reader(t->store), NULL, "SELECT secret, (SELECT min(hash) FROM md_recovery_codes) FROM md_factors", "");
    g_assert_true(md_rows_next(rows, NULL));
    g_assert_cmpuint(strlen(md_rows_text(rows, 0)), ==, 80); /* nonce, secret and seal */
    g_assert_cmpuint(strlen(md_rows_text(rows, 1)), ==, 64);
    g_autoptr(TestReply) audit = test_call(t, "GET", "/audit", token, NULL);
    g_assert_null(strstr(audit->text, before));
    /* a new enrolment needs the old factor */
    md_virtual_clock_advance(&t->clock, INT64_C(301) * G_USEC_PER_SEC);
    test_expect(t, "POST", "/session/second-factor/enrol", token, "{'password':'correct horse battery'}", 403, "second-factor-needed");
}

static TestReply *with_code(TestApi *t, const char *token, const char *code, const char *body)
{
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/api/v1/users/lan", t->port);
    g_autoptr(SoupMessage) message = soup_message_new("PATCH", url);
    g_autofree char *bearer = g_strconcat("Bearer ", token, NULL);

    soup_message_headers_append(soup_message_get_request_headers(message), "Authorization", bearer);
    soup_message_headers_append(soup_message_get_request_headers(message), "X-One-Time-Code", code);
    return test_send(t, message, "application/json", body);
}

static void expect_code(TestApi *t, const char *token, const char *code, unsigned status, const char *error)
{
    g_autoptr(TestReply) reply = with_code(t, token, code, "{\"disabled\":false}");

    g_test_message("%s: %u %s", code, reply->status, reply->text);
    g_assert_cmpuint(reply->status, ==, status);
    if (error)
        g_assert_cmpstr(test_error_code(reply), ==, error);
}

static void test_replay(TestApi *t, gconstpointer data)
{
    g_autofree char *token = test_api_admin(t);

    test_expect(t, "POST", "/users", token, ADD, 201, NULL);
    md_virtual_clock_advance(&t->clock, INT64_C(301) * G_USEC_PER_SEC);
    test_expect(t, "PATCH", "/users/lan", token, "{'disabled':false}", 403, "second-factor-needed");
    g_autofree char *code = test_code(t, "root");
    expect_code(t, token, code, 200, NULL);
    expect_code(t, token, code, 403, "wrong-one-time-code"); /* used */
    test_expect(t, "PATCH", "/users/lan", token, "{'disabled':false}", 403, "second-factor-needed"); /* the header unlocks nothing */
    g_autofree char *spaced = test_next_code(t, "root");
    g_autofree char *typed = g_strdup_printf("%.3s %s", spaced, spaced + 3);
    expect_code(t, token, typed, 200, NULL); /* as people type it */
    /* a phone half a minute behind or ahead is taken, a minute is not; a step before one that was used is not */
    md_virtual_clock_advance(&t->clock, INT64_C(30) * G_USEC_PER_SEC);
    g_autofree char *late = test_code(t, "root");
    md_virtual_clock_advance(&t->clock, INT64_C(30) * G_USEC_PER_SEC);
    expect_code(t, token, late, 200, NULL);
    g_autofree char *stale = test_next_code(t, "root");
    md_virtual_clock_advance(&t->clock, INT64_C(60) * G_USEC_PER_SEC);
    expect_code(t, token, stale, 403, "wrong-one-time-code");
    /* the session is unlocked for five minutes, then no more */
    test_unlock(t, "root", token);
    test_expect(t, "PATCH", "/users/lan", token, "{'disabled':false}", 200, NULL);
    md_virtual_clock_advance(&t->clock, INT64_C(299) * G_USEC_PER_SEC);
    test_expect(t, "PATCH", "/users/lan", token, "{'disabled':false}", 200, NULL);
    md_virtual_clock_advance(&t->clock, INT64_C(1) * G_USEC_PER_SEC);
    test_expect(t, "PATCH", "/users/lan", token, "{'disabled':false}", 403, "second-factor-needed");
}

static void test_lock_out(TestApi *t, gconstpointer data)
{
    g_autofree char *token = test_api_admin(t);

    md_virtual_clock_advance(&t->clock, INT64_C(301) * G_USEC_PER_SEC);
    for (unsigned i = 0; i < 5; i++)
        g_assert_cmpuint(unlock(t, token, "000000"), ==, 403);
    g_autofree char *good = test_code(t, "root");
    g_assert_cmpuint(unlock(t, token, good), ==, 429); /* even the right one waits */
    md_virtual_clock_advance(&t->clock, INT64_C(1) * G_USEC_PER_SEC);
    g_autofree char *next = test_code(t, "root");
    g_assert_cmpuint(unlock(t, token, next), ==, 200);
    /* waits double up to five minutes */
    for (unsigned i = 0; i < 5; i++)
        g_assert_cmpuint(unlock(t, token, "000000"), ==, 403);
    for (unsigned i = 0; i < 12; i++) {
        md_virtual_clock_advance(&t->clock, INT64_C(300) * G_USEC_PER_SEC);
        g_assert_cmpuint(unlock(t, token, "000000"), ==, 403);
    }
    md_virtual_clock_advance(&t->clock, INT64_C(299) * G_USEC_PER_SEC);
    g_assert_cmpuint(unlock(t, token, "000000"), ==, 429);
    md_virtual_clock_advance(&t->clock, INT64_C(1) * G_USEC_PER_SEC);
    g_autofree char *last = test_code(t, "root");
    g_assert_cmpuint(unlock(t, token, last), ==, 200);
}

static void test_recovery(TestApi *t, gconstpointer data)
{
    g_autofree char *token = test_api_admin(t);
    g_autoptr(TestReply) made = test_call(t, "POST", "/session/second-factor/recovery-codes", token, NULL);
    g_autoptr(TestReply) anew = test_call(t, "POST", "/session/second-factor/recovery-codes", token, NULL);
    JsonArray *old = json_object_get_array_member(json_node_get_object(made->json), "recovery_codes");
    JsonArray *codes = json_object_get_array_member(json_node_get_object(anew->json), "recovery_codes");

    g_assert_cmpuint(unlock(t, token, json_array_get_string_element(old, 0)), ==, 403);
    g_autofree char *lower = g_ascii_strdown(json_array_get_string_element(codes, 0), -1);
    g_assert_cmpuint(unlock(t, token, lower), ==, 200);
    g_assert_cmpuint(unlock(t, token, lower), ==, 403);
    g_autoptr(TestReply) show = test_call(t, "GET", "/session/second-factor", token, NULL);
    g_assert_cmpint(json_object_get_int_member(json_node_get_object(show->json), "recovery_codes_left"), ==, 9);
    /* somebody else's recovery code opens nothing */
    g_autofree char *other = test_api_user(t, token, "lan", "operator");
    test_enrol(t, "lan", other);
    g_assert_cmpuint(unlock(t, other, json_array_get_string_element(codes, 1)), ==, 403);
    /* an administrator removes it: sessions end, signing in needs the password alone */
    test_expect(t, "DELETE", "/users/lan/second-factor", token, NULL, 204, NULL);
    test_expect(t, "DELETE", "/users/lan/second-factor", token, NULL, 404, "not-found");
    test_expect(t, "GET", "/session", other, NULL, 401, "not-signed-in");
    test_expect(t, "POST", "/session", NULL, "{'user':'lan','password':'correct horse battery'}", 201, NULL);
}

static void test_sign_in_with_code(TestApi *t, gconstpointer data)
{
    g_autofree char *token = test_api_admin(t);
    g_autofree char *code = test_next_code(t, "root");
    g_autofree char *right = g_strdup_printf("{'user':'root','password':'correct horse battery','one_time_code':'%s'}", code);
    g_autofree char *no_password = g_strdup_printf("{'user':'root','password':'wrong','one_time_code':'%s'}", code);

    test_expect(t, "POST", "/session", NULL, "{'user':'root','password':'correct horse battery'}", 401, "second-factor-needed");
    test_expect(t, "POST", "/session", NULL, "{'user':'root','password':'correct horse battery','one_time_code':'123456'}", 403, "wrong-one-time-code");
    test_expect(t, "POST", "/session", NULL, no_password, 401, "wrong-password"); /* and the code is not used up */
    g_autoptr(TestReply) in = test_call(t, "POST", "/session", NULL, right);
    g_assert_cmpuint(in->status, ==, 201);
    test_expect(t, "POST", "/users", test_string(in, "token"), ADD, 201, NULL); /* unlocked */
    test_expect(t, "POST", "/session", NULL, right, 403, "wrong-one-time-code");
}

/* The only administrator lost everything: taken away on the machine itself, with his sessions, and the trail says who did it. */
static void test_reset_offline(TestApi *t, gconstpointer data)
{
    g_autofree char *token = test_api_admin(t);
    g_autoptr(GError) error = NULL;
    int64_t rows = 0, before = 0;

    g_assert_true(md_audit_verify(md_store_reader(t->store), &before, NULL));
    g_assert_false(md_api_reset_second_factor(t->store, "nobody", "system:hop", 5, &error));
    g_assert_cmpstr(error->message, ==, "there is no account 'nobody'");
    g_clear_error(&error);
    g_assert_true(md_api_reset_second_factor(t->store, "root", "system:hop", 5, &error));
    g_assert_no_error(error);
    g_assert_false(md_api_reset_second_factor(t->store, "root", "system:hop", 5, &error));
    g_assert_cmpstr(error->message, ==, "root has no second factor");
    g_assert_true(md_audit_verify(md_store_reader(t->store), &rows, NULL));
    g_assert_cmpint(rows, ==, before + 1); /* what was refused is no row */
    g_autoptr(MdRows) last = md_db_query(md_store_reader(t->store), NULL, "SELECT who, source, what, (SELECT count(*) FROM md_recovery_codes),"
                                         " (SELECT count(*) FROM md_sessions) FROM md_audit ORDER BY number DESC LIMIT 1", "");
    g_assert_true(md_rows_next(last, NULL));
    g_assert_cmpstr(md_rows_text(last, 0), ==, "system:hop");
    g_assert_cmpstr(md_rows_text(last, 1), ==, "console");
    g_assert_cmpstr(md_rows_text(last, 2), ==, "second factor of root removed on the machine itself");
    g_assert_cmpint(md_rows_int(last, 3), ==, 0);
    g_assert_cmpint(md_rows_int(last, 4), ==, 0);
    test_expect(t, "POST", "/session", NULL, "{'user':'root','password':'correct horse battery'}", 201, NULL);
}

static void listing(MdApiRequest *r, void *user)
{
    md_api_reply(r, 204, NULL);
}

static const MdApiRoute listing_routes[] = {
    {.method = "GET", .path = "/listing", .rights = MD_API_MAY_VIEW, .role = MD_API_VIEWER, .handler = listing, .summary = "Something to see."},
};

/* Roles that must have one: in, but no further than to enrolling; also after a restart. */
static void test_required(TestApi *t, gconstpointer data)
{
    static const char *const roles[] = {"operator", NULL};
    MdApiOptions options = {.listen = (const char *const[]){"http://127.0.0.1:0", NULL}, .allow_http = true, .state_dir = t->dir,
                            .session_lifetime_s = 3600, .clock = &t->clock.base, .requests_per_s = 1000000, .second_factor_roles = roles,
                            .issuer = "hop.example.vn"};
    md_api_add_routes(t->api, listing_routes, 1, NULL);
    g_autofree char *admin = test_api_admin(t);
    g_autofree char *operator_ = test_api_user(t, admin, "truc", "operator"), *viewer = test_api_user(t, admin, "lan", "viewer");

    md_api_free(t->api);
    t->api = md_api_new(&options, t->store, NULL);
    t->port = md_api_port(t->api, 0);
    md_api_add_routes(t->api, listing_routes, 1, NULL);
    test_expect(t, "GET", "/listing", operator_, NULL, 403, "second-factor-missing");
    test_expect(t, "GET", "/listing", viewer, NULL, 204, NULL);
    test_expect(t, "GET", "/session", operator_, NULL, 200, NULL);
    g_autofree char *anew = test_sign_in(t, "truc");
    test_expect(t, "GET", "/listing", anew, NULL, 403, "second-factor-missing");
    test_enrol(t, "truc", anew);
    test_expect(t, "GET", "/listing", anew, NULL, 204, NULL);
}

/* The key is in the state folder, the rows are in the store: one without the other opens nothing. */
static void test_key(TestApi *t, gconstpointer data)
{
    g_autofree char *token = test_api_admin(t);
    g_autofree char *path = g_build_filename(t->dir, "second-factor.key", NULL);
    MdApiOptions options = {.listen = (const char *const[]){"http://127.0.0.1:0", NULL}, .allow_http = true, .state_dir = t->dir,
                            .session_lifetime_s = 3600, .clock = &t->clock.base, .requests_per_s = 1000000};
    g_autofree char *key = NULL;
    gsize size;

    g_assert_true(g_file_get_contents(path, &key, &size, NULL));
    g_assert_cmpuint(size, ==, 32);
    for (unsigned i = 0; i < 2; i++) {
        key[5] ^= 1; /* another key, then the right one again */
        g_assert_true(g_file_set_contents(path, key, (gssize)size, NULL));
        md_api_free(t->api);
        t->api = md_api_new(&options, t->store, NULL);
        t->port = md_api_port(t->api, 0);
        g_autofree char *code = test_next_code(t, "root");
        g_assert_cmpuint(unlock(t, token, code), ==, i == 0 ? 500 : 200);
    }
}

static void test_bindings(TestApi *t, gconstpointer data)
{
    static const struct {
        const char *role, *area, *vendor;
        const char *problem; /* NULL: fine */
    } cases[] = {
        {"provincial-editor", "", "", NULL},
        {"provincial-editor", "18673", "", "field 'area': a provincial role is for the whole province: leave it empty"},
        {"provincial-approver", "18673", "", "field 'area': a provincial role is for the whole province: leave it empty"},
        {"commune-editor", "18673", "", NULL},
        {"commune-editor", "", "", "field 'area': a commune's role needs the code of a commune, or of an area below one"},
        {"commune-approver", "", "", "field 'area': a commune's role needs the code of a commune, or of an area below one"},
        {"auditor", "18673", "", NULL},
        {"vendor", "", "HTV", NULL},
        {"vendor", "18673", "HTV", NULL},
        {"vendor", "", "", "field 'vendor': a vendor's account needs the name its devices carry"},
        {"operator", "", "HTV", "field 'vendor': only for accounts of the role vendor"},
    };
    g_autofree char *admin = test_api_admin(t);

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *body = g_strdup_printf("{'name':'u%u','role':'%s','area':'%s','vendor':'%s','password':'correct horse battery'}", i,
                                                cases[i].role, cases[i].area, cases[i].vendor);
        g_autoptr(TestReply) reply = test_call(t, "POST", "/users", admin, body);
        g_test_message("%s: %s", body, reply->text);
        g_assert_cmpuint(reply->status, ==, cases[i].problem ? 400 : 201);
        if (cases[i].problem)
            g_assert_cmpstr(test_error_message(reply), ==, cases[i].problem);
    }
    /* a change is judged by what would come of it */
    test_expect(t, "PATCH", "/users/u0", admin, "{'area':'18673'}", 400, "invalid-field");
    test_expect(t, "PATCH", "/users/u0", admin, "{'area':'18673','role':'commune-editor'}", 200, NULL);
    test_expect(t, "PATCH", "/users/u3", admin, "{'area':''}", 400, "invalid-field");
    test_expect(t, "PATCH", "/users/u7", admin, "{'role':'viewer'}", 400, "invalid-field");
    test_expect(t, "PATCH", "/users/u7", admin, "{'role':'viewer','vendor':''}", 200, NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(name, fn) g_test_add("/second-factor/" name, TestApi, NULL, set_up, fn, tear_down)
    g_test_add_func("/second-factor/vectors", test_vectors);
    g_test_add_func("/second-factor/window", test_window);
    CASE("enrolment", test_enrolment);
    CASE("replay", test_replay);
    CASE("lock-out", test_lock_out);
    CASE("recovery", test_recovery);
    CASE("sign-in", test_sign_in_with_code);
    CASE("reset-offline", test_reset_offline);
    CASE("required", test_required);
    CASE("key", test_key);
    CASE("bindings", test_bindings);
    return g_test_run();
}
