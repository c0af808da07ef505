/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "sip/transport.h"

/* TCP and TLS connections of a transport: accept, connect, handshake, framing (RFC 3261 18.3), keep-alive (RFC 5626 4.4.1),
 * bounded queues and time limits. SIP thread; used by transport.c only. */
typedef struct SgConns SgConns;
SgConns *sg_conns_new(SgTransport *transport, const SgTransportOptions *options /* borrowed */);
void sg_conns_free(SgConns *conns);
/* Takes fd. guarded: it was counted by the guard, which is told when it goes. */
void sg_conns_accept(SgConns *conns, int fd, const SgFlow *flow, bool guarded);
int sg_conns_send(SgConns *conns, SgFlow *flow, const char *verify_host, const char *data, size_t len);
/* An open connection we made to that address, 0: none. */
uint64_t sg_conns_find(SgConns *conns, SgTransportKind kind, const struct sa *remote);

/* transport.c, for conn.c */
bool sg_transport_admit(SgTransport *transport, const SgFlow *flow);
bool sg_transport_deliver(SgTransport *transport, const SgFlow *flow, const char *data, size_t len);
