/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What goes for a line whichever side offered it: its transport, its place in a bundle. */
#include "mediad/leg/negotiate-private.h"

#include <string.h>

bool leg_address_usable(const MdNegotiator *negotiator, const MdSdpMedia *line)
{
    return negotiator->options.browser ||
           md_addr_is_v6(&line->rtp) == (strchr(negotiator->options.local_host, ':') != NULL);
}

/* What a browser's line has more. format: the one that was chosen, by the peer's number. */
void leg_agree_browser(const MdSdpMedia *line, const MdSdpFormat *format, MdAgreedMedia *ret)
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

void leg_agree_transport(const MdSdpMedia *line, MdAgreedMedia *ret)
{
    ret->active = true;
    ret->remote = line->rtp;
    ret->rtcp_mux = line->rtcp_mux;
    ret->remote_rtcp = line->rtcp_mux ? line->rtp : line->rtcp;
    /* theirs turned round; an address of zeros says "do not send to me" */
    unsigned theirs = line->held_address ? line->direction & ~(unsigned)MD_SDP_RECV : line->direction;
    ret->direction = (theirs & MD_SDP_SEND ? MD_SDP_RECV : 0) | (theirs & MD_SDP_RECV ? MD_SDP_SEND : 0);
}

bool leg_have_content_port(MdNegotiator *negotiator)
{
    MdNegotiatorOptions *options = &negotiator->options;
    if (!options->local_port[MD_LEG_MEDIA_CONTENT] && options->open_content)
        options->local_port[MD_LEG_MEDIA_CONTENT] = options->open_content(options->open_content_user);
    return options->local_port[MD_LEG_MEDIA_CONTENT] != 0;
}

bool leg_have_stream(const MdNegotiator *negotiator, unsigned media)
{
    const MdNegotiatorOptions *options = &negotiator->options;
    return !options->open_stream || options->open_stream(options->open_content_user, media);
}

/* Nothing comes in on it, so its payload types tell no packet of the peer's apart. */
void leg_agree_stream(MdAgreedMedia *ret)
{
    ret->direction &= MD_SDP_SEND;
    ret->n_receive = ret->n_rids = ret->n_ssrcs = 0;
}

/* Port 0 refuses a line, but not one that rides on another's transport. */
bool leg_is_offered(const MdNegotiator *negotiator, const MdSdpMedia *line)
{
    return line->port != 0 || (negotiator->options.browser && line->bundled && line->bundle_only);
}

/* What goes for all lines of a browser: one certificate and one pair of credentials. ret_restart: they are not those of before. */
bool leg_check_bundle(const MdNegotiator *negotiator, const MdSdp *sdp, const MdAgreed *agreed,
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
            return leg_not_acceptable(error, "the lines of a BUNDLE name different certificates or roles");
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

void leg_remember_ice(MdNegotiator *negotiator, const MdSdp *sdp)
{
    const MdSdpMedia *tagged = &sdp->media[sdp->tagged];
    MdRemoteIce *remote = &negotiator->remote;
    g_strlcpy(remote->ufrag, tagged->ufrag, sizeof remote->ufrag);
    g_strlcpy(remote->password, tagged->password, sizeof remote->password);
    remote->n_candidates = sdp->n_candidates;
    memcpy(remote->candidates, sdp->candidates, sizeof remote->candidates);
    remote->end_of_candidates = sdp->end_of_candidates;
}
