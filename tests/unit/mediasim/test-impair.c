/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "mediasim/impair.h"

typedef struct Sink {
    unsigned n;
    unsigned order[20000];
    int64_t delay_min, delay_max, sum;
} Sink;

static void deliver(void *target, int kind, uint8_t *data, size_t len, int64_t now_us, void *user)
{
    Sink *sink = user;
    unsigned id;
    int64_t sent;
    g_assert_true(target == (void *)sink);
    g_assert_cmpint(kind, ==, 3);
    g_assert_cmpuint(len, ==, 12);
    memcpy(&id, data, 4);
    memcpy(&sent, data + 4, 8);
    sink->delay_min = MIN(sink->delay_min, now_us - sent);
    sink->delay_max = MAX(sink->delay_max, now_us - sent);
    sink->sum += now_us - sent;
    sink->order[sink->n++] = id;
}

static void run(const SimImpairOptions *spec, Sink *sink, unsigned packets)
{
    memset(sink, 0, sizeof(*sink));
    sink->delay_min = INT64_MAX;
    SimImpairOptions options = *spec;
    options.deliver = deliver;
    options.user = sink;
    SimImpair *impair = sim_impair_new(&options);
    for (unsigned i = 0; i < packets; i++) {
        int64_t now = (int64_t)i * 1000;
        while (sim_impair_due_us(impair) <= now)
            sim_impair_run(impair, sim_impair_due_us(impair));
        uint8_t data[12];
        memcpy(data, &i, 4);
        memcpy(data + 4, &now, 8);
        sim_impair_put(impair, sink, 3, data, sizeof(data), now);
    }
    while (sim_impair_due_us(impair) != INT64_MAX)
        sim_impair_run(impair, sim_impair_due_us(impair));
    g_assert_cmpuint(sink->n + sim_impair_dropped(impair), ==, packets);
    sim_impair_free(impair);
}

static void test_clean(void)
{
    Sink *sink = g_new0(Sink, 1);
    run(&(SimImpairOptions){.seed = 1}, sink, 1000);
    g_assert_cmpuint(sink->n, ==, 1000);
    g_assert_cmpint(sink->delay_max, ==, 0);
    g_free(sink);
}

static void test_loss(void)
{
    Sink *a = g_new0(Sink, 1), *b = g_new0(Sink, 1);
    SimImpairOptions options = {.loss = 0.1, .seed = 7};
    run(&options, a, 20000);
    g_assert_cmpuint(a->n, >, 17700);
    g_assert_cmpuint(a->n, <, 18300);
    run(&options, b, 20000);
    g_assert_cmpmem(a->order, sizeof(a->order), b->order,
                    sizeof(b->order)); /* the same seed, the same line */
    options.seed = 8;
    run(&options, b, 20000);
    g_assert_true(memcmp(a->order, b->order, sizeof(a->order)) != 0);
    g_free(a);
    g_free(b);
}

static void test_delay(void)
{
    Sink *sink = g_new0(Sink, 1);
    run(&(SimImpairOptions){.delay_us = 50000, .seed = 1}, sink, 2000);
    g_assert_cmpint(sink->delay_min, ==, 50000);
    g_assert_cmpint(sink->delay_max, ==, 50000);
    for (unsigned i = 0; i < 2000; i++)
        g_assert_cmpuint(sink->order[i], ==, i);
    run(&(SimImpairOptions){.delay_us = 50000, .jitter_us = 20000, .seed = 1}, sink, 20000);
    g_assert_cmpint(sink->delay_min, >=, 50000);
    g_assert_cmpint(sink->delay_min, <, 50500);
    g_assert_cmpint(sink->delay_max, >, 69500);
    g_assert_cmpint(sink->delay_max, <=, 70000);
    g_assert_cmpint(ABS(sink->sum / 20000 - 60000), <, 300);
    g_free(sink);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mediasim/impair/clean", test_clean);
    g_test_add_func("/mediasim/impair/loss", test_loss);
    g_test_add_func("/mediasim/impair/delay", test_delay);
    return g_test_run();
}
