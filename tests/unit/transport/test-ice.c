/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two ICE sessions on loopback: what connects, what gets through, and what must not. */
#include <errno.h>
#include <glib.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mediad/transport/ice.h"
#include "mediad/transport/udp.h"

#define PATIENCE_US (20 * G_USEC_PER_SEC)

typedef struct Side {
    MdIce *ice;
    struct Side *peer;
    bool names_only; /* what it tells of itself are names, as browsers do */
    bool gathered;
    unsigned candidates, connected, lost, packets;
    char last[64];
    GPtrArray *lines;
} Side;

typedef struct Net {
    MdMailbox *control;
    MdWorker *worker;
    MdIceService *service;
    int stun_fd; /* a STUN server that we play, -1: none */
    MdVirtualClock clock;
    Side side[2];
} Net;

static void on_candidate(MdIce *ice, const char *line, void *user)
{
    Side *side = user;
    if (*line) {
        bool usable = false;
        g_assert_true(md_ice_candidate_check(line, &usable));
        g_assert_true(usable);
        side->candidates++;
        g_ptr_array_add(side->lines, g_strdup(line));
    } else
        side->gathered = true;
    if (side->names_only && *line)
        line = "candidate:1 1 udp 2113937151 4a1b2c3d-0000-4000-8000-123456789abc.local 50000 typ host";
    g_assert_cmpint(md_ice_add_remote(side->peer->ice, line), ==, 0);
}

static void on_state(MdIce *ice, MdIceState state, void *user)
{
    Side *side = user;
    side->connected += state == MD_ICE_CONNECTED;
    side->lost += state == MD_ICE_LOST;
}

static void on_packet(const MdAddr *from, uint8_t *data, size_t len, void *user)
{
    Side *side = user;
    side->packets++;
    g_strlcpy(side->last, (const char *)data, MIN(len + 1, sizeof side->last));
}

/* Until it is so, or patience ends. */
#define WAIT(net, so)                                                                                        \
    for (gint64 end = g_get_monotonic_time() + PATIENCE_US; !(so);) {                                        \
        turn(net);                                                                                           \
        g_assert_cmpint(g_get_monotonic_time(), <, end);                                                     \
    }

/* A Binding request (RFC 8489; libnice asks in the way of RFC 3489, without the cookie) answered as if a NAT was between. */
static void answer_stun(int fd)
{
    static const uint8_t seen_as[12] = {0, 1, 0, 8, 0, 1, 0xc3, 0x50, 127, 0, 0, 9}; /* MAPPED-ADDRESS 127.0.0.9:50000 */
    uint8_t request[512], reply[32] = {1, 1, 0, 12};
    struct sockaddr_storage from;
    socklen_t len = sizeof from;
    ssize_t n = recvfrom(fd, request, sizeof request, MSG_DONTWAIT, (struct sockaddr *)&from, &len);
    if (n < 20 || request[0] != 0 || request[1] != 1)
        return;
    memcpy(reply + 4, request + 4, 16);
    memcpy(reply + 20, seen_as, sizeof seen_as);
    sendto(fd, reply, sizeof reply, 0, (struct sockaddr *)&from, len);
}

static void turn(Net *net)
{
    if (net->stun_fd >= 0)
        answer_stun(net->stun_fd);
    struct pollfd fds[2] = {{.fd = md_mailbox_fd(net->control), .events = POLLIN},
                            {.fd = md_mailbox_fd(md_worker_mailbox(net->worker)), .events = POLLIN}};
    poll(fds, 2, 10);
    md_mailbox_drain(net->control, 0);
    md_worker_step(net->worker);
}

static void net_init_stun(Net *net, const char *host, bool names_only, int stun_fd, uint16_t stun_port)
{
    const char *hosts[] = {host};
    *net = (Net){.stun_fd = stun_fd};
    net->control = md_mailbox_new(256);
    md_virtual_clock_init(&net->clock, 1000000, 1700000000000000);
    MdWorkerOptions worker = {.name = "test", .cpu = -1, .clock = &net->clock.base};
    net->worker = md_worker_new(&worker);
    MdIceServiceOptions options = {
        .local_hosts = hosts, .n_local_hosts = 1, .control = net->control, .max_sessions = 2,
        .stun_host = stun_port ? "127.0.0.1" : NULL, .stun_port = stun_port};
    net->service = md_ice_service_new(&options);
    g_assert_nonnull(net->service);
    for (unsigned i = 0; i < 2; i++) {
        Side *side = &net->side[i];
        MdIceOptions session = {.service = net->service,
                                .worker = net->worker,
                                .controlling = i == 0,
                                .on_candidate = on_candidate,
                                .on_state = on_state,
                                .user = side,
                                .on_packet = on_packet,
                                .packet_user = side};
        side->peer = &net->side[!i];
        side->names_only = i == 0 && names_only;
        side->lines = g_ptr_array_new_with_free_func(g_free);
        side->ice = md_ice_new(&session);
        g_assert_nonnull(side->ice);
        md_ice_attach(side->ice);
    }
}

static void net_init(Net *net, const char *host, bool names_only)
{
    net_init_stun(net, host, names_only, -1, 0);
}

static void exchange(Net *net)
{
    for (unsigned i = 0; i < 2; i++)
        g_assert_cmpint(md_ice_set_remote(net->side[i].ice, md_ice_ufrag(net->side[!i].ice),
                                          md_ice_password(net->side[!i].ice)),
                        ==, 0);
}

static void net_clear(Net *net)
{
    for (unsigned i = 0; i < 2; i++) {
        md_ice_close(net->side[i].ice);
        md_ice_detach(net->side[i].ice);
    }
    WAIT(net, md_ice_service_sessions(net->service) == 0);
    md_ice_service_free(net->service);
    md_mailbox_drain(net->control, 0);
    md_worker_free(net->worker);
    md_mailbox_free(net->control);
    for (unsigned i = 0; i < 2; i++)
        g_ptr_array_unref(net->side[i].lines);
}

static void say(Net *net, unsigned from, const char *text)
{
    Side *to = &net->side[!from];
    unsigned before = to->packets;
    g_assert_cmpint(md_ice_send(net->side[from].ice, (const uint8_t *)text, strlen(text)), ==, 0);
    WAIT(net, to->packets == before + 1);
    g_assert_cmpstr(to->last, ==, text);
}

static void test_talk(gconstpointer host)
{
    Net net;
    net_init(&net, host, false);
    g_assert_cmpint(md_ice_send(net.side[0].ice, (const uint8_t *)"x", 1), ==, -ENOTCONN);
    exchange(&net);
    WAIT(&net, net.side[0].connected && net.side[1].connected);
    say(&net, 0, "from zero");
    say(&net, 1, "from one");
    g_assert_cmpint(md_ice_send_control(net.side[1].ice, (const uint8_t *)"by control", 10), ==, 0);
    WAIT(&net, net.side[0].packets == 2);
    g_assert_cmpstr(net.side[0].last, ==, "by control");
    uint8_t large[MD_ICE_PACKET_MAX + 1] = {0};
    g_assert_cmpint(md_ice_send(net.side[0].ice, large, sizeof large), ==, -EMSGSIZE);
    g_assert_true(net.side[0].gathered);
    net_clear(&net);
}

/* Where a session listens, as its candidates say. */
static MdAddr port_of(const Side *side)
{
    g_auto(GStrv) part = g_strsplit(g_ptr_array_index(side->lines, 0), " ", -1);
    MdAddr addr;
    g_assert_cmpint(md_addr_from_host(&addr, part[4], (uint16_t)atoi(part[5])), ==, 0);
    return addr;
}

/* A stranger that knows the port gets nothing through, neither before nor after the path is proved. */
static void test_stranger(void)
{
    Net net;
    MdAddr local, to;
    net_init(&net, "127.0.0.1", false);
    g_assert_cmpint(md_addr_from_host(&local, "127.0.0.1", 0), ==, 0);
    int fd = md_udp_open(&local, NULL);
    g_assert_cmpint(fd, >=, 0);
    WAIT(&net, net.side[1].gathered);
    to = port_of(&net.side[1]);
    for (unsigned i = 0; i < 20; i++)
        md_udp_send(fd, &to, "\x80\x60 early stranger", 18);
    exchange(&net);
    WAIT(&net, net.side[0].connected && net.side[1].connected);
    for (unsigned i = 0; i < 20; i++) {
        md_udp_send(fd, &to, "\x80\x60 late stranger", 17);
        md_udp_send(fd, &to, "\x16\xfe\xff hello", 9);
    }
    say(&net, 0, "a friend");
    for (unsigned i = 0; i < 10; i++)
        turn(&net);
    g_assert_cmpuint(net.side[1].packets, ==, 1);
    close(fd);
    net_clear(&net);
}

/* A browser that tells only names is found by its own checks. */
static void test_names(void)
{
    Net net;
    net_init(&net, "127.0.0.1", true);
    exchange(&net);
    WAIT(&net, net.side[0].connected && net.side[1].connected);
    say(&net, 1, "found");
    net_clear(&net);
}

static void test_restart(void)
{
    Net net;
    net_init(&net, "127.0.0.1", false);
    exchange(&net);
    WAIT(&net, net.side[0].connected && net.side[1].connected && net.side[0].gathered && net.side[1].gathered);
    say(&net, 0, "before");
    g_autofree char *old = g_strdup(md_ice_ufrag(net.side[1].ice));
    unsigned connected[2] = {net.side[0].connected, net.side[1].connected};
    for (unsigned i = 0; i < 2; i++)
        g_assert_cmpint(md_ice_restart(net.side[i].ice), ==, 0);
    g_assert_cmpstr(old, !=, md_ice_ufrag(net.side[1].ice));
    say(&net, 0, "meanwhile"); /* the old pair goes on */
    exchange(&net);
    for (unsigned i = 0; i < 2; i++)
        for (guint c = 0; c < net.side[i].lines->len; c++)
            md_ice_add_remote(net.side[!i].ice, g_ptr_array_index(net.side[i].lines, c));
    WAIT(&net, net.side[0].connected > connected[0] && net.side[1].connected > connected[1]);
    say(&net, 1, "after");
    net_clear(&net);
}

/* Behind a NAT the peer is told the address that the STUN server saw. */
static void test_reflexive(void)
{
    Net net;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&addr, len), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&addr, &len), ==, 0);
    net_init_stun(&net, "127.0.0.1", false, fd, ntohs(addr.sin_port));
    exchange(&net);
    WAIT(&net, net.side[0].connected && net.side[1].connected);
    WAIT(&net, net.side[0].gathered && net.side[1].gathered);
    for (unsigned i = 0; i < 2; i++) {
        unsigned reflexive = 0;
        for (guint k = 0; k < net.side[i].lines->len; k++)
            reflexive += strstr(net.side[i].lines->pdata[k], " 127.0.0.9 50000 typ srflx raddr 127.0.0.1 ") != NULL;
        g_assert_cmpuint(reflexive, ==, 1);
    }
    say(&net, 0, "by the nearer way");
    net_clear(&net);
    close(fd);
}

static void test_limits(void)
{
    Net net;
    net_init(&net, "127.0.0.1", false);
    MdIce *ice = net.side[0].ice;
    MdIceOptions more = {.service = net.service, .worker = net.worker};
    g_assert_null(md_ice_new(&more)); /* two are allowed */
    g_assert_cmpint(errno, ==, EAGAIN);
    g_assert_cmpint(md_ice_set_remote(ice, "abc", "0123456789012345678901"), ==, -EINVAL);
    g_assert_cmpint(md_ice_set_remote(ice, "abcd", "012345678901234567890"), ==, -EINVAL);
    g_assert_cmpint(md_ice_set_remote(ice, "ab\rd", "0123456789012345678901"), ==, -EINVAL);
    g_assert_cmpint(md_ice_add_remote(ice, "candidate:nonsense"), ==, -EINVAL);
    for (unsigned i = 0; i < MD_ICE_REMOTE_CANDIDATES; i++) {
        g_autofree char *line = g_strdup_printf("candidate:1 1 udp 1 127.0.0.1 %u typ host", 1000 + i);
        g_assert_cmpint(md_ice_add_remote(ice, line), ==, 0);
    }
    g_assert_cmpint(md_ice_add_remote(ice, "a=candidate:1 1 udp 1 127.0.0.1 9 typ host"), ==, -ENOSPC);
    g_assert_cmpint(md_ice_add_remote(ice, ""), ==, 0);
    net_clear(&net);
}

/* Given up at once, before the ICE thread has heard of it: none is left behind. */
static void test_short(void)
{
    Net net;
    net_init(&net, "127.0.0.1", false);
    for (unsigned i = 0; i < 2; i++) {
        md_ice_close(net.side[i].ice);
        md_ice_detach(net.side[i].ice);
    }
    for (unsigned round = 0; round < 100; round++) {
        WAIT(&net, md_ice_service_sessions(net.service) == 0);
        for (unsigned i = 0; i < 2; i++) {
            MdIceOptions session = {.service = net.service, .worker = net.worker};
            MdIce *ice = md_ice_new(&session);
            g_assert_nonnull(ice);
            for (gint64 until = g_get_monotonic_time() + 10 * (i == 0 ? round : 0); g_get_monotonic_time() < until;)
                ; /* the second comes while the first is opened, sooner or later */
            md_ice_close(ice);
            md_ice_detach(ice);
        }
    }
    WAIT(&net, md_ice_service_sessions(net.service) == 0);
    md_ice_service_free(net.service);
    md_mailbox_drain(net.control, 0);
    md_worker_free(net.worker);
    md_mailbox_free(net.control);
    for (unsigned i = 0; i < 2; i++)
        g_ptr_array_unref(net.side[i].lines);
}

static void test_candidates(void)
{
    static const struct {
        const char *line;
        bool ok, usable;
    } cases[] = {
        {"candidate:842163049 1 udp 1677729535 203.0.113.9 46154 typ srflx raddr 0.0.0.0 rport 0 generation 0 "
         "ufrag Yq1c network-cost 999", true, true},
        {"candidate:1 1 UDP 2113937151 2001:db8::7 50000 typ host", true, true},
        {"candidate:1 1 udp 2113937151 4a1b2c3d-0000-4000-8000-123456789abc.local 50000 typ host", true, false},
        {"candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active", true, false},
        {"candidate:1 2 udp 1 192.0.2.1 50000 typ host", true, false},
        {"candidate:1 1 udp 1 0.0.0.0 50000 typ host", true, false},
        {"candidate:1 1 udp 1 224.0.0.1 50000 typ host", true, false},
        {"candidate:1 1 udp 1 fe80::1%eth0 50000 typ host", true, false},
        {"candidate:1 1 udp 1 192.0.2.1 65536 typ host", false, false},
        {"candidate:1 0 udp 1 192.0.2.1 5000 typ host", false, false},
        {"candidate:1 1 udp 1 192.0.2.1 5000", false, false},
        {"candidate:1 1 udp 1 192.0.2.1 5000 typ nothing", false, false},
        {"candidate:1 1 udp 99999999999 192.0.2.1 5000 typ host", false, false},
        {"candidate:123456789012345678901234567890123 1 udp 1 192.0.2.1 5000 typ host", false, false},
        {"candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\na=x", false, false},
        {"candidat:1 1 udp 1 192.0.2.1 5000 typ host", false, false},
        {"", false, false},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        bool usable = false;
        g_test_message("%s", cases[i].line);
        g_assert_cmpint(md_ice_candidate_check(cases[i].line, &usable), ==, cases[i].ok);
        g_assert_cmpint(usable, ==, cases[i].usable);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ice/candidates", test_candidates);
    g_test_add_data_func("/ice/talk/ipv4", "127.0.0.1", test_talk);
    g_test_add_data_func("/ice/talk/ipv6", "::1", test_talk);
    g_test_add_func("/ice/stranger", test_stranger);
    g_test_add_func("/ice/names", test_names);
    g_test_add_func("/ice/restart", test_restart);
    g_test_add_func("/ice/reflexive", test_reflexive);
    g_test_add_func("/ice/short", test_short);
    g_test_add_func("/ice/limits", test_limits);
    return g_test_run();
}
