/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "mediad/conference/pin-guard.h"
#include "tests/fixtures/meeting.h"

static const double HZ[] = {400, 500, 600, 700};

static void expect_hears(const MdLeg *leg, double hz, bool heard)
{
    float amplitude = fake_leg_hears(leg, hz);
    if (heard)
        g_assert_cmpfloat(amplitude, >, 0.05f);
    else
        g_assert_cmpfloat(amplitude, <, 0.01f);
}

typedef struct Three {
    Meeting *meeting;
    MdRoom *room;
    MdLeg *legs[3];
    FakeCall *calls[3];
} Three;

static Three three_new(const MdRoomSpec *spec, MdRole first)
{
    static const char *const sdp[] = {"hz=400", "hz=500", "hz=600"}, *const accounts[] = {"a", "b", "c"};
    Three three = {.meeting = meeting_new(&(MeetingSpec){0})};
    three.room = meeting_room(three.meeting, spec);
    for (unsigned i = 0; i < 3; i++)
        three.calls[i] = meeting_join(three.meeting, spec->name, accounts[i], i == 0 ? first : MD_ROLE_SITE,
                                      sdp[i], &three.legs[i]);
    meeting_run_ms(three.meeting, 1500);
    return three;
}

/* heard[i][k]: leg i hears talker k */
static void expect_matrix(const Three *three, const bool heard[3][3])
{
    for (unsigned i = 0; i < 3; i++)
        for (unsigned k = 0; k < 3; k++)
            expect_hears(three->legs[i], HZ[k], heard[i][k]);
}

static const bool ALL[3][3] = {{0, 1, 1}, {1, 0, 1}, {1, 1, 0}};
static const bool NOBODY[3][3] = {{0}};

static void test_mute_matrix(void)
{
    g_autoptr(GError) error = NULL;
    Three three = three_new(&(MdRoomSpec){.name = "r"}, MD_ROLE_CHAIR);
    expect_matrix(&three, ALL);
    g_assert_true(md_room_mute_member(three.room, meeting_member(three.room, 1), true, &error));
    meeting_run_ms(three.meeting, 3000); /* past the spoken "muted" */
    expect_matrix(&three, (const bool[3][3]){{0, 0, 1}, {1, 0, 1}, {1, 0, 0}});
    g_assert_true(md_room_mute_member(three.room, meeting_member(three.room, 1), false, &error));
    md_room_mute_all(three.room, true, true);
    meeting_run_ms(three.meeting, 2000);
    expect_matrix(&three, (const bool[3][3]){{0, 0, 0}, {1, 0, 0}, {1, 0, 0}});
    md_room_mute_all(three.room, true, false);
    meeting_run_ms(three.meeting, 2000);
    expect_matrix(&three, NOBODY);
    MdRoomInfo info;
    md_room_info(three.room, &info);
    g_assert_true(info.muted_all);
    md_room_mute_all(three.room, false, false);
    meeting_run_ms(three.meeting, 2000);
    expect_matrix(&three, ALL);
    g_assert_true(md_room_set_deaf(three.room, meeting_member(three.room, 2), true, &error));
    meeting_run_ms(three.meeting, 2000);
    expect_matrix(&three, (const bool[3][3]){{0, 1, 1}, {1, 0, 1}, {0, 0, 0}});
    g_assert_false(md_room_mute_member(three.room, "m999", true, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_NOT_FOUND);
    meeting_free(three.meeting);
}

static void test_gain(void)
{
    g_autoptr(GError) error = NULL;
    Three three = three_new(&(MdRoomSpec){.name = "r"}, MD_ROLE_SITE);
    float before = fake_leg_hears(three.legs[1], HZ[0]);
    g_assert_true(md_room_set_gain(three.room, meeting_member(three.room, 0), 6.02, &error));
    meeting_run_ms(three.meeting, 1000);
    g_assert_cmpfloat_with_epsilon(fake_leg_hears(three.legs[1], HZ[0]) / before, 2, 0.3);
    g_assert_false(md_room_set_gain(three.room, meeting_member(three.room, 0), 21, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID);
    meeting_free(three.meeting);
}

static void test_mute_on_entry(void)
{
    Three three = three_new(&(MdRoomSpec){.name = "r", .mute_on_entry = true}, MD_ROLE_CHAIR);
    meeting_run_ms(three.meeting, 1000);
    expect_matrix(&three, (const bool[3][3]){{0, 0, 0}, {1, 0, 0}, {1, 0, 0}});
    meeting_free(three.meeting);
}

static void test_wait_for_chair(void)
{
    g_autoptr(GError) error = NULL;
    Three three = three_new(&(MdRoomSpec){.name = "r", .wait_for_chair = true}, MD_ROLE_SITE);
    MdRoomInfo info;
    md_room_info(three.room, &info);
    g_assert_true(info.waiting_for_chair);
    meeting_run_ms(three.meeting, 1000);
    expect_matrix(&three, NOBODY);
    g_assert_cmpuint(three.legs[0]->packets, >, 50); /* comfort: the line is not dead */
    /* However many wait: one encode; also while they are told again what they wait for. */
    for (unsigned i = 0; i < 2; i++) {
        MdRoomInfo before, after;
        meeting_run_ms(three.meeting, i == 0 ? 2000 : 23000);
        md_room_info(three.room, &before);
        bool told = false;
        for (unsigned k = 0; k < 20; k++) {
            meeting_run_ms(three.meeting, 100);
            told |= fake_leg_hears(three.legs[1], 440) > 0.05f;
        }
        md_room_info(three.room, &after);
        g_assert_cmpuint(after.encodes - before.encodes, ==, after.ticks - before.ticks);
        g_assert_cmpint(told, ==, i == 1);
    }
    MdLeg *chair;
    FakeCall *call = meeting_join(three.meeting, "r", "chair", MD_ROLE_CHAIR, "hz=700", &chair);
    meeting_run_ms(three.meeting, 2000);
    expect_matrix(&three, ALL);
    expect_hears(three.legs[0], HZ[3], true);
    g_assert_cmpuint(meeting_events(three.meeting, "room.opened"), ==, 1);
    md_call_emit_closed(call->call, 200, "BYE");
    meeting_run_ms(three.meeting, 2000);
    expect_matrix(&three, NOBODY);
    g_assert_cmpuint(meeting_events(three.meeting, "room.waiting"), ==, 1);
    /* Somebody is made chair: it goes on. */
    g_assert_true(md_room_set_role(three.room, meeting_member(three.room, 2), MD_ROLE_CHAIR, &error));
    meeting_run_ms(three.meeting, 2000);
    expect_matrix(&three, ALL);
    meeting_free(three.meeting);
}

static void test_pin(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r", .pin = "2468", .chair_pin = "1357"});
    MdLeg *inside, *guest;
    meeting_join(meeting, "r", "op", MD_ROLE_OPERATOR, "hz=400", &inside); /* may run the room: no PIN */
    meeting_run_ms(meeting, 1000);
    FakeCall *call = meeting_join(meeting, "r", NULL, MD_ROLE_GUEST, "hz=500", &guest);
    meeting_run_ms(meeting, 240);
    expect_hears(guest, 440, true); /* the prompt's stand-in tone */
    meeting_run_ms(meeting, 1000);
    expect_hears(guest, 400, false);
    expect_hears(inside, 500, false);
    meeting_dtmf(meeting, call, "99#");
    meeting_run_ms(meeting, 1500);
    g_assert_cmpuint(meeting_events(meeting, "member.pin-failed"), ==, 1);
    meeting_dtmf(meeting, call, "24*2468#"); /* the star starts again */
    meeting_run_ms(meeting, 2000);
    expect_hears(guest, 400, true);
    expect_hears(inside, 500, true);
    g_assert_cmpuint(meeting_events(meeting, "member.joined"), ==, 2);
    /* Through RTP's digits, the chair's PIN. */
    MdLeg *chair;
    meeting_join(meeting, "r", NULL, MD_ROLE_GUEST, "hz=600", &chair);
    meeting_run_ms(meeting, 500);
    for (const char *digit = "1357#"; *digit != 0; digit++)
        chair->sink.on_dtmf(chair, *digit, 100, chair->user);
    meeting_run_ms(meeting, 1500);
    expect_hears(inside, 600, true);
    g_autoptr(GPtrArray) members = md_room_members(room);
    g_assert_cmpint(((const MdMemberInfo *)g_ptr_array_index(members, 2))->role, ==, MD_ROLE_CHAIR);
    meeting_free(meeting);
}

/* Another PIN while somebody is asked for it, and then none: whoever is at the door comes in. */
static void test_door_changes(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r", .pin = "2468", .lobby = true});
    MdLeg *inside, *guest;
    g_autoptr(GError) error = NULL;
    meeting_join(meeting, "r", "op", MD_ROLE_OPERATOR, "hz=400", &inside);
    FakeCall *call = meeting_join(meeting, "r", "xa", MD_ROLE_SITE, "hz=500", &guest);
    meeting_run_ms(meeting, 1000);
    g_assert_false(md_room_set_door(room, "r", "1111", "1111", &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID);
    g_assert_true(md_room_set_door(room, "Mới", "1357", NULL, NULL));
    g_assert_cmpuint(meeting_events(meeting, "room.renamed"), ==, 1);
    meeting_dtmf(meeting, call, "2468#");
    meeting_run_ms(meeting, 1500);
    g_assert_cmpuint(meeting_events(meeting, "member.pin-failed"), ==, 1);
    expect_hears(inside, 500, false);
    g_assert_true(md_room_set_door(room, "Mới", "", NULL, NULL));
    meeting_run_ms(meeting, 2000);
    expect_hears(inside, 500, true);
    expect_hears(guest, 400, true);
    g_assert_cmpuint(meeting_events(meeting, "room.renamed"), ==, 1);
    meeting_free(meeting);
}

static void test_pin_refused(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r", .pin = "2468"});
    FakeCall *wrong = meeting_join(meeting, "r", NULL, MD_ROLE_GUEST, "hz=400", NULL);
    FakeCall *slow = meeting_join(meeting, "r", NULL, MD_ROLE_GUEST, "hz=500", NULL);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_false(wrong->hung_up);
        meeting_dtmf(meeting, wrong, i == 2 ? "24682468246824682468#" : "1#");
        meeting_run_ms(meeting, 500);
    }
    meeting_dtmf(meeting, wrong, "2468#"); /* too late */
    meeting_run_ms(meeting, 4000);
    g_assert_true(wrong->hung_up);
    g_assert_false(slow->hung_up);
    meeting_run_ms(meeting, 65000); /* three times 20 s without a key */
    g_assert_true(slow->hung_up);
    MdRoomInfo info;
    md_room_info(room, &info);
    g_assert_cmpuint(info.members, ==, 0);
    g_assert_cmpuint(meeting_events(meeting, "member.joined"), ==, 0);
    meeting_free(meeting);
}

/* Inside the room the chair's PIN cannot be tried out; the tries count over all calls of one party. */
static void test_chair_pin_guessed(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r", .chair_pin = "1357"});
    FakeCall *guesser = meeting_join(meeting, "r", "a", MD_ROLE_SITE, "hz=400", NULL);
    meeting_dtmf(meeting, guesser, "####11*"); /* no tries at all */
    for (unsigned i = 0; i < 6; i++)
        meeting_dtmf(meeting, guesser, "1111#");
    meeting_dtmf(meeting, guesser, "1357#");
    g_assert_cmpuint(meeting_events(meeting, "member.role"), ==, 0);
    FakeCall *again = meeting_join(meeting, "r", "a", MD_ROLE_SITE, "hz=400", NULL);
    for (unsigned i = 0; i < 4; i++)
        meeting_dtmf(meeting, again, "1111#"); /* ten now */
    meeting_dtmf(meeting, again, "1357#");
    g_assert_cmpuint(meeting_events(meeting, "member.role"), ==, 0);
    FakeCall *chair = meeting_join(meeting, "r", "b", MD_ROLE_SITE, "hz=400", NULL);
    meeting_dtmf(meeting, chair, "1358#99*1357#");
    g_assert_cmpuint(meeting_events(meeting, "member.role"), ==, 1);
    meeting_dtmf(meeting, chair, "1357#"); /* is it already: nothing happens */
    g_assert_cmpuint(meeting_events(meeting, "member.role"), ==, 1);
    md_virtual_clock_advance(&meeting->clock, 601 * G_USEC_PER_SEC);
    meeting_run_ms(meeting, 5000);
    meeting_dtmf(meeting, again, "1357#");
    g_assert_cmpuint(meeting_events(meeting, "member.role"), ==, 2);
    MdRoomInfo info;
    md_room_info(room, &info);
    g_assert_cmpuint(info.members, ==, 3);
    meeting_free(meeting);
}

static void test_pin_guessed_over_calls(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    meeting_room(meeting, &(MdRoomSpec){.name = "r", .pin = "2468"});
    FakeCall *calls[5];
    for (unsigned i = 0; i < 5; i++) /* many calls at once do not help */
        calls[i] = meeting_join(meeting, "r", NULL, MD_ROLE_GUEST, "hz=400", NULL);
    for (unsigned i = 0; i < 10; i++)
        meeting_dtmf(meeting, calls[i / 2 % 5], "1#");
    meeting_dtmf(meeting, calls[0], "2468#");
    g_assert_cmpuint(meeting_events(meeting, "member.joined"), ==, 0);
    g_assert_cmpint(meeting_call(meeting, "r", NULL, MD_ROLE_GUEST, "hz=400")->rejected, ==, 403);
    meeting_join(meeting, "r", "op", MD_ROLE_OPERATOR, "hz=500", NULL);             /* needs none */
    FakeCall *site = meeting_join(meeting, "r", "a", MD_ROLE_SITE, "hz=600", NULL); /* another party */
    meeting_dtmf(meeting, site, "2468#");
    g_assert_cmpuint(meeting_events(meeting, "member.joined"), ==, 2);
    md_virtual_clock_advance(&meeting->clock, 601 * G_USEC_PER_SEC);
    meeting_run_ms(meeting, 5000);
    g_assert_true(calls[0]->hung_up);
    FakeCall *later = meeting_join(meeting, "r", NULL, MD_ROLE_GUEST, "hz=400", NULL);
    meeting_dtmf(meeting, later, "2468#");
    g_assert_cmpuint(meeting_events(meeting, "member.joined"), ==, 3);
    meeting_free(meeting);
}

static void test_guard_is_bounded(void)
{
    MdPinGuard *guard = md_pin_guard_new();
    char host[64], near[] = "2001:db8:0:1::77", far[] = "2001:db8:0:2::1", mapped[] = "::ffff:192.0.2.1";
    MdCallInfo info = {.peer_host = host};
    g_strlcpy(host, "2001:db8:0:1::1", sizeof host);
    for (unsigned i = 0; i < MD_PIN_GUARD_WRONG_MAX; i++)
        g_assert_cmpint(md_pin_guard_wrong(guard, &info, i), ==, i == MD_PIN_GUARD_WRONG_MAX - 1);
    g_assert_true(md_pin_guard_blocked(guard, &info, 100));
    g_assert_true(md_pin_guard_blocked(guard, &(MdCallInfo){.peer_host = near}, 100)); /* the same /64 */
    g_assert_false(md_pin_guard_blocked(guard, &(MdCallInfo){.peer_host = far}, 100));
    g_assert_false(md_pin_guard_blocked(guard, &(MdCallInfo){.peer_host = mapped}, 100));
    g_assert_false(md_pin_guard_blocked(guard, &info, 601 * G_USEC_PER_SEC));
    for (unsigned i = 0; i < 3 * MD_PIN_GUARD_PARTIES_MAX; i++) {
        g_snprintf(host, sizeof host, "192.0.%u.%u", i / 200, i % 200);
        md_pin_guard_wrong(guard, &info, 1000 + i);
    }
    for (unsigned i = 1; i < MD_PIN_GUARD_WRONG_MAX; i++) /* the newest is still known */
        md_pin_guard_wrong(guard, &info, 10000);
    g_assert_true(md_pin_guard_blocked(guard, &info, 10001));
    g_assert_false(
        md_pin_guard_blocked(guard, &(MdCallInfo){.peer_host = near}, 10001)); /* the oldest is not */
    md_pin_guard_free(guard);
}

/* Locked while somebody is at the door already. */
static void test_locked_at_the_door(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r", .pin = "2468", .chair_pin = "1357"});
    MdRoom *open = meeting_room(meeting, &(MdRoomSpec){.name = "open"});
    FakeCall *guest = meeting_join(meeting, "r", NULL, MD_ROLE_GUEST, "hz=400", NULL);
    FakeCall *chair = meeting_join(meeting, "r", NULL, MD_ROLE_GUEST, "hz=500", NULL);
    FakeCall *early = meeting_call(meeting, "open", "a", MD_ROLE_SITE, "hz=600");
    md_room_lock(room, true);
    md_room_lock(open, true);
    md_call_emit_established(early->call);
    meeting_run_ms(meeting, 240);
    g_assert_false(early->hung_up);
    expect_hears(fake_leg(2), 440, true); /* is told why (the prompt's stand-in tone) */
    meeting_dtmf(meeting, guest, "2468#");
    meeting_dtmf(meeting, chair, "1357#");
    meeting_run_ms(meeting, 2000);
    g_assert_true(early->hung_up);
    g_assert_true(guest->hung_up);
    g_assert_false(chair->hung_up); /* may run it */
    g_assert_cmpuint(meeting_events(meeting, "member.joined"), ==, 1);
    meeting_free(meeting);
}

/* G.7xx sites that want long packets: the room encodes tick by tick, the leg joins. */
static void test_long_packets(void)
{
    static const char *const sdp[] = {"hz=500 codec=pcma ptime=40", "hz=600 codec=g722 ptime=60",
                                      "hz=700 ptime=60"};
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    MdLeg *talker, *legs[3];
    meeting_join(meeting, "r", "t", MD_ROLE_SITE, "hz=400", &talker);
    for (unsigned i = 0; i < 3; i++)
        meeting_join(meeting, "r", "a", MD_ROLE_SITE, sdp[i], &legs[i]);
    meeting_run_ms(meeting, 1500);
    for (unsigned i = 0; i < 3; i++)
        expect_hears(legs[i], 400, true);
    meeting_free(meeting);
}

/* What is said to all is heard by those, too, who speak just then. */
static void test_announced_to_talkers(void)
{
    Three three = three_new(&(MdRoomSpec){.name = "r"}, MD_ROLE_SITE);
    md_room_end(three.room);
    meeting_run_ms(three.meeting, 260);
    for (unsigned i = 0; i < 3; i++)
        expect_hears(three.legs[i], 440, true); /* the prompt's stand-in tone */
    meeting_free(three.meeting);
}

static void test_admission(void)
{
    g_autoptr(GError) error = NULL;
    Meeting *meeting = meeting_new(&(MeetingSpec){.rooms_max = 3});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r", .max_members = 2});
    g_assert_cmpint(meeting_call(meeting, "nowhere", "a", MD_ROLE_SITE, "hz=400")->rejected, ==, 404);
    g_assert_cmpint(meeting_call(meeting, "r", "a", MD_ROLE_SITE, "bad")->rejected, ==, 488);
    meeting_run_ms(meeting, 300);
    md_room_lock(room, true);
    g_assert_cmpint(meeting_call(meeting, "r", "a", MD_ROLE_SITE, "hz=400")->rejected, ==, 403);
    meeting_join(meeting, "r", "op", MD_ROLE_OPERATOR, "hz=400", NULL);
    md_room_lock(room, false);
    meeting_join(meeting, "R", "a", MD_ROLE_SITE, "hz=500", NULL); /* names are case-blind */
    g_assert_cmpint(meeting_call(meeting, "r", "b", MD_ROLE_SITE, "hz=600")->rejected, ==, 486);

    g_assert_null(md_conference_create_room(meeting->conference, &(MdRoomSpec){.name = "r"}, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_EXISTS);
    g_clear_error(&error);
    const MdRoomSpec bad[] = {{.name = ""},
                              {.name = "Has Space"},
                              {.name = "echo"},
                              {.name = "x", .pin = "12a"},
                              {.name = "x", .pin = "1", .chair_pin = "1"},
                              {.name = "x", .loudest = 17},
                              {.name = "x", .max_members = 100000},
                              {.name = "x", .layout = MD_LAYOUT_KIND_MAX}};
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(md_conference_create_room(meeting->conference, &bad[i], &error));
        g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID);
        g_clear_error(&error);
    }
    meeting_room(meeting, &(MdRoomSpec){.name = "a"});
    meeting_room(meeting, &(MdRoomSpec){.name = "z"});
    g_assert_null(md_conference_create_room(meeting->conference, &(MdRoomSpec){.name = "b"}, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_LIMIT);
    g_autoptr(GPtrArray) rooms = md_conference_rooms(meeting->conference);
    MdRoomInfo info;
    md_room_info(g_ptr_array_index(rooms, 1), &info);
    g_assert_cmpuint(rooms->len, ==, 3);
    g_assert_cmpstr(info.name, ==, "r");
    meeting_free(meeting);
}

static void test_lobby(void)
{
    g_autoptr(GError) error = NULL;
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r", .lobby = true});
    MdLeg *site, *guest;
    meeting_join(meeting, "r", "a", MD_ROLE_SITE, "hz=400", &site);
    meeting_join(meeting, "r", NULL, MD_ROLE_GUEST, "hz=500", &guest);
    meeting_run_ms(meeting, 1500);
    expect_hears(site, 500, false);
    expect_hears(guest, 400, false);
    g_assert_cmpuint(meeting_events(meeting, "member.lobby"), ==, 1);
    g_assert_false(md_room_admit(room, meeting_member(room, 0), &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE);
    g_clear_error(&error);
    g_assert_true(md_room_admit(room, meeting_member(room, 1), &error));
    meeting_run_ms(meeting, 1500);
    expect_hears(site, 500, true);
    expect_hears(guest, 400, true);
    meeting_free(meeting);
}

static void test_kick_and_end(void)
{
    g_autoptr(GError) error = NULL;
    Three three = three_new(&(MdRoomSpec){.name = "r"}, MD_ROLE_CHAIR);
    g_assert_true(md_room_kick(three.room, meeting_member(three.room, 1), &error));
    g_assert_true(three.calls[1]->hung_up);
    meeting_run_ms(three.meeting, 1500);
    g_assert_true(three.legs[1]->freed);
    expect_hears(three.legs[0], HZ[1], false);
    expect_hears(three.legs[0], HZ[2], true);
    md_room_end(three.room);
    g_assert_cmpint(meeting_call(three.meeting, "r", "late", MD_ROLE_SITE, "hz=500")->rejected, ==, 480);
    meeting_run_ms(three.meeting, 1000);
    g_assert_true(three.calls[0]->hung_up && three.calls[2]->hung_up);
    g_assert_true(md_conference_find_room(three.meeting->conference, "r") ==
                  three.room); /* made by an operator: stays */
    meeting_run_ms(three.meeting, 500);
    MdRoomInfo info;
    md_room_info(three.room, &info);
    g_assert_cmpuint(info.members, ==, 0);
    MdLeg *again;
    meeting_join(three.meeting, "r", "a", MD_ROLE_SITE, "hz=400", &again);
    meeting_run_ms(three.meeting, 200);
    g_assert_cmpuint(again->packets, >, 5);
    meeting_free(three.meeting);
}

static void test_temporary(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){.create_on_call = true});
    FakeCall *call = meeting_join(meeting, "hop-nhanh", "a", MD_ROLE_SITE, "hz=400", NULL);
    g_assert_nonnull(md_conference_find_room(meeting->conference, "hop-nhanh"));
    meeting_run_ms(meeting, 500);
    md_call_emit_closed(call->call, 200, "BYE");
    meeting_run_ms(meeting, 1000);
    g_assert_null(md_conference_find_room(meeting->conference, "hop-nhanh"));
    g_assert_cmpuint(meeting_events(meeting, "room.ended"), ==, 1);
    meeting_room(meeting, &(MdRoomSpec){.name = "hen-truoc",
                                        .temporary = true}); /* made beforehand: waits for its first member */
    meeting_run_ms(meeting, 60000);
    g_assert_nonnull(md_conference_find_room(meeting->conference, "hen-truoc"));
    meeting_run_ms(meeting, 600000);
    g_assert_null(md_conference_find_room(meeting->conference, "hen-truoc"));
    g_assert_cmpint(meeting_call(meeting, "Hộp", "a", MD_ROLE_SITE, "hz=400")->rejected, ==, 404);
    meeting_free(meeting);
}

static void test_late_offer_and_hold(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    meeting_room(meeting, &(MdRoomSpec){.name = "r"});
    MdLeg *a, *b;
    FakeCall *call = meeting_call(meeting, "r", "a", MD_ROLE_SITE, NULL);
    g_assert_cmpstr(call->answer, ==, "offer");
    a = fake_leg(0);
    g_assert_false(a->started);
    md_call_emit_sdp(call->call, MD_SDP_ANSWER, "hz=400");
    md_call_emit_established(call->call);
    meeting_join(meeting, "r", "b", MD_ROLE_SITE, "hz=500", &b);
    meeting_run_ms(meeting, 1000);
    expect_hears(a, 500, true);
    expect_hears(b, 400, true);
    /* Hold: nothing is sent; resume with another codec. A refused re-INVITE changes nothing. */
    md_call_emit_sdp(call->call, MD_SDP_OFFER, "hz=400 hold=1");
    meeting_run_ms(meeting, 500);
    unsigned packets = a->packets;
    meeting_run_ms(meeting, 500);
    g_assert_cmpuint(a->packets, ==, packets);
    md_call_emit_sdp(call->call, MD_SDP_OFFER, "hz=400 codec=pcma");
    meeting_run_ms(meeting, 1000);
    expect_hears(a, 500, true);
    g_assert_cmpuint(a->payload_len, ==, 160);
    md_call_emit_sdp(call->call, MD_SDP_OFFER, "bad");
    g_assert_cmpint(call->rejected, ==, 488);
    meeting_run_ms(meeting, 500);
    expect_hears(a, 500, true);
    g_assert_false(call->hung_up);
    meeting_free(meeting);
}

static void test_echo_and_test(void)
{
    Meeting *meeting = meeting_new(&(MeetingSpec){0});
    MdLeg *echo, *other, *test;
    meeting_join(meeting, "echo", NULL, MD_ROLE_GUEST, "hz=400", &echo);
    meeting_join(meeting, "echo", NULL, MD_ROLE_GUEST, "hz=500 codec=g722", &other);
    meeting_join(meeting, "test", NULL, MD_ROLE_GUEST, "hz=600", &test);
    meeting_run_ms(meeting, 1000);
    expect_hears(echo, 400, true);
    expect_hears(echo, 500, false);
    expect_hears(other, 500, true);
    expect_hears(other, 400, false);
    expect_hears(test, 600, false);
    bool tone = false;
    for (unsigned i = 0; i < 30; i++) {
        meeting_run_ms(meeting, 100);
        tone |= fake_leg_hears(test, 440) > 0.05f;
    }
    g_assert_true(tone);
    MdFrame *frame = md_frame_new(MD_VIDEO_H264, 10); /* its own picture comes back */
    echo->sink.on_video(echo, frame, echo->user);
    md_frame_unref(frame);
    g_assert_cmpuint(echo->video_sent, ==, 1);
    g_autoptr(GPtrArray) rooms = md_conference_rooms(meeting->conference);
    g_assert_cmpuint(rooms->len, ==, 0);
    meeting_free(meeting);
}

static unsigned tap_ticks;
static bool tap_done;

static void on_tap(const float pcm[MD_AUDIO_TICK_SAMPLES], int64_t now_us, void *user)
{
    g_assert_false(tap_done);
    tap_ticks++;
    *(float *)user = md_goertzel(pcm, MD_AUDIO_TICK_SAMPLES, 400, MD_AUDIO_RATE);
}

static void on_tap_done(void *user)
{
    tap_done = true;
}

static void test_taps(void)
{
    g_autoptr(GError) error = NULL;
    float heard = 0;
    Three three = three_new(&(MdRoomSpec){.name = "r"}, MD_ROLE_SITE);
    g_assert_true(md_room_add_tap(three.room, on_tap, &heard, &error));
    meeting_run_ms(three.meeting, 1000);
    g_assert_cmpuint(tap_ticks, ==, 50);
    g_assert_cmpfloat_with_epsilon(heard, 0.1f, 0.01f);
    g_assert_true(md_room_remove_tap(three.room, on_tap, &heard, on_tap_done));
    g_assert_false(md_room_remove_tap(three.room, on_tap, &heard, on_tap_done));
    g_assert_false(tap_done);
    meeting_run_ms(three.meeting, 300);
    g_assert_true(tap_done);
    /* Whoever takes its tap away is told, in a room that has ended and been made anew under its name, too:
     * but not before the worker has let go of it. */
    tap_done = false;
    g_assert_true(md_room_add_tap(three.room, on_tap, &heard, &error));
    meeting_run_ms(three.meeting, 100);
    g_assert_true(md_conference_remove_room(three.meeting->conference, "r", &error));
    meeting_room(three.meeting, &(MdRoomSpec){.name = "r"});
    md_conference_remove_tap(three.meeting->conference, "R", on_tap, &heard, on_tap_done);
    g_assert_false(tap_done);
    meeting_run_ms(three.meeting, 300);
    g_assert_true(tap_done);
    tap_done = false; /* all of it gone by now */
    md_conference_remove_tap(three.meeting->conference, "r", on_tap, &heard, on_tap_done);
    g_assert_true(tap_done);
    meeting_free(three.meeting);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/conference/room/mute-matrix", test_mute_matrix);
    g_test_add_func("/conference/room/gain", test_gain);
    g_test_add_func("/conference/room/mute-on-entry", test_mute_on_entry);
    g_test_add_func("/conference/room/wait-for-chair", test_wait_for_chair);
    g_test_add_func("/conference/room/pin", test_pin);
    g_test_add_func("/conference/room/door-changes", test_door_changes);
    g_test_add_func("/conference/room/pin-refused", test_pin_refused);
    g_test_add_func("/conference/room/chair-pin-guessed", test_chair_pin_guessed);
    g_test_add_func("/conference/room/pin-guessed-over-calls", test_pin_guessed_over_calls);
    g_test_add_func("/conference/room/pin-guard-is-bounded", test_guard_is_bounded);
    g_test_add_func("/conference/room/locked-at-the-door", test_locked_at_the_door);
    g_test_add_func("/conference/room/long-packets", test_long_packets);
    g_test_add_func("/conference/room/announced-to-talkers", test_announced_to_talkers);
    g_test_add_func("/conference/room/admission", test_admission);
    g_test_add_func("/conference/room/lobby", test_lobby);
    g_test_add_func("/conference/room/kick-and-end", test_kick_and_end);
    g_test_add_func("/conference/room/temporary", test_temporary);
    g_test_add_func("/conference/room/late-offer-and-hold", test_late_offer_and_hold);
    g_test_add_func("/conference/room/echo-and-test", test_echo_and_test);
    g_test_add_func("/conference/room/taps", test_taps);
    return g_test_run();
}
