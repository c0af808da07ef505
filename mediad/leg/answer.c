/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An offer of the peer and our answer (RFC 3264, 6). */
#include "mediad/leg/negotiate-private.h"

#include <string.h>

typedef struct Candidate {
    MdAgreedMedia agreed;
    const MdSdpFormat *format;
    unsigned crypto_tag;
} Candidate;

static bool consider(MdNegotiator *negotiator, unsigned media, const MdSdpMedia *line, Candidate *ret,
                     GError **error)
{
    Candidate c = {.agreed = {.codec = -1,
                              .dtmf_send_pt = MD_PT_NONE,
                              .dtmf_receive_pt = MD_PT_NONE,
                              .cn_receive_pt = MD_PT_NONE,
                              .red_pt = MD_PT_NONE,
                              .rtx_pt = MD_PT_NONE}};
    if (negotiator->options.browser && (!line->bundled || !line->rtcp_mux))
        return leg_not_acceptable(error, "m=%s is not in a BUNDLE with rtcp-mux", line->media_text);
    if (line->proto == MD_SDP_PROTO_OTHER)
        return leg_not_acceptable(error, "%s is no transport we know", line->proto_text);
    c.format = media == MD_LEG_MEDIA_AUDIO ? md_negotiator_choose_audio(negotiator, line, &c.agreed.codec)
                                           : md_negotiator_choose_video(negotiator, line, &c.agreed.codec);
    if (!c.format)
        return leg_not_acceptable(error, "no common %s codec", line->media_text);
    if (!leg_address_usable(negotiator, line))
        return leg_not_acceptable(error, "the address family of c= is not ours");
    if (!leg_agree_offered_security(negotiator, media, line, &c.agreed, &c.crypto_tag, error))
        return false;
    leg_agree_transport(line, &c.agreed);
    if (negotiator->options.browser)
        leg_agree_browser(line, c.format, &c.agreed);
    c.agreed.send_pt = c.format->pt;
    c.agreed.n_receive = 1;
    c.agreed.receive[0].pt = c.format->pt;
    c.agreed.receive[0].codec = c.agreed.codec;
    if (media == MD_LEG_MEDIA_AUDIO) {
        md_negotiator_agree_audio(line, c.format, &c.agreed);
        uint32_t rate = md_audio_codec_clock_rate((MdAudioCodec)c.agreed.codec);
        const MdSdpFormat *dtmf = md_sdp_find_dtmf(line, rate),
                          *cn = rate == 8000 ? md_sdp_find_cn(line) : NULL;
        if (dtmf) {
            c.agreed.dtmf_send_pt = c.agreed.dtmf_receive_pt = dtmf->pt;
            c.agreed.dtmf_clock_rate = dtmf->clock_rate;
        }
        if (cn)
            c.agreed.cn_receive_pt = cn->pt;
        const MdSdpFormat *red = c.agreed.codec == MD_AUDIO_OPUS ? md_sdp_find_red(line, c.format->pt) : NULL;
        if (red) {
            c.agreed.red_pt = red->pt;
            c.agreed.red_first = red < c.format;
        }
    } else
        md_negotiator_agree_video(negotiator, line, c.format, &c.agreed);
    if (media >= MD_LEG_MEDIA_STREAM)
        leg_agree_stream(&c.agreed);
    *ret = c;
    return true;
}

/* The nth line of pictures after the content of a browser. */
static int stream_line(const MdNegotiator *negotiator, unsigned n)
{
    return n < MIN(negotiator->options.streams, (unsigned)MD_LEG_STREAMS_MAX) ? (int)(MD_LEG_MEDIA_STREAM + n) : -1;
}

/* What each m= line is meant for: MD_LEG_MEDIA_*, or -1. Slides are the picture when there is no other. */
static void tell_lines_apart(const MdNegotiator *negotiator, const MdSdp *sdp, int ret[MD_SDP_MEDIA_MAX])
{
    bool browser = negotiator->options.second_video_is_content;
    unsigned n_streams = 0;
    bool had_content = false;
    unsigned n_pictures = 0;
    for (unsigned i = 0; i < sdp->n_media; i++) {
        bool video = sdp->media[i].kind == MD_SDP_VIDEO;
        bool content = md_sdp_is_content(sdp, i);
        if (video && browser)
            content = n_pictures > 0;
        if (video && browser && had_content) {
            ret[i] = stream_line(negotiator, n_streams++);
            continue;
        }
        had_content |= video && content;
        ret[i] = sdp->media[i].kind == MD_SDP_AUDIO ? MD_LEG_MEDIA_AUDIO
                 : !video                           ? -1
                 : content                          ? MD_LEG_MEDIA_CONTENT
                                                    : MD_LEG_MEDIA_VIDEO;
        n_pictures += video && !content;
    }
    for (unsigned i = 0; i < sdp->n_media; i++)
        if (ret[i] == MD_LEG_MEDIA_CONTENT)
            ret[i] = n_pictures == 0                ? MD_LEG_MEDIA_VIDEO
                     : negotiator->options.content ? MD_LEG_MEDIA_CONTENT
                                                   : -1;
}

/* Which m= line to take: the first that can be secured, else the first usable one. -1: none. */
static int choose_line(MdNegotiator *negotiator, unsigned media, const MdSdp *sdp,
                       const int meant[MD_SDP_MEDIA_MAX], Candidate *ret, GError **error)
{
    int chosen = -1;
    for (unsigned i = 0; i < sdp->n_media; i++) {
        const MdSdpMedia *line = &sdp->media[i];
        Candidate c;
        if (meant[i] != (int)media || !leg_is_offered(negotiator, line) || !consider(negotiator, media, line, &c, error))
            continue;
        if (chosen < 0 || (ret->agreed.security == MD_AGREED_PLAIN && c.agreed.security != MD_AGREED_PLAIN)) {
            chosen = (int)i;
            *ret = c;
        }
    }
    return chosen;
}

static void answer_h264(const MdNegotiator *negotiator, const Candidate *c, char ret_profile[8],
                        bool *ret_asymmetry)
{
    char text[16] = "42000a", flag[4];
    md_fmtp_get(c->format->fmtp, "profile-level-id", text, sizeof text);
    unsigned theirs, ours = md_h264_level_for(&negotiator->options.video_max);
    md_h264_profile_rank(c->format->fmtp, &theirs);
    *ret_asymmetry =
        md_fmtp_get(c->format->fmtp, "level-asymmetry-allowed", flag, sizeof flag) && strcmp(flag, "1") == 0;
    g_snprintf(ret_profile, 8, "%.4s%02x", text, *ret_asymmetry ? ours : MIN(ours, theirs));
}

static void set_line(MdLine *line, const MdSdpMedia *from, int media)
{
    *line = (MdLine){.media = media, .proto = from->proto};
    g_strlcpy(line->media_text, from->media_text, sizeof line->media_text);
    g_strlcpy(line->proto_text, from->proto_text, sizeof line->proto_text);
    g_strlcpy(line->format_text, from->format_text, sizeof line->format_text);
    g_strlcpy(line->mid, from->mid, sizeof line->mid);
}

static bool check_line_order(const MdNegotiator *negotiator, const MdSdp *sdp, GError **error)
{
    if (negotiator->complete && sdp->n_media < negotiator->n_lines) {
        g_set_error(error, MD_LEG_ERROR, MD_LEG_ERROR_SYNTAX,
                    "the description has %u m= lines, the session had %u", sdp->n_media, negotiator->n_lines);
        return false;
    }
    return true;
}

/* The lines of an answer. at: which line of the offer serves each of ours, -1 none. */
static GString *write_answer(MdNegotiator *negotiator, const MdSdp *sdp, const int meant[MD_SDP_MEDIA_MAX],
                             const int at[MD_LEG_MEDIA_MAX], const Candidate chosen[MD_LEG_MEDIA_MAX],
                             bool restart)
{
    GString *lines = g_string_new(NULL);
    negotiator->n_lines = sdp->n_media;
    for (unsigned i = 0; i < sdp->n_media; i++) {
        int media = meant[i] == MD_LINE_FLOOR || (meant[i] >= 0 && at[meant[i]] == (int)i) ? meant[i] : -1;
        set_line(&negotiator->lines[i], &sdp->media[i], media);
        if (media == MD_LINE_FLOOR) {
            md_floor_describe(negotiator, &negotiator->lines[i], lines);
            continue;
        }
        if (media < 0) {
            md_describe_refused(&negotiator->lines[i], lines);
            continue;
        }
        const Candidate *c = &chosen[media];
        char profile[8] = "";
        MdDescribed described = {.agreed = &c->agreed,
                                 .answer_pt = c->format->pt,
                                 .h264_profile = profile,
                                 .crypto_tag = c->crypto_tag,
                                 .restart = restart};
        restart = false;
        if (media != MD_LEG_MEDIA_AUDIO && c->agreed.codec == MD_VIDEO_H264)
            answer_h264(negotiator, c, profile, &described.h264_asymmetry);
        md_describe_answer_line(negotiator, &negotiator->lines[i], &described, lines);
    }
    return lines;
}

char *md_negotiator_accept_offer(MdNegotiator *negotiator, const char *text, MdAgreed *ret_agreed,
                                 GError **error)
{
    g_autofree MdSdp *sdp = md_sdp_parse(text, negotiator->options.browser, error);
    if (!sdp || !check_line_order(negotiator, sdp, error))
        return NULL;
    Candidate chosen[MD_LEG_MEDIA_MAX] = {0};
    int at[MD_LEG_MEDIA_MAX], meant[MD_SDP_MEDIA_MAX];
    g_autoptr(GError) why = NULL;
    tell_lines_apart(negotiator, sdp, meant);
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++) {
        chosen[m].agreed.codec = -1;
        at[m] = choose_line(negotiator, m, sdp, meant, &chosen[m], &why);
    }
    if (at[MD_LEG_MEDIA_CONTENT] >= 0 && !leg_have_content_port(negotiator)) {
        at[MD_LEG_MEDIA_CONTENT] = -1;
        chosen[MD_LEG_MEDIA_CONTENT] = (Candidate){.agreed = {.codec = -1}};
    }
    for (unsigned m = MD_LEG_MEDIA_STREAM; m < MD_LEG_MEDIA_MAX; m++)
        if (at[m] >= 0 && !leg_have_stream(negotiator, m)) {
            at[m] = -1;
            chosen[m] = (Candidate){.agreed = {.codec = -1}};
        }
    /* Every port 0 is a lawful way to end all streams of a session that exists. */
    bool any_port = false;
    for (unsigned i = 0; i < sdp->n_media; i++)
        any_port |= leg_is_offered(negotiator, &sdp->media[i]);
    if (at[0] < 0 && at[1] < 0 && (any_port || !negotiator->complete)) {
        if (why)
            g_propagate_error(error, g_steal_pointer(&why));
        else
            leg_not_acceptable(error, "neither audio nor video is offered");
        return NULL;
    }
    MdAgreed agreed = {0};
    bool restart;
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++)
        agreed.media[m] = chosen[m].agreed;
    if (!leg_check_bundle(negotiator, sdp, &agreed, &restart, error))
        return NULL;
    int floor_at = md_floor_choose(negotiator, sdp, &agreed);
    if (floor_at >= 0)
        meant[floor_at] = MD_LINE_FLOOR;
    g_autoptr(GString) lines = write_answer(negotiator, sdp, meant, at, chosen, restart);
    leg_remember_agreement(negotiator, &agreed);
    if (negotiator->options.browser)
        leg_remember_ice(negotiator, sdp);
    *ret_agreed = agreed;
    return leg_finish_text(negotiator, lines);
}
