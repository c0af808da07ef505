/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was on the air when the power or the store failed: sounds once, on time, and is told truly. */
#include "tests/unit/broadcast/room-rig.h"

/* The power fails two seconds into the sound: the next life goes on at the wall-clock place, never from the start, and ends on time; the
 * next occurrence is whole. */
static void test_no_double_play(void)
{
    Rig rig;
    rig_init(&rig);
    rig_put_device(&rig, "ok-1", "18073");
    g_autofree char *content = rig_add_content(&rig);
    g_autofree char *id = rig_schedule(&rig, content, "42", "2026-11-23T05:00:00", "FREQ=MINUTELY;INTERVAL=5", BC_NORMAL, 120);
    md_virtual_clock_advance(&rig.clock, 3580 * S);
    rig_run_to(&rig, T0 + 2 * S);
    g_assert_cmpuint(rig_speaker(&rig, "ok-1")->dials, ==, 1);
    bc_play_log_flush(bc_broadcast_play_log(rig.b));
    md_store_write_sync(rig.store, rig_barrier, NULL, NULL);
    rig_copy_database(&rig); /* what lies on the disk at this instant */
    rig_close_room(&rig);
    Speaker *ok = rig_speaker(&rig, "ok-1");
    ok->packets = ok->samples = 0;
    rig_open_room(&rig, "b.sqlite");
    rig_run_to(&rig, T0 + 100 * S);
    g_assert_cmpuint(ok->dials, ==, 2);
    g_assert_cmpint(ok->first_us, <, T0 + 4 * S);
    g_assert_cmpint(llabs(ok->last_us - (T0 + 6 * S)), <=, 200000);
    g_assert_cmpuint(ok->packets, <=, 100); /* four seconds at most */
    Found found;
    rig_runs(&rig, &found);
    g_assert_cmpstr(found.text->str, ==, "schedule done -;"); /* one announcement, in two lives */
    g_string_free(found.text, TRUE);
    rig_run_to(&rig, T0 + 310 * S);
    g_assert_cmpuint(ok->dials, ==, 3);
    rig_check_play(&rig, "ok-1", "played: -", NULL);
    rig_clear(&rig);
}

/* Down at its time: within the grace it begins late, beyond it is missed and the play log says so. */
static void test_catch_up(void)
{
    Rig rig;
    rig_init(&rig);
    rig_put_device(&rig, "ok-1", "18073");
    g_autofree char *content = rig_add_content(&rig);
    g_autofree char *strict = rig_schedule(&rig, content, "42", "2026-11-23T05:00:00", NULL, BC_NORMAL, 10);
    g_autofree char *lenient = rig_schedule(&rig, content, "42", "2026-11-23T05:00:20", NULL, BC_NORMAL, 60);
    rig_close_room(&rig);
    md_virtual_clock_advance(&rig.clock, 3640 * S); /* T0 + 40 s */
    rig_open_room(&rig, "a.sqlite");
    rig_run_to(&rig, T0 + 70 * S);
    g_assert_cmpuint(rig_speaker(&rig, "ok-1")->dials, ==, 1);
    rig_check_play(&rig, "ok-1", "played: -", NULL);
    Found found;
    rig_runs(&rig, &found);
    g_assert_cmpuint(found.n, ==, 2);
    g_assert_nonnull(strstr(found.text->str, "schedule missed it was too late"));
    g_assert_nonnull(strstr(found.text->str, "schedule done -"));
    g_string_free(found.text, TRUE);
    rig_close_room(&rig);
    rig_open_room(&rig, "a.sqlite"); /* nothing of it comes back */
    rig_run_to(&rig, T0 + 100 * S);
    g_assert_cmpuint(rig_speaker(&rig, "ok-1")->dials, ==, 1);
    rig_clear(&rig);
}

static bool run_sql(MdDb *db, gpointer data, GError **error)
{
    return md_db_run(db, error, data, "");
}

/* The store refuses for a while (as with a full disk): the play log waits and is whole in the end. */
static void test_store_refuses(void)
{
    Rig rig;
    rig_init(&rig);
    rig_put_device(&rig, "ok-1", "18073");
    g_autofree char *content = rig_add_content(&rig);
    g_autofree char *id = rig_play(&rig, content, BC_NORMAL, "Bản tin");
    int64_t began = rig_wall(&rig);
    g_assert_true(md_store_write_sync(rig.store, run_sql, (gpointer)"ALTER TABLE bc_plays RENAME TO away", NULL));
    rig_run_to(&rig, began + 15 * S);
    g_assert_true(md_store_write_sync(rig.store, run_sql, (gpointer)"ALTER TABLE away RENAME TO bc_plays", NULL));
    rig_run_to(&rig, began + 30 * S);
    rig_check_play(&rig, "ok-1", "played: -", NULL);
    Found found;
    rig_runs(&rig, &found);
    g_assert_cmpstr(found.text->str, ==, "now done -;");
    g_string_free(found.text, TRUE);
    rig_clear(&rig);
}

/* The store will not note that an emergency plays: it is heard all the same, and once. */
static void test_emergency_once(void)
{
    Rig rig;
    rig_init(&rig);
    rig_put_device(&rig, "ok-1", "18073");
    g_autofree char *content = rig_add_content(&rig);
    g_autofree char *id = rig_schedule(&rig, content, "42", "2026-11-23T05:00", NULL, BC_EMERGENCY, 120);
    g_assert_true(md_store_write_sync(rig.store, run_sql, (gpointer)"ALTER TABLE bc_claims RENAME TO away", NULL));
    md_virtual_clock_advance(&rig.clock, 3580 * S);
    rig_run_to(&rig, T0 + 75 * S);
    g_assert_cmpuint(rig_speaker(&rig, "ok-1")->dials, ==, 1);
    rig_check_play(&rig, "ok-1", "played: -", NULL);
    rig_clear(&rig);
}

static void take_id(const BcRun *run, void *user)
{
    *(char **)user = g_strdup(run->id);
}

/* mediad goes while the loudspeakers ring, before the first sound: the next life plays the bulletin, at its time. What somebody stopped
 * stays stopped. */
static void test_restart_before_sound(void)
{
    static const char *const kinds[] = {"crash", "crash before the first row", "end", "stopped by hand"};
    for (unsigned kind = 0; kind < G_N_ELEMENTS(kinds); kind++) {
        Rig rig;
        rig_init(&rig);
        g_test_message("%s", kinds[kind]);
        rig_put_device(&rig, "ok-1", "18073");
        g_autofree char *content = rig_add_content(&rig), *running = NULL;
        g_autofree char *id = rig_schedule(&rig, content, "42", "2026-11-23T05:00", NULL, BC_NORMAL, 60);
        md_virtual_clock_advance(&rig.clock, 3580 * S);
        rig_run_to(&rig, T0 - 4 * S);
        Speaker *ok = rig_speaker(&rig, "ok-1");
        g_assert_cmpuint(ok->dials, ==, 1);
        bc_broadcast_running(rig.b, take_id, &running);
        if (kind == 3)
            g_assert_true(bc_broadcast_stop(rig.b, running, "tester", NULL));
        if (kind == 2) {
            bc_broadcast_quiesce(rig.b);
            rig_run_to(&rig, T0 - 3 * S);
            g_assert_cmpuint(ok->hangups, ==, 1);
        }
        bc_play_log_flush(bc_broadcast_play_log(rig.b));
        md_store_write_sync(rig.store, rig_barrier, NULL, NULL);
        if (kind == 1)
            g_assert_true(md_store_write_sync(rig.store, run_sql, (gpointer)"DELETE FROM bc_announcements", NULL) &&
                          md_store_write_sync(rig.store, run_sql, (gpointer)"DELETE FROM bc_plays", NULL));
        rig_copy_database(&rig);
        rig_close_room(&rig);
        rig_open_room(&rig, kind < 2 ? "b.sqlite" : "a.sqlite");
        rig_run_to(&rig, T0 + 15 * S);
        g_assert_cmpuint(ok->dials, ==, kind == 3 ? 1 : 2);
        Found found;
        rig_runs(&rig, &found);
        g_assert_cmpuint(found.n, ==, 1); /* one announcement, in two lives */
        if (kind == 3)
            g_assert_cmpstr(found.text->str, ==, "schedule stopped stopped by tester;");
        else
            g_assert_nonnull(strstr(found.text->str, "schedule done -;"));
        if (kind != 3) {
            g_assert_cmpint(llabs(ok->first_us - T0), <=, 40000);
            g_assert_cmpstr(bc_devices_find(bc_broadcast_devices(rig.b), "ok-1")->outcome, ==, "played");
        }
        g_string_free(found.text, TRUE);
        rig_clear(&rig);
    }
}

/* Five times six seconds of tone, two of silence between: what is heard tells the place. */
static void check_place(const Speaker *s, double from_s, double to_s)
{
    for (unsigned round = 0; round < 5; round++) {
        double begins = round * 8.0, ends = begins + 6.0;
        if (begins >= from_s && ends <= to_s)
            g_assert_cmpfloat(rig_loudest(s, begins + 1, ends - 0.5), >, 0.05);
        if (round < 4 && ends >= from_s && ends + 2 <= to_s)
            g_assert_cmpfloat(rig_loudest(s, ends + 0.3, ends + 1.9), <, 0.01);
    }
    g_assert_cmpfloat(rig_loudest(s, 38.3, 89), <, 0.001); /* nothing after its end */
}

/* kill -9 at seeded instants, from before the ringing to after the end, and up to three seconds of absence: the bulletin is one, goes on at
 * its place by the clock within five seconds, and ends on time. */
static void test_kill_instants(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(20261123);
    for (unsigned n = 0; n < 10; n++) {
        static const char *const areas[] = {"42", NULL};
        Rig rig;
        int flag = 0;
        double killed = g_rand_double_range(rand, -12, 42), back = killed + g_rand_double_range(rand, 0.02, 3);
        rig_init(&rig);
        rig_put_device(&rig, "ok-1", "18073");
        g_autofree char *content = rig_add_content(&rig);
        bc_broadcast_put_schedule(rig.b, &(BcSchedule){.name = "Bản tin", .content = content, .areas = areas, .start_local = "2026-11-23T05:00",
                                                       .priority = BC_NORMAL, .repeats = 5, .gap_s = 2, .grace_s = 60, .enabled = true},
                                  NULL, rig_on_done, &flag);
        rig_wait_flag(&flag);
        md_virtual_clock_advance(&rig.clock, 3585 * S);
        rig_run_to(&rig, T0 + (int64_t)(killed * S));
        g_test_message("killed at %.2f s, back at %.2f s", killed, back);
        rig_copy_database(&rig);
        Speaker *ok = rig_speaker(&rig, "ok-1");
        unsigned dials = ok->dials;
        rig_close_room(&rig);
        md_virtual_clock_advance(&rig.clock, MAX(0, T0 + (int64_t)(back * S) - rig_wall(&rig)));
        rig_open_room(&rig, "b.sqlite");
        rig_run_to(&rig, T0 + 60 * S);
        check_place(ok, 0, killed);
        check_place(ok, MAX(0, back + 5), 60);
        g_assert_cmpuint(ok->dials, <=, dials + 1);
        Found found;
        rig_runs(&rig, &found);
        g_assert_cmpuint(found.n, ==, 1);
        g_string_free(found.text, TRUE);
        rig_close_room(&rig); /* and it does not come back */
        rig_open_room(&rig, "b.sqlite");
        dials = ok->dials;
        rig_run_to(&rig, T0 + 80 * S);
        g_assert_cmpuint(ok->dials, ==, dials);
        rig_clear(&rig);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/broadcast/room/no-double-play", test_no_double_play);
    g_test_add_func("/broadcast/room/catch-up", test_catch_up);
    g_test_add_func("/broadcast/room/store-refuses", test_store_refuses);
    g_test_add_func("/broadcast/room/emergency-once", test_emergency_once);
    g_test_add_func("/broadcast/room/restart-before-sound", test_restart_before_sound);
    g_test_add_func("/broadcast/room/kill-instants", test_kill_instants);
    return g_test_run();
}
