/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/transport.h"
#include <errno.h>
#include <unistd.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include "sip/conn.h"

#define UDP_BATCH 32
#define UDP_BUFFER (4 * 1024 * 1024) /* bytes the kernel may hold for us: a burst of registrations */

typedef struct Socket {
    SgTransport *transport;
    unsigned index;
    SgTransportKind kind;
    int fd;
    struct sa bound;
    bool any;             /* bound to the wildcard: the local address comes with each datagram */
    char **trusted;
} Socket;

struct SgTransport {
    SgTransportOptions options;
    GPtrArray *sockets;
    SgConns *conns;
    uint8_t *buffers;
    size_t buffer_size;
    bool closing;
};

static void socket_free(gpointer data)
{
    Socket *socket = data;

    if (socket->fd >= 0) {
        fd_close(socket->fd);
        close(socket->fd);
    }
    g_strfreev(socket->trusted);
    g_free(socket);
}

SgTransport *sg_transport_new(const SgTransportOptions *options)
{
    SgTransport *transport = g_new0(SgTransport, 1);

    transport->options = *options;
    transport->sockets = g_ptr_array_new_with_free_func(socket_free);
    transport->buffer_size = options->message_max + 1;
    transport->buffers = g_malloc(transport->buffer_size * UDP_BATCH);
    transport->conns = sg_conns_new(transport, &transport->options);
    return transport;
}

void sg_transport_free(SgTransport *transport)
{
    if (!transport)
        return;
    transport->closing = true;
    sg_conns_free(transport->conns);
    g_ptr_array_unref(transport->sockets);
    g_free(transport->buffers);
    SSL_CTX_free(transport->options.tls_server);
    SSL_CTX_free(transport->options.tls_client);
    g_free(transport);
}

static Socket *find_socket(const SgTransport *transport, unsigned index)
{
    for (unsigned i = 0; i < transport->sockets->len; i++) {
        Socket *socket = transport->sockets->pdata[i];

        if (socket->index == index)
            return socket;
    }
    return NULL;
}

static bool trusts(const Socket *socket, const struct sa *remote)
{
    for (char **cidr = socket->trusted; cidr && *cidr; cidr++)
        if (sg_cidr_contains(*cidr, remote))
            return true;
    return false;
}

bool sg_transport_is_trusted(const SgTransport *transport, const SgFlow *flow)
{
    Socket *socket = find_socket(transport, flow->listener);

    return socket && trusts(socket, &flow->remote);
}

void sg_transport_offend(SgTransport *transport, const SgFlow *flow, SgGuardOffence offence, const char *detail)
{
    SgTransportOptions *options = &transport->options;
    bool banned = false;
    char source[80];

    if (offence == SG_OFFENCE_MALFORMED)
        md_stat_add(&options->stats->messages_malformed, 1);
    else if (offence == SG_OFFENCE_OVERSIZE)
        md_stat_add(&options->stats->messages_oversize, 1);
    if (!options->guard || !sg_guard_offend(options->guard, &flow->remote.u.sa, offence, flow->conn != 0, sg_now_us(), &banned))
        return;
    sg_host_port(source, sizeof(source), &flow->remote);
    if (options->logger)
        md_notice(options->logger, "%s from %s/%s, ignoring%s%s", sg_guard_offence_to_string(offence), source,
                  sg_transport_to_string(flow->kind), detail ? ": " : "", detail ? detail : "");
    if (!banned)
        return;
    md_stat_add(&options->stats->bans, 1);
    if (options->on_banned) {
        char *text = g_strdup_printf("%s is banned: too often %s", source, sg_guard_offence_to_string(offence));

        options->on_banned(text, options->user);
        g_free(text);
    }
}

bool sg_transport_admit(SgTransport *transport, const SgFlow *flow)
{
    SgTransportOptions *options = &transport->options;
    SgGuardVerdict verdict;

    if (!options->guard || sg_transport_is_trusted(transport, flow))
        return true;
    verdict = sg_guard_message(options->guard, &flow->remote.u.sa, sg_now_us());
    if (verdict == SG_GUARD_PASS)
        return true;
    if (verdict == SG_GUARD_BANNED)
        md_stat_add(&options->stats->messages_banned, 1);
    else
        md_stat_add(&options->stats->messages_over_rate, 1);
    if (verdict == SG_GUARD_OVER_RATE)
        sg_transport_offend(transport, flow, SG_OFFENCE_OVER_RATE, NULL);
    return false;
}

bool sg_transport_deliver(SgTransport *transport, const SgFlow *flow, const char *data, size_t len)
{
    SgTransportOptions *options = &transport->options;
    SgGuardOffence offence;
    struct sip_msg *msg;

    md_stat_add(&options->stats->messages_received, 1);
    msg = sg_transport_parse(data, len, options->message_max, &offence);
    if (!msg) {
        sg_transport_offend(transport, flow, offence, NULL);
        return false;
    }
    msg->src = flow->remote;
    msg->dst = flow->local;
    msg->tp = (enum sip_transp)flow->kind;
    options->on_message(msg, flow, options->user);
    mem_deref(msg);
    return true;
}

/* --- datagrams --- */

/* A STUN binding request on the SIP port is RFC 5626's keep-alive over UDP. */
static void answer_stun(Socket *socket, const SgFlow *flow, const uint8_t *data, size_t len)
{
    struct stun_msg *msg = NULL;
    struct stun_unknown_attr unknown;
    struct mbuf *in = mbuf_alloc(len), *out = mbuf_alloc(128);
    SgFlow back = *flow;

    if (in && out && !mbuf_write_mem(in, data, len)) {
        in->pos = 0;
        if (!stun_msg_decode(&msg, in, &unknown) && stun_msg_method(msg) == STUN_METHOD_BINDING &&
            stun_msg_class(msg) == STUN_CLASS_REQUEST &&
            !stun_msg_encode(out, STUN_METHOD_BINDING, STUN_CLASS_SUCCESS_RESP, stun_msg_tid(msg), NULL, NULL, 0, false, 0, 1,
                             STUN_ATTR_XOR_MAPPED_ADDR, &flow->remote))
            sg_transport_send(socket->transport, &back, NULL, (const char *)out->buf, out->end);
    }
    mem_deref(msg);
    mem_deref(in);
    mem_deref(out);
}

static void datagram(Socket *socket, const SgFlow *flow, const char *data, size_t len, bool truncated)
{
    SgTransport *transport = socket->transport;

    if (!sg_transport_admit(transport, flow))
        return;
    if (truncated) {
        md_stat_add(&transport->options.stats->messages_received, 1);
        sg_transport_offend(transport, flow, SG_OFFENCE_OVERSIZE, NULL);
        return;
    }
    while (len > 0 && (*data == '\r' || *data == '\n')) {
        data++;
        len--;
    }
    if (len < 4)
        return; /* keep-alive */
    if ((unsigned char)data[0] < 4)
        answer_stun(socket, flow, (const uint8_t *)data, len);
    else
        sg_transport_deliver(transport, flow, data, len);
}

static void take_local(const struct msghdr *header, const Socket *socket, struct sa *local)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR((struct msghdr *)header, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            const struct in_pktinfo *info = (const void *)CMSG_DATA(c);

            sa_set_in(local, g_ntohl(info->ipi_addr.s_addr), sa_port(&socket->bound));
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            const struct in6_pktinfo *info = (const void *)CMSG_DATA(c);

            sa_set_in6(local, info->ipi6_addr.s6_addr, sa_port(&socket->bound));
        }
    }
}

static void on_udp(int flags, void *arg)
{
    Socket *socket = arg;
    SgTransport *transport = socket->transport;
    struct mmsghdr messages[UDP_BATCH];
    struct iovec vectors[UDP_BATCH];
    struct sa from[UDP_BATCH];
    union {
        struct cmsghdr align;
        char bytes[128];
    } control[UDP_BATCH];
    int n;

    memset(messages, 0, sizeof(messages));
    for (int i = 0; i < UDP_BATCH; i++) {
        vectors[i].iov_base = transport->buffers + transport->buffer_size * (size_t)i;
        vectors[i].iov_len = transport->buffer_size;
        messages[i].msg_hdr = (struct msghdr){.msg_name = &from[i].u, .msg_namelen = sizeof(from[i].u), .msg_iov = &vectors[i],
                                              .msg_iovlen = 1, .msg_control = socket->any ? control[i].bytes : NULL,
                                              .msg_controllen = socket->any ? sizeof(control[i].bytes) : 0};
    }
    n = recvmmsg(socket->fd, messages, UDP_BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n && !transport->closing; i++) {
        SgFlow flow = {.kind = SG_UDP, .listener = socket->index, .local = socket->bound};
        size_t len = messages[i].msg_len;

        from[i].len = messages[i].msg_hdr.msg_namelen;
        flow.remote = from[i];
        if (socket->any)
            take_local(&messages[i].msg_hdr, socket, &flow.local);
        datagram(socket, &flow, vectors[i].iov_base, len, len > transport->options.message_max);
    }
}

static int send_udp(SgTransport *transport, const SgFlow *flow, const char *data, size_t len)
{
    Socket *socket = find_socket(transport, flow->listener);
    struct iovec vector = {(void *)data, len};
    struct sa remote = flow->remote;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    } control;
    struct msghdr header = {.msg_name = &remote.u, .msg_namelen = remote.len, .msg_iov = &vector, .msg_iovlen = 1};
    struct cmsghdr *c;

    if (!socket || socket->kind != SG_UDP)
        return -ENOTCONN;
    if (socket->any && sa_isset(&flow->local, SA_ADDR)) {
        memset(&control, 0, sizeof(control));
        header.msg_control = control.bytes;
        header.msg_controllen = sa_af(&flow->local) == AF_INET ? CMSG_SPACE(sizeof(struct in_pktinfo)) : sizeof(control.bytes);
        c = CMSG_FIRSTHDR(&header);
        if (sa_af(&flow->local) == AF_INET) {
            struct in_pktinfo *info = (void *)CMSG_DATA(c);

            c->cmsg_level = IPPROTO_IP;
            c->cmsg_type = IP_PKTINFO;
            c->cmsg_len = CMSG_LEN(sizeof(*info));
            info->ipi_spec_dst.s_addr = g_htonl(sa_in(&flow->local));
        } else {
            struct in6_pktinfo *info = (void *)CMSG_DATA(c);

            c->cmsg_level = IPPROTO_IPV6;
            c->cmsg_type = IPV6_PKTINFO;
            c->cmsg_len = CMSG_LEN(sizeof(*info));
            sa_in6(&flow->local, info->ipi6_addr.s6_addr);
        }
    }
    return sendmsg(socket->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int sg_transport_send(SgTransport *transport, SgFlow *flow, const char *verify_host, const char *data, size_t len)
{
    int err;

    if (flow->kind == SG_UDP)
        err = send_udp(transport, flow, data, len);
    else
        err = sg_conns_send(transport->conns, flow, verify_host, data, len);
    if (err < 0)
        md_stat_add(&transport->options.stats->send_errors, 1);
    else
        md_stat_add(&transport->options.stats->messages_sent, 1);
    return err;
}

/* --- listening --- */

static void on_accept(int flags, void *arg)
{
    Socket *socket = arg;
    SgTransport *transport = socket->transport;

    for (int i = 0; i < 64; i++) { /* a reconnecting province comes in a burst, but others want their turn */
        SgFlow flow = {.kind = socket->kind, .listener = socket->index};
        socklen_t len = sizeof(flow.remote.u);
        int fd = accept4(socket->fd, &flow.remote.u.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0)
            return;
        flow.remote.len = len;
        flow.local = socket->bound;
        flow.local.len = sizeof(flow.local.u);
        getsockname(fd, &flow.local.u.sa, &flow.local.len);
        if (transport->options.guard && !trusts(socket, &flow.remote) &&
            !sg_guard_connect(transport->options.guard, &flow.remote.u.sa, sg_now_us())) {
            md_stat_add(&transport->options.stats->connections_refused, 1);
            sg_transport_offend(transport, &flow, SG_OFFENCE_CONNECTIONS, NULL);
            close(fd);
            continue;
        }
        sg_conns_accept(transport->conns, fd, &flow, transport->options.guard && !trusts(socket, &flow.remote));
    }
}

static void set_option(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof(value));
}

static int open_socket(Socket *socket_, const struct sa *address)
{
    int af = sa_af(address), fd;
    bool udp = socket_->kind == SG_UDP;

    fd = socket(af, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (af == AF_INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (udp) {
        set_option(fd, SOL_SOCKET, SO_RCVBUF, UDP_BUFFER);
        set_option(fd, SOL_SOCKET, SO_SNDBUF, UDP_BUFFER);
        if (af == AF_INET6)
            set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
        else
            set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
    } else {
        set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    }
    if (bind(fd, &address->u.sa, address->len) < 0 || (!udp && listen(fd, 1024) < 0)) {
        int err = -errno;

        close(fd);
        return err;
    }
    socket_->fd = fd;
    return 0;
}

bool sg_transport_listen(SgTransport *transport, unsigned index, SgTransportKind kind, const char *host, uint16_t port,
                         const char *const *trusted, uint16_t *ret_port, GError **error)
{
    Socket *socket = g_new0(Socket, 1);
    struct sa address;
    int err;

    socket->fd = -1;
    socket->transport = transport;
    socket->index = index;
    socket->kind = kind;
    socket->trusted = g_strdupv((char **)trusted);
    if (sa_set_str(&address, host, port)) {
        g_set_error(error, SG_ERROR, SG_ERROR_INVALID, "listener %u: '%s' is not a numeric address", index, host);
        goto fail;
    }
    err = open_socket(socket, &address);
    if (err == 0) {
        socket->bound = address;
        socket->bound.len = sizeof(socket->bound.u);
        getsockname(socket->fd, &socket->bound.u.sa, &socket->bound.len);
        socket->any = sa_is_any(&address);
        err = -fd_listen(socket->fd, FD_READ, kind == SG_UDP ? on_udp : on_accept, socket);
    }
    if (err < 0) {
        g_set_error(error, SG_ERROR, SG_ERROR_NETWORK, "cannot listen on %s %s port %u: %s", sg_transport_to_string(kind), host, port,
                    g_strerror(-err));
        goto fail;
    }
    *ret_port = sa_port(&socket->bound);
    g_ptr_array_add(transport->sockets, socket);
    return true;
fail:
    socket_free(socket);
    return false;
}

uint16_t sg_transport_port(const SgTransport *transport, SgTransportKind kind, int af)
{
    for (unsigned i = 0; i < transport->sockets->len; i++) {
        Socket *socket = transport->sockets->pdata[i];

        if (socket->kind == kind && sa_af(&socket->bound) == af)
            return sa_port(&socket->bound);
    }
    return 0;
}

/* Which of our addresses the kernel would send from. */
static int local_towards(const struct sa *remote, struct sa *ret_local)
{
    int fd = socket(sa_af(remote), SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

    if (fd < 0)
        return -errno;
    ret_local->len = sizeof(ret_local->u);
    if (connect(fd, &remote->u.sa, remote->len) < 0 || getsockname(fd, &ret_local->u.sa, &ret_local->len) < 0)
        err = -errno;
    close(fd);
    return err;
}

int sg_transport_route(SgTransport *transport, SgTransportKind kind, const struct sa *remote, SgFlow *ret_flow)
{
    SgFlow flow = {.kind = kind, .listener = UINT_MAX, .remote = *remote};
    Socket *chosen = NULL;
    int err = local_towards(remote, &flow.local);

    if (err < 0)
        return err;
    if (kind == SG_UDP) {
        for (unsigned i = 0; i < transport->sockets->len; i++) {
            Socket *socket = transport->sockets->pdata[i];
            bool fits = socket->kind == kind && sa_af(&socket->bound) == sa_af(remote);

            /* the socket bound to that very address is best, then the wildcard, then any of the family */
            if (fits && sa_cmp(&socket->bound, &flow.local, SA_ADDR)) {
                chosen = socket;
                break;
            }
            if (fits && (!chosen || (socket->any && !chosen->any)))
                chosen = socket;
        }
        if (!chosen)
            return -EAFNOSUPPORT;
        if (!chosen->any)
            flow.local = chosen->bound;
        sa_set_port(&flow.local, sa_port(&chosen->bound));
        flow.listener = chosen->index;
    } else {
        flow.conn = sg_conns_find(transport->conns, kind, remote);
    }
    *ret_flow = flow;
    return 0;
}
