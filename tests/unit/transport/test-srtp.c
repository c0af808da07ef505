/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "mediad/transport/srtp.h"

#define LEN 112

static size_t make_rtp(uint8_t *buf, uint16_t seq, uint32_t ssrc)
{
    memset(buf, 0xa5, LEN);
    const uint8_t head[12] = {0x80,
                              96,
                              (uint8_t)(seq >> 8),
                              (uint8_t)seq,
                              0,
                              0,
                              3,
                              0xc0,
                              (uint8_t)(ssrc >> 24),
                              (uint8_t)(ssrc >> 16),
                              (uint8_t)(ssrc >> 8),
                              (uint8_t)ssrc};
    memcpy(buf, head, sizeof head);
    return LEN;
}

static size_t make_rtcp(uint8_t *buf, uint32_t ssrc)
{
    const uint8_t rr[8] = {
        0x80, 201, 0, 1, (uint8_t)(ssrc >> 24), (uint8_t)(ssrc >> 16), (uint8_t)(ssrc >> 8), (uint8_t)ssrc};
    memcpy(buf, rr, sizeof rr);
    return sizeof rr;
}

static void pair_of(MdSrtpSuite suite, MdSrtp **ret_send, MdSrtp **ret_receive)
{
    MdSrtpKey key;
    g_assert_cmpint(md_srtp_key_generate(suite, &key), ==, 0);
    *ret_send = md_srtp_new(MD_SRTP_SEND, &key);
    *ret_receive = md_srtp_new(MD_SRTP_RECEIVE, &key);
    g_assert_nonnull(*ret_send);
    g_assert_nonnull(*ret_receive);
}

static void test_suites(void)
{
    static const size_t key_len[] = {28, 44, 30, 30}, tag[] = {16, 16, 10, 4}, rtcp_tag[] = {20, 20, 14, 14};
    for (int s = 0; s < MD_SRTP_SUITE_MAX; s++) {
        MdSrtp *send, *receive;
        uint8_t plain[LEN], buf[LEN + MD_SRTP_OVERHEAD_MAX], copy[sizeof buf];
        size_t len = make_rtp(plain, 7, 0x1234), copy_len;
        g_assert_cmpuint(md_srtp_suite_key_len((MdSrtpSuite)s), ==, key_len[s]);
        g_assert_cmpint(md_srtp_suite_from_string(md_srtp_suite_to_string((MdSrtpSuite)s)), ==, s);
        pair_of((MdSrtpSuite)s, &send, &receive);
        memcpy(buf, plain, LEN);
        g_assert_cmpint(md_srtp_protect_rtp(send, buf, &len, sizeof buf), ==, 0);
        g_assert_cmpuint(len, ==, LEN + tag[s]);
        g_assert_cmpmem(buf, 12, plain, 12);
        g_assert_true(memcmp(buf + 12, plain + 12, LEN - 12) != 0);
        memcpy(copy, buf, copy_len = len);
        /* every single byte is protected */
        for (size_t at = 0; at < len; at++) {
            uint8_t bad[sizeof buf];
            size_t bad_len = len;
            memcpy(bad, buf, len);
            bad[at] ^= 0x10;
            g_assert_cmpint(md_srtp_unprotect_rtp(receive, bad, &bad_len), <, 0);
            g_assert_cmpuint(bad_len, ==, len);
        }
        g_assert_cmpint(md_srtp_unprotect_rtp(receive, buf, &len), ==, 0);
        g_assert_cmpmem(buf, len, plain, LEN);
        g_assert_cmpint(md_srtp_unprotect_rtp(receive, copy, &copy_len), ==, -EALREADY);
        /* reports */
        len = make_rtcp(buf, 0x1234);
        g_assert_cmpint(md_srtp_protect_rtcp(send, buf, &len, sizeof buf), ==, 0);
        g_assert_cmpuint(len, ==, 8 + rtcp_tag[s]);
        memcpy(copy, buf, copy_len = len);
        copy[9] ^= 1;
        g_assert_cmpint(md_srtp_unprotect_rtcp(receive, copy, &copy_len), ==, -EBADMSG);
        memcpy(copy, buf, len);
        g_assert_cmpint(md_srtp_unprotect_rtcp(receive, buf, &len), ==, 0);
        g_assert_cmpuint(len, ==, 8);
        g_assert_cmpint(md_srtp_unprotect_rtcp(receive, copy, &copy_len), ==, -EALREADY);
        md_srtp_free(send);
        md_srtp_free(receive);
    }
}

/* Reordered, repeated and rolled over; a retransmission is the same bytes again. */
static void test_order(void)
{
    MdSrtp *send, *receive, *late;
    MdSrtpKey key;
    md_srtp_key_generate(MD_SRTP_AEAD_AES_128_GCM, &key);
    send = md_srtp_new(MD_SRTP_SEND, &key);
    receive = md_srtp_new(MD_SRTP_RECEIVE, &key);
    late = md_srtp_new(MD_SRTP_RECEIVE, &key);
    uint8_t kept[3][LEN + MD_SRTP_OVERHEAD_MAX];
    size_t kept_len[3];
    for (unsigned i = 0; i < 3; i++) {
        kept_len[i] = make_rtp(kept[i], (uint16_t)(0xfffe + i), 9); /* over the wrap */
        g_assert_cmpint(md_srtp_protect_rtp(send, kept[i], &kept_len[i], sizeof kept[i]), ==, 0);
    }
    uint8_t again[LEN + MD_SRTP_OVERHEAD_MAX];
    size_t again_len = make_rtp(again, 0xfffe, 9);
    g_assert_cmpint(md_srtp_protect_rtp(send, again, &again_len, sizeof again), ==, 0);
    g_assert_cmpmem(again, again_len, kept[0], kept_len[0]);
    static const unsigned order[] = {0, 2, 1};
    for (unsigned i = 0; i < 3; i++) {
        uint8_t work[sizeof again];
        size_t len = kept_len[order[i]];
        memcpy(work, kept[order[i]], len);
        g_assert_cmpint(md_srtp_unprotect_rtp(receive, work, &len), ==, 0);
    }
    g_assert_cmpint(md_srtp_unprotect_rtp(receive, again, &again_len), ==, -EALREADY);
    /* a video's worth of packets late is still taken */
    uint8_t first[sizeof again], work[sizeof again];
    size_t first_len = make_rtp(first, 10, 11), len;
    g_assert_cmpint(md_srtp_protect_rtp(send, first, &first_len, sizeof first), ==, 0);
    for (unsigned i = 11; i < 900; i++) {
        len = make_rtp(work, (uint16_t)i, 11);
        g_assert_cmpint(md_srtp_protect_rtp(send, work, &len, sizeof work), ==, 0);
        g_assert_cmpint(md_srtp_unprotect_rtp(late, work, &len), ==, 0);
    }
    g_assert_cmpint(md_srtp_unprotect_rtp(late, first, &first_len), ==, 0);
    md_srtp_free(send);
    md_srtp_free(receive);
    md_srtp_free(late);
}

/* One announcement: protected once, read by everybody who has the key and by nobody else. */
static void test_group(void)
{
    MdSrtpKey key, other;
    md_srtp_key_generate(MD_SRTP_AES_CM_128_HMAC_SHA1_80, &key);
    md_srtp_key_generate(MD_SRTP_AES_CM_128_HMAC_SHA1_80, &other);
    g_assert_false(md_srtp_key_equal(&key, &other));
    MdSrtp *send = md_srtp_new(MD_SRTP_SEND, &key), *stranger = md_srtp_new(MD_SRTP_RECEIVE, &other),
           *members[50];
    for (unsigned m = 0; m < 50; m++)
        members[m] = md_srtp_new(MD_SRTP_RECEIVE, &key);
    for (uint16_t seq = 1; seq < 20; seq++) {
        uint8_t plain[LEN], wire[LEN + MD_SRTP_OVERHEAD_MAX];
        size_t len = make_rtp(plain, seq, 5), n;
        memcpy(wire, plain, LEN);
        g_assert_cmpint(md_srtp_protect_rtp(send, wire, &len, sizeof wire), ==, 0);
        for (unsigned m = 0; m < 50; m++) {
            uint8_t mine[sizeof wire];
            memcpy(mine, wire, n = len);
            if (m == 0 && seq < 10) /* one joins late */
                continue;
            g_assert_cmpint(md_srtp_unprotect_rtp(members[m], mine, &n), ==, 0);
            g_assert_cmpmem(mine, n, plain, LEN);
        }
        g_assert_cmpint(md_srtp_unprotect_rtp(stranger, wire, &len), ==, -EBADMSG);
    }
    for (unsigned m = 0; m < 50; m++)
        md_srtp_free(members[m]);
    md_srtp_free(send);
    md_srtp_free(stranger);
}

/* A peer that changes its SSRC all the time is still heard, and the last streams keep their replay lists. */
static void test_many_streams(void)
{
    MdSrtp *send, *receive;
    uint8_t buf[LEN + MD_SRTP_OVERHEAD_MAX], last[sizeof buf];
    size_t len = 0, last_len;
    pair_of(MD_SRTP_AEAD_AES_128_GCM, &send, &receive);
    for (uint32_t ssrc = 1; ssrc <= 1000; ssrc++) {
        len = make_rtp(buf, 1, ssrc);
        g_assert_cmpint(md_srtp_protect_rtp(send, buf, &len, sizeof buf), ==, 0);
        memcpy(last, buf, last_len = len);
        g_assert_cmpint(md_srtp_unprotect_rtp(receive, buf, &len), ==, 0);
        g_assert_cmpuint(len, ==, LEN);
    }
    g_assert_cmpint(md_srtp_unprotect_rtp(receive, last, &last_len), ==, -EALREADY);
    md_srtp_free(send);
    md_srtp_free(receive);
}

static void test_refusals(void)
{
    MdSrtp *send, *receive;
    uint8_t buf[LEN + MD_SRTP_OVERHEAD_MAX] = {0};
    size_t len = 11;
    pair_of(MD_SRTP_AEAD_AES_256_GCM, &send, &receive);
    g_assert_cmpint(md_srtp_protect_rtp(send, buf, &len, sizeof buf), ==, -EINVAL);
    g_assert_cmpint(md_srtp_unprotect_rtp(receive, buf, &len), ==, -EINVAL);
    len = 7;
    g_assert_cmpint(md_srtp_protect_rtcp(send, buf, &len, sizeof buf), ==, -EINVAL);
    g_assert_cmpint(md_srtp_unprotect_rtcp(receive, buf, &len), ==, -EINVAL);
    len = make_rtp(buf, 1, 1);
    g_assert_cmpint(md_srtp_protect_rtp(send, buf, &len, LEN + MD_SRTP_OVERHEAD_MAX - 1), ==, -ENOSPC);
    for (size_t n = 12; n < 40; n++) { /* too short for a tag */
        size_t short_len = n;
        make_rtp(buf, 1, 1);
        g_assert_cmpint(md_srtp_unprotect_rtp(receive, buf, &short_len), <, 0);
    }
    MdSrtpKey bad = {.suite = MD_SRTP_AEAD_AES_128_GCM, .len = 30};
    g_assert_null(md_srtp_new(MD_SRTP_SEND, &bad));
    g_assert_cmpint(errno, ==, EINVAL);
    bad.suite = MD_SRTP_SUITE_INVALID;
    g_assert_null(md_srtp_new(MD_SRTP_SEND, &bad));
    g_assert_cmpint(md_srtp_key_generate(MD_SRTP_SUITE_MAX, &bad), ==, -EINVAL);
    g_assert_cmpint(md_srtp_suite_from_string("AES_CM_256_HMAC_SHA1_80"), ==, MD_SRTP_SUITE_INVALID);
    g_assert_null(md_srtp_suite_to_string(MD_SRTP_SUITE_MAX));
    md_srtp_free(send);
    md_srtp_free(receive);
}

static void test_base64(void)
{
    static const char rfc4568[] = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"; /* RFC 4568, 6.1 */
    MdSrtpKey known;
    g_assert_cmpint(
        md_srtp_key_from_base64(MD_SRTP_AES_CM_128_HMAC_SHA1_80, rfc4568, strlen(rfc4568), &known), ==, 0);
    g_assert_cmpmem(known.material, 6, "wDfvg&", 6);
    g_assert_cmpint(md_srtp_key_from_base64(MD_SRTP_SUITE_INVALID, rfc4568, strlen(rfc4568), &known), ==,
                    -EINVAL);
    for (int s = 0; s < MD_SRTP_SUITE_MAX; s++) {
        MdSrtpKey key, back;
        char text[MD_SRTP_KEY_BASE64_MAX];
        md_srtp_key_generate((MdSrtpSuite)s, &key);
        g_assert_cmpint(md_srtp_key_to_base64(&key, text, sizeof text), ==, 0);
        size_t len = strlen(text), bare = strcspn(text, "=");
        g_assert_cmpint(md_srtp_key_to_base64(&key, text, len), ==, -ENOSPC);
        g_assert_cmpint(md_srtp_key_from_base64((MdSrtpSuite)s, text, len, &back), ==, 0);
        g_assert_true(md_srtp_key_equal(&key, &back));
        g_assert_cmpint(md_srtp_key_from_base64((MdSrtpSuite)s, text, bare, &back), ==, 0);
        g_assert_true(md_srtp_key_equal(&key, &back));
        g_assert_cmpint(md_srtp_key_from_base64((MdSrtpSuite)s, text, bare - 1, &back), ==, -EINVAL);
        g_assert_cmpint(md_srtp_key_from_base64((MdSrtpSuite)s, text, 0, &back), ==, -EINVAL);
        static const char odd[] = " \n!-_=";
        for (size_t i = 0; odd[i]; i++) {
            char changed[MD_SRTP_KEY_BASE64_MAX];
            memcpy(changed, text, len + 1);
            changed[5] = odd[i];
            g_assert_cmpint(md_srtp_key_from_base64((MdSrtpSuite)s, changed, len, &back), ==, -EINVAL);
        }
        md_srtp_key_clear(&key);
        g_assert_cmpuint(key.len, ==, 0);
        g_assert_cmpint(key.suite, ==, MD_SRTP_SUITE_INVALID);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/srtp/suites", test_suites);
    g_test_add_func("/srtp/order", test_order);
    g_test_add_func("/srtp/group", test_group);
    g_test_add_func("/srtp/many-streams", test_many_streams);
    g_test_add_func("/srtp/refusals", test_refusals);
    g_test_add_func("/srtp/base64", test_base64);
    return g_test_run();
}
