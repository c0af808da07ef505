/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "mediad/rtp/jitter.h"

/* A sender, a network and a leg around one jitter buffer, in virtual time. Packet n carries its own number,
 * so that what comes out can be told. */
#define RATE 48000
#define TICK 960

typedef struct Rig {
    MdJitter *jitter;
    unsigned ptime_ms;
    uint16_t seq0;
    uint32_t ts0;
    unsigned fifo;   /* units decoded and not played */
    char log[65536]; /* what each pull gave: "12 " packet, "f12 " FEC from, "c " conceal, "- " silence, "12t "
                        trimmed */
    size_t log_len;
    int64_t last_packet;
    int64_t played_units, conceal_units, silence_units, trimmed_units;
} Rig;

static void rig_init(Rig *rig, unsigned ptime_ms, unsigned min_ms, unsigned max_ms)
{
    memset(rig, 0, sizeof(*rig));
    MdJitterOptions options = {.clock_rate = RATE, .min_ms = min_ms, .max_ms = max_ms};
    rig->jitter = md_jitter_new(&options);
    g_assert_nonnull(rig->jitter);
    rig->ptime_ms = ptime_ms;
    rig->seq0 = 65530; /* wraps soon */
    rig->ts0 = 0xffffff00u;
    rig->last_packet = -1;
}

/* Packet n of a stream of packet_ts units each, sent at media position media_ms. */
static int put_at(Rig *rig, unsigned n, int64_t media_units, int64_t now_us, size_t len)
{
    uint8_t payload[100] = {0};
    memcpy(payload, &n, sizeof(n));
    MdRtpPacket p = {
        .seq = (uint16_t)(rig->seq0 + n),
        .ts = rig->ts0 + (uint32_t)media_units,
        .payload = payload,
        .payload_len = len,
    };
    return md_jitter_put(rig->jitter, &p, rig->ptime_ms * (RATE / 1000), now_us);
}

static int put(Rig *rig, unsigned n, int64_t now_us)
{
    return put_at(rig, n, (int64_t)n * rig->ptime_ms * (RATE / 1000), now_us, 60);
}

static void note(Rig *rig, const char *format, ...)
{
    if (rig->log_len > sizeof(rig->log) - 64)
        return;
    va_list args;
    va_start(args, format);
    rig->log_len += (size_t)g_vsnprintf(rig->log + rig->log_len, 64, format, args);
    va_end(args);
}

static void tick(Rig *rig, int64_t now_us, bool quiet)
{
    MdJitterOut out;
    unsigned pulls = 0;
    while (rig->fifo < TICK) {
        g_assert_cmpuint(++pulls, <, 200);
        md_jitter_pull(rig->jitter, now_us, quiet, &out);
        g_assert_cmpuint(out.duration, >, 0);
        g_assert_cmpuint(out.trim, <=, out.duration);
        unsigned n = 0;
        if (out.action == MD_JITTER_PACKET || out.action == MD_JITTER_FEC)
            memcpy(&n, out.payload, sizeof(n));
        switch (out.action) {
        case MD_JITTER_PACKET:
            g_assert_cmpint((int64_t)n, >, rig->last_packet); /* never twice, never backwards */
            rig->last_packet = n;
            note(rig, out.trim ? "%ut " : "%u ", n);
            rig->played_units += out.duration;
            rig->trimmed_units += out.trim;
            break;
        case MD_JITTER_FEC:
            note(rig, "f%u ", n);
            rig->conceal_units += out.duration;
            break;
        case MD_JITTER_CONCEAL:
            note(rig, "c ");
            rig->conceal_units += out.duration;
            break;
        case MD_JITTER_SILENCE:
            note(rig, "- ");
            rig->silence_units += out.duration;
            break;
        }
        rig->fifo += out.duration - out.trim;
    }
    rig->fifo -= TICK;
}

static void rig_clear(Rig *rig)
{
    md_jitter_free(rig->jitter);
}

/* Arrivals in ms by packet number (-1: never comes); ticks every 20 ms from 1 ms on; expected log. */
typedef struct Table {
    const char *name;
    unsigned ptime_ms, min_ms;
    int arrivals[24];
    unsigned n, ticks;
    const char *want;
} Table;

static const Table tables[] = {
    {"on time", 20, 20, {0, 20, 40, 60, 80}, 5, 8, "- 0 1 2 3 4 c c "},
    {"reordered in time", 20, 40, {0, 20, 41, 40, 80, 100}, 6, 9, "- - 0 1 2 3 4 5 c "},
    {"one lost: FEC", 20, 20, {0, 20, -1, 60, 80, 100}, 6, 8, "- 0 1 f3 3 4 5 c "},
    {"two lost: conceal, then FEC", 20, 40, {0, 20, -1, -1, 80, 100, 120}, 7, 9, "- - 0 1 c f4 4 5 6 "},
    {"late by 30 ms: waits, plays it, delay has grown",
     20,
     20,
     {0, 20, 70, 71, 80, 100, 120},
     7,
     9,
     "- 0 1 c 2 3 4 5 6 "},
    {"lost with an empty buffer: no growth", 20, 20, {0, -1, 45, 60, 80, 100}, 6, 7, "- 0 c 2 3 4 5 "},
    {"60 ms packets", 60, 20, {0, 60, 120, 180}, 4, 13, "- 0 1 2 3 "},
    {"60 ms packets, one lost", 60, 20, {0, 60, -1, 180, 240}, 5, 14, "- 0 1 c c f3 3 4 "},
    {"10 ms packets", 10, 20, {0, 10, 20, 30, 40, 50, 60, 70}, 8, 5, "- 0 1 2 3 4 5 6 7 "},
};

static void test_table(gconstpointer data)
{
    const Table *t = data;
    Rig rig;
    rig_init(&rig, t->ptime_ms, t->min_ms, 400);
    for (unsigned k = 0; k < t->ticks; k++) {
        int64_t now = 1000 + k * 20000;
        for (int ms = k ? (int)(k - 1) * 20 + 2 : 0; ms * 1000 <= now; ms++)
            for (unsigned n = 0; n < t->n; n++)
                if (t->arrivals[n] == ms)
                    g_assert_cmpint(put(&rig, n, ms * 1000), ==, 0);
        tick(&rig, now, false);
    }
    g_assert_cmpstr(rig.log, ==, t->want);
    rig_clear(&rig);
}

static void test_duplicates_and_late(void)
{
    Rig rig;
    MdJitterStats stats;
    rig_init(&rig, 20, 20, 400);
    g_assert_cmpint(put(&rig, 0, 0), ==, 0);
    g_assert_cmpint(put(&rig, 0, 1), ==, -EALREADY);
    g_assert_cmpint(put(&rig, 1, 20000), ==, 0);
    tick(&rig, 21000, false);
    g_assert_cmpint(put(&rig, 0, 21001), ==, -EALREADY); /* played already: a duplicate, no latecomer */
    g_assert_cmpint(put(&rig, 3, 40000), ==, 0);
    tick(&rig, 41000, false);
    tick(&rig, 61000, false); /* 2 recovered from 3 */
    g_assert_cmpint(put(&rig, 2, 62000), ==, -ETIME);
    md_jitter_stats(rig.jitter, &stats);
    g_assert_cmpuint(stats.duplicates, ==, 2);
    g_assert_cmpuint(stats.late, ==, 1);
    g_assert_cmpuint(stats.lost, ==, 1);
    g_assert_cmpuint(stats.fec, ==, 1);
    g_assert_cmpstr(rig.log, ==, "0 1 f3 ");
    rig_clear(&rig);
}

/* Runs seconds of a stream whose packets arrive by delay_ms(n); returns nothing, checks that the bound holds
 * all the time. */
typedef int (*DelayFn)(unsigned n, void *user); /* ms, < 0: lost */
static void run(Rig *rig, unsigned from_packet, unsigned packets, DelayFn delay, void *user, bool quiet,
                unsigned max_ms)
{
    typedef struct {
        int64_t at;
        unsigned n;
    } Flight;
    GArray *flights = g_array_new(FALSE, FALSE, sizeof(Flight));
    for (unsigned n = from_packet; n < from_packet + packets; n++) {
        int d = delay(n, user);
        Flight f = {(int64_t)n * rig->ptime_ms * 1000 + d * 1000, n};
        if (d >= 0)
            g_array_append_val(flights, f);
    }
    int64_t start = (int64_t)from_packet * rig->ptime_ms * 1000,
            end = start + (int64_t)packets * rig->ptime_ms * 1000;
    for (int64_t now = start + 7000; now < end; now += 20000) {
        for (guint i = 0; i < flights->len;) {
            Flight *f = &g_array_index(flights, Flight, i);
            if (f->at <= now) {
                put(rig, f->n, f->at);
                g_array_remove_index(flights, i);
            } else if (f->at > now + 2000000) {
                break;
            } else {
                i++;
            }
        }
        tick(rig, now, quiet);
        MdJitterStats stats;
        md_jitter_stats(rig->jitter, &stats);
        g_assert_cmpint(stats.delay_us, <=, (int64_t)max_ms * 1000 + 20000);
        g_assert_cmpint(stats.target_us, <=, (int64_t)max_ms * 1000);
    }
    g_array_unref(flights);
}

static int no_delay(unsigned n, void *user)
{
    (void)n, (void)user;
    return 5;
}

static int heavy(unsigned n, void *user)
{
    (void)n;
    GRand *rand = user;
    if (g_rand_int_range(rand, 0, 100) < 5)
        return -1;
    return g_rand_int_range(rand, 5, 200);
}

static int bursts(unsigned n, void *user)
{
    (void)user;
    /* Every second the line stands still for 300 ms, then everything comes at once. */
    unsigned ms = n * 20 % 1000;
    return ms < 300 ? (int)(300 - ms) : 5;
}

static void check_recovery(DelayFn bad, bool quiet, unsigned max_ms)
{
    Rig rig;
    MdJitterStats stats, before;
    g_autoptr(GRand) rand = g_rand_new_with_seed(42);
    rig_init(&rig, 20, 20, max_ms);
    run(&rig, 0, 500, no_delay, NULL, quiet, max_ms);
    md_jitter_stats(rig.jitter, &before);
    g_assert_cmpint(before.delay_us, <, 60000);
    g_assert_cmpuint(before.concealed_ticks, ==, 0);
    run(&rig, 500, 1500, bad, rand, quiet, max_ms); /* 30 s */
    md_jitter_stats(rig.jitter, &stats);
    g_assert_cmpint(stats.delay_us, >, 120000);
    run(&rig, 2000, 500, no_delay, NULL, quiet, max_ms); /* 10 s */
    md_jitter_stats(rig.jitter, &stats);
    g_test_message("delay back at %" G_GINT64_FORMAT " us, grown %" G_GUINT64_FORMAT
                   ", shrunk %" G_GUINT64_FORMAT,
                   stats.delay_us, stats.grown, stats.shrunk);
    g_assert_cmpint(stats.delay_us, <, 45000);
    g_assert_cmpint(stats.target_us, ==, 20000);
    /* And it stays there without another sound spoilt. */
    rig.log_len = 0;
    rig.log[0] = 0;
    run(&rig, 2500, 2500, no_delay, NULL, quiet, max_ms);
    g_assert_null(strchr(rig.log, 'c'));
    g_assert_null(strchr(rig.log, 't'));
    rig_clear(&rig);
}

static void test_recovery_speech(void)
{
    check_recovery(heavy, false, 400);
    check_recovery(bursts, false, 400);
}

static void test_recovery_silence(void)
{
    check_recovery(heavy, true, 400);
    check_recovery(bursts, true, 400);
}

static void test_recovery_long_max(void)
{
    check_recovery(bursts, false, 2000);
}

static int from_table(unsigned n, void *user)
{
    return ((const int *)user)[n];
}

static void test_steady_jitter(void)
{
    /* Up to 95 ms of jitter for a minute: once learned (2 s), next to nothing is lost. */
    Rig rig;
    MdJitterStats a, b;
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    rig_init(&rig, 20, 20, 400);
    int delays[3100];
    for (unsigned i = 0; i < G_N_ELEMENTS(delays); i++)
        delays[i] = g_rand_int_range(rand, 5, 100);
    run(&rig, 0, 100, no_delay, NULL, false, 400);
    run(&rig, 100, 100, from_table, delays, false, 400);
    md_jitter_stats(rig.jitter, &a);
    run(&rig, 200, 2900, from_table, delays, false, 400);
    md_jitter_stats(rig.jitter, &b);
    g_test_message("lost %d, concealed %d, delay %d us", (int)(b.lost - a.lost),
                   (int)(b.concealed_ticks - a.concealed_ticks), (int)b.delay_us);
    g_assert_cmpuint(b.lost - a.lost, <=, 10);
    g_assert_cmpuint(b.concealed_ticks - a.concealed_ticks, <=, 20);
    g_assert_cmpint(b.delay_us, <, 160000);
    rig_clear(&rig);
}

/* An hour with a sender whose clock is off: every packet is played but those taken out on purpose; the delay
 * stays put. */
static void check_drift(int ppm, bool quiet)
{
    Rig rig;
    MdJitterStats stats;
    rig_init(&rig, 20, 20, 400);
    unsigned n = 0;
    const int64_t hour = 3600ll * 1000000;
    int64_t worst = 0, least = INT64_MAX;
    for (int64_t now = 7000; now < hour; now += 20000) {
        for (;;) {
            int64_t at = (int64_t)n * 20000 * (1000000 - ppm) / 1000000;
            if (at > now)
                break;
            g_assert_cmpint(put(&rig, n, at), ==, 0);
            n++;
        }
        tick(&rig, now, quiet);
        md_jitter_stats(rig.jitter, &stats);
        worst = MAX(worst, stats.delay_us);
        if (now > 1000000)
            least = MIN(least, stats.delay_us);
    }
    g_test_message("%+d ppm: delay %" G_GINT64_FORMAT "..%" G_GINT64_FORMAT
                   " us, grown %d, shrunk %d, lost %d",
                   ppm, least, worst, (int)stats.grown, (int)stats.shrunk, (int)stats.lost);
    g_assert_cmpint(worst, <, 65000);
    g_assert_cmpuint(stats.lost, ==, 0);
    g_assert_cmpuint(stats.late, ==, 0);
    /* 200 ppm of an hour are 720 ms: 36 steps of 20 ms. */
    if (ppm > 0) {
        g_assert_cmpuint(stats.shrunk, >=, 34);
        g_assert_cmpuint(stats.shrunk, <=, 40);
        g_assert_cmpuint(stats.concealed_ticks, ==, 0);
    } else {
        g_assert_cmpuint(stats.grown, >=, 34);
        g_assert_cmpuint(stats.grown, <=, 40);
        g_assert_cmpuint(stats.shrunk, <=, 3);
    }
    g_assert_cmpuint(stats.played + 5, >=, n);
    rig_clear(&rig);
}

static void test_drift(void)
{
    check_drift(200, false);
    check_drift(200, true);
    check_drift(-200, false);
    check_drift(-200, true);
}

static void test_dtx(void)
{
    /* Speech, an announcing packet, 1 s of nothing (sequence goes on, timestamps jump), speech again. */
    Rig rig;
    rig_init(&rig, 20, 20, 400);
    for (int i = 0; i < 3; i++) {
        put_at(&rig, (unsigned)i, i * TICK, i * 20000, i == 2 ? 1 : 60);
        tick(&rig, i * 20000 + 1000, false);
    }
    for (int i = 3; i < 53; i++)
        tick(&rig, i * 20000 + 1000, false);
    put_at(&rig, 3, 53 * TICK, 53 * 20000, 60);
    tick(&rig, 53 * 20000 + 1000, false);
    put_at(&rig, 4, 54 * TICK, 54 * 20000, 60);
    tick(&rig, 54 * 20000 + 1000, false);
    tick(&rig, 55 * 20000 + 1000, false);
    MdJitterStats stats;
    md_jitter_stats(rig.jitter, &stats);
    g_assert_cmpuint(stats.lost, ==, 0);
    g_assert_cmpuint(stats.concealed_ticks, ==, 0);
    g_assert_cmpuint(stats.played, ==, 5);
    /* one tick of delay at each start; all else silence */
    g_assert_cmpuint(stats.silence_ticks, ==, 51);
    rig_clear(&rig);
}

static void test_dtx_with_loss(void)
{
    /* The first packet after the silence is lost: no two seconds of concealment, and the second is played at
     * its time. */
    Rig rig;
    rig_init(&rig, 20, 20, 400);
    for (int i = 0; i < 3; i++) {
        put_at(&rig, (unsigned)i, i * TICK, i * 20000, 60);
        tick(&rig, i * 20000 + 1000, false);
    }
    for (int i = 3; i < 100; i++)
        tick(&rig, i * 20000 + 1000, false);
    for (int i = 101; i < 110; i++) {
        put_at(&rig, (unsigned)(i - 101 + 4), i * TICK, i * 20000, 60);
        tick(&rig, i * 20000 + 1000, false);
    }
    MdJitterStats stats;
    md_jitter_stats(rig.jitter, &stats);
    g_assert_cmpuint(stats.lost, ==, 1);
    g_assert_cmpuint(stats.concealed_ticks, ==, 6); /* the unannounced end */
    g_assert_cmpuint(stats.played, ==, 3 + 8);
    g_assert_cmpint(stats.delay_us, <=, 41000);
    rig_clear(&rig);
}

static void test_telephone_event_is_no_loss(void)
{
    Rig rig;
    rig_init(&rig, 20, 20, 400);
    put_at(&rig, 0, 0, 0, 60);
    tick(&rig, 1000, false);
    put_at(&rig, 1, TICK, 20000, 60);
    tick(&rig, 21000, false);
    for (unsigned i = 2; i < 8; i++) {
        MdRtpPacket p = {.seq = (uint16_t)(rig.seq0 + i), .ts = rig.ts0 + 2 * TICK};
        g_assert_cmpint(md_jitter_put_silent(rig.jitter, &p), ==, 0);
        tick(&rig, i * 20000 + 1000, false);
    }
    for (unsigned i = 8; i < 12; i++) {
        put_at(&rig, i, (int64_t)i * TICK, i * 20000, 60);
        tick(&rig, i * 20000 + 1000, false);
    }
    MdJitterStats stats;
    md_jitter_stats(rig.jitter, &stats);
    g_assert_cmpuint(stats.lost, ==, 0);
    g_assert_cmpuint(stats.concealed_ticks, ==, 0);
    g_assert_cmpstr(rig.log, ==, "- 0 1 - - - - - - 8 9 10 ");
    rig_clear(&rig);
}

static void test_outage_and_resume(void)
{
    /* Three seconds cut out, losing all; then a sender that was paused (its timestamps stood still): both go
     * on at minimal delay. */
    Rig rig;
    MdJitterStats stats;
    rig_init(&rig, 20, 20, 400);
    run(&rig, 0, 200, no_delay, NULL, false, 400);
    for (int i = 0; i < 150; i++)
        tick(&rig, (200 + i) * 20000 + 7000, false);
    run(&rig, 350, 200, no_delay, NULL, false, 400);
    md_jitter_stats(rig.jitter, &stats);
    g_assert_cmpint(stats.delay_us, <=, 45000);
    g_assert_cmpuint(stats.concealed_ticks, <=, 8);
    g_assert_cmpuint(stats.lost, ==, 150);
    uint64_t played = stats.played;
    for (int i = 0; i < 500; i++) /* 10 s pause */
        tick(&rig, (550 + i) * 20000 + 7000, false);
    for (int i = 0; i < 100; i++) {
        int64_t now = (1050 + i) * 20000;
        put(&rig, 550 + (unsigned)i, now);
        tick(&rig, now + 1000, false);
    }
    md_jitter_stats(rig.jitter, &stats);
    g_assert_cmpuint(stats.played - played, >=, 98);
    g_assert_cmpint(stats.delay_us, <=, 45000);
    rig_clear(&rig);
}

static void test_timestamp_rebase(void)
{
    Rig rig;
    MdJitterStats stats;
    rig_init(&rig, 20, 20, 400);
    run(&rig, 0, 100, no_delay, NULL, false, 400);
    rig.ts0 += 0x12345678; /* same SSRC, sequence goes on: seen in the field after a codec switch */
    run(&rig, 100, 100, no_delay, NULL, false, 400);
    md_jitter_stats(rig.jitter, &stats);
    g_assert_cmpuint(stats.resyncs, ==, 1);
    g_assert_cmpuint(stats.played, >=, 196);
    g_assert_cmpint(stats.delay_us, <=, 45000);
    rig_clear(&rig);
}

static void test_flood(void)
{
    /* 1.5 s held back, then all at once, above max: the backlog is cut down to the target, not played out. */
    Rig rig;
    MdJitterStats stats;
    rig_init(&rig, 20, 20, 400);
    run(&rig, 0, 100, no_delay, NULL, false, 400);
    for (int i = 0; i < 75; i++)
        tick(&rig, (100 + i) * 20000 + 7000, false);
    for (unsigned n = 100; n < 175; n++)
        put(&rig, n, 175 * 20000);
    for (int i = 0; i < 25; i++) {
        put(&rig, 175 + (unsigned)i, (175 + i) * 20000 + 5000);
        tick(&rig, (175 + i) * 20000 + 7000, false);
        md_jitter_stats(rig.jitter, &stats);
        if (i > 0)
            g_assert_cmpint(stats.delay_us, <=, 420000);
    }
    g_assert_cmpint(rig.last_packet, >=, 175);
    rig_clear(&rig);
}

static void test_big_jump(void)
{
    /* Sequence jumps of every size with packets held: nothing is played twice or backwards, and it goes on.
     */
    for (unsigned jump = 100; jump < 3000; jump += 211) {
        Rig rig;
        MdJitterStats stats;
        rig_init(&rig, 20, 20, 400);
        run(&rig, 0, 50, no_delay, NULL, false, 400);
        for (unsigned i = 0; i < 5; i++)
            put(&rig, 50 + i, 50 * 20000);
        rig.ts0 -= jump * TICK; /* the numbers jump, the time does not */
        run(&rig, 55 + jump, 100, no_delay, NULL, false, 400);
        md_jitter_stats(rig.jitter, &stats);
        g_assert_cmpuint(stats.played, >=, 140);
        rig_clear(&rig);
    }
}

static void test_options(void)
{
    MdJitterOptions bad[] = {{.clock_rate = 0},
                             {.clock_rate = 8000, .min_ms = 50, .max_ms = 40},
                             {.clock_rate = 8000, .max_ms = 2001}};
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_null(md_jitter_new(&bad[i]));
    Rig rig;
    rig_init(&rig, 20, 20, 400);
    uint8_t big[1500] = {0};
    MdRtpPacket p = {.payload = big, .payload_len = sizeof(big)};
    g_assert_cmpint(md_jitter_put(rig.jitter, &p, 960, 0), ==, -EMSGSIZE);
    p.payload_len = 10;
    g_assert_cmpint(md_jitter_put(rig.jitter, &p, 0, 0), ==, -EINVAL);
    MdJitterOut out;
    md_jitter_pull(rig.jitter, 0, false, &out);
    g_assert_cmpint(out.action, ==, MD_JITTER_SILENCE);
    g_assert_cmpuint(out.duration, ==, 960);
    md_jitter_set_clock_rate(rig.jitter, 8000);
    md_jitter_pull(rig.jitter, 0, false, &out);
    g_assert_cmpuint(out.duration, ==, 160);
    rig_clear(&rig);
}

/* Anything may come: random jumps, sizes, durations. It must stay bounded and finite (the rig checks order
 * and pull counts). */
static void test_random(void)
{
    for (guint32 seed = 0; seed < 200; seed++) {
        g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
        MdJitterOptions options = {.clock_rate = 8000};
        MdJitter *jitter = md_jitter_new(&options);
        int64_t now = 0;
        uint32_t seq = 0, ts = 0;
        for (int i = 0; i < 3000; i++) {
            now += g_rand_int_range(rand, 0, 20000);
            seq += (uint32_t)(g_rand_int_range(rand, 0, 50) ? g_rand_int_range(rand, -3, 6)
                                                            : g_rand_int_range(rand, 0, 65536));
            ts += (uint32_t)(g_rand_int_range(rand, 0, 50) ? g_rand_int_range(rand, -200, 400)
                                                           : (int)g_rand_int(rand));
            uint8_t payload[4] = {1, 2, 3, 4};
            MdRtpPacket p = {.seq = (uint16_t)seq,
                             .ts = ts,
                             .payload = payload,
                             .payload_len = (size_t)g_rand_int_range(rand, 0, 5)};
            if (g_rand_int_range(rand, 0, 10))
                md_jitter_put(jitter, &p, (uint32_t)g_rand_int_range(rand, 1, 960), now);
            else
                md_jitter_put_silent(jitter, &p);
            MdJitterOut out;
            for (uint32_t got = 0; got < 160; got += out.duration - out.trim) {
                md_jitter_pull(jitter, now, g_rand_boolean(rand), &out);
                g_assert_cmpuint(out.duration, >, 0);
                g_assert_cmpuint(out.duration, <=, 960);
                if (out.trim == out.duration)
                    break;
            }
        }
        md_jitter_free(jitter);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tables); i++) {
        g_autofree char *path = g_strdup_printf("/rtp/jitter/table/%s", tables[i].name);
        g_test_add_data_func(path, &tables[i], test_table);
    }
    g_test_add_func("/rtp/jitter/duplicates-and-late", test_duplicates_and_late);
    g_test_add_func("/rtp/jitter/recovery-speech", test_recovery_speech);
    g_test_add_func("/rtp/jitter/recovery-silence", test_recovery_silence);
    g_test_add_func("/rtp/jitter/recovery-long-max", test_recovery_long_max);
    g_test_add_func("/rtp/jitter/steady-jitter", test_steady_jitter);
    g_test_add_func("/rtp/jitter/drift", test_drift);
    g_test_add_func("/rtp/jitter/dtx", test_dtx);
    g_test_add_func("/rtp/jitter/dtx-with-loss", test_dtx_with_loss);
    g_test_add_func("/rtp/jitter/telephone-event", test_telephone_event_is_no_loss);
    g_test_add_func("/rtp/jitter/outage-and-resume", test_outage_and_resume);
    g_test_add_func("/rtp/jitter/timestamp-rebase", test_timestamp_rebase);
    g_test_add_func("/rtp/jitter/flood", test_flood);
    g_test_add_func("/rtp/jitter/big-jump", test_big_jump);
    g_test_add_func("/rtp/jitter/options", test_options);
    g_test_add_func("/rtp/jitter/random", test_random);
    return g_test_run();
}
