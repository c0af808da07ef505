/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <glib.h>
#include "broadcast/speaker/lineup.h"
#include "mediad/audio/codec.h"
#include "mediad/audio/level.h"

#define RATE 48000
#define FRAME 960
#define FRAMES 600               /* twelve seconds */
#define NOW G_GINT64_CONSTANT(1767330000000000)
#define BLOCK 480

typedef struct Sent { uint8_t data[MD_AUDIO_PAYLOAD_MAX]; int len; } Sent;
static Sent sent[FRAMES];
static float said[FRAMES * FRAME];

/* Syllables of noise: what is said has a place in time that can be found again. */
static void encode_all(void)
{
    MdAudioEncoderConfig config = {.codec = MD_AUDIO_OPUS, .bitrate_bps = 48000, .fec = true, .loss_percent = 15};
    MdAudioEncoder *encoder = md_audio_encoder_new(&config);
    GRand *rand = g_rand_new_with_seed(3);
    double low = 0;
    for (unsigned i = 0; i < FRAMES * FRAME; i++) {
        low += 0.15 * (g_rand_double_range(rand, -1, 1) - low);
        said[i] = (float)(0.9 * low * (0.2 + fabs(sin(2 * M_PI * 2.3 * i / RATE))));
    }
    for (unsigned f = 0; f < FRAMES; f++)
        sent[f].len = md_audio_encoder_encode(encoder, said + f * FRAME, sent[f].data, MD_AUDIO_PAYLOAD_MAX);
    md_audio_encoder_free(encoder);
    g_rand_free(rand);
}

typedef struct Line {            /* of one loudspeaker to the sender */
    guint32 seed;
    int least_ms, spread_ms, loss_percent;
    double ppm, off_us;          /* its clock */
    bool reports;
} Line;

typedef struct Heard { float pcm[FRAMES * FRAME]; unsigned blocks; BcLineupStats stats; } Heard;

static void run(const Line *line, Heard *heard)
{
    BcLineup *lineup = bc_lineup_new(MD_AUDIO_OPUS, 200);
    GRand *rand = g_rand_new_with_seed(line->seed);
    int64_t arrival[FRAMES];
    unsigned next_report = 25;
    memset(heard, 0, sizeof(*heard));
    for (unsigned f = 0; f < FRAMES; f++) {
        bool lost = g_rand_int_range(rand, 0, 100) < line->loss_percent;
        arrival[f] = lost ? INT64_MAX : NOW + f * 20000 + (line->least_ms + g_rand_int_range(rand, 0, line->spread_ms + 1)) * 1000;
    }
    bool given[FRAMES] = {0};
    for (unsigned b = 0; b < FRAMES * FRAME / BLOCK; b++) {
        double true_us = b * 10000.0 * (1 + line->ppm * 1e-6);
        int64_t now_us = NOW + (int64_t)true_us;
        for (unsigned f = 0; f < FRAMES; f++) /* in the order they come: later ones may overtake */
            if (!given[f] && arrival[f] <= now_us) {
                MdRtpPacket packet = {.seq = (uint16_t)(65500 + f), .ts = 4294900000u + f * FRAME, .payload = sent[f].data, .payload_len = (size_t)sent[f].len};
                given[f] = true;
                bc_lineup_put(lineup, &packet, FRAME);
            }
        if (line->reports && now_us >= NOW + next_report * 20000) {
            bc_lineup_map(lineup, 4294900000u + next_report * FRAME, NOW + next_report * 20000);
            next_report += 250;
        }
        /* made 150 ms before it sounds */
        int64_t from_us = now_us + 150000 + (int64_t)line->off_us;
        heard->blocks += bc_lineup_read(lineup, from_us, from_us + 10000, heard->pcm + b * BLOCK, BLOCK);
    }
    bc_lineup_stats(lineup, &heard->stats);
    bc_lineup_free(lineup);
    g_rand_free(rand);
}

static int lag_of(const float *a, const float *b, int n, int reach, double *ret_likeness)
{
    double best = -1e9, aa = 1e-9, bb = 1e-9;
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
    for (int i = reach; i < n - reach; i++) {
        aa += a[i] * a[i];
        bb += b[i + found] * b[i + found];
    }
    *ret_likeness = best / sqrt(aa * bb);
    return found;
}

/* Two loudspeakers on different lines, with crystals 100 ppm apart and 2 ms wrong about the time, a tenth lost on one: side by side. */
static void test_side_by_side(void)
{
    static Heard a, b;
    Line near = {1, 5, 20, 0, 40, 0, true}, far = {2, 60, 120, 10, -60, 2000, true};
    encode_all();
    run(&near, &a);
    run(&far, &b);
    g_assert_cmpuint(a.blocks, >, 1100);
    g_assert_cmpuint(b.blocks, >, 1100);
    g_assert_cmpuint(a.stats.lost, ==, 0);
    g_assert_cmpuint(b.stats.lost, >, 30);
    g_assert_cmpuint(b.stats.recovered, >, 5);
    for (unsigned s = 2; s < 11; s++) {
        /* block b of a device stands at b * 10 ms * (1 + ppm) of the true time */
        int i = (int)(s * RATE / (1 + 40e-6)), j = (int)(s * RATE / (1 - 60e-6));
        double likeness;
        int lag = lag_of(a.pcm + i, b.pcm + j, 12000, 700, &likeness);
        g_assert_cmpint(abs(lag + 96), <=, 24); /* the 2 ms it is wrong by, and half a millisecond */
        g_assert_cmpint(abs(lag), <=, RATE / 100);
        g_assert_cmpfloat(likeness, >, 0.7);
        /* and what was said is what is heard: 450 ms later, less the 150 ms it was made ahead, and the codec's own 6.5 ms */
        int spoken = (int)(s * RATE) - 300 * 48;
        lag = lag_of(said + spoken, a.pcm + i, 12000, 700, &likeness);
        g_assert_cmpint(lag, >, 0);
        g_assert_cmpint(lag, <, 480);
        g_assert_cmpfloat(likeness, >, 0.6); /* noise through a speech codec */
    }
}

/* Without a report, with a clock that is hours wrong, or on a line slower than agreed, it says so instead of stuttering. */
static void test_unfit(void)
{
    static Heard h;
    Line none = {1, 5, 20, 0, 0, 0, false}, wrong = {1, 5, 20, 0, 0, 3.6e9, true}, slow = {1, 500, 100, 0, 0, 0, true};
    encode_all();
    run(&none, &h);
    g_assert_cmpuint(h.blocks, ==, 0);
    run(&wrong, &h);
    g_assert_cmpuint(h.blocks, ==, 0);
    run(&slow, &h);
    g_assert_cmpuint(h.blocks, <, 500);
    g_assert_cmpuint(h.stats.late, >, 50);
    g_assert_null(bc_lineup_new(MD_AUDIO_CODEC_NONE, 100));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lineup/side-by-side", test_side_by_side);
    g_test_add_func("/lineup/unfit", test_unfit);
    return g_test_run();
}
