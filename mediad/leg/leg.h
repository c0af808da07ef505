/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <glib.h>
#include "mediad/core/frame.h"
#include "mediad/core/log.h"
#include "mediad/core/stats.h"
#include "mediad/core/worker.h"

/* One remote party's media: negotiated description <-> transport + RTP + codecs. Made and negotiated on control, then
 * handed to one worker which alone touches packets until it is detached. Knows no signalling and no rooms. */
typedef struct MdLeg MdLeg;
typedef struct MdPortPool MdPortPool; /* mediad/transport/ports.h */
typedef struct MdDtlsIdentity MdDtlsIdentity; /* mediad/transport/dtls.h */
typedef struct MdIceService MdIceService; /* mediad/transport/ice.h */

#define MD_LEG_LAYERS_MAX 4  /* sizes of one picture that a browser sends at once (simulcast, RFC 8853), from small to large */
#define MD_LEG_STREAMS_MAX 6 /* lines of a browser for pictures of others, besides the meeting's picture and content */

/* How a browser's transport fares (RFC 8445, 7675): control hears of each change. */
typedef enum MdLegPath {
    MD_LEG_PATH_NEW,          /* nothing checked yet */
    MD_LEG_PATH_CONNECTED,    /* a checked pair carries packets */
    MD_LEG_PATH_LOST,         /* no pair, or consent not renewed: an ICE restart may mend it */
} MdLegPath;

typedef struct MdVideoClass {
    uint16_t width, height;
    uint8_t fps;
    uint32_t bitrate_bps;
} MdVideoClass;

typedef struct MdLegConfig {
    MdWorker *worker;
    MdPortPool *ports;
    const char *local_host;          /* numeric address for sockets and the c= line; copied */
    MdSecurity security;
    const MdAudioCodec *audio_codecs; /* order of preference */
    unsigned n_audio_codecs;
    const MdVideoCodec *video_codecs; /* none: audio only */
    unsigned n_video_codecs;
    MdVideoClass video_max;          /* largest class we send to or ask of it */
    unsigned jitter_min_ms, jitter_max_ms; /* 0: 20, 400 */
    bool authenticated;              /* the signalling peer proved who it is */
    const char *peer_host;           /* signalling source, numeric; may be NULL; copied */
    const MdLogger *logger;          /* copied; may be NULL */
    /* Both given: DTLS-SRTP is spoken (handshakes run on the thread that drains control). Either NULL: SDES only. */
    MdMailbox *control;              /* drained by the control thread; must outlive the worker's mail */
    const MdDtlsIdentity *dtls;      /* one per process; must outlive the leg */
    struct MdPacketiser *packetiser; /* mediad/rtp/packetise.h: shared by all legs of the worker, touched only there; NULL: none */
    bool offer_dtls;                 /* our offers ask for DTLS-SRTP (browsers) instead of SDES */
    bool content;                    /* a second line of pictures, for slides or a screen, is taken; needs video_codecs */
    bool offer_content;              /* and asked for in our first offer */
    unsigned streams;                /* a browser's lines for pictures of others that are taken, MD_LEG_STREAMS_MAX at most */
    uint16_t floor_port;             /* of the server of floors (BFCP, RFC 8856) that governs content; 0: none */
    /* A browser (RFC 8829): all lines over one ICE-checked path (BUNDLE, rtcp-mux), DTLS-SRTP only; ports and local_host
     * are not used. Needs ice, control and dtls. */
    bool browser;
    MdIceService *ice;               /* must outlive the leg */
    /* Control thread; either may be NULL. A candidate of ours that came after our description ("candidate:…", "" = that
     * was the last), for the line mid. */
    void (*on_candidate)(MdLeg *leg, const char *mid, const char *line, void *user);
    void (*on_path)(MdLeg *leg, MdLegPath path, void *user);
    void *path_user;
} MdLegConfig;

/* Control thread. Binds sockets. NULL + error when no port is free. */
MdLeg *md_leg_new(const MdLegConfig *config, GError **error);

/* Negotiation (RFC 3264), control thread. Returned text: g_free. Any of these may run again later on a live leg
 * (re-INVITE): hold, resume, codec or address change take effect on the worker by a plan swap.
 * Errors say what in the peer's description is wrong (MD_LEG_ERROR); the previous state stays. */
char *md_leg_create_offer(MdLeg *leg, GError **error);
char *md_leg_accept_offer(MdLeg *leg, const char *sdp, GError **error);      /* returns our answer */
bool md_leg_accept_answer(MdLeg *leg, const char *sdp, GError **error);

/* Control thread, browser mode: a candidate of the peer's by trickle (RFC 8840): "candidate:…" with or without "a=", "" when
 * there are no more. mid: the line it is for, NULL or "" any; all lines share one path. Names (mDNS) and protocols we do not
 * speak are passed over: such a peer is found by its own checks. Candidates may come before the offer.
 * Error: malformed, too many (32), or no browser's leg. */
bool md_leg_add_candidate(MdLeg *leg, const char *mid, const char *line, GError **error);

#define MD_LEG_ERROR (md_leg_error_quark())
GQuark md_leg_error_quark(void);
typedef enum MdLegError {
    MD_LEG_ERROR_SYNTAX,       /* 400 */
    MD_LEG_ERROR_NOT_ACCEPTABLE, /* 488: no common codec, or security policy not met */
    MD_LEG_ERROR_RESOURCES,    /* 500/503 */
} MdLegError;

/* What the room on the worker wants to hear of. All on the worker thread; must obey the tick rules. */
typedef struct MdLegSink {
    void (*on_video)(MdLeg *leg, MdFrame *frame /* borrowed; ref to keep */, void *user);
    void (*on_key_frame_request)(MdLeg *leg, void *user); /* PLI, FIR from the peer, already merged and rate-limited */
    void (*on_dtmf)(MdLeg *leg, char digit, unsigned duration_ms, void *user); /* RFC 4733, once per key press */
    void (*on_content)(MdLeg *leg, MdFrame *frame /* as on_video */, void *user); /* slides, a screen */
    void (*on_content_key_frame_request)(MdLeg *leg, void *user);
    void (*on_stream_key_frame_request)(MdLeg *leg, unsigned stream, void *user); /* of a line for others' pictures */
    /* Each layer by itself that is put together now (md_leg_want_layers), 0 without simulcast: what on_video gets is among them. */
    void (*on_layer)(MdLeg *leg, unsigned layer, MdFrame *frame /* as on_video */, void *user);
} MdLegSink;

/* Control: start media on the worker. sink and user must live until md_leg_stop's done has run. */
int md_leg_start(MdLeg *leg, const MdLegSink *sink, void *user);
/* Control: RTCP BYE, detach, then free. done(user) runs on the worker after the last callback. The leg is gone for the caller. */
void md_leg_stop(MdLeg *leg, void (*done)(void *user), void *user);

/* --- worker thread --- */
typedef struct MdLegAudio {
    bool voiced;        /* real media this tick (decoded or FEC), not concealment or silence */
    float level_dbov;   /* 0 = full scale, -127 silence */
} MdLegAudio;
/* One tick of this party's sound (zeros when there is none). Call exactly once every 20 ms. */
void md_leg_pull_audio(MdLeg *leg, int64_t now_us, float pcm[MD_AUDIO_TICK_SAMPLES], MdLegAudio *ret);

typedef struct MdLegAudioFormat {
    bool sending;        /* false: on hold, inactive, not yet keyed */
    MdAudioCodec codec;
    bool opus_fec;
    uint32_t opus_bitrate_bps;
    unsigned ptime_ms;   /* 20, 40, 60 */
} MdLegAudioFormat;
void md_leg_audio_format(const MdLeg *leg, MdLegAudioFormat *ret);
/* Sends one encoded tick; len 0: DTX, time passes, nothing is sent. */
int md_leg_send_audio(MdLeg *leg, const uint8_t *payload, size_t len, int64_t now_us);

typedef struct MdLegVideoFormat {
    bool sending, receiving;
    MdVideoCodec codec;
    uint8_t h264_packetization_mode;
    uint8_t h264_rank;   /* of the agreed profile: 4 constrained baseline (anybody decodes it), 3 baseline, 2 main, 1 high */
    MdVideoClass max;    /* what the peer can take: min of profile-level-id, b=AS/TIAS, ours, congestion */
    uint8_t layers;      /* that the peer may send, 0: one size only; each half as high as the next */
    uint8_t layers_heard; /* a bit for each that comes: browsers stop those that their line does not carry */
} MdLegVideoFormat;
void md_leg_video_format(const MdLeg *leg, MdLegVideoFormat *ret);
int md_leg_send_video(MdLeg *leg, const MdFrame *frame, int64_t now_us);
/* Height of the largest place this party's picture is shown in, 0: nowhere. Of a browser that sends several layers (RFC 8853) the
 * smallest that serves is taken from its next key frame on; elsewhere it changes nothing. Cheap: may be said with each picture. */
void md_leg_want_video(MdLeg *leg, uint16_t height);
/* Layers (a bit each) that are wanted as they are besides, for on_layer. Each begins with a key frame, which is asked for. As cheap. */
void md_leg_want_layers(MdLeg *leg, unsigned layers);
/* As md_leg_request_key_frame, of one layer. */
void md_leg_request_layer_key_frame(MdLeg *leg, unsigned layer, int64_t now_us);
/* Does that layer of n serve a place of so many lines? high: of the largest. It may be drawn up by a third. */
static inline bool md_leg_layer_serves(unsigned high, unsigned n, unsigned layer, unsigned place)
{
    return (high >> (n - 1 - layer)) * 4 >= place * 3;
}
/* PLI (or FIR where only that was agreed), at most one per 500 ms however often asked. */
void md_leg_request_key_frame(MdLeg *leg, int64_t now_us);
/* The same for slides or a screen: sending and receiving are false while no such line is agreed. */
void md_leg_content_format(const MdLeg *leg, MdLegVideoFormat *ret);
int md_leg_send_content(MdLeg *leg, const MdFrame *frame, int64_t now_us);
void md_leg_request_content_key_frame(MdLeg *leg, int64_t now_us);
/* Lines for pictures of others (browsers), 0..MD_LEG_STREAMS_MAX-1 in the order the peer described them: encoded pictures of
 * whatever source are cut into packets, numbered and timed as one stream of ours; lost ones are sent again. The source may change at a
 * key frame. sending is false while there is no such line. */
void md_leg_stream_format(const MdLeg *leg, unsigned stream, MdLegVideoFormat *ret);
int md_leg_send_stream(MdLeg *leg, unsigned stream, const MdFrame *frame, int64_t now_us);

/* Per-leg statistics: written by the worker, read by anybody. Names appear in the API and /metrics. */
#define MD_LEG_STATS(X) \
    X(audio_packets_received, COUNTER, "audio RTP packets received") \
    X(audio_packets_lost, COUNTER, "audio RTP packets that never came in time") \
    X(audio_packets_late, COUNTER, "audio RTP packets that came after their turn") \
    X(audio_packets_sent, COUNTER, "audio RTP packets sent") \
    X(audio_bytes_received, COUNTER, "audio RTP payload bytes received") \
    X(audio_bytes_sent, COUNTER, "audio RTP payload bytes sent") \
    X(audio_concealed_ticks, COUNTER, "20 ms ticks filled by concealment") \
    X(audio_fec_ticks, COUNTER, "20 ms ticks recovered by in-band FEC") \
    X(audio_red_packets, COUNTER, "audio packets that came as a copy within a later one (RED)") \
    X(audio_red_packets_sent, COUNTER, "audio packets sent with copies of those before (RED)") \
    X(audio_jitter_us, GAUGE, "interarrival jitter of received audio (RFC 3550), microseconds") \
    X(audio_delay_us, GAUGE, "present jitter-buffer delay, microseconds") \
    X(audio_level_cbov, GAUGE, "level of received audio, hundredths of a dB below overload") \
    X(video_packets_received, COUNTER, "video RTP packets received") \
    X(video_packets_lost, COUNTER, "video RTP packets lost after retransmission") \
    X(video_packets_sent, COUNTER, "video RTP packets sent") \
    X(video_packets_retransmitted, COUNTER, "video RTP packets sent again on NACK") \
    X(video_bytes_received, COUNTER, "video RTP payload bytes received") \
    X(video_bytes_sent, COUNTER, "video RTP payload bytes sent") \
    X(video_frames_received, COUNTER, "complete video frames received") \
    X(video_frames_damaged, COUNTER, "video frames with missing packets") \
    X(video_nacks_sent, COUNTER, "NACKs sent") \
    X(video_key_requests_sent, COUNTER, "PLI/FIR sent") \
    X(video_key_requests_received, COUNTER, "PLI/FIR received") \
    X(video_layer1_bytes_received, COUNTER, "video RTP payload bytes of the smallest layer of simulcast received, used or not") \
    X(video_layer2_bytes_received, COUNTER, "the same of the second") \
    X(video_layer3_bytes_received, COUNTER, "the same of the third") \
    X(video_layer4_bytes_received, COUNTER, "the same of the fourth") \
    X(video_jitter_us, GAUGE, "interarrival jitter of received video, microseconds") \
    X(content_packets_received, COUNTER, "content RTP packets received") \
    X(content_packets_lost, COUNTER, "content RTP packets lost after retransmission") \
    X(content_packets_sent, COUNTER, "content RTP packets sent") \
    X(content_packets_retransmitted, COUNTER, "content RTP packets sent again on NACK") \
    X(content_bytes_received, COUNTER, "content RTP payload bytes received") \
    X(content_bytes_sent, COUNTER, "content RTP payload bytes sent") \
    X(content_frames_received, COUNTER, "complete content frames received") \
    X(content_frames_damaged, COUNTER, "content frames with missing packets") \
    X(content_nacks_sent, COUNTER, "NACKs sent for content") \
    X(content_key_requests_sent, COUNTER, "PLI/FIR sent for content") \
    X(content_key_requests_received, COUNTER, "PLI/FIR received for content") \
    X(content_jitter_us, GAUGE, "interarrival jitter of received content, microseconds") \
    X(streams_packets_sent, COUNTER, "RTP packets of forwarded streams sent") \
    X(streams_packets_retransmitted, COUNTER, "RTP packets of forwarded streams sent again on NACK") \
    X(streams_bytes_sent, COUNTER, "RTP payload bytes of forwarded streams sent") \
    X(streams_key_requests_received, COUNTER, "PLI/FIR received for forwarded streams") \
    X(remote_streams_loss_permille, GAUGE, "loss the peer reports of a forwarded stream, the last report, per thousand") \
    X(remote_loss_permille, GAUGE, "loss the peer reports of our audio, per thousand") \
    X(remote_video_loss_permille, GAUGE, "loss the peer reports of our video, per thousand") \
    X(remote_content_loss_permille, GAUGE, "loss the peer reports of our content, per thousand") \
    X(video_target_bps, GAUGE, "what video may be sent at now: agreed, asked for and carried by the line, bits per second") \
    X(content_target_bps, GAUGE, "the same for content, bits per second") \
    X(send_estimate_bps, GAUGE, "what the line to a browser is judged to carry, by its feedback on each packet, bits per second") \
    X(send_arrived_bps, GAUGE, "what arrived at the browser of our packets over the last half second, bits per second") \
    X(send_feedbacks, COUNTER, "feedback packets of the browser on ours") \
    X(send_overuses, COUNTER, "times we sent less because a queue grew on the way or much was lost") \
    X(send_probes, COUNTER, "times a little more was sent to find out whether the line carries it") \
    X(round_trip_us, GAUGE, "round-trip time from RTCP, microseconds") \
    X(packets_rejected, COUNTER, "packets dropped: wrong source, failed authentication, malformed")
MD_STATS_STRUCT(MdLegStats, MD_LEG_STATS);
const MdLegStats *md_leg_stats(const MdLeg *leg);

/* What was agreed, for the API: control thread. */
typedef struct MdLegSummary {
    MdAudioCodec audio_codec;        /* NONE when there is no audio */
    MdVideoCodec video_codec, content_codec;
    const char *security;            /* "none", "sdes AES_CM_128_HMAC_SHA1_80", "dtls AEAD_AES_128_GCM" … */
    char remote[64];                 /* audio address:port, as latched */
} MdLegSummary;
void md_leg_summary(const MdLeg *leg, MdLegSummary *ret);
/* a=mid of a line for others' pictures, "" while it is not agreed. Control thread; valid until the next negotiation. */
const char *md_leg_stream_mid(const MdLeg *leg, unsigned stream);
/* Floor control as agreed, for md_call_open_floor. False: none. Control thread. */
struct MdCallFloor;
bool md_leg_floor(const MdLeg *leg, struct MdCallFloor *ret);
