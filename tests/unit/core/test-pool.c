/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <stdint.h>
#include <string.h>
#include "mediad/core/pool.h"

static void test_all_blocks_distinct(void)
{
    MdPool *pool = md_pool_new(100, 50);
    uint8_t *blocks[50];
    for (unsigned i = 0; i < 50; i++) {
        blocks[i] = md_pool_get(pool);
        g_assert_nonnull(blocks[i]);
        g_assert_cmpuint((uintptr_t)blocks[i] % 64, ==, 0);
        memset(blocks[i], (int)i, 100);
    }
    g_assert_null(md_pool_get(pool));
    g_assert_cmpuint(md_pool_used(pool), ==, 50);
    g_assert_cmpuint(md_pool_count(pool), ==, 50);
    for (unsigned i = 0; i < 50; i++)
        for (unsigned k = 0; k < 100; k++)
            g_assert_cmpuint(blocks[i][k], ==, i);
    md_pool_put(pool, blocks[17]);
    md_pool_put(pool, NULL);
    g_assert_cmpuint(md_pool_used(pool), ==, 49);
    g_assert_true(md_pool_get(pool) == blocks[17]);
    for (unsigned i = 0; i < 50; i++)
        md_pool_put(pool, blocks[i]);
    g_assert_cmpuint(md_pool_used(pool), ==, 0);
    md_pool_free(pool);
}

static void test_limits(void)
{
    g_assert_null(md_pool_new(0, 1));
    g_assert_null(md_pool_new(1, 0));
    g_assert_null(md_pool_new((size_t)1 << 20, 1u << 20));
    g_assert_null(md_pool_new(SIZE_MAX - 1, 2));
    md_pool_free(NULL);
}

static void test_put_twice_aborts(void)
{
    if (g_test_subprocess()) {
        MdPool *pool = md_pool_new(8, 2);
        void *block = md_pool_get(pool);
        md_pool_put(pool, block);
        md_pool_put(pool, block);
        return;
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_failed();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/pool/all-blocks-distinct", test_all_blocks_distinct);
    g_test_add_func("/core/pool/limits", test_limits);
    g_test_add_func("/core/pool/put-twice-aborts", test_put_twice_aborts);
    return g_test_run();
}
