/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures of members' own: wishes, who shares one, limits, what happens when the machine is behind; seats that wait; the tour. */
#include <string.h>
#include "mediad/conference/ladder.h"
#include "tests/fixtures/meeting.h"

enum { VIEW_ROOM = 1, VIEW_SPEAKER = 2, OWN_FIRST = 8, SITES_MAX = 6 };

typedef struct Hall {
    Meeting *meeting;
    MdRoom *room;
    FakeCall *calls[SITES_MAX];
    MdLeg *legs[SITES_MAX];
    char ids[SITES_MAX][16];
    unsigned n;
} Hall;

static void come(Hall *hall, const char *account)
{
    unsigned i = hall->n++;
    hall->calls[i] = meeting_join(hall->meeting, "r", account, MD_ROLE_SITE, "hz=400 video=h264", &hall->legs[i]);
    hall->legs[i]->silent = true;
    meeting_run_ms(hall->meeting, 300);
    g_autoptr(GPtrArray) members = md_room_members(hall->room);
    g_strlcpy(hall->ids[i], ((const MdMemberInfo *)g_ptr_array_index(members, members->len - 1))->id, sizeof hall->ids[i]);
}

static Hall hall_new(unsigned n, unsigned views_max, MdLayoutKind layout)
{
    static const char *const accounts[SITES_MAX] = {"a", "b", "c", "d", "e", "f"};
    Hall hall = {.meeting = meeting_new(&(MeetingSpec){.pictures = true, .views_max = views_max, .redial_first_s = 30})};
    hall.room = meeting_room(hall.meeting, &(MdRoomSpec){.name = "r", .layout = layout});
    for (unsigned i = 0; i < n; i++)
        come(&hall, accounts[i]);
    return hall;
}

static uint32_t number(const char *id)
{
    return (uint32_t)strtoul(id + 1, NULL, 10);
}

static const FakeView *view_at(unsigned view)
{
    return &fake_composer()->views[view];
}

static void expect_cells(const FakeView *view, unsigned n, const char *const *ids)
{
    g_assert_cmpuint(view->n, >=, n);
    for (unsigned i = 0; i < n; i++)
        g_assert_cmpuint(view->cells[i], ==, ids[i] != NULL ? number(ids[i]) : 0);
}
#define CELLS(view, ...) expect_cells(view, G_N_ELEMENTS(((const char *const[]){__VA_ARGS__})), (const char *const[]){__VA_ARGS__})

/* The view that a member is sent now: of the output whose pictures reach it. */
static uint32_t view_of(const Hall *hall, unsigned i)
{
    const GArray *outputs = fake_composer()->outputs;
    uint32_t found = 0;
    for (guint k = 0; k < outputs->len; k++) {
        unsigned before = hall->legs[i]->video_sent;
        fake_composer_emit(fake_composer(), g_array_index(outputs, FakeOutput, k).id);
        meeting_run_ms(hall->meeting, 40);
        if (hall->legs[i]->video_sent > before) {
            g_assert_cmpuint(found, ==, 0); /* one picture each */
            found = g_array_index(outputs, FakeOutput, k).spec.view;
        }
    }
    return found;
}

static const FakeOutput *output_of_view(uint32_t view)
{
    for (guint i = 0; i < fake_composer()->outputs->len; i++)
        if (g_array_index(fake_composer()->outputs, FakeOutput, i).spec.view == view)
            return &g_array_index(fake_composer()->outputs, FakeOutput, i);
    g_assert_not_reached();
}

static bool choose(Hall *hall, unsigned i, bool chair, MdLayoutKind layout, const char *seat)
{
    g_autoptr(GError) error = NULL;
    const char *const seats[] = {seat, NULL};
    bool ok = md_room_set_view(hall->room, hall->ids[i], chair, layout, seat != NULL ? seats : NULL, &error);
    g_assert_true(ok == (error == NULL));
    meeting_run_ms(hall->meeting, 200);
    return ok;
}

/* by: NULL, it is sent the room's and wishes for nothing; why: NULL, it is shown what it wishes for */
static void expect_view(const Hall *hall, unsigned i, const char *by, const char *layout, const char *why)
{
    g_autoptr(JsonObject) view = md_room_view(hall->room, hall->ids[i]);
    g_assert_true((view == NULL) == (by == NULL));
    if (view == NULL)
        return;
    g_assert_cmpstr(json_object_get_string_member(view, "by"), ==, by);
    g_assert_cmpstr(json_object_get_string_member(view, "layout"), ==, layout);
    g_assert_true(json_object_get_boolean_member(view, "shown") == (why == NULL));
    g_assert_cmpstr(json_object_get_string_member_with_default(view, "why", NULL), ==, why);
}

/* --- wishes ----------------------------------------------------------------------------------------------------------- */

static void test_own(void)
{
    Hall hall = hall_new(4, 8, MD_LAYOUT_AUTO);
    g_assert_cmpuint(fake_composer()->outputs->len, ==, 1);
    g_assert_true(choose(&hall, 1, false, MD_LAYOUT_SINGLE, hall.ids[2]));
    g_assert_cmpuint(meeting_events(hall.meeting, "view.changed"), ==, 1);
    expect_view(&hall, 1, "self", "single", NULL);
    expect_view(&hall, 0, NULL, NULL, NULL);
    g_assert_cmpuint(view_of(&hall, 1), ==, OWN_FIRST);
    g_assert_cmpuint(view_of(&hall, 0), ==, VIEW_ROOM);
    g_assert_cmpint(view_at(OWN_FIRST)->layout, ==, MD_LAYOUT_SINGLE);
    CELLS(view_at(OWN_FIRST), hall.ids[2]);
    CELLS(view_at(VIEW_ROOM), hall.ids[0], hall.ids[1], hall.ids[2], hall.ids[3]);
    g_assert_true(choose(&hall, 3, true, MD_LAYOUT_SINGLE, hall.ids[2])); /* another wishes for the same: one encode */
    g_assert_cmpuint(fake_composer()->outputs->len, ==, 2);
    g_assert_cmpuint(view_of(&hall, 3), ==, OWN_FIRST);
    g_assert_true(choose(&hall, 0, false, MD_LAYOUT_AUTO, NULL)); /* the room's, by another name */
    g_assert_cmpuint(view_of(&hall, 0), ==, VIEW_ROOM);
    g_assert_true(md_room_clear_view(hall.room, hall.ids[1], false, NULL));
    meeting_run_ms(hall.meeting, 200);
    expect_view(&hall, 1, NULL, NULL, NULL);
    g_assert_cmpuint(view_of(&hall, 1), ==, VIEW_ROOM);
    g_assert_true(md_room_clear_view(hall.room, hall.ids[3], true, NULL));
    meeting_run_ms(hall.meeting, 200);
    g_assert_cmpuint(fake_composer()->outputs->len, ==, 1);
    g_assert_cmpuint(view_at(OWN_FIRST)->n, ==, 0); /* taken down */
    meeting_free(hall.meeting);
}

static void test_chair_wins(void)
{
    g_autoptr(GError) error = NULL;
    Hall hall = hall_new(3, 8, MD_LAYOUT_AUTO);
    g_assert_true(choose(&hall, 1, false, MD_LAYOUT_SINGLE, hall.ids[0]));
    g_assert_true(choose(&hall, 1, true, MD_LAYOUT_1P5, NULL));
    expect_view(&hall, 1, "chair", "1+5", NULL);
    g_assert_false(md_room_set_view(hall.room, hall.ids[1], false, MD_LAYOUT_PIP, NULL, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE);
    g_clear_error(&error);
    g_assert_false(md_room_clear_view(hall.room, hall.ids[1], false, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_STATE);
    g_clear_error(&error);
    expect_view(&hall, 1, "chair", "1+5", NULL);
    g_assert_true(md_room_clear_view(hall.room, hall.ids[1], true, NULL));
    expect_view(&hall, 1, NULL, NULL, NULL); /* of its own, too */
    static const struct {
        const char *seats[3];
        MdLayoutKind layout;
        int code;
    } wrong[] = {{{"m777"}, MD_LAYOUT_1P5, MD_CONFERENCE_ERROR_NOT_FOUND},
                 {{"x"}, MD_LAYOUT_1P5, MD_CONFERENCE_ERROR_NOT_FOUND},
                 {{NULL}, MD_LAYOUT_KIND_INVALID, MD_CONFERENCE_ERROR_INVALID}};
    for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_assert_false(md_room_set_view(hall.room, hall.ids[1], false, wrong[i].layout, wrong[i].seats, &error));
        g_assert_error(error, MD_CONFERENCE_ERROR, wrong[i].code);
        g_clear_error(&error);
    }
    const char *const twice[] = {hall.ids[0], "", hall.ids[0], NULL};
    g_assert_false(md_room_set_view(hall.room, hall.ids[1], false, MD_LAYOUT_1P5, twice, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID);
    g_clear_error(&error);
    g_assert_false(md_room_set_view(hall.room, "m777", false, MD_LAYOUT_1P5, NULL, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_NOT_FOUND);
    g_assert_cmpuint(fake_composer()->outputs->len, ==, 1);
    meeting_free(hall.meeting);
}

/* Nobody looks at itself in the large tile of its own picture, and alone has it so. */
static void test_own_follows(void)
{
    Hall hall = hall_new(4, 8, MD_LAYOUT_AUTO);
    for (unsigned i = 0; i < 2; i++)
        g_assert_true(choose(&hall, i, false, MD_LAYOUT_1P5, NULL));
    hall.legs[2]->silent = false;
    meeting_run_ms(hall.meeting, 3000);
    hall.legs[2]->silent = true;
    hall.legs[0]->silent = false;
    meeting_run_ms(hall.meeting, 3000);
    CELLS(view_at(view_of(&hall, 1)), hall.ids[0], hall.ids[2]); /* who spoke last comes next */
    CELLS(view_at(view_of(&hall, 0)), hall.ids[2]);
    g_assert_cmpuint(view_at(view_of(&hall, 0))->cells[3], ==, number(hall.ids[0]));
    CELLS(view_at(VIEW_ROOM), hall.ids[0], hall.ids[1], hall.ids[2], hall.ids[3]);
    /* The floor is large in it; a grid of one's own stays a grid. */
    g_assert_true(choose(&hall, 3, false, MD_LAYOUT_GRID_2X2, NULL));
    g_assert_true(md_room_floor_give(hall.room, hall.ids[3], -1, NULL));
    meeting_run_ms(hall.meeting, 300);
    CELLS(view_at(view_of(&hall, 1)), hall.ids[3]);
    CELLS(view_at(VIEW_ROOM), hall.ids[3]);
    g_assert_cmpint(view_at(VIEW_ROOM)->layout, ==, MD_LAYOUT_1P5);
    g_assert_cmpint(view_at(view_of(&hall, 3))->layout, ==, MD_LAYOUT_GRID_2X2);
    CELLS(view_at(view_of(&hall, 3)), hall.ids[0], hall.ids[1], hall.ids[2], hall.ids[3]);
    meeting_free(hall.meeting);
}

/* --- limits ----------------------------------------------------------------------------------------------------------- */

static void test_limit(void)
{
    g_autoptr(GError) error = NULL;
    Hall hall = hall_new(5, 2, MD_LAYOUT_AUTO);
    g_assert_true(choose(&hall, 0, false, MD_LAYOUT_SINGLE, NULL));
    g_assert_true(choose(&hall, 1, false, MD_LAYOUT_PIP, NULL));
    g_assert_false(md_room_set_view(hall.room, hall.ids[2], false, MD_LAYOUT_1P5, NULL, &error));
    g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_LIMIT);
    g_assert_nonnull(strstr(error->message, "2 pictures"));
    g_clear_error(&error);
    expect_view(&hall, 2, NULL, NULL, NULL);
    g_assert_true(choose(&hall, 2, false, MD_LAYOUT_PIP, NULL));
    g_assert_true(choose(&hall, 1, false, MD_LAYOUT_SINGLE, NULL)); /* instead of its former */
    g_assert_true(choose(&hall, 2, false, MD_LAYOUT_1P5, NULL));    /* the place of PIP, which nobody has any more */
    /* What was the room's becomes one of their own, beyond the limit: told, and shown as soon as there is a place. */
    g_assert_true(choose(&hall, 3, true, MD_LAYOUT_AUTO, NULL));
    unsigned before = meeting_events(hall.meeting, "view.changed");
    g_assert_true(md_room_set_layout(hall.room, MD_LAYOUT_1P7, NULL, NULL));
    meeting_run_ms(hall.meeting, 200);
    g_assert_cmpuint(meeting_events(hall.meeting, "view.changed"), ==, before + 1);
    expect_view(&hall, 3, "chair", "auto", "limit");
    g_assert_cmpuint(view_of(&hall, 3), ==, VIEW_ROOM);
    g_assert_true(md_room_clear_view(hall.room, hall.ids[2], false, NULL));
    meeting_run_ms(hall.meeting, 200);
    expect_view(&hall, 3, "chair", "auto", NULL);
    g_assert_cmpuint(view_of(&hall, 3), >=, OWN_FIRST);
    meeting_free(hall.meeting);
}

static void test_none_allowed(void)
{
    Hall hall = hall_new(2, 0, MD_LAYOUT_AUTO);
    g_assert_false(choose(&hall, 0, false, MD_LAYOUT_SINGLE, NULL));
    g_assert_true(choose(&hall, 0, false, MD_LAYOUT_AUTO, NULL));
    g_assert_cmpuint(fake_composer()->outputs->len, ==, 1);
    meeting_free(hall.meeting);
}

/* Late pictures: own views get slower, then go; the room's stay as they were. They come back when it has been calm. */
static void test_load(void)
{
    Hall hall = hall_new(3, 8, MD_LAYOUT_AUTO);
    g_assert_true(choose(&hall, 0, false, MD_LAYOUT_SINGLE, hall.ids[1]));
    g_assert_cmpuint(output_of_view(OWN_FIRST)->spec.fps, ==, 15);
    unsigned told = meeting_events(hall.meeting, "view.changed");
    for (unsigned s = 0; s < 7; s++) {
        fake_composer()->stats.frames_composed += 15;
        fake_composer()->stats.ticks_late += 6;
        meeting_run_ms(hall.meeting, 1000);
    }
    g_assert_cmpuint(output_of_view(OWN_FIRST)->spec.fps, ==, 5);
    g_assert_cmpuint(output_of_view(VIEW_ROOM)->spec.fps, ==, 15);
    g_assert_cmpuint(meeting_events(hall.meeting, "view.changed"), ==, told);
    for (unsigned s = 0; s < 5; s++) {
        fake_composer()->stats.frames_composed += 15;
        fake_composer()->stats.ticks_late += 6;
        meeting_run_ms(hall.meeting, 1000);
    }
    expect_view(&hall, 0, "self", "single", "load");
    g_assert_cmpuint(meeting_events(hall.meeting, "view.changed"), ==, told + 1);
    g_assert_nonnull(strstr(hall.meeting->last_event, "\"why\":\"load\""));
    g_assert_cmpuint(fake_composer()->outputs->len, ==, 1);
    g_assert_cmpuint(view_of(&hall, 0), ==, VIEW_ROOM);
    g_assert_true(choose(&hall, 1, false, MD_LAYOUT_PIP, NULL)); /* taken down, and told so at once */
    expect_view(&hall, 1, "self", "pip", "load");
    for (unsigned s = 0; s < 25; s++) {
        fake_composer()->stats.frames_composed += 15;
        meeting_run_ms(hall.meeting, 1000);
    }
    expect_view(&hall, 0, "self", "single", NULL);
    g_assert_cmpuint(output_of_view(OWN_FIRST)->spec.fps, ==, 5);
    for (unsigned s = 0; s < 25; s++) {
        fake_composer()->stats.frames_composed += 15;
        meeting_run_ms(hall.meeting, 1000);
    }
    g_assert_cmpuint(output_of_view(OWN_FIRST)->spec.fps, ==, 15);
    meeting_free(hall.meeting);
}

/* Going up too early makes it wait longer and longer, at most 320 seconds. */
static void test_ladder(void)
{
    MdLadder ladder = {0};
    uint64_t late = 0, made = 0;
    int64_t now_us = 1, down_us = 0, waited_us[8];
    unsigned n = 0;
    for (; n < G_N_ELEMENTS(waited_us) && now_us < INT64_C(10000) * G_USEC_PER_SEC; now_us += G_USEC_PER_SEC / 10) {
        MdLadderStep before = ladder.step;
        made += 2;
        late += ladder.step == MD_LADDER_FULL; /* with all of it the machine is behind, always */
        if (!md_ladder_look(&ladder, late, made, now_us))
            continue;
        if (ladder.step > before)
            down_us = now_us;
        else
            waited_us[n++] = now_us - down_us;
    }
    g_assert_cmpuint(n, ==, G_N_ELEMENTS(waited_us));
    for (unsigned i = 0; i < n; i++) {
        int64_t wanted_s = MIN(20 << i, 320);
        g_assert_cmpint(waited_us[i] / G_USEC_PER_SEC, >=, wanted_s);
        g_assert_cmpint(waited_us[i] / G_USEC_PER_SEC, <=, wanted_s + 4);
    }
    /* A room that hardly draws anything is not behind, whatever is late of it; nor is one bad look enough. */
    MdLadder still = {0};
    for (unsigned i = 0; i < 100; i++)
        g_assert_false(md_ladder_look(&still, i, i, (1 + i) * 2 * (int64_t)G_USEC_PER_SEC));
    MdLadder once = {0};
    for (unsigned i = 0; i < 100; i++)
        g_assert_false(md_ladder_look(&once, i / 2 * 30, i * 30, (1 + i) * 2 * (int64_t)G_USEC_PER_SEC));
}

/* --- coming back ------------------------------------------------------------------------------------------------------- */

static void test_comes_back(void)
{
    Hall hall = hall_new(3, 8, MD_LAYOUT_AUTO);
    g_assert_true(choose(&hall, 1, false, MD_LAYOUT_SINGLE, hall.ids[0]));
    g_assert_true(choose(&hall, 2, true, MD_LAYOUT_PIP, hall.ids[1]));
    md_call_emit_closed(hall.calls[1]->call, 408, "lost");
    meeting_run_ms(hall.meeting, 1000);
    g_assert_cmpuint(fake_composer()->outputs->len, ==, 2);
    come(&hall, "b"); /* ids[3]: the same account, another member */
    g_assert_cmpstr(hall.ids[3], !=, hall.ids[1]);
    expect_view(&hall, 3, "self", "single", NULL);
    CELLS(view_at(view_of(&hall, 3)), hall.ids[0]);
    CELLS(view_at(view_of(&hall, 2)), hall.ids[3]); /* it has its seat again */
    /* Another does not get it; sent out, it is forgotten; so it is with the meeting. */
    come(&hall, "x");
    expect_view(&hall, 4, NULL, NULL, NULL);
    g_assert_true(md_room_kick(hall.room, hall.ids[3], NULL));
    meeting_run_ms(hall.meeting, 500);
    g_assert_cmpuint(view_at(view_of(&hall, 2))->cells[0], !=, 0); /* the seat is anybody's */
    g_assert_cmpint(GPOINTER_TO_INT(g_hash_table_lookup(fake_composer()->states, GUINT_TO_POINTER(view_at(view_of(&hall, 2))->cells[0]))), ==,
                    MD_SOURCE_LIVE);
    come(&hall, "b");
    expect_view(&hall, 5, NULL, NULL, NULL);
    md_room_end(hall.room);
    meeting_run_ms(hall.meeting, 8000);
    hall.n = 0;
    come(&hall, "c");
    expect_view(&hall, 0, NULL, NULL, NULL);
    meeting_free(hall.meeting);
}

static void test_resume_keeps(void)
{
    Hall hall = hall_new(2, 8, MD_LAYOUT_AUTO);
    g_assert_true(choose(&hall, 1, false, MD_LAYOUT_SINGLE, hall.ids[0]));
    FakeCall *call = fake_call_new(&(FakeCallSpec){.to_user = "r", .from_uri = "sip:b@example.com", .account = "b"});
    g_ptr_array_add(hall.meeting->calls, call);
    g_assert_cmpstr(md_conference_resume_call(hall.meeting->conference, hall.calls[1]->call, call->call, false), ==, hall.ids[1]);
    md_call_emit_sdp(call->call, MD_SDP_OFFER, "hz=600 video=h264");
    hall.legs[1] = fake_leg(fake_legs() - 1);
    meeting_run_ms(hall.meeting, 500);
    expect_view(&hall, 1, "self", "single", NULL);
    g_assert_cmpuint(view_of(&hall, 1), ==, OWN_FIRST);
    meeting_free(hall.meeting);
}

/* --- seats that are kept ------------------------------------------------------------------------------------------------ */

static void test_seats(void)
{
    Hall hall = hall_new(4, 8, MD_LAYOUT_GRID_2X2);
    const char *const seats[] = {hall.ids[3], "", hall.ids[1], NULL};
    const FakeView *view = view_at(VIEW_ROOM);
    g_assert_true(md_room_set_layout(hall.room, MD_LAYOUT_GRID_2X2, seats, NULL));
    CELLS(view, hall.ids[3], hall.ids[0], hall.ids[1], hall.ids[2]);
    hall.legs[0]->silent = false;
    meeting_run_ms(hall.meeting, 3000); /* whoever speaks */
    CELLS(view, hall.ids[3], hall.ids[0], hall.ids[1], hall.ids[2]);
    /* Away: its seat waits, with its name; nobody moves. */
    md_call_emit_closed(hall.calls[3]->call, 408, "lost");
    meeting_run_ms(hall.meeting, 500);
    uint32_t empty = view->cells[0];
    g_assert_cmpuint(empty, !=, 0);
    g_assert_cmpint(GPOINTER_TO_INT(g_hash_table_lookup(fake_composer()->states, GUINT_TO_POINTER(empty))), ==, MD_SOURCE_AWAITED);
    g_assert_cmpstr(g_hash_table_lookup(fake_composer()->sources, GUINT_TO_POINTER(empty)), ==, "d");
    g_assert_cmpuint(view->cells[2], ==, number(hall.ids[1]));
    g_autoptr(JsonArray) told = md_room_seats(hall.room);
    g_assert_cmpuint(json_array_get_length(told), ==, 3);
    g_assert_cmpstr(json_array_get_string_element(told, 0), ==, hall.ids[3]);
    g_assert_true(json_array_get_null_element(told, 1));
    /* The same order once more, while it is away: it keeps its seat. */
    g_assert_true(md_room_set_layout(hall.room, MD_LAYOUT_GRID_2X2, seats, NULL));
    g_assert_cmpuint(view->cells[0], ==, empty);
    come(&hall, "other");
    g_assert_cmpuint(view->cells[0], ==, empty);
    come(&hall, "d");
    CELLS(view, hall.ids[5], hall.ids[0], hall.ids[1], hall.ids[2]);
    g_assert_false(g_hash_table_contains(fake_composer()->sources, GUINT_TO_POINTER(empty)));
    /* The floor takes the large tile for as long as it lasts; the others move on by one. */
    g_assert_true(md_room_floor_give(hall.room, hall.ids[2], -1, NULL));
    CELLS(view, hall.ids[2], hall.ids[5], hall.ids[0], hall.ids[1]);
    g_assert_true(md_room_floor_end(hall.room, NULL));
    CELLS(view, hall.ids[5], hall.ids[0], hall.ids[1]);
    g_assert_true(md_room_set_layout(hall.room, MD_LAYOUT_GRID_2X2, NULL, NULL)); /* none any more */
    CELLS(view, hall.ids[0], hall.ids[1], hall.ids[2]);
    meeting_free(hall.meeting);
}

/* Who is rung again shows that in its seat; and takes it when it is back. */
static void test_seat_of_rung(void)
{
    Hall hall = hall_new(2, 8, MD_LAYOUT_GRID_2X2);
    g_assert_true(md_room_dial(hall.room, (const char *const[]){"xa-ky-anh", NULL}, MD_ROLE_SITE, true, NULL));
    meeting_run_ms(hall.meeting, 300);
    FakeCall *call = fake_dialer_last(&hall.meeting->dialer);
    md_call_emit_sdp(call->call, MD_SDP_ANSWER, "hz=0 video=h264");
    md_call_emit_established(call->call);
    meeting_run_ms(hall.meeting, 300);
    g_autofree char *rung = g_strdup(meeting_member(hall.room, 2));
    const char *const seats[] = {rung, hall.ids[0], NULL};
    g_assert_true(md_room_set_layout(hall.room, MD_LAYOUT_GRID_2X2, seats, NULL));
    const FakeView *view = view_at(VIEW_ROOM);
    CELLS(view, rung, hall.ids[0], hall.ids[1]);
    md_call_emit_closed(call->call, 408, "lost");
    meeting_run_ms(hall.meeting, 500);
    g_assert_cmpint(GPOINTER_TO_INT(g_hash_table_lookup(fake_composer()->states, GUINT_TO_POINTER(view->cells[0]))), ==, MD_SOURCE_AWAY);
    g_assert_cmpuint(view->n, ==, 3); /* not once more at the end */
    g_assert_cmpuint(view->cells[1], ==, number(hall.ids[0]));
    meeting_run_ms(hall.meeting, 31000);
    call = fake_dialer_last(&hall.meeting->dialer);
    md_call_emit_sdp(call->call, MD_SDP_ANSWER, "hz=0 video=h264");
    md_call_emit_established(call->call);
    meeting_run_ms(hall.meeting, 500);
    CELLS(view, meeting_member(hall.room, 2));
    g_assert_cmpstr(meeting_member(hall.room, 2), !=, rung);
    md_call_emit_closed(call->call, 408, "lost"); /* it may as well come by itself */
    meeting_run_ms(hall.meeting, 500);
    come(&hall, "xa-ky-anh");
    CELLS(view, hall.ids[2], hall.ids[0], hall.ids[1]);
    meeting_free(hall.meeting);
}

/* --- the tour ----------------------------------------------------------------------------------------------------------- */

static void test_tour_skips_and_waits(void)
{
    g_autoptr(GError) error = NULL;
    Hall hall = hall_new(4, 8, MD_LAYOUT_SINGLE);
    const FakeView *view = view_at(VIEW_ROOM);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_false(md_room_set_tour(hall.room, i == 0 ? 4 : 301, &error));
        g_assert_error(error, MD_CONFERENCE_ERROR, MD_CONFERENCE_ERROR_INVALID);
        g_clear_error(&error);
    }
    g_assert_true(md_room_mute_video(hall.room, hall.ids[1], true, NULL));
    g_assert_true(md_room_set_tour(hall.room, 10, NULL));
    for (unsigned i = 0; i < 6; i++) {
        static const unsigned order[] = {0, 2, 3};
        CELLS(view, hall.ids[order[i % 3]]);
        meeting_run_ms(hall.meeting, 10000);
    }
    /* The spotlight stops it; afterwards it goes on where it was, for a whole period. */
    g_assert_true(md_room_set_spotlight(hall.room, hall.ids[3], NULL));
    meeting_run_ms(hall.meeting, 25000);
    CELLS(view, hall.ids[3]);
    g_assert_true(md_room_set_spotlight(hall.room, NULL, NULL));
    CELLS(view, hall.ids[0]);
    meeting_run_ms(hall.meeting, 9000);
    CELLS(view, hall.ids[0]);
    meeting_run_ms(hall.meeting, 1500);
    CELLS(view, hall.ids[2]);
    md_call_emit_closed(hall.calls[2]->call, 200, "BYE"); /* it is shown, and leaves: the next one */
    meeting_run_ms(hall.meeting, 300);
    CELLS(view, hall.ids[3]);
    meeting_free(hall.meeting);
}

/* Through a grid it goes page by page, in the seats that are nobody's; a grid that seats all stands still. */
static void test_tour_pages(void)
{
    Hall hall = hall_new(6, 8, MD_LAYOUT_GRID_2X2);
    const FakeView *view = view_at(VIEW_ROOM);
    const char *const seats[] = {"", hall.ids[4], NULL};
    g_assert_true(md_room_set_layout(hall.room, MD_LAYOUT_GRID_2X2, seats, NULL));
    g_assert_true(md_room_set_tour(hall.room, 5, NULL));
    CELLS(view, hall.ids[0], hall.ids[4], hall.ids[1], hall.ids[2]);
    meeting_run_ms(hall.meeting, 5100);
    CELLS(view, hall.ids[3], hall.ids[4], hall.ids[5], hall.ids[0]);
    meeting_run_ms(hall.meeting, 5000);
    CELLS(view, hall.ids[1], hall.ids[4], hall.ids[2], hall.ids[3]);
    g_assert_true(md_room_set_tour(hall.room, 0, NULL));
    g_assert_true(md_room_set_layout(hall.room, MD_LAYOUT_GRID_3X3, NULL, NULL));
    g_assert_true(md_room_set_tour(hall.room, 5, NULL));
    meeting_run_ms(hall.meeting, 12000);
    CELLS(view, hall.ids[0], hall.ids[1], hall.ids[2], hall.ids[3], hall.ids[4], hall.ids[5]);
    meeting_free(hall.meeting);
}

/* --- tiles -------------------------------------------------------------------------------------------------------------- */

static void lose(Hall *hall, unsigned lost, unsigned of, unsigned s)
{
    for (unsigned i = 0; i < s; i++) {
        md_stat_add(&hall->legs[1]->stats.video_packets_received, of - lost);
        md_stat_add(&hall->legs[1]->stats.video_packets_lost, lost);
        meeting_run_ms(hall->meeting, 1000);
    }
}

static void expect_label(const Hall *hall, const char *label)
{
    g_assert_cmpstr(g_hash_table_lookup(fake_composer()->sources, GUINT_TO_POINTER(number(hall->ids[1]))), ==, label);
}

/* Much of what a site sends is lost: its tile says so, until it has been good for a while; a hand counts for more. */
static void test_bad_line(void)
{
    Hall hall = hall_new(2, 8, MD_LAYOUT_AUTO);
    lose(&hall, 4, 100, 12);
    expect_label(&hall, "b");
    lose(&hall, 8, 100, 11);
    expect_label(&hall, "Mạng yếu · b");
    lose(&hall, 0, 100, 8); /* one good look does not count */
    expect_label(&hall, "Mạng yếu · b");
    g_assert_true(md_room_raise_hand(hall.room, hall.ids[1], true, NULL));
    expect_label(&hall, "Xin phát biểu 1 · b");
    g_assert_true(md_room_raise_hand(hall.room, hall.ids[1], false, NULL));
    lose(&hall, 0, 100, 12);
    expect_label(&hall, "b");
    lose(&hall, 4, 5, 12); /* too little comes to tell */
    expect_label(&hall, "b");
    meeting_free(hall.meeting);
}

/* Whoever keeps seats for many who have gone takes no tiles from those who come. */
static void test_seats_for_many_gone(void)
{
    enum { GONE = 80, PART = 40 };
    Hall hall = hall_new(2, 2, MD_LAYOUT_GRID_2X2);
    g_autoptr(GError) error = NULL;
    FakeCall *calls[GONE];
    char ids[GONE][16];
    unsigned before = g_hash_table_size(fake_composer()->sources);
    for (unsigned i = 0; i < GONE; i++) {
        g_autofree char *account = g_strdup_printf("gone-%u", i);
        calls[i] = meeting_join(hall.meeting, "r", account, MD_ROLE_SITE, "hz=400 video=h264", NULL);
        meeting_run_ms(hall.meeting, 40);
        g_autoptr(GPtrArray) members = md_room_members(hall.room);
        g_strlcpy(ids[i], ((const MdMemberInfo *)g_ptr_array_index(members, members->len - 1))->id, sizeof ids[i]);
    }
    for (unsigned k = 0; k < GONE / PART; k++) {
        const char *seats[PART + 1] = {NULL};
        for (unsigned i = 0; i < PART; i++)
            seats[i] = ids[k * PART + i];
        g_assert_true(md_room_set_view(hall.room, hall.ids[k], false, MD_LAYOUT_GRID_7X7, seats, &error));
        g_assert_no_error(error);
    }
    for (unsigned i = 0; i < GONE; i++)
        md_call_emit_closed(calls[i]->call, 408, "lost");
    meeting_run_ms(hall.meeting, 500);
    g_assert_cmpuint(g_hash_table_size(fake_composer()->sources), ==, before + MD_LAYOUT_CELLS_MAX);
    meeting_free(hall.meeting);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/conference/views/own", test_own);
    g_test_add_func("/conference/views/chair-wins", test_chair_wins);
    g_test_add_func("/conference/views/own-follows", test_own_follows);
    g_test_add_func("/conference/views/limit", test_limit);
    g_test_add_func("/conference/views/none-allowed", test_none_allowed);
    g_test_add_func("/conference/views/load", test_load);
    g_test_add_func("/conference/views/ladder", test_ladder);
    g_test_add_func("/conference/views/comes-back", test_comes_back);
    g_test_add_func("/conference/views/resume-keeps", test_resume_keeps);
    g_test_add_func("/conference/views/seats", test_seats);
    g_test_add_func("/conference/views/seat-of-rung", test_seat_of_rung);
    g_test_add_func("/conference/views/tour-skips-and-waits", test_tour_skips_and_waits);
    g_test_add_func("/conference/views/tour-pages", test_tour_pages);
    g_test_add_func("/conference/views/bad-line", test_bad_line);
    g_test_add_func("/conference/views/seats-for-many-gone", test_seats_for_many_gone);
    return g_test_run();
}
