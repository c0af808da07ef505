/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/output/hls.h"

#include <string.h>

#define FRAME_SAMPLES 1024
#define RATE 48000
#define CLOCK 90000
#define ADTS_HEADER 7
#define OWNER "com.apple.streaming.transportStreamTimestamp"

struct BcHls {
    uint64_t first, next;    /* sequence numbers: oldest kept, next to be completed */
    uint64_t frames;         /* all so far */
    GByteArray *open;
    unsigned open_frames;
    GBytes *segments[BC_HLS_SEGMENTS];
};

BcHls *bc_hls_new(uint64_t first_sequence)
{
    BcHls *hls = g_new0(BcHls, 1);
    hls->first = hls->next = first_sequence;
    hls->open = g_byte_array_new();
    return hls;
}

void bc_hls_free(BcHls *hls)
{
    if (!hls)
        return;
    for (unsigned i = 0; i < BC_HLS_SEGMENTS; i++)
        g_clear_pointer(&hls->segments[i], g_bytes_unref);
    g_byte_array_unref(hls->open);
    g_free(hls);
}

size_t bc_adts_frame(const uint8_t *p, size_t len)
{
    if (len < ADTS_HEADER || p[0] != 0xff || (p[1] & 0xf6) != 0xf0)
        return 0;
    size_t frame = (size_t)(p[3] & 3) << 11 | (size_t)p[4] << 3 | p[5] >> 5;
    return frame >= ADTS_HEADER && frame <= len ? frame : 0;
}

/* ID3v2.4 with one PRIV frame: the time of the first sample, 33 bits of 90 kHz (RFC 8216, 3.4). */
static void put_timestamp(BcHls *hls)
{
    uint64_t ticks = hls->frames * FRAME_SAMPLES * CLOCK / RATE & 0x1ffffffff;
    uint8_t size = sizeof OWNER + 8, tag[20] = {'I', 'D', '3', 4, 0, 0, 0, 0, 0, (uint8_t)(10 + size), 'P', 'R', 'I', 'V', 0, 0, 0, size};
    uint8_t time[8];
    for (unsigned i = 0; i < 8; i++)
        time[i] = (uint8_t)(ticks >> (56 - 8 * i));
    g_byte_array_append(hls->open, tag, sizeof tag);
    g_byte_array_append(hls->open, (const uint8_t *)OWNER, sizeof OWNER);
    g_byte_array_append(hls->open, time, sizeof time);
}

static void complete(BcHls *hls)
{
    GBytes **slot = &hls->segments[hls->next % BC_HLS_SEGMENTS];
    g_clear_pointer(slot, g_bytes_unref);
    *slot = g_byte_array_free_to_bytes(hls->open);
    hls->open = g_byte_array_new();
    hls->open_frames = 0;
    hls->next++;
    if (hls->next - hls->first > BC_HLS_SEGMENTS)
        hls->first = hls->next - BC_HLS_SEGMENTS;
}

bool bc_hls_add(BcHls *hls, const uint8_t *bytes, size_t len)
{
    while (len) {
        size_t frame = bc_adts_frame(bytes, len);
        if (!frame)
            return false;
        if (!hls->open_frames)
            put_timestamp(hls);
        g_byte_array_append(hls->open, bytes, (guint)frame);
        hls->frames++;
        if (++hls->open_frames == BC_HLS_SEGMENT_FRAMES)
            complete(hls);
        bytes += frame;
        len -= frame;
    }
    return true;
}

unsigned bc_hls_count(const BcHls *hls)
{
    return (unsigned)(hls->next - hls->first);
}

char *bc_hls_playlist(const BcHls *hls, const char *query)
{
    unsigned ms = BC_HLS_SEGMENT_FRAMES * FRAME_SAMPLES * 1000 / RATE;
    GString *text = g_string_new("#EXTM3U\n#EXT-X-VERSION:3\n");
    g_string_append_printf(text, "#EXT-X-TARGETDURATION:%u\n#EXT-X-MEDIA-SEQUENCE:%" G_GUINT64_FORMAT "\n", (ms + 500) / 1000,
                           (guint64)hls->first);
    for (uint64_t i = hls->first; i < hls->next; i++)
        g_string_append_printf(text, "#EXTINF:%u.%03u,\n%" G_GUINT64_FORMAT ".aac%s%s\n", ms / 1000, ms % 1000, (guint64)i,
                               query ? "?" : "", query ? query : "");
    return g_string_free(text, FALSE);
}

GBytes *bc_hls_segment(const BcHls *hls, uint64_t sequence)
{
    return sequence >= hls->first && sequence < hls->next ? hls->segments[sequence % BC_HLS_SEGMENTS] : NULL;
}
