/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/sequence.h"

#include <math.h>
#include <string.h>
#include <glib/gstdio.h>
#include "broadcast/stream-source.h"
#include "mediad/audio/codec.h"

/* Programmes on a clock turned by hand; what is pulled is decoded and named by its tone. */
enum { FRAME_MS = 40, FRAME_SAMPLES = 48 * FRAME_MS };
static const double tones[] = {400, 700, 1000, 1300};

static void fill(float *pcm, unsigned n, double hz, uint64_t at)
{
    for (unsigned i = 0; i < n; i++)
        pcm[i] = hz > 0 ? 0.4f * (float)sin(2 * G_PI * hz * (double)(at + i) / 48000) : 0;
}

/* A stored track of a tone. */
static BcTrack *tone_track(MdAudioCodec codec, double hz, unsigned frames)
{
    g_autofree char *dir = g_dir_make_tmp("bc-sequence-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "track", NULL);
    BcTrackWriter *writer = bc_track_writer_new(path, codec, FRAME_MS, NULL);
    MdAudioEncoder *encoder =
        md_audio_encoder_new(&(MdAudioEncoderConfig){.codec = codec, .ptime_ms = codec == MD_AUDIO_OPUS ? FRAME_MS : 20});
    for (unsigned i = 0; i < frames; i++) {
        uint8_t packet[2 * MD_AUDIO_PAYLOAD_MAX];
        size_t len = 0;
        for (unsigned tick = 0; tick < FRAME_MS / 20; tick++) {
            float pcm[MD_AUDIO_TICK_SAMPLES];
            fill(pcm, MD_AUDIO_TICK_SAMPLES, hz, (uint64_t)(i * 2 + tick) * MD_AUDIO_TICK_SAMPLES);
            int n = md_audio_encoder_encode(encoder, pcm, packet + len, MD_AUDIO_PAYLOAD_MAX);
            len += n > 0 ? (size_t)n : 0;
        }
        g_assert_true(bc_track_writer_add(writer, packet, len, NULL));
    }
    md_audio_encoder_free(encoder);
    g_assert_true(bc_track_writer_finish(writer, NULL));
    BcTrack *track = bc_track_load(path, FRAME_MS, NULL);
    g_assert_nonnull(track);
    g_assert_cmpint(g_remove(path), ==, 0);
    g_rmdir(dir);
    return track;
}

static double power(const float *pcm, double hz)
{
    double c = 2 * cos(2 * G_PI * hz / 48000), s1 = 0, s2 = 0;
    for (unsigned i = 0; i < FRAME_SAMPLES; i++) {
        double s = pcm[i] + c * s1 - s2;
        s2 = s1;
        s1 = s;
    }
    return 2 * sqrt(fmax(s1 * s1 + s2 * s2 - c * s1 * s2, 0)) / FRAME_SAMPLES;
}

/* 'a'.. for the tone in this frame, '.' silence, '?' something else; '\0' at the end. */
static char next(BcSource *source, MdAudioDecoder *decoder)
{
    MdAudioCodec codec = md_audio_decoder_codec(decoder);
    float pcm[MD_AUDIO_PACKET_SAMPLES_MAX];
    BcFrame frame;
    if (!bc_source_pull(source, 1u << codec, &frame))
        return '\0';
    g_assert_cmpint(md_audio_decoder_decode(decoder, frame.payload[codec], frame.len[codec], pcm, MD_AUDIO_PACKET_SAMPLES_MAX), ==,
                    FRAME_SAMPLES);
    for (unsigned i = 0; i < G_N_ELEMENTS(tones); i++)
        if (power(pcm, tones[i]) > 0.2)
            return (char)('a' + i);
    double energy = 0; /* the end of a tone comes late out of the resampler */
    for (unsigned i = 0; i < FRAME_SAMPLES; i++)
        energy += pcm[i] * pcm[i];
    return sqrt(energy / FRAME_SAMPLES) < 0.15 ? '.' : '?';
}

/* "a10.5b3": what is heard, in frames, up to most frames. */
static char *listen(BcSource *source, MdAudioDecoder *decoder, unsigned most)
{
    GString *text = g_string_new(NULL);
    char last = next(source, decoder);
    unsigned run = 1;
    for (unsigned i = 1; last; i++) {
        char c = i < most ? next(source, decoder) : '\0';
        if (c == last) {
            run++;
            continue;
        }
        g_string_append_printf(text, "%c%u", last, run);
        last = c;
        run = 1;
    }
    return g_string_free(text, FALSE);
}

typedef struct Tracks {
    BcTrack *of[MD_AUDIO_CODEC_MAX];
} Tracks;

static void make_tracks(Tracks *tracks, double hz, unsigned frames)
{
    *tracks = (Tracks){0};
    tracks->of[MD_AUDIO_PCMA] = tone_track(MD_AUDIO_PCMA, hz, frames);
    tracks->of[MD_AUDIO_OPUS] = tone_track(MD_AUDIO_OPUS, hz, frames);
}

static void drop_tracks(Tracks *tracks)
{
    for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++)
        bc_track_unref(tracks->of[c]);
}

static void test_order(void)
{
    Tracks a, b;
    make_tracks(&a, tones[0], 10);
    make_tracks(&b, tones[1], 5);
    const BcProgrammeItem items[] = {
        {.kind = BC_PROGRAMME_STORED, .tracks = a.of, .repeats = 2, .gap_us = 3 * FRAME_MS * 1000},
        {.kind = BC_PROGRAMME_SILENCE, .duration_us = 4 * FRAME_MS * 1000},
        {.kind = BC_PROGRAMME_STORED, .tracks = b.of},
        {.kind = BC_PROGRAMME_STORED, .tracks = a.of, .duration_us = 6 * FRAME_MS * 1000},
        {.kind = BC_PROGRAMME_STORED, .tracks = b.of, .duration_us = 8 * FRAME_MS * 1000},
    };
    g_autoptr(GError) error = NULL;
    MdAudioDecoder *decoder = md_audio_decoder_new(MD_AUDIO_PCMA);
    /* where it is joined, and what is heard from there */
    static const struct { unsigned frame; const char *heard; } joins[] = {
        {0, "a10.3a10.4b5a6b5.3"}, {9, "a1.3a10.4b5a6b5.3"}, {11, ".2a10.4b5a6b5.3"}, {25, ".2b5a6b5.3"}, {33, "a5b5.3"}, {45, ".1"}};
    for (unsigned i = 0; i < G_N_ELEMENTS(joins); i++) {
        g_autoptr(BcSource) source =
            bc_source_programme_new(items, G_N_ELEMENTS(items), FRAME_MS, (int64_t)joins[i].frame * FRAME_MS * 1000 + 5, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpint(bc_source_duration_us(source), ==, (46 - (int64_t)joins[i].frame) * FRAME_MS * 1000);
        g_assert_cmpuint(bc_source_codecs(source), ==, 1u << MD_AUDIO_PCMA | 1u << MD_AUDIO_OPUS);
        g_autofree char *heard = listen(source, decoder, 1000);
        g_assert_cmpstr(heard, ==, joins[i].heard);
    }
    g_assert_null(bc_source_programme_new(items, G_N_ELEMENTS(items), FRAME_MS, 46 * FRAME_MS * 1000, NULL, &error));
    g_assert_error(error, BC_ERROR, BC_ERROR_STATE);
    md_audio_decoder_free(decoder);
    drop_tracks(&a);
    drop_tracks(&b);
}

static void test_refused(void)
{
    static BcTrack *const none[MD_AUDIO_CODEC_MAX];
    static const struct { BcProgrammeItem item; const char *says; } cases[] = {
        {{.kind = BC_PROGRAMME_STORED, .tracks = none}, "has no sound"},
        {{.kind = BC_PROGRAMME_SILENCE}, "needs a duration"},
        {{.kind = BC_PROGRAMME_SILENCE, .duration_us = -1}, "less than nothing"},
        {{.kind = BC_PROGRAMME_RELAY, .duration_us = 1000000, .url = "http://a.example/"}, "none can be relayed here"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(bc_source_programme_new(&cases[i].item, 1, FRAME_MS, 0, NULL, &error));
        g_assert_error(error, BC_ERROR, BC_ERROR_INVALID);
        g_assert_nonnull(strstr(error->message, cases[i].says));
    }
    g_autoptr(GError) error = NULL;
    g_assert_null(bc_source_programme_new(&cases[0].item, 0, FRAME_MS, 0, NULL, &error));
    g_assert_error(error, BC_ERROR, BC_ERROR_LIMIT);
}

/* --- a station that does as it is told --- */

typedef struct Station {
    MdVirtualClock clock;
    BcTimers *timers;
    BcSource *source;  /* NULL: not connected */
    double hz;         /* 0: it sends silence; -1: it sends nothing */
    uint64_t ticks;
    unsigned opened, closed;
    GString *news;
} Station;
static Station station;

static void *station_open(const char *url, const char *const *hosts, BcSource *source, const MdLogger *logger, GError **error)
{
    station.source = source;
    station.opened++;
    return &station;
}

static void station_close(void *stream)
{
    g_assert_true(stream == &station);
    station.source = NULL;
    station.closed++;
}

static const BcRelayInput station_input = {station_open, station_close};

static void on_news(const char *type, const char *url, const char *why, void *user)
{
    g_string_append_printf(station.news, "%s(%s)", type, why);
}

/* n frames of time: the station sends, the programme is pulled, control looks. Appends what is heard. */
static void live(BcSource *source, MdAudioDecoder *decoder, unsigned n, GString *heard)
{
    for (unsigned i = 0; i < n; i++) {
        for (unsigned tick = 0; tick < FRAME_MS / 20 && station.source && station.hz >= 0; tick++) {
            float pcm[MD_AUDIO_TICK_SAMPLES];
            fill(pcm, MD_AUDIO_TICK_SAMPLES, station.hz, station.ticks++ * MD_AUDIO_TICK_SAMPLES);
            bc_source_push_pcm(pcm, 0, station.source);
        }
        md_virtual_clock_advance(&station.clock, FRAME_MS * 1000);
        bc_timers_run(station.timers);
        char c = next(source, decoder);
        g_string_append_c(heard, c ? c : '|');
    }
}

static unsigned count(const GString *text, unsigned from, unsigned to, char c)
{
    unsigned n = 0;
    for (unsigned i = from; i < to && i < text->len; i++)
        n += text->str[i] == c;
    return n;
}

static void station_init(void)
{
    station = (Station){.hz = tones[2]};
    md_virtual_clock_init(&station.clock, 1000000, 1795384800000000);
    station.timers = bc_timers_new(&station.clock.base, false);
    station.news = g_string_new(NULL);
}

static const char *const allowed[] = {"station.example", NULL};

static BcRelayContext relay_context(void)
{
    return (BcRelayContext){.timers = station.timers, .hosts = allowed, .input = &station_input, .on_event = on_news};
}

/* Ten seconds stored, a minute of the station, then stored again: connected ahead, heard, silent, stood in for, back, let go. */
static void test_relay(void)
{
    Tracks a, b;
    make_tracks(&a, tones[0], 250);
    make_tracks(&b, tones[1], 25);
    station_init();
    BcRelayContext context = relay_context();
    const BcProgrammeItem items[] = {
        {.kind = BC_PROGRAMME_STORED, .tracks = a.of},
        {.kind = BC_PROGRAMME_RELAY, .url = "http://station.example/live", .duration_us = 60000000, .silence_max_us = 4000000,
         .fallback = b.of},
        {.kind = BC_PROGRAMME_STORED, .tracks = a.of, .duration_us = 1000000},
    };
    g_autoptr(GError) error = NULL;
    BcSource *source = bc_source_programme_new(items, G_N_ELEMENTS(items), FRAME_MS, 0, &context, &error);
    g_assert_no_error(error);
    MdAudioDecoder *decoder = md_audio_decoder_new(MD_AUDIO_OPUS);
    g_autoptr(GString) heard = g_string_new(NULL);
    live(source, decoder, 40, heard);
    g_assert_cmpuint(station.opened, ==, 0);
    live(source, decoder, 210, heard); /* up to its turn */
    g_assert_cmpuint(station.opened, ==, 1);
    g_assert_cmpuint(count(heard, 0, 250, 'a'), >=, 249);
    live(source, decoder, 250, heard); /* ten seconds of it */
    g_assert_cmpuint(count(heard, 250, 500, 'c'), >=, 235);
    station.hz = 0;
    live(source, decoder, 250, heard); /* silent: after four seconds the fallback, over and over */
    g_assert_cmpstr(station.news->str, ==, "relay.failed(it is silent)");
    g_assert_cmpuint(count(heard, 515, 595, '.'), >=, 78);
    g_assert_cmpuint(count(heard, 610, 750, 'b'), >=, 135);
    station.hz = tones[3];
    live(source, decoder, 120, heard); /* back, but not for long enough yet */
    g_assert_cmpuint(count(heard, 750, 870, 'b'), >=, 118);
    live(source, decoder, 100, heard);
    g_assert_cmpstr(station.news->str, ==, "relay.failed(it is silent)relay.back(it is heard again)");
    g_assert_cmpuint(count(heard, 900, 970, 'd'), >=, 68);
    g_assert_cmpuint(count(heard, 870, 970, '?'), <=, 4);
    station.hz = -1;
    live(source, decoder, 250, heard); /* the line is cut */
    g_assert_true(g_str_has_suffix(station.news->str, "relay.failed(no sound comes)"));
    g_assert_cmpuint(count(heard, 1090, 1220, 'b'), >=, 128);
    live(source, decoder, 1750 + 25 - 1220, heard);
    g_assert_cmpuint(station.closed, ==, 1);
    g_assert_cmpuint(count(heard, 1750, 1775, 'a'), >=, 23);
    g_assert_cmpint(next(source, decoder), ==, '\0');
    bc_source_unref(source);
    g_assert_cmpuint(station.closed, ==, 1);
    md_audio_decoder_free(decoder);
    bc_timers_free(station.timers);
    g_string_free(station.news, TRUE);
    drop_tracks(&a);
    drop_tracks(&b);
}

/* Joined in the middle of a station that never answers: connected at once, the fallback comes in time, freed while on. */
static void test_relay_dead(void)
{
    Tracks b;
    make_tracks(&b, tones[1], 25);
    station_init();
    station.hz = -1;
    BcRelayContext context = relay_context();
    const BcProgrammeItem item = {.kind = BC_PROGRAMME_RELAY, .url = "http://station.example/live", .duration_us = 60000000,
                                  .fallback = b.of};
    BcSource *source = bc_source_programme_new(&item, 1, FRAME_MS, 20000000, &context, NULL);
    g_assert_cmpuint(station.opened, ==, 1);
    g_assert_cmpint(bc_source_duration_us(source), ==, 40000000);
    MdAudioDecoder *decoder = md_audio_decoder_new(MD_AUDIO_PCMA);
    g_autoptr(GString) heard = g_string_new(NULL);
    live(source, decoder, 400, heard);
    g_assert_cmpuint(count(heard, 0, 248, '.'), ==, 248);
    g_assert_cmpuint(count(heard, 258, 400, 'b'), ==, 142);
    bc_source_unref(source);
    g_assert_cmpuint(station.closed, ==, 1);
    md_audio_decoder_free(decoder);
    bc_timers_free(station.timers);
    g_string_free(station.news, TRUE);
    drop_tracks(&b);
}

/* The judgement: a pause in speech is none of its business, a flapping station is not taken back. */
static void test_judge(void)
{
    BcRelayJudge judge;
    const char *why = NULL;
    uint64_t ticks = 0, loud = 0;
    unsigned changes = 0;
    bc_relay_judge_init(&judge, 3000000, 0);
    for (int64_t now = 200000; now < 60000000; now += 200000) {
        bool on = now < 10000000 ? now % 4000000 < 1600000     /* pauses of 2.4 s */
                : now < 20000000 ? false                       /* silent */
                : now < 40000000 ? now % 3000000 < 1000000     /* comes and goes */
                                 : true;
        ticks += 10;
        loud += on ? 10 : 0;
        if (!bc_relay_judge(&judge, ticks, loud, now, &why))
            continue;
        if (changes++ == 0) {
            g_assert_false(judge.good);
            g_assert_cmpint(now, >, 10000000);
            g_assert_cmpint(now, <, 14000000);
        } else {
            g_assert_true(judge.good);
            g_assert_cmpint(now, >=, 40000000 + BC_RELAY_BACK_US - 1400000);
            g_assert_cmpint(now, <, 46000000);
        }
    }
    g_assert_cmpuint(changes, ==, 2);
}

static void test_hosts(void)
{
    static const char *const hosts[] = {"live.example.vn", "*.vov.example", "127.0.0.1:8000", "[::1]:8000", "192.0.2.7", NULL};
    static const struct { const char *url; bool ok; } cases[] = {
        {"http://live.example.vn/a", true}, {"https://LIVE.example.vn:8443/a", true}, {"http://example.vn/", false},
        {"http://live.example.vn.evil.example/", false}, {"http://str.vov.example/x", true}, {"http://vov.example/", false},
        {"http://evilvov.example/", false}, {"http://127.0.0.1:8000/", true}, {"http://127.0.0.1/", false},
        {"http://127.0.0.1:8001/", false}, {"http://[::1]:8000/", true}, {"http://[::1]/", false}, {"http://192.0.2.7:9/", true},
        {"http://2130706433:8000/", false}, {"http://0x7f.1:8000/", false}, {"http://live.example.vn@192.0.2.8/", false},
        {"http://[::ffff:127.0.0.1]:8000/", false}, {"http://localhost:8000/", false}, {"file:///etc/passwd", false}, {"", false},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_true(bc_url_allowed(cases[i].url, hosts, "broadcast.live_hosts", &error) == cases[i].ok);
        g_assert_true(cases[i].ok || strstr(error->message, "broadcast.live_hosts"));
        g_assert_false(bc_url_allowed(cases[i].url, NULL, "broadcast.live_hosts", NULL));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/broadcast/sequence/order", test_order);
    g_test_add_func("/broadcast/sequence/refused", test_refused);
    g_test_add_func("/broadcast/sequence/relay", test_relay);
    g_test_add_func("/broadcast/sequence/relay-dead", test_relay_dead);
    g_test_add_func("/broadcast/sequence/judge", test_judge);
    g_test_add_func("/broadcast/sequence/hosts", test_hosts);
    return g_test_run();
}
