/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two legs over loopback sockets on two running workers: real threads, real time, as in the daemon. */
#include <string.h>

#include "mediad/audio/codec.h"
#include "mediad/audio/tone.h"
#include "mediad/leg/leg.h"
#include "mediad/transport/dtls.h"
#include "mediad/transport/ports.h"

#define TALK_MS 1600

typedef struct Side {
    MdWorker *worker;
    MdLeg *leg;
    MdTimer timer;
    MdTone tone;
    MdAudioEncoder *encoder;
    float heard[MD_AUDIO_RATE / 2];
    _Atomic unsigned ticks;
    _Atomic bool stopping, done;
} Side;

static void on_tick(MdTimer *timer, int64_t due_us, void *user)
{
    Side *side = user;
    float pcm[MD_AUDIO_TICK_SAMPLES];
    uint8_t payload[MD_AUDIO_PAYLOAD_MAX];
    MdLegAudio audio;
    MdLegAudioFormat format;
    if (side->stopping)
        return;
    md_leg_pull_audio(side->leg, due_us, pcm, &audio);
    memmove(side->heard, side->heard + MD_AUDIO_TICK_SAMPLES, sizeof side->heard - sizeof pcm);
    memcpy(side->heard + G_N_ELEMENTS(side->heard) - MD_AUDIO_TICK_SAMPLES, pcm, sizeof pcm);
    md_tone_fill(&side->tone, pcm, MD_AUDIO_TICK_SAMPLES);
    md_leg_audio_format(side->leg, &format);
    int n = md_audio_encoder_encode(side->encoder, pcm, payload, sizeof payload);
    if (format.sending && n > 0)
        md_leg_send_audio(side->leg, payload, (size_t)n, due_us);
    side->ticks++;
    md_worker_timer_at(side->worker, timer, due_us + MD_AUDIO_TICK_US, on_tick, side);
}

static void begin(void *payload, size_t len)
{
    Side *side = *(Side **)payload;
    md_worker_timer_at(side->worker, &side->timer, md_worker_now_us(side->worker) + MD_AUDIO_TICK_US, on_tick,
                       side);
}

static void finish(void *payload, size_t len)
{
    Side *side = *(Side **)payload;
    side->stopping = true;
    md_worker_timer_cancel(side->worker, &side->timer);
}

static void on_done(void *user)
{
    ((Side *)user)->done = true;
}

static const MdLegSink sink;

static void talk(const char *host, MdSecurity security, bool dtls, const char *want)
{
    static const MdAudioCodec opus = MD_AUDIO_OPUS;
    MdPortPoolOptions pool = {.min_port = 21300, .max_port = 21399, .reuse_delay_us = -1};
    MdPortPool *ports = md_port_pool_new(&pool);
    MdMailbox *control = md_mailbox_new(256);
    MdDtlsIdentity *identity = md_dtls_identity_new();
    Side *side = g_new0(Side, 2);
    g_autoptr(GError) error = NULL;
    for (unsigned i = 0; i < 2; i++) {
        MdWorkerOptions worker = {.name = "test", .cpu = -1};
        side[i].worker = md_worker_new(&worker);
        g_assert_cmpint(md_worker_start(side[i].worker), ==, 0);
        md_tone_init(&side[i].tone, i ? 1000 : 400, MD_AUDIO_RATE, 0.4f);
        MdAudioEncoderConfig encoder = {.codec = MD_AUDIO_OPUS};
        side[i].encoder = md_audio_encoder_new(&encoder);
        MdLegConfig config = {.worker = side[i].worker,
                              .ports = ports,
                              .local_host = host,
                              .security = security,
                              .audio_codecs = &opus,
                              .n_audio_codecs = 1,
                              .control = control,
                              .dtls = identity,
                              .offer_dtls = dtls};
        side[i].leg = md_leg_new(&config, &error);
        g_assert_no_error(error);
        g_assert_cmpint(md_leg_start(side[i].leg, &sink, &side[i]), ==, 0);
    }
    g_autofree char *offer = md_leg_create_offer(side[1].leg, &error);
    g_autofree char *answer = md_leg_accept_offer(side[0].leg, offer, &error);
    g_assert_no_error(error);
    g_assert_true(md_leg_accept_answer(side[1].leg, answer, &error));
    for (unsigned i = 0; i < 2; i++) {
        Side *p = &side[i];
        md_worker_post(p->worker, begin, &p, sizeof p);
    }
    gint64 give_up = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    while ((side[0].ticks < TALK_MS / 20 || side[1].ticks < TALK_MS / 20) &&
           g_get_monotonic_time() < give_up) {
        GPollFD fd = {md_mailbox_fd(control), G_IO_IN, 0};
        g_poll(&fd, 1, 10);
        md_mailbox_drain(control, 0);
        while (g_main_context_iteration(NULL, FALSE))
            ;
    }
    for (unsigned i = 0; i < 2; i++) {
        MdLegSummary summary;
        md_leg_summary(side[i].leg, &summary);
        g_assert_cmpstr(summary.security, ==, want);
        /* the ClientHello may come before the answer that tells who sends it: then it is dropped and comes
         * again */
        g_assert_cmpuint(md_stat_get(&md_leg_stats(side[i].leg)->packets_rejected), <=,
                         dtls && i == 1 ? 1 : 0);
        Side *p = &side[i];
        md_worker_post(p->worker, finish, &p, sizeof p);
        md_leg_stop(side[i].leg, on_done, &side[i]);
    }
    for (unsigned i = 0; i < 2; i++)
        md_worker_stop(side[i].worker);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_true(side[i].done);
        g_assert_cmpfloat(
            md_goertzel(side[i].heard, G_N_ELEMENTS(side[i].heard), i ? 400 : 1000, MD_AUDIO_RATE), >, 0.2f);
        md_worker_free(side[i].worker);
        md_audio_encoder_free(side[i].encoder);
    }
    md_mailbox_drain(control, 0);
    g_assert_cmpuint(md_port_pool_in_use(ports), ==, 0);
    md_port_pool_free(ports);
    md_mailbox_free(control);
    md_dtls_identity_free(identity);
    g_free(side);
}

static void test_plain(void)
{
    talk("127.0.0.1", MD_SECURITY_OFF, false, "none");
}
static void test_six(void)
{
    talk("::1", MD_SECURITY_REQUIRED, false, "sdes AEAD_AES_128_GCM");
}
static void test_dtls(void)
{
    talk("127.0.0.1", MD_SECURITY_REQUIRED, true, "dtls AEAD_AES_128_GCM");
}

static void test_no_port(void)
{
    static const MdAudioCodec opus = MD_AUDIO_OPUS;
    MdWorkerOptions options = {.name = "test", .cpu = -1};
    MdWorker *worker = md_worker_new(&options);
    MdPortPoolOptions pool = {.min_port = 21390, .max_port = 21399, .max_pairs = 1, .reuse_delay_us = -1};
    MdPortPool *ports = md_port_pool_new(&pool);
    MdLegConfig config = {.worker = worker,
                          .ports = ports,
                          .local_host = "127.0.0.1",
                          .audio_codecs = &opus,
                          .n_audio_codecs = 1};
    g_autoptr(GError) error = NULL;
    MdLeg *leg = md_leg_new(&config, &error);
    g_assert_no_error(error);
    g_assert_null(md_leg_new(&config, &error));
    g_assert_error(error, MD_LEG_ERROR, MD_LEG_ERROR_RESOURCES);
    g_clear_error(&error);
    config.local_host = "localhost";
    g_assert_null(md_leg_new(&config, &error));
    g_assert_error(error, MD_LEG_ERROR, MD_LEG_ERROR_RESOURCES);
    md_worker_start(worker);
    md_leg_stop(leg, NULL, NULL); /* never started */
    md_worker_stop(worker);
    g_assert_cmpuint(md_port_pool_in_use(ports), ==, 0);
    md_worker_free(worker);
    md_port_pool_free(ports);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sockets/plain", test_plain);
    g_test_add_func("/sockets/ipv6-sdes", test_six);
    g_test_add_func("/sockets/dtls", test_dtls);
    g_test_add_func("/sockets/no-port", test_no_port);
    return g_test_run();
}
