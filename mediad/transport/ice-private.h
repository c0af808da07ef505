/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* The rooms of ICE: ice.c (a session as control sees it), ice-agent.c (the same on the ICE thread, with libnice), ice-packet.c (packets
 * between the two and the worker), ice-service.c (the thread). Only these include this header. */
#include <glib.h>
#include <nice/agent.h>
#include <stdatomic.h>

#include "mediad/core/ring.h"
#include "mediad/transport/ice.h"

#define ICE_POST_TRIES 200  /* of a millisecond, on the ICE thread: what control must hear of */
#define ICE_UFRAG_LEN 8
#define ICE_PASSWORD_LEN 24
#define ICE_RELAY_TEXT 256

typedef struct IcePacket {
    uint16_t len;
    uint8_t data[MD_ICE_PACKET_MAX];
} IcePacket;

/* How packets leave: made on the ICE thread, owned by the worker. */
typedef struct IceRoute {
    int fd; /* a duplicate of the pair's socket; -1: relayed, through the ICE thread */
    MdAddr to;
} IceRoute;

typedef struct IceRelay {
    NiceRelayType type;
    uint16_t port;
    char host[MD_ADDR_TEXT_MAX], username[ICE_RELAY_TEXT], password[ICE_RELAY_TEXT];
} IceRelay;

struct MdIceService {
    /* immutable */
    MdMailbox *control;
    MdLogger logger;
    char local_hosts[MD_ICE_LOCAL_HOSTS_MAX][MD_ADDR_TEXT_MAX];
    unsigned n_local_hosts, max_sessions, n_relays;
    uint16_t min_port, max_port, stun_port;
    char stun_host[MD_ADDR_TEXT_MAX];
    IceRelay relays[MD_ICE_RELAYS_MAX];
    GMainContext *context;
    GMainLoop *loop;
    GThread *thread;
    MdMailbox *commands; /* drained by the ICE thread */
    unsigned relay_misses; /* control: sessions in a row that got no address of a relay */
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
    char ufrag[ICE_UFRAG_LEN + 1], password[ICE_PASSWORD_LEN + 1];
    unsigned n_remote;
    bool closed, relayed;
    /* any thread */
    _Atomic int holders;   /* control and worker: at 0 the session ends */
    _Atomic bool told_in, told_out;
    /* ICE thread */
    NiceAgent *agent;
    guint stream;
    bool names; /* the peer has candidates that we pass over: its end of candidates does not mean failure */
    /* worker */
    bool attached;
    IceRoute *route;
};

/* Any thread. */
MdIce *ice_ref(MdIce *ice);
void ice_unref(MdIce *ice);
/* Control or worker, once each: the session ends with the second. */
void ice_let_go(MdIce *ice);

typedef enum IceCommandKind {
    ICE_COMMAND_OPEN,
    ICE_COMMAND_REMOTE,
    ICE_COMMAND_CANDIDATE,
    ICE_COMMAND_RESTART,
    ICE_COMMAND_SEND,
} IceCommandKind;

/* Any thread: to the ICE thread. data is copied. 0, -ENOMEM, -ENOBUFS. */
int ice_command(MdIce *ice, IceCommandKind kind, const char *ufrag, const char *password, const void *data, size_t len);
/* ICE thread: the agent goes (relays are given back first), and with it the service's reference. */
void ice_agent_end(MdIce *ice);

/* ICE thread. */
void ice_packet_in(NiceAgent *agent, guint stream, guint component, guint len, gchar *data, gpointer user);
/* ICE thread: the worker sends by it from now on; takes the route. False: the worker hears nothing any more. */
bool ice_packet_route(MdIce *ice, IceRoute *route);
void ice_packet_free_route(IceRoute *route);

/* ICE thread: an agent has gone. */
void ice_service_closed(MdIceService *service);
