/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <glib.h>
#include "broadcast/speaker/core/timing.h"

#define S G_GINT64_CONSTANT(1000000)
#define WALL (G_GINT64_CONSTANT(1767330000) * S)

typedef struct Line {            /* a server behind a line, on virtual time */
    int64_t mono_us, server_base_us;
    double server_rate;
    GRand *rand;
    double out_ms, back_ms, spread_ms;
} Line;

static int64_t server_at(const Line *line, int64_t mono_us)
{
    return line->server_base_us + (int64_t)llround((double)mono_us * line->server_rate);
}

static int64_t delay(Line *line, double least_ms)
{
    /* now and then a packet waits long, as on a loaded cell */
    return (int64_t)((least_ms - line->spread_ms * log(1 - g_rand_double(line->rand))) * 1000);
}

static bool ask(Line *line, BcTiming *timing)
{
    BcLinkClock q;
    bc_timing_ask(timing, line->mono_us, &q);
    int64_t there_us = line->mono_us + delay(line, line->out_ms);
    q.t1_us = server_at(line, there_us);
    q.t2_us = q.t1_us + 300;
    line->mono_us = there_us + 300 + delay(line, line->back_ms);
    return bc_timing_answer(timing, &q, line->mono_us);
}

static void run(Line *line, BcTiming *timing, int64_t for_us)
{
    for (int64_t until_us = line->mono_us + for_us; line->mono_us < until_us;) {
        line->mono_us = MAX(line->mono_us, bc_timing_next_us(timing));
        ask(line, timing);
    }
}

/* A crystal 40 ppm off and a noisy line of 30 ms and more: within 4 ms of the server for hours, drift known to a few ppm. */
static void test_drift(void)
{
    for (int seed = 0; seed < 8; seed++) {
        Line line = {5 * S, WALL, 1 + 40e-6, g_rand_new_with_seed((guint32)seed), 30, 30, 8};
        BcTiming timing;
        bc_timing_init(&timing, line.mono_us, WALL - 3600 * S); /* the system's clock is an hour late */
        g_assert_false(bc_timing_synced(&timing));
        g_assert_cmpint(bc_timing_server_us(&timing, line.mono_us, 4711), ==, 4711);
        g_assert_true(isnan(bc_timing_drift_ppm(&timing)));
        run(&line, &timing, 5 * S);
        g_assert_true(bc_timing_synced(&timing));
        g_assert_cmpint(llabs(bc_timing_server_us(&timing, line.mono_us, 0) - server_at(&line, line.mono_us)), <, 12000);
        run(&line, &timing, 1200 * S);
        for (unsigned i = 0; i < 60; i++) {
            run(&line, &timing, 60 * S);
            g_assert_cmpint(llabs(bc_timing_server_us(&timing, line.mono_us, 0) - server_at(&line, line.mono_us)), <, 4000);
        }
        g_assert_cmpfloat(fabs(bc_timing_drift_ppm(&timing) + 40), <, 8);
        g_assert_cmpint(bc_timing_error_us(&timing), >=, 30000);
        /* the wall clock may be anything: only what is said about it changes */
        g_assert_cmpint(bc_timing_offset_us(&timing, line.mono_us, server_at(&line, line.mono_us) + 7 * S) / 1000, >=, 6990);
        g_rand_free(line.rand);
    }
}

static void test_lies(void)
{
    Line line = {5 * S, WALL, 1, g_rand_new_with_seed(1), 5, 5, 1};
    BcTiming timing;
    bc_timing_init(&timing, line.mono_us, WALL);
    BcLinkClock q = {.t0_us = 1, .t1_us = 2, .t2_us = 3};
    g_assert_false(bc_timing_answer(&timing, &q, line.mono_us)); /* never asked */
    bc_timing_ask(&timing, line.mono_us, &q);
    q.t1_us = server_at(&line, line.mono_us);
    q.t2_us = q.t1_us - 1;
    g_assert_false(bc_timing_answer(&timing, &q, line.mono_us + 1000)); /* left before it came */
    run(&line, &timing, 60 * S);
    bc_timing_ask(&timing, line.mono_us, &q);
    q.t1_us = q.t2_us = server_at(&line, line.mono_us);
    g_assert_false(bc_timing_answer(&timing, &q, line.mono_us + 6 * S)); /* too long under way */
    int64_t before_us = bc_timing_server_us(&timing, line.mono_us, 0);
    line.server_base_us += 3 * S; /* one wild answer moves nothing, a step that stays is followed */
    g_assert_false(ask(&line, &timing));
    g_assert_cmpint(llabs(bc_timing_server_us(&timing, line.mono_us, 0) - before_us), <, S);
    ask(&line, &timing);
    g_assert_true(ask(&line, &timing));
    g_assert_cmpint(llabs(bc_timing_server_us(&timing, line.mono_us, 0) - server_at(&line, line.mono_us)), <, 8000);
    g_assert_cmpuint(sizeof(BcTiming), <, 2048);
    g_rand_free(line.rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/timing/drift", test_drift);
    g_test_add_func("/timing/lies", test_lies);
    return g_test_run();
}
