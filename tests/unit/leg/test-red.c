/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Redundant sound (RFC 2198) over a line that loses much, in virtual time: with it and without. */
#include <string.h>

#include "pair.h"

#define RED "a=rtpmap:63 red/48000/2\r\na=fmtp:63 96/96\r\n"

static bool offered;
static unsigned red_packets, sound_packets;

/* In-band FEC off: what is gained is redundancy's. */
static char *edit(char *sdp)
{
    sdp = pair_replace(sdp, "useinbandfec=1", "useinbandfec=0");
    if (!offered)
        return sdp;
    sdp = pair_replace(sdp, "RTP/AVP 96", "RTP/AVP 96 63");
    return pair_replace(sdp, "a=rtpmap:96 opus/48000/2\r\n", "a=rtpmap:96 opus/48000/2\r\n" RED);
}

static bool look(Pair *pair, unsigned from, unsigned media, const uint8_t *data, size_t len)
{
    if (media == AUDIO && !md_rtp_is_rtcp(data, len) && from == 0) {
        red_packets += (data[1] & 0x7f) == 63;
        sound_packets++;
    }
    return false;
}

typedef struct Heard {
    double concealed; /* of all ticks: not the speaker's own sound, decoded from what came */
    float tone;
    uint64_t copies;
} Heard;

/* Side 0 answered, so it is the one that may send what the offer named; side 1 hears. */
static Heard run(Pair *pair, unsigned s)
{
    const MdLegStats *stats = md_leg_stats(pair->side[1].leg);
    unsigned voiced = pair->side[1].voiced_ticks;
    uint64_t copies = md_stat_get(&stats->audio_red_packets);
    float tone = 0;
    red_packets = sound_packets = 0;
    for (unsigned i = 0; i < s; i++) {
        pair_run(pair, 1000);
        tone += pair_heard(pair, 1, 400) / (float)s;
    }
    Heard heard = {1 - (double)(pair->side[1].voiced_ticks - voiced) / (s * 50), tone,
                   md_stat_get(&stats->audio_red_packets) - copies};
    g_test_message("%s at %u %%: concealed %.1f %%, tone %.3f, %" G_GUINT64_FORMAT " copies used, %u of %u packets with copies",
                   offered ? "red" : "without", pair->loss_percent, heard.concealed * 100, heard.tone, heard.copies, red_packets,
                   sound_packets);
    return heard;
}

static Pair *start(bool red)
{
    static const MdAudioCodec opus[] = {MD_AUDIO_OPUS};
    PairOptions options = {.codecs = opus, .n_codecs = 1};
    Pair *pair = g_new(Pair, 1);
    offered = red;
    pair_init(pair, &options);
    pair->tap = look;
    pair_reinvite(pair, edit);
    /* the offerer takes what it never offered itself: as a browser would */
    pair->side[1].leg->media[AUDIO].agreed.red_pt = red ? 63 : MD_PT_NONE;
    return pair;
}

static void end(Pair *pair)
{
    pair_clear(pair);
    g_free(pair);
}

static void test_loss(void)
{
    static const unsigned losses[] = {10, 20};
    for (unsigned l = 0; l < G_N_ELEMENTS(losses); l++) {
        Heard heard[2];
        for (unsigned red = 0; red < 2; red++) {
            Pair *pair = start(red);
            run(pair, 3);
            g_assert_cmpuint(red_packets, ==, 0); /* nothing is lost yet */
            pair->loss_percent = losses[l];
            run(pair, 12); /* reports come, the buffer learns */
            heard[red] = run(pair, 30);
            if (red)
                g_assert_cmpuint(red_packets, >, sound_packets * 9 / 10);
            else
                g_assert_cmpuint(red_packets + heard[red].copies, ==, 0);
            end(pair);
        }
        g_assert_cmpfloat(heard[0].concealed, >, losses[l] * 0.007);
        g_assert_cmpfloat(heard[1].concealed, <, heard[0].concealed / 4);
        g_assert_cmpfloat(heard[1].tone, >, heard[0].tone);
        g_assert_cmpfloat(heard[1].tone, >, 0.35f);
    }
}

/* It ends when the line is good again, but not with the first good report. */
static void test_hysteresis(void)
{
    Pair *pair = start(true);
    MdLeg *leg = pair->side[0].leg;
    int64_t now_us = 1000000;
    run(pair, 1);
    leg_audio_loss(leg, 25, now_us);
    run(pair, 1);
    g_assert_cmpuint(red_packets, ==, 0);
    leg_audio_loss(leg, 40, now_us += 5000000);
    g_assert_cmpuint(leg->audio.red_copies, ==, 1);
    run(pair, 1);
    g_assert_cmpuint(red_packets, >, 45);
    leg_audio_loss(leg, 150, now_us += 5000000);
    g_assert_cmpuint(leg->audio.red_copies, ==, 2);
    leg_audio_loss(leg, 0, now_us += 5000000);
    leg_audio_loss(leg, 15, now_us += 5000000);
    leg_audio_loss(leg, 0, now_us += 5000000);
    leg_audio_loss(leg, 0, now_us += 5000000);
    g_assert_cmpuint(leg->audio.red_copies, ==, 2);
    leg_audio_loss(leg, 0, now_us += 8000000);
    g_assert_cmpuint(leg->audio.red_copies, ==, 0);
    end(pair);
}

/* What was not agreed on is not sent, and what is malformed harms nobody. */
static void test_bounds(void)
{
    Pair *pair = start(false);
    leg_audio_loss(pair->side[0].leg, 300, 1000000);
    run(pair, 1);
    g_assert_cmpuint(red_packets, ==, 0);
    end(pair);
    pair = start(true);
    run(pair, 2);
    MdLeg *leg = pair->side[1].leg;
    uint64_t rejected = md_stat_get(&md_leg_stats(leg)->packets_rejected);
    uint8_t cut[] = {0x80, 63, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0x80 | 96, 0x0f, 0x03, 0xff, 96, 1};
    MdRtpPacket packet;
    g_assert_cmpint(md_rtp_parse(cut, sizeof cut, &packet), ==, 0);
    leg_audio_receive(leg, &packet, MD_STREAM_OK, md_clock_now_us(&pair->clock.base));
    g_assert_cmpuint(md_stat_get(&md_leg_stats(leg)->packets_rejected), ==, rejected + 1);
    g_assert_cmpfloat(run(pair, 1).tone, >, 0.35f);
    end(pair);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/leg-red/loss", test_loss);
    g_test_add_func("/leg-red/hysteresis", test_hysteresis);
    g_test_add_func("/leg-red/bounds", test_bounds);
    return g_test_run();
}
