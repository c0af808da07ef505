/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib.h>

#include "mediad/transport/addr.h"

static void test_text(void)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"192.0.2.1:5004", "192.0.2.1:5004"}, {"[2001:db8::1]:65535", "[2001:db8::1]:65535"}, {"[::ffff:192.0.2.1]:9", "192.0.2.1:9"},
        {"0.0.0.0:0", "0.0.0.0:0"}, {"2001:db8::1:5004", NULL}, {"192.0.2.1:65536", NULL}, {"192.0.2.1:", NULL}, {"192.0.2.1", NULL},
        {"example.org:5004", NULL}, {"", NULL}, {":5", NULL}, {"[]:5", NULL}, {"192.0.2.1:-5", NULL}, {"192.0.2.1: 5", NULL}, {"192.0.2.1:5x", NULL},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        MdAddr addr = {0};
        char text[MD_ADDR_TEXT_MAX];
        g_assert_cmpint(md_addr_from_string(&addr, cases[i].in), ==, cases[i].out ? 0 : -EINVAL);
        g_assert_cmpstr(md_addr_to_string(&addr, text, sizeof text), ==, cases[i].out ? cases[i].out : "");
    }
}

static void test_compare(void)
{
    MdAddr a, b, mapped, other, none = {0};
    md_addr_from_string(&a, "192.0.2.1:5004");
    md_addr_from_string(&b, "192.0.2.1:5006");
    md_addr_from_string(&mapped, "[::ffff:192.0.2.1]:5004");
    md_addr_from_string(&other, "[2001:db8::1]:5004");
    g_assert_true(md_addr_equal(&a, &mapped));
    g_assert_false(md_addr_equal(&a, &b));
    g_assert_true(md_addr_host_equal(&a, &b));
    g_assert_false(md_addr_host_equal(&a, &other));
    g_assert_false(md_addr_equal(&none, &none));
    g_assert_false(md_addr_is_v6(&mapped));
    g_assert_true(md_addr_is_v6(&other));
}

static void test_kinds(void)
{
    MdAddr any4, any6, group4, group6, host;
    md_addr_from_host(&any4, "0.0.0.0", 1);
    md_addr_from_host(&any6, "::", 1);
    md_addr_from_host(&group4, "239.1.2.3", 1);
    md_addr_from_host(&group6, "ff02::1", 1);
    md_addr_from_host(&host, "[::1]", 7);
    g_assert_true(md_addr_is_any(&any4) && md_addr_is_any(&any6));
    g_assert_false(md_addr_is_any(&host) || md_addr_is_any(&group4));
    g_assert_true(md_addr_is_multicast(&group4) && md_addr_is_multicast(&group6));
    g_assert_false(md_addr_is_multicast(&host) || md_addr_is_multicast(&any4));
    md_addr_set_port(&host, 9);
    g_assert_cmpuint(md_addr_port(&host), ==, 9);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/addr/text", test_text);
    g_test_add_func("/addr/compare", test_compare);
    g_test_add_func("/addr/kinds", test_kinds);
    return g_test_run();
}
