/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "mediad/rtp/dtmf.h"
#include "mediad/rtp/payload.h"

static void test_durations(void)
{
    static const struct {
        uint8_t payload[3];
        size_t len;
        int want;
    } opus[] = {
        {{0x08, 1, 2}, 3, 960},      /* SILK NB 20 ms */
        {{0x18, 1, 2}, 3, 2880},     /* SILK NB 60 ms */
        {{0x60, 1, 2}, 3, 480},      /* hybrid SWB 10 ms */
        {{0x78, 1, 2}, 3, 960},      /* hybrid FB 20 ms */
        {{0xe0, 1, 2}, 3, 120},      /* CELT FB 2.5 ms */
        {{0xf8, 1, 2}, 3, 960},      /* CELT FB 20 ms */
        {{0xf9, 1, 2}, 3, 1920},     /* two of them */
        {{0x1b, 2, 0}, 3, 5760},     /* code 3, two of 60 ms */
        {{0x1b, 3, 0}, 3, -EBADMSG}, /* 180 ms */
        {{0x1b, 0, 0}, 3, -EBADMSG}, /* no frames */
        {{0x1b, 0, 0}, 1, -EBADMSG}, {{0}, 0, -EBADMSG},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(opus); i++)
        g_assert_cmpint(md_audio_payload_duration(MD_AUDIO_OPUS, opus[i].payload, opus[i].len), ==,
                        opus[i].want);
    static const uint8_t g711[1700];
    g_assert_cmpint(md_audio_payload_duration(MD_AUDIO_PCMA, g711, 160), ==, 160);
    g_assert_cmpint(md_audio_payload_duration(MD_AUDIO_G722, g711, 160), ==, 160);
    g_assert_cmpint(md_audio_payload_duration(MD_AUDIO_PCMU, g711, 1700), ==, -EBADMSG);
    static const uint8_t silk[] = {0x08, 1, 2}, celt[] = {0xf8, 1, 2};
    g_assert_true(md_opus_may_have_fec(silk, 3));
    g_assert_false(md_opus_may_have_fec(celt, 3));
    uint8_t level = 0, out[1];
    g_assert_cmpuint(md_cn_write(out, 70), ==, 1);
    g_assert_cmpint(md_cn_parse(out, 1, &level), ==, 0);
    g_assert_cmpuint(level, ==, 70);
    g_assert_cmpint(md_cn_parse(out, 0, &level), ==, -EBADMSG);
}

static MdDtmfReceiver receiver;

static int event(uint8_t code, bool end, uint16_t duration, uint32_t ts, int64_t now_us, MdDtmfEvent *ret)
{
    uint8_t payload[4] = {code, (uint8_t)(end ? 0x8a : 0x0a)};
    md_put16(payload + 2, duration);
    MdRtpPacket p = {.ts = ts, .payload = payload, .payload_len = 4};
    return md_dtmf_receive(&receiver, &p, now_us, ret);
}

static void test_dtmf_plain(void)
{
    MdDtmfEvent e[2];
    md_dtmf_receiver_init(&receiver, 8000);
    for (uint16_t i = 1; i <= 5; i++)
        g_assert_cmpint(event(5, false, (uint16_t)(i * 160), 1000, i * 20000, e), ==, 0);
    g_assert_cmpint(event(5, true, 960, 1000, 120000, e), ==, 1);
    g_assert_cmpint(e[0].digit, ==, '5');
    g_assert_cmpuint(e[0].duration_ms, ==, 120);
    g_assert_cmpint(event(5, true, 960, 1000, 121000, e), ==, 0);
    g_assert_cmpint(event(5, true, 960, 1000, 122000, e), ==, 0);
    g_assert_cmpint(event(5, false, 800, 1000, 123000, e), ==, 0); /* straggler */
    g_assert_false(md_dtmf_poll(&receiver, 10000000, e));
    /* the same key again is another event */
    g_assert_cmpint(event(5, true, 400, 3000, 10000000, e), ==, 1);
}

static void test_dtmf_losses(void)
{
    MdDtmfEvent e[2];
    md_dtmf_receiver_init(&receiver, 8000);
    /* only an end arrives */
    g_assert_cmpint(event(11, true, 800, 500, 0, e), ==, 1);
    g_assert_cmpint(e[0].digit, ==, '#');
    /* all ends lost, then nothing: told after 120 ms */
    g_assert_cmpint(event(1, false, 160, 9000, 1000000, e), ==, 0);
    g_assert_cmpint(event(1, false, 640, 9000, 1060000, e), ==, 0);
    g_assert_false(md_dtmf_poll(&receiver, 1179999, e));
    g_assert_true(md_dtmf_poll(&receiver, 1180000, e));
    g_assert_cmpint(e[0].digit, ==, '1');
    g_assert_cmpuint(e[0].duration_ms, ==, 80);
    g_assert_false(md_dtmf_poll(&receiver, 1180000, e));
    g_assert_cmpint(event(1, true, 800, 9000, 1190000, e), ==, 0); /* the end comes after all */
    /* ends lost, the next key begins: both at once when of the second only an end came */
    g_assert_cmpint(event(2, false, 320, 20000, 2000000, e), ==, 0);
    g_assert_cmpint(event(3, true, 480, 22000, 2100000, e), ==, 2);
    g_assert_cmpint(e[0].digit, ==, '2');
    g_assert_cmpint(e[1].digit, ==, '3');
    g_assert_cmpuint(e[1].duration_ms, ==, 60);
    /* old packet of the key before the last */
    g_assert_cmpint(event(2, false, 480, 20000, 2100001, e), ==, 0);
}

static void test_dtmf_long_and_odd(void)
{
    MdDtmfEvent e[2];
    md_dtmf_receiver_init(&receiver, 48000);
    g_assert_cmpint(event(0, false, 0xffff, 0xffffff00u, 0, e), ==, 0);
    g_assert_cmpint(event(0, false, 960, 0xffffff00u + 0xffff, 20000, e), ==, 0); /* next segment */
    g_assert_cmpint(event(0, true, 9600, 0xffffff00u + 0xffff, 30000, e), ==, 1);
    g_assert_cmpuint(e[0].duration_ms, ==, (65535 + 9600) / 48);
    g_assert_cmpint(event(16, true, 960, 90000, 50000, e), ==, 1);
    g_assert_cmpint(e[0].digit, ==, '!');
    g_assert_cmpint(event(36, true, 960, 99000, 60000, e), ==, 0); /* fax tone: no key */
    MdRtpPacket p = {.payload = (const uint8_t *)"ab", .payload_len = 2};
    g_assert_cmpint(md_dtmf_receive(&receiver, &p, 0, e), ==, -EBADMSG);
}

static void test_dtmf_send(void)
{
    MdDtmfSender sender;
    uint8_t out[4];
    uint32_t ts;
    bool marker;
    md_dtmf_sender_init(&sender, 8000);
    g_assert_cmpint(md_dtmf_sender_start(&sender, 'x', 100, 0), ==, -EINVAL);
    g_assert_cmpint(md_dtmf_sender_start(&sender, 0, 100, 0), ==, -EINVAL);
    g_assert_cmpint(md_dtmf_sender_start(&sender, '7', 10, 0), ==, -EINVAL);
    g_assert_cmpint(md_dtmf_sender_start(&sender, '7', 100, 5000), ==, 0);
    g_assert_cmpint(md_dtmf_sender_start(&sender, '8', 100, 5000), ==, -EBUSY);
    md_dtmf_receiver_init(&receiver, 8000);
    unsigned packets = 0, events = 0, ends = 0;
    MdDtmfEvent e[2];
    while (md_dtmf_sender_next(&sender, out, &ts, &marker)) {
        g_assert_cmpuint(ts, ==, 5000);
        g_assert_cmpint(marker, ==, packets == 0);
        packets++;
        ends += out[1] >> 7;
        MdRtpPacket p = {.ts = ts, .payload = out, .payload_len = 4};
        int n = md_dtmf_receive(&receiver, &p, packets * 20000, e);
        g_assert_cmpint(n, >=, 0);
        events += (unsigned)n;
    }
    g_assert_cmpuint(packets, ==, 5 + 2);
    g_assert_cmpuint(ends, ==, 3);
    g_assert_cmpuint(events, ==, 1);
    g_assert_cmpint(e[0].digit, ==, '7');
    g_assert_cmpuint(e[0].duration_ms, ==, 100);
    g_assert_cmpint(md_dtmf_sender_start(&sender, 'd', 100, 9000), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtp/audio/durations", test_durations);
    g_test_add_func("/rtp/audio/dtmf-plain", test_dtmf_plain);
    g_test_add_func("/rtp/audio/dtmf-losses", test_dtmf_losses);
    g_test_add_func("/rtp/audio/dtmf-long-and-odd", test_dtmf_long_and_odd);
    g_test_add_func("/rtp/audio/dtmf-send", test_dtmf_send);
    return g_test_run();
}
