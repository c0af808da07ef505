/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A browser that sends its picture in three sizes at once: the one that serves is the line's picture, others are put together for whom
 * wants them as they are, each from a key frame on; the rest costs nothing. Packets are given to the leg as they come out of SRTP. */
#include <string.h>

#include "mediad/leg/leg-private.h"

#define BROWSER                                                                                              \
    "c=IN IP4 0.0.0.0\r\na=ice-ufrag:1SQX\r\na=ice-pwd:kms2emUV6omsbYoKeMr+Pntq\r\na=fingerprint:sha-256 "   \
    "C5:18:63:DB:7C:6B:52:FB:A3:59:9A:1D:C1:F6:17:47:18:36:12:36:57:F4:3A:C0:7B:05:5C:12:68:D2:78:52\r\n"    \
    "a=setup:actpass\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=sendrecv\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
static const char offer[] =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" BROWSER "a=mid:0\r\na=rtpmap:111 opus/48000/2\r\na=ssrc:100 cname:x\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" BROWSER "a=mid:1\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n"
    "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\na=rid:l send\r\na=rid:m send\r\na=rid:h send\r\na=simulcast:send l;m;h\r\n";

enum { LAYERS = 3, FRAME_MS = 40 };
typedef struct Rig {
    MdVirtualClock clock;
    MdWorker *worker;
    MdMailbox *control;
    MdLeg *leg;
    uint16_t seq[LAYERS];
    unsigned n_video, n_layer[LAYERS], broken; /* broken: began without a key frame */
    unsigned video_layer;                      /* of the last picture of the line */
    unsigned plis[LAYERS], answered[LAYERS];   /* requests for key frames */
} Rig;

static uint32_t ssrc_of(unsigned layer)
{
    return 1000 + layer;
}

/* A frame says in its bytes of which layer it is. */
static void on_video(MdLeg *leg, MdFrame *frame, void *user)
{
    Rig *rig = user;
    unsigned layer = frame->data[frame->len - 1];
    rig->broken += (rig->n_video == 0 || layer != rig->video_layer) && !frame->key;
    rig->video_layer = layer;
    rig->n_video++;
}

static void on_layer(MdLeg *leg, unsigned layer, MdFrame *frame, void *user)
{
    Rig *rig = user;
    g_assert_cmpuint(layer, ==, frame->data[frame->len - 1]);
    rig->broken += rig->n_layer[layer] == 0 && !frame->key;
    rig->n_layer[layer]++;
}

static void on_key(MdLeg *leg, void *user)
{
}

static const MdLegSink sink = {.on_video = on_video, .on_layer = on_layer, .on_key_frame_request = on_key};

static int note(void *user, unsigned media, bool rtcp, const MdAddr *to, const uint8_t *data, size_t len)
{
    return 0;
}

/* Requests upstream, counted at the gate that all of them pass. */
static void count_requests(Rig *rig)
{
    for (unsigned i = 0; i < LAYERS; i++)
        rig->plis[i] = (unsigned)rig->leg->pictures[VIDEO]->in[i].ask.passed;
}

/* One picture in one packet. */
static void send_one(Rig *rig, unsigned layer, bool key)
{
    static const char rids[] = "lmh";
    uint8_t p[200] = {0x90, 0x80 | 96};
    uint16_t seq = rig->seq[layer]++;
    md_put16(p + 2, seq);
    md_put32(p + 4, (uint32_t)seq * 3600);
    md_put32(p + 8, ssrc_of(layer));
    const uint8_t ext[] = {0xbe, 0xde, 0, 1, 10 << 4, (uint8_t)rids[layer], 0, 0};
    memcpy(p + 12, ext, sizeof ext);
    uint8_t *payload = p + 12 + sizeof ext;
    const uint8_t head[] = {0x10 /* begins a picture */, key ? 0x10 : 0x11, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01};
    memcpy(payload, head, sizeof head);
    size_t len = sizeof p - 50 + 20 * layer;
    p[len - 1] = (uint8_t)layer;
    leg_bundle_take(rig->leg, false, p, len, md_clock_now_us(&rig->clock.base));
}

/* So many pictures of each of these layers (a bit each); a key frame in answer to a request, as browsers do. */
static void show(Rig *rig, unsigned n, unsigned layers)
{
    for (unsigned i = 0; i < n; i++) {
        for (unsigned k = 0; k < LAYERS; k++)
            if (layers >> k & 1) {
                count_requests(rig);
                send_one(rig, k, rig->seq[k] == 0 || rig->plis[k] != rig->answered[k]);
                rig->answered[k] = rig->plis[k];
            }
        md_virtual_clock_advance(&rig->clock, FRAME_MS * 1000);
        md_worker_step(rig->worker);
    }
}

static Rig *begin(void)
{
    static const MdAudioCodec sounds[] = {MD_AUDIO_OPUS};
    static const MdVideoCodec pictures[] = {MD_VIDEO_VP8};
    static MdDtlsIdentity *identity;
    g_autoptr(GError) error = NULL;
    if (identity == NULL)
        identity = md_dtls_identity_new();
    Rig *rig = g_new0(Rig, 1);
    md_virtual_clock_init(&rig->clock, 1000000, 1700000000000000);
    rig->worker = md_worker_new(&(MdWorkerOptions){.name = "test", .cpu = -1, .clock = &rig->clock.base});
    rig->control = md_mailbox_new(64);
    MdLegConfig config = {.worker = rig->worker, .security = MD_SECURITY_REQUIRED, .audio_codecs = sounds, .n_audio_codecs = 1,
                          .video_codecs = pictures, .n_video_codecs = 1, .video_max = {1280, 720, 30, 1500000}, .control = rig->control,
                          .dtls = identity, .browser = true};
    rig->leg = md_leg_new_with_transport(&config, &(MdLegTransport){note, NULL, {9, 9, 9}}, &error);
    g_assert_no_error(error);
    g_autofree char *answer = md_leg_accept_offer(rig->leg, offer, &error);
    g_assert_no_error(error);
    g_assert_nonnull(strstr(answer, "a=simulcast:recv l;m;h"));
    g_assert_cmpint(md_leg_start(rig->leg, &sink, rig), ==, 0);
    md_worker_step(rig->worker);
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++)
        rig->leg->media[m].keyed = rig->leg->media[m].agreed.active;
    return rig;
}

static void end(Rig *rig)
{
    g_assert_cmpuint(rig->broken, ==, 0);
    md_leg_stop(rig->leg, NULL, NULL);
    md_worker_step(rig->worker);
    md_mailbox_drain(rig->control, 0);
    md_worker_free(rig->worker);
    md_mailbox_free(rig->control);
    g_free(rig);
}

/* Only what is of use is put together; all that comes is counted. */
static void test_one_serves(void)
{
    Rig *rig = begin();
    MdLegVideoFormat format;
    const MdLegStats *stats = md_leg_stats(rig->leg);
    md_leg_want_video(rig->leg, 180);
    show(rig, 50, 7);
    g_assert_cmpuint(rig->n_video, ==, 50);
    g_assert_cmpuint(rig->n_layer[0], ==, 50);
    g_assert_cmpuint(rig->n_layer[1] + rig->n_layer[2], ==, 0);
    g_assert_cmpuint(md_stat_get(&stats->video_frames_received), ==, 50);
    g_assert_cmpuint(md_stat_get(&stats->video_layer1_bytes_received), ==, md_stat_get(&stats->video_bytes_received));
    g_assert_cmpuint(md_stat_get(&stats->video_layer3_bytes_received), >, md_stat_get(&stats->video_layer2_bytes_received));
    md_leg_video_format(rig->leg, &format);
    g_assert_cmpuint(format.layers, ==, 3);
    g_assert_cmpuint(format.layers_heard, ==, 7);
    /* A larger place: the line's picture goes over at a key frame, which is asked for once. */
    count_requests(rig);
    unsigned asked = rig->plis[2];
    md_leg_want_video(rig->leg, 720);
    show(rig, 50, 7);
    g_assert_cmpuint(rig->video_layer, ==, 2);
    g_assert_cmpuint(rig->plis[2], ==, asked + 1);
    g_assert_cmpuint(md_stat_get(&stats->video_frames_received), >=, 98);
    g_assert_cmpuint(md_stat_get(&stats->packets_rejected), ==, 0);
    unsigned small = rig->n_layer[0];
    show(rig, 10, 7);
    g_assert_cmpuint(rig->n_layer[0], ==, small);
    end(rig);
}

/* The composer shows a small one, somebody wants the large one as it is: both, independently. */
static void test_side_by_side(void)
{
    Rig *rig = begin();
    md_leg_want_video(rig->leg, 180);
    show(rig, 25, 7);
    md_leg_want_layers(rig->leg, 1u << 2);
    show(rig, 25, 7);
    g_assert_cmpuint(rig->video_layer, ==, 0);
    g_assert_cmpuint(rig->n_video, ==, 50);
    g_assert_cmpuint(rig->n_layer[2], >=, 23);
    g_assert_cmpuint(rig->n_layer[1], ==, 0);
    count_requests(rig);
    g_assert_cmpuint(rig->plis[0], ==, 0); /* the small one's viewers notice nothing */
    g_assert_cmpuint(rig->plis[2], ==, 1);
    /* However often it is asked for: twice a second. */
    for (unsigned i = 0; i < 100; i++) {
        md_leg_request_layer_key_frame(rig->leg, 2, md_clock_now_us(&rig->clock.base));
        show(rig, 1, 7);
    }
    count_requests(rig);
    g_assert_cmpuint(rig->plis[2], <=, 1 + 9);
    g_assert_cmpuint(rig->plis[0] + rig->plis[1], ==, 0);
    md_leg_want_layers(rig->leg, 0);
    unsigned large = rig->n_layer[2];
    show(rig, 25, 7);
    g_assert_cmpuint(rig->n_layer[2], ==, large);
    end(rig);
}

/* What a browser stops sending is not waited for. */
static void test_silent(void)
{
    Rig *rig = begin();
    MdLegVideoFormat format;
    md_leg_want_video(rig->leg, 720);
    show(rig, 50, 7);
    g_assert_cmpuint(rig->video_layer, ==, 2);
    show(rig, 75, 3);
    g_assert_cmpuint(rig->video_layer, ==, 1);
    md_leg_video_format(rig->leg, &format);
    g_assert_cmpuint(format.layers_heard, ==, 3);
    show(rig, 25, 7);
    g_assert_cmpuint(rig->video_layer, ==, 2);
    md_leg_video_format(rig->leg, &format);
    g_assert_cmpuint(format.layers_heard, ==, 7);
    end(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/layers/one-serves", test_one_serves);
    g_test_add_func("/layers/side-by-side", test_side_by_side);
    g_test_add_func("/layers/silent", test_silent);
    return g_test_run();
}
