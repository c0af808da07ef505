/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Somebody whose signalling broke off comes back into the same seat; and how those are let in who were asked before the call. */
#include <string.h>
#include "tests/fixtures/meeting.h"

typedef struct Pair {
    Meeting *meeting;
    MdRoom *room;
    MdLeg *listener, *leg; /* leg: of whom it is about */
    FakeCall *call;
    char id[32];
} Pair;

static Pair pair_new(const MdRoomSpec *spec)
{
    Pair pair = {.meeting = meeting_new(&(MeetingSpec){0})};
    pair.room = meeting_room(pair.meeting, spec);
    meeting_join(pair.meeting, spec->name, "a", MD_ROLE_CHAIR, "hz=400", &pair.listener);
    pair.call = meeting_join(pair.meeting, spec->name, "b", MD_ROLE_SITE, "hz=500", &pair.leg);
    g_strlcpy(pair.id, meeting_member(pair.room, 1), sizeof pair.id);
    meeting_run_ms(pair.meeting, 1500);
    return pair;
}

static FakeCall *new_call(Pair *pair)
{
    FakeCall *call = fake_call_new(&(FakeCallSpec){.to_user = "r", .from_uri = "sip:b@example.com", .account = "b"});
    g_ptr_array_add(pair->meeting->calls, call);
    return call;
}

static void expect_heard(const MdLeg *leg, double hz, bool heard)
{
    if (heard)
        g_assert_cmpfloat(fake_leg_hears(leg, hz), >, 0.05f);
    else
        g_assert_cmpfloat(fake_leg_hears(leg, hz), <, 0.01f);
}

/* A page was loaded anew: another call, another leg, the same member. */
static void test_new_leg(void)
{
    g_autoptr(GError) error = NULL;
    Pair pair = pair_new(&(MdRoomSpec){.name = "r"});
    g_assert_true(md_room_set_role(pair.room, pair.id, MD_ROLE_OPERATOR, &error));
    g_assert_true(md_room_set_gain(pair.room, pair.id, 3, &error));
    md_call_emit_away(pair.call->call, true);
    md_call_emit_away(pair.call->call, true);
    g_assert_cmpuint(meeting_events(pair.meeting, "member.away"), ==, 1);
    FakeCall *call = new_call(&pair);
    const char *id = md_conference_resume_call(pair.meeting->conference, pair.call->call, call->call, false);
    g_assert_cmpstr(id, ==, pair.id);
    g_assert_cmpuint(meeting_events(pair.meeting, "member.away"), ==, 2);
    md_call_emit_closed(pair.call->call, 1001, "gone"); /* of the former call: nobody listens any more */
    meeting_run_ms(pair.meeting, 500);
    g_assert_true(pair.leg->stopped && pair.leg->freed);
    expect_heard(pair.listener, 500, false);
    md_call_emit_sdp(call->call, MD_SDP_OFFER, "hz=600");
    MdLeg *leg = fake_leg(fake_legs() - 1);
    g_assert_nonnull(call->answer);
    md_call_emit_established(call->call);
    meeting_run_ms(pair.meeting, 1500);
    g_assert_true(leg != pair.leg);
    expect_heard(pair.listener, 600, true);
    expect_heard(leg, 400, true);
    g_autoptr(GPtrArray) members = md_room_members(pair.room);
    g_assert_cmpuint(members->len, ==, 2);
    const MdMemberInfo *info = g_ptr_array_index(members, 1);
    g_assert_cmpstr(info->id, ==, pair.id);
    g_assert_cmpint(info->role, ==, MD_ROLE_OPERATOR);
    g_assert_cmpfloat(info->gain_db, ==, 3);
    g_assert_false(info->away);
    g_assert_cmpuint(meeting_events(pair.meeting, "member.joined"), ==, 2);
    g_assert_cmpuint(meeting_events(pair.meeting, "member.left"), ==, 0);
    md_call_emit_closed(call->call, 200, "bye");
    g_assert_cmpuint(meeting_events(pair.meeting, "member.left"), ==, 1);
    FakeCall *late = new_call(&pair);
    g_assert_null(md_conference_resume_call(pair.meeting->conference, call->call, late->call, false));
    meeting_free(pair.meeting);
}

/* The socket alone was lost: sound goes on all the time. */
static void test_same_leg(void)
{
    Pair pair = pair_new(&(MdRoomSpec){.name = "r"});
    md_call_emit_away(pair.call->call, true);
    meeting_run_ms(pair.meeting, 1000);
    expect_heard(pair.listener, 500, true);
    FakeCall *call = new_call(&pair);
    unsigned legs = fake_legs();
    g_assert_cmpstr(md_conference_resume_call(pair.meeting->conference, pair.call->call, call->call, true), ==, pair.id);
    meeting_run_ms(pair.meeting, 1000);
    expect_heard(pair.listener, 500, true);
    md_call_emit_sdp(call->call, MD_SDP_OFFER, "hz=500");
    g_assert_cmpuint(fake_legs(), ==, legs);
    g_assert_nonnull(call->answer);
    const char *member = NULL;
    g_assert_true(md_conference_find_call(pair.meeting->conference, call->call, NULL, &member));
    g_assert_cmpstr(member, ==, pair.id);
    g_assert_false(md_conference_find_call(pair.meeting->conference, pair.call->call, NULL, NULL));
    meeting_free(pair.meeting);
}

/* Its own key and the chair's are two: one does not undo the other. */
static void test_self_mute(void)
{
    g_autoptr(GError) error = NULL;
    Pair pair = pair_new(&(MdRoomSpec){.name = "r"});
    g_assert_true(md_room_mute_self(pair.room, pair.id, true, &error));
    meeting_run_ms(pair.meeting, 1000);
    expect_heard(pair.listener, 500, false);
    g_assert_true(md_room_mute_member(pair.room, pair.id, true, &error));
    g_assert_true(md_room_mute_self(pair.room, pair.id, false, &error));
    meeting_run_ms(pair.meeting, 1000);
    expect_heard(pair.listener, 500, false);
    g_assert_true(md_room_mute_member(pair.room, pair.id, false, &error));
    meeting_run_ms(pair.meeting, 1000);
    expect_heard(pair.listener, 500, true);
    g_assert_cmpuint(meeting_events(pair.meeting, "member.self-muted"), ==, 2);
    meeting_free(pair.meeting);
}

static void test_admission(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r", .pin = "1234", .chair_pin = "9876", .lobby = true});
    char host[] = "192.0.2.7";
    const MdCallInfo who = {.peer_host = host};
    g_assert_cmpint(md_room_try_pin(room, &who, MD_ROLE_GUEST, NULL), ==, MD_PIN_MISSING);
    g_assert_cmpint(md_room_try_pin(room, &who, MD_ROLE_OPERATOR, NULL), ==, MD_PIN_NOT_NEEDED);
    g_assert_cmpint(md_room_try_pin(room, &who, MD_ROLE_GUEST, "1234"), ==, MD_PIN_RIGHT);
    g_assert_cmpint(md_room_try_pin(room, &who, MD_ROLE_GUEST, "9876"), ==, MD_PIN_CHAIR);
    for (unsigned i = 0; i < 10; i++)
        g_assert_cmpint(md_room_try_pin(room, &who, MD_ROLE_GUEST, "1111"), ==, MD_PIN_WRONG);
    g_assert_cmpint(md_room_try_pin(room, &who, MD_ROLE_GUEST, "1234"), ==, MD_PIN_BLOCKED);
    FakeCall *call = fake_call_new(&(FakeCallSpec){.to_user = "r"});
    g_ptr_array_add(meeting->calls, call);
    const char *id = md_conference_admit_call(meeting->conference, call->call, &(MdAdmission){.role = MD_ROLE_GUEST, .past_pin = true});
    g_assert_nonnull(id);
    md_call_emit_sdp(call->call, MD_SDP_OFFER, "hz=400");
    md_call_emit_established(call->call);
    g_assert_cmpuint(meeting_events(meeting, "member.lobby"), ==, 1); /* not asked for the PIN, but it waits */
    FakeCall *expected = fake_call_new(&(FakeCallSpec){.to_user = "r"});
    g_ptr_array_add(meeting->calls, expected);
    g_assert_nonnull(md_conference_admit_call(meeting->conference, expected->call,
                                              &(MdAdmission){.role = MD_ROLE_GUEST, .past_pin = true, .past_lobby = true}));
    md_call_emit_sdp(expected->call, MD_SDP_OFFER, "hz=400");
    md_call_emit_established(expected->call);
    g_assert_cmpuint(meeting_events(meeting, "member.joined"), ==, 1);
    FakeCall *nowhere = fake_call_new(&(FakeCallSpec){.to_user = "nowhere"});
    g_ptr_array_add(meeting->calls, nowhere);
    g_assert_null(md_conference_admit_call(meeting->conference, nowhere->call, &(MdAdmission){.role = MD_ROLE_SITE}));
    g_assert_cmpint(nowhere->rejected, ==, 404);
    /* whoever waits outside may be away when it is admitted */
    g_autofree char *waiting = g_strdup(id);
    FakeCall *again = fake_call_new(&(FakeCallSpec){.to_user = "r"});
    g_ptr_array_add(meeting->calls, again);
    g_assert_nonnull(md_conference_resume_call(meeting->conference, call->call, again->call, false));
    g_autoptr(GError) error = NULL;
    g_assert_true(md_room_admit(room, waiting, &error));
    meeting_run_ms(meeting, 500);
    g_assert_cmpuint(meeting_events(meeting, "member.joined"), ==, 2);
    meeting_free(meeting);
}

/* The way to its media broke while its signalling lives: it is asked for a restart, once per loss; a leg of before says nothing. */
static void test_path(void)
{
    Pair pair = pair_new(&(MdRoomSpec){.name = "r"});
    const MdLegConfig *config = &pair.leg->config;
    config->on_path(pair.leg, MD_LEG_PATH_CONNECTED, config->path_user);
    g_assert_cmpuint(pair.call->restarts, ==, 0);
    config->on_path(pair.leg, MD_LEG_PATH_LOST, config->path_user);
    g_assert_cmpuint(pair.call->restarts, ==, 1);
    config->on_path(pair.listener, MD_LEG_PATH_LOST, config->path_user);
    g_assert_cmpuint(pair.call->restarts, ==, 1);
    FakeCall *call = new_call(&pair);
    g_assert_nonnull(md_conference_resume_call(pair.meeting->conference, pair.call->call, call->call, true));
    config->on_path(pair.leg, MD_LEG_PATH_LOST, config->path_user);
    g_assert_cmpuint(pair.call->restarts, ==, 1);
    g_assert_cmpuint(call->restarts, ==, 1);
    meeting_free(pair.meeting);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/conference/resume/new-leg", test_new_leg);
    g_test_add_func("/conference/resume/same-leg", test_same_leg);
    g_test_add_func("/conference/resume/self-mute", test_self_mute);
    g_test_add_func("/conference/resume/admission", test_admission);
    g_test_add_func("/conference/resume/path", test_path);
    return g_test_run();
}
