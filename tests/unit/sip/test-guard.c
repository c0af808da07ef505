/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/re-api.h"
#include "sip/guard.h"

#define S ((int64_t)G_USEC_PER_SEC)

static const struct sockaddr *from(const char *host)
{
    static struct sa sa[4];
    static unsigned next;
    struct sa *one = &sa[next++ % 4];

    g_assert_cmpint(sa_set_str(one, host, 5060), ==, 0);
    return &one->u.sa;
}

static void test_budget(void)
{
    SgGuard *guard = sg_guard_new(&(SgGuardOptions){.rate_per_s = 10, .burst = 20});
    unsigned passed = 0;

    for (int i = 0; i < 100; i++)
        passed += sg_guard_message(guard, from("192.0.2.1"), 5 * S) == SG_GUARD_PASS;
    g_assert_cmpuint(passed, ==, 20);
    g_assert_cmpint(sg_guard_message(guard, from("192.0.2.2"), 5 * S), ==, SG_GUARD_PASS);
    passed = 0;
    for (int i = 0; i < 100; i++)
        passed += sg_guard_message(guard, from("192.0.2.1"), 6 * S) == SG_GUARD_PASS;
    g_assert_cmpuint(passed, ==, 10);
    /* a /64 is one source, its neighbour another */
    for (int i = 0; i < 20; i++)
        g_assert_cmpint(sg_guard_message(guard, from(i % 2 ? "2001:db8::1" : "2001:db8::ffff"), 6 * S), ==, SG_GUARD_PASS);
    g_assert_cmpint(sg_guard_message(guard, from("2001:db8::2"), 6 * S), ==, SG_GUARD_OVER_RATE);
    g_assert_cmpint(sg_guard_message(guard, from("2001:db8:0:1::1"), 6 * S), ==, SG_GUARD_PASS);
    /* ten devices at home there: room for their traffic */
    for (int i = 0; i < 10; i++)
        sg_guard_set_known(guard, from("192.0.2.8"), true, 6 * S);
    passed = 0;
    for (int i = 0; i < 300; i++)
        passed += sg_guard_message(guard, from("192.0.2.8"), 10 * S) == SG_GUARD_PASS;
    g_assert_cmpuint(passed, ==, 20 + 4 * (10 + 10 * 4));
    sg_guard_free(guard);
}

static void test_ban(void)
{
    SgGuard *guard = sg_guard_new(&(SgGuardOptions){.bad_passwords = 3, .window_s = 100, .ban_s = 50});
    bool banned = false;
    GArray *list;

    /* unproven offences never ban: the address may be forged */
    for (int i = 0; i < 100; i++)
        sg_guard_offend(guard, from("192.0.2.1"), SG_OFFENCE_MALFORMED, false, S, &banned);
    g_assert_false(banned);
    g_assert_cmpint(sg_guard_message(guard, from("192.0.2.1"), S), ==, SG_GUARD_PASS);
    /* three in the window do; spread out they do not */
    sg_guard_offend(guard, from("192.0.2.2"), SG_OFFENCE_BAD_PASSWORD, true, S, &banned);
    sg_guard_offend(guard, from("192.0.2.2"), SG_OFFENCE_BAD_PASSWORD, true, 2 * S, &banned);
    sg_guard_offend(guard, from("192.0.2.2"), SG_OFFENCE_BAD_PASSWORD, true, 200 * S, &banned);
    g_assert_false(banned);
    sg_guard_offend(guard, from("192.0.2.2"), SG_OFFENCE_BAD_PASSWORD, true, 201 * S, &banned);
    g_assert_false(banned);
    g_assert_true(sg_guard_offend(guard, from("192.0.2.2"), SG_OFFENCE_BAD_PASSWORD, true, 202 * S, &banned));
    g_assert_true(banned);
    g_assert_cmpint(sg_guard_message(guard, from("192.0.2.2"), 203 * S), ==, SG_GUARD_BANNED);
    g_assert_false(sg_guard_connect(guard, from("192.0.2.2"), 203 * S));
    list = sg_guard_list(guard, 203 * S);
    g_assert_cmpuint(list->len, ==, 2);
    g_assert_cmpstr(g_array_index(list, SgGuardEntry, 0).source, ==, "192.0.2.2");
    g_assert_cmpstr(g_array_index(list, SgGuardEntry, 0).reason, ==, "wrong password");
    g_assert_true(g_array_index(list, SgGuardEntry, 0).banned);
    g_assert_cmpuint(g_array_index(list, SgGuardEntry, 1).offences[SG_OFFENCE_MALFORMED], ==, 100);
    g_array_unref(list);
    g_assert_cmpint(sg_guard_message(guard, from("192.0.2.2"), 252 * S), ==, SG_GUARD_PASS); /* it ran out */
    for (int i = 0; i < 3; i++)
        sg_guard_offend(guard, from("192.0.2.2"), SG_OFFENCE_BAD_PASSWORD, true, 260 * S, &banned);
    g_assert_true(banned);
    g_assert_true(sg_guard_forgive(guard, "192.0.2.2"));
    g_assert_false(sg_guard_forgive(guard, "192.0.2.99"));
    g_assert_cmpint(sg_guard_message(guard, from("192.0.2.2"), 261 * S), ==, SG_GUARD_PASS);
    sg_guard_free(guard);
}

/* A commune's address with working devices behind it is never banned for the broken one. */
static void test_known(void)
{
    SgGuard *guard = sg_guard_new(&(SgGuardOptions){.bad_passwords = 3});
    bool banned = false;

    sg_guard_set_known(guard, from("192.0.2.3"), true, S);
    for (int i = 0; i < 50; i++) {
        sg_guard_offend(guard, from("192.0.2.3"), SG_OFFENCE_BAD_PASSWORD, true, S, &banned);
        g_assert_false(banned);
    }
    sg_guard_set_known(guard, from("192.0.2.3"), false, S);
    sg_guard_offend(guard, from("192.0.2.3"), SG_OFFENCE_BAD_PASSWORD, true, S, &banned);
    g_assert_true(banned);
    sg_guard_free(guard);
}

static void test_log_and_connections(void)
{
    SgGuard *guard = sg_guard_new(&(SgGuardOptions){.connections_per_source = 2, .connections_max = 3});
    unsigned lines = 0;

    for (int i = 0; i < 1000; i++)
        lines += sg_guard_offend(guard, from("192.0.2.4"), SG_OFFENCE_OVERSIZE, false, i * S / 40, NULL);
    g_assert_cmpuint(lines, ==, 3); /* 25 s */
    g_assert_true(sg_guard_connect(guard, from("192.0.2.4"), 0));
    g_assert_true(sg_guard_connect(guard, from("192.0.2.4"), 0));
    g_assert_false(sg_guard_connect(guard, from("192.0.2.4"), 0));
    g_assert_true(sg_guard_connect(guard, from("192.0.2.5"), 0));
    g_assert_false(sg_guard_connect(guard, from("192.0.2.6"), 0)); /* three in all */
    sg_guard_disconnect(guard, from("192.0.2.4"));
    g_assert_true(sg_guard_connect(guard, from("192.0.2.6"), 0));
    sg_guard_free(guard);
}

/* Opening and closing connections is no way around the budget. */
static void test_connections_cost(void)
{
    SgGuard *guard = sg_guard_new(&(SgGuardOptions){.rate_per_s = 10, .burst = 50});
    unsigned opened = 0;

    for (int i = 0; i < 100; i++) {
        if (!sg_guard_connect(guard, from("192.0.2.4"), S))
            continue;
        opened++;
        sg_guard_disconnect(guard, from("192.0.2.4"));
    }
    g_assert_cmpuint(opened, ==, 5);
    g_assert_cmpint(sg_guard_message(guard, from("192.0.2.4"), S), ==, SG_GUARD_OVER_RATE);
    g_assert_true(sg_guard_connect(guard, from("192.0.2.5"), S));
    g_assert_true(sg_guard_connect(guard, from("192.0.2.4"), 2 * S));
    g_assert_false(sg_guard_connect(guard, from("192.0.2.4"), 2 * S));
    sg_guard_free(guard);
}

/* A flood from made-up addresses takes no more memory than the table has; a ban survives it. */
static void test_bounded(void)
{
    SgGuard *guard = sg_guard_new(&(SgGuardOptions){.sources_max = 100, .bad_passwords = 1});
    bool banned = false;
    GArray *list;

    sg_guard_offend(guard, from("192.0.2.9"), SG_OFFENCE_BAD_PASSWORD, true, 0, &banned);
    g_assert_true(banned);
    for (unsigned i = 0; i < 5000; i++) {
        char host[32];

        g_snprintf(host, sizeof(host), "10.0.%u.%u", i / 250, i % 250 + 1);
        sg_guard_offend(guard, from(host), SG_OFFENCE_MALFORMED, false, 0, NULL);
    }
    list = sg_guard_list(guard, 0);
    g_assert_cmpuint(list->len, ==, 100);
    g_array_unref(list);
    g_assert_cmpint(sg_guard_message(guard, from("192.0.2.9"), 1), ==, SG_GUARD_BANNED);
    sg_guard_free(guard);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sip/guard/budget", test_budget);
    g_test_add_func("/sip/guard/ban", test_ban);
    g_test_add_func("/sip/guard/known-device", test_known);
    g_test_add_func("/sip/guard/log-and-connections", test_log_and_connections);
    g_test_add_func("/sip/guard/connections-cost", test_connections_cost);
    g_test_add_func("/sip/guard/bounded", test_bounded);
    return g_test_run();
}
