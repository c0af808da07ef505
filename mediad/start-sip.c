/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings to SIP: accounts, listeners, trunks, guard. */
#include "mediad/daemon.h"

static unsigned digests_of(const CfgListener *listener)
{
    unsigned digests = 0;
    for (unsigned i = 0; i < listener->n_digests; i++)
        digests |= listener->digests[i] == CFG_DIGEST_SHA256 ? SG_DIGEST_SHA256 : SG_DIGEST_MD5;
    return digests;
}

static SgTransportKind transport_of(int transport)
{
    return transport == CFG_TLS ? SG_TLS : transport == CFG_TCP ? SG_TCP : SG_UDP;
}

static bool read_trunk(const CfgTrunk *from, SgTrunk *to, GPtrArray *secrets, GError **error)
{
    *to = (SgTrunk){.name = from->name, .proxy = from->proxy, .username = from->username};
    if (!from->password_file)
        return true;
    char *secret = cfg_read_secret(from->password_file, error);
    if (!secret) {
        g_prefix_error(error, "trunk %s: ", from->name);
        return false;
    }
    g_ptr_array_add(secrets, secret);
    to->password = secret;
    return true;
}

static void on_event(const char *type, const char *account, const char *detail, void *user)
{
    MdDaemon *daemon = user;
    if (!daemon->api)
        return;
    JsonObject *object = json_object_new();
    if (account)
        json_object_set_string_member(object, "account", account);
    json_object_set_string_member(object, "detail", detail);
    JsonNode *node = json_node_init_object(json_node_alloc(), object);
    json_object_unref(object);
    const SgAccount *found = account ? sg_accounts_find(daemon->accounts, account) : NULL;
    md_api_publish_to(daemon->api, type, node, MD_API_TELL_WITHIN, found ? found->area : NULL);
}

static void fill_limits(SgAgentOptions *options, const CfgSip *sip)
{
    options->expires_min_s = sip->expires_min_s;
    options->expires_max_s = sip->expires_max_s;
    options->expires_default_s = sip->expires_default_s;
    options->bindings_max = sip->bindings_max;
    options->nonce_lifetime_s = sip->nonce_lifetime_s;
    options->probe_after_s = sip->probe_after_s;
    options->session_expires_s = sip->session_expires_s;
    options->min_se_s = sip->min_se_s;
    options->calls_max = sip->calls_max;
    options->calls_in_max = sip->calls_in_max;
    options->dials_per_s = sip->dials_per_s;
    options->message_max = sip->message_max_bytes;
    options->tcp_idle_s = sip->tcp_idle_s;
    options->allow_guests = sip->allow_guests;
    options->guard = (SgGuardOptions){
        .rate_per_s = sip->guard_rate_per_s,
        .burst = sip->guard_burst,
        .sources_max = sip->guard_sources_max,
        .connections_per_source = sip->guard_connections_per_source,
        .connections_max = sip->guard_connections_max,
        .bad_passwords = sip->guard_bad_passwords,
        .window_s = sip->guard_window_s,
        .ban_s = sip->guard_ban_s,
    };
}

bool md_start_sip(MdDaemon *daemon, GError **error)
{
    const CfgSettings *settings = daemon->settings;
    const CfgSip *sip = &settings->sip;
    MdLogger logger = md_logger(daemon->log, "sip");
    daemon->accounts = sg_accounts_new(daemon->store, settings->general.domain, &logger, error);
    if (!daemon->accounts)
        return false;
    g_autofree SgListener *listeners = g_new0(SgListener, sip->n_listeners);
    for (unsigned i = 0; i < sip->n_listeners; i++) {
        const CfgListener *from = &sip->listeners[i];
        listeners[i] = (SgListener){.transport = transport_of(from->transport), .host = from->address, .port = from->port,
                                    .trusted = (const char *const *)from->trusted, .digests = digests_of(from),
                                    .security = from->security};
    }
    g_autofree SgTrunk *trunks = g_new0(SgTrunk, settings->n_trunks);
    g_autoptr(GPtrArray) secrets = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < settings->n_trunks; i++)
        if (!read_trunk(&settings->trunks[i], &trunks[i], secrets, error))
            return false;
    SgAgentOptions options = {
        .domain = settings->general.domain,
        .aliases = (const char *const *)settings->general.aliases,
        .listeners = listeners,
        .n_listeners = sip->n_listeners,
        .advertised_host = sip->advertised_host,
        .tls_certificate = sip->tls_certificate,
        .tls_key = sip->tls_key,
        .tls_ca = sip->tls_ca,
        .tls_no_verify = !sip->tls_verify,
        .trunks = trunks,
        .n_trunks = settings->n_trunks,
        .accounts = daemon->accounts,
        .store = daemon->store,
        .router = md_router_route,
        .router_user = daemon,
        .on_event = on_event,
        .event_user = daemon,
        .logger = &logger,
    };
    fill_limits(&options, sip);
    options.floors = sip->bfcp && settings->conference.content && settings->media.n_video_codecs > 0;
    options.floor_port = (uint16_t)sip->bfcp_port;
    daemon->agent = sg_agent_new(&options, error);
    return daemon->agent != NULL;
}
