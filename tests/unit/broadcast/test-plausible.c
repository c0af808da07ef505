/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which readings of a device may be believed. */
#include "broadcast/device-link/health.h"

#define START_US 1764000000000000
#define S G_USEC_PER_SEC

static BcPlausible judge(const char *name, const char *value, int64_t samples, int64_t since_us, int64_t at_us)
{
    BcReading reading = {.name = name, .value = value, .at_us = at_us, .received_us = START_US, .since_us = since_us, .samples = samples};
    return bc_health_judge(&reading, NULL, START_US, NULL);
}

static void test_plausible(void)
{
    int64_t long_ago = START_US - 7ll * 3600 * S;
    g_assert_cmpint(judge("temperature_c", "41", 3, START_US, 0), ==, BC_PLAUSIBLE_OK);
    g_assert_cmpint(judge("temperature_c", "41", 400, long_ago, 0), ==, BC_PLAUSIBLE_CONSTANT); /* the firmware of domain 2.3 */
    g_assert_cmpint(judge("temperature_c", "41", 59, long_ago, 0), ==, BC_PLAUSIBLE_OK);
    g_assert_cmpint(judge("volume", "80", 4000, long_ago, 0), ==, BC_PLAUSIBLE_OK); /* it may stand still */
    g_assert_cmpint(judge("signal_dbm", "-10", 1, START_US, 0), ==, BC_PLAUSIBLE_IMPOSSIBLE);
    g_assert_cmpint(judge("signal_dbm", "-87", 1, START_US, 0), ==, BC_PLAUSIBLE_OK);
    g_assert_cmpint(judge("temperature_c", "151", 1, START_US, 0), ==, BC_PLAUSIBLE_IMPOSSIBLE);
    g_assert_cmpint(judge("temperature_c", "nan", 1, START_US, 0), ==, BC_PLAUSIBLE_IMPOSSIBLE);
    g_assert_cmpint(judge("temperature_c", "hot", 1, START_US, 0), ==, BC_PLAUSIBLE_IMPOSSIBLE);
    g_assert_cmpint(judge("power_w", "", 1, START_US, 0), ==, BC_PLAUSIBLE_IMPOSSIBLE);
    g_assert_cmpint(judge("temperature_c", "41", 1, START_US, START_US + 600 * S), ==, BC_PLAUSIBLE_IMPOSSIBLE);
    g_assert_cmpint(judge("temperature_c", "41", 1, START_US, START_US - 3600ll * S), ==, BC_PLAUSIBLE_STALE);
}

static void test_swapped(void)
{
    BcReading r[] = {{.name = "left_line", .value = "open"}, {.name = "right_line", .value = "ok"}, {.name = "left_line_test", .value = "ok"},
                     {.name = "right_line_test", .value = "open"}};
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    for (unsigned i = 0; i < G_N_ELEMENTS(r); i++) {
        r[i].received_us = START_US;
        g_ptr_array_add(all, &r[i]);
    }
    const char *why = NULL;
    g_assert_cmpint(bc_health_judge(&r[0], all, START_US, &why), ==, BC_PLAUSIBLE_SWAPPED);
    g_assert_nonnull(why);
    g_assert_cmpint(bc_health_judge(&r[2], all, START_US, NULL), ==, BC_PLAUSIBLE_OK);
    r[2].value = "open";
    r[3].value = "ok";
    g_assert_cmpint(bc_health_judge(&r[0], all, START_US, NULL), ==, BC_PLAUSIBLE_OK);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device-link/plausible", test_plausible);
    g_test_add_func("/device-link/swapped", test_swapped);
    return g_test_run();
}
