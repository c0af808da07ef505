/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An alert from its first round to its all-clear, over restarts and failures. */
#include "tests/unit/alert/alert-rig.h"

/* The siren at once, the words after it, then both in one as often as the rule says; nothing after that. */
static void test_rounds(void)
{
    Rig *rig = rig_new();
    const BcAlert *alert = rig_take(rig, &(Cap){.id = "b1"});
    g_assert_cmpstr(bc_alert_siren_to_string((int)alert->siren), ==, "storm");
    g_assert_cmpuint(rig->sounds->len, ==, 1);
    g_assert_cmpint(rig_sound(rig, 0)->start_us, ==, T0); /* not a moment later */
    g_assert_cmpstr(rig_sound(rig, 0)->lead, ==, "storm");
    g_assert_cmpstr(rig_sound(rig, 0)->content, ==, "attention");
    g_assert_cmpint(rig_sound(rig, 0)->siren, ==, BC_SIREN_STORM);
    g_assert_false(rig_sound(rig, 0)->drill);
    g_assert_cmpuint(rig_sound(rig, 0)->volume, ==, 0);
    rig_go(rig, 16 * S);
    g_assert_cmpuint(rig->sounds->len, ==, 2);
    g_assert_cmpstr(rig_sound(rig, 1)->content, ==, "words");
    g_assert_null(rig_sound(rig, 1)->lead);
    g_assert_cmpstr(rig->spoken->pdata[0], ==, "Tin b1.");
    rig_go(rig, 125 * S);
    g_assert_cmpuint(rig->sounds->len, ==, 3);
    g_assert_cmpstr(rig_sound(rig, 2)->lead, ==, "storm");
    g_assert_cmpstr(rig_sound(rig, 2)->content, ==, "words");
    rig_go(rig, 1000 * S);
    g_assert_cmpuint(rig->sounds->len, ==, 4); /* three rounds */
    g_assert_cmpint(alert->state, ==, BC_ALERT_DONE);
    g_assert_nonnull(strstr(rig->events->str, "alert.received alert.sounding alert.banner "));
    g_assert_nonnull(strstr(rig->events->str, "alert.ended"));
    Answer again = rig_send_from(rig, &rig_weather, &(Cap){.id = "b1"});
    g_assert_true(again.duplicate);
    rig_go(rig, 10 * S);
    g_assert_cmpuint(rig->sounds->len, ==, 4);
    rig_free(rig);
}

static void test_expiry(void)
{
    Rig *rig = rig_new();
    const BcAlert *alert = rig_take(rig, &(Cap){.id = "e1", .expires_s = 12});
    rig_go(rig, 13 * S);
    g_assert_cmpint(alert->state, ==, BC_ALERT_EXPIRED);
    for (unsigned i = 0; i < rig->sounds->len; i++)
        g_assert_cmpint(rig_sound(rig, i)->end_us, <=, T0 + 12 * S + S / 10);
    unsigned n = rig->sounds->len;
    rig_go(rig, 600 * S);
    g_assert_cmpuint(rig->sounds->len, ==, n);
    const BcAlert *later = rig_take(rig, &(Cap){.id = "e2", .effective_s = 60, .expires_s = 600});
    g_assert_cmpint(later->state, ==, BC_ALERT_WAITING);
    rig_go(rig, 59 * S);
    g_assert_cmpuint(rig->sounds->len, ==, n);
    rig_go(rig, 2 * S);
    g_assert_cmpuint(rig->sounds->len, ==, n + 1);
    const BcAlert *old = rig_take(rig, &(Cap){.id = "e3", .effective_s = -600, .expires_s = -1});
    g_assert_cmpint(old->state, ==, BC_ALERT_EXPIRED);
    rig_free(rig);
}

/* Updates, cancels and all-clears stop at once, in whatever order they come, and only what is of the same kind and theirs. */
static void test_replaced(void)
{
    Rig *rig = rig_new();
    const BcAlert *first = rig_take(rig, &(Cap){.id = "r1"});
    rig_go(rig, 3 * S);
    const BcAlert *update = rig_take(rig, &(Cap){.id = "r2", .type = "Update", .references = "r1"});
    g_assert_cmpint(first->state, ==, BC_ALERT_SUPERSEDED);
    g_assert_true(rig_sound(rig, 0)->over && rig_sound(rig, 0)->end_us == rig_now(rig));
    g_assert_cmpint(update->state, ==, BC_ALERT_SOUNDING);
    const BcAlert *exercise = rig_take(rig, &(Cap){.id = "r3", .status = "Exercise", .type = "Cancel", .references = "r2"});
    g_assert_cmpint(exercise->state, ==, BC_ALERT_STORED);
    g_assert_cmpint(update->state, ==, BC_ALERT_SOUNDING);
    static const BcAlertSource village = {.name = "thon", .authority = BC_AUTHORITY_VILLAGE};
    Answer lesser = rig_send_from(rig, &village, &(Cap){.id = "r4", .type = "Cancel", .references = "r2"});
    g_assert_no_error(lesser.error);
    g_assert_cmpint(update->state, ==, BC_ALERT_SOUNDING);
    g_free(lesser.id);
    unsigned n = rig->sounds->len;
    rig_take(rig, &(Cap){.id = "r5", .type = "Cancel", .references = "r2"});
    g_assert_cmpint(update->state, ==, BC_ALERT_CANCELLED);
    while (rig->sounds->len == n) /* the all-clear is stored first */
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpstr(rig_sound(rig, n)->lead, ==, "all-clear");
    const BcAlert *late = rig_take(rig, &(Cap){.id = "r0"});
    g_assert_cmpint(late->state, ==, BC_ALERT_SOUNDING);
    rig_take(rig, &(Cap){.id = "r7", .type = "Update", .references = "r6", .response = "AllClear"});
    n = rig->sounds->len;
    g_assert_cmpint(rig_take(rig, &(Cap){.id = "r6"})->state, ==, BC_ALERT_CANCELLED); /* its all-clear had come before it */
    g_assert_cmpuint(rig->sounds->len, ==, n);
    rig_free(rig);
}

static int64_t told_rounds(const BcAlert *alert)
{
    g_autoptr(JsonObject) o = bc_alert_to_json(alert);
    return json_object_get_int_member(o, "done_rounds");
}

/* kill -9: what had begun goes on, what was done is not heard again. */
static void test_lives(void)
{
    Rig *rig = rig_new();
    g_autofree char *done = g_strdup(rig_take(rig, &(Cap){.id = "l1", .severity = "Minor", .event = "Rét"})->id);
    rig_go(rig, 60 * S);
    g_autofree char *on = g_strdup(rig_take(rig, &(Cap){.id = "l2"})->id);
    rig_go(rig, 12 * S);
    rig_close(rig); /* in the siren */
    unsigned n = rig->sounds->len;
    for (unsigned i = 0; i < n; i++)
        rig_sound(rig, i)->over = true;
    rig_open(rig);
    bc_alerts_resume(rig->alerts);
    g_assert_cmpint(bc_alerts_find(rig->alerts, done)->state, ==, BC_ALERT_DONE);
    g_assert_cmpuint(rig->sounds->len, ==, n + 1);
    g_assert_cmpstr(rig_sound(rig, n)->lead, ==, "storm");
    rig_go(rig, 25 * S);
    const BcAlert *alert = bc_alerts_find(rig->alerts, on);
    g_assert_cmpint(alert->done_rounds, ==, 1);
    g_assert_cmpint(told_rounds(alert), ==, 0); /* no commit has been heard of: nothing runs the main loop here */
    g_assert_true(md_store_write_sync(rig->store, rig_nothing, NULL, NULL));
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpint(told_rounds(alert), ==, 1);
    int64_t next = alert->next_us;
    rig_close(rig); /* in the pause */
    n = rig->sounds->len;
    rig_open(rig);
    bc_alerts_resume(rig->alerts);
    g_assert_cmpint(told_rounds(bc_alerts_find(rig->alerts, on)), ==, 1);
    rig_go(rig, next - rig_now(rig) - S);
    g_assert_cmpuint(rig->sounds->len, ==, n);
    rig_go(rig, 2 * S);
    g_assert_cmpuint(rig->sounds->len, ==, n + 1);
    g_assert_cmpstr(rig_sound(rig, n)->content, ==, "words");
    rig_close(rig);
    md_virtual_clock_advance(&rig->clock, 2 * 3600 * S); /* and down until it is over */
    n = rig->sounds->len;
    rig_open(rig);
    bc_alerts_resume(rig->alerts);
    g_assert_cmpint(bc_alerts_find(rig->alerts, on)->state, ==, BC_ALERT_EXPIRED);
    g_assert_cmpuint(rig->sounds->len, ==, n);
    Answer again = rig_send_from(rig, &rig_weather, &(Cap){.id = "l2"});
    g_assert_true(again.duplicate);
    rig_free(rig);
}

/* kill -9, and what sounded goes on by itself: no second siren beside it, and calling it off ends it. */
static void test_adopted(void)
{
    Rig *rig = rig_new();
    g_autofree char *on = g_strdup(rig_take(rig, &(Cap){.id = "a1"})->id);
    rig_go(rig, 3 * S);
    rig_close(rig);
    unsigned n = rig->sounds->len;
    g_assert_cmpuint(n, >=, 1);
    g_assert_false(rig_sound(rig, n - 1)->over);
    rig_open(rig);
    bc_alerts_resume(rig->alerts);
    rig_go(rig, 2 * S);
    g_assert_cmpuint(rig->sounds->len, ==, n);
    Answer stopped = {0};
    bc_alerts_stop(rig->alerts, on, "xa", false, NULL, rig_on_done, &stopped);
    rig_get(rig, &stopped);
    g_assert_true(rig_sound(rig, n - 1)->over);
    g_assert_nonnull(rig_sound(rig, n - 1)->stopped);

    g_autofree char *next = g_strdup(rig_take(rig, &(Cap){.id = "a2"})->id);
    rig_go(rig, 3 * S);
    rig_close(rig);
    n = rig->sounds->len;
    rig_open(rig);
    bc_alerts_resume(rig->alerts);
    rig_sound(rig, n - 1)->over = true; /* it could not go on after all, and nobody says so */
    rig_go(rig, 5 * S);
    g_assert_cmpuint(rig->sounds->len, ==, n + 1);
    g_assert_cmpstr(rig_sound(rig, n)->content, ==, "words");
    Answer again = {0};
    bc_alerts_stop(rig->alerts, next, "xa", false, NULL, rig_on_done, &again);
    rig_get(rig, &again);
    rig_sound(rig, n)->over = false; /* called off, and killed before its sound was stopped */
    rig_close(rig);
    rig_open(rig);
    bc_alerts_resume(rig->alerts);
    g_assert_true(rig_sound(rig, n)->over);
    rig_free(rig);
}

static void test_places(void)
{
    Rig *rig = rig_new();
    g_assert_cmpstr(rig_take(rig, &(Cap){.id = "p1"})->areas, ==, "18073");
    g_assert_cmpstr(rig_take(rig, &(Cap){.id = "p2", .area = "<geocode><valueName>gso</valueName><value>H42</value></geocode>"})->areas, ==, "42");
    g_assert_cmpstr(rig_take(rig, &(Cap){.id = "p3", .area = "<circle>18.3841,105.8973 2</circle>"})->areas, ==, "18100");
    g_assert_cmpstr(rig_take(rig, &(Cap){.id = "p4", .area = "<polygon>18.3,105.8 18.3,106 18.4,106 18.4,105.8 18.3,105.8</polygon>"})->areas, ==,
                    "18073,18100");
    Answer nowhere = rig_send_from(rig, &rig_weather, &(Cap){.id = "p5", .area = "<circle>10,105 2</circle>"});
    g_assert_error(nowhere.error, BC_ERROR, BC_ERROR_NOT_FOUND);
    static const char *const within[] = {"18073.1", NULL}, *const senders[] = {"tram-*", NULL};
    const BcAlertSource narrow = {.name = "tram", .areas = within}, other = {.name = "o", .senders = senders},
                        strict = {.name = "s", .signature = BC_SIGNATURE_REQUIRE};
    Answer clipped = rig_send_from(rig, &narrow, &(Cap){.id = "p6"});
    g_assert_cmpstr(rig_get(rig, &clipped)->areas, ==, "18073.1");
    Answer refused = rig_send_from(rig, &other, &(Cap){.id = "p7"}), unsigned_one = rig_send_from(rig, &strict, &(Cap){.id = "p8"});
    g_assert_error(refused.error, BC_ERROR, BC_ERROR_INVALID);
    g_assert_nonnull(strstr(unsigned_one.error->message, "must be signed"));
    g_clear_error(&nowhere.error);
    g_clear_error(&refused.error);
    g_clear_error(&unsigned_one.error);
    rig_free(rig);
}

/* Stop-all of an area ends what sounds there alone, in a pause too; not what others hear as well. */
static void test_stop_all(void)
{
    Rig *rig = rig_new();
    const BcAlert *one = rig_take(rig, &(Cap){.id = "s1"});
    const BcAlert *both = rig_take(rig, &(Cap){.id = "s2", .area = "<geocode><valueName>GSO</valueName><value>42</value></geocode>"});
    rig_go(rig, 30 * S);
    g_assert_cmpint(one->phase, ==, 0); /* between two rounds */
    bc_alerts_on_broadcast("area.stopped", &(BcRun){.id = "", .areas = "18073", .state = "stopped"}, rig->alerts);
    g_assert_cmpint(one->state, ==, BC_ALERT_STOPPED);
    g_assert_cmpint(both->state, ==, BC_ALERT_SOUNDING);
    unsigned n = rig->sounds->len;
    rig_go(rig, 140 * S);
    g_assert_cmpuint(rig->sounds->len, ==, n + 1);
    g_assert_cmpstr(rig_sound(rig, n)->areas, ==, "42");
    rig_free(rig);
}

/* Rounds are as old as their alert: a newer one is not cut off by them, and what stopped an area keeps silent there (the stage asks). */
static void test_order(void)
{
    Rig *rig = rig_new();
    rig_take(rig, &(Cap){.id = "o1", .area = "<geocode><valueName>GSO</valueName><value>42</value></geocode>"});
    rig_go(rig, 200 * S);
    g_assert_cmpuint(rig->sounds->len, >=, 3);
    for (unsigned i = 0; i < rig->sounds->len; i++)
        g_assert_cmpint(rig_sound(rig, i)->made_us, ==, T0);
    rig_free(rig);
}

static unsigned all_clears(Rig *rig, const BcAlert **ret)
{
    g_autoptr(GPtrArray) all = bc_alerts_list(rig->alerts);
    unsigned n = 0;
    for (unsigned i = 0; i < all->len; i++)
        if (g_str_equal(((const BcAlert *)all->pdata[i])->kind, "all-clear") && ++n)
            *ret = all->pdata[i];
    return n;
}

/* One cancel, one all-clear, wherever any part was heard; a second cancel of the same is silent; what nobody heard has none. */
static void test_all_clear(void)
{
    Rig *rig = rig_new();
    const BcAlert *clear = NULL;
    static const char two[] = "</area></info><info><language>vi</language><category>Met</category><event>Bão</event><urgency>Expected</urgency>"
                              "<severity>Severe</severity><certainty>Likely</certainty><headline>b</headline><area><areaDesc>y</areaDesc>"
                              "<geocode><valueName>GSO</valueName><value>18100</value></geocode>";
    g_autofree char *areas = g_strconcat("<geocode><valueName>GSO</valueName><value>18073</value></geocode>", two, NULL);
    rig_take(rig, &(Cap){.id = "c1", .area = areas});
    rig_go(rig, 2 * S);
    rig_take(rig, &(Cap){.id = "c2", .type = "Cancel", .references = "c1", .area = areas});
    rig_go(rig, 5 * S);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_usleep(100000);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpuint(all_clears(rig, &clear), ==, 1);
    g_assert_cmpstr(clear->areas, ==, "18073,18100");
    rig_take(rig, &(Cap){.id = "c3", .type = "Cancel", .references = "c1", .area = areas});
    g_usleep(100000);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpuint(all_clears(rig, &clear), ==, 1);
    Answer none = {0};
    g_autofree char *unheard = g_strdup(rig_take(rig, &(Cap){.id = "c4", .status = "Test"})->id);
    bc_alerts_stop(rig->alerts, unheard, "x", true, "Cháy!", rig_on_done, &none);
    g_assert_error(none.error, BC_ERROR, BC_ERROR_STATE);
    g_clear_error(&none.error);
    rig_free(rig);
}

/* An emergency that cannot be played at once is tried as long as it holds; a meeting that is not there brings no siren each time. */
static void test_tried_again(void)
{
    Rig *rig = rig_new();
    rig->broken = 9;
    const BcAlert *alert = rig_take(rig, &(Cap){.id = "f1", .expires_s = 7200});
    rig_go(rig, 300 * S);
    g_assert_cmpuint(rig->broken, ==, 0);
    g_assert_cmpuint(rig->sounds->len, >, 0);
    g_assert_cmpint(alert->state, ==, BC_ALERT_SOUNDING);
    bc_alerts_stop(rig->alerts, alert->id, "x", false, NULL, NULL, NULL);
    static const char *const areas[] = {"18073", NULL};
    unsigned n = rig->sounds->len;
    Answer answer = {0};
    bc_alerts_emergency(rig->alerts, &(BcEmergency){.areas = areas, .siren = BC_SIREN_URGENT, .room = "hop", .created_by = "x"}, rig_on_done, &answer);
    const BcAlert *live = rig_get(rig, &answer);
    rig->broken = 100;
    rig_go(rig, 120 * S);
    g_assert_cmpuint(rig->sounds->len, ==, n + 1); /* the siren, once */
    g_assert_cmpint(live->state, ==, BC_ALERT_STOPPED);
    g_assert_nonnull(strstr(live->reason, "no such meeting"));
    rig_free(rig);
}

/* Quiet hours: an emergency sounds; what is real but none waits for the morning; a drill is refused, by day it is not. */
static void test_quiet(void)
{
    Rig *rig = rig_new();
    static const char *const areas[] = {"18073", NULL};
    const BcEmergency drill = {.kind = "drill", .areas = areas, .siren = BC_SIREN_URGENT, .created_by = "x"};
    Answer refused = {0}, taken = {0};
    rig->quiet_until_us = T0 + 600 * S;
    bc_alerts_emergency(rig->alerts, &drill, rig_on_done, &refused);
    g_assert_error(refused.error, BC_ERROR, BC_ERROR_STATE);
    g_clear_error(&refused.error);
    const BcAlert *exercise = rig_take(rig, &(Cap){.id = "q1", .status = "Exercise"});
    g_assert_cmpint(exercise->state, ==, BC_ALERT_STOPPED);
    const BcAlert *frost = rig_take(rig, &(Cap){.id = "q2", .severity = "Moderate", .event = "Rét"});
    g_assert_cmpint(frost->state, ==, BC_ALERT_SOUNDING);
    g_assert_cmpstr(frost->note, ==, "waits for the end of quiet hours");
    rig_go(rig, 599 * S);
    g_assert_cmpuint(rig->sounds->len, ==, 0);
    const BcAlert *storm = rig_take(rig, &(Cap){.id = "q3"});
    g_assert_cmpint(storm->state, ==, BC_ALERT_SOUNDING);
    g_assert_cmpuint(rig->sounds->len, ==, 1);
    rig_go(rig, 2 * S);
    g_assert_cmpuint(rig->sounds->len, ==, 2);
    g_assert_cmpstr(rig_sound(rig, 1)->lead, ==, "chime");
    bc_alerts_emergency(rig->alerts, &drill, rig_on_done, &taken);
    g_assert_cmpint(rig_get(rig, &taken)->state, ==, BC_ALERT_SOUNDING);
    g_assert_true(rig_sound(rig, rig->sounds->len - 1)->drill);
    rig_free(rig);
}

/* An old message that says nothing of its end, found in a feed or sent again, is over; a source cannot fill the air. */
static void test_old_and_many(void)
{
    Rig *rig = rig_new();
    static const char text[] = "<alert xmlns=\"" BC_CAP_NS "\"><identifier>old-1</identifier><sender>dai</sender><sent>2026-11-20T03:00:00+07:00</sent>"
                               "<status>Actual</status><msgType>Alert</msgType><scope>Public</scope><info><language>vi</language><category>Met</category>"
                               "<event>Bão</event><urgency>Immediate</urgency><severity>Extreme</severity><certainty>Observed</certainty></info></alert>";
    Answer answer = {0};
    bc_alerts_take_cap(rig->alerts, &rig_weather, text, strlen(text), rig_on_done, &answer);
    g_assert_cmpint(rig_get(rig, &answer)->state, ==, BC_ALERT_EXPIRED);
    g_assert_cmpuint(rig->sounds->len, ==, 0);
    for (unsigned i = 0; i <= BC_ALERTS_OPEN_MAX; i++) {
        g_autofree char *id = g_strdup_printf("m%u", i);
        Answer one = rig_send_from(rig, &rig_weather, &(Cap){.id = id, .effective_s = 3000, .expires_s = 7000});
        if (i < BC_ALERTS_OPEN_MAX)
            g_assert_no_error(one.error);
        else
            g_assert_error(one.error, BC_ERROR, BC_ERROR_LIMIT);
        g_clear_error(&one.error);
        g_free(one.id);
    }
    g_assert_cmpint(rig_take(rig, &(Cap){.id = "mc", .type = "Cancel", .references = "m1"})->state, ==, BC_ALERT_STORED);
    rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/alert/alerts/rounds", test_rounds);
    g_test_add_func("/alert/alerts/expiry", test_expiry);
    g_test_add_func("/alert/alerts/replaced", test_replaced);
    g_test_add_func("/alert/alerts/lives", test_lives);
    g_test_add_func("/alert/alerts/places", test_places);
    g_test_add_func("/alert/alerts/stop-all", test_stop_all);
    g_test_add_func("/alert/alerts/adopted", test_adopted);
    g_test_add_func("/alert/alerts/order", test_order);
    g_test_add_func("/alert/alerts/all-clear", test_all_clear);
    g_test_add_func("/alert/alerts/tried-again", test_tried_again);
    g_test_add_func("/alert/alerts/quiet", test_quiet);
    g_test_add_func("/alert/alerts/old-and-many", test_old_and_many);
    return g_test_run();
}
