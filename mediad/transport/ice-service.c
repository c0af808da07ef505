/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thread of all ICE sessions. */
#include "mediad/transport/ice-private.h"

#include <errno.h>
#include <glib-unix.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define COMMANDS 4096
#define FAREWELL_MS 500 /* for giving back relays when the service ends */

/* ---- ICE thread ---- */

static void check_quit(MdIceService *service)
{
    if (service->quitting && service->n_closing == 0)
        g_main_loop_quit(service->loop);
}

void ice_service_closed(MdIceService *service)
{
    service->n_closing--;
    check_quit(service);
}

static void reap(MdIceService *service)
{
    for (guint i = service->sessions->len; i > 0; i--) {
        MdIce *ice = g_ptr_array_index(service->sessions, i - 1);
        if (atomic_load(&ice->holders) == 0) {
            g_ptr_array_remove_index_fast(service->sessions, i - 1);
            ice_agent_end(ice);
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

/* ---- control ---- */

static bool copy_options(MdIceService *s, const MdIceServiceOptions *options)
{
    MdAddr addr;
    s->control = options->control;
    s->logger = options->logger ? *options->logger : (MdLogger){0};
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
        IceRelay *to = &s->relays[s->n_relays++];
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
