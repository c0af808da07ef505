/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/recording/hls.h"

enum { KEPT = MD_HLS_SEGMENTS * 2 };

typedef struct Segment {
    GBytes *bytes;
    int64_t length_us;
    bool fresh; /* follows a break */
} Segment;

struct MdHls {
    uint64_t first, next; /* sequence numbers: oldest kept, next to be completed */
    uint64_t breaks;      /* left the list */
    Segment segments[KEPT];
    GByteArray *open;
    int64_t begin_us, newest_us; /* of the open one; -1: none */
    bool fresh;
};

MdHls *md_hls_new(uint64_t first_sequence)
{
    MdHls *hls = g_new0(MdHls, 1);
    hls->first = hls->next = first_sequence;
    hls->open = g_byte_array_new();
    hls->begin_us = hls->newest_us = -1;
    return hls;
}

void md_hls_free(MdHls *hls)
{
    if (!hls)
        return;
    for (unsigned i = 0; i < KEPT; i++)
        g_clear_pointer(&hls->segments[i].bytes, g_bytes_unref);
    g_byte_array_unref(hls->open);
    g_free(hls);
}

static uint64_t list_begins(const MdHls *hls)
{
    return hls->next - hls->first > MD_HLS_SEGMENTS ? hls->next - MD_HLS_SEGMENTS : hls->first;
}

static void complete(MdHls *hls, int64_t end_us)
{
    uint64_t listed = list_begins(hls);
    Segment *slot = &hls->segments[hls->next % KEPT];
    g_clear_pointer(&slot->bytes, g_bytes_unref);
    *slot = (Segment){g_byte_array_free_to_bytes(hls->open), CLAMP(end_us - hls->begin_us, 1000, MD_HLS_LONGEST_US), hls->fresh};
    hls->open = g_byte_array_new();
    hls->begin_us = -1;
    hls->fresh = false;
    hls->next++;
    if (hls->next - hls->first > KEPT)
        hls->first = hls->next - KEPT;
    for (; listed < list_begins(hls); listed++)
        hls->breaks += hls->segments[listed % KEPT].fresh;
}

void md_hls_add(MdHls *hls, const uint8_t *bytes, size_t len, bool key, int64_t time_us)
{
    bool long_enough = hls->begin_us >= 0 && time_us - hls->begin_us >= MD_HLS_TARGET_US;
    if (key && time_us >= 0 && long_enough)
        complete(hls, time_us);
    if (hls->begin_us < 0) {
        if (!key || time_us < 0)
            return; /* nobody could begin here */
        hls->begin_us = time_us;
    }
    hls->newest_us = MAX(hls->newest_us, time_us);
    if (hls->open->len + len > MD_HLS_BYTES_MAX || hls->newest_us - hls->begin_us > MD_HLS_LONGEST_US) { /* no key frame comes */
        g_byte_array_set_size(hls->open, 0);
        hls->begin_us = -1;
        hls->fresh = true;
        return;
    }
    g_byte_array_append(hls->open, bytes, (guint)len);
}

void md_hls_break(MdHls *hls)
{
    if (hls->begin_us >= 0 && hls->open->len > 0 && hls->newest_us > hls->begin_us)
        complete(hls, hls->newest_us);
    g_byte_array_set_size(hls->open, 0);
    hls->begin_us = hls->newest_us = -1;
    hls->fresh = hls->next > hls->first;
}

unsigned md_hls_count(const MdHls *hls)
{
    return (unsigned)(hls->next - list_begins(hls));
}

char *md_hls_playlist(const MdHls *hls)
{
    uint64_t begin = list_begins(hls);
    int64_t longest_us = MD_HLS_TARGET_US;
    if (begin == hls->next)
        return NULL;
    for (uint64_t i = begin; i < hls->next; i++)
        longest_us = MAX(longest_us, hls->segments[i % KEPT].length_us);
    GString *text = g_string_new("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    g_string_append_printf(text, "#EXT-X-TARGETDURATION:%u\n#EXT-X-MEDIA-SEQUENCE:%" G_GUINT64_FORMAT "\n",
                           (unsigned)((longest_us + 999999) / 1000000), (guint64)begin);
    if (hls->breaks)
        g_string_append_printf(text, "#EXT-X-DISCONTINUITY-SEQUENCE:%" G_GUINT64_FORMAT "\n", (guint64)hls->breaks);
    for (uint64_t i = begin; i < hls->next; i++) {
        const Segment *s = &hls->segments[i % KEPT];
        g_string_append_printf(text, "%s#EXTINF:%u.%03u,\n%" G_GUINT64_FORMAT ".ts\n", s->fresh ? "#EXT-X-DISCONTINUITY\n" : "",
                               (unsigned)(s->length_us / 1000000), (unsigned)(s->length_us / 1000 % 1000), (guint64)i);
    }
    return g_string_free(text, FALSE);
}

GBytes *md_hls_segment(const MdHls *hls, uint64_t sequence)
{
    return sequence >= hls->first && sequence < hls->next ? hls->segments[sequence % KEPT].bytes : NULL;
}
