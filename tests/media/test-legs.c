/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two legs over a lossy network in memory, virtual time: every packet on the wire is looked at. */
#include <errno.h>
#include <string.h>

#include "mediad/rtp/h264.h"
#include "tests/unit/leg/pair.h"

/* What the tap saw of each side. */
typedef struct Seen {
    unsigned rtp[MD_LEG_MEDIA_MAX], markers, sr, rr, bye, pli, fir, nack;
    uint32_t octets[MD_LEG_MEDIA_MAX];
    uint32_t ssrc[MD_LEG_MEDIA_MAX];
    uint16_t seq[MD_LEG_MEDIA_MAX];
    uint32_t ts[MD_LEG_MEDIA_MAX], ts_step; /* ts_step: of sound */
    unsigned odd_steps, seq_gaps;
    uint8_t pt[MD_LEG_MEDIA_MAX];
    MdRtcpSenderInfo first_sr, last_sr; /* of sound */
    int64_t first_sr_us, last_sr_us;
    uint8_t last[MD_UDP_PACKET_MAX]; /* last packet of sound */
    size_t last_len;
} Seen;

static Seen seen[2];
static bool (*extra)(unsigned from, unsigned media, const uint8_t *data, size_t len);

static void see_rtp(Seen *s, unsigned media, const uint8_t *data, size_t len)
{
    MdRtpPacket packet;
    g_assert_cmpint(md_rtp_parse(data, len, &packet), ==, 0);
    if (media == AUDIO) {
        s->markers += packet.marker;
        memcpy(s->last, data, len);
        s->last_len = len;
        if (s->rtp[AUDIO] && s->ssrc[AUDIO] == packet.ssrc && s->pt[AUDIO] == packet.payload_type &&
            s->ts_step)
            s->odd_steps += packet.ts - s->ts[AUDIO] != s->ts_step;
    }
    if (s->rtp[media] && s->ssrc[media] == packet.ssrc)
        s->seq_gaps += (uint16_t)(s->seq[media] + 1) != packet.seq;
    s->rtp[media]++;
    s->octets[media] += (uint32_t)packet.payload_len;
    s->ssrc[media] = packet.ssrc;
    s->seq[media] = packet.seq;
    s->ts[media] = packet.ts;
    s->pt[media] = packet.payload_type;
}

static void see_rtcp(Pair *pair, Seen *s, unsigned media, const uint8_t *data, size_t len)
{
    MdRtcpReader reader;
    MdRtcpItem item;
    g_assert_cmpint(md_rtcp_reader_init(&reader, data, len), ==, 0);
    int rc;
    while ((rc = md_rtcp_reader_next(&reader, &item)) > 0) {
        s->rr += item.kind == MD_RTCP_KIND_RECEIVER;
        s->bye += item.kind == MD_RTCP_KIND_BYE;
        s->pli += item.kind == MD_RTCP_KIND_PLI;
        s->fir += item.kind == MD_RTCP_KIND_FIR;
        s->nack += item.kind == MD_RTCP_KIND_NACK;
        if (item.kind != MD_RTCP_KIND_SENDER || media != AUDIO)
            continue;
        s->last_sr = item.sender;
        s->last_sr_us = md_clock_now_us(&pair->clock.base);
        if (!s->sr++) {
            s->first_sr = item.sender;
            s->first_sr_us = s->last_sr_us;
        }
        if (item.sender.packets != s->rtp[AUDIO] || item.sender.octets != s->octets[AUDIO])
            g_error("a sender report of %u packets, %u octets after %u, %u", item.sender.packets,
                    item.sender.octets, s->rtp[AUDIO], s->octets[AUDIO]);
    }
    g_assert_cmpint(rc, ==, 0);
}

/* Plain sessions only: SRTP would have to be taken off first. */
static bool look(Pair *pair, unsigned from, unsigned media, const uint8_t *data, size_t len)
{
    if (extra && extra(from, media, data, len))
        return true;
    if (md_rtp_is_rtcp(data, len))
        see_rtcp(pair, &seen[from], media, data, len);
    else
        see_rtp(&seen[from], media, data, len);
    return false;
}

static bool keep_back; /* ... and lets it not through */

/* Keeps the last packet of sound, whatever is in it. */
static bool keep(Pair *pair, unsigned from, unsigned media, const uint8_t *data, size_t len)
{
    Seen *s = &seen[from];
    if (media == AUDIO && !md_rtp_is_rtcp(data, len)) {
        memcpy(s->last, data, len);
        s->last_len = len;
        s->ssrc[AUDIO] = md_get32(data + 8);
        return keep_back;
    }
    return false;
}

static int (*plain_send)(void *user, unsigned media, bool rtcp, const MdAddr *to, const uint8_t *data,
                         size_t len);

static Pair *start(const PairOptions *options,
                   bool (*tap)(Pair *, unsigned, unsigned, const uint8_t *, size_t))
{
    Pair *pair = g_new(Pair, 1);
    memset(seen, 0, sizeof seen);
    extra = NULL;
    pair_init(pair, options);
    pair->tap = tap;
    return pair;
}

static void end(Pair *pair)
{
    pair_clear(pair);
    g_free(pair);
}

static uint64_t stat_of(const Pair *pair, unsigned side, size_t offset)
{
    return md_stat_get((const MdStat *)((const char *)md_leg_stats(pair->side[side].leg) + offset));
}
#define STAT(pair, side, name) stat_of(pair, side, offsetof(MdLegStats, name))

static void assert_talking(Pair *pair, float least)
{
    g_assert_cmpfloat(pair_heard(pair, 0, 1000), >, least);
    g_assert_cmpfloat(pair_heard(pair, 1, 400), >, least);
}

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
            Pair *pair = start(&options, look);
            pair_reinvite(pair, edit_ptime);
            for (unsigned i = 0; i < 2; i++)
                seen[i].ts_step = md_audio_codec_clock_rate(codecs[c]) / 1000 * wanted_ptime;
            pair_run(pair, 2400);
            g_test_message("%s %u ms: %.3f %.3f", md_audio_codec_to_string(codecs[c]), wanted_ptime,
                           (double)pair_heard(pair, 0, 1000), (double)pair_heard(pair, 1, 400));
            assert_talking(pair, 0.3f);
            for (unsigned i = 0; i < 2; i++) {
                g_assert_cmpuint(seen[i].rtp[AUDIO], ==, 2400 / wanted_ptime);
                g_assert_cmpuint(seen[i].markers, ==, 1);
                g_assert_cmpuint(seen[i].odd_steps, ==, 0);
                g_assert_cmpuint(seen[i].seq_gaps, ==, 0);
                g_assert_cmpuint(STAT(pair, i, audio_packets_lost), ==, 0);
                g_assert_cmpuint(STAT(pair, i, audio_concealed_ticks), ==, 0);
                g_assert_cmpuint(STAT(pair, i, packets_rejected), ==, 0);
            }
            end(pair);
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
            Pair *pair = start(&options, NULL);
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
            end(pair);
        }
}

static void test_reports(void)
{
    PairOptions options = {0};
    Pair *pair = start(&options, look);
    pair_connect(pair);
    pair_run(pair, 20000);
    for (unsigned i = 0; i < 2; i++) {
        const Seen *s = &seen[i];
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
    end(pair);
    g_assert_cmpuint(seen[0].bye, ==, 1);
    g_assert_cmpuint(seen[1].bye, ==, 1);
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
        Pair *pair = start(&options, NULL);
        for (unsigned i = 0; i < 2; i++) {
            plain_send = pair->side[i].leg->transport.send;
            pair->side[i].leg->transport.send = count_ports;
        }
        rtcp_on_own_port = 0;
        pair_reinvite(pair, no_mux);
        pair_run(pair, 16000);
        assert_talking(pair, 0.25f);
        g_assert_cmpuint(rtcp_on_own_port, >=, 6);
        for (unsigned i = 0; i < 2; i++) {
            g_assert_cmpuint(STAT(pair, i, round_trip_us), >=, 18000);
            g_assert_cmpuint(STAT(pair, i, round_trip_us), <=, 35000);
            g_assert_cmpuint(STAT(pair, i, packets_rejected), ==, 0);
        }
        end(pair);
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
    Pair *pair = start(&options, keep);
    pair_connect(pair);
    pair_run(pair, 1000);
    assert_talking(pair, 0.25f);
    uint32_t before[2] = {seen[0].ssrc[AUDIO], seen[1].ssrc[AUDIO]};
    pair_reinvite(pair, audio_off);
    pair_run(pair, 1000);
    g_assert_cmpfloat(pair_heard(pair, 0, 1000), <, 0.01f);
    uint64_t sent = STAT(pair, 0, audio_packets_sent);
    pair_run(pair, 200);
    g_assert_cmpuint(STAT(pair, 0, audio_packets_sent), ==, sent);
    uint64_t rejected[2] = {STAT(pair, 0, packets_rejected), STAT(pair, 1, packets_rejected)};
    pair_reinvite(pair, NULL);
    pair_run(pair, 1500);
    assert_talking(pair, 0.25f);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmpuint(seen[i].ssrc[AUDIO], !=, before[i]);
        g_assert_cmpuint(STAT(pair, i, packets_rejected), ==, rejected[i]);
    }
    end(pair);
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
        Pair *pair = start(&options, NULL);
        pair_connect(pair);
        pair_run(pair, 1000);
        assert_remote(pair, 0, "127.0.0.1:21010");
        pair_reinvite(pair, moved);
        md_addr_from_string(&pair->side[1].from_override, "127.0.0.77:21010");
        pair_run(pair, 1500);
        assert_talking(pair, 0.25f);
        assert_remote(pair, 0, "127.0.0.77:21010");
        /* and from the old place nothing counts any more, key or not: the new one was heard */
        uint64_t rejected = STAT(pair, 0, packets_rejected);
        md_addr_from_string(&pair->side[1].from_override, "127.0.0.1:21010");
        pair_run(pair, 1500);
        g_assert_cmpfloat(pair_heard(pair, 0, 1000), <, 0.01f);
        g_assert_cmpuint(STAT(pair, 0, packets_rejected), >=, rejected + 70);
        assert_remote(pair, 0, "127.0.0.77:21010");
        end(pair);
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
    Pair *pair = start(&options, NULL);
    pair_connect(pair);
    pair_run(pair, 1500);
    assert_talking(pair, 0.25f);
    LegDtls *before[2] = {pair->side[0].leg->dtls[AUDIO], pair->side[1].leg->dtls[AUDIO]};
    g_assert_nonnull(before[0]);
    for (unsigned round = 0; round < 3; round++) {
        pair_reinvite(pair, round == 1 ? held : NULL);
        for (unsigned i = 0; i < 2; i++)
            g_assert_true(pair->side[i].leg->dtls[AUDIO] == before[i]);
        pair_run(pair, 1500);
        if (round != 1)
            assert_talking(pair, 0.25f);
        else
            g_assert_cmpfloat(pair_heard(pair, 0, 1000), <, 0.01f);
    }
    for (unsigned i = 0; i < 2; i++)
        g_assert_cmpuint(STAT(pair, i, packets_rejected), ==, 0);
    end(pair);
}

/* Keeps the last handshake datagram. */
static bool keep_handshake(Pair *pair, unsigned from, unsigned media, const uint8_t *data, size_t len)
{
    if (media == AUDIO && data[0] >= 20 && data[0] <= 63) {
        memcpy(seen[from].last, data, len);
        seen[from].last_len = len;
    }
    return false;
}

/* Calls end whenever they like: with datagrams on their way to control, keys on their way to the worker. */
static void test_stop_in_handshake(void)
{
    for (unsigned ms = 0; ms <= 120; ms += 20) {
        PairOptions options = {
            .dtls = true, .offer_dtls = true, .security = {MD_SECURITY_REQUIRED, MD_SECURITY_REQUIRED}};
        Pair *pair = start(&options, keep_handshake);
        pair_reinvite(pair, NULL);
        pair_run(pair, ms);
        unsigned active = seen[0].last_len ? 0 : 1;
        g_assert_cmpuint(seen[active].last_len, >, 0);
        MdAddr from;
        md_addr_from_host(&from, "127.0.0.1", pair->side[active].port[AUDIO]);
        for (unsigned i = 0; i < 60; i++) {
            uint8_t copy[MD_UDP_PACKET_MAX];
            memcpy(copy, seen[active].last, seen[active].last_len);
            md_leg_receive(pair->side[!active].leg, AUDIO, false, &from, copy, seen[active].last_len,
                           md_clock_now_us(&pair->clock.base));
        }
        /* more than 40 in a second are nobody's handshake */
        g_assert_cmpuint(STAT(pair, !active, packets_rejected), >=, 20);
        end(pair);
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
    Pair *pair = start(&options, keep);
    pair_connect(pair);
    pair_run(pair, 500);
    keep_back = true;
    pair_run(pair, 20);
    keep_back = false;
    uint64_t received = STAT(pair, 0, audio_packets_received), rejected = STAT(pair, 0, packets_rejected);
    g_assert_cmpuint(rejected, ==, 0);
    /* every byte of a good packet turned, from the right place */
    for (size_t at = 0; at < seen[1].last_len; at++) {
        uint8_t bad[MD_UDP_PACKET_MAX];
        memcpy(bad, seen[1].last, seen[1].last_len);
        bad[at] ^= 0x40;
        inject(pair, "127.0.0.1:21010", bad, seen[1].last_len);
    }
    g_assert_cmpuint(STAT(pair, 0, packets_rejected), >=,
                     seen[1].last_len - 1); /* byte 3 may name a packet that was there */
    /* a copy from the right place is the network's doing; from elsewhere it is not */
    g_assert_cmpuint(STAT(pair, 0, audio_packets_received), ==, received);
    rejected = STAT(pair, 0, packets_rejected);
    for (unsigned i = 0; i < 3; i++)
        inject(pair, "127.0.0.1:21010", seen[1].last, seen[1].last_len);
    g_assert_cmpuint(STAT(pair, 0, audio_packets_received), ==, ++received);
    g_assert_cmpuint(STAT(pair, 0, packets_rejected), ==, rejected);
    inject(pair, "127.0.0.1:21010", seen[0].last, 0);
    g_assert_cmpuint(STAT(pair, 0, packets_rejected), ==,
                     rejected + 1); /* an empty datagram is nothing we know */
    inject(pair, "127.0.0.1:4444", seen[1].last, seen[1].last_len);
    g_assert_cmpuint(STAT(pair, 0, packets_rejected), ==, rejected + 2);
    g_assert_cmpuint(STAT(pair, 0, audio_packets_received), ==, received);
    pair_run(pair, 1500);
    assert_talking(pair, 0.25f);
    assert_remote(pair, 0, "127.0.0.1:21010");
    end(pair);
}

/* Once heard from where it said, a plain stream cannot be taken over even from the host that signed in. */
static void test_described_is_final(void)
{
    PairOptions options = {.authenticated = true, .peer_host = "127.0.0.1"};
    Pair *pair = start(&options, keep);
    pair_connect(pair);
    pair_run(pair, 500);
    uint64_t received = STAT(pair, 0, audio_packets_received);
    for (unsigned i = 0; i < 5; i++)
        inject(pair, "127.0.0.1:4444", seen[1].last, seen[1].last_len);
    g_assert_cmpuint(STAT(pair, 0, packets_rejected), ==, 5);
    g_assert_cmpuint(STAT(pair, 0, audio_packets_received), ==, received);
    assert_remote(pair, 0, "127.0.0.1:21010");
    pair_run(pair, 1000);
    assert_talking(pair, 0.25f);
    end(pair);
}

/* ---- pictures ---- */

static void put_nal(MdFrame *frame, const uint8_t *head, size_t n, size_t len, unsigned salt)
{
    static const uint8_t start_code[4] = {0, 0, 0, 1};
    memcpy(frame->data + frame->len, start_code, 4);
    memcpy(frame->data + frame->len + 4, head, n);
    for (size_t i = n; i < len; i++)
        frame->data[frame->len + 4 + i] = (uint8_t)((i + salt) % 250 + 1);
    frame->len += 4 + len;
}

static MdFrame *make_h264(unsigned n, bool key, unsigned slices, size_t slice_len, int64_t now_us)
{
    static const uint8_t sps[] = {0x67, 0x42, 0xe0, 0x1f, 0x96, 0x54, 0x02, 0x80, 0x2d, 0xd8},
                         pps[] = {0x68, 0xce, 0x3c, 0x80};
    static const uint8_t idr[] = {0x65, 0x88, 0x84}, delta[] = {0x41, 0x9a, 0x24};
    MdFrame *frame = md_frame_new(MD_VIDEO_H264, 64 + slices * (slice_len + 4));
    frame->key = key;
    frame->time_us = now_us;
    if (key) {
        put_nal(frame, sps, sizeof sps, sizeof sps, 0);
        put_nal(frame, pps, sizeof pps, sizeof pps, 0);
    }
    for (unsigned i = 0; i < slices; i++)
        put_nal(frame, key ? idr : delta, 3, slice_len, n + i);
    return frame;
}

static MdFrame *make_vp8(unsigned n, bool key, size_t len, int64_t now_us)
{
    static const uint8_t head[] = {0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01};
    MdFrame *frame = md_frame_new(MD_VIDEO_VP8, len);
    frame->len = len;
    frame->key = key;
    frame->time_us = now_us;
    for (size_t i = 0; i < len; i++)
        frame->data[i] = (uint8_t)(i * 31 + n);
    memcpy(frame->data, head, sizeof head);
    frame->data[0] |= !key;
    return frame;
}

static void assert_same_nals(const MdFrame *got, const MdFrame *want)
{
    size_t g = 0, w = 0;
    MdNal a, b;
    g_assert_nonnull(got);
    while (md_h264_next_nal(want->data, want->len, &w, &b)) {
        g_assert_true(md_h264_next_nal(got->data, got->len, &g, &a));
        g_assert_cmpmem(a.data, a.len, b.data, b.len);
    }
    g_assert_false(md_h264_next_nal(got->data, got->len, &g, &a));
}

static int show(Pair *pair, MdFrame *frame)
{
    int rc = md_leg_send_video(pair->side[1].leg, frame, md_clock_now_us(&pair->clock.base));
    pair_run(pair, 60);
    return rc;
}

static const char *only_format;

static char *one_format(char *sdp)
{
    return pair_replace(sdp, " 97 98 99", only_format);
}

static void test_h264(void)
{
    static const struct {
        const char *format;
        uint8_t mode;
        unsigned slices;
        size_t slice_len;
    } cases[] = {{" 97", 1, 1, 20000}, {" 97", 1, 4, 3000}, {" 98", 0, 9, 1000}};
    for (unsigned c = 0; c < G_N_ELEMENTS(cases); c++)
        for (unsigned loss = 0; loss <= 8; loss += 8) {
            PairOptions options = {.video = true, .security = {MD_SECURITY_PREFERRED, MD_SECURITY_PREFERRED}};
            Pair *pair = start(&options, NULL);
            unsigned keys = 0;
            only_format = cases[c].format;
            pair_reinvite(pair, one_format);
            MdLegVideoFormat format;
            md_leg_video_format(pair->side[1].leg, &format);
            g_assert_true(format.sending && format.receiving);
            g_assert_cmpint(format.codec, ==, MD_VIDEO_H264);
            g_assert_cmpuint(format.h264_packetization_mode, ==, cases[c].mode);
            pair->loss_percent = loss;
            for (unsigned i = 0; i < 60; i++) {
                bool key = i == 0 || pair->side[1].key_requests != keys;
                keys = pair->side[1].key_requests;
                MdFrame *frame = make_h264(i, key, cases[c].slices, cases[c].slice_len / (key ? 1 : 4),
                                           md_clock_now_us(&pair->clock.base));
                g_assert_cmpint(show(pair, frame), ==, 0);
                if (loss == 0)
                    assert_same_nals(pair->side[0].last_picture, frame);
                md_frame_unref(frame);
            }
            if (loss == 0)
                g_assert_cmpuint(pair->side[0].pictures, ==, 60);
            g_assert_cmpuint(pair->side[0].pictures, >=, 45);
            g_assert_cmpuint(pair->side[0].damaged, ==, 0);
            if (loss)
                g_assert_cmpuint(STAT(pair, 1, video_packets_retransmitted), >, 5);
            end(pair);
        }
}

static char *with_parameter_sets(char *sdp)
{
    sdp = pair_replace(sdp, "packetization-mode=1;",
                       "packetization-mode=1;sprop-parameter-sets=Z0LgH5ZUAoAt2A==,aM48gA==,****,;");
    return pair_replace(sdp, " 97 98 99", " 97");
}

/* A device that says its parameter sets in the description only: key frames are whole all the same. */
static void test_parameter_sets(void)
{
    PairOptions options = {.video = true};
    Pair *pair = start(&options, look);
    pair_reinvite(pair, with_parameter_sets);
    for (unsigned i = 0; i < 3; i++) {
        int64_t now_us = md_clock_now_us(&pair->clock.base);
        MdFrame *whole = make_h264(i, true, 2, 2000, now_us), *bare = md_frame_new(MD_VIDEO_H264, whole->len);
        size_t head = 4 + 10 + 4 + 4; /* SPS and PPS with their start codes */
        bare->key = true;
        bare->time_us = now_us;
        bare->len = whole->len - head;
        memcpy(bare->data, whole->data + head, bare->len);
        g_assert_cmpint(show(pair, bare), ==, 0);
        g_assert_cmpuint(pair->side[0].pictures, ==, i + 1);
        g_assert_true(pair->side[0].last_picture->key);
        assert_same_nals(pair->side[0].last_picture, whole);
        md_frame_unref(bare);
        md_frame_unref(whole);
    }
    end(pair);
}

static bool lose_pictures, gone[65536]; /* gone: sequence numbers, and however often they are sent again */

static bool drop_pictures(unsigned from, unsigned media, const uint8_t *data, size_t len)
{
    if (from != 1 || media != VIDEO || md_rtp_is_rtcp(data, len))
        return false;
    gone[md_get16(data + 2)] |= lose_pictures;
    return gone[md_get16(data + 2)];
}

static char *only_fir(char *sdp)
{
    sdp = pair_replace(sdp, "a=rtcp-fb:* nack pli\r\n", "");
    sdp = pair_replace(sdp, "a=rtcp-fb:* nack\r\n", "");
    return pair_replace(sdp, " 97 98 99", " 99");
}

/* A picture lost for good: a key frame is asked for, by PLI or by FIR, and nothing is shown until it came. */
static void test_unrecoverable(void)
{
    for (unsigned fir = 0; fir < 2; fir++) {
        PairOptions options = {.video = true};
        Pair *pair = start(&options, look);
        extra = drop_pictures;
        memset(gone, 0, sizeof gone);
        only_format = " 99";
        pair_reinvite(pair, fir ? only_fir : one_format);
        MdFrame *frame = make_vp8(0, true, 9000, md_clock_now_us(&pair->clock.base));
        g_assert_cmpint(show(pair, frame), ==, 0);
        md_frame_unref(frame);
        unsigned keys = pair->side[1].key_requests, pictures = pair->side[0].pictures, asked = 0;
        g_assert_cmpuint(pictures, ==, 1);
        for (unsigned i = 1; i < 25; i++) {
            lose_pictures = i < 3;
            frame = make_vp8(i, false, 3000, md_clock_now_us(&pair->clock.base));
            g_assert_cmpint(show(pair, frame), ==, 0);
            md_frame_unref(frame);
            if (!asked && pair->side[1].key_requests != keys)
                asked = i;
        }
        lose_pictures = false;
        g_assert_cmpuint(asked, >, 0);
        g_assert_cmpuint(asked, <=, 12);
        unsigned shown = pair->side[0].pictures;
        frame = make_vp8(99, true, 9000, md_clock_now_us(&pair->clock.base));
        g_assert_cmpint(show(pair, frame), ==, 0);
        pair_run(pair, 60);
        g_assert_cmpuint(pair->side[0].pictures, ==, shown + 1);
        g_assert_cmpmem(pair->side[0].last_picture->data, pair->side[0].last_picture->len, frame->data,
                        frame->len);
        md_frame_unref(frame);
        g_assert_cmpuint(pair->side[0].damaged, ==, 0);
        g_assert_cmpuint(fir ? seen[0].fir : seen[0].pli, >=, 1);
        g_assert_cmpuint(fir ? seen[0].pli : seen[0].fir, ==, 0);
        g_assert_cmpuint(fir ? seen[0].nack : 0, ==, 0);
        end(pair);
    }
}

/* Codec change while a picture is on its way: nothing of the old one goes out under the new number, not even
 * on request. */
static void test_video_codec_change(void)
{
    PairOptions options = {.video = true};
    Pair *pair = start(&options, look);
    only_format = " 99";
    pair_reinvite(pair, one_format);
    MdFrame *frame = make_vp8(0, true, 60000, md_clock_now_us(&pair->clock.base));
    g_assert_cmpint(md_leg_send_video(pair->side[1].leg, frame, md_clock_now_us(&pair->clock.base)), ==, 0);
    unsigned sent = seen[1].rtp[VIDEO];
    g_assert_cmpuint(sent, >, 0);
    g_assert_cmpuint(sent, <, 50); /* most of it is still waiting for its turn */
    only_format = " 97";
    pair_reinvite(pair, one_format);
    pair_run(pair, 200);
    g_assert_cmpuint(seen[1].rtp[VIDEO], ==, sent);
    g_assert_cmpint(md_leg_send_video(pair->side[1].leg, frame, md_clock_now_us(&pair->clock.base)), ==,
                    -EINVAL);
    md_frame_unref(frame);
    uint8_t buf[200];
    MdRtcpWriter writer;
    MdAddr from;
    md_addr_from_string(&from, "127.0.0.1:21002");
    md_rtcp_writer_init(&writer, buf, sizeof buf);
    md_rtcp_write_rr(&writer, 99, NULL, 0);
    md_rtcp_write_nack(&writer, 99, seen[1].ssrc[VIDEO], &seen[1].seq[VIDEO], 1);
    md_leg_receive(pair->side[1].leg, VIDEO, false, &from, buf, writer.len,
                   md_clock_now_us(&pair->clock.base));
    g_assert_cmpuint(seen[1].rtp[VIDEO], ==, sent);
    MdFrame *h264 = make_h264(1, true, 2, 2000, md_clock_now_us(&pair->clock.base));
    g_assert_cmpint(show(pair, h264), ==, 0);
    assert_same_nals(pair->side[0].last_picture, h264);
    g_assert_cmpint(pair->side[0].last_picture->codec, ==, MD_VIDEO_H264);
    g_assert_cmpuint(seen[1].pt[VIDEO], ==, 97);
    /* the same request for a packet of the present codec is served */
    sent = seen[1].rtp[VIDEO];
    md_rtcp_writer_init(&writer, buf, sizeof buf);
    md_rtcp_write_rr(&writer, 99, NULL, 0);
    md_rtcp_write_nack(&writer, 99, seen[1].ssrc[VIDEO], &seen[1].seq[VIDEO], 1);
    md_leg_receive(pair->side[1].leg, VIDEO, false, &from, buf, writer.len,
                   md_clock_now_us(&pair->clock.base));
    g_assert_cmpuint(seen[1].rtp[VIDEO], ==, sent + 1);
    md_frame_unref(h264);
    end(pair);
}

static char *held_format(char *sdp)
{
    return held(one_format(sdp));
}

static void report_loss(Pair *pair, uint8_t fraction)
{
    uint8_t buf[200];
    MdRtcpWriter writer;
    MdAddr from;
    MdRtcpReport report = {.ssrc = pair->side[1].leg->media[VIDEO].sender.ssrc, .fraction_lost = fraction};
    md_addr_from_string(&from, "127.0.0.1:21002");
    md_rtcp_writer_init(&writer, buf, sizeof buf);
    md_rtcp_write_rr(&writer, 99, &report, 1);
    md_leg_receive(pair->side[1].leg, VIDEO, false, &from, buf, writer.len,
                   md_clock_now_us(&pair->clock.base));
}

static uint32_t allowed_bps(const Pair *pair)
{
    MdLegVideoFormat format;
    md_leg_video_format(pair->side[1].leg, &format);
    return format.max.bitrate_bps;
}

/* Heavy loss takes bits away down to a floor, clean reports give them back up to what was agreed; a little
 * loss does neither. */
static void test_congestion(void)
{
    PairOptions options = {.video = true};
    Pair *pair = start(&options, look);
    only_format = " 99";
    pair_reinvite(pair, one_format);
    uint32_t agreed = allowed_bps(pair), before = agreed;
    report_loss(pair, 12);
    g_assert_cmpuint(allowed_bps(pair), ==, agreed);
    for (unsigned i = 0; i < 40; i++) {
        report_loss(pair, 80);
        g_assert_cmpuint(allowed_bps(pair), <=, before);
        before = allowed_bps(pair);
    }
    g_assert_cmpuint(before, ==, 100000);
    for (unsigned i = 0; i < 80; i++) {
        report_loss(pair, 0);
        g_assert_cmpuint(allowed_bps(pair), >=, before);
        before = allowed_bps(pair);
    }
    g_assert_cmpuint(before, ==, agreed);
    g_assert_cmpuint(STAT(pair, 1, remote_video_loss_permille), ==, 0);
    end(pair);
}

/* A burst of pictures faster than their pace: order is kept, nothing is lost. */
static void test_pace(void)
{
    PairOptions options = {.video = true};
    Pair *pair = start(&options, look);
    only_format = " 99";
    pair_reinvite(pair, one_format);
    for (unsigned i = 0; i < 20; i++) {
        int64_t now_us = md_clock_now_us(&pair->clock.base);
        unsigned before = seen[1].rtp[VIDEO];
        MdFrame *frame = make_vp8(i, i == 0, 40000, now_us);
        g_assert_cmpint(md_leg_send_video(pair->side[1].leg, frame, now_us), ==, 0);
        if (i < 8) /* later the queue is full, and the oldest picture goes out at once */
            g_assert_cmpuint(seen[1].rtp[VIDEO] - before, <=, 8);
        md_frame_unref(frame);
        if (i % 4 == 3)
            pair_run(pair, 20);
    }
    pair_run(pair, 1000);
    g_assert_cmpuint(seen[1].seq_gaps, ==, 0);
    g_assert_cmpuint(pair->side[0].pictures, ==, 20);
    g_assert_cmpuint(pair->side[0].damaged, ==, 0);
    g_assert_cmpuint(STAT(pair, 0, video_nacks_sent), ==, 0);
    end(pair);
}

/* A seat changes over to an output whose pictures are a little older: timestamps only go forward. */
static void test_video_timestamps(void)
{
    static const int steps_us[] = {66666, -7000, 0, 66666, -66666, 66666, 200000};
    PairOptions options = {.video = true};
    Pair *pair = start(&options, look);
    only_format = " 99";
    pair_reinvite(pair, one_format);
    int64_t begun_us = md_clock_now_us(&pair->clock.base), time_us = begun_us;
    uint32_t first = 0, before = 0;
    for (unsigned i = 0; i <= G_N_ELEMENTS(steps_us); i++) {
        MdFrame *frame = make_vp8(i, i == 0, 500, time_us);
        g_assert_cmpint(show(pair, frame), ==, 0);
        md_frame_unref(frame);
        uint32_t ts = seen[1].ts[VIDEO];
        if (i == 0)
            first = ts;
        else
            g_assert_cmpint((int32_t)(ts - before), >, 0);
        before = ts;
        time_us += i < G_N_ELEMENTS(steps_us) ? steps_us[i] : 0;
    }
    /* and no drift is left behind */
    g_assert_cmpint((int)(before - first), ==, (int)((time_us - begun_us) * 9 / 100));
    end(pair);
}

/* Hold ends with a key frame, asked for by us and by the room of the other side. */
static void test_video_hold(void)
{
    PairOptions options = {.video = true};
    Pair *pair = start(&options, look);
    only_format = " 99";
    pair_reinvite(pair, one_format);
    MdFrame *frame = make_vp8(0, true, 9000, md_clock_now_us(&pair->clock.base));
    g_assert_cmpint(show(pair, frame), ==, 0);
    pair_reinvite(pair, held_format);
    MdLegVideoFormat format;
    md_leg_video_format(pair->side[1].leg, &format);
    g_assert_false(format.sending || format.receiving);
    g_assert_cmpint(md_leg_send_video(pair->side[1].leg, frame, md_clock_now_us(&pair->clock.base)), ==,
                    -ENOTCONN);
    md_frame_unref(frame);
    uint32_t ssrc = seen[1].ssrc[VIDEO];
    pair_run(pair, 5000);
    unsigned keys = pair->side[1].key_requests, pictures = pair->side[0].pictures;
    pair_reinvite(pair, one_format);
    pair_run(pair, 100);
    g_assert_cmpuint(pair->side[1].key_requests, >, keys);
    /* an old picture's remainder must not open the gate */
    frame = make_vp8(1, false, 3000, md_clock_now_us(&pair->clock.base));
    g_assert_cmpint(show(pair, frame), ==, 0);
    md_frame_unref(frame);
    g_assert_cmpuint(pair->side[0].pictures, ==, pictures);
    frame = make_vp8(2, true, 9000, md_clock_now_us(&pair->clock.base));
    g_assert_cmpint(show(pair, frame), ==, 0);
    md_frame_unref(frame);
    g_assert_cmpuint(pair->side[0].pictures, ==, pictures + 1);
    g_assert_cmpuint(seen[0].nack, ==, 0);
    g_assert_cmpuint(STAT(pair, 0, video_packets_lost), ==, 0);
    g_assert_cmpuint(seen[1].ssrc[VIDEO], ==, ssrc); /* a plain stream goes on as the one it was */
    end(pair);
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
    g_test_add_func("/legs/video/h264", test_h264);
    g_test_add_func("/legs/video/parameter-sets", test_parameter_sets);
    g_test_add_func("/legs/video/unrecoverable", test_unrecoverable);
    g_test_add_func("/legs/video/codec-change", test_video_codec_change);
    g_test_add_func("/legs/video/congestion", test_congestion);
    g_test_add_func("/legs/video/pace", test_pace);
    g_test_add_func("/legs/video/timestamps", test_video_timestamps);
    g_test_add_func("/legs/video/hold", test_video_hold);
    return g_test_run();
}
