/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/leg/negotiate.h"

/* Inside the negotiator. Files: negotiate.c (the noun, what is remembered), offer.c, answer.c (one per direction),
 * agree-line.c, agree-security.c (what both directions decide alike). Control thread. */

/* negotiate.c */
extern const MdFormatKind leg_audio_format_of[MD_AUDIO_CODEC_MAX];
/* MD_LEG_ERROR_NOT_ACCEPTABLE with this text, unless an error is set already. Always false. */
bool leg_not_acceptable(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
void leg_remember_agreement(MdNegotiator *negotiator, const MdAgreed *agreed);
/* The session part in front of lines; g_free. */
char *leg_finish_text(MdNegotiator *negotiator, const GString *lines);

/* agree-security.c */
bool leg_make_key(MdNegotiator *negotiator, unsigned media, MdSrtpSuite suite, GError **error);
/* ret_tag: of the a=crypto line that was taken. */
bool leg_agree_offered_security(MdNegotiator *negotiator, unsigned media, const MdSdpMedia *line, MdAgreedMedia *ret,
                                unsigned *ret_tag, GError **error);
bool leg_agree_answered_security(const MdNegotiator *negotiator, unsigned media, const MdLine *ours,
                                 const MdSdpMedia *line, MdAgreedMedia *ret, GError **error);

/* agree-line.c */
bool leg_address_usable(const MdNegotiator *negotiator, const MdSdpMedia *line);
bool leg_is_offered(const MdNegotiator *negotiator, const MdSdpMedia *line);
bool leg_have_content_port(MdNegotiator *negotiator);
/* Of MD_LEG_MEDIA_STREAM and on: is there room for it; and what such a line does not do. */
bool leg_have_stream(const MdNegotiator *negotiator, unsigned media);
void leg_agree_stream(MdAgreedMedia *ret);
void leg_agree_transport(const MdSdpMedia *line, MdAgreedMedia *ret);
/* format: the one that was chosen, by the peer's number. After leg_agree_transport. */
void leg_agree_browser(const MdSdpMedia *line, const MdSdpFormat *format, MdAgreedMedia *ret);
bool leg_check_bundle(const MdNegotiator *negotiator, const MdSdp *sdp, const MdAgreed *agreed, bool *ret_restart,
                      GError **error);
void leg_remember_ice(MdNegotiator *negotiator, const MdSdp *sdp);
