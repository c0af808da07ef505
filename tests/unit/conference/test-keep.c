/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a chair arranged over a restart: everything goes, the text stays, and those who were inside come back in another order. Virtual time. */
#include <string.h>
#include "tests/fixtures/meeting.h"

enum { CHAIR, SITE, GUEST, ENGLISH, N };
static const double HZ[N] = {400, 520, 640, 760};
static const char *const SDP[N] = {"hz=400 video=h264", "hz=520 video=h264", "hz=640 video=h264", "hz=760 video=h264"};
static const char *const ACCOUNTS[N] = {"chair", "site", "guest", "english"};

typedef struct Hall {
    Meeting *meeting;
    MdRoom *room;
    MdRoomSpec spec;
    MdLeg *legs[N];
    FakeCall *calls[N];
    char ids[N][16];
} Hall;

static void come(Hall *h, unsigned i)
{
    h->calls[i] = meeting_join(h->meeting, "r", ACCOUNTS[i], MD_ROLE_SITE, SDP[i], &h->legs[i]);
    meeting_run_ms(h->meeting, 300);
    g_autoptr(GPtrArray) members = md_room_members(h->room);
    g_assert_cmpuint(members->len, >, 0);
    g_strlcpy(h->ids[i], ((const MdMemberInfo *)g_ptr_array_index(members, members->len - 1))->id, sizeof h->ids[i]);
}

static void hall_init(Hall *h, const MdRoomSpec *spec, const char *before)
{
    *h = (Hall){.spec = *spec};
    h->meeting = meeting_new(&(MeetingSpec){.pictures = true, .views_max = 8, .redial_first_s = 30, .before = before});
    h->room = meeting_room(h->meeting, spec);
}

static void hall_full(Hall *h, const MdRoomSpec *spec)
{
    hall_init(h, spec, NULL);
    for (unsigned i = 0; i < N; i++)
        come(h, i);
}

/* mediad goes with all it has, a clock of its own too, and another one begins. */
static void restart(Hall *h)
{
    meeting_run_ms(h->meeting, 1500);
    g_autofree char *text = g_strdup(h->meeting->scene);
    MdRoomSpec spec = h->spec;
    unsigned told = h->meeting->scenes;
    md_conference_hold(h->meeting->conference);
    for (unsigned i = 0; i < N; i++)
        if (h->calls[i] != NULL)
            md_call_emit_closed(h->calls[i]->call, 200, "server stops");
    meeting_run_ms(h->meeting, 1500);
    g_assert_cmpuint(h->meeting->scenes, ==, told); /* the end of the server is not the end of the meeting */
    meeting_free(h->meeting);
    hall_init(h, &spec, text);
}

static void set(bool ok, GError *error)
{
    g_assert_no_error(error);
    g_assert_true(ok);
}
#define DO(call) do { GError *error = NULL; bool ok_ = (call); set(ok_, error); } while (0)

static const MdMemberInfo *info_of(GPtrArray *members, const char *id)
{
    for (guint i = 0; i < members->len; i++)
        if (strcmp(((const MdMemberInfo *)members->pdata[i])->id, id) == 0)
            return members->pdata[i];
    g_error("no member %s", id);
}

static void put_channels(Hall *h)
{
    g_autofree char *text = g_strdup_printf("[{\"name\":\"English\",\"interpreters\":[\"%s\"],\"listeners\":[\"%s\"],\"floor_db\":null}]", h->ids[ENGLISH], h->ids[GUEST]);
    g_autoptr(JsonNode) node = json_from_string(text, NULL);
    DO(md_room_set_channels(h->room, json_node_get_array(node), &error));
}

static bool hears(const Hall *h, unsigned who, unsigned whom)
{
    return fake_leg_hears(h->legs[who], HZ[whom]) > 0.03f;
}

/* --- everything ------------------------------------------------------------------------------------------------------- */

static void arrange(Hall *h)
{
    const char *seats[] = {"", h->ids[SITE], NULL};
    DO(md_room_set_role(h->room, h->ids[CHAIR], MD_ROLE_CHAIR, &error));
    DO(md_room_mute_member(h->room, h->ids[SITE], true, &error));
    DO(md_room_mute_video(h->room, h->ids[SITE], true, &error));
    DO(md_room_set_gain(h->room, h->ids[GUEST], -6, &error));
    DO(md_room_mute_self(h->room, h->ids[GUEST], true, &error));
    DO(md_room_set_layout(h->room, MD_LAYOUT_GRID_2X2, seats, &error));
    DO(md_room_set_tour(h->room, 20, &error));
    DO(md_room_set_spotlight(h->room, h->ids[ENGLISH], &error));
    DO(md_room_set_banner(h->room, "Giải lao đến 9 giờ", true, 0, &error));
    DO(md_room_set_view(h->room, h->ids[GUEST], true, MD_LAYOUT_1P5, (const char *const[]){h->ids[CHAIR], NULL}, &error));
    DO(md_room_set_floor_rules(h->room, &(MdFloorRules){.budget_us = 300 * G_USEC_PER_SEC, .warn_us = 20 * G_USEC_PER_SEC, .grace_us = 90 * G_USEC_PER_SEC}, &error));
    put_channels(h);
    DO(md_room_raise_hand(h->room, h->ids[GUEST], true, &error));
    DO(md_room_raise_hand(h->room, h->ids[SITE], true, &error));
    md_room_lock(h->room, true);
}

static void expect_queue(const Hall *h, const char *first, const char *second)
{
    g_autoptr(JsonObject) floor = md_room_floor(h->room);
    JsonArray *queue = json_object_get_array_member(floor, "queue");
    g_assert_cmpuint(json_array_get_length(queue), ==, 2);
    g_assert_cmpstr(json_object_get_string_member(json_array_get_object_element(queue, 0), "member"), ==, first);
    g_assert_cmpstr(json_object_get_string_member(json_array_get_object_element(queue, 1), "member"), ==, second);
    g_assert_cmpint(json_object_get_int_member(json_object_get_object_member(floor, "rules"), "budget_s"), ==, 300);
    g_assert_cmpint(json_object_get_int_member(json_object_get_object_member(floor, "rules"), "grace_s"), ==, 90);
}

static void expect_room(const Hall *h)
{
    MdRoomInfo info;
    md_room_info(h->room, &info);
    g_assert_true(info.locked && info.clock);
    g_assert_cmpstr(info.banner, ==, "Giải lao đến 9 giờ");
    g_assert_cmpuint(info.tour_s, ==, 20);
    g_assert_cmpint(info.layout, ==, MD_LAYOUT_GRID_2X2);
    g_assert_cmpstr(info.spotlight, ==, h->ids[ENGLISH]);
    g_autoptr(JsonArray) seats = md_room_seats(h->room);
    g_assert_cmpuint(json_array_get_length(seats), ==, 2);
    g_assert_true(json_array_get_null_element(seats, 0));
    g_assert_cmpstr(json_array_get_string_element(seats, 1), ==, h->ids[SITE]);
    g_autoptr(JsonObject) view = md_room_view(h->room, h->ids[GUEST]);
    g_assert_nonnull(view);
    g_assert_cmpstr(json_object_get_string_member(view, "by"), ==, "chair");
    g_assert_cmpstr(json_array_get_string_element(json_object_get_array_member(view, "seats"), 0), ==, h->ids[CHAIR]);
}

static void expect_members(const Hall *h)
{
    g_autoptr(GPtrArray) members = md_room_members(h->room);
    const MdMemberInfo *site = info_of(members, h->ids[SITE]), *guest = info_of(members, h->ids[GUEST]);
    g_assert_cmpint(info_of(members, h->ids[CHAIR])->role, ==, MD_ROLE_CHAIR);
    g_assert_true(site->muted && site->video_muted && !site->self_muted);
    g_assert_true(!guest->muted && !guest->video_muted && guest->self_muted);
    g_assert_cmpfloat(guest->gain_db, ==, -6);
    g_assert_cmpstr(guest->channel, ==, "English");
    g_assert_cmpstr(info_of(members, h->ids[ENGLISH])->interprets, ==, "English");
}

static void expect_sound(const Hall *h)
{
    /* rows: who; columns: whom. The muted site is heard by nobody, the interpreter by its listener alone, who hears nothing of the floor. */
    static const char *const rows[N] = {"....", "F...", "...F", "F..."};
    for (unsigned i = 0; i < N; i++)
        for (unsigned k = 0; k < N; k++)
            if (hears(h, i, k) != (rows[i][k] == 'F'))
                g_error("%s %s %s", ACCOUNTS[i], rows[i][k] == 'F' ? "does not hear" : "hears", ACCOUNTS[k]);
}

static void test_everything(void)
{
    static const MdRoomSpec spec = {.name = "r", .title = "Giao ban", .loudest = 8};
    Hall h;
    hall_full(&h, &spec);
    arrange(&h);
    for (unsigned round = 0; round < 2; round++) { /* and again: what was found is as good as what was made */
        restart(&h);
        meeting_run_ms(h.meeting, 1000);
        static const unsigned order[N] = {ENGLISH, GUEST, CHAIR, SITE};
        for (unsigned i = 0; i < N; i++)
            come(&h, order[i]);
        meeting_run_ms(h.meeting, 2500);
        expect_room(&h);
        expect_members(&h);
        expect_queue(&h, h.ids[GUEST], h.ids[SITE]);
        expect_sound(&h);
        g_assert_cmpuint(meeting_events(h.meeting, "member.muted"), ==, 1);
    }
    /* A new site is a newcomer to a locked meeting. */
    FakeCall *late = meeting_call(h.meeting, "r", "late", MD_ROLE_SITE, SDP[SITE]);
    g_assert_cmpint(late->rejected, ==, 403);
    meeting_free(h.meeting);
}

/* mediad ends again before all are back: those who are still on their way have lost nothing. */
static void test_twice(void)
{
    static const MdRoomSpec spec = {.name = "r", .loudest = 8};
    Hall h;
    hall_full(&h, &spec);
    arrange(&h);
    restart(&h);
    come(&h, ENGLISH);
    come(&h, CHAIR);
    restart(&h);
    for (unsigned i = 0; i < N; i++)
        come(&h, i);
    meeting_run_ms(h.meeting, 2500);
    expect_room(&h);
    expect_members(&h);
    expect_queue(&h, h.ids[GUEST], h.ids[SITE]);
    expect_sound(&h);
    meeting_free(h.meeting);
}

static void test_speaker(void)
{
    Hall h;
    hall_full(&h, &(MdRoomSpec){.name = "r", .loudest = 8});
    DO(md_room_floor_give(h.room, h.ids[SITE], 100, &error));
    meeting_run_ms(h.meeting, 10000);
    restart(&h);
    for (unsigned i = 0; i < N; i++)
        come(&h, i);
    meeting_run_ms(h.meeting, 500);
    g_autoptr(JsonObject) floor = md_room_floor(h.room);
    g_assert_cmpstr(json_object_get_string_member(floor, "holder"), ==, h.ids[SITE]);
    g_assert_false(json_object_get_boolean_member(floor, "away"));
    /* The virtual wall clock begins anew with each meeting; what was left of 100 s then is left now, less what passed since. */
    g_assert_cmpint(json_object_get_int_member(floor, "left_ms"), >, 80000);
    g_assert_cmpint(json_object_get_int_member(floor, "left_ms"), <=, 102000);
    g_assert_true(hears(&h, CHAIR, SITE));
    g_assert_false(hears(&h, CHAIR, GUEST));
    meeting_free(h.meeting);
}

/* --- who is let in ---------------------------------------------------------------------------------------------------- */

static void test_door(void)
{
    static const MdRoomSpec spec = {.name = "r", .pin = "1234", .lobby = true};
    Hall h;
    hall_init(&h, &spec, NULL);
    h.calls[SITE] = meeting_call(h.meeting, "r", "site", MD_ROLE_GUEST, SDP[SITE]);
    md_call_emit_established(h.calls[SITE]->call);
    meeting_dtmf(h.meeting, h.calls[SITE], "1234#");
    meeting_run_ms(h.meeting, 300);
    DO(md_room_admit(h.room, meeting_member(h.room, 0), &error));
    restart(&h);
    come(&h, SITE); /* was asked and admitted before */
    g_autoptr(GPtrArray) members = md_room_members(h.room);
    g_assert_false(((const MdMemberInfo *)members->pdata[0])->in_lobby);
    g_assert_cmpuint(meeting_events(h.meeting, "member.joined"), ==, 1);
    come(&h, GUEST); /* another one is asked */
    g_assert_cmpuint(meeting_events(h.meeting, "member.joined"), ==, 1);
    MdCallInfo who = {.account = (char *)(uintptr_t)"guest", .peer_host = (char *)(uintptr_t)"192.0.2.9"};
    g_assert_cmpint(md_room_try_pin(h.room, &who, MD_ROLE_SITE, NULL), ==, MD_PIN_MISSING);
    meeting_free(h.meeting);
}

/* Who merely says a name is muted as before, and gets no right back that a chair gave. */
static void test_unproven(void)
{
    Hall h;
    hall_init(&h, &(MdRoomSpec){.name = "r"}, NULL);
    h.calls[0] = meeting_join(h.meeting, "r", NULL, MD_ROLE_GUEST, SDP[0], NULL);
    DO(md_room_set_role(h.room, meeting_member(h.room, 0), MD_ROLE_CO_CHAIR, &error));
    DO(md_room_mute_member(h.room, meeting_member(h.room, 0), true, &error));
    restart(&h);
    h.calls[0] = meeting_join(h.meeting, "r", NULL, MD_ROLE_GUEST, SDP[0], NULL);
    g_autoptr(GPtrArray) members = md_room_members(h.room);
    const MdMemberInfo *info = members->pdata[0];
    g_assert_cmpint(info->role, ==, MD_ROLE_GUEST);
    g_assert_true(info->muted);
    meeting_free(h.meeting);
}

/* By a browser that shows its token, as that account or as nobody. */
static FakeCall *browse(Hall *h, const char *account, MdRole role)
{
    FakeCall *call = fake_call_new(&(FakeCallSpec){.to_user = "r", .from_uri = account != NULL ? "web:a" : "web:nobody", .account = account, .seat = "5ea7", .peer_host = "192.0.2.9"});
    g_ptr_array_add(h->meeting->calls, call);
    md_conference_accept_call(h->meeting->conference, call->call, role);
    if (call->rejected != 0)
        return call;
    md_call_emit_sdp(call->call, MD_SDP_OFFER, SDP[0]);
    md_call_emit_established(call->call);
    meeting_run_ms(h->meeting, 300);
    return call;
}

static void hall_of_browser(Hall *h, const char *account)
{
    hall_init(h, &(MdRoomSpec){.name = "r", .pin = "1234"}, NULL);
    h->calls[0] = browse(h, account, MD_ROLE_SITE);
    meeting_dtmf(h->meeting, h->calls[0], "1234#");
    meeting_run_ms(h->meeting, 300);
    DO(md_room_set_role(h->room, meeting_member(h->room, 0), MD_ROLE_CO_CHAIR, &error));
    md_room_lock(h->room, true);
    restart(h);
    memset(h->calls, 0, sizeof h->calls);
}

static MdPinResult without_pin(Hall *h, const char *account)
{
    MdCallInfo who = {.account = (char *)(uintptr_t)account, .seat = (char *)(uintptr_t)"5ea7", .peer_host = (char *)(uintptr_t)"192.0.2.9"};
    return md_room_try_pin(h->room, &who, MD_ROLE_SITE, NULL);
}

static MdRole only_role(const Hall *h)
{
    g_autoptr(GPtrArray) members = md_room_members(h->room);
    g_assert_cmpuint(members->len, ==, 1);
    return ((const MdMemberInfo *)members->pdata[0])->role;
}

/* What an account had is that account's: a token left in the browser after it has signed out opens nothing. */
static void test_signed_out(void)
{
    static const char *const others[] = {NULL, "b"};
    Hall h;
    hall_of_browser(&h, "a");
    for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
        g_assert_cmpint(without_pin(&h, others[i]), ==, MD_PIN_MISSING);
        g_assert_cmpint(browse(&h, others[i], MD_ROLE_SITE)->rejected, ==, 403);
        md_room_lock(h.room, false);
        FakeCall *call = browse(&h, others[i], MD_ROLE_SITE); /* stands before the PIN now */
        g_assert_cmpuint(meeting_events(h.meeting, "member.joined"), ==, i);
        meeting_dtmf(h.meeting, call, "1234#");
        meeting_run_ms(h.meeting, 300);
        g_assert_cmpint(only_role(&h), ==, MD_ROLE_SITE);
        md_call_emit_closed(call->call, 200, "BYE");
        meeting_run_ms(h.meeting, 300);
        md_room_lock(h.room, true);
    }
    g_assert_cmpint(without_pin(&h, "a"), ==, MD_PIN_NOT_NEEDED);
    g_assert_cmpint(browse(&h, "a", MD_ROLE_SITE)->rejected, ==, 0);
    g_assert_cmpint(only_role(&h), ==, MD_ROLE_CO_CHAIR);
    meeting_free(h.meeting);
    hall_of_browser(&h, NULL); /* a guest has nothing but its token */
    g_assert_cmpint(without_pin(&h, NULL), ==, MD_PIN_NOT_NEEDED);
    g_assert_cmpint(browse(&h, NULL, MD_ROLE_SITE)->rejected, ==, 0);
    g_assert_cmpint(only_role(&h), ==, MD_ROLE_CO_CHAIR);
    meeting_free(h.meeting);
}

/* An order to all holds for those too who are still on their way back. */
static void test_mute_all(void)
{
    Hall h;
    hall_full(&h, &(MdRoomSpec){.name = "r", .loudest = 8});
    DO(md_room_set_role(h.room, h.ids[CHAIR], MD_ROLE_CHAIR, &error));
    DO(md_room_raise_hand(h.room, h.ids[GUEST], true, &error));
    restart(&h);
    come(&h, SITE);
    md_room_mute_all(h.room, true, true);
    for (unsigned i = 0; i < N; i++)
        if (i != SITE)
            come(&h, i);
    for (unsigned i = 0; i < N; i++) {
        g_autoptr(GPtrArray) members = md_room_members(h.room);
        g_assert_cmpint(info_of(members, h.ids[i])->muted, ==, i != CHAIR);
    }
    restart(&h);
    come(&h, CHAIR);
    md_room_mute_all(h.room, false, false);
    for (unsigned i = 0; i < N; i++)
        if (i != CHAIR)
            come(&h, i);
    for (unsigned i = 0; i < N; i++) {
        g_autoptr(GPtrArray) members = md_room_members(h.room);
        g_assert_false(info_of(members, h.ids[i])->muted);
    }
    meeting_free(h.meeting);
}

/* We ring it at its address again: it need not prove who it is. */
static void test_rung_by_address(void)
{
    static const char *const targets[] = {"sip:hall@192.0.2.7", NULL};
    Hall h;
    hall_init(&h, &(MdRoomSpec){.name = "r"}, NULL);
    DO(md_room_dial(h.room, targets, MD_ROLE_GUEST, true, &error));
    for (unsigned round = 0; round < 2; round++) {
        FakeCall *call = fake_dialer_last(&h.meeting->dialer);
        g_assert_cmpstr(call->target, ==, targets[0]);
        md_call_emit_sdp(call->call, MD_SDP_ANSWER, SDP[0]);
        md_call_emit_established(call->call);
        meeting_run_ms(h.meeting, 300);
        if (round == 1)
            break;
        DO(md_room_set_role(h.room, meeting_member(h.room, 0), MD_ROLE_CO_CHAIR, &error));
        restart(&h);
        meeting_run_ms(h.meeting, 3500);
    }
    g_assert_cmpint(only_role(&h), ==, MD_ROLE_CO_CHAIR);
    meeting_free(h.meeting);
}

/* --- what is kept, and for how long ----------------------------------------------------------------------------------- */

static void test_over(void)
{
    Hall h;
    hall_full(&h, &(MdRoomSpec){.name = "r"});
    arrange(&h);
    meeting_run_ms(h.meeting, 1500);
    unsigned told = h.meeting->scenes;
    meeting_run_ms(h.meeting, 60000); /* they talk: nothing to write */
    g_assert_cmpuint(h.meeting->scenes, ==, told);
    g_assert_nonnull(h.meeting->scene);
    md_room_end(h.room);
    meeting_run_ms(h.meeting, 15000);
    g_assert_null(h.meeting->scene);
    meeting_free(h.meeting);
}

/* What the chair did just before mediad was told to end is not lost, what the end does is not written. */
static void test_last_moment(void)
{
    Hall h;
    hall_full(&h, &(MdRoomSpec){.name = "r"});
    meeting_run_ms(h.meeting, 1500);
    unsigned told = h.meeting->scenes;
    md_room_lock(h.room, true);
    md_conference_hold(h.meeting->conference);
    g_assert_cmpuint(h.meeting->scenes, ==, told + 1);
    g_assert_nonnull(strstr(h.meeting->scene, "\"locked\":true"));
    md_room_lock(h.room, false);
    md_conference_hold(h.meeting->conference);
    meeting_run_ms(h.meeting, 1500);
    g_assert_cmpuint(h.meeting->scenes, ==, told + 1);
    meeting_free(h.meeting);
}

static void test_too_late(void)
{
    Hall h;
    hall_full(&h, &(MdRoomSpec){.name = "r"});
    arrange(&h);
    restart(&h);
    meeting_run_ms(h.meeting, 31 * 60 * 1000);
    md_room_lock(h.room, false);
    come(&h, SITE);
    g_autoptr(GPtrArray) members = md_room_members(h.room);
    g_assert_false(info_of(members, h.ids[SITE])->muted);
    meeting_free(h.meeting);
}

static void test_another_meeting(void)
{
    Hall h;
    hall_full(&h, &(MdRoomSpec){.name = "r", .title = "Giao ban"});
    arrange(&h);
    meeting_run_ms(h.meeting, 1500);
    h.spec.title = "Họp xã";
    restart(&h);
    MdRoomInfo info;
    md_room_info(h.room, &info);
    g_assert_false(info.locked);
    g_assert_null(info.banner);
    meeting_run_ms(h.meeting, 1500);
    g_assert_true(md_conference_remove_room(h.meeting->conference, "r", NULL));
    meeting_run_ms(h.meeting, 1500);
    g_assert_cmpuint(h.meeting->scenes, ==, 0); /* what it was not of is left to its owner */
    meeting_free(h.meeting);
}

static void test_renamed(void)
{
    Hall h;
    hall_full(&h, &(MdRoomSpec){.name = "r", .title = "Giao ban"});
    arrange(&h);
    meeting_run_ms(h.meeting, 1500);
    DO(md_room_set_door(h.room, "Họp xã", NULL, NULL, &error));
    h.spec.title = "Họp xã";
    restart(&h);
    MdRoomInfo info;
    md_room_info(h.room, &info);
    g_assert_true(info.locked);
    meeting_free(h.meeting);
}

static void test_confidential(void)
{
    static const char *const sites[] = {"chair", "site", NULL};
    Hall h;
    hall_init(&h, &(MdRoomSpec){.name = "r", .confidential = true, .sites = sites}, NULL);
    DO(md_room_set_banner(h.room, "Nội dung riêng", false, 0, &error));
    md_room_lock(h.room, true);
    meeting_run_ms(h.meeting, 1500);
    g_assert_nonnull(strstr(h.meeting->scene, "\"locked\":true"));
    g_assert_null(strstr(h.meeting->scene, "Nội dung"));
    meeting_free(h.meeting);
}

/* Rows of a store may be damaged: whatever is there, the room is made. */
static void test_damaged(void)
{
    static const char *const odd[] = {"", "[]", "null", "{", "{\"version\":9}"};
    Hall h;
    hall_full(&h, &(MdRoomSpec){.name = "r"});
    arrange(&h);
    meeting_run_ms(h.meeting, 1500);
    g_autofree char *text = g_strdup(h.meeting->scene);
    meeting_free(h.meeting);
    for (unsigned i = 0; i < G_N_ELEMENTS(odd); i++) {
        hall_init(&h, &(MdRoomSpec){.name = "r"}, odd[i]);
        meeting_free(h.meeting);
    }
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    for (unsigned i = 0; i < 60; i++) { /* a value of another kind in some place */
        g_autofree char *bad = g_strdup(text);
        for (char *at = bad; *at != 0; at++)
            if (g_ascii_isdigit(*at) && g_rand_int_range(random, 0, 6) == 0)
                *at = "9-"[g_rand_int_range(random, 0, 2)];
            else if (strchr("{[", *at) != NULL && g_rand_int_range(random, 0, 40) == 0)
                *at = *at == '{' ? '[' : '{';
        hall_init(&h, &(MdRoomSpec){.name = "r"}, bad);
        come(&h, CHAIR);
        meeting_free(h.meeting);
    }
    g_auto(GStrv) words = g_strsplit(text, "\":", -1);
    for (unsigned i = 1; words[i] != NULL; i++) { /* well-formed, each member another kind in turn */
        g_autoptr(GString) bad = g_string_new(words[0]);
        for (unsigned k = 1; words[k] != NULL; k++)
            g_string_append_printf(bad, "\":%s%s", k == i ? "\"?\",\"was\":" : "", words[k]);
        hall_init(&h, &(MdRoomSpec){.name = "r"}, bad->str);
        md_room_lock(h.room, false);
        come(&h, SITE);
        meeting_free(h.meeting);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/keep/everything", test_everything);
    g_test_add_func("/keep/twice", test_twice);
    g_test_add_func("/keep/speaker", test_speaker);
    g_test_add_func("/keep/door", test_door);
    g_test_add_func("/keep/unproven", test_unproven);
    g_test_add_func("/keep/signed-out", test_signed_out);
    g_test_add_func("/keep/mute-all", test_mute_all);
    g_test_add_func("/keep/rung-by-address", test_rung_by_address);
    g_test_add_func("/keep/over", test_over);
    g_test_add_func("/keep/last-moment", test_last_moment);
    g_test_add_func("/keep/too-late", test_too_late);
    g_test_add_func("/keep/another-meeting", test_another_meeting);
    g_test_add_func("/keep/renamed", test_renamed);
    g_test_add_func("/keep/confidential", test_confidential);
    g_test_add_func("/keep/damaged", test_damaged);
    return g_test_run();
}
