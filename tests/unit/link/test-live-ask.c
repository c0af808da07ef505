/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <glib.h>
#include "broadcast/link/live-ask.h"

#define KEY "AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw=="
#define OTHER "AEAD_AES_128_GCM inline:AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw=="

static void test_round_trip(void)
{
    BcLiveAsk ask = {.at_us = 1767225600123456, .occurrence = "ANN@17", .device = "loa-hương-khê"}, back;
    uint8_t data[BC_LIVE_ASK_MAX];
    size_t len = bc_live_ask_format(&ask, KEY, data, sizeof(data));
    g_assert_cmpuint(len, ==, 32 + strlen(ask.occurrence) + strlen(ask.device));
    g_assert_true(bc_live_ask_parse(&back, data, len));
    g_assert_cmpint(back.at_us, ==, ask.at_us);
    g_assert_cmpstr(back.occurrence, ==, ask.occurrence);
    g_assert_cmpstr(back.device, ==, ask.device);
    g_assert_true(bc_live_ask_verify(data, len, KEY));
    g_assert_false(bc_live_ask_verify(data, len, OTHER));
    g_assert_false(bc_live_ask_verify(data, len, NULL));
    for (size_t i = 0; i < len; i++) { /* every byte counts */
        data[i] ^= 1;
        g_assert_false(bc_live_ask_parse(&back, data, len) && bc_live_ask_verify(data, len, KEY));
        data[i] ^= 1;
    }
    for (size_t cut = 0; cut < len; cut++)
        g_assert_false(bc_live_ask_parse(&back, data, cut));
}

static void test_limits(void)
{
    uint8_t data[BC_LIVE_ASK_MAX];
    BcLiveAsk ask = {.device = "d"};
    g_assert_cmpuint(bc_live_ask_format(&ask, NULL, data, sizeof(data)), ==, 0);
    memset(ask.occurrence, 'x', 200);
    memset(ask.device, 'y', 64);
    size_t len = bc_live_ask_format(&ask, NULL, data, sizeof(data));
    g_assert_cmpuint(len, ==, 16 + 264 + 16);
    g_assert_true(bc_live_ask_verify(data, len, NULL));
    g_assert_cmpuint(bc_live_ask_format(&ask, NULL, data, len - 1), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/live-ask/round-trip", test_round_trip);
    g_test_add_func("/live-ask/limits", test_limits);
    return g_test_run();
}
