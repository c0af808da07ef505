/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One presents at a time, and everybody sees it: forwarded, encoded anew, or in the main picture. */
#include "tests/fixtures/meeting.h"

enum { VIEW_ROOM = 1, VIEW_SLIDES = 4, VIEW_CONTENT = 5, SOURCE = 0x7ffffffe };

#define MAIN "hz=0 video=h264 height=720"

static Meeting *begin(MdRoom **ret_room)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){.pictures = true, .content = true});
    *ret_room = meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    return meeting;
}

static const FakeOutput *output_of(uint32_t view)
{
    const GArray *outputs = fake_composer()->outputs;
    const FakeOutput *found = NULL;
    for (guint i = 0; i < outputs->len; i++)
        if (g_array_index(outputs, FakeOutput, i).spec.view == view) {
            g_assert_null(found);
            found = &g_array_index(outputs, FakeOutput, i);
        }
    return found;
}

static void show_slide(Meeting *meeting, MdLeg *leg, MdVideoCodec codec, bool key)
{
    MdFrame *frame = md_frame_new(codec, 16);
    frame->len = 16;
    frame->key = key;
    leg->sink.on_content(leg, frame, leg->user);
    md_frame_unref(frame);
    meeting_run_ms(meeting, 40);
}

static bool in_composer(void)
{
    return g_hash_table_contains(fake_composer()->sources, GUINT_TO_POINTER(SOURCE));
}

static void test_ways(void)
{
    MdRoom *room;
    Meeting *meeting = begin(&room);
    MdLeg *presenter, *same, *other_codec, *small, *mode0, *high, *none;
    meeting_join(meeting, "r", "p", MD_ROLE_SITE, MAIN " content=h264 content_height=1080", &presenter);
    meeting_join(meeting, "r", "a", MD_ROLE_SITE, MAIN " content=h264 content_height=1080", &same);
    meeting_join(meeting, "r", "b", MD_ROLE_SITE, MAIN " content=vp8 content_height=1080", &other_codec);
    meeting_join(meeting, "r", "c", MD_ROLE_SITE, MAIN " content=h264 content_height=720", &small);
    meeting_join(meeting, "r", "d", MD_ROLE_SITE, MAIN " content=h264 content_height=1080", &mode0);
    meeting_join(meeting, "r", "e", MD_ROLE_SITE, MAIN " content=h264 content_height=1080 content_rank=1", &high);
    meeting_join(meeting, "r", "f", MD_ROLE_SITE, MAIN, &none);
    mode0->content.h264_packetization_mode = 0;
    meeting_run_ms(meeting, 300);
    g_autoptr(GError) error = NULL;
    g_assert_cmpuint(fake_composer()->outputs->len, ==, 1);
    show_slide(meeting, presenter, MD_VIDEO_H264, true); /* nobody asked it to */
    g_assert_cmpuint(same->content_sent, ==, 0);
    g_assert_true(md_room_content_start(room, meeting_member(room, 0), &error));
    g_assert_no_error(error);
    g_assert_cmpstr(md_room_content_holder(room), ==, meeting_member(room, 0));
    meeting_run_ms(meeting, 300);
    g_assert_true(in_composer());
    g_assert_cmpint(GPOINTER_TO_INT(g_hash_table_lookup(fake_composer()->states, GUINT_TO_POINTER(SOURCE))), ==, MD_SOURCE_CONTENT);
    g_assert_cmpuint(presenter->content_key_requests, ==, 2); /* for those it is forwarded to; the leg merges them */
    const FakeView *slides = &fake_composer()->views[VIEW_SLIDES], *alone = &fake_composer()->views[VIEW_CONTENT];
    g_assert_cmpuint(slides->cells[0], ==, SOURCE);
    g_assert_cmpuint(slides->n, ==, 8);
    g_assert_cmpint(slides->layout, ==, MD_LAYOUT_1P7);
    g_assert_cmpuint(alone->n, ==, 1);
    g_assert_cmpuint(alone->cells[0], ==, SOURCE);
    /* Room for those with a second stream, slides within the picture for the one without; three encodes of slides alone. */
    g_assert_nonnull(output_of(VIEW_ROOM));
    g_assert_nonnull(output_of(VIEW_SLIDES));
    g_assert_cmpuint(fake_composer()->outputs->len, ==, 5);
    unsigned pushed = fake_composer()->pushed;
    show_slide(meeting, presenter, MD_VIDEO_H264, false);
    g_assert_cmpuint(fake_composer()->pushed, ==, pushed + 1);
    g_assert_cmpuint(same->content_sent + high->content_sent, ==, 0); /* nothing to decode it by yet */
    show_slide(meeting, presenter, MD_VIDEO_H264, true);
    show_slide(meeting, presenter, MD_VIDEO_H264, false);
    g_assert_cmpuint(same->content_sent, ==, 2);
    g_assert_cmpuint(high->content_sent, ==, 2);
    g_assert_cmpuint(other_codec->content_sent + small->content_sent + mode0->content_sent + none->content_sent + presenter->content_sent, ==, 0);
    /* A viewer's wish for a key frame goes to where its picture comes from. */
    unsigned asked = presenter->content_key_requests;
    same->sink.on_content_key_frame_request(same, same->user);
    g_assert_cmpuint(presenter->content_key_requests, ==, asked + 1);
    fake_composer()->options.events.on_need_key(SOURCE, fake_composer()->options.user);
    meeting_run_ms(meeting, 40);
    g_assert_cmpuint(presenter->content_key_requests, ==, asked + 2);
    meeting_free(meeting);
}

static void test_encoded_anew(void)
{
    MdRoom *room;
    Meeting *meeting = begin(&room);
    MdLeg *presenter, *viewer;
    meeting_join(meeting, "r", "p", MD_ROLE_SITE, MAIN " content=vp8 content_height=1080", &presenter);
    meeting_join(meeting, "r", "a", MD_ROLE_SITE, MAIN " content=h264 content_height=720 content_bps=1500000", &viewer);
    meeting_run_ms(meeting, 300);
    g_assert_true(md_room_content_start(room, meeting_member(room, 0), NULL));
    meeting_run_ms(meeting, 300);
    const FakeOutput *output = output_of(VIEW_CONTENT);
    g_assert_nonnull(output);
    g_assert_cmpuint(output->spec.height, ==, 720);
    g_assert_cmpuint(output->keys, ==, 1);
    fake_composer_emit_delta(fake_composer(), output->id);
    meeting_run_ms(meeting, 40);
    g_assert_cmpuint(viewer->content_sent, ==, 0);
    fake_composer_emit(fake_composer(), output->id);
    fake_composer_emit_delta(fake_composer(), output->id);
    meeting_run_ms(meeting, 40);
    g_assert_cmpuint(viewer->content_sent, ==, 2);
    g_assert_cmpuint(viewer->video_sent, ==, 0); /* its main picture is another output */
    viewer->sink.on_content_key_frame_request(viewer, viewer->user);
    g_assert_cmpuint(output_of(VIEW_CONTENT)->keys, ==, 2);
    g_assert_true(md_room_content_stop(room, NULL, NULL));
    meeting_run_ms(meeting, 300);
    g_assert_null(output_of(VIEW_CONTENT));
    g_assert_false(in_composer());
    meeting_free(meeting);
}

/* What flows is more than a line takes: that line gets an encode of its own until it is calm for ten seconds. */
static void test_affordable(void)
{
    MdRoom *room;
    Meeting *meeting = begin(&room);
    MdLeg *presenter, *viewer;
    meeting_join(meeting, "r", "p", MD_ROLE_SITE, MAIN " content=h264 content_height=1080", &presenter);
    meeting_join(meeting, "r", "a", MD_ROLE_SITE, MAIN " content=h264 content_height=1080 content_bps=1000000", &viewer);
    meeting_run_ms(meeting, 300);
    g_assert_true(md_room_content_start(room, meeting_member(room, 0), NULL));
    meeting_run_ms(meeting, 2000);
    g_assert_null(output_of(VIEW_CONTENT));
    for (unsigned s = 0; s < 3; s++) {
        md_stat_add(&presenter->stats.content_bytes_received, 250000); /* 2 Mbit/s */
        meeting_run_ms(meeting, 1000);
    }
    g_assert_nonnull(output_of(VIEW_CONTENT));
    meeting_run_ms(meeting, 12000);
    g_assert_null(output_of(VIEW_CONTENT));
    meeting_free(meeting);
}

static void expect_no(MdRoom *room, unsigned member, const char *why)
{
    g_autoptr(GError) error = NULL;
    g_assert_false(md_room_content_start(room, meeting_member(room, member), &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE);
    if (strstr(error->message, why) == NULL)
        g_error("\"%s\" says nothing of \"%s\"", error->message, why);
}

static void test_who(void)
{
    MdRoom *room;
    Meeting *meeting = begin(&room);
    FakeCall *calls[5];
    calls[0] = meeting_join(meeting, "r", "a", MD_ROLE_SITE, MAIN " content=h264", NULL);
    calls[1] = meeting_join(meeting, "r", "b", MD_ROLE_SITE, MAIN " content=h264", NULL);
    calls[2] = meeting_join(meeting, "r", "o", MD_ROLE_OBSERVER, MAIN " content=h264", NULL);
    calls[3] = meeting_join(meeting, "r", "v", MD_ROLE_SITE, MAIN, NULL);
    calls[4] = meeting_join(meeting, "r", "c", MD_ROLE_CHAIR, MAIN " content=h264", NULL);
    meeting_run_ms(meeting, 300);
    expect_no(room, 2, "observer");
    expect_no(room, 3, "no stream for content");
    g_autoptr(GError) error = NULL;
    g_assert_false(md_room_content_stop(room, NULL, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE);
    /* A device asks by its own means, and all devices hear of it. */
    md_call_emit_content_request(calls[0]->call, true);
    g_assert_cmpint(calls[0]->content, ==, MD_CALL_CONTENT_YOURS);
    g_assert_cmpint(calls[1]->content, ==, MD_CALL_CONTENT_TAKEN);
    g_assert_cmpuint(meeting_events(meeting, "content.started"), ==, 1);
    md_call_emit_content_request(calls[1]->call, true);
    g_assert_cmpint(calls[1]->content, ==, MD_CALL_CONTENT_REFUSED);
    g_assert_cmpint(calls[0]->content, ==, MD_CALL_CONTENT_YOURS);
    expect_no(room, 1, "presents");
    md_call_emit_content_request(calls[0]->call, true); /* again: it has it */
    g_assert_cmpint(calls[0]->content, ==, MD_CALL_CONTENT_YOURS);
    /* The chair takes it over, then away. */
    md_call_emit_content_request(calls[4]->call, true);
    g_assert_cmpint(calls[0]->content, ==, MD_CALL_CONTENT_TAKEN);
    g_assert_cmpint(calls[4]->content, ==, MD_CALL_CONTENT_YOURS);
    md_call_emit_content_request(calls[0]->call, false); /* it does not hold it any more */
    g_assert_cmpint(calls[4]->content, ==, MD_CALL_CONTENT_YOURS);
    g_assert_true(md_room_content_stop(room, NULL, NULL));
    g_assert_cmpint(calls[4]->content, ==, MD_CALL_CONTENT_FREE);
    g_assert_null(md_room_content_holder(room));
    /* Who leaves does not present; who comes is told. */
    md_call_emit_content_request(calls[1]->call, true);
    FakeCall *late = meeting_join(meeting, "r", "l", MD_ROLE_SITE, MAIN " content=h264", NULL);
    g_assert_cmpint(late->content, ==, MD_CALL_CONTENT_TAKEN);
    md_call_emit_closed(calls[1]->call, 200, "BYE");
    g_assert_cmpint(late->content, ==, MD_CALL_CONTENT_FREE);
    g_assert_null(md_room_content_holder(room));
    g_assert_cmpuint(meeting_events(meeting, "content.started"), ==, 3);
    g_assert_cmpuint(meeting_events(meeting, "content.stopped"), ==, 3);
    meeting_run_ms(meeting, 300);
    g_assert_false(in_composer());
    meeting_free(meeting);
}

/* Switched off, no leg takes such a line, and nobody presents. */
static void test_off(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){.pictures = true});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    FakeCall *call = meeting_join(meeting, "r", "a", MD_ROLE_SITE, MAIN " content=h264", NULL);
    meeting_run_ms(meeting, 300);
    md_call_emit_content_request(call->call, true);
    g_assert_cmpint(call->content, ==, MD_CALL_CONTENT_REFUSED);
    g_assert_null(md_room_content_holder(room));
    meeting_free(meeting);
}

/* A device that refuses the whole call for the line is rung again at once without it, and once only. */
static void test_old_device(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){.pictures = true, .content = true, .redial_first_s = 5});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    g_assert_true(md_room_dial(room, (const char *const[]){"old", NULL}, MD_ROLE_SITE, true, NULL));
    g_assert_true(fake_leg(0)->config.offer_content);
    md_call_emit_closed(fake_dialer_last(&meeting->dialer)->call, 488, "Not Acceptable Here");
    meeting_run_ms(meeting, 500);
    g_assert_cmpuint(meeting->dialer.calls->len, ==, 2);
    g_assert_cmpuint(fake_legs(), ==, 2);
    g_assert_false(fake_leg(1)->config.offer_content);
    g_assert_true(fake_leg(1)->config.content); /* it may offer one itself */
    md_call_emit_closed(fake_dialer_last(&meeting->dialer)->call, 488, "Not Acceptable Here");
    meeting_run_ms(meeting, 500);
    g_assert_cmpuint(meeting->dialer.calls->len, ==, 2);
    meeting_free(meeting);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/content/ways", test_ways);
    g_test_add_func("/content/encoded-anew", test_encoded_anew);
    g_test_add_func("/content/affordable", test_affordable);
    g_test_add_func("/content/who", test_who);
    g_test_add_func("/content/off", test_off);
    g_test_add_func("/content/old-device", test_old_device);
    return g_test_run();
}
