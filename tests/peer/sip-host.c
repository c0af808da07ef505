/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The SIP agent alone, for peers nobody here wrote: no media, every call is answered with a description made from the offer. One line
 * on stdout per event, one command per line on stdin:
 *   dial TARGET | offer | key | hangup | list | drain | quit
 * A number is dialled through the trunk.
 * Usage: sip-host PORT... [trunk=URI] NAME:PASSWORD[:sha256]...   ports: udp tcp tls udp6 trusted-udp trusted-tcp */
#include <glib-unix.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sip/sip.h"

enum { N_LISTENERS = 6 };

static SgAgent *agent;
static SgTrunk trunk = {.name = "far", .username = "tinh", .password = "mat-khau"};
static GMainLoop *loop;
static MdCall *last;

/* Opus for baresip (its tone comes at 48 kHz only), G.711 for sipp. */
static char *description(const char *host, const char *more)
{
    const char *family = strchr(host, ':') ? "IP6" : "IP4";

    return g_strdup_printf("v=0\r\no=host 1 1 IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\nm=audio 22990 RTP/AVP 0 8 111\r\n"
                           "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:111 opus/48000/2\r\n%s",
                           family, host, family, host, more);
}

static void say(const char *format, ...) G_GNUC_PRINTF(1, 2);

static void say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

static void on_sdp(MdCall *call, MdSdpKind kind, const char *sdp, void *user)
{
    const char *direction = !sdp ? "none" : strstr(sdp, "a=sendonly") ? "sendonly" : strstr(sdp, "a=inactive") ? "inactive" : "sendrecv";
    char *answer;

    say("call %s sdp %s %s", md_call_info(call)->id, kind == MD_SDP_OFFER ? "offer" : "answer", direction);
    if (kind != MD_SDP_OFFER)
        return;
    answer = description(strchr(md_call_info(call)->peer_host, ':') ? "::1" : "127.0.0.1",
                         !sdp || strcmp(direction, "sendrecv") == 0 ? "" : direction[0] == 's' && direction[4] == 'o' ? "a=recvonly\r\n" : "a=inactive\r\n");
    if (strcmp(md_call_info(call)->to_user, "early") == 0)
        md_call_progress(call, 183, NULL, answer);
    md_call_send_answer(call, answer);
    g_free(answer);
}

static void on_ringing(MdCall *call, int code, void *user)
{
    say("call %s ringing %d", md_call_info(call)->id, code);
}

static void on_established(MdCall *call, void *user)
{
    say("call %s established", md_call_info(call)->id);
}

static void on_closed(MdCall *call, int code, const char *reason, void *user)
{
    say("call %s closed %d %s", md_call_info(call)->id, code, reason);
    if (last == call)
        g_clear_pointer(&last, md_call_unref);
}

static void on_dtmf(MdCall *call, char digit, unsigned duration_ms, void *user)
{
    say("call %s dtmf %c %u", md_call_info(call)->id, digit, duration_ms);
}

static void on_key_frame_request(MdCall *call, void *user)
{
    say("call %s key-frame", md_call_info(call)->id);
}

static const MdCallHandler handler = {on_sdp, on_ringing, on_established, on_closed, on_dtmf, on_key_frame_request};

/* "ring" is never answered: for CANCEL. */
static void ring_sdp(MdCall *call, MdSdpKind kind, const char *sdp, void *user)
{
    md_call_progress(call, 180, NULL, NULL);
}

static const MdCallHandler ringer = {.on_sdp = ring_sdp, .on_closed = on_closed};

static void router(MdCall *call, void *user)
{
    const MdCallInfo *info = md_call_info(call);

    say("call %s from %s to %s secure %d", info->id, info->account ? info->account : "-", info->to_user, info->secure);
    if (strcmp(info->to_user, "nobody") == 0) {
        md_call_reject(call, 404, NULL);
        return;
    }
    md_call_set_handler(call, strcmp(info->to_user, "ring") == 0 ? &ringer : &handler, NULL);
    g_clear_pointer(&last, md_call_unref);
    last = md_call_ref(call);
}

static void on_event(const char *type, const char *account, const char *detail, void *user)
{
    say("event %s %s %s", type, account ? account : "-", detail);
}

static void list(void)
{
    GPtrArray *all = sg_agent_registrations(agent, NULL);

    for (unsigned i = 0; i < all->len; i++) {
        const SgRegistration *one = all->pdata[i];

        say("binding %s %s %s %s", one->account, sg_transport_to_string(one->transport), one->source, one->user_agent);
    }
    say("bindings %u malformed %" G_GUINT64_FORMAT " oversize %" G_GUINT64_FORMAT " calls %" G_GUINT64_FORMAT " timeouts %" G_GUINT64_FORMAT,
        all->len, md_stat_get(&sg_agent_stats(agent)->messages_malformed), md_stat_get(&sg_agent_stats(agent)->messages_oversize),
        md_stat_get(&sg_agent_stats(agent)->calls), md_stat_get(&sg_agent_stats(agent)->session_timeouts));
    g_ptr_array_unref(all);
}

static void dial(const char *target)
{
    MdDialer *dialer = sg_agent_dialer(agent);
    char *host = dialer->local_host_for(dialer, target), *offer = description(host ? host : "127.0.0.1", "");
    GError *error = NULL;
    MdCall *call = dialer->dial(dialer, &(MdDialRequest){.target = target, .from_user = "giao-ban", .sdp = offer,
                                                           .trunk = g_ascii_isdigit(target[0]) ? trunk.name : NULL}, &handler, NULL, &error);

    g_free(host);
    g_free(offer);
    if (!call) {
        say("dial failed %s", error->message);
        g_error_free(error);
        return;
    }
    say("call %s dialled", md_call_info(call)->id);
    g_clear_pointer(&last, md_call_unref);
    last = call;
}

static void offer_again(void)
{
    char *offer = description(strchr(md_call_info(last)->peer_host, ':') ? "::1" : "127.0.0.1", "");

    md_call_send_offer(last, offer);
    g_free(offer);
}

static void on_drained(void *user)
{
    say("drained");
}

static gboolean on_command(GIOChannel *channel, GIOCondition condition, gpointer user)
{
    char *line = NULL;

    if (g_io_channel_read_line(channel, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL) {
        g_main_loop_quit(loop);
        return G_SOURCE_REMOVE;
    }
    g_strchomp(line);
    if (g_str_has_prefix(line, "dial "))
        dial(line + 5);
    else if (strcmp(line, "list") == 0)
        list();
    else if (strcmp(line, "drain") == 0)
        sg_agent_drain(agent, 5000, on_drained, NULL);
    else if (strcmp(line, "quit") == 0)
        g_main_loop_quit(loop);
    else if (last && strcmp(line, "offer") == 0)
        offer_again();
    else if (last && strcmp(line, "key") == 0)
        md_call_request_key_frame(last);
    else if (last && strcmp(line, "hangup") == 0)
        md_call_hangup(last, "the test says so");
    else
        say("what? %s", line);
    g_free(line);
    return G_SOURCE_CONTINUE;
}

static bool add_account(SgAccounts *accounts, const char *text)
{
    char **parts = g_strsplit(text, ":", 3);
    SgAccount account = {.name = parts[0], .kind = SG_ACCOUNT_SITE, .security = MD_SECURITY_INVALID,
                         .digests = parts[1] && parts[2] ? SG_DIGEST_SHA256 : 0};
    GError *error = NULL;
    bool ok = parts[1] && sg_accounts_create(accounts, &account, parts[1], NULL, &error);

    if (!ok)
        fprintf(stderr, "%s: %s\n", text, error ? error->message : "NAME:PASSWORD");
    g_strfreev(parts);
    return ok;
}

int main(int argc, char **argv)
{
    static const char *const everybody[] = {"127.0.0.0/8", NULL};
    SgListener listeners[N_LISTENERS] = {
        {.transport = SG_UDP, .host = "127.0.0.1"}, {.transport = SG_TCP, .host = "127.0.0.1"}, {.transport = SG_TLS, .host = "127.0.0.1"},
        {.transport = SG_UDP, .host = "::1"}, {.transport = SG_UDP, .host = "127.0.0.1", .trusted = everybody},
        {.transport = SG_TCP, .host = "127.0.0.1", .trusted = everybody},
    };
    SgAccounts *accounts = sg_accounts_new(NULL, "hatinh.test", NULL, NULL);
    GIOChannel *input = g_io_channel_unix_new(0);
    GError *error = NULL;

    if (argc < N_LISTENERS + 1)
        return 2;
    for (int i = 0; i < N_LISTENERS; i++)
        listeners[i].port = (uint16_t)atoi(argv[i + 1]);
    for (int i = N_LISTENERS + 1; i < argc; i++)
        if (g_str_has_prefix(argv[i], "trunk="))
            trunk.proxy = argv[i] + 6;
        else if (!add_account(accounts, argv[i]))
            return 2;
    /* short intervals: the tests see refreshes and expiry */
    agent = sg_agent_new(&(SgAgentOptions){.domain = "hatinh.test", .listeners = listeners, .n_listeners = N_LISTENERS, .tls_no_verify = true,
                                           .accounts = accounts, .router = router, .on_event = on_event, .expires_min_s = 2,
                                           .session_expires_s = 1800, .min_se_s = 4, .message_max = 8000, .trunks = &trunk,
                                           .n_trunks = trunk.proxy != NULL}, &error);
    if (!agent) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    loop = g_main_loop_new(NULL, FALSE);
    g_io_add_watch(input, G_IO_IN | G_IO_HUP, on_command, NULL);
    say("ready");
    g_main_loop_run(loop);
    sg_agent_free(agent);
    g_clear_pointer(&last, md_call_unref);
    sg_accounts_free(accounts);
    g_io_channel_unref(input);
    g_main_loop_unref(loop);
    say("bye");
    return 0;
}
