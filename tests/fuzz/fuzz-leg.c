/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Datagrams at a whole leg that has agreed on plain sound and pictures: buffers, decoders, reports and repair
 * in one. Input: one byte of settings, then pieces of [length of 2 bytes][where: 1 byte][datagram]. Time
 * moves on with each. */
#include <stdlib.h>
#include <string.h>

#include "mediad/leg/leg-private.h"
#include "tests/fuzz/fuzz.h"

#define PIECES_MAX 200

static const char offer[] =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP %s 101 13\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\na=rtpmap:101 "
    "telephone-event/8000\r\na=rtcp-mux\r\n"
    "m=video 4002 RTP/AVP %s\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 "
    "packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:99 VP8/90000\r\n"
    "a=rtcp-fb:* nack\r\na=rtcp-fb:* nack pli\r\na=rtcp-fb:* ccm fir\r\na=rtcp-fb:* ccm tmmbr\r\n";

static int nowhere(void *user, unsigned media, bool rtcp, const MdAddr *to, const uint8_t *data, size_t len)
{
    if (len > MD_UDP_PACKET_MAX)
        abort();
    return 0;
}

static void on_video(MdLeg *leg, MdFrame *frame, void *user)
{
    if (frame->len == 0 || frame->len > MD_FRAME_MAX)
        abort();
    md_leg_send_video(leg, frame, md_worker_now_us(leg->worker)); /* an echo: there is something to NACK */
}

static void on_key(MdLeg *leg, void *user)
{
}

static void on_dtmf(MdLeg *leg, char digit, unsigned duration_ms, void *user)
{
    if (!strchr("0123456789*#ABCD!", digit) || !digit)
        abort();
}

static const MdLegSink sink = {on_video, on_key, on_dtmf};

static void tick(MdLeg *leg, MdVirtualClock *clock, int64_t us)
{
    float pcm[MD_AUDIO_TICK_SAMPLES];
    MdLegAudio audio;
    md_virtual_clock_advance(clock, us);
    md_worker_step(leg->worker);
    md_leg_pull_audio(leg, md_clock_now_us(&clock->base), pcm, &audio);
    for (unsigned i = 0; i < MD_AUDIO_TICK_SAMPLES; i++)
        if (!(pcm[i] > -16.0f && pcm[i] < 16.0f)) /* not a number either; resampling may overshoot MD_AUDIO_PEAK_MAX */
            abort();
}

static void feed(MdLeg *leg, MdVirtualClock *clock, const uint8_t *data, size_t size)
{
    MdAddr from[2];
    md_addr_from_string(&from[0], "192.0.2.9:4000");
    md_addr_from_string(&from[1], "192.0.2.9:4002");
    for (unsigned pieces = 0; size >= 3 && pieces < PIECES_MAX; pieces++) {
        size_t len = (size_t)data[0] << 8 | data[1];
        uint8_t where = data[2], copy[MD_UDP_PACKET_MAX];
        data += 3;
        size -= 3;
        len = len < size ? len : size;
        len = len < sizeof copy ? len : sizeof copy;
        memcpy(copy, data, len);
        md_leg_receive(leg, where & 1, (where & 2) != 0, &from[where & 1], copy, len,
                       md_clock_now_us(&clock->base));
        data += len;
        size -= len;
        tick(leg, clock, where & 4 ? 20000 : (where >> 3) * 10000);
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
    MdLegTransport transport = {nowhere, NULL, {4000, 4002}};
    MdLeg *leg = md_leg_new_with_transport(&config, &transport, NULL);
    g_autofree char *text = g_strdup_printf(offer, types[data[0] & 3], data[0] & 4 ? "97" : "99");
    g_autofree char *answer = md_leg_accept_offer(leg, text, NULL);
    if (!answer || md_leg_start(leg, &sink, NULL) < 0)
        abort();
    md_worker_step(worker);
    feed(leg, &clock, data + 1, size - 1);
    for (unsigned i = 0; i < 5; i++)
        tick(leg, &clock, 20000);
    md_leg_stop(leg, NULL, NULL);
    md_worker_step(worker);
    md_worker_free(worker);
    return 0;
}
