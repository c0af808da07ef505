/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packets of ICE sessions: from the ICE thread to the worker, and out by the checked pair. */
#include "mediad/transport/ice-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mediad/transport/udp.h"

void ice_packet_free_route(IceRoute *route)
{
    if (route && route->fd >= 0)
        close(route->fd);
    free(route);
}

/* ---- the route ---- */

typedef struct RouteMail {
    MdIce *ice; /* a reference */
    IceRoute *route;
} RouteMail;

static void on_route(void *payload, size_t len)
{
    RouteMail *mail = payload;
    IceRoute *old = mail->ice->route;
    mail->ice->route = mail->route;
    ice_packet_free_route(old);
    ice_unref(mail->ice);
}

bool ice_packet_route(MdIce *ice, IceRoute *route)
{
    RouteMail mail = {ice_ref(ice), route};
    for (int i = 0; i < ICE_POST_TRIES; i++) {
        if (md_worker_post(ice->options.worker, on_route, &mail, sizeof mail) == 0)
            return true;
        g_usleep(1000);
    }
    ice_packet_free_route(route);
    ice_unref(ice);
    return false;
}
/* ---- packets in ---- */

static void drain_in(void *payload, size_t len)
{
    MdIce *ice = *(MdIce **)payload;
    MdAddr none = {0};
    IcePacket *packet;
    atomic_store(&ice->told_in, false);
    while ((packet = md_ring_peek(ice->in))) {
        if (ice->attached)
            ice->options.on_packet(ice->route ? &ice->route->to : &none, packet->data, packet->len,
                                   ice->options.packet_user);
        md_ring_release(ice->in);
    }
    ice_unref(ice);
}

/* libnice hands over only what came from a candidate that a check has proved. */
void ice_packet_in(NiceAgent *agent, guint stream, guint component, guint len, gchar *data, gpointer user)
{
    MdIce *ice = user;
    IcePacket *packet = len && len <= MD_ICE_PACKET_MAX ? md_ring_reserve(ice->in) : NULL;
    if (!packet)
        return;
    packet->len = (uint16_t)len;
    memcpy(packet->data, data, len);
    md_ring_commit(ice->in);
    if (atomic_exchange(&ice->told_in, true))
        return;
    MdIce *held = ice_ref(ice);
    if (md_worker_post(ice->options.worker, drain_in, &held, sizeof held) < 0) {
        atomic_store(&ice->told_in, false); /* the next packet tries again */
        ice_unref(held);
    }
}

/* ---- out: worker ---- */

void md_ice_attach(MdIce *ice)
{
    ice->attached = true;
}

void md_ice_detach(MdIce *ice)
{
    ice->attached = false;
    ice_let_go(ice);
}

static void drain_out(void *payload, size_t len)
{
    MdIce *ice = *(MdIce **)payload;
    IcePacket *packet;
    atomic_store(&ice->told_out, false);
    while ((packet = md_ring_peek(ice->out))) {
        if (ice->agent)
            nice_agent_send(ice->agent, ice->stream, NICE_COMPONENT_TYPE_RTP, packet->len,
                            (const gchar *)packet->data);
        md_ring_release(ice->out);
    }
    ice_unref(ice);
}

static int send_relayed(MdIce *ice, const uint8_t *data, size_t len)
{
    IcePacket *packet = ice->out ? md_ring_reserve(ice->out) : NULL;
    if (!packet)
        return -EAGAIN;
    packet->len = (uint16_t)len;
    memcpy(packet->data, data, len);
    md_ring_commit(ice->out);
    if (atomic_exchange(&ice->told_out, true))
        return 0;
    MdIce *held = ice_ref(ice);
    if (md_mailbox_post(ice->service->commands, drain_out, &held, sizeof held) < 0) {
        atomic_store(&ice->told_out, false);
        ice_unref(held);
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
