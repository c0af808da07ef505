/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediasim/line.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "mediad/transport/udp.h"

#define BURST 32 /* packets read at a time, so that one line cannot starve the others */

enum { KIND_RTP, KIND_RTCP };

static void deliver_out(void *target, int kind, uint8_t *data, size_t len, int64_t now_us, void *user)
{
    (void)now_us, (void)user;
    SimLine *line = target;
    if (!line->open)
        return;
    bool rtcp = kind == KIND_RTCP;
    int fd = rtcp && !line->rtcp_mux ? line->pair.rtcp_fd : line->pair.rtp_fd;
    if (md_udp_send(fd, rtcp ? &line->remote_rtcp : &line->remote, data, len) == 0)
        line->sent += !rtcp;
}

static void deliver_in(void *target, int kind, uint8_t *data, size_t len, int64_t now_us, void *user)
{
    (void)user;
    SimLine *line = target;
    if (!line->open)
        return;
    bool rtcp = kind == KIND_RTCP;
    int r = 0;
    if (line->rx)
        r = rtcp ? md_srtp_unprotect_rtcp(line->rx, data, &len) : md_srtp_unprotect_rtp(line->rx, data, &len);
    if (r < 0) {
        line->rejected += r != -EALREADY;
        return;
    }
    line->received += !rtcp;
    line->on_packet(line, rtcp, data, len, now_us);
}

static void impair_due(MdTimer *timer, int64_t due_us, void *user);

void sim_thread_rearm(SimThread *thread)
{
    int64_t out = sim_impair_due_us(thread->out), in = sim_impair_due_us(thread->in),
            due = out < in ? out : in;
    if (due == INT64_MAX || (thread->impair_timer.heap_index && thread->impair_timer.due_us <= due))
        return;
    md_worker_timer_at(thread->worker, &thread->impair_timer, due, impair_due, thread);
}

static void impair_due(MdTimer *timer, int64_t due_us, void *user)
{
    (void)timer;
    SimThread *thread = user;
    sim_impair_run(thread->out, due_us);
    sim_impair_run(thread->in, due_us);
    sim_thread_rearm(thread);
}

int sim_thread_init(SimThread *thread, const MdWorkerOptions *worker, const SimImpairOptions *out,
                    const SimImpairOptions *in)
{
    memset(thread, 0, sizeof(*thread));
    SimImpairOptions options = *out;
    options.deliver = deliver_out;
    thread->out = sim_impair_new(&options);
    options = *in;
    options.deliver = deliver_in;
    thread->in = sim_impair_new(&options);
    thread->worker = md_worker_new(worker);
    if (thread->worker && thread->in && thread->out)
        return 0;
    int e = errno ? -errno : -ENOMEM;
    sim_thread_clear(thread);
    return e;
}

void sim_thread_clear(SimThread *thread)
{
    md_worker_free(thread->worker);
    sim_impair_free(thread->out);
    sim_impair_free(thread->in);
    memset(thread, 0, sizeof(*thread));
}

static void readable(MdWatch *watch, uint32_t events, void *user)
{
    (void)events;
    SimLine *line = user;
    SimThread *thread = line->thread;
    MdAddr from;
    for (unsigned i = 0; i < BURST; i++) {
        int n = md_udp_receive(watch->fd, &from, thread->buffer, sizeof(thread->buffer));
        if (n == -EAGAIN)
            break;
        if (n <= 0)
            continue;
        size_t len = (size_t)n;
        /* The server's address is known from its description: a stranger's packets are not heard. */
        if (!md_addr_host_equal(&from, &line->remote)) {
            line->rejected++;
            continue;
        }
        int kind = md_rtp_is_rtcp(thread->buffer, len) ? KIND_RTCP : KIND_RTP;
        sim_impair_put(thread->in, line, kind, thread->buffer, len, md_worker_now_us(thread->worker));
        if (!line->open)
            return;
    }
    sim_thread_rearm(thread);
}

int sim_line_init(SimLine *line, SimThread *thread, MdPortPool *ports, const MdAddr *local,
                  SimPacketFn on_packet, void *owner)
{
    memset(line, 0, sizeof(*line));
    line->thread = thread;
    line->on_packet = on_packet;
    line->owner = owner;
    int r = md_port_pool_open(ports, local, &line->pair);
    if (r == 0)
        line->ports = ports;
    return r;
}

void sim_line_clear(SimLine *line)
{
    if (line->ports)
        md_port_pool_close(line->ports, &line->pair);
    md_srtp_free(line->tx);
    md_srtp_free(line->rx);
    memset(line, 0, sizeof(*line));
}

static int set_keys(SimLine *line, const MdAgreedMedia *agreed)
{
    if (agreed->security == MD_AGREED_PLAIN) {
        md_srtp_free(line->tx);
        md_srtp_free(line->rx);
        line->tx = line->rx = NULL;
        line->latched_key = false;
        return 0;
    }
    if (agreed->security != MD_AGREED_SDES)
        return -ENOTSUP;
    /* The same keys again (re-INVITE) keep their contexts: the packet index must run on. */
    if (line->latched_key && md_srtp_key_equal(&line->tx_key, &agreed->local_key) &&
        md_srtp_key_equal(&line->rx_key, &agreed->remote_key))
        return 0;
    md_srtp_free(line->tx);
    md_srtp_free(line->rx);
    line->tx = md_srtp_new(MD_SRTP_SEND, &agreed->local_key);
    line->rx = md_srtp_new(MD_SRTP_RECEIVE, &agreed->remote_key);
    line->tx_key = agreed->local_key;
    line->rx_key = agreed->remote_key;
    line->latched_key = line->tx && line->rx;
    return line->latched_key ? 0 : -ENOMEM;
}

int sim_line_open(SimLine *line, const MdAgreedMedia *agreed)
{
    int r = set_keys(line, agreed);
    if (r < 0)
        return r;
    line->remote = agreed->remote;
    line->rtcp_mux = agreed->rtcp_mux;
    line->remote_rtcp = agreed->rtcp_mux ? agreed->remote : agreed->remote_rtcp;
    if (line->open)
        return 0;
    r = md_worker_watch(line->thread->worker, &line->rtp_watch, line->pair.rtp_fd, EPOLLIN, readable, line);
    if (r == 0)
        r = md_worker_watch(line->thread->worker, &line->rtcp_watch, line->pair.rtcp_fd, EPOLLIN, readable,
                            line);
    line->open = r == 0;
    return r;
}

void sim_line_close(SimLine *line)
{
    if (!line->open)
        return;
    md_worker_unwatch(line->thread->worker, &line->rtp_watch);
    md_worker_unwatch(line->thread->worker, &line->rtcp_watch);
    line->open = false;
}

void sim_line_send(SimLine *line, bool rtcp, uint8_t *data, size_t len, int64_t now_us)
{
    if (!line->open)
        return;
    if (line->tx) {
        size_t cap = len + MD_SRTP_OVERHEAD_MAX;
        int r = rtcp ? md_srtp_protect_rtcp(line->tx, data, &len, cap)
                     : md_srtp_protect_rtp(line->tx, data, &len, cap);
        if (r < 0)
            return;
    }
    sim_impair_put(line->thread->out, line, rtcp ? KIND_RTCP : KIND_RTP, data, len, now_us);
    sim_thread_rearm(line->thread);
}
