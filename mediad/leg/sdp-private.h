/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <gst/sdp/gstsdpmessage.h>

#include "mediad/leg/sdp.h"

/* Inside the reader of descriptions; values are the attributes' texts. Files: sdp.c (session, lines, addresses), sdp-format.c,
 * sdp-crypto.c, sdp-floor.c, sdp-browser.c. */

/* sdp.c. sdp_fail: MD_LEG_ERROR_SYNTAX with this text; always false. */
bool sdp_fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
MdSdpSetup sdp_setup_from_string(const char *value);

/* sdp-format.c */
MdSdpFormat *sdp_find_format(MdSdpMedia *media, unsigned pt);
void sdp_add_formats(MdSdpMedia *ret, const GstSDPMedia *in);
bool sdp_read_rtpmap(MdSdpMedia *media, const char *value, GError **error);
void sdp_read_fmtp(MdSdpMedia *media, const char *value);
void sdp_read_feedback(MdSdpMedia *media, const char *value);

/* sdp-floor.c */
bool sdp_names_slides(const char *value);
void sdp_read_floor_line(const GstSDPMessage *msg, const GstSDPMedia *in, MdSdpMedia *ret);

/* sdp-browser.c */
void sdp_read_extmap(MdSdpMedia *media, const char *value);
void sdp_read_simulcast(MdSdpMedia *media, const char *value);
void sdp_read_ssrc(MdSdpMedia *media, const char *value);
/* a=group:BUNDLE and the candidates, once all lines are read. */
void sdp_read_transport(MdSdp *sdp, const GstSDPMessage *msg);
