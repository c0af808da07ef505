/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* Words every floor shares about sound and pictures. */
#include <stdbool.h>
#include <stdint.h>

/* The mixers' only sample rate and tick. Everything else is converted at the edges. */
#define MD_AUDIO_RATE 48000
#define MD_AUDIO_TICK_MS 20
#define MD_AUDIO_TICK_US 20000
#define MD_AUDIO_TICK_SAMPLES 960

typedef enum MdAudioCodec {
    MD_AUDIO_OPUS,
    MD_AUDIO_G722,
    MD_AUDIO_PCMA,
    MD_AUDIO_PCMU,
    MD_AUDIO_CODEC_MAX,
    MD_AUDIO_CODEC_NONE = -1,
} MdAudioCodec;

typedef enum MdVideoCodec {
    MD_VIDEO_H264,
    MD_VIDEO_VP8,
    MD_VIDEO_CODEC_MAX,
    MD_VIDEO_CODEC_NONE = -1,
} MdVideoCodec;

/* SDP encoding names ("opus", "G722", "PCMA", "PCMU", "H264", "VP8"); NULL out of range. */
const char *md_audio_codec_to_string(MdAudioCodec codec);
const char *md_video_codec_to_string(MdVideoCodec codec);
/* Case-insensitive; *_NONE when unknown. */
MdAudioCodec md_audio_codec_from_string(const char *name);
MdVideoCodec md_video_codec_from_string(const char *name);
/* RTP clock rate in Hz. G.722 runs its RTP clock at 8000 though it samples at 16000 (RFC 3551, 4.5.2). */
uint32_t md_audio_codec_clock_rate(MdAudioCodec codec);

/* Media security wanted of a leg: SRTP always, SRTP if the peer can, never. */
typedef enum MdSecurity {
    MD_SECURITY_OFF,
    MD_SECURITY_PREFERRED,
    MD_SECURITY_REQUIRED,
    MD_SECURITY_MAX,
    MD_SECURITY_INVALID = -1,
} MdSecurity;

const char *md_security_to_string(MdSecurity security);
MdSecurity md_security_from_string(const char *name);
