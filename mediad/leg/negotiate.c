/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/leg/negotiate.h"

#include <openssl/rand.h>
#include <string.h>

G_DEFINE_QUARK(md - leg - error - quark, md_leg_error)

static const uint8_t default_pts[MD_FORMAT_MAX] = {
    [MD_FORMAT_OPUS] = 96,   [MD_FORMAT_G722] = 9,    [MD_FORMAT_PCMA] = 8,
    [MD_FORMAT_PCMU] = 0,    [MD_FORMAT_DTMF] = 101,  [MD_FORMAT_CN] = 13,
    [MD_FORMAT_H264_1] = 97, [MD_FORMAT_H264_0] = 98, [MD_FORMAT_VP8] = 99};

static const MdFormatKind audio_format_of[] = {[MD_AUDIO_OPUS] = MD_FORMAT_OPUS,
                                               [MD_AUDIO_G722] = MD_FORMAT_G722,
                                               [MD_AUDIO_PCMA] = MD_FORMAT_PCMA,
                                               [MD_AUDIO_PCMU] = MD_FORMAT_PCMU};

void md_negotiator_init(MdNegotiator *negotiator, const MdNegotiatorOptions *options, uint64_t session_id)
{
    *negotiator = (MdNegotiator){.options = *options, .session_id = session_id, .session_version = 1};
    if (!session_id && RAND_bytes((unsigned char *)&session_id, sizeof session_id) == 1)
        negotiator->session_id =
            session_id >> 2 | 1; /* fits a signed 64-bit number: some peers parse it as one */
    memcpy(negotiator->pts, default_pts, sizeof default_pts);
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++)
        negotiator->agreed.media[m].codec = -1;
}

void md_negotiator_clear(MdNegotiator *negotiator)
{
    g_free(negotiator->last_text);
    OPENSSL_cleanse(negotiator, sizeof *negotiator);
}

static bool not_acceptable(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool not_acceptable(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    if (error && !*error)
        g_set_error_literal(error, MD_LEG_ERROR, MD_LEG_ERROR_NOT_ACCEPTABLE, text);
    return false;
}

static bool make_key(MdNegotiator *negotiator, unsigned media, MdSrtpSuite suite, GError **error)
{
    if (negotiator->has_key[media][suite])
        return true;
    if (md_srtp_key_generate(suite, &negotiator->keys[media][suite]) < 0) {
        g_set_error_literal(error, MD_LEG_ERROR, MD_LEG_ERROR_RESOURCES, "no randomness for a media key");
        return false;
    }
    negotiator->has_key[media][suite] = true;
    return true;
}

/* ---- security ---- */

static bool agree_sdes(MdNegotiator *negotiator, unsigned media, const MdSdpMedia *line, MdAgreedMedia *ret,
                       unsigned *ret_tag, GError **error)
{
    for (int suite = 0; suite < MD_SRTP_SUITE_MAX; suite++) /* our order: GCM first */
        for (unsigned c = 0; c < line->n_cryptos; c++)
            if ((int)line->cryptos[c].key.suite == suite) {
                if (!make_key(negotiator, media, (MdSrtpSuite)suite, error))
                    return false;
                ret->security = MD_AGREED_SDES;
                ret->local_key = negotiator->keys[media][suite];
                ret->remote_key = line->cryptos[c].key;
                *ret_tag = line->cryptos[c].tag;
                return true;
            }
    return not_acceptable(error, "no a=crypto line we understand");
}

static bool agree_dtls(const MdNegotiator *negotiator, unsigned media, const MdSdpMedia *line,
                       MdAgreedMedia *ret, GError **error)
{
    if (!negotiator->options.fingerprint)
        return not_acceptable(error, "DTLS-SRTP is not spoken here");
    if (!line->fingerprint[0])
        return not_acceptable(error, "no a=fingerprint we can check");
    const MdAgreedMedia *before = &negotiator->agreed.media[media];
    for (unsigned m = 0; negotiator->options.browser && !before->active && m < MD_LEG_MEDIA_MAX; m++)
        before = &negotiator->agreed.media[m]; /* one association for all lines */
    ret->security = MD_AGREED_DTLS;
    g_strlcpy(ret->fingerprint, line->fingerprint, sizeof ret->fingerprint);
    switch (line->setup) {
    case MD_SDP_SETUP_ACTIVE:
        ret->dtls_active = false;
        break;
    case MD_SDP_SETUP_PASSIVE:
        ret->dtls_active = true;
        break;
    default: /* actpass: we begin (RFC 5763, 5), unless an association is up that keeps its roles */
        ret->dtls_active = before->active && before->security == MD_AGREED_DTLS &&
                                   !strcmp(before->fingerprint, line->fingerprint)
                               ? before->dtls_active
                               : true;
    }
    return true;
}

static bool agree_offered_security(MdNegotiator *negotiator, unsigned media, const MdSdpMedia *line,
                                   MdAgreedMedia *ret, unsigned *ret_tag, GError **error)
{
    MdSecurity policy = negotiator->options.security;
    ret->security = MD_AGREED_PLAIN;
    if (negotiator->options.browser)
        return md_sdp_proto_is_dtls(line->proto)
                   ? agree_dtls(negotiator, media, line, ret, error)
                   : not_acceptable(error, "%s: browsers speak DTLS-SRTP", line->proto_text);
    if (policy == MD_SECURITY_OFF)
        return !md_sdp_proto_is_secure(line->proto) ||
               not_acceptable(error, "%s: SRTP is switched off here", line->proto_text);
    if (md_sdp_proto_is_dtls(line->proto))
        return agree_dtls(negotiator, media, line, ret, error);
    if (line->n_cryptos)
        return agree_sdes(negotiator, media, line, ret, ret_tag, error);
    if (line->fingerprint[0] && line->setup != MD_SDP_SETUP_NONE && negotiator->options.fingerprint)
        return agree_dtls(negotiator, media, line, ret, error);
    if (md_sdp_proto_is_secure(line->proto))
        return not_acceptable(error, "%s without an a=crypto line we understand", line->proto_text);
    if (policy == MD_SECURITY_REQUIRED)
        return not_acceptable(error, "SRTP is required here, %s was offered", line->proto_text);
    return true;
}

/* ---- answering ---- */

typedef struct Candidate {
    MdAgreedMedia agreed;
    const MdSdpFormat *format;
    unsigned crypto_tag;
} Candidate;

static bool address_usable(const MdNegotiator *negotiator, const MdSdpMedia *line)
{
    return negotiator->options.browser ||
           md_addr_is_v6(&line->rtp) == (strchr(negotiator->options.local_host, ':') != NULL);
}

/* What a browser's line has more. format: the one that was chosen, by the peer's number. */
static void agree_browser(const MdSdpMedia *line, const MdSdpFormat *format, MdAgreedMedia *ret)
{
    const MdSdpFormat *rtx = md_sdp_find_rtx(line, format->pt);
    ret->rtx_pt = rtx && (format->feedback & MD_SDP_FB_NACK) ? rtx->pt : MD_PT_NONE;
    ret->rtcp_mux = true;
    ret->rtcp_rsize = line->rtcp_rsize;
    g_strlcpy(ret->mid, line->mid, sizeof ret->mid);
    memcpy(ret->ext, line->ext, sizeof ret->ext);
    ret->n_rids = line->ext[MD_SDP_EXT_RID] && (ret->direction & MD_SDP_RECV) ? line->n_rids : 0;
    memcpy(ret->rids, line->rids, sizeof ret->rids);
    ret->n_ssrcs = line->n_ssrcs;
    memcpy(ret->ssrcs, line->ssrcs, sizeof ret->ssrcs);
    if (!(format->feedback & MD_SDP_FB_TWCC))
        ret->ext[MD_SDP_EXT_TWCC] = 0;
    ret->feedback = format->feedback & ~(ret->ext[MD_SDP_EXT_TWCC] ? 0u : (unsigned)MD_SDP_FB_TWCC);
    if (line->kind == MD_SDP_AUDIO)
        ret->feedback &= MD_SDP_FB_TWCC;
}

static void agree_transport(const MdSdpMedia *line, MdAgreedMedia *ret)
{
    ret->active = true;
    ret->remote = line->rtp;
    ret->rtcp_mux = line->rtcp_mux;
    ret->remote_rtcp = line->rtcp_mux ? line->rtp : line->rtcp;
    /* theirs turned round; an address of zeros says "do not send to me" */
    unsigned theirs = line->held_address ? line->direction & ~(unsigned)MD_SDP_RECV : line->direction;
    ret->direction = (theirs & MD_SDP_SEND ? MD_SDP_RECV : 0) | (theirs & MD_SDP_RECV ? MD_SDP_SEND : 0);
}

static bool consider(MdNegotiator *negotiator, unsigned media, const MdSdpMedia *line, Candidate *ret,
                     GError **error)
{
    Candidate c = {.agreed = {.codec = -1,
                              .dtmf_send_pt = MD_PT_NONE,
                              .dtmf_receive_pt = MD_PT_NONE,
                              .cn_receive_pt = MD_PT_NONE,
                              .rtx_pt = MD_PT_NONE}};
    if (negotiator->options.browser && (!line->bundled || !line->rtcp_mux))
        return not_acceptable(error, "m=%s is not in a BUNDLE with rtcp-mux", line->media_text);
    if (line->proto == MD_SDP_PROTO_OTHER)
        return not_acceptable(error, "%s is no transport we know", line->proto_text);
    c.format = media == MD_LEG_MEDIA_AUDIO ? md_negotiator_choose_audio(negotiator, line, &c.agreed.codec)
                                           : md_negotiator_choose_video(negotiator, line, &c.agreed.codec);
    if (!c.format)
        return not_acceptable(error, "no common %s codec", line->media_text);
    if (!address_usable(negotiator, line))
        return not_acceptable(error, "the address family of c= is not ours");
    if (!agree_offered_security(negotiator, media, line, &c.agreed, &c.crypto_tag, error))
        return false;
    agree_transport(line, &c.agreed);
    if (negotiator->options.browser)
        agree_browser(line, c.format, &c.agreed);
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
    } else
        md_negotiator_agree_video(negotiator, line, c.format, &c.agreed);
    *ret = c;
    return true;
}

/* What each m= line is meant for: MD_LEG_MEDIA_*, or -1. Slides are the picture when there is no other. */
static void tell_lines_apart(const MdNegotiator *negotiator, const MdSdp *sdp, int ret[MD_SDP_MEDIA_MAX])
{
    unsigned n_pictures = 0;
    for (unsigned i = 0; i < sdp->n_media; i++) {
        bool video = sdp->media[i].kind == MD_SDP_VIDEO;
        bool content = md_sdp_is_content(sdp, i);
        if (video && negotiator->options.second_video_is_content)
            content = n_pictures > 0;
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

static bool have_content_port(MdNegotiator *negotiator)
{
    MdNegotiatorOptions *options = &negotiator->options;
    if (!options->local_port[MD_LEG_MEDIA_CONTENT] && options->open_content)
        options->local_port[MD_LEG_MEDIA_CONTENT] = options->open_content(options->open_content_user);
    return options->local_port[MD_LEG_MEDIA_CONTENT] != 0;
}

/* Port 0 refuses a line, but not one that rides on another's transport. */
static bool is_offered(const MdNegotiator *negotiator, const MdSdpMedia *line)
{
    return line->port != 0 || (negotiator->options.browser && line->bundled && line->bundle_only);
}

/* Which m= line to take: the first that can be secured, else the first usable one. -1: none. */
static int choose_line(MdNegotiator *negotiator, unsigned media, const MdSdp *sdp,
                       const int meant[MD_SDP_MEDIA_MAX], Candidate *ret, GError **error)
{
    int chosen = -1;
    for (unsigned i = 0; i < sdp->n_media; i++) {
        const MdSdpMedia *line = &sdp->media[i];
        Candidate c;
        if (meant[i] != (int)media || !is_offered(negotiator, line) || !consider(negotiator, media, line, &c, error))
            continue;
        if (chosen < 0 || (ret->agreed.security == MD_AGREED_PLAIN && c.agreed.security != MD_AGREED_PLAIN)) {
            chosen = (int)i;
            *ret = c;
        }
    }
    return chosen;
}

/* Dynamic numbers agreed once stay bound to their codec for our later offers (RFC 3264, 8.3.2). */
static void remember_pt(MdNegotiator *negotiator, MdFormatKind kind, uint8_t pt)
{
    static const uint8_t spare[] = {96, 97, 98, 99, 101, 102, 103, 104, 105, 106, 107, 108, 109};
    if (pt == MD_PT_NONE)
        return;
    for (unsigned other = 0; other < MD_FORMAT_MAX; other++) {
        if (other == (unsigned)kind || negotiator->pts[other] != pt)
            continue;
        for (unsigned s = 0; s < sizeof spare; s++)
            if (spare[s] != pt && !memchr(negotiator->pts, spare[s], sizeof negotiator->pts)) {
                negotiator->pts[other] = spare[s];
                break;
            }
    }
    negotiator->pts[kind] = pt;
}

static void remember_agreement(MdNegotiator *negotiator, const MdAgreed *agreed)
{
    const MdAgreedMedia *audio = &agreed->media[MD_LEG_MEDIA_AUDIO],
                        *video = &agreed->media[MD_LEG_MEDIA_VIDEO];
    for (unsigned i = 0; audio->active && i < audio->n_receive; i++)
        remember_pt(negotiator, audio_format_of[audio->receive[i].codec], audio->receive[i].pt);
    if (audio->active && audio->dtmf_clock_rate == 8000)
        remember_pt(negotiator, MD_FORMAT_DTMF, audio->dtmf_receive_pt);
    if (video->active && video->n_receive == 1)
        remember_pt(negotiator,
                    video->codec == MD_VIDEO_VP8 ? MD_FORMAT_VP8
                    : video->h264_mode           ? MD_FORMAT_H264_1
                                                 : MD_FORMAT_H264_0,
                    video->receive[0].pt);
    negotiator->agreed = *agreed;
    negotiator->complete = true;
    negotiator->offered = false;
}

/* The version grows whenever the text changes (RFC 3264, 8). */
static char *finish_text(MdNegotiator *negotiator, const GString *lines)
{
    if (negotiator->last_text && strcmp(negotiator->last_text, lines->str) != 0)
        negotiator->session_version++;
    g_free(negotiator->last_text);
    negotiator->last_text = g_strdup(lines->str);
    GString *text = g_string_sized_new(lines->len + 160);
    md_describe_session(negotiator, text);
    md_describe_bundle(negotiator, text);
    g_string_append_len(text, lines->str, (gssize)lines->len);
    return g_string_free(text, FALSE);
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

/* What goes for all lines of a browser: one certificate and one pair of credentials. ret_restart: they are not those of before. */
static bool check_bundle(const MdNegotiator *negotiator, const MdSdp *sdp, const MdAgreed *agreed,
                         bool *ret_restart, GError **error)
{
    const MdSdpMedia *tagged = &sdp->media[sdp->tagged];
    const MdAgreedMedia *first = NULL;
    *ret_restart = false;
    if (!negotiator->options.browser)
        return true;
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++) {
        const MdAgreedMedia *media = &agreed->media[m];
        if (!media->active)
            continue;
        first = first ? first : media;
        if (strcmp(first->fingerprint, media->fingerprint) != 0 || first->dtls_active != media->dtls_active)
            return not_acceptable(error, "the lines of a BUNDLE name different certificates or roles");
    }
    if (first && (strlen(tagged->ufrag) < 4 || strlen(tagged->password) < 22)) {
        g_set_error(error, MD_LEG_ERROR, MD_LEG_ERROR_SYNTAX, "a=ice-ufrag or a=ice-pwd is missing or too short");
        return false;
    }
    *ret_restart = first && negotiator->remote.ufrag[0] &&
                   (strcmp(negotiator->remote.ufrag, tagged->ufrag) != 0 ||
                    strcmp(negotiator->remote.password, tagged->password) != 0);
    return true;
}

static void remember_ice(MdNegotiator *negotiator, const MdSdp *sdp)
{
    const MdSdpMedia *tagged = &sdp->media[sdp->tagged];
    MdRemoteIce *remote = &negotiator->remote;
    g_strlcpy(remote->ufrag, tagged->ufrag, sizeof remote->ufrag);
    g_strlcpy(remote->password, tagged->password, sizeof remote->password);
    remote->n_candidates = sdp->n_candidates;
    memcpy(remote->candidates, sdp->candidates, sizeof remote->candidates);
    remote->end_of_candidates = sdp->end_of_candidates;
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
    if (at[MD_LEG_MEDIA_CONTENT] >= 0 && !have_content_port(negotiator)) {
        at[MD_LEG_MEDIA_CONTENT] = -1;
        chosen[MD_LEG_MEDIA_CONTENT] = (Candidate){.agreed = {.codec = -1}};
    }
    /* Every port 0 is a lawful way to end all streams of a session that exists. */
    bool any_port = false;
    for (unsigned i = 0; i < sdp->n_media; i++)
        any_port |= is_offered(negotiator, &sdp->media[i]);
    if (at[0] < 0 && at[1] < 0 && (any_port || !negotiator->complete)) {
        if (why)
            g_propagate_error(error, g_steal_pointer(&why));
        else
            not_acceptable(error, "neither audio nor video is offered");
        return NULL;
    }
    MdAgreed agreed = {0};
    bool restart;
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++)
        agreed.media[m] = chosen[m].agreed;
    if (!check_bundle(negotiator, sdp, &agreed, &restart, error))
        return NULL;
    int floor_at = md_floor_choose(negotiator, sdp, &agreed);
    if (floor_at >= 0)
        meant[floor_at] = MD_LINE_FLOOR;
    g_autoptr(GString) lines = write_answer(negotiator, sdp, meant, at, chosen, restart);
    remember_agreement(negotiator, &agreed);
    if (negotiator->options.browser)
        remember_ice(negotiator, sdp);
    *ret_agreed = agreed;
    return finish_text(negotiator, lines);
}

/* ---- offering ---- */

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
    for (unsigned m = 0; options->security != MD_SECURITY_OFF && m < MD_LEG_MEDIA_MAX; m++)
        for (int suite = 0; suite < MD_SRTP_SUITE_MAX; suite++)
            if (!make_key(negotiator, m, (MdSrtpSuite)suite, error))
                return NULL;
    if (!negotiator->complete) {
        negotiator->n_lines = 0;
        if (options->n_audio_codecs)
            new_line(negotiator, MD_LEG_MEDIA_AUDIO, proto);
        if (options->n_video_codecs)
            new_line(negotiator, MD_LEG_MEDIA_VIDEO, proto);
        if (options->n_video_codecs && options->content && options->offer_content && have_content_port(negotiator))
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
    return finish_text(negotiator, lines);
}

static bool agree_answered_security(const MdNegotiator *negotiator, unsigned media, const MdLine *ours,
                                    const MdSdpMedia *line, MdAgreedMedia *ret, GError **error)
{
    ret->security = MD_AGREED_PLAIN;
    if (md_sdp_proto_is_dtls(ours->proto)) {
        if (line->setup == MD_SDP_SETUP_ACTPASS || line->setup == MD_SDP_SETUP_NONE)
            return not_acceptable(error, "the answer has neither a=setup:active nor passive");
        return agree_dtls(negotiator, media, line, ret, error);
    }
    for (unsigned c = 0; negotiator->options.security != MD_SECURITY_OFF && c < line->n_cryptos; c++) {
        const MdSdpCrypto *crypto = &line->cryptos[c];
        /* Of a suite that our offers do not name the peer cannot have our key. */
        if (!negotiator->has_key[media][crypto->key.suite] ||
            crypto->key.suite == MD_SRTP_AES_CM_128_HMAC_SHA1_32)
            continue;
        ret->security = MD_AGREED_SDES;
        ret->local_key = negotiator->keys[media][crypto->key.suite];
        ret->remote_key = crypto->key;
        return true;
    }
    if (negotiator->options.security == MD_SECURITY_REQUIRED || md_sdp_proto_is_secure(line->proto))
        return not_acceptable(error, "the answer has no a=crypto line that fits our offer");
    return true;
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
            kind = codec < 0 ? MD_FORMAT_MAX : audio_format_of[codec];
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
        return not_acceptable(error, "the answer has no %s codec of our offer", line->media_text);
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
        if (ours->media < 0 || !is_offered(negotiator, line))
            continue;
        if ((ours->media == MD_LEG_MEDIA_AUDIO) != (line->kind == MD_SDP_AUDIO) ||
            line->kind == MD_SDP_OTHER || line->proto == MD_SDP_PROTO_OTHER)
            return not_acceptable(error, "m= line %u of the answer is %s over %s", i + 1, line->media_text,
                                  line->proto_text);
        MdAgreedMedia out = {.codec = -1,
                             .dtmf_send_pt = MD_PT_NONE,
                             .dtmf_receive_pt = MD_PT_NONE,
                             .cn_receive_pt = MD_PT_NONE,
                             .rtx_pt = MD_PT_NONE};
        if (!address_usable(negotiator, line))
            return not_acceptable(error, "the address family of c= is not ours");
        if (!agree_answered_formats(negotiator, (unsigned)ours->media, line, &out, error) ||
            !agree_answered_security(negotiator, (unsigned)ours->media, ours, line, &out, error))
            return false;
        agree_transport(line, &out);
        if (negotiator->options.browser)
            agree_browser(line, md_sdp_find_format(line, out.send_pt), &out);
        agreed.media[ours->media] = out;
        any = true;
    }
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++)
        if (!agreed.media[m].active)
            agreed.media[m].codec = -1;
    if (!any)
        return not_acceptable(error, "every m= line was refused");
    agreed.floor.active = agreed.floor.active && agreed.media[MD_LEG_MEDIA_CONTENT].active;
    bool restart;
    if (!check_bundle(negotiator, sdp, &agreed, &restart, error))
        return false;
    if (negotiator->options.browser)
        remember_ice(negotiator, sdp);
    remember_agreement(negotiator, &agreed);
    *ret_agreed = agreed;
    return true;
}
