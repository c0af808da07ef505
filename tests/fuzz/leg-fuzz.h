/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* What the targets that throw datagrams at a whole leg share: a transport to nowhere, checks of what the leg gives out, and pieces of
 * [length of 2 bytes][one byte that says where or how][datagram] taken from the input. */
#include <stdlib.h>
#include <string.h>

#include "mediad/leg/leg-private.h"

static inline int leg_fuzz_nowhere(void *user, unsigned media, bool rtcp, const MdAddr *to, const uint8_t *data, size_t len)
{
    if (len > MD_UDP_PACKET_MAX)
        abort();
    return 0;
}

/* A picture makes sense, and goes back: then there is something to ask for again. */
static inline void leg_fuzz_echo_video(MdLeg *leg, MdFrame *frame)
{
    if (frame->len == 0 || frame->len > MD_FRAME_MAX)
        abort();
    md_leg_send_video(leg, frame, md_worker_now_us(leg->worker));
}

static inline void leg_fuzz_on_key(MdLeg *leg, void *user)
{
}

static inline void leg_fuzz_on_dtmf(MdLeg *leg, char digit, unsigned duration_ms, void *user)
{
    if (!digit || !strchr("0123456789*#ABCD!", digit))
        abort();
}

/* us later: what is due happens, and 20 ms of sound are taken. */
static inline void leg_fuzz_tick(MdLeg *leg, MdVirtualClock *clock, int64_t us)
{
    float pcm[MD_AUDIO_TICK_SAMPLES];
    MdLegAudio audio;
    md_virtual_clock_advance(clock, us);
    md_worker_step(leg->worker);
    md_leg_pull_audio(leg, md_clock_now_us(&clock->base), pcm, &audio);
    for (unsigned i = 0; i < MD_AUDIO_TICK_SAMPLES; i++)
        if (!(pcm[i] > -16.0f && pcm[i] < 16.0f)) /* not a number either; resampling may overshoot MD_AUDIO_PEAK_MAX */
            abort();
}

typedef struct LegFuzzPiece {
    uint8_t how, data[MD_UDP_PACKET_MAX];
    size_t len;
} LegFuzzPiece;

/* Takes the next piece off the input. False: there is none. */
static inline bool leg_fuzz_next(const uint8_t **data, size_t *size, LegFuzzPiece *ret)
{
    if (*size < 3)
        return false;
    size_t len = (size_t)(*data)[0] << 8 | (*data)[1];
    ret->how = (*data)[2];
    *data += 3;
    *size -= 3;
    len = len < *size ? len : *size;
    ret->len = len < sizeof ret->data ? len : sizeof ret->data;
    memcpy(ret->data, *data, ret->len);
    *data += ret->len;
    *size -= ret->len;
    return true;
}
