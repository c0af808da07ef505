/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls through the agent: in, out, forked, changed, refused and many at once. */
#include "tests/daemon/agent-rig.h"

static void test_calls_in(Fixture *f, gconstpointer data)
{
    agent_call_through(f, 0, UDP4, "secure 0 security preferred");
    agent_call_through(f, 1, TCP4, "secure 0 security preferred");
    agent_call_through(f, 2, TLS4, "secure 1 security required");
    agent_call_through(f, 3, UDP6, "secure 0 security off");
}

static void test_in_dialog(Fixture *f, gconstpointer data)
{
    SgUa *ua = agent_registered(f, 0, UDP4);
    SgUaCall *call = sg_ua_invite(ua, "ring", OFFER, f);

    agent_wait_for(f, "u0 ringing 180");
    agent_wait_for(f, "agent established");
    agent_wait_for(f, "u0 answer ANSWER");
    sg_ua_call_dtmf(call, '7', 200);
    agent_wait_for(f, "agent dtmf 7 200");
    sg_ua_call_dtmf(call, '#', 100);
    agent_wait_for(f, "agent dtmf # 100");
    sg_ua_call_request_key_frame(call);
    agent_wait_for(f, "agent key frame");
    md_call_request_key_frame(f->call);
    agent_wait_for(f, "u0 key frame");
    /* hold by the device, then an offer of ours */
    sg_ua_call_offer(call, OFFER2);
    agent_wait_for(f, "agent offer other");
    agent_wait_for(f, "u0 answer ANSWER");
    md_call_send_offer(f->call, OFFER2);
    agent_wait_for(f, "u0 offer OFFER2");
    agent_wait_for(f, "agent answer ANSWER");
    /* both at once: one of them gets 491 and tries again */
    sg_ua_call_offer(call, OFFER2);
    md_call_send_offer(f->call, OFFER2);
    agent_wait_for(f, "u0 offer OFFER2");
    agent_wait_for(f, "agent offer other");
    agent_wait_for(f, "agent answer ANSWER");
    agent_wait_for(f, "u0 answer ANSWER");
    sg_ua_call_hangup(call);
    agent_wait_for(f, "agent closed 200");
    agent_wait_for(f, "u0 closed 200");
}

static void test_late_offer(Fixture *f, gconstpointer data)
{
    SgUa *ua = agent_registered(f, 0, TCP4);
    SgUaCall *call = sg_ua_invite(ua, "giao-ban", NULL, f);

    agent_wait_for(f, "agent offer none");
    agent_wait_for(f, "u0 offer OFFER");
    agent_wait_for(f, "agent answer ANSWER");
    agent_wait_for(f, "agent established");
    sg_ua_call_hangup(call);
    agent_wait_for(f, "agent closed 200");
}

static void test_refusals(Fixture *f, gconstpointer data)
{
    SgUa *ua = agent_registered(f, 0, UDP4);
    SgUaCall *call;

    sg_ua_invite(ua, "busy", OFFER, f);
    agent_wait_for(f, "u0 closed 486");
    sg_ua_invite(ua, "sip:somebody@elsewhere.test", OFFER, f);
    agent_wait_for(f, "u0 closed 404");
    f->hold_answer = true;
    call = sg_ua_invite(ua, "ring", OFFER, f);
    agent_wait_for(f, "u0 ringing 180");
    sg_ua_call_hangup(call);
    agent_wait_for(f, "agent closed 487");
    agent_wait_for(f, "u0 closed 487");
}

static void test_dial(Fixture *f, gconstpointer data)
{
    MdDialer *dialer = sg_agent_dialer(f->agent);
    GError *error = NULL;
    char *host;

    g_assert_null(dialer->dial(dialer, &(MdDialRequest){.target = "u2", .sdp = OFFER}, &agent_call_handler, f, &error));
    g_assert_error(error, SG_ERROR, SG_ERROR_NOT_REGISTERED);
    g_clear_error(&error);
    g_assert_null(dialer->dial(dialer, &(MdDialRequest){.target = "u2", .sdp = OFFER, .headers = (const char *const[]){"X: a\r\nVia: b", NULL}},
                               &agent_call_handler, f, &error));
    g_assert_error(error, SG_ERROR, SG_ERROR_INVALID);
    g_clear_error(&error);
    for (int i = 0; i < 3; i++) {
        int listener = (int[]){TLS4, UDP4, TCP6}[i], user = (int[]){2, 0, 3}[i];
        char name[8], line[32];

        agent_registered(f, user, listener);
        g_snprintf(name, sizeof(name), "u%d", user);
        host = dialer->local_host_for(dialer, name);
        g_assert_cmpstr(host, ==, listener == TCP6 ? "::1" : "127.0.0.1");
        g_free(host);
        f->call = agent_dial(f, name, 0, NULL);
        g_snprintf(line, sizeof(line), "%s incoming OFFER auto", name);
        agent_wait_for(f, line);
        agent_wait_for(f, "agent answer ANSWER");
        agent_wait_for(f, "agent established");
        md_call_hangup(f->call, "over");
        agent_wait_for(f, "agent closed 200");
        g_snprintf(line, sizeof(line), "%s closed 200", name);
        agent_wait_for(f, line);
    }
}

static void test_fork(Fixture *f, gconstpointer data)
{
    /* the same account on two devices: u0's answers at once; a second client's only rings and is cancelled */
    SgClient *other = sg_client_new(&(SgClientOptions){0}, NULL);
    SgUaCallbacks ringer = agent_callbacks;
    char *server = g_strdup_printf("sip:127.0.0.1:%u", sg_agent_port(f->agent, UDP4));
    GPtrArray *list;

    ringer.on_incoming = NULL;
    agent_registered(f, 0, UDP4);
    sg_client_ua_add(other, &(SgUaOptions){.account = "u0", .password = f->passwords[0], .server = server, .domain = "hatinh.test"}, &ringer, f, NULL);
    agent_wait_for(f, "u0 registered 200");
    agent_wait_for(f, "event registration.added u0");
    list = sg_agent_registrations(f->agent, "u0");
    g_assert_cmpuint(list->len, ==, 2);
    g_ptr_array_unref(list);
    f->call = agent_dial(f, "u0", 0, NULL);
    agent_wait_for(f, "agent established");
    agent_wait_for(f, "u0 closed 480");
    md_call_hangup(f->call, NULL);
    agent_wait_for(f, "agent closed 200");
    agent_wait_for(f, "u0 closed 200");
    /* a device that only rings: our patience ends first */
    agent_registered(f, 1, TCP4);
    f->call = agent_dial(f, "u1", 300, NULL);
    agent_wait_for(f, "agent ringing 180");
    agent_wait_for(f, "agent closed 408");
    agent_wait_for(f, "u1 closed 487");
    /* given up by us */
    f->call = agent_dial(f, "u1", 0, NULL);
    agent_wait_for(f, "agent ringing 180");
    md_call_hangup(f->call, NULL);
    agent_wait_for(f, "agent closed 200");
    agent_wait_for(f, "u1 closed 487");
    g_free(server);
    sg_client_free(other);
}

static void on_drained(void *user)
{
    agent_note(user, "drained");
}

static void test_drain(Fixture *f, gconstpointer data)
{
    SgUa *ua = agent_registered(f, 0, UDP4);

    sg_ua_invite(ua, "giao-ban", OFFER, f);
    agent_wait_for(f, "agent established");
    sg_agent_drain(f->agent, 5000, on_drained, f);
    agent_wait_for(f, "agent closed 200");
    agent_wait_for(f, "u0 closed 200");
    agent_wait_for(f, "drained");
    sg_ua_invite(ua, "giao-ban", OFFER, f);
    agent_wait_for(f, "u0 closed 503");
}

/* Another agent is the trunk's far end: it challenges our INVITE. */
static void test_trunk(Fixture *f, gconstpointer data)
{
    const SgListener listener = {SG_TCP, "127.0.0.1", 0, NULL, SG_DIGEST_ANY, MD_SECURITY_OFF};
    char *proxy = g_strdup_printf("sip:127.0.0.1:%u;transport=tcp", sg_agent_port(f->agent, TCP4));
    const SgTrunk trunk = {"province", proxy, "tinh", NULL};
    SgTrunk trunks[1] = {trunk};
    SgAccount account = {.name = "tinh", .kind = SG_ACCOUNT_TRUNK, .security = MD_SECURITY_INVALID};
    MdDialer *dialer;
    SgAccounts *nobody = sg_accounts_new(NULL, "near.test", NULL, NULL);
    GError *error = NULL;
    SgAgent *near;
    char *password;
    MdCall *call;

    g_assert_true(sg_accounts_create(f->accounts, &account, NULL, &password, &error));
    trunks[0].password = password;
    while (g_main_context_iteration(NULL, FALSE))
        ;
    near = sg_agent_new(&(SgAgentOptions){.domain = "near.test", .listeners = &listener, .n_listeners = 1, .trunks = trunks, .n_trunks = 1,
                                          .tls_no_verify = true, .accounts = nobody}, &error);
    g_assert_no_error(error);
    dialer = sg_agent_dialer(near);
    call = dialer->dial(dialer, &(MdDialRequest){.target = "giao-ban", .sdp = OFFER, .trunk = "province"}, &agent_call_handler, f, &error);
    g_assert_no_error(error);
    agent_wait_for(f, "agent call from tinh to giao-ban auth 1");
    agent_wait_for(f, "agent offer OFFER");
    agent_wait_for(f, "agent answer ANSWER");
    agent_wait_for(f, "agent established");
    agent_wait_for(f, "agent established");
    md_call_hangup(call, NULL);
    agent_wait_for(f, "agent closed 200");
    agent_wait_for(f, "agent closed 200");
    md_call_unref(call);
    sg_agent_free(near);
    sg_accounts_free(nobody);
    g_free(password);
    g_free(proxy);
}

/* SIP_TEST_CALLS=5000 for a province-wide announcement. */
static void test_many_calls(Fixture *f, gconstpointer data)
{
    const char *wanted = g_getenv("SIP_TEST_CALLS");
    unsigned n = wanted ? (unsigned)atoi(wanted) : 300;
    MdCall **calls = g_new0(MdCall *, n);
    int64_t start;

    agent_registered(f, 0, UDP4);
    start = g_get_monotonic_time();
    for (unsigned i = 0; i < n; i++)
        calls[i] = agent_dial(f, "u0", 0, NULL);
    for (unsigned i = 0; i < n; i++)
        agent_wait_for(f, "agent established");
    g_test_message("%u calls up after %.2f s", n, (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC);
    g_assert_cmpuint(md_stat_get(&sg_agent_stats(f->agent)->calls), ==, n);
    for (unsigned i = 0; i < n; i++)
        md_call_hangup(calls[i], NULL);
    for (unsigned i = 0; i < n; i++)
        agent_wait_for(f, "u0 closed 200");
    g_test_message("and down after %.2f s", (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC);
    for (unsigned i = 0; i < n; i++)
        md_call_unref(calls[i]);
    g_free(calls);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    agent_add_test("calls-in", test_calls_in);
    agent_add_test("in-dialog", test_in_dialog);
    agent_add_test("late-offer", test_late_offer);
    agent_add_test("refusals", test_refusals);
    agent_add_test("dial", test_dial);
    agent_add_test("fork", test_fork);
    agent_add_test("drain", test_drain);
    agent_add_test("trunk", test_trunk);
    agent_add_test("many-calls", test_many_calls);
    return g_test_run();
}
