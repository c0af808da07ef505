/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/rtp/payload.h"

#include <errno.h>

/* RFC 6716 3.1: samples at 48 kHz of one frame of each configuration. */
static int opus_frame_samples(uint8_t toc)
{
    static const uint16_t silk[] = {480, 960, 1920, 2880};
    static const uint16_t celt[] = {120, 240, 480, 960};
    unsigned config = toc >> 3;
    if (config < 12)
        return silk[config & 3];
    if (config < 16)
        return config & 1 ? 960 : 480;
    return celt[config & 3];
}

static int opus_duration(const uint8_t *payload, size_t len)
{
    unsigned frames;
    switch (payload[0] & 3) {
    case 0:
        frames = 1;
        break;
    case 1:
    case 2:
        frames = 2;
        break;
    default:
        if (len < 2)
            return -EBADMSG;
        frames = payload[1] & 0x3f;
        break;
    }
    int samples = (int)frames * opus_frame_samples(payload[0]);
    return samples > 0 && samples <= 5760 ? samples : -EBADMSG;
}

int md_audio_payload_duration(MdAudioCodec codec, const uint8_t *payload, size_t len)
{
    if (len == 0)
        return -EBADMSG;
    switch (codec) {
    case MD_AUDIO_OPUS:
        return opus_duration(payload, len);
    case MD_AUDIO_G722: /* two samples a byte, but the RTP clock runs at half the sampling rate */
    case MD_AUDIO_PCMA:
    case MD_AUDIO_PCMU:
        return len <= 1600 ? (int)len : -EBADMSG;
    default:
        return -EBADMSG;
    }
}

bool md_opus_may_have_fec(const uint8_t *payload, size_t len)
{
    return len > 2 && payload[0] >> 3 < 16;
}

int md_cn_parse(const uint8_t *payload, size_t len, uint8_t *ret_level)
{
    if (len == 0)
        return -EBADMSG;
    *ret_level = payload[0] & 0x7f;
    return 0;
}

size_t md_cn_write(uint8_t out[1], uint8_t level)
{
    out[0] = level > 127 ? 127 : level;
    return 1;
}
