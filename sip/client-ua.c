/* SPDX-License-Identifier: GPL-3.0-or-later */
/* User agents of the client: each signs in again and again, and answers the challenge it gets. */
#include "sip/client-private.h"
#include "sip/digest.h"

#define TICK_US 5000
#define RETRY_S 5
#define UAS_MAX 100000

static void send_register(SgUa *ua, const char *authorization);

bool sg_ua_ready_flow(SgUa *ua)
{
    SgFlow flow;

    if (ua->flow.conn != 0 || (ua->transport == SG_UDP && sa_isset(&ua->flow.remote, SA_ADDR)))
        return true;
    if (sg_transport_route(ua->client->transport, ua->transport, &ua->server, &flow) < 0)
        return false;
    flow.conn = 0; /* every device has a connection of its own */
    ua->flow = flow;
    return true;
}

static void report(SgUa *ua, int code)
{
    if (ua->callbacks.on_registered)
        ua->callbacks.on_registered(ua, code, (double)(sg_now_us() - ua->since_us) / 1000, ua->user);
}

static void start_register(SgUa *ua)
{
    if (ua->registering) {
        ua->again = true;
        return;
    }
    ua->registering = true;
    ua->tries = 0;
    ua->since_us = sg_now_us();
    send_register(ua, NULL);
}

static void on_timer(void *data)
{
    start_register(data);
}

void sg_ua_register_in(SgUa *ua, double seconds)
{
    sg_timer_start(ua->client->loop, &ua->timer, (int64_t)(seconds * G_USEC_PER_SEC), on_timer, ua);
}

static void register_done(SgUa *ua, int code)
{
    ua->registering = false;
    if (ua->again) {
        ua->again = false;
        start_register(ua);
    } else if (code == 200 && !ua->leaving) {
        sg_ua_register_in(ua, ua->expires_s * 0.8);
    } else if ((code == 0 || code >= 500) && !ua->leaving) {
        sg_ua_register_in(ua, RETRY_S * g_random_double_range(0.8, 1.4));
    }
    report(ua, code);
}

static bool each_challenge(const struct sip_hdr *hdr, const struct sip_msg *msg, void *arg)
{
    return sg_challenge_parse(arg, &hdr->val);
}

static bool answer_challenge(SgUa *ua, const struct sip_msg *msg)
{
    bool proxy = msg->scode == 407;
    SgChallenge challenge;
    char cnonce[17], *value, *line, *uri;

    if (ua->tries++ >= 2 || !ua->password ||
        !sip_msg_hdr_apply(msg, true, proxy ? SIP_HDR_PROXY_AUTHENTICATE : SIP_HDR_WWW_AUTHENTICATE, each_challenge, &challenge))
        return false;
    if (ua->tries > 1 && !challenge.stale)
        return false; /* the password is wrong: saying it again helps nobody */
    sg_random_hex(cnonce, 8);
    uri = g_strdup_printf("sip:%s", ua->domain);
    value = sg_authorization(&challenge, ua->account, ua->password, "REGISTER", uri, 1, cnonce);
    line = g_strdup_printf("%s: %s\r\n", proxy ? "Proxy-Authorization" : "Authorization", value);
    send_register(ua, line);
    g_free(line);
    g_free(value);
    g_free(uri);
    return true;
}

static void on_register_response(SgClientTx *tx, const struct sip_msg *msg, int code, const SgFlow *flow, void *user)
{
    SgUa *ua = user;
    const struct sip_hdr *hdr;
    uint32_t seconds;

    if (code < 200)
        return;
    if (!msg) {
        ua->flow.conn = 0;
        register_done(ua, 0);
        return;
    }
    if ((code == 401 || code == 407) && answer_challenge(ua, msg))
        return;
    if (code == 423 && ua->tries++ < 3 && (hdr = sip_msg_hdr(msg, SIP_HDR_MIN_EXPIRES)) && sg_pl_u32(&hdr->val, &seconds)) {
        ua->expires_s = CLAMP(seconds, 1, 86400);
        ua->tries = 0;
        send_register(ua, NULL);
        return;
    }
    register_done(ua, code);
}

static void send_register(SgUa *ua, const char *authorization)
{
    static const char *const suffix[] = {"", ";transport=tcp", ";transport=tls"};
    char *uri = g_strdup_printf("sip:%s", ua->domain), host[300], *from, *to, *extra;
    SgRequest request;
    bool sent = false;

    if (sg_ua_ready_flow(ua)) {
        sg_txs_host_port(ua->client->txs, &ua->flow, host, sizeof(host));
        from = g_strdup_printf("<sip:%s@%s>;tag=%s", ua->account, ua->domain, ua->tag);
        to = g_strdup_printf("<sip:%s@%s>", ua->account, ua->domain);
        extra = g_strdup_printf("Contact: <sip:%s@%s%s>\r\nExpires: %u\r\nUser-Agent: %s\r\n%s", ua->account, host, suffix[ua->transport],
                                ua->leaving ? 0 : ua->expires_s, ua->client->user_agent, authorization ? authorization : "");
        request = (SgRequest){.method = "REGISTER", .uri = uri, .from = from, .to = to, .call_id = ua->call_id, .cseq = ++ua->cseq,
                              .extra = extra};
        sent = sg_client_tx_new(ua->client->txs, &request, &ua->flow, ua->server_host, on_register_response, ua) != NULL;
        g_free(from);
        g_free(to);
        g_free(extra);
    }
    g_free(uri);
    if (!sent)
        register_done(ua, 0);
}

static void on_tick(void *data)
{
    SgClient *client = data;
    int64_t now = sg_now_us();
    double rate = client->registers_per_s;

    client->credit = MIN(client->credit + rate * (double)(now - client->tick_us) / G_USEC_PER_SEC, MAX(rate / 20, 1));
    client->tick_us = now;
    while (client->credit >= 1 && !g_queue_is_empty(&client->waiting)) {
        client->credit--;
        start_register(g_queue_pop_head(&client->waiting));
    }
    if (!g_queue_is_empty(&client->waiting))
        sg_timer_start(client->loop, &client->tick, TICK_US, on_tick, client);
}

static void add_on_thread(void *data)
{
    SgUa *ua = data;
    SgClient *client = ua->client;

    g_ptr_array_add(client->all, ua);
    g_hash_table_replace(client->uas, ua->account, ua);
    if (ua->no_register)
        return;
    g_queue_push_tail(&client->waiting, ua);
    if (client->tick.index == 0)
        on_tick(client);
}

void sg_ua_free(gpointer data)
{
    SgUa *ua = data;

    if (ua->client->loop)
        sg_timer_stop(ua->client->loop, &ua->timer);
    g_free(ua->account);
    g_free(ua->password);
    g_free(ua->domain);
    g_free(ua->display);
    g_free(ua->server_uri);
    g_free(ua->server_host);
    g_free(ua);
}

SgUa *sg_client_ua_add(SgClient *client, const SgUaOptions *options, const SgUaCallbacks *callbacks, void *user, GError **error)
{
    SgTransportKind kind;
    SgUri uri;
    SgUa *ua;

    if (!sg_account_name_is_valid(options->account) || !options->server || !sg_uri_parse(&uri, options->server) ||
        g_atomic_int_get(&client->n_uas) >= UAS_MAX) {
        g_set_error(error, SG_ERROR, SG_ERROR_INVALID, "user agent '%s': bad account or server address",
                    options->account ? options->account : "");
        return NULL;
    }
    ua = g_new0(SgUa, 1);
    ua->client = client;
    if (!sg_uri_address(&uri, &ua->server, &kind)) {
        g_set_error(error, SG_ERROR, SG_ERROR_INVALID, "server '%s': the host must be numeric", options->server);
        sg_ua_free(ua);
        return NULL;
    }
    ua->transport = uri.transport == SG_TRANSPORT_INVALID ? options->transport : uri.transport;
    if (ua->transport == SG_TLS && uri.port == 0)
        sa_set_port(&ua->server, SIP_PORT_TLS);
    ua->account = g_strdup(options->account);
    ua->password = g_strdup(options->password);
    if (options->domain)
        ua->domain = g_strdup(options->domain);
    else /* an IPv6 address stands in brackets in a URI */
        ua->domain = g_strdup_printf(strchr(uri.host, ':') && uri.host[0] != '[' ? "[%s]" : "%s", uri.host);
    ua->display = g_strdup(options->display ? options->display : "");
    ua->server_host = g_strdup(uri.host);
    ua->callbacks = *callbacks;
    ua->user = user;
    ua->expires_s = options->expires_s ? options->expires_s : 600;
    ua->no_register = options->no_register;
    ua->cseq = 1;
    sg_random_hex(ua->call_id, 16);
    sg_random_hex(ua->tag, 8);
    g_atomic_int_inc(&client->n_uas);
    sg_loop_post(client->loop, add_on_thread, ua);
    return ua;
}

void *sg_ua_user(const SgUa *ua)
{
    return ua->user;
}

const char *sg_ua_account(const SgUa *ua)
{
    return ua->account;
}

static void leave_on_thread(void *data)
{
    SgUa *ua = data;

    ua->leaving = true;
    sg_timer_stop(ua->client->loop, &ua->timer);
    start_register(ua);
}

void sg_ua_unregister(SgUa *ua)
{
    sg_loop_post(ua->client->loop, leave_on_thread, ua);
}
