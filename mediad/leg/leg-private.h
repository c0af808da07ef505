/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <pthread.h>

#include "mediad/audio/codec.h"
#include "mediad/audio/tone.h"
#include "mediad/leg/leg.h"
#include "mediad/leg/negotiate.h"
#include "mediad/rtp/congestion.h"
#include "mediad/rtp/depacketise.h"
#include "mediad/rtp/dtmf.h"
#include "mediad/rtp/jitter.h"
#include "mediad/rtp/keyreq.h"
#include "mediad/rtp/nack.h"
#include "mediad/rtp/packet.h"
#include "mediad/rtp/packetise.h"
#include "mediad/rtp/payload.h"
#include "mediad/rtp/red.h"
#include "mediad/rtp/rtcp.h"
#include "mediad/rtp/sender.h"
#include "mediad/rtp/stream.h"
#include "mediad/rtp/twcc.h"
#include "mediad/transport/dtls.h"
#include "mediad/transport/ice.h"
#include "mediad/transport/ports.h"
#include "mediad/transport/udp.h"

/* The inside of a leg. Files: leg.c (control side), leg-plan.c (agreement -> worker), leg-net.c (packets in and out, source
 * checks), leg-bundle.c and leg-ice.c (a browser's), leg-audio.c, leg-video.c, leg-receive.c (pictures in), leg-rate.c (how much), leg-rtcp.c, leg-dtls.c (handshakes on control). */

#define AUDIO MD_LEG_MEDIA_AUDIO
#define VIDEO MD_LEG_MEDIA_VIDEO
#define CONTENT MD_LEG_MEDIA_CONTENT
#define STREAM MD_LEG_MEDIA_STREAM /* the first of those that are only sent */

/* How packets leave. Tests put their own in place of sockets and feed md_leg_receive. */
typedef struct MdLegTransport {
    int (*send)(void *user, unsigned media, bool rtcp, const MdAddr *to, const uint8_t *data, size_t len);
    void *user;
    uint16_t port[MD_LEG_MEDIA_MAX]; /* said in the description */
} MdLegTransport;

/* As md_leg_new, without sockets when transport is given (config->ports may be NULL then). */
MdLeg *md_leg_new_with_transport(const MdLegConfig *config, const MdLegTransport *transport, GError **error);
/* Worker: one datagram from the network. data is overwritten. rtcp: came to the RTCP port. */
void md_leg_receive(MdLeg *leg, unsigned media, bool rtcp, const MdAddr *from, uint8_t *data, size_t len, int64_t now_us);

typedef struct LegPart {    /* RTP, or RTCP on a port of its own */
    MdAddr remote;          /* where we send, and from where we take */
    bool latched;           /* remote was learnt from a packet: for good, until a new description */
} LegPart;

typedef struct LegDtls LegDtls;

typedef struct LegMedia {
    bool bundled;           /* a browser's: immutable. Line 0 carries send, receive and dtls of all */
    MdAgreedMedia agreed;
    MdSrtp *send, *receive; /* NULL: plain, or not keyed yet */
    bool keyed;
    LegPart part[2];
    MdPortPair ports;
    MdWatch watch[2];
    LegDtls *dtls;          /* a reference; NULL without */
    int64_t dtls_window_us; /* forwarding budget */
    unsigned dtls_in_window;
    MdSender sender;
    MdStream stream;
    int64_t rtcp_due_us;    /* INT64_MAX: no session */
    uint32_t packets_reported; /* sender.packets at the last report */
    unsigned rtcp_size;     /* running average */
    uint8_t fir_seq_sent;
    int fir_seq_seen;       /* -1 none */
    uint32_t rtx_ssrc;      /* of our retransmissions (RFC 4588) */
    uint16_t rtx_seq;
} LegMedia;

#define LEG_SOURCES_MAX 24 /* three lines, layers and their retransmissions */
#define LEG_CANDIDATES_MAX 32

typedef struct LegSource { /* an SSRC of a browser's */
    uint32_t ssrc;
    uint8_t media, layer;
    bool rtx;
} LegSource;

#define LEG_FIFO_SAMPLES (MD_AUDIO_PACKET_SAMPLES_MAX + 2 * MD_AUDIO_TICK_SAMPLES)
#define LEG_GATHER_MAX 512

typedef struct LegAudio {
    MdAudioDecoder *decoders[MD_AUDIO_CODEC_MAX];
    MdJitter *jitter;
    int codec;              /* what comes in now, -1 nothing yet */
    float fifo[LEG_FIFO_SAMPLES];
    unsigned fifo_len;
    bool fifo_voiced, quiet, alive;
    unsigned silent_ticks;
    uint64_t fec_ticks;     /* really recovered: the codec had a copy */
    float noise_dbov;       /* comfort noise of the peer's silence */
    MdComfortNoise noise;
    MdDtmfReceiver dtmf;
    /* out */
    uint32_t media_ts;
    int64_t base_us;
    bool sent_before, talking;
    uint8_t gather[LEG_GATHER_MAX]; /* G.7xx ticks waiting for a packet of ptime */
    size_t gather_len;
    unsigned gathered;      /* ticks in it */
    unsigned empty_ticks;   /* Opus: in a row without a packet */
    uint32_t gather_ts;
    MdRedSender red;
    unsigned red_copies;    /* sent with each packet now */
    int64_t red_clean_us;   /* since when so little is lost that none are needed; 0: more is */
} LegAudio;

#define LEG_PACE_QUEUE 8

typedef struct LegPaced {
    MdPacketList *list;
    unsigned next;
    uint32_t ts;            /* media timestamp */
    unsigned per_step;
} LegPaced;

/* What is counted of a line of pictures, under the names video_… or content_…. */
#define LEG_VIDEO_STATS(X, kind)                                                                             \
    X(packets_received, kind) X(packets_lost, kind) X(packets_sent, kind) X(packets_retransmitted, kind)      \
    X(bytes_received, kind) X(bytes_sent, kind) X(frames_received, kind) X(frames_damaged, kind)              \
    X(nacks_sent, kind) X(key_requests_sent, kind) X(key_requests_received, kind) X(jitter_us, kind)          \
    X(target_bps, kind)

#define LEG_VIDEO_STAT(name, kind) MdStat *name;
typedef struct LegVideoStats {
    LEG_VIDEO_STATS(LEG_VIDEO_STAT, )
    MdStat *remote_loss_permille;
} LegVideoStats;
#undef LEG_VIDEO_STAT

typedef struct LegReceiver { /* one stream of pictures: all of a line, or a layer of it */
    struct LegVideo *video;
    uint8_t layer;
    bool taken;             /* somebody has a use for it: else only counted */
    MdStream *stream;       /* the line's, or layer_stream */
    MdStream layer_stream;
    MdReorder *reorder;
    MdDepacketiser *depacketisers[MD_VIDEO_CODEC_MAX];
    int codec;              /* what comes in now */
    MdKeyGate gate;
    MdKeyRequests ask;
    bool seen_key;
    int64_t seen_us;        /* last heard, 0 never */
} LegReceiver;

typedef struct LegVideo { /* a line of pictures */
    MdLeg *leg;
    unsigned media;         /* VIDEO, CONTENT, or from STREAM on */
    LegVideoStats stats;
    MdStat unused;          /* of what a line that is only sent does not count */
    /* in */
    unsigned n_in;          /* 0: the line is only sent */
    LegReceiver in[MD_LEG_LAYERS_MAX]; /* the first, or one a layer of simulcast */
    MdReorder *unrepaired;  /* for a peer that sends nothing again; the first receiver's own while that has this one */
    bool unrepaired_in_use;
    uint8_t shown, wanted;  /* layers: the line's picture, and the one to change to at its next key frame */
    uint8_t also_wanted, heard; /* a bit each: those somebody wants as they are; those that come */
    uint16_t need_height;   /* of the largest place it is shown in */
    MdStat *layer_bytes[MD_LEG_LAYERS_MAX];
    /* out */
    MdKeyRequests asked;
    MdRtxCache *cache;
    LegPaced queue[LEG_PACE_QUEUE];
    unsigned n_queue;
    MdTimer pace_timer, tick_timer;
    bool sent_before;
    int64_t sent_us;        /* the last picture was handed over */
    int64_t base_us, last_us; /* picture times: of the first, of the newest */
    int64_t frame_interval_us;
    MdVideoClass max;       /* agreed, less congestion */
    uint32_t tmmbr_bps, remb_bps, loss_bps, share_bps; /* bounds, 0: none; share: of the line to a browser */
    unsigned rtx_in_window;
    int64_t rtx_window_us;
} LegVideo;

struct MdLeg {
    /* immutable */
    MdWorker *worker;
    MdPortPool *ports;
    MdMailbox *control;
    const MdDtlsIdentity *identity;
    MdPacketiser *packetiser; /* of the worker, shared by its legs; NULL: each for itself */
    MdLegTransport transport;
    char *local_host;
    bool has_peer;
    MdAddr peer;            /* authenticated signalling source */
    MdLogger logger;
    char cname[40];
    int64_t wall_offset_us; /* wall = monotonic + this */
    uint32_t random;        /* worker, after start */
    bool browser;
    MdIce *ice;             /* NULL: sockets, or a test's transport */
    void (*on_candidate)(MdLeg *leg, const char *mid, const char *line, void *user);
    void (*on_path)(MdLeg *leg, MdLegPath path, void *user);
    void *path_user;
    /* control thread */
    MdNegotiator negotiator;
    MdLegPath path;
    bool described, gathered; /* a description of ours is out; no candidates come any more */
    unsigned n_candidates;
    char *candidates[LEG_CANDIDATES_MAX];
    GPtrArray *early;       /* the peer's candidates of before its description */
    bool started;
    MdAgreed applied;       /* last agreement handed to the worker */
    LegDtls *dtls[MD_LEG_MEDIA_MAX];
    int rtp_fd[MD_LEG_MEDIA_MAX]; /* for handshakes; -1 none */
    LegVideo *content_made; /* with content_ports: not with the worker yet */
    MdPortPair content_ports;
    LegVideo *streams_made[MD_LEG_STREAMS_MAX]; /* the same */
    unsigned stream_lines;  /* a bit for each that the worker has */
    char security[64];
    /* worker thread (control until started) */
    bool attached;
    const MdLegSink *sink;
    void *user;
    LegMedia media[MD_LEG_MEDIA_MAX];
    LegAudio audio;
    LegVideo *pictures[MD_LEG_MEDIA_MAX]; /* of all but AUDIO; NULL: no such line */
    unsigned n_sources, next_source;
    LegSource sources[LEG_SOURCES_MAX];
    MdTwccReceiver *twcc;   /* of a browser's path, as next; NULL: of none */
    MdCongestion *congestion;
    uint32_t remb_bps;      /* the browser's own word on its line; 0 none */
    uint32_t probe_bps;
    int64_t probe_until_us;
    uint64_t probe_left;    /* bytes to pad with now */
    MdTimer probe_timer;
    MdTimer rtcp_timer;
    int64_t round_trip_us;
    uint64_t audio_lost_before;
    /* worker writes, anybody reads */
    MdLegStats stats;
    _Atomic uint64_t remote_told[3]; /* where audio goes: leg_tell_remote */
    _Atomic unsigned remote_generation; /* odd: being written; 0: not yet */
};

/* Whose keys and association a line uses. */
static inline LegMedia *leg_carrier(MdLeg *leg, LegMedia *media)
{
    return media->bundled ? &leg->media[0] : media;
}

/* leg-plan.c */
bool leg_publish_agreement(MdLeg *leg, const MdAgreed *agreed, GError **error);
void leg_install_keys(MdLeg *leg, unsigned media, const MdSrtpKey *send, const MdSrtpKey *receive, const MdAddr *from);
/* A new SSRC, numbered on. */
void leg_new_source(LegMedia *media, uint32_t clock_rate);
void leg_free_media(MdLeg *leg);

/* leg-net.c */
bool leg_can_send(const LegMedia *media);
/* buf: header and payload, room for MD_SRTP_OVERHEAD_MAX and LEG_NUMBER_LEN behind: to a browser that tells of each packet it
 * gets, packets carry a number of the path's own (header extension, written here). */
#define LEG_NUMBER_LEN 8
int leg_send_rtp(MdLeg *leg, unsigned media, uint8_t *buf, size_t len, size_t cap);
int leg_send_rtcp(MdLeg *leg, unsigned media, uint8_t *buf, size_t len, size_t cap);
void leg_latch(MdLeg *leg, unsigned media, unsigned part, const MdAddr *to);
/* The owner of the media tells everybody where audio goes now; anybody may look. False: not told yet. */
void leg_tell_remote(MdLeg *leg, const MdAddr *to);
bool leg_told_remote(const MdLeg *leg, MdAddr *ret);
int leg_watch_sockets(MdLeg *leg, unsigned media);
void leg_unwatch_sockets(MdLeg *leg);
void leg_reject(MdLeg *leg);

/* An RTP packet that has passed every check of its source. */
void leg_receive_rtp(MdLeg *leg, unsigned media, unsigned layer, const MdRtpPacket *packet, int64_t now_us);

/* leg-ice.c: control */
bool leg_ice_init(MdLeg *leg, const MdLegConfig *config, GError **error);
void leg_ice_close(MdLeg *leg);
void leg_ice_describe(void *user, bool restart, bool candidates, GString *out);
/* A description went through: what the peer said of its path, where it differs from before. */
void leg_ice_described(MdLeg *leg, const MdRemoteIce *before);

/* leg-bundle.c: worker */
void leg_bundle_receive(MdLeg *leg, const MdAddr *from, uint8_t *data, size_t len, int64_t now_us);
/* What has passed its SRTP context. */
void leg_bundle_take(MdLeg *leg, bool rtcp, const uint8_t *data, size_t len, int64_t now_us);
/* The line is gone: its sources are not its any more. */
void leg_bundle_forget(MdLeg *leg, unsigned media);
/* The line that a report or request is about; MD_LEG_MEDIA_MAX: none of ours. */
unsigned leg_bundle_line(const MdLeg *leg, const MdRtcpItem *item);

/* leg-audio.c */
bool leg_audio_init(MdLeg *leg, const MdLegConfig *config);
void leg_audio_clear(MdLeg *leg);
void leg_audio_receive(MdLeg *leg, const MdRtpPacket *packet, MdStreamVerdict verdict, int64_t now_us);
void leg_audio_agreed(MdLeg *leg, const MdAgreedMedia *before);
/* So much of our sound is lost on its way, of 1000: redundancy begins, grows and ends by it. */
void leg_audio_loss(MdLeg *leg, unsigned permille, int64_t now_us);
/* Forget what was received: the next packet begins anew. */
void leg_audio_forget(MdLeg *leg);

/* leg-video.c */
LegVideo *leg_video_new(MdLeg *leg, unsigned media);
void leg_video_free(LegVideo *video);
/* Worker: its timers begin, and end. */
void leg_video_attach(LegVideo *video, int64_t now_us);
void leg_video_detach(LegVideo *video);
void leg_video_agreed(LegVideo *video, const MdAgreedMedia *before, int64_t now_us);
void leg_video_nack(LegVideo *video, const uint16_t *seqs, unsigned n, int64_t now_us);
void leg_video_key_asked(LegVideo *video, int64_t now_us);

/* leg-receive.c: what comes in on a line of pictures; layer 0 is all there is without simulcast */
bool leg_receive_init(LegVideo *video);
void leg_receive_clear(LegVideo *video);
void leg_receive_agreed(LegVideo *video, const MdAgreedMedia *before);
void leg_receive_forget(LegVideo *video);
void leg_receive_ask_key(LegVideo *video, int64_t now_us);
void leg_receive_tick(LegVideo *video, int64_t now_us);
void leg_receive_layers(const LegVideo *video, MdLegVideoFormat *ret);
/* Whose packets of this layer are followed (of sound: the line's). */
MdStream *leg_receive_stream(MdLeg *leg, unsigned media, unsigned layer);
void leg_video_receive(LegVideo *video, unsigned layer, const MdRtpPacket *packet, MdStreamVerdict verdict, int64_t now_us);
/* A packet of a layer's retransmissions, taken as the one it repeats; false: of no use. */
bool leg_receive_repaired(LegVideo *video, unsigned layer, MdRtpPacket *packet, int64_t now_us);

/* leg-rate.c: worker */
bool leg_rate_init(MdLeg *leg); /* a browser's */
void leg_rate_detach(MdLeg *leg);
void leg_rate_agreed(LegVideo *video);
void leg_rate_limit(LegVideo *video, MdRtcpKind kind, uint64_t bitrate_bps);
void leg_rate_loss(LegVideo *video, uint8_t fraction_lost);
/* A line of streams that has rested forgets the losses of then. */
void leg_rate_rested(LegVideo *video, int64_t now_us);
void leg_rate_remb(MdLeg *leg, uint64_t bitrate_bps, int64_t now_us);
void leg_rate_feedback(MdLeg *leg, const uint8_t *fci, size_t len, int64_t now_us);

/* leg-rtcp.c */
void leg_rtcp_receive(MdLeg *leg, unsigned media, const uint8_t *data, size_t len, int64_t now_us);
void leg_rtcp_agreed(MdLeg *leg, unsigned media, int64_t now_us);
/* An RR/SR + CNAME in front of feedback; then send with leg_rtcp_flush. */
void leg_rtcp_begin(MdLeg *leg, unsigned media, MdRtcpWriter *writer, uint8_t *buf, size_t cap, int64_t now_us);
void leg_rtcp_bye(MdLeg *leg, unsigned media, int64_t now_us);

/* leg-dtls.c: control, except _forward and _unref */
/* The running association when it goes on, else a new one for the caller to put in its place; NULL + error. */
LegDtls *leg_dtls_prepare(MdLeg *leg, unsigned media, const MdAgreedMedia *agreed, GError **error);
void leg_dtls_start(LegDtls *dtls);
LegDtls *leg_dtls_ref(LegDtls *dtls);
void leg_dtls_unref(LegDtls *dtls);
void leg_dtls_detach(LegDtls *dtls);
void leg_dtls_forward(MdLeg *leg, LegMedia *media, const MdAddr *from, const uint8_t *data, size_t len);
