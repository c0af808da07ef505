/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "mediad/leg/negotiate.h"

static const char *address_type(const char *host)
{
    return strchr(host, ':') ? "IP6" : "IP4";
}

void md_describe_session(const MdNegotiator *negotiator, GString *out)
{
    const char *host = negotiator->options.local_host, *type = address_type(host);
    g_string_append_printf(out,
                           "v=0\r\no=mediad %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT
                           " IN %s %s\r\ns=mediad\r\nc=IN %s %s\r\nt=0 0\r\n",
                           negotiator->session_id, negotiator->session_version, type, host, type, host);
}

void md_describe_refused(const MdLine *line, GString *out)
{
    g_string_append_printf(out, "m=%s 0 %s %s\r\n", line->media_text, line->proto_text, line->format_text);
    if (line->mid[0])
        g_string_append_printf(out, "a=mid:%s\r\na=inactive\r\n", line->mid);
}

static void describe_rtpmap(GString *out, MdFormatKind kind, unsigned pt, uint32_t dtmf_rate)
{
    static const char *const names[MD_FORMAT_MAX] = {
        [MD_FORMAT_OPUS] = "opus/48000/2", [MD_FORMAT_G722] = "G722/8000", [MD_FORMAT_PCMA] = "PCMA/8000",
        [MD_FORMAT_PCMU] = "PCMU/8000",    [MD_FORMAT_CN] = "CN/8000",     [MD_FORMAT_H264_1] = "H264/90000",
        [MD_FORMAT_H264_0] = "H264/90000", [MD_FORMAT_VP8] = "VP8/90000",
    };
    if (kind == MD_FORMAT_DTMF)
        g_string_append_printf(out, "a=rtpmap:%u telephone-event/%u\r\na=fmtp:%u 0-15\r\n", pt, dtmf_rate,
                               pt);
    else
        g_string_append_printf(out, "a=rtpmap:%u %s\r\n", pt, names[kind]);
    if (kind == MD_FORMAT_OPUS)
        g_string_append_printf(out, "a=fmtp:%u useinbandfec=1;usedtx=1;stereo=0;sprop-stereo=0\r\n", pt);
}

static void describe_feedback(GString *out, unsigned feedback)
{
    static const struct {
        unsigned bit;
        const char *text;
    } kinds[] = {{MD_SDP_FB_NACK, "nack"},
                 {MD_SDP_FB_PLI, "nack pli"},
                 {MD_SDP_FB_FIR, "ccm fir"},
                 {MD_SDP_FB_TMMBR, "ccm tmmbr"},
                 {MD_SDP_FB_TWCC, "transport-cc"}};
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (feedback & kinds[i].bit)
            g_string_append_printf(out, "a=rtcp-fb:* %s\r\n", kinds[i].text);
}

static void describe_crypto(GString *out, unsigned tag, const MdSrtpKey *key)
{
    char text[MD_SRTP_KEY_BASE64_MAX];
    md_srtp_key_to_base64(key, text, sizeof text);
    g_string_append_printf(out, "a=crypto:%u %s inline:%s\r\n", tag, md_srtp_suite_to_string(key->suite),
                           text);
}

static void describe_content(const MdNegotiator *negotiator, GString *out, int media)
{
    if (media != MD_LEG_MEDIA_CONTENT)
        return;
    g_string_append(out, "a=content:slides\r\n");
    if (negotiator->options.floor_port)
        g_string_append(out, "a=label:" MD_CONTENT_LABEL "\r\n");
}

/* Of the largest picture, and of those it is sent in besides (simulcast): half as much and an eighth, as browsers share it out. Bound to the
 * largest alone, they would leave that one out. Chromium takes what the last line says for all lines together: those after the camera's say so
 * much that camera and slides fit in. */
static void describe_bandwidth(GString *out, const MdNegotiator *negotiator, int media, const MdAgreedMedia *agreed)
{
    static const uint8_t of_sizes[] = {8, 8, 12, 13, 14};
    uint32_t bps = negotiator->options.video_max.bitrate_bps;
    unsigned eighths = agreed ? of_sizes[MIN(agreed->n_rids, G_N_ELEMENTS(of_sizes) - 1)] : 8;
    if (negotiator->options.browser && media > MD_LEG_MEDIA_VIDEO)
        eighths = 8 + 13;
    bps = (uint32_t)((uint64_t)bps * eighths / 8);
    if (media != MD_LEG_MEDIA_AUDIO && bps)
        g_string_append_printf(out, "b=AS:%u\r\nb=TIAS:%u\r\n", (bps + bps / 20) / 1000, bps);
}

static unsigned formats_of_offer(const MdNegotiator *negotiator, int media, MdFormatKind *ret)
{
    static const MdFormatKind of_audio[] = {[MD_AUDIO_OPUS] = MD_FORMAT_OPUS,
                                            [MD_AUDIO_G722] = MD_FORMAT_G722,
                                            [MD_AUDIO_PCMA] = MD_FORMAT_PCMA,
                                            [MD_AUDIO_PCMU] = MD_FORMAT_PCMU};
    const MdNegotiatorOptions *options = &negotiator->options;
    unsigned n = 0;
    bool narrow = false;
    for (unsigned i = 0; media == MD_LEG_MEDIA_AUDIO && i < options->n_audio_codecs; i++) {
        ret[n++] = of_audio[options->audio_codecs[i]];
        narrow |= options->audio_codecs[i] == MD_AUDIO_PCMA || options->audio_codecs[i] == MD_AUDIO_PCMU;
    }
    if (media == MD_LEG_MEDIA_AUDIO) {
        if (narrow)
            ret[n++] = MD_FORMAT_CN;
        ret[n++] = MD_FORMAT_DTMF;
    }
    for (unsigned i = 0; media != MD_LEG_MEDIA_AUDIO && i < options->n_video_codecs; i++) {
        if (options->video_codecs[i] == MD_VIDEO_H264) {
            ret[n++] = MD_FORMAT_H264_1;
            ret[n++] = MD_FORMAT_H264_0;
        } else
            ret[n++] = MD_FORMAT_VP8;
    }
    return n;
}

static void describe_security_offer(const MdNegotiator *negotiator, const MdLine *line, GString *out)
{
    if (md_sdp_proto_is_dtls(line->proto)) {
        g_string_append_printf(out, "a=fingerprint:%s\r\na=setup:actpass\r\n",
                               negotiator->options.fingerprint);
        return;
    }
    if (negotiator->options.security == MD_SECURITY_OFF)
        return;
    static const MdSrtpSuite order[] = {MD_SRTP_AEAD_AES_128_GCM, MD_SRTP_AES_CM_128_HMAC_SHA1_80,
                                        MD_SRTP_AEAD_AES_256_GCM};
    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++)
        describe_crypto(out, i + 1, &negotiator->keys[line->media][order[i]]);
}

/* Within a call to a browser the codec in use is offered again and no other: all lines share one set of numbers. */
static unsigned keep_agreed(const MdNegotiator *negotiator, int media, MdFormatKind *kinds, unsigned n)
{
    const MdAgreedMedia *agreed = &negotiator->agreed.media[media];
    unsigned kept = 0;
    for (unsigned i = 0; i < n; i++)
        if (negotiator->pts[kinds[i]] == agreed->send_pt || negotiator->pts[kinds[i]] == agreed->dtmf_send_pt)
            kinds[kept++] = kinds[i];
    return kept;
}

/* A peer goes by the order of the numbers: it sends with copies where those come first. */
static void describe_red_number(const MdAgreedMedia *agreed, bool first, GString *out)
{
    if (agreed->red_pt != MD_PT_NONE && agreed->red_first == first)
        g_string_append_printf(out, " %u", agreed->red_pt);
}

static void describe_red(const MdAgreedMedia *agreed, GString *out)
{
    if (agreed->red_pt != MD_PT_NONE)
        g_string_append_printf(out, "a=rtpmap:%u red/48000/2\r\na=fmtp:%u %u/%u\r\n", agreed->red_pt, agreed->red_pt,
                               agreed->send_pt, agreed->send_pt);
}

void md_describe_offer_line(const MdNegotiator *negotiator, const MdLine *line, GString *out)
{
    MdFormatKind kinds[MD_FORMAT_MAX];
    unsigned n = formats_of_offer(negotiator, line->media, kinds);
    bool browser = negotiator->options.browser;
    const MdAgreedMedia *agreed = &negotiator->agreed.media[line->media];
    if (!negotiator->complete || !agreed->active)
        agreed = NULL;
    if (browser && agreed)
        n = keep_agreed(negotiator, line->media, kinds, n);
    g_string_append_printf(out, "m=%s %u %s", line->media_text,
                           browser ? 9 : negotiator->options.local_port[line->media], line->proto_text);
    if (browser && agreed)
        describe_red_number(agreed, true, out);
    for (unsigned i = 0; i < n; i++)
        g_string_append_printf(out, " %u", negotiator->pts[kinds[i]]);
    if (browser && agreed) {
        describe_red_number(agreed, false, out);
        md_describe_rtx_number(agreed, out);
    }
    g_string_append(out, "\r\n");
    describe_bandwidth(out, negotiator, line->media, agreed);
    unsigned level = md_h264_level_for(&negotiator->options.video_max);
    for (unsigned i = 0; i < n; i++) {
        unsigned pt = negotiator->pts[kinds[i]];
        describe_rtpmap(out, kinds[i], pt, 8000);
        if (kinds[i] == MD_FORMAT_H264_1 || kinds[i] == MD_FORMAT_H264_0)
            g_string_append_printf(
                out,
                "a=fmtp:%u profile-level-id=42e0%02x;packetization-mode=%d;level-asymmetry-allowed=1\r\n", pt,
                level, kinds[i] == MD_FORMAT_H264_1);
    }
    if (browser && agreed)
        describe_red(agreed, out);
    if (line->media == MD_LEG_MEDIA_AUDIO)
        g_string_append(out, "a=ptime:20\r\na=maxptime:60\r\n");
    else
        describe_feedback(out, MD_SDP_FB_NACK | MD_SDP_FB_PLI | MD_SDP_FB_FIR | MD_SDP_FB_TMMBR);
    if (browser)
        describe_feedback(out, MD_SDP_FB_TWCC);
    describe_content(negotiator, out, line->media);
    md_describe_browser_line(negotiator, line, agreed, false, out);
    g_string_append(out, "a=rtcp-mux\r\n");
    describe_security_offer(negotiator, line, out);
    g_string_append(out, line->media >= MD_LEG_MEDIA_STREAM ? "a=sendonly\r\n" : "a=sendrecv\r\n");
}

static void describe_answer_audio(const MdAgreedMedia *agreed, const MdDescribed *described, GString *out)
{
    static const MdFormatKind kinds[] = {[MD_AUDIO_OPUS] = MD_FORMAT_OPUS,
                                         [MD_AUDIO_G722] = MD_FORMAT_G722,
                                         [MD_AUDIO_PCMA] = MD_FORMAT_PCMA,
                                         [MD_AUDIO_PCMU] = MD_FORMAT_PCMU};
    describe_rtpmap(out, kinds[agreed->codec], described->answer_pt, 0);
    if (agreed->cn_receive_pt != MD_PT_NONE)
        describe_rtpmap(out, MD_FORMAT_CN, agreed->cn_receive_pt, 0);
    if (agreed->dtmf_receive_pt != MD_PT_NONE)
        describe_rtpmap(out, MD_FORMAT_DTMF, agreed->dtmf_receive_pt, agreed->dtmf_clock_rate);
    describe_red(agreed, out);
    g_string_append_printf(out, "a=ptime:%u\r\n", agreed->ptime_ms);
    describe_feedback(out, agreed->feedback);
}

static void describe_answer_video(const MdAgreedMedia *agreed, const MdDescribed *described, GString *out)
{
    unsigned pt = described->answer_pt;
    if (agreed->codec == MD_VIDEO_H264) {
        g_string_append_printf(
            out, "a=rtpmap:%u H264/90000\r\na=fmtp:%u profile-level-id=%s;packetization-mode=%u%s\r\n", pt,
            pt, described->h264_profile, agreed->h264_mode,
            described->h264_asymmetry ? ";level-asymmetry-allowed=1" : "");
    } else
        describe_rtpmap(out, MD_FORMAT_VP8, pt, 0);
    describe_feedback(out, agreed->feedback);
}

void md_describe_answer_line(const MdNegotiator *negotiator, const MdLine *line, const MdDescribed *described,
                             GString *out)
{
    const MdAgreedMedia *agreed = described->agreed;
    bool audio = line->media == MD_LEG_MEDIA_AUDIO;
    g_string_append_printf(out, "m=%s %u %s", line->media_text,
                           negotiator->options.browser ? 9 : negotiator->options.local_port[line->media], line->proto_text);
    describe_red_number(agreed, true, out);
    g_string_append_printf(out, " %u", described->answer_pt);
    if (audio && agreed->cn_receive_pt != MD_PT_NONE)
        g_string_append_printf(out, " %u", agreed->cn_receive_pt);
    if (audio && agreed->dtmf_receive_pt != MD_PT_NONE)
        g_string_append_printf(out, " %u", agreed->dtmf_receive_pt);
    describe_red_number(agreed, false, out);
    md_describe_rtx_number(agreed, out);
    g_string_append(out, "\r\n");
    describe_bandwidth(out, negotiator, line->media, agreed);
    if (audio)
        describe_answer_audio(agreed, described, out);
    else
        describe_answer_video(agreed, described, out);
    describe_content(negotiator, out, line->media);
    md_describe_browser_line(negotiator, line, agreed, described->restart, out);
    if (agreed->rtcp_mux)
        g_string_append(out, "a=rtcp-mux\r\n");
    if (agreed->security == MD_AGREED_SDES)
        describe_crypto(out, described->crypto_tag, &agreed->local_key);
    else if (agreed->security == MD_AGREED_DTLS)
        g_string_append_printf(out, "a=fingerprint:%s\r\na=setup:%s\r\n", negotiator->options.fingerprint,
                               agreed->dtls_active ? "active" : "passive");
    g_string_append_printf(out, "a=%s\r\n", md_sdp_direction_to_string(agreed->direction));
}
