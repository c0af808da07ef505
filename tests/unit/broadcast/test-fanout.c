/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broadcast/fanout.h"

#include <math.h>
#include <stdatomic.h>
#include <srtp2/srtp.h>
#include <string.h>
#include <unistd.h>
#include "mediad/audio/codec.h"
#include "mediad/rtp/packet.h"
#include "mediad/rtp/rtcp.h"
#include "mediad/transport/udp.h"

/* Two workers on a clock turned by hand, real sockets on loopback. What arrives is opened by libsrtp contexts of the test's
 * own, decoded, and searched for the tone that was put in. */
enum { DESTINATIONS = 240 };

typedef struct Listener {
    int fd, rtcp_fd;
    BcDestination to;
    unsigned packets, reports;
    uint16_t first_seq, last_seq;
    uint8_t first[2048]; /* as it came */
    size_t first_len;
    bool marker;
    srtp_t srtp;
    MdAudioDecoder *decoder;
    float pcm[48000 * 3];
    unsigned samples;
} Listener;

typedef struct Rig {
    MdVirtualClock clock;
    MdWorker *workers[2];
    MdMailbox *control;
    MdSrtpKey keys[2];
    int rtp_fd, rtcp_fd;
    Listener *listeners;
    unsigned ended, done;
} Rig;

static const MdAudioCodec codecs[] = {MD_AUDIO_OPUS, MD_AUDIO_G722, MD_AUDIO_PCMA};

static int open_socket(const char *host, MdAddr *ret)
{
    MdAddr local;
    g_assert_cmpint(md_addr_from_host(&local, host, 0), ==, 0);
    int fd = md_udp_open(&local, ret);
    g_assert_cmpint(fd, >=, 0);
    return fd;
}

static void open_srtp(Listener *l, const MdSrtpKey *key)
{
    srtp_policy_t policy = {0};
    if (key->suite == MD_SRTP_AEAD_AES_128_GCM) {
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
    } else {
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
    }
    policy.ssrc.type = ssrc_any_inbound;
    policy.key = (unsigned char *)key->material;
    policy.window_size = 128;
    g_assert_cmpint(srtp_create(&l->srtp, &policy), ==, srtp_err_status_ok);
}

static void rig_init(Rig *rig, unsigned n)
{
    md_virtual_clock_init(&rig->clock, 1000000, 1795384800000000);
    for (unsigned i = 0; i < 2; i++)
        rig->workers[i] = md_worker_new(&(MdWorkerOptions){.name = "test", .cpu = -1, .clock = &rig->clock.base});
    rig->control = md_mailbox_new(1024);
    g_assert_cmpint(md_srtp_key_generate(MD_SRTP_AEAD_AES_128_GCM, &rig->keys[0]), ==, 0);
    g_assert_cmpint(md_srtp_key_generate(MD_SRTP_AES_CM_128_HMAC_SHA1_80, &rig->keys[1]), ==, 0);
    MdAddr ignored;
    rig->rtp_fd = open_socket("127.0.0.1", &ignored);
    rig->rtcp_fd = open_socket("127.0.0.1", &ignored);
    rig->listeners = g_new0(Listener, n);
    for (unsigned i = 0; i < n; i++) {
        Listener *l = &rig->listeners[i];
        g_autofree char *host = g_strdup_printf("127.23.%u.%u", i / 200, i % 200 + 1);
        l->to.codec = codecs[i % 3];
        l->to.key = (int)(i / 3 % 3) - 1;
        l->fd = open_socket(host, &l->to.rtp);
        l->rtcp_fd = open_socket(host, &l->to.rtcp);
        l->decoder = md_audio_decoder_new(l->to.codec);
        if (l->to.key >= 0)
            open_srtp(l, &rig->keys[l->to.key]);
    }
}

static void rig_clear(Rig *rig, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        close(rig->listeners[i].fd);
        close(rig->listeners[i].rtcp_fd);
        md_audio_decoder_free(rig->listeners[i].decoder);
        if (rig->listeners[i].srtp)
            srtp_dealloc(rig->listeners[i].srtp);
    }
    g_free(rig->listeners);
    close(rig->rtp_fd);
    close(rig->rtcp_fd);
    for (unsigned i = 0; i < 2; i++)
        md_worker_free(rig->workers[i]);
    md_mailbox_free(rig->control);
}

static void on_end(void *user)
{
    ((Rig *)user)->ended++;
}

static void on_done(void *user)
{
    ((Rig *)user)->done++;
}

static BcFanout *new_fanout(Rig *rig, BcSource *source, unsigned frame_ms)
{
    BcFanout *f = bc_fanout_new(&(BcFanoutOptions){
        .workers = rig->workers, .n_workers = 2, .control = rig->control, .source = source, .frame_ms = frame_ms,
        .payload_types = {[MD_AUDIO_OPUS] = 111, [MD_AUDIO_G722] = 9, [MD_AUDIO_PCMA] = 8}, .keys = rig->keys, .n_keys = 2,
        .rtp_fd = rig->rtp_fd, .rtcp_fd = rig->rtcp_fd, .rtp_fd6 = -1, .rtcp_fd6 = -1, .cname = "test", .on_end = on_end, .user = rig});
    g_assert_nonnull(f);
    return f;
}

static void take_report(Listener *l)
{
    uint8_t data[2048];
    MdAddr from;
    for (int len; (len = md_udp_receive(l->rtcp_fd, &from, data, sizeof data)) >= 0; l->reports++) {
        MdRtcpReader reader;
        MdRtcpItem item;
        int plain = len;
        if (l->srtp)
            g_assert_cmpint(srtp_unprotect_rtcp(l->srtp, data, &plain), ==, srtp_err_status_ok);
        g_assert_cmpint(md_rtcp_reader_init(&reader, data, (size_t)plain), ==, 0);
        g_assert_cmpint(md_rtcp_reader_next(&reader, &item), ==, 1);
        g_assert_cmpint(item.kind, ==, MD_RTCP_KIND_SENDER);
        g_assert_cmpuint(item.sender.packets, >, 0);
    }
}

static void take_packet(Listener *l, uint8_t *data, int len, unsigned frame_ms)
{
    MdRtpPacket packet;
    if (l->packets == 0) {
        memcpy(l->first, data, (size_t)len);
        l->first_len = (size_t)len;
    }
    if (l->srtp)
        g_assert_cmpint(srtp_unprotect(l->srtp, data, &len), ==, srtp_err_status_ok);
    g_assert_cmpint(md_rtp_parse(data, (size_t)len, &packet), ==, 0);
    static const uint8_t types[] = {[MD_AUDIO_OPUS] = 111, [MD_AUDIO_G722] = 9, [MD_AUDIO_PCMA] = 8};
    g_assert_cmpuint(packet.payload_type, ==, types[l->to.codec]);
    if (l->packets++ == 0) {
        l->first_seq = packet.seq;
        l->marker = packet.marker;
    } else {
        g_assert_cmpuint(packet.seq, ==, (uint16_t)(l->last_seq + 1));
    }
    l->last_seq = packet.seq;
    int n = md_audio_decoder_decode(l->decoder, packet.payload, packet.payload_len, l->pcm + l->samples, G_N_ELEMENTS(l->pcm) - l->samples);
    g_assert_cmpint(n, ==, (int)frame_ms * 48);
    l->samples += (unsigned)n;
}

static void take(Listener *l, unsigned frame_ms)
{
    uint8_t data[2048];
    MdAddr from;
    for (int len; (len = md_udp_receive(l->fd, &from, data, sizeof data)) >= 0;)
        take_packet(l, data, len, frame_ms);
    take_report(l);
}

/* Moves time on, one worker timer after the other. */
static void run_until(Rig *rig, int64_t until_us, BcSource *live, double hz, unsigned *tick)
{
    until_us--; /* what is due at until_us itself is not for this run */
    while (md_clock_now_us(&rig->clock.base) < until_us) {
        int64_t now = md_clock_now_us(&rig->clock.base);
        if (live && now >= 1000000 + (int64_t)*tick * 20000) {
            float pcm[MD_AUDIO_TICK_SAMPLES];
            for (unsigned i = 0; i < G_N_ELEMENTS(pcm); i++)
                pcm[i] = 0.3f * sinf((float)(2 * G_PI * fmod(hz * (*tick * 960.0 + i) / 48000, 1.0)));
            bc_source_push_pcm(pcm, now, live);
            ++*tick;
        }
        for (unsigned i = 0; i < 2; i++)
            md_worker_step(rig->workers[i]);
        md_mailbox_drain(rig->control, 0);
        int64_t next = MIN(md_worker_next_due_us(rig->workers[0]), md_worker_next_due_us(rig->workers[1]));
        if (live)
            next = MIN(next, 1000000 + (int64_t)*tick * 20000);
        next = MIN(next, until_us);
        md_virtual_clock_advance(&rig->clock, MAX(next - now, 1));
    }
    for (unsigned i = 0; i < 4; i++) /* letters between the workers */
        md_worker_step(rig->workers[i % 2]);
    md_mailbox_drain(rig->control, 0);
}

/* Share of the signal's energy at hz (Goertzel), 0..1. */
static double purity(const float *pcm, unsigned n, double hz)
{
    double w = 2 * G_PI * hz / 48000, c = 2 * cos(w), s1 = 0, s2 = 0, energy = 0;
    for (unsigned i = 0; i < n; i++) {
        double s = pcm[i] + c * s1 - s2;
        s2 = s1;
        s1 = s;
        energy += pcm[i] * pcm[i];
    }
    return energy > 0 ? (s1 * s1 + s2 * s2 - c * s1 * s2) * 2 / (n * energy) : 0;
}

static void stop(Rig *rig, BcFanout *f)
{
    bc_fanout_stop(f, on_done, rig);
    for (unsigned i = 0; i < 20 && !rig->done; i++) {
        md_worker_step(rig->workers[0]);
        md_worker_step(rig->workers[1]);
        md_mailbox_drain(rig->control, 0);
        md_virtual_clock_advance(&rig->clock, 1000);
    }
    g_assert_cmpuint(rig->done, ==, 1);
}

/* Every loudspeaker gets the tone, in its codec and under its key; all of one group get the same bytes. */
static void test_live(gconstpointer data)
{
    unsigned frame_ms = GPOINTER_TO_UINT(data), tick = 0;
    Rig rig = {0};
    rig_init(&rig, DESTINATIONS);
    g_autoptr(BcSource) source = bc_source_live_new(&(BcLiveOptions){.frame_ms = frame_ms}, NULL);
    BcFanout *f = new_fanout(&rig, source, frame_ms);
    for (unsigned i = 0; i < DESTINATIONS; i++)
        g_assert_cmpuint(bc_fanout_add(f, &rig.listeners[i].to), ==, i + 1);
    g_assert_cmpint(bc_fanout_commit(f), ==, 0);
    g_assert_cmpint(bc_fanout_start(f, 1100000), ==, 0);
    run_until(&rig, 1099999, source, 440, &tick);
    take(&rig.listeners[0], frame_ms);
    g_assert_cmpuint(rig.listeners[0].packets, ==, 0); /* not before its time */
    run_until(&rig, 1100000 + 2400000, source, 440, &tick);
    BcFanoutTotals totals;
    bc_fanout_totals(f, &totals);
    g_assert_cmpuint(totals.frames, ==, 2400 / frame_ms);
    g_assert_cmpuint(totals.errors + totals.skipped + totals.frames_late, ==, 0);
    for (unsigned i = 0; i < DESTINATIONS; i++) {
        Listener *l = &rig.listeners[i];
        take(l, frame_ms);
        g_assert_cmpuint(l->packets, ==, 2400 / frame_ms);
        g_assert_true(l->marker);
        g_assert_cmpuint(l->reports, ==, 1);
        g_assert_cmpfloat(purity(l->pcm + l->samples - 38400, 38400, 440), >, 0.95);
        g_assert_cmpuint(l->first_len, ==, rig.listeners[i % 9].first_len);
        g_assert_cmpint(memcmp(l->first, rig.listeners[i % 9].first, l->first_len), ==, 0);
        if (i >= 1 && i < 9)
            g_assert_cmpint(memcmp(l->first + 12, rig.listeners[0].first + 12, 40), !=, 0);
    }
    stop(&rig, f);
    rig_clear(&rig, DESTINATIONS);
}

/* Late ones join in the middle and can decrypt; removed ones hear no more; the rest notice nothing. */
static void test_join_and_leave(void)
{
    Rig rig = {0};
    unsigned tick = 0;
    rig_init(&rig, 27);
    g_autoptr(BcSource) source = bc_source_live_new(&(BcLiveOptions){.frame_ms = 20}, NULL);
    BcFanout *f = new_fanout(&rig, source, 20);
    uint32_t handles[27];
    for (unsigned i = 0; i < 18; i++)
        handles[i] = bc_fanout_add(f, &rig.listeners[i].to);
    bc_fanout_commit(f);
    bc_fanout_start(f, 1000000);
    run_until(&rig, 1000000 + 500000, source, 700, &tick);
    for (unsigned i = 18; i < 27; i++)
        handles[i] = bc_fanout_add(f, &rig.listeners[i].to);
    for (unsigned i = 0; i < 9; i++)
        bc_fanout_remove(f, handles[i]);
    bc_fanout_remove(f, handles[0]);
    bc_fanout_remove(f, 12345);
    g_assert_cmpuint(bc_fanout_count(f), ==, 18);
    bc_fanout_commit(f);
    run_until(&rig, 1000000 + 2000000, source, 700, &tick);
    for (unsigned i = 0; i < 27; i++) {
        Listener *l = &rig.listeners[i];
        take(l, 20);
        unsigned expected = i < 9 ? 25 : i < 18 ? 100 : 75;
        g_assert_cmpuint(l->packets, >=, expected - 1);
        g_assert_cmpuint(l->packets, <=, expected + 1);
        if (i >= 9)
            g_assert_cmpfloat(purity(l->pcm + l->samples - 28800, 28800, 700), >, 0.95);
    }
    stop(&rig, f);
    rig_clear(&rig, 27);
}

static BcTrack *tone_track(MdAudioCodec codec, unsigned frame_ms, double hz)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("bc-track-XXXXXX", &path, NULL);
    close(fd);
    MdAudioEncoder *encoder = md_audio_encoder_new(&(MdAudioEncoderConfig){.codec = codec, .ptime_ms = codec == MD_AUDIO_OPUS ? frame_ms : 20});
    BcTrackWriter *writer = bc_track_writer_new(path, codec, codec == MD_AUDIO_OPUS ? frame_ms : 20, NULL);
    for (unsigned t = 0; t < 60; t++) { /* 1.2 s */
        float pcm[MD_AUDIO_TICK_SAMPLES];
        uint8_t packet[MD_AUDIO_PAYLOAD_MAX];
        for (unsigned i = 0; i < G_N_ELEMENTS(pcm); i++)
            pcm[i] = 0.3f * sinf((float)(2 * G_PI * fmod(hz * (t * 960.0 + i) / 48000, 1.0)));
        int n = md_audio_encoder_encode(encoder, pcm, packet, sizeof packet);
        g_assert_cmpint(n, >=, 0);
        if (n > 0)
            g_assert_true(bc_track_writer_add(writer, packet, (size_t)n, NULL));
    }
    g_assert_true(bc_track_writer_finish(writer, NULL));
    md_audio_encoder_free(encoder);
    g_autoptr(GError) error = NULL;
    BcTrack *track = bc_track_load(path, frame_ms, &error);
    g_assert_no_error(error);
    unlink(path);
    return track;
}

/* A stored programme, twice with a second between: its length to the frame, silence between, and the end reported once. */
static void test_stored(void)
{
    Rig rig = {0};
    unsigned tick = 0;
    rig_init(&rig, 9);
    BcTrack *tracks[MD_AUDIO_CODEC_MAX] = {0};
    for (unsigned c = 0; c < G_N_ELEMENTS(codecs); c++)
        tracks[codecs[c]] = tone_track(codecs[c], 40, 600);
    g_autoptr(BcSource) source = bc_source_stored_new(tracks, 40, 2, 520000);
    for (unsigned c = 0; c < MD_AUDIO_CODEC_MAX; c++)
        bc_track_unref(tracks[c]);
    g_assert_cmpint(bc_source_duration_us(source), ==, 1200000 * 2 + 520000);
    BcFanout *f = new_fanout(&rig, source, 40);
    for (unsigned i = 0; i < 9; i++)
        bc_fanout_add(f, &rig.listeners[i].to);
    bc_fanout_commit(f);
    bc_fanout_start(f, 1200000);
    run_until(&rig, 1200000 + 1200000 * 2 + 519999, NULL, 0, &tick);
    g_assert_cmpuint(rig.ended, ==, 0);
    run_until(&rig, 1200000 + 6000000, NULL, 0, &tick);
    g_assert_cmpuint(rig.ended, ==, 1);
    for (unsigned i = 0; i < 9; i++) {
        Listener *l = &rig.listeners[i];
        take(l, 40);
        g_assert_cmpuint(l->packets, ==, 73);
        g_assert_cmpfloat(purity(l->pcm + 9600, 38400, 600), >, 0.95);
        g_assert_cmpfloat(purity(l->pcm + 57600 + 24960 + 9600, 38400, 600), >, 0.95);
        double loud = 0;
        for (unsigned k = 0; k < 9600; k++)
            loud += fabs(l->pcm[57600 + 9600 + k]);
        g_assert_cmpfloat(loud / 9600, <, 0.003);
    }
    stop(&rig, f);
    g_assert_cmpuint(rig.ended, ==, 1);
    rig_clear(&rig, 9);
}

/* Nonsense destinations are refused; one that the kernel refuses harms nobody else. */
static void test_bad_destinations(void)
{
    Rig rig = {0};
    unsigned tick = 0;
    rig_init(&rig, 3);
    g_autoptr(BcSource) source = bc_source_live_new(&(BcLiveOptions){.frame_ms = 20}, NULL);
    BcFanout *f = new_fanout(&rig, source, 20);
    BcDestination bad = rig.listeners[0].to;
    bad.codec = MD_AUDIO_CODEC_MAX;
    g_assert_cmpuint(bc_fanout_add(f, &bad), ==, 0);
    bad = rig.listeners[0].to;
    bad.key = 2;
    g_assert_cmpuint(bc_fanout_add(f, &bad), ==, 0);
    bad = rig.listeners[0].to;
    g_assert_cmpint(md_addr_from_host(&bad.rtp, "::1", 4000), ==, 0); /* there is no IPv6 socket */
    g_assert_cmpuint(bc_fanout_add(f, &bad), ==, 0);
    bad = rig.listeners[0].to;
    md_addr_from_host(&bad.rtp, "255.255.255.255", 4000); /* broadcast without permission: EACCES */
    g_assert_cmpuint(bc_fanout_add(f, &bad), >, 0);
    for (unsigned i = 0; i < 3; i++)
        bc_fanout_add(f, &rig.listeners[i].to);
    bc_fanout_commit(f);
    bc_fanout_start(f, 0);
    run_until(&rig, 2010000, source, 440, &tick);
    BcFanoutTotals totals;
    bc_fanout_totals(f, &totals);
    g_assert_cmpuint(totals.errors, ==, totals.frames);
    for (unsigned i = 0; i < 3; i++) {
        take(&rig.listeners[i], 20);
        g_assert_cmpuint(rig.listeners[i].packets, ==, totals.frames);
    }
    stop(&rig, f);
    rig_clear(&rig, 3);
}

typedef struct Pusher {
    BcSource *source;
    atomic_bool stop;
} Pusher;

static gpointer push_thread(gpointer data)
{
    Pusher *pusher = data;
    static const float pcm[MD_AUDIO_TICK_SAMPLES];
    while (!atomic_load(&pusher->stop)) {
        bc_source_push_pcm(pcm, 0, pusher->source);
        g_usleep(2000);
    }
    return NULL;
}

/* Real threads, for the thread sanitizer: sound pushed by one, sent by two, destinations coming and going meanwhile. */
static void test_threads(void)
{
    Rig rig = {0};
    Pusher pusher = {0};
    rig_init(&rig, 60);
    for (unsigned i = 0; i < 2; i++) {
        md_worker_free(rig.workers[i]);
        rig.workers[i] = md_worker_new(&(MdWorkerOptions){.name = "test", .cpu = -1});
        g_assert_cmpint(md_worker_start(rig.workers[i]), ==, 0);
    }
    g_autoptr(BcSource) source = bc_source_live_new(&(BcLiveOptions){.frame_ms = 20}, NULL);
    pusher.source = source;
    GThread *thread = g_thread_new("push", push_thread, &pusher);
    BcFanout *f = new_fanout(&rig, source, 20);
    uint32_t handles[60];
    bc_fanout_start(f, 0);
    BcFanoutTotals totals = {0};
    for (unsigned round = 0; totals.frames < 25; round++) {
        unsigned i = round % 60;
        if (round >= 60)
            bc_fanout_remove(f, handles[i]);
        handles[i] = bc_fanout_add(f, &rig.listeners[i].to);
        g_assert_cmpuint(handles[i], >, 0);
        g_assert_cmpint(bc_fanout_commit(f), ==, 0);
        md_mailbox_drain(rig.control, 0);
        bc_fanout_totals(f, &totals);
        g_usleep(1000);
    }
    g_assert_cmpuint(totals.packets, >, 0);
    bc_fanout_stop(f, on_done, &rig);
    while (!rig.done) {
        md_mailbox_drain(rig.control, 0);
        g_usleep(500);
    }
    atomic_store(&pusher.stop, true);
    g_thread_join(thread);
    for (unsigned i = 0; i < 2; i++)
        md_worker_stop(rig.workers[i]);
    rig_clear(&rig, 60);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    MdSrtpKey key; /* the product's wrapper initialises libsrtp, which must happen once */
    md_srtp_key_generate(MD_SRTP_AEAD_AES_128_GCM, &key);
    md_srtp_free(md_srtp_new(MD_SRTP_SEND, &key));
    g_test_add_data_func("/broadcast/fanout/live-20", GUINT_TO_POINTER(20), test_live);
    g_test_add_data_func("/broadcast/fanout/live-40", GUINT_TO_POINTER(40), test_live);
    g_test_add_data_func("/broadcast/fanout/live-60", GUINT_TO_POINTER(60), test_live);
    g_test_add_func("/broadcast/fanout/join-leave", test_join_and_leave);
    g_test_add_func("/broadcast/fanout/stored", test_stored);
    g_test_add_func("/broadcast/fanout/threads", test_threads);
    g_test_add_func("/broadcast/fanout/bad", test_bad_destinations);
    return g_test_run();
}
