/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <glib.h>
#include "mediad/core/media.h"
#include "mediad/transport/addr.h"
#include "mediad/transport/srtp.h"

/* A session description (RFC 8866) as what we need of it: GStreamer reads the grammar, this turns it into plain
 * values with limits. Pure; control thread. Internal to leg. */
#define MD_SDP_TEXT_MAX 49152 /* a browser's offer of three lines with every codec comes to 12 KB and more, of nine to three times that */
#define MD_SDP_MEDIA_MAX 16
#define MD_SDP_FORMATS_MAX 48
#define MD_SDP_CRYPTO_MAX 12
#define MD_SDP_FMTP_MAX 512
#define MD_SDP_LABEL_MAX 24
#define MD_SDP_FLOORS_MAX 4
#define MD_SDP_MID_MAX 32
#define MD_SDP_RIDS_MAX 4
#define MD_SDP_RID_MAX 17
#define MD_SDP_SSRCS_MAX 8
#define MD_SDP_CANDIDATES_MAX 32
#define MD_SDP_CANDIDATE_MAX 256
#define MD_SDP_ICE_TEXT_MAX 257

typedef enum MdSdpMediaKind { MD_SDP_AUDIO, MD_SDP_VIDEO, MD_SDP_OTHER } MdSdpMediaKind;

/* Bits, from the describer's point of view. */
enum { MD_SDP_SEND = 1, MD_SDP_RECV = 2, MD_SDP_SENDRECV = 3 };

enum { MD_SDP_FB_NACK = 1, MD_SDP_FB_PLI = 2, MD_SDP_FB_FIR = 4, MD_SDP_FB_TMMBR = 8, MD_SDP_FB_TWCC = 16 };

typedef enum MdSdpExt { /* header extensions we understand (RFC 8285) */
    MD_SDP_EXT_MID,          /* RFC 9143 */
    MD_SDP_EXT_RID,          /* RFC 8852 */
    MD_SDP_EXT_REPAIRED_RID,
    MD_SDP_EXT_TWCC,         /* draft-holmer-rmcat-transport-wide-cc-extensions-01 */
    MD_SDP_EXT_MAX,
} MdSdpExt;

typedef enum MdSdpProto {
    MD_SDP_PROTO_AVP,
    MD_SDP_PROTO_AVPF,
    MD_SDP_PROTO_SAVP,
    MD_SDP_PROTO_SAVPF,
    MD_SDP_PROTO_DTLS_SAVP,   /* UDP/TLS/RTP/SAVP */
    MD_SDP_PROTO_DTLS_SAVPF,
    MD_SDP_PROTO_OTHER,
} MdSdpProto;

typedef enum MdSdpSetup { MD_SDP_SETUP_NONE, MD_SDP_SETUP_ACTIVE, MD_SDP_SETUP_PASSIVE, MD_SDP_SETUP_ACTPASS } MdSdpSetup;

typedef struct MdSdpFormat {
    uint8_t pt;
    char name[24];
    uint32_t clock_rate;
    unsigned channels;
    char fmtp[MD_SDP_FMTP_MAX];
    unsigned feedback;        /* MD_SDP_FB_* */
} MdSdpFormat;

typedef struct MdSdpCrypto {
    unsigned tag;
    MdSrtpKey key;
} MdSdpCrypto;

enum { MD_SDP_FLOOR_CLIENT = 1, MD_SDP_FLOOR_SERVER = 2 };

typedef struct MdSdpFloor { /* a=floorid:1 mstrm:3 */
    uint16_t id;
    char label[MD_SDP_LABEL_MAX]; /* of the stream it governs; "" not said */
} MdSdpFloor;

typedef struct MdSdpMedia {
    MdSdpMediaKind kind;
    MdSdpProto proto;
    char media_text[24], proto_text[40], format_text[32]; /* for an answer that refuses the line */
    uint16_t port;            /* 0: refused or removed */
    MdAddr rtp, rtcp;         /* unset when the line is refused */
    bool held_address;        /* c=0.0.0.0 or ::, the old way to hold (RFC 3264, 8.4) */
    unsigned direction;
    unsigned ptime_ms, maxptime_ms; /* 0: nothing said */
    uint32_t bandwidth_bps;   /* TIAS, else AS, else 0 */
    bool rtcp_mux;
    unsigned n_formats;
    MdSdpFormat formats[MD_SDP_FORMATS_MAX];
    unsigned n_cryptos;       /* those we understand; lines with an MKI or more than one key are left out */
    MdSdpCrypto cryptos[MD_SDP_CRYPTO_MAX];
    char fingerprint[200];    /* "sha-256 AB:…", "" none */
    MdSdpSetup setup;
    bool slides;              /* a=content:slides (RFC 4796) */
    char label[MD_SDP_LABEL_MAX]; /* a=label (RFC 4574), "" none */
    char mid[MD_SDP_MID_MAX]; /* a=mid (RFC 5888), "" none */
    bool bundled, bundle_only; /* in a=group:BUNDLE; a port of 0 does not refuse it (RFC 9143, 6) */
    bool rtcp_rsize;
    char ufrag[MD_SDP_ICE_TEXT_MAX], password[MD_SDP_ICE_TEXT_MAX]; /* "" none */
    uint8_t ext[MD_SDP_EXT_MAX]; /* identifiers, 0: not offered */
    unsigned n_rids;          /* of a=simulcast:send (RFC 8853), first alternatives, in order */
    char rids[MD_SDP_RIDS_MAX][MD_SDP_RID_MAX];
    unsigned n_ssrcs;         /* a=ssrc (RFC 5576) */
    uint32_t ssrcs[MD_SDP_SSRCS_MAX];
    bool bfcp, bfcp_stream;   /* m=application UDP/BFCP, TCP/BFCP (RFC 8856) */
    unsigned floor_roles;     /* MD_SDP_FLOOR_*, what the describer offers to be */
    unsigned n_floors;
    MdSdpFloor floors[MD_SDP_FLOORS_MAX];
} MdSdpMedia;

typedef struct MdSdp {
    unsigned n_media;
    MdSdpMedia media[MD_SDP_MEDIA_MAX];
    bool bundle;              /* a=group:BUNDLE is there */
    unsigned tagged;          /* the line whose transport all take: the first of the group */
    unsigned n_candidates;    /* of the tagged line, "candidate:…" */
    char candidates[MD_SDP_CANDIDATES_MAX][MD_SDP_CANDIDATE_MAX];
    bool end_of_candidates;
} MdSdp;

/* NULL + MD_LEG_ERROR_SYNTAX saying what is wrong. g_free. ice: addresses come by candidates; what c= says does not count. */
MdSdp *md_sdp_parse(const char *text, bool ice, GError **error);

/* Is this m=video line slides or a screen? By its own word, or because a floor of BFCP governs it. */
bool md_sdp_is_content(const MdSdp *sdp, unsigned line);
/* Value of a parameter in an a=fmtp text ("a=1; b=2"), names in any case. false: not there or too long. */
bool md_fmtp_get(const char *fmtp, const char *name, char *ret, size_t cap);
unsigned md_fmtp_get_uint(const char *fmtp, const char *name, unsigned fallback);
/* One "a=crypto" value ("1 AES_CM_128_HMAC_SHA1_80 inline:…|2^31"). false: unknown suite, MKI, several keys, bad key. */
bool md_sdp_parse_crypto(const char *value, MdSdpCrypto *ret);
const char *md_sdp_direction_to_string(unsigned direction);
const char *md_sdp_ext_to_string(MdSdpExt ext); /* its URI */
const MdSdpFormat *md_sdp_find_format(const MdSdpMedia *media, uint8_t pt); /* or NULL */
/* The retransmission format of format pt (RFC 4588, apt), or NULL. */
const MdSdpFormat *md_sdp_find_rtx(const MdSdpMedia *media, uint8_t pt);
const char *md_sdp_proto_to_string(MdSdpProto proto);
bool md_sdp_proto_is_secure(MdSdpProto proto);
bool md_sdp_proto_is_dtls(MdSdpProto proto);
