/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/transport/ice.h"

#include <errno.h>
#include <glib-unix.h>
#include <nice/agent.h>
#include <openssl/rand.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mediad/core/ring.h"
#include "mediad/transport/udp.h"

#define COMMANDS 4096
#define PACKETS 256     /* on their way to the worker: more than any browser sends within a tick */
#define RELAYED 128
#define POST_TRIES 200  /* of a millisecond, on the ICE thread: what control must hear of */
#define FAREWELL_MS 500 /* for giving back relays when the service ends */
#define UFRAG_LEN 8
#define PASSWORD_LEN 24
#define RELAY_TEXT 256

typedef struct Packet {
    uint16_t len;
    uint8_t data[MD_ICE_PACKET_MAX];
} Packet;

/* How packets leave: made on the ICE thread, owned by the worker. */
typedef struct Route {
    int fd; /* a duplicate of the pair's socket; -1: relayed, through the ICE thread */
    MdAddr to;
} Route;

typedef struct Relay {
    NiceRelayType type;
    uint16_t port;
    char host[MD_ADDR_TEXT_MAX], username[RELAY_TEXT], password[RELAY_TEXT];
} Relay;

struct MdIceService {
    /* immutable */
    MdMailbox *control;
    char local_hosts[MD_ICE_LOCAL_HOSTS_MAX][MD_ADDR_TEXT_MAX];
    unsigned n_local_hosts, max_sessions, n_relays;
    uint16_t min_port, max_port, stun_port;
    char stun_host[MD_ADDR_TEXT_MAX];
    Relay relays[MD_ICE_RELAYS_MAX];
    GMainContext *context;
    GMainLoop *loop;
    GThread *thread;
    MdMailbox *commands; /* drained by the ICE thread */
    /* any thread */
    _Atomic unsigned n_sessions;
    _Atomic bool some_ended;
    /* ICE thread */
    GPtrArray *sessions;
    unsigned n_closing;
    bool quitting;
};

struct MdIce {
    _Atomic int refs;
    /* immutable */
    MdIceService *service;
    MdIceOptions options;
    MdRing *in;            /* ICE thread -> worker */
    MdRing *out;           /* worker -> ICE thread, relayed only */
    /* control */
    char ufrag[UFRAG_LEN + 1], password[PASSWORD_LEN + 1];
    unsigned n_remote;
    bool closed;
    /* any thread */
    _Atomic int holders;   /* control and worker: at 0 the session ends */
    _Atomic bool told_in, told_out;
    /* ICE thread */
    NiceAgent *agent;
    guint stream;
    bool names; /* the peer has candidates that we pass over: its end of candidates does not mean failure */
    /* worker */
    bool attached;
    Route *route;
};

static void free_route(Route *route)
{
    if (route && route->fd >= 0)
        close(route->fd);
    free(route);
}

static MdIce *ref(MdIce *ice)
{
    atomic_fetch_add_explicit(&ice->refs, 1, memory_order_relaxed);
    return ice;
}

static void unref(MdIce *ice)
{
    if (atomic_fetch_sub_explicit(&ice->refs, 1, memory_order_acq_rel) != 1)
        return;
    free_route(ice->route);
    md_ring_free(ice->in);
    md_ring_free(ice->out);
    OPENSSL_cleanse(ice, sizeof *ice);
    free(ice);
}

/* ---- ICE thread -> control ---- */

typedef struct News {
    MdIce *ice; /* a reference */
    MdIceState state;
    bool candidate;
    char line[MD_ICE_CANDIDATE_MAX + 1];
} News;

static void on_news(void *payload, size_t len)
{
    News *news = *(News **)payload;
    MdIce *ice = news->ice;
    if (!ice->closed && news->candidate && ice->options.on_candidate)
        ice->options.on_candidate(ice, news->line, ice->options.user);
    else if (!ice->closed && !news->candidate && ice->options.on_state)
        ice->options.on_state(ice, news->state, ice->options.user);
    unref(ice);
    free(news);
}

static void tell(MdIce *ice, const char *line, MdIceState state)
{
    News *news = calloc(1, sizeof *news);
    if (!news)
        return;
    news->ice = ref(ice);
    news->state = state;
    news->candidate = line != NULL;
    g_strlcpy(news->line, line ? line : "", sizeof news->line);
    for (int i = 0; i < POST_TRIES; i++) {
        if (md_mailbox_post(ice->service->control, on_news, &news, sizeof news) == 0)
            return;
        g_usleep(1000);
    }
    unref(ice);
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

typedef struct RouteMail {
    MdIce *ice; /* a reference */
    Route *route;
} RouteMail;

static void on_route(void *payload, size_t len)
{
    RouteMail *mail = payload;
    Route *old = mail->ice->route;
    mail->ice->route = mail->route;
    free_route(old);
    unref(mail->ice);
}

static void on_selected(NiceAgent *agent, guint stream, guint component, NiceCandidate *local,
                        NiceCandidate *remote, gpointer user)
{
    MdIce *ice = user;
    Route *route = calloc(1, sizeof *route);
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
    RouteMail mail = {ref(ice), route};
    int rc = -1;
    for (int i = 0; rc < 0 && i < POST_TRIES; i++)
        if ((rc = md_worker_post(ice->options.worker, on_route, &mail, sizeof mail)) < 0)
            g_usleep(1000);
    if (rc < 0) {
        free_route(route);
        unref(ice);
        return;
    }
    tell(ice, NULL, MD_ICE_CONNECTED);
}

static void on_component_state(NiceAgent *agent, guint stream, guint component, guint state, gpointer user)
{
    if (state == NICE_COMPONENT_STATE_FAILED)
        tell(user, NULL, MD_ICE_LOST);
}

/* ---- packets in ---- */

static void drain_in(void *payload, size_t len)
{
    MdIce *ice = *(MdIce **)payload;
    MdAddr none = {0};
    Packet *packet;
    atomic_store(&ice->told_in, false);
    while ((packet = md_ring_peek(ice->in))) {
        if (ice->attached)
            ice->options.on_packet(ice->route ? &ice->route->to : &none, packet->data, packet->len,
                                   ice->options.packet_user);
        md_ring_release(ice->in);
    }
    unref(ice);
}

/* libnice hands over only what came from a candidate that a check has proved. */
static void on_data(NiceAgent *agent, guint stream, guint component, guint len, gchar *data, gpointer user)
{
    MdIce *ice = user;
    Packet *packet = len && len <= MD_ICE_PACKET_MAX ? md_ring_reserve(ice->in) : NULL;
    if (!packet)
        return;
    packet->len = (uint16_t)len;
    memcpy(packet->data, data, len);
    md_ring_commit(ice->in);
    if (atomic_exchange(&ice->told_in, true))
        return;
    MdIce *held = ref(ice);
    if (md_worker_post(ice->options.worker, drain_in, &held, sizeof held) < 0) {
        atomic_store(&ice->told_in, false); /* the next packet tries again */
        unref(held);
    }
}

/* ---- ICE thread: commands ---- */

typedef enum CommandKind { COMMAND_OPEN, COMMAND_REMOTE, COMMAND_CANDIDATE, COMMAND_RESTART, COMMAND_SEND } CommandKind;

typedef struct Command {
    CommandKind kind;
    MdIce *ice; /* a reference */
    char ufrag[MD_ICE_CREDENTIAL_MAX + 1], password[MD_ICE_CREDENTIAL_MAX + 1];
    size_t len; /* of data */
    char data[];
} Command;

static void set_up_addresses(MdIce *ice)
{
    MdIceService *s = ice->service;
    for (unsigned i = 0; i < s->n_local_hosts; i++) {
        NiceAddress addr;
        nice_address_init(&addr);
        if (nice_address_set_from_string(&addr, s->local_hosts[i]))
            nice_agent_add_local_address(ice->agent, &addr);
    }
    if (s->stun_host[0])
        g_object_set(ice->agent, "stun-server", s->stun_host, "stun-server-port", (guint)s->stun_port, NULL);
}

static void open_session(MdIce *ice)
{
    MdIceService *s = ice->service;
    g_ptr_array_add(s->sessions, ref(ice));
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
    nice_agent_attach_recv(ice->agent, ice->stream, NICE_COMPONENT_TYPE_RTP, s->context, on_data, ice);
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
    Command *c = *(Command **)payload;
    MdIce *ice = c->ice;
    if (c->kind == COMMAND_OPEN)
        open_session(ice);
    else if (ice->agent && ice->stream)
        switch (c->kind) {
        case COMMAND_REMOTE:
            nice_agent_set_remote_credentials(ice->agent, ice->stream, c->ufrag, c->password);
            break;
        case COMMAND_CANDIDATE:
            add_candidate(ice, c->data);
            break;
        case COMMAND_RESTART:
            ice->names = false;
            nice_agent_restart_stream(ice->agent, ice->stream);
            nice_agent_set_local_credentials(ice->agent, ice->stream, c->ufrag, c->password);
            break;
        case COMMAND_SEND:
            nice_agent_send(ice->agent, ice->stream, NICE_COMPONENT_TYPE_RTP, (guint)c->len, c->data);
            break;
        default:
            break;
        }
    unref(ice);
    OPENSSL_cleanse(c, sizeof *c);
    free(c);
}

static int command(MdIce *ice, CommandKind kind, const char *ufrag, const char *password, const void *data,
                   size_t len)
{
    Command *c = calloc(1, sizeof *c + len + 1);
    if (!c)
        return -ENOMEM;
    c->kind = kind;
    c->ice = ref(ice);
    c->len = len;
    g_strlcpy(c->ufrag, ufrag ? ufrag : "", sizeof c->ufrag);
    g_strlcpy(c->password, password ? password : "", sizeof c->password);
    if (len)
        memcpy(c->data, data, len);
    int rc = md_mailbox_post(ice->service->commands, on_command, &c, sizeof c);
    if (rc < 0) {
        unref(ice);
        free(c);
    }
    return rc;
}

/* ---- ICE thread: the end of a session ---- */

static void check_quit(MdIceService *service)
{
    if (service->quitting && service->n_closing == 0)
        g_main_loop_quit(service->loop);
}

static void on_closed(GObject *source, GAsyncResult *result, gpointer user)
{
    MdIceService *service = user;
    g_object_unref(source);
    service->n_closing--;
    check_quit(service);
}

/* Relays are given back before the agent goes. */
static void end_session(MdIce *ice)
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
    unref(ice);
}

static void reap(MdIceService *service)
{
    for (guint i = service->sessions->len; i > 0; i--) {
        MdIce *ice = g_ptr_array_index(service->sessions, i - 1);
        if (atomic_load(&ice->holders) == 0) {
            g_ptr_array_remove_index_fast(service->sessions, i - 1);
            end_session(ice);
        }
    }
}

static gboolean on_commands(gint fd, GIOCondition condition, gpointer user)
{
    MdIceService *service = user;
    md_mailbox_drain(service->commands, 0);
    if (atomic_exchange(&service->some_ended, false))
        reap(service);
    return G_SOURCE_CONTINUE;
}

static gpointer run(gpointer user)
{
    MdIceService *service = user;
    g_main_context_push_thread_default(service->context);
    GSource *source = g_unix_fd_source_new(md_mailbox_fd(service->commands), G_IO_IN);
    g_source_set_callback(source, G_SOURCE_FUNC(on_commands), service, NULL);
    g_source_attach(source, service->context);
    g_main_loop_run(service->loop);
    g_source_destroy(source);
    g_source_unref(source);
    while (g_main_context_iteration(service->context, FALSE))
        ;
    g_main_context_pop_thread_default(service->context);
    return NULL;
}

/* ---- the service: control ---- */

static bool copy_options(MdIceService *s, const MdIceServiceOptions *options)
{
    MdAddr addr;
    s->control = options->control;
    s->max_sessions = options->max_sessions ? options->max_sessions : 256;
    s->min_port = options->min_port;
    s->max_port = options->max_port;
    for (unsigned i = 0; i < options->n_local_hosts && i < MD_ICE_LOCAL_HOSTS_MAX; i++) {
        if (md_addr_from_host(&addr, options->local_hosts[i], 0) < 0)
            return false;
        if (!md_addr_is_any(&addr))
            md_addr_host(&addr, s->local_hosts[s->n_local_hosts++], MD_ADDR_TEXT_MAX);
    }
    if (options->stun_host && *options->stun_host) {
        if (md_addr_from_host(&addr, options->stun_host, 0) < 0)
            return false;
        md_addr_host(&addr, s->stun_host, sizeof s->stun_host);
        s->stun_port = options->stun_port ? options->stun_port : 3478;
    }
    for (unsigned i = 0; i < options->n_relays && i < MD_ICE_RELAYS_MAX; i++) {
        const MdIceRelay *from = &options->relays[i];
        Relay *to = &s->relays[s->n_relays++];
        if (!from->host || md_addr_from_host(&addr, from->host, 0) < 0)
            return false;
        md_addr_host(&addr, to->host, sizeof to->host);
        to->type = from->kind == MD_ICE_TURN_TLS   ? NICE_RELAY_TYPE_TURN_TLS
                   : from->kind == MD_ICE_TURN_TCP ? NICE_RELAY_TYPE_TURN_TCP
                                                   : NICE_RELAY_TYPE_TURN_UDP;
        to->port = from->port ? from->port : from->kind == MD_ICE_TURN_TLS ? 5349 : 3478;
        g_strlcpy(to->username, from->username ? from->username : "", sizeof to->username);
        g_strlcpy(to->password, from->password ? from->password : "", sizeof to->password);
    }
    return s->control && (!s->min_port || s->min_port <= s->max_port);
}

static void free_service(MdIceService *s)
{
    md_mailbox_free(s->commands);
    if (s->loop)
        g_main_loop_unref(s->loop);
    if (s->context)
        g_main_context_unref(s->context);
    if (s->sessions)
        g_ptr_array_unref(s->sessions);
    OPENSSL_cleanse(s, sizeof *s);
    free(s);
}

MdIceService *md_ice_service_new(const MdIceServiceOptions *options)
{
    MdIceService *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    if (!copy_options(s, options)) {
        free_service(s);
        errno = EINVAL;
        return NULL;
    }
    s->sessions = g_ptr_array_new();
    s->context = g_main_context_new();
    s->loop = g_main_loop_new(s->context, FALSE);
    s->commands = md_mailbox_new(COMMANDS);
    s->thread = s->commands ? g_thread_try_new("ice", run, s, NULL) : NULL;
    if (!s->thread) {
        free_service(s);
        errno = EAGAIN;
        return NULL;
    }
    return s;
}

static gboolean quit_anyway(gpointer user)
{
    g_main_loop_quit(((MdIceService *)user)->loop);
    return G_SOURCE_REMOVE;
}

static gboolean quit(gpointer user)
{
    MdIceService *service = user;
    service->quitting = true;
    md_mailbox_drain(service->commands, 0);
    reap(service);
    GSource *timer = g_timeout_source_new(FAREWELL_MS);
    g_source_set_callback(timer, quit_anyway, service, NULL);
    g_source_attach(timer, service->context);
    g_source_unref(timer);
    check_quit(service);
    return G_SOURCE_REMOVE;
}

void md_ice_service_free(MdIceService *service)
{
    if (!service)
        return;
    GSource *source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, quit, service, NULL);
    g_source_attach(source, service->context);
    g_source_unref(source);
    g_thread_join(service->thread);
    free_service(service);
}

unsigned md_ice_service_sessions(MdIceService *service)
{
    return atomic_load(&service->n_sessions);
}

/* ---- sessions: control ---- */

/* ice-char (RFC 8839, 5.4); 6 bits of randomness each. */
static bool random_text(char *ret, size_t len)
{
    static const char chars[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char bytes[PASSWORD_LEN];
    if (RAND_bytes(bytes, (int)len) != 1)
        return false;
    for (size_t i = 0; i < len; i++)
        ret[i] = chars[bytes[i] & 63];
    ret[len] = 0;
    return true;
}

MdIce *md_ice_new(const MdIceOptions *options)
{
    MdIceService *service = options->service;
    if (atomic_fetch_add(&service->n_sessions, 1) >= service->max_sessions) {
        atomic_fetch_sub(&service->n_sessions, 1);
        errno = EAGAIN;
        return NULL;
    }
    MdIce *ice = calloc(1, sizeof *ice);
    if (ice) {
        atomic_init(&ice->refs, 2); /* control's and the worker's */
        atomic_init(&ice->holders, 2);
        ice->service = service;
        ice->options = *options;
        ice->in = md_ring_new(sizeof(Packet), PACKETS);
        ice->out = service->n_relays ? md_ring_new(sizeof(Packet), RELAYED) : NULL;
    }
    if (ice && ice->in && (ice->out || !service->n_relays) && random_text(ice->ufrag, UFRAG_LEN) &&
        random_text(ice->password, PASSWORD_LEN) && command(ice, COMMAND_OPEN, NULL, NULL, NULL, 0) == 0)
        return ice;
    atomic_fetch_sub(&service->n_sessions, 1);
    if (ice) {
        unref(ice);
        unref(ice);
    }
    errno = ENOMEM;
    return NULL;
}

/* The last of control and worker to let go wakes the ICE thread: no letter that a full box could refuse. */
static void let_go(MdIce *ice)
{
    MdIceService *service = ice->service;
    if (atomic_fetch_sub(&ice->holders, 1) == 1) {
        atomic_store(&service->some_ended, true);
        md_mailbox_wake(service->commands);
    }
    unref(ice);
}

void md_ice_close(MdIce *ice)
{
    if (!ice)
        return;
    ice->closed = true;
    let_go(ice);
}

const char *md_ice_ufrag(const MdIce *ice)
{
    return ice->ufrag;
}

const char *md_ice_password(const MdIce *ice)
{
    return ice->password;
}

static bool credential_ok(const char *text, size_t min)
{
    size_t len = text ? strnlen(text, MD_ICE_CREDENTIAL_MAX + 1) : 0;
    if (len < min || len > MD_ICE_CREDENTIAL_MAX)
        return false;
    for (const char *p = text; *p; p++)
        if (!g_ascii_isalnum(*p) && *p != '+' && *p != '/')
            return false;
    return true;
}

int md_ice_set_remote(MdIce *ice, const char *ufrag, const char *password)
{
    if (!credential_ok(ufrag, 4) || !credential_ok(password, 22))
        return -EINVAL;
    return command(ice, COMMAND_REMOTE, ufrag, password, NULL, 0);
}

int md_ice_add_remote(MdIce *ice, const char *line)
{
    bool usable;
    if (g_str_has_prefix(line, "a="))
        line += 2;
    if (*line && !md_ice_candidate_check(line, &usable))
        return -EINVAL;
    if (*line && ++ice->n_remote > MD_ICE_REMOTE_CANDIDATES)
        return -ENOSPC;
    return command(ice, COMMAND_CANDIDATE, NULL, NULL, line, strlen(line));
}

int md_ice_restart(MdIce *ice)
{
    if (!random_text(ice->ufrag, UFRAG_LEN) || !random_text(ice->password, PASSWORD_LEN))
        return -EIO;
    ice->n_remote = 0;
    return command(ice, COMMAND_RESTART, ice->ufrag, ice->password, NULL, 0);
}

int md_ice_send_control(MdIce *ice, const uint8_t *data, size_t len)
{
    if (len > MD_ICE_PACKET_MAX)
        return -EMSGSIZE;
    return command(ice, COMMAND_SEND, NULL, NULL, data, len);
}

/* ---- sessions: worker ---- */

void md_ice_attach(MdIce *ice)
{
    ice->attached = true;
}

void md_ice_detach(MdIce *ice)
{
    ice->attached = false;
    let_go(ice);
}

static void drain_out(void *payload, size_t len)
{
    MdIce *ice = *(MdIce **)payload;
    Packet *packet;
    atomic_store(&ice->told_out, false);
    while ((packet = md_ring_peek(ice->out))) {
        if (ice->agent)
            nice_agent_send(ice->agent, ice->stream, NICE_COMPONENT_TYPE_RTP, packet->len,
                            (const gchar *)packet->data);
        md_ring_release(ice->out);
    }
    unref(ice);
}

static int send_relayed(MdIce *ice, const uint8_t *data, size_t len)
{
    Packet *packet = ice->out ? md_ring_reserve(ice->out) : NULL;
    if (!packet)
        return -EAGAIN;
    packet->len = (uint16_t)len;
    memcpy(packet->data, data, len);
    md_ring_commit(ice->out);
    if (atomic_exchange(&ice->told_out, true))
        return 0;
    MdIce *held = ref(ice);
    if (md_mailbox_post(ice->service->commands, drain_out, &held, sizeof held) < 0) {
        atomic_store(&ice->told_out, false);
        unref(held);
        return -EAGAIN;
    }
    return 0;
}

int md_ice_send(MdIce *ice, const uint8_t *data, size_t len)
{
    if (!ice->route)
        return -ENOTCONN;
    if (len > MD_ICE_PACKET_MAX)
        return -EMSGSIZE;
    return ice->route->fd >= 0 ? md_udp_send(ice->route->fd, &ice->route->to, data, len)
                               : send_relayed(ice, data, len);
}
