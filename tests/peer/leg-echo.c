/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One browser's leg as a program, for tests/browser: reads an offer (up to an empty line), writes the answer and an empty line,
 * speaks a tone, gives pictures back (small ones when no more may be sent), and tells its figures as JSON at "figures" and when
 * its input ends. Lines "candidate …" go between. */
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>

#include "mediad/audio/codec.h"
#include "mediad/audio/tone.h"
#include "mediad/leg/leg.h"
#include "mediad/rtp/packetise.h"
#include "mediad/transport/dtls.h"
#include "mediad/transport/ice.h"

#define TICK_US 20000
#define TONE_HZ 440
#define SMALL_BPS 400000

static MdMailbox *control;
static MdWorker *worker;
static MdLeg *leg;
static MdAudioEncoder *encoder;
static MdTone tone;
static MdTimer timer;
static MdPacketiser packetiser;
static GMainLoop *loop;
static GString *offer;
static _Atomic unsigned ticks_heard, pictures;
static _Atomic bool attached;

static void tick(MdTimer *t, int64_t due_us, void *user)
{
    float pcm[MD_AUDIO_TICK_SAMPLES];
    uint8_t payload[MD_AUDIO_PAYLOAD_MAX];
    MdLegAudio heard;
    MdLegAudioFormat format;
    md_leg_pull_audio(leg, due_us, pcm, &heard);
    ticks_heard += heard.voiced && heard.level_dbov > -60;
    md_leg_audio_format(leg, &format);
    if (format.sending) {
        md_tone_fill(&tone, pcm, MD_AUDIO_TICK_SAMPLES);
        int n = md_audio_encoder_encode(encoder, pcm, payload, sizeof payload);
        if (n >= 0)
            md_leg_send_audio(leg, payload, (size_t)n, due_us);
    }
    md_worker_timer_at(worker, t, due_us + TICK_US, tick, NULL);
}

static void on_video(MdLeg *l, MdFrame *frame, void *user)
{
    MdLegVideoFormat format;
    pictures++;
    md_leg_video_format(l, &format);
    md_leg_want_video(l, pictures > 30 && format.max.bitrate_bps > SMALL_BPS ? 360 : 180);
    md_leg_send_video(l, frame, md_worker_now_us(worker));
}

static void on_content(MdLeg *l, MdFrame *frame, void *user)
{
    md_leg_send_content(l, frame, md_worker_now_us(worker));
}

static void on_key(MdLeg *l, void *user)
{
    md_leg_request_key_frame(l, md_worker_now_us(worker));
}

static void on_content_key(MdLeg *l, void *user)
{
    md_leg_request_content_key_frame(l, md_worker_now_us(worker));
}

static const MdLegSink sink = {
    .on_video = on_video, .on_key_frame_request = on_key, .on_content = on_content, .on_content_key_frame_request = on_content_key};

static void begin(void *payload, size_t len)
{
    int64_t now_us = md_worker_now_us(worker);
    md_worker_timer_at(worker, &timer, now_us - now_us % TICK_US + TICK_US, tick, NULL);
}

/* The tick uses the leg: it ends before the leg is let go. */
static void end(void *payload, size_t len)
{
    md_worker_timer_cancel(worker, &timer);
}

static void on_candidate(MdLeg *l, const char *mid, const char *line, void *user)
{
    printf("candidate %s %s\n", mid, line);
    fflush(stdout);
}

static void answer(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = md_leg_accept_offer(leg, offer->str, &error);
    g_string_truncate(offer, 0);
    if (!text) {
        printf("error %s\n\n", error->message);
        fflush(stdout);
        return;
    }
    if (!attached) {
        attached = true;
        md_leg_start(leg, &sink, NULL);
        md_worker_post(worker, begin, NULL, 0);
    }
    printf("%s\n", text);
    fflush(stdout);
}

#define TELL(name, kind, help) printf(", \"" #name "\": %llu", (unsigned long long)md_stat_get(&stats->name));
static void tell(void)
{
    const MdLegStats *stats = md_leg_stats(leg);
    MdLegSummary summary;
    md_leg_summary(leg, &summary);
    printf("{\"security\": \"%s\", \"remote\": \"%s\", \"ticks_heard\": %u, \"pictures\": %u", summary.security, summary.remote,
           ticks_heard, pictures);
    MD_LEG_STATS(TELL)
    printf("}\n");
    fflush(stdout);
}

static gboolean on_line(GIOChannel *channel, GIOCondition condition, gpointer user)
{
    g_autofree char *line = NULL;
    if (g_io_channel_read_line(channel, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL) {
        g_main_loop_quit(loop);
        return G_SOURCE_REMOVE;
    }
    g_strchomp(line);
    if (!strcmp(line, "figures")) {
        tell();
    } else if (g_str_has_prefix(line, "candidate ")) {
        g_auto(GStrv) part = g_strsplit(line, " ", 3);
        md_leg_add_candidate(leg, part[1], part[1] && part[2] ? part[2] : "", NULL);
    } else if (*line) {
        g_string_append_printf(offer, "%s\r\n", line);
    } else if (offer->len) {
        answer();
    }
    return G_SOURCE_CONTINUE;
}

static gboolean on_mail(gint fd, GIOCondition condition, gpointer user)
{
    md_mailbox_drain(control, 0);
    return G_SOURCE_CONTINUE;
}

static void on_done(void *user)
{
    *(_Atomic bool *)user = true;
}

int main(int argc, char **argv)
{
    static const MdAudioCodec sounds[] = {MD_AUDIO_OPUS};
    MdVideoCodec codec = argc > 1 && !strcmp(argv[1], "vp8") ? MD_VIDEO_VP8 : MD_VIDEO_H264;
    const char *host = "127.0.0.1";
    offer = g_string_new(NULL);
    loop = g_main_loop_new(NULL, FALSE);
    control = md_mailbox_new(1024);
    md_packetiser_init(&packetiser);
    MdWorkerOptions worker_options = {.name = "media", .cpu = -1};
    worker = md_worker_new(&worker_options);
    md_worker_start(worker);
    MdDtlsIdentity *identity = md_dtls_identity_new();
    MdIceServiceOptions ice_options = {.local_hosts = &host, .n_local_hosts = 1, .control = control};
    MdIceService *ice = md_ice_service_new(&ice_options);
    MdAudioEncoderConfig encoding = {.codec = MD_AUDIO_OPUS, .ptime_ms = 20, .bitrate_bps = 32000};
    encoder = md_audio_encoder_new(&encoding);
    md_tone_init(&tone, TONE_HZ, MD_AUDIO_RATE, 0.3f);
    MdLegConfig config = {.worker = worker, .security = MD_SECURITY_REQUIRED, .audio_codecs = sounds, .n_audio_codecs = 1,
                          .video_codecs = &codec, .n_video_codecs = 1, .video_max = {1280, 720, 30, 2500000},
                          .control = control, .dtls = identity, .packetiser = &packetiser, .browser = true, .ice = ice,
                          .content = true, .on_candidate = on_candidate};
    g_autoptr(GError) error = NULL;
    leg = md_leg_new(&config, &error);
    if (!leg)
        g_error("%s", error->message);
    g_unix_fd_add(md_mailbox_fd(control), G_IO_IN, on_mail, NULL);
    GIOChannel *in = g_io_channel_unix_new(0);
    g_io_channel_set_flags(in, G_IO_FLAG_NONBLOCK, NULL);
    g_io_add_watch(in, G_IO_IN | G_IO_HUP, on_line, NULL);
    g_main_loop_run(loop);
    tell();
    _Atomic bool done = false;
    md_worker_post(worker, end, NULL, 0);
    md_leg_stop(leg, on_done, (void *)&done);
    md_worker_stop(worker); /* the leg's end was posted: it has run */
    md_ice_service_free(ice); /* the browser still sends: its packets go to the worker's mailbox */
    md_mailbox_drain(control, 0);
    md_worker_free(worker);
    md_mailbox_free(control);
    md_audio_encoder_free(encoder);
    md_packetiser_clear(&packetiser);
    md_dtls_identity_free(identity);
    g_io_channel_unref(in);
    g_main_loop_unref(loop);
    g_string_free(offer, TRUE);
    return done ? 0 : 1;
}
