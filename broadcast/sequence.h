/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include "broadcast/relay.h"

/* A programme as one source: stored items with repeats and gaps, silence, and stations relayed for a fixed time. */

typedef enum BcProgrammeKind { BC_PROGRAMME_STORED, BC_PROGRAMME_SILENCE, BC_PROGRAMME_RELAY } BcProgrammeKind;

typedef struct BcProgrammeItem {
    BcProgrammeKind kind;
    BcTrack *const *tracks;   /* stored: by codec (MD_AUDIO_CODEC_MAX of them, NULL where there is none), all of frame_ms */
    unsigned repeats;         /* stored: 1.. (0: 1) */
    int64_t gap_us;           /* stored: silence between repeats */
    int64_t duration_us;      /* silence and relay: required. Stored: cut there or filled up with silence, 0: as long as it is */
    const char *url;          /* relay */
    int64_t silence_max_us;   /* relay: given up after so much silence, 0: BC_RELAY_SILENCE_US */
    BcTrack *const *fallback; /* relay: heard over and over while the station is not; NULL: silence */
} BcProgrammeItem;

#define BC_PROGRAMME_ITEMS_MAX 200u
#define BC_PROGRAMME_RELAYS_MAX 16u
#define BC_PROGRAMME_MAX_US (24ll * 3600 * 1000000)

/* Plays the items one after the other, from start_offset_us of the whole on: what was cut off, or begins late, joins at its place by
 * the clock. bc_source_duration_us is what is left. Tracks are referenced, the rest is copied. relay may be NULL when no item is one.
 * The last reference must be dropped on the control thread. NULL: BC_ERROR_INVALID (which item and why), LIMIT, STATE (the offset is
 * beyond the end: nothing is left to play). */
BcSource *bc_source_programme_new(const BcProgrammeItem *items, unsigned n, unsigned frame_ms, int64_t start_offset_us,
                                  const BcRelayContext *relay, GError **error);
