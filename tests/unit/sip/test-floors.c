/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Floor control over real sockets on the loopback, against libre's own client (UDP) and libre's TCP with its codec. */
#include "sip/floors.h"
#include <glib.h>

enum { CALL = 2, CONFERENCE = 0x1234567, USER = 7, FLOOR = 1, LATE_MS = 8000 };

typedef struct Desk { /* the server, on the loop's thread */
    SgLoop *loop;
    SgFloors *floors;
    uint16_t port;
    MdCallFloor floor;
    const char *host;
    _Atomic int wishes, returns;
} Desk;

/* Control's part: whoever wants the floor gets it. */
static void on_request(uint64_t call, bool wanted, void *user)
{
    Desk *d = user;

    if (wanted)
        d->wishes++;
    else
        d->returns++;
    sg_floors_content(d->floors, call, wanted ? MD_CALL_CONTENT_YOURS : MD_CALL_CONTENT_FREE, NULL);
}

static void begin(void *data)
{
    Desk *d = data;
    GError *error = NULL;
    struct sa signalling;

    d->floors = sg_floors_new(d->loop, 0, on_request, d, &error);
    g_assert_no_error(error);
    d->port = sg_floors_port(d->floors);
    sa_init(&signalling, AF_UNSPEC);
    md_addr_from_host(&d->floor.peer, d->host, 1);
    sg_floors_open(d->floors, CALL, &d->floor, &signalling);
}

static void end(void *data)
{
    sg_floors_free(((Desk *)data)->floors);
}

static void desk_begin(Desk *d, const char *host, bool stream)
{
    *d = (Desk){.host = host, .floor = {.stream = stream, .conference = CONFERENCE, .user = USER, .floor = FLOOR}};
    d->loop = sg_loop_new("floors", NULL);
    sg_loop_call(d->loop, begin, d);
}

static void desk_end(Desk *d)
{
    sg_loop_call(d->loop, end, d);
    sg_loop_free(d->loop);
    g_assert_cmpint(d->wishes, ==, 1);
    g_assert_cmpint(d->returns, ==, 1);
}

/* --- the device --- */

typedef struct Device {
    struct bfcp_conn *conn; /* UDP */
    struct tcp_conn *tcp;
    struct mbuf *in;
    struct sa server;
    struct tmr late;
    uint16_t request, tid;
    bool granted, released, done;
    char steps[200];        /* what it was told, in order */
} Device;

static uint16_t floor_id = FLOOR;

static void on_response(int err, const struct bfcp_msg *msg, void *arg);

static void ask(Device *v, enum bfcp_prim prim)
{
    const uint16_t *floor = prim == BFCP_FLOOR_REQUEST ? &floor_id : NULL, *request = prim == BFCP_FLOOR_RELEASE ? &v->request : NULL;

    if (v->conn) {
        g_assert_cmpint(bfcp_request(v->conn, &v->server, BFCP_VER2, prim, CONFERENCE, USER, on_response, v, 2, BFCP_FLOOR_ID, 0, floor,
                                     BFCP_FLOOR_REQUEST_ID, 0, request), ==, 0);
        return;
    }
    struct mbuf *mb = mbuf_alloc(64);
    g_assert_cmpint(bfcp_msg_encode(mb, BFCP_VER1, false, prim, CONFERENCE, ++v->tid, USER, 2, BFCP_FLOOR_ID, 0, floor,
                                    BFCP_FLOOR_REQUEST_ID, 0, request), ==, 0);
    mb->pos = 0;
    g_assert_cmpint(tcp_send(v->tcp, mb), ==, 0);
    mem_deref(mb);
}

static void take_status(Device *v, const struct bfcp_msg *msg)
{
    struct bfcp_attr *info = bfcp_msg_attr(msg, BFCP_FLOOR_REQ_INFO);
    struct bfcp_attr *status = bfcp_attr_subattr(bfcp_attr_subattr(info, BFCP_OVERALL_REQ_STATUS), BFCP_REQUEST_STATUS);

    v->request = info->v.floorreqid;
    g_strlcat(v->steps, bfcp_reqstatus_name(status->v.reqstatus.status), sizeof v->steps);
    g_strlcat(v->steps, " ", sizeof v->steps);
    if (status->v.reqstatus.status == BFCP_GRANTED && !v->granted) {
        v->granted = true;
        ask(v, BFCP_FLOOR_RELEASE);
    }
    if (status->v.reqstatus.status == BFCP_RELEASED) {
        v->released = true;
        if (v->conn) {
            ask(v, BFCP_GOODBYE);
        } else {
            v->done = true;
            re_cancel();
        }
    }
}

static void take(Device *v, const struct bfcp_msg *msg)
{
    if (msg->prim == BFCP_HELLO_ACK) {
        g_strlcat(v->steps, "hello ", sizeof v->steps);
        ask(v, BFCP_FLOOR_REQUEST);
    } else if (msg->prim == BFCP_FLOOR_REQUEST_STATUS) {
        take_status(v, msg);
    } else if (msg->prim == BFCP_GOODBYE_ACK) {
        v->done = true;
        re_cancel();
    }
}

static void on_response(int err, const struct bfcp_msg *msg, void *arg)
{
    g_assert_cmpint(err, ==, 0);
    take(arg, msg);
}

static void on_message(const struct bfcp_msg *msg, void *arg)
{
    Device *v = arg;

    g_assert_cmpint(msg->r, ==, 0);
    if (msg->prim == BFCP_FLOOR_REQUEST_STATUS)
        bfcp_reply(v->conn, msg, BFCP_FLOOR_REQ_STATUS_ACK, 0);
    else if (msg->prim == BFCP_FLOOR_STATUS)
        bfcp_reply(v->conn, msg, BFCP_FLOOR_STATUS_ACK, 0);
    take(v, msg);
}

static void on_late(void *arg)
{
    re_cancel();
}

static void wait_done(Device *v)
{
    tmr_start(&v->late, LATE_MS, on_late, NULL);
    re_main(NULL);
    tmr_cancel(&v->late);
    g_assert_cmpstr(v->steps, ==, "hello Pending Granted Released ");
    g_assert_true(v->done);
}

static void udp(const char *host)
{
    Desk d;
    Device v = {0};
    struct sa local;

    desk_begin(&d, host, false);
    sa_set_str(&local, host, 0);
    sa_set_str(&v.server, host, d.port);
    g_assert_cmpint(bfcp_listen(&v.conn, BFCP_UDP, &local, NULL, on_message, &v), ==, 0);
    ask(&v, BFCP_HELLO);
    wait_done(&v);
    mem_deref(v.conn);
    desk_end(&d);
}

static void test_udp(void)
{
    udp("127.0.0.1");
}

static void test_udp6(void)
{
    udp("::1");
}

static void on_established(void *arg)
{
    ask(arg, BFCP_HELLO);
}

static void on_bytes(struct mbuf *mb, void *arg)
{
    Device *v = arg;

    v->in->pos = v->in->end;
    mbuf_write_mem(v->in, mbuf_buf(mb), mbuf_get_left(mb));
    v->in->pos = 0;
    while (sg_bfcp_message_len(mbuf_buf(v->in), mbuf_get_left(v->in)) > 0) {
        struct bfcp_msg *msg = NULL;
        g_assert_cmpint(bfcp_msg_decode(&msg, v->in), ==, 0);
        take(v, msg);
        mem_deref(msg);
    }
    size_t left = mbuf_get_left(v->in);
    memmove(v->in->buf, mbuf_buf(v->in), left);
    v->in->pos = v->in->end = left;
}

static void on_gone(int err, void *arg)
{
    g_strlcat(((Device *)arg)->steps, "closed ", sizeof ((Device *)arg)->steps);
    re_cancel();
}

static void tcp(const char *host)
{
    Desk d;
    Device v = {.in = mbuf_alloc(512)};

    desk_begin(&d, host, true);
    sa_set_str(&v.server, host, d.port);
    g_assert_cmpint(tcp_connect(&v.tcp, &v.server, on_established, on_bytes, on_gone, &v), ==, 0);
    wait_done(&v);
    mem_deref(v.tcp);
    mem_deref(v.in);
    desk_end(&d);
}

static void test_tcp(void)
{
    tcp("127.0.0.1");
}

static void test_tcp6(void)
{
    tcp("::1");
}

static void say_http(void *arg)
{
    Device *v = arg;
    struct mbuf *mb = mbuf_alloc(64);

    mbuf_write_str(mb, "GET / HTTP/1.1\r\nHost: here\r\n\r\n");
    mb->pos = 0;
    tcp_send(v->tcp, mb);
    mem_deref(mb);
}

/* Who speaks something else is cut off at once; who holds the floor and is cut off has it no more. */
static void test_nonsense(void)
{
    Desk d;
    Device v = {.in = mbuf_alloc(512)};

    desk_begin(&d, "127.0.0.1", true);
    sa_set_str(&v.server, "127.0.0.1", d.port);
    g_assert_cmpint(tcp_connect(&v.tcp, &v.server, say_http, on_bytes, on_gone, &v), ==, 0);
    tmr_start(&v.late, LATE_MS, on_late, NULL);
    re_main(NULL);
    tmr_cancel(&v.late);
    g_assert_cmpstr(v.steps, ==, "closed ");
    mem_deref(v.tcp);
    mem_deref(v.in);
    sg_loop_call(d.loop, end, &d);
    sg_loop_free(d.loop);
    g_assert_cmpint(d.wishes, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    sg_loop_free(sg_loop_new("first", NULL)); /* libre is set up by it, once */
    g_test_add_func("/floors/udp", test_udp);
    g_test_add_func("/floors/udp6", test_udp6);
    g_test_add_func("/floors/tcp", test_tcp);
    g_test_add_func("/floors/tcp6", test_tcp6);
    g_test_add_func("/floors/nonsense", test_nonsense);
    return g_test_run();
}
