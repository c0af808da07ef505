/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drills: asked for, by the calendar, by the button, and what is measured of them. */
#include "tests/unit/alert/alert-rig.h"

/* Nothing that is not real is heard at full volume, with a real siren, or as an emergency; drafts and tests are not heard at all. */
static void test_drills(void)
{
    Rig *rig = rig_new();
    static const char *const areas[] = {"18073", NULL};
    Answer answer = {0};
    rig_take(rig, &(Cap){.id = "d1", .status = "Exercise", .severity = "Extreme", .event = "Tsunami"});
    bc_alerts_emergency(rig->alerts, &(BcEmergency){.kind = "drill", .areas = areas, .siren = BC_SIREN_URGENT, .text = "Kiểm tra.", .repeats = 9,
                                                    .created_by = "x"}, rig_on_done, &answer);
    const BcAlert *drill = rig_get(rig, &answer);
    g_assert_cmpint(drill->siren, ==, BC_SIREN_DRILL);
    rig_go(rig, 60 * S);
    g_assert_cmpuint(rig->sounds->len, ==, 4);
    for (unsigned i = 0; i < rig->sounds->len; i++) {
        const Sound *s = rig_sound(rig, i);
        g_assert_true(s->drill && s->volume > 0 && s->volume <= 25);
        g_assert_true(s->siren == BC_SIREN_DRILL || s->siren == BC_SIREN_NONE);
        g_assert_true(!s->lead || g_str_equal(s->lead, "drill-quiet"));
        g_assert_true(g_str_equal(s->content, "attention-quiet") || g_str_equal(s->content, "words"));
    }
    for (unsigned i = 0; i < rig->spoken->len; i++) {
        const char *text = rig->spoken->pdata[i];
        g_assert_true(text[0] == '!' && strstr(text, "iễn tập") && g_strrstr(text, "Đây là diễn tập"));
    }
    g_assert_null(strstr(rig->events->str, "alert.banner"));
    const BcAlert *test = rig_take(rig, &(Cap){.id = "d2", .status = "Test"});
    g_assert_cmpint(rig_take(rig, &(Cap){.id = "d3", .status = "Draft"})->state, ==, BC_ALERT_STORED);
    g_assert_cmpint(rig_take(rig, &(Cap){.id = "d4", .status = "System"})->state, ==, BC_ALERT_STORED);
    rig_go(rig, 60 * S);
    g_assert_cmpuint(rig->sounds->len, ==, 4);
    Answer tried = {0};
    bc_alerts_try(rig->alerts, test->id, areas, "x", BC_AUTHORITY_COMMUNE, rig_on_done, &tried);
    g_assert_cmpstr(rig_get(rig, &tried)->kind, ==, "drill");
    rig_go(rig, 1 * S);
    g_assert_true(rig_sound(rig, 4)->drill);
    rig_free(rig);
}

static void test_button(void)
{
    Rig *rig = rig_new();
    static const char *const areas[] = {"18073", NULL};
    Answer made = {0}, stopped = {0}, cleared = {0}, room = {0}, wrong = {0};
    bc_alerts_emergency(rig->alerts, &(BcEmergency){.areas = areas, .siren = BC_SIREN_FLOOD, .text = "Nước lên!", .authority = BC_AUTHORITY_COMMUNE,
                                                    .created_by = "xa"}, rig_on_done, &made);
    const BcAlert *alert = rig_get(rig, &made);
    g_assert_cmpuint(rig_sound(rig, 0)->authority, ==, BC_AUTHORITY_COMMUNE);
    rig->mute = true; /* the voice is broken: the siren is not */
    rig_go(rig, 20 * S);
    g_assert_nonnull(strstr(alert->note, "no voice"));
    g_assert_cmpint(alert->done_rounds, ==, 1);
    rig_go(rig, 70 * S);
    g_assert_cmpuint(rig->sounds->len, ==, 2);
    g_assert_cmpstr(rig_sound(rig, 1)->lead, ==, "flood");
    bc_alerts_stop(rig->alerts, alert->id, "xa", true, "Nước đã rút.", rig_on_done, &stopped);
    const BcAlert *clear = rig_get(rig, &stopped);
    g_assert_true(rig_sound(rig, 1)->over);
    g_assert_cmpint(alert->state, ==, BC_ALERT_STOPPED);
    g_assert_cmpstr(clear->kind, ==, "all-clear");
    g_assert_cmpstr(clear->words, ==, "Nước đã rút.");
    bc_alerts_stop(rig->alerts, alert->id, "xa", false, NULL, rig_on_done, &cleared);
    g_assert_error(cleared.error, BC_ERROR, BC_ERROR_STATE);
    g_clear_error(&cleared.error);
    bc_alerts_emergency(rig->alerts, &(BcEmergency){.areas = areas, .siren = BC_SIREN_CHIME, .room = "giao-ban", .created_by = "xa"}, rig_on_done, &room);
    const BcAlert *live_one = rig_get(rig, &room);
    rig_go(rig, 16 * S);
    g_assert_cmpstr(rig_sound(rig, rig->sounds->len - 1)->room, ==, "giao-ban");
    rig_go(rig, 3600 * S);
    g_assert_cmpint(live_one->state, ==, BC_ALERT_EXPIRED);
    bc_alerts_emergency(rig->alerts, &(BcEmergency){.areas = areas, .siren = BC_SIREN_NONE}, rig_on_done, &wrong);
    g_assert_error(wrong.error, BC_ERROR, BC_ERROR_INVALID);
    g_clear_error(&wrong.error);
    rig_free(rig);
}

/* Whatever was handed to the store has been written, and told. */
static void settle(Rig *rig)
{
    g_assert_true(md_store_write_sync(rig->store, rig_nothing, NULL, NULL));
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

/* Every day at 09:00 in Hà Tĩnh; after a restart within its minute it is not heard again. */
static void test_calendar(void)
{
    Rig *rig = rig_new();
    static const char *const areas[] = {"18073", NULL};
    const BcDrillPlan plan = {"sang", areas, "2026-11-23T09:00:00", "FREQ=DAILY", "Asia/Ho_Chi_Minh", "Kiểm tra."};
    g_autoptr(GError) error = NULL;
    BcDrills *drills = bc_drills_new(rig->alerts, rig->timers, &plan, 1, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpint(bc_drills_next_us(drills), ==, T0 + 6 * 3600 * S);
    md_virtual_clock_advance(&rig->clock, 6 * 3600 * S);
    for (unsigned i = 0; i < 2; i++) {
        bc_timers_run(rig->timers);
        settle(rig);
        g_assert_cmpuint(rig->sounds->len, ==, 1);
        g_assert_true(rig_sound(rig, 0)->drill);
        rig_go(rig, S);
        bc_drills_free(drills);
        md_virtual_clock_advance(&rig->clock, -2 * S); /* the clock is set back: the same moment comes again */
        drills = bc_drills_new(rig->alerts, rig->timers, &plan, 1, NULL, &error);
        g_assert_no_error(error);
        md_virtual_clock_advance(&rig->clock, 2 * S);
    }
    g_autoptr(GPtrArray) all = bc_alerts_list(rig->alerts);
    g_assert_cmpuint(all->len, ==, 1);
    g_assert_cmpint(bc_drills_next_us(drills), <=, T0 + 30 * 3600 * S);
    bc_drills_free(drills);
    const BcDrillPlan bad = {"hong", areas, "2026-11-23T25:00:00", NULL, "Asia/Ho_Chi_Minh", NULL};
    g_assert_null(bc_drills_new(rig->alerts, rig->timers, &bad, 1, NULL, &error));
    g_assert_nonnull(strstr(error->message, "drill hong"));
    rig_free(rig);
}

/* A shape around the middle of the province is not the whole province. */
static void test_middle(void)
{
    Rig *rig = rig_new();
    bc_alerts_put_centre(rig->alerts, "42", (BcCapPoint){18.3420, 105.9030});
    g_assert_cmpstr(rig_take(rig, &(Cap){.id = "mid", .area = "<circle>18.3419,105.9029 1</circle>"})->areas, ==, "18073");
    rig_free(rig);
}

static void test_percentiles(void)
{
    const int64_t us[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
    g_assert_cmpint(bc_alert_percentile(us, 20, 50), ==, 10);
    g_assert_cmpint(bc_alert_percentile(us, 20, 95), ==, 19);
    g_assert_cmpint(bc_alert_percentile(us, 20, 100), ==, 20);
    g_assert_cmpint(bc_alert_percentile(us, 1, 50), ==, 1);
    g_assert_cmpint(bc_alert_percentile(us, 0, 50), ==, -1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/alert/alerts/drills", test_drills);
    g_test_add_func("/alert/alerts/button", test_button);
    g_test_add_func("/alert/alerts/calendar", test_calendar);
    g_test_add_func("/alert/alerts/middle", test_middle);
    g_test_add_func("/alert/alerts/percentiles", test_percentiles);
    return g_test_run();
}
