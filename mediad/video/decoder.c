/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/video/decoder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <libavcodec/avcodec.h>

#include "mediad/video/quiet.h"

typedef enum DecoderState {
    DECODER_CLEAN,    /* references are good */
    DECODER_WAITING,  /* for a key frame; everything else is dropped */
    DECODER_TOLERANT, /* no key frame came in time: decodes and conceals */
} DecoderState;

struct MdDecoder {
    MdVideoCodec codec;
    DecoderState state;
    int64_t waiting_since_us; /* of WAITING; -1: from the next frame */
    AVCodecContext *context;
    AVPacket *packet;
    AVFrame *frame;
    uint8_t *input; /* padded copy of the frame: libavcodec reads beyond its end */
    size_t input_size;
};

static const enum AVCodecID codec_ids[MD_VIDEO_CODEC_MAX] = {
    [MD_VIDEO_H264] = AV_CODEC_ID_H264,
    [MD_VIDEO_VP8] = AV_CODEC_ID_VP8,
};

MdDecoder *md_decoder_new(MdVideoCodec codec)
{
    if (codec < 0 || codec >= MD_VIDEO_CODEC_MAX)
        return NULL;
    md_quiet_libavcodec();
    const AVCodec *implementation = avcodec_find_decoder(codec_ids[codec]);
    MdDecoder *decoder = implementation ? calloc(1, sizeof(*decoder)) : NULL;
    if (!decoder)
        return NULL;
    decoder->codec = codec;
    decoder->state = DECODER_WAITING;
    decoder->waiting_since_us = -1;
    decoder->context = avcodec_alloc_context3(implementation);
    decoder->packet = av_packet_alloc();
    decoder->frame = av_frame_alloc();
    if (decoder->context && decoder->packet && decoder->frame) {
        decoder->context->thread_count = 1;
        decoder->context->flags |= AV_CODEC_FLAG_LOW_DELAY;
        decoder->context->max_pixels = MD_PICTURE_PIXELS_MAX;
        decoder->context->error_concealment = FF_EC_GUESS_MVS | FF_EC_DEBLOCK;
        if (avcodec_open2(decoder->context, implementation, NULL) == 0)
            return decoder;
    }
    md_decoder_free(decoder);
    return NULL;
}

void md_decoder_free(MdDecoder *decoder)
{
    if (!decoder)
        return;
    avcodec_free_context(&decoder->context);
    av_packet_free(&decoder->packet);
    av_frame_free(&decoder->frame);
    free(decoder->input);
    free(decoder);
}

MdVideoCodec md_decoder_codec(const MdDecoder *decoder)
{
    return decoder->codec;
}

static void release_frame(void *owner)
{
    AVFrame *frame = owner;
    av_frame_free(&frame);
}

static void no_release(void *opaque, uint8_t *data)
{
}

static int fill_packet(MdDecoder *decoder, const MdFrame *frame)
{
    size_t need = frame->len + AV_INPUT_BUFFER_PADDING_SIZE;
    if (decoder->input_size < need) {
        uint8_t *grown = realloc(decoder->input, need + need / 2);
        if (!grown)
            return -ENOMEM;
        decoder->input = grown;
        decoder->input_size = need + need / 2;
    }
    memcpy(decoder->input, frame->data, frame->len);
    memset(decoder->input + frame->len, 0, AV_INPUT_BUFFER_PADDING_SIZE);
    /* counted, or libavcodec would copy it once more; every decoder here is done with it when it asks for the
     * next */
    decoder->packet->buf = av_buffer_create(decoder->input, need, no_release, NULL, AV_BUFFER_FLAG_READONLY);
    if (!decoder->packet->buf)
        return -ENOMEM;
    decoder->packet->data = decoder->input;
    decoder->packet->size = (int)frame->len;
    return 0;
}

static bool showable(const AVFrame *frame)
{
    return (frame->format == AV_PIX_FMT_YUV420P || frame->format == AV_PIX_FMT_YUVJ420P) &&
           frame->width >= 2 && frame->height >= 2 && frame->width <= MD_PICTURE_SIDE_MAX &&
           frame->height <= MD_PICTURE_SIDE_MAX && frame->width * frame->height <= MD_PICTURE_PIXELS_MAX;
}

/* The decoder's own memory becomes a picture; an odd last row or column is left out. */
static MdPicture *picture_of(AVFrame *decoded, const MdFrame *frame)
{
    AVFrame *owner = av_frame_alloc();
    if (!owner)
        return NULL;
    av_frame_move_ref(owner, decoded);
    MdPlanes planes = {
        .y = owner->data[0],
        .u = owner->data[1],
        .v = owner->data[2],
        .stride_y = owner->linesize[0],
        .stride_u = owner->linesize[1],
        .stride_v = owner->linesize[2],
        .width = (uint16_t)(owner->width & ~1),
        .height = (uint16_t)(owner->height & ~1),
    };
    MdPicture *picture = md_picture_wrap(&planes, release_frame, owner);
    if (!picture) {
        av_frame_free(&owner);
        return NULL;
    }
    picture->full_range = owner->format == AV_PIX_FMT_YUVJ420P || owner->color_range == AVCOL_RANGE_JPEG;
    picture->time_us = frame->time_us;
    picture->rtp_ts = frame->rtp_ts;
    return picture;
}

/* Feeds one packet; the last picture it yields is kept. *ret_bad: something was concealed. */
static int run_decoder(MdDecoder *decoder, const MdFrame *frame, MdPicture **ret_picture, bool *ret_bad)
{
    int r = fill_packet(decoder, frame);
    if (r < 0)
        return r;
    bool too_big = false;
    r = avcodec_send_packet(decoder->context, decoder->packet);
    av_packet_unref(decoder->packet);
    while (r == 0 && avcodec_receive_frame(decoder->context, decoder->frame) == 0) {
        *ret_bad |= decoder->frame->decode_error_flags || decoder->frame->flags & AV_FRAME_FLAG_CORRUPT;
        if (showable(decoder->frame)) {
            md_picture_unref(*ret_picture);
            *ret_picture = picture_of(decoder->frame, frame);
        } else {
            too_big = true;
        }
        av_frame_unref(decoder->frame);
    }
    return r < 0 ? -EBADMSG : too_big ? -EFBIG : 0;
}

static bool admit(MdDecoder *decoder, const MdFrame *frame, int64_t now_us)
{
    if (frame->damaged && decoder->state == DECODER_CLEAN) {
        decoder->state = DECODER_WAITING;
        decoder->waiting_since_us = now_us;
    }
    if (frame->key && !frame->damaged) {
        if (decoder->state == DECODER_TOLERANT)
            avcodec_flush_buffers(decoder->context);
        decoder->state = DECODER_CLEAN;
    }
    if (decoder->state != DECODER_WAITING)
        return true;
    if (decoder->waiting_since_us < 0)
        decoder->waiting_since_us = now_us;
    if (now_us - decoder->waiting_since_us < MD_DECODER_PATIENCE_US)
        return false;
    decoder->state = DECODER_TOLERANT;
    return true;
}

int md_decoder_decode(MdDecoder *decoder, const MdFrame *frame, int64_t now_us, MdPicture **ret_picture)
{
    *ret_picture = NULL;
    if (!frame->len)
        return -EBADMSG;
    if (!admit(decoder, frame, now_us))
        return -EAGAIN;
    MdPicture *picture = NULL;
    bool bad = false;
    int r = run_decoder(decoder, frame, &picture, &bad);
    if (r == 0 && bad)
        r = -EBADMSG;
    if (r == 0 || (decoder->state == DECODER_TOLERANT && picture)) {
        *ret_picture = picture;
        return 0;
    }
    md_picture_unref(picture);
    if (decoder->state == DECODER_CLEAN) {
        decoder->state = DECODER_WAITING;
        decoder->waiting_since_us = now_us;
    }
    return r;
}
