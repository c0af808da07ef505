/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The formats of a line: a=rtpmap, a=fmtp, a=rtcp-fb. */
#include "mediad/leg/sdp-private.h"

#include <string.h>

static const struct {
    uint8_t pt;
    const char *name;
    uint32_t clock_rate;
} static_formats[] = {{0, "PCMU", 8000}, {8, "PCMA", 8000}, {9, "G722", 8000}, {13, "CN", 8000}};

bool md_fmtp_get(const char *fmtp, const char *name, char *ret, size_t cap)
{
    size_t name_len = strlen(name);
    for (const char *p = fmtp; *p;) {
        p += strspn(p, "; \t");
        size_t len = strcspn(p, ";");
        if (len > name_len && p[name_len] == '=' && g_ascii_strncasecmp(p, name, name_len) == 0) {
            size_t value_len = len - name_len - 1;
            const char *value = p + name_len + 1;
            while (value_len && g_ascii_isspace(value[value_len - 1]))
                value_len--;
            if (value_len >= cap)
                return false;
            memcpy(ret, value, value_len);
            ret[value_len] = 0;
            return true;
        }
        p += len;
    }
    return false;
}

unsigned md_fmtp_get_uint(const char *fmtp, const char *name, unsigned fallback)
{
    char value[16];
    guint64 n;
    if (!md_fmtp_get(fmtp, name, value, sizeof value) ||
        !g_ascii_string_to_unsigned(value, 10, 0, G_MAXUINT32, &n, NULL))
        return fallback;
    return (unsigned)n;
}

MdSdpFormat *sdp_find_format(MdSdpMedia *media, unsigned pt)
{
    for (unsigned i = 0; i < media->n_formats; i++)
        if (media->formats[i].pt == pt)
            return &media->formats[i];
    return NULL;
}

void sdp_add_formats(MdSdpMedia *ret, const GstSDPMedia *in)
{
    for (guint i = 0; i < gst_sdp_media_formats_len(in) && ret->n_formats < MD_SDP_FORMATS_MAX; i++) {
        guint64 pt;
        if (!g_ascii_string_to_unsigned(gst_sdp_media_get_format(in, i), 10, 0, 127, &pt, NULL) ||
            sdp_find_format(ret, (unsigned)pt))
            continue;
        MdSdpFormat *format = &ret->formats[ret->n_formats++];
        *format = (MdSdpFormat){.pt = (uint8_t)pt, .channels = 1};
        for (unsigned s = 0; s < G_N_ELEMENTS(static_formats); s++)
            if (static_formats[s].pt == pt) {
                g_strlcpy(format->name, static_formats[s].name, sizeof format->name);
                format->clock_rate = static_formats[s].clock_rate;
            }
    }
}

/* "96 opus/48000/2" */
bool sdp_read_rtpmap(MdSdpMedia *media, const char *value, GError **error)
{
    char *end;
    guint64 pt = g_ascii_strtoull(value, &end, 10);
    MdSdpFormat *format = end != value && pt < 128 ? sdp_find_format(media, (unsigned)pt) : NULL;
    if (!format)
        return true; /* for a number the m= line does not list */
    end += strspn(end, " \t");
    g_auto(GStrv) part = g_strsplit(end, "/", 4);
    guint64 rate, channels = 1;
    if (g_strv_length(part) < 2 || !*part[0] || strlen(part[0]) >= sizeof format->name ||
        !g_ascii_string_to_unsigned(g_strchomp(part[1]), 10, 1, 1000000, &rate, NULL) ||
        (part[2] && !g_ascii_string_to_unsigned(g_strchomp(part[2]), 10, 1, 255, &channels, NULL)))
        return sdp_fail(error, "a=rtpmap:%.60s is malformed", value);
    g_strlcpy(format->name, part[0], sizeof format->name);
    format->clock_rate = (uint32_t)rate;
    format->channels = (unsigned)channels;
    return true;
}

void sdp_read_fmtp(MdSdpMedia *media, const char *value)
{
    char *end;
    guint64 pt = g_ascii_strtoull(value, &end, 10);
    MdSdpFormat *format = end != value && pt < 128 ? sdp_find_format(media, (unsigned)pt) : NULL;
    if (!format ||
        g_strlcpy(format->fmtp, end + strspn(end, " \t"), sizeof format->fmtp) < sizeof format->fmtp)
        return;
    /* half a parameter says something else than the whole one: leave it out */
    char *last = strrchr(format->fmtp, ';');
    *(last ? last : format->fmtp) = 0;
}

/* "* nack pli", "97 ccm fir" */
void sdp_read_feedback(MdSdpMedia *media, const char *value)
{
    static const struct {
        const char *text;
        unsigned bit;
    } kinds[] = {{"nack", MD_SDP_FB_NACK},
                 {"nack pli", MD_SDP_FB_PLI},
                 {"ccm fir", MD_SDP_FB_FIR},
                 {"ccm tmmbr", MD_SDP_FB_TMMBR},
                 {"transport-cc", MD_SDP_FB_TWCC}};
    bool all = value[0] == '*';
    char *end = (char *)value + (all ? 1 : 0);
    guint64 pt = all ? 0 : g_ascii_strtoull(value, &end, 10);
    if (!all && (end == value || pt > 127))
        return;
    const char *what = end + strspn(end, " \t");
    for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++) {
        size_t n = strlen(kinds[k].text);
        /* "ccm tmmbr smaxpr=…" has parameters; "nack pli" must not read as "nack" */
        if (g_ascii_strncasecmp(what, kinds[k].text, n) != 0 ||
            (what[n] && (what[n] != ' ' || kinds[k].bit == MD_SDP_FB_NACK)))
            continue;
        for (unsigned i = 0; i < media->n_formats; i++)
            if (all || media->formats[i].pt == pt)
                media->formats[i].feedback |= kinds[k].bit;
    }
}

const MdSdpFormat *md_sdp_find_format(const MdSdpMedia *media, uint8_t pt)
{
    return sdp_find_format((MdSdpMedia *)media, pt);
}

const MdSdpFormat *md_sdp_find_rtx(const MdSdpMedia *media, uint8_t pt)
{
    for (unsigned i = 0; i < media->n_formats; i++)
        if (!g_ascii_strcasecmp(media->formats[i].name, "rtx") &&
            md_fmtp_get_uint(media->formats[i].fmtp, "apt", 255) == pt)
            return &media->formats[i];
    return NULL;
}
