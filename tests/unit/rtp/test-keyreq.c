/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>

#include "mediad/rtp/keyreq.h"

#define MS 1000ll

static void test_incoming(void)
{
    /* Requests from a peer: at most one per 500 ms passes, none is forgotten. */
    MdKeyRequests k;
    md_key_requests_init(&k, 500 * MS, 0);
    g_assert_true(md_key_requests_ask(&k, 0));
    unsigned passed = 1;
    for (int64_t t = 10 * MS; t < 400 * MS; t += 10 * MS) {
        g_assert_false(md_key_requests_ask(&k, t));
        g_assert_false(md_key_requests_due(&k, t));
    }
    for (int64_t t = 400 * MS; t < 3000 * MS; t += 10 * MS)
        passed += md_key_requests_due(&k, t);
    g_assert_cmpuint(passed, ==, 2);
    g_assert_true(md_key_requests_ask(&k, 3000 * MS));
    /* A key frame going out meanwhile serves the merged ones. */
    g_assert_false(md_key_requests_ask(&k, 3100 * MS));
    md_key_requests_satisfied(&k, 3200 * MS);
    g_assert_false(md_key_requests_due(&k, 4000 * MS));
    g_assert_cmpuint(k.passed, ==, 3);
}

static void test_outgoing(void)
{
    /* We ask: repeated until it comes, at longer and longer intervals, at most 11 times in all. */
    MdKeyRequests k;
    md_key_requests_init(&k, 500 * MS, 1000 * MS);
    g_assert_true(md_key_requests_ask(&k, 0));
    g_assert_false(md_key_requests_ask(&k, 600 * MS)); /* one is on its way */
    g_assert_false(md_key_requests_due(&k, 999 * MS));
    g_assert_true(md_key_requests_due(&k, 1000 * MS));
    g_assert_false(md_key_requests_due(&k, 2999 * MS));
    g_assert_true(md_key_requests_due(&k, 3000 * MS));
    md_key_requests_satisfied(&k, 3050 * MS);
    unsigned n = 0;
    for (int64_t t = 3050 * MS; t < 60000 * MS; t += 100 * MS)
        n += md_key_requests_due(&k, t);
    g_assert_cmpuint(n, ==, 0);
    g_assert_true(md_key_requests_ask(&k, 60000 * MS));
    for (int64_t t = 60000 * MS; t < 600000 * MS; t += 100 * MS)
        n += md_key_requests_due(&k, t);
    g_assert_cmpuint(n, ==, 10);
    /* Given up; a new asker starts again. */
    g_assert_true(md_key_requests_ask(&k, 700000 * MS));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtp/keyreq/incoming", test_incoming);
    g_test_add_func("/rtp/keyreq/outgoing", test_outgoing);
    return g_test_run();
}
