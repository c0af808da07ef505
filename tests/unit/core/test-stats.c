/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include "mediad/core/stats.h"

#define TEST_STATS(X) X(packets, COUNTER, "packets seen") X(delay_us, GAUGE, "present delay")
MD_STATS_STRUCT(TestStats, TEST_STATS);
MD_STATS_TABLE(test_table, TEST_STATS);

static void test_declared_once(void)
{
    TestStats stats = {0};
    g_assert_cmpuint(MD_STATS_COUNT(TestStats), ==, G_N_ELEMENTS(test_table));
    md_stat_add(&stats.packets, 3);
    md_stat_add(&stats.packets, 4);
    md_stat_set(&stats.delay_us, 60000);
    const MdStat *row = (const MdStat *)&stats;
    g_assert_cmpuint(md_stat_get(&row[0]), ==, 7);
    g_assert_cmpuint(md_stat_get(&row[1]), ==, 60000);
    g_assert_cmpstr(test_table[0].name, ==, "packets");
    g_assert_cmpint(test_table[0].kind, ==, MD_STAT_COUNTER);
    g_assert_cmpstr(test_table[1].help, ==, "present delay");
    g_assert_cmpint(test_table[1].kind, ==, MD_STAT_GAUGE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/stats/declared-once", test_declared_once);
    return g_test_run();
}
