/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The room's main picture for somebody else, and the signs that say so. */
#include "tests/fixtures/meeting.h"
#include <string.h>

typedef struct Heard {
    unsigned frames, keys, done;
    bool began_with_key;
} Heard;

static void on_picture(MdFrame *frame, int64_t now_us, void *user)
{
    Heard *heard = user;
    g_assert_cmpuint(heard->done, ==, 0);
    if (heard->frames++ == 0)
        heard->began_with_key = frame->key;
    heard->keys += frame->key;
}

static void on_done(void *user)
{
    ((Heard *)user)->done++;
}

static MdRoomPictureTap tap_for(Heard *heard)
{
    return (MdRoomPictureTap){.codec = MD_VIDEO_H264, .wanted = {1280, 720, 15, 1500000}, .key_interval_ms = 2000, .fn = on_picture, .user = heard};
}

static void test_made_and_removed(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){.pictures = true});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "giao-ban"});
    Heard heard = {0};
    MdRoomPictureTap tap = tap_for(&heard);
    meeting_run_ms(meeting, 200);
    MdComposer *composer = fake_composer();
    g_assert_cmpuint(composer->outputs->len, ==, 0);
    g_assert_true(md_room_add_picture_tap(room, &tap, NULL));
    g_assert_cmpuint(composer->outputs->len, ==, 1);
    FakeOutput *output = &g_array_index(composer->outputs, FakeOutput, 0);
    g_assert_cmpuint(output->spec.width, ==, 1280);
    g_assert_cmpuint(output->spec.bitrate_bps, ==, 1500000);
    g_assert_cmpint(output->spec.codec, ==, MD_VIDEO_H264);
    uint32_t id = output->id;
    meeting_run_ms(meeting, 100);
    fake_composer_emit_delta(composer, id); /* cannot be decoded alone: held back, and a key frame is asked for */
    meeting_run_ms(meeting, 100);
    g_assert_cmpuint(heard.frames, ==, 0);
    unsigned asked = g_array_index(composer->outputs, FakeOutput, 0).keys;
    g_assert_cmpuint(asked, >=, 1);
    fake_composer_emit(composer, id);
    fake_composer_emit_delta(composer, id);
    meeting_run_ms(meeting, 100);
    g_assert_cmpuint(heard.frames, ==, 2);
    g_assert_true(heard.began_with_key);
    g_assert_cmpuint(g_array_index(composer->outputs, FakeOutput, 0).keys, ==, asked);
    meeting_run_ms(meeting, 2000);
    fake_composer_emit_delta(composer, id); /* two seconds since the last one */
    meeting_run_ms(meeting, 100);
    g_assert_cmpuint(g_array_index(composer->outputs, FakeOutput, 0).keys, ==, asked + 1);
    md_room_request_picture_key(room, on_picture, &heard);
    g_assert_cmpuint(g_array_index(composer->outputs, FakeOutput, 0).keys, ==, asked + 2);
    md_conference_remove_picture_tap(meeting->conference, "Giao-Ban", on_picture, &heard, on_done);
    g_assert_cmpuint(composer->outputs->len, ==, 0);
    g_assert_cmpuint(heard.done, ==, 0); /* not before the worker has passed */
    meeting_run_ms(meeting, 200);
    g_assert_cmpuint(heard.done, ==, 1);
    md_conference_remove_picture_tap(meeting->conference, "giao-ban", on_picture, &heard, on_done);
    g_assert_cmpuint(heard.done, ==, 2); /* there is none: at once */
    meeting_free(meeting);
}

static void test_shares_the_encode(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){.pictures = true});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "giao-ban"});
    MdLeg *leg;
    meeting_join(meeting, "giao-ban", "xa-a", MD_ROLE_SITE, "hz=440 amp=0.1 codec=opus video=h264", &leg);
    leg->video.max = (MdVideoClass){1280, 720, 15, 1500000};
    meeting_run_ms(meeting, 400);
    MdComposer *composer = fake_composer();
    g_assert_cmpuint(composer->outputs->len, ==, 1);
    Heard heard = {0};
    MdRoomPictureTap tap = tap_for(&heard);
    g_assert_true(md_room_add_picture_tap(room, &tap, NULL));
    g_assert_cmpuint(composer->outputs->len, ==, 1);
    md_conference_remove_picture_tap(meeting->conference, "giao-ban", on_picture, &heard, on_done);
    meeting_run_ms(meeting, 200);
    g_assert_cmpuint(heard.done, ==, 1);
    g_assert_cmpuint(composer->outputs->len, ==, 1);
    meeting_free(meeting);
}

static void test_room_ends(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){.pictures = true});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "giao-ban"});
    Heard heard = {0};
    MdRoomPictureTap tap = tap_for(&heard);
    g_assert_true(md_room_add_picture_tap(room, &tap, NULL));
    g_assert_true(md_conference_remove_room(meeting->conference, "giao-ban", NULL));
    md_conference_remove_picture_tap(meeting->conference, "giao-ban", on_picture, &heard, on_done);
    meeting_run_ms(meeting, 400);
    g_assert_cmpuint(heard.done, ==, 1);
    meeting_free(meeting);
}

static void test_refused(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "giao-ban"});
    Heard heard = {0};
    MdRoomPictureTap tap = tap_for(&heard);
    g_autoptr(GError) error = NULL;
    g_assert_false(md_room_add_picture_tap(room, &tap, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE);
    meeting_free(meeting);
    g_clear_error(&error);

    meeting = meeting_new(&(MeetingSpec){.pictures = true});
    room = meeting_room(meeting, &(MdRoomSpec){.name = "giao-ban"});
    Heard many[9] = {0};
    for (unsigned i = 0; i < G_N_ELEMENTS(many); i++) {
        tap = tap_for(&many[i]);
        g_assert_true(md_room_add_picture_tap(room, &tap, &error) == (i < 8));
    }
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_LIMIT);
    meeting_free(meeting);
}

static void test_marks(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){.pictures = true});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "giao-ban", .language = "en"});
    MdRoomInfo info;
    meeting_run_ms(meeting, 200);
    MdComposer *composer = fake_composer();
    g_assert_cmpstr(composer->views[1].sign, ==, "");
    md_room_mark(room, MD_ROOM_MARK_RECORDED, true, "r1");
    g_assert_cmpstr(composer->views[1].sign, ==, "REC");
    g_assert_nonnull(strstr(meeting->last_event, "\"id\":\"r1\""));
    md_room_mark(room, MD_ROOM_MARK_STREAMED, true, "s1");
    md_room_mark(room, MD_ROOM_MARK_STREAMED, true, "s2");
    g_assert_cmpstr(composer->views[1].sign, ==, "REC · LIVE");
    md_room_info(room, &info);
    g_assert_true(info.recorded && info.streamed);
    md_room_mark(room, MD_ROOM_MARK_RECORDED, false, "r1");
    md_room_mark(room, MD_ROOM_MARK_STREAMED, false, "s1");
    g_assert_cmpstr(composer->views[1].sign, ==, "LIVE");
    md_room_mark(room, MD_ROOM_MARK_STREAMED, false, "s2");
    md_room_info(room, &info);
    g_assert_false(info.recorded || info.streamed);
    g_assert_cmpstr(composer->views[1].sign, ==, "");
    g_assert_cmpuint(meeting_events(meeting, "recording.started"), ==, 1);
    g_assert_cmpuint(meeting_events(meeting, "recording.stopped"), ==, 1);
    g_assert_cmpuint(meeting_events(meeting, "stream.started"), ==, 2);
    g_assert_cmpuint(meeting_events(meeting, "stream.stopped"), ==, 2);
    meeting_free(meeting);
}

/* The settings' language counts for rooms made from then on, where they say none; the others keep theirs. */
static void test_language(void)
{
    static const struct {
        const char *name, *language, *sign;
        bool english;
    } rooms[] = {{"mot", NULL, "GHI HÌNH", false}, {"hai", NULL, "REC", true}, {"ba", "vi", "GHI HÌNH", true}, {"bon", NULL, "GHI HÌNH", false}};
    Meeting *meeting = meeting_new(&(MeetingSpec){.pictures = true});
    MdRoom *room[G_N_ELEMENTS(rooms)];
    MdComposer *composer[G_N_ELEMENTS(rooms)];

    for (unsigned i = 0; i < G_N_ELEMENTS(rooms); i++) {
        md_conference_set_english(meeting->conference, rooms[i].english);
        room[i] = meeting_room(meeting, &(MdRoomSpec){.name = rooms[i].name, .language = rooms[i].language});
        meeting_run_ms(meeting, 200);
        composer[i] = fake_composer();
        g_assert_cmpint(composer[i]->options.english, ==, strcmp(rooms[i].sign, "REC") == 0);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(rooms); i++) {
        md_room_mark(room[i], MD_ROOM_MARK_RECORDED, true, "r1");
        g_assert_cmpstr(composer[i]->views[1].sign, ==, rooms[i].sign);
    }
    meeting_free(meeting);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/conference/tap/made-and-removed", test_made_and_removed);
    g_test_add_func("/conference/tap/shares-the-encode", test_shares_the_encode);
    g_test_add_func("/conference/tap/room-ends", test_room_ends);
    g_test_add_func("/conference/tap/refused", test_refused);
    g_test_add_func("/conference/tap/marks", test_marks);
    g_test_add_func("/conference/tap/language", test_language);
    return g_test_run();
}
