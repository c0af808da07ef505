/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A browser's line for others' pictures: encoded frames arrive whole, in order and unchanged, lost packets are sent again, requests
 * for key frames come out merged and named. The far side takes our line for its content, so that it can be looked at. */
#include <string.h>

#include "pair.h"

#define HEAD_LEN 10
#define FRAMES 150
#define BOGUS "m=video 0 UDP/TLS/RTP/SAVPF 99\r\na=mid:x\r\na=inactive\r\n"

typedef struct Seen {
    unsigned n, damaged, wrong, missing;
    uint16_t last;
} Seen;
static Seen seen;

static size_t size_of(unsigned number)
{
    return 400 + (number * 2654435761u >> 8) % 9000;
}

/* Coded by its number: what it holds can be told from that alone. */
static MdFrame *make_frame(uint16_t number, bool key, int64_t now_us)
{
    static const uint8_t head[HEAD_LEN] = {0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01};
    size_t len = size_of(number);
    MdFrame *frame = md_frame_new(MD_VIDEO_VP8, len);
    frame->len = len;
    frame->key = key;
    frame->time_us = now_us;
    for (size_t i = 0; i < len; i++)
        frame->data[i] = (uint8_t)(number + i * 7);
    memcpy(frame->data, head, sizeof head);
    if (!key)
        frame->data[0] |= 1;
    frame->data[HEAD_LEN] = (uint8_t)(number >> 8);
    frame->data[HEAD_LEN + 1] = (uint8_t)number;
    return frame;
}

static void on_slide(PairSide *side, const MdFrame *frame)
{
    uint16_t number = (uint16_t)(frame->data[HEAD_LEN] << 8 | frame->data[HEAD_LEN + 1]);
    bool whole = frame->len == size_of(number);
    for (size_t i = HEAD_LEN + 2; whole && i < frame->len; i++)
        whole = frame->data[i] == (uint8_t)(number + i * 7);
    seen.damaged += frame->damaged;
    seen.wrong += !whole || (seen.n > 0 && number <= seen.last);
    seen.missing += seen.n > 0 ? (unsigned)(number - seen.last - 1) : 0;
    seen.last = number;
    seen.n++;
}

static void agree(Pair *pair, const char *direction)
{
    g_autoptr(GError) error = NULL;
    char *offer = md_leg_create_offer(pair->side[1].leg, &error);
    g_assert_no_error(error);
    if (strstr(offer, " 97 98 99")) /* the first one */
        offer = pair_replace(offer, " 97 98 99", " 99");
    char *third = g_strrstr(offer, "m=video");
    g_autofree char *head = g_strndup(offer, (gsize)(third - offer));
    g_autofree char *tail = pair_replace(g_strdup(third), "a=sendrecv", direction);
    g_autofree char *edited = g_strconcat(head, BOGUS, tail, NULL);
    char *answer = md_leg_accept_offer(pair->side[0].leg, edited, &error);
    g_assert_no_error(error);
    answer = pair_replace(answer, BOGUS, "");
    g_assert_true((strstr(answer, "a=msid:stream3 stream3") != NULL) == (strcmp(direction, "a=recvonly") == 0));
    g_assert_true(md_leg_accept_answer(pair->side[1].leg, answer, &error));
    g_assert_no_error(error);
    g_free(answer);
    g_free(offer);
    md_worker_step(pair->worker);
    for (unsigned i = 0; i < 20; i++) {
        pair_run(pair, 20);
        g_main_context_iteration(NULL, FALSE);
    }
}

static void begin(Pair *pair)
{
    pair_init(pair, &(PairOptions){.security = {MD_SECURITY_PREFERRED, MD_SECURITY_PREFERRED}, .browser = true, .dtls = true, .video = true,
                                   .content = true, .offer_content = true, .streams = 1});
    agree(pair, "a=recvonly");
    seen = (Seen){0};
    pair->side[1].on_slide = on_slide;
}

static void show(Pair *pair, unsigned first, unsigned n)
{
    for (unsigned i = first; i < first + n; i++) {
        MdFrame *frame = make_frame((uint16_t)i, i == first, md_clock_now_us(&pair->clock.base));
        g_assert_cmpint(md_leg_send_stream(pair->side[0].leg, 0, frame, md_clock_now_us(&pair->clock.base)), ==, 0);
        md_frame_unref(frame);
        pair_run(pair, 60);
    }
}

static void test_whole(void)
{
    Pair pair;
    begin(&pair);
    const MdLegStats *stats = md_leg_stats(pair.side[0].leg);
    MdLegVideoFormat format;
    g_assert_cmpstr(md_leg_stream_mid(pair.side[0].leg, 0), ==, "2");
    g_assert_cmpstr(md_leg_stream_mid(pair.side[0].leg, 1), ==, "");
    md_leg_stream_format(pair.side[0].leg, 0, &format);
    g_assert_true(format.sending);
    g_assert_false(format.receiving);
    g_assert_cmpint(format.codec, ==, MD_VIDEO_VP8);
    md_leg_stream_format(pair.side[0].leg, 1, &format);
    g_assert_false(format.sending);
    show(&pair, 1, FRAMES);
    pair_run(&pair, 500);
    g_assert_cmpuint(seen.n, ==, FRAMES);
    g_assert_cmpuint(seen.damaged + seen.wrong + seen.missing, ==, 0);
    g_assert_cmpuint(md_stat_get(&stats->streams_packets_sent), >, FRAMES);
    g_assert_cmpuint(md_stat_get(&stats->streams_packets_retransmitted), ==, 0);
    g_assert_cmpuint(md_stat_get(&stats->video_packets_sent) + md_stat_get(&stats->content_packets_sent), ==, 0);
    pair_clear(&pair);
}

static unsigned dropped;
static uint16_t last; /* sequence number */

/* Every ninth packet of the line, the first time it is sent. */
static bool drop_some(Pair *pair, unsigned from, unsigned media, const uint8_t *data, size_t len)
{
    if (from != 0 || media != MD_LEG_MEDIA_STREAM || md_rtp_is_rtcp(data, len))
        return false;
    uint16_t seq = md_get16(data + 2);
    bool first = last == 0 || (int16_t)(seq - last) > 0;
    last = first ? seq : last;
    bool drop = first && seq % 9 == 0;
    dropped += drop;
    return drop;
}

static void test_repaired(void)
{
    Pair pair;
    begin(&pair);
    const MdLegStats *stats = md_leg_stats(pair.side[0].leg);
    dropped = last = 0;
    show(&pair, 1, 2); /* what is missing before the first is missed by nobody */
    pair.tap = drop_some;
    show(&pair, 3, FRAMES - 2);
    pair.tap = NULL;
    show(&pair, FRAMES + 1, 1);
    pair_run(&pair, 500);
    g_assert_cmpuint(dropped, >, FRAMES / 9);
    g_assert_cmpuint(md_stat_get(&stats->streams_packets_retransmitted), >=, dropped);
    g_assert_cmpuint(seen.n, ==, FRAMES + 1);
    g_assert_cmpuint(seen.damaged + seen.wrong + seen.missing, ==, 0);
    pair_clear(&pair);
}

/* A hundred wishes in two seconds are a handful of requests. */
static void test_key_requests(void)
{
    Pair pair;
    begin(&pair);
    show(&pair, 1, 3);
    unsigned before = pair.side[0].stream_key_requests, others = pair.side[0].key_requests + pair.side[0].slide_key_requests;
    for (unsigned i = 0; i < 100; i++) {
        md_leg_request_content_key_frame(pair.side[1].leg, md_clock_now_us(&pair.clock.base));
        leg_video_key_asked(pair.side[0].leg->pictures[MD_LEG_MEDIA_STREAM], md_clock_now_us(&pair.clock.base)); /* a peer that asks on and on */
        pair_run(&pair, 20);
    }
    unsigned asked = pair.side[0].stream_key_requests - before;
    g_assert_cmpuint(asked, >=, 1);
    g_assert_cmpuint(asked, <=, 4);
    g_assert_cmpuint(pair.side[0].last_stream, ==, 0);
    g_assert_cmpuint(pair.side[0].key_requests + pair.side[0].slide_key_requests, ==, others);
    pair_clear(&pair);
}

/* The page rests the line and takes it up again: nothing goes out meanwhile, and the rest of the call goes on. */
static void test_rest(void)
{
    Pair pair;
    begin(&pair);
    show(&pair, 1, 5);
    g_assert_cmpuint(seen.n, ==, 5);
    agree(&pair, "a=inactive");
    MdFrame *frame = make_frame(6, true, md_clock_now_us(&pair.clock.base));
    g_assert_cmpint(md_leg_send_stream(pair.side[0].leg, 0, frame, md_clock_now_us(&pair.clock.base)), ==, -ENOTCONN);
    md_frame_unref(frame);
    pair_run(&pair, 300);
    g_assert_cmpuint(seen.n, ==, 5);
    g_assert_cmpfloat(pair_heard(&pair, 1, 400), >, 0.2f);
    unsigned before = pair.side[0].stream_key_requests;
    agree(&pair, "a=recvonly");
    g_assert_cmpuint(pair.side[0].stream_key_requests, >, before); /* whoever begins again needs a key frame */
    show(&pair, 7, 5);
    pair_run(&pair, 200);
    g_assert_cmpuint(seen.n, ==, 10);
    g_assert_cmpuint(seen.damaged + seen.wrong, ==, 0);
    pair_clear(&pair);
}

/* A line that carries next to nothing bounds every one of those that share it. */
static void test_least(void)
{
    Pair pair;
    MdLegVideoFormat format[2];
    begin(&pair);
    MdLeg *leg = pair.side[0].leg;
    for (unsigned i = 1; i <= 20; i++) {
        int64_t now_us = md_clock_now_us(&pair.clock.base);
        MdFrame *frame = make_frame((uint16_t)i, i == 1, now_us);
        g_assert_cmpint(md_leg_send_stream(leg, 0, frame, now_us), ==, 0);
        g_assert_cmpint(md_leg_send_video(leg, frame, now_us), ==, 0);
        md_frame_unref(frame);
        pair_run(&pair, 60);
    }
    leg_rate_remb(leg, 30000, md_clock_now_us(&pair.clock.base));
    md_leg_video_format(leg, &format[0]);
    md_leg_stream_format(leg, 0, &format[1]);
    g_assert_cmpuint(format[0].max.bitrate_bps, ==, 100000);
    g_assert_cmpuint(format[1].max.bitrate_bps, ==, 100000);
    pair_clear(&pair);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/streams/whole", test_whole);
    g_test_add_func("/streams/repaired", test_repaired);
    g_test_add_func("/streams/key-requests", test_key_requests);
    g_test_add_func("/streams/rest", test_rest);
    g_test_add_func("/streams/least", test_least);
    return g_test_run();
}
