/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client's stack: a SIP thread with its transport, transactions and sessions, for many user agents. */
#include "sip/client-private.h"
#include "sip/tls.h"

static void on_invite(SgClient *client, const struct sip_msg *msg, const SgFlow *flow)
{
    char *user = sg_pl_dup(&msg->uri.user);
    SgUa *ua = g_hash_table_lookup(client->uas, user);

    g_free(user);
    if (!ua) {
        sg_reply(client->txs, msg, flow, 404, NULL, NULL);
        return;
    }
    sg_ua_call_accept(ua, msg, flow);
}

static void on_request(const struct sip_msg *msg, const SgFlow *flow, void *user)
{
    SgClient *client = user;

    if (sg_sessions_request(client->sessions, msg, flow) || pl_strcmp(&msg->met, "ACK") == 0)
        return;
    if (pl_isset(&msg->to.tag))
        sg_reply(client->txs, msg, flow, 481, NULL, NULL);
    else if (pl_strcmp(&msg->met, "INVITE") == 0)
        on_invite(client, msg, flow);
    else if (pl_strcmp(&msg->met, "OPTIONS") == 0)
        sg_reply(client->txs, msg, flow, 200, NULL, "Allow: " SG_ALLOW "\r\n");
    else
        sg_reply(client->txs, msg, flow, 405, NULL, "Allow: " SG_ALLOW "\r\n");
}

static void on_message(const struct sip_msg *msg, const SgFlow *flow, void *user)
{
    sg_txs_message(((SgClient *)user)->txs, msg, flow);
}

static void on_conn_closed(uint64_t conn, void *user)
{
    SgClient *client = user;

    sg_txs_conn_closed(client->txs, conn);
    sg_sessions_conn_closed(client->sessions, conn);
    for (unsigned i = 0; i < client->all->len; i++) {
        SgUa *ua = client->all->pdata[i];

        if (ua->flow.conn != conn)
            continue;
        ua->flow.conn = 0;
        if (!ua->no_register && !ua->leaving)
            sg_ua_register_in(ua, g_random_double_range(0.5, 2));
    }
}

typedef struct Start {
    SgClient *client;
    SSL_CTX *tls;
    uint16_t port;
    GError *error;
} Start;

static void start_on_thread(void *data)
{
    Start *start = data;
    SgClient *client = start->client;

    client->transport = sg_transport_new(&(SgTransportOptions){
        .loop = client->loop, .tls_client = start->tls, .stats = &client->stats, .message_max = 65535, .tcp_idle_s = 3600,
        .logger = &client->logger, .on_message = on_message, .on_closed = on_conn_closed, .user = client});
    client->txs = sg_txs_new(&(SgTxsOptions){.loop = client->loop, .transport = client->transport, .stats = &client->stats, .max = 400000,
                                             .on_request = on_request, .user = client});
    client->sessions = sg_sessions_new(&(SgSessionsOptions){.loop = client->loop, .transport = client->transport, .txs = client->txs,
                                                            .stats = &client->stats, .session_expires_s = 1800, .min_se_s = 90,
                                                            .user_agent = client->user_agent});
    client->uas = g_hash_table_new(g_str_hash, g_str_equal);
    client->all = g_ptr_array_new_with_free_func(sg_ua_free);
    client->calls = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, sg_ua_call_free);
    g_queue_init(&client->waiting);
    client->tick_us = sg_now_us();
    sg_transport_listen(client->transport, 0, SG_UDP, client->local_host, start->port, NULL, &start->port, &start->error);
}

SgClient *sg_client_new(const SgClientOptions *options, GError **error)
{
    SgClient *client = g_new0(SgClient, 1);
    Start start = {.client = client, .port = options->local_port};

    client->local_host = g_strdup(options->local_host ? options->local_host : "127.0.0.1");
    client->user_agent = g_strdup(options->user_agent ? options->user_agent : "mediasim");
    client->registers_per_s = options->registers_per_s ? options->registers_per_s : 1000;
    if (options->logger)
        client->logger = md_logger_child(options->logger, "client");
    start.tls = sg_tls_client(NULL, options->tls_verify, error);
    client->loop = start.tls ? sg_loop_new("sip-client", error) : NULL;
    if (!client->loop) {
        sg_client_free(client);
        return NULL;
    }
    sg_loop_call(client->loop, start_on_thread, &start);
    if (start.error) {
        g_propagate_error(error, start.error);
        sg_client_free(client);
        return NULL;
    }
    return client;
}

static void stop_on_thread(void *data)
{
    SgClient *client = data;

    for (unsigned i = 0; i < client->all->len; i++) {
        SgUa *ua = client->all->pdata[i];

        ua->callbacks = (SgUaCallbacks){0};
        ua->leaving = true;
        ua->again = false;
    }
    sg_timer_stop(client->loop, &client->tick);
    g_queue_clear(&client->waiting);
    sg_sessions_free(client->sessions);
    sg_txs_free(client->txs);
    g_hash_table_unref(client->calls);
    g_hash_table_unref(client->uas);
    g_ptr_array_unref(client->all);
    sg_transport_free(client->transport);
}

void sg_client_free(SgClient *client)
{
    if (!client)
        return;
    if (client->loop) {
        if (client->transport)
            sg_loop_call(client->loop, stop_on_thread, client);
        sg_loop_free(client->loop);
    }
    g_free(client->local_host);
    g_free(client->user_agent);
    g_free(client);
}
