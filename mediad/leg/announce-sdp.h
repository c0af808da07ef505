/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <glib.h>
#include "mediad/core/media.h"
#include "mediad/transport/addr.h"
#include "mediad/transport/srtp.h"

/* Session descriptions of a broadcast announcement: one offer serves thousands of loudspeakers, because everybody gets
 * the same stream from the same address under the same group key. Pure functions; control thread. */
typedef struct MdAnnounceCodec {
    MdAudioCodec codec;
    uint8_t payload_type;       /* what the fan-out puts into the packets: 0, 8, 9 for G.711/G.722, 96..127 for Opus */
} MdAnnounceCodec;

typedef struct MdAnnounceOffer {
    const char *local_host;     /* numeric; c= line */
    uint16_t local_port;        /* RTP; RTCP is the next one, or the same where the peer takes rtcp-mux */
    const MdAnnounceCodec *codecs; /* order of preference, 1..8 */
    unsigned n_codecs;
    unsigned ptime_ms;          /* 20, 40, 60 */
    uint32_t opus_bitrate_bps;  /* 0: not said */
    MdSecurity security;        /* REQUIRED: RTP/SAVP; PREFERRED: RTP/AVP with a=crypto; OFF: RTP/AVP */
    const MdSrtpKey *const *keys; /* group keys, order of preference; unused when security is OFF */
    unsigned n_keys;            /* 1..4 unless OFF */
    uint64_t session_id, session_version;
    const char *session_name;   /* NULL: "-" */
} MdAnnounceOffer;

typedef struct MdAnnounceAnswer {
    MdAddr remote;              /* where to send RTP */
    MdAddr remote_rtcp;         /* where its receiver reports come from and ours go */
    MdAudioCodec codec;
    uint8_t payload_type;       /* as offered: the loudspeaker's own numbering must agree (RFC 3264, 6.1), else it is refused */
    unsigned ptime_ms;          /* asked by the peer, 0: nothing said */
    bool rtcp_mux;
    bool secured;
    MdSrtpSuite suite;          /* which of the offered keys it took; INVALID when not secured */
    MdSrtpKey remote_key;       /* its own key: for its RTCP reports */
} MdAnnounceAnswer;

/* g_free. NULL + MD_LEG_ERROR on nonsense in offer. */
char *md_announce_create_offer(const MdAnnounceOffer *offer, GError **error);
/* Checks the answer against the offer it answers. NOT_ACCEPTABLE: refused (port 0), no codec of ours, inactive/sendonly,
 * security policy not met; SYNTAX: not a description. *ret untouched on failure. */
bool md_announce_parse_answer(const MdAnnounceOffer *offer, const char *sdp, MdAnnounceAnswer *ret, GError **error);
