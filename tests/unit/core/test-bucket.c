/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include "mediad/core/bucket.h"

static void test_burst_then_rate(void)
{
    MdBucket b;
    md_bucket_init(&b, 10, 5, 1000);
    for (int i = 0; i < 5; i++)
        g_assert_true(md_bucket_take(&b, 1, 1000));
    g_assert_false(md_bucket_take(&b, 1, 1000));
    g_assert_cmpint(md_bucket_ready_us(&b, 1, 1000), ==, 101000);
    g_assert_false(md_bucket_take(&b, 1, 100999));
    g_assert_true(md_bucket_take(&b, 1, 101000));
    g_assert_cmpuint(md_bucket_left(&b, 101000), ==, 0);
    /* ten seconds refill no more than the burst */
    g_assert_cmpuint(md_bucket_left(&b, 10101000), ==, 5);
}

static void test_long_run(void)
{
    MdBucket b;
    unsigned passed = 0;
    md_bucket_init(&b, 50, 10, 0);
    for (int64_t us = 0; us < 10000000; us += 700) /* 1,428 a second offered for ten seconds */
        passed += md_bucket_take(&b, 1, us);
    g_assert_cmpuint(passed, >=, 508);
    g_assert_cmpuint(passed, <=, 510);
}

static void test_edges(void)
{
    MdBucket b;
    md_bucket_init(&b, 0, 2, 0);
    g_assert_false(md_bucket_take(&b, 3, 0));
    g_assert_true(md_bucket_take(&b, 2, 0));
    g_assert_false(md_bucket_take(&b, 1, INT64_MAX));
    g_assert_cmpint(md_bucket_ready_us(&b, 1, 5), ==, INT64_MAX);
    md_bucket_init(&b, UINT32_MAX, UINT32_MAX, 100);
    g_assert_true(md_bucket_take(&b, UINT32_MAX, 100));
    g_assert_false(md_bucket_take(&b, 1, 50)); /* time went back */
    g_assert_true(md_bucket_take(&b, UINT32_MAX, INT64_MAX)); /* no overflow over ages */
    g_assert_cmpint(md_bucket_ready_us(&b, 0, 7), ==, 7);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/bucket/burst-then-rate", test_burst_then_rate);
    g_test_add_func("/core/bucket/long-run", test_long_run);
    g_test_add_func("/core/bucket/edges", test_edges);
    return g_test_run();
}
