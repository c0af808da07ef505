/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which pictures are slides, and the floor that governs them (RFC 4796, RFC 8856). */
#include "mediad/leg/sdp-private.h"

#include <string.h>

/* a=content:slides,alt */
bool sdp_names_slides(const char *value)
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

void sdp_read_floor_line(const GstSDPMessage *msg, const GstSDPMedia *in, MdSdpMedia *ret)
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
            ret->setup = sdp_setup_from_string(a->value);
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
