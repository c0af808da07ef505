/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a browser's description has more than a SIP device's (RFC 8829): BUNDLE, mid, ICE, header extensions, layers. */
#include <string.h>

#include "mediad/leg/negotiate.h"

void md_describe_bundle(const MdNegotiator *negotiator, GString *out)
{
    if (!negotiator->options.browser)
        return;
    g_string_append(out, "a=group:BUNDLE");
    for (unsigned i = 0; i < negotiator->n_lines; i++)
        if (negotiator->lines[i].media >= 0)
            g_string_append_printf(out, " %s", negotiator->lines[i].mid);
    g_string_append(out, "\r\na=msid-semantic: WMS *\r\n");
}

void md_describe_rtx_number(const MdAgreedMedia *agreed, GString *out)
{
    if (agreed->rtx_pt != MD_PT_NONE)
        g_string_append_printf(out, " %u", agreed->rtx_pt);
}

static bool is_first(const MdNegotiator *negotiator, const MdLine *line)
{
    const MdLine *first = negotiator->lines;
    while (first < line && first->media < 0)
        first++;
    return first == line;
}

/* Of our first offer; later ones repeat what was agreed. */
static const uint8_t default_ext[MD_SDP_EXT_MAX] = {
    [MD_SDP_EXT_MID] = 1, [MD_SDP_EXT_RID] = 2, [MD_SDP_EXT_REPAIRED_RID] = 3, [MD_SDP_EXT_TWCC] = 4};

static void describe_layers(const MdAgreedMedia *agreed, GString *out)
{
    if (!agreed || agreed->n_rids == 0)
        return;
    for (unsigned i = 0; i < agreed->n_rids; i++)
        g_string_append_printf(out, "a=rid:%s recv\r\n", agreed->rids[i]);
    g_string_append(out, "a=simulcast:recv ");
    for (unsigned i = 0; i < agreed->n_rids; i++)
        g_string_append_printf(out, "%s%s", i ? ";" : "", agreed->rids[i]);
    g_string_append(out, "\r\n");
}

/* Who sends: a stream of its own for slides, so that pages tell them from the meeting's picture. */
static void describe_sources(const MdNegotiator *negotiator, unsigned media, bool rtx, GString *out)
{
    static const char *const tracks[MD_LEG_MEDIA_MAX] = {
        [MD_LEG_MEDIA_AUDIO] = "audio", [MD_LEG_MEDIA_VIDEO] = "video", [MD_LEG_MEDIA_CONTENT] = "content"};
    char own[24];
    g_snprintf(own, sizeof own, "stream%u", media);
    const char *stream = media >= MD_LEG_MEDIA_STREAM ? own : media == MD_LEG_MEDIA_CONTENT ? "content" : "meeting";
    const char *track = tracks[media] ? tracks[media] : own;
    uint32_t ssrc[2] = {negotiator->options.ssrc[media], negotiator->options.rtx_ssrc[media]};
    g_string_append_printf(out, "a=msid:%s %s\r\n", stream, track);
    if (rtx)
        g_string_append_printf(out, "a=ssrc-group:FID %u %u\r\n", ssrc[0], ssrc[1]);
    for (unsigned i = 0; i < (rtx ? 2u : 1u); i++)
        g_string_append_printf(out, "a=ssrc:%u cname:%s\r\na=ssrc:%u msid:%s %s\r\n", ssrc[i],
                               negotiator->options.cname, ssrc[i], stream, track);
}

void md_describe_browser_line(const MdNegotiator *negotiator, const MdLine *line, const MdAgreedMedia *agreed,
                              bool restart, GString *out)
{
    const MdNegotiatorOptions *options = &negotiator->options;
    if (!options->browser)
        return;
    const uint8_t *ext = agreed ? agreed->ext : default_ext;
    bool rtx = agreed && agreed->rtx_pt != MD_PT_NONE;
    g_string_append_printf(out, "a=mid:%s\r\n", line->mid);
    options->describe_ice(options->ice_user, restart, is_first(negotiator, line), out);
    for (int e = 0; e < MD_SDP_EXT_MAX; e++) {
        bool layers = e == MD_SDP_EXT_RID || e == MD_SDP_EXT_REPAIRED_RID;
        if (ext[e] && (!layers || (agreed ? agreed->n_rids > 0 : line->media != MD_LEG_MEDIA_AUDIO)))
            g_string_append_printf(out, "a=extmap:%u %s\r\n", ext[e], md_sdp_ext_to_string((MdSdpExt)e));
    }
    if (!agreed || agreed->rtcp_rsize)
        g_string_append(out, "a=rtcp-rsize\r\n");
    if (rtx)
        g_string_append_printf(out, "a=rtpmap:%u rtx/90000\r\na=fmtp:%u apt=%u\r\n", agreed->rtx_pt, agreed->rtx_pt,
                               agreed->send_pt);
    describe_layers(agreed, out);
    if (!agreed || (agreed->direction & MD_SDP_SEND))
        describe_sources(negotiator, (unsigned)line->media, rtx, out);
}
