/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What time does to a meeting: its room opens, sites are called, a warning, the end. Nothing is decided by what happened in this run of mediad:
 * the booking and the clock say what must be, so that a restart in the middle goes on. */
#include "mediad/meeting/private.h"
#include <string.h>

static const int64_t MINUTE_US = 60 * G_USEC_PER_SEC, WARN_US = 5 * 60 * G_USEC_PER_SEC, ROOM_AGAIN_US = 10 * G_USEC_PER_SEC,
                     LOOK_US = 15 * G_USEC_PER_SEC, GOODBYE_US = 8 * G_USEC_PER_SEC;

int64_t md_booking_limit_us(const MdBooking *b)
{
    int64_t limit_us = b->end_us + b->grace_min * MINUTE_US;
    if (b->max_minutes > 0 && b->started_us > 0)
        limit_us = MIN(limit_us, b->started_us + b->max_minutes * MINUTE_US);
    return limit_us;
}

/* --- rooms --- */

typedef struct Closing {
    int64_t at_us;             /* monotonic */
    char room[72];
} Closing;

MdRoom *md_meeting_room(Meeting *meeting)
{
    return md_conference_find_room(meeting->owner->o.conference, meeting->booking->room);
}

static bool is_closing(const MdMeetings *m, const char *room)
{
    for (guint i = 0; i < m->closing->len; i++)
        if (strcmp(((const Closing *)m->closing->pdata[i])->room, room) == 0)
            return true;
    return false;
}

/* Whom a confidential room lets in; NULL-terminated, borrowed strings. */
static const char **accounts_of(const MdBooking *b)
{
    const char *const posts[] = {b->chair, b->co_chair, b->secretary, b->technician};
    const char **accounts = g_new0(const char *, b->sites->len + G_N_ELEMENTS(posts) + 1);
    unsigned n = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(posts); i++)
        if (*posts[i] != 0 && md_booking_invitee(b, posts[i]) == NULL)
            accounts[n++] = posts[i];
    for (guint i = 0; i < b->sites->len; i++)
        accounts[n++] = ((const MdInvitee *)b->sites->pdata[i])->account;
    return accounts;
}

bool md_meeting_ensure_room(Meeting *meeting)
{
    MdMeetings *m = meeting->owner;
    const MdBooking *b = meeting->booking;
    g_autoptr(GError) error = NULL;
    MdRoom *room = md_meeting_room(meeting);
    if (room != NULL && b->confidential && !meeting->room_made) { /* somebody was here first: not in this one */
        md_conference_remove_room(m->o.conference, b->room, NULL);
        meeting->over = false;
        room = NULL;
    }
    if (room != NULL)
        return true;
    int64_t now_us = md_meetings_now_us(m);
    if (now_us < meeting->room_try_us || is_closing(m, b->room))
        return false;
    meeting->room_try_us = now_us + ROOM_AGAIN_US;
    g_autofree const char **sites = b->confidential ? accounts_of(b) : NULL;
    MdRoomSpec spec = {
        .name = b->room,
        .title = b->title,
        .pin = *b->pin != 0 ? b->pin : NULL,
        .chair_pin = *b->chair_pin != 0 ? b->chair_pin : NULL,
        .max_members = MIN(1000u, b->sites->len * 2 + 100),
        .wait_for_chair = b->wait_for_chair,
        .mute_on_entry = b->mute_on_entry,
        .lobby = b->lobby,
        .security = b->confidential ? MD_SECURITY_REQUIRED : MD_SECURITY_PREFERRED,
        .layout = MD_LAYOUT_AUTO,
        .language = *b->language != 0 ? b->language : NULL,
        .confidential = b->confidential,
        .sites = sites,
    };
    if (md_conference_create_room(m->o.conference, &spec, &error) == NULL) {
        md_error(&m->logger, "meeting %s (%s): its room %s cannot be made, nobody gets in: %s", b->id, b->confidential ? "confidential" : b->title, b->room, error->message);
        return false;
    }
    meeting->room_made = true;
    meeting->dialled = meeting->went_on && md_room_was_rung(md_meeting_room(meeting)); /* whom the chair sent out stays out */
    return true;
}

static void close_room(Meeting *meeting, const MdBooking *booking)
{
    MdMeetings *m = meeting->owner;
    MdRoom *room = md_conference_find_room(m->o.conference, booking->room);
    if (room == NULL)
        return;
    md_room_end(room); /* says so, then hangs up */
    if (!meeting->room_made)
        return;
    Closing *closing = g_new0(Closing, 1);
    closing->at_us = md_meetings_now_us(m) + GOODBYE_US;
    g_strlcpy(closing->room, booking->room, sizeof closing->room);
    g_ptr_array_add(m->closing, closing);
}

void md_meetings_run_closing(MdMeetings *m, bool all)
{
    int64_t now_us = md_meetings_now_us(m);
    for (guint i = m->closing->len; i-- > 0;) {
        const Closing *closing = m->closing->pdata[i];
        if (!all && now_us < closing->at_us)
            continue;
        md_conference_remove_room(m->o.conference, closing->room, NULL);
        g_ptr_array_remove_index(m->closing, i);
    }
}

/* --- calling the sites --- */

static void dial(Meeting *meeting, GPtrArray *accounts, MdRole role)
{
    MdMeetings *m = meeting->owner;
    MdRoom *room = md_meeting_room(meeting);
    g_autoptr(GError) error = NULL;
    if (room == NULL || accounts->len == 0)
        return;
    g_ptr_array_add(accounts, NULL);
    const MdBooking *b = meeting->booking;
    if (!md_room_dial(room, (const char *const *)accounts->pdata, role, true, &error))
        md_warning(&m->logger, "meeting %s (%s): %u sites cannot be called: %s", b->id, b->confidential ? "confidential" : b->title, accounts->len - 1, error->message);
}

/* only: a set of accounts, NULL all. A call for each role. */
static void dial_sites(Meeting *meeting, GHashTable *only)
{
    const MdBooking *b = meeting->booking;
    for (MdRole role = 0; role < MD_ROLE_MAX; role++) {
        g_autoptr(GPtrArray) accounts = g_ptr_array_new();
        for (guint i = 0; i < b->sites->len; i++) {
            const MdInvitee *invitee = b->sites->pdata[i];
            const char *is = md_booking_role(b, invitee->account);
            if (md_meeting_role_from(is) == role && (only == NULL || g_hash_table_contains(only, invitee->account)))
                g_ptr_array_add(accounts, invitee->account);
        }
        dial(meeting, accounts, role);
    }
}

/* A site that was switched off until it was given up is called once more when it signs in. */
static void look_for_late(Meeting *meeting, MdRoom *room)
{
    MdMeetings *m = meeting->owner;
    int64_t now_us = md_meetings_now_us(m);
    MdDialer *dialer = m->o.dialer;
    if (now_us < meeting->look_us || dialer == NULL || dialer->is_registered == NULL)
        return;
    meeting->look_us = now_us + LOOK_US;
    g_autoptr(GHashTable) back = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GPtrArray) dials = md_room_dials(room);
    for (guint i = 0; i < dials->len; i++) {
        const MdDialInfo *info = dials->pdata[i];
        if (info->state != MD_DIAL_GIVEN_UP || strchr(info->target, ':') != NULL)
            continue;
        if (!dialer->is_registered(dialer, info->target))
            g_hash_table_add(meeting->away, g_strdup(info->target));
        else if (g_hash_table_remove(meeting->away, info->target))
            g_hash_table_add(back, g_strdup(info->target));
    }
    if (g_hash_table_size(back) > 0)
        dial_sites(meeting, back);
}

/* The list of those invited has changed while the meeting goes on. */
static void follow_sites(Meeting *meeting, const MdBooking *before)
{
    const MdBooking *b = meeting->booking;
    MdRoom *room = md_meeting_room(meeting);
    if (room == NULL || !meeting->dialled)
        return;
    g_autoptr(GHashTable) more = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < b->sites->len; i++) {
        const MdInvitee *invitee = b->sites->pdata[i];
        if (md_booking_invitee(before, invitee->account) == NULL)
            g_hash_table_add(more, invitee->account);
    }
    if (g_hash_table_size(more) > 0)
        dial_sites(meeting, more);
    for (guint i = 0; i < before->sites->len; i++) {
        const MdInvitee *invitee = before->sites->pdata[i];
        if (md_booking_invitee(b, invitee->account) == NULL)
            md_room_undial(room, invitee->account, NULL);
    }
}

static void set_recording(Meeting *meeting, bool record)
{
    MdMeetings *m = meeting->owner;
    if (meeting->recording == record || m->on_record == NULL)
        return;
    meeting->recording = record;
    m->on_record(meeting->booking, record, m->record_user);
}

/* Whoever is in the room and was given another part gets it now. */
static void follow_roles(Meeting *meeting, const MdBooking *before)
{
    MdRoom *room = md_meeting_room(meeting);
    g_autoptr(GPtrArray) members = room != NULL ? md_room_members(room) : g_ptr_array_new();
    for (guint i = 0; i < members->len; i++) {
        const MdMemberInfo *info = members->pdata[i];
        const char *was = md_booking_role(before, info->account), *is = md_booking_role(meeting->booking, info->account);
        if (is != NULL && g_strcmp0(was, is) != 0)
            md_room_set_role(room, info->id, md_meeting_role_from(is), NULL);
    }
}

/* Its room is open already: the name and the PINs that were changed hold from now on. A standing room keeps its own. */
static void follow_door(Meeting *meeting, const MdBooking *before)
{
    const MdBooking *b = meeting->booking;
    MdRoom *room = meeting->room_made ? md_meeting_room(meeting) : NULL;
    g_autoptr(GError) error = NULL;
    if (room == NULL || (strcmp(before->title, b->title) == 0 && strcmp(before->pin, b->pin) == 0 && strcmp(before->chair_pin, b->chair_pin) == 0))
        return;
    if (!md_room_set_door(room, b->title, b->pin, b->chair_pin, &error))
        md_error(&meeting->owner->logger, "meeting %s: its room keeps name and PINs: %s", b->id, error->message);
}

void md_meeting_follow(Meeting *meeting, const MdBooking *before)
{
    MdMeetings *m = meeting->owner;
    const MdBooking *b = meeting->booking;
    bool was_there = before->state == MD_MEETING_OPEN || before->state == MD_MEETING_LIVE;
    bool there = b->state == MD_MEETING_OPEN || b->state == MD_MEETING_LIVE;
    if (there) {
        g_hash_table_replace(m->by_room, g_strdup(b->room), meeting);
        md_meeting_ensure_room(meeting);
        if (b->state == MD_MEETING_LIVE)
            follow_sites(meeting, before);
        follow_roles(meeting, before);
        follow_door(meeting, before);
    } else if (was_there) {
        set_recording(meeting, false);
        md_visits_end(meeting, "meeting ended");
        close_room(meeting, before);
    }
    if (b->state != MD_MEETING_SCHEDULED && b->state != MD_MEETING_OPEN)
        md_trial_abort(meeting);
    if (b->end_us != before->end_us)
        meeting->warned = false;
}

/* --- the clock --- */

static void step(Meeting *meeting, MdMeetingState state, const char *event)
{
    MdMeetings *m = meeting->owner;
    int64_t now_us = md_meetings_wall_us(m);
    MdBooking *after = md_booking_copy(meeting->booking);
    after->state = state;
    if (state == MD_MEETING_OPEN || (state == MD_MEETING_LIVE && after->opened_us == 0))
        after->opened_us = now_us;
    if (state == MD_MEETING_LIVE)
        after->started_us = now_us;
    if (state == MD_MEETING_ENDED)
        after->ended_us = now_us;
    if (!after->confidential)
        md_notice(&m->logger, "meeting %s (%s): %s", after->id, after->title, md_meeting_state_to_string(state));
    md_meeting_change(meeting, after, event, NULL, NULL);
}

static bool is_empty(Meeting *meeting)
{
    MdRoom *room = md_meeting_room(meeting);
    MdRoomInfo info = {0};
    if (room != NULL)
        md_room_info(room, &info);
    return info.members == 0;
}

static void run_live(Meeting *meeting, int64_t wall_us)
{
    MdMeetings *m = meeting->owner;
    const MdBooking *b = meeting->booking;
    int64_t limit_us = md_booking_limit_us(b);
    if (meeting->over || wall_us >= limit_us || (wall_us >= b->end_us && is_empty(meeting))) {
        step(meeting, MD_MEETING_ENDED, "meeting.ended");
        return;
    }
    if (!md_meeting_ensure_room(meeting))
        return;
    if (!meeting->dialled) {
        meeting->dialled = true;
        if (b->dial)
            dial_sites(meeting, NULL);
    }
    set_recording(meeting, b->record);
    if (b->dial)
        look_for_late(meeting, md_meeting_room(meeting));
    if (!meeting->warned && wall_us >= MIN(b->end_us, limit_us) - WARN_US) {
        JsonObject *more = json_object_new();
        meeting->warned = true;
        json_object_set_int_member(more, "seconds_left", MAX(0, (MIN(b->end_us, limit_us) - wall_us) / G_USEC_PER_SEC));
        json_object_set_int_member(more, "limit_us", limit_us);
        md_meetings_tell(m, "meeting.ending", b, more);
    }
}

void md_meeting_run(Meeting *meeting)
{
    const MdBooking *b = meeting->booking;
    int64_t wall_us = md_meetings_wall_us(meeting->owner);
    if (meeting->pending != NULL)
        return;
    switch (b->state) {
    case MD_MEETING_SCHEDULED:
        if (wall_us >= md_booking_limit_us(b)) /* nobody was here to hold it */
            step(meeting, MD_MEETING_ENDED, "meeting.ended");
        else if (wall_us >= b->start_us)
            step(meeting, MD_MEETING_LIVE, "meeting.started");
        else if (wall_us >= b->start_us - b->open_min * MINUTE_US)
            step(meeting, MD_MEETING_OPEN, "meeting.opened");
        break;
    case MD_MEETING_OPEN:
        if (meeting->over) { /* ended for all before it began: it begins at its time all the same */
            meeting->over = false;
            meeting->room_try_us = 0;
        }
        if (wall_us >= b->start_us)
            step(meeting, MD_MEETING_LIVE, "meeting.started");
        else
            md_meeting_ensure_room(meeting);
        break;
    case MD_MEETING_LIVE:
        run_live(meeting, wall_us);
        break;
    default:
        break;
    }
}
