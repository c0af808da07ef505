/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our offer, and the peer's answer to it (RFC 3264, 5 and 7). */
#include "mediad/leg/negotiate-private.h"

#include <string.h>

static void new_line(MdNegotiator *negotiator, int media, MdSdpProto proto)
{
    MdLine *line = &negotiator->lines[negotiator->n_lines];
    *line = (MdLine){.media = media, .proto = proto};
    g_snprintf(line->mid, sizeof line->mid, "%u", negotiator->n_lines++);
    g_strlcpy(line->media_text, media == MD_LEG_MEDIA_AUDIO ? "audio" : "video", sizeof line->media_text);
    g_strlcpy(line->proto_text, md_sdp_proto_to_string(proto), sizeof line->proto_text);
    g_strlcpy(line->format_text, "0", sizeof line->format_text);
}

char *md_negotiator_create_offer(MdNegotiator *negotiator, GError **error)
{
    const MdNegotiatorOptions *options = &negotiator->options;
    MdSdpProto proto = options->browser                           ? MD_SDP_PROTO_DTLS_SAVPF
                       : options->offer_dtls && options->fingerprint ? MD_SDP_PROTO_DTLS_SAVP
                       : options->security == MD_SECURITY_REQUIRED ? MD_SDP_PROTO_SAVP
                                                                   : MD_SDP_PROTO_AVP;
    for (unsigned m = 0; options->security != MD_SECURITY_OFF && m < MD_LEG_MEDIA_STREAM; m++)
        for (int suite = 0; suite < MD_SRTP_SUITE_MAX; suite++)
            if (!leg_make_key(negotiator, m, (MdSrtpSuite)suite, error))
                return NULL;
    if (!negotiator->complete) {
        negotiator->n_lines = 0;
        if (options->n_audio_codecs)
            new_line(negotiator, MD_LEG_MEDIA_AUDIO, proto);
        if (options->n_video_codecs)
            new_line(negotiator, MD_LEG_MEDIA_VIDEO, proto);
        if (options->n_video_codecs && options->content && options->offer_content && leg_have_content_port(negotiator))
            new_line(negotiator, MD_LEG_MEDIA_CONTENT, proto);
        if (options->floor_port && negotiator->lines[negotiator->n_lines - 1].media == MD_LEG_MEDIA_CONTENT)
            md_floor_new_line(negotiator);
    }
    g_autoptr(GString) lines = g_string_new(NULL);
    for (unsigned i = 0; i < negotiator->n_lines; i++)
        if (negotiator->lines[i].media == MD_LINE_FLOOR)
            md_floor_describe(negotiator, &negotiator->lines[i], lines);
        else if (negotiator->lines[i].media < 0)
            md_describe_refused(&negotiator->lines[i], lines);
        else
            md_describe_offer_line(negotiator, &negotiator->lines[i], lines);
    negotiator->offered = true;
    return leg_finish_text(negotiator, lines);
}

/* Numbers in the answer are what the peer wants to get; ours are what it may send (RFC 3264, 6.1). */
static bool agree_answered_formats(const MdNegotiator *negotiator, unsigned media, const MdSdpMedia *line,
                                   MdAgreedMedia *ret, GError **error)
{
    const MdSdpFormat *first = NULL;
    for (unsigned f = 0; f < line->n_formats; f++) {
        const MdSdpFormat *format = &line->formats[f];
        int codec = -1;
        MdFormatKind kind;
        if (media == MD_LEG_MEDIA_AUDIO) {
            codec = md_negotiator_audio_codec(negotiator, format);
            kind = codec < 0 ? MD_FORMAT_MAX : leg_audio_format_of[codec];
        } else {
            bool usable = md_negotiator_rank_video(negotiator, format, &codec) > 0;
            codec = usable ? codec : -1;
            kind = codec == MD_VIDEO_VP8                                     ? MD_FORMAT_VP8
                   : md_fmtp_get_uint(format->fmtp, "packetization-mode", 0) ? MD_FORMAT_H264_1
                                                                             : MD_FORMAT_H264_0;
        }
        if (codec < 0 || ret->n_receive == MD_AGREED_CODECS_MAX)
            continue;
        ret->receive[ret->n_receive].pt = negotiator->pts[kind];
        ret->receive[ret->n_receive++].codec = codec;
        if (!first) {
            first = format;
            ret->codec = codec;
            ret->send_pt = format->pt;
        }
    }
    if (!first)
        return leg_not_acceptable(error, "the answer has no %s codec of our offer", line->media_text);
    if (media != MD_LEG_MEDIA_AUDIO) {
        md_negotiator_agree_video(negotiator, line, first, ret);
        return true;
    }
    md_negotiator_agree_audio(line, first, ret);
    const MdSdpFormat *dtmf = md_sdp_find_dtmf(line, 8000);
    if (dtmf && dtmf->clock_rate == 8000) {
        ret->dtmf_send_pt = dtmf->pt;
        ret->dtmf_receive_pt = negotiator->pts[MD_FORMAT_DTMF];
        ret->dtmf_clock_rate = 8000;
    }
    /* Only what an offer of the peer's had before is in ours. */
    const MdAgreedMedia *before = &negotiator->agreed.media[MD_LEG_MEDIA_AUDIO];
    const MdSdpFormat *red = negotiator->complete && before->active && before->red_pt != MD_PT_NONE && ret->codec == MD_AUDIO_OPUS
                                 ? md_sdp_find_red(line, ret->send_pt)
                                 : NULL;
    if (red && red->pt == before->red_pt) {
        ret->red_pt = red->pt;
        ret->red_first = before->red_first;
    }
    if (md_sdp_find_cn(line))
        ret->cn_receive_pt = negotiator->pts[MD_FORMAT_CN];
    return true;
}

bool md_negotiator_accept_answer(MdNegotiator *negotiator, const char *text, MdAgreed *ret_agreed,
                                 GError **error)
{
    if (!negotiator->offered) {
        g_set_error_literal(error, MD_LEG_ERROR, MD_LEG_ERROR_SYNTAX, "an answer without an offer");
        return false;
    }
    g_autofree MdSdp *sdp = md_sdp_parse(text, negotiator->options.browser, error);
    if (!sdp)
        return false;
    if (sdp->n_media != negotiator->n_lines) {
        g_set_error(error, MD_LEG_ERROR, MD_LEG_ERROR_SYNTAX, "the answer has %u m= lines, the offer %u",
                    sdp->n_media, negotiator->n_lines);
        return false;
    }
    MdAgreed agreed = {0};
    bool any = false;
    for (unsigned i = 0; i < sdp->n_media; i++) {
        const MdSdpMedia *line = &sdp->media[i];
        const MdLine *ours = &negotiator->lines[i];
        if (ours->media == MD_LINE_FLOOR)
            md_floor_accept_answer(negotiator, line, &agreed);
        if (ours->media < 0 || !leg_is_offered(negotiator, line))
            continue;
        if ((ours->media == MD_LEG_MEDIA_AUDIO) != (line->kind == MD_SDP_AUDIO) ||
            line->kind == MD_SDP_OTHER || line->proto == MD_SDP_PROTO_OTHER)
            return leg_not_acceptable(error, "m= line %u of the answer is %s over %s", i + 1, line->media_text,
                                      line->proto_text);
        MdAgreedMedia out = {.codec = -1,
                             .dtmf_send_pt = MD_PT_NONE,
                             .dtmf_receive_pt = MD_PT_NONE,
                             .cn_receive_pt = MD_PT_NONE,
                             .red_pt = MD_PT_NONE,
                             .rtx_pt = MD_PT_NONE};
        if (!leg_address_usable(negotiator, line))
            return leg_not_acceptable(error, "the address family of c= is not ours");
        if (!agree_answered_formats(negotiator, (unsigned)ours->media, line, &out, error) ||
            !leg_agree_answered_security(negotiator, (unsigned)ours->media, ours, line, &out, error))
            return false;
        leg_agree_transport(line, &out);
        if (negotiator->options.browser)
            leg_agree_browser(line, md_sdp_find_format(line, out.send_pt), &out);
        if (ours->media >= MD_LEG_MEDIA_STREAM)
            leg_agree_stream(&out);
        agreed.media[ours->media] = out;
        any = true;
    }
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++)
        if (!agreed.media[m].active)
            agreed.media[m].codec = -1;
    if (!any)
        return leg_not_acceptable(error, "every m= line was refused");
    agreed.floor.active = agreed.floor.active && agreed.media[MD_LEG_MEDIA_CONTENT].active;
    bool restart;
    if (!leg_check_bundle(negotiator, sdp, &agreed, &restart, error))
        return false;
    if (negotiator->options.browser)
        leg_remember_ice(negotiator, sdp);
    leg_remember_agreement(negotiator, &agreed);
    *ret_agreed = agreed;
    return true;
}
