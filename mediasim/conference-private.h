/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <pthread.h>
#include "mediasim/scenario.h"
#include "mediasim/site.h"
#include "sip/client.h"

/* Inside the conference scenario only: conference.c holds the meeting, conference-verdict.c judges what came of it. */
typedef enum SimCallerState {
    CALLER_NEW,
    CALLER_REGISTERED,
    CALLER_CALLING,
    CALLER_TALKING,
    CALLER_FAILED,
    CALLER_LEFT
} SimCallerState;

typedef struct SimHall SimHall;
typedef struct SimCaller {
    SimSite site;
    SimHall *hall;
    const SimOptions *options;
    SgUa *ua;
    SgUaCall *call;          /* under the run's lock: it goes with on_closed */
    MdNegotiator negotiator; /* SIP thread once the INVITE is out */
    _Atomic int state;       /* SimCallerState */
    _Atomic int left;        /* the server hung up before we did */
    int code;
    char reason[80];
} SimCaller;

/* One media thread with its share of the callers. */
struct SimHall {
    SimThread thread;
    SimTalk talk; /* thread */
    MdTimer timer;
    int64_t due_us;
    unsigned phase, index, n_halls;
    struct SimMeeting *run;
    bool judging; /* the first turn has begun */
    uint64_t ticks, late_ticks;
};

typedef struct SimMeeting {
    const SimOptions *options;
    SimCaller *callers;
    SimHall *halls;
    unsigned n_halls, n_inited;
    SimSiteSpec *specs; /* one per hall: the talk differs by address */
    SimQuiet quiet;
    SimClip *clips;
    SimCamera *cameras;
    MdPortPool *ports;
    SgClient *client;
    pthread_mutex_t lock;
    _Atomic int stopping;
    int64_t judged_us;
} SimMeeting;

/* Judges every call, ear, eye and line; the meeting is over. Main thread. */
void sim_conference_judge(const SimMeeting *run, SimVerdict *verdict);
