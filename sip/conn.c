/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/conn.h"
#include <errno.h>
#include <unistd.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#define CONNECT_US (10 * G_USEC_PER_SEC)   /* TCP and TLS handshakes */
#define FIRST_US (20 * G_USEC_PER_SEC)     /* from the opening until the first whole message */
#define PARTIAL_US (20 * G_USEC_PER_SEC)   /* from a message's first byte to its last */
#define QUEUE_MAX (512 * 1024)
#define READ_CHUNK 16384

typedef enum { CONNECTING, HANDSHAKE, OPEN } State;

typedef struct Conn {
    SgConns *conns;
    uint64_t id;
    int fd;
    State state;
    SSL *ssl;
    SgFlow flow;
    bool guarded, outgoing, dead, writing;
    bool seen;      /* a whole message has come */
    bool delivered; /* somebody above may know the connection */
    bool partial;   /* PARTIAL_US is running */
    GByteArray *in, *out;
    SgTimer timer; /* whatever limit applies now; on the way out: the funeral */
} Conn;

struct SgConns {
    SgTransport *transport;
    const SgTransportOptions *options;
    GHashTable *table;   /* id → Conn */
    GHashTable *by_peer; /* "kind host:port" → Conn, only those we opened */
    uint64_t next_id;
    bool closing;
};

static char *peer_key(SgTransportKind kind, const struct sa *remote)
{
    char host[80];

    sg_host_port(host, sizeof(host), remote);
    return g_strdup_printf("%d %s", kind, host);
}

static void conn_free(gpointer data)
{
    Conn *conn = data;
    SgConns *conns = conn->conns;

    sg_timer_stop(conns->options->loop, &conn->timer);
    if (conn->outgoing) {
        char *key = peer_key(conn->flow.kind, &conn->flow.remote);

        if (g_hash_table_lookup(conns->by_peer, key) == conn)
            g_hash_table_remove(conns->by_peer, key);
        g_free(key);
    }
    if (conn->ssl) {
        if (conn->state == OPEN && !conn->dead)
            SSL_shutdown(conn->ssl);
        SSL_free(conn->ssl);
        ERR_clear_error();
    }
    if (conn->fd >= 0) {
        fd_close(conn->fd);
        close(conn->fd);
    }
    if (conn->guarded)
        sg_guard_disconnect(conns->options->guard, &conn->flow.remote.u.sa);
    g_byte_array_unref(conn->in);
    g_byte_array_unref(conn->out);
    g_free(conn);
    md_stat_set(&conns->options->stats->connections, g_hash_table_size(conns->table));
}

static void bury(void *data)
{
    Conn *conn = data;
    SgConns *conns = conn->conns;
    uint64_t id = conn->id;
    bool told = conn->outgoing || conn->delivered;

    g_hash_table_remove(conns->table, &conn->id);
    if (!conns->closing && told)
        conns->options->on_closed(id, conns->options->user);
}

/* Never frees at once: callers up the stack may still hold the connection. */
static void die(Conn *conn)
{
    if (conn->dead)
        return;
    conn->dead = true;
    fd_close(conn->fd);
    sg_timer_start(conn->conns->options->loop, &conn->timer, 0, bury, conn);
}

static void on_time(void *data)
{
    die(data);
}

static void limit(Conn *conn, int64_t us)
{
    sg_timer_start(conn->conns->options->loop, &conn->timer, us, on_time, conn);
}

static void on_event(int flags, void *arg);

static void watch(Conn *conn, bool write)
{
    if (conn->dead || conn->writing == write)
        return;
    conn->writing = write;
    if (fd_listen(conn->fd, FD_READ | (write ? FD_WRITE : 0), on_event, conn))
        die(conn);
}

/* --- out --- */

/* Bytes written, 0: would block, -1: broken. */
static ssize_t put(Conn *conn, const uint8_t *data, size_t len)
{
    ssize_t n;

    if (conn->ssl) {
        int err;

        ERR_clear_error();
        n = SSL_write(conn->ssl, data, (int)MIN(len, 1 << 20));
        if (n > 0)
            return n;
        err = SSL_get_error(conn->ssl, (int)n);
        return err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE ? 0 : -1;
    }
    n = send(conn->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0)
        return n;
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static void flush(Conn *conn)
{
    while (conn->out->len > 0 && !conn->dead) {
        ssize_t n = put(conn, conn->out->data, conn->out->len);

        if (n < 0) {
            die(conn);
            return;
        }
        if (n == 0)
            break;
        g_byte_array_remove_range(conn->out, 0, (guint)n);
    }
    watch(conn, conn->out->len > 0);
}

static int queue(Conn *conn, const char *data, size_t len)
{
    if (conn->dead)
        return -ENOTCONN;
    if (conn->out->len + len > QUEUE_MAX) {
        die(conn); /* it stopped reading */
        return -ENOBUFS;
    }
    g_byte_array_append(conn->out, (const guint8 *)data, (guint)len);
    if (conn->state == OPEN)
        flush(conn);
    return conn->dead ? -EPIPE : 0;
}

/* --- in --- */

/* The Content-Length of a header, -1 when there is none or it is no number. Case and the compact form as in RFC 3261. */
static int64_t content_length(const char *header, size_t len)
{
    const char *p = header, *end = header + len;

    while (p < end) {
        const char *line_end = memchr(p, '\n', (size_t)(end - p)), *colon;
        struct pl name, value;
        uint32_t number;

        if (!line_end)
            line_end = end;
        colon = memchr(p, ':', (size_t)(line_end - p));
        if (colon) {
            name = (struct pl){p, (size_t)(colon - p)};
            while (name.l > 0 && (name.p[name.l - 1] == ' ' || name.p[name.l - 1] == '\t'))
                name.l--;
            if (pl_strcasecmp(&name, "Content-Length") == 0 || pl_strcasecmp(&name, "l") == 0) {
                value = (struct pl){colon + 1, (size_t)(line_end - colon - 1)};
                while (value.l > 0 && g_ascii_isspace(*value.p)) {
                    value.p++;
                    value.l--;
                }
                while (value.l > 0 && g_ascii_isspace(value.p[value.l - 1]))
                    value.l--;
                return sg_pl_u32(&value, &number) ? (int64_t)number : -1;
            }
        }
        p = line_end + 1;
    }
    return -1;
}

/* CRLFs between messages: however many came together are one ping (RFC 5626 3.5.1) and get one pong. */
static bool take_keep_alive(Conn *conn)
{
    const char *data = (const char *)conn->in->data;
    size_t len = conn->in->len, n = 0;

    while (n + 2 <= len && data[n] == '\r' && data[n + 1] == '\n')
        n += 2;
    if (n == 2 && len <= 3 && !conn->outgoing)
        return false; /* half a ping, perhaps */
    if (n >= 4 && sg_transport_admit(conn->conns->transport, &conn->flow))
        queue(conn, "\r\n", 2);
    if (conn->dead)
        return false;
    g_byte_array_remove_range(conn->in, 0, (guint)n);
    return true;
}

/* Takes one message or keep-alive off the front. False: wait for more, or the connection died. */
static bool take(Conn *conn)
{
    SgConns *conns = conn->conns;
    const char *data = (const char *)conn->in->data, *end;
    size_t len = conn->in->len, header;
    int64_t body;

    if (len >= 2 && data[0] == '\r' && data[1] == '\n')
        return take_keep_alive(conn);
    end = len > 0 ? memmem(data, len, "\r\n\r\n", 4) : NULL;
    if (!end) {
        if (len > conns->options->message_max) {
            sg_transport_offend(conns->transport, &conn->flow, SG_OFFENCE_OVERSIZE, NULL);
            die(conn);
        }
        return false;
    }
    header = (size_t)(end - data) + 4;
    body = content_length(data, header);
    if (body < 0 || header + (size_t)body > conns->options->message_max) {
        sg_transport_offend(conns->transport, &conn->flow, body < 0 ? SG_OFFENCE_MALFORMED : SG_OFFENCE_OVERSIZE, NULL);
        die(conn);
        return false;
    }
    if (len < header + (size_t)body)
        return false;
    conn->seen = true;
    conn->partial = false;
    if (sg_transport_admit(conns->transport, &conn->flow)) {
        conn->delivered = true;
        if (!sg_transport_deliver(conns->transport, &conn->flow, data, header + (size_t)body))
            die(conn); /* out of step: nothing that follows can be trusted */
    }
    if (conn->dead)
        return false;
    g_byte_array_remove_range(conn->in, 0, (guint)(header + (size_t)body));
    return true;
}

/* Nobody keeps a connection by trickling bytes: what waits for a message is not put off by a part of one. */
static void renew_limit(Conn *conn)
{
    guint blank = 0;

    if (!conn->seen && !conn->outgoing)
        return;
    while (blank < conn->in->len && (conn->in->data[blank] == '\r' || conn->in->data[blank] == '\n'))
        blank++;
    if (blank == conn->in->len) {
        conn->partial = false;
        limit(conn, (int64_t)conn->conns->options->tcp_idle_s * G_USEC_PER_SEC);
    } else if (!conn->partial) {
        conn->partial = true;
        limit(conn, PARTIAL_US);
    }
}

static void received(Conn *conn, const uint8_t *data, size_t len)
{
    g_byte_array_append(conn->in, data, (guint)len);
    while (!conn->dead && conn->in->len > 0 && take(conn))
        ;
    if (!conn->dead)
        renew_limit(conn);
}

static void read_some(Conn *conn)
{
    uint8_t buffer[READ_CHUNK];

    /* what OpenSSL has already taken from the socket raises no event: it must be read now */
    for (int i = 0; (i < 8 || (conn->ssl && SSL_has_pending(conn->ssl))) && !conn->dead; i++) {
        ssize_t n;

        if (conn->ssl) {
            int err;

            ERR_clear_error();
            n = SSL_read(conn->ssl, buffer, sizeof(buffer));
            if (n <= 0) {
                err = SSL_get_error(conn->ssl, (int)n);
                if (err != SSL_ERROR_WANT_READ && err != SSL_ERROR_WANT_WRITE)
                    die(conn);
                return;
            }
        } else {
            n = recv(conn->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
            if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
            if (n <= 0) {
                die(conn);
                return;
            }
        }
        received(conn, buffer, (size_t)n);
        if (!conn->ssl && (size_t)n < sizeof(buffer))
            return;
    }
}

/* --- getting there --- */

static void opened(Conn *conn)
{
    conn->state = OPEN;
    limit(conn, conn->outgoing ? (int64_t)conn->conns->options->tcp_idle_s * G_USEC_PER_SEC : FIRST_US);
    flush(conn);
}

static void handshake(Conn *conn)
{
    int n, err;

    ERR_clear_error();
    n = SSL_do_handshake(conn->ssl);
    if (n == 1) {
        opened(conn);
        return;
    }
    err = SSL_get_error(conn->ssl, n);
    if (err == SSL_ERROR_WANT_READ)
        watch(conn, false);
    else if (err == SSL_ERROR_WANT_WRITE)
        watch(conn, true);
    else {
        char host[80];
        sg_host_port(host, sizeof(host), &conn->flow.remote);
        if (conn->conns->options->logger)
            md_info(conn->conns->options->logger, "TLS handshake with %s failed: %s", host,
                    ERR_reason_error_string(ERR_peek_error()) ? ERR_reason_error_string(ERR_peek_error()) : "closed");
        ERR_clear_error();
        die(conn);
    }
}

static void connected(Conn *conn)
{
    socklen_t len = sizeof(int);
    int err = 0;

    if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 || err != 0) {
        die(conn);
        return;
    }
    conn->flow.local.len = sizeof(conn->flow.local.u);
    getsockname(conn->fd, &conn->flow.local.u.sa, &conn->flow.local.len);
    conn->state = conn->ssl ? HANDSHAKE : OPEN;
    if (conn->ssl)
        handshake(conn);
    else
        opened(conn);
}

static void on_event(int flags, void *arg)
{
    Conn *conn = arg;

    if (conn->dead)
        return;
    if (conn->state == CONNECTING) {
        if (flags & (FD_WRITE | FD_EXCEPT))
            connected(conn);
        return;
    }
    if (conn->state == HANDSHAKE) {
        handshake(conn);
        if (conn->dead || conn->state != OPEN)
            return;
    }
    if (flags & FD_WRITE)
        flush(conn);
    if (!conn->dead)
        read_some(conn);
}

static Conn *conn_new(SgConns *conns, int fd, const SgFlow *flow)
{
    Conn *conn = g_new0(Conn, 1);
    int one = 1;

    conn->conns = conns;
    conn->id = conns->next_id++;
    conn->fd = fd;
    conn->flow = *flow;
    conn->flow.conn = conn->id;
    conn->in = g_byte_array_new();
    conn->out = g_byte_array_new();
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    g_hash_table_insert(conns->table, &conn->id, conn);
    md_stat_set(&conns->options->stats->connections, g_hash_table_size(conns->table));
    return conn;
}

void sg_conns_accept(SgConns *conns, int fd, const SgFlow *flow, bool guarded)
{
    Conn *conn = conn_new(conns, fd, flow);

    conn->guarded = guarded;
    limit(conn, CONNECT_US);
    if (flow->kind == SG_TLS) {
        conn->ssl = SSL_new(conns->options->tls_server);
        if (!conn->ssl || SSL_set_fd(conn->ssl, fd) != 1) {
            die(conn);
            return;
        }
        SSL_set_accept_state(conn->ssl);
        conn->state = HANDSHAKE;
    } else {
        conn->state = OPEN;
        limit(conn, FIRST_US);
    }
    if (fd_listen(fd, FD_READ, on_event, conn))
        die(conn);
}

static int start_client_tls(Conn *conn, const char *verify_host)
{
    const SgTransportOptions *options = conn->conns->options;
    struct sa numeric;

    conn->ssl = options->tls_client ? SSL_new(options->tls_client) : NULL;
    if (!conn->ssl || SSL_set_fd(conn->ssl, conn->fd) != 1)
        return -EPROTONOSUPPORT;
    SSL_set_connect_state(conn->ssl);
    if (!verify_host)
        return 0;
    if (sa_set_str(&numeric, verify_host, 0) == 0) {
        if (options->tls_verify_host)
            X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(conn->ssl), verify_host);
    } else {
        SSL_set_tlsext_host_name(conn->ssl, verify_host);
        if (options->tls_verify_host)
            SSL_set1_host(conn->ssl, verify_host);
    }
    return 0;
}

static int open_conn(SgConns *conns, SgFlow *flow, const char *verify_host, Conn **ret_conn)
{
    int fd, err = 0;
    Conn *conn;

    if (g_hash_table_size(conns->table) >= 60000)
        return -EMFILE;
    fd = socket(sa_af(&flow->remote), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    flow->listener = UINT_MAX;
    conn = conn_new(conns, fd, flow);
    conn->outgoing = true;
    flow->conn = conn->id;
    g_hash_table_insert(conns->by_peer, peer_key(flow->kind, &flow->remote), conn);
    limit(conn, CONNECT_US);
    if (connect(fd, &flow->remote.u.sa, flow->remote.len) < 0 && errno != EINPROGRESS)
        err = -errno;
    if (!err && flow->kind == SG_TLS)
        err = start_client_tls(conn, verify_host);
    conn->writing = true;
    if (!err)
        err = -fd_listen(fd, FD_READ | FD_WRITE, on_event, conn);
    if (err) {
        die(conn);
        return err;
    }
    *ret_conn = conn;
    return 0;
}

int sg_conns_send(SgConns *conns, SgFlow *flow, const char *verify_host, const char *data, size_t len)
{
    Conn *conn = NULL;
    int err;

    if (conns->closing)
        return -ENOTCONN;
    if (flow->conn != 0) {
        conn = g_hash_table_lookup(conns->table, &flow->conn);
        if (!conn || conn->dead)
            return -ENOTCONN;
    } else {
        err = open_conn(conns, flow, verify_host, &conn);
        if (err < 0)
            return err;
    }
    return queue(conn, data, len);
}

uint64_t sg_conns_find(SgConns *conns, SgTransportKind kind, const struct sa *remote)
{
    char *key = peer_key(kind, remote);
    Conn *conn = g_hash_table_lookup(conns->by_peer, key);

    g_free(key);
    return conn && !conn->dead ? conn->id : 0;
}

SgConns *sg_conns_new(SgTransport *transport, const SgTransportOptions *options)
{
    SgConns *conns = g_new0(SgConns, 1);

    conns->transport = transport;
    conns->options = options;
    conns->next_id = 1;
    conns->table = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, conn_free);
    conns->by_peer = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return conns;
}

void sg_conns_free(SgConns *conns)
{
    if (!conns)
        return;
    conns->closing = true;
    g_hash_table_unref(conns->table);
    g_hash_table_unref(conns->by_peer);
    g_free(conns);
}
