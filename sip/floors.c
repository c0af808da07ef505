/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/floors.h"
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include "sip/accounts.h"

#define CONNS_MAX 512
#define CONNS_PER_HOST 16
#define BACKLOG 64
#define UNPROVEN_US (10 * G_USEC_PER_SEC) /* a connection that belongs to no call by then is closed */
#define SWEEP_US (5 * G_USEC_PER_SEC)
#define DATAGRAMS 32                      /* taken at one wake-up */
#define PORT_TRIES 20

typedef struct Socket {
    SgFloors *floors;
    int fd;
    bool stream;
} Socket;

typedef struct Conn {
    SgFloors *floors;
    uint64_t id;
    int fd;
    struct sa remote;
    int64_t born_us;
    size_t len;
    uint8_t buf[SG_BFCP_MESSAGE_MAX];
} Conn;

struct SgFloors {
    SgLoop *loop;
    SgBfcp *bfcp;
    void (*on_request)(uint64_t call, bool wanted, void *user);
    void *user;
    uint16_t port;
    Socket sockets[4]; /* UDP and TCP of IPv4, of IPv6 */
    GHashTable *conns; /* id → Conn */
    uint64_t next_conn;
    SgTimer timer, sweep_timer;
};

/* --- out --- */

static void on_timer(void *data);

static void arm(SgFloors *floors)
{
    int64_t due_us = sg_bfcp_due_us(floors->bfcp);

    if (due_us == INT64_MAX)
        sg_timer_stop(floors->loop, &floors->timer);
    else
        sg_timer_start(floors->loop, &floors->timer, MAX(due_us - sg_now_us(), 0), on_timer, floors);
}

static void on_timer(void *data)
{
    SgFloors *floors = data;

    sg_bfcp_tick(floors->bfcp, sg_now_us());
    arm(floors);
}

static void on_send(const SgBfcpPath *path, const uint8_t *data, size_t len, void *user)
{
    SgFloors *floors = user;

    if (path->stream) {
        Conn *conn = g_hash_table_lookup(floors->conns, &path->conn);
        /* Messages are small: whoever lets so many of them pile up is gone, which the reader will notice. */
        if (conn && send(conn->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)len)
            shutdown(conn->fd, SHUT_RDWR);
        return;
    }
    const Socket *socket = &floors->sockets[sa_af(&path->address) == AF_INET6 ? 2 : 0];
    if (socket->fd >= 0)
        sendto(socket->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL, &path->address.u.sa, path->address.len);
}

static void on_wish(uint64_t call, bool wanted, void *user)
{
    SgFloors *floors = user;

    floors->on_request(call, wanted, floors->user);
}

/* --- in --- */

static void on_datagram(int flags, void *arg)
{
    Socket *socket = arg;
    uint8_t buf[SG_BFCP_MESSAGE_MAX + 1];

    for (unsigned i = 0; i < DATAGRAMS; i++) {
        SgBfcpPath path = {0};
        socklen_t size = sizeof path.address.u;
        ssize_t len = recvfrom(socket->fd, buf, sizeof buf, MSG_DONTWAIT, &path.address.u.sa, &size);

        if (len < 0)
            break;
        path.address.len = size;
        sg_bfcp_receive(socket->floors->bfcp, &path, buf, (size_t)len, sg_now_us());
    }
    arm(socket->floors);
}

static void conn_free(gpointer data)
{
    Conn *conn = data;

    fd_close(conn->fd);
    close(conn->fd);
    g_free(conn);
}

static void conn_close(Conn *conn)
{
    SgFloors *floors = conn->floors;
    uint64_t id = conn->id;

    g_hash_table_remove(floors->conns, &id);
    sg_bfcp_path_closed(floors->bfcp, id);
}

/* False: the connection talks nonsense. */
static bool take_messages(Conn *conn)
{
    SgBfcpPath path = {.stream = true, .conn = conn->id, .address = conn->remote};
    size_t at = 0;
    int len;

    while ((len = sg_bfcp_message_len(conn->buf + at, conn->len - at)) > 0) {
        sg_bfcp_receive(conn->floors->bfcp, &path, conn->buf + at, (size_t)len, sg_now_us());
        at += (size_t)len;
    }
    conn->len -= at;
    memmove(conn->buf, conn->buf + at, conn->len);
    return len == 0;
}

static void on_stream(int flags, void *arg)
{
    Conn *conn = arg;
    SgFloors *floors = conn->floors;
    ssize_t n = recv(conn->fd, conn->buf + conn->len, sizeof conn->buf - conn->len, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        conn->len += (size_t)n;
    if (n <= 0 || !take_messages(conn))
        conn_close(conn);
    arm(floors);
}

static unsigned conns_of(const SgFloors *floors, const struct sa *host)
{
    GHashTableIter iter;
    gpointer value;
    unsigned n = 0;

    g_hash_table_iter_init(&iter, floors->conns);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        n += sa_cmp(&((Conn *)value)->remote, host, SA_ADDR);
    return n;
}

static void on_accept(int flags, void *arg)
{
    Socket *socket = arg;
    SgFloors *floors = socket->floors;
    struct sa remote = {0};
    socklen_t size = sizeof remote.u;
    int fd = accept4(socket->fd, &remote.u.sa, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return;
    remote.len = size;
    Conn *conn = g_new0(Conn, 1);
    *conn = (Conn){.floors = floors, .id = ++floors->next_conn, .fd = fd, .remote = remote, .born_us = sg_now_us()};
    if (g_hash_table_size(floors->conns) >= CONNS_MAX || conns_of(floors, &remote) >= CONNS_PER_HOST ||
        fd_listen(fd, FD_READ, on_stream, conn) != 0) {
        close(fd);
        g_free(conn);
        return;
    }
    g_hash_table_insert(floors->conns, &conn->id, conn);
}

static void on_sweep(void *data)
{
    SgFloors *floors = data;
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, floors->conns);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Conn *conn = value;

        if (sg_now_us() - conn->born_us > UNPROVEN_US && !sg_bfcp_uses(floors->bfcp, conn->id))
            g_hash_table_iter_remove(&iter);
    }
    sg_timer_start(floors->loop, &floors->sweep_timer, SWEEP_US, on_sweep, floors);
}

/* --- sockets --- */

static int open_socket(Socket *own, int af, bool stream, uint16_t *port)
{
    struct sa address;
    int on = 1, fd = socket(af, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), rc = 0;

    own->stream = stream;
    if (fd < 0)
        return errno;
    if (af == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (stream)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sa_init(&address, af);
    sa_set_port(&address, *port);
    socklen_t size = sizeof address.u;
    if (bind(fd, &address.u.sa, address.len) < 0 || getsockname(fd, &address.u.sa, &size) < 0 || (stream && listen(fd, BACKLOG) < 0))
        rc = errno;
    else
        rc = fd_listen(fd, FD_READ, stream ? on_accept : on_datagram, own);
    if (rc != 0) {
        close(fd);
        return rc;
    }
    *port = sa_port(&address);
    own->fd = fd;
    return 0;
}

static void close_sockets(SgFloors *floors)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(floors->sockets); i++) {
        if (floors->sockets[i].fd < 0)
            continue;
        fd_close(floors->sockets[i].fd);
        close(floors->sockets[i].fd);
        floors->sockets[i].fd = -1;
    }
}

/* All of one number. A machine without one of the two families has the other. */
static int open_all(SgFloors *floors, uint16_t port)
{
    int rc = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(floors->sockets) && rc == 0; i++) {
        rc = open_socket(&floors->sockets[i], i < 2 ? AF_INET : AF_INET6, i % 2, &port);
        if (rc == EAFNOSUPPORT || rc == EADDRNOTAVAIL)
            rc = 0;
    }
    floors->port = port;
    if (rc == 0 && port == 0)
        rc = EADDRNOTAVAIL;
    if (rc != 0)
        close_sockets(floors);
    return rc;
}

SgFloors *sg_floors_new(SgLoop *loop, uint16_t port, void (*on_request)(uint64_t call, bool wanted, void *user), void *user, GError **error)
{
    SgFloors *floors = g_new0(SgFloors, 1);
    SgBfcpOptions options = {.send = on_send, .on_request = on_wish, .user = floors};
    int rc = EADDRINUSE;

    floors->loop = loop;
    floors->on_request = on_request;
    floors->user = user;
    for (unsigned i = 0; i < G_N_ELEMENTS(floors->sockets); i++)
        floors->sockets[i] = (Socket){.floors = floors, .fd = -1};
    floors->conns = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, conn_free);
    floors->bfcp = sg_bfcp_new(&options);
    /* a number that is free for UDP may be taken for TCP */
    for (unsigned i = 0; rc == EADDRINUSE && i < (port ? 1 : PORT_TRIES); i++)
        rc = open_all(floors, port);
    if (rc != 0) {
        g_set_error(error, SG_ERROR, SG_ERROR_NETWORK, "floor control cannot have port %u: %s", port, g_strerror(rc));
        sg_floors_free(floors);
        return NULL;
    }
    sg_timer_start(loop, &floors->sweep_timer, SWEEP_US, on_sweep, floors);
    return floors;
}

void sg_floors_free(SgFloors *floors)
{
    if (!floors)
        return;
    sg_timer_stop(floors->loop, &floors->timer);
    sg_timer_stop(floors->loop, &floors->sweep_timer);
    close_sockets(floors);
    g_hash_table_unref(floors->conns);
    sg_bfcp_free(floors->bfcp);
    g_free(floors);
}

uint16_t sg_floors_port(const SgFloors *floors)
{
    return floors->port;
}

void sg_floors_open(SgFloors *floors, uint64_t call, const MdCallFloor *floor, const struct sa *signalling)
{
    struct sa peer;

    sa_init(&peer, AF_UNSPEC);
    sa_set_sa(&peer, (const struct sockaddr *)&floor->peer.ss);
    sg_bfcp_open(floors->bfcp, call, floor, &peer, signalling);
}

void sg_floors_close(SgFloors *floors, uint64_t call)
{
    sg_bfcp_close(floors->bfcp, call);
    arm(floors);
}

void sg_floors_content(SgFloors *floors, uint64_t call, MdCallContent state, const char *reason)
{
    sg_bfcp_content(floors->bfcp, call, state, reason, sg_now_us());
    arm(floors);
}
