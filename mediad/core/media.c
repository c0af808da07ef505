/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/core/media.h"
#include <stddef.h>
#include <strings.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

static const char *const audio_names[] = {"opus", "G722", "PCMA", "PCMU"};
static const char *const video_names[] = {"H264", "VP8"};
static const char *const security_names[] = {"off", "preferred", "required"};
_Static_assert(COUNT(audio_names) == MD_AUDIO_CODEC_MAX, "a name for every audio codec");
_Static_assert(COUNT(video_names) == MD_VIDEO_CODEC_MAX, "a name for every video codec");
_Static_assert(COUNT(security_names) == MD_SECURITY_MAX, "a name for every security mode");

static const char *name_of(const char *const *names, int count, int index)
{
    return index >= 0 && index < count ? names[index] : NULL;
}

static int index_of(const char *const *names, int count, const char *name)
{
    for (int i = 0; name && i < count; i++)
        if (strcasecmp(names[i], name) == 0)
            return i;
    return -1;
}

const char *md_audio_codec_to_string(MdAudioCodec codec)
{
    return name_of(audio_names, COUNT(audio_names), (int)codec);
}

const char *md_video_codec_to_string(MdVideoCodec codec)
{
    return name_of(video_names, COUNT(video_names), (int)codec);
}

MdAudioCodec md_audio_codec_from_string(const char *name)
{
    return (MdAudioCodec)index_of(audio_names, COUNT(audio_names), name);
}

MdVideoCodec md_video_codec_from_string(const char *name)
{
    return (MdVideoCodec)index_of(video_names, COUNT(video_names), name);
}

uint32_t md_audio_codec_clock_rate(MdAudioCodec codec)
{
    return codec == MD_AUDIO_OPUS ? 48000 : 8000;
}

const char *md_security_to_string(MdSecurity security)
{
    return name_of(security_names, COUNT(security_names), (int)security);
}

MdSecurity md_security_from_string(const char *name)
{
    return (MdSecurity)index_of(security_names, COUNT(security_names), name);
}
