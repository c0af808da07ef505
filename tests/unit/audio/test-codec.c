/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib.h>
#include <math.h>
#include <string.h>
#include "mediad/audio/codec.h"
#include "mediad/audio/g711.h"
#include "mediad/audio/tone.h"

enum { SECOND_TICKS = 50, TICKS = 100 };

static void test_g711_tables(void)
{
    for (int i = 0; i < 256; i++) {
        g_assert_cmpint(md_alaw_decode(md_alaw_encode(md_alaw_decode((uint8_t)i))), ==,
                        md_alaw_decode((uint8_t)i));
        g_assert_cmpint(md_ulaw_decode(md_ulaw_encode(md_ulaw_decode((uint8_t)i))), ==,
                        md_ulaw_decode((uint8_t)i));
    }
    /* Values of the recommendation's tables. */
    g_assert_cmphex(md_alaw_encode(0), ==, 0xd5);
    g_assert_cmphex(md_alaw_encode(32767), ==, 0xaa);
    g_assert_cmphex(md_alaw_encode(-32768), ==, 0x2a);
    g_assert_cmphex(md_ulaw_encode(0), ==, 0xff);
    g_assert_cmphex(md_ulaw_encode(32767), ==, 0x80);
    g_assert_cmphex(md_ulaw_encode(-32768), ==, 0x00);
    for (int v = -32768; v <= 32767; v += 7) {
        int a = md_alaw_decode(md_alaw_encode((int16_t)v)), u = md_ulaw_decode(md_ulaw_encode((int16_t)v));
        g_assert_cmpint(ABS(a - v), <=, MAX(16, ABS(v) / 16));
        g_assert_cmpint(ABS(u - v), <=, MAX(700 * (ABS(v) > 32000), MAX(16, ABS(v) / 16)));
    }
}

/* A 400 Hz tone (whole periods in every tick) through encoder and decoder: amplitude and purity come back. */
static void round_trip(MdAudioCodec codec, unsigned ptime_ms, float min_snr_db)
{
    MdAudioEncoderConfig config = {.codec = codec, .ptime_ms = ptime_ms, .bitrate_bps = 48000};
    MdAudioEncoder *encoder = md_audio_encoder_new(&config);
    MdAudioDecoder *decoder = md_audio_decoder_new(codec);
    g_assert_nonnull(encoder);
    g_assert_nonnull(decoder);
    MdTone tone;
    md_tone_init(&tone, 400, MD_AUDIO_RATE, 0.25f);
    float pcm[MD_AUDIO_TICK_SAMPLES], out[MD_AUDIO_PACKET_SAMPLES_MAX];
    g_autofree float *all = g_new0(float, TICKS *MD_AUDIO_TICK_SAMPLES);
    uint8_t payload[MD_AUDIO_PAYLOAD_MAX];
    unsigned got = 0, packets = 0;
    for (int tick = 0; tick < TICKS; tick++) {
        md_tone_fill(&tone, pcm, MD_AUDIO_TICK_SAMPLES);
        int n = md_audio_encoder_encode(encoder, pcm, payload, sizeof payload);
        g_assert_cmpint(n, >=, 0);
        if (n == 0)
            continue;
        packets++;
        int samples = md_audio_decoder_decode(decoder, payload, (size_t)n, out, G_N_ELEMENTS(out));
        g_assert_cmpint(samples, ==, ptime_ms * 48);
        g_assert_cmpint(samples, ==, md_audio_packet_samples(codec, payload, (size_t)n));
        memcpy(all + got, out, (size_t)samples * sizeof *out);
        got += (unsigned)samples;
    }
    g_assert_cmpuint(packets, ==, TICKS * 20 / ptime_ms);
    unsigned n = SECOND_TICKS * MD_AUDIO_TICK_SAMPLES;
    const float *tail = all + got - n;
    double total = 0;
    for (unsigned i = 0; i < n; i++)
        total += (double)tail[i] * tail[i];
    float amplitude = md_goertzel(tail, n, 400, MD_AUDIO_RATE);
    double rest = total / n - amplitude * amplitude / 2.0;
    double snr = 10 * log10(amplitude * amplitude / 2.0 / MAX(rest, 1e-12));
    g_test_message("%s %u ms: amplitude %.3f, SNR %.1f dB", md_audio_codec_to_string(codec), ptime_ms,
                   (double)amplitude, snr);
    g_assert_cmpfloat_with_epsilon(amplitude, 0.25f, 0.05f);
    g_assert_cmpfloat(snr, >, min_snr_db);
    md_audio_encoder_free(encoder);
    md_audio_decoder_free(decoder);
}

static void test_round_trips(void)
{
    round_trip(MD_AUDIO_OPUS, 20, 12);
    round_trip(MD_AUDIO_OPUS, 40, 12);
    round_trip(MD_AUDIO_OPUS, 60, 12);
    round_trip(MD_AUDIO_G722, 20, 25);
    round_trip(MD_AUDIO_PCMA, 20, 30);
    round_trip(MD_AUDIO_PCMU, 20, 30);
}

static void test_lengths(void)
{
    float pcm[MD_AUDIO_PACKET_SAMPLES_MAX];
    uint8_t payload[1000];
    memset(payload, 0xd5, sizeof payload);
    MdAudioDecoder *decoder = md_audio_decoder_new(MD_AUDIO_PCMA);
    for (unsigned ms = 5; ms <= 120; ms += 5)
        g_assert_cmpint(md_audio_decoder_decode(decoder, payload, ms * 8, pcm, G_N_ELEMENTS(pcm)), ==,
                        ms * 48);
    g_assert_cmpint(md_audio_decoder_decode(decoder, payload, 961, pcm, G_N_ELEMENTS(pcm)), ==, -EBADMSG);
    g_assert_cmpint(md_audio_decoder_decode(decoder, payload, 0, pcm, G_N_ELEMENTS(pcm)), ==, -EBADMSG);
    g_assert_cmpint(md_audio_decoder_decode(decoder, payload, 160, pcm, 959), ==, -ENOBUFS);
    g_assert_cmpint(md_audio_decoder_conceal(decoder, pcm, 961), ==, -EINVAL);
    md_audio_decoder_free(decoder);
    decoder = md_audio_decoder_new(MD_AUDIO_G722);
    for (unsigned ms = 10; ms <= 120; ms += 10)
        g_assert_cmpint(md_audio_decoder_decode(decoder, payload, ms * 8, pcm, G_N_ELEMENTS(pcm)), ==,
                        ms * 48);
    md_audio_decoder_free(decoder);
    decoder = md_audio_decoder_new(MD_AUDIO_OPUS);
    const uint8_t broken[] = {0x0b, 0xff, 0xff}; /* code 3 with a frame count of 63 */
    g_assert_cmpint(md_audio_decoder_decode(decoder, broken, sizeof broken, pcm, G_N_ELEMENTS(pcm)), ==,
                    -EBADMSG);
    md_audio_decoder_free(decoder);
    errno = 0;
    g_assert_null(md_audio_decoder_new(MD_AUDIO_CODEC_MAX));
    g_assert_cmpint(errno, ==, EINVAL);
}

static double energy(const float *pcm, unsigned n)
{
    double sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum += (double)pcm[i] * pcm[i];
    return sum / n;
}

/* A lost packet in a voiced tone is replaced by about the same tone, and a long loss fades to silence. */
static void conceal(MdAudioCodec codec)
{
    MdAudioEncoderConfig config = {.codec = codec};
    MdAudioEncoder *encoder = md_audio_encoder_new(&config);
    MdAudioDecoder *decoder = md_audio_decoder_new(codec);
    MdTone tone;
    md_tone_init(&tone, 200, MD_AUDIO_RATE, 0.25f);
    float pcm[MD_AUDIO_TICK_SAMPLES], out[MD_AUDIO_PACKET_SAMPLES_MAX];
    uint8_t payload[MD_AUDIO_PAYLOAD_MAX];
    for (int tick = 0; tick < 20; tick++) {
        md_tone_fill(&tone, pcm, MD_AUDIO_TICK_SAMPLES);
        int n = md_audio_encoder_encode(encoder, pcm, payload, sizeof payload);
        md_audio_decoder_decode(decoder, payload, (size_t)n, out, G_N_ELEMENTS(out));
    }
    double good = energy(out, MD_AUDIO_TICK_SAMPLES);
    g_assert_cmpint(md_audio_decoder_conceal(decoder, out, MD_AUDIO_TICK_SAMPLES), ==, MD_AUDIO_TICK_SAMPLES);
    double first = energy(out, MD_AUDIO_TICK_SAMPLES);
    g_assert_cmpfloat(first, >, good * 0.3);
    g_assert_cmpfloat(first, <, good * 1.5);
    g_assert_cmpfloat(md_goertzel(out, MD_AUDIO_TICK_SAMPLES, 200, MD_AUDIO_RATE), >, 0.12);
    for (int i = 0; i < 30; i++)
        md_audio_decoder_conceal(decoder, out, MD_AUDIO_TICK_SAMPLES);
    g_assert_cmpfloat(energy(out, MD_AUDIO_TICK_SAMPLES), <, good * 0.01);
    md_audio_encoder_free(encoder);
    md_audio_decoder_free(decoder);
}

static void test_conceal(void)
{
    conceal(MD_AUDIO_OPUS);
    conceal(MD_AUDIO_G722);
    conceal(MD_AUDIO_PCMA);
    conceal(MD_AUDIO_PCMU);
}

/* Speech-like sound: a buzz whose pitch and loudness move, so that FEC beats extrapolation. */
static void speechlike(float *pcm, unsigned at)
{
    for (unsigned i = 0; i < MD_AUDIO_TICK_SAMPLES; i++) {
        double t = (double)(at + i) / MD_AUDIO_RATE, f0 = 140 + 40 * sin(2 * M_PI * 1.7 * t), v = 0;
        for (int h = 1; h <= 8; h++)
            v += sin(2 * M_PI * f0 * h * t) / h;
        pcm[i] = (float)(v * 0.15 * (0.6 + 0.4 * sin(2 * M_PI * 3.1 * t)));
    }
}

static void test_fec(void)
{
    MdAudioEncoderConfig config = {
        .codec = MD_AUDIO_OPUS, .bitrate_bps = 32000, .fec = true, .loss_percent = 20};
    MdAudioEncoder *encoder = md_audio_encoder_new(&config);
    MdAudioDecoder *whole = md_audio_decoder_new(MD_AUDIO_OPUS), *fec = md_audio_decoder_new(MD_AUDIO_OPUS),
                   *plc = md_audio_decoder_new(MD_AUDIO_OPUS);
    float pcm[MD_AUDIO_TICK_SAMPLES], want[MD_AUDIO_TICK_SAMPLES], got[MD_AUDIO_PACKET_SAMPLES_MAX];
    uint8_t packets[TICKS][MD_AUDIO_PAYLOAD_MAX];
    int len[TICKS];
    unsigned with_fec = 0;
    for (unsigned i = 0; i < TICKS; i++) {
        speechlike(pcm, i * MD_AUDIO_TICK_SAMPLES);
        len[i] = md_audio_encoder_encode(encoder, pcm, packets[i], sizeof packets[i]);
        with_fec += md_audio_packet_has_fec(MD_AUDIO_OPUS, packets[i], (size_t)len[i]);
    }
    g_assert_cmpuint(with_fec, >, TICKS / 2);
    double fec_error = 0, plc_error = 0;
    for (unsigned i = 0; i + 1 < TICKS; i++) {
        md_audio_decoder_decode(whole, packets[i], (size_t)len[i], want, MD_AUDIO_TICK_SAMPLES);
        bool lost = i % 5 == 4;
        for (int k = 0; k < 2; k++) {
            MdAudioDecoder *d = k == 0 ? fec : plc;
            if (!lost)
                md_audio_decoder_decode(d, packets[i], (size_t)len[i], got, G_N_ELEMENTS(got));
            else if (k == 0)
                md_audio_decoder_decode_fec(d, packets[i + 1], (size_t)len[i + 1], got,
                                            MD_AUDIO_TICK_SAMPLES);
            else
                md_audio_decoder_conceal(d, got, MD_AUDIO_TICK_SAMPLES);
            for (unsigned j = 0; j < MD_AUDIO_TICK_SAMPLES && lost; j++)
                *(k == 0 ? &fec_error : &plc_error) += ((double)got[j] - want[j]) * (got[j] - want[j]);
        }
    }
    g_test_message("error energy: FEC %.2f, concealment %.2f", fec_error, plc_error);
    g_assert_cmpfloat(fec_error, <, plc_error * 0.7);
    md_audio_encoder_free(encoder);
    md_audio_decoder_free(whole);
    md_audio_decoder_free(fec);
    md_audio_decoder_free(plc);
}

static void test_encoder_config(void)
{
    MdAudioEncoderConfig bad[] = {
        {.codec = MD_AUDIO_OPUS, .ptime_ms = 30},      {.codec = MD_AUDIO_PCMA, .ptime_ms = 40},
        {.codec = MD_AUDIO_OPUS, .bitrate_bps = 5000}, {.codec = MD_AUDIO_OPUS, .complexity = 11},
        {.codec = MD_AUDIO_OPUS, .loss_percent = 101}, {.codec = MD_AUDIO_CODEC_NONE},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        errno = 0;
        g_assert_null(md_audio_encoder_new(&bad[i]));
        g_assert_cmpint(errno, ==, EINVAL);
    }
    MdAudioEncoderConfig config = {.codec = MD_AUDIO_OPUS, .dtx = true};
    MdAudioEncoder *encoder = md_audio_encoder_new(&config);
    g_assert_cmpuint(md_audio_encoder_config(encoder)->bitrate_bps, ==, 32000);
    config.ptime_ms = 40;
    g_assert_cmpint(md_audio_encoder_configure(encoder, &config), ==, -EINVAL);
    float silence[MD_AUDIO_TICK_SAMPLES] = {0};
    uint8_t payload[MD_AUDIO_PAYLOAD_MAX];
    g_assert_cmpint(md_audio_encoder_encode(encoder, silence, payload, 100), ==, -ENOBUFS);
    unsigned sent = 0;
    for (unsigned i = 0; i < 100; i++)
        sent += md_audio_encoder_encode(encoder, silence, payload, sizeof payload) > 0;
    g_assert_cmpuint(sent, <, 30); /* DTX: silence is mostly not sent */
    md_audio_encoder_free(encoder);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/audio/codec/g711-tables", test_g711_tables);
    g_test_add_func("/audio/codec/round-trips", test_round_trips);
    g_test_add_func("/audio/codec/lengths", test_lengths);
    g_test_add_func("/audio/codec/conceal", test_conceal);
    g_test_add_func("/audio/codec/fec", test_fec);
    g_test_add_func("/audio/codec/encoder-config", test_encoder_config);
    return g_test_run();
}
