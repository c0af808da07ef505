/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The worker's half of interpreters' channels: the floor lowered under the interpreter, one mix for all who listen to a channel and do not
 * speak themselves. Tick rules. */
#include "mediad/conference/private.h"
#include <stdlib.h>
#include <string.h>
#include "mediad/audio/kernels.h"

static const int64_t SILENT_US = 2 * INT64_C(1000000); /* of the interpreter: then the floor is in full again */
static const float DOWN_TICKS = 5, UP_TICKS = 25;

MdChannelMix *md_channel_mix_new(uint32_t serial)
{
    MdChannelMix *mix = calloc(1, sizeof *mix);
    if (mix == NULL)
        return NULL;
    atomic_init(&mix->refs, 1);
    mix->serial = serial;
    mix->floor = 1;
    mix->voiced_us = -SILENT_US;
    return mix;
}

MdChannelMix *md_channel_mix_ref(MdChannelMix *mix)
{
    if (mix != NULL)
        atomic_fetch_add_explicit(&mix->refs, 1, memory_order_relaxed);
    return mix;
}

void md_channel_mix_unref(MdChannelMix *mix)
{
    if (mix != NULL && atomic_fetch_sub_explicit(&mix->refs, 1, memory_order_acq_rel) == 1)
        free(mix);
}

/* The interpreters of one channel, and when one of them was last heard. */
static void add_voices(MdRoomAudio *audio, const MdRoomPlan *plan, unsigned channel, MdChannelMix *mix)
{
    float scaled[MD_AUDIO_TICK_SAMPLES];
    memset(mix->voice, 0, sizeof mix->voice);
    for (unsigned i = 0; i < plan->n_seats; i++) {
        const MdPlanSeat *at = &plan->seats[i];
        if (at->interprets != channel)
            continue;
        MdSeat *seat = at->seat;
        if (seat->vad.voiced && at->voice > 0)
            mix->voiced_us = audio->due_us;
        if (seat->voice_now > 0 || at->voice > 0) {
            md_kernels()->scale(scaled, seat->pcm, MD_AUDIO_TICK_SAMPLES, seat->voice_now, at->voice);
            md_kernels()->add(mix->voice, scaled, MD_AUDIO_TICK_SAMPLES);
        }
        seat->voice_now = at->voice;
    }
}

/* Down at once (a tenth of a second), up slowly: speech has pauses. */
static void move_floor(MdChannelMix *mix, float lowered, int64_t now_us)
{
    bool speaks = now_us - mix->voiced_us < SILENT_US;
    float to = speaks ? lowered : 1, step = speaks ? (1 - lowered) / DOWN_TICKS : (1 - lowered) / UP_TICKS;
    mix->floor_before = mix->floor;
    if (step <= 0)
        mix->floor = to;
    else if (mix->floor > to)
        mix->floor = MAX(to, mix->floor - step);
    else
        mix->floor = MIN(to, mix->floor + step);
}

/* What is said to all is not lowered. */
static void put_together(const MdRoomAudio *audio, const MdChannelMix *mix, float *sound)
{
    float said[MD_AUDIO_TICK_SAMPLES];
    md_kernels()->scale(sound, sound, MD_AUDIO_TICK_SAMPLES, mix->floor_before, mix->floor);
    md_kernels()->add(sound, mix->voice, MD_AUDIO_TICK_SAMPLES);
    if (!audio->announcing)
        return;
    md_kernels()->scale(said, audio->announced, MD_AUDIO_TICK_SAMPLES, 1 - mix->floor_before, 1 - mix->floor);
    md_kernels()->add(sound, said, MD_AUDIO_TICK_SAMPLES);
}

void md_channels_tick(MdRoomAudio *audio, const MdRoomPlan *plan)
{
    for (unsigned i = 0; i < plan->n_channels; i++) {
        MdChannelMix *mix = plan->channels[i].mix;
        memcpy(mix->before, mix->mixed, sizeof mix->before);
        add_voices(audio, plan, i + 1, mix);
        move_floor(mix, plan->channels[i].floor, audio->due_us);
        memcpy(mix->mixed, audio->common, sizeof mix->mixed);
        put_together(audio, mix, mix->mixed);
        md_limiter_tick(&mix->limiter, mix->mixed, MD_AUDIO_TICK_SAMPLES);
    }
}

void md_channel_own(const MdRoomAudio *audio, const MdRoomPlan *plan, const MdPlanSeat *at, float *sound)
{
    if (at->channel == 0)
        return;
    put_together(audio, plan->channels[at->channel - 1].mix, sound);
    md_limiter_tick(&at->seat->channel_limiter, sound, MD_AUDIO_TICK_SAMPLES);
}
