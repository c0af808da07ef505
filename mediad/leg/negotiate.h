/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "mediad/leg/leg.h"
#include "mediad/leg/sdp.h"

/* Offer and answer (RFC 3264) of one leg: at most one audio line, one of pictures and one of content (slides, a screen:
 * a second m=video, told by md_sdp_is_content), everything else refused with port 0 and kept in its place. Decides, but touches no socket, thread or codec. Control thread. Internal to leg.
 *
 * Security in our offers. REQUIRED: RTP/SAVP with a=crypto. PREFERRED: RTP/AVP with a=crypto ("best effort"): devices that know
 * SDES take it (baresip "srtp"), those that do not ignore the attribute and stay reachable with plain RTP; the RFC 4568 way
 * (RTP/SAVP) would be refused by them. offer_dtls: UDP/TLS/RTP/SAVP with a=fingerprint instead. */
enum {
    MD_LEG_MEDIA_AUDIO, MD_LEG_MEDIA_VIDEO, MD_LEG_MEDIA_CONTENT,
    MD_LEG_MEDIA_STREAM, /* the first of a browser's lines for pictures of others, sent as they came: we send only */
    MD_LEG_MEDIA_MAX = MD_LEG_MEDIA_STREAM + MD_LEG_STREAMS_MAX,
};

typedef enum MdAgreedSecurity { MD_AGREED_PLAIN, MD_AGREED_SDES, MD_AGREED_DTLS } MdAgreedSecurity;

#define MD_PT_NONE 255
#define MD_AGREED_CODECS_MAX 4
#define MD_PARAMETER_SETS_MAX 4
#define MD_PARAMETER_SET_LEN_MAX 96

typedef struct MdAgreedMedia {
    bool active;              /* the line is there with a port on both sides */
    unsigned direction;       /* MD_SDP_*, from our point of view */
    MdAddr remote, remote_rtcp;
    bool rtcp_mux;
    uint8_t send_pt;
    int codec;                /* MdAudioCodec or MdVideoCodec we send */
    unsigned n_receive;       /* what may come in */
    struct {
        uint8_t pt;
        int codec;
    } receive[MD_AGREED_CODECS_MAX];
    /* audio */
    uint8_t dtmf_send_pt, dtmf_receive_pt, cn_receive_pt;
    uint32_t dtmf_clock_rate;
    unsigned ptime_ms;        /* 20, 40, 60 */
    bool opus_fec;
    uint32_t opus_bitrate_bps;
    /* video */
    unsigned feedback;        /* MD_SDP_FB_*, agreed */
    uint8_t h264_mode, h264_rank; /* rank: md_h264_profile_rank of what was agreed */
    MdVideoClass max;
    unsigned n_parameter_sets;  /* H.264: what the peer says of its pictures beforehand (RFC 6184, 8.1, sprop-parameter-sets) */
    struct {
        uint8_t len, data[MD_PARAMETER_SET_LEN_MAX];
    } parameter_sets[MD_PARAMETER_SETS_MAX];
    /* security */
    MdAgreedSecurity security;
    MdSrtpKey local_key, remote_key; /* SDES */
    char fingerprint[200];           /* DTLS: the peer's */
    bool dtls_active;
    /* browsers */
    char mid[MD_SDP_MID_MAX];
    uint8_t ext[MD_SDP_EXT_MAX];     /* header extensions agreed on, 0: not */
    uint8_t red_pt;                  /* sound with copies of the frames before, both ways (RFC 2198); MD_PT_NONE: without */
    bool red_first;                  /* the peer put it before plain sound: it wants to send so, which Chromium goes by */
    uint8_t rtx_pt;                  /* retransmissions both ways (RFC 4588); MD_PT_NONE: without */
    bool rtcp_rsize;
    unsigned n_rids;                 /* layers it sends (RFC 8853), in the order it named them; 0: one */
    char rids[MD_SDP_RIDS_MAX][MD_SDP_RID_MAX];
    unsigned n_ssrcs;                /* that it announced for this line */
    uint32_t ssrcs[MD_SDP_SSRCS_MAX];
} MdAgreedMedia;

typedef struct MdRemoteIce { /* what a browser's description said of its path; not part of the agreement */
    char ufrag[MD_SDP_ICE_TEXT_MAX], password[MD_SDP_ICE_TEXT_MAX];
    unsigned n_candidates;
    char candidates[MD_SDP_CANDIDATES_MAX][MD_SDP_CANDIDATE_MAX];
    bool end_of_candidates;
} MdRemoteIce;

typedef struct MdAgreedFloor { /* of content, by BFCP (RFC 8856): the peer is the client, we the server */
    bool active, stream;
    uint32_t conference;
    uint16_t user, floor;
    MdAddr remote;
} MdAgreedFloor;

typedef struct MdAgreed {
    MdAgreedMedia media[MD_LEG_MEDIA_MAX];
    MdAgreedFloor floor;
} MdAgreed;

typedef struct MdNegotiatorOptions { /* strings borrowed: they outlive the negotiator */
    const char *local_host;
    uint16_t local_port[MD_LEG_MEDIA_MAX];
    bool content;             /* a line of content is taken */
    bool offer_content;       /* and our first offer has one */
    bool second_video_is_content; /* whatever its attributes: what browsers send */
    /* Gives content its local_port when a description first has the line; 0: refused. NULL: local_port is set. */
    uint16_t (*open_content)(void *user);
    void *open_content_user;
    unsigned streams;         /* lines for pictures of others that are taken: the m=video lines after content (browsers) */
    /* Called when a description first has such a line; false: refused. NULL: any is taken. */
    bool (*open_stream)(void *user, unsigned media);
    uint16_t floor_port;      /* of our BFCP server, UDP and TCP; 0: none */
    uint32_t floor_conference;
    MdSecurity security;
    const char *fingerprint;  /* ours, "sha-256 …"; NULL: no DTLS */
    bool offer_dtls;
    MdAudioCodec audio_codecs[MD_AUDIO_CODEC_MAX];
    unsigned n_audio_codecs;
    MdVideoCodec video_codecs[MD_VIDEO_CODEC_MAX];
    unsigned n_video_codecs;
    MdVideoClass video_max;
    /* A browser (RFC 8829): one ICE path and one DTLS association for all lines, a=mid, header extensions, simulcast */
    bool browser;
    uint32_t ssrc[MD_LEG_MEDIA_MAX], rtx_ssrc[MD_LEG_MEDIA_MAX]; /* ours, announced */
    const char *cname;
    /* Writes a=ice-ufrag, a=ice-pwd, a=ice-options; restart: with new ones (RFC 8445, 9). Candidates follow for the first line. */
    void (*describe_ice)(void *user, bool restart, bool candidates, GString *out);
    void *ice_user;
} MdNegotiatorOptions;

typedef enum MdFormatKind { /* what has a payload type number */
    MD_FORMAT_OPUS, MD_FORMAT_G722, MD_FORMAT_PCMA, MD_FORMAT_PCMU, MD_FORMAT_DTMF, MD_FORMAT_CN,
    MD_FORMAT_H264_1, MD_FORMAT_H264_0, MD_FORMAT_VP8, MD_FORMAT_MAX,
} MdFormatKind;

#define MD_LINE_FLOOR (-2)
#define MD_CONTENT_LABEL "3" /* a=label of our content line, for the floor to name */

typedef struct MdLine { /* one m= line of the session, in its place for ever */
    int media;          /* MD_LEG_MEDIA_*, MD_LINE_FLOOR, or -1: refused */
    MdSdpProto proto;
    char media_text[24], proto_text[40], format_text[32];
    char mid[MD_SDP_MID_MAX]; /* browsers */
} MdLine;

typedef struct MdNegotiator {
    MdNegotiatorOptions options;
    uint64_t session_id, session_version;
    char *last_text;          /* what was sent last, to know when the version must grow */
    bool offered;             /* an offer of ours waits for its answer */
    unsigned n_lines;
    MdLine lines[MD_SDP_MEDIA_MAX];
    uint8_t pts[MD_FORMAT_MAX];
    bool has_key[MD_LEG_MEDIA_MAX][MD_SRTP_SUITE_MAX];
    MdSrtpKey keys[MD_LEG_MEDIA_MAX][MD_SRTP_SUITE_MAX]; /* ours, made once per leg: a re-INVITE does not rekey */
    MdAgreed agreed;          /* last complete agreement */
    bool complete;
    MdRemoteIce remote;       /* browsers: of the last description */
} MdNegotiator;

/* session_id 0: random. */
void md_negotiator_init(MdNegotiator *negotiator, const MdNegotiatorOptions *options, uint64_t session_id);
void md_negotiator_clear(MdNegotiator *negotiator);
char *md_negotiator_create_offer(MdNegotiator *negotiator, GError **error);
/* On success *ret_agreed is the new agreement; on failure nothing has changed. */
char *md_negotiator_accept_offer(MdNegotiator *negotiator, const char *sdp, MdAgreed *ret_agreed, GError **error);
bool md_negotiator_accept_answer(MdNegotiator *negotiator, const char *sdp, MdAgreed *ret_agreed, GError **error);

/* --- floor.c --- */
/* Which line of an offer becomes floor control: -1 none. Needs the content to be agreed. */
int md_floor_choose(const MdNegotiator *negotiator, const MdSdp *sdp, MdAgreed *agreed);
void md_floor_accept_answer(const MdNegotiator *negotiator, const MdSdpMedia *line, MdAgreed *agreed);
void md_floor_describe(const MdNegotiator *negotiator, const MdLine *line, GString *out);
void md_floor_new_line(MdNegotiator *negotiator);

/* --- describe.c: text out --- */
typedef struct MdDescribed { /* one line of ours to write */
    const MdAgreedMedia *agreed; /* answer: what to say; NULL in offers */
    uint8_t answer_pt;
    const char *h264_profile;    /* answer: "42e01f" */
    bool h264_asymmetry;
    unsigned crypto_tag;
    bool restart;                /* browsers: with new ICE credentials */
} MdDescribed;
void md_describe_session(const MdNegotiator *negotiator, GString *out);
void md_describe_refused(const MdLine *line, GString *out);
void md_describe_offer_line(const MdNegotiator *negotiator, const MdLine *line, GString *out);
void md_describe_answer_line(const MdNegotiator *negotiator, const MdLine *line, const MdDescribed *described, GString *out);
/* describe-browser.c: what a browser's lines have more; nothing otherwise. */
void md_describe_bundle(const MdNegotiator *negotiator, GString *out);
/* After the format list of m=, in answers: " 109" of retransmissions. */
void md_describe_rtx_number(const MdAgreedMedia *agreed, GString *out);
void md_describe_browser_line(const MdNegotiator *negotiator, const MdLine *line, const MdAgreedMedia *agreed,
                              bool restart, GString *out);
/* H.264 level (times ten) that our largest class needs. */
unsigned md_h264_level_for(const MdVideoClass *max);

/* --- formats.c: which format of a line to take --- */
/* MdAudioCodec when we speak it, else -1. */
int md_negotiator_audio_codec(const MdNegotiator *negotiator, const MdSdpFormat *format);
/* By our order of preference; NULL: none in common. */
const MdSdpFormat *md_negotiator_choose_audio(const MdNegotiator *negotiator, const MdSdpMedia *media, int *ret_codec);
const MdSdpFormat *md_negotiator_choose_video(const MdNegotiator *negotiator, const MdSdpMedia *media, int *ret_codec);
/* 0: cannot use this format; the higher the better within its codec. */
unsigned md_negotiator_rank_video(const MdNegotiator *negotiator, const MdSdpFormat *format, int *ret_codec);
const MdSdpFormat *md_sdp_find_dtmf(const MdSdpMedia *media, uint32_t clock_rate);
/* Redundancy that holds blocks of this format of Opus only (RFC 2198, 5); NULL: none. */
const MdSdpFormat *md_sdp_find_red(const MdSdpMedia *media, uint8_t opus_pt);
const MdSdpFormat *md_sdp_find_cn(const MdSdpMedia *media);
/* Packet time, bit rate, picture class … of the chosen format; ret->codec is set. */
void md_negotiator_agree_audio(const MdSdpMedia *media, const MdSdpFormat *format, MdAgreedMedia *ret);
void md_negotiator_agree_video(const MdNegotiator *negotiator, const MdSdpMedia *media, const MdSdpFormat *format, MdAgreedMedia *ret);

/* --- capability.c: what a peer's video parameters allow --- */
/* 0..4: how well we like this H264 format (constrained baseline best), 0: cannot. Level in *ret_level (times ten). */
unsigned md_h264_profile_rank(const char *fmtp, unsigned *ret_level);
void md_h264_video_max(const char *fmtp, const MdVideoClass *ours, uint32_t bandwidth_bps, MdVideoClass *ret);
void md_vp8_video_max(const char *fmtp, const MdVideoClass *ours, uint32_t bandwidth_bps, MdVideoClass *ret);
