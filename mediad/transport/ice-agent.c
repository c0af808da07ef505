/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ICE sessions on their own thread: libnice's agents, what they find, what they are told to do. */
#include "mediad/transport/ice-private.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- ICE thread -> control ---- */

typedef struct News {
    MdIce *ice; /* a reference */
    MdIceState state;
    bool candidate;
    char line[MD_ICE_CANDIDATE_MAX + 1];
} News;

/* libnice keeps to itself what a relay refused us for. */
static void look_for_relay(MdIce *ice, const char *line)
{
    MdIceService *s = ice->service;
    if (strstr(line, " typ relay")) {
        if (s->relay_misses)
            md_notice(&s->logger, "the TURN server at %s port %u gives addresses again: %u calls went without", s->relays[0].host,
                      s->relays[0].port, s->relay_misses);
        s->relay_misses = 0;
        ice->relayed = true;
    } else if (!*line && s->n_relays && !ice->relayed && s->relay_misses++ == 0) /* once while it lasts, not for each call */
        md_warning(&s->logger, "the TURN server at %s port %u gave no address: is it reached, and are the user name and password right and of today?",
                   s->relays[0].host, s->relays[0].port);
}

static void on_news(void *payload, size_t len)
{
    News *news = *(News **)payload;
    MdIce *ice = news->ice;
    if (!ice->closed && news->candidate)
        look_for_relay(ice, news->line);
    if (!ice->closed && news->candidate && ice->options.on_candidate)
        ice->options.on_candidate(ice, news->line, ice->options.user);
    else if (!ice->closed && !news->candidate && ice->options.on_state)
        ice->options.on_state(ice, news->state, ice->options.user);
    ice_unref(ice);
    free(news);
}

static void tell(MdIce *ice, const char *line, MdIceState state)
{
    News *news = calloc(1, sizeof *news);
    if (!news)
        return;
    news->ice = ice_ref(ice);
    news->state = state;
    news->candidate = line != NULL;
    g_strlcpy(news->line, line ? line : "", sizeof news->line);
    for (int i = 0; i < ICE_POST_TRIES; i++) {
        if (md_mailbox_post(ice->service->control, on_news, &news, sizeof news) == 0)
            return;
        g_usleep(1000);
    }
    ice_unref(ice);
    free(news);
}

static void on_new_candidate(NiceAgent *agent, NiceCandidate *candidate, gpointer user)
{
    MdIce *ice = user;
    if (candidate->transport != NICE_CANDIDATE_TRANSPORT_UDP)
        return;
    g_autofree char *line = nice_agent_generate_local_candidate_sdp(agent, candidate);
    if (line && g_str_has_prefix(line, "a=") && strlen(line) - 2 <= MD_ICE_CANDIDATE_MAX)
        tell(ice, line + 2, MD_ICE_NEW);
}

static void on_gathered(NiceAgent *agent, guint stream, gpointer user)
{
    tell(user, "", MD_ICE_NEW);
}

/* ---- the pair in use ---- */

static void on_selected(NiceAgent *agent, guint stream, guint component, NiceCandidate *local,
                        NiceCandidate *remote, gpointer user)
{
    MdIce *ice = user;
    IceRoute *route = calloc(1, sizeof *route);
    char host[NICE_ADDRESS_STRING_LEN];
    nice_address_to_string(&remote->addr, host);
    if (!route ||
        md_addr_from_host(&route->to, host, (uint16_t)nice_address_get_port(&remote->addr)) < 0) {
        free(route);
        return;
    }
    route->fd = -1;
    GSocket *socket = local->type == NICE_CANDIDATE_TYPE_RELAYED
                          ? NULL
                          : nice_agent_get_selected_socket(agent, stream, component);
    if (socket) {
        route->fd = dup(g_socket_get_fd(socket));
        g_object_unref(socket);
    }
    if (ice_packet_route(ice, route))
        tell(ice, NULL, MD_ICE_CONNECTED);
}

static void on_component_state(NiceAgent *agent, guint stream, guint component, guint state, gpointer user)
{
    if (state == NICE_COMPONENT_STATE_FAILED)
        tell(user, NULL, MD_ICE_LOST);
}

/* ---- ICE thread: commands ---- */

typedef struct IceCommand {
    IceCommandKind kind;
    MdIce *ice; /* a reference */
    char ufrag[MD_ICE_CREDENTIAL_MAX + 1], password[MD_ICE_CREDENTIAL_MAX + 1];
    size_t len; /* of data */
    char data[];
} IceCommand;

/* A relay tells how we are seen, too; with both, libnice takes the STUN server's answer for a spoilt one of the relay. */
static void set_up_addresses(MdIce *ice)
{
    MdIceService *s = ice->service;
    for (unsigned i = 0; i < s->n_local_hosts; i++) {
        NiceAddress addr;
        nice_address_init(&addr);
        if (nice_address_set_from_string(&addr, s->local_hosts[i]))
            nice_agent_add_local_address(ice->agent, &addr);
    }
    if (s->stun_host[0] && !s->n_relays)
        g_object_set(ice->agent, "stun-server", s->stun_host, "stun-server-port", (guint)s->stun_port, NULL);
}

static void open_session(MdIce *ice)
{
    MdIceService *s = ice->service;
    g_ptr_array_add(s->sessions, ice_ref(ice));
    if (atomic_load(&ice->holders) == 0) /* given up before it was here: whoever looked for ended ones could not find it */
        atomic_store(&s->some_ended, true);
    ice->agent = nice_agent_new_full(s->context, NICE_COMPATIBILITY_RFC5245,
                                     NICE_AGENT_OPTION_REGULAR_NOMINATION | NICE_AGENT_OPTION_ICE_TRICKLE |
                                         NICE_AGENT_OPTION_CONSENT_FRESHNESS);
    g_object_set(ice->agent, "controlling-mode", (gboolean)ice->options.controlling, "ice-tcp", FALSE, "upnp",
                 FALSE, NULL);
    set_up_addresses(ice);
    ice->stream = nice_agent_add_stream(ice->agent, 1);
    if (!ice->stream)
        return;
    nice_agent_set_local_credentials(ice->agent, ice->stream, ice->ufrag, ice->password);
    if (s->min_port)
        nice_agent_set_port_range(ice->agent, ice->stream, NICE_COMPONENT_TYPE_RTP, s->min_port, s->max_port);
    for (unsigned i = 0; i < s->n_relays; i++)
        nice_agent_set_relay_info(ice->agent, ice->stream, NICE_COMPONENT_TYPE_RTP, s->relays[i].host,
                                  s->relays[i].port, s->relays[i].username, s->relays[i].password,
                                  s->relays[i].type);
    g_signal_connect(ice->agent, "new-candidate-full", G_CALLBACK(on_new_candidate), ice);
    g_signal_connect(ice->agent, "candidate-gathering-done", G_CALLBACK(on_gathered), ice);
    g_signal_connect(ice->agent, "new-selected-pair-full", G_CALLBACK(on_selected), ice);
    g_signal_connect(ice->agent, "component-state-changed", G_CALLBACK(on_component_state), ice);
    nice_agent_attach_recv(ice->agent, ice->stream, NICE_COMPONENT_TYPE_RTP, s->context, ice_packet_in, ice);
    if (!nice_agent_gather_candidates(ice->agent, ice->stream))
        tell(ice, "", MD_ICE_NEW);
}

static void add_candidate(MdIce *ice, const char *line)
{
    bool usable = false;
    if (!*line) {
        if (!ice->names)
            nice_agent_peer_candidate_gathering_done(ice->agent, ice->stream);
        return;
    }
    if (!md_ice_candidate_check(line, &usable) || !usable) {
        ice->names = true;
        return;
    }
    g_autofree char *text = g_strconcat("a=", line, NULL);
    NiceCandidate *candidate = nice_agent_parse_remote_candidate_sdp(ice->agent, ice->stream, text);
    if (!candidate)
        return;
    GSList list = {.data = candidate};
    nice_agent_set_remote_candidates(ice->agent, ice->stream, NICE_COMPONENT_TYPE_RTP, &list);
    nice_candidate_free(candidate);
}

static void on_command(void *payload, size_t len)
{
    IceCommand *c = *(IceCommand **)payload;
    MdIce *ice = c->ice;
    if (c->kind == ICE_COMMAND_OPEN)
        open_session(ice);
    else if (ice->agent && ice->stream)
        switch (c->kind) {
        case ICE_COMMAND_REMOTE:
            nice_agent_set_remote_credentials(ice->agent, ice->stream, c->ufrag, c->password);
            break;
        case ICE_COMMAND_CANDIDATE:
            add_candidate(ice, c->data);
            break;
        case ICE_COMMAND_RESTART:
            ice->names = false;
            nice_agent_restart_stream(ice->agent, ice->stream);
            nice_agent_set_local_credentials(ice->agent, ice->stream, c->ufrag, c->password);
            break;
        case ICE_COMMAND_SEND:
            nice_agent_send(ice->agent, ice->stream, NICE_COMPONENT_TYPE_RTP, (guint)c->len, c->data);
            break;
        default:
            break;
        }
    ice_unref(ice);
    OPENSSL_cleanse(c, sizeof *c);
    free(c);
}

int ice_command(MdIce *ice, IceCommandKind kind, const char *ufrag, const char *password, const void *data,
                   size_t len)
{
    IceCommand *c = calloc(1, sizeof *c + len + 1);
    if (!c)
        return -ENOMEM;
    c->kind = kind;
    c->ice = ice_ref(ice);
    c->len = len;
    g_strlcpy(c->ufrag, ufrag ? ufrag : "", sizeof c->ufrag);
    g_strlcpy(c->password, password ? password : "", sizeof c->password);
    if (len)
        memcpy(c->data, data, len);
    int rc = md_mailbox_post(ice->service->commands, on_command, &c, sizeof c);
    if (rc < 0) {
        ice_unref(ice);
        free(c);
    }
    return rc;
}

/* ---- the end of a session ---- */

static void on_closed(GObject *source, GAsyncResult *result, gpointer user)
{
    MdIceService *service = user;
    g_object_unref(source);
    ice_service_closed(service);
}

/* Relays are given back before the agent goes. */
void ice_agent_end(MdIce *ice)
{
    MdIceService *service = ice->service;
    if (ice->agent) {
        g_signal_handlers_disconnect_by_data(ice->agent, ice);
        if (ice->stream)
            nice_agent_attach_recv(ice->agent, ice->stream, NICE_COMPONENT_TYPE_RTP, service->context, NULL, NULL);
        service->n_closing++;
        nice_agent_close_async(ice->agent, on_closed, service);
        ice->agent = NULL;
    }
    atomic_fetch_sub(&service->n_sessions, 1);
    ice_unref(ice);
}
