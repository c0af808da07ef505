/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/bfcp.h"
#include <errno.h>

#define HEADER_LEN 12
#define T1_US 500000         /* RFC 8855, 8.3.1: doubles up to four transmissions */
#define TRANSMISSIONS 4
#define SESSIONS_MAX 2000
#define RATE_PER_S 25        /* messages of one user; more are left unanswered */
#define STRAY_PER_S 50       /* answers to those we do not know */
#define SOMEBODY_ELSES 0xffff /* a floor request that is not the user's */

/* A notification that waits for its acknowledgement (UDP). */
typedef struct Pending {
    uint16_t tid;
    enum bfcp_prim ack;
    unsigned sent;           /* 0: nothing waits */
    int64_t due_us;
    struct mbuf *mb;
} Pending;

typedef struct Session {
    uint64_t call;
    MdCallFloor floor;
    struct sa peer, signalling;
    bool has_path, subscribed;
    SgBfcpPath path;
    uint8_t version;
    MdCallContent content;   /* who presents, as told last */
    uint16_t request;        /* floor request of the user, 0 none */
    enum bfcp_reqstat status;
    uint16_t next_request, next_tid;
    Pending pending[2];      /* of the request's status, of the floor's */
    uint16_t last_tid;       /* the last transaction of the user and our answer: repeated as it was */
    struct mbuf *last;
    int64_t window_us;
    unsigned in_window;
} Session;

struct SgBfcp {
    SgBfcpOptions options;
    GHashTable *by_call, *by_conference; /* the second owns nothing; key: conference */
    int64_t stray_window_us;
    unsigned strays;
};

/* --- sending --- */

static uint32_t conference_of(const Session *s)
{
    return s->floor.conference;
}

static void put(SgBfcp *bfcp, const SgBfcpPath *path, const struct mbuf *mb)
{
    if (mb && mb->end > 0)
        bfcp->options.send(path, mb->buf, mb->end, bfcp->options.user);
}

/* The answer to req, kept for its repetition. */
static void answer(SgBfcp *bfcp, Session *s, const struct bfcp_msg *req, struct mbuf *mb)
{
    mem_deref(s->last);
    s->last = mb;
    s->last_tid = req->tid;
    put(bfcp, &s->path, mb);
}

/* RFC 8855, 5.1: the responder bit belongs to UDP's version. */
static bool responds(const Session *s)
{
    return s->version == BFCP_VER2;
}

static void refuse(SgBfcp *bfcp, Session *s, const struct bfcp_msg *req, enum bfcp_err code, const uint8_t *details, size_t len)
{
    struct mbuf *mb = mbuf_alloc(64);
    struct bfcp_errcode error = {.code = code, .details = (uint8_t *)details, .len = len};

    if (mb && bfcp_msg_encode(mb, req->ver, req->ver == BFCP_VER2, BFCP_ERROR, req->confid, req->tid, req->userid, 1, BFCP_ERROR_CODE, 0, &error) == 0)
        answer(bfcp, s, req, g_steal_pointer(&mb));
    mem_deref(mb);
}

static int encode_status(struct mbuf *mb, const Session *s, uint16_t tid, bool response, const char *info)
{
    struct bfcp_reqstatus status = {.status = s->status};
    const uint16_t *id = &s->request;

    return bfcp_msg_encode(mb, s->version, response && responds(s), BFCP_FLOOR_REQUEST_STATUS, conference_of(s), tid, s->floor.user, 1,
                           BFCP_FLOOR_REQ_INFO, 2, id,
                           BFCP_OVERALL_REQ_STATUS, 2, id, BFCP_REQUEST_STATUS, 0, &status, BFCP_STATUS_INFO, 0, info,
                           BFCP_FLOOR_REQ_STATUS, 0, &s->floor.floor);
}

static int encode_floor(struct mbuf *mb, const Session *s, uint16_t tid, bool response)
{
    bool yours = s->request && (s->status == BFCP_GRANTED || s->status == BFCP_PENDING);
    struct bfcp_reqstatus status = {.status = yours ? s->status : BFCP_GRANTED};
    uint16_t id = yours ? s->request : SOMEBODY_ELSES;
    bool any = yours || s->content == MD_CALL_CONTENT_TAKEN;

    return bfcp_msg_encode(mb, s->version, response && responds(s), BFCP_FLOOR_STATUS, conference_of(s), tid, s->floor.user, any ? 2 : 1,
                           BFCP_FLOOR_ID, 0, &s->floor.floor,
                           BFCP_FLOOR_REQ_INFO, 2, &id,
                           BFCP_OVERALL_REQ_STATUS, 1, &id, BFCP_REQUEST_STATUS, 0, &status,
                           BFCP_FLOOR_REQ_STATUS, 0, &s->floor.floor);
}

static void forget(Pending *p)
{
    p->mb = mem_deref(p->mb);
    p->sent = 0;
}

/* 0: the request's status, 1: the floor's. The newest word replaces the one before. */
static void notify(SgBfcp *bfcp, Session *s, unsigned which, const char *info, int64_t now_us)
{
    Pending *p = &s->pending[which];
    struct mbuf *mb = s->has_path ? mbuf_alloc(128) : NULL;
    uint16_t tid = 0; /* over TCP: RFC 8855, 5.1 */

    forget(p);
    if (!mb)
        return;
    if (!s->path.stream)
        tid = s->next_tid = s->next_tid == UINT16_MAX ? 1 : s->next_tid + 1;
    if ((which ? encode_floor(mb, s, tid, false) : encode_status(mb, s, tid, false, info)) != 0) {
        mem_deref(mb);
        return;
    }
    put(bfcp, &s->path, mb);
    if (s->path.stream) {
        mem_deref(mb);
        return;
    }
    *p = (Pending){.tid = tid, .ack = which ? BFCP_FLOOR_STATUS_ACK : BFCP_FLOOR_REQ_STATUS_ACK, .sent = 1, .due_us = now_us + T1_US, .mb = mb};
}

/* --- the user's requests --- */

static void reply_status(SgBfcp *bfcp, Session *s, const struct bfcp_msg *req, const char *info)
{
    struct mbuf *mb = mbuf_alloc(128);

    if (mb && encode_status(mb, s, req->tid, true, info) == 0)
        answer(bfcp, s, req, g_steal_pointer(&mb));
    mem_deref(mb);
}

static void hello(SgBfcp *bfcp, Session *s, const struct bfcp_msg *req)
{
    enum bfcp_prim prims[] = {BFCP_FLOOR_REQUEST, BFCP_FLOOR_RELEASE, BFCP_FLOOR_REQUEST_QUERY, BFCP_FLOOR_REQUEST_STATUS, BFCP_USER_QUERY,
                              BFCP_USER_STATUS, BFCP_FLOOR_QUERY, BFCP_FLOOR_STATUS, BFCP_HELLO, BFCP_HELLO_ACK, BFCP_ERROR,
                              BFCP_FLOOR_REQ_STATUS_ACK, BFCP_FLOOR_STATUS_ACK, BFCP_GOODBYE, BFCP_GOODBYE_ACK};
    enum bfcp_attrib attrs[] = {BFCP_BENEFICIARY_ID, BFCP_FLOOR_ID, BFCP_FLOOR_REQUEST_ID, BFCP_PRIORITY, BFCP_REQUEST_STATUS, BFCP_ERROR_CODE,
                                BFCP_ERROR_INFO, BFCP_PART_PROV_INFO, BFCP_STATUS_INFO, BFCP_SUPPORTED_ATTRS, BFCP_SUPPORTED_PRIMS,
                                BFCP_FLOOR_REQ_INFO, BFCP_FLOOR_REQ_STATUS, BFCP_OVERALL_REQ_STATUS};
    struct bfcp_supprim supported = {prims, s->path.stream ? 11 : G_N_ELEMENTS(prims)};
    struct bfcp_supattr known = {attrs, G_N_ELEMENTS(attrs)};
    struct mbuf *mb = mbuf_alloc(128);

    if (mb && bfcp_msg_encode(mb, s->version, responds(s), BFCP_HELLO_ACK, req->confid, req->tid, req->userid, 2,
                              BFCP_SUPPORTED_PRIMS, 0, &supported, BFCP_SUPPORTED_ATTRS, 0, &known) == 0)
        answer(bfcp, s, req, g_steal_pointer(&mb));
    mem_deref(mb);
}

typedef struct Floors {
    uint16_t known;
    unsigned n;
    bool wrong;
} Floors;

static bool look_at_floor(const struct bfcp_attr *attr, void *arg)
{
    Floors *floors = arg;

    if (attr->type == BFCP_FLOOR_ID) {
        floors->n++;
        floors->wrong |= attr->v.floorid != floors->known;
    }
    return false;
}

static bool names_our_floor(const Session *s, const struct bfcp_msg *req, bool needed)
{
    Floors floors = {.known = s->floor.floor};

    bfcp_msg_attr_apply(req, look_at_floor, &floors);
    return !floors.wrong && (floors.n > 0 || !needed);
}

static bool is_open(const Session *s)
{
    return s->request && (s->status == BFCP_PENDING || s->status == BFCP_GRANTED);
}

static void floor_request(SgBfcp *bfcp, Session *s, const struct bfcp_msg *req)
{
    const struct bfcp_attr *for_whom = bfcp_msg_attr(req, BFCP_BENEFICIARY_ID);

    if (!names_our_floor(s, req, true)) {
        refuse(bfcp, s, req, BFCP_INVALID_FLOOR_ID, NULL, 0);
    } else if (for_whom && for_whom->v.beneficiaryid != s->floor.user) {
        refuse(bfcp, s, req, BFCP_UNAUTH_OPERATION, NULL, 0);
    } else if (is_open(s)) {
        refuse(bfcp, s, req, BFCP_MAX_FLOOR_REQ_REACHED, NULL, 0);
    } else {
        s->next_request = s->next_request >= SOMEBODY_ELSES - 1 ? 1 : s->next_request + 1;
        s->request = s->next_request;
        s->status = BFCP_PENDING;
        s->subscribed = true; /* who asks for the floor wants to know of it */
        reply_status(bfcp, s, req, NULL);
        bfcp->options.on_request(s->call, true, bfcp->options.user);
    }
}

static bool names_request(SgBfcp *bfcp, Session *s, const struct bfcp_msg *req)
{
    const struct bfcp_attr *id = bfcp_msg_attr(req, BFCP_FLOOR_REQUEST_ID);

    if (id && s->request && id->v.floorreqid == s->request)
        return true;
    refuse(bfcp, s, req, BFCP_FLOOR_REQ_ID_NOT_EXIST, NULL, 0);
    return false;
}

static void floor_release(SgBfcp *bfcp, Session *s, const struct bfcp_msg *req)
{
    bool open = is_open(s);

    if (!names_request(bfcp, s, req))
        return;
    if (open)
        s->status = s->status == BFCP_GRANTED ? BFCP_RELEASED : BFCP_CANCELLED;
    forget(&s->pending[0]);
    reply_status(bfcp, s, req, NULL);
    if (open)
        bfcp->options.on_request(s->call, false, bfcp->options.user);
}

static void floor_query(SgBfcp *bfcp, Session *s, const struct bfcp_msg *req)
{
    struct mbuf *mb;

    if (!names_our_floor(s, req, false)) {
        refuse(bfcp, s, req, BFCP_INVALID_FLOOR_ID, NULL, 0);
        return;
    }
    s->subscribed = bfcp_msg_attr(req, BFCP_FLOOR_ID) != NULL; /* a query without a floor ends the subscription (13.5) */
    mb = mbuf_alloc(128);
    if (mb && encode_floor(mb, s, req->tid, true) == 0)
        answer(bfcp, s, req, g_steal_pointer(&mb));
    mem_deref(mb);
}

static void user_query(SgBfcp *bfcp, Session *s, const struct bfcp_msg *req)
{
    struct bfcp_reqstatus status = {.status = s->status};
    const uint16_t *id = is_open(s) ? &s->request : NULL;
    struct mbuf *mb = mbuf_alloc(128);

    if (mb && bfcp_msg_encode(mb, s->version, responds(s), BFCP_USER_STATUS, req->confid, req->tid, req->userid, id ? 1 : 0,
                              BFCP_FLOOR_REQ_INFO, 2, id,
                              BFCP_OVERALL_REQ_STATUS, 1, id, BFCP_REQUEST_STATUS, 0, &status,
                              BFCP_FLOOR_REQ_STATUS, 0, &s->floor.floor) == 0)
        answer(bfcp, s, req, g_steal_pointer(&mb));
    mem_deref(mb);
}

static void lose_path(SgBfcp *bfcp, Session *s)
{
    bool open = is_open(s);

    s->has_path = s->subscribed = false;
    forget(&s->pending[0]);
    forget(&s->pending[1]);
    s->request = 0;
    if (open) /* nobody is left who could give it back */
        bfcp->options.on_request(s->call, false, bfcp->options.user);
}

static void goodbye(SgBfcp *bfcp, Session *s, const struct bfcp_msg *req)
{
    struct mbuf *mb = mbuf_alloc(16);

    if (mb && bfcp_msg_encode(mb, s->version, responds(s), BFCP_GOODBYE_ACK, req->confid, req->tid, req->userid, 0) == 0)
        answer(bfcp, s, req, g_steal_pointer(&mb));
    mem_deref(mb);
    lose_path(bfcp, s);
}

static void acknowledged(Session *s, const struct bfcp_msg *msg)
{
    for (unsigned i = 0; i < 2; i++)
        if (s->pending[i].sent && s->pending[i].tid == msg->tid && s->pending[i].ack == msg->prim)
            forget(&s->pending[i]);
}

static void dispatch(SgBfcp *bfcp, Session *s, const struct bfcp_msg *msg)
{
    switch (msg->prim) {
    case BFCP_HELLO:
        hello(bfcp, s, msg);
        break;
    case BFCP_FLOOR_REQUEST:
        floor_request(bfcp, s, msg);
        break;
    case BFCP_FLOOR_RELEASE:
        floor_release(bfcp, s, msg);
        break;
    case BFCP_FLOOR_REQUEST_QUERY:
        if (names_request(bfcp, s, msg))
            reply_status(bfcp, s, msg, NULL);
        break;
    case BFCP_FLOOR_QUERY:
        floor_query(bfcp, s, msg);
        break;
    case BFCP_USER_QUERY:
        user_query(bfcp, s, msg);
        break;
    case BFCP_CHAIR_ACTION: /* chairs have their own means */
        refuse(bfcp, s, msg, BFCP_UNAUTH_OPERATION, NULL, 0);
        break;
    case BFCP_GOODBYE:
        goodbye(bfcp, s, msg);
        break;
    default:
        refuse(bfcp, s, msg, BFCP_UNKNOWN_PRIM, NULL, 0);
    }
}

/* --- who is it --- */

static bool is_peer(const Session *s, const struct sa *from)
{
    return sa_cmp(&s->peer, from, SA_ADDR) || (sa_isset(&s->signalling, SA_ADDR) && sa_cmp(&s->signalling, from, SA_ADDR));
}

static bool within(int64_t *window_us, unsigned *in_window, unsigned most, int64_t now_us)
{
    if (now_us - *window_us >= G_USEC_PER_SEC) {
        *window_us = now_us;
        *in_window = 0;
    }
    return ++*in_window <= most;
}

/* Answers are no longer than what asks for them by more than the error itself: nobody is flooded through us. */
static void refuse_stranger(SgBfcp *bfcp, const SgBfcpPath *from, const struct bfcp_msg *msg, enum bfcp_err code, int64_t now_us)
{
    struct bfcp_errcode error = {.code = code};
    struct mbuf *mb;

    if (msg->r || msg->prim == BFCP_ERROR || !within(&bfcp->stray_window_us, &bfcp->strays, STRAY_PER_S, now_us) || !(mb = mbuf_alloc(32)))
        return;
    if (bfcp_msg_encode(mb, msg->ver, msg->ver == BFCP_VER2, BFCP_ERROR, msg->confid, msg->tid, msg->userid, 1, BFCP_ERROR_CODE, 0, &error) == 0)
        put(bfcp, from, mb);
    mem_deref(mb);
}

static void take(SgBfcp *bfcp, const SgBfcpPath *from, const struct bfcp_msg *msg, int64_t now_us)
{
    Session *s = g_hash_table_lookup(bfcp->by_conference, GUINT_TO_POINTER(msg->confid));
    bool known = s && is_peer(s, &from->address) && from->stream == s->floor.stream;

    if (!known || msg->userid != s->floor.user) {
        refuse_stranger(bfcp, from, msg, known ? BFCP_USER_NOT_EXIST : BFCP_CONF_NOT_EXIST, now_us);
        return;
    }
    if (!within(&s->window_us, &s->in_window, RATE_PER_S, now_us))
        return;
    s->path = *from;
    s->has_path = true;
    s->version = msg->ver;
    if (msg->prim == BFCP_FLOOR_REQ_STATUS_ACK || msg->prim == BFCP_FLOOR_STATUS_ACK) {
        acknowledged(s, msg);
    } else if (msg->r || msg->prim == BFCP_ERROR || msg->prim == BFCP_GOODBYE_ACK || msg->prim == BFCP_HELLO_ACK) {
        return; /* answers to nothing we asked */
    } else if (s->last && msg->tid == s->last_tid && !from->stream) {
        put(bfcp, from, s->last); /* our answer was lost */
    } else if (msg->uma.typec > 0) {
        refuse(bfcp, s, msg, BFCP_UNKNOWN_MAND_ATTR, msg->uma.typev, MIN(msg->uma.typec, sizeof msg->uma.typev));
    } else {
        dispatch(bfcp, s, msg);
    }
}

int sg_bfcp_message_len(const uint8_t *data, size_t len)
{
    size_t whole;

    if (len > 0 && data[0] >> 5 != BFCP_VER1 && data[0] >> 5 != BFCP_VER2)
        return -1;
    if (len < HEADER_LEN)
        return 0;
    whole = HEADER_LEN + 4 * ((size_t)data[2] << 8 | data[3]);
    if (whole > SG_BFCP_MESSAGE_MAX)
        return -1;
    return len < whole ? 0 : (int)whole;
}

void sg_bfcp_receive(SgBfcp *bfcp, const SgBfcpPath *from, const uint8_t *data, size_t len, int64_t now_us)
{
    struct bfcp_msg *msg = NULL;
    struct mbuf *mb;

    if (sg_bfcp_message_len(data, len) != (int)len || !(mb = mbuf_alloc(len)))
        return;
    mbuf_write_mem(mb, data, len);
    mb->pos = 0;
    if (bfcp_msg_decode(&msg, mb) == 0)
        take(bfcp, from, msg, now_us);
    mem_deref(msg);
    mem_deref(mb);
}

/* --- what control says --- */

void sg_bfcp_content(SgBfcp *bfcp, uint64_t call, MdCallContent state, const char *reason, int64_t now_us)
{
    Session *s = g_hash_table_lookup(bfcp->by_call, &call);
    bool pending, granted;

    if (!s)
        return;
    pending = s->request && s->status == BFCP_PENDING;
    granted = s->request && s->status == BFCP_GRANTED;
    if (state == MD_CALL_CONTENT_REFUSED) {
        if (pending) {
            s->status = BFCP_DENIED;
            notify(bfcp, s, 0, reason, now_us);
        }
        return;
    }
    bool changed = s->content != state;
    s->content = state;
    if (state == MD_CALL_CONTENT_YOURS && pending) {
        s->status = BFCP_GRANTED;
        notify(bfcp, s, 0, NULL, now_us);
    } else if (state != MD_CALL_CONTENT_YOURS && granted) {
        s->status = BFCP_REVOKED;
        notify(bfcp, s, 0, reason, now_us);
    }
    if (changed && s->subscribed)
        notify(bfcp, s, 1, NULL, now_us);
}

/* --- sessions and time --- */

static void session_free(gpointer data)
{
    Session *s = data;

    forget(&s->pending[0]);
    forget(&s->pending[1]);
    mem_deref(s->last);
    g_free(s);
}

SgBfcp *sg_bfcp_new(const SgBfcpOptions *options)
{
    SgBfcp *bfcp = g_new0(SgBfcp, 1);

    bfcp->options = *options;
    if (bfcp->options.sessions_max == 0)
        bfcp->options.sessions_max = SESSIONS_MAX;
    bfcp->by_call = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, session_free);
    bfcp->by_conference = g_hash_table_new(NULL, NULL);
    return bfcp;
}

void sg_bfcp_free(SgBfcp *bfcp)
{
    if (!bfcp)
        return;
    g_hash_table_unref(bfcp->by_conference);
    g_hash_table_unref(bfcp->by_call);
    g_free(bfcp);
}

bool sg_bfcp_open(SgBfcp *bfcp, uint64_t call, const MdCallFloor *floor, const struct sa *peer, const struct sa *signalling)
{
    Session *s = g_hash_table_lookup(bfcp->by_call, &call), *other;

    if (s && s->floor.conference != floor->conference) {
        sg_bfcp_close(bfcp, call);
        s = NULL;
    }
    other = g_hash_table_lookup(bfcp->by_conference, GUINT_TO_POINTER(floor->conference));
    if (other && other != s)
        return false; /* numbers are random: not by chance */
    if (!s) {
        if (g_hash_table_size(bfcp->by_call) >= bfcp->options.sessions_max)
            return false;
        s = g_new0(Session, 1);
        s->call = call;
        s->version = floor->stream ? BFCP_VER1 : BFCP_VER2;
        g_hash_table_insert(bfcp->by_call, &s->call, s);
        g_hash_table_insert(bfcp->by_conference, GUINT_TO_POINTER(floor->conference), s);
    }
    s->floor = *floor;
    s->peer = *peer;
    s->signalling = *signalling;
    return true;
}

void sg_bfcp_close(SgBfcp *bfcp, uint64_t call)
{
    Session *s = g_hash_table_lookup(bfcp->by_call, &call);

    if (!s)
        return;
    g_hash_table_remove(bfcp->by_conference, GUINT_TO_POINTER(s->floor.conference));
    g_hash_table_remove(bfcp->by_call, &call);
}

unsigned sg_bfcp_sessions(const SgBfcp *bfcp)
{
    return g_hash_table_size(bfcp->by_call);
}

void sg_bfcp_path_closed(SgBfcp *bfcp, uint64_t conn)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, bfcp->by_call);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Session *s = value;

        if (s->has_path && s->path.stream && s->path.conn == conn)
            lose_path(bfcp, s);
    }
}

bool sg_bfcp_uses(const SgBfcp *bfcp, uint64_t conn)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, bfcp->by_call);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Session *s = value;

        if (s->has_path && s->path.stream && s->path.conn == conn)
            return true;
    }
    return false;
}

int64_t sg_bfcp_due_us(const SgBfcp *bfcp)
{
    int64_t due_us = INT64_MAX;
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, bfcp->by_call);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Session *s = value;

        for (unsigned i = 0; i < 2; i++)
            if (s->pending[i].sent)
                due_us = MIN(due_us, s->pending[i].due_us);
    }
    return due_us;
}

/* True: nobody answers there any more. */
static bool repeat(SgBfcp *bfcp, Session *s, Pending *p, int64_t now_us)
{
    if (!p->sent || p->due_us > now_us)
        return false;
    if (p->sent >= TRANSMISSIONS)
        return true;
    p->due_us = now_us + (T1_US << p->sent);
    p->sent++;
    put(bfcp, &s->path, p->mb);
    return false;
}

void sg_bfcp_tick(SgBfcp *bfcp, int64_t now_us)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, bfcp->by_call);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Session *s = value;
        bool dead = repeat(bfcp, s, &s->pending[0], now_us);

        dead = repeat(bfcp, s, &s->pending[1], now_us) || dead;
        if (dead)
            lose_path(bfcp, s);
    }
}
