/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/meeting/desk.h"
#include <string.h>
#include <glib/gstdio.h>

enum { SOUND_MAX_S = 20, STEP_S = 2 };

static void on_event(const char *type, JsonNode *data, void *user)
{
    Desk *desk = user;
    g_autofree char *json = json_to_string(data, FALSE);
    g_ptr_array_add(desk->events, g_strdup_printf("%s %s", type, json));
    json_node_unref(data);
}

static void on_chat(const MdChatMessage *message, void *user)
{
    g_ptr_array_add(((Desk *)user)->chat, g_strdup_printf("%s %s: %s", message->to, message->name, message->text));
}

static void on_record(const MdBooking *booking, bool record, void *user)
{
    ((Desk *)user)->recorded = record ? 1 : -1;
}

static void on_room_event(const char *type, const char *room, const char *member, const char *json, void *user)
{
    Desk *desk = user;
    if (desk->meetings != NULL)
        md_meetings_room_event(desk->meetings, type, room, member, json);
}

void desk_start(Desk *desk)
{
    g_autoptr(GError) error = NULL;
    MdMeetingsOptions options = {.store = desk->store,
                                 .conference = desk->meeting->conference,
                                 .dialer = &desk->meeting->dialer.base,
                                 .on_event = on_event,
                                 .user = desk,
                                 .trial_calls = desk->trial_calls,
                                 .clock = &desk->meeting->clock.base};
    desk->meetings = md_meetings_new(&options, &error);
    g_assert_no_error(error);
    md_meetings_on_chat(desk->meetings, on_chat, desk);
    md_meetings_on_record(desk->meetings, on_record, desk);
    desk->meeting->tell = on_room_event;
    desk->meeting->tell_user = desk;
}

Desk *desk_new(void)
{
    g_autoptr(GError) error = NULL;
    Desk *desk = g_new0(Desk, 1);
    desk->dir = g_dir_make_tmp("mediad-meeting-XXXXXX", &error);
    g_assert_no_error(error);
    g_autofree char *path = g_build_filename(desk->dir, "t.sqlite", NULL);
    desk->store = md_store_open(path, md_meeting_migrations, md_meeting_n_migrations, NULL, &error);
    g_assert_no_error(error);
    desk->events = g_ptr_array_new_with_free_func(g_free);
    desk->chat = g_ptr_array_new_with_free_func(g_free);
    desk->meeting = meeting_new(&(MeetingSpec){.redial_first_s = 5, .redial_max_s = 60, .redial_give_up_s = 600});
    desk_start(desk);
    return desk;
}

void desk_stop(Desk *desk)
{
    int64_t us = md_clock_now_us(&desk->meeting->clock.base);
    desk->meeting->tell = NULL;
    md_conference_hold(desk->meeting->conference);
    if (desk->meeting->scenes > 0) {
        g_free(desk->scene);
        desk->scene = g_strdup(desk->meeting->scene);
    }
    md_meetings_free(desk->meetings);
    desk_settle(desk);
    meeting_free(desk->meeting);
    desk->meeting = meeting_new(&(MeetingSpec){.redial_first_s = 5, .redial_max_s = 60, .redial_give_up_s = 600, .before = desk->lasting ? desk->scene : NULL});
    md_virtual_clock_advance(&desk->meeting->clock, us - md_clock_now_us(&desk->meeting->clock.base));
    desk->meetings = NULL;
}

void desk_free(Desk *desk)
{
    desk->meeting->tell = NULL;
    md_meetings_free(desk->meetings);
    desk_settle(desk);
    meeting_free(desk->meeting);
    md_store_close(desk->store);
    g_autoptr(GDir) dir = g_dir_open(desk->dir, 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(desk->dir, name, NULL);
        g_unlink(path);
    }
    g_rmdir(desk->dir);
    g_ptr_array_unref(desk->events);
    g_ptr_array_unref(desk->chat);
    g_clear_error(&desk->error);
    md_booking_unref(desk->last);
    g_free(desk->dir);
    g_free(desk->scene);
    g_free(desk);
}

static bool nothing(MdDb *db, gpointer data, GError **error)
{
    return true;
}

static void nothing_done(bool ok, const GError *error, gpointer data, gpointer user)
{
    *(bool *)user = true;
}

/* Writes are done in order: when a last one has come back, so have all before it. */
void desk_settle(Desk *desk)
{
    bool done = false;
    md_store_write(desk->store, nothing, NULL, NULL, nothing_done, &done);
    while (!done)
        g_main_context_iteration(NULL, TRUE);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

void desk_run_s(Desk *desk, unsigned seconds)
{
    if (seconds > SOUND_MAX_S) { /* hours: nobody listens */
        for (unsigned step; seconds > 1; seconds -= step) {
            step = MIN(STEP_S, seconds - 1);
            md_virtual_clock_advance(&desk->meeting->clock, step * INT64_C(1000000));
            md_worker_step(desk->meeting->worker);
            md_mailbox_drain(desk->meeting->control, 0);
            md_conference_tick(desk->meeting->conference);
            md_meetings_tick(desk->meetings);
            desk_settle(desk);
        }
    }
    for (unsigned i = 0; i < seconds * 5; i++) {
        meeting_run_ms(desk->meeting, 200);
        md_meetings_tick(desk->meetings);
        if (i % 5 == 0)
            desk_settle(desk);
    }
    desk_settle(desk);
}

int64_t desk_wall_us(const Desk *desk)
{
    return md_clock_wall_us(&desk->meeting->clock.base);
}

unsigned desk_events(const Desk *desk, const char *type)
{
    g_autofree char *head = g_strdup_printf("%s {", type);
    unsigned n = 0;
    for (guint i = 0; i < desk->events->len; i++)
        n += g_str_has_prefix(desk->events->pdata[i], head);
    return n;
}

const char *desk_last_event(const Desk *desk, const char *type)
{
    g_autofree char *head = g_strdup_printf("%s {", type);
    for (guint i = desk->events->len; i-- > 0;)
        if (g_str_has_prefix(desk->events->pdata[i], head))
            return (const char *)desk->events->pdata[i] + strlen(head) - 1;
    return NULL;
}

void desk_done(const MdBooking *booking, const GError *error, void *user)
{
    Desk *desk = user;
    md_booking_unref(desk->last);
    desk->last = booking != NULL ? md_booking_ref(booking) : NULL;
    g_clear_error(&desk->error);
    desk->error = error != NULL ? g_error_copy(error) : NULL;
    desk->waiting = false;
}

MdBooking *desk_wish(Desk *desk, const char *title, int in_min, int minutes, const char *sites)
{
    MdBooking *wish = md_booking_new();
    g_free(wish->title);
    wish->title = g_strdup(title);
    wish->start_us = desk_wall_us(desk) + in_min * INT64_C(60000000);
    wish->end_us = wish->start_us + minutes * INT64_C(60000000);
    wish->trial = false;
    g_auto(GStrv) accounts = g_strsplit(sites, ",", -1);
    for (char **account = accounts; *account != NULL; account++) {
        g_autofree char *name = g_strdup_printf("Xã %s", *account);
        md_booking_invite(wish, *account, name, NULL);
    }
    return wish;
}

const MdBooking *desk_put(Desk *desk, const MdBooking *wish, const char *force)
{
    desk->waiting = true;
    md_meetings_put(desk->meetings, wish, force, "root", NULL, desk_done, desk);
    while (desk->waiting)
        g_main_context_iteration(NULL, TRUE);
    return desk->last;
}

const MdBooking *desk_book(Desk *desk, const char *title, int in_min, int minutes, const char *sites)
{
    g_autoptr(MdBooking) wish = desk_wish(desk, title, in_min, minutes, sites);
    const MdBooking *booking = desk_put(desk, wish, NULL);
    g_assert_no_error(desk->error);
    return booking;
}

void desk_expect_error(Desk *desk, MdMeetingError code)
{
    while (desk->waiting)
        g_main_context_iteration(NULL, TRUE);
    g_assert_error(desk->error, MD_MEETING_ERROR, (int)code);
    g_assert_null(desk->last);
}

void desk_answer(FakeCall *call, const char *sdp)
{
    md_call_emit_sdp(call->call, MD_SDP_ANSWER, sdp);
    md_call_emit_established(call->call);
}

FakeCall *desk_call_to(Desk *desk, const char *target)
{
    FakeCall *found = NULL;
    for (guint i = 0; i < desk->meeting->dialer.calls->len; i++) {
        FakeCall *call = desk->meeting->dialer.calls->pdata[i];
        if (strcmp(call->target, target) == 0)
            found = call;
    }
    return found;
}

MdMeetingState desk_state_of(Desk *desk, const char *id)
{
    g_autoptr(MdBooking) b = md_meetings_get(desk->meetings, id, NULL);
    g_assert_nonnull(b);
    return b->state;
}
