/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pair.h"

#include <string.h>

#define TONE_AMPLITUDE 0.4f

#define NARROW_QUEUE_US 1500000

/* A place on the way that lets only so much through, and forgets what it cannot hold: far below 0 then. */
static int64_t wait_in_queue(Pair *pair, size_t len)
{
    int64_t now_us = md_clock_now_us(&pair->clock.base);
    int64_t free_us = MAX(pair->narrow_free_us, now_us);
    pair->queue_us = free_us - now_us;
    if (pair->queue_us > NARROW_QUEUE_US)
        return INT64_MIN / 2;
    pair->narrow_free_us = free_us + (int64_t)len * 8000000 / pair->narrow_bps;
    return pair->narrow_free_us - now_us;
}

static gint by_due(gconstpointer a, gconstpointer b, gpointer user)
{
    const PairPacket *one = a, *other = b;
    return one->due_us > other->due_us ? 1 : -1; /* the new one behind its equals */
}

static int pair_send(void *user, unsigned media, bool rtcp, const MdAddr *to, const uint8_t *data, size_t len)
{
    PairSide *side = user;
    Pair *pair = side->pair;
    PairSide *other = &pair->side[!side->index];
    uint16_t want = (uint16_t)(other->port[media] + (rtcp ? 1 : 0));
    g_assert_cmpuint(len, <=, MD_UDP_PACKET_MAX);
    if (rtcp || md_rtp_is_rtcp(data, len))
        side->sent_rtcp++;
    else
        side->sent_rtp++;
    if (!side->from_override.len && !pair->browser)
        g_assert_true(md_addr_port(to) == want || other->from_override.len);
    if (pair->tap && pair->tap(pair, side->index, media, data, len))
        return 0;
    pair->seed = pair->seed * 1664525u + 1013904223u;
    if ((pair->seed >> 8) % 100 < pair->loss_percent)
        return 0;
    int64_t due_us = md_clock_now_us(&pair->clock.base) + 10000;
    if (side->index == 1 && pair->narrow_bps && (due_us += wait_in_queue(pair, len)) < 0)
        return 0;
    PairPacket *packet = g_new0(PairPacket, 1);
    packet->to = other->index;
    packet->media = media;
    packet->rtcp = rtcp;
    if (side->from_override.len)
        packet->from = side->from_override;
    else
        md_addr_from_host(&packet->from, "127.0.0.1", (uint16_t)(side->port[media] + (rtcp ? 1 : 0)));
    packet->due_us = due_us;
    packet->len = len;
    memcpy(packet->data, data, len);
    g_queue_insert_sorted(&pair->wire, packet, by_due, NULL);
    return 0;
}

static void on_video(MdLeg *leg, MdFrame *frame, void *user)
{
    PairSide *side = user;
    side->pictures++;
    side->damaged += frame->damaged;
    md_frame_unref(side->last_picture);
    side->last_picture = md_frame_ref(frame);
}

static void on_key(MdLeg *leg, void *user)
{
    ((PairSide *)user)->key_requests++;
}

static void on_dtmf(MdLeg *leg, char digit, unsigned duration_ms, void *user)
{
    PairSide *side = user;
    side->digits++;
    side->last_digit = digit;
}

static void on_content(MdLeg *leg, MdFrame *frame, void *user)
{
    PairSide *side = user;
    side->slides++;
    md_frame_unref(side->last_slide);
    side->last_slide = md_frame_ref(frame);
    if (side->on_slide)
        side->on_slide(side, frame);
}

static void on_content_key(MdLeg *leg, void *user)
{
    ((PairSide *)user)->slide_key_requests++;
}

static void on_stream_key(MdLeg *leg, unsigned stream, void *user)
{
    ((PairSide *)user)->stream_key_requests++;
    ((PairSide *)user)->last_stream = stream;
}

static const MdLegSink sink = {on_video, on_key, on_dtmf, on_content, on_content_key, on_stream_key};

void pair_init(Pair *pair, const PairOptions *options)
{
    static const MdAudioCodec all[] = {MD_AUDIO_OPUS, MD_AUDIO_G722, MD_AUDIO_PCMA, MD_AUDIO_PCMU};
    static const MdVideoCodec videos[] = {MD_VIDEO_H264, MD_VIDEO_VP8};
    memset(pair, 0, sizeof *pair);
    md_virtual_clock_init(&pair->clock, 1000000, 1700000000000000);
    MdWorkerOptions worker = {.name = "test", .cpu = -1, .clock = &pair->clock.base};
    pair->worker = md_worker_new(&worker);
    pair->control = md_mailbox_new(64);
    pair->identity = options->dtls ? md_dtls_identity_new() : NULL;
    pair->seed = 7;
    pair->browser = options->browser;
    md_packetiser_init(&pair->packetiser);
    g_queue_init(&pair->wire);
    for (unsigned i = 0; i < 2; i++) {
        PairSide *side = &pair->side[i];
        side->pair = pair;
        side->index = i;
        side->hz = i ? 1000 : 400;
        side->encoding = MD_AUDIO_CODEC_NONE;
        md_tone_init(&side->tone, side->hz, MD_AUDIO_RATE, TONE_AMPLITUDE);
        MdLegConfig config = {.worker = pair->worker,
                              .local_host = "127.0.0.1",
                              .security = options->security[i],
                              .audio_codecs = options->codecs ? options->codecs : all,
                              .n_audio_codecs = options->codecs ? options->n_codecs : 4,
                              .video_codecs = videos,
                              .n_video_codecs = options->video ? 2 : 0,
                              .video_max = {1280, 720, 30, 1500000},
                              .authenticated = options->authenticated,
                              .peer_host = options->peer_host,
                              .control = pair->control,
                              .dtls = pair->identity,
                              .packetiser = &pair->packetiser,
                              .offer_dtls = options->offer_dtls,
                              .browser = options->browser,
                              .content = options->content,
                              .streams = options->streams,
                              .offer_content = options->offer_content};
        for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++)
            side->port[m] = (uint16_t)(21000 + 10 * i + 2 * m);
        MdLegTransport transport = {pair_send, side, {side->port[0], side->port[1], side->port[2]}};
        g_autoptr(GError) error = NULL;
        side->leg = md_leg_new_with_transport(&config, &transport, &error);
        g_assert_no_error(error);
        side->leg->random = 0x9e3779b9u * (i + 1); /* when reports go out decides which packets of the rest the seeded way loses */
        g_assert_cmpint(md_leg_start(side->leg, &sink, side), ==, 0);
    }
    md_worker_step(pair->worker);
}

static void deliver_due(Pair *pair)
{
    int64_t now_us = md_clock_now_us(&pair->clock.base);
    PairPacket *packet;
    while ((packet = g_queue_peek_head(&pair->wire)) && packet->due_us <= now_us) {
        g_queue_pop_head(&pair->wire);
        md_leg_receive(pair->side[packet->to].leg, packet->media, packet->rtcp, &packet->from, packet->data,
                       packet->len, now_us);
        g_free(packet);
    }
}

static void step(Pair *pair, unsigned ms)
{
    md_virtual_clock_advance(&pair->clock, (int64_t)ms * 1000);
    md_worker_step(pair->worker);
    deliver_due(pair);
    md_mailbox_drain(pair->control, 0);
    md_worker_step(pair->worker);
}

static void on_done(void *user)
{
    *(bool *)user = true;
}

void pair_clear(Pair *pair)
{
    for (unsigned i = 0; i < 2; i++)
        md_leg_stop(pair->side[i].leg, on_done, &pair->side[i].done);
    md_worker_step(pair->worker);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_true(pair->side[i].done);
        md_audio_encoder_free(pair->side[i].encoder);
        md_frame_unref(pair->side[i].last_picture);
        md_frame_unref(pair->side[i].last_slide);
    }
    md_mailbox_drain(pair->control, 0);
    md_packetiser_clear(&pair->packetiser);
    md_worker_free(pair->worker);
    md_mailbox_free(pair->control);
    md_dtls_identity_free(pair->identity);
    g_queue_clear_full(&pair->wire, g_free);
}

void pair_reinvite(Pair *pair, char *(*edit)(char *sdp))
{
    g_autoptr(GError) error = NULL;
    char *offer = md_leg_create_offer(pair->side[1].leg, &error);
    g_assert_no_error(error);
    if (edit)
        offer = edit(offer);
    g_autofree char *answer = md_leg_accept_offer(pair->side[0].leg, offer, &error);
    g_assert_no_error(error);
    g_assert_true(md_leg_accept_answer(pair->side[1].leg, answer, &error));
    g_assert_no_error(error);
    g_free(offer);
    md_worker_step(pair->worker);
}

void pair_connect(Pair *pair)
{
    pair_reinvite(pair, NULL);
    pair_handshake(pair);
}

void pair_handshake(Pair *pair)
{
    for (unsigned i = 0; pair->identity && i < 40; i++) {
        step(pair, 10);
        g_main_context_iteration(NULL, FALSE);
    }
}

static void speak(PairSide *side, int64_t now_us)
{
    MdLegAudioFormat format;
    float pcm[MD_AUDIO_TICK_SAMPLES];
    uint8_t payload[MD_AUDIO_PAYLOAD_MAX];
    md_tone_fill(&side->tone, pcm, MD_AUDIO_TICK_SAMPLES);
    md_leg_audio_format(side->leg, &format);
    if (!format.sending)
        return;
    if (side->encoding != format.codec) {
        md_audio_encoder_free(side->encoder);
        MdAudioEncoderConfig config = {.codec = format.codec,
                                       .fec = format.opus_fec,
                                       .loss_percent = 20,
                                       .ptime_ms = format.codec == MD_AUDIO_OPUS ? format.ptime_ms : 20,
                                       .bitrate_bps = 24000};
        side->encoder = md_audio_encoder_new(&config);
        side->encoding = format.codec;
    }
    int n = md_audio_encoder_encode(side->encoder, pcm, payload, sizeof payload);
    g_assert_cmpint(n, >=, 0);
    md_leg_send_audio(side->leg, payload, (size_t)n, now_us);
}

static void hear(PairSide *side, int64_t now_us)
{
    float pcm[MD_AUDIO_TICK_SAMPLES];
    MdLegAudio audio;
    md_leg_pull_audio(side->leg, now_us, pcm, &audio);
    side->voiced_ticks += audio.voiced;
    memmove(side->heard, side->heard + MD_AUDIO_TICK_SAMPLES, sizeof side->heard - sizeof pcm);
    memcpy(side->heard + MD_AUDIO_RATE - MD_AUDIO_TICK_SAMPLES, pcm, sizeof pcm);
}

void pair_run(Pair *pair, unsigned ms)
{
    for (unsigned t = 0; t < ms; t += 20) {
        int64_t now_us = md_clock_now_us(&pair->clock.base);
        for (unsigned i = 0; i < 2; i++)
            speak(&pair->side[i], now_us);
        for (unsigned i = 0; i < 2; i++)
            hear(&pair->side[i], now_us);
        for (unsigned i = 0; i < 4; i++)
            step(pair, 5);
    }
}

float pair_heard(const Pair *pair, unsigned side, double hz)
{
    return md_goertzel(pair->side[side].heard + MD_AUDIO_RATE / 2, MD_AUDIO_RATE / 2, hz, MD_AUDIO_RATE);
}

char *pair_replace(char *text, const char *from, const char *to)
{
    g_assert_nonnull(strstr(text, from));
    g_auto(GStrv) part = g_strsplit(text, from, -1);
    g_free(text);
    return g_strjoinv(to, part);
}
