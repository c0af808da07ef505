/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mediad/transport/ports.h"
#include "mediad/transport/udp.h"

static MdAddr host(const char *text)
{
    MdAddr addr;
    g_assert_cmpint(md_addr_from_host(&addr, text, 0), ==, 0);
    return addr;
}

static void test_pairs(void)
{
    MdVirtualClock clock;
    md_virtual_clock_init(&clock, 0, 0);
    MdPortPoolOptions options = {.min_port = 21101, .max_port = 21107, .dscp = 46, .reuse_delay_us = 1000000, .clock = &clock.base};
    MdPortPool *pool = md_port_pool_new(&options);
    MdAddr local = host("127.0.0.1");
    MdPortPair pair[3], more;
    g_assert_cmpuint(md_port_pool_capacity(pool), ==, 3); /* 21102..21107 */
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpint(md_port_pool_open(pool, &local, &pair[i]), ==, 0);
        g_assert_cmpuint(md_addr_port(&pair[i].rtp) % 2, ==, 0);
        g_assert_cmpuint(md_addr_port(&pair[i].rtcp), ==, md_addr_port(&pair[i].rtp) + 1);
    }
    int tos = 0;
    socklen_t len = sizeof tos;
    g_assert_cmpint(getsockopt(pair[0].rtp_fd, IPPROTO_IP, IP_TOS, &tos, &len), ==, 0);
    g_assert_cmpint(tos, ==, 46 << 2);
    g_assert_cmpint(md_port_pool_open(pool, &local, &more), ==, -EADDRINUSE);
    uint16_t port = md_addr_port(&pair[1].rtp);
    md_port_pool_close(pool, &pair[1]);
    g_assert_cmpint(pair[1].rtp_fd, ==, -1);
    md_port_pool_close(pool, &pair[1]);
    g_assert_cmpuint(md_port_pool_in_use(pool), ==, 2);
    g_assert_cmpint(md_port_pool_open(pool, &local, &more), ==, -EADDRINUSE); /* rests */
    md_virtual_clock_advance(&clock, 1000000);
    g_assert_cmpint(md_port_pool_open(pool, &local, &more), ==, 0);
    g_assert_cmpuint(md_addr_port(&more.rtp), ==, port);
    md_port_pool_close(pool, &more);
    md_port_pool_close(pool, &pair[0]);
    md_port_pool_close(pool, &pair[2]);
    g_assert_cmpuint(md_port_pool_in_use(pool), ==, 0);
    md_port_pool_free(pool);
}

static void test_foreign_socket(void)
{
    MdPortPoolOptions options = {.min_port = 21120, .max_port = 21123, .reuse_delay_us = -1};
    MdPortPool *pool = md_port_pool_new(&options);
    MdAddr taken = host("127.0.0.1"), local = taken;
    md_addr_set_port(&taken, 21121); /* somebody sits on an RTCP port */
    int fd = md_udp_open(&taken, NULL);
    g_assert_cmpint(fd, >=, 0);
    MdPortPair pair, more;
    g_assert_cmpint(md_port_pool_open(pool, &local, &pair), ==, 0);
    g_assert_cmpuint(md_addr_port(&pair.rtp), ==, 21122);
    g_assert_cmpint(md_port_pool_open(pool, &local, &more), ==, -EADDRINUSE);
    /* the same numbers are free on another address */
    MdAddr six = host("::1");
    g_assert_cmpint(md_port_pool_open(pool, &six, &more), ==, 0);
    g_assert_true(md_addr_is_v6(&more.rtp));
    md_port_pool_close(pool, &more);
    md_port_pool_close(pool, &pair);
    md_port_pool_free(pool);
    close(fd);
}

static void test_limits(void)
{
    static const MdPortPoolOptions bad[] = {{.min_port = 80, .max_port = 90}, {.min_port = 21000, .max_port = 21000}, {.min_port = 21000, .max_port = 21010, .dscp = 64}};
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        errno = 0;
        g_assert_null(md_port_pool_new(&bad[i]));
        g_assert_cmpint(errno, ==, EINVAL);
    }
    MdPortPoolOptions options = {.min_port = 21130, .max_port = 21149, .max_pairs = 1, .reuse_delay_us = -1};
    MdPortPool *pool = md_port_pool_new(&options);
    MdAddr local = host("127.0.0.1"), foreign = host("192.0.2.77");
    MdPortPair pair, more;
    g_assert_cmpint(md_port_pool_open(pool, &foreign, &more), ==, -EADDRNOTAVAIL);
    g_assert_cmpint(md_port_pool_open(pool, &local, &pair), ==, 0);
    g_assert_cmpint(md_port_pool_open(pool, &local, &more), ==, -EADDRINUSE);
    md_port_pool_close(pool, &pair);
    md_port_pool_free(pool);
}

static void test_datagrams(void)
{
    MdAddr local = host("127.0.0.1"), a_bound, b_bound, from;
    int a = md_udp_open(&local, &a_bound), b = md_udp_open(&local, &b_bound);
    char buf[64];
    g_assert_cmpint(md_udp_receive(b, &from, buf, sizeof buf), ==, -EAGAIN);
    g_assert_cmpint(md_udp_send(a, &b_bound, "xin chao", 8), ==, 0);
    g_assert_cmpint(md_udp_receive(b, &from, buf, sizeof buf), ==, 8);
    g_assert_cmpmem(buf, 8, "xin chao", 8);
    g_assert_true(md_addr_equal(&from, &a_bound));
    g_assert_cmpint(md_udp_send(a, &b_bound, "too long for it", 15), ==, 0);
    g_assert_cmpint(md_udp_receive(b, &from, buf, 4), ==, -EMSGSIZE);
    uint8_t bytes[100];
    MdUdpMessage messages[100];
    for (unsigned i = 0; i < 100; i++) {
        bytes[i] = (uint8_t)i;
        messages[i] = (MdUdpMessage){&b_bound, &bytes[i], 1};
    }
    g_assert_cmpint(md_udp_send_batch(a, messages, 100), ==, 100);
    for (unsigned i = 0; i < 100; i++) {
        g_assert_cmpint(md_udp_receive(b, &from, buf, sizeof buf), ==, 1);
        g_assert_cmpint((uint8_t)buf[0], ==, i);
    }
    close(a);
    /* an answer that nobody hears must not break the next receive */
    md_udp_send(b, &a_bound, "x", 1);
    g_assert_cmpint(md_udp_receive(b, &from, buf, sizeof buf), ==, -EAGAIN);
    close(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ports/pairs", test_pairs);
    g_test_add_func("/ports/foreign-socket", test_foreign_socket);
    g_test_add_func("/ports/limits", test_limits);
    g_test_add_func("/udp/datagrams", test_datagrams);
    return g_test_run();
}
