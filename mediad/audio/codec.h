/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "mediad/core/media.h"

/* Speech codecs to and from the mixers' format: float mono at 48 kHz, full scale +-1.0. One object belongs to one thread at a
 * time. Nothing allocates after *_new but libavcodec's own small packet bookkeeping (G.722). Errors are -errno. */

/* Longest packet taken: 120 ms (RFC 6716, 3.4). */
#define MD_AUDIO_PACKET_MS_MAX 120
#define MD_AUDIO_PACKET_SAMPLES_MAX (MD_AUDIO_RATE / 1000 * MD_AUDIO_PACKET_MS_MAX)
/* Enough for every packet an encoder of ours makes (Opus: RFC 6716 allows 1275 a frame, 60 ms in one frame). */
#define MD_AUDIO_PAYLOAD_MAX 1400
#define MD_AUDIO_PEAK_MAX 4.0f /* no decoded sample is beyond this; full scale is 1 */

/* Duration of a packet in samples at 48 kHz, without decoding it. -EBADMSG: malformed, empty or above 120 ms. */
int md_audio_packet_samples(MdAudioCodec codec, const uint8_t *payload, size_t len);
/* Does an Opus packet carry in-band FEC (a redundant copy of the packet before it)? False for every other codec. */
bool md_audio_packet_has_fec(MdAudioCodec codec, const uint8_t *payload, size_t len);

typedef struct MdAudioDecoder MdAudioDecoder;

/* NULL with errno: EINVAL (no such codec), ENOMEM, ENOSYS (library built without it). */
MdAudioDecoder *md_audio_decoder_new(MdAudioCodec codec);
void md_audio_decoder_free(MdAudioDecoder *decoder);
MdAudioCodec md_audio_decoder_codec(const MdAudioDecoder *decoder);
/* Forgets the past: the next packet belongs to another stream. */
void md_audio_decoder_reset(MdAudioDecoder *decoder);
/* Decodes one packet. cap: floats that fit in pcm (MD_AUDIO_PACKET_SAMPLES_MAX always suffices). Returns samples written
 * (> 0), -EBADMSG (malformed; the state is unchanged enough to go on), -ENOBUFS (cap too small, nothing decoded). */
int md_audio_decoder_decode(MdAudioDecoder *decoder, const uint8_t *payload, size_t len, float *pcm, unsigned cap);
/* The packet before `payload` was lost: makes its last `samples` samples (a multiple of 120, usually the lost packet's
 * length) from payload's in-band FEC, or conceals when there is none. Call before decoding payload itself. Returns samples,
 * -EINVAL. */
int md_audio_decoder_decode_fec(MdAudioDecoder *decoder, const uint8_t *payload, size_t len, float *pcm, unsigned samples);
/* Nothing came: goes on from what was heard last, fading to silence within about 100 ms (G.7xx) or as libopus does.
 * samples: a multiple of 120, at most MD_AUDIO_PACKET_SAMPLES_MAX. Returns samples, -EINVAL. */
int md_audio_decoder_conceal(MdAudioDecoder *decoder, float *pcm, unsigned samples);

typedef struct MdAudioEncoderConfig {
    MdAudioCodec codec;
    unsigned ptime_ms;       /* Opus: 20, 40, 60; G.7xx: 20. 0: 20 */
    uint32_t bitrate_bps;    /* Opus: 6000..256000, 0: 32000; ignored by the others */
    uint8_t complexity;      /* Opus 1..10, 0: 5 */
    bool fec;                /* Opus in-band FEC */
    uint8_t loss_percent;    /* expected loss, 0..100: steers how strong the FEC is */
    bool dtx;                /* Opus: silence is not sent (one packet in 400 ms keeps the comfort noise) */
    bool music;              /* Opus AUDIO application instead of VOIP */
} MdAudioEncoderConfig;

typedef struct MdAudioEncoder MdAudioEncoder;

/* NULL with errno: EINVAL (codec, ptime or range), ENOMEM, ENOSYS. */
MdAudioEncoder *md_audio_encoder_new(const MdAudioEncoderConfig *config);
void md_audio_encoder_free(MdAudioEncoder *encoder);
const MdAudioEncoderConfig *md_audio_encoder_config(const MdAudioEncoder *encoder);
/* Changes bitrate, complexity, FEC, loss, DTX on the fly; codec, ptime and music must stay (-EINVAL). No allocation. */
int md_audio_encoder_configure(MdAudioEncoder *encoder, const MdAudioEncoderConfig *config);
/* Forgets the past and what was gathered of a 40/60 ms frame. */
void md_audio_encoder_reset(MdAudioEncoder *encoder);
/* One 20 ms tick in. Returns the bytes of the packet that is now complete, 0 when there is none (a longer frame is being
 * gathered, or DTX keeps silent), -ENOBUFS (cap below MD_AUDIO_PAYLOAD_MAX), -EIO (library). */
int md_audio_encoder_encode(MdAudioEncoder *encoder, const float pcm[MD_AUDIO_TICK_SAMPLES], uint8_t *payload, size_t cap);
