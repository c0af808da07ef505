/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib.h>
#include <netinet/in.h>

#include "mediad/transport/addr.h"

static void test_from_host(void)
{
    static const struct {
        const char *host, *want; /* NULL: refused */
        bool v6, any, multicast;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1:5004", false, false, false},
        {"0.0.0.0", "0.0.0.0:5004", false, true, false},
        {"224.0.0.5", "224.0.0.5:5004", false, false, true},
        {"239.255.255.255", "239.255.255.255:5004", false, false, true},
        {"240.0.0.1", "240.0.0.1:5004", false, false, false},
        {"2001:db8::1", "[2001:db8::1]:5004", true, false, false},
        {"[2001:db8::1]", "[2001:db8::1]:5004", true, false, false},
        {"::", "[::]:5004", true, true, false},
        {"ff02::1", "[ff02::1]:5004", true, false, true},
        {"fe80::1%lo", "[fe80::1]:5004", true, false, false},
        {"::ffff:192.0.2.7", "192.0.2.7:5004", false, false, false},
        {"", NULL, 0, 0, 0},
        {"[", NULL, 0, 0, 0},
        {"[]", NULL, 0, 0, 0},
        {"example.org", NULL, 0, 0, 0},
        {"localhost", NULL, 0, 0, 0},
        {"192.0.2", NULL, 0, 0, 0},
        {"192.0.2.256", NULL, 0, 0, 0},
        {"192.0.2.1 ", NULL, 0, 0, 0},
        {"0x7f.0.0.1", NULL, 0, 0, 0},
        {"[192.0.2.1", NULL, 0, 0, 0},
        {"2001:db8:::1", NULL, 0, 0, 0},
        {"fe80::1%no-such-link", NULL, 0, 0, 0},
        {"1111111111111111111111111111111111111111111111111111111111111111111", NULL, 0, 0, 0},
        {NULL, NULL, 0, 0, 0},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        MdAddr addr = {0};
        char text[MD_ADDR_TEXT_MAX];
        int rc = md_addr_from_host(&addr, cases[i].host, 5004);
        g_test_message("%s", cases[i].host ? cases[i].host : "(null)");
        if (!cases[i].want) {
            g_assert_cmpint(rc, ==, -EINVAL);
            g_assert_false(md_addr_is_set(&addr));
            continue;
        }
        g_assert_cmpint(rc, ==, 0);
        g_assert_cmpstr(md_addr_to_string(&addr, text, sizeof text), ==, cases[i].want);
        g_assert_cmpint(md_addr_is_v6(&addr), ==, cases[i].v6);
        g_assert_cmpint(md_addr_is_any(&addr), ==, cases[i].any);
        g_assert_cmpint(md_addr_is_multicast(&addr), ==, cases[i].multicast);
        g_assert_cmpuint(md_addr_port(&addr), ==, 5004);
    }
}

static void test_from_string(void)
{
    static const char *const good[] = {"192.0.2.1:0", "192.0.2.1:65535", "[2001:db8::1]:5004", "[::]:1"};
    static const char *const bad[] = {
        "192.0.2.1",     "192.0.2.1:",        "192.0.2.1:65536", "192.0.2.1:-1",
        "192.0.2.1:+1",  "192.0.2.1: 1",      "192.0.2.1:1x",    "2001:db8::1:5004",
        "[2001:db8::1]", "[2001:db8::1:5004", ":5004",           "",
        "host:5004"};
    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        MdAddr addr;
        char text[MD_ADDR_TEXT_MAX];
        g_assert_cmpint(md_addr_from_string(&addr, good[i]), ==, 0);
        g_assert_cmpstr(md_addr_to_string(&addr, text, sizeof text), ==, good[i]);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        MdAddr addr;
        g_test_message("%s", bad[i]);
        g_assert_cmpint(md_addr_from_string(&addr, bad[i]), ==, -EINVAL);
    }
    MdAddr addr;
    g_assert_cmpint(md_addr_from_string(&addr, NULL), ==, -EINVAL);
}

static void test_equal(void)
{
    MdAddr a, b, unset = {0};
    char text[MD_ADDR_TEXT_MAX] = "x";
    md_addr_from_string(&a, "192.0.2.1:5004");
    md_addr_from_string(&b, "192.0.2.1:5006");
    g_assert_false(md_addr_equal(&a, &b));
    g_assert_true(md_addr_host_equal(&a, &b));
    md_addr_set_port(&b, 5004);
    g_assert_true(md_addr_equal(&a, &b));
    /* as a dual-stack socket would tell it */
    MdAddr mapped = {.len = sizeof(struct sockaddr_in6)};
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&mapped.ss;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = g_htons(5004);
    memcpy(in6->sin6_addr.s6_addr, (uint8_t[]){0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}, 16);
    g_assert_true(md_addr_equal(&a, &mapped));
    g_assert_false(md_addr_is_v6(&mapped));
    g_assert_cmpstr(md_addr_to_string(&mapped, text, sizeof text), ==, "192.0.2.1:5004");
    g_assert_false(md_addr_equal(&unset, &unset)); /* nobody is nobody's equal */
    g_assert_false(md_addr_host_equal(&a, &unset));
    g_assert_cmpstr(md_addr_to_string(&unset, text, sizeof text), ==, "");
    g_assert_cmpuint(md_addr_port(&unset), ==, 0);
    g_assert_false(md_addr_is_any(&unset));
    g_assert_false(md_addr_is_multicast(&unset));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/addr/from-host", test_from_host);
    g_test_add_func("/addr/from-string", test_from_string);
    g_test_add_func("/addr/equal", test_equal);
    return g_test_run();
}
