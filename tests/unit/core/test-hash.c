/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>
#include "mediad/core/hash.h"

static void test_depends_on_all(void)
{
    MdHashKey key = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
    uint8_t data[40];
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    for (unsigned len = 1; len < sizeof data; len++) {
        uint64_t h = md_hash(key, data, len);
        g_assert_cmpuint(h, ==, md_hash(key, data, len));
        g_assert_cmpuint(h, !=, md_hash(key, data, len - 1));
        g_assert_cmpuint(h, !=, md_hash((MdHashKey){key.k0 ^ 1, key.k1}, data, len));
        for (unsigned bit = 0; bit < len * 8; bit++) {
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            g_assert_cmpuint(h, !=, md_hash(key, data, len));
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

/* Keys that differ in one byte only must still spread: no bucket of 256 may hold three times its share. */
static void test_spreads(void)
{
    unsigned buckets[256] = {0};
    MdHashKey key = md_hash_key_random();
    for (uint32_t i = 0; i < 256 * 64; i++)
        buckets[md_hash(key, &i, sizeof i) & 255]++;
    for (unsigned i = 0; i < 256; i++)
        g_assert_cmpuint(buckets[i], <, 64 * 3);
    MdHashKey other = md_hash_key_random();
    g_assert_cmpint(memcmp(&key, &other, sizeof key), !=, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/hash/depends-on-all", test_depends_on_all);
    g_test_add_func("/core/hash/spreads", test_spreads);
    return g_test_run();
}
