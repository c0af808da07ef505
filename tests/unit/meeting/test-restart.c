/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Meetings over a restart of mediad, in virtual time. */
#include "tests/unit/meeting/desk.h"
#include <string.h>

/* As a crash leaves it. */
static bool reopen(MdDb *db, gpointer data, GError **error)
{
    return md_db_run(db, error, "UPDATE md_attendance SET left_us = 0, reason = '' WHERE member = (SELECT MAX(member) FROM md_attendance)", "");
}

static void test_restart(void)
{
    Desk *desk = desk_new();
    g_autofree char *id = g_strdup(desk_book(desk, "Giao ban", 1, 60, "a,b")->id);
    g_autofree char *room = g_strdup(desk->last->room);
    desk_run_s(desk, 62);
    desk_answer(desk_call_to(desk, "a"), "hz=400");
    desk_run_s(desk, 5 * 60);
    desk_stop(desk);
    desk_start(desk);
    g_assert_cmpuint(desk->meeting->dialer.calls->len, ==, 0);
    desk_run_s(desk, 2); /* it goes on: the room is there again, both are called */
    g_assert_nonnull(md_conference_find_room(desk->meeting->conference, room));
    g_assert_nonnull(desk_call_to(desk, "a"));
    g_assert_nonnull(desk_call_to(desk, "b"));
    desk_answer(desk_call_to(desk, "a"), "hz=400");
    desk_run_s(desk, 60);
    g_autoptr(MdAttendance) a = md_meetings_attendance(desk->meetings, id, NULL);
    const MdAttendee *first = a->attendees->pdata[0];
    g_assert_cmpuint(first->visits, ==, 2);
    g_assert_cmpuint(first->reconnects, ==, 1);
    g_assert_true(first->here);
    g_assert_cmpint(first->present_s, >=, 5 * 60 + 55);
    g_assert_cmpint(first->present_s, <=, 6 * 60 + 5);
    desk_stop(desk); /* and once more, without a word to the store */
    g_assert_true(md_store_write_sync(desk->store, reopen, NULL, NULL));
    desk_start(desk);
    g_autoptr(MdAttendance) after = md_meetings_attendance(desk->meetings, id, NULL);
    g_assert_false(((const MdAttendee *)after->attendees->pdata[0])->here);
    g_assert_cmpstr(((const MdVisit *)after->visits->pdata[after->visits->len - 1])->reason, ==, "mediad was interrupted");
    desk_stop(desk); /* down until it is over */
    md_virtual_clock_advance(&desk->meeting->clock, INT64_C(7200000000));
    desk_start(desk);
    desk_run_s(desk, 3);
    g_assert_cmpint(desk_state_of(desk, id), ==, MD_MEETING_ENDED);
    g_assert_cmpuint(desk->meeting->dialer.calls->len, ==, 0);
    desk_free(desk);
}

/* The chair's list outlives a restart: whom it sent out or took off is not rung, nor who calls by itself; who was given up is looked for. */
static void test_restart_list(void)
{
    Desk *desk = desk_new();
    desk->lasting = true;
    desk_book(desk, "Giao ban", 1, 60, "a,b,c,d,e");
    g_autofree char *name = g_strdup(desk->last->room);
    desk_run_s(desk, 62);
    for (char *site = (char[]){"abc"}; *site != 0; site++) {
        desk_answer(desk_call_to(desk, (char[]){*site, 0}), "hz=400");
        desk_run_s(desk, 1);
    }
    md_call_emit_closed(desk_call_to(desk, "d")->call, 603, "Decline");
    MdRoom *room = md_conference_find_room(desk->meeting->conference, name);
    g_assert_true(md_room_kick(room, meeting_member(room, 0), NULL));
    g_assert_true(md_room_undial(room, "b", NULL));
    md_room_lock(room, true);
    desk_run_s(desk, 2);
    for (unsigned round = 0; round < 2; round++) { /* it ends again before the list was rung: nothing is lost */
        desk_stop(desk);
        desk_start(desk);
        g_assert_nonnull(md_conference_find_room(desk->meeting->conference, name)); /* before any caller could make one */
        desk_run_s(desk, 2);
        g_assert_cmpuint(desk->meeting->dialer.calls->len, ==, 0);
    }
    room = md_conference_find_room(desk->meeting->conference, name);
    meeting_join(desk->meeting, name, "c", MD_ROLE_SITE, "hz=400", NULL);
    desk_run_s(desk, 5);
    g_assert_cmpuint(desk->meeting->dialer.calls->len, ==, 1);
    desk_answer(desk_call_to(desk, "e"), "hz=400");
    desk->meeting->dialer.refuse = true; /* d is switched off */
    desk_run_s(desk, 20);
    desk->meeting->dialer.refuse = false; /* and on */
    desk_run_s(desk, 20);
    g_assert_cmpuint(desk->meeting->dialer.calls->len, ==, 2);
    g_assert_nonnull(desk_call_to(desk, "d"));
    desk_free(desk);
}

/* Before it begins nobody has been rung: the sites are called at the start, restart or not. */
static void test_restart_open(void)
{
    Desk *desk = desk_new();
    desk->lasting = true;
    desk_book(desk, "Giao ban", 10, 60, "a,b");
    g_autofree char *name = g_strdup(desk->last->room);
    desk_run_s(desk, 5);
    meeting_join(desk->meeting, name, "b", MD_ROLE_SITE, "hz=400", NULL);
    md_room_lock(md_conference_find_room(desk->meeting->conference, name), true);
    desk_run_s(desk, 2);
    desk_stop(desk);
    md_virtual_clock_advance(&desk->meeting->clock, INT64_C(660000000)); /* it was to begin meanwhile */
    desk_start(desk);
    desk_run_s(desk, 3);
    g_assert_nonnull(desk_call_to(desk, "a"));
    MdRoomInfo info;
    md_room_info(md_conference_find_room(desk->meeting->conference, name), &info);
    g_assert_true(info.locked);
    desk_free(desk);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/meeting/restart", test_restart);
    g_test_add_func("/meeting/restart-list", test_restart_list);
    g_test_add_func("/meeting/restart-open", test_restart_open);
    return g_test_run();
}
