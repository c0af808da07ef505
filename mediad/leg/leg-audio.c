/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sound of one leg, on its worker: packets -> jitter buffer -> decoder -> 20 ms ticks, and encoded ticks ->
 * packets. */
#include <errno.h>
#include <string.h>

#include "mediad/audio/level.h"
#include "mediad/leg/leg-private.h"

#define TICK MD_AUDIO_TICK_SAMPLES
#define QUIET_DBOV -50.0f /* below, a change of delay is not heard */
#define SILENT_DBOV -127.0f
#define OPUS_DTX_TICKS                                                                                       \
    60 /* libopus renews its comfort noise every 400 ms; after three missed, nothing is left of it */

/* Loss the peer reports, of 1000: from where each packet brings one frame more, two, and below which for how long none. */
#define RED_ONCE_PERMILLE 30
#define RED_TWICE_PERMILLE 120
#define RED_CLEAN_PERMILLE 10
#define RED_CLEAN_US 12000000

static uint32_t tick_units(const MdAgreedMedia *agreed)
{
    return md_audio_codec_clock_rate((MdAudioCodec)agreed->codec) / (1000 / MD_AUDIO_TICK_MS);
}

bool leg_audio_init(MdLeg *leg, const MdLegConfig *config)
{
    LegAudio *a = &leg->audio;
    a->codec = -1;
    a->noise_dbov = SILENT_DBOV;
    md_comfort_noise_init(&a->noise, leg->random);
    md_dtmf_receiver_init(&a->dtmf, 8000);
    for (unsigned i = 0; i < config->n_audio_codecs; i++) {
        MdAudioCodec codec = config->audio_codecs[i];
        if (codec < 0 || codec >= MD_AUDIO_CODEC_MAX || a->decoders[codec])
            continue;
        a->decoders[codec] = md_audio_decoder_new(codec);
        if (!a->decoders[codec])
            return false;
    }
    MdJitterOptions options = {
        .clock_rate = 48000, .min_ms = config->jitter_min_ms, .max_ms = config->jitter_max_ms};
    a->jitter = md_jitter_new(&options);
    return a->jitter != NULL;
}

void leg_audio_clear(MdLeg *leg)
{
    for (unsigned i = 0; i < MD_AUDIO_CODEC_MAX; i++)
        md_audio_decoder_free(leg->audio.decoders[i]);
    md_jitter_free(leg->audio.jitter);
}

void leg_audio_forget(MdLeg *leg)
{
    LegAudio *a = &leg->audio;
    md_jitter_reset(a->jitter);
    if (a->codec >= 0)
        md_audio_decoder_reset(a->decoders[a->codec]);
    a->fifo_len = a->silent_ticks = 0;
    a->fifo_voiced = a->alive = false;
}

void leg_audio_agreed(MdLeg *leg, const MdAgreedMedia *before)
{
    LegMedia *m = &leg->media[AUDIO];
    LegAudio *a = &leg->audio;
    const MdAgreedMedia *now = &m->agreed;
    if (!now->active)
        return;
    m->sender.payload_type = now->send_pt;
    uint32_t rate = md_audio_codec_clock_rate((MdAudioCodec)now->codec);
    if (m->sender.clock_rate != rate) {
        /* Another clock under one SSRC would make the peer's reports and buffers nonsense (RFC 7160): a new
         * source. */
        leg_new_source(m, rate);
        a->sent_before = false;
    }
    if (!before->active || before->codec != now->codec || before->ptime_ms != now->ptime_ms) {
        a->gather_len = a->gathered = 0;
        a->talking = false;
        md_red_sender_reset(&a->red);
    }
    if (before->active && (before->direction & MD_SDP_RECV) && !(now->direction & MD_SDP_RECV))
        leg_audio_forget(leg); /* what is left of before the hold would be heard after it */
    if (!before->active || before->dtmf_clock_rate != now->dtmf_clock_rate)
        md_dtmf_receiver_init(&a->dtmf, now->dtmf_clock_rate ? now->dtmf_clock_rate : 8000);
}

/* ---- in ---- */

static int codec_of(const MdAgreedMedia *agreed, uint8_t pt)
{
    for (unsigned i = 0; i < agreed->n_receive; i++)
        if (agreed->receive[i].pt == pt)
            return agreed->receive[i].codec;
    return -1;
}

static void report_dtmf(MdLeg *leg, const MdDtmfEvent *event)
{
    if (leg->sink && leg->sink->on_dtmf)
        leg->sink->on_dtmf(leg, event->digit, event->duration_ms, leg->user);
}

static void receive_dtmf(MdLeg *leg, const MdRtpPacket *packet, int64_t now_us)
{
    MdDtmfEvent events[MD_DTMF_EVENTS_MAX];
    int n = md_dtmf_receive(&leg->audio.dtmf, packet, now_us, events);
    if (n < 0)
        leg_reject(leg);
    for (int i = 0; i < n; i++)
        report_dtmf(leg, &events[i]);
    md_jitter_put_silent(leg->audio.jitter, packet);
}

static void set_codec(MdLeg *leg, int codec)
{
    LegAudio *a = &leg->audio;
    uint32_t rate = md_audio_codec_clock_rate((MdAudioCodec)codec);
    a->codec = codec;
    md_jitter_set_clock_rate(a->jitter, rate);
    md_audio_decoder_reset(a->decoders[codec]);
    leg->media[AUDIO].stream.clock_rate = rate;
}

static void take_sound(MdLeg *leg, const MdRtpPacket *packet, int64_t now_us)
{
    LegAudio *a = &leg->audio;
    int codec = codec_of(&leg->media[AUDIO].agreed, packet->payload_type);
    if (codec < 0 || !a->decoders[codec]) {
        leg_reject(leg);
        return;
    }
    if (codec != a->codec)
        set_codec(leg, codec);
    int duration = md_audio_payload_duration((MdAudioCodec)codec, packet->payload, packet->payload_len);
    if (duration <= 0) {
        leg_reject(leg);
        return;
    }
    if (md_jitter_put(a->jitter, packet, (uint32_t)duration, now_us) == -EMSGSIZE)
        leg_reject(leg);
    a->alive = true;
}

/* Copies take the place of what was lost: that they come later than the first would have is jitter, and the buffer allows for it. */
static void take_redundant(MdLeg *leg, const MdRtpPacket *packet, int64_t now_us)
{
    LegAudio *a = &leg->audio;
    MdRedBlock blocks[MD_RED_BLOCKS_MAX];
    int n = md_red_parse(packet->payload, packet->payload_len, blocks);
    if (n < 0) {
        leg_reject(leg);
        return;
    }
    for (int i = 0; i < n; i++) {
        MdRtpPacket one = *packet;
        one.seq = (uint16_t)(packet->seq - (n - 1 - i));
        one.ts = packet->ts - blocks[i].ts_back;
        one.payload = blocks[i].data;
        one.payload_len = blocks[i].len;
        one.payload_type = blocks[i].payload_type;
        bool copy = i < n - 1;
        if (copy && (one.payload_len == 0 || codec_of(&leg->media[AUDIO].agreed, one.payload_type) != a->codec ||
                     !md_jitter_misses(a->jitter, one.seq)))
            continue;
        one.marker = packet->marker && !copy;
        if (copy)
            md_stat_add(&leg->stats.audio_red_packets, 1);
        take_sound(leg, &one, now_us);
    }
}

void leg_audio_receive(MdLeg *leg, const MdRtpPacket *packet, MdStreamVerdict verdict, int64_t now_us)
{
    LegAudio *a = &leg->audio;
    LegMedia *m = &leg->media[AUDIO];
    md_stat_add(&leg->stats.audio_packets_received, 1);
    md_stat_add(&leg->stats.audio_bytes_received, packet->payload_len);
    md_stat_set(&leg->stats.audio_jitter_us, (uint64_t)md_stream_jitter_us(&m->stream));
    if (verdict == MD_STREAM_RESTART && a->codec >= 0) {
        md_jitter_reset(a->jitter);
        md_audio_decoder_reset(a->decoders[a->codec]);
    }
    if (packet->payload_type == m->agreed.dtmf_receive_pt) {
        receive_dtmf(leg, packet, now_us);
        return;
    }
    if (packet->payload_type == m->agreed.cn_receive_pt) {
        uint8_t level;
        if (md_cn_parse(packet->payload, packet->payload_len, &level) == 0)
            a->noise_dbov = -(float)level;
        md_jitter_put_silent(a->jitter, packet);
        return;
    }
    if (packet->payload_type == m->agreed.red_pt)
        take_redundant(leg, packet, now_us);
    else
        take_sound(leg, packet, now_us);
}

/* Appends n samples of sound; what the decoder did not give is silence. */
static void append(LegAudio *a, unsigned have, unsigned wanted)
{
    if (have < wanted)
        memset(a->fifo + a->fifo_len + have, 0, (wanted - have) * sizeof *a->fifo);
    a->fifo_len += wanted;
}

static unsigned give_silence(LegAudio *a, unsigned samples)
{
    float *at = a->fifo + a->fifo_len;
    if (a->codec == MD_AUDIO_OPUS &&
        a->silent_ticks < OPUS_DTX_TICKS) { /* libopus knows the sender's room noise */
        int n = md_audio_decoder_conceal(a->decoders[a->codec], at, samples);
        if (n > 0)
            return (unsigned)n;
    }
    memset(at, 0, samples * sizeof *at);
    if (a->noise_dbov > SILENT_DBOV)
        md_comfort_noise_add(&a->noise, at, samples, a->noise_dbov);
    return samples;
}

/* One step of the jitter buffer into the FIFO. Returns true when it was the sender's own sound. */
static bool fill(LegAudio *a, int64_t now_us)
{
    MdJitterOut out;
    md_jitter_pull(a->jitter, now_us, a->quiet, &out);
    uint32_t rate = md_audio_codec_clock_rate((MdAudioCodec)a->codec);
    unsigned samples = (unsigned)((uint64_t)out.duration * MD_AUDIO_RATE / rate);
    unsigned wanted = (unsigned)((uint64_t)(out.duration - out.trim) * MD_AUDIO_RATE / rate);
    unsigned cap = LEG_FIFO_SAMPLES - a->fifo_len;
    float *at = a->fifo + a->fifo_len;
    MdAudioDecoder *decoder = a->decoders[a->codec];
    bool voiced = out.action == MD_JITTER_PACKET || out.action == MD_JITTER_FEC;
    int n = 0;
    if (samples > cap) /* cannot be: the FIFO holds the longest packet and a tick; drop rather than overrun */
        samples = wanted = cap;
    switch (out.action) {
    case MD_JITTER_PACKET:
        n = md_audio_decoder_decode(decoder, out.payload, out.len, at, cap);
        break;
    case MD_JITTER_FEC:
        voiced = md_audio_packet_has_fec((MdAudioCodec)a->codec, out.payload, out.len);
        a->fec_ticks += voiced ? (samples + TICK - 1) / TICK : 0;
        n = md_audio_decoder_decode_fec(decoder, out.payload, out.len, at, samples);
        break;
    case MD_JITTER_CONCEAL:
        n = md_audio_decoder_conceal(decoder, at, samples);
        break;
    case MD_JITTER_SILENCE:
        n = (int)give_silence(a, samples);
        break;
    }
    a->silent_ticks = out.action == MD_JITTER_SILENCE ? a->silent_ticks + 1 : 0;
    append(a, n > 0 ? (unsigned)n : 0, wanted);
    return voiced;
}

static void count(MdLeg *leg)
{
    MdJitterStats stats;
    md_jitter_stats(leg->audio.jitter, &stats);
    md_stat_set(&leg->stats.audio_packets_lost, stats.lost);
    md_stat_set(&leg->stats.audio_packets_late, stats.late);
    md_stat_set(&leg->stats.audio_concealed_ticks, stats.concealed_ticks);
    md_stat_set(&leg->stats.audio_fec_ticks, leg->audio.fec_ticks);
    md_stat_set(&leg->stats.audio_delay_us, stats.delay_us > 0 ? (uint64_t)stats.delay_us : 0);
}

void md_leg_pull_audio(MdLeg *leg, int64_t now_us, float pcm[TICK], MdLegAudio *ret)
{
    LegAudio *a = &leg->audio;
    MdDtmfEvent event;
    if (md_dtmf_poll(&a->dtmf, now_us, &event))
        report_dtmf(leg, &event);
    const MdAgreedMedia *agreed = &leg->media[AUDIO].agreed;
    if (!a->alive || a->codec < 0 || !agreed->active || !(agreed->direction & MD_SDP_RECV)) {
        memset(pcm, 0, TICK * sizeof *pcm);
        *ret = (MdLegAudio){false, SILENT_DBOV};
        md_stat_set(&leg->stats.audio_level_cbov, 12700);
        return;
    }
    bool voiced = false;
    while (a->fifo_len < TICK)
        voiced |= fill(a, now_us);
    memcpy(pcm, a->fifo, TICK * sizeof *pcm);
    a->fifo_len -= TICK;
    memmove(a->fifo, a->fifo + TICK, a->fifo_len * sizeof *a->fifo);
    voiced |= a->fifo_voiced; /* the rest of a long packet */
    a->fifo_voiced = voiced && a->fifo_len > 0;
    float level = md_level_dbov(pcm, TICK);
    a->quiet = level < QUIET_DBOV;
    *ret = (MdLegAudio){voiced, level};
    md_stat_set(&leg->stats.audio_level_cbov, (uint64_t)(level < 0 ? -level * 100 : 0));
    count(leg);
}

/* ---- out ---- */

void md_leg_audio_format(const MdLeg *leg, MdLegAudioFormat *ret)
{
    const MdAgreedMedia *agreed = &leg->media[AUDIO].agreed;
    *ret =
        (MdLegAudioFormat){.sending = leg_can_send(&leg->media[AUDIO]), .codec = (MdAudioCodec)agreed->codec};
    ret->opus_fec = agreed->opus_fec;
    ret->opus_bitrate_bps = agreed->opus_bitrate_bps;
    ret->ptime_ms = agreed->ptime_ms ? agreed->ptime_ms : MD_AUDIO_TICK_MS;
}

void leg_audio_loss(MdLeg *leg, unsigned permille, int64_t now_us)
{
    LegAudio *a = &leg->audio;
    if (permille >= RED_TWICE_PERMILLE)
        a->red_copies = 2;
    else if (permille >= RED_ONCE_PERMILLE && a->red_copies == 0)
        a->red_copies = 1;
    if (permille > RED_CLEAN_PERMILLE)
        a->red_clean_us = 0;
    else if (a->red_clean_us == 0)
        a->red_clean_us = now_us;
    else if (now_us - a->red_clean_us >= RED_CLEAN_US)
        a->red_copies = 0;
}

static int send_packet(MdLeg *leg, const uint8_t *payload, size_t len, uint32_t media_ts, int64_t now_us)
{
    LegMedia *m = &leg->media[AUDIO];
    LegAudio *a = &leg->audio;
    uint8_t buf[MD_RTP_HEADER_LEN + LEG_NUMBER_LEN + MD_AUDIO_PAYLOAD_MAX + MD_SRTP_OVERHEAD_MAX];
    if (len > MD_AUDIO_PAYLOAD_MAX)
        return -EMSGSIZE;
    size_t whole = len, header = MD_RTP_HEADER_LEN;
    bool red = m->agreed.red_pt != MD_PT_NONE && a->red_copies > 0;
    if (red)
        whole = md_red_write(&a->red, m->agreed.send_pt, media_ts, payload, len, a->red_copies, buf + header, MD_AUDIO_PAYLOAD_MAX);
    red = red && whole > 0;
    if (!red) {
        whole = len;
        memcpy(buf + header, payload, len);
    }
    m->sender.payload_type = red ? m->agreed.red_pt : m->agreed.send_pt;
    md_sender_write_header(&m->sender, buf, !a->talking, media_ts, whole, now_us);
    if (m->agreed.red_pt != MD_PT_NONE)
        md_red_sender_add(&a->red, media_ts, payload, len);
    a->talking = true;
    md_stat_add(&leg->stats.audio_red_packets_sent, red);
    md_stat_add(&leg->stats.audio_packets_sent, 1);
    md_stat_add(&leg->stats.audio_bytes_sent, whole);
    return leg_send_rtp(leg, AUDIO, buf, header + whole, sizeof buf);
}

/* G.7xx ticks are simply joined up to the peer's packet time. */
static int gather(MdLeg *leg, const uint8_t *payload, size_t len, uint32_t ticks, int64_t now_us)
{
    LegAudio *a = &leg->audio;
    /* a tick was skipped in between: what came before it does not join up */
    bool gap =
        a->gathered && a->media_ts != a->gather_ts + a->gathered * tick_units(&leg->media[AUDIO].agreed);
    if (gap || a->gather_len + len > sizeof a->gather)
        a->gather_len = a->gathered = 0;
    if (a->gathered == 0)
        a->gather_ts = a->media_ts;
    memcpy(a->gather + a->gather_len, payload, len);
    a->gather_len += len;
    if (++a->gathered < ticks)
        return 0;
    size_t whole = a->gather_len;
    a->gather_len = a->gathered = 0;
    return send_packet(leg, a->gather, whole, a->gather_ts, now_us);
}

int md_leg_send_audio(MdLeg *leg, const uint8_t *payload, size_t len, int64_t now_us)
{
    LegMedia *m = &leg->media[AUDIO];
    LegAudio *a = &leg->audio;
    if (!leg_can_send(m)) {
        a->talking = false;
        a->gather_len = a->gathered = 0;
        return -ENOTCONN;
    }
    if (!a->sent_before) {
        a->base_us = now_us;
        a->sent_before = true;
    }
    /* Timestamps follow the clock, whatever was skipped (DTX, hold, late ticks). */
    uint32_t unit = tick_units(&m->agreed),
             ticks = m->agreed.ptime_ms > MD_AUDIO_TICK_MS ? m->agreed.ptime_ms / MD_AUDIO_TICK_MS : 1;
    a->media_ts = (uint32_t)((now_us - a->base_us + MD_AUDIO_TICK_US / 2) / MD_AUDIO_TICK_US) * unit;
    if (m->agreed.codec == MD_AUDIO_OPUS) {
        if (len == 0) {
            a->empty_ticks++;
            if (a->empty_ticks >= ticks)
                a->talking = false;
            return 0;
        }
        a->empty_ticks = 0;
        return send_packet(leg, payload, len, a->media_ts - (ticks - 1) * unit, now_us);
    }
    if (len == 0) {
        a->talking = false;
        a->gather_len = a->gathered = 0;
        return 0;
    }
    return ticks > 1 ? gather(leg, payload, len, ticks, now_us)
                     : send_packet(leg, payload, len, a->media_ts, now_us);
}
