/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Quiet hours, and stop-all. */
#include "tests/unit/broadcast/room-rig.h"

/* The guard at the moment of sounding: what runs into quiet hours is cut there and comes back where they do not hold; what somebody starts
 * by hand, or a clock that jumps, changes nothing. An emergency is heard. */
static void test_quiet_hours(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    rig_init(&rig);
    rig_put_device(&rig, "ok-1", "18073");
    rig_put_device(&rig, "ok-2", "18100");
    g_autofree char *content = rig_add_content(&rig);
    g_autoptr(GError) error = NULL;
    g_autofree char *live = bc_broadcast_live(rig.b, "giao-ban", NULL, areas, BC_NORMAL, "Họp", "tester", &error);
    g_assert_no_error(error);
    int64_t began = rig_wall(&rig); /* 04:00 */
    rig_run_to(&rig, began + 6 * S);
    Speaker *one = rig_speaker(&rig, "ok-1"), *two = rig_speaker(&rig, "ok-2");
    g_assert_cmpuint(one->packets, >, 50);
    rig_set_quiet(&rig, "18073", 3 * 3600 + 900, 4 * 3600 + 30); /* until 04:00:30 */
    rig_run_to(&rig, began + 8 * S);
    unsigned packets = one->packets;
    rig_run_to(&rig, began + 25 * S);
    g_assert_cmpuint(one->packets, ==, packets);
    g_assert_cmpuint(two->packets, >, 500);
    rig_check_play(&rig, "ok-1", "waiting: quiet hours", NULL);
    g_autofree char *emergency = rig_play(&rig, content, BC_EMERGENCY, "Bão");
    rig_run_to(&rig, began + 29 * S);
    g_assert_cmpuint(one->packets, >, packets);
    rig_check_play(&rig, "ok-1", "playing: -", NULL);
    rig_run_to(&rig, began + 45 * S); /* quiet hours are over: the meeting is heard there again */
    one->samples = 0;
    rig_run_to(&rig, began + 48 * S);
    g_assert_cmpuint(one->samples, >, 96000);
    g_assert_cmpfloat(rig_purity(one->pcm + one->samples - 48000, 48000, 700), >, 0.95);
    /* all of the province is quiet; the clock jumps into it, as after a wrong setting of the time */
    rig_set_quiet(&rig, "42", 13 * 3600, 14 * 3600);
    rig_set_quiet(&rig, "18073", 13 * 3600, 14 * 3600);
    rig.clock.wall_offset_us += 9 * 3600 * S;
    rig_run_to(&rig, rig_wall(&rig) + 2 * S);
    packets = two->packets;
    rig_run_to(&rig, rig_wall(&rig) + 10 * S);
    g_assert_cmpuint(two->packets, ==, packets);
    char *refused = NULL;
    bc_broadcast_play(rig.b, content, areas, BC_NORMAL, 1, 0, "Thường", "tester", rig_on_started, &refused);
    g_assert_cmpstr(refused, ==, "");
    g_free(refused);
    g_autoptr(GError) again = NULL;
    g_assert_null(bc_broadcast_live(rig.b, "giao-ban", NULL, areas, BC_PRIORITY, NULL, NULL, &again));
    g_assert_error(again, BC_ERROR, BC_ERROR_STATE);
    rig_clear(&rig);
}

static void on_all_stopped(unsigned stopped, const GError *error, void *user)
{
    g_assert_no_error(error);
    *(int *)user = (int)stopped;
}

/* Silence in one area, at once: the rest hears on, and a restart brings nothing back. */
static void test_stop_all(void)
{
    static const char *const areas[] = {"42", NULL};
    Rig rig;
    int flag = 0, stopped = -1;
    rig_init(&rig);
    rig_put_device(&rig, "ok-1", "18073");
    rig_put_device(&rig, "ok-2", "18100");
    g_autofree char *content = rig_add_content(&rig);
    bc_broadcast_put_schedule(rig.b, &(BcSchedule){.name = "Bản tin", .content = content, .areas = areas, .start_local = "2026-11-23T05:00",
                                                   .priority = BC_NORMAL, .repeats = 5, .gap_s = 2, .grace_s = 60, .enabled = true},
                              NULL, rig_on_done, &flag);
    rig_wait_flag(&flag);
    md_virtual_clock_advance(&rig.clock, 3585 * S);
    rig_run_to(&rig, T0 + 9 * S);
    bc_broadcast_stop_area(rig.b, "18073", "tester", on_all_stopped, &stopped);
    while (stopped < 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(stopped, ==, 1);
    g_assert_cmpint(bc_planner_stop_before_us(bc_broadcast_planner(rig.b), "18073"), >, T0);
    g_assert_cmpint(bc_planner_stop_before_us(bc_broadcast_planner(rig.b), "18100"), ==, 0);
    rig_run_to(&rig, T0 + 10 * S);
    rig_copy_database(&rig);
    rig_close_room(&rig);
    rig_open_room(&rig, "b.sqlite");
    rig_run_to(&rig, T0 + 45 * S);
    g_assert_cmpfloat(rig_loudest(rig_speaker(&rig, "ok-1"), 8.5, 9), >, 0.05);
    g_assert_cmpfloat(rig_loudest(rig_speaker(&rig, "ok-1"), 9.2, 60), <, 0.001);
    g_assert_cmpfloat(rig_loudest(rig_speaker(&rig, "ok-2"), 17, 21), >, 0.05);
    rig_check_play(&rig, "ok-1", "missed: everything was stopped there", NULL);
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/broadcast/room/quiet-hours", test_quiet_hours);
    g_test_add_func("/broadcast/room/stop-all", test_stop_all);
    return g_test_run();
}
