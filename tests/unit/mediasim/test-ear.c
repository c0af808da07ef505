/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "mediad/audio/codec.h"
#include "mediasim/ear.h"

/* A room of six in virtual time: everybody's voice goes through Opus, is mixed (minus own) and heard `delay`
 * ticks later. What the room does wrong is what the ears must tell. */
enum { SITES = 6, TALKERS = 3, TURNS = 4, DELAY_TICKS = 6 };

typedef struct Room {
    int deaf_ear, lost_talker; /* this ear misses that site's voice, -1 none */
    int echo_ear;              /* hears itself too */
    int gap_ear;               /* 60 ms of nothing in the steady part of each turn */
    int swap_ear;              /* hears those who should talk in the next turn */
    bool opus;
    SimEar ears[SITES];
} Room;

static void run(Room *room)
{
    static float history[DELAY_TICKS + 1][SITES][MD_AUDIO_TICK_SAMPLES];
    SimTalk talk = {
        .sites = SITES, .talkers = TALKERS, .start_us = 1000000, .turn_us = sim_talk_turn_min_us(TALKERS)};
    SimTalk shifted = talk;
    SimVoice voices[SITES], others[SITES];
    shifted.start_us -= talk.turn_us;
    MdAudioEncoder *encoders[SITES];
    MdAudioDecoder *decoders[SITES];
    for (unsigned i = 0; i < SITES; i++) {
        voices[i] = others[i] = (SimVoice){.site = i};
        sim_ear_init(&room->ears[i], i, &talk);
        encoders[i] = md_audio_encoder_new(&(MdAudioEncoderConfig){.codec = MD_AUDIO_OPUS});
        decoders[i] = md_audio_decoder_new(MD_AUDIO_OPUS);
    }
    memset(history, 0, sizeof(history));
    int64_t end_us = talk.start_us + TURNS * talk.turn_us + 200000;
    unsigned at = 0;
    for (int64_t now = 500000; now < end_us; now += MD_AUDIO_TICK_US, at = (at + 1) % (DELAY_TICKS + 1)) {
        for (unsigned i = 0; i < SITES; i++) {
            float *pcm = history[at][i];
            sim_voice_fill(&voices[i], &talk, now, pcm);
            if (room->opus) {
                uint8_t payload[MD_AUDIO_PAYLOAD_MAX];
                int len = md_audio_encoder_encode(encoders[i], pcm, payload, sizeof(payload));
                g_assert_cmpint(len, >, 0);
                g_assert_cmpint(
                    md_audio_decoder_decode(decoders[i], payload, (size_t)len, pcm, MD_AUDIO_TICK_SAMPLES),
                    ==, MD_AUDIO_TICK_SAMPLES);
            }
        }
        unsigned old = (at + 1) % (DELAY_TICKS + 1); /* DELAY_TICKS ago */
        int64_t into_us;
        bool gap = sim_talk_turn(&talk, now, &into_us) >= 0 && into_us >= 2400000 && into_us < 2460000;
        for (unsigned ear = 0; ear < SITES; ear++) {
            float mix[MD_AUDIO_TICK_SAMPLES] = {0};
            for (unsigned i = 0; i < SITES; i++) {
                if ((i == ear && room->echo_ear != (int)ear) ||
                    (room->deaf_ear == (int)ear && room->lost_talker == (int)i))
                    continue;
                for (unsigned k = 0; k < MD_AUDIO_TICK_SAMPLES; k++)
                    mix[k] += history[old][i][k];
            }
            if (room->swap_ear == (int)ear) {
                memset(mix, 0, sizeof(mix));
                for (unsigned i = 0; i < SITES; i++) {
                    float pcm[MD_AUDIO_TICK_SAMPLES];
                    sim_voice_fill(&others[i], &shifted, now, pcm);
                    for (unsigned k = 0; k < MD_AUDIO_TICK_SAMPLES; k++)
                        mix[k] += pcm[k];
                }
            }
            if (gap && room->gap_ear == (int)ear)
                memset(mix, 0, sizeof(mix));
            sim_ear_tick(&room->ears[ear], mix, now, 0.8);
        }
    }
    for (unsigned i = 0; i < SITES; i++) {
        room->ears[i].talk = NULL;
        md_audio_encoder_free(encoders[i]);
        md_audio_decoder_free(decoders[i]);
    }
}

static const Room healthy = {-1, -1, -1, -1, -1, false, {{0}}};

static void check_fine(const SimEar *ear)
{
    g_assert_cmpuint(ear->turns, ==, TURNS);
    g_assert_cmpuint(ear->pairs_heard, ==, ear->pairs_expected);
    g_assert_cmpuint(ear->pairs_expected + ear->own_turns, ==, TURNS * TALKERS);
    g_assert_cmpuint(ear->own_turns, ==, TURNS / 2); /* everybody talks every second turn */
    g_assert_cmpuint(ear->own_echoes, ==, 0);
    g_assert_cmpuint(ear->stranger_turns, ==, 0);
    g_assert_cmpuint(ear->gaps, ==, 0);
    g_assert_cmpuint(ear->talk_ticks, >, 100);
}

static void test_healthy(void)
{
    Room *room = g_memdup2(&healthy, sizeof(healthy));
    room->opus = true;
    run(room);
    for (unsigned i = 0; i < SITES; i++)
        check_fine(&room->ears[i]);
    g_free(room);
}

static void test_delay(void)
{
    /* Without a codec the delay is exactly what the room adds. */
    Room *room = g_memdup2(&healthy, sizeof(healthy));
    run(room);
    for (unsigned i = 0; i < SITES; i++) {
        const SimEar *ear = &room->ears[i];
        check_fine(ear);
        g_assert_cmpuint(ear->delays, >=, 2);
        g_assert_cmpint(ear->delay_min_us, >=, DELAY_TICKS * 20000);
        g_assert_cmpint(ear->delay_last_us, >=, DELAY_TICKS * 20000);
        g_assert_cmpint(ear->delay_max_us, <=,
                        DELAY_TICKS * 20000 + 1000); /* the sine takes a moment to rise */
    }
    g_free(room);
}

static void test_missing_talker(void)
{
    Room *room = g_memdup2(&healthy, sizeof(healthy));
    room->deaf_ear = 1;
    room->lost_talker = 4;
    room->opus = true;
    run(room);
    g_assert_cmpuint(room->ears[1].pairs_heard, ==,
                     room->ears[1].pairs_expected - 2); /* site 4 talked twice */
    g_assert_cmpuint(room->ears[1].missing_talker, ==, 4);
    for (unsigned i = 0; i < SITES; i++)
        if (i != 1)
            check_fine(&room->ears[i]);
    g_free(room);
}

static void test_own_echo(void)
{
    Room *room = g_memdup2(&healthy, sizeof(healthy));
    room->echo_ear = 2;
    run(room);
    g_assert_cmpuint(room->ears[2].own_echoes, ==, 2);
    check_fine(&room->ears[3]);
    g_free(room);
}

static void test_gap(void)
{
    Room *room = g_memdup2(&healthy, sizeof(healthy));
    room->gap_ear = 0;
    run(room);
    g_assert_cmpuint(room->ears[0].gaps, ==, TURNS);
    g_assert_cmpuint(room->ears[0].gap_ticks, ==, TURNS * 3);
    check_fine(&room->ears[5]);
    g_free(room);
}

static void test_swapped_voices(void)
{
    Room *room = g_memdup2(&healthy, sizeof(healthy));
    room->swap_ear = 4;
    run(room);
    g_assert_cmpuint(room->ears[4].pairs_heard, ==, 0);
    g_assert_cmpuint(room->ears[4].own_echoes, ==, 0);
    g_assert_cmpuint(room->ears[4].stranger_turns, >, 0); /* two turns on, those of the turn before */
    g_free(room);
}

static void test_voices_differ(void)
{
    GHashTable *seen = g_hash_table_new(g_int64_hash, g_int64_equal);
    int64_t *keys = g_new(int64_t, SIM_VOICES);
    for (unsigned i = 0; i < SIM_VOICES; i++) {
        double low, high;
        sim_voice_hz(i, &low, &high);
        g_assert_cmpfloat(low, >=, 400);
        g_assert_cmpfloat(high, <=, 3300);
        g_assert_cmpfloat(high, >, low);
        keys[i] = (int64_t)low * 100000 + (int64_t)high;
        g_assert_true(g_hash_table_add(seen, &keys[i]));
    }
    g_hash_table_unref(seen);
    g_free(keys);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mediasim/ear/healthy", test_healthy);
    g_test_add_func("/mediasim/ear/delay", test_delay);
    g_test_add_func("/mediasim/ear/missing-talker", test_missing_talker);
    g_test_add_func("/mediasim/ear/own-echo", test_own_echo);
    g_test_add_func("/mediasim/ear/gap", test_gap);
    g_test_add_func("/mediasim/ear/swapped-voices", test_swapped_voices);
    g_test_add_func("/mediasim/ear/voices-differ", test_voices_differ);
    return g_test_run();
}
