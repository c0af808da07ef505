/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <glib.h>
#include "mediad/leg/leg.h"
#include "mediad/transport/addr.h"
#include "mediasim/impair.h"

/* What the user asked for: one structure for both scenarios. */
typedef struct SimAccount {
    char *name, *password;
} SimAccount;

/* Loudspeakers of the device link. */
typedef struct SimLinkOptions {
    char *host;                  /* of the broker; NULL: over SIP */
    uint16_t port;
    char *credentials;           /* folder */
    char *codes, *api, *api_ca, *token_file, *prefix; /* NULL: not given */
    int64_t skew_us, outage_us, telemetry_us, burst_us;
    int64_t storm_us;            /* after the start of the judged time, 0 none */
    double liars, outages, power_cuts, downloads; /* shares, 0..1 */
    unsigned emergencies;        /* fail below */
    int64_t limit_latency_us;    /* p99 of an emergency, from the order to the first sample */
} SimLinkOptions;

typedef struct SimOptions {
    bool loudspeakers;           /* else a conference */
    MdAddr server;               /* SIP, UDP or TCP */
    char *server_uri;            /* "sip:127.0.0.1:5060;transport=tcp" */
    int transport;               /* SgTransportKind */
    char *domain;                /* NULL: the server's host */
    char *local_host;            /* address we use */
    unsigned port_min, port_max; /* media */
    GArray *accounts;            /* of SimAccount: at least count */
    unsigned count;              /* sites or loudspeakers */
    unsigned workers;
    unsigned seconds;       /* judged time; loudspeakers: how long to wait for the announcement's end */
    unsigned setup_seconds; /* for registering and calling */
    unsigned calls_per_s, registers_per_s;
    MdSecurity security;
    double loss; /* 0..1 */
    int64_t delay_us, jitter_us;
    uint64_t seed;
    bool json, verbose;
    /* conference */
    char *room;
    unsigned talkers, turn_ms;
    bool video;
    MdVideoClass send_class, receive_class;
    unsigned judge_video; /* how many sites decode the composite */
    unsigned judge_audio; /* how many listen, 0: all */
    /* loudspeakers */
    int64_t planned_wall_us; /* when the announcement should be heard, 0: unknown */
    bool stay;               /* SIP: listen for all of the time, not to the first announcement only */
    SimLinkOptions link;
    /* limits: what falls short of them fails the run */
    double limit_heard;                           /* share of (listener, talker, turn) that must be heard */
    double limit_gaps;                            /* share of talking time without sound */
    double limit_tiles;                           /* share of tiles right */
    double limit_loss;                            /* share of RTP packets lost on top of ours */
    int64_t limit_delay_us, limit_video_delay_us; /* mean */
    int64_t limit_start_us; /* loudspeakers: worst start-time error, or spread when no plan is known */
    double limit_answered;  /* share of loudspeakers that must be rung and play */
} SimOptions;

/* argv[1] is the scenario. False + error: usage. */
bool sim_options_parse(SimOptions *options, int argc, char **argv, GError **error);
void sim_options_clear(SimOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SimOptions, sim_options_clear)
/* "NAME PASSWORD", "NAME:PASSWORD" or "NAME,DOMAIN,PASSWORD" lines, # comments. prefix: only names that begin
 * so; NULL: all. */
bool sim_accounts_load(GArray *accounts, const char *path, const char *prefix, GError **error);
/* "360p15": 16:9, 90p to 1080p, 1 to 30 pictures a second. */
bool sim_video_class_parse(const char *text, MdVideoClass *ret);
SimImpairOptions sim_options_impair(const SimOptions *options, uint64_t line);
