/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "mediad/transport/udp.h"

static int open_on(const char *host, MdAddr *ret)
{
    MdAddr local;
    g_assert_cmpint(md_addr_from_host(&local, host, 0), ==, 0);
    int fd = md_udp_open(&local, ret);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpuint(md_addr_port(ret), !=, 0);
    return fd;
}

static void test_there_and_back(void)
{
    static const char *const hosts[] = {"127.0.0.1", "::1"};
    for (unsigned h = 0; h < 2; h++) {
        MdAddr a, b, from;
        uint8_t buf[MD_UDP_PACKET_MAX];
        int fa = open_on(hosts[h], &a), fb = open_on(hosts[h], &b);
        g_assert_cmpint(md_udp_receive(fb, &from, buf, sizeof buf), ==, -EAGAIN);
        g_assert_cmpint(md_udp_send(fa, &b, "hello", 5), ==, 0);
        g_assert_cmpint(md_udp_receive(fb, &from, buf, sizeof buf), ==, 5);
        g_assert_cmpmem(buf, 5, "hello", 5);
        g_assert_true(md_addr_equal(&from, &a));
        g_assert_cmpint(md_udp_send(fa, &b, "", 0), ==, 0);
        g_assert_cmpint(md_udp_receive(fb, &from, buf, sizeof buf), ==, 0);
        /* one that does not fit is dropped whole, and the next is read as it is */
        uint8_t big[3000] = {1};
        g_assert_cmpint(md_udp_send(fa, &b, big, sizeof big), ==, 0);
        g_assert_cmpint(md_udp_send(fa, &b, "next", 4), ==, 0);
        g_assert_cmpint(md_udp_receive(fb, &from, buf, sizeof buf), ==, -EMSGSIZE);
        g_assert_cmpint(md_udp_receive(fb, &from, buf, sizeof buf), ==, 4);
        g_assert_cmpmem(buf, 4, "next", 4);
        /* the other side went away: its ICMP errors are nobody's trouble */
        close(fb);
        for (unsigned i = 0; i < 3; i++)
            g_assert_cmpint(md_udp_send(fa, &b, "gone", 4), ==, 0);
        g_assert_cmpint(md_udp_receive(fa, &from, buf, sizeof buf), ==, -EAGAIN);
        close(fa);
    }
}

static void test_batch(void)
{
    enum { N = 150 };
    MdAddr a, b[2], from;
    int fa = open_on("127.0.0.1", &a), fb[2] = {open_on("127.0.0.1", &b[0]), open_on("127.0.0.1", &b[1])};
    uint8_t data[N][2], buf[16];
    MdUdpMessage messages[N];
    for (unsigned i = 0; i < N; i++) {
        data[i][0] = (uint8_t)i;
        data[i][1] = (uint8_t)(i >> 8);
        messages[i] = (MdUdpMessage){&b[i % 2], data[i], 2};
    }
    g_assert_cmpint(md_udp_send_batch(fa, messages, N), ==, N);
    for (unsigned i = 0; i < N; i++) { /* each where it belongs, in order */
        g_assert_cmpint(md_udp_receive(fb[i % 2], &from, buf, sizeof buf), ==, 2);
        g_assert_cmpmem(buf, 2, data[i], 2);
    }
    g_assert_cmpint(md_udp_send_batch(fa, messages, 0), ==, 0);
    MdAddr six;
    md_addr_from_string(&six, "[::1]:9");
    messages[0].to = &six; /* of the other family: the first does not even leave */
    g_assert_cmpint(md_udp_send_batch(fa, messages, 3), <, 0);
    close(fa);
    close(fb[0]);
    close(fb[1]);
}

static void test_options(void)
{
    MdAddr a, unset = {0};
    int fd = open_on("127.0.0.1", &a), value = 0;
    socklen_t len = sizeof value;
    g_assert_cmpint(md_udp_set_dscp(fd, 46), ==, 0);
    getsockopt(fd, IPPROTO_IP, IP_TOS, &value, &len);
    g_assert_cmpint(value, ==, 46 << 2);
    g_assert_cmpint(md_udp_set_dscp(fd, 64), ==, -EINVAL);
    g_assert_cmpint(md_udp_set_dscp(fd, -1), ==, -EINVAL);
    g_assert_cmpint(md_udp_set_dscp(-1, 46), ==, -EBADF);
    g_assert_cmpint(md_udp_set_buffers(fd, 65536, 65536), ==, 0);
    getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &len);
    g_assert_cmpint(value, >=, 65536);
    g_assert_cmpint(md_udp_open(&a, NULL), ==, -EADDRINUSE);
    g_assert_cmpint(md_udp_open(&unset, NULL), ==, -EINVAL);
    close(fd);
    fd = open_on("::1", &a);
    g_assert_cmpint(md_udp_set_dscp(fd, 34), ==, 0);
    getsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &value, &len);
    g_assert_cmpint(value, ==, 34 << 2);
    close(fd);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/udp/there-and-back", test_there_and_back);
    g_test_add_func("/udp/batch", test_batch);
    g_test_add_func("/udp/options", test_options);
    return g_test_run();
}
