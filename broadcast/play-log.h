/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/timers.h"
#include "broadcast/types.h"

/* What was broadcast and what became of it at each loudspeaker. Rows are gathered and written in one transaction a second. Control
 * thread. */
typedef struct BcPlayLog BcPlayLog;

typedef struct BcRun {      /* one announcement */
    const char *id;
    const char *kind;       /* "schedule", "live", "now" */
    const char *title;
    const char *schedule;   /* id, NULL none */
    int64_t occurrence_us;  /* wall time it was meant for, 0 none */
    const char *content;    /* SHA-256, NULL live */
    const char *source;     /* what live sound came from ("room giao-ban", a URL), NULL stored */
    BcPriority priority;
    const char *areas;      /* codes, comma-separated */
    int64_t start_us, end_us; /* wall; end 0: still on */
    const char *state;      /* "ringing", "playing", "done", "stopped", "missed", "interrupted" */
    const char *reason;     /* why not done, NULL */
    int64_t devices, played, partial, missed;
    int64_t playing, ringing; /* of a running one; not stored */
    const char *created_by;
    int64_t issued_us;      /* wall: when it was ordered, latencies are counted from here; 0 unknown */
    unsigned authority;     /* 0 central, 1 province, 2 commune, 3 village */
    bool drill;
    unsigned items;         /* of a programme; 1 (or 0) for a single bulletin */
} BcRun;

typedef struct BcPlay {     /* one loudspeaker in one announcement */
    const char *announcement, *device, *area;
    const char *outcome;    /* "waiting", "ringing", "playing", "played", "partial", "missed" */
    const char *reason;     /* of partial and missed: "busy here (486)", "not registered", "pre-empted by …" */
    int64_t rang_us, answered_us, from_us, to_us; /* wall; 0: never */
    int64_t rings;          /* how often it was called */
    const char *codec;      /* "opus", NULL: never agreed */
    const struct BcProof *proof; /* what a device that reports by itself has said (broadcast/proof.h); NULL: rung, or a fixed output */
} BcPlay;

/* At start-up: what a former life left open is marked interrupted, and occurrences it took but never sounded are free again. */
BcPlayLog *bc_play_log_new(MdStore *store, BcTimers *timers, GError **error);
void bc_play_log_free(BcPlayLog *log); /* writes what waits */
/* Inserts or replaces; written within a second. Strings are copied. */
void bc_play_log_run(BcPlayLog *log, const BcRun *run);
void bc_play_log_play(BcPlayLog *log, const BcPlay *play);
/* Hands what waits to the store now. */
void bc_play_log_flush(BcPlayLog *log);

struct BcReachNews;
/* News of an announcement that is over and forgotten: corrects its rows with the next write. Strings are copied. */
void bc_play_log_news(BcPlayLog *log, const struct BcReachNews *news, int64_t received_us);

/* fn runs once on control: true when everything said so far is durable, false when it never will be (the log ends first, or the store
 * refuses for too long). */
typedef void (*BcPlayLogAfterFn)(bool durable, void *user);
void bc_play_log_after(BcPlayLog *log, BcPlayLogAfterFn fn, void *user);

/* From the order to the first sound, over the loudspeakers at which something sounded. */
typedef struct BcLatency {
    unsigned sounded, silent;               /* loudspeakers with and without a first sound so far */
    int64_t p50_us, p95_us, p99_us, worst_us; /* 0 when none sounded */
    char worst_device[65];
} BcLatency;
/* False with BC_ERROR_NOT_FOUND, or the store's error. What waits is written first by bc_play_log_flush. */
bool bc_play_log_latency(BcPlayLog *log, const char *announcement, BcLatency *ret, GError **error);

typedef void (*BcRunFn)(const BcRun *run, void *user);
typedef void (*BcPlayFn)(const BcPlay *play, void *user);
/* Newest first, at most limit; id NULL: all that began before before_us (0: now). */
bool bc_play_log_runs(BcPlayLog *log, const char *id, int64_t before_us, unsigned limit, BcRunFn fn, void *user, GError **error);
/* Of one announcement (by area and loudspeaker) or of one loudspeaker (newest first); the other NULL. */
bool bc_play_log_plays(BcPlayLog *log, const char *announcement, const char *device, unsigned limit, unsigned offset, BcPlayFn fn,
                       void *user, GError **error);
