/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Speakers' own pictures for those who want them: as they came, on lines that change over at key frames; composed where that cannot be. */
#include <string.h>
#include "tests/fixtures/meeting.h"

#define SPEAKER "hz=440 amp=0.1 video=h264 height=720"
#define QUIET "hz=0 video=h264 height=720"
#define VIEWER "hz=0 video=h264 height=720 streams=3"

typedef struct Got {
    unsigned n, wrong;        /* not the next one of its source, or begun without a key frame */
    uint8_t source;
    uint16_t number;
} Got;
static Got got[MD_LEG_STREAMS_MAX];
static uint16_t numbers[16]; /* of the last picture of each source */

static void on_stream(MdLeg *leg, unsigned stream, const MdFrame *frame)
{
    Got *line = &got[stream];
    uint8_t source = frame->data[0];
    uint16_t number = (uint16_t)(frame->data[1] << 8 | frame->data[2]);
    bool goes_on = line->n > 0 && source == line->source && number == line->number + 1;
    line->wrong += frame->len != 1000u + number || (!goes_on && !frame->key);
    line->source = source;
    line->number = number;
    line->n++;
}

/* One picture of a source, or of a layer of it, coded by its number; the smallest is what the line's own picture is. */
static void show_layer(MdLeg *leg, unsigned layer, uint8_t source, bool key)
{
    uint16_t number = ++numbers[source];
    MdFrame *frame = md_frame_new(leg->video.codec, 1000u + number);
    frame->len = 1000u + number;
    frame->key = key;
    frame->data[0] = source;
    frame->data[1] = (uint8_t)(number >> 8);
    frame->data[2] = (uint8_t)number;
    if (layer == 0)
        leg->sink.on_video(leg, frame, leg->user);
    if (layer == 0 || leg->wanted_layers >> layer & 1) /* what a leg puts together */
        leg->sink.on_layer(leg, layer, frame, leg->user);
    md_frame_unref(frame);
}

static void show(Meeting *meeting, MdLeg *leg, uint8_t source, bool key)
{
    show_layer(leg, 0, source, key);
    meeting_run_ms(meeting, 40);
}

static void forget(void)
{
    memset(got, 0, sizeof got);
    memset(numbers, 0, sizeof numbers);
}

static Meeting *begin(MdRoom **ret_room, unsigned forward_max)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){.pictures = true, .content = true, .forward_max = forward_max});
    *ret_room = meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    forget();
    return meeting;
}

static void want(MdRoom *room, unsigned member, unsigned n)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(md_room_set_member_streams(room, meeting_member(room, member), n, 720, &error));
    g_assert_no_error(error);
}

/* One who speaks, and one who is to be shown others on n lines. */
static FakeCall *begin_pair(Meeting **ret_meeting, MdRoom **ret_room, const char *viewer, unsigned n, MdLeg **ret_a, MdLeg **ret_v)
{
    Meeting *meeting = *ret_meeting = begin(ret_room, 10);
    meeting_join(meeting, "r", "a", MD_ROLE_SITE, SPEAKER, ret_a);
    FakeCall *call = meeting_join(meeting, "r", "v", MD_ROLE_SITE, viewer, ret_v);
    (*ret_v)->on_stream = on_stream;
    meeting_run_ms(meeting, 500);
    want(*ret_room, 1, n);
    meeting_run_ms(meeting, 200);
    return call;
}

static void assert_line(const FakeCall *call, unsigned line, const char *member, bool main)
{
    g_assert_cmpuint(call->streams.n, >, line);
    g_assert_cmpstr(call->streams.lines[line].member, ==, member);
    g_assert_cmpint(call->streams.lines[line].main, ==, main);
}

static void test_as_they_came(void)
{
    MdRoom *room;
    Meeting *meeting = begin(&room, 10);
    MdLeg *a, *b, *v;
    meeting_join(meeting, "r", "a", MD_ROLE_SITE, SPEAKER, &a);
    meeting_join(meeting, "r", "b", MD_ROLE_SITE, QUIET, &b);
    FakeCall *call = meeting_join(meeting, "r", "v", MD_ROLE_SITE, VIEWER, &v);
    v->on_stream = on_stream;
    meeting_run_ms(meeting, 500);
    show(meeting, a, 0, true);
    g_assert_cmpuint(v->streams_sent, ==, 0); /* nobody asked */
    g_assert_cmpuint(call->streams_told, ==, 0);
    want(room, 2, 2);
    g_assert_cmpuint(call->streams_told, ==, 1);
    g_assert_cmpint(call->streams.composed, ==, MD_CALL_COMPOSED_FULL);
    meeting_run_ms(meeting, 300);
    unsigned asked = a->key_requests;
    show(meeting, a, 0, false);
    g_assert_cmpuint(v->streams_sent, ==, 0); /* nothing to decode it by yet */
    g_assert_cmpuint(a->key_requests, ==, asked + 1);
    show(meeting, a, 0, true);
    assert_line(call, 0, meeting_member(room, 0), true);
    assert_line(call, 1, NULL, false);
    g_assert_cmpint(call->streams.composed, ==, MD_CALL_COMPOSED_SMALL); /* b is not there yet */
    g_assert_cmpstr(call->streams.lines[0].mid, ==, "3");
    show(meeting, b, 1, true);
    assert_line(call, 1, meeting_member(room, 1), false);
    g_assert_cmpint(call->streams.composed, ==, MD_CALL_COMPOSED_OFF);
    meeting_run_ms(meeting, 200);
    /* Nothing is encoded for it; a and b share the room's. */
    unsigned outputs = fake_composer()->outputs->len, sent = v->video_sent;
    g_assert_cmpuint(outputs, <=, 2);
    for (unsigned i = 0; i < 30; i++) {
        show(meeting, a, 0, i == 20);
        show(meeting, b, 1, false);
        for (guint k = 0; k < fake_composer()->outputs->len; k++)
            fake_composer_emit(fake_composer(), g_array_index(fake_composer()->outputs, FakeOutput, k).id);
    }
    g_assert_cmpuint(got[0].n, ==, 31);
    g_assert_cmpuint(got[1].n, ==, 31);
    g_assert_cmpuint(got[0].wrong + got[1].wrong, ==, 0);
    g_assert_cmpuint(v->video_sent, ==, sent);
    g_assert_cmpuint(fake_composer()->outputs->len, ==, outputs);
    /* A viewer's wish for a key frame goes to where its picture comes from. */
    asked = b->key_requests;
    v->sink.on_stream_key_frame_request(v, 1, v->user);
    g_assert_cmpuint(b->key_requests, ==, asked + 1);
    /* Back: the composed picture, from a key frame on. */
    want(room, 2, 0);
    meeting_run_ms(meeting, 200);
    g_assert_cmpuint(call->streams.n, ==, 0);
    show(meeting, a, 0, true);
    g_assert_cmpuint(got[0].n, ==, 31);
    for (guint k = 0; k < fake_composer()->outputs->len; k++)
        fake_composer_emit(fake_composer(), g_array_index(fake_composer()->outputs, FakeOutput, k).id);
    meeting_run_ms(meeting, 40);
    g_assert_cmpuint(v->video_sent, >, sent);
    meeting_free(meeting);
}

/* One line: whoever speaks next is there from its key frame on, who spoke before until then. */
static void test_change_over(void)
{
    MdRoom *room;
    Meeting *meeting = begin(&room, 10);
    MdLeg *a, *b, *v;
    meeting_join(meeting, "r", "a", MD_ROLE_SITE, SPEAKER, &a);
    FakeCall *gone = meeting_join(meeting, "r", "b", MD_ROLE_SITE, SPEAKER, &b);
    FakeCall *call = meeting_join(meeting, "r", "v", MD_ROLE_SITE, VIEWER, &v);
    v->on_stream = on_stream;
    b->silent = true;
    meeting_run_ms(meeting, 500);
    want(room, 2, 1);
    meeting_run_ms(meeting, 200);
    show(meeting, a, 0, true);
    show(meeting, a, 0, false);
    assert_line(call, 0, meeting_member(room, 0), true);
    a->silent = true;
    b->silent = false;
    meeting_run_ms(meeting, 4000);
    unsigned asked = b->key_requests;
    for (unsigned i = 0; i < 5; i++) {
        show(meeting, a, 0, false);
        show(meeting, b, 1, false);
    }
    g_assert_cmpuint(got[0].n, ==, 7);
    g_assert_cmpuint(got[0].source, ==, 0);
    g_assert_cmpuint(b->key_requests, ==, asked + 5); /* its leg makes one of them */
    assert_line(call, 0, meeting_member(room, 0), false);
    show(meeting, b, 1, true);
    assert_line(call, 0, meeting_member(room, 1), true);
    for (unsigned i = 0; i < 5; i++) {
        show(meeting, a, 0, i == 2);
        show(meeting, b, 1, false);
    }
    g_assert_cmpuint(got[0].n, ==, 13);
    g_assert_cmpuint(got[0].source, ==, 1);
    g_assert_cmpuint(got[0].wrong, ==, 0);
    /* What could not be sent: nothing more before a key frame. */
    v->stream_fails = 1;
    show(meeting, b, 1, false);
    show(meeting, b, 1, false);
    g_assert_cmpuint(got[0].n, ==, 13);
    show(meeting, b, 1, true);
    g_assert_cmpuint(got[0].n, ==, 14);
    g_assert_cmpuint(got[0].wrong, ==, 0);
    /* Its source leaves: the other's, from its key frame on. */
    md_call_emit_closed(gone->call, 200, "BYE");
    meeting_run_ms(meeting, 300);
    assert_line(call, 0, NULL, false);
    g_assert_cmpint(call->streams.composed, ==, MD_CALL_COMPOSED_FULL);
    show(meeting, a, 0, false);
    g_assert_cmpuint(got[0].n, ==, 14);
    show(meeting, a, 0, true);
    g_assert_cmpuint(got[0].n, ==, 15);
    meeting_free(meeting);
}

/* Hidden by the chair: at once, and shown again only from a key frame on. Never one's own picture. */
static void test_hidden(void)
{
    MdRoom *room;
    Meeting *meeting;
    MdLeg *a, *v;
    FakeCall *call = begin_pair(&meeting, &room, SPEAKER " streams=3", 3, &a, &v);
    show(meeting, v, 1, true);
    g_assert_cmpuint(v->streams_sent, ==, 0);
    show(meeting, a, 0, true);
    g_assert_cmpuint(v->streams_sent, ==, 1);
    g_assert_cmpint(call->streams.composed, ==, MD_CALL_COMPOSED_OFF);
    g_assert_true(md_room_mute_video(room, meeting_member(room, 0), true, NULL));
    meeting_run_ms(meeting, 40);
    show(meeting, a, 0, false);
    show(meeting, a, 0, true);
    g_assert_cmpuint(v->streams_sent, ==, 1);
    assert_line(call, 0, NULL, false);
    g_assert_cmpint(call->streams.composed, ==, MD_CALL_COMPOSED_FULL);
    g_assert_true(md_room_mute_video(room, meeting_member(room, 0), false, NULL));
    meeting_run_ms(meeting, 40);
    show(meeting, a, 0, false);
    g_assert_cmpuint(v->streams_sent, ==, 1);
    show(meeting, a, 0, true);
    show(meeting, a, 0, false);
    g_assert_cmpuint(v->streams_sent, ==, 3);
    g_assert_cmpuint(got[0].wrong, ==, 0);
    meeting_free(meeting);
}

/* Another codec cannot be forwarded: that one stays composed, large if it speaks, else beside the others. */
static void test_other_codec(void)
{
    MdRoom *room;
    Meeting *meeting = begin(&room, 10);
    MdLeg *sip, *b, *v;
    meeting_join(meeting, "r", "sip", MD_ROLE_SITE, "hz=440 amp=0.1 video=vp8 height=720", &sip);
    meeting_join(meeting, "r", "b", MD_ROLE_SITE, SPEAKER, &b);
    FakeCall *call = meeting_join(meeting, "r", "v", MD_ROLE_SITE, VIEWER, &v);
    v->on_stream = on_stream;
    b->silent = true;
    meeting_run_ms(meeting, 500);
    want(room, 2, 3);
    meeting_run_ms(meeting, 200);
    show(meeting, sip, 0, true);
    show(meeting, b, 1, true);
    assert_line(call, 0, meeting_member(room, 1), false);
    assert_line(call, 1, NULL, false);
    g_assert_cmpint(call->streams.composed, ==, MD_CALL_COMPOSED_FULL);
    for (guint k = 0; k < fake_composer()->outputs->len; k++)
        fake_composer_emit(fake_composer(), g_array_index(fake_composer()->outputs, FakeOutput, k).id);
    meeting_run_ms(meeting, 40);
    g_assert_cmpuint(v->video_sent, ==, 1);
    sip->silent = true;
    b->silent = false;
    meeting_run_ms(meeting, 4000);
    show(meeting, b, 1, false);
    assert_line(call, 0, meeting_member(room, 1), true);
    g_assert_cmpint(call->streams.composed, ==, MD_CALL_COMPOSED_SMALL);
    g_assert_cmpuint(got[0].wrong, ==, 0);
    bool small = false;
    for (guint k = 0; k < fake_composer()->outputs->len; k++)
        small |= g_array_index(fake_composer()->outputs, FakeOutput, k).spec.height == 360;
    g_assert_true(small);
    meeting_free(meeting);
}

static void test_limits(void)
{
    MdRoom *room;
    Meeting *meeting = begin(&room, 2);
    MdLeg *a, *b;
    meeting_join(meeting, "r", "a", MD_ROLE_SITE, SPEAKER, &a);
    meeting_join(meeting, "r", "b", MD_ROLE_SITE, QUIET, &b);
    FakeCall *first = meeting_join(meeting, "r", "v", MD_ROLE_SITE, VIEWER, NULL),
             *second = meeting_join(meeting, "r", "w", MD_ROLE_SITE, VIEWER, NULL);
    meeting_run_ms(meeting, 500);
    want(room, 2, 2);
    want(room, 3, 2);
    meeting_run_ms(meeting, 200);
    show(meeting, a, 0, true);
    show(meeting, b, 1, true);
    g_assert_cmpint(first->streams.composed, ==, MD_CALL_COMPOSED_OFF);
    g_assert_cmpint(second->streams.composed, ==, MD_CALL_COMPOSED_FULL);
    g_assert_cmpint(second->streams.why, ==, MD_CALL_STREAMS_LIMIT);
    want(room, 2, 0); /* room for the other */
    meeting_run_ms(meeting, 200);
    show(meeting, a, 0, true);
    show(meeting, b, 1, true);
    g_assert_cmpint(second->streams.composed, ==, MD_CALL_COMPOSED_OFF);
    g_autoptr(GError) error = NULL;
    g_assert_false(md_room_set_member_streams(room, meeting_member(room, 2), MD_LEG_STREAMS_MAX + 1, 0, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID);
    meeting_free(meeting);
    g_clear_error(&error);
    meeting = begin(&room, 0);
    meeting_join(meeting, "r", "v", MD_ROLE_SITE, VIEWER, NULL);
    g_assert_false(md_room_set_member_streams(room, meeting_member(room, 0), 1, 0, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE);
    meeting_free(meeting);
}

/* A network that does not carry what flows: the composed picture instead, and another try later. */
static void test_affordable(void)
{
    MdRoom *room;
    Meeting *meeting;
    MdLeg *a, *v;
    FakeCall *call = begin_pair(&meeting, &room, VIEWER, 1, &a, &v);
    show(meeting, a, 0, true);
    g_assert_cmpint(call->streams.composed, ==, MD_CALL_COMPOSED_OFF);
    for (unsigned s = 0; s < 4; s++) {
        md_stat_add(&a->stats.video_bytes_received, 125000); /* 1 Mbit/s */
        meeting_run_ms(meeting, 1000);
    }
    g_assert_cmpint(call->streams.composed, ==, MD_CALL_COMPOSED_OFF);
    v->stream.max.bitrate_bps = 400000;
    for (unsigned s = 0; s < 3; s++) { /* an estimate may be low for a moment */
        md_stat_add(&a->stats.video_bytes_received, 125000);
        meeting_run_ms(meeting, 1000);
    }
    v->stream.max.bitrate_bps = 1500000;
    md_stat_add(&a->stats.video_bytes_received, 125000);
    meeting_run_ms(meeting, 2000);
    g_assert_cmpint(call->streams.composed, ==, MD_CALL_COMPOSED_OFF);
    v->stream.max.bitrate_bps = 400000;
    for (unsigned s = 0; s < 6; s++) {
        md_stat_add(&a->stats.video_bytes_received, 125000);
        meeting_run_ms(meeting, 1000);
    }
    g_assert_cmpint(call->streams.composed, ==, MD_CALL_COMPOSED_FULL);
    g_assert_cmpint(call->streams.why, ==, MD_CALL_STREAMS_LINE);
    unsigned n = got[0].n;
    show(meeting, a, 0, true);
    g_assert_cmpuint(got[0].n, ==, n);
    v->stream.max.bitrate_bps = 1500000; /* what was lost long ago is forgotten */
    meeting_run_ms(meeting, 16000);
    show(meeting, a, 0, true);
    g_assert_cmpuint(got[0].n, ==, n + 1);
    g_assert_cmpint(call->streams.composed, ==, MD_CALL_COMPOSED_OFF);
    g_assert_cmpuint(got[0].wrong, ==, 0);
    meeting_free(meeting);
}

/* Those of its layers that come, each by itself; a key frame where one is asked for. */
static void show_sizes(MdLeg *leg, uint8_t source)
{
    for (unsigned i = 0; i < 3; i++) {
        unsigned asked = leg->layer_key_requests[i];
        if (leg->video.layers_heard >> i & 1)
            show_layer(leg, i, (uint8_t)(source + i), false);
        if (leg->layer_key_requests[i] != asked)
            show_layer(leg, i, (uint8_t)(source + i), true);
    }
}

static void seconds(Meeting *meeting, unsigned n, MdLeg *a, MdLeg *b)
{
    static const uint32_t rates[] = {120000, 500000, 1500000};
    for (unsigned i = 0; i < 5 * n; i++) {
        MdStat *bytes[2][3] = {{&a->stats.video_layer1_bytes_received, &a->stats.video_layer2_bytes_received, &a->stats.video_layer3_bytes_received},
                               {&b->stats.video_layer1_bytes_received, &b->stats.video_layer2_bytes_received, &b->stats.video_layer3_bytes_received}};
        for (unsigned k = 0; k < 6; k++)
            md_stat_add(bytes[k / 3][k % 3], rates[k % 3] / 40);
        show_sizes(a, 0);
        show_sizes(b, 4);
        meeting_run_ms(meeting, 200);
    }
}

static Got wide[MD_LEG_STREAMS_MAX];
static void on_wide_stream(MdLeg *leg, unsigned stream, const MdFrame *frame)
{
    Got here[MD_LEG_STREAMS_MAX];
    memcpy(here, got, sizeof here);
    memcpy(got, wide, sizeof got);
    on_stream(leg, stream, frame);
    memcpy(wide, got, sizeof wide);
    memcpy(got, here, sizeof got);
}

typedef struct Sizes {
    Meeting *meeting;
    MdRoom *room;
    MdLeg *a, *b, *thin, *wide;
    FakeCall *call, *wide_call;
} Sizes;

/* Who speaks and another, each in three sizes; two who look at them in large windows. */
static Sizes sizes_begin(void)
{
    Sizes s;
    s.meeting = begin(&s.room, 10);
    meeting_join(s.meeting, "r", "a", MD_ROLE_SITE, SPEAKER " layers=3", &s.a);
    meeting_join(s.meeting, "r", "b", MD_ROLE_SITE, QUIET " layers=3", &s.b);
    s.call = meeting_join(s.meeting, "r", "v", MD_ROLE_SITE, "hz=0 streams=2 video=h264 height=720", &s.thin);
    s.wide_call = meeting_join(s.meeting, "r", "w", MD_ROLE_SITE, "hz=0 streams=2 video=h264 height=720", &s.wide);
    s.thin->video.receiving = s.wide->video.receiving = false; /* they send no picture */
    s.thin->on_stream = on_stream;
    s.wide->on_stream = on_wide_stream;
    memset(wide, 0, sizeof wide);
    meeting_run_ms(s.meeting, 500);
    want(s.room, 2, 2);
    want(s.room, 3, 2);
    meeting_run_ms(s.meeting, 200);
    seconds(s.meeting, 3, s.a, s.b);
    return s;
}

static void sizes_end(Sizes *s)
{
    for (unsigned k = 0; k < 2; k++)
        g_assert_cmpuint(got[k].wrong + wide[k].wrong, ==, 0);
    meeting_free(s->meeting);
}

/* Layers are sources 0.. of who speaks, 4.. of the other. */
static void assert_sizes(const Got *of, unsigned main, unsigned other)
{
    g_assert_cmpuint(of[0].source, ==, main);
    g_assert_cmpuint(of[1].source, ==, 4 + other);
}

/* One thin line takes nothing from the others: only its own pictures become smaller, and larger again when it has room. */
static void test_layer_for_each(void)
{
    Sizes s = sizes_begin();
    assert_sizes(got, 2, 0); /* who speaks large, the other small */
    assert_sizes(wide, 2, 0);
    g_assert_cmpint(s.call->streams.composed, ==, MD_CALL_COMPOSED_OFF);
    g_assert_cmpuint(s.a->wanted_layers, ==, 4);
    g_assert_cmpuint(s.b->wanted_layers, ==, 1);
    unsigned told = s.call->streams_told, asked = s.a->layer_key_requests[2], n = wide[0].n;
    s.thin->stream.max.bitrate_bps = 400000; /* of each of its lines */
    seconds(s.meeting, 4, s.a, s.b);
    assert_sizes(got, 1, 0);
    assert_sizes(wide, 2, 0);
    g_assert_cmpuint(s.a->wanted_layers, ==, 4 | 2);
    g_assert_cmpuint(s.a->layer_key_requests[2], ==, asked); /* the others notice nothing */
    g_assert_cmpuint(s.a->layer_key_requests[1], <=, 2);
    g_assert_cmpuint(wide[0].n, ==, n + 20);
    g_assert_cmpuint(s.call->streams_told, ==, told);        /* nor does its page: the same picture on the same line */
    s.thin->stream.max.bitrate_bps = 120000;
    seconds(s.meeting, 4, s.a, s.b);
    assert_sizes(got, 0, 0);
    assert_sizes(wide, 2, 0);
    g_assert_cmpint(s.call->streams.composed, ==, MD_CALL_COMPOSED_OFF);
    g_assert_cmpuint(s.a->wanted_layers, ==, 4 | 1);
    /* Room again: one size after the other, not at once. */
    s.thin->stream.max.bitrate_bps = 1500000;
    seconds(s.meeting, 4, s.a, s.b);
    assert_sizes(got, 0, 0);
    seconds(s.meeting, 3, s.a, s.b);
    assert_sizes(got, 1, 0);
    seconds(s.meeting, 5, s.a, s.b);
    assert_sizes(got, 2, 0);
    assert_sizes(wide, 2, 0);
    g_assert_cmpuint(s.a->wanted_layers, ==, 4);
    g_assert_cmpuint(s.a->layer_key_requests[2], <=, asked + 2);
    sizes_end(&s);
}

/* What a line does not bear is tried again later and later; a line that bears not even the smallest gets the composed picture. */
static void test_layer_again(void)
{
    Sizes s = sizes_begin();
    unsigned up[3];
    for (unsigned round = 0; round < 3; round++) {
        s.thin->stream.max.bitrate_bps = 400000;
        seconds(s.meeting, 4, s.a, s.b);
        assert_sizes(got, 1, 0);
        s.thin->stream.max.bitrate_bps = 1500000;
        for (up[round] = 0; got[0].source != 2 && up[round] < 60; up[round]++)
            seconds(s.meeting, 1, s.a, s.b);
    }
    g_assert_cmpuint(up[0], <=, 7);
    g_assert_cmpuint(up[1], >, up[0]);
    g_assert_cmpuint(up[2], >, up[1]);
    g_assert_cmpuint(up[2], <=, 22);
    s.thin->stream.max.bitrate_bps = 60000;
    seconds(s.meeting, 9, s.a, s.b);
    g_assert_cmpint(s.call->streams.composed, ==, MD_CALL_COMPOSED_FULL);
    g_assert_cmpint(s.call->streams.why, ==, MD_CALL_STREAMS_LINE);
    g_assert_cmpint(s.wide_call->streams.composed, ==, MD_CALL_COMPOSED_OFF);
    g_assert_cmpuint(s.a->wanted_layers, ==, 4);
    s.thin->stream.max.bitrate_bps = 400000;
    unsigned n = got[0].n;
    for (unsigned waited = 0; got[0].n == n; waited++) {
        g_assert_cmpuint(waited, <, 18);
        seconds(s.meeting, 1, s.a, s.b);
    }
    seconds(s.meeting, 1, s.a, s.b);
    g_assert_cmpint(s.call->streams.composed, ==, MD_CALL_COMPOSED_OFF);
    assert_sizes(got, 0, 0); /* it begins with the smallest */
    seconds(s.meeting, 45, s.a, s.b); /* so often has what it had before not lasted */
    assert_sizes(got, 1, 0);
    assert_sizes(wide, 2, 0);
    sizes_end(&s);
}

/* A small window is sent small pictures; what a source stops sending is not waited for. */
static void test_layer_that_serves(void)
{
    Sizes s = sizes_begin();
    g_assert_true(md_room_set_member_streams(s.room, meeting_member(s.room, 2), 2, 360, NULL));
    seconds(s.meeting, 1, s.a, s.b);
    assert_sizes(got, 1, 0);
    assert_sizes(wide, 2, 0);
    g_assert_cmpuint(s.a->wanted_layers, ==, 4 | 2);
    s.a->video.layers_heard = 3; /* its browser's line has become thin */
    meeting_run_ms(s.meeting, 600);
    seconds(s.meeting, 1, s.a, s.b);
    assert_sizes(wide, 1, 0);
    g_assert_cmpuint(s.a->wanted_layers, ==, 2);
    s.a->video.layers_heard = 7;
    meeting_run_ms(s.meeting, 600);
    seconds(s.meeting, 1, s.a, s.b);
    assert_sizes(wide, 2, 0);
    sizes_end(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/forward/as-they-came", test_as_they_came);
    g_test_add_func("/forward/change-over", test_change_over);
    g_test_add_func("/forward/hidden", test_hidden);
    g_test_add_func("/forward/other-codec", test_other_codec);
    g_test_add_func("/forward/limits", test_limits);
    g_test_add_func("/forward/affordable", test_affordable);
    g_test_add_func("/forward/layer-for-each", test_layer_for_each);
    g_test_add_func("/forward/layer-again", test_layer_again);
    g_test_add_func("/forward/layer-that-serves", test_layer_that_serves);
    return g_test_run();
}
