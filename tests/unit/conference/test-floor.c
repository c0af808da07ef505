/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The floor, votes and keys in a room: what is heard, what is shown, who keeps its place. */
#include <string.h>
#include "tests/fixtures/meeting.h"

typedef struct Hall {
    Meeting *meeting;
    MdRoom *room;
    MdLeg *legs[4];
    FakeCall *calls[4];
    char *ids[4]; /* chair, then sites a, b, c */
} Hall;

static const double HZ[] = {400, 500, 600, 700};

static void hall_init(Hall *hall, const MdRoomSpec *spec, bool pictures)
{
    static const char *const accounts[] = {"chair", "a", "b", "c"};
    *hall = (Hall){.meeting = meeting_new(&(MeetingSpec){.pictures = pictures})};
    hall->room = meeting_room(hall->meeting, spec);
    for (unsigned i = 0; i < 4; i++) {
        g_autofree char *sdp = g_strdup_printf("hz=%g%s", HZ[i], pictures ? " video=h264" : "");
        hall->calls[i] = meeting_join(hall->meeting, spec->name, accounts[i], i == 0 ? MD_ROLE_CHAIR : MD_ROLE_SITE, sdp, &hall->legs[i]);
        hall->ids[i] = g_strdup(meeting_member(hall->room, i));
    }
    meeting_run_ms(hall->meeting, 1500);
}

static void hall_clear(Hall *hall)
{
    meeting_free(hall->meeting);
    for (unsigned i = 0; i < 4; i++)
        g_free(hall->ids[i]);
}

static void hears(const Hall *hall, unsigned who, unsigned whom, bool heard)
{
    float amplitude = fake_leg_hears(hall->legs[who], HZ[whom]);
    g_assert_cmpint(amplitude > 0.03f, ==, heard);
}

static void expect_floor(const Hall *hall, const char *holder, unsigned waiting)
{
    g_autoptr(JsonObject) floor = md_room_floor(hall->room);
    if (holder != NULL)
        g_assert_cmpstr(json_object_get_string_member(floor, "holder"), ==, holder);
    else
        g_assert_true(json_object_get_null_member(floor, "holder"));
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(floor, "queue")), ==, waiting);
}

/* One press: only the speaker is heard (and the chair, who may break in); its end leaves everybody as asked for last. */
static void test_heard(void)
{
    Hall hall;
    hall_init(&hall, &(MdRoomSpec){.name = "r"}, false);
    hall.legs[0]->silent = true;
    g_assert_true(md_room_mute_member(hall.room, hall.ids[1], true, NULL)); /* a: muted before */
    g_assert_true(md_room_floor_give(hall.room, hall.ids[1], 0, NULL));
    meeting_run_ms(hall.meeting, 3000);
    for (unsigned who = 0; who < 4; who++)
        for (unsigned whom = 1; whom < 4; whom++)
            hears(&hall, who, whom, whom == 1 && who != 1);
    g_assert_true(md_room_mute_member(hall.room, hall.ids[2], false, NULL)); /* the chair lets b answer */
    meeting_run_ms(hall.meeting, 3000);
    hears(&hall, 3, 2, true);
    hears(&hall, 1, 3, false);
    g_assert_true(md_room_floor_end(hall.room, NULL));
    meeting_run_ms(hall.meeting, 3000);
    hears(&hall, 0, 1, false); /* as before */
    hears(&hall, 0, 2, true);
    hears(&hall, 0, 3, true);
    g_assert_false(md_room_floor_end(hall.room, NULL));
    hall_clear(&hall);
}

static void test_keys(void)
{
    Hall hall;
    hall_init(&hall, &(MdRoomSpec){.name = "r", .chair_pin = "1357"}, false);
    meeting_dtmf(hall.meeting, hall.calls[1], "*9");
    meeting_dtmf(hall.meeting, hall.calls[2], "*9");
    expect_floor(&hall, NULL, 2);
    meeting_dtmf(hall.meeting, hall.calls[3], "*1"); /* a site runs nothing */
    expect_floor(&hall, NULL, 2);
    meeting_dtmf(hall.meeting, hall.calls[0], "*1");
    expect_floor(&hall, hall.ids[1], 1);
    g_assert_cmpuint(meeting_events(hall.meeting, "floor.next"), ==, 1); /* b is told */
    meeting_dtmf(hall.meeting, hall.calls[1], "*9");                    /* has finished */
    expect_floor(&hall, NULL, 1);
    meeting_dtmf(hall.meeting, hall.calls[2], "*9");
    expect_floor(&hall, NULL, 0);
    meeting_dtmf(hall.meeting, hall.calls[3], "12*");   /* takes its digits back */
    meeting_dtmf(hall.meeting, hall.calls[3], "1357#"); /* and keys are no part of a PIN */
    meeting_dtmf(hall.meeting, hall.calls[3], "*9*1");
    expect_floor(&hall, hall.ids[3], 0);
    meeting_dtmf(hall.meeting, hall.calls[3], "*2");
    expect_floor(&hall, NULL, 0);
    hall_clear(&hall);
}

/* The clock: a tone to the speaker alone, then the end, then the next one. */
static void test_clock(void)
{
    Hall hall;
    hall_init(&hall, &(MdRoomSpec){.name = "r"}, false);
    MdFloorRules rules = {.budget_us = 20 * G_USEC_PER_SEC, .warn_us = 5 * G_USEC_PER_SEC, .grace_us = 10 * G_USEC_PER_SEC, .auto_next = true};
    g_assert_true(md_room_set_floor_rules(hall.room, &rules, NULL));
    for (unsigned i = 0; i < 4; i++)
        hall.legs[i]->silent = true;
    g_assert_true(md_room_raise_hand(hall.room, hall.ids[1], true, NULL));
    g_assert_true(md_room_raise_hand(hall.room, hall.ids[2], true, NULL));
    g_assert_true(md_room_floor_next(hall.room, -1, NULL));
    bool toned = false;
    meeting_run_ms(hall.meeting, 14000);
    for (unsigned i = 0; i < 30; i++) {
        meeting_run_ms(hall.meeting, 100);
        toned |= fake_leg_hears(hall.legs[1], 1000) > 0.02f;
        g_assert_cmpfloat(fake_leg_hears(hall.legs[2], 1000), <, 0.01f);
    }
    g_assert_true(toned);
    g_assert_true(md_room_floor_extend(hall.room, 10, NULL));
    meeting_run_ms(hall.meeting, 8000);
    expect_floor(&hall, hall.ids[1], 1);
    meeting_run_ms(hall.meeting, 6000);
    expect_floor(&hall, hall.ids[2], 0);
    g_assert_cmpuint(meeting_events(hall.meeting, "floor.warned"), ==, 2);
    rules.budget_us = -1;
    g_assert_false(md_room_set_floor_rules(hall.room, &rules, NULL));
    hall_clear(&hall);
}

/* A site that rings again is who it was; a stranger is not; and a place is kept for so long only. */
static void test_comes_back(void)
{
    Hall hall;
    hall_init(&hall, &(MdRoomSpec){.name = "r"}, false);
    g_assert_true(md_room_raise_hand(hall.room, hall.ids[2], true, NULL));
    g_assert_true(md_room_raise_hand(hall.room, hall.ids[3], true, NULL));
    g_assert_true(md_room_floor_give(hall.room, hall.ids[1], 0, NULL));
    md_call_emit_closed(hall.calls[1]->call, 500, "line lost");
    md_call_emit_closed(hall.calls[2]->call, 500, "line lost");
    meeting_run_ms(hall.meeting, 3000);
    expect_floor(&hall, hall.ids[1], 2);
    meeting_join(hall.meeting, "r", "stranger", MD_ROLE_SITE, "hz=900", NULL);
    meeting_join(hall.meeting, "r", "b", MD_ROLE_SITE, "hz=600", NULL);
    meeting_join(hall.meeting, "r", "a", MD_ROLE_SITE, "hz=500", NULL);
    g_assert_cmpuint(meeting_events(hall.meeting, "floor.back"), ==, 2);
    g_autoptr(GPtrArray) members = md_room_members(hall.room);
    const MdMemberInfo *b = members->pdata[members->len - 2], *a = members->pdata[members->len - 1];
    expect_floor(&hall, a->id, 2);
    g_assert_true(a->floor && !a->muted && b->hand && b->muted);
    g_autoptr(JsonObject) floor = md_room_floor(hall.room);
    JsonObject *first = json_array_get_object_element(json_object_get_array_member(floor, "queue"), 0);
    g_assert_cmpstr(json_object_get_string_member(first, "member"), ==, b->id); /* before c, as it was */
    md_call_emit_closed(hall.calls[3]->call, 500, "line lost");
    meeting_run_ms(hall.meeting, 61000);
    g_autoptr(GPtrArray) later = md_room_members(hall.room);
    expect_floor(&hall, ((const MdMemberInfo *)later->pdata[later->len - 1])->id, 1);
    hall_clear(&hall);
}

static void test_roles(void)
{
    g_autoptr(GError) error = NULL;
    Hall hall;
    hall_init(&hall, &(MdRoomSpec){.name = "r"}, false);
    g_assert_true(md_room_set_role(hall.room, hall.ids[1], MD_ROLE_OBSERVER, NULL));
    meeting_run_ms(hall.meeting, 1500);
    hears(&hall, 0, 1, false);
    hears(&hall, 1, 2, true);
    g_assert_false(md_room_may(hall.room, hall.ids[1], MD_ACTION_HAND, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_DENIED);
    g_clear_error(&error);
    g_assert_false(md_room_may(hall.room, hall.ids[2], MD_ACTION_RUN_FLOOR, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_DENIED);
    g_clear_error(&error);
    g_assert_true(md_room_may(hall.room, hall.ids[2], MD_ACTION_HAND, NULL));
    g_assert_true(md_room_raise_hand(hall.room, hall.ids[2], true, NULL));
    g_assert_true(md_room_may(hall.room, hall.ids[0], MD_ACTION_RUN_FLOOR, NULL));
    g_assert_true(md_room_floor_next(hall.room, -1, NULL));
    expect_floor(&hall, hall.ids[2], 0);
    g_assert_true(md_room_set_role(hall.room, hall.ids[2], MD_ROLE_OBSERVER, NULL)); /* loses it */
    expect_floor(&hall, NULL, 0);
    hall_clear(&hall);
}

static void test_votes(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = NULL;
    Hall hall;
    static const char *const choices[] = {"Có", "Không", NULL};
    hall_init(&hall, &(MdRoomSpec){.name = "r"}, false);
    MdVoteSpec spec = {.question = "Thông qua?", .choices = choices, .secret = true, .quorum = 2, .ends_us = 30 * G_USEC_PER_SEC};
    g_assert_true(md_room_vote_open(hall.room, &spec, &id, NULL));
    g_assert_false(md_room_vote_open(hall.room, &spec, NULL, &error)); /* one at a time: keys would mean two things */
    g_clear_error(&error);
    meeting_dtmf(hall.meeting, hall.calls[1], "*81");
    meeting_dtmf(hall.meeting, hall.calls[2], "*81");
    meeting_dtmf(hall.meeting, hall.calls[2], "*82"); /* thinks better of it */
    meeting_dtmf(hall.meeting, hall.calls[3], "*83"); /* no such choice */
    meeting_join(hall.meeting, "r", "b", MD_ROLE_SITE, "hz=0", NULL); /* the same site twice */
    g_autoptr(GPtrArray) members = md_room_members(hall.room);
    g_assert_true(md_room_vote_cast(hall.room, NULL, ((const MdMemberInfo *)members->pdata[members->len - 1])->id, 1, NULL));
    g_assert_null(strstr(hall.meeting->last_event, "choice")); /* who, not what */
    g_autoptr(JsonObject) open = md_room_vote(hall.room, id, NULL);
    g_assert_cmpint(json_object_get_int_member(open, "cast"), ==, 2);
    g_assert_false(json_object_has_member(json_array_get_object_element(json_object_get_array_member(open, "choices"), 0), "count"));
    meeting_run_ms(hall.meeting, 31000); /* the clock closes it */
    g_autoptr(JsonObject) closed = md_room_vote(hall.room, id, NULL);
    g_assert_false(json_object_get_boolean_member(closed, "open"));
    g_assert_true(json_object_get_boolean_member(closed, "has_quorum"));
    for (unsigned i = 0; i < 2; i++)
        g_assert_cmpint(json_object_get_int_member(json_array_get_object_element(json_object_get_array_member(closed, "choices"), i), "count"), ==, 1);
    g_assert_true(json_object_get_null_member(closed, "winner")); /* one to one */
    g_assert_false(json_object_has_member(json_array_get_object_element(json_object_get_array_member(closed, "voted"), 0), "choice"));
    g_assert_false(md_room_vote_cast(hall.room, id, hall.ids[3], 0, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE);
    hall_clear(&hall);
}

/* Whatever the layout: the speaker is large, for itself it is not; then all is as it was. */
static void test_shown(void)
{
    Hall hall;
    hall_init(&hall, &(MdRoomSpec){.name = "r", .layout = MD_LAYOUT_GRID_2X2}, true);
    const FakeView *all = &fake_composer()->views[1], *own = &fake_composer()->views[2];
    g_assert_cmpint(all->layout, ==, MD_LAYOUT_GRID_2X2);
    g_assert_true(md_room_floor_give(hall.room, hall.ids[3], 90, NULL));
    meeting_run_ms(hall.meeting, 500);
    uint32_t speaker = (uint32_t)atoi(hall.ids[3] + 1);
    g_assert_cmpint(all->layout, ==, MD_LAYOUT_1P5);
    g_assert_cmpuint(all->cells[0], ==, speaker);
    g_assert_cmpuint(own->cells[0], !=, speaker);
    const char *label = g_hash_table_lookup(fake_composer()->sources, GUINT_TO_POINTER(speaker));
    g_assert_true(g_str_has_prefix(label, "01:30 ") || g_str_has_prefix(label, "01:29 "));
    meeting_run_ms(hall.meeting, 10000);
    label = g_hash_table_lookup(fake_composer()->sources, GUINT_TO_POINTER(speaker));
    g_assert_true(g_str_has_prefix(label, "01:20 ") || g_str_has_prefix(label, "01:19 "));
    g_assert_true(md_room_raise_hand(hall.room, hall.ids[1], true, NULL));
    label = g_hash_table_lookup(fake_composer()->sources, GUINT_TO_POINTER(atoi(hall.ids[1] + 1)));
    g_assert_nonnull(strstr(label, "1"));
    g_assert_true(md_room_floor_end(hall.room, NULL));
    g_assert_cmpint(all->layout, ==, MD_LAYOUT_GRID_2X2);
    g_assert_true(md_room_set_spotlight(hall.room, hall.ids[2], NULL));
    g_assert_cmpuint(all->cells[0], ==, (uint32_t)atoi(hall.ids[2] + 1));
    g_assert_false(md_room_set_spotlight(hall.room, "m999", NULL));
    g_assert_true(md_room_set_spotlight(hall.room, NULL, NULL));
    g_assert_cmpint(all->layout, ==, MD_LAYOUT_GRID_2X2);
    g_assert_true(md_room_set_banner(hall.room, "Nghỉ 15 phút", true, 5, NULL));
    MdRoomInfo info;
    md_room_info(hall.room, &info);
    g_assert_cmpstr(info.banner, ==, "Nghỉ 15 phút");
    g_assert_true(info.clock);
    meeting_run_ms(hall.meeting, 6000);
    md_room_info(hall.room, &info);
    g_assert_null(info.banner); /* its time is over */
    g_assert_false(md_room_set_banner(hall.room, "two\nlines", false, 0, NULL));
    hall_clear(&hall);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/conference/floor/heard", test_heard);
    g_test_add_func("/conference/floor/keys", test_keys);
    g_test_add_func("/conference/floor/clock", test_clock);
    g_test_add_func("/conference/floor/comes-back", test_comes_back);
    g_test_add_func("/conference/floor/roles", test_roles);
    g_test_add_func("/conference/floor/votes", test_votes);
    g_test_add_func("/conference/floor/shown", test_shown);
    return g_test_run();
}
