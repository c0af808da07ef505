/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "mediad/leg/negotiate.h"

/* H.264 table A-1: what a level promises to decode. */
static const struct {
    unsigned level, max_mbps, max_fs, max_kbps;
} levels[] = {
    {10, 1485, 99, 64},           {11, 3000, 396, 192},        {12, 6000, 396, 384},
    {13, 11880, 396, 768},        {20, 11880, 396, 2000},      {21, 19800, 792, 4000},
    {22, 20250, 1620, 4000},      {30, 40500, 1620, 10000},    {31, 108000, 3600, 14000},
    {32, 216000, 5120, 20000},    {40, 245760, 8192, 20000},   {41, 245760, 8192, 50000},
    {42, 522240, 8704, 50000},    {50, 589824, 22080, 135000}, {51, 983040, 36864, 240000},
    {52, 2073600, 36864, 240000},
};

/* Picture sizes we make, largest first. */
static const struct {
    uint16_t width, height;
} sizes[] = {{1920, 1080}, {1280, 720}, {960, 540}, {640, 360}, {480, 272}, {320, 180}, {160, 90}};

static unsigned macroblocks(unsigned width, unsigned height)
{
    return (width + 15) / 16 * ((height + 15) / 16);
}

unsigned md_h264_level_for(const MdVideoClass *max)
{
    unsigned fs = macroblocks(max->width, max->height);
    for (unsigned i = 0; i < G_N_ELEMENTS(levels); i++)
        if (levels[i].max_fs >= fs && levels[i].max_mbps >= fs * max->fps && levels[i].level >= 30)
            return levels[i].level;
    return 51;
}

/* profile_idc and constraint flags to a profile (RFC 6184, table 5), best last. */
unsigned md_h264_profile_rank(const char *fmtp, unsigned *ret_level)
{
    char text[16];
    unsigned long id = 0x42000a; /* RFC 6184, 8.1: without the parameter */
    if (md_fmtp_get(fmtp, "profile-level-id", text, sizeof text)) {
        char *end;
        id = strtoul(text, &end, 16);
        if (*end || strlen(text) != 6)
            return 0;
    }
    unsigned profile = (unsigned)(id >> 16) & 0xff, flags = (unsigned)(id >> 8) & 0xff,
             level = (unsigned)id & 0xff;
    *ret_level = level == 11 && (flags & 0x10) && profile != 100 ? 10 : level == 9 ? 10 : level;
    if (*ret_level < 10)
        return 0;
    if ((profile == 0x42 && (flags & 0x40)) || (profile == 0x4d && (flags & 0x80)))
        return 4; /* constrained baseline */
    switch (profile) {
    case 0x42:
        return 3;
    case 0x4d:
        return 2;
    case 0x64:
        return 1;
    default:
        return 0;
    }
}

static void limit_class(const MdVideoClass *ours, unsigned max_fs, unsigned max_mbps, uint32_t max_bps,
                        MdVideoClass *ret)
{
    MdVideoClass out = *ours;
    out.width = sizes[G_N_ELEMENTS(sizes) - 1].width;
    out.height = sizes[G_N_ELEMENTS(sizes) - 1].height;
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        unsigned fs = macroblocks(sizes[i].width, sizes[i].height);
        /* At least 10 pictures a second of a size, or the next smaller one is taken. */
        if (sizes[i].width <= ours->width && sizes[i].height <= ours->height && fs <= max_fs &&
            fs * 10 <= max_mbps) {
            out.width = sizes[i].width;
            out.height = sizes[i].height;
            break;
        }
    }
    unsigned fs = macroblocks(out.width, out.height);
    if (max_mbps / fs < out.fps)
        out.fps = (uint8_t)MAX(max_mbps / fs, 1);
    if (max_bps && max_bps < out.bitrate_bps)
        out.bitrate_bps = max_bps;
    *ret = out;
}

/* b= counts headers too (AS) or is the codec's (TIAS); leave a little either way, but never less than a
 * picture needs. */
static uint32_t usable_bps(uint32_t bandwidth_bps)
{
    return bandwidth_bps ? MAX(bandwidth_bps / 100 * 95, 32000u) : 0;
}

void md_h264_video_max(const char *fmtp, const MdVideoClass *ours, uint32_t bandwidth_bps, MdVideoClass *ret)
{
    unsigned level = 10, row = 0;
    md_h264_profile_rank(fmtp, &level);
    while (row + 1 < G_N_ELEMENTS(levels) && levels[row + 1].level <= level)
        row++;
    unsigned max_fs = MAX(levels[row].max_fs, md_fmtp_get_uint(fmtp, "max-fs", 0));
    unsigned max_mbps = MAX(levels[row].max_mbps, md_fmtp_get_uint(fmtp, "max-mbps", 0));
    unsigned max_kbps = MAX(levels[row].max_kbps, MIN(md_fmtp_get_uint(fmtp, "max-br", 0), 1000000u));
    uint32_t max_bps = max_kbps * 1000, asked_bps = usable_bps(bandwidth_bps);
    if (asked_bps && asked_bps < max_bps)
        max_bps = asked_bps;
    limit_class(ours, max_fs, max_mbps, max_bps, ret);
}

void md_vp8_video_max(const char *fmtp, const MdVideoClass *ours, uint32_t bandwidth_bps, MdVideoClass *ret)
{
    unsigned max_fs = md_fmtp_get_uint(fmtp, "max-fs", 36864), max_fr = md_fmtp_get_uint(fmtp, "max-fr", 60);
    max_fs = CLAMP(max_fs, 99, 36864);
    max_fr = CLAMP(max_fr, 1, 60);
    MdVideoClass limited = *ours;
    if (limited.fps > max_fr)
        limited.fps = (uint8_t)max_fr;
    limit_class(&limited, max_fs, max_fs * 60, usable_bps(bandwidth_bps), ret);
}
