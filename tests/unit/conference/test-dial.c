/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "tests/fixtures/meeting.h"

static void dial(MdRoom *room, const char *target, bool redial)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(md_room_dial(room, (const char *const[]){target, NULL}, MD_ROLE_SITE, redial, &error));
    g_assert_no_error(error);
}

static MdDialInfo info_of(MdRoom *room, unsigned i)
{
    g_autoptr(GPtrArray) dials = md_room_dials(room);
    g_assert_cmpuint(i, <, dials->len);
    return *(const MdDialInfo *)g_ptr_array_index(dials, i);
}

static void answer(FakeCall *call, const char *sdp)
{
    md_call_emit_ringing(call->call, 180);
    md_call_emit_sdp(call->call, MD_SDP_ANSWER, sdp);
    md_call_emit_established(call->call);
}

static void test_answered(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    /* Whoever is rung needs no PIN, and is not asked to wait outside. */
    MdRoom *room =
        meeting_room(meeting, &(MdRoomSpec){.name = "r", .pin = "1", .lobby = true, .title = "Giao ban"});
    dial(room, "xa-thach-ha", false);
    FakeCall *call = fake_dialer_last(&meeting->dialer);
    g_assert_cmpstr(call->target, ==, "xa-thach-ha");
    g_assert_cmpint(info_of(room, 0).state, ==, MD_DIAL_CALLING);
    answer(call, "hz=400");
    MdLeg *other;
    meeting_join(meeting, "r", "op", MD_ROLE_OPERATOR, "hz=500", &other);
    meeting_run_ms(meeting, 1500);
    g_assert_cmpint(info_of(room, 0).state, ==, MD_DIAL_UP);
    g_assert_cmpfloat(fake_leg_hears(other, 400), >, 0.05f);
    g_assert_cmpfloat(fake_leg_hears(fake_leg(0), 500), >, 0.05f);
    g_assert_cmpuint(meeting_events(meeting, "dial.up"), ==, 1);
    meeting_free(meeting);
}

static void test_trial(void)
{
    g_autoptr(GError) error = NULL;
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    MdRoom *room = md_conference_create_trial(meeting->conference, &(MdRoomSpec){.name = "hop-thu"}, &error);
    g_assert_no_error(error);
    g_assert_null(md_conference_find_room(meeting->conference, "hop-thu"));
    g_assert_cmpint(meeting_call(meeting, "hop-thu", "b", MD_ROLE_SITE, "hz=500")->rejected, ==, 404);
    dial(room, "xa-thach-ha", false);
    answer(fake_dialer_last(&meeting->dialer), "hz=400");
    meeting_run_ms(meeting, 9000); /* past what is said first */
    bool beep = false;
    for (unsigned i = 0; i < 10; i++) { /* a beep of half a second in two */
        meeting_run_ms(meeting, 200);
        beep = beep || fake_leg_hears(fake_leg(0), 440) > 0.05f;
        g_assert_cmpfloat(fake_leg_hears(fake_leg(0), 400), <, 0.01f); /* not its own voice */
    }
    g_assert_true(beep);
    g_autoptr(GPtrArray) members = md_room_members(room);
    g_assert_cmpuint(members->len, ==, 1);
    g_assert_cmpint(((const MdMemberInfo *)members->pdata[0])->video_luma, ==, -1);
    g_assert_cmpuint(meeting->events->len, ==, 0);
    md_room_discard(room);
    g_assert_true(fake_dialer_last(&meeting->dialer)->hung_up);
    meeting_run_ms(meeting, 1000);
    meeting_free(meeting);
}

static void test_back_off(void)
{
    Meeting *meeting =
        meeting_new(&(MeetingSpec){.redial_first_s = 5, .redial_max_s = 20, .redial_give_up_s = 100});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    dial(room, "sip:site@example.com", true);
    /* 0, +5, +10, +20, +20, +20 s; the next would come after 100 s */
    const unsigned gaps_s[] = {5, 10, 20, 20, 20};
    for (unsigned i = 0; i < G_N_ELEMENTS(gaps_s); i++) {
        g_assert_cmpuint(meeting->dialer.calls->len, ==, i + 1);
        md_call_emit_closed(fake_dialer_last(&meeting->dialer)->call, 408, "Request Timeout");
        g_assert_cmpint(info_of(room, 0).state, ==, MD_DIAL_WAITING);
        g_assert_cmpint(info_of(room, 0).last_code, ==, 408);
        meeting_run_ms(meeting, gaps_s[i] * 1000 - 200);
        g_assert_cmpuint(meeting->dialer.calls->len, ==, i + 1);
        meeting_run_ms(meeting, 400);
    }
    g_assert_cmpuint(meeting->dialer.calls->len, ==, 6);
    md_call_emit_closed(fake_dialer_last(&meeting->dialer)->call, 486, "Busy");
    meeting_run_ms(meeting, 25000);
    md_call_emit_closed(fake_dialer_last(&meeting->dialer)->call, 486, "Busy");
    meeting_run_ms(meeting, 200000);
    g_assert_cmpuint(meeting->dialer.calls->len, ==, 7);
    g_assert_cmpint(info_of(room, 0).state, ==, MD_DIAL_GIVEN_UP);
    g_assert_cmpuint(meeting_events(meeting, "dial.gave-up"), ==, 1);
    dial(room, "sip:site@example.com", true); /* an operator tries once more */
    g_assert_cmpuint(meeting->dialer.calls->len, ==, 8);
    meeting_free(meeting);
}

static void test_dropped(void)
{
    Meeting *meeting =
        meeting_new(&(MeetingSpec){.redial_first_s = 5, .redial_max_s = 60, .redial_give_up_s = 600});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    dial(room, "a", true);
    answer(fake_dialer_last(&meeting->dialer), "hz=400");
    meeting_run_ms(meeting, 700000); /* longer than the give-up time: counted from the drop */
    md_call_emit_closed(fake_dialer_last(&meeting->dialer)->call, 500, "lost");
    g_assert_cmpuint(meeting_events(meeting, "dial.dropped"), ==, 1);
    meeting_run_ms(meeting, 5200);
    g_assert_cmpuint(meeting->dialer.calls->len, ==, 2);
    answer(fake_dialer_last(&meeting->dialer), "hz=400");
    g_assert_cmpint(info_of(room, 0).state, ==, MD_DIAL_UP);
    /* A refusal by a person ends it. */
    md_call_emit_closed(fake_dialer_last(&meeting->dialer)->call, 603, "Decline");
    meeting_run_ms(meeting, 60000);
    g_assert_cmpuint(meeting->dialer.calls->len, ==, 2);
    g_assert_cmpint(info_of(room, 0).state, ==, MD_DIAL_GIVEN_UP);
    meeting_free(meeting);
}

static void test_unregistered(void)
{
    g_autoptr(GError) error = NULL;
    Meeting *meeting = meeting_new(&(MeetingSpec){.redial_first_s = 5});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    meeting->dialer.refuse = true;
    dial(room, "a", true);
    dial(room, "b", false);
    g_assert_cmpint(info_of(room, 0).state, ==, MD_DIAL_WAITING);
    g_assert_cmpint(info_of(room, 1).state, ==, MD_DIAL_GIVEN_UP);
    g_assert_cmpuint(fake_legs(), ==, 0); /* no ports were taken for it */
    meeting_run_ms(meeting, 7000);
    g_assert_cmpint(info_of(room, 0).state, ==, MD_DIAL_WAITING);
    meeting->dialer.refuse = false; /* it signs in: rung at once */
    meeting_run_ms(meeting, 200);
    g_assert_cmpint(info_of(room, 0).state, ==, MD_DIAL_CALLING);
    /* b comes by itself, then a hangs on: kicking it takes it off the list. */
    answer(fake_dialer_last(&meeting->dialer), "hz=400");
    g_assert_true(md_room_kick(room, meeting_member(room, 0), &error));
    g_assert_true(fake_dialer_last(&meeting->dialer)->hung_up);
    meeting_run_ms(meeting, 60000);
    g_assert_cmpuint(meeting->dialer.calls->len, ==, 1);
    g_autoptr(GPtrArray) dials = md_room_dials(room);
    g_assert_cmpuint(dials->len, ==, 1);
    meeting_free(meeting);
}

static void test_came_by_itself(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){.redial_first_s = 5});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    dial(room, "a", true);
    md_call_emit_closed(fake_dialer_last(&meeting->dialer)->call, 480, "Away");
    FakeCall *call = meeting_join(meeting, "r", "a", MD_ROLE_SITE, "hz=400", NULL);
    meeting_run_ms(meeting, 20000);
    g_assert_cmpuint(meeting->dialer.calls->len, ==, 1);
    g_assert_cmpint(info_of(room, 0).state, ==, MD_DIAL_UP);
    md_call_emit_closed(call->call, 200, "BYE");
    meeting_run_ms(meeting, 6000);
    g_assert_cmpuint(meeting->dialer.calls->len, ==, 2);
    meeting_free(meeting);
}

/* It calls in while it is being rung: that call stops, the entry is its own. */
static void test_called_in_while_rung(void)
{
    g_autoptr(GError) error = NULL;
    Meeting *meeting = meeting_new(&(MeetingSpec){.pictures = true, .redial_first_s = 5});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    dial(room, "a", true);
    FakeCall *ringing = fake_dialer_last(&meeting->dialer);
    g_assert_cmpuint(g_hash_table_size(fake_composer()->sources), ==, 1); /* "being called" */
    FakeCall *call = meeting_join(meeting, "r", "a", MD_ROLE_SITE, "hz=400 video=h264", NULL);
    g_assert_true(ringing->hung_up);
    g_assert_cmpint(info_of(room, 0).state, ==, MD_DIAL_UP);
    meeting_run_ms(meeting, 20000);
    g_assert_cmpuint(meeting->dialer.calls->len, ==, 1);
    g_assert_cmpuint(g_hash_table_size(fake_composer()->sources), ==, 1); /* only the live one */
    /* Put on the list when it is here: the same, at once. */
    meeting_join(meeting, "r", "b", MD_ROLE_SITE, "hz=500", NULL);
    dial(room, "b", true);
    g_assert_cmpint(info_of(room, 1).state, ==, MD_DIAL_UP);
    g_assert_cmpuint(meeting->dialer.calls->len, ==, 1);
    g_assert_cmpuint(g_hash_table_size(fake_composer()->sources), ==, 2);
    g_assert_true(md_room_kick(room, meeting_member(room, 0), &error));
    g_assert_true(call->hung_up);
    meeting_run_ms(meeting, 60000);
    g_assert_cmpuint(meeting->dialer.calls->len, ==, 1); /* kicked: not rung again */
    meeting_free(meeting);
}

/* Those who wait at the door take no place among the calls under way; the PIN is asked of whoever calls in by itself. */
static void test_waiting_outside(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r", .pin = "2468"});
    for (unsigned i = 0; i < 10; i++) {
        g_autofree char *account = g_strdup_printf("site-%u", i);
        meeting_join(meeting, "r", account, MD_ROLE_SITE, "hz=0", NULL);
        dial(room, account, false);
        g_assert_cmpint(info_of(room, i).state, ==, MD_DIAL_CALLING);
    }
    g_assert_cmpuint(meeting->dialer.calls->len, ==, 0);
    dial(room, "other", false);
    g_assert_cmpuint(meeting->dialer.calls->len, ==, 1);
    g_assert_cmpuint(meeting_events(meeting, "member.joined"), ==, 0);
    meeting_dtmf(meeting, g_ptr_array_index(meeting->calls, 3), "2468#");
    g_assert_cmpint(info_of(room, 3).state, ==, MD_DIAL_UP);
    meeting_free(meeting);
}

/* Answers and drops after a moment, again and again: ever longer pauses, then no more. */
static void test_answers_and_drops(void)
{
    Meeting *meeting =
        meeting_new(&(MeetingSpec){.redial_first_s = 5, .redial_max_s = 20, .redial_give_up_s = 100});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    dial(room, "a", true);
    const unsigned gaps_s[] = {5, 10, 20, 20, 20};
    for (unsigned i = 0; i < G_N_ELEMENTS(gaps_s); i++) {
        answer(fake_dialer_last(&meeting->dialer), "hz=400");
        meeting_run_ms(meeting, 1000);
        md_call_emit_closed(fake_dialer_last(&meeting->dialer)->call, 200, "BYE");
        g_assert_cmpint(info_of(room, 0).state, ==, MD_DIAL_WAITING);
        meeting_run_ms(meeting, gaps_s[i] * 1000 - 200);
        g_assert_cmpuint(meeting->dialer.calls->len, ==, i + 1);
        meeting_run_ms(meeting, 400);
        g_assert_cmpuint(meeting->dialer.calls->len, ==, i + 2);
    }
    answer(fake_dialer_last(&meeting->dialer), "hz=400");
    md_call_emit_closed(fake_dialer_last(&meeting->dialer)->call, 200, "BYE");
    g_assert_cmpint(info_of(room, 0).state, ==, MD_DIAL_GIVEN_UP);
    dial(room, "a", true); /* a real stay begins the count anew */
    answer(fake_dialer_last(&meeting->dialer), "hz=400");
    meeting_run_ms(meeting, 61000);
    md_call_emit_closed(fake_dialer_last(&meeting->dialer)->call, 200, "BYE");
    g_assert_cmpint(info_of(room, 0).state, ==, MD_DIAL_WAITING);
    g_assert_cmpuint(info_of(room, 0).attempts, ==, 0);
    meeting_free(meeting);
}

static void test_limits(void)
{
    g_autoptr(GError) error = NULL;
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r", .max_members = 30});
    g_autoptr(GPtrArray) targets = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < 31; i++)
        g_ptr_array_add(targets, g_strdup_printf("site-%u", i));
    g_ptr_array_add(targets, NULL);
    g_assert_false(md_room_dial(room, (const char *const *)targets->pdata, MD_ROLE_SITE, true, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_LIMIT);
    g_clear_error(&error);
    g_assert_false(md_room_dial(room, (const char *const[]){"a", "b c", NULL}, MD_ROLE_SITE, true, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID);
    g_assert_cmpuint(meeting->dialer.calls->len, ==, 0); /* all or nothing */
    g_clear_pointer(&targets->pdata[25], g_free);
    g_clear_error(&error);
    g_assert_true(md_room_dial(room, (const char *const *)targets->pdata, MD_ROLE_SITE, true, &error));
    g_assert_cmpuint(meeting->dialer.calls->len, ==, 10); /* ten at a time */
    for (unsigned i = 0; i < 10; i++)
        answer(g_ptr_array_index(meeting->dialer.calls, i), "hz=0");
    meeting_run_ms(meeting, 200);
    g_assert_cmpuint(meeting->dialer.calls->len, ==, 20);
    meeting_free(meeting);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/conference/dial/answered", test_answered);
    g_test_add_func("/conference/dial/trial", test_trial);
    g_test_add_func("/conference/dial/back-off", test_back_off);
    g_test_add_func("/conference/dial/dropped", test_dropped);
    g_test_add_func("/conference/dial/unregistered", test_unregistered);
    g_test_add_func("/conference/dial/came-by-itself", test_came_by_itself);
    g_test_add_func("/conference/dial/called-in-while-rung", test_called_in_while_rung);
    g_test_add_func("/conference/dial/waiting-outside", test_waiting_outside);
    g_test_add_func("/conference/dial/answers-and-drops", test_answers_and_drops);
    g_test_add_func("/conference/dial/limits", test_limits);
    return g_test_run();
}
