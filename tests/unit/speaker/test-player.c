/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdio.h>
#include <glib/gstdio.h>
#include <gst/gst.h>
#include "tests/unit/speaker/duty-bench.h"
#include "broadcast/link/siren.h"
#include "broadcast/speaker/player.h"
#include "broadcast/speaker/proof.h"
#include "broadcast/speaker/slip.h"
#include "mediad/audio/level.h"
#include "mediad/audio/tone.h"

#define RATE BC_PLAYER_RATE
#define BLOCK 480u

/* A loudspeaker without threads: desk, player, a crystal that is wrong by ppm, and files in a folder. */
typedef struct Box {
    Bench bench;
    BcPlayer *player;
    double ppm, off_us;          /* its idea of server time: true time + off */
    int64_t samples;             /* made so far */
    int64_t start_us;            /* true time of sample 0 */
} Box;

static char *folder;

static char *path_of(const char *sha256, void *user)
{
    g_autofree char *name = g_strdup_printf("%c.wav", sha256[0]);
    return g_build_filename(folder, name, NULL);
}

static int64_t clock_of(void *user)
{
    return ((Box *)user)->bench.now_us;
}

static void put32(FILE *f, uint32_t v)
{
    fwrite(&v, 4, 1, f);
}

/* noise (hz 0) or a sine, at -12 dBFS, of that many seconds */
static void write_wav(char name, double seconds, double hz)
{
    g_autofree char *file = g_strdup_printf("%c.wav", name), *path = g_build_filename(folder, file, NULL);
    unsigned n = (unsigned)(seconds * RATE);
    GRand *rand = g_rand_new_with_seed(9);
    FILE *f = fopen(path, "wb");
    g_assert_nonnull(f);
    fwrite("RIFF", 4, 1, f);
    put32(f, 36 + n * 2);
    fwrite("WAVEfmt \20\0\0\0\1\0\1\0", 16, 1, f);
    put32(f, RATE);
    put32(f, RATE * 2);
    fwrite("\2\0\20\0data", 8, 1, f);
    put32(f, n * 2);
    double low = 0;
    for (unsigned i = 0; i < n; i++) {
        low += 0.3 * (g_rand_double_range(rand, -1, 1) - low);
        int16_t v = (int16_t)(8192 * (hz > 0 ? sin(2 * M_PI * hz * i / RATE) : low));
        fwrite(&v, 2, 1, f);
    }
    fclose(f);
    g_rand_free(rand);
}

static void box_init(Box *box, double ppm, double off_us, double start_s)
{
    memset(box, 0, sizeof(*box));
    bench_init(&box->bench);
    BcPlayerOps ops = {.media_path = path_of, .clock = clock_of, .user = box};
    box->player = bc_player_new("loa-1", &ops);
    bc_player_set_patient(box->player, true);
    box->ppm = ppm;
    box->off_us = off_us;
    box->start_us = NOON + (int64_t)(start_s * S);
    box->bench.now_us = box->start_us;
}

static void box_clear(Box *box)
{
    bc_player_free(box->player);
    bench_clear(&box->bench);
}

/* The moment at which its sample n sounds, by the true clock and as it believes the server's to be. */
static int64_t believed_us(const Box *box, int64_t n)
{
    double true_us = (double)n * 1e6 / RATE * (1 + box->ppm * 1e-6);
    return box->start_us + (int64_t)llround(true_us + box->off_us);
}

static void render(Box *box, float *pcm, int64_t n)
{
    for (int64_t i = 0; i < n; i += BLOCK) {
        int64_t from_us = believed_us(box, box->samples), to_us = believed_us(box, box->samples + BLOCK);
        bc_player_look(box->player, box->bench.desk, from_us);
        bc_player_tend(box->player, from_us);
        bc_player_render(box->player, box->bench.desk, from_us, to_us, pcm + i, BLOCK);
        box->samples += BLOCK;
        box->bench.now_us = to_us;
    }
}

/* How much later b is, in samples; they are alike within reach. */
static int lag_of(const float *a, const float *b, int n, int reach)
{
    double best = -1e9;
    int found = 0;
    for (int lag = -reach; lag <= reach; lag++) {
        double sum = 0;
        for (int i = reach; i < n - reach; i++)
            sum += a[i] * b[i + lag];
        if (sum > best) {
            best = sum;
            found = lag;
        }
    }
    return found;
}

/* A file begins on the very sample, at the right pitch and level, repeats after its gap, and ends. */
static void test_file(void)
{
    Box box;
    static float pcm[6 * RATE];
    write_wav('a', 1, 1000);
    box_init(&box, 0, 0, 9);
    bench_store(&box.bench, 'a');
    BcLinkManifest m = bench_manifest(1, (Line[]){{"a", 10.0042, 2.5, .sha = 'a', .volume = 100}}, 1);
    m.items[0].repeats = 2;
    m.items[0].gap_us = S / 2;
    g_assert_true(bc_duty_set_manifest(box.bench.desk, &m, false, box.bench.now_us, NULL));
    render(&box, pcm, 6 * RATE);
    unsigned first = 0;
    while (first < 6 * RATE && fabsf(pcm[first]) < 0.01f)
        first++;
    unsigned due = RATE + 202; /* 4.2 ms after the second */
    g_test_message("%s", box.bench.news->str);
    g_assert_cmpuint(first, >=, due - 1);
    g_assert_cmpuint(first, <=, due + 3);
    g_assert_cmpfloat_with_epsilon(md_goertzel(pcm + due + 480, RATE / 2, 1000, RATE), 0.25, 0.01);
    g_assert_cmpfloat(md_level_dbov(pcm + due + RATE + 960, RATE / 2 - 1440), <, -80);
    g_assert_cmpfloat_with_epsilon(md_goertzel(pcm + due + RATE * 3 / 2 + 480, RATE / 2, 1000, RATE), 0.25, 0.01);
    g_assert_cmpfloat(md_level_dbov(pcm + due + RATE * 5 / 2 + 960, RATE), <, -80);
    bench_said(&box.bench, "began a 10.0\nended a 10.0-12.5\n");
    box_clear(&box);
}

/* Two loudspeakers, crystals 150 ppm apart, one 3 ms wrong about the time: side by side for a minute, one of them joining in the middle. */
static void test_neighbours(void)
{
    Box a, b;
    float *x = g_new(float, 60 * RATE), *y = g_new(float, 60 * RATE);
    write_wav('n', 62, 0);
    box_init(&a, 90, 0, 10);
    box_init(&b, -60, 3000, 10);
    Line line = {"n", 10, 60, .sha = 'n', .volume = 100, .grace_s = 30};
    bench_store(&a.bench, 'n');
    bench_give(&a.bench, 1, &line, 1);
    bench_give(&b.bench, 1, &line, 1);
    render(&a, x, 60 * RATE);
    render(&b, y, 20 * RATE);
    bench_store(&b.bench, 'n');
    render(&b, y + 20 * RATE, 40 * RATE);
    int worst = 0;
    for (int s = 22; s < 59; s += 6) {
        /* the same true moment in both */
        int64_t i = (int64_t)(s * RATE / (1 + 90e-6)), j = (int64_t)(s * RATE / (1 - 60e-6));
        g_assert_cmpfloat(md_level_dbov(x + i, 4800), >, -40);
        int lag = lag_of(x + i, y + j, 4800, 600);
        worst = MAX(worst, abs(lag));
        g_assert_cmpint(abs(lag), <=, RATE / 100);
        g_assert_cmpint(abs(lag + 144), <=, 4); /* the 3 ms it is wrong by, and next to nothing of its own */
    }
    g_test_message("worst %d samples (%.2f ms)", worst, worst / 48.0);
    g_free(x);
    g_free(y);
    box_clear(&a);
    box_clear(&b);
}

/* An alert over a bulletin: siren on its samples, the bulletin back at its place. */
static void test_alert(void)
{
    Box box;
    static float pcm[8 * RATE], siren[2 * RATE];
    write_wav('a', 20, 1000);
    box_init(&box, 0, 0, 10);
    bench_store(&box.bench, 'a');
    bench_give(&box.bench, 1, (Line[]){{"a", 10, 20, .sha = 'a', .resume = true, .volume = 50}}, 1);
    render(&box, pcm, 2 * RATE);
    BcLinkCommand c = bench_order("c", BC_LINK_ALERT, box.bench.now_us);
    c.item = line_item(&(Line){"chime", -1, 0, 1, 1, 0, .volume = 100});
    c.siren = BC_SIREN_CHIME;
    c.siren_rounds = 1;
    g_assert_cmpint(bench_obey(&box.bench, &c, NULL), ==, BC_DUTY_OBEYED);
    render(&box, pcm + 2 * RATE, 6 * RATE);
    g_assert_cmpfloat_with_epsilon(md_goertzel(pcm + RATE, RATE / 2, 1000, RATE), 0.25 * 0.25, 0.005); /* volume 50 is a quarter */
    unsigned at = 2 * RATE + BC_DUTY_AT_ONCE_US * 48 / 1000;
    bc_siren_render(BC_SIREN_CHIME, 1, 0, siren, 2 * RATE);
    for (unsigned i = 1000; i < 2 * RATE - 1000; i++)
        g_assert_cmpfloat(fabsf(pcm[at + i] - siren[i]), <, 0.002f);
    g_assert_cmpfloat_with_epsilon(md_goertzel(pcm + at + 2 * RATE + 4800, RATE / 2, 1000, RATE), 0.25 * 0.25, 0.005);
    /* at its wall-clock place: the phase is that of a tone that never stopped */
    float gone = 0;
    for (unsigned i = 0; i < RATE / 2; i++)
        gone = MAX(gone, fabsf(pcm[at + 2 * RATE + 4800 + i] - pcm[RATE / 2 + (at + 4800 + i) % 48 + 480]));
    g_assert_cmpfloat(gone, <, 0.01f);
    box_clear(&box);
}

/* What cannot be decoded is given up at once and told; what is lower sounds instead. */
static void test_broken(void)
{
    Box box;
    static float pcm[3 * RATE];
    g_autofree char *path = g_build_filename(folder, "b.wav", NULL);
    g_assert_true(g_file_set_contents(path, "no sound at all", -1, NULL));
    write_wav('a', 5, 1000);
    box_init(&box, 0, 0, 9.5);
    bench_store(&box.bench, 'a');
    bench_store(&box.bench, 'b');
    bench_give(&box.bench, 1, (Line[]){{"broken", 10, 5, 2, 1, 'b'}, {"good", 10, 5, 3, 1, 'a', .grace_s = 1, .volume = 100}}, 2);
    render(&box, pcm, 3 * RATE);
    g_assert_cmpfloat(md_goertzel(pcm + 2 * RATE, RATE / 2, 1000, RATE), >, 0.2);
    g_assert_nonnull(strstr(box.bench.news->str, "missed broken (the file cannot be decoded)\n"));
    g_assert_nonnull(strstr(box.bench.news->str, "began good"));
    box_clear(&box);
}

/* Reading faster or slower keeps the pitch within a thousandth and the sound clean. */
static void test_slip(void)
{
    static float source[BC_SLIP_NEED_MAX], out[40 * BLOCK];
    BcSlip slip = {0};
    double step = 1 + 300e-6;
    for (unsigned b = 0; b < 40; b++) {
        int64_t at;
        unsigned need = bc_slip_plan(&slip, 1000 + b * BLOCK * step, 1000 + (b + 1) * BLOCK * step, BLOCK, &at);
        g_assert_cmpuint(need, <=, BC_SLIP_NEED_MAX);
        for (unsigned i = 0; i < need; i++)
            source[i] = 0.5f * (float)sin(2 * M_PI * 1000 * (double)(at + i) / RATE);
        bc_slip_make(&slip, source, at, out + b * BLOCK, BLOCK);
    }
    g_assert_cmpuint(slip.jumps, ==, 0);
    g_assert_cmpfloat(fabs(slip.position - (1000 + 40 * BLOCK * step)), <, 8);
    for (unsigned i = 1; i < 40 * BLOCK; i++) /* no clicks: a sine of 1 kHz at 0.5 never moves more than this */
        g_assert_cmpfloat(fabsf(out[i] - out[i - 1]), <, 0.067f);
    int64_t at;
    bc_slip_plan(&slip, 1e6, 1e6 + BLOCK, BLOCK, &at);
    g_assert_cmpuint(slip.jumps, ==, 1);
    g_assert_cmpint(at, ==, 999999);
}

/* The same sound is told from another, from silence, and through a room. */
static void test_likeness(void)
{
    float meant[400], heard[400], other[400], flat[400] = {0};
    GRand *rand = g_rand_new_with_seed(4);
    for (unsigned i = 0; i < 400; i++) {
        meant[i] = (float)g_rand_double_range(rand, 0, 50);
        other[i] = (float)g_rand_double_range(rand, 0, 50);
    }
    for (unsigned i = 0; i < 400; i++) /* 7 steps late, softer, with echo and noise */
        heard[i] = i < 7 ? 0 : 0.4f * meant[i - 7] + 0.1f * (i > 8 ? meant[i - 9] : 0) + (float)g_rand_double_range(rand, 0, 3);
    g_assert_cmpfloat(bc_proof_likeness(meant, meant, 400, 0), >, 0.999);
    g_assert_cmpfloat(bc_proof_likeness(meant, heard, 400, 25), >, 0.85);
    g_assert_cmpfloat(bc_proof_likeness(meant, other, 400, 25), <, 0.4);
    g_assert_true(isnan(bc_proof_likeness(meant, flat, 400, 25)));
    g_assert_true(isnan(bc_proof_likeness(meant, meant, 10, 0)));
    g_rand_free(rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    gst_init(NULL, NULL);
    folder = g_dir_make_tmp("player-XXXXXX", NULL);
    g_test_add_func("/player/file", test_file);
    g_test_add_func("/player/neighbours", test_neighbours);
    g_test_add_func("/player/alert", test_alert);
    g_test_add_func("/player/broken", test_broken);
    g_test_add_func("/player/slip", test_slip);
    g_test_add_func("/player/likeness", test_likeness);
    int result = g_test_run();
    for (const char *c = "anb"; *c; c++) {
        g_autofree char *name = g_strdup_printf("%c.wav", *c), *path = g_build_filename(folder, name, NULL);
        g_unlink(path);
    }
    g_rmdir(folder);
    g_free(folder);
    return result;
}
