/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <unistd.h>

#include "mediad/transport/ports.h"
#include "mediad/transport/udp.h"

#define FIRST 21300
#define PAIRS 4

static MdVirtualClock ticking;
static MdAddr loopback;

static MdPortPool *make(unsigned max_pairs, int64_t reuse_delay_us)
{
    md_virtual_clock_init(&ticking, 1000000, 0);
    md_addr_from_host(&loopback, "127.0.0.1", 0);
    MdPortPoolOptions options = {.min_port = FIRST - 1,
                                 .max_port = FIRST + 2 * PAIRS - 1,
                                 .max_pairs = max_pairs,
                                 .dscp = 46,
                                 .reuse_delay_us = reuse_delay_us,
                                 .clock = &ticking.base};
    MdPortPool *pool = md_port_pool_new(&options);
    g_assert_nonnull(pool);
    return pool;
}

static void test_ranges(void)
{
    static const struct {
        uint16_t min, max;
        int dscp;
        unsigned capacity; /* 0: refused */
    } cases[] = {{1023, 5000, 0, 0}, {5000, 5000, 0, 0},   {5001, 5002, 0, 0},     {65535, 65535, 0, 0},
                 {0, 0, 0, 0},       {5000, 5100, 64, 0},  {5000, 5100, -1, 0},    {5000, 5001, 46, 1},
                 {5001, 5004, 0, 1}, {65534, 65535, 0, 1}, {20000, 29999, 0, 5000}};
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        MdPortPoolOptions options = {
            .min_port = cases[i].min, .max_port = cases[i].max, .dscp = cases[i].dscp};
        errno = 0;
        MdPortPool *pool = md_port_pool_new(&options);
        g_assert_cmpint(pool != NULL, ==, cases[i].capacity != 0);
        if (pool)
            g_assert_cmpuint(md_port_pool_capacity(pool), ==, cases[i].capacity);
        else
            g_assert_cmpint(errno, ==, EINVAL);
        md_port_pool_free(pool);
    }
}

static void test_pairs(void)
{
    MdPortPool *pool = make(0, 0);
    MdPortPair pairs[PAIRS], more = {-1, -1, {{0}}, {{0}}};
    guint seen = 0;
    for (unsigned i = 0; i < PAIRS; i++) {
        g_assert_cmpint(md_port_pool_open(pool, &loopback, &pairs[i]), ==, 0);
        unsigned port = md_addr_port(&pairs[i].rtp);
        g_assert_cmpuint(port % 2, ==, 0);
        g_assert_cmpuint(port, >=, FIRST);
        g_assert_cmpuint(md_addr_port(&pairs[i].rtcp), ==, port + 1);
        g_assert_cmpint(fcntl(pairs[i].rtp_fd, F_GETFL) & O_NONBLOCK, !=, 0);
        g_assert_cmpint(fcntl(pairs[i].rtcp_fd, F_GETFD) & FD_CLOEXEC, !=, 0);
        int tos = 0;
        socklen_t size = sizeof tos;
        g_assert_cmpint(getsockopt(pairs[i].rtp_fd, IPPROTO_IP, IP_TOS, &tos, &size), ==, 0);
        g_assert_cmpint(tos, ==, 46 << 2);
        seen |= 1u << (port - FIRST) / 2;
    }
    g_assert_cmpuint(seen, ==, (1u << PAIRS) - 1);
    g_assert_cmpuint(md_port_pool_in_use(pool), ==, PAIRS);
    g_assert_cmpint(md_port_pool_open(pool, &loopback, &more), ==, -EADDRINUSE);
    g_assert_cmpint(more.rtp_fd, ==, -1);
    /* another address has all of them again */
    MdAddr second;
    md_addr_from_host(&second, "127.0.0.2", 0);
    g_assert_cmpint(md_port_pool_open(pool, &second, &more), ==, 0);
    md_port_pool_close(pool, &more);
    /* a closed pair rests for two seconds */
    uint16_t port = md_addr_port(&pairs[2].rtp);
    md_port_pool_close(pool, &pairs[2]);
    md_port_pool_close(pool, &pairs[2]); /* twice is once */
    g_assert_cmpint(pairs[2].rtp_fd, ==, -1);
    g_assert_cmpuint(md_port_pool_in_use(pool), ==, PAIRS - 1);
    g_assert_cmpint(md_port_pool_open(pool, &loopback, &pairs[2]), ==, -EADDRINUSE);
    md_virtual_clock_advance(&ticking, 1999999);
    g_assert_cmpint(md_port_pool_open(pool, &loopback, &pairs[2]), ==, -EADDRINUSE);
    md_virtual_clock_advance(&ticking, 1);
    g_assert_cmpint(md_port_pool_open(pool, &loopback, &pairs[2]), ==, 0);
    g_assert_cmpuint(md_addr_port(&pairs[2].rtp), ==, port);
    for (unsigned i = 0; i < PAIRS; i++)
        md_port_pool_close(pool, &pairs[i]);
    g_assert_cmpuint(md_port_pool_in_use(pool), ==, 0);
    md_port_pool_free(pool);
}

static void test_limits(void)
{
    MdPortPool *pool = make(2, -1);
    MdPortPair a, b, c;
    g_assert_cmpint(md_port_pool_open(pool, &loopback, &a), ==, 0);
    g_assert_cmpint(md_port_pool_open(pool, &loopback, &b), ==, 0);
    g_assert_cmpint(md_port_pool_open(pool, &loopback, &c), ==, -EADDRINUSE); /* two at once and no more */
    md_port_pool_close(pool, &a);
    g_assert_cmpint(md_port_pool_open(pool, &loopback, &c), ==, 0);
    /* numbers rotate: the one just given back is not the next one taken */
    g_assert_cmpuint(md_addr_port(&c.rtp), ==, FIRST + 4);
    md_port_pool_close(pool, &b);
    md_port_pool_close(pool, &c);
    MdAddr elsewhere;
    md_addr_from_host(&elsewhere, "192.0.2.1", 0);
    g_assert_cmpint(md_port_pool_open(pool, &elsewhere, &a), ==, -EADDRNOTAVAIL);
    for (unsigned i = 0; i < 14; i++) {
        g_autofree char *host = g_strdup_printf("127.0.1.%u", i + 1);
        md_addr_from_host(&elsewhere, host, 0);
        g_assert_cmpint(md_port_pool_open(pool, &elsewhere, &a), ==, 0);
        md_port_pool_close(pool, &a);
    }
    md_addr_from_host(&elsewhere, "127.0.2.1", 0); /* the seventeenth address */
    g_assert_cmpint(md_port_pool_open(pool, &elsewhere, &a), ==, -ENOBUFS);
    md_port_pool_free(pool);
}

/* Somebody else's socket in the range is stepped over, be it on the even or the odd port. */
static void test_foreign(void)
{
    MdPortPool *pool = make(0, -1);
    MdAddr taken = loopback;
    MdPortPair pair;
    md_addr_set_port(&taken, FIRST + 1);
    int odd = md_udp_open(&taken, NULL);
    md_addr_set_port(&taken, FIRST + 2);
    int even = md_udp_open(&taken, NULL);
    g_assert_cmpint(odd, >=, 0);
    g_assert_cmpint(even, >=, 0);
    g_assert_cmpint(md_port_pool_open(pool, &loopback, &pair), ==, 0);
    g_assert_cmpuint(md_addr_port(&pair.rtp), ==, FIRST + 4);
    g_assert_cmpuint(md_port_pool_in_use(pool), ==, 1);
    md_port_pool_close(pool, &pair);
    close(odd);
    close(even);
    md_port_pool_free(pool);
}

static void test_ipv6(void)
{
    MdPortPool *pool = make(0, -1);
    MdAddr six;
    MdPortPair a, b;
    md_addr_from_host(&six, "::1", 0);
    g_assert_cmpint(md_port_pool_open(pool, &six, &a), ==, 0);
    g_assert_cmpint(md_port_pool_open(pool, &loopback, &b), ==, 0);
    g_assert_cmpuint(md_addr_port(&a.rtp), ==, md_addr_port(&b.rtp)); /* one number serves both families */
    md_port_pool_close(pool, &a);
    md_port_pool_close(pool, &b);
    md_port_pool_free(pool);
}

static gpointer churn(gpointer data)
{
    MdPortPool *pool = data;
    for (unsigned i = 0; i < 200; i++) {
        MdPortPair pair;
        if (md_port_pool_open(pool, &loopback, &pair) == 0)
            md_port_pool_close(pool, &pair);
    }
    return NULL;
}

static void test_threads(void)
{
    MdPortPool *pool = make(0, -1);
    GThread *threads[4];
    for (unsigned i = 0; i < 4; i++)
        threads[i] = g_thread_new("churn", churn, pool);
    for (unsigned i = 0; i < 4; i++)
        g_thread_join(threads[i]);
    g_assert_cmpuint(md_port_pool_in_use(pool), ==, 0);
    md_port_pool_free(pool);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ports/ranges", test_ranges);
    g_test_add_func("/ports/pairs", test_pairs);
    g_test_add_func("/ports/limits", test_limits);
    g_test_add_func("/ports/foreign", test_foreign);
    g_test_add_func("/ports/ipv6", test_ipv6);
    g_test_add_func("/ports/threads", test_threads);
    return g_test_run();
}
