/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "pair.h"

/* Each side hears the other's tone at about its level, and nothing of its own. */
static void assert_talking(Pair *pair, float least)
{
    g_assert_cmpfloat(pair_heard(pair, 0, 1000), >, least);
    g_assert_cmpfloat(pair_heard(pair, 1, 400), >, least);
    g_assert_cmpfloat(pair_heard(pair, 0, 400), <, 0.02f);
    g_assert_cmpfloat(pair_heard(pair, 1, 1000), <, 0.02f);
}

static void assert_silent(Pair *pair, unsigned side)
{
    g_assert_cmpfloat(pair_heard(pair, side, side ? 400 : 1000), <, 0.01f);
}

static void test_codecs(void)
{
    static const MdAudioCodec codecs[] = {MD_AUDIO_OPUS, MD_AUDIO_G722, MD_AUDIO_PCMA, MD_AUDIO_PCMU};
    for (unsigned c = 0; c < G_N_ELEMENTS(codecs); c++) {
        Pair *pair = g_new(Pair, 1);
        PairOptions options = {.codecs = &codecs[c], .n_codecs = 1};
        pair_init(pair, &options);
        pair_connect(pair);
        pair_run(pair, 2000);
        assert_talking(pair, 0.25f);
        for (unsigned i = 0; i < 2; i++) {
            const MdLegStats *stats = md_leg_stats(pair->side[i].leg);
            MdLegSummary summary;
            md_leg_summary(pair->side[i].leg, &summary);
            g_assert_cmpint(summary.audio_codec, ==, codecs[c]);
            g_assert_cmpstr(summary.security, ==, "none");
            g_assert_cmpuint(md_stat_get(&stats->audio_packets_sent), ==, 100);
            g_assert_cmpuint(md_stat_get(&stats->audio_packets_received), >=, 99);
            g_assert_cmpuint(md_stat_get(&stats->audio_packets_lost), ==, 0);
            g_assert_cmpuint(md_stat_get(&stats->packets_rejected), ==, 0);
            g_assert_cmpuint(pair->side[i].voiced_ticks, >, 90);
        }
        pair_clear(pair);
        g_free(pair);
    }
}

static char *ptime_40(char *sdp)
{
    return pair_replace(sdp, "a=ptime:20", "a=ptime:40");
}

static void test_ptime(void)
{
    static const MdAudioCodec codecs[] = {MD_AUDIO_PCMU, MD_AUDIO_OPUS};
    for (unsigned c = 0; c < 2; c++) {
        Pair *pair = g_new(Pair, 1);
        PairOptions options = {.codecs = &codecs[c], .n_codecs = 1};
        pair_init(pair, &options);
        pair_reinvite(pair, ptime_40);
        pair_run(pair, 2000);
        assert_talking(pair, 0.25f);
        g_assert_cmpuint(md_stat_get(&md_leg_stats(pair->side[0].leg)->audio_packets_sent), ==, 50);
        pair_clear(pair);
        g_free(pair);
    }
}

static void test_security(void)
{
    static const struct {
        MdSecurity a, b;
        bool dtls;
        const char *want;
    } cases[] = {
        {MD_SECURITY_REQUIRED, MD_SECURITY_REQUIRED, false, "sdes AEAD_AES_128_GCM"},
        {MD_SECURITY_PREFERRED, MD_SECURITY_PREFERRED, false, "sdes AEAD_AES_128_GCM"},
        {MD_SECURITY_PREFERRED, MD_SECURITY_REQUIRED, false, "sdes AEAD_AES_128_GCM"},
        {MD_SECURITY_REQUIRED, MD_SECURITY_PREFERRED, false, "sdes AEAD_AES_128_GCM"},
        {MD_SECURITY_OFF, MD_SECURITY_PREFERRED, false, "none"},
        {MD_SECURITY_PREFERRED, MD_SECURITY_OFF, false, "none"},
        {MD_SECURITY_REQUIRED, MD_SECURITY_REQUIRED, true, "dtls AEAD_AES_128_GCM"},
    };
    for (unsigned c = 0; c < G_N_ELEMENTS(cases); c++) {
        Pair *pair = g_new(Pair, 1);
        PairOptions options = {
            .security = {cases[c].a, cases[c].b}, .dtls = cases[c].dtls, .offer_dtls = cases[c].dtls};
        pair_init(pair, &options);
        pair_connect(pair);
        pair_run(pair, 1500);
        assert_talking(pair, 0.25f);
        for (unsigned i = 0; i < 2; i++) {
            MdLegSummary summary;
            md_leg_summary(pair->side[i].leg, &summary);
            g_assert_cmpstr(summary.security, ==, cases[c].want);
            g_assert_cmpuint(md_stat_get(&md_leg_stats(pair->side[i].leg)->packets_rejected), ==, 0);
        }
        pair_clear(pair);
        g_free(pair);
    }
}

static void test_loss(void)
{
    static const MdAudioCodec opus = MD_AUDIO_OPUS;
    Pair *pair = g_new(Pair, 1);
    PairOptions options = {.codecs = &opus, .n_codecs = 1};
    pair_init(pair, &options);
    pair_connect(pair);
    pair->loss_percent = 5;
    pair_run(pair, 12000);
    assert_talking(pair, 0.2f);
    const MdLegStats *stats = md_leg_stats(pair->side[0].leg);
    uint64_t lost = md_stat_get(&stats->audio_packets_lost);
    g_assert_cmpuint(lost, >, 10);
    g_assert_cmpuint(lost, <, 60);
    g_assert_cmpuint(md_stat_get(&stats->audio_fec_ticks) + md_stat_get(&stats->audio_concealed_ticks), >, 8);
    /* reports crossed: each knows what the other lost, and how far away it is (10 ms each way); some of the reports are lost, too */
    for (unsigned i = 0; i < 30 && md_stat_get(&stats->round_trip_us) == 0; i++)
        pair_run(pair, 1000);
    g_assert_cmpuint(md_stat_get(&stats->remote_loss_permille), >, 0);
    g_assert_cmpuint(md_stat_get(&stats->round_trip_us), >=, 15000);
    g_assert_cmpuint(md_stat_get(&stats->round_trip_us), <=, 45000);
    pair_clear(pair);
    g_free(pair);
}

static char *only_pcmu(char *sdp)
{
    return pair_replace(sdp, "RTP/AVP 96 9 8 0 13 101", "RTP/AVP 0 101");
}

static char *held_new(char *sdp)
{
    return pair_replace(sdp, "a=sendrecv", "a=inactive");
}

static char *held_one_way(char *sdp)
{
    return pair_replace(sdp, "a=sendrecv", "a=sendonly");
}

static char *held_old(char *sdp)
{
    return pair_replace(sdp, "c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0");
}

static void test_codec_change(void)
{
    Pair *pair = g_new(Pair, 1);
    PairOptions options = {0};
    pair_init(pair, &options);
    pair_connect(pair);
    pair_run(pair, 1500);
    assert_talking(pair, 0.25f);
    pair_reinvite(pair, only_pcmu);
    pair_run(pair, 1500);
    assert_talking(pair, 0.25f);
    MdLegSummary summary;
    md_leg_summary(pair->side[0].leg, &summary);
    g_assert_cmpint(summary.audio_codec, ==, MD_AUDIO_PCMU);
    pair_reinvite(pair, NULL);
    pair_run(pair, 1500);
    assert_talking(pair, 0.25f);
    md_leg_summary(pair->side[0].leg, &summary);
    g_assert_cmpint(summary.audio_codec, ==, MD_AUDIO_OPUS);
    pair_clear(pair);
    g_free(pair);
}

static void test_hold(void)
{
    static const MdSecurity policies[] = {MD_SECURITY_OFF, MD_SECURITY_REQUIRED};
    for (unsigned p = 0; p < 2; p++) {
        Pair *pair = g_new(Pair, 1);
        PairOptions options = {.security = {policies[p], policies[p]}};
        pair_init(pair, &options);
        pair_connect(pair);
        pair_run(pair, 1500);
        assert_talking(pair, 0.25f);
        pair_reinvite(pair, held_new);
        pair_run(pair, 1200);
        assert_silent(pair, 0);
        assert_silent(pair, 1);
        pair_reinvite(pair, NULL);
        pair_run(pair, 1500);
        assert_talking(pair, 0.25f);
        pair_reinvite(pair, held_one_way); /* side 1 sends, side 0 must not */
        pair_run(pair, 1200);
        assert_silent(pair, 1);
        g_assert_cmpfloat(pair_heard(pair, 0, 1000), >, 0.25f);
        pair_reinvite(pair, held_old);
        unsigned sent = pair->side[0].sent_rtp;
        pair_run(pair, 500);
        g_assert_cmpuint(pair->side[0].sent_rtp, ==, sent);
        pair_reinvite(pair, NULL);
        pair_run(pair, 1500);
        assert_talking(pair, 0.25f);
        pair_clear(pair);
        g_free(pair);
    }
}

static void test_late_offer(void)
{
    Pair *pair = g_new(Pair, 1);
    PairOptions options = {.video = true};
    pair_init(pair, &options);
    /* an INVITE without a body: side 0 is called and offers, the answer comes with the ACK */
    g_autoptr(GError) error = NULL;
    g_autofree char *offer = md_leg_create_offer(pair->side[0].leg, &error);
    g_assert_no_error(error);
    pair_run(pair, 200); /* nothing may happen meanwhile */
    g_assert_cmpuint(pair->side[0].sent_rtp, ==, 0);
    g_autofree char *answer = md_leg_accept_offer(pair->side[1].leg, offer, &error);
    g_assert_no_error(error);
    g_assert_true(md_leg_accept_answer(pair->side[0].leg, answer, &error));
    pair_run(pair, 1500);
    assert_talking(pair, 0.25f);
    pair_clear(pair);
    g_free(pair);
}

/* ---- sources ---- */

static void test_wrong_source(void)
{
    Pair *pair = g_new(Pair, 1);
    PairOptions options = {0};
    pair_init(pair, &options);
    pair_connect(pair);
    md_addr_from_string(&pair->side[1].from_override, "127.9.9.9:4444");
    pair_run(pair, 1200);
    assert_silent(pair, 0);
    g_assert_cmpuint(md_stat_get(&md_leg_stats(pair->side[0].leg)->packets_rejected), >=, 50);
    g_assert_cmpuint(md_stat_get(&md_leg_stats(pair->side[0].leg)->audio_packets_received), ==, 0);
    pair_clear(pair);
    g_free(pair);
}

static void test_latch_plain(void)
{
    Pair *pair = g_new(Pair, 1);
    PairOptions options = {.authenticated = true, .peer_host = "127.9.9.9"};
    pair_init(pair, &options);
    pair_connect(pair);
    md_addr_from_string(&pair->side[1].from_override, "127.9.9.9:4444");
    pair_run(pair, 1200);
    g_assert_cmpfloat(pair_heard(pair, 0, 1000), >, 0.25f);
    MdLegSummary summary;
    md_leg_summary(pair->side[0].leg, &summary);
    g_assert_cmpstr(summary.remote, ==, "127.9.9.9:4444");
    /* once: the next port of the same host is somebody else */
    md_addr_from_string(&pair->side[1].from_override, "127.9.9.9:5555");
    pair_run(pair, 1200);
    assert_silent(pair, 0);
    md_leg_summary(pair->side[0].leg, &summary);
    g_assert_cmpstr(summary.remote, ==, "127.9.9.9:4444");
    pair_clear(pair);
    g_free(pair);
}

static void test_latch_srtp(void)
{
    Pair *pair = g_new(Pair, 1);
    PairOptions options = {.security = {MD_SECURITY_REQUIRED, MD_SECURITY_REQUIRED}};
    pair_init(pair, &options);
    pair_connect(pair);
    /* a forger: well-formed, from anywhere, without the key */
    MdAddr forger;
    md_addr_from_string(&forger, "127.6.6.6:666");
    for (unsigned i = 0; i < 20; i++) {
        uint8_t packet[200] = {0};
        md_rtp_write_header(packet, 96, false, (uint16_t)i, i * 960, 0x1234);
        md_leg_receive(pair->side[0].leg, AUDIO, false, &forger, packet, sizeof packet,
                       md_clock_now_us(&pair->clock.base));
    }
    g_assert_cmpuint(md_stat_get(&md_leg_stats(pair->side[0].leg)->packets_rejected), ==, 20);
    md_addr_from_string(&pair->side[1].from_override, "127.9.9.9:4444");
    pair_run(pair, 1500);
    g_assert_cmpfloat(pair_heard(pair, 0, 1000), >, 0.25f);
    MdLegSummary summary;
    md_leg_summary(pair->side[0].leg, &summary);
    g_assert_cmpstr(summary.remote, ==, "127.9.9.9:4444");
    pair_clear(pair);
    g_free(pair);
}

static void test_dtmf(void)
{
    Pair *pair = g_new(Pair, 1);
    PairOptions options = {0};
    pair_init(pair, &options);
    pair_connect(pair);
    MdAddr from;
    md_addr_from_string(&from, "127.0.0.1:21010");
    MdDtmfSender sender;
    md_dtmf_sender_init(&sender, 8000);
    uint16_t seq = 1;
    for (unsigned key = 0; key < 3; key++) {
        g_assert_cmpint(md_dtmf_sender_start(&sender, "5#0"[key], 100, 8000 * (key + 1)), ==, 0);
        uint8_t event[4];
        uint32_t ts;
        bool marker;
        for (unsigned i = 0; i < 30; i++) {
            if (md_dtmf_sender_next(&sender, event, &ts, &marker)) {
                uint8_t packet[16];
                md_rtp_write_header(packet, 101, marker, seq++, ts, 77);
                memcpy(packet + 12, event, 4);
                if (seq % 4) /* and some of it is lost */
                    md_leg_receive(pair->side[0].leg, AUDIO, false, &from, packet, sizeof packet,
                                   md_clock_now_us(&pair->clock.base));
            }
            md_virtual_clock_advance(&pair->clock, 20000);
            float pcm[MD_AUDIO_TICK_SAMPLES];
            MdLegAudio audio;
            md_leg_pull_audio(pair->side[0].leg, md_clock_now_us(&pair->clock.base), pcm, &audio);
        }
        g_assert_cmpuint(pair->side[0].digits, ==, key + 1);
        g_assert_cmpint(pair->side[0].last_digit, ==, "5#0"[key]);
    }
    pair_clear(pair);
    g_free(pair);
}

/* ---- pictures ---- */

static MdFrame *make_picture(unsigned n, bool key, int64_t now_us)
{
    size_t len = key ? 30000 : 4000;
    MdFrame *frame = md_frame_new(MD_VIDEO_VP8, len);
    frame->len = len;
    frame->key = key;
    frame->time_us = now_us;
    frame->rtp_ts = (uint32_t)(now_us * 9 / 100);
    for (size_t i = 0; i < len; i++)
        frame->data[i] = (uint8_t)(i * 31 + n);
    /* VP8 frame tag, start code, size (RFC 6386, 9.1) */
    static const uint8_t head[] = {0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01};
    memcpy(frame->data, head, sizeof head);
    if (!key)
        frame->data[0] |= 1;
    return frame;
}

static char *only_vp8(char *sdp)
{
    return pair_replace(sdp, " 97 98 99", " 99");
}

static void run_video(Pair *pair, unsigned pictures, unsigned *ret_keys)
{
    for (unsigned i = 0; i < pictures; i++) {
        bool key = i == 0 || pair->side[1].key_requests != *ret_keys;
        *ret_keys = pair->side[1].key_requests;
        int64_t now_us = md_clock_now_us(&pair->clock.base);
        MdFrame *frame = make_picture(i, key, now_us);
        g_assert_cmpint(md_leg_send_video(pair->side[1].leg, frame, now_us), ==, 0);
        md_frame_unref(frame);
        for (unsigned t = 0; t < 3; t++)
            pair_run(pair, 20);
    }
}

static void test_video(void)
{
    static const unsigned losses[] = {0, 5};
    for (unsigned l = 0; l < G_N_ELEMENTS(losses); l++) {
        for (unsigned secure = 0; secure < 2; secure++) {
            Pair *pair = g_new(Pair, 1);
            MdSecurity policy = secure ? MD_SECURITY_REQUIRED : MD_SECURITY_OFF;
            PairOptions options = {.video = true, .security = {policy, policy}};
            unsigned keys = 0;
            pair_init(pair, &options);
            pair_reinvite(pair, only_vp8);
            pair->loss_percent = losses[l];
            run_video(pair, 100, &keys);
            pair->loss_percent = 0;
            run_video(pair, 10, &keys);
            const MdLegStats *in = md_leg_stats(pair->side[0].leg), *out = md_leg_stats(pair->side[1].leg);
            if (losses[l] == 0) {
                g_assert_cmpuint(pair->side[0].pictures, ==, 110);
                g_assert_cmpuint(md_stat_get(&in->video_nacks_sent), ==, 0);
            } else {
                g_assert_cmpuint(pair->side[0].pictures, >=, 90);
                g_assert_cmpuint(md_stat_get(&in->video_nacks_sent), >, 5);
                g_assert_cmpuint(md_stat_get(&out->video_packets_retransmitted), >, 5);
            }
            g_assert_cmpuint(pair->side[0].damaged, ==, 0);
            g_assert_cmpuint(pair->side[0].last_picture->len, ==, 4000);
            MdFrame *want = make_picture(9, false, 0);
            g_assert_cmpmem(pair->side[0].last_picture->data, 4000, want->data, 4000);
            md_frame_unref(want);
            assert_talking(pair, 0.2f);
            pair_clear(pair);
            g_free(pair);
        }
    }
}

static void test_pacing(void)
{
    Pair *pair = g_new(Pair, 1);
    PairOptions options = {.video = true};
    pair_init(pair, &options);
    pair_reinvite(pair, only_vp8);
    int64_t now_us = md_clock_now_us(&pair->clock.base);
    MdFrame *frame = make_picture(0, true, now_us);
    md_leg_send_video(pair->side[1].leg, frame, now_us);
    md_frame_unref(frame);
    unsigned at_once = pair->side[1].sent_rtp;
    g_assert_cmpuint(at_once, <=, 10);
    pair_run(pair, 100);
    g_assert_cmpuint(md_stat_get(&md_leg_stats(pair->side[1].leg)->video_packets_sent), >=, 25);
    pair_clear(pair);
    g_free(pair);
}

static void test_key_requests(void)
{
    Pair *pair = g_new(Pair, 1);
    PairOptions options = {.video = true};
    unsigned keys = 0;
    pair_init(pair, &options);
    pair_reinvite(pair, only_vp8);
    run_video(pair, 10, &keys);
    unsigned before = pair->side[1].key_requests;
    uint64_t sent = md_stat_get(&md_leg_stats(pair->side[0].leg)->video_key_requests_sent);
    for (unsigned i = 0; i < 20; i++)
        md_leg_request_key_frame(pair->side[0].leg, md_clock_now_us(&pair->clock.base));
    pair_run(pair, 100);
    g_assert_cmpuint(md_stat_get(&md_leg_stats(pair->side[0].leg)->video_key_requests_sent), ==, sent + 1);
    g_assert_cmpuint(pair->side[1].key_requests, ==, before + 1);
    pair_clear(pair);
    g_free(pair);
}

static void test_limits(void)
{
    Pair *pair = g_new(Pair, 1);
    PairOptions options = {.video = true};
    MdLegVideoFormat format;
    pair_init(pair, &options);
    pair_reinvite(pair, only_vp8);
    md_leg_video_format(pair->side[1].leg, &format);
    uint32_t agreed = format.max.bitrate_bps;
    g_assert_cmpuint(agreed, >, 1000000);
    uint8_t buf[200];
    MdRtcpWriter writer;
    MdAddr from;
    md_addr_from_string(&from, "127.0.0.1:21002");
    md_rtcp_writer_init(&writer, buf, sizeof buf);
    md_rtcp_write_rr(&writer, 99, NULL, 0);
    md_rtcp_write_tmmbr(&writer, 99, pair->side[1].leg->media[VIDEO].sender.ssrc, 300000, 40);
    unsigned rtcp = pair->side[1].sent_rtcp;
    md_leg_receive(pair->side[1].leg, VIDEO, false, &from, buf, writer.len,
                   md_clock_now_us(&pair->clock.base));
    md_leg_video_format(pair->side[1].leg, &format);
    g_assert_cmpuint(format.max.bitrate_bps, >=, 290000);
    g_assert_cmpuint(format.max.bitrate_bps, <=, 301000);
    g_assert_cmpuint(pair->side[1].sent_rtcp, ==, rtcp + 1); /* TMMBN */
    pair_clear(pair);
    g_free(pair);
}

static void test_errors(void)
{
    Pair *pair = g_new(Pair, 1);
    PairOptions options = {.security = {MD_SECURITY_REQUIRED, MD_SECURITY_OFF}};
    pair_init(pair, &options);
    g_autoptr(GError) error = NULL;
    g_autofree char *offer = md_leg_create_offer(pair->side[1].leg, NULL);
    g_assert_null(md_leg_accept_offer(pair->side[0].leg, offer, &error));
    g_assert_error(error, MD_LEG_ERROR, MD_LEG_ERROR_NOT_ACCEPTABLE);
    g_clear_error(&error);
    g_autofree char *secure = md_leg_create_offer(pair->side[0].leg, NULL);
    g_assert_null(md_leg_accept_offer(pair->side[1].leg, secure, &error));
    g_assert_error(error, MD_LEG_ERROR, MD_LEG_ERROR_NOT_ACCEPTABLE);
    g_clear_error(&error);
    g_assert_false(md_leg_accept_answer(pair->side[1].leg, "v=0 rubbish", &error));
    g_assert_error(error, MD_LEG_ERROR, MD_LEG_ERROR_SYNTAX);
    g_clear_error(&error);
    pair_run(pair, 100);
    g_assert_cmpuint(pair->side[0].sent_rtp + pair->side[1].sent_rtp, ==, 0);
    pair_clear(pair);
    g_free(pair);
}

static void nothing(void *payload, size_t len)
{
}

/* The worker's mailbox is full: the re-INVITE fails, the call goes on as it was. */
static void test_overload(void)
{
    Pair *pair = g_new(Pair, 1);
    PairOptions options = {0};
    pair_init(pair, &options);
    pair_connect(pair);
    pair_run(pair, 500);
    g_autoptr(GError) error = NULL;
    g_autofree char *offer = only_pcmu(md_leg_create_offer(pair->side[1].leg, NULL));
    while (md_worker_post(pair->worker, nothing, NULL, 0) == 0)
        ;
    g_assert_null(md_leg_accept_offer(pair->side[0].leg, offer, &error));
    g_assert_error(error, MD_LEG_ERROR, MD_LEG_ERROR_RESOURCES);
    MdLegSummary summary;
    md_leg_summary(pair->side[0].leg, &summary);
    g_assert_cmpint(summary.audio_codec, ==, MD_AUDIO_OPUS);
    md_worker_step(pair->worker);
    pair_run(pair, 1500);
    assert_talking(pair, 0.25f);
    g_autofree char *answer = md_leg_accept_offer(pair->side[0].leg, offer, NULL);
    g_assert_true(md_leg_accept_answer(pair->side[1].leg, answer, NULL));
    pair_run(pair, 1500);
    assert_talking(pair, 0.25f);
    md_leg_summary(pair->side[0].leg, &summary);
    g_assert_cmpint(summary.audio_codec, ==, MD_AUDIO_PCMU);
    pair_clear(pair);
    g_free(pair);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/leg/codecs", test_codecs);
    g_test_add_func("/leg/ptime", test_ptime);
    g_test_add_func("/leg/security", test_security);
    g_test_add_func("/leg/loss", test_loss);
    g_test_add_func("/leg/codec-change", test_codec_change);
    g_test_add_func("/leg/hold", test_hold);
    g_test_add_func("/leg/late-offer", test_late_offer);
    g_test_add_func("/leg/source/wrong", test_wrong_source);
    g_test_add_func("/leg/source/latch-plain", test_latch_plain);
    g_test_add_func("/leg/source/latch-srtp", test_latch_srtp);
    g_test_add_func("/leg/dtmf", test_dtmf);
    g_test_add_func("/leg/video", test_video);
    g_test_add_func("/leg/pacing", test_pacing);
    g_test_add_func("/leg/key-requests", test_key_requests);
    g_test_add_func("/leg/limits", test_limits);
    g_test_add_func("/leg/errors", test_errors);
    g_test_add_func("/leg/overload", test_overload);
    return g_test_run();
}
