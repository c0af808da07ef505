/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The line of floor control in a description (RFC 8856): we are the server, the peer its one user. */
#include "mediad/leg/negotiate.h"
#include "mediad/leg/call.h"

enum { USER = 1, FLOOR = 1 };

static bool is_v6(const char *host)
{
    return strchr(host, ':') != NULL;
}

/* Usable at all: a plain transport, an address of our family, a peer that will be the client. */
static bool is_usable(const MdNegotiator *negotiator, const MdSdpMedia *line)
{
    return line->bfcp && line->port && md_addr_is_set(&line->rtp) && !md_addr_is_any(&line->rtp) &&
           md_addr_is_v6(&line->rtp) == is_v6(negotiator->options.local_host) && (line->floor_roles & MD_SDP_FLOOR_CLIENT) &&
           !(line->bfcp_stream && line->setup == MD_SDP_SETUP_PASSIVE); /* over TCP it is the user that connects */
}

static void agree(const MdNegotiator *negotiator, const MdSdpMedia *line, MdAgreed *agreed)
{
    agreed->floor = (MdAgreedFloor){.active = true,
                                    .stream = line->bfcp_stream,
                                    .conference = negotiator->options.floor_conference,
                                    .user = USER,
                                    .floor = FLOOR,
                                    .remote = line->rtp};
}

int md_floor_choose(const MdNegotiator *negotiator, const MdSdp *sdp, MdAgreed *agreed)
{
    agreed->floor.active = false;
    if (!negotiator->options.floor_port || !agreed->media[MD_LEG_MEDIA_CONTENT].active)
        return -1;
    for (unsigned i = 0; i < sdp->n_media; i++)
        if (is_usable(negotiator, &sdp->media[i])) {
            agree(negotiator, &sdp->media[i], agreed);
            return (int)i;
        }
    return -1;
}

void md_floor_accept_answer(const MdNegotiator *negotiator, const MdSdpMedia *line, MdAgreed *agreed)
{
    if (is_usable(negotiator, line))
        agree(negotiator, line, agreed);
}

void md_floor_describe(const MdNegotiator *negotiator, const MdLine *line, GString *out)
{
    bool stream = g_ascii_strncasecmp(line->proto_text, "TCP", 3) == 0;
    g_string_append_printf(out, "m=application %u %s *\r\n", negotiator->options.floor_port, line->proto_text);
    g_string_append_printf(out, "a=floorctrl:s-only\r\na=confid:%u\r\na=userid:%u\r\na=floorid:%u mstrm:" MD_CONTENT_LABEL "\r\n",
                           negotiator->options.floor_conference, USER, FLOOR);
    if (stream)
        g_string_append_printf(out, "a=setup:passive\r\na=connection:%s\r\n", negotiator->agreed.floor.active ? "existing" : "new");
}

void md_floor_new_line(MdNegotiator *negotiator)
{
    MdLine *line = &negotiator->lines[negotiator->n_lines++];
    *line = (MdLine){.media = MD_LINE_FLOOR, .proto = MD_SDP_PROTO_OTHER};
    g_strlcpy(line->media_text, "application", sizeof line->media_text);
    g_strlcpy(line->proto_text, "UDP/BFCP", sizeof line->proto_text);
    g_strlcpy(line->format_text, "*", sizeof line->format_text);
}
