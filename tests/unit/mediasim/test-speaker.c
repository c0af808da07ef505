/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <math.h>
#include <string.h>

#include "mediad/rtp/sender.h"
#include "mediasim/speaker.h"

enum { N = 3, PACKETS = 100, QUIET = 10 };

/* An announcement of 2 s, its first 200 ms silent, under one key; made once. */
static uint8_t wire[PACKETS][400];
static size_t wire_len[PACKETS];
static MdSrtpKey key;

static void make_announcement(void)
{
    MdSender sender;
    MdAudioEncoder *encoder = md_audio_encoder_new(&(MdAudioEncoderConfig){.codec = MD_AUDIO_OPUS});
    g_assert_cmpint(md_srtp_key_generate(MD_SRTP_AEAD_AES_128_GCM, &key), ==, 0);
    MdSrtp *tx = md_srtp_new(MD_SRTP_SEND, &key);
    md_sender_init(&sender, 77, 65500, 5, 111, 48000);
    for (unsigned i = 0; i < PACKETS; i++) {
        float pcm[MD_AUDIO_TICK_SAMPLES] = {0};
        uint8_t payload[MD_AUDIO_PAYLOAD_MAX];
        for (unsigned k = 0; k < MD_AUDIO_TICK_SAMPLES && i >= QUIET; k++)
            pcm[k] = 0.3f * (float)sin(2 * G_PI * 440 * (i * MD_AUDIO_TICK_SAMPLES + k) / MD_AUDIO_RATE);
        int len = md_audio_encoder_encode(encoder, pcm, payload, sizeof(payload));
        g_assert_cmpint(len, >, 0);
        g_assert_cmpint(len, <, 300);
        size_t at =
            md_sender_write_header(&sender, wire[i], i == 0, i * MD_AUDIO_TICK_SAMPLES, (size_t)len, 0);
        memcpy(wire[i] + at, payload, (size_t)len);
        wire_len[i] = at + (size_t)len;
        g_assert_cmpint(md_srtp_protect_rtp(tx, wire[i], &wire_len[i], sizeof(wire[i])), ==, 0);
    }
    md_srtp_free(tx);
    md_audio_encoder_free(encoder);
}

typedef struct Yard {
    MdVirtualClock clock;
    SimBooth booth;
    SimSpeaker speakers[N];
} Yard;

static void yard_init(Yard *y, const MdSrtpKey *keys[N])
{
    md_virtual_clock_init(&y->clock, 1000000, 0);
    g_assert_cmpint(sim_booth_init(&y->booth, &(MdWorkerOptions){.clock = &y->clock.base, .cpu = -1},
                                   &(SimImpairOptions){.seed = 1}),
                    ==, 0);
    for (unsigned i = 0; i < N; i++) {
        MdAgreedMedia agreed = {
            .active = true, .n_receive = 1, .receive = {{111, MD_AUDIO_OPUS}}, .security = MD_AGREED_SDES};
        agreed.remote_key = *keys[i];
        g_assert_cmpint(md_addr_from_host(&agreed.remote, "127.0.0.1", 9), ==, 0);
        g_assert_cmpint(sim_speaker_init(&y->speakers[i], i, &y->booth, "127.0.0.1", 0), ==, 0);
        sim_speaker_play(&y->speakers[i], &agreed);
        g_assert_nonnull(y->speakers[i].feed);
    }
}

static void yard_clear(Yard *y)
{
    for (unsigned i = 0; i < N; i++) {
        sim_speaker_stop(&y->speakers[i]);
        sim_speaker_clear(&y->speakers[i]);
    }
    sim_booth_clear(&y->booth);
}

static void test_group(void)
{
    const MdSrtpKey *keys[N] = {&key, &key, &key};
    Yard y;
    yard_init(&y, keys);
    g_assert_cmpuint(y.booth.n_feeds, ==, 1);
    for (unsigned p = 0; p < PACKETS; p++)
        for (unsigned i = 0; i < N; i++)
            if (i != 1 || p % 10 != 5) /* the second misses a tenth */
                sim_speaker_packet(&y.speakers[i], wire[p], wire_len[p], 1000000 + p * 20000 + i * 1000);
    for (unsigned i = 0; i < N; i++) {
        const SimSpeaker *s = &y.speakers[i];
        g_assert_cmpuint(s->received, ==, i == 1 ? 90 : 100);
        g_assert_cmpuint(s->rejected + s->differing, ==, 0);
        g_assert_cmpint(s->first_us, ==, 1000000 + i * 1000);
        g_assert_cmpint(s->audible_us, ==, 1000000 + QUIET * 20000 + i * 1000);
        g_assert_cmpuint(md_stream_lost(&s->stream), ==, i == 1 ? 10 : 0);
        g_assert_cmpint(s->gap_most_us, ==, i == 1 ? 40000 : 20000);
    }
    g_assert_cmpuint(y.speakers[0].feed->packets, ==, PACKETS);
    g_assert_cmpuint(y.speakers[0].feed->loud, ==, PACKETS - QUIET);
    g_assert_cmpuint(y.speakers[0].loud, ==, PACKETS - QUIET);
    g_assert_cmpuint(y.speakers[1].loud, ==, PACKETS - QUIET - 9);
    yard_clear(&y);
}

static void test_tampered_and_wrong_key(void)
{
    MdSrtpKey other;
    g_assert_cmpint(md_srtp_key_generate(MD_SRTP_AEAD_AES_128_GCM, &other), ==, 0);
    const MdSrtpKey *keys[N] = {&key, &key, &other};
    Yard y;
    yard_init(&y, keys);
    g_assert_cmpuint(y.booth.n_feeds, ==, 2);
    for (unsigned p = 0; p < 20; p++) {
        uint8_t bent[400];
        memcpy(bent, wire[p], wire_len[p]);
        bent[wire_len[p] - 1] ^= 1;
        /* the first copy bent: it does not authenticate, and the good one is still learnt */
        sim_speaker_packet(&y.speakers[0], bent, wire_len[p], 1000);
        sim_speaker_packet(&y.speakers[0], wire[p], wire_len[p], 1000);
        sim_speaker_packet(&y.speakers[1], bent, wire_len[p], 1000);
        sim_speaker_packet(&y.speakers[2], wire[p], wire_len[p], 1000);
    }
    g_assert_cmpuint(y.speakers[0].rejected, ==, 20);
    g_assert_cmpuint(y.speakers[0].received, ==, 20);
    g_assert_cmpuint(y.speakers[1].differing, ==, 20);
    g_assert_cmpuint(y.speakers[1].received, ==, 0);
    g_assert_cmpuint(y.speakers[2].rejected, ==, 20);
    g_assert_cmpint(y.speakers[2].audible_us, ==, 0);
    yard_clear(&y);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    make_announcement();
    g_test_add_func("/mediasim/speaker/group", test_group);
    g_test_add_func("/mediasim/speaker/tampered-and-wrong-key", test_tampered_and_wrong_key);
    return g_test_run();
}
