/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/audio/codec.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <libavcodec/avcodec.h>
#include <opus.h>
#include <speex/speex_resampler.h>
#include "mediad/audio/g711.h"

enum {
    RESAMPLE_QUALITY = 3,
    TICKS_MAX = 3,
    NATIVE_MAX = 320,
    BITRATE_DEFAULT = 32000,
    BITRATE_MIN = 6000,
    BITRATE_MAX = 256000,
    COMPLEXITY_DEFAULT = 5,
    DTX_BYTES = 2
};

struct MdAudioEncoder {
    MdAudioEncoderConfig config;
    OpusEncoder *opus;
    AVCodecContext *av;
    AVPacket *packet;
    AVFrame *frame;
    SpeexResamplerState *resampler;
    float gathered[MD_AUDIO_TICK_SAMPLES * TICKS_MAX];
    unsigned ticks;
    float native[NATIVE_MAX];
};

static bool normalize(MdAudioEncoderConfig *config)
{
    if (config->ptime_ms == 0)
        config->ptime_ms = MD_AUDIO_TICK_MS;
    if (config->codec != MD_AUDIO_OPUS)
        return config->codec >= 0 && config->codec < MD_AUDIO_CODEC_MAX &&
               config->ptime_ms == MD_AUDIO_TICK_MS;
    if (config->bitrate_bps == 0)
        config->bitrate_bps = BITRATE_DEFAULT;
    if (config->complexity == 0)
        config->complexity = COMPLEXITY_DEFAULT;
    return (config->ptime_ms == 20 || config->ptime_ms == 40 || config->ptime_ms == 60) &&
           config->bitrate_bps >= BITRATE_MIN && config->bitrate_bps <= BITRATE_MAX &&
           config->complexity <= 10 && config->loss_percent <= 100;
}

static void apply_opus(MdAudioEncoder *encoder)
{
    const MdAudioEncoderConfig *config = &encoder->config;
    opus_encoder_ctl(encoder->opus, OPUS_SET_BITRATE((opus_int32)config->bitrate_bps));
    opus_encoder_ctl(encoder->opus, OPUS_SET_COMPLEXITY(config->complexity));
    opus_encoder_ctl(encoder->opus, OPUS_SET_INBAND_FEC(config->fec));
    opus_encoder_ctl(encoder->opus, OPUS_SET_PACKET_LOSS_PERC(config->loss_percent));
    opus_encoder_ctl(encoder->opus, OPUS_SET_DTX(config->dtx));
    if (!config->music)
        opus_encoder_ctl(encoder->opus, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
}

static int open_g722(MdAudioEncoder *encoder)
{
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_ADPCM_G722);
    if (codec == NULL)
        return ENOSYS;
    encoder->av = avcodec_alloc_context3(codec);
    encoder->packet = av_packet_alloc();
    encoder->frame = av_frame_alloc();
    if (encoder->av == NULL || encoder->packet == NULL || encoder->frame == NULL)
        return ENOMEM;
    encoder->av->sample_rate = 16000;
    encoder->av->sample_fmt = AV_SAMPLE_FMT_S16;
    encoder->av->bit_rate = 64000;
    encoder->av->frame_size = NATIVE_MAX;
    av_channel_layout_default(&encoder->av->ch_layout, 1);
    if (avcodec_open2(encoder->av, codec, NULL) < 0)
        return ENOSYS;
    encoder->frame->format = AV_SAMPLE_FMT_S16;
    encoder->frame->nb_samples = NATIVE_MAX;
    encoder->frame->sample_rate = 16000;
    av_channel_layout_default(&encoder->frame->ch_layout, 1);
    return av_frame_get_buffer(encoder->frame, 0) < 0 ? ENOMEM : 0;
}

static int open_codec(MdAudioEncoder *encoder)
{
    int error = 0;
    unsigned rate = 8000;
    if (encoder->config.codec == MD_AUDIO_OPUS) {
        int application = encoder->config.music ? OPUS_APPLICATION_AUDIO : OPUS_APPLICATION_VOIP;
        encoder->opus = opus_encoder_create(MD_AUDIO_RATE, 1, application, &error);
        if (encoder->opus == NULL)
            return ENOMEM;
        apply_opus(encoder);
        return 0;
    }
    if (encoder->config.codec == MD_AUDIO_G722) {
        rate = 16000;
        error = open_g722(encoder);
        if (error != 0)
            return error;
    }
    encoder->resampler = speex_resampler_init(1, MD_AUDIO_RATE, rate, RESAMPLE_QUALITY, &error);
    return encoder->resampler != NULL ? 0 : ENOMEM;
}

MdAudioEncoder *md_audio_encoder_new(const MdAudioEncoderConfig *config)
{
    MdAudioEncoderConfig wanted = *config;
    if (!normalize(&wanted)) {
        errno = EINVAL;
        return NULL;
    }
    MdAudioEncoder *encoder = calloc(1, sizeof *encoder);
    if (encoder == NULL)
        return NULL;
    encoder->config = wanted;
    int error = open_codec(encoder);
    if (error != 0) {
        md_audio_encoder_free(encoder);
        errno = error;
        return NULL;
    }
    return encoder;
}

void md_audio_encoder_free(MdAudioEncoder *encoder)
{
    if (encoder == NULL)
        return;
    if (encoder->opus != NULL)
        opus_encoder_destroy(encoder->opus);
    avcodec_free_context(&encoder->av);
    av_packet_free(&encoder->packet);
    av_frame_free(&encoder->frame);
    if (encoder->resampler != NULL)
        speex_resampler_destroy(encoder->resampler);
    free(encoder);
}

const MdAudioEncoderConfig *md_audio_encoder_config(const MdAudioEncoder *encoder)
{
    return &encoder->config;
}

int md_audio_encoder_configure(MdAudioEncoder *encoder, const MdAudioEncoderConfig *config)
{
    MdAudioEncoderConfig wanted = *config;
    if (!normalize(&wanted) || wanted.codec != encoder->config.codec ||
        wanted.ptime_ms != encoder->config.ptime_ms || wanted.music != encoder->config.music)
        return -EINVAL;
    encoder->config = wanted;
    if (encoder->opus != NULL)
        apply_opus(encoder);
    return 0;
}

void md_audio_encoder_reset(MdAudioEncoder *encoder)
{
    encoder->ticks = 0;
    if (encoder->opus != NULL)
        opus_encoder_ctl(encoder->opus, OPUS_RESET_STATE);
    if (encoder->resampler != NULL)
        speex_resampler_reset_mem(encoder->resampler);
}

static int encode_opus(MdAudioEncoder *encoder, const float *pcm, uint8_t *payload, size_t cap)
{
    unsigned ticks = encoder->config.ptime_ms / MD_AUDIO_TICK_MS;
    if (ticks > 1) {
        memcpy(encoder->gathered + encoder->ticks * MD_AUDIO_TICK_SAMPLES, pcm,
               MD_AUDIO_TICK_SAMPLES * sizeof *pcm);
        if (++encoder->ticks < ticks)
            return 0;
        encoder->ticks = 0;
        pcm = encoder->gathered;
    }
    int n =
        opus_encode_float(encoder->opus, pcm, (int)(ticks * MD_AUDIO_TICK_SAMPLES), payload, (opus_int32)cap);
    if (n < 0)
        return -EIO;
    /* One or two bytes: the decoder should make its own comfort noise, the packet need not go out. */
    return n <= DTX_BYTES && encoder->config.dtx ? 0 : n;
}

static int16_t to_s16(float sample)
{
    float scaled = sample * 32768.0f;
    if (scaled >= 32767.0f)
        return 32767;
    if (scaled <= -32768.0f)
        return -32768;
    return (int16_t)__builtin_lrintf(scaled);
}

static int encode_g722(MdAudioEncoder *encoder, uint8_t *payload, size_t cap)
{
    /* The encoder may still hold a reference to the frame of the last call; then this copies. */
    if (av_frame_make_writable(encoder->frame) < 0)
        return -EIO;
    int16_t *samples = (int16_t *)encoder->frame->data[0];
    for (int i = 0; i < NATIVE_MAX; i++)
        samples[i] = to_s16(encoder->native[i]);
    if (avcodec_send_frame(encoder->av, encoder->frame) < 0 ||
        avcodec_receive_packet(encoder->av, encoder->packet) < 0)
        return -EIO;
    int n = encoder->packet->size;
    if ((size_t)n <= cap)
        memcpy(payload, encoder->packet->data, (size_t)n);
    av_packet_unref(encoder->packet);
    return (size_t)n <= cap ? n : -ENOBUFS;
}

int md_audio_encoder_encode(MdAudioEncoder *encoder, const float pcm[MD_AUDIO_TICK_SAMPLES], uint8_t *payload,
                            size_t cap)
{
    if (cap < MD_AUDIO_PAYLOAD_MAX)
        return -ENOBUFS;
    if (encoder->opus != NULL)
        return encode_opus(encoder, pcm, payload, cap);
    unsigned rate = encoder->config.codec == MD_AUDIO_G722 ? 16000 : 8000;
    spx_uint32_t in = MD_AUDIO_TICK_SAMPLES, out = rate / 1000 * MD_AUDIO_TICK_MS;
    speex_resampler_process_float(encoder->resampler, 0, pcm, &in, encoder->native, &out);
    if (encoder->config.codec == MD_AUDIO_G722)
        return encode_g722(encoder, payload, cap);
    for (unsigned i = 0; i < out; i++) {
        int16_t sample = to_s16(encoder->native[i]);
        payload[i] = encoder->config.codec == MD_AUDIO_PCMA ? md_alaw_encode(sample) : md_ulaw_encode(sample);
    }
    return (int)out;
}
