/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Datagrams at a browser's leg: all lines over one path, told apart by what they bring; layers, retransmissions, redundancy, feedback
 * on our packets. Input: pieces of [length of 2 bytes][how: 1 byte][datagram]; how: 0 RTP, 1 RTCP, both as they come out of SRTP,
 * 2 as it comes from the network, plus 4: 20 ms later. Pictures are given back, so that there is something to ask for again. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/leg-fuzz.h"

#define PIECES_MAX 300
#define BROWSER                                                                                              \
    "c=IN IP4 0.0.0.0\r\na=ice-ufrag:1SQX\r\na=ice-pwd:kms2emUV6omsbYoKeMr+Pntq\r\na=fingerprint:sha-256 "   \
    "C5:18:63:DB:7C:6B:52:FB:A3:59:9A:1D:C1:F6:17:47:18:36:12:36:57:F4:3A:C0:7B:05:5C:12:68:D2:78:52\r\n"    \
    "a=setup:actpass\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=sendrecv\r\n"                                        \
    "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n"               \
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
#define PICTURES                                                                                             \
    "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 transport-cc\r\na=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 nack\r\n"    \
    "a=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"                                 \
    "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"                                          \
    "a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n"

static const char offer[] =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 110\r\n" BROWSER
    "a=mid:0\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 useinbandfec=1\r\n"
    "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:110 telephone-event/48000\r\na=ssrc:100 cname:x\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n" BROWSER PICTURES
    "a=mid:1\r\na=rid:l send\r\na=rid:m send\r\na=rid:h send\r\na=simulcast:send l;m;h\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n" BROWSER PICTURES "a=mid:2\r\na=ssrc-group:FID 300 301\r\na=ssrc:300 cname:x\r\na=ssrc:301 cname:x\r\n";

static void on_video(MdLeg *leg, MdFrame *frame, void *user)
{
    leg_fuzz_echo_video(leg, frame);
    md_leg_want_video(leg, (uint16_t)(frame->data[frame->len - 1] * 4));
}

static void on_layer(MdLeg *leg, unsigned layer, MdFrame *frame, void *user)
{
    if (frame->len == 0 || layer >= MD_LEG_LAYERS_MAX)
        abort();
    md_leg_want_layers(leg, frame->data[frame->len - 1] >> 4);
    md_leg_request_layer_key_frame(leg, frame->data[0] & 3, md_worker_now_us(leg->worker));
}

static void on_content(MdLeg *leg, MdFrame *frame, void *user)
{
    md_leg_send_content(leg, frame, md_worker_now_us(leg->worker));
}

static const MdLegSink sink = {on_video, leg_fuzz_on_key, leg_fuzz_on_dtmf, on_content, leg_fuzz_on_key, .on_layer = on_layer};

static void tick(MdLeg *leg, MdVirtualClock *clock)
{
    static const uint8_t silence[] = {0xf8, 0xff, 0xfe};
    MdLegVideoFormat format;
    leg_fuzz_tick(leg, clock, 20000);
    md_leg_send_audio(leg, silence, sizeof silence, md_clock_now_us(&clock->base));
    md_leg_video_format(leg, &format);
    if (format.max.bitrate_bps < 100000 || format.max.bitrate_bps > 1500000)
        abort();
}

static void feed(MdLeg *leg, MdMailbox *control, MdVirtualClock *clock, const uint8_t *data, size_t size)
{
    MdAddr from;
    md_addr_from_string(&from, "192.0.2.9:4000");
    LegFuzzPiece piece;
    for (unsigned pieces = 0; pieces < PIECES_MAX && leg_fuzz_next(&data, &size, &piece); pieces++) {
        if ((piece.how & 3) >= 2)
            leg_bundle_receive(leg, &from, piece.data, piece.len, md_clock_now_us(&clock->base));
        else
            leg_bundle_take(leg, piece.how & 1, piece.data, piece.len, md_clock_now_us(&clock->base));
        if (piece.how & 4)
            tick(leg, clock);
        md_mailbox_drain(control, 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const MdAudioCodec sounds[] = {MD_AUDIO_OPUS};
    static const MdVideoCodec pictures[] = {MD_VIDEO_VP8};
    static MdDtlsIdentity *identity;
    if (!identity)
        identity = md_dtls_identity_new();
    MdVirtualClock clock;
    md_virtual_clock_init(&clock, 1000000, 1700000000000000);
    MdWorkerOptions options = {.name = "fuzz", .cpu = -1, .clock = &clock.base};
    MdWorker *worker = md_worker_new(&options);
    MdMailbox *control = md_mailbox_new(64);
    MdLogger logger = md_logger(NULL, "fuzz");
    MdLegConfig config = {.worker = worker, .security = MD_SECURITY_REQUIRED, .audio_codecs = sounds, .n_audio_codecs = 1,
                          .video_codecs = pictures, .n_video_codecs = 1, .control = control, .dtls = identity, .browser = true,
                          .content = true, .logger = &logger};
    MdLegTransport transport = {leg_fuzz_nowhere, NULL, {9, 9, 9}};
    MdLeg *leg = md_leg_new_with_transport(&config, &transport, NULL);
    g_autofree char *answer = md_leg_accept_offer(leg, offer, NULL);
    if (!answer || md_leg_start(leg, &sink, NULL) < 0)
        abort();
    md_worker_step(worker);
    for (unsigned m = 0; m < MD_LEG_MEDIA_MAX; m++)
        leg->media[m].keyed = leg->media[m].agreed.active;
    feed(leg, control, &clock, data, size);
    for (unsigned i = 0; i < 5; i++)
        tick(leg, &clock);
    md_leg_stop(leg, NULL, NULL);
    md_worker_step(worker);
    md_mailbox_drain(control, 0);
    md_worker_free(worker);
    md_mailbox_free(control);
    return 0;
}
