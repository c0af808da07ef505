/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/device.h"
#include "broadcast/order.h"
#include "broadcast/play-log.h"
#include "broadcast/source.h"
#include "mediad/transport/addr.h"

/* How an announcement comes to those loudspeakers that are not rung over SIP: whoever drives them (the device link, a vendor's gateway)
 * registers a reach for their kind and says what became of it. Control thread. */

/* Live sound as RTP under one group key. A device asks for it with a datagram to host:port (docs/loudspeaker-live.md) and gets it at
 * the address it asked from; or it joins the group. */
typedef struct BcReachLive {
    const char *host;            /* name or address; the group of a multicast */
    uint16_t port;
    bool multicast;
    const char *codec;           /* "opus" … */
    unsigned payload_type, frame_ms;
    const char *srtp;            /* "AEAD_AES_128_GCM inline:…" (RFC 4568), NULL plain */
} BcReachLive;

typedef struct BcReachSound {    /* what is to sound; strings borrowed */
    const char *content;         /* SHA-256 of stored content, NULL live */
    int64_t duration_us;         /* with repeats and gaps; INT64_MAX live */
    unsigned repeats;
    int64_t gap_us;
    int siren;                   /* BcSirenPattern before it, 0 none */
    unsigned siren_rounds;
    int64_t expires_us;          /* wall */
    unsigned authority;          /* 0 central, 1 province, 2 commune, 3 village */
    bool in_manifest;            /* scheduled: devices that keep a manifest know it from there and begin by themselves */
    bool drill;
    bool quiet_ok;               /* two people have released the quiet hours for all of it (live: for its beginning; mediad ends it) */
    unsigned volume;             /* 1..100, 0: as the hour says */
    BcOrder order;               /* who goes first, for devices that decide by themselves */
    int64_t issued_us;           /* wall: when it was ordered */
    int64_t begin_us;            /* wall: where its beginning lies on the clock; before run->start_us when it goes on after a restart. duration_us
                                    counts from here */
    const BcReachLive *live;     /* content NULL: how to get at the sound; lives as long as the call */
} BcReachSound;

typedef struct BcReachOps {
    /* One announcement begins at run->start_us for these devices (ids): once before its start for all that are free, and again for
     * those that become free later (what held them is over; the sound then goes on at its wall-clock place). */
    void (*begin)(const BcRun *run, const BcReachSound *sound, const char *const *devices, unsigned n, void *user);
    /* It is over before its time. */
    void (*stop)(const BcRun *run, const char *reason, void *user);
    void *user;
    bool decides;                /* the devices know the order (broadcast/order.h) and take up again what was cut off by themselves:
                                    begin is not called a second time for those it was called for */
    /* These devices fall silent at once, the others go on; may be NULL. Where the devices decide: for good. Else begin may be called for
     * them again. */
    void (*hush)(const BcRun *run, const char *reason, const char *const *devices, unsigned n, void *user);
} BcReachOps;

/* Sound for a device that is neither rung nor told: a multicast group, an output of this machine. Registered for a kind, it goes
 * before a reach. */
typedef struct BcFixed {
    MdAddr rtp;                  /* where the packets go; several devices may share one */
    MdAudioCodec codec;
    bool plain;                  /* no SRTP, whatever the setting for calls */
} BcFixed;
typedef struct BcFixedOps {
    /* False: there is nowhere to send to (the reason is noted in the play log). ret_reason: static. */
    bool (*find)(const char *device, BcFixed *ret, const char **ret_reason, void *user);
    void *user;
} BcFixedOps;

/* Each is a step further; none is taken for a later one ("began" is not "heard"). */
typedef enum BcReachState {
    BC_REACH_WANTED, BC_REACH_SENT, BC_REACH_ACKNOWLEDGED, BC_REACH_BEGAN, BC_REACH_ENDED, BC_REACH_PROVED, /* in order */
    BC_REACH_CUT, BC_REACH_MISSED, BC_REACH_REFUSED,
} BcReachState;
const char *bc_reach_state_to_string(BcReachState state);

typedef struct BcReachNews {     /* strings borrowed */
    const char *announcement;    /* its id; or NULL and occurrence */
    const char *schedule;        /* occurrence of a schedule: id and wall time */
    int64_t occurrence_us;
    const char *device;
    unsigned item;               /* of a programme, from 0 */
    BcReachState state;
    int64_t at_us;               /* wall, when that happened */
    int64_t from_us, to_us;      /* sound, 0 unknown */
    const char *reason;
    double level_dbfs, match;    /* NAN unknown */
    const char *level_source;
} BcReachNews;
