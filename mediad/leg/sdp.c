/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/leg/sdp-private.h"

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

bool sdp_fail(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, MD_LEG_ERROR, MD_LEG_ERROR_SYNTAX, text);
    return false;
}

static bool read_address(const GstSDPConnection *c, unsigned port, MdAddr *ret, bool *ret_held,
                         GError **error)
{
    if (!c || !c->address || !c->nettype || g_ascii_strcasecmp(c->nettype, "IN") != 0)
        return sdp_fail(error, "c= line is missing");
    if (md_addr_from_host(ret, c->address, (uint16_t)port) < 0)
        return sdp_fail(error, "c= %.80s is not a numeric address", c->address);
    if (md_addr_is_multicast(ret))
        return sdp_fail(error, "c= %.80s is a multicast address", c->address);
    *ret_held = md_addr_is_any(ret);
    return true;
}

/* "53020" or "53020 IN IP4 192.0.2.9" (RFC 3605) */
static bool read_rtcp(MdSdpMedia *media, const char *value, GError **error)
{
    g_auto(GStrv) part = g_strsplit(value, " ", 5);
    guint64 port;
    if (!g_ascii_string_to_unsigned(g_strchomp(part[0] ? part[0] : (char *)""), 10, 1, 65535, &port, NULL))
        return sdp_fail(error, "a=rtcp:%.40s is malformed", value);
    MdAddr addr = media->rtp;
    if (g_strv_length(part) >= 4 && md_addr_from_host(&addr, g_strchomp(part[3]), 0) < 0)
        return sdp_fail(error, "a=rtcp:%.60s is malformed", value);
    md_addr_set_port(&addr, (uint16_t)port);
    media->rtcp = addr;
    return true;
}

MdSdpSetup sdp_setup_from_string(const char *value)
{
    return !g_ascii_strcasecmp(value, "active")    ? MD_SDP_SETUP_ACTIVE
           : !g_ascii_strcasecmp(value, "passive") ? MD_SDP_SETUP_PASSIVE
           : !g_ascii_strcasecmp(value, "actpass") ? MD_SDP_SETUP_ACTPASS
                                                   : MD_SDP_SETUP_NONE;
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
        media->setup = sdp_setup_from_string(value);
    else if (!strcmp(key, "ice-ufrag") && strlen(value) < sizeof media->ufrag)
        g_strlcpy(media->ufrag, value, sizeof media->ufrag);
    else if (!strcmp(key, "ice-pwd") && strlen(value) < sizeof media->password)
        g_strlcpy(media->password, value, sizeof media->password);
    else if (!strcmp(key, "extmap"))
        sdp_read_extmap(media, value);
    else
        return false;
    return true;
}

static bool read_attribute(MdSdpMedia *media, const char *key, const char *value, GError **error)
{
    guint64 n;
    if (!strcmp(key, "rtpmap"))
        return sdp_read_rtpmap(media, value, error);
    if (!strcmp(key, "fmtp"))
        sdp_read_fmtp(media, value);
    else if (!strcmp(key, "rtcp-fb"))
        sdp_read_feedback(media, value);
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
        sdp_read_simulcast(media, value);
    else if (!strcmp(key, "ssrc"))
        sdp_read_ssrc(media, value);
    else if (!strcmp(key, "content"))
        media->slides = sdp_names_slides(value);
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
        return sdp_fail(error, "m=%s has port %u", ret->media_text, in->port);
    ret->port = (uint16_t)in->port;
    sdp_read_floor_line(msg, in, ret);
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
    sdp_add_formats(ret, in);
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

MdSdp *md_sdp_parse(const char *text, bool ice, GError **error)
{
    size_t len = text ? strnlen(text, MD_SDP_TEXT_MAX + 1) : 0;
    if (len < 5 || len > MD_SDP_TEXT_MAX || strncmp(text, "v=0", 3) != 0) {
        sdp_fail(error, len > MD_SDP_TEXT_MAX ? "the description is longer than 48 KiB"
                                          : "the description does not begin with v=0");
        return NULL;
    }
    GstSDPMessage *msg = NULL;
    gst_sdp_message_new(&msg);
    g_autofree MdSdp *sdp = g_new0(MdSdp, 1);
    bool ok = gst_sdp_message_parse_buffer((const guint8 *)text, (guint)len, msg) == GST_SDP_OK ||
              sdp_fail(error, "the description cannot be read");
    guint n = ok ? gst_sdp_message_medias_len(msg) : 0;
    if (ok && n == 0)
        ok = sdp_fail(error, "the description has no m= line");
    if (ok && n > MD_SDP_MEDIA_MAX)
        ok = sdp_fail(error, "the description has more than %d m= lines", MD_SDP_MEDIA_MAX);
    for (guint i = 0; ok && i < n; i++) {
        ok = read_media(msg, gst_sdp_message_get_media(msg, i), ice, &sdp->media[i], error);
        sdp->n_media++;
    }
    if (ok)
        sdp_read_transport(sdp, msg);
    gst_sdp_message_free(msg);
    return ok ? g_steal_pointer(&sdp) : NULL;
}
