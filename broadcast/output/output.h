/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/broadcast.h"

/* What each area hears, over HTTP: MP3 without end and HLS, for phones, old receivers and other programs. Nothing is encoded while
 * nobody listens. Control thread. */
typedef struct BcOutputs BcOutputs;

typedef struct BcOutputOptions { /* 0 means the default said */
    BcBroadcast *broadcast;      /* must outlive the outputs */
    unsigned listeners_max;      /* of all areas: 500 */
    unsigned listeners_per_source; /* from one address: 8 */
    unsigned feeds_max;          /* encoders at one time: 160 */
    unsigned bitrate_kbps;       /* 64 */
    unsigned mbps_max;           /* all MP3 listeners together, Mbit/s: 100 */
    unsigned idle_s;             /* HLS is encoded so long after the last request: 30 */
    const MdLogger *logger;
} BcOutputOptions;

BcOutputs *bc_outputs_new(const BcOutputOptions *options);
/* Ends every listener without calling it; whoever waits for a playlist is told. */
void bc_outputs_free(BcOutputs *outputs);

/* MP3 frames as they come. bytes is borrowed. Errors: BC_ERROR_NOT_FOUND, LIMIT, FAILED. */
typedef struct BcListener BcListener;
typedef void (*BcListenerFn)(GBytes *bytes, void *user);
BcListener *bc_outputs_listen(BcOutputs *outputs, const char *area, const char *source, BcListenerFn fn, void *user, GError **error);
void bc_listener_free(BcListener *listener);

/* done once, now or when the first segment is there: text or error. source counts as a listener for some seconds. */
typedef void (*BcPlaylistFn)(const char *text, const GError *error, void *user);
void bc_outputs_playlist(BcOutputs *outputs, const char *area, const char *source, const char *query, BcPlaylistFn done, void *user);
/* A segment that is named in the playlist; borrowed, NULL: none. */
GBytes *bc_outputs_segment(BcOutputs *outputs, const char *area, uint64_t sequence);

typedef struct BcOutputStats {
    unsigned listeners, hls_listeners, feeds;
} BcOutputStats;
void bc_outputs_stats(BcOutputs *outputs, BcOutputStats *ret);
