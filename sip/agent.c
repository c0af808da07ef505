/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Start and stop, and what the SIP thread does with a request that belongs to no session. */
#include "sip/agent-impl.h"
#include <errno.h>
#include <ifaddrs.h>
#include "mediad/core/clock.h"
#include "sip/tls.h"

#define SWEEP_US G_USEC_PER_SEC
#define DIRTY_US 50000
#define PROBES_PER_SWEEP 500
#define TRANSACTIONS_MAX 200000
#define MAILBOX 65536

static const MdStatRow rows[] = {SG_STATS(MD_STAT_ROW_)};

const MdStatRow *sg_stats_rows(void)
{
    return rows;
}

const SgStats *sg_agent_stats(const SgAgent *agent)
{
    return &agent->stats;
}

uint16_t sg_agent_port(const SgAgent *agent, unsigned i)
{
    return i < agent->n_listeners ? agent->ports[i] : 0;
}

uint16_t sg_agent_floor_port(const SgAgent *agent)
{
    return agent->floor_port;
}

GArray *sg_agent_guard_list(SgAgent *agent)
{
    return sg_guard_list(agent->guard, sg_now_us());
}

bool sg_agent_guard_forgive(SgAgent *agent, const char *source)
{
    return sg_guard_forgive(agent->guard, source);
}

/* --- requests --- */

static bool is_ours(const struct pl *host, void *user)
{
    SgAgent *agent = user;

    if (pl_strcasecmp(host, agent->domain) == 0)
        return true;
    if (agent->advertised_host && pl_strcasecmp(host, agent->advertised_host) == 0)
        return true;
    for (char **alias = agent->aliases; alias && *alias; alias++)
        if (pl_strcasecmp(host, *alias) == 0)
            return true;
    for (unsigned i = 0; i < agent->addresses->len; i++)
        if (pl_strcasecmp(host, agent->addresses->pdata[i]) == 0)
            return true;
    return false;
}

static void reply(const struct sip_msg *msg, const SgFlow *flow, int code, const char *reason, const char *extra, void *user)
{
    sg_reply(((SgAgent *)user)->sip.txs, msg, flow, code, reason, extra);
}

static void notice(const char *type, const char *account, const char *detail, void *user)
{
    SgAgent *agent = user;
    SgEvent *event = g_new0(SgEvent, 1);
    /* types are static text, so is the list's order: it travels as a number */
    static const char *const types[] = {"registration.failed", "registration.fault", "guard.banned"};

    event->kind = SG_EVENT_NOTICE;
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++)
        if (strcmp(type, types[i]) == 0)
            event->code = (int)i;
    event->text = g_strdup(account);
    event->text2 = g_strdup(detail);
    sg_agent_post(agent, event);
}

static unsigned offered(const SgAgent *agent, const SgFlow *flow)
{
    return flow->listener < agent->n_listeners ? agent->listeners[flow->listener].digests : 0;
}

/* Strangers take at most a quarter of the places: ours must always find one. */
static bool refuse_for_load(SgAgent *agent, const struct sip_msg *msg, const SgFlow *flow, bool guest)
{
    bool full = agent->sip.draining || agent->sip.calls_in >= agent->options.calls_in_max ||
                (guest && agent->sip.guests >= MAX(agent->options.calls_in_max / 4, 1)) ||
                sg_sessions_count(agent->sip.sessions) >= agent->options.calls_max;

    if (full) {
        md_stat_add(&agent->stats.calls_refused, 1);
        sg_reply(agent->sip.txs, msg, flow, 503, NULL, agent->sip.draining ? "Retry-After: 60\r\n" : "Retry-After: 10\r\n");
    }
    return full;
}

/* The account that sent it, NULL with *ret_allowed for trusted sources, NULL without when it was answered. */
static const SgCredential *admit(SgAgent *agent, const struct sip_msg *msg, const SgFlow *flow, bool *ret_allowed)
{
    const SgCredential *account;
    bool repeated;

    *ret_allowed = true;
    if (sg_transport_is_trusted(agent->sip.transport, flow))
        return NULL;
    account = sg_registrar_authenticate(agent->sip.registrar, msg, flow, offered(agent, flow), sg_now_us(), &repeated);
    *ret_allowed = account != NULL;
    if (account && pl_strcmp(&msg->from.uri.user, account->name) != 0 && account->kind != SG_ACCOUNT_TRUNK) {
        sg_reply(agent->sip.txs, msg, flow, 403, "From is not the account", NULL);
        *ret_allowed = false;
    }
    return account;
}

/* Somebody from elsewhere, who claims to be nobody of ours. */
static bool is_guest(SgAgent *agent, const struct sip_msg *msg)
{
    return agent->options.allow_guests && !sip_msg_hdr(msg, SIP_HDR_AUTHORIZATION) && !is_ours(&msg->from.uri.host, agent);
}

static void on_invite(SgAgent *agent, const struct sip_msg *msg, const SgFlow *flow)
{
    bool trusted = sg_transport_is_trusted(agent->sip.transport, flow), allowed = true;
    bool guest = !trusted && is_guest(agent, msg);
    const SgCredential *account = NULL;

    if (refuse_for_load(agent, msg, flow, guest))
        return;
    if (!guest)
        account = admit(agent, msg, flow, &allowed);
    if (!allowed)
        return;
    if (pl_strcasecmp(&msg->uri.scheme, "sip") != 0 && pl_strcasecmp(&msg->uri.scheme, "sips") != 0)
        sg_reply(agent->sip.txs, msg, flow, 416, NULL, NULL);
    else if (!is_ours(&msg->uri.host, agent))
        sg_reply(agent->sip.txs, msg, flow, 404, NULL, NULL); /* we are no open relay */
    else
        sg_agent_incoming(agent, msg, flow, account, trusted);
}

static bool is(const struct sip_msg *msg, const char *method)
{
    return pl_strcmp(&msg->met, method) == 0;
}

static void on_request(const struct sip_msg *msg, const SgFlow *flow, void *user)
{
    SgAgent *agent = user;
    SgTxs *txs = agent->sip.txs;
    bool allowed;

    if (sg_sessions_request(agent->sip.sessions, msg, flow))
        return;
    if (is(msg, "ACK"))
        return;
    if (pl_isset(&msg->to.tag) || is(msg, "BYE") || is(msg, "UPDATE") || is(msg, "PRACK") || is(msg, "INFO")) {
        sg_reply(txs, msg, flow, 481, NULL, NULL);
    } else if (is(msg, "REGISTER")) {
        sg_registrar_register(agent->sip.registrar, msg, flow, offered(agent, flow), sg_now_us(), g_get_real_time());
    } else if (is(msg, "INVITE")) {
        on_invite(agent, msg, flow);
    } else if (is(msg, "OPTIONS")) {
        sg_reply(txs, msg, flow, 200, NULL, "Allow: " SG_ALLOW ", REGISTER\r\nAccept: application/sdp\r\nSupported: timer, 100rel, path, outbound\r\n");
    } else if (is(msg, "SUBSCRIBE") || is(msg, "NOTIFY") || is(msg, "PUBLISH")) {
        admit(agent, msg, flow, &allowed);
        if (allowed)
            sg_reply(txs, msg, flow, 489, NULL, NULL);
    } else if (is(msg, "MESSAGE") || is(msg, "REFER")) {
        admit(agent, msg, flow, &allowed);
        if (allowed)
            sg_reply(txs, msg, flow, 405, NULL, "Allow: " SG_ALLOW ", REGISTER\r\n");
    } else {
        sg_reply(txs, msg, flow, 501, NULL, "Allow: " SG_ALLOW ", REGISTER\r\n");
    }
}

static void on_message(const struct sip_msg *msg, const SgFlow *flow, void *user)
{
    SgAgent *agent = user;

    sg_txs_message(agent->sip.txs, msg, flow);
}

static void on_banned(const char *detail, void *user)
{
    notice("guard.banned", NULL, detail, user);
}

static void on_conn_closed(uint64_t conn, void *user)
{
    SgAgent *agent = user;

    sg_txs_conn_closed(agent->sip.txs, conn);
    sg_sessions_conn_closed(agent->sip.sessions, conn);
    sg_location_conn_closed(agent->sip.location, conn);
}

/* --- bindings: changes to control, probes --- */

static void on_dirty_timer(void *data)
{
    SgAgent *agent = data;
    GPtrArray *records = sg_location_take_changes(agent->sip.location, sg_now_us(), g_get_real_time());
    SgEvent *event;

    if (!records)
        return;
    event = g_new0(SgEvent, 1);
    event->kind = SG_EVENT_BINDINGS;
    event->records = records;
    sg_agent_post(agent, event);
}

static void on_dirty(void *user)
{
    SgAgent *agent = user;

    if (agent->sip.dirty_timer.index == 0)
        sg_timer_start(agent->loop, &agent->sip.dirty_timer, DIRTY_US, on_dirty_timer, agent);
}

typedef struct Probe {
    SgAgent *agent;
    char *account, *key;
} Probe;

static void on_probed(SgClientTx *tx, const struct sip_msg *msg, int code, const SgFlow *flow, void *user)
{
    Probe *probe = user;
    SgBinding *binding;

    if (code < 200)
        return;
    binding = sg_location_find_key(probe->agent->sip.location, probe->account, probe->key);
    if (binding && binding->probing) /* else it has registered again since: this says nothing about it */
        sg_location_touch(probe->agent->sip.location, binding, msg != NULL, sg_now_us());
    g_free(probe->account);
    g_free(probe->key);
    g_free(probe);
}

static void probe_binding(SgBinding *binding, void *user)
{
    SgAgent *agent = user;
    char tag[17], id[33], *from, *to, *route;
    SgFlow flow = binding->flow;
    Probe *probe = g_new0(Probe, 1);
    SgRequest request;

    sg_random_hex(tag, 8);
    sg_random_hex(id, 16);
    from = g_strdup_printf("<sip:%s>;tag=%s", agent->domain, tag);
    to = g_strdup_printf("<%s>", binding->contact);
    route = binding->path[0] ? g_strdup_printf("Route: %s\r\n", binding->path) : NULL;
    request = (SgRequest){.method = "OPTIONS", .uri = binding->contact, .routes = route, .from = from, .to = to, .call_id = id, .cseq = 1};
    probe->agent = agent;
    probe->account = g_strdup(binding->account);
    probe->key = g_strdup(binding->key);
    if (!sg_client_tx_new(agent->sip.txs, &request, &flow, NULL, on_probed, probe)) {
        binding->probing = false;
        g_free(probe->account);
        g_free(probe->key);
        g_free(probe);
    }
    g_free(from);
    g_free(to);
    g_free(route);
}

static void on_sweep(void *data)
{
    SgAgent *agent = data;

    sg_location_sweep(agent->sip.location, sg_now_us(), (int64_t)agent->options.probe_after_s * G_USEC_PER_SEC, PROBES_PER_SWEEP,
                      agent->sip.draining ? NULL : probe_binding, agent);
    sg_timer_start(agent->loop, &agent->sip.sweep_timer, SWEEP_US, on_sweep, agent);
}

static void restore(SgAgent *agent, const SgBindingRecord *record)
{
    int64_t now = sg_now_us();
    SgBinding binding = {0}, *placed;
    struct sa remote;
    SgFlow flow;

    if (sa_set_str(&remote, record->host, record->port))
        return;
    if (sg_transport_route(agent->sip.transport, record->transport, &remote, &flow) < 0)
        return;
    flow.conn = 0;
    binding.account = g_strdup(record->account);
    binding.key = g_strdup(record->key);
    binding.contact = g_strdup(record->contact);
    binding.path = g_strdup(record->path);
    binding.call_id = g_strdup(record->call_id);
    binding.user_agent = g_strdup(record->user_agent);
    binding.cseq = record->cseq;
    binding.flow = flow;
    binding.registered_wall_us = record->registered_wall_us;
    binding.expires_us = now + (record->expires_wall_us - g_get_real_time());
    placed = sg_location_put(agent->sip.location, &binding, SG_ACCOUNT_BINDINGS_MAX, now);
    if (placed && flow.kind != SG_UDP)
        placed->alive = false; /* its connection did not survive; it will come back by itself */
}

/* --- start --- */

typedef struct Start {
    SgAgent *agent;
    GPtrArray *bindings;
    SSL_CTX *server, *client;
    GError *error;
} Start;

static bool listen_all(SgAgent *agent, GError **error)
{
    for (unsigned i = 0; i < agent->n_listeners; i++) {
        const SgListener *listener = &agent->listeners[i];

        if (!sg_transport_listen(agent->sip.transport, i, listener->transport, listener->host, listener->port, listener->trusted,
                                 &agent->ports[i], error))
            return false;
    }
    return true;
}

static void start_on_thread(void *data)
{
    Start *start = data;
    SgAgent *agent = start->agent;
    SgAgentSip *sip = &agent->sip;
    const SgAgentOptions *options = &agent->options;

    sip->transport = sg_transport_new(&(SgTransportOptions){
        .loop = agent->loop, .tls_server = start->server, .tls_client = start->client, .tls_verify_host = !options->tls_no_verify,
        .guard = agent->guard, .stats = &agent->stats, .message_max = options->message_max, .tcp_idle_s = options->tcp_idle_s,
        .logger = &agent->logger, .on_message = on_message, .on_closed = on_conn_closed, .on_banned = on_banned,
        .user = agent});
    sip->txs = sg_txs_new(&(SgTxsOptions){.loop = agent->loop, .transport = sip->transport, .stats = &agent->stats,
                                          .max = TRANSACTIONS_MAX, .advertised_host = agent->advertised_host, .on_request = on_request,
                                          .user = agent});
    sip->sessions = sg_sessions_new(&(SgSessionsOptions){
        .loop = agent->loop, .transport = sip->transport, .txs = sip->txs, .stats = &agent->stats,
        .session_expires_s = options->session_expires_s, .min_se_s = options->min_se_s, .user_agent = "mediad/" MEDIAD_VERSION});
    sip->auth = sg_auth_new(agent->domain, options->nonce_lifetime_s);
    sip->location = sg_location_new(&(SgLocationOptions){.bindings_max = options->bindings_max, .guard = agent->guard,
                                                         .stats = &agent->stats, .on_dirty = on_dirty, .user = agent});
    sip->registrar = sg_registrar_new(&(SgRegistrarOptions){
        .auth = sip->auth, .location = sip->location, .guard = agent->guard, .stats = &agent->stats, .logger = &agent->logger,
        .expires_min_s = options->expires_min_s, .expires_max_s = options->expires_max_s,
        .expires_default_s = options->expires_default_s, .is_ours = is_ours, .reply = reply, .event = notice, .user = agent});
    sip->lines = g_hash_table_new(g_int64_hash, g_int64_equal);
    sip->next_line = 1;
    g_queue_init(&sip->dials);
    g_queue_init(&sip->unsent);
    sg_auth_publish(sip->auth, sg_accounts_snapshot(options->accounts)); /* control waits for us: they may be read here */
    if (!listen_all(agent, &start->error))
        return;
    if (options->floors && !(sip->floors = sg_floors_new(agent->loop, options->floor_port, sg_agent_floor_wish, agent, &start->error)))
        return;
    agent->floor_port = sip->floors ? sg_floors_port(sip->floors) : 0;
    for (unsigned i = 0; start->bindings && i < start->bindings->len; i++)
        restore(agent, start->bindings->pdata[i]);
    on_sweep(agent);
}

static void stop_on_thread(void *data)
{
    SgAgent *agent = data;
    SgAgentSip *sip = &agent->sip;
    SgTimer *timers[] = {&sip->dial_timer, &sip->sweep_timer, &sip->dirty_timer, &sip->drain_timer, &sip->post_timer};
    SgEvent *event;

    if (!sip->transport)
        return;
    sg_sessions_hangup_all(sip->sessions, 503, "shutting down");
    on_dirty_timer(agent);
    sg_sessions_free(sip->sessions);
    sg_agent_lines_free(agent);
    sg_floors_free(sip->floors);
    sg_txs_free(sip->txs);
    for (unsigned i = 0; i < G_N_ELEMENTS(timers); i++) /* only now: what ends with the transactions may start them */
        sg_timer_stop(agent->loop, timers[i]);
    sg_registrar_free(sip->registrar);
    sg_location_free(sip->location);
    sg_auth_free(sip->auth);
    sg_transport_free(sip->transport);
    while ((event = g_queue_pop_head(&sip->unsent)) != NULL)
        sg_event_free(event);
}

static char **copy_strv(const char *const *strv)
{
    return g_strdupv((char **)strv);
}

static void collect_addresses(SgAgent *agent)
{
    struct ifaddrs *all = NULL;

    agent->addresses = g_ptr_array_new_with_free_func(g_free);
    if (getifaddrs(&all) < 0)
        return;
    for (struct ifaddrs *one = all; one; one = one->ifa_next) {
        struct sa sa;
        char host[80];

        if (!one->ifa_addr || sa_set_sa(&sa, one->ifa_addr))
            continue;
        sg_host(host, sizeof(host), &sa, true);
        g_ptr_array_add(agent->addresses, g_strdup(host));
    }
    freeifaddrs(all);
}

static void copy_options(SgAgent *agent, const SgAgentOptions *options)
{
    SgAgentOptions *own = &agent->options;
    struct {
        unsigned *value, fallback;
    } defaults[] = {
        {&own->expires_min_s, 60}, {&own->expires_max_s, 7200}, {&own->expires_default_s, 3600}, {&own->bindings_max, 100000},
        {&own->nonce_lifetime_s, 300}, {&own->probe_after_s, 120}, {&own->session_expires_s, 1800}, {&own->min_se_s, 90},
        {&own->calls_max, 12000}, {&own->calls_in_max, 1000}, {&own->dials_per_s, 2000}, {&own->message_max, 16384},
        {&own->tcp_idle_s, 900},
    };

    *own = *options;
    for (unsigned i = 0; i < G_N_ELEMENTS(defaults); i++)
        if (*defaults[i].value == 0)
            *defaults[i].value = defaults[i].fallback;
    own->message_max = MIN(own->message_max, 65535);
    agent->domain = g_strdup(options->domain);
    agent->advertised_host = g_strdup(options->advertised_host);
    agent->aliases = copy_strv(options->aliases);
    agent->n_listeners = options->n_listeners;
    agent->listeners = g_new0(SgListener, options->n_listeners);
    agent->ports = g_new0(uint16_t, options->n_listeners);
    for (unsigned i = 0; i < options->n_listeners; i++) {
        agent->listeners[i] = options->listeners[i];
        agent->listeners[i].host = g_strdup(options->listeners[i].host);
        agent->listeners[i].trusted = (const char *const *)copy_strv(options->listeners[i].trusted);
    }
    agent->n_trunks = options->n_trunks;
    agent->trunks = g_new0(SgTrunk, options->n_trunks);
    for (unsigned i = 0; i < options->n_trunks; i++)
        agent->trunks[i] = (SgTrunk){g_strdup(options->trunks[i].name), g_strdup(options->trunks[i].proxy),
                                     g_strdup(options->trunks[i].username), g_strdup(options->trunks[i].password)};
}

static void free_options(SgAgent *agent)
{
    for (unsigned i = 0; i < agent->n_listeners; i++) {
        g_free((char *)agent->listeners[i].host);
        g_strfreev((char **)agent->listeners[i].trusted);
    }
    for (unsigned i = 0; i < agent->n_trunks; i++) {
        g_free((char *)agent->trunks[i].name);
        g_free((char *)agent->trunks[i].proxy);
        g_free((char *)agent->trunks[i].username);
        g_free((char *)agent->trunks[i].password);
    }
    g_free(agent->trunks);
    g_free(agent->listeners);
    g_free(agent->ports);
    g_free(agent->domain);
    g_free(agent->advertised_host);
    g_strfreev(agent->aliases);
    g_ptr_array_unref(agent->addresses);
}

static bool start(SgAgent *agent, const SgAgentOptions *options, GError **error)
{
    Start start = {.agent = agent};
    bool tls = false;

    for (unsigned i = 0; i < agent->n_listeners; i++)
        tls = tls || agent->listeners[i].transport == SG_TLS;
    if (options->store && !(start.bindings = sg_agent_load_bindings(agent, error)))
        return false;
    if (tls && !(start.server = sg_tls_server(options->tls_certificate, options->tls_key, agent->domain, error)))
        goto fail;
    if (!(start.client = sg_tls_client(options->tls_ca, !options->tls_no_verify, error)))
        goto fail;
    if (!(agent->loop = sg_loop_new("sip", error)))
        goto fail;
    sg_loop_call(agent->loop, start_on_thread, &start);
    if (start.bindings)
        g_ptr_array_unref(start.bindings);
    if (start.error)
        g_propagate_error(error, start.error);
    return !start.error;
fail:
    SSL_CTX_free(start.server);
    SSL_CTX_free(start.client);
    if (start.bindings)
        g_ptr_array_unref(start.bindings);
    return false;
}

SgAgent *sg_agent_new(const SgAgentOptions *options, GError **error)
{
    SgAgent *agent;

    if (!options->domain || !options->domain[0] || strlen(options->domain) > 255 || strpbrk(options->domain, " \t\r\n\"<>@;")) {
        g_set_error(error, SG_ERROR, SG_ERROR_INVALID, "the SIP domain '%.64s' is no domain name", options->domain ? options->domain : "");
        return NULL;
    }
    if (!options->accounts) {
        g_set_error(error, SG_ERROR, SG_ERROR_INVALID, "the SIP agent needs accounts");
        return NULL;
    }
    agent = g_new0(SgAgent, 1);
    copy_options(agent, options);
    collect_addresses(agent);
    if (options->logger)
        agent->logger = *options->logger;
    agent->guard = sg_guard_new(&options->guard);
    agent->mailbox = md_mailbox_new(MAILBOX);
    sg_agent_control_init(agent);
    if (!start(agent, options, error)) {
        sg_agent_free(agent);
        return NULL;
    }
    return agent;
}

void sg_agent_free(SgAgent *agent)
{
    if (!agent)
        return;
    if (agent->loop) {
        sg_loop_call(agent->loop, stop_on_thread, agent);
        sg_loop_free(agent->loop);
        agent->loop = NULL;
    }
    sg_agent_control_clear(agent);
    md_mailbox_free(agent->mailbox);
    sg_guard_free(agent->guard);
    free_options(agent);
    g_free(agent);
}
