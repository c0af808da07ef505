/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Floor control's server side in virtual time: messages made and read by libre's codec. */
#include "sip/bfcp.h"
#include <glib.h>

enum { CALL = 2, CONFERENCE = 0x1234567, USER = 7, FLOOR = 1 };

typedef struct Desk {
    SgBfcp *bfcp;
    SgBfcpPath path;
    int64_t now_us;
    struct bfcp_msg *last; /* that came out */
    unsigned sent;
    int wish;              /* 1 wanted, -1 given back, 0 nothing since */
} Desk;

static void on_send(const SgBfcpPath *path, const uint8_t *data, size_t len, void *user)
{
    Desk *d = user;
    struct mbuf *mb = mbuf_alloc(len);

    g_assert_cmpint(sg_bfcp_message_len(data, len), ==, len);
    mbuf_write_mem(mb, data, len);
    mb->pos = 0;
    d->last = mem_deref(d->last);
    g_assert_cmpint(bfcp_msg_decode(&d->last, mb), ==, 0);
    mem_deref(mb);
    d->sent++;
}

static void on_request(uint64_t call, bool wanted, void *user)
{
    g_assert_cmpuint(call, ==, CALL);
    ((Desk *)user)->wish = wanted ? 1 : -1;
}

static void desk_init(Desk *d, bool stream)
{
    MdCallFloor floor = {.stream = stream, .conference = CONFERENCE, .user = USER, .floor = FLOOR};
    SgBfcpOptions options = {.send = on_send, .on_request = on_request, .sessions_max = 2, .user = d};
    struct sa none;

    *d = (Desk){.now_us = 1000000};
    sa_init(&none, AF_UNSPEC);
    sa_set_str(&d->path.address, "192.0.2.9", 5070);
    d->path.stream = stream;
    d->path.conn = stream ? 5 : 0;
    d->bfcp = sg_bfcp_new(&options);
    g_assert_true(sg_bfcp_open(d->bfcp, CALL, &floor, &d->path.address, &none));
}

static void desk_clear(Desk *d)
{
    sg_bfcp_free(d->bfcp);
    d->last = mem_deref(d->last);
}

static void give(Desk *d, struct mbuf *mb)
{
    sg_bfcp_receive(d->bfcp, &d->path, mb->buf, mb->end, d->now_us);
    mem_deref(mb);
}

#define SAY(d, prim, tid, n, ...)                                                                                                   \
    do {                                                                                                                            \
        struct mbuf *mb_ = mbuf_alloc(64);                                                                                          \
        g_assert_cmpint(bfcp_msg_encode(mb_, (d)->path.stream ? 1 : 2, false, prim, CONFERENCE, tid, USER, n, ##__VA_ARGS__), ==, 0); \
        give(d, mb_);                                                                                                               \
    } while (0)

static uint16_t floor_id = FLOOR;

static enum bfcp_reqstat status_of(const struct bfcp_msg *msg, uint16_t *ret_id)
{
    struct bfcp_attr *info = bfcp_msg_attr(msg, BFCP_FLOOR_REQ_INFO), *overall, *status;

    if (!info)
        return 0;
    overall = bfcp_attr_subattr(info, BFCP_OVERALL_REQ_STATUS);
    status = bfcp_attr_subattr(overall, BFCP_REQUEST_STATUS);
    if (ret_id)
        *ret_id = info->v.floorreqid;
    return status->v.reqstatus.status;
}

static void expect(const Desk *d, enum bfcp_prim prim, unsigned sent)
{
    g_assert_cmpuint(d->sent, ==, sent);
    g_assert_cmpint(d->last->prim, ==, prim);
    g_assert_cmpuint(d->last->confid, ==, CONFERENCE);
    g_assert_cmpuint(d->last->userid, ==, USER);
}

static void expect_error(const Desk *d, enum bfcp_err code)
{
    g_assert_cmpint(d->last->prim, ==, BFCP_ERROR);
    g_assert_cmpint(bfcp_msg_attr(d->last, BFCP_ERROR_CODE)->v.errcode.code, ==, code);
}

static void acknowledge(Desk *d, enum bfcp_prim prim)
{
    struct mbuf *mb = mbuf_alloc(16);
    unsigned sent = d->sent;

    bfcp_msg_encode(mb, 2, true, prim, CONFERENCE, d->last->tid, USER, 0);
    give(d, mb);
    g_assert_cmpuint(d->sent, ==, sent);
}

/* Asked, granted, given back; over UDP and TCP. */
static void test_life(void)
{
    for (unsigned stream = 0; stream < 2; stream++) {
        Desk d;
        uint16_t id = 0, same = 0;
        desk_init(&d, stream);
        SAY(&d, BFCP_HELLO, 1, 0);
        expect(&d, BFCP_HELLO_ACK, 1);
        g_assert_cmpuint(d.last->r, ==, !stream);
        g_assert_cmpuint(d.last->ver, ==, stream ? 1 : 2);
        g_assert_nonnull(bfcp_msg_attr(d.last, BFCP_SUPPORTED_PRIMS));
        SAY(&d, BFCP_FLOOR_QUERY, 2, 1, BFCP_FLOOR_ID, 0, &floor_id);
        expect(&d, BFCP_FLOOR_STATUS, 2);
        g_assert_null(bfcp_msg_attr(d.last, BFCP_FLOOR_REQ_INFO));
        SAY(&d, BFCP_FLOOR_REQUEST, 3, 1, BFCP_FLOOR_ID, 0, &floor_id);
        expect(&d, BFCP_FLOOR_REQUEST_STATUS, 3);
        g_assert_cmpint(status_of(d.last, &id), ==, BFCP_PENDING);
        g_assert_cmpuint(d.last->tid, ==, 3);
        g_assert_cmpint(d.wish, ==, 1);
        sg_bfcp_content(d.bfcp, CALL, MD_CALL_CONTENT_YOURS, NULL, d.now_us);
        g_assert_cmpuint(d.sent, ==, 5); /* of the request, and of the floor */
        g_assert_cmpint(d.last->prim, ==, BFCP_FLOOR_STATUS);
        g_assert_cmpint(status_of(d.last, &same), ==, BFCP_GRANTED);
        g_assert_cmpuint(same, ==, id);
        g_assert_cmpuint(d.last->tid == 0, ==, stream);
        g_assert_cmpuint(d.last->r, ==, 0);
        SAY(&d, BFCP_FLOOR_REQUEST, 4, 1, BFCP_FLOOR_ID, 0, &floor_id);
        expect_error(&d, BFCP_MAX_FLOOR_REQ_REACHED);
        SAY(&d, BFCP_FLOOR_REQUEST_QUERY, 5, 1, BFCP_FLOOR_REQUEST_ID, 0, &id);
        g_assert_cmpint(status_of(d.last, NULL), ==, BFCP_GRANTED);
        SAY(&d, BFCP_FLOOR_RELEASE, 6, 1, BFCP_FLOOR_REQUEST_ID, 0, &id);
        g_assert_cmpint(status_of(d.last, NULL), ==, BFCP_RELEASED);
        g_assert_cmpint(d.wish, ==, -1);
        unsigned sent = d.sent;
        sg_bfcp_content(d.bfcp, CALL, MD_CALL_CONTENT_FREE, NULL, d.now_us);
        g_assert_cmpuint(d.sent, ==, sent + 1);
        g_assert_null(bfcp_msg_attr(d.last, BFCP_FLOOR_REQ_INFO));
        desk_clear(&d);
    }
}

static void test_refused_and_revoked(void)
{
    Desk d;
    desk_init(&d, false);
    SAY(&d, BFCP_FLOOR_REQUEST, 1, 1, BFCP_FLOOR_ID, 0, &floor_id);
    sg_bfcp_content(d.bfcp, CALL, MD_CALL_CONTENT_REFUSED, "a site presents", d.now_us);
    g_assert_cmpint(status_of(d.last, NULL), ==, BFCP_DENIED);
    struct bfcp_attr *overall = bfcp_attr_subattr(bfcp_msg_attr(d.last, BFCP_FLOOR_REQ_INFO), BFCP_OVERALL_REQ_STATUS);
    g_assert_cmpstr(bfcp_attr_subattr(overall, BFCP_STATUS_INFO)->v.statusinfo, ==, "a site presents");
    acknowledge(&d, BFCP_FLOOR_REQ_STATUS_ACK);
    SAY(&d, BFCP_FLOOR_REQUEST, 2, 1, BFCP_FLOOR_ID, 0, &floor_id);
    sg_bfcp_content(d.bfcp, CALL, MD_CALL_CONTENT_YOURS, NULL, d.now_us);
    sg_bfcp_content(d.bfcp, CALL, MD_CALL_CONTENT_TAKEN, "the chair", d.now_us);
    g_assert_cmpint(d.last->prim, ==, BFCP_FLOOR_STATUS); /* somebody else's */
    g_assert_cmpint(status_of(d.last, NULL), ==, BFCP_GRANTED);
    SAY(&d, BFCP_FLOOR_REQUEST_QUERY, 3, 1, BFCP_FLOOR_REQUEST_ID, 0, &(uint16_t){2});
    g_assert_cmpint(status_of(d.last, NULL), ==, BFCP_REVOKED);
    desk_clear(&d);
}

/* A word that is not acknowledged is said four times, then the device is taken for gone. */
static void test_retransmission(void)
{
    Desk d;
    desk_init(&d, false);
    SAY(&d, BFCP_FLOOR_REQUEST, 1, 1, BFCP_FLOOR_ID, 0, &floor_id);
    unsigned sent = d.sent;
    SAY(&d, BFCP_FLOOR_REQUEST, 1, 1, BFCP_FLOOR_ID, 0, &floor_id); /* our answer was lost: the same again, no second wish */
    expect(&d, BFCP_FLOOR_REQUEST_STATUS, sent + 1);
    g_assert_cmpint(sg_bfcp_due_us(d.bfcp), ==, INT64_MAX);
    sg_bfcp_content(d.bfcp, CALL, MD_CALL_CONTENT_YOURS, NULL, d.now_us);
    acknowledge(&d, BFCP_FLOOR_STATUS_ACK); /* the request's own word stays unheard */
    sent = d.sent;
    static const unsigned after_ms[] = {500, 1500, 3500};
    int64_t began_us = d.now_us;
    d.wish = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(after_ms); i++) {
        g_assert_cmpint(sg_bfcp_due_us(d.bfcp), ==, began_us + after_ms[i] * 1000);
        sg_bfcp_tick(d.bfcp, sg_bfcp_due_us(d.bfcp));
        expect(&d, BFCP_FLOOR_REQUEST_STATUS, sent + i + 1);
    }
    g_assert_cmpint(d.wish, ==, 0);
    sg_bfcp_tick(d.bfcp, sg_bfcp_due_us(d.bfcp));
    g_assert_cmpuint(d.sent, ==, sent + 3);
    g_assert_cmpint(d.wish, ==, -1);
    g_assert_cmpint(sg_bfcp_due_us(d.bfcp), ==, INT64_MAX);
    desk_clear(&d);
}

static void test_errors(void)
{
    Desk d;
    uint16_t other = 9;
    desk_init(&d, false);
    SAY(&d, BFCP_FLOOR_REQUEST, 1, 1, BFCP_FLOOR_ID, 0, &other);
    expect_error(&d, BFCP_INVALID_FLOOR_ID);
    SAY(&d, BFCP_FLOOR_REQUEST, 2, 0);
    expect_error(&d, BFCP_INVALID_FLOOR_ID);
    SAY(&d, BFCP_FLOOR_REQUEST, 3, 2, BFCP_FLOOR_ID, 0, &floor_id, BFCP_BENEFICIARY_ID, 0, &other);
    expect_error(&d, BFCP_UNAUTH_OPERATION);
    SAY(&d, BFCP_FLOOR_RELEASE, 4, 1, BFCP_FLOOR_REQUEST_ID, 0, &other);
    expect_error(&d, BFCP_FLOOR_REQ_ID_NOT_EXIST);
    SAY(&d, BFCP_CHAIR_ACTION, 5, 0);
    expect_error(&d, BFCP_UNAUTH_OPERATION);
    SAY(&d, (enum bfcp_prim)77, 6, 0);
    expect_error(&d, BFCP_UNKNOWN_PRIM);
    g_assert_cmpint(d.wish, ==, 0);
    /* A stranger's host, another user, another conference, nonsense: told so, or nothing. */
    struct sa own = d.path.address;
    sa_set_str(&d.path.address, "198.51.100.1", 5070);
    SAY(&d, BFCP_FLOOR_REQUEST, 7, 1, BFCP_FLOOR_ID, 0, &floor_id);
    expect_error(&d, BFCP_CONF_NOT_EXIST);
    d.path.address = own;
    struct mbuf *mb = mbuf_alloc(32);
    bfcp_msg_encode(mb, 2, false, BFCP_HELLO, CONFERENCE, 8, USER + 1, 0);
    give(&d, mb);
    expect_error(&d, BFCP_USER_NOT_EXIST);
    unsigned sent = d.sent;
    for (unsigned len = 0; len < 40; len++)
        sg_bfcp_receive(d.bfcp, &d.path, (const uint8_t *)"\x40\x01\xff\xff five hundred and some bytes of it are said to come", len, d.now_us);
    g_assert_cmpuint(d.sent, ==, sent);
    /* More than anybody needs is not answered. */
    d.now_us += G_USEC_PER_SEC;
    sent = d.sent;
    for (unsigned i = 0; i < 200; i++)
        SAY(&d, BFCP_HELLO, (uint16_t)(100 + i), 0);
    g_assert_cmpuint(d.sent - sent, ==, 25);
    desk_clear(&d);
}

static void test_goes(void)
{
    for (unsigned stream = 0; stream < 2; stream++) {
        Desk d;
        desk_init(&d, stream);
        SAY(&d, BFCP_FLOOR_REQUEST, 1, 1, BFCP_FLOOR_ID, 0, &floor_id);
        sg_bfcp_content(d.bfcp, CALL, MD_CALL_CONTENT_YOURS, NULL, d.now_us);
        if (stream) {
            sg_bfcp_path_closed(d.bfcp, d.path.conn);
        } else {
            SAY(&d, BFCP_GOODBYE, 2, 0);
            expect(&d, BFCP_GOODBYE_ACK, d.sent);
        }
        g_assert_cmpint(d.wish, ==, -1);
        unsigned sent = d.sent;
        sg_bfcp_content(d.bfcp, CALL, MD_CALL_CONTENT_FREE, NULL, d.now_us);
        g_assert_cmpuint(d.sent, ==, sent); /* nobody is there */
        SAY(&d, BFCP_HELLO, 3, 0);
        expect(&d, BFCP_HELLO_ACK, sent + 1);
        desk_clear(&d);
    }
}

static void test_limits(void)
{
    Desk d;
    desk_init(&d, false);
    MdCallFloor floor = {.conference = CONFERENCE, .user = 1, .floor = 1};
    g_assert_false(sg_bfcp_open(d.bfcp, 4, &floor, &d.path.address, &d.path.address)); /* another's number */
    floor.conference = 99;
    g_assert_true(sg_bfcp_open(d.bfcp, 4, &floor, &d.path.address, &d.path.address));
    floor.conference = 100;
    g_assert_true(sg_bfcp_open(d.bfcp, 4, &floor, &d.path.address, &d.path.address)); /* renumbered */
    g_assert_false(sg_bfcp_open(d.bfcp, 6, &(MdCallFloor){.conference = 101}, &d.path.address, &d.path.address));
    g_assert_cmpuint(sg_bfcp_sessions(d.bfcp), ==, 2);
    sg_bfcp_close(d.bfcp, 4);
    sg_bfcp_close(d.bfcp, 4);
    g_assert_cmpuint(sg_bfcp_sessions(d.bfcp), ==, 1);
    desk_clear(&d);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    libre_init();
    g_test_add_func("/bfcp/life", test_life);
    g_test_add_func("/bfcp/refused-and-revoked", test_refused_and_revoked);
    g_test_add_func("/bfcp/retransmission", test_retransmission);
    g_test_add_func("/bfcp/errors", test_errors);
    g_test_add_func("/bfcp/goes", test_goes);
    g_test_add_func("/bfcp/limits", test_limits);
    return g_test_run();
}
