/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/source.h"
#include "mediad/core/stats.h"
#include "mediad/core/worker.h"
#include "mediad/transport/addr.h"
#include "mediad/transport/srtp.h"

/* One announcement's packets to thousands of loudspeakers. The source is pulled and each frame is encrypted once per (codec,
 * key) on one worker; every worker sends the same bytes to its share of the destinations, in small batches spread over the
 * frame. Everything but the ticks is called on control. */
typedef struct BcFanout BcFanout;

#define BC_FANOUT_KEYS_MAX 4
#define BC_FANOUT_PLAIN (-1)

typedef struct BcFanoutOptions {
    MdWorker *const *workers;      /* copied; at most 64 */
    unsigned n_workers;
    MdMailbox *control;            /* drained by the control thread */
    BcSource *source;              /* referenced */
    unsigned frame_ms;             /* 20, 40, 60: that of the source */
    uint8_t payload_types[MD_AUDIO_CODEC_MAX];
    const MdSrtpKey *keys;         /* group keys, copied; destinations name one by index, or BC_FANOUT_PLAIN */
    unsigned n_keys;
    int rtp_fd, rtcp_fd;           /* IPv4 sockets, -1: none; must outlive the fan-out */
    int rtp_fd6, rtcp_fd6;         /* IPv6 */
    const char *cname;             /* RTCP SDES; copied, at most 63 bytes count */
    void (*on_end)(void *user);    /* on control: the source has ended and its last frame was given out */
    void *user;
} BcFanoutOptions;

typedef struct BcDestination {
    MdAddr rtp, rtcp;              /* rtcp unset: no reports to it; equal to rtp: multiplexed */
    MdAudioCodec codec;
    int key;                       /* index into keys, or BC_FANOUT_PLAIN */
} BcDestination;

/* NULL with errno. */
BcFanout *bc_fanout_new(const BcFanoutOptions *options);
/* Returns a handle > 0, 0 when the destination makes no sense (codec, key, family without socket). Neighbours should be added
 * one after the other: they are then served within microseconds of each other. Takes effect with the next commit. */
uint32_t bc_fanout_add(BcFanout *fanout, const BcDestination *destination);
void bc_fanout_remove(BcFanout *fanout, uint32_t handle);
/* Packets to this destination that never left so far: refused by the network stack, or too late to be sent. */
uint32_t bc_fanout_unsent(const BcFanout *fanout, uint32_t handle);
/* Gives the workers the present set of destinations, from their next frame on. 0 or -ENOBUFS (try again later). */
int bc_fanout_commit(BcFanout *fanout);
unsigned bc_fanout_count(const BcFanout *fanout);
/* First frame at start_us of the workers' clock (past: now). 0 or -ENOBUFS. Once. */
int bc_fanout_start(BcFanout *fanout, int64_t start_us);
/* Stops sending; done(user) on control when no worker touches it any more, just before the fan-out is freed. No on_end after
 * this call. */
void bc_fanout_stop(BcFanout *fanout, void (*done)(void *user), void *user);

#define BC_FANOUT_STATS(X) \
    X(frames, COUNTER, "frames given out") \
    X(frames_late, COUNTER, "frames made more than half a frame late") \
    X(packets, COUNTER, "RTP packets sent") \
    X(reports, COUNTER, "RTCP reports sent") \
    X(errors, COUNTER, "packets the network stack refused") \
    X(skipped, COUNTER, "packets not sent because a worker was too far behind") \
    X(busy_us, COUNTER, "time spent sending, microseconds")
MD_STATS_STRUCT(BcFanoutStats, BC_FANOUT_STATS);
typedef struct BcFanoutTotals {
    uint64_t frames, frames_late, packets, reports, errors, skipped, busy_us;
} BcFanoutTotals;
void bc_fanout_totals(const BcFanout *fanout, BcFanoutTotals *ret);
