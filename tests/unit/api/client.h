/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* An API server inside the test and a client for it, both on the test's main context. Answers are checked against the
 * OpenAPI document as they come. */
#include <libsoup/soup.h>
#include "mediad/api/api.h"
#include "mediad/api/json.h"

typedef struct TestApi {
    char *dir;
    MdStore *store;
    MdApi *api;
    MdVirtualClock clock;
    SoupSession *session;
    JsonNode *document;
    unsigned port, tls_port;
    GHashTable *secrets; /* account → GBytes: of those with a second factor */
} TestApi;

typedef struct TestReply {
    unsigned status;
    SoupMessageHeaders *headers;
    char *text;
    gsize len;
    JsonNode *json; /* NULL: no JSON */
} TestReply;

/* requests_per_s 0: as good as none. extra: more migrations, may be NULL. */
void test_api_start(TestApi *t, unsigned requests_per_s, const MdMigration *extra, unsigned n_extra);
void test_api_stop(TestApi *t);
/* The set-up and a sign-in as "root" with "correct horse battery", with a second factor and unlocked; the token: g_free. */
char *test_api_admin(TestApi *t);
char *test_api_admin_plain(TestApi *t); /* without a second factor */
/* With that password, and a one-time code where there is a second factor: the clock goes on by a step for it. */
char *test_sign_in(TestApi *t, const char *name);
/* Gives an account a second factor; its session is unlocked then. */
void test_enrol(TestApi *t, const char *name, const char *token);
void test_learn_secret(TestApi *t, const char *name, const char *base32); /* of an account that enrolled elsewhere */
char *test_code(TestApi *t, const char *name); /* by the test's clock; g_free */
char *test_next_code(TestApi *t, const char *name); /* an unused one: the clock goes on by a step */
void test_unlock(TestApi *t, const char *name, const char *token); /* the clock goes on by a step */
/* A user of that role and a sign-in. */
char *test_api_user(TestApi *t, const char *admin, const char *name, const char *role);

/* body: JSON text with ' for ", or NULL. */
TestReply *test_call(TestApi *t, const char *method, const char *path, const char *token, const char *body);
TestReply *test_call_raw(TestApi *t, const char *method, const char *url_path, const char *token, const char *type,
                         const char *body, gssize len);
TestReply *test_send(TestApi *t, SoupMessage *message, const char *type, const char *body /* NULL: none */);
/* The same, asserting the status; error replies also by code. */
void test_expect(TestApi *t, const char *method, const char *path, const char *token, const char *body, unsigned status,
                 const char *code);
/* Every documented route and every role: lets in whom its rights say and nobody else, and refuses accounts of one area where the whole
 * province is concerned. How many pairs were seen. */
unsigned test_check_roles(TestApi *t);
/* GET /metrics is sound: every sample in its family, every family once, every series once. */
void test_check_metrics(TestApi *t);
const char *test_string(const TestReply *reply, const char *member);
const char *test_error_code(const TestReply *reply);
const char *test_error_message(const TestReply *reply);
void test_reply_free(TestReply *reply);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestReply, test_reply_free)
