/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "mediad/transport/srtp.h"

#define LEN 172

static void make_rtp(uint8_t *packet, uint16_t seq, uint32_t ssrc)
{
    memset(packet, 0, 256);
    packet[0] = 0x80;
    packet[1] = 96;
    packet[2] = (uint8_t)(seq >> 8);
    packet[3] = (uint8_t)seq;
    packet[8] = (uint8_t)(ssrc >> 24);
    packet[11] = (uint8_t)ssrc;
    for (unsigned i = 12; i < LEN; i++)
        packet[i] = (uint8_t)(i * 7 + seq);
}

static void test_suites(void)
{
    static const size_t key_len[] = {28, 44, 30, 30}, tag[] = {16, 16, 10, 4};
    for (int suite = 0; suite < MD_SRTP_SUITE_MAX; suite++) {
        MdSrtpKey key;
        g_assert_cmpint(md_srtp_key_generate((MdSrtpSuite)suite, &key), ==, 0);
        g_assert_cmpuint(key.len, ==, key_len[suite]);
        g_assert_cmpint(md_srtp_suite_from_string(md_srtp_suite_to_string((MdSrtpSuite)suite)), ==, suite);
        MdSrtp *send = md_srtp_new(MD_SRTP_SEND, &key), *receive = md_srtp_new(MD_SRTP_RECEIVE, &key);
        for (unsigned i = 0; i < 3; i++) {
            /* across the wrap of the sequence number, and for two sources */
            for (unsigned ssrc = 1; ssrc <= 2; ssrc++) {
                uint8_t plain[256], packet[256], copy[256];
                uint16_t seq = (uint16_t)(65534 + i);
                size_t len = LEN;
                make_rtp(plain, seq, ssrc);
                memcpy(packet, plain, LEN);
                g_assert_cmpint(md_srtp_protect_rtp(send, packet, &len, sizeof packet), ==, 0);
                g_assert_cmpuint(len, ==, LEN + tag[suite]);
                g_assert_cmpint(memcmp(packet + 12, plain + 12, LEN - 12), !=, 0);
                /* once more, as for a retransmission: the same bytes */
                size_t again = LEN;
                memcpy(copy, plain, LEN);
                g_assert_cmpint(md_srtp_protect_rtp(send, copy, &again, sizeof copy), ==, 0);
                g_assert_cmpmem(copy, again, packet, len);
                size_t damaged = len;
                copy[20] ^= 1;
                g_assert_cmpint(md_srtp_unprotect_rtp(receive, copy, &damaged), ==, -EBADMSG);
                g_assert_cmpuint(damaged, ==, len);
                memcpy(copy, packet, len);
                size_t got = len;
                g_assert_cmpint(md_srtp_unprotect_rtp(receive, copy, &got), ==, 0);
                g_assert_cmpmem(copy, got, plain, LEN);
                got = len;
                g_assert_cmpint(md_srtp_unprotect_rtp(receive, packet, &got), ==, -EALREADY);
            }
        }
        md_srtp_free(send);
        md_srtp_free(receive);
    }
}

static void test_rtcp(void)
{
    for (int suite = 0; suite < MD_SRTP_SUITE_MAX; suite++) {
        MdSrtpKey key, other;
        md_srtp_key_generate((MdSrtpSuite)suite, &key);
        md_srtp_key_generate((MdSrtpSuite)suite, &other);
        g_assert_false(md_srtp_key_equal(&key, &other));
        MdSrtp *send = md_srtp_new(MD_SRTP_SEND, &key), *receive = md_srtp_new(MD_SRTP_RECEIVE, &key), *stranger = md_srtp_new(MD_SRTP_RECEIVE, &other);
        static const uint8_t report[] = {0x80, 201, 0, 1, 1, 2, 3, 4};
        uint8_t packet[64], copy[64];
        size_t len = sizeof report, got;
        memcpy(packet, report, sizeof report);
        g_assert_cmpint(md_srtp_protect_rtcp(send, packet, &len, 20), ==, -ENOSPC);
        g_assert_cmpint(md_srtp_protect_rtcp(send, packet, &len, sizeof packet), ==, 0);
        g_assert_cmpuint(len, <=, sizeof report + MD_SRTP_OVERHEAD_MAX);
        memcpy(copy, packet, len);
        got = len;
        g_assert_cmpint(md_srtp_unprotect_rtcp(stranger, copy, &got), ==, -EBADMSG);
        got = len;
        g_assert_cmpint(md_srtp_unprotect_rtcp(receive, packet, &got), ==, 0);
        g_assert_cmpmem(packet, got, report, sizeof report);
        md_srtp_free(send);
        md_srtp_free(receive);
        md_srtp_free(stranger);
    }
}

static void test_base64(void)
{
    static const char text[] = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"; /* RFC 4568, 6.1 */
    MdSrtpKey key, back;
    g_assert_cmpint(md_srtp_key_from_base64(MD_SRTP_AES_CM_128_HMAC_SHA1_80, text, strlen(text), &key), ==, 0);
    g_assert_cmpuint(key.len, ==, 30);
    g_assert_cmpmem(key.material, 6, "wDfvg&", 6);
    char out[MD_SRTP_KEY_BASE64_MAX];
    g_assert_cmpint(md_srtp_key_to_base64(&key, out, sizeof out), ==, 0);
    g_assert_cmpstr(out, ==, text);
    g_assert_cmpint(md_srtp_key_to_base64(&key, out, 10), ==, -ENOSPC);
    for (int suite = 0; suite < MD_SRTP_SUITE_MAX; suite++) {
        md_srtp_key_generate((MdSrtpSuite)suite, &key);
        md_srtp_key_to_base64(&key, out, sizeof out);
        g_assert_cmpint(md_srtp_key_from_base64((MdSrtpSuite)suite, out, strlen(out), &back), ==, 0);
        g_assert_true(md_srtp_key_equal(&key, &back));
        while (out[strlen(out) - 1] == '=') /* some devices leave the padding out */
            out[strlen(out) - 1] = 0;
        g_assert_cmpint(md_srtp_key_from_base64((MdSrtpSuite)suite, out, strlen(out), &back), ==, 0);
        g_assert_true(md_srtp_key_equal(&key, &back));
    }
    static const char *const bad[] = {"", "AAAA", "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSo", "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSojAAAA",
                                      "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSo*", "d0Rmdmcm CspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"};
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_cmpint(md_srtp_key_from_base64(MD_SRTP_AES_CM_128_HMAC_SHA1_80, bad[i], strlen(bad[i]), &back), ==, -EINVAL);
    g_assert_cmpint(md_srtp_key_from_base64(MD_SRTP_SUITE_INVALID, text, strlen(text), &back), ==, -EINVAL);
}

static void test_short(void)
{
    MdSrtpKey key;
    md_srtp_key_generate(MD_SRTP_AEAD_AES_128_GCM, &key);
    MdSrtp *receive = md_srtp_new(MD_SRTP_RECEIVE, &key);
    uint8_t packet[64] = {0x80, 96};
    for (size_t n = 0; n < 40; n++) {
        size_t len = n;
        g_assert_cmpint(md_srtp_unprotect_rtp(receive, packet, &len), <, 0);
        len = n;
        g_assert_cmpint(md_srtp_unprotect_rtcp(receive, packet, &len), <, 0);
    }
    md_srtp_free(receive);
    key.len = 5;
    g_assert_null(md_srtp_new(MD_SRTP_SEND, &key));
    g_assert_cmpint(errno, ==, EINVAL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/srtp/suites", test_suites);
    g_test_add_func("/srtp/rtcp", test_rtcp);
    g_test_add_func("/srtp/base64", test_base64);
    g_test_add_func("/srtp/short", test_short);
    return g_test_run();
}
