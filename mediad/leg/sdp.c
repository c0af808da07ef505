/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/leg/sdp.h"

#include <gst/sdp/gstsdpmessage.h>
#include <stdlib.h>
#include <string.h>

#include "mediad/leg/leg.h"
#include "mediad/transport/dtls.h"

static const struct {
    const char *text;
    MdSdpProto proto;
} protos[] = {
    {"RTP/AVP", MD_SDP_PROTO_AVP},
    {"RTP/AVPF", MD_SDP_PROTO_AVPF},
    {"RTP/SAVP", MD_SDP_PROTO_SAVP},
    {"RTP/SAVPF", MD_SDP_PROTO_SAVPF},
    {"UDP/TLS/RTP/SAVP", MD_SDP_PROTO_DTLS_SAVP},
    {"UDP/TLS/RTP/SAVPF", MD_SDP_PROTO_DTLS_SAVPF},
};

static const struct {
    uint8_t pt;
    const char *name;
    uint32_t clock_rate;
} static_formats[] = {{0, "PCMU", 8000}, {8, "PCMA", 8000}, {9, "G722", 8000}, {13, "CN", 8000}};

const char *md_sdp_proto_to_string(MdSdpProto proto)
{
    return (unsigned)proto < G_N_ELEMENTS(protos) ? protos[proto].text : "";
}

bool md_sdp_proto_is_dtls(MdSdpProto proto)
{
    return proto == MD_SDP_PROTO_DTLS_SAVP || proto == MD_SDP_PROTO_DTLS_SAVPF;
}

bool md_sdp_proto_is_secure(MdSdpProto proto)
{
    return proto == MD_SDP_PROTO_SAVP || proto == MD_SDP_PROTO_SAVPF || md_sdp_proto_is_dtls(proto);
}

const char *md_sdp_direction_to_string(unsigned direction)
{
    static const char *const names[] = {"inactive", "sendonly", "recvonly", "sendrecv"};
    return names[direction & MD_SDP_SENDRECV];
}

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

/* Lifetime is only checked for form: our keys live as long as the call, far below 2^48 packets, and a peer's
 * limit below 2^31 SRTCP packets cannot be reached in a call either. */
static bool crypto_lifetime_ok(const char *text, size_t len)
{
    if (len == 0 || len > 20)
        return false;
    if (len > 2 && text[0] == '2' && text[1] == '^') {
        text += 2;
        len -= 2;
    }
    return strspn(text, "0123456789") >= len;
}

bool md_sdp_parse_crypto(const char *value, MdSdpCrypto *ret)
{
    if (strlen(value) > 512)
        return false;
    g_auto(GStrv) part = g_strsplit_set(value, " \t", 8);
    guint64 tag;
    if (g_strv_length(part) < 3 || !g_ascii_string_to_unsigned(part[0], 10, 0, 999999999, &tag, NULL))
        return false;
    MdSrtpSuite suite = md_srtp_suite_from_string(part[1]);
    if (suite == MD_SRTP_SUITE_INVALID || g_ascii_strncasecmp(part[2], "inline:", 7) != 0 ||
        strchr(part[2], ';'))
        return false;
    for (char **session = part + 3; *session; session++) /* parameters that change the packets: not ours */
        if (g_str_has_prefix(*session, "UNENCRYPTED_") || g_str_has_prefix(*session, "UNAUTHENTICATED_") ||
            g_str_has_prefix(*session, "KDR=") || g_str_has_prefix(*session, "FEC_"))
            return false;
    const char *key = part[2] + 7, *bar = strchr(key, '|');
    size_t key_len = bar ? (size_t)(bar - key) : strlen(key);
    while (bar) {
        const char *field = bar + 1;
        bar = strchr(field, '|');
        size_t len = bar ? (size_t)(bar - field) : strlen(field);
        if (memchr(field, ':', len)) /* MKI: every packet would carry it */
            return false;
        if (!crypto_lifetime_ok(field, len))
            return false;
    }
    MdSdpCrypto crypto = {.tag = (unsigned)tag};
    if (md_srtp_key_from_base64(suite, key, key_len, &crypto.key) < 0)
        return false;
    *ret = crypto;
    return true;
}

static bool fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool fail(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, MD_LEG_ERROR, MD_LEG_ERROR_SYNTAX, text);
    return false;
}

static MdSdpFormat *find_format(MdSdpMedia *media, unsigned pt)
{
    for (unsigned i = 0; i < media->n_formats; i++)
        if (media->formats[i].pt == pt)
            return &media->formats[i];
    return NULL;
}

static void add_formats(MdSdpMedia *ret, const GstSDPMedia *in)
{
    for (guint i = 0; i < gst_sdp_media_formats_len(in) && ret->n_formats < MD_SDP_FORMATS_MAX; i++) {
        guint64 pt;
        if (!g_ascii_string_to_unsigned(gst_sdp_media_get_format(in, i), 10, 0, 127, &pt, NULL) ||
            find_format(ret, (unsigned)pt))
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
static bool read_rtpmap(MdSdpMedia *media, const char *value, GError **error)
{
    char *end;
    guint64 pt = g_ascii_strtoull(value, &end, 10);
    MdSdpFormat *format = end != value && pt < 128 ? find_format(media, (unsigned)pt) : NULL;
    if (!format)
        return true; /* for a number the m= line does not list */
    end += strspn(end, " \t");
    g_auto(GStrv) part = g_strsplit(end, "/", 4);
    guint64 rate, channels = 1;
    if (g_strv_length(part) < 2 || !*part[0] || strlen(part[0]) >= sizeof format->name ||
        !g_ascii_string_to_unsigned(g_strchomp(part[1]), 10, 1, 1000000, &rate, NULL) ||
        (part[2] && !g_ascii_string_to_unsigned(g_strchomp(part[2]), 10, 1, 255, &channels, NULL)))
        return fail(error, "a=rtpmap:%.60s is malformed", value);
    g_strlcpy(format->name, part[0], sizeof format->name);
    format->clock_rate = (uint32_t)rate;
    format->channels = (unsigned)channels;
    return true;
}

static void read_fmtp(MdSdpMedia *media, const char *value)
{
    char *end;
    guint64 pt = g_ascii_strtoull(value, &end, 10);
    MdSdpFormat *format = end != value && pt < 128 ? find_format(media, (unsigned)pt) : NULL;
    if (!format ||
        g_strlcpy(format->fmtp, end + strspn(end, " \t"), sizeof format->fmtp) < sizeof format->fmtp)
        return;
    /* half a parameter says something else than the whole one: leave it out */
    char *last = strrchr(format->fmtp, ';');
    *(last ? last : format->fmtp) = 0;
}

/* "* nack pli", "97 ccm fir" */
static void read_feedback(MdSdpMedia *media, const char *value)
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

static bool read_address(const GstSDPConnection *c, unsigned port, MdAddr *ret, bool *ret_held,
                         GError **error)
{
    if (!c || !c->address || !c->nettype || g_ascii_strcasecmp(c->nettype, "IN") != 0)
        return fail(error, "c= line is missing");
    if (md_addr_from_host(ret, c->address, (uint16_t)port) < 0)
        return fail(error, "c= %.80s is not a numeric address", c->address);
    if (md_addr_is_multicast(ret))
        return fail(error, "c= %.80s is a multicast address", c->address);
    *ret_held = md_addr_is_any(ret);
    return true;
}

/* "53020" or "53020 IN IP4 192.0.2.9" (RFC 3605) */
static bool read_rtcp(MdSdpMedia *media, const char *value, GError **error)
{
    g_auto(GStrv) part = g_strsplit(value, " ", 5);
    guint64 port;
    if (!g_ascii_string_to_unsigned(g_strchomp(part[0] ? part[0] : (char *)""), 10, 1, 65535, &port, NULL))
        return fail(error, "a=rtcp:%.40s is malformed", value);
    MdAddr addr = media->rtp;
    if (g_strv_length(part) >= 4 && md_addr_from_host(&addr, g_strchomp(part[3]), 0) < 0)
        return fail(error, "a=rtcp:%.60s is malformed", value);
    md_addr_set_port(&addr, (uint16_t)port);
    media->rtcp = addr;
    return true;
}

static MdSdpSetup setup_from_string(const char *value)
{
    return !g_ascii_strcasecmp(value, "active")    ? MD_SDP_SETUP_ACTIVE
           : !g_ascii_strcasecmp(value, "passive") ? MD_SDP_SETUP_PASSIVE
           : !g_ascii_strcasecmp(value, "actpass") ? MD_SDP_SETUP_ACTPASS
                                                   : MD_SDP_SETUP_NONE;
}

/* a=content:slides,alt */
static bool names_slides(const char *value)
{
    g_auto(GStrv) token = g_strsplit_set(value, ", ", 8);
    for (char **t = token; *t; t++)
        if (!g_ascii_strcasecmp(*t, "slides"))
            return true;
    return false;
}

/* "1 mstrm:10", "1 m-stream:10 11": the first stream is the one */
static void read_floor(MdSdpMedia *media, const char *value)
{
    char *end;
    guint64 id = g_ascii_strtoull(value, &end, 10);
    if (end == value || id == 0 || id > G_MAXUINT16 || media->n_floors == MD_SDP_FLOORS_MAX)
        return;
    MdSdpFloor *floor = &media->floors[media->n_floors++];
    floor->id = (uint16_t)id;
    end += strspn(end, " \t");
    if (g_ascii_strncasecmp(end, "mstrm:", 6) != 0 && g_ascii_strncasecmp(end, "m-stream:", 9) != 0)
        return;
    const char *label = strchr(end, ':') + 1;
    size_t len = strcspn(label, " \t");
    if (len < sizeof floor->label)
        memcpy(floor->label, label, len);
}

static bool is_bfcp(const MdSdpMedia *media)
{
    size_t len = strlen(media->proto_text);
    return !strcmp(media->media_text, "application") && len >= 4 &&
           !g_ascii_strcasecmp(media->proto_text + len - 4, "BFCP");
}

/* "c-only", "c-s s-only": what it could be */
static unsigned floor_roles(const char *value)
{
    unsigned roles = 0;
    g_auto(GStrv) token = g_strsplit_set(value, " \t", 6);
    for (char **t = token; *t; t++) {
        if (!strcmp(*t, "c-only") || !strcmp(*t, "c-s"))
            roles |= MD_SDP_FLOOR_CLIENT;
        if (!strcmp(*t, "s-only") || !strcmp(*t, "c-s"))
            roles |= MD_SDP_FLOOR_SERVER;
    }
    return roles;
}

static void read_floor_line(const GstSDPMessage *msg, const GstSDPMedia *in, MdSdpMedia *ret)
{
    if (!is_bfcp(ret))
        return;
    const GstSDPConnection *c =
        gst_sdp_media_connections_len(in) ? gst_sdp_media_get_connection(in, 0) : gst_sdp_message_get_connection(msg);
    ret->bfcp_stream = !g_ascii_strcasecmp(ret->proto_text, "TCP/BFCP");
    ret->bfcp = ret->bfcp_stream || !g_ascii_strcasecmp(ret->proto_text, "UDP/BFCP");
    ret->floor_roles = MD_SDP_FLOOR_CLIENT; /* RFC 8856, 5.1: an offerer that says nothing */
    /* A line that cannot be used is refused, the call is not. */
    if (!ret->port || !c || !c->address || md_addr_from_host(&ret->rtp, c->address, ret->port) < 0 || md_addr_is_multicast(&ret->rtp))
        ret->bfcp = false;
    for (guint i = 0; i < gst_sdp_media_attributes_len(in); i++) {
        const GstSDPAttribute *a = gst_sdp_media_get_attribute(in, i);
        if (!a->key || !a->value)
            continue;
        if (!strcmp(a->key, "floorid"))
            read_floor(ret, a->value);
        else if (!strcmp(a->key, "floorctrl"))
            ret->floor_roles = floor_roles(a->value);
        else if (!strcmp(a->key, "setup"))
            ret->setup = setup_from_string(a->value);
    }
}

bool md_sdp_is_content(const MdSdp *sdp, unsigned line)
{
    const MdSdpMedia *video = &sdp->media[line];
    if (video->kind != MD_SDP_VIDEO || video->slides || !video->label[0])
        return video->kind == MD_SDP_VIDEO && video->slides;
    for (unsigned i = 0; i < sdp->n_media; i++)
        for (unsigned f = 0; f < sdp->media[i].n_floors; f++)
            if (!strcmp(sdp->media[i].floors[f].label, video->label))
                return true;
    return false;
}

static const char *const ext_uris[MD_SDP_EXT_MAX] = {
    [MD_SDP_EXT_MID] = "urn:ietf:params:rtp-hdrext:sdes:mid",
    [MD_SDP_EXT_RID] = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    [MD_SDP_EXT_REPAIRED_RID] = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    [MD_SDP_EXT_TWCC] = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
};

const char *md_sdp_ext_to_string(MdSdpExt ext)
{
    return (unsigned)ext < MD_SDP_EXT_MAX ? ext_uris[ext] : "";
}

/* "4 URI", "4/recvonly URI": identifiers of the one-byte form only, which every peer may use (RFC 8285, 4.2) */
static void read_extmap(MdSdpMedia *media, const char *value)
{
    char *end;
    guint64 id = g_ascii_strtoull(value, &end, 10);
    if (end == value || id == 0 || id > 14)
        return;
    end += strcspn(end, " ");
    end += strspn(end, " ");
    size_t len = strcspn(end, " ");
    for (unsigned e = 0; e < MD_SDP_EXT_MAX; e++)
        if (len == strlen(ext_uris[e]) && !strncmp(end, ext_uris[e], len))
            media->ext[e] = (uint8_t)id;
}

/* "send l;m;h recv …", "send ~a,b;c": "~" is paused at first, "," separates alternatives */
static void read_simulcast(MdSdpMedia *media, const char *value)
{
    g_auto(GStrv) word = g_strsplit(value, " ", 5);
    unsigned at = 0;
    while (word[at] && strcmp(word[at], "send") != 0)
        at++;
    if (!word[at] || !word[at + 1])
        return;
    g_auto(GStrv) stream = g_strsplit(word[at + 1], ";", MD_SDP_RIDS_MAX + 1);
    for (unsigned i = 0; stream[i] && media->n_rids < MD_SDP_RIDS_MAX; i++) {
        const char *rid = stream[i][0] == '~' ? stream[i] + 1 : stream[i];
        size_t len = strcspn(rid, ",;");
        if (len == 0 || len >= MD_SDP_RID_MAX)
            continue;
        memcpy(media->rids[media->n_rids++], rid, len);
    }
}

static void read_ssrc(MdSdpMedia *media, const char *value)
{
    char *end;
    guint64 ssrc = g_ascii_strtoull(value, &end, 10);
    if (end == value || ssrc > G_MAXUINT32 || media->n_ssrcs == MD_SDP_SSRCS_MAX)
        return;
    for (unsigned i = 0; i < media->n_ssrcs; i++)
        if (media->ssrcs[i] == ssrc)
            return;
    media->ssrcs[media->n_ssrcs++] = (uint32_t)ssrc;
}

const MdSdpFormat *md_sdp_find_format(const MdSdpMedia *media, uint8_t pt)
{
    return find_format((MdSdpMedia *)media, pt);
}

const MdSdpFormat *md_sdp_find_rtx(const MdSdpMedia *media, uint8_t pt)
{
    for (unsigned i = 0; i < media->n_formats; i++)
        if (!g_ascii_strcasecmp(media->formats[i].name, "rtx") &&
            md_fmtp_get_uint(media->formats[i].fmtp, "apt", 255) == pt)
            return &media->formats[i];
    return NULL;
}

/* Attributes a media line has itself or takes from the session part. */
static bool read_common(MdSdpMedia *media, const char *key, const char *value)
{
    static const char *const directions[] = {"inactive", "sendonly", "recvonly", "sendrecv"};
    for (unsigned d = 0; d < G_N_ELEMENTS(directions); d++)
        if (!strcmp(key, directions[d])) {
            media->direction = d;
            return true;
        }
    if (!strcmp(key, "fingerprint") && md_dtls_fingerprint_is_valid(value))
        g_strlcpy(media->fingerprint, value, sizeof media->fingerprint);
    else if (!strcmp(key, "setup"))
        media->setup = setup_from_string(value);
    else if (!strcmp(key, "ice-ufrag") && strlen(value) < sizeof media->ufrag)
        g_strlcpy(media->ufrag, value, sizeof media->ufrag);
    else if (!strcmp(key, "ice-pwd") && strlen(value) < sizeof media->password)
        g_strlcpy(media->password, value, sizeof media->password);
    else if (!strcmp(key, "extmap"))
        read_extmap(media, value);
    else
        return false;
    return true;
}

static bool read_attribute(MdSdpMedia *media, const char *key, const char *value, GError **error)
{
    guint64 n;
    if (!strcmp(key, "rtpmap"))
        return read_rtpmap(media, value, error);
    if (!strcmp(key, "fmtp"))
        read_fmtp(media, value);
    else if (!strcmp(key, "rtcp-fb"))
        read_feedback(media, value);
    else if (!strcmp(key, "rtcp-mux"))
        media->rtcp_mux = true;
    else if (!strcmp(key, "rtcp") && media->port && md_addr_is_set(&media->rtp))
        return read_rtcp(media, value, error);
    else if (!strcmp(key, "ptime") && g_ascii_string_to_unsigned(value, 10, 1, 1000, &n, NULL))
        media->ptime_ms = (unsigned)n;
    else if (!strcmp(key, "maxptime") && g_ascii_string_to_unsigned(value, 10, 1, 1000, &n, NULL))
        media->maxptime_ms = (unsigned)n;
    else if (!strcmp(key, "mid") && strlen(value) < sizeof media->mid)
        g_strlcpy(media->mid, value, sizeof media->mid);
    else if (!strcmp(key, "bundle-only"))
        media->bundle_only = true;
    else if (!strcmp(key, "rtcp-rsize"))
        media->rtcp_rsize = true;
    else if (!strcmp(key, "simulcast"))
        read_simulcast(media, value);
    else if (!strcmp(key, "ssrc"))
        read_ssrc(media, value);
    else if (!strcmp(key, "content"))
        media->slides = names_slides(value);
    else if (!strcmp(key, "label") && strlen(value) < sizeof media->label)
        g_strlcpy(media->label, value, sizeof media->label);
    else if (!strcmp(key, "crypto") && media->n_cryptos < MD_SDP_CRYPTO_MAX)
        media->n_cryptos += md_sdp_parse_crypto(value, &media->cryptos[media->n_cryptos]);
    else
        read_common(media, key, value);
    return true;
}

static uint32_t bandwidth_of(const GstSDPBandwidth *b, uint32_t before)
{
    guint64 bps = b->bandwidth;
    if (!b->bwtype || !b->bandwidth)
        return before;
    if (!strcmp(b->bwtype, "TIAS"))
        return (uint32_t)MIN(bps, 1000000000u);
    if (!strcmp(b->bwtype, "AS") && !before)
        return (uint32_t)MIN(bps * 1000, 1000000000u);
    return before;
}

static void copy_line_text(MdSdpMedia *ret, const GstSDPMedia *in)
{
    const char *first = gst_sdp_media_formats_len(in) ? gst_sdp_media_get_format(in, 0) : NULL;
    g_strlcpy(ret->media_text, in->media && *in->media ? in->media : "audio", sizeof ret->media_text);
    g_strlcpy(ret->proto_text, in->proto && *in->proto ? in->proto : "RTP/AVP", sizeof ret->proto_text);
    g_strlcpy(ret->format_text, first && *first ? first : "0", sizeof ret->format_text);
    ret->kind = !strcmp(ret->media_text, "audio")   ? MD_SDP_AUDIO
                : !strcmp(ret->media_text, "video") ? MD_SDP_VIDEO
                                                    : MD_SDP_OTHER;
    ret->proto = MD_SDP_PROTO_OTHER;
    for (unsigned p = 0; p < G_N_ELEMENTS(protos); p++)
        if (!g_ascii_strcasecmp(ret->proto_text, protos[p].text))
            ret->proto = protos[p].proto;
}

static bool read_media(const GstSDPMessage *msg, const GstSDPMedia *in, bool ice, MdSdpMedia *ret,
                       GError **error)
{
    copy_line_text(ret, in);
    ret->direction = MD_SDP_SENDRECV;
    if (in->port > 65535)
        return fail(error, "m=%s has port %u", ret->media_text, in->port);
    ret->port = (uint16_t)in->port;
    read_floor_line(msg, in, ret);
    if (ret->kind == MD_SDP_OTHER || ret->proto == MD_SDP_PROTO_OTHER)
        return true;
    for (guint i = 0; i < gst_sdp_message_bandwidths_len(msg); i++)
        ret->bandwidth_bps = bandwidth_of(gst_sdp_message_get_bandwidth(msg, i), ret->bandwidth_bps);
    uint32_t media_bps = 0;
    for (guint i = 0; i < gst_sdp_media_bandwidths_len(in); i++)
        media_bps = bandwidth_of(gst_sdp_media_get_bandwidth(in, i), media_bps);
    if (media_bps)
        ret->bandwidth_bps = media_bps;
    if (ret->port && !ice) {
        const GstSDPConnection *c = gst_sdp_media_connections_len(in) ? gst_sdp_media_get_connection(in, 0)
                                                                      : gst_sdp_message_get_connection(msg);
        if (!read_address(c, ret->port, &ret->rtp, &ret->held_address, error))
            return false;
        ret->rtcp = ret->rtp;
        md_addr_set_port(&ret->rtcp, (uint16_t)(ret->port < 65535 ? ret->port + 1 : 0));
    }
    add_formats(ret, in);
    for (guint i = 0; i < gst_sdp_message_attributes_len(msg); i++) {
        const GstSDPAttribute *a = gst_sdp_message_get_attribute(msg, i);
        if (a->key)
            read_common(ret, a->key, a->value ? a->value : "");
    }
    for (guint i = 0; i < gst_sdp_media_attributes_len(in); i++) {
        const GstSDPAttribute *a = gst_sdp_media_get_attribute(in, i);
        if (a->key && !read_attribute(ret, a->key, a->value ? a->value : "", error))
            return false;
    }
    return true;
}

/* "BUNDLE 0 1 2": the first of several groups counts */
static void read_bundle(MdSdp *sdp, const char *value)
{
    g_auto(GStrv) mid = g_strsplit(value, " ", MD_SDP_MEDIA_MAX + 2);
    if (sdp->bundle || !mid[0] || strcmp(mid[0], "BUNDLE") != 0)
        return;
    for (unsigned m = 1; mid[m]; m++)
        for (unsigned i = 0; i < sdp->n_media; i++)
            if (sdp->media[i].mid[0] && !strcmp(sdp->media[i].mid, mid[m])) {
                if (!sdp->bundle)
                    sdp->tagged = i;
                sdp->bundle = sdp->media[i].bundled = true;
            }
}

static void read_candidates(MdSdp *sdp, const GstSDPMessage *msg)
{
    const GstSDPMedia *in = gst_sdp_message_get_media(msg, sdp->tagged);
    for (guint i = 0; i < gst_sdp_media_attributes_len(in); i++) {
        const GstSDPAttribute *a = gst_sdp_media_get_attribute(in, i);
        if (a->key && !strcmp(a->key, "end-of-candidates"))
            sdp->end_of_candidates = true;
        if (a->key && !strcmp(a->key, "candidate") && a->value && sdp->n_candidates < MD_SDP_CANDIDATES_MAX &&
            strlen(a->value) + sizeof "candidate:" <= MD_SDP_CANDIDATE_MAX)
            g_snprintf(sdp->candidates[sdp->n_candidates++], MD_SDP_CANDIDATE_MAX, "candidate:%s", a->value);
    }
}

static void read_transport(MdSdp *sdp, const GstSDPMessage *msg)
{
    for (guint i = 0; i < gst_sdp_message_attributes_len(msg); i++) {
        const GstSDPAttribute *a = gst_sdp_message_get_attribute(msg, i);
        if (a->key && a->value && !strcmp(a->key, "group"))
            read_bundle(sdp, a->value);
    }
    read_candidates(sdp, msg);
}

MdSdp *md_sdp_parse(const char *text, bool ice, GError **error)
{
    size_t len = text ? strnlen(text, MD_SDP_TEXT_MAX + 1) : 0;
    if (len < 5 || len > MD_SDP_TEXT_MAX || strncmp(text, "v=0", 3) != 0) {
        fail(error, len > MD_SDP_TEXT_MAX ? "the description is longer than 32 KiB"
                                          : "the description does not begin with v=0");
        return NULL;
    }
    GstSDPMessage *msg = NULL;
    gst_sdp_message_new(&msg);
    g_autofree MdSdp *sdp = g_new0(MdSdp, 1);
    bool ok = gst_sdp_message_parse_buffer((const guint8 *)text, (guint)len, msg) == GST_SDP_OK ||
              fail(error, "the description cannot be read");
    guint n = ok ? gst_sdp_message_medias_len(msg) : 0;
    if (ok && n == 0)
        ok = fail(error, "the description has no m= line");
    if (ok && n > MD_SDP_MEDIA_MAX)
        ok = fail(error, "the description has more than %d m= lines", MD_SDP_MEDIA_MAX);
    for (guint i = 0; ok && i < n; i++) {
        ok = read_media(msg, gst_sdp_message_get_media(msg, i), ice, &sdp->media[i], error);
        sdp->n_media++;
    }
    if (ok)
        read_transport(sdp, msg);
    gst_sdp_message_free(msg);
    return ok ? g_steal_pointer(&sdp) : NULL;
}
