/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/audio/codec.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <libavcodec/avcodec.h>
#include <opus.h>
#include <speex/speex_resampler.h>
#include "mediad/audio/g711.h"
#include "mediad/audio/plc.h"

enum { RESAMPLE_QUALITY = 3, NATIVE_MAX = MD_PLC_RATE_MAX / 1000 * MD_AUDIO_PACKET_MS_MAX, GRAIN = 120 };

struct MdAudioDecoder {
    MdAudioCodec codec;
    unsigned rate; /* the codec's own, Hz */
    OpusDecoder *opus;
    AVCodecContext *av;
    AVPacket *packet;
    AVFrame *frame;
    SpeexResamplerState *resampler;
    MdPlc plc;
    float native[NATIVE_MAX];
    float table[256]; /* G.711 */
};

static int open_g722(MdAudioDecoder *decoder)
{
    const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_ADPCM_G722);
    if (codec == NULL)
        return ENOSYS;
    decoder->av = avcodec_alloc_context3(codec);
    decoder->packet = av_packet_alloc();
    decoder->frame = av_frame_alloc();
    if (decoder->av == NULL || decoder->packet == NULL || decoder->frame == NULL)
        return ENOMEM;
    decoder->av->sample_rate = 16000;
    av_channel_layout_default(&decoder->av->ch_layout, 1);
    return avcodec_open2(decoder->av, codec, NULL) < 0 ? ENOSYS : 0;
}

static int open_codec(MdAudioDecoder *decoder)
{
    int error = 0;
    switch (decoder->codec) {
    case MD_AUDIO_OPUS:
        decoder->rate = MD_AUDIO_RATE;
        decoder->opus = opus_decoder_create(MD_AUDIO_RATE, 1, &error);
        return decoder->opus != NULL ? 0 : ENOMEM;
    case MD_AUDIO_G722:
        decoder->rate = 16000;
        error = open_g722(decoder);
        break;
    case MD_AUDIO_PCMA:
    case MD_AUDIO_PCMU:
        decoder->rate = 8000;
        for (int i = 0; i < 256; i++)
            decoder->table[i] = (float)(decoder->codec == MD_AUDIO_PCMA ? md_alaw_decode((uint8_t)i)
                                                                        : md_ulaw_decode((uint8_t)i)) /
                                32768.0f;
        break;
    default:
        return EINVAL;
    }
    if (error != 0)
        return error;
    md_plc_init(&decoder->plc, decoder->rate);
    decoder->resampler = speex_resampler_init(1, decoder->rate, MD_AUDIO_RATE, RESAMPLE_QUALITY, &error);
    return decoder->resampler != NULL ? 0 : ENOMEM;
}

MdAudioDecoder *md_audio_decoder_new(MdAudioCodec codec)
{
    MdAudioDecoder *decoder = calloc(1, sizeof *decoder);
    if (decoder == NULL)
        return NULL;
    decoder->codec = codec;
    int error = open_codec(decoder);
    if (error != 0) {
        md_audio_decoder_free(decoder);
        errno = error;
        return NULL;
    }
    return decoder;
}

void md_audio_decoder_free(MdAudioDecoder *decoder)
{
    if (decoder == NULL)
        return;
    if (decoder->opus != NULL)
        opus_decoder_destroy(decoder->opus);
    avcodec_free_context(&decoder->av);
    av_packet_free(&decoder->packet);
    av_frame_free(&decoder->frame);
    if (decoder->resampler != NULL)
        speex_resampler_destroy(decoder->resampler);
    free(decoder);
}

MdAudioCodec md_audio_decoder_codec(const MdAudioDecoder *decoder)
{
    return decoder->codec;
}

void md_audio_decoder_reset(MdAudioDecoder *decoder)
{
    if (decoder->opus != NULL) {
        opus_decoder_ctl(decoder->opus, OPUS_RESET_STATE);
        return;
    }
    md_plc_init(&decoder->plc, decoder->rate);
    speex_resampler_reset_mem(decoder->resampler);
}

/* The resampling ratios are whole numbers, so n samples in always give n * 48000 / rate out. */
static int upsample(MdAudioDecoder *decoder, unsigned n, float *pcm)
{
    spx_uint32_t in = n, out = n * (MD_AUDIO_RATE / decoder->rate);
    speex_resampler_process_float(decoder->resampler, 0, decoder->native, &in, pcm, &out);
    return (int)out;
}

static int decode_g722(MdAudioDecoder *decoder, const uint8_t *payload, size_t len)
{
    /* av_packet wants padding behind the bytes; the library copies them itself since no buffer is attached. */
    decoder->packet->data = (uint8_t *)(uintptr_t)payload;
    decoder->packet->size = (int)len;
    int error = avcodec_send_packet(decoder->av, decoder->packet);
    decoder->packet->data = NULL;
    decoder->packet->size = 0;
    if (error < 0 || avcodec_receive_frame(decoder->av, decoder->frame) < 0)
        return -EBADMSG;
    int n = decoder->frame->nb_samples;
    const int16_t *samples = (const int16_t *)decoder->frame->data[0];
    if (n > NATIVE_MAX)
        n = NATIVE_MAX;
    for (int i = 0; i < n; i++)
        decoder->native[i] = (float)samples[i] / 32768.0f;
    av_frame_unref(decoder->frame);
    return n;
}

/* Opus in floats knows no full scale: a packet made for it comes out at any height, and would drown a whole room. Music and speech overshoot by
 * a few dB. Not a number is silence. */
static int bounded(float *pcm, int n)
{
    for (int i = 0; i < n; i++)
        pcm[i] = pcm[i] > -MD_AUDIO_PEAK_MAX ? pcm[i] < MD_AUDIO_PEAK_MAX ? pcm[i] : MD_AUDIO_PEAK_MAX
                 : pcm[i] <= -MD_AUDIO_PEAK_MAX ? -MD_AUDIO_PEAK_MAX : 0;
    return n;
}

int md_audio_decoder_decode(MdAudioDecoder *decoder, const uint8_t *payload, size_t len, float *pcm,
                            unsigned cap)
{
    int samples = md_audio_packet_samples(decoder->codec, payload, len);
    if (samples < 0)
        return samples;
    if ((unsigned)samples > cap)
        return -ENOBUFS;
    if (decoder->opus != NULL) {
        int n = opus_decode_float(decoder->opus, payload, (opus_int32)len, pcm, (int)cap, 0);
        return n > 0 ? bounded(pcm, n) : -EBADMSG;
    }
    int n = (int)len;
    if (decoder->codec == MD_AUDIO_G722)
        n = decode_g722(decoder, payload, len);
    else
        for (size_t i = 0; i < len; i++)
            decoder->native[i] = decoder->table[payload[i]];
    if (n <= 0)
        return -EBADMSG;
    md_plc_good(&decoder->plc, decoder->native, (unsigned)n);
    return upsample(decoder, (unsigned)n, pcm);
}

static bool bad_length(unsigned samples)
{
    return samples == 0 || samples > MD_AUDIO_PACKET_SAMPLES_MAX || samples % GRAIN != 0;
}

int md_audio_decoder_conceal(MdAudioDecoder *decoder, float *pcm, unsigned samples)
{
    if (bad_length(samples))
        return -EINVAL;
    if (decoder->opus != NULL) {
        int n = opus_decode_float(decoder->opus, NULL, 0, pcm, (int)samples, 0);
        if (n != (int)samples)
            memset(pcm, 0, samples * sizeof *pcm);
        return bounded(pcm, (int)samples);
    }
    unsigned n = samples / (MD_AUDIO_RATE / decoder->rate);
    md_plc_conceal(&decoder->plc, decoder->native, n);
    return upsample(decoder, n, pcm);
}

int md_audio_decoder_decode_fec(MdAudioDecoder *decoder, const uint8_t *payload, size_t len, float *pcm,
                                unsigned samples)
{
    if (bad_length(samples))
        return -EINVAL;
    if (!md_audio_packet_has_fec(decoder->codec, payload, len))
        return md_audio_decoder_conceal(decoder, pcm, samples);
    int n = opus_decode_float(decoder->opus, payload, (opus_int32)len, pcm, (int)samples, 1);
    return n == (int)samples ? bounded(pcm, n) : md_audio_decoder_conceal(decoder, pcm, samples);
}
