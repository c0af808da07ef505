/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/audio/codec.h"
#include <errno.h>
#include <opus.h>

int md_audio_packet_samples(MdAudioCodec codec, const uint8_t *payload, size_t len)
{
    if (payload == NULL || len == 0)
        return -EBADMSG;
    int samples;
    switch (codec) {
    case MD_AUDIO_OPUS:
        samples = len <= INT32_MAX ? opus_packet_get_nb_samples(payload, (opus_int32)len, MD_AUDIO_RATE) : -1;
        return samples > 0 && samples <= MD_AUDIO_PACKET_SAMPLES_MAX ? samples : -EBADMSG;
    case MD_AUDIO_G722: /* 64 kbit/s: one byte is two samples at 16 kHz */
    case MD_AUDIO_PCMA:
    case MD_AUDIO_PCMU:
        return len <= 8 * MD_AUDIO_PACKET_MS_MAX ? (int)len * (MD_AUDIO_RATE / 8000) : -EBADMSG;
    default:
        return -EBADMSG;
    }
}

/* RFC 6716: a SILK or hybrid packet says in its first payload bits whether low bit-rate redundancy (LBRR) follows. The
 * bits after the table of contents are range coded, but the VAD and LBRR flags have probability 1/2 each, so that they
 * are the top bits of the first byte: one VAD flag per 20 ms of the frame, then the LBRR flag (RFC 6716, 4.2.3). */
bool md_audio_packet_has_fec(MdAudioCodec codec, const uint8_t *payload, size_t len)
{
    const unsigned char *frames[48];
    opus_int16 sizes[48];
    if (codec != MD_AUDIO_OPUS || payload == NULL || len < 2 || len > INT32_MAX || payload[0] & 0x80)
        return false; /* CELT only: no redundancy */
    if (opus_packet_parse(payload, (opus_int32)len, NULL, frames, sizes, NULL) <= 0 || sizes[0] < 1)
        return false;
    unsigned config = payload[0] >> 3;
    unsigned vad_flags = 1; /* 10 or 20 ms */
    if (config < 12 && config % 4 == 2)
        vad_flags = 2;
    else if (config < 12 && config % 4 == 3)
        vad_flags = 3;
    return (frames[0][0] >> (7 - vad_flags)) & 1;
}
