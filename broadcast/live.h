/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/broadcast.h"
#include "broadcast/stage.h"

/* Live sound on its way to chosen areas: a meeting's mix or an HTTP stream, until somebody stops it. Inside this folder only. */
typedef struct BcLive BcLive;

typedef struct BcLiveSpec {
    const char *room, *url;  /* exactly one */
    const char *const *areas;
    BcPriority priority;
    unsigned authority;
    int64_t expires_us;
    const char *id;          /* NULL: made */
    int64_t begin_us;        /* wall: goes on after a restart; 0: begins now */
    int64_t made_us;         /* wall, 0: now */
    const char *title, *created_by;
    const BcTapOps *tap;
    unsigned *pending;       /* counts what is still to be let go, so that its owner can wait */
} BcLiveSpec;

/* The announcement that was started, NULL with error. The live part lives as long as the announcement. */
BcAnnouncement *bc_live_start(BcStage *stage, const BcLiveSpec *spec, GError **error);
