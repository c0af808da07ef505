/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/video/encoder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>

#include "mediad/video/quiet.h"

enum {
    KEY_INTERVAL_S = 30, /* key frames come on request; this is for receivers that cannot ask */
};

struct MdEncoder {
    MdEncoderOptions options;
    AVCodecContext *context;
    AVFrame *frame;
    AVPacket *packet;
    int64_t n_frames;
};

bool md_encoder_options_valid(const MdEncoderOptions *o)
{
    return o->codec >= 0 && o->codec < MD_VIDEO_CODEC_MAX && o->width >= 64 && o->height >= 48 &&
           !((o->width | o->height) & 1) && o->width <= MD_PICTURE_SIDE_MAX &&
           o->height <= MD_PICTURE_SIDE_MAX && (unsigned)o->width * o->height <= MD_PICTURE_PIXELS_MAX &&
           o->fps >= 1 && o->fps <= 60 && o->bitrate_bps >= MD_ENCODER_BITRATE_MIN &&
           o->bitrate_bps <= MD_ENCODER_BITRATE_MAX && (!o->max_payload || o->max_payload >= 200);
}

/* Constant rate with half a second of buffer: a key frame of seven mean frames fits, a slow line is not
 * flooded. */
static void apply_bitrate(MdEncoder *encoder)
{
    AVCodecContext *context = encoder->context;
    uint32_t bitrate = encoder->options.bitrate_bps;
    context->bit_rate = context->rc_max_rate = bitrate;
    context->rc_min_rate =
        encoder->options.codec == MD_VIDEO_VP8 ? bitrate : 0; /* all three equal: libvpx's constant rate */
    context->rc_buffer_size = (int)(bitrate / 2);
}

static void set_up_h264(MdEncoder *encoder)
{
    AVCodecContext *context = encoder->context;
    void *options = context->priv_data;
    char slice[8];
    /* superfast: +1.9 dB over ultrafast for half as much time again; veryfast doubles the time for +0.3 dB */
    av_opt_set(options, "preset", "superfast", 0);
    av_opt_set(options, "tune", "zerolatency", 0);
    av_opt_set(options, "profile", "baseline", 0); /* x264 sets constraint_set1 too: constrained baseline */
    av_opt_set(options, "forced-idr", "1", 0);
    av_opt_set(options, "x264-params", "scenecut=0:sliced-threads=0:open-gop=0", 0);
    if (encoder->options.max_payload) {
        snprintf(slice, sizeof(slice), "%u", (unsigned)encoder->options.max_payload);
        av_opt_set(options, "slice-max-size", slice, 0);
    }
    context->max_b_frames = 0;
    context->refs = 1;
}

static void set_up_vp8(MdEncoder *encoder)
{
    AVCodecContext *context = encoder->context;
    void *options = context->priv_data;
    av_opt_set(options, "deadline", "realtime", 0);
    av_opt_set(options, "cpu-used", "-12", 0);
    av_opt_set(options, "lag-in-frames", "0", 0);
    av_opt_set(options, "auto-alt-ref", "0", 0);
    av_opt_set(options, "max-intra-rate", "600", 0); /* a key frame at most six times the mean */
    context->qmin = 4;
    context->qmax = 56;
}

static int open_context(MdEncoder *encoder)
{
    static const char *const names[MD_VIDEO_CODEC_MAX] = {
        [MD_VIDEO_H264] = "libx264", [MD_VIDEO_VP8] = "libvpx"};
    const MdEncoderOptions *o = &encoder->options;
    md_quiet_libavcodec();
    const AVCodec *codec = avcodec_find_encoder_by_name(names[o->codec]);
    if (!codec)
        return -ENOTSUP;
    AVCodecContext *context = encoder->context = avcodec_alloc_context3(codec);
    encoder->frame = av_frame_alloc();
    encoder->packet = av_packet_alloc();
    if (!context || !encoder->frame || !encoder->packet)
        return -ENOMEM;
    context->width = o->width;
    context->height = o->height;
    context->pix_fmt = AV_PIX_FMT_YUV420P;
    context->color_range = AVCOL_RANGE_MPEG;
    context->time_base = (AVRational){1, o->fps};
    context->framerate = (AVRational){o->fps, 1};
    context->gop_size = o->fps * KEY_INTERVAL_S;
    context->thread_count = 1;
    apply_bitrate(encoder);
    if (o->codec == MD_VIDEO_H264)
        set_up_h264(encoder);
    else
        set_up_vp8(encoder);
    return avcodec_open2(context, codec, NULL) == 0 ? 0 : -ENOTSUP;
}

int md_encoder_new(const MdEncoderOptions *options, MdEncoder **ret)
{
    if (!md_encoder_options_valid(options))
        return -EINVAL;
    MdEncoder *encoder = calloc(1, sizeof(*encoder));
    if (!encoder)
        return -ENOMEM;
    encoder->options = *options;
    int r = open_context(encoder);
    if (r < 0) {
        md_encoder_free(encoder);
        return r;
    }
    *ret = encoder;
    return 0;
}

void md_encoder_free(MdEncoder *encoder)
{
    if (!encoder)
        return;
    avcodec_free_context(&encoder->context);
    av_frame_free(&encoder->frame);
    av_packet_free(&encoder->packet);
    free(encoder);
}

static void no_release(void *opaque, uint8_t *data)
{
}

/* Lends the planes to the encoder for one call: without a buffer of its own libavcodec would copy the
 * picture. */
static int lend(MdEncoder *encoder, const MdPlanes *picture, bool key)
{
    AVFrame *frame = encoder->frame;
    frame->buf[0] = av_buffer_create(picture->y, (size_t)picture->stride_y * picture->height, no_release,
                                     NULL, AV_BUFFER_FLAG_READONLY);
    if (!frame->buf[0])
        return -ENOMEM;
    frame->data[0] = picture->y;
    frame->data[1] = picture->u;
    frame->data[2] = picture->v;
    frame->linesize[0] = picture->stride_y;
    frame->linesize[1] = picture->stride_u;
    frame->linesize[2] = picture->stride_v;
    frame->width = picture->width;
    frame->height = picture->height;
    frame->format = AV_PIX_FMT_YUV420P;
    frame->pts = encoder->n_frames++;
    frame->pict_type = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    return 0;
}

int md_encoder_encode(MdEncoder *encoder, const MdPlanes *picture, bool key, MdFrame **ret_frame)
{
    *ret_frame = NULL;
    if (picture->width != encoder->options.width || picture->height != encoder->options.height)
        return -EINVAL;
    int r = lend(encoder, picture, key);
    if (r < 0)
        return r;
    r = avcodec_send_frame(encoder->context, encoder->frame);
    if (r == 0)
        r = avcodec_receive_packet(encoder->context, encoder->packet);
    av_frame_unref(encoder->frame); /* only now: nothing is delayed inside */
    if (r == AVERROR(EAGAIN))
        return 0;
    if (r < 0)
        return -EIO;
    MdFrame *frame = md_frame_new(encoder->options.codec, (size_t)encoder->packet->size);
    if (frame) {
        memcpy(frame->data, encoder->packet->data, (size_t)encoder->packet->size);
        frame->len = (size_t)encoder->packet->size;
        frame->key = encoder->packet->flags & AV_PKT_FLAG_KEY;
    }
    av_packet_unref(encoder->packet);
    *ret_frame = frame;
    return frame ? 0 : -ENOMEM;
}

int md_encoder_set_bitrate(MdEncoder *encoder, uint32_t bitrate_bps)
{
    if (bitrate_bps < MD_ENCODER_BITRATE_MIN || bitrate_bps > MD_ENCODER_BITRATE_MAX)
        return -EINVAL;
    if (bitrate_bps == encoder->options.bitrate_bps)
        return 0;
    encoder->options.bitrate_bps = bitrate_bps;
    if (encoder->options.codec == MD_VIDEO_H264) {
        apply_bitrate(encoder); /* libx264's wrapper looks for changes before each frame */
        return 0;
    }
    avcodec_free_context(&encoder->context); /* libvpx's does not: begin anew, with a key frame */
    av_frame_free(&encoder->frame);
    av_packet_free(&encoder->packet);
    return open_context(encoder);
}
