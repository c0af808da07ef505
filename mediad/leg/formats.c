/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which of the formats of a line to take, and what its parameters allow. */
#include <string.h>

#include "mediad/leg/negotiate.h"

#define OPUS_BITRATE_DEFAULT 32000
#define OPUS_BITRATE_MIN 8000
#define OPUS_BITRATE_MAX 128000

int md_negotiator_audio_codec(const MdNegotiator *negotiator, const MdSdpFormat *format)
{
    MdAudioCodec codec = md_audio_codec_from_string(format->name);
    if (codec == MD_AUDIO_CODEC_NONE || format->clock_rate != md_audio_codec_clock_rate(codec))
        return -1;
    /* RFC 7587: always /2, whatever is sent; G.7xx: one channel */
    if (codec == MD_AUDIO_OPUS ? format->channels != 2 : format->channels != 1)
        return -1;
    for (unsigned i = 0; i < negotiator->options.n_audio_codecs; i++)
        if (negotiator->options.audio_codecs[i] == codec)
            return codec;
    return -1;
}

const MdSdpFormat *md_negotiator_choose_audio(const MdNegotiator *negotiator, const MdSdpMedia *media,
                                              int *ret_codec)
{
    for (unsigned i = 0; i < negotiator->options.n_audio_codecs; i++)
        for (unsigned f = 0; f < media->n_formats; f++)
            if (md_negotiator_audio_codec(negotiator, &media->formats[f]) ==
                (int)negotiator->options.audio_codecs[i]) {
                *ret_codec = negotiator->options.audio_codecs[i];
                return &media->formats[f];
            }
    return NULL;
}

static bool is_named(const MdSdpFormat *format, const char *name)
{
    return g_ascii_strcasecmp(format->name, name) == 0;
}

/* telephone-event by preference at the codec's own clock (RFC 4733, 2.1). */
const MdSdpFormat *md_sdp_find_dtmf(const MdSdpMedia *media, uint32_t clock_rate)
{
    const MdSdpFormat *found = NULL;
    for (unsigned f = 0; f < media->n_formats; f++) {
        const MdSdpFormat *format = &media->formats[f];
        if (is_named(format, "telephone-event") &&
            (!found || (found->clock_rate != clock_rate && format->clock_rate == clock_rate)))
            found = format;
    }
    return found;
}

const MdSdpFormat *md_sdp_find_red(const MdSdpMedia *media, uint8_t opus_pt)
{
    for (unsigned f = 0; f < media->n_formats; f++) {
        const MdSdpFormat *format = &media->formats[f];
        if (!is_named(format, "red") || format->clock_rate != 48000 || format->channels != 2 || !format->fmtp[0])
            continue;
        g_auto(GStrv) block = g_strsplit(format->fmtp, "/", 8);
        bool ours = true;
        for (char **b = block; *b; b++)
            ours = ours && g_ascii_strtoull(g_strstrip(*b), NULL, 10) == opus_pt && g_ascii_isdigit(**b);
        if (ours)
            return format;
    }
    return NULL;
}

const MdSdpFormat *md_sdp_find_cn(const MdSdpMedia *media)
{
    for (unsigned f = 0; f < media->n_formats; f++)
        if (is_named(&media->formats[f], "CN") && media->formats[f].clock_rate == 8000)
            return &media->formats[f];
    return NULL;
}

static bool has_video_codec(const MdNegotiator *negotiator, MdVideoCodec codec)
{
    for (unsigned i = 0; i < negotiator->options.n_video_codecs; i++)
        if (negotiator->options.video_codecs[i] == codec)
            return true;
    return false;
}

/* 0: cannot use this format; the higher the better within its codec. */
unsigned md_negotiator_rank_video(const MdNegotiator *negotiator, const MdSdpFormat *format, int *ret_codec)
{
    unsigned level;
    MdVideoCodec codec = md_video_codec_from_string(format->name);
    if (codec == MD_VIDEO_CODEC_NONE || format->clock_rate != 90000 || !has_video_codec(negotiator, codec))
        return 0;
    *ret_codec = codec;
    if (codec == MD_VIDEO_VP8)
        return 1;
    unsigned mode = md_fmtp_get_uint(format->fmtp, "packetization-mode", 0),
             rank = md_h264_profile_rank(format->fmtp, &level);
    return mode > 1 || !rank ? 0 : rank + (mode == 1 ? 10 : 0);
}

const MdSdpFormat *md_negotiator_choose_video(const MdNegotiator *negotiator, const MdSdpMedia *media,
                                              int *ret_codec)
{
    for (unsigned i = 0; i < negotiator->options.n_video_codecs; i++) {
        const MdSdpFormat *best = NULL;
        unsigned best_rank = 0;
        for (unsigned f = 0; f < media->n_formats; f++) {
            int codec;
            unsigned rank = md_negotiator_rank_video(negotiator, &media->formats[f], &codec);
            if (rank > best_rank && codec == (int)negotiator->options.video_codecs[i]) {
                best = &media->formats[f];
                best_rank = rank;
            }
        }
        if (best) {
            *ret_codec = negotiator->options.video_codecs[i];
            return best;
        }
    }
    return NULL;
}

void md_negotiator_agree_audio(const MdSdpMedia *media, const MdSdpFormat *format, MdAgreedMedia *ret)
{
    unsigned ptime = media->ptime_ms, max = media->maxptime_ms ? media->maxptime_ms : 120;
    if (ptime == 0)
        ptime = 20;
    ret->ptime_ms = ptime >= 60 && max >= 60 ? 60 : ptime >= 40 && max >= 40 ? 40 : 20;
    if (ret->codec != MD_AUDIO_OPUS)
        return;
    char flag[8];
    ret->opus_fec = md_fmtp_get(format->fmtp, "useinbandfec", flag, sizeof flag) && strcmp(flag, "1") == 0;
    uint32_t bps = md_fmtp_get_uint(format->fmtp, "maxaveragebitrate", OPUS_BITRATE_DEFAULT);
    if (media->bandwidth_bps && media->bandwidth_bps < bps)
        bps = media->bandwidth_bps;
    ret->opus_bitrate_bps = CLAMP(MIN(bps, OPUS_BITRATE_DEFAULT), OPUS_BITRATE_MIN, OPUS_BITRATE_MAX);
}

/* Those that are too long or no base64 are left out: the stream may bring its own. */
static void agree_parameter_sets(const char *fmtp, MdAgreedMedia *ret)
{
    char text[MD_SDP_FMTP_MAX];
    if (!md_fmtp_get(fmtp, "sprop-parameter-sets", text, sizeof text))
        return;
    g_auto(GStrv) part = g_strsplit(text, ",", MD_PARAMETER_SETS_MAX + 1);
    for (unsigned i = 0; part[i] && ret->n_parameter_sets < MD_PARAMETER_SETS_MAX; i++) {
        gsize len;
        g_autofree guchar *nal = g_base64_decode(part[i], &len);
        if (len == 0 || len > MD_PARAMETER_SET_LEN_MAX)
            continue;
        memcpy(ret->parameter_sets[ret->n_parameter_sets].data, nal, len);
        ret->parameter_sets[ret->n_parameter_sets++].len = (uint8_t)len;
    }
}

void md_negotiator_agree_video(const MdNegotiator *negotiator, const MdSdpMedia *media,
                               const MdSdpFormat *format, MdAgreedMedia *ret)
{
    ret->feedback = format->feedback;
    if (!ret->ext[MD_SDP_EXT_TWCC])
        ret->feedback &= ~(unsigned)MD_SDP_FB_TWCC;
    if (ret->codec == MD_VIDEO_H264) {
        ret->h264_mode = (uint8_t)md_fmtp_get_uint(format->fmtp, "packetization-mode", 0);
        unsigned level;
        ret->h264_rank = (uint8_t)md_h264_profile_rank(format->fmtp, &level);
        md_h264_video_max(format->fmtp, &negotiator->options.video_max, media->bandwidth_bps, &ret->max);
        agree_parameter_sets(format->fmtp, ret);
    } else
        md_vp8_video_max(format->fmtp, &negotiator->options.video_max, media->bandwidth_bps, &ret->max);
}
