/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "mediad/video/layout.h"
#include "mediad/video/pattern.h"

/* One site's eye: judges the composites it gets. Each site's picture carries its id (site + 1) and the number
 * of its frame in a loop; the tiles of the composite must show every expected site once, each in a place of
 * its own, and moving. Pure. */
#define SIM_LOOP_FRAMES 30 /* frames of a site's loop: its counter runs from 0 to this - 1 */
#define SIM_EYE_SITES_MAX 1023

/* When each site sent each frame of its loop last: written by the senders, read by the eyes; any thread. */
typedef struct SimCamera {
    _Atomic int64_t sent_us[SIM_LOOP_FRAMES]; /* 0: never */
} SimCamera;

typedef struct SimEyeLimits {
    int64_t frozen_us;                    /* a tile that does not move so long is frozen */
    unsigned source_width, source_height; /* shape of the sites' pictures */
} SimEyeLimits;

typedef struct SimSeat {
    uint16_t id; /* who was seen here, 0 nobody yet */
    uint16_t counter;
    int64_t moved_us; /* last time the counter changed */
    bool frozen;
    bool seen; /* in the present picture */
} SimSeat;

typedef struct SimEye {
    unsigned sites;           /* expected ids are 1..sites */
    SimCamera *cameras;       /* of the sites, may be NULL: no delays */
    const uint16_t *expected; /* ids by seat when the order is known, else NULL */
    unsigned n_expected;
    SimEyeLimits limits;
    MdLayoutKind layout; /* found; INVALID: not yet */
    unsigned n_cells;
    SimSeat seats[MD_LAYOUT_CELLS_MAX];
    uint8_t ever[SIM_EYE_SITES_MAX + 1]; /* seen at least once */
    unsigned failures;                   /* pictures in a row that did not fit the layout */
    /* sums */
    uint64_t pictures;                    /* judged */
    uint64_t unreadable;                  /* pictures in which no layout showed a pattern */
    uint64_t tiles_expected, tiles_right; /* over judged pictures: sites that should be there, that were */
    uint64_t doubles;                     /* a site seen in two tiles of one picture */
    uint64_t moved;                       /* a seat showed another site than before */
    uint64_t strangers;                   /* ids that are nobody's, or not the one expected at a seat */
    uint64_t freezes;
    uint64_t delays;
    int64_t delay_sum_us, delay_max_us, delay_min_us;
} SimEye;

void sim_eye_init(SimEye *eye, unsigned sites, SimCamera *cameras, const SimEyeLimits *limits);
/* One composite, decoded at now_us. */
void sim_eye_look(SimEye *eye, const MdPlanes *picture, int64_t now_us);
/* How many of the sites were never seen; *ret_first: the first of them (site number from 0). */
unsigned sim_eye_never_seen(const SimEye *eye, unsigned *ret_first);
