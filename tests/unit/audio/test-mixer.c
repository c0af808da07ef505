/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <math.h>
#include <string.h>
#include "mediad/audio/kernels.h"
#include "mediad/audio/level.h"
#include "mediad/audio/mixer.h"
#include "mediad/audio/tone.h"

enum { MEMBERS_MAX = 16 };

typedef struct Room {
    MdMix mix;
    MdMixMember members[MEMBERS_MAX];
    MdTone tones[MEMBERS_MAX];
    float pcm[MEMBERS_MAX][MD_AUDIO_TICK_SAMPLES];
    MdMixInput inputs[MEMBERS_MAX];
    unsigned n;
} Room;

static double member_hz(unsigned i)
{
    return 300 + 100 * i; /* whole periods in 20 ms */
}

static Room *room_new(unsigned n, unsigned loudest)
{
    Room *room = g_new0(Room, 1);
    md_mix_init(&room->mix, loudest);
    room->n = n;
    for (unsigned i = 0; i < n; i++) {
        md_tone_init(&room->tones[i], member_hz(i), MD_AUDIO_RATE, 0);
        room->inputs[i] = (MdMixInput){.member = &room->members[i], .pcm = room->pcm[i], .gain = 1};
    }
    return room;
}

static void set_level(Room *room, unsigned i, float amplitude)
{
    room->tones[i].amplitude = amplitude;
}

static void tick(Room *room, unsigned times)
{
    while (times-- > 0) {
        for (unsigned i = 0; i < room->n; i++) {
            md_tone_fill(&room->tones[i], room->pcm[i], MD_AUDIO_TICK_SAMPLES);
            room->inputs[i].level_dbov = md_level_dbov(room->pcm[i], MD_AUDIO_TICK_SAMPLES);
        }
        md_mix_run(&room->mix, room->inputs, room->n);
    }
}

static float hears(const float *pcm, unsigned i)
{
    return md_goertzel(pcm, MD_AUDIO_TICK_SAMPLES, member_hz(i), MD_AUDIO_RATE);
}

static void test_minus_own(void)
{
    g_autofree Room *room = room_new(5, 4);
    float out[MD_AUDIO_TICK_SAMPLES];
    for (unsigned i = 0; i < 3; i++)
        set_level(room, i, 0.1f);
    tick(room, 10);
    g_assert_cmpuint(room->mix.n_active, ==, 3);
    md_mix_common(&room->mix, out);
    for (unsigned i = 0; i < 5; i++)
        g_assert_cmpfloat_with_epsilon(hears(out, i), i < 3 ? 0.1f : 0, 1e-4f);
    for (unsigned i = 0; i < 3; i++) {
        md_mix_minus(&room->mix, room->inputs, (unsigned)md_mix_find(&room->mix, i), out);
        for (unsigned k = 0; k < 5; k++)
            g_assert_cmpfloat_with_epsilon(hears(out, k), k < 3 && k != i ? 0.1f : 0, 1e-4f);
    }
    g_assert_cmpint(md_mix_find(&room->mix, 4), ==, -1);
}

static void test_loudest_hysteresis(void)
{
    g_autofree Room *room = room_new(4, 2);
    set_level(room, 0, 0.1f);
    set_level(room, 1, 0.1f);
    tick(room, 40);
    g_assert_true(room->members[0].selected && room->members[1].selected);
    /* 4 dB louder is not enough. */
    set_level(room, 2, 0.16f);
    tick(room, 100);
    g_assert_false(room->members[2].selected);
    /* 12 dB louder is; the other stays. */
    set_level(room, 2, 0.4f);
    tick(room, 20);
    g_assert_true(room->members[2].selected);
    g_assert_cmpuint(room->members[0].selected + room->members[1].selected, ==, 1);
    unsigned weak = room->members[0].selected ? 0 : 1, other = 1 - weak;
    set_level(room, other, 0);
    set_level(room, 2, 0.01f);
    tick(room, 60);
    set_level(room, 3, 0.015f);
    tick(room, 60);
    g_assert_false(room->members[3].selected); /* 3.5 dB louder than the weaker of the two: not enough */
    set_level(room, 3, 0);
    set_level(room, weak, 0);
    tick(room, 45);
    g_assert_true(room->members[weak].selected); /* a pause in speech */
    tick(room, 10);
    g_assert_false(room->members[weak].selected);
    set_level(room, 3, 0.015f);
    tick(room, 10);
    g_assert_true(room->members[3].selected); /* a place is free */
}

static void test_hold(void)
{
    g_autofree Room *room = room_new(2, 1);
    set_level(room, 0, 0.02f);
    tick(room, 3);
    g_assert_true(room->members[0].selected);
    set_level(room, 1, 0.5f);
    tick(room, 15);
    g_assert_true(room->members[0].selected);
    tick(room, 15);
    g_assert_true(room->members[1].selected);
    g_assert_false(room->members[0].selected);
}

static void test_mute_fades(void)
{
    g_autofree Room *room = room_new(2, 4);
    float out[MD_AUDIO_TICK_SAMPLES];
    set_level(room, 0, 0.5f);
    tick(room, 5);
    room->inputs[0].gain = 0;
    tick(room, 1);
    md_mix_common(&room->mix, out);
    g_assert_cmpfloat(fabsf(out[30]), >, 0.05f); /* still there at the start … */
    g_assert_cmpfloat_with_epsilon(out[MD_AUDIO_TICK_SAMPLES - 1], 0, 1e-3f); /* … and gone without a step */
    tick(room, 1);
    g_assert_cmpuint(room->mix.n_active, ==, 0);
    md_mix_common(&room->mix, out);
    g_assert_cmpfloat(md_kernels()->peak(out, MD_AUDIO_TICK_SAMPLES), ==, 0);
    room->inputs[0].gain = 2;
    tick(room, 3);
    md_mix_common(&room->mix, out);
    g_assert_cmpfloat(hears(out, 0), >, 0.8f);
}

static void test_limiter(void)
{
    g_autofree Room *room = room_new(4, 4);
    float out[MD_AUDIO_TICK_SAMPLES];
    for (unsigned i = 0; i < 4; i++)
        set_level(room, i, 0.9f);
    for (unsigned t = 0; t < 50; t++) {
        tick(room, 1);
        md_mix_common(&room->mix, out);
        g_assert_cmpfloat(md_kernels()->peak(out, MD_AUDIO_TICK_SAMPLES), <, 1.0f);
    }
    for (unsigned i = 0; i < 4; i++) /* all four are still heard, evenly */
        g_assert_cmpfloat_with_epsilon(hears(out, i), hears(out, 0), 0.01f);
    for (unsigned i = 1; i < 4; i++)
        set_level(room, i, 0);
    set_level(room, 0, 0.3f);
    for (unsigned t = 0; t < 200; t++) {
        tick(room, 1);
        md_mix_common(&room->mix, out);
    }
    g_assert_cmpfloat_with_epsilon(hears(out, 0), 0.3f, 1e-3f); /* released */
}

static void test_kernels(void)
{
    const MdKernels *fast = md_kernels_avx2();
    if (fast == NULL)
        fast = md_kernels();
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    float a[MD_AUDIO_TICK_SAMPLES], b[MD_AUDIO_TICK_SAMPLES], x[MD_AUDIO_TICK_SAMPLES],
        y[MD_AUDIO_TICK_SAMPLES];
    for (unsigned n = 0; n <= MD_AUDIO_TICK_SAMPLES; n += n < 40 ? 1 : 115) {
        for (unsigned i = 0; i < n; i++) {
            a[i] = (float)g_rand_double_range(rand, -1, 1);
            b[i] = (float)g_rand_double_range(rand, -1, 1);
        }
        md_kernels_c.scale(x, a, n, 0.2f, 1.7f);
        fast->scale(y, a, n, 0.2f, 1.7f);
        for (unsigned i = 0; i < n; i++)
            g_assert_cmpfloat_with_epsilon(x[i], y[i], 1e-6f);
        memcpy(x, a, sizeof x);
        memcpy(y, a, sizeof y);
        md_kernels_c.add(x, b, n);
        fast->add(y, b, n);
        g_assert_cmpmem(x, n * sizeof *x, y, n * sizeof *y);
        md_kernels_c.subtract(x, a, b, n);
        fast->subtract(y, a, b, n);
        g_assert_cmpmem(x, n * sizeof *x, y, n * sizeof *y);
        g_assert_cmpfloat_with_epsilon(md_kernels_c.energy(a, n), fast->energy(a, n), 1e-3f);
        g_assert_cmpfloat(md_kernels_c.peak(a, n), ==, fast->peak(a, n));
    }
    g_test_message("kernels in use: %s", md_kernels()->name);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/audio/mixer/minus-own", test_minus_own);
    g_test_add_func("/audio/mixer/loudest-hysteresis", test_loudest_hysteresis);
    g_test_add_func("/audio/mixer/hold", test_hold);
    g_test_add_func("/audio/mixer/mute-fades", test_mute_fades);
    g_test_add_func("/audio/mixer/limiter", test_limiter);
    g_test_add_func("/audio/mixer/kernels", test_kernels);
    return g_test_run();
}
