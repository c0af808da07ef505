/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "sip/message.h"
#include <openssl/ssl.h>
#include "sip/loop.h"

/* Sockets and framing: bytes in, parsed messages out, behind the guard. libre's own transports take any number of connections,
 * write to stderr for every malformed datagram and send from the first socket of a family; hence this. SIP thread. */
typedef struct SgTransport SgTransport;

typedef struct SgTransportOptions {
    SgLoop *loop;
    SSL_CTX *tls_server, *tls_client; /* taken over; may be NULL */
    bool tls_verify_host;
    SgGuard *guard;                   /* NULL: none (clients) */
    SgStats *stats;
    unsigned message_max;
    unsigned tcp_idle_s;
    const MdLogger *logger;
    /* msg is parsed and has all that RFC 3261 8.1.1 asks for. flow is where it came from. */
    void (*on_message)(const struct sip_msg *msg, const SgFlow *flow, void *user);
    /* A connection is gone: its id will never come back. */
    void (*on_closed)(uint64_t conn, void *user);
    /* A source has sent so much rubbish that it is banned now; detail: short English text. May be NULL. */
    void (*on_banned)(const char *detail, void *user);
    void *user;
} SgTransportOptions;

SgTransport *sg_transport_new(const SgTransportOptions *options);
void sg_transport_free(SgTransport *transport);
/* trusted: NULL-terminated addresses and CIDR blocks the guard leaves alone; NULL none. Adds listener number index. */
bool sg_transport_listen(SgTransport *transport, unsigned index, SgTransportKind kind, const char *host, uint16_t port,
                         const char *const *trusted, uint16_t *ret_port, GError **error);
bool sg_transport_is_trusted(const SgTransport *transport, const SgFlow *flow);
/* Counts an offence of the other end and logs it at most once in ten seconds. detail may be NULL. */
void sg_transport_offend(SgTransport *transport, const SgFlow *flow, SgGuardOffence offence, const char *detail);
/* 0 or -errno. A stream flow with conn 0 opens a connection (verify_host: name in the certificate, may be NULL) and sets flow->conn. */
int sg_transport_send(SgTransport *transport, SgFlow *flow, const char *verify_host, const char *data, size_t len);
/* A way to an address we have not heard from: local address and, for datagrams, the socket. -errno when there is none. */
int sg_transport_route(SgTransport *transport, SgTransportKind kind, const struct sa *remote, SgFlow *ret_flow);
/* Our listening port for a transport and family; 0 none. For Contact. */
uint16_t sg_transport_port(const SgTransport *transport, SgTransportKind kind, int af);

/* Checks everything up to the header rules without a socket: for tests and fuzzing. NULL: refused; *ret_offence says why. */
struct sip_msg *sg_transport_parse(const char *data, size_t len, size_t max, SgGuardOffence *ret_offence);
bool sg_cidr_contains(const char *cidr, const struct sa *sa);
