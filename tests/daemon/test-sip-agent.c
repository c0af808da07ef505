/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who signs in to the agent, over what, and who may not. */
#include "tests/daemon/agent-rig.h"

static void test_transports(Fixture *f, gconstpointer data)
{
    static const SgTransportKind kinds[] = {SG_UDP, SG_TCP, SG_TLS, SG_UDP};
    SgUa *uas[4];

    for (int i = 0; i < 4; i++) {
        GPtrArray *list;
        SgRegistration *one;
        char name[8];

        g_snprintf(name, sizeof(name), "u%d", i);
        uas[i] = agent_registered(f, i, (int[]){UDP4, TCP4, TLS4, UDP6}[i]);
        list = sg_agent_registrations(f->agent, name);
        g_assert_cmpuint(list->len, ==, 1);
        one = list->pdata[0];
        g_assert_cmpint(one->transport, ==, kinds[i]);
        g_assert_true(one->alive);
        g_assert_cmpstr(one->user_agent, ==, "mediasim");
        g_assert_true(g_str_has_prefix(one->source, i == 3 ? "[::1]:" : "127.0.0.1:"));
        g_ptr_array_unref(list);
    }
    g_assert_cmpuint(md_stat_get(&sg_agent_stats(f->agent)->bindings), ==, 4);
    sg_ua_unregister(uas[1]);
    agent_wait_for(f, "u1 registered 200");
    agent_wait_for(f, "event registration.removed u1");
    g_assert_false(sg_agent_is_registered(f->agent, "u1"));
}

static void test_wrong_password(Fixture *f, gconstpointer data)
{
    GArray *guard;

    agent_add(f, 0, "not the password", UDP4);
    agent_wait_for(f, "u0 registered 401");
    agent_wait_for(f, "event registration.failed u0");
    agent_add(f, 9, "nobody has this", UDP4);
    agent_wait_for(f, "u9 registered 401");
    g_assert_false(sg_agent_is_registered(f->agent, "u0"));
    g_assert_cmpuint(md_stat_get(&sg_agent_stats(f->agent)->auth_failures), ==, 2);
    guard = sg_agent_guard_list(f->agent);
    g_assert_cmpuint(guard->len, ==, 1);
    g_assert_cmpstr(g_array_index(guard, SgGuardEntry, 0).source, ==, "127.0.0.1");
    g_assert_cmpuint(g_array_index(guard, SgGuardEntry, 0).offences[SG_OFFENCE_BAD_PASSWORD], ==, 2);
    g_array_unref(guard);
}

static void test_restart(Fixture *f, gconstpointer data)
{
    GPtrArray *list;

    agent_registered(f, 0, UDP4);
    sg_agent_free(f->agent);
    sg_accounts_free(f->accounts);
    md_store_close(f->store);
    agent_open_store(f);
    g_assert_cmpuint(sg_accounts_count(f->accounts), ==, 4);
    g_assert_cmpstr(sg_accounts_find(f->accounts, "u0")->display, ==, "Xã Cẩm Bình");
    agent_start(f);
    agent_wait_for(f, "event registration.added u0");
    list = sg_agent_registrations(f->agent, "u0");
    g_assert_cmpuint(list->len, ==, 1);
    g_assert_cmpstr(((SgRegistration *)list->pdata[0])->user_agent, ==, "mediasim");
    g_ptr_array_unref(list);
    f->call = agent_dial(f, "u0", 0, NULL); /* the device knows nothing of our restart and answers */
    agent_wait_for(f, "agent established");
    md_call_hangup(f->call, NULL);
    agent_wait_for(f, "u0 closed 200");
}

static void test_accounts_change(Fixture *f, gconstpointer data)
{
    SgAccount account = {.name = "u0", .kind = SG_ACCOUNT_SITE, .security = MD_SECURITY_REQUIRED, .disabled = true};
    GError *error = NULL;
    char *password;

    agent_registered(f, 0, UDP4);
    g_assert_true(sg_accounts_update(f->accounts, &account, &error));
    agent_wait_for(f, "event registration.removed u0");
    agent_add(f, 0, f->passwords[0], TCP4);
    agent_wait_for(f, "u0 registered 401");
    account.disabled = false;
    g_assert_true(sg_accounts_update(f->accounts, &account, &error));
    g_assert_true(sg_accounts_reset(f->accounts, "u0", NULL, &password, &error));
    g_assert_cmpstr(password, !=, f->passwords[0]);
    g_free(f->passwords[0]);
    f->passwords[0] = password;
    while (g_main_context_iteration(NULL, FALSE))
        ;
    agent_call_through(f, 0, UDP4, "secure 0 security required");
    /* a new password: the device that has the old one is out at once */
    g_assert_true(sg_accounts_reset(f->accounts, "u0", NULL, &password, &error));
    agent_wait_for(f, "event registration.removed u0");
    g_assert_false(sg_agent_is_registered(f->agent, "u0"));
    g_free(password);
}

static void test_expiry(Fixture *f, gconstpointer data)
{
    char *server = g_strdup_printf("sip:127.0.0.1:%u", sg_agent_port(f->agent, UDP4));
    SgClient *mortal = sg_client_new(&(SgClientOptions){0}, NULL);

    sg_client_ua_add(mortal, &(SgUaOptions){.account = "u0", .password = f->passwords[0], .server = server, .domain = "hatinh.test", .expires_s = 1},
                     &agent_callbacks, f, NULL); /* 423 first: two seconds are the least */
    agent_wait_for(f, "u0 registered 200");
    agent_wait_for(f, "event registration.added u0");
    sg_client_free(mortal); /* a power cut */
    agent_wait_for(f, "event registration.removed u0");
    g_assert_cmpuint(md_stat_get(&sg_agent_stats(f->agent)->bindings_expired), ==, 1);
    g_free(server);
}

static void make_certificate(const char *dir, const char *name, const char *address, char **ret_certificate, char **ret_key)
{
    char *alt = g_strdup_printf("subjectAltName=IP:%s", address);
    GError *error = NULL;
    int status;
    const char *argv[] = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                          "/CN=far.test", "-addext", alt, "-keyout", NULL, "-out", NULL, NULL};

    *ret_certificate = g_strdup_printf("%s/%s.crt", dir, name);
    *ret_key = g_strdup_printf("%s/%s.key", dir, name);
    argv[15] = *ret_key;
    argv[17] = *ret_certificate;
    g_spawn_sync(NULL, (char **)argv,
                 NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status, &error);
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 0);
    g_free(alt);
}

/* Rings a TLS server whose certificate is for address, trusting ca; the lines tell what came of it. */
static void ring_tls(Fixture *f, SgAccounts *nobody, const char *address, bool trust)
{
    static const char *const trusted[] = {"127.0.0.0/8", NULL};
    const SgListener tls = {.transport = SG_TLS, .host = "127.0.0.1", .trusted = trusted}, tcp = {.transport = SG_TCP, .host = "127.0.0.1"};
    char *certificate, *key, *target;
    GError *error = NULL;
    SgAgent *far, *near;
    MdDialer *dialer;
    MdCall *call;

    make_certificate(f->dir, "far", address, &certificate, &key);
    far = sg_agent_new(&(SgAgentOptions){.domain = "far.test", .listeners = &tls, .n_listeners = 1, .tls_certificate = certificate, .tls_key = key,
                                         .accounts = nobody, .router = agent_router, .router_user = f}, &error);
    g_assert_no_error(error);
    near = sg_agent_new(&(SgAgentOptions){.domain = "near.test", .listeners = &tcp, .n_listeners = 1, .tls_ca = trust ? certificate : NULL,
                                          .accounts = nobody}, &error);
    g_assert_no_error(error);
    dialer = sg_agent_dialer(near);
    target = g_strdup_printf("sips:giao-ban@127.0.0.1:%u", sg_agent_port(far, 0));
    call = dialer->dial(dialer, &(MdDialRequest){.target = target, .sdp = OFFER}, &agent_call_handler, f, &error);
    g_assert_no_error(error);
    if (trust && strcmp(address, "127.0.0.1") == 0) {
        agent_wait_for(f, "agent call from - to giao-ban auth 1 secure 1");
        agent_wait_for(f, "agent established");
        agent_wait_for(f, "agent established");
        md_call_hangup(call, NULL);
        agent_wait_for(f, "agent closed 200");
        agent_wait_for(f, "agent closed 200");
    } else {
        agent_wait_for(f, "agent closed 503");
    }
    md_call_unref(call);
    sg_agent_free(near);
    sg_agent_free(far);
    g_unlink(certificate);
    g_unlink(key);
    g_free(certificate);
    g_free(key);
    g_free(target);
}

static void test_tls_verify(Fixture *f, gconstpointer data)
{
    SgAccounts *nobody = sg_accounts_new(NULL, "far.test", NULL, NULL);

    ring_tls(f, nobody, "127.0.0.1", true);
    ring_tls(f, nobody, "127.0.0.1", false); /* nobody vouches for it */
    ring_tls(f, nobody, "192.0.2.1", true);  /* somebody else's certificate */
    g_assert_false(agent_take(f, "agent call"));
    sg_accounts_free(nobody);
}

static void invite_from_elsewhere(Fixture *f, const char *domain)
{
    char *server = g_strdup_printf("sip:127.0.0.1:%u", sg_agent_port(f->agent, UDP4));
    SgUa *ua = sg_client_ua_add(f->client, &(SgUaOptions){.account = "khach", .server = server, .domain = domain, .no_register = true}, &agent_callbacks, f,
                                NULL);

    sg_ua_invite(ua, "sip:giao-ban@hatinh.test", OFFER, f);
    g_free(server);
}

static void test_guests(Fixture *f, gconstpointer data)
{
    MdCall *guest;

    invite_from_elsewhere(f, "elsewhere.test");
    agent_wait_for(f, "khach closed 401");
    sg_agent_free(f->agent);
    f->guests = true;
    f->calls_in_max = 4;
    agent_start(f);
    invite_from_elsewhere(f, "hatinh.test"); /* one of ours must prove it */
    agent_wait_for(f, "khach closed 401");
    invite_from_elsewhere(f, "elsewhere.test");
    agent_wait_for(f, "agent call from - to giao-ban auth 0");
    agent_wait_for(f, "agent established");
    /* a quarter of the places is theirs, the rest is for those who sign in */
    invite_from_elsewhere(f, "elsewhere.test");
    agent_wait_for(f, "khach closed 503");
    guest = md_call_ref(f->call);
    agent_call_through(f, 0, UDP4, "secure 0 security preferred");
    md_call_hangup(guest, NULL);
    md_call_unref(guest);
    agent_wait_for(f, "khach closed 200");
    invite_from_elsewhere(f, "elsewhere.test");
    agent_wait_for(f, "agent established");
    md_call_hangup(f->call, NULL);
    agent_wait_for(f, "khach closed 200");
}

/* Rubbish over TCP proves its address: it is counted, told and ends in a ban. */
static void test_rubbish(Fixture *f, gconstpointer data)
{
    static const char rubbish[] = "rubbish\r\nContent-Length: x\r\n\r\n";
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(sg_agent_port(f->agent, TCP4)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char byte;

    for (int i = 0; i < 25; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        g_assert_cmpint(connect(fd, (struct sockaddr *)&to, sizeof(to)), ==, 0);
        (void)!send(fd, rubbish, sizeof(rubbish) - 1, MSG_NOSIGNAL);
        while (read(fd, &byte, 1) > 0) /* it hangs up */
            ;
        close(fd);
    }
    agent_wait_for(f, "event guard.banned -");
    g_assert_cmpuint(md_stat_get(&sg_agent_stats(f->agent)->bans), ==, 1);
    g_assert_cmpuint(md_stat_get(&sg_agent_stats(f->agent)->messages_malformed), ==, 20);
    g_assert_cmpuint(md_stat_get(&sg_agent_stats(f->agent)->connections_refused), ==, 5);
    g_assert_true(sg_agent_guard_forgive(f->agent, "127.0.0.1"));
    agent_call_through(f, 0, TCP4, "secure 0 security preferred");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    agent_add_test("transports", test_transports);
    agent_add_test("wrong-password", test_wrong_password);
    agent_add_test("accounts-change", test_accounts_change);
    agent_add_test("expiry", test_expiry);
    agent_add_test("restart", test_restart);
    agent_add_test("guests", test_guests);
    agent_add_test("rubbish", test_rubbish);
    agent_add_test("tls-verify", test_tls_verify);
    return g_test_run();
}
