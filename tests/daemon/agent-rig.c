/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/daemon/agent-rig.h"

void agent_note(Fixture *f, const char *format, ...)
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

bool agent_take(Fixture *f, const char *prefix)
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

void agent_wait_for(Fixture *f, const char *prefix)
{
    bool late = false;
    guint watchdog = g_timeout_add_seconds(15, on_watchdog, &late);

    while (!agent_take(f, prefix)) {
        if (late) {
            for (unsigned i = 0; i < f->lines->len; i++)
                g_printerr("# had: %s\n", (char *)f->lines->pdata[i]);
            g_error("waited in vain for '%s'", prefix);
        }
        g_main_context_iteration(NULL, TRUE);
    }
    g_source_remove(watchdog);
}

static void call_sdp(MdCall *call, MdSdpKind kind, const char *sdp, void *user)
{
    Fixture *f = user;

    agent_note(f, "agent %s %s", kind == MD_SDP_OFFER ? "offer" : "answer", !sdp ? "none" : strcmp(sdp, OFFER) == 0 ? "OFFER" : strcmp(sdp, ANSWER) == 0 ? "ANSWER" : "other");
    if (kind == MD_SDP_OFFER && !f->hold_answer)
        md_call_send_answer(call, sdp ? ANSWER : OFFER);
}

static void call_ringing(MdCall *call, int code, void *user)
{
    agent_note(user, "agent ringing %d", code);
}

static void call_established(MdCall *call, void *user)
{
    agent_note(user, "agent established");
}

static void call_closed(MdCall *call, int code, const char *reason, void *user)
{
    Fixture *f = user;

    agent_note(f, "agent closed %d %s", code, reason);
    if (f->call == call)
        g_clear_pointer(&f->call, md_call_unref);
}

static void call_dtmf(MdCall *call, char digit, unsigned duration_ms, void *user)
{
    agent_note(user, "agent dtmf %c %u", digit, duration_ms);
}

static void call_key(MdCall *call, void *user)
{
    agent_note(user, "agent key frame");
}

const MdCallHandler agent_call_handler = {call_sdp, call_ringing, call_established, call_closed, call_dtmf, call_key};

void agent_router(MdCall *call, void *user)
{
    const MdCallInfo *info = md_call_info(call);
    Fixture *f = user;

    agent_note(f, "agent call from %s to %s auth %d secure %d security %s", info->account ? info->account : "-", info->to_user, info->authenticated,
         info->secure, md_security_to_string(info->security));
    if (strcmp(info->to_user, "busy") == 0) {
        md_call_reject(call, 486, "Full");
        return;
    }
    md_call_set_handler(call, &agent_call_handler, f);
    g_clear_pointer(&f->call, md_call_unref);
    f->call = md_call_ref(call);
    if (strcmp(info->to_user, "ring") == 0)
        md_call_progress(call, 180, NULL, NULL);
}

static void on_event(const char *type, const char *account, const char *detail, void *user)
{
    agent_note(user, "event %s %s", type, account ? account : "-");
}

static void ua_registered(SgUa *ua, int code, double ms, void *user)
{
    g_assert_cmpfloat(ms, >=, 0);
    agent_note(user, "%s registered %d", sg_ua_account(ua), code);
}

static void ua_incoming(SgUa *ua, SgUaCall *call, const char *sdp, const char *headers, void *user)
{
    agent_note(user, "%s incoming %s%s", sg_ua_account(ua), !sdp ? "none" : strcmp(sdp, OFFER) == 0 ? "OFFER" : "other",
         strstr(headers, "Answer-Mode: Auto") ? " auto" : "");
    sg_ua_call_set_user(call, user);
    if (g_str_has_suffix(sg_ua_account(ua), "1"))
        sg_ua_call_ring(call); /* u1 only rings */
    else
        sg_ua_call_answer(call, sdp ? ANSWER : OFFER);
}

static void ua_ringing(SgUaCall *call, int code, void *user)
{
    agent_note(user, "%s ringing %d", sg_ua_account(sg_ua_call_ua(call)), code);
}

static void ua_answer(SgUaCall *call, const char *sdp, void *user)
{
    agent_note(user, "%s answer %s", sg_ua_account(sg_ua_call_ua(call)), strcmp(sdp, ANSWER) == 0 ? "ANSWER" : "other");
}

static void ua_offer(SgUaCall *call, const char *sdp, void *user)
{
    agent_note(user, "%s offer %s", sg_ua_account(sg_ua_call_ua(call)), strcmp(sdp, OFFER) == 0 ? "OFFER" : strcmp(sdp, OFFER2) == 0 ? "OFFER2" : "other");
    sg_ua_call_answer(call, ANSWER);
}

static void ua_established(SgUaCall *call, void *user)
{
    agent_note(user, "%s established", sg_ua_account(sg_ua_call_ua(call)));
}

static void ua_key(SgUaCall *call, void *user)
{
    agent_note(user, "%s key frame", sg_ua_account(sg_ua_call_ua(call)));
}

static void ua_dtmf(SgUaCall *call, char digit, unsigned duration_ms, void *user)
{
    agent_note(user, "%s dtmf %c", sg_ua_account(sg_ua_call_ua(call)), digit);
}

static void ua_closed(SgUaCall *call, int code, const char *reason, void *user)
{
    agent_note(user, "%s closed %d", sg_ua_account(sg_ua_call_ua(call)), code);
}

const SgUaCallbacks agent_callbacks = {ua_registered, ua_incoming, ua_ringing, ua_answer, ua_offer, ua_established, ua_key, ua_dtmf, ua_closed};

void agent_start(Fixture *f)
{
    static const char *const trusted[] = {"127.0.0.0/8", NULL};
    const SgListener listeners[N_LISTENERS] = {
        [UDP4] = {SG_UDP, "127.0.0.1", 0, NULL, 0, MD_SECURITY_PREFERRED}, [TCP4] = {SG_TCP, "127.0.0.1", 0, NULL, 0, MD_SECURITY_PREFERRED},
        [TLS4] = {SG_TLS, "127.0.0.1", 0, NULL, SG_DIGEST_SHA256, MD_SECURITY_REQUIRED}, [UDP6] = {SG_UDP, "::1", 0, NULL, SG_DIGEST_ANY, MD_SECURITY_OFF},
        [TCP6] = {SG_TCP, "::1", 0, NULL, 0, MD_SECURITY_OFF}, [TRUSTED4] = {SG_UDP, "127.0.0.1", 0, trusted, 0, MD_SECURITY_OFF},
    };
    SgAgentOptions options = {.domain = "hatinh.test", .listeners = listeners, .n_listeners = N_LISTENERS, .tls_no_verify = true,
                              .accounts = f->accounts, .store = f->store, .router = agent_router, .router_user = f, .on_event = on_event,
                              .event_user = f, .expires_min_s = 2, .allow_guests = f->guests,
                              .calls_in_max = f->calls_in_max,
                              .guard = {.rate_per_s = 50000, .burst = 50000} /* every device of these tests has one address */};
    GError *error = NULL;

    f->agent = sg_agent_new(&options, &error);
    g_assert_no_error(error);
}

void agent_open_store(Fixture *f)
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

void agent_setup(Fixture *f, gconstpointer data)
{
    GError *error = NULL;

    g_mutex_init(&f->lock);
    f->lines = g_ptr_array_new_with_free_func(g_free);
    f->dir = g_dir_make_tmp("sip-agent-XXXXXX", NULL);
    agent_open_store(f);
    for (int i = 0; i < 4; i++) {
        char name[8];
        SgAccount account = {.name = name, .display = "Xã Cẩm Bình", .role = "site", .kind = SG_ACCOUNT_SITE, .security = MD_SECURITY_INVALID,
                             .digests = i == 3 ? SG_DIGEST_SHA256 : 0};

        g_snprintf(name, sizeof(name), "u%d", i);
        g_assert_true(sg_accounts_ensure(f->accounts, &account, &f->passwords[i], &error));
        g_assert_nonnull(f->passwords[i]);
    }
    agent_start(f);
    f->client = sg_client_new(&(SgClientOptions){0}, &error);
    g_assert_no_error(error);
    f->client6 = sg_client_new(&(SgClientOptions){.local_host = "::1"}, &error);
    g_assert_no_error(error);
}

void agent_teardown(Fixture *f, gconstpointer data)
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

SgUa *agent_add(Fixture *f, int user, const char *password, int listener)
{
    static const char *const schemes[N_LISTENERS] = {"sip:127.0.0.1:%u", "sip:127.0.0.1:%u;transport=tcp", "sips:127.0.0.1:%u", "sip:[::1]:%u",
                                                     "sip:[::1]:%u;transport=tcp", "sip:127.0.0.1:%u"};
    char name[8];
    char *server = g_strdup_printf(schemes[listener], sg_agent_port(f->agent, (unsigned)listener));
    SgUaOptions options = {.account = name, .password = password, .server = server, .domain = "hatinh.test"};
    GError *error = NULL;
    SgUa *ua;

    g_snprintf(name, sizeof(name), "u%d", user);
    ua = sg_client_ua_add(listener == UDP6 || listener == TCP6 ? f->client6 : f->client, &options, &agent_callbacks, f, &error);
    g_assert_no_error(error);
    g_free(server);
    return ua;
}

SgUa *agent_registered(Fixture *f, int user, int listener)
{
    SgUa *ua = agent_add(f, user, f->passwords[user], listener);
    char line[64];

    g_snprintf(line, sizeof(line), "u%d registered 200", user);
    agent_wait_for(f, line);
    g_snprintf(line, sizeof(line), "event registration.added u%d", user);
    agent_wait_for(f, line);
    return ua;
}

void agent_call_through(Fixture *f, int user, int listener, const char *what)
{
    SgUa *ua = agent_registered(f, user, listener);
    char line[96];

    sg_ua_invite(ua, "giao-ban", OFFER, f);
    g_snprintf(line, sizeof(line), "agent call from u%d to giao-ban auth 1 %s", user, what);
    agent_wait_for(f, line);
    agent_wait_for(f, "agent offer OFFER");
    g_snprintf(line, sizeof(line), "u%d answer ANSWER", user);
    agent_wait_for(f, line);
    agent_wait_for(f, "agent established");
    md_call_hangup(f->call, "test over");
    agent_wait_for(f, "agent closed 200");
    g_snprintf(line, sizeof(line), "u%d closed 200", user);
    agent_wait_for(f, line);
}

MdCall *agent_dial(Fixture *f, const char *target, unsigned ring_ms, const char *trunk)
{
    static const char *const headers[] = {"Answer-Mode: Auto", "Call-Info: <sip:hatinh.test>;answer-after=0", NULL};
    MdDialer *dialer = sg_agent_dialer(f->agent);
    MdDialRequest request = {.target = target, .from_user = "giao-ban", .from_display = "Phòng giao ban", .sdp = OFFER, .headers = headers,
                             .ring_timeout_ms = ring_ms, .trunk = trunk};
    GError *error = NULL;
    MdCall *call = dialer->dial(dialer, &request, &agent_call_handler, f, &error);

    g_assert_no_error(error);
    return call;
}

void agent_add_test(const char *name, void (*fn)(Fixture *f, gconstpointer data))
{
    g_autofree char *path = g_strconcat("/sip-agent/", name, NULL);

    g_test_add(path, Fixture, NULL, agent_setup, fn, agent_teardown);
}
