/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <glib.h>
#include "broadcast/link/siren.h"
#include "mediad/audio/level.h"
#include "mediad/audio/tone.h"

#define SECOND BC_SIREN_RATE

static float loudness(BcSirenPattern pattern, unsigned rounds, int64_t from)
{
    static float pcm[SECOND / 2];
    bc_siren_render(pattern, rounds, from, pcm, SECOND / 2);
    return md_level_dbov(pcm, SECOND / 2);
}

/* Blasts and gaps stand where the civil defence's order puts them. */
static void test_blasts(void)
{
    static const struct { BcSirenPattern pattern; unsigned rounds, blasts, blast_s, gap_s, rounds_max; } table[] = {
        {BC_SIREN_STORM, 1, 3, 20, 10, 3}, {BC_SIREN_STORM, 3, 9, 20, 10, 3}, {BC_SIREN_FLOOD, 2, 4, 10, 10, 2},
        {BC_SIREN_URGENT, 1, 5, 30, 5, 3}, {BC_SIREN_ALL_CLEAR, 1, 1, 20, 0, 1}, {BC_SIREN_DRILL, 1, 1, 10, 0, 1},
        {BC_SIREN_CHIME, 1, 1, 2, 0, 1},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        unsigned n = table[i].blasts, whole = n * table[i].blast_s + (n - 1) * table[i].gap_s;
        g_assert_cmpint(bc_siren_duration_us(table[i].pattern, table[i].rounds), ==, whole * G_GINT64_CONSTANT(1000000));
        g_assert_cmpuint(bc_siren_rounds(table[i].pattern, 99), ==, table[i].rounds_max);
        for (unsigned blast = 0; blast < n; blast++) {
            int64_t begins = (int64_t)blast * (table[i].blast_s + table[i].gap_s) * SECOND;
            g_assert_cmpfloat(loudness(table[i].pattern, table[i].rounds, begins), >, -40);
            if (table[i].gap_s)
                g_assert_cmpfloat(loudness(table[i].pattern, table[i].rounds, begins + table[i].blast_s * SECOND), ==, MD_LEVEL_SILENCE_DBOV);
        }
        g_assert_cmpfloat(loudness(table[i].pattern, table[i].rounds, (int64_t)whole * SECOND), ==, MD_LEVEL_SILENCE_DBOV);
        g_assert_cmpfloat(bc_siren_sample(table[i].pattern, 1, -1), ==, 0);
    }
    g_assert_cmpint(bc_siren_duration_us(BC_SIREN_NONE, 1), ==, 0);
    g_assert_cmpint(bc_siren_duration_us(BC_SIREN_MAX, 1), ==, 0);
}

/* Each pattern is told from the others by its pitch; a drill is far softer than anything real. */
static void test_sound(void)
{
    static float pcm[SECOND];
    bc_siren_render(BC_SIREN_ALL_CLEAR, 1, SECOND, pcm, SECOND);
    g_assert_cmpfloat(md_goertzel(pcm, SECOND, 440, SECOND), >, 0.45);
    bc_siren_render(BC_SIREN_FLOOD, 1, SECOND, pcm, SECOND);
    g_assert_cmpfloat(md_goertzel(pcm, SECOND / 2, 500, SECOND), >, 0.45);
    g_assert_cmpfloat(md_goertzel(pcm + SECOND / 2, SECOND / 2, 750, SECOND), >, 0.45);
    /* a slow wail: 400 Hz at the beginning of a sweep, 800 Hz in its middle */
    bc_siren_render(BC_SIREN_STORM, 1, 4 * SECOND - SECOND / 20, pcm, SECOND / 10);
    g_assert_cmpfloat(md_goertzel(pcm, SECOND / 10, 400, SECOND), >, 0.4);
    bc_siren_render(BC_SIREN_STORM, 1, 6 * SECOND - SECOND / 20, pcm, SECOND / 10);
    g_assert_cmpfloat(md_goertzel(pcm, SECOND / 10, 800, SECOND), >, 0.4);
    g_assert_cmpfloat(loudness(BC_SIREN_DRILL, 1, 0), <, loudness(BC_SIREN_STORM, 1, SECOND) - 20);
    for (BcSirenPattern p = BC_SIREN_CHIME; p < BC_SIREN_MAX; p++)
        for (int64_t n = 0; n < 12 * SECOND; n += 7)
            g_assert_cmpfloat(fabsf(bc_siren_sample(p, 1, n)), <=, 1.0f);
}

/* Joining anywhere yields the very samples that stand there, and no step is a click. */
static void test_joining(void)
{
    static float whole[30 * SECOND], part[SECOND];
    for (BcSirenPattern p = BC_SIREN_CHIME; p < BC_SIREN_MAX; p++) {
        bc_siren_render(p, 1, 0, whole, 30 * SECOND);
        bc_siren_render(p, 1, 123457, part, SECOND);
        g_assert_cmpmem(part, sizeof(part), whole + 123457, sizeof(part));
        for (unsigned i = 1; i < 30 * SECOND; i++)
            g_assert_cmpfloat(fabsf(whole[i] - whole[i - 1]), <, 0.2f);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/siren/blasts", test_blasts);
    g_test_add_func("/siren/sound", test_sound);
    g_test_add_func("/siren/joining", test_joining);
    return g_test_run();
}
