/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/audio/mixer.h"
#include <string.h>
#include "mediad/audio/kernels.h"
#include "mediad/audio/level.h"

enum { LOUDEST_DEFAULT = 4, HOLD_TICKS = 25, QUIET_TICKS = 50 };
static const float ENTER_DBOV = -55, STAY_DBOV = -60, LOUDER_DB = 6;
static const float ATTACK = 0.5f, RELEASE = 0.06f;

void md_mix_init(MdMix *mix, unsigned loudest)
{
    memset(mix, 0, sizeof *mix);
    mix->loudest = loudest == 0                   ? LOUDEST_DEFAULT
                   : loudest > MD_MIX_LOUDEST_MAX ? MD_MIX_LOUDEST_MAX
                                                  : loudest;
}

static void smooth(MdMixMember *member, float level_dbov)
{
    if (member->level_dbov == 0)
        member->level_dbov = MD_LEVEL_SILENCE_DBOV;
    float rate = level_dbov > member->level_dbov ? ATTACK : RELEASE;
    member->level_dbov += (level_dbov - member->level_dbov) * rate;
    member->quiet_ticks = level_dbov > STAY_DBOV ? 0 : member->quiet_ticks + 1;
    if (member->selected)
        member->held_ticks++;
}

static bool may_enter(const MdMixInput *input)
{
    return !input->member->selected && input->gain > 0 && input->level_dbov > ENTER_DBOV &&
           input->member->level_dbov > ENTER_DBOV;
}

/* The loudest of those who want in and the weakest of those who are. -1: nobody. */
static void find_ends(const MdMixInput *inputs, unsigned n, int *ret_loudest, int *ret_weakest,
                      unsigned *ret_selected)
{
    int loudest = -1, weakest = -1;
    unsigned selected = 0;
    for (unsigned i = 0; i < n; i++) {
        const MdMixMember *member = inputs[i].member;
        if (member->selected) {
            selected++;
            if (weakest < 0 || member->level_dbov < inputs[weakest].member->level_dbov)
                weakest = (int)i;
        } else if (may_enter(&inputs[i])) {
            if (loudest < 0 || member->level_dbov > inputs[loudest].member->level_dbov)
                loudest = (int)i;
        }
    }
    *ret_loudest = loudest;
    *ret_weakest = weakest;
    *ret_selected = selected;
}

static void enter(MdMixMember *member)
{
    member->selected = true;
    member->held_ticks = 0;
}

static void select_members(MdMix *mix, const MdMixInput *inputs, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        MdMixMember *member = inputs[i].member;
        smooth(member, inputs[i].level_dbov);
        if (member->selected && (inputs[i].gain <= 0 || member->quiet_ticks >= QUIET_TICKS))
            member->selected = false;
    }
    for (;;) {
        int loudest, weakest;
        unsigned selected;
        find_ends(inputs, n, &loudest, &weakest, &selected);
        if (loudest < 0)
            return;
        if (selected >= mix->loudest) {
            MdMixMember *out = inputs[weakest].member;
            if (out->held_ticks < HOLD_TICKS ||
                inputs[loudest].member->level_dbov < out->level_dbov + LOUDER_DB)
                return;
            out->selected = false;
        }
        enter(inputs[loudest].member);
    }
}

void md_mix_run(MdMix *mix, const MdMixInput *inputs, unsigned n)
{
    const MdKernels *k = md_kernels();
    select_members(mix, inputs, n);
    mix->n_active = 0;
    for (unsigned i = 0; i < n; i++) {
        MdMixMember *member = inputs[i].member;
        float to = member->selected ? inputs[i].gain : 0;
        if (member->gain <= 0 && to <= 0)
            continue;
        if (mix->n_active ==
            MD_MIX_ACTIVE_MAX) { /* cannot happen while loudest is within its limit; never write past */
            member->gain = 0;
            continue;
        }
        float *scaled = mix->scaled[mix->n_active];
        k->scale(scaled, inputs[i].pcm, MD_AUDIO_TICK_SAMPLES, member->gain, to);
        member->gain = to;
        if (mix->n_active == 0)
            memcpy(mix->sum, scaled, sizeof mix->sum);
        else
            k->add(mix->sum, scaled, MD_AUDIO_TICK_SAMPLES);
        mix->active[mix->n_active++] = i;
    }
    if (mix->n_active == 0)
        memset(mix->sum, 0, sizeof mix->sum);
}

void md_mix_common(MdMix *mix, float out[MD_AUDIO_TICK_SAMPLES])
{
    memcpy(out, mix->sum, sizeof mix->sum);
    md_limiter_tick(&mix->limiter, out, MD_AUDIO_TICK_SAMPLES);
}

int md_mix_find(const MdMix *mix, unsigned input)
{
    for (unsigned i = 0; i < mix->n_active; i++)
        if (mix->active[i] == input)
            return (int)i;
    return -1;
}

void md_mix_minus(MdMix *mix, const MdMixInput *inputs, unsigned active, float out[MD_AUDIO_TICK_SAMPLES])
{
    /* Alone in the mix: exact silence instead of rounding dust. */
    if (mix->n_active == 1)
        memset(out, 0, sizeof mix->sum);
    else
        md_kernels()->subtract(out, mix->sum, mix->scaled[active], MD_AUDIO_TICK_SAMPLES);
    md_limiter_tick(&inputs[mix->active[active]].member->limiter, out, MD_AUDIO_TICK_SAMPLES);
}
