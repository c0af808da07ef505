/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures between two legs: loss and repair, key frames, codecs that change, pace and bits. */
#include <errno.h>
#include <string.h>

#include "mediad/rtp/h264.h"
#include "tests/fixtures/coded-picture.h"
#include "tests/media/legs.h"

static void assert_same_nals(const MdFrame *got, const MdFrame *want)
{
    size_t g = 0, w = 0;
    MdNal a, b;
    g_assert_nonnull(got);
    while (md_h264_next_nal(want->data, want->len, &w, &b)) {
        g_assert_true(md_h264_next_nal(got->data, got->len, &g, &a));
        g_assert_cmpmem(a.data, a.len, b.data, b.len);
    }
    g_assert_false(md_h264_next_nal(got->data, got->len, &g, &a));
}

static int show(Pair *pair, MdFrame *frame)
{
    int rc = md_leg_send_video(pair->side[1].leg, frame, md_clock_now_us(&pair->clock.base));
    pair_run(pair, 60);
    return rc;
}

static const char *only_format;

static char *one_format(char *sdp)
{
    return pair_replace(sdp, " 97 98 99", only_format);
}

static void test_h264(void)
{
    static const struct {
        const char *format;
        uint8_t mode;
        unsigned slices;
        size_t slice_len;
    } cases[] = {{" 97", 1, 1, 20000}, {" 97", 1, 4, 3000}, {" 98", 0, 9, 1000}};
    for (unsigned c = 0; c < G_N_ELEMENTS(cases); c++)
        for (unsigned loss = 0; loss <= 8; loss += 8) {
            PairOptions options = {.video = true, .security = {MD_SECURITY_PREFERRED, MD_SECURITY_PREFERRED}};
            Pair *pair = legs_start(&options, NULL);
            unsigned keys = 0;
            only_format = cases[c].format;
            pair_reinvite(pair, one_format);
            MdLegVideoFormat format;
            md_leg_video_format(pair->side[1].leg, &format);
            g_assert_true(format.sending && format.receiving);
            g_assert_cmpint(format.codec, ==, MD_VIDEO_H264);
            g_assert_cmpuint(format.h264_packetization_mode, ==, cases[c].mode);
            pair->loss_percent = loss;
            for (unsigned i = 0; i < 60; i++) {
                bool key = i == 0 || pair->side[1].key_requests != keys;
                keys = pair->side[1].key_requests;
                MdFrame *frame = coded_h264(i, key, cases[c].slices, cases[c].slice_len / (key ? 1 : 4),
                                           md_clock_now_us(&pair->clock.base));
                g_assert_cmpint(show(pair, frame), ==, 0);
                if (loss == 0)
                    assert_same_nals(pair->side[0].last_picture, frame);
                md_frame_unref(frame);
            }
            if (loss == 0)
                g_assert_cmpuint(pair->side[0].pictures, ==, 60);
            g_assert_cmpuint(pair->side[0].pictures, >=, 45);
            g_assert_cmpuint(pair->side[0].damaged, ==, 0);
            if (loss)
                g_assert_cmpuint(STAT(pair, 1, video_packets_retransmitted), >, 5);
            legs_end(pair);
        }
}

static char *with_parameter_sets(char *sdp)
{
    sdp = pair_replace(sdp, "packetization-mode=1;",
                       "packetization-mode=1;sprop-parameter-sets=Z0LgH5ZUAoAt2A==,aM48gA==,****,;");
    return pair_replace(sdp, " 97 98 99", " 97");
}

/* A device that says its parameter sets in the description only: key frames are whole all the same. */
static void test_parameter_sets(void)
{
    PairOptions options = {.video = true};
    Pair *pair = legs_start(&options, legs_look);
    pair_reinvite(pair, with_parameter_sets);
    for (unsigned i = 0; i < 3; i++) {
        int64_t now_us = md_clock_now_us(&pair->clock.base);
        MdFrame *whole = coded_h264(i, true, 2, 2000, now_us), *bare = md_frame_new(MD_VIDEO_H264, whole->len);
        size_t head = 4 + 10 + 4 + 4; /* SPS and PPS with their start codes */
        bare->key = true;
        bare->time_us = now_us;
        bare->len = whole->len - head;
        memcpy(bare->data, whole->data + head, bare->len);
        g_assert_cmpint(show(pair, bare), ==, 0);
        g_assert_cmpuint(pair->side[0].pictures, ==, i + 1);
        g_assert_true(pair->side[0].last_picture->key);
        assert_same_nals(pair->side[0].last_picture, whole);
        md_frame_unref(bare);
        md_frame_unref(whole);
    }
    legs_end(pair);
}

static bool lose_pictures, gone[65536]; /* gone: sequence numbers, and however often they are sent again */

static bool drop_pictures(unsigned from, unsigned media, const uint8_t *data, size_t len)
{
    if (from != 1 || media != VIDEO || md_rtp_is_rtcp(data, len))
        return false;
    gone[md_get16(data + 2)] |= lose_pictures;
    return gone[md_get16(data + 2)];
}

static char *only_fir(char *sdp)
{
    sdp = pair_replace(sdp, "a=rtcp-fb:* nack pli\r\n", "");
    sdp = pair_replace(sdp, "a=rtcp-fb:* nack\r\n", "");
    return pair_replace(sdp, " 97 98 99", " 99");
}

/* A picture lost for good: a key frame is asked for, by PLI or by FIR, and nothing is shown until it came. */
static void test_unrecoverable(void)
{
    for (unsigned fir = 0; fir < 2; fir++) {
        PairOptions options = {.video = true};
        Pair *pair = legs_start(&options, legs_look);
        legs_extra = drop_pictures;
        memset(gone, 0, sizeof gone);
        only_format = " 99";
        pair_reinvite(pair, fir ? only_fir : one_format);
        MdFrame *frame = coded_vp8(0, true, 9000, md_clock_now_us(&pair->clock.base));
        g_assert_cmpint(show(pair, frame), ==, 0);
        md_frame_unref(frame);
        unsigned keys = pair->side[1].key_requests, pictures = pair->side[0].pictures, asked = 0;
        g_assert_cmpuint(pictures, ==, 1);
        for (unsigned i = 1; i < 25; i++) {
            lose_pictures = i < 3;
            frame = coded_vp8(i, false, 3000, md_clock_now_us(&pair->clock.base));
            g_assert_cmpint(show(pair, frame), ==, 0);
            md_frame_unref(frame);
            if (!asked && pair->side[1].key_requests != keys)
                asked = i;
        }
        lose_pictures = false;
        g_assert_cmpuint(asked, >, 0);
        g_assert_cmpuint(asked, <=, 12);
        unsigned shown = pair->side[0].pictures;
        frame = coded_vp8(99, true, 9000, md_clock_now_us(&pair->clock.base));
        g_assert_cmpint(show(pair, frame), ==, 0);
        pair_run(pair, 60);
        g_assert_cmpuint(pair->side[0].pictures, ==, shown + 1);
        g_assert_cmpmem(pair->side[0].last_picture->data, pair->side[0].last_picture->len, frame->data,
                        frame->len);
        md_frame_unref(frame);
        g_assert_cmpuint(pair->side[0].damaged, ==, 0);
        g_assert_cmpuint(fir ? legs_seen[0].fir : legs_seen[0].pli, >=, 1);
        g_assert_cmpuint(fir ? legs_seen[0].pli : legs_seen[0].fir, ==, 0);
        g_assert_cmpuint(fir ? legs_seen[0].nack : 0, ==, 0);
        legs_end(pair);
    }
}

/* Codec change while a picture is on its way: nothing of the old one goes out under the new number, not even
 * on request. */
static void test_video_codec_change(void)
{
    PairOptions options = {.video = true};
    Pair *pair = legs_start(&options, legs_look);
    only_format = " 99";
    pair_reinvite(pair, one_format);
    MdFrame *frame = coded_vp8(0, true, 60000, md_clock_now_us(&pair->clock.base));
    g_assert_cmpint(md_leg_send_video(pair->side[1].leg, frame, md_clock_now_us(&pair->clock.base)), ==, 0);
    unsigned sent = legs_seen[1].rtp[VIDEO];
    g_assert_cmpuint(sent, >, 0);
    g_assert_cmpuint(sent, <, 50); /* most of it is still waiting for its turn */
    only_format = " 97";
    pair_reinvite(pair, one_format);
    pair_run(pair, 200);
    g_assert_cmpuint(legs_seen[1].rtp[VIDEO], ==, sent);
    g_assert_cmpint(md_leg_send_video(pair->side[1].leg, frame, md_clock_now_us(&pair->clock.base)), ==,
                    -EINVAL);
    md_frame_unref(frame);
    uint8_t buf[200];
    MdRtcpWriter writer;
    MdAddr from;
    md_addr_from_string(&from, "127.0.0.1:21002");
    md_rtcp_writer_init(&writer, buf, sizeof buf);
    md_rtcp_write_rr(&writer, 99, NULL, 0);
    md_rtcp_write_nack(&writer, 99, legs_seen[1].ssrc[VIDEO], &legs_seen[1].seq[VIDEO], 1);
    md_leg_receive(pair->side[1].leg, VIDEO, false, &from, buf, writer.len,
                   md_clock_now_us(&pair->clock.base));
    g_assert_cmpuint(legs_seen[1].rtp[VIDEO], ==, sent);
    MdFrame *h264 = coded_h264(1, true, 2, 2000, md_clock_now_us(&pair->clock.base));
    g_assert_cmpint(show(pair, h264), ==, 0);
    assert_same_nals(pair->side[0].last_picture, h264);
    g_assert_cmpint(pair->side[0].last_picture->codec, ==, MD_VIDEO_H264);
    g_assert_cmpuint(legs_seen[1].pt[VIDEO], ==, 97);
    /* the same request for a packet of the present codec is served */
    sent = legs_seen[1].rtp[VIDEO];
    md_rtcp_writer_init(&writer, buf, sizeof buf);
    md_rtcp_write_rr(&writer, 99, NULL, 0);
    md_rtcp_write_nack(&writer, 99, legs_seen[1].ssrc[VIDEO], &legs_seen[1].seq[VIDEO], 1);
    md_leg_receive(pair->side[1].leg, VIDEO, false, &from, buf, writer.len,
                   md_clock_now_us(&pair->clock.base));
    g_assert_cmpuint(legs_seen[1].rtp[VIDEO], ==, sent + 1);
    md_frame_unref(h264);
    legs_end(pair);
}

static char *held_format(char *sdp)
{
    return pair_replace(one_format(sdp), "a=sendrecv", "a=inactive");
}

static void report_loss(Pair *pair, uint8_t fraction)
{
    uint8_t buf[200];
    MdRtcpWriter writer;
    MdAddr from;
    MdRtcpReport report = {.ssrc = pair->side[1].leg->media[VIDEO].sender.ssrc, .fraction_lost = fraction};
    md_addr_from_string(&from, "127.0.0.1:21002");
    md_rtcp_writer_init(&writer, buf, sizeof buf);
    md_rtcp_write_rr(&writer, 99, &report, 1);
    md_leg_receive(pair->side[1].leg, VIDEO, false, &from, buf, writer.len,
                   md_clock_now_us(&pair->clock.base));
}

static uint32_t allowed_bps(const Pair *pair)
{
    MdLegVideoFormat format;
    md_leg_video_format(pair->side[1].leg, &format);
    return format.max.bitrate_bps;
}

/* Heavy loss takes bits away down to a floor, clean reports give them back up to what was agreed; a little
 * loss does neither. */
static void test_congestion(void)
{
    PairOptions options = {.video = true};
    Pair *pair = legs_start(&options, legs_look);
    only_format = " 99";
    pair_reinvite(pair, one_format);
    uint32_t agreed = allowed_bps(pair), before = agreed;
    report_loss(pair, 12);
    g_assert_cmpuint(allowed_bps(pair), ==, agreed);
    for (unsigned i = 0; i < 40; i++) {
        report_loss(pair, 80);
        g_assert_cmpuint(allowed_bps(pair), <=, before);
        before = allowed_bps(pair);
    }
    g_assert_cmpuint(before, ==, 100000);
    for (unsigned i = 0; i < 80; i++) {
        report_loss(pair, 0);
        g_assert_cmpuint(allowed_bps(pair), >=, before);
        before = allowed_bps(pair);
    }
    g_assert_cmpuint(before, ==, agreed);
    g_assert_cmpuint(STAT(pair, 1, remote_video_loss_permille), ==, 0);
    legs_end(pair);
}

/* A burst of pictures faster than their pace: order is kept, nothing is lost. */
static void test_pace(void)
{
    PairOptions options = {.video = true};
    Pair *pair = legs_start(&options, legs_look);
    only_format = " 99";
    pair_reinvite(pair, one_format);
    for (unsigned i = 0; i < 20; i++) {
        int64_t now_us = md_clock_now_us(&pair->clock.base);
        unsigned before = legs_seen[1].rtp[VIDEO];
        MdFrame *frame = coded_vp8(i, i == 0, 40000, now_us);
        g_assert_cmpint(md_leg_send_video(pair->side[1].leg, frame, now_us), ==, 0);
        if (i < 8) /* later the queue is full, and the oldest picture goes out at once */
            g_assert_cmpuint(legs_seen[1].rtp[VIDEO] - before, <=, 8);
        md_frame_unref(frame);
        if (i % 4 == 3)
            pair_run(pair, 20);
    }
    pair_run(pair, 1000);
    g_assert_cmpuint(legs_seen[1].seq_gaps, ==, 0);
    g_assert_cmpuint(pair->side[0].pictures, ==, 20);
    g_assert_cmpuint(pair->side[0].damaged, ==, 0);
    g_assert_cmpuint(STAT(pair, 0, video_nacks_sent), ==, 0);
    legs_end(pair);
}

/* A seat changes over to an output whose pictures are a little older: timestamps only go forward. */
static void test_video_timestamps(void)
{
    static const int steps_us[] = {66666, -7000, 0, 66666, -66666, 66666, 200000};
    PairOptions options = {.video = true};
    Pair *pair = legs_start(&options, legs_look);
    only_format = " 99";
    pair_reinvite(pair, one_format);
    int64_t begun_us = md_clock_now_us(&pair->clock.base), time_us = begun_us;
    uint32_t first = 0, before = 0;
    for (unsigned i = 0; i <= G_N_ELEMENTS(steps_us); i++) {
        MdFrame *frame = coded_vp8(i, i == 0, 500, time_us);
        g_assert_cmpint(show(pair, frame), ==, 0);
        md_frame_unref(frame);
        uint32_t ts = legs_seen[1].ts[VIDEO];
        if (i == 0)
            first = ts;
        else
            g_assert_cmpint((int32_t)(ts - before), >, 0);
        before = ts;
        time_us += i < G_N_ELEMENTS(steps_us) ? steps_us[i] : 0;
    }
    /* and no drift is left behind */
    g_assert_cmpint((int)(before - first), ==, (int)((time_us - begun_us) * 9 / 100));
    legs_end(pair);
}

/* Hold ends with a key frame, asked for by us and by the room of the other side. */
static void test_video_hold(void)
{
    PairOptions options = {.video = true};
    Pair *pair = legs_start(&options, legs_look);
    only_format = " 99";
    pair_reinvite(pair, one_format);
    MdFrame *frame = coded_vp8(0, true, 9000, md_clock_now_us(&pair->clock.base));
    g_assert_cmpint(show(pair, frame), ==, 0);
    pair_reinvite(pair, held_format);
    MdLegVideoFormat format;
    md_leg_video_format(pair->side[1].leg, &format);
    g_assert_false(format.sending || format.receiving);
    g_assert_cmpint(md_leg_send_video(pair->side[1].leg, frame, md_clock_now_us(&pair->clock.base)), ==,
                    -ENOTCONN);
    md_frame_unref(frame);
    uint32_t ssrc = legs_seen[1].ssrc[VIDEO];
    pair_run(pair, 5000);
    unsigned keys = pair->side[1].key_requests, pictures = pair->side[0].pictures;
    pair_reinvite(pair, one_format);
    pair_run(pair, 100);
    g_assert_cmpuint(pair->side[1].key_requests, >, keys);
    /* an old picture's remainder must not open the gate */
    frame = coded_vp8(1, false, 3000, md_clock_now_us(&pair->clock.base));
    g_assert_cmpint(show(pair, frame), ==, 0);
    md_frame_unref(frame);
    g_assert_cmpuint(pair->side[0].pictures, ==, pictures);
    frame = coded_vp8(2, true, 9000, md_clock_now_us(&pair->clock.base));
    g_assert_cmpint(show(pair, frame), ==, 0);
    md_frame_unref(frame);
    g_assert_cmpuint(pair->side[0].pictures, ==, pictures + 1);
    g_assert_cmpuint(legs_seen[0].nack, ==, 0);
    g_assert_cmpuint(STAT(pair, 0, video_packets_lost), ==, 0);
    g_assert_cmpuint(legs_seen[1].ssrc[VIDEO], ==, ssrc); /* a plain stream goes on as the one it was */
    legs_end(pair);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/legs/video/h264", test_h264);
    g_test_add_func("/legs/video/parameter-sets", test_parameter_sets);
    g_test_add_func("/legs/video/unrecoverable", test_unrecoverable);
    g_test_add_func("/legs/video/codec-change", test_video_codec_change);
    g_test_add_func("/legs/video/congestion", test_congestion);
    g_test_add_func("/legs/video/pace", test_pace);
    g_test_add_func("/legs/video/timestamps", test_video_timestamps);
    g_test_add_func("/legs/video/hold", test_video_hold);
    return g_test_run();
}
