/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <mosquitto.h>
#include "broadcast/link/protocol.h"
#include "broadcast/speaker/core/duty.h"
#include "broadcast/speaker/core/timing.h"
#include "mediad/core/worker.h"
#include "mediasim/identity.h"

/* A loudspeaker of the device link as a simulation: its own connection, clock, duty and reports; what it hears is checked, not played.
 * Thousands share a thread (a lane). Lane's thread, except where said. */
typedef enum SimLie { SIM_HONEST, SIM_LIE_IMPOSSIBLE, SIM_LIE_SWAPPED, SIM_LIE_CONSTANT, SIM_LIE_MAX } SimLie;

typedef struct SimSounded {      /* one occurrence as all of a lane had it */
    char *occurrence;
    int64_t issued_us;           /* of the command, 0: it stood in the manifests */
    int64_t start_us;            /* when the manifest wanted it, else 0 */
    unsigned priority;
    bool siren;                  /* sounds before the recording: that begins later than the item says */
    GArray *late_us;             /* of int64_t: first sample after issued_us, or after start_us; one per loudspeaker */
} SimSounded;

typedef struct SimLaneStats {
    uint64_t connects, losses, refused_connects, messages, received_bytes;
    uint64_t manifests, manifests_refused, commands, obeyed, again, refused, forged;
    uint64_t obeyed_twice, played_twice, played_expired, misplaced;
    uint64_t reports, receipts, began, ended, cut, missed;
    int64_t misplaced_most_us, clock_error_most_us;
    uint64_t media_wanted, media_stored;
    char *first_trouble;
} SimLaneStats;

typedef struct SimLane SimLane;
typedef struct SimPost SimPost;

typedef struct SimLaneOptions {
    const SimIdentities *identities; /* borrowed */
    char *host;                      /* of the broker; borrowed */
    uint16_t port;
    const BcTrust *trust;
    uint64_t seed;
    double loss;                     /* share of arrivals that TCP had to send again: they come late */
    int64_t skew_us;                 /* clocks are wrong by up to so much */
    double liars;                    /* share with false telemetry */
    double outages;                  /* share whose line is down once ... */
    int64_t outage_us;               /* ... for so long */
    double power_cuts;               /* share whose power fails once */
    int64_t run_us;                  /* outages and power cuts come within */
    int64_t telemetry_us;
    int64_t burst_us;                /* media are fetched within */
    double downloads;                /* share that really fetches */
    unsigned connects_at_once;
    /* Asks for a file; the answer is sim_post_fetched, on the lane's thread. */
    void (*fetch)(SimPost *post, const BcLinkMedia *media, const char *base, const char *token, void *user);
    void *user;
} SimLaneOptions;

struct SimLane {
    MdWorker *worker;
    SimLaneOptions options;
    GPtrArray *posts;
    GHashTable *verified;        /* token -> BcLinkCommand, of commands whose signature fitted */
    GHashTable *sounded;         /* occurrence -> SimSounded */
    GQueue waiting;              /* posts that want to connect */
    unsigned connecting;         /* handshakes under way */
    bool busy_connecting;
    _Atomic unsigned online;     /* connected and subscribed */
    _Atomic unsigned sounding;
    SimLaneStats stats;
};

/* Main thread, before the worker runs and after it has stopped. first, n: of the identities. */
SimLane *sim_lane_new(const SimLaneOptions *options, unsigned first, unsigned step, GError **error);
void sim_lane_free(SimLane *lane);
/* Any thread while it runs. */
void sim_lane_begin(SimLane *lane);
void sim_lane_storm(SimLane *lane);      /* everybody loses the line now and comes back at once */
void sim_lane_end(SimLane *lane);        /* everybody says good-bye */

/* Any thread: the file is there, or (sha256 untouched) not. */
void sim_post_fetched(SimPost *post, const char *sha256, bool ok);
const SimIdentity *sim_post_identity(const SimPost *post);
SimLie sim_post_lie(const SimPost *post);
SimLane *sim_post_lane(SimPost *post);
/* What became of the reports: how many the server has not confirmed. After the worker stopped. */
unsigned sim_post_unconfirmed(const SimPost *post);
bool sim_post_heard(const SimPost *post, const char *occurrence);
