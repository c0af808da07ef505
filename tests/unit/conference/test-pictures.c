/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a room uses its composer: seats, views, shared outputs, key frames. */
#include <string.h>
#include "tests/fixtures/meeting.h"

enum { VIEW_ROOM = 1, VIEW_SPEAKER = 2 };

static unsigned id_number(MdRoom *room, unsigned i)
{
    return (unsigned)strtoul(meeting_member(room, i) + 1, NULL, 10);
}

static void speak(MdLeg *legs[], unsigned n, unsigned who)
{
    for (unsigned i = 0; i < n; i++)
        legs[i]->silent = i != who;
}

static const FakeOutput *only_output(void)
{
    g_assert_cmpuint(fake_composer()->outputs->len, ==, 1);
    return &g_array_index(fake_composer()->outputs, FakeOutput, 0);
}

static void test_shared(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){.pictures = true});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    MdLeg *legs[5];
    for (unsigned i = 0; i < 4; i++)
        meeting_join(meeting, "r", "a", MD_ROLE_SITE, "hz=400 video=h264", &legs[i]);
    FakeCall *voice = meeting_join(meeting, "r", "voice", MD_ROLE_SITE, "hz=500", &legs[4]);
    meeting_run_ms(meeting, 500);
    const FakeOutput *output = only_output();
    g_assert_cmpuint(output->spec.width, ==, 1280);
    g_assert_cmpuint(output->spec.bitrate_bps, ==, 1500000);
    g_assert_cmpuint(output->spec.fps, ==, 15);
    g_assert_cmpuint(output->keys, ==, 4); /* each newcomer needs one; the composer merges them */
    fake_composer_emit(fake_composer(), output->id);
    meeting_run_ms(meeting, 40);
    for (unsigned i = 0; i < 4; i++)
        g_assert_cmpuint(legs[i]->video_sent, ==, 1);
    g_assert_cmpuint(legs[4]->video_sent, ==, 0);
    const FakeView *view = &fake_composer()->views[VIEW_ROOM];
    g_assert_cmpint(view->layout, ==, MD_LAYOUT_AUTO);
    g_assert_cmpuint(view->n, ==, 5);
    for (unsigned i = 0; i < 5; i++)
        g_assert_cmpuint(view->cells[i], ==, id_number(room, i));
    GHashTable *states = fake_composer()->states;
    g_assert_cmpint(GPOINTER_TO_INT(g_hash_table_lookup(states, GUINT_TO_POINTER(view->cells[0]))), ==,
                    MD_SOURCE_LIVE);
    g_assert_cmpint(GPOINTER_TO_INT(g_hash_table_lookup(states, GUINT_TO_POINTER(view->cells[4]))), ==,
                    MD_SOURCE_AUDIO_ONLY);
    /* Pictures in; the decoder asks for a key frame; so does a viewer. */
    MdFrame *frame = md_frame_new(MD_VIDEO_H264, 10);
    legs[2]->sink.on_video(legs[2], frame, legs[2]->user);
    md_frame_unref(frame);
    g_assert_cmpuint(fake_composer()->pushed, ==, 1);
    fake_composer()->options.events.on_need_key(view->cells[2], fake_composer()->options.user);
    meeting_run_ms(meeting, 40);
    g_assert_cmpuint(legs[2]->key_requests, ==, 1);
    legs[1]->sink.on_key_frame_request(legs[1], legs[1]->user);
    g_assert_cmpuint(only_output()->keys, ==, 5);
    md_call_emit_closed(voice->call, 200, "BYE");
    meeting_run_ms(meeting, 300);
    g_assert_cmpuint(view->n, ==, 4);
    meeting_free(meeting);
}

static void test_classes(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){.pictures = true});
    meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    static const char *const sdp[] = {"hz=0 video=h264 height=1080", "hz=0 video=h264 height=720",
                                      "hz=0 video=vp8 height=720", "hz=0 video=h264 height=400",
                                      "hz=0 video=h264 height=720"};
    FakeCall *calls[G_N_ELEMENTS(sdp)];
    for (unsigned i = 0; i < G_N_ELEMENTS(sdp); i++)
        calls[i] = meeting_join(meeting, "r", "a", MD_ROLE_SITE, sdp[i], NULL);
    meeting_run_ms(meeting, 300);
    g_assert_cmpuint(fake_composer()->outputs->len, ==, 4); /* 1080p, 720p, VP8 720p, 360p */
    for (unsigned i = 0; i < 3; i++)
        md_call_emit_closed(calls[i]->call, 200, "BYE");
    meeting_run_ms(meeting, 300);
    g_assert_cmpuint(fake_composer()->outputs->len, ==, 2); /* 720p is still watched */
    meeting_free(meeting);
}

/* Lines that differ a little share an encode; a poor one gets a smaller picture rather than a smeared one. */
static void test_rates(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){.pictures = true});
    meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    static const unsigned kbps[] = {1500, 1400, 1000, 950, 600, 400, 100};
    static const struct {
        unsigned height, kbps;
    } expected[] = {{720, 1500}, {720, 900}, {720, 510}, {360, 307}, {180, 65}};
    for (unsigned i = 0; i < G_N_ELEMENTS(kbps); i++) {
        g_autofree char *sdp = g_strdup_printf("hz=0 video=h264 video_bps=%u000", kbps[i]);
        meeting_join(meeting, "r", "a", MD_ROLE_SITE, sdp, NULL);
    }
    meeting_run_ms(meeting, 300);
    const GArray *outputs = fake_composer()->outputs;
    g_assert_cmpuint(outputs->len, ==, G_N_ELEMENTS(expected));
    for (unsigned i = 0; i < outputs->len; i++) {
        const MdComposerOutput *spec = &g_array_index(outputs, FakeOutput, i).spec;
        g_assert_cmpuint(spec->height, ==, expected[i].height);
        g_assert_cmpuint(spec->bitrate_bps / 1000, ==, expected[i].kbps);
    }
    meeting_free(meeting);
}

static void test_speaker(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){.pictures = true});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r", .layout = MD_LAYOUT_1P5});
    MdLeg *legs[3];
    for (unsigned i = 0; i < 3; i++)
        meeting_join(meeting, "r", "a", MD_ROLE_SITE, "hz=400 video=h264", &legs[i]);
    speak(legs, 3, 2);
    meeting_run_ms(meeting, 3000);
    const FakeView *view = &fake_composer()->views[VIEW_ROOM], *own = &fake_composer()->views[VIEW_SPEAKER];
    g_assert_cmpuint(view->cells[0], ==, id_number(room, 2));
    speak(legs, 3, 1);
    meeting_run_ms(meeting, 3000);
    g_assert_cmpuint(view->cells[0], ==, id_number(room, 1));
    /* Who speaks sees who spoke before, and itself last. */
    g_assert_cmpuint(own->cells[0], ==, id_number(room, 2));
    g_assert_cmpuint(own->cells[2], ==, id_number(room, 1));
    g_assert_cmpuint(fake_composer()->outputs->len, ==, 2);
    g_assert_cmpuint(meeting_events(meeting, "room.speaker"), ==, 2);
    meeting_free(meeting);
}

/* Nothing of an output before its key frame, however it became somebody's: by coming in, by another class. */
static void test_key_first(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){.pictures = true});
    meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    MdLeg *legs[2];
    meeting_join(meeting, "r", "a", MD_ROLE_SITE, "hz=0 video=h264", &legs[0]);
    meeting_run_ms(meeting, 300);
    uint32_t large = only_output()->id;
    fake_composer_emit(fake_composer(), large);
    fake_composer_emit_delta(fake_composer(), large);
    meeting_run_ms(meeting, 40);
    g_assert_cmpuint(legs[0]->video_sent, ==, 2);
    meeting_join(meeting, "r", "b", MD_ROLE_SITE, "hz=0 video=h264", &legs[1]);
    meeting_run_ms(meeting, 300);
    unsigned keys = only_output()->keys;
    for (unsigned i = 0; i < 8; i++)
        fake_composer_emit_delta(fake_composer(), large);
    meeting_run_ms(meeting, 40);
    g_assert_cmpuint(legs[0]->video_sent, ==, 10); /* whoever has the picture goes on */
    g_assert_cmpuint(legs[1]->video_sent, ==, 0);
    g_assert_cmpuint(only_output()->keys, ==, keys + 1); /* asked again */
    fake_composer_emit(fake_composer(), large);
    fake_composer_emit_delta(fake_composer(), large);
    meeting_run_ms(meeting, 40);
    g_assert_cmpuint(legs[1]->video_sent, ==, 2);
    legs[1]->video.max.bitrate_bps = 300000; /* its line gets worse: a smaller picture */
    meeting_run_ms(meeting, 300);
    g_assert_cmpuint(fake_composer()->outputs->len, ==, 2);
    uint32_t small = g_array_index(fake_composer()->outputs, FakeOutput, 1).id;
    fake_composer_emit_delta(fake_composer(), small);
    fake_composer_emit_delta(fake_composer(), large);
    meeting_run_ms(meeting, 40);
    g_assert_cmpuint(legs[1]->video_sent, ==, 2);
    fake_composer_emit(fake_composer(), small);
    meeting_run_ms(meeting, 40);
    g_assert_cmpuint(legs[1]->video_sent, ==, 3);
    meeting_free(meeting);
}

/* A peer whose limit jumps up and down costs the others nothing: down at once, up after ten calm seconds. */
static void test_hysteresis(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){.pictures = true});
    meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    MdLeg *legs[2];
    FakeCall *call = NULL;
    for (unsigned i = 0; i < 2; i++)
        call = meeting_join(meeting, "r", "a", MD_ROLE_SITE, "hz=0 video=h264 video_bps=1500000", &legs[i]);
    meeting_run_ms(meeting, 300);
    unsigned keys = only_output()->keys;
    for (unsigned i = 0; i < 60; i++) { /* half a minute of it */
        legs[1]->video.max.bitrate_bps = i % 2 == 0 ? 100000 : 1500000;
        meeting_run_ms(meeting, 500);
        g_assert_cmpuint(fake_composer()->outputs->len, ==, 2); /* it is down, and stays */
    }
    g_assert_cmpuint(g_array_index(fake_composer()->outputs, FakeOutput, 0).keys, ==, keys);
    g_assert_cmpuint(g_array_index(fake_composer()->outputs, FakeOutput, 1).keys, ==, 1);
    meeting_run_ms(meeting, 5000);
    legs[1]->video.max.bitrate_bps = 600000; /* the least of the ten seconds is what counts */
    meeting_run_ms(meeting, 1000);
    legs[1]->video.max.bitrate_bps = 1500000;
    meeting_run_ms(meeting, 3000);
    g_assert_cmpuint(g_array_index(fake_composer()->outputs, FakeOutput, 1).spec.height, ==, 180);
    meeting_run_ms(meeting, 1500);
    g_assert_cmpuint(g_array_index(fake_composer()->outputs, FakeOutput, 1).spec.height, ==, 720);
    g_assert_cmpuint(g_array_index(fake_composer()->outputs, FakeOutput, 1).spec.bitrate_bps, ==, 510000);
    meeting_run_ms(meeting, 11000);
    g_assert_cmpuint(fake_composer()->outputs->len, ==, 1);
    /* A new agreement counts at once. */
    md_call_emit_sdp(call->call, MD_SDP_OFFER, "hz=0 video=h264 height=360 video_bps=300000");
    meeting_run_ms(meeting, 300);
    md_call_emit_sdp(call->call, MD_SDP_OFFER, "hz=0 video=h264 video_bps=1500000");
    meeting_run_ms(meeting, 300);
    g_assert_cmpuint(fake_composer()->outputs->len, ==, 1);
    meeting_free(meeting);
}

/* A tour of single pictures goes on though somebody has spoken. */
static void test_tour_of_speakers(void)
{
    g_autoptr(GError) error = NULL;
    Meeting *meeting = meeting_new(&(MeetingSpec){.pictures = true});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r", .layout = MD_LAYOUT_SINGLE});
    MdLeg *legs[3];
    for (unsigned i = 0; i < 3; i++)
        meeting_join(meeting, "r", "a", MD_ROLE_SITE, "hz=400 video=h264", &legs[i]);
    speak(legs, 3, 1);
    meeting_run_ms(meeting, 3000);
    const FakeView *view = &fake_composer()->views[VIEW_ROOM];
    g_assert_cmpuint(view->cells[0], ==, id_number(room, 1));
    g_assert_true(md_room_set_tour(room, 10, &error));
    for (unsigned i = 0; i < 6; i++) {
        g_assert_cmpuint(view->cells[0], ==, id_number(room, i % 3));
        meeting_run_ms(meeting, 10000);
    }
    g_assert_cmpuint(fake_composer()->outputs->len, ==, 1); /* who speaks sees it as all do */
    g_assert_true(md_room_set_tour(room, 0, &error));
    g_assert_cmpuint(view->cells[0], ==, id_number(room, 1));
    meeting_free(meeting);
}

static void test_seats_and_tour(void)
{
    g_autoptr(GError) error = NULL;
    Meeting *meeting = meeting_new(&(MeetingSpec){.pictures = true});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    for (unsigned i = 0; i < 4; i++)
        meeting_join(meeting, "r", "a", MD_ROLE_SITE, "hz=0 video=h264", NULL);
    meeting_run_ms(meeting, 300);
    const FakeView *view = &fake_composer()->views[VIEW_ROOM];
    g_autofree char *third = g_strdup(meeting_member(room, 2));
    g_assert_true(md_room_set_layout(room, MD_LAYOUT_PIP, (const char *const[]){third, NULL}, &error));
    g_assert_cmpint(view->layout, ==, MD_LAYOUT_PIP);
    g_assert_cmpuint(view->cells[0], ==, id_number(room, 2));
    g_assert_false(md_room_set_layout(room, MD_LAYOUT_PIP, (const char *const[]){"m777", NULL}, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_true(md_room_set_layout(room, MD_LAYOUT_SINGLE, NULL, &error));
    g_assert_true(md_room_set_tour(room, 10, &error));
    for (unsigned i = 0; i < 6; i++) {
        g_assert_cmpuint(view->cells[0], ==, id_number(room, i % 4));
        meeting_run_ms(meeting, 10000);
    }
    g_assert_true(md_room_set_tour(room, 0, &error));
    g_assert_true(md_room_mute_video(room, third, true, &error));
    g_assert_cmpint(
        GPOINTER_TO_INT(g_hash_table_lookup(fake_composer()->states, GUINT_TO_POINTER(id_number(room, 2)))),
        ==, MD_SOURCE_MUTED_VIDEO);
    meeting_free(meeting);
}

static int state_of(MdRoom *room, unsigned i)
{
    return GPOINTER_TO_INT(g_hash_table_lookup(fake_composer()->states, GUINT_TO_POINTER(id_number(room, i))));
}

/* Hidden by the chair and hidden by itself are two: one does not undo the other. */
static void test_hidden_twice(void)
{
    g_autoptr(GError) error = NULL;
    Meeting *meeting = meeting_new(&(MeetingSpec){.pictures = true});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    for (unsigned i = 0; i < 2; i++)
        meeting_join(meeting, "r", "a", MD_ROLE_SITE, "hz=0 video=h264", NULL);
    meeting_run_ms(meeting, 300);
    g_autofree char *site = g_strdup(meeting_member(room, 1));
    /* chair, itself → is it hidden? */
    static const struct {
        bool chair, itself, hidden;
    } steps[] = {{true, false, true}, {true, true, true}, {true, false, true}, {false, false, false}, {false, true, true}, {true, true, true},
                 {false, true, true}, {false, false, false}};
    for (unsigned i = 0; i < G_N_ELEMENTS(steps); i++) {
        g_assert_true(md_room_mute_video(room, site, steps[i].chair, &error));
        g_assert_true(md_room_hide_self(room, site, steps[i].itself, &error));
        g_assert_cmpint(state_of(room, 1), ==, steps[i].hidden ? MD_SOURCE_MUTED_VIDEO : MD_SOURCE_LIVE);
        g_assert_cmpint(state_of(room, 0), ==, MD_SOURCE_LIVE);
        g_autoptr(GPtrArray) members = md_room_members(room);
        const MdMemberInfo *info = g_ptr_array_index(members, 1);
        g_assert_cmpint(info->video_muted, ==, steps[i].chair);
        g_assert_cmpint(info->self_video_muted, ==, steps[i].itself);
    }
    g_assert_cmpuint(meeting_events(meeting, "member.video-muted"), ==, 4);
    g_assert_cmpuint(meeting_events(meeting, "member.self-video-muted"), ==, 4);
    meeting_free(meeting);
}

static void test_away(void)
{
    g_autoptr(GError) error = NULL;
    Meeting *meeting = meeting_new(&(MeetingSpec){.pictures = true, .redial_first_s = 5});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    meeting_join(meeting, "r", "a", MD_ROLE_SITE, "hz=0 video=h264", NULL);
    g_assert_true(md_room_dial(room, (const char *const[]){"xa-ky-anh", NULL}, MD_ROLE_SITE, true, &error));
    meeting_run_ms(meeting, 300);
    const FakeView *view = &fake_composer()->views[VIEW_ROOM];
    g_assert_cmpuint(view->n, ==, 2);
    uint32_t away = view->cells[1];
    g_assert_cmpint(GPOINTER_TO_INT(g_hash_table_lookup(fake_composer()->states, GUINT_TO_POINTER(away))), ==,
                    MD_SOURCE_AWAY);
    g_assert_cmpstr(g_hash_table_lookup(fake_composer()->sources, GUINT_TO_POINTER(away)), ==, "xa-ky-anh");
    FakeCall *call = fake_dialer_last(&meeting->dialer);
    md_call_emit_sdp(call->call, MD_SDP_ANSWER, "hz=0 video=h264");
    md_call_emit_established(call->call);
    meeting_run_ms(meeting, 300);
    g_assert_cmpuint(view->n, ==, 2);
    g_assert_cmpuint(view->cells[1], !=, away);
    g_assert_false(g_hash_table_contains(fake_composer()->sources, GUINT_TO_POINTER(away)));
    g_assert_true(md_room_undial(room, "xa-ky-anh", &error));
    meeting_run_ms(meeting, 300);
    g_assert_cmpuint(view->n, ==, 1);
    meeting_free(meeting);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/conference/pictures/shared", test_shared);
    g_test_add_func("/conference/pictures/classes", test_classes);
    g_test_add_func("/conference/pictures/rates", test_rates);
    g_test_add_func("/conference/pictures/speaker", test_speaker);
    g_test_add_func("/conference/pictures/key-first", test_key_first);
    g_test_add_func("/conference/pictures/hysteresis", test_hysteresis);
    g_test_add_func("/conference/pictures/tour-of-speakers", test_tour_of_speakers);
    g_test_add_func("/conference/pictures/seats-and-tour", test_seats_and_tour);
    g_test_add_func("/conference/pictures/hidden-twice", test_hidden_twice);
    g_test_add_func("/conference/pictures/away", test_away);
    return g_test_run();
}
