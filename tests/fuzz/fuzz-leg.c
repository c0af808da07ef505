/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Datagrams at a whole leg that has agreed on plain sound and pictures: buffers, decoders, reports and repair
 * in one. Input: one byte of settings, then pieces of [length of 2 bytes][where: 1 byte][datagram]. Time
 * moves on with each. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/leg-fuzz.h"

#define PIECES_MAX 200

static const char offer[] =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP %s 101 13\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\na=rtpmap:101 "
    "telephone-event/8000\r\na=rtcp-mux\r\n"
    "m=video 4002 RTP/AVP %s\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 "
    "packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:99 VP8/90000\r\n"
    "a=rtcp-fb:* nack\r\na=rtcp-fb:* nack pli\r\na=rtcp-fb:* ccm fir\r\na=rtcp-fb:* ccm tmmbr\r\n";

static void on_video(MdLeg *leg, MdFrame *frame, void *user)
{
    leg_fuzz_echo_video(leg, frame);
}

static const MdLegSink sink = {on_video, leg_fuzz_on_key, leg_fuzz_on_dtmf};

static void feed(MdLeg *leg, MdVirtualClock *clock, const uint8_t *data, size_t size)
{
    MdAddr from[2];
    md_addr_from_string(&from[0], "192.0.2.9:4000");
    md_addr_from_string(&from[1], "192.0.2.9:4002");
    LegFuzzPiece piece;
    for (unsigned pieces = 0; pieces < PIECES_MAX && leg_fuzz_next(&data, &size, &piece); pieces++) {
        uint8_t where = piece.how;
        md_leg_receive(leg, where & 1, (where & 2) != 0, &from[where & 1], piece.data, piece.len,
                       md_clock_now_us(&clock->base));
        leg_fuzz_tick(leg, clock, where & 4 ? 20000 : (where >> 3) * 10000);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const MdAudioCodec sounds[] = {MD_AUDIO_OPUS, MD_AUDIO_G722, MD_AUDIO_PCMA, MD_AUDIO_PCMU};
    static const MdVideoCodec pictures[] = {MD_VIDEO_H264, MD_VIDEO_VP8};
    static const char *const types[] = {"96", "9", "8", "0"};
    if (size == 0)
        return 0;
    MdVirtualClock clock;
    md_virtual_clock_init(&clock, 1000000, 1700000000000000);
    MdWorkerOptions options = {.name = "fuzz", .cpu = -1, .clock = &clock.base};
    MdWorker *worker = md_worker_new(&options);
    MdLegConfig config = {.worker = worker,
                          .local_host = "192.0.2.1",
                          .security = MD_SECURITY_PREFERRED,
                          .audio_codecs = sounds,
                          .n_audio_codecs = 4,
                          .video_codecs = pictures,
                          .n_video_codecs = 2};
    MdLegTransport transport = {leg_fuzz_nowhere, NULL, {4000, 4002}};
    MdLeg *leg = md_leg_new_with_transport(&config, &transport, NULL);
    g_autofree char *text = g_strdup_printf(offer, types[data[0] & 3], data[0] & 4 ? "97" : "99");
    g_autofree char *answer = md_leg_accept_offer(leg, text, NULL);
    if (!answer || md_leg_start(leg, &sink, NULL) < 0)
        abort();
    md_worker_step(worker);
    feed(leg, &clock, data + 1, size - 1);
    for (unsigned i = 0; i < 5; i++)
        leg_fuzz_tick(leg, &clock, 20000);
    md_leg_stop(leg, NULL, NULL);
    md_worker_step(worker);
    md_worker_free(worker);
    return 0;
}
