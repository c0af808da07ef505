/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include "mediad/audio/level.h"
#include "mediad/audio/tone.h"
#include "mediad/conference/prompts.h"

static unsigned warnings;

static void on_line(MdLogLevel level, const char *path, const char *line, void *user)
{
    warnings++;
}

static void put32(unsigned char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(v >> 8 * i);
}

/* Half a second of a quiet sine between two silences of a quarter. */
static void write_prompt(const char *path)
{
    enum { N = MD_AUDIO_RATE };
    g_autofree unsigned char *wav = g_malloc0(44 + 2 * N);
    memcpy(wav, "RIFF____WAVEfmt \x10\0\0\0\x01\0\x01\0", 24);
    put32(wav + 24, MD_AUDIO_RATE);
    put32(wav + 28, MD_AUDIO_RATE * 2);
    wav[32] = 2;
    wav[34] = 16;
    memcpy(wav + 36, "data", 4);
    put32(wav + 40, 2 * N);
    MdTone tone;
    md_tone_init(&tone, 700, MD_AUDIO_RATE, 0.02f);
    for (unsigned i = N / 4; i < N * 3 / 4; i++) {
        float sample;
        md_tone_fill(&tone, &sample, 1);
        int16_t value = GINT16_TO_LE((int16_t)(sample * 32767));
        memcpy(wav + 44 + 2 * i, &value, 2);
    }
    g_assert_true(g_file_set_contents(path, (const char *)wav, 44 + 2 * N, NULL));
}

static void test_load(void)
{
    g_autofree char *dir = g_dir_make_tmp("mediad-prompts-XXXXXX", NULL);
    g_autofree char *vi = g_build_filename(dir, "vi", NULL);
    g_autofree char *file = g_build_filename(vi, "enter-pin.wav", NULL);
    g_assert_cmpint(g_mkdir(vi, 0700), ==, 0);
    write_prompt(file);
    MdLog *log = md_log_new();
    md_log_set_sink(log, on_line, NULL);
    MdLogger logger = md_logger(log, "conference");
    MdPrompts *prompts = md_prompts_new(dir, &logger);
    g_assert_cmpuint(warnings, ==, 1); /* all the missing ones in one line */
    size_t n;
    const float *pcm = md_prompts_get(prompts, MD_LANGUAGE_VI, MD_PROMPT_ENTER_PIN, &n);
    g_assert_cmpuint(n, >, MD_AUDIO_RATE / 2 - 200); /* the silences are cut off, the loudness is made even */
    g_assert_cmpuint(n, <=, MD_AUDIO_RATE / 2);
    g_assert_cmpfloat_with_epsilon(md_level_dbov(pcm, (unsigned)n), -24, 0.5f);
    g_assert_cmpfloat_with_epsilon(md_prompts_duration_us(prompts, MD_LANGUAGE_VI, MD_PROMPT_ENTER_PIN),
                                   500000, 5000);
    pcm = md_prompts_get(prompts, MD_LANGUAGE_EN, MD_PROMPT_ENTER_PIN, &n); /* missing: a tone */
    g_assert_cmpfloat(md_goertzel(pcm + 4800, 4800, 440, MD_AUDIO_RATE), >, 0.1f);
    md_prompts_free(prompts);
    md_log_free(log);
    g_unlink(file);
    g_rmdir(vi);
    g_rmdir(dir);
}

static void test_player(void)
{
    MdPrompts *prompts = md_prompts_new(NULL, NULL);
    MdPlayer player = {0};
    float pcm[MD_AUDIO_TICK_SAMPLES] = {0};
    g_assert_false(md_player_tick(&player, prompts, 0, pcm));
    const uint8_t two[] = {MD_PROMPT_NOW, MD_PROMPT_HOURS};
    md_player_add(&player, two, 2);
    unsigned ticks = 0;
    while (md_player_tick(&player, prompts, 0, pcm))
        ticks++;
    g_assert_cmpuint(ticks, ==, 30); /* two tones of 0.3 s */
    for (unsigned i = 0; i < 100; i++)
        md_player_add(&player, two, 2); /* more than fits is dropped */
    for (ticks = 0; md_player_tick(&player, prompts, 0, pcm); ticks++)
        ;
    g_assert_cmpuint(ticks, ==, MD_PLAYER_QUEUE_MAX * 15);
    md_prompts_free(prompts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/conference/prompts/load", test_load);
    g_test_add_func("/conference/prompts/player", test_player);
    return g_test_run();
}
