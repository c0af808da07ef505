/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/conference/prompts.h"
#include <glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "mediad/audio/kernels.h"
#include "mediad/audio/level.h"
#include "mediad/audio/tone.h"
#include "mediad/audio/wav.h"

/* Voices differ: every prompt is brought to one loudness. */
static const float PROMPT_DBOV = -24, PROMPT_PEAK = 0.8f;

enum { TONE_SAMPLES = MD_AUDIO_RATE * 3 / 10 };

typedef struct Clip {
    float *pcm; /* malloc'd; NULL: the tone */
    size_t samples;
} Clip;

struct MdPrompts {
    Clip clips[MD_LANGUAGE_MAX][MD_PROMPT_MAX];
    float tone[TONE_SAMPLES];
};

static const char *const names[MD_PROMPT_NUMBER_0] = {
    /* clang-format off */
    [MD_PROMPT_ENTER_PIN] = "enter-pin",
    [MD_PROMPT_WRONG_PIN] = "wrong-pin",
    [MD_PROMPT_LOCKED] = "locked",
    [MD_PROMPT_WELCOME] = "welcome",
    [MD_PROMPT_MUTED] = "muted",
    [MD_PROMPT_UNMUTED] = "unmuted",
    [MD_PROMPT_WAITING_FOR_CHAIR] = "waiting-for-chair",
    [MD_PROMPT_LOBBY] = "lobby",
    [MD_PROMPT_ENDED] = "ended",
    [MD_PROMPT_TEST] = "test",
    [MD_PROMPT_NOW] = "now",
    [MD_PROMPT_HOURS] = "hours",
    [MD_PROMPT_MINUTES] = "minutes",
    [MD_PROMPT_RECORDED] = "recorded",
    [MD_PROMPT_STREAMED] = "streamed",
    [MD_PROMPT_TRIAL] = "trial",
    [MD_PROMPT_HAND_RAISED] = "hand-raised",
    [MD_PROMPT_HAND_LOWERED] = "hand-lowered",
    [MD_PROMPT_FLOOR_GIVEN] = "floor-given",
    [MD_PROMPT_FLOOR_NEXT] = "floor-next",
    [MD_PROMPT_FLOOR_ENDED] = "floor-ended",
    [MD_PROMPT_VOTE_OPEN] = "vote-open",
    [MD_PROMPT_VOTE_COUNTED] = "vote-counted",
    [MD_PROMPT_VOTE_CLOSED] = "vote-closed",
    [MD_PROMPT_NOT_POSSIBLE] = "not-possible",
    /* clang-format on */
};
static const char *const languages[MD_LANGUAGE_MAX] = {"vi", "en"};

unsigned md_language_from_string(const char *name)
{
    for (unsigned i = 0; name != NULL && i < MD_LANGUAGE_MAX; i++)
        if (g_ascii_strcasecmp(name, languages[i]) == 0)
            return i;
    return MD_LANGUAGE_VI;
}

/* What is quiet at both ends (speech programs leave some) goes; the rest gets the common loudness. */
static void make_even(Clip *clip)
{
    size_t first = 0, last = clip->samples;
    while (first < last && fabsf(clip->pcm[first]) < 0.003f)
        first++;
    while (last > first && fabsf(clip->pcm[last - 1]) < 0.003f)
        last--;
    clip->samples = last - first;
    memmove(clip->pcm, clip->pcm + first, clip->samples * sizeof *clip->pcm);
    float *smaller = realloc(clip->pcm, MAX(clip->samples, 1) * sizeof *clip->pcm);
    if (smaller != NULL)
        clip->pcm = smaller;
    unsigned n = (unsigned)clip->samples;
    float gain = md_db_to_gain(PROMPT_DBOV - md_level_dbov(clip->pcm, n)),
          peak = md_kernels()->peak(clip->pcm, n);
    if (peak * gain > PROMPT_PEAK)
        gain = PROMPT_PEAK / peak;
    md_kernels()->scale(clip->pcm, clip->pcm, n, gain, gain);
}

/* The warning of a clock, the same in every language. */
static bool make_beep(Clip *clip)
{
    enum { ON = MD_AUDIO_RATE * 15 / 100, PERIOD = MD_AUDIO_RATE / 4, TIMES = 2, EDGE = 240 };
    MdTone tone;
    clip->samples = PERIOD * TIMES;
    clip->pcm = calloc(clip->samples, sizeof *clip->pcm);
    if (clip->pcm == NULL)
        return false;
    for (unsigned k = 0; k < TIMES; k++) {
        float *at = clip->pcm + k * PERIOD;
        md_tone_init(&tone, 1000, MD_AUDIO_RATE, 0.15f);
        md_tone_fill(&tone, at, ON);
        for (unsigned i = 0; i < EDGE; i++) {
            at[i] *= (float)i / EDGE;
            at[ON - 1 - i] *= (float)i / EDGE;
        }
    }
    return true;
}

static bool load(MdPrompts *prompts, const char *dir, unsigned language, unsigned prompt)
{
    Clip *clip = &prompts->clips[language][prompt];
    g_autofree char *file =
        prompt < MD_PROMPT_NUMBER_0
            ? g_strdup_printf("%s/%s/%s.wav", dir, languages[language], names[prompt])
            : g_strdup_printf("%s/%s/number-%u.wav", dir, languages[language], prompt - MD_PROMPT_NUMBER_0);
    if (md_wav_load(file, &clip->pcm, &clip->samples) != 0)
        return false;
    make_even(clip);
    return true;
}

MdPrompts *md_prompts_new(const char *dir, const MdLogger *logger)
{
    MdPrompts *prompts = g_new0(MdPrompts, 1);
    MdTone tone;
    unsigned missing = 0;
    md_tone_init(&tone, 440, MD_AUDIO_RATE, 0.15f);
    md_tone_fill(&tone, prompts->tone, TONE_SAMPLES);
    for (unsigned i = 0; i < 480; i++) { /* no clicks at the ends */
        prompts->tone[i] *= (float)i / 480;
        prompts->tone[TONE_SAMPLES - 1 - i] *= (float)i / 480;
    }
    for (unsigned language = 0; language < MD_LANGUAGE_MAX; language++)
        for (unsigned i = 0; i < MD_PROMPT_MAX; i++)
            missing += i == MD_PROMPT_BEEP ? !make_beep(&prompts->clips[language][i])
                                           : dir == NULL || !load(prompts, dir, language, i);
    if (missing > 0 && dir != NULL)
        md_warning(
            logger,
            "%u of %u spoken prompts are missing in %s: tones are played instead; run deploy/make-prompts",
            missing, MD_LANGUAGE_MAX * MD_PROMPT_MAX, dir);
    return prompts;
}

void md_prompts_free(MdPrompts *prompts)
{
    if (prompts == NULL)
        return;
    for (unsigned language = 0; language < MD_LANGUAGE_MAX; language++)
        for (unsigned i = 0; i < MD_PROMPT_MAX; i++)
            free(prompts->clips[language][i].pcm);
    g_free(prompts);
}

const float *md_prompts_get(const MdPrompts *prompts, unsigned language, unsigned prompt, size_t *ret_samples)
{
    const Clip *clip =
        &prompts->clips[language < MD_LANGUAGE_MAX ? language : 0][prompt < MD_PROMPT_MAX ? prompt : 0];
    *ret_samples = clip->pcm != NULL ? clip->samples : TONE_SAMPLES;
    return clip->pcm != NULL ? clip->pcm : prompts->tone;
}

int64_t md_prompts_duration_us(const MdPrompts *prompts, unsigned language, unsigned prompt)
{
    size_t samples;
    md_prompts_get(prompts, language, prompt, &samples);
    return (int64_t)samples * G_USEC_PER_SEC / MD_AUDIO_RATE;
}

void md_player_add(MdPlayer *player, const uint8_t *prompts, unsigned n)
{
    for (unsigned i = 0; i < n && player->n < MD_PLAYER_QUEUE_MAX; i++)
        player->queue[player->n++] = prompts[i];
}

bool md_player_tick(MdPlayer *player, const MdPrompts *prompts, unsigned language,
                    float pcm[MD_AUDIO_TICK_SAMPLES])
{
    if (player->n == 0)
        return false;
    size_t samples;
    const float *clip = md_prompts_get(prompts, language, player->queue[0], &samples);
    size_t left = samples - player->at;
    unsigned n = left < MD_AUDIO_TICK_SAMPLES ? (unsigned)left : MD_AUDIO_TICK_SAMPLES;
    md_kernels()->add(pcm, clip + player->at, n);
    player->at += n;
    if (player->at >= samples) {
        player->at = 0;
        memmove(player->queue, player->queue + 1, --player->n);
    }
    return true;
}
