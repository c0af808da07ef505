/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include "mediad/audio/level.h"
#include "mediad/audio/tone.h"
#include "mediad/audio/wav.h"
#include "mediad/core/media.h"

static void test_dbov(void)
{
    float pcm[MD_AUDIO_TICK_SAMPLES];
    MdTone tone;
    md_tone_init(&tone, 1000, MD_AUDIO_RATE, 1.0f);
    md_tone_fill(&tone, pcm, MD_AUDIO_TICK_SAMPLES);
    g_assert_cmpfloat_with_epsilon(md_level_dbov(pcm, MD_AUDIO_TICK_SAMPLES), -3.01f, 0.01f);
    for (unsigned i = 0; i < MD_AUDIO_TICK_SAMPLES; i++)
        pcm[i] *= 0.01f;
    g_assert_cmpfloat_with_epsilon(md_level_dbov(pcm, MD_AUDIO_TICK_SAMPLES), -43.01f, 0.01f);
    memset(pcm, 0, sizeof pcm);
    g_assert_cmpfloat(md_level_dbov(pcm, MD_AUDIO_TICK_SAMPLES), ==, MD_LEVEL_SILENCE_DBOV);
    g_assert_cmpfloat_with_epsilon(md_db_to_gain(-6.0206f), 0.5f, 1e-4f);
}

static void test_vad(void)
{
    MdVad vad;
    md_vad_init(&vad);
    for (unsigned i = 0; i < 100; i++)
        g_assert_false(md_vad_tick(&vad, -70));
    g_assert_true(md_vad_tick(&vad, -30));
    for (unsigned i = 0; i < 10; i++)
        g_assert_true(md_vad_tick(&vad, -70)); /* between two words */
    for (unsigned i = 0; i < 10; i++)
        md_vad_tick(&vad, -70);
    g_assert_false(vad.voiced);
    for (unsigned i = 0; i < 1500; i++)
        md_vad_tick(&vad, -50); /* a fan is switched on: not speech in the end */
    g_assert_false(vad.voiced);
    g_assert_true(md_vad_tick(&vad, -30));
}

static void test_comfort_noise(void)
{
    float pcm[MD_AUDIO_TICK_SAMPLES * 10] = {0};
    MdComfortNoise noise;
    md_comfort_noise_init(&noise, 3);
    md_comfort_noise_add(&noise, pcm, G_N_ELEMENTS(pcm), -60);
    g_assert_cmpfloat_with_epsilon(md_level_dbov(pcm, G_N_ELEMENTS(pcm)), -60, 1);
}

static void put32(unsigned char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(v >> 8 * i);
}

/* n frames of a 500 Hz sine at rate. */
static GByteArray *make_wav(unsigned rate, unsigned channels, unsigned n)
{
    unsigned char head[44] = "RIFF____WAVEfmt \x10\0\0\0\x01\0";
    head[22] = (unsigned char)channels;
    put32(head + 24, rate);
    put32(head + 28, rate * channels * 2);
    head[32] = (unsigned char)(channels * 2);
    head[34] = 16;
    memcpy(head + 36, "data", 4);
    put32(head + 40, n * channels * 2);
    GByteArray *wav = g_byte_array_new();
    g_byte_array_append(wav, head, sizeof head);
    MdTone tone;
    md_tone_init(&tone, 500, rate, 0.5f);
    for (unsigned i = 0; i < n; i++) {
        float sample;
        md_tone_fill(&tone, &sample, 1);
        int16_t value = GINT16_TO_LE((int16_t)(sample * 32767));
        for (unsigned c = 0; c < channels; c++)
            g_byte_array_append(wav, (const guint8 *)&value, 2);
    }
    return wav;
}

static void check_wav(unsigned rate, unsigned channels)
{
    g_autoptr(GByteArray) wav = make_wav(rate, channels, rate);
    g_autofree char *path = g_build_filename(g_get_tmp_dir(), "mediad-wav-XXXXXX", NULL);
    int fd = g_mkstemp(path);
    g_assert_cmpint(fd, >=, 0);
    g_close(fd, NULL);
    g_assert_true(g_file_set_contents(path, (const char *)wav->data, wav->len, NULL));
    float *pcm = NULL;
    size_t n = 0;
    g_assert_cmpint(md_wav_load(path, &pcm, &n), ==, 0);
    g_unlink(path);
    g_assert_cmpuint(n, >=, MD_AUDIO_RATE - 400);
    g_assert_cmpuint(n, <=, MD_AUDIO_RATE + 64);
    g_assert_cmpfloat_with_epsilon(md_goertzel(pcm + 4800, 9600, 500, MD_AUDIO_RATE), 0.5f, 0.01f);
    free(pcm);
}

static void test_wav(void)
{
    check_wav(48000, 1);
    check_wav(22050, 1);
    check_wav(16000, 2);
    float *pcm = NULL;
    size_t n = 0;
    g_assert_cmpint(md_wav_load("/nonexistent/x.wav", &pcm, &n), ==, -ENOENT);
    g_autoptr(GByteArray) wav = make_wav(48000, 1, 100);
    for (unsigned len = 0; len < 46; len++) /* cut anywhere: refused, never read past */
        g_assert_cmpint(md_wav_parse(wav->data, len, &pcm, &n), ==, -EBADMSG);
    wav->data[34] = 8;
    g_assert_cmpint(md_wav_parse(wav->data, wav->len, &pcm, &n), ==, -EBADMSG);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/audio/level/dbov", test_dbov);
    g_test_add_func("/audio/level/vad", test_vad);
    g_test_add_func("/audio/level/comfort-noise", test_comfort_noise);
    g_test_add_func("/audio/level/wav", test_wav);
    return g_test_run();
}
