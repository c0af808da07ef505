/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include "video-kit.h"

/* NAL unit types of an Annex B access unit, in order; also checks start codes and the longest NAL. */
static unsigned nal_types(const MdFrame *frame, uint8_t *types, unsigned max, size_t *ret_longest)
{
    unsigned n = 0;
    size_t start = 0;
    *ret_longest = 0;
    for (size_t i = 0; i + 3 < frame->len; i++) {
        if (frame->data[i] || frame->data[i + 1] || frame->data[i + 2] != 1)
            continue;
        if (start && i - start > *ret_longest)
            *ret_longest = i - start;
        start = i + 3;
        if (n < max)
            types[n++] = frame->data[start] & 31;
    }
    if (start && frame->len - start > *ret_longest)
        *ret_longest = frame->len - start;
    return n;
}

static void check_round_trip(MdVideoCodec codec, uint16_t width, uint16_t height, double want_db)
{
    Camera camera = kit_camera(codec, width, height, 5);
    MdDecoder *decoder = md_decoder_new(codec);
    double sum = 0;
    for (unsigned i = 0; i < 20; i++) {
        MdFrame *frame = kit_camera_shoot(&camera, i == 12, i * 66667);
        MdPicture *picture = NULL;
        g_assert_cmpint(frame->key, ==, i == 0 || i == 12);
        g_assert_cmpint(md_decoder_decode(decoder, frame, i * 66667, &picture), ==, 0);
        g_assert_nonnull(picture);
        g_assert_cmpuint(picture->planes.width, ==, width);
        g_assert_cmpuint(picture->planes.height, ==, height);
        g_assert_cmpuint(picture->rtp_ts, ==, frame->rtp_ts);
        g_assert_false(picture->full_range);
        uint16_t id, counter;
        MdRect whole = {0, 0, width, height};
        g_assert_true(md_pattern_read(&picture->planes, &whole, width, height, &id, &counter));
        g_assert_cmpuint(id, ==, 5);
        g_assert_cmpuint(counter, ==, i);
        sum += kit_psnr(&camera.picture->planes, &picture->planes);
        md_picture_unref(picture);
        md_frame_unref(frame);
    }
    g_test_message("%s %ux%u: %.1f dB", md_video_codec_to_string(codec), width, height, sum / 20);
    g_assert_cmpfloat(sum / 20, >, want_db);
    md_decoder_free(decoder);
    kit_camera_clear(&camera);
}

static void test_round_trip(void)
{
    check_round_trip(MD_VIDEO_H264, 640, 360, 30);
    check_round_trip(MD_VIDEO_VP8, 640, 360, 29);
    check_round_trip(MD_VIDEO_H264, 352, 288, 30);
    check_round_trip(MD_VIDEO_VP8, 182, 102, 30);
    check_round_trip(MD_VIDEO_H264, 182, 102, 30);
}

static void test_h264_shape(void)
{
    Camera camera = kit_camera(MD_VIDEO_H264, 640, 360, 1);
    for (unsigned i = 0; i < 6; i++) {
        MdFrame *frame = kit_camera_shoot(&camera, i == 3, 0);
        uint8_t types[64];
        size_t longest;
        unsigned n = nal_types(frame, types, 64, &longest), sps = 0, pps = 0, idr = 0, slice = 0;
        for (unsigned j = 0; j < n; j++) {
            sps += types[j] == 7;
            pps += types[j] == 8;
            idr += types[j] == 5;
            slice += types[j] == 1;
        }
        gboolean key = i % 3 == 0;
        g_assert_cmpuint(sps, ==, key);
        g_assert_cmpuint(pps, ==, key);
        g_assert_cmpuint(idr, ==, key);
        g_assert_cmpuint(slice, ==, !key); /* one slice when not limited */
        if (i == 0) {
            const uint8_t *at = frame->data + (frame->data[2] == 1 ? 3 : 4);
            g_assert_cmpuint(at[0] & 31, ==, 7);
            g_assert_cmpuint(at[1], ==, 66);          /* baseline ... */
            g_assert_cmpuint(at[2] & 0x40, ==, 0x40); /* ... and constrained */
        }
        md_frame_unref(frame);
    }
    kit_camera_clear(&camera);
}

static void test_slices_fit_packets(void)
{
    MdEncoderOptions options = {.codec = MD_VIDEO_H264,
                                .width = 640,
                                .height = 360,
                                .fps = 15,
                                .bitrate_bps = 1500000,
                                .max_payload = 1100};
    MdEncoder *encoder = NULL;
    g_assert_cmpint(md_encoder_new(&options, &encoder), ==, 0);
    MdDecoder *decoder = md_decoder_new(MD_VIDEO_H264);
    MdPicture *picture = md_picture_new(640, 360);
    unsigned most = 0;
    for (unsigned i = 0; i < 10; i++) {
        MdFrame *frame = NULL;
        MdPicture *decoded = NULL;
        uint8_t types[256];
        size_t longest;
        md_testpattern_draw(&picture->planes, 3, i * 5);
        g_assert_cmpint(md_encoder_encode(encoder, &picture->planes, i == 5, &frame), ==, 0);
        most = MAX(most, nal_types(frame, types, 256, &longest));
        g_assert_cmpuint(longest, <=, 1100);
        g_assert_cmpint(md_decoder_decode(decoder, frame, 0, &decoded), ==, 0);
        g_assert_cmpfloat(kit_psnr(&picture->planes, &decoded->planes), >, 28);
        md_picture_unref(decoded);
        md_frame_unref(frame);
    }
    g_assert_cmpuint(most, >, 8);
    md_picture_unref(picture);
    md_decoder_free(decoder);
    md_encoder_free(encoder);
}

static size_t bytes_of(MdEncoder *encoder, MdPicture *picture, unsigned from, unsigned n)
{
    size_t sum = 0;
    for (unsigned i = 0; i < n; i++) {
        MdFrame *frame = NULL;
        md_testpattern_draw(&picture->planes, 3, from + i);
        g_assert_cmpint(md_encoder_encode(encoder, &picture->planes, false, &frame), ==, 0);
        if (frame)
            sum += frame->len;
        md_frame_unref(frame);
    }
    return sum;
}

static void check_rate(MdVideoCodec codec)
{
    MdEncoderOptions options = {
        .codec = codec, .width = 640, .height = 360, .fps = 15, .bitrate_bps = 400000};
    MdEncoder *encoder = NULL;
    g_assert_cmpint(md_encoder_new(&options, &encoder), ==, 0);
    MdPicture *picture = md_picture_new(640, 360);
    bytes_of(encoder, picture, 0, 30);
    size_t before = bytes_of(encoder, picture, 30, 60);
    g_assert_cmpint(md_encoder_set_bitrate(encoder, 100000), ==, 0);
    bytes_of(encoder, picture, 90, 30);
    size_t after = bytes_of(encoder, picture, 120, 60);
    g_test_message("%s: %zu then %zu bit/s", md_video_codec_to_string(codec), before * 2, after * 2);
    g_assert_cmpuint(before * 2, <, 480000);
    g_assert_cmpuint(before * 2, >, 200000);
    g_assert_cmpuint(after * 2, <, 130000);
    g_assert_cmpint(md_encoder_set_bitrate(encoder, 0), ==, -EINVAL);
    md_picture_unref(picture);
    md_encoder_free(encoder);
}

static void test_rate(void)
{
    check_rate(MD_VIDEO_H264);
    check_rate(MD_VIDEO_VP8);
}

static void check_damage(MdVideoCodec codec)
{
    Camera camera = kit_camera(codec, 320, 180, 9);
    MdDecoder *decoder = md_decoder_new(codec);
    unsigned shown = 0;
    for (unsigned i = 0; i < 24; i++) {
        MdFrame *frame = kit_camera_shoot(&camera, i == 10, i * 66667);
        MdPicture *picture = NULL;
        frame->damaged = i == 4;
        int r = md_decoder_decode(decoder, frame, i * 66667, &picture);
        if (i >= 4 && i < 10) { /* still, and asking for a key frame, rather than smeared */
            g_assert_cmpint(r, ==, -EAGAIN);
            g_assert_null(picture);
        } else {
            g_assert_cmpint(r, ==, 0);
            g_assert_cmpfloat(kit_psnr(&camera.picture->planes, &picture->planes), >, 28);
            shown++;
        }
        md_picture_unref(picture);
        md_frame_unref(frame);
    }
    g_assert_cmpuint(shown, ==, 18);
    md_decoder_free(decoder);
    kit_camera_clear(&camera);
}

static void test_damage(void)
{
    check_damage(MD_VIDEO_H264);
    check_damage(MD_VIDEO_VP8);
}

/* A sender that never answers requests: after two seconds its picture comes back, concealed as well as may
 * be. */
static void test_patience(void)
{
    Camera camera = kit_camera(MD_VIDEO_H264, 320, 180, 9);
    MdDecoder *decoder = md_decoder_new(MD_VIDEO_H264);
    int64_t back = -1;
    for (unsigned i = 0; i < 60; i++) {
        MdFrame *frame = kit_camera_shoot(&camera, FALSE, i * 66667);
        MdPicture *picture = NULL;
        frame->damaged = i == 6;
        if (i == 6)
            frame->len /= 2;
        md_decoder_decode(decoder, frame, i * 66667, &picture);
        if (i > 6 && picture && back < 0)
            back = i * 66667;
        md_picture_unref(picture);
        md_frame_unref(frame);
    }
    g_assert_cmpint(back, >=, 6 * 66667 + MD_DECODER_PATIENCE_US);
    g_assert_cmpint(back, <, 6 * 66667 + MD_DECODER_PATIENCE_US + 200000);
    md_decoder_free(decoder);
    kit_camera_clear(&camera);
}

static void test_starts_with_key(void)
{
    Camera camera = kit_camera(MD_VIDEO_VP8, 320, 180, 9);
    MdDecoder *decoder = md_decoder_new(MD_VIDEO_VP8);
    MdPicture *picture = NULL;
    md_frame_unref(kit_camera_shoot(&camera, FALSE, 0)); /* the first is lost */
    MdFrame *frame = kit_camera_shoot(&camera, FALSE, 1);
    g_assert_cmpint(md_decoder_decode(decoder, frame, 1, &picture), ==, -EAGAIN);
    md_frame_unref(frame);
    frame = kit_camera_shoot(&camera, TRUE, 2);
    g_assert_cmpint(md_decoder_decode(decoder, frame, 2, &picture), ==, 0);
    g_assert_nonnull(picture);
    md_picture_unref(picture);
    md_frame_unref(frame);
    md_decoder_free(decoder);
    kit_camera_clear(&camera);
}

static void test_garbage_is_refused(void)
{
    GRand *rand = g_rand_new_with_seed(3);
    for (int codec = 0; codec < MD_VIDEO_CODEC_MAX; codec++) {
        MdDecoder *decoder = md_decoder_new((MdVideoCodec)codec);
        Camera camera = kit_camera((MdVideoCodec)codec, 320, 180, 9);
        for (unsigned i = 0; i < 60; i++) {
            MdFrame *frame = kit_camera_shoot(&camera, TRUE, 0);
            for (unsigned j = 0; i % 2 && j < 1 + i; j++)
                frame->data[g_rand_int_range(rand, 0, (gint32)frame->len)] ^=
                    (uint8_t)(1 << g_rand_int_range(rand, 0, 8));
            MdPicture *picture = NULL;
            int r = md_decoder_decode(decoder, frame, i, &picture);
            g_assert_true(r == 0 || r == -EBADMSG || r == -EFBIG);
            if (i % 2 == 0) { /* an intact key frame always brings the picture back */
                g_assert_cmpint(r, ==, 0);
                g_assert_cmpfloat(kit_psnr(&camera.picture->planes, &picture->planes), >, 26);
            }
            md_picture_unref(picture);
            md_frame_unref(frame);
        }
        md_decoder_free(decoder);
        kit_camera_clear(&camera);
    }
    g_rand_free(rand);
}

/* A VP8 key frame header of 16383x16383: must be refused before memory is taken for it. */
static void test_huge_is_refused(void)
{
    static const uint8_t vp8_huge[] = {0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0xff, 0x3f, 0xff, 0x3f,
                                       0,    0,    0,    0,    0,    0,    0,    0,    0,    0};
    MdDecoder *decoder = md_decoder_new(MD_VIDEO_VP8);
    MdFrame *frame = md_frame_new(MD_VIDEO_VP8, sizeof(vp8_huge));
    MdPicture *picture = NULL;
    memcpy(frame->data, vp8_huge, sizeof(vp8_huge));
    frame->len = sizeof(vp8_huge);
    frame->key = true;
    g_assert_cmpint(md_decoder_decode(decoder, frame, 0, &picture), <, 0);
    g_assert_null(picture);
    md_frame_unref(frame);
    md_decoder_free(decoder);
    g_assert_null(md_picture_new(3840, 2160));
    g_assert_null(md_picture_new(1920, 1922));
    MdPicture *portrait = md_picture_new(1080, 1920);
    g_assert_nonnull(portrait);
    md_picture_unref(portrait);
    MdEncoderOptions options = {
        .codec = MD_VIDEO_H264, .width = 3840, .height = 2160, .fps = 15, .bitrate_bps = 1000000};
    MdEncoder *encoder = NULL;
    g_assert_cmpint(md_encoder_new(&options, &encoder), ==, -EINVAL);
    options.width = 641, options.height = 360;
    g_assert_cmpint(md_encoder_new(&options, &encoder), ==, -EINVAL);
    g_assert_null(encoder);
}

/* What our own encoder would not make: pictures of other senders, straight from libavcodec. Luma is a ramp
 * with a bright block. */
typedef struct Foreign {
    const char *encoder, *profile;
    int width, height;
    enum AVPixelFormat format;
    bool full_range;
} Foreign;

static uint8_t ramp(int x, int y)
{
    return (uint8_t)(x > 40 && x < 90 && y > 30 && y < 60 ? 220 : 40 + (x + y) % 120);
}

static void shoot_foreign(const Foreign *foreign, unsigned n, MdFrame **frames)
{
    const AVCodec *codec = avcodec_find_encoder_by_name(foreign->encoder);
    AVCodecContext *context = avcodec_alloc_context3(codec);
    context->width = foreign->width, context->height = foreign->height, context->pix_fmt = foreign->format;
    context->time_base = (AVRational){1, 15}, context->bit_rate = 2000000, context->max_b_frames = 0,
    context->thread_count = 1;
    context->color_range = foreign->full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    av_opt_set(context->priv_data, "tune", "zerolatency", 0);
    av_opt_set(context->priv_data, "preset", "veryfast", 0);
    av_opt_set(context->priv_data, "deadline", "realtime", 0);
    av_opt_set(context->priv_data, "cpu-used", "-12", 0);
    av_opt_set(context->priv_data, "lag-in-frames", "0", 0);
    if (foreign->profile)
        av_opt_set(context->priv_data, "profile", foreign->profile, 0);
    g_assert_cmpint(avcodec_open2(context, codec, NULL), ==, 0);
    AVFrame *picture = av_frame_alloc();
    AVPacket *packet = av_packet_alloc();
    picture->width = foreign->width, picture->height = foreign->height, picture->format = foreign->format;
    picture->color_range = context->color_range;
    g_assert_cmpint(av_frame_get_buffer(picture, 0), ==, 0);
    int shift_x = foreign->format == AV_PIX_FMT_YUV444P ? 0 : 1,
        shift_y = foreign->format == AV_PIX_FMT_YUV420P || foreign->format == AV_PIX_FMT_YUVJ420P;
    for (unsigned i = 0; i < n; i++) {
        av_frame_make_writable(picture);
        for (int y = 0; y < foreign->height; y++)
            for (int x = 0; x < foreign->width; x++)
                picture->data[0][y * picture->linesize[0] + x] = ramp(x, y);
        for (int c = 1; c < 3; c++)
            for (int y = 0; y < (foreign->height + shift_y) >> shift_y; y++)
                memset(picture->data[c] + y * picture->linesize[c], 100,
                       (size_t)((foreign->width + shift_x) >> shift_x));
        picture->pts = i;
        g_assert_cmpint(avcodec_send_frame(context, picture), ==, 0);
        g_assert_cmpint(avcodec_receive_packet(context, packet), ==, 0);
        frames[i] = md_frame_new(g_str_equal(foreign->encoder, "libvpx") ? MD_VIDEO_VP8 : MD_VIDEO_H264,
                                 (size_t)packet->size);
        memcpy(frames[i]->data, packet->data, (size_t)packet->size);
        frames[i]->len = (size_t)packet->size;
        frames[i]->key = packet->flags & AV_PKT_FLAG_KEY;
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    av_frame_free(&picture);
    avcodec_free_context(&context);
}

static void check_foreign(const Foreign *foreign, int want)
{
    MdFrame *frames[4];
    shoot_foreign(foreign, 4, frames);
    MdDecoder *decoder = md_decoder_new(frames[0]->codec);
    for (unsigned i = 0; i < 4; i++) {
        MdPicture *picture = NULL;
        int r = md_decoder_decode(decoder, frames[i], i * 66667, &picture);
        if (want < 0) {
            g_assert_cmpint(r, <, 0);
            g_assert_null(picture);
        } else {
            g_assert_cmpint(r, ==, 0);
            g_assert_cmpint(picture->planes.width, ==, foreign->width & ~1);
            g_assert_cmpint(picture->planes.height, ==, foreign->height & ~1);
            g_assert_cmpint(picture->full_range, ==, foreign->full_range);
            uint64_t error = 0;
            for (int y = 0; y < picture->planes.height; y++)
                for (int x = 0; x < picture->planes.width; x++)
                    error += (uint64_t)ABS(picture->planes.y[y * picture->planes.stride_y + x] - ramp(x, y));
            g_assert_cmpfloat((double)error / (foreign->width * foreign->height), <, 4);
        }
        md_picture_unref(picture);
        md_frame_unref(frames[i]);
    }
    md_decoder_free(decoder);
}

static void test_foreign_streams(void)
{
    static const Foreign taken[] = {
        {"libx264", "baseline", 640, 480, AV_PIX_FMT_YUV420P, false},
        {"libx264", "main", 640, 360, AV_PIX_FMT_YUV420P, false},
        {"libx264", "high", 1920, 1080, AV_PIX_FMT_YUV420P, false},
        {"libx264", "high", 720, 1280, AV_PIX_FMT_YUV420P, false},
        {"libx264", NULL, 640, 360, AV_PIX_FMT_YUVJ420P, true},
        {"libvpx", NULL, 321, 181, AV_PIX_FMT_YUV420P, false},
        {"libvpx", NULL, 1279, 719, AV_PIX_FMT_YUV420P, false},
    };
    static const Foreign refused[] = {
        {"libx264", "high", 2048, 1152, AV_PIX_FMT_YUV420P, false},
        {"libx264", "high", 3840, 2160, AV_PIX_FMT_YUV420P, false},
        {"libx264", "high444", 640, 360, AV_PIX_FMT_YUV444P, false},
        {"libx264", "high422", 640, 360, AV_PIX_FMT_YUV422P, false},
        {"libvpx", NULL, 2560, 1440, AV_PIX_FMT_YUV420P, false},
        {"libx264", "high", 2560, 256, AV_PIX_FMT_YUV420P, false},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(taken); i++)
        check_foreign(&taken[i], 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(refused); i++)
        check_foreign(&refused[i], -1);
}

/* Receivers announce the level they can take: 3.1 for 720p and below, 4.0 for 1080p is what SIP sites and
 * browsers offer. */
static void test_levels(void)
{
    static const struct {
        uint16_t width, height;
        uint8_t fps, most;
        uint32_t bitrate;
    } sizes[] = {{320, 180, 15, 13, 192000},   {640, 360, 30, 30, 1024000},   {1280, 720, 15, 31, 1500000},
                 {1280, 720, 30, 31, 3000000}, {1920, 1080, 15, 40, 3000000}, {1920, 1080, 30, 40, 5000000}};
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        MdEncoderOptions options = {.codec = MD_VIDEO_H264,
                                    .width = sizes[i].width,
                                    .height = sizes[i].height,
                                    .fps = sizes[i].fps,
                                    .bitrate_bps = sizes[i].bitrate};
        MdEncoder *encoder = NULL;
        MdPicture *picture = md_picture_new(sizes[i].width, sizes[i].height);
        MdFrame *frame = NULL;
        g_assert_cmpint(md_encoder_new(&options, &encoder), ==, 0);
        g_assert_cmpint(md_encoder_encode(encoder, &picture->planes, true, &frame), ==, 0);
        const uint8_t *at = frame->data + (frame->data[2] == 1 ? 3 : 4);
        g_assert_cmpuint(at[0] & 31, ==, 7);
        g_test_message("%ux%u at %u: level %u", sizes[i].width, sizes[i].height, sizes[i].fps, at[3]);
        g_assert_cmpuint(at[3], <=, sizes[i].most);
        md_frame_unref(frame);
        md_picture_unref(picture);
        md_encoder_free(encoder);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/video/codec/round-trip", test_round_trip);
    g_test_add_func("/video/codec/h264-shape", test_h264_shape);
    g_test_add_func("/video/codec/slices", test_slices_fit_packets);
    g_test_add_func("/video/codec/rate", test_rate);
    g_test_add_func("/video/codec/damage", test_damage);
    g_test_add_func("/video/codec/patience", test_patience);
    g_test_add_func("/video/codec/starts-with-key", test_starts_with_key);
    g_test_add_func("/video/codec/garbage", test_garbage_is_refused);
    g_test_add_func("/video/codec/huge", test_huge_is_refused);
    g_test_add_func("/video/codec/foreign", test_foreign_streams);
    g_test_add_func("/video/codec/levels", test_levels);
    return g_test_run();
}
