/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
#include <stdbool.h>
#include "mediad/audio/limiter.h"
#include "mediad/core/media.h"

/* The mixer of a meeting: picks the loudest few, sums them once in float, and gives everybody the sum and each talker the sum
 * minus its own voice. Pure: what it remembers between ticks is in the structs the caller holds. No allocation. */
#define MD_MIX_LOUDEST_MAX 16
#define MD_MIX_ACTIVE_MAX (2 * MD_MIX_LOUDEST_MAX) /* those heard and those just fading out */

typedef struct MdMixMember {   /* zeroed when its owner joins */
    float level_dbov;          /* smoothed: fast up, slow down; 0 means not started */
    float gain;                /* in force at the end of the last tick */
    bool selected;
    unsigned held_ticks;       /* since it was selected */
    unsigned quiet_ticks;      /* since it was last above the lower threshold */
    MdLimiter limiter;         /* of its own mix */
} MdMixMember;

typedef struct MdMixInput {
    MdMixMember *member;
    const float *pcm;          /* MD_AUDIO_TICK_SAMPLES */
    float level_dbov;          /* of this tick */
    float gain;                /* wanted, linear; 0: not to be heard */
} MdMixInput;

typedef struct MdMix {
    unsigned loudest;          /* 1..MD_MIX_LOUDEST_MAX */
    MdLimiter limiter;         /* of what everybody hears */
    unsigned n_active;         /* this tick's contributors */
    unsigned active[MD_MIX_ACTIVE_MAX]; /* indices into inputs */
    float scaled[MD_MIX_ACTIVE_MAX][MD_AUDIO_TICK_SAMPLES];
    float sum[MD_AUDIO_TICK_SAMPLES];
} MdMix;

/* loudest 0: 4; clamped to MD_MIX_LOUDEST_MAX. */
void md_mix_init(MdMix *mix, unsigned loudest);
/* Who is heard now. A member comes in when it is above -55 dBov and a place is free, or 6 dB louder than the weakest one
 * that has been in for 0.5 s; it leaves after 1 s below -60 dBov. Gains move over one tick: nothing clicks. */
void md_mix_run(MdMix *mix, const MdMixInput *inputs, unsigned n);
/* What those who do not contribute hear. Call once a tick. */
void md_mix_common(MdMix *mix, float out[MD_AUDIO_TICK_SAMPLES]);
/* Index into active of that input, -1: it does not contribute and hears the common mix. */
int md_mix_find(const MdMix *mix, unsigned input);
/* What an active input hears: everybody but itself. Call once a tick for each. */
void md_mix_minus(MdMix *mix, const MdMixInput *inputs, unsigned active, float out[MD_AUDIO_TICK_SAMPLES]);
