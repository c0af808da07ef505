/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Circular 39/2020 on virtual time: what the province sends, and what a commune may decide about it. */
#include "tests/unit/broadcast/bulletin-rig.h"

static const char *const both[] = {"18073", "18100", NULL}, *const one[] = {"18100", NULL}, *const village[] = {"18100.1", NULL};

static char *send_down(BulletinRig *rig, const char *title, BcPriority priority, const char *const *areas, int64_t asked_us, int64_t to_us)
{
    Outcome o = {0};
    char *id = NULL;
    g_autofree char *external = g_strdup_printf("tw-%s", title);
    BcBulletinFields f = {.kind = BC_BULLETIN_TEXT, .title = title, .text = "Một bản tin từ trên gửi xuống cho các xã", .priority = priority,
                          .areas = areas, .asked_us = asked_us, .to_us = to_us};
    bc_bulletins_receive(rig->bulletins, BC_FROM_CENTRAL, external, "42", &f, "trung-uong", &id, on_outcome, &o);
    int code = wait_outcome(&o);
    if (o.message)
        g_test_message("%s", o.message);
    g_assert_cmpint(code, ==, -1);
    settle(rig);
    return id;
}

static const BcInboxItem *only(BulletinRig *rig, const char *area)
{
    g_autoptr(GPtrArray) all = bc_inboxes_list(rig->inbox, area);
    g_assert_cmpuint(all->len, ==, 1);
    return all->pdata[0];
}

static const char *inbox_state(BulletinRig *rig, const char *area)
{
    return bc_inboxes_state_to_string(only(rig, area)->state);
}

static int64_t length_of(BulletinRig *rig, const char *bulletin)
{
    return bc_contents_find(bc_broadcast_contents(rig->b), get(rig, bulletin)->approved->content)->duration_us;
}

/* The commune's own item, played at that time every day or once. */
static char *own_item(BulletinRig *rig, const char *title, const char *start, const char *rule, BcPriority priority)
{
    Outcome o = {0};
    BcBulletinFields f = {.kind = BC_BULLETIN_TEXT, .title = title, .text = "Một bản tin dài hơn mà xã tự làm lấy", .priority = priority, .areas = one};
    g_autofree char *id = create(rig, "18100", &f, &editor);
    char *schedule = NULL;
    approve(rig, id, &editor, &chief);
    bc_bulletins_schedule(rig->bulletins, id, 0, &(BcBulletinWhen){.start_local = start, .rule = rule, .grace_s = 60}, &editor, &schedule, on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, -1);
    settle(rig);
    return schedule;
}

static int64_t next_of(BulletinRig *rig, const char *schedule)
{
    return bc_schedules_next_us(bc_broadcast_schedules(rig->b), schedule, rig_wall(rig));
}

static int decide(BulletinRig *rig, const char *area, bool above, const BcWho *who)
{
    Outcome o = {0};
    g_autofree char *id = g_strdup(only(rig, area)->id);
    bc_inboxes_decide(rig->inbox, id, above, who, on_outcome, &o);
    int code = wait_outcome(&o);
    g_free(o.message);
    settle(rig);
    return code;
}

static int take(BulletinRig *rig, const char *id, const char *start, const BcWho *who)
{
    Outcome o = {0};
    g_autofree char *copy = g_strdup(id);
    bc_inboxes_accept(rig->inbox, copy, start, who, on_outcome, &o);
    int code = wait_outcome(&o);
    if (o.message)
        g_test_message("%s", o.message);
    g_free(o.message);
    settle(rig);
    return code;
}

/* Normal: nothing sounds until the commune chooses; each chooses for itself. */
static void test_normal(void)
{
    BulletinRig rig;
    rig_init(&rig);
    Outcome o = {0};
    g_autofree char *id = send_down(&rig, "thuong", BC_NORMAL, both, 0, T0 + 86400 * S);
    g_assert_cmpstr(inbox_state(&rig, "18073"), ==, "waiting");
    g_assert_cmpstr(inbox_state(&rig, "18100"), ==, "waiting");
    g_autofree char *item = g_strdup(only(&rig, "18100")->id), *item73 = g_strdup(only(&rig, "18073")->id);
    advance(&rig, 1800 * S);
    g_autoptr(GPtrArray) planned = bc_schedules_list(bc_broadcast_schedules(rig.b));
    g_assert_cmpuint(planned->len, ==, 0);
    g_assert_cmpint(take(&rig, item, "2026-11-23T05:00:00", &other), ==, BC_ERROR_FORBIDDEN);
    g_assert_cmpint(take(&rig, item, "gestern", &editor), ==, BC_ERROR_INVALID);
    g_assert_cmpint(take(&rig, item, "2026-11-22T05:00:00", &editor), ==, BC_ERROR_INVALID);
    g_assert_cmpint(take(&rig, item, "2026-11-25T05:00:00", &editor), ==, BC_ERROR_INVALID); /* beyond its validity */
    g_assert_cmpint(take(&rig, item, "2026-11-23T05:00:00", &editor), ==, -1);
    const BcSchedule *s = bc_schedules_find(bc_broadcast_schedules(rig.b), only(&rig, "18100")->schedule);
    g_assert_nonnull(s);
    g_assert_cmpstr(s->areas[0], ==, "18100");
    g_assert_null(s->areas[1]); /* that commune only */
    g_assert_true(s->central);
    g_assert_cmpint(next_of(&rig, s->id), ==, T0);
    g_assert_cmpint(take(&rig, item, "2026-11-23T06:00:00", &editor), ==, BC_ERROR_STATE);
    bc_inboxes_decline(rig.inbox, item73, NULL, &other, on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, BC_ERROR_INVALID); /* without a reason */
    bc_inboxes_decline(rig.inbox, item73, "không liên quan", &other, on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, -1);
    advance(&rig, 1900 * S);
    g_assert_cmpstr(rig.runs->str, ==, "thuong normal 18100;");
    g_assert_cmpstr(inbox_state(&rig, "18100"), ==, "played");
    g_assert_cmpstr(inbox_state(&rig, "18073"), ==, "declined");
    g_assert_cmpstr(only(&rig, "18073")->reason, ==, "không liên quan");
    g_assert_cmpint(only(&rig, "18073")->seen_us, >, 0);
    g_assert_cmpstr(rig.inbox_events->str, ==, "arrived 18073;arrived 18100;accepted 18100;declined 18073;played 18100;");
    g_free(o.message);
    rig_clear(&rig);
}

/* What waits is told again; what was never chosen expires and never plays. */
static void test_waits_too_long(void)
{
    BulletinRig rig;
    rig_init(&rig);
    g_autofree char *id = send_down(&rig, "cho", BC_NORMAL, one, 0, T0 + 3600 * S);
    g_autofree char *item = g_strdup(only(&rig, "18100")->id);
    advance(&rig, 3605 * S);
    g_assert_cmpstr(rig.inbox_events->str, ==, "arrived 18100;reminder 18100;");
    advance(&rig, 3605 * S);
    g_assert_cmpstr(inbox_state(&rig, "18100"), ==, "expired");
    g_assert_cmpint(take(&rig, item, "2026-11-23T08:00:00", &editor), ==, BC_ERROR_STATE);
    g_assert_cmpstr(rig.runs->str, ==, "");
    rig_clear(&rig);
}

/* Priority without a clash: placed by itself, at the asked time, or first in the commune's next programme. */
static void test_priority(void)
{
    BulletinRig rig;
    rig_init(&rig);
    g_autofree char *own = own_item(&rig, "buoi sang", "2026-11-23T05:00:00", "FREQ=DAILY", BC_NORMAL);
    g_autofree char *asked = send_down(&rig, "co gio", BC_PRIORITY, village, T0 + 600 * S, 0);
    g_assert_cmpstr(inbox_state(&rig, "18100"), ==, "placed");
    g_assert_cmpint(only(&rig, "18100")->at_us, ==, T0 + 600 * S);
    const BcSchedule *s = bc_schedules_find(bc_broadcast_schedules(rig.b), only(&rig, "18100")->schedule);
    g_assert_cmpstr(s->areas[0], ==, "18100.1"); /* the village that was asked, not the commune */
    g_assert_cmpint(s->priority, ==, BC_PRIORITY);
    g_autofree char *free_time = send_down(&rig, "khong gio", BC_PRIORITY, one, 0, 0);
    g_autoptr(GPtrArray) all = bc_inboxes_list(rig.inbox, "18100");
    for (unsigned i = 0; i < all->len; i++) {
        const BcInboxItem *item = all->pdata[i];
        if (g_str_equal(item->bulletin, free_time))
            g_assert_cmpint(item->at_us, ==, T0);
    }
    rig_clear(&rig);
}

/* Priority against the commune's own priority: the commune says who is first, the other follows. */
static void test_commune_decides(bool above)
{
    BulletinRig rig;
    rig_init(&rig);
    g_autofree char *own = own_item(&rig, "tin xa", "2026-11-23T05:00:00", "FREQ=DAILY", BC_PRIORITY);
    g_autofree char *id = send_down(&rig, "tin tren", BC_PRIORITY, one, T0 + S, 0);
    g_assert_cmpstr(inbox_state(&rig, "18100"), ==, "conflict");
    g_assert_cmpstr(only(&rig, "18100")->other, ==, own);
    g_assert_cmpint(only(&rig, "18100")->deadline_us, <=, rig_wall(&rig) + 600 * S);
    g_assert_null(bc_schedules_find(bc_broadcast_schedules(rig.b), only(&rig, "18100")->schedule)); /* nothing before the decision */
    g_assert_cmpint(decide(&rig, "18100", above, &other), ==, BC_ERROR_FORBIDDEN);
    g_assert_cmpint(decide(&rig, "18100", above, &chief), ==, -1);
    g_assert_cmpint(decide(&rig, "18100", !above, &chief), ==, BC_ERROR_STATE); /* once */
    const BcInboxItem *item = only(&rig, "18100");
    g_assert_cmpstr(item->choice, ==, above ? "above" : "own");
    g_assert_cmpstr(item->decided_by, ==, "truong-ban");
    g_assert_false(item->by_default);
    int64_t at = item->at_us, own_at = above ? INT64_MAX : T0, length = length_of(&rig, id);
    g_autoptr(GPtrArray) all = bc_schedules_list(bc_broadcast_schedules(rig.b));
    for (unsigned i = 0; i < all->len; i++) {
        const BcSchedule *s = all->pdata[i];
        if (g_str_equal(s->name, "tin xa"))
            own_at = MIN(own_at, next_of(&rig, s->id));
    }
    if (above) {
        g_assert_cmpint(at, ==, T0 + S);
        g_assert_cmpint(own_at, >=, at + length);
        g_assert_cmpint(own_at, <=, at + length + 4 * S);
    } else {
        g_assert_cmpint(own_at, ==, T0);
        g_assert_cmpint(at, >, own_at);
    }
    advance(&rig, 3660 * S);
    g_assert_cmpstr(rig.runs->str, ==, above ? "tin tren priority 18100;tin xa priority 18100;" : "tin xa priority 18100;tin tren priority 18100;");
    g_assert_cmpint(next_of(&rig, own), ==, T0 + 86400 * S); /* tomorrow as ever */
    rig_clear(&rig);
}

static void test_above_first(void)
{
    test_commune_decides(true);
}

static void test_own_first(void)
{
    test_commune_decides(false);
}

/* Nobody decides in time, through a restart before and after the deadline: the higher level goes first, once. */
static void test_default(void)
{
    BulletinRig rig;
    rig_init(&rig);
    Outcome o = {0};
    g_autofree char *own = own_item(&rig, "tin xa", "2026-11-23T05:00:00", "FREQ=DAILY", BC_PRIORITY);
    bc_inboxes_set_rule(rig.inbox, "18100", &(BcInboxRule){.decide_s = 300, .remind_s = 3600}, on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, -1);
    g_assert_cmpuint(bc_inboxes_rule(rig.inbox, "18073").decide_s, ==, 600);
    g_autofree char *id = send_down(&rig, "tin tren", BC_PRIORITY, one, T0 + S, 0);
    int64_t deadline = only(&rig, "18100")->deadline_us;
    g_assert_cmpint(deadline, <=, rig_wall(&rig) + 300 * S);
    advance(&rig, 160 * S);
    g_assert_nonnull(strstr(rig.inbox_events->str, "reminder 18100;"));
    rig_close(&rig);
    rig_open(&rig);
    g_assert_cmpstr(inbox_state(&rig, "18100"), ==, "conflict");
    g_assert_cmpint(only(&rig, "18100")->deadline_us, ==, deadline);
    g_string_truncate(rig.inbox_events, 0);
    advance(&rig, 150 * S);
    g_assert_cmpstr(rig.inbox_events->str, ==, "decided 18100;");
    g_assert_true(only(&rig, "18100")->by_default);
    g_assert_cmpstr(only(&rig, "18100")->choice, ==, "above");
    g_assert_null(only(&rig, "18100")->decided_by);
    rig_close(&rig);
    rig_open(&rig);
    advance(&rig, 3460 * S);
    g_assert_cmpstr(rig.runs->str, ==, "tin tren priority 18100;tin xa priority 18100;");
    rig_clear(&rig);
}

/* The commune plans over what was placed already: it is asked then. */
static void test_clash_comes_later(void)
{
    BulletinRig rig;
    rig_init(&rig);
    g_autofree char *id = send_down(&rig, "tin tren", BC_PRIORITY, one, T0, 0);
    g_assert_cmpstr(inbox_state(&rig, "18100"), ==, "placed");
    g_autofree char *own = own_item(&rig, "tin xa", "2026-11-23T05:00:00", NULL, BC_PRIORITY);
    advance(&rig, 2 * S);
    g_assert_cmpstr(inbox_state(&rig, "18100"), ==, "conflict");
    g_assert_cmpint(decide(&rig, "18100", false, &chief), ==, -1);
    advance(&rig, 3660 * S);
    g_assert_cmpstr(rig.runs->str, ==, "tin xa priority 18100;tin tren priority 18100;");
    rig_clear(&rig);
}

/* An emergency asks nobody, everywhere at once, in the night too; a restart does not repeat it. */
static void test_emergency(void)
{
    BulletinRig rig;
    rig_init(&rig);
    g_autofree char *own = own_item(&rig, "tin xa", "2026-11-23T05:00:00", "FREQ=DAILY", BC_PRIORITY);
    md_virtual_clock_advance(&rig.clock, 20 * 3600 * S); /* 00:00: quiet hours */
    advance(&rig, 130 * S);
    g_string_truncate(rig.runs, 0);
    g_autofree char *id = send_down(&rig, "bao", BC_EMERGENCY, both, 0, 0);
    int64_t sent = rig_wall(&rig);
    while (!rig.runs->len && rig_wall(&rig) < sent + 30 * S)
        advance(&rig, S / 4);
    g_assert_cmpstr(rig.runs->str, ==, "bao emergency 18073,18100;");
    g_assert_cmpint(rig_wall(&rig) - sent, <=, 5 * S);
    g_assert_cmpstr(inbox_state(&rig, "18073"), ==, "played");
    advance(&rig, 60 * S);
    rig_close(&rig);
    rig_open(&rig);
    advance(&rig, 60 * S);
    g_assert_cmpstr(rig.runs->str, ==, "bao emergency 18073,18100;");
    rig_clear(&rig);
}

/* The same message again is nothing new; a changed one is a new version; taken back it does not play. */
static void test_from_above(void)
{
    BulletinRig rig;
    rig_init(&rig);
    Outcome o = {0};
    g_autofree char *id = send_down(&rig, "lai", BC_PRIORITY, one, T0, 0), *again = send_down(&rig, "lai", BC_PRIORITY, one, T0, 0);
    g_assert_cmpstr(id, ==, again);
    g_assert_cmpint(get(&rig, id)->version, ==, 1);
    g_autofree char *moved = send_down(&rig, "lai", BC_PRIORITY, one, T0 + 300 * S, 0);
    g_assert_cmpstr(moved, ==, id);
    g_assert_cmpint(get(&rig, id)->approved_version, ==, 2);
    g_autoptr(GPtrArray) all = bc_inboxes_list(rig.inbox, "18100");
    g_assert_cmpuint(all->len, ==, 2);
    g_autoptr(GPtrArray) schedules = bc_schedules_list(bc_broadcast_schedules(rig.b));
    g_assert_cmpuint(schedules->len, ==, 1); /* the older time is gone */
    g_assert_cmpint(next_of(&rig, ((BcSchedule *)schedules->pdata[0])->id), ==, T0 + 300 * S);
    bc_bulletins_recall(rig.bulletins, "tw-lai", "sai", "trung-uong", on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, -1);
    advance(&rig, 3 * S);
    g_assert_cmpstr(state_of(&rig, id), ==, "withdrawn");
    g_autoptr(GPtrArray) left = bc_schedules_list(bc_broadcast_schedules(rig.b));
    g_assert_cmpuint(left->len, ==, 0);
    advance(&rig, 3960 * S);
    g_assert_cmpstr(rig.runs->str, ==, "");
    /* after its time */
    BcBulletinFields f = {.kind = BC_BULLETIN_TEXT, .title = "cu", .text = "cu", .to_us = rig_wall(&rig) - S};
    bc_bulletins_receive(rig.bulletins, BC_FROM_CENTRAL, "tw-cu", "42", &f, "trung-uong", NULL, on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, BC_ERROR_STATE);
    g_free(o.message);
    rig_clear(&rig);
}

/* The province's own bulletin goes the same way once it is approved. */
static void test_from_province(void)
{
    BulletinRig rig;
    rig_init(&rig);
    BcWho chief_of_province = {"giam-doc", NULL};
    BcBulletinFields f = {.kind = BC_BULLETIN_TEXT, .title = "tinh", .text = "Tin của tỉnh", .areas = NULL};
    g_autofree char *id = create(&rig, "42", &f, &province);
    g_autoptr(GPtrArray) none = bc_inboxes_list(rig.inbox, NULL);
    g_assert_cmpuint(none->len, ==, 0);
    approve(&rig, id, &province, &chief_of_province);
    g_assert_cmpstr(inbox_state(&rig, "18073"), ==, "waiting"); /* the whole province: each commune */
    g_assert_cmpstr(inbox_state(&rig, "18100"), ==, "waiting");
    g_assert_cmpstr(only(&rig, "18100")->areas[0], ==, "18100");
    g_assert_cmpstr(bc_inboxes_commune_of(bc_broadcast_areas(rig.b), "18100.1"), ==, "18100");
    g_assert_null(bc_inboxes_commune_of(bc_broadcast_areas(rig.b), "42"));
    rig_clear(&rig);
}

/* mediad was away at the asked time and past the deadline: what is from above finds another time, what the commune missed is not said late. */
static void test_away(void)
{
    BulletinRig rig;
    rig_init(&rig);
    g_autofree char *own = own_item(&rig, "tin xa", "2026-11-23T05:00:00", NULL, BC_PRIORITY);
    g_autofree char *id = send_down(&rig, "tin tren", BC_PRIORITY, one, T0 + S, 0);
    g_assert_cmpstr(inbox_state(&rig, "18100"), ==, "conflict");
    rig_close(&rig);
    md_virtual_clock_advance(&rig.clock, 5400 * S); /* 05:30 */
    rig_open(&rig);
    advance(&rig, 2 * S);
    g_assert_cmpstr(inbox_state(&rig, "18100"), ==, "placed");
    g_assert_true(only(&rig, "18100")->by_default);
    g_assert_cmpint(only(&rig, "18100")->at_us, >, rig_wall(&rig));
    advance(&rig, 600 * S);
    g_assert_cmpstr(rig.runs->str, ==, "tin tren priority 18100;");
    g_assert_cmpstr(inbox_state(&rig, "18100"), ==, "played");
    rig_clear(&rig);
}

/* Two and more from above at one time: each is heard whole, the higher authority first, then the newest. */
static void test_two_from_above(void)
{
    BulletinRig rig;
    rig_init(&rig);
    BcWho chief_of_province = {"giam-doc", NULL};
    BcBulletinFields f = {.kind = BC_BULLETIN_TEXT, .title = "tinh", .text = "Tin ưu tiên của tỉnh", .priority = BC_PRIORITY, .areas = one, .asked_us = T0};
    g_autofree char *below = create(&rig, "42", &f, &province);
    approve(&rig, below, &province, &chief_of_province);
    advance(&rig, S);
    g_assert_cmpint(only(&rig, "18100")->at_us, ==, T0);
    g_autofree char *first = send_down(&rig, "mot", BC_PRIORITY, one, T0, 0);
    advance(&rig, S);
    g_autofree char *second = send_down(&rig, "hai", BC_PRIORITY, one, T0 + S, 0);
    advance(&rig, 2 * S);
    advance(&rig, 3660 * S);
    g_assert_cmpstr(rig.runs->str, ==, "hai priority 18100;mot priority 18100;tinh priority 18100;");
    g_autoptr(GPtrArray) all = bc_inboxes_list(rig.inbox, "18100");
    g_assert_cmpuint(all->len, ==, 3);
    for (unsigned i = 0; i < 3; i++) {
        const BcInboxItem *a = all->pdata[i];
        g_assert_cmpint(a->state, ==, BC_INBOX_PLAYED);
        for (unsigned k = 0; k < 3; k++) {
            const BcInboxItem *b = all->pdata[k];
            g_assert_true(a == b || a->at_us + length_of(&rig, a->bulletin) <= b->at_us || b->at_us + length_of(&rig, b->bulletin) <= a->at_us);
        }
    }
    rig_clear(&rig);
}

static bool write_state(MdDb *db, gpointer data, GError **error)
{
    return md_db_run(db, error, data, "");
}

static void on_write_state(bool ok, const GError *error, gpointer data, gpointer user)
{
    g_assert_no_error(error);
    *(bool *)user = true;
}

static void put_state(BulletinRig *rig, const char *sql)
{
    bool done = false;
    md_store_write(rig->store, write_state, (gpointer)sql, NULL, on_write_state, &done);
    while (!done)
        g_main_context_iteration(NULL, TRUE);
}

/* Killed between the first sound of an emergency and the word of it: not twice; and one that is hours old not at all. */
static void test_emergency_killed(void)
{
    BulletinRig rig;
    rig_init(&rig);
    g_autofree char *id = send_down(&rig, "bao", BC_EMERGENCY, one, 0, 0);
    advance(&rig, 60 * S);
    g_assert_cmpstr(rig.runs->str, ==, "bao emergency 18100;");
    put_state(&rig, "UPDATE bc_inbox SET state = 'due'");
    rig_close(&rig);
    rig_open(&rig);
    advance(&rig, 2 * S);
    g_assert_cmpstr(inbox_state(&rig, "18100"), ==, "played");
    advance(&rig, 60 * S);
    g_assert_cmpstr(rig.runs->str, ==, "bao emergency 18100;");
    put_state(&rig, "UPDATE bc_inbox SET state = 'due'");
    put_state(&rig, "DELETE FROM bc_announcements"); /* it never began */
    rig_close(&rig);
    md_virtual_clock_advance(&rig.clock, 3600 * S);
    rig_open(&rig);
    advance(&rig, 2 * S);
    g_assert_cmpstr(inbox_state(&rig, "18100"), ==, "missed");
    advance(&rig, 60 * S);
    g_assert_cmpstr(rig.runs->str, ==, "bao emergency 18100;");
    rig_clear(&rig);
}

/* What is dealt with goes after a year, for good; while its bulletin holds it stays, else it would come a second time. */
static void test_kept_for_a_year(void)
{
    BulletinRig rig;
    Outcome o = {0};
    rig_init(&rig);
    g_autofree char *over = send_down(&rig, "thuong", BC_NORMAL, both, 0, T0 + 86400 * S), *holds = send_down(&rig, "bao", BC_EMERGENCY, one, 0, 0);
    advance(&rig, 60 * S);
    g_assert_cmpstr(rig.runs->str, ==, "bao emergency 18100;");
    g_autofree char *item = g_strdup(only(&rig, "18073")->id);
    bc_inboxes_decline(rig.inbox, item, "không liên quan", &other, on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, -1);
    for (unsigned i = 0; i < 2; i++) {
        rig_close(&rig);
        md_virtual_clock_advance(&rig.clock, 200 * 86400 * S);
        rig_open(&rig);
        advance(&rig, 2 * S);
        g_autoptr(GPtrArray) all = bc_inboxes_list(rig.inbox, NULL), there = bc_inboxes_list(rig.inbox, "18100");
        g_assert_cmpuint(all->len, ==, i == 0 ? 3 : 1); /* declined and expired 400 days ago; the emergency has no end */
        g_assert_cmpuint(there->len, ==, i == 0 ? 2 : 1);
    }
    bc_bulletins_act(rig.bulletins, holds, 0, BC_ACT_WITHDRAW, "đã qua", &(BcWho){.name = "tinh"}, on_outcome, &o);
    g_assert_cmpint(wait_outcome(&o), ==, -1);
    for (unsigned i = 0; i < 2; i++) {
        rig_close(&rig);
        md_virtual_clock_advance(&rig.clock, 400 * 86400 * S);
        rig_open(&rig);
        advance(&rig, 2 * S);
        g_autoptr(GPtrArray) all = bc_inboxes_list(rig.inbox, NULL);
        g_assert_cmpuint(all->len, ==, 0);
        g_assert_cmpstr(rig.runs->str, ==, "bao emergency 18100;");
    }
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/inbox/normal", test_normal);
    g_test_add_func("/inbox/kept-for-a-year", test_kept_for_a_year);
    g_test_add_func("/inbox/waits-too-long", test_waits_too_long);
    g_test_add_func("/inbox/priority", test_priority);
    g_test_add_func("/inbox/above-first", test_above_first);
    g_test_add_func("/inbox/own-first", test_own_first);
    g_test_add_func("/inbox/default", test_default);
    g_test_add_func("/inbox/clash-comes-later", test_clash_comes_later);
    g_test_add_func("/inbox/emergency", test_emergency);
    g_test_add_func("/inbox/away", test_away);
    g_test_add_func("/inbox/two-from-above", test_two_from_above);
    g_test_add_func("/inbox/emergency-killed", test_emergency_killed);
    g_test_add_func("/inbox/from-above", test_from_above);
    g_test_add_func("/inbox/from-province", test_from_province);
    return g_test_run();
}
