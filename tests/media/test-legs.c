/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sound between two legs, descriptions that change, and whose packets count. */
#include <string.h>

#include "tests/media/legs.h"

static int (*plain_send)(void *user, unsigned media, bool rtcp, const MdAddr *to, const uint8_t *data,
                         size_t len);

static void assert_remote(Pair *pair, unsigned side, const char *want)
{
    MdLegSummary summary;
    md_leg_summary(pair->side[side].leg, &summary);
    g_assert_cmpstr(summary.remote, ==, want);
}

/* ---- sound ---- */

static unsigned wanted_ptime;

static char *edit_ptime(char *sdp)
{
    g_autofree char *text = g_strdup_printf("a=ptime:%u", wanted_ptime);
    return pair_replace(sdp, "a=ptime:20", text);
}

static void test_ptimes(void)
{
    static const MdAudioCodec codecs[] = {MD_AUDIO_OPUS, MD_AUDIO_G722, MD_AUDIO_PCMA, MD_AUDIO_PCMU};
    for (unsigned c = 0; c < G_N_ELEMENTS(codecs); c++)
        for (wanted_ptime = 20; wanted_ptime <= 60; wanted_ptime += 20) {
            PairOptions options = {.codecs = &codecs[c], .n_codecs = 1};
            Pair *pair = legs_start(&options, legs_look);
            pair_reinvite(pair, edit_ptime);
            for (unsigned i = 0; i < 2; i++)
                legs_seen[i].ts_step = md_audio_codec_clock_rate(codecs[c]) / 1000 * wanted_ptime;
            pair_run(pair, 2400);
            g_test_message("%s %u ms: %.3f %.3f", md_audio_codec_to_string(codecs[c]), wanted_ptime,
                           (double)pair_heard(pair, 0, 1000), (double)pair_heard(pair, 1, 400));
            legs_assert_talking(pair, 0.3f);
            for (unsigned i = 0; i < 2; i++) {
                g_assert_cmpuint(legs_seen[i].rtp[AUDIO], ==, 2400 / wanted_ptime);
                g_assert_cmpuint(legs_seen[i].markers, ==, 1);
                g_assert_cmpuint(legs_seen[i].odd_steps, ==, 0);
                g_assert_cmpuint(legs_seen[i].seq_gaps, ==, 0);
                g_assert_cmpuint(STAT(pair, i, audio_packets_lost), ==, 0);
                g_assert_cmpuint(STAT(pair, i, audio_concealed_ticks), ==, 0);
                g_assert_cmpuint(STAT(pair, i, packets_rejected), ==, 0);
            }
            legs_end(pair);
        }
}

/* Of the 20 ms ticks of `seconds`, how many per cent hold the tone at half its level at least? */
static unsigned percent_heard(Pair *pair, unsigned seconds)
{
    unsigned good = 0, all = 0;
    for (unsigned s = 0; s < seconds; s++) {
        pair_run(pair, 1000);
        for (unsigned t = 0; t < 50; t++, all++)
            good += md_goertzel(pair->side[0].heard + t * MD_AUDIO_TICK_SAMPLES, MD_AUDIO_TICK_SAMPLES, 1000,
                                MD_AUDIO_RATE) > 0.2f;
    }
    return good * 100 / all;
}

static void test_loss(void)
{
    static const MdAudioCodec opus = MD_AUDIO_OPUS;
    static const unsigned losses[] = {5, 15};
    for (unsigned l = 0; l < G_N_ELEMENTS(losses); l++)
        for (unsigned secure = 0; secure < 2; secure++) {
            MdSecurity policy = secure ? MD_SECURITY_REQUIRED : MD_SECURITY_OFF;
            PairOptions options = {.codecs = &opus, .n_codecs = 1, .security = {policy, policy}};
            Pair *pair = legs_start(&options, NULL);
            pair_connect(pair);
            pair_run(pair, 1000);
            pair->loss_percent = losses[l];
            unsigned percent = percent_heard(pair, 20);
            uint64_t lost = STAT(pair, 0, audio_packets_lost),
                     mended = STAT(pair, 0, audio_fec_ticks) + STAT(pair, 0, audio_concealed_ticks);
            g_test_message("loss %u %%: %u %% of the tone, %u lost, %u by FEC, %u concealed", losses[l],
                           percent, (unsigned)lost, (unsigned)STAT(pair, 0, audio_fec_ticks),
                           (unsigned)STAT(pair, 0, audio_concealed_ticks));
            g_assert_cmpuint(percent, >=, 90);
            g_assert_cmpuint(lost, >=, losses[l] * 1000 / 100 / 2);
            g_assert_cmpuint(lost, <=, losses[l] * 1000 / 100 * 2);
            g_assert_cmpuint(mended, >=, lost * 9 / 10);
            g_assert_cmpuint(STAT(pair, 0, audio_fec_ticks), >, lost / 2);
            /* what the peer is told is what was lost */
            g_assert_cmpuint(STAT(pair, 1, remote_loss_permille), >, 0);
            g_assert_cmpuint(STAT(pair, 1, remote_loss_permille), <, losses[l] * 10 * 3);
            g_assert_cmpuint(STAT(pair, 0, packets_rejected), ==, 0);
            legs_end(pair);
        }
}

static void test_reports(void)
{
    PairOptions options = {0};
    Pair *pair = legs_start(&options, legs_look);
    pair_connect(pair);
    pair_run(pair, 20000);
    for (unsigned i = 0; i < 2; i++) {
        const LegsSeen *s = &legs_seen[i];
        g_assert_cmpuint(s->sr, >=, 4); /* every five seconds at least, the first sooner */
        g_assert_cmpuint(s->sr, <=, 12);
        /* NTP time and RTP time run alike */
        int64_t wall_us = md_ntp_to_wall_us(s->last_sr.ntp) - md_ntp_to_wall_us(s->first_sr.ntp);
        g_assert_cmpint(ABS(wall_us - (s->last_sr_us - s->first_sr_us)), <=,
                        5000); /* the test steps by 5 ms */
        int64_t rtp_us = (int64_t)(uint32_t)(s->last_sr.rtp_ts - s->first_sr.rtp_ts) * 1000000 / 48000;
        g_assert_cmpint(ABS(rtp_us - wall_us), <=, 100);
        /* 10 ms there, 10 ms back, and what the stepping adds */
        g_assert_cmpuint(STAT(pair, i, round_trip_us), >=, 18000);
        g_assert_cmpuint(STAT(pair, i, round_trip_us), <=, 35000);
        g_assert_cmpuint(STAT(pair, i, remote_loss_permille), ==, 0);
        g_assert_cmpuint(STAT(pair, i, audio_jitter_us), <, 3000);
        g_assert_cmpuint(s->bye, ==, 0);
    }
    legs_end(pair);
    g_assert_cmpuint(legs_seen[0].bye, ==, 1);
    g_assert_cmpuint(legs_seen[1].bye, ==, 1);
}

static char *no_mux(char *sdp)
{
    return pair_replace(sdp, "a=rtcp-mux\r\n", "");
}

static unsigned rtcp_on_own_port;

static int count_ports(void *user, unsigned media, bool rtcp, const MdAddr *to, const uint8_t *data,
                       size_t len)
{
    PairSide *side = user;
    uint16_t rtp_port = side->pair->side[!side->index].port[media];
    g_assert_cmpint(rtcp, ==, md_rtp_is_rtcp(data, len));
    g_assert_cmpuint(md_addr_port(to), ==, rtp_port + rtcp);
    rtcp_on_own_port += rtcp;
    return plain_send(user, media, rtcp, to, data, len);
}

/* Without rtcp-mux reports have a port of their own, and a NAT its own mapping of it. */
static void test_own_rtcp_port(void)
{
    static const MdSecurity policies[] = {MD_SECURITY_OFF, MD_SECURITY_REQUIRED};
    for (unsigned p = 0; p < 2; p++) {
        PairOptions options = {.security = {policies[p], policies[p]}};
        Pair *pair = legs_start(&options, NULL);
        for (unsigned i = 0; i < 2; i++) {
            plain_send = pair->side[i].leg->transport.send;
            pair->side[i].leg->transport.send = count_ports;
        }
        rtcp_on_own_port = 0;
        pair_reinvite(pair, no_mux);
        pair_run(pair, 16000);
        legs_assert_talking(pair, 0.25f);
        g_assert_cmpuint(rtcp_on_own_port, >=, 6);
        for (unsigned i = 0; i < 2; i++) {
            g_assert_cmpuint(STAT(pair, i, round_trip_us), >=, 18000);
            g_assert_cmpuint(STAT(pair, i, round_trip_us), <=, 35000);
            g_assert_cmpuint(STAT(pair, i, packets_rejected), ==, 0);
        }
        legs_end(pair);
    }
}

/* ---- descriptions that change ---- */

static char *audio_off(char *sdp)
{
    return pair_replace(sdp, "m=audio 21010 ", "m=audio 0 ");
}

/* A line switched off and on again has a fresh SRTP context under the old key: it must be another source. */
static void test_off_and_on(void)
{
    PairOptions options = {.video = true, .security = {MD_SECURITY_REQUIRED, MD_SECURITY_REQUIRED}};
    Pair *pair = legs_start(&options, legs_keep);
    pair_connect(pair);
    pair_run(pair, 1000);
    legs_assert_talking(pair, 0.25f);
    uint32_t before[2] = {legs_seen[0].ssrc[AUDIO], legs_seen[1].ssrc[AUDIO]};
    pair_reinvite(pair, audio_off);
    pair_run(pair, 1000);
    g_assert_cmpfloat(pair_heard(pair, 0, 1000), <, 0.01f);
    uint64_t sent = STAT(pair, 0, audio_packets_sent);
    pair_run(pair, 200);
    g_assert_cmpuint(STAT(pair, 0, audio_packets_sent), ==, sent);
    uint64_t rejected[2] = {STAT(pair, 0, packets_rejected), STAT(pair, 1, packets_rejected)};
    pair_reinvite(pair, NULL);
    pair_run(pair, 1500);
    legs_assert_talking(pair, 0.25f);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmpuint(legs_seen[i].ssrc[AUDIO], !=, before[i]);
        g_assert_cmpuint(STAT(pair, i, packets_rejected), ==, rejected[i]);
    }
    legs_end(pair);
}

static char *moved(char *sdp)
{
    return pair_replace(sdp, "c=IN IP4 127.0.0.1", "c=IN IP4 127.0.0.77");
}

static void test_address_change(void)
{
    static const MdSecurity policies[] = {MD_SECURITY_OFF, MD_SECURITY_REQUIRED};
    for (unsigned p = 0; p < 2; p++) {
        PairOptions options = {.security = {policies[p], policies[p]}};
        Pair *pair = legs_start(&options, NULL);
        pair_connect(pair);
        pair_run(pair, 1000);
        assert_remote(pair, 0, "127.0.0.1:21010");
        pair_reinvite(pair, moved);
        md_addr_from_string(&pair->side[1].from_override, "127.0.0.77:21010");
        pair_run(pair, 1500);
        legs_assert_talking(pair, 0.25f);
        assert_remote(pair, 0, "127.0.0.77:21010");
        /* and from the old place nothing counts any more, key or not: the new one was heard */
        uint64_t rejected = STAT(pair, 0, packets_rejected);
        md_addr_from_string(&pair->side[1].from_override, "127.0.0.1:21010");
        pair_run(pair, 1500);
        g_assert_cmpfloat(pair_heard(pair, 0, 1000), <, 0.01f);
        g_assert_cmpuint(STAT(pair, 0, packets_rejected), >=, rejected + 70);
        assert_remote(pair, 0, "127.0.0.77:21010");
        legs_end(pair);
    }
}

static char *held(char *sdp)
{
    return pair_replace(sdp, "a=sendrecv", "a=inactive");
}

/* One association for the whole call: re-INVITE, hold and resume do not shake hands again. */
static void test_dtls_goes_on(void)
{
    PairOptions options = {
        .dtls = true, .offer_dtls = true, .security = {MD_SECURITY_REQUIRED, MD_SECURITY_REQUIRED}};
    Pair *pair = legs_start(&options, NULL);
    pair_connect(pair);
    pair_run(pair, 1500);
    legs_assert_talking(pair, 0.25f);
    LegDtls *before[2] = {pair->side[0].leg->dtls[AUDIO], pair->side[1].leg->dtls[AUDIO]};
    g_assert_nonnull(before[0]);
    for (unsigned round = 0; round < 3; round++) {
        pair_reinvite(pair, round == 1 ? held : NULL);
        for (unsigned i = 0; i < 2; i++)
            g_assert_true(pair->side[i].leg->dtls[AUDIO] == before[i]);
        pair_run(pair, 1500);
        if (round != 1)
            legs_assert_talking(pair, 0.25f);
        else
            g_assert_cmpfloat(pair_heard(pair, 0, 1000), <, 0.01f);
    }
    for (unsigned i = 0; i < 2; i++)
        g_assert_cmpuint(STAT(pair, i, packets_rejected), ==, 0);
    legs_end(pair);
}

/* Keeps the last handshake datagram. */
static bool keep_handshake(Pair *pair, unsigned from, unsigned media, const uint8_t *data, size_t len)
{
    if (media == AUDIO && data[0] >= 20 && data[0] <= 63) {
        memcpy(legs_seen[from].last, data, len);
        legs_seen[from].last_len = len;
    }
    return false;
}

/* Calls end whenever they like: with datagrams on their way to control, keys on their way to the worker. */
static void test_stop_in_handshake(void)
{
    for (unsigned ms = 0; ms <= 120; ms += 20) {
        PairOptions options = {
            .dtls = true, .offer_dtls = true, .security = {MD_SECURITY_REQUIRED, MD_SECURITY_REQUIRED}};
        Pair *pair = legs_start(&options, keep_handshake);
        pair_reinvite(pair, NULL);
        pair_run(pair, ms);
        unsigned active = legs_seen[0].last_len ? 0 : 1;
        g_assert_cmpuint(legs_seen[active].last_len, >, 0);
        MdAddr from;
        md_addr_from_host(&from, "127.0.0.1", pair->side[active].port[AUDIO]);
        for (unsigned i = 0; i < 60; i++) {
            uint8_t copy[MD_UDP_PACKET_MAX];
            memcpy(copy, legs_seen[active].last, legs_seen[active].last_len);
            md_leg_receive(pair->side[!active].leg, AUDIO, false, &from, copy, legs_seen[active].last_len,
                           md_clock_now_us(&pair->clock.base));
        }
        /* more than 40 in a second are nobody's handshake */
        g_assert_cmpuint(STAT(pair, !active, packets_rejected), >=, 20);
        legs_end(pair);
    }
}

/* ---- sources ---- */

static void inject(Pair *pair, const char *from, const uint8_t *data, size_t len)
{
    MdAddr addr;
    uint8_t copy[MD_UDP_PACKET_MAX];
    memcpy(copy, data, len);
    g_assert_cmpint(md_addr_from_string(&addr, from), ==, 0);
    md_leg_receive(pair->side[0].leg, AUDIO, false, &addr, copy, len, md_clock_now_us(&pair->clock.base));
}

static void test_forged(void)
{
    PairOptions options = {.authenticated = true,
                           .peer_host = "127.0.0.1",
                           .security = {MD_SECURITY_REQUIRED, MD_SECURITY_REQUIRED}};
    Pair *pair = legs_start(&options, legs_keep);
    pair_connect(pair);
    pair_run(pair, 500);
    legs_keep_back = true;
    pair_run(pair, 20);
    legs_keep_back = false;
    uint64_t received = STAT(pair, 0, audio_packets_received), rejected = STAT(pair, 0, packets_rejected);
    g_assert_cmpuint(rejected, ==, 0);
    /* every byte of a good packet turned, from the right place */
    for (size_t at = 0; at < legs_seen[1].last_len; at++) {
        uint8_t bad[MD_UDP_PACKET_MAX];
        memcpy(bad, legs_seen[1].last, legs_seen[1].last_len);
        bad[at] ^= 0x40;
        inject(pair, "127.0.0.1:21010", bad, legs_seen[1].last_len);
    }
    g_assert_cmpuint(STAT(pair, 0, packets_rejected), >=,
                     legs_seen[1].last_len - 1); /* byte 3 may name a packet that was there */
    /* a copy from the right place is the network's doing; from elsewhere it is not */
    g_assert_cmpuint(STAT(pair, 0, audio_packets_received), ==, received);
    rejected = STAT(pair, 0, packets_rejected);
    for (unsigned i = 0; i < 3; i++)
        inject(pair, "127.0.0.1:21010", legs_seen[1].last, legs_seen[1].last_len);
    g_assert_cmpuint(STAT(pair, 0, audio_packets_received), ==, ++received);
    g_assert_cmpuint(STAT(pair, 0, packets_rejected), ==, rejected);
    inject(pair, "127.0.0.1:21010", legs_seen[0].last, 0);
    g_assert_cmpuint(STAT(pair, 0, packets_rejected), ==,
                     rejected + 1); /* an empty datagram is nothing we know */
    inject(pair, "127.0.0.1:4444", legs_seen[1].last, legs_seen[1].last_len);
    g_assert_cmpuint(STAT(pair, 0, packets_rejected), ==, rejected + 2);
    g_assert_cmpuint(STAT(pair, 0, audio_packets_received), ==, received);
    pair_run(pair, 1500);
    legs_assert_talking(pair, 0.25f);
    assert_remote(pair, 0, "127.0.0.1:21010");
    legs_end(pair);
}

/* Once heard from where it said, a plain stream cannot be taken over even from the host that signed in. */
static void test_described_is_final(void)
{
    PairOptions options = {.authenticated = true, .peer_host = "127.0.0.1"};
    Pair *pair = legs_start(&options, legs_keep);
    pair_connect(pair);
    pair_run(pair, 500);
    uint64_t received = STAT(pair, 0, audio_packets_received);
    for (unsigned i = 0; i < 5; i++)
        inject(pair, "127.0.0.1:4444", legs_seen[1].last, legs_seen[1].last_len);
    g_assert_cmpuint(STAT(pair, 0, packets_rejected), ==, 5);
    g_assert_cmpuint(STAT(pair, 0, audio_packets_received), ==, received);
    assert_remote(pair, 0, "127.0.0.1:21010");
    pair_run(pair, 1000);
    legs_assert_talking(pair, 0.25f);
    legs_end(pair);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/legs/sound/ptimes", test_ptimes);
    g_test_add_func("/legs/sound/loss", test_loss);
    g_test_add_func("/legs/sound/reports", test_reports);
    g_test_add_func("/legs/sound/own-rtcp-port", test_own_rtcp_port);
    g_test_add_func("/legs/change/off-and-on", test_off_and_on);
    g_test_add_func("/legs/change/address", test_address_change);
    g_test_add_func("/legs/change/dtls-goes-on", test_dtls_goes_on);
    g_test_add_func("/legs/change/stop-in-handshake", test_stop_in_handshake);
    g_test_add_func("/legs/source/forged", test_forged);
    g_test_add_func("/legs/source/described-is-final", test_described_is_final);
    return g_test_run();
}
