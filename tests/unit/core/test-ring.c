/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include "mediad/core/ring.h"

typedef struct Item {
    uint64_t number;
    uint32_t check;
} Item;

static void test_order_and_bounds(void)
{
    MdRing *ring = md_ring_new(sizeof(Item), 5);
    Item item;
    g_assert_cmpuint(md_ring_capacity(ring), ==, 8);
    g_assert_false(md_ring_pop(ring, &item));
    for (int lap = 0; lap < 3; lap++) {
        for (uint64_t i = 0; i < 8; i++)
            g_assert_true(md_ring_push(ring, &(Item){i + (uint64_t)lap * 100, 7}));
        g_assert_false(md_ring_push(ring, &(Item){99, 0}));
        g_assert_null(md_ring_reserve(ring));
        g_assert_cmpuint(md_ring_count(ring), ==, 8);
        for (uint64_t i = 0; i < 8; i++) {
            g_assert_true(md_ring_pop(ring, &item));
            g_assert_cmpuint(item.number, ==, i + (uint64_t)lap * 100);
        }
        g_assert_cmpuint(md_ring_count(ring), ==, 0);
    }
    Item *slot = md_ring_reserve(ring);
    slot->number = 42;
    g_assert_null(md_ring_peek(ring)); /* not committed yet */
    md_ring_commit(ring);
    g_assert_cmpuint(((Item *)md_ring_peek(ring))->number, ==, 42);
    md_ring_release(ring);
    g_assert_null(md_ring_peek(ring));
    md_ring_free(ring);
}

static void test_limits(void)
{
    g_assert_null(md_ring_new(0, 8));
    g_assert_null(md_ring_new(8, 0));
    g_assert_null(md_ring_new(8, (1u << 24) + 1));
    md_ring_free(NULL);
}

#define MANY 200000

static void *write_many(void *user)
{
    for (uint64_t i = 0; i < MANY; i++)
        while (!md_ring_push(user, &(Item){i, (uint32_t)(i * 2654435761u)}))
            sched_yield();
    return NULL;
}

static void test_two_threads(void)
{
    pthread_t writer;
    MdRing *ring = md_ring_new(sizeof(Item), 64);
    g_assert_cmpint(pthread_create(&writer, NULL, write_many, ring), ==, 0);
    for (uint64_t i = 0; i < MANY; i++) {
        Item item;
        while (!md_ring_pop(ring, &item))
            sched_yield();
        g_assert_cmpuint(item.number, ==, i);
        g_assert_cmpuint(item.check, ==, (uint32_t)(i * 2654435761u));
    }
    pthread_join(writer, NULL);
    md_ring_free(ring);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/ring/order-and-bounds", test_order_and_bounds);
    g_test_add_func("/core/ring/limits", test_limits);
    g_test_add_func("/core/ring/two-threads", test_two_threads);
    return g_test_run();
}
