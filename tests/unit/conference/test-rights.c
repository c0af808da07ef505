/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each role tries each act: what it may do is done and told, what it may not changes nothing. The table here is written out, not asked of
 * the program. */
#include <string.h>
#include "tests/fixtures/meeting.h"

enum { G = 1, B = 2, S = 4, T = 8, Y = 16, O = 32, K = 64, C = 128 }; /* guest, observer, site, technician, secretary, operator, co-chair, chair */
enum { RUN = O | K | C, DESK = Y | RUN, STAFF = T | DESK };

typedef enum Before { NOTHING, HAND, GIVEN, VOTE, WAITING, DIALLED } Before;

typedef struct Case {
    const char *act, *fields; /* %s: the other's id */
    unsigned who;
    const char *event;        /* told when it is done; NULL: it cannot be done here, but for another reason than the role */
    Before before;
} Case;

static const Case cases[] = {
    {"mute", "{\"member\":\"%s\",\"muted\":true}", STAFF, "member.muted", NOTHING},
    {"mute-all", "{\"muted\":true,\"except_chair\":true}", STAFF, "room.muted", NOTHING},
    {"hide", "{\"member\":\"%s\",\"hidden\":true}", STAFF, "member.video-muted", NOTHING},
    {"deaf", "{\"member\":\"%s\",\"deaf\":true}", STAFF, "member.deaf", NOTHING},
    {"gain", "{\"member\":\"%s\",\"gain_db\":-6}", STAFF, "member.gain", NOTHING},
    {"role", "{\"member\":\"%s\",\"role\":\"observer\"}", RUN, "member.role", NOTHING},
    {"admit", "{\"member\":\"%s\"}", STAFF, "member.joined", WAITING},
    {"remove", "{\"member\":\"%s\"}", RUN, "member.kicked", NOTHING},
    {"lock", "{\"locked\":true}", RUN, "room.locked", NOTHING},
    {"end", "{}", RUN, "", NOTHING},
    {"hand", "{\"member\":\"%s\",\"raised\":true}", DESK, "floor.raised", NOTHING},
    {"floor-give", "{\"member\":\"%s\",\"budget_s\":60}", DESK, "floor.given", NOTHING},
    {"floor-next", "{}", DESK, "floor.given", HAND},
    {"floor-end", "{}", DESK, "floor.ended", GIVEN},
    {"floor-extend", "{\"seconds\":30}", DESK, "floor.extended", GIVEN},
    {"floor-move", "{\"member\":\"%s\",\"place\":0}", DESK, "", HAND},
    {"floor-lower-all", "{}", DESK, "floor.lowered", HAND},
    {"floor-rules", "{\"budget_s\":180,\"auto_next\":true}", DESK, "floor.rules", NOTHING},
    {"vote-open", "{\"question\":\"Thông qua?\"}", DESK, "vote.opened", NOTHING},
    {"vote-close", "{\"vote\":\"v1\"}", DESK, "vote.closed", VOTE},
    {"layout", "{\"layout\":\"2x2\",\"seats\":[\"%s\"]}", STAFF, "room.layout", NOTHING},
    {"view", "{\"member\":\"%s\",\"layout\":\"2x2\"}", STAFF, NULL, NOTHING}, /* no pictures here */
    {"tour", "{\"period_s\":10}", STAFF, "room.tour", NOTHING},
    {"spotlight", "{\"member\":\"%s\"}", STAFF, "", NOTHING},
    {"banner", "{\"text\":\"Nghỉ 15 phút\",\"clock\":true}", STAFF, "room.banner", NOTHING},
    {"channels", "{\"channels\":[{\"name\":\"English\",\"interpreters\":[\"%s\"]}]}", STAFF, "channels.changed", NOTHING},
    {"dial", "{\"targets\":[\"c\"],\"role\":\"site\"}", STAFF, "", NOTHING},
    {"undial", "{\"target\":\"c\"}", STAFF, "", DIALLED},
    {"content-start", "{\"member\":\"%s\"}", DESK, NULL, NOTHING},
    {"content-stop", "{}", DESK, NULL, NOTHING},
};

typedef struct Stage {
    Meeting *meeting;
    MdRoom *room;
    char actor[32], other[32];
} Stage;

static void stage_init(Stage *stage, MdRole role, Before before, bool confidential)
{
    static const char *const sites[] = {"a", "b", "c", NULL}, *const dialled[] = {"c", NULL};
    g_autoptr(GError) error = NULL;
    stage->meeting = meeting_new(&(MeetingSpec){0});
    stage->meeting->secure = true;
    stage->room = meeting_room(stage->meeting, &(MdRoomSpec){.name = "r", .lobby = true, .confidential = confidential, .sites = sites});
    meeting_join(stage->meeting, "r", "a", MD_ROLE_SITE, "hz=400", NULL);
    meeting_join(stage->meeting, "r", "b", MD_ROLE_SITE, "hz=500", NULL);
    g_strlcpy(stage->actor, meeting_member(stage->room, 0), sizeof stage->actor);
    g_strlcpy(stage->other, meeting_member(stage->room, 1), sizeof stage->other);
    if (before == HAND || before == GIVEN)
        g_assert_true(md_room_raise_hand(stage->room, stage->other, true, &error));
    if (before == GIVEN)
        g_assert_true(md_room_floor_next(stage->room, 60, &error));
    if (before == VOTE)
        g_assert_true(md_room_vote_open(stage->room, &(MdVoteSpec){.question = "?", .choices = (const char *const[]){"a", "b", NULL}}, NULL, &error));
    if (before == DIALLED)
        g_assert_true(md_room_dial(stage->room, dialled, MD_ROLE_SITE, true, &error));
    if (before == WAITING) {
        md_room_lock(stage->room, true);
        meeting_join(stage->meeting, "r", "c", MD_ROLE_SITE, "hz=600", NULL);
        g_strlcpy(stage->other, meeting_member(stage->room, 2), sizeof stage->other);
    }
    g_assert_true(md_room_set_role(stage->room, stage->actor, role, &error));
    g_string_truncate(stage->meeting->events, 0);
    g_string_truncate(stage->meeting->inside, 0);
}

static JsonObject *parse(const char *text)
{
    g_autoptr(JsonNode) node = json_from_string(text, NULL);
    return json_object_ref(json_node_get_object(node));
}

static bool act_as(Stage *stage, MdRole role, const char *act, const char *text, GError **error)
{
    g_autoptr(JsonObject) fields = parse(text);
    return md_room_act(stage->room, &(MdRoomActor){stage->actor, role}, act, fields, NULL, error);
}

static char *with_id(const char *format, const char *id)
{
    g_auto(GStrv) parts = g_strsplit(format, "%s", 2);
    return g_strjoinv(id, parts);
}

static bool told(const GString *events, const char *type)
{
    g_autofree char *what = g_strdup_printf(" %s;", type);
    return strstr(events->str, what) != NULL;
}

static bool is_attendance(const char *type)
{
    return strcmp(type, "member.joined") == 0 || strcmp(type, "member.left") == 0;
}

static void try_one(const Case *test, MdRole role, bool confidential)
{
    Stage stage;
    g_autoptr(GError) error = NULL;
    stage_init(&stage, role, test->before, confidential);
    g_autofree char *fields = with_id(test->fields, stage.other);
    bool done = act_as(&stage, role, test->act, fields, &error);
    GString *events = confidential ? stage.meeting->inside : stage.meeting->events;
    if ((test->who >> role & 1) == 0) {
        g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_DENIED);
        g_assert_false(done);
        g_assert_cmpuint(stage.meeting->events->len + stage.meeting->inside->len, ==, 0);
        if (strcmp(test->act, "end") == 0) /* takes its time */
            meeting_run_ms(stage.meeting, 3000);
        g_assert_false(told(stage.meeting->events, "room.ended"));
    } else if (test->event == NULL) {
        g_assert_false(done || g_error_matches(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_DENIED));
    } else {
        if (!done)
            g_test_message("%s as %s: %s", test->act, md_role_to_string(role), error->message);
        g_assert_true(done);
        g_assert_true(*test->event == 0 || told(confidential && is_attendance(test->event) ? stage.meeting->events : events, test->event));
        if (confidential && !is_attendance(test->event)) /* nobody outside hears of it */
            g_assert_false(*test->event != 0 && told(stage.meeting->events, test->event));
    }
    meeting_free(stage.meeting);
}

static void test_every_role_every_act(gconstpointer confidential)
{
    g_assert_cmpuint(md_room_acts(), ==, G_N_ELEMENTS(cases));
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_assert_cmpstr(md_room_act_name(i, NULL), ==, cases[i].act);
        for (int role = 0; role < MD_ROLE_MAX; role++)
            try_one(&cases[i], (MdRole)role, confidential != NULL);
    }
}

/* Roles and sending out reach no further up than whoever does it. */
static void test_no_further_up(void)
{
    Stage stage;
    g_autoptr(GError) error = NULL;
    stage_init(&stage, MD_ROLE_CO_CHAIR, NOTHING, false);
    g_autofree char *out = with_id("{\"member\":\"%s\"}", stage.other);
    g_autofree char *site = with_id("{\"member\":\"%s\",\"role\":\"site\"}", stage.other);
    g_autofree char *chair = with_id("{\"member\":\"%s\",\"role\":\"chair\"}", stage.other);
    g_autofree char *co = with_id("{\"member\":\"%s\",\"role\":\"co-chair\"}", stage.other);
    g_autofree char *own = with_id("{\"member\":\"%s\",\"role\":\"chair\"}", stage.actor);
    g_autofree char *mute = with_id("{\"member\":\"%s\",\"muted\":true}", stage.other);
    g_assert_false(act_as(&stage, MD_ROLE_CO_CHAIR, "role", chair, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_DENIED);
    g_clear_error(&error);
    g_assert_false(act_as(&stage, MD_ROLE_CO_CHAIR, "role", own, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_DENIED);
    g_clear_error(&error);
    g_assert_true(act_as(&stage, MD_ROLE_CO_CHAIR, "role", co, &error));
    g_assert_true(md_room_set_role(stage.room, stage.other, MD_ROLE_CHAIR, &error));
    for (unsigned i = 0; i < 2; i++) {
        g_assert_false(act_as(&stage, MD_ROLE_CO_CHAIR, i == 0 ? "remove" : "role", i == 0 ? out : site, &error));
        g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_DENIED);
        g_clear_error(&error);
    }
    g_assert_true(act_as(&stage, MD_ROLE_CO_CHAIR, "mute", mute, &error)); /* a loud microphone is no matter of rank */
    g_assert_false(act_as(&stage, MD_ROLE_SECRETARY, "dial", "{\"targets\":[\"c\"],\"role\":\"chair\"}", &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_DENIED);
    meeting_free(stage.meeting);
}

/* Taking somebody off the list who is in the meeting sends it out: not for those who may not, nor over somebody above. */
static void test_undial_is_no_way_out(void)
{
    static const struct {
        MdRole actor, dialled;
        bool may;
    } tries[] = {{MD_ROLE_TECHNICIAN, MD_ROLE_SITE, false}, {MD_ROLE_SECRETARY, MD_ROLE_CHAIR, false}, {MD_ROLE_OPERATOR, MD_ROLE_CHAIR, false},
                 {MD_ROLE_OPERATOR, MD_ROLE_SITE, true}};
    for (unsigned i = 0; i < G_N_ELEMENTS(tries); i++) {
        g_autoptr(GError) error = NULL;
        Meeting *meeting = meeting_new(&(MeetingSpec){0});
        MdRoom *room = meeting_room(meeting, &(MdRoomSpec){.name = "r"});
        meeting_join(meeting, "r", "a", tries[i].actor, "hz=500", NULL);
        meeting_run_ms(meeting, 500);
        g_assert_true(md_room_dial(room, (const char *const[]){"c", NULL}, tries[i].dialled, true, &error));
        FakeCall *call = fake_dialer_last(&meeting->dialer);
        md_call_emit_sdp(call->call, MD_SDP_ANSWER, "hz=400");
        md_call_emit_established(call->call);
        meeting_run_ms(meeting, 500);
        g_autofree char *id = g_strdup(meeting_member(room, 0));
        const MdRoomActor actor = {id, tries[i].actor};
        g_autoptr(JsonNode) fewer = json_from_string("{\"targets\":[\"c\"],\"role\":\"guest\"}", NULL);
        g_autoptr(JsonNode) off = json_from_string("{\"target\":\"c\"}", NULL);
        bool above = tries[i].dialled > tries[i].actor;
        g_assert_true(md_room_act(room, &actor, "dial", json_node_get_object(fewer), NULL, &error) == !above);
        g_clear_error(&error);
        g_assert_true(md_room_act(room, &actor, "undial", json_node_get_object(off), NULL, &error) == tries[i].may);
        if (!tries[i].may)
            g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_DENIED);
        g_assert_true(call->hung_up == tries[i].may);
        meeting_free(meeting);
    }
}

static void test_bad_fields(void)
{
    static const char *const bad[][2] = {
        {"mute", "{\"muted\":true}"}, {"mute", "{\"member\":7,\"muted\":true}"}, {"mute", "{\"member\":\"m1\"}"},
        {"mute", "{\"member\":\"m1\",\"muted\":1}"}, {"floor-give", "{\"member\":\"m1\",\"budget_s\":-1}"}, {"floor-extend", "{\"seconds\":0}"},
        {"floor-extend", "{\"seconds\":\"30\"}"}, {"gain", "{\"member\":\"m1\",\"gain_db\":21}"}, {"vote-open", "{\"question\":\"\"}"},
        {"vote-open", "{\"question\":\"?\",\"choices\":[\"only\"]}"}, {"vote-open", "{\"question\":\"?\",\"choices\":[\"a\",2]}"},
        {"vote-open", "{\"question\":\"?\",\"choices\":{}}"}, {"layout", "{\"layout\":\"17x3\"}"}, {"role", "{\"member\":\"m1\",\"role\":\"king\"}"},
        {"tour", "{\"period_s\":3601}"}, {"dial", "{\"targets\":[]}"}, {"lock", "{\"locked\":null}"},
    };
    Stage stage;
    stage_init(&stage, MD_ROLE_CHAIR, NOTHING, false);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(act_as(&stage, MD_ROLE_CHAIR, bad[i][0], bad[i][1], &error));
        g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID);
    }
    g_autoptr(GError) error = NULL;
    g_assert_false(act_as(&stage, MD_ROLE_CHAIR, "dance", "{}", &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_false(act_as(&stage, MD_ROLE_CHAIR, "mute", "{\"member\":\"m999\",\"muted\":true}", &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_NOT_FOUND);
    g_assert_cmpuint(stage.meeting->events->len, ==, 0);
    meeting_free(stage.meeting);
}

/* An account is what its members inside are. */
static void test_role_of(void)
{
    Stage stage;
    g_autoptr(GError) error = NULL;
    stage_init(&stage, MD_ROLE_SITE, WAITING, false);
    meeting_join(stage.meeting, "r", "a", MD_ROLE_SECRETARY, "hz=700", NULL);
    g_assert_cmpint(md_room_role_of(stage.room, "a"), ==, MD_ROLE_SECRETARY);
    g_assert_cmpint(md_room_role_of(stage.room, "b"), ==, MD_ROLE_SITE);
    g_assert_cmpint(md_room_role_of(stage.room, "c"), ==, MD_ROLE_INVALID); /* still outside */
    g_assert_cmpint(md_room_role_of(stage.room, "d"), ==, MD_ROLE_INVALID);
    g_assert_cmpint(md_room_role_of(stage.room, NULL), ==, MD_ROLE_INVALID);
    g_assert_false(md_room_may(stage.room, stage.other, MD_ACTION_CHAT, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE);
    meeting_free(stage.meeting);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/conference/rights/every-role-every-act", NULL, test_every_role_every_act);
    g_test_add_data_func("/conference/rights/confidential", "", test_every_role_every_act);
    g_test_add_func("/conference/rights/no-further-up", test_no_further_up);
    g_test_add_func("/conference/rights/undial", test_undial_is_no_way_out);
    g_test_add_func("/conference/rights/bad-fields", test_bad_fields);
    g_test_add_func("/conference/rights/role-of", test_role_of);
    return g_test_run();
}
