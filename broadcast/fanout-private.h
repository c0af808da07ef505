/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <sys/socket.h>
#include "broadcast/fanout.h"
#include "mediad/rtp/packet.h"

/* Inside the fan-out only: fanout.c is its face on control, fanout-lead.c makes the frames, fanout-shard.c sends them, and
 * fanout-plan.c says to whom. */
#define BC_FANOUT_WORKERS_MAX 64
#define BC_FANOUT_RING 16               /* frames kept for workers that are behind */
#define BC_FANOUT_VARIANTS (BC_FANOUT_KEYS_MAX + 1) /* each key, and plain */
#define BC_FANOUT_STREAMS (MD_AUDIO_CODEC_MAX * BC_FANOUT_VARIANTS)
#define BC_FANOUT_PACKET_MAX (MD_AUDIO_PAYLOAD_MAX + MD_RTP_HEADER_LEN + MD_SRTP_OVERHEAD_MAX)
#define BC_FANOUT_REPORT_MAX 200

/* One frame, ready to be sent: by stream = codec * BC_FANOUT_VARIANTS + (plain ? 0 : 1 + key). */
typedef struct BcFanoutSlot {
    int64_t due_us;
    bool report;
    size_t len[BC_FANOUT_STREAMS], report_len[BC_FANOUT_STREAMS];
    uint8_t packet[BC_FANOUT_STREAMS][BC_FANOUT_PACKET_MAX];
    uint8_t reports[BC_FANOUT_STREAMS][BC_FANOUT_REPORT_MAX];
} BcFanoutSlot;

typedef struct BcFanoutSegment { /* neighbours in msgs that get the same bytes through the same socket */
    unsigned first, n;
    uint8_t stream;
    bool v6, mux; /* mux: reports go through the RTP socket (RFC 5761) */
} BcFanoutSegment;

typedef struct BcFanoutPlan { /* one worker's destinations; only msg_len changes in it */
    struct mmsghdr *rtp, *rtcp; /* same order; rtcp has n_rtcp of them */
    struct sockaddr_in6 *names, *rtcp_names;
    _Atomic uint32_t **unsent;  /* by destination, in the order of rtp */
    BcFanoutSegment segments[BC_FANOUT_STREAMS * 4], rtcp_segments[BC_FANOUT_STREAMS * 4];
    unsigned n_segments, n_rtcp_segments, n, n_rtcp;
} BcFanoutPlan;

typedef struct BcFanoutShard {
    /* immutable */
    BcFanout *fanout;
    MdWorker *worker;
    /* worker */
    MdTimer timer;
    BcFanoutPlan *plan, *next;
    uint64_t frame;         /* being sent, or to be sent next */
    bool sending, reporting;
    unsigned pos, segment;
    int64_t began_us;
    struct iovec iov[BC_FANOUT_STREAMS];
    bool stopped;
    BcFanoutStats stats;
} BcFanoutShard;

typedef struct BcFanoutEntry {
    uint32_t handle;
    bool removed; /* taken out by the next commit */
    _Atomic uint32_t *unsent; /* packets that never left; the fan-out's */
    BcDestination to;
} BcFanoutEntry;

struct BcFanout {
    /* immutable */
    BcFanoutOptions o;
    MdWorker *workers[BC_FANOUT_WORKERS_MAX];
    unsigned n_shards, lead;
    char cname[64];
    int64_t frame_us;
    /* control */
    GArray *entries;        /* of BcFanoutEntry, in order of adding */
    GPtrArray *tallies;     /* of _Atomic uint32_t, one an entry: plans of the workers point to them */
    unsigned removed;
    uint32_t last_handle;
    void (*done)(void *user);
    void *done_user;
    bool stopping;
    /* lead worker */
    MdTimer tick;
    int64_t next_report_us, last_report_us;
    uint16_t seq[MD_AUDIO_CODEC_MAX];
    uint32_t ts[MD_AUDIO_CODEC_MAX], ssrc[MD_AUDIO_CODEC_MAX], sent[MD_AUDIO_CODEC_MAX], octets[MD_AUDIO_CODEC_MAX];
    bool begun[MD_AUDIO_CODEC_MAX];
    MdSrtp *srtp[BC_FANOUT_KEYS_MAX];
    bool ended;
    unsigned stop_next;     /* shard to be told next that it is over */
    /* shared */
    _Atomic uint64_t head;  /* frames ready in the ring */
    _Atomic uint32_t streams_wanted;
    _Atomic unsigned shards_left;
    BcFanoutSlot *ring;
    BcFanoutShard shards[];
};

static inline unsigned bc_fanout_stream(MdAudioCodec codec, int key)
{
    return (unsigned)codec * BC_FANOUT_VARIANTS + (unsigned)(key + 1);
}

static inline int bc_fanout_socket(const BcFanout *f, bool v6, bool rtcp)
{
    return v6 ? rtcp ? f->o.rtcp_fd6 : f->o.rtp_fd6 : rtcp ? f->o.rtcp_fd : f->o.rtp_fd;
}

/* --- plans: built on control, owned by a worker, freed on control --- */

/* Sorts pointers to entries so that a plan of neighbours has few segments. */
int bc_fanout_by_stream(const void *a, const void *b);
/* Packets of entries[i] go out of the vectors iov[stream]. NULL: no memory. */
BcFanoutPlan *bc_fanout_plan_new(struct iovec *iov, BcFanoutEntry *const *entries, unsigned n);
void bc_fanout_plan_free(BcFanoutPlan *plan);
/* A worker is through with it. */
void bc_fanout_plan_retire(BcFanout *fanout, BcFanoutPlan *plan);

/* --- a shard: on its worker --- */

void bc_fanout_shard_run(BcFanoutShard *shard);
/* Letters: BcFanoutShard * (there is a new frame); BcFanoutShard *, BcFanoutPlan * (these destinations from the next frame on). */
void bc_fanout_shard_on_kick(void *payload, size_t len);
void bc_fanout_shard_on_plan(void *payload, size_t len);

/* --- the lead: on its worker --- */

/* Letter: BcFanout *, int64_t start_us. */
void bc_fanout_lead_on_start(void *payload, size_t len);
