/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The trial session in virtual time: whom it calls when, and that it rings nobody twice. */
#include "tests/unit/meeting/desk.h"
#include <string.h>

static unsigned calls_to(Desk *desk, const char *target)
{
    unsigned n = 0;
    for (guint i = 0; i < desk->meeting->dialer.calls->len; i++)
        n += strcmp(((FakeCall *)desk->meeting->dialer.calls->pdata[i])->target, target) == 0;
    return n;
}

static FakeCall *last_call(Desk *desk, const char *target)
{
    FakeCall *found = NULL;
    for (guint i = 0; i < desk->meeting->dialer.calls->len; i++) {
        FakeCall *call = desk->meeting->dialer.calls->pdata[i];
        if (strcmp(call->target, target) == 0)
            found = call;
    }
    return found;
}

/* It answers; its leg then shows sound of that level. The legs are in the order of dialling. */
static void answer(Desk *desk, const char *target, unsigned level_cbov)
{
    FakeCall *call = last_call(desk, target);
    guint at = 0;
    g_assert_nonnull(call);
    g_ptr_array_find(desk->meeting->dialer.calls, call, &at);
    md_call_emit_sdp(call->call, MD_SDP_ANSWER, "hz=400");
    md_call_emit_established(call->call);
    MdLegStats *stats = &fake_leg(fake_legs() - (desk->meeting->dialer.calls->len - at))->stats;
    md_stat_set(&stats->audio_packets_received, 500);
    md_stat_set(&stats->audio_level_cbov, level_cbov);
}

static char *book(Desk *desk, int in_min, const char *sites)
{
    g_autoptr(MdBooking) wish = desk_wish(desk, "Giao ban", in_min, 60, sites);
    wish->trial = true;
    const MdBooking *b = desk_put(desk, wish, NULL);
    g_assert_no_error(desk->error);
    return g_strdup(b->id);
}

static MdTrial *trial_of(Desk *desk, const char *id)
{
    g_autoptr(GError) error = NULL;
    MdTrial *trial = md_meetings_trial(desk->meetings, id, &error);
    g_assert_no_error(error);
    return trial;
}

static const MdTrialSite *site_of(const MdTrial *trial, const char *account)
{
    for (guint i = 0; i < trial->sites->len; i++) {
        const MdTrialSite *site = trial->sites->pdata[i];
        if (strcmp(site->account, account) == 0)
            return site;
    }
    g_assert_not_reached();
}

static void expect_cause(Desk *desk, const char *id, const char *account, const char *cause, unsigned attempts)
{
    g_autoptr(MdTrial) trial = trial_of(desk, id);
    const MdTrialSite *site = site_of(trial, account);
    g_assert_cmpint(site->state, ==, MD_TRIAL_DONE);
    g_assert_cmpstr(md_trial_cause_to_string(site->verdict.causes[0]), ==, cause);
    g_assert_cmpuint(site->attempts, ==, attempts);
}

static void test_by_itself(void)
{
    Desk *desk = desk_new();
    desk->trial_calls = 2;
    desk_stop(desk);
    desk_start(desk);
    g_autofree char *id = book(desk, 90, "a,b,c,d");
    desk_run_s(desk, 29 * 60);
    g_assert_cmpuint(desk->meeting->dialer.calls->len, ==, 0);
    desk_run_s(desk, 65); /* an hour before: two at a time */
    g_assert_cmpuint(desk->meeting->dialer.calls->len, ==, 2);
    answer(desk, "a", 2500);
    answer(desk, "b", 12700);
    desk_run_s(desk, 10);
    expect_cause(desk, id, "a", "no-video", 1); /* it is fine but for that */
    g_assert_true(last_call(desk, "a")->hung_up);
    g_assert_cmpuint(calls_to(desk, "c"), ==, 1); /* in its place */
    g_assert_false(last_call(desk, "b")->hung_up); /* looked at a little longer: perhaps somebody speaks yet */
    md_call_emit_closed(last_call(desk, "c")->call, 486, "Busy Here");
    desk_run_s(desk, 10);
    expect_cause(desk, id, "b", "silent-microphone", 1);
    expect_cause(desk, id, "c", "busy", 1);
    answer(desk, "d", 2500);
    desk_run_s(desk, 3);
    md_call_emit_closed(last_call(desk, "d")->call, 200, "BYE"); /* somebody hung up */
    desk_run_s(desk, 3);
    expect_cause(desk, id, "d", "dropped", 1);
    g_assert_cmpuint(desk_events(desk, "trial.ended"), ==, 1);
    g_assert_nonnull(strstr(desk_last_event(desk, "trial.ended"), "\"failed\":3"));
    g_autoptr(GPtrArray) rooms = md_conference_rooms(desk->meeting->conference);
    g_assert_cmpuint(rooms->len, ==, 0);
    desk_run_s(desk, 40 * 60); /* nobody is called again by itself */
    g_assert_cmpuint(desk->meeting->dialer.calls->len, ==, 4);
    desk_free(desk);
}

static void test_restart(void)
{
    Desk *desk = desk_new();
    desk->trial_calls = 1;
    desk_stop(desk);
    desk_start(desk);
    g_autofree char *id = book(desk, 50, "a,b,c");
    desk_run_s(desk, 4); /* less than an hour is left: now */
    answer(desk, "a", 2500);
    desk_run_s(desk, 12);
    g_assert_cmpuint(calls_to(desk, "b"), ==, 1);
    desk_stop(desk); /* while b rings */
    desk_start(desk);
    desk_run_s(desk, 5);
    g_assert_cmpuint(calls_to(desk, "a"), ==, 0);
    g_assert_cmpuint(calls_to(desk, "b"), ==, 0); /* once is enough */
    g_assert_cmpuint(calls_to(desk, "c"), ==, 1);
    expect_cause(desk, id, "a", "no-video", 1);
    expect_cause(desk, id, "b", "dropped", 1);
    desk_free(desk);
}

static void test_busy_elsewhere(void)
{
    Desk *desk = desk_new();
    meeting_room(desk->meeting, &(MdRoomSpec){.name = "khac"});
    FakeCall *there = meeting_join(desk->meeting, "khac", "a", MD_ROLE_SITE, "hz=600", NULL);
    MdRoom *room = md_conference_find_room(desk->meeting->conference, "khac");
    g_autoptr(GError) error = NULL;
    g_assert_true(md_room_dial(room, (const char *const[]){"b", NULL}, MD_ROLE_SITE, false, &error)); /* being rung into it */
    g_autofree char *id = book(desk, 50, "a,b");
    desk_run_s(desk, 60);
    g_assert_cmpuint(calls_to(desk, "a"), ==, 0);
    g_assert_cmpuint(calls_to(desk, "b"), ==, 1); /* that of the other meeting */
    md_call_emit_closed(there->call, 200, "BYE");
    desk_run_s(desk, 4);
    g_assert_cmpuint(calls_to(desk, "a"), ==, 1); /* it is free now */
    md_call_emit_closed(last_call(desk, "a")->call, 603, "Decline");
    desk_run_s(desk, 46 * 60); /* b is busy until the end */
    expect_cause(desk, id, "a", "refused", 1);
    expect_cause(desk, id, "b", "busy-elsewhere", 0);
    desk_free(desk);
}

static void test_not_registered(void)
{
    Desk *desk = desk_new();
    desk->meeting->dialer.refuse = true;
    g_autofree char *id = book(desk, 30, "a");
    desk_run_s(desk, 4);
    expect_cause(desk, id, "a", "not-registered", 1);
    g_autoptr(MdTrial) trial = trial_of(desk, id);
    g_assert_false(trial->running);
    g_assert_cmpuint(trial->failed, ==, 1);
    desk_free(desk);
}

static void test_by_order(void)
{
    Desk *desk = desk_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *id = book(desk, 30, "a,b");
    desk_run_s(desk, 4);
    md_call_emit_closed(last_call(desk, "a")->call, 480, "Away");
    md_call_emit_closed(last_call(desk, "b")->call, 480, "Away");
    desk_run_s(desk, 4);
    expect_cause(desk, id, "a", "no-answer", 1);
    g_assert_false(md_meetings_trial_start(desk->meetings, id, (const char *const[]){"x", NULL}, &error));
    g_assert_error(error, MD_MEETING_ERROR, MD_MEETING_ERROR_INVALID);
    g_clear_error(&error);
    g_assert_true(md_meetings_trial_start(desk->meetings, id, (const char *const[]){"a", NULL}, &error));
    desk_run_s(desk, 4);
    g_assert_cmpuint(calls_to(desk, "a"), ==, 2);
    g_assert_cmpuint(calls_to(desk, "b"), ==, 1);
    answer(desk, "a", 2500);
    desk_run_s(desk, 12);
    expect_cause(desk, id, "a", "no-video", 2);
    g_assert_true(md_meetings_trial_start(desk->meetings, id, NULL, &error)); /* all, then stopped */
    desk_run_s(desk, 3);
    g_assert_true(md_meetings_trial_stop(desk->meetings, id, &error));
    g_assert_true(last_call(desk, "b")->hung_up);
    desk_run_s(desk, 30 * 60);
    g_autoptr(MdBooking) live = md_meetings_get(desk->meetings, id, NULL);
    g_assert_cmpint(live->state, ==, MD_MEETING_LIVE);
    g_assert_false(md_meetings_trial_start(desk->meetings, id, NULL, &error));
    g_assert_error(error, MD_MEETING_ERROR, MD_MEETING_ERROR_STATE);
    desk_free(desk);
}

static void test_moved(void)
{
    Desk *desk = desk_new();
    g_autofree char *id = book(desk, 30, "a");
    desk_run_s(desk, 4);
    md_call_emit_closed(last_call(desk, "a")->call, 480, "Away");
    desk_run_s(desk, 2);
    g_autoptr(MdBooking) present = md_meetings_get(desk->meetings, id, NULL);
    g_autoptr(MdBooking) later = md_booking_copy(present);
    later->start_us += INT64_C(1800000000);
    later->end_us += INT64_C(1800000000);
    g_assert_nonnull(desk_put(desk, later, NULL));
    desk_run_s(desk, 20 * 60);
    g_assert_cmpuint(calls_to(desk, "a"), ==, 1); /* half an hour later is the same meeting */
    g_autoptr(MdBooking) again = md_meetings_get(desk->meetings, id, NULL);
    g_autoptr(MdBooking) tomorrow = md_booking_copy(again);
    tomorrow->start_us += INT64_C(86400000000);
    tomorrow->end_us += INT64_C(86400000000);
    g_assert_nonnull(desk_put(desk, tomorrow, NULL));
    md_virtual_clock_advance(&desk->meeting->clock, INT64_C(86400000000));
    desk_run_s(desk, 4);
    g_assert_cmpuint(calls_to(desk, "a"), ==, 2);
    desk_free(desk);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/meeting/trial/by-itself", test_by_itself);
    g_test_add_func("/meeting/trial/restart", test_restart);
    g_test_add_func("/meeting/trial/busy-elsewhere", test_busy_elsewhere);
    g_test_add_func("/meeting/trial/not-registered", test_not_registered);
    g_test_add_func("/meeting/trial/by-order", test_by_order);
    g_test_add_func("/meeting/trial/moved", test_moved);
    return g_test_run();
}
