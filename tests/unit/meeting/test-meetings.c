/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Meetings from the booking to the sheet, in virtual time. */
#include "tests/unit/meeting/desk.h"
#include <string.h>

static void test_life(void)
{
    Desk *desk = desk_new();
    g_autofree char *id = g_strdup(desk_book(desk, "Giao ban tuần", 30, 60, "a,b")->id);
    g_autofree char *room = g_strdup(desk->last->room);
    g_assert_cmpuint(desk_events(desk, "meeting.created"), ==, 1);
    desk_run_s(desk, 14 * 60);
    g_assert_cmpint(desk_state_of(desk, id), ==, MD_MEETING_SCHEDULED);
    g_assert_null(md_conference_find_room(desk->meeting->conference, room));
    desk_run_s(desk, 62); /* a quarter of an hour before the start */
    g_assert_cmpint(desk_state_of(desk, id), ==, MD_MEETING_OPEN);
    g_assert_nonnull(md_conference_find_room(desk->meeting->conference, room));
    g_assert_cmpuint(desk->meeting->dialer.calls->len, ==, 0);
    desk_run_s(desk, 15 * 60 + 2);
    g_assert_cmpint(desk_state_of(desk, id), ==, MD_MEETING_LIVE);
    g_assert_cmpuint(desk_events(desk, "meeting.started"), ==, 1);
    g_assert_cmpuint(desk->meeting->dialer.calls->len, ==, 2);
    desk_answer(desk_call_to(desk, "a"), "hz=400");
    desk_answer(desk_call_to(desk, "b"), "hz=500");
    desk_run_s(desk, 54 * 60);
    g_assert_cmpuint(desk_events(desk, "meeting.ending"), ==, 0);
    desk_run_s(desk, 2 * 60);
    g_assert_cmpuint(desk_events(desk, "meeting.ending"), ==, 1);
    desk_run_s(desk, 5 * 60); /* past the end, both are here */
    g_assert_cmpint(desk_state_of(desk, id), ==, MD_MEETING_LIVE);
    md_call_emit_closed(desk_call_to(desk, "a")->call, 200, "BYE");
    md_call_emit_closed(desk_call_to(desk, "b")->call, 603, "BYE");
    MdRoom *its = md_conference_find_room(desk->meeting->conference, room);
    g_assert_true(md_room_undial(its, "a", NULL)); /* would be rung again */
    desk_run_s(desk, 3);
    g_assert_cmpint(desk_state_of(desk, id), ==, MD_MEETING_ENDED); /* nobody is left */
    desk_run_s(desk, 12);
    g_assert_null(md_conference_find_room(desk->meeting->conference, room));
    g_assert_cmpuint(desk_events(desk, "meeting.ended"), ==, 1);
    desk_free(desk);
}

static void test_grace_and_limit(void)
{
    Desk *desk = desk_new();
    g_autoptr(MdBooking) wish = desk_wish(desk, "Họp dài", 1, 30, "a");
    wish->grace_min = 10;
    wish->record = true;
    g_autofree char *long_one = g_strdup(desk_put(desk, wish, NULL)->id);
    g_autoptr(MdBooking) other = desk_wish(desk, "Họp ngắn", 1, 30, "b");
    other->max_minutes = 5;
    g_autofree char *short_one = g_strdup(desk_put(desk, other, NULL)->id);
    desk_run_s(desk, 62);
    desk_answer(desk_call_to(desk, "a"), "hz=400");
    desk_answer(desk_call_to(desk, "b"), "hz=500");
    desk_run_s(desk, 4 * 60 + 50);
    g_assert_cmpint(desk->recorded, ==, 1);
    g_assert_cmpint(desk_state_of(desk, short_one), ==, MD_MEETING_LIVE);
    desk_run_s(desk, 15);
    g_assert_cmpint(desk_state_of(desk, short_one), ==, MD_MEETING_ENDED);
    g_assert_true(desk_call_to(desk, "b")->hung_up);
    desk_run_s(desk, 34 * 60);
    g_assert_cmpint(desk_state_of(desk, long_one), ==, MD_MEETING_LIVE); /* in its grace */
    desk_run_s(desk, 2 * 60);
    g_assert_cmpint(desk_state_of(desk, long_one), ==, MD_MEETING_ENDED);
    g_assert_cmpint(desk->recorded, ==, -1);
    desk_free(desk);
}

static void test_clash(void)
{
    Desk *desk = desk_new();
    desk_book(desk, "Giao ban", 60, 60, "a,b");
    g_autoptr(MdBooking) wish = desk_wish(desk, "Phòng chống bão", 90, 60, "b,c");
    GPtrArray *clashes = NULL;
    desk->waiting = true;
    md_meetings_put(desk->meetings, wish, NULL, "root", &clashes, desk_done, desk);
    desk_expect_error(desk, MD_MEETING_ERROR_CLASH);
    g_assert_nonnull(strstr(desk->error->message, "Xã b: Giao ban"));
    g_assert_cmpuint(clashes->len, ==, 1);
    g_assert_cmpstr(((const MdClash *)clashes->pdata[0])->name, ==, "Xã b");
    g_ptr_array_unref(clashes);
    const MdBooking *forced = desk_put(desk, wish, "Bão số 9 đổ bộ");
    g_assert_no_error(desk->error);
    g_assert_cmpstr(forced->forced_because, ==, "Bão số 9 đổ bộ");
    /* Two at one moment: the second sees the first though it is not in the store yet. */
    g_autoptr(MdBooking) x = desk_wish(desk, "Một", 600, 60, "z");
    md_meetings_put(desk->meetings, x, NULL, "root", NULL, NULL, NULL);
    desk->waiting = true;
    md_meetings_put(desk->meetings, x, NULL, "root", NULL, desk_done, desk);
    desk_expect_error(desk, MD_MEETING_ERROR_CLASH);
    desk_settle(desk);
    desk_free(desk);
}

static MdPinResult at_door(MdRoom *room, const char *pin)
{
    return md_room_try_pin(room, &(MdCallInfo){.account = (char *)"khach", .peer_host = (char *)"192.0.2.7"}, MD_ROLE_SITE, pin);
}

static char **at(MdBooking *b, unsigned i)
{
    return i == 0 ? &b->title : i == 1 ? &b->pin : &b->chair_pin;
}

static void rewrite(Desk *desk, const char *id, const char *title, const char *pin, const char *chair_pin)
{
    const char *const texts[] = {title, pin, chair_pin};
    g_autoptr(MdBooking) present = md_meetings_get(desk->meetings, id, NULL);
    g_autoptr(MdBooking) b = md_booking_copy(present);
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_free(*at(b, i));
        *at(b, i) = g_strdup(texts[i]);
    }
    g_assert_nonnull(desk_put(desk, b, NULL));
}

/* The room is open already, and somebody stands at its door. */
static void test_door(void)
{
    Desk *desk = desk_new();
    g_autoptr(GString) longest = g_string_new(NULL);
    for (unsigned i = 0; i < MD_BOOKING_TITLE_MAX; i++)
        g_string_append(longest, "ộ");
    g_autoptr(MdBooking) wish = desk_wish(desk, longest->str, 1, 60, "a");
    g_free(wish->pin);
    wish->pin = g_strdup("1234");
    g_autofree char *id = g_strdup(desk_put(desk, wish, NULL)->id);
    desk_run_s(desk, 62);
    g_autoptr(MdBooking) live = md_meetings_get(desk->meetings, id, NULL);
    MdRoom *room = md_conference_find_room(desk->meeting->conference, live->room);
    g_assert_nonnull(room);
    g_assert_cmpint(at_door(room, NULL), ==, MD_PIN_MISSING);
    g_assert_cmpint(at_door(room, "1234"), ==, MD_PIN_RIGHT);
    rewrite(desk, id, "Giao ban", "5678", "9876");
    g_assert_cmpint(at_door(room, "1234"), ==, MD_PIN_WRONG);
    g_assert_cmpint(at_door(room, "5678"), ==, MD_PIN_RIGHT);
    g_assert_cmpint(at_door(room, "9876"), ==, MD_PIN_CHAIR);
    MdRoomInfo info = {0};
    md_room_info(room, &info);
    g_assert_cmpstr(info.title, ==, "Giao ban");
    rewrite(desk, id, "Giao ban", "", "9876");
    g_assert_cmpint(at_door(room, NULL), ==, MD_PIN_NOT_NEEDED);
    g_assert_cmpint(at_door(room, "9876"), ==, MD_PIN_CHAIR);
    desk_free(desk);
}

static void test_change(void)
{
    Desk *desk = desk_new();
    g_autofree char *id = g_strdup(desk_book(desk, "Giao ban", 1, 60, "a,b")->id);
    g_autoptr(MdBooking) stale = md_booking_copy(desk->last);
    g_autoptr(MdBooking) wish = md_booking_copy(desk->last);
    wish->end_us += INT64_C(1800000000);
    g_assert_cmpint(desk_put(desk, wish, NULL)->version, ==, 2);
    desk_put(desk, stale, NULL); /* from what it was before */
    desk_expect_error(desk, MD_MEETING_ERROR_CHANGED);
    g_assert_nonnull(strstr(desk->error->message, "root"));
    desk_run_s(desk, 62);
    g_assert_nonnull(desk_call_to(desk, "b"));
    desk_answer(desk_call_to(desk, "a"), "hz=400");
    g_autoptr(MdBooking) live = md_meetings_get(desk->meetings, id, NULL);
    g_autoptr(MdBooking) moved = md_booking_copy(live);
    moved->start_us += INT64_C(3600000000);
    moved->end_us += INT64_C(3600000000);
    desk_put(desk, moved, NULL);
    desk_expect_error(desk, MD_MEETING_ERROR_STATE);
    g_autoptr(MdBooking) sites = md_booking_copy(live); /* b stays away, c comes */
    g_ptr_array_set_size(sites->sites, 1);
    md_booking_invite(sites, "c", "Xã C", NULL);
    g_assert_nonnull(desk_put(desk, sites, NULL));
    desk_run_s(desk, 2);
    g_assert_true(desk_call_to(desk, "b")->hung_up);
    g_assert_nonnull(desk_call_to(desk, "c"));
    g_assert_false(desk_call_to(desk, "a")->hung_up);
    g_autoptr(MdBooking) chaired = md_meetings_get(desk->meetings, id, NULL);
    g_autoptr(MdBooking) chair = md_booking_copy(chaired);
    g_free(chair->chair);
    chair->chair = g_strdup("a");
    g_assert_nonnull(desk_put(desk, chair, NULL)); /* it is here already: it chairs from now on */
    g_autoptr(GPtrArray) members = md_room_members(md_conference_find_room(desk->meeting->conference, live->room));
    g_assert_cmpint(((const MdMemberInfo *)members->pdata[0])->role, ==, MD_ROLE_CHAIR);
    desk->waiting = true;
    md_meetings_cancel(desk->meetings, id, "Hoãn vì bão", "root", desk_done, desk);
    while (desk->waiting)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(desk->last->state, ==, MD_MEETING_CANCELLED);
    g_assert_cmpstr(desk->last->cancelled_because, ==, "Hoãn vì bão");
    desk_run_s(desk, 12);
    g_assert_true(desk_call_to(desk, "a")->hung_up);
    desk_put(desk, live, NULL);
    desk_expect_error(desk, MD_MEETING_ERROR_STATE);
    desk_free(desk);
}

/* As the conference does: whose it is stands in the object. */
static void tell_floor(Desk *desk, const char *room, const char *type)
{
    const char *member = meeting_member(md_conference_find_room(desk->meeting->conference, room), 0);
    g_autofree char *json = g_strdup_printf("{\"room\":\"%s\",\"member\":\"%s\",\"reason\":\"chair\"}", room, member);
    md_meetings_room_event(desk->meetings, type, room, NULL, json);
}

static void test_attendance(void)
{
    Desk *desk = desk_new();
    g_autofree char *id = g_strdup(desk_book(desk, "Giao ban", 1, 60, "a,b")->id);
    g_autofree char *room = g_strdup(desk->last->room);
    desk_run_s(desk, 62);
    desk_answer(desk_call_to(desk, "a"), "hz=400");
    MdLeg *leg = NULL;
    meeting_join(desk->meeting, room, "khach", MD_ROLE_GUEST, "hz=500", &leg);
    for (unsigned i = 0; i < 120; i++) { /* packets for two minutes, pictures for one */
        md_stat_add(&fake_leg(0)->stats.audio_packets_received, 50);
        if (i < 60)
            md_stat_add(&fake_leg(0)->stats.video_frames_received, 15);
        if (i == 30)
            tell_floor(desk, room, "floor.given");
        if (i == 75)
            tell_floor(desk, room, "floor.ended");
        desk_run_s(desk, 1);
    }
    md_call_emit_closed(desk_call_to(desk, "a")->call, 603, "BYE");
    desk_run_s(desk, 60);
    g_autoptr(MdAttendance) a = md_meetings_attendance(desk->meetings, id, NULL);
    g_assert_cmpuint(a->attendees->len, ==, 3);
    const MdAttendee *site = a->attendees->pdata[0], *absent = a->attendees->pdata[1], *guest = a->attendees->pdata[2];
    g_assert_cmpstr(site->name, ==, "Xã a");
    g_assert_cmpint(ABS(site->present_s - 121), <=, 3);
    g_assert_cmpint(ABS(site->mic_s - 120), <=, 3);
    g_assert_cmpint(ABS(site->camera_s - 60), <=, 2);
    g_assert_cmpint(ABS(site->floor_s - 45), <=, 2);
    g_assert_cmpint(ABS(site->talk_s - 119), <=, 4); /* a tone all the time */
    g_assert_false(site->here);
    g_assert_cmpint(absent->first_us, ==, 0);
    g_assert_true(guest->here);
    g_assert_cmpint(guest->mic_s, ==, 0); /* nothing came of it */
    desk_free(desk);
}

/* Its line broke while it had the floor; it calls again and speaks on: all of it counts. */
static void test_floor_again(void)
{
    Desk *desk = desk_new();
    g_autofree char *id = g_strdup(desk_book(desk, "Giao ban", 1, 60, "a,b")->id);
    g_autofree char *room = g_strdup(desk->last->room);
    desk_run_s(desk, 62);
    desk_answer(desk_call_to(desk, "a"), "hz=400");
    desk_run_s(desk, 2);
    MdRoom *its = md_conference_find_room(desk->meeting->conference, room);
    g_assert_true(md_room_floor_give(its, meeting_member(its, 0), 0, NULL));
    desk_run_s(desk, 20);
    md_call_emit_closed(desk_call_to(desk, "a")->call, 603, "BYE");
    desk_run_s(desk, 10);
    meeting_join(desk->meeting, room, "a", MD_ROLE_SITE, "hz=400", NULL);
    desk_run_s(desk, 15);
    g_autoptr(MdAttendance) a = md_meetings_attendance(desk->meetings, id, NULL);
    const MdAttendee *site = a->attendees->pdata[0];
    g_assert_cmpuint(site->visits, ==, 2);
    g_assert_cmpint(ABS(site->floor_s - 35), <=, 2);
    desk_free(desk);
}

static void test_ended_in_the_room(void)
{
    Desk *desk = desk_new();
    g_autofree char *id = g_strdup(desk_book(desk, "Giao ban", 1, 60, "a")->id);
    g_autofree char *room = g_strdup(desk->last->room);
    desk_run_s(desk, 62);
    desk_answer(desk_call_to(desk, "a"), "hz=400");
    desk_run_s(desk, 10);
    md_room_end(md_conference_find_room(desk->meeting->conference, room)); /* the chair ends it for all */
    desk_run_s(desk, 20);
    g_assert_cmpint(desk_state_of(desk, id), ==, MD_MEETING_ENDED);
    g_assert_cmpuint(desk->meeting->dialer.calls->len, ==, 1); /* nobody is called back */
    g_assert_null(md_conference_find_room(desk->meeting->conference, room));
    desk_free(desk);
}

static void test_late_site(void)
{
    Desk *desk = desk_new();
    desk->meeting->dialer.refuse = true;
    desk_book(desk, "Giao ban", 1, 60, "a");
    desk_run_s(desk, 62 + 11 * 60); /* longer than it is rung for */
    g_assert_cmpuint(desk->meeting->dialer.calls->len, ==, 0);
    desk->meeting->dialer.refuse = false; /* it is switched on at last */
    desk_run_s(desk, 20);
    g_assert_cmpuint(desk->meeting->dialer.calls->len, ==, 1);
    desk_free(desk);
}

static void test_roles(void)
{
    Desk *desk = desk_new();
    bool refused = true;
    g_autoptr(MdBooking) wish = desk_wish(desk, "Mật", 1, 60, "a,b");
    g_free(wish->chair);
    wish->chair = g_strdup("a");
    wish->confidential = true;
    g_autofree char *room = g_strdup(desk_put(desk, wish, NULL)->room);
    g_assert_cmpint(md_meetings_role(desk->meetings, room, "x", MD_ROLE_GUEST, &refused), ==, MD_ROLE_GUEST);
    g_assert_false(refused); /* no room yet: not ours to say */
    desk_run_s(desk, 3);
    g_assert_cmpint(md_meetings_role(desk->meetings, room, "a", MD_ROLE_GUEST, &refused), ==, MD_ROLE_CHAIR);
    g_assert_false(refused);
    g_assert_cmpint(md_meetings_role(desk->meetings, room, "b", MD_ROLE_GUEST, &refused), ==, MD_ROLE_SITE);
    g_assert_false(refused);
    md_meetings_role(desk->meetings, room, "x", MD_ROLE_OPERATOR, &refused);
    g_assert_true(refused);
    md_meetings_role(desk->meetings, room, NULL, MD_ROLE_GUEST, &refused);
    g_assert_true(refused);
    g_assert_null(strstr(desk_last_event(desk, "meeting.opened"), "Mật")); /* its title is nobody's business */
    desk_free(desk);
}

typedef struct Codes {
    GPtrArray *codes; /* char* */
    char *id;
    GError *error;
    bool done;
} Codes;

static void coded(GPtrArray *codes, const GError *error, void *user)
{
    Codes *c = user;
    c->codes = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; codes != NULL && i < codes->len; i++) {
        const MdMeetingLink *code = codes->pdata[i];
        g_ptr_array_add(c->codes, g_strdup(code->code));
        g_free(c->id);
        c->id = g_strdup(code->id);
    }
    c->error = error != NULL ? g_error_copy(error) : NULL;
    c->done = true;
}

typedef struct Seat {
    char *room, *name, *account;
    MdRole role;
    bool past_lobby, done;
    GError *error;
} Seat;

static void seat_clear(Seat *seat)
{
    g_free(seat->room);
    g_free(seat->name);
    g_free(seat->account);
    g_clear_error(&seat->error);
    *seat = (Seat){0};
}

static void on_used(const MdMeetingCode *code, const GError *error, void *user)
{
    Seat *seat = user;
    seat->done = true;
    seat->error = error != NULL ? g_error_copy(error) : NULL;
    g_assert_true((code == NULL) == (error != NULL));
    if (code == NULL)
        return;
    seat->room = g_strdup(code->room);
    seat->name = g_strdup(code->name);
    seat->account = g_strdup(code->account);
    seat->role = code->role;
    seat->past_lobby = code->past_lobby;
}

static void use(Desk *desk, const char *code, const char *browser, Seat *seat)
{
    seat_clear(seat);
    md_meetings_use_code(desk->meetings, code, browser, on_used, seat);
    while (!seat->done)
        g_main_context_iteration(NULL, TRUE);
}

static void test_codes(void)
{
    Desk *desk = desk_new();
    g_autofree char *id = g_strdup(desk_book(desk, "Giao ban", 60, 60, "a,b")->id);
    g_autoptr(MdBooking) guests = md_booking_copy(desk->last);
    MdInvitee guest = {(char *)"", (char *)"Ông Nguyễn Văn Khách", (char *)"guest"};
    g_autoptr(GPtrArray) invitees = g_ptr_array_new();
    for (guint i = 0; i < guests->sites->len; i++)
        g_ptr_array_add(invitees, guests->sites->pdata[i]);
    g_ptr_array_add(invitees, &guest);
    Codes c = {0};
    md_meetings_make_codes(desk->meetings, id, invitees, "root", coded, &c);
    while (!c.done)
        g_main_context_iteration(NULL, TRUE);
    g_assert_no_error(c.error);
    g_assert_cmpuint(c.codes->len, ==, 3);
    g_assert_cmpuint(strlen(c.codes->pdata[0]), ==, 26);
    g_assert_cmpstr(c.codes->pdata[0], !=, c.codes->pdata[1]);
    Seat seat = {0};
    use(desk, c.codes->pdata[0], "browser-of-commune-a", &seat);
    g_assert_error(seat.error, MD_MEETING_ERROR, MD_MEETING_ERROR_EARLY);
    g_assert_nonnull(strstr(seat.error->message, "too early"));
    g_autoptr(GError) error = NULL;
    MdMeetingCode look = {0};
    g_assert_true(md_meetings_look_at_code(desk->meetings, c.codes->pdata[0], &look, &error));
    g_assert_cmpstr(look.meeting, ==, id);
    desk_stop(desk); /* and after a restart */
    desk_start(desk);
    desk_run_s(desk, 46 * 60);
    use(desk, c.codes->pdata[0], "browser-of-commune-a", &seat);
    g_assert_no_error(seat.error);
    g_assert_cmpstr(seat.account, ==, "a");
    g_assert_cmpstr(seat.name, ==, "Xã a");
    g_assert_cmpint(seat.role, ==, MD_ROLE_SITE);
    g_assert_true(seat.past_lobby);
    use(desk, c.codes->pdata[0], "a-browser-it-was-sent-on-to", &seat);
    g_assert_error(seat.error, MD_MEETING_ERROR, MD_MEETING_ERROR_STATE);
    use(desk, c.codes->pdata[0], "browser-of-commune-a", &seat); /* reloaded */
    g_assert_no_error(seat.error);
    g_autofree char *upper = g_ascii_strup(c.codes->pdata[2], -1); /* typed from paper */
    use(desk, upper, "a-guest's-browser-1", &seat);
    g_assert_no_error(seat.error);
    g_assert_null(seat.account);
    g_assert_cmpint(seat.role, ==, MD_ROLE_GUEST);
    g_assert_false(seat.past_lobby);
    use(desk, "00000000000000000000000000", "a-guest's-browser-1", &seat);
    g_assert_error(seat.error, MD_MEETING_ERROR, MD_MEETING_ERROR_NOT_FOUND);
    desk_stop(desk); /* whose it is, is remembered */
    desk_start(desk);
    desk_run_s(desk, 2);
    use(desk, c.codes->pdata[0], "a-browser-it-was-sent-on-to", &seat);
    g_assert_error(seat.error, MD_MEETING_ERROR, MD_MEETING_ERROR_STATE);
    desk->waiting = true; /* c.id is the guest's */
    md_meetings_revoke_code(desk->meetings, id, c.id, desk_done, desk);
    while (desk->waiting)
        g_main_context_iteration(NULL, TRUE);
    g_assert_no_error(desk->error);
    use(desk, c.codes->pdata[2], "a-guest's-browser-1", &seat);
    g_assert_error(seat.error, MD_MEETING_ERROR, MD_MEETING_ERROR_NOT_FOUND);
    g_autoptr(GPtrArray) all = md_meetings_codes(desk->meetings, id, &error);
    g_assert_cmpuint(all->len, ==, 3);
    for (guint i = 0; i < all->len; i++)
        g_assert_null(((const MdMeetingLink *)all->pdata[i])->code);
    desk_run_s(desk, 15 * 60 + 61 * 60 + 5); /* over: the grace is for those who are here */
    g_assert_cmpint(desk_state_of(desk, id), ==, MD_MEETING_ENDED);
    use(desk, c.codes->pdata[0], "browser-of-commune-a", &seat);
    g_assert_error(seat.error, MD_MEETING_ERROR, MD_MEETING_ERROR_NOT_FOUND);
    seat_clear(&seat);
    g_ptr_array_unref(c.codes);
    g_free(c.id);
    desk_free(desk);
}

static void collect(const MdChatMessage *message, void *user)
{
    g_string_append_printf(user, "%s>%s:%s;", message->name, message->to, message->text);
}

static void test_chat(void)
{
    Desk *desk = desk_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *id = g_strdup(desk_book(desk, "Giao ban", 1, 60, "a")->id);
    g_autofree char *room = g_strdup(desk->last->room);
    g_assert_false(md_meetings_chat(desk->meetings, room, NULL, "root", "root", "all", "sớm quá", &error));
    g_assert_error(error, MD_MEETING_ERROR, MD_MEETING_ERROR_NOT_FOUND);
    g_clear_error(&error);
    desk_run_s(desk, 62);
    desk_answer(desk_call_to(desk, "a"), "hz=400");
    desk_run_s(desk, 1);
    const char *member = meeting_member(md_conference_find_room(desk->meeting->conference, room), 0);
    g_assert_true(md_meetings_chat(desk->meetings, room, member, NULL, NULL, "all", " Chào\xe2\x80\xae cả nhà\n", &error));
    g_assert_true(md_meetings_chat(desk->meetings, room, member, NULL, NULL, "secretary", "Xin tài liệu", &error));
    g_assert_false(md_meetings_chat(desk->meetings, room, "m99", NULL, NULL, "all", "ai đó", &error));
    g_clear_error(&error);
    g_assert_false(md_meetings_chat(desk->meetings, room, member, NULL, NULL, "b", "x", &error));
    g_clear_error(&error);
    g_assert_false(md_meetings_chat(desk->meetings, room, member, NULL, NULL, "all", " \n ", &error));
    g_clear_error(&error);
    g_assert_cmpuint(desk->chat->len, ==, 0); /* not before it is kept */
    desk_settle(desk);
    g_assert_cmpuint(desk->chat->len, ==, 2);
    g_assert_cmpstr(desk->chat->pdata[0], ==, "all a: Chào cả nhà");
    g_assert_null(strstr(desk_last_event(desk, "chat.message"), "Xin")); /* the secretary's alone */
    g_autoptr(GString) told = g_string_new(NULL);
    g_autoptr(GString) whole = g_string_new(NULL);
    g_assert_true(md_meetings_chat_list(desk->meetings, id, false, collect, told, &error));
    g_assert_cmpstr(told->str, ==, "a>all:Chào cả nhà;");
    g_assert_true(md_meetings_chat_list(desk->meetings, id, true, collect, whole, &error));
    g_assert_cmpstr(whole->str, ==, "a>all:Chào cả nhà;a>secretary:Xin tài liệu;");
    unsigned sent = 0;
    for (unsigned i = 0; i < 20; i++)
        sent += md_meetings_chat(desk->meetings, room, member, NULL, NULL, "all", "!", NULL);
    g_assert_cmpuint(sent, ==, 3); /* five at once, two are used up */
    desk_free(desk);
}

static void listed(const GError *error, void *user)
{
    desk_done(NULL, error, user);
}

static void test_lists(void)
{
    Desk *desk = desk_new();
    const char *const accounts[] = {"a", "b", "sip:bo@example.vn", NULL};
    desk->waiting = true;
    md_site_list_put(desk->meetings, &(MdSiteList){.name = "thuong-truc", .title = "Thường trực", .accounts = accounts}, "root", listed, desk);
    while (desk->waiting)
        g_main_context_iteration(NULL, TRUE);
    g_assert_no_error(desk->error);
    desk->waiting = true;
    md_site_list_put(desk->meetings, &(MdSiteList){.name = "Thường trực", .title = "x", .accounts = accounts}, "root", listed, desk);
    desk_expect_error(desk, MD_MEETING_ERROR_INVALID);
    desk_stop(desk);
    desk_start(desk);
    const MdSiteList *list = md_site_list_find(desk->meetings, "thuong-truc");
    g_assert_nonnull(list);
    g_assert_cmpstr(list->accounts[2], ==, "sip:bo@example.vn");
    g_assert_null(list->accounts[3]);
    g_assert_cmpstr(list->changed_by, ==, "root");
    desk->waiting = true;
    md_site_list_remove(desk->meetings, "thuong-truc", listed, desk);
    while (desk->waiting)
        g_main_context_iteration(NULL, TRUE);
    g_assert_null(md_site_list_find(desk->meetings, "thuong-truc"));
    desk_free(desk);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/meeting/life", test_life);
    g_test_add_func("/meeting/grace-and-limit", test_grace_and_limit);
    g_test_add_func("/meeting/clash", test_clash);
    g_test_add_func("/meeting/change", test_change);
    g_test_add_func("/meeting/door", test_door);
    g_test_add_func("/meeting/attendance", test_attendance);
    g_test_add_func("/meeting/floor-again", test_floor_again);
    g_test_add_func("/meeting/ended-in-the-room", test_ended_in_the_room);
    g_test_add_func("/meeting/late-site", test_late_site);
    g_test_add_func("/meeting/roles", test_roles);
    g_test_add_func("/meeting/codes", test_codes);
    g_test_add_func("/meeting/chat", test_chat);
    g_test_add_func("/meeting/lists", test_lists);
    return g_test_run();
}
