/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What browsers write more: header extensions, simulcast, bundles, candidates. */
#include "mediad/leg/sdp-private.h"

#include <string.h>

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
void sdp_read_extmap(MdSdpMedia *media, const char *value)
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
void sdp_read_simulcast(MdSdpMedia *media, const char *value)
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

void sdp_read_ssrc(MdSdpMedia *media, const char *value)
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

void sdp_read_transport(MdSdp *sdp, const GstSDPMessage *msg)
{
    for (guint i = 0; i < gst_sdp_message_attributes_len(msg); i++) {
        const GstSDPAttribute *a = gst_sdp_message_get_attribute(msg, i);
        if (a->key && a->value && !strcmp(a->key, "group"))
            read_bundle(sdp, a->value);
    }
    read_candidates(sdp, msg);
}
