/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/audio/wav.h"
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <speex/speex_resampler.h>
#include "mediad/core/media.h"

enum { SECONDS_MAX = 600, QUALITY = 5 };
static const size_t FILE_MAX = (size_t)48000 * 2 * 2 * SECONDS_MAX + 65536;

typedef struct Format {
    unsigned channels, rate, bits;
    const unsigned char *data;
    size_t len;
} Format;

static uint32_t le32(const unsigned char *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static unsigned le16(const unsigned char *p)
{
    return p[0] | (unsigned)p[1] << 8;
}

static int find_chunks(const unsigned char *bytes, size_t len, Format *format)
{
    if (len < 12 || memcmp(bytes, "RIFF", 4) != 0 || memcmp(bytes + 8, "WAVE", 4) != 0)
        return -EBADMSG;
    for (size_t at = 12; len - at >= 8;) {
        const unsigned char *body = bytes + at + 8;
        size_t room = len - at - 8, size = le32(bytes + at + 4);
        if (memcmp(bytes + at, "fmt ", 4) == 0) {
            if (size < 16 || room < 16 || (le16(body) != 1 && le16(body) != 0xfffe))
                return -EBADMSG;
            format->channels = le16(body + 2);
            format->rate = le32(body + 4);
            format->bits = le16(body + 14);
        } else if (memcmp(bytes + at, "data", 4) == 0) {
            format->data = body;
            format->len = size < room ? size : room; /* streamed files carry 0xffffffff */
            break;
        }
        if (size > room)
            break;
        at += 8 + size + (size & 1);
        if (at > len)
            break;
    }
    return format->data != NULL && format->bits == 16 && format->channels >= 1 && format->channels <= 2 &&
                   format->rate >= 8000 && format->rate <= 192000
               ? 0
               : -EBADMSG;
}

static int resample(const float *in, size_t n, unsigned rate, float **ret_pcm, size_t *ret_samples)
{
    int error;
    SpeexResamplerState *resampler = speex_resampler_init(1, rate, MD_AUDIO_RATE, QUALITY, &error);
    size_t cap = (size_t)((double)n * MD_AUDIO_RATE / rate) + 64;
    float *out = malloc(cap * sizeof *out);
    if (resampler == NULL || out == NULL) {
        if (resampler != NULL)
            speex_resampler_destroy(resampler);
        free(out);
        return -ENOMEM;
    }
    speex_resampler_skip_zeros(resampler);
    spx_uint32_t in_n = (spx_uint32_t)n, out_n = (spx_uint32_t)cap;
    speex_resampler_process_float(resampler, 0, in, &in_n, out, &out_n);
    speex_resampler_destroy(resampler);
    *ret_pcm = out;
    *ret_samples = out_n;
    return 0;
}

int md_wav_parse(const unsigned char *bytes, size_t len, float **ret_pcm, size_t *ret_samples)
{
    Format format = {0};
    int error = find_chunks(bytes, len, &format);
    if (error < 0)
        return error;
    size_t n = format.len / 2 / format.channels;
    if (n == 0)
        return -EBADMSG;
    if (n > (size_t)format.rate * SECONDS_MAX)
        return -EFBIG;
    float *pcm = malloc(n * sizeof *pcm);
    if (pcm == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        int sum = 0;
        for (unsigned c = 0; c < format.channels; c++)
            sum += (int16_t)le16(format.data + (i * format.channels + c) * 2);
        pcm[i] = (float)sum / (32768.0f * (float)format.channels);
    }
    if (format.rate == MD_AUDIO_RATE) {
        *ret_pcm = pcm;
        *ret_samples = n;
        return 0;
    }
    error = resample(pcm, n, format.rate, ret_pcm, ret_samples);
    free(pcm);
    return error;
}

int md_wav_load(const char *path, float **ret_pcm, size_t *ret_samples)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return -errno;
    unsigned char *bytes = NULL;
    int error = fseek(file, 0, SEEK_END) == 0 ? 0 : -errno;
    long size = error == 0 ? ftell(file) : -1;
    if (error == 0 && (size < 0 || (size_t)size > FILE_MAX))
        error = size < 0 ? -EIO : -EFBIG;
    if (error == 0 && (bytes = malloc((size_t)size + 1)) == NULL)
        error = -ENOMEM;
    if (error == 0) {
        rewind(file);
        size_t n = fread(bytes, 1, (size_t)size, file);
        error = md_wav_parse(bytes, n, ret_pcm, ret_samples);
    }
    free(bytes);
    fclose(file);
    return error;
}
