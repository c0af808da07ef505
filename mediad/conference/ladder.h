/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* What a room saves when its pictures come too late: members' own views go first, the common ones are kept. Pure. */
typedef enum MdLadderStep {
    MD_LADDER_FULL,
    MD_LADDER_SLOW,   /* own views at a third of the frame rate */
    MD_LADDER_COMMON, /* no own views */
} MdLadderStep;

typedef struct MdLadder {       /* zeroed to begin with */
    MdLadderStep step;
    bool begun;
    uint64_t late, made;        /* the counters at the last look */
    int64_t looked_us;
    unsigned behind;            /* looks in a row */
    int64_t calm_since_us;      /* 0: not calm */
    int64_t patience_us;        /* calm that it takes to go back up; doubled when that was too early */
    int64_t up_us;              /* went back up last, 0 never */
} MdLadder;

/* late, made: of MdComposerStats, only ever growing. Every 100 ms or so; it looks every two seconds. True: another step. */
bool md_ladder_look(MdLadder *ladder, uint64_t late, uint64_t made, int64_t now_us);
