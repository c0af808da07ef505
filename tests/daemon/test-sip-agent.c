/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The SIP agent on real loopback sockets with a real database, against our own many-device client. Everything that happens is
 * written into one list of lines; a test waits for lines, a watchdog ends a test that waits in vain. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include "sip/client.h"
#include "sip/sip.h"

#define OFFER "v=0\r\no=a 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
#define ANSWER "v=0\r\no=b 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n"
#define OFFER2 "v=0\r\no=a 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=sendonly\r\n"

enum { UDP4, TCP4, TLS4, UDP6, TCP6, TRUSTED4, N_LISTENERS };

typedef struct Fixture {
    char *dir;
    MdStore *store;
    SgAccounts *accounts;
    SgAgent *agent;
    SgClient *client, *client6;
    GMutex lock;
    GPtrArray *lines;
    char *passwords[4]; /* of u0 … u3 */
    MdCall *call;       /* the agent's side */
    bool hold_answer, guests;
    unsigned calls_in_max;
} Fixture;

static void note(Fixture *f, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void note(Fixture *f, const char *format, ...)
{
    va_list args;
    char *line;

    va_start(args, format);
    line = g_strdup_vprintf(format, args);
    va_end(args);
    if (g_getenv("SIP_TEST_VERBOSE"))
        g_printerr("# %s\n", line);
    g_mutex_lock(&f->lock);
    g_ptr_array_add(f->lines, line);
    g_mutex_unlock(&f->lock);
    g_main_context_wakeup(NULL);
}

static bool take(Fixture *f, const char *prefix)
{
    bool found = false;

    g_mutex_lock(&f->lock);
    for (unsigned i = 0; i < f->lines->len && !found; i++) {
        if (!g_str_has_prefix(f->lines->pdata[i], prefix))
            continue;
        g_ptr_array_remove_index(f->lines, i);
        found = true;
    }
    g_mutex_unlock(&f->lock);
    return found;
}

static gboolean on_watchdog(gpointer data)
{
    *(bool *)data = true;
    return G_SOURCE_REMOVE;
}

/* Runs control's main loop until a line with this beginning has come. */
static void wait_for(Fixture *f, const char *prefix)
{
    bool late = false;
    guint watchdog = g_timeout_add_seconds(15, on_watchdog, &late);

    while (!take(f, prefix)) {
        if (late) {
            for (unsigned i = 0; i < f->lines->len; i++)
                g_printerr("# had: %s\n", (char *)f->lines->pdata[i]);
            g_error("waited in vain for '%s'", prefix);
        }
        g_main_context_iteration(NULL, TRUE);
    }
    g_source_remove(watchdog);
}

/* --- control's side --- */

static void call_sdp(MdCall *call, MdSdpKind kind, const char *sdp, void *user)
{
    Fixture *f = user;

    note(f, "agent %s %s", kind == MD_SDP_OFFER ? "offer" : "answer", !sdp ? "none" : strcmp(sdp, OFFER) == 0 ? "OFFER" : strcmp(sdp, ANSWER) == 0 ? "ANSWER" : "other");
    if (kind == MD_SDP_OFFER && !f->hold_answer)
        md_call_send_answer(call, sdp ? ANSWER : OFFER);
}

static void call_ringing(MdCall *call, int code, void *user)
{
    note(user, "agent ringing %d", code);
}

static void call_established(MdCall *call, void *user)
{
    note(user, "agent established");
}

static void call_closed(MdCall *call, int code, const char *reason, void *user)
{
    Fixture *f = user;

    note(f, "agent closed %d %s", code, reason);
    if (f->call == call)
        g_clear_pointer(&f->call, md_call_unref);
}

static void call_dtmf(MdCall *call, char digit, unsigned duration_ms, void *user)
{
    note(user, "agent dtmf %c %u", digit, duration_ms);
}

static void call_key(MdCall *call, void *user)
{
    note(user, "agent key frame");
}

static const MdCallHandler call_handler = {call_sdp, call_ringing, call_established, call_closed, call_dtmf, call_key};

static void router(MdCall *call, void *user)
{
    const MdCallInfo *info = md_call_info(call);
    Fixture *f = user;

    note(f, "agent call from %s to %s auth %d secure %d security %s", info->account ? info->account : "-", info->to_user, info->authenticated,
         info->secure, md_security_to_string(info->security));
    if (strcmp(info->to_user, "busy") == 0) {
        md_call_reject(call, 486, "Full");
        return;
    }
    md_call_set_handler(call, &call_handler, f);
    g_clear_pointer(&f->call, md_call_unref);
    f->call = md_call_ref(call);
    if (strcmp(info->to_user, "ring") == 0)
        md_call_progress(call, 180, NULL, NULL);
}

static void on_event(const char *type, const char *account, const char *detail, void *user)
{
    note(user, "event %s %s", type, account ? account : "-");
}

/* --- the devices' side: lines begin with the account --- */

static void ua_registered(SgUa *ua, int code, double ms, void *user)
{
    g_assert_cmpfloat(ms, >=, 0);
    note(user, "%s registered %d", sg_ua_account(ua), code);
}

static void ua_incoming(SgUa *ua, SgUaCall *call, const char *sdp, const char *headers, void *user)
{
    note(user, "%s incoming %s%s", sg_ua_account(ua), !sdp ? "none" : strcmp(sdp, OFFER) == 0 ? "OFFER" : "other",
         strstr(headers, "Answer-Mode: Auto") ? " auto" : "");
    sg_ua_call_set_user(call, user);
    if (g_str_has_suffix(sg_ua_account(ua), "1"))
        sg_ua_call_ring(call); /* u1 only rings */
    else
        sg_ua_call_answer(call, sdp ? ANSWER : OFFER);
}

static void ua_ringing(SgUaCall *call, int code, void *user)
{
    note(user, "%s ringing %d", sg_ua_account(sg_ua_call_ua(call)), code);
}

static void ua_answer(SgUaCall *call, const char *sdp, void *user)
{
    note(user, "%s answer %s", sg_ua_account(sg_ua_call_ua(call)), strcmp(sdp, ANSWER) == 0 ? "ANSWER" : "other");
}

static void ua_offer(SgUaCall *call, const char *sdp, void *user)
{
    note(user, "%s offer %s", sg_ua_account(sg_ua_call_ua(call)), strcmp(sdp, OFFER) == 0 ? "OFFER" : strcmp(sdp, OFFER2) == 0 ? "OFFER2" : "other");
    sg_ua_call_answer(call, ANSWER);
}

static void ua_established(SgUaCall *call, void *user)
{
    note(user, "%s established", sg_ua_account(sg_ua_call_ua(call)));
}

static void ua_key(SgUaCall *call, void *user)
{
    note(user, "%s key frame", sg_ua_account(sg_ua_call_ua(call)));
}

static void ua_dtmf(SgUaCall *call, char digit, unsigned duration_ms, void *user)
{
    note(user, "%s dtmf %c", sg_ua_account(sg_ua_call_ua(call)), digit);
}

static void ua_closed(SgUaCall *call, int code, const char *reason, void *user)
{
    note(user, "%s closed %d", sg_ua_account(sg_ua_call_ua(call)), code);
}

static const SgUaCallbacks callbacks = {ua_registered, ua_incoming, ua_ringing, ua_answer, ua_offer, ua_established, ua_key, ua_dtmf, ua_closed};

/* --- setting up --- */

static void start_agent(Fixture *f)
{
    static const char *const trusted[] = {"127.0.0.0/8", NULL};
    const SgListener listeners[N_LISTENERS] = {
        [UDP4] = {SG_UDP, "127.0.0.1", 0, NULL, 0, MD_SECURITY_PREFERRED}, [TCP4] = {SG_TCP, "127.0.0.1", 0, NULL, 0, MD_SECURITY_PREFERRED},
        [TLS4] = {SG_TLS, "127.0.0.1", 0, NULL, SG_DIGEST_SHA256, MD_SECURITY_REQUIRED}, [UDP6] = {SG_UDP, "::1", 0, NULL, SG_DIGEST_ANY, MD_SECURITY_OFF},
        [TCP6] = {SG_TCP, "::1", 0, NULL, 0, MD_SECURITY_OFF}, [TRUSTED4] = {SG_UDP, "127.0.0.1", 0, trusted, 0, MD_SECURITY_OFF},
    };
    SgAgentOptions options = {.domain = "hatinh.test", .listeners = listeners, .n_listeners = N_LISTENERS, .tls_no_verify = true,
                              .accounts = f->accounts, .store = f->store, .router = router, .router_user = f, .on_event = on_event,
                              .event_user = f, .expires_min_s = 2, .allow_guests = f->guests,
                              .calls_in_max = f->calls_in_max,
                              .guard = {.rate_per_s = 50000, .burst = 50000} /* every device of these tests has one address */};
    GError *error = NULL;

    f->agent = sg_agent_new(&options, &error);
    g_assert_no_error(error);
}

static void open_store(Fixture *f)
{
    GError *error = NULL;
    char *path = g_build_filename(f->dir, "test.db", NULL);
    MdLogger silent = {0};

    f->store = md_store_open(path, sg_migrations, sg_n_migrations, &silent, &error);
    g_assert_no_error(error);
    f->accounts = sg_accounts_new(f->store, "hatinh.test", NULL, &error);
    g_assert_no_error(error);
    g_free(path);
}

static void setup(Fixture *f, gconstpointer data)
{
    GError *error = NULL;

    g_mutex_init(&f->lock);
    f->lines = g_ptr_array_new_with_free_func(g_free);
    f->dir = g_dir_make_tmp("sip-agent-XXXXXX", NULL);
    open_store(f);
    for (int i = 0; i < 4; i++) {
        char name[8];
        SgAccount account = {.name = name, .display = "Xã Cẩm Bình", .role = "site", .kind = SG_ACCOUNT_SITE, .security = MD_SECURITY_INVALID,
                             .digests = i == 3 ? SG_DIGEST_SHA256 : 0};

        g_snprintf(name, sizeof(name), "u%d", i);
        g_assert_true(sg_accounts_ensure(f->accounts, &account, &f->passwords[i], &error));
        g_assert_nonnull(f->passwords[i]);
    }
    start_agent(f);
    f->client = sg_client_new(&(SgClientOptions){0}, &error);
    g_assert_no_error(error);
    f->client6 = sg_client_new(&(SgClientOptions){.local_host = "::1"}, &error);
    g_assert_no_error(error);
}

static void teardown(Fixture *f, gconstpointer data)
{
    sg_client_free(f->client);
    sg_client_free(f->client6);
    sg_agent_free(f->agent);
    g_clear_pointer(&f->call, md_call_unref);
    sg_accounts_free(f->accounts);
    md_store_close(f->store);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    for (int i = 0; i < 4; i++)
        g_free(f->passwords[i]);
    g_ptr_array_unref(f->lines);
    {
        const char *const ends[] = {"", "-wal", "-shm"};

        for (unsigned i = 0; i < G_N_ELEMENTS(ends); i++) {
            char *path = g_strconcat(f->dir, "/test.db", ends[i], NULL);

            g_unlink(path);
            g_free(path);
        }
    }
    g_rmdir(f->dir);
    g_free(f->dir);
    g_mutex_clear(&f->lock);
}

static SgUa *add(Fixture *f, int user, const char *password, int listener)
{
    static const char *const schemes[N_LISTENERS] = {"sip:127.0.0.1:%u", "sip:127.0.0.1:%u;transport=tcp", "sips:127.0.0.1:%u", "sip:[::1]:%u",
                                                     "sip:[::1]:%u;transport=tcp", "sip:127.0.0.1:%u"};
    char name[8];
    char *server = g_strdup_printf(schemes[listener], sg_agent_port(f->agent, (unsigned)listener));
    SgUaOptions options = {.account = name, .password = password, .server = server, .domain = "hatinh.test"};
    GError *error = NULL;
    SgUa *ua;

    g_snprintf(name, sizeof(name), "u%d", user);
    ua = sg_client_ua_add(listener == UDP6 || listener == TCP6 ? f->client6 : f->client, &options, &callbacks, f, &error);
    g_assert_no_error(error);
    g_free(server);
    return ua;
}

static SgUa *registered(Fixture *f, int user, int listener)
{
    SgUa *ua = add(f, user, f->passwords[user], listener);
    char line[64];

    g_snprintf(line, sizeof(line), "u%d registered 200", user);
    wait_for(f, line);
    g_snprintf(line, sizeof(line), "event registration.added u%d", user);
    wait_for(f, line);
    return ua;
}

/* --- tests --- */

static void test_transports(Fixture *f, gconstpointer data)
{
    static const SgTransportKind kinds[] = {SG_UDP, SG_TCP, SG_TLS, SG_UDP};
    SgUa *uas[4];

    for (int i = 0; i < 4; i++) {
        GPtrArray *list;
        SgRegistration *one;
        char name[8];

        g_snprintf(name, sizeof(name), "u%d", i);
        uas[i] = registered(f, i, (int[]){UDP4, TCP4, TLS4, UDP6}[i]);
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
    wait_for(f, "u1 registered 200");
    wait_for(f, "event registration.removed u1");
    g_assert_false(sg_agent_is_registered(f->agent, "u1"));
}

static void test_wrong_password(Fixture *f, gconstpointer data)
{
    GArray *guard;

    add(f, 0, "not the password", UDP4);
    wait_for(f, "u0 registered 401");
    wait_for(f, "event registration.failed u0");
    add(f, 9, "nobody has this", UDP4);
    wait_for(f, "u9 registered 401");
    g_assert_false(sg_agent_is_registered(f->agent, "u0"));
    g_assert_cmpuint(md_stat_get(&sg_agent_stats(f->agent)->auth_failures), ==, 2);
    guard = sg_agent_guard_list(f->agent);
    g_assert_cmpuint(guard->len, ==, 1);
    g_assert_cmpstr(g_array_index(guard, SgGuardEntry, 0).source, ==, "127.0.0.1");
    g_assert_cmpuint(g_array_index(guard, SgGuardEntry, 0).offences[SG_OFFENCE_BAD_PASSWORD], ==, 2);
    g_array_unref(guard);
}

static void call_through(Fixture *f, int user, int listener, const char *what)
{
    SgUa *ua = registered(f, user, listener);
    char line[96];

    sg_ua_invite(ua, "giao-ban", OFFER, f);
    g_snprintf(line, sizeof(line), "agent call from u%d to giao-ban auth 1 %s", user, what);
    wait_for(f, line);
    wait_for(f, "agent offer OFFER");
    g_snprintf(line, sizeof(line), "u%d answer ANSWER", user);
    wait_for(f, line);
    wait_for(f, "agent established");
    md_call_hangup(f->call, "test over");
    wait_for(f, "agent closed 200");
    g_snprintf(line, sizeof(line), "u%d closed 200", user);
    wait_for(f, line);
}

static void test_calls_in(Fixture *f, gconstpointer data)
{
    call_through(f, 0, UDP4, "secure 0 security preferred");
    call_through(f, 1, TCP4, "secure 0 security preferred");
    call_through(f, 2, TLS4, "secure 1 security required");
    call_through(f, 3, UDP6, "secure 0 security off");
}

static void test_in_dialog(Fixture *f, gconstpointer data)
{
    SgUa *ua = registered(f, 0, UDP4);
    SgUaCall *call = sg_ua_invite(ua, "ring", OFFER, f);

    wait_for(f, "u0 ringing 180");
    wait_for(f, "agent established");
    wait_for(f, "u0 answer ANSWER");
    sg_ua_call_dtmf(call, '7', 200);
    wait_for(f, "agent dtmf 7 200");
    sg_ua_call_dtmf(call, '#', 100);
    wait_for(f, "agent dtmf # 100");
    sg_ua_call_request_key_frame(call);
    wait_for(f, "agent key frame");
    md_call_request_key_frame(f->call);
    wait_for(f, "u0 key frame");
    /* hold by the device, then an offer of ours */
    sg_ua_call_offer(call, OFFER2);
    wait_for(f, "agent offer other");
    wait_for(f, "u0 answer ANSWER");
    md_call_send_offer(f->call, OFFER2);
    wait_for(f, "u0 offer OFFER2");
    wait_for(f, "agent answer ANSWER");
    /* both at once: one of them gets 491 and tries again */
    sg_ua_call_offer(call, OFFER2);
    md_call_send_offer(f->call, OFFER2);
    wait_for(f, "u0 offer OFFER2");
    wait_for(f, "agent offer other");
    wait_for(f, "agent answer ANSWER");
    wait_for(f, "u0 answer ANSWER");
    sg_ua_call_hangup(call);
    wait_for(f, "agent closed 200");
    wait_for(f, "u0 closed 200");
}

static void test_late_offer(Fixture *f, gconstpointer data)
{
    SgUa *ua = registered(f, 0, TCP4);
    SgUaCall *call = sg_ua_invite(ua, "giao-ban", NULL, f);

    wait_for(f, "agent offer none");
    wait_for(f, "u0 offer OFFER");
    wait_for(f, "agent answer ANSWER");
    wait_for(f, "agent established");
    sg_ua_call_hangup(call);
    wait_for(f, "agent closed 200");
}

static void test_refusals(Fixture *f, gconstpointer data)
{
    SgUa *ua = registered(f, 0, UDP4);
    SgUaCall *call;

    sg_ua_invite(ua, "busy", OFFER, f);
    wait_for(f, "u0 closed 486");
    sg_ua_invite(ua, "sip:somebody@elsewhere.test", OFFER, f);
    wait_for(f, "u0 closed 404");
    f->hold_answer = true;
    call = sg_ua_invite(ua, "ring", OFFER, f);
    wait_for(f, "u0 ringing 180");
    sg_ua_call_hangup(call);
    wait_for(f, "agent closed 487");
    wait_for(f, "u0 closed 487");
}

static MdCall *dial(Fixture *f, const char *target, unsigned ring_ms, const char *trunk)
{
    static const char *const headers[] = {"Answer-Mode: Auto", "Call-Info: <sip:hatinh.test>;answer-after=0", NULL};
    MdDialer *dialer = sg_agent_dialer(f->agent);
    MdDialRequest request = {.target = target, .from_user = "giao-ban", .from_display = "Phòng giao ban", .sdp = OFFER, .headers = headers,
                             .ring_timeout_ms = ring_ms, .trunk = trunk};
    GError *error = NULL;
    MdCall *call = dialer->dial(dialer, &request, &call_handler, f, &error);

    g_assert_no_error(error);
    return call;
}

static void test_dial(Fixture *f, gconstpointer data)
{
    MdDialer *dialer = sg_agent_dialer(f->agent);
    GError *error = NULL;
    char *host;

    g_assert_null(dialer->dial(dialer, &(MdDialRequest){.target = "u2", .sdp = OFFER}, &call_handler, f, &error));
    g_assert_error(error, SG_ERROR, SG_ERROR_NOT_REGISTERED);
    g_clear_error(&error);
    g_assert_null(dialer->dial(dialer, &(MdDialRequest){.target = "u2", .sdp = OFFER, .headers = (const char *const[]){"X: a\r\nVia: b", NULL}},
                               &call_handler, f, &error));
    g_assert_error(error, SG_ERROR, SG_ERROR_INVALID);
    g_clear_error(&error);
    for (int i = 0; i < 3; i++) {
        int listener = (int[]){TLS4, UDP4, TCP6}[i], user = (int[]){2, 0, 3}[i];
        char name[8], line[32];

        registered(f, user, listener);
        g_snprintf(name, sizeof(name), "u%d", user);
        host = dialer->local_host_for(dialer, name);
        g_assert_cmpstr(host, ==, listener == TCP6 ? "::1" : "127.0.0.1");
        g_free(host);
        f->call = dial(f, name, 0, NULL);
        g_snprintf(line, sizeof(line), "%s incoming OFFER auto", name);
        wait_for(f, line);
        wait_for(f, "agent answer ANSWER");
        wait_for(f, "agent established");
        md_call_hangup(f->call, "over");
        wait_for(f, "agent closed 200");
        g_snprintf(line, sizeof(line), "%s closed 200", name);
        wait_for(f, line);
    }
}

static void test_fork(Fixture *f, gconstpointer data)
{
    /* the same account on two devices: u0's answers at once; a second client's only rings and is cancelled */
    SgClient *other = sg_client_new(&(SgClientOptions){0}, NULL);
    SgUaCallbacks ringer = callbacks;
    char *server = g_strdup_printf("sip:127.0.0.1:%u", sg_agent_port(f->agent, UDP4));
    GPtrArray *list;

    ringer.on_incoming = NULL;
    registered(f, 0, UDP4);
    sg_client_ua_add(other, &(SgUaOptions){.account = "u0", .password = f->passwords[0], .server = server, .domain = "hatinh.test"}, &ringer, f, NULL);
    wait_for(f, "u0 registered 200");
    wait_for(f, "event registration.added u0");
    list = sg_agent_registrations(f->agent, "u0");
    g_assert_cmpuint(list->len, ==, 2);
    g_ptr_array_unref(list);
    f->call = dial(f, "u0", 0, NULL);
    wait_for(f, "agent established");
    wait_for(f, "u0 closed 480");
    md_call_hangup(f->call, NULL);
    wait_for(f, "agent closed 200");
    wait_for(f, "u0 closed 200");
    /* a device that only rings: our patience ends first */
    registered(f, 1, TCP4);
    f->call = dial(f, "u1", 300, NULL);
    wait_for(f, "agent ringing 180");
    wait_for(f, "agent closed 408");
    wait_for(f, "u1 closed 487");
    /* given up by us */
    f->call = dial(f, "u1", 0, NULL);
    wait_for(f, "agent ringing 180");
    md_call_hangup(f->call, NULL);
    wait_for(f, "agent closed 200");
    wait_for(f, "u1 closed 487");
    g_free(server);
    sg_client_free(other);
}

static void test_restart(Fixture *f, gconstpointer data)
{
    GPtrArray *list;

    registered(f, 0, UDP4);
    sg_agent_free(f->agent);
    sg_accounts_free(f->accounts);
    md_store_close(f->store);
    open_store(f);
    g_assert_cmpuint(sg_accounts_count(f->accounts), ==, 4);
    g_assert_cmpstr(sg_accounts_find(f->accounts, "u0")->display, ==, "Xã Cẩm Bình");
    start_agent(f);
    wait_for(f, "event registration.added u0");
    list = sg_agent_registrations(f->agent, "u0");
    g_assert_cmpuint(list->len, ==, 1);
    g_assert_cmpstr(((SgRegistration *)list->pdata[0])->user_agent, ==, "mediasim");
    g_ptr_array_unref(list);
    f->call = dial(f, "u0", 0, NULL); /* the device knows nothing of our restart and answers */
    wait_for(f, "agent established");
    md_call_hangup(f->call, NULL);
    wait_for(f, "u0 closed 200");
}

static void test_accounts_change(Fixture *f, gconstpointer data)
{
    SgAccount account = {.name = "u0", .kind = SG_ACCOUNT_SITE, .security = MD_SECURITY_REQUIRED, .disabled = true};
    GError *error = NULL;
    char *password;

    registered(f, 0, UDP4);
    g_assert_true(sg_accounts_update(f->accounts, &account, &error));
    wait_for(f, "event registration.removed u0");
    add(f, 0, f->passwords[0], TCP4);
    wait_for(f, "u0 registered 401");
    account.disabled = false;
    g_assert_true(sg_accounts_update(f->accounts, &account, &error));
    g_assert_true(sg_accounts_reset(f->accounts, "u0", NULL, &password, &error));
    g_assert_cmpstr(password, !=, f->passwords[0]);
    g_free(f->passwords[0]);
    f->passwords[0] = password;
    while (g_main_context_iteration(NULL, FALSE))
        ;
    call_through(f, 0, UDP4, "secure 0 security required");
    /* a new password: the device that has the old one is out at once */
    g_assert_true(sg_accounts_reset(f->accounts, "u0", NULL, &password, &error));
    wait_for(f, "event registration.removed u0");
    g_assert_false(sg_agent_is_registered(f->agent, "u0"));
    g_free(password);
}

static void test_expiry(Fixture *f, gconstpointer data)
{
    char *server = g_strdup_printf("sip:127.0.0.1:%u", sg_agent_port(f->agent, UDP4));
    SgClient *mortal = sg_client_new(&(SgClientOptions){0}, NULL);

    sg_client_ua_add(mortal, &(SgUaOptions){.account = "u0", .password = f->passwords[0], .server = server, .domain = "hatinh.test", .expires_s = 1},
                     &callbacks, f, NULL); /* 423 first: two seconds are the least */
    wait_for(f, "u0 registered 200");
    wait_for(f, "event registration.added u0");
    sg_client_free(mortal); /* a power cut */
    wait_for(f, "event registration.removed u0");
    g_assert_cmpuint(md_stat_get(&sg_agent_stats(f->agent)->bindings_expired), ==, 1);
    g_free(server);
}

static void on_drained(void *user)
{
    note(user, "drained");
}

static void test_drain(Fixture *f, gconstpointer data)
{
    SgUa *ua = registered(f, 0, UDP4);

    sg_ua_invite(ua, "giao-ban", OFFER, f);
    wait_for(f, "agent established");
    sg_agent_drain(f->agent, 5000, on_drained, f);
    wait_for(f, "agent closed 200");
    wait_for(f, "u0 closed 200");
    wait_for(f, "drained");
    sg_ua_invite(ua, "giao-ban", OFFER, f);
    wait_for(f, "u0 closed 503");
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
                                         .accounts = nobody, .router = router, .router_user = f}, &error);
    g_assert_no_error(error);
    near = sg_agent_new(&(SgAgentOptions){.domain = "near.test", .listeners = &tcp, .n_listeners = 1, .tls_ca = trust ? certificate : NULL,
                                          .accounts = nobody}, &error);
    g_assert_no_error(error);
    dialer = sg_agent_dialer(near);
    target = g_strdup_printf("sips:giao-ban@127.0.0.1:%u", sg_agent_port(far, 0));
    call = dialer->dial(dialer, &(MdDialRequest){.target = target, .sdp = OFFER}, &call_handler, f, &error);
    g_assert_no_error(error);
    if (trust && strcmp(address, "127.0.0.1") == 0) {
        wait_for(f, "agent call from - to giao-ban auth 1 secure 1");
        wait_for(f, "agent established");
        wait_for(f, "agent established");
        md_call_hangup(call, NULL);
        wait_for(f, "agent closed 200");
        wait_for(f, "agent closed 200");
    } else {
        wait_for(f, "agent closed 503");
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
    g_assert_false(take(f, "agent call"));
    sg_accounts_free(nobody);
}

static void invite_from_elsewhere(Fixture *f, const char *domain)
{
    char *server = g_strdup_printf("sip:127.0.0.1:%u", sg_agent_port(f->agent, UDP4));
    SgUa *ua = sg_client_ua_add(f->client, &(SgUaOptions){.account = "khach", .server = server, .domain = domain, .no_register = true}, &callbacks, f,
                                NULL);

    sg_ua_invite(ua, "sip:giao-ban@hatinh.test", OFFER, f);
    g_free(server);
}

static void test_guests(Fixture *f, gconstpointer data)
{
    MdCall *guest;

    invite_from_elsewhere(f, "elsewhere.test");
    wait_for(f, "khach closed 401");
    sg_agent_free(f->agent);
    f->guests = true;
    f->calls_in_max = 4;
    start_agent(f);
    invite_from_elsewhere(f, "hatinh.test"); /* one of ours must prove it */
    wait_for(f, "khach closed 401");
    invite_from_elsewhere(f, "elsewhere.test");
    wait_for(f, "agent call from - to giao-ban auth 0");
    wait_for(f, "agent established");
    /* a quarter of the places is theirs, the rest is for those who sign in */
    invite_from_elsewhere(f, "elsewhere.test");
    wait_for(f, "khach closed 503");
    guest = md_call_ref(f->call);
    call_through(f, 0, UDP4, "secure 0 security preferred");
    md_call_hangup(guest, NULL);
    md_call_unref(guest);
    wait_for(f, "khach closed 200");
    invite_from_elsewhere(f, "elsewhere.test");
    wait_for(f, "agent established");
    md_call_hangup(f->call, NULL);
    wait_for(f, "khach closed 200");
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
    wait_for(f, "event guard.banned -");
    g_assert_cmpuint(md_stat_get(&sg_agent_stats(f->agent)->bans), ==, 1);
    g_assert_cmpuint(md_stat_get(&sg_agent_stats(f->agent)->messages_malformed), ==, 20);
    g_assert_cmpuint(md_stat_get(&sg_agent_stats(f->agent)->connections_refused), ==, 5);
    g_assert_true(sg_agent_guard_forgive(f->agent, "127.0.0.1"));
    call_through(f, 0, TCP4, "secure 0 security preferred");
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
    call = dialer->dial(dialer, &(MdDialRequest){.target = "giao-ban", .sdp = OFFER, .trunk = "province"}, &call_handler, f, &error);
    g_assert_no_error(error);
    wait_for(f, "agent call from tinh to giao-ban auth 1");
    wait_for(f, "agent offer OFFER");
    wait_for(f, "agent answer ANSWER");
    wait_for(f, "agent established");
    wait_for(f, "agent established");
    md_call_hangup(call, NULL);
    wait_for(f, "agent closed 200");
    wait_for(f, "agent closed 200");
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

    registered(f, 0, UDP4);
    start = g_get_monotonic_time();
    for (unsigned i = 0; i < n; i++)
        calls[i] = dial(f, "u0", 0, NULL);
    for (unsigned i = 0; i < n; i++)
        wait_for(f, "agent established");
    g_test_message("%u calls up after %.2f s", n, (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC);
    g_assert_cmpuint(md_stat_get(&sg_agent_stats(f->agent)->calls), ==, n);
    for (unsigned i = 0; i < n; i++)
        md_call_hangup(calls[i], NULL);
    for (unsigned i = 0; i < n; i++)
        wait_for(f, "u0 closed 200");
    g_test_message("and down after %.2f s", (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC);
    for (unsigned i = 0; i < n; i++)
        md_call_unref(calls[i]);
    g_free(calls);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fn)(Fixture *f, gconstpointer data);
    } tests[] = {
        {"transports", test_transports}, {"wrong-password", test_wrong_password}, {"calls-in", test_calls_in}, {"in-dialog", test_in_dialog},
        {"late-offer", test_late_offer}, {"refusals", test_refusals}, {"dial", test_dial}, {"fork", test_fork}, {"restart", test_restart},
        {"accounts-change", test_accounts_change}, {"expiry", test_expiry}, {"drain", test_drain}, {"trunk", test_trunk},
        {"guests", test_guests}, {"rubbish", test_rubbish}, {"tls-verify", test_tls_verify}, {"many-calls", test_many_calls},
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        char *path = g_strconcat("/sip-agent/", tests[i].name, NULL);

        g_test_add(path, Fixture, NULL, setup, tests[i].fn, teardown);
        g_free(path);
    }
    return g_test_run();
}
